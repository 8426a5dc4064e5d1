/* A graph on all its ways, see whole.h. The context's limits keep them short. */
#include "tests/fuzz/whole.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "snn/snn.h"

enum { STEPS = 3, CHANNELS_MAX = 256 };

const struct snn_limits whole_limits = {.file_bytes = 1 << 18,
                                        .tensor_bytes = 1 << 16,
                                        .neuron_count = 4096,
                                        .layer_count = 64,
                                        .json_node_count = 4096};

/* What a target hands out, of exactly the size that the contract names. */
static bool output_init(struct snn_output *out, const struct snn_net *net)
{
    size_t classes = (size_t)STEPS * net->readout_count * net->class_count;
    size_t synapses = (size_t)STEPS * net->synapse_count * sizeof(uint64_t);
    out->spikes = malloc(classes * sizeof(uint32_t));
    out->potential = malloc(classes * sizeof(float));
    out->population_spikes = malloc((size_t)STEPS * net->population_count * sizeof(uint64_t));
    out->synapse_spikes = malloc(synapses);
    out->synapse_operations = malloc(synapses);
    out->synapse_macs = malloc(synapses);
    out->input_spikes = malloc(STEPS * sizeof(uint64_t));
    return out->spikes != NULL && out->potential != NULL && out->population_spikes != NULL &&
           out->synapse_spikes != NULL && out->synapse_operations != NULL &&
           out->synapse_macs != NULL && out->input_spikes != NULL;
}

static void output_fini(struct snn_output *out)
{
    free(out->spikes);
    free(out->potential);
    free(out->population_spikes);
    free(out->synapse_spikes);
    free(out->synapse_operations);
    free(out->synapse_macs);
    free(out->input_spikes);
}

static int step(struct snn_context *context, struct snn_target *target, const struct snn_net *net,
                struct snn_encoder *encoder)
{
    struct snn_spikes spikes;
    struct snn_output output = {.spikes = NULL};
    (void)snn_encoder_next(encoder, context, STEPS, &spikes);
    int status = output_init(&output, net) ? SNN_OK : SNN_ERR_NOMEM;
    if (status == SNN_OK) status = snn_target_reset(target, context);
    if (status == SNN_OK) status = snn_target_push(target, context, &spikes);
    if (status == SNN_OK) status = snn_target_advance(target, context, STEPS);
    if (status == SNN_OK) status = snn_target_pull(target, context, &output);
    output_fini(&output);
    return status;
}

/* On a target that is loaded. */
static int run(struct snn_context *context, struct snn_target *target, const float *frame,
               enum snn_encoding encoding)
{
    const struct snn_encoder_options options = {encoding, 1, STEPS, 0.0, false};
    const struct snn_net *net = snn_target_net(target);
    struct snn_encoder *encoder = NULL;
    int status = snn_encoder_create(&encoder, context, &options, net->input_shape);
    if (status == SNN_OK) status = snn_encoder_begin(encoder, context, 0, frame);
    if (status == SNN_OK) status = step(context, target, net, encoder);
    snn_encoder_destroy(&encoder);
    return status;
}

static void simulate(struct snn_context *context, const struct snn_net *net, const float *frame,
                     enum snn_encoding encoding)
{
    struct snn_target *target = NULL;
    int status = snn_target_open(&target, context, "sim");
    if (status == SNN_OK) status = snn_target_load(target, context, net);
    if (status == SNN_OK) (void)run(context, target, frame, encoding);
    snn_target_close(&target);
}

/* Every second pixel bright, the others dim. */
static float *make_frame(struct snn_shape shape)
{
    size_t size = snn_shape_size(shape);
    float *frame = malloc(size * sizeof(*frame));
    for (size_t i = 0; frame != NULL && i < size; i++)
        frame[i] = i % 2 == 0 ? 1.0f : 0.25f;
    return frame;
}

static void evaluate(struct snn_context *context, const struct snn_graph *graph, const float *frame)
{
    struct snn_evaluator *evaluator = NULL;
    if (snn_evaluator_create(&evaluator, context, graph) != SNN_OK) return;
    snn_evaluator_run(evaluator, frame);
    snn_evaluator_destroy(&evaluator);
}

static void lower(struct snn_context *context, const struct snn_graph *graph, const float *frame)
{
    static const float gain = 4.0f;
    struct snn_lower_options ways[3];
    for (size_t i = 0; i < 3; i++)
        snn_lower_options_init(&ways[i]);
    ways[0].norm = SNN_NORM_NONE;
    ways[0].max_pool = SNN_MAX_POOL_OR;
    ways[0].extra_gains = &gain;
    ways[0].extra_gain_count = 1;
    ways[1].quantile = 1.0;
    ways[1].channelwise = true;
    ways[1].max_pool = SNN_MAX_POOL_AVG;
    ways[2].max_pool = SNN_MAX_POOL_OR;
    ways[2].norm = SNN_NORM_RECIPE;
    ways[2].recipe = "mse:16";
    ways[2].readout_membrane = true;
    for (size_t i = 0; i < 3; i++) {
        struct snn_net *net = NULL;
        if (snn_net_lower(&net, context, graph, &ways[i]) == SNN_OK)
            simulate(context, net, frame, (enum snn_encoding)i);
        snn_net_destroy(&net);
    }
}

