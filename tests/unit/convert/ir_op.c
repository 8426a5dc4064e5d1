/* Structural and elementwise operators on a few elements, values by hand from the ONNX operator
 * specification; and what files may ask of them that cannot be done. (ONNX's own node tests run the
 * operators through a reader, elsewhere.)
 */
#include "convert/ir/op.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "convert/ir/program.h"
#include "snn/status.h"
#include "tests/unit/convert/support.h"

enum { INPUTS_MAX = 6 };

/* The call that a test puts together. */
static struct {
    struct snnconv_attributes attributes;
    struct snnconv_array array[INPUTS_MAX];
    const struct snnconv_array *inputs[INPUTS_MAX];
    struct snnconv_array outputs[2];
    struct snnconv_call call;
    struct snnbase_arena arena;
} t;

static void op_begin(void)
{
    support_begin();
    snnbase_arena_init(&t.arena, support_context());
}

static void op_end(void)
{
    snnbase_arena_fini(&t.arena);
    support_end();
}

TestSuite(ir_op, .init = op_begin, .fini = op_end);

#define SHAPE(...)                                                              \
    sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (const int64_t[]) \
    {                                                                           \
        __VA_ARGS__                                                             \
    }
#define SCALAR 0, NULL

static void begin(enum snnconv_op op)
{
    snnconv_attributes_init(&t.attributes, op);
    t.call = (struct snnconv_call){
        .op = op,
        .attributes = &t.attributes,
        .inputs = t.inputs,
        .outputs = t.outputs,
        .output_count = 1,
    };
}

static void give(enum snnconv_type type, const void *data, size_t rank, const int64_t *dim)
{
    uint32_t index = t.call.input_count++;
    t.array[index] = (struct snnconv_array){.type = type, .rank = (uint32_t)rank, .data = data};
    if (rank > 0) memcpy(t.array[index].dim, dim, rank * sizeof(*dim));
    t.inputs[index] = &t.array[index];
}

static void give_f32(const float *data, size_t rank, const int64_t *dim)
{
    give(SNNCONV_TYPE_F32, data, rank, dim);
}

static void give_list(const int64_t *items, int64_t count)
{
    give(SNNCONV_TYPE_I64, items, 1, &count);
}

static void omit(void)
{
    t.inputs[t.call.input_count++] = NULL;
}

static void check_output(uint32_t index, const void *data, size_t rank, const int64_t *dim)
{
    const struct snnconv_array *output = &t.outputs[index];
    char text[SNNCONV_ARRAY_TEXT_SIZE];
    snnconv_array_format(text, output);
    cr_assert_eq(output->rank, rank, "%s", text);
    for (size_t i = 0; i < rank; i++)
        cr_assert_eq(output->dim[i], dim[i], "%s", text);
    const unsigned char *have = output->data, *want = data;
    size_t bytes = snnconv_array_count(output) * snnconv_type_size(output->type);
    for (size_t i = 0; i < bytes; i++)
        cr_assert_eq(have[i], want[i], "byte %zu of element %zu", i,
                     i / snnconv_type_size(output->type));
}

/* Output 0, bit by bit. */
static void expect(const void *data, size_t rank, const int64_t *dim)
{
    cr_assert_eq(snnconv_op_evaluate(support_context(), &t.call, &t.arena), SNN_OK, "%s",
                 snn_context_message(support_context()));
    check_output(0, data, rank, dim);
}

static void expect_shape(size_t rank, const int64_t *dim)
{
    cr_assert_eq(snnconv_op_shape(support_context(), &t.call), SNN_OK, "%s",
                 snn_context_message(support_context()));
    cr_assert_null(t.outputs[0].data);
    cr_assert_eq(t.outputs[0].rank, rank);
    for (size_t i = 0; i < rank; i++)
        cr_assert_eq(t.outputs[0].dim[i], dim[i]);
}

static void expect_error(int status, const char *message)
{
    cr_assert_eq(snnconv_op_evaluate(support_context(), &t.call, &t.arena), status, "%s",
                 snn_context_message(support_context()));
    cr_assert_str_eq(snn_context_message(support_context()), message);
}

static const float counting[24] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,
                                   12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23};

/* ---- The table ---- */

