/* The target frame:f32: whole frames in float32, as the graph means them.
 *
 * It is the plain evaluation itself (libsnn/model/eval.c) behind the interface of targets, so its
 * results are the CNN's to the bit; what would be faster in another order of sums is not it. A fork
 * is an evaluator of its own on the same graph.
 */
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"
#include "sim/frame/target.h"

struct session {
    struct snn_allocator allocator;
    const struct snn_graph *graph;
    struct snn_evaluator *evaluator;
};

int snnsim_frame_check_arguments(struct snn_context *context, const char *name,
                                 const char *arguments)
{
    if (arguments[0] == '\0') return SNN_OK;
    return snnbase_fail(context, SNN_ERR_INVALID, "target %s takes no arguments, got '%s'", name,
                        arguments);
}

int snnsim_frame_check_graph(struct snn_context *context, const struct snn_graph *graph)
{
    if (snn_graph_layer_count(graph) == 0)
        return snnbase_fail(context, SNN_ERR_INVALID, "the graph has no layers");
    if (!snn_graph_is_spiking(graph)) return SNN_OK;
    snnbase_fail(context, SNN_ERR_UNSUPPORTED,
                 "the net arrived spiking: there is no CNN to run frame by frame");
    return snnbase_hint(context, "run it on a spiking target, \"sim\" for instance");
}

static int f32_open(void **session_out, struct snn_context *context, const char *arguments)
{
    int status = snnsim_frame_check_arguments(context, "frame:f32", arguments);
    if (status != SNN_OK) return status;
    struct session *session = snnbase_alloc(context, 1, sizeof(*session));
    if (session == NULL) return SNN_ERR_NOMEM;
    session->allocator = *snnbase_allocator(context);
    *session_out = session;
    return SNN_OK;
}

static void f32_close(void *session)
{
    struct session *s = session;
    snn_evaluator_destroy(&s->evaluator);
    struct snn_allocator allocator = s->allocator;
    snnbase_allocator_free(&allocator, s);
}

static int f32_load_graph(void *session, struct snn_context *context, const struct snn_graph *graph)
{
    struct session *s = session;
    snn_evaluator_destroy(&s->evaluator);
    s->graph = graph;
    int status = snnsim_frame_check_graph(context, graph);
    return status == SNN_OK ? snn_evaluator_create(&s->evaluator, context, graph) : status;
}

static int f32_fork(void **session_out, struct snn_context *context, void *session)
{
    const struct session *parent = session;
    void *child = NULL;
    int status = f32_open(&child, context, "");
    if (status == SNN_OK) status = f32_load_graph(child, context, parent->graph);
    if (status == SNN_OK)
        *session_out = child;
    else if (child != NULL)
        f32_close(child);
    return status;
}

static int f32_infer(void *session, struct snn_context *context, const float *intensity,
                     float *output)
{
    (void)context;
    const struct session *s = session;
    const uint32_t last = snn_graph_output(s->graph);
    snn_evaluator_run(s->evaluator, intensity);
    memcpy(output, snn_evaluator_values(s->evaluator, last),
           snn_shape_size(snn_graph_layer(s->graph, last)->shape) * sizeof(*output));
    return SNN_OK;
}

const struct snn_target_ops snnsim_frame_f32_target = {
    .name = "frame:f32",
    .summary = "the CNN frame by frame on this host, float32",
    .kind = SNN_TARGET_FRAME,
    .parallel_max = 0,
    .open = f32_open,
    .load_graph = f32_load_graph,
    .fork = f32_fork,
    .infer = f32_infer,
    .close = f32_close,
};
