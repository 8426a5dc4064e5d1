/* From a graph to spiking nets and chip programs: thresholds are chosen or measured, then the graph
 * is lowered once for each arithmetic, and each chip's form, that targets compute in.
 */
#include <float.h>
#include <stdio.h>
#include <string.h>

#include "tools/snnsim/calibrate.h"
#include "tools/snnsim/session.h"
#include "tools/snnsim/spiking.h"

/* A net that arrived spiking: on a chip its output has to fire. */
static int adapt_spiking(struct snnsim_session *s)
{
    struct snnsim_options *o = &s->options;
    int status = snnsim_spiking_adapt(o, s->graph);
    if (status != SNNCLI_EXIT_OK || !o->lower.readout_membrane || !snnsim_options_has_chip(o))
        return status;
    const struct snn_layer *output = snn_graph_layer(s->graph, snn_graph_output(s->graph));
    (void)snncli_fail(
        &s->console, SNNCLI_EXIT_DOES_NOT_FIT, o->model,
        "layer '%s': the output is a sum without neurons, and a chip tells spikes only",
        output->name);
    snncli_hint(&s->console, "let the net end in neurons");
    return SNNCLI_EXIT_DOES_NOT_FIT;
}

/* The default norm: p99.9, or none where the model knows nothing of its activations. */
static int choose_norm(struct snnsim_session *s)
{
    struct snnsim_options *o = &s->options;
    if (snn_graph_is_spiking(s->graph)) return adapt_spiking(s);
    if (o->norm != NULL) return SNNCLI_EXIT_OK;
    uint32_t count = 0;
    (void)snn_graph_quantiles(s->graph, &count, NULL, NULL);
    o->norm = count > 0 || o->calibrate != NULL ? "p99.9" : "none";
    if (strcmp(o->norm, "none") == 0) {
        snncli_warning(&s->console, o->model,
                       "no activation statistics: all thresholds are 1 (--norm none)");
        snncli_hint(&s->console, "give training frames with --calibrate");
    }
    return snnsim_options_set_norm(o, o->norm);
}

/* Lowering makes this build next. */
static void choose_build(struct snnsim_session *s, const struct snnsim_build *build)
{
    s->options.lower.arith = build->arith;
    s->options.lower.chip = build->chip;
}

/* What is measured is a net that is not placed yet, which a device does not take: the same chip
 * simulated, in the same order, gives the same. */
static int open_stand_in(struct snnsim_session *s, uint32_t target)
{
    const char *uri = s->options.targets[target], *order = "";
    char name[512], text[640];
    for (const char *at = uri; (at = strstr(at, ",order=")) != NULL; at++)
        order = at;
    snnsim_options_chip_name(uri, snn_target_chip(s->targets[target]), name, sizeof(name));
    (void)snprintf(text, sizeof(text), "chip:%s%s", name, order);
    if (snn_target_open(&s->stand_in, s->context, text) == SNN_OK) return SNNCLI_EXIT_OK;
    return snncli_fail_context(&s->console, s->context, text);
}

/* Thresholds and corrections are measured on the first spiking target, in its arithmetic. */
static int calibrate(struct snnsim_session *s)
{
    uint32_t first = s->options.target_count;
    for (uint32_t i = s->options.target_count; i-- > 0;) {
        if (snnsim_is_spiking(s, i)) first = i;
    }
    if (first == s->options.target_count)
        return snnsim_calibrate(&s->options, s->context, s->graph, NULL);
    choose_build(s, &s->builds[s->build_of[first]]);
    struct snn_target *target = s->targets[first];
    if (snnsim_options_is_device(s->options.targets[first])) {
        int status = open_stand_in(s, first);
        if (status != SNNCLI_EXIT_OK) return status;
        target = s->stand_in;
    }
    return snnsim_calibrate(&s->options, s->context, s->graph, target);
}

int snnsim_choose_thresholds(struct snnsim_session *s)
{
    int status = choose_norm(s);
    return status == SNNCLI_EXIT_OK ? calibrate(s) : status;
}

/* Thresholds of a chip have 16 bits: of the gains that a sweep would try, those that fit. What
 * keeps the net from being made at all is reported where it is made. */
static void fit_sweep(struct snnsim_session *s)
{
    const struct snn_context_options silent = {.kernel_level = s->options.kernel};
    struct snn_lower_options lower = s->options.lower;
    struct snn_context *context = NULL;
    struct snn_net *net = NULL;
    lower.arith = SNN_ARITH_CHIP;
    lower.chip = NULL;
    lower.extra_gain_count = 0;
    if (snn_context_create(&context, &silent) != SNN_OK) return;
    if (snn_net_lower(&net, context, s->graph, &lower) == SNN_OK) {
        const struct snn_quantised *q = net->populations[net->population_count - 1].quantised;
        const float unit = q->threshold > 0 ? (float)q->threshold / lower.output_gain : q->scale;
        snnsim_options_limit_sweep(&s->options, 32767.0f / unit);
    }
    snn_net_destroy(&net);
    snn_context_destroy(&context);
}

