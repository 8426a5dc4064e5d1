/* Tests of ONNX files as a whole: constants, inputs, shapes, the batch, files beside the model. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "convert/read/model.h"
#include "snn/status.h"
#include "tests/unit/convert/onnx_file.h"
#include "tests/unit/support.h"

extern const struct snnconv_model_reader snnconv_onnx_reader;

TestSuite(onnx_read, .init = support_begin, .fini = support_end);

enum { TYPE_FLOAT = 1, TYPE_INT8 = 3, TYPE_STRING = 8, TYPE_BOOL = 9, TYPE_FLOAT16 = 10 };

static struct onnx_message model, graph, message;
static struct snnconv_program program;

static int read_graph(int64_t opset)
{
    onnx_model(&model, &graph, opset);
    return onnx_read(&program, support_context(), "net.onnx", &model, NULL);
}

static void assert_told(const char *text)
{
    cr_assert_not_null(strstr(snn_context_message(support_context()), text), "%s",
                       snn_context_message(support_context()));
}

/* x -> Relu -> y for an input of any shape. */
static void put_relu(const int64_t *dim, size_t rank)
{
    graph.size = 0;
    onnx_add_input(&graph, "x", dim, rank);
    onnx_add_simple(&graph, "Relu", "x", "y");
    onnx_add_output(&graph, "y");
}

static const int64_t image[] = {1, 1, 2, 2};

Test(onnx_read, weights_of_raw_bytes_are_constants)
{
    const int64_t dim[] = {2, 2};
    const float values[] = {1.0f, -2.0f, 0.5f, 4.0f};
    put_relu(image, 4);
    onnx_add_floats(&graph, "w", dim, 2, values);
    cr_assert_eq(read_graph(13), SNN_OK, "%s", snn_context_message(support_context()));
    const struct snnconv_array *array = &onnx_value(&program, "w")->array;
    cr_assert_eq(array->type, SNNCONV_TYPE_F32);
    cr_assert_eq(array->rank, 2);
    cr_assert_arr_eq(array->data, values, sizeof(values));
    snnconv_program_fini(&program);
}

/* At every alignment: the file's bytes are not needed once it is read. */
Test(onnx_read, constants_are_copied_out_of_the_file)
{
    const int64_t dim[] = {2};
    const float values[] = {3.0f, 7.0f};
    for (size_t pad = 0; pad < 4; pad++) {
        put_relu(image, 4);
        onnx_put_bytes(&graph, 10, "xxx", pad); /* doc_string */
        onnx_add_floats(&graph, "w", dim, 1, values);
        cr_assert_eq(read_graph(13), SNN_OK);
        cr_assert(program.apart);
        const unsigned char *data = onnx_value(&program, "w")->array.data;
        cr_assert(data < model.bytes || data >= model.bytes + model.size);
        cr_assert_eq((uintptr_t)data % sizeof(float), 0);
        cr_assert_arr_eq(data, values, sizeof(values));
        snnconv_program_fini(&program);
    }
}

Test(onnx_read, numbers_are_listed_in_pieces_or_packed)
{
    const int64_t dim[] = {2};
    const unsigned char packed[] = {0x05, 0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1};
    put_relu(image, 4);
    onnx_tensor(&message, "pieces", TYPE_FLOAT, dim, 1);
    onnx_put_real(&message, 4, 1.5f);
    onnx_put_real(&message, 4, -2.5f);
    onnx_put_message(&graph, 5, &message);
    onnx_tensor(&message, "packed", TYPE_INT8, dim, 1); /* 5, -3 */
    onnx_put_bytes(&message, 5, packed, sizeof(packed));
    onnx_put_message(&graph, 5, &message);
    onnx_tensor(&message, "half", TYPE_FLOAT16, dim, 1); /* bits of 1 and -2 */
    onnx_put_integer(&message, 5, 0x3c00);
    onnx_put_integer(&message, 5, 0xc000);
    onnx_put_message(&graph, 5, &message);
    cr_assert_eq(read_graph(13), SNN_OK, "%s", snn_context_message(support_context()));
    static const struct {
        const char *name;
        double first, second;
    } expected[] = {{"pieces", 1.5, -2.5}, {"packed", 5, -3}, {"half", 1, -2}};
    for (size_t i = 0; i < 3; i++) {
        const struct snnconv_array *array = &onnx_value(&program, expected[i].name)->array;
        cr_assert_eq(snnconv_array_load(array, 0), expected[i].first);
        cr_assert_eq(snnconv_array_load(array, 1), expected[i].second);
    }
    snnconv_program_fini(&program);
}

