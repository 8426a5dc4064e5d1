/* Events as text, a line each (docs/formats/events.md).
 *
 *     preface: comments, names, the sensor's size -> the first rows, which decide -> rows
 *
 * Only whole lines are taken. What decides about columns and unit are the same bytes however the
 * file comes in: the rows within the first 4 KiB behind the preface. Numbers are decimal in any
 * locale and never pass through floating point: times are shifted to microseconds digit by digit.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/stream/format.h"
#include "libsnn/stream/table.h"

enum {
    LINE_MAX_SIZE = 4096, /* longer ones are no table */
    COLUMNS_MAX = 64,     /* looked at */
    PLACE_SIZE = 48,
    SHOWN = 20,
    NAMED = 60,
    UNNAMED = 50,
    PERHAPS = 30
};

enum phase { PHASE_PREFACE = 0, PHASE_SAMPLE, PHASE_ROWS };

struct csv_state {
    struct snnstream_columns asked;
    enum phase phase;
    uint64_t line; /* of the file, taken so far */
    struct snnstream_layout layout;
    int columns; /* of the first row */
    bool commas; /* between them */
    signed char role[COLUMNS_MAX];
    int last_column; /* that counts */
    bool named;      /* by a line of names, or a comment */
    double unit_us;  /* as named; 0: not */
    int shift;       /* to microseconds: 6 for seconds */
    bool rounds;     /* parts of a microsecond are expected */
    uint32_t width, height;
};

/* A line without its end. */
struct text {
    const char *at, *end;
};

/* ---- Numbers ---- */

struct decimal {
    uint64_t digits;
    int exponent; /* of ten */
    bool negative;
    bool pointed; /* written with a point or an exponent */
};

enum { DIGITS_MAX = 18, EXPONENT_MAX = 400, POWERS = 20 };

static const uint64_t powers[POWERS] = {1u,
                                        10u,
                                        100u,
                                        1000u,
                                        10000u,
                                        100000u,
                                        1000000u,
                                        10000000u,
                                        100000000u,
                                        1000000000u,
                                        10000000000u,
                                        100000000000u,
                                        1000000000000u,
                                        10000000000000u,
                                        100000000000000u,
                                        1000000000000000u,
                                        10000000000000000u,
                                        100000000000000000u,
                                        1000000000000000000u,
                                        10000000000000000000u};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Digits from *at on; those beyond the 18th only count as zeros. */
static const char *take_digits(const char *at, const char *end, struct decimal *out, int step)
{
    for (; at < end && is_digit(*at); at++) {
        if (out->digits < powers[DIGITS_MAX]) {
            out->digits = out->digits * 10 + (uint64_t)(*at - '0');
            out->exponent -= step;
        } else {
            out->exponent += 1 - step;
        }
    }
    return at;
}

/* NULL: no number. */
static const char *take_exponent(const char *at, const char *end, struct decimal *out)
{
    int value = 0;
    const bool down = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+')) at++;
    if (at == end || !is_digit(*at)) return NULL;
    for (; at < end && is_digit(*at); at++) {
        if (value < EXPONENT_MAX) value = value * 10 + (*at - '0');
    }
    out->exponent += down ? -value : value;
    out->pointed = true;
    return at;
}

static const char *take_word(const char *at, const char *end, const char *word)
{
    for (; *word != '\0'; word++, at++) {
        if (at == end || (*at | 0x20) != *word) return NULL;
    }
    return at;
}

/* A number, or true and false, which are 1 and 0; returns what is behind it, NULL: it is neither.
 */
static const char *take_number(const char *at, const char *end, struct decimal *out)
{
    *out = (struct decimal){0, 0, false, false};
    if (at == end) return NULL;
    if ((*at | 0x20) == 't' || (*at | 0x20) == 'f') {
        out->digits = (*at | 0x20) == 't';
        return take_word(at, end, out->digits != 0 ? "true" : "false");
    }
    out->negative = *at == '-';
    if (*at == '-' || *at == '+') at++;
    const char *first = at;
    at = take_digits(at, end, out, 0);
    ptrdiff_t digits = at - first;
    if (at < end && *at == '.') {
        first = ++at;
        out->pointed = true;
        at = take_digits(at, end, out, 1);
        digits += at - first;
    }
    if (digits == 0) return NULL;
    if (at < end && (*at | 0x20) == 'e') return take_exponent(at + 1, end, out);
    return at;
}

