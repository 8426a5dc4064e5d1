/* Samples through a device: the steps' events out in their order, what comes back into the tally.
 *
 * Steps are sent ahead of their answers, as far as what they may set off has room on its way, and
 * waited for once a chunk. A step is over when its TICK has come back and a chunk when the CHECK of
 * all that came was right.
 */
#include <math.h>

#include "device/dynapcnn/session.h"
#include "libsnn/base/error.h"

/* Events that may be on their way to the host: an eighth of what a virtual chip has room for. */
#define AHEAD_EVENTS 32768u
#define AHEAD_FIRST 2u /* steps, before it is known what a step sets off */
/* A step takes the device as long as it takes: so many time-outs in a row. */
#define PATIENCE 5u
#define EVENTS_AT_ONCE 512u
/* Steps in a packet: the device is at one while the answers to another are counted here. */
#define PACKET_STEPS 8u

/* ---- Out ---- */

/* END of the sample before, if it was begun, and BEGIN of the next. */
static int begin_sample(struct snndev_session *s, struct snn_context *context)
{
    struct snndev_link *link = snndev_device_link(s->device);
    struct snndev_place *p = &s->place;
    int status = SNN_OK;
    if (p->open) status = snndev_link_mark(link, context, SNNWIRE_MARK_END, 0, p->sample);
    p->sample += p->open;
    p->open = false;
    if (status == SNN_OK) status = snn_device_begin(s->device, context, p->sample);
    if (status != SNN_OK) return status;
    p->open = true;
    p->fresh = false;
    p->begun = p->ended = p->lost = false;
    s->step_events = 0;
    return SNN_OK;
}

/* When an event of the step comes. Who watches has to know from an answer's time which event of its
 * step it answers: then times are their numbers. */
static uint64_t time_of(const struct snndev_session *s, const struct snn_arrival *arrival,
                        size_t number)
{
    const double begin = (double)s->place.sent * s->program->dt_us;
    if (s->watch != NULL) return (uint64_t)begin + number;
    return (uint64_t)(begin + arrival->time_us);
}

static int send_events(struct snndev_session *s, struct snn_context *context, uint32_t row,
                       const struct snn_arrival *arrivals, size_t count)
{
    const struct snn_shape shape = s->net->input_shape;
    struct snnwire_event events[EVENTS_AT_ONCE];
    int status = SNN_OK;
    for (size_t at = 0; status == SNN_OK && at < count;) {
        size_t part = 0;
        for (; part < EVENTS_AT_ONCE && at < count; part++, at++) {
            const uint32_t address = arrivals[at].address, position = address / shape.channels;
            const uint32_t y = position / shape.width, x = position % shape.width;
            events[part] = (struct snnwire_event){.time_us = time_of(s, &arrivals[at], at),
                                                  .feature = (uint16_t)(address % shape.channels),
                                                  .y = (uint8_t)y,
                                                  .x = (uint8_t)x};
            snndev_tally_input(s->tally, row, y, x);
        }
        status = snndev_link_send(snndev_device_link(s->device), context, events, part);
    }
    return status;
}

static int check_watched(const struct snndev_session *s, struct snn_context *context, size_t count)
{
    if (s->watch == NULL || (double)count < floor(s->program->dt_us)) return SNN_OK;
    snnbase_fail(context, SNN_ERR_LIMIT,
                 "step %u has %zu input events, times of %g us tell fewer apart", s->place.sent,
                 count, s->program->dt_us);
    return snnbase_hint(context, "place the net for longer steps, or watch the target chip:%s",
                        s->chip.name);
}

static int send_step(struct snndev_session *s, struct snn_context *context)
{
    const struct snn_arrival *arrivals = NULL;
    const uint32_t row = s->place.sent - s->place.first_row;
    size_t count = 0;
    if (!snn_schedule_next(s->schedule, &arrivals, &count))
        return snnbase_fail(context, SNN_ERR_INTERNAL, "a step that was pushed is not there");
    int status = check_watched(s, context, count);
    if (status != SNN_OK) return status;
    snndev_tally_clear(s->tally, row);
    status = send_events(s, context, row, arrivals, count);
    if (status == SNN_OK) status = snndev_device_tick_later(s->device, context, s->place.sent);
    if (status != SNN_OK) return status;
    s->place.sent++;
    s->steps_left--;
    return SNN_OK;
}

