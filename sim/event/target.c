/* The simulator behind the target interface: sessions that share one plan.
 */
#include "sim/event/target.h"

#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"
#include "sim/chip/engine.h"
#include "sim/event/async.h"
#include "sim/event/engine.h"

/* What the URI asked for. */
struct choice {
    bool async;
    bool has_order, has_seed;
    enum snnsim_order order;
    uint64_t seed;
};

struct session {
    struct snn_allocator allocator;
    struct choice choice;
    const struct snn_net *net;
    struct snnsim_plan *plan;           /* shared with forks; owned by the first session */
    struct snnsim_routes *routes;       /* the same, of asynchronous semantics only */
    struct snnsim_chip_plan *chip_plan; /* in place of the plan: whole numbers, synchronous */
    bool owns_plan;
    struct snnsim_engine *engine; /* one of the three */
    struct snnsim_async *async;
    struct snnsim_chip *chip;
    const struct snn_spikes *pushed; /* borrowed until advanced */
    uint32_t steps_done;             /* of the pushed chunk */
    struct snn_output output;        /* room for SNN_TARGET_STEPS_MAX steps; rows not yet pulled */
};

/* ---- "sim:async,order=random,seed=7" ---- */

static int unknown_argument(struct snn_context *context, const char *word, size_t length)
{
    snnbase_fail(context, SNN_ERR_INVALID, "target sim: unknown argument '%.*s'", (int)length,
                 word);
    return snnbase_hint(context, "sim:sync, or sim:async with order=raster|interleave|random|"
                                 "recorded and seed=N, separated by commas");
}

static bool is_word(const char *word, size_t length, const char *expected)
{
    return strlen(expected) == length && memcmp(word, expected, length) == 0;
}

static int take_order(struct choice *choice, struct snn_context *context, const char *word,
                      size_t length)
{
    for (int i = 0; i < SNNSIM_ORDER_COUNT; i++) {
        if (!is_word(word, length, snnsim_order_names[i])) continue;
        choice->order = (enum snnsim_order)i;
        choice->has_order = true;
        return SNN_OK;
    }
    return unknown_argument(context, word - strlen("order="), length + strlen("order="));
}

static int take_seed(struct choice *choice, struct snn_context *context, const char *word,
                     size_t length)
{
    uint64_t seed = 0;
    for (size_t i = 0; i < length; i++) {
        const unsigned digit = (unsigned)(word[i] - '0');
        if (digit > 9 || seed > (UINT64_MAX - digit) / 10) {
            length = 0;
            break;
        }
        seed = seed * 10 + digit;
    }
    if (length == 0)
        return snnbase_fail(context, SNN_ERR_INVALID, "target sim: '%s' is no seed", word);
    choice->seed = seed;
    choice->has_seed = true;
    return SNN_OK;
}

static int take_argument(struct choice *choice, struct snn_context *context, const char *word,
                         size_t length)
{
    if (is_word(word, length, "sync") || is_word(word, length, "async")) {
        choice->async = word[0] == 'a';
        return SNN_OK;
    }
    if (strncmp(word, "order=", 6) == 0) return take_order(choice, context, word + 6, length - 6);
    if (strncmp(word, "seed=", 5) == 0) return take_seed(choice, context, word + 5, length - 5);
    return unknown_argument(context, word, length);
}

static int parse_choice(struct choice *choice, struct snn_context *context, const char *arguments)
{
    *choice = (struct choice){.order = SNNSIM_ORDER_INTERLEAVE};
    for (const char *word = arguments; *word != '\0';) {
        size_t length = strcspn(word, ",");
        int status = take_argument(choice, context, word, length);
        if (status != SNN_OK) return status;
        word += length + (word[length] == ',');
    }
    if (!choice->async && (choice->has_order || choice->has_seed))
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "target sim: only asynchronous semantics have an order and its seed");
    return SNN_OK;
}

