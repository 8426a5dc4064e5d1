/* What requests write into a virtual chip, and how registers and memories become a chip program.
 *
 * Registers come from anybody: nothing is sized or indexed by them before it was held against the
 * profile. Whether they make sense together, snn_program_create decides, as for any other program.
 */
#include "device/vchip/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/wire/bytes.h"
#include "libsnn/wire/word.h"

int snndev_memory_init(struct snndev_memory *memory, struct snn_context *context,
                       const struct snn_chip *chip)
{
    memset(memory, 0, sizeof(*memory));
    snnbase_arena_init(&memory->arena, context);
    memory->chip = chip;
    memory->cores =
        snnbase_arena_alloc(&memory->arena, context, chip->core_count, sizeof(*memory->cores));
    if (memory->cores == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < chip->core_count; i++) {
        const struct snn_chip_core *has = &chip->cores[i];
        struct snndev_core_memory *core = &memory->cores[i];
        core->kernel = snnbase_arena_alloc(&memory->arena, context, has->kernel_words, 1);
        core->bias = snnbase_arena_alloc(&memory->arena, context, has->bias_words, 1);
        core->neuron = snnbase_arena_alloc(&memory->arena, context, has->neuron_words, 2);
        if (core->kernel == NULL || core->bias == NULL || core->neuron == NULL)
            return SNN_ERR_NOMEM;
    }
    return SNN_OK;
}

void snndev_memory_fini(struct snndev_memory *memory)
{
    snnbase_arena_fini(&memory->arena);
}

/* ---- Regions ---- */

struct region {
    uint8_t *bytes;
    uint64_t size, limit; /* by the registers, and what there is */
};

/* Values of a map; at most 2^48. */
static uint64_t count_neurons(const struct snnwire_core *core)
{
    return (uint64_t)core->out_channels * core->out_height * core->out_width;
}

/* At most 2^48, too. */
static uint64_t count_weights(const struct snnwire_core *core)
{
    return (uint64_t)core->out_channels * core->in_channels * core->kernel_size * core->kernel_size;
}

static enum snnwire_error find(const struct snndev_memory *memory, uint8_t core, uint8_t which,
                               struct region *out)
{
    if (core == SNNWIRE_CHIP && which == SNNWIRE_REGION_REGISTERS) {
        *out = (struct region){NULL, SNNWIRE_CHIP_BYTES, SNNWIRE_CHIP_BYTES};
        return SNNWIRE_ERROR_NONE;
    }
    if (core >= memory->chip->core_count) return SNNWIRE_ERROR_UNKNOWN;
    const struct snn_chip_core *has = &memory->chip->cores[core];
    const struct snndev_core_memory *its = &memory->cores[core];
    switch (which) {
    case SNNWIRE_REGION_REGISTERS:
        *out = (struct region){NULL, SNNWIRE_CORE_BYTES, SNNWIRE_CORE_BYTES};
        break;
    case SNNWIRE_REGION_KERNEL:
        *out = (struct region){its->kernel, count_weights(&its->core), has->kernel_words};
        break;
    case SNNWIRE_REGION_BIAS:
        *out = (struct region){its->bias, its->core.out_channels, has->bias_words};
        break;
    case SNNWIRE_REGION_NEURON:
        *out = (struct region){its->neuron, 2 * count_neurons(&its->core),
                               2 * (uint64_t)has->neuron_words};
        break;
    default:
        return SNNWIRE_ERROR_UNKNOWN;
    }
    return out->size <= out->limit ? SNNWIRE_ERROR_NONE : SNNWIRE_ERROR_RANGE;
}

/* The part of a region that a request is about. */
static enum snnwire_error find_part(const struct snndev_memory *memory,
                                    const struct snnwire_request *request, struct region *out)
{
    const enum snnwire_error error = find(memory, request->core, request->region, out);
    if (error != SNNWIRE_ERROR_NONE) return error;
    if (request->offset > out->size || request->size > out->size - request->offset)
        return SNNWIRE_ERROR_RANGE;
    return SNNWIRE_ERROR_NONE;
}

static const uint8_t *registers_of(const struct snndev_memory *memory, uint8_t core)
{
    return core == SNNWIRE_CHIP ? memory->registers : memory->cores[core].registers;
}

