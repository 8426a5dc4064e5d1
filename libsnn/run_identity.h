/* What a run is, as lines of text NAME=VALUE in a fixed order: the SHA-256 of the text is the run's
 * fingerprint, and two texts tell what differs.
 */
#ifndef SNN_RUN_IDENTITY_H
#define SNN_RUN_IDENTITY_H

#include "libsnn/run_partial.h"

/* The lines of target and options, which are cheap. Appends; errors: NOMEM. */
int snnrun_identity_options(const struct snn_partial *partial, struct snn_context *context,
                            const struct snn_run_options *options, struct snnbase_buffer *out);

/* The lines of model, data and CNN, which take a look at all their bytes. */
int snnrun_identity_content(const struct snn_partial *partial, struct snn_context *context,
                            const struct snn_run_options *options, struct snnbase_buffer *out);

/* Says what differs between two texts, as "timesteps 100 there, 50 here; other data", at most
 * `size` bytes with the terminator. Both end with a zero byte. */
void snnrun_identity_compare(const char *there, const char *here, char *text, size_t size);

#endif
