/* The spiking net: integrate-and-fire populations joined by synapses, lowered from a graph.
 *
 * Immutable after lowering and shared between threads; all fields are to be read only. Thresholds
 * are folded into the weights (threshold form), so that populations fire at `threshold` = 1 unless
 * an option says otherwise or the net arrived spiking: then weights and thresholds are as they
 * were. See docs/semantics.md for the equations.
 */
#ifndef SNN_NET_H
#define SNN_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snn/chip.h"
#include "snn/context.h"
#include "snn/export.h"
#include "snn/graph.h"

#ifdef __cplusplus
extern "C" {
#endif

enum snn_synapse_kind {
    SNN_SYNAPSE_CONV2D = 0,    /* weights [out][in / groups][kernel_h][kernel_w] */
    SNN_SYNAPSE_DENSE = 1,     /* weights [out][in channels][in height][in width] */
    SNN_SYNAPSE_ONE_TO_ONE = 2 /* weights [channels]: neuron (c, y, x) to neuron (c, y, x) */
};

#define SNN_SOURCE_INPUT UINT32_MAX

/* Largest spike count of a neuron in one step; float32 counts stay exact up to here. */
#define SNN_SPIKES_PER_STEP_MAX 16777216u

/* How the spikes of one population (or of the input) reach another. Each spike first passes the
 * pools (sum pooling: addresses are remapped, spikes that meet add up), then the weights. */
struct snn_synapse {
    uint32_t source; /* index of an earlier population, or SNN_SOURCE_INPUT */
    const struct snn_window *pools;
    uint32_t pool_count;
    double pool_scale; /* product of 1/k^2 of the average pools; already in the weights */
    struct snn_shape source_shape; /* after the pools */
    enum snn_synapse_kind kind;
    struct snn_window window; /* CONV2D */
    uint32_t groups;
    const float *weights;
    size_t weight_count;
};

/* In what the net computes. A chip's net holds whole numbers only: weights and biases of 8 bits,
 * thresholds and saturating potentials of 16; the fields below keep them as floats. */
enum snn_arith { SNN_ARITH_FLOAT = 0, SNN_ARITH_CHIP = 1 };

/* What held the scale of a quantised population down. */
enum snn_quantised_by {
    SNN_QUANTISED_BY_WEIGHTS = 0,
    SNN_QUANTISED_BY_BIAS = 1,
    SNN_QUANTISED_BY_THRESHOLD = 2,
    SNN_QUANTISED_BY_ERROR = 3 /* chosen for the least squared error */
};

/* How a population became whole numbers: value = round_half_even(scale * real value). */
struct snn_quantised {
    float scale;
    enum snn_quantised_by limited_by;
    double bits;        /* log2(2 max|weight| + 1), of 8 */
    uint32_t threshold; /* of neuron 0; 0: it never fires */
    uint64_t weights_saturated;
    uint64_t weights_lost; /* that were not 0 and are now */
    double weight_error;   /* root mean square of weight - real weight * scale, in steps */
    /* Thresholds that were raised, before, so that one channel's would not take all 8 bits. */
    uint32_t channels_raised;
};

/* A population that is not part of a chip program. */
#define SNN_NO_CORE UINT32_MAX

/* One population of neurons [channels][height][width]. Per step, in float32 and in this order:
 * I = 0; I += n * w for each arriving event; I += bias; v = v + I;
 * n = v > 0 ? trunc(v / threshold) : 0; n = min(n, spikes_max); v -= n * threshold (or v = 0 where
 * n > 0); v = max(v, v_min). A chip's net sums I exactly in whole numbers and saturates
 * v = v + I once a step to -32768..32767. */
struct snn_population {
    const char *name; /* of the graph layer it came from */
    struct snn_shape shape;
    const struct snn_synapse *synapses;
    uint32_t synapse_count;
    uint32_t synapse_first; /* index of synapses[0] among all synapses of the net */
    const float *bias;      /* NULL, one a channel, or one a neuron */
    size_t bias_count;
    float threshold;
    float v_init;
    float v_min; /* -FLT_MAX for none */
    /* Where neurons differ: all three lists are there and hold in place of the values above, which
     * are those of neuron 0. NULL where they are alike. */
    const struct snn_neurons *neurons;
    uint32_t spikes_max; /* per neuron and step, 1..SNN_SPIKES_PER_STEP_MAX */
    enum snn_reset reset;
    /* Activation that one spike a step stands for, [channels]: rate * activation_scale = CNN value;
     * 1 in a net that arrived spiking. */
    const float *activation_scale;
    uint64_t macs;                         /* of the CNN layer, per frame */
    const struct snn_quantised *quantised; /* NULL in float arithmetic */
    uint32_t core;                         /* of a decoded chip program; else SNN_NO_CORE */
    /* Computes the upper features of the same layer as the population before it: in asynchronous
     * semantics the bias ticks of both come before any of their spikes moves on. */
    bool continues;
};

/* One way to read the output population. Readout 0 is the output population itself; further ones
 * are extra neurons over the same currents with their own threshold. */
struct snn_readout {
    float gain;      /* factor on the output threshold */
    float threshold; /* FLT_MAX: integrates without ever firing */
    float v_init;
    float v_min;
    const struct snn_neurons *neurons; /* as in struct snn_population */
    uint32_t spikes_max;
};

struct snn_net {
    const char *name;
    struct snn_shape input_shape;
    const struct snn_population *populations; /* in topological order; the last is the output */
    uint32_t population_count;
    uint32_t synapse_count; /* of all populations */
    uint32_t class_count;   /* neurons of the output population; of a decoded program its classes */
    const struct snn_readout *readouts;
    uint32_t readout_count;
    uint64_t neuron_count;
    enum snn_arith arith;
};

enum snn_norm_kind {
    SNN_NORM_NONE = 0,     /* thresholds 1 on the weights as they are */
    SNN_NORM_QUANTILE = 1, /* threshold = quantile of the activations (1: maximum) */
    SNN_NORM_RECIPE = 2    /* thresholds from a recipe of the graph: "mse:16", "ltb", "spike" */
};

enum snn_max_pool { SNN_MAX_POOL_REFUSE = 0, SNN_MAX_POOL_AVG = 1, SNN_MAX_POOL_OR = 2 };

struct snn_lower_options {
    enum snn_norm_kind norm;
    double quantile;     /* for SNN_NORM_QUANTILE: 0.999 */
    const char *recipe;  /* for SNN_NORM_RECIPE */
    bool channelwise;    /* quantiles per channel, but for the output */
    float v_init;        /* in thresholds: 0.5 */
    float v_min;         /* in thresholds: -1; -INFINITY for none */
    uint32_t spikes_max; /* 0: unlimited */
    enum snn_reset reset;
    float output_gain;        /* on the output threshold: 1 */
    bool readout_membrane;    /* the output integrates and does not fire */
    const float *extra_gains; /* one further readout each */
    uint32_t extra_gain_count;
    enum snn_max_pool max_pool;
    enum snn_arith arith;
    bool quantise_mse; /* CHIP: scales of the least squared error, not the largest that fit */
    /* Names of recipes of the graph whose biases and potentials are added up. */
    const char *const *corrections;
    uint32_t correction_count;
    /* The chip that the net is for, which gives it the form of that chip's cores, as far as it can
     * be had: per population one square kernel, stride and padding for all synapses (with zeros in
     * it where branches differ), pools that the chip has, the others merged into the kernel, and
     * biases a channel, the median of its neurons, with a warning where they differ. In synchronous
     * semantics nothing else changes. Without CHIP arithmetic it is INVALID. NULL: none. */
    const struct snn_chip *chip;
};

/* The defaults named above, float arithmetic, with SNN_NORM_QUANTILE 0.999. */
SNN_API void snn_lower_options_init(struct snn_lower_options *options);

/* Sets norm, quantile and recipe from "p99.9", "max", "none", or the name of a recipe of
 * thresholds: "mse:16", "ltb", "spike", "auto", which is borrowed. Errors: INVALID. */
SNN_API int snn_norm_parse(struct snn_lower_options *options, struct snn_context *context,
                           const char *text);
/* Writes the norm as text, with "/channel" behind it where quantiles are taken a channel (at most
 * `size` bytes with the terminator). */
SNN_API void snn_norm_format(const struct snn_lower_options *options, char *text, size_t size);

/* Lowers a graph: a pure function of graph and options. Of a graph that is spiking (layers of kind
 * IF), norm, recipe, channelwise and reset are not read, v_init and v_min only where a layer has
 * none, corrections are refused, and an output that is no such layer integrates without firing. In
 * chip arithmetic the scale of the output is that of its own threshold, not of extra gains. Reports
 * every obstacle to the diagnostics sink and returns the first. Errors: UNSUPPORTED (a layer with
 * no spiking form, or of which a chip's whole numbers leave nothing), NOT_FOUND (no such statistics
 * or recipe; the hint says how to get them), INVALID, LIMIT (neuron_count; in chip arithmetic a
 * gain beyond 16 bits), NOMEM.
 */
SNN_API int snn_net_lower(struct snn_net **out, struct snn_context *context,
                          const struct snn_graph *graph, const struct snn_lower_options *options);
SNN_API void snn_net_destroy(struct snn_net **net);

/* Neurons that one event at (y, x) of the synapse's source_shape reaches, exact at borders. */
SNN_API uint64_t snn_synapse_fanout(const struct snn_net *net, uint32_t population,
                                    uint32_t synapse, uint32_t y, uint32_t x);

#ifdef __cplusplus
}
#endif
#endif
