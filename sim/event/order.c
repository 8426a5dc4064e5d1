/* Times for a step's events, and their order.
 *
 * On the datum's path this stands between the spikes that were pushed and the queue of the
 * asynchronous engine. The time of an event depends on its address, its number among the events of
 * that address, and for the random order on seed, sample and step; never on what came before.
 */
#include "sim/event/order.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/rng.h"

/* Sets the draws apart from those of the encoder, which have the same seed. */
#define ORDER_STREAM UINT32_C(0x6F726465)

const char *const snnsim_order_names[SNNSIM_ORDER_COUNT] = {
    [SNNSIM_ORDER_RASTER] = "raster",
    [SNNSIM_ORDER_INTERLEAVE] = "interleave",
    [SNNSIM_ORDER_RANDOM] = "random",
    [SNNSIM_ORDER_RECORDED] = "recorded",
};

static size_t count_events(const struct snn_spikes *spikes, uint32_t row)
{
    size_t total = spikes->step_begin[row + 1] - spikes->step_begin[row];
    if (spikes->count == NULL) return total;
    total = 0;
    for (uint32_t i = spikes->step_begin[row]; i < spikes->step_begin[row + 1]; i++)
        total += (size_t)spikes->count[i]; /* 2^32 addresses of 2^24 spikes: no overflow */
    return total;
}

int snnsim_sequence_reserve(struct snnsim_sequence *sequence, struct snn_context *context,
                            const struct snn_spikes *spikes)
{
    size_t most = 0;
    for (uint32_t row = 0; row < spikes->step_count; row++) {
        size_t events = count_events(spikes, row);
        if (spikes->event_begin != NULL)
            events = (size_t)(spikes->event_begin[row + 1] - spikes->event_begin[row]);
        if (events > most) most = events;
    }
    if (most > SNNSIM_SEQUENCE_MAX)
        return snnbase_fail(context, SNN_ERR_LIMIT,
                            "a step has %zu input events, above the limit of %zu for asynchronous "
                            "semantics",
                            most, SNNSIM_SEQUENCE_MAX);
    void *key = sequence->key, *scratch = sequence->scratch;
    int status = snnbase_grow(context, &key, &sequence->key_capacity, most, sizeof(uint64_t));
    sequence->key = key;
    if (status == SNN_OK)
        status =
            snnbase_grow(context, &scratch, &sequence->scratch_capacity, most, sizeof(uint64_t));
    sequence->scratch = scratch;
    return status;
}

void snnsim_sequence_fini(struct snnsim_sequence *sequence, const struct snn_allocator *allocator)
{
    snnbase_allocator_free(allocator, sequence->key);
    snnbase_allocator_free(allocator, sequence->scratch);
    memset(sequence, 0, sizeof(*sequence));
}

static uint32_t reverse_bits(uint32_t x)
{
    x = (x >> 1 & UINT32_C(0x55555555)) | (x & UINT32_C(0x55555555)) << 1;
    x = (x >> 2 & UINT32_C(0x33333333)) | (x & UINT32_C(0x33333333)) << 2;
    x = (x >> 4 & UINT32_C(0x0F0F0F0F)) | (x & UINT32_C(0x0F0F0F0F)) << 4;
    x = (x >> 8 & UINT32_C(0x00FF00FF)) | (x & UINT32_C(0x00FF00FF)) << 8;
    return x >> 16 | x << 16;
}

/* When event k of the n of an address comes, in 2^-32 of the step. */
static uint32_t time_of(enum snnsim_order order, uint32_t address, uint32_t k, uint32_t n,
                        const struct snnsim_moment *m)
{
    if (order == SNNSIM_ORDER_INTERLEAVE)
        return (uint32_t)((((uint64_t)k << 32) + reverse_bits(address)) / n);
    if (order != SNNSIM_ORDER_RANDOM) return 0;
    const uint32_t key[2] = {(uint32_t)m->seed, (uint32_t)(m->seed >> 32) ^ ORDER_STREAM};
    const uint32_t counter[4] = {address, k, (uint32_t)m->step, (uint32_t)m->sample};
    uint32_t drawn[4];
    snnbase_philox4x32(counter, key, drawn);
    return drawn[0];
}

/* Merges the sorted runs [0, middle) and [middle, end) of `from`. */
static void merge(const uint64_t *from, size_t middle, size_t end, uint64_t *to)
{
    size_t a = 0, b = middle;
    for (size_t i = 0; i < end; i++) {
        bool left = a < middle && (b == end || from[a] <= from[b]);
        to[i] = left ? from[a++] : from[b++];
    }
}

static void sort(struct snnsim_sequence *s)
{
    for (size_t run = 1; run < s->count; run *= 2) {
        for (size_t i = 0; i < s->count; i += 2 * run) {
            size_t left = s->count - i;
            size_t end = left < 2 * run ? left : 2 * run;
            merge(s->key + i, run < end ? run : end, end, s->scratch + i);
        }
        memcpy(s->key, s->scratch, s->count * sizeof(*s->key));
    }
}

void snnsim_sequence_make(struct snnsim_sequence *sequence, enum snnsim_order order,
                          const struct snn_spikes *spikes, uint32_t row,
                          const struct snnsim_moment *moment)
{
    sequence->count = 0;
    if (order == SNNSIM_ORDER_RECORDED) {
        for (uint64_t i = spikes->event_begin[row]; i < spikes->event_begin[row + 1]; i++)
            sequence->key[sequence->count++] = spikes->event[i].address;
        return;
    }
    for (uint32_t i = spikes->step_begin[row]; i < spikes->step_begin[row + 1]; i++) {
        const uint32_t address = spikes->address[i];
        const uint32_t n = spikes->count != NULL ? (uint32_t)spikes->count[i] : 1;
        for (uint32_t k = 0; k < n; k++) {
            uint64_t time = time_of(order, address, k, n, moment);
            sequence->key[sequence->count++] = time << 32 | address;
        }
    }
    if (order != SNNSIM_ORDER_RASTER) sort(sequence);
}
