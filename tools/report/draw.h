/* What all charts draw with: places on the view box, words as wide as they may get, boxes that
 * words have taken. Nothing here knows what a chart shows.
 *
 * No font can be measured here. Widths are those of DejaVu Sans, the widest of the fonts that the
 * style asks for, so that what fits by them fits in all.
 */
#ifndef TOOLS_REPORT_DRAW_H
#define TOOLS_REPORT_DRAW_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/report/text.h"

#define SNNREPORT_SIZE 12.0   /* of words, in pixels */
#define SNNREPORT_TICK 11.0   /* of ticks */
#define SNNREPORT_SHRINK 0.85 /* least width of a chart on a page, of what it was drawn for */

/* Width of a string in a size; never less than what a browser gives it. */
double snnreport_width(const char *string, double size);

enum snnreport_anchor { SNNREPORT_START, SNNREPORT_MIDDLE, SNNREPORT_END };

struct snnreport_word {
    const char *string;
    double x, y; /* y: of the baseline */
    double size; /* in which it is set by its class; 0: SNNREPORT_SIZE */
    enum snnreport_anchor anchor;
    const char *classes; /* NULL: none */
    double width_max;    /* longer ones are cut, with an ellipsis; 0: as long as it is */
};

struct snnreport_box {
    double left, top, right, bottom;
};

/* What a word takes, after it is cut. */
struct snnreport_box snnreport_word_box(const struct snnreport_word *word);
void snnreport_word(struct snnreport_text *out, const struct snnreport_word *word);

/* Boxes that are taken. */
struct snnreport_places {
    struct snnreport_box *boxes; /* malloc's */
    size_t count, capacity;
};
bool snnreport_places_free(const struct snnreport_places *places, struct snnreport_box box);
/* Only while the text has not failed; fails it without memory. */
void snnreport_places_take(struct snnreport_places *places, struct snnreport_text *out,
                           struct snnreport_box box);
void snnreport_places_fini(struct snnreport_places *places);

/* A coordinate in tenths of a pixel behind `before`: "L12.5". Beyond 99999 it stays there. */
void snnreport_coordinate(struct snnreport_text *out, const char *before, double value);
void snnreport_point(struct snnreport_text *out, const char *before, double x, double y);

/* ` NAME="VALUE"`; nothing where the value is NULL. */
void snnreport_attribute(struct snnreport_text *out, const char *name, const char *value);

/* "12 345 678", in groups by narrow no-break spaces. */
void snnreport_count(char text[40], unsigned long long count);

#define SNNREPORT_MARGIN 12 /* around a picture in a file of its own, */
#define SNNREPORT_HEAD 36   /* with its title above */

/* Of a file of its own the size is told and its language, of a part of a page the least width. */
enum snnreport_host { SNNREPORT_PAGE, SNNREPORT_FILE };
void snnreport_open(struct snnreport_text *out, enum snnreport_host host, const char *title,
                    const char *description, unsigned width, unsigned height);
void snnreport_shut(struct snnreport_text *out);

#endif
