/* From a net to a chip program: placed on the chip, or the whole story of why it does not fit.
 */
#include "tools/cli/placement.h"
#include "tools/snnsim/session.h"

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
                                   o->pins.count > 0 ? "--core" : build->chip_uri);
    snncli_placement_findings(&s->console, placement);
    build->program = snn_placement_take_program(placement);
    int status = SNNCLI_EXIT_OK;
    if (build->program == NULL) {
        if (snncli_placement_print(&s->console, s->console.err, placement) != SNN_OK)
            status = snnsim_fail_memory(s);
        else
            status = SNNCLI_EXIT_DOES_NOT_FIT;
    }
    snn_placement_destroy(&placement);
    return status;
}