Test(onnx_read, elements_must_be_as_many_as_the_shape_says)
{
    const int64_t dim[] = {3};
    const float values[] = {1.0f, 2.0f};
    put_relu(image, 4);
    onnx_tensor(&message, "w", TYPE_FLOAT, dim, 1);
    onnx_put_bytes(&message, 9, values, sizeof(values));
    onnx_put_message(&graph, 5, &message);
    cr_assert_eq(read_graph(13), SNN_ERR_FORMAT);
    assert_told("tensor 'w': [3] of float32 takes 12 bytes, there are 8");
    snnconv_program_fini(&program);
}

Test(onnx_read, strings_and_bools_beyond_one_are_refused)
{
    const int64_t dim[] = {1};
    put_relu(image, 4);
    onnx_tensor(&message, "s", TYPE_STRING, dim, 1);
    onnx_put_message(&graph, 5, &message);
    onnx_tensor(&message, "b", TYPE_BOOL, dim, 1);
    onnx_put_bytes(&message, 9, "\2", 1);
    onnx_put_message(&graph, 5, &message);
    cr_assert_eq(read_graph(13), SNN_ERR_UNSUPPORTED);
    assert_told("elements of type STRING are not read");
    cr_assert_not_null(strstr(support_diagnostics(), "element 0 is 2, no BOOL"));
    snnconv_program_fini(&program);
}

Test(onnx_read, initializers_listed_as_inputs_are_no_inputs)
{
    const int64_t dim[] = {1};
    const float value = 1.0f;
    put_relu(image, 4);
    onnx_add_input(&graph, "w", dim, 1);
    onnx_add_floats(&graph, "w", dim, 1, &value);
    cr_assert_eq(read_graph(8), SNN_OK);
    cr_assert_eq(program.input_count, 1);
    cr_assert_str_eq(program.values[program.inputs[0]].name, "x");
    snnconv_program_fini(&program);
}

Test(onnx_read, nodes_without_a_name_get_operator_and_place_and_know_their_byte)
{
    put_relu(image, 4);
    onnx_add_simple(&graph, "Sigmoid", "y", "z");
    cr_assert_eq(read_graph(13), SNN_OK);
    cr_assert_eq(program.node_count, 2);
    cr_assert_str_eq(program.nodes[0].name, "Relu_0");
    cr_assert_str_eq(program.nodes[1].name, "Sigmoid_1");
    onnx_node(&message, "Sigmoid", "y", "z");
    cr_assert_arr_eq(model.bytes + program.nodes[1].offset, message.bytes, message.size);
    snnconv_program_fini(&program);
}

Test(onnx_read, format_names_opset_and_producer)
{
    put_relu(image, 4);
    cr_assert_eq(read_graph(11), SNN_OK);
    cr_assert_str_eq(program.format, "ONNX (opset 11, hand)");
    snnconv_program_fini(&program);
}

