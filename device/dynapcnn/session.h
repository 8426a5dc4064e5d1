/* A session of a target that is a device: the open device, what is loaded on it, and where in a
 * sample it is. target.c opens, loads and closes it; stream.c brings samples through.
 */
#ifndef SNN_DEVICE_DYNAPCNN_SESSION_H
#define SNN_DEVICE_DYNAPCNN_SESSION_H

#include "device/device.h"
#include "device/dynapcnn/tally.h"
#include "libsnn/stream/target.h"
#include "snn/chip.h"

/* Where the session is. Samples are numbered as they come, so that answers tell theirs. */
struct snndev_place {
    uint32_t sample;
    bool open;           /* BEGIN was sent, END not */
    bool fresh;          /* reset: the next step begins a sample */
    bool begun;          /* the device has answered BEGIN */
    bool ended;          /* ... and END */
    bool lost;           /* something of this sample */
    bool stepped;        /* since the reset */
    uint32_t sent, done; /* steps of the sample: ticks sent, ticks answered or given up */
    uint32_t answered;   /* behind a loss less than done: what comes may be late */
    uint32_t first_row;  /* step that row 0 of the output stands for */
};

struct snndev_session {
    struct snn_allocator allocator;
    char *uri;    /* of the device alone */
    char *record; /* file for the whole session; NULL: none */
    enum snn_order order;
    uint64_t seed;
    bool allow_loss;
    struct snn_chip chip;
    struct snn_device *device;
    const struct snn_program *program;
    const struct snn_net *net;
    struct snndev_tally *tally;
    struct snn_schedule *schedule;
    const struct snn_spikes *pushed; /* borrowed until advanced */
    uint32_t steps_left;             /* of them */
    struct snndev_place place;
    uint64_t step_events, events_most; /* that came in the step at hand; in any step so far */
    snn_spike_fn watch;
    void *watch_user;
    struct snn_device_load_report load;
    struct snn_device_statistics told; /* when telemetry was asked for the last time */
    struct snnstream_trips trips_told;
    struct snndev_batch batch;
};

/* The functions of the target's table that stream.c has. */
int snndev_session_reset(void *session, struct snn_context *context);
int snndev_session_push(void *session, struct snn_context *context,
                        const struct snn_spikes *spikes);
int snndev_session_advance(void *session, struct snn_context *context, uint32_t step_count);
int snndev_session_pull(void *session, struct snn_context *context, struct snn_output *out);
int snndev_session_counts(void *session, struct snn_context *context, uint32_t population,
                          uint32_t *counts);
int snndev_session_watch(void *session, struct snn_context *context, snn_spike_fn watch,
                         void *user);
int snndev_session_telemetry(void *session, struct snn_context *context,
                             struct snnstream_telemetry *add);

#endif
