/* Tests of ONNX nodes on their way into the newest form: each opset's way of saying the same. */
#include <criterion/criterion.h>
#include <string.h>

#include "libsnn/base/memory.h"
#include "snn/status.h"
#include "tests/unit/convert/onnx_file.h"
#include "tests/unit/support.h"

TestSuite(onnx_node, .init = support_begin, .fini = support_end);

static struct onnx_message model, graph, node;
static struct snnconv_program program;

static const int64_t image[] = {1, 2, 2, 2};

static void begin(const char *operator_name, const char *inputs)
{
    graph.size = 0;
    onnx_add_input(&graph, "x", image, 4);
    onnx_node(&node, operator_name, inputs, "y");
}

static int finish(int64_t opset)
{
    onnx_add_node(&graph, &node);
    onnx_add_output(&graph, "y");
    onnx_model(&model, &graph, opset);
    return onnx_read(&program, support_context(), "net.onnx", &model, NULL);
}

static const struct snnconv_array *input(uint32_t index)
{
    cr_assert_eq(program.node_count, 1);
    cr_assert_lt(index, program.nodes[0].input_count);
    cr_assert_neq(program.nodes[0].inputs[index], SNNCONV_NONE);
    return &program.values[program.nodes[0].inputs[index]].array;
}

static void assert_told(const char *text)
{
    cr_assert_not_null(strstr(snn_context_message(support_context()), text), "%s",
                       snn_context_message(support_context()));
}

/* ---- Attributes that became inputs ---- */

Test(onnx_node, lists_of_old_opsets_become_constant_inputs)
{
    static const struct {
        const char *operator_name, *attribute;
        int64_t opset, last; /* the last opset that has the attribute */
        uint32_t input;
    } cases[] = {
        {"Reshape", "shape", 1, 4, 1},    {"Squeeze", "axes", 1, 12, 1},
        {"Unsqueeze", "axes", 11, 12, 1}, {"ReduceMean", "axes", 13, 17, 1},
        {"ReduceMax", "axes", 1, 17, 1},  {"Pad", "paddings", 1, 1, 1},
        {"Pad", "pads", 2, 10, 1},
    };
    const int64_t items[] = {3, 1};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin(cases[i].operator_name, "x");
        onnx_attribute_integers(&node, cases[i].attribute, items, 2);
        cr_assert_eq(finish(cases[i].opset), SNN_OK, "%s: %s", cases[i].operator_name,
                     snn_context_message(support_context()));
        const struct snnconv_array *list = input(cases[i].input);
        cr_assert_eq(list->type, SNNCONV_TYPE_I64);
        cr_assert_arr_eq(list->data, items, sizeof(items));
        snnconv_program_fini(&program);
        begin(cases[i].operator_name, "x");
        onnx_attribute_integers(&node, cases[i].attribute, items, 2);
        cr_assert_eq(finish(cases[i].last + 1), SNN_ERR_UNSUPPORTED, "%s", cases[i].operator_name);
        assert_told("is not known in opset");
        snnconv_program_fini(&program);
    }
}

Test(onnx_node, slices_of_old_opsets_get_starts_ends_and_axes)
{
    const int64_t starts[] = {1}, ends[] = {2}, axes[] = {3};
    begin("Slice", "x");
    onnx_attribute_integers(&node, "axes", axes, 1);
    onnx_attribute_integers(&node, "ends", ends, 1);
    onnx_attribute_integers(&node, "starts", starts, 1);
    cr_assert_eq(finish(9), SNN_OK);
    cr_assert_eq(snnconv_array_load_integer(input(1), 0), 1);
    cr_assert_eq(snnconv_array_load_integer(input(2), 0), 2);
    cr_assert_eq(snnconv_array_load_integer(input(3), 0), 3);
    snnconv_program_fini(&program);
}

Test(onnx_node, bounds_of_old_clips_become_inputs_and_may_be_left_out)
{
    begin("Clip", "x");
    onnx_attribute_real(&node, "max", 6.0f);
    cr_assert_eq(finish(6), SNN_OK);
    cr_assert_eq(program.nodes[0].inputs[1], SNNCONV_NONE);
    cr_assert_eq(snnconv_array_load(input(2), 0), 6.0);
    snnconv_program_fini(&program);
}

