/* From a net to a chip program: placed on the chip, or the whole story of why it does not fit.
 */
#include <stdio.h>

#include "tools/cli/placement.h"
#include "tools/snnsim/session.h"

/* Verdict, problems, what fits where, and what would help; memories are for --check. */
static void tell(struct snnsim_session *s, const struct snnsim_build *build,
                 const struct snn_placement *placement)
{
    FILE *err = s->console.err;
    snncli_placement_verdict(&s->console, err, placement);
    snncli_placement_findings(&s->console, placement);
    if (s->console.verbosity < 0) return;
    fputc('\n', err);
    snncli_placement_cores(&s->console, err, placement);
    fputc('\n', err);
    snncli_placement_remedies(&s->console, err, placement);
    char chip[512];
    snnsim_options_chip_name(s->options.targets[build->chip_target], build->chip, chip,
                             sizeof(chip));
    fprintf(err, "\nall memories: snnconvert %s --check %s\n", s->options.model, chip);
}

int snnsim_place(struct snnsim_session *s, struct snnsim_build *build)
{
    const struct snnsim_options *o = &s->options;
    const struct snn_place_options options = {.pins = o->pins.pins,
                                              .pin_count = o->pins.count,
                                              .dt_us = o->dt_us,
                                              .model_sha256 = s->sha256,
                                              .tool = s->console.tool};
    struct snn_placement *placement = NULL;
    if (snn_place(&placement, s->context, build->net, build->chip, &options) != SNN_OK)
        return snncli_fail_context(&s->console, s->context,
                                   o->pins.count > 0 ? "--core" : o->targets[build->chip_target]);
    build->program = snn_placement_take_program(placement);
    if (build->program == NULL)
        tell(s, build, placement);
    else
        snncli_placement_findings(&s->console, placement);
    snn_placement_destroy(&placement);
    return build->program != NULL ? SNNCLI_EXIT_OK : SNNCLI_EXIT_DOES_NOT_FIT;
}
