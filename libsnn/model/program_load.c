/* Reads a chip program (docs/formats/program.md): bytes in, checked registers and memories out.
 *
 * Members are read into a description, whose tensors are unpacked only to the shapes that its
 * registers say; snn_program_create then decides whether that is a program. A member that no one
 * knows is an error: a chip would not do what it asks for.
 */
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/file.h"
#include "libsnn/base/memory.h"
#include "libsnn/base/sha256.h"
#include "libsnn/model/chip.h"
#include "libsnn/model/program_file.h"
#include "libsnn/model/stranger.h"
#include "libsnn/model/tensor.h"

struct reader {
    struct snn_context *context;
    struct snnbase_arena arena; /* of the description */
};

/* ---- Small values ---- */

static int read_uint(struct reader *r, const struct snnbase_json_value *object, const char *key,
                     uint32_t *out)
{
    int64_t value = 0;
    int status = snnbase_json_read_int(r->context, object, "", key, 0, UINT32_MAX, &value);
    if (status == SNN_OK) *out = (uint32_t)value;
    return status;
}

static int read_int16(struct reader *r, const struct snnbase_json_value *object, const char *key,
                      int16_t *out)
{
    int64_t value = 0;
    int status = snnbase_json_read_int(r->context, object, "", key, INT16_MIN, INT16_MAX, &value);
    if (status == SNN_OK) *out = (int16_t)value;
    return status;
}

static int read_pair(struct reader *r, const struct snnbase_json_value *object, const char *key,
                     uint32_t *y_out, uint32_t *x_out)
{
    int64_t values[2] = {0, 0};
    int status = snnbase_json_read_ints(r->context, object, "", key, 0, UINT32_MAX, 2, values);
    if (status != SNN_OK) return status;
    *y_out = (uint32_t)values[0];
    *x_out = (uint32_t)values[1];
    return SNN_OK;
}

static int read_shape(struct reader *r, const struct snnbase_json_value *object, const char *key,
                      struct snn_shape *out)
{
    int64_t values[3] = {0, 0, 0};
    int status = snnbase_json_read_ints(r->context, object, "", key, 1, UINT32_MAX, 3, values);
    if (status != SNN_OK) return status;
    *out = (struct snn_shape){(uint32_t)values[0], (uint32_t)values[1], (uint32_t)values[2]};
    return SNN_OK;
}

/* A member that is an array; NULL with the error set. */
static const struct snnbase_json_value *
read_array(struct reader *r, const struct snnbase_json_value *object, const char *key)
{
    const struct snnbase_json_value *array = snnbase_json_get(object, key);
    if (array != NULL && snnbase_json_is_array(array)) return array;
    snnbase_fail(r->context, SNN_ERR_FORMAT, "%s: %san array expected", key,
                 array == NULL ? "missing, " : "");
    return NULL;
}

/* ---- Destinations ---- */

static int read_destination(struct reader *r, const struct snnbase_json_value *value,
                            struct snn_destination *out)
{
    static const char *const members[] = {"layer", "pooling", "feature_shift", NULL};
    int status = snnmodel_native_check_members(r->context, value, members);
    if (status == SNN_OK) status = read_uint(r, value, "layer", &out->layer);
    if (status == SNN_OK) status = read_uint(r, value, "pooling", &out->pooling);
    return status == SNN_OK ? read_uint(r, value, "feature_shift", &out->feature_shift) : status;
}

static int read_destinations(struct reader *r, const struct snnbase_json_value *object,
                             struct snn_destination *out, uint32_t *count_out)
{
    const struct snnbase_json_value *array = read_array(r, object, "destinations");
    if (array == NULL) return SNN_ERR_FORMAT;
    const size_t count = snnbase_json_count(array);
    if (count > SNN_CHIP_DESTINATIONS_MAX)
        return snnbase_fail(r->context, SNN_ERR_FORMAT,
                            "destinations: %zu values, at most %d expected", count,
                            (int)SNN_CHIP_DESTINATIONS_MAX);
    uint32_t index = 0;
    const struct snnbase_json_value *value = snnbase_json_first(array);
    for (; value != NULL; value = snnbase_json_next(value), index++)
        if (read_destination(r, value, &out[index]) != SNN_OK)
            return snnbase_where(r->context, "destinations[%u]", index);
    *count_out = index;
    return SNN_OK;
}

