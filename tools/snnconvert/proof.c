/* The verification as a person reads it: one table, one line that says what it comes to.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli/table.h"
#include "tools/snnconvert/session.h"

enum { DATA_FRAMES = 8, RANDOM_FRAMES = 8, RATE_STEPS = 100 };

/* A proof is to take a second or two: so many multiply-accumulates for the comparison of all
 * frames, and a net up to so many is also run as spikes, which takes some hundred times as many
 * operations and twice the memory of the parameters. */
#define FRAME_MACS_MAX 4e9
#define RATE_MACS_MAX 5e7
#define RATE_PARAMETERS_MAX 4e6

/* Below, a layer's rates are called poor. */
#define PEARSON_POOR 0.9

/* The first calibration frames, allocated; none if there are none. */
static float *take_frames(const struct snnconvert_session *s, uint64_t *count_out)
{
    if (s->source == NULL) return NULL;
    size_t size = snn_shape_size(snn_graph_input_shape(s->graph));
    uint64_t count = snn_source_count(s->source);
    if (count > DATA_FRAMES) count = DATA_FRAMES;
    float *frames = calloc((size_t)count, size * sizeof(*frames));
    if (frames == NULL) return NULL;
    for (uint64_t i = 0; i < count; i++)
        snn_source_frame(s->source, i, frames + i * size);
    *count_out = count;
    return frames;
}

/* With statistics the net as it will be run, else without thresholds. */
static void choose_lowering(const struct snnconvert_session *s, struct snn_lower_options *lower)
{
    uint32_t quantiles = 0;
    uint64_t frames = 0;
    const char *data = NULL;
    snn_lower_options_init(lower);
    (void)snn_graph_quantiles(s->graph, &quantiles, &frames, &data);
    if (quantiles == 0) lower->norm = SNN_NORM_NONE;
    lower->max_pool =
        s->options.max_pool != SNN_MAX_POOL_REFUSE ? s->options.max_pool : SNN_MAX_POOL_AVG;
}

/* A net that no spiking target takes is compared without rates, and its user told so now rather
 * than by the run. */
static bool lowers(struct snnconvert_session *s, const struct snn_lower_options *lower)
{
    struct snn_context *quiet = NULL;
    struct snn_net *net = NULL;
    if (snn_context_create(&quiet, NULL) != SNN_OK) return false;
    bool good = snn_net_lower(&net, quiet, s->graph, lower) == SNN_OK;
    if (!good) {
        snncli_warning(&s->console, s->options.model, "does not run as spikes: %s",
                       snn_context_message(quiet));
        snncli_hint(&s->console, "frame-based targets take it: snnsim --target frame:f32");
    }
    snn_net_destroy(&net);
    snn_context_destroy(&quiet);
    return good;
}

static bool has_max_pool(const struct snn_graph *graph)
{
    for (uint32_t i = 0; i < snn_graph_layer_count(graph); i++) {
        if (snn_graph_layer(graph, i)->kind == SNN_LAYER_MAX_POOL2D) return true;
    }
    return false;
}

/* Rates that do not follow their activations will cost accuracy. */
static void warn_of_rates(struct snnconvert_session *s)
{
    const struct snn_verification *v = s->verification;
    uint32_t worst = v->layer_count;
    for (uint32_t i = 0; i < v->layer_count; i++) {
        bool poor = v->layers[i].pearson < PEARSON_POOR;
        if (poor && (worst == v->layer_count || v->layers[i].pearson < v->layers[worst].pearson))
            worst = i;
    }
    if (worst == v->layer_count) return;
    snncli_warning(&s->console, s->options.model,
                   "spike rates of layer '%s' follow its activations poorly: Pearson %.2f",
                   v->layers[worst].name, v->layers[worst].pearson);
    if (has_max_pool(s->graph))
        snncli_hint(&s->console, "max pooling has no exact spiking form: compare snnsim --max-pool "
                                 "avg and or, or train with average pooling");
    else
        snncli_hint(&s->console, "look at the accuracy on data: snnsim --data FRAMES");
}

static double count_macs(const struct snn_graph *graph)
{
    double macs = 0.0;
    for (uint32_t i = 0; i < snn_graph_layer_count(graph); i++)
        macs += (double)snn_graph_layer_macs(graph, i);
    return macs;
}

static bool small_enough(const struct snn_graph *graph)
{
    return count_macs(graph) <= RATE_MACS_MAX &&
           (double)snn_graph_parameter_count(graph) <= RATE_PARAMETERS_MAX;
}

/* Fewer frames of large nets, but one in any case. */
static void choose_frames(struct snn_verify_options *options, double macs)
{
    uint64_t most = macs * (DATA_FRAMES + RANDOM_FRAMES) > FRAME_MACS_MAX
                        ? (uint64_t)(FRAME_MACS_MAX / (macs + 1.0))
                        : DATA_FRAMES + RANDOM_FRAMES;
    if (options->frame_count > most / 2) options->frame_count = most / 2;
    uint64_t left = most - options->frame_count;
    options->random_frames = left < 1 ? 1 : left < RANDOM_FRAMES ? (uint32_t)left : RANDOM_FRAMES;
}

/* With --json - standard output is the document's, which has all this too. */
static bool talks(const struct snnconvert_session *s)
{
    bool json = s->options.json != NULL && strcmp(s->options.json, "-") == 0;
    return s->console.verbosity >= 0 && !json;
}