/* ---- In ---- */

static int lose(struct snndev_session *s, struct snn_context *context,
                const struct snn_device_item *gap)
{
    static const char *const where[] = {
        [SNNWIRE_LOSS_HOST] = "events were lost here: this program reads too slowly",
        [SNNWIRE_LOSS_DEVICE] = "events were lost on the device: its buffer to the host was full",
        [SNNWIRE_LOSS_TRANSPORT] = "words were lost on the way from the device"};
    const bool known = gap->loss >= SNNWIRE_LOSS_HOST && gap->loss <= SNNWIRE_LOSS_TRANSPORT;
    s->place.lost = true;
    if (s->allow_loss) return SNN_OK;
    snnbase_fail(context, SNN_ERR_IO, "%s: %u %s", s->uri, gap->value,
                 known ? where[gap->loss] : "events were lost");
    return snnbase_hint(context, "to go on and count what is lost: --allow-loss");
}

/* Whether the event is of a step that was given up. Those of the bias tick have the time at which
 * the next step begins. */
static bool is_late(const struct snndev_session *s, const struct snnwire_event *event)
{
    const struct snndev_place *p = &s->place;
    if (!p->lost) return false;
    if (p->done == p->sent) return true;
    const uint64_t begin = (uint64_t)((double)p->done * s->program->dt_us);
    return p->answered < p->done && event->time_us <= begin;
}

static int take_spike(struct snndev_session *s, struct snn_context *context,
                      const struct snnwire_event *event)
{
    const struct snndev_place *p = &s->place;
    uint32_t population = 0;
    if (is_late(s, event)) return SNN_OK;
    if (p->done == p->sent)
        return snnbase_fail(context, SNN_ERR_PROTOCOL,
                            "%s: an event of core %u behind the last step", s->uri, event->layer);
    if (!snndev_tally_spike(s->tally, p->done - p->first_row, event, &population))
        return snnbase_fail(context, SNN_ERR_PROTOCOL,
                            "%s: a spike of core %u, feature %u, row %u, column %u, where the "
                            "program has no neuron",
                            s->uri, event->layer, event->feature, event->y, event->x);
    if (s->watch == NULL || population == SNN_SOURCE_INPUT) return SNN_OK;
    const uint64_t begin = (uint64_t)((double)p->done * s->program->dt_us);
    const uint64_t last =
        (uint64_t)snndev_tally_output(s->tally)->input_spikes[p->done - p->first_row];
    const uint64_t number = event->time_us - begin;
    const struct snn_spike spike = {.population = population,
                                    .channel = event->feature,
                                    .y = event->y,
                                    .x = event->x,
                                    .step = p->done,
                                    .event = (uint32_t)(number < last ? number : last)};
    s->watch(&spike, s->watch_user);
    return SNN_OK;
}

static int take_tick(struct snndev_session *s, struct snn_context *context, uint32_t step)
{
    struct snndev_place *p = &s->place;
    if (p->lost && step < p->done) { /* nobody waits for it any more */
        p->answered = step + 1;
        return SNN_OK;
    }
    const bool due = step == p->done || (p->lost && step > p->done);
    if (!due || step >= p->sent)
        return snnbase_fail(context, SNN_ERR_PROTOCOL, "%s: answers step %u where %u is due",
                            s->uri, step, p->done);
    p->done = p->answered = step + 1;
    if (s->step_events > s->events_most) s->events_most = s->step_events;
    s->step_events = 0;
    return SNN_OK;
}

