/* The program: its life, and how values, constants and nodes come into it.
 *
 * Lists grow by the allocator that the arena keeps, so that a program can be freed without its
 * context; all else lies in the arena. Names and counts come from files and are checked here, once
 * for all readers; whether indices point anywhere is for snnconv_program_sort to say.
 */
#include "convert/ir/program.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "libsnn/base/control.h"
#include "libsnn/base/error.h"
#include "libsnn/base/size.h"

/* A graph of layer_count layers was at most so many nodes and values when it was read: a file of
 * many tiny nodes must not take memory out of proportion to its size. */
enum { NODES_A_LAYER = 16, VALUES_A_LAYER = 64 };

struct snnconv_kept {
    struct snnconv_kept *next;
    void *block;
    snnconv_release_fn release;
    void *user;
};

/* ---- Life ---- */

void snnconv_program_init(struct snnconv_program *program, const struct snn_context *context)
{
    memset(program, 0, sizeof(*program));
    snnbase_arena_init(&program->arena, context);
}

void snnconv_program_fini(struct snnconv_program *program)
{
    for (const struct snnconv_kept *kept = program->kept; kept; kept = kept->next)
        kept->release(kept->block, kept->user);
    snnbase_allocator_free(&program->arena.allocator, program->values);
    snnbase_allocator_free(&program->arena.allocator, program->nodes);
    snnbase_arena_fini(&program->arena);
    memset(program, 0, sizeof(*program));
}

int snnconv_program_copy(struct snnconv_program *out, struct snn_context *context,
                         const struct snnconv_program *from)
{
    struct snnconv_program copy = *from;
    snnconv_program_init(out, context);
    copy.arena = out->arena;
    copy.kept = NULL;
    copy.values = NULL;
    copy.nodes = NULL;
    copy.value_capacity = copy.node_capacity = 0;
    int status = snnbase_grow(context, (void **)&copy.values, &copy.value_capacity,
                              from->value_count, sizeof(*copy.values));
    if (status == SNN_OK)
        status = snnbase_grow(context, (void **)&copy.nodes, &copy.node_capacity, from->node_count,
                              sizeof(*copy.nodes));
    if (status != SNN_OK) {
        snnconv_program_fini(&copy);
        return status;
    }
    for (uint32_t i = 0; i < from->value_count; i++) {
        copy.values[i] = from->values[i];
        copy.values[i].origin = i;
        copy.values[i].origin_rank = 0;
    }
    for (uint32_t i = 0; i < from->node_count; i++)
        copy.nodes[i] = from->nodes[i];
    *out = copy;
    return SNN_OK;
}

int snnconv_program_keep(struct snnconv_program *program, struct snn_context *context, void *block,
                         snnconv_release_fn release, void *user)
{
    struct snnconv_kept *kept = snnbase_arena_alloc(&program->arena, context, 1, sizeof(*kept));
    if (!kept) {
        release(block, user);
        return SNN_ERR_NOMEM;
    }
    *kept = (struct snnconv_kept){
        .next = program->kept, .block = block, .release = release, .user = user};
    program->kept = kept;
    return SNN_OK;
}

/* ---- Values ---- */

/* A copy of a name; "" for NULL. Names reach terminals: none may hold control characters. */
static int copy_name(struct snnconv_program *program, struct snn_context *context, const char *name,
                     const char **out)
{
    *out = "";
    if (!name || name[0] == '\0') return SNN_OK;
    if (snnbase_control_in(name))
        return snnbase_fail(context, SNN_ERR_FORMAT, "a name of control characters");
    *out = snnbase_arena_string(&program->arena, context, name);
    return *out ? SNN_OK : SNN_ERR_NOMEM;
}

static int check_room(struct snn_context *context, uint32_t count, uint32_t a_layer,
                      const char *what)
{
    uint64_t max = (uint64_t)snnbase_limits(context)->layer_count * a_layer;
    if (max >= SNNCONV_NONE) max = SNNCONV_NONE - 1;
    if (count < max) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_LIMIT, "more than %" PRIu64 " %s", max, what);
}

int snnconv_program_add_value(struct snnconv_program *program, struct snn_context *context,
                              const char *name, const struct snnconv_array *array,
                              uint32_t *index_out)
{
    struct snnconv_value value = {.origin = SNNCONV_NONE};
    if (array) value.array = *array;
    int status = check_room(context, program->value_count, VALUES_A_LAYER, "values");
    if (status == SNN_OK) status = snnconv_array_check(context, &value.array);
    if (status == SNN_OK) status = copy_name(program, context, name, &value.name);
    if (status == SNN_OK)
        status = snnbase_grow(context, (void **)&program->values, &program->value_capacity,
                              (size_t)program->value_count + 1, sizeof(*program->values));
    if (status != SNN_OK) return status;
    program->values[program->value_count] = value;
    *index_out = program->value_count++;
    return SNN_OK;
}

int snnconv_program_add_constant(struct snnconv_program *program, struct snn_context *context,
                                 const char *name, const struct snnconv_array *array,
                                 uint32_t *index_out)
{
    struct snnconv_array copy = *array;
    int status = snnconv_array_check(context, array);
    if (status != SNN_OK) return status;
    size_t bytes = snnconv_array_count(array) * snnconv_type_size(array->type);
    void *data = snnconv_array_alloc(&copy, context, &program->arena);
    if (!data) return SNN_ERR_NOMEM;
    if (bytes != 0) memcpy(data, array->data, bytes);
    return snnconv_program_add_value(program, context, name, &copy, index_out);
}

