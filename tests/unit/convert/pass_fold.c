/* Folding, quantised operators, and what is dropped: structure of small nets behind these passes;
 * that their values are what they were is checked behind each (pass_support.h).
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "snn/status.h"
#include "tests/unit/convert/pass_support.h"

TestSuite(pass_fold, .init = support_begin, .fini = support_end);
TestSuite(pass_quantized, .init = support_begin, .fini = support_end);
TestSuite(pass_drop, .init = support_begin, .fini = support_end);

/* ---- Folding ---- */

Test(pass_fold, a_flatten_by_shape_gather_and_concat_is_computed)
{
    struct net net;
    net_begin(&net);
    uint32_t x = net_input(&net, NET_DIM(1, 2, 3, 4));
    uint32_t shape = net_unary(&net, SNNCONV_OP_SHAPE, x);
    uint32_t frames =
        net_binary(&net, SNNCONV_OP_GATHER, shape, net_integers(&net, 1, (const int64_t[]){0}));
    uint32_t rest = net_integers(&net, 1, (const int64_t[]){-1});
    uint32_t dims = net_binary(&net, SNNCONV_OP_CONCAT, frames, rest);
    net_output(&net, net_gemm(&net, net_binary(&net, SNNCONV_OP_RESHAPE, x, dims), 24, 3));
    net_pass(&net, "fold");
    cr_assert_eq(net.passed.node_count, 2);
    cr_assert_eq(net_count(&net.passed, SNNCONV_OP_RESHAPE), 1);
    net_end(&net);
}

Test(pass_fold, the_shape_of_some_axes_is_computed)
{
    struct net net;
    net_begin(&net);
    uint32_t x = net_input(&net, NET_DIM(1, 2, 3, 4));
    struct snnconv_attributes some = net_attributes(SNNCONV_OP_SHAPE);
    some.start = -3;
    some.end = -1;
    uint32_t shape = net_op(&net, SNNCONV_OP_SHAPE, &some, &x, 1);
    net_output(&net, x);
    (void)snnconv_program_set_outputs(&net.program, support_context(), NET_LIST(x, shape));
    net_pass(&net, "fold");
    const struct snnconv_array *array = &net.passed.values[shape].array;
    cr_assert_eq(snnconv_array_count(array), 2);
    cr_assert_eq(snnconv_array_load_integer(array, 0), 2);
    cr_assert_eq(snnconv_array_load_integer(array, 1), 3);
    net_end(&net);
}

/* Weights of int8 with one scale for each of two rows, turned and reshaped: the scales follow. */
Test(pass_fold, scales_of_stored_integers_follow_their_axis)
{
    struct net net;
    const int8_t stored[6] = {1, 2, 3, -4, -5, -6};
    const float scale[2] = {0.5F, 0.25F};
    const struct snnconv_array integers = {
        .type = SNNCONV_TYPE_I8, .rank = 2, .dim = {2, 3}, .data = stored};
    struct snnconv_attributes rows = net_attributes(SNNCONV_OP_DEQUANTIZE_LINEAR);
    rows.axis = -2;
    net_begin(&net);
    uint32_t x = net_input(&net, NET_DIM(1, 3));
    uint32_t w =
        net_op(&net, SNNCONV_OP_DEQUANTIZE_LINEAR, &rows,
               NET_LIST(net_constant(&net, &integers), net_floats(&net, scale, NET_DIM(2))));
    uint32_t turned = net_transpose(&net, w, NET_DIM(1, 0));
    net_output(&net, net_binary(&net, SNNCONV_OP_MAT_MUL, x, turned));
    net_pass(&net, "fold");
    const struct snnconv_value *value = &net.passed.values[turned];
    cr_assert_not_null(value->quantization);
    cr_assert_eq(value->quantization->axis, 1);
    cr_assert_eq(value->quantization->count, 2);
    cr_assert_eq(snnconv_array_load(&value->array, 0), 0.5);
    cr_assert_eq(snnconv_array_load(&value->array, 5), -1.5);
    net_end(&net);
}

