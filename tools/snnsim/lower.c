/* From a graph to spiking nets and chip programs: thresholds are chosen or measured, then the graph
 * is lowered once for each arithmetic, and each chip's form, that targets compute in.
 */
#include <float.h>
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

/* Thresholds and corrections are measured on the first spiking target, in its arithmetic. */
static int calibrate(struct snnsim_session *s)
{
    struct snn_target *target = NULL;
    for (uint32_t i = s->options.target_count; i-- > 0;) {
        if (!snnsim_is_spiking(s, i)) continue;
        target = s->targets[i];
        choose_build(s, &s->builds[s->build_of[i]]);
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

/* Whether two URIs name the same chip, which an order may follow; NULL: none. */
static bool same_chip(const char *a, const char *b)
{
    if (a == NULL || b == NULL) return a == b;
    const size_t length = snnsim_options_chip_length(a);
    return snnsim_options_chip_length(b) == length && strncmp(a, b, length) == 0;
}

static struct snnsim_build *find_build(struct snnsim_session *s, enum snn_arith arith,
                                       const char *chip)
{
    uint32_t i = 0;
    while (i < s->build_count &&
           (s->builds[i].arith != arith || !same_chip(s->builds[i].chip_uri, chip)))
        i++;
    if (i == s->build_count)
        s->builds[s->build_count++] = (struct snnsim_build){.arith = arith, .chip_uri = chip};
    return &s->builds[i];
}

/* In chip arithmetic a simulator beside a chip computes what the chip does, in its form. */
void snnsim_plan_builds(struct snnsim_session *s)
{
    const struct snnsim_options *o = &s->options;
    const char *first = NULL;
    for (uint32_t i = o->target_count; i-- > 0;) {
        if (snn_target_chip(s->targets[i]) != NULL) first = o->targets[i];
    }
    for (uint32_t i = 0; i < o->target_count; i++) {
        const bool chip = snn_target_chip(s->targets[i]) != NULL;
        const bool whole = o->target_arith[i] == SNN_ARITH_CHIP;
        if (!snnsim_is_spiking(s, i)) continue;
        const char *uri = chip ? o->targets[i] : whole ? first : NULL;
        s->build_of[i] = (uint32_t)(find_build(s, o->target_arith[i], uri) - s->builds);
    }
    for (uint32_t i = 0; i < o->target_count; i++) {
        const struct snn_chip *chip = snn_target_chip(s->targets[i]);
        if (chip != NULL) s->builds[s->build_of[i]].chip = chip;
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
