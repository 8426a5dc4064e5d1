/* The Keras reader on small HDF5 files that are written here: names, places, open shapes, and
 * configurations that make no sense. What models compute is the matter of tests/keras/keras.py.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "convert/read/hdf5.h"
#include "convert/read/model.h"
#include "snn/status.h"
#include "tests/unit/convert/support.h"

TestSuite(keras, .init = support_begin, .fini = support_end);

extern const struct snnconv_model_reader snnconv_keras_reader;

enum { FILE_MAX = 1 << 16 };

static const float kernel[6] = {1, 2, 3, 4, 5, 6};
static const float bias[3] = {7, 8, 9};
static const char *const tensor_names[2] = {"dense/kernel:0", "dense/bias:0"};

/* A file with this configuration, whose layer `dense` has a kernel [2][3] and a bias. */
static size_t make_file(unsigned char *bytes, const char *config)
{
    const char *const version[] = {"2.9.0"};
    struct snnconv_hdf5_item tensors[] = {
        {.name = "kernel:0", .array = {SNNCONV_TYPE_F32, 2, {2, 3}, kernel}},
        {.name = "bias:0", .array = {SNNCONV_TYPE_F32, 1, {3}, bias}},
    };
    struct snnconv_hdf5_item list = {
        .name = "weight_names", .array = {SNNCONV_TYPE_NONE, 1, {2}, NULL}, .text = tensor_names};
    struct snnconv_hdf5_item group = {
        .name = "dense", .is_group = true, .children = tensors, .child_count = 2};
    struct snnconv_hdf5_item layer = {.name = "dense",
                                      .is_group = true,
                                      .attributes = &list,
                                      .attribute_count = 1,
                                      .children = &group,
                                      .child_count = 1};
    struct snnconv_hdf5_item weights = {
        .name = "model_weights", .is_group = true, .children = &layer, .child_count = 1};
    struct snnconv_hdf5_item attributes[] = {
        {.name = "keras_version", .array = {SNNCONV_TYPE_NONE, 0, {0}, NULL}, .text = version},
        {.name = "model_config", .array = {SNNCONV_TYPE_NONE, 0, {0}, NULL}, .text = &config},
    };
    struct snnconv_hdf5_item root = {.name = "/",
                                     .is_group = true,
                                     .attributes = attributes,
                                     .attribute_count = 2,
                                     .children = &weights,
                                     .child_count = 1};
    cr_assert_eq(snnconv_hdf5_write(support_context(), support_path("model.h5"), &root), SNN_OK,
                 "%s", snn_context_message(support_context()));
    return support_get("model.h5", bytes, FILE_MAX);
}

static int read_config(struct snnconv_program *program, const char *config,
                       const struct snn_import_options *options)
{
    static unsigned char bytes[FILE_MAX];
    const struct snnconv_file file = {"model.h5", bytes, make_file(bytes, config)};
    cr_assert_gt(snnconv_keras_reader.probe(bytes, file.size), 90);
    snnconv_program_init(program, support_context());
    return snnconv_keras_reader.read(program, support_context(), &file, options);
}

static void refuse(const char *config, int status, const char *words)
{
    struct snnconv_program program;
    cr_assert_eq(read_config(&program, config, NULL), status, "%s: %s", config,
                 snn_context_message(support_context()));
    cr_assert_not_null(strstr(snn_context_message(support_context()), words), "'%s' in '%s'", words,
                       snn_context_message(support_context()));
    snnconv_program_fini(&program);
}

#define DENSE                                                                      \
    "{\"class_name\": \"Dense\", \"config\": {\"name\": \"dense\", \"units\": 3, " \
    "\"activation\": \"relu\", \"batch_input_shape\": [null, 2]}}"

#define SEQUENTIAL(layers) \
    "{\"class_name\": \"Sequential\", \"config\": {\"name\": \"s\", \"layers\": [" layers "]}}"

Test(keras, a_dense_layer_becomes_a_product_and_its_activation)
{
    struct snnconv_program program;
    cr_assert_eq(read_config(&program, SEQUENTIAL(DENSE), NULL), SNN_OK, "%s",
                 snn_context_message(support_context()));
    cr_assert_str_eq(program.format, "Keras (2.9.0, HDF5)");
    cr_assert(program.channels_last);
    cr_assert_eq(program.node_count, 2);
    cr_assert_eq(program.nodes[0].op, SNNCONV_OP_GEMM);
    cr_assert_str_eq(program.nodes[0].name, "dense");
    cr_assert_neq(program.nodes[0].offset, SNNCONV_NO_OFFSET, "where its kernel is");
    cr_assert_str_eq(program.nodes[1].name, "dense/relu");
    const struct snnconv_value *value = &program.values[program.nodes[0].inputs[1]];
    cr_assert_str_eq(value->name, "dense/kernel");
    cr_assert_eq(memcmp(value->array.data, kernel, sizeof(kernel)), 0);
    cr_assert_eq(program.values[program.inputs[0]].array.dim[0], 1, "a batch of one");
    cr_assert_eq(program.values[program.inputs[0]].array.dim[1], 2);
    cr_assert_eq(program.outputs[0], program.nodes[1].outputs[0]);
    snnconv_program_fini(&program);
}