Test(pass_fold, all_problems_are_named_in_one_run)
{
    struct net net;
    net_begin(&net);
    uint32_t x = net_input(&net, NET_DIM(1, 4));
    net.name = "first";
    uint32_t a = net_binary(&net, SNNCONV_OP_MAT_MUL, x, net_random(&net, 1, NET_DIM(5, 2)));
    uint32_t behind = net_unary(&net, SNNCONV_OP_RELU, a);
    net.name = "second";
    uint32_t b = net_binary(&net, SNNCONV_OP_ADD, x, net_random(&net, 1, NET_DIM(3)));
    net_output(&net, net_binary(&net, SNNCONV_OP_ADD, behind, b));
    cr_assert_eq(snnconv_program_copy(&net.passed, support_context(), &net.program), SNN_OK);
    cr_assert_neq(snnconv_passes_run(&net.passed, support_context(), &net.pass_state, NULL),
                  SNN_OK);
    cr_assert_not_null(strstr(snn_context_message(support_context()), "node 'first': "));
    const char *said = strstr(support_diagnostics(), "error: ");
    cr_assert_not_null(said);
    said = strstr(said + 1, "error: ");
    cr_assert_not_null(said);
    cr_assert_null(strstr(said + 1, "error: "), "what follows a problem is none itself");
    net_end(&net);
}

/* Nodes of a few bytes each that ask for 400 bytes each, where 1000 are allowed. */
Test(pass_fold, constants_are_held_to_the_size_of_a_file)
{
    const struct snn_limits limits = {.file_bytes = 1000};
    struct snn_context *context = support_limited(&limits);
    const struct snnconv_attributes zeros = net_attributes(SNNCONV_OP_CONSTANT_OF_SHAPE);
    const struct snnconv_attributes sum = net_attributes(SNNCONV_OP_SUM);
    const struct snnconv_array shape = {.type = SNNCONV_TYPE_F32, .rank = 1, .dim = {100}};
    struct snnconv_program program;
    struct snnconv_pass_state state;
    uint32_t values[4], dims = 0, y = 0;
    snnconv_program_init(&program, context);
    cr_assert_eq(snnconv_program_add_value(&program, context, "x", &shape, &values[3]), SNN_OK);
    cr_assert_eq(snnconv_program_add_integers(&program, context, shape.dim, 1, &dims), SNN_OK);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(snnconv_program_add_op(&program, context, SNNCONV_OP_CONSTANT_OF_SHAPE, NULL,
                                            SNNCONV_NO_OFFSET, &zeros, &dims, 1, &values[i]),
                     SNN_OK);
    cr_assert_eq(snnconv_program_add_op(&program, context, SNNCONV_OP_SUM, NULL, SNNCONV_NO_OFFSET,
                                        &sum, values, 4, &y),
                 SNN_OK);
    cr_assert_eq(snnconv_program_set_inputs(&program, context, &values[3], 1), SNN_OK);
    cr_assert_eq(snnconv_program_set_outputs(&program, context, &y, 1), SNN_OK);
    cr_assert_eq(snnconv_passes_run(&program, context, &state, NULL), SNN_ERR_LIMIT);
    cr_assert_str_eq(snn_context_message(context),
                     "node 'ConstantOfShape_2': constants computed up to here take more than 1000 "
                     "bytes");
    snnconv_program_fini(&program);
    snn_context_destroy(&context);
}

