/* What a virtual chip executes: the program in force on the target "chip:NAME", step by step, each
 * with its input events in the order in which they came. Spikes are handed on one by one, with the
 * time of the input event that set them off.
 *
 * A step is computed when it is over, which nobody can tell from the stream: events carry times.
 */
#ifndef SNN_DEVICE_VCHIP_EXECUTE_H
#define SNN_DEVICE_VCHIP_EXECUTE_H

#include "libsnn/base/memory.h"
#include "snn/target.h"

/* Most input events of a step. */
#define SNNDEV_STEP_EVENTS_MAX ((size_t)1 << 18)

/* A spike of core `core`; `bias`: of the tick at the end of the step. */
struct snndev_firing {
    const struct snn_core *core;
    uint64_t time_us;
    uint32_t channel, y, x;
    bool bias;
};
typedef void (*snndev_firing_fn)(const struct snndev_firing *firing, void *user);

struct snndev_execute {
    struct snn_allocator allocator;
    struct snn_target *target;
    struct snn_program *program; /* in force; NULL: none is */
    struct snn_output output;    /* which nobody looks at */
    uint64_t *present;           /* a bit an address of the input; 0 between steps */
    struct snnbase_arena arena;  /* of these two */
    snndev_firing_fn fire;
    void *user;
    bool (*go_on)(void *user); /* asked within steps, NULL: nobody is */
    void *go_on_user;
    /* Of the step under way: times as they came, events as the target takes them. */
    uint64_t *times;
    struct snn_event *events;
    uint32_t *addresses;
    float *counts;
    size_t count, capacity[4];
    uint32_t step;
};

/* Errors: those of opening the target; fini in any case. */
int snndev_execute_init(struct snndev_execute *execute, struct snn_context *context,
                        const char *chip, snndev_firing_fn fire, void *user);
void snndev_execute_fini(struct snndev_execute *execute);

/* The program, which is taken over in any case, comes in force. Errors: those of the target; no
 * program is in force then. */
int snndev_execute_load(struct snndev_execute *execute, struct snn_context *context,
                        struct snn_program *program);
/* Initial potentials, step 0, no events. */
int snndev_execute_begin(struct snndev_execute *execute, struct snn_context *context);
/* An event of the input, which is within it. Errors: LIMIT, NOMEM. */
int snndev_execute_event(struct snndev_execute *execute, struct snn_context *context,
                         uint64_t time_us, uint32_t address);
/* The step is over: its events, one after another, then the biases. Errors: CANCELLED (go_on said
 * no), those of the target. */
int snndev_execute_tick(struct snndev_execute *execute, struct snn_context *context);

#endif
