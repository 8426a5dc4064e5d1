/* The window of a core against a search through all kernels, strides and paddings. */
#include "convert/lower/window.h"

#include <criterion/criterion.h>

#include "tests/unit/convert/support.h"

static const struct snn_chip chip = {.kernel_size_max = 16,
                                     .stride_count = 4,
                                     .strides = {1, 2, 4, 8},
                                     .padding_max = 7,
                                     .pooling_count = 3,
                                     .poolings = {1, 2, 4},
                                     .feature_max = 1024};

static uint32_t below(uint32_t *state, uint32_t count)
{
    return (uint32_t)(support_random(state) * count);
}

/* ---- All windows, one after the other ---- */

struct found {
    uint32_t kernel, stride, pad;
};

static uint32_t kernel_of(const struct snnconv_field *f, bool rows)
{
    return rows ? f->window.kernel_h : f->window.kernel_w;
}

static uint32_t stride_of(const struct snnconv_field *f, bool rows)
{
    return rows ? f->window.stride_h : f->window.stride_w;
}

static uint32_t pad_of(const struct snnconv_field *f, bool rows)
{
    return rows ? f->window.pad_top : f->window.pad_left;
}

static uint32_t map_of(const struct snnconv_field *f, bool rows)
{
    return rows ? f->map.height : f->map.width;
}

/* Whether a core with these registers sees what the fields see, along one axis. */
static bool holds(const struct snnconv_field *fields, uint32_t count, bool rows, uint32_t outputs,
                  struct found w)
{
    uint32_t in = 0;
    for (uint32_t i = 0; i < count; i++)
        in = map_of(&fields[i], rows) > in ? map_of(&fields[i], rows) : in;
    if (in + 2 * w.pad < w.kernel || (in + 2 * w.pad - w.kernel) / w.stride + 1 != outputs)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        const struct snnconv_field *f = &fields[i];
        if (outputs > 1 && stride_of(f, rows) != w.stride) return false;
        if ((rows ? f->spills_y : f->spills_x) && map_of(f, rows) < in) return false;
        if (w.pad < pad_of(f, rows) || w.pad - pad_of(f, rows) + kernel_of(f, rows) > w.kernel)
            return false;
    }
    return true;
}

/* The least stride and padding for a kernel; kernel 0 in the result: none. */
static struct found search_axis(const struct snnconv_field *fields, uint32_t count, bool rows,
                                uint32_t outputs, uint32_t kernel, uint32_t pad_max)
{
    for (uint32_t s = 0; s < chip.stride_count; s++) {
        for (uint32_t pad = 0; pad <= pad_max; pad++) {
            const struct found w = {kernel, chip.strides[s], pad};
            if (holds(fields, count, rows, outputs, w)) return w;
        }
    }
    return (struct found){0, 0, 0};
}

static bool search(const struct snnconv_field *fields, uint32_t count, struct snn_shape output,
                   uint32_t kernel_max, uint32_t pad_max, struct found found[2])
{
    for (uint32_t kernel = 1; kernel <= kernel_max; kernel++) {
        found[0] = search_axis(fields, count, true, output.height, kernel, pad_max);
        found[1] = search_axis(fields, count, false, output.width, kernel, pad_max);
        if (found[0].kernel > 0 && found[1].kernel > 0) return true;
    }
    return false;
}

/* What is expected where the chip has no such window. */
static struct snnconv_misfit reason(const struct snnconv_field *fields, uint32_t count,
                                    struct snn_shape output)
{
    struct found w[2];
    if (!search(fields, count, output, 80, 80, w))
        return (struct snnconv_misfit){SNN_CONSTRAINT_WINDOW, 0, 0};
    if (w[0].kernel > chip.kernel_size_max)
        return (struct snnconv_misfit){SNN_CONSTRAINT_KERNEL_SIZE, w[0].kernel, 16};
    const uint32_t pad = w[0].pad > w[1].pad ? w[0].pad : w[1].pad;
    return (struct snnconv_misfit){SNN_CONSTRAINT_PADDING, pad, 7};
}

static void expect_misfit(struct snnconv_misfit got, struct snnconv_misfit expected)
{
    cr_assert_eq(got.constraint, expected.constraint, "%d, expected %d", got.constraint,
                 expected.constraint);
    cr_assert_eq(got.need, expected.need, "%llu, expected %llu", (unsigned long long)got.need,
                 (unsigned long long)expected.need);
    cr_assert_eq(got.limit, expected.limit);
}

/* ---- Random fields ---- */

