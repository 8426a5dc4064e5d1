/* A program that the passes have edited, written down as a graph: the walk over its nodes, what
 * joins a layer, names, and what a graph knows besides layers (preprocessing, quantisation). The
 * layers themselves: convert/emit_layer.c.
 *
 * A node without a layer is a finding; what depends on it is passed over in silence.
 */
#include "convert/emit.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "convert/emit_parts.h"
#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"
#include "libsnn/model/graph.h"

enum { NAME_SIZE = 128 };

const struct snnconv_array *snnconv_emit_input(const struct snnconv_emitter *e,
                                               const struct snnconv_node *node, uint32_t index)
{
    if (index >= node->input_count || node->inputs[index] == SNNCONV_NONE) return NULL;
    return snnconv_emit_array(e, node->inputs[index]);
}

/* ---- Tails ---- */

/* The node that alone reads a value, NULL if several do or it is an output. */
static const struct snnconv_node *only_reader(const struct snnconv_emitter *e, uint32_t value)
{
    if (e->readers[value] != 1 || e->reader[value] == SNNCONV_NONE) return NULL;
    return &e->program->nodes[e->reader[value]];
}

static void take(struct snnconv_emitter *e, const struct snnconv_node *node,
                 struct snnconv_tail *tail)
{
    e->taken[node - e->program->nodes] = true;
    tail->output = node->outputs[0];
}

static bool is_activation(const struct snnconv_emitter *e, const struct snnconv_node *node)
{
    if (node->op == SNNCONV_OP_RELU || node->op == SNNCONV_OP_LEAKY_RELU) return true;
    if (node->op != SNNCONV_OP_CLIP) return false;
    const struct snnconv_array *low = snnconv_emit_input(e, node, 1);
    const struct snnconv_array *high = snnconv_emit_input(e, node, 2);
    return low != NULL && high != NULL && low->data != NULL && high->data != NULL &&
           snnconv_array_count(low) == 1 && snnconv_array_count(high) == 1 &&
           snnconv_array_load(low, 0) == 0.0 && snnconv_array_load(high, 0) > 0.0;
}

/* The constant of a whole frame that a node adds to `value`; NULL for other nodes. */
static const struct snnconv_array *map_of(const struct snnconv_emitter *e,
                                          const struct snnconv_node *node, uint32_t value)
{
    const struct snnconv_array *x = snnconv_emit_array(e, value);
    if (node->op != SNNCONV_OP_ADD || node->inputs[0] != value) return NULL;
    const struct snnconv_array *map = snnconv_emit_input(e, node, 1);
    if (map->data == NULL || map->rank != x->rank || map->dim[0] != 1) return NULL;
    for (uint32_t i = 1; i < x->rank; i++) {
        if (map->dim[i] != x->dim[i]) return NULL;
    }
    return map;
}

void snnconv_emit_tail(struct snnconv_emitter *e, const struct snnconv_node *node, bool biased,
                       struct snnconv_tail *out)
{
    *out = (struct snnconv_tail){.output = node->outputs[0]};
    const struct snnconv_node *next = only_reader(e, out->output);
    if (biased && next != NULL) out->map = map_of(e, next, out->output);
    if (out->map != NULL) {
        take(e, next, out);
        next = only_reader(e, out->output);
    }
    if (next == NULL || !is_activation(e, next)) return;
    out->activation = next;
    take(e, next, out);
}

/* ---- Layers ---- */

/* A name that terminals and files can bear and that no layer has yet. */
static void make_name(const struct snnconv_emitter *e, const char *name, char out[NAME_SIZE])
{
    uint32_t other = 0;
    size_t length = 0;
    for (; name[length] != '\0' && length < NAME_SIZE - 16; length++) {
        unsigned char c = (unsigned char)name[length];
        out[length] = c > ' ' && c < 0x7f && c != '"' && c != '\\' ? (char)c : '_';
    }
    out[length] = '\0';
    if (length == 0) length = (size_t)snprintf(out, NAME_SIZE, "layer");
    for (uint32_t n = 2; snn_graph_find(e->graph, out, &other) == SNN_OK; n++)
        (void)snprintf(out + length, NAME_SIZE - length, "_%" PRIu32, n);
}

