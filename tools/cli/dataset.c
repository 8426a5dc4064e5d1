/* The model's own sample, and the steps of recordings; see dataset.h.
 */
#include "tools/cli/dataset.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A path from the model file, seen from the model's folder; NULL without memory. */
static char *beside(const char *model, const char *name)
{
    const char *slash = strrchr(model, '/');
    const size_t folder = slash != NULL ? (size_t)(slash - model) + 1 : 0;
    const size_t size = folder + strlen(name) + 1;
    char *path = malloc(size);
    if (path == NULL) return NULL;
    memcpy(path, model, folder);
    memcpy(path + folder, name, size - folder);
    return path;
}

int snncli_sample_find(struct snncli_sample *out, struct snncli_console *console, const char *model,
                       const struct snn_graph *graph)
{
    const struct snn_provenance *from = snn_graph_provenance(graph);
    struct snncli_sample sample = {NULL, NULL};
    *out = sample;
    if (from->sample_images == NULL) return SNNCLI_EXIT_OK;
    sample.images = beside(model, from->sample_images);
    if (from->sample_labels != NULL) sample.labels = beside(model, from->sample_labels);
    if (sample.images != NULL && (sample.labels != NULL || from->sample_labels == NULL)) {
        *out = sample;
        return SNNCLI_EXIT_OK;
    }
    snncli_sample_release(&sample);
    return snncli_fail(console, SNNCLI_EXIT_NO_MEMORY, NULL, "%s", snn_status_text(SNN_ERR_NOMEM));
}

void snncli_sample_release(struct snncli_sample *sample)
{
    free(sample->images);
    free(sample->labels);
    *sample = (struct snncli_sample){NULL, NULL};
}

enum snn_source_kind snncli_data_kind(struct snn_context *context, const char *path,
                                      const char *view)
{
    if (view != NULL && strstr(view, "columns=") != NULL) return SNN_SOURCE_EVENTS;
    return snn_source_guess(context, path);
}

int snncli_recorded_steps(uint32_t *out, struct snncli_console *console,
                          const struct snn_source *source, const char *path, double dt_us)
{
    const double steps = floor((double)(snn_source_duration_us(source) - 1) / dt_us) + 1.0;
    if (steps <= SNNCLI_TIMESTEPS_MAX) {
        *out = (uint32_t)steps;
        return SNNCLI_EXIT_OK;
    }
    (void)snncli_fail(console, SNNCLI_EXIT_USAGE, "--dt",
                      "%s takes %.0f steps of %g ms, more than %d", path, steps, dt_us / 1000.0,
                      SNNCLI_TIMESTEPS_MAX);
    snncli_hint(console, "longer steps: --dt MS; or fewer of them: --timesteps N");
    return SNNCLI_EXIT_USAGE;
}

void snncli_warn_cut(struct snncli_console *console, const struct snn_source *source,
                     const char *path, uint32_t steps, double dt_us)
{
    const double longest = (double)snn_source_duration_us(source), seen = steps * dt_us;
    if (longest <= seen) return;
    snncli_warning(console, path,
                   "%u step%s of %g ms are %g ms of recordings that take up to %g ms: the rest is "
                   "left out",
                   steps, steps == 1 ? "" : "s", dt_us / 1000.0, seen / 1000.0, longest / 1000.0);
    snncli_hint(console, "all of it: no --timesteps, or longer steps: --dt %g",
                ceil(longest / steps) / 1000.0);
}
