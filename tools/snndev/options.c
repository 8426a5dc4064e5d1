/* How the values of snndev's options are taken, and what they say together. The table of verbs and
 * options stands in options_table.c.
 */
#include "tools/snndev/options.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli/dataset.h"
#include "tools/cli/lowering.h"
#include "tools/cli/output.h"

#define SECONDS_MAX 1e6

bool snndev_parse_address(struct snndev_address *out, const char *text)
{
    const char *colon = strrchr(text, ':');
    char *end = NULL;
    if (colon == NULL || colon == text || colon[1] < '0' || colon[1] > '9') return false;
    const bool bracketed = text[0] == '[' && colon[-1] == ']';
    const char *host = bracketed ? text + 1 : text;
    const size_t length = (size_t)(colon - text) - (bracketed ? 2 : 0);
    const unsigned long port = strtoul(colon + 1, &end, 10);
    if (*end != '\0' || port > 65535 || length == 0 || length >= sizeof(out->host)) return false;
    if (!bracketed && memchr(host, ':', length) != NULL) return false;
    memcpy(out->host, host, length);
    out->host[length] = '\0';
    out->port = (uint16_t)port;
    return true;
}

static int take_address(struct snndev_options *o, const char *value)
{
    o->serve_text = value;
    if (snndev_parse_address(&o->serve, value)) return SNNCLI_EXIT_OK;
    (void)snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--serve", "'%s' is no address and port",
                      value);
    snncli_hint(o->console, "write 127.0.0.1:8080, or [::1]:8080");
    return SNNCLI_EXIT_USAGE;
}

/* Whole numbers, by their option. */
static int take_number(struct snndev_options *o, const struct snncli_option *option,
                       const char *value)
{
    const struct {
        int64_t min, max;
    } bounds[OPT_COUNT] = {
        [OPT_SAMPLES] = {1, INT64_MAX},    [OPT_OFFSET] = {0, INT64_MAX},
        [OPT_SEED] = {0, INT64_MAX},       [OPT_TIMESTEPS] = {1, SNNCLI_TIMESTEPS_MAX},
        [OPT_TIMEOUT] = {1, 3600000},      [OPT_TRANSFERS] = {1, 1024},
        [OPT_SLOT_BYTES] = {512, 16 << 20}};
    int64_t number = 0;
    int status = snncli_parse_int(o->console, option, value, bounds[option->id].min,
                                  bounds[option->id].max, &number);
    if (status != SNNCLI_EXIT_OK) return status;
    if (option->id == OPT_SLOT_BYTES && number % 512 != 0)
        return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--slot-bytes",
                           "%s is not a multiple of 512, a packet", value);
    if (option->id == OPT_SAMPLES) o->samples = (uint64_t)number;
    if (option->id == OPT_OFFSET) o->offset = (uint64_t)number;
    if (option->id == OPT_SEED) o->seed = (uint64_t)number;
    if (option->id == OPT_TIMESTEPS) o->timesteps = (uint32_t)number;
    if (option->id == OPT_TIMEOUT) o->device.timeout_ms = (unsigned)number;
    if (option->id == OPT_TRANSFERS) o->device.transfers = (uint32_t)number;
    if (option->id == OPT_SLOT_BYTES) o->device.slot_bytes = (uint32_t)number;
    return SNNCLI_EXIT_OK;
}

static int take_encoding(struct snndev_options *o, const struct snncli_option *option,
                         const char *value)
{
    static const enum snn_encoding encodings[] = {SNN_ENCODING_RATE, SNN_ENCODING_BERNOULLI,
                                                  SNN_ENCODING_TTFS};
    size_t index = 0;
    int status = snncli_parse_choice(o->console, option, value, &index);
    if (status == SNNCLI_EXIT_OK) o->encoding = encodings[index];
    return status;
}

static int take_dt(struct snndev_options *o, const struct snncli_option *option, const char *value)
{
    double ms = 0.0;
    int status = snncli_parse_double(o->console, option, value, 0.001, 1e6, &ms);
    if (status == SNNCLI_EXIT_OK) o->dt_us = ms * 1000.0;
    return status;
}

static int take_kind(struct snndev_options *o, const struct snncli_option *option,
                     const char *value)
{
    size_t index = 0;
    int status = snncli_parse_choice(o->console, option, value, &index);
    if (status == SNNCLI_EXIT_OK) o->emulate.as = value;
    return status;
}

