/* Samples through a device; see play.h.
 */
#include "tools/snndev/play.h"

#include <stdlib.h>

#define ITEMS 1024

int snndev_play_open(struct snndev_play *p, struct snndev_session *s)
{
    const struct snndev_options *o = &s->options;
    const bool recorded = snn_source_kind(s->source) == SNN_SOURCE_EVENTS;
    const struct snn_encoder_options encoder = {.encoding = o->encoding,
                                                .seed = o->seed,
                                                .timesteps = o->timesteps,
                                                .dt_us = o->dt_us,
                                                .singles = recorded};
    const struct snn_schedule_options schedule = {
        .order = recorded ? SNN_ORDER_RECORDED : SNN_ORDER_INTERLEAVE, .dt_us = o->dt_us};
    const struct snn_shape shape = s->program->input_shape;
    p->session = s;
    if (snn_encoder_create(&p->encoder, s->context, &encoder, shape) != SNN_OK ||
        snn_schedule_create(&p->schedule, s->context, &schedule, shape) != SNN_OK)
        return snncli_fail_context(&s->console, s->context, NULL);
    p->intensity =
        malloc((size_t)shape.channels * shape.height * shape.width * sizeof(*p->intensity));
    return p->intensity != NULL ? SNNCLI_EXIT_OK : snndev_fail_memory(s);
}

void snndev_play_close(struct snndev_play *p)
{
    snn_schedule_destroy(&p->schedule);
    snn_encoder_destroy(&p->encoder);
    free(p->events);
    free(p->intensity);
    p->events = NULL;
    p->intensity = NULL;
}

uint32_t snndev_class_of(const struct snn_program *program, const struct snn_device_event *event)
{
    if (event->layer != program->chip.readout_layer) return UINT32_MAX;
    const struct snn_shape map = program->cores[program->core_count - 1].output;
    if (event->feature % program->readout_spread != 0) return UINT32_MAX;
    const uint32_t class =
        (event->feature / program->readout_spread * map.height + event->y) * map.width + event->x;
    return class < program->class_count ? class : UINT32_MAX;
}

/* ---- Back ---- */

static bool take(struct snndev_play *p, const struct snn_device_item *item)
{
    const uint32_t step = p->steps_answered;
    if (item->kind == SNN_DEVICE_EVENT) p->events_out++;
    if (item->kind == SNN_DEVICE_TICK) p->steps_answered = item->value + 1;
    if (item->kind == SNN_DEVICE_END) p->ended = true;
    if (item->kind == SNN_DEVICE_GAP) snndev_losses_add(&p->lost, item);
    return p->item == NULL || p->item(item, step, p->user);
}

/* What has come, waiting at most so long for the first of it. */
static int receive(struct snndev_play *p, unsigned timeout_ms, size_t *count_out)
{
    struct snndev_session *s = p->session;
    struct snn_device_item items[ITEMS];
    int status = snn_device_receive(s->device, s->context, items, ITEMS, count_out, timeout_ms);
    if (status == SNN_ERR_TIMEOUT) {
        *count_out = 0;
        return SNNCLI_EXIT_OK;
    }
    if (status != SNN_OK) return snndev_fail_device(s);
    for (size_t i = 0; i < *count_out; i++) {
        if (!take(p, &items[i])) return SNNCLI_EXIT_INTERRUPTED;
    }
    return SNNCLI_EXIT_OK;
}

/* Until no more than `ahead` steps are unanswered; at the end until the sample has its end. */
static int await(struct snndev_play *p, uint32_t ahead, bool end)
{
    struct snndev_session *s = p->session;
    const unsigned timeout_ms =
        s->options.device.timeout_ms > 0 ? s->options.device.timeout_ms : 1000;
    int status = SNNCLI_EXIT_OK;
    while (status == SNNCLI_EXIT_OK) {
        size_t count = 0;
        const bool wait = end ? !p->ended : p->steps_sent - p->steps_answered > ahead;
        status = receive(p, wait ? timeout_ms : 0, &count);
        if (status != SNNCLI_EXIT_OK || (!wait && count == 0)) break;
        if (count > 0) continue;
        (void)snncli_fail(&s->console, SNNCLI_EXIT_IO, s->options.uri,
                          "sample %llu: no answer within %u ms after step %u of %u",
                          (unsigned long long)p->sample, timeout_ms, p->steps_answered,
                          s->options.timesteps);
        snncli_hint(&s->console, "more time: --timeout MS; or unplug it and plug it in again");
        return SNNCLI_EXIT_IO;
    }
    return status;
}