/* In the form of a chip, as it is and as the program of it, where it fits. */
static void place(struct snn_context *context, const struct snn_graph *graph, const float *frame)
{
    const struct snn_place_options how = {.remedies_off = true};
    struct snn_lower_options way;
    struct snn_chip chip;
    struct snn_net *net = NULL, *decoded = NULL;
    struct snn_placement *placement = NULL;
    snn_lower_options_init(&way);
    way.norm = SNN_NORM_NONE;
    way.max_pool = SNN_MAX_POOL_OR;
    way.arith = SNN_ARITH_CHIP;
    way.chip = &chip;
    int status = snn_chip_load(&chip, context, "dynapcnn");
    if (status == SNN_OK) status = snn_net_lower(&net, context, graph, &way);
    if (status == SNN_OK) simulate(context, net, frame, SNN_ENCODING_RATE);
    if (status == SNN_OK) status = snn_place(&placement, context, net, &chip, &how);
    if (status == SNN_OK && placement->fits)
        status = snn_program_decode(&decoded, context, placement->program);
    snn_net_destroy(&decoded);
    snn_placement_destroy(&placement);
    snn_net_destroy(&net);
}

static void infer(struct snn_context *context, const struct snn_graph *graph, const float *frame)
{
    struct snn_target *target = NULL;
    struct snn_shape shape = snn_graph_layer(graph, snn_graph_output(graph))->shape;
    float *output = malloc(snn_shape_size(shape) * sizeof(*output));
    int status = output != NULL ? SNN_OK : SNN_ERR_NOMEM;
    if (status == SNN_OK) status = snn_target_open(&target, context, "frame:f32");
    if (status == SNN_OK) status = snn_target_load_graph(target, context, graph);
    if (status == SNN_OK) (void)snn_target_infer(target, context, frame, output);
    snn_target_close(&target);
    free(output);
}

static void read_frame(uint64_t index, float *intensity, void *user)
{
    const struct snn_frames *frames = user;
    const float *frame = frames->user;
    (void)index;
    memcpy(intensity, frame, snn_shape_size(frames->shape) * sizeof(*intensity));
}

/* Statistics for nets that come without, unless they have so many channels that the records of
 * their values alone are large. */
static void calibrate(struct snn_context *context, struct snn_graph *graph, float *frame)
{
    static const char *const recipes[] = {"mse:16"};
    const struct snn_calibrate_options options = {
        .recipes = recipes, .recipe_count = 1, .threads = 1};
    struct snn_frames plain = {
        .count = 1, .shape = snn_graph_input_shape(graph), .read = read_frame, .user = frame};
    struct snn_frames frames = plain;
    uint32_t quantile_count = 0, channels = 0;
    uint64_t frame_count = 0;
    const char *data = NULL;
    (void)snn_graph_quantiles(graph, &quantile_count, &frame_count, &data);
    for (uint32_t i = 0; i < snn_graph_layer_count(graph); i++)
        channels += snn_graph_layer(graph, i)->shape.channels;
    frames.user = &plain;
    if (quantile_count == 0 && channels <= CHANNELS_MAX)
        (void)snn_calibrate(graph, context, &frames, &options);
}

void whole_run(struct snn_context *context, struct snn_graph *graph)
{
    float *frame = make_frame(snn_graph_input_shape(graph));
    if (frame != NULL) {
        evaluate(context, graph, frame);
        calibrate(context, graph, frame);
        infer(context, graph, frame);
        lower(context, graph, frame);
        place(context, graph, frame);
    }
    free(frame);
}

static void run_on(struct snn_context *context, const struct snn_program *program,
                   const float *frame, const char *chip)
{
    struct snn_target *target = NULL;
    int status = snn_target_open(&target, context, chip);
    if (status == SNN_OK) status = snn_target_load_program(target, context, program);
    if (status == SNN_OK) (void)run(context, target, frame, SNN_ENCODING_RATE);
    snn_target_close(&target);
}

void whole_run_program(struct snn_context *context, const struct snn_program *program)
{
    float *frame = make_frame(program->input_shape);
    if (frame == NULL) return;
    run_on(context, program, frame, "chip:dynapcnn");
    run_on(context, program, frame, "chip:speck2f");
    (void)snn_program_save(program, context, "/dev/null");
    free(frame);
}
