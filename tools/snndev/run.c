/* snndev run and replay: a few samples, what the chip answered, and whether it is right.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/cli/interrupt.h"
#include "tools/cli/json.h"
#include "tools/cli/table.h"
#include "tools/snndev/play.h"

/* Samples that are run where nobody says how many. */
enum { SAMPLES_DEFAULT = 10 };

struct run {
    struct snndev_session *session;
    struct snndev_play play;
    uint32_t *counts; /* [class] of the sample under way */
    uint32_t first;   /* step of its first output spike, from 1; 0: none yet */
    uint64_t spikes;  /* of all cores */
    uint64_t done, labelled, right;
    struct snncli_table table;
    struct snncli_json json;
};

static bool count_item(const struct snn_device_item *item, uint32_t step, void *user)
{
    struct run *run = user;
    if (item->kind != SNN_DEVICE_EVENT) return true;
    const uint32_t class = snndev_class_of(run->session->program, &item->event);
    if (class == UINT32_MAX) {
        run->spikes++;
        return true;
    }
    run->counts[class]++;
    if (run->first == 0) run->first = step + 1;
    return true;
}

static bool go_on(void *user)
{
    (void)user;
    return !snncli_interrupt_pending();
}

/* Equal counts go to the lowest class. */
static uint32_t prediction(const struct run *run)
{
    uint32_t best = 0;
    for (uint32_t c = 1; c < run->session->program->class_count; c++) {
        if (run->counts[c] > run->counts[best]) best = c;
    }
    return best;
}

/* "5: 31, 3: 12": classes with most spikes, three at most. */
static void leaders(const struct run *run, char *text, size_t size)
{
    const uint32_t classes = run->session->program->class_count;
    uint32_t below = UINT32_MAX;
    size_t used = 0;
    text[0] = '\0';
    for (int shown = 0; shown < 3;) {
        uint32_t top = 0;
        for (uint32_t c = 0; c < classes; c++) {
            if (run->counts[c] < below && run->counts[c] > top) top = run->counts[c];
        }
        if (top == 0) return;
        for (uint32_t c = 0; c < classes && shown < 3; c++) {
            if (run->counts[c] != top || used >= size) continue;
            used += (size_t)snprintf(text + used, size - used, "%s%u: %u", used > 0 ? ", " : "", c,
                                     top);
            shown++;
        }
        below = top;
    }
}

static void tell_sample(struct run *run, uint64_t index, int32_t label, uint32_t predicted)
{
    char text[96];
    snncli_table_cell(&run->table, "%llu", (unsigned long long)index);
    if (label >= 0)
        snncli_table_cell(&run->table, "%d", label);
    else
        snncli_table_cell(&run->table, "-");
    if (run->first > 0)
        snncli_table_cell(&run->table, "%u", predicted);
    else
        snncli_table_cell(&run->table, "silent");
    if (run->first > 0)
        snncli_table_cell(&run->table, "%u", run->first);
    else
        snncli_table_cell(&run->table, "-");
    leaders(run, text, sizeof(text));
    snncli_table_cell(&run->table, "%s", text);
}

static void tell_sample_json(struct run *run, uint64_t index, int32_t label, uint32_t predicted)
{
    snncli_json_open(&run->json, NULL, '{');
    snncli_json_count(&run->json, "sample", index);
    if (label >= 0)
        snncli_json_count(&run->json, "label", (uint64_t)label);
    else
        snncli_json_null(&run->json, "label");
    snncli_json_count(&run->json, "prediction", predicted);
    if (run->first > 0)
        snncli_json_count(&run->json, "first_step", run->first);
    else
        snncli_json_null(&run->json, "first_step");
    snncli_json_open(&run->json, "counts", '[');
    for (uint32_t c = 0; c < run->session->program->class_count; c++)
        snncli_json_count(&run->json, NULL, run->counts[c]);
    snncli_json_close(&run->json, ']');
    snncli_json_close(&run->json, '}');
}

