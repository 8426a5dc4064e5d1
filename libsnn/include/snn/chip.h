/* Chips: profiles of DynapCNN-class processors, as data (data/chips/, docs/formats/chip.md).
 *
 * A chip is a number of cores, each of which is one convolution with integrate-and-fire neurons:
 * its own kernel, neuron and bias memory, and registers that say where its spikes go.
 */
#ifndef SNN_CHIP_H
#define SNN_CHIP_H

#include <stdbool.h>
#include <stdint.h>

#include "snn/context.h"
#include "snn/export.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { SNN_CHIP_CORES_MAX = 64, SNN_CHIP_CHOICES_MAX = 8, SNN_CHIP_DESTINATIONS_MAX = 4 };

struct snn_chip_core {
    uint32_t kernel_words; /* 8 bit */
    uint32_t neuron_words; /* 16 bit */
    uint32_t bias_words;   /* 8 bit: one a feature */
    double synops_per_s;   /* most that it computes; 0: none is published */
};

struct snn_chip {
    char name[64];
    char description[256];
    char source[512]; /* where the figures are from */
    uint32_t core_count;
    struct snn_chip_core cores[SNN_CHIP_CORES_MAX];
    uint32_t kernel_size_max; /* square kernels of 1..this */
    uint32_t stride_count;
    uint32_t strides[SNN_CHIP_CHOICES_MAX]; /* ascending, from 1; of each axis */
    uint32_t padding_max;                   /* 0..this, of each axis, the same at both ends */
    uint32_t pooling_count;
    uint32_t poolings[SNN_CHIP_CHOICES_MAX]; /* ascending, from 1: sums behind the neurons */
    uint32_t input_size_max;                 /* rows or columns of a core's input map */
    uint32_t output_size_max;
    uint32_t feature_max;     /* channels, of inputs and outputs */
    uint32_t destination_max; /* of a core, and of the sensor: 1..SNN_CHIP_DESTINATIONS_MAX */
    uint32_t readout_layer;   /* what a destination and an event say for it */
    uint32_t sensor_layer;
    uint32_t readout_spread;    /* class i is feature readout_spread * i of the last layer: 1, 4 */
    uint32_t readout_classes;   /* that the readout block tells apart; 0: any number */
    bool threshold_low_below_0; /* the lower clip must be negative */
    double event_us;            /* one event through one core; 0: unknown */
    double clock_hz_max;        /* of bias ticks (the slow clock); 0: unknown */
    char energy[64];            /* name of the energy profile for it */
};

/* A built-in profile by its name ("speck2f"), or a file of a profile or of a chip program, which
 * has one in it: a text with a slash or that ends in ".json". Errors: NOT_FOUND (the hint lists the
 * names, or says which is near), FORMAT (member, value and what is allowed), and those of reading.
 */
SNN_API int snn_chip_load(struct snn_chip *out, struct snn_context *context, const char *name);

/* Calls `visit` for each built-in profile. */
SNN_API int snn_chip_each(struct snn_context *context,
                          void (*visit)(const struct snn_chip *chip, void *user), void *user);

#ifdef __cplusplus
}
#endif
#endif
