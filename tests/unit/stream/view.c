/* Views of recordings: what is seen, where, and what is refused. */
#include "libsnn/stream/view.h"

#include <criterion/criterion.h>
#include <string.h>

#include "snn/status.h"
#include "tests/unit/stream/support.h"

TestSuite(view, .init = support_begin, .fini = support_end);

enum { SIDE = 8, START_US = 5000 };

static struct snn_camera_event items[2 * SIDE * SIDE];
static size_t count;

/* An event of each polarity at each pixel of 8 x 8, looked at so. */
static void look(const char *text)
{
    struct snnstream_view view;
    cr_assert_eq(snnstream_view_parse(&view, support_context(), text), SNN_OK, "%s",
                 snn_context_message(support_context()));
    count = 0;
    for (uint16_t y = 0; y < SIDE; y++) {
        for (uint16_t x = 0; x < SIDE; x++) {
            for (uint8_t p = 0; p < 2; p++) {
                items[count] = (struct snn_camera_event){START_US + count, x, y, p};
                count++;
            }
        }
    }
    count = snnstream_view_apply(&view, START_US, items, count);
}

/* Where the event of this pixel, ON, is seen now. */
static bool lands(uint16_t x, uint16_t y, uint16_t to_x, uint16_t to_y)
{
    const uint64_t time = START_US + ((uint64_t)y * SIDE + x) * 2 + 1;
    for (size_t i = 0; i < count; i++) {
        if (items[i].time_us == time) return items[i].x == to_x && items[i].y == to_y;
    }
    return false;
}

Test(view, without_words_all_is_seen_as_it_is)
{
    look(NULL);
    cr_assert(count == 128 && lands(3, 5, 3, 5));
    look("");
    cr_assert(count == 128 && items[127].polarity == 1);
}

Test(view, polarities_are_chosen_or_merged)
{
    look("polarity=on");
    cr_assert(count == 64 && lands(3, 5, 3, 5) && items[0].polarity == 0);
    look("polarity=off");
    cr_assert(count == 64 && !lands(3, 5, 3, 5));
    look("polarity=merge");
    cr_assert(count == 128 && items[1].polarity == 0);
}

Test(view, pools_divide)
{
    look("pool=2");
    cr_assert(count == 128 && lands(7, 4, 3, 2));
    look("pool=4:1");
    cr_assert(lands(7, 4, 7, 1));
}

Test(view, a_cut_is_inclusive_and_begins_at_0)
{
    look("cut=2:3:5:3");
    cr_assert(count == 8 && lands(2, 3, 0, 0) && lands(5, 3, 3, 0) && !lands(6, 3, 4, 0));
    look("pool=2,cut=1:1:2:3");
    cr_assert(count == 2 * 4 * 6 && lands(2, 2, 0, 0) && lands(5, 7, 1, 2));
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

Test(view, without_a_cut_the_whole_picture_is_mirrored)
{
    struct snnstream_view view;
    struct snn_camera_event event = {0, 1, 4, 0};
    cr_assert_eq(snnstream_view_parse(&view, support_context(), "mirror=xy,pool=2"), SNN_OK);
    cr_assert(snnstream_view_wants_size(&view));
    snnstream_view_fit(&view, 7, 6); /* 4x3 pixels behind the pool */
    cr_assert(!snnstream_view_wants_size(&view));
    cr_assert_eq(snnstream_view_apply(&view, 0, &event, 1), 1u);
    cr_assert(event.x == 3 && event.y == 0);
}

Test(view, any_whole_number_pools)
{
    look("pool=3");
    cr_assert(count == 128 && lands(7, 5, 2, 1));
    look("pool=1:8");
    cr_assert(lands(7, 4, 0, 4));
    look("pool=65535");
    cr_assert(lands(7, 7, 0, 0));
}

Test(view, polarities_change_places)
{
    look("polarity=swap");
    cr_assert(count == 128 && lands(3, 5, 3, 5));
    cr_assert(items[0].polarity == 1 && items[1].polarity == 0);
}

/* An event a microsecond, 128 of them: [0.01 ms, 0.1 ms) are the 90 from the 10th on. */
Test(view, a_span_counts_from_the_first_event)
{
    look("span=0.01:0.1");
    cr_assert(count == 90 && items[0].time_us == START_US + 10 &&
              items[89].time_us == START_US + 99);
    look("span=:0.1");
    cr_assert(count == 100 && items[0].time_us == START_US);
    look("span=0.1:");
    cr_assert(count == 28 && items[0].time_us == START_US + 100);
    look("span=1:2");
    cr_assert_eq(count, 0u);
}

Test(view, columns_and_unit_are_kept_for_the_format)
{
    struct snnstream_view view;
    cr_assert_eq(snnstream_view_parse(&view, support_context(), "columns=-xypt,unit=ns"), SNN_OK);
    cr_assert_str_eq(view.columns.order, "-xypt");
    cr_assert_eq(view.columns.unit_us, 1e-3);
    cr_assert(snnstream_view_has_columns(&view));
    cr_assert_eq(snnstream_view_parse(&view, support_context(), "pool=2"), SNN_OK);
    cr_assert(!snnstream_view_has_columns(&view));
}

Test(view, what_is_no_view_is_refused_by_name)
{
    static const char *const wrong[] = {"pool",          "pool=",
                                        "pool=0",        "pool=2:",
                                        "pool=1:2:4",    "pool=65536",
                                        "pool=-1",       "cut=1:2:3",
                                        "cut=5:0:1:9",   "cut=0:0:7:99999",
                                        "mirror=z",      "polarity=2",
                                        "zoom=2",        "pool=2,,cut=1",
                                        "cut=0:0:7:7:",  "cut=:0:0:7",
                                        "pool=2,pool=4", "span=5",
                                        "span=5:5",      "span=9:1",
                                        "span=a:b",      "span=-1:",
                                        "columns=txp",   "columns=txyt",
                                        "columns=txyz",  "columns=txyp----",
                                        "columns=",      "unit=min",
                                        "unit="};
    struct snnstream_view view;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        cr_assert_eq(snnstream_view_parse(&view, support_context(), wrong[i]), SNN_ERR_INVALID,
                     "%s", wrong[i]);
        cr_assert_neq(snn_context_hint(support_context())[0], '\0');
    }
    cr_assert_eq(snnstream_view_parse(&view, support_context(), "pool=2,zoom=2"), SNN_ERR_INVALID);
    cr_assert_not_null(strstr(snn_context_message(support_context()), "'zoom=2'"));
    cr_assert_eq(snnstream_view_parse(&view, support_context(), "pool=0"), SNN_ERR_INVALID);
    cr_assert_str_eq(snn_context_hint(support_context()),
                     "pool= takes N or Y:X, whole numbers from 1 on");
}
