/* Padding, normalisation, biases, the input's scale, what is left of scales, activations; and what
 * emission makes of them. That values are what they were is checked behind every pass.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "convert/emit.h"
#include "snn/status.h"
#include "tests/unit/convert/pass_support.h"

TestSuite(pass_pad, .init = support_begin, .fini = support_end);
TestSuite(pass_batchnorm, .init = support_begin, .fini = support_end);
TestSuite(pass_bias, .init = support_begin, .fini = support_end);
TestSuite(pass_input, .init = support_begin, .fini = support_end);
TestSuite(pass_affine, .init = support_begin, .fini = support_end);
TestSuite(pass_activation, .init = support_begin, .fini = support_end);
TestSuite(emit, .init = support_begin, .fini = support_end);

static uint32_t image(struct net *net)
{
    net_begin(net);
    return net_input(net, NET_DIM(1, 2, 5, 5));
}

static uint32_t relu(struct net *net, uint32_t x)
{
    return net_unary(net, SNNCONV_OP_RELU, x);
}

static uint32_t pad(struct net *net, uint32_t x, int64_t begin, int64_t end)
{
    const int64_t amount[8] = {0, 0, begin, begin, 0, 0, end, end};
    return net_binary(net, SNNCONV_OP_PAD, x, net_integers(net, 8, amount));
}

/* Layers but the input. */
static void expect_layers(struct net *net, uint32_t output, uint32_t count)
{
    net_output(net, output);
    (void)net_check(net);
    cr_assert_eq(snn_graph_layer_count(net->graph), count + 1);
}

/* ---- Padding ---- */

Test(pass_pad, zeros_go_into_every_convolution_that_reads_them)
{
    struct net net;
    uint32_t x = pad(&net, image(&net), 2, 1);
    uint32_t a = net_conv(&net, x, 2, 3, 3, 1), b = net_conv(&net, x, 2, 3, 3, 1);
    expect_layers(&net, net_binary(&net, SNNCONV_OP_ADD, a, b), 3);
    cr_assert_eq(snn_graph_layer(net.graph, 1)->window.pad_top, 3);
    cr_assert_eq(snn_graph_layer(net.graph, 2)->window.pad_bottom, 2);
    net_end(&net);
}

Test(pass_pad, a_mean_counts_the_zeros_put_around_it)
{
    struct net net;
    uint32_t x = relu(&net, net_conv(&net, image(&net), 2, 2, 1, 0));
    x = net_pool(&net, SNNCONV_OP_AVERAGE_POOL, pad(&net, x, 1, 1), 2);
    expect_layers(&net, x, 2);
    cr_assert_eq(snn_graph_layer(net.graph, 2)->window.pad_left, 1);
    cr_assert(!snn_graph_layer(net.graph, 2)->pad_excluded);
    net_end(&net);
}

Test(pass_pad, zeros_around_a_maximum_do_nothing_behind_a_relu)
{
    struct net net;
    uint32_t x = relu(&net, net_conv(&net, image(&net), 2, 2, 1, 0));
    expect_layers(&net, net_pool(&net, SNNCONV_OP_MAX_POOL, pad(&net, x, 1, 1), 2), 2);
    net_end(&net);
}

Test(pass_pad, zeros_around_a_maximum_of_any_values_are_refused)
{
    struct net net;
    uint32_t x = net_conv(&net, image(&net), 2, 2, 1, 0);
    net.name = "p";
    net_output(&net, net_pool(&net, SNNCONV_OP_MAX_POOL, pad(&net, x, 1, 1), 2));
    net_refuse(&net, SNN_ERR_UNSUPPORTED,
               "node 'p': Pad: this padding cannot go into the layers behind it");
    net_end(&net);
}

