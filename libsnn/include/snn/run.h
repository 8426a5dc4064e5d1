/* The run: a data set through an encoder into a loaded target, and what came out as a result.
 *
 * Every number of a result is the same for any thread count: samples are independent, sums are of
 * integers or taken in sample order.
 */
#ifndef SNN_RUN_H
#define SNN_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snn/context.h"
#include "snn/device.h"
#include "snn/energy.h"
#include "snn/export.h"
#include "snn/graph.h"
#include "snn/net.h"
#include "snn/place.h"
#include "snn/stream.h"
#include "snn/target.h"

#ifdef __cplusplus
extern "C" {
#endif

/* When a sample is decided early. Decisions are taken after a step; a sample that no step decides
 * is decided at the end. */
enum snn_rule_kind {
    SNN_RULE_FIRST = 0,    /* the first output spike */
    SNN_RULE_COUNT = 1,    /* a class has N spikes */
    SNN_RULE_MARGIN = 2,   /* a class leads by M spikes */
    SNN_RULE_MEMBRANE = 3, /* a class leads by M thresholds of integrated potential */
    SNN_RULE_SOFTMAX = 4,  /* softmax of the summed logits reaches P */
    SNN_RULE_ENTROPY = 5,  /* 1 - H / ln C of the same softmax reaches P */
    SNN_RULE_ORACLE = 6,   /* the prediction is the label: a bound on all rules; needs labels */
    SNN_RULE_ALL = 7       /* the last step */
};

struct snn_rule {
    enum snn_rule_kind kind;
    double parameter; /* N, M or P; 0 where none is taken */
    float gain;       /* on the output threshold, "first@4"; 0: the net's own readout */
};

/* "first", "first@4", "count:3", "margin:2", "membrane:1.5", "softmax:0.9", "entropy:0.9",
 * "oracle", "all". Errors: INVALID. */
SNN_API int snn_rule_parse(struct snn_rule *out, struct snn_context *context, const char *text);
/* Writes the canonical text (at most `size` bytes with the terminator). */
SNN_API void snn_rule_format(const struct snn_rule *rule, char *text, size_t size);

enum snn_synop_accounting {
    SNN_SYNOPS_EXACT = 0,       /* one weight added to one potential, borders exact */
    SNN_SYNOPS_SINABS_0_3_3 = 1 /* input after average pooling x C_out x k x k, borders ignored */
};

/* What one sample did, for sinks that store it. Arrays live until the callback returns. */
struct snn_sample_record {
    uint64_t index; /* in the source */
    uint32_t timesteps;
    uint32_t class_count;
    uint32_t population_count;
    const uint32_t *counts;            /* [timesteps][class_count] spikes of readout 0 */
    const uint64_t *population_spikes; /* [timesteps][population_count] */
};

struct snn_partial;

struct snn_run_options {
    uint32_t timesteps;
    enum snn_encoding encoding; /* ignored for recorded spikes */
    uint64_t seed;
    uint64_t offset;  /* first sample */
    uint64_t count;   /* samples; 0: all that follow */
    unsigned threads; /* 0: one a processor */
    double dt_us;     /* duration of a step */
    enum snn_synop_accounting accounting;
    const struct snn_energy_profile *energy; /* required */
    const struct snn_rule *rules;
    uint32_t rule_count;
    /* Rules to compare with each other: snn_result.sweep. */
    const struct snn_rule *sweep;
    uint32_t sweep_count;
    /* A sample ends with the step by which all rules, or without one the first output spike, have
     * decided. From then on it keeps the decision of the first rule. Decisions, their steps and
     * their cost are those of the whole run; everything else is of the steps that were run, and of
     * the first spike nothing is known where rules end the samples. */
    bool until_decided;
    /* Evaluated on the same frames for cnn_accuracy; NULL, or a net that arrived spiking: not. */
    const struct snn_graph *cnn;
    const struct snn_chip *chip; /* that a program runs on, for the result; NULL: none */
    bool allow_loss; /* a device may lose events, which the result then counts; else that is IO */
    /* What is known of this run already: samples that it has are not run, those that are run are
     * added (snn/partial.h). NULL: nothing. */
    struct snn_partial *partial;
    /* Which samples this process is to run: asked under a lock, whenever the last block is handed
     * out, for the next [*first_out, + *count_out) counted from the run's first sample; it may
     * wait. False: no more, ever. NULL: all of them. With a partial the result is of all samples
     * that the partial has in the end. */
    bool (*claim)(uint64_t *first_out, uint64_t *count_out, void *user);
    void *claim_user;
    /* Called under a lock from any worker, after each sample and every few steps within one.
     * `progress` returns false to stop the run: the samples
     * done so far then make a result with complete = false. */
    bool (*progress)(uint64_t done, uint64_t total, void *user);
    /* Called under the same lock, in any order of samples; a status other than SNN_OK ends the run
     * with it; the callback sets the message by snn_context_fail in the context that
     * snn_run was given. NULL: not
     * wanted. */
    int (*sample)(const struct snn_sample_record *record, void *user);
    void *user;
};

/* 100 steps of 1 ms, rate encoding, seed 0, all samples, exact accounting, no rules; `energy` is
 * still to be set. */
SNN_API void snn_run_options_init(struct snn_run_options *options);

/* Undecided samples count with all time steps, in means and quantiles. */
struct snn_result_rule {
    struct snn_rule rule;
    double accuracy;
    double steps_mean;
    double steps_p50; /* nearest rank */
    double steps_p95;
    const uint64_t *steps_histogram; /* [timesteps] samples decided after each; NULL in a sweep */
    double synops_mean;              /* until the decision */
    double energy_uj;
    uint64_t undecided; /* samples that only the end decided */
    bool pareto_steps;  /* sweep: no other is as accurate in as few steps and better in one; */
    bool pareto_synops; /* the same against SynOps. Oracles neither are nor beat any. */
};

struct snn_result_layer {
    const char *name;
    uint64_t neurons;
    double spikes_mean; /* a sample */
    double events_mean; /* spikes that arrive, after the pools, a sample */
    double synops_mean;
    double updates_mean;                   /* neurons x steps run */
    double input_macs_mean;                /* of analog input, a sample */
    uint64_t macs;                         /* of the CNN's layer, a frame */
    const struct snn_quantised *quantised; /* NULL in float arithmetic */
    uint32_t core;                         /* of a chip program; else SNN_NO_CORE */
    uint64_t events_max;                   /* of the sample with the most */
    uint64_t synops_max;                   /* likewise; to whole ones */
    double events_per_step_max;            /* of the busiest sample, over the steps it ran */
    double synops_per_step_max;
    double energy_uj_mean; /* its SynOps, updates and MACs by the profile: the layers, events and
                            * static power make the result's energy_uj_mean; NaN as that is */
};

/* What became of one sample. Steps count from 1; 0: none. */
struct snn_result_sample {
    bool done;
    bool silent;
    uint32_t silent_layer; /* of a silent one, as in silent_layers */
    int32_t label;         /* -1: none */
    int32_t prediction;    /* after the last step; -1: none */
    int32_t cnn_prediction;
    uint32_t steps;       /* run */
    uint32_t first_steps; /* of the first output spike; 0: there was none, or it is not known */
    int32_t first_prediction;
    uint32_t decision_steps; /* of the first rule, all of them if it never decided; 0: no rule */
    int32_t decision_prediction;
    double synops;                /* NaN of a frame-based target, and so the next */
    double synops_until_decision; /* first rule; else the first output spike */
};

/* A run on a device: what went there and came back. Each thread has a session of its own, and so on
 * a virtual device; all figures but those of the device are sums over them, the longest times the
 * longest of any. */
struct snn_result_device {
    struct snn_device_info info; /* of the first session */
    uint32_t sessions;
    struct snn_device_statistics statistics; /* of this run */
    struct snn_device_load_report load;      /* that went before it */
};

/* Means are over samples; accuracies are fractions with all samples in the denominator, NaN without
 * labels. Steps count from 1. */
struct snn_result {
    const char *target;
    const char *semantics;       /* "sync", "async"; NULL of a frame-based target */
    const char *order;           /* of input events within a step, asynchronous; else NULL */
    const char *arith;           /* "float", "chip"; NULL of a frame-based target */
    const struct snn_chip *chip; /* a copy of the run's option; or NULL */
    const struct snn_result_device *device; /* NULL: the target is no device */
    uint64_t sample_count;                  /* that were run */
    uint64_t resumed_count; /* of them, those that the partial had when this run began */
    uint64_t sample_offset;
    bool complete;
    uint32_t timesteps;
    uint32_t class_count;
    double accuracy;
    const int32_t *predictions; /* [samples asked for] class after T steps; -1: none, or not run */
    const struct snn_result_sample *samples; /* [samples asked for] */
    uint64_t sample_asked_count;
    double balanced_accuracy;
    double accuracy_without_silent;
    const double *accuracy_by_step; /* [timesteps] */
    double cnn_accuracy;
    double cnn_agreement; /* share of samples where the spiking net decides as the CNN */
    bool until_decided;   /* with rules, and first_spike is unknown then: NaN and NULL */
    double steps_mean;    /* time steps run */
    struct {
        double accuracy;
        uint64_t count;    /* samples that spiked */
        double steps_mean; /* over those; NaN if none */
        double steps_p50;
        double steps_p95;
        const uint64_t *steps_histogram; /* [timesteps] */
        double synops_mean;              /* until then, over those */
        double energy_uj;
    } first_spike;
    const struct snn_result_rule *rules;
    uint32_t rule_count;
    const struct snn_result_rule *sweep;
    uint32_t sweep_count;
    uint64_t silent_count;
    const uint64_t *silent_indices; /* ascending */
    const uint32_t *silent_layers; /* layer that first fell silent; layer_count: the input itself */
    const uint64_t *confusion; /* [class][class]: label, prediction; silent samples not in it; NULL
                                * without labels and above 1,024 classes (no balanced_accuracy
                                * then either) */
    const struct snn_result_layer *layers;
    uint32_t layer_count;
    double input_spikes_mean;
    double synops_mean;
    double macs_mean;      /* of analog input; of a frame-based target all */
    double io_events_mean; /* input spikes and those of the output classes; NaN without spikes */
    double synops_until_decision_mean; /* first rule; else the first output spike */
    struct snn_energy_profile energy;
    double energy_uj_mean;
    double energy_uj_until_decision_mean;
    enum snn_synop_accounting accounting;
    double seconds;      /* wall clock */
    double synops_total; /* exact SynOps, for the rate */
    unsigned threads;
};

/* Runs samples through a target on which a net was loaded. `net` is that net, of a chip program the
 * one that it was decoded to (snn_target_net). Errors: INVALID (shapes do not fit, a rule's gain
 * has no readout, an oracle without labels, a rule about potentials or a gain with a chip program,
 * whose readout tells spikes only), NOT_FOUND (no sample in the range), CANCELLED never (see
 * complete), and those of source, encoder, target and sample callback. */
SNN_API int snn_run(struct snn_result **out, struct snn_context *context, struct snn_target *target,
                    const struct snn_net *net, const struct snn_source *source,
                    const struct snn_run_options *options);
/* The same for a frame-based target on which a graph was loaded: each frame once. Of the options,
 * offset, count, threads, energy, cnn and the callback `progress` are read. The result has 0 time
 * steps and NaN for everything that only spikes have; its layers are those that multiply. Its
 * energy is that of the graph's MACs alone, NaN by a profile that has none for a MAC; `seconds` is
 * without what the comparison with `cnn` takes. */
SNN_API int snn_run_frames(struct snn_result **out, struct snn_context *context,
                           struct snn_target *target, const struct snn_graph *graph,
                           const struct snn_source *source, const struct snn_run_options *options);
SNN_API void snn_result_destroy(struct snn_result **result);
/* Share of samples where both decide alike; NaN unless both are complete and of the same samples.
 */
SNN_API double snn_result_agreement(const struct snn_result *a, const struct snn_result *b);

struct snn_interval {
    double low, high;
};

/* Between what bounds the share lies that `count` independent samples have measured, with 95 %
 * confidence: the score interval, which stays within 0 and 1 and holds for shares close to them
 * [E. B. Wilson, Probable inference, the law of succession, and statistical inference, J. Am. Stat.
 * Assoc. 22 (1927) 209-212, doi:10.1080/01621459.1927.10502953]. NaN of a share that is NaN, and of
 * no samples. */
SNN_API struct snn_interval snn_wilson_interval(double share, uint64_t count);

#define SNN_RATE_BINS_MAX 20

/* Neurons, over frames, whose activations are about the same. An activation is the rate that would
 * stand for it exactly, so that a layer that loses nothing has rate = activation. */
struct snn_rate_bin {
    uint64_t count;    /* neurons x frames, > 0 */
    double activation; /* mean, in spikes a step */
    double rate;       /* mean, likewise */
    double rate_sd;    /* standard deviation of the rates */
};

/* How the spike rates of a layer follow the activations that they stand for, over neurons and
 * frames; NaN: not measured, or constant. Negative activations count as 0. */
struct snn_layer_rate {
    double pearson; /* correlation */
    double slope;   /* of rates, in units of the activation, over activations: least squares */
    /* The relation itself: from 0 to the largest activation in equal bins, upwards; those without
     * any neuron are left out. 0: not measured. */
    struct snn_rate_bin bins[SNN_RATE_BINS_MAX];
    uint32_t bin_count;
};

/* What a report says of the run beside its results; strings may be NULL. */
struct snn_report {
    const char *tool;
    const char *model_name;
    const char *model_sha256;
    const char *data;
    const char *view; /* of recordings; NULL: as they are */
    uint64_t seed;
    uint64_t samples; /* asked for */
    uint64_t offset;
    uint32_t timesteps; /* 0: no target was a spiking one, whose options are then left out */
    double dt_us;
    const char *encoding;
    const char *norm;
    bool channelwise;
    double v_init; /* NaN: the model's own, "model" */
    double v_min;  /* -INFINITY: none; NaN: as v_init */
    const char *reset;
    uint32_t spikes_max; /* 0: unlimited */
    double output_gain;  /* NaN: the model's own, null */
    const char *readout;
    const char *semantics; /* "sync", "async", "both" */
    const char *order;
    const char *arith; /* "float", "chip", "both" */
    const char *quant; /* how scales were chosen for a chip: "max", "mse" */
    const char *compat;
    const char *calibrate; /* frames that statistics were taken from for this run */
    const char *max_pool;
    bool until_decided;
    const struct snn_pin *pins; /* layers that were kept on cores of chips */
    uint32_t pin_count;
    const struct snn_result *const *results;
    uint32_t result_count;
    /* [results], of each [layers]; NULL, or NULL of a result: not measured. */
    const struct snn_layer_rate *const *rates;
};

/* The JSON document of schema "snn.run/1" (docs/formats/result.md) to a file, whole or not at all.
 * Errors: those of writing, NOMEM. */
SNN_API int snn_report_save(struct snn_context *context, const struct snn_report *report,
                            const char *path);
/* The same as text; free with snn_text_free. */
SNN_API int snn_report_format(char **out, struct snn_context *context,
                              const struct snn_report *report);
SNN_API void snn_text_free(struct snn_context *context, char **text);
/* The sweeps of all results as one table of comma-separated values, a line a rule
 * (docs/formats/result.md), whole or not at all. Errors: those of writing, NOMEM. */
SNN_API int snn_sweep_save(struct snn_context *context, const struct snn_report *report,
                           const char *path);

#ifdef __cplusplus
}
#endif
#endif
