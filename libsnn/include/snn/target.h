/* Targets: whatever executes a spiking net, on this host or elsewhere, behind one interface.
 *
 * A target is opened by URI ("sim"), loads a net, then takes samples: reset, and per chunk of steps
 * push (input spikes), advance, pull (what came out). The simulator is the reference for all
 * others.
 */
#ifndef SNN_TARGET_H
#define SNN_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snn/context.h"
#include "snn/export.h"
#include "snn/net.h"
#include "snn/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What `step_count` steps produced. Arrays belong to the caller, who sizes them for the most steps
 * it advances at once; step-major. */
struct snn_output {
    uint32_t *spikes;             /* [step][readout][class] */
    float *potential;             /* [step][readout][class]: v after the step */
    uint64_t *population_spikes;  /* [step][population] */
    uint64_t *synapse_spikes;     /* [step][synapse]: spikes that arrived, after the pools */
    uint64_t *synapse_operations; /* [step][synapse]: SynOps, each weight added counted as spikes */
    uint64_t *synapse_macs;       /* [step][synapse]: MACs of analog (constant) input */
    uint64_t *input_spikes;       /* [step] */
};

struct snn_target;

/* The plug-in interface: one const struct a target in the registry. `session` is the target's own;
 * outputs are written only on success, errors go to the context. */
struct snn_target_ops {
    const char *name; /* the URI's scheme */
    const char *summary;
    uint32_t parallel_max; /* sessions that may run at once; 0: any number */
    int (*open)(void **session_out, struct snn_context *context, const char *arguments);
    /* The net must stay until close. */
    int (*load)(void *session, struct snn_context *context, const struct snn_net *net);
    /* A further session on the same loaded net, for another thread; closed before the first. */
    int (*fork)(void **session_out, struct snn_context *context, void *session);
    int (*reset)(void *session, struct snn_context *context);
    int (*push)(void *session, struct snn_context *context, const struct snn_spikes *spikes);
    int (*advance)(void *session, struct snn_context *context, uint32_t step_count);
    int (*pull)(void *session, struct snn_context *context, struct snn_output *out);
    void (*close)(void *session);
};

/* Opens a target by URI: "sim". Errors: NOT_FOUND (unknown scheme; the hint lists the known ones),
 * and the target's own. */
SNN_API int snn_target_open(struct snn_target **out, struct snn_context *context, const char *uri);
SNN_API int snn_target_load(struct snn_target *target, struct snn_context *context,
                            const struct snn_net *net);
SNN_API int snn_target_fork(struct snn_target **out, struct snn_context *context,
                            struct snn_target *target);
SNN_API int snn_target_reset(struct snn_target *target, struct snn_context *context);
/* Borrows `spikes` until the pull that follows. */
SNN_API int snn_target_push(struct snn_target *target, struct snn_context *context,
                            const struct snn_spikes *spikes);
SNN_API int snn_target_advance(struct snn_target *target, struct snn_context *context,
                               uint32_t step_count);
SNN_API int snn_target_pull(struct snn_target *target, struct snn_context *context,
                            struct snn_output *out);
SNN_API void snn_target_close(struct snn_target **target);
SNN_API const char *snn_target_name(const struct snn_target *target);
SNN_API uint32_t snn_target_parallel_max(const struct snn_target *target);

#ifdef __cplusplus
}
#endif
#endif
