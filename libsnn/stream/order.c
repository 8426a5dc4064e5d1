/* Times for a step's events, and their order.
 *
 * On the datum's path this stands between the spikes that were pushed and whoever takes them one by
 * one: the queue of the asynchronous engine, or a schedule (schedule.c). The time of an event
 * depends on its address, its number among the events of that address, and for the random order on
 * seed, sample and step; never on what came before.
 */
#include "libsnn/stream/order.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/rng.h"

/* Sets the draws apart from those of the encoder, which have the same seed. */
#define ORDER_STREAM UINT32_C(0x6F726465)

static const char *const order_names[] = {
    [SNN_ORDER_RASTER] = "raster",
    [SNN_ORDER_INTERLEAVE] = "interleave",
    [SNN_ORDER_RANDOM] = "random",
    [SNN_ORDER_RECORDED] = "recorded",
};

#define ORDER_COUNT (sizeof(order_names) / sizeof(order_names[0]))

const char *snn_order_name(enum snn_order order)
{
    return (size_t)order < ORDER_COUNT ? order_names[order] : NULL;
}

int snn_order_parse(enum snn_order *out, struct snn_context *context, const char *name)
{
    for (size_t i = 0; i < ORDER_COUNT; i++) {
        if (strcmp(name, order_names[i]) != 0) continue;
        *out = (enum snn_order)i;
        return SNN_OK;
    }
    snnbase_fail(context, SNN_ERR_INVALID, "unknown order '%s'", name);
    return snnbase_hint(context, "the orders are raster, interleave, random and recorded");
}

static size_t count_events(const struct snn_spikes *spikes, uint32_t row)
{
    size_t total = spikes->step_begin[row + 1] - spikes->step_begin[row];
    if (spikes->count == NULL) return total;
    total = 0;
    for (uint32_t i = spikes->step_begin[row]; i < spikes->step_begin[row + 1]; i++)
        total += (size_t)spikes->count[i]; /* 2^32 addresses of 2^24 spikes: no overflow */
    return total;
}

int snnstream_sequence_reserve(struct snnstream_sequence *sequence, struct snn_context *context,
                               const struct snn_spikes *spikes)
{
    const bool recorded = sequence->order == SNN_ORDER_RECORDED;
    size_t most = 0;
    if (spikes->constant) {
        snnbase_fail(context, SNN_ERR_UNSUPPORTED,
                     "asynchronous semantics: analog input (encoding current) has no events");
        return snnbase_hint(context, "take another encoding (rate, bernoulli), or semantics sync");
    }
    if (recorded && spikes->event_begin == NULL) {
        snnbase_fail(context, SNN_ERR_INVALID,
                     "order recorded: the input has no times of single events");
        return snnbase_hint(context, "only recordings of an event camera have; take order "
                                     "interleave, raster or random");
    }
    for (uint32_t row = 0; row < spikes->step_count; row++) {
        const size_t events =
            recorded ? (size_t)(spikes->event_begin[row + 1] - spikes->event_begin[row])
                     : count_events(spikes, row);
        if (events > most) most = events;
    }
    if (most > SNNSTREAM_SEQUENCE_MAX)
        return snnbase_fail(context, SNN_ERR_LIMIT,
                            "a step has %zu input events, above the limit of %zu for asynchronous "
                            "semantics",
                            most, SNNSTREAM_SEQUENCE_MAX);
    void *memory = sequence->memory;
    int status =
        snnbase_grow(context, &memory, &sequence->capacity, 2 * most, sizeof(*sequence->memory));
    sequence->memory = memory;
    if (status != SNN_OK) return status;
    sequence->key = sequence->memory;
    sequence->scratch = sequence->memory != NULL ? sequence->memory + most : NULL;
    return SNN_OK;
}

void snnstream_sequence_fini(struct snnstream_sequence *sequence,
                             const struct snn_allocator *allocator)
{
    snnbase_allocator_free(allocator, sequence->memory);
    memset(sequence, 0, sizeof(*sequence));
}

/* ---- The dither ---- */

/* Bits of the largest coordinate below `size`. */
static uint32_t bits_of(uint32_t size)
{
    uint32_t bits = 0;
    for (uint32_t largest = size - 1; largest > 0; largest >>= 1)
        bits++;
    return bits;
}

/* Bit i of `value` to bit 31 - from - i * step, as far as there is one. */
static uint32_t scatter_bits(uint32_t value, uint32_t from, uint32_t step)
{
    uint32_t out = 0;
    for (; value > 0 && from < 32; value >>= 1, from += step)
        out |= (value & 1) << (31 - from);
    return out;
}

