/* Prints the events of a recording, one a line, and then what is known of it: recording FILE ROOM
 *
 *     1000 12 34 1
 *     # EVT 3.0 (.raw) | 1280 720 | others 3 late 0 (at most 0 us) invalid 0
 *
 * ROOM events are read at once.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "snn/context.h"
#include "snn/recording.h"
#include "snn/status.h"

enum { ROOM_MAX = 4096 };

static int print_events(struct snn_recording *recording, struct snn_context *context, size_t room)
{
    static struct snn_camera_event events[ROOM_MAX];
    size_t count = 1;
    while (count > 0) {
        int status = snn_recording_read(recording, context, events, room, &count);
        if (status != SNN_OK) return status;
        for (size_t i = 0; i < count; i++)
            printf("%" PRIu64 " %u %u %u\n", events[i].time_us, events[i].x, events[i].y,
                   events[i].polarity);
    }
    return SNN_OK;
}

int main(int argc, char **argv)
{
    struct snn_context *context = NULL;
    struct snn_recording *recording = NULL;
    struct snn_recording_info info;
    const size_t room = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    if (room == 0 || room > ROOM_MAX || snn_context_create(&context, NULL) != SNN_OK) return 2;
    int status = snn_recording_open(&recording, context, argv[1], NULL);
    if (status == SNN_OK) status = print_events(recording, context, room);
    if (status == SNN_OK) {
        snn_recording_describe(recording, &info);
        printf("# %s | %u %u | others %" PRIu64 " late %" PRIu64 " (at most %" PRIu64
               " us) invalid %" PRIu64 "\n",
               info.format, info.width, info.height, info.other_count, info.late_count,
               info.late_max_us, info.invalid_count);
    } else {
        fprintf(stderr, "%s\n", snn_context_message(context));
    }
    snn_recording_close(&recording);
    snn_context_destroy(&context);
    return status != SNN_OK;
}
