/* A scale and shift that is left, because an activation or a branch stands before it, goes into the
 * layers that read it, if all of them can take it: Conv and Gemm do, and means, flattening and, if
 * every scale is positive, max pools let it through. Where a convolution pads with zeros the shift
 * is missing at the borders, hence its bias becomes a map: exact, not nearly so.
 *
 * What stays becomes a layer of its own (convert/emit.c); a spiking target has no such layer behind
 * an activation, so that is worth a warning.
 */
#include <inttypes.h>
#include <string.h>

#include "convert/pass/edit.h"
#include "convert/pass/linear.h"
#include "convert/pass/passes.h"
#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"

enum { DEPTH_MAX = 16 }; /* pools between a scale and the layers that take it */

struct forwarder {
    struct snnconv_edit edit;
    struct snn_context *context;
    uint32_t folded;
};

static bool all_positive(const struct snnconv_affine *a)
{
    for (size_t i = 0; i < a->scale_count; i++) {
        if (!(a->scale[i] > 0.0)) return false;
    }
    return true;
}

/* ---- Whether it can be done ---- */

static bool reaches_takers(const struct forwarder *f, uint32_t value,
                           const struct snnconv_affine *a, bool flat_shift, int depth);

static bool takes(const struct forwarder *f, const struct snnconv_node *node, uint32_t value,
                  const struct snnconv_affine *a, bool flat_shift, int depth)
{
    bool flat_scale = a->scale_count == a->channels;
    if (snnconv_linear_is(&f->edit, node) && node->inputs[0] == value)
        return node->op != SNNCONV_OP_CONV || flat_scale;
    switch (node->op) {
    case SNNCONV_OP_FLATTEN:
        return reaches_takers(f, node->outputs[0], a, flat_shift, depth + 1);
    case SNNCONV_OP_AVERAGE_POOL:
        return flat_scale && node->attributes.spatial == 2 && !node->attributes.ceil_mode &&
               node->attributes.dilation[0] == 1 && node->attributes.dilation[1] == 1 &&
               reaches_takers(f, node->outputs[0], a, false, depth + 1);
    case SNNCONV_OP_GLOBAL_AVERAGE_POOL:
        return flat_scale && reaches_takers(f, node->outputs[0], a, flat_shift, depth + 1);
    case SNNCONV_OP_MAX_POOL:
    case SNNCONV_OP_GLOBAL_MAX_POOL:
        return flat_scale && flat_shift && all_positive(a) && node->output_count == 1 &&
               reaches_takers(f, node->outputs[0], a, flat_shift, depth + 1);
    default:
        return false;
    }
}

static bool reaches_takers(const struct forwarder *f, uint32_t value,
                           const struct snnconv_affine *a, bool flat_shift, int depth)
{
    uint32_t found = 0;
    if (depth > DEPTH_MAX || snnconv_program_has_output(f->edit.program, value)) return false;
    for (uint32_t i = 0; i < f->edit.program->node_count && found < f->edit.readers[value]; i++) {
        const struct snnconv_node *node = snnconv_edit_node(&f->edit, i);
        for (uint32_t k = 0; k < node->input_count; k++) {
            if (node->inputs[k] != value) continue;
            if (k > 0 || !takes(f, node, value, a, flat_shift, depth)) return false;
            found++;
        }
    }
    return found > 0;
}

/* ---- Doing it ---- */

/* The mean of a map of shifts as the pool makes it of values: zeros of the padding are in it where
 * the pool counts them. */
static double mean_at(const struct snnconv_attributes *p, const struct snnconv_array *x,
                      const double *map, int64_t oy, int64_t ox)
{
    double sum = 0.0, inside = 0.0;
    const int64_t top = oy * p->stride[0] - p->pad_begin[0], bottom = top + p->kernel[0];
    const int64_t left = ox * p->stride[1] - p->pad_begin[1], right = left + p->kernel[1];
    for (int64_t y = top < 0 ? 0 : top; y < bottom && y < x->dim[2]; y++) {
        for (int64_t column = left < 0 ? 0 : left; column < right && column < x->dim[3]; column++) {
            sum += map[y * x->dim[3] + column];
            inside += 1.0;
        }
    }
    if (p->count_include_pad) return sum / ((double)p->kernel[0] * (double)p->kernel[1]);
    return inside > 0.0 ? sum / inside : 0.0;
}

static double shift_at(const struct snnconv_affine *a, size_t element)
{
    return a->shift[a->shift_count == a->channels ? element / (a->size / a->channels) : element];
}