/* One axis of a field that has `outputs` positions: kernel, stride, padding, and a map for them. */
static void random_axis(uint32_t *state, uint32_t outputs, uint32_t stride, bool rows,
                        struct snnconv_field *out)
{
    const uint32_t kernel = 1 + below(state, below(state, 4) == 0 ? 18 : 5);
    const uint32_t pad = below(state, 2) * below(state, below(state, 6) == 0 ? 9 : kernel);
    /* What lies behind the map is part of the last window, or not. */
    const uint32_t seen = (outputs - 1) * stride + kernel + below(state, stride);
    const uint32_t behind = below(state, 2) * below(state, kernel);
    const uint32_t map = seen > pad + behind ? seen - pad - behind : 1;
    if (rows) {
        out->map.height = map;
        out->window.kernel_h = kernel;
        out->window.stride_h = stride;
        out->window.pad_top = pad;
        out->spills_y = below(state, 8) == 0;
    } else {
        out->map.width = map;
        out->window.kernel_w = kernel;
        out->window.stride_w = stride;
        out->window.pad_left = pad;
        out->spills_x = below(state, 8) == 0;
    }
}

static uint32_t random_stride(uint32_t *state)
{
    return (uint32_t[]){1, 1, 1, 2, 2, 4}[below(state, 6)];
}

/* Each of 10,000 sets of fields; every reason occurs. */
Test(window, is_the_smallest_of_all_that_hold_the_fields)
{
    uint32_t state = 7, seen[SNN_CONSTRAINT_PIN + 1] = {0};
    for (uint32_t n = 0; n < 10000; n++) {
        const uint32_t count = 1 + below(&state, 3);
        const struct snn_shape output = {1, 1 + below(&state, 4) * below(&state, 4),
                                         1 + below(&state, 4) * below(&state, 4)};
        const uint32_t stride_y = random_stride(&state), stride_x = random_stride(&state);
        struct snnconv_field fields[3] = {{.pooling = 1}, {.pooling = 1}, {.pooling = 1}};
        for (uint32_t i = 0; i < count; i++) {
            random_axis(&state, output.height, stride_y, true, &fields[i]);
            random_axis(&state, output.width, stride_x, false, &fields[i]);
        }
        struct snnconv_window w = {.kernel_size = 0};
        const struct snnconv_misfit bad = snnconv_window_find(&w, fields, count, output, &chip);
        struct found found[2];
        seen[bad.constraint]++;
        if (!search(fields, count, output, chip.kernel_size_max, chip.padding_max, found)) {
            expect_misfit(bad, reason(fields, count, output));
            continue;
        }
        cr_assert_eq(bad.constraint, SNN_CONSTRAINT_NONE, "set %u: %d", n, bad.constraint);
        cr_assert_eq(w.kernel_size, found[0].kernel, "set %u: kernel %u, expected %u", n,
                     w.kernel_size, found[0].kernel);
        cr_assert(w.stride_y == found[0].stride && w.stride_x == found[1].stride, "set %u", n);
        cr_assert(w.pad_y == found[0].pad && w.pad_x == found[1].pad, "set %u", n);
    }
    cr_assert_gt(seen[SNN_CONSTRAINT_NONE], 1000);
    cr_assert_gt(seen[SNN_CONSTRAINT_KERNEL_SIZE], 50);
    cr_assert_gt(seen[SNN_CONSTRAINT_PADDING], 50);
    cr_assert_gt(seen[SNN_CONSTRAINT_WINDOW], 50);
}

static struct snnconv_misfit find(struct snnconv_window *out, const struct snnconv_field *fields,
                                  uint32_t count, uint32_t height, uint32_t width)
{
    return snnconv_window_find(out, fields, count, (struct snn_shape){1, height, width}, &chip);
}

static void expect_window(const struct snnconv_window *w, uint32_t kernel, uint32_t stride,
                          uint32_t pad_y, uint32_t pad_x)
{
    cr_assert(w->kernel_size == kernel && w->stride_y == stride && w->stride_x == stride &&
                  w->pad_y == pad_y && w->pad_x == pad_x,
              "kernel %u, strides %u %u, paddings %u %u", w->kernel_size, w->stride_y, w->stride_x,
              w->pad_y, w->pad_x);
}

/* TensorFlow's SAME: 32 -> 16 by 3x3 with stride 2 pads one row behind. Kernel 4 with padding 1
 * counts (32 + 2 - 4) / 2 + 1 = 16 and begins the 3 at offset 1; kernel 3 has (32 - 3) / 2 + 1 =
 * 15 or, padded, tap 0 before the map. */