/* Each fits, but their product would take 2^30 multiplications. */
Test(pass_fold, constants_may_not_take_all_day)
{
    const struct snnconv_attributes none = net_attributes(SNNCONV_OP_CONSTANT_OF_SHAPE);
    const struct snnconv_array shape = {.type = SNNCONV_TYPE_F32, .rank = 1, .dim = {1024}};
    const int64_t square[] = {1024, 1024};
    struct snn_context *context = support_context();
    struct snnconv_program program;
    struct snnconv_pass_state state;
    uint32_t x = 0, dims = 0, values[2], y[2];
    snnconv_program_init(&program, context);
    cr_assert_eq(snnconv_program_add_value(&program, context, "x", &shape, &x), SNN_OK);
    cr_assert_eq(snnconv_program_add_integers(&program, context, square, 2, &dims), SNN_OK);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(snnconv_program_add_op(&program, context, SNNCONV_OP_CONSTANT_OF_SHAPE, NULL,
                                            SNNCONV_NO_OFFSET, &none, &dims, 1, &values[i]),
                     SNN_OK);
    cr_assert_eq(snnconv_program_add_op(&program, context, SNNCONV_OP_MAT_MUL, "product",
                                        SNNCONV_NO_OFFSET, &none, values, 2, &y[0]),
                 SNN_OK);
    const uint32_t sum[] = {x, y[0]};
    cr_assert_eq(snnconv_program_add_op(&program, context, SNNCONV_OP_ADD, NULL, SNNCONV_NO_OFFSET,
                                        &none, sum, 2, &y[1]),
                 SNN_OK);
    cr_assert_eq(snnconv_program_set_inputs(&program, context, &x, 1), SNN_OK);
    cr_assert_eq(snnconv_program_set_outputs(&program, context, &y[1], 1), SNN_OK);
    cr_assert_eq(snnconv_passes_run(&program, context, &state, NULL), SNN_ERR_LIMIT);
    cr_assert_not_null(strstr(snn_context_message(context), "operations"));
    cr_assert_not_null(strstr(snn_context_message(context), "node 'product'"));
    snnconv_program_fini(&program);
}

/* ---- Quantised operators ---- */

static uint32_t quantize(struct net *net, uint32_t x, float scale, uint8_t zero)
{
    const struct snnconv_array point = {.type = SNNCONV_TYPE_U8, .data = &zero};
    return net_op(net, SNNCONV_OP_QUANTIZE_LINEAR, NULL,
                  NET_LIST(x, net_scalar(net, scale), net_constant(net, &point)));
}

static uint32_t dequantize(struct net *net, uint32_t x, float scale, uint8_t zero)
{
    const struct snnconv_array point = {.type = SNNCONV_TYPE_U8, .data = &zero};
    return net_op(net, SNNCONV_OP_DEQUANTIZE_LINEAR, NULL,
                  NET_LIST(x, net_scalar(net, scale), net_constant(net, &point)));
}

Test(pass_quantized, pairs_vanish_and_leave_their_scales)
{
    struct net net;
    net_begin(&net);
    net.tolerance = 0.01; /* what rounding to 1/256 and to 1/64 does */
    uint32_t x = net_input(&net, NET_DIM(1, 1, 4, 4));
    uint32_t q = dequantize(&net, quantize(&net, x, 1.0F / 256, 0), 1.0F / 256, 0);
    uint32_t y = net_unary(&net, SNNCONV_OP_RELU, net_conv(&net, q, 1, 2, 3, 0));
    uint32_t out = dequantize(&net, quantize(&net, y, 1.0F / 64, 3), 1.0F / 64, 3);
    net_output(&net, out);
    (void)net_check(&net);
    cr_assert_eq(snn_graph_layer_count(net.graph), 2);
    const struct snn_quantization *input = snn_graph_quantization(net.graph, 0);
    cr_assert_not_null(input);
    cr_assert_eq(input->zero_point, -128);
    cr_assert_eq(input->scale, 1.0F / 256);
    cr_assert_null(snn_graph_quantization(net.graph, 1), "its weights are floats");
    net_end(&net);
}

/* A zero point at the lowest integer cuts at 0: the ReLU that an optimiser left out. */
Test(pass_quantized, what_cuts_at_zero_is_a_clip)
{
    struct net net;
    net_begin(&net);
    net.tolerance = 0.05;
    uint32_t x = net_input(&net, NET_DIM(1, 1, 4, 4));
    uint32_t y = net_conv(&net, x, 1, 2, 3, 0);
    net_output(&net, dequantize(&net, quantize(&net, y, 1.0F / 128, 0), 1.0F / 128, 0));
    (void)net_check(&net);
    const struct snn_layer *layer = snn_graph_layer(net.graph, 1);
    cr_assert_eq(layer->activation, SNN_ACTIVATION_CLIP);
    cr_assert_float_eq(layer->clip, 255.0 / 128, 1e-6);
    net_end(&net);
}

/* QLinearConv on int8-like data: weights 2 and -3 of scales .5 and .25, bias 4 of scale x's times
 * the weights'. */