static bool has_rows(const struct snn_verification *v)
{
    for (uint32_t i = 1; i < v->layer_count; i++) {
        if (v->layers[i].compared || !isnan(v->layers[i].pearson)) return true;
    }
    return false;
}

static int print_table(const struct snnconvert_session *s)
{
    static const struct snncli_column columns[] = {{"layer", SNNCLI_LEFT},
                                                   {"deviation", SNNCLI_RIGHT},
                                                   {"of largest", SNNCLI_RIGHT},
                                                   {"rates: Pearson", SNNCLI_RIGHT},
                                                   {NULL, SNNCLI_LEFT}};
    const struct snn_verification *v = s->verification;
    struct snncli_table table;
    snncli_table_init(&table, columns);
    for (uint32_t i = 1; i < v->layer_count; i++) {
        const struct snn_verify_layer *layer = &v->layers[i];
        if (!layer->compared && isnan(layer->pearson)) continue;
        snncli_table_cell(&table, "%s", layer->name);
        if (layer->compared) {
            snncli_table_cell(&table, "%.1e", layer->deviation);
            snncli_table_cell(&table, "%.4g", layer->magnitude);
        } else {
            snncli_table_cell(&table, "%s", "");
            snncli_table_cell(&table, "%s", "");
        }
        if (isnan(layer->pearson))
            snncli_table_cell(&table, "%s", "");
        else
            snncli_table_cell(&table, "%.4f", layer->pearson);
    }
    int status = snncli_table_print(&table, stdout, s->console.utf8, s->console.out_color);
    snncli_table_fini(&table);
    return status == SNN_OK ? SNNCLI_EXIT_OK : SNNCLI_EXIT_NO_MEMORY;
}

/* The commonest slip: a net trained on something else than pixels / 255, of which no file tells. */
static void tell_assumption(const struct snnconvert_session *s)
{
    const struct snn_preprocess *p = snn_graph_preprocess(s->graph);
    bool plain = p->channel_count == 1 && p->mean[0] == 0.0 && p->std[0] == 1.0 &&
                 fabs(p->scale * 255.0 - 1.0) < 1e-12;
    bool foreign = strcmp(snn_import_format(s->import), "native") != 0;
    if (plain && foreign && !s->options.preprocess.given && !snn_graph_is_spiking(s->graph))
        printf("assumed: trained on pixels / 255; if not, say so by --preprocess\n");
}

static int judge(struct snnconvert_session *s)
{
    const struct snn_verification *v = s->verification;
    if (v->first_deviating < v->layer_count) {
        const struct snn_verify_layer *layer = &v->layers[v->first_deviating];
        (void)snncli_fail(&s->console, SNNCLI_EXIT_CHECK, s->options.model,
                          "layer '%s' deviates from the file by %.3g, its largest value is %.3g",
                          layer->name, layer->deviation, layer->magnitude);
        snncli_hint(&s->console, "nothing was written; --dump-after all shows each pass, "
                                 "--no-verify writes all the same");
        return SNNCLI_EXIT_CHECK;
    }
    if (v->comparable && !v->compared) {
        (void)snncli_fail(&s->console, SNNCLI_EXIT_CHECK, s->options.model,
                          "the output has no counterpart in the file: nothing is proved");
        snncli_hint(&s->console, "nothing was written; --no-verify writes all the same");
        return SNNCLI_EXIT_CHECK;
    }
    if (!talks(s)) return SNNCLI_EXIT_OK;
    tell_assumption(s);
    if (!small_enough(s->graph))
        printf("spike rates were not compared: the net is large, look at a run on data\n");
    if (v->compared)
        printf("verified against %s: %llu frames, %u of %u layers, output within %.1e, "
               "%llu decisions equal\n",
               snn_import_format(s->import), (unsigned long long)v->frame_count, v->compared_count,
               v->layer_count - 1, v->output_deviation, (unsigned long long)v->equal_decisions);
    else if (snn_graph_is_spiking(s->graph))
        printf("not verified: a net that arrived spiking has no activations to compare with\n");
    else
        printf("not verified: %s has no other form of the net to compare with\n",
               snn_import_format(s->import));
    return SNNCLI_EXIT_OK;
}

int snnconvert_verify(struct snnconvert_session *s)
{
    struct snn_target *target = NULL;
    struct snn_lower_options lower;
    struct snn_verify_options options;
    snn_verify_options_init(&options);
    choose_lowering(s, &lower);
    options.timesteps = RATE_STEPS;
    options.lower = &lower;
    float *frames = take_frames(s, &options.frame_count);
    options.frames = frames;
    double macs = count_macs(s->graph);
    choose_frames(&options, macs);
    int status = SNN_OK;
    if (!snn_graph_is_spiking(s->graph) && small_enough(s->graph) && lowers(s, &lower))
        status = snn_target_open(&target, s->context, "sim");
    options.target = target;
    if (status == SNN_OK)
        status = snn_import_verify(&s->verification, s->context, s->import, &options);
    snn_target_close(&target);
    free(frames);
    if (status != SNN_OK) return snncli_fail_context(&s->console, s->context, NULL);
    status = talks(s) && has_rows(s->verification) ? print_table(s) : SNNCLI_EXIT_OK;
    if (status == SNNCLI_EXIT_OK) status = judge(s);
    if (status == SNNCLI_EXIT_OK) warn_of_rates(s);
    return status;
}
