/* Packing one synapse: its phases, its address tables and its weights in the order of the scatter.
 *
 * Tap k (along one axis) carries an event at input position i to output (i + pad - k * dilation) /
 * stride, where that is whole. Taps of a phase are kept by ascending output position, that is by
 * descending k.
 */
#include <math.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/size.h"
#include "libsnn/model/layer.h"
#include "sim/event/plan.h"

/* The taps along one axis that events of one phase meet. */
struct taps {
    uint32_t count;
    uint32_t last; /* largest k: the smallest output position */
    uint32_t tap_step;
    uint32_t position_step;
};

struct axis {
    uint32_t in, out, kernel, stride, pad, dilation;
    uint32_t phase_count; /* the stride, or the input where that is smaller */
    struct taps *taps;    /* [phase_count], allocated */
};

/* Sorts the taps into phases: k belongs to the one where phase + pad - k * dilation is a multiple
 * of the stride. */
static int find_taps(struct snn_context *context, struct axis *a)
{
    a->phase_count = a->stride < a->in ? a->stride : a->in;
    a->taps = snnbase_alloc(context, a->phase_count, sizeof(*a->taps));
    if (a->taps == NULL) return SNN_ERR_NOMEM;
    for (uint32_t k = 0; k < a->kernel; k++) {
        int64_t remainder = ((int64_t)k * a->dilation - a->pad) % a->stride;
        uint32_t phase = (uint32_t)(remainder < 0 ? remainder + a->stride : remainder);
        if (phase >= a->phase_count) continue;
        struct taps *t = &a->taps[phase];
        t->tap_step = t->count > 0 ? k - t->last : 1;
        t->last = k;
        t->count++;
    }
    for (uint32_t phase = 0; phase < a->phase_count; phase++) {
        struct taps *t = &a->taps[phase];
        t->position_step = t->count > 1 ? t->tap_step * a->dilation / a->stride : 1;
    }
    return SNN_OK;
}

static int row_axis(struct snn_context *context, const struct snn_synapse *s, uint32_t out,
                    struct axis *a)
{
    const struct snn_window *w = &s->window;
    *a = (struct axis){
        .in = s->source_shape.height, .out = out, .kernel = 1, .stride = 1, .dilation = 1};
    if (s->kind == SNN_SYNAPSE_CONV2D) {
        a->kernel = w->kernel_h;
        a->stride = w->stride_h;
        a->pad = w->pad_top;
        a->dilation = w->dilation_h;
    }
    return find_taps(context, a);
}

static int column_axis(struct snn_context *context, const struct snn_synapse *s, uint32_t out,
                       struct axis *a)
{
    const struct snn_window *w = &s->window;
    *a = (struct axis){
        .in = s->source_shape.width, .out = out, .kernel = 1, .stride = 1, .dilation = 1};
    if (s->kind == SNN_SYNAPSE_CONV2D) {
        a->kernel = w->kernel_w;
        a->stride = w->stride_w;
        a->pad = w->pad_left;
        a->dilation = w->dilation_w;
    }
    return find_taps(context, a);
}

/* Output position that an event at i reaches through tap k of its phase; may be off the map. */
static int64_t position(const struct axis *a, uint32_t i, uint32_t k)
{
    return ((int64_t)i + a->pad - (int64_t)k * a->dilation) / a->stride;
}

static void axis_reach(const struct axis *a, int64_t *first, int64_t *last)
{
    *first = 0;
    *last = 0;
    for (uint32_t phase = 0; phase < a->phase_count; phase++) {
        const struct taps *t = &a->taps[phase];
        if (t->count == 0) continue;
        uint32_t high = phase + (a->in - 1 - phase) / a->stride * a->stride;
        int64_t low = position(a, phase, t->last);
        int64_t top = position(a, high, t->last) + (int64_t)(t->count - 1) * t->position_step;
        if (low < *first) *first = low;
        if (top > *last) *last = top;
    }
}

