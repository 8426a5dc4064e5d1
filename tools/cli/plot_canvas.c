/* Dots and the characters that show them; see plot_parts.h.
 *
 * Braille characters give eight dots a cell. ASCII has marks for the upper and the lower half of a
 * cell, which still tells a flat curve from a rising one.
 */
#include <stdlib.h>
#include <string.h>

#include "snn/status.h"
#include "tools/cli/plot_parts.h"

int snncli_canvas_init(struct snncli_canvas *canvas, int columns, int rows, bool utf8)
{
    size_t cells = (size_t)columns * (size_t)rows;

    memset(canvas, 0, sizeof *canvas);
    canvas->columns = columns;
    canvas->rows = rows;
    canvas->utf8 = utf8;
    canvas->width = columns * (utf8 ? 2 : 1);
    canvas->height = rows * (utf8 ? 4 : 2);
    canvas->dots = calloc(cells, 1);
    canvas->inks = calloc(cells, 1);
    if (canvas->dots && canvas->inks) return SNN_OK;
    snncli_canvas_fini(canvas);
    return SNN_ERR_NOMEM;
}

void snncli_canvas_fini(struct snncli_canvas *canvas)
{
    free(canvas->dots);
    free(canvas->inks);
    memset(canvas, 0, sizeof *canvas);
}

static size_t cell_index(const struct snncli_canvas *canvas, int column, int row)
{
    return (size_t)row * (size_t)canvas->columns + (size_t)column;
}

void snncli_canvas_dot(struct snncli_canvas *canvas, int x, int y, enum snncli_ink ink)
{
    int across = canvas->utf8 ? 2 : 1, down = canvas->utf8 ? 4 : 2;

    if (x < 0 || y < 0 || x >= canvas->width || y >= canvas->height) return;
    size_t cell = cell_index(canvas, x / across, y / down);
    /* In ASCII a cell shows one thing: the curve covers the reference. */
    if (!canvas->utf8 && ink > canvas->inks[cell]) canvas->dots[cell] = 0;
    canvas->dots[cell] |= (unsigned char)(1u << (4 * (x % across) + y % down));
    if (ink > canvas->inks[cell]) canvas->inks[cell] = (unsigned char)ink;
}

/* Bresenham's line. */
void snncli_canvas_line(struct snncli_canvas *canvas, int x0, int y0, int x1, int y1)
{
    int dx = abs(x1 - x0), dy = -abs(y1 - y0);
    int step_x = x0 < x1 ? 1 : -1, step_y = y0 < y1 ? 1 : -1;
    int error = dx + dy;

    for (;;) {
        snncli_canvas_dot(canvas, x0, y0, SNNCLI_INK_CURVE);
        if (x0 == x1 && y0 == y1) return;
        int doubled = 2 * error;
        if (doubled >= dy) {
            error += dy;
            x0 += step_x;
        }
        if (doubled <= dx) {
            error += dx;
            y0 += step_y;
        }
    }
}

void snncli_canvas_dashes(struct snncli_canvas *canvas, int y)
{
    for (int x = 0; x < canvas->width; x++) {
        bool gap = canvas->utf8 ? x % 4 >= 2 : x % 2 == 1;
        if (!gap) snncli_canvas_dot(canvas, x, y, SNNCLI_INK_REFERENCE);
    }
}

enum snncli_ink snncli_canvas_ink(const struct snncli_canvas *canvas, int column, int row)
{
    return (enum snncli_ink)canvas->inks[cell_index(canvas, column, row)];
}

/* Braille dots are numbered 1 2 3 7 down the left side and 4 5 6 8 down the right one; bit n - 1 of
 * U+2800 + bits shows dot n. */
static void put_braille(FILE *out, unsigned dots)
{
    static const unsigned char braille_bit[8] = {0, 1, 2, 6, 3, 4, 5, 7};
    unsigned bits = 0;

    for (unsigned i = 0; i < 8; i++)
        if (dots >> i & 1u) bits |= 1u << braille_bit[i];
    /* U+2800..U+28FF is E2 A0..A3 80..BF. */
    putc(0xe2, out);
    putc((int)(0xa0 + (bits >> 6)), out);
    putc((int)(0x80 + (bits & 0x3f)), out);
}

void snncli_canvas_put(const struct snncli_canvas *canvas, FILE *out, int column, int row)
{
    unsigned dots = canvas->dots[cell_index(canvas, column, row)];

    if (dots == 0)
        putc(' ', out);
    else if (canvas->utf8)
        put_braille(out, dots);
    else if (snncli_canvas_ink(canvas, column, row) == SNNCLI_INK_REFERENCE)
        putc('-', out);
    else
        putc(dots == 1 ? '\'' : dots == 2 ? '.' : '|', out);
}
