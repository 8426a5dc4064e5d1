/* From what a run saw of each sample to the result: records and integer tallies in, means out.
 *
 * Workers fill their own tally (integers, merged in any order) and the record of each sample they
 * ran; everything that is not an integer is summed here, in sample order.
 */
#ifndef SNN_MODEL_RESULT_H
#define SNN_MODEL_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "snn/net.h"
#include "snn/run.h"

#define SNN_NO_CLASS (-1)

/* Counts that become energy, from the start of a sample. Whole numbers in exact accounting. */
struct snnmodel_cost {
    double synops;
    double io_events;
    double macs;
};

struct snnmodel_decision {
    uint32_t steps;      /* 1-based step of the decision; the timesteps where nothing decided */
    int32_t class_index; /* SNN_NO_CLASS: no output spike, an error */
    bool decided;
    struct snnmodel_cost cost;
};

struct snnmodel_sample {
    bool done;
    bool silent;
    uint32_t steps;        /* run */
    uint32_t silent_layer; /* first population without a spike; population_count: the input */
    int32_t label;         /* SNN_NO_CLASS: none */
    int32_t prediction;
    int32_t cnn_prediction; /* SNN_NO_CLASS: not evaluated */
    struct snnmodel_decision first;
    struct snnmodel_cost total;
};

/* The most that any sample brought to a population, each figure for itself. */
struct snnmodel_busiest {
    uint64_t events;
    double synops;
    double events_per_step, synops_per_step;
};

struct snnmodel_tally {
    uint64_t *correct_by_step;    /* [timesteps] */
    uint64_t *population_spikes;  /* [population] */
    uint64_t *synapse_spikes;     /* [synapse] */
    uint64_t *synapse_operations; /* [synapse] */
    uint64_t *synapse_macs;       /* [synapse] */
    uint64_t input_spikes;
    struct snnmodel_busiest *busiest; /* [population] */
};

/* Everything a finished (or stopped) run knows. A run of frames has a graph in place of the net,
 * neither decisions nor tally, and options with 0 time steps and no rules. */
struct snnmodel_record {
    const char *target, *semantics, *order;
    const struct snn_net *net;
    const struct snn_graph *graph;
    uint32_t class_count;
    const struct snn_run_options *options;
    bool labelled;
    uint64_t count; /* of samples asked for */
    uint64_t resumed_count;
    const struct snnmodel_sample *samples;
    const struct snn_rule *rules;              /* those of the options, then those of the sweep */
    uint32_t rule_count;                       /* of both */
    const struct snnmodel_decision *decisions; /* [count][rule_count] */
    const struct snnmodel_tally *tally;
    const struct snn_result_device *device; /* NULL: none */
    double seconds;
    unsigned threads;
};

/* SynOps that one arriving spike counts for in the Sinabs 0.3.3 accounting. */
double snnmodel_sinabs_operations(const struct snn_population *population,
                                  const struct snn_synapse *synapse);

/* Energy by the run's profile of what a sample of so many steps did. */
double snnmodel_energy_uj(const struct snnmodel_record *record, const struct snnmodel_cost *cost,
                          double steps);

int snnmodel_result_build(struct snn_result **out, struct snn_context *context,
                          const struct snnmodel_record *record);

#endif