Test(window, padding_behind_the_map_takes_a_kernel_one_larger)
{
    const struct snnconv_field field = {
        .pooling = 1, .map = {1, 32, 32}, .window = {3, 3, 2, 2, 0, 0, 1, 1, 1, 1}};
    struct snnconv_window w;
    expect_misfit(find(&w, &field, 1, 16, 16), (struct snnconv_misfit){SNN_CONSTRAINT_NONE, 0, 0});
    expect_window(&w, 4, 2, 1, 1);
}

/* 7 columns need kernel 7, in which the one row lies in the middle. */
Test(window, flat_kernels_lie_in_a_square_one)
{
    const struct snnconv_field field = {
        .pooling = 1, .map = {1, 12, 12}, .window = {1, 7, 1, 1, 0, 3, 0, 3, 1, 1}};
    struct snnconv_window w;
    expect_misfit(find(&w, &field, 1, 12, 12), (struct snnconv_misfit){SNN_CONSTRAINT_NONE, 0, 0});
    expect_window(&w, 7, 1, 3, 3);
}

/* A stride of 1 keeps a row for a row by odd kernels only, and loses one column by even ones. */
Test(window, kernels_of_both_axes_may_have_no_square)
{
    const struct snnconv_field field = {
        .pooling = 1, .map = {1, 12, 12}, .window = {1, 2, 1, 1, 0, 0, 0, 0, 1, 1}};
    struct snnconv_window w;
    expect_misfit(find(&w, &field, 1, 12, 11),
                  (struct snnconv_misfit){SNN_CONSTRAINT_WINDOW, 0, 0});
}

/* The block's own convolution with stride 2 and the 1x1 beside it, both from the same map: the
 * latter stands in the middle of the former. */
Test(window, downsampling_shortcut_stands_in_the_middle)
{
    const struct snnconv_field fields[] = {
        {.pooling = 1, .map = {1, 32, 32}, .window = {3, 3, 2, 2, 1, 1, 1, 1, 1, 1}},
        {.pooling = 1, .map = {1, 32, 32}, .window = {1, 1, 2, 2, 0, 0, 0, 0, 1, 1}}};
    struct snnconv_window w;
    expect_misfit(find(&w, fields, 2, 16, 16), (struct snnconv_misfit){SNN_CONSTRAINT_NONE, 0, 0});
    expect_window(&w, 3, 2, 1, 1);
}

/* Where the other branch has been through a layer that halved its map, strides 1 and 2 meet. */
Test(window, maps_of_different_scale_have_no_window)
{
    const struct snnconv_field fields[] = {
        {.pooling = 1, .map = {1, 16, 16}, .window = {3, 3, 1, 1, 1, 1, 1, 1, 1, 1}},
        {.pooling = 1, .map = {1, 32, 32}, .window = {1, 1, 2, 2, 0, 0, 0, 0, 1, 1}}};
    struct snnconv_window w;
    expect_misfit(find(&w, fields, 2, 16, 16),
                  (struct snnconv_misfit){SNN_CONSTRAINT_WINDOW, 0, 0});
}

Test(window, stride_that_the_chip_lacks_is_named)
{
    const struct snnconv_field field = {
        .pooling = 1, .map = {1, 12, 13}, .window = {3, 3, 3, 2, 0, 0, 0, 0, 1, 1}};
    struct snnconv_window w;
    expect_misfit(find(&w, &field, 1, 4, 6), (struct snnconv_misfit){SNN_CONSTRAINT_STRIDE, 3, 8});
}

/* A dense layer on 4 x 6: kernel 6 covers both; the rows need a padding of 1 for (4 + 2 - 6) + 1 =
 * 1 position. */
Test(window, dense_on_an_oblong_map_is_padded)
{
    const struct snnconv_field field = {
        .pooling = 1, .map = {1, 4, 6}, .window = {4, 6, 1, 1, 0, 0, 0, 0, 1, 1}};
    struct snnconv_window w;
    expect_misfit(find(&w, &field, 1, 1, 1), (struct snnconv_misfit){SNN_CONSTRAINT_NONE, 0, 0});
    expect_window(&w, 6, 1, 1, 0);
}

/* ---- Fields of synapses ---- */

static const struct snn_window pool2 = {2, 2, 2, 2, 0, 0, 0, 0, 1, 1};