/* A whole number; false: it is none, or none that counts pixels or polarities. */
static bool to_whole(const struct decimal *number, int64_t *out)
{
    uint64_t value = number->digits;
    if (number->exponent != 0 && value != 0) {
        const int by = number->exponent < 0 ? -number->exponent : number->exponent;
        if (by >= POWERS) return false;
        if (number->exponent > 0 && value > UINT32_MAX) return false;
        if (number->exponent > 9 || (number->exponent < 0 && value % powers[by] != 0)) return false;
        value = number->exponent < 0 ? value / powers[by] : value * powers[by];
    }
    if (value > INT64_MAX) return false;
    *out = number->negative ? -(int64_t)value : (int64_t)value;
    return true;
}

/* Microseconds, to the nearest. *exact_out: nothing was rounded. */
static bool to_time(const struct decimal *number, int shift, uint64_t *out, bool *exact_out)
{
    static const uint64_t time_max = UINT64_C(1) << 53;
    const int exponent = number->exponent + shift;
    const uint64_t value = number->digits;
    *exact_out = true;
    if (number->negative && value != 0) return false;
    if (value == 0 || exponent == 0) {
        *out = value;
        return value <= time_max;
    }
    if (exponent > 0) {
        if (exponent >= POWERS || value > time_max / powers[exponent]) return false;
        *out = value * powers[exponent];
        return true;
    }
    const uint64_t unit = -exponent < POWERS ? powers[-exponent] : 0;
    *exact_out = unit != 0 && value % unit == 0;
    *out = unit == 0 ? 0 : value / unit + (value % unit >= unit - unit / 2);
    return *out <= time_max;
}

/* Near enough to look at the first rows. */
static double to_double(const struct decimal *number)
{
    double value = (double)number->digits;
    for (int i = 0; i < number->exponent && i < EXPONENT_MAX; i++)
        value *= 10.0;
    for (int i = 0; i > number->exponent && i > -EXPONENT_MAX; i--)
        value /= 10.0;
    return number->negative ? -value : value;
}

/* ---- Lines ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The next line of the window from `at` on. False: it is not whole yet, or there is none. */
static bool next_line(const struct snnstream_window *window, size_t at, struct text *out,
                      size_t *next_out)
{
    const char *bytes = (const char *)window->bytes;
    if (at == window->size) return false;
    const char *stop = memchr(bytes + at, '\n', window->size - at);
    if (stop == NULL && !window->last) return false;
    const char *end = stop != NULL ? stop : bytes + window->size;
    *next_out = (size_t)(end - bytes) + (stop != NULL);
    while (end > bytes + at && (end[-1] == '\r' || is_blank(end[-1])))
        end--;
    const char *begin = bytes + at;
    while (begin < end && is_blank(*begin))
        begin++;
    *out = (struct text){begin, end};
    return true;
}

static bool is_comment(struct text line)
{
    return line.at == line.end || *line.at == '#' || *line.at == '%';
}

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && is_blank(*at))
        at++;
    return at;
}

static bool has_commas(struct text line)
{
    const size_t size = (size_t)(line.end - line.at);
    return memchr(line.at, ',', size) != NULL || memchr(line.at, ';', size) != NULL;
}

/* The end of the field that begins at `at`: without commas a blank ends it, too. */
static const char *field_end(const char *at, const char *end, bool commas)
{
    const char *stop = at;
    while (stop < end && *stop != ',' && *stop != ';' && (commas || !is_blank(*stop)))
        stop++;
    while (stop > at && is_blank(stop[-1]))
        stop--;
    return stop;
}

/* From the end of one field to the begin of the next. */
static const char *skip_separator(const char *at, const char *end)
{
    at = skip_blanks(at, end);
    return at < end && (*at == ',' || *at == ';') ? skip_blanks(at + 1, end) : at;
}

/* Numbers of a line; how many, -1: something else is among them. */
static int read_numbers(struct text line, struct decimal *out, int room)
{
    const bool commas = has_commas(line);
    int count = 0;
    for (const char *at = line.at; at < line.end; count++) {
        struct decimal number;
        const char *behind = take_number(at, line.end, count < room ? &out[count] : &number);
        if (behind != field_end(at, line.end, commas)) return -1;
        at = skip_separator(behind, line.end);
    }
    return count;
}

/* ---- Preface ---- */

