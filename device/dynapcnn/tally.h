/* The tally: from spikes that a device tells to what a target's steps produce, by the program's
 * decoded net: spikes of each core, events and SynOps at each synapse, classes by the readout.
 *
 * A device tells which neuron fired; where its spike went and how many weights that was, the host
 * knows from the registers: one table a synapse and position, made once a load.
 */
#ifndef SNN_DEVICE_DYNAPCNN_TALLY_H
#define SNN_DEVICE_DYNAPCNN_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include "libsnn/base/memory.h"
#include "libsnn/wire/word.h"
#include "snn/net.h"
#include "snn/program.h"
#include "snn/target.h"

struct snndev_tally;

/* Program and net, which it was decoded to, must outlive it. Errors: NOMEM. */
int snndev_tally_create(struct snndev_tally **out, struct snn_context *context,
                        const struct snn_program *program, const struct snn_net *net);
void snndev_tally_destroy(struct snndev_tally **tally);

/* An output with room for SNN_TARGET_STEPS_MAX steps, in the tally's arena. */
struct snn_output *snndev_tally_output(struct snndev_tally *tally);
/* Makes a row of it ready for a step. */
void snndev_tally_clear(struct snndev_tally *tally, uint32_t row);
void snndev_tally_pull(struct snndev_tally *tally, struct snn_output *out);

/* An event on its way to the chip. */
void snndev_tally_input(struct snndev_tally *tally, uint32_t row, uint32_t y, uint32_t x);

/* A spike that came back: of a core, whose population is then in *population_out, or at the readout
 * (SNN_SOURCE_INPUT). False: there is no such neuron. */
bool snndev_tally_spike(struct snndev_tally *tally, uint32_t row, const struct snnwire_event *event,
                        uint32_t *population_out);

/* Counts spikes neuron by neuron from now on. Errors: NOMEM. */
int snndev_tally_count(struct snndev_tally *tally, struct snn_context *context);
bool snndev_tally_is_counting(const struct snndev_tally *tally);
void snndev_tally_counts(const struct snndev_tally *tally, uint32_t population, uint32_t *counts);
/* A new sample begins: counts to 0. */
void snndev_tally_reset(struct snndev_tally *tally);

#endif
