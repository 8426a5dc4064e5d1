/* The pass `layout`: nets of both layouts become one, at no cost where that is possible. */
#include <criterion/criterion.h>
#include <string.h>

#include "convert/emit.h"
#include "snn/status.h"
#include "tests/unit/convert/pass_support.h"

TestSuite(pass_layout, .init = support_begin, .fini = support_end);

static uint32_t conv_last(struct net *net, uint32_t x, int64_t in, int64_t out, int64_t pad)
{
    uint32_t first = net_transpose(net, x, NET_DIM(0, 3, 1, 2));
    return net_transpose(net, net_conv(net, first, in, out, 3, pad), NET_DIM(0, 2, 3, 1));
}

static void check_no_transpose(const struct net *net)
{
    cr_assert_eq(net_count(&net->passed, SNNCONV_OP_TRANSPOSE), 0);
    cr_assert_eq(net_count(&net->passed, SNNCONV_OP_RESHAPE), 0);
}

Test(pass_layout, a_net_with_channels_last_loses_its_transposes)
{
    struct net net;
    net_begin(&net);
    net.program.channels_last = true;
    uint32_t y = conv_last(&net, net_input(&net, NET_DIM(1, 5, 6, 2)), 2, 3, 1);
    y = net_binary(&net, SNNCONV_OP_ADD, y, net_random(&net, 1, NET_DIM(3)));
    y = net_unary(&net, SNNCONV_OP_RELU, y);
    y = conv_last(&net, y, 3, 4, 0);
    y = net_reshape(&net, y, NET_DIM(-1, 48));
    net_output(&net, net_gemm(&net, y, 48, 5));
    (void)net_check(&net);
    check_no_transpose(&net);
    const struct snn_shape shape = snn_graph_input_shape(net.graph);
    cr_assert_eq(shape.channels, 2);
    cr_assert_eq(shape.height, 5);
    cr_assert_eq(shape.width, 6);
    cr_assert_eq(snn_graph_layer(net.graph, 3)->kind, SNN_LAYER_FLATTEN);
    net_end(&net);
}

/* tf2onnx: the file does not say that images have their channels last, its first Transpose does. */
Test(pass_layout, a_transpose_at_the_input_tells_its_layout)
{
    struct net net;
    const int64_t amount[8] = {0, 1, 1, 0, 0, 1, 1, 0};
    net_begin(&net);
    uint32_t x = net_input(&net, NET_DIM(1, 5, 6, 3));
    uint32_t y = net_binary(&net, SNNCONV_OP_DIV, x, net_scalar(&net, 2.0F));
    y = net_binary(&net, SNNCONV_OP_PAD, y, net_integers(&net, 8, amount));
    y = net_transpose(&net, y, NET_DIM(0, 3, 1, 2));
    y = net_conv(&net, y, 3, 2, 3, 0);
    y = net_transpose(&net, y, NET_DIM(0, 2, 3, 1));
    y = net_reshape(&net, y, NET_DIM(1, 60));
    net_output(&net, net_binary(&net, SNNCONV_OP_MAT_MUL, y, net_random(&net, 1, NET_DIM(60, 4))));
    (void)net_check(&net);
    check_no_transpose(&net);
    cr_assert_eq(snn_graph_input_shape(net.graph).channels, 3);
    net_end(&net);
}

Test(pass_layout, images_without_channels_get_one)
{
    struct net net;
    net_begin(&net);
    uint32_t x = net_input(&net, NET_DIM(1, 5, 6));
    uint32_t y = net_reshape(&net, x, NET_DIM(-1, 5, 6, 1));
    y = net_transpose(&net, y, NET_DIM(0, 3, 1, 2));
    net_output(&net, net_conv(&net, y, 1, 2, 3, 0));
    (void)net_check(&net);
    const struct snn_shape shape = snn_graph_input_shape(net.graph);
    cr_assert(shape.channels == 1 && shape.height == 5 && shape.width == 6);
    net_end(&net);
}