int snnconv_program_add_integers(struct snnconv_program *program, struct snn_context *context,
                                 const int64_t *items, size_t count, uint32_t *index_out)
{
    struct snnconv_array array = {.type = SNNCONV_TYPE_I64, .rank = 1, .data = items};
    if (count > INT64_MAX)
        return snnbase_fail(context, SNN_ERR_LIMIT, "a list of %zu integers", count);
    array.dim[0] = (int64_t)count;
    return snnconv_program_add_constant(program, context, NULL, &array, index_out);
}

/* ---- Nodes ---- */

static int copy_list(struct snnconv_program *program, struct snn_context *context,
                     const uint32_t *items, uint32_t count, const uint32_t **out)
{
    uint32_t *copy = snnbase_arena_alloc(&program->arena, context, count, sizeof(*copy));
    if (!copy) return SNN_ERR_NOMEM;
    if (count != 0) memcpy(copy, items, count * sizeof(*copy));
    *out = copy;
    return SNN_OK;
}

/* The one element that CONSTANT_OF_SHAPE repeats. */
static int copy_element(struct snnconv_program *program, struct snn_context *context,
                        struct snnconv_array *element)
{
    const void *data = element->data;
    if (!data) return SNN_OK;
    element->rank = 0;
    void *copy = snnconv_array_alloc(element, context, &program->arena);
    if (!copy) return SNN_ERR_NOMEM;
    memcpy(copy, data, snnconv_type_size(element->type));
    return SNN_OK;
}

int snnconv_program_add_node(struct snnconv_program *program, struct snn_context *context,
                             const struct snnconv_node *node)
{
    const struct snnconv_op_info *info = snnconv_op_info(node->op);
    struct snnconv_node copy = *node;
    char made[64];
    if (!info)
        return snnbase_fail(context, SNN_ERR_INTERNAL, "no operator has number %d", (int)node->op);
    (void)snprintf(made, sizeof(made), "%s_%" PRIu32, info->name, program->node_count);
    bool named = node->name && node->name[0] != '\0';
    int status = check_room(context, program->node_count, NODES_A_LAYER, "nodes");
    if (status == SNN_OK)
        status = copy_name(program, context, named ? node->name : made, &copy.name);
    if (status == SNN_OK)
        status = copy_list(program, context, node->inputs, node->input_count, &copy.inputs);
    if (status == SNN_OK)
        status = copy_list(program, context, node->outputs, node->output_count, &copy.outputs);
    if (status == SNN_OK) status = copy_element(program, context, &copy.attributes.value);
    if (status == SNN_OK)
        status = snnbase_grow(context, (void **)&program->nodes, &program->node_capacity,
                              (size_t)program->node_count + 1, sizeof(*program->nodes));
    if (status != SNN_OK) return status;
    program->nodes[program->node_count++] = copy;
    return SNN_OK;
}

int snnconv_program_add_op(struct snnconv_program *program, struct snn_context *context,
                           enum snnconv_op op, const char *name, uint64_t offset,
                           const struct snnconv_attributes *attributes, const uint32_t *inputs,
                           uint32_t input_count, uint32_t *output_out)
{
    uint32_t output;
    int status = snnconv_program_add_value(program, context, NULL, NULL, &output);
    if (status != SNN_OK) return status;
    struct snnconv_node node = {
        .op = op,
        .name = name,
        .offset = offset,
        .inputs = inputs,
        .input_count = input_count,
        .outputs = &output,
        .output_count = 1,
        .attributes = *attributes,
    };
    status = snnconv_program_add_node(program, context, &node);
    if (status == SNN_OK) *output_out = output;
    return status;
}

int snnconv_program_set_inputs(struct snnconv_program *program, struct snn_context *context,
                               const uint32_t *values, uint32_t count)
{
    int status = copy_list(program, context, values, count, &program->inputs);
    if (status == SNN_OK) program->input_count = count;
    return status;
}

int snnconv_program_set_outputs(struct snnconv_program *program, struct snn_context *context,
                                const uint32_t *values, uint32_t count)
{
    int status = copy_list(program, context, values, count, &program->outputs);
    if (status == SNN_OK) program->output_count = count;
    return status;
}

/* ---- Attributes ---- */

static int64_t default_axis(enum snnconv_op op)
{
    switch (op) {
    case SNNCONV_OP_FLATTEN:
    case SNNCONV_OP_QUANTIZE_LINEAR:
    case SNNCONV_OP_DEQUANTIZE_LINEAR:
        return 1;
    case SNNCONV_OP_SOFTMAX:
    case SNNCONV_OP_LOG_SOFTMAX:
        return -1;
    default:
        return 0;
    }
}

void snnconv_attributes_init(struct snnconv_attributes *attributes, enum snnconv_op op)
{
    *attributes = (struct snnconv_attributes){
        .group = 1,
        .alpha = op == SNNCONV_OP_LEAKY_RELU ? 0.01F : 1.0F,
        .beta = 1.0F,
        .epsilon = 1e-5F,
        .momentum = 0.9F,
        .axis = default_axis(op),
        .keepdims = true,
        .end = INT64_MAX,
    };
    for (uint32_t i = 0; i < SNNCONV_SPATIAL_MAX; i++)
        attributes->stride[i] = attributes->dilation[i] = 1;
}
