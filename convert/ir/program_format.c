/* The program as text, one line a node: what --dump-after prints.
 *
 *     Conv_0   : Conv(input[1,1,28,28], weight*[6,1,5,5]) -> x[1,6,24,24] k5x5 s1 p0
 *
 * A star marks constants, which show their elements where they are a few integers; `%7` is value 7,
 * which has no name, `_` an input left out. Types other than float32 are written out. For people:
 * nothing reads this text back.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "convert/ir/program.h"
#include "libsnn/base/buffer.h"
#include "libsnn/base/error.h"
#include "libsnn/base/number.h"

enum { NAME_WIDTH_MAX = 24, LISTED_MAX = 8, PIECE_SIZE = 256 };

/* After the first failure nothing more is written. */
struct writer {
    struct snn_context *context;
    const struct snnconv_program *program;
    struct snnbase_buffer text;
    int status;
};

static void put(struct writer *w, const char *text)
{
    if (w->status == SNN_OK)
        w->status = snnbase_buffer_append(w->context, &w->text, text, strlen(text));
}

/* For pieces of bounded length; names go through put. */
SNN_PRINTF(2, 3)
static void print(struct writer *w, const char *format, ...)
{
    char piece[PIECE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(piece, sizeof(piece), format, arguments);
    va_end(arguments);
    put(w, piece);
}

static void put_float(struct writer *w, const char *what, float value)
{
    char text[SNNBASE_NUMBER_SIZE];
    snnbase_number_format_float(value, text);
    print(w, " %s %s", what, text);
}

/* ---- Values ---- */

static void put_shape(struct writer *w, const struct snnconv_array *array)
{
    put(w, "[");
    for (uint32_t i = 0; i < array->rank; i++)
        print(w, "%s%" PRId64, i > 0 ? "," : "", array->dim[i]);
    put(w, "]");
}

static bool is_short_list(const struct snnconv_array *array)
{
    return array->data && array->rank <= 1 && snnconv_array_count(array) <= LISTED_MAX &&
           (array->type == SNNCONV_TYPE_I64 || array->type == SNNCONV_TYPE_I32);
}

static void put_list(struct writer *w, const struct snnconv_array *array)
{
    size_t count = snnconv_array_count(array);
    put(w, "{");
    for (size_t i = 0; i < count; i++)
        print(w, "%s%" PRId64, i > 0 ? "," : "", snnconv_array_load_integer(array, i));
    put(w, "}");
}

static void put_value(struct writer *w, uint32_t index)
{
    if (index >= w->program->value_count) {
        put(w, index == SNNCONV_NONE ? "_" : "?");
        return;
    }
    const struct snnconv_value *value = &w->program->values[index];
    const struct snnconv_array *array = &value->array;
    if (value->name[0] != '\0')
        put(w, value->name);
    else
        print(w, "%%%" PRIu32, index);
    if (snnconv_value_is_constant(value)) put(w, "*");
    if (is_short_list(array)) {
        put_list(w, array);
        return;
    }
    if (array->type == SNNCONV_TYPE_NONE) {
        put(w, "[?]");
        return;
    }
    if (array->type != SNNCONV_TYPE_F32) print(w, ":%s", snnconv_type_name(array->type));
    put_shape(w, array);
    if (value->quantization) print(w, "~%s", snnconv_type_name(value->quantization->type));
}

static void put_values(struct writer *w, const uint32_t *values, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0) put(w, ", ");
        put_value(w, values[i]);
    }
}

/* ---- Attributes ---- */

/* "k5x5"; one number where all are equal and `short_form` allows it. */
static void put_extents(struct writer *w, const char *what, const int64_t *items, uint32_t count,
                        bool short_form)
{
    bool equal = short_form;
    for (uint32_t i = 1; i < count; i++)
        equal = equal && items[i] == items[0];
    print(w, " %s", what);
    for (uint32_t i = 0; i < (equal && count > 0 ? 1 : count); i++)
        print(w, "%s%" PRId64, i > 0 ? "x" : "", items[i]);
}

static bool all_ones(const int64_t *items, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (items[i] != 1) return false;
    }
    return true;
}

static void put_pads(struct writer *w, const struct snnconv_attributes *a)
{
    static const char *const automatic[] = {"", " p=same-upper", " p=same-lower", " p=valid"};
    if (a->auto_pad != SNNCONV_AUTO_PAD_NOTSET) {
        put(w, (unsigned)a->auto_pad < 4 ? automatic[a->auto_pad] : " p=?");
        return;
    }
    bool even = memcmp(a->pad_begin, a->pad_end, a->spatial * sizeof(a->pad_begin[0])) == 0;
    put_extents(w, "p", a->pad_begin, a->spatial, even);
    if (!even) put_extents(w, "..", a->pad_end, a->spatial, false);
}

static void put_window(struct writer *w, const struct snnconv_attributes *a)
{
    if (a->spatial > 0 && a->spatial <= SNNCONV_SPATIAL_MAX) {
        if (a->kernel[0] != 0) put_extents(w, "k", a->kernel, a->spatial, false);
        put_extents(w, "s", a->stride, a->spatial, true);
        if (!all_ones(a->dilation, a->spatial)) put_extents(w, "d", a->dilation, a->spatial, true);
        put_pads(w, a);
    }
    if (a->group != 1) print(w, " g%" PRId64, a->group);
    if (a->ceil_mode) put(w, " ceil");
    if (a->count_include_pad) put(w, " pads-count");
}

