/* Prophesee's RAW files: the header says which encoding its events have and in which order their
 * bytes lie; words go to evt2.c and evt3.c, always little-endian.
 *
 * Old files do not name the encoding, or the sensor's size; then the camera's system ID does, as in
 * Prophesee's own software. Where nothing does, the size is 0 and addresses may have all they can.
 */
#include "libsnn/stream/evt.h"

#include <inttypes.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/little.h"
#include "libsnn/stream/percent.h"

enum { NAME_MAX = 16, SCRATCH = 4096, SURE = 95, GUESS = 20, PENDING_TYPE_AT = 28 };

enum order { ORDER_UNSAID, LITTLE, BIG, HALVES };

/* An encoding. */
struct encoding {
    const char *name;   /* as info.format */
    const char *format; /* as in "% format NAME;..." */
    const char *evt;    /* as in "% evt NAME" */
    size_t word_size;
    size_t (*decode)(struct snnstream_evt_words *words, const unsigned char *bytes, size_t count,
                     struct snnstream_batch *out);
};

static const struct encoding encodings[] = {
    {"EVT 2.0 (.raw)", "EVT2", "2.0", 4, snnstream_evt2_decode},
    {"EVT 2.1 (.raw)", "EVT21", "2.1", 8, snnstream_evt21_decode},
    {"EVT 3.0 (.raw)", "EVT3", "3.0", 2, snnstream_evt3_decode},
};
enum { EVT2, EVT21, EVT3, ENCODINGS };

/* What a system ID tells of files that do not say it. Source: OpenEB, device_system_id.h and
 * psee_raw_file_header.cpp. */
static const struct {
    unsigned char id, encoding;
    uint16_t width, height;
} systems[] = {
    {0x15, EVT2, 640, 480},  {0x1c, EVT2, 640, 480},  {0x17, EVT2, 640, 480},
    {0x97, EVT2, 640, 480},  {0x19, EVT2, 640, 480},  {0x99, EVT2, 640, 480},
    {0x1d, EVT2, 640, 480},  {0x21, EVT2, 640, 480},  {0xa1, EVT2, 640, 480},
    {0x22, EVT2, 640, 480},  {0xa2, EVT2, 640, 480},  {0x23, EVT2, 640, 480},
    {0x29, EVT2, 640, 480},  {0x28, EVT3, 640, 480},  {0x1a, EVT2, 1280, 720},
    {0x1f, EVT2, 1280, 720}, {0x27, EVT2, 1280, 720}, {0x1e, EVT3, 1280, 720},
    {0x2e, EVT3, 1280, 720}, {0x30, EVT3, 1280, 720}, {0x31, EVT3, 1280, 720},
    {0x32, EVT3, 1280, 720},
};

struct evt {
    const struct encoding *encoding; /* NULL: not said yet */
    enum order order;
    uint32_t width, height, system_id;
    bool in_data;
    struct snnstream_evt_words words;
    unsigned char scratch[SCRATCH]; /* words put into order */
};

static bool is_text(const char *text, size_t size, const char *wanted)
{
    return size == strlen(wanted) && memcmp(text, wanted, size) == 0;
}

static int refuse_encoding(struct snn_context *context, const struct snnstream_percent_line *line,
                           const char *name, size_t size)
{
    snnbase_fail(context, SNN_ERR_UNSUPPORTED, "byte %" PRIu64 ": events are encoded as '%.*s'",
                 line->offset, size < NAME_MAX ? (int)size : NAME_MAX, name);
    return snnbase_hint(context, "EVT 2.0, EVT 2.1 and EVT 3.0 are read");
}

static int set_encoding(struct evt *evt, struct snn_context *context,
                        const struct snnstream_percent_line *line, const char *name, size_t size)
{
    const struct encoding *found = NULL;
    for (size_t i = 0; i < ENCODINGS; i++) {
        if (is_text(name, size, encodings[i].format) || is_text(name, size, encodings[i].evt))
            found = &encodings[i];
    }
    if (found == NULL) return refuse_encoding(context, line, name, size);
    if (evt->encoding != NULL && evt->encoding != found)
        return snnbase_fail(context, SNN_ERR_FORMAT,
                            "byte %" PRIu64 ": events are encoded as '%.*s', which was %s before",
                            line->offset, (int)size, name, evt->encoding->format);
    evt->encoding = found;
    return SNN_OK;
}

