/* Views of recordings: what is seen, where, and what is refused. */
#include "libsnn/stream/view.h"

#include <criterion/criterion.h>
#include <string.h>

#include "snn/status.h"
#include "tests/unit/stream/support.h"

TestSuite(view, .init = support_begin, .fini = support_end);

enum { SIDE = 8 };

static struct snnstream_camera_event items[4 * SIDE * SIDE];
static struct snnstream_camera_events events;

/* An event of each polarity at each pixel of 8 x 8, looked at so. */
static void look(const char *text)
{
    struct snnstream_view view;
    cr_assert_eq(snnstream_view_parse(&view, support_context(), text), SNN_OK, "%s",
                 snn_context_message(support_context()));
    events = (struct snnstream_camera_events){.items = items};
    for (uint16_t y = 0; y < SIDE; y++) {
        for (uint16_t x = 0; x < SIDE; x++) {
            for (uint8_t p = 0; p < 2; p++) {
                items[events.count] = (struct snnstream_camera_event){events.count, x, y, p};
                events.count++;
            }
        }
    }
    snnstream_view_apply(&view, &events, 0);
}

/* Where the event of this pixel, ON, is seen now. */
static bool lands(uint16_t x, uint16_t y, uint16_t to_x, uint16_t to_y)
{
    const uint64_t time = ((uint64_t)y * SIDE + x) * 2 + 1;
    for (size_t i = 0; i < events.count; i++) {
        if (items[i].time_us == time) return items[i].x == to_x && items[i].y == to_y;
    }
    return false;
}

Test(view, without_words_all_is_seen_as_it_is)
{
    look(NULL);
    cr_assert(events.count == 128 && lands(3, 5, 3, 5));
    look("");
    cr_assert(events.count == 128 && items[127].polarity == 1);
}

Test(view, polarities_are_chosen_or_merged)
{
    look("polarity=on");
    cr_assert(events.count == 64 && lands(3, 5, 3, 5) && items[0].polarity == 0);
    look("polarity=off");
    cr_assert(events.count == 64 && !lands(3, 5, 3, 5));
    look("polarity=merge");
    cr_assert(events.count == 128 && items[1].polarity == 0);
}

Test(view, pools_divide)
{
    look("pool=2");
    cr_assert(events.count == 128 && lands(7, 4, 3, 2));
    look("pool=4:1");
    cr_assert(lands(7, 4, 7, 1));
}

Test(view, a_cut_is_inclusive_and_begins_at_0)
{
    look("cut=2:3:5:3");
    cr_assert(events.count == 8 && lands(2, 3, 0, 0) && lands(5, 3, 3, 0) && !lands(6, 3, 4, 0));
    look("pool=2,cut=1:1:2:3");
    cr_assert(events.count == 2 * 4 * 6 && lands(2, 2, 0, 0) && lands(5, 7, 1, 2));
}

Test(view, mirrors_keep_to_the_cut)
{
    look("cut=0:0:7:7,mirror=x");
    cr_assert(lands(0, 3, 7, 3));
    look("cut=0:0:7:7,mirror=y");
    cr_assert(lands(0, 3, 0, 4));
    look("cut=2:0:5:3,mirror=xy");
    cr_assert(lands(2, 0, 3, 3));
    look("mirror=diagonal");
    cr_assert(lands(2, 5, 5, 2));
    look("cut=2:0:5:1,mirror=x,mirror=diagonal");
    cr_assert(lands(2, 1, 1, 3));
}

Test(view, only_what_came_last_is_looked_at)
{
    struct snnstream_view view;
    look(NULL);
    cr_assert_eq(snnstream_view_parse(&view, support_context(), "pool=4"), SNN_OK);
    snnstream_view_apply(&view, &events, 127);
    cr_assert(items[126].x == 7 && items[127].x == 1 && events.count == 128);
}

Test(view, what_is_no_view_is_refused_by_name)
{
    static const char *const wrong[] = {
        "pool",      "pool=",          "pool=3",          "pool=2:",      "pool=1:2:4",
        "cut=1:2:3", "cut=5:0:1:9",    "cut=0:0:7:99999", "mirror=z",     "polarity=2",
        "zoom=2",    "pool=2,,pool=2", "mirror=x",        "cut=0:0:7:7:", "cut=:0:0:7"};
    struct snnstream_view view;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        cr_assert_eq(snnstream_view_parse(&view, support_context(), wrong[i]), SNN_ERR_INVALID,
                     "%s", wrong[i]);
        cr_assert_neq(snn_context_hint(support_context())[0], '\0');
    }
    cr_assert_eq(snnstream_view_parse(&view, support_context(), "pool=2,zoom=2"), SNN_ERR_INVALID);
    cr_assert_not_null(strstr(snn_context_message(support_context()), "'zoom=2'"));
}
