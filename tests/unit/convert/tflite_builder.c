/* The writer of small TFLite files, see tflite_builder.h. Field numbers as in
 * convert/read/tflite*.c, from the public schema.
 */
#include "tests/unit/convert/tflite_builder.h"

#include <criterion/criterion.h>
#include <string.h>

static void point_field(struct builder *b, size_t table, unsigned field, size_t target)
{
    builder_point(b, builder_field(b, table, field), target);
}

static void put_field(struct builder *b, size_t table, unsigned field, unsigned width,
                      uint64_t value)
{
    builder_put(b, builder_field(b, table, field), width, value);
}

static void put_ints(struct builder *b, size_t table, unsigned field, const int32_t *items,
                     unsigned count)
{
    size_t vector = builder_vector(b, 4, count);
    point_field(b, table, field, vector);
    for (unsigned i = 0; i < count; i++)
        builder_put(b, builder_item(b, vector, 4, i), 4, (uint32_t)items[i]);
}

static void put_quantization(struct builder *b, size_t table, const struct builder_tensor *tensor)
{
    static const unsigned char widths[] = {0, 0, 4, 4, 0, 0, 4};
    size_t parameters = builder_table(b, sizeof(widths), widths);
    point_field(b, table, 4, parameters);
    put_field(b, parameters, 6, 4, (uint32_t)tensor->axis);
    size_t scales = builder_vector(b, 4, tensor->scale_count);
    point_field(b, parameters, 2, scales);
    for (unsigned i = 0; i < tensor->scale_count; i++) {
        uint32_t bits;
        memcpy(&bits, &tensor->scale[i], sizeof(bits));
        builder_put(b, builder_item(b, scales, 4, i), 4, bits);
    }
    size_t zeros = builder_vector(b, 8, tensor->zero_count);
    point_field(b, parameters, 3, zeros);
    for (unsigned i = 0; i < tensor->zero_count; i++)
        builder_put(b, builder_item(b, zeros, 8, i), 8, (uint64_t)tensor->zero_point[i]);
}

/* Buffer i + 1 is that of tensor i. */
static size_t put_tensor(struct builder *b, const struct builder_tensor *tensor, unsigned index)
{
    static const int32_t open[8] = {-1, -1, -1, -1, -1, -1, -1, -1};
    const unsigned char widths[] = {
        4, 1, 4, 4, tensor->scale_count > 0 ? 4 : 0, 0, 0, tensor->open ? 4 : 0};
    size_t table = builder_table(b, sizeof(widths), widths);
    put_ints(b, table, 0, tensor->dim, tensor->rank);
    put_field(b, table, 1, 1, tensor->type);
    put_field(b, table, 2, 4, index + 1);
    point_field(b, table, 3, builder_string(b, tensor->name));
    if (tensor->scale_count > 0) put_quantization(b, table, tensor);
    if (tensor->open) put_ints(b, table, 7, open, tensor->rank);
    return table;
}

/* Offset and size of data outside are filled in at the end. */
static size_t put_buffer(struct builder *b, const void *data, size_t size, bool outside)
{
    const unsigned char here[] = {size > 0 ? 4 : 0}, there[] = {0, 8, 8};
    size_t table = outside ? builder_table(b, 3, there) : builder_table(b, 1, here);
    if (size == 0 || outside) return table;
    size_t vector = builder_vector(b, 1, size);
    point_field(b, table, 0, vector);
    memcpy(b->bytes + vector + 4, data, size);
    return table;
}

/* Operator i has code i; those up to 127 stand in the old field, the others in the new one. */
static size_t put_code(struct builder *b, const struct builder_op *op)
{
    const unsigned char widths[] = {1, op->custom != NULL ? 4 : 0, 0, op->code > 127 ? 4 : 0};
    size_t table = builder_table(b, sizeof(widths), widths);
    put_field(b, table, 0, 1, op->code > 127 ? 127 : op->code);
    if (op->code > 127) put_field(b, table, 3, 4, op->code);
    if (op->custom != NULL) point_field(b, table, 1, builder_string(b, op->custom));
    return table;
}