/* A mean that leaves its own padding out cannot count other zeros. */
Test(pass_pad, a_mean_with_padding_of_its_own_that_it_does_not_count_is_refused)
{
    struct net net;
    struct snnconv_attributes a = net_attributes(SNNCONV_OP_AVERAGE_POOL);
    a.spatial = 2;
    a.kernel[0] = a.kernel[1] = 3;
    a.pad_begin[0] = 1;
    uint32_t x = net_conv(&net, image(&net), 2, 2, 1, 0);
    net.name = "p";
    x = pad(&net, x, 1, 1);
    net_output(&net, net_op(&net, SNNCONV_OP_AVERAGE_POOL, &a, &x, 1));
    net_refuse(&net, SNN_ERR_UNSUPPORTED,
               "node 'p': Pad: this padding cannot go into the layers behind it");
    net_end(&net);
}

/* ---- Normalisation ---- */

Test(pass_batchnorm, goes_into_the_convolution_before_it)
{
    struct net net;
    uint32_t x = net_conv(&net, image(&net), 2, 3, 3, 1);
    expect_layers(&net, relu(&net, net_norm(&net, x, 3)), 1);
    cr_assert_not_null(strstr(support_diagnostics(), "note: batchnorm: folded 1 "));
    net_end(&net);
}

Test(pass_batchnorm, goes_through_a_mean_and_through_chains)
{
    struct net net;
    uint32_t x = net_conv(&net, image(&net), 2, 3, 3, 1);
    x = net_binary(&net, SNNCONV_OP_ADD, x, net_random(&net, 1, NET_DIM(3, 1, 1)));
    x = net_binary(&net, SNNCONV_OP_MUL, net_random(&net, 1, NET_DIM(1, 3, 1, 1)), x);
    x = net_pool(&net, SNNCONV_OP_AVERAGE_POOL, x, 2);
    x = net_binary(&net, SNNCONV_OP_SUB, net_scalar(&net, 0.5F), net_norm(&net, x, 3));
    expect_layers(&net, relu(&net, x), 3);
    cr_assert_eq(net_count(&net.passed, SNNCONV_OP_BATCH_NORMALIZATION), 0);
    cr_assert_eq(snn_graph_layer(net.graph, 3)->weight_count, 3, "a ReLU of its own");
    net_end(&net);
}

Test(pass_batchnorm, behind_a_dense_layer_it_goes_into_its_rows)
{
    struct net net;
    struct snnconv_attributes a = net_attributes(SNNCONV_OP_GEMM);
    net_begin(&net);
    a.alpha = 0.5F;
    a.beta = -2.0F;
    a.trans_b = true;
    uint32_t x = net_input(&net, NET_DIM(1, 4)), axis = net_integers(&net, 1, (const int64_t[]){2});
    x = net_op(&net, SNNCONV_OP_GEMM, &a,
               NET_LIST(x, net_random(&net, 1, NET_DIM(3, 4)), net_random(&net, 1, NET_DIM(1, 3))));
    x = net_op(&net, SNNCONV_OP_UNSQUEEZE, NULL, NET_LIST(x, axis));
    x = net_op(&net, SNNCONV_OP_SQUEEZE, NULL, NET_LIST(net_norm(&net, x, 3), axis));
    expect_layers(&net, x, 1);
    net_end(&net);
}

/* A second reader needs the values from before the scale. */
Test(pass_batchnorm, is_not_folded_if_somebody_else_reads_the_convolution)
{
    struct net net;
    uint32_t x = net_conv(&net, image(&net), 2, 3, 3, 1);
    uint32_t y = net_norm(&net, x, 3);
    expect_layers(&net, net_binary(&net, SNNCONV_OP_ADD, x, y), 3);
    net_end(&net);
}

Test(pass_batchnorm, shared_weights_are_not_scaled_twice)
{
    struct net net;
    uint32_t x = image(&net), w = net_random(&net, 1, NET_DIM(2, 2, 1, 1));
    uint32_t a = net_norm(&net, net_binary(&net, SNNCONV_OP_CONV, x, w), 2);
    uint32_t b = net_norm(&net, net_binary(&net, SNNCONV_OP_CONV, x, w), 2);
    expect_layers(&net, net_binary(&net, SNNCONV_OP_ADD, a, b), 3);
    net_end(&net);
}

