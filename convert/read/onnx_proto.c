/* The door of protobuf-c: messages of ONNX into plain structs, see onnx_proto.h.
 *
 * What protobuf-c gets is a skeleton: the fields of a message that the schema lists (onnx.proto),
 * copied together. What it allocates comes from an arena and is counted, because it allocates by
 * what the bytes claim; it is freed with the arena, never one by one.
 */
#include "convert/read/onnx_proto.h"

#include <inttypes.h>
#include <onnx.pb-c.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/size.h"

/* Numbers of fields, as in onnx.proto and in the public specification. */
#define FIELD(number) (UINT64_C(1) << (number))

enum {
    NODE_ATTRIBUTE = 5,
    ATTRIBUTE_TENSOR = 5,
    TENSOR_FLOATS = 4,
    TENSOR_RAW = 9,
    TENSOR_DOUBLES = 10,
    DATA_EXTERNAL = 1, /* TensorProto.DataLocation */
};

static const uint64_t head_fields = FIELD(1) | FIELD(2) | FIELD(3) | FIELD(8);
static const uint64_t graph_fields = FIELD(2);
static const uint64_t function_fields = FIELD(1) | FIELD(10);
static const uint64_t node_fields = FIELD(1) | FIELD(2) | FIELD(3) | FIELD(4) | FIELD(7);
static const uint64_t attribute_fields =
    FIELD(1) | FIELD(2) | FIELD(3) | FIELD(4) | FIELD(7) | FIELD(8) | FIELD(20) | FIELD(21);
static const uint64_t tensor_name_fields = FIELD(8);
static const uint64_t tensor_fields =
    FIELD(1) | FIELD(2) | FIELD(5) | FIELD(7) | FIELD(8) | FIELD(11) | FIELD(13) | FIELD(14);
static const uint64_t value_info_fields = FIELD(1) | FIELD(2);

/* ---- Memory ---- */

struct counted {
    struct snnconv_onnx_unpacker *unpacker;
    int status;
};

static void *counted_alloc(void *user, size_t size)
{
    struct counted *counted = user;
    struct snnconv_onnx_unpacker *u = counted->unpacker;
    size_t rounded = 0;
    if (!snnbase_size_add(size, SNNBASE_ALIGNMENT - 1, &rounded) ||
        (rounded &= ~(size_t)(SNNBASE_ALIGNMENT - 1)) > u->left) {
        counted->status = SNN_ERR_LIMIT;
        return NULL;
    }
    u->left -= rounded;
    void *memory = snnbase_arena_alloc(u->arena, u->context, size, 1);
    if (memory == NULL) counted->status = SNN_ERR_NOMEM;
    return memory;
}

static void counted_free(void *user, void *memory)
{
    (void)user;
    (void)memory;
}

/* The same for what is made of messages here. Errors: LIMIT, NOMEM. */
static int take_room(struct snnconv_onnx_unpacker *u, size_t count, size_t size, void **out)
{
    struct counted counted = {u, SNN_OK};
    size_t bytes = 0;
    *out = snnbase_size_mul(count, size, &bytes) ? counted_alloc(&counted, bytes) : NULL;
    if (*out != NULL) return SNN_OK;
    if (counted.status == SNN_ERR_NOMEM) return SNN_ERR_NOMEM;
    return snnbase_fail(u->context, SNN_ERR_LIMIT, "messages unpack to more than the limit allows");
}

static const char *text_or_empty(const char *text)
{
    return text != NULL ? text : "";
}

/* ---- Skeletons ---- */

static bool is_kept(const struct snnconv_wire_field *field, uint64_t fields)
{
    return field->number < 64 && (fields & FIELD(field->number)) != 0;
}

/* The kept fields of a message, in their order. Errors: FORMAT, NOMEM, LIMIT. */
static int make_skeleton(struct snnconv_wire_bytes *out, struct snnconv_onnx_unpacker *u,
                         struct snnconv_wire_bytes message, uint64_t fields)
{
    struct snnconv_cursor cursor;
    struct snnconv_wire_field field;
    size_t size = 0;
    snnconv_cursor_init(&cursor, message.bytes, message.size);
    while (snnconv_wire_next(&cursor, &field))
        size += is_kept(&field, fields) ? field.whole.size : 0;
    if (snnconv_cursor_left(&cursor) > 0)
        return snnbase_fail(u->context, SNN_ERR_FORMAT,
                            "damaged: no field of a message begins %zu bytes into it", cursor.at);
    void *room = NULL;
    int status = take_room(u, size, 1, &room);
    if (status != SNN_OK) return status;
    unsigned char *copy = room;
    *out = (struct snnconv_wire_bytes){copy, size};
    snnconv_cursor_init(&cursor, message.bytes, message.size);
    while (snnconv_wire_next(&cursor, &field)) {
        if (!is_kept(&field, fields)) continue;
        memcpy(copy, field.whole.bytes, field.whole.size);
        copy += field.whole.size;
    }
    return SNN_OK;
}

