/* The proof that a graph is the net its file holds: the program as read and the graph made of it
 * run on the same frames, and are held against each other layer by layer.
 *
 * A layer of the graph stands for one value of the program as read, its axes perhaps in another
 * order (convert/ir/program.h: origin). Nothing here knows what the passes did.
 */
#include "convert/verify.h"

#include <math.h>
#include <string.h>

#include "convert/import.h"
#include "libsnn/base/error.h"
#include "libsnn/base/rng.h"

#define RANDOM_FRAMES 8u
#define TOLERANCE 1e-4
#define TIMESTEPS 100u

/* A file that rounds its activations to integers does not compute what the float graph does: the
 * difference is the rounding, of which a layer may add up a few steps of 1/255 of its range. */
#define TOLERANCE_QUANTIZED 0.1

struct comparison {
    const struct snn_import *import;
    struct snn_context *context;
    const struct snn_verify_options *options;
    struct snn_evaluator *evaluator;
    float *intensity;
    float *values;                /* a layer's worth: of the largest layer */
    struct snnconv_array *arrays; /* [values of the program as read] */
};

void snn_verify_options_init(struct snn_verify_options *options)
{
    *options = (struct snn_verify_options){
        .random_frames = RANDOM_FRAMES, .tolerance = TOLERANCE, .timesteps = TIMESTEPS};
}

/* ---- Frames ---- */

static void draw_frame(uint64_t seed, uint64_t index, size_t size, float *intensity)
{
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    for (size_t i = 0; i < size; i += 4) {
        uint32_t draw[4] = {(uint32_t)(i / 4), 0, (uint32_t)index, (uint32_t)(index >> 32)};
        snnbase_philox4x32(draw, key, draw);
        for (size_t k = 0; k < 4 && i + k < size; k++)
            intensity[i + k] = (float)(draw[k] >> 8) / 16777216.0f;
    }
}

void snnconv_verify_frame(const struct snn_verify_options *options, struct snn_shape shape,
                          uint64_t index, float *intensity)
{
    size_t size = snn_shape_size(shape);
    if (index < options->frame_count)
        memcpy(intensity, options->frames + index * size, size * sizeof(*intensity));
    else
        draw_frame(options->seed, index - options->frame_count, size, intensity);
}

/* ---- Between the orders of elements ---- */

/* Calls for each element of a value, in its own order, where it stands in its origin. */
struct walk {
    uint32_t rank;
    int64_t dim[SNNCONV_RANK_MAX];    /* of the value as the origin transposed */
    int64_t stride[SNNCONV_RANK_MAX]; /* in the origin */
    int64_t at[SNNCONV_RANK_MAX];
    int64_t offset;
};

static struct walk walk_begin(const struct snnconv_value *value, const struct snnconv_array *origin)
{
    struct walk walk = {.rank = origin->rank};
    int64_t strides[SNNCONV_RANK_MAX] = {0}, stride = 1;
    for (uint32_t i = origin->rank; i-- > 0;) {
        strides[i] = stride;
        stride *= origin->dim[i];
    }
    for (uint32_t i = 0; i < origin->rank; i++) {
        uint32_t from = value->origin_rank == 0 ? i : value->origin_perm[i];
        walk.dim[i] = origin->dim[from];
        walk.stride[i] = strides[from];
    }
    return walk;
}

static size_t walk_next(struct walk *walk)
{
    size_t offset = (size_t)walk->offset;
    for (uint32_t i = walk->rank; i-- > 0;) {
        walk->offset += walk->stride[i];
        if (++walk->at[i] < walk->dim[i]) break;
        walk->offset -= walk->stride[i] * walk->dim[i];
        walk->at[i] = 0;
    }
    return offset;
}

/* The value of the program as read that a value of the edited one equals; NULL: none that has as
 * many elements. */
static const struct snnconv_array *origin_of(const struct comparison *c,
                                             const struct snnconv_value *value, size_t size)
{
    if (value->origin == SNNCONV_NONE) return NULL;
    const struct snnconv_array *origin = &c->arrays[value->origin];
    bool fits = origin->data != NULL && snnconv_array_count(origin) == size &&
                (value->origin_rank == 0 || value->origin_rank == origin->rank);
    return fits ? origin : NULL;
}

/* ---- The program as read ---- */

