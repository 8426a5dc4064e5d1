/* ONNX files into programs: the file as a whole.
 *
 *     ModelProto { ir_version, opset_import, graph: GraphProto { node, initializer, input, output }
 * }
 *
 * First a list of where the graph's messages lie, then their names, then the messages one by one;
 * so order in the file does not matter, and no more than one tensor is unpacked at a time.
 * Problems of a message do not keep the ones behind it from being read.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "convert/read/onnx.h"
#include "convert/read/onnx_probe.h"
#include "libsnn/base/control.h"
#include "libsnn/base/error.h"

/* Fields of ModelProto and GraphProto. */
enum {
    MODEL_GRAPH = 7,
    MODEL_FUNCTION = 25,
    GRAPH_NODE = 1,
    GRAPH_INITIALIZER = 5,
    GRAPH_INPUT = 11,
    GRAPH_OUTPUT = 12,
    GRAPH_SPARSE_INITIALIZER = 15,
};

enum { IR_MIN = 3, IR_MAX = 10, OPSET_MAX = 21, MESSAGES_A_LAYER = 64, NAME_SIZE = 160 };

/* Bytes. */
enum { ROOM_MIN = 16 << 20, ROOM_A_BYTE = 8 };

struct list {
    struct snnconv_wire_bytes *items;
    size_t count;
};

struct graph {
    struct list nodes, initializers, inputs, outputs, sparse;
};

/* Passes an error on that ends the reading, as a problem of the message. */
static int tell(struct snnconv_onnx *onnx, struct snnconv_wire_bytes message, int status)
{
    if (status == SNN_OK) return SNN_OK;
    onnx->told = true;
    (void)snnconv_problems_add(&onnx->problems, NULL, snnconv_onnx_offset(onnx, message));
    return status;
}

/* Makes an error of the message one problem among others; SNN_OK to go on. */
static int collect(struct snnconv_onnx *onnx, struct snnconv_wire_bytes message, int status)
{
    if (status == SNN_OK) return SNN_OK;
    return snnconv_problems_add(&onnx->problems, NULL, snnconv_onnx_offset(onnx, message));
}

/* ---- Where things lie ---- */

static int list_messages(struct snnconv_onnx *onnx, struct snnconv_wire_bytes message,
                         uint32_t number, struct list *out)
{
    struct snnconv_cursor cursor;
    struct snnconv_wire_field field;
    uint32_t count = 0;
    uint64_t max = (uint64_t)snnbase_limits(onnx->context)->layer_count * MESSAGES_A_LAYER;
    (void)snnconv_wire_find(message, number, &count);
    if (count > max)
        return snnbase_fail(onnx->context, SNN_ERR_LIMIT,
                            "%" PRIu32 " messages of field %" PRIu32 ", at most %" PRIu64
                            " are read",
                            count, number, max);
    out->items = snnbase_arena_alloc(&onnx->scratch, onnx->context, count, sizeof(*out->items));
    if (out->items == NULL) return SNN_ERR_NOMEM;
    snnconv_cursor_init(&cursor, message.bytes, message.size);
    while (snnconv_wire_next(&cursor, &field)) {
        if (field.number == number && field.type == SNNCONV_WIRE_LENGTH)
            out->items[out->count++] = field.content;
    }
    return SNN_OK;
}

static int list_graph(struct snnconv_onnx *onnx, struct snnconv_wire_bytes graph, struct graph *out)
{
    int status = list_messages(onnx, graph, GRAPH_NODE, &out->nodes);
    if (status == SNN_OK)
        status = list_messages(onnx, graph, GRAPH_INITIALIZER, &out->initializers);
    if (status == SNN_OK) status = list_messages(onnx, graph, GRAPH_INPUT, &out->inputs);
    if (status == SNN_OK) status = list_messages(onnx, graph, GRAPH_OUTPUT, &out->outputs);
    if (status == SNN_OK)
        status = list_messages(onnx, graph, GRAPH_SPARSE_INITIALIZER, &out->sparse);
    return status;
}

