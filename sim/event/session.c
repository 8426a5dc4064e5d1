/* Sessions: loading, stepping whichever engine the net and the semantics ask for, handing over what
 * came out. Forks share the plan of the first session and have an engine and results of their own.
 */
#include "sim/event/session.h"

#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"

/* ---- "order=random,seed=7" ---- */

int snnsim_timing_unknown(struct snn_context *context, const struct snnsim_syntax *syntax,
                          const char *word, size_t length)
{
    snnbase_fail(context, SNN_ERR_INVALID, "target %s: unknown argument '%.*s'", syntax->target,
                 (int)length, word);
    return snnbase_hint(context, "%s", syntax->arguments);
}

bool snnsim_timing_is(const char *word, size_t length, const char *expected)
{
    return strlen(expected) == length && memcmp(word, expected, length) == 0;
}

static bool take_order(struct snnsim_timing *timing, const char *name, size_t length)
{
    for (int i = 0; snn_order_name((enum snn_order)i) != NULL; i++) {
        if (!snnsim_timing_is(name, length, snn_order_name((enum snn_order)i))) continue;
        timing->order = (enum snn_order)i;
        timing->has_order = true;
        return true;
    }
    return false;
}

static int take_seed(struct snnsim_timing *timing, struct snn_context *context, const char *target,
                     const char *text, size_t length)
{
    uint64_t seed = 0;
    bool good = length > 0;
    for (size_t i = 0; good && i < length; i++) {
        const unsigned digit = (unsigned)(text[i] - '0');
        good = digit <= 9 && seed <= (UINT64_MAX - digit) / 10;
        if (good) seed = seed * 10 + digit;
    }
    if (!good)
        return snnbase_fail(context, SNN_ERR_INVALID, "target %s: '%.*s' is no seed", target,
                            (int)length, text);
    timing->seed = seed;
    timing->has_seed = true;
    return SNN_OK;
}

int snnsim_timing_take(struct snnsim_timing *timing, struct snn_context *context,
                       const struct snnsim_syntax *syntax, const char *word, size_t length)
{
    if (strncmp(word, "seed=", 5) == 0)
        return take_seed(timing, context, syntax->target, word + 5, length - 5);
    if (strncmp(word, "order=", 6) == 0 && take_order(timing, word + 6, length - 6)) return SNN_OK;
    return snnsim_timing_unknown(context, syntax, word, length);
}

void snnsim_session_timing(const void *session, const char **semantics_out, const char **order_out)
{
    const struct snnsim_session *s = session;
    *semantics_out = s->timing.async ? "async" : "sync";
    *order_out = s->timing.async ? snn_order_name(s->timing.order) : NULL;
}

int snnsim_session_create(struct snnsim_session **out, struct snn_context *context,
                          const struct snnsim_timing *timing)
{
    struct snnsim_session *session = snnbase_alloc(context, 1, sizeof(*session));
    if (session == NULL) return SNN_ERR_NOMEM;
    session->allocator = *snnbase_allocator(context);
    session->timing = *timing;
    *out = session;
    return SNN_OK;
}

/* ---- Loading ---- */

static void free_output(struct snnsim_session *s)
{
    void *arrays[] = {
        s->output.spikes,         s->output.potential,          s->output.population_spikes,
        s->output.synapse_spikes, s->output.synapse_operations, s->output.synapse_macs,
        s->output.input_spikes};
    for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++)
        snnbase_allocator_free(&s->allocator, arrays[i]);
    memset(&s->output, 0, sizeof(s->output));
}

static void unload(struct snnsim_session *s)
{
    snnsim_engine_destroy(&s->engine);
    snnsim_async_destroy(&s->async);
    snnsim_chip_destroy(&s->whole);
    if (s->owns_plan) {
        snnsim_chip_plan_destroy(&s->chip_plan);
        snnsim_routes_destroy(&s->routes);
        snnsim_plan_destroy(&s->plan);
    }
    s->routes = NULL;
    s->plan = NULL;
    s->chip_plan = NULL;
    free_output(s);
}

void snnsim_session_close(void *session)
{
    struct snnsim_session *s = session;
    struct snn_allocator allocator = s->allocator;
    unload(s);
    snnbase_allocator_free(&allocator, s->chip);
    snnbase_allocator_free(&allocator, s);
}

/* Engine and output arrays on a plan that is already there. */
static int start(struct snnsim_session *s, struct snn_context *context)
{
    const struct snn_net *net = s->net;
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
    const struct snnsim_async_options options = {
        .order = s->timing.order, .seed = s->timing.seed, .serial = s->timing.serial};
    if (s->timing.async) return snnsim_async_create(&s->async, context, s->routes, &options);
    if (s->chip_plan != NULL) return snnsim_chip_create(&s->whole, context, s->chip_plan);
    return snnsim_engine_create(&s->engine, context, s->plan);
}

