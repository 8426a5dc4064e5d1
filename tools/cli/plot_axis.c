/* Where values stand on a plot, and which of them are labelled; see plot_parts.h.
 *
 * An axis offers more ticks than fit, in ranks of roundness; the plot drops those that would touch.
 */
#include <math.h>
#include <string.h>

#include "tools/cli/plot_parts.h"

#define STEPS_LINEAR_MAX 40
#define STRETCH_FROM 0.9  /* best accuracy from which the axis may stretch */
#define STRETCH_RATIO 6.0 /* worst error over best error from which it does */
#define SPAN_MIN 0.02     /* a flat curve does not fill the height with noise */
#define LEVEL_COUNT 16    /* 1 - value: 1, 0.5, 0.2, 0.1, ... */

static double errors_at(int level)
{
    static const double mantissas[] = {1, 0.5, 0.2};
    int decade = level / 3;
    return mantissas[level % 3] * pow(10, -decade);
}

/* "99.5": per cent with no more decimals than needed. */
static void percent_label(char label[24], double value)
{
    snprintf(label, 24, "%.6g", value * 100);
}

static void add_tick(struct snncli_axis *axis, double value, int rank)
{
    if (axis->tick_count == SNNCLI_TICK_MAX) return;
    struct snncli_tick *tick = &axis->ticks[axis->tick_count++];
    tick->value = value;
    tick->rank = rank;
    tick->label[0] = '\0';
}

struct range {
    double low;
    double high;
    double error_min; /* smallest error above 0; INFINITY if there is none */
};

static void range_add(struct range *range, double value)
{
    if (isnan(value)) return;
    if (value < range->low) range->low = value;
    if (value > range->high) range->high = value;
    if (value < 1 && 1 - value < range->error_min) range->error_min = 1 - value;
}

/* The axis runs from one round error to another. If 1 itself is among the values it stands at the
 * upper end, one level above the best value below 1, and the end is labelled 100. */
static void stretch(struct snncli_axis *axis, const struct range *range)
{
    bool perfect = range->high >= 1;
    int bottom = 0, top = 0;

    /* The tolerance keeps 0.9, whose error is not quite 0.1, on its own level. */
    while (bottom + 1 < LEVEL_COUNT && errors_at(bottom + 1) * (1 + 1e-9) >= 1 - range->low)
        bottom++;
    while (top + 1 < LEVEL_COUNT && errors_at(top) > range->error_min * (1 + 1e-9))
        top++;
    if (perfect && top + 1 < LEVEL_COUNT) top++;
    axis->scale = SNNCLI_SCALE_STRETCHED;
    axis->low = 1 - errors_at(bottom);
    axis->high = 1 - errors_at(top);
    for (int level = bottom; level <= top; level++) {
        static const int ranks[] = {1, 2, 3};
        bool end = level == bottom || level == top;
        add_tick(axis, 1 - errors_at(level), end ? 0 : ranks[level % 3]);
        percent_label(axis->ticks[axis->tick_count - 1].label, 1 - errors_at(level));
    }
    if (perfect) percent_label(axis->ticks[axis->tick_count - 1].label, 1);
}

/* The smallest of 1, 2, 5 times a power of ten that is not below `step`. */
static double round_step(double step)
{
    double power = pow(10, floor(log10(step)));
    double mantissa = step / power;
    return power * (mantissa <= 1.001 ? 1 : mantissa <= 2.001 ? 2 : mantissa <= 5.001 ? 5 : 10);
}

static void spread(struct snncli_axis *axis, const struct range *range)
{
    double low = range->low, high = range->high;

    if (high - low < SPAN_MIN) {
        double middle = (low + high) / 2;
        high = fmin(1, fmax(middle + SPAN_MIN / 2, SPAN_MIN));
        low = fmax(0, high - SPAN_MIN);
    }
    double step = round_step((high - low) / 4);
    long first = lround(floor(low / step + 1e-6));
    long last = lround(ceil(high / step - 1e-6));
    axis->scale = SNNCLI_SCALE_LINEAR;
    axis->low = (double)first * step;
    axis->high = (double)last * step;
    for (long i = first; i <= last; i++) {
        add_tick(axis, (double)i * step, i == first || i == last ? 0 : 1);
        percent_label(axis->ticks[axis->tick_count - 1].label, (double)i * step);
    }
}

void snncli_axis_accuracy(struct snncli_axis *axis, const double *values, size_t count,
                          double reference)
{
    struct range range = {INFINITY, -INFINITY, INFINITY};

    memset(axis, 0, sizeof *axis);
    for (size_t i = 0; i < count; i++)
        range_add(&range, values[i]);
    range_add(&range, reference);
    if (range.high < range.low) range.low = range.high = 0;
    if (range.high >= STRETCH_FROM && 1 - range.low >= STRETCH_RATIO * range.error_min)
        stretch(axis, &range);
    else
        spread(axis, &range);
}

static void add_step(struct snncli_axis *axis, size_t step, int rank)
{
    add_tick(axis, (double)step, rank);
    struct snncli_tick *tick = &axis->ticks[axis->tick_count - 1];
    snprintf(tick->label, sizeof tick->label, "%zu", step);
}

/* 2, 5, 10, 20, 50, ... below `count`. */
static void add_decades(struct snncli_axis *axis, size_t count)
{
    for (size_t power = 1; power < count; power *= 10) {
        if (power > 1) add_step(axis, power, 1);
        if (power < count - power) add_step(axis, 2 * power, 3);
        if (power <= (count - 1) / 5) add_step(axis, 5 * power, 2);
        if (power > count / 10) break;
    }
}

void snncli_axis_steps(struct snncli_axis *axis, size_t count)
{
    memset(axis, 0, sizeof *axis);
    axis->scale = count > STEPS_LINEAR_MAX ? SNNCLI_SCALE_LOG : SNNCLI_SCALE_LINEAR;
    axis->low = 1;
    axis->high = (double)count;
    add_step(axis, 1, 0);
    if (axis->scale == SNNCLI_SCALE_LINEAR) {
        for (size_t step = 2; step < count; step++)
            add_step(axis, step, step % 10 == 0 ? 1 : step % 5 == 0 ? 2 : 3);
    } else {
        add_decades(axis, count);
    }
    if (count > 1) add_step(axis, count, 0);
}

double snncli_axis_place(const struct snncli_axis *axis, double value)
{
    if (axis->high <= axis->low) return 0.5;
    if (value <= axis->low) return 0;
    if (value >= axis->high) return 1;
    switch (axis->scale) {
    case SNNCLI_SCALE_LOG:
        return log(value / axis->low) / log(axis->high / axis->low);
    case SNNCLI_SCALE_STRETCHED:
        return log((1 - axis->low) / (1 - value)) / log((1 - axis->low) / (1 - axis->high));
    case SNNCLI_SCALE_LINEAR:
        break;
    }
    return (value - axis->low) / (axis->high - axis->low);
}