/* The bytes must be fields to the last one; a truncated file is told with the place. */
static int check_walk(struct snnconv_onnx *onnx, struct snnconv_wire_bytes message,
                      const char *what)
{
    struct snnconv_cursor cursor;
    struct snnconv_wire_field field;
    snnconv_cursor_init(&cursor, message.bytes, message.size);
    while (snnconv_wire_next(&cursor, &field))
        ;
    if (snnconv_cursor_left(&cursor) == 0) return SNN_OK;
    snnbase_fail(onnx->context, SNN_ERR_FORMAT,
                 "damaged or cut off: the %s has no whole field at byte %" PRIu64 " of %zu", what,
                 snnconv_onnx_offset(onnx, message) + cursor.at, onnx->file->size);
    return snnbase_hint(onnx->context, "fetch the file again, whole");
}

/* ---- The model around the graph ---- */

static int check_versions(struct snnconv_onnx *onnx)
{
    const struct snnconv_onnx_head *head = &onnx->head;
    /* Files of IR version 3 on name their opset; where an old one does not, it is the first. */
    onnx->opset = head->opset != 0 ? head->opset : 1;
    if (head->ir_version < IR_MIN || head->ir_version > IR_MAX) {
        snnbase_fail(onnx->context, SNN_ERR_UNSUPPORTED,
                     "IR version %" PRId64 "; versions %d to %d are read", head->ir_version, IR_MIN,
                     IR_MAX);
        return snnbase_hint(onnx->context, "save the model with another version of onnx");
    }
    if (head->opset == 0 && head->foreign_opset != NULL)
        return snnbase_fail(onnx->context, SNN_ERR_UNSUPPORTED,
                            "no operators of ONNX, only of the domain '%s'", head->foreign_opset);
    if (onnx->opset >= 1 && onnx->opset <= OPSET_MAX) return SNN_OK;
    snnbase_fail(onnx->context, SNN_ERR_UNSUPPORTED, "opset %" PRId64 "; opsets 1 to %d are read",
                 onnx->opset, OPSET_MAX);
    return snnbase_hint(onnx->context, "export with opset %d (opset_version=%d in PyTorch)",
                        OPSET_MAX, OPSET_MAX);
}

static int set_format(struct snnconv_onnx *onnx)
{
    char text[NAME_SIZE];
    const struct snnconv_onnx_head *head = &onnx->head;
    const char *gap = head->producer_version[0] != '\0' ? " " : "";
    if (head->producer_name[0] != '\0')
        (void)snprintf(text, sizeof(text), "ONNX (opset %" PRId64 ", %.60s%s%.40s)", onnx->opset,
                       head->producer_name, gap, head->producer_version);
    else
        (void)snprintf(text, sizeof(text), "ONNX (opset %" PRId64 ")", onnx->opset);
    snnbase_control_hide(text);
    onnx->program->format = snnbase_arena_string(&onnx->program->arena, onnx->context, text);
    return onnx->program->format != NULL ? SNN_OK : SNN_ERR_NOMEM;
}

static int read_head(struct snnconv_onnx *onnx, struct snnconv_wire_bytes *graph_out)
{
    struct snnconv_wire_bytes model = {onnx->file->bytes, onnx->file->size};
    uint32_t graphs = 0;
    int status = check_walk(onnx, model, "model");
    if (status == SNN_OK) status = snnconv_onnx_unpack_head(&onnx->head, &onnx->unpacker, model);
    if (status == SNN_OK) status = check_versions(onnx);
    if (status == SNN_OK) status = set_format(onnx);
    if (status != SNN_OK) return status;
    *graph_out = snnconv_wire_find(model, MODEL_GRAPH, &graphs);
    if (graphs != 1)
        return snnbase_fail(onnx->context, SNN_ERR_FORMAT, "%" PRIu32 " graphs, not one", graphs);
    return check_walk(onnx, *graph_out, "graph");
}

static int refuse_functions(struct snnconv_onnx *onnx)
{
    struct list functions = {.count = 0};
    struct snnconv_wire_bytes model = {onnx->file->bytes, onnx->file->size};
    int status = list_messages(onnx, model, MODEL_FUNCTION, &functions);
    for (size_t i = 0; i < functions.count && status == SNN_OK; i++) {
        const char *name = "";
        status = snnconv_onnx_unpack_function_name(&name, &onnx->unpacker, functions.items[i]);
        if (status == SNN_OK) {
            status = snnbase_fail(onnx->context, SNN_ERR_UNSUPPORTED,
                                  "function '%s' of the model's own, which are not read", name);
            snnbase_hint(onnx->context, "inline functions: onnx.inliner.inline_local_functions");
        }
        status = collect(onnx, functions.items[i], status);
    }
    return status;
}

