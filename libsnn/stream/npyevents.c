/* Events in arrays of NumPy: structured ones, whose fields have names, and plain ones of a row an
 * event (docs/formats/events.md).
 *
 * Rows in C order are decoded as they come. An array in Fortran order holds one column after
 * another, so that its first event is known when its last column begins: it is asked for whole.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/little.h"
#include "libsnn/base/npyhead.h"
#include "libsnn/base/size.h"
#include "libsnn/stream/format.h"
#include "libsnn/stream/table.h"

enum { PLACE_SIZE = 64, NAMED = 100, WHOLE_NUMBERS = 90, UNNAMED = 60, PERHAPS = 10 };

/* Doubles count without gaps up to there. */
static const double whole_max = 9007199254740992.0;

struct column {
    size_t offset; /* of its first element behind the header */
    uint32_t stride;
    char type; /* 'b', 'i', 'u', 'f' */
    uint32_t size;
    bool big_endian;
};

enum phase { PHASE_HEADER = 0, PHASE_LAYOUT, PHASE_ROWS };

struct npy_state {
    struct snnstream_columns asked;
    enum phase phase;
    struct snnbase_npy_header header;
    struct column columns[SNNSTREAM_ROLE_COUNT];
    bool has_polarity;
    double unit_us;
    uint64_t rows, row; /* all, and the next */
    uint32_t row_size;
    size_t data_size; /* Fortran order: of all elements */
};

/* ---- What an array may be ---- */

static uint64_t plain_columns(const struct snnbase_npy_header *header)
{
    return header->field_count == 0 && header->rank == 2 ? header->shape[1] : 0;
}

static struct snnstream_layout named_layout(const struct snnbase_npy_header *header,
                                            double *unit_us)
{
    struct snnstream_layout layout = snnstream_layout_none();
    for (uint32_t i = 0; i < header->field_count; i++) {
        const char *name = header->fields[i].name;
        snnstream_layout_name(&layout, (int)i, name, strlen(name), unit_us);
    }
    return layout;
}

static int npy_probe(const unsigned char *head, size_t size, uint64_t file_size)
{
    struct snnbase_npy_header header;
    const struct snnbase_npy_file file = {"", head, size};
    (void)file_size;
    if (!snnbase_npyhead_probe(head, size) || snnbase_npyhead_size(head, size) > size) return 0;
    if (snnbase_npyhead_parse(&header, NULL, &file) != SNN_OK) return 0;
    if (header.field_count > 0) {
        double unit = 0.0;
        const struct snnstream_layout layout = named_layout(&header, &unit);
        return snnstream_layout_is_whole(&layout, true) ? NAMED : UNNAMED;
    }
    const uint64_t columns = plain_columns(&header);
    if (columns < 3 || header.type == 'b') return 0;
    const bool whole = (header.type == 'i' || header.type == 'u') && header.item_size > 1;
    return whole && columns == SNNSTREAM_TABLE_USUAL ? WHOLE_NUMBERS : PERHAPS;
}

/* ---- Header and layout ---- */

static int npy_begin(void *state, struct snn_context *context,
                     const struct snnstream_columns *columns)
{
    struct npy_state *s = state;
    (void)context;
    s->asked = *columns;
    return SNN_OK;
}

static int fail_layout(struct snn_context *context, const char *why)
{
    return snnstream_table_fail_open(context, "byte 0", why);
}

static int check_shape(struct npy_state *s, struct snn_context *context)
{
    const struct snnbase_npy_header *header = &s->header;
    const bool list = header->rank == 1 || (header->rank == 2 && header->shape[1] == 1);
    if (header->field_count > 0 ? list : plain_columns(header) >= 3) {
        s->rows = header->shape[0];
        s->row_size = header->item_size;
        if (header->field_count == 0 && header->shape[1] > UINT16_MAX)
            return snnbase_fail(context, SNN_ERR_LIMIT, "byte 0: %" PRIu64 " columns",
                                header->shape[1]);
        if (header->field_count == 0) s->row_size *= (uint32_t)header->shape[1];
        return SNN_OK;
    }
    char shape[SNNBASE_NPY_TEXT_SIZE];
    snnbase_npyhead_text(shape, header->shape, header->rank);
    return snnbase_fail(context, SNN_ERR_FORMAT,
                        "byte 0: an array of shape %s holds no events: "
                        "(N,) of named fields and (N, 4) do",
                        shape);
}

