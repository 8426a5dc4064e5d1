/* Remedies: to come. */
#include "convert/place/place.h"
#include "libsnn/base/error.h"

int snnconv_remedies_find(const struct snnconv_attempt *attempt, struct snn_context *context,
                          const struct snn_remedy **out, uint32_t *count_out)
{
    (void)attempt, (void)context;
    *out = NULL;
    *count_out = 0;
    return SNN_OK;
}
