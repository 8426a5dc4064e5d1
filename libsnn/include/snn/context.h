/* The context: allocator, limits, diagnostics sink and last error of one caller.
 *
 * A context belongs to one thread at a time; nets and graphs made with it may be read from any
 * thread. There are no globals and no thread-local state: two contexts never see each other.
 */
#ifndef SNN_CONTEXT_H
#define SNN_CONTEXT_H

#include <stddef.h>
#include <stdint.h>

#include "snn/export.h"

#ifdef __cplusplus
extern "C" {
#endif

struct snn_context;

/* Where memory comes from. Both functions must be callable from several threads at once, because a
 * run hands the allocator on to its workers. `allocate` returns memory aligned as malloc's, or
 * NULL.
 */
struct snn_allocator {
    void *(*allocate)(size_t size, void *user);
    void (*release)(void *memory, void *user);
    void *user;
};

/* Upper bounds for what files may ask of this process. 0 means the default named here. */
struct snn_limits {
    uint64_t file_bytes;      /* largest file read whole, also after unpacking (2 GiB) */
    uint64_t tensor_bytes;    /* largest single tensor (1 GiB) */
    uint64_t neuron_count;    /* neurons of one net (64 Mi) */
    uint32_t layer_count;     /* layers of one graph (4096) */
    uint32_t json_node_count; /* values in one JSON document or pickle (1 Mi) */
};

enum snn_severity { SNN_SEVERITY_NOTE = 0, SNN_SEVERITY_WARNING = 1, SNN_SEVERITY_ERROR = 2 };

/* One finding, in the manner of a compiler. Strings live until the sink returns; `layer`, `where`
 * and `hint` may be "". */
struct snn_diagnostic {
    enum snn_severity severity;
    int code;          /* enum snn_status; SNN_OK for notes */
    const char *layer; /* layer or node the finding is about */
    const char *where; /* place in the input: "lenet.json: byte 1234" */
    const char *text;  /* what, and by how much; lower case, no full stop */
    const char *hint;  /* what would mend it */
};

typedef void (*snn_diagnostic_fn)(const struct snn_diagnostic *diagnostic, void *user);

struct snn_context_options {
    struct snn_allocator allocator; /* all NULL: malloc and free */
    struct snn_limits limits;
    snn_diagnostic_fn diagnostic; /* NULL: notes and warnings are dropped */
    void *diagnostic_user;
    const char *kernel_level; /* "scalar", "avx2", "neon"; NULL: the best this processor has */
};

/* Makes a context. `options` may be NULL; it is copied. Errors: INVALID (unknown kernel level),
 * NOMEM. */
SNN_API int snn_context_create(struct snn_context **out, const struct snn_context_options *options);

/* Takes the address, nulls it, accepts NULL. Everything made with the context must be gone. */
SNN_API void snn_context_destroy(struct snn_context **context);

/* For callbacks that fail: records message and status as the context's last error and returns the
 * status. */
SNN_API int snn_context_fail(struct snn_context *context, int status, const char *format, ...)
    SNN_PRINTF(3, 4);

/* The last error that a function given this context returned: text, hint ("" if none) and code.
 * Valid until the next failing call; "" and SNN_OK before the first. */
SNN_API const char *snn_context_message(const struct snn_context *context);
SNN_API const char *snn_context_hint(const struct snn_context *context);
SNN_API int snn_context_status(const struct snn_context *context);

#ifdef __cplusplus
}
#endif
#endif
