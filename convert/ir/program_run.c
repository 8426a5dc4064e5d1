/* Running a program: one frame through all nodes, every value kept.
 *
 * The reference that the passes and the graph are held against, hence by the rules of the operators
 * alone. Shapes come from what is fed in and from the rules, not from the program.
 */
#include <inttypes.h>
#include <stdio.h>

#include "convert/ir/program.h"
#include "libsnn/base/error.h"

static bool same_shape(const struct snnconv_array *a, const struct snnconv_array *b)
{
    if (a->type != b->type || a->rank != b->rank) return false;
    for (uint32_t i = 0; i < a->rank; i++) {
        if (a->dim[i] != b->dim[i]) return false;
    }
    return true;
}

static int feed(const struct snnconv_program *program, struct snn_context *context,
                const struct snnconv_array *inputs, struct snnconv_array *arrays)
{
    for (uint32_t i = 0; i < program->value_count; i++)
        arrays[i] = snnconv_value_is_constant(&program->values[i])
                        ? program->values[i].array
                        : (struct snnconv_array){.type = SNNCONV_TYPE_NONE};
    for (uint32_t i = 0; i < program->input_count; i++) {
        const struct snnconv_value *value = &program->values[program->inputs[i]];
        char wanted[SNNCONV_ARRAY_TEXT_SIZE], given[SNNCONV_ARRAY_TEXT_SIZE];
        arrays[program->inputs[i]] = inputs[i];
        if (value->array.type == SNNCONV_TYPE_NONE || same_shape(&value->array, &inputs[i]))
            continue;
        snnconv_array_format(wanted, &value->array);
        snnconv_array_format(given, &inputs[i]);
        return snnbase_fail(context, SNN_ERR_INVALID, "input '%s' is %s %s, %s %s was given",
                            value->name, snnconv_type_name(value->array.type), wanted,
                            snnconv_type_name(inputs[i].type), given);
    }
    return SNN_OK;
}

/* Room for the call of the node with most inputs and outputs. */
struct desk {
    const struct snnconv_array **inputs;
    struct snnconv_array *outputs;
};

static int desk_init(struct desk *desk, const struct snnconv_program *program,
                     struct snn_context *context)
{
    uint32_t inputs = 0, outputs = 0;
    for (uint32_t n = 0; n < program->node_count; n++) {
        const struct snnconv_node *node = &program->nodes[n];
        if (node->input_count > inputs) inputs = node->input_count;
        if (node->output_count > outputs) outputs = node->output_count;
    }
    desk->inputs = snnbase_alloc(context, inputs, sizeof(*desk->inputs));
    desk->outputs = snnbase_alloc(context, outputs, sizeof(*desk->outputs));
    return desk->inputs && desk->outputs ? SNN_OK : SNN_ERR_NOMEM;
}

static int run_node(const struct snnconv_node *node, struct snn_context *context,
                    const struct desk *desk, struct snnconv_array *arrays,
                    struct snnbase_arena *arena)
{
    struct snnconv_call call = {
        .op = node->op,
        .attributes = &node->attributes,
        .inputs = desk->inputs,
        .input_count = node->input_count,
        .outputs = desk->outputs,
        .output_count = node->output_count,
    };
    for (uint32_t i = 0; i < node->input_count; i++)
        desk->inputs[i] = node->inputs[i] == SNNCONV_NONE ? NULL : &arrays[node->inputs[i]];
    while (call.output_count > 1 && node->outputs[call.output_count - 1] == SNNCONV_NONE)
        call.output_count--;
    int status = snnconv_op_evaluate(context, &call, arena);
    if (status != SNN_OK) return snnbase_where(context, "node '%s'", node->name);
    for (uint32_t i = 0; i < call.output_count; i++) {
        if (node->outputs[i] != SNNCONV_NONE) arrays[node->outputs[i]] = desk->outputs[i];
    }
    return SNN_OK;
}

int snnconv_program_run(const struct snnconv_program *program, struct snn_context *context,
                        const struct snnconv_array *inputs, struct snnconv_array *arrays,
                        struct snnbase_arena *arena)
{
    struct desk desk = {NULL, NULL};
    int status = feed(program, context, inputs, arrays);
    if (status == SNN_OK) status = desk_init(&desk, program, context);
    for (uint32_t n = 0; n < program->node_count && status == SNN_OK; n++)
        status = run_node(&program->nodes[n], context, &desk, arrays, arena);
    snnbase_free(context, (void *)desk.inputs);
    snnbase_free(context, desk.outputs);
    return status;
}