Test(pass_quantized, a_quantised_convolution_is_one_of_floats)
{
    struct net net;
    const int8_t weights[2] = {2, -3}, zero = 0;
    const float scales[2] = {0.5F, 0.25F};
    const int32_t bias[2] = {4, 8};
    const uint8_t shift = 10, middle = 128;
    const struct snnconv_array w = {
        .type = SNNCONV_TYPE_I8, .rank = 4, .dim = {2, 1, 1, 1}, .data = weights};
    const struct snnconv_array b = {.type = SNNCONV_TYPE_I32, .rank = 1, .dim = {2}, .data = bias};
    const struct snnconv_array wz = {.type = SNNCONV_TYPE_I8, .data = &zero};
    const struct snnconv_array z = {.type = SNNCONV_TYPE_U8, .data = &shift};
    const struct snnconv_array yz = {.type = SNNCONV_TYPE_U8, .data = &middle};
    net_begin(&net);
    net.tolerance = 0.05; /* the output is rounded to 1/64, the input cut at 245/256 */
    uint32_t x = net_input(&net, NET_DIM(1, 1, 2, 2));
    uint32_t s = net_scalar(&net, 1.0F / 256), ys = net_scalar(&net, 1.0F / 64);
    uint32_t point = net_constant(&net, &z);
    uint32_t q = net_op(&net, SNNCONV_OP_QUANTIZE_LINEAR, NULL, NET_LIST(x, s, point));
    uint32_t y = net_op(&net, SNNCONV_OP_QLINEAR_CONV, NULL,
                        NET_LIST(q, s, point, net_constant(&net, &w),
                                 net_floats(&net, scales, NET_DIM(2)), net_constant(&net, &wz), ys,
                                 net_constant(&net, &yz), net_constant(&net, &b)));
    net_output(&net, dequantize(&net, y, 1.0F / 64, 128));
    (void)net_check(&net);
    const struct snn_layer *layer = snn_graph_layer(net.graph, 1);
    cr_assert_eq(layer->weights[0], 1.0F);
    cr_assert_eq(layer->weights[1], -0.75F);
    cr_assert_eq(layer->bias[0], 4.0F * 0.5F / 256);
    cr_assert_eq(layer->bias[1], 8.0F * 0.25F / 256);
    const struct snn_quantization *quantization = snn_graph_quantization(net.graph, 1);
    cr_assert_not_null(quantization);
    cr_assert_eq(quantization->weight_scale_count, 2);
    cr_assert_eq(quantization->weight_scale[1], 0.25F);
    cr_assert_eq(quantization->zero_point, 0);
    net_end(&net);
}

/* A scale for each column of [in, out]: of each row once the matrix is [out, in]. */
Test(pass_quantized, a_dense_layer_keeps_one_scale_an_output)
{
    struct net net;
    const int8_t stored[6] = {1, 2, 3, -4, -5, -6};
    const float scale[3] = {0.5F, 0.25F, 0.125F};
    const struct snnconv_array integers = {
        .type = SNNCONV_TYPE_I8, .rank = 2, .dim = {2, 3}, .data = stored};
    net_begin(&net);
    net.tolerance = 0.05;
    uint32_t x = net_input(&net, NET_DIM(1, 2)), w = net_constant(&net, &integers);
    w = net_op(&net, SNNCONV_OP_DEQUANTIZE_LINEAR, NULL,
               NET_LIST(w, net_floats(&net, scale, NET_DIM(3))));
    uint32_t y = net_binary(&net, SNNCONV_OP_MAT_MUL, x, w);
    net_output(&net, dequantize(&net, quantize(&net, y, 1.0F / 32, 128), 1.0F / 32, 128));
    (void)net_check(&net);
    const struct snn_quantization *quantization = snn_graph_quantization(net.graph, 1);
    cr_assert_not_null(quantization);
    cr_assert_eq(quantization->weight_scale_count, 3);
    cr_assert_eq(quantization->weight_scale[2], 0.125F);
    cr_assert_eq(snn_graph_layer(net.graph, 1)->weights[5], -0.75F);
    net_end(&net);
}

/* ConvInteger, Cast, Mul by both scales: the weights come back as the integers times their scale.
 */
