/* Tensors of a TFLite file: shapes, bytes, quantisation, and the values of the program they become.
 *
 * Invariant: every float in the program is what the file's integer stands for, scale * (q - zero
 * point), and its value carries how it is stored. Constants are copied, because they are widened or
 * permuted nearly always and the file's bytes have no alignment to rely on.
 */
#include <math.h>
#include <string.h>

#include "convert/read/tflite.h"
#include "libsnn/base/error.h"
#include "libsnn/base/size.h"

/* Fields of Tensor, QuantizationParameters and Buffer. */
enum {
    TENSOR_SHAPE = 0,
    TENSOR_TYPE = 1,
    TENSOR_BUFFER = 2,
    TENSOR_NAME = 3,
    TENSOR_QUANTIZATION = 4,
    TENSOR_IS_VARIABLE = 5,
    TENSOR_SPARSITY = 6,
    TENSOR_SIGNATURE = 7,
    QUANTIZATION_SCALE = 2,
    QUANTIZATION_ZERO_POINT = 3,
    QUANTIZATION_DETAILS_KIND = 4,
    QUANTIZATION_DIMENSION = 6,
    BUFFER_DATA = 0,
    BUFFER_OFFSET = 1,
    BUFFER_SIZE = 2
};

struct type_row {
    const char *name;
    enum snnconv_type type;
    unsigned size; /* bytes of an element in the file; 0: not read */
};

/* By TensorType. */
static const struct type_row type_rows[] = {
    {"FLOAT32", SNNCONV_TYPE_F32, 4},    {"FLOAT16", SNNCONV_TYPE_F16, 2},
    {"INT32", SNNCONV_TYPE_I32, 4},      {"UINT8", SNNCONV_TYPE_U8, 1},
    {"INT64", SNNCONV_TYPE_I64, 8},      {"STRING", SNNCONV_TYPE_NONE, 0},
    {"BOOL", SNNCONV_TYPE_BOOL, 1},      {"INT16", SNNCONV_TYPE_I16, 2},
    {"COMPLEX64", SNNCONV_TYPE_NONE, 0}, {"INT8", SNNCONV_TYPE_I8, 1},
    {"FLOAT64", SNNCONV_TYPE_F64, 8},    {"COMPLEX128", SNNCONV_TYPE_NONE, 0},
    {"UINT64", SNNCONV_TYPE_NONE, 0},    {"RESOURCE", SNNCONV_TYPE_NONE, 0},
    {"VARIANT", SNNCONV_TYPE_NONE, 0},   {"UINT32", SNNCONV_TYPE_U32, 4},
    {"UINT16", SNNCONV_TYPE_U16, 2},     {"INT4", SNNCONV_TYPE_NONE, 0},
    {"BFLOAT16", SNNCONV_TYPE_BF16, 2},
};

static const struct type_row *type_row(unsigned type)
{
    static const struct type_row unknown = {"of an unknown type", SNNCONV_TYPE_NONE, 0};
    return type < sizeof(type_rows) / sizeof(type_rows[0]) ? &type_rows[type] : &unknown;
}

enum snnconv_type snnconv_tflite_type(unsigned type)
{
    return type_row(type)->type;
}

static bool is_float(unsigned type)
{
    return type == TFLITE_FLOAT32 || type == TFLITE_FLOAT16 || type == TFLITE_BFLOAT16 ||
           type == TFLITE_FLOAT64;
}

/* ---- From the file ---- */

static int read_shape(struct snnconv_tflite *r, const struct snnbase_flat_table *table,
                      struct snnconv_tflite_tensor *tensor)
{
    struct snnbase_flat_vector shape = snnbase_flat_vector(table, TENSOR_SHAPE, 4);
    struct snnbase_flat_vector signature = snnbase_flat_vector(table, TENSOR_SIGNATURE, 4);
    if (shape.count > SNNCONV_RANK_MAX)
        return snnbase_fail(r->context, SNN_ERR_UNSUPPORTED, "%zu dimensions, at most %u",
                            shape.count, SNNCONV_RANK_MAX);
    tensor->rank = (uint32_t)shape.count;
    for (uint32_t i = 0; i < tensor->rank; i++) {
        tensor->dim[i] = snnbase_flat_item_signed(&shape, i);
        tensor->signature[i] = signature.count == shape.count
                                   ? snnbase_flat_item_signed(&signature, i)
                                   : tensor->dim[i];
    }
    return SNN_OK;
}

