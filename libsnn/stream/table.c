/* Columns of tables, see table.h: names, usual orders, and what values they hold.
 */
#include "libsnn/stream/table.h"

#include <math.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "snn/status.h"

enum { NAME_SIZE = 24 };

struct snnstream_layout snnstream_layout_none(void)
{
    return (struct snnstream_layout){{-1, -1, -1, -1}};
}

/* ---- Names ---- */

/* Lower case, and words parted by one blank: "Timestamp[us]" is "timestamp us". */
static void clean(char out[NAME_SIZE], const char *name, size_t size)
{
    size_t length = 0;
    for (size_t i = 0; i < size && length + 1 < NAME_SIZE; i++) {
        /* The micro sign, in Latin-1, and in UTF-8 as a sign or as a Greek letter. */
        const unsigned char byte = (unsigned char)name[i];
        if (byte == 0xc2 || byte == 0xce) continue;
        const char c = byte == 0xb5 || byte == 0xbc ? 'u' : name[i];
        const bool upper = c >= 'A' && c <= 'Z', lower = c >= 'a' && c <= 'z';
        if (upper || lower)
            out[length++] = upper ? (char)(c - 'A' + 'a') : c;
        else if (length > 0 && out[length - 1] != ' ')
            out[length++] = ' ';
    }
    while (length > 0 && out[length - 1] == ' ')
        length--;
    out[length] = '\0';
}

/* Takes the unit off the end of a name; 0: there is none. */
static double take_unit(char *name)
{
    static const struct {
        const char *name;
        double us;
    } units[] = {{" us", 1.0}, {" ms", 1e3}, {" s", 1e6}, {" sec", 1e6}, {" ns", 1e-3}};
    const size_t length = strlen(name);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        const size_t size = strlen(units[i].name);
        if (length <= size || strcmp(name + length - size, units[i].name) != 0) continue;
        name[length - size] = '\0';
        return units[i].us;
    }
    return 0.0;
}

static int find_role(const char *name)
{
    static const struct {
        const char *name;
        enum snnstream_role role;
    } names[] = {{"t", SNNSTREAM_ROLE_T},          {"ts", SNNSTREAM_ROLE_T},
                 {"time", SNNSTREAM_ROLE_T},       {"times", SNNSTREAM_ROLE_T},
                 {"timestamp", SNNSTREAM_ROLE_T},  {"timestamps", SNNSTREAM_ROLE_T},
                 {"x", SNNSTREAM_ROLE_X},          {"y", SNNSTREAM_ROLE_Y},
                 {"p", SNNSTREAM_ROLE_P},          {"pol", SNNSTREAM_ROLE_P},
                 {"polarity", SNNSTREAM_ROLE_P},   {"polarities", SNNSTREAM_ROLE_P},
                 {"time stamp", SNNSTREAM_ROLE_T}, {"on", SNNSTREAM_ROLE_P}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i].name) == 0) return (int)names[i].role;
    }
    return -1;
}

void snnstream_layout_name(struct snnstream_layout *layout, int column, const char *name,
                           size_t size, double *unit_us)
{
    char text[NAME_SIZE];
    clean(text, name, size);
    const double unit = take_unit(text);
    const int role = find_role(text);
    if (role < 0 || layout->column[role] >= 0) return;
    layout->column[role] = column;
    if (role == SNNSTREAM_ROLE_T && unit > 0.0) *unit_us = unit;
}

struct snnstream_layout snnstream_layout_order(const char *order)
{
    struct snnstream_layout layout = snnstream_layout_none();
    static const char letters[SNNSTREAM_ROLE_COUNT] = {'t', 'x', 'y', 'p'};
    for (int i = 0; order[i] != '\0'; i++) {
        for (int role = 0; role < SNNSTREAM_ROLE_COUNT; role++) {
            if (order[i] == letters[role]) layout.column[role] = i;
        }
    }
    return layout;
}

bool snnstream_layout_is_whole(const struct snnstream_layout *layout, bool polarity)
{
    for (int role = 0; role < SNNSTREAM_ROLE_COUNT; role++) {
        if (layout->column[role] < 0 && (polarity || role != SNNSTREAM_ROLE_P)) return false;
    }
    return true;
}

/* ---- Usual orders ---- */

static bool never_steps_back(const struct snnstream_sample *sample, int column)
{
    for (size_t row = 0; row < sample->rows; row++) {
        if (sample->values[row][column] < 0.0) return false;
        if (row > 0 && sample->values[row][column] < sample->values[row - 1][column]) return false;
    }
    return true;
}

static bool are_pixels(const struct snnstream_sample *sample, int column)
{
    for (size_t row = 0; row < sample->rows; row++) {
        const double value = sample->values[row][column];
        if (value < 0.0 || value > SNNSTREAM_PIXEL_MAX || floor(value) < value) return false;
    }
    return true;
}

static bool are_polarities(const struct snnstream_sample *sample, int column)
{
    for (size_t row = 0; row < sample->rows; row++) {
        const double value = sample->values[row][column];
        if (fabs(value) > 1.0 || floor(value) < value) return false;
    }
    return true;
}

static bool fits(const struct snnstream_sample *sample, const char *order)
{
    const struct snnstream_layout layout = snnstream_layout_order(order);
    return never_steps_back(sample, layout.column[SNNSTREAM_ROLE_T]) &&
           are_pixels(sample, layout.column[SNNSTREAM_ROLE_X]) &&
           are_pixels(sample, layout.column[SNNSTREAM_ROLE_Y]) &&
           are_polarities(sample, layout.column[SNNSTREAM_ROLE_P]);
}

/* A column of columns or rows may grow by chance for a while, times have to: so xytp, the rarest,
 * only counts where txyp is out of the question. */
const char *snnstream_sample_order(const struct snnstream_sample *sample)
{
    const bool time_first = fits(sample, "txyp"), time_last = fits(sample, "xypt");
    if (sample->rows == 0 || (time_first && time_last)) return NULL;
    if (time_first) return "txyp";
    const bool time_third = fits(sample, "xytp");
    if (time_third && time_last) return NULL;
    if (time_third) return "xytp";
    return time_last ? "xypt" : NULL;
}

int snnstream_table_fail_open(struct snn_context *context, const char *place, const char *why)
{
    snnbase_fail(context, SNN_ERR_FORMAT, "%s: %s", place, why);
    return snnbase_hint(context,
                        "say which column is what in the view: columns=txyp, with t for "
                        "time, p for polarity and - for a column that is nothing of these");
}
