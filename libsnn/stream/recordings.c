/* A data set of recordings: a folder's files -> how many events each has, where and how long.
 *
 * Each file is read once from end to end when the set is opened, so that what is wrong with any of
 * them is told before a run begins, and again whenever its sample's turn comes; no event is kept.
 * Only a file that can be read but once, a pipe, stays in memory.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "libsnn/base/buffer.h"
#include "libsnn/base/error.h"
#include "libsnn/base/file.h"
#include "libsnn/base/hash.h"
#include "libsnn/base/inflate.h"
#include "libsnn/base/memory.h"
#include "libsnn/base/reader.h"
#include "libsnn/stream/recording.h"
#include "libsnn/stream/source.h"

enum { POLARITIES = 2, BATCH = 4096, VIEW_SIZE = 200, WORD_SIZE = 48, SIDE_MAX = 65536 };

/* What all files together turn out to be. */
struct scan {
    struct snn_camera_event *batch; /* [BATCH] */
    const struct snnstream_view *view;
    const struct snn_source_options *options;
    uint32_t width, height;               /* that the events take up */
    uint32_t sensor_width, sensor_height; /* that files tell, as the view sees it */
    uint64_t event_count;
    uint64_t late_count, late_max_us, invalid_count;
    const char *late_path, *invalid_path; /* the first that has such; NULL: none */
};

/* ---- One file ---- */

static void extend(struct scan *scan, const struct snn_camera_event *events, size_t count)
{
    uint32_t width = scan->width, height = scan->height;
    for (size_t i = 0; i < count; i++) {
        if (events[i].x >= width) width = events[i].x + 1u;
        if (events[i].y >= height) height = events[i].y + 1u;
    }
    scan->width = width;
    scan->height = height;
}

static void sum_up(struct scan *scan, struct snnstream_recordings *set, size_t index,
                   const struct snn_recording *recording)
{
    struct snnstream_recording_entry *entry = &set->entries[index];
    struct snn_recording_info info;
    snn_recording_describe(recording, &info);
    entry->event_count = info.event_count;
    entry->stamp = snnstream_recording_stamp(recording);
    scan->event_count += info.event_count;
    scan->late_count += info.late_count;
    scan->invalid_count += info.invalid_count;
    if (info.late_max_us > scan->late_max_us) scan->late_max_us = info.late_max_us;
    if (info.late_count > 0 && scan->late_path == NULL) scan->late_path = entry->path;
    if (info.invalid_count > 0 && scan->invalid_path == NULL) scan->invalid_path = entry->path;
    if (info.width > 0 && info.height > 0) {
        snnstream_view_size(scan->view, &info.width, &info.height);
        if (info.width > scan->sensor_width) scan->sensor_width = info.width;
        if (info.height > scan->sensor_height) scan->sensor_height = info.height;
    }
    const uint64_t duration_us = info.event_count > 0 ? info.last_us - info.first_us + 1 : 0;
    if (duration_us > set->duration_us) set->duration_us = duration_us;
    set->digest = snnbase_hash(set->digest, snnstream_recording_sum(recording));
    set->digest = snnbase_hash(set->digest, info.event_count);
    set->digest = snnbase_hash(set->digest, (uint32_t)entry->label);
}

static int scan_file(struct scan *scan, struct snnstream_recordings *set,
                     struct snn_context *context, size_t index, bool in_folder)
{
    struct snnstream_recording_entry *entry = &set->entries[index];
    struct snnstream_recording_spec spec = {.path = entry->path,
                                            .view = &set->view,
                                            .shape = set->shape,
                                            .go_on = scan->options->go_on,
                                            .user = scan->options->user,
                                            .in_folder = in_folder,
                                            .sums = true};
    struct snn_recording *recording = NULL;
    size_t count = 1;
    if (entry->bytes == NULL && !snnbase_reader_can_repeat(entry->path)) {
        struct snnbase_buffer bytes = {.data = NULL};
        int status = snnbase_file_read(context, entry->path, &bytes);
        entry->bytes = bytes.data;
        entry->size = bytes.size;
        if (status != SNN_OK) return status;
    }
    spec.bytes = entry->bytes;
    spec.size = entry->size;
    int status = snnstream_recording_open(&recording, context, &spec);
    while (status == SNN_OK && count > 0) {
        status = snn_recording_read(recording, context, scan->batch, BATCH, &count);
        if (status == SNN_OK) extend(scan, scan->batch, count);
    }
    if (status == SNN_OK) sum_up(scan, set, index, recording);
    snn_recording_close(&recording);
    return status;
}