/* ---- A core ---- */

/* Unpacks object->key, of this shape, into *out. */
static int read_tensor(struct reader *r, const struct snnbase_json_value *object, const char *key,
                       const struct snnmodel_tensor *expected, const void **out)
{
    struct snnmodel_tensor tensor;
    int status = snnmodel_tensor_describe_as(r->context, object, key, expected->dtype, &tensor);
    if (status == SNN_OK)
        status = snnmodel_tensor_expect(r->context, &tensor, key, expected->rank, expected->dim);
    if (status != SNN_OK) return status;
    return snnmodel_tensor_unpack_whole(r->context, &tensor, key, &r->arena, out);
}

/* One number for all neurons, or a tensor. */
static int read_v_init(struct reader *r, const struct snnbase_json_value *value,
                       struct snn_core *out)
{
    const struct snnbase_json_value *v_init = snnbase_json_get(value, "v_init");
    const struct snn_shape shape = out->output;
    if (v_init == NULL || !snnbase_json_is_object(v_init)) {
        int16_t *one = snnbase_arena_alloc(&r->arena, r->context, 1, sizeof(*one));
        if (one == NULL) return SNN_ERR_NOMEM;
        out->v_init = one;
        out->v_init_count = 1;
        return read_int16(r, value, "v_init", one);
    }
    const struct snnmodel_tensor expected = {
        .dtype = SNNMODEL_INT16, .rank = 3, .dim = {shape.channels, shape.height, shape.width}};
    const void *values = NULL;
    int status = read_tensor(r, value, "v_init", &expected, &values);
    out->v_init = values;
    out->v_init_count = snn_shape_size(shape);
    return status;
}

static int read_tensors(struct reader *r, const struct snnbase_json_value *value,
                        struct snn_core *out)
{
    const uint32_t features = out->output.channels, k = out->kernel_size;
    const struct snnmodel_tensor weights = {
        .dtype = SNNMODEL_INT8, .rank = 4, .dim = {features, out->input.channels, k, k}};
    const struct snnmodel_tensor bias = {.dtype = SNNMODEL_INT8, .rank = 1, .dim = {features}};
    const void *values = NULL;
    if (k == 0)
        return snnbase_fail(r->context, SNN_ERR_FORMAT, "kernel_size: 0, at least 1 expected");
    int status = read_v_init(r, value, out);
    if (status == SNN_OK) status = read_tensor(r, value, "weights", &weights, &values);
    out->weights = values;
    if (status != SNN_OK || snnbase_json_get(value, "bias") == NULL) return status;
    status = read_tensor(r, value, "bias", &bias, &values);
    out->bias = values;
    return status;
}

static int read_reset(struct reader *r, const struct snnbase_json_value *value,
                      struct snn_core *out)
{
    const char *reset = NULL;
    int status = snnbase_json_read_string(r->context, value, "", "reset", &reset);
    if (status != SNN_OK) return status;
    out->return_to_zero = strcmp(reset, SNNMODEL_NATIVE_RESET_ZERO) == 0;
    if (out->return_to_zero || strcmp(reset, SNNMODEL_NATIVE_RESET_SUBTRACT) == 0) return SNN_OK;
    return snnbase_fail(r->context, SNN_ERR_FORMAT, "reset: 'subtract' or 'zero' expected");
}

