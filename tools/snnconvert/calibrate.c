/* Calibration: training frames through the graph, and through the spiking net on a target for what
 * is measured there.
 */
#include <stdio.h>
#include <string.h>

#include "tools/cli/interrupt.h"
#include "tools/cli/table.h"
#include "tools/snnconvert/session.h"

const char *snnconvert_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static bool show_progress(uint64_t done, uint64_t total, void *user)
{
    struct snnconvert_session *s = user;
    snncli_progress_update(&s->progress, done, total);
    return !snncli_interrupt_pending();
}

static void read_frame(uint64_t index, float *intensity, void *user)
{
    const struct snnconvert_session *s = user;
    snn_source_frame(s->source, index, intensity);
}

static int32_t read_label(uint64_t index, void *user)
{
    const struct snnconvert_session *s = user;
    return snn_source_label(s->source, index);
}

static int open_frames(struct snnconvert_session *s, struct snn_frames *out)
{
    const struct snn_source_options options = {.labels = NULL};
    if (snn_source_open(&s->source, s->context, s->options.calibrate, SNN_SOURCE_FRAMES,
                        &options) != SNN_OK)
        return snncli_fail_context(&s->console, s->context, NULL);
    uint64_t count = snn_source_count(s->source);
    struct snn_shape has = snn_source_shape(s->source), wants = snn_graph_input_shape(s->graph);
    if (s->options.samples > count)
        return snncli_fail(&s->console, SNNCLI_EXIT_DATA, s->options.calibrate,
                           "%llu frames, --samples asks for %llu", (unsigned long long)count,
                           (unsigned long long)s->options.samples);
    if (has.channels != wants.channels || has.height != wants.height || has.width != wants.width) {
        (void)snncli_fail(&s->console, SNNCLI_EXIT_DATA, s->options.calibrate,
                          "frames of %ux%ux%u for a model with an input of %ux%ux%u", has.channels,
                          has.height, has.width, wants.channels, wants.height, wants.width);
        if (has.channels == wants.height && has.height == wants.width &&
            has.width == wants.channels)
            snncli_hint(&s->console, "transpose to N,C,H,W: numpy.transpose(frames, (0, 3, 1, 2))");
        return SNNCLI_EXIT_DATA;
    }
    *out = (struct snn_frames){
        .count = s->options.samples > 0 ? s->options.samples : count,
        .shape = has,
        .read = read_frame,
        .user = s,
        .label = snn_source_has_labels(s->source) ? read_label : NULL,
    };
    return SNNCLI_EXIT_OK;
}

/* Recipes that are measured need a target, and its kind of net. */
static int open_probe(struct snnconvert_session *s, struct snn_probe *out)
{
    const struct snnconvert_options *o = &s->options;
    *out = (struct snn_probe){.lower = &o->lower,
                              .timesteps = o->timesteps,
                              .encoding = o->encoding,
                              .seed = o->seed,
                              .frame_count = SNNCONVERT_PROBE_FRAMES};
    if (snn_target_open(&s->target, s->context, o->target) != SNN_OK) {
        int status = snncli_fail_context(&s->console, s->context, "--target");
        return status == SNNCLI_EXIT_NO_INPUT ? SNNCLI_EXIT_NO_DEVICE : status;
    }
    out->target = s->target;
    if (snn_target_kind(s->target) == SNN_TARGET_SPIKING) return SNNCLI_EXIT_OK;
    return snncli_fail(&s->console, SNNCLI_EXIT_USAGE, "--target",
                       "%s takes frames; what is measured is measured on spikes", o->target);
}

static void show_candidate(const struct snn_candidate *c, void *user)
{
    struct snnconvert_session *s = user;
    char steps[32] = "too few";
    if (c->timesteps > 0) (void)snprintf(steps, sizeof(steps), "%u", c->timesteps);
    snncli_note(&s->console, "auto", "%-6s %s steps: %s (CNN %s), %s SynOps%s", c->norm, steps,
                snncli_format_percent(c->accuracy).text,
                snncli_format_percent(c->cnn_accuracy).text, snncli_format_si(c->synops_mean).text,
                c->chosen ? ", chosen" : "");
}

int snnconvert_calibrate(struct snnconvert_session *s)
{
    struct snn_frames frames;
    struct snn_probe probe;
    int status = open_frames(s, &frames);
    if (status == SNNCLI_EXIT_OK) status = open_probe(s, &probe);
    if (status != SNNCLI_EXIT_OK) return status;
    const struct snn_calibrate_options options = {
        .extra_quantile = s->options.quantiles,
        .extra_quantile_count = s->options.quantile_count,
        .recipes = s->options.recipes,
        .recipe_count = s->options.recipe_count,
        .probe = &probe,
        .threads = s->options.threads,
        .data = snnconvert_base_name(s->options.calibrate),
        .progress = show_progress,
        .candidate = show_candidate,
        .user = s,
    };
    snncli_progress_init(&s->progress, &s->console, "calibrating", NULL, 1);
    status = snn_calibrate(s->graph, s->context, &frames, &options);
    snncli_progress_finish(&s->progress);
    return status == SNN_OK ? SNNCLI_EXIT_OK : snncli_fail_context(&s->console, s->context, NULL);
}