/* x' = (x * scale - mean) / std, as the graph's evaluation does it. */
static void preprocess(const struct snn_preprocess *p, struct snn_shape shape,
                       const float *intensity, float *out)
{
    size_t map = (size_t)shape.height * shape.width;
    for (uint32_t c = 0; c < shape.channels; c++) {
        uint32_t k = p->channel_count == 1 ? 0 : c;
        double scale = 255.0 * p->scale / p->std[k], offset = p->mean[k] / p->std[k];
        for (size_t i = 0; i < map; i++)
            *out++ = (float)((double)*intensity++ * scale - offset);
    }
}

/* Feeds the frame in the file's own order of elements. */
static int run_program(struct comparison *c, struct snnbase_arena *arena)
{
    const struct snnconv_program *source = &c->import->source, *passed = &c->import->passed;
    const struct snnconv_value *value = &passed->values[c->import->input_value];
    struct snnconv_array input = source->values[source->inputs[0]].array;
    const struct snn_shape shape = snn_graph_input_shape(c->import->graph);
    size_t size = snn_shape_size(shape);
    if (!snnconv_type_is_float(input.type) || snnconv_array_count(&input) != size) {
        snnbase_fail(c->context, SNN_ERR_UNSUPPORTED,
                     "its input, %zu of type %s, cannot be fed with intensities",
                     snnconv_array_count(&input), snnconv_type_name(input.type));
        return snnbase_hint(c->context, "such a net can only be taken unverified");
    }
    if (snnconv_array_alloc(&input, c->context, arena) == NULL) return SNN_ERR_NOMEM;
    struct walk walk = walk_begin(value, &input);
    preprocess(&c->import->preprocess, shape, c->intensity, c->values);
    for (size_t i = 0; i < size; i++)
        snnconv_array_store(&input, walk_next(&walk), (double)c->values[i]);
    return snnconv_program_run(source, c->context, &input, c->arrays, arena);
}

/* ---- Comparing ---- */

static size_t arg_max(const float *values, size_t size)
{
    size_t best = 0;
    for (size_t i = 1; i < size; i++)
        if (values[i] > values[best]) best = i;
    return best;
}

static void compare_layer(struct comparison *c, uint32_t index,
                          struct snnconv_verification *verification)
{
    struct snn_verify_layer *layer = &verification->layers[index];
    const struct snn_graph *graph = c->import->graph;
    size_t size = snn_shape_size(snn_graph_layer(graph, index)->shape);
    uint32_t value_index = c->import->layer_values[index];
    if (value_index == SNNCONV_NONE) return;
    const struct snnconv_value *value = &c->import->passed.values[value_index];
    const struct snnconv_array *origin = origin_of(c, value, size);
    /* The input layer is what both were fed; taken-out scaling makes it differ by design. */
    if (origin == NULL || index == 0) return;
    const float *own = snn_evaluator_values(c->evaluator, index);
    struct walk walk = walk_begin(value, origin);
    layer->compared = true;
    for (size_t i = 0; i < size; i++) {
        double theirs = snnconv_array_load(origin, walk_next(&walk));
        double difference = fabs((double)own[i] - theirs);
        c->values[i] = (float)theirs;
        /* What is no number on either side is a deviation that no later element hides. */
        if (!isfinite(difference)) difference = INFINITY;
        if (fabs(theirs) > layer->magnitude) layer->magnitude = fabs(theirs);
        if (difference > layer->deviation) layer->deviation = difference;
    }
    if (index != snn_graph_output(graph)) return;
    if (arg_max(own, size) == arg_max(c->values, size)) verification->result.equal_decisions++;
}

static int compare_frame(struct comparison *c, uint64_t index,
                         struct snnconv_verification *verification)
{
    struct snnbase_arena arena;
    snnconv_verify_frame(c->options, snn_graph_input_shape(c->import->graph), index, c->intensity);
    snn_evaluator_run(c->evaluator, c->intensity);
    snnbase_arena_init(&arena, c->context);
    int status = run_program(c, &arena);
    for (uint32_t i = 0; status == SNN_OK && i < c->import->layer_count; i++)
        compare_layer(c, i, verification);
    snnbase_arena_fini(&arena);
    return status;
}

static bool rounds_activations(const struct snnconv_program *program)
{
    for (uint32_t i = 0; i < program->node_count; i++) {
        enum snnconv_op op = program->nodes[i].op;
        if (op == SNNCONV_OP_QUANTIZE_LINEAR || op == SNNCONV_OP_QLINEAR_CONV ||
            op == SNNCONV_OP_QLINEAR_MAT_MUL)
            return true;
    }
    return false;
}

