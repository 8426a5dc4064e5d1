/* Recordings of event cameras, read event by event: a file of any of the formats that are known
 * (docs/formats/events.md), plain or gzipped, in memory that does not grow with its length.
 *
 *     snn_recording_open(&recording, context, "drive.raw", NULL);
 *     while (snn_recording_read(recording, context, events, 4096, &count) == SNN_OK && count > 0)
 *         ...
 *     snn_recording_close(&recording);
 *
 * Data sets of recordings, with labels, are sources (snn/stream.h), which read through this.
 */
#ifndef SNN_RECORDING_H
#define SNN_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snn/context.h"
#include "snn/export.h"

#ifdef __cplusplus
extern "C" {
#endif

/* As the sensor sends it. */
struct snn_camera_event {
    uint64_t time_us; /* the file's own clock, its wraps added up */
    uint16_t x, y;    /* column and row as the file has them */
    uint8_t polarity; /* 1: ON, brighter; 0: OFF */
};

struct snn_recording;

struct snn_recording_options {
    /* How the recording is read and looked at, words with commas between them:
     * "polarity=on|off|merge|swap,pool=N,cut=X:Y:X:Y,mirror=x|y|xy|diagonal,span=MS:MS" and, of
     * tables, "columns=txyp,unit=us" (docs/formats/events.md). NULL: as it is. */
    const char *view;
    /* Asked now and then while it is read; false: stop, with CANCELLED. May be NULL. */
    bool (*go_on)(void *user);
    void *user;
};

/* What is known of a recording. Counts are of what was read so far. */
struct snn_recording_info {
    const char *format;     /* "EVT3" */
    uint32_t width, height; /* of the sensor, before the view; 0: the file does not say */
    uint64_t event_count;   /* handed out */
    uint64_t on_count;      /* of these ON */
    uint64_t first_us;      /* time of the first and last of them; 0 without any */
    uint64_t last_us;
    uint64_t unseen_count;  /* events that the view takes out */
    uint64_t other_count;   /* triggers, frames, motion samples, ...: no events of pixels */
    uint64_t late_count;    /* events whose time stepped back; handed out at the time before */
    uint64_t late_max_us;   /* the farthest of these steps */
    uint64_t invalid_count; /* what the file itself marks as invalid, or is off its own sensor */
};

/* Opens one file. Errors: NOT_FOUND, ACCESS, IO, FORMAT (no format that is known, a header that
 * makes no sense), UNSUPPORTED (built without what unpacks it), INVALID (a view), LIMIT, NOMEM. */
SNN_API int snn_recording_open(struct snn_recording **out, struct snn_context *context,
                               const char *path, const struct snn_recording_options *options);
/* Takes the address, nulls it, accepts NULL. */
SNN_API void snn_recording_close(struct snn_recording **recording);
/* The next events, at most `room` (> 0); their times never go back. 0 of them: the recording is
 * over. Errors: FORMAT (what makes no sense, with its byte; a time that steps back further than any
 * camera's jitter), INVALID (no room; mirror=x and mirror=y without a cut where the file does not
 * say how large its sensor is), IO, LIMIT (also: it unpacks to far more than recordings do),
 * CANCELLED, NOMEM; after one the recording is to be closed. */
SNN_API int snn_recording_read(struct snn_recording *recording, struct snn_context *context,
                               struct snn_camera_event *events, size_t room, size_t *count_out);
/* The file's, as it was opened; it lives as long as the recording. */
SNN_API const char *snn_recording_path(const struct snn_recording *recording);
/* Strings live as long as the library. */
SNN_API void snn_recording_describe(const struct snn_recording *recording,
                                    struct snn_recording_info *out);

#ifdef __cplusplus
}
#endif
#endif
