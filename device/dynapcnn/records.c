/* From a chip program to bytes. The program was checked against its chip's profile when it was
 * made; what is checked here is that the wire's fields hold it.
 */
#include "device/dynapcnn/records.h"

#include <math.h>

#include "libsnn/base/error.h"

/* 16 bits of offset in units of 16 bytes. */
#define MEMORY_MAX (65536u * SNNWIRE_OFFSET_UNIT)

struct maker {
    struct snn_context *context;
    struct snnbase_arena *arena;
    const struct snn_program *program;
    bool monitor;
    bool fits; /* all values so far */
};

const char *snndev_region_name(unsigned region)
{
    static const char *const names[SNNDEV_REGIONS] = {"registers", "kernel", "bias", "neurons"};
    return region < SNNDEV_REGIONS ? names[region] : "region";
}

/* ---- Registers ---- */

static uint8_t byte(struct maker *m, uint32_t value)
{
    m->fits = m->fits && value <= UINT8_MAX;
    return (uint8_t)value;
}

static uint16_t half(struct maker *m, uint32_t value)
{
    m->fits = m->fits && value <= UINT16_MAX;
    return (uint16_t)value;
}

static void fill_destinations(struct maker *m, const struct snn_destination *from, uint32_t count,
                              struct snnwire_destination *to)
{
    m->fits = m->fits && count <= SNNWIRE_DESTINATIONS;
    for (uint32_t i = 0; i < count && i < SNNWIRE_DESTINATIONS; i++)
        to[i] = (struct snnwire_destination){.enable = 1,
                                             .layer = byte(m, from[i].layer),
                                             .pooling = byte(m, from[i].pooling),
                                             .feature_shift = half(m, from[i].feature_shift)};
}

static void fill_core(struct maker *m, const struct snn_core *core, struct snnwire_core *out)
{
    *out = (struct snnwire_core){
        .enable = 1,
        .kernel_size = byte(m, core->kernel_size),
        .stride_y = byte(m, core->stride_y),
        .stride_x = byte(m, core->stride_x),
        .pad_y = byte(m, core->pad_y),
        .pad_x = byte(m, core->pad_x),
        .return_to_zero = core->return_to_zero,
        .leak_enable = core->bias != NULL,
        .monitor_enable = m->monitor,
        .layer_index = byte(m, core->layer_index),
        .in_channels = half(m, core->input.channels),
        .in_height = half(m, core->input.height),
        .in_width = half(m, core->input.width),
        .out_channels = half(m, core->output.channels),
        .out_height = half(m, core->output.height),
        .out_width = half(m, core->output.width),
        .feature_first = half(m, core->feature_first),
        .threshold_high = core->threshold_high,
        .threshold_low = core->threshold_low,
        .v_init_each = core->v_init_count > 1,
        .v_init = core->v_init_count > 1 ? 0 : core->v_init[0],
    };
    fill_destinations(m, core->destinations, core->destination_count, out->destinations);
}

static void fill_chip(struct maker *m, struct snnwire_chip *out)
{
    const struct snn_program *p = m->program;
    const double step_us = round(p->dt_us);
    m->fits = m->fits && step_us <= (double)UINT32_MAX;
    *out = (struct snnwire_chip){
        .in_channels = half(m, p->input_shape.channels),
        .in_height = half(m, p->input_shape.height),
        .in_width = half(m, p->input_shape.width),
        .class_count = half(m, p->class_count),
        .readout_spread = byte(m, p->readout_spread),
        .step_us = !m->fits         ? 0
                   : step_us >= 1.0 ? (uint32_t)step_us
                                    : 1u,
    };
    fill_destinations(m, p->input_destinations, p->input_destination_count,
                      out->input_destinations);
}

/* ---- Memories ---- */

static int add(struct maker *m, struct snndev_core_memories *out, unsigned region,
               const void *bytes, size_t size)
{
    if (size > MEMORY_MAX)
        return snnbase_fail(m->context, SNN_ERR_LIMIT,
                            "core %u: %s memory of %zu bytes, requests reach %u", out->index,
                            snndev_region_name(region), size, MEMORY_MAX);
    out->regions[region] = (struct snndev_memory){bytes, (uint32_t)size};
    return SNN_OK;
}

