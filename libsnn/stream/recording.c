/* One recording: a file -> windows of its bytes -> a format's decoder -> events in the order of
 * time -> the view -> whoever reads.
 *
 * Memory is the window, the format's state and nothing else: what was decoded is handed out at
 * once. A window grows only behind bytes that are there, so that a length in a file that lies costs
 * nothing. Which recordings make a data set is for recordings.c to say.
 */
#include "libsnn/stream/recording.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/inflate.h"
#include "libsnn/base/memory.h"
#include "libsnn/base/reader.h"
#include "libsnn/stream/clock.h"
#include "libsnn/stream/format.h"
#include "libsnn/stream/view.h"

enum { HEAD_SIZE = 4096, WINDOW_SIZE = 65536, SUMMARIES_SIZE = 800 };

/* Times are counted, added and subtracted below this. */
#define TIME_MAX_US (UINT64_C(1) << 62)

struct snn_recording {
    struct snn_allocator allocator;
    struct snnbase_reader *reader;
    const struct snnstream_format_ops *format;
    void *state;
    bool begun; /* the state is to be finished */
    struct snnstream_view view;
    struct snn_shape shape; /* behind the view, where the file does not say it */
    bool bounded;           /* nothing may lie beyond it */
    bool (*go_on)(void *user);
    void *user;

    unsigned char *bytes; /* [capacity], of which those from begin to end are at hand */
    size_t capacity, begin, end;
    uint64_t offset; /* of begin, in the unpacked file */
    bool ended;      /* nothing is behind them */
    bool broken;     /* an error was told */
    bool sums;
    bool started; /* there was an event */
    uint32_t sum; /* CRC-32 of what was read */

    uint64_t start_us; /* of the first event, seen or not */
    uint64_t time_us;  /* of the latest event */
    uint64_t decoded;  /* events */
    struct snn_recording_info info;
    char path[]; /* for messages */
};

/* ---- The window ---- */

static int make_room(struct snn_recording *r, struct snn_context *context)
{
    const size_t held = r->end - r->begin;
    if (r->begin > 0) {
        memmove(r->bytes, r->bytes + r->begin, held);
        r->begin = 0;
        r->end = held;
    }
    if (held < r->capacity) return SNN_OK;
    /* One byte more than the limit, for the end to be seen behind a file that just keeps it. */
    const uint64_t limit = snnbase_limits(context)->file_bytes;
    const uint64_t most = limit < SIZE_MAX ? limit + 1 : SIZE_MAX;
    if (r->capacity >= most)
        return snnbase_fail(context, SNN_ERR_LIMIT,
                            "%s: byte %" PRIu64 ": a piece of more than the limit of %" PRIu64
                            " bytes",
                            r->path, r->offset, limit);
    const size_t capacity = r->capacity < most / 2 ? 2 * r->capacity : (size_t)most;
    unsigned char *bytes = snnbase_allocator_alloc(&r->allocator, capacity);
    if (bytes == NULL)
        return snnbase_fail(context, SNN_ERR_NOMEM, "%s: out of memory: %zu bytes wanted", r->path,
                            capacity);
    memcpy(bytes, r->bytes, held);
    snnbase_allocator_free(&r->allocator, r->bytes);
    r->bytes = bytes;
    r->capacity = capacity;
    return SNN_OK;
}

/* Time is bounded by the size of the file. */
static int check_ratio(const struct snn_recording *r, struct snn_context *context)
{
    const uint64_t packed = snnbase_reader_taken(r->reader);
    if (r->offset + (r->end - r->begin) <= snnbase_unpacked_max(packed)) return SNN_OK;
    snnbase_fail(context, SNN_ERR_LIMIT,
                 "%s: packed byte %" PRIu64 ": unpacks to more than %d times its size", r->path,
                 packed, SNNBASE_UNPACKED_RATIO);
    return snnbase_hint(context, "no recording does; if it is one, unpack it before (gunzip)");
}

/* Reads on until so many bytes are at hand, or all that are left. */
static int fill(struct snn_recording *r, struct snn_context *context, size_t wanted)
{
    while (!r->ended && r->end - r->begin < wanted) {
        size_t got = 0;
        int status = make_room(r, context);
        if (status == SNN_OK)
            status = snnbase_reader_read(r->reader, context, r->bytes + r->end,
                                         r->capacity - r->end, &got);
        if (status != SNN_OK) return status;
        if (r->sums) r->sum = snnbase_crc32(r->sum, r->bytes + r->end, got);
        r->end += got;
        r->ended = got == 0;
        status = check_ratio(r, context);
        if (status != SNN_OK) return status;
    }
    return SNN_OK;
}

