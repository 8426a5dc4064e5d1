/* Targets from their URIs to a loaded net: what they can do decides what has to be prepared.
 */
#include <string.h>

#include "tools/snnsim/session.h"

bool snnsim_is_spiking(const struct snnsim_session *s, uint32_t target)
{
    return snn_target_kind(s->targets[target]) == SNN_TARGET_SPIKING;
}

/* Devices that are there. */
static void count_device(const struct snn_device_description *device, void *user)
{
    unsigned *count = user;
    (void)device;
    ++*count;
}

/* Which of several devices is meant is not told by wrong arguments: it is none. */
static int fail_open(struct snnsim_session *s, const char *target)
{
    struct snn_context *other = NULL;
    unsigned count = 0;
    int code = snncli_fail_context(&s->console, s->context, "--target");
    if (code == SNNCLI_EXIT_NO_INPUT) return SNNCLI_EXIT_NO_DEVICE;
    if (code != SNNCLI_EXIT_USAGE || !snnsim_options_is_device(target)) return code;
    if (snn_context_create(&other, NULL) != SNN_OK) return code;
    if (snn_device_list(other, count_device, &count) != SNN_OK) count = 0;
    snn_context_destroy(&other);
    return strncmp(target, "usb", 3) == 0 && count > 1 ? SNNCLI_EXIT_NO_DEVICE : code;
}

/* Before anything is loaded: which kinds there are decides what has to be prepared. */
static int open_targets(struct snnsim_session *s)
{
    const struct snnsim_options *o = &s->options;
    uint32_t spiking = 0;
    for (uint32_t i = 0; i < o->target_count; i++) {
        if (snn_target_open(&s->targets[i], s->context, o->targets[i]) != SNN_OK)
            return fail_open(s, o->targets[i]);
        spiking += snnsim_is_spiking(s, i);
        if (o->input_spikes != NULL && !snnsim_is_spiking(s, i))
            return snncli_fail(&s->console, SNNCLI_EXIT_USAGE, "--input-spikes",
                               "target %s takes frames, not spikes", o->targets[i]);
    }
    if ((o->save_counts != NULL || o->save_layer_counts != NULL) && spiking != 1)
        return snncli_fail(&s->console, SNNCLI_EXIT_USAGE,
                           o->save_counts != NULL ? "--save-counts" : "--save-layer-counts",
                           "takes one spiking target, %u are given", spiking);
    if ((o->sweep != NULL || o->until_decided) && spiking == 0)
        return snncli_fail(&s->console, SNNCLI_EXIT_USAGE,
                           o->sweep != NULL ? "--sweep" : "--until-decided",
                           "frame-based targets know no steps; add --target sim");
    if (o->correct_count > 0 && spiking != 1)
        return snncli_fail(&s->console, SNNCLI_EXIT_USAGE, "--correct",
                           "is measured on one spiking target, %u are given", spiking);
    s->options.spiking = spiking > 0;
    return SNNCLI_EXIT_OK;
}

/* A graph of a frame-based target, a chip's program or a net. */
static int load_target(struct snnsim_session *s, uint32_t i)
{
    if (!snnsim_is_spiking(s, i)) return snn_target_load_graph(s->targets[i], s->context, s->graph);
    const struct snnsim_build *build = &s->builds[s->build_of[i]];
    const struct snn_program *program = s->program != NULL ? s->program : build->program;
    return snn_target_chip(s->targets[i]) != NULL
               ? snn_target_load_program(s->targets[i], s->context, program)
               : snn_target_load(s->targets[i], s->context, build->net);
}

static int load_targets(struct snnsim_session *s)
{
    for (uint32_t i = 0; i < s->options.target_count; i++) {
        int status = load_target(s, i);
        if (status == SNN_OK) continue;
        int code = snncli_fail_context(&s->console, s->context, s->options.targets[i]);
        if (status == SNN_ERR_LIMIT) return SNNCLI_EXIT_DOES_NOT_FIT;
        /* Ranges: it is the model that lacks them. */
        return code == SNNCLI_EXIT_NO_INPUT ? SNNCLI_EXIT_DATA : code;
    }
    return SNNCLI_EXIT_OK;
}

int snnsim_prepare_targets(struct snnsim_session *s)
{
    const struct snnsim_options *o = &s->options;
    int status = open_targets(s);
    if (status == SNNCLI_EXIT_OK) status = snnsim_raster_check(s);
    if (status != SNNCLI_EXIT_OK) return status;
    snnsim_plan_builds(s);
    if (s->graph != NULL && (o->spiking || o->calibrate != NULL))
        status = snnsim_choose_thresholds(s);
    if (status == SNNCLI_EXIT_OK && s->graph != NULL && o->spiking) status = snnsim_lower(s);
    return status == SNNCLI_EXIT_OK ? load_targets(s) : status;
}
