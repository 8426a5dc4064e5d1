/* The second half of a verification: the graph is lowered and run for some steps on the target that
 * the caller handed over, and the spike rates of its layers held against their activations.
 */
#include "convert/verify.h"
#include "libsnn/base/error.h"

struct frames {
    const struct snn_verify_options *options;
    struct snn_shape shape;
};

static void take_frame(uint64_t index, float *intensity, void *user)
{
    const struct frames *frames = user;
    snnconv_verify_frame(frames->options, frames->shape, index, intensity);
}

/* From populations to the layers of the graph. */
static int keep(struct snnconv_verification *verification, const struct snn_graph *graph,
                const struct snn_net *net, const struct snn_layer_rate *rates)
{
    for (uint32_t i = 0; i < net->population_count; i++) {
        uint32_t layer = 0;
        int status = snn_graph_find(graph, net->populations[i].name, &layer);
        if (status != SNN_OK) return status;
        verification->layers[layer].pearson = rates[i].pearson;
    }
    return SNN_OK;
}

int snnconv_verify_rates(struct snnconv_verification *verification, struct snn_context *context,
                         const struct snn_graph *graph, const struct snn_verify_options *options)
{
    struct frames frames = {options, snn_graph_input_shape(graph)};
    const struct snn_rate_options run = {.encoding = SNN_ENCODING_CURRENT,
                                         .timesteps = options->timesteps,
                                         .count = verification->result.frame_count,
                                         .frame = take_frame,
                                         .user = &frames};
    struct snn_net *net = NULL;
    struct snn_layer_rate *rates = NULL;
    int status = snn_net_lower(&net, context, graph, options->lower);
    if (status == SNN_OK) status = snn_target_load(options->target, context, net);
    if (status == SNN_OK) {
        rates = snnbase_arena_alloc(&verification->arena, context, net->population_count,
                                    sizeof(*rates));
        if (rates == NULL) status = SNN_ERR_NOMEM;
    }
    if (status == SNN_OK)
        status = snn_rates_measure(rates, context, options->target, net, graph, &run);
    if (status == SNN_OK) status = keep(verification, graph, net, rates);
    /* The target still points to the net, but every function begins with a load. */
    snn_net_destroy(&net);
    return status;
}
