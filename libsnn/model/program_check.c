/* Holds a chip program against its profile: first every core by itself, then what the cores send
 * each other. What passes here is what a chip takes; nobody behind it asks again.
 *
 * Tensors are looked at only once the words they take are known to fit the core's memories, so that
 * no size computed from registers can overflow.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/model/chip.h"
#include "libsnn/model/layer.h"
#include "libsnn/model/program.h"

/* A source of spikes: a core that is used, or the sensor. */
struct source {
    struct snn_shape shape;
    const struct snn_destination *destinations;
    uint32_t count;
    uint32_t position; /* of the core, or SENSOR */
};

#define SENSOR UINT32_MAX

static struct source source_at(const struct snn_program *program, uint32_t position)
{
    if (position == SENSOR)
        return (struct source){program->input_shape, program->input_destinations,
                               program->input_destination_count, SENSOR};
    const struct snn_core *core = &program->cores[position];
    return (struct source){core->output, core->destinations, core->destination_count, position};
}

static struct snn_shape pooled(struct snn_shape shape, uint32_t pooling)
{
    shape.height /= pooling;
    shape.width /= pooling;
    return shape;
}

static bool is_empty(struct snn_shape shape)
{
    return shape.channels == 0 || shape.height == 0 || shape.width == 0;
}

/* ---- Profile and program ---- */

static int check_chip(struct snn_context *context, const struct snn_chip *chip)
{
    int status = snnmodel_chip_check(context, chip);
    if (status == SNN_OK) return SNN_OK;
    if (status == SNN_ERR_FORMAT) snnbase_error_recode(context, SNN_ERR_INVALID);
    return snnbase_where(context, "chip");
}

/* Empty, or 64 lower-case hexadecimal digits. */
static bool is_sha256(const char *text)
{
    const size_t length = strlen(text);
    return length == 0 || (length == 64 && strspn(text, "0123456789abcdef") == 64);
}

static int check_program(struct snn_context *context, const struct snn_program *program)
{
    const struct snn_shape in = program->input_shape;
    if (program->name == NULL) return snnbase_fail(context, SNN_ERR_INVALID, "name is missing");
    if (program->model_sha256 != NULL && !is_sha256(program->model_sha256))
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "model_sha256: 64 lower-case hexadecimal digits expected");
    if (program->core_count < 1 || program->core_count > program->chip.core_count ||
        program->cores == NULL)
        return snnbase_fail(context, SNN_ERR_INVALID, "%u cores are used, the chip has %u",
                            program->core_count, program->chip.core_count);
    if (is_empty(in) || in.channels > program->chip.feature_max)
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "input shape %ux%ux%u: 1 to %u channels and no empty axis expected",
                            in.channels, in.height, in.width, program->chip.feature_max);
    const uint64_t limit = snnbase_limits(context)->neuron_count;
    if ((uint64_t)in.height * in.width > limit / in.channels)
        return snnbase_fail(context, SNN_ERR_LIMIT,
                            "input shape %ux%ux%u exceeds the limit of %llu values", in.channels,
                            in.height, in.width, (unsigned long long)limit);
    if (!isfinite(program->dt_us) || program->dt_us <= 0.0)
        return snnbase_fail(context, SNN_ERR_INVALID, "dt_us is %g, above 0 expected",
                            program->dt_us);
    return SNN_OK;
}

/* ---- One core ---- */

struct choices_text {
    char text[SNN_CHIP_CHOICES_MAX * 12 + 1];
};

static struct choices_text format_choices(const uint32_t *choices, uint32_t count)
{
    struct choices_text out = {""};
    size_t used = 0;
    for (uint32_t i = 0; i < count; i++)
        used += (size_t)snprintf(out.text + used, sizeof(out.text) - used, "%s%u",
                                 i > 0 ? ", " : "", choices[i]);
    return out;
}

static bool is_choice(const uint32_t *choices, uint32_t count, uint32_t value)
{
    for (uint32_t i = 0; i < count; i++)
        if (choices[i] == value) return true;
    return false;
}

static int check_window(struct snn_context *context, const struct snn_chip *chip,
                        const struct snn_core *core)
{
    if (core->kernel_size < 1 || core->kernel_size > chip->kernel_size_max)
        return snnbase_fail(context, SNN_ERR_INVALID, "kernel size %u, the chip has 1 to %u",
                            core->kernel_size, chip->kernel_size_max);
    if (!is_choice(chip->strides, chip->stride_count, core->stride_y) ||
        !is_choice(chip->strides, chip->stride_count, core->stride_x))
        return snnbase_fail(context, SNN_ERR_INVALID, "stride %ux%u, the chip has %s per axis",
                            core->stride_y, core->stride_x,
                            format_choices(chip->strides, chip->stride_count).text);
    if (core->pad_y > chip->padding_max || core->pad_x > chip->padding_max)
        return snnbase_fail(context, SNN_ERR_INVALID, "padding %ux%u, the chip has 0 to %u",
                            core->pad_y, core->pad_x, chip->padding_max);
    return SNN_OK;
}