Test(ir_op, every_operator_has_a_row_that_its_name_finds)
{
    for (unsigned op = 0; op < SNNCONV_OP_COUNT; op++) {
        const struct snnconv_op_info *info = snnconv_op_info((enum snnconv_op)op);
        enum snnconv_op found = SNNCONV_OP_COUNT;
        cr_assert_not_null(info->name, "row %u", op);
        cr_assert(info->becomes != NULL && info->becomes[0] != '\0', "%s", info->name);
        cr_assert(info->input_min >= 1 && info->input_min <= info->input_max, "%s", info->name);
        cr_assert(info->output_max >= 1, "%s", info->name);
        cr_assert(snnconv_op_find(&found, info->name));
        cr_assert_eq(found, op, "two rows '%s'", info->name);
    }
    enum snnconv_op none;
    cr_assert_not(snnconv_op_find(&none, "relu"));
    cr_assert_null(snnconv_op_info(SNNCONV_OP_COUNT));
}

Test(ir_op, wrong_numbers_of_inputs_and_outputs_are_refused)
{
    begin(SNNCONV_OP_ADD);
    give_f32(counting, SHAPE(2));
    expect_error(SNN_ERR_INVALID, "Add with 1 inputs, at least 2 are needed");
    give_f32(counting, SHAPE(2));
    give_f32(counting, SHAPE(2));
    expect_error(SNN_ERR_INVALID, "Add with 3 inputs, at most 2 are known");
    t.call.input_count = 2;
    t.call.output_count = 2;
    expect_error(SNN_ERR_INVALID, "Add with 2 outputs, 1");
    t.call.output_count = 1;
    t.inputs[1] = NULL;
    expect_error(SNN_ERR_INVALID, "Add without input 1");
    t.inputs[1] = &t.array[1];
    t.array[1].type = SNNCONV_TYPE_NONE;
    expect_error(SNN_ERR_UNSUPPORTED, "Add: type and shape of input 1 are not known");
    t.array[1] = t.array[0];
    t.array[1].data = NULL;
    expect_error(SNN_ERR_INVALID, "Add: input 1 has no values");
}

/* ---- Shapes ---- */

Test(ir_op, reshape_takes_zero_and_minus_one)
{
    static const int64_t target[] = {0, -1, 2};
    begin(SNNCONV_OP_RESHAPE);
    give_f32(counting, SHAPE(2, 3, 4));
    give_list(target, 3);
    expect(counting, SHAPE(2, 6, 2));
    t.attributes.allow_zero = true;
    expect_error(SNN_ERR_INVALID, "[2, 3, 4] has other elements than [0, -1, 2]");
}

Test(ir_op, reshape_refuses_other_counts_and_products_beyond_64_bits)
{
    static const int64_t targets[][3] = {
        {5, 5, 1},    {-1, -1, 4},
        {-2, -12, 1}, {INT64_MAX, INT64_MAX, 24},
        {-1, 5, 1},   {INT64_C(1) << 32, INT64_C(1) << 32, 24}, /* 24 modulo 2^64 would be right */
    };
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        begin(SNNCONV_OP_RESHAPE);
        give_f32(counting, SHAPE(24));
        give_list(targets[i], 3);
        cr_assert_eq(snnconv_op_shape(support_context(), &t.call), SNN_ERR_INVALID, "%zu", i);
    }
}

Test(ir_op, a_shape_that_is_not_constant_is_unsupported)
{
    begin(SNNCONV_OP_RESHAPE);
    give_f32(counting, SHAPE(4));
    give_list(NULL, 2);
    cr_assert_eq(snnconv_op_shape(support_context(), &t.call), SNN_ERR_UNSUPPORTED);
    cr_assert_str_eq(snn_context_message(support_context()),
                     "the extents of the new shape are computed while the net runs, not constant");
}

Test(ir_op, squeeze_drops_ones_and_unsqueeze_brings_them_back)
{
    static const int64_t last = -1, axes[] = {-1, 0}, twice[] = {1, -3};
    begin(SNNCONV_OP_SQUEEZE);
    give_f32(counting, SHAPE(1, 3, 1));
    expect(counting, SHAPE(3));
    give_list(&last, 1);
    expect(counting, SHAPE(1, 3));
    t.array[0].dim[2] = 2;
    expect_error(SNN_ERR_INVALID, "axis 2 of 2 elements cannot be squeezed");
    begin(SNNCONV_OP_UNSQUEEZE);
    give_f32(counting, SHAPE(2, 3));
    give_list(axes, 2);
    expect(counting, SHAPE(1, 2, 3, 1));
    t.array[1].data = twice;
    expect_error(SNN_ERR_INVALID, "axis -3 twice");
}

Test(ir_op, unsqueeze_beyond_the_largest_rank_is_refused)
{
    static const int64_t axes[9] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    begin(SNNCONV_OP_UNSQUEEZE);
    give_f32(counting, SHAPE(3));
    give_list(axes, 9);
    expect_error(SNN_ERR_LIMIT, "a tensor of 10 axes, at most 8");
}

