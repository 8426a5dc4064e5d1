/* Words, boxes and numbers of charts; see draw.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/report/draw.h"

#define ELLIPSIS "\xE2\x80\xA6"
#define ASCENT 0.93  /* of the size: what DejaVu Sans takes above the baseline (table hhea), */
#define DESCENT 0.24 /* and below */

/* Hundredths of the size that a character is wide: the advances of DejaVu Sans (table hmtx, rounded
 * up), whose letters Verdana shares; others are narrower. */
static unsigned advance(uint32_t code)
{
    static const unsigned char ascii[] = {
        32, 41, 46, 84, 64, 96, 78, 28, 40, 40, 50, 84, 32, 37,  32, 34, 64, 64, 64,
        64, 64, 64, 64, 64, 64, 64, 34, 34, 84, 84, 84, 54, 100, 69, 69, 70, 77, 64,
        58, 78, 76, 30, 30, 66, 56, 87, 75, 79, 61, 79, 70, 64,  62, 74, 69, 99, 69,
        62, 69, 40, 34, 40, 84, 50, 50, 62, 64, 55, 64, 62, 36,  64, 64, 28, 28, 58,
        28, 98, 64, 62, 64, 64, 42, 53, 40, 64, 60, 82, 60, 60,  53, 64, 34, 64, 84};

    if (code >= 32 && code < 32 + sizeof ascii) return ascii[code - 32];
    if (code == 0xB5 || (code >= 0x391 && code <= 0x3C9)) return 80; /* micro sign, Greek */
    if (code == 0x202F || code == 0x2009) return 32;                 /* narrow spaces */
    return 110; /* the widest of what is neither Latin nor ideographic */
}

double snnreport_width(const char *string, double size)
{
    double hundredths = 0;

    while (*string) {
        uint32_t code;
        string += snnreport_character(string, &code);
        hundredths += advance(code);
    }
    return hundredths / 100 * size;
}

/* Bytes of a string that fit into a width, with an ellipsis behind them if not all do. */
static size_t fitting(const char *string, double size, double width_max, bool *cut_out)
{
    double room = width_max - snnreport_width(ELLIPSIS, size), width = 0;
    size_t at = 0, kept = 0;

    *cut_out = false;
    while (string[at]) {
        uint32_t code;
        at += snnreport_character(string + at, &code);
        width += advance(code) / 100.0 * size;
        if (width <= room) kept = at;
    }
    if (width_max <= 0 || width <= width_max) return at;
    *cut_out = true;
    return kept;
}

static double word_size(const struct snnreport_word *word)
{
    return word->size > 0 ? word->size : SNNREPORT_SIZE;
}

struct snnreport_box snnreport_word_box(const struct snnreport_word *word)
{
    double size = word_size(word), width = snnreport_width(word->string, size);
    double left = word->x;

    if (word->width_max > 0) width = fmin(width, word->width_max);
    if (word->anchor == SNNREPORT_MIDDLE) left -= width / 2;
    if (word->anchor == SNNREPORT_END) left -= width;
    return (struct snnreport_box){left, word->y - ASCENT * size, left + width,
                                  word->y + DESCENT * size};
}

void snnreport_word(struct snnreport_text *out, const struct snnreport_word *word)
{
    static const char *const anchors[] = {NULL, "middle", "end"};
    bool cut;
    size_t size = fitting(word->string, word_size(word), word->width_max, &cut);

    if (size == 0 && !cut) return;
    snnreport_put(out, "<text");
    snnreport_coordinate(out, " x=\"", word->x);
    snnreport_coordinate(out, "\" y=\"", word->y);
    snnreport_put(out, "\"");
    snnreport_attribute(out, "class", word->classes);
    snnreport_attribute(out, "text-anchor", anchors[word->anchor]);
    snnreport_put(out, ">");
    if (cut) {
        snnreport_escaped_part(out, word->string, size);
        snnreport_put(out, ELLIPSIS "<title>");
    }
    snnreport_escaped(out, word->string);
    if (cut) snnreport_put(out, "</title>");
    snnreport_put(out, "</text>\n");
}

bool snnreport_places_free(const struct snnreport_places *places, struct snnreport_box box)
{
    for (size_t i = 0; i < places->count; i++) {
        const struct snnreport_box *other = &places->boxes[i];
        if (box.left < other->right && other->left < box.right && box.top < other->bottom &&
            other->top < box.bottom)
            return false;
    }
    return true;
}

void snnreport_places_take(struct snnreport_places *places, struct snnreport_text *out,
                           struct snnreport_box box)
{
    if (out->failed) return;
    if (places->count == places->capacity) {
        size_t capacity = places->capacity > 0 ? 2 * places->capacity : 64;
        struct snnreport_box *boxes = realloc(places->boxes, capacity * sizeof *boxes);
        if (!boxes) {
            out->failed = true;
            return;
        }
        places->boxes = boxes;
        places->capacity = capacity;
    }
    places->boxes[places->count++] = box;
}

void snnreport_places_fini(struct snnreport_places *places)
{
    free(places->boxes);
    *places = (struct snnreport_places){0};
}

void snnreport_coordinate(struct snnreport_text *out, const char *before, double value)
{
    long tenths = lround(fmax(-99999, fmin(99999, value)) * 10);
    long whole = labs(tenths) / 10, rest = labs(tenths) % 10;
    const char *sign = tenths < 0 ? "-" : "";

    if (rest == 0)
        snnreport_printf(out, "%s%s%ld", before, sign, whole);
    else
        snnreport_printf(out, "%s%s%ld.%ld", before, sign, whole, rest);
}

void snnreport_point(struct snnreport_text *out, const char *before, double x, double y)
{
    snnreport_coordinate(out, before, x);
    snnreport_coordinate(out, ",", y);
}

void snnreport_attribute(struct snnreport_text *out, const char *name, const char *value)
{
    if (!value) return;
    snnreport_printf(out, " %s=\"", name);
    snnreport_escaped(out, value);
    snnreport_put(out, "\"");
}

void snnreport_count(char text[40], unsigned long long count)
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%llu", count);
    size_t end = 0;

    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0) {
            memcpy(text + end, "\xE2\x80\xAF", 3);
            end += 3;
        }
        text[end++] = digits[i];
    }
    text[end] = '\0';
}

void snnreport_open(struct snnreport_text *out, enum snnreport_host host, const char *title,
                    const char *description, unsigned width, unsigned height)
{
    if (host == SNNREPORT_FILE)
        snnreport_printf(out,
                         "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" role=\"img\" "
                         "viewBox=\"%d %d %u %u\" width=\"%u\" height=\"%u\">\n",
                         -SNNREPORT_MARGIN, -SNNREPORT_HEAD, width + 2 * SNNREPORT_MARGIN,
                         height + SNNREPORT_MARGIN + SNNREPORT_HEAD, width + 2 * SNNREPORT_MARGIN,
                         height + SNNREPORT_MARGIN + SNNREPORT_HEAD);
    else
        snnreport_printf(out,
                         "<svg class=\"chart\" role=\"img\" viewBox=\"0 0 %u %u\""
                         " style=\"display:block;width:100%%;height:auto;min-width:%.0fpx\">\n",
                         width, height, SNNREPORT_SHRINK * width);
    snnreport_put(out, "<title>");
    snnreport_escaped(out, title ? title : "");
    snnreport_put(out, "</title>\n");
    if (description) {
        snnreport_put(out, "<desc>");
        snnreport_escaped(out, description);
        snnreport_put(out, "</desc>\n");
    }
}

void snnreport_shut(struct snnreport_text *out)
{
    snnreport_put(out, "</svg>\n");
}