static int sim_open(void **session_out, struct snn_context *context, const char *arguments)
{
    struct choice choice;
    int status = parse_choice(&choice, context, arguments);
    if (status != SNN_OK) return status;
    struct session *session = snnbase_alloc(context, 1, sizeof(*session));
    if (session == NULL) return SNN_ERR_NOMEM;
    session->allocator = *snnbase_allocator(context);
    session->choice = choice;
    *session_out = session;
    return SNN_OK;
}

static void sim_timing(const void *session, const char **semantics_out, const char **order_out)
{
    const struct session *s = session;
    *semantics_out = s->choice.async ? "async" : "sync";
    *order_out = s->choice.async ? snnsim_order_names[s->choice.order] : NULL;
}

/* ---- Loading ---- */

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
    snnsim_async_destroy(&s->async);
    snnsim_chip_destroy(&s->chip);
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
    if (s->choice.async)
        return snnsim_async_create(&s->async, context, s->routes, s->choice.order, s->choice.seed);
    if (s->chip_plan != NULL) return snnsim_chip_create(&s->chip, context, s->chip_plan);
    return snnsim_engine_create(&s->engine, context, s->plan);
}

static int sim_load(void *session, struct snn_context *context, const struct snn_net *net)
{
    struct session *s = session;
    unload(s);
    const bool chip = net->arith == SNN_ARITH_CHIP && !s->choice.async;
    int status = chip ? snnsim_chip_plan_create(&s->chip_plan, context, net)
                      : snnsim_plan_create(&s->plan, context, net);
    if (status != SNN_OK) return status;
    s->net = net;
    s->owns_plan = true;
    if (s->choice.async) status = snnsim_routes_create(&s->routes, context, s->plan);
    if (status == SNN_OK) status = start(s, context);
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
    s->choice = parent->choice;
    s->net = parent->net;
    s->plan = parent->plan;
    s->chip_plan = parent->chip_plan;
    s->routes = parent->routes;
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
    if (s->choice.async)
        snnsim_async_reset(s->async);
    else if (s->chip != NULL)
        snnsim_chip_reset(s->chip);
    else
        snnsim_engine_reset(s->engine);
    s->pushed = NULL;
    s->output.step_count = 0;
    return SNN_OK;
}

static int sim_push(void *session, struct snn_context *context, const struct snn_spikes *spikes)
{
    struct session *s = session;
    s->pushed = NULL;
    if (s->choice.async) {
        int status = snnsim_async_push(s->async, context, spikes);
        if (status != SNN_OK) return status;
    }
    s->pushed = spikes;
    s->steps_done = 0;
    if (s->engine == NULL) return SNN_OK;
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
    if (s->chip != NULL) {
        snnsim_chip_advance(s->chip, spikes, s->steps_done, step_count, &s->output);
        s->steps_done += step_count;
        return SNN_OK;
    }
    if (!s->choice.async) {
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

static int sim_pull(void *session, struct snn_context *context, struct snn_output *out)
{
    (void)context;
    struct session *s = session;
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

static int sim_counts(void *session, struct snn_context *context, uint32_t population,
                      uint32_t *counts)
{
    const struct session *s = session;
    int status = SNN_OK;
    if (s->choice.async) {
        status = snnsim_async_count(s->async, context);
        if (status == SNN_OK) snnsim_async_counts(s->async, population, counts);
        return status;
    }
    if (s->chip != NULL) {
        status = snnsim_chip_count(s->chip, context);
        if (status == SNN_OK) snnsim_chip_counts(s->chip, population, counts);
        return status;
    }
    status = snnsim_engine_count(s->engine, context);
    if (status == SNN_OK) snnsim_engine_counts(s->engine, population, counts);
    return status;
}

const struct snn_target_ops snnsim_target = {
    .name = "sim",
    .summary = "event-driven simulation on this host, in floats or a chip's integers",
    .kind = SNN_TARGET_SPIKING,
    .parallel_max = 0,
    .open = sim_open,
    .timing = sim_timing,
    .load = sim_load,
    .fork = sim_fork,
    .reset = sim_reset,
    .push = sim_push,
    .advance = sim_advance,
    .pull = sim_pull,
    .counts = sim_counts,
    .close = sim_close,
};
