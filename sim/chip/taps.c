/* The taps of one synapse: the lines that arrive, the runs of them that a tile sees, and the
 * weights in their order.
 *
 * A tile of two positions is one kernel with as many columns more as the stride: each lane has
 * weights of 0 where the other position's kernel lies. Groups are weights of 0, too, but a tile
 * sees only lines of the groups that it has lanes in.
 */
#include "libsnn/base/error.h"
#include "libsnn/base/size.h"
#include "sim/chip/plan.h"

#define LANES SNNSIM_CHIP_LANES
#define LINES_MAX ((uint64_t)1 << 26)

/* What tiles of a population see of a synapse; of a dense one only the groups. */
struct view {
    const struct snnsim_chip_grid *grid;
    struct snn_window window;
    uint32_t group_in, group_out;
};

static struct view view_of(const struct snn_synapse *s, const struct snnsim_chip_grid *grid)
{
    uint32_t groups = s->kind == SNN_SYNAPSE_CONV2D ? s->groups : 1;
    if (s->kind == SNN_SYNAPSE_ONE_TO_ONE) groups = grid->shape.channels;
    struct view view = {.grid = grid, .window = s->window};
    view.group_in = s->source_shape.channels / groups;
    view.group_out = grid->shape.channels / groups;
    if (s->kind == SNN_SYNAPSE_ONE_TO_ONE)
        view.window = (struct snn_window){.kernel_h = 1,
                                          .kernel_w = 1,
                                          .stride_h = 1,
                                          .stride_w = 1,
                                          .dilation_h = 1,
                                          .dilation_w = 1};
    return view;
}

/* ---- Lines and runs ---- */

static bool sees_column(const struct view *view, uint64_t column)
{
    for (uint32_t position = 0; position < view->grid->tile_width; position++) {
        const uint64_t first = (uint64_t)position * view->window.stride_w;
        if (column < first || (column - first) % view->window.dilation_w != 0) continue;
        if ((column - first) / view->window.dilation_w < view->window.kernel_w) return true;
    }
    return false;
}

