/* How the values of snnconvert's options are taken, and what they say together. The table of the
 * options stands in options_table.c.
 */
#include "tools/snnconvert/options.h"

#include <stdio.h>
#include <string.h>

#include "snn/convert.h"
#include "tools/cli/dataset.h"
#include "tools/cli/lowering.h"
#include "tools/cli/output.h"

enum { THREADS_MAX = 256, AXIS_MAX = 65536 };

static int take_recipe(struct snnconvert_options *o, const char *value)
{
    if (o->recipe_count == SNNCONVERT_RECIPES_MAX)
        return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--recipe", "more than %d recipes",
                           SNNCONVERT_RECIPES_MAX);
    o->recipes[o->recipe_count++] = value;
    return SNNCLI_EXIT_OK;
}

static int take_quantile(struct snnconvert_options *o, const struct snncli_option *option,
                         const char *value)
{
    double percent = 0.0;
    if (o->quantile_count == SNNCONVERT_QUANTILES_MAX)
        return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--quantile", "more than %d quantiles",
                           SNNCONVERT_QUANTILES_MAX);
    int status = snncli_parse_double(o->console, option, value, 1e-6, 100.0, &percent);
    if (status == SNNCLI_EXIT_OK) o->quantiles[o->quantile_count++] = percent / 100.0;
    return status;
}

static int take_dump(struct snnconvert_options *o, const char *value)
{
    bool known = strcmp(value, "all") == 0;
    for (uint32_t i = 0; snn_pass_name(i) != NULL; i++)
        known = known || strcmp(value, snn_pass_name(i)) == 0;
    if (known && o->dump_count < SNNCONVERT_DUMPS_MAX) {
        o->dumps[o->dump_count++] = value;
        return SNNCLI_EXIT_OK;
    }
    char text[512] = "the passes are";
    for (uint32_t i = 0; snn_pass_name(i) != NULL; i++) {
        size_t used = strlen(text);
        (void)snprintf(text + used, sizeof(text) - used, " %s,", snn_pass_name(i));
    }
    (void)snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--dump-after", "no pass is named '%s'",
                      value);
    snncli_hint(o->console, "%s or all", text);
    return SNNCLI_EXIT_USAGE;
}

/* One extent of "3x224x224", ended by `end`. */
static bool take_axis(const char **text, char end, uint32_t *out)
{
    uint32_t value = 0;
    const char *at = *text;
    for (; *at >= '0' && *at <= '9' && value <= AXIS_MAX; at++)
        value = value * 10 + (uint32_t)(*at - '0');
    if (at == *text || *at != end || value == 0 || value > AXIS_MAX) return false;
    *out = value;
    *text = at + 1;
    return true;
}

static int take_shape(struct snnconvert_options *o, const char *value)
{
    const char *at = value;
    struct snn_shape shape;
    if (take_axis(&at, 'x', &shape.channels) && take_axis(&at, 'x', &shape.height) &&
        take_axis(&at, '\0', &shape.width)) {
        o->input_shape = shape;
        return SNNCLI_EXIT_OK;
    }
    (void)snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--input-shape", "'%s' is not a shape", value);
    snncli_hint(o->console, "write CHANNELSxHEIGHTxWIDTH: 3x224x224");
    return SNNCLI_EXIT_USAGE;
}

static int take_count(struct snnconvert_options *o, const struct snncli_option *option,
                      const char *value)
{
    int64_t count = 0;
    int64_t max = option->id == OPT_THREADS ? THREADS_MAX : INT64_MAX;
    int status = snncli_parse_int(o->console, option, value, 1, max, &count);
    if (status != SNNCLI_EXIT_OK) return status;
    if (option->id == OPT_THREADS)
        o->threads = (unsigned)count;
    else
        o->samples = (uint64_t)count;
    return SNNCLI_EXIT_OK;
}

static int take_reset(struct snnconvert_options *o, const struct snncli_option *option,
                      const char *value, enum snn_reset *out)
{
    size_t index = 0;
    int status = snncli_parse_choice(o->console, option, value, &index);
    if (status == SNNCLI_EXIT_OK) *out = index == 0 ? SNN_RESET_SUBTRACT : SNN_RESET_ZERO;
    return status;
}