static void put_gemm(struct writer *w, const struct snnconv_attributes *a)
{
    if (a->alpha < 1.0F || a->alpha > 1.0F) put_float(w, "alpha", a->alpha);
    if (a->beta < 1.0F || a->beta > 1.0F) put_float(w, "beta", a->beta);
    if (a->trans_a) put(w, " a'");
    if (a->trans_b) put(w, " b'");
}

static void put_perm(struct writer *w, const struct snnconv_attributes *a)
{
    if (a->perm_count == 0 || a->perm_count > SNNCONV_RANK_MAX) {
        put(w, a->perm_count == 0 ? " reversed" : " perm ?");
        return;
    }
    for (uint32_t i = 0; i < a->perm_count; i++)
        print(w, "%s%" PRId64, i > 0 ? "," : " perm ", a->perm[i]);
}

static void put_attributes(struct writer *w, const struct snnconv_node *node)
{
    static const char *const pad_mode[] = {"constant", "reflect", "edge", "wrap"};
    const struct snnconv_attributes *a = &node->attributes;
    switch (node->op) {
    case SNNCONV_OP_CONV:
    case SNNCONV_OP_CONV_INTEGER:
    case SNNCONV_OP_QLINEAR_CONV:
    case SNNCONV_OP_AVERAGE_POOL:
    case SNNCONV_OP_MAX_POOL:
    case SNNCONV_OP_SUM_POOL:
        put_window(w, a);
        return;
    case SNNCONV_OP_GEMM:
        put_gemm(w, a);
        return;
    case SNNCONV_OP_LEAKY_RELU:
        put_float(w, "alpha", a->alpha);
        return;
    case SNNCONV_OP_BATCH_NORMALIZATION:
        put_float(w, "epsilon", a->epsilon);
        return;
    case SNNCONV_OP_TRANSPOSE:
        put_perm(w, a);
        return;
    case SNNCONV_OP_CAST:
        print(w, " to %s", snnconv_type_name(a->to));
        return;
    case SNNCONV_OP_PAD:
        print(w, " %s", (unsigned)a->pad < 4 ? pad_mode[a->pad] : "?");
        return;
    case SNNCONV_OP_IF:
        put(w, a->reset_zero ? " reset to zero" : " reset by subtraction");
        return;
    case SNNCONV_OP_ARG_MAX:
    case SNNCONV_OP_CONCAT:
    case SNNCONV_OP_FLATTEN:
    case SNNCONV_OP_GATHER:
    case SNNCONV_OP_SOFTMAX:
    case SNNCONV_OP_LOG_SOFTMAX:
        print(w, " axis %" PRId64, a->axis);
        return;
    default:
        return;
    }
}

/* ---- The whole ---- */

static int name_width(const struct snnconv_program *program)
{
    size_t width = 0;
    for (uint32_t n = 0; n < program->node_count; n++) {
        size_t length = strlen(program->nodes[n].name);
        if (length > width && length <= NAME_WIDTH_MAX) width = length;
    }
    return (int)width;
}

static void put_node(struct writer *w, const struct snnconv_node *node, int width)
{
    const struct snnconv_op_info *info = snnconv_op_info(node->op);
    size_t length = strlen(node->name);
    put(w, node->name);
    print(w, "%*s: %s(", length < (size_t)width ? width - (int)length : 0, "",
          info ? info->name : "?");
    put_values(w, node->inputs, node->input_count);
    put(w, ") -> ");
    put_values(w, node->outputs, node->output_count);
    put_attributes(w, node);
    put(w, "\n");
}

int snnconv_program_format(char **out, struct snn_context *context,
                           const struct snnconv_program *program)
{
    struct writer w = {.context = context, .program = program};
    int width = name_width(program);
    put(&w, "inputs: ");
    put_values(&w, program->inputs, program->input_count);
    put(&w, "\n");
    for (uint32_t n = 0; n < program->node_count; n++)
        put_node(&w, &program->nodes[n], width);
    put(&w, "outputs: ");
    put_values(&w, program->outputs, program->output_count);
    put(&w, "\n");
    if (w.status == SNN_OK) w.status = snnbase_buffer_append(context, &w.text, "", 1);
    if (w.status == SNN_OK)
        *out = (char *)w.text.data;
    else
        snnbase_buffer_fini(context, &w.text);
    return w.status;
}

void snnconv_program_list(const struct snnconv_program *program, const uint32_t *values,
                          uint32_t count, const uint32_t *readers, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < count && used < size; i++) {
        if (readers != NULL && readers[values[i]] == 0) continue;
        const char *name = program->values[values[i]].name, *comma = used > 0 ? ", " : "";
        int length = name[0] != '\0'
                         ? snprintf(text + used, size - used, "%s'%s'", comma, name)
                         : snprintf(text + used, size - used, "%s%%%" PRIu32, comma, values[i]);
        if (length > 0) used += (size_t)length;
    }
}