Test(pass_quantized, a_convolution_of_integers_is_one_of_floats)
{
    struct net net;
    const int8_t weights[2] = {2, -3};
    const uint8_t shift = 5;
    const struct snnconv_array w = {
        .type = SNNCONV_TYPE_I8, .rank = 4, .dim = {2, 1, 1, 1}, .data = weights};
    const struct snnconv_array z = {.type = SNNCONV_TYPE_U8, .data = &shift};
    struct snnconv_attributes to = net_attributes(SNNCONV_OP_CAST);
    to.to = SNNCONV_TYPE_F32;
    net_begin(&net);
    net.tolerance = 0.01;
    uint32_t x = net_input(&net, NET_DIM(1, 1, 2, 2)), point = net_constant(&net, &z);
    uint32_t q = net_op(&net, SNNCONV_OP_QUANTIZE_LINEAR, NULL,
                        NET_LIST(x, net_scalar(&net, 1.0F / 128), point));
    uint32_t sum =
        net_op(&net, SNNCONV_OP_CONV_INTEGER, NULL, NET_LIST(q, net_constant(&net, &w), point));
    uint32_t real = net_op(&net, SNNCONV_OP_CAST, &to, &sum, 1);
    net_output(&net, net_binary(&net, SNNCONV_OP_MUL, real, net_scalar(&net, 0.5F / 128)));
    net.tolerance = 5.0; /* of the sums of integers, rounded inputs times up to 3 */
    (void)net_check(&net);
    cr_assert_float_eq(snn_graph_layer(net.graph, 1)->weights[0], 1.0F, 1e-6);
    cr_assert_float_eq(snn_graph_layer(net.graph, 1)->weights[1], -1.5F, 1e-6);
    net_end(&net);
}

Test(pass_quantized, an_input_of_integers_is_what_they_stand_for)
{
    struct net net;
    net_begin(&net);
    uint32_t x = net_input(&net, NET_DIM(1, 2));
    net.program.values[x].array.type = SNNCONV_TYPE_U8;
    net_output(&net, net_gemm(&net, dequantize(&net, x, 0.5F, 7), 2, 3));
    (void)net_check(&net);
    cr_assert_eq(net.passed.values[net.passed.inputs[0]].array.type, SNNCONV_TYPE_F32);
    cr_assert_eq(snn_graph_quantization(net.graph, 0)->zero_point, 7 - 128);
    net_end(&net);
}

Test(pass_quantized, other_scales_than_the_writer_s_are_refused)
{
    struct net net;
    net_begin(&net);
    uint32_t q = quantize(&net, net_input(&net, NET_DIM(1, 2)), 0.5F, 0);
    net.name = "reads";
    net_output(&net, dequantize(&net, q, 0.25F, 0));
    net_refuse(&net, SNN_ERR_UNSUPPORTED,
               "node 'reads': DequantizeLinear: reads integers of scale 0.5 and zero point 0 as if "
               "of scale 0.25 and zero point 0");
    net_end(&net);
}

/* ---- Dropping ---- */

Test(pass_drop, nodes_that_do_nothing_go)
{
    struct net net;
    const int64_t none[8] = {0};
    struct snnconv_attributes same = net_attributes(SNNCONV_OP_CAST);
    same.to = SNNCONV_TYPE_F32;
    net_begin(&net);
    uint32_t x = net_input(&net, NET_DIM(1, 2, 3, 3));
    uint32_t y = net_unary(&net, SNNCONV_OP_IDENTITY, x);
    y = net_unary(&net, SNNCONV_OP_DROPOUT, y);
    y = net_op(&net, SNNCONV_OP_CAST, &same, &y, 1);
    y = net_reshape(&net, y, NET_DIM(1, 2, 3, 3));
    y = net_transpose(&net, y, NET_DIM(0, 1, 2, 3));
    y = net_binary(&net, SNNCONV_OP_PAD, y, net_integers(&net, 8, none));
    y = net_unary(&net, SNNCONV_OP_CONCAT, y);
    net_output(&net, net_conv(&net, y, 2, 3, 3, 0));
    net_pass(&net, "drop");
    cr_assert_eq(net.passed.node_count, 1);
    cr_assert_eq(net.passed.nodes[0].inputs[0], x);
    net_end(&net);
}