/* Words are there for people; but they must not lie. */
static int check_words(struct reader *r, const struct snnbase_json_value *value,
                       const struct snn_core *core)
{
    static const char *const members[] = {"kernel", "neuron", "bias", NULL};
    const struct snnbase_json_value *words = snnbase_json_get(value, "words");
    if (words == NULL) return SNN_OK;
    const struct snn_core_words found =
        snn_core_count_words(core->input, core->output, core->kernel_size, core->bias != NULL);
    const uint64_t expected[] = {found.kernel, found.neuron, found.bias};
    int status = snnmodel_native_check_members(r->context, words, members);
    for (size_t i = 0; status == SNN_OK && i < 3; i++) {
        int64_t number = 0;
        status = snnbase_json_read_int(r->context, words, "", members[i], 0, INT64_MAX, &number);
        if (status == SNN_OK && (uint64_t)number != expected[i])
            status =
                snnbase_fail(r->context, SNN_ERR_FORMAT, "%s: %lld, %llu follow from the registers",
                             members[i], (long long)number, (unsigned long long)expected[i]);
    }
    return status == SNN_OK ? SNN_OK : snnbase_where(r->context, "words");
}

static int read_registers(struct reader *r, const struct snnbase_json_value *value,
                          struct snn_core *out)
{
    int status = read_uint(r, value, "core", &out->index);
    if (status == SNN_OK)
        status = snnmodel_native_read_text(r->context, value, "", "layer", &out->layer);
    if (status == SNN_OK) status = read_uint(r, value, "layer_index", &out->layer_index);
    if (status == SNN_OK) status = read_uint(r, value, "feature_first", &out->feature_first);
    if (status == SNN_OK) status = read_shape(r, value, "input", &out->input);
    if (status == SNN_OK) status = read_shape(r, value, "output", &out->output);
    if (status == SNN_OK) status = read_uint(r, value, "kernel_size", &out->kernel_size);
    if (status == SNN_OK) status = read_pair(r, value, "stride", &out->stride_y, &out->stride_x);
    if (status == SNN_OK) status = read_pair(r, value, "padding", &out->pad_y, &out->pad_x);
    if (status == SNN_OK) status = read_int16(r, value, "threshold_high", &out->threshold_high);
    if (status == SNN_OK) status = read_int16(r, value, "threshold_low", &out->threshold_low);
    if (status == SNN_OK) status = read_reset(r, value, out);
    if (status == SNN_OK)
        status = snnmodel_native_read_float(r->context, value, "scale", &out->scale);
    if (status == SNN_OK)
        status = read_destinations(r, value, out->destinations, &out->destination_count);
    return status;
}

static int read_core(struct reader *r, const struct snnbase_json_value *value, struct snn_core *out)
{
    static const char *const members[] = {
        "core",        "layer",  "layer_index",  "feature_first",  "input",         "output",
        "kernel_size", "stride", "padding",      "threshold_high", "threshold_low", "reset",
        "scale",       "words",  "destinations", "v_init",         "weights",       "bias",
        NULL};
    int status = snnmodel_native_check_members(r->context, value, members);
    if (status == SNN_OK) status = read_registers(r, value, out);
    if (status == SNN_OK) status = read_tensors(r, value, out);
    return status == SNN_OK ? check_words(r, value, out) : status;
}

static int read_cores(struct reader *r, const struct snnbase_json_value *root,
                      struct snn_program *out)
{
    const struct snnbase_json_value *array = read_array(r, root, "cores");
    if (array == NULL) return SNN_ERR_FORMAT;
    const size_t count = snnbase_json_count(array);
    if (count < 1 || count > SNN_CHIP_CORES_MAX)
        return snnbase_fail(r->context, SNN_ERR_FORMAT, "cores: %zu values, 1 to %d expected",
                            count, (int)SNN_CHIP_CORES_MAX);
    struct snn_core *cores = snnbase_arena_alloc(&r->arena, r->context, count, sizeof(*cores));
    if (cores == NULL) return SNN_ERR_NOMEM;
    out->cores = cores;
    const struct snnbase_json_value *value = snnbase_json_first(array);
    for (; value != NULL; value = snnbase_json_next(value), out->core_count++)
        if (read_core(r, value, &cores[out->core_count]) != SNN_OK)
            return snnbase_where(r->context, "cores[%u]", out->core_count);
    return SNN_OK;
}