int snnsim_session_load(struct snnsim_session *s, struct snn_context *context,
                        const struct snn_net *net, const struct snn_program *program)
{
    unload(s);
    const bool whole = net->arith == SNN_ARITH_CHIP && !s->timing.async;
    int status = whole ? snnsim_chip_plan_create(&s->chip_plan, context, net)
                       : snnsim_plan_create(&s->plan, context, net);
    if (status != SNN_OK) return status;
    s->net = net;
    s->owns_plan = true;
    if (s->timing.async) status = snnsim_routes_create(&s->routes, context, s->plan);
    if (status == SNN_OK && program != NULL)
        status = snnsim_outlets_make(s->routes, context, program);
    if (status == SNN_OK) status = start(s, context);
    if (status != SNN_OK) unload(s);
    return status;
}

int snnsim_session_fork(void **session_out, struct snn_context *context, void *session)
{
    const struct snnsim_session *parent = session;
    struct snnsim_session *s = NULL;
    int status = snnsim_session_create(&s, context, &parent->timing);
    if (status != SNN_OK) return status;
    s->net = parent->net;
    s->plan = parent->plan;
    s->chip_plan = parent->chip_plan;
    s->routes = parent->routes;
    status = start(s, context);
    if (status != SNN_OK) {
        snnsim_session_close(s);
        return status;
    }
    *session_out = s;
    return SNN_OK;
}

int snnsim_session_reset(void *session, struct snn_context *context)
{
    (void)context;
    struct snnsim_session *s = session;
    if (s->timing.async)
        snnsim_async_reset(s->async);
    else if (s->whole != NULL)
        snnsim_chip_reset(s->whole);
    else
        snnsim_engine_reset(s->engine);
    s->pushed = NULL;
    s->output.step_count = 0;
    return SNN_OK;
}

int snnsim_session_push(void *session, struct snn_context *context, const struct snn_spikes *spikes)
{
    struct snnsim_session *s = session;
    s->pushed = NULL;
    if (s->timing.async) {
        int status = snnsim_async_push(s->async, context, spikes);
        if (status != SNN_OK) return status;
    }
    s->pushed = spikes;
    s->steps_done = 0;
    if (s->engine == NULL) return SNN_OK;
    snnsim_engine_set_constant(s->engine, spikes->constant ? spikes : NULL);
    return SNN_OK;
}

int snnsim_session_advance(void *session, struct snn_context *context, uint32_t step_count)
{
    struct snnsim_session *s = session;
    const struct snn_spikes *spikes = s->pushed;
    uint32_t left = spikes == NULL ? 0 : spikes->step_count - s->steps_done;
    if (step_count > left)
        return snnbase_fail(context, SNN_ERR_INVALID, "%u steps were asked for, %u were pushed",
                            step_count, left);
    if (step_count > SNN_TARGET_STEPS_MAX - s->output.step_count)
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "%u steps were advanced and not pulled; %u more have no place",
                            s->output.step_count, step_count);
    if (s->whole != NULL) {
        snnsim_chip_advance(s->whole, spikes, s->steps_done, step_count, &s->output);
        s->steps_done += step_count;
        return SNN_OK;
    }
    if (!s->timing.async) {
        snnsim_engine_run(s->engine, spikes, s->steps_done, step_count, &s->output);
        s->steps_done += step_count;
        return SNN_OK;
    }
    for (; step_count > 0; step_count--, s->steps_done++, s->output.step_count++) {
        int status = snnsim_async_step(s->async, context, spikes, s->steps_done, &s->output,
                                       s->output.step_count);
        if (status != SNN_OK) return status;
    }
    return SNN_OK;
}

int snnsim_session_pull(void *session, struct snn_context *context, struct snn_output *out)
{
    (void)context;
    struct snnsim_session *s = session;
    const struct snn_net *net = s->net;
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

int snnsim_session_counts(void *session, struct snn_context *context, uint32_t population,
                          uint32_t *counts)
{
    const struct snnsim_session *s = session;
    int status = SNN_OK;
    if (s->timing.async) {
        status = snnsim_async_count(s->async, context);
        if (status == SNN_OK) snnsim_async_counts(s->async, population, counts);
        return status;
    }
    if (s->whole != NULL) {
        status = snnsim_chip_count(s->whole, context);
        if (status == SNN_OK) snnsim_chip_counts(s->whole, population, counts);
        return status;
    }
    status = snnsim_engine_count(s->engine, context);
    if (status == SNN_OK) snnsim_engine_counts(s->engine, population, counts);
    return status;
}

int snnsim_session_watch(void *session, struct snn_context *context, snn_spike_fn watch, void *user)
{
    const struct snnsim_session *s = session;
    if (!s->timing.async) {
        (void)snnbase_fail(context, SNN_ERR_UNSUPPORTED,
                           "synchronous semantics have no order of spikes to tell");
        return snnbase_hint(context, "count them after each step, or run asynchronously");
    }
    snnsim_async_watch(s->async, watch, user);
    return SNN_OK;
}

int snnsim_session_ask(void *session, struct snn_context *context, bool (*go_on)(void *user),
                       void *user)
{
    (void)context;
    const struct snnsim_session *s = session;
    snnsim_async_ask(s->async, go_on, user);
    return SNN_OK;
}