int snnsim_synapse_reach(struct snn_context *context, const struct snn_synapse *synapse,
                         struct snnsim_reach *out)
{
    struct axis rows = {.taps = NULL}, columns = {.taps = NULL};
    int status = row_axis(context, synapse, 1, &rows);
    if (status == SNN_OK) status = column_axis(context, synapse, 1, &columns);
    if (status == SNN_OK && synapse->kind == SNN_SYNAPSE_CONV2D) {
        axis_reach(&rows, &out->row_first, &out->row_last);
        axis_reach(&columns, &out->column_first, &out->column_last);
    } else {
        *out = (struct snnsim_reach){0, 0, 0, 0};
    }
    snnbase_free(context, rows.taps);
    snnbase_free(context, columns.taps);
    return status;
}

static bool covers_once(uint32_t size, uint32_t kernel, uint32_t stride, uint32_t pad_before,
                        uint32_t pad_after)
{
    return kernel == stride && pad_before == 0 && pad_after == 0 && size % stride == 0;
}

static bool sees_each_spike_once(const struct snn_net *net, const struct snn_synapse *s)
{
    struct snn_shape shape =
        s->source == SNN_SOURCE_INPUT ? net->input_shape : net->populations[s->source].shape;
    for (uint32_t i = 0; i < s->pool_count; i++) {
        const struct snn_window *p = &s->pools[i];
        if (!covers_once(shape.height, p->kernel_h, p->stride_h, p->pad_top, p->pad_bottom) ||
            !covers_once(shape.width, p->kernel_w, p->stride_w, p->pad_left, p->pad_right))
            return false;
        shape = snnmodel_pooled_shape(shape, p);
    }
    return true;
}

static struct snnsim_phase make_phase(const struct snnsim_population *p, uint32_t group_out,
                                      bool grouped, const struct taps *rows,
                                      const struct taps *columns)
{
    struct snnsim_phase phase = {0};
    if (rows->count == 0 || columns->count == 0) return phase;
    struct snnsim_footprint *f = &phase.footprint;
    bool joined = !grouped && columns->position_step == 1;
    f->rows = rows->count;
    f->row_stride = (uint32_t)(rows->position_step * p->pitch);
    f->segments = joined ? 1 : columns->count;
    f->segment_stride = columns->position_step * p->lanes;
    f->length = grouped ? group_out : p->lanes;
    if (joined) f->length *= columns->count;
    f->ragged = f->length % SNNSIM_LANES != 0;
    size_t size = (size_t)f->rows * f->segments; /* both below 2^17 */
    if (!snnbase_size_mul(size, f->length, &size) || size > UINT32_MAX) size = UINT32_MAX;
    phase.size = (uint32_t)size; /* saturated: refused when the weights are counted */
    return phase;
}

/* How many of an event's positions first, first + step, ... are on the map. */
static uint32_t positions_on_map(int64_t first, const struct taps *t, uint32_t size)
{
    int64_t step = t->position_step;
    int64_t skipped = first < 0 ? (-first + step - 1) / step : 0;
    int64_t end = first < size ? (size - first + step - 1) / step : 0; /* those below size */
    if (end > t->count) end = t->count;
    return end > skipped ? (uint32_t)(end - skipped) : 0;
}

/* Where the footprint of an event at i begins, in units of `unit` floats a position behind a halo,
 * and how many taps of it are on the map. */
static int make_axis(struct snnsim_plan *plan, struct snn_context *context, const struct axis *a,
                     uint32_t halo, size_t unit, struct snnsim_axis *out)
{
    out->target = snnbase_arena_alloc(&plan->arena, context, a->in, sizeof(*out->target));
    out->weights = snnbase_arena_alloc(&plan->arena, context, a->in, sizeof(*out->weights));
    out->fanout = snnbase_arena_alloc(&plan->arena, context, a->in, sizeof(*out->fanout));
    if (out->target == NULL || out->weights == NULL || out->fanout == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < a->in; i++) {
        const struct taps *t = &a->taps[i % a->stride];
        if (t->count == 0) continue;
        int64_t first = position(a, i, t->last);
        out->target[i] = (uint32_t)((size_t)(first + halo) * unit);
        out->fanout[i] = positions_on_map(first, t, a->out);
    }
    return SNN_OK;
}