static int take_chip(struct snnconvert_options *o, const char *value)
{
    for (uint32_t i = 0; i < o->chip_count; i++) {
        if (strcmp(o->chips[i], value) == 0)
            return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--check", "%s is given twice",
                               value);
    }
    if (o->chip_count == SNNCONVERT_CHIPS_MAX)
        return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--check", "more than %d chips",
                           SNNCONVERT_CHIPS_MAX);
    o->chips[o->chip_count++] = value;
    return SNNCLI_EXIT_OK;
}

/* How the net is lowered and run. */
static int take_running(struct snnconvert_options *o, const struct snncli_option *option,
                        const char *value)
{
    const struct snncli_lowering lowering = {o->console, o->context, &o->lower};
    int64_t number = 0;
    size_t choice = 0;
    int status = snncli_lowering_take(&lowering, option, value);
    if (status != SNNCLI_GO_ON) return status;
    switch ((enum snnconvert_option)option->id) {
    case OPT_TIMESTEPS:
        status = snncli_parse_int(o->console, option, value, 1, SNNCLI_TIMESTEPS_MAX, &number);
        o->timesteps = (uint32_t)number;
        return status;
    case OPT_SEED:
        status = snncli_parse_int(o->console, option, value, 0, INT64_MAX, &number);
        o->seed = (uint64_t)number;
        return status;
    case OPT_ENCODING:
        status = snncli_parse_choice(o->console, option, value, &choice);
        o->encoding = (enum snn_encoding)choice;
        return status;
    case OPT_DT:
        status = snncli_parse_double(o->console, option, value, 1e-6, 1e9, &o->dt_us);
        o->dt_us *= 1000.0;
        return status;
    case OPT_ARITH:
        status = snncli_parse_choice(o->console, option, value, &choice);
        o->lower.arith = (enum snn_arith)choice;
        return status;
    case OPT_TARGET:
        o->target = value;
        return SNNCLI_EXIT_OK;
    default:
        return snncli_fail(o->console, SNNCLI_EXIT_INTERNAL, NULL, "option --%s has no meaning",
                           option->name);
    }
}

static int take_argument(const struct snncli_option *option, const char *value, void *user)
{
    struct snnconvert_options *o = user;
    if (option == NULL) {
        if (o->model != NULL) return snncli_args_excess(o->console, value);
        o->model = value;
        return SNNCLI_EXIT_OK;
    }
    o->given[option->id] = true;
    switch ((enum snnconvert_option)option->id) {
    case OPT_OUTPUT:
        o->output = value;
        break;
    case OPT_ARCH:
        o->arch = value;
        break;
    case OPT_CALIBRATE:
        o->calibrate = value;
        break;
    case OPT_JSON:
        o->json = value;
        break;
    case OPT_VIEW:
        o->view = value;
        break;
    case OPT_INFO:
        o->info = true;
        break;
    case OPT_SUPPORTED:
        o->supported = true;
        break;
    case OPT_NO_VERIFY:
        o->verify_off = true;
        break;
    case OPT_RECIPE:
        return take_recipe(o, value);
    case OPT_QUANTILE:
        return take_quantile(o, option, value);
    case OPT_DUMP_AFTER:
        return take_dump(o, value);
    case OPT_INPUT_SHAPE:
        return take_shape(o, value);
    case OPT_NIR_RESET:
        return take_reset(o, option, value, &o->nir_reset);
    case OPT_PREPROCESS:
        return snncli_parse_preprocess(o->console, option, value, &o->preprocess);
    case OPT_SAMPLES:
    case OPT_THREADS:
        return take_count(o, option, value);
    case OPT_CHECK:
        return take_chip(o, value);
    case OPT_CORE:
        return snncli_parse_pin(o->console, option, value, &o->pins);
    case OPT_MAP:
        o->map = value;
        break;
    case OPT_TO:
        o->samna = true; /* its one choice */
        return snncli_parse_choice(o->console, option, value, &(size_t){0});
    case OPT_DATA:
        o->data = value;
        break;
    case OPT_LABELS:
        o->labels = value;
        break;
    default:
        return take_running(o, option, value);
    }
    return SNNCLI_EXIT_OK;
}

struct option_text {
    char text[64];
};

static struct option_text option_text(int id)
{
    struct option_text t = {""};
    for (const struct snncli_option *row = snnconvert_tool.options; row->name != NULL; row++) {
        if (row->id == id) (void)snprintf(t.text, sizeof(t.text), "--%s", row->name);
    }
    return t;
}

