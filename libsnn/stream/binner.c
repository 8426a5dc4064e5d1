/* Events to the spikes of time steps, see binner.h; the encoder's way with recordings.
 *
 * A step's addresses come out in ascending order without being sorted: each sets a bit, bits have
 * a bit for each of their words that is not zero, and both are walked upwards.
 *
 *     some    . 1 . . 1          one bit a word
 *     seen    0 [1.1] 0 0 [..1]  one bit an address
 */
#include "libsnn/stream/binner.h"

#include <math.h>
#include <string.h>

#include "libsnn/base/bits.h"
#include "libsnn/base/error.h"
#include "libsnn/stream/order.h"
#include "libsnn/stream/recording.h"
#include "libsnn/stream/source.h"

enum { WORD_BITS = 64 };

int snnstream_binner_init(struct snnstream_binner *binner, struct snn_context *context,
                          struct snnbase_arena *arena, struct snn_shape shape, bool keeps)
{
    const size_t pixels = snn_shape_size(shape);
    const size_t words = pixels / WORD_BITS + 1;
    struct snnstream_binner made = {.shape = shape, .keeps = keeps};
    made.allocator = arena->allocator;
    made.some_count = words / WORD_BITS + 1;
    made.bin = snnbase_arena_alloc(arena, context, pixels, sizeof(*made.bin));
    made.seen = snnbase_arena_alloc(arena, context, words, sizeof(*made.seen));
    made.some = snnbase_arena_alloc(arena, context, made.some_count, sizeof(*made.some));
    made.batch = snnbase_arena_alloc(arena, context, SNNSTREAM_BINNER_BATCH, sizeof(*made.batch));
    if (!made.bin || !made.seen || !made.some || !made.batch) return SNN_ERR_NOMEM;
    *binner = made;
    return SNN_OK;
}

void snnstream_binner_fini(struct snnstream_binner *binner)
{
    snn_recording_close(&binner->recording);
    if (binner->allocator.release == NULL) return; /* never made */
    snnbase_allocator_free(&binner->allocator, binner->single);
    snnbase_allocator_free(&binner->allocator, binner->address);
    snnbase_allocator_free(&binner->allocator, binner->count);
}

/* What is left of the sample before, which may have ended in an error. */
static void forget(struct snnstream_binner *binner)
{
    const size_t pixels = snn_shape_size(binner->shape);
    snn_recording_close(&binner->recording);
    if (binner->distinct > 0) {
        memset(binner->bin, 0, pixels * sizeof(*binner->bin));
        memset(binner->seen, 0, (pixels / WORD_BITS + 1) * sizeof(*binner->seen));
        memset(binner->some, 0, binner->some_count * sizeof(*binner->some));
    }
    binner->distinct = 0;
    binner->source = NULL;
    binner->event = binner->event_first = binner->event_end = NULL;
    binner->at = binner->held = 0;
    binner->read_count = 0;
}

void snnstream_binner_take(struct snnstream_binner *binner, const struct snn_event *events,
                           size_t count)
{
    forget(binner);
    binner->event = binner->event_first = events;
    binner->event_end = count > 0 ? events + count : events;
}

int snnstream_binner_open(struct snnstream_binner *binner, struct snn_context *context,
                          const struct snn_source *source, uint64_t index)
{
    forget(binner);
    binner->source = source;
    binner->index = index;
    return snn_source_recording(&binner->recording, context, source, index);
}

/* ---- Events of a recording ---- */

static int fail_changed(const struct snnstream_binner *binner, struct snn_context *context)
{
    return snnstream_recordings_fail_changed(context, snnstream_source_recordings(binner->source),
                                             binner->index);
}

/* The next batch. At the end, which is seen once, as many must have come as were there when the
 * source was opened. */
static int read_on(struct snnstream_binner *binner, struct snn_context *context)
{
    const struct snnstream_recordings *set = snnstream_source_recordings(binner->source);
    binner->at = binner->held = 0;
    int status = snn_recording_read(binner->recording, context, binner->batch,
                                    SNNSTREAM_BINNER_BATCH, &binner->held);
    if (status != SNN_OK) return status;
    if (binner->read_count == 0 && binner->held > 0) binner->start_us = binner->batch[0].time_us;
    binner->read_count += binner->held;
    if (binner->held > 0) return SNN_OK;
    snn_recording_close(&binner->recording);
    if (binner->read_count == set->entries[binner->index].event_count) return SNN_OK;
    return fail_changed(binner, context);
}

static int keep(struct snnstream_binner *binner, struct snn_context *context, uint64_t time_us,
                uint32_t address)
{
    const uint64_t since_us = time_us - binner->origin_us;
    const uint64_t first = binner->event_begin[binner->step_count - 1];
    void *single = binner->single;
    if (binner->single_count - first == SNNSTREAM_SEQUENCE_MAX)
        return snnbase_fail(context, SNN_ERR_LIMIT, "a step has more than %zu single events",
                            SNNSTREAM_SEQUENCE_MAX);
    if (since_us > UINT32_MAX) {
        snnbase_fail(context, SNN_ERR_LIMIT,
                     "an event %llu us after the first of %u steps, which single events cannot say",
                     (unsigned long long)since_us, SNN_ENCODER_STEPS_MAX);
        return snnbase_hint(context, "take shorter steps, or another order than recorded");
    }
    int status = snnbase_grow(context, &single, &binner->single_capacity, binner->single_count + 1,
                              sizeof(*binner->single));
    binner->single = single;
    if (status != SNN_OK) return status;
    binner->single[binner->single_count++] = (struct snn_event){(uint32_t)since_us, address};
    return SNN_OK;
}

