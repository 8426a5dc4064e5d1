/* Writes a chip program's file. */
#include "libsnn/base/error.h"
#include "libsnn/model/program.h"

int snn_program_save(const struct snn_program *program, struct snn_context *context,
                     const char *path)
{
    (void)program, (void)path;
    return snnbase_fail(context, SNN_ERR_UNSUPPORTED, "files of chip programs: to come");
}