/* scale / sqrt(0 + epsilon) = 1 / sqrt(1e-5) = 316.2277... */
Test(pass_batchnorm, a_variance_of_zero_is_held_by_epsilon)
{
    struct net net;
    const float one[2] = {1, 1}, none[2] = {0, 0};
    net_begin(&net);
    net.tolerance = 1e-5;
    uint32_t x = net_binary(&net, SNNCONV_OP_CONV, net_input(&net, NET_DIM(1, 2, 2, 2)),
                            net_floats(&net, (const float[]){1, 0, 0, 1}, NET_DIM(2, 2, 1, 1)));
    uint32_t y =
        net_op(&net, SNNCONV_OP_BATCH_NORMALIZATION, NULL,
               NET_LIST(x, net_floats(&net, one, NET_DIM(2)), net_floats(&net, none, NET_DIM(2)),
                        net_floats(&net, none, NET_DIM(2)), net_floats(&net, none, NET_DIM(2))));
    expect_layers(&net, y, 1);
    cr_assert_float_eq(snn_graph_layer(net.graph, 1)->weights[0], 316.22777F, 1e-3);
    net_end(&net);
}

/* ---- Biases ---- */

Test(pass_bias, constants_on_either_side_become_biases)
{
    struct net net;
    uint32_t x = image(&net);
    x = net_binary(&net, SNNCONV_OP_CONV, x, net_random(&net, 1, NET_DIM(3, 2, 3, 3)));
    x = net_binary(&net, SNNCONV_OP_ADD, net_random(&net, 1, NET_DIM(3, 1, 1)), x);
    x = net_unary(&net, SNNCONV_OP_FLATTEN, relu(&net, x));
    x = net_binary(&net, SNNCONV_OP_MAT_MUL, x, net_random(&net, 1, NET_DIM(27, 4)));
    x = net_binary(&net, SNNCONV_OP_ADD, net_random(&net, 1, NET_DIM(4)), x);
    expect_layers(&net, x, 3);
    cr_assert_eq(snn_graph_layer(net.graph, 1)->bias_count, 3);
    cr_assert_eq(snn_graph_layer(net.graph, 3)->bias_count, 4);
    net_end(&net);
}

Test(pass_bias, one_value_a_position_becomes_a_map)
{
    struct net net;
    uint32_t x = net_conv(&net, image(&net), 2, 3, 3, 1);
    x = net_binary(&net, SNNCONV_OP_ADD, net_random(&net, 1, NET_DIM(5, 5)), x);
    expect_layers(&net, relu(&net, x), 1);
    cr_assert_eq(snn_graph_layer(net.graph, 1)->bias_count, 75);
    cr_assert_eq(snn_graph_layer(net.graph, 1)->activation, SNN_ACTIVATION_RELU);
    net_end(&net);
}

Test(pass_bias, a_constant_as_first_factor_is_refused)
{
    struct net net;
    net_begin(&net);
    uint32_t x = net_input(&net, NET_DIM(3, 1));

    uint32_t matrix = net_random(&net, 1, NET_DIM(4, 3));
    net.name = "product";
    net_output(&net, net_binary(&net, SNNCONV_OP_MAT_MUL, matrix, x));
    net_refuse(&net, SNN_ERR_UNSUPPORTED,
               "node 'product': MatMul: the constant is the first factor of the product");
    net_end(&net);
}

/* ---- The input ---- */

/* x / 0.5 - 0.25, then by channel: preprocessing of a raw pixel is (raw / 255 - m) / d with
 * d = 0.5, m = 0.125. */
