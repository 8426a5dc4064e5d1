/* Encoders: from a frame, or a recording, to spikes step by step.
 *
 * Pixels that may spike are collected once a sample, in ascending order of their addresses. A chunk
 * of at most 32 steps is then made in two passes: each encoding marks in one word a pixel the steps
 * in which it spikes (bit t for step t of the chunk), and one loop turns the words into lists:
 *
 *     pixel   mark              lists of addresses
 *       3    ..1..1             step 0: 7    step 2: 3 7    step 5: 3
 *       7    1.1...
 *
 * What a sample's spikes are does not depend on how its steps are cut into chunks.
 */
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "libsnn/base/cpu.h"
#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"
#include "libsnn/model/intensity.h"
#include "libsnn/stream/binner.h"
#include "libsnn/stream/lanes.h"
#include "snn/stream.h"

_Static_assert(SNN_ENCODER_STEPS_MAX <= 32, "the steps of a chunk are the bits of a word");

struct snn_encoder {
    struct snn_allocator allocator;
    struct snnbase_arena arena; /* all arrays below, NULL before the first sample that needs them */
    struct snn_encoder_options options;
    struct snn_shape shape;
    struct snnstream_lanes lanes;

    uint64_t index;                     /* of the sample */
    uint64_t step;                      /* the next one */
    const struct snn_source *recording; /* borrowed; NULL for a frame, or events at hand */
    struct snnstream_binner binner;     /* of events */
    bool has_events;
    bool has_bins;
    bool begun; /* a sample, ever */

    uint32_t active_count;
    uint32_t *active;    /* [pixels] addresses that may spike, ascending */
    float *value;        /* [pixels] their intensities, > 0 */
    float *remainder;    /* [pixels] rate: what is left of the accumulated intensity */
    uint32_t *number;    /* [pixels] bernoulli: limit of the draw; ttfs: step of the spike */
    uint8_t *drawn;      /* [pixels] bernoulli: spikes of the steps of a block of four */
    int64_t drawn_block; /* which; -1: none yet */
    uint32_t *mark;      /* [pixels] steps of the chunk in which each active pixel spikes */

    uint32_t step_begin[SNN_ENCODER_STEPS_MAX + 1];
    uint32_t *address; /* [SNN_ENCODER_STEPS_MAX * pixels + SNNSTREAM_LIST_SLACK] */
    float *count;      /* [SNN_ENCODER_STEPS_MAX * pixels] of recorded spikes */
};

static const char *const encoding_names[] = {
    [SNN_ENCODING_RATE] = "rate",
    [SNN_ENCODING_BERNOULLI] = "bernoulli",
    [SNN_ENCODING_CURRENT] = "current",
    [SNN_ENCODING_TTFS] = "ttfs",
};

enum { ENCODING_COUNT = sizeof(encoding_names) / sizeof(encoding_names[0]) };

const char *snn_encoding_name(enum snn_encoding encoding)
{
    int value = (int)encoding;
    return value >= 0 && value < ENCODING_COUNT ? encoding_names[value] : NULL;
}

int snn_encoding_parse(enum snn_encoding *out, struct snn_context *context, const char *name)
{
    for (int i = 0; i < ENCODING_COUNT; i++) {
        if (strcmp(name, encoding_names[i]) != 0) continue;
        *out = (enum snn_encoding)i;
        return SNN_OK;
    }
    snnbase_fail(context, SNN_ERR_INVALID, "unknown encoding '%s'", name);
    return snnbase_hint(context, "the encodings are rate, bernoulli, current and ttfs");
}

/* --- Creation --------------------------------------------------------------------------------- */

static int check_options(struct snn_context *context, const struct snn_encoder_options *options,
                         struct snn_shape shape)
{
    if (!snn_encoding_name(options->encoding)) {
        return snnbase_fail(context, SNN_ERR_INVALID, "unknown encoding %d",
                            (int)options->encoding);
    }
    if (options->timesteps == 0) {
        return snnbase_fail(context, SNN_ERR_INVALID, "0 time steps, not at least 1");
    }
    if (!(options->dt_us >= 0.0) || !isfinite(options->dt_us)) {
        return snnbase_fail(context, SNN_ERR_INVALID, "a time step of %g us is not positive",
                            options->dt_us);
    }
    if (shape.channels == 0 || shape.height == 0 || shape.width == 0) {
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "frames of %" PRIu32 "x%" PRIu32 "x%" PRIu32 " are empty",
                            shape.channels, shape.height, shape.width);
    }
    /* Offsets into the lists of a full chunk are 32-bit, padding included. */
    uint64_t limit = UINT32_MAX / SNN_ENCODER_STEPS_MAX - SNNSTREAM_LANES;
    if (snnbase_limits(context)->neuron_count < limit) {
        limit = snnbase_limits(context)->neuron_count;
    }
    if ((uint64_t)shape.height * shape.width > limit / shape.channels) {
        return snnbase_fail(context, SNN_ERR_LIMIT,
                            "frames of %" PRIu32 "x%" PRIu32 "x%" PRIu32
                            " values exceed the limit of %" PRIu64,
                            shape.channels, shape.height, shape.width, limit);
    }
    return SNN_OK;
}

