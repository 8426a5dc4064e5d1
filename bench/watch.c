/* Watching a net: steps one by one, and every neuron's count before and after.
 */
#include "bench/watch.h"

#include <stdlib.h>
#include <string.h>

/* A map of spike counts [channels][height][width], summed over windows. Returns the pooled one. */
static uint32_t *pooled(const uint32_t *from, struct snn_shape *shape, const struct snn_window *w)
{
    const struct snn_shape
        in = *shape,
        out = {in.channels,
               (in.height + w->pad_top + w->pad_bottom - w->kernel_h) / w->stride_h + 1,
               (in.width + w->pad_left + w->pad_right - w->kernel_w) / w->stride_w + 1};
    uint32_t *to = calloc(snn_shape_size(out), sizeof(*to));
    for (size_t i = 0; to != NULL && i < snn_shape_size(out); i++) {
        const uint32_t x = (uint32_t)(i % out.width), y = (uint32_t)(i / out.width % out.height);
        const uint32_t *map = from + i / ((size_t)out.height * out.width) * in.height * in.width;
        for (uint32_t k = 0; k < w->kernel_h * w->kernel_w; k++) {
            const int64_t row = (int64_t)y * w->stride_h + k / w->kernel_w - w->pad_top;
            const int64_t column = (int64_t)x * w->stride_w + k % w->kernel_w - w->pad_left;
            if (row >= 0 && row < in.height && column >= 0 && column < in.width)
                to[i] += map[row * in.width + column];
        }
    }
    *shape = out;
    return to;
}

/* Inputs of a synapse that spiked in the last few steps. */
struct trail {
    struct snn_shape shape;
    uint8_t *scope, *chunk; /* [channels][height][width] */
};

/* Counts of all populations, and of the input behind them. */
struct watch {
    const struct snn_net *net;
    uint32_t **before, **step; /* [population_count + 1] */
    struct trail *trails;      /* [population_count] of the first synapses */
};

static const uint32_t *source_spikes(const struct watch *w, uint32_t source)
{
    return w->step[source == SNN_SOURCE_INPUT ? w->net->population_count : source];
}

static int watch_init(struct watch *w, const struct snn_net *net)
{
    const uint32_t count = net->population_count;
    *w = (struct watch){.net = net};
    w->before = calloc((size_t)count + 1, sizeof(*w->before));
    w->step = calloc((size_t)count + 1, sizeof(*w->step));
    w->trails = calloc(count, sizeof(*w->trails));
    if (w->before == NULL || w->step == NULL || w->trails == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i <= count; i++) {
        const struct snn_shape shape = i < count ? net->populations[i].shape : net->input_shape;
        w->before[i] = calloc(snn_shape_size(shape), sizeof(**w->before));
        w->step[i] = calloc(snn_shape_size(shape), sizeof(**w->step));
        if (w->before[i] == NULL || w->step[i] == NULL) return SNN_ERR_NOMEM;
        if (i == count) break;
        struct trail *trail = &w->trails[i];
        trail->shape = net->populations[i].synapses[0].source_shape;
        trail->scope = calloc(snn_shape_size(trail->shape), 1);
        trail->chunk = calloc(snn_shape_size(trail->shape), 1);
        if (trail->scope == NULL || trail->chunk == NULL) return SNN_ERR_NOMEM;
    }
    return SNN_OK;
}

static void watch_fini(struct watch *w)
{
    for (uint32_t i = 0; i <= w->net->population_count; i++) {
        if (w->before != NULL) free(w->before[i]);
        if (w->step != NULL) free(w->step[i]);
        if (w->trails == NULL || i == w->net->population_count) continue;
        free(w->trails[i].scope);
        free(w->trails[i].chunk);
    }
    free(w->before);
    free(w->step);
    free(w->trails);
}

/* Adds the steps so far to the traffic's sums over steps, each for all `steps` of its list, and
 * begins anew. */
static void end_list(const struct trail *trail, uint8_t *seen, uint32_t steps, double *inputs,
                     double *pairs)
{
    const size_t map = (size_t)trail->shape.height * trail->shape.width;
    const size_t size = snn_shape_size(trail->shape);
    uint64_t single = 0, paired = 0;
    for (size_t i = 0; i < size; i++) {
        const bool even = i / map % 2 == 0, has_odd = i / map + 1 < trail->shape.channels;
        single += seen[i];
        if (even) paired += has_odd ? seen[i] | seen[i + map] : seen[i];
    }
    memset(seen, 0, size);
    *inputs += (double)single * steps / (double)size;
    const double pair_count = (double)map * ((trail->shape.channels + 1) / 2);
    if (pairs != NULL) *pairs += (double)paired * steps / pair_count;
}

enum { SCOPE = 8, CHUNK = 32 };

static void follow(const struct trail *trail, const uint32_t *arrived, uint32_t t, bool last,
                   struct snnbench_traffic *to)
{
    const size_t size = snn_shape_size(trail->shape);
    for (size_t i = 0; i < size; i++) {
        const uint8_t spiked = arrived[i] > 0;
        trail->scope[i] |= spiked;
        trail->chunk[i] |= spiked;
        to->inputs += spiked / (double)size;
    }
    if (last || t % SCOPE == SCOPE - 1)
        end_list(trail, trail->scope, t % SCOPE + 1, &to->in_scope, NULL);
    if (last || t % CHUNK == CHUNK - 1)
        end_list(trail, trail->chunk, t % CHUNK + 1, &to->in_chunk, &to->in_chunk_pairs);
}