static int refuse_pair(const struct snnconvert_options *o, const char *name, const char *other)
{
    return snncli_fail(o->console, SNNCLI_EXIT_USAGE, name, "does not go with %s", other);
}

/* Options that would take each other's place. */
static int check_pairs(const struct snnconvert_options *o)
{
    const bool json_out = o->json != NULL && strcmp(o->json, "-") == 0;
    const bool check = o->chip_count > 0, current = o->encoding == SNN_ENCODING_CURRENT;
    const struct {
        bool given;
        const char *name, *other;
    } pairs[] = {
        {o->info && json_out, "--info", "--json -"},
        {o->info && check, "--info", "--check, which has a table of its own"},
        {o->dump_count > 0 && json_out, "--dump-after", "--json -"},
        {snncli_same_file(o->json, o->output), "--json", "--output of the same name"},
        {snncli_same_file(o->json, o->model), "--json", "MODEL of the same name"},
        {snncli_same_file(o->map, o->output), "--map", "--output of the same name"},
        {snncli_same_file(o->map, o->json), "--map", "--json of the same name"},
        {snncli_same_file(o->map, o->model), "--map", "MODEL of the same name"},
        {snncli_same_file(o->map, o->data), "--map", "--data of the same name"},
        {o->arch != NULL && o->dump_count > 0, "--dump-after", "--arch"},
        {o->arch != NULL && o->input_shape.channels > 0, "--input-shape", "--arch"},
        {o->arch != NULL && o->given[OPT_NIR_RESET], "--nir-reset", "--arch"},
        {o->samples > 0 && o->calibrate != NULL && o->data != NULL, "--samples",
         "both --calibrate and --data, which it could mean"},
        {check && o->calibrate == NULL && current, "--encoding",
         "--check: a chip takes whole spikes, not the values of current"},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        if (pairs[i].given) return refuse_pair(o, pairs[i].name, pairs[i].other);
    }
    return SNNCLI_GO_ON;
}

/* Options that would do nothing without another. */
static int check_needs(const struct snnconvert_options *o)
{
    const bool calibrates = o->calibrate != NULL, checks = o->chip_count > 0;
    static const int with_check[] = {OPT_CORE, OPT_MAP,   OPT_TO,    OPT_DATA,  OPT_LABELS,
                                     OPT_DT,   OPT_QUANT, OPT_V_MIN, OPT_RESET, OPT_OUTPUT_GAIN};
    static const int with_calibrate[] = {OPT_RECIPE, OPT_QUANTILE, OPT_ARITH, OPT_TARGET};
    static const int with_either[] = {OPT_SAMPLES, OPT_NORM,     OPT_CHANNELWISE, OPT_V0,
                                      OPT_SEED,    OPT_ENCODING, OPT_TIMESTEPS};
    const struct {
        const int *ids;
        size_t count;
        bool met;
        const char *needed;
    } needs[] = {
        {with_check, sizeof(with_check) / sizeof(int), checks, "--check"},
        {with_calibrate, sizeof(with_calibrate) / sizeof(int), calibrates, "--calibrate"},
        {with_either, sizeof(with_either) / sizeof(int), calibrates || checks,
         "--calibrate or --check"},
    };
    for (size_t k = 0; k < sizeof(needs) / sizeof(needs[0]); k++) {
        for (size_t i = 0; i < needs[k].count && !needs[k].met; i++) {
            if (!o->given[needs[k].ids[i]]) continue;
            return snncli_fail(o->console, SNNCLI_EXIT_USAGE, option_text(needs[k].ids[i]).text,
                               "only goes with %s", needs[k].needed);
        }
    }
    if (o->view != NULL && o->data == NULL && !o->info && o->json == NULL)
        return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--view",
                           "only goes with --info of a recording, or with --data");
    if (o->labels != NULL && o->data == NULL)
        return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--labels", "needs --data");
    return SNNCLI_GO_ON;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), size = strlen(end);
    return length >= size && strcmp(text + length - size, end) == 0;
}

bool snnconvert_is_program_name(const char *path)
{
    return ends_with(path, ".chip.json");
}