Test(pass_layout, a_vector_that_becomes_an_image_first_is_the_image)
{
    struct net net;
    net_begin(&net);
    uint32_t y = net_reshape(&net, net_input(&net, NET_DIM(1, 48)), NET_DIM(-1, 3, 4, 4));
    net_output(&net, net_conv(&net, y, 3, 2, 3, 0));
    (void)net_check(&net);
    const struct snn_shape shape = snn_graph_input_shape(net.graph);
    cr_assert(shape.channels == 3 && shape.height == 4 && shape.width == 4);
    net_end(&net);
}

Test(pass_layout, frames_may_come_several_at_once)
{
    struct net net;
    net_begin(&net);
    uint32_t y = net_conv(&net, net_input(&net, NET_DIM(3, 2, 4, 4)), 2, 3, 3, 0);
    y = net_reshape(&net, y, NET_DIM(3, -1));
    net_output(&net, net_gemm(&net, y, 12, 2));
    net_pass(&net, "activation");
    cr_assert_eq(net_count(&net.passed, SNNCONV_OP_FLATTEN), 1);
    net_end(&net);
}

/* Conv1D as TensorFlow writes it: an axis put in, a convolution of two axes, the axis taken out. */
Test(pass_layout, one_spatial_axis_becomes_two)
{
    struct net net;
    struct snnconv_attributes a = net_attributes(SNNCONV_OP_CONV);
    struct snnconv_attributes p = net_attributes(SNNCONV_OP_MAX_POOL);
    a.spatial = p.spatial = 1;
    a.kernel[0] = 3;
    a.pad_begin[0] = 1;
    p.kernel[0] = p.stride[0] = 2;
    net_begin(&net);
    uint32_t x = net_input(&net, NET_DIM(1, 2, 9));
    uint32_t y =
        net_op(&net, SNNCONV_OP_CONV, &a, NET_LIST(x, net_random(&net, 1, NET_DIM(4, 2, 3))));
    y = net_norm(&net, y, 4);
    y = net_op(&net, SNNCONV_OP_MAX_POOL, &p, &y, 1);
    net_output(&net, net_gemm(&net, net_reshape(&net, y, NET_DIM(1, 16)), 16, 2));
    (void)net_check(&net);
    const struct snn_shape shape = snn_graph_input_shape(net.graph);
    cr_assert(shape.channels == 2 && shape.height == 1 && shape.width == 9);
    cr_assert_eq(snn_graph_layer(net.graph, 1)->window.kernel_h, 1);
    cr_assert_eq(snn_graph_layer(net.graph, 1)->window.pad_left, 1);
    net_end(&net);
}

/* A matrix on the last axis of an image is a convolution of one pixel (Dense of Keras). */
Test(pass_layout, a_matrix_on_the_channels_is_a_convolution_of_one_pixel)
{
    struct net net;
    net_begin(&net);
    net.program.channels_last = true;
    uint32_t y = conv_last(&net, net_input(&net, NET_DIM(1, 4, 4, 2)), 2, 3, 1);
    y = net_binary(&net, SNNCONV_OP_MAT_MUL, y, net_random(&net, 1, NET_DIM(3, 5)));
    y = net_binary(&net, SNNCONV_OP_ADD, y, net_random(&net, 1, NET_DIM(5)));
    net_output(&net, net_unary(&net, SNNCONV_OP_RELU, y));
    (void)net_check(&net);
    const struct snn_layer *layer = snn_graph_layer(net.graph, 2);
    cr_assert_eq(layer->kind, SNN_LAYER_CONV2D);
    cr_assert_eq(layer->weight_count, 15);
    cr_assert_eq(layer->bias_count, 5);
    cr_assert_eq(layer->activation, SNN_ACTIVATION_RELU);
    net_end(&net);
}

