/* Ranges, ticks and places; see axis.h.
 *
 * Ticks of a linear axis are multiples of 1, 2 or 5 times a power of ten, of a logarithmic one
 * powers of ten (and 2 and 5 times them while there is room), of an axis of errors the values 1 -
 * 0.5, 0.2, 0.1, ...: 50 %, 80 %, 90 %, 95 %, 98 %, 99 %.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tools/report/axis.h"

#define VALUE_MAX 1e300    /* differences of values stay finite, and inverses */
#define LEAST_SPAN 1e-9    /* of the magnitude: what doubles still tell apart */
#define ERROR_LEVELS 24    /* down to 1 - 5e-9 */
#define UNIT_ON_TICK_MAX 3 /* letters of a unit that is said at every tick of a log axis */

/* ---- What the data ask ---- */

void snnreport_extent_begin(struct snnreport_extent *extent)
{
    *extent = (struct snnreport_extent){
        .min = INFINITY, .max = -INFINITY, .error_min = INFINITY, .whole = true};
}

static bool can_show(enum snnreport_scale scale, double value)
{
    if (!isfinite(value) || fabs(value) > VALUE_MAX) return false;
    return scale != SNNREPORT_LOG || value >= 1 / VALUE_MAX;
}

void snnreport_extent_add(struct snnreport_extent *extent, enum snnreport_scale scale, double value)
{
    if (!can_show(scale, value)) return;
    extent->min = fmin(extent->min, value);
    extent->max = fmax(extent->max, value);
    if (value < 1) extent->error_min = fmin(extent->error_min, 1 - value);
    if (value != floor(value)) extent->whole = false;
}

/* ---- Numbers ---- */

struct prefix {
    double factor;
    const char *name;
};

/* The SI prefix that leaves 1 to 999 before the point. */
static struct prefix prefix_of(double magnitude)
{
    static const struct prefix prefixes[] = {
        {1e-15, "f"}, {1e-12, "p"}, {1e-9, "n"}, {1e-6, "\xC2\xB5"}, {1e-3, "m"}, {1, ""},
        {1e3, "k"},   {1e6, "M"},   {1e9, "G"},  {1e12, "T"},        {1e15, "P"}, {1e18, "E"}};
    const size_t count = sizeof prefixes / sizeof *prefixes;

    if (!(magnitude >= 1e-15 && magnitude < 1e21)) return (struct prefix){1, ""};
    size_t i = 0;
    while (i + 1 < count && magnitude >= prefixes[i + 1].factor * (1 - 1e-12))
        i++;
    return prefixes[i];
}

static void add_tick(struct snnreport_ruler *ruler, double value)
{
    if (ruler->tick_count == SNNREPORT_TICK_MAX) return;
    ruler->ticks[ruler->tick_count++] = (struct snnreport_tick){.value = value};
}

/* Labels of a linear axis have one prefix and as many decimals as its step needs. */
static void label_linear(struct snnreport_ruler *ruler, const struct snnreport_axis *axis,
                         double step)
{
    double magnitude = fmax(fabs(ruler->min), fabs(ruler->max));
    struct prefix prefix = {1, ""};

    if (axis->percent)
        prefix.factor = 0.01;
    else if (axis->unit || magnitude >= 1e5)
        prefix = prefix_of(magnitude);
    const char *suffix = axis->unit ? "" : prefix.name;
    int decimals = (int)fmax(0, -floor(log10(step / prefix.factor) + 1e-9));
    double largest = magnitude / prefix.factor;
    for (size_t i = 0; i < ruler->tick_count; i++) {
        struct snnreport_tick *tick = &ruler->ticks[i];
        double value = tick->value / prefix.factor;
        if (decimals > 6 || largest >= 1e7)
            snprintf(tick->label, sizeof tick->label, "%.6g", value);
        else
            snprintf(tick->label, sizeof tick->label, "%.*f%s", decimals, value + 0.0,
                     value != 0 ? suffix : "");
    }
    if (axis->percent)
        snprintf(ruler->unit, sizeof ruler->unit, "%%");
    else if (axis->unit)
        snprintf(ruler->unit, sizeof ruler->unit, "%s%s", prefix.name, axis->unit);
}

/* Labels of a logarithmic axis have a prefix each. */
static void label_log(struct snnreport_ruler *ruler, const struct snnreport_axis *axis)
{
    bool on_tick = axis->unit && strlen(axis->unit) <= UNIT_ON_TICK_MAX && !axis->percent;

    for (size_t i = 0; i < ruler->tick_count; i++) {
        struct snnreport_tick *tick = &ruler->ticks[i];
        bool small = !axis->unit && tick->value < 1e4 && tick->value >= 1e-4;
        struct prefix prefix =
            small || axis->percent ? (struct prefix){1, ""} : prefix_of(tick->value);
        if (!axis->unit && tick->value < 1) prefix = (struct prefix){1, ""};
        double value = tick->value / prefix.factor * (axis->percent ? 100 : 1);
        snprintf(tick->label, sizeof tick->label, "%.6g%s%s%s", value, on_tick ? " " : "",
                 prefix.name, on_tick ? axis->unit : "");
    }
    if (axis->percent)
        snprintf(ruler->unit, sizeof ruler->unit, "%%");
    else if (axis->unit && !on_tick)
        snprintf(ruler->unit, sizeof ruler->unit, "%s", axis->unit);
}

