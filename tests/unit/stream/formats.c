/* Formats of recordings, tried alone; see formats.h.
 */
#include "tests/unit/stream/formats.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"
#include "snn/status.h"
#include "tests/unit/support.h"

/* Windows and rooms of every size up to these are tried, and then larger steps. */
enum { WINDOWS_ALL = 40, ROOMS_ALL = 4 };

static struct snn_camera_event events[FORMATS_EVENTS_MAX];

struct place {
    const unsigned char *bytes;
    size_t size;
    size_t at;   /* used up so far */
    size_t held; /* at hand from there on */
    size_t count;
};

/* One call. False: nothing more will come, or an error. */
static bool decode_once(const struct formats_run *run, void *state, struct place *p, int *status)
{
    unsigned char *copy = malloc(p->held + 1);
    struct snnstream_window window = {.bytes = copy, .size = p->held, .offset = p->at};
    struct snnstream_batch batch = {.items = events + p->count, .room = run->room};
    cr_assert_not_null(copy);
    /* To the end of the block, so that one byte too far is seen. */
    window.bytes = copy + 1;
    if (p->held > 0) memcpy(copy + 1, p->bytes + p->at, p->held);
    window.last = p->at + p->held == p->size;
    cr_assert_leq(p->count, (size_t)FORMATS_EVENTS_MAX - run->room, "too many events");
    *status = run->ops->decode(state, support_context(), &window, &batch);
    free(copy);
    if (*status != SNN_OK) return false;
    cr_assert_leq(window.taken, p->held, "%zu bytes taken of %zu", window.taken, p->held);
    cr_assert_leq(batch.count, run->room, "%zu events in room for %zu", batch.count, run->room);
    p->at += window.taken;
    p->held -= window.taken;
    p->count += batch.count;
    if (window.taken > 0 || batch.count > 0) {
        if (p->held == 0) p->held = run->window;
    } else if (window.last) {
        cr_assert_eq(p->held, 0u, "%zu bytes are left over without a word", p->held);
        return false;
    } else {
        p->held = window.need > p->held ? window.need : p->held + run->window;
    }
    if (p->held > p->size - p->at) p->held = p->size - p->at;
    return true;
}

struct formats_result formats_decode(const struct formats_run *run, const void *bytes, size_t size)
{
    static const struct snnstream_columns none = {.order = ""};
    struct snn_context *context = support_context();
    struct place place = {.bytes = bytes, .size = size};
    struct formats_result result = {.events = events};
    void *state = snnbase_alloc(context, 1, run->ops->state_size);
    cr_assert_not_null(state);
    if (run->ops->begin != NULL)
        result.status = run->ops->begin(state, context, run->columns ? run->columns : &none);
    cr_assert_eq(result.status, SNN_OK);
    place.held = run->window < size ? run->window : size;
    while (decode_once(run, state, &place, &result.status))
        continue;
    result.count = place.count;
    result.info.format = run->ops->name;
    if (run->ops->describe != NULL) run->ops->describe(state, &result.info);
    if (run->ops->fini != NULL) run->ops->fini(state, snnbase_allocator(context));
    snnbase_free(context, state);
    return result;
}

static void expect(const struct formats_run *run, const void *bytes, size_t size,
                   const struct snn_camera_event *expected, size_t count)
{
    const struct formats_result result = formats_decode(run, bytes, size);
    cr_assert_eq(result.status, SNN_OK, "windows of %zu, room for %zu: %s", run->window, run->room,
                 snn_context_message(support_context()));
    cr_assert_eq(result.count, count, "windows of %zu, room for %zu: %zu events, not %zu",
                 run->window, run->room, result.count, count);
    for (size_t i = 0; i < count; i++) {
        const struct snn_camera_event *a = &events[i], *b = &expected[i];
        cr_assert(a->time_us == b->time_us && a->x == b->x && a->y == b->y &&
                      a->polarity == b->polarity,
                  "windows of %zu, room for %zu: event %zu is %llu us %u,%u %u", run->window,
                  run->room, i, (unsigned long long)a->time_us, a->x, a->y, a->polarity);
    }
}

void formats_expect(const struct snnstream_format_ops *ops, const void *bytes, size_t size,
                    const struct snn_camera_event *expected, size_t count)
{
    const size_t all = count + 1;
    for (size_t window = 1; window <= size; window += 1 + window / WINDOWS_ALL) {
        for (size_t room = 1; room <= ROOMS_ALL; room++)
            expect(&(struct formats_run){ops, NULL, window, room}, bytes, size, expected, count);
        expect(&(struct formats_run){ops, NULL, window, all}, bytes, size, expected, count);
    }
    for (size_t room = 1; room <= all; room += 1 + room / ROOMS_ALL)
        expect(&(struct formats_run){ops, NULL, size + 1, room}, bytes, size, expected, count);
    expect(&(struct formats_run){ops, NULL, size + 1, all}, bytes, size, expected, count);
}

void formats_refuse(const struct snnstream_format_ops *ops, const void *bytes, size_t size,
                    int status, const char *message)
{
    const size_t windows[] = {1, size + 1};
    for (size_t i = 0; i < 2; i++) {
        const struct formats_run run = {ops, NULL, windows[i], 16};
        const struct formats_result result = formats_decode(&run, bytes, size);
        const char *told = snn_context_message(support_context());
        cr_assert_eq(result.status, status, "windows of %zu: status %d, %s", windows[i],
                     result.status, told);
        cr_assert_eq(strncmp(told, message, strlen(message)), 0, "windows of %zu: %s", windows[i],
                     told);
    }
}
