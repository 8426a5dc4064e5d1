/* What chips leave of snnsim's options: a chip tells spikes and no potentials, has one readout and
 * computes event by event in whole numbers; a chip program has its conversion behind it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/snnsim/options.h"

static bool has_scheme(const char *target, const char *scheme)
{
    const size_t length = strlen(scheme);
    return strncmp(target, scheme, length) == 0 &&
           (target[length] == '\0' || target[length] == ':');
}

bool snnsim_options_is_device(const char *target)
{
    static const char *const schemes[] = {"usb", "serial", "vdev", "replay"};
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (has_scheme(target, schemes[i])) return true;
    }
    return false;
}

bool snnsim_options_is_chip(const char *target)
{
    return has_scheme(target, "chip") || snnsim_options_is_device(target);
}

/* Whether an argument of a target begins here; a file's path may have commas. */
static bool is_argument(const char *text)
{
    static const char *const words[] = {",order=", ",seed=", ",serial=", ",fault=", ",record="};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strncmp(text, words[i], strlen(words[i])) == 0) return true;
    }
    return false;
}

void snnsim_options_chip_name(const char *target, const struct snn_chip *chip, char *name,
                              size_t size)
{
    const char *text = strchr(target, ':') + 1;
    size_t length = 0;
    if (!has_scheme(target, "chip") && !has_scheme(target, "vdev")) {
        (void)snprintf(name, size, "%s", chip->name);
        return;
    }
    while (text[length] != '\0' && !is_argument(text + length))
        length++;
    (void)snprintf(name, size, "%.*s", (int)length, text);
}

bool snnsim_options_has_chip(const struct snnsim_options *o)
{
    for (uint32_t i = 0; i < o->target_count; i++) {
        if (snnsim_options_is_chip(o->targets[i])) return true;
    }
    return o->is_program;
}

/* ---- What a chip cannot do ---- */

static int refuse(struct snnsim_options *o, const char *where, const char *text, const char *hint)
{
    (void)snncli_fail(o->console, SNNCLI_EXIT_USAGE, where, "%s", text);
    snncli_hint(o->console, "%s", hint);
    return SNNCLI_EXIT_USAGE;
}

static int check_rule(struct snnsim_options *o, const struct snn_rule *rule)
{
    char text[64];
    snn_rule_format(rule, text, sizeof(text));
    if (rule->kind == SNN_RULE_MEMBRANE || rule->kind == SNN_RULE_SOFTMAX ||
        rule->kind == SNN_RULE_ENTROPY) {
        (void)snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--rule",
                          "%s looks at potentials, of which a chip tells nothing", text);
        snncli_hint(o->console, "rules on spikes: first, count:N, margin:M");
        return SNNCLI_EXIT_USAGE;
    }
    if (rule->gain <= 0.0f) return SNNCLI_EXIT_OK;
    (void)snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--rule",
                      "%s asks for a readout of its own, a chip has one", text);
    if (o->is_program)
        snncli_hint(o->console, "leave the gain out: the program's readout has its own");
    else
        snncli_hint(o->console, "give that one the gain: --output-gain %g, and the rule without @",
                    (double)rule->gain);
    return SNNCLI_EXIT_USAGE;
}

/* Among what is run `spike` would be measured on. */
static bool measures_in_floats(const struct snnsim_options *o)
{
    if (o->norm == NULL || strcmp(o->norm, "spike") != 0 || o->calibrate == NULL) return false;
    uint32_t first = 0;
    while (strncmp(o->targets[first], "frame:", 6) == 0)
        first++;
    return snnsim_options_is_chip(o->targets[first]);
}

static bool has_device(const struct snnsim_options *o)
{
    for (uint32_t i = 0; i < o->target_count; i++) {
        if (snnsim_options_is_device(o->targets[i])) return true;
    }
    return false;
}

int snnsim_options_check_chip(struct snnsim_options *o)
{
    if (o->allow_loss && !has_device(o))
        return refuse(o, "--allow-loss", "is for devices, of which none is a target",
                      "simulations lose nothing; leave it out");
    if (!snnsim_options_has_chip(o))
        return o->pins.count == 0 ? SNNCLI_EXIT_OK
                                  : refuse(o, "--core", "is for chips, of which none is a target",
                                           "name one: --target chip:speck2f");
    if (o->lower.readout_membrane)
        return refuse(o, "--readout", "a chip tells output spikes, no potentials",
                      "more spikes to tell classes apart: --output-gain 0.5");
    if (o->given[OPT_ENCODING] && o->encoding == SNN_ENCODING_CURRENT)
        return refuse(o, "--encoding", "a chip takes spikes, not the values of current",
                      "rate and bernoulli stand for the same values");
    for (uint32_t i = 0; i < o->rule_count; i++) {
        int status = check_rule(o, &o->rules[i]);
        if (status != SNNCLI_EXIT_OK) return status;
    }
    if (!o->is_program && measures_in_floats(o))
        return refuse(o, "--norm", "spike is measured in floats, a chip has none",
                      "measure it on the simulator: --target sim before the chip, or snnconvert "
                      "--recipe spike");
    return SNNCLI_EXIT_OK;
}