static int read_header(struct npy_state *s, struct snn_context *context,
                       struct snnstream_window *window)
{
    const size_t size = snnbase_npyhead_size(window->bytes, window->size);
    const struct snnbase_npy_file file = {"byte 0", window->bytes, window->size};
    size_t data_size = 0;
    if (size > window->size && size <= SNNBASE_NPY_PARSED_MAX && !window->last) {
        window->need = size;
        return SNN_OK;
    }
    int status = snnbase_npyhead_parse(&s->header, context, &file);
    if (status == SNN_OK) status = check_shape(s, context);
    if (status != SNN_OK) return status;
    if (s->rows > SIZE_MAX || !snnbase_size_mul((size_t)s->rows, s->row_size, &data_size))
        return snnbase_fail(context, SNN_ERR_LIMIT, "byte 0: %" PRIu64 " events", s->rows);
    if (s->header.field_count > 0 || s->header.rank < 2) s->header.fortran_order = false;
    s->data_size = data_size;
    window->taken = s->header.data_offset;
    s->phase = PHASE_LAYOUT;
    return SNN_OK;
}

/* The column that the layout names, as the header has it. */
static int set_column(struct npy_state *s, struct snn_context *context, int index,
                      struct column *out)
{
    const struct snnbase_npy_header *header = &s->header;
    if (header->field_count > 0) {
        const struct snnbase_npy_field *field = &header->fields[index];
        if (field->type == 'V' || (field->type == 'f' && field->size < 4))
            return snnbase_fail(context, SNN_ERR_UNSUPPORTED,
                                "byte 0: field '%s' holds no whole numbers or floats of 4 or 8 "
                                "bytes",
                                field->name);
        *out = (struct column){field->offset, header->item_size, field->type, field->size,
                               field->big_endian};
        return SNN_OK;
    }
    if (header->type == 'b' || (header->type == 'f' && header->item_size < 4))
        return snnbase_fail(context, SNN_ERR_UNSUPPORTED, "byte 0: events of dtype %s",
                            header->dtype);
    const size_t offset = (size_t)index * header->item_size;
    *out =
        (struct column){offset, s->row_size, header->type, header->item_size, header->big_endian};
    if (header->fortran_order) {
        out->offset = offset * (size_t)s->rows;
        out->stride = header->item_size;
    }
    return SNN_OK;
}

static int set_layout(struct npy_state *s, struct snn_context *context,
                      const struct snnstream_layout *layout)
{
    const bool asked = s->asked.order[0] != '\0';
    const uint64_t columns =
        s->header.field_count > 0 ? s->header.field_count : plain_columns(&s->header);
    if (asked && strlen(s->asked.order) > columns)
        return snnbase_fail(context, SNN_ERR_FORMAT,
                            "byte 0: columns=%s for a table of %" PRIu64 " columns", s->asked.order,
                            columns);
    for (int role = 0; role < SNNSTREAM_ROLE_COUNT; role++) {
        if (layout->column[role] < 0) continue;
        int status = set_column(s, context, layout->column[role], &s->columns[role]);
        if (status != SNN_OK) return status;
    }
    s->has_polarity = layout->column[SNNSTREAM_ROLE_P] >= 0;
    const bool real = s->columns[SNNSTREAM_ROLE_T].type == 'f';
    if (s->asked.unit_us > 0.0) s->unit_us = s->asked.unit_us;
    if (s->unit_us == 0.0) s->unit_us = real ? 1e6 : 1.0;
    s->phase = PHASE_ROWS;
    return SNN_OK;
}

/* ---- Elements ---- */

static uint64_t load_bits(const struct column *column, const unsigned char *at)
{
    uint64_t bits = 0;
    if (column->size == 1) return at[0];
    if (column->big_endian) {
        for (uint32_t i = 0; i < column->size; i++)
            bits = bits << 8 | at[i];
        return bits;
    }
    if (column->size == 2) return snnbase_little16(at);
    return column->size == 4 ? snnbase_little32(at) : snnbase_little64(at);
}

