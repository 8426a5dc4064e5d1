/* Status codes: every fallible function of libsnn returns one of these. Zero is success, errors are
 * negative, counts never share the channel. The list is closed and append-only; the message that
 * says what and by how much lives in the context (snn/context.h).
 */
#ifndef SNN_STATUS_H
#define SNN_STATUS_H

#include "snn/export.h"

#ifdef __cplusplus
extern "C" {
#endif

enum snn_status {
    SNN_OK = 0,
    SNN_ERR_INVALID = -1,     /* an argument or option is out of its range */
    SNN_ERR_NOMEM = -2,       /* the allocator gave nothing */
    SNN_ERR_IO = -3,          /* reading or writing a file or device went wrong */
    SNN_ERR_FORMAT = -4,      /* bytes do not follow their format */
    SNN_ERR_UNSUPPORTED = -5, /* well-formed, but not something this version can do */
    SNN_ERR_LIMIT = -6,       /* larger than the limits of the context, or does not fit a target */
    SNN_ERR_NOT_FOUND = -7,   /* no such file, layer, profile or device */
    SNN_ERR_ACCESS = -8,      /* permission denied */
    SNN_ERR_BUSY = -9,        /* somebody else has it open */
    SNN_ERR_TIMEOUT = -10,    /* a deadline passed */
    SNN_ERR_GONE = -11,       /* the device went away */
    SNN_ERR_PROTOCOL = -12,   /* the other side speaks another version, or nonsense */
    SNN_ERR_CANCELLED = -13,  /* the caller asked to stop */
    SNN_ERR_AGAIN = -14,      /* nothing there yet; not a failure */
    SNN_ERR_INTERNAL = -15    /* a defect of libsnn: please report it */
};

/* The code's name without prefix ("NOMEM"), and one sentence for people. Static strings; an unknown
 * code gives "UNKNOWN". Callable from any thread. */
SNN_API const char *snn_status_name(int status);
SNN_API const char *snn_status_text(int status);

#ifdef __cplusplus
}
#endif
#endif