/* ---- All of them ---- */

static int make_entries(struct snnstream_recordings *set, struct snn_context *context,
                        struct snnbase_buffer *have)
{
    const struct snnstream_folder *folder = &set->folder;
    set->entries = snnbase_alloc(context, folder->count, sizeof(*set->entries));
    if (set->entries == NULL) return SNN_ERR_NOMEM;
    set->count = folder->count;
    for (size_t i = 0; i < folder->count; i++) {
        set->entries[i].path = folder->entries[i].path;
        set->entries[i].label = folder->entries[i].label;
    }
    if (!folder->is_file || have->data == NULL) return SNN_OK;
    set->entries[0].bytes = have->data;
    set->entries[0].size = have->size;
    *have = (struct snnbase_buffer){.data = NULL};
    return SNN_OK;
}

static int scan_files(struct scan *scan, struct snnstream_recordings *set,
                      struct snn_context *context)
{
    scan->batch = snnbase_alloc(context, BATCH, sizeof(*scan->batch));
    if (scan->batch == NULL) return SNN_ERR_NOMEM;
    for (size_t i = 0; i < set->count; i++) {
        int status = scan_file(scan, set, context, i, !set->folder.is_file);
        if (status != SNN_OK) return status;
    }
    if (scan->event_count > 0) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_FORMAT, "%s: not a single event", set->entries[0].path);
}

static void warn(const struct scan *scan, struct snn_context *context)
{
    if (scan->late_path != NULL)
        snnbase_diagnose(context, SNN_SEVERITY_WARNING, NULL, NULL,
                         "%s: events whose time steps back: %" PRIu64 ", by %" PRIu64
                         " us at most; they are taken to be of the time before them",
                         scan->late_path, scan->late_count, scan->late_max_us);
    if (scan->invalid_path != NULL)
        snnbase_diagnose(context, SNN_SEVERITY_WARNING, NULL, NULL,
                         "%s: events or words that make no sense: %" PRIu64 "; they are left out",
                         scan->invalid_path, scan->invalid_count);
}

/* ---- Sizes ---- */

/* Along one axis: what is seen now, in pixels behind the pool, and how many there may be. */
struct side {
    uint32_t pool, first, size, want;
    bool cuts;
};

/* First and last pixel of what is seen now, behind another pool. */
static uint32_t first_behind(struct side side, uint32_t pool)
{
    return (uint32_t)((uint64_t)side.first * side.pool / pool);
}

static uint32_t last_behind(struct side side, uint32_t pool)
{
    return (uint32_t)(((uint64_t)(side.first + side.size) * side.pool - 1) / pool);
}

static uint32_t size_behind(struct side side, uint32_t pool)
{
    return last_behind(side, pool) - first_behind(side, pool) + 1;
}

/* Adds a word to a view. */
static void put_word(char *view, const char *word, size_t size)
{
    const size_t at = strlen(view);
    snprintf(view + at, VIEW_SIZE - at, "%s%.*s", at > 0 ? "," : "", (int)size, word);
}