int snnstream_sequence_init(struct snnstream_sequence *sequence, struct snn_context *context,
                            struct snnbase_arena *arena, enum snn_order order,
                            struct snn_shape shape)
{
    struct snnstream_dither *d = &sequence->dither;
    sequence->order = order;
    sequence->shape = shape;
    d->row = snnbase_arena_alloc(arena, context, shape.height, sizeof(uint32_t));
    d->column = snnbase_arena_alloc(arena, context, shape.width, sizeof(uint32_t));
    d->channel = snnbase_arena_alloc(arena, context, shape.channels, sizeof(uint32_t));
    if (d->row == NULL || d->column == NULL || d->channel == NULL) return SNN_ERR_NOMEM;
    for (uint32_t y = 0; y < shape.height; y++)
        d->row[y] = scatter_bits(y, 0, 2) ^ scatter_bits(y, 1, 2);
    for (uint32_t x = 0; x < shape.width; x++)
        d->column[x] = scatter_bits(x, 0, 2);
    const uint32_t used = 2 * bits_of(shape.height > shape.width ? shape.height : shape.width);
    for (uint32_t c = 0; c < shape.channels; c++)
        d->channel[c] = scatter_bits(c, used, 1);
    return SNN_OK;
}

static uint32_t dithered(const struct snnstream_sequence *s, uint32_t address)
{
    const uint32_t channel = address % s->shape.channels, position = address / s->shape.channels;
    return s->dither.row[position / s->shape.width] ^ s->dither.column[position % s->shape.width] ^
           s->dither.channel[channel];
}

/* ---- Times ---- */

static uint32_t drawn(uint32_t address, uint32_t k, const struct snnstream_moment *m)
{
    const uint32_t key[2] = {(uint32_t)m->seed, (uint32_t)(m->seed >> 32) ^ ORDER_STREAM};
    const uint32_t counter[4] = {address, k, (uint32_t)m->step, (uint32_t)m->sample};
    uint32_t words[4];
    snnbase_philox4x32(counter, key, words);
    return words[0];
}

/* When event k of the n of an address comes, in 2^-32 of the step. */
static uint32_t time_of(const struct snnstream_sequence *s, uint32_t address, uint32_t k,
                        uint32_t n, const struct snnstream_moment *moment)
{
    if (s->order == SNN_ORDER_RANDOM) return drawn(address, k, moment);
    if (s->order == SNN_ORDER_RASTER) return 0;
    const uint32_t first = dithered(s, address);
    return n == 1 ? first : (uint32_t)((((uint64_t)k << 32) + first) / n);
}

/* By time, digit by digit from the lowest; keys of one time keep their order, which is that of the
 * addresses. */
static void sort_by_time(struct snnstream_sequence *s)
{
    uint32_t digits[4][256] = {{0}};
    for (size_t i = 0; i < s->count; i++)
        for (uint32_t d = 0; d < 4; d++)
            digits[d][s->key[i] >> (32 + 8 * d) & 255]++;
    for (uint32_t d = 0; d < 4 && s->count > 0; d++) {
        uint32_t *begin = digits[d], total = 0;
        if (begin[s->key[0] >> (32 + 8 * d) & 255] == s->count) continue; /* all alike */
        for (uint32_t value = 0; value < 256; value++) {
            const uint32_t count = begin[value];
            begin[value] = total;
            total += count;
        }
        for (size_t i = 0; i < s->count; i++)
            s->scratch[begin[s->key[i] >> (32 + 8 * d) & 255]++] = s->key[i];
        uint64_t *sorted = s->scratch;
        s->scratch = s->key;
        s->key = sorted;
    }
}

void snnstream_sequence_make(struct snnstream_sequence *sequence, const struct snn_spikes *spikes,
                             uint32_t row, const struct snnstream_moment *moment)
{
    uint64_t *key = sequence->key;
    sequence->count = 0;
    if (sequence->order == SNN_ORDER_RECORDED) {
        for (uint64_t i = spikes->event_begin[row]; i < spikes->event_begin[row + 1]; i++)
            key[sequence->count++] =
                (uint64_t)spikes->event[i].time_us << 32 | spikes->event[i].address;
        return;
    }
    for (uint32_t i = spikes->step_begin[row]; i < spikes->step_begin[row + 1]; i++) {
        const uint32_t address = spikes->address[i];
        const uint32_t n = spikes->count != NULL ? (uint32_t)spikes->count[i] : 1;
        for (uint32_t k = 0; k < n; k++)
            key[sequence->count++] =
                (uint64_t)time_of(sequence, address, k, n, moment) << 32 | address;
    }
    if (sequence->order != SNN_ORDER_RASTER) sort_by_time(sequence);
}