static double load_float(const struct column *column, const unsigned char *at)
{
    const uint64_t bits = load_bits(column, at);
    double value;
    if (column->size == 4) {
        const uint32_t half = (uint32_t)bits;
        float single;
        memcpy(&single, &half, sizeof(single));
        return (double)single;
    }
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* False: no whole number that an int64 holds. */
static bool load_whole(const struct column *column, const unsigned char *at, int64_t *out)
{
    if (column->type == 'f') {
        const double value = load_float(column, at);
        if (!(fabs(value) <= whole_max) || floor(value) < value) return false;
        *out = (int64_t)value;
        return true;
    }
    const uint64_t bits = load_bits(column, at);
    const uint64_t sign = UINT64_C(1) << (8 * column->size - 1);
    if (column->type != 'i') {
        *out = (int64_t)bits;
        return bits <= INT64_MAX;
    }
    *out =
        (bits & sign) != 0 ? (int64_t)(bits & (sign - 1)) - (int64_t)(sign - 1) - 1 : (int64_t)bits;
    return true;
}

static bool load_time(const struct column *column, const unsigned char *at, double unit_us,
                      uint64_t *out)
{
    int64_t whole = 0;
    if (column->type != 'f')
        return load_whole(column, at, &whole) && snnstream_table_time(whole, unit_us, out);
    const double us = load_float(column, at) * unit_us;
    if (!(us >= 0.0 && us <= whole_max)) return false;
    *out = (uint64_t)llround(us);
    return true;
}

/* The role whose value is none; SNNSTREAM_ROLE_COUNT: it is an event. */
static int load_event(const struct npy_state *s, const unsigned char *bytes, size_t row,
                      struct snn_camera_event *out)
{
    const struct column *c = s->columns;
    const unsigned char *at[SNNSTREAM_ROLE_COUNT];
    int64_t x = 0, y = 0, p = 1;
    for (int role = 0; role < SNNSTREAM_ROLE_COUNT; role++)
        at[role] = bytes + c[role].offset + row * c[role].stride;
    if (!load_time(&c[SNNSTREAM_ROLE_T], at[SNNSTREAM_ROLE_T], s->unit_us, &out->time_us))
        return SNNSTREAM_ROLE_T;
    if (!load_whole(&c[SNNSTREAM_ROLE_X], at[SNNSTREAM_ROLE_X], &x) ||
        !snnstream_table_pixel(x, &out->x))
        return SNNSTREAM_ROLE_X;
    if (!load_whole(&c[SNNSTREAM_ROLE_Y], at[SNNSTREAM_ROLE_Y], &y) ||
        !snnstream_table_pixel(y, &out->y))
        return SNNSTREAM_ROLE_Y;
    if (s->has_polarity && !load_whole(&c[SNNSTREAM_ROLE_P], at[SNNSTREAM_ROLE_P], &p))
        return SNNSTREAM_ROLE_P;
    return snnstream_table_polarity(p, &out->polarity) ? SNNSTREAM_ROLE_COUNT : SNNSTREAM_ROLE_P;
}

static int fail_value(const struct npy_state *s, struct snn_context *context, uint64_t offset,
                      const unsigned char *at, int role)
{
    static const char *const wanted[] = {"a time of 0 or more", "a column within 0..65535",
                                         "a row within 0..65535", "a polarity, 0, 1 or -1"};
    const struct column *column = &s->columns[role];
    int64_t whole = 0;
    char text[PLACE_SIZE];
    if (column->type == 'f')
        snprintf(text, sizeof(text), "%g", load_float(column, at));
    else if (load_whole(column, at, &whole))
        snprintf(text, sizeof(text), "%" PRId64, whole);
    else
        snprintf(text, sizeof(text), "%" PRIu64, load_bits(column, at));
    snnbase_fail(context, SNN_ERR_FORMAT, "byte %" PRIu64 ": event %" PRIu64 ": %s is not %s",
                 offset, s->row, text, wanted[role]);
    return snnbase_hint(context, "if the columns are others, say so in the view: columns=txyp");
}

/* ---- The first rows ---- */

static void take_sample(struct snnstream_sample *out, const struct npy_state *s,
                        const unsigned char *bytes)
{
    out->rows = s->rows < SNNSTREAM_SAMPLE_ROWS ? (size_t)s->rows : SNNSTREAM_SAMPLE_ROWS;
    for (int i = 0; i < SNNSTREAM_TABLE_USUAL; i++) {
        for (size_t row = 0; row < out->rows; row++) {
            const struct column *c = &s->columns[i];
            int64_t whole = -1; /* fits no column */
            (void)load_whole(c, bytes + c->offset + row * c->stride, &whole);
            out->values[row][i] = (double)whole;
        }
    }
}

/* A plain array has one of the usual orders: its first rows tell. */
static int guess_layout(struct npy_state *s, struct snn_context *context,
                        struct snnstream_window *window, struct snnstream_layout *out)
{
    struct snnstream_sample sample;
    if (s->header.type == 'f')
        return fail_layout(context, "an array of floats may be frames as well as events");
    if (plain_columns(&s->header) != SNNSTREAM_TABLE_USUAL)
        return fail_layout(context, "a table of other than four columns");
    const size_t first = s->rows < SNNSTREAM_SAMPLE_ROWS ? (size_t)s->rows : SNNSTREAM_SAMPLE_ROWS;
    const size_t needed = s->header.fortran_order ? s->data_size : first * s->row_size;
    if (window->size < needed && !window->last) {
        window->need = needed;
        return SNN_OK;
    }
    if (window->size < needed || first == 0) { /* cut off, which the rows will tell */
        *out = snnstream_layout_order("txyp");
        return SNN_OK;
    }
    for (int i = 0; i < SNNSTREAM_TABLE_USUAL; i++) {
        int status = set_column(s, context, i, &s->columns[i]);
        if (status != SNN_OK) return status;
    }
    take_sample(&sample, s, window->bytes);
    const char *order = snnstream_sample_order(&sample);
    if (order == NULL)
        return fail_layout(context, "the first rows leave open which column is time and which "
                                    "polarity");
    *out = snnstream_layout_order(order);
    return SNN_OK;
}

static int find_layout(struct npy_state *s, struct snn_context *context,
                       struct snnstream_window *window)
{
    struct snnstream_layout layout = snnstream_layout_none();
    if (s->asked.order[0] != '\0') {
        layout = snnstream_layout_order(s->asked.order);
    } else if (s->header.field_count > 0) {
        layout = named_layout(&s->header, &s->unit_us);
        if (!snnstream_layout_is_whole(&layout, true))
            return fail_layout(context, "its fields are not named t, x, y and p");
    } else {
        int status = guess_layout(s, context, window, &layout);
        if (status != SNN_OK || window->need > 0) return status;
    }
    return set_layout(s, context, &layout);
}

/* ---- Rows ---- */

static int read_rows(struct npy_state *s, struct snn_context *context,
                     struct snnstream_window *window, struct snnstream_batch *out)
{
    const bool whole = s->header.fortran_order;
    if (whole && window->size < s->data_size && s->row < s->rows) {
        window->need = window->last ? 0 : s->data_size;
        if (!window->last) return SNN_OK;
    }
    size_t at = whole ? (size_t)s->row : 0;
    const size_t rows = whole ? (size_t)s->rows : window->size / s->row_size;
    for (; at < rows && s->row < s->rows && out->count < out->room; at++, s->row++) {
        struct snn_camera_event *event = &out->items[out->count];
        if (whole && window->size < s->data_size) break;
        const int role = load_event(s, window->bytes, at, event);
        if (role < SNNSTREAM_ROLE_COUNT) {
            const size_t place = s->columns[role].offset + at * s->columns[role].stride;
            return fail_value(s, context, window->offset + place, window->bytes + place, role);
        }
        out->count++;
    }
    if (!whole)
        window->taken = at * s->row_size;
    else if (s->row == s->rows && s->data_size <= window->size)
        window->taken = s->data_size;
    return SNN_OK;
}

/* What does not go on as the header says. */
static int check_end(struct npy_state *s, struct snn_context *context,
                     const struct snnstream_window *window, const struct snnstream_batch *out)
{
    const size_t left = window->size - window->taken;
    const uint64_t place = window->offset + window->taken;
    if (s->row == s->rows) {
        s->data_size = 0; /* taken, in either order */
        if (left == 0) return SNN_OK;
        return snnbase_fail(context, SNN_ERR_FORMAT,
                            "byte %" PRIu64 ": bytes behind the last of %" PRIu64 " events", place,
                            s->rows);
    }
    if (!window->last || out->count == out->room) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_FORMAT,
                        "byte %" PRIu64 ": cut off: %" PRIu64 " of %" PRIu64 " events are there",
                        window->offset + window->size, s->row, s->rows);
}

static int npy_decode(void *state, struct snn_context *context, struct snnstream_window *window,
                      struct snnstream_batch *out)
{
    struct npy_state *s = state;
    if (s->phase == PHASE_HEADER) return read_header(s, context, window);
    if (s->phase == PHASE_LAYOUT) {
        int status = find_layout(s, context, window);
        if (status != SNN_OK || s->phase == PHASE_LAYOUT) return status;
    }
    int status = read_rows(s, context, window, out);
    return status == SNN_OK && window->need == 0 ? check_end(s, context, window, out) : status;
}

const struct snnstream_format_ops snnstream_npy_format = {
    .name = "NPY",
    .summary = "arrays of events (.npy)",
    .state_size = sizeof(struct npy_state),
    .takes_columns = true,
    .probe = npy_probe,
    .begin = npy_begin,
    .decode = npy_decode,
};
