/* A chip program as the configuration objects of the vendor's library (docs/formats/samna.md).
 *
 * The members have the names and the nesting that the library's Python classes have, so that a
 * script only has to assign them; axes x and y change places in weights and initial potentials.
 * Nothing is decided here that the program has not decided.
 */
#include <stdio.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/jsonout.h"
#include "snn/place.h"

#define FORMAT "snn.samna/1"
#define PRETTY_DEPTH 5 /* members of a core's objects a line each, tensors on one line */

/* What the readout block of a Speck is told: channels are features alone (no x, y), the comparison
 * with its threshold decides, nothing is averaged (Sinabs, notebook using_readout_layer). */
enum { READOUT_BY_FEATURE = 3, READOUT_COMPARED = 1 };

/* ---- Members ---- */

static void put_pair(struct snnbase_jsonout *out, const char *key, uint32_t x, uint32_t y)
{
    snnbase_jsonout_put_object(out, key);
    snnbase_jsonout_put_uint(out, "x", x);
    snnbase_jsonout_put_uint(out, "y", y);
    snnbase_jsonout_object_close(out);
}

/* ---- A core ---- */

static void put_shape(struct snnbase_jsonout *out, const char *key, struct snn_shape shape)
{
    snnbase_jsonout_put_object(out, key);
    put_pair(out, "size", shape.width, shape.height);
    snnbase_jsonout_put_uint(out, "feature_count", shape.channels);
    snnbase_jsonout_object_close(out);
}

static void put_dimensions(struct snnbase_jsonout *out, const struct snn_core *core)
{
    snnbase_jsonout_put_object(out, "dimensions");
    put_shape(out, "input_shape", core->input);
    put_shape(out, "output_shape", core->output);
    snnbase_jsonout_put_uint(out, "kernel_size", core->kernel_size);
    put_pair(out, "stride", core->stride_x, core->stride_y);
    put_pair(out, "padding", core->pad_x, core->pad_y);
    snnbase_jsonout_object_close(out);
}

/* [x][y] of a kernel that lies as [y][x]. */
static void put_kernel(struct snnbase_jsonout *out, const int8_t *kernel, uint32_t size)
{
    snnbase_jsonout_array_open(out);
    for (uint32_t x = 0; x < size; x++) {
        snnbase_jsonout_array_open(out);
        for (uint32_t y = 0; y < size; y++)
            snnbase_jsonout_int(out, kernel[(size_t)y * size + x]);
        snnbase_jsonout_array_close(out);
    }
    snnbase_jsonout_array_close(out);
}

/* [feature][channel][x][y] */
static void put_weights(struct snnbase_jsonout *out, const struct snn_core *core)
{
    const size_t taps = (size_t)core->kernel_size * core->kernel_size;
    const int8_t *kernel = core->weights;
    snnbase_jsonout_put_array(out, "weights");
    for (uint32_t f = 0; f < core->output.channels; f++) {
        snnbase_jsonout_array_open(out);
        for (uint32_t c = 0; c < core->input.channels; c++, kernel += taps)
            put_kernel(out, kernel, core->kernel_size);
        snnbase_jsonout_array_close(out);
    }
    snnbase_jsonout_array_close(out);
}

static void put_biases(struct snnbase_jsonout *out, const struct snn_core *core)
{
    snnbase_jsonout_put_array(out, "biases");
    for (uint32_t f = 0; f < core->output.channels; f++)
        snnbase_jsonout_int(out, core->bias != NULL ? core->bias[f] : 0);
    snnbase_jsonout_array_close(out);
    snnbase_jsonout_put_bool(out, "leak_enable", core->bias != NULL);
}

/* [feature][x][y] */
static void put_potentials(struct snnbase_jsonout *out, const struct snn_core *core)
{
    const struct snn_shape shape = core->output;
    const size_t map = (size_t)shape.height * shape.width;
    const bool single = core->v_init_count <= 1;
    const int16_t first = core->v_init_count > 0 ? core->v_init[0] : 0;
    snnbase_jsonout_put_array(out, "neurons_initial_value");
    for (uint32_t f = 0; f < shape.channels; f++) {
        snnbase_jsonout_array_open(out);
        for (uint32_t x = 0; x < shape.width; x++) {
            snnbase_jsonout_array_open(out);
            for (uint32_t y = 0; y < shape.height; y++)
                snnbase_jsonout_int(
                    out, single ? first : core->v_init[f * map + (size_t)y * shape.width + x]);
            snnbase_jsonout_array_close(out);
        }
        snnbase_jsonout_array_close(out);
    }
    snnbase_jsonout_array_close(out);
}

