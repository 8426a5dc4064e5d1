/* Where windows lie: snnconv_op_axis against the formulae of the ONNX specification, worked out by
 * hand, and against counting.
 */
#include <criterion/criterion.h>

#include "tests/unit/convert/op_support.h"

TestSuite(op_window, .init = support_begin, .fini = support_end);

#define UPPER SNNCONV_AUTO_PAD_SAME_UPPER
#define LOWER SNNCONV_AUTO_PAD_SAME_LOWER
#define VALID SNNCONV_AUTO_PAD_VALID
#define NOTSET SNNCONV_AUTO_PAD_NOTSET

static struct snnconv_attributes attributes_of(int64_t stride, int64_t dilation, int64_t begin,
                                               int64_t end)
{
    return (struct snnconv_attributes){
        .spatial = 1,
        .stride = {stride},
        .dilation = {dilation},
        .pad_begin = {begin},
        .pad_end = {end},
    };
}

Test(op_window, auto_pad_follows_the_formulae)
{
    static const struct {
        enum snnconv_auto_pad auto_pad;
        int64_t extent, kernel, stride, dilation;
        int64_t positions, begin, end;
    } cases[] = {
        /* SAME: ceil(extent / stride) positions, (positions - 1) * stride + reach - extent pads */
        {UPPER, 5, 3, 2, 1, 3, 1, 1},   /* 2 * 2 + 3 - 5 = 2 */
        {UPPER, 32, 2, 1, 1, 32, 0, 1}, /* 31 + 2 - 32 = 1: to the end */
        {LOWER, 32, 2, 1, 1, 32, 1, 0}, /* ... to the beginning */
        {UPPER, 6, 3, 2, 1, 3, 0, 1},   /* 4 + 3 - 6 = 1 */
        {LOWER, 6, 3, 2, 1, 3, 1, 0},
        {UPPER, 7, 4, 1, 1, 7, 1, 2}, /* 6 + 4 - 7 = 3 */
        {LOWER, 7, 4, 1, 1, 7, 2, 1},
        {UPPER, 7, 3, 3, 2, 3, 2, 2}, /* reach 5: 6 + 5 - 7 = 4 */
        {UPPER, 4, 1, 2, 1, 2, 0, 0}, /* 2 + 1 - 4 < 0: none */
        {UPPER, 1, 5, 4, 1, 1, 2, 2},
        /* VALID: ceil((extent - reach + 1) / stride) */
        {VALID, 7, 3, 2, 1, 3, 0, 0}, /* ceil(5 / 2) */
        {VALID, 6, 3, 2, 1, 2, 0, 0}, /* ceil(4 / 2) */
        {VALID, 7, 3, 2, 3, 1, 0, 0}, /* reach 7: ceil(1 / 2) */
        {VALID, 2, 3, 1, 1, 0, 0, 0}, /* ceil(0 / 1) */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        for (int ceil_mode = 0; ceil_mode <= 1; ceil_mode++) {
            /* Pads of their own are ignored beside auto_pad, and so is ceil_mode: the formulae of
             * both modes are the same. */
            struct snnconv_attributes attributes =
                attributes_of(cases[i].stride, cases[i].dilation, 3, 4);
            attributes.auto_pad = cases[i].auto_pad;
            attributes.ceil_mode = ceil_mode != 0;
            const struct snnconv_axis axis =
                snnconv_op_axis(&attributes, 0, cases[i].extent, cases[i].kernel);
            cr_expect_eq(axis.positions, cases[i].positions, "case %zu: %d positions", i,
                         (int)axis.positions);
            cr_expect_eq(axis.pad_begin, cases[i].begin, "case %zu: %d before", i,
                         (int)axis.pad_begin);
            cr_expect_eq(axis.pad_end, cases[i].end, "case %zu: %d behind", i, (int)axis.pad_end);
        }
    }
}

