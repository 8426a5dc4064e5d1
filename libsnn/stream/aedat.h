/* What the versions of AEDAT have in common: a header of lines of text.
 *
 *     #!AER-DAT2.0\r\n
 *     # AEChip: eu.seebetter.ini.chips.davis.DAVIS240C\r\n
 *     ...
 *
 * Versions 1 and 2 do not say where it ends: there a line is what begins with # and holds text.
 * Source: "AEDAT file formats", https://docs.inivation.com
 */
#ifndef SNN_STREAM_AEDAT_H
#define SNN_STREAM_AEDAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libsnn/stream/format.h"

/* A longer one is no line of text. */
enum { SNNSTREAM_AEDAT_LINE_MAX = 1 << 20 };

struct snnstream_aedat_line {
    const char *text; /* in the window, behind its # */
    size_t size;      /* without the end of line */
};

enum snnstream_aedat_next { SNNSTREAM_AEDAT_LINE, SNNSTREAM_AEDAT_DATA, SNNSTREAM_AEDAT_MORE };

/* What stands at the bytes of the window that are not taken yet: a line, which is taken, or data,
 * or the beginning of what may be a line. */
enum snnstream_aedat_next snnstream_aedat_line(struct snnstream_window *window,
                                               struct snnstream_aedat_line *out);

/* True if the line begins so; the rest, without blanks, is then in *rest. */
bool snnstream_aedat_begins(const struct snnstream_aedat_line *line, const char *begin,
                            struct snnstream_aedat_line *rest);

/* The number behind "#!AER-DAT", times ten: 20, 31, 40; 0: no version is told. */
unsigned snnstream_aedat_version(const unsigned char *head, size_t size);

/* Width and height of the sensor that a device or a class is named after, whatever the case of its
 * letters: "DAVIS240C" is 240x180. Both 0: none that is known. */
void snnstream_aedat_sensor(const struct snnstream_aedat_line *name, uint32_t *width,
                            uint32_t *height);

/* True if `word` stands in the text, whatever the case of its letters; `word` is lower case. */
bool snnstream_aedat_names(const struct snnstream_aedat_line *text, const char *word);

#endif
