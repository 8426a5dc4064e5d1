/* live MODEL RECORDING [TARGET [WINDOW_MS [HOP_MS]]]: what is to be seen, again and again, while a
 * recording of an event camera goes by.
 *
 * Every HOP_MS the events of the last WINDOW_MS are shown to the net, from its initial state on;
 * one line of comma-separated values a decision. Only the events of a window are held.
 */
#include <snn/snn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 4096 };

struct view {
    struct snn_recording *recording;
    struct snn_shape shape;
    struct snn_camera_event batch[BATCH]; /* read, and of it from `at` on not looked at */
    size_t at, held;
    bool over;
    uint64_t start_us;             /* time of the first event */
    uint64_t last_us;              /* since then, of the last event that was taken */
    struct snn_camera_event *seen; /* since the window began */
    size_t seen_count, seen_room;
    struct snn_event *events; /* the same for the net, from time 0 on */
    uint32_t window_us, hop_us;
};

/* The next event; NULL: there is none. */
static int peek(struct snn_context *context, struct view *v, const struct snn_camera_event **out)
{
    *out = NULL;
    if (v->at == v->held && !v->over) {
        int status = snn_recording_read(v->recording, context, v->batch, BATCH, &v->held);
        if (status != SNN_OK) return status;
        v->at = 0;
        v->over = v->held == 0;
    }
    if (!v->over) *out = &v->batch[v->at];
    return SNN_OK;
}

static int take(struct snn_context *context, struct view *v, const struct snn_camera_event *event)
{
    if (event->x >= v->shape.width || event->y >= v->shape.height)
        return snn_context_fail(context, SNN_ERR_INVALID, "an event at %u,%u of an input of %ux%u",
                                event->x, event->y, v->shape.width, v->shape.height);
    if (v->seen_count == v->seen_room) {
        const size_t room = v->seen_room > 0 ? 2 * v->seen_room : BATCH;
        struct snn_camera_event *seen = realloc(v->seen, room * sizeof(*seen));
        if (seen != NULL) v->seen = seen;
        struct snn_event *events = realloc(v->events, room * sizeof(*events));
        if (events != NULL) v->events = events;
        if (seen == NULL || events == NULL)
            return snn_context_fail(context, SNN_ERR_NOMEM, "out of memory");
        v->seen_room = room;
    }
    v->seen[v->seen_count++] = *event;
    v->last_us = event->time_us - v->start_us;
    v->at++;
    return SNN_OK;
}

/* Holds the events of the window that begins so long after the first event, and no others. */
static int move_to(struct snn_context *context, struct view *v, uint64_t begin_us)
{
    const struct snn_camera_event *event = NULL;
    size_t gone = 0;
    while (gone < v->seen_count && v->seen[gone].time_us - v->start_us < begin_us)
        gone++;
    v->seen_count -= gone;
    if (v->seen_count > 0) memmove(v->seen, v->seen + gone, v->seen_count * sizeof(*v->seen));
    int status = peek(context, v, &event);
    while (status == SNN_OK && event != NULL &&
           event->time_us - v->start_us < begin_us + v->window_us) {
        status = take(context, v, event);
        if (status == SNN_OK && v->last_us < begin_us) v->seen_count--;
        if (status == SNN_OK) status = peek(context, v, &event);
    }
    for (size_t i = 0; i < v->seen_count; i++) {
        const struct snn_camera_event *s = &v->seen[i];
        const uint32_t place = s->y * v->shape.width + s->x;
        v->events[i].time_us = (uint32_t)(s->time_us - v->start_us - begin_us);
        v->events[i].address =
            place * v->shape.channels + (v->shape.channels > 1 ? s->polarity : 0u);
    }
    return status;
}

static int watch(struct snn_context *context, struct snn_classifier *net, struct view *v)
{
    const struct snn_camera_event *first = NULL;
    int status = peek(context, v, &first);
    if (status == SNN_OK && first != NULL) v->start_us = first->time_us;
    printf("from_ms,to_ms,events,class,first_ms\n");
    for (uint64_t at = 0; status == SNN_OK && !(v->over && at > v->last_us); at += v->hop_us) {
        struct snn_prediction answer;
        status = move_to(context, v, at);
        if (status == SNN_OK)
            status = snn_classifier_events(net, context, v->events, v->seen_count, &answer);
        if (status == SNN_OK)
            printf("%llu,%llu,%zu,%d,%u\n", (unsigned long long)at / 1000,
                   (unsigned long long)(at + v->window_us) / 1000, v->seen_count,
                   answer.class_index, answer.first_step);
        fflush(stdout);
    }
    return status;
}

static uint32_t milliseconds(int argc, char **argv, int index, uint32_t otherwise)
{
    const uint32_t value = argc > index ? (uint32_t)strtoul(argv[index], NULL, 10) : otherwise;
    return value > 0 && value < 1000000 ? value : otherwise;
}

int main(int argc, char **argv)
{
    struct snn_context *context = NULL;
    struct snn_classifier *net = NULL;
    if (argc < 3) {
        fprintf(stderr, "usage: live MODEL RECORDING [TARGET [WINDOW_MS [HOP_MS]]]\n");
        return 64;
    }
    const uint32_t window = milliseconds(argc, argv, 4, 100);
    const uint32_t hop = milliseconds(argc, argv, 5, window / 2 > 0 ? window / 2 : 1);
    static struct view view;
    view.window_us = window * 1000;
    view.hop_us = hop * 1000;
    const struct snn_classify_options options = {.timesteps = window};
    if (snn_context_create(&context, NULL) != SNN_OK) return 1;
    int status = snn_classifier_open(&net, context, argv[1], argc > 3 ? argv[3] : "sim", &options);
    view.shape = snn_classifier_shape(net);
    if (status == SNN_OK) status = snn_recording_open(&view.recording, context, argv[2], NULL);
    if (status == SNN_OK) status = watch(context, net, &view);
    if (status != SNN_OK)
        fprintf(stderr, "%s\n%s\n", snn_context_message(context), snn_context_hint(context));
    snn_recording_close(&view.recording);
    free(view.seen);
    free(view.events);
    snn_classifier_close(&net);
    snn_context_destroy(&context);
    return status == SNN_OK ? 0 : 1;
}