static int refuse_sparse(struct snnconv_onnx *onnx, const struct list *sparse)
{
    int status = SNN_OK;
    for (size_t i = 0; i < sparse->count && status == SNN_OK; i++) {
        status = snnbase_fail(onnx->context, SNN_ERR_UNSUPPORTED,
                              "a sparse initializer, which is not read");
        snnbase_hint(onnx->context, "export dense weights");
        status = collect(onnx, sparse->items[i], status);
    }
    return status;
}

/* ---- Names ---- */

/* "Conv_3" for a node without a name: operator and place among the nodes. */
static int name_node(struct snnconv_onnx *onnx, size_t index)
{
    char text[NAME_SIZE];
    struct snnconv_onnx_node *node = &onnx->nodes[index];
    if (node->name[0] != '\0') return SNN_OK;
    (void)snprintf(text, sizeof(text), "%.120s_%zu", node->operator_name, index);
    node->name = snnbase_arena_string(&onnx->scratch, onnx->context, text);
    return node->name != NULL ? SNN_OK : SNN_ERR_NOMEM;
}

static int unpack_nodes(struct snnconv_onnx *onnx, const struct list *nodes)
{
    onnx->nodes =
        snnbase_arena_alloc(&onnx->scratch, onnx->context, nodes->count, sizeof(*onnx->nodes));
    if (onnx->nodes == NULL) return SNN_ERR_NOMEM;
    for (size_t i = 0; i < nodes->count; i++) {
        int status = snnconv_onnx_unpack_node(&onnx->nodes[i], &onnx->unpacker, nodes->items[i]);
        if (status == SNN_OK) status = name_node(onnx, i);
        if (status != SNN_OK) return tell(onnx, nodes->items[i], status);
        onnx->node_count++;
    }
    return SNN_OK;
}

/* Names of all tensors, inputs and outputs; of nodes only what they write and read. */
static int collect_names(struct snnconv_onnx *onnx, const struct graph *graph, const char **tensors,
                         struct snnconv_onnx_value_info *inputs,
                         struct snnconv_onnx_value_info *outputs)
{
    size_t count = graph->initializers.count + graph->inputs.count + graph->outputs.count;
    for (size_t i = 0; i < onnx->node_count; i++)
        count += onnx->nodes[i].input_count + onnx->nodes[i].output_count;
    int status = snnconv_onnx_names_begin(onnx, count);
    for (size_t i = 0; i < graph->initializers.count && status == SNN_OK; i++) {
        status = snnconv_onnx_unpack_tensor_name(&tensors[i], &onnx->unpacker,
                                                 graph->initializers.items[i]);
        status = tell(onnx, graph->initializers.items[i], status);
        if (status == SNN_OK) snnconv_onnx_names_put(onnx, tensors[i]);
    }
    for (size_t i = 0; i < graph->inputs.count && status == SNN_OK; i++) {
        status =
            snnconv_onnx_unpack_value_info(&inputs[i], &onnx->unpacker, graph->inputs.items[i]);
        status = tell(onnx, graph->inputs.items[i], status);
        if (status == SNN_OK) snnconv_onnx_names_put(onnx, inputs[i].name);
    }
    for (size_t i = 0; i < graph->outputs.count && status == SNN_OK; i++) {
        status =
            snnconv_onnx_unpack_value_info(&outputs[i], &onnx->unpacker, graph->outputs.items[i]);
        status = tell(onnx, graph->outputs.items[i], status);
        if (status == SNN_OK) snnconv_onnx_names_put(onnx, outputs[i].name);
    }
    if (status != SNN_OK) return status;
    for (size_t i = 0; i < onnx->node_count; i++) {
        const struct snnconv_onnx_node *node = &onnx->nodes[i];
        for (size_t k = 0; k < node->input_count; k++)
            snnconv_onnx_names_put(onnx, node->inputs[k]);
        for (size_t k = 0; k < node->output_count; k++)
            snnconv_onnx_names_put(onnx, node->outputs[k]);
    }
    snnconv_onnx_names_end(onnx);
    return SNN_OK;
}