/* Names between commas may have blanks within ("t [us]"), others not. */
static void read_names(struct text line, struct snnstream_layout *layout, double *unit_us)
{
    const bool commas = has_commas(line);
    int column = 0;
    *layout = snnstream_layout_none();
    for (const char *at = line.at; at < line.end && column < COLUMNS_MAX; column++) {
        const char *end = field_end(at, line.end, commas);
        snnstream_layout_name(layout, column, at, (size_t)(end - at), unit_us);
        at = skip_separator(end, line.end);
    }
}

/* "% geometry:640,480" */
static bool read_geometry(struct text line, uint32_t *width, uint32_t *height)
{
    static const char word[] = "geometry";
    const char *at = skip_blanks(line.at + 1, line.end);
    struct decimal numbers[2];
    int64_t w = 0, h = 0;
    at = take_word(at, line.end, word);
    if (at == NULL) return false;
    at = skip_blanks(at, line.end);
    if (at == line.end || (*at != ':' && *at != '=')) return false;
    at = skip_blanks(at + 1, line.end);
    if (read_numbers((struct text){at, line.end}, numbers, 2) != 2) return false;
    if (!to_whole(&numbers[0], &w) || !to_whole(&numbers[1], &h)) return false;
    if (w <= 0 || h <= 0 || w > UINT16_MAX + 1 || h > UINT16_MAX + 1) return false;
    *width = (uint32_t)w;
    *height = (uint32_t)h;
    return true;
}

/* A comment tells the sensor's size, or the names of columns, or neither. */
static void read_comment(struct csv_state *s, struct text line)
{
    struct snnstream_layout layout;
    double unit = 0.0;
    if (line.at == line.end || read_geometry(line, &s->width, &s->height)) return;
    while (line.at < line.end && (*line.at == '#' || *line.at == '%' || is_blank(*line.at)))
        line.at++;
    read_names(line, &layout, &unit);
    if (!snnstream_layout_is_whole(&layout, true)) return;
    s->layout = layout;
    s->unit_us = unit;
    s->named = true;
}

/* A line before the first row; false: it is that row. */
static bool read_preface(struct csv_state *s, struct text line)
{
    struct decimal numbers[2];
    int64_t width = 0, height = 0;
    if (is_comment(line)) {
        read_comment(s, line);
        return true;
    }
    const int count = read_numbers(line, numbers, 2);
    if (count < 0 && !is_digit(*line.at) && *line.at != '-' && *line.at != '.') {
        read_names(line, &s->layout, &s->unit_us);
        s->named = true;
        return true;
    }
    if (count != 2 || s->width > 0) return false;
    if (!to_whole(&numbers[0], &width) || !to_whole(&numbers[1], &height)) return false;
    if (width <= 0 || height <= 0 || width > UINT16_MAX || height > UINT16_MAX) return false;
    s->width = (uint32_t)width;
    s->height = (uint32_t)height;
    return true;
}

/* The place of an error, "line 3, column 7", within `line` or of it as a whole. */
static const char *place_text(char text[PLACE_SIZE], const struct csv_state *s, const char *begin,
                              const char *at)
{
    snprintf(text, PLACE_SIZE, "line %" PRIu64 ", column %td", s->line + 1, at - begin + 1);
    return text;
}

static int fail_long(const struct csv_state *s, struct snn_context *context)
{
    return snnbase_fail(context, SNN_ERR_FORMAT, "line %" PRIu64 ": longer than %d bytes",
                        s->line + 1, LINE_MAX_SIZE);
}

static int take_preface(struct csv_state *s, struct snn_context *context,
                        struct snnstream_window *window)
{
    struct text line;
    size_t next = 0;
    static const unsigned char mark[3] = {0xef, 0xbb, 0xbf};
    if (window->offset == 0 && window->size < sizeof(mark) && !window->last) return SNN_OK;
    if (window->offset == 0 && window->size >= sizeof(mark) &&
        memcmp(window->bytes, mark, sizeof(mark)) == 0)
        window->taken = sizeof(mark);
    while (next_line(window, window->taken, &line, &next)) {
        if (next - window->taken > LINE_MAX_SIZE) return fail_long(s, context);
        if (!read_preface(s, line)) {
            s->phase = PHASE_SAMPLE;
            return SNN_OK;
        }
        window->taken = next;
        s->line++;
    }
    if (window->size - window->taken > LINE_MAX_SIZE) return fail_long(s, context);
    return SNN_OK;
}