/* The shifts of the elements behind a pool: one each. */
static int pool_shifts(struct forwarder *f, const struct snnconv_node *node,
                       const struct snnconv_affine *a, double *out)
{
    const struct snnconv_array *x = &snnconv_edit_value(&f->edit, node->inputs[0])->array;
    const struct snnconv_array *y = &snnconv_edit_value(&f->edit, node->outputs[0])->array;
    size_t plane = (size_t)x->dim[2] * (size_t)x->dim[3];
    bool global = node->op == SNNCONV_OP_GLOBAL_AVERAGE_POOL;
    struct snnconv_attributes p = node->attributes;
    double *map = snnbase_alloc(f->context, plane, sizeof(*map));
    if (map == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < 2 && global; i++) {
        p.kernel[i] = x->dim[i + 2];
        p.stride[i] = 1;
        p.pad_begin[i] = 0;
    }
    for (size_t c = 0; c < a->channels; c++) {
        for (size_t i = 0; i < plane; i++)
            map[i] = shift_at(a, c * plane + i);
        for (int64_t oy = 0; oy < y->dim[2]; oy++) {
            for (int64_t ox = 0; ox < y->dim[3]; ox++)
                *out++ = mean_at(&p, x, map, oy, ox);
        }
    }
    snnbase_free(f->context, map);
    return SNN_OK;
}

static size_t frame_size(const struct snnconv_array *array)
{
    size_t size = 1;
    for (uint32_t i = 1; i < array->rank; i++)
        size *= (size_t)array->dim[i];
    return size;
}

/* Scale and shift of what a pool or Flatten makes, where it has been let through. */
static int let_through(struct forwarder *f, const struct snnconv_node *node,
                       const struct snnconv_affine *a, struct snnconv_affine *out)
{
    const struct snnconv_array *y = &snnconv_edit_value(&f->edit, node->outputs[0])->array;
    struct snnconv_affine b = {.input = node->outputs[0], .size = frame_size(y)};
    bool flatten = node->op == SNNCONV_OP_FLATTEN;
    bool mean = node->op == SNNCONV_OP_AVERAGE_POOL || node->op == SNNCONV_OP_GLOBAL_AVERAGE_POOL;
    b.channels = (size_t)y->dim[1];
    b.scale_count = b.channels;
    b.shift_count = flatten || mean ? b.size : b.channels;
    b.scale = snnbase_alloc(f->context, b.scale_count, sizeof(*b.scale));
    b.shift = snnbase_alloc(f->context, b.shift_count, sizeof(*b.shift));
    int status = b.scale != NULL && b.shift != NULL ? SNN_OK : SNN_ERR_NOMEM;
    size_t positions = a->size / a->channels;
    for (size_t i = 0; status == SNN_OK && i < b.scale_count; i++)
        b.scale[i] = a->scale[flatten && a->scale_count == a->channels ? i / positions : i];
    for (size_t i = 0; status == SNN_OK && !mean && i < b.shift_count; i++)
        b.shift[i] = flatten ? shift_at(a, i) : a->shift[i];
    if (status == SNN_OK && mean) status = pool_shifts(f, node, a, b.shift);
    if (status != SNN_OK) {
        snnconv_affine_fini(&b, f->context);
        return status;
    }
    *out = b;
    return SNN_OK;
}

static int forward(struct forwarder *f, uint32_t value, uint32_t before,
                   const struct snnconv_affine *a);

static int forward_to(struct forwarder *f, uint32_t index, uint32_t before,
                      const struct snnconv_affine *a)
{
    struct snnconv_affine next;
    double *map = NULL;
    int status = SNN_OK;
    if (snnconv_linear_is(&f->edit, snnconv_edit_node(&f->edit, index))) {
        status = snnconv_linear_normalize(&f->edit, index);
        if (status == SNN_OK)
            status = snnconv_linear_apply(&f->edit, snnconv_edit_node(&f->edit, index), a->shift,
                                          a->shift_count, &map);
        if (status == SNN_OK) status = snnconv_linear_scale_inputs(&f->edit, index, a->scale);
        if (status == SNN_OK) status = snnconv_edit_set_input(&f->edit, index, 0, before);
        if (status == SNN_OK) status = snnconv_linear_add_bias(&f->edit, index, map);
        snnbase_free(f->context, map);
        return status;
    }
    const struct snnconv_node node = *snnconv_edit_node(&f->edit, index);
    status = let_through(f, &node, a, &next);
    if (status != SNN_OK) return status;
    status = snnconv_edit_set_input(&f->edit, index, 0, before);
    if (status == SNN_OK) status = snnconv_edit_renew(&f->edit, index);
    uint32_t output = snnconv_edit_node(&f->edit, index)->outputs[0];
    if (status == SNN_OK) status = forward(f, output, output, &next);
    snnconv_affine_fini(&next, f->context);
    return status;
}

