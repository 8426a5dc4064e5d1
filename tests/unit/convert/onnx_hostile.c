/* Tests of ONNX files that are damaged, or made to harm: refused, never more. */
#include <criterion/criterion.h>
#include <string.h>

#include "convert/read/model.h"
#include "convert/read/onnx_wire.h"
#include "snn/status.h"
#include "tests/unit/convert/onnx_file.h"
#include "tests/unit/support.h"

extern const struct snnconv_model_reader snnconv_onnx_reader;

TestSuite(onnx_hostile, .init = support_begin, .fini = support_end);

static struct onnx_message model, graph, node;
static struct snnconv_program program;

/* Two nodes, an attribute of each kind, a constant of each kind. */
static void put_model(void)
{
    const int64_t image[] = {2, 1, 4, 4}, dim[] = {1, 1, 3, 3}, pads[] = {1, 1, 1, 1}, two[] = {2};
    const int64_t shape[] = {2, 16};
    const float weights[9] = {1.0f};
    struct onnx_message tensor;
    graph.size = 0;
    onnx_add_input(&graph, "x", image, 4);
    onnx_add_floats(&graph, "w", dim, 4, weights);
    onnx_add_integers(&graph, "shape", shape, 2);
    onnx_node(&node, "Conv", "x w", "y");
    onnx_attribute_integers(&node, "pads", pads, 4);
    onnx_attribute_text(&node, "auto_pad", "NOTSET");
    onnx_add_node(&graph, &node);
    onnx_add_simple(&graph, "Reshape", "y shape", "r");
    onnx_tensor(&tensor, "t", 1, two, 1);
    onnx_put_real(&tensor, 4, 1.0f);
    onnx_put_real(&tensor, 4, 2.0f);
    onnx_node(&node, "Constant", "", "c");
    onnx_attribute_tensor(&node, "value", &tensor);
    onnx_add_node(&graph, &node);
    onnx_node(&node, "LeakyRelu", "r", "z");
    onnx_attribute_real(&node, "alpha", 0.5f);
    onnx_add_node(&graph, &node);
    onnx_add_output(&graph, "z");
    onnx_model(&model, &graph, 13);
}

static int read_model(void)
{
    int status = onnx_read(&program, support_context(), "net.onnx", &model, NULL);
    snnconv_program_fini(&program);
    return status;
}

Test(onnx_hostile, a_file_cut_off_anywhere_is_refused)
{
    put_model();
    size_t whole = model.size, refused = 0;
    cr_assert_eq(read_model(), SNN_OK, "%s", snn_context_message(support_context()));
    for (model.size = 0; model.size < whole; model.size++)
        refused += read_model() != SNN_OK;
    /* Cut off between graph and opset it still walks as a model, of opset 1: there Reshape must
     * have its shape as an attribute. */
    cr_assert_eq(refused, whole);
}

Test(onnx_hostile, any_byte_may_be_wrong)
{
    static const unsigned char wrong[] = {0x00, 0x7f, 0x80, 0xff};
    put_model();
    size_t read = 0;
    for (size_t i = 0; i < model.size; i++) {
        unsigned char right = model.bytes[i];
        for (size_t k = 0; k < sizeof(wrong); k++) {
            model.bytes[i] = wrong[k];
            read += read_model() == SNN_OK;
        }
        model.bytes[i] = right;
    }
    cr_assert_gt(read, 0);
    cr_assert_lt(read, model.size * sizeof(wrong));
}

static int read_in(struct snn_context *context)
{
    int status = onnx_read(&program, context, "net.onnx", &model, NULL);
    snnconv_program_fini(&program);
    return status;
}

Test(onnx_hostile, every_allocation_may_fail)
{
    put_model();
    support_sweep(read_in);
}

static void assert_refused(int status, const char *text)
{
    cr_assert_eq(read_model(), status, "%s", snn_context_message(support_context()));
    cr_assert_not_null(strstr(snn_context_message(support_context()), text), "%s",
                       snn_context_message(support_context()));
}

Test(onnx_hostile, other_versions_are_refused)
{
    put_model();
    model.bytes[1] = 11;
    assert_refused(SNN_ERR_UNSUPPORTED, "IR version 11; versions 3 to 10 are read");
    model.bytes[1] = 2;
    assert_refused(SNN_ERR_UNSUPPORTED, "IR version 2;");
    onnx_model(&model, &graph, 22);
    assert_refused(SNN_ERR_UNSUPPORTED, "opset 22; opsets 1 to 21 are read");
}