static void set_activation(const struct snnconv_emitter *e, const struct snnconv_node *node,
                           struct snn_layer *layer)
{
    if (node == NULL) return;
    if (node->op == SNNCONV_OP_RELU) {
        layer->activation = SNN_ACTIVATION_RELU;
    } else if (node->op == SNNCONV_OP_LEAKY_RELU) {
        layer->activation = SNN_ACTIVATION_LEAKY_RELU;
        layer->slope = node->attributes.alpha;
    } else {
        layer->activation = SNN_ACTIVATION_CLIP;
        layer->clip = (float)snnconv_array_load(snnconv_emit_input(e, node, 2), 0);
    }
}

static int note_layer(struct snnconv_emitter *e, uint32_t layer, uint32_t value)
{
    int status = snnbase_grow(e->context, (void **)&e->origins, &e->origin_capacity,
                              (size_t)layer + 1, sizeof(*e->origins));
    if (status != SNN_OK) return status;
    e->origins[layer] = value;
    e->layer[value] = layer;
    return SNN_OK;
}

int snnconv_emit_add(struct snnconv_emitter *e, const struct snnconv_node *node,
                     struct snn_layer *layer, const struct snnconv_tail *tail,
                     const uint32_t *inputs, uint32_t input_count)
{
    char name[NAME_SIZE];
    uint32_t index = 0;
    uint32_t *list = snnbase_arena_alloc(&e->arena, e->context, input_count, sizeof(*list));
    if (list == NULL) return SNN_ERR_NOMEM;
    for (uint32_t k = 0; k < input_count; k++)
        list[k] = e->layer[inputs[k]];
    make_name(e, node->name, name);
    layer->name = name;
    layer->inputs = list;
    layer->input_count = input_count;
    set_activation(e, tail->activation, layer);
    int status = snnmodel_graph_add_from(e->graph, e->context, layer, e->constants, &index);
    if (status == SNN_OK) return note_layer(e, index, tail->output);
    char begin[NAME_SIZE + 16]; /* the node is named by the finding */
    (void)snprintf(begin, sizeof(begin), "layer '%s': ", name);
    return snnbase_error_strip(e->context, begin);
}

/* ---- Quantisation ---- */

/* Scales of weights that are symmetric in int8; false if they are not. */
static bool weight_scales(const struct snnconv_quantization *q, uint32_t channels)
{
    int32_t center = q->type == SNNCONV_TYPE_U8 ? 128 : 0;
    if (q->type != SNNCONV_TYPE_I8 && q->type != SNNCONV_TYPE_U8) return false;
    if (q->count != 1 && (q->axis != 0 || q->count != channels)) return false;
    for (uint32_t i = 0; i < q->count; i++) {
        if (q->zero_point[i] != center) return false;
    }
    return true;
}

int snnconv_emit_quantization(struct snnconv_emitter *e, uint32_t layer, uint32_t value,
                              const struct snnconv_value *weights)
{
    const struct snnconv_quantization *q = e->program->values[value].quantization;
    const struct snn_layer *l = snn_graph_layer(e->graph, layer);
    struct snn_quantization out = {.scale = 0.0f};
    bool moves = l->kind == SNN_LAYER_FLATTEN || l->kind == SNN_LAYER_MAX_POOL2D;
    if (q == NULL && moves) {
        const struct snn_quantization *before = snn_graph_quantization(e->graph, l->inputs[0]);
        if (before == NULL) return SNN_OK;
        out = *before;
        out.weight_scale_count = 0;
        out.weight_scale = NULL;
        return snn_graph_set_quantization(e->graph, e->context, layer, &out);
    }
    bool bytes =
        q != NULL && q->count == 1 && (q->type == SNNCONV_TYPE_I8 || q->type == SNNCONV_TYPE_U8);
    if (!bytes || !(q->scale[0] > 0.0f && isfinite(q->scale[0]))) return SNN_OK;
    out.scale = q->scale[0];
    out.zero_point = q->zero_point[0] - (q->type == SNNCONV_TYPE_U8 ? 128 : 0);
    if (out.zero_point < -128 || out.zero_point > 127) return SNN_OK;
    if (weights != NULL) {
        const struct snnconv_quantization *w = weights->quantization;
        if (w == NULL || !weight_scales(w, l->shape.channels)) return SNN_OK;
        out.weight_scale = w->scale;
        out.weight_scale_count = w->count;
    }
    return snn_graph_set_quantization(e->graph, e->context, layer, &out);
}