/* Whether two targets are chips of one profile, simulated or devices; both of none, too. */
static bool same_chip(const struct snnsim_session *s, uint32_t a, uint32_t b)
{
    const uint32_t none = s->options.target_count;
    char names[2][512];
    if (a == none || b == none) return a == b;
    snnsim_options_chip_name(s->options.targets[a], snn_target_chip(s->targets[a]), names[0],
                             sizeof(names[0]));
    snnsim_options_chip_name(s->options.targets[b], snn_target_chip(s->targets[b]), names[1],
                             sizeof(names[1]));
    return strcmp(names[0], names[1]) == 0;
}

/* For the chip that this target is, target_count: for none. */
static struct snnsim_build *find_build(struct snnsim_session *s, enum snn_arith arith,
                                       uint32_t chip)
{
    uint32_t i = 0;
    while (i < s->build_count &&
           (s->builds[i].arith != arith || !same_chip(s, s->builds[i].chip_target, chip)))
        i++;
    if (i == s->build_count) {
        const bool none = chip == s->options.target_count;
        s->builds[s->build_count++] = (struct snnsim_build){
            .arith = arith,
            .chip_target = chip,
            .chip = none ? NULL : snn_target_chip(s->targets[chip]),
        };
    }
    return &s->builds[i];
}

/* In chip arithmetic a simulator beside a chip computes what the chip does, in its form. */
void snnsim_plan_builds(struct snnsim_session *s)
{
    const struct snnsim_options *o = &s->options;
    uint32_t first = o->target_count;
    for (uint32_t i = o->target_count; i-- > 0;) {
        if (snn_target_chip(s->targets[i]) != NULL) first = i;
    }
    for (uint32_t i = 0; i < o->target_count; i++) {
        const bool whole = o->target_arith[i] == SNN_ARITH_CHIP;
        if (!snnsim_is_spiking(s, i)) continue;
        const uint32_t chip = snn_target_chip(s->targets[i]) != NULL ? i
                              : whole                                ? first
                                                                     : o->target_count;
        s->build_of[i] = (uint32_t)(find_build(s, o->target_arith[i], chip) - s->builds);
    }
}

static int make_build(struct snnsim_session *s, struct snnsim_build *build)
{
    size_t before = s->console.error_count;
    choose_build(s, build);
    if (snn_net_lower(&build->net, s->context, s->graph, &s->options.lower) == SNN_OK)
        return build->chip != NULL ? snnsim_place(s, build) : SNNCLI_EXIT_OK;
    int status = snnsim_fail_reported(s, before, s->options.model);
    /* Statistics or a recipe: it is the model that lacks them. */
    return status == SNNCLI_EXIT_NO_INPUT ? SNNCLI_EXIT_DATA : status;
}

/* All chips that the net does not fit are told in one run. */
static int lower_model(struct snnsim_session *s)
{
    bool fits = true;
    const bool gains = s->options.sweep != NULL && !snnsim_options_has_chip(&s->options);
    for (uint32_t i = 0; gains && i < s->options.target_count; i++) {
        if (snnsim_is_spiking(s, i) && s->options.target_arith[i] == SNN_ARITH_CHIP) fit_sweep(s);
    }
    for (uint32_t i = 0; i < s->build_count; i++) {
        int status = make_build(s, &s->builds[i]);
        if (status != SNNCLI_EXIT_OK && status != SNNCLI_EXIT_DOES_NOT_FIT) return status;
        fits = fits && status == SNNCLI_EXIT_OK;
    }
    return fits ? SNNCLI_EXIT_OK : SNNCLI_EXIT_DOES_NOT_FIT;
}

/* Potentials that only add up may leave 16 bits, and classes there are alike. */
static void warn_of_saturation(struct snnsim_session *s)
{
    const struct snn_net *net = NULL;
    for (uint32_t i = 0; i < s->build_count; i++) {
        if (s->builds[i].arith == SNN_ARITH_CHIP) net = s->builds[i].net;
    }
    if (net == NULL || net->readouts[0].threshold < FLT_MAX) return;
    const double held =
        32767.0 / (double)net->populations[net->population_count - 1].quantised->scale;
    if (held >= (double)s->options.timesteps) return;
    snncli_warning(&s->console, s->options.model,
                   "the output's potentials of 16 bits hold %.1f thresholds, which %u steps may "
                   "exceed",
                   held, s->options.timesteps);
    snncli_hint(&s->console, "fewer steps (--timesteps N), or an output that fires");
}

int snnsim_lower(struct snnsim_session *s)
{
    int status = lower_model(s);
    if (status == SNNCLI_EXIT_OK) warn_of_saturation(s);
    return status;
}