Test(pass_drop, the_end_of_a_net_is_dropped_in_a_row)
{
    struct net net;
    struct snnconv_attributes best = net_attributes(SNNCONV_OP_ARG_MAX);
    best.axis = 1;
    net_begin(&net);
    uint32_t y = net_gemm(&net, net_input(&net, NET_DIM(1, 4)), 4, 3);
    uint32_t soft = net_unary(&net, SNNCONV_OP_SOFTMAX, y);
    uint32_t chosen = net_op(&net, SNNCONV_OP_ARG_MAX, &best, &soft, 1);
    cr_assert_eq(
        snnconv_program_set_outputs(&net.program, support_context(), NET_LIST(soft, chosen)),
        SNN_OK);
    (void)net_check(&net);
    cr_assert_eq(net.passed.output_count, 1, "classes and probabilities are one output");
    cr_assert_eq(snn_graph_layer_count(net.graph), 2);
    cr_assert_not_null(strstr(support_diagnostics(), "note: drop: ArgMax"));
    net_end(&net);
}

Test(pass_drop, a_sigmoid_inside_is_refused)
{
    struct net net;
    net_begin(&net);
    uint32_t y = net_gemm(&net, net_input(&net, NET_DIM(1, 4)), 4, 3);
    net.name = "squash";
    y = net_unary(&net, SNNCONV_OP_SIGMOID, y);
    net_output(&net, net_gemm(&net, y, 3, 2));
    net_refuse(
        &net, SNN_ERR_UNSUPPORTED,
        "node 'squash': Sigmoid: has no integrate-and-fire and no frame-based form inside a net; "
        "only at its end, over its classes, is it dropped");
    cr_assert_str_eq(snn_context_hint(support_context()),
                     "train with ReLU in place of sigmoid, SiLU (Swish), GELU and of gates such as "
                     "squeeze-and-excitation");
    net_end(&net);
}

Test(pass_drop, a_slice_of_what_the_net_computes_is_refused_with_a_hint)
{
    struct net net;
    net_begin(&net);
    uint32_t y = net_gemm(&net, net_input(&net, NET_DIM(1, 4)), 4, 4);
    uint32_t begin = net_integers(&net, 1, (const int64_t[]){0}),
             end = net_integers(&net, 1, (const int64_t[]){2}),
             axis = net_integers(&net, 1, (const int64_t[]){1});
    net.name = "part";
    y = net_op(&net, SNNCONV_OP_SLICE, NULL, NET_LIST(y, begin, end, axis));
    net_output(&net, net_gemm(&net, y, 2, 2));
    net_refuse(&net, SNN_ERR_UNSUPPORTED,
               "node 'part': Slice: takes a part of a value that depends on the input");
    cr_assert_not_null(strstr(snn_context_hint(support_context()), "a convolution with groups"));
    net_end(&net);
}

Test(pass_drop, a_layer_that_the_graph_refuses_is_named_once)
{
    struct net net;
    net_begin(&net);
    uint32_t w = net_floats(&net, (const float[]){NAN, 1.0F}, NET_DIM(1, 2));
    struct snnconv_attributes a = net_attributes(SNNCONV_OP_GEMM);
    a.trans_b = true;
    uint32_t x = net_input(&net, NET_DIM(1, 2));
    net.name = "broken";
    net_output(&net, net_op(&net, SNNCONV_OP_GEMM, &a, NET_LIST(x, w)));
    net_refuse(&net, SNN_ERR_FORMAT, "node 'broken': Gemm: weights[0] is not a number");
    net_end(&net);
}

/* Over rows, a softmax does not keep the order of all outputs. */
Test(pass_drop, a_softmax_over_another_axis_is_refused)
{
    struct net net;
    struct snnconv_attributes rows = net_attributes(SNNCONV_OP_SOFTMAX);
    rows.axis = 2;
    net_begin(&net);
    uint32_t y = net_conv(&net, net_input(&net, NET_DIM(1, 1, 4, 4)), 1, 3, 3, 0);
    net.name = "s";
    net_output(&net, net_op(&net, SNNCONV_OP_SOFTMAX, &rows, &y, 1));
    net_refuse(
        &net, SNN_ERR_UNSUPPORTED,
        "node 's': Softmax: has no integrate-and-fire and no frame-based form inside a net; only "
        "at its end, over its classes, is it dropped");
    net_end(&net);
}
