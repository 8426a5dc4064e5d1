/* For pages and tables: how well the rates of each layer stand for the CNN's activations. A few of
 * the run's frames go through the targets once more, counted neuron by neuron, after the run.
 */
#include <math.h>
#include <stdlib.h>

#include "tools/snnsim/session.h"

enum { RATE_FRAMES = 8 };

static void take_frame(uint64_t index, float *intensity, void *user)
{
    snn_source_frame(user, index, intensity);
}

/* Frames through a CNN that became spikes; a chip's cores are not its layers. */
static bool is_comparable(const struct snnsim_session *s, uint32_t target)
{
    return s->graph != NULL && !snn_graph_is_spiking(s->graph) && snnsim_is_spiking(s, target) &&
           snn_source_kind(s->source) == SNN_SOURCE_FRAMES &&
           snn_target_chip(s->targets[target]) == NULL;
}

static int measure(struct snnsim_session *s, uint32_t target)
{
    const struct snn_result *r = s->results[target];
    const struct snn_rate_options options = {
        .encoding = s->options.encoding,
        .seed = s->options.seed,
        .timesteps = s->options.timesteps,
        .first = r->sample_offset,
        .count = r->sample_count < RATE_FRAMES ? r->sample_count : RATE_FRAMES,
        .frame = take_frame,
        .user = s->source};
    s->rates[target] = calloc(r->layer_count, sizeof(*s->rates[target]));
    if (s->rates[target] == NULL) return snnsim_fail_memory(s);
    int status = snn_rates_measure(s->rates[target], s->context, s->targets[target],
                                   snn_target_net(s->targets[target]), s->graph, &options);
    if (status == SNN_OK) return SNNCLI_EXIT_OK;
    free(s->rates[target]);
    s->rates[target] = NULL;
    if (status == SNN_ERR_UNSUPPORTED) return SNNCLI_EXIT_OK;
    return snncli_fail_context(&s->console, s->context, s->options.targets[target]);
}

int snnsim_measure_rates(struct snnsim_session *s)
{
    int status = SNNCLI_EXIT_OK;
    if (s->options.report == NULL && s->options.csv == NULL) return status;
    for (uint32_t i = 0; i < s->result_count && status == SNNCLI_EXIT_OK; i++) {
        if (s->results[i]->complete && is_comparable(s, i)) status = measure(s, i);
    }
    return status;
}