/* ---- Opening ---- */

static const struct snnstream_format_ops *find_format(const unsigned char *head, size_t size,
                                                      uint64_t file_size)
{
    const struct snnstream_format_ops *best = NULL;
    int best_score = 0;
    for (size_t i = 0; snn_recording_table[i] != NULL; i++) {
        const int score = snn_recording_table[i]->probe(head, size, file_size);
        if (score <= best_score) continue;
        best = snn_recording_table[i];
        best_score = score;
    }
    return best;
}

int snnstream_recording_score(const unsigned char *head, size_t size)
{
    const struct snnstream_format_ops *format = find_format(head, size, 0);
    return format != NULL ? format->probe(head, size, 0) : 0;
}

void snnstream_recording_summaries(char *out, size_t size)
{
    out[0] = '\0';
    for (size_t i = 0, at = 0; snn_recording_table[i] != NULL && at < size; i++) {
        const int more = snprintf(out + at, size - at, "%s%s", i > 0 ? ", " : "",
                                  snn_recording_table[i]->summary);
        if (more > 0) at += (size_t)more;
    }
}

static int fail_unknown(struct snn_context *context, const struct snnstream_recording_spec *spec)
{
    char known[SUMMARIES_SIZE];
    snnstream_recording_summaries(known, sizeof(known));
    snnbase_fail(context, SNN_ERR_FORMAT, "%s: not a recording of events that is known",
                 spec->path);
    if (!spec->in_folder) return snnbase_hint(context, "accepted are %s", known);
    return snnbase_hint(context,
                        "a folder holds %s and nothing else, unless its labels.txt names them "
                        "(lines of NAME LABEL); or a folder of them a class: 0, 1, 2, ...",
                        known);
}

static int find(struct snn_recording *r, struct snn_context *context,
                const struct snnstream_recording_spec *spec)
{
    int status = fill(r, context, HEAD_SIZE);
    if (status != SNN_OK) return status;
    const size_t held = r->end - r->begin;
    if (held == 0) return snnbase_fail(context, SNN_ERR_FORMAT, "%s: the file is empty", r->path);
    r->format = find_format(r->bytes, held < HEAD_SIZE ? held : HEAD_SIZE,
                            r->ended ? held : snnbase_reader_size(r->reader));
    if (r->format == NULL) return fail_unknown(context, spec);
    r->info.format = r->format->name;
    if (snnstream_view_has_columns(&r->view) && !r->format->takes_columns)
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "%s: columns= and unit= go with tables, this is %s", r->path,
                            r->format->name);
    r->state = snnbase_allocator_alloc(&r->allocator, r->format->state_size);
    if (r->state == NULL) return snnbase_fail(context, SNN_ERR_NOMEM, "%s: out of memory", r->path);
    r->begun = true;
    if (r->format->begin == NULL) return SNN_OK;
    return r->format->begin(r->state, context, &r->view.columns);
}

static int open_reader(struct snn_recording *r, struct snn_context *context,
                       const struct snnstream_recording_spec *spec)
{
    int status = spec->bytes != NULL ? snnbase_reader_open_bytes(&r->reader, context, spec->path,
                                                                 spec->bytes, spec->size)
                                     : snnbase_reader_open(&r->reader, context, spec->path);
    if (status != SNN_OK) return status;
    /* A short file is had at once, and its end with it. */
    const uint64_t size = snnbase_reader_size(r->reader);
    r->capacity = size > 0 && size < WINDOW_SIZE ? (size_t)size + 1 : WINDOW_SIZE;
    r->bytes = snnbase_alloc(context, r->capacity, 1);
    return r->bytes != NULL ? SNN_OK : SNN_ERR_NOMEM;
}

int snnstream_recording_open(struct snn_recording **out, struct snn_context *context,
                             const struct snnstream_recording_spec *spec)
{
    const size_t size = strlen(spec->path) + 1;
    struct snn_recording *r = snnbase_alloc(context, 1, sizeof(*r) + size);
    if (r == NULL) return SNN_ERR_NOMEM;
    memcpy(r->path, spec->path, size);
    r->allocator = *snnbase_allocator(context);
    r->sums = spec->sums;
    r->view = *spec->view;
    r->shape = spec->shape;
    r->go_on = spec->go_on;
    r->user = spec->user;
    int status = open_reader(r, context, spec);
    if (status == SNN_OK) status = find(r, context, spec);
    if (status != SNN_OK) snn_recording_close(&r);
    if (status == SNN_OK) *out = r;
    return status;
}

