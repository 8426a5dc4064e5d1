/* What arrives at a synapse in a chunk: input events or the spikes of a population, through the
 * synapse's pools, as lines; and how many they are.
 *
 * Lines are cleared by their peaks alone: one that nothing came to keeps what it had and is never
 * looked at.
 */
#include <string.h>

#include "sim/chip/session.h"

#define LANES SNNSIM_CHIP_LANES
#define UNIT SNNSIM_CHIP_UNIT
#define PEAKS_BEYOND 8u /* read by select behind the last */

int snnsim_chip_spikes_init(struct snnsim_chip *chip, struct snn_context *context,
                            const struct snnsim_chip_grid *grid, struct snnsim_chip_spikes *out)
{
    struct snnbase_arena *arena = &chip->arena;
    const size_t tile = (size_t)chip->plan->chunk * LANES * sizeof(uint16_t);
    out->grid = grid;
    out->count = snnbase_arena_alloc(arena, context, grid->tiles, tile);
    out->fired = snnbase_arena_alloc(arena, context, grid->tiles, 1);
    return out->count != NULL && out->fired != NULL ? SNN_OK : SNN_ERR_NOMEM;
}

int snnsim_chip_arrival_init(struct snnsim_chip *chip, struct snn_context *context,
                             const struct snnsim_chip_synapse *synapse,
                             struct snnsim_chip_arrival *out)
{
    struct snnbase_arena *arena = &chip->arena;
    const uint32_t pools = synapse->synapse->pool_count;
    out->lines = snnbase_arena_alloc(arena, context, synapse->lines.count,
                                     chip->plan->chunk * sizeof(uint16_t));
    out->peak = snnbase_arena_alloc(arena, context, synapse->lines.count + PEAKS_BEYOND, 1);
    out->pooled = snnbase_arena_alloc(arena, context, pools, sizeof(*out->pooled));
    if (out->lines == NULL || out->peak == NULL || out->pooled == NULL) return SNN_ERR_NOMEM;
    int status = SNN_OK;
    for (uint32_t i = 0; status == SNN_OK && i + 1 < pools; i++)
        status = snnsim_chip_spikes_init(chip, context, &synapse->pooled[i], &out->pooled[i]);
    return status;
}

/* ---- Input events ---- */

/* Spikes of event e, which are whole numbers. */
static uint32_t event_count(const struct snn_spikes *input, uint32_t e)
{
    return input->count != NULL ? (uint32_t)input->count[e] : 1;
}

/* What the events of one step come to. */
struct step_tally {
    uint64_t spikes, operations;
};

/* Events of one spike each: line by line, that is one after the other in memory. */
static struct step_tally put_single(const struct snnsim_chip_synapse *synapse,
                                    struct snnsim_chip_arrival *arrival, const uint32_t *address,
                                    size_t event_count, uint32_t step, uint32_t padded)
{
    const struct snnsim_chip_address *restrict addresses = synapse->addresses;
    uint16_t *restrict lines = arrival->lines;
    uint8_t *restrict peak = arrival->peak;
    struct step_tally tally = {event_count, 0};
    for (size_t e = 0; e < event_count; e++) {
        const struct snnsim_chip_address at = addresses[address[e]];
        const size_t line = at.line_odd >> 1;
        if (peak[line] == 0) memset(lines + line * padded, 0, padded * sizeof(*lines));
        peak[line] = 1;
        lines[line * padded + step] |= (uint16_t)(1u << (8 * (at.line_odd & 1)));
        tally.operations += at.fanout;
    }
    if (event_count > 0) arrival->largest = 1;
    return tally;
}

static struct step_tally put_counted(const struct snnsim_chip_synapse *synapse,
                                     struct snnsim_chip_arrival *arrival,
                                     const struct snn_spikes *input, uint32_t row, uint32_t step,
                                     uint32_t padded)
{
    struct step_tally tally = {0, 0};
    for (uint32_t e = input->step_begin[row]; e < input->step_begin[row + 1]; e++) {
        const struct snnsim_chip_address at = synapse->addresses[input->address[e]];
        const uint32_t spikes = (uint32_t)input->count[e];
        uint16_t *line = arrival->lines + (size_t)(at.line_odd >> 1) * padded;
        uint8_t *peak = &arrival->peak[at.line_odd >> 1];
        if (*peak == 0) memset(line, 0, padded * sizeof(*line));
        if (spikes > arrival->largest) arrival->largest = spikes;
        if (spikes > *peak) *peak = (uint8_t)(spikes < UINT8_MAX ? spikes : UINT8_MAX);
        line[step] |= (uint16_t)((spikes & 0xff) << (8 * (at.line_odd & 1)));
        tally.spikes += spikes;
        tally.operations += (uint64_t)spikes * at.fanout;
    }
    return tally;
}

