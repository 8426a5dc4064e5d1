/* The simulator as a target: "sim", "sim:async,order=random,seed=7".
 */
#include "sim/event/target.h"

#include <string.h>

#include "libsnn/base/error.h"
#include "sim/event/session.h"

static const struct snnsim_syntax syntax = {
    "sim", "sim:sync, or sim:async with order=raster|interleave|random|recorded and seed=N, "
           "separated by commas"};

static int take(struct snnsim_timing *timing, struct snn_context *context, const char *word,
                size_t length)
{
    const bool async = snnsim_timing_is(word, length, "async");
    if (!async && !snnsim_timing_is(word, length, "sync"))
        return snnsim_timing_take(timing, context, &syntax, word, length);
    timing->async = async;
    return SNN_OK;
}

static int sim_open(void **session_out, struct snn_context *context, const char *arguments)
{
    struct snnsim_timing timing = {.order = SNN_ORDER_INTERLEAVE};
    for (const char *word = arguments; *word != '\0';) {
        const size_t length = strcspn(word, ",");
        int status = take(&timing, context, word, length);
        if (status != SNN_OK) return status;
        word += length + (word[length] == ',');
    }
    if (!timing.async && (timing.has_order || timing.has_seed))
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "target sim: only asynchronous semantics have an order and its seed");
    struct snnsim_session *session = NULL;
    int status = snnsim_session_create(&session, context, &timing);
    if (status == SNN_OK) *session_out = session;
    return status;
}

static int sim_load(void *session, struct snn_context *context, const struct snn_net *net)
{
    return snnsim_session_load(session, context, net, NULL);
}

const struct snn_target_ops snnsim_target = {
    .name = "sim",
    .summary = "event-driven simulation on this host, in floats or a chip's integers",
    .kind = SNN_TARGET_SPIKING,
    .parallel_max = 0,
    .open = sim_open,
    .timing = snnsim_session_timing,
    .load = sim_load,
    .fork = snnsim_session_fork,
    .reset = snnsim_session_reset,
    .push = snnsim_session_push,
    .advance = snnsim_session_advance,
    .pull = snnsim_session_pull,
    .counts = snnsim_session_counts,
    .watch = snnsim_session_watch,
    .close = snnsim_session_close,
};
