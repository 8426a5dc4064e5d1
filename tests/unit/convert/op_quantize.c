/* QuantizeLinear and DequantizeLinear: rounding, ends of the types, and which element has which
 * scale; by hand.
 */
#include <criterion/criterion.h>
#include <math.h>

#include "snn/status.h"
#include "tests/unit/convert/op_support.h"

TestSuite(op_quantize, .init = op_begin, .fini = op_end);

static const float one[] = {1}, two[] = {2};

static struct op_case quantize(struct snnconv_array x, struct snnconv_array scale)
{
    struct op_case test = op_case(SNNCONV_OP_QUANTIZE_LINEAR);
    op_input(&test, x);
    op_input(&test, scale);
    return test;
}

static struct op_case dequantize(struct snnconv_array x, struct snnconv_array scale)
{
    struct op_case test = op_case(SNNCONV_OP_DEQUANTIZE_LINEAR);
    op_input(&test, x);
    op_input(&test, scale);
    return test;
}

Test(op_quantize, halves_go_to_the_even_neighbour_before_the_zero_point)
{
    static const float x[] = {1, 3, 5, -1, -3, 2.9F, 3.1F};
    static const uint8_t zero[] = {101}, y[] = {101, 103, 103, 101, 99, 102, 103};
    struct op_case test = quantize(OP_ARRAY(F32, x, 7), OP_SCALAR(F32, two));
    op_input(&test, OP_SCALAR(U8, zero));
    op_expect(&test, OP_ARRAY(U8, y, 7));
}

Test(op_quantize, every_type_ends_where_it_ends)
{
    static const float x[] = {-INFINITY, -1e30F, -40000, -200, 200, 40000, 70000, INFINITY, NAN};
    static const uint8_t u8_zero[] = {0}, u8[] = {0, 0, 0, 0, 200, 255, 255, 255, 0};
    static const int8_t i8_zero[] = {-3};
    static const int8_t i8[] = {-128, -128, -128, -128, 127, 127, 127, 127, -3};
    static const uint16_t u16_zero[] = {1};
    static const uint16_t u16[] = {0, 0, 0, 0, 201, 40001, 65535, 65535, 1};
    static const int16_t i16_zero[] = {0};
    static const int16_t i16[] = {-32768, -32768, -32768, -200, 200, 32767, 32767, 32767, 0};
    struct op_case test = quantize(OP_ARRAY(F32, x, 9), OP_SCALAR(F32, one));
    op_expect(&test, OP_ARRAY(U8, u8, 9)); /* without a zero point */
    op_input(&test, OP_SCALAR(U8, u8_zero));
    op_expect(&test, OP_ARRAY(U8, u8, 9));
    test.inputs[2] = OP_SCALAR(I8, i8_zero);
    op_expect(&test, OP_ARRAY(I8, i8, 9));
    test.inputs[2] = OP_SCALAR(U16, u16_zero);
    op_expect(&test, OP_ARRAY(U16, u16, 9));
    test.inputs[2] = OP_SCALAR(I16, i16_zero);
    op_expect(&test, OP_ARRAY(I16, i16, 9));
}

Test(op_quantize, the_type_may_be_an_attribute)
{
    static const float x[] = {-1, 300};
    static const int16_t y[] = {-1, 300};
    struct op_case test = quantize(OP_ARRAY(F32, x, 2), OP_SCALAR(F32, one));
    test.attributes.to = SNNCONV_TYPE_I16;
    op_expect(&test, OP_ARRAY(I16, y, 2));
}

Test(op_quantize, int32_and_halves_can_be_quantised)
{
    static const int32_t x[] = {5, 6, 7};
    static const int8_t zero[] = {0}, y[] = {2, 3, 4}; /* 2.5, 3, 3.5 */
    struct op_case test = quantize(OP_ARRAY(I32, x, 3), OP_SCALAR(F32, two));
    op_input(&test, OP_SCALAR(I8, zero));
    op_expect(&test, OP_ARRAY(I8, y, 3));
    /* 1.49976 and 3.49976 in float32, but 1.5 and 3.5 in steps of halves. */
    static const uint16_t half[] = {0x3dff, 0x42ff}, half_scale[] = {0x3bff}; /* 1.499, 3.498 */
    static const int8_t half_y[] = {2, 4};
    test = quantize(OP_ARRAY(F16, half, 2), OP_SCALAR(F16, half_scale)); /* 0.9995 */
    op_input(&test, OP_SCALAR(I8, zero));
    op_expect(&test, OP_ARRAY(I8, half_y, 2));
}