static size_t put_op(struct builder *b, const struct builder_op *op, unsigned index)
{
    static const unsigned char widths[] = {4, 4, 4, 1, 4}, bare[] = {4, 4, 4};
    unsigned char option_widths[8];
    size_t table = op->options_kind > 0 ? builder_table(b, sizeof(widths), widths)
                                        : builder_table(b, sizeof(bare), bare);
    put_field(b, table, 0, 4, index);
    put_ints(b, table, 1, op->inputs, op->input_count);
    put_ints(b, table, 2, &op->output, 1);
    if (op->options_kind == 0) return table;
    for (unsigned i = 0; i < 8; i++)
        option_widths[i] = op->options[i].width;
    size_t options = builder_table(b, 8, option_widths);
    put_field(b, table, 3, 1, op->options_kind);
    point_field(b, table, 4, options);
    for (unsigned i = 0; i < 8; i++) {
        if (option_widths[i] > 0)
            put_field(b, options, i, option_widths[i], (uint32_t)op->options[i].value);
    }
    return table;
}

static void put_subgraph(struct builder *b, size_t table, const struct builder_model *model)
{
    size_t tensors = builder_vector(b, 4, model->tensor_count);
    size_t ops = builder_vector(b, 4, model->op_count);
    point_field(b, table, 0, tensors);
    point_field(b, table, 3, ops);
    put_ints(b, table, 1, &model->input, 1);
    put_ints(b, table, 2, &model->output, 1);
    point_field(b, table, 4, builder_string(b, "main"));
    for (unsigned i = 0; i < model->tensor_count; i++)
        builder_point(b, builder_item(b, tensors, 4, i), put_tensor(b, &model->tensors[i], i));
    for (unsigned i = 0; i < model->op_count; i++)
        builder_point(b, builder_item(b, ops, 4, i), put_op(b, &model->ops[i], i));
}

/* Behind all tables, as in files beyond 2 GiB. */
static void put_outside(struct builder *b, size_t buffers, const struct builder_model *model)
{
    for (unsigned i = 0; i < model->tensor_count; i++) {
        const struct builder_tensor *tensor = &model->tensors[i];
        if (!tensor->outside) continue;
        size_t item = builder_item(b, buffers, 4, i + 1),
               table = item + (size_t)builder_get(b, item, 4);
        put_field(b, table, 1, 8, b->size);
        put_field(b, table, 2, 8, tensor->size);
        memcpy(b->bytes + builder_append(b, tensor->size), tensor->data, tensor->size);
    }
}

void builder_write(struct builder *b, const struct builder_model *model)
{
    static const unsigned char model_widths[] = {4, 4, 4, 4, 4},
                               subgraph_widths[] = {4, 4, 4, 4, 4};
    unsigned subgraph_count = model->subgraph_count > 0 ? model->subgraph_count : 1;
    builder_begin(b, "TFL3");
    size_t root = builder_table(b, sizeof(model_widths), model_widths);
    builder_point(b, 0, root);
    put_field(b, root, 0, 4, model->version > 0 ? model->version : 3);
    point_field(b, root, 3, builder_string(b, "Test."));
    size_t codes = builder_vector(b, 4, model->op_count);
    size_t subgraphs = builder_vector(b, 4, subgraph_count);
    size_t buffers = builder_vector(b, 4, model->tensor_count + 1);
    point_field(b, root, 1, codes);
    point_field(b, root, 2, subgraphs);
    point_field(b, root, 4, buffers);
    builder_point(b, builder_item(b, buffers, 4, 0), put_buffer(b, NULL, 0, false));
    for (unsigned i = 0; i < model->tensor_count; i++) {
        const struct builder_tensor *tensor = &model->tensors[i];
        builder_point(b, builder_item(b, buffers, 4, i + 1),
                      put_buffer(b, tensor->data, tensor->size, tensor->outside));
    }
    for (unsigned i = 0; i < model->op_count; i++)
        builder_point(b, builder_item(b, codes, 4, i), put_code(b, &model->ops[i]));
    for (unsigned i = 0; i < subgraph_count; i++) {
        size_t subgraph = builder_table(b, sizeof(subgraph_widths), subgraph_widths);
        builder_point(b, builder_item(b, subgraphs, 4, i), subgraph);
        put_subgraph(b, subgraph, model);
    }
    put_outside(b, buffers, model);
}