/* Lists for the most that a chunk can hold: every pixel in every step. */
static int allocate_lists(struct snn_encoder *encoder, struct snn_context *context)
{
    if (encoder->address) return SNN_OK;
    const size_t most = snn_shape_size(encoder->shape) * SNN_ENCODER_STEPS_MAX;
    encoder->address = snnbase_arena_alloc(&encoder->arena, context, most + SNNSTREAM_LIST_SLACK,
                                           sizeof(*encoder->address));
    return encoder->address ? SNN_OK : SNN_ERR_NOMEM;
}

/* What frames need, had with the first of them. */
static int allocate_frame(struct snn_encoder *encoder, struct snn_context *context)
{
    struct snnbase_arena *arena = &encoder->arena;
    size_t lanes = SNNSTREAM_LANES;
    size_t pixels = (snn_shape_size(encoder->shape) + lanes - 1) / lanes * lanes;
    if (encoder->mark) return SNN_OK;
    if (allocate_lists(encoder, context) != SNN_OK) return SNN_ERR_NOMEM;
    encoder->active = snnbase_arena_alloc(arena, context, pixels, sizeof(*encoder->active));
    encoder->value = snnbase_arena_alloc(arena, context, pixels, sizeof(*encoder->value));
    encoder->remainder = snnbase_arena_alloc(arena, context, pixels, sizeof(*encoder->remainder));
    encoder->number = snnbase_arena_alloc(arena, context, pixels, sizeof(*encoder->number));
    encoder->drawn = snnbase_arena_alloc(arena, context, pixels, sizeof(*encoder->drawn));
    bool complete = encoder->active && encoder->value && encoder->remainder && encoder->number &&
                    encoder->drawn;
    if (!complete) return SNN_ERR_NOMEM;
    encoder->mark = snnbase_arena_alloc(arena, context, pixels, sizeof(*encoder->mark));
    return encoder->mark ? SNN_OK : SNN_ERR_NOMEM;
}

/* What recorded spikes need: unlike those of a frame they may be several. */
static int allocate_counts(struct snn_encoder *encoder, struct snn_context *context)
{
    const size_t most = snn_shape_size(encoder->shape) * SNN_ENCODER_STEPS_MAX;
    int status = allocate_lists(encoder, context);
    if (status != SNN_OK || encoder->count) return status;
    encoder->count = snnbase_arena_alloc(&encoder->arena, context, most, sizeof(*encoder->count));
    return encoder->count ? SNN_OK : SNN_ERR_NOMEM;
}

/* What events need; their lists grow as they come. */
static int allocate_bins(struct snn_encoder *encoder, struct snn_context *context)
{
    if (encoder->has_bins) return SNN_OK;
    int status = snnstream_binner_init(&encoder->binner, context, &encoder->arena, encoder->shape,
                                       encoder->options.singles);
    encoder->has_bins = status == SNN_OK;
    return status;
}

int snn_encoder_create(struct snn_encoder **out, struct snn_context *context,
                       const struct snn_encoder_options *options, struct snn_shape shape)
{
    int status = check_options(context, options, shape);
    if (status != SNN_OK) return status;
    struct snn_encoder *encoder = snnbase_alloc(context, 1, sizeof(*encoder));
    if (!encoder) return SNN_ERR_NOMEM;
    encoder->allocator = *snnbase_allocator(context);
    encoder->options = *options;
    if (encoder->options.dt_us == 0.0) encoder->options.dt_us = 1000.0;
    encoder->shape = shape;
    struct snnbase_cpu cpu;
    snnbase_cpu_detect(&cpu);
    snnstream_lanes_init(&encoder->lanes, snnbase_kernel_level(context), cpu.avx2);
    snnbase_arena_init(&encoder->arena, context);
    *out = encoder;
    return SNN_OK;
}

