/* Formats of recordings: how bytes become events, piece by piece.
 *
 * A format is one const struct in snn_recording_table: a pure state machine that is handed the
 * bytes of a file in order, in windows of any size, and fills room for events. It opens nothing,
 * knows no path and holds no more than its state. The reader around it (recording.c) finds the
 * format, reads and unpacks the file, keeps times from going back, and puts the path before
 * messages.
 *
 *     file -> window -> decode -> events -> view -> whoever reads
 */
#ifndef SNN_STREAM_FORMAT_H
#define SNN_STREAM_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snn/context.h"
#include "snn/recording.h"

/* Bytes of the file at hand. */
struct snnstream_window {
    const unsigned char *bytes; /* unaligned */
    size_t size;
    uint64_t offset; /* of bytes[0] in the (unpacked) file, for messages */
    bool last;       /* the file ends with them */
    size_t taken;    /* out: how many were used up; the rest comes again, with more behind it */
    size_t need;     /* out: where more bytes than `size` are needed to go on, how many in all;
                      * 0: any more will do. Checked against the limits by the reader. */
};

/* Room for events. */
struct snnstream_batch {
    struct snn_camera_event *items;
    size_t room;
    size_t count; /* out, 0 on entry */
};

/* How columns of a table are to be read where it does not say itself (NPY, CSV). */
struct snnstream_columns {
    char order[8];  /* letters of t, x, y, p, and - for a column that is skipped; "": as the file
                     * says, else as is usual */
    double unit_us; /* of its times; 0: as the file says, else 1 */
};

struct snnstream_format_ops {
    const char *name;    /* "EVT3" */
    const char *summary; /* what is accepted, for messages: one phrase */
    size_t state_size;   /* allocated by the reader, zeroed */
    bool takes_columns;  /* a table: columns and unit of a view go with it, and with no other */

    /* How sure the format is that a file which begins so is its own: 0 (not at all) to 100. `head`
     * is the first 4 KiB (or all there is); `file_size` is 0 where it is not known. */
    int (*probe)(const unsigned char *head, size_t size, uint64_t file_size);

    /* Before the first decode; NULL: the state needs nothing but zeros. Errors: NOMEM. */
    int (*begin)(void *state, struct snn_context *context, const struct snnstream_columns *columns);

    /* Decodes until the window is used up or the room is full. Each call takes bytes, gives events
     * or asks for more (taken 0, count 0: only where !last). With `last`, bytes that make no whole
     * item are FORMAT: "byte N: an event of 8 bytes is cut off". The header is decoded by the first
     * calls like anything else. The last call has no bytes (size 0, last) and gives nothing, unless
     * the state still holds events. Events off the sensor that describe tells are taken out and
     * counted by the reader. Errors: FORMAT, LIMIT, UNSUPPORTED, NOMEM; messages begin with
     * "byte N: ", N as offset + place in the window. */
    int (*decode)(void *state, struct snn_context *context, struct snnstream_window *window,
                  struct snnstream_batch *out);

    /* Fills format, width, height, other_count, invalid_count as known by now; NULL: only name. */
    void (*describe)(const void *state, struct snn_recording_info *info);

    /* Lets go of what the state holds, by snnbase_allocator_free: a recording is closed without a
     * context. NULL: nothing. */
    void (*fini)(void *state, const struct snn_allocator *allocator);
};

/* All formats of recordings, ended by NULL. */
extern const struct snnstream_format_ops *const snn_recording_table[];

#endif