static int set_order(struct evt *evt, struct snn_context *context,
                     const struct snnstream_percent_line *line, const char *name, size_t size)
{
    if (is_text(name, size, "little"))
        evt->order = LITTLE;
    else if (is_text(name, size, "big"))
        evt->order = BIG;
    else if (is_text(name, size, "legacy"))
        evt->order = HALVES;
    else
        return snnbase_fail(context, SNN_ERR_UNSUPPORTED,
                            "byte %" PRIu64 ": endianness '%.*s' is none of little, big, legacy",
                            line->offset, size < NAME_MAX ? (int)size : NAME_MAX, name);
    return SNN_OK;
}

/* A word of the line "% format NAME;height=N;width=N;...". */
static int set_option(struct evt *evt, struct snn_context *context,
                      const struct snnstream_percent_line *line, const char *text, size_t size)
{
    static const char height[] = "height=", width[] = "width=", order[] = "endianness=";
    const size_t h = sizeof(height) - 1, w = sizeof(width) - 1, o = sizeof(order) - 1;
    if (size >= h && memcmp(text, height, h) == 0)
        return snnstream_percent_side(context, line, text + h, size - h, &evt->height);
    if (size >= w && memcmp(text, width, w) == 0)
        return snnstream_percent_side(context, line, text + w, size - w, &evt->width);
    if (size >= o && memcmp(text, order, o) == 0)
        return set_order(evt, context, line, text + o, size - o);
    return SNN_OK;
}

static int set_format(struct evt *evt, struct snn_context *context,
                      const struct snnstream_percent_line *line)
{
    const char *text = line->value;
    size_t left = line->value_size;
    for (bool first = true; left > 0; first = false) {
        const char *end = memchr(text, ';', left);
        const size_t size = end != NULL ? (size_t)(end - text) : left;
        int status = first ? set_encoding(evt, context, line, text, size)
                           : set_option(evt, context, line, text, size);
        if (status != SNN_OK) return status;
        left -= end != NULL ? size + 1 : size;
        text += end != NULL ? size + 1 : size;
    }
    return SNN_OK;
}

/* "% geometry 1280x720" */
static int set_geometry(struct evt *evt, struct snn_context *context,
                        const struct snnstream_percent_line *line)
{
    const char *x = memchr(line->value, 'x', line->value_size);
    const size_t size = x != NULL ? (size_t)(x - line->value) : line->value_size;
    const size_t rest = line->value_size - size;
    int status = snnstream_percent_side(context, line, line->value, size, &evt->width);
    if (status != SNN_OK) return status;
    return snnstream_percent_side(context, line, line->value + size + (rest > 0), rest - (rest > 0),
                                  &evt->height);
}

static int take_line(struct evt *evt, struct snn_context *context,
                     const struct snnstream_percent_line *line)
{
    if (snnstream_percent_key(line, "format")) return set_format(evt, context, line);
    if (snnstream_percent_key(line, "geometry")) return set_geometry(evt, context, line);
    if (snnstream_percent_key(line, "evt"))
        return set_encoding(evt, context, line, line->value, line->value_size);
    if (snnstream_percent_key(line, "endianness"))
        return set_order(evt, context, line, line->value, line->value_size);
    if (snnstream_percent_key(line, "width"))
        return snnstream_percent_side(context, line, line->value, line->value_size, &evt->width);
    if (snnstream_percent_key(line, "height"))
        return snnstream_percent_side(context, line, line->value, line->value_size, &evt->height);
    if (snnstream_percent_key(line, "system_ID"))
        (void)snnstream_percent_number(line->value, line->value_size, &evt->system_id);
    evt->in_data = snnstream_percent_key(line, "end");
    return SNN_OK;
}

/* What the header left open. */
static int settle(struct evt *evt, struct snn_context *context, uint64_t offset)
{
    for (size_t i = 0; i < sizeof(systems) / sizeof(systems[0]); i++) {
        if (systems[i].id != evt->system_id) continue;
        if (evt->encoding == NULL) evt->encoding = &encodings[systems[i].encoding];
        if (evt->width > 0 && evt->height > 0) continue;
        evt->width = systems[i].width;
        evt->height = systems[i].height;
    }
    if (evt->width == 0 || evt->height == 0) evt->width = evt->height = 0;
    if (evt->order == HALVES && evt->encoding != &encodings[EVT21]) evt->order = LITTLE;
    if (evt->encoding != NULL) return SNN_OK;
    snnbase_fail(context, SNN_ERR_FORMAT,
                 "byte %" PRIu64 ": the header does not say how events are encoded", offset);
    return snnbase_hint(context, "a line '%% evt 2.0', '%% evt 2.1' or '%% evt 3.0' says it");
}