Test(pass_input, a_positive_scale_becomes_preprocessing)
{
    struct net net;
    uint32_t x = image(&net);
    x = net_binary(&net, SNNCONV_OP_DIV, x, net_scalar(&net, 0.5F));
    x = net_binary(&net, SNNCONV_OP_SUB, x, net_scalar(&net, 0.25F));
    expect_layers(&net, net_conv(&net, x, 2, 3, 3, 1), 1);
    const struct snn_preprocess *preprocess = snn_graph_preprocess(net.graph);
    cr_assert_eq(preprocess->channel_count, 2);
    cr_assert_float_eq(preprocess->std[0], 0.5, 1e-12);
    cr_assert_float_eq(preprocess->mean[1], 0.125, 1e-12);
    cr_assert_eq(preprocess->scale, 1.0 / 255.0);
    cr_assert_eq(snn_graph_layer(net.graph, 1)->bias_count, 3);
    net_end(&net);
}

/* (raw s - m) / d = x, y = 4 x + 1: (raw s - (m - d / 4)) / (d / 4). */
Test(pass_input, what_the_user_says_comes_before_it)
{
    struct net net;
    const double mean = 0.5, std = 2.0;
    const struct snn_preprocess said = {0.125, 1, &mean, &std};
    struct snn_import_options options = {.preprocess = &said};
    uint32_t x = image(&net);
    x = net_binary(&net, SNNCONV_OP_MUL, x, net_scalar(&net, 4.0F));
    x = net_binary(&net, SNNCONV_OP_ADD, x, net_scalar(&net, 1.0F));
    net_output(&net, net_conv(&net, x, 2, 3, 3, 1));
    cr_assert_eq(snnconv_program_copy(&net.passed, support_context(), &net.program), SNN_OK);
    cr_assert_eq(snnconv_passes_run(&net.passed, support_context(), &net.pass_state, &options),
                 SNN_OK);
    cr_assert_eq(snnconv_emit(&net.graph, support_context(), &net.passed, &net.pass_state, NULL),
                 SNN_OK);
    const struct snn_preprocess *preprocess = snn_graph_preprocess(net.graph);
    cr_assert_eq(preprocess->scale, 0.125);
    cr_assert_eq(preprocess->mean[0], 0.0);
    cr_assert_eq(preprocess->std[1], 0.5);
    net_end(&net);
}

/* 1 - x: a negative scale is no preprocessing; with padding its shift is a map. */
Test(pass_input, a_negative_scale_goes_into_the_first_layer)
{
    struct net net;
    uint32_t x = image(&net);
    x = net_binary(&net, SNNCONV_OP_SUB, net_scalar(&net, 1.0F), x);
    expect_layers(&net, net_conv(&net, x, 2, 3, 3, 1), 1);
    cr_assert_eq(net.pass_state.input_channels, 0);
    cr_assert_eq(snn_graph_layer(net.graph, 1)->bias_count, 75);
    net_end(&net);
}

Test(pass_input, a_scale_of_raw_pixels_is_worth_a_warning)
{
    struct net net;
    uint32_t x = image(&net);
    x = net_binary(&net, SNNCONV_OP_DIV, x, net_scalar(&net, 255.0F));
    expect_layers(&net, net_conv(&net, x, 2, 3, 3, 1), 1);
    cr_assert_not_null(strstr(support_diagnostics(), "warning: the net itself scales its input"));
    net_end(&net);
}

/* ---- What is left ---- */

Test(pass_affine, behind_an_activation_it_goes_into_all_that_read_it)
{
    struct net net;
    uint32_t x = relu(&net, net_conv(&net, image(&net), 2, 3, 1, 0));
    x = net_norm(&net, x, 3);
    uint32_t a = net_conv(&net, x, 3, 2, 3, 1);
    uint32_t b = net_conv(&net, net_pool(&net, SNNCONV_OP_AVERAGE_POOL, x, 1), 3, 2, 1, 0);
    expect_layers(&net, net_binary(&net, SNNCONV_OP_ADD, a, b), 5);
    cr_assert_eq(snn_graph_layer(net.graph, 2)->bias_count, 50,
                 "zeros at the borders have no shift");
    cr_assert_null(strstr(support_diagnostics(), "warning: "));
    net_end(&net);
}

