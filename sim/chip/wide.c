/* The wide path: one population through a chunk step by step, in 64 bits and straight from the
 * weights of the net. For counts above 127, of which lines have no room: plain code that is seldom
 * run. Sums cannot overflow: a neuron sees less than 2^31 inputs (synapse.c) of less than 2^25.
 */
#include <string.h>

#include "libsnn/model/layer.h"
#include "sim/chip/session.h"

#define LANES SNNSIM_CHIP_LANES
#define CURRENT_MAX ((int64_t)1 << 30) /* far beyond what saturates a potential */

/* Spikes of one step, [y][x][channel]. */
static void load_events(const struct snnsim_chip *chip, uint32_t step, int64_t *map)
{
    const struct snn_spikes *input = chip->chunk.input;
    const uint32_t at = chip->chunk.first + step;
    memset(map, 0, snn_shape_size(chip->plan->net->input_shape) * sizeof(*map));
    for (uint32_t e = input->step_begin[at]; e < input->step_begin[at + 1]; e++)
        map[input->address[e]] = input->count != NULL ? (int64_t)input->count[e] : 1;
}

static void load_spikes(const struct snnsim_chip *chip, const struct snnsim_chip_spikes *from,
                        uint32_t step, int64_t *map)
{
    const struct snn_shape shape = from->grid->shape;
    for (uint32_t y = 0; y < shape.height; y++) {
        for (uint32_t x = 0; x < shape.width; x++) {
            for (uint32_t c = 0; c < shape.channels; c++, map++) {
                const size_t at = snnsim_chip_grid_lane(from->grid, c, y, x), tile = at / LANES;
                const size_t row = tile * chip->chunk.padded + step;
                *map = from->fired[tile] ? from->count[row * LANES + at % LANES] : 0;
            }
        }
    }
}

static void pool_map(const int64_t *map, struct snn_shape in, const struct snn_window *pool,
                     struct snn_shape out, int64_t *to)
{
    memset(to, 0, snn_shape_size(out) * sizeof(*to));
    const uint32_t taps = pool->kernel_h * pool->kernel_w;
    for (uint32_t at = 0; at < out.height * out.width; at++, to += out.channels) {
        for (uint32_t k = 0; k < taps; k++) {
            const int64_t y =
                (int64_t)(at / out.width) * pool->stride_h + k / pool->kernel_w - pool->pad_top;
            const int64_t x =
                (int64_t)(at % out.width) * pool->stride_w + k % pool->kernel_w - pool->pad_left;
            if (y < 0 || y >= in.height || x < 0 || x >= in.width) continue;
            const int64_t *from = map + (size_t)(y * in.width + x) * in.channels;
            for (uint32_t c = 0; c < out.channels; c++)
                to[c] += from[c];
        }
    }
}

/* The spikes that arrive at a synapse in one step. */
static const int64_t *arrive(struct snnsim_chip *chip, const struct snn_synapse *s, uint32_t step)
{
    struct snn_shape shape = chip->plan->net->input_shape;
    int64_t *map = chip->map[0], *other = chip->map[1];
    if (s->source == SNN_SOURCE_INPUT) {
        load_events(chip, step, map);
    } else {
        load_spikes(chip, &chip->populations[s->source].spikes, step, map);
        shape = chip->plan->net->populations[s->source].shape;
    }
    for (uint32_t i = 0; i < s->pool_count; i++) {
        const struct snn_shape pooled = snnmodel_pooled_shape(shape, &s->pools[i]);
        pool_map(map, shape, &s->pools[i], pooled, other);
        int64_t *swapped = map;
        map = other;
        other = swapped;
        shape = pooled;
    }
    return map;
}

/* An address in front of the weights, and its spikes. */
struct event {
    uint32_t y, x, channel;
    int64_t spikes;
};

/* The neurons that one tap reaches: `position` along an axis, or negative. */
static int64_t reached(uint32_t at, uint32_t pad, uint32_t tap, uint32_t dilation, uint32_t stride,
                       uint32_t size)
{
    const int64_t shifted = (int64_t)at + pad - (int64_t)tap * dilation;
    return shifted >= 0 && shifted % stride == 0 && shifted / stride < size ? shifted / stride : -1;
}