Test(ir_op, flatten_splits_at_its_axis)
{
    begin(SNNCONV_OP_FLATTEN);
    give_f32(counting, SHAPE(2, 3, 4));
    expect(counting, SHAPE(2, 12));
    t.attributes.axis = -1;
    expect(counting, SHAPE(6, 4));
    t.attributes.axis = 3;
    expect(counting, SHAPE(24, 1));
    t.attributes.axis = 0;
    expect(counting, SHAPE(1, 24));
    t.attributes.axis = 4;
    expect_error(SNN_ERR_INVALID, "axis 4 of a tensor of 3");
}

Test(ir_op, shape_needs_no_values)
{
    begin(SNNCONV_OP_SHAPE);
    give_f32(NULL, SHAPE(2, 3, 4));
    expect((const int64_t[]){2, 3, 4}, SHAPE(3));
    t.attributes.start = -2;
    expect((const int64_t[]){3, 4}, SHAPE(2));
    t.attributes.end = -1;
    expect((const int64_t[]){3}, SHAPE(1));
    t.attributes.start = 5;
    expect(NULL, SHAPE(0));
}

Test(ir_op, constant_of_shape_repeats_its_value)
{
    static const int64_t shape[] = {2, 2}, negative = -1;
    static const int32_t seven = 7;
    begin(SNNCONV_OP_CONSTANT_OF_SHAPE);
    give_list(shape, 2);
    expect((const float[]){0, 0, 0, 0}, SHAPE(2, 2));
    t.attributes.value = (struct snnconv_array){.type = SNNCONV_TYPE_I32, .data = &seven};
    expect((const int32_t[]){7, 7, 7, 7}, SHAPE(2, 2));
    cr_assert_eq(t.outputs[0].type, SNNCONV_TYPE_I32);
    give_list(&negative, 1);
    t.inputs[0] = t.inputs[1];
    t.call.input_count = 1;
    expect_error(SNN_ERR_FORMAT, "a tensor of shape [-1]");
}

Test(ir_op, outputs_are_held_against_the_limits)
{
    static const int64_t huge[] = {1 << 20, 1 << 20};
    begin(SNNCONV_OP_CONSTANT_OF_SHAPE);
    give_list(huge, 2);
    expect_error(SNN_ERR_LIMIT,
                 "a tensor of float32 [1048576, 1048576] exceeds the limit of 1073741824 bytes");
}

/* ---- Moves ---- */

Test(ir_op, transpose_follows_its_permutation)
{
    begin(SNNCONV_OP_TRANSPOSE);
    give_f32(counting, SHAPE(2, 3));
    expect((const float[]){0, 3, 1, 4, 2, 5}, SHAPE(3, 2));
    begin(SNNCONV_OP_TRANSPOSE);
    give(SNNCONV_TYPE_U8, "abcdefgh", SHAPE(2, 2, 2));
    t.attributes.perm_count = 3;
    t.attributes.perm[0] = 1, t.attributes.perm[1] = 0, t.attributes.perm[2] = 2;
    expect("abefcdgh", SHAPE(2, 2, 2));
    t.attributes.perm[0] = 2;
    expect_error(SNN_ERR_INVALID, "axis 2 in a permutation of 3 axes is there twice");
    t.attributes.perm[0] = INT64_MAX;
    expect_error(SNN_ERR_INVALID,
                 "axis 9223372036854775807 in a permutation of 3 axes is none of them");
    t.attributes.perm_count = 2;
    expect_error(SNN_ERR_INVALID, "a permutation of 2 axes for a tensor of 3");
}

Test(ir_op, transposing_an_empty_tensor_moves_nothing)
{
    begin(SNNCONV_OP_TRANSPOSE);
    give_f32(counting, SHAPE(3, 0, 2));
    expect(NULL, SHAPE(2, 0, 3));
}

Test(ir_op, slice_cuts_with_steps_of_either_sign)
{
    static const int64_t start[] = {1, -1}, end[] = {3, INT64_MIN}, axes[] = {0, 1},
                         step[] = {1, -2};
    begin(SNNCONV_OP_SLICE);
    give_f32(counting, SHAPE(4, 4));
    give_list(start, 2);
    give_list(end, 2);
    give_list(axes, 2);
    give_list(step, 2);
    expect((const float[]){7, 5, 11, 9}, SHAPE(2, 2)); /* rows 1, 2; columns 3, 1 */
}

