/* Names and sentences of the closed list of status codes.
 *
 * Everything here is constant, so both functions may be called from any thread and without a
 * context. The switches have no default branch: a new code without a text is a compiler warning.
 */
#include "snn/status.h"

const char *snn_status_name(int status)
{
    switch ((enum snn_status)status) {
    case SNN_OK:
        return "OK";
    case SNN_ERR_INVALID:
        return "INVALID";
    case SNN_ERR_NOMEM:
        return "NOMEM";
    case SNN_ERR_IO:
        return "IO";
    case SNN_ERR_FORMAT:
        return "FORMAT";
    case SNN_ERR_UNSUPPORTED:
        return "UNSUPPORTED";
    case SNN_ERR_LIMIT:
        return "LIMIT";
    case SNN_ERR_NOT_FOUND:
        return "NOT_FOUND";
    case SNN_ERR_ACCESS:
        return "ACCESS";
    case SNN_ERR_BUSY:
        return "BUSY";
    case SNN_ERR_TIMEOUT:
        return "TIMEOUT";
    case SNN_ERR_GONE:
        return "GONE";
    case SNN_ERR_PROTOCOL:
        return "PROTOCOL";
    case SNN_ERR_CANCELLED:
        return "CANCELLED";
    case SNN_ERR_AGAIN:
        return "AGAIN";
    case SNN_ERR_INTERNAL:
        return "INTERNAL";
    }
    return "UNKNOWN";
}

const char *snn_status_text(int status)
{
    switch ((enum snn_status)status) {
    case SNN_OK:
        return "success";
    case SNN_ERR_INVALID:
        return "an argument or option is out of its range";
    case SNN_ERR_NOMEM:
        return "out of memory";
    case SNN_ERR_IO:
        return "reading or writing went wrong";
    case SNN_ERR_FORMAT:
        return "the bytes do not follow their format";
    case SNN_ERR_UNSUPPORTED:
        return "well-formed, but not something this version can do";
    case SNN_ERR_LIMIT:
        return "larger than a limit allows, or does not fit the target";
    case SNN_ERR_NOT_FOUND:
        return "no such file, layer, profile or device";
    case SNN_ERR_ACCESS:
        return "permission denied";
    case SNN_ERR_BUSY:
        return "somebody else has it open";
    case SNN_ERR_TIMEOUT:
        return "a deadline passed";
    case SNN_ERR_GONE:
        return "the device went away";
    case SNN_ERR_PROTOCOL:
        return "the other side speaks another version of the protocol, or nonsense";
    case SNN_ERR_CANCELLED:
        return "the caller asked to stop";
    case SNN_ERR_AGAIN:
        return "nothing there yet";
    case SNN_ERR_INTERNAL:
        return "a defect of libsnn; please report it";
    }
    return "UNKNOWN";
}
