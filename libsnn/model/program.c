/* The chip program as a noun: the words it takes, and its life.
 *
 * Whoever has one knows that every register was held against the profile and every destination
 * against the core behind it: nothing downstream checks again. Nobody writes to it.
 */
#include "libsnn/model/program.h"

#include <string.h>

#include "libsnn/base/error.h"

static uint32_t log2_up(uint64_t value)
{
    uint32_t bits = 0;
    while (bits < 63 && (uint64_t)1 << bits < value)
        bits++;
    return bits;
}

/* count * 2^bits; beyond 64 bits is more than any memory has. */
static uint64_t shifted(uint64_t count, uint32_t bits)
{
    return bits > 63 || count > UINT64_MAX >> bits ? UINT64_MAX : count << bits;
}

struct snn_core_words snn_core_count_words(struct snn_shape input, struct snn_shape output,
                                           uint32_t kernel_size, bool bias)
{
    const uint64_t taps = (uint64_t)kernel_size * kernel_size;
    return (struct snn_core_words){
        .kernel = shifted(input.channels, log2_up(taps) + log2_up(output.channels)),
        .neuron = shifted(output.channels, log2_up(output.height) + log2_up(output.width)),
        .bias = bias ? output.channels : 0,
    };
}

struct snn_core_words snnmodel_program_words(const struct snn_core *core)
{
    return snn_core_count_words(core->input, core->output, core->kernel_size, core->bias != NULL);
}

uint32_t snnmodel_program_find(const struct snn_program *program, uint32_t core)
{
    uint32_t i = 0;
    while (i < program->core_count && program->cores[i].index != core)
        i++;
    return i;
}

/* ---- Its life ---- */

static int copy_string(struct snnmodel_program *owner, struct snn_context *context,
                       const char *from, const char **out)
{
    *out = snnbase_arena_string(&owner->arena, context, from != NULL ? from : "");
    return *out != NULL ? SNN_OK : SNN_ERR_NOMEM;
}

/* NULL: NOMEM. */
static const void *copy_values(struct snnmodel_program *owner, struct snn_context *context,
                               const void *from, size_t count, size_t size)
{
    void *to = snnbase_arena_alloc(&owner->arena, context, count, size);
    if (to != NULL) memcpy(to, from, count * size);
    return to;
}

static int copy_core(struct snnmodel_program *owner, struct snn_context *context,
                     const struct snn_core *from, struct snn_core *to)
{
    const size_t features = from->output.channels, taps = snnmodel_program_taps(from);
    *to = *from;
    to->words = snnmodel_program_words(from);
    int status = copy_string(owner, context, from->layer, &to->layer);
    if (status != SNN_OK) return status;
    to->weights = copy_values(owner, context, from->weights, features * taps, sizeof(*to->weights));
    to->v_init = copy_values(owner, context, from->v_init, from->v_init_count, sizeof(*to->v_init));
    if (from->bias != NULL)
        to->bias = copy_values(owner, context, from->bias, features, sizeof(*to->bias));
    const bool whole =
        to->weights != NULL && to->v_init != NULL && (from->bias == NULL || to->bias != NULL);
    return whole ? SNN_OK : SNN_ERR_NOMEM;
}

static int copy(struct snnmodel_program *owner, struct snn_context *context,
                const struct snn_program *from)
{
    struct snn_program *to = &owner->program;
    struct snn_core *cores =
        snnbase_arena_alloc(&owner->arena, context, from->core_count, sizeof(*cores));
    if (cores == NULL) return SNN_ERR_NOMEM;
    *to = *from;
    to->cores = cores;
    int status = copy_string(owner, context, from->name, &to->name);
    if (status == SNN_OK)
        status = copy_string(owner, context, from->model_sha256, &to->model_sha256);
    if (status == SNN_OK) status = copy_string(owner, context, from->tool, &to->tool);
    for (uint32_t i = 0; status == SNN_OK && i < from->core_count; i++)
        status = copy_core(owner, context, &from->cores[i], &cores[i]);
    return status;
}

int snn_program_create(struct snn_program **out, struct snn_context *context,
                       const struct snn_program *description)
{
    int status = snnmodel_program_check(context, description);
    if (status != SNN_OK) return status;
    struct snnmodel_program *owner = snnbase_alloc(context, 1, sizeof(*owner));
    if (owner == NULL) return SNN_ERR_NOMEM;
    snnbase_arena_init(&owner->arena, context);
    status = copy(owner, context, description);
    struct snn_program *program = &owner->program;
    if (status != SNN_OK)
        snn_program_destroy(&program);
    else
        *out = program;
    return status;
}

void snn_program_destroy(struct snn_program **program)
{
    if (program == NULL || *program == NULL) return;
    struct snnmodel_program *owner = (struct snnmodel_program *)(void *)*program;
    struct snn_allocator allocator = owner->arena.allocator;
    snnbase_arena_fini(&owner->arena);
    snnbase_allocator_free(&allocator, owner);
    *program = NULL;
}
