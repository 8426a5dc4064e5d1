/* The context: the only place that knows what struct snn_context holds.
 *
 * Every error of the library ends here (snnbase_fail), every block of memory begins with the
 * allocator kept here. Message and hint are fixed arrays, so that an error can be told even when
 * no memory is left. Nothing is printed; what a host wants to see goes through its sink.
 */
#include "snn/context.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsnn/base/error.h"

enum { MESSAGE_SIZE = 1024, HINT_SIZE = 512, LEVEL_SIZE = 16 };

struct snn_context {
    struct snn_allocator allocator;
    struct snn_limits limits; /* no zeros: defaults are filled in */
    snn_diagnostic_fn diagnostic;
    void *diagnostic_user;
    char kernel_level[LEVEL_SIZE]; /* "": the best */
    int status;
    char message[MESSAGE_SIZE];
    char hint[HINT_SIZE];
};

static void *malloc_allocate(size_t size, void *user)
{
    (void)user;
    return malloc(size);
}

static void malloc_release(void *memory, void *user)
{
    (void)user;
    free(memory);
}

static bool kernel_level_known(const char *name)
{
    static const char *const known[] = {"scalar", "avx2", "neon"};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(name, known[i]) == 0) return true;
    }
    return false;
}

static struct snn_limits limits_filled(struct snn_limits limits)
{
    if (limits.file_bytes == 0) limits.file_bytes = UINT64_C(2) << 30;
    if (limits.tensor_bytes == 0) limits.tensor_bytes = UINT64_C(1) << 30;
    if (limits.neuron_count == 0) limits.neuron_count = UINT64_C(64) << 20;
    if (limits.layer_count == 0) limits.layer_count = 4096;
    if (limits.json_node_count == 0) limits.json_node_count = UINT32_C(1) << 20;
    return limits;
}

int snn_context_create(struct snn_context **out, const struct snn_context_options *options)
{
    struct snn_context_options chosen = {.kernel_level = NULL};
    if (options) chosen = *options;
    const char *level = chosen.kernel_level;
    if (level && !kernel_level_known(level)) return SNN_ERR_INVALID;
    if (!chosen.allocator.allocate != !chosen.allocator.release) return SNN_ERR_INVALID;
    if (!chosen.allocator.allocate) {
        chosen.allocator.allocate = malloc_allocate;
        chosen.allocator.release = malloc_release;
    }
    struct snn_context *context =
        chosen.allocator.allocate(sizeof(*context), chosen.allocator.user);
    if (!context) return SNN_ERR_NOMEM;
    memset(context, 0, sizeof(*context));
    context->allocator = chosen.allocator;
    context->limits = limits_filled(chosen.limits);
    context->diagnostic = chosen.diagnostic;
    context->diagnostic_user = chosen.diagnostic_user;
    snprintf(context->kernel_level, sizeof(context->kernel_level), "%s", level ? level : "");
    *out = context;
    return SNN_OK;
}

void snn_context_destroy(struct snn_context **context)
{
    if (!context || !*context) return;
    struct snn_allocator allocator = (*context)->allocator;
    allocator.release(*context, allocator.user);
    *context = NULL;
}

const char *snn_context_message(const struct snn_context *context)
{
    return context ? context->message : "";
}

const char *snn_context_hint(const struct snn_context *context)
{
    return context ? context->hint : "";
}

int snn_context_status(const struct snn_context *context)
{
    return context ? context->status : SNN_OK;
}

/* Formats into `text`; what does not fit ends in "...", so that nobody takes it for the whole. */
SNN_PRINTF(3, 0)
static void format_text(char *text, size_t size, const char *format, va_list arguments)
{
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): every caller has run va_start */
    int length = vsnprintf(text, size, format, arguments);
    if (length < 0) text[0] = '\0';
    if (length > 0 && (size_t)length >= size) memcpy(text + size - 4, "...", 4);
}

static int fail(struct snn_context *context, int status, const char *format, va_list arguments)
    SNN_PRINTF(3, 0);

static int fail(struct snn_context *context, int status, const char *format, va_list arguments)
{
    if (!context) return status;
    /* By way of a copy: the arguments may quote the message that is replaced. */
    char text[MESSAGE_SIZE];
    format_text(text, sizeof(text), format, arguments);
    memcpy(context->message, text, sizeof(text));
    context->hint[0] = '\0';
    context->status = status;
    return status;
}

int snnbase_fail(struct snn_context *context, int status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)fail(context, status, format, arguments);
    va_end(arguments);
    return status;
}

int snn_context_fail(struct snn_context *context, int status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)fail(context, status, format, arguments);
    va_end(arguments);
    return status;
}

int snnbase_hint(struct snn_context *context, const char *format, ...)
{
    char text[HINT_SIZE];
    va_list arguments;
    if (!context) return SNN_OK;
    va_start(arguments, format);
    format_text(text, sizeof(text), format, arguments);
    va_end(arguments);
    memcpy(context->hint, text, sizeof(text));
    return context->status;
}

