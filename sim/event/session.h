/* A session: a loaded net, an engine on it and what came out, behind the target interface. What the
 * simulator's targets have in common; they differ in what they may be opened with and load.
 *
 * The functions that take `void *session` go into a table of target operations as they are.
 */
#ifndef SNN_SIM_EVENT_SESSION_H
#define SNN_SIM_EVENT_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/chip/engine.h"
#include "sim/event/async.h"
#include "sim/event/engine.h"
#include "snn/chip.h"
#include "snn/program.h"
#include "snn/target.h"

/* When things happen, as a URI asks for it. */
struct snnsim_timing {
    bool async;
    bool serial; /* input events of one time come one after another, as on a chip's bus */
    bool has_order, has_seed;
    enum snn_order order;
    uint64_t seed;
};

struct snnsim_session {
    struct snn_allocator allocator;
    struct snnsim_timing timing;
    struct snn_chip *chip; /* of a target that is one; forks do without */
    const struct snn_net *net;
    struct snnsim_plan *plan;           /* shared with forks; owned by the first session */
    struct snnsim_routes *routes;       /* the same, of asynchronous semantics only */
    struct snnsim_chip_plan *chip_plan; /* in place of the plan: whole numbers, synchronous */
    bool owns_plan;
    struct snnsim_engine *engine; /* one of the three */
    struct snnsim_async *async;
    struct snnsim_chip *whole;
    const struct snn_spikes *pushed; /* borrowed until advanced */
    uint32_t steps_done;             /* of the pushed chunk */
    struct snn_output output;        /* room for SNN_TARGET_STEPS_MAX steps; rows not yet pulled */
};

/* Names a target and its arguments in messages. */
struct snnsim_syntax {
    const char *target;
    const char *arguments; /* the hint */
};

/* Whether `word`, of `length` characters, is `expected`. */
bool snnsim_timing_is(const char *word, size_t length, const char *expected);

/* Takes "order=NAME" or "seed=N". Errors: INVALID (none of them, or no such order or seed). */
int snnsim_timing_take(struct snnsim_timing *timing, struct snn_context *context,
                       const struct snnsim_syntax *syntax, const char *word, size_t length);
int snnsim_timing_unknown(struct snn_context *context, const struct snnsim_syntax *syntax,
                          const char *word, size_t length);

int snnsim_session_create(struct snnsim_session **out, struct snn_context *context,
                          const struct snnsim_timing *timing);
void snnsim_session_close(void *session);

/* Loads a net; with `program`, which the net was decoded from and which is asynchronous, classes
 * are those of its readout. NULL: of the net's output. */
int snnsim_session_load(struct snnsim_session *session, struct snn_context *context,
                        const struct snn_net *net, const struct snn_program *program);

void snnsim_session_timing(const void *session, const char **semantics_out, const char **order_out);
int snnsim_session_fork(void **session_out, struct snn_context *context, void *session);
int snnsim_session_reset(void *session, struct snn_context *context);
int snnsim_session_push(void *session, struct snn_context *context,
                        const struct snn_spikes *spikes);
int snnsim_session_advance(void *session, struct snn_context *context, uint32_t step_count);
int snnsim_session_pull(void *session, struct snn_context *context, struct snn_output *out);
int snnsim_session_counts(void *session, struct snn_context *context, uint32_t population,
                          uint32_t *counts);
/* Errors: UNSUPPORTED (the session is synchronous). */
int snnsim_session_watch(void *session, struct snn_context *context, snn_spike_fn watch,
                         void *user);
/* Of asynchronous sessions. */
int snnsim_session_ask(void *session, struct snn_context *context, bool (*go_on)(void *user),
                       void *user);

#endif