Test(pass_affine, it_passes_a_max_pool_if_no_scale_is_negative)
{
    struct net net;
    const float scale[3] = {1.5F, 0.25F, 2.0F};
    uint32_t x = relu(&net, net_conv(&net, image(&net), 2, 3, 1, 0));
    x = net_binary(&net, SNNCONV_OP_MUL, x, net_floats(&net, scale, NET_DIM(3, 1, 1)));
    x = net_binary(&net, SNNCONV_OP_ADD, x, net_scalar(&net, -0.5F));
    x = net_unary(&net, SNNCONV_OP_FLATTEN, net_pool(&net, SNNCONV_OP_MAX_POOL, x, 2));
    expect_layers(&net, net_gemm(&net, x, 12, 4), 4);
    net_end(&net);
}

Test(pass_affine, a_negative_scale_before_a_max_pool_stays_and_warns)
{
    struct net net;
    const float scale[3] = {1.5F, -0.25F, 2.0F};
    net_begin(&net);
    net.name = "conv";
    uint32_t x = net_conv(&net, net_input(&net, NET_DIM(1, 2, 4, 4)), 2, 3, 1, 0);
    net.name = "act";
    x = relu(&net, x);
    net.name = "scale";
    x = net_binary(&net, SNNCONV_OP_MUL, x, net_floats(&net, scale, NET_DIM(3, 1, 1)));
    x = net_conv(&net, net_pool(&net, SNNCONV_OP_MAX_POOL, x, 2), 3, 2, 1, 0);
    expect_layers(&net, x, 4);
    cr_assert_eq(net_layer(&net, "scale")->groups, 3);
    cr_assert_eq(net_layer(&net, "scale")->activation, SNN_ACTIVATION_NONE);
    cr_assert_not_null(strstr(support_diagnostics(),
                              "warning: 'scale' scales and shifts behind the activation 'act'"));
    net_end(&net);
}

Test(pass_affine, behind_an_addition_it_is_a_layer_with_its_activation)
{
    struct net net;
    uint32_t x = image(&net);
    uint32_t y = net_binary(&net, SNNCONV_OP_ADD, net_conv(&net, x, 2, 2, 3, 1), x);
    expect_layers(&net, relu(&net, net_norm(&net, y, 2)), 3);
    cr_assert_eq(snn_graph_layer(net.graph, 3)->activation, SNN_ACTIVATION_RELU);
    net_end(&net);
}

/* ---- Activations ---- */

Test(pass_activation, goes_before_a_max_pool_and_joins_the_convolution)
{
    struct net net;
    uint32_t x = net_conv(&net, image(&net), 2, 3, 1, 0);
    expect_layers(&net, relu(&net, net_pool(&net, SNNCONV_OP_MAX_POOL, x, 2)), 2);
    cr_assert_eq(snn_graph_layer(net.graph, 1)->activation, SNN_ACTIVATION_RELU);
    net_end(&net);
}

Test(pass_activation, stays_behind_a_max_pool_that_others_look_behind)
{
    struct net net;
    uint32_t x = net_conv(&net, image(&net), 2, 3, 1, 0);
    uint32_t y = relu(&net, net_pool(&net, SNNCONV_OP_MAX_POOL, x, 1));
    expect_layers(&net, net_binary(&net, SNNCONV_OP_ADD, x, y), 4);
    cr_assert_eq(snn_graph_layer(net.graph, 1)->activation, SNN_ACTIVATION_NONE);
    net_end(&net);
}

Test(pass_activation, that_somebody_reads_around_is_a_layer_of_its_own)
{
    struct net net;
    uint32_t x = net_conv(&net, image(&net), 2, 3, 1, 0);
    expect_layers(&net, net_binary(&net, SNNCONV_OP_ADD, relu(&net, x), x), 3);
    cr_assert_eq(snn_graph_layer(net.graph, 2)->weights[1], 1.0F);
    net_end(&net);
}

