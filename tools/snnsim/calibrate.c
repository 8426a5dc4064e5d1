/* Calibration for one run, see calibrate.h. What the model has already is computed anew where
 * frames are given, since they may be others.
 */
#include "tools/snnsim/calibrate.h"

#include <stdio.h>
#include <string.h>

#include "snn/calibrate.h"
#include "tools/cli/interrupt.h"
#include "tools/cli/progress.h"
#include "tools/cli/table.h"

struct job {
    struct snnsim_options *options;
    struct snn_context *context;
    struct snn_graph *graph;
    struct snn_target *target;
    struct snn_source *source;
    struct snncli_progress progress;
};

static bool show_progress(uint64_t done, uint64_t total, void *user)
{
    struct job *job = user;
    snncli_progress_update(&job->progress, done, total);
    return !snncli_interrupt_pending();
}

static void read_frame(uint64_t index, float *intensity, void *user)
{
    const struct job *job = user;
    snn_source_frame(job->source, index, intensity);
}

static int32_t read_label(uint64_t index, void *user)
{
    const struct job *job = user;
    return snn_source_label(job->source, index);
}

static void show_candidate(const struct snn_candidate *c, void *user)
{
    struct job *job = user;
    struct snncli_console *console = job->options->console;
    char steps[32] = "too few";
    if (c->timesteps > 0) (void)snprintf(steps, sizeof(steps), "%u", c->timesteps);
    snncli_note(console, "--norm auto", "%-6s %s steps: %s (CNN %s), %s SynOps%s", c->norm, steps,
                snncli_format_percent(c->accuracy).text,
                snncli_format_percent(c->cnn_accuracy).text, snncli_format_si(c->synops_mean).text,
                c->chosen ? ", chosen" : "");
}

static struct snn_probe probe_of(const struct job *job)
{
    const struct snnsim_options *o = job->options;
    return (struct snn_probe){.target = job->target,
                              .lower = &o->lower,
                              .timesteps = o->timesteps,
                              .encoding = o->encoding,
                              .seed = o->seed,
                              .frame_count = SNNSIM_PROBE_FRAMES};
}

/* Computes `recipes`, those that are measured with the options' corrections in place. */
static int compute(struct job *job, const char *const *recipes, uint32_t count)
{
    struct snnsim_options *o = job->options;
    const struct snn_probe probe = probe_of(job);
    const struct snn_frames frames = {
        .count = snn_source_count(job->source),
        .shape = snn_source_shape(job->source),
        .read = read_frame,
        .user = job,
        .label = snn_source_has_labels(job->source) ? read_label : NULL,
    };
    const struct snn_calibrate_options options = {
        .extra_quantile = &o->lower.quantile,
        .extra_quantile_count = o->lower.norm == SNN_NORM_QUANTILE ? 1 : 0,
        .recipes = recipes,
        .recipe_count = count,
        .probe = job->target != NULL ? &probe : NULL,
        .threads = o->threads,
        .data = o->calibrate,
        .progress = show_progress,
        .candidate = show_candidate,
        .user = job,
    };
    snncli_progress_init(&job->progress, o->console, "calibrating", NULL, 1);
    int status = snn_calibrate(job->graph, job->context, &frames, &options);
    snncli_progress_finish(&job->progress);
    return status == SNN_OK ? SNNCLI_EXIT_OK
                            : snncli_fail_context(o->console, job->context, "--calibrate");
}

/* The recipe `auto` says with how many steps it was chosen. */
static void take_auto(struct job *job)
{
    struct snnsim_options *o = job->options;
    const struct snn_recipe *recipe = snn_graph_find_recipe(job->graph, "auto");
    if (o->norm == NULL || strcmp(o->norm, "auto") != 0 || recipe == NULL) return;
    if (!o->given[OPT_TIMESTEPS] && recipe->timesteps > 0) o->timesteps = recipe->timesteps;
    (void)snprintf(o->norm_text, sizeof(o->norm_text), "auto (%s)",
                   recipe->norm != NULL ? recipe->norm : "?");
}

/* Corrections by what they are; a whole name is taken as it is. */
static void name_corrections(struct job *job)
{
    struct snnsim_options *o = job->options;
    for (uint32_t i = 0; i < o->correct_count; i++) {
        struct snn_probe probe = probe_of(job);
        const char *asked = o->corrects[i];
        o->corrections[i] = asked;
        if (strchr(asked, '@') == NULL) {
            snn_recipe_name(o->correct_names[i], sizeof(o->correct_names[i]), asked, &probe);
            o->corrections[i] = o->correct_names[i];
        }
        o->lower.corrections = o->corrections;
        o->lower.correction_count = i + 1;
        size_t used = strlen(o->norm_text);
        (void)snprintf(o->norm_text + used, sizeof(o->norm_text) - used, " + %.*s",
                       (int)strcspn(asked, "+:@"), asked);
    }
}

/* Whole names in front, which are of recipes that are there: they are in place for what is measured
 * and named behind them. */
static void place_first(struct snnsim_options *o)
{
    uint32_t count = 0;
    while (count < o->correct_count && strchr(o->corrects[count], '@') != NULL) {
        o->corrections[count] = o->corrects[count];
        count++;
    }
    o->lower.corrections = o->corrections;
    o->lower.correction_count = count;
}

/* The norm first: auto may set the steps that corrections are measured with. */
static int run(struct job *job)
{
    struct snnsim_options *o = job->options;
    const bool automatic = o->norm != NULL && strcmp(o->norm, "auto") == 0;
    const char *recipes[SNNSIM_CORRECTS_MAX + 1];
    uint32_t count = 0;
    if (o->lower.norm == SNN_NORM_RECIPE) recipes[count++] = o->lower.recipe;
    if (automatic && o->correct_count > 0) {
        int status = compute(job, recipes, count);
        if (status != SNNCLI_EXIT_OK) return status;
        count = 0;
    }
    if (automatic) take_auto(job);
    place_first(o);
    for (uint32_t i = 0; i < o->correct_count; i++) {
        if (strchr(o->corrects[i], '@') == NULL) recipes[count++] = o->corrects[i];
    }
    return compute(job, recipes, count);
}

static int calibrate(struct job *job)
{
    const struct snnsim_options *o = job->options;
    const struct snn_source_options none = {.labels = NULL};
    if (snn_source_open(&job->source, job->context, o->calibrate, SNN_SOURCE_FRAMES, &none) !=
        SNN_OK)
        return snncli_fail_context(o->console, job->context, "--calibrate");
    int status = run(job);
    snn_source_close(&job->source);
    return status;
}

int snnsim_calibrate(struct snnsim_options *options, struct snn_context *context,
                     struct snn_graph *graph, struct snn_target *target)
{
    struct job job = {.options = options, .context = context, .graph = graph, .target = target};
    int status = options->calibrate != NULL ? calibrate(&job) : SNNCLI_EXIT_OK;
    if (status != SNNCLI_EXIT_OK) return status;
    (void)snprintf(options->norm_text, sizeof(options->norm_text), "%s",
                   options->norm != NULL ? options->norm : "none");
    take_auto(&job);
    if (target != NULL) name_corrections(&job);
    return SNNCLI_EXIT_OK;
}