/* ---- The first rows ---- */

struct first_rows {
    struct snnstream_sample sample;
    double times[SNNSTREAM_SAMPLE_ROWS]; /* as written, where that column is known */
    bool pointed;                        /* any of them, and it is not 0 */
    bool broken;                         /* any of them is no whole number */
    int columns;
};

/* Columns that are nothing of interest may hold anything, if it is known which these are. */
static int read_first(struct csv_state *s, struct snn_context *context, struct text line,
                      struct decimal *numbers, struct first_rows *out)
{
    static const struct decimal nothing = {.digits = 2, .negative = true}; /* fits no column */
    const bool known = s->named || s->asked.order[0] != '\0';
    const bool commas = has_commas(line);
    char place[PLACE_SIZE];
    int count = 0;
    for (const char *at = line.at; at < line.end && count < COLUMNS_MAX; count++) {
        const char *end = field_end(at, line.end, commas);
        const char *behind = take_number(at, line.end, &numbers[count]);
        if (behind != end && !known)
            return snnbase_fail(context, SNN_ERR_FORMAT, "%s: '%.*s' is no number",
                                place_text(place, s, line.at, at),
                                (int)(end - at < SHOWN ? end - at : SHOWN), at);
        if (behind != end) numbers[count] = nothing;
        at = skip_separator(end, line.end);
    }
    if (out->columns == 0) s->commas = commas;
    if (out->columns == 0) out->columns = count;
    if (known || count == out->columns) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_FORMAT, "%s: %d columns, %d in the rows before",
                        place_text(place, s, line.at, line.end), count, out->columns);
}

/* What the time column of the first rows looks like. */
static void look_at_times(struct first_rows *rows, const struct decimal *number)
{
    bool exact = true;
    uint64_t whole = 0;
    if (number->digits == 0) return;
    rows->pointed = rows->pointed || number->pointed;
    rows->broken = rows->broken || !to_time(number, 0, &whole, &exact) || !exact;
}

/* Goes over the rows within the first 4 KiB of the window: once for the columns, and where `time`
 * is a column's index, for its unit. */
static int scan_first(struct csv_state *s, struct snn_context *context,
                      const struct snnstream_window *window, struct first_rows *rows, int time)
{
    struct snnstream_window head = *window;
    const uint64_t line_before = s->line;
    struct decimal numbers[COLUMNS_MAX];
    struct text line;
    size_t at = 0, next = 0;
    int status = SNN_OK;
    if (head.size >= LINE_MAX_SIZE) {
        head.size = LINE_MAX_SIZE;
        head.last = false;
    }
    rows->sample.rows = 0;
    for (; status == SNN_OK && next_line(&head, at, &line, &next); at = next, s->line++) {
        if (is_comment(line)) continue;
        if (rows->sample.rows == SNNSTREAM_SAMPLE_ROWS) break;
        status = read_first(s, context, line, numbers, rows);
        if (status != SNN_OK) return status;
        for (int i = 0; i < SNNSTREAM_TABLE_USUAL && i < rows->columns; i++)
            rows->sample.values[rows->sample.rows][i] = to_double(&numbers[i]);
        if (time >= 0) look_at_times(rows, &numbers[time]);
        rows->sample.rows++;
    }
    s->line = line_before;
    return rows->sample.rows > 0 ? SNN_OK : fail_long(s, context);
}

static int find_layout(struct csv_state *s, struct snn_context *context,
                       const struct first_rows *rows)
{
    char place[PLACE_SIZE];
    snprintf(place, sizeof(place), "line %" PRIu64, s->line + 1);
    if (s->asked.order[0] != '\0') {
        s->layout = snnstream_layout_order(s->asked.order);
    } else if (s->named) {
        if (!snnstream_layout_is_whole(&s->layout, true))
            return snnstream_table_fail_open(context, place,
                                             "the names before it are not t, x, y and p");
    } else {
        const char *order =
            rows->columns == SNNSTREAM_TABLE_USUAL ? snnstream_sample_order(&rows->sample) : NULL;
        if (order == NULL)
            return snnstream_table_fail_open(context, place,
                                             "the first rows leave open which column is time and "
                                             "which polarity");
        s->layout = snnstream_layout_order(order);
    }
    s->columns = rows->columns;
    memset(s->role, -1, sizeof(s->role));
    for (int role = 0; role < SNNSTREAM_ROLE_COUNT; role++) {
        const int column = s->layout.column[role];
        if (column >= s->columns)
            return snnbase_fail(context, SNN_ERR_FORMAT, "%s: %d columns, and column %d is wanted",
                                place, s->columns, column + 1);
        if (column >= 0) s->role[column] = (signed char)role;
        if (column > s->last_column) s->last_column = column;
    }
    return SNN_OK;
}