bool snnconvert_writes_chip(const struct snnconvert_options *o)
{
    return o->output != NULL && (o->samna || snnconvert_is_program_name(o->output));
}

/* The folder for a vendor's library is of one chip. */
static int check_folder(const struct snnconvert_options *o)
{
    if (o->output == NULL) {
        (void)snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--to", "needs a folder to write");
        snncli_hint(o->console, "name it with -o FOLDER");
        return SNNCLI_EXIT_USAGE;
    }
    return SNNCLI_GO_ON;
}

/* A chip program has a name of its own. */
static int check_program(const struct snnconvert_options *o)
{
    if (!snnconvert_is_program_name(o->output) || o->chip_count > 0) return SNNCLI_EXIT_OK;
    (void)snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--output",
                      "'%s' is the name of a chip program, and no chip is given", o->output);
    snncli_hint(o->console, "name the chip: --check CHIP; a model is named *.json");
    return SNNCLI_EXIT_USAGE;
}

/* A picture under the name of another kind would not open. */
static int check_map(const struct snnconvert_options *o)
{
    static const char *const foreign[] = {".png", ".jpg", ".jpeg", ".pdf", ".html", ".json"};
    if (o->map == NULL) return SNNCLI_EXIT_OK;
    bool odd = strcmp(o->map, "-") == 0;
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
        odd = odd || ends_with(o->map, foreign[i]);
    if (!odd) return snncli_check_output(o->console, o->map);
    (void)snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--map",
                      "'%s' is no name of a picture that can be written", o->map);
    snncli_hint(o->console, "pictures are SVG: *.svg");
    return SNNCLI_EXIT_USAGE;
}

/* A native file under a foreign name would fool the next program, or replace the model it came
 * from. */
static int check_output(const struct snnconvert_options *o)
{
    static const char *const foreign[] = {".onnx", ".tflite",      ".h5", ".keras",
                                          ".hdf5", ".svg",         ".pt", ".pth",
                                          ".npz",  ".safetensors", ".gz"};
    int status = check_map(o);
    if (status == SNNCLI_EXIT_OK) status = snncli_check_output(o->console, o->json);
    if (status != SNNCLI_EXIT_OK) return status;
    if (o->samna) return check_folder(o);
    if (o->output == NULL) return SNNCLI_GO_ON;
    bool odd = strcmp(o->output, "-") == 0;
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
        odd = odd || ends_with(o->output, foreign[i]);
    if (odd) {
        (void)snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--output",
                          "'%s' is no name of a file that can be written", o->output);
        snncli_hint(o->console, "native models are named *.json, NIR *.nir, chip programs "
                                "*.chip.json");
        return SNNCLI_EXIT_USAGE;
    }
    status = check_program(o);
    if (status == SNNCLI_EXIT_OK) status = snncli_check_output(o->console, o->output);
    return status == SNNCLI_EXIT_OK ? SNNCLI_GO_ON : status;
}

/* What each argument alone cannot know. */
static int check(const struct snnconvert_options *o)
{
    if (o->supported) return SNNCLI_GO_ON;
    if (o->model == NULL) return snncli_args_missing(o->console, &snnconvert_tool, "MODEL");
    int status = check_needs(o);
    if (status != SNNCLI_GO_ON) return status;
    if (o->output == NULL && !o->info && o->json == NULL && o->dump_count == 0 &&
        o->chip_count == 0) {
        (void)snncli_fail(o->console, SNNCLI_EXIT_USAGE, NULL, "nothing to do");
        snncli_hint(o->console, "give -o FILE to write a model, --info to look at one, or --check "
                                "CHIP to see whether it fits");
        return SNNCLI_EXIT_USAGE;
    }
    status = check_pairs(o);
    return status == SNNCLI_GO_ON ? check_output(o) : status;
}

int snnconvert_options_read(struct snnconvert_options *options, struct snncli_console *console,
                            struct snn_context *context, int argc, char **argv)
{
    *options = (struct snnconvert_options){
        .console = console, .context = context, .target = "sim", .timesteps = 16, .dt_us = 1000.0};
    snn_lower_options_init(&options->lower);
    int status = snncli_args_parse(&snnconvert_tool, console, argc, argv, take_argument, options);
    options->max_pool = options->lower.max_pool;
    return status == SNNCLI_GO_ON ? check(options) : status;
}
