/* A model on a target, from open to prediction: what the tools do, in one call a sample.
 *
 * The steps are those of run.c for one sample, so a classifier and a run decide alike: the same
 * encoder, the same decoder; the sample's index, on which random encodings depend, is that in its
 * source, or counts the samples without one.
 */
#include "snn/classify.h"

#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"
#include "libsnn/run_pool.h"
#include "libsnn/stream/decode.h"
#include "libsnn/stream/target.h"
#include "snn/convert.h"
#include "snn/place.h"
#include "snn/program.h"
#include "snn/target.h"

#define TIMESTEPS_DEFAULT 100u

struct snn_classifier {
    struct snnbase_arena arena; /* this struct, too */
    struct snn_graph *graph;
    struct snn_net *lowered;
    struct snn_program *program;
    struct snn_target *target;
    const struct snn_net *net; /* that the target runs; NULL: it takes frames */
    struct snn_encoder *encoder;
    struct snnstream_decoder *decoder;
    struct snn_output output;
    struct snn_shape shape;
    uint32_t class_count, timesteps;
    double dt_us;     /* of a step; 0: as usual */
    uint64_t unnamed; /* samples so far that came by themselves, from no source */
    float *frame, *values;
    uint32_t *counts;
};

/* ---- Opening ---- */

static int set_norm(struct snn_lower_options *lower, struct snn_context *context,
                    const struct snn_graph *graph, const char *norm)
{
    uint32_t count = 0;
    if (snn_graph_is_spiking(graph)) {
        const struct snn_layer *output = snn_graph_layer(graph, snn_graph_output(graph));
        lower->readout_membrane = output->kind != SNN_LAYER_IF;
        return SNN_OK;
    }
    (void)snn_graph_quantiles(graph, &count, NULL, NULL);
    if (norm == NULL && count == 0)
        snnbase_diagnose(context, SNN_SEVERITY_WARNING, NULL, "calibrate the model",
                         "no activation statistics: all thresholds are 1");
    return snn_norm_parse(lower, context, norm != NULL ? norm : count > 0 ? "p99.9" : "none");
}

static int fail_fit(struct snn_context *context, const struct snn_placement *placement)
{
    for (uint32_t i = 0; i < placement->finding_count; i++) {
        const struct snn_finding *finding = &placement->findings[i];
        if (finding->severity != SNN_SEVERITY_ERROR) continue;
        snnbase_fail(context, SNN_ERR_LIMIT, "does not fit %s: %s", placement->chip.name,
                     finding->text);
        return snnbase_hint(context, "%s", finding->hint);
    }
    return snnbase_fail(context, SNN_ERR_LIMIT, "does not fit %s", placement->chip.name);
}

static int place(struct snn_classifier *c, struct snn_context *context, const struct snn_chip *chip,
                 double dt_us)
{
    const struct snn_place_options options = {.dt_us = dt_us, .tool = "libsnn"};
    struct snn_placement *placement = NULL;
    int status = snn_place(&placement, context, c->lowered, chip, &options);
    if (status != SNN_OK) return status;
    c->program = snn_placement_take_program(placement);
    if (c->program == NULL) status = fail_fit(context, placement);
    snn_placement_destroy(&placement);
    return status;
}

/* A spiking target: what was imported becomes a net, and on a chip a program. */
static int load_spiking(struct snn_classifier *c, struct snn_context *context,
                        const struct snn_classify_options *o)
{
    const struct snn_chip *chip = snn_target_chip(c->target);
    struct snn_lower_options lower;
    int status = SNN_OK;
    if (c->graph != NULL) {
        snn_lower_options_init(&lower);
        lower.max_pool = o->max_pool;
        lower.chip = chip;
        if (chip != NULL) lower.arith = SNN_ARITH_CHIP;
        status = set_norm(&lower, context, c->graph, o->norm);
        if (status == SNN_OK) status = snn_net_lower(&c->lowered, context, c->graph, &lower);
        if (status == SNN_OK && chip != NULL) status = place(c, context, chip, o->dt_us);
    }
    if (status != SNN_OK) return status;
    status = c->program != NULL ? snn_target_load_program(c->target, context, c->program)
                                : snn_target_load(c->target, context, c->lowered);
    if (status == SNN_OK) c->net = snn_target_net(c->target);
    return status;
}

