/* What snnsim's options say together: what they make of each other, and what contradicts itself.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tools/snnsim/options.h"

/* Sinabs' IAF after from_model: fixes what must be so, refuses what contradicts it. */
static int apply_compat(struct snnsim_options *o)
{
    const struct snn_lower_options *l = &o->lower;
    if ((o->norm != NULL && l->norm != SNN_NORM_NONE) || l->spikes_max != 0 ||
        l->reset != SNN_RESET_SUBTRACT || (o->v_min != NULL && fabsf(l->v_min + 1.0f) > 0.0f) ||
        l->channelwise || o->correct_count > 0 || (o->given[OPT_V0] && fabsf(l->v_init) > 0.0f))
        return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--compat",
                           "sinabs means --norm none --v0 0 --v-min -1 --reset subtract and no "
                           "--n-max, --channelwise or --correct; another value was given");
    o->norm = "none";
    o->lower.v_init = 0.0f;
    return snnsim_options_set_norm(o, "none");
}

static void collect_gain(struct snnsim_options *o, float gain)
{
    bool known = gain <= 0.0f;
    if (!o->lower.readout_membrane && fabsf(gain - o->lower.output_gain) <= 0.0f) known = true;
    for (uint32_t k = 0; k < o->lower.extra_gain_count; k++)
        known = known || fabsf(o->extra_gains[k] - gain) <= 0.0f;
    if (!known) o->extra_gains[o->lower.extra_gain_count++] = gain;
}

/* Readouts that the rules ask for beyond the net's own, each once. */
static void collect_gains(struct snnsim_options *o)
{
    o->lower.extra_gain_count = 0;
    const struct snnsim_sweep_room room = {!o->lower.readout_membrane, o->sweep_gain_max,
                                           !snnsim_options_has_chip(o)};
    if (o->sweep != NULL)
        o->sweep_count = snnsim_sweep_fill(o->sweep_rules, o->rules, o->rule_count, &room);
    for (uint32_t i = 0; i < o->rule_count; i++)
        collect_gain(o, o->rules[i].gain);
    for (uint32_t i = 0; i < o->sweep_count; i++)
        collect_gain(o, o->sweep_rules[i].gain);
    o->lower.extra_gains = o->extra_gains;
}

void snnsim_options_set_membrane(struct snnsim_options *o)
{
    o->lower.readout_membrane = true;
    collect_gains(o);
}

void snnsim_options_limit_sweep(struct snnsim_options *o, float gain_max)
{
    o->sweep_gain_max = gain_max;
    collect_gains(o);
}

static int too_many_targets(struct snnsim_options *o)
{
    return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--target", "more than %d targets",
                       SNNSIM_TARGETS_MAX);
}

static int insert_target(struct snnsim_options *o, uint32_t at, const char *target)
{
    if (o->target_count == SNNSIM_TARGETS_MAX) return too_many_targets(o);
    memmove(&o->targets[at + 1], &o->targets[at], (o->target_count - at) * sizeof(o->targets[0]));
    o->targets[at] = target;
    o->target_count++;
    return SNNCLI_EXIT_OK;
}

/* Chips without a simulator beside them: what they are compared with are the same numbers in
 * synchronous steps. */
static int apply_chip_semantics(struct snnsim_options *o)
{
    if (o->semantics == SNNSIM_SYNC) {
        (void)snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--semantics",
                          "a chip computes event by event, not in steps");
        snncli_hint(o->console, "the gap between the two: --semantics both");
        return SNNCLI_EXIT_USAGE;
    }
    if (o->semantics == SNNSIM_ASYNC) return SNNCLI_EXIT_OK;
    if (!o->given[OPT_ARITH]) o->arithmetic = SNNSIM_CHIP;
    return insert_target(o, 0, "sim");
}

/* Puts the asynchronous simulator in the place of "sim", or behind it. */
static int apply_semantics(struct snnsim_options *o)
{
    char *uri = o->async_uri;
    const bool chip = snnsim_options_has_chip(o);
    uint32_t at = 0;
    if (o->order != NULL && o->semantics == SNNSIM_SYNC && !chip)
        return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--order",
                           "synchronous steps have no order of events; add --semantics async");
    if (!o->given[OPT_SEMANTICS]) return SNNCLI_EXIT_OK;
    while (at < o->target_count && strcmp(o->targets[at], "sim") != 0)
        at++;
    if (at == o->target_count && chip) return apply_chip_semantics(o);
    if (at == o->target_count)
        return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--semantics",
                           "is for the target sim, which is not among --target");
    if (o->semantics == SNNSIM_SYNC) return SNNCLI_EXIT_OK;
    if (o->semantics == SNNSIM_ASYNC && o->lower.spikes_max > 0)
        return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--n-max",
                           "is for steps; with --semantics async an event fires a neuron once");
    const char *order = o->order != NULL ? o->order : "interleave";
    int used = snprintf(uri, sizeof(o->async_uri), "sim:async,order=%s", order);
    if (strcmp(order, "random") == 0)
        (void)snprintf(uri + used, sizeof(o->async_uri) - (size_t)used, ",seed=%llu",
                       (unsigned long long)o->seed);
    if (o->semantics == SNNSIM_BOTH) return insert_target(o, at + 1, uri);
    o->targets[at] = uri;
    return SNNCLI_EXIT_OK;
}

