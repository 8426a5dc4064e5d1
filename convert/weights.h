/* Files of weights: from bytes to named tensors, and with a topology to a graph.
 *
 * The formats are the table of convert/read/reader.h; nothing here knows one by name.
 */
#ifndef SNN_CONVERT_WEIGHTS_H
#define SNN_CONVERT_WEIGHTS_H

#include <stddef.h>

#include "convert/read/reader.h"
#include "snn/context.h"
#include "snn/graph.h"

/* Of readers at least so sure that the bytes are theirs (1 to 100) the surest, or NULL. */
const struct snnconv_reader *snnconv_weights_reader(const unsigned char *bytes, size_t size,
                                                    int least);

/* Reads a file of weights that is in memory with the reader that is surest of it. `out` is to be
 * initialised, and destroyed even after an error. Errors: those of the reader; FORMAT if there is
 * none. */
int snnconv_weights_read(struct snnconv_tensors *out, struct snn_context *context,
                         const struct snnconv_file *file);

/* What snn_graph_load_weights does, of a file in memory; *format_out, which stays, says what it
 * was: "PyTorch state dictionary and a topology". */
int snnconv_weights_load(struct snn_graph **out, struct snn_context *context,
                         const char *topology_path, const struct snnconv_file *file,
                         const char **format_out);

#endif