/* Copies the weights of every input channel and tap of one phase; `to` is already zero. */
static void pack_phase(const struct snn_synapse *s, const struct snnsim_phase *phase,
                       const struct taps *rows, const struct taps *columns, uint32_t lanes,
                       uint32_t out_channels, float *to)
{
    uint32_t group_in = s->source_shape.channels / s->groups, group_out = out_channels / s->groups;
    uint32_t pitch = s->groups > 1 ? group_out : lanes;
    const struct snn_window *w = &s->window;
    for (uint32_t c = 0; c < s->source_shape.channels; c++) {
        float *at = to + (size_t)c * phase->size;
        for (uint32_t r = 0; r < rows->count; r++) {
            uint32_t ky = rows->last - r * rows->tap_step;
            for (uint32_t q = 0; q < columns->count; q++, at += pitch) {
                uint32_t kx = columns->last - q * columns->tap_step;
                for (uint32_t o = 0; o < group_out; o++) {
                    size_t filter = (size_t)(c / group_in) * group_out + o;
                    size_t from = (filter * group_in + c % group_in) * w->kernel_h + ky;
                    at[o] = s->weights[from * w->kernel_w + kx];
                }
            }
        }
    }
}

static int alloc_weights(struct snnsim_plan *plan, struct snn_context *context, size_t count,
                         struct snnsim_synapse *out)
{
    if (count > UINT32_MAX)
        return snnbase_fail(context, SNN_ERR_LIMIT, "%zu packed weights exceed the limit of %u",
                            count, UINT32_MAX);
    out->weight_bytes = count * sizeof(*out->weights);
    out->weights = snnbase_arena_alloc(&plan->arena, context, count, sizeof(*out->weights));
    return out->weights != NULL ? SNN_OK : SNN_ERR_NOMEM;
}

static int pack_conv2d(struct snnsim_plan *plan, struct snn_context *context,
                       const struct snnsim_population *p, const struct axis *rows,
                       const struct axis *columns, struct snnsim_synapse *out)
{
    const struct snn_synapse *s = out->synapse;
    uint32_t channels = p->population->shape.channels;
    size_t total = 0;
    for (uint32_t i = 0; i < out->phases_h * out->phases_w; i++) {
        out->phases[i] =
            make_phase(p, channels / s->groups, s->groups > 1, &rows->taps[i / out->phases_w],
                       &columns->taps[i % out->phases_w]);
        out->phases[i].weights = (uint32_t)total;
        if (out->phases[i].size == UINT32_MAX) total = UINT32_MAX;
        total += (size_t)out->phases[i].size * s->source_shape.channels;
    }
    int status = alloc_weights(plan, context, total, out);
    for (uint32_t i = 0; status == SNN_OK && i < out->phases_h * out->phases_w; i++) {
        if (out->phases[i].size > 0)
            pack_phase(s, &out->phases[i], &rows->taps[i / out->phases_w],
                       &columns->taps[i % out->phases_w], p->lanes, channels,
                       out->weights + out->phases[i].weights);
    }
    for (uint32_t c = 0; c < s->source_shape.channels; c++)
        out->channel_target[c] =
            c / (s->source_shape.channels / s->groups) * (channels / s->groups);
    return status;
}