static void count_arrived(const struct snn_net *net, uint32_t population, uint32_t synapse,
                          const uint32_t *arrived, struct snnbench_traffic *to)
{
    const struct snn_shape shape = net->populations[population].synapses[synapse].source_shape;
    const uint32_t map = shape.height * shape.width;
    for (uint32_t at = 0; at < map; at++) {
        uint64_t events = 0;
        for (uint32_t c = 0; c < shape.channels; c++)
            events += arrived[(size_t)c * map + at] > 0;
        if (events == 0) continue;
        const uint64_t fanout =
            snn_synapse_fanout(net, population, synapse, at / shape.width, at % shape.width);
        to->arriving += (double)events;
        to->additions += (double)(events * fanout);
    }
}

/* Adds what one step's spikes of a synapse's source do. */
static int watch_synapse(const struct watch *w, uint32_t population, uint32_t synapse, uint32_t t,
                         bool last, struct snnbench_traffic *to)
{
    const struct snn_synapse *s = &w->net->populations[population].synapses[synapse];
    struct snn_shape shape =
        s->source == SNN_SOURCE_INPUT ? w->net->input_shape : w->net->populations[s->source].shape;
    const uint32_t *spikes = source_spikes(w, s->source);
    uint32_t *own = NULL;
    for (uint32_t p = 0; p < s->pool_count; p++) {
        uint32_t *next = pooled(spikes, &shape, &s->pools[p]);
        free(own);
        own = next;
        if (own == NULL) return SNN_ERR_NOMEM;
        spikes = own;
    }
    count_arrived(w->net, population, synapse, spikes, to);
    if (synapse == 0) follow(&w->trails[population], spikes, t, last, to);
    free(own);
    return SNN_OK;
}

static void watch_input(struct watch *w, const struct snnbench_sample *sample, uint32_t t)
{
    const struct snn_shape in = w->net->input_shape;
    uint32_t *to = w->step[w->net->population_count];
    memset(to, 0, snn_shape_size(in) * sizeof(*to));
    for (uint32_t e = sample->begin[t]; e < sample->begin[t + 1]; e++) {
        const uint32_t at = sample->address[e] / in.channels, c = sample->address[e] % in.channels;
        to[(size_t)c * in.height * in.width + at]++;
    }
}

/* The spikes of one population in the step just taken. */
static int watch_population(struct watch *w, struct snnbench_session *s, uint32_t index,
                            struct snnbench_traffic *to)
{
    const size_t neurons = snn_shape_size(w->net->populations[index].shape);
    uint32_t *step = w->step[index], *before = w->before[index], active = 0;
    int status = snn_target_counts(s->target, s->context, index, step);
    for (size_t n = 0; status == SNN_OK && n < neurons; n++) {
        const uint32_t spikes = step[n] - before[n];
        before[n] = step[n];
        step[n] = spikes;
        active += spikes > 0;
    }
    to->active += (double)active / (double)neurons;
    return status;
}

static int watch_step(struct watch *w, struct snnbench_session *s,
                      const struct snnbench_sample *sample, uint32_t t,
                      struct snnbench_traffic *traffic)
{
    int status = snnbench_session_advance(s, sample, t, 1);
    watch_input(w, sample, t);
    for (uint32_t i = 0; status == SNN_OK && i < w->net->population_count; i++) {
        const struct snn_population *p = &w->net->populations[i];
        status = watch_population(w, s, i, &traffic[i]);
        for (uint32_t k = 0; status == SNN_OK && k < p->synapse_count; k++) {
            traffic[i].operations += (double)s->output.synapse_operations[p->synapse_first + k];
            status = watch_synapse(w, i, k, t, t + 1 == sample->step_count, &traffic[i]);
        }
    }
    return status;
}

int snnbench_session_watch(struct snnbench_session *session, const struct snnbench_sample *sample,
                           struct snnbench_traffic *traffic)
{
    struct watch w;
    const uint32_t count = session->net->population_count;
    memset(traffic, 0, count * sizeof(*traffic));
    int status = watch_init(&w, session->net);
    if (status == SNN_OK) status = snn_target_reset(session->target, session->context);
    for (uint32_t i = 0; status == SNN_OK && i < count; i++) /* counted from here on */
        status = snn_target_counts(session->target, session->context, i, w.step[i]);
    for (uint32_t t = 0; status == SNN_OK && t < sample->step_count; t++)
        status = watch_step(&w, session, sample, t, traffic);
    for (uint32_t i = 0; i < count; i++) {
        struct snnbench_traffic *all = &traffic[i];
        double *const sums[] = {&all->active,     &all->arriving,      &all->additions,
                                &all->operations, &all->inputs,        &all->in_scope,
                                &all->in_chunk,   &all->in_chunk_pairs};
        for (size_t k = 0; k < sizeof(sums) / sizeof(sums[0]); k++)
            *sums[k] /= sample->step_count;
    }
    watch_fini(&w);
    return status;
}