static struct snnconv_misfit make(struct snnconv_field *out, const struct snn_window *pools,
                                  uint32_t count, struct snn_window window, struct snn_shape source,
                                  struct snn_shape output)
{
    const struct snn_synapse synapse = {.kind = SNN_SYNAPSE_CONV2D,
                                        .pools = pools,
                                        .pool_count = count,
                                        .window = window,
                                        .groups = 1};
    return snnconv_field_make(out, &synapse, source, output, &chip);
}

/* 2 x 2 x 3 = 12: 4 stays, 3 are merged: kernel 2 becomes 6, stride 1 becomes 3. 50 / 4 = 12 with 2
 * left over. */
Test(window, pools_split_into_the_chips_and_a_rest)
{
    const struct snn_window pools[] = {pool2, pool2, {3, 3, 3, 3, 0, 0, 0, 0, 1, 1}};
    struct snnconv_field f;
    expect_misfit(make(&f, pools, 3, (struct snn_window){2, 2, 1, 1, 0, 0, 0, 0, 1, 1},
                       (struct snn_shape){5, 50, 48}, (struct snn_shape){7, 3, 3}),
                  (struct snnconv_misfit){SNN_CONSTRAINT_NONE, 0, 0});
    cr_assert_eq(f.pooling, 4);
    cr_assert(f.map.channels == 5 && f.map.height == 12 && f.map.width == 12);
    cr_assert(f.spills_y && !f.spills_x);
    cr_assert(f.window.kernel_h == 6 && f.window.stride_h == 3 && f.window.pad_top == 0);
}

/* 2 x 1 on rows and columns have no pooling in common but 1. */
Test(window, oblong_pools_are_merged)
{
    const struct snn_window pool = {2, 1, 2, 1, 0, 0, 0, 0, 1, 1};
    struct snnconv_field f;
    expect_misfit(make(&f, &pool, 1, (struct snn_window){3, 3, 1, 1, 1, 1, 1, 1, 1, 1},
                       (struct snn_shape){1, 8, 8}, (struct snn_shape){1, 4, 8}),
                  (struct snnconv_misfit){SNN_CONSTRAINT_NONE, 0, 0});
    cr_assert_eq(f.pooling, 1);
    cr_assert(f.window.kernel_h == 6 && f.window.stride_h == 2 && f.window.pad_top == 2);
    cr_assert(f.window.kernel_w == 3 && f.window.stride_w == 1 && f.window.pad_left == 1);
}

/* 3 of 10 rows each: the tenth is in no pool. The padding behind the 3 pooled rows would see it
 * through the merged kernel; without padding nothing does. */
Test(window, padding_on_what_a_pool_left_over_is_refused)
{
    const struct snn_window pool = {3, 3, 3, 3, 0, 0, 0, 0, 1, 1};
    struct snnconv_field f;
    expect_misfit(make(&f, &pool, 1, (struct snn_window){3, 3, 1, 1, 1, 1, 1, 1, 1, 1},
                       (struct snn_shape){1, 10, 10}, (struct snn_shape){1, 3, 3}),
                  (struct snnconv_misfit){SNN_CONSTRAINT_POOLING, 3, 4});
    expect_misfit(make(&f, &pool, 1, (struct snn_window){3, 3, 1, 1, 0, 0, 0, 0, 1, 1},
                       (struct snn_shape){1, 10, 10}, (struct snn_shape){1, 1, 1}),
                  (struct snnconv_misfit){SNN_CONSTRAINT_NONE, 0, 0});
    expect_misfit(make(&f, &pool, 1, (struct snn_window){3, 3, 1, 1, 1, 1, 1, 1, 1, 1},
                       (struct snn_shape){1, 9, 9}, (struct snn_shape){1, 3, 3}),
                  (struct snnconv_misfit){SNN_CONSTRAINT_NONE, 0, 0});
}

Test(window, groups_and_dilation_are_named)
{
    struct snn_synapse synapse = {
        .kind = SNN_SYNAPSE_CONV2D, .window = {3, 3, 1, 1, 1, 1, 1, 1, 1, 1}, .groups = 4};
    const struct snn_shape shape = {4, 8, 8};
    struct snnconv_field f;
    expect_misfit(snnconv_field_make(&f, &synapse, shape, shape, &chip),
                  (struct snnconv_misfit){SNN_CONSTRAINT_GROUPS, 4, 1});
    synapse.groups = 1;
    synapse.window.dilation_w = 2;
    expect_misfit(snnconv_field_make(&f, &synapse, shape, shape, &chip),
                  (struct snnconv_misfit){SNN_CONSTRAINT_DILATION, 2, 1});
}
