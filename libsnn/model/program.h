/* A chip program with the arena that owns it, and what the files about programs share: program.c
 * makes one, program_check.c holds its registers against the profile and each other,
 * program_decode.c says what it computes, program_save.c and program_load.c are its file.
 */
#ifndef SNN_MODEL_PROGRAM_H
#define SNN_MODEL_PROGRAM_H

#include "libsnn/base/memory.h"
#include "snn/program.h"

struct snnmodel_program {
    struct snn_program program; /* first: snn_program_destroy finds the arena behind it */
    struct snnbase_arena arena;
};

/* The words of a core as its registers have it. */
struct snn_core_words snnmodel_program_words(const struct snn_core *core);

/* Weights of one feature of a core. */
static inline size_t snnmodel_program_taps(const struct snn_core *core)
{
    return (size_t)core->input.channels * core->kernel_size * core->kernel_size;
}

/* Holds a program against its profile, core by core, and then what the cores send each other.
 * Tensors are read only once their core's memories are known to hold them. Errors: INVALID naming
 * core and register, LIMIT (a memory). */
int snnmodel_program_check(struct snn_context *context, const struct snn_program *program);

/* Position in `cores` of the core with this index on the chip, or core_count. */
uint32_t snnmodel_program_find(const struct snn_program *program, uint32_t core);

/* Whether cores `a` and `b` (positions) compute one layer. */
static inline bool snnmodel_program_same_layer(const struct snn_program *program, uint32_t a,
                                               uint32_t b)
{
    return program->cores[a].layer_index == program->cores[b].layer_index;
}

/* Whether the core at this position is, or is part of, the last layer, which the readout reads. */
static inline bool snnmodel_program_is_last(const struct snn_program *program, uint32_t core)
{
    return snnmodel_program_same_layer(program, core, program->core_count - 1);
}

#endif
