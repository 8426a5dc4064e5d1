/* What --to samna plays: the model's own samples as single events for the chip's cores, and the
 * spikes that the simulator's chip answers them with.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli/interrupt.h"
#include "tools/snnconvert/samna.h"

/* ---- Events ---- */

/* The machinery that makes events, and where they go. */
struct player {
    struct snn_encoder *encoder;
    struct snn_schedule *schedule;
    float *intensity;
    FILE *out;
};

static int open_player(struct player *player, const struct snnconvert_playback *p)
{
    struct snn_context *context = p->session->context;
    const struct snnconvert_options *o = &p->session->options;
    const struct snn_shape shape = p->program->input_shape;
    const struct snn_encoder_options encoding = {
        .encoding = o->encoding,
        .seed = o->seed,
        .timesteps = p->session->options.timesteps,
        .dt_us = p->program->dt_us,
    };
    const struct snn_schedule_options order = {
        .order = SNN_ORDER_INTERLEAVE, .seed = o->seed, .dt_us = p->program->dt_us};
    player->intensity = malloc(snn_shape_size(shape) * sizeof(float));
    if (player->intensity == NULL)
        return snn_context_fail(context, SNN_ERR_NOMEM, "%s", snn_status_text(SNN_ERR_NOMEM));
    int status = snn_encoder_create(&player->encoder, context, &encoding, shape);
    if (status == SNN_OK) status = snn_schedule_create(&player->schedule, context, &order, shape);
    return status;
}

/* One row for each core that takes the event: what the sensor's destinations make of it. */
static uint64_t put_event(FILE *out, const struct snn_program *program, uint64_t sample,
                          double time_us, uint32_t address)
{
    const struct snn_shape shape = program->input_shape;
    const uint32_t feature = address % shape.channels, position = address / shape.channels;
    uint64_t rows = 0;
    for (uint32_t i = 0; i < program->input_destination_count; i++) {
        const struct snn_destination *to = &program->input_destinations[i];
        const uint32_t x = position % shape.width / to->pooling;
        const uint32_t y = position / shape.width / to->pooling;
        if (x >= shape.width / to->pooling || y >= shape.height / to->pooling) continue;
        fprintf(out, "%llu,%u,%u,%u,%u,%.0f\n", (unsigned long long)sample, to->layer,
                feature + to->feature_shift, x, y, floor(time_us));
        rows++;
    }
    return rows;
}

/* The steps of one sample, in portions. */
static int put_sample(struct player *player, struct snnconvert_playback *p, uint64_t sample)
{
    uint32_t step = 0;
    snn_schedule_begin(player->schedule);
    while (step < p->session->options.timesteps) {
        const struct snn_arrival *events = NULL;
        size_t count = 0;
        struct snn_spikes spikes;
        const uint32_t left = p->session->options.timesteps - step;
        const uint32_t chunk = left < SNN_ENCODER_STEPS_MAX ? left : SNN_ENCODER_STEPS_MAX;
        int status = snn_encoder_next(player->encoder, p->session->context, chunk, &spikes);
        if (status == SNN_OK)
            status = snn_schedule_push(player->schedule, p->session->context, &spikes);
        if (status != SNN_OK) return status;
        for (; snn_schedule_next(player->schedule, &events, &count); step++)
            for (size_t i = 0; i < count; i++)
                p->event_count +=
                    put_event(player->out, p->program, sample,
                              step * p->program->dt_us + events[i].time_us, events[i].address);
    }
    return SNN_OK;
}

static int begin_sample(struct player *player, const struct snnconvert_playback *p, uint64_t sample)
{
    struct snn_context *context = p->session->context;
    if (snn_source_kind(p->session->data) != SNN_SOURCE_FRAMES)
        return snn_encoder_begin_recorded(player->encoder, context, p->session->data, sample);
    snn_source_frame(p->session->data, sample, player->intensity);
    return snn_encoder_begin(player->encoder, context, sample, player->intensity);
}

/* Whoever pressed Ctrl-C wants no file. */
static int interrupted(struct snn_context *context)
{
    if (!snncli_interrupt_pending()) return SNN_OK;
    return snn_context_fail(context, SNN_ERR_CANCELLED, "%s", snn_status_text(SNN_ERR_CANCELLED));
}

static int put_samples(struct player *player, struct snnconvert_playback *p)
{
    int status = open_player(player, p);
    fprintf(player->out, "sample,layer,feature,x,y,timestamp_us\n");
    for (uint64_t sample = 0; sample < p->sample_count && status == SNN_OK; sample++) {
        status = interrupted(p->session->context);
        if (status == SNN_OK) status = begin_sample(player, p, sample);
        if (status == SNN_OK) status = put_sample(player, p, sample);
    }
    return status;
}