static int check_map(struct snn_context *context, const char *which, struct snn_shape shape,
                     uint32_t size_max, uint32_t feature_max)
{
    if (is_empty(shape) || shape.height > size_max || shape.width > size_max)
        return snnbase_fail(context, SNN_ERR_INVALID, "%s map %ux%u, the chip has 1x1 to %ux%u",
                            which, shape.height, shape.width, size_max, size_max);
    if (shape.channels > feature_max)
        return snnbase_fail(context, SNN_ERR_INVALID, "%u %s features, the chip has up to %u",
                            shape.channels, which, feature_max);
    return SNN_OK;
}

static int check_geometry(struct snn_context *context, const struct snn_chip *chip,
                          const struct snn_core *core)
{
    int status = check_map(context, "input", core->input, chip->input_size_max, chip->feature_max);
    if (status == SNN_OK)
        status =
            check_map(context, "output", core->output, chip->output_size_max, chip->feature_max);
    if (status != SNN_OK) return status;
    const uint32_t height = snnmodel_window_positions(core->input.height, core->kernel_size,
                                                      core->stride_y, core->pad_y, core->pad_y, 1);
    const uint32_t width = snnmodel_window_positions(core->input.width, core->kernel_size,
                                                     core->stride_x, core->pad_x, core->pad_x, 1);
    if (core->output.height == height && core->output.width == width) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_INVALID,
                        "output map %ux%u, %ux%u follows from the input map %ux%u, kernel, stride "
                        "and padding",
                        core->output.height, core->output.width, height, width, core->input.height,
                        core->input.width);
}

static int check_memory(struct snn_context *context, const char *which, uint64_t need,
                        uint64_t limit)
{
    if (need <= limit) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_LIMIT, "%s memory: %llu words, the core has %llu", which,
                        (unsigned long long)need, (unsigned long long)limit);
}

static int check_memories(struct snn_context *context, const struct snn_chip_core *has,
                          const struct snn_core *core)
{
    const struct snn_core_words words = snnmodel_program_words(core);
    int status = check_memory(context, "kernel", words.kernel, has->kernel_words);
    if (status == SNN_OK) status = check_memory(context, "neuron", words.neuron, has->neuron_words);
    return status == SNN_OK ? check_memory(context, "bias", words.bias, has->bias_words) : status;
}

/* The range of 16-bit values is that of their type. */
static int check_neurons(struct snn_context *context, const struct snn_chip *chip,
                         const struct snn_core *core)
{
    if (core->weights == NULL) return snnbase_fail(context, SNN_ERR_INVALID, "weights are missing");
    if (core->threshold_high < 1)
        return snnbase_fail(context, SNN_ERR_INVALID, "threshold_high is %d, 1 to 32767 expected",
                            core->threshold_high);
    if (core->threshold_low > (chip->threshold_low_below_0 ? -1 : 0))
        return snnbase_fail(context, SNN_ERR_INVALID, "threshold_low is %d, -32768 to %d expected",
                            core->threshold_low, chip->threshold_low_below_0 ? -1 : 0);
    const size_t neurons = snn_shape_size(core->output);
    if (core->v_init == NULL || (core->v_init_count != 1 && core->v_init_count != neurons))
        return snnbase_fail(context, SNN_ERR_INVALID, "v_init has %zu values, 1 or %zu expected",
                            core->v_init != NULL ? core->v_init_count : 0, neurons);
    if (!isfinite(core->scale) || core->scale <= 0.0f)
        return snnbase_fail(context, SNN_ERR_INVALID, "scale is %g, above 0 expected",
                            (double)core->scale);
    return SNN_OK;
}

/* Raises the error's place. */
static int at_core(struct snn_context *context, const struct snn_core *core, int status)
{
    if (status == SNN_OK) return SNN_OK;
    return snnbase_where(context, "core %u ('%s')", core->index,
                         core->layer != NULL ? core->layer : "");
}

