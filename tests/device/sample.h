/* What the behaviours are shown with: a small chip program, samples of input events, and what the
 * target "chip:speck2f" makes of them, which a device has to make as well.
 */
#ifndef TESTS_DEVICE_SAMPLE_H
#define TESTS_DEVICE_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snn/context.h"
#include "snn/device.h"
#include "snn/program.h"

enum { SAMPLE_STEPS = 4, SAMPLE_EVENTS_MAX = 64 * SAMPLE_STEPS, SAMPLE_READOUT = 12 };
#define SAMPLE_STEP_US 1000u

/* Two cores: 1x8x8 -> 4x8x8, pooled by 2, -> 3 classes. */
int sample_program(struct snn_program **out, struct snn_context *context, const char *chip);

/* Input of one sample, the same for the same number. */
struct sample {
    uint32_t begin[SAMPLE_STEPS + 1]; /* events of step t are begin[t] .. begin[t + 1] - 1 */
    uint32_t address[SAMPLE_EVENTS_MAX];
};
void sample_make(struct sample *out, uint32_t number);
/* Input event `index` of the sample, as it is sent. */
struct snn_device_event sample_event(const struct sample *sample, uint32_t step, uint32_t index);

/* Output of samples, one behind the other. */
struct output {
    struct snn_device_event *events;
    size_t count, room;
    uint32_t begins, ticks, ends, gaps;
    uint64_t lost;
};
/* False: no memory. */
bool output_add(struct output *output, const struct snn_device_event *event);
void output_free(struct output *output);
/* Adds what the target "chip:speck2f" gives for the sample: spikes of both cores as they happen,
 * and readout events behind those of the last core. */
int output_expect(struct output *output, struct snn_context *context,
                  const struct snn_program *program, const struct sample *sample);
/* The same spikes of cores in the same order, and the same readout events in theirs. A text that
 * says where they differ, or NULL. */
const char *output_differs(const struct output *got, const struct output *expected);

#endif
