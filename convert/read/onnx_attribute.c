/* One attribute of a node into the newest form, by the kind that its rule names (onnx_rules.c).
 */
#include "convert/read/onnx_attribute.h"

#include <inttypes.h>
#include <string.h>

#include "libsnn/base/error.h"

/* Larger windows than this are nobody's; sums of several stay far from overflow. */
#define EXTENT_MAX INT64_C(0x7fffffff)

static int fail_attribute(const struct snnconv_onnx_call *call,
                          const struct snnconv_onnx_attribute *attribute, int status,
                          const char *text)
{
    return snnbase_fail(call->onnx->context, status, "attribute '%s' of %s %s", attribute->name,
                        call->row->name, text);
}

static int check_type(const struct snnconv_onnx_call *call,
                      const struct snnconv_onnx_attribute *attribute, int32_t type)
{
    static const char *const names[] = {
        [SNNCONV_ONNX_FLOAT] = "is no float",
        [SNNCONV_ONNX_INT] = "is no integer",
        [SNNCONV_ONNX_STRING] = "is no text",
        [SNNCONV_ONNX_TENSOR] = "is no tensor",
        [SNNCONV_ONNX_FLOATS] = "is no list of floats",
        [SNNCONV_ONNX_INTS] = "is no list of integers",
    };
    /* Old writers leave the type out. */
    if (attribute->type == type || attribute->type == SNNCONV_ONNX_UNDEFINED) return SNN_OK;
    return fail_attribute(call, attribute, SNN_ERR_FORMAT, names[type]);
}

/* The member of the attributes that a rule names. */
static void *target_of(struct snnconv_onnx_call *call, const struct snnconv_onnx_rule *rule)
{
    return (unsigned char *)&call->node.attributes + rule->at;
}

/* ---- Lists over the spatial axes ---- */

static int take_spatial_count(struct snnconv_onnx_call *call,
                              const struct snnconv_onnx_attribute *attribute, size_t count)
{
    uint32_t *spatial = &call->node.attributes.spatial;
    if (count > SNNCONV_SPATIAL_MAX)
        return fail_attribute(call, attribute, SNN_ERR_UNSUPPORTED,
                              "is for more spatial axes than are known");
    if (*spatial != 0 && *spatial != count)
        return fail_attribute(call, attribute, SNN_ERR_FORMAT,
                              "has another length than the attributes before it");
    *spatial = (uint32_t)count;
    return SNN_OK;
}

static int take_spatial(struct snnconv_onnx_call *call,
                        const struct snnconv_onnx_attribute *attribute, int64_t *target)
{
    int status = take_spatial_count(call, attribute, attribute->integer_count);
    for (size_t i = 0; i < attribute->integer_count && status == SNN_OK; i++) {
        int64_t item = attribute->integers[i];
        if (item < 1 || item > EXTENT_MAX)
            return fail_attribute(call, attribute, SNN_ERR_FORMAT, "has an entry below 1");
        target[i] = item;
    }
    return status;
}

/* All the begins, then all the ends. */
static int take_pads(struct snnconv_onnx_call *call, const struct snnconv_onnx_attribute *attribute)
{
    size_t count = attribute->integer_count / 2;
    struct snnconv_attributes *target = &call->node.attributes;
    if (attribute->integer_count % 2 != 0)
        return fail_attribute(call, attribute, SNN_ERR_FORMAT, "has an odd number of entries");
    int status = take_spatial_count(call, attribute, count);
    if (status != SNN_OK) return status;
    for (size_t i = 0; i < count; i++) {
        target->pad_begin[i] = attribute->integers[i];
        target->pad_end[i] = attribute->integers[count + i];
        if (target->pad_begin[i] < 0 || target->pad_end[i] < 0 ||
            target->pad_begin[i] > EXTENT_MAX || target->pad_end[i] > EXTENT_MAX)
            return fail_attribute(call, attribute, SNN_ERR_FORMAT, "has an entry below 0");
    }
    return SNN_OK;
}

static int take_perm(struct snnconv_onnx_call *call, const struct snnconv_onnx_attribute *attribute)
{
    struct snnconv_attributes *target = &call->node.attributes;
    if (attribute->integer_count > SNNCONV_RANK_MAX)
        return fail_attribute(call, attribute, SNN_ERR_UNSUPPORTED, "has too many axes");
    target->perm_count = (uint32_t)attribute->integer_count;
    for (uint32_t i = 0; i < target->perm_count; i++)
        target->perm[i] = attribute->integers[i];
    return SNN_OK;
}

/* ---- Words ---- */

/* The place of a text among `words`. */
static int take_word(struct snnconv_onnx_call *call, const struct snnconv_onnx_attribute *attribute,
                     const char *const *words, size_t count, size_t *out)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(words[i], attribute->text) != 0) continue;
        *out = i;
        return SNN_OK;
    }
    return snnbase_fail(call->onnx->context, SNN_ERR_UNSUPPORTED,
                        "attribute '%s' of %s: '%.40s' is not known", attribute->name,
                        call->row->name, attribute->text);
}