/* What the view says of neither pool nor cut, with others in their place. */
static void put_view(char *out, const char *text, const char *pool, const char *cut)
{
    out[0] = '\0';
    while (text != NULL && *text != '\0') {
        const size_t size = strcspn(text, ",");
        if (size > 0 && strncmp(text, "pool=", 5) != 0 && strncmp(text, "cut=", 4) != 0)
            put_word(out, text, size);
        text += size + (text[size] == ',');
    }
    if (pool[0] != '\0') put_word(out, pool, strlen(pool));
    if (cut[0] != '\0') put_word(out, cut, strlen(cut));
}

static void name_pool(char *out, uint32_t y, uint32_t x)
{
    out[0] = '\0';
    if (x == y && x > 1) snprintf(out, WORD_SIZE, "pool=%" PRIu32, x);
    if (x != y) snprintf(out, WORD_SIZE, "pool=%" PRIu32 ":%" PRIu32, y, x);
}

/* The smallest pool behind which all of it fits; one of oblong pixels keeps their form. */
static void put_shrunk(char *out, const char *text, struct side x, struct side y)
{
    const bool square = x.pool == y.pool;
    const uint32_t unit_x = square ? 1 : x.pool, unit_y = square ? 1 : y.pool;
    char pool[WORD_SIZE], cut[WORD_SIZE] = "";
    uint32_t by = 1;
    while (size_behind(x, by * unit_x) > x.want || size_behind(y, by * unit_y) > y.want)
        by++;
    const uint32_t pool_x = by * unit_x, pool_y = by * unit_y;
    name_pool(pool, pool_y, pool_x);
    if (x.cuts)
        snprintf(cut, sizeof(cut), "cut=%" PRIu32 ":%" PRIu32 ":%" PRIu32 ":%" PRIu32,
                 first_behind(x, pool_x), first_behind(y, pool_y), last_behind(x, pool_x),
                 last_behind(y, pool_y));
    put_view(out, text, pool, cut);
}

static void put_middle(char *out, const char *text, struct side x, struct side y)
{
    const uint32_t wide = x.size < x.want ? x.size : x.want;
    const uint32_t high = y.size < y.want ? y.size : y.want;
    const uint32_t left = x.first + (x.size - wide) / 2, top = y.first + (y.size - high) / 2;
    char pool[WORD_SIZE], cut[WORD_SIZE];
    name_pool(pool, y.pool, x.pool);
    snprintf(cut, sizeof(cut), "cut=%" PRIu32 ":%" PRIu32 ":%" PRIu32 ":%" PRIu32, left, top,
             left + wide - 1, top + high - 1);
    put_view(out, text, pool, cut);
}

/* Whole views, with all else that was asked for, under which a picture of this size (behind the
 * view) fits: shrunk, or its middle. */
static int hint_fit(struct snn_context *context, const struct snnstream_view *view,
                    const char *text, struct snn_shape have, struct snn_shape want)
{
    char shrunk[VIEW_SIZE], middle[VIEW_SIZE];
    const bool turned = view->diagonal; /* after all else */
    const struct side x = {view->pool_x, view->cuts ? view->first_x : 0,
                           turned ? have.height : have.width, turned ? want.height : want.width,
                           view->cuts};
    const struct side y = {view->pool_y, view->cuts ? view->first_y : 0,
                           turned ? have.width : have.height, turned ? want.width : want.height,
                           view->cuts};
    if (text != NULL && strlen(text) + 2 * WORD_SIZE > VIEW_SIZE)
        return snnbase_hint(context, "a larger pool= shrinks it, a smaller cut= shows less");
    put_shrunk(shrunk, text, x, y);
    put_middle(middle, text, x, y);
    return snnbase_hint(context, "as a view, %s shrinks it, %s takes the middle", shrunk, middle);
}

/* What is seen of the sensor: as files tell, or as far as events lie. */
static uint32_t seen_side(uint32_t events, uint32_t sensor)
{
    const uint32_t size = sensor > events ? sensor : events;
    return size < SIDE_MAX ? size : SIDE_MAX;
}

