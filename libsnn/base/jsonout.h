/* JSON out: a small streaming writer into a buffer or a file. Numbers are the shortest text that
 * reads back to the same value, in any locale; NaN and infinities become null. Strings are escaped;
 * bytes in them that are not UTF-8 become U+FFFD.
 *
 * Objects and arrays are laid out one member a line down to `pretty_depth`, on one line below.
 * Errors stick: every call after a failed one does nothing, and snnbase_jsonout_finish tells.
 */
#ifndef SNN_BASE_JSONOUT_H
#define SNN_BASE_JSONOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libsnn/base/buffer.h"
#include "libsnn/base/file.h"
#include "snn/context.h"

struct snnbase_jsonout {
    struct snn_context *context;
    struct snnbase_buffer *buffer;    /* borrowed; text is appended */
    struct snnbase_file_writer *file; /* borrowed; the buffer is emptied into it; NULL: no file */
    int pretty_depth;
    int depth;
    bool first; /* no comma before the next value */
    bool keyed; /* a key was just written */
    int status; /* first error */
};

void snnbase_jsonout_init(struct snnbase_jsonout *out, struct snn_context *context,
                          struct snnbase_buffer *buffer, int pretty_depth);

/* The same into a file that was just created and is committed by the caller: the buffer, empty,
 * only holds what is not worth a write yet. */
void snnbase_jsonout_init_file(struct snnbase_jsonout *out, struct snnbase_buffer *buffer,
                               struct snnbase_file_writer *file, int pretty_depth);
void snnbase_jsonout_object_open(struct snnbase_jsonout *out);
void snnbase_jsonout_object_close(struct snnbase_jsonout *out);
void snnbase_jsonout_array_open(struct snnbase_jsonout *out);
void snnbase_jsonout_array_close(struct snnbase_jsonout *out);
void snnbase_jsonout_key(struct snnbase_jsonout *out, const char *key);
void snnbase_jsonout_string(struct snnbase_jsonout *out, const char *string); /* NULL: null */
/* A string in pieces of which no byte needs an escape: open, pieces, close. */
void snnbase_jsonout_string_open(struct snnbase_jsonout *out);
void snnbase_jsonout_string_piece(struct snnbase_jsonout *out, const void *text, size_t size);
void snnbase_jsonout_string_close(struct snnbase_jsonout *out);
void snnbase_jsonout_double(struct snnbase_jsonout *out, double value);
void snnbase_jsonout_float(struct snnbase_jsonout *out, float value); /* shortest for a float32 */
void snnbase_jsonout_int(struct snnbase_jsonout *out, int64_t value);
void snnbase_jsonout_uint(struct snnbase_jsonout *out, uint64_t value);
void snnbase_jsonout_bool(struct snnbase_jsonout *out, bool value);
void snnbase_jsonout_null(struct snnbase_jsonout *out);

/* Members: a key with its value. Those that open take NULL for an element of an array. */
void snnbase_jsonout_put_string(struct snnbase_jsonout *out, const char *key, const char *value);
void snnbase_jsonout_put_double(struct snnbase_jsonout *out, const char *key, double value);
void snnbase_jsonout_put_int(struct snnbase_jsonout *out, const char *key, int64_t value);
void snnbase_jsonout_put_uint(struct snnbase_jsonout *out, const char *key, uint64_t value);
void snnbase_jsonout_put_uints(struct snnbase_jsonout *out, const char *key, const uint32_t *values,
                               size_t count);
void snnbase_jsonout_put_bool(struct snnbase_jsonout *out, const char *key, bool value);
void snnbase_jsonout_put_null(struct snnbase_jsonout *out, const char *key);
void snnbase_jsonout_put_object(struct snnbase_jsonout *out, const char *key);
void snnbase_jsonout_put_array(struct snnbase_jsonout *out, const char *key);

/* Appends the final newline, hands all text to the file if there is one, and returns the first
 * error of the whole document. */
int snnbase_jsonout_finish(struct snnbase_jsonout *out);

/* Whether a string is UTF-8 and so reads back as it was written. */
bool snnbase_jsonout_keeps(const char *string);

#endif