static int take_header(struct evt *evt, struct snn_context *context,
                       struct snnstream_window *window)
{
    enum snnstream_percent what = SNNSTREAM_PERCENT_LINE;
    int status = SNN_OK;
    while (status == SNN_OK && what == SNNSTREAM_PERCENT_LINE && !evt->in_data) {
        struct snnstream_percent_line line;
        status = snnstream_percent_take(&line, context, window, &what);
        if (status == SNN_OK && what == SNNSTREAM_PERCENT_LINE)
            status = take_line(evt, context, &line);
    }
    if (status != SNN_OK || what == SNNSTREAM_PERCENT_MORE) return status;
    evt->in_data = true;
    return settle(evt, context, window->offset + window->taken);
}

/* Recordings of EVT 2.1 begin with the time, whose half is the one with this type. */
static enum order guess_order(const struct evt *evt, const unsigned char *word)
{
    if (evt->encoding != &encodings[EVT21]) return LITTLE;
    if (snnbase_little32(word + 4) >> PENDING_TYPE_AT == SNNSTREAM_EVT_TIME_HIGH) return LITTLE;
    return snnbase_little32(word) >> PENDING_TYPE_AT == SNNSTREAM_EVT_TIME_HIGH ? HALVES : LITTLE;
}

/* Puts words into little-endian order; the bytes of a word change places in twos of i ^ flip. */
static void reorder(unsigned char *out, const unsigned char *bytes, size_t size, size_t flip)
{
    for (size_t i = 0; i < size; i++)
        out[i] = bytes[i ^ flip];
}

/* Whole words of the window; how many bytes they were. */
static size_t take_words(struct evt *evt, const unsigned char *bytes, size_t size,
                         struct snnstream_batch *out)
{
    const size_t word_size = evt->encoding->word_size;
    if (evt->order != LITTLE) {
        const size_t flip = evt->order == BIG ? word_size - 1 : word_size / 2;
        if (size > SCRATCH) size = SCRATCH;
        reorder(evt->scratch, bytes, size, flip);
        bytes = evt->scratch;
    }
    return word_size * evt->encoding->decode(&evt->words, bytes, size / word_size, out);
}

static int decode(void *state, struct snn_context *context, struct snnstream_window *window,
                  struct snnstream_batch *out)
{
    struct evt *evt = state;
    int status = evt->in_data ? SNN_OK : take_header(evt, context, window);
    if (status != SNN_OK || !evt->in_data) return status;
    const size_t word_size = evt->encoding->word_size;
    size_t left = window->size - window->taken;
    if (evt->order == ORDER_UNSAID && left >= word_size)
        evt->order = guess_order(evt, window->bytes + window->taken);
    snnstream_evt_drain(&evt->words, out);
    while (left >= word_size && out->count < out->room) {
        window->taken +=
            take_words(evt, window->bytes + window->taken, left - left % word_size, out);
        left = window->size - window->taken;
    }
    if (left == 0 || left >= word_size) return SNN_OK;
    window->need = word_size;
    if (!window->last || out->count > 0) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_FORMAT, "byte %" PRIu64 ": a word of %zu bytes is cut off",
                        window->offset + window->taken, word_size);
}

/* The keys that no other file with such a header has. */
static int probe(const unsigned char *head, size_t size, uint64_t file_size)
{
    static const char *const keys[] = {"evt",       "format",           "plugin_name",
                                       "system_ID", "integrator_name",  "camera_integrator_name",
                                       "end",       "sensor_generation"};
    struct snnstream_percent_line line;
    const bool last = file_size == size;
    int score = 0;
    for (size_t at = 0;
         snnstream_percent_next(&line, head + at, size - at, last) == SNNSTREAM_PERCENT_LINE;) {
        if (score == 0) score = GUESS;
        for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
            if (snnstream_percent_key(&line, keys[i])) score = SURE;
        }
        at += line.size;
    }
    return score;
}

static void describe(const void *state, struct snn_recording_info *info)
{
    const struct evt *evt = state;
    if (evt->encoding != NULL) info->format = evt->encoding->name;
    info->width = evt->width;
    info->height = evt->height;
    info->other_count = evt->words.other_count;
    info->invalid_count = evt->words.invalid_count;
}

const struct snnstream_format_ops snnstream_evt_format = {
    .name = "EVT (.raw)",
    .summary = "EVT 2.0, 2.1 and 3.0 (.raw)",
    .state_size = sizeof(struct evt),
    .probe = probe,
    .decode = decode,
    .describe = describe,
};