/* The lines of unpooled input. */
static void arrive_events(const struct snnsim_chip *chip, const struct snnsim_chip_synapse *synapse,
                          struct snnsim_chip_arrival *arrival)
{
    const struct snnsim_chip_chunk *chunk = &chip->chunk;
    const struct snn_spikes *input = chunk->input;
    memset(arrival->peak, 0, synapse->lines.count);
    for (uint32_t t = 0; t < chunk->steps; t++) {
        const uint32_t row = chunk->first + t;
        const uint32_t begin = input->step_begin[row], end = input->step_begin[row + 1];
        const struct step_tally tally =
            input->count != NULL ? put_counted(synapse, arrival, input, row, t, chunk->padded)
                                 : put_single(synapse, arrival, input->address + begin, end - begin,
                                              t, chunk->padded);
        arrival->spikes[t] = tally.spikes;
        arrival->operations[t] = tally.operations;
    }
}

/* Counts above 65535 saturate; above 127 they are taken from the events (wide.c) anyhow. */
static void load_event(struct snnsim_chip *chip, uint32_t address, uint32_t count, uint32_t step)
{
    const struct snnsim_chip_grid *grid = chip->input.grid;
    const uint32_t channels = grid->shape.channels, padded = chip->chunk.padded;
    const uint32_t position = address / channels;
    const size_t at = snnsim_chip_grid_lane(grid, address % channels, position / grid->shape.width,
                                            position % grid->shape.width);
    uint16_t *tile = chip->input.count + at / LANES * padded * LANES;
    if (!chip->input.fired[at / LANES]) memset(tile, 0, padded * LANES * sizeof(*tile));
    chip->input.fired[at / LANES] = 1;
    tile[step * LANES + at % LANES] = (uint16_t)(count < UINT16_MAX ? count : UINT16_MAX);
}

void snnsim_chip_load_input(struct snnsim_chip *chip)
{
    const struct snnsim_chip_chunk *chunk = &chip->chunk;
    const struct snn_spikes *input = chunk->input;
    if (chip->plan->pools_input) memset(chip->input.fired, 0, chip->input.grid->tiles);
    for (uint32_t t = 0; t < chunk->steps; t++) {
        const uint32_t begin = input->step_begin[chunk->first + t];
        const uint32_t end = input->step_begin[chunk->first + t + 1];
        uint64_t spikes = input->count == NULL ? end - begin : 0;
        for (uint32_t e = begin; input->count != NULL && e < end; e++)
            spikes += event_count(input, e);
        chunk->out->input_spikes[chunk->row + t] = spikes;
        for (uint32_t e = begin; chip->plan->pools_input && e < end; e++)
            load_event(chip, input->address[e], event_count(input, e), t);
    }
}

/* ---- Spikes of a population ---- */

/* A pool's window over a map, clipped. */
struct span {
    uint32_t first, end;
};

static struct span clip(uint32_t out, uint32_t stride, uint32_t pad, uint32_t kernel, uint32_t size)
{
    const int64_t first = (int64_t)out * stride - pad, end = first + kernel;
    struct span span = {first > 0 ? (uint32_t)first : 0, end < size ? (uint32_t)end : size};
    if (end < 0) span.end = 0;
    return span;
}

/* The half tiles of eight channels in a window that fired at all. */
static size_t find_units(const struct snnsim_chip *chip, const struct snnsim_chip_spikes *from,
                         struct span rows, struct span columns, uint32_t channel)
{
    const size_t tile = (size_t)chip->chunk.padded * LANES;
    size_t n = 0;
    for (uint32_t y = rows.first; y < rows.end; y++) {
        for (uint32_t x = columns.first; x < columns.end; x++) {
            const size_t at = snnsim_chip_grid_lane(from->grid, channel, y, x);
            chip->units[n] = from->count + at / LANES * tile + at % LANES;
            n += from->fired[at / LANES];
        }
    }
    return n;
}

static struct span rows_of(const struct snn_window *pool, uint32_t y, struct snn_shape shape)
{
    return clip(y, pool->stride_h, pool->pad_top, pool->kernel_h, shape.height);
}

static struct span columns_of(const struct snn_window *pool, uint32_t x, struct snn_shape shape)
{
    return clip(x, pool->stride_w, pool->pad_left, pool->kernel_w, shape.width);
}

/* A pool that another follows. */
static void pool_spikes(const struct snnsim_chip *chip, const struct snnsim_chip_spikes *from,
                        const struct snn_window *pool, struct snnsim_chip_spikes *to)
{
    const struct snn_shape shape = to->grid->shape;
    const uint32_t padded = chip->chunk.padded;
    memset(to->fired, 0, to->grid->tiles);
    for (uint32_t y = 0; y < shape.height; y++) {
        const struct span rows = rows_of(pool, y, from->grid->shape);
        for (uint32_t x = 0; x < shape.width; x++) {
            const struct span columns = columns_of(pool, x, from->grid->shape);
            for (uint32_t c = 0; c < shape.channels; c += UNIT) {
                const size_t n = find_units(chip, from, rows, columns, c);
                const size_t at = snnsim_chip_grid_lane(to->grid, c, y, x);
                uint16_t *out = to->count + at / LANES * padded * LANES + at % LANES;
                chip->plan->kernels.pool(chip->units, n, padded, out);
                to->fired[at / LANES] |= n > 0;
            }
        }
    }
}