/* Bytes of a constant lie in its buffer, or, in files beyond 2 GiB, behind the flatbuffer. */
static int read_buffer(struct snnconv_tflite *r, const struct snnbase_flat_table *table,
                       struct snnconv_tflite_tensor *tensor)
{
    uint64_t index = snnbase_flat_unsigned(table, TENSOR_BUFFER, 4, 0);
    if (index == 0) return SNN_OK;
    if (index >= r->buffers.count)
        return snnbase_fail(r->context, SNN_ERR_FORMAT, "buffer %u of %zu", (unsigned)index,
                            r->buffers.count);
    struct snnbase_flat_table buffer = snnbase_flat_item_table(&r->buffers, (size_t)index);
    struct snnbase_flat_vector data = snnbase_flat_vector(&buffer, BUFFER_DATA, 1);
    uint64_t offset = snnbase_flat_unsigned(&buffer, BUFFER_OFFSET, 8, 0);
    uint64_t size = snnbase_flat_unsigned(&buffer, BUFFER_SIZE, 8, 0);
    tensor->data = data.count > 0 ? data.bytes : NULL;
    tensor->size = data.count;
    if (offset <= 1 || size == 0) return SNN_OK;
    if (offset > r->flat.size || size > r->flat.size - offset)
        return snnbase_fail(
            r->context, SNN_ERR_FORMAT, "buffer %u: %llu bytes from byte %llu on, the file has %zu",
            (unsigned)index, (unsigned long long)size, (unsigned long long)offset, r->flat.size);
    tensor->data = r->flat.bytes + offset;
    tensor->size = (size_t)size;
    return SNN_OK;
}

/* The data of a constant must be that of its shape. */
static int check_size(struct snnconv_tflite *r, const struct snnconv_tflite_tensor *tensor)
{
    const struct type_row *row = type_row(tensor->type);
    size_t bytes = row->size;
    bool good = true;
    if (tensor->data == NULL || bytes == 0) return SNN_OK;
    for (uint32_t i = 0; i < tensor->rank && good; i++)
        good = tensor->dim[i] >= 0 && snnbase_size_mul(bytes, (size_t)tensor->dim[i], &bytes);
    if (good && bytes == tensor->size) return SNN_OK;
    struct snnconv_array array = {.rank = tensor->rank};
    char shape[SNNCONV_ARRAY_TEXT_SIZE];
    memcpy(array.dim, tensor->dim, sizeof(array.dim));
    snnconv_array_format(shape, &array);
    return snnbase_fail(r->context, SNN_ERR_FORMAT, "%s %s in %zu bytes", row->name, shape,
                        tensor->size);
}

static int check_zero_point(struct snnconv_tflite *r, unsigned type, int64_t zero)
{
    int64_t low = INT32_MIN, high = INT32_MAX;
    if (type == TFLITE_INT8) low = INT8_MIN, high = INT8_MAX;
    if (type == TFLITE_UINT8) low = 0, high = UINT8_MAX;
    if (type == TFLITE_INT16) low = INT16_MIN, high = INT16_MAX;
    if (zero >= low && zero <= high) return SNN_OK;
    return snnbase_fail(r->context, SNN_ERR_FORMAT, "zero point %lld of %s", (long long)zero,
                        type_row(type)->name);
}

static int read_scales(struct snnconv_tflite *r, struct snnconv_tflite_tensor *tensor,
                       const struct snnbase_flat_vector *scales,
                       const struct snnbase_flat_vector *zeros)
{
    float *scale = NULL;
    int32_t *zero = NULL;
    int status = snnconv_tflite_charge(r, 8 * (uint64_t)scales->count);
    if (status != SNN_OK) return status;
    scale = snnbase_arena_alloc(&r->program->arena, r->context, scales->count, sizeof(*scale));
    zero = snnbase_arena_alloc(&r->program->arena, r->context, scales->count, sizeof(*zero));
    if (scale == NULL || zero == NULL) return SNN_ERR_NOMEM;
    for (size_t i = 0; i < scales->count; i++) {
        int64_t point = 0;
        if (zeros->count > 0) point = snnbase_flat_item_signed(zeros, zeros->count > 1 ? i : 0);
        status = check_zero_point(r, tensor->type, point);
        if (status != SNN_OK) return status;
        scale[i] = snnbase_flat_item_float(scales, i);
        zero[i] = (int32_t)point;
        /* Zero is the scale of a channel whose weights are all zero. */
        if (!isfinite(scale[i]) || scale[i] < 0.0f || (scale[i] == 0.0f && tensor->data == NULL))
            return snnbase_fail(r->context, SNN_ERR_FORMAT, "scale %g", (double)scale[i]);
    }
    tensor->quantization->scale = scale;
    tensor->quantization->zero_point = zero;
    return SNN_OK;
}

