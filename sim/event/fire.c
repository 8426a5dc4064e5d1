/* Firing on the currents of one step, and what the output population shows to the caller.
 *
 * Further readouts are other neurons on the currents of the output population.
 */
#include <string.h>

#include "sim/event/state.h"

/* One row of neurons under way: what it reads and writes. */
struct row {
    float *v;
    float *current;
    float *count;
    uint8_t *mask;
};

/* Fires row y of a population or, with other neurons on the same currents, of a readout. */
static void fire_row(const struct snnsim_engine *engine, const struct snnsim_population *p,
                     uint32_t y, const struct snnsim_neuron *alike,
                     const struct snnsim_differing *differing, struct row row)
{
    const struct snnsim_kernels *kernels = &engine->plan->kernels;
    const float *bias = p->bias.values + y * p->bias.stride;
    if (differing == NULL) {
        kernels->fire(row.v, row.current, bias, row.count, row.mask, p->row_length, alike);
        return;
    }
    const struct snnsim_neurons neurons = {differing->threshold.values +
                                               y * differing->threshold.stride,
                                           differing->v_min.values + y * differing->v_min.stride,
                                           alike->spikes_max, alike->reset_zero};
    kernels->fire_each(row.v, row.current, bias, row.count, row.mask, p->row_length, &neurons);
}

static void fire(struct snnsim_engine *engine, uint32_t index, uint32_t step)
{
    const struct snnsim_population *p = &engine->plan->populations[index];
    struct snnsim_population_state *state = &engine->populations[index];
    const struct snnsim_activity spikes = snnsim_train_at(&state->spikes, step);
    const struct snnsim_neuron neuron = snnsim_population_neuron(p->population);
    for (uint32_t y = 0; y < p->population->shape.height; y++) {
        size_t first = y * p->row_length;
        const struct row row = {state->v + first, state->current + p->origin + y * p->pitch,
                                spikes.count + first, spikes.mask + first / SNNSIM_LANES};
        fire_row(engine, p, y, &neuron, p->differing, row);
    }
}

struct snnsim_neuron snnsim_population_neuron(const struct snn_population *population)
{
    return (struct snnsim_neuron){population->threshold, population->v_min,
                                  (float)population->spikes_max,
                                  population->reset == SNN_RESET_ZERO};
}

struct snnsim_neuron snnsim_readout_neuron(const struct snn_net *net, uint32_t readout)
{
    const struct snn_readout *r = &net->readouts[readout];
    return (struct snnsim_neuron){r->threshold, r->v_min, (float)r->spikes_max,
                                  net->populations[net->population_count - 1].reset ==
                                      SNN_RESET_ZERO};
}

void snnsim_fire_store(const struct snnsim_engine *engine, const struct snnsim_chunk *chunk,
                       uint32_t step, uint32_t readout, const struct snnsim_shown *lanes)
{
    const struct snn_net *net = engine->plan->net;
    const struct snn_shape shape = net->populations[net->population_count - 1].shape;
    size_t at = ((size_t)(chunk->row + step) * net->readout_count + readout) * net->class_count +
                (size_t)lanes->y * shape.width + lanes->x;
    const uint32_t end = lanes->channel + lanes->count < shape.channels
                             ? lanes->channel + lanes->count
                             : shape.channels;
    for (uint32_t c = lanes->channel; c < end; c++) {
        const size_t class_index = at + (size_t)c * shape.height * shape.width;
        chunk->out->spikes[class_index] = (uint32_t)lanes->spikes[c - lanes->channel];
        chunk->out->potential[class_index] = lanes->v[c - lanes->channel];
    }
}

/* One row of a readout to the caller. */
static void store_row(const struct snnsim_engine *engine, const struct snnsim_chunk *chunk,
                      uint32_t step, uint32_t readout, struct snnsim_shown row)
{
    const struct snnsim_population *p =
        &engine->plan->populations[engine->plan->net->population_count - 1];
    for (row.x = 0; row.x < p->population->shape.width; row.x++) {
        snnsim_fire_store(engine, chunk, step, readout, &row);
        row.spikes += p->lanes;
        row.v += p->lanes;
    }
}

/* Fires the further readouts on row y of the currents, which stay. */
static void fire_readouts(struct snnsim_engine *engine, const struct snnsim_chunk *chunk,
                          uint32_t step, uint32_t y)
{
    const struct snn_net *net = engine->plan->net;
    const struct snnsim_population *p = &engine->plan->populations[net->population_count - 1];
    const float *current =
        engine->populations[net->population_count - 1].current + p->origin + y * p->pitch;
    for (uint32_t r = 1; r < net->readout_count; r++) {
        const struct snnsim_neuron neuron = snnsim_readout_neuron(net, r);
        float *v = engine->readouts[r].v + y * p->row_length;
        memcpy(engine->row_current, current, p->row_length * sizeof(float));
        fire_row(engine, p, y, &neuron, engine->plan->readouts[r],
                 (struct row){v, engine->row_current, engine->extra.count, engine->extra.mask});
        store_row(engine, chunk, step, r,
                  (struct snnsim_shown){y, 0, 0, p->lanes, engine->extra.count, v});
    }
}

void snnsim_fire_step(struct snnsim_engine *engine, uint32_t population,
                      const struct snnsim_chunk *chunk, uint32_t step)
{
    const struct snnsim_population *p = &engine->plan->populations[population];
    const bool output = population == engine->plan->net->population_count - 1;
    for (uint32_t y = 0; output && y < p->population->shape.height; y++)
        fire_readouts(engine, chunk, step, y);
    fire(engine, population, step);
    const struct snnsim_activity spikes =
        snnsim_train_at(&engine->populations[population].spikes, step);
    for (uint32_t y = 0; output && y < p->population->shape.height; y++) {
        size_t first = y * p->row_length;
        store_row(engine, chunk, step, 0,
                  (struct snnsim_shown){y, 0, 0, p->lanes, spikes.count + first,
                                        engine->populations[population].v + first});
    }
}
