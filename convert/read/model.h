/* Readers of whole models: bytes of a file into a program. One const struct a format, in the table
 * of libsnn/registry.c; the surest of the bytes gets them, file names decide nothing.
 */
#ifndef SNN_CONVERT_READ_MODEL_H
#define SNN_CONVERT_READ_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convert/ir/program.h"
#include "convert/read/reader.h"
#include "snn/context.h"
#include "snn/convert.h"

struct snnconv_model_reader {
    const char *name;    /* "onnx" */
    const char *summary; /* what is accepted, for messages: one phrase */
    /* Debian package that a build without this reader lacks; NULL: it is there. Then only `probe`
     * is set. */
    const char *missing;

    /* How sure the format is that these bytes are its own: 0 (not at all) to 100. */
    int (*probe)(const unsigned char *bytes, size_t size);

    /* Fills a program that the caller has initialised and destroys even after an error. Shapes of
     * values are not inferred, nodes not sorted. `file->bytes` live until the program goes: the
     * reader may let constants lie in them; if it does not, it says so (out->apart), and they may
     * go as soon as it is done. Every problem of the file is a diagnostic of severity
     * ERROR (layer = node name, where = "<file>: byte N", hint), the first is the error returned.
     * Errors: FORMAT, UNSUPPORTED, LIMIT, NOMEM, IO, NOT_FOUND (a file beside it). */
    int (*read)(struct snnconv_program *out, struct snn_context *context,
                const struct snnconv_file *file, const struct snn_import_options *options);

    /* Row `index` of what the reader accepts, for `snnconvert --supported`; false beyond the last.
     * The rows come from the same tables that the reader decides by. NULL: nothing to list. */
    bool (*supported)(uint32_t index, struct snn_supported *out);
};

/* All formats of whole models but the native one, ended by NULL. */
extern const struct snnconv_model_reader *const snn_model_reader_table[];

#endif