/* Where a core's spikes reach the readout; NULL: nowhere. */
static const struct snn_destination *to_readout(const struct snn_program *program,
                                                const struct snn_core *core)
{
    for (uint32_t i = 0; i < core->destination_count; i++)
        if (core->destinations[i].layer == program->chip.readout_layer)
            return &core->destinations[i];
    return NULL;
}

/* Only a chip with a readout block is told to send to it; the others' output is monitored. */
static bool is_sent(const struct snn_program *program, const struct snn_destination *destination)
{
    return destination->layer != program->chip.readout_layer || program->chip.readout_classes > 0;
}

static void put_destinations(struct snnbase_jsonout *out, const struct snn_program *program,
                             const struct snn_core *core)
{
    snnbase_jsonout_put_array(out, "destinations");
    for (uint32_t i = 0; i < program->chip.destination_max; i++) {
        const bool used = i < core->destination_count && is_sent(program, &core->destinations[i]);
        snnbase_jsonout_object_open(out);
        snnbase_jsonout_put_bool(out, "enable", used);
        if (used) {
            snnbase_jsonout_put_uint(out, "layer", core->destinations[i].layer);
            snnbase_jsonout_put_uint(out, "pooling", core->destinations[i].pooling);
            snnbase_jsonout_put_uint(out, "feature_shift", core->destinations[i].feature_shift);
        }
        snnbase_jsonout_object_close(out);
    }
    snnbase_jsonout_array_close(out);
}

static void put_core(struct snnbase_jsonout *out, const struct snn_program *program,
                     const struct snn_core *core)
{
    snnbase_jsonout_object_open(out);
    put_dimensions(out, core);
    put_weights(out, core);
    put_biases(out, core);
    snnbase_jsonout_put_int(out, "threshold_high", core->threshold_high);
    snnbase_jsonout_put_int(out, "threshold_low", core->threshold_low);
    snnbase_jsonout_put_bool(out, "return_to_zero", core->return_to_zero);
    put_potentials(out, core);
    snnbase_jsonout_put_bool(out, "monitor_enable", to_readout(program, core) != NULL);
    put_destinations(out, program, core);
    snnbase_jsonout_object_close(out);
}

/* One entry a core of the chip; null where it is not used. */
static void put_cores(struct snnbase_jsonout *out, const struct snn_program *program)
{
    snnbase_jsonout_put_array(out, "cnn_layers");
    for (uint32_t index = 0; index < program->chip.core_count; index++) {
        const struct snn_core *core = NULL;
        for (uint32_t i = 0; i < program->core_count; i++)
            if (program->cores[i].index == index) core = &program->cores[i];
        if (core != NULL)
            put_core(out, program, core);
        else
            snnbase_jsonout_null(out);
    }
    snnbase_jsonout_array_close(out);
}

/* ---- The chip around the cores ---- */

/* Whether the chip's camera can stand in for the input: one pooling for all destinations, both
 * polarities or their sum, within its size. */
static bool suits_camera(const struct snn_program *program)
{
    const struct snn_shape shape = program->input_shape;
    for (uint32_t i = 1; i < program->input_destination_count; i++)
        if (program->input_destinations[i].pooling != program->input_destinations[0].pooling)
            return false;
    return program->input_destination_count > 0 && shape.channels <= 2 &&
           shape.height <= program->chip.input_size_max &&
           shape.width <= program->chip.input_size_max;
}

/* The camera is connected, but passes nothing on: events come from the host. */
static void put_sensor(struct snnbase_jsonout *out, const struct snn_program *program)
{
    const struct snn_shape shape = program->input_shape;
    const bool used = suits_camera(program);
    const uint32_t pooling = used ? program->input_destinations[0].pooling : 1;
    snnbase_jsonout_put_object(out, "dvs_layer");
    snnbase_jsonout_put_bool(out, "pass_sensor_events", false);
    snnbase_jsonout_put_bool(out, "monitor_enable", false);
    snnbase_jsonout_put_bool(out, "raw_monitor_enable", false);
    if (used) {
        snnbase_jsonout_put_bool(out, "merge", shape.channels == 1);
        snnbase_jsonout_put_bool(out, "on_channel", true);
        snnbase_jsonout_put_bool(out, "off_channel", true);
        put_pair(out, "origin", 0, 0);
        put_pair(out, "cut", shape.width - 1, shape.height - 1);
        put_pair(out, "pooling", pooling, pooling);
    }
    snnbase_jsonout_put_array(out, "destinations");
    for (uint32_t i = 0; i < program->chip.destination_max; i++) {
        const bool enabled = used && i < program->input_destination_count;
        snnbase_jsonout_object_open(out);
        snnbase_jsonout_put_bool(out, "enable", enabled);
        if (enabled) snnbase_jsonout_put_uint(out, "layer", program->input_destinations[i].layer);
        if (enabled && program->input_destinations[i].feature_shift > 0)
            snnbase_jsonout_put_uint(out, "feature_shift",
                                     program->input_destinations[i].feature_shift);
        snnbase_jsonout_object_close(out);
    }
    snnbase_jsonout_array_close(out);
    snnbase_jsonout_object_close(out);
}