/* Every event reaches the whole layer; its weights lie where its address says. */
static int pack_dense(struct snnsim_plan *plan, struct snn_context *context,
                      const struct snnsim_population *p, struct snnsim_synapse *out)
{
    const struct snn_synapse *s = out->synapse;
    struct snn_shape in = s->source_shape;
    size_t count = 0;
    if (!snnbase_size_mul(snn_shape_size(in), p->lanes, &count)) count = SIZE_MAX;
    int status = alloc_weights(plan, context, count, out);
    if (status != SNN_OK) return status;
    out->phases[0] = (struct snnsim_phase){
        .footprint = {.rows = 1, .segments = 1, .length = p->lanes}, .size = p->lanes};
    for (uint32_t y = 0; y < in.height; y++) {
        out->rows.weights[y] = y * in.width * in.channels * p->lanes;
        out->rows.target[y] = (uint32_t)(p->halo_top * p->pitch); /* the one neuron position */
        out->rows.fanout[y] = 1;
    }
    for (uint32_t x = 0; x < in.width; x++) {
        out->columns.weights[x] = x * in.channels * p->lanes;
        out->columns.target[x] = p->halo_left * p->lanes;
        out->columns.fanout[x] = 1;
    }
    size_t inputs = snn_shape_size(in), map = (size_t)in.height * in.width;
    for (size_t i = 0; i < inputs; i++) {
        float *to = out->weights + ((i % map) * in.channels + i / map) * p->lanes;
        for (uint32_t o = 0; o < p->population->shape.channels; o++)
            to[o] = s->weights[o * inputs + i];
    }
    return SNN_OK;
}

static int pack_one_to_one(struct snnsim_plan *plan, struct snn_context *context,
                           struct snnsim_synapse *out)
{
    const struct snn_synapse *s = out->synapse;
    int status = alloc_weights(plan, context, s->weight_count, out);
    if (status != SNN_OK) return status;
    memcpy(out->weights, s->weights, s->weight_count * sizeof(float));
    out->phases[0] = (struct snnsim_phase){
        .footprint = {.rows = 1, .segments = 1, .length = 1, .ragged = true}, .size = 1};
    for (uint32_t c = 0; c < s->source_shape.channels; c++)
        out->channel_target[c] = c;
    return SNN_OK;
}

/* Weights tile by tile: [tile][tap][lane of the input][lane of the tile]. Those of other layers lie
 * well as they are. */
static int make_tiles(struct snnsim_plan *plan, struct snn_context *context,
                      const struct snnsim_population *p, struct snnsim_synapse *out)
{
    const struct snn_synapse *s = out->synapse;
    const uint32_t taps = s->window.kernel_h * s->window.kernel_w,
                   inputs = s->source_shape.channels;
    if (s->groups > 1) return SNN_OK;
    if (s->source == SNN_SOURCE_INPUT && s->pool_count == 0) {
        /* A map of the input is made only for tiles that are worth it. */
        if (p->lanes < SNNSIM_TILE_LANES) return SNN_OK;
        plan->maps_input = true;
    }
    for (size_t i = 0; i < s->weight_count; i++)
        if (!isfinite(s->weights[i])) return SNN_OK; /* a silent input would add 0 * infinity */
    if (s->kind != SNN_SYNAPSE_CONV2D) {
        out->tiles =
            (struct snnsim_tiles){out->weights, SNNSIM_TILE_LANES, inputs * p->lanes, p->lanes};
        return SNN_OK;
    }
    const uint32_t width = p->lanes < SNNSIM_TILE_LANES ? p->lanes : SNNSIM_TILE_LANES;
    const uint32_t channels = p->population->shape.channels;
    const size_t tiles = (channels + width - 1) / width;
    size_t group = (size_t)out->in_lanes * width; /* both below 2^32 */
    if (!snnbase_size_mul(group, taps, &group) || group > UINT32_MAX) return SNN_OK;
    float *to = snnbase_arena_alloc(&plan->arena, context, tiles, group * sizeof(*to));
    if (to == NULL) return SNN_ERR_NOMEM;
    for (uint32_t o = 0; o < channels; o++) {
        const float *from = s->weights + (size_t)o * inputs * taps;
        float *tile = to + o / width * group + o % width;
        for (uint32_t c = 0; c < inputs; c++)
            for (uint32_t tap = 0; tap < taps; tap++)
                tile[((size_t)tap * out->in_lanes + c) * width] = *from++;
    }
    out->tiles = (struct snnsim_tiles){to, group, out->in_lanes * width, width};
    return SNN_OK;
}