static int read_quantization(struct snnconv_tflite *r, const struct snnbase_flat_table *table,
                             struct snnconv_tflite_tensor *tensor)
{
    struct snnbase_flat_table parameters = snnbase_flat_child(table, TENSOR_QUANTIZATION);
    struct snnbase_flat_vector scales = snnbase_flat_vector(&parameters, QUANTIZATION_SCALE, 4);
    struct snnbase_flat_vector zeros = snnbase_flat_vector(&parameters, QUANTIZATION_ZERO_POINT, 8);
    int64_t axis = snnbase_flat_signed(&parameters, QUANTIZATION_DIMENSION, 4, 0);
    if (is_float(tensor->type)) return SNN_OK;
    if (snnbase_flat_unsigned(&parameters, QUANTIZATION_DETAILS_KIND, 1, 0) != 0)
        return snnbase_fail(r->context, SNN_ERR_UNSUPPORTED, "a custom quantisation");
    if (scales.count == 0) return SNN_OK;
    if (scales.count > 1 &&
        (axis < 0 || axis >= tensor->rank || (uint64_t)scales.count != (uint64_t)tensor->dim[axis]))
        return snnbase_fail(r->context, SNN_ERR_FORMAT, "%zu scales along axis %lld", scales.count,
                            (long long)axis);
    if (zeros.count > 1 && zeros.count != scales.count)
        return snnbase_fail(r->context, SNN_ERR_FORMAT, "%zu zero points for %zu scales",
                            zeros.count, scales.count);
    if (scales.count > 1 && tensor->data == NULL)
        return snnbase_fail(r->context, SNN_ERR_FORMAT, "%zu scales, but it is no constant",
                            scales.count);
    tensor->quantization =
        snnbase_arena_alloc(&r->program->arena, r->context, 1, sizeof(*tensor->quantization));
    if (tensor->quantization == NULL) return SNN_ERR_NOMEM;
    tensor->quantization->type = type_row(tensor->type)->type;
    tensor->quantization->count = (uint32_t)scales.count;
    tensor->quantization->axis = scales.count > 1 ? (uint32_t)axis : 0;
    return read_scales(r, tensor, &scales, &zeros);
}

int snnconv_tflite_read_tensor(struct snnconv_tflite *r, const struct snnbase_flat_table *table,
                               struct snnconv_tflite_tensor *tensor)
{
    tensor->at = table->at;
    tensor->value = SNNCONV_NONE;
    tensor->type = (unsigned)snnbase_flat_unsigned(table, TENSOR_TYPE, 1, TFLITE_FLOAT32);
    tensor->name =
        snnconv_tflite_text(r, &r->program->arena, snnbase_flat_string(table, TENSOR_NAME),
                            SNNCONV_TFLITE_TENSOR_NAME_MAX);
    if (tensor->name == NULL) return snn_context_status(r->context);
    if (snnbase_flat_has(table, TENSOR_SPARSITY))
        return snnbase_fail(r->context, SNN_ERR_UNSUPPORTED, "a sparse tensor");
    if (snnbase_flat_unsigned(table, TENSOR_IS_VARIABLE, 1, 0) != 0)
        return snnbase_fail(r->context, SNN_ERR_UNSUPPORTED,
                            "a variable, which keeps its value from frame to frame");
    int status = read_shape(r, table, tensor);
    if (status == SNN_OK) status = read_buffer(r, table, tensor);
    if (status == SNN_OK) status = check_size(r, tensor);
    if (status == SNN_OK) status = read_quantization(r, table, tensor);
    return status;
}

const struct snnconv_tflite_tensor *snnconv_tflite_tensor(const struct snnconv_tflite *r,
                                                          int32_t index)
{
    return index < 0 || (uint32_t)index >= r->tensor_count ? NULL : &r->tensors[index];
}

bool snnconv_tflite_is_constant(const struct snnconv_tflite *r, int32_t index)
{
    const struct snnconv_tflite_tensor *tensor = snnconv_tflite_tensor(r, index);
    return tensor != NULL && tensor->data != NULL;
}

/* ---- Elements ---- */