static int load(struct snn_classifier *c, struct snn_context *context,
                const struct snn_classify_options *o)
{
    if (snn_target_kind(c->target) == SNN_TARGET_SPIKING) {
        int status = load_spiking(c, context, o);
        if (status != SNN_OK) return status;
        c->shape = c->net->input_shape;
        c->class_count = c->net->class_count;
        return SNN_OK;
    }
    if (c->graph == NULL)
        return snnbase_fail(context, SNN_ERR_INVALID, "a chip program does not run on frames");
    const struct snn_layer *output = snn_graph_layer(c->graph, snn_graph_output(c->graph));
    c->shape = snn_graph_input_shape(c->graph);
    c->class_count = (uint32_t)snn_shape_size(output->shape);
    return snn_target_load_graph(c->target, context, c->graph);
}

static int import(struct snn_classifier *c, struct snn_context *context, const char *model)
{
    if (snn_program_probe(context, model))
        return snn_program_load(&c->program, context, model, NULL);
    return snn_graph_import(&c->graph, context, model, NULL, NULL);
}

/* Room for what a chunk of steps brings. */
static int prepare_steps(struct snn_classifier *c, struct snn_context *context,
                         const struct snn_classify_options *o)
{
    const struct snn_net *net = c->net;
    const size_t steps = SNN_TARGET_STEPS_MAX;
    const size_t classes = (size_t)net->readout_count * net->class_count;
    struct snnbase_arena *a = &c->arena;
    struct snn_output *out = &c->output;
    const struct snn_encoder_options encoder = {.encoding = o->encoding,
                                                .seed = o->seed,
                                                .timesteps = c->timesteps,
                                                .dt_us = c->dt_us,
                                                .singles =
                                                    snnstream_target_takes_singles(c->target)};
    out->spikes = snnbase_arena_alloc(a, context, steps * classes, sizeof(*out->spikes));
    out->potential = snnbase_arena_alloc(a, context, steps * classes, sizeof(*out->potential));
    out->population_spikes =
        snnbase_arena_alloc(a, context, steps * net->population_count, sizeof(uint64_t));
    out->synapse_spikes =
        snnbase_arena_alloc(a, context, steps * net->synapse_count, sizeof(uint64_t));
    out->synapse_operations =
        snnbase_arena_alloc(a, context, steps * net->synapse_count, sizeof(uint64_t));
    out->synapse_macs =
        snnbase_arena_alloc(a, context, steps * net->synapse_count, sizeof(uint64_t));
    out->input_spikes = snnbase_arena_alloc(a, context, steps, sizeof(uint64_t));
    c->counts = snnbase_arena_alloc(a, context, c->class_count, sizeof(*c->counts));
    if (out->spikes == NULL || out->potential == NULL || out->population_spikes == NULL ||
        out->synapse_spikes == NULL || out->synapse_operations == NULL ||
        out->synapse_macs == NULL || out->input_spikes == NULL || c->counts == NULL)
        return SNN_ERR_NOMEM;
    int status = snn_encoder_create(&c->encoder, context, &encoder, c->shape);
    if (status != SNN_OK) return status;
    return snnstream_decoder_create(&c->decoder, context, net, NULL, 0, c->timesteps);
}

static int prepare(struct snn_classifier *c, struct snn_context *context,
                   const struct snn_classify_options *o)
{
    c->frame = snnbase_arena_alloc(&c->arena, context, snn_shape_size(c->shape), sizeof(float));
    c->values = snnbase_arena_alloc(&c->arena, context, c->class_count, sizeof(float));
    if (c->frame == NULL || c->values == NULL) return SNN_ERR_NOMEM;
    return c->net != NULL ? prepare_steps(c, context, o) : SNN_OK;
}