/* ---- URIs ---- */

/* The same with the order and seed of the options, unless it has an order of its own. */
static int complete(struct snnsim_options *o, const char **target)
{
    if (o->order == NULL || strstr(*target, ",order=") != NULL) return SNNCLI_EXIT_OK;
    const size_t size = strlen(*target) + 64;
    char *uri = malloc(size);
    if (uri == NULL)
        return snncli_fail(o->console, SNNCLI_EXIT_NO_MEMORY, NULL, "%s",
                           snn_status_text(SNN_ERR_NOMEM));
    if (strcmp(o->order, "random") == 0 && strstr(*target, ",seed=") == NULL)
        (void)snprintf(uri, size, "%s,order=random,seed=%llu", *target,
                       (unsigned long long)o->seed);
    else
        (void)snprintf(uri, size, "%s,order=%s", *target, o->order);
    o->uris[o->uri_count++] = uri;
    *target = uri;
    return SNNCLI_EXIT_OK;
}

int snnsim_options_complete_chips(struct snnsim_options *o)
{
    for (uint32_t i = 0; i < o->target_count; i++) {
        if (!snnsim_options_is_chip(o->targets[i])) continue;
        int status = complete(o, &o->targets[i]);
        if (status != SNNCLI_EXIT_OK) return status;
    }
    return SNNCLI_EXIT_OK;
}

void snnsim_options_release(struct snnsim_options *o)
{
    while (o->uri_count > 0)
        free(o->uris[--o->uri_count]);
}

/* ---- A chip program ---- */

static const char *option_name(enum snnsim_option id)
{
    const struct snncli_option *option = snnsim_tool.options;
    while (option->name != NULL && option->id != (int)id)
        option++;
    return option->name;
}

/* All that making it would have read. */
static const enum snnsim_option of_conversion[] = {
    OPT_PREPROCESS, OPT_NIR_RESET, OPT_NORM,   OPT_CHANNELWISE, OPT_CALIBRATE,   OPT_CORRECT,
    OPT_V0,         OPT_V_MIN,     OPT_RESET,  OPT_N_MAX,       OPT_OUTPUT_GAIN, OPT_READOUT,
    OPT_MAX_POOL,   OPT_QUANT,     OPT_COMPAT, OPT_CORE};

int snnsim_options_check_program(struct snnsim_options *o)
{
    char where[64];
    for (size_t i = 0; i < sizeof(of_conversion) / sizeof(of_conversion[0]); i++) {
        if (!o->given[of_conversion[i]]) continue;
        (void)snprintf(where, sizeof(where), "--%s", option_name(of_conversion[i]));
        return refuse(o, where, "the model is a chip program, in which that is settled",
                      "give it where the program is made: snnsim MODEL --target chip:NAME, or "
                      "snnconvert MODEL");
    }
    if (o->given[OPT_ARITH] && o->arithmetic != SNNSIM_CHIP)
        return refuse(o, "--arith", "the model is a chip program, which has whole numbers only",
                      "leave the option out, or run the model that the program was made from");
    if (o->given[OPT_SEMANTICS] && o->semantics != SNNSIM_ASYNC)
        return refuse(o, "--semantics", "the model is a chip program, which takes event by event",
                      "the gap to synchronous steps: snnsim MODEL --target chip:NAME --semantics "
                      "both");
    for (uint32_t i = 0; i < o->target_count; i++) {
        if (snnsim_options_is_chip(o->targets[i])) continue;
        (void)snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--target",
                          "the model is a chip program, which %s does not run", o->targets[i]);
        snncli_hint(o->console, "leave the option out: a program runs on its own chip");
        return SNNCLI_EXIT_USAGE;
    }
    return SNNCLI_EXIT_OK;
}

int snnsim_options_take_program(struct snnsim_options *o)
{
    if (o->target_count == 0) {
        /* A file is told from a profile's name by its slash. */
        const size_t size = strlen(o->model) + sizeof("chip:./");
        char *uri = malloc(size);
        if (uri == NULL)
            return snncli_fail(o->console, SNNCLI_EXIT_NO_MEMORY, NULL, "%s",
                               snn_status_text(SNN_ERR_NOMEM));
        (void)snprintf(uri, size, "chip:%s%s", strchr(o->model, '/') != NULL ? "" : "./", o->model);
        o->uris[o->uri_count++] = uri;
        o->targets[o->target_count++] = uri;
    }
    for (uint32_t i = 0; i < o->target_count; i++)
        o->target_arith[i] = SNN_ARITH_CHIP;
    return snnsim_options_complete_chips(o);
}
