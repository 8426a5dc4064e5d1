/* Reads a chip program's file. */
#include "libsnn/base/error.h"
#include "libsnn/model/program.h"

int snn_program_load(struct snn_program **out, struct snn_context *context, const char *path,
                     char *sha256_hex_out)
{
    (void)out, (void)path, (void)sha256_hex_out;
    return snnbase_fail(context, SNN_ERR_UNSUPPORTED, "files of chip programs: to come");
}

int snn_program_parse(struct snn_program **out, struct snn_context *context, const char *text,
                      size_t size)
{
    (void)out, (void)text, (void)size;
    return snnbase_fail(context, SNN_ERR_UNSUPPORTED, "files of chip programs: to come");
}

bool snn_program_probe(struct snn_context *context, const char *path)
{
    (void)context, (void)path;
    return false;
}