Test(ir_op, slice_cuts_bounds_off_at_the_extent)
{
    static const struct {
        int64_t start, end, step, count;
    } cases[] = {
        {0, INT64_MAX, 1, 4},
        {INT64_MIN, INT64_MAX, INT64_MAX, 1},
        {INT64_MAX, INT64_MIN, INT64_MIN, 1},
        {INT64_MAX, INT64_MIN, -1, 4},
        {2, 2, 1, 0},
        {3, 1, 1, 0},
        {1, 3, -1, 0},
        {-3, -1, 1, 2},
        {0, 4, 3, 2},
        {3, -5, -3, 2},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin(SNNCONV_OP_SLICE);
        give_f32(counting, SHAPE(4));
        give_list(&cases[i].start, 1);
        give_list(&cases[i].end, 1);
        omit();
        give_list(&cases[i].step, 1);
        cr_assert_eq(snnconv_op_evaluate(support_context(), &t.call, &t.arena), SNN_OK);
        cr_assert_eq(t.outputs[0].dim[0], cases[i].count, "case %zu", i);
    }
}

Test(ir_op, slice_of_an_empty_axis_is_empty)
{
    static const int64_t start = -1, end = INT64_MIN, axis = 0, step = -1, zero = 0;
    begin(SNNCONV_OP_SLICE);
    give_f32(counting, SHAPE(0));
    give_list(&start, 1);
    give_list(&end, 1);
    give_list(&axis, 1);
    give_list(&step, 1);
    expect(NULL, SHAPE(0));
    t.array[4].data = &zero;
    expect_error(SNN_ERR_INVALID, "axis 0 is cut in steps of 0");
}

Test(ir_op, gather_takes_indices_from_either_end)
{
    static const int64_t indices[] = {2, -3, 0, 1};
    begin(SNNCONV_OP_GATHER);
    give_f32(counting, SHAPE(2, 3));
    give(SNNCONV_TYPE_I64, indices, SHAPE(2, 2));
    t.attributes.axis = 1;
    expect((const float[]){2, 0, 0, 1, 5, 3, 3, 4}, SHAPE(2, 2, 2));
    t.attributes.axis = 0;
    expect_error(SNN_ERR_INVALID, "index 2 into an axis of 2");
    begin(SNNCONV_OP_GATHER); /* of a shape, one extent as a scalar */
    give_list((const int64_t[]){5, 6, 7}, 3);
    give(SNNCONV_TYPE_I32, (const int32_t[]){-1}, SCALAR);
    expect((const int64_t[]){7}, SCALAR);
}

Test(ir_op, concat_joins_along_its_axis)
{
    begin(SNNCONV_OP_CONCAT);
    give_f32(counting, SHAPE(2, 1));
    give_f32(counting + 10, SHAPE(2, 2));
    give_f32(counting, SHAPE(2, 0));
    t.attributes.axis = -1;
    expect((const float[]){0, 10, 11, 1, 12, 13}, SHAPE(2, 3));
    t.attributes.axis = 0;
    expect_error(SNN_ERR_INVALID, "[2, 1] and [2, 2] do not join at axis 0");
    t.array[1].type = SNNCONV_TYPE_I32;
    expect_error(SNN_ERR_INVALID, "inputs of float32 and int32, one type is expected");
}

Test(ir_op, pad_frames_with_a_constant_and_cuts_off)
{
    static const int64_t pads[] = {1, -1, 0, 2}; /* rows: 1 before; columns: -1 before, 2 behind */
    begin(SNNCONV_OP_PAD);
    give_f32(counting, SHAPE(2, 2));
    give_list(pads, 4);
    give_f32((const float[]){9}, SCALAR);
    expect((const float[]){9, 9, 9, 1, 9, 9, 3, 9, 9}, SHAPE(3, 3));
    t.call.input_count = 2;
    expect((const float[]){0, 0, 0, 1, 0, 0, 3, 0, 0}, SHAPE(3, 3));
}

