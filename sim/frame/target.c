/* The target frame:int8: sessions that share one plan.
 */
#include "sim/frame/target.h"

#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"
#include "sim/frame/frame.h"

struct session {
    struct snn_allocator allocator;
    struct snnsim_frame_plan *plan; /* shared with forks; owned by the first session */
    bool owns_plan;
    void *block;
};

static int int8_open(void **session_out, struct snn_context *context, const char *arguments)
{
    int status = snnsim_frame_check_arguments(context, "frame:int8", arguments);
    if (status != SNN_OK) return status;
    struct session *session = snnbase_alloc(context, 1, sizeof(*session));
    if (session == NULL) return SNN_ERR_NOMEM;
    session->allocator = *snnbase_allocator(context);
    *session_out = session;
    return SNN_OK;
}

static void unload(struct session *s)
{
    if (s->owns_plan) snnsim_frame_plan_destroy(&s->plan);
    s->plan = NULL;
    snnbase_allocator_free(&s->allocator, s->block);
    s->block = NULL;
}

static void int8_close(void *session)
{
    struct session *s = session;
    unload(s);
    struct snn_allocator allocator = s->allocator;
    snnbase_allocator_free(&allocator, s);
}

/* The session's own block for a plan that is already there. */
static int start(struct session *s, struct snn_context *context)
{
    s->block = snnbase_alloc_aligned(context, s->plan->block_bytes, 1);
    return s->block != NULL ? SNN_OK : SNN_ERR_NOMEM;
}

static int int8_load_graph(void *session, struct snn_context *context,
                           const struct snn_graph *graph)
{
    struct session *s = session;
    unload(s);
    int status = snnsim_frame_plan_create(&s->plan, context, graph);
    if (status != SNN_OK) return status;
    s->owns_plan = true;
    status = start(s, context);
    if (status != SNN_OK) unload(s);
    return status;
}

static int int8_fork(void **session_out, struct snn_context *context, void *session)
{
    const struct session *parent = session;
    void *child = NULL;
    int status = int8_open(&child, context, "");
    if (status != SNN_OK) return status;
    struct session *s = child;
    s->plan = parent->plan;
    status = start(s, context);
    if (status == SNN_OK)
        *session_out = s;
    else
        int8_close(s);
    return status;
}

/* The output as the real numbers that its integers stand for, channels first. */
static int int8_infer(void *session, struct snn_context *context, const float *intensity,
                      float *output)
{
    (void)context;
    const struct session *s = session;
    const uint32_t last = snn_graph_output(s->plan->graph);
    const struct snnsim_affine affine = s->plan->layers[last].affine;
    const struct snn_shape shape = s->plan->layers[last].layer->shape;
    const size_t map = (size_t)shape.height * shape.width;
    const int8_t *values = snnsim_frame_values(s->plan, s->block, last);
    const float *reals = snnsim_frame_reals(s->plan, s->block, last);
    const bool real = s->plan->layers[last].real != NULL;
    snnsim_frame_run(s->plan, s->block, intensity);
    for (size_t c = 0; c < shape.channels; c++) {
        for (size_t i = 0; i < map; i++) {
            const size_t at = i * shape.channels + c;
            *output++ = real ? reals[at] : affine.scale * (float)(values[at] - affine.zero_point);
        }
    }
    return SNN_OK;
}

const struct snn_target_ops snnsim_frame_int8_target = {
    .name = "frame:int8",
    .summary = "the CNN frame by frame on this host, 8-bit integers",
    .kind = SNN_TARGET_FRAME,
    .parallel_max = 0,
    .open = int8_open,
    .load_graph = int8_load_graph,
    .fork = int8_fork,
    .infer = int8_infer,
    .close = int8_close,
};