/* Whole numbers are microseconds, broken ones seconds; 654.0 may be either. */
static int find_unit(struct csv_state *s, struct snn_context *context,
                     const struct first_rows *rows)
{
    double unit = s->asked.unit_us > 0.0 ? s->asked.unit_us : s->unit_us;
    s->rounds = unit > 0.0 || rows->broken;
    if (unit == 0.0 && rows->pointed && !rows->broken) {
        snnbase_fail(context, SNN_ERR_FORMAT,
                     "line %" PRIu64 ": times with a decimal point that are whole numbers may be "
                     "seconds or microseconds",
                     s->line + 1);
        return snnbase_hint(context, "say which in the view: unit=s or unit=us");
    }
    if (unit == 0.0) unit = rows->broken ? 1e6 : 1.0;
    s->shift = unit > 5e5 ? 6 : unit > 500.0 ? 3 : unit > 0.5 ? 0 : -3;
    return SNN_OK;
}

static int take_sample(struct csv_state *s, struct snn_context *context,
                       struct snnstream_window *window)
{
    struct first_rows rows = {.columns = 0};
    if (window->size < LINE_MAX_SIZE && !window->last) {
        window->need = LINE_MAX_SIZE;
        return SNN_OK;
    }
    int status = scan_first(s, context, window, &rows, -1);
    if (status == SNN_OK) status = find_layout(s, context, &rows);
    if (status == SNN_OK)
        status = scan_first(s, context, window, &rows, s->layout.column[SNNSTREAM_ROLE_T]);
    if (status == SNN_OK) status = find_unit(s, context, &rows);
    if (status == SNN_OK) s->phase = PHASE_ROWS;
    return status;
}

/* ---- Rows ---- */

static int fail_field(const struct csv_state *s, struct snn_context *context, struct text line,
                      const char *at, int role)
{
    static const char *const wanted[] = {"a time of 0 or more", "a column within 0..65535",
                                         "a row within 0..65535",
                                         "a polarity, 0, 1, -1, true or false"};
    const char *end = field_end(at, line.end, s->commas);
    char place[PLACE_SIZE];
    const int shown = end - at < SHOWN ? (int)(end - at) : SHOWN;
    place_text(place, s, line.at, at);
    if (shown == 0)
        return snnbase_fail(context, SNN_ERR_FORMAT, "%s: nothing where %s is wanted", place,
                            wanted[role]);
    return snnbase_fail(context, SNN_ERR_FORMAT, "%s: '%.*s' is not %s", place, shown, at,
                        wanted[role]);
}

/* False: the number is none for this role. */
static bool set_value(const struct csv_state *s, struct snn_camera_event *event, int role,
                      const struct decimal *number, bool *exact_out)
{
    int64_t whole = 0;
    if (role == SNNSTREAM_ROLE_T) return to_time(number, s->shift, &event->time_us, exact_out);
    if (number->exponent == 0 && !number->negative && number->digits <= UINT16_MAX)
        whole = (int64_t)number->digits;
    else if (!to_whole(number, &whole))
        return false;
    if (role == SNNSTREAM_ROLE_X) return snnstream_table_pixel(whole, &event->x);
    if (role == SNNSTREAM_ROLE_Y) return snnstream_table_pixel(whole, &event->y);
    return snnstream_table_polarity(whole, &event->polarity);
}

static int fail_inexact(const struct csv_state *s, struct snn_context *context, struct text line,
                        const char *at)
{
    char place[PLACE_SIZE];
    snnbase_fail(context, SNN_ERR_FORMAT, "%s: a part of a microsecond, after times that are whole",
                 place_text(place, s, line.at, at));
    return snnbase_hint(context, "say in what the times are in the view: unit=us, ms, s or ns");
}