static int run_sample(struct run *run, uint64_t index)
{
    struct snndev_session *s = run->session;
    memset(run->counts, 0, s->program->class_count * sizeof(*run->counts));
    run->first = 0;
    int status = snndev_play_sample(&run->play, index);
    if (status != SNNCLI_EXIT_OK) return status;
    const int32_t label = snn_source_label(s->source, index);
    const uint32_t predicted = prediction(run);
    /* A silent sample is wrong, whatever class is the lowest. */
    run->labelled += label >= 0;
    run->right += label >= 0 && run->first > 0 && predicted == (uint32_t)label;
    run->done++;
    if (s->result.out != NULL) tell_sample_json(run, index, label, predicted);
    tell_sample(run, index, label, predicted);
    return SNNCLI_EXIT_OK;
}

static int print_text(struct run *run, const struct snn_device_statistics *have, double seconds)
{
    struct snndev_session *s = run->session;
    const struct snndev_play *play = &run->play;
    if (snncli_table_print(&run->table, stdout, s->console.utf8, s->console.out_color) != SNN_OK)
        return snndev_fail_memory(s);
    printf("\n%llu samples, %u steps of %g ms", (unsigned long long)run->done, s->options.timesteps,
           s->options.dt_us / 1000.0);
    if (run->labelled > 0)
        printf(": %llu right, %s", (unsigned long long)run->right,
               snncli_format_percent((double)run->right / (double)run->labelled).text);
    printf("\n  events    %s in, %s spikes out, %s lost\n",
           snncli_format_count(play->events_in).text, snncli_format_count(run->spikes).text,
           snncli_format_count(play->lost.events).text);
    if (play->lost.words > 0)
        printf("  words     %s lost on the way\n", snncli_format_count(play->lost.words).text);
    printf("  speed     %s", snncli_format_seconds(seconds).text);
    if (have->round_trips > 0)
        printf(", a step and its answer %s (95 %% by %s)",
               snncli_format_unit(have->round_trip_us_mean * 1e-6, "s").text,
               snncli_format_unit(have->round_trip_us_p95 * 1e-6, "s").text);
    fputs("\n\n", stdout);
    /* A tape holds the samples that were recorded, and no others. */
    if (s->options.verb == SNNDEV_RUN || s->options.to != NULL)
        printf("studies of a data set: snnsim %s --target %s\n", s->options.model, s->options.uri);
    return SNNCLI_EXIT_OK;
}

static void print_end_json(struct run *run, const struct snn_device_statistics *have,
                           double seconds)
{
    struct snncli_json *json = &run->json;
    snncli_json_close(json, ']');
    snncli_json_count(json, "right", run->right);
    snncli_json_count(json, "labelled", run->labelled);
    snncli_json_open(json, "events", '{');
    snncli_json_count(json, "in", run->play.events_in);
    snncli_json_count(json, "spikes", run->spikes);
    snncli_json_count(json, "lost", run->play.lost.events);
    snncli_json_count(json, "lost_words", run->play.lost.words);
    snncli_json_close(json, '}');
    snncli_json_open(json, "timing", '{');
    snncli_json_number(json, "seconds", seconds);
    snncli_json_number(json, "round_trip_us_mean", have->round_trip_us_mean);
    snncli_json_number(json, "round_trip_us_p95", have->round_trip_us_p95);
    snncli_json_close(json, '}');
    snncli_json_bool(json, "complete", !snncli_interrupt_pending());
    snncli_json_close(json, '}');
    snncli_json_finish(json);
}

static void open_json(struct run *run)
{
    struct snndev_session *s = run->session;
    const struct snn_device_info *about = snn_device_about(s->device);
    run->json = (struct snncli_json){.out = s->result.out};
    snncli_json_open(&run->json, NULL, '{');
    snncli_json_text(&run->json, "schema", "snn.device.run/1");
    snncli_json_text(&run->json, "uri", about->uri);
    snncli_json_text(&run->json, "chip", about->chip);
    snncli_json_text(&run->json, "model", s->program->name);
    snncli_json_count(&run->json, "timesteps", s->options.timesteps);
    snncli_json_open(&run->json, "samples", '[');
}

/* Events that are missing make an answer one cannot rely on. */
static int judge_loss(struct run *run, int status)
{
    struct snndev_session *s = run->session;
    const struct snndev_losses_text lost = snndev_losses_format(&run->play.lost);
    if (!snndev_losses_any(&run->play.lost) || status != SNNCLI_EXIT_OK) return status;
    if (s->options.allow_loss) {
        snncli_warning(&s->console, s->options.uri, "%s were lost", lost.text);
        return status;
    }
    (void)snncli_fail(&s->console, SNNCLI_EXIT_IO, s->options.uri, "%s were lost", lost.text);
    snncli_hint(&s->console, "snndev info shows where; --allow-loss accepts it");
    return SNNCLI_EXIT_IO;
}