/* Values that are kept as they are. */
static const char **text_of(struct snndev_options *o, int id)
{
    switch (id) {
    case OPT_JSON:
        return &o->json;
    case OPT_OUTPUT:
        return &o->output;
    case OPT_LAYER:
        return &o->layer;
    case OPT_SESSION:
        return &o->session;
    case OPT_TO:
        return &o->to;
    case OPT_NORM:
        return &o->norm;
    case OPT_DATA:
        return &o->data;
    case OPT_LABELS:
        return &o->labels;
    case OPT_CHIP:
        return &o->emulate.chip;
    case OPT_SERIAL:
        return &o->emulate.serial;
    case OPT_FAULT:
        return &o->emulate.fault;
    case OPT_ADDRESS:
        return &o->emulate.address;
    default:
        return NULL;
    }
}

static int take_option(struct snndev_options *o, const struct snncli_option *option,
                       const char *value)
{
    const struct snncli_lowering to = {o->console, o->context, &o->lower};
    const char **text = text_of(o, option->id);
    if (text != NULL) *text = value;
    switch (option->id) {
    case OPT_WATCH:
        o->watch = true;
        return SNNCLI_EXIT_OK;
    case OPT_ALLOW_LOSS:
        o->allow_loss = true;
        return SNNCLI_EXIT_OK;
    case OPT_SECONDS:
        return snncli_parse_double(o->console, option, value, 0.1, SECONDS_MAX, &o->seconds);
    case OPT_SERVE:
        return take_address(o, value);
    case OPT_CORE:
        return snncli_parse_pin(o->console, option, value, &o->pins);
    case OPT_ENCODING:
        return take_encoding(o, option, value);
    case OPT_DT:
        return take_dt(o, option, value);
    case OPT_AS:
        return take_kind(o, option, value);
    case OPT_NORM:
    case OPT_MAX_POOL:
        return snncli_lowering_take(&to, option, value);
    default:
        return text != NULL ? SNNCLI_EXIT_OK : take_number(o, option, value);
    }
}

static int take_argument(const struct snncli_option *option, const char *value, void *user)
{
    struct snndev_options *o = user;
    size_t verb = 0;
    if (option != NULL) {
        o->given[option->id] = true;
        return take_option(o, option, value);
    }
    if (!o->verb_given) {
        int status = snncli_parse_verb(o->console, &snndev_tool, value, &verb);
        o->verb = (enum snndev_verb)verb;
        o->verb_given = true;
        return status;
    }
    const bool none =
        o->verb == SNNDEV_LIST || o->verb == SNNDEV_DOCTOR || o->verb == SNNDEV_EMULATE;
    const bool one = o->verb == SNNDEV_INFO || o->verb == SNNDEV_RESET;
    if (none || o->model != NULL || (one && o->uri != NULL))
        return snncli_args_excess(o->console, value);
    if (o->uri == NULL)
        o->uri = value;
    else
        o->model = value;
    return SNNCLI_EXIT_OK;
}

static int missing(const struct snndev_options *o, const char *what)
{
    const struct snncli_verb *verb = &snndev_tool.verbs[o->verb];
    snncli_error(o->console, NULL, "%s is missing", what);
    snncli_hint(o->console, "usage: snndev %s %s", verb->name, verb->usage);
    return SNNCLI_EXIT_USAGE;
}

/* What a device is named by; a person who forgets it mostly has one. */
static int check_arguments(const struct snndev_options *o)
{
    static const bool needs_model[SNNDEV_VERB_COUNT] = {
        [SNNDEV_LOAD] = true, [SNNDEV_RUN] = true, [SNNDEV_RECORD] = true, [SNNDEV_REPLAY] = true};
    const bool needs_uri =
        o->verb != SNNDEV_LIST && o->verb != SNNDEV_DOCTOR && o->verb != SNNDEV_EMULATE;
    if (needs_uri && o->uri == NULL) return missing(o, o->verb == SNNDEV_REPLAY ? "FILE" : "URI");
    if (needs_model[o->verb] && o->model == NULL) return missing(o, "MODEL");
    if (o->verb != SNNDEV_MONITOR || o->model != NULL) return SNNCLI_GO_ON;
    for (int id = 0; id < OPT_COUNT; id++) {
        const bool of_model = id >= OPT_NORM && id <= OPT_DT;
        if (!of_model || !o->given[id]) continue;
        const struct snncli_option *option = snndev_tool.options;
        while (option->id != id)
            option++;
        (void)snncli_fail(o->console, SNNCLI_EXIT_USAGE, NULL,
                          "option --%s goes with a model, and none is given", option->name);
        snncli_hint(o->console, "snndev monitor URI MODEL --%s ...", option->name);
        return SNNCLI_EXIT_USAGE;
    }
    return SNNCLI_GO_ON;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), size = strlen(end);
    return length >= size && strcmp(text + length - size, end) == 0;
}

