/* The chip program as a noun. */
#include "snn/program.h"

#include "libsnn/base/error.h"

static int to_come(struct snn_context *context)
{
    return snnbase_fail(context, SNN_ERR_UNSUPPORTED, "chip programs: to come");
}

struct snn_core_words snn_core_count_words(struct snn_shape input, struct snn_shape output,
                                           uint32_t kernel_size, bool bias)
{
    (void)input, (void)output, (void)kernel_size, (void)bias;
    return (struct snn_core_words){0, 0, 0};
}

int snn_program_create(struct snn_program **out, struct snn_context *context,
                       const struct snn_program *description)
{
    (void)out, (void)description;
    return to_come(context);
}

void snn_program_destroy(struct snn_program **program)
{
    (void)program;
}

int snn_program_decode(struct snn_net **out, struct snn_context *context,
                       const struct snn_program *program)
{
    (void)out, (void)program;
    return to_come(context);
}

int snn_program_save(const struct snn_program *program, struct snn_context *context,
                     const char *path)
{
    (void)program, (void)path;
    return to_come(context);
}

int snn_program_load(struct snn_program **out, struct snn_context *context, const char *path,
                     char *sha256_hex_out)
{
    (void)out, (void)path, (void)sha256_hex_out;
    return to_come(context);
}

int snn_program_parse(struct snn_program **out, struct snn_context *context, const char *text,
                      size_t size)
{
    (void)out, (void)text, (void)size;
    return to_come(context);
}

bool snn_program_probe(struct snn_context *context, const char *path)
{
    (void)context, (void)path;
    return false;
}
