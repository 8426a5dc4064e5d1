/* The simulator behind the target interface: sessions that share one plan.
 */
#include "sim/event/target.h"

#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"
#include "sim/event/engine.h"

struct session {
    struct snn_allocator allocator;
    struct snnsim_plan *plan; /* shared with forks; owned by the first session */
    bool owns_plan;
    struct snnsim_engine *engine;
    const struct snn_spikes *pushed; /* borrowed until advanced */
    uint32_t steps_done;             /* of the pushed chunk */
    struct snn_output output;        /* room for SNN_TARGET_STEPS_MAX steps; rows not yet pulled */
};

static int sim_open(void **session_out, struct snn_context *context, const char *arguments)
{
    if (arguments[0] != '\0')
        return snnbase_fail(context, SNN_ERR_INVALID, "target sim takes no arguments, got '%s'",
                            arguments);
    struct session *session = snnbase_alloc(context, 1, sizeof(*session));
    if (session == NULL) return SNN_ERR_NOMEM;
    session->allocator = *snnbase_allocator(context);
    *session_out = session;
    return SNN_OK;
}

static void free_output(struct session *s)
{
    void *arrays[] = {
        s->output.spikes,         s->output.potential,          s->output.population_spikes,
        s->output.synapse_spikes, s->output.synapse_operations, s->output.synapse_macs,
        s->output.input_spikes};
    for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++)
        snnbase_allocator_free(&s->allocator, arrays[i]);
    memset(&s->output, 0, sizeof(s->output));
}

static void unload(struct session *s)
{
    snnsim_engine_destroy(&s->engine);
    if (s->owns_plan) snnsim_plan_destroy(&s->plan);
    s->plan = NULL;
    free_output(s);
}

static void sim_close(void *session)
{
    struct session *s = session;
    unload(s);
    struct snn_allocator allocator = s->allocator;
    snnbase_allocator_free(&allocator, s);
}

/* Engine and output arrays on a plan that is already there. */
static int start(struct session *s, struct snn_context *context)
{
    const struct snn_net *net = s->plan->net;
    const size_t steps = SNN_TARGET_STEPS_MAX;
    size_t classes = (size_t)net->readout_count * net->class_count;
    s->output.spikes = snnbase_alloc(context, steps * classes, sizeof(uint32_t));
    s->output.potential = snnbase_alloc(context, steps * classes, sizeof(float));
    s->output.population_spikes =
        snnbase_alloc(context, steps * net->population_count, sizeof(uint64_t));
    s->output.synapse_spikes = snnbase_alloc(context, steps * net->synapse_count, sizeof(uint64_t));
    s->output.synapse_operations =
        snnbase_alloc(context, steps * net->synapse_count, sizeof(uint64_t));
    s->output.synapse_macs = snnbase_alloc(context, steps * net->synapse_count, sizeof(uint64_t));
    s->output.input_spikes = snnbase_alloc(context, steps, sizeof(uint64_t));
    if (s->output.spikes == NULL || s->output.potential == NULL ||
        s->output.population_spikes == NULL || s->output.synapse_spikes == NULL ||
        s->output.synapse_operations == NULL || s->output.synapse_macs == NULL ||
        s->output.input_spikes == NULL)
        return SNN_ERR_NOMEM;
    return snnsim_engine_create(&s->engine, context, s->plan);
}

static int sim_load(void *session, struct snn_context *context, const struct snn_net *net)
{
    struct session *s = session;
    unload(s);
    int status = snnsim_plan_create(&s->plan, context, net);
    if (status != SNN_OK) return status;
    s->owns_plan = true;
    status = start(s, context);
    if (status != SNN_OK) unload(s);
    return status;
}

static int sim_fork(void **session_out, struct snn_context *context, void *session)
{
    struct session *parent = session;
    void *child = NULL;
    int status = sim_open(&child, context, "");
    if (status != SNN_OK) return status;
    struct session *s = child;
    s->plan = parent->plan;
    status = start(s, context);
    if (status != SNN_OK) {
        sim_close(s);
        return status;
    }
    *session_out = s;
    return SNN_OK;
}

static int sim_reset(void *session, struct snn_context *context)
{
    (void)context;
    struct session *s = session;
    snnsim_engine_reset(s->engine);
    s->pushed = NULL;
    s->output.step_count = 0;
    return SNN_OK;
}

static int sim_push(void *session, struct snn_context *context, const struct snn_spikes *spikes)
{
    (void)context;
    struct session *s = session;
    s->pushed = spikes;
    s->steps_done = 0;
    snnsim_engine_set_constant(s->engine, spikes->constant ? spikes : NULL);
    return SNN_OK;
}

static int sim_advance(void *session, struct snn_context *context, uint32_t step_count)
{
    struct session *s = session;
    const struct snn_spikes *spikes = s->pushed;
    uint32_t left = spikes == NULL ? 0 : spikes->step_count - s->steps_done;
    if (step_count > left)
        return snnbase_fail(context, SNN_ERR_INVALID, "%u steps were asked for, %u were pushed",
                            step_count, left);
    if (step_count > SNN_TARGET_STEPS_MAX - s->output.step_count)
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "%u steps were advanced and not pulled; %u more have no place",
                            s->output.step_count, step_count);
    for (uint32_t end = s->steps_done + step_count; s->steps_done < end; s->steps_done++) {
        uint32_t first = spikes->constant ? 0 : spikes->step_begin[s->steps_done];
        uint32_t last = spikes->constant ? 0 : spikes->step_begin[s->steps_done + 1];
        snnsim_engine_step(s->engine, spikes->address + first,
                           spikes->count != NULL ? spikes->count + first : NULL, last - first,
                           &s->output, s->output.step_count++);
    }
    return SNN_OK;
}

static int sim_pull(void *session, struct snn_context *context, struct snn_output *out)
{
    (void)context;
    struct session *s = session;
    const struct snn_net *net = s->plan->net;
    size_t steps = s->output.step_count;
    size_t classes = steps * net->readout_count * net->class_count;
    size_t synapses = steps * net->synapse_count * sizeof(uint64_t);
    memcpy(out->spikes, s->output.spikes, classes * sizeof(uint32_t));
    memcpy(out->potential, s->output.potential, classes * sizeof(float));
    memcpy(out->population_spikes, s->output.population_spikes,
           steps * net->population_count * sizeof(uint64_t));
    memcpy(out->synapse_spikes, s->output.synapse_spikes, synapses);
    memcpy(out->synapse_operations, s->output.synapse_operations, synapses);
    memcpy(out->synapse_macs, s->output.synapse_macs, synapses);
    memcpy(out->input_spikes, s->output.input_spikes, steps * sizeof(uint64_t));
    out->step_count = s->output.step_count;
    s->output.step_count = 0;
    return SNN_OK;
}

static int sim_counts(void *session, struct snn_context *context, uint32_t population,
                      uint32_t *counts)
{
    const struct session *s = session;
    int status = snnsim_engine_count(s->engine, context);
    if (status == SNN_OK) snnsim_engine_counts(s->engine, population, counts);
    return status;
}

const struct snn_target_ops snnsim_target = {
    .name = "sim",
    .summary = "event-driven simulation on this host, float32, synchronous",
    .kind = SNN_TARGET_SPIKING,
    .parallel_max = 0,
    .open = sim_open,
    .load = sim_load,
    .fork = sim_fork,
    .reset = sim_reset,
    .push = sim_push,
    .advance = sim_advance,
    .pull = sim_pull,
    .counts = sim_counts,
    .close = sim_close,
};
