/* What the end of a transfer means to a caller. */
#include "device/transport.h"
#include "snn/status.h"

int snndev_outcome_status(enum snndev_outcome outcome)
{
    switch (outcome) {
    case SNNDEV_COMPLETED:
        return SNN_OK;
    case SNNDEV_TIMED_OUT:
        return SNN_ERR_TIMEOUT;
    case SNNDEV_CANCELLED:
        return SNN_ERR_CANCELLED;
    case SNNDEV_VANISHED:
        return SNN_ERR_GONE;
    case SNNDEV_STALLED:
    case SNNDEV_FAILED:
    case SNNDEV_OVERFLOWED:
        break;
    }
    return SNN_ERR_IO;
}