static int take_auto_pad(struct snnconv_onnx_call *call,
                         const struct snnconv_onnx_attribute *attribute)
{
    static const char *const words[] = {[SNNCONV_AUTO_PAD_NOTSET] = "NOTSET",
                                        [SNNCONV_AUTO_PAD_SAME_UPPER] = "SAME_UPPER",
                                        [SNNCONV_AUTO_PAD_SAME_LOWER] = "SAME_LOWER",
                                        [SNNCONV_AUTO_PAD_VALID] = "VALID"};
    size_t place = 0;
    if (attribute->text[0] == '\0') return SNN_OK;
    int status = take_word(call, attribute, words, sizeof(words) / sizeof(words[0]), &place);
    if (status == SNN_OK) call->node.attributes.auto_pad = (enum snnconv_auto_pad)place;
    return status;
}

static int take_pad_mode(struct snnconv_onnx_call *call,
                         const struct snnconv_onnx_attribute *attribute)
{
    static const char *const words[] = {[SNNCONV_PAD_CONSTANT] = "constant",
                                        [SNNCONV_PAD_REFLECT] = "reflect",
                                        [SNNCONV_PAD_EDGE] = "edge",
                                        [SNNCONV_PAD_WRAP] = "wrap"};
    size_t place = 0;
    int status = take_word(call, attribute, words, sizeof(words) / sizeof(words[0]), &place);
    if (status != SNN_OK) return status;
    if (place == SNNCONV_PAD_WRAP && call->onnx->opset < 19)
        return fail_attribute(call, attribute, SNN_ERR_FORMAT, "is 'wrap', which is of opset 19");
    switch (place) {
    case SNNCONV_PAD_REFLECT:
        call->node.attributes.pad = SNNCONV_PAD_REFLECT;
        break;
    case SNNCONV_PAD_EDGE:
        call->node.attributes.pad = SNNCONV_PAD_EDGE;
        break;
    case SNNCONV_PAD_WRAP:
        call->node.attributes.pad = SNNCONV_PAD_WRAP;
        break;
    default:
        break;
    }
    return SNN_OK;
}

static int take_type(struct snnconv_onnx_call *call, int64_t data_type)
{
    int32_t narrow = data_type >= 0 && data_type <= INT32_MAX ? (int32_t)data_type : -1;
    enum snnconv_type type = snnconv_onnx_type(narrow);
    if (type == SNNCONV_TYPE_NONE && narrow != 0)
        return snnconv_onnx_refuse_type(call->onnx, call->row->name, narrow);
    call->node.attributes.to = type;
    return SNN_OK;
}

static int take_type_name(struct snnconv_onnx_call *call,
                          const struct snnconv_onnx_attribute *attribute)
{
    const char *name = NULL;
    for (int32_t i = 1; (name = snnconv_onnx_type_name(i)) != NULL; i++) {
        if (strcmp(name, attribute->text) == 0) return take_type(call, i);
    }
    return fail_attribute(call, attribute, SNN_ERR_FORMAT, "names no element type");
}

/* ---- Inputs ---- */

int snnconv_onnx_call_set_input(struct snnconv_onnx_call *call, size_t index, uint32_t value)
{
    if (index < call->node.input_count && call->inputs[index] != SNNCONV_NONE)
        return snnbase_fail(call->onnx->context, SNN_ERR_FORMAT,
                            "input %zu of %s is there twice, as an attribute as well", index,
                            call->row->name);
    while (call->node.input_count <= index)
        call->inputs[call->node.input_count++] = SNNCONV_NONE;
    call->inputs[index] = value;
    return SNN_OK;
}

static int take_list_input(struct snnconv_onnx_call *call,
                           const struct snnconv_onnx_attribute *attribute, size_t index)
{
    uint32_t value = SNNCONV_NONE;
    int status =
        snnconv_program_add_integers(call->onnx->program, call->onnx->context, attribute->integers,
                                     attribute->integer_count, &value);
    return status == SNN_OK ? snnconv_onnx_call_set_input(call, index, value) : status;
}

static int take_real_input(struct snnconv_onnx_call *call,
                           const struct snnconv_onnx_attribute *attribute, size_t index)
{
    const struct snnconv_array array = {.type = SNNCONV_TYPE_F32, .data = &attribute->real};
    uint32_t value = SNNCONV_NONE;
    int status = snnconv_program_add_constant(call->onnx->program, call->onnx->context, NULL,
                                              &array, &value);
    return status == SNN_OK ? snnconv_onnx_call_set_input(call, index, value) : status;
}

static int take_value(struct snnconv_onnx_call *call,
                      const struct snnconv_onnx_attribute *attribute)
{
    struct snnconv_array array;
    if (attribute->tensor.bytes == NULL)
        return fail_attribute(call, attribute, SNN_ERR_FORMAT, "is no tensor");
    int status = snnconv_onnx_read_tensor(call->onnx, attribute->tensor, &array);
    if (status != SNN_OK) return status;
    if (snnconv_array_count(&array) != 1)
        return fail_attribute(call, attribute, SNN_ERR_FORMAT, "has more or less than one element");
    array.rank = 0;
    call->node.attributes.value = array;
    return SNN_OK;
}