static int check_core(struct snn_context *context, const struct snn_program *program,
                      uint32_t position)
{
    const struct snn_core *core = &program->cores[position];
    const struct snn_chip *chip = &program->chip;
    if (core->layer == NULL) return snnbase_fail(context, SNN_ERR_INVALID, "layer has no name");
    if (core->index >= chip->core_count)
        return snnbase_fail(context, SNN_ERR_INVALID, "the chip has cores 0 to %u",
                            chip->core_count - 1);
    if (snnmodel_program_find(program, core->index) != position)
        return snnbase_fail(context, SNN_ERR_INVALID, "the core is used twice");
    int status = check_window(context, chip, core);
    if (status == SNN_OK) status = check_geometry(context, chip, core);
    if (status == SNN_OK) status = check_memories(context, &chip->cores[core->index], core);
    return status == SNN_OK ? check_neurons(context, chip, core) : status;
}

/* ---- Layers and their parts ---- */

/* Rows of a layer begin anew in each part at a class, where the readout spreads them. */
static uint64_t next_feature(const struct snn_program *program, uint32_t position)
{
    const struct snn_core *core = &program->cores[position];
    const uint64_t end = (uint64_t)core->feature_first + core->output.channels;
    const uint64_t spread =
        snnmodel_program_is_last(program, position) ? program->chip.readout_spread : 1;
    return (end + spread - 1) / spread * spread;
}

static bool same_window(const struct snn_core *a, const struct snn_core *b)
{
    return a->kernel_size == b->kernel_size && a->stride_y == b->stride_y &&
           a->stride_x == b->stride_x && a->pad_y == b->pad_y && a->pad_x == b->pad_x &&
           a->input.channels == b->input.channels && a->input.height == b->input.height &&
           a->input.width == b->input.width;
}

/* Parts of one layer differ in their features only, and send them to the same places. */
static int check_part(struct snn_context *context, const struct snn_program *program,
                      uint32_t position)
{
    const struct snn_core *before = &program->cores[position - 1], *core = before + 1;
    if (strcmp(before->layer, core->layer) != 0 || !same_window(before, core) ||
        before->return_to_zero != core->return_to_zero ||
        before->threshold_high != core->threshold_high ||
        before->threshold_low != core->threshold_low)
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "part of layer %u like core %u, from which its name, input, window, "
                            "thresholds or reset differ",
                            core->layer_index, before->index);
    if (core->feature_first != next_feature(program, position - 1))
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "feature_first is %u, %llu expected behind core %u",
                            core->feature_first,
                            (unsigned long long)next_feature(program, position - 1), before->index);
    bool alike = before->destination_count == core->destination_count;
    for (uint32_t i = 0; alike && i < core->destination_count; i++) {
        const struct snn_destination *a = &before->destinations[i], *b = &core->destinations[i];
        alike = a->layer == b->layer && a->pooling == b->pooling &&
                (uint64_t)a->feature_shift + core->feature_first ==
                    (uint64_t)b->feature_shift + before->feature_first;
    }
    return alike ? SNN_OK
                 : snnbase_fail(context, SNN_ERR_INVALID,
                                "part of layer %u like core %u, whose features go elsewhere",
                                core->layer_index, before->index);
}

static int check_layer(struct snn_context *context, const struct snn_program *program,
                       uint32_t position)
{
    const struct snn_core *core = &program->cores[position];
    const uint32_t next = position > 0 ? core[-1].layer_index + 1 : 0;
    if (position > 0 && core->layer_index == core[-1].layer_index)
        return check_part(context, program, position);
    if (core->layer_index != next)
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "layer_index is %u, %u expected: cores come in the order of layers, "
                            "parts of one together",
                            core->layer_index, next);
    if (core->feature_first != 0)
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "feature_first is %u, 0 expected of the first core of a layer",
                            core->feature_first);
    return SNN_OK;
}

/* ---- Destinations ---- */

static int check_readout(struct snn_context *context, const struct snn_program *program,
                         const struct source *source)
{
    const struct snn_destination *d = &source->destinations[0];
    if (source->position == SENSOR || !snnmodel_program_is_last(program, source->position))
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "sends to the readout, which takes the last layer only");
    if (source->count == 1 && d->pooling == 1 &&
        d->feature_shift == program->cores[source->position].feature_first)
        return SNN_OK;
    return snnbase_fail(context, SNN_ERR_INVALID,
                        "the last layer has the readout as its one destination, without pooling, "
                        "with its feature_first as feature_shift");
}