/* The one of docs/formats/onnx.md. */
Test(onnx_read, the_documented_file_is_a_relu)
{
    static const unsigned char bytes[] = {
        0x08, 0x07, 0x3a, 0x3b, 0x0a, 0x0c, 0x0a, 0x01, 0x78, 0x12, 0x01, 0x79, 0x22, 0x04,
        0x52, 0x65, 0x6c, 0x75, 0x12, 0x01, 0x67, 0x5a, 0x13, 0x0a, 0x01, 0x78, 0x12, 0x0e,
        0x0a, 0x0c, 0x08, 0x01, 0x12, 0x08, 0x0a, 0x02, 0x08, 0x01, 0x0a, 0x02, 0x08, 0x01,
        0x62, 0x13, 0x0a, 0x01, 0x79, 0x12, 0x0e, 0x0a, 0x0c, 0x08, 0x01, 0x12, 0x08, 0x0a,
        0x02, 0x08, 0x01, 0x0a, 0x02, 0x08, 0x01, 0x42, 0x04, 0x0a, 0x00, 0x10, 0x0d};
    memcpy(model.bytes, bytes, sizeof(bytes));
    model.size = sizeof(bytes);
    cr_assert_eq(onnx_read(&program, support_context(), "net.onnx", &model, NULL), SNN_OK);
    cr_assert_eq(program.node_count, 1);
    cr_assert_eq(program.nodes[0].op, SNNCONV_OP_RELU);
    cr_assert_eq(program.nodes[0].offset, 6);
    cr_assert_str_eq(program.name, "g");
    cr_assert_str_eq(program.values[program.outputs[0]].name, "y");
    snnconv_program_fini(&program);
}

/* ---- Shapes of inputs ---- */

Test(onnx_read, an_open_batch_is_one)
{
    const int64_t dim[] = {-1, 3, 8, 8};
    put_relu(dim, 4);
    cr_assert_eq(read_graph(13), SNN_OK);
    cr_assert_eq(onnx_value(&program, "x")->array.dim[0], 1);
    snnconv_program_fini(&program);
}

Test(onnx_read, other_open_extents_come_from_the_options)
{
    const int64_t dim[] = {-1, 3, -1, -1};
    struct snn_import_options options = {.input_shape = {3, 8, 9}};
    put_relu(dim, 4);
    cr_assert_eq(read_graph(13), SNN_ERR_UNSUPPORTED);
    assert_told("input 'x': axis 2 ('open') is left open by the file");
    cr_assert_not_null(strstr(snn_context_hint(support_context()), "--input-shape"));
    snnconv_program_fini(&program);
    cr_assert_eq(onnx_read(&program, support_context(), "net.onnx", &model, &options), SNN_OK);
    cr_assert_eq(onnx_value(&program, "x")->array.dim[2], 8);
    cr_assert_eq(onnx_value(&program, "x")->array.dim[3], 9);
    snnconv_program_fini(&program);
    options.input_shape.channels = 1;
    cr_assert_eq(onnx_read(&program, support_context(), "net.onnx", &model, &options),
                 SNN_ERR_INVALID);
    assert_told("axis 1 has 3 elements, not 1");
    snnconv_program_fini(&program);
}

/* ---- The batch ---- */

static void put_batch_of_ten(int64_t first)
{
    const int64_t dim[] = {10, 2, 2, 2}, shape[] = {first, 8};
    graph.size = 0;
    onnx_add_input(&graph, "x", dim, 4);
    onnx_add_integers(&graph, "shape", shape, 2);
    onnx_add_simple(&graph, "Relu", "x", "r");
    onnx_add_simple(&graph, "Reshape", "r shape", "y");
    onnx_add_output(&graph, "y");
}

Test(onnx_read, a_fixed_batch_becomes_one_with_the_reshapes_that_name_it)
{
    put_batch_of_ten(10);
    cr_assert_eq(read_graph(9), SNN_OK);
    cr_assert_eq(onnx_value(&program, "x")->array.dim[0], 1);
    const struct snnconv_array *shape = &program.values[program.nodes[1].inputs[1]].array;
    cr_assert_eq(snnconv_array_load_integer(shape, 0), 1);
    cr_assert_eq(snnconv_array_load_integer(shape, 1), 8);
    /* The file's own constant may have other readers. */
    cr_assert_eq(snnconv_array_load_integer(&onnx_value(&program, "shape")->array, 0), 10);
    snnconv_program_fini(&program);
}

Test(onnx_read, a_batch_that_a_reshape_mixes_stays)
{
    put_batch_of_ten(5);
    cr_assert_eq(read_graph(9), SNN_OK);
    cr_assert_eq(onnx_value(&program, "x")->array.dim[0], 10);
    snnconv_program_fini(&program);
}

