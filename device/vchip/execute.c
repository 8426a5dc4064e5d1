/* From single events to steps of a target and back to single spikes.
 *
 * The order `recorded` takes the events of a step as they are listed, and the target is serial: one
 * event enters when all that the one before it set off is over. Their own times may do as they
 * like, so they stay here, and the target's watch says by number which event it was.
 */
#include "device/vchip/execute.h"

#include <stdio.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/stream/target.h"

int snndev_execute_init(struct snndev_execute *execute, struct snn_context *context,
                        const char *chip, snndev_firing_fn fire, void *user)
{
    static const char scheme[] = "chip:", order[] = ",order=recorded";
    memset(execute, 0, sizeof(*execute));
    execute->allocator = *snnbase_allocator(context);
    execute->fire = fire;
    execute->user = user;
    snnbase_arena_init(&execute->arena, context);
    const size_t size = sizeof(scheme) + strlen(chip) + sizeof(order);
    char *uri = snnbase_alloc(context, size, 1);
    if (uri == NULL) return SNN_ERR_NOMEM;
    (void)snprintf(uri, size, "%s%s%s", scheme, chip, order);
    int status = snn_target_open(&execute->target, context, uri);
    snnbase_free(context, uri);
    return status;
}

void snndev_execute_fini(struct snndev_execute *execute)
{
    snn_target_close(&execute->target);
    snn_program_destroy(&execute->program);
    snnbase_arena_fini(&execute->arena);
    snnbase_allocator_free(&execute->allocator, execute->times);
    snnbase_allocator_free(&execute->allocator, execute->events);
    snnbase_allocator_free(&execute->allocator, execute->addresses);
    snnbase_allocator_free(&execute->allocator, execute->counts);
}

/* ---- Spikes ---- */

static void take_spike(const struct snn_spike *spike, void *user)
{
    const struct snndev_execute *execute = user;
    const bool bias = spike->event >= execute->count;
    const double end_us = execute->program->dt_us * (execute->step + 1.0);
    const struct snndev_firing firing = {
        .core = &execute->program->cores[spike->population],
        .time_us = bias ? (uint64_t)end_us : execute->times[spike->event],
        .channel = spike->channel,
        .y = spike->y,
        .x = spike->x,
        .bias = bias,
    };
    execute->fire(&firing, execute->user);
}

/* ---- Loading ---- */

static int make_output(struct snndev_execute *execute, struct snn_context *context)
{
    const struct snn_net *net = snn_target_net(execute->target);
    const size_t classes = (size_t)net->readout_count * net->class_count;
    const size_t steps = SNN_TARGET_STEPS_MAX;
    struct snnbase_arena *arena = &execute->arena;
    struct snn_output *out = &execute->output;
    snnbase_arena_fini(arena);
    snnbase_arena_init(arena, context);
    out->spikes = snnbase_arena_alloc(arena, context, steps * classes, sizeof(uint32_t));
    out->potential = snnbase_arena_alloc(arena, context, steps * classes, sizeof(float));
    out->population_spikes =
        snnbase_arena_alloc(arena, context, steps * net->population_count, sizeof(uint64_t));
    out->synapse_spikes =
        snnbase_arena_alloc(arena, context, steps * net->synapse_count, sizeof(uint64_t));
    out->synapse_operations =
        snnbase_arena_alloc(arena, context, steps * net->synapse_count, sizeof(uint64_t));
    out->synapse_macs =
        snnbase_arena_alloc(arena, context, steps * net->synapse_count, sizeof(uint64_t));
    out->input_spikes = snnbase_arena_alloc(arena, context, steps, sizeof(uint64_t));
    execute->present = snnbase_arena_alloc(
        arena, context, snn_shape_size(net->input_shape) / 64 + 1, sizeof(*execute->present));
    const bool whole = out->spikes != NULL && out->potential != NULL &&
                       out->population_spikes != NULL && out->synapse_spikes != NULL &&
                       out->synapse_operations != NULL && out->synapse_macs != NULL &&
                       out->input_spikes != NULL && execute->present != NULL;
    return whole ? SNN_OK : SNN_ERR_NOMEM;
}

int snndev_execute_load(struct snndev_execute *execute, struct snn_context *context,
                        struct snn_program *program)
{
    struct snn_program *before = execute->program;
    execute->program = NULL;
    execute->count = 0;
    int status = snn_target_load_program(execute->target, context, program);
    if (status == SNN_OK) status = make_output(execute, context);
    if (status == SNN_OK) status = snn_target_watch(execute->target, context, take_spike, execute);
    if (status == SNN_OK)
        status =
            snnstream_target_ask(execute->target, context, execute->go_on, execute->go_on_user);
    snn_program_destroy(&before);
    if (status != SNN_OK) {
        snn_program_destroy(&program);
        return status;
    }
    execute->program = program;
    return SNN_OK;
}