/* ---- Numbers ---- */

static int take_flag(struct snnconv_onnx_call *call, const struct snnconv_onnx_attribute *attribute,
                     bool *target)
{
    if (attribute->integer != 0 && attribute->integer != 1)
        return fail_attribute(call, attribute, SNN_ERR_FORMAT, "is neither 0 nor 1");
    *target = attribute->integer == 1;
    return SNN_OK;
}

static int take_one(struct snnconv_onnx_call *call, const struct snnconv_onnx_attribute *attribute)
{
    if (attribute->integer == 1) return SNN_OK;
    fail_attribute(call, attribute, SNN_ERR_UNSUPPORTED, "is 0, which is not read");
    return snnbase_hint(call->onnx->context,
                        "statistics of each position were dropped in opset 9: export with "
                        "statistics of channels");
}

/* The attribute type that a kind is written as; UNDEFINED: any. */
static int32_t type_of(enum snnconv_onnx_kind kind)
{
    switch (kind) {
    case SNNCONV_ONNX_TO_INTEGER:
    case SNNCONV_ONNX_TO_FLAG:
    case SNNCONV_ONNX_TO_TYPE:
    case SNNCONV_ONNX_MUST_BE_ONE:
    case SNNCONV_ONNX_LEGACY_BROADCAST:
    case SNNCONV_ONNX_LEGACY_AXIS:
        return SNNCONV_ONNX_INT;
    case SNNCONV_ONNX_TO_REAL:
    case SNNCONV_ONNX_TO_REAL_INPUT:
        return SNNCONV_ONNX_FLOAT;
    case SNNCONV_ONNX_TO_SPATIAL:
    case SNNCONV_ONNX_TO_PADS:
    case SNNCONV_ONNX_TO_PERM:
    case SNNCONV_ONNX_TO_LIST_INPUT:
        return SNNCONV_ONNX_INTS;
    case SNNCONV_ONNX_TO_AUTO_PAD:
    case SNNCONV_ONNX_TO_TYPE_NAME:
    case SNNCONV_ONNX_TO_PAD_MODE:
        return SNNCONV_ONNX_STRING;
    case SNNCONV_ONNX_TO_VALUE:
        return SNNCONV_ONNX_TENSOR;
    case SNNCONV_ONNX_TO_NOTHING:
        break;
    }
    return SNNCONV_ONNX_UNDEFINED;
}

int snnconv_onnx_take_attribute(struct snnconv_onnx_call *call,
                                const struct snnconv_onnx_rule *rule,
                                const struct snnconv_onnx_attribute *attribute)
{
    int32_t type = type_of(rule->kind);
    int status = type != SNNCONV_ONNX_UNDEFINED ? check_type(call, attribute, type) : SNN_OK;
    if (status != SNN_OK) return status;
    switch (rule->kind) {
    case SNNCONV_ONNX_TO_INTEGER:
        *(int64_t *)target_of(call, rule) = attribute->integer;
        return SNN_OK;
    case SNNCONV_ONNX_TO_FLAG:
        return take_flag(call, attribute, target_of(call, rule));
    case SNNCONV_ONNX_TO_REAL:
        *(float *)target_of(call, rule) = attribute->real;
        return SNN_OK;
    case SNNCONV_ONNX_TO_SPATIAL:
        return take_spatial(call, attribute, target_of(call, rule));
    case SNNCONV_ONNX_TO_PADS:
        return take_pads(call, attribute);
    case SNNCONV_ONNX_TO_AUTO_PAD:
        return take_auto_pad(call, attribute);
    case SNNCONV_ONNX_TO_PERM:
        return take_perm(call, attribute);
    case SNNCONV_ONNX_TO_TYPE:
        return take_type(call, attribute->integer);
    case SNNCONV_ONNX_TO_TYPE_NAME:
        return take_type_name(call, attribute);
    case SNNCONV_ONNX_TO_PAD_MODE:
        return take_pad_mode(call, attribute);
    case SNNCONV_ONNX_TO_VALUE:
        return take_value(call, attribute);
    case SNNCONV_ONNX_TO_LIST_INPUT:
        return take_list_input(call, attribute, rule->at);
    case SNNCONV_ONNX_TO_REAL_INPUT:
        return take_real_input(call, attribute, rule->at);
    case SNNCONV_ONNX_MUST_BE_ONE:
        return take_one(call, attribute);
    case SNNCONV_ONNX_LEGACY_BROADCAST:
        return take_flag(call, attribute, &call->broadcast);
    case SNNCONV_ONNX_LEGACY_AXIS:
        call->broadcast_axis = attribute->integer;
        call->has_broadcast_axis = true;
        return SNN_OK;
    case SNNCONV_ONNX_TO_NOTHING:
        break;
    }
    return SNN_OK;
}
