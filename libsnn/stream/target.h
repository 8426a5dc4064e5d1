/* Targets from inside: the plug-in interface, and the table of targets that the registry fills in.
 */
#ifndef SNN_STREAM_TARGET_H
#define SNN_STREAM_TARGET_H

#include "libsnn/stream/telemetry.h"
#include "snn/target.h"

/* What the target was opened by, arguments and all, as long as it is open. */
const char *snnstream_target_uri(const struct snn_target *target);

/* Has advance of this session, until its next load, ask now and then within a step whether to go
 * on; where it says no, advance gives CANCELLED and the sample is spoilt until the next reset. NULL
 * ends that. Errors: UNSUPPORTED. */
int snnstream_target_ask(struct snn_target *target, struct snn_context *context,
                         bool (*go_on)(void *user), void *user);

/* Adds one session of the target to `add`, or only begins anew where that is NULL; nothing for a
 * target that is no device. Errors: PROTOCOL (what the device counted is not what came), TIMEOUT,
 * GONE, IO. */
int snnstream_target_telemetry(struct snn_target *target, struct snn_context *context,
                               struct snnstream_telemetry *add);

/* The plug-in interface: one const struct a target in the registry. `session` is the target's own;
 * outputs are written only on success, errors go to the context. The wrapper has checked that a net
 * or graph is loaded before it calls anything but open, load, load_graph and close. A target of one
 * kind leaves the functions of the other NULL; they are never called. */
struct snn_target_ops {
    const char *name; /* what a URI begins with, up to its end or a colon: "sim", "frame:int8" */
    const char *summary;
    enum snn_target_kind kind;
    uint32_t parallel_max; /* sessions that may run at once; 0: any number */
    int (*open)(void **session_out, struct snn_context *context, const char *arguments);
    /* Semantics and order (snn_target_semantics). NULL: a spiking target is synchronous. */
    void (*timing)(const void *session, const char **semantics_out, const char **order_out);
    /* NULL: the target is no chip. */
    const struct snn_chip *(*chip)(const void *session);
    /* The net must stay until close. */
    int (*load)(void *session, struct snn_context *context, const struct snn_net *net);
    /* NULL: the target is no chip. The program and the net that it was decoded to must stay until
     * close; that net is what everything below speaks of. */
    int (*load_program)(void *session, struct snn_context *context,
                        const struct snn_program *program, const struct snn_net *net);
    /* NULL where parallel_max is 1. */
    int (*fork)(void **session_out, struct snn_context *context, void *session);
    int (*reset)(void *session, struct snn_context *context);
    int (*push)(void *session, struct snn_context *context, const struct snn_spikes *spikes);
    int (*advance)(void *session, struct snn_context *context, uint32_t step_count);
    int (*pull)(void *session, struct snn_context *context, struct snn_output *out);
    /* Of a population that exists. NULL: the target does not tell. */
    int (*counts)(void *session, struct snn_context *context, uint32_t population,
                  uint32_t *counts);
    /* NULL: the target does not tell spikes one by one. */
    int (*watch)(void *session, struct snn_context *context, snn_spike_fn watch, void *user);
    /* NULL: the target does not ask. */
    int (*ask)(void *session, struct snn_context *context, bool (*go_on)(void *user), void *user);
    /* NULL: nothing can be lost. */
    void (*allow_loss)(void *session, bool allow);
    /* Ends the sample at hand and adds what happened since the last call, or since the load, to
     * `add`, unless that is NULL. NULL: the target is no device. */
    int (*telemetry)(void *session, struct snn_context *context, struct snnstream_telemetry *add);
    /* Frame-based targets. The graph must stay until close. */
    int (*load_graph)(void *session, struct snn_context *context, const struct snn_graph *graph);
    int (*infer)(void *session, struct snn_context *context, const float *intensity, float *output);
    void (*close)(void *session);
};

/* Whether the target takes events in the order of a recording, one by one: what encodes for it must
 * hand them out. */
bool snnstream_target_takes_singles(const struct snn_target *target);

/* All targets, ended by NULL. */
extern const struct snn_target_ops *const snn_target_table[];

#endif
