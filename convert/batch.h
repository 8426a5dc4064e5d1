/* Frames through the graph, many at a time: what every calibration pass stands on.
 *
 * A batch holds one evaluator a frame. First all frames are evaluated, in parallel; then every
 * reader (a channel's histogram, a layer's sum) looks at all frames of the batch in order, readers
 * in parallel. Whoever counts or adds is therefore one worker that sees the frames in their order,
 * and no result depends on the number of threads.
 */
#ifndef SNN_CONVERT_BATCH_H
#define SNN_CONVERT_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snn/calibrate.h"
#include "snn/context.h"
#include "snn/graph.h"

/* Frames of a full batch; local threshold balancing takes one step a batch. */
#define SNNCONV_BATCH_FRAMES 50u

/* Frames run in all passes, told to the caller. */
struct snnconv_progress {
    const struct snn_calibrate_options *options;
    uint64_t done;
    uint64_t total; /* the caller knows how many passes there will be */
};

/* Errors: CANCELLED. Called on the calling thread of a calibration only. */
int snnconv_progress_report(struct snnconv_progress *progress, struct snn_context *context,
                            uint64_t done);

struct snnconv_batch {
    struct snn_context *context;
    const struct snn_graph *graph;
    const struct snn_frames *frames;
    struct snnconv_progress *progress;
    unsigned threads;
    uint32_t *neuronal; /* [neuronal_count]: the layers that calibration is about */
    uint32_t neuronal_count;
    struct snn_evaluator **evaluators; /* [capacity] */
    float *intensity;                  /* [capacity][input] */
    uint32_t capacity;
    uint32_t count; /* frames in the batch now */
    uint64_t first; /* index of the first of them */
};

/* `whole` asks for batches of SNNCONV_BATCH_FRAMES whatever memory they take; otherwise large nets
 * get smaller ones. The arguments are borrowed. Errors: NOMEM, LIMIT (see snn_evaluator_create). */
int snnconv_batch_init(struct snnconv_batch *batch, struct snn_context *context,
                       const struct snn_graph *graph, const struct snn_frames *frames,
                       struct snnconv_progress *progress, bool whole);
void snnconv_batch_fini(struct snnconv_batch *batch);

/* Reads the next frames into the input layers. False at the end of a pass; the call after that
 * starts the next. */
bool snnconv_batch_next(struct snnconv_batch *batch);

/* Evaluates one layer, or all, for every frame of the batch. */
void snnconv_batch_layer(struct snnconv_batch *batch, uint32_t layer);
void snnconv_batch_run(struct snnconv_batch *batch);

/* Calls `item` for 0 .. count - 1, each once, from several threads. */
void snnconv_batch_each(const struct snnconv_batch *batch, size_t count,
                        void (*item)(size_t index, void *user), void *user);

/* Values of channel `channel` (or of the whole layer: SNNCONV_ALL_CHANNELS) in frame `frame` of the
 * batch. */
#define SNNCONV_ALL_CHANNELS UINT32_MAX
const float *snnconv_batch_values(const struct snnconv_batch *batch, uint32_t frame, uint32_t layer,
                                  uint32_t channel, size_t *count_out);

/* Ends a batch. Errors: CANCELLED. */
int snnconv_batch_report(struct snnconv_batch *batch);

#endif
