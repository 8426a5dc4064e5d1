/* live MODEL RECORDING [TARGET [WINDOW_MS [HOP_MS]]]: what is to be seen, again and again, while a
 * recording of an event camera goes by.
 *
 * Every HOP_MS the events of the last WINDOW_MS are shown to the net, from its initial state on;
 * one line of comma-separated values a decision.
 */
#include <snn/snn.h>
#include <stdio.h>
#include <stdlib.h>

struct view {
    struct snn_event *events; /* of a window, from time 0 on */
    uint32_t window_us, hop_us;
};

/* The events from `begin` on, until the window ends. */
static size_t fill(struct view *view, const struct snn_event *events, uint64_t count,
                   uint64_t begin_us)
{
    size_t size = 0;
    for (uint64_t i = 0; i < count && events[i].time_us < begin_us + view->window_us; i++) {
        if (events[i].time_us < begin_us) continue;
        view->events[size].time_us = (uint32_t)(events[i].time_us - begin_us);
        view->events[size++].address = events[i].address;
    }
    return size;
}

static int watch(struct snn_context *context, struct snn_classifier *net,
                 const struct snn_source *recording, struct view *view)
{
    uint64_t count = 0;
    const struct snn_event *events = snn_source_events(recording, 0, &count);
    const uint64_t duration_us = snn_source_duration_us(recording);
    struct snn_prediction answer;
    view->events = calloc(count + 1, sizeof(*view->events));
    if (view->events == NULL) return snn_context_fail(context, SNN_ERR_NOMEM, "out of memory");
    int status = SNN_OK;
    printf("from_ms,to_ms,events,class,first_ms\n");
    for (uint64_t at = 0; status == SNN_OK && at < duration_us; at += view->hop_us) {
        /* What is before the window will not be seen again. */
        while (count > 0 && events[0].time_us < at) {
            events++;
            count--;
        }
        const size_t size = fill(view, events, count, at);
        status = snn_classifier_events(net, context, view->events, size, &answer);
        if (status == SNN_OK)
            printf("%llu,%llu,%zu,%d,%u\n", (unsigned long long)at / 1000,
                   (unsigned long long)(at + view->window_us) / 1000, size, answer.class_index,
                   answer.first_step);
        fflush(stdout);
    }
    free(view->events);
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
    struct snn_source *recording = NULL;
    if (argc < 3) {
        fprintf(stderr, "usage: live MODEL RECORDING [TARGET [WINDOW_MS [HOP_MS]]]\n");
        return 64;
    }
    const uint32_t window = milliseconds(argc, argv, 4, 100);
    const uint32_t hop = milliseconds(argc, argv, 5, window / 2 > 0 ? window / 2 : 1);
    struct view view = {.window_us = window * 1000, .hop_us = hop * 1000};
    const struct snn_classify_options options = {.timesteps = window};
    if (snn_context_create(&context, NULL) != SNN_OK) return 1;
    int status = snn_classifier_open(&net, context, argv[1], argc > 3 ? argv[3] : "sim", &options);
    const struct snn_source_options sensor = {.shape = snn_classifier_shape(net)};
    if (status == SNN_OK)
        status = snn_source_open(&recording, context, argv[2], SNN_SOURCE_EVENTS, &sensor);
    if (status == SNN_OK) status = watch(context, net, recording, &view);
    if (status != SNN_OK)
        fprintf(stderr, "%s\n%s\n", snn_context_message(context), snn_context_hint(context));
    snn_source_close(&recording);
    snn_classifier_close(&net);
    snn_context_destroy(&context);
    return status == SNN_OK ? 0 : 1;
}