/* Of a sample that is over or was given up, answers may still come. */
static int take_mark(struct snndev_session *s, struct snn_context *context,
                     const struct snn_device_item *mark)
{
    struct snndev_place *p = &s->place;
    switch (mark->kind) {
    case SNN_DEVICE_BEGIN:
        p->begun = mark->value == p->sample;
        return SNN_OK;
    case SNN_DEVICE_TICK:
        return p->begun ? take_tick(s, context, mark->value) : SNN_OK;
    case SNN_DEVICE_END:
        p->ended = mark->value == p->sample;
        return SNN_OK;
    case SNN_DEVICE_GAP:
        return lose(s, context, mark);
    case SNN_DEVICE_EVENT:
        break;
    }
    return SNN_OK;
}

/* What comes next. Behind a loss answers may be missing, too: then `*over_out` says that nothing
 * more is waited for. */
static int receive(struct snndev_session *s, struct snn_context *context, bool *over_out)
{
    int status = SNN_ERR_TIMEOUT;
    for (unsigned i = 0; status == SNN_ERR_TIMEOUT && i < PATIENCE; i++)
        status = snndev_device_receive(s->device, context, &s->batch);
    if (status == SNN_ERR_TIMEOUT && s->place.lost) {
        *over_out = true;
        return SNN_OK;
    }
    if (status == SNN_ERR_TIMEOUT) {
        snnbase_fail(context, status, "%s: no answer to step %u of sample %u", s->uri,
                     s->place.done, s->place.sample);
        return snnbase_hint(context, "snndev doctor looks for what is wrong");
    }
    for (size_t i = 0; status == SNN_OK && s->place.begun && i < s->batch.count; i++)
        status = take_spike(s, context, &s->batch.events[i]);
    s->step_events += s->batch.count;
    if (status == SNN_OK && s->batch.has_mark) status = take_mark(s, context, &s->batch.mark);
    return status;
}

/* ---- Steps ---- */

/* Steps that may be sent ahead of their answers. */
static uint32_t count_ahead(const struct snndev_session *s)
{
    if (s->events_most == 0) return AHEAD_FIRST;
    const uint64_t steps = AHEAD_EVENTS / s->events_most;
    return steps == 0 ? 1 : steps < SNN_TARGET_STEPS_MAX ? (uint32_t)steps : SNN_TARGET_STEPS_MAX;
}

/* Packets end at steps that do not depend on when answers come, so that a session that is played
 * again has the same bytes. */
static int send_packet(struct snndev_session *s, struct snn_context *context, uint32_t end)
{
    int status = SNN_OK;
    while (status == SNN_OK && s->place.sent < end)
        status = send_step(s, context);
    return status == SNN_OK ? snndev_link_flush(snndev_device_link(s->device), context) : status;
}

static int run_steps(struct snndev_session *s, struct snn_context *context, uint32_t end)
{
    struct snndev_place *p = &s->place;
    const uint32_t ahead = count_ahead(s), packet = ahead < PACKET_STEPS ? ahead : PACKET_STEPS;
    int status = SNN_OK;
    bool over = false;
    while (status == SNN_OK && p->done < end && !over) {
        while (status == SNN_OK && p->sent < end && p->sent + packet <= p->done + ahead) {
            const uint32_t last = p->sent + packet;
            status = send_packet(s, context, last < end ? last : end);
        }
        if (status == SNN_OK) status = receive(s, context, &over);
    }
    if (over) p->done = end;
    return status == SNN_OK ? snndev_device_settle(s->device, context) : status;
}

int snndev_session_reset(void *session, struct snn_context *context)
{
    struct snndev_session *s = session;
    (void)context;
    s->place.fresh = true;
    s->place.sent = s->place.done = s->place.answered = s->place.first_row = 0;
    s->place.stepped = false;
    s->pushed = NULL;
    s->steps_left = 0;
    snndev_tally_reset(s->tally);
    snn_schedule_begin(s->schedule);
    return SNN_OK;
}

int snndev_session_push(void *session, struct snn_context *context, const struct snn_spikes *spikes)
{
    struct snndev_session *s = session;
    s->pushed = NULL;
    s->steps_left = 0;
    int status = snn_schedule_push(s->schedule, context, spikes);
    if (status != SNN_OK) return status;
    s->pushed = spikes;
    s->steps_left = spikes->step_count;
    return SNN_OK;
}