static bool is_simulator(const char *target)
{
    return strncmp(target, "sim", 3) == 0 && (target[3] == '\0' || target[3] == ':');
}

static uint32_t count_simulators(const struct snnsim_options *o)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < o->target_count; i++)
        count += is_simulator(o->targets[i]);
    return count;
}

/* What is said of arithmetic must be about some target. */
static int check_arith(struct snnsim_options *o)
{
    const bool chip = snnsim_options_has_chip(o), simulator = count_simulators(o) > 0;
    if (o->given[OPT_QUANT] && o->arithmetic == SNNSIM_FLOAT && !chip)
        return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--quant", "needs --arith chip");
    if (o->arithmetic != SNNSIM_FLOAT && o->given[OPT_ENCODING] &&
        o->encoding == SNN_ENCODING_CURRENT)
        return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--arith",
                           "a chip takes whole spikes, not the values of --encoding current");
    const enum snnsim_arithmetic own = chip ? SNNSIM_CHIP : SNNSIM_FLOAT;
    if (!o->given[OPT_ARITH] || simulator || o->arithmetic == own) return SNNCLI_EXIT_OK;
    (void)snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--arith",
                      chip ? "a chip computes in whole numbers only"
                           : "is for the target sim, which is not among --target");
    if (chip) snncli_hint(o->console, "floats beside it: --target sim");
    return SNNCLI_EXIT_USAGE;
}

/* Computes the simulator's targets in floats, for a chip, or both ways one behind the other. */
static int apply_arith(struct snnsim_options *o)
{
    uint32_t count = 0;
    const char *targets[2 * SNNSIM_TARGETS_MAX];
    enum snn_arith arith[2 * SNNSIM_TARGETS_MAX];
    for (uint32_t i = 0; i < o->target_count; i++) {
        const bool simulator = is_simulator(o->targets[i]);
        const bool chip = snnsim_options_is_chip(o->targets[i]);
        if (!chip && (!simulator || o->arithmetic != SNNSIM_CHIP)) {
            targets[count] = o->targets[i];
            arith[count++] = SNN_ARITH_FLOAT;
        }
        if (!chip && (!simulator || o->arithmetic == SNNSIM_FLOAT)) continue;
        targets[count] = o->targets[i];
        arith[count++] = SNN_ARITH_CHIP;
    }
    if (count > SNNSIM_TARGETS_MAX) return too_many_targets(o);
    memcpy(o->targets, targets, count * sizeof(targets[0]));
    memcpy(o->target_arith, arith, count * sizeof(arith[0]));
    o->target_count = count;
    return SNNCLI_EXIT_OK;
}

static int check_together(struct snnsim_options *o)
{
    if (o->input_spikes != NULL && o->data != NULL)
        return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--input-spikes",
                           "takes the place of --data; give one of them");
    if (o->input_spikes != NULL && o->given[OPT_ENCODING])
        return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--encoding",
                           "exact spikes (--input-spikes) are not encoded");
    if (o->labels != NULL && o->data == NULL && o->input_spikes == NULL)
        return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--labels", "needs --data");
    if (o->sweep != NULL && strcmp(o->sweep, "-") == 0)
        return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--sweep",
                           "goes into a file; --json - has its rows too");
    if (o->sweep != NULL && o->until_decided)
        return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--until-decided",
                           "ends samples before all rules of --sweep have decided");
    return SNNCLI_EXIT_OK;
}

static int join_program(struct snnsim_options *o)
{
    int status = snnsim_options_check_program(o);
    if (status == SNNCLI_EXIT_OK) status = snnsim_options_check_chip(o);
    return status == SNNCLI_EXIT_OK ? snnsim_options_take_program(o) : status;
}

static int join_model(struct snnsim_options *o)
{
    if (o->target_count == 0) o->targets[o->target_count++] = "sim";
    int status = snnsim_options_check_chip(o);
    if (status == SNNCLI_EXIT_OK) status = apply_semantics(o);
    if (status == SNNCLI_EXIT_OK && o->lower.spikes_max > 0 && count_simulators(o) == 0 &&
        snnsim_options_has_chip(o))
        status = snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--n-max",
                             "is for steps; on a chip an event fires a neuron once");
    if (status == SNNCLI_EXIT_OK) status = check_arith(o);
    if (status == SNNCLI_EXIT_OK) status = apply_arith(o);
    if (status == SNNCLI_EXIT_OK) status = snnsim_options_complete_chips(o);
    if (status == SNNCLI_EXIT_OK && o->compat != NULL) status = apply_compat(o);
    return status;
}

int snnsim_options_join(struct snnsim_options *options)
{
    options->is_program = snn_program_probe(options->context, options->model);
    int status = check_together(options);
    if (status == SNNCLI_EXIT_OK)
        status = options->is_program ? join_program(options) : join_model(options);
    if (status == SNNCLI_EXIT_OK) collect_gains(options);
    return status;
}
