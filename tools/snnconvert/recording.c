/* --info of recordings: each is gone through once, and what was counted told as text or as JSON
 * (docs/formats/info.md).
 */
#include "tools/snnconvert/recording.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/cli/interrupt.h"
#include "tools/cli/json.h"

enum { BATCH = 4096, PEAK_US = 1000 };

static bool is_folder(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

/* Guessing reads from a file: what comes through a pipe would be gone. It fails in a context of its
 * own, where it takes no error's place. */
bool snnconvert_is_recording(struct snnconvert_session *s)
{
    struct snn_context *silent = NULL;
    struct stat about;
    const char *path = s->options.model;
    if (stat(path, &about) != 0) return false;
    if (!S_ISREG(about.st_mode) && !S_ISDIR(about.st_mode)) return false;
    if (snn_context_create(&silent, NULL) != SNN_OK) return false;
    const bool events = snn_source_guess(silent, path) == SNN_SOURCE_EVENTS;
    snn_context_destroy(&silent);
    return events;
}

/* ---- Counting ---- */

struct counter {
    struct snnconvert_recording *recording;
    bool begun;
    uint64_t first_us, bin, in_bin; /* the millisecond at hand, and its events */
};

static void count_event(struct counter *c, const struct snn_camera_event *event)
{
    struct snnconvert_recording *r = c->recording;
    if (!c->begun) {
        c->begun = true;
        c->first_us = event->time_us;
        r->first_x = r->last_x = event->x;
        r->first_y = r->last_y = event->y;
    }
    const uint64_t bin = (event->time_us - c->first_us) / PEAK_US;
    if (bin != c->bin) c->in_bin = 0;
    c->bin = bin;
    if (++c->in_bin > r->peak_count) r->peak_count = c->in_bin;
    if (event->x < r->first_x) r->first_x = event->x;
    if (event->x > r->last_x) r->last_x = event->x;
    if (event->y < r->first_y) r->first_y = event->y;
    if (event->y > r->last_y) r->last_y = event->y;
}

static int count_events(struct snnconvert_session *s, struct snn_recording *recording,
                        struct snnconvert_recording *out)
{
    struct snn_camera_event events[BATCH];
    struct counter counter = {.recording = out};
    size_t count = 0;
    do {
        if (snncli_interrupt_pending())
            return snncli_fail(&s->console, SNNCLI_EXIT_INTERRUPTED, NULL, "%s",
                               snn_status_text(SNN_ERR_CANCELLED));
        if (snn_recording_read(recording, s->context, events, BATCH, &count) != SNN_OK)
            return snncli_fail_context(&s->console, s->context, NULL);
        for (size_t i = 0; i < count; i++)
            count_event(&counter, &events[i]);
    } while (count > 0);
    snn_recording_describe(recording, &out->info);
    out->path = strdup(snn_recording_path(recording));
    if (out->path != NULL) return SNNCLI_EXIT_OK;
    return snncli_fail(&s->console, SNNCLI_EXIT_NO_MEMORY, NULL, "%s",
                       snn_status_text(SNN_ERR_NOMEM));
}

static int make_room(struct snnconvert_session *s, struct snnconvert_recordings *out, size_t count)
{
    out->items = calloc(count, sizeof(*out->items));
    out->count = out->items != NULL ? count : 0;
    if (out->items != NULL) return SNNCLI_EXIT_OK;
    return snncli_fail(&s->console, SNNCLI_EXIT_NO_MEMORY, NULL, "%s",
                       snn_status_text(SNN_ERR_NOMEM));
}

static int read_file(struct snnconvert_session *s, struct snnconvert_recordings *out)
{
    const struct snn_recording_options options = {.view = s->options.view,
                                                  .go_on = snncli_interrupt_go_on};
    struct snn_recording *recording = NULL;
    int status = make_room(s, out, 1);
    if (status != SNNCLI_EXIT_OK) return status;
    out->items[0].label = -1;
    if (snn_recording_open(&recording, s->context, s->options.model, &options) != SNN_OK)
        return snncli_fail_context(&s->console, s->context, NULL);
    status = count_events(s, recording, &out->items[0]);
    snn_recording_close(&recording);
    return status;
}

static int read_folder(struct snnconvert_session *s, struct snnconvert_recordings *out)
{
    const struct snn_source_options options = {.view = s->options.view};
    snncli_interrupt_at_once(true);
    int opened =
        snn_source_open(&s->source, s->context, s->options.model, SNN_SOURCE_EVENTS, &options);
    snncli_interrupt_at_once(false);
    if (opened != SNN_OK) return snncli_fail_context(&s->console, s->context, NULL);
    out->labelled = snn_source_has_labels(s->source);
    int status = make_room(s, out, (size_t)snn_source_count(s->source));
    for (size_t i = 0; status == SNNCLI_EXIT_OK && i < out->count; i++) {
        struct snn_recording *recording = NULL;
        out->items[i].label = snn_source_label(s->source, i);
        if (snn_source_recording(&recording, s->context, s->source, i) != SNN_OK)
            return snncli_fail_context(&s->console, s->context, NULL);
        status = count_events(s, recording, &out->items[i]);
        snn_recording_close(&recording);
    }
    return status;
}

double snnconvert_recording_rate(const struct snnconvert_recording *r)
{
    const uint64_t duration = r->info.last_us - r->info.first_us;
    return duration > 0 ? (double)r->info.event_count * 1e6 / (double)duration : (double)NAN;
}

bool snnconvert_sees_one_polarity(const struct snnconvert_session *s)
{
    static const char *const words[] = {"polarity=on", "polarity=off", "polarity=merge"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]) && s->options.view != NULL; i++) {
        if (strstr(s->options.view, words[i]) != NULL) return true;
    }
    return false;
}