static void label_error(struct snnreport_ruler *ruler, const struct snnreport_axis *axis)
{
    for (size_t i = 0; i < ruler->tick_count; i++) {
        struct snnreport_tick *tick = &ruler->ticks[i];
        snprintf(tick->label, sizeof tick->label, "%.8g", tick->value * (axis->percent ? 100 : 1));
    }
    if (axis->percent) snprintf(ruler->unit, sizeof ruler->unit, "%%");
}

/* ---- Ticks ---- */

/* The smallest of 1, 2, 5 times a power of ten that is not below `step`. */
static double round_step(double step)
{
    double power = pow(10, floor(log10(step)));
    double mantissa = step / power;

    return power * (mantissa <= 1.001 ? 1 : mantissa <= 2.001 ? 2 : mantissa <= 5.001 ? 5 : 10);
}

static void tick_linear(struct snnreport_ruler *ruler, const struct snnreport_axis *axis,
                        const struct snnreport_extent *extent, double spacing)
{
    double intervals = fmax(1, fmin(SNNREPORT_TICK_MAX - 4, floor(ruler->pixels / spacing)));
    double step = round_step((ruler->max - ruler->min) / intervals);

    if (extent->whole && !axis->unit && !axis->percent) step = fmax(step, 1);
    if (extent->round && isnan(axis->min)) ruler->min = floor(ruler->min / step + 1e-6) * step;
    if (extent->round && isnan(axis->max)) ruler->max = ceil(ruler->max / step - 1e-6) * step;
    double first = ceil(ruler->min / step - 1e-6);
    for (double i = 0; i < SNNREPORT_TICK_MAX; i++) {
        double value = (first + i) * step;
        if (value > ruler->max + 1e-6 * step) break;
        add_tick(ruler, value);
    }
    label_linear(ruler, axis, step);
}

/* The greatest power of ten that is not above a value; with halves 2 and 5 times it, too. */
static double round_down(double value, bool halves)
{
    double power = pow(10, floor(log10(value) + 1e-6));
    double mantissa = value / power * (1 + 1e-6);

    return power * (!halves || mantissa < 2 ? 1 : mantissa < 5 ? 2 : 5);
}

static void tick_log(struct snnreport_ruler *ruler, const struct snnreport_axis *axis,
                     const struct snnreport_extent *extent, double spacing)
{
    double decades = log10(ruler->max) - log10(ruler->min), room = floor(ruler->pixels / spacing);
    bool halves = decades * 3 <= room;

    if (extent->round && isnan(axis->min)) ruler->min = round_down(ruler->min, halves);
    if (extent->round && isnan(axis->max)) ruler->max = 1 / round_down(1 / ruler->max, halves);
    double first = floor(log10(ruler->min) + 1e-9);
    double stride = fmax(1, ceil(decades / fmin(fmax(room, 1), SNNREPORT_TICK_MAX - 2)));
    for (double decade = first; decade <= log10(ruler->max) + 1e-9; decade += stride) {
        static const double mantissas[] = {1, 2, 5};
        for (int i = 0; i < (halves ? 3 : 1); i++) {
            double value = mantissas[i] * pow(10, decade);
            if (value >= ruler->min * (1 - 1e-9) && value <= ruler->max * (1 + 1e-9))
                add_tick(ruler, value);
        }
    }
    label_log(ruler, axis);
}

/* 1, 0.5, 0.2, 0.1, ... */
static double error_at(int level)
{
    static const double mantissas[] = {1, 0.5, 0.2};

    return mantissas[level % 3] * pow(10, -(level / 3));
}

/* The best level has a tick, the worst one, then powers of ten, halves and fifths, as far as they
 * keep their distance. */
static void choose_levels(struct snnreport_ruler *ruler, int bottom, int top, double distance)
{
    double span = log(error_at(bottom) / error_at(top)), taken[SNNREPORT_TICK_MAX];

    for (int rank = 0; rank < 5; rank++) {
        for (int level = top; level >= bottom; level--) {
            int of = level == top ? 0 : level == bottom ? 1 : 2 + level % 3;
            double at = log(error_at(bottom) / error_at(level)) / span * ruler->pixels;
            bool fits = of == rank && ruler->tick_count < SNNREPORT_TICK_MAX;
            for (size_t i = 0; fits && i < ruler->tick_count; i++)
                fits = fabs(taken[i] - at) >= distance;
            if (!fits) continue;
            taken[ruler->tick_count] = at;
            add_tick(ruler, 1 - error_at(level));
        }
    }
}

