/* Driving a target by hand: samples encoded beforehand, so that nothing but the target is timed,
 * and nets that end early, so that what a layer takes shows as a difference.
 */
#ifndef BENCH_DRIVE_H
#define BENCH_DRIVE_H

#include "snn/snn.h"

/* Processor time of this process in seconds. */
double snnbench_seconds(void);

/* Input spikes of all steps. */
struct snnbench_sample {
    uint32_t step_count;
    uint32_t *begin; /* [step_count + 1] */
    uint32_t *address;
};

/* Bernoulli spikes of a frame of snnbench_read_frame. */
int snnbench_sample_encode(struct snnbench_sample *out, struct snn_context *context,
                           struct snn_shape shape, uint64_t index, uint32_t step_count);
/* Spikes of every address with the same probability. */
int snnbench_sample_noise(struct snnbench_sample *out, struct snn_shape shape, double rate,
                          uint32_t step_count);
void snnbench_sample_free(struct snnbench_sample *sample);

struct snnbench_session {
    struct snn_context *context;
    const struct snn_net *net;
    struct snn_target *target;
    struct snn_output output;
    uint64_t *operations;   /* [synapse] SynOps of the last run */
    uint64_t output_spikes; /* the same, of the output population */
};

/* Loads a net into "sim" or another target. */
int snnbench_session_open(struct snnbench_session *out, struct snn_context *context,
                          const char *uri, const struct snn_net *net);
void snnbench_session_close(struct snnbench_session *session);
/* Steps [first, first + count) of a sample, at most SNN_TARGET_STEPS_MAX. */
int snnbench_session_advance(struct snnbench_session *session, const struct snnbench_sample *sample,
                             uint32_t first, uint32_t count);
/* A sample from reset to the last step; adds to *seconds_out the processor time it took. */
int snnbench_session_run(struct snnbench_session *session, const struct snnbench_sample *sample,
                         double *seconds_out);

/* The first `count` populations of a net, and behind them one neuron that hears the last at a
 * single position, which takes next to nothing. */
struct snnbench_cut {
    struct snn_net net;
    struct snn_population *populations;
    struct snn_synapse synapse;
    struct snn_window corner;
    struct snn_readout readout;
    float *weights;
    float scale;
};

int snnbench_cut_make(struct snnbench_cut *out, const struct snn_net *net, uint32_t count);
void snnbench_cut_free(struct snnbench_cut *cut);

#endif