/* ---- Constants, inputs, outputs ---- */

static int add_initializer(struct snnconv_onnx *onnx, const char *text,
                           struct snnconv_wire_bytes message)
{
    struct snnconv_array array;
    struct snnconv_onnx_name *name = snnconv_onnx_names_find(onnx, text);
    if (name == NULL || text[0] == '\0')
        return snnbase_fail(onnx->context, SNN_ERR_FORMAT, "an initializer without a name");
    if (name->value != SNNCONV_NONE)
        return snnbase_fail(onnx->context, SNN_ERR_FORMAT, "initializer '%s' is there twice", text);
    int status = snnconv_onnx_read_tensor(onnx, message, &array);
    if (status != SNN_OK) return status;
    return snnconv_program_add_value(onnx->program, onnx->context, text, &array, &name->value);
}

static int fail_open(struct snnconv_onnx *onnx, const struct snnconv_onnx_value_info *info,
                     size_t axis)
{
    const char *param = info->param[axis];
    snnbase_fail(onnx->context, SNN_ERR_UNSUPPORTED,
                 "input '%s': axis %zu%s%.60s%s is left open by the file", info->name, axis,
                 param[0] != '\0' ? " ('" : "", param, param[0] != '\0' ? "')" : "");
    return snnbase_hint(onnx->context, "say what it is: --input-shape CHANNELSxHEIGHTxWIDTH");
}

/* The extent that the caller's shape gives to an axis of an input of `rank` axes; 0: none. */
static int64_t asked_extent(const struct snn_import_options *options, size_t rank, size_t axis)
{
    if (options == NULL || options->input_shape.channels == 0) return 0;
    const struct snn_shape *shape = &options->input_shape;
    if (rank == 2 && axis == 1) return (int64_t)snn_shape_size(*shape);
    if (rank != 4) return 0;
    return axis == 1 ? shape->channels : axis == 2 ? shape->height : axis == 3 ? shape->width : 0;
}

static int input_shape(struct snnconv_onnx *onnx, const struct snnconv_onnx_value_info *info,
                       struct snnconv_array *out)
{
    if (info->rank > SNNCONV_RANK_MAX)
        return snnbase_fail(onnx->context, SNN_ERR_UNSUPPORTED,
                            "input '%s' has %zu dimensions, at most %u are known", info->name,
                            info->rank, SNNCONV_RANK_MAX);
    out->rank = (uint32_t)info->rank;
    for (size_t i = 0; i < info->rank; i++) {
        int64_t asked = asked_extent(onnx->options, info->rank, i);
        out->dim[i] = info->dim[i];
        if (info->dim[i] < 0 && i == 0 && info->rank > 1) out->dim[i] = 1; /* the batch */
        if (info->dim[i] > 0 && asked > 0 && info->dim[i] != asked)
            return snnbase_fail(onnx->context, SNN_ERR_INVALID,
                                "input '%s': axis %zu has %" PRId64 " elements, not %" PRId64
                                " as the input shape that was asked for",
                                info->name, i, info->dim[i], asked);
        if (out->dim[i] < 0 && asked > 0) out->dim[i] = asked;
        if (out->dim[i] < 0) return fail_open(onnx, info, i);
    }
    return SNN_OK;
}

/* An input of unknown rank is [1, channels, height, width], if somebody says which. */
static int unknown_shape(struct snnconv_onnx *onnx, const struct snnconv_onnx_value_info *info,
                         struct snnconv_array *out)
{
    if (onnx->options != NULL && onnx->options->input_shape.channels != 0) {
        out->rank = 4;
        out->dim[0] = 1;
        for (size_t i = 1; i < 4; i++)
            out->dim[i] = asked_extent(onnx->options, 4, i);
        return SNN_OK;
    }
    snnbase_fail(onnx->context, SNN_ERR_UNSUPPORTED,
                 "input '%s': its shape is left open by the file", info->name);
    return snnbase_hint(onnx->context, "say what it is: --input-shape CHANNELSxHEIGHTxWIDTH");
}