int snn_recording_open(struct snn_recording **out, struct snn_context *context, const char *path,
                       const struct snn_recording_options *options)
{
    struct snnstream_view view;
    int status = snnstream_view_parse(&view, context, options != NULL ? options->view : NULL);
    if (status != SNN_OK) return status;
    struct snnstream_recording_spec spec = {.path = path, .view = &view};
    if (options != NULL) {
        spec.go_on = options->go_on;
        spec.user = options->user;
    }
    return snnstream_recording_open(out, context, &spec);
}

void snn_recording_close(struct snn_recording **recording)
{
    if (recording == NULL || *recording == NULL) return;
    struct snn_recording *r = *recording;
    const struct snn_allocator allocator = r->allocator;
    if (r->begun && r->format->fini != NULL) r->format->fini(r->state, &allocator);
    snnbase_allocator_free(&allocator, r->state);
    snnbase_allocator_free(&allocator, r->bytes);
    snnbase_reader_close(&r->reader);
    snnbase_allocator_free(&allocator, r);
    *recording = NULL;
}

/* ---- Events ---- */

/* An event before the latest one is taken to be of its time. */
static int take_late(struct snn_recording *r, struct snn_context *context, uint64_t number,
                     struct snn_camera_event *event)
{
    const uint64_t late = r->time_us - event->time_us;
    if (late > SNNSTREAM_LATE_MAX_US) {
        snnbase_fail(context, SNN_ERR_FORMAT,
                     "event %" PRIu64 ": time %" PRIu64 " us after %" PRIu64 " us", number,
                     event->time_us, r->time_us);
        return snnbase_hint(context,
                            "times may step back by %" PRIu64 " us: the file is damaged, or "
                            "several recordings stand in it",
                            SNNSTREAM_LATE_MAX_US);
    }
    r->info.late_count++;
    if (late > r->info.late_max_us) r->info.late_max_us = late;
    event->time_us = r->time_us;
    return SNN_OK;
}

/* Puts times in order and takes out what is off the sensor; *kept_out are left. */
static int check(struct snn_recording *r, struct snn_context *context,
                 struct snn_camera_event *events, size_t count, size_t *kept_out)
{
    struct snn_recording_info sensor = {.width = 0};
    size_t kept = 0;
    if (r->format->describe != NULL) r->format->describe(r->state, &sensor);
    const uint32_t width = sensor.width > 0 ? sensor.width : UINT32_MAX;
    const uint32_t height = sensor.height > 0 ? sensor.height : UINT32_MAX;
    for (size_t i = 0; i < count; i++) {
        struct snn_camera_event event = events[i];
        if (event.x >= width || event.y >= height) continue;
        if (event.time_us < r->time_us) {
            int status = take_late(r, context, r->decoded + i, &event);
            if (status != SNN_OK) return status;
        }
        r->time_us = event.time_us;
        events[kept++] = event;
    }
    r->info.invalid_count += count - kept;
    r->decoded += count;
    *kept_out = kept;
    if (r->time_us < TIME_MAX_US) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_FORMAT, "event %" PRIu64 ": a time of %" PRIu64 " us",
                        r->decoded - 1, r->time_us);
}

static void count_events(struct snn_recording *r, const struct snn_camera_event *events,
                         size_t count)
{
    if (count == 0) return;
    if (r->info.event_count == 0) r->info.first_us = events[0].time_us;
    r->info.event_count += count;
    r->info.last_us = events[count - 1].time_us;
    for (size_t i = 0; i < count; i++)
        r->info.on_count += events[i].polarity;
}

/* What is turned round without a cut is the whole picture: the file's, else the one asked for. */
static int fit_view(struct snn_recording *r, struct snn_context *context)
{
    struct snn_recording_info sensor = {.width = 0};
    if (r->format->describe != NULL) r->format->describe(r->state, &sensor);
    r->bounded = sensor.width == 0 || sensor.height == 0;
    if (r->bounded) {
        sensor.width = (r->view.diagonal ? r->shape.height : r->shape.width) * r->view.pool_x;
        sensor.height = (r->view.diagonal ? r->shape.width : r->shape.height) * r->view.pool_y;
    }
    if (sensor.width > 0 && sensor.height > 0) {
        snnstream_view_fit(&r->view, sensor.width, sensor.height);
        return SNN_OK;
    }
    snnbase_fail(context, SNN_ERR_INVALID,
                 "%s: mirror=x and mirror=y need to know how large the picture is, and the file "
                 "does not say it",
                 r->path);
    return snnbase_hint(context, "say it by cut=, e.g. cut=0:0:127:127");
}