/* ---- The document ---- */

static int check_format(struct snn_context *context, const struct snnbase_json_value *root)
{
    const char *format = NULL;
    if (!snnbase_json_is_object(root))
        return snnbase_fail(context, SNN_ERR_FORMAT, "not a chip program: an object expected");
    int status = snnmodel_native_read_text(context, root, "", "format", &format);
    if (status != SNN_OK || strcmp(format, SNNMODEL_PROGRAM_FORMAT) == 0) return status;
    const size_t family = strlen(SNNMODEL_PROGRAM_FAMILY);
    if (strncmp(format, SNNMODEL_PROGRAM_FAMILY, family) == 0)
        return snnbase_fail(context, SNN_ERR_UNSUPPORTED, "format is '%s', this version reads '%s'",
                            format, SNNMODEL_PROGRAM_FORMAT);
    return snnbase_fail(context, SNN_ERR_FORMAT,
                        "not a chip program: format is '%s', '%s' expected", format,
                        SNNMODEL_PROGRAM_FORMAT);
}

static int read_chip(struct reader *r, const struct snnbase_json_value *root, struct snn_chip *out)
{
    const struct snnbase_json_value *chip = snnbase_json_get(root, "chip");
    if (chip == NULL)
        return snnbase_fail(r->context, SNN_ERR_FORMAT, "chip: missing, an object expected");
    int status = snnmodel_chip_read(r->context, chip, out);
    return status == SNN_OK ? SNN_OK : snnbase_where(r->context, "chip");
}

static int read_input(struct reader *r, const struct snnbase_json_value *root,
                      struct snn_program *out)
{
    static const char *const members[] = {"shape", "destinations", NULL};
    const struct snnbase_json_value *input = snnbase_json_get(root, "input");
    int status = snnmodel_native_check_members(r->context, input, members);
    if (status == SNN_OK) status = read_shape(r, input, "shape", &out->input_shape);
    if (status == SNN_OK)
        status =
            read_destinations(r, input, out->input_destinations, &out->input_destination_count);
    return status == SNN_OK ? SNN_OK : snnbase_where(r->context, "input");
}

static int read_output(struct reader *r, const struct snnbase_json_value *root,
                       struct snn_program *out)
{
    static const char *const members[] = {"classes", "spread", NULL};
    const struct snnbase_json_value *output = snnbase_json_get(root, "output");
    int status = snnmodel_native_check_members(r->context, output, members);
    if (status == SNN_OK) status = read_uint(r, output, "classes", &out->class_count);
    if (status == SNN_OK) status = read_uint(r, output, "spread", &out->readout_spread);
    return status == SNN_OK ? SNN_OK : snnbase_where(r->context, "output");
}

static int read_description(struct reader *r, const struct snnbase_json_value *root,
                            struct snn_program *out)
{
    static const char *const members[] = {"format", "tool",   "name", "model_sha256", "dt_us",
                                          "input",  "output", "chip", "cores",        NULL};
    int status = check_format(r->context, root);
    if (status == SNN_OK) status = snnmodel_native_check_members(r->context, root, members);
    if (status == SNN_OK)
        status = snnmodel_native_read_text(r->context, root, "", "name", &out->name);
    if (status == SNN_OK && snnbase_json_get(root, "tool") != NULL)
        status = snnmodel_native_read_text(r->context, root, "", "tool", &out->tool);
    if (status == SNN_OK && snnbase_json_get(root, "model_sha256") != NULL)
        status =
            snnmodel_native_read_text(r->context, root, "", "model_sha256", &out->model_sha256);
    if (status == SNN_OK)
        status = snnbase_json_read_number(r->context, root, "", "dt_us", &out->dt_us);
    if (status == SNN_OK) status = read_input(r, root, out);
    if (status == SNN_OK) status = read_output(r, root, out);
    if (status == SNN_OK) status = read_chip(r, root, &out->chip);
    return status == SNN_OK ? read_cores(r, root, out) : status;
}

