/* A chip program as configuration objects of the vendor's library. */
#include "libsnn/base/error.h"
#include "snn/place.h"

int snn_program_save_samna(const struct snn_program *program, struct snn_context *context,
                           const char *path)
{
    (void)program, (void)path;
    return snnbase_fail(context, SNN_ERR_UNSUPPORTED, "export: to come");
}
