/* ONNX files by hand, see onnx_file.h. Numbers of fields:
 * https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
#include "tests/unit/convert/onnx_file.h"

#include <criterion/criterion.h>
#include <string.h>

#include "convert/read/model.h"

extern const struct snnconv_model_reader snnconv_onnx_reader;

enum { VARINT = 0, LENGTH = 2, FOUR = 5, FLOAT = 1, INT64 = 7 };

static void put_raw(struct onnx_message *message, const void *bytes, size_t size)
{
    cr_assert_leq(size, ONNX_FILE_SIZE - message->size);
    if (size > 0) memcpy(message->bytes + message->size, bytes, size);
    message->size += size;
}

static void put_varint(struct onnx_message *message, uint64_t value)
{
    for (; value >= 0x80; value >>= 7) {
        unsigned char byte = (unsigned char)(value | 0x80);
        put_raw(message, &byte, 1);
    }
    unsigned char last = (unsigned char)value;
    put_raw(message, &last, 1);
}

void onnx_put_integer(struct onnx_message *message, uint32_t field, uint64_t value)
{
    put_varint(message, (uint64_t)field << 3 | VARINT);
    put_varint(message, value);
}

void onnx_put_bytes(struct onnx_message *message, uint32_t field, const void *bytes, size_t size)
{
    put_varint(message, (uint64_t)field << 3 | LENGTH);
    put_varint(message, size);
    put_raw(message, bytes, size);
}

void onnx_put_text(struct onnx_message *message, uint32_t field, const char *text)
{
    onnx_put_bytes(message, field, text, strlen(text));
}

void onnx_put_real(struct onnx_message *message, uint32_t field, float value)
{
    put_varint(message, (uint64_t)field << 3 | FOUR);
    put_raw(message, &value, sizeof(value));
}

void onnx_put_message(struct onnx_message *message, uint32_t field,
                      const struct onnx_message *inner)
{
    onnx_put_bytes(message, field, inner->bytes, inner->size);
}

/* ---- Nodes ---- */

static void put_names(struct onnx_message *node, uint32_t field, const char *names)
{
    while (*names != '\0') {
        size_t size = strcspn(names, " ");
        onnx_put_bytes(node, field, names, size == 1 && *names == '-' ? 0 : size);
        names += size;
        while (*names == ' ')
            names++;
    }
}

void onnx_node(struct onnx_message *out, const char *operator_name, const char *inputs,
               const char *outputs)
{
    out->size = 0;
    put_names(out, 1, inputs);
    put_names(out, 2, outputs);
    onnx_put_text(out, 4, operator_name);
}

static void begin_attribute(struct onnx_message *attribute, const char *name, uint64_t type)
{
    attribute->size = 0;
    onnx_put_text(attribute, 1, name);
    onnx_put_integer(attribute, 20, type);
}

void onnx_attribute_integer(struct onnx_message *node, const char *name, int64_t value)
{
    struct onnx_message attribute;
    begin_attribute(&attribute, name, 2);
    onnx_put_integer(&attribute, 3, (uint64_t)value);
    onnx_put_message(node, 5, &attribute);
}

void onnx_attribute_real(struct onnx_message *node, const char *name, float value)
{
    struct onnx_message attribute;
    begin_attribute(&attribute, name, 1);
    onnx_put_real(&attribute, 2, value);
    onnx_put_message(node, 5, &attribute);
}

void onnx_attribute_text(struct onnx_message *node, const char *name, const char *text)
{
    struct onnx_message attribute;
    begin_attribute(&attribute, name, 3);
    onnx_put_text(&attribute, 4, text);
    onnx_put_message(node, 5, &attribute);
}

void onnx_attribute_integers(struct onnx_message *node, const char *name, const int64_t *items,
                             size_t count)
{
    struct onnx_message attribute;
    begin_attribute(&attribute, name, 7);
    for (size_t i = 0; i < count; i++)
        onnx_put_integer(&attribute, 8, (uint64_t)items[i]);
    onnx_put_message(node, 5, &attribute);
}

void onnx_attribute_tensor(struct onnx_message *node, const char *name,
                           const struct onnx_message *tensor)
{
    struct onnx_message attribute;
    begin_attribute(&attribute, name, 4);
    onnx_put_message(&attribute, 5, tensor);
    onnx_put_message(node, 5, &attribute);
}

