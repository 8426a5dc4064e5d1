/* How the values of snnsim's options are taken. The table of the options stands in options_table.c,
 * what they say together in options_join.c.
 */
#include "tools/snnsim/options.h"

#include <math.h>
#include <string.h>

#include "tools/cli/dataset.h"
#include "tools/cli/lowering.h"

/* A row of the table that nobody takes. */
static int unknown_option(struct snnsim_options *o, const struct snncli_option *option)
{
    return snncli_fail(o->console, SNNCLI_EXIT_INTERNAL, NULL, "option --%s has no meaning",
                       option->name);
}

static int take_count(struct snnsim_options *o, const struct snncli_option *option,
                      const char *value, int64_t low, int64_t high, int64_t *out)
{
    return snncli_parse_int(o->console, option, value, low, high, out);
}

static int take_rule(struct snnsim_options *o, const char *value)
{
    if (o->rule_count == SNNSIM_RULES_MAX)
        return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--rule", "more than %d rules",
                           SNNSIM_RULES_MAX);
    if (snn_rule_parse(&o->rules[o->rule_count], o->context, value) != SNN_OK)
        return snncli_fail_context(o->console, o->context, "--rule");
    o->rule_count++;
    return SNNCLI_EXIT_OK;
}

static int take_target(struct snnsim_options *o, const char *value)
{
    if (o->target_count == SNNSIM_TARGETS_MAX)
        return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--target", "more than %d targets",
                           SNNSIM_TARGETS_MAX);
    for (uint32_t i = 0; i < o->target_count; i++) {
        if (strcmp(o->targets[i], value) == 0)
            return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--target", "%s is given twice",
                               value);
    }
    o->targets[o->target_count++] = value;
    return SNNCLI_EXIT_OK;
}

/* What to correct, or the whole name of a recipe. */
static int take_correct(struct snnsim_options *o, const char *value)
{
    if (o->correct_count == SNNSIM_CORRECTS_MAX)
        return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--correct", "more than %d corrections",
                           SNNSIM_CORRECTS_MAX);
    for (uint32_t i = 0; i < o->correct_count; i++) {
        if (strcmp(o->corrects[i], value) == 0)
            return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--correct", "%s is given twice",
                               value);
    }
    if (strcmp(value, "bias") == 0 || strcmp(value, "potential") == 0 ||
        strcmp(value, "offset") == 0 || strchr(value, '@') != NULL) {
        o->corrects[o->correct_count++] = value;
        return SNNCLI_EXIT_OK;
    }
    (void)snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--correct", "'%s' is not a correction",
                      value);
    snncli_hint(o->console, "write bias, potential, offset, or a name of snnconvert --info");
    return SNNCLI_EXIT_USAGE;
}

static int take_input(struct snnsim_options *o, const struct snncli_option *option,
                      const char *value)
{
    int64_t number = 0;
    size_t choice = 0;
    int status = SNNCLI_EXIT_OK;
    switch ((enum snnsim_option)option->id) {
    case OPT_DATA:
        o->data = value;
        break;
    case OPT_LABELS:
        o->labels = value;
        break;
    case OPT_VIEW:
        o->view = value;
        break;
    case OPT_INPUT_SPIKES:
        o->input_spikes = value;
        break;
    case OPT_SAMPLES:
        status = take_count(o, option, value, 1, INT64_MAX, &number);
        o->samples = (uint64_t)number;
        break;
    case OPT_OFFSET:
        status = take_count(o, option, value, 0, INT64_MAX, &number);
        o->offset = (uint64_t)number;
        break;
    case OPT_SEED:
        status = take_count(o, option, value, 0, INT64_MAX, &number);
        o->seed = (uint64_t)number;
        break;
    case OPT_TIMESTEPS:
        status = take_count(o, option, value, 1, SNNCLI_TIMESTEPS_MAX, &number);
        o->timesteps = (uint32_t)number;
        break;
    case OPT_DT:
        status = snncli_parse_double(o->console, option, value, 1e-6, 1e9, &o->dt_us);
        o->dt_us *= 1000.0;
        break;
    case OPT_ENCODING:
        if (snn_encoding_parse(&o->encoding, o->context, value) != SNN_OK)
            status = snncli_fail_context(o->console, o->context, "--encoding");
        break;
    case OPT_NIR_RESET:
        status = snncli_parse_choice(o->console, option, value, &choice);
        o->nir_reset = choice == 0 ? SNN_RESET_SUBTRACT : SNN_RESET_ZERO;
        break;
    case OPT_PREPROCESS:
        status = snncli_parse_preprocess(o->console, option, value, &o->preprocess);
        break;
    default:
        status = unknown_option(o, option);
        break;
    }
    return status;
}

static int take_neuron(struct snnsim_options *o, const struct snncli_option *option,
                       const char *value)
{
    const struct snncli_lowering lowering = {o->console, o->context, &o->lower};
    int64_t number = 0;
    size_t choice = 0;
    if (option->id == OPT_NORM) o->norm = value;
    if (option->id == OPT_V_MIN) o->v_min = value;
    int status = snncli_lowering_take(&lowering, option, value);
    if (status != SNNCLI_GO_ON) return status;
    status = option->choices != NULL ? snncli_parse_choice(o->console, option, value, &choice)
                                     : SNNCLI_EXIT_OK;
    if (status != SNNCLI_EXIT_OK) return status;
    switch ((enum snnsim_option)option->id) {
    case OPT_CALIBRATE:
        o->calibrate = value;
        break;
    case OPT_CORRECT:
        return take_correct(o, value);
    case OPT_N_MAX:
        status = take_count(o, option, value, 1, SNN_SPIKES_PER_STEP_MAX, &number);
        o->lower.spikes_max = (uint32_t)number;
        break;
    case OPT_READOUT:
        o->lower.readout_membrane = choice == 1;
        break;
    case OPT_SEMANTICS:
        o->semantics = (enum snnsim_semantics)choice;
        break;
    case OPT_ORDER:
        o->order = value;
        break;
    case OPT_ARITH:
        o->arithmetic = (enum snnsim_arithmetic)choice;
        break;
    case OPT_COMPAT:
        o->compat = value;
        break;
    default:
        status = unknown_option(o, option);
        break;
    }
    return status;
}