/* One table for the input's positions: its events come as a list, and are sent on one by one. */
static int make_places(struct snnsim_plan *plan, struct snn_context *context,
                       struct snnsim_synapse *out)
{
    const struct snn_synapse *s = out->synapse;
    if (s->source != SNN_SOURCE_INPUT) return SNN_OK;
    if (s->pool_count > 0) {
        plan->maps_input = true;
        return SNN_OK;
    }
    struct snn_shape in = s->source_shape;
    out->places = snnbase_arena_alloc(&plan->arena, context, (size_t)in.height * in.width,
                                      sizeof(*out->places));
    if (out->places == NULL) return SNN_ERR_NOMEM;
    struct snnsim_place *place = out->places;
    for (uint32_t y = 0; y < in.height; y++) {
        for (uint32_t x = 0; x < in.width; x++, place++) {
            place->phase = &out->phases[y % out->phases_h * out->phases_w + x % out->phases_w];
            place->target = out->rows.target[y] + out->columns.target[x];
            place->weights = place->phase->weights + out->rows.weights[y] + out->columns.weights[x];
            place->fanout = out->rows.fanout[y] * out->columns.fanout[x] * out->fanout_channels;
        }
    }
    return SNN_OK;
}

/* The parts that need the axes, which live only that long. */
static int pack_on_axes(struct snnsim_plan *plan, struct snn_context *context,
                        const struct snnsim_population *p, const struct axis *rows,
                        const struct axis *columns, struct snnsim_synapse *out)
{
    out->phases_h = rows->phase_count;
    out->phases_w = columns->phase_count;
    out->phases = snnbase_arena_alloc(&plan->arena, context, (size_t)out->phases_h * out->phases_w,
                                      sizeof(*out->phases));
    if (out->phases == NULL) return SNN_ERR_NOMEM;
    int status = make_axis(plan, context, rows, p->halo_top, p->pitch, &out->rows);
    if (status == SNN_OK)
        status = make_axis(plan, context, columns, p->halo_left, p->lanes, &out->columns);
    if (status != SNN_OK) return status;
    if (out->synapse->kind == SNN_SYNAPSE_DENSE)
        status = pack_dense(plan, context, p, out);
    else if (out->synapse->kind == SNN_SYNAPSE_CONV2D)
        status = pack_conv2d(plan, context, p, rows, columns, out);
    else
        status = pack_one_to_one(plan, context, out);
    if (status == SNN_OK) status = make_tiles(plan, context, p, out);
    return status == SNN_OK ? make_places(plan, context, out) : status;
}

int snnsim_synapse_pack(struct snnsim_plan *plan, struct snn_context *context,
                        const struct snnsim_population *population,
                        const struct snn_synapse *synapse, struct snnsim_synapse *out)
{
    struct snn_shape shape = population->population->shape;
    struct axis rows = {.taps = NULL}, columns = {.taps = NULL};
    out->synapse = synapse;
    out->in_lanes = snnsim_lanes(synapse->source_shape.channels);
    out->grouped = synapse->kind == SNN_SYNAPSE_ONE_TO_ONE || synapse->groups > 1;
    out->sees_each_spike_once = sees_each_spike_once(plan->net, synapse);
    out->fanout_channels =
        synapse->kind == SNN_SYNAPSE_ONE_TO_ONE ? 1 : shape.channels / synapse->groups;
    out->channel_target = snnbase_arena_alloc(&plan->arena, context, synapse->source_shape.channels,
                                              sizeof(*out->channel_target));
    int status = out->channel_target != NULL ? SNN_OK : SNN_ERR_NOMEM;
    if (status == SNN_OK) status = row_axis(context, synapse, shape.height, &rows);
    if (status == SNN_OK) status = column_axis(context, synapse, shape.width, &columns);
    if (status == SNN_OK) status = pack_on_axes(plan, context, population, &rows, &columns, out);
    snnbase_free(context, rows.taps);
    snnbase_free(context, columns.taps);
    return status;
}
