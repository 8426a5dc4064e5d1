/* Puts the pictures together: frame, labels and dots of a curve; bars. See plot.h.
 *
 * A plot is drawn on a canvas of dots first and printed row by row, so that colour and text around
 * it need no cursor movement and the output may go into a file.
 */
#include "tools/cli/plot.h"

#include <math.h>
#include <string.h>

#include "snn/status.h"
#include "tools/cli/plot_parts.h"
#include "tools/cli/table.h"

#define WIDTH_DEFAULT 80
#define WIDTH_MIN 40
#define WIDTH_MAX 1000
#define HEIGHT_DEFAULT 10
#define HEIGHT_MIN 3
#define HEIGHT_MAX 200
#define COLUMNS_MIN 12 /* of the canvas, however long the labels */
#define NONE (-1)

#define CYAN "\033[36m"
#define YELLOW "\033[33m"
#define PLAIN "\033[0m"

/* Text to the right of a row: the last value and the reference. */
struct note {
    int row; /* NONE: not there */
    const char *color;
    char text[48];
};

struct plot {
    FILE *out;
    const struct snncli_curve *curve;
    struct snncli_plot_style style;
    struct snncli_axis x;
    struct snncli_axis y;
    struct snncli_canvas canvas;
    int label_width; /* of the tick labels at the left */
    struct note last;
    struct note reference;
};

static int dot_x(const struct plot *plot, size_t step)
{
    return (int)lround(snncli_axis_place(&plot->x, (double)step) * (plot->canvas.width - 1));
}

static int dot_y(const struct plot *plot, double value)
{
    return (int)lround((1 - snncli_axis_place(&plot->y, value)) * (plot->canvas.height - 1));
}

static int row_of(const struct plot *plot, double value)
{
    return dot_y(plot, value) * plot->canvas.rows / plot->canvas.height;
}

static int column_of(const struct plot *plot, size_t step)
{
    return dot_x(plot, step) * plot->canvas.columns / plot->canvas.width;
}

static const char *colored(const struct plot *plot, const char *color)
{
    return plot->style.color ? color : "";
}

/* Joins neighbouring values by lines; a value without neighbours becomes a small cross. */
static void draw_curve(struct plot *plot)
{
    const struct snncli_curve *curve = plot->curve;

    for (size_t i = 0; i < curve->count; i++) {
        if (isnan(curve->values[i])) continue;
        bool before = i > 0 && !isnan(curve->values[i - 1]);
        bool after = i + 1 < curve->count && !isnan(curve->values[i + 1]);
        int x = dot_x(plot, i + 1), y = dot_y(plot, curve->values[i]);
        if (before)
            snncli_canvas_line(&plot->canvas, dot_x(plot, i), dot_y(plot, curve->values[i - 1]), x,
                               y);
        if (before || after) continue;
        snncli_canvas_line(&plot->canvas, x - 1, y, x + 1, y);
        snncli_canvas_line(&plot->canvas, x, y - 1, x, y + 1);
    }
}

/* Texts of the two notes; their rows are not known before the canvas is. */
static void write_notes(struct plot *plot)
{
    const struct snncli_curve *curve = plot->curve;
    const char *name = curve->reference_label ? curve->reference_label : "";

    plot->last = (struct note){.row = NONE, .color = CYAN};
    plot->reference = (struct note){.row = NONE, .color = YELLOW};
    if (curve->count > 0 && !isnan(curve->values[curve->count - 1]))
        snprintf(plot->last.text, sizeof plot->last.text, "%s",
                 snncli_format_percent(curve->values[curve->count - 1]).text);
    if (!isnan(curve->reference))
        snprintf(plot->reference.text, sizeof plot->reference.text, "%.24s%s%s", name,
                 *name ? " " : "", snncli_format_percent(curve->reference).text);
}

/* A note stands beside its line; where both lines end in one row, the lower value's note moves down
 * (or the upper one's up, in the last row). */
static void place_notes(struct plot *plot)
{
    const struct snncli_curve *curve = plot->curve;

    if (*plot->last.text) plot->last.row = row_of(plot, curve->values[curve->count - 1]);
    if (*plot->reference.text) plot->reference.row = row_of(plot, curve->reference);
    if (plot->last.row == NONE || plot->last.row != plot->reference.row) return;
    bool last_above = curve->values[curve->count - 1] > curve->reference;
    struct note *upper = last_above ? &plot->last : &plot->reference;
    struct note *lower = last_above ? &plot->reference : &plot->last;
    if (lower->row + 1 < plot->canvas.rows)
        lower->row++;
    else
        upper->row--;
}