/* ---- JSON ---- */

static void put_size(struct snncli_json *json, const char *key, uint32_t size)
{
    if (size > 0)
        snncli_json_count(json, key, size);
    else
        snncli_json_null(json, key);
}

static void put_range(struct snncli_json *json, const char *key, uint64_t first, uint64_t last)
{
    snncli_json_open(json, key, '[');
    snncli_json_count(json, NULL, first);
    snncli_json_count(json, NULL, last);
    snncli_json_close(json, ']');
}

static void put_recording(struct snncli_json *json, const struct snnconvert_session *s,
                          const struct snnconvert_recording *r)
{
    const struct snn_recording_info *info = &r->info;
    const char *folder = s->options.model;
    const size_t size = strlen(folder);
    const char *name = snnconvert_base_name(r->path);
    if (strncmp(r->path, folder, size) == 0 && strcmp(r->path, folder) != 0)
        name = r->path + size + strspn(r->path + size, "/");
    snncli_json_open(json, NULL, '{');
    snncli_json_text(json, "file", name);
    if (r->label >= 0)
        snncli_json_count(json, "label", (uint64_t)r->label);
    else
        snncli_json_null(json, "label");
    snncli_json_text(json, "format", info->format);
    put_size(json, "width", info->width);
    put_size(json, "height", info->height);
    snncli_json_count(json, "events", info->event_count);
    if (snnconvert_sees_one_polarity(s)) {
        snncli_json_null(json, "on");
        snncli_json_null(json, "off");
    } else {
        snncli_json_count(json, "on", info->on_count);
        snncli_json_count(json, "off", info->event_count - info->on_count);
    }
    snncli_json_count(json, "first_us", info->first_us);
    snncli_json_count(json, "last_us", info->last_us);
    snncli_json_count(json, "duration_us", info->last_us - info->first_us);
    snncli_json_number(json, "rate_mean", snnconvert_recording_rate(r));
    snncli_json_number(json, "rate_peak", (double)r->peak_count * 1e6 / PEAK_US);
    put_range(json, "x", r->first_x, r->last_x);
    put_range(json, "y", r->first_y, r->last_y);
    snncli_json_count(json, "unseen", info->unseen_count);
    snncli_json_count(json, "others", info->other_count);
    snncli_json_count(json, "late", info->late_count);
    snncli_json_count(json, "late_max_us", info->late_max_us);
    snncli_json_count(json, "invalid", info->invalid_count);
    snncli_json_close(json, '}');
}

static void put_document(FILE *out, const struct snnconvert_session *s,
                         const struct snnconvert_recordings *recordings)
{
    struct snncli_json json = {.out = out};
    snncli_json_open(&json, NULL, '{');
    snncli_json_text(&json, "schema", "snn.recording/1");
    snncli_json_open(&json, "tool", '{');
    snncli_json_text(&json, "name", snnconvert_tool.name);
    snncli_json_text(&json, "version", snn_version());
    snncli_json_close(&json, '}');
    if (s->options.view != NULL)
        snncli_json_text(&json, "view", s->options.view);
    else
        snncli_json_null(&json, "view");
    snncli_json_open(&json, "recordings", '[');
    for (size_t i = 0; i < recordings->count; i++)
        put_recording(&json, s, &recordings->items[i]);
    snncli_json_close(&json, ']');
    snncli_json_close(&json, '}');
    snncli_json_finish(&json);
}

static int write_document(struct snnconvert_session *s,
                          const struct snnconvert_recordings *recordings)
{
    char *text = NULL;
    size_t size = 0;
    if (strcmp(s->options.json, "-") == 0) {
        put_document(stdout, s, recordings);
        return SNNCLI_EXIT_OK;
    }
    FILE *out = open_memstream(&text, &size);
    if (out != NULL) put_document(out, s, recordings);
    if (out == NULL || fclose(out) != 0) {
        free(text);
        return snncli_fail(&s->console, SNNCLI_EXIT_NO_MEMORY, NULL, "%s",
                           snn_status_text(SNN_ERR_NOMEM));
    }
    const size_t before = s->console.error_count;
    int status = snn_file_save(s->context, s->options.json, text, size);
    free(text);
    return status == SNN_OK ? SNNCLI_EXIT_OK : snnconvert_fail_output(s, before);
}

/* ---- The whole ---- */

static void release(struct snnconvert_recordings *recordings)
{
    for (size_t i = 0; i < recordings->count; i++)
        free(recordings->items[i].path);
    free(recordings->items);
}

int snnconvert_about_recording(struct snnconvert_session *s)
{
    struct snnconvert_recordings all = {.is_folder = is_folder(s->options.model)};
    int status = all.is_folder ? read_folder(s, &all) : read_file(s, &all);
    if (status == SNNCLI_EXIT_OK && s->options.info) status = snnconvert_recordings_print(s, &all);
    if (status == SNNCLI_EXIT_OK && s->options.json != NULL) status = write_document(s, &all);
    release(&all);
    return status;
}
