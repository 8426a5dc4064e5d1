/* The spiking net as a noun: its life, and the one property of it that every target must agree on,
 * the fan-out of an event.
 */
#include "libsnn/model/net.h"

#include "libsnn/base/error.h"

int snnmodel_net_create(struct snnmodel_net **out, struct snn_context *context)
{
    struct snnmodel_net *net = snnbase_alloc(context, 1, sizeof(*net));
    if (net == NULL) return SNN_ERR_NOMEM;
    snnbase_arena_init(&net->arena, context);
    *out = net;
    return SNN_OK;
}

void snn_net_destroy(struct snn_net **net)
{
    if (net == NULL || *net == NULL) return;
    struct snnmodel_net *owner = (struct snnmodel_net *)(void *)*net;
    struct snn_allocator allocator = owner->arena.allocator;
    snnbase_arena_fini(&owner->arena);
    snnbase_allocator_free(&allocator, owner);
    *net = NULL;
}

/* Kernel taps along one axis through which input position `at` reaches an output in range. */
static uint64_t taps_reaching(uint32_t at, uint32_t pad, uint32_t kernel, uint32_t stride,
                              uint32_t dilation, uint32_t output_size)
{
    uint64_t count = 0;
    for (uint32_t k = 0; k < kernel; k++) {
        int64_t shifted = (int64_t)at + pad - (int64_t)k * dilation;
        if (shifted >= 0 && shifted % stride == 0 && shifted / stride < output_size) count++;
    }
    return count;
}

uint64_t snn_synapse_fanout(const struct snn_net *net, uint32_t population, uint32_t synapse,
                            uint32_t y, uint32_t x)
{
    const struct snn_population *target = &net->populations[population];
    const struct snn_synapse *s = &target->synapses[synapse];
    if (s->kind == SNN_SYNAPSE_DENSE) return target->shape.channels;
    if (s->kind == SNN_SYNAPSE_ONE_TO_ONE) return 1;
    const struct snn_window *w = &s->window;
    uint64_t rows =
        taps_reaching(y, w->pad_top, w->kernel_h, w->stride_h, w->dilation_h, target->shape.height);
    uint64_t columns =
        taps_reaching(x, w->pad_left, w->kernel_w, w->stride_w, w->dilation_w, target->shape.width);
    return rows * columns * (target->shape.channels / s->groups);
}