Test(op_window, ceil_mode_adds_a_window_that_starts_inside)
{
    static const struct {
        int64_t extent, kernel, stride, begin, end, down, up;
    } cases[] = {
        {4, 3, 2, 0, 0, 1, 2}, /* (4 - 3) / 2 + 1 = 1.5 */
        {5, 3, 2, 0, 0, 2, 2}, /* nothing to round */
        {2, 3, 3, 1, 1, 1, 1}, /* 1.33: the second would start at 3 = 1 + 2, in the pad */
        {3, 3, 3, 1, 1, 1, 2}, /* 1.67: the second starts at 3 < 1 + 3 */
        {2, 3, 2, 0, 0, 0, 1}, /* 0.5: one window that hangs over */
        {1, 3, 2, 0, 0, 0, 0}, /* 0 */
        {6, 1, 4, 0, 0, 2, 2}, /* 2.25: the third would start at 8 */
        {1, 2, 1, 0, 5, 5, 1}, /* whatever starts in the pad */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct snnconv_attributes attributes =
            attributes_of(cases[i].stride, 1, cases[i].begin, cases[i].end);
        int64_t down = snnconv_op_axis(&attributes, 0, cases[i].extent, cases[i].kernel).positions;
        attributes.ceil_mode = true;
        int64_t up = snnconv_op_axis(&attributes, 0, cases[i].extent, cases[i].kernel).positions;
        cr_expect_eq(down, cases[i].down, "case %zu: %d rounded down", i, (int)down);
        cr_expect_eq(up, cases[i].up, "case %zu: %d rounded up", i, (int)up);
    }
}

/* Windows from the beginning of the padded input that end inside it. */
static int64_t count(int64_t padded, int64_t reach, int64_t stride)
{
    int64_t windows = 0;
    while (windows * stride + reach <= padded)
        windows++;
    return windows;
}

Test(op_window, positions_are_windows_that_fit)
{
    for (int code = 0; code < 12 * 4 * 3 * 3 * 3 * 3; code++) {
        int64_t extent = code % 12, kernel = code / 12 % 4 + 1, stride = code / 48 % 3 + 1;
        int64_t dilation = code / 144 % 3 + 1, begin = code / 432 % 3, end = code / 1296;
        const struct snnconv_attributes attributes = attributes_of(stride, dilation, begin, end);
        int64_t expected = count(extent + begin + end, (kernel - 1) * dilation + 1, stride);
        int64_t positions = snnconv_op_axis(&attributes, 0, extent, kernel).positions;
        cr_assert_eq(positions, expected, "case %d: %d, %d expected", code, (int)positions,
                     (int)expected);
    }
}

Test(op_window, axes_without_attributes_have_stride_one)
{
    const struct snnconv_attributes attributes = attributes_of(2, 2, 1, 1);
    const struct snnconv_axis axis = snnconv_op_axis(&attributes, 1, 7, 3);
    cr_expect_eq(axis.positions, 5);
    cr_expect_eq(axis.stride, 1);
    cr_expect_eq(axis.dilation, 1);
    cr_expect_eq(axis.pad_begin, 0);
}

Test(op_window, numbers_out_of_range_fit_nowhere)
{
    static const int64_t bad[] = {0, -1, INT64_MIN, INT64_MAX, (int64_t)INT32_MAX + 1};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct snnconv_attributes attributes = attributes_of(1, 1, 0, 0);
        cr_expect_leq(snnconv_op_axis(&attributes, 0, 5, bad[i]).positions, 0);
        if (bad[i] != 0) cr_expect_leq(snnconv_op_axis(&attributes, 0, bad[i], 1).positions, 0);
        attributes.stride[0] = bad[i];
        cr_expect_leq(snnconv_op_axis(&attributes, 0, 5, 1).positions, 0);
        attributes = attributes_of(1, bad[i], 0, 0);
        cr_expect_leq(snnconv_op_axis(&attributes, 0, 5, 1).positions, 0);
        if (bad[i] == 0) continue;
        attributes = attributes_of(1, 1, bad[i], 0);
        cr_expect_leq(snnconv_op_axis(&attributes, 0, 5, 1).positions, 0);
        attributes = attributes_of(1, 1, 0, bad[i]);
        cr_expect_leq(snnconv_op_axis(&attributes, 0, 5, 1).positions, 0);
    }
    const struct snnconv_attributes huge = attributes_of(1, INT32_MAX, INT32_MAX, INT32_MAX);
    cr_expect_leq(snnconv_op_axis(&huge, 0, 5, INT32_MAX).positions, 0);
}