void snn_encoder_destroy(struct snn_encoder **encoder)
{
    if (!encoder || !*encoder) return;
    snnstream_binner_fini(&(*encoder)->binner);
    snnbase_arena_fini(&(*encoder)->arena);
    struct snn_allocator allocator = (*encoder)->allocator;
    snnbase_allocator_free(&allocator, *encoder);
    *encoder = NULL;
}

/* --- The beginning of a sample ---------------------------------------------------------------- */

/* Pixels that are not zero, from [channel][row][column] into the order of addresses. */
static void collect_active(struct snn_encoder *encoder, const float *intensity)
{
    size_t plane = (size_t)encoder->shape.height * encoder->shape.width;
    uint32_t count = 0;
    uint32_t address = 0;
    for (size_t position = 0; position < plane; position++) {
        for (uint32_t c = 0; c < encoder->shape.channels; c++) {
            float value = intensity[c * plane + position];
            encoder->active[count] = address++;
            encoder->value[count] = value;
            count += value > 0.0f;
        }
    }
    encoder->active_count = count;
}

static void prepare_rate(struct snn_encoder *encoder)
{
    for (uint32_t i = 0; i < encoder->active_count; i++)
        encoder->remainder[i] = 0.5f;
}

/* The limits of the draws. Pixels too dark for any draw (p < 2^-32) are dropped. */
static void prepare_bernoulli(struct snn_encoder *encoder)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < encoder->active_count; i++) {
        uint64_t threshold = (uint64_t)((double)encoder->value[i] * 4294967296.0);
        if (threshold == 0) continue;
        encoder->active[kept] = encoder->active[i];
        encoder->value[kept] = encoder->value[i];
        encoder->number[kept++] = (uint32_t)(threshold - 1);
    }
    encoder->active_count = kept;
    encoder->drawn_block = -1;
}

static void prepare_ttfs(struct snn_encoder *encoder)
{
    double last = (double)(encoder->options.timesteps - 1);
    for (uint32_t i = 0; i < encoder->active_count; i++) {
        double step = floor((1.0 - (double)encoder->value[i]) * last + 0.5);
        encoder->number[i] = (uint32_t)step;
    }
}

int snn_encoder_begin(struct snn_encoder *encoder, struct snn_context *context, uint64_t index,
                      const float *intensity)
{
    int status = snnmodel_intensity_check(context, encoder->shape, intensity);
    if (status != SNN_OK) return snnbase_where(context, "sample %" PRIu64, index);
    status = allocate_frame(encoder, context);
    if (status != SNN_OK) return status;
    encoder->begun = true;
    encoder->index = index;
    encoder->step = 0;
    encoder->recording = NULL;
    encoder->has_events = false;
    collect_active(encoder, intensity);
    switch (encoder->options.encoding) {
    case SNN_ENCODING_RATE:
        prepare_rate(encoder);
        break;
    case SNN_ENCODING_BERNOULLI:
        prepare_bernoulli(encoder);
        break;
    case SNN_ENCODING_TTFS:
        prepare_ttfs(encoder);
        break;
    case SNN_ENCODING_CURRENT:
        break;
    }
    return SNN_OK;
}

int snn_encoder_begin_recorded(struct snn_encoder *encoder, struct snn_context *context,
                               const struct snn_source *source, uint64_t index)
{
    struct snn_shape have = snn_source_shape(source);
    struct snn_shape want = encoder->shape;
    if (snn_source_kind(source) == SNN_SOURCE_FRAMES) {
        return snnbase_fail(context, SNN_ERR_INVALID, "the source holds frames, not spikes");
    }
    if (have.channels != want.channels || have.height != want.height || have.width != want.width) {
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "recorded spikes of %" PRIu32 "x%" PRIu32 "x%" PRIu32 " where %" PRIu32
                            "x%" PRIu32 "x%" PRIu32 " are wanted",
                            have.channels, have.height, have.width, want.channels, want.height,
                            want.width);
    }
    if (index >= snn_source_count(source)) {
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "sample %" PRIu64 " of a source with %" PRIu64 " samples", index,
                            snn_source_count(source));
    }
    const bool events = snn_source_kind(source) == SNN_SOURCE_EVENTS;
    int status = events ? allocate_bins(encoder, context) : allocate_counts(encoder, context);
    if (status != SNN_OK) return status;
    encoder->begun = true;
    encoder->index = index;
    encoder->step = 0;
    encoder->recording = source;
    encoder->has_events = events;
    if (!events) return SNN_OK;
    status = snnstream_binner_open(&encoder->binner, context, source, index);
    return status == SNN_OK ? status : snnbase_where(context, "sample %" PRIu64, index);
}