static int64_t load_integer(unsigned type, const unsigned char *item)
{
    unsigned size = type_row(type)->size;
    if (type == TFLITE_UINT8 || type == TFLITE_UINT16 || type == TFLITE_UINT32 ||
        type == TFLITE_BOOL)
        return (int64_t)snnbase_flat_load_unsigned(item, size);
    return snnbase_flat_load_signed(item, size);
}

/* Where the elements of a permuted constant come from. */
struct source {
    const struct snnconv_tflite_tensor *tensor;
    uint32_t rank;
    int64_t dim[SNNCONV_RANK_MAX];   /* of the result */
    size_t stride[SNNCONV_RANK_MAX]; /* in the file, in elements, along axes of the result */
    int64_t at[SNNCONV_RANK_MAX];    /* element of the result */
    size_t index;                    /* the same element in the file */
    size_t channel_stride;           /* of the axis of scales in the file */
    uint32_t channel_count;
};

static void begin(struct source *s, const struct snnconv_tflite_tensor *tensor,
                  const uint32_t *perm)
{
    size_t stride[SNNCONV_RANK_MAX], product = 1;
    *s = (struct source){.tensor = tensor, .rank = tensor->rank, .channel_count = 1};
    for (uint32_t i = tensor->rank; i-- > 0;) {
        stride[i] = product;
        product *= (size_t)tensor->dim[i];
    }
    for (uint32_t i = 0; i < tensor->rank; i++) {
        s->dim[i] = tensor->dim[perm != NULL ? perm[i] : i];
        s->stride[i] = stride[perm != NULL ? perm[i] : i];
    }
    s->channel_stride = product;
    if (tensor->quantization == NULL || tensor->quantization->count == 1) return;
    s->channel_count = tensor->quantization->count;
    s->channel_stride = stride[tensor->quantization->axis];
}

static void step(struct source *s)
{
    for (uint32_t i = s->rank; i-- > 0;) {
        s->index += s->stride[i];
        if (++s->at[i] < s->dim[i]) return;
        s->index -= s->stride[i] * (size_t)s->dim[i];
        s->at[i] = 0;
    }
}

static const unsigned char *item_of(const struct source *s)
{
    return s->tensor->data + s->index * type_row(s->tensor->type)->size;
}

static float real_of(const struct source *s)
{
    const struct snnconv_quantization *quantization = s->tensor->quantization;
    if (quantization == NULL)
        return (float)snnconv_type_load_float(snnconv_tflite_type(s->tensor->type), item_of(s),
                                              false);
    size_t channel = s->index / s->channel_stride % s->channel_count;
    int64_t stored = load_integer(s->tensor->type, item_of(s));
    /* One rounding: an 8-bit integer times a float is exact in double. */
    return (float)((double)quantization->scale[channel] *
                   (double)(stored - quantization->zero_point[channel]));
}

/* ---- Constants ---- */

/* NULL after an error. */
static const struct snnconv_tflite_tensor *require_constant(struct snnconv_tflite *r, int32_t index)
{
    const struct snnconv_tflite_tensor *tensor = snnconv_tflite_tensor(r, index);
    if (tensor == NULL)
        snnbase_fail(r->context, SNN_ERR_FORMAT, "an input is missing");
    else if (tensor->data == NULL)
        snnbase_fail(r->context, SNN_ERR_UNSUPPORTED,
                     "tensor '%s' is computed, it must be a constant", tensor->name);
    else if (type_row(tensor->type)->size == 0)
        snnbase_fail(r->context, SNN_ERR_UNSUPPORTED, "constant '%s' is %s", tensor->name,
                     type_row(tensor->type)->name);
    else
        return tensor;
    return NULL;
}

/* The quantisation of a permuted constant: the axis moves, the scales are shared. */
static const struct snnconv_quantization *
permute_quantization(struct snnconv_tflite *r, const struct snnconv_tflite_tensor *tensor,
                     const uint32_t *perm)
{
    if (perm == NULL || tensor->quantization->count == 1) return tensor->quantization;
    struct snnconv_quantization *moved =
        snnbase_arena_alloc(&r->program->arena, r->context, 1, sizeof(*moved));
    if (moved == NULL) return NULL;
    *moved = *tensor->quantization;
    for (uint32_t i = 0; i < tensor->rank; i++) {
        if (perm[i] == tensor->quantization->axis) moved->axis = i;
    }
    return moved;
}

