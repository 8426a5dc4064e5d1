/* Chip profiles from JSON. */
#include "snn/chip.h"

#include "libsnn/base/error.h"

int snn_chip_load(struct snn_chip *out, struct snn_context *context, const char *name)
{
    (void)out;
    return snnbase_fail(context, SNN_ERR_NOT_FOUND, "no chip '%s'", name);
}

int snn_chip_each(struct snn_context *context,
                  void (*visit)(const struct snn_chip *chip, void *user), void *user)
{
    (void)context, (void)visit, (void)user;
    return SNN_OK;
}