int snn_encoder_begin_events(struct snn_encoder *encoder, struct snn_context *context,
                             uint64_t index, const struct snn_event *events, size_t count)
{
    const size_t pixels = snn_shape_size(encoder->shape);
    for (size_t i = 0; i < count; i++) {
        if (events[i].address >= pixels)
            return snnbase_fail(context, SNN_ERR_INVALID,
                                "event %zu: address %" PRIu32 " of an input of %zu", i,
                                events[i].address, pixels);
        if (i > 0 && events[i].time_us < events[i - 1].time_us)
            return snnbase_fail(context, SNN_ERR_INVALID,
                                "event %zu: time %" PRIu32 " us after %" PRIu32 " us", i,
                                events[i].time_us, events[i - 1].time_us);
    }
    int status = allocate_bins(encoder, context);
    if (status != SNN_OK) return status;
    encoder->begun = true;
    encoder->index = index;
    encoder->step = 0;
    encoder->recording = NULL;
    encoder->has_events = true;
    snnstream_binner_take(&encoder->binner, events, count);
    return SNN_OK;
}

/* --- Marks: which pixel spikes in which steps of the chunk ------------------------------------ */

/* The comparison as a number, not as a branch or selection: spikes cannot be predicted, and in this
 * form both gcc and clang make vector instructions of the inner loop. */
static void mark_rate(const float *value, float *remainder, uint32_t *mark, uint32_t count,
                      uint32_t step_count)
{
    memset(mark, 0, count * sizeof(*mark));
    for (uint32_t t = 0; t < step_count; t++) {
        for (uint32_t i = 0; i < count; i++) {
            float sum = remainder[i] + value[i];
            int32_t spike = sum >= 1.0f;
            remainder[i] = sum - (float)spike;
            mark[i] |= (uint32_t)spike << t;
        }
    }
}

static uint32_t whole_lanes(uint32_t count)
{
    return (count + SNNSTREAM_LANES - 1) / SNNSTREAM_LANES * SNNSTREAM_LANES;
}

/* Spikes of four steps enter the marks at bit `place`, which is negative for a block that began
 * before the chunk; steps outside the chunk fall off. */
static void mark_drawn(uint32_t *mark, const uint8_t *drawn, uint32_t count, int place)
{
    int up = place > 0 ? place : 0;
    int down = place < 0 ? -place : 0;
    for (uint32_t i = 0; i < count; i++)
        mark[i] |= (uint32_t)drawn[i] << up >> down;
}

static void mark_bernoulli(struct snn_encoder *encoder, uint32_t step_count)
{
    uint32_t count = encoder->active_count;
    struct snnstream_draw draw = {
        .seed = encoder->options.seed,
        .index = encoder->index,
        .address = encoder->active,
        .limit = encoder->number,
        .count = whole_lanes(count),
    };
    memset(encoder->mark, 0, count * sizeof(*encoder->mark));
    int place = -(int)(encoder->step % 4);
    uint32_t block = (uint32_t)(encoder->step / 4);
    for (; place < (int)step_count; place += 4, block++) {
        if (encoder->drawn_block != block) encoder->lanes.draw(&draw, block, encoder->drawn);
        encoder->drawn_block = block;
        mark_drawn(encoder->mark, encoder->drawn, count, place);
    }
}

static void mark_ttfs(const uint32_t *number, uint64_t first_step, uint32_t *mark, uint32_t count,
                      uint32_t step_count)
{
    for (uint32_t i = 0; i < count; i++) {
        bool inside = number[i] >= first_step && number[i] - first_step < step_count;
        mark[i] = inside ? UINT32_C(1) << (number[i] - first_step) : 0;
    }
}

/* --- Lists ------------------------------------------------------------------------------------ */