static void send_tap(const struct snnsim_chip_grid *grid, const struct snn_synapse *s,
                     const struct event *event, uint32_t tap, int64_t *current)
{
    const struct snn_window *w = &s->window;
    const uint32_t ky = tap / w->kernel_w, kx = tap % w->kernel_w;
    const int64_t y =
        reached(event->y, w->pad_top, ky, w->dilation_h, w->stride_h, grid->shape.height);
    const int64_t x =
        reached(event->x, w->pad_left, kx, w->dilation_w, w->stride_w, grid->shape.width);
    if (y < 0 || x < 0) return;
    const uint32_t group_in = s->source_shape.channels / s->groups;
    const uint32_t group_out = grid->shape.channels / s->groups;
    const uint32_t group = event->channel / group_in;
    for (uint32_t o = group * group_out; o < (group + 1) * group_out; o++) {
        const size_t filter = (size_t)o * group_in + event->channel % group_in;
        const size_t weight = (filter * w->kernel_h + ky) * w->kernel_w + kx;
        current[snnsim_chip_grid_lane(grid, o, (uint32_t)y, (uint32_t)x)] +=
            event->spikes * (int64_t)s->weights[weight];
    }
}

static void send(const struct snnsim_chip_grid *grid, const struct snn_synapse *s,
                 const struct event *event, int64_t *current)
{
    const struct snn_shape in = s->source_shape;
    if (s->kind == SNN_SYNAPSE_ONE_TO_ONE) {
        current[snnsim_chip_grid_lane(grid, event->channel, event->y, event->x)] +=
            event->spikes * (int64_t)s->weights[event->channel];
    } else if (s->kind == SNN_SYNAPSE_CONV2D) {
        for (uint32_t tap = 0; tap < s->window.kernel_h * s->window.kernel_w; tap++)
            send_tap(grid, s, event, tap, current);
    } else {
        for (uint32_t o = 0; o < grid->shape.channels; o++) {
            const size_t filter = ((size_t)o * in.channels + event->channel) * in.height + event->y;
            current[snnsim_chip_grid_lane(grid, o, 0, 0)] +=
                event->spikes * (int64_t)s->weights[filter * in.width + event->x];
        }
    }
}

/* One synapse's currents of one step, and what it counts. */
static void integrate(struct snnsim_chip *chip, const struct snnsim_chip_grid *grid,
                      const struct snnsim_chip_synapse *synapse,
                      struct snnsim_chip_arrival *arrival, uint32_t step)
{
    const struct snn_synapse *s = synapse->synapse;
    const struct snn_shape in = s->source_shape;
    const int64_t *map = arrive(chip, s, step);
    uint64_t spikes = 0, operations = 0;
    for (size_t i = 0; i < snn_shape_size(in); i++) {
        if (map[i] == 0) continue;
        const struct event event = {(uint32_t)(i / in.channels / in.width),
                                    (uint32_t)(i / in.channels % in.width),
                                    (uint32_t)(i % in.channels), map[i]};
        spikes += (uint64_t)map[i];
        operations += (uint64_t)map[i] * synapse->row_fanout[event.y] *
                      synapse->column_fanout[event.x] * synapse->fanout_channels;
        send(grid, s, &event, chip->current);
    }
    arrival->spikes[step] = spikes;
    arrival->operations[step] = operations;
}

static int32_t bound(int64_t current)
{
    if (current > CURRENT_MAX) return (int32_t)CURRENT_MAX;
    return (int32_t)(current < -CURRENT_MAX ? -CURRENT_MAX : current);
}

static void fire_all(struct snnsim_chip *chip, uint32_t index, uint32_t step)
{
    const struct snnsim_chip_population *p = &chip->plan->populations[index];
    for (size_t at = 0; at < p->grid.tiles; at++) {
        const int32_t *bias = p->wide_bias + (p->bias_each ? at : at % p->grid.groups) * LANES;
        for (uint32_t lane = 0; lane < LANES; lane++)
            chip->wide_sums[lane] = bound(chip->current[at * LANES + lane] + bias[lane]);
        struct snnsim_chip_tile tile = {.wide_sums = chip->wide_sums};
        snnsim_chip_fire(chip, index, &tile, &at, 1, step, 1);
    }
}

void snnsim_chip_wide_run(struct snnsim_chip *chip, uint32_t index)
{
    const struct snnsim_chip_population *p = &chip->plan->populations[index];
    struct snnsim_chip_state *state = &chip->populations[index];
    const struct snnsim_chip_chunk *chunk = &chip->chunk;
    for (uint32_t t = 0; t < chunk->steps; t++) {
        memset(chip->current, 0, p->grid.tiles * LANES * sizeof(*chip->current));
        for (uint32_t s = 0; s < p->population->synapse_count; s++)
            integrate(chip, &p->grid, &p->synapses[s], &state->arrivals[s], t);
        fire_all(chip, index, t);
    }
    for (size_t at = 0; at < p->grid.tiles; at++)
        memset(state->spikes.count + (at * chunk->padded + chunk->steps) * LANES, 0,
               (chunk->padded - chunk->steps) * LANES * sizeof(uint16_t));
}