static int make_constant(struct snnconv_tflite *r, const struct snnconv_tflite_tensor *tensor,
                         const uint32_t *perm, uint32_t *out)
{
    struct source s;
    bool real = is_float(tensor->type) || tensor->quantization != NULL;
    begin(&s, tensor, perm);
    struct snnconv_array array = {.type = real ? SNNCONV_TYPE_F32 : SNNCONV_TYPE_I64,
                                  .rank = tensor->rank};
    memcpy(array.dim, s.dim, sizeof(array.dim));
    int status = snnconv_array_check(r->context, &array);
    size_t count = status == SNN_OK ? snnconv_array_count(&array) : 0;
    if (status == SNN_OK) status = snnconv_tflite_charge(r, count * snnconv_type_size(array.type));
    if (status != SNN_OK) return status;
    void *data = snnconv_array_alloc(&array, r->context, &r->program->arena);
    if (data == NULL) return SNN_ERR_NOMEM;
    for (size_t i = 0; i < count; i++, step(&s)) {
        if (real)
            ((float *)data)[i] = real_of(&s);
        else
            ((int64_t *)data)[i] = load_integer(tensor->type, item_of(&s));
    }
    status = snnconv_program_add_value(r->program, r->context, tensor->name, &array, out);
    if (status != SNN_OK || tensor->quantization == NULL) return status;
    const struct snnconv_quantization *quantization = permute_quantization(r, tensor, perm);
    if (quantization == NULL) return SNN_ERR_NOMEM;
    r->program->values[*out].quantization = quantization;
    return SNN_OK;
}

int snnconv_tflite_permuted(struct snnconv_tflite *r, int32_t index, const uint32_t *perm,
                            uint32_t *out)
{
    const struct snnconv_tflite_tensor *tensor = require_constant(r, index);
    if (tensor == NULL) return snn_context_status(r->context);
    if (!is_float(tensor->type) && tensor->quantization == NULL)
        return snnbase_fail(r->context, SNN_ERR_UNSUPPORTED, "constant '%s' is %s without a scale",
                            tensor->name, type_row(tensor->type)->name);
    return make_constant(r, tensor, perm, out);
}

int snnconv_tflite_integers(struct snnconv_tflite *r, int32_t index, int64_t *out,
                            uint32_t capacity, uint32_t *count_out)
{
    const struct snnconv_tflite_tensor *tensor = require_constant(r, index);
    if (tensor == NULL) return snn_context_status(r->context);
    unsigned size = type_row(tensor->type)->size;
    if (tensor->type != TFLITE_INT32 && tensor->type != TFLITE_INT64)
        return snnbase_fail(r->context, SNN_ERR_FORMAT, "constant '%s' is %s, INT32 expected",
                            tensor->name, type_row(tensor->type)->name);
    if (tensor->size / size > capacity)
        return snnbase_fail(r->context, SNN_ERR_FORMAT, "constant '%s' has %zu items, at most %u",
                            tensor->name, tensor->size / size, capacity);
    *count_out = (uint32_t)(tensor->size / size);
    for (uint32_t i = 0; i < *count_out; i++)
        out[i] = load_integer(tensor->type, tensor->data + (size_t)i * size);
    return SNN_OK;
}

/* ---- Bias ---- */

/* Files may leave out the scales of an int32 bias: they are those of the input times those of the
 * weights.
 */
static int imply_scales(struct snnconv_tflite *r, struct snnconv_tflite_tensor *bias,
                        const struct snnconv_quantization *input,
                        const struct snnconv_quantization *weights)
{
    size_t elements = bias->size / sizeof(int32_t);
    if (weights->count > 1 && (bias->rank != 1 || weights->count != elements))
        return snnbase_fail(r->context, SNN_ERR_FORMAT, "bias '%s' has %zu items for %u channels",
                            bias->name, elements, weights->count);
    struct snnconv_quantization *made =
        snnbase_arena_alloc(&r->program->arena, r->context, 1, sizeof(*made));
    float *scale =
        snnbase_arena_alloc(&r->program->arena, r->context, weights->count, sizeof(*scale));
    int32_t *zero =
        snnbase_arena_alloc(&r->program->arena, r->context, weights->count, sizeof(*zero));
    if (made == NULL || scale == NULL || zero == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < weights->count; i++)
        scale[i] = input->scale[0] * weights->scale[i];
    *made = (struct snnconv_quantization){
        .type = SNNCONV_TYPE_I32, .count = weights->count, .scale = scale, .zero_point = zero};
    bias->quantization = made;
    return SNN_OK;
}

/* Integer kernels add the int32 bias itself; who executes the program on integers finds it again by
 * rounding. */