int snnbase_where(struct snn_context *context, const char *format, ...)
{
    char where[MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    format_text(where, sizeof(where), format, arguments);
    va_end(arguments);
    char message[MESSAGE_SIZE];
    memcpy(message, context->message, sizeof(message));
    int length = snprintf(context->message, sizeof(context->message), "%s: %s", where, message);
    if (length >= MESSAGE_SIZE) memcpy(context->message + MESSAGE_SIZE - 4, "...", 4);
    return context->status;
}

struct errno_row {
    int value;
    int status;
    const char *text; /* own words: strerror's follow the locale and begin in upper case */
    const char *hint; /* or NULL */
};

static const struct errno_row *errno_row_find(int value)
{
    static const struct errno_row rows[] = {
        {ENOENT, SNN_ERR_NOT_FOUND, "no such file or folder", NULL},
        {ENOTDIR, SNN_ERR_NOT_FOUND, "a part of the path is not a folder", NULL},
        {EACCES, SNN_ERR_ACCESS, "permission denied", NULL},
        {EPERM, SNN_ERR_ACCESS, "operation not permitted", NULL},
        {EROFS, SNN_ERR_ACCESS, "the file system is read-only", NULL},
        {ENOMEM, SNN_ERR_NOMEM, "out of memory", NULL},
        {EISDIR, SNN_ERR_IO, "is a directory", NULL},
        {ENOSPC, SNN_ERR_IO, "no space left on device",
         "free some space there, or write elsewhere"},
        {EDQUOT, SNN_ERR_IO, "disk quota exceeded", "free some space there, or write elsewhere"},
        {EFBIG, SNN_ERR_IO, "larger than the file system or the process limit allows", NULL},
        {EIO, SNN_ERR_IO, "the device reports an input/output error", NULL},
        {EPIPE, SNN_ERR_IO, "nobody reads the other end of the pipe", NULL},
        {ENAMETOOLONG, SNN_ERR_IO, "the name is too long for the file system", NULL},
        {ELOOP, SNN_ERR_IO, "symbolic links lead in a circle", NULL},
        {EMFILE, SNN_ERR_IO, "too many open files in this process", "see ulimit -n"},
        {ENFILE, SNN_ERR_IO, "too many open files on this machine", NULL},
        {EBUSY, SNN_ERR_BUSY, "in use by somebody else", NULL},
        {ETXTBSY, SNN_ERR_BUSY, "a running program", NULL},
        {ENODEV, SNN_ERR_NOT_FOUND, "no such device", NULL},
        {ENXIO, SNN_ERR_NOT_FOUND, "no such device, or nobody listens there", NULL},
        {ETIMEDOUT, SNN_ERR_TIMEOUT, "the device did not answer in time", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].value == value) return &rows[i];
    }
    return NULL;
}

int snnbase_fail_errno(struct snn_context *context, int errno_value, const char *path)
{
    const struct errno_row *row = errno_row_find(errno_value);
    if (!row) {
        char text[128];
        if (strerror_r(errno_value, text, sizeof(text)) != 0) text[0] = '\0';
        return snnbase_fail(context, SNN_ERR_IO, "%s: %s (errno %d)", path, text, errno_value);
    }
    snnbase_fail(context, row->status, "%s: %s", path, row->text);
    if (row->hint) snnbase_hint(context, "%s", row->hint);
    return row->status;
}

int snnbase_error_recode(struct snn_context *context, int status)
{
    context->status = status;
    return status;
}

int snnbase_error_strip(struct snn_context *context, const char *begin)
{
    size_t length = strlen(begin);
    if (strncmp(context->message, begin, length) == 0)
        memmove(context->message, context->message + length, strlen(context->message + length) + 1);
    return context->status;
}

void snnbase_error_copy(struct snn_context *to, const struct snn_context *from)
{
    if (to == from) return;
    memcpy(to->message, from->message, sizeof(to->message));
    memcpy(to->hint, from->hint, sizeof(to->hint));
    to->status = from->status;
}

void snnbase_diagnose(struct snn_context *context, enum snn_severity severity, const char *layer,
                      const char *hint, const char *format, ...)
{
    if (!context->diagnostic) return;
    char text[MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    format_text(text, sizeof(text), format, arguments);
    va_end(arguments);
    struct snn_diagnostic diagnostic = {
        .severity = severity,
        .code = severity == SNN_SEVERITY_ERROR ? context->status : SNN_OK,
        .layer = layer ? layer : "",
        .where = "",
        .text = text,
        .hint = hint ? hint : "",
    };
    context->diagnostic(&diagnostic, context->diagnostic_user);
}

void snnbase_diagnose_error(struct snn_context *context, const char *layer, const char *where)
{
    if (!context->diagnostic) return;
    const struct snn_diagnostic diagnostic = {
        .severity = SNN_SEVERITY_ERROR,
        .code = context->status,
        .layer = layer ? layer : "",
        .where = where ? where : "",
        .text = context->message,
        .hint = context->hint,
    };
    context->diagnostic(&diagnostic, context->diagnostic_user);
}

const struct snn_limits *snnbase_limits(const struct snn_context *context)
{
    return &context->limits;
}

const struct snn_allocator *snnbase_allocator(const struct snn_context *context)
{
    return &context->allocator;
}

const char *snnbase_kernel_level(const struct snn_context *context)
{
    return context->kernel_level[0] != '\0' ? context->kernel_level : NULL;
}

int snnbase_context_fork(struct snn_context **out, const struct snn_context *parent)
{
    struct snn_context_options options = {
        .allocator = parent->allocator,
        .limits = parent->limits,
        .kernel_level = snnbase_kernel_level(parent),
    };
    return snn_context_create(out, &options);
}