static int take_result(struct snnsim_options *o, const struct snncli_option *option,
                       const char *value)
{
    int64_t number = 0;
    size_t choice = 0;
    int status = option->choices != NULL ? snncli_parse_choice(o->console, option, value, &choice)
                                         : SNNCLI_EXIT_OK;
    if (status != SNNCLI_EXIT_OK) return status;
    switch ((enum snnsim_option)option->id) {
    case OPT_RULE:
        return take_rule(o, value);
    case OPT_SWEEP:
        o->sweep = value;
        break;
    case OPT_UNTIL_DECIDED:
        o->until_decided = true;
        break;
    case OPT_SYNOPS:
        o->accounting = choice == 0 ? SNN_SYNOPS_EXACT : SNN_SYNOPS_SINABS_0_3_3;
        break;
    case OPT_ENERGY:
        o->energy = value;
        break;
    case OPT_JSON:
        o->json = value;
        break;
    case OPT_CHECKPOINT:
        o->checkpoint = value;
        break;
    case OPT_REPORT:
        o->report = value;
        break;
    case OPT_CSV:
        o->csv = value;
        break;
    case OPT_RASTER:
        o->raster = value;
        break;
    case OPT_RASTER_SAMPLE:
        status = take_count(o, option, value, 0, INT64_MAX, &number);
        o->raster_sample = (uint64_t)number;
        break;
    case OPT_SAVE_COUNTS:
        o->save_counts = value;
        break;
    case OPT_SAVE_LAYER_COUNTS:
        o->save_layer_counts = value;
        break;
    case OPT_MIN_ACCURACY:
        status = snncli_parse_double(o->console, option, value, 0.0, 100.0, &o->min_accuracy);
        if (status == SNNCLI_EXIT_OK && o->min_accuracy > 0.0 && o->min_accuracy <= 1.0)
            snncli_warning(o->console, "--min-accuracy", "%s is taken as per cent", value);
        o->min_accuracy /= 100.0;
        break;
    case OPT_MAX_SILENT:
        return take_count(o, option, value, 0, INT64_MAX, &o->max_silent);
    default:
        status = unknown_option(o, option);
        break;
    }
    return status;
}

static int take_machine(struct snnsim_options *o, const struct snncli_option *option,
                        const char *value)
{
    int64_t number = 0;
    size_t choice = 0;
    int status = option->choices != NULL ? snncli_parse_choice(o->console, option, value, &choice)
                                         : SNNCLI_EXIT_OK;
    if (status != SNNCLI_EXIT_OK) return status;
    switch ((enum snnsim_option)option->id) {
    case OPT_TARGET:
        return take_target(o, value);
    case OPT_ALLOW_LOSS:
        o->allow_loss = true;
        break;
    case OPT_CORE:
        return snncli_parse_pin(o->console, option, value, &o->pins);
    case OPT_KERNEL:
        o->kernel = value;
        break;
    case OPT_THREADS:
        status = take_count(o, option, value, 1, 1024, &number);
        o->threads = (unsigned)number;
        break;
    default:
        status = unknown_option(o, option);
        break;
    }
    return status;
}

static int take(const struct snncli_option *option, const char *value, void *user)
{
    struct snnsim_options *o = user;
    if (option == NULL) {
        if (o->model != NULL) return snncli_args_excess(o->console, value);
        o->model = value;
        return SNNCLI_EXIT_OK;
    }
    o->given[option->id] = true;
    if (option->id <= OPT_NIR_RESET) return take_input(o, option, value);
    if (option->id <= OPT_COMPAT) return take_neuron(o, option, value);
    if (option->id >= OPT_TARGET && option->id <= OPT_KERNEL) return take_machine(o, option, value);
    return take_result(o, option, value);
}

int snnsim_options_set_norm(struct snnsim_options *o, const char *norm)
{
    if (snn_norm_parse(&o->lower, o->context, norm) == SNN_OK) return SNNCLI_EXIT_OK;
    return snncli_fail_context(o->console, o->context, "--norm");
}

int snnsim_options_read(struct snnsim_options *options, struct snncli_console *console, int argc,
                        char **argv)
{
    options->console = console;
    options->timesteps = 100;
    options->dt_us = 1000.0;
    options->min_accuracy = -1.0;
    options->max_silent = -1;
    snn_lower_options_init(&options->lower);
    options->sweep_gain_max = INFINITY;
    int status = snncli_args_parse(&snnsim_tool, console, argc, argv, take, options);
    if (status != SNNCLI_GO_ON) return status;
    if (options->model == NULL) return snncli_args_missing(console, &snnsim_tool, "MODEL");
    status = snnsim_options_join(options);
    return status == SNNCLI_EXIT_OK ? SNNCLI_GO_ON : status;
}