/* ---- Steps ---- */

int snndev_execute_begin(struct snndev_execute *execute, struct snn_context *context)
{
    execute->count = 0;
    execute->step = 0;
    return snn_target_reset(execute->target, context);
}

static int reserve(struct snndev_execute *execute, struct snn_context *context, size_t count)
{
    void *times = execute->times, *events = execute->events;
    void *addresses = execute->addresses, *counts = execute->counts;
    size_t *capacity = execute->capacity;
    int status = snnbase_grow(context, &times, &capacity[0], count, sizeof(*execute->times));
    execute->times = times;
    if (status == SNN_OK)
        status = snnbase_grow(context, &events, &capacity[1], count, sizeof(*execute->events));
    execute->events = events;
    if (status == SNN_OK)
        status =
            snnbase_grow(context, &addresses, &capacity[2], count, sizeof(*execute->addresses));
    execute->addresses = addresses;
    if (status == SNN_OK)
        status = snnbase_grow(context, &counts, &capacity[3], count, sizeof(*execute->counts));
    execute->counts = counts;
    return status;
}

int snndev_execute_event(struct snndev_execute *execute, struct snn_context *context,
                         uint64_t time_us, uint32_t address)
{
    if (execute->count >= SNNDEV_STEP_EVENTS_MAX)
        return snnbase_fail(context, SNN_ERR_LIMIT, "more than %zu input events in a step",
                            SNNDEV_STEP_EVENTS_MAX);
    int status = reserve(execute, context, execute->count + 1);
    if (status != SNN_OK) return status;
    execute->times[execute->count] = time_us;
    execute->events[execute->count] =
        (struct snn_event){.time_us = (uint32_t)execute->count, .address = address};
    execute->count++;
    return SNN_OK;
}

/* Marks the addresses of the events. Those that come again stay behind, at the end of the list;
 * how many. */
static size_t mark_addresses(struct snndev_execute *execute)
{
    size_t again = 0;
    for (size_t i = 0; i < execute->count; i++) {
        const uint32_t address = execute->events[i].address;
        uint64_t *word = &execute->present[address / 64], bit = (uint64_t)1 << address % 64;
        if (*word & bit) execute->addresses[execute->count - ++again] = address;
        *word |= bit;
    }
    return again;
}

/* Where an address stands in a list that ascends. */
static uint32_t find(const uint32_t *addresses, uint32_t count, uint32_t address)
{
    uint32_t first = 0;
    while (count > 1) {
        const uint32_t half = count / 2;
        if (addresses[first + half] <= address) first += half;
        count -= half;
    }
    return first;
}

/* The same events as addresses that ascend, each with its count; how many. */
static uint32_t count_addresses(struct snndev_execute *execute)
{
    const size_t again = mark_addresses(execute);
    const uint32_t unique = (uint32_t)(execute->count - again);
    uint32_t found = 0;
    for (uint32_t word = 0; found < unique; word++) {
        for (uint32_t bit = 0; execute->present[word] != 0; bit++, execute->present[word] >>= 1) {
            if ((execute->present[word] & 1) == 0) continue;
            execute->addresses[found] = word * 64 + bit;
            execute->counts[found++] = 1.0f;
        }
    }
    for (size_t i = unique; i < execute->count; i++)
        execute->counts[find(execute->addresses, unique, execute->addresses[i])] += 1.0f;
    return unique;
}

int snndev_execute_tick(struct snndev_execute *execute, struct snn_context *context)
{
    int status = reserve(execute, context, 1);
    if (status != SNN_OK) return status;
    const uint32_t step_begin[2] = {0, count_addresses(execute)};
    const uint64_t event_begin[2] = {0, execute->count};
    const struct snn_spikes spikes = {
        .step_count = 1,
        .step_begin = step_begin,
        .address = execute->addresses,
        .count = execute->counts,
        .event = execute->events,
        .event_begin = event_begin,
    };
    status = snn_target_push(execute->target, context, &spikes);
    if (status == SNN_OK) status = snn_target_advance(execute->target, context, 1);
    if (status == SNN_OK) status = snn_target_pull(execute->target, context, &execute->output);
    execute->count = 0;
    execute->step++;
    return status;
}