/* *out points to the unpacked message, which begins with `base`. */
static int unpack(const ProtobufCMessage **out, struct snnconv_onnx_unpacker *u,
                  const ProtobufCMessageDescriptor *descriptor, struct snnconv_wire_bytes message,
                  uint64_t fields)
{
    struct counted counted = {u, SNN_OK};
    ProtobufCAllocator allocator = {counted_alloc, counted_free, &counted};
    struct snnconv_wire_bytes skeleton = {NULL, 0};
    int status = make_skeleton(&skeleton, u, message, fields);
    if (status != SNN_OK) return status;
    *out = protobuf_c_message_unpack(descriptor, &allocator, skeleton.size, skeleton.bytes);
    if (*out != NULL) return SNN_OK;
    if (counted.status == SNN_ERR_NOMEM) return SNN_ERR_NOMEM;
    if (counted.status == SNN_ERR_LIMIT)
        return snnbase_fail(u->context, SNN_ERR_LIMIT,
                            "a message of %zu bytes unpacks to more than the limit allows",
                            message.size);
    return snnbase_fail(u->context, SNN_ERR_FORMAT, "damaged: these bytes are no %s",
                        descriptor->short_name);
}

/* ---- Messages ---- */

static bool is_onnx(const char *domain)
{
    return domain == NULL || domain[0] == '\0' || strcmp(domain, "ai.onnx") == 0;
}

int snnconv_onnx_unpack_head(struct snnconv_onnx_head *out, struct snnconv_onnx_unpacker *unpacker,
                             struct snnconv_wire_bytes message)
{
    const ProtobufCMessage *base = NULL;
    int status = unpack(&base, unpacker, &snnconv__onnx__model__descriptor, message, head_fields);
    if (status != SNN_OK) return status;
    const Snnconv__Onnx__Model *model = (const void *)base;
    *out = (struct snnconv_onnx_head){
        .ir_version = model->ir_version,
        .producer_name = text_or_empty(model->producer_name),
        .producer_version = text_or_empty(model->producer_version),
    };
    for (size_t i = 0; i < model->n_opset_import; i++) {
        const Snnconv__Onnx__OperatorSet *set = model->opset_import[i];
        if (is_onnx(set->domain))
            out->opset = set->version;
        else if (out->foreign_opset == NULL)
            out->foreign_opset = set->domain;
    }
    return SNN_OK;
}

int snnconv_onnx_unpack_graph_name(const char **out, struct snnconv_onnx_unpacker *unpacker,
                                   struct snnconv_wire_bytes message)
{
    const ProtobufCMessage *base = NULL;
    int status = unpack(&base, unpacker, &snnconv__onnx__graph__descriptor, message, graph_fields);
    if (status != SNN_OK) return status;
    *out = text_or_empty(((const Snnconv__Onnx__Graph *)(const void *)base)->name);
    return SNN_OK;
}

int snnconv_onnx_unpack_function_name(const char **out, struct snnconv_onnx_unpacker *unpacker,
                                      struct snnconv_wire_bytes message)
{
    const ProtobufCMessage *base = NULL;
    int status =
        unpack(&base, unpacker, &snnconv__onnx__function__descriptor, message, function_fields);
    if (status != SNN_OK) return status;
    *out = text_or_empty(((const Snnconv__Onnx__Function *)(const void *)base)->name);
    return SNN_OK;
}

/* A field of type bytes as a string, which they need not be. */
static int copy_text(const char **out, struct snnconv_onnx_unpacker *u, ProtobufCBinaryData bytes)
{
    void *copy = NULL;
    int status = take_room(u, bytes.len + 1, 1, &copy);
    if (status != SNN_OK) return status;
    if (bytes.len > 0) memcpy(copy, bytes.data, bytes.len);
    *out = copy;
    return SNN_OK;
}