static int check_record(const struct snndev_options *o)
{
    const bool npy = o->output != NULL && ends_with(o->output, ".npy");
    if (o->output == NULL && o->session == NULL) {
        snncli_error(o->console, NULL, "nothing to record into");
        snncli_hint(o->console, "events: -o FILE.npy or FILE.csv; the session: --session FILE");
        return SNNCLI_EXIT_USAGE;
    }
    if (o->output != NULL && !npy && !ends_with(o->output, ".csv")) {
        snncli_error(o->console, "--output", "'%s' is no name of a file of events", o->output);
        snncli_hint(o->console, "*.npy: spikes of a layer, for snnsim; *.csv: every event");
        return SNNCLI_EXIT_USAGE;
    }
    if (o->layer != NULL && !npy)
        return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--layer", "only goes with -o FILE.npy");
    return SNNCLI_GO_ON;
}

/* What is written must not be what is read, or written twice. */
static int check_files(const struct snndev_options *o)
{
    const char *const inputs[] = {o->model, o->data, o->labels,
                                  o->verb == SNNDEV_REPLAY ? o->uri : NULL};
    const char *const outputs[] = {o->output, o->session, o->json};
    const char *const names[] = {"--output", "--session", "--json"};
    if (snncli_same_file(o->output, o->session) || snncli_same_file(o->json, o->session))
        return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--session",
                           "is the file of another output, too");
    for (size_t i = 0; i < sizeof(outputs) / sizeof(outputs[0]); i++) {
        int status = snncli_check_output(o->console, outputs[i]);
        if (status != SNNCLI_EXIT_OK) return status;
        for (size_t k = 0; k < sizeof(inputs) / sizeof(inputs[0]); k++) {
            if (!snncli_same_file(outputs[i], inputs[k])) continue;
            return snncli_fail(o->console, SNNCLI_EXIT_USAGE, names[i],
                               "would overwrite %s, which is read", inputs[k]);
        }
    }
    return SNNCLI_GO_ON;
}

static int check(const struct snndev_options *o)
{
    if (!o->verb_given) {
        snncli_error(o->console, NULL, "VERB is missing");
        snncli_hint(o->console, "snndev list shows what is plugged in, snndev --help all verbs");
        return SNNCLI_EXIT_USAGE;
    }
    int status = check_arguments(o);
    if (status == SNNCLI_GO_ON && o->verb == SNNDEV_RECORD) status = check_record(o);
    if (status == SNNCLI_GO_ON && o->verb == SNNDEV_LIST && o->given[OPT_SECONDS] && !o->watch)
        status =
            snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--seconds", "only goes with --watch here");
    if (status == SNNCLI_GO_ON && o->to != NULL && o->data != NULL)
        status = snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--data", "with --to the data are %s",
                             o->uri);
    if (status == SNNCLI_GO_ON && o->labels != NULL && o->data == NULL && o->to == NULL)
        status = snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--labels", "needs --data");
    return status == SNNCLI_GO_ON ? check_files(o) : status;
}

int snndev_options_read(struct snndev_options *options, struct snncli_console *console,
                        struct snn_context *context, int argc, char **argv)
{
    *options = (struct snndev_options){
        .console = console, .context = context, .timesteps = 16, .dt_us = 1000.0};
    options->emulate.chip = "speck2f";
    snn_lower_options_init(&options->lower);
    int status = snncli_args_parse(&snndev_tool, console, argc, argv, take_argument, options);
    options->device.record = options->session;
    return status == SNNCLI_GO_ON ? check(options) : status;
}