/* The label of each row, or NULL: as many ticks as there are rows for, round ones first. */
static const char *row_label(const struct plot *plot, int row)
{
    const struct snncli_tick *best = NULL;

    for (size_t i = 0; i < plot->y.tick_count; i++) {
        const struct snncli_tick *tick = &plot->y.ticks[i];
        if (row_of(plot, tick->value) == row && (!best || tick->rank < best->rank)) best = tick;
    }
    return best ? best->label : NULL;
}

static void put_note(const struct plot *plot, const struct note *note, int row)
{
    if (note->row != row) return;
    fprintf(plot->out, " %s%s%s", colored(plot, note->color), note->text, colored(plot, PLAIN));
}

static void put_row(const struct plot *plot, int row)
{
    const char *label = row_label(plot, row);
    const char *frame = plot->style.utf8 ? (label ? "┤" : "│") : (label ? "+" : "|");
    enum snncli_ink ink = SNNCLI_INK_NONE;
    int end = plot->canvas.columns;

    fprintf(plot->out, "%*s %s", plot->label_width, label ? label : "", frame);
    if (row != plot->last.row && row != plot->reference.row)
        while (end > 0 && snncli_canvas_ink(&plot->canvas, end - 1, row) == SNNCLI_INK_NONE)
            end--;
    for (int column = 0; column < end; column++) {
        enum snncli_ink next = snncli_canvas_ink(&plot->canvas, column, row);
        if (next != ink && next != SNNCLI_INK_NONE) {
            fputs(colored(plot, next == SNNCLI_INK_CURVE ? CYAN : YELLOW), plot->out);
            ink = next;
        }
        snncli_canvas_put(&plot->canvas, plot->out, column, row);
    }
    if (ink != SNNCLI_INK_NONE) fputs(colored(plot, PLAIN), plot->out);
    put_note(plot, &plot->last, row);
    put_note(plot, &plot->reference, row);
    putc('\n', plot->out);
}

/* The line of labels under the plot, and the columns that get a tick. */
struct ruler {
    int columns;
    char labels[WIDTH_MAX + 1];
    bool ticks[WIDTH_MAX];
};

/* Writes a label centred under its tick, two blanks away from others; false if there is no room. */
static bool ruler_add(struct ruler *ruler, int column, const char *label)
{
    int length = (int)strlen(label);
    int start = column - (length - 1) / 2;

    if (start + length > ruler->columns) start = ruler->columns - length;
    if (start < 0) return false;
    for (int i = start - 2; i < start + length + 2; i++)
        if (i >= 0 && i < ruler->columns && ruler->labels[i] != ' ') return false;
    memcpy(ruler->labels + start, label, (size_t)length);
    ruler->ticks[column] = true;
    return true;
}

/* All ticks of a rank but for one beside an end, or none (false): a row with holes would mislead.
 */
static bool ruler_add_rank(struct ruler *ruler, const struct plot *plot, int rank)
{
    struct ruler trial = *ruler;
    size_t wanted = 0, added = 0;

    for (size_t i = 0; i < plot->x.tick_count; i++) {
        const struct snncli_tick *tick = &plot->x.ticks[i];
        if (tick->rank != rank) continue;
        wanted++;
        added += ruler_add(&trial, column_of(plot, (size_t)tick->value), tick->label);
    }
    if (rank > 0 && added + 1 < wanted) return false;
    *ruler = trial;
    return true;
}

static void put_ruler(const struct plot *plot)
{
    struct ruler ruler = {.columns = plot->canvas.columns};
    bool utf8 = plot->style.utf8;

    memset(ruler.labels, ' ', (size_t)ruler.columns);
    for (int rank = 0; rank <= 3; rank++)
        ruler_add_rank(&ruler, plot, rank);
    fprintf(plot->out, "%*s %s", plot->label_width, "", utf8 ? "└" : "+");
    for (int i = 0; i < ruler.columns; i++)
        fputs(utf8 ? (ruler.ticks[i] ? "┬" : "─") : (ruler.ticks[i] ? "+" : "-"), plot->out);
    fprintf(plot->out, "\n%*s  %s step\n", plot->label_width, "", ruler.labels);
}