/* ---- Broadcasts before opset 7 ---- */

/* x[1][2][2][2] + b[2] along axis 1: b[0] on the first channel, b[1] on the second. */
Test(onnx_node, an_old_broadcast_along_an_axis_lies_on_that_axis)
{
    const int64_t dim[] = {2};
    const float bias[] = {10.0f, 20.0f}, x[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    const float expected[8] = {10, 11, 12, 13, 24, 25, 26, 27};
    begin("Add", "x b");
    onnx_add_floats(&graph, "b", dim, 1, bias);
    onnx_attribute_integer(&node, "broadcast", 1);
    onnx_attribute_integer(&node, "axis", 1);
    cr_assert_eq(finish(6), SNN_OK, "%s", snn_context_message(support_context()));
    struct snnbase_arena arena;
    struct snnconv_array fed = onnx_value(&program, "x")->array;
    struct snnconv_array *values =
        snnbase_alloc(support_context(), program.value_count, sizeof(*values));
    fed.data = x;
    snnbase_arena_init(&arena, support_context());
    cr_assert_eq(snnconv_program_run(&program, support_context(), &fed, values, &arena), SNN_OK,
                 "%s", snn_context_message(support_context()));
    cr_assert_arr_eq(values[program.outputs[0]].data, expected, sizeof(expected));
    snnbase_arena_fini(&arena);
    snnbase_free(support_context(), values);
    snnconv_program_fini(&program);
}

Test(onnx_node, an_old_broadcast_on_an_unknown_rank_is_refused)
{
    const int64_t dim[] = {2}, axes[] = {0};
    const float bias[] = {10.0f, 20.0f};
    struct onnx_message squeeze;
    begin("Add", "s b");
    onnx_node(&squeeze, "Squeeze", "x", "s");
    onnx_attribute_integers(&squeeze, "axes", axes, 1);
    onnx_add_node(&graph, &squeeze);
    onnx_add_floats(&graph, "b", dim, 1, bias);
    onnx_attribute_integer(&node, "broadcast", 1);
    onnx_attribute_integer(&node, "axis", 0);
    cr_assert_eq(finish(6), SNN_ERR_UNSUPPORTED);
    assert_told("node 'Add_1': Add broadcasts along axis 0 of a tensor whose rank is not known");
    snnconv_program_fini(&program);
}

/* ---- Defaults ---- */

Test(onnx_node, softmax_spans_all_axes_behind_its_own_before_opset_13)
{
    for (int64_t opset = 12; opset <= 13; opset++) {
        begin("Softmax", "x");
        cr_assert_eq(finish(opset), SNN_OK);
        cr_assert_eq(program.nodes[0].attributes.flatten_axes, opset == 12);
        cr_assert_eq(program.nodes[0].attributes.axis, opset == 12 ? 1 : -1);
        snnconv_program_fini(&program);
    }
}

Test(onnx_node, batch_normalization_keeps_its_first_output_before_opset_14)
{
    begin("BatchNormalization", "x x x x x");
    onnx_put_text(&node, 2, "mean");
    onnx_put_text(&node, 2, "var");
    onnx_attribute_integer(&node, "spatial", 1);
    cr_assert_eq(finish(7), SNN_OK, "%s", snn_context_message(support_context()));
    cr_assert_eq(program.nodes[0].output_count, 1);
    snnconv_program_fini(&program);
    begin("BatchNormalization", "x x x x x");
    onnx_attribute_integer(&node, "spatial", 0);
    cr_assert_eq(finish(7), SNN_ERR_UNSUPPORTED);
    assert_told("attribute 'spatial' of BatchNormalization is 0");
    snnconv_program_fini(&program);
}

Test(onnx_node, windows_take_their_lists)
{
    const int64_t kernel[] = {3, 5}, pads[] = {1, 2, 3, 4};
    begin("MaxPool", "x");
    onnx_attribute_integers(&node, "kernel_shape", kernel, 2);
    onnx_attribute_integers(&node, "pads", pads, 4);
    onnx_attribute_text(&node, "auto_pad", "NOTSET");
    cr_assert_eq(finish(12), SNN_OK);
    const struct snnconv_attributes *attributes = &program.nodes[0].attributes;
    cr_assert_eq(attributes->spatial, 2);
    cr_assert_eq(attributes->kernel[1], 5);
    cr_assert_eq(attributes->stride[1], 1);
    cr_assert_eq(attributes->pad_begin[1], 2);
    cr_assert_eq(attributes->pad_end[0], 3);
    snnconv_program_fini(&program);
}

Test(onnx_node, attributes_that_make_no_sense_are_refused_by_name)
{
    static const struct {
        const char *operator_name, *attribute;
        int64_t items[4];
        size_t count;
        const char *text;
    } cases[] = {
        {"MaxPool", "kernel_shape", {0, 1}, 2, "attribute 'kernel_shape' of MaxPool has an entry"},
        {"Conv", "pads", {1, 1, 1}, 3, "attribute 'pads' of Conv has an odd number"},
        {"Conv", "pads", {-1, 0, 0, 0}, 4, "attribute 'pads' of Conv has an entry below 0"},
        {"Conv", "group", {1}, 1, "attribute 'group' of Conv is no integer"},
        {"MaxPool", "strides", {1, 1}, 2, "MaxPool without attribute 'kernel_shape'"},
        {"Conv", "alpha", {1}, 1, "attribute 'alpha' of Conv is not known in opset 13"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin(cases[i].operator_name, "x");
        onnx_attribute_integers(&node, cases[i].attribute, cases[i].items, cases[i].count);
        cr_assert_neq(finish(13), SNN_OK, "case %zu", i);
        assert_told(cases[i].text);
        snnconv_program_fini(&program);
    }
}

/* ---- Constants ---- */

Test(onnx_node, a_constant_is_no_node)
{
    const int64_t items[] = {4, 5};
    begin("Add", "x c");
    onnx_add_node(&graph, &node);
    onnx_node(&node, "Constant", "", "c");
    onnx_attribute_real(&node, "value_float", 2.5f);
    onnx_add_node(&graph, &node);
    onnx_node(&node, "Constant", "", "d");
    onnx_attribute_integers(&node, "value_ints", items, 2);
    cr_assert_eq(finish(13), SNN_OK);
    cr_assert_eq(program.node_count, 1);
    cr_assert_eq(snnconv_array_load(&onnx_value(&program, "c")->array, 0), 2.5);
    cr_assert_eq(snnconv_array_load_integer(&onnx_value(&program, "d")->array, 1), 5);
    snnconv_program_fini(&program);
}

/* ---- Refusals ---- */

Test(onnx_node, all_problems_are_told_in_one_run_and_the_first_is_returned)
{
    begin("Tanh", "x");
    onnx_add_node(&graph, &node);
    onnx_node(&node, "LSTM", "y", "z");
    onnx_add_node(&graph, &node);
    onnx_node(&node, "Fancy", "z", "a");
    onnx_put_text(&node, 7, "com.example");
    onnx_add_node(&graph, &node);
    onnx_node(&node, "Unheard", "a", "b");
    cr_assert_eq(finish(13), SNN_ERR_UNSUPPORTED);
    assert_told("net.onnx: byte ");
    assert_told("node 'Tanh_0': operator Tanh has no integrate-and-fire equivalent");
    cr_assert_str_eq(snn_context_hint(support_context()), "train the net with ReLU in its place");
    cr_assert_str_eq(support_diagnostics(),
                     "error: operator Tanh has no integrate-and-fire equivalent\n"
                     "error: operator LSTM is recurrent\n"
                     "error: operator 'Fancy' is of the custom domain 'com.example'\n"
                     "error: operator 'Unheard' is not read\n");
    snnconv_program_fini(&program);
}

Test(onnx_node, an_operator_younger_than_the_opset_is_refused)
{
    begin("ConstantOfShape", "x");
    cr_assert_eq(finish(8), SNN_ERR_FORMAT);
    assert_told("operator ConstantOfShape is of opset 9, the model of opset 8");
    snnconv_program_fini(&program);
}
