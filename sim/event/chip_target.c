/* A chip as a target: "chip:speck2f", "chip:mine.json,order=raster". It runs a chip program,
 * decoded from its registers, event by event in whole numbers, and tells of it what the chip's
 * readout does.
 *
 * A net in chip arithmetic is run as it is, so that what is to become a program can be measured.
 */
#include "sim/event/target.h"

#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"
#include "sim/event/session.h"

static const struct snnsim_syntax syntax = {
    "chip", "chip:NAME (speck2f, or another profile's name or file), behind it order=raster|"
            "interleave|random|recorded and seed=N, separated by commas"};

/* Of the profile's name: the first word, but a file's path may have commas as long as none of the
 * arguments follows them. */
static size_t name_length(const char *arguments)
{
    size_t length = 0;
    while (arguments[length] != '\0' && strncmp(arguments + length, ",order=", 7) != 0 &&
           strncmp(arguments + length, ",seed=", 6) != 0)
        length++;
    return memchr(arguments, '/', length) != NULL ? length : strcspn(arguments, ",");
}

/* The profile of that name. */
static int load_profile(struct snn_chip *out, struct snn_context *context, const char *arguments,
                        size_t length)
{
    if (length == 0) {
        snnbase_fail(context, SNN_ERR_INVALID, "target chip: which one? no profile is named");
        return snnbase_hint(context, "%s", syntax.arguments);
    }
    char *name = snnbase_alloc(context, length + 1, 1);
    if (name == NULL) return SNN_ERR_NOMEM;
    memcpy(name, arguments, length);
    int status = snn_chip_load(out, context, name);
    snnbase_free(context, name);
    return status;
}

static int parse(struct snnsim_timing *timing, struct snn_context *context, const char *words)
{
    while (*words == ',') {
        const size_t length = strcspn(++words, ",");
        int status = snnsim_timing_take(timing, context, &syntax, words, length);
        if (status != SNN_OK) return status;
        words += length;
    }
    return SNN_OK;
}

static int chip_open(void **session_out, struct snn_context *context, const char *arguments)
{
    const size_t length = name_length(arguments);
    struct snnsim_timing timing = {.async = true, .serial = true, .order = SNN_ORDER_INTERLEAVE};
    int status = parse(&timing, context, arguments + length);
    if (status != SNN_OK) return status;
    struct snnsim_session *session = NULL;
    status = snnsim_session_create(&session, context, &timing);
    if (status != SNN_OK) return status;
    session->chip = snnbase_alloc(context, 1, sizeof(*session->chip));
    status = session->chip != NULL ? load_profile(session->chip, context, arguments, length)
                                   : SNN_ERR_NOMEM;
    if (status != SNN_OK) {
        snnsim_session_close(session);
        return status;
    }
    *session_out = session;
    return SNN_OK;
}

static const struct snn_chip *chip_profile(const void *session)
{
    const struct snnsim_session *s = session;
    return s->chip;
}

static int chip_load(void *session, struct snn_context *context, const struct snn_net *net)
{
    if (net->arith == SNN_ARITH_CHIP) return snnsim_session_load(session, context, net, NULL);
    snnbase_fail(context, SNN_ERR_INVALID,
                 "target chip: the net computes in floats, a chip in whole numbers");
    return snnbase_hint(context, "lower it in chip arithmetic (--arith chip), for this chip");
}

static int chip_load_program(void *session, struct snn_context *context,
                             const struct snn_program *program, const struct snn_net *net)
{
    const struct snnsim_session *s = session;
    if (strcmp(program->chip.name, s->chip->name) == 0)
        return snnsim_session_load(session, context, net, program);
    snnbase_fail(context, SNN_ERR_INVALID, "the chip program is for %s, the target is %s",
                 program->chip.name, s->chip->name);
    return snnbase_hint(context, "place the net again for this chip, or take the target chip:%s",
                        program->chip.name);
}

const struct snn_target_ops snnsim_chip_target = {
    .name = "chip",
    .summary = "a DynapCNN-class chip's program, event by event, on this host",
    .kind = SNN_TARGET_SPIKING,
    .parallel_max = 0,
    .open = chip_open,
    .timing = snnsim_session_timing,
    .chip = chip_profile,
    .load = chip_load,
    .load_program = chip_load_program,
    .fork = snnsim_session_fork,
    .reset = snnsim_session_reset,
    .push = snnsim_session_push,
    .advance = snnsim_session_advance,
    .pull = snnsim_session_pull,
    .counts = snnsim_session_counts,
    .watch = snnsim_session_watch,
    .ask = snnsim_session_ask,
    .close = snnsim_session_close,
};
