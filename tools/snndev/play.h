/* Samples through a device: encoded, event by event out, item by item back.
 *
 * Keeps few steps under way, so that nothing is lost for want of a reader; counts what it sees.
 */
#ifndef TOOLS_SNNDEV_PLAY_H
#define TOOLS_SNNDEV_PLAY_H

#include "tools/snndev/losses.h"
#include "tools/snndev/session.h"

/* Steps that may be sent before the first of them is answered. */
#define SNNDEV_STEPS_AHEAD 8u

struct snndev_play {
    struct snndev_session *session;
    struct snn_encoder *encoder;
    struct snn_schedule *schedule;
    struct snn_device_event *events; /* of one step */
    size_t event_room;
    float *intensity; /* of a frame */
    /* Of the sample that is under way. */
    uint64_t sample;
    uint32_t steps_sent, steps_answered;
    bool ended;
    /* Of all. */
    uint64_t events_in, events_out;
    struct snndev_losses lost;
    /* What came, in order; `step` is the step it belongs to. Returns false to stop. */
    bool (*item)(const struct snn_device_item *item, uint32_t step, void *user);
    /* Between steps; returns false to stop. */
    bool (*go_on)(void *user);
    void *user;
};

/* Errors are printed; exit statuses. INTERRUPTED if `item` or `go_on` stopped it. */
int snndev_play_open(struct snndev_play *play, struct snndev_session *session);
int snndev_play_sample(struct snndev_play *play, uint64_t index);
void snndev_play_close(struct snndev_play *play);

/* The class that an event of the readout stands for; UINT32_MAX if it is none. */
uint32_t snndev_class_of(const struct snn_program *program, const struct snn_device_event *event);

#endif