/* Registers are decoded as they come, so that a record that nobody writes never gets in. */
static enum snnwire_error write_registers(struct snndev_memory *memory,
                                          const struct snnwire_request *request,
                                          const uint8_t *data, size_t size)
{
    uint8_t record[SNNWIRE_CORE_BYTES];
    memcpy(record, registers_of(memory, request->core), size);
    memcpy(record + request->offset, data, request->size);
    if (request->core == SNNWIRE_CHIP) {
        if (!snnwire_chip_read(&memory->set, record, size)) return SNNWIRE_ERROR_INVALID;
        memcpy(memory->registers, record, size);
        return SNNWIRE_ERROR_NONE;
    }
    struct snndev_core_memory *core = &memory->cores[request->core];
    if (!snnwire_core_read(&core->core, record, size)) return SNNWIRE_ERROR_INVALID;
    memcpy(core->registers, record, size);
    return SNNWIRE_ERROR_NONE;
}

enum snnwire_error snndev_memory_write(struct snndev_memory *memory,
                                       const struct snnwire_request *request, const uint8_t *data)
{
    struct region region;
    const enum snnwire_error error = find_part(memory, request, &region);
    if (error != SNNWIRE_ERROR_NONE) return error;
    if (request->region == SNNWIRE_REGION_REGISTERS)
        return write_registers(memory, request, data, (size_t)region.size);
    memcpy(region.bytes + request->offset, data, request->size);
    return SNNWIRE_ERROR_NONE;
}

enum snnwire_error snndev_memory_read(const struct snndev_memory *memory,
                                      const struct snnwire_request *request, uint8_t *data)
{
    struct region region;
    const enum snnwire_error error = find_part(memory, request, &region);
    if (error != SNNWIRE_ERROR_NONE) return error;
    const uint8_t *bytes = request->region == SNNWIRE_REGION_REGISTERS
                               ? registers_of(memory, request->core)
                               : region.bytes;
    memcpy(data, bytes + request->offset, request->size);
    return SNNWIRE_ERROR_NONE;
}

enum snnwire_error snndev_memory_crc(const struct snndev_memory *memory,
                                     const struct snnwire_request *request, uint32_t *crc_out)
{
    struct region region;
    const enum snnwire_error error = find(memory, request->core, request->region, &region);
    if (error != SNNWIRE_ERROR_NONE) return error;
    const uint8_t *bytes = request->region == SNNWIRE_REGION_REGISTERS
                               ? registers_of(memory, request->core)
                               : region.bytes;
    *crc_out = snnwire_crc32(0, bytes, (size_t)region.size);
    return SNNWIRE_ERROR_NONE;
}

/* ---- The program ---- */

/* A description under way, and what it points to. */
struct sketch {
    struct snn_program program;
    struct snn_core cores[SNN_CHIP_CORES_MAX];
    char names[SNN_CHIP_CORES_MAX][16];
    int16_t one[SNN_CHIP_CORES_MAX]; /* initial potentials of cores that have one for all */
    struct snnbase_arena arena;      /* of those that have one each */
};

static uint32_t list_destinations(const struct snnwire_destination *from,
                                  struct snn_destination *to)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < SNNWIRE_DESTINATIONS; i++) {
        if (from[i].enable == 0) continue;
        to[count++] =
            (struct snn_destination){from[i].layer, from[i].pooling, from[i].feature_shift};
    }
    return count;
}

/* Whether the words of the stream have room for what the core tells. */
static bool is_addressable(uint64_t features, uint32_t height, uint32_t width)
{
    return features <= SNNWIRE_FEATURE_MAX + 1 && height <= SNNWIRE_COORDINATE_MAX + 1 &&
           width <= SNNWIRE_COORDINATE_MAX + 1;
}

static int sketch_potentials(struct sketch *sketch, struct snn_context *context,
                             const struct snndev_memory *memory, uint32_t index,
                             struct snn_core *out)
{
    const struct snndev_core_memory *its = &memory->cores[index];
    const uint64_t count = count_neurons(&its->core);
    sketch->one[index] = its->core.v_init;
    out->v_init = &sketch->one[index];
    out->v_init_count = 1;
    /* One that has no room is refused for its neurons before anybody looks at their values. */
    if (its->core.v_init_each == 0 || count > memory->chip->cores[index].neuron_words)
        return SNN_OK;
    int16_t *values = snnbase_arena_alloc(&sketch->arena, context, (size_t)count, sizeof(*values));
    if (values == NULL) return SNN_ERR_NOMEM;
    for (size_t i = 0; i < count; i++)
        values[i] = (int16_t)snnwire_get16(its->neuron + 2 * i);
    out->v_init = values;
    out->v_init_count = (size_t)count;
    return SNN_OK;
}