static int check_target(struct snn_context *context, const struct snn_program *program,
                        const struct source *source, const struct snn_destination *d)
{
    const uint32_t target = snnmodel_program_find(program, d->layer);
    if (target == program->core_count)
        return snnbase_fail(context, SNN_ERR_INVALID, "sends to core %u, which is not used",
                            d->layer);
    if (source->position != SENSOR &&
        (target <= source->position ||
         snnmodel_program_same_layer(program, target, source->position)))
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "sends to core %u ('%s'), which does not come behind it", d->layer,
                            program->cores[target].layer);
    const struct snn_chip *chip = &program->chip;
    if (!is_choice(chip->poolings, chip->pooling_count, d->pooling) || d->pooling == 0)
        return snnbase_fail(context, SNN_ERR_INVALID, "pooling %u, the chip has %s", d->pooling,
                            format_choices(chip->poolings, chip->pooling_count).text);
    const struct snn_shape in = program->cores[target].input;
    const struct snn_shape map = pooled(source->shape, d->pooling);
    if (map.height < 1 || map.width < 1 || map.height > in.height || map.width > in.width)
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "sends a map %ux%u to core %u, whose input map is %ux%u", map.height,
                            map.width, d->layer, in.height, in.width);
    if ((uint64_t)d->feature_shift + map.channels > in.channels)
        return snnbase_fail(
            context, SNN_ERR_INVALID, "sends features %u to %llu to core %u, which takes %u",
            d->feature_shift, (unsigned long long)d->feature_shift + map.channels - 1, d->layer,
            in.channels);
    return SNN_OK;
}

static int check_destinations(struct snn_context *context, const struct snn_program *program,
                              const struct source *source)
{
    if (source->count < 1 || source->count > program->chip.destination_max)
        return snnbase_fail(context, SNN_ERR_INVALID, "%u destinations, 1 to %u expected",
                            source->count, program->chip.destination_max);
    uint32_t last = 0;
    for (uint32_t i = 0; i < source->count; i++) {
        const struct snn_destination *d = &source->destinations[i];
        if (d->layer == program->chip.readout_layer) return check_readout(context, program, source);
        int status = check_target(context, program, source, d);
        if (status != SNN_OK) return status;
        const uint32_t target = snnmodel_program_find(program, d->layer);
        if (target < last)
            return snnbase_fail(context, SNN_ERR_INVALID,
                                "destinations are not in the order of their cores");
        last = target;
    }
    if (source->position != SENSOR && snnmodel_program_is_last(program, source->position))
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "the last layer does not send to the readout (%u)",
                            program->chip.readout_layer);
    return SNN_OK;
}

/* ---- Inputs ---- */

/* Rows and columns that any source in front of a core can reach. */
struct reached {
    uint32_t height, width;
};

/* How often a source sends to a core with this pooling and shift. */
static uint32_t count_alike(const struct source *source, uint32_t core,
                            const struct snn_destination *like)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < source->count; i++) {
        const struct snn_destination *d = &source->destinations[i];
        count += d->layer == core && d->pooling == like->pooling &&
                 d->feature_shift == like->feature_shift;
    }
    return count;
}

/* What a source sends to a core, and whether a part of the same layer in front of it gets it too.
 */
static bool take_source(const struct snn_program *program, uint32_t position,
                        const struct source *source, struct reached *reached)
{
    const struct snn_core *core = &program->cores[position];
    const bool part = core->feature_first > 0;
    uint32_t to_this = 0, to_part = 0;
    for (uint32_t i = 0; i < source->count; i++) {
        const struct snn_destination *d = &source->destinations[i];
        to_part += part && d->layer == core[-1].index;
        if (d->layer != core->index) continue;
        to_this++;
        const struct snn_shape map = pooled(source->shape, d->pooling);
        if (map.height > reached->height) reached->height = map.height;
        if (map.width > reached->width) reached->width = map.width;
        if (part && count_alike(source, core->index, d) != count_alike(source, core[-1].index, d))
            return false;
    }
    return !part || to_this == to_part;
}

static int check_inputs(struct snn_context *context, const struct snn_program *program,
                        uint32_t position)
{
    const struct snn_core *core = &program->cores[position];
    struct reached reached = {0, 0};
    struct source source = source_at(program, SENSOR);
    bool alike = take_source(program, position, &source, &reached);
    for (uint32_t i = 0; alike && i < position; i++) {
        source = source_at(program, i);
        alike = take_source(program, position, &source, &reached);
    }
    if (!alike)
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "part of layer %u like core %u, which has other inputs",
                            core->layer_index, core[-1].index);
    if (reached.height == 0) return snnbase_fail(context, SNN_ERR_INVALID, "nothing sends to it");
    if (reached.height == core->input.height && reached.width == core->input.width) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_INVALID,
                        "input map %ux%u, of which its sources reach %ux%u", core->input.height,
                        core->input.width, reached.height, reached.width);
}