/* From the first column of a tile to behind its last. */
static uint64_t tile_columns(const struct view *view)
{
    return (uint64_t)(view->window.kernel_w - 1) * view->window.dilation_w + 1 +
           (uint64_t)(view->grid->tile_width - 1) * view->window.stride_w;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static int lay_out(struct snn_context *context, uint64_t rows, uint64_t columns,
                   struct snnsim_chip_lines *lines)
{
    const uint64_t row_lines = lines->joined ? (columns + 1) / 2 : columns * lines->pairs;
    if (columns > LINES_MAX || rows > LINES_MAX || row_lines > LINES_MAX ||
        rows * row_lines > LINES_MAX)
        return snnbase_fail(context, SNN_ERR_LIMIT,
                            "%llu x %llu positions with padding exceed the limit of %llu inputs",
                            (unsigned long long)rows, (unsigned long long)columns,
                            (unsigned long long)(2 * LINES_MAX));
    lines->row_lines = (uint32_t)row_lines;
    lines->count = (size_t)(rows * row_lines);
    return SNN_OK;
}

/* Every line that a tile looks at is there, and every one that the source has. */
static int lay_out_window(struct snn_context *context, const struct view *view,
                          struct snnsim_chip_synapse *out)
{
    const struct snn_window *w = &view->window;
    const struct snn_shape in = out->synapse->source_shape;
    struct snnsim_chip_lines *l = &out->lines;
    const uint64_t last_row = (uint64_t)(view->grid->shape.height - 1) * w->stride_h;
    out->column_step = view->grid->tile_width * w->stride_w;
    const uint64_t last_column = (uint64_t)(view->grid->tiles_x - 1) * out->column_step;
    const uint64_t rows = larger(last_row + (uint64_t)(w->kernel_h - 1) * w->dilation_h + 1,
                                 (uint64_t)w->pad_top + in.height);
    /* Joined runs of a tile at an odd column are a column longer, all are rounded up to pairs. */
    const uint64_t slack = l->joined ? 3 : 0;
    const uint64_t columns =
        larger(last_column + tile_columns(view) + slack, (uint64_t)w->pad_left + in.width);
    l->pad_top = w->pad_top;
    l->pad_left = w->pad_left;
    int status = lay_out(context, rows, columns, l);
    out->row_step = w->stride_h * l->row_lines;
    out->variants = l->joined && out->column_step % 2 == 1 ? 2 : 1;
    return status;
}

/* Where the lines of each group of lanes begin; all see as many as the one that sees most. */
static int find_group_lines(struct snnsim_chip_plan *plan, struct snn_context *context,
                            const struct view *view, struct snnsim_chip_synapse *out,
                            uint32_t *pairs_out)
{
    const uint32_t channels = view->grid->shape.channels, pairs = out->lines.pairs;
    const uint32_t groups = view->grid->groups;
    uint32_t most = 0;
    uint32_t *first = snnbase_arena_alloc(&plan->arena, context, groups, sizeof(*first));
    if (first == NULL) return SNN_ERR_NOMEM;
    for (uint32_t g = 0; g < groups; g++) {
        const uint32_t end = (g + 1) * LANES < channels ? (g + 1) * LANES : channels;
        const uint32_t low = g * LANES / view->group_out * view->group_in / 2;
        const uint32_t high = (((end - 1) / view->group_out + 1) * view->group_in + 1) / 2;
        first[g] = low;
        if (high - low > most) most = high - low;
    }
    for (uint32_t g = 0; g < groups; g++)
        first[g] = first[g] < pairs - most ? first[g] : pairs - most;
    *pairs_out = most;
    out->group_line = most < pairs ? first : NULL;
    return SNN_OK;
}

static int alloc_runs(struct snnsim_chip_plan *plan, struct snn_context *context, uint64_t runs,
                      uint64_t length, struct snnsim_chip_synapse *out)
{
    if (runs > LINES_MAX || length > LINES_MAX || runs * length > LINES_MAX)
        return snnbase_fail(context, SNN_ERR_LIMIT, "a neuron sees more than %llu inputs",
                            (unsigned long long)(2 * LINES_MAX));
    out->tap_count = (uint32_t)(runs * length);
    out->run_line = snnbase_arena_alloc(&plan->arena, context, runs, sizeof(*out->run_line));
    out->runs = (struct snnsim_chip_runs){out->run_line, (uint32_t)runs, (uint32_t)length};
    return out->run_line != NULL ? SNN_OK : SNN_ERR_NOMEM;
}

/* One run a row of the kernel where its columns and pairs follow each other, else one a column. */
static int make_runs(struct snnsim_chip_plan *plan, struct snn_context *context,
                     const struct view *view, struct snnsim_chip_synapse *out)
{
    const struct snnsim_chip_lines *l = &out->lines;
    const uint32_t rows = view->window.kernel_h, row = view->window.dilation_h * l->row_lines;
    const uint64_t columns = tile_columns(view);
    uint32_t pairs = 0, seen = 0;
    int status = find_group_lines(plan, context, view, out, &pairs);
    if (status != SNN_OK) return status;
    for (uint64_t c = 0; c < columns; c++)
        seen += sees_column(view, c);
    const bool whole = l->joined || (seen == columns && pairs == l->pairs);
    uint64_t length = whole ? columns * pairs : pairs;
    if (l->joined) length = (columns + out->variants) / 2;
    status = alloc_runs(plan, context, whole ? rows : (uint64_t)rows * seen, length, out);
    if (status != SNN_OK) return status;
    uint32_t *line = out->run_line;
    for (uint32_t ky = 0; ky < rows; ky++) {
        if (whole) *line++ = ky * row;
        for (uint64_t c = 0; !whole && c < columns; c++) {
            if (sees_column(view, c)) *line++ = ky * row + (uint32_t)c * l->pairs;
        }
    }
    return SNN_OK;
}

/* ---- Weights ---- */

/* An input seen from a tile: rows and columns from the first that it sees. */
struct input {
    uint32_t row;
    int64_t column;
    uint32_t channel;
};

static struct input input_of(const struct snnsim_chip_synapse *out, uint32_t tap, uint32_t odd,
                             uint32_t variant, uint32_t group)
{
    const struct snnsim_chip_lines *l = &out->lines;
    const uint32_t line = out->run_line[tap / out->runs.length] + tap % out->runs.length;
    struct input input = {.row = line / l->row_lines};
    if (l->joined) {
        input.column = (int64_t)(line % l->row_lines) * 2 + odd - variant;
        return input;
    }
    const uint32_t first = out->group_line != NULL ? out->group_line[group] : 0;
    input.column = line % l->row_lines / l->pairs;
    input.channel = 2 * (line % l->pairs + first) + odd;
    return input;
}

/* The weight from an input to a lane of a tile of that group, 0 where there is none. */
static float weight_of(const struct snn_synapse *s, const struct view *view,
                       const struct input *input, uint32_t group, uint32_t lane)
{
    const struct snn_window *w = &view->window;
    const bool two = view->grid->tile_width == 2;
    const uint32_t output = two ? lane % SNNSIM_CHIP_UNIT : group * LANES + lane;
    if (output >= view->grid->shape.channels) return 0.0f;
    if (s->kind == SNN_SYNAPSE_DENSE) {
        const struct snn_shape in = s->source_shape;
        if (input->column >= in.width || input->channel >= in.channels) return 0.0f;
        const size_t filter = (size_t)output * in.channels + input->channel;
        return s->weights[(filter * in.height + input->row) * in.width + (size_t)input->column];
    }
    const int64_t column =
        input->column - (two ? (int64_t)(lane / SNNSIM_CHIP_UNIT) * w->stride_w : 0);
    if (input->channel >= s->source_shape.channels ||
        output / view->group_out != input->channel / view->group_in)
        return 0.0f;
    if (column < 0 || column % w->dilation_w != 0 || column / w->dilation_w >= w->kernel_w)
        return 0.0f;
    const size_t filter = (size_t)output * view->group_in + input->channel % view->group_in;
    return s->weights[(filter * w->kernel_h + input->row / w->dilation_h) * w->kernel_w +
                      (size_t)(column / w->dilation_w)];
}

/* Most that sums can rise by or fall by, a lane. */
struct reach {
    uint32_t up[LANES], down[LANES];
};

static void stretch(struct reach *reach, uint32_t lane, int8_t weight)
{
    const int32_t magnitude = weight < 0 ? -weight : weight;
    uint32_t *way = weight < 0 ? reach->down : reach->up;
    way[lane] += (uint32_t)magnitude;
}

static uint32_t farthest(const struct reach *reach)
{
    uint32_t most = 0;
    for (uint32_t lane = 0; lane < LANES; lane++) {
        if (reach->up[lane] > most) most = reach->up[lane];
        if (reach->down[lane] > most) most = reach->down[lane];
    }
    return most;
}

/* The weights of one variant and group. */
static void fill(const struct view *view, uint32_t variant, uint32_t group,
                 struct snnsim_chip_synapse *out)
{
    const size_t block = (size_t)variant * view->grid->groups + group;
    int8_t *to = out->weights + block * out->tap_count * 2 * LANES;
    struct reach all = {{0}, {0}};
    for (uint32_t tap = 0; tap < out->tap_count; tap++) {
        const struct input even = input_of(out, tap, 0, variant, group);
        const struct input odd = input_of(out, tap, 1, variant, group);
        struct reach one = {{0}, {0}};
        for (uint32_t lane = 0; lane < LANES; lane++, to += 2) {
            to[0] = (int8_t)weight_of(out->synapse, view, &even, group, lane);
            to[1] = (int8_t)weight_of(out->synapse, view, &odd, group, lane);
            for (uint32_t i = 0; i < 2; i++) {
                stretch(&one, lane, to[i]);
                stretch(&all, lane, to[i]);
            }
        }
        uint16_t *reach = &out->tap_reach[(size_t)variant * out->tap_count + tap];
        const uint32_t most = farthest(&one);
        if (most > *reach) *reach = (uint16_t)most;
    }
    const uint32_t most = farthest(&all);
    if (most > out->reach) out->reach = most;
}

static int pack_weights(struct snnsim_chip_plan *plan, struct snn_context *context,
                        const struct view *view, struct snnsim_chip_synapse *out)
{
    size_t taps = (size_t)out->variants * out->tap_count, size = 0;
    if (!snnbase_size_mul(taps, view->grid->groups, &size)) size = SIZE_MAX;
    out->weights = snnbase_arena_alloc(&plan->arena, context, size, 2 * LANES * sizeof(int8_t));
    out->tap_reach = snnbase_arena_alloc(&plan->arena, context, taps, sizeof(*out->tap_reach));
    if (out->weights == NULL || out->tap_reach == NULL) return SNN_ERR_NOMEM;
    for (uint32_t variant = 0; variant < out->variants; variant++) {
        for (uint32_t group = 0; group < view->grid->groups; group++)
            fill(view, variant, group, out);
    }
    return SNN_OK;
}

/* For bounds by the peaks of channels; the columns of joined lines are one channel's. */
static int make_pair_taps(struct snnsim_chip_plan *plan, struct snn_context *context,
                          struct snnsim_chip_synapse *out)
{
    if (out->synapse->kind != SNN_SYNAPSE_CONV2D || out->group_line != NULL) return SNN_OK;
    out->pair_taps =
        snnbase_arena_alloc(&plan->arena, context, out->tap_count, sizeof(*out->pair_taps));
    if (out->pair_taps == NULL) return SNN_ERR_NOMEM;
    for (uint32_t tap = 0; tap < out->tap_count; tap++) {
        const uint32_t line = out->run_line[tap / out->runs.length] + tap % out->runs.length;
        out->pair_taps[tap] = (struct snnsim_chip_tap){tap, line % out->lines.pairs};
    }
    return SNN_OK;
}

int snnsim_chip_taps_make(struct snnsim_chip_plan *plan, struct snn_context *context,
                          const struct snnsim_chip_grid *grid, struct snnsim_chip_synapse *out)
{
    const struct snn_synapse *s = out->synapse;
    const struct snn_shape in = s->source_shape;
    const struct view view = view_of(s, grid);
    struct snnsim_chip_lines *l = &out->lines;
    l->joined = s->source == SNN_SOURCE_INPUT && s->pool_count == 0 && in.channels == 1 &&
                (s->kind == SNN_SYNAPSE_DENSE ||
                 (s->kind == SNN_SYNAPSE_CONV2D && s->window.dilation_w == 1));
    l->pairs = (in.channels + 1) / 2; /* 1 where joined */
    out->variants = 1;
    int status = SNN_OK;
    if (s->kind == SNN_SYNAPSE_DENSE) {
        status = lay_out(context, in.height, in.width, l);
        if (status == SNN_OK) status = alloc_runs(plan, context, 1, l->count, out);
    } else {
        status = lay_out_window(context, &view, out);
        if (status == SNN_OK) status = make_runs(plan, context, &view, out);
    }
    if (status == SNN_OK) status = make_pair_taps(plan, context, out);
    return status == SNN_OK ? pack_weights(plan, context, &view, out) : status;
}