/* The sensor that all events lie on: what is asked for, or what files tell, or what events need. */
static int find_shape(struct snnstream_recordings *set, struct snn_context *context,
                      const char *path, const struct scan *scan,
                      const struct snn_source_options *options)
{
    const uint32_t polarities = snnstream_view_has_one(&set->view) ? 1 : POLARITIES;
    const struct snn_shape asked = options->shape;
    set->shape = asked;
    if (asked.channels == 0) {
        const bool told = scan->sensor_width >= scan->width && scan->sensor_height >= scan->height;
        set->shape = (struct snn_shape){polarities, told ? scan->sensor_height : scan->height,
                                        told ? scan->sensor_width : scan->width};
        return SNN_OK;
    }
    if (asked.channels > polarities)
        return snnbase_fail(context, SNN_ERR_UNSUPPORTED,
                            "%s: events have %u polarities, %u channels are wanted", path,
                            polarities, asked.channels);
    if (scan->height <= asked.height && scan->width <= asked.width) return SNN_OK;
    const struct snn_shape have = {polarities, seen_side(scan->height, scan->sensor_height),
                                   seen_side(scan->width, scan->sensor_width)};
    snnbase_fail(context, SNN_ERR_FORMAT,
                 "%s: events at up to %ux%u (width x height), a sensor of %ux%u is wanted", path,
                 have.width, have.height, asked.width, asked.height);
    return hint_fit(context, &set->view, options->view, have, asked);
}

int snnstream_recordings_open(struct snnstream_recordings *out, struct snn_context *context,
                              const char *path, struct snnbase_buffer *have,
                              const struct snn_source_options *options)
{
    const struct snn_source_options none = {.labels = NULL};
    if (options == NULL) options = &none;
    struct scan scan = {.view = &out->view, .options = options};
    out->shape = options->shape;
    int status = snnstream_folder_list(&out->folder, context, path, options->labels);
    if (status == SNN_OK) status = snnstream_view_parse(&out->view, context, options->view);
    if (status == SNN_OK) status = make_entries(out, context, have);
    if (status == SNN_OK) status = scan_files(&scan, out, context);
    snnbase_free(context, scan.batch);
    if (status == SNN_OK) status = find_shape(out, context, path, &scan, options);
    if (status == SNN_OK) status = snnstream_source_check_shape(context, path, out->shape);
    if (status != SNN_OK) return status;
    warn(&scan, context);
    if (options->view != NULL)
        out->digest =
            snnbase_hash(out->digest, snnbase_crc32(0, options->view, strlen(options->view)));
    return SNN_OK;
}

void snnstream_recordings_fini(struct snnstream_recordings *set,
                               const struct snn_allocator *allocator)
{
    for (uint64_t i = 0; i < set->count; i++)
        snnbase_allocator_free(allocator, set->entries[i].bytes);
    snnbase_allocator_free(allocator, set->entries);
    snnstream_folder_fini(&set->folder);
}

int snnstream_recordings_read(struct snn_recording **out, struct snn_context *context,
                              const struct snnstream_recordings *set, uint64_t index)
{
    const struct snnstream_recording_entry *entry = &set->entries[index];
    const struct snnstream_recording_spec spec = {.path = entry->path,
                                                  .view = &set->view,
                                                  .bytes = entry->bytes,
                                                  .size = entry->size,
                                                  .shape = set->shape};
    struct snn_recording *recording = NULL;
    int status = snnstream_recording_open(&recording, context, &spec);
    if (status != SNN_OK) return status;
    if (snnstream_recording_stamp(recording) == entry->stamp) {
        *out = recording;
        return SNN_OK;
    }
    snn_recording_close(&recording);
    return snnstream_recordings_fail_changed(context, set, index);
}

int snnstream_recordings_fail_changed(struct snn_context *context,
                                      const struct snnstream_recordings *set, uint64_t index)
{
    snnbase_fail(context, SNN_ERR_IO, "%s: has changed since it was opened",
                 set->entries[index].path);
    return snnbase_hint(context, "leave recordings alone while they are read");
}