Test(ir_op, pad_shows_the_tensor_in_its_frame)
{
    static const int64_t pads[] = {4, 4};
    static const struct {
        int mode;
        float values[11];
    } cases[] = {
        {SNNCONV_PAD_EDGE, {0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2}},
        {SNNCONV_PAD_REFLECT, {0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2}},
        {SNNCONV_PAD_WRAP, {2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin(SNNCONV_OP_PAD);
        give_f32(counting, SHAPE(3));
        give_list(pads, 2);
        memcpy(&t.attributes.pad, &cases[i].mode, sizeof(t.attributes.pad));
        expect(cases[i].values, SHAPE(11));
    }
}

Test(ir_op, pad_refuses_what_leaves_no_extent)
{
    static const int64_t pads[][2] = {{-2, -2}, {INT64_MAX, INT64_MAX}, {INT64_MIN, 0}};
    for (size_t i = 0; i < 3; i++) {
        begin(SNNCONV_OP_PAD);
        give_f32(counting, SHAPE(3));
        give_list(pads[i], 2);
        cr_assert_eq(snnconv_op_shape(support_context(), &t.call), SNN_ERR_INVALID);
    }
    begin(SNNCONV_OP_PAD);
    give_f32(counting, SHAPE(3));
    give_list(pads[0], 1);
    expect_error(SNN_ERR_INVALID, "1 pads for 1 axes");
}

/* ---- Arithmetic ---- */

Test(ir_op, arithmetic_broadcasts_as_numpy_does)
{
    begin(SNNCONV_OP_ADD); /* a channel's bias over two rows and columns */
    give_f32(counting, SHAPE(1, 2, 2, 2));
    give_f32((const float[]){10, 20}, SHAPE(2, 1, 1));
    expect((const float[]){10, 11, 12, 13, 24, 25, 26, 27}, SHAPE(1, 2, 2, 2));
    begin(SNNCONV_OP_SUB); /* both stretch */
    give_f32((const float[]){10, 20}, SHAPE(2, 1));
    give_f32((const float[]){1, 2, 3}, SHAPE(3));
    expect((const float[]){9, 8, 7, 19, 18, 17}, SHAPE(2, 3));
    begin(SNNCONV_OP_MUL); /* a scalar on the left */
    give_f32((const float[]){-2}, SCALAR);
    give_f32(counting, SHAPE(2, 2));
    expect((const float[]){-0.0F, -2, -4, -6}, SHAPE(2, 2));
    begin(SNNCONV_OP_DIV);
    give_f32(counting, SHAPE(3));
    give_f32((const float[]){2}, SHAPE(1));
    expect((const float[]){0, 0.5F, 1}, SHAPE(3));
    begin(SNNCONV_OP_ADD);
    give_f32(counting, SCALAR);
    give_f32(counting + 3, SCALAR);
    expect((const float[]){3}, SCALAR);
}

/* Every pattern of stretched axes of two rank-4 tensors against indexing by hand. */
Test(ir_op, every_pattern_of_broadcasting_picks_the_right_elements)
{
    static const int64_t full[4] = {2, 3, 1, 4};
    for (unsigned pattern = 0; pattern < 256; pattern++) {
        int64_t dim[2][4];
        for (unsigned i = 0; i < 4; i++) {
            dim[0][i] = (pattern >> i & 1) != 0 ? 1 : full[i];
            dim[1][i] = (pattern >> (4 + i) & 1) != 0 ? 1 : full[i];
        }
        begin(SNNCONV_OP_SUB);
        give_f32(counting, 4, dim[0]);
        give_f32(counting, 4, dim[1]);
        cr_assert_eq(snnconv_op_evaluate(support_context(), &t.call, &t.arena), SNN_OK);
        const int64_t *to = t.outputs[0].dim;
        const float *value = t.outputs[0].data;
        for (int64_t k = 0; k < to[0] * to[1] * to[2] * to[3]; k++) {
            const int64_t at[4] = {k / to[3] / to[2] / to[1], k / to[3] / to[2] % to[1],
                                   k / to[3] % to[2], k % to[3]};
            int64_t place[2] = {0, 0};
            for (unsigned s = 0; s < 2; s++) {
                for (unsigned i = 0; i < 4; i++)
                    place[s] = place[s] * dim[s][i] + (dim[s][i] == 1 ? 0 : at[i]);
            }
            cr_assert_eq(value[k], (float)(place[0] - place[1]), "pattern %02x", pattern);
        }
    }
}

Test(ir_op, shapes_that_do_not_broadcast_are_refused)
{
    begin(SNNCONV_OP_ADD);
    give_f32(counting, SHAPE(2, 3));
    give_f32(counting, SHAPE(2));
    expect_error(SNN_ERR_INVALID, "tensors of shape [2, 3] and [2] do not broadcast");
    t.array[1].type = SNNCONV_TYPE_I64;
    expect_error(SNN_ERR_INVALID, "inputs of float32 and int64, one type is expected");
    t.array[0].type = t.array[1].type = SNNCONV_TYPE_BOOL;
    expect_error(SNN_ERR_UNSUPPORTED, "an input of bool, numbers are expected");
}

Test(ir_op, sum_adds_up_any_number_of_inputs)
{
    begin(SNNCONV_OP_SUM);
    give_f32(counting, SHAPE(2));
    expect((const float[]){0, 1}, SHAPE(2));
    give_f32((const float[]){10}, SHAPE(1));
    give_f32((const float[]){100, 200}, SHAPE(2, 1));
    expect((const float[]){110, 111, 210, 211}, SHAPE(2, 2));
    t.inputs[2] = NULL;
    expect_error(SNN_ERR_INVALID, "Sum without input 2");
}

Test(ir_op, integer_division_truncates_toward_zero)
{
    begin(SNNCONV_OP_DIV);
    give(SNNCONV_TYPE_I32, (const int32_t[]){-7, 7, INT32_MIN}, SHAPE(3));
    give(SNNCONV_TYPE_I32, (const int32_t[]){2, -2, -1}, SHAPE(3));
    expect((const int32_t[]){-3, -3, INT32_MIN}, SHAPE(3));
    begin(SNNCONV_OP_DIV);
    give(SNNCONV_TYPE_I64, (const int64_t[]){INT64_MIN}, SHAPE(1));
    give(SNNCONV_TYPE_I64, (const int64_t[]){-1}, SHAPE(1));
    expect((const int64_t[]){INT64_MIN}, SHAPE(1));
    begin(SNNCONV_OP_DIV);
    give(SNNCONV_TYPE_U64, (const uint64_t[]){UINT64_MAX}, SHAPE(1));
    give(SNNCONV_TYPE_U64, (const uint64_t[]){2}, SHAPE(1));
    expect((const uint64_t[]){UINT64_MAX / 2}, SHAPE(1));
    t.array[1].data = (const uint64_t[]){0};
    expect_error(SNN_ERR_INVALID, "an integer is divided by 0");
}

Test(ir_op, integers_wrap_around)
{
    begin(SNNCONV_OP_ADD);
    give(SNNCONV_TYPE_U8, (const uint8_t[]){250}, SHAPE(1));
    give(SNNCONV_TYPE_U8, (const uint8_t[]){10}, SHAPE(1));
    expect((const uint8_t[]){4}, SHAPE(1));
    begin(SNNCONV_OP_MUL);
    give(SNNCONV_TYPE_I64, (const int64_t[]){INT64_MAX}, SHAPE(1));
    give(SNNCONV_TYPE_I64, (const int64_t[]){2}, SHAPE(1));
    expect((const int64_t[]){-2}, SHAPE(1));
}

Test(ir_op, halves_are_rounded_once)
{
    begin(SNNCONV_OP_ADD); /* 2048 + 1 is a tie between 2048 and 2050 */
    give(SNNCONV_TYPE_F16, (const uint16_t[]){0x6800, 0x6800}, SHAPE(2));
    give(SNNCONV_TYPE_F16, (const uint16_t[]){0x3c00, 0x4200}, SHAPE(2)); /* 1 and 3 */
    expect((const uint16_t[]){0x6800, 0x6802}, SHAPE(2));                 /* 2048, 2052 */
}

/* ---- Activations ---- */

Test(ir_op, activations_on_a_few_values)
{
    static const float x[4] = {-4, -0.5F, 0, 2};
    begin(SNNCONV_OP_RELU);
    give_f32(x, SHAPE(4));
    expect((const float[]){0, 0, 0, 2}, SHAPE(4));
    begin(SNNCONV_OP_LEAKY_RELU);
    give_f32(x, SHAPE(4));
    t.attributes.alpha = 0.25F;
    expect((const float[]){-1, -0.125F, 0, 2}, SHAPE(4));
    begin(SNNCONV_OP_SIGMOID);
    give_f32((const float[]){-1000, 0, 1000}, SHAPE(3));
    expect((const float[]){0, 0.5F, 1}, SHAPE(3));
    begin(SNNCONV_OP_RELU);
    give(SNNCONV_TYPE_I8, (const int8_t[]){-128, 127}, SHAPE(2));
    expect((const int8_t[]){0, 127}, SHAPE(2));
    begin(SNNCONV_OP_RELU);
    give(SNNCONV_TYPE_U64, (const uint64_t[]){UINT64_MAX}, SHAPE(1));
    expect((const uint64_t[]){UINT64_MAX}, SHAPE(1));
    begin(SNNCONV_OP_LEAKY_RELU);
    give(SNNCONV_TYPE_I8, (const int8_t[]){-128}, SHAPE(1));
    expect_error(SNN_ERR_UNSUPPORTED, "an input of int8, floats are expected");
}

Test(ir_op, clip_takes_either_bound_or_none)
{
    static const float x[4] = {-1, 0, 3, 9};
    begin(SNNCONV_OP_CLIP);
    give_f32(x, SHAPE(4));
    expect(x, SHAPE(4));
    omit();
    give_f32((const float[]){6}, SCALAR);
    expect((const float[]){-1, 0, 3, 6}, SHAPE(4));
    t.array[1] = t.array[2];
    t.inputs[1] = &t.array[1];
    t.array[1].data = (const float[]){2};
    expect((const float[]){2, 2, 3, 6}, SHAPE(4));
    t.array[1].data = (const float[]){7}; /* above the upper bound, which holds */
    expect((const float[]){6, 6, 6, 6}, SHAPE(4));
    t.array[1].rank = 1;
    t.array[1].dim[0] = 2;
    expect_error(SNN_ERR_INVALID, "2 lower bounds, one is expected");
    begin(SNNCONV_OP_CLIP);
    give(SNNCONV_TYPE_U64, (const uint64_t[]){1, UINT64_MAX}, SHAPE(2));
    give(SNNCONV_TYPE_U64, (const uint64_t[]){2}, SCALAR);
    expect((const uint64_t[]){2, UINT64_MAX}, SHAPE(2));
}

Test(ir_op, nan_stays_nan)
{
    static const enum snnconv_op ops[] = {SNNCONV_OP_RELU, SNNCONV_OP_LEAKY_RELU, SNNCONV_OP_CLIP,
                                          SNNCONV_OP_SIGMOID};
    const float value = NAN, zero = 0;
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        begin(ops[i]);
        give_f32(&value, SHAPE(1));
        if (ops[i] == SNNCONV_OP_CLIP) give_f32(&zero, SCALAR);
        cr_assert_eq(snnconv_op_evaluate(support_context(), &t.call, &t.arena), SNN_OK);
        cr_assert(isnan(*(const float *)t.outputs[0].data), "%zu", i);
    }
}

Test(ir_op, cast_goes_between_all_kinds)
{
    begin(SNNCONV_OP_CAST);
    give_f32((const float[]){-1.5F, 300, 0}, SHAPE(3));
    t.attributes.to = SNNCONV_TYPE_U8;
    expect((const uint8_t[]){0, 255, 0}, SHAPE(3));
    t.attributes.to = SNNCONV_TYPE_BOOL;
    expect((const uint8_t[]){1, 1, 0}, SHAPE(3));
    t.attributes.to = SNNCONV_TYPE_F16;
    expect((const uint16_t[]){0xbe00, 0x5cb0, 0}, SHAPE(3)); /* 300 = 1.171875 * 256 */
    t.attributes.to = SNNCONV_TYPE_NONE;
    expect_error(SNN_ERR_INVALID, "a cast to no type");
    begin(SNNCONV_OP_CAST); /* exact beyond 2^53 */
    give(SNNCONV_TYPE_I64, (const int64_t[]){(INT64_C(1) << 53) + 1}, SHAPE(1));
    t.attributes.to = SNNCONV_TYPE_U64;
    expect((const uint64_t[]){(UINT64_C(1) << 53) + 1}, SHAPE(1));
}

Test(ir_op, dropout_is_nothing_unless_it_trains)
{
    static const uint8_t no = 0, yes = 1;
    static const float none = 0, half = 0.5F;
    begin(SNNCONV_OP_DROPOUT);
    give_f32(counting, SHAPE(3));
    t.call.output_count = 2;
    expect(counting, SHAPE(3));
    check_output(1, (const uint8_t[]){1, 1, 1}, SHAPE(3));
    cr_assert_eq(t.outputs[1].type, SNNCONV_TYPE_BOOL);
    give_f32(&half, SCALAR);
    give(SNNCONV_TYPE_BOOL, &no, SCALAR);
    expect(counting, SHAPE(3));
    t.array[2].data = &yes;
    expect_error(SNN_ERR_UNSUPPORTED, "dropout of 0.5 in training mode is random");
    t.array[1].data = &none;
    expect(counting, SHAPE(3));
}

Test(ir_op, neurons_have_a_shape_but_no_values)
{
    static const float threshold[3] = {1, 2, 3};
    begin(SNNCONV_OP_IF);
    give_f32(counting, SHAPE(1, 3, 2, 2));
    give_f32(threshold, SHAPE(3, 1, 1));
    expect_shape(SHAPE(1, 3, 2, 2));
    expect_error(SNN_ERR_UNSUPPORTED, "IF has no values of its own");
    t.array[1].rank = 1;
    cr_assert_eq(snnconv_op_shape(support_context(), &t.call), SNN_ERR_INVALID);
    give_f32(threshold, SHAPE(1, 1, 1, 1)); /* a batch axis is not theirs */
    t.array[1].rank = 0;
    expect_error(SNN_ERR_INVALID, "parameters of shape [1, 1, 1, 1] for neurons [3, 2, 2]");
}

/* ---- Along axes ---- */

Test(ir_op, softmax_over_one_axis_or_all_from_it_on)
{
    /* Equal values share: 1/2 along an axis of 2, 1/4 over both axes. */
    begin(SNNCONV_OP_SOFTMAX);
    give_f32((const float[]){5, 5, 5, 5}, SHAPE(1, 2, 2));
    expect((const float[]){0.5F, 0.5F, 0.5F, 0.5F}, SHAPE(1, 2, 2));
    t.attributes.axis = 1;
    t.attributes.flatten_axes = true;
    expect((const float[]){0.25F, 0.25F, 0.25F, 0.25F}, SHAPE(1, 2, 2));
    begin(SNNCONV_OP_SOFTMAX); /* no overflow; along the first axis */
    give_f32((const float[]){1000, 0, -1000, 0}, SHAPE(2, 2));
    t.attributes.axis = 0;
    expect((const float[]){1, 0.5F, 0, 0.5F}, SHAPE(2, 2));
    begin(SNNCONV_OP_LOG_SOFTMAX);
    give_f32((const float[]){0, -1000}, SHAPE(1, 2));
    expect((const float[]){0, -1000}, SHAPE(1, 2));
    t.array[0].type = SNNCONV_TYPE_I32;
    expect_error(SNN_ERR_UNSUPPORTED, "an input of int32, floats are expected");
}

Test(ir_op, arg_max_takes_the_first_or_the_last)
{
    begin(SNNCONV_OP_ARG_MAX);
    give_f32((const float[]){1, 7, 7, 9, 3, 9}, SHAPE(2, 3));
    t.attributes.axis = -1;
    expect((const int64_t[]){1, 0}, SHAPE(2, 1));
    t.attributes.select_last_index = true;
    t.attributes.keepdims = false;
    expect((const int64_t[]){2, 2}, SHAPE(2));
    t.attributes.axis = 0;
    expect((const int64_t[]){1, 0, 1}, SHAPE(3));
    t.array[0].dim[0] = 0;
    expect_error(SNN_ERR_INVALID, "axis 0 has no largest element");
    begin(SNNCONV_OP_ARG_MAX);
    give(SNNCONV_TYPE_U64, (const uint64_t[]){1, UINT64_MAX}, SHAPE(2));
    expect((const int64_t[]){1}, SHAPE(1));
}

Test(ir_op, reduce_mean_over_listed_axes_or_all)
{
    static const int64_t axes[] = {2, -1};
    begin(SNNCONV_OP_REDUCE_MEAN);
    give_f32(counting, SHAPE(1, 2, 2, 2));
    expect((const float[]){3.5F}, SHAPE(1, 1, 1, 1));
    give_list(axes, 2);
    expect((const float[]){1.5F, 5.5F}, SHAPE(1, 2, 1, 1));
    t.attributes.keepdims = false;
    expect((const float[]){1.5F, 5.5F}, SHAPE(1, 2));
    t.array[1].dim[0] = 1; /* rows only */
    expect((const float[]){1, 2, 5, 6}, SHAPE(1, 2, 2));
    t.array[1].dim[0] = 0;
    t.attributes.noop_with_empty_axes = true;
    expect(counting, SHAPE(1, 2, 2, 2));
    begin(SNNCONV_OP_REDUCE_MEAN);
    give(SNNCONV_TYPE_I32, (const int32_t[]){-1, -2}, SHAPE(2));
    expect((const int32_t[]){-1}, SHAPE(1)); /* -1.5 */
}

Test(ir_op, reduce_max_over_listed_axes_or_all)
{
    static const int64_t axes[] = {2, -1};
    static const float mixed[] = {-5, -2, -3, -4, 7, 1, 7, 0};
    begin(SNNCONV_OP_REDUCE_MAX);
    give_f32(mixed, SHAPE(1, 2, 2, 2));
    expect((const float[]){7}, SHAPE(1, 1, 1, 1));
    give_list(axes, 2);
    expect((const float[]){-2, 7}, SHAPE(1, 2, 1, 1));
    t.attributes.keepdims = false;
    expect((const float[]){-2, 7}, SHAPE(1, 2));
    t.array[1].dim[0] = 1; /* rows only */
    expect((const float[]){-3, -2, 7, 1}, SHAPE(1, 2, 2));
    t.array[1].dim[0] = 0;
    t.attributes.noop_with_empty_axes = true;
    expect(mixed, SHAPE(1, 2, 2, 2));
    begin(SNNCONV_OP_REDUCE_MAX);
    give(SNNCONV_TYPE_I64, (const int64_t[]){INT64_MAX - 1, INT64_MAX}, SHAPE(2));
    expect((const int64_t[]){INT64_MAX}, SHAPE(1));
    t.array[0].dim[0] = 0;
    expect_error(SNN_ERR_INVALID, "axis 0 has no largest element");
}