static int unpack_attribute(struct snnconv_onnx_attribute *out, struct snnconv_onnx_unpacker *u,
                            struct snnconv_wire_bytes message)
{
    const ProtobufCMessage *base = NULL;
    int status = unpack(&base, u, &snnconv__onnx__attribute__descriptor, message, attribute_fields);
    if (status != SNN_OK) return status;
    const Snnconv__Onnx__Attribute *attribute = (const void *)base;
    *out = (struct snnconv_onnx_attribute){
        .name = text_or_empty(attribute->name),
        .type = attribute->type,
        .real = attribute->f,
        .integer = attribute->i,
        .reals = attribute->floats,
        .real_count = attribute->n_floats,
        .integers = attribute->ints,
        .integer_count = attribute->n_ints,
        .tensor = snnconv_wire_find(message, ATTRIBUTE_TENSOR, NULL),
        .is_reference = attribute->ref_attr_name != NULL && attribute->ref_attr_name[0] != '\0',
    };
    return copy_text(&out->text, u, attribute->s);
}

static int unpack_attributes(struct snnconv_onnx_node *node, struct snnconv_onnx_unpacker *u)
{
    struct snnconv_cursor cursor;
    struct snnconv_wire_field field;
    uint32_t count = 0;
    (void)snnconv_wire_find(node->message, NODE_ATTRIBUTE, &count);
    void *room = NULL;
    int status = take_room(u, count, sizeof(*node->attributes), &room);
    if (status != SNN_OK) return status;
    node->attributes = room;
    snnconv_cursor_init(&cursor, node->message.bytes, node->message.size);
    while (snnconv_wire_next(&cursor, &field)) {
        if (field.number != NODE_ATTRIBUTE || field.type != SNNCONV_WIRE_LENGTH) continue;
        status = unpack_attribute(&node->attributes[node->attribute_count], u, field.content);
        if (status != SNN_OK) return status;
        node->attribute_count++;
    }
    return SNN_OK;
}

int snnconv_onnx_unpack_node(struct snnconv_onnx_node *out, struct snnconv_onnx_unpacker *unpacker,
                             struct snnconv_wire_bytes message)
{
    const ProtobufCMessage *base = NULL;
    int status = unpack(&base, unpacker, &snnconv__onnx__node__descriptor, message, node_fields);
    if (status != SNN_OK) return status;
    const Snnconv__Onnx__Node *node = (const void *)base;
    *out = (struct snnconv_onnx_node){
        .message = message,
        .name = text_or_empty(node->name),
        .operator_name = text_or_empty(node->op_type),
        .domain = is_onnx(node->domain) ? "" : node->domain,
        .inputs = node->input,
        .input_count = node->n_input,
        .outputs = node->output,
        .output_count = node->n_output,
    };
    return unpack_attributes(out, unpacker);
}

int snnconv_onnx_unpack_tensor_name(const char **out, struct snnconv_onnx_unpacker *unpacker,
                                    struct snnconv_wire_bytes message)
{
    const ProtobufCMessage *base = NULL;
    int status =
        unpack(&base, unpacker, &snnconv__onnx__tensor__descriptor, message, tensor_name_fields);
    if (status != SNN_OK) return status;
    *out = text_or_empty(((const Snnconv__Onnx__Tensor *)(const void *)base)->name);
    return SNN_OK;
}

/* Where a tensor says that its elements are in another file. */
static void find_external(struct snnconv_onnx_tensor *out, const Snnconv__Onnx__Tensor *tensor)
{
    out->is_external = tensor->data_location == DATA_EXTERNAL;
    for (size_t i = 0; out->is_external && i < tensor->n_external_data; i++) {
        const char *key = text_or_empty(tensor->external_data[i]->key);
        const char *value = tensor->external_data[i]->value;
        if (strcmp(key, "location") == 0) out->location = value;
        if (strcmp(key, "offset") == 0) out->location_offset = value;
        if (strcmp(key, "length") == 0) out->location_length = value;
    }
}

/* raw_data, or floats in one piece, which have the same layout. Floats in pieces are what no writer
 * makes and every reader must know: they are left to protobuf-c, by way of *fields. */