/* That a picture only asked for cuts nothing off unseen. */
static int check_bounds(const struct snn_recording *r, struct snn_context *context,
                        const struct snn_camera_event *events, size_t count)
{
    const struct snnstream_view *view = &r->view;
    for (size_t i = 0; i < count; i++) {
        if (events[i].x / view->pool_x <= view->last_x &&
            events[i].y / view->pool_y <= view->last_y)
            continue;
        snnbase_fail(context, SNN_ERR_FORMAT,
                     "%s: an event at (%u, %u), a picture of %ux%u is to be turned round", r->path,
                     events[i].x, events[i].y, (view->last_x + 1) * view->pool_x,
                     (view->last_y + 1) * view->pool_y);
        return snnbase_hint(context, "the part that is to be seen is said by cut=");
    }
    return SNN_OK;
}

static int look(struct snn_recording *r, struct snn_context *context, struct snnstream_batch *batch,
                size_t count)
{
    int status = SNN_OK;
    if (count > 0 && !r->started) {
        r->start_us = batch->items[0].time_us;
        r->started = true;
        if (snnstream_view_wants_size(&r->view)) status = fit_view(r, context);
    }
    if (status == SNN_OK && r->bounded) status = check_bounds(r, context, batch->items, count);
    if (status != SNN_OK) return status;
    batch->count = snnstream_view_apply(&r->view, r->start_us, batch->items, count);
    r->info.unseen_count += count - batch->count;
    return SNN_OK;
}

/* One call of the decoder. *over: nothing more will come. */
static int decode(struct snn_recording *r, struct snn_context *context,
                  struct snnstream_batch *batch, bool *over)
{
    struct snnstream_window window = {.bytes = r->bytes + r->begin,
                                      .size = r->end - r->begin,
                                      .offset = r->offset,
                                      .last = r->ended};
    int status = r->format->decode(r->state, context, &window, batch);
    const uint64_t from = r->offset;
    size_t kept = 0;
    if (status == SNN_OK) {
        r->begin += window.taken;
        r->offset += window.taken;
        *over = window.taken == 0 && batch->count == 0;
        status = check(r, context, batch->items, batch->count, &kept);
        if (status != SNN_OK)
            snnbase_where(context, "bytes %" PRIu64 " to %" PRIu64, from, r->offset);
    }
    if (status != SNN_OK) return snnbase_where(context, "%s", r->path);
    if (*over && !r->ended) {
        *over = false;
        return fill(r, context, window.need > window.size ? window.need : window.size + 1);
    }
    if (*over && window.size > 0)
        return snnbase_fail(context, SNN_ERR_FORMAT, "%s: byte %" PRIu64 ": %zu bytes too many",
                            r->path, r->offset, window.size);
    status = look(r, context, batch, kept);
    /* Behind the span that is looked at nothing is seen any more. */
    *over = *over || (r->started && r->time_us - r->start_us >= r->view.to_us);
    return status;
}

int snn_recording_read(struct snn_recording *recording, struct snn_context *context,
                       struct snn_camera_event *events, size_t room, size_t *count_out)
{
    struct snnstream_batch batch = {.items = events, .room = room};
    bool over = false;
    if (recording->broken)
        return snnbase_fail(context, SNN_ERR_INVALID, "%s: read on behind an error",
                            recording->path);
    if (room == 0)
        return snnbase_fail(context, SNN_ERR_INVALID, "%s: room for no event", recording->path);
    while (batch.count == 0 && !over) {
        const bool stop = recording->go_on != NULL && !recording->go_on(recording->user);
        int status = stop ? snnbase_fail(context, SNN_ERR_CANCELLED, "%s: stopped in reading it",
                                         recording->path)
                          : decode(recording, context, &batch, &over);
        if (status == SNN_OK) continue;
        recording->broken = true;
        return status;
    }
    count_events(recording, events, batch.count);
    *count_out = batch.count;
    return SNN_OK;
}

const char *snn_recording_path(const struct snn_recording *recording)
{
    return recording->path;
}

void snn_recording_describe(const struct snn_recording *recording, struct snn_recording_info *out)
{
    *out = recording->info;
    if (recording->format->describe == NULL) return;
    out->invalid_count = 0;
    recording->format->describe(recording->state, out);
    out->invalid_count += recording->info.invalid_count;
}

uint64_t snnstream_recording_stamp(const struct snn_recording *recording)
{
    return snnbase_reader_stamp(recording->reader);
}

uint32_t snnstream_recording_sum(const struct snn_recording *recording)
{
    return recording->sum;
}