static void put_readout(struct snnbase_jsonout *out, const struct snn_chip *chip)
{
    if (chip->readout_classes == 0) return;
    snnbase_jsonout_put_object(out, "readout");
    snnbase_jsonout_put_bool(out, "enable", true);
    snnbase_jsonout_put_uint(out, "readout_configuration_sel", READOUT_BY_FEATURE);
    snnbase_jsonout_put_uint(out, "output_mode_sel", READOUT_COMPARED);
    snnbase_jsonout_put_bool(out, "low_pass_filter_disable", true);
    snnbase_jsonout_put_uint(out, "threshold", 1);
    snnbase_jsonout_put_bool(out, "monitor_enable",
                             false); /* would keep spikes of cores from being monitored */
    snnbase_jsonout_put_bool(out, "readout_pin_monitor_enable", false);
    snnbase_jsonout_object_close(out);
}

/* ---- What no vendor's object says ---- */

/* How spikes that are monitored become classes: feature f, row y, column x of core `layer` is class
 * ((f + shift) / spread * height + y / pooling) * width + x / pooling. */
static void put_outputs(struct snnbase_jsonout *out, const struct snn_program *program)
{
    struct snn_shape map = {1, 1, 1};
    snnbase_jsonout_put_array(out, "outputs");
    for (uint32_t i = 0; i < program->core_count; i++) {
        const struct snn_destination *destination = to_readout(program, &program->cores[i]);
        if (destination == NULL) continue;
        map = program->cores[i].output;
        map.height /= destination->pooling;
        map.width /= destination->pooling;
        snnbase_jsonout_object_open(out);
        snnbase_jsonout_put_uint(out, "layer", program->cores[i].index);
        snnbase_jsonout_put_uint(out, "pooling", destination->pooling);
        snnbase_jsonout_put_uint(out, "feature_shift", destination->feature_shift);
        snnbase_jsonout_object_close(out);
    }
    snnbase_jsonout_array_close(out);
    put_pair(out, "output_size", map.width, map.height);
    snnbase_jsonout_put_uint(out, "class_count", program->class_count);
    snnbase_jsonout_put_uint(out, "readout_spread", program->readout_spread);
}

/* Which core computes which layer. */
static void put_names(struct snnbase_jsonout *out, const struct snn_program *program)
{
    snnbase_jsonout_put_array(out, "layers");
    for (uint32_t i = 0; i < program->core_count; i++) {
        const struct snn_core *core = &program->cores[i];
        snnbase_jsonout_object_open(out);
        snnbase_jsonout_put_string(out, "name", core->layer);
        snnbase_jsonout_put_uint(out, "core", core->index);
        snnbase_jsonout_put_uint(out, "feature_first", core->feature_first);
        snnbase_jsonout_put_uint(out, "feature_count", core->output.channels);
        snnbase_jsonout_object_close(out);
    }
    snnbase_jsonout_array_close(out);
}

static void put_program(struct snnbase_jsonout *out, const struct snn_program *program)
{
    snnbase_jsonout_object_open(out);
    snnbase_jsonout_put_string(out, "format", FORMAT);
    snnbase_jsonout_put_string(out, "chip", program->chip.name);
    snnbase_jsonout_put_string(out, "model", program->name);
    snnbase_jsonout_put_string(out, "model_sha256", program->model_sha256);
    snnbase_jsonout_put_string(out, "tool", program->tool);
    snnbase_jsonout_put_double(out, "dt_us", program->dt_us);
    put_names(out, program);
    put_outputs(out, program);
    snnbase_jsonout_put_object(out, "configuration");
    put_cores(out, program);
    put_sensor(out, program);
    put_readout(out, &program->chip);
    snnbase_jsonout_object_close(out);
    snnbase_jsonout_object_close(out);
}

int snn_program_save_samna(const struct snn_program *program, struct snn_context *context,
                           const char *path)
{
    struct snnbase_buffer buffer = {NULL, 0, 0};
    struct snnbase_file_writer file;
    struct snnbase_jsonout out;
    int status = snnbase_file_create(&file, context, path);
    if (status != SNN_OK) return status;
    snnbase_jsonout_init_file(&out, &buffer, &file, PRETTY_DEPTH);
    put_program(&out, program);
    status = snnbase_jsonout_finish(&out);
    if (status == SNN_OK) status = snnbase_file_commit(&file);
    snnbase_file_abandon(&file);
    snnbase_buffer_fini(context, &buffer);
    return status;
}