/* The same, where the activation is the last to read. */
Test(pass_activation, that_others_have_read_before_is_a_layer_of_its_own)
{
    struct net net;
    uint32_t x = net_conv(&net, image(&net), 2, 3, 1, 0);
    uint32_t a = net_conv(&net, x, 3, 3, 1, 0), b = relu(&net, x);
    expect_layers(&net, net_binary(&net, SNNCONV_OP_ADD, a, b), 4);
    cr_assert_eq(snn_graph_layer(net.graph, 1)->activation, SNN_ACTIVATION_NONE);
    net_end(&net);
}

Test(pass_activation, two_in_a_row_are_one)
{
    struct net net;
    uint32_t zero, top, x = relu(&net, net_conv(&net, image(&net), 2, 3, 1, 0));
    zero = net_scalar(&net, 0.0F);
    top = net_scalar(&net, 0.5F);
    x = relu(&net, net_op(&net, SNNCONV_OP_CLIP, NULL, NET_LIST(x, zero, top)));
    expect_layers(&net, x, 1);
    cr_assert_eq(snn_graph_layer(net.graph, 1)->activation, SNN_ACTIVATION_CLIP);
    cr_assert_eq(snn_graph_layer(net.graph, 1)->clip, 0.5F);
    net_end(&net);
}

Test(pass_activation, a_clip_without_an_upper_bound_is_a_relu)
{
    struct net net;
    uint32_t x = net_conv(&net, image(&net), 2, 3, 1, 0);
    uint32_t zero = net_scalar(&net, 0.0F), top = net_scalar(&net, INFINITY);
    expect_layers(&net, net_op(&net, SNNCONV_OP_CLIP, NULL, NET_LIST(x, zero, top)), 1);
    cr_assert_eq(snn_graph_layer(net.graph, 1)->activation, SNN_ACTIVATION_RELU);
    net_end(&net);
}

Test(pass_activation, clips_from_other_bounds_than_zero_are_refused)
{
    struct net net;
    uint32_t x = net_conv(&net, image(&net), 2, 3, 1, 0);
    uint32_t low = net_scalar(&net, -1.0F), top = net_scalar(&net, 1.0F);
    net.name = "hard";
    net_output(&net, net_op(&net, SNNCONV_OP_CLIP, NULL, NET_LIST(x, low, top)));
    net_refuse(&net, SNN_ERR_UNSUPPORTED,
               "node 'hard': Clip: its lower bound is -1: activations are 0 or above");
    net_end(&net);
}

/* ---- Emission ---- */

Test(emit, names_are_made_unique_and_plain)
{
    struct net net;
    uint32_t x = image(&net);
    net.name = "a \"b\"";
    x = net_pool(&net, SNNCONV_OP_MAX_POOL, x, 1);
    net.name = "a__b_";
    expect_layers(&net, net_pool(&net, SNNCONV_OP_MAX_POOL, x, 1), 2);
    cr_assert_str_eq(snn_graph_layer(net.graph, 1)->name, "a__b_");
    cr_assert_str_eq(snn_graph_layer(net.graph, 2)->name, "a__b__2");
    net_end(&net);
}

Test(emit, an_output_that_is_the_input_is_refused)
{
    struct net net;
    uint32_t x = image(&net);
    net_output(&net, net_unary(&net, SNNCONV_OP_IDENTITY, x));
    net_refuse(&net, SNN_ERR_UNSUPPORTED, "the output of the net is its input");
    net_end(&net);
}

Test(emit, two_outputs_are_refused)
{
    struct net net;
    uint32_t x = image(&net), a = net_conv(&net, x, 2, 3, 1, 0), b = net_conv(&net, x, 2, 3, 1, 0);
    cr_assert_eq(snnconv_program_set_outputs(&net.program, support_context(), NET_LIST(a, b)),
                 SNN_OK);
    char message[80];
    net.program.values[a].name = "a";
    (void)snprintf(message, sizeof(message), "the net has 2 outputs, one is supported: 'a', %%%u",
                   b);
    net_refuse(&net, SNN_ERR_UNSUPPORTED, message);
    net_end(&net);
}