/* Each image's elements are in the order of rows, columns, channels, one image behind the other. */
Test(pass_layout, flattened_images_may_be_joined_before_a_dense_layer)
{
    struct net net;
    struct snnconv_attributes join = net_attributes(SNNCONV_OP_CONCAT);
    join.axis = -1;
    net_begin(&net);
    net.program.channels_last = true;
    uint32_t x = net_input(&net, NET_DIM(1, 4, 4, 2));
    uint32_t a = net_reshape(&net, conv_last(&net, x, 2, 3, 0), NET_DIM(1, 12));
    uint32_t b = net_reshape(&net, conv_last(&net, x, 2, 2, 1), NET_DIM(1, 32));
    uint32_t y = net_op(&net, SNNCONV_OP_CONCAT, &join, NET_LIST(a, b));
    y = net_unary(&net, SNNCONV_OP_RELU, y);
    net_output(&net, net_gemm(&net, y, 44, 3));
    (void)net_check(&net);
    check_no_transpose(&net);
    net_end(&net);
}

Test(pass_layout, images_joined_along_channels_last_are_joined_along_the_first)
{
    struct net net;
    struct snnconv_attributes join = net_attributes(SNNCONV_OP_CONCAT);
    join.axis = 3;
    net_begin(&net);
    net.program.channels_last = true;
    uint32_t x = net_input(&net, NET_DIM(1, 4, 4, 1));
    uint32_t y = net_op(&net, SNNCONV_OP_CONCAT, &join,
                        NET_LIST(conv_last(&net, x, 1, 1, 1), conv_last(&net, x, 1, 1, 1)));
    net_output(&net, y);
    (void)net_check(&net);
    cr_assert_eq(snn_graph_layer(net.graph, 3)->kind, SNN_LAYER_CONCAT);
    cr_assert_eq(snn_graph_layer(net.graph, 3)->shape.channels, 2);
    net_end(&net);
}

Test(pass_layout, a_mean_over_one_axis_is_a_pool_of_a_row)
{
    struct net net;
    struct snnconv_attributes mean = net_attributes(SNNCONV_OP_REDUCE_MEAN);
    mean.keepdims = false;
    net_begin(&net);
    uint32_t y = net_conv(&net, net_input(&net, NET_DIM(1, 2, 4, 5)), 2, 3, 3, 1);
    y = net_op(&net, SNNCONV_OP_REDUCE_MEAN, &mean,
               NET_LIST(y, net_integers(&net, 1, (const int64_t[]){-1})));
    net_output(&net, net_gemm(&net, net_unary(&net, SNNCONV_OP_FLATTEN, y), 12, 2));
    (void)net_check(&net);
    cr_assert_eq(snn_graph_layer(net.graph, 2)->window.kernel_h, 1);
    cr_assert_eq(snn_graph_layer(net.graph, 2)->window.kernel_w, 5);
    net_end(&net);
}

/* A convolution, its maxima over rows and columns, a ReLU, a dense layer. */
static void check_maximum(bool last, const int64_t *axes)
{
    struct net net;
    struct snnconv_attributes max = net_attributes(SNNCONV_OP_REDUCE_MAX);
    max.keepdims = !last;
    net_begin(&net);
    net.program.channels_last = last;
    uint32_t y = last ? conv_last(&net, net_input(&net, NET_DIM(1, 4, 5, 1)), 1, 3, 3)
                      : net_conv(&net, net_input(&net, NET_DIM(1, 1, 4, 5)), 1, 3, 3, 1);
    net.name = "max";
    y = net_op(&net, SNNCONV_OP_REDUCE_MAX, &max, NET_LIST(y, net_integers(&net, 2, axes)));
    y = net_unary(&net, SNNCONV_OP_RELU, y);
    net_output(&net, net_gemm(&net, net_unary(&net, SNNCONV_OP_FLATTEN, y), 3, 2));
    (void)net_check(&net);
    cr_assert_eq(net_layer(&net, "max")->kind, SNN_LAYER_MAX_POOL2D);
    cr_assert_eq(snn_shape_size(net_layer(&net, "max")->shape), 3);
    cr_assert_eq(snn_graph_layer(net.graph, 1)->activation, SNN_ACTIVATION_RELU);
    net_end(&net);
}

Test(pass_layout, a_maximum_over_rows_and_columns_is_a_global_pool)
{
    check_maximum(false, (const int64_t[]){-1, 2});
    check_maximum(true, (const int64_t[]){1, 2});
}

