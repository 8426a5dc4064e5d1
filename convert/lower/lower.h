/* Between the files of the spiking lowering: what a graph layer's output is in spiking terms.
 *
 * SPIKES: events of a population (or of the input) that pass some pools. JOINED: several of those,
 * concatenated. LINEAR: a sum of weighted branches that no neuron has integrated yet; an
 * activation, a layer of neurons, or being the output, turns it into a population.
 */
#ifndef SNN_CONVERT_LOWER_LOWER_H
#define SNN_CONVERT_LOWER_LOWER_H

#include "libsnn/base/memory.h"
#include "libsnn/model/net.h"
#include "snn/graph.h"
#include "snn/net.h"

enum snnconv_value_kind {
    SNNCONV_VALUE_ABSENT = 0, /* not needed for the output, or an obstacle was reported */
    SNNCONV_VALUE_SPIKES = 1,
    SNNCONV_VALUE_LINEAR = 2,
    SNNCONV_VALUE_JOINED = 3
};

struct snnconv_value;

/* One term of a LINEAR value: layer `weights` (CONV2D or DENSE) applied to `input`, or `input`
 * itself where `weights` is NULL. */
struct snnconv_branch {
    const struct snn_layer *weights;
    const struct snnconv_value *input; /* SPIKES */
};

struct snnconv_value {
    enum snnconv_value_kind kind;
    struct snn_shape shape; /* channels, rows, columns of the events; kept through a flatten */
    /* SPIKES */
    uint32_t source;
    struct snn_shape source_shape; /* before the pools */
    const struct snn_window *pools;
    uint32_t pool_count;
    double pool_scale;
    const double *activation_scale; /* [channels]: what a spike of the source stands for */
    const double
        *offset; /* [channels], NULL for none: added to every activation (of a normalised input) */
    /* LINEAR */
    const struct snnconv_branch *branches;
    uint32_t branch_count;
    /* JOINED */
    const struct snnconv_value *parts; /* SPIKES; flattened ones keep their shape */
    uint32_t part_count;
};

struct snnconv_lowering {
    struct snn_context *context;
    const struct snn_graph *graph;
    const struct snn_lower_options *options;
    const struct snn_recipe *draft;  /* of calibration, as if it were in the graph; or NULL */
    const struct snn_layer *spiking; /* the first layer of kind IF; NULL: a CNN */
    uint32_t output;                 /* layer whose neurons are the net's output */
    uint32_t layer;                  /* being lowered */
    uint32_t raised;                 /* its channels whose threshold was raised for a chip */
    struct snnbase_arena *arena;     /* of the net */
    struct snnbase_arena *real;      /* of real weights: that of the net, or scratch for a chip */
    struct snnbase_arena *scratch;   /* as long as the lowering */
    struct snnconv_value *values;    /* one a graph layer */
    struct snn_population *populations; /* [population_capacity], moved to the net at the end */
    size_t population_capacity;
    uint32_t population_count;
    uint32_t synapse_count;
    uint64_t neuron_count;
    struct snn_readout *readouts; /* [readout_count], of the output */
    uint32_t readout_count;
};

/* Says that `input` of `layer` is a sum that no neuron has integrated. Returns UNSUPPORTED. */
int snnconv_fail_linear(struct snnconv_lowering *lowering, const struct snn_layer *layer,
                        const struct snn_layer *input);

/* What a layer that goes by channels makes of a SPIKES value of them. */
typedef int (*snnconv_lower_fn)(struct snnconv_lowering *lowering, const struct snn_layer *layer,
                                const struct snnconv_value *input, struct snnconv_value *out);

/* Concatenation (join.c): the JOINED value of a layer; such a value behind a pool, which `lower`
 * does for each part as layer "name[part]"; and the LINEAR value of a convolution or dense layer on
 * it. Errors: UNSUPPORTED, LIMIT, NOMEM, those of `lower`. */
int snnconv_join_lower(struct snnconv_lowering *lowering, const struct snn_layer *layer,
                       struct snnconv_value *out);
int snnconv_join_pool(struct snnconv_lowering *lowering, const struct snn_layer *layer,
                      const struct snnconv_value *joined, snnconv_lower_fn lower,
                      struct snnconv_value *out);
int snnconv_join_branches(struct snnconv_lowering *lowering, const struct snn_layer *layer,
                          const struct snnconv_value *joined, struct snnconv_value *out);

/* A recipe by its name, the draft before those of the graph (correction.c). Errors: NOT_FOUND with
 * the hint how to compute it. */
int snnconv_recipe_find(const struct snnconv_lowering *lowering, const char *name,
                        const struct snn_recipe **out);

/* Errors: NOT_FOUND, INVALID (a recipe of thresholds, layers without neurons), UNSUPPORTED (a net
 * that arrived spiking). */
int snnconv_corrections_check(const struct snnconv_lowering *lowering);

/* Corrections of the layer being lowered: how many values they have (0: none; 1, its channels or
 * its neurons), and their sum added to values of the same number or more. */
size_t snnconv_corrections_count(const struct snnconv_lowering *lowering,
                                 enum snn_recipe_kind kind);
void snnconv_corrections_add(const struct snnconv_lowering *lowering, enum snn_recipe_kind kind,
                             double *values, size_t count);

/* Fills in how the neurons of a layer's population fire, whose activations are in units of `scale`
 * (neuron.c). Errors: INVALID (potentials overflow), NOMEM. */
int snnconv_neurons_build(struct snnconv_lowering *lowering, const struct snn_layer *layer,
                          const double *scale, struct snn_population *out);

/* A readout whose neurons are those of a population with all potentials times `gain`. */
int snnconv_readout_build(struct snnconv_lowering *lowering, const struct snn_population *of,
                          float gain, struct snn_readout *out);

/* The scale of a neuronal layer's activations, [channels], from norm, statistics or recipe; 1 in a
 * net that arrived spiking. Sets lowering->raised. Errors: NOT_FOUND with the hint how to get what
 * is missing, INVALID, NOMEM. */
int snnconv_threshold_choose(struct snnconv_lowering *lowering, uint32_t layer, double **scale_out);

/* Builds one synapse: weights folded with the scales of both sides and of the pools. */
int snnconv_synapse_build(struct snnconv_lowering *lowering, const struct snnconv_branch *branch,
                          struct snn_shape shape, const double *scale, struct snn_synapse *out);

/* Adds up the biases of all branches, and what the input's offset contributes, in units of `scale`.
 * Writes a NULL bias where there is none. */
int snnconv_bias_build(struct snnconv_lowering *lowering, const struct snnconv_value *value,
                       struct snn_shape shape, const double *scale, struct snn_population *out);

/* Chip arithmetic (quantise.c): turns a finished population into one of whole numbers. Warns of
 * layers that lose most of their weights. Errors: INVALID (a threshold, or all weights become 0),
 * NOMEM. */
int snnconv_quantise_population(struct snnconv_lowering *lowering,
                                struct snn_population *population);

/* The same for a readout, with the scale of the output population. Errors: LIMIT (its threshold
 * exceeds 16 bits), INVALID, NOMEM. */
int snnconv_quantise_readout(struct snnconv_lowering *lowering, const struct snn_population *output,
                             struct snn_readout *readout);

/* snn_net_lower up to a neuronal layer, which becomes the output; `draft` may be NULL. */
int snnconv_lower(struct snn_net **out, struct snn_context *context, const struct snn_graph *graph,
                  const struct snn_lower_options *options, uint32_t output,
                  const struct snn_recipe *draft);

#endif
