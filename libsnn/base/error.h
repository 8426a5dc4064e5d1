/* How errors are raised and memory is had inside libsnn: thin functions over the caller's context.
 *
 * An error message is set once, where the error arises (snnbase_fail); functions above may only add
 * where it happened (snnbase_where) and pass the code on. Nothing here prints, exits or aborts.
 */
#ifndef SNN_BASE_ERROR_H
#define SNN_BASE_ERROR_H

#include <stdarg.h>

#include "snn/context.h"
#include "snn/status.h"

/* Records message and code in the context and returns `status`, so that callers write
 * `return snnbase_fail(context, SNN_ERR_FORMAT, "..." );`. Clears an earlier hint. Without a
 * context (probes) nobody is told. */
int snnbase_fail(struct snn_context *context, int status, const char *format, ...) SNN_PRINTF(3, 4);

/* Adds the remedy to the error just raised; returns the error's status. */
int snnbase_hint(struct snn_context *context, const char *format, ...) SNN_PRINTF(2, 3);

/* Puts "<where>: " before the error just raised; returns the error's status. */
int snnbase_where(struct snn_context *context, const char *format, ...) SNN_PRINTF(2, 3);

/* Raises the error for a failed system call on `path` from errno: NOT_FOUND, ACCESS, NOMEM, BUSY,
 * TIMEOUT, else IO; "<path>: <what>", with a hint where there is a remedy. */
int snnbase_fail_errno(struct snn_context *context, int errno_value, const char *path);

/* Gives the error just raised another status, which it returns. */
int snnbase_error_recode(struct snn_context *context, int status);

/* Takes `begin` off the error just raised, where its message begins so: for callers that say the
 * same in their own way. Returns the error's status. */
int snnbase_error_strip(struct snn_context *context, const char *begin);

/* Copies the last error of one context into another (a worker's into its parent's). */
void snnbase_error_copy(struct snn_context *to, const struct snn_context *from);

/* Hands a finding to the context's diagnostics sink; the last error stays as it is. `layer` and
 * `hint` may be NULL. The finding's code is the last error's if the severity is ERROR, else OK. */
void snnbase_diagnose(struct snn_context *context, enum snn_severity severity, const char *layer,
                      const char *hint, const char *format, ...) SNN_PRINTF(5, 6);

/* Hands the last error and its hint to the sink, with the place in the input ("FILE: byte N"): for
 * readers that report all problems of a file. `layer` and `where` may be NULL. */
void snnbase_diagnose_error(struct snn_context *context, const char *layer, const char *where);

const struct snn_limits *snnbase_limits(const struct snn_context *context);
const struct snn_allocator *snnbase_allocator(const struct snn_context *context);

/* The kernel level the caller asked for, or NULL for the best. */
const char *snnbase_kernel_level(const struct snn_context *context);

/* A context for a worker thread: same allocator, limits and level, no diagnostics sink. */
int snnbase_context_fork(struct snn_context **out, const struct snn_context *parent);

#endif