static int run_samples(struct run *run)
{
    struct snndev_session *s = run->session;
    const struct snndev_options *o = &s->options;
    const uint64_t left = snn_source_count(s->source) - o->offset;
    const uint64_t wanted = o->samples > 0 ? o->samples : o->to != NULL ? left : SAMPLES_DEFAULT;
    const uint64_t count = wanted < left ? wanted : left;
    const double start_s = snndev_now_s();
    struct snn_device_statistics have;
    int status = SNNCLI_EXIT_OK;
    if (s->result.out != NULL) open_json(run);
    snncli_progress_init(&s->progress, &s->console, "running", "samples", count);
    for (uint64_t i = 0; status == SNNCLI_EXIT_OK && i < count; i++) {
        snncli_progress_update(&s->progress, i, 0);
        status = run_sample(run, o->offset + i);
    }
    snncli_progress_finish(&s->progress);
    const double seconds = snndev_now_s() - start_s;
    if (status != SNNCLI_EXIT_OK && status != SNNCLI_EXIT_INTERRUPTED) return status;
    int read = snndev_read_statistics(s, &have);
    if (read != SNNCLI_EXIT_OK) return read;
    if (s->result.out != NULL) print_end_json(run, &have, seconds);
    if (snndev_wants_text(s)) read = print_text(run, &have, seconds);
    if (status == SNNCLI_EXIT_INTERRUPTED)
        snncli_warning(&s->console, NULL, "interrupted: %llu of %llu samples were run",
                       (unsigned long long)run->done, (unsigned long long)count);
    return read != SNNCLI_EXIT_OK ? read : judge_loss(run, status);
}

static int run_on(struct snndev_session *s, const char *uri)
{
    static const struct snncli_column columns[] = {
        {"sample", SNNCLI_RIGHT}, {"label", SNNCLI_RIGHT}, {"predicted", SNNCLI_RIGHT},
        {"first", SNNCLI_RIGHT},  {"spikes", SNNCLI_LEFT}, {NULL, SNNCLI_LEFT}};
    struct run run = {.session = s};
    int status = snndev_open(s, uri);
    if (status == SNNCLI_EXIT_OK) status = snndev_make_program(s);
    if (status == SNNCLI_EXIT_OK) status = snndev_open_data(s);
    if (status == SNNCLI_EXIT_OK)
        status = snndev_put_program(s, snndev_wants_text(s) ? stdout : NULL, NULL);
    if (status != SNNCLI_EXIT_OK) return status;
    if (snndev_wants_text(s)) putchar('\n');
    run.play.item = count_item;
    run.play.go_on = go_on;
    run.play.user = &run;
    run.counts = calloc(s->program->class_count, sizeof(*run.counts));
    snncli_table_init(&run.table, columns);
    status = run.counts != NULL ? snndev_play_open(&run.play, s) : snndev_fail_memory(s);
    if (status == SNNCLI_EXIT_OK) status = run_samples(&run);
    snndev_play_close(&run.play);
    snncli_table_fini(&run.table);
    free(run.counts);
    return status;
}

int snndev_run(struct snndev_session *s)
{
    return run_on(s, s->options.uri);
}

/* A tape in the device's place. */
static int replay_session(struct snndev_session *s)
{
    static const char scheme[] = "replay:";
    const char *file = s->options.uri;
    const size_t size = sizeof(scheme) + strlen(file);
    char *uri = malloc(size);
    if (uri == NULL) return snndev_fail_memory(s);
    (void)snprintf(uri, size, "%s%s", scheme, file);
    int status = run_on(s, uri);
    if (status == SNNCLI_EXIT_DATA && s->device == NULL)
        snncli_hint(&s->console, "events go to a device: snndev replay %s MODEL --to URI", file);
    free(uri);
    if (status == SNNCLI_EXIT_OK && snndev_wants_text(s)) puts("as recorded, to the last byte");
    return status;
}

int snndev_replay(struct snndev_session *s)
{
    if (s->options.to == NULL) return replay_session(s);
    s->options.data = s->options.uri;
    s->options.uri = s->options.to;
    return run_on(s, s->options.uri);
}
