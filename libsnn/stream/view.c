/* Views of recordings, see view.h: parsed once, then a pure function of each event. */
#include "libsnn/stream/view.h"

#include <string.h>

#include "libsnn/base/error.h"

enum { SIDE_MAX = 65536 };

static int fail_word(struct snn_context *context, const char *word, size_t size)
{
    snnbase_fail(context, SNN_ERR_INVALID, "'%.*s' says nothing of how to look at a recording",
                 (int)size, word);
    return snnbase_hint(context, "known are polarity=on|off|merge, pool=1|2|4 (or Y:X), "
                                 "cut=X:Y:X:Y (first and last), mirror=x|y|xy|diagonal");
}

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

static bool is_pool(uint32_t size)
{
    return size == 1 || size == 2 || size == 4;
}

static bool set_pool(struct snnstream_view *view, const char *value, size_t size)
{
    uint32_t numbers[2];
    const unsigned count = parse_numbers(value, size, numbers, 2);
    if (count == 0 || !is_pool(numbers[0]) || !is_pool(numbers[count - 1])) return false;
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
    if (is(value, size, "on"))
        view->polarity = SNNSTREAM_POLARITY_ON;
    else if (is(value, size, "off"))
        view->polarity = SNNSTREAM_POLARITY_OFF;
    else if (is(value, size, "merge"))
        view->polarity = SNNSTREAM_POLARITY_MERGED;
    else
        return false;
    return true;
}

static bool set(struct snnstream_view *view, const char *word, size_t size)
{
    const char *equals = memchr(word, '=', size);
    if (equals == NULL) return false;
    const size_t key = (size_t)(equals - word), value = size - key - 1;
    if (is(word, key, "polarity")) return set_polarity(view, equals + 1, value);
    if (is(word, key, "pool")) return set_pool(view, equals + 1, value);
    if (is(word, key, "cut")) return set_cut(view, equals + 1, value);
    return is(word, key, "mirror") && set_mirror(view, equals + 1, value);
}

int snnstream_view_parse(struct snnstream_view *out, struct snn_context *context, const char *text)
{
    struct snnstream_view view = {.pool_y = 1, .pool_x = 1};
    while (text != NULL && *text != '\0') {
        const size_t size = strcspn(text, ",");
        if (!set(&view, text, size)) return fail_word(context, text, size);
        text += size + (text[size] == ',');
    }
    if ((view.mirror_x || view.mirror_y) && !view.cuts) {
        snnbase_fail(context, SNN_ERR_INVALID,
                     "mirror=x and mirror=y need to know how large the "
                     "picture is");
        return snnbase_hint(context, "say it by cut=, e.g. cut=0:0:127:127");
    }
    *out = view;
    return SNN_OK;
}

bool snnstream_view_has_one(const struct snnstream_view *view)
{
    return view->polarity != SNNSTREAM_POLARITY_BOTH;
}

/* False: it is not seen. */
static bool look(const struct snnstream_view *view, struct snnstream_camera_event *event)
{
    if (view->polarity == SNNSTREAM_POLARITY_ON && event->polarity == 0) return false;
    if (view->polarity == SNNSTREAM_POLARITY_OFF && event->polarity != 0) return false;
    if (snnstream_view_has_one(view)) event->polarity = 0;
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

void snnstream_view_apply(const struct snnstream_view *view, struct snnstream_camera_events *events,
                          size_t first)
{
    size_t kept = first;
    for (size_t i = first; i < events->count; i++) {
        struct snnstream_camera_event event = events->items[i];
        if (look(view, &event)) events->items[kept++] = event;
    }
    events->count = kept;
}