/* The axis ends at round errors; 1 itself stands at the upper end, a level above the best value
 * below it. */
static void tick_error(struct snnreport_ruler *ruler, const struct snnreport_axis *axis,
                       const struct snnreport_extent *extent, double spacing)
{
    int bottom = 0, top = 0;
    bool perfect = extent->max >= 1 || axis->max >= 1;
    double least = fmin(extent->error_min, 1 - ruler->min);

    if (!isnan(axis->max) && axis->max < 1) least = 1 - axis->max;
    while (bottom + 2 < ERROR_LEVELS && error_at(bottom + 1) * (1 + 1e-9) >= 1 - ruler->min)
        bottom++;
    while (top + 1 < ERROR_LEVELS && error_at(top) > least * (1 + 1e-9))
        top++;
    if (top <= bottom || (perfect && top + 1 < ERROR_LEVELS)) top++;
    if (top <= bottom) top = bottom + 1;
    if (isnan(axis->min) || axis->min >= 1) ruler->min = 1 - error_at(bottom);
    ruler->max = 1 - error_at(top);
    choose_levels(ruler, bottom, top, spacing * 0.6);
    if (perfect && ruler->tick_count > 0) ruler->ticks[0].value = 1;
    label_error(ruler, axis);
}

/* ---- Ranges ---- */

/* A range with something in it, whatever was asked for. */
static void widen(struct snnreport_ruler *ruler, const struct snnreport_extent *extent)
{
    double magnitude = fmax(fabs(ruler->min), fabs(ruler->max));

    if (ruler->max - ruler->min > LEAST_SPAN * magnitude) return;
    if (ruler->scale == SNNREPORT_LOG) {
        ruler->min /= 2;
        ruler->max = 4 * ruler->min;
    } else if (magnitude == 0 || extent->from_zero) {
        ruler->min = fmin(0, ruler->min);
        ruler->max = fmax(magnitude, 1);
    } else if (extent->whole && magnitude < 1e6) {
        ruler->min -= 1;
        ruler->max += 1;
    } else {
        ruler->min -= magnitude * 0.05;
        ruler->max += magnitude * 0.05;
    }
}

void snnreport_ruler(struct snnreport_ruler *ruler, const struct snnreport_axis *axis,
                     const struct snnreport_extent *extent, double pixels, double spacing)
{
    bool empty = extent->min > extent->max;

    *ruler = (struct snnreport_ruler){.scale = axis->scale, .pixels = pixels};
    ruler->min = empty ? (axis->scale == SNNREPORT_LOG ? 1 : 0) : extent->min;
    ruler->max = empty ? (axis->scale == SNNREPORT_LOG ? 10 : 1) : extent->max;
    if (extent->from_zero && axis->scale == SNNREPORT_LINEAR) {
        ruler->min = fmin(0, ruler->min);
        ruler->max = fmax(0, ruler->max);
    }
    if (can_show(axis->scale, axis->min)) ruler->min = axis->min;
    if (can_show(axis->scale, axis->max)) ruler->max = axis->max;
    if (axis->scale == SNNREPORT_ERROR) {
        if (!isfinite(extent->error_min)) ruler->min = fmin(ruler->min, 0.9);
        tick_error(ruler, axis, extent, spacing);
        return;
    }
    widen(ruler, extent);
    if (axis->scale == SNNREPORT_LOG)
        tick_log(ruler, axis, extent, spacing);
    else
        tick_linear(ruler, axis, extent, spacing);
}

/* ---- Places ---- */

/* 0 at `min` and 1 at `max`; NaN: nowhere. */
static double fraction(const struct snnreport_ruler *ruler, double value)
{
    if (isnan(value)) return NAN;
    switch (ruler->scale) {
    case SNNREPORT_LOG:
        return value > 0 ? (log(value) - log(ruler->min)) / (log(ruler->max) - log(ruler->min))
                         : -INFINITY;
    case SNNREPORT_ERROR:
        if (value >= ruler->max) return value <= 1 + 1e-9 ? 1 : INFINITY;
        return log((1 - ruler->min) / (1 - value)) / log((1 - ruler->min) / (1 - ruler->max));
    case SNNREPORT_LINEAR:
        break;
    }
    return (value - ruler->min) / (ruler->max - ruler->min);
}

double snnreport_ruler_place(const struct snnreport_ruler *ruler, double value)
{
    double at = fraction(ruler, value);

    if (!(at >= -1e-6 && at <= 1 + 1e-6)) return NAN;
    return ruler->from + at * (ruler->to - ruler->from);
}

double snnreport_ruler_clamp(const struct snnreport_ruler *ruler, double value)
{
    double at = fraction(ruler, value);

    if (isnan(at)) return NAN;
    return ruler->from + fmax(0, fmin(1, at)) * (ruler->to - ruler->from);
}