/* What the layers' deviations say. */
static void judge(struct snnconv_verification *verification, const struct snn_import *import,
                  double tolerance)
{
    struct snn_verification *result = &verification->result;
    uint32_t output = snn_graph_output(import->graph);
    if (rounds_activations(&import->source) && tolerance < TOLERANCE_QUANTIZED)
        tolerance = TOLERANCE_QUANTIZED;
    for (uint32_t i = result->layer_count; i-- > 0;) {
        struct snn_verify_layer *layer = &verification->layers[i];
        layer->deviates = layer->compared && (!isfinite(layer->deviation) ||
                                              !(layer->deviation <= tolerance * layer->magnitude));
        if (layer->deviates) result->first_deviating = i;
        result->compared_count += layer->compared ? 1 : 0;
    }
    result->compared = verification->layers[output].compared;
    result->output_deviation = verification->layers[output].deviation;
}

static int compare(struct snnconv_verification *verification, struct snn_context *context,
                   const struct snn_import *import, const struct snn_verify_options *options)
{
    struct comparison c = {.import = import, .context = context, .options = options};
    struct snnbase_arena *arena = &verification->arena;
    size_t largest = 1;
    for (uint32_t i = 0; i < import->layer_count; i++) {
        size_t size = snn_shape_size(snn_graph_layer(import->graph, i)->shape);
        if (size > largest) largest = size;
    }
    c.intensity = snnbase_arena_alloc(arena, context, largest, sizeof(float));
    c.values = snnbase_arena_alloc(arena, context, largest, sizeof(float));
    c.arrays = snnbase_arena_alloc(arena, context, import->source.value_count, sizeof(*c.arrays));
    if (c.intensity == NULL || c.values == NULL || c.arrays == NULL) return SNN_ERR_NOMEM;
    int status = snn_evaluator_create(&c.evaluator, context, import->graph);
    for (uint64_t i = 0; status == SNN_OK && i < verification->result.frame_count; i++)
        status = compare_frame(&c, i, verification);
    if (status == SNN_OK) judge(verification, import, options->tolerance);
    snn_evaluator_destroy(&c.evaluator);
    return status;
}

static int create(struct snnconv_verification **out, struct snn_context *context,
                  const struct snn_graph *graph, uint64_t frame_count)
{
    struct snnconv_verification *v = snnbase_alloc(context, 1, sizeof(*v));
    if (v == NULL) return SNN_ERR_NOMEM;
    snnbase_arena_init(&v->arena, context);
    uint32_t count = snn_graph_layer_count(graph);
    v->layers = snnbase_arena_alloc(&v->arena, context, count, sizeof(*v->layers));
    v->result = (struct snn_verification){.frame_count = frame_count,
                                          .layers = v->layers,
                                          .layer_count = count,
                                          .first_deviating = count};
    *out = v;
    for (uint32_t i = 0; v->layers != NULL && i < count; i++) {
        v->layers[i].pearson = NAN;
        v->layers[i].name =
            snnbase_arena_string(&v->arena, context, snn_graph_layer(graph, i)->name);
        if (v->layers[i].name == NULL) return SNN_ERR_NOMEM;
    }
    return v->layers != NULL ? SNN_OK : SNN_ERR_NOMEM;
}

int snn_import_verify(struct snn_verification **out, struct snn_context *context,
                      const struct snn_import *import, const struct snn_verify_options *options)
{
    struct snnconv_verification *v = NULL;
    struct snn_verify_options defaults;
    snn_verify_options_init(&defaults);
    if (options == NULL) options = &defaults;
    if (import->graph == NULL)
        return snnbase_fail(context, SNN_ERR_INVALID, "the import's graph has been taken");
    int status = create(&v, context, import->graph, options->frame_count + options->random_frames);
    bool spiking = snn_graph_is_spiking(import->graph);
    if (status == SNN_OK && import->has_programs && !spiking) {
        v->result.comparable = true;
        status = compare(v, context, import, options);
    }
    if (status == SNN_OK && options->target != NULL && !spiking)
        status = snnconv_verify_rates(v, context, import->graph, options);
    struct snn_verification *result = v != NULL ? &v->result : NULL;
    if (status == SNN_OK)
        *out = result;
    else
        snn_verification_destroy(&result);
    return status;
}

void snn_verification_destroy(struct snn_verification **verification)
{
    if (verification == NULL || *verification == NULL) return;
    struct snnconv_verification *v = (struct snnconv_verification *)*verification;
    struct snn_allocator allocator = v->arena.allocator;
    snnbase_arena_fini(&v->arena);
    snnbase_allocator_free(&allocator, v);
    *verification = NULL;
}