static void check_bias(struct snnconv_tflite *r, const struct snnconv_tflite_op *op,
                       const struct snnconv_tflite_tensor *bias, const float *values,
                       const struct snnconv_tflite_tensor *input,
                       const struct snnconv_tflite_tensor *weights)
{
    size_t count = bias->size / sizeof(int32_t), lost = 0, first = 0;
    const struct snnconv_quantization *w = weights->quantization;
    for (size_t i = 0; i < count; i++) {
        double scale =
            (double)input->quantization->scale[0] * (double)w->scale[w->count == count ? i : 0];
        int64_t stored = load_integer(bias->type, bias->data + i * sizeof(int32_t));
        if (scale == 0.0 || nearbyint((double)values[i] / scale) == (double)stored) continue;
        if (lost++ == 0) first = i;
    }
    if (lost > 0)
        snnbase_diagnose(r->context, SNN_SEVERITY_WARNING, op->name, NULL,
                         "%zu of %zu integers of bias '%s' are not what float gives back, the "
                         "first is number %zu",
                         lost, count, bias->name, first);
}

int snnconv_tflite_bias(struct snnconv_tflite *r, const struct snnconv_tflite_op *op, uint32_t *out)
{
    int32_t index = op->input_count > 2 ? op->inputs[2] : -1;
    const struct snnconv_tflite_tensor *input = snnconv_tflite_tensor(r, op->inputs[0]);
    const struct snnconv_tflite_tensor *weights = snnconv_tflite_tensor(r, op->inputs[1]);
    *out = SNNCONV_NONE;
    if (index < 0) return SNN_OK;
    struct snnconv_tflite_tensor *bias = &r->tensors[index];
    bool stored = bias->data != NULL && bias->type == TFLITE_INT32;
    bool known = input->quantization != NULL && weights->quantization != NULL;
    int status = SNN_OK;
    if (stored && known && bias->quantization == NULL)
        status = imply_scales(r, bias, input->quantization, weights->quantization);
    if (status == SNN_OK && bias->data != NULL)
        status = snnconv_tflite_permuted(r, index, NULL, out);
    else if (status == SNN_OK)
        status = snnconv_tflite_value(r, index, out);
    if (status == SNN_OK && stored && known)
        check_bias(r, op, bias, r->program->values[*out].array.data, input, weights);
    return status;
}

/* ---- Values ---- */

static int refuse_int16(struct snnconv_tflite *r, const struct snnconv_tflite_tensor *tensor)
{
    if (r->said_int16) return SNN_OK;
    r->said_int16 = true;
    snnbase_fail(r->context, SNN_ERR_UNSUPPORTED,
                 "tensor '%s' is INT16: activations of 16 bits are not read", tensor->name);
    return snnbase_hint(r->context, "convert the model with int8 activations, or float");
}

/* What a computed tensor or an input must be. */
static int check_computed(struct snnconv_tflite *r, const struct snnconv_tflite_tensor *tensor)
{
    const struct type_row *row = type_row(tensor->type);
    if (row->size == 0)
        return snnbase_fail(r->context, SNN_ERR_UNSUPPORTED, "tensor '%s' is %s", tensor->name,
                            row->name);
    if (tensor->type == TFLITE_INT16) return refuse_int16(r, tensor);
    return SNN_OK;
}

int snnconv_tflite_value(struct snnconv_tflite *r, int32_t index, uint32_t *out)
{
    *out = SNNCONV_NONE;
    if (index < 0) return SNN_OK;
    struct snnconv_tflite_tensor *tensor = &r->tensors[index];
    const struct snnconv_array unknown = {.type = SNNCONV_TYPE_NONE};
    int status = SNN_OK;
    if (tensor->value == SNNCONV_NONE && tensor->data != NULL) {
        if (require_constant(r, index) == NULL) return snn_context_status(r->context);
        status = make_constant(r, tensor, NULL, &tensor->value);
    } else if (tensor->value == SNNCONV_NONE) {
        status = check_computed(r, tensor);
        if (status == SNN_OK)
            status = snnconv_program_add_value(r->program, r->context, tensor->name, &unknown,
                                               &tensor->value);
        if (status == SNN_OK) r->program->values[tensor->value].quantization = tensor->quantization;
    }
    *out = tensor->value;
    return status;
}

void snnconv_tflite_annotate(struct snnconv_tflite *r, uint32_t value, int32_t index)
{
    const struct snnconv_tflite_tensor *tensor = snnconv_tflite_tensor(r, index);
    if (tensor == NULL || tensor->quantization == NULL || tensor->quantization->count != 1) return;
    r->program->values[value].quantization = tensor->quantization;
}
