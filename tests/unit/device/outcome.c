/* What the end of a transfer means. */
#include <criterion/criterion.h>

#include "device/transport.h"
#include "snn/status.h"

Test(outcome, only_a_device_that_vanished_is_gone)
{
    cr_assert_eq(snndev_outcome_status(SNNDEV_COMPLETED), SNN_OK);
    cr_assert_eq(snndev_outcome_status(SNNDEV_TIMED_OUT), SNN_ERR_TIMEOUT);
    cr_assert_eq(snndev_outcome_status(SNNDEV_CANCELLED), SNN_ERR_CANCELLED);
    cr_assert_eq(snndev_outcome_status(SNNDEV_VANISHED), SNN_ERR_GONE);
    cr_assert_eq(snndev_outcome_status(SNNDEV_STALLED), SNN_ERR_IO);
    cr_assert_eq(snndev_outcome_status(SNNDEV_FAILED), SNN_ERR_IO);
    cr_assert_eq(snndev_outcome_status(SNNDEV_OVERFLOWED), SNN_ERR_IO);
}