static int create(struct snn_classifier **out, struct snn_context *context)
{
    struct snnbase_arena arena;
    snnbase_arena_init(&arena, context);
    struct snn_classifier *c = snnbase_arena_alloc(&arena, context, 1, sizeof(*c));
    if (c == NULL) {
        snnbase_arena_fini(&arena);
        return SNN_ERR_NOMEM;
    }
    c->arena = arena;
    *out = c;
    return SNN_OK;
}

int snn_classifier_open(struct snn_classifier **out, struct snn_context *context, const char *model,
                        const char *target, const struct snn_classify_options *options)
{
    const struct snn_classify_options defaults = {.timesteps = 0};
    struct snn_classifier *c = NULL;
    if (options == NULL) options = &defaults;
    *out = NULL;
    int status = create(&c, context);
    if (status != SNN_OK) return status;
    c->timesteps = options->timesteps > 0 ? options->timesteps : TIMESTEPS_DEFAULT;
    status = import(c, context, model);
    if (status == SNN_OK)
        c->dt_us = options->dt_us == 0.0 && c->program != NULL ? c->program->dt_us : options->dt_us;
    if (status == SNN_OK) status = snn_target_open(&c->target, context, target);
    if (status == SNN_OK) status = load(c, context, options);
    if (status == SNN_OK) status = prepare(c, context, options);
    if (status != SNN_OK) {
        snn_classifier_close(&c);
        return status;
    }
    *out = c;
    return SNN_OK;
}

void snn_classifier_close(struct snn_classifier **classifier)
{
    if (classifier == NULL || *classifier == NULL) return;
    struct snn_classifier *c = *classifier;
    *classifier = NULL;
    snnstream_decoder_destroy(&c->decoder);
    snn_encoder_destroy(&c->encoder);
    snn_target_close(&c->target); /* before what is loaded on it */
    snn_program_destroy(&c->program);
    snn_net_destroy(&c->lowered);
    snn_graph_destroy(&c->graph);
    struct snnbase_arena arena = c->arena;
    snnbase_arena_fini(&arena);
}

struct snn_shape snn_classifier_shape(const struct snn_classifier *classifier)
{
    return classifier != NULL ? classifier->shape : (struct snn_shape){0, 0, 0};
}

/* ---- A sample ---- */

/* What there is to say of a classifier that could not be opened. */
static int fail_closed(struct snn_context *context)
{
    const int status = snn_context_status(context);
    return status != SNN_OK ? status
                            : snnbase_fail(context, SNN_ERR_INVALID, "no classifier is open");
}

static int run_chunk(struct snn_classifier *c, struct snn_context *context, uint32_t chunk)
{
    const size_t readouts = (size_t)c->net->readout_count * c->class_count;
    const struct snnmodel_cost none = {.synops = 0};
    struct snn_spikes spikes;
    int status = snn_encoder_next(c->encoder, context, chunk, &spikes);
    if (status == SNN_OK) status = snn_target_push(c->target, context, &spikes);
    if (status == SNN_OK) status = snn_target_advance(c->target, context, chunk);
    if (status == SNN_OK) status = snn_target_pull(c->target, context, &c->output);
    for (uint32_t row = 0; status == SNN_OK && row < chunk; row++) {
        const uint32_t *fired = c->output.spikes + row * readouts;
        snnstream_decoder_step(c->decoder, fired, c->output.potential + row * readouts, &none);
        for (uint32_t k = 0; k < c->class_count; k++)
            c->counts[k] += fired[k];
    }
    return status;
}