static int sketch_core(struct sketch *sketch, struct snn_context *context,
                       const struct snndev_memory *memory, uint32_t index, struct snn_core *out)
{
    const struct snndev_core_memory *its = &memory->cores[index];
    const struct snnwire_core *c = &its->core;
    (void)snprintf(sketch->names[index], sizeof(sketch->names[index]), "layer %u", c->layer_index);
    *out = (struct snn_core){
        .index = index,
        .layer = sketch->names[index],
        .layer_index = c->layer_index,
        .feature_first = c->feature_first,
        .input = {c->in_channels, c->in_height, c->in_width},
        .output = {c->out_channels, c->out_height, c->out_width},
        .kernel_size = c->kernel_size,
        .stride_y = c->stride_y,
        .stride_x = c->stride_x,
        .pad_y = c->pad_y,
        .pad_x = c->pad_x,
        .weights = (const int8_t *)its->kernel,
        .bias = c->leak_enable ? (const int8_t *)its->bias : NULL,
        .threshold_high = c->threshold_high,
        .threshold_low = c->threshold_low,
        .return_to_zero = c->return_to_zero,
        .scale = 1.0f, /* registers know no other */
    };
    out->destination_count = list_destinations(c->destinations, out->destinations);
    return sketch_potentials(sketch, context, memory, index, out);
}

/* Whether core `a` comes before core `b`: layers in their order, parts by their features. */
static bool comes_before(const struct snn_core *a, const struct snn_core *b)
{
    if (a->layer_index != b->layer_index) return a->layer_index < b->layer_index;
    return a->feature_first < b->feature_first;
}

static void insert(struct snn_core *cores, uint32_t count, struct snn_core core)
{
    uint32_t to = count;
    for (; to > 0 && comes_before(&core, &cores[to - 1]); to--)
        cores[to] = cores[to - 1];
    cores[to] = core;
}

static int describe(struct sketch *sketch, struct snn_context *context,
                    const struct snndev_memory *memory)
{
    const struct snnwire_chip *set = &memory->set;
    struct snn_program *program = &sketch->program;
    *program = (struct snn_program){
        .name = "device",
        .model_sha256 = "",
        .tool = "",
        .chip = *memory->chip,
        .input_shape = {set->in_channels, set->in_height, set->in_width},
        .cores = sketch->cores,
        .class_count = set->class_count,
        .readout_spread = set->readout_spread,
        .dt_us = set->step_us,
    };
    program->input_destination_count =
        list_destinations(set->input_destinations, program->input_destinations);
    for (uint32_t i = 0; i < memory->chip->core_count; i++) {
        struct snn_core core;
        if (memory->cores[i].core.enable == 0) continue;
        int status = sketch_core(sketch, context, memory, i, &core);
        if (status != SNN_OK) return status;
        insert(sketch->cores, program->core_count++, core);
    }
    return SNN_OK;
}

/* What the stream could not say. */
static int check_addresses(struct snn_context *context, const struct snndev_memory *memory)
{
    const struct snnwire_chip *set = &memory->set;
    if (!is_addressable(set->in_channels, set->in_height, set->in_width) ||
        memory->chip->readout_layer > SNNWIRE_LAYER_MAX)
        return snnbase_fail(context, SNN_ERR_INVALID, "input or readout: beyond the wire's fields");
    for (uint32_t i = 0; i < memory->chip->core_count; i++) {
        const struct snnwire_core *c = &memory->cores[i].core;
        if (c->enable == 0) continue;
        if (is_addressable((uint64_t)c->feature_first + c->out_channels, c->out_height,
                           c->out_width))
            continue;
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "core %u ('layer %u'): beyond the wire's "
                            "fields",
                            i, c->layer_index);
    }
    return SNN_OK;
}

/* The check of programs names the core in its message, and nowhere else. */
static uint32_t core_at_fault(struct snn_context *context)
{
    const char *message = snn_context_message(context), *begin = "core ";
    if (strncmp(message, begin, strlen(begin)) != 0) return SNNWIRE_CHIP;
    return (uint32_t)strtoul(message + strlen(begin), NULL, 10);
}

int snndev_memory_program(const struct snndev_memory *memory, struct snn_context *context,
                          struct snn_program **out, uint32_t *core_out)
{
    *core_out = SNNWIRE_CHIP;
    struct sketch *sketch = snnbase_alloc(context, 1, sizeof(*sketch));
    if (sketch == NULL) return SNN_ERR_NOMEM;
    snnbase_arena_init(&sketch->arena, context);
    int status = describe(sketch, context, memory);
    if (status == SNN_OK) status = check_addresses(context, memory);
    if (status == SNN_OK) status = snn_program_create(out, context, &sketch->program);
    if (status == SNN_ERR_INVALID || status == SNN_ERR_LIMIT) *core_out = core_at_fault(context);
    snnbase_arena_fini(&sketch->arena);
    snnbase_free(context, sketch);
    return status;
}
