/* Refusals before a run begins: shapes, samples, rules, and what a target cannot tell.
 */
#include "libsnn/run_check.h"

#include <math.h>

#include "libsnn/base/error.h"
#include "libsnn/model/intensity.h"
#include "snn/graph.h"

#define TIMESTEPS_MAX 10000000u
#define RULES_MAX 4096u

static bool same_shape(struct snn_shape a, struct snn_shape b)
{
    return a.channels == b.channels && a.height == b.height && a.width == b.width;
}

static int check_samples(struct snn_context *context, const struct snn_source *source,
                         const struct snn_run_options *o)
{
    uint64_t total = snn_source_count(source);
    if (o->offset >= total)
        return snnbase_fail(context, SNN_ERR_NOT_FOUND,
                            "sample %llu was asked for, the data has %llu",
                            (unsigned long long)o->offset, (unsigned long long)total);
    if (o->count > total - o->offset)
        return snnbase_fail(context, SNN_ERR_NOT_FOUND,
                            "%llu samples from %llu on were asked for, the data has %llu",
                            (unsigned long long)o->count, (unsigned long long)o->offset,
                            (unsigned long long)total);
    return SNN_OK;
}

int snnrun_check(struct snn_context *context, struct snn_shape shape, size_t class_count,
                 const struct snn_source *source, const struct snn_run_options *o)
{
    struct snn_shape have = snn_source_shape(source);
    if (!same_shape(shape, have)) {
        snnbase_fail(context, SNN_ERR_INVALID,
                     "the data has samples of %ux%ux%u, the net takes %ux%ux%u", have.channels,
                     have.height, have.width, shape.channels, shape.height, shape.width);
        return snnmodel_frame_shape_hint(context, have, shape);
    }
    int status = check_samples(context, source, o);
    if (status != SNN_OK) return status;
    if (o->cnn != NULL) {
        const struct snn_layer *output = snn_graph_layer(o->cnn, snn_graph_output(o->cnn));
        if (!same_shape(shape, snn_graph_input_shape(o->cnn)) || output == NULL ||
            snn_shape_size(output->shape) != class_count)
            return snnbase_fail(context, SNN_ERR_INVALID,
                                "the CNN to compare with is not the one the net came from");
    }
    if (o->energy == NULL) {
        snnbase_fail(context, SNN_ERR_INVALID, "no energy profile was given");
        return snnbase_hint(context, "snn_energy_profile_load gives one, \"sinabs\" for instance");
    }
    return SNN_OK;
}

uint64_t snnrun_sample_count(const struct snn_source *source, const struct snn_run_options *o)
{
    return o->count > 0 ? o->count : snn_source_count(source) - o->offset;
}

/* --- Spikes ----------------------------------------------------------------------------------- */

static int check_time(struct snn_context *context, const struct snn_source *source,
                      const struct snn_run_options *o)
{
    if (o->timesteps == 0 || o->timesteps > TIMESTEPS_MAX)
        return snnbase_fail(context, SNN_ERR_INVALID, "%u time steps are not within 1..%u",
                            o->timesteps, TIMESTEPS_MAX);
    if (snn_source_kind(source) == SNN_SOURCE_SPIKES && o->timesteps > snn_source_steps(source))
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "%u time steps were asked for, the recording has %u", o->timesteps,
                            snn_source_steps(source));
    return SNN_OK;
}

/* The readout of a chip is one output's spikes. */
static int check_chip_rule(struct snn_context *context, const struct snn_rule *rule)
{
    char text[64];
    snn_rule_format(rule, text, sizeof(text));
    if (rule->gain > 0.0f) {
        snnbase_fail(context, SNN_ERR_INVALID,
                     "the rule %s needs a second output with another threshold, which a chip has "
                     "no core for",
                     text);
        return snnbase_hint(context, "give the output itself that gain (--output-gain %g)",
                            (double)rule->gain);
    }
    if (rule->kind != SNN_RULE_MEMBRANE && rule->kind != SNN_RULE_SOFTMAX &&
        rule->kind != SNN_RULE_ENTROPY)
        return SNN_OK;
    snnbase_fail(context, SNN_ERR_INVALID,
                 "the rule %s needs the output's potentials; a chip's readout tells spikes only",
                 text);
    return snnbase_hint(context, "take first, count:N or margin:M; --output-gain trades accuracy "
                                 "for an earlier first spike");
}

static int check_rules(struct snn_context *context, const struct snn_net *net,
                       const struct snn_source *source, const struct snn_rule *rules,
                       uint32_t count)
{
    if (count > RULES_MAX)
        return snnbase_fail(context, SNN_ERR_INVALID, "more than %u decision rules", RULES_MAX);
    for (uint32_t i = 0; i < count; i++) {
        int status = SNN_OK;
        if (net->populations[0].core != SNN_NO_CORE) status = check_chip_rule(context, &rules[i]);
        if (status != SNN_OK) return status;
        if (rules[i].kind != SNN_RULE_ORACLE || snn_source_has_labels(source)) continue;
        snnbase_fail(context, SNN_ERR_INVALID,
                     "the rule oracle compares with labels, of which the data has none");
        return snnbase_hint(context, "name the labels, or leave the rule out");
    }
    return SNN_OK;
}

int snnrun_check_spikes(struct snn_context *context, const struct snn_net *net,
                        const struct snn_source *source, const struct snn_run_options *o)
{
    int status = check_time(context, source, o);
    if (status == SNN_OK)
        status = snnrun_check(context, net->input_shape, net->class_count, source, o);
    if (status != SNN_OK) return status;
    if (!(o->dt_us > 0.0) || !isfinite(o->dt_us))
        return snnbase_fail(context, SNN_ERR_INVALID, "a time step of %g us is not positive",
                            o->dt_us);
    status = check_rules(context, net, source, o->rules, o->rule_count);
    return status == SNN_OK ? check_rules(context, net, source, o->sweep, o->sweep_count) : status;
}

/* --- Frames ----------------------------------------------------------------------------------- */

uint32_t snnrun_graph_classes(const struct snn_graph *graph)
{
    return (uint32_t)snn_shape_size(snn_graph_layer(graph, snn_graph_output(graph))->shape);
}

int snnrun_check_frames(struct snn_context *context, const struct snn_target *target,
                        const struct snn_graph *graph, const struct snn_source *source,
                        const struct snn_run_options *options)
{
    if (snn_target_kind(target) != SNN_TARGET_FRAME)
        return snnbase_fail(context, SNN_ERR_INVALID, "target %s takes spikes, not frames",
                            snn_target_name(target));
    if (snn_source_kind(source) != SNN_SOURCE_FRAMES)
        return snnbase_fail(context, SNN_ERR_INVALID, "target %s takes frames, not spikes",
                            snn_target_name(target));
    return snnrun_check(context, snn_graph_input_shape(graph), snnrun_graph_classes(graph), source,
                        options);
}
