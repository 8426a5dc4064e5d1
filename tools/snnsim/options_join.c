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
    const struct snnsim_sweep_room room = {!o->lower.readout_membrane, o->sweep_gain_max};
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

/* Puts the asynchronous simulator in the place of "sim", or behind it. */
static int apply_semantics(struct snnsim_options *o)
{
    char *uri = o->async_uri;
    uint32_t at = 0;
    if (o->order != NULL && o->semantics == SNNSIM_SYNC)
        return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--order",
                           "synchronous steps have no order of events; add --semantics async");
    if (!o->given[OPT_SEMANTICS]) return SNNCLI_EXIT_OK;
    while (at < o->target_count && strcmp(o->targets[at], "sim") != 0)
        at++;
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
    if (o->semantics == SNNSIM_ASYNC) {
        o->targets[at] = uri;
        return SNNCLI_EXIT_OK;
    }
    if (o->target_count == SNNSIM_TARGETS_MAX)
        return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--target", "more than %d targets",
                           SNNSIM_TARGETS_MAX);
    memmove(&o->targets[at + 2], &o->targets[at + 1],
            (o->target_count - at - 1) * sizeof(o->targets[0]));
    o->targets[at + 1] = uri;
    o->target_count++;
    return SNNCLI_EXIT_OK;
}

static bool is_simulator(const char *target)
{
    return strncmp(target, "sim", 3) == 0 && (target[3] == '\0' || target[3] == ':');
}

/* Computes the simulator's targets for a chip, or both ways one behind the other. */
static int apply_arith(struct snnsim_options *o)
{
    uint32_t count = 0, simulators = 0;
    const char *targets[2 * SNNSIM_TARGETS_MAX];
    enum snn_arith arith[2 * SNNSIM_TARGETS_MAX];
    if (o->arithmetic == SNNSIM_FLOAT)
        return o->given[OPT_QUANT]
                   ? snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--quant", "needs --arith chip")
                   : SNNCLI_EXIT_OK;
    if (o->given[OPT_ENCODING] && o->encoding == SNN_ENCODING_CURRENT)
        return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--arith",
                           "a chip takes whole spikes, not the values of --encoding current");
    for (uint32_t i = 0; i < o->target_count; i++) {
        const bool simulator = is_simulator(o->targets[i]);
        simulators += simulator;
        if (!simulator || o->arithmetic == SNNSIM_EITHER) {
            targets[count] = o->targets[i];
            arith[count++] = SNN_ARITH_FLOAT;
        }
        if (!simulator) continue;
        targets[count] = o->targets[i];
        arith[count++] = SNN_ARITH_CHIP;
    }
    if (simulators == 0)
        return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--arith",
                           "is for the target sim, which is not among --target");
    if (count > SNNSIM_TARGETS_MAX)
        return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--target", "more than %d targets",
                           SNNSIM_TARGETS_MAX);
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

int snnsim_options_join(struct snnsim_options *options)
{
    if (options->target_count == 0) options->targets[options->target_count++] = "sim";
    int status = check_together(options);
    if (status == SNNCLI_EXIT_OK) status = apply_semantics(options);
    if (status == SNNCLI_EXIT_OK) status = apply_arith(options);
    if (status == SNNCLI_EXIT_OK && options->compat != NULL) status = apply_compat(options);
    if (status == SNNCLI_EXIT_OK) collect_gains(options);
    return status;
}
