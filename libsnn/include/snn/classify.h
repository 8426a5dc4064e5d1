/* Classification in a few lines: a model on a target, from open to prediction.
 *
 * It does what the tools do with their defaults: import of any model file, thresholds of the 99.9 %
 * quantile where the model has statistics (else 1), chip arithmetic and placement for a target that
 * is a chip. A classifier that could not be opened stays NULL, and every function given NULL only
 * returns the status of the context, so that one look at the end is enough.
 */
#ifndef SNN_CLASSIFY_H
#define SNN_CLASSIFY_H

#include <stddef.h>
#include <stdint.h>

#include "snn/context.h"
#include "snn/export.h"
#include "snn/graph.h"
#include "snn/net.h"
#include "snn/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

struct snn_classify_options {
    uint32_t timesteps; /* 0: 100 */
    double dt_us;       /* of a step; 0: a chip program's own, else 1000 */
    enum snn_encoding encoding;
    uint64_t seed;
    const char *norm; /* as snn_norm_parse; NULL: as said above */
    enum snn_max_pool max_pool;
};

struct snn_prediction {
    int32_t class_index;    /* after all steps; -1: none */
    int32_t first_class;    /* of the first output spike; -1: there was none, or no spikes */
    uint32_t first_step;    /* in which it came, from 1; 0: none */
    uint32_t class_count;   /* as many as there are counts or values */
    const uint32_t *counts; /* spikes of each class; NULL of a target that takes frames */
    const float *values;    /* of each class, of such a target; else NULL */
};

struct snn_classifier;

/* `model`: any model file, or a chip program; `target`: any URI (snn/target.h). `options` may be
 * NULL. Errors: those of import, lowering and target; LIMIT (the net does not fit the chip: the
 * first reason). */
SNN_API int snn_classifier_open(struct snn_classifier **out, struct snn_context *context,
                                const char *model, const char *target,
                                const struct snn_classify_options *options);
/* Of NULL nothing is left to close. */
SNN_API void snn_classifier_close(struct snn_classifier **classifier);
/* What a sample has to look like; of NULL all 0. */
SNN_API struct snn_shape snn_classifier_shape(const struct snn_classifier *classifier);
/* A frame, intensities 0..1 [channels][height][width]. The arrays of *out are there until the next
 * call. Random encodings draw by the sample's index: here how many frames and recordings were given
 * before, whatever samples of sources came between. Errors: INVALID, those of the target. */
SNN_API int snn_classifier_frame(struct snn_classifier *classifier, struct snn_context *context,
                                 const float *intensity, struct snn_prediction *out);
/* Events of a recording, in the order of time, which begins at 0; those behind the last step are
 * not seen. Errors: UNSUPPORTED (a target that takes frames), INVALID, those of the target. */
SNN_API int snn_classifier_events(struct snn_classifier *classifier, struct snn_context *context,
                                  const struct snn_event *events, size_t count,
                                  struct snn_prediction *out);
/* Sample `index` of a source, of whatever kind, as the tools run it; NULL, one that could not be
 * opened, is as a NULL classifier. */
SNN_API int snn_classifier_sample(struct snn_classifier *classifier, struct snn_context *context,
                                  const struct snn_source *source, uint64_t index,
                                  struct snn_prediction *out);

#ifdef __cplusplus
}
#endif
#endif