/* ---- The output ---- */

/* Features between those of classes have nothing to fire by. */
static bool is_silent(const struct snn_core *core, uint32_t feature)
{
    const size_t taps = snnmodel_program_taps(core);
    const size_t map = (size_t)core->output.height * core->output.width;
    for (size_t i = 0; i < taps; i++)
        if (core->weights[feature * taps + i] != 0) return false;
    for (size_t i = 0; core->v_init_count > 1 && i < map; i++)
        if (core->v_init[feature * map + i] != 0) return false;
    return core->bias == NULL || core->bias[feature] == 0;
}

static int check_between(struct snn_context *context, const struct snn_program *program,
                         const struct snn_core *core)
{
    const uint32_t spread = program->chip.readout_spread;
    for (uint32_t f = 0; f < core->output.channels; f++) {
        if (f % spread == 0 || is_silent(core, f)) continue;
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "feature %u has weights, a bias or a potential: the readout reads "
                            "every %u. feature, those between must be 0",
                            core->feature_first + f, spread);
    }
    if (spread > 1 && core->output.channels > 1 && core->v_init_count == 1 &&
        core->v_init[0] >= core->threshold_high)
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "v_init is %d for all features, at which those between classes fire",
                            core->v_init[0]);
    return SNN_OK;
}

static int check_output(struct snn_context *context, const struct snn_program *program)
{
    const struct snn_chip *chip = &program->chip;
    const struct snn_core *last = &program->cores[program->core_count - 1];
    const uint64_t features = (uint64_t)last->feature_first + last->output.channels;
    const uint64_t classes =
        ((features - 1) / chip->readout_spread + 1) * last->output.height * last->output.width;
    if (program->readout_spread != chip->readout_spread)
        return snnbase_fail(context, SNN_ERR_INVALID, "readout_spread is %u, the chip's is %u",
                            program->readout_spread, chip->readout_spread);
    if (program->class_count != classes)
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "class_count is %u, %llu follows from the last layer",
                            program->class_count, (unsigned long long)classes);
    if (chip->readout_classes > 0 && classes > chip->readout_classes)
        return snnbase_fail(context, SNN_ERR_INVALID, "%llu classes, the readout tells %u apart",
                            (unsigned long long)classes, chip->readout_classes);
    return SNN_OK;
}

/* ---- All of it ---- */

static int check_layers(struct snn_context *context, const struct snn_program *program)
{
    int status = SNN_OK;
    for (uint32_t i = 0; status == SNN_OK && i < program->core_count; i++)
        status = at_core(context, &program->cores[i], check_layer(context, program, i));
    return status;
}

/* What layers there are is known by now. */
static int check_links(struct snn_context *context, const struct snn_program *program)
{
    struct source source = source_at(program, SENSOR);
    int status = check_destinations(context, program, &source);
    if (status != SNN_OK) return snnbase_where(context, "input");
    for (uint32_t i = 0; status == SNN_OK && i < program->core_count; i++) {
        const struct snn_core *core = &program->cores[i];
        source = source_at(program, i);
        status = check_destinations(context, program, &source);
        if (status == SNN_OK) status = check_inputs(context, program, i);
        if (status == SNN_OK && snnmodel_program_is_last(program, i))
            status = check_between(context, program, core);
        status = at_core(context, core, status);
    }
    return status;
}

/* All cores together; each has less than 2^32 neurons by now. */
static int check_neuron_count(struct snn_context *context, const struct snn_program *program)
{
    const uint64_t limit = snnbase_limits(context)->neuron_count;
    uint64_t count = 0;
    for (uint32_t i = 0; i < program->core_count; i++)
        count += snn_shape_size(program->cores[i].output);
    if (count <= limit) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_LIMIT, "%llu neurons exceed the limit of %llu",
                        (unsigned long long)count, (unsigned long long)limit);
}

int snnmodel_program_check(struct snn_context *context, const struct snn_program *program)
{
    int status = check_chip(context, &program->chip);
    if (status == SNN_OK) status = check_program(context, program);
    for (uint32_t i = 0; status == SNN_OK && i < program->core_count; i++)
        status = at_core(context, &program->cores[i], check_core(context, program, i));
    if (status == SNN_OK) status = check_neuron_count(context, program);
    if (status == SNN_OK) status = check_layers(context, program);
    if (status == SNN_OK) status = check_links(context, program);
    return status == SNN_OK ? check_output(context, program) : status;
}