/* ---- Out ---- */

static bool make_room(struct snndev_play *p, size_t count)
{
    if (count <= p->event_room) return true;
    struct snn_device_event *grown = realloc(p->events, count * sizeof(*grown));
    if (grown == NULL) return false;
    p->events = grown;
    p->event_room = count;
    return true;
}

static int send_step(struct snndev_play *p, const struct snn_arrival *arrivals, size_t count)
{
    struct snndev_session *s = p->session;
    const struct snn_shape shape = s->program->input_shape;
    const double begin_us = p->steps_sent * s->options.dt_us;
    if (!make_room(p, count)) return snndev_fail_memory(s);
    for (size_t i = 0; i < count; i++) {
        const uint32_t place = arrivals[i].address / shape.channels;
        p->events[i] =
            (struct snn_device_event){.time_us = (uint64_t)(begin_us + arrivals[i].time_us),
                                      .feature = (uint16_t)(arrivals[i].address % shape.channels),
                                      .y = (uint8_t)(place / shape.width),
                                      .x = (uint8_t)(place % shape.width)};
    }
    if (snn_device_send(s->device, s->context, p->events, count) != SNN_OK ||
        snn_device_tick(s->device, s->context, p->steps_sent) != SNN_OK)
        return snndev_fail_device(s);
    p->events_in += count;
    p->steps_sent++;
    return await(p, SNNDEV_STEPS_AHEAD, false);
}

static int begin(struct snndev_play *p, uint64_t index)
{
    struct snndev_session *s = p->session;
    int status = SNN_OK;
    if (snn_source_kind(s->source) == SNN_SOURCE_FRAMES) {
        snn_source_frame(s->source, index, p->intensity);
        status = snn_encoder_begin(p->encoder, s->context, index, p->intensity);
    } else {
        status = snn_encoder_begin_recorded(p->encoder, s->context, s->source, index);
    }
    if (status != SNN_OK) {
        (void)snncli_fail_context(&s->console, s->context, s->data_path);
        return SNNCLI_EXIT_DATA;
    }
    p->sample = index;
    p->steps_sent = p->steps_answered = 0;
    p->ended = false;
    snn_schedule_begin(p->schedule);
    if (snn_device_begin(s->device, s->context, (uint32_t)index) != SNN_OK)
        return snndev_fail_device(s);
    return SNNCLI_EXIT_OK;
}

int snndev_play_sample(struct snndev_play *p, uint64_t index)
{
    struct snndev_session *s = p->session;
    const uint32_t timesteps = s->options.timesteps;
    int status = begin(p, index);
    for (uint32_t done = 0; status == SNNCLI_EXIT_OK && done < timesteps;) {
        const uint32_t left = timesteps - done;
        const uint32_t chunk = left < SNN_ENCODER_STEPS_MAX ? left : SNN_ENCODER_STEPS_MAX;
        const struct snn_arrival *arrivals = NULL;
        struct snn_spikes spikes;
        size_t count = 0;
        if (snn_encoder_next(p->encoder, s->context, chunk, &spikes) != SNN_OK ||
            snn_schedule_push(p->schedule, s->context, &spikes) != SNN_OK)
            return snncli_fail_context(&s->console, s->context, s->data_path);
        while (status == SNNCLI_EXIT_OK && snn_schedule_next(p->schedule, &arrivals, &count)) {
            status = send_step(p, arrivals, count);
            if (status == SNNCLI_EXIT_OK && p->go_on != NULL && !p->go_on(p->user))
                status = SNNCLI_EXIT_INTERRUPTED;
        }
        done += chunk;
    }
    if (status != SNNCLI_EXIT_OK) return status;
    if (snn_device_end(s->device, s->context, (uint32_t)index) != SNN_OK)
        return snndev_fail_device(s);
    return await(p, 0, true);
}
