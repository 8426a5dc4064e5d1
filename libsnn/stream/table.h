/* Tables of events, binary or text: what their columns are, and what may stand in them.
 *
 * A table has a column each of times, x, y and polarities, in an order that names tell, or the
 * view, or the numbers themselves (docs/formats/events.md). Pure functions; how a column is read is
 * for npyevents.c and csv.c.
 */
#ifndef SNN_STREAM_TABLE_H
#define SNN_STREAM_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libsnn/stream/format.h"

/* Of the four columns, in this order. */
enum snnstream_role {
    SNNSTREAM_ROLE_T = 0,
    SNNSTREAM_ROLE_X = 1,
    SNNSTREAM_ROLE_Y = 2,
    SNNSTREAM_ROLE_P = 3,
    SNNSTREAM_ROLE_COUNT = 4
};

enum { SNNSTREAM_TABLE_USUAL = 4, SNNSTREAM_SAMPLE_ROWS = 64, SNNSTREAM_PIXEL_MAX = 65535 };

/* Beyond that a double is no whole number of microseconds any more: 285 years. */
#define SNNSTREAM_TIME_MAX 9007199254740992.0

/* Where they stand, counted from 0. */
struct snnstream_layout {
    int column[SNNSTREAM_ROLE_COUNT]; /* -1: there is none (of p: all events are ON) */
};

/* Nothing is known yet. */
struct snnstream_layout snnstream_layout_none(void);
/* What a column of this name is, as people call them ("t", "timestamp_us", "x", "Polarity", "p"),
 * is put where nothing was. *unit_us is set where the name tells a unit. */
void snnstream_layout_name(struct snnstream_layout *layout, int column, const char *name,
                           size_t size, double *unit_us);
/* "xytp"; '-' for a column that is nothing of interest. */
struct snnstream_layout snnstream_layout_order(const char *order);
/* t, x and y are there; with `polarity` p, too. */
bool snnstream_layout_is_whole(const struct snnstream_layout *layout, bool polarity);

/* The first rows of a table of four columns that has no names. */
struct snnstream_sample {
    double values[SNNSTREAM_SAMPLE_ROWS][SNNSTREAM_TABLE_USUAL];
    size_t rows;
};

/* The one usual order that they allow, "txyp", "xytp" or "xypt"; NULL: none, or not only one. */
const char *snnstream_sample_order(const struct snnstream_sample *sample);

/* What may stand in a column; false: not that. Polarity: 1 is ON; 0 and -1 are OFF. Here, for they
 * are asked of every event. */
static inline bool snnstream_table_pixel(int64_t value, uint16_t *out)
{
    *out = (uint16_t)value;
    return value >= 0 && value <= SNNSTREAM_PIXEL_MAX;
}

static inline bool snnstream_table_polarity(int64_t value, uint8_t *out)
{
    *out = value > 0;
    return value >= -1 && value <= 1;
}

/* A whole number of units of `unit_us`, rounded to microseconds. */
static inline bool snnstream_table_time(int64_t value, double unit_us, uint64_t *out)
{
    if (value < 0 || (double)value * unit_us > SNNSTREAM_TIME_MAX) return false;
    *out = unit_us < 1.0 ? ((uint64_t)value + 500) / 1000 : (uint64_t)value * (uint64_t)unit_us;
    return true;
}

/* Raises the error of a table whose columns are not known, and says how to tell them. */
int snnstream_table_fail_open(struct snn_context *context, const char *place, const char *why);

#endif