Test(onnx_hostile, two_graphs_or_none_are_refused)
{
    put_model();
    onnx_put_message(&model, 7, &graph);
    assert_refused(SNN_ERR_FORMAT, "2 graphs, not one");
    model.size = 0;
    onnx_put_integer(&model, 1, 7);
    assert_refused(SNN_ERR_FORMAT, "0 graphs, not one");
}

Test(onnx_hostile, functions_and_sparse_initializers_are_refused_by_name)
{
    struct onnx_message function = {.size = 0};
    put_model();
    onnx_put_message(&graph, 15, &function);
    onnx_model(&model, &graph, 13);
    onnx_put_text(&function, 1, "mine");
    onnx_put_message(&model, 25, &function);
    assert_refused(SNN_ERR_UNSUPPORTED, "function 'mine'");
    cr_assert_not_null(strstr(support_diagnostics(), "a sparse initializer"));
}

/* An empty string is two bytes in the file and 64 in memory. */
Test(onnx_hostile, what_unpacks_beyond_the_limit_is_refused)
{
    const struct snn_limits limits = {.file_bytes = 4096};
    struct snn_context *context = support_limited(&limits);
    graph.size = node.size = 0;
    for (int i = 0; i < 1000; i++)
        onnx_put_text(&node, 1, "");
    onnx_add_node(&graph, &node);
    onnx_model(&model, &graph, 13);
    cr_assert_eq(read_in(context), SNN_ERR_LIMIT, "%s", snn_context_message(context));
    snn_context_destroy(&context);
}

/* An empty attribute is two bytes in the file as well. */
Test(onnx_hostile, attributes_count_against_the_limit)
{
    const struct snn_limits limits = {.file_bytes = 1 << 16};
    struct snn_context *context = support_limited(&limits);
    graph.size = node.size = 0;
    for (int i = 0; i < 3000; i++)
        onnx_put_text(&node, 5, "");
    onnx_add_node(&graph, &node);
    onnx_model(&model, &graph, 13);
    cr_assert_eq(read_in(context), SNN_ERR_LIMIT, "%s", snn_context_message(context));
    snn_context_destroy(&context);
}

Test(onnx_hostile, a_tensor_larger_than_its_bytes_takes_no_memory)
{
    const int64_t dim[] = {1 << 20, 1 << 20, 1 << 20};
    const float value = 1.0f;
    struct onnx_message tensor;
    put_model();
    onnx_tensor(&tensor, "huge", 1, dim, 3);
    onnx_put_bytes(&tensor, 9, &value, sizeof(value));
    onnx_put_message(&graph, 5, &tensor);
    onnx_model(&model, &graph, 13);
    assert_refused(SNN_ERR_LIMIT, "huge");
}

Test(onnx_hostile, probe_knows_models_from_other_bytes)
{
    static const unsigned char others[][8] = {"\x89HDF\r\n\x1a", "PK\3\4\24\0\0", "{\"format",
                                              "\x1c\0\0\0TFL3"};
    put_model();
    cr_assert_geq(snnconv_onnx_reader.probe(model.bytes, model.size), 80);
    cr_assert_gt(snnconv_onnx_reader.probe(model.bytes, model.size / 2), 0);
    cr_assert_eq(snnconv_onnx_reader.probe(model.bytes, 0), 0);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        cr_assert_eq(snnconv_onnx_reader.probe(others[i], sizeof(others[i])), 0, "%zu", i);
}

/* ---- Wire ---- */

Test(onnx_hostile, no_number_has_more_than_64_bits)
{
    static const struct {
        unsigned char bytes[12];
        size_t size;
        bool good;
    } cases[] = {
        {{0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, 11, true},
        {{0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02}, 11, false},
        {{0x08, 0x80}, 2, false},                /* cut off */
        {{0x00, 0x00}, 2, false},                /* field 0 */
        {{0x0b, 0x0c}, 2, false},                /* a group */
        {{0x0a, 0x02, 0x00}, 3, false},          /* a length beyond the end */
        {{0x0d, 0, 0, 0, 0}, 5, true},           /* four bytes */
        {{0x09, 0, 0, 0, 0, 0, 0, 0}, 8, false}, /* seven of eight */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct snnconv_wire_bytes message = {cases[i].bytes, cases[i].size};
        cr_assert_eq(snnconv_wire_is_message(message), cases[i].good, "case %zu", i);
    }
}