/* One position behind the last pool: packs its channels. Returns the largest count. */
static uint32_t pack_position(const struct snnsim_chip *chip, const struct snnsim_chip_spikes *from,
                              struct span rows, struct span columns,
                              const struct snnsim_chip_synapse *synapse, uint16_t *lines,
                              uint8_t *peak)
{
    const uint32_t pairs = synapse->lines.pairs, padded = chip->chunk.padded;
    uint32_t largest = 0;
    for (uint32_t p = 0; p < pairs; p += UNIT / 2) {
        const uint32_t count = pairs - p < UNIT / 2 ? pairs - p : UNIT / 2;
        const size_t n = find_units(chip, from, rows, columns, 2 * p);
        if (n == 0) {
            memset(peak + p, 0, count);
            continue;
        }
        const uint32_t most = chip->plan->kernels.pack(chip->units, n, padded,
                                                       lines + (size_t)p * padded, count, peak + p);
        if (most > largest) largest = most;
    }
    return largest;
}

/* Adds one row of lines to the tally of the chunk, as many positions at once as 32 bits hold. */
static void tally_row(const struct snnsim_chip *chip, const struct snnsim_chip_synapse *synapse,
                      struct snnsim_chip_arrival *arrival, uint32_t y, size_t line)
{
    const uint32_t padded = chip->chunk.padded, width = synapse->synapse->source_shape.width;
    const uint64_t fanout = (uint64_t)synapse->row_fanout[y] * synapse->fanout_channels;
    uint32_t *spikes = chip->row_sums, *weighted = chip->row_sums + SNNSIM_CHIP_STEPS;
    for (uint32_t x = 0; x < width; x += synapse->tally_strip) {
        const struct snnsim_chip_row row = {width - x < synapse->tally_strip ? width - x
                                                                             : synapse->tally_strip,
                                            synapse->lines.pairs, synapse->column_fanout + x};
        const size_t first = line + (size_t)x * synapse->lines.pairs;
        chip->plan->kernels.tally(arrival->lines + first * padded, arrival->peak + first, &row,
                                  padded, spikes, weighted);
        for (uint32_t t = 0; t < chip->chunk.steps; t++) {
            arrival->spikes[t] += spikes[t];
            arrival->operations[t] += weighted[t] * fanout;
        }
    }
}

static void arrive_spikes(const struct snnsim_chip *chip, const struct snnsim_chip_synapse *synapse,
                          const struct snnsim_chip_spikes *from,
                          struct snnsim_chip_arrival *arrival)
{
    static const struct snn_window none = {
        .kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1};
    const struct snn_synapse *s = synapse->synapse;
    const struct snnsim_chip_lines *l = &synapse->lines;
    const struct snn_window *pool = s->pool_count > 0 ? &s->pools[s->pool_count - 1] : &none;
    const struct snn_shape shape = s->source_shape, source = from->grid->shape;
    memset(arrival->spikes, 0, sizeof(arrival->spikes));
    memset(arrival->operations, 0, sizeof(arrival->operations));
    for (uint32_t y = 0; y < shape.height; y++) {
        const struct span rows = rows_of(pool, y, source);
        const size_t first =
            (size_t)(y + l->pad_top) * l->row_lines + (size_t)l->pad_left * l->pairs;
        for (uint32_t x = 0; x < shape.width; x++) {
            const size_t line = first + (size_t)x * l->pairs;
            const uint32_t largest =
                pack_position(chip, from, rows, columns_of(pool, x, source), synapse,
                              arrival->lines + line * chip->chunk.padded, arrival->peak + line);
            if (largest > arrival->largest) arrival->largest = largest;
        }
        tally_row(chip, synapse, arrival, y, first);
    }
}

void snnsim_chip_arrive(struct snnsim_chip *chip, const struct snnsim_chip_synapse *synapse,
                        struct snnsim_chip_arrival *arrival)
{
    const struct snn_synapse *s = synapse->synapse;
    arrival->largest = 0;
    if (s->source == SNN_SOURCE_INPUT && s->pool_count == 0) {
        arrive_events(chip, synapse, arrival);
        return;
    }
    const struct snnsim_chip_spikes *from =
        s->source == SNN_SOURCE_INPUT ? &chip->input : &chip->populations[s->source].spikes;
    for (uint32_t i = 0; i + 1 < s->pool_count; i++) {
        pool_spikes(chip, from, &s->pools[i], &arrival->pooled[i]);
        from = &arrival->pooled[i];
    }
    arrive_spikes(chip, synapse, from, arrival);
}