/* The encoder has begun the sample. */
static int run_steps(struct snn_classifier *c, struct snn_context *context,
                     struct snn_prediction *out)
{
    struct snnstream_outcome outcome;
    int status = snn_target_reset(c->target, context);
    memset(c->counts, 0, c->class_count * sizeof(*c->counts));
    snnstream_decoder_begin(c->decoder, SNN_NO_CLASS);
    for (uint32_t step = 0; status == SNN_OK && step < c->timesteps;) {
        uint32_t chunk = c->timesteps - step;
        if (chunk > SNN_TARGET_STEPS_MAX) chunk = SNN_TARGET_STEPS_MAX;
        status = run_chunk(c, context, chunk);
        step += chunk;
    }
    if (status != SNN_OK) return status;
    snnstream_decoder_end(c->decoder, &outcome);
    *out = (struct snn_prediction){.class_index = outcome.prediction[c->timesteps - 1],
                                   .first_class = outcome.first.decided ? outcome.first.class_index
                                                                        : SNN_NO_CLASS,
                                   .first_step = outcome.first.decided ? outcome.first.steps : 0,
                                   .class_count = c->class_count,
                                   .counts = c->counts};
    return SNN_OK;
}

static int infer(struct snn_classifier *c, struct snn_context *context, const float *intensity,
                 struct snn_prediction *out)
{
    int status = snn_target_infer(c->target, context, intensity, c->values);
    if (status != SNN_OK) return status;
    *out = (struct snn_prediction){.class_index = snnrun_decide(c->values, c->class_count),
                                   .first_class = SNN_NO_CLASS,
                                   .class_count = c->class_count,
                                   .values = c->values};
    return SNN_OK;
}

int snn_classifier_frame(struct snn_classifier *classifier, struct snn_context *context,
                         const float *intensity, struct snn_prediction *out)
{
    struct snn_classifier *c = classifier;
    if (c == NULL) return fail_closed(context);
    if (c->net == NULL) return infer(c, context, intensity, out);
    int status = snn_encoder_begin(c->encoder, context, c->unnamed, intensity);
    if (status == SNN_OK) status = run_steps(c, context, out);
    if (status == SNN_OK) c->unnamed++;
    return status;
}

int snn_classifier_events(struct snn_classifier *classifier, struct snn_context *context,
                          const struct snn_event *events, size_t count, struct snn_prediction *out)
{
    struct snn_classifier *c = classifier;
    if (c == NULL) return fail_closed(context);
    if (c->net == NULL)
        return snnbase_fail(context, SNN_ERR_UNSUPPORTED, "the target takes frames, not events");
    int status = snn_encoder_begin_events(c->encoder, context, c->unnamed, events, count);
    if (status == SNN_OK) status = run_steps(c, context, out);
    if (status == SNN_OK) c->unnamed++;
    return status;
}

int snn_classifier_sample(struct snn_classifier *classifier, struct snn_context *context,
                          const struct snn_source *source, uint64_t index,
                          struct snn_prediction *out)
{
    struct snn_classifier *c = classifier;
    if (c == NULL || source == NULL) return fail_closed(context);
    const bool frames = snn_source_kind(source) == SNN_SOURCE_FRAMES;
    const struct snn_shape shape = snn_source_shape(source);
    if (index >= snn_source_count(source))
        return snnbase_fail(context, SNN_ERR_INVALID, "sample %llu of %llu",
                            (unsigned long long)index,
                            (unsigned long long)snn_source_count(source));
    if (frames && snn_shape_size(shape) != snn_shape_size(c->shape))
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "frames of %ux%ux%u where %ux%ux%u are wanted", shape.channels,
                            shape.height, shape.width, c->shape.channels, c->shape.height,
                            c->shape.width);
    if (!frames && c->net == NULL)
        return snnbase_fail(context, SNN_ERR_UNSUPPORTED, "the target takes frames, not spikes");
    if (frames) snn_source_frame(source, index, c->frame);
    if (c->net == NULL) return infer(c, context, c->frame, out);
    const int status = frames ? snn_encoder_begin(c->encoder, context, index, c->frame)
                              : snn_encoder_begin_recorded(c->encoder, context, source, index);
    return status == SNN_OK ? run_steps(c, context, out) : status;
}