/* Turns marks into one list a step. */
static void list_marked(struct snn_encoder *encoder, uint32_t step_count)
{
    const uint32_t count = whole_lanes(encoder->active_count);
    uint32_t length = 0;
    for (uint32_t i = encoder->active_count; i < count; i++)
        encoder->mark[i] = 0;
    for (uint32_t t = 0; t < step_count; t++) {
        encoder->step_begin[t] = length;
        length += encoder->lanes.list(encoder->active, encoder->mark, count, t,
                                      encoder->address + length);
    }
    encoder->step_begin[step_count] = length;
}

/* Appends one step of a recording; returns the new length of the lists. */
static uint32_t list_counts(struct snn_encoder *encoder, const uint8_t *counts, uint32_t length,
                            uint8_t *most)
{
    size_t plane = (size_t)encoder->shape.height * encoder->shape.width;
    uint32_t address = 0;
    for (size_t position = 0; position < plane; position++) {
        for (uint32_t c = 0; c < encoder->shape.channels; c++, address++) {
            uint8_t count = counts[c * plane + position];
            if (count == 0) continue;
            encoder->address[length] = address;
            encoder->count[length++] = (float)count;
            if (count > *most) *most = count;
        }
    }
    return length;
}

static int next_events(struct snn_encoder *encoder, struct snn_context *context,
                       uint32_t step_count, struct snn_spikes *out)
{
    struct snnstream_binner *binner = &encoder->binner;
    const double dt_us = encoder->options.dt_us;
    int status = SNN_OK;
    snnstream_binner_begin(binner, (double)encoder->step * dt_us);
    for (uint32_t t = 0; t < step_count; t++) {
        encoder->step_begin[t] = binner->length;
        const double end_us = (double)(encoder->step + t + 1) * dt_us;
        status = snnstream_binner_step(binner, context, end_us);
        if (status != SNN_OK) return snnbase_where(context, "sample %" PRIu64, encoder->index);
    }
    encoder->step_begin[step_count] = binner->length;
    snnstream_binner_end(binner, out);
    return SNN_OK;
}

static void next_recorded(struct snn_encoder *encoder, uint32_t step_count, struct snn_spikes *out)
{
    uint32_t recorded = snn_source_steps(encoder->recording);
    uint32_t length = 0;
    uint8_t most = 0;
    for (uint32_t t = 0; t < step_count; t++) {
        encoder->step_begin[t] = length;
        uint64_t step = encoder->step + t;
        if (step >= recorded) continue;
        const uint8_t *counts =
            snn_source_counts(encoder->recording, encoder->index, (uint32_t)step);
        length = list_counts(encoder, counts, length, &most);
    }
    encoder->step_begin[step_count] = length;
    if (most > 1) out->count = encoder->count;
}

/* The list of pixels is itself what is wanted. */
static void next_current(struct snn_encoder *encoder, struct snn_spikes *out)
{
    encoder->step_begin[0] = 0;
    encoder->step_begin[1] = encoder->active_count;
    out->constant = true;
    out->address = encoder->active;
    out->count = encoder->value;
}

static void next_marked(struct snn_encoder *encoder, uint32_t step_count)
{
    if (encoder->options.encoding == SNN_ENCODING_RATE) {
        mark_rate(encoder->value, encoder->remainder, encoder->mark, encoder->active_count,
                  step_count);
    } else if (encoder->options.encoding == SNN_ENCODING_BERNOULLI) {
        mark_bernoulli(encoder, step_count);
    } else {
        mark_ttfs(encoder->number, encoder->step, encoder->mark, encoder->active_count, step_count);
    }
    list_marked(encoder, step_count);
}

int snn_encoder_next(struct snn_encoder *encoder, struct snn_context *context, uint32_t step_count,
                     struct snn_spikes *out)
{
    int status = SNN_OK;
    if (step_count > SNN_ENCODER_STEPS_MAX) step_count = SNN_ENCODER_STEPS_MAX;
    *out = (struct snn_spikes){
        .step_count = step_count,
        .step_begin = encoder->step_begin,
        .address = encoder->address,
        .sample = encoder->index,
    };
    if (!encoder->begun) {
        memset(encoder->step_begin, 0, sizeof(encoder->step_begin));
    } else if (encoder->has_events) {
        status = next_events(encoder, context, step_count, out);
    } else if (encoder->recording) {
        next_recorded(encoder, step_count, out);
    } else if (encoder->options.encoding == SNN_ENCODING_CURRENT) {
        next_current(encoder, out);
    } else {
        next_marked(encoder, step_count);
    }
    if (status == SNN_OK) encoder->step += step_count;
    return status;
}