/* *is_input_out: not an initializer that old files list among the inputs as well. */
static int add_input(struct snnconv_onnx *onnx, const struct snnconv_onnx_value_info *info,
                     uint32_t *value_out, bool *is_input_out)
{
    char what[NAME_SIZE];
    struct snnconv_array array = {.type = SNNCONV_TYPE_NONE};
    struct snnconv_onnx_name *name = snnconv_onnx_names_find(onnx, info->name);
    *is_input_out = false;
    if (name == NULL || info->name[0] == '\0')
        return snnbase_fail(onnx->context, SNN_ERR_FORMAT, "an input without a name");
    if (name->value != SNNCONV_NONE) return SNN_OK;
    (void)snprintf(what, sizeof(what), "input '%.120s'", info->name);
    if (!info->is_tensor)
        return snnbase_fail(onnx->context, SNN_ERR_UNSUPPORTED, "%s is no tensor", what);
    array.type = snnconv_onnx_type(info->data_type);
    if (array.type == SNNCONV_TYPE_NONE)
        return snnconv_onnx_refuse_type(onnx, what, info->data_type);
    int status =
        info->has_shape ? input_shape(onnx, info, &array) : unknown_shape(onnx, info, &array);
    if (status == SNN_OK)
        status = snnconv_program_add_value(onnx->program, onnx->context, info->name, &array,
                                           &name->value);
    if (status != SNN_OK) return status;
    *value_out = name->value;
    *is_input_out = true;
    return SNN_OK;
}

static int add_constants(struct snnconv_onnx *onnx, const struct list *initializers,
                         const char *const *names)
{
    for (size_t i = 0; i < initializers->count; i++) {
        int status = add_initializer(onnx, names[i], initializers->items[i]);
        status = collect(onnx, initializers->items[i], status);
        if (status != SNN_OK) return status;
    }
    return SNN_OK;
}

static int add_inputs(struct snnconv_onnx *onnx, const struct list *messages,
                      const struct snnconv_onnx_value_info *infos)
{
    uint32_t *values =
        snnbase_arena_alloc(&onnx->scratch, onnx->context, messages->count, sizeof(*values));
    uint32_t count = 0;
    if (values == NULL) return SNN_ERR_NOMEM;
    for (size_t i = 0; i < messages->count; i++) {
        bool is_input = false;
        int status = add_input(onnx, &infos[i], &values[count], &is_input);
        status = collect(onnx, messages->items[i], status);
        if (status != SNN_OK) return status;
        if (is_input) count++;
    }
    return snnconv_program_set_inputs(onnx->program, onnx->context, values, count);
}

static int add_outputs(struct snnconv_onnx *onnx, const struct list *messages,
                       const struct snnconv_onnx_value_info *infos)
{
    uint32_t *values =
        snnbase_arena_alloc(&onnx->scratch, onnx->context, messages->count, sizeof(*values));
    uint32_t count = 0;
    if (values == NULL) return SNN_ERR_NOMEM;
    for (size_t i = 0; i < messages->count; i++) {
        int status = snnconv_onnx_value(onnx, infos[i].name, &values[count]);
        if (status != SNN_OK) return status;
        if (values[count] != SNNCONV_NONE) count++;
    }
    return snnconv_program_set_outputs(onnx->program, onnx->context, values, count);
}

/* ---- The file ---- */