static void find_bytes(struct snnconv_onnx_tensor *out, struct snnconv_wire_bytes message,
                       uint64_t *fields)
{
    static const uint32_t typed[] = {TENSOR_FLOATS, TENSOR_DOUBLES};
    out->bytes = snnconv_wire_find(message, TENSOR_RAW, NULL);
    for (size_t i = 0; i < sizeof(typed) / sizeof(typed[0]); i++) {
        struct snnconv_cursor cursor;
        struct snnconv_wire_field field;
        uint32_t count = 0, pieces = 0;
        struct snnconv_wire_bytes found = snnconv_wire_find(message, typed[i], &pieces);
        snnconv_cursor_init(&cursor, message.bytes, message.size);
        while (snnconv_wire_next(&cursor, &field))
            count += field.number == typed[i];
        if (count == 1 && pieces == 1 && out->bytes.bytes == NULL) {
            out->bytes = found;
            out->bytes_typed = true;
        } else if (count > 0) {
            *fields |= FIELD(typed[i]);
        }
    }
}

int snnconv_onnx_unpack_tensor(struct snnconv_onnx_tensor *out,
                               struct snnconv_onnx_unpacker *unpacker,
                               struct snnconv_wire_bytes message)
{
    const ProtobufCMessage *base = NULL;
    uint64_t fields = tensor_fields;
    *out = (struct snnconv_onnx_tensor){.name = ""};
    find_bytes(out, message, &fields);
    int status = unpack(&base, unpacker, &snnconv__onnx__tensor__descriptor, message, fields);
    if (status != SNN_OK) return status;
    const Snnconv__Onnx__Tensor *tensor = (const void *)base;
    out->name = text_or_empty(tensor->name);
    if (tensor->n_dims > SNNCONV_RANK_MAX)
        return snnbase_fail(unpacker->context, SNN_ERR_UNSUPPORTED,
                            "tensor '%s' has %zu dimensions, at most %u are known", out->name,
                            tensor->n_dims, SNNCONV_RANK_MAX);
    out->data_type = tensor->data_type;
    out->rank = (uint32_t)tensor->n_dims;
    for (uint32_t i = 0; i < out->rank; i++)
        out->dim[i] = tensor->dims[i];
    out->reals = tensor->float_data;
    out->real_count = tensor->n_float_data;
    out->doubles = tensor->double_data;
    out->double_count = tensor->n_double_data;
    out->integers32 = tensor->int32_data;
    out->integer32_count = tensor->n_int32_data;
    out->integers64 = tensor->int64_data;
    out->integer64_count = tensor->n_int64_data;
    out->unsigneds64 = tensor->uint64_data;
    out->unsigned64_count = tensor->n_uint64_data;
    find_external(out, tensor);
    return SNN_OK;
}

static int copy_shape(struct snnconv_onnx_value_info *out, struct snnconv_onnx_unpacker *u,
                      const Snnconv__Onnx__Shape *shape)
{
    out->has_shape = true;
    out->rank = shape->n_dim;
    void *dim = NULL, *param = NULL;
    int status = take_room(u, out->rank, sizeof(*out->dim), &dim);
    if (status == SNN_OK) status = take_room(u, out->rank, sizeof(*out->param), &param);
    if (status != SNN_OK) return status;
    out->dim = dim;
    out->param = param;
    for (size_t i = 0; i < out->rank; i++) {
        const Snnconv__Onnx__Dimension *extent = shape->dim[i];
        /* Exporters write 0 and -1 for what they leave open, too. */
        out->dim[i] = extent->has_dim_value && extent->dim_value > 0 ? extent->dim_value : -1;
        out->param[i] = text_or_empty(extent->dim_param);
    }
    return SNN_OK;
}

int snnconv_onnx_unpack_value_info(struct snnconv_onnx_value_info *out,
                                   struct snnconv_onnx_unpacker *unpacker,
                                   struct snnconv_wire_bytes message)
{
    const ProtobufCMessage *base = NULL;
    int status =
        unpack(&base, unpacker, &snnconv__onnx__value_info__descriptor, message, value_info_fields);
    if (status != SNN_OK) return status;
    const Snnconv__Onnx__ValueInfo *info = (const void *)base;
    *out = (struct snnconv_onnx_value_info){.name = text_or_empty(info->name)};
    if (info->type == NULL || info->type->tensor_type == NULL) return SNN_OK;
    out->is_tensor = true;
    out->data_type = info->type->tensor_type->elem_type;
    if (info->type->tensor_type->shape == NULL) return SNN_OK;
    return copy_shape(out, unpacker, info->type->tensor_type->shape);
}
