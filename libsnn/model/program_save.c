/* Writes a chip program (docs/formats/program.md): registers and memories in, one deterministic
 * text out.
 *
 * Nothing of the process or the moment goes into the file, so equal programs give equal bytes, and
 * a program that is read and written again is the same file. What a reader can compute is written
 * for people only where it is held against the rest when it is read.
 */
#include "libsnn/base/error.h"
#include "libsnn/base/file.h"
#include "libsnn/model/chip.h"
#include "libsnn/model/program_file.h"
#include "libsnn/model/tensor.h"

/* How deep members stand on lines of their own: those of the document, and those of a core. */
enum { DEPTH_DOCUMENT = 1, DEPTH_PROFILE = 2, DEPTH_CORE = 3 };

static void put_pair(struct snnbase_jsonout *out, const char *key, uint32_t y, uint32_t x)
{
    const uint32_t sizes[] = {y, x};
    snnbase_jsonout_put_uints(out, key, sizes, 2);
}

static void put_shape(struct snnbase_jsonout *out, const char *key, struct snn_shape shape)
{
    const uint32_t sizes[] = {shape.channels, shape.height, shape.width};
    snnbase_jsonout_put_uints(out, key, sizes, 3);
}

/* All on one line. */
static void put_destinations(struct snnbase_jsonout *out, const struct snn_destination *list,
                             uint32_t count)
{
    const int depth = out->pretty_depth;
    out->pretty_depth = 0;
    snnbase_jsonout_put_array(out, "destinations");
    for (uint32_t i = 0; i < count; i++) {
        snnbase_jsonout_object_open(out);
        snnbase_jsonout_put_uint(out, "layer", list[i].layer);
        snnbase_jsonout_put_uint(out, "pooling", list[i].pooling);
        snnbase_jsonout_put_uint(out, "feature_shift", list[i].feature_shift);
        snnbase_jsonout_object_close(out);
    }
    snnbase_jsonout_array_close(out);
    out->pretty_depth = depth;
}

static void put_words(struct snnbase_jsonout *out, const struct snn_core_words *words)
{
    snnbase_jsonout_put_object(out, "words");
    snnbase_jsonout_put_uint(out, "kernel", words->kernel);
    snnbase_jsonout_put_uint(out, "neuron", words->neuron);
    snnbase_jsonout_put_uint(out, "bias", words->bias);
    snnbase_jsonout_object_close(out);
}

static void put_tensors(struct snnbase_jsonout *out, const struct snn_core *core)
{
    const struct snn_shape shape = core->output;
    const uint32_t weights[] = {shape.channels, core->input.channels, core->kernel_size,
                                core->kernel_size};
    const uint32_t neurons[] = {shape.channels, shape.height, shape.width};
    snnbase_jsonout_key(out, "v_init");
    if (core->v_init_count == 1)
        snnbase_jsonout_int(out, core->v_init[0]);
    else
        snnmodel_tensor_write_as(out, SNNMODEL_INT16, neurons, 3, core->v_init);
    snnbase_jsonout_key(out, "weights");
    snnmodel_tensor_write_as(out, SNNMODEL_INT8, weights, 4, core->weights);
    if (core->bias == NULL) return;
    snnbase_jsonout_key(out, "bias");
    snnmodel_tensor_write_as(out, SNNMODEL_INT8, neurons, 1, core->bias);
}

static void put_core(struct snnbase_jsonout *out, const struct snn_core *core)
{
    snnbase_jsonout_object_open(out);
    snnbase_jsonout_put_uint(out, "core", core->index);
    snnbase_jsonout_put_string(out, "layer", core->layer);
    snnbase_jsonout_put_uint(out, "layer_index", core->layer_index);
    snnbase_jsonout_put_uint(out, "feature_first", core->feature_first);
    put_shape(out, "input", core->input);
    put_shape(out, "output", core->output);
    snnbase_jsonout_put_uint(out, "kernel_size", core->kernel_size);
    put_pair(out, "stride", core->stride_y, core->stride_x);
    put_pair(out, "padding", core->pad_y, core->pad_x);
    snnbase_jsonout_put_int(out, "threshold_high", core->threshold_high);
    snnbase_jsonout_put_int(out, "threshold_low", core->threshold_low);
    snnbase_jsonout_put_string(out, "reset",
                               core->return_to_zero ? SNNMODEL_NATIVE_RESET_ZERO
                                                    : SNNMODEL_NATIVE_RESET_SUBTRACT);
    snnbase_jsonout_put_double(out, "scale",
                               (double)core->scale); /* a double reads back to the same float */
    put_words(out, &core->words);
    put_destinations(out, core->destinations, core->destination_count);
    put_tensors(out, core);
    snnbase_jsonout_object_close(out);
}

static void put_input(struct snnbase_jsonout *out, const struct snn_program *program)
{
    snnbase_jsonout_put_object(out, "input");
    put_shape(out, "shape", program->input_shape);
    put_destinations(out, program->input_destinations, program->input_destination_count);
    snnbase_jsonout_object_close(out);
}

static void put_output(struct snnbase_jsonout *out, const struct snn_program *program)
{
    snnbase_jsonout_put_object(out, "output");
    snnbase_jsonout_put_uint(out, "classes", program->class_count);
    snnbase_jsonout_put_uint(out, "spread", program->readout_spread);
    snnbase_jsonout_object_close(out);
}

/* "format" comes first, by which the file is known. */
static int put_program(struct snnbase_jsonout *out, const struct snn_program *program)
{
    snnbase_jsonout_object_open(out);
    snnbase_jsonout_put_string(out, "format", SNNMODEL_PROGRAM_FORMAT);
    snnbase_jsonout_put_string(out, "tool", program->tool);
    snnbase_jsonout_put_string(out, "name", program->name);
    if (program->model_sha256[0] != '\0')
        snnbase_jsonout_put_string(out, "model_sha256", program->model_sha256);
    snnbase_jsonout_put_double(out, "dt_us", program->dt_us);
    put_input(out, program);
    put_output(out, program);
    out->pretty_depth = DEPTH_PROFILE;
    snnbase_jsonout_key(out, "chip");
    snnmodel_chip_write(out, &program->chip);
    out->pretty_depth = DEPTH_CORE;
    snnbase_jsonout_put_array(out, "cores");
    for (uint32_t i = 0; i < program->core_count; i++)
        put_core(out, &program->cores[i]);
    snnbase_jsonout_array_close(out);
    out->pretty_depth = DEPTH_DOCUMENT;
    snnbase_jsonout_object_close(out);
    return snnbase_jsonout_finish(out);
}

int snn_program_save(const struct snn_program *program, struct snn_context *context,
                     const char *path)
{
    struct snnbase_file_writer file;
    int status = snnbase_file_create(&file, context, path);
    if (status != SNN_OK) return status;
    struct snnbase_buffer text = {NULL, 0, 0};
    struct snnbase_jsonout out;
    snnbase_jsonout_init_file(&out, &text, &file, DEPTH_DOCUMENT);
    status = put_program(&out, program);
    if (status == SNN_OK) status = snnbase_file_commit(&file);
    snnbase_file_abandon(&file);
    snnbase_buffer_fini(context, &text);
    return status;
}