/* Takes the text off a memory stream; NULL where there was no memory for it. */
static char *close_text(FILE *out, char **text)
{
    if (out == NULL) return NULL;
    const bool failed = ferror(out) != 0;
    if (fclose(out) == 0 && !failed) return *text;
    free(*text);
    return NULL;
}

/* What was written to `out`, if it went well, into a file. */
static int save_text(struct snnconvert_session *s, const char *name, int status, const char *text,
                     size_t size)
{
    if (status != SNN_OK) return snncli_fail_context(&s->console, s->context, NULL);
    if (text == NULL)
        return snncli_fail(&s->console, SNNCLI_EXIT_NO_MEMORY, NULL, "%s",
                           snn_status_text(SNN_ERR_NOMEM));
    return snnconvert_samna_save(s, name, text, size);
}

int snnconvert_samna_events(struct snnconvert_playback *p)
{
    char *text = NULL;
    size_t size = 0;
    struct player player = {.out = open_memstream(&text, &size)};
    int status = player.out != NULL ? put_samples(&player, p) : SNN_OK;
    text = close_text(player.out, &text);
    status = save_text(p->session, "events.csv", status, text, size);
    snn_encoder_destroy(&player.encoder);
    snn_schedule_destroy(&player.schedule);
    free(player.intensity);
    free(text);
    return status;
}

/* ---- What the simulator says ---- */

struct answers {
    const struct snnconvert_playback *playback;
    uint64_t *counts; /* [class] of one sample */
    FILE *out;
};

static int put_answer(const struct snn_sample_record *record, void *user)
{
    const struct answers *a = user;
    const uint32_t classes = record->class_count;
    memset(a->counts, 0, classes * sizeof(*a->counts));
    for (size_t i = 0; i < (size_t)record->timesteps * classes; i++)
        a->counts[i % classes] += record->counts[i];
    fprintf(a->out, "%llu,%d,%u", (unsigned long long)record->index,
            (int)snn_source_label(a->playback->session->data, record->index), record->timesteps);
    for (uint32_t i = 0; i < classes; i++)
        fprintf(a->out, ",%llu", (unsigned long long)a->counts[i]);
    fprintf(a->out, "\n");
    return SNN_OK;
}

static bool is_to_go_on(uint64_t done, uint64_t total, void *user)
{
    (void)done, (void)total, (void)user;
    return !snncli_interrupt_pending();
}

static int run(struct snnconvert_playback *p, struct answers *answers, struct snn_target *target)
{
    struct snn_context *context = p->session->context;
    const struct snnconvert_options *o = &p->session->options;
    struct snn_energy_profile energy;
    struct snn_run_options options;
    struct snn_result *result = NULL;
    snn_run_options_init(&options);
    options.timesteps = p->session->options.timesteps;
    options.encoding = o->encoding;
    options.seed = o->seed;
    options.count = p->sample_count;
    options.threads = 1; /* rows in the order of samples */
    options.dt_us = p->program->dt_us;
    options.energy = &energy;
    options.progress = is_to_go_on;
    options.sample = put_answer;
    options.user = answers;
    int status = snn_target_load_program(target, context, p->program);
    if (status == SNN_OK)
        status = snn_energy_profile_load(&energy, context, p->program->chip.energy);
    if (status == SNN_OK)
        status =
            snn_run(&result, context, target, snn_target_net(target), p->session->data, &options);
    if (status == SNN_OK && !result->complete) status = interrupted(context);
    if (status == SNN_OK && snn_source_has_labels(p->session->data))
        p->right_count = (uint64_t)llround(result->accuracy * (double)p->sample_count);
    snn_result_destroy(&result);
    return status;
}

static int put_answers(struct snnconvert_playback *p, struct answers *answers)
{
    struct snn_context *context = p->session->context;
    struct snn_target *target = NULL;
    char uri[SNNCONVERT_URI_SIZE];
    fprintf(answers->out, "sample,label,timesteps");
    for (uint32_t i = 0; i < p->program->class_count; i++)
        fprintf(answers->out, ",class_%u", i);
    fprintf(answers->out, "\n");
    answers->counts = malloc(p->program->class_count * sizeof(*answers->counts));
    int status = SNN_ERR_NOMEM;
    snnconvert_chip_uri(p->chip, uri);
    if (answers->counts == NULL)
        (void)snn_context_fail(context, status, "%s", snn_status_text(status));
    else
        status = snn_target_open(&target, context, uri);
    if (status == SNN_OK) status = run(p, answers, target);
    snn_target_close(&target);
    return status;
}

int snnconvert_samna_expected(struct snnconvert_playback *p)
{
    char *text = NULL;
    size_t size = 0;
    struct answers answers = {.playback = p, .out = open_memstream(&text, &size)};
    int status = answers.out != NULL ? put_answers(p, &answers) : SNN_OK;
    text = close_text(answers.out, &text);
    status = save_text(p->session, "expected.csv", status, text, size);
    free(answers.counts);
    free(text);
    return status;
}