Test(keras, shapes_that_are_left_open_come_from_the_options)
{
    static const char config[] =
        SEQUENTIAL("{\"class_name\": \"GlobalMaxPooling2D\", \"config\": {\"name\": \"most\", "
                   "\"batch_input_shape\": [null, null, null, 2]}}, " DENSE);
    const struct snn_import_options options = {
        .input_shape = {.channels = 2, .height = 5, .width = 7}};
    struct snnconv_program program;
    refuse(config, SNN_ERR_UNSUPPORTED, "leaves axis 1 open");
    cr_assert_eq(read_config(&program, config, &options), SNN_OK, "%s",
                 snn_context_message(support_context()));
    const struct snnconv_array *input = &program.values[program.inputs[0]].array;
    cr_assert_eq(input->dim[1], 5);
    cr_assert_eq(input->dim[2], 7);
    cr_assert_eq(input->dim[3], 2);
    snnconv_program_fini(&program);
}

Test(keras, configurations_that_make_no_sense_are_refused)
{
    refuse("{", SNN_ERR_FORMAT, "model configuration");
    refuse("[]", SNN_ERR_UNSUPPORTED, "a model of class ''");
    refuse("{\"class_name\": \"Mine\", \"config\": {}}", SNN_ERR_UNSUPPORTED, "class 'Mine'");
    refuse(SEQUENTIAL(""), SNN_ERR_FORMAT, "no list of layers");
    refuse(SEQUENTIAL("3"), SNN_ERR_FORMAT, "layer 0 has no class or no name");
    refuse(SEQUENTIAL(DENSE ", " DENSE), SNN_ERR_FORMAT, "two layers 'dense'");
    refuse(SEQUENTIAL("{\"class_name\": \"Dense\", \"config\": {\"name\": \"a\\nb\"}}"),
           SNN_ERR_FORMAT, "no class or no name");
    refuse(SEQUENTIAL("{\"class_name\": \"Dense\", \"config\": {\"name\": \"dense\"}}"),
           SNN_ERR_FORMAT, "no input shape");
}

Test(keras, entries_of_the_wrong_kind_are_named)
{
#define POOL(entries)                                                              \
    SEQUENTIAL("{\"class_name\": \"MaxPooling2D\", \"config\": {\"name\": \"p\", " \
               "\"batch_input_shape\": [null, 4, 4, 1], " entries "}}")
    refuse(POOL("\"pool_size\": \"two\""), SNN_ERR_FORMAT, "'pool_size' is no list");
    refuse(POOL("\"pool_size\": [2]"), SNN_ERR_FORMAT, "'pool_size' is no pair");
    refuse(POOL("\"pool_size\": [2, 1.5]"), SNN_ERR_FORMAT, "no whole number");
    refuse(POOL("\"strides\": [0, 1]"), SNN_ERR_FORMAT, "out of range");
    refuse(POOL("\"padding\": \"full\""), SNN_ERR_UNSUPPORTED, "padding 'full'");
    refuse(POOL("\"data_format\": \"diagonal\""), SNN_ERR_FORMAT, "'data_format' is unknown");
}

Test(keras, models_nest_to_a_bound)
{
    char config[4096] = "";
    size_t used = 0;
    for (int i = 0; i < 10; i++)
        used += (size_t)snprintf(config + used, sizeof(config) - used,
                                 "{\"class_name\": \"Sequential\", \"config\": {\"name\": \"m\", "
                                 "\"build_input_shape\": [null, 2], \"layers\": [");
    used += (size_t)snprintf(config + used, sizeof(config) - used, DENSE);
    for (int i = 0; i < 10; i++)
        used += (size_t)snprintf(config + used, sizeof(config) - used, "]}}");
    refuse(config, SNN_ERR_LIMIT, "models in models");
}

static int read_dense(struct snn_context *context)
{
    static unsigned char bytes[FILE_MAX];
    static struct snnconv_file file;
    struct snnconv_program program;
    if (file.size == 0)
        file = (struct snnconv_file){"model.h5", bytes, make_file(bytes, SEQUENTIAL(DENSE))};
    snnconv_program_init(&program, context);
    int status = snnconv_keras_reader.read(&program, context, &file, NULL);
    snnconv_program_fini(&program);
    return status;
}

Test(keras, reading_survives_running_out_of_memory)
{
    support_sweep(read_dense);
}

Test(keras, other_files_are_left_to_others)
{
    static const unsigned char torch[] =
        "PK\3\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\4\0\0\0a/b";
    cr_assert_eq(snnconv_keras_reader.probe(torch, sizeof(torch)), 0);
    cr_assert_eq(snnconv_keras_reader.probe((const unsigned char *)"{}", 2), 0);
}
