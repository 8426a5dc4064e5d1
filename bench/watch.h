/* What the layers of a net have to do: how many spikes meet how many synapses.
 */
#ifndef BENCH_WATCH_H
#define BENCH_WATCH_H

#include "bench/drive.h"

/* What arrives at one population a step, on average; an event is an address that spikes, however
 * often in the step. */
struct snnbench_traffic {
    double active;     /* share of the population's neurons that spike in a step */
    double arriving;   /* events that arrive, after the pools */
    double additions;  /* of weights to potentials: arriving events times their fan-out */
    double operations; /* SynOps: the same with each event as often as it spikes */
    /* Of the first synapse, shares of its inputs: those that spike in a step, at least once in 8
     * steps, in 32, and the same of pairs of neighbouring channels. */
    double inputs, in_scope, in_chunk, in_chunk_pairs;
};

/* Steps a sample one by one and looks at every neuron; traffic [population_count]. Slow. */
int snnbench_session_watch(struct snnbench_session *session, const struct snnbench_sample *sample,
                           struct snnbench_traffic *traffic);

#endif