/* Every reader of `value` reads `before` in its place and does the scale and shift itself. */
static int forward(struct forwarder *f, uint32_t value, uint32_t before,
                   const struct snnconv_affine *a)
{
    const uint32_t node_count = f->edit.program->node_count;
    for (uint32_t i = 0; i < node_count; i++) {
        const struct snnconv_node *node = snnconv_edit_node(&f->edit, i);
        if (snnconv_node_is_blank(node) || snnconv_node_input(node, 0) != value) continue;
        int status = forward_to(f, i, before, a);
        if (status != SNN_OK) return status;
    }
    return SNN_OK;
}

/* ---- What stays ---- */

/* The activation that a value is made of, through nothing but pools and the like. */
static const struct snnconv_node *activation_before(const struct snnconv_edit *edit, uint32_t value)
{
    for (;;) {
        const struct snnconv_node *node = snnconv_edit_writer(edit, value);
        if (node == NULL) return NULL;
        switch (node->op) {
        case SNNCONV_OP_RELU:
        case SNNCONV_OP_CLIP:
        case SNNCONV_OP_LEAKY_RELU:
            return node;
        case SNNCONV_OP_AVERAGE_POOL:
        case SNNCONV_OP_MAX_POOL:
        case SNNCONV_OP_GLOBAL_AVERAGE_POOL:
        case SNNCONV_OP_GLOBAL_MAX_POOL:
        case SNNCONV_OP_FLATTEN:
        case SNNCONV_OP_CONCAT:
            value = node->inputs[0];
            break;
        default:
            return NULL;
        }
    }
}

static void report(const struct forwarder *f, const struct snnconv_node *node, uint32_t input)
{
    const struct snnconv_node *activation = activation_before(&f->edit, input);
    if (activation == NULL) return;
    snnbase_diagnose(f->context, SNN_SEVERITY_WARNING, node->name,
                     "put the normalisation before the activation and train again for a spiking "
                     "target; frame-based targets run it",
                     "'%s' scales and shifts behind the activation '%s' and cannot go into the "
                     "layers behind it: it becomes a layer of its own, without an activation",
                     node->name, activation->name);
}

/* ---- The pass ---- */

/* A constant added straight behind a Conv or Gemm is its map of biases. */
static bool is_bias_map(const struct forwarder *f, uint32_t index, const struct snnconv_affine *a)
{
    return a->shifts_only && snnconv_edit_only_reader(&f->edit, a->input) == index &&
           snnconv_linear_is(&f->edit, snnconv_edit_writer(&f->edit, a->input));
}

static int place(struct forwarder *f, uint32_t index)
{
    struct snnconv_affine a;
    bool found = false;
    int status = snnconv_affine_read(&a, &f->edit, snnconv_edit_node(&f->edit, index), &found);
    if (status != SNN_OK || !found) return status;
    uint32_t output = snnconv_edit_node(&f->edit, index)->outputs[0];
    bool flat_shift = a.shift_count == a.channels;
    if (is_bias_map(f, index, &a)) {
        snnconv_affine_fini(&a, f->context);
        return SNN_OK;
    }
    if (reaches_takers(f, output, &a, flat_shift, 0)) {
        uint32_t before = a.input;
        status = forward(f, output, before, &a);
        if (status == SNN_OK) snnconv_edit_remove(&f->edit, index);
        f->folded++;
    } else {
        report(f, snnconv_edit_node(&f->edit, index), a.input);
        status = snnconv_affine_write(&f->edit, index, &a);
    }
    snnconv_affine_fini(&a, f->context);
    return status;
}

static int affine(struct snnconv_program *program, struct snn_context *context,
                  struct snnconv_pass_state *state)
{
    (void)state;
    struct forwarder f = {.context = context};
    const uint32_t node_count = program->node_count;
    int status = snnconv_edit_begin(&f.edit, program, context);
    if (status != SNN_OK) return status;
    /* From the last on: a scale that has gone forward may let the one before it pass. */
    for (uint32_t i = node_count; i-- > 0 && status == SNN_OK;)
        status = place(&f, i);
    snnconv_edit_end(&f.edit);
    if (status == SNN_OK && f.folded > 0)
        snnbase_diagnose(context, SNN_SEVERITY_NOTE, NULL, NULL,
                         "affine: folded %" PRIu32 " into the layers behind them", f.folded);
    return status;
}

const struct snnconv_pass snnconv_pass_affine = {
    "affine", "folds scales and shifts that are left into the layers behind them", affine};
