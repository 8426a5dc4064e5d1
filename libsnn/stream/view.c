/* Views of recordings, see view.h: parsed once, then a pure function of each event. */
#include "libsnn/stream/view.h"

#include <math.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/number.h"

enum { SIDE_MAX = 65536, SPAN_TEXT_MAX = 32 };

static bool is(const char *text, size_t size, const char *word)
{
    return strlen(word) == size && memcmp(text, word, size) == 0;
}

/* Numbers with colons between them; how many, 0 where that is not what it is. */
static unsigned parse_numbers(const char *text, size_t size, uint32_t *out, unsigned room)
{
    unsigned count = 0;
    bool open = true; /* a number has to come */
    for (size_t i = 0; i < size; i++) {
        if (text[i] == ':' && !open) {
            open = true;
            continue;
        }
        if (text[i] < '0' || text[i] > '9') return 0;
        if (open && count == room) return 0;
        if (open) out[count++] = 0;
        open = false;
        out[count - 1] = out[count - 1] * 10 + (uint32_t)(text[i] - '0');
        if (out[count - 1] >= SIDE_MAX) return 0;
    }
    return open ? 0 : count;
}

static bool set_pool(struct snnstream_view *view, const char *value, size_t size)
{
    uint32_t numbers[2];
    const unsigned count = parse_numbers(value, size, numbers, 2);
    if (count == 0 || numbers[0] == 0 || numbers[count - 1] == 0) return false;
    view->pool_y = numbers[0];
    view->pool_x = numbers[count - 1];
    return true;
}

static bool set_cut(struct snnstream_view *view, const char *value, size_t size)
{
    uint32_t n[4];
    if (parse_numbers(value, size, n, 4) != 4 || n[2] < n[0] || n[3] < n[1]) return false;
    view->cuts = true;
    view->first_x = n[0];
    view->first_y = n[1];
    view->last_x = n[2];
    view->last_y = n[3];
    return true;
}

static bool set_mirror(struct snnstream_view *view, const char *value, size_t size)
{
    if (is(value, size, "diagonal")) {
        view->diagonal = true;
        return true;
    }
    const bool both = is(value, size, "xy");
    if (!both && !is(value, size, "x") && !is(value, size, "y")) return false;
    view->mirror_x = view->mirror_x || both || value[0] == 'x';
    view->mirror_y = view->mirror_y || both || value[0] == 'y';
    return true;
}

static bool set_polarity(struct snnstream_view *view, const char *value, size_t size)
{
    static const struct {
        const char *name;
        enum snnstream_polarity polarity;
    } known[] = {{"on", SNNSTREAM_POLARITY_ON},
                 {"off", SNNSTREAM_POLARITY_OFF},
                 {"merge", SNNSTREAM_POLARITY_MERGED},
                 {"swap", SNNSTREAM_POLARITY_SWAPPED}};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (!is(value, size, known[i].name)) continue;
        view->polarity = known[i].polarity;
        return true;
    }
    return false;
}

/* Milliseconds, as whole microseconds; an empty text leaves *out as it is. */
static bool parse_ms(const char *text, size_t size, uint64_t *out)
{
    char copy[SPAN_TEXT_MAX];
    double ms = 0.0;
    if (size == 0) return true;
    if (size >= sizeof(copy)) return false;
    memcpy(copy, text, size);
    copy[size] = '\0';
    if (!snnbase_number_parse(copy, &ms) || ms < 0.0 || ms > 1e15) return false;
    *out = (uint64_t)llround(ms * 1000.0);
    return true;
}

static bool set_span(struct snnstream_view *view, const char *value, size_t size)
{
    const char *colon = memchr(value, ':', size);
    if (colon == NULL) return false;
    const size_t from = (size_t)(colon - value);
    return parse_ms(value, from, &view->from_us) &&
           parse_ms(colon + 1, size - from - 1, &view->to_us) && view->from_us < view->to_us;
}

static bool set_columns(struct snnstream_view *view, const char *value, size_t size)
{
    if (size >= sizeof(view->columns.order)) return false;
    memcpy(view->columns.order, value, size);
    view->columns.order[size] = '\0';
    for (const char *letter = view->columns.order; *letter != '\0'; letter++) {
        if (strchr("txyp-", *letter) == NULL) return false;
        if (*letter != '-' && strchr(letter + 1, *letter) != NULL) return false;
    }
    return strchr(view->columns.order, 't') != NULL && strchr(view->columns.order, 'x') != NULL &&
           strchr(view->columns.order, 'y') != NULL;
}

static bool set_unit(struct snnstream_view *view, const char *value, size_t size)
{
    static const struct {
        const char *name;
        double us;
    } units[] = {{"us", 1.0}, {"ms", 1e3}, {"s", 1e6}, {"ns", 1e-3}};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (!is(value, size, units[i].name)) continue;
        view->columns.unit_us = units[i].us;
        return true;
    }
    return false;
}

/* ---- Words ---- */

static const struct word {
    const char *key;
    bool (*set)(struct snnstream_view *view, const char *value, size_t size);
    const char *takes;
} words[] = {
    {"span", set_span, "FROM:TO in ms since the first event; either may be left out"},
    {"polarity", set_polarity, "on, off, merge or swap"},
    {"pool", set_pool, "N or Y:X, whole numbers from 1 on"},
    {"cut", set_cut, "X:Y:X:Y, the first and last column and row"},
    {"mirror", set_mirror, "x, y, xy or diagonal"},
    {"columns", set_columns,
     "the letters t, x, y, p in the order of the table's columns, - for "
     "one that is skipped"},
    {"unit", set_unit, "us, ms, s or ns"},
};

