/* Whether what a run is asked for goes together, before any of it is done.
 */
#ifndef SNN_RUN_CHECK_H
#define SNN_RUN_CHECK_H

#include "snn/run.h"

/* Of a run of spikes. Errors: those of snn_run that are known beforehand. */
int snnrun_check_spikes(struct snn_context *context, const struct snn_net *net,
                        const struct snn_source *source, const struct snn_run_options *options);

/* Of a run of frames. Errors: likewise those of snn_run_frames. */
int snnrun_check_frames(struct snn_context *context, const struct snn_target *target,
                        const struct snn_graph *graph, const struct snn_source *source,
                        const struct snn_run_options *options);

/* What they share: whether data of this shape with so many classes, and samples,
 * profile and CNN of the options, go together. Errors: INVALID, NOT_FOUND. */
int snnrun_check(struct snn_context *context, struct snn_shape shape, size_t class_count,
                 const struct snn_source *source, const struct snn_run_options *options);

/* Samples that were asked for. */
uint64_t snnrun_sample_count(const struct snn_source *source,
                             const struct snn_run_options *options);

/* Classes of a frame-based run: values of the graph's output. */
uint32_t snnrun_graph_classes(const struct snn_graph *graph);

#endif