static int read_row(const struct csv_state *s, struct snn_context *context, struct text line,
                    struct snn_camera_event *out)
{
    const char *at = line.at;
    out->polarity = 1;
    for (int column = 0; column <= s->last_column; column++) {
        const int role = s->role[column];
        struct decimal number;
        bool exact = true;
        const char *behind =
            role < 0 ? field_end(at, line.end, s->commas) : take_number(at, line.end, &number);
        if (role >= 0 && (behind == NULL || behind < field_end(behind, line.end, s->commas) ||
                          !set_value(s, out, role, &number, &exact)))
            return fail_field(s, context, line, at, role);
        if (!exact && !s->rounds) return fail_inexact(s, context, line, at);
        at = skip_separator(behind, line.end);
    }
    if (at == line.end || s->last_column + 1 < s->columns) return SNN_OK;
    char place[PLACE_SIZE];
    return snnbase_fail(context, SNN_ERR_FORMAT, "%s: more than %d columns",
                        place_text(place, s, line.at, at), s->columns);
}

static int take_rows(struct csv_state *s, struct snn_context *context,
                     struct snnstream_window *window, struct snnstream_batch *out)
{
    struct text line;
    size_t next = 0;
    while (out->count < out->room && next_line(window, window->taken, &line, &next)) {
        if (next - window->taken > LINE_MAX_SIZE) return fail_long(s, context);
        if (!is_comment(line)) {
            int status = read_row(s, context, line, &out->items[out->count]);
            if (status != SNN_OK) return status;
            out->count++;
        }
        window->taken = next;
        s->line++;
    }
    if (out->count < out->room && window->size - window->taken > LINE_MAX_SIZE)
        return fail_long(s, context);
    return SNN_OK;
}

/* ---- The format ---- */

static int csv_begin(void *state, struct snn_context *context,
                     const struct snnstream_columns *columns)
{
    struct csv_state *s = state;
    (void)context;
    s->asked = *columns;
    s->layout = snnstream_layout_none();
    return SNN_OK;
}

/* One phase, which may end the window or go over to the next. */
static int run_phase(struct csv_state *s, struct snn_context *context,
                     struct snnstream_window *window, struct snnstream_batch *out)
{
    if (s->phase == PHASE_PREFACE) return take_preface(s, context, window);
    if (s->phase == PHASE_SAMPLE) return take_sample(s, context, window);
    return take_rows(s, context, window, out);
}

static int csv_decode(void *state, struct snn_context *context, struct snnstream_window *window,
                      struct snnstream_batch *out)
{
    struct csv_state *s = state;
    enum phase before;
    int status;
    do {
        struct snnstream_window rest = *window;
        before = s->phase;
        rest.bytes += window->taken;
        rest.size -= window->taken;
        rest.offset += window->taken;
        rest.taken = 0;
        status = run_phase(s, context, &rest, out);
        if (rest.need > 0) window->need = window->taken + rest.need;
        window->taken += rest.taken;
    } while (status == SNN_OK && s->phase != before);
    return status;
}

static void csv_describe(const void *state, struct snn_recording_info *info)
{
    const struct csv_state *s = state;
    info->width = s->width;
    info->height = s->height;
}

/* Text throughout, with names or rows of numbers. */
static int csv_probe(const unsigned char *head, size_t size, uint64_t file_size)
{
    struct csv_state s = {.layout = snnstream_layout_none()};
    const struct snnstream_window window = {.bytes = head, .size = size, .last = true};
    struct decimal numbers[COLUMNS_MAX];
    struct text line;
    size_t at = size >= 3 && memcmp(head, "\xef\xbb\xbf", 3) == 0 ? 3 : 0, next = 0;
    (void)file_size;
    for (size_t i = at; i < size; i++) {
        const bool control = head[i] < ' ' && strchr("\t\r\n", head[i]) == NULL;
        if (control || head[i] == '\0' || head[i] == 0x7f) return 0;
    }
    for (; next_line(&window, at, &line, &next); at = next) {
        if (read_preface(&s, line)) continue;
        if (snnstream_layout_is_whole(&s.layout, true)) return NAMED;
        if (read_numbers(line, numbers, COLUMNS_MAX) < 3) return 0;
        return s.named ? PERHAPS : UNNAMED;
    }
    return snnstream_layout_is_whole(&s.layout, true) ? NAMED : 0;
}

const struct snnstream_format_ops snnstream_csv_format = {
    .name = "CSV",
    .summary = "tables of events (.csv, .txt)",
    .state_size = sizeof(struct csv_state),
    .takes_columns = true,
    .probe = csv_probe,
    .begin = csv_begin,
    .decode = csv_decode,
    .describe = csv_describe,
};