enum { WORDS = sizeof(words) / sizeof(words[0]) };

static int fail_word(struct snn_context *context, const char *text, size_t size)
{
    snnbase_fail(context, SNN_ERR_INVALID, "'%.*s' says nothing of how to look at a recording",
                 (int)size, text);
    return snnbase_hint(context, "known are span=MS:MS, polarity=on|off|merge|swap, pool=N (or "
                                 "Y:X), cut=X:Y:X:Y (first and last), mirror=x|y|xy|diagonal, and "
                                 "of tables columns=txyp and unit=us|ms|s|ns");
}

/* One word; `seen` has a bit for each that was there. */
static int take(struct snnstream_view *view, struct snn_context *context, const char *text,
                size_t size, unsigned *seen)
{
    const char *equals = memchr(text, '=', size);
    const size_t key = equals != NULL ? (size_t)(equals - text) : size;
    for (unsigned i = 0; i < WORDS; i++) {
        if (!is(text, key, words[i].key)) continue;
        if ((*seen & 1u << i) != 0 && words[i].set != set_mirror) {
            snnbase_fail(context, SNN_ERR_INVALID, "'%.*s': %s was said before", (int)size, text,
                         words[i].key);
            return snnbase_hint(context, "say each word once");
        }
        *seen |= 1u << i;
        if (equals != NULL && words[i].set(view, equals + 1, size - key - 1)) return SNN_OK;
        snnbase_fail(context, SNN_ERR_INVALID, "'%.*s' is no view", (int)size, text);
        return snnbase_hint(context, "%s= takes %s", words[i].key, words[i].takes);
    }
    return fail_word(context, text, size);
}

int snnstream_view_parse(struct snnstream_view *out, struct snn_context *context, const char *text)
{
    struct snnstream_view view = {.to_us = UINT64_MAX, .pool_y = 1, .pool_x = 1};
    unsigned seen = 0;
    while (text != NULL && *text != '\0') {
        const size_t size = strcspn(text, ",");
        int status = take(&view, context, text, size, &seen);
        if (status != SNN_OK) return status;
        text += size + (text[size] == ',');
    }
    *out = view;
    return SNN_OK;
}

bool snnstream_view_wants_size(const struct snnstream_view *view)
{
    return (view->mirror_x || view->mirror_y) && !view->cuts;
}

void snnstream_view_fit(struct snnstream_view *view, uint32_t width, uint32_t height)
{
    view->cuts = true;
    view->first_x = view->first_y = 0;
    view->last_x = (width - 1) / view->pool_x;
    view->last_y = (height - 1) / view->pool_y;
}

/* ---- Events ---- */

bool snnstream_view_has_one(const struct snnstream_view *view)
{
    return view->polarity != SNNSTREAM_POLARITY_BOTH &&
           view->polarity != SNNSTREAM_POLARITY_SWAPPED;
}

bool snnstream_view_has_columns(const struct snnstream_view *view)
{
    return view->columns.order[0] != '\0' || view->columns.unit_us > 0.0;
}

/* False: it is not seen. */
static bool look(const struct snnstream_view *view, struct snn_camera_event *event)
{
    if (view->polarity == SNNSTREAM_POLARITY_ON && event->polarity == 0) return false;
    if (view->polarity == SNNSTREAM_POLARITY_OFF && event->polarity != 0) return false;
    if (snnstream_view_has_one(view)) event->polarity = 0;
    if (view->polarity == SNNSTREAM_POLARITY_SWAPPED) event->polarity = event->polarity == 0;
    uint32_t x = event->x / view->pool_x, y = event->y / view->pool_y;
    if (view->cuts) {
        if (x < view->first_x || x > view->last_x || y < view->first_y || y > view->last_y)
            return false;
        x -= view->first_x;
        y -= view->first_y;
        if (view->mirror_x) x = view->last_x - view->first_x - x;
        if (view->mirror_y) y = view->last_y - view->first_y - y;
    }
    event->x = (uint16_t)(view->diagonal ? y : x);
    event->y = (uint16_t)(view->diagonal ? x : y);
    return true;
}

/* Nothing is to be done: most recordings are taken as they are. */
static bool is_plain(const struct snnstream_view *view)
{
    return view->polarity == SNNSTREAM_POLARITY_BOTH && view->pool_y == 1 && view->pool_x == 1 &&
           !view->cuts && !view->diagonal && view->from_us == 0 && view->to_us == UINT64_MAX;
}

size_t snnstream_view_apply(const struct snnstream_view *view, uint64_t start_us,
                            struct snn_camera_event *events, size_t count)
{
    if (is_plain(view)) return count;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct snn_camera_event event = events[i];
        const uint64_t since = event.time_us - start_us;
        if (since < view->from_us || since >= view->to_us) continue;
        if (look(view, &event)) events[kept++] = event;
    }
    return kept;
}

/* How many of `size` are left behind a pool and, where there is one, a cut. */
static uint32_t side_behind(const struct snnstream_view *view, uint32_t size, uint32_t pool,
                            uint32_t first, uint32_t last)
{
    size = (size + pool - 1) / pool;
    if (!view->cuts) return size;
    if (size > last + 1) size = last + 1;
    return size > first ? size - first : 1;
}

void snnstream_view_size(const struct snnstream_view *view, uint32_t *width, uint32_t *height)
{
    const uint32_t w = side_behind(view, *width, view->pool_x, view->first_x, view->last_x);
    const uint32_t h = side_behind(view, *height, view->pool_y, view->first_y, view->last_y);
    *width = view->diagonal ? h : w;
    *height = view->diagonal ? w : h;
}