Test(emit, every_node_without_a_layer_is_named)
{
    struct net net;

    uint32_t x = image(&net), y = relu(&net, x);
    net.name = "one";
    uint32_t a = net_binary(&net, SNNCONV_OP_MUL, x, y);
    net.name = "two";
    uint32_t b = net_binary(&net, SNNCONV_OP_SUB, x, y);
    net_output(&net, net_binary(&net, SNNCONV_OP_ADD, a, b));
    net_refuse(&net, SNN_ERR_UNSUPPORTED,
               "node 'one': Mul: of two values that both depend on the input");
    const char *said = strstr(support_diagnostics(), "error: ");
    cr_assert_not_null(strstr(said + 1, "error: Sub: "));
    net_end(&net);
}

Test(emit, what_nobody_reads_is_not_in_the_graph)
{
    struct net net;
    uint32_t x = image(&net);
    (void)net_unary(&net, SNNCONV_OP_SIGMOID, x);
    expect_layers(&net, net_conv(&net, x, 2, 3, 1, 0), 1);
    net_end(&net);
}

/* ---- When memory runs out ---- */

static int import(struct snn_context *context)
{
    static const float weights[8] = {1, 2, 3, 4, 5, 6, 7, 8}, scale = 2.0F;
    const struct snnconv_array shape = {.type = SNNCONV_TYPE_F32, .rank = 4, .dim = {1, 2, 2, 1}};
    const struct snnconv_array w = {
        .type = SNNCONV_TYPE_F32, .rank = 2, .dim = {4, 2}, .data = weights};
    const struct snnconv_array s = {.type = SNNCONV_TYPE_F32, .data = &scale};
    struct snnconv_attributes plain = net_attributes(SNNCONV_OP_MUL);
    struct snnconv_program program, passed;
    struct snnconv_pass_state state;
    struct snn_graph *graph = NULL;
    uint32_t x = 0, v[3] = {0}, matrix = 0, factor = 0;
    snnconv_program_init(&program, context);
    int status = snnconv_program_add_value(&program, context, "x", &shape, &x);
    if (status == SNN_OK)
        status = snnconv_program_add_constant(&program, context, "w", &w, &matrix);
    if (status == SNN_OK)
        status = snnconv_program_add_constant(&program, context, "s", &s, &factor);
    if (status == SNN_OK) status = snnconv_program_set_inputs(&program, context, &x, 1);
    if (status == SNN_OK)
        status = snnconv_program_add_op(&program, context, SNNCONV_OP_MUL, "m", SNNCONV_NO_OFFSET,
                                        &plain, NET_LIST(x, factor), &v[0]);
    plain = net_attributes(SNNCONV_OP_FLATTEN);
    if (status == SNN_OK)
        status = snnconv_program_add_op(&program, context, SNNCONV_OP_FLATTEN, "f",
                                        SNNCONV_NO_OFFSET, &plain, NET_LIST(v[0]), &v[1]);
    plain = net_attributes(SNNCONV_OP_MAT_MUL);
    if (status == SNN_OK)
        status = snnconv_program_add_op(&program, context, SNNCONV_OP_MAT_MUL, "d",
                                        SNNCONV_NO_OFFSET, &plain, NET_LIST(v[1], matrix), &v[2]);
    if (status == SNN_OK) status = snnconv_program_set_outputs(&program, context, &v[2], 1);
    if (status == SNN_OK) status = snnconv_program_copy(&passed, context, &program);
    if (status == SNN_OK) {
        status = snnconv_passes_run(&passed, context, &state, NULL);
        if (status == SNN_OK) status = snnconv_emit(&graph, context, &passed, &state, NULL);
        snn_graph_destroy(&graph);
        snnconv_program_fini(&passed);
    }
    snnconv_program_fini(&program);
    return status;
}

Test(emit, memory_may_run_out_anywhere)
{
    support_sweep(import);
}