static int read_document(struct snn_program **out, struct snn_context *context,
                         const struct snnbase_json_value *root)
{
    struct reader reader = {.context = context};
    struct snn_program description = {.core_count = 0};
    snnbase_arena_init(&reader.arena, context);
    int status = read_description(&reader, root, &description);
    if (status == SNN_OK)
        status =
            snnmodel_native_blame_file(context, snn_program_create(out, context, &description));
    snnbase_arena_fini(&reader.arena);
    return status;
}

/* Says what a file is rather than where it stops being JSON. */
static int check_kind(struct snn_context *context, const char *text, size_t size)
{
    const char *name = NULL, *hint = NULL;
    if (snnmodel_stranger_is_text(text, size)) return SNN_OK; /* the parser says where it ends */
    snnmodel_stranger_find(text, size, &name, &hint);
    return snnbase_fail(context, SNN_ERR_FORMAT,
                        "not a chip program of libsnn (JSON): it looks like %s",
                        name != NULL ? name : "something else");
}

/* `own` is the text where it may be changed, else NULL. */
static int parse(struct snn_program **out, struct snn_context *context, const char *text,
                 size_t size, char *own)
{
    struct snnbase_json *json = NULL;
    int status = check_kind(context, text, size);
    if (status == SNN_OK)
        status = own != NULL ? snnbase_json_parse_in_place(context, own, size, &json)
                             : snnbase_json_parse(context, text, size, &json);
    if (status == SNN_OK) status = read_document(out, context, snnbase_json_root(json));
    snnbase_json_destroy(context, &json);
    return status;
}

int snn_program_parse(struct snn_program **out, struct snn_context *context, const char *text,
                      size_t size)
{
    return parse(out, context, text, size, NULL);
}

int snn_program_load(struct snn_program **out, struct snn_context *context, const char *path,
                     char *sha256_hex_out)
{
    struct snnbase_buffer bytes = {NULL, 0, 0};
    char sha256[SNNBASE_SHA256_HEX_SIZE];
    int status = snnbase_file_read(context, path, &bytes);
    if (status == SNN_OK) {
        snnbase_sha256_hex(bytes.data, bytes.size, sha256); /* before parsing, which changes them */
        char *text = (char *)bytes.data;
        status = parse(out, context, text, bytes.size, text);
        if (status != SNN_OK) snnbase_where(context, "%s", path);
    }
    if (status == SNN_OK && sha256_hex_out != NULL) memcpy(sha256_hex_out, sha256, sizeof(sha256));
    snnbase_buffer_fini(context, &bytes);
    return status;
}

/* ---- What kind of file ---- */

static const char *skip_space(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
        at++;
    return at;
}

/* Steps over `word` and the space behind it; NULL where it does not stand. */
static const char *step_over(const char *at, const char *end, const char *word)
{
    const size_t length = strlen(word);
    if (at == NULL || (size_t)(end - at) < length || memcmp(at, word, length) != 0) return NULL;
    return skip_space(at + length, end);
}

/* The beginning says it, as everybody writes "format" first. */
bool snn_program_probe(struct snn_context *context, const char *path)
{
    (void)context;
    char head[256];
    const size_t size = snnbase_file_head(path, head, sizeof(head));
    const char *end = head + size, *at = skip_space(head, end);
    at = step_over(at, end, "{");
    at = step_over(at, end, "\"format\"");
    at = step_over(at, end, ":");
    return step_over(at, end, "\"" SNNMODEL_PROGRAM_FAMILY) != NULL;
}
