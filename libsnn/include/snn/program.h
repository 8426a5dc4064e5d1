/* The chip program: registers and memories of every core, as they go to a chip, and nothing else.
 * It is what the simulator's target "chip:NAME" executes, what a device is sent, what is exported.
 *
 * Immutable and shared between threads; all fields are to be read only. Semantics of a core, for an
 * event at feature c, row y, column x of its input map (docs/semantics.md, "Chip"): it visits each
 * neuron (f, oy, ox) with 0 <= y + pad_y - oy * stride_y < kernel and the same of x, in the order
 * (f, oy, ox): v += weights[f][c][y + pad_y - oy * stride_y][...]; if v >= threshold_high exactly
 * one spike, and v -= threshold_high (or v = 0); v = max(v, threshold_low); v saturates at 16 bits.
 * The spike goes to each enabled destination, in their order: to feature f + feature_shift, row
 * oy / pooling, column ox / pooling, dropped outside of that core's input map. Biases come as an
 * event at every neuron at the end of each step.
 */
#ifndef SNN_PROGRAM_H
#define SNN_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snn/chip.h"
#include "snn/context.h"
#include "snn/export.h"
#include "snn/graph.h"
#include "snn/net.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where spikes go: a core, or the readout. */
struct snn_destination {
    uint32_t layer;   /* core 0.., or the chip's readout_layer */
    uint32_t pooling; /* 1: none */
    uint32_t feature_shift;
};

struct snn_core_words {
    uint64_t kernel, neuron, bias;
};

/* One core that is used. */
struct snn_core {
    uint32_t index;                 /* on the chip */
    const char *layer;              /* name of the layer that it computes, or part of */
    uint32_t layer_index;           /* of layers in their order; parts of one share it */
    uint32_t feature_first;         /* of the layer, spread as in memory, for a part; else 0 */
    struct snn_shape input, output; /* output: as it lies in memory, with the readout's spread */
    uint32_t kernel_size;
    uint32_t stride_y, stride_x, pad_y, pad_x;
    const int8_t *weights;  /* [output.channels][input.channels][kernel_size][kernel_size]: y, x */
    const int8_t *bias;     /* [output.channels], NULL: none (leak off) */
    int16_t threshold_high; /* 1.. */
    int16_t threshold_low;  /* 0 and below */
    bool return_to_zero;    /* reset to 0, not by subtraction */
    const int16_t *v_init;  /* [output: channels][height][width] or one value, see v_init_count */
    size_t v_init_count;
    uint32_t destination_count;
    struct snn_destination destinations[SNN_CHIP_DESTINATIONS_MAX];
    float scale; /* integer = scale * real value; for reports */
    struct snn_core_words words;
};

struct snn_program {
    const char *name;         /* of the model */
    const char *model_sha256; /* of the file it was made from; "" unknown */
    const char *tool;
    struct snn_chip chip;
    struct snn_shape input_shape;
    uint32_t input_destination_count;
    struct snn_destination input_destinations[SNN_CHIP_DESTINATIONS_MAX];
    const struct snn_core *cores; /* in the order of layers; parts of a layer by their features */
    uint32_t core_count;
    /* The output, [features][height][width] of the last layer: a spike that reaches the readout
     * with feature f (after the shift), row y, column x is one of class (f / readout_spread *
     * height + y) * width + x. Features between never fire. */
    uint32_t class_count;
    uint32_t readout_spread;
    double dt_us; /* of a step, at whose end the bias tick comes; what it was made for */
};

/* Words of memory that a core with these dimensions takes: kernel = c_in *
 * 2^(ceil log2(k k) + ceil log2 f), neuron = f * 2^(ceil log2 rows + ceil log2 columns), bias = f
 * where there is one (Sinabs' memory summary; Speck Dev Kit Datasheet 1.0, 2.4). */
SNN_API struct snn_core_words snn_core_count_words(struct snn_shape input, struct snn_shape output,
                                                   uint32_t kernel_size, bool bias);

/* Copies a program as it is described, after checking every register against the chip's profile and
 * every destination. `words` are computed. Errors: INVALID naming core and register, LIMIT (a
 * memory), NOMEM. */
SNN_API int snn_program_create(struct snn_program **out, struct snn_context *context,
                               const struct snn_program *description);
SNN_API void snn_program_destroy(struct snn_program **program);

/* What the cores compute, decoded from the registers alone: a net in chip arithmetic whose
 * populations are the cores in their order, `class_count` that of the program. Asynchronous
 * semantics on it are those above. Errors: NOMEM. */
SNN_API int snn_program_decode(struct snn_net **out, struct snn_context *context,
                               const struct snn_program *program);

/* The file ".chip.json" (docs/formats/program.md), whole or not at all; the profile travels along.
 * Load errors: NOT_FOUND, ACCESS, IO, FORMAT, LIMIT, NOMEM; `sha256_hex_out` (65 bytes) may be
 * NULL. */
SNN_API int snn_program_save(const struct snn_program *program, struct snn_context *context,
                             const char *path);
SNN_API int snn_program_load(struct snn_program **out, struct snn_context *context,
                             const char *path, char *sha256_hex_out);
/* The same from bytes in memory. */
SNN_API int snn_program_parse(struct snn_program **out, struct snn_context *context,
                              const char *text, size_t size);
/* Whether a file says that it is one, by its "format" member alone. */
SNN_API bool snn_program_probe(struct snn_context *context, const char *path);

#ifdef __cplusplus
}
#endif
#endif
