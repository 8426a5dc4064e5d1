/* Targets from inside: the plug-in interface, and the table of targets that the registry fills in.
 */
#ifndef SNN_STREAM_TARGET_H
#define SNN_STREAM_TARGET_H

#include "snn/target.h"

/* The plug-in interface: one const struct a target in the registry. `session` is the target's own;
 * outputs are written only on success, errors go to the context. The wrapper has checked that a net
 * is loaded before it calls anything but open, load and close. */
struct snn_target_ops {
    const char *name; /* the URI's scheme */
    const char *summary;
    uint32_t parallel_max; /* sessions that may run at once; 0: any number */
    int (*open)(void **session_out, struct snn_context *context, const char *arguments);
    /* The net must stay until close. */
    int (*load)(void *session, struct snn_context *context, const struct snn_net *net);
    /* NULL where parallel_max is 1. */
    int (*fork)(void **session_out, struct snn_context *context, void *session);
    int (*reset)(void *session, struct snn_context *context);
    int (*push)(void *session, struct snn_context *context, const struct snn_spikes *spikes);
    int (*advance)(void *session, struct snn_context *context, uint32_t step_count);
    int (*pull)(void *session, struct snn_context *context, struct snn_output *out);
    void (*close)(void *session);
};

/* All targets, ended by NULL. */
extern const struct snn_target_ops *const snn_target_table[];

#endif