/* ---- Input, output, preprocessing ---- */

static int emit_input(struct snnconv_emitter *e)
{
    const struct snnconv_program *program = e->program;
    struct snn_layer layer = {.kind = SNN_LAYER_INPUT, .name = "input"};
    uint32_t dim[3] = {1, 1, 1}, index = 0;
    char name[NAME_SIZE];
    if (program->input_count != 1)
        return snnbase_fail(e->context, SNN_ERR_UNSUPPORTED,
                            "the net has %" PRIu32 " inputs, one is supported",
                            program->input_count);
    const struct snnconv_value *value = &program->values[program->inputs[0]];
    const struct snnconv_array *x = &value->array;
    bool fits = x->rank == 2 || x->rank == 4;
    for (uint32_t i = 1; i < x->rank && fits; i++) {
        fits = x->dim[i] > 0 && x->dim[i] <= UINT32_MAX;
        if (fits) dim[i - 1] = (uint32_t)x->dim[i];
    }
    if (!fits)
        return snnbase_fail(e->context, SNN_ERR_UNSUPPORTED,
                            "the input '%s' is neither images nor vectors", value->name);
    make_name(e, value->name[0] != '\0' ? value->name : "input", name);
    layer.name = name;
    layer.shape = (struct snn_shape){dim[0], dim[1], dim[2]};
    int status = snn_graph_add(e->graph, e->context, &layer, &index);
    if (status == SNN_OK) status = note_layer(e, index, program->inputs[0]);
    return status == SNN_OK ? snnconv_emit_quantization(e, index, program->inputs[0], NULL)
                            : status;
}

/* x' = (raw * s - m) / d, then x' * a + b: together (raw * s - (m - b d / a)) / (d / a). */
static int emit_preprocess(struct snnconv_emitter *e, const struct snnconv_pass_state *state)
{
    const struct snn_preprocess *given = state->options != NULL ? state->options->preprocess : NULL;
    const double zero = 0.0, one = 1.0;
    struct snn_preprocess combined = {1.0 / 255.0, 1, &zero, &one};
    if (given != NULL) combined = *given;
    uint32_t count = state->input_channels;
    if (count == 0 && given == NULL) return SNN_OK;
    if (count == 0) return snn_graph_set_preprocess(e->graph, e->context, &combined);
    double *mean = snnbase_arena_alloc(&e->arena, e->context, count, sizeof(*mean));
    double *std = snnbase_arena_alloc(&e->arena, e->context, count, sizeof(*std));
    if (mean == NULL || std == NULL) return SNN_ERR_NOMEM;
    for (uint32_t c = 0; c < count; c++) {
        uint32_t from = combined.channel_count == 1 ? 0 : c;
        if (from >= combined.channel_count) from = combined.channel_count - 1;
        double d = combined.std[from];
        mean[c] = combined.mean[from] - state->input_shift[c] * d / state->input_scale[c];
        std[c] = d / state->input_scale[c];
    }
    if (given == NULL && state->input_scale[0] < 0.02)
        snnbase_diagnose(e->context, SNN_SEVERITY_WARNING, NULL, "say so with --preprocess scale=1",
                         "the net itself scales its input by %.6g, so it was likely trained on raw "
                         "pixels; they are scaled by 1/255 before",
                         state->input_scale[0]);
    combined.channel_count = count;
    combined.mean = mean;
    combined.std = std;
    return snn_graph_set_preprocess(e->graph, e->context, &combined);
}

static int emit_output(struct snnconv_emitter *e)
{
    const struct snnconv_program *program = e->program;
    if (program->output_count != 1) {
        char names[256];
        snnconv_program_list(program, program->outputs, program->output_count, NULL, names,
                             sizeof(names));
        snnbase_fail(e->context, SNN_ERR_UNSUPPORTED,
                     "the net has %" PRIu32 " outputs, one is supported: %s", program->output_count,
                     names);
        return snnbase_hint(e->context, "export the net with the output that decides alone");
    }
    uint32_t layer = e->layer[program->outputs[0]];
    if (layer == SNNCONV_NONE || layer == 0)
        return snnbase_fail(e->context, SNN_ERR_UNSUPPORTED, "the output of the net is %s",
                            layer == 0 ? "its input" : "a constant");
    return snn_graph_set_output(e->graph, e->context, layer);
}