/* ---- Graphs ---- */

void onnx_tensor(struct onnx_message *out, const char *name, int type, const int64_t *dim,
                 size_t rank)
{
    out->size = 0;
    for (size_t i = 0; i < rank; i++)
        onnx_put_integer(out, 1, (uint64_t)dim[i]);
    onnx_put_integer(out, 2, (uint64_t)type);
    onnx_put_text(out, 8, name);
}

void onnx_add_node(struct onnx_message *graph, const struct onnx_message *node)
{
    onnx_put_message(graph, 1, node);
}

void onnx_add_simple(struct onnx_message *graph, const char *operator_name, const char *inputs,
                     const char *outputs)
{
    struct onnx_message node;
    onnx_node(&node, operator_name, inputs, outputs);
    onnx_add_node(graph, &node);
}

void onnx_add_floats(struct onnx_message *graph, const char *name, const int64_t *dim, size_t rank,
                     const float *values)
{
    struct onnx_message tensor;
    size_t count = 1;
    for (size_t i = 0; i < rank; i++)
        count *= (size_t)dim[i];
    onnx_tensor(&tensor, name, FLOAT, dim, rank);
    onnx_put_bytes(&tensor, 9, values, count * sizeof(*values));
    onnx_put_message(graph, 5, &tensor);
}

void onnx_add_integers(struct onnx_message *graph, const char *name, const int64_t *values,
                       size_t count)
{
    struct onnx_message tensor;
    const int64_t dim = (int64_t)count;
    onnx_tensor(&tensor, name, INT64, &dim, 1);
    onnx_put_bytes(&tensor, 9, values, count * sizeof(*values));
    onnx_put_message(graph, 5, &tensor);
}

static void put_value_info(struct onnx_message *graph, uint32_t field, const char *name,
                           const int64_t *dim, size_t rank)
{
    struct onnx_message info = {.size = 0}, type = {.size = 0}, tensor = {.size = 0};
    struct onnx_message shape = {.size = 0}, extent;
    for (size_t i = 0; i < rank; i++) {
        extent.size = 0;
        if (dim[i] >= 0)
            onnx_put_integer(&extent, 1, (uint64_t)dim[i]);
        else
            onnx_put_text(&extent, 2, "open");
        onnx_put_message(&shape, 1, &extent);
    }
    onnx_put_integer(&tensor, 1, FLOAT);
    if (dim != NULL) onnx_put_message(&tensor, 2, &shape);
    onnx_put_message(&type, 1, &tensor);
    onnx_put_text(&info, 1, name);
    onnx_put_message(&info, 2, &type);
    onnx_put_message(graph, field, &info);
}

void onnx_add_input(struct onnx_message *graph, const char *name, const int64_t *dim, size_t rank)
{
    put_value_info(graph, 11, name, dim, rank);
}

void onnx_add_output(struct onnx_message *graph, const char *name)
{
    put_value_info(graph, 12, name, NULL, 0);
}

void onnx_model(struct onnx_message *out, const struct onnx_message *graph, int64_t opset)
{
    struct onnx_message set = {.size = 0};
    out->size = 0;
    onnx_put_integer(out, 1, 7);
    onnx_put_text(out, 2, "hand");
    onnx_put_message(out, 7, graph);
    onnx_put_integer(&set, 2, (uint64_t)opset);
    onnx_put_message(out, 8, &set);
}

/* ---- Programs ---- */

int onnx_read(struct snnconv_program *program, struct snn_context *context, const char *path,
              const struct onnx_message *model, const struct snn_import_options *options)
{
    const struct snnconv_file file = {path, model->bytes, model->size};
    snnconv_program_init(program, context);
    return snnconv_onnx_reader.read(program, context, &file, options);
}

const struct snnconv_value *onnx_value(const struct snnconv_program *program, const char *name)
{
    for (uint32_t i = 0; i < program->value_count; i++) {
        if (strcmp(program->values[i].name, name) == 0) return &program->values[i];
    }
    cr_assert(false, "no value '%s'", name);
    return NULL;
}
