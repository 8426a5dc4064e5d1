/* Spikes as single events with times, for whoever takes them one by one outside of the asynchronous
 * engine: files of events, devices.
 *
 * The order is that of libsnn/stream/order.c, which the engine uses too: what is sent is what was
 * simulated. Different times there stay different here, since doubles have room for 2^-32 of a step
 * whatever it lasts.
 */
#include <math.h>

#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"
#include "libsnn/stream/order.h"
#include "libsnn/stream/spikes.h"

struct snn_schedule {
    struct snnbase_arena arena; /* tables of the sequence */
    struct snnstream_sequence sequence;
    struct snnstream_moment moment; /* of the next step */
    double dt_us;
    const struct snn_spikes *spikes; /* borrowed; NULL: none were pushed */
    uint32_t row;                    /* of them, next */
    struct snn_arrival *arrivals;    /* of the last step */
    size_t capacity;
};

int snn_schedule_create(struct snn_schedule **out, struct snn_context *context,
                        const struct snn_schedule_options *options, struct snn_shape shape)
{
    if (snn_order_name(options->order) == NULL)
        return snnbase_fail(context, SNN_ERR_INVALID, "unknown order %d", (int)options->order);
    if (!(options->dt_us >= 0.0) || !isfinite(options->dt_us))
        return snnbase_fail(context, SNN_ERR_INVALID, "a step of %g us", options->dt_us);
    const uint64_t map = (uint64_t)shape.height * shape.width;
    if (map == 0 || shape.channels == 0 || map > UINT32_MAX / shape.channels)
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "an input of %ux%ux%u has no addresses of 32 bits", shape.channels,
                            shape.height, shape.width);
    struct snn_schedule *s = snnbase_alloc(context, 1, sizeof(*s));
    if (s == NULL) return SNN_ERR_NOMEM;
    snnbase_arena_init(&s->arena, context);
    s->moment.seed = options->seed;
    s->dt_us = options->dt_us > 0.0 ? options->dt_us : 1000.0;
    int status = snnstream_sequence_init(&s->sequence, context, &s->arena, options->order, shape);
    if (status != SNN_OK) {
        snn_schedule_destroy(&s);
        return status;
    }
    *out = s;
    return SNN_OK;
}

void snn_schedule_destroy(struct snn_schedule **schedule)
{
    if (schedule == NULL || *schedule == NULL) return;
    struct snn_schedule *s = *schedule;
    struct snn_allocator allocator = s->arena.allocator;
    snnstream_sequence_fini(&s->sequence, &allocator);
    snnbase_allocator_free(&allocator, s->arrivals);
    snnbase_arena_fini(&s->arena);
    snnbase_allocator_free(&allocator, s);
    *schedule = NULL;
}

void snn_schedule_begin(struct snn_schedule *schedule)
{
    schedule->moment.step = 0;
    schedule->spikes = NULL;
}

int snn_schedule_push(struct snn_schedule *schedule, struct snn_context *context,
                      const struct snn_spikes *spikes)
{
    struct snnstream_sequence *sequence = &schedule->sequence;
    schedule->spikes = NULL;
    int status = snnstream_spikes_check(context, spikes, snn_shape_size(sequence->shape));
    if (status == SNN_OK) status = snnstream_sequence_reserve(sequence, context, spikes);
    if (status != SNN_OK) return status;
    void *arrivals = schedule->arrivals;
    status = snnbase_grow(context, &arrivals, &schedule->capacity, sequence->capacity / 2,
                          sizeof(*schedule->arrivals));
    schedule->arrivals = arrivals;
    if (status != SNN_OK) return status;
    schedule->moment.sample = spikes->sample;
    schedule->spikes = spikes;
    schedule->row = 0;
    return SNN_OK;
}

/* Microseconds since the step began. */
static double time_of(const struct snn_schedule *s, uint32_t time)
{
    if (s->sequence.order != SNN_ORDER_RECORDED) return (double)time * 0x1p-32 * s->dt_us;
    const double since_us = (double)s->spikes->event_origin_us + (double)time;
    return fmax(0.0, since_us - (double)s->moment.step * s->dt_us);
}

bool snn_schedule_next(struct snn_schedule *schedule, const struct snn_arrival **events_out,
                       size_t *count_out)
{
    struct snnstream_sequence *sequence = &schedule->sequence;
    if (schedule->spikes == NULL || schedule->row == schedule->spikes->step_count) return false;
    snnstream_sequence_make(sequence, schedule->spikes, schedule->row, &schedule->moment);
    for (size_t i = 0; i < sequence->count; i++)
        schedule->arrivals[i] =
            (struct snn_arrival){.time_us = time_of(schedule, (uint32_t)(sequence->key[i] >> 32)),
                                 .address = (uint32_t)sequence->key[i]};
    schedule->row++;
    schedule->moment.step++;
    *events_out = schedule->arrivals;
    *count_out = sequence->count;
    return true;
}