static int read_graph(struct snnconv_onnx *onnx, struct snnconv_wire_bytes message)
{
    struct graph graph = {.nodes = {.count = 0}};
    struct snnbase_arena *scratch = &onnx->scratch;
    struct snn_context *context = onnx->context;
    int status = list_graph(onnx, message, &graph);
    if (status == SNN_OK)
        status = snnconv_onnx_unpack_graph_name(&onnx->program->name, &onnx->unpacker, message);
    if (status == SNN_OK) status = unpack_nodes(onnx, &graph.nodes);
    if (status != SNN_OK) return status;
    const char **tensors =
        snnbase_arena_alloc(scratch, context, graph.initializers.count, sizeof(*tensors));
    struct snnconv_onnx_value_info *inputs =
        snnbase_arena_alloc(scratch, context, graph.inputs.count, sizeof(*inputs));
    struct snnconv_onnx_value_info *outputs =
        snnbase_arena_alloc(scratch, context, graph.outputs.count, sizeof(*outputs));
    if (tensors == NULL || inputs == NULL || outputs == NULL) return SNN_ERR_NOMEM;
    status = collect_names(onnx, &graph, tensors, inputs, outputs);
    if (status == SNN_OK) status = refuse_sparse(onnx, &graph.sparse);
    if (status == SNN_OK) status = add_constants(onnx, &graph.initializers, tensors);
    if (status == SNN_OK) status = add_inputs(onnx, &graph.inputs, inputs);
    for (size_t i = 0; i < onnx->node_count && status == SNN_OK; i++) {
        status = snnconv_onnx_read_node(onnx, i);
        /* Too many: so would be all that follow. */
        if (status == SNN_ERR_LIMIT) return tell(onnx, onnx->nodes[i].message, status);
        if (status != SNN_OK)
            status = snnconv_problems_add(&onnx->problems, onnx->nodes[i].name,
                                          snnconv_onnx_offset(onnx, onnx->nodes[i].message));
    }
    return status == SNN_OK ? add_outputs(onnx, &graph.outputs, outputs) : status;
}

/* The name of the model outlives the scratch. */
static int keep_name(struct snnconv_onnx *onnx)
{
    const char *name = onnx->program->name;
    onnx->program->name = NULL;
    if (name == NULL || name[0] == '\0') return SNN_OK;
    if (snnbase_control_in(name)) return SNN_OK;
    onnx->program->name = snnbase_arena_string(&onnx->program->arena, onnx->context, name);
    return onnx->program->name != NULL ? SNN_OK : SNN_ERR_NOMEM;
}

/* What unpacked messages may take: names of a few bytes take 64 in an arena, of which small files
 * have many; what makes files large are weights, which are not unpacked. */
static uint64_t room_for(const struct snn_context *context, const struct snnconv_file *file)
{
    uint64_t limit = snnbase_limits(context)->file_bytes;
    uint64_t room = ROOM_MIN + ROOM_A_BYTE * (uint64_t)file->size;
    return room < limit ? room : limit;
}

int snnconv_onnx_read(struct snnconv_program *out, struct snn_context *context,
                      const struct snnconv_file *file, const struct snn_import_options *options)
{
    struct snnconv_onnx onnx = {
        .program = out, .context = context, .file = file, .options = options};
    struct snnconv_wire_bytes graph = {NULL, 0};
    snnconv_problems_init(&onnx.problems, context, file);
    snnbase_arena_init(&onnx.scratch, context);
    onnx.unpacker = (struct snnconv_onnx_unpacker){context, &onnx.scratch, room_for(context, file)};
    int status = read_head(&onnx, &graph);
    if (status == SNN_OK) status = refuse_functions(&onnx);
    if (status == SNN_OK) status = read_graph(&onnx, graph);
    out->apart = true;
    int named = keep_name(&onnx);
    if (status == SNN_OK) status = named;
    if (status != SNN_OK && !onnx.told)
        (void)snnconv_problems_add(&onnx.problems, NULL, SNNCONV_NO_OFFSET);
    snnbase_free(context, onnx.ranks);
    snnbase_arena_fini(&onnx.scratch);
    return snnconv_problems_end(&onnx.problems);
}

static int read_one(struct snnconv_program *out, struct snn_context *context,
                    const struct snnconv_file *file, const struct snn_import_options *options)
{
    int status = snnconv_onnx_read(out, context, file, options);
    return status == SNN_OK ? snnconv_onnx_take_one(out, context) : status;
}

static bool onnx_supported(uint32_t index, struct snn_supported *out)
{
    const struct snnconv_onnx_operator *row = snnconv_onnx_operator_row(index);
    if (row == NULL) return false;
    *out = (struct snn_supported){"ONNX", row->name, snnconv_op_info(row->op)->becomes};
    return true;
}

const struct snnconv_model_reader snnconv_onnx_reader = {
    .name = "onnx",
    .summary = "ONNX models (.onnx)",
    .probe = snnconv_onnx_probe,
    .read = read_one,
    .supported = onnx_supported,
};
