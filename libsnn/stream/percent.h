/* The text that recordings of Prophesee's tools begin with (.raw, .dat): lines "% key value", up to
 * the first that does not begin so. What the keys mean is for each format to say.
 *
 * Nothing marks the end where "% end" is not there, so a line of which a byte is no text is the
 * first of the data.
 * Source: docs.prophesee.ai, "RAW File Format" and "DAT File Format".
 */
#ifndef SNN_STREAM_PERCENT_H
#define SNN_STREAM_PERCENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libsnn/stream/format.h"
#include "snn/context.h"

enum { SNNSTREAM_PERCENT_LINE_MAX = 4096 };

enum snnstream_percent {
    SNNSTREAM_PERCENT_LINE, /* one line, in *out */
    SNNSTREAM_PERCENT_MORE, /* more bytes are needed to tell */
    SNNSTREAM_PERCENT_DATA, /* no line: the header is over */
    SNNSTREAM_PERCENT_LONG, /* a line beyond the limit */
};

/* Neither is terminated, nor has it space around. */
struct snnstream_percent_line {
    const char *key, *value;
    size_t key_size, value_size;
    size_t size;     /* of the whole line, its end included */
    uint64_t offset; /* of the line in the file, for messages; the caller's */
};

/* What the bytes begin with; `last`: no more come behind them. */
enum snnstream_percent snnstream_percent_next(struct snnstream_percent_line *out,
                                              const unsigned char *bytes, size_t size, bool last);

/* What the window has behind what is taken of it; a line is taken too. Errors: FORMAT (LONG). */
int snnstream_percent_take(struct snnstream_percent_line *out, struct snn_context *context,
                           struct snnstream_window *window, enum snnstream_percent *what_out);

/* Case does not matter. */
bool snnstream_percent_key(const struct snnstream_percent_line *line, const char *key);

/* The whole of the text as a decimal number of at most nine digits. */
bool snnstream_percent_number(const char *text, size_t size, uint32_t *out);

/* One side of a sensor: 1 to 65535. Where it is known already, it must be the same. Errors: FORMAT.
 */
int snnstream_percent_side(struct snn_context *context, const struct snnstream_percent_line *line,
                           const char *text, size_t size, uint32_t *side);

#endif