Test(op_quantize, an_axis_has_a_scale_for_each_index)
{
    static const float x[] = {2, 4, 6, 8, 10, 12}, scale[] = {1, 2, 4};
    static const int8_t zero[] = {0, 10, -10}, y[] = {2, 12, -8, 8, 15, -7}; /* 1.5 -> 2 */
    struct op_case test = quantize(OP_ARRAY(F32, x, 2, 3), OP_ARRAY(F32, scale, 3));
    op_input(&test, OP_ARRAY(I8, zero, 3));
    op_expect(&test, OP_ARRAY(I8, y, 2, 3));
    test.attributes.axis = -1;
    op_expect(&test, OP_ARRAY(I8, y, 2, 3));
}

Test(op_quantize, axis_zero_spans_all_behind_it)
{
    static const int8_t x[] = {1, 2, 3, 4}, zero[] = {1, 2};
    static const float scale[] = {10, 100}, y[] = {0, 10, 100, 200};
    struct op_case test = dequantize(OP_ARRAY(I8, x, 2, 2), OP_ARRAY(F32, scale, 2));
    op_input(&test, OP_ARRAY(I8, zero, 2));
    test.attributes.axis = 0;
    op_expect(&test, OP_ARRAY(F32, y, 2, 2));
}

Test(op_quantize, blocks_share_a_scale_and_the_last_may_be_short)
{
    /* Three rows in blocks of two: the third is a block of its own. */
    static const int8_t x[] = {1, 2, 3, 4, 5, 6}, zero[] = {0, 1, 2, 3};
    static const float scale[] = {1, 10, 100, 1000};
    static const float y[] = {1, 10, 3, 30, 300, 3000};
    struct op_case test = dequantize(OP_ARRAY(I8, x, 3, 2), OP_ARRAY(F32, scale, 2, 2));
    op_input(&test, OP_ARRAY(I8, zero, 2, 2));
    test.attributes.axis = 0;
    test.attributes.block_size = 2;
    op_expect(&test, OP_ARRAY(F32, y, 3, 2));
    /* The other way, along the last axis, in two outer rows. */
    static const float real[] = {1, 2, 30, 400, 500, 6000};
    static const int8_t back[] = {1, 2, 3, 4, 5, 6};
    test = quantize(OP_ARRAY(F32, real, 2, 3), OP_ARRAY(F32, scale, 2, 2));
    test.attributes.axis = 1;
    test.attributes.block_size = 2;
    test.attributes.to = SNNCONV_TYPE_I8;
    op_expect(&test, OP_ARRAY(I8, back, 2, 3));
}

Test(op_quantize, integers_of_all_widths_become_floats)
{
    static const float half[] = {0.5F};
    static const uint8_t u8[] = {0, 255}, u8_zero[] = {128};
    static const float u8_y[] = {-64, 63.5F};
    static const int16_t i16[] = {-32768, 32767};
    static const float i16_y[] = {-16384, 16383.5F};
    static const uint16_t u16[] = {0, 65535}, u16_zero[] = {65535};
    static const float u16_y[] = {-32767.5F, 0};
    static const int32_t i32[] = {-2000000000, 16777217};
    static const float i32_y[] = {-1e9F, 8388608}; /* 16777217 is none of float32 */
    struct op_case test = dequantize(OP_ARRAY(U8, u8, 2), OP_SCALAR(F32, half));
    op_input(&test, OP_SCALAR(U8, u8_zero));
    op_expect(&test, OP_ARRAY(F32, u8_y, 2));
    test = dequantize(OP_ARRAY(I16, i16, 2), OP_ARRAY(F32, half, 1));
    op_expect(&test, OP_ARRAY(F32, i16_y, 2));
    test = dequantize(OP_ARRAY(U16, u16, 2), OP_SCALAR(F32, half));
    op_input(&test, OP_SCALAR(U16, u16_zero));
    op_expect(&test, OP_ARRAY(F32, u16_y, 2));
    test = dequantize(OP_ARRAY(I32, i32, 2), OP_SCALAR(F32, half));
    op_expect(&test, OP_ARRAY(F32, i32_y, 2));
}