Test(onnx_read, a_batch_with_constants_for_each_frame_stays)
{
    const int64_t dim[] = {10, 2}, input[] = {10, 2};
    const float values[20] = {1.0f};
    graph.size = 0;
    onnx_add_input(&graph, "x", input, 2);
    onnx_add_floats(&graph, "c", dim, 2, values);
    onnx_add_simple(&graph, "Add", "x c", "y");
    onnx_add_output(&graph, "y");
    cr_assert_eq(read_graph(9), SNN_OK);
    cr_assert_eq(onnx_value(&program, "x")->array.dim[0], 10);
    snnconv_program_fini(&program);
}

/* ---- Files beside the model ---- */

static int read_beside(const char *location, const char *offset, const char *length)
{
    struct onnx_message entry = {.size = 0};
    const int64_t dim[] = {2};
    const char *const pairs[][2] = {{"location", location}, {"offset", offset}, {"length", length}};
    put_relu(image, 4);
    onnx_tensor(&message, "w", TYPE_FLOAT, dim, 1);
    for (size_t i = 0; i < 3; i++) {
        if (pairs[i][1] == NULL) continue;
        entry.size = 0;
        onnx_put_text(&entry, 1, pairs[i][0]);
        onnx_put_text(&entry, 2, pairs[i][1]);
        onnx_put_message(&message, 13, &entry);
    }
    onnx_put_integer(&message, 14, 1);
    onnx_put_message(&graph, 5, &message);
    onnx_model(&model, &graph, 13);
    return onnx_read(&program, support_context(), support_path("net.onnx"), &model, NULL);
}

Test(onnx_read, tensors_may_lie_in_a_file_beside_the_model)
{
    const float values[] = {0.0f, 1.5f, -2.5f};
    (void)support_put("weights.bin", values, sizeof(values));
    cr_assert_eq(read_beside("weights.bin", "4", "8"), SNN_OK, "%s",
                 snn_context_message(support_context()));
    const struct snnconv_array *array = &onnx_value(&program, "w")->array;
    cr_assert_eq(snnconv_array_load(array, 0), 1.5);
    cr_assert_eq(snnconv_array_load(array, 1), -2.5);
    snnconv_program_fini(&program);
}

Test(onnx_read, no_file_outside_of_the_folder_is_opened)
{
    static const char *const locations[] = {"/etc/hostname", "../weights.bin", "a/../../b", ""};
    for (size_t i = 0; i < sizeof(locations) / sizeof(locations[0]); i++) {
        cr_assert_eq(read_beside(locations[i], NULL, NULL), SNN_ERR_UNSUPPORTED, "%s",
                     locations[i]);
        assert_told("leaves the folder");
        snnconv_program_fini(&program);
    }
    cr_assert_eq(symlink("/etc/hostname", support_path("link.bin")), 0);
    cr_assert_eq(read_beside("link.bin", NULL, NULL), SNN_ERR_UNSUPPORTED);
    assert_told("not in the folder of");
    cr_assert_eq(unlink(support_path("link.bin")), 0);
    snnconv_program_fini(&program);
}

Test(onnx_read, places_beyond_the_file_beside_are_refused)
{
    static const struct {
        const char *offset, *length;
        int status;
    } cases[] = {
        {"8", "8", SNN_ERR_FORMAT},   {"13", NULL, SNN_ERR_FORMAT},
        {"0", "12", SNN_ERR_FORMAT},  {"18446744073709551615", "8", SNN_ERR_FORMAT},
        {"-1", "8", SNN_ERR_FORMAT},  {"99999999999999999999", "8", SNN_ERR_FORMAT},
        {"4", "0x8", SNN_ERR_FORMAT},
    };
    const float values[3] = {0.0f};
    (void)support_put("weights.bin", values, sizeof(values));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_assert_eq(read_beside("weights.bin", cases[i].offset, cases[i].length), cases[i].status,
                     "case %zu", i);
        snnconv_program_fini(&program);
    }
    cr_assert_eq(read_beside("absent.bin", NULL, NULL), SNN_ERR_NOT_FOUND);
    snnconv_program_fini(&program);
}