static int add_registers(struct maker *m, struct snndev_core_memories *out,
                         const struct snnwire_core *core)
{
    uint8_t *bytes = snnbase_arena_alloc(m->arena, m->context, SNNWIRE_CORE_BYTES, 1);
    if (bytes == NULL) return SNN_ERR_NOMEM;
    snnwire_core_write(core, bytes);
    return add(m, out, SNNWIRE_REGION_REGISTERS, bytes, SNNWIRE_CORE_BYTES);
}

static int add_neurons(struct maker *m, struct snndev_core_memories *out,
                       const struct snn_core *core)
{
    if (core->v_init_count <= 1) return SNN_OK;
    uint8_t *bytes = snnbase_arena_alloc(m->arena, m->context, core->v_init_count, 2);
    if (bytes == NULL) return SNN_ERR_NOMEM;
    for (size_t i = 0; i < core->v_init_count; i++) {
        bytes[2 * i] = (uint8_t)((uint16_t)core->v_init[i] & 0xff);
        bytes[2 * i + 1] = (uint8_t)((uint16_t)core->v_init[i] >> 8);
    }
    return add(m, out, SNNWIRE_REGION_NEURON, bytes, 2 * core->v_init_count);
}

/* int8 as bytes: two's complement is what the wire has. */
static int add_core(struct maker *m, const struct snn_core *core, struct snndev_core_memories *out)
{
    struct snnwire_core registers;
    const size_t taps = (size_t)core->input.channels * core->kernel_size * core->kernel_size;
    fill_core(m, core, &registers);
    out->used = true;
    int status = add_registers(m, out, &registers);
    if (status == SNN_OK)
        status = add(m, out, SNNWIRE_REGION_KERNEL, core->weights, core->output.channels * taps);
    if (status == SNN_OK && core->bias != NULL)
        status = add(m, out, SNNWIRE_REGION_BIAS, core->bias, core->output.channels);
    return status == SNN_OK ? add_neurons(m, out, core) : status;
}

static int add_chip(struct maker *m, struct snndev_core_memories *out)
{
    struct snnwire_chip registers;
    uint8_t *bytes = snnbase_arena_alloc(m->arena, m->context, SNNWIRE_CHIP_BYTES, 1);
    if (bytes == NULL) return SNN_ERR_NOMEM;
    fill_chip(m, &registers);
    snnwire_chip_write(&registers, bytes);
    out->index = SNNWIRE_CHIP;
    out->used = true;
    return add(m, out, SNNWIRE_REGION_REGISTERS, bytes, SNNWIRE_CHIP_BYTES);
}

/* Position in the program of the core with this index on the chip, or core_count. */
static uint32_t find(const struct snn_program *p, uint32_t index)
{
    uint32_t at = 0;
    while (at < p->core_count && p->cores[at].index != index)
        at++;
    return at;
}

int snndev_records_make(struct snndev_records *out, struct snn_context *context,
                        struct snnbase_arena *arena, const struct snn_program *program,
                        bool monitor)
{
    static const struct snnwire_core unused = {.enable = 0};
    struct maker m = {context, arena, program, monitor, true};
    const uint32_t count = program->chip.core_count + 1;
    struct snndev_core_memories *cores = snnbase_arena_alloc(arena, context, count, sizeof(*cores));
    if (cores == NULL) return SNN_ERR_NOMEM;
    int status = add_chip(&m, &cores[0]);
    for (uint32_t i = 1; status == SNN_OK && i < count; i++) {
        const uint32_t at = find(program, i - 1);
        cores[i].index = (uint8_t)(i - 1);
        status = at < program->core_count ? add_core(&m, &program->cores[at], &cores[i])
                                          : add_registers(&m, &cores[i], &unused);
    }
    if (status == SNN_OK && !m.fits)
        status =
            snnbase_fail(context, SNN_ERR_LIMIT,
                         "the chip program has a register that the wire's records do not hold");
    if (status == SNN_OK) *out = (struct snndev_records){cores, count};
    return status;
}