/* ---- The walk ---- */

static bool is_reached(const struct snnconv_emitter *e, const struct snnconv_node *node)
{
    for (uint32_t k = 0; k < node->input_count; k++) {
        uint32_t value = node->inputs[k];
        if (value == SNNCONV_NONE || snnconv_emit_array(e, value)->data != NULL) continue;
        if (e->layer[value] == SNNCONV_NONE) return false;
    }
    return true;
}

static int walk(struct snnconv_emitter *e)
{
    for (uint32_t i = 0; i < e->program->node_count; i++) {
        const struct snnconv_node *node = &e->program->nodes[i];
        if (e->taken[i] || !is_reached(e, node)) continue;
        if (snnconv_emit_node(e, node) == SNN_OK) continue;
        (void)snnbase_where(e->context, "%s", snnconv_op_info(node->op)->name);
        int status = snnconv_problems_add(&e->problems, node->name, node->offset);
        if (status != SNN_OK) return status;
    }
    return SNN_OK;
}

static int emit_all(struct snnconv_emitter *e, const struct snnconv_pass_state *state)
{
    int status = emit_input(e);
    if (status != SNN_OK) return snnconv_problems_add(&e->problems, NULL, SNNCONV_NO_OFFSET);
    status = walk(e);
    if (status != SNN_OK || e->problems.status != SNN_OK) return status;
    status = emit_output(e);
    if (status == SNN_OK) status = emit_preprocess(e, state);
    return status == SNN_OK ? SNN_OK : snnconv_problems_add(&e->problems, NULL, SNNCONV_NO_OFFSET);
}

static int begin(struct snnconv_emitter *e)
{
    const struct snnconv_program *program = e->program;
    size_t value_count = (size_t)program->value_count + 1;
    int status = snnconv_program_uses(program, e->context, NULL, &e->readers);
    if (status != SNN_OK) return status;
    e->reader = snnbase_alloc(e->context, value_count, sizeof(*e->reader));
    e->layer = snnbase_alloc(e->context, value_count, sizeof(*e->layer));
    e->taken = snnbase_alloc(e->context, (size_t)program->node_count + 1, sizeof(*e->taken));
    if (e->reader == NULL || e->layer == NULL || e->taken == NULL) return SNN_ERR_NOMEM;
    for (size_t i = 0; i < value_count; i++)
        e->reader[i] = e->layer[i] = SNNCONV_NONE;
    for (uint32_t i = 0; i < program->node_count; i++) {
        for (uint32_t k = 0; k < program->nodes[i].input_count; k++) {
            uint32_t value = program->nodes[i].inputs[k];
            if (value != SNNCONV_NONE) e->reader[value] = i;
        }
    }
    return snn_graph_create(&e->graph, e->context, program->name);
}

int snnconv_emit(struct snn_graph **out, struct snn_context *context,
                 struct snnconv_program *passed, const struct snnconv_pass_state *state,
                 uint32_t **origins_out)
{
    struct snnconv_emitter e = {.program = passed, .constants = &passed->arena, .context = context};
    snnbase_arena_init(&e.arena, context);
    snnconv_problems_init_inner(&e.problems, context, passed->path);
    int status = begin(&e);
    if (status == SNN_OK) status = emit_all(&e, state);
    int first = snnconv_problems_end(&e.problems);
    if (status == SNN_OK) status = first;
    snnbase_free(context, e.readers);
    snnbase_free(context, e.reader);
    snnbase_free(context, e.layer);
    snnbase_free(context, e.taken);
    snnbase_arena_fini(&e.arena);
    if (status != SNN_OK) {
        snn_graph_destroy(&e.graph);
        snnbase_free(context, e.origins);
        return status;
    }
    *out = e.graph;
    if (origins_out != NULL)
        *origins_out = e.origins;
    else
        snnbase_free(context, e.origins);
    return SNN_OK;
}
