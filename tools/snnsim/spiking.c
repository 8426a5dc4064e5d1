/* A net that arrived spiking between its options and its run: what its layers have of their own
 * stands above the options, and nobody is left to believe otherwise.
 */
#include "tools/snnsim/spiking.h"

#include <string.h>

static void skip_thresholds(struct snnsim_options *o)
{
    static const char text[] = "the net arrived spiking and keeps its thresholds: %s%s is skipped";
    if (o->norm != NULL && strcmp(o->norm, "none") != 0)
        snncli_warning(o->console, o->model, text, "--norm ", o->norm);
    if (o->lower.channelwise) snncli_warning(o->console, o->model, text, "--channelwise", "");
    o->norm = "none";
    o->lower.channelwise = false;
}

/* `own` of `all` layers have values for which an option is skipped. */
static void warn(const struct snnsim_options *o, bool given, const char *option, uint32_t own,
                 uint32_t all)
{
    if (!given || own == 0) return;
    if (own == all)
        snncli_warning(o->console, o->model,
                       "the net arrived spiking and has values of its own: %s is skipped", option);
    else
        snncli_warning(o->console, o->model,
                       "the net arrived spiking, and %u of %u layers have values of their own: %s "
                       "holds for the others",
                       own, all, option);
}

/* What a readout of an output without neurons takes of the options counts as a layer. */
static void skip_potentials(struct snnsim_options *o, const struct snn_graph *graph)
{
    uint32_t own = 0, v_init = 0, v_min = 0;
    for (uint32_t i = 0; i < snn_graph_layer_count(graph); i++) {
        const struct snn_neurons *neurons = snn_graph_layer(graph, i)->neurons;
        if (neurons == NULL) continue;
        own++;
        v_init += neurons->v_init_count > 0;
        v_min += neurons->v_min_count > 0;
    }
    const bool bare = snn_graph_layer(graph, snn_graph_output(graph))->neurons == NULL;
    const uint32_t all = own + (bare && o->lower.extra_gain_count > 0);
    warn(o, o->given[OPT_RESET], "--reset", own, all);
    warn(o, o->given[OPT_V0], "--v0", v_init, all);
    warn(o, o->v_min != NULL, "--v-min", v_min, all);
    o->own_reset = own == all;
    o->own_v_init = v_init == all;
    o->own_v_min = v_min == all;
}

int snnsim_spiking_adapt(struct snnsim_options *options, const struct snn_graph *graph)
{
    const struct snn_layer *output = snn_graph_layer(graph, snn_graph_output(graph));
    if (output->kind != SNN_LAYER_IF) snnsim_options_set_membrane(options);
    skip_thresholds(options);
    skip_potentials(options, graph);
    return snnsim_options_set_norm(options, options->norm);
}