/* Width of the canvas: what labels at the left and notes at the right leave. */
static int canvas_columns(struct plot *plot)
{
    int notes = (int)sizeof "step" - 1;

    for (size_t i = 0; i < plot->y.tick_count; i++) {
        int width = (int)strlen(plot->y.ticks[i].label);
        if (width > plot->label_width) plot->label_width = width;
    }
    int last = (int)snncli_text_width(plot->last.text);
    int reference = (int)snncli_text_width(plot->reference.text);
    if (last > notes) notes = last;
    if (reference > notes) notes = reference;
    int columns = plot->style.width - plot->label_width - 2 - 1 - notes;
    return columns < COLUMNS_MIN ? COLUMNS_MIN : columns;
}

static void put_plot(struct plot *plot)
{
    if (!isnan(plot->curve->reference))
        snncli_canvas_dashes(&plot->canvas, dot_y(plot, plot->curve->reference));
    draw_curve(plot);
    place_notes(plot);
    if (plot->curve->label)
        fprintf(plot->out, "%*s %s\n", plot->label_width, "%", plot->curve->label);
    for (int row = 0; row < plot->canvas.rows; row++)
        put_row(plot, row);
    put_ruler(plot);
}

static int bounded(int value, int fallback, int min, int max)
{
    if (value == 0) value = fallback;
    return value < min ? min : value > max ? max : value;
}

int snncli_plot_curve(FILE *out, const struct snncli_curve *curve,
                      const struct snncli_plot_style *style)
{
    struct plot plot = {.out = out, .curve = curve, .style = *style};
    int rows = bounded(curve->height, HEIGHT_DEFAULT, HEIGHT_MIN, HEIGHT_MAX);

    if (curve->count == 0) return SNN_ERR_INVALID;
    plot.style.width = bounded(style->width, WIDTH_DEFAULT, WIDTH_MIN, WIDTH_MAX);
    snncli_axis_steps(&plot.x, curve->count);
    snncli_axis_accuracy(&plot.y, curve->values, curve->count, curve->reference);
    write_notes(&plot);
    int columns = canvas_columns(&plot);
    int status = snncli_canvas_init(&plot.canvas, columns, rows, style->utf8);
    if (status != SNN_OK) return status;
    put_plot(&plot);
    snncli_canvas_fini(&plot.canvas);
    return SNN_OK;
}

int snncli_plot_blocks(FILE *out, double length, bool utf8)
{
    static const char *const parts[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};

    if (!(length > 0)) return 0;
    if (!utf8) {
        int whole = length < 1 ? 1 : (int)lround(length);
        for (int i = 0; i < whole; i++)
            putc('#', out);
        return whole;
    }
    int eighths = length < 0.125 ? 1 : (int)(length * 8);
    for (int i = 0; i < eighths / 8; i++)
        fputs("█", out);
    fputs(parts[eighths % 8], out);
    return (eighths + 7) / 8;
}

static const char *bar_text(const struct snncli_bar *bar, struct snncli_text *buffer)
{
    if (bar->text) return bar->text;
    *buffer = snncli_format_si(bar->value);
    return buffer->text;
}

void snncli_plot_bars(FILE *out, const struct snncli_bar *bars, size_t count,
                      const struct snncli_plot_style *style)
{
    int width = bounded(style->width, WIDTH_DEFAULT, WIDTH_MIN, WIDTH_MAX);
    int label_width = 0, text_width = 0;
    double largest = 0;
    struct snncli_text buffer;

    for (size_t i = 0; i < count; i++) {
        int label = (int)snncli_text_width(bars[i].label);
        int text = (int)snncli_text_width(bar_text(&bars[i], &buffer));
        if (label > label_width) label_width = label;
        if (text > text_width) text_width = text;
        if (bars[i].value > largest) largest = bars[i].value;
    }
    int room = width - label_width - text_width - 4;
    if (room < 8) room = 8;
    for (size_t i = 0; i < count; i++) {
        const char *text = bar_text(&bars[i], &buffer);
        int label_pad = label_width - (int)snncli_text_width(bars[i].label);
        int text_pad = text_width - (int)snncli_text_width(text);
        fprintf(out, "%s%*s  %*s%s", bars[i].label, label_pad, "", text_pad, "", text);
        if (bars[i].value > 0) {
            fprintf(out, "  %s", style->color ? CYAN : "");
            snncli_plot_blocks(out, bars[i].value / largest * room, style->utf8);
            if (style->color) fputs(PLAIN, out);
        }
        putc('\n', out);
    }
}
