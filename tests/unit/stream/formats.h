/* Formats of recordings, tried alone: the reader's part is played by a loop that hands a format its
 * bytes in windows of any size, each a block of its own so that a sanitizer sees a byte too far.
 *
 *     static const struct snn_camera_event two[] = {{5, 1, 2, 1}, {9, 0, 0, 0}};
 *     formats_expect(&snnstream_dat_format, bytes, sizeof(bytes), two, 2);
 *     formats_refuse(&snnstream_dat_format, bytes, 7, SNN_ERR_FORMAT, "byte 0: an event of 8");
 */
#ifndef TESTS_UNIT_STREAM_FORMATS_H
#define TESTS_UNIT_STREAM_FORMATS_H

#include <stddef.h>

#include "libsnn/stream/format.h"

enum { FORMATS_EVENTS_MAX = 65536 };

struct formats_run {
    const struct snnstream_format_ops *ops;
    const struct snnstream_columns *columns; /* NULL: all zero */
    size_t window;                           /* bytes handed out at once, at least 1 */
    size_t room;                             /* events taken at once, at least 1 */
};

struct formats_result {
    int status;
    size_t count;
    struct snn_camera_event *events; /* [FORMATS_EVENTS_MAX], static */
    struct snn_recording_info info;  /* of describe, at the end */
};

/* Decodes to the end or the first error. A window grows where the format asks for more. Asserts
 * what format.h demands of every call, and that no more than FORMATS_EVENTS_MAX events come. */
struct formats_result formats_decode(const struct formats_run *run, const void *bytes, size_t size);

/* Asserts that exactly these events come, in windows of 1, 2, 3, ... bytes and in one, with room
 * for 1, 2, 3, ... and for all of them. */
void formats_expect(const struct snnstream_format_ops *ops, const void *bytes, size_t size,
                    const struct snn_camera_event *expected, size_t count);

/* Asserts this status, and that the message begins so, in windows of 1 byte and of all. */
void formats_refuse(const struct snnstream_format_ops *ops, const void *bytes, size_t size,
                    int status, const char *message);

#endif
