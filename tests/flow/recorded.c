/* A recording as it is read: recorded FILE ROOM. To standard output 13 bytes an event, time (8), x
 * (2), y (2), polarity (1), little-endian; to standard error what is known of it, as JSON.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "snn/context.h"
#include "snn/recording.h"
#include "snn/status.h"

enum { ROOM_MAX = 4096, EVENT_SIZE = 13 };

static void put(unsigned char *out, uint64_t value, unsigned width)
{
    for (unsigned i = 0; i < width; i++)
        out[i] = (unsigned char)(value >> (8 * i));
}

static void write_events(const struct snn_camera_event *events, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        unsigned char bytes[EVENT_SIZE];
        put(bytes, events[i].time_us, 8);
        put(bytes + 8, events[i].x, 2);
        put(bytes + 10, events[i].y, 2);
        put(bytes + 12, events[i].polarity, 1);
        fwrite(bytes, 1, sizeof(bytes), stdout);
    }
}

static int read_all(struct snn_recording *recording, struct snn_context *context, size_t room)
{
    static struct snn_camera_event events[ROOM_MAX];
    struct snn_recording_info info;
    size_t count = 1;
    while (count > 0) {
        int status = snn_recording_read(recording, context, events, room, &count);
        if (status != SNN_OK) return status;
        write_events(events, count);
    }
    snn_recording_describe(recording, &info);
    fprintf(stderr,
            "{\"format\": \"%s\", \"width\": %" PRIu32 ", \"height\": %" PRIu32
            ", \"events\": %" PRIu64 ", \"on\": %" PRIu64 ", \"others\": %" PRIu64
            ", \"invalid\": %" PRIu64 ", \"late\": %" PRIu64 "}\n",
            info.format, info.width, info.height, info.event_count, info.on_count, info.other_count,
            info.invalid_count, info.late_count);
    return SNN_OK;
}

int main(int argc, char **argv)
{
    struct snn_context *context = NULL;
    struct snn_recording *recording = NULL;
    const long room = argc > 2 ? strtol(argv[2], NULL, 10) : ROOM_MAX;
    if (argc < 2 || room < 1 || room > ROOM_MAX) return 64;
    int status = snn_context_create(&context, NULL);
    if (status == SNN_OK) status = snn_recording_open(&recording, context, argv[1], NULL);
    if (status == SNN_OK) status = read_all(recording, context, (size_t)room);
    if (status != SNN_OK && context != NULL)
        fprintf(stderr, "%s\n%s\n", snn_context_message(context), snn_context_hint(context));
    snn_recording_close(&recording);
    snn_context_destroy(&context);
    return status == SNN_OK ? 0 : 65;
}