Test(pass_layout, neurons_take_thresholds_of_their_layout)
{
    struct net net;
    net_begin(&net);
    uint32_t y = net_conv(&net, net_input(&net, NET_DIM(1, 1, 4, 4)), 1, 2, 3, 1);
    uint32_t t = net_positive(&net, 1, NET_DIM(2, 1, 1)),
             v = net_positive(&net, 1, NET_DIM(1, 4, 1));
    net.name = "if";
    y = net_op(&net, SNNCONV_OP_IF, NULL, NET_LIST(y, t, v, SNNCONV_NONE));
    net_output(&net, y);
    cr_assert_eq(snnconv_program_copy(&net.passed, support_context(), &net.program), SNN_OK);
    cr_assert_eq(snnconv_passes_run(&net.passed, support_context(), &net.pass_state, NULL), SNN_OK);
    cr_assert_eq(snnconv_emit(&net.graph, support_context(), &net.passed, &net.pass_state, NULL),
                 SNN_OK, "%s", snn_context_message(support_context()));
    const struct snn_neurons *neurons = net_layer(&net, "if")->neurons;
    cr_assert_eq(neurons->threshold_count, 2);
    cr_assert_eq(neurons->v_init_count, 32);
    cr_assert_eq(neurons->v_init[5], neurons->v_init[20], "one a row in both channels");
    cr_assert_eq(neurons->v_min_count, 0);
    net_end(&net);
}

Test(pass_layout, a_vector_made_an_image_is_refused)
{
    struct net net;
    net_begin(&net);
    uint32_t y = net_gemm(&net, net_input(&net, NET_DIM(1, 4)), 4, 12);
    net.name = "unflatten";
    y = net_reshape(&net, y, NET_DIM(1, 3, 2, 2));
    net_output(&net, net_conv(&net, y, 3, 2, 1, 0));
    net_refuse(&net, SNN_ERR_UNSUPPORTED,
               "node 'unflatten': Reshape: makes an image of other values than its channels, rows "
               "and columns");
    net_end(&net);
}

Test(pass_layout, channels_that_are_shuffled_are_refused_by_name)
{
    struct net net;
    net_begin(&net);
    uint32_t y = net_conv(&net, net_input(&net, NET_DIM(1, 1, 3, 3)), 1, 4, 1, 0);
    y = net_reshape(&net, y, NET_DIM(1, 2, 2, 3, 3));
    net.name = "shuffle";
    y = net_transpose(&net, y, NET_DIM(0, 2, 1, 3, 4));
    y = net_reshape(&net, y, NET_DIM(1, 4, 3, 3));
    net_output(&net, net_conv(&net, y, 4, 2, 1, 0));
    cr_assert_eq(snnconv_program_copy(&net.passed, support_context(), &net.program), SNN_OK);
    cr_assert_eq(snnconv_passes_run(&net.passed, support_context(), &net.pass_state, NULL), SNN_OK);
    cr_assert_eq(snnconv_emit(&net.graph, support_context(), &net.passed, &net.pass_state, NULL),
                 SNN_ERR_UNSUPPORTED);
    net_end(&net);
}

Test(pass_layout, two_inputs_are_refused)
{
    struct net net;
    net_begin(&net);
    uint32_t a = net_input(&net, NET_DIM(1, 4)), b = net_input(&net, NET_DIM(1, 4));
    cr_assert_eq(snnconv_program_set_inputs(&net.program, support_context(), NET_LIST(a, b)),
                 SNN_OK);
    net_output(&net, net_binary(&net, SNNCONV_OP_ADD, a, b));
    net.program.values[b].name = "mask";
    net_refuse(&net, SNN_ERR_UNSUPPORTED, "the net has 2 inputs, one is supported: 'x', 'mask'");
    net_end(&net);
}

Test(pass_layout, an_input_without_elements_is_refused)
{
    struct net net;
    net_begin(&net);
    uint32_t x = net_input(&net, NET_DIM(0, 4));
    net_output(&net, net_gemm(&net, x, 4, 2));
    net_refuse(&net, SNN_ERR_UNSUPPORTED, "input 'x' is empty");
    net_end(&net);
}