static void mark(struct snnstream_binner *binner, uint32_t address)
{
    const uint32_t word = address / WORD_BITS;
    binner->distinct += binner->bin[address]++ == 0;
    binner->seen[word] |= UINT64_C(1) << address % WORD_BITS;
    binner->some[word / WORD_BITS] |= UINT64_C(1) << word % WORD_BITS;
}

/* Takes what is at hand of the step; false where an event is off the sensor. */
static bool take_batch(struct snnstream_binner *binner, uint64_t end_us)
{
    const struct snn_shape shape = binner->shape;
    const uint32_t polarities = shape.channels > 1 ? 1 : 0;
    const struct snn_camera_event *event = binner->batch + binner->at;
    const struct snn_camera_event *end = binner->batch + binner->held;
    for (; event < end && event->time_us < end_us; event++) {
        const uint32_t channel = event->polarity & polarities;
        if (event->x >= shape.width || event->y >= shape.height) return false;
        mark(binner, (event->y * shape.width + event->x) * shape.channels + channel);
    }
    binner->at = (size_t)(event - binner->batch);
    return true;
}

/* The single events among those that the batch gave to the step. */
static int keep_batch(struct snnstream_binner *binner, struct snn_context *context, size_t from)
{
    const struct snn_shape shape = binner->shape;
    const uint32_t polarities = shape.channels > 1 ? 1 : 0;
    int status = SNN_OK;
    for (size_t i = from; status == SNN_OK && i < binner->at; i++) {
        const struct snn_camera_event *event = &binner->batch[i];
        const uint32_t place = event->y * shape.width + event->x;
        status = keep(binner, context, event->time_us - binner->start_us,
                      place * shape.channels + (event->polarity & polarities));
    }
    return status;
}

static int step_recorded(struct snnstream_binner *binner, struct snn_context *context,
                         uint64_t end_us)
{
    while (binner->recording != NULL) {
        int status = binner->at == binner->held ? read_on(binner, context) : SNN_OK;
        const size_t from = binner->at;
        if (status != SNN_OK) return status;
        if (!take_batch(binner, binner->start_us + end_us)) return fail_changed(binner, context);
        if (binner->keeps) status = keep_batch(binner, context, from);
        if (status != SNN_OK || binner->at < binner->held) return status;
    }
    return SNN_OK;
}

/* ---- Lists ---- */

static int make_room(struct snnstream_binner *binner, struct snn_context *context)
{
    /* The pixels of a full chunk are fewer than 2^32 (snn_encoder_create). */
    const size_t needed = (size_t)binner->length + binner->distinct + 1;
    void *address = binner->address, *count = binner->count;
    int status =
        snnbase_grow(context, &address, &binner->address_room, needed, sizeof(*binner->address));
    binner->address = address;
    if (status != SNN_OK) return status;
    status = snnbase_grow(context, &count, &binner->count_room, needed, sizeof(*binner->count));
    binner->count = count;
    return status;
}

/* Appends the step's addresses to the lists and forgets them. */
static void list(struct snnstream_binner *binner)
{
    uint32_t *address = binner->address;
    float *count = binner->count;
    uint32_t length = binner->length, most = binner->most;
    for (size_t s = 0; s < binner->some_count; s++) {
        for (uint64_t words = binner->some[s]; words != 0; words &= words - 1) {
            const uint32_t word = (uint32_t)s * WORD_BITS + snnbase_lowest_bit(words);
            for (uint64_t bits = binner->seen[word]; bits != 0; bits &= bits - 1) {
                const uint32_t a = word * WORD_BITS + snnbase_lowest_bit(bits);
                const uint32_t events = binner->bin[a];
                binner->bin[a] = 0;
                if (events > most) most = events;
                address[length] = a;
                count[length++] = (float)events;
            }
            binner->seen[word] = 0;
        }
        binner->some[s] = 0;
    }
    binner->length = length;
    binner->most = most;
    binner->distinct = 0;
}

/* ---- Steps ---- */

void snnstream_binner_begin(struct snnstream_binner *binner, double time_us)
{
    binner->most = binner->length = 0;
    binner->step_count = 0;
    binner->single_count = 0;
    binner->origin_us = time_us < 0x1p62 ? (uint64_t)time_us : UINT64_C(1) << 62;
}

static uint64_t singles_so_far(const struct snnstream_binner *binner)
{
    return binner->source != NULL ? binner->single_count
                                  : (uint64_t)(binner->event - binner->event_first);
}

int snnstream_binner_step(struct snnstream_binner *binner, struct snn_context *context,
                          double end_us)
{
    /* Times are whole: one lies before the end where it lies before the end rounded up. */
    const uint64_t end = end_us < 0x1p62 ? (uint64_t)ceil(end_us) : UINT64_C(1) << 62;
    int status = SNN_OK;
    binner->event_begin[binner->step_count++] = singles_so_far(binner);
    if (binner->source != NULL) status = step_recorded(binner, context, end);
    for (; binner->event != binner->event_end && binner->event->time_us < end; binner->event++)
        mark(binner, binner->event->address);
    if (status == SNN_OK) status = make_room(binner, context);
    if (status == SNN_OK) list(binner);
    return status;
}

void snnstream_binner_end(struct snnstream_binner *binner, struct snn_spikes *out)
{
    const bool recorded = binner->source != NULL;
    out->address = binner->address;
    out->count = binner->most > 1 ? binner->count : NULL;
    binner->event_begin[binner->step_count] = singles_so_far(binner);
    if (recorded && !binner->keeps) return;
    out->event = recorded ? binner->single : binner->event_first;
    out->event_begin = binner->event_begin;
    out->event_origin_us = recorded ? binner->origin_us : 0;
}
