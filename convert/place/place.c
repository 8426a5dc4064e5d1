/* The placement as a whole: stages, their cores, and the report of it. */
#include "convert/place/place.h"

#include "libsnn/base/error.h"

int snn_place(struct snn_placement **out, struct snn_context *context, const struct snn_net *net,
              const struct snn_chip *chip, const struct snn_place_options *options)
{
    (void)out, (void)net, (void)chip, (void)options;
    return snnbase_fail(context, SNN_ERR_UNSUPPORTED, "placement: to come");
}

void snn_placement_destroy(struct snn_placement **placement)
{
    (void)placement;
}

struct snn_program *snn_placement_take_program(struct snn_placement *placement)
{
    (void)placement;
    return NULL;
}

const char *snn_constraint_name(enum snn_constraint constraint)
{
    (void)constraint;
    return NULL;
}