int snndev_session_advance(void *session, struct snn_context *context, uint32_t step_count)
{
    struct snndev_session *s = session;
    struct snn_output *output = snndev_tally_output(s->tally);
    if (step_count > s->steps_left)
        return snnbase_fail(context, SNN_ERR_INVALID, "%u steps were asked for, %u were pushed",
                            step_count, s->steps_left);
    if (step_count > SNN_TARGET_STEPS_MAX - output->step_count)
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "%u steps were advanced and not pulled; %u more have no place",
                            output->step_count, step_count);
    if (step_count == 0) return SNN_OK;
    int status = s->place.fresh ? begin_sample(s, context) : SNN_OK;
    s->place.stepped = true;
    if (status == SNN_OK) status = run_steps(s, context, s->place.sent + step_count);
    if (status == SNN_OK) output->step_count += step_count;
    return status;
}

int snndev_session_pull(void *session, struct snn_context *context, struct snn_output *out)
{
    struct snndev_session *s = session;
    (void)context;
    s->place.first_row += snndev_tally_output(s->tally)->step_count;
    snndev_tally_pull(s->tally, out);
    return SNN_OK;
}

int snndev_session_counts(void *session, struct snn_context *context, uint32_t population,
                          uint32_t *counts)
{
    struct snndev_session *s = session;
    if (!snndev_tally_is_counting(s->tally) && s->place.stepped) {
        snnbase_fail(context, SNN_ERR_INVALID, "spikes were not counted from the first step on");
        return snnbase_hint(context, "ask for the counts once after the reset, before any step");
    }
    int status = snndev_tally_count(s->tally, context);
    if (status == SNN_OK) snndev_tally_counts(s->tally, population, counts);
    return status;
}

int snndev_session_watch(void *session, struct snn_context *context, snn_spike_fn watch, void *user)
{
    struct snndev_session *s = session;
    (void)context;
    s->watch = watch;
    s->watch_user = user;
    return SNN_OK;
}

/* ---- Telemetry ---- */

/* The sample that is open ends, and with it all that is on its way: or it is given up. */
static int finish_sample(struct snndev_session *s, struct snn_context *context, bool *over_out)
{
    struct snndev_place *p = &s->place;
    bool over = false;
    *over_out = false;
    if (!p->open) return SNN_OK;
    int status = snn_device_end(s->device, context, p->sample);
    p->open = false;
    p->ended = false;
    while (status == SNN_OK && !p->ended && !over)
        status = receive(s, context, &over);
    *over_out = over;
    p->sample++;
    p->begun = false;
    return status == SNN_OK ? snndev_device_settle(s->device, context) : status;
}

/* Nothing is on its way: what the device sent, this host had or knows that it lost. */
static int check_account(const struct snndev_session *s, struct snn_context *context,
                         const struct snn_device_statistics *t)
{
    const uint64_t had = t->host_events_in + t->host_dropped;
    if (t->transport_dropped > 0 || t->events_sent == had) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_PROTOCOL,
                        "%s: the device says that it sent %llu events, %llu came, and no loss was "
                        "marked",
                        s->uri, (unsigned long long)t->events_sent, (unsigned long long)had);
}

int snndev_session_telemetry(void *session, struct snn_context *context,
                             struct snnstream_telemetry *add)
{
    struct snndev_session *s = session;
    struct snn_device_statistics now;
    bool over = false;
    int status = finish_sample(s, context, &over);
    if (status == SNN_OK) status = snn_device_read_statistics(s->device, context, &now);
    if (status == SNN_OK && !over) status = check_account(s, context, &now);
    if (status != SNN_OK) return status;
    if (add != NULL) {
        add->sessions++;
        add->info = *snn_device_about(s->device);
        add->load = s->load;
        snnstream_telemetry_add(&add->statistics, &now, &s->told);
        snnstream_trips_since(&add->trips, snndev_device_trips(s->device), &s->trips_told);
    }
    s->told = now;
    s->trips_told = *snndev_device_trips(s->device);
    return SNN_OK;
}
