/* Data that a net is run on, as every tool finds it: the sample that a model file names for itself,
 * and the steps that recordings take.
 */
#ifndef TOOLS_CLI_DATASET_H
#define TOOLS_CLI_DATASET_H

#include "snn/graph.h"
#include "snn/stream.h"
#include "tools/cli/message.h"

#define SNNCLI_TIMESTEPS_MAX 1000000

/* Paths, allocated. */
struct snncli_sample {
    char *images; /* NULL: the model names none */
    char *labels; /* NULL: likewise */
};

/* The model's own, seen from the folder of its file. Returns SNNCLI_EXIT_OK or NO_MEMORY. */
int snncli_sample_find(struct snncli_sample *out, struct snncli_console *console, const char *model,
                       const struct snn_graph *graph);
void snncli_sample_release(struct snncli_sample *sample);

/* What a path seems to hold. A view that names columns says that it is a table of events. */
enum snn_source_kind snncli_data_kind(struct snn_context *context, const char *path,
                                      const char *view);

/* As many steps of `dt_us` as the longest of the recordings `path` takes. Returns SNNCLI_EXIT_OK
 * or, where they are too many, USAGE. */
int snncli_recorded_steps(uint32_t *out, struct snncli_console *console,
                          const struct snn_source *source, const char *path, double dt_us);

/* Warns where recordings take longer than the steps that were asked for, and says how much is seen
 * of them. */
void snncli_warn_cut(struct snncli_console *console, const struct snn_source *source,
                     const char *path, uint32_t steps, double dt_us);

#endif