Test(op_quantize, floats_come_out_in_the_type_of_the_scale)
{
    static const int8_t x[] = {3};
    static const uint16_t half[] = {0x3800}, y[] = {0x3e00}; /* 0.5, 1.5 */
    static const double wide[] = {0.1}, wide_y[] = {3 * 0.1};
    struct op_case test = dequantize(OP_ARRAY(I8, x, 1), OP_SCALAR(F16, half));
    op_expect(&test, OP_ARRAY(F16, y, 1));
    test = dequantize(OP_ARRAY(I8, x, 1), OP_SCALAR(F64, wide));
    op_expect(&test, OP_ARRAY(F64, wide_y, 1));
}

Test(op_quantize, scales_that_do_not_match_are_refused)
{
    static const float x[6] = {0}, scale[6] = {1, 1, 1, 1, 1, 1};
    static const int8_t zero[3] = {0};
    struct op_case test = quantize(OP_ARRAY(F32, x, 2, 3), OP_ARRAY(F32, scale, 2));
    op_expect_refusal(&test, SNN_ERR_INVALID,
                      "scales of shape [2] for an input of shape [2, 3]: 3 (axis 1) expected");
    test.attributes.axis = 2;
    op_expect_refusal(&test, SNN_ERR_INVALID, "axis 2 of a tensor of 2");
    test = quantize(OP_ARRAY(F32, x, 2, 3), OP_ARRAY(F32, scale, 2, 3));
    op_expect_refusal(
        &test, SNN_ERR_INVALID,
        "scales of shape [2, 3] for an input of shape [2, 3]: a scalar or a list expected");
    test.attributes.block_size = 2;
    op_expect_refusal(&test, SNN_ERR_INVALID,
                      "scales of shape [2, 3] for an input of shape [2, 3]: one per block of 2 "
                      "along axis 1 expected");
    test.attributes.block_size = -1;
    op_expect_refusal(&test, SNN_ERR_INVALID, "a block size of -1");
    test = quantize(OP_ARRAY(F32, x, 2, 3), OP_ARRAY(F32, scale, 3));
    op_input(&test, OP_ARRAY(I8, zero, 2));
    op_expect_refusal(&test, SNN_ERR_INVALID, "zero points of shape [2] for scales of shape [3]");
}

Test(op_quantize, types_that_do_not_match_are_refused)
{
    static const float x[1] = {0};
    static const int8_t zero[1] = {0};
    static const int64_t wide[1] = {0};
    struct op_case test = quantize(OP_ARRAY(F32, x, 1), OP_SCALAR(F32, one));
    op_input(&test, OP_SCALAR(I8, zero));
    test.attributes.to = SNNCONV_TYPE_U8;
    op_expect_refusal(&test, SNN_ERR_INVALID, "a zero point of int8 for elements of uint8");
    test.attributes.to = SNNCONV_TYPE_I64;
    op_expect_refusal(&test, SNN_ERR_UNSUPPORTED, "quantization to int64");
    test = quantize(OP_ARRAY(I64, wide, 1), OP_SCALAR(F32, one));
    op_expect_refusal(&test, SNN_ERR_INVALID, "elements of int64, floats or int32 expected");
    test = dequantize(OP_ARRAY(I8, zero, 1), OP_SCALAR(I8, zero));
    test.attributes.to = SNNCONV_TYPE_F32;
    op_expect_refusal(&test, SNN_ERR_INVALID, "x_scale is int8, floats expected");
    test = dequantize(OP_ARRAY(F32, x, 1), OP_SCALAR(F32, one));
    op_expect_refusal(&test, SNN_ERR_INVALID,
                      "elements of float32, integers of 8 or 16 bits or int32 expected");
}
