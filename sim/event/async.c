/* Stepping a net spike by spike: input events in their order, then the biases layer by layer, and
 * after each of them the queue until it is empty.
 *
 * An event visits each neuron it reaches once: v += w, and with v >= threshold one spike is queued.
 * A kernel adds all weights and tells which neurons reached their threshold; those fire in
 * (channel, y, x) order. Neurons do not see each other, so that is the same as one after another.
 * Clipping before firing changes nothing either: no lower clip is positive.
 */
#include "sim/event/async.h"

#include <string.h>

#include "libsnn/base/error.h"
#include "sim/event/queue.h"

#define NO_SOURCE UINT32_MAX
#define FEW 32u /* spikes that are put in order one by one */
#define ASK_EVERY 1024u

/* The neurons of a population, or those of a further readout. */
struct cells {
    const struct snnsim_population *population;
    struct snnsim_visited real;      /* one of the two arithmetics */
    struct snnsim_chip_visited chip; /* ... has potentials */
    struct snnsim_spread v_init;
    bool reset_zero;
    uint32_t source; /* of their spikes: the population, or NO_SOURCE for a further readout */
    bool taken;      /* some synapse takes their spikes */
    uint32_t *fired; /* [position][lane] in this step, of readouts; NULL: not wanted */
    uint32_t *total; /* the same since the reset, of populations that are counted */
    uint64_t spikes; /* of this step */
};

/* Lanes that reached their threshold, and the spikes they become. */
struct hits {
    uint32_t *lane;
    size_t lane_capacity;
    struct snnsim_event *spikes, *sorted;
    size_t spike_capacity, sorted_capacity;
    uint32_t *channels; /* [lanes + 1] of the widest population */
};

struct snnsim_async {
    struct snnbase_arena arena;
    const struct snnsim_routes *routes;
    const struct snnsim_plan *plan;
    struct snnstream_moment moment;
    struct snnstream_sequence sequence;
    struct snnsim_queue queue;
    struct hits hits;
    struct cells *populations; /* the last are readout 0 */
    struct cells *readouts;    /* [readout_count], from 1 on */
    uint64_t *arrived;         /* of the step at hand, [synapse] */
    uint64_t *operations;
    uint32_t event; /* input events of the step that have come; the last set off what happens */
    bool serial;
    bool biases; /* the step's are under way */
    bool counting;
    bool stepped; /* since the reset */
    snn_spike_fn watch;
    void *watch_user;
    bool (*go_on)(void *user);
    void *go_on_user;
    uint32_t unasked; /* events since it was asked */
};

/* What one event brings: weights of either arithmetic for the lanes of a footprint. */
struct patch {
    const float *weights;
    const int16_t *chip_weights;
    const struct snnsim_footprint *footprint;
    uint32_t target; /* its first lane */
};

/* ---- Firing ---- */

/* Takes a spike off each lane that reached its threshold, and lists those of neurons. */
static uint32_t discharge(struct snnsim_async *a, struct cells *cells, uint32_t count)
{
    const struct snnsim_population *p = cells->population;
    const struct snn_shape shape = p->population->shape;
    const uint32_t pitch = (uint32_t)p->pitch;
    struct snnsim_event *spikes = a->hits.spikes;
    uint32_t spike_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t at = a->hits.lane[i];
        const uint32_t row = at / pitch, column = (at - row * pitch) / p->lanes;
        const uint32_t lane = at - row * pitch - column * p->lanes;
        const uint32_t y = row - p->halo_top, x = column - p->halo_left;
        if (a->routes->chip) {
            const struct snnsim_chip_visited *c = &cells->chip;
            const int below = c->belows != NULL ? c->belows[at] : c->below;
            c->v[at] = (int16_t)(cells->reset_zero ? 0 : c->v[at] - (below + 1));
        } else {
            const struct snnsim_visited *c = &cells->real;
            const float threshold = c->thresholds != NULL ? c->thresholds[at] : c->threshold;
            c->v[at] = cells->reset_zero ? 0.0f : c->v[at] - threshold;
        }
        if (y < shape.height && x < shape.width) /* the halo is no neuron */
            spikes[spike_count++] = (struct snnsim_event){cells->source, lane, y, x};
    }
    return spike_count;
}

/* Few spikes, as most visits bring. */
static void insert_by_channel(struct snnsim_event *spikes, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        const struct snnsim_event spike = spikes[i];
        uint32_t to = i;
        for (; to > 0 && spikes[to - 1].channel > spike.channel; to--)
            spikes[to] = spikes[to - 1];
        spikes[to] = spike;
    }
}

/* Many, as a bias may bring; `begin` has an entry a channel and one more. */
static void deal_by_channel(const struct snnsim_event *spikes, uint32_t count, uint32_t channels,
                            uint32_t *begin, struct snnsim_event *out)
{
    memset(begin, 0, (channels + 1) * sizeof(*begin));
    for (uint32_t i = 0; i < count; i++)
        begin[spikes[i].channel + 1]++;
    for (uint32_t c = 0; c < channels; c++)
        begin[c + 1] += begin[c];
    for (uint32_t i = 0; i < count; i++)
        out[begin[spikes[i].channel]++] = spikes[i];
}

static void tell(const struct snnsim_async *a, const struct snnsim_event *spike)
{
    const struct snn_spike told = {
        .population = spike->source,
        .channel = spike->channel,
        .y = spike->y,
        .x = spike->x,
        .step = (uint32_t)a->moment.step,
        .event = a->biases ? a->event : a->event - 1,
    };
    a->watch(&told, a->watch_user);
}

static int reserve_lanes(struct snnsim_async *a, struct snn_context *context, size_t count)
{
    void *lane = a->hits.lane;
    int status = snnbase_grow(context, &lane, &a->hits.lane_capacity, count, sizeof(uint32_t));
    a->hits.lane = lane;
    return status;
}

static int reserve_spikes(struct snnsim_async *a, struct snn_context *context, size_t count,
                          bool queued)
{
    void *spikes = a->hits.spikes, *sorted = a->hits.sorted;
    int status =
        snnbase_grow(context, &spikes, &a->hits.spike_capacity, count, sizeof(struct snnsim_event));
    a->hits.spikes = spikes;
    if (status == SNN_OK && count > FEW)
        status = snnbase_grow(context, &sorted, &a->hits.sorted_capacity, count,
                              sizeof(struct snnsim_event));
    a->hits.sorted = sorted;
    return status == SNN_OK && queued ? snnsim_queue_reserve(&a->queue, context, count) : status;
}

/* The lanes in hits, which come by position, fire in the order of their channels. */
static int fire(struct snnsim_async *a, struct snn_context *context, struct cells *cells,
                uint32_t count)
{
    const struct snn_shape shape = cells->population->population->shape;
    int status = reserve_spikes(a, context, count, cells->taken);
    if (status != SNN_OK) return status;
    count = discharge(a, cells, count);
    const struct snnsim_event *spikes = a->hits.spikes;
    if (count <= FEW) {
        insert_by_channel(a->hits.spikes, count);
    } else {
        deal_by_channel(spikes, count, shape.channels, a->hits.channels, a->hits.sorted);
        spikes = a->hits.sorted;
    }
    cells->spikes += count;
    for (uint32_t i = 0; i < count; i++) {
        const size_t at =
            ((size_t)spikes[i].y * shape.width + spikes[i].x) * cells->population->lanes +
            spikes[i].channel;
        if (cells->fired != NULL) cells->fired[at]++;
        if (cells->total != NULL && cells->total[at] < UINT32_MAX) cells->total[at]++;
        if (cells->taken) snnsim_queue_push(&a->queue, spikes[i]);
        if (a->watch != NULL && cells->source != NO_SOURCE) tell(a, &spikes[i]);
    }
    return SNN_OK;
}

/* ---- Events ---- */

static uint32_t visit_cells(const struct snnsim_async *a, const struct cells *cells,
                            const struct patch *patch, uint32_t *hits)
{
    const struct snnsim_visit_kernels *kernels = &a->routes->kernels;
    if (a->routes->chip)
        return kernels->visit_chip(&cells->chip, patch->target, patch->chip_weights,
                                   patch->footprint, hits);
    return kernels->visit(&cells->real, patch->target, patch->weights, patch->footprint, hits);
}

/* The further readouts, which see what the output does. */
static int visit_readouts(struct snnsim_async *a, struct snn_context *context,
                          const struct patch *patch)
{
    int status = SNN_OK;
    for (uint32_t r = 1; status == SNN_OK && r < a->plan->net->readout_count; r++) {
        const uint32_t count = visit_cells(a, &a->readouts[r], patch, a->hits.lane);
        if (count > 0) status = fire(a, context, &a->readouts[r], count);
    }
    return status;
}

/* An event behind the pools. */
static int arrive(struct snnsim_async *a, struct snn_context *context,
                  const struct snnsim_route *route, uint32_t channel, uint32_t y, uint32_t x)
{
    const struct snnsim_synapse *s = route->synapse;
    const struct snnsim_phase *phase = &s->phases[y % s->phases_h * s->phases_w + x % s->phases_w];
    const size_t weights = (size_t)phase->weights + s->rows.weights[y] + s->columns.weights[x] +
                           (size_t)channel * phase->size;
    struct cells *cells = &a->populations[route->population];
    const struct patch patch = {
        .weights = s->weights + weights,
        .chip_weights = a->routes->chip ? route->chip_weights + weights : NULL,
        .footprint = &phase->footprint,
        .target = s->rows.target[y] + s->columns.target[x] + s->channel_target[channel],
    };
    a->arrived[route->index]++;
    a->operations[route->index] +=
        (uint64_t)s->rows.fanout[y] * s->columns.fanout[x] * s->fanout_channels;
    const uint32_t count = visit_cells(a, cells, &patch, a->hits.lane);
    int status = count > 0 ? fire(a, context, cells, count) : SNN_OK;
    if (route->population + 1 < a->plan->net->population_count || status != SNN_OK) return status;
    return visit_readouts(a, context, &patch);
}

/* Through the pools, one path after another. */
static int pass(struct snnsim_async *a, struct snn_context *context,
                const struct snnsim_route *route, const struct snnsim_event *event)
{
    if (route->rows == NULL) return arrive(a, context, route, event->channel, event->y, event->x);
    const struct snnsim_passage *rows = &route->rows[event->y];
    const struct snnsim_passage *columns = &route->columns[event->x];
    int status = SNN_OK;
    for (uint32_t r = 0; r < rows->count; r++) {
        for (uint32_t q = 0; q < columns->count; q++) {
            uint64_t times = (uint64_t)rows->times[r] * columns->times[q];
            for (; status == SNN_OK && times > 0; times--)
                status =
                    arrive(a, context, route, event->channel, rows->first + r, columns->first + q);
        }
    }
    return status;
}

static int deliver(struct snnsim_async *a, struct snn_context *context,
                   const struct snnsim_event *event)
{
    const struct snnsim_routes *routes = a->routes;
    int status = SNN_OK;
    for (uint32_t i = routes->first[event->source];
         status == SNN_OK && i < routes->first[event->source + 1]; i++)
        status = pass(a, context, &routes->routes[i], event);
    return status;
}

/* A single event may set off any number of others, so they are counted here. */
static int ask(struct snnsim_async *a, struct snn_context *context)
{
    a->unasked = 0;
    if (a->go_on == NULL || a->go_on(a->go_on_user)) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_CANCELLED, "stopped within a step");
}

static int drain(struct snnsim_async *a, struct snn_context *context)
{
    int status = SNN_OK;
    while (status == SNN_OK && a->queue.count > 0) {
        const struct snnsim_event event = snnsim_queue_pop(&a->queue);
        status = deliver(a, context, &event);
        if (status == SNN_OK && ++a->unasked >= ASK_EVERY) status = ask(a, context);
    }
    return status;
}

/* An event at every neuron of a layer that has biases, row after row. */
static int tick_cells(struct snnsim_async *a, struct snn_context *context, struct cells *cells,
                      const int16_t *chip_bias)
{
    const struct snnsim_population *p = cells->population;
    const struct snnsim_footprint row = {
        .rows = 1, .segments = 1, .length = (uint32_t)p->row_length};
    size_t count = 0;
    for (size_t y = 0; y < p->population->shape.height; y++) {
        int status = reserve_lanes(a, context, count + p->row_length);
        if (status != SNN_OK) return status;
        const struct patch patch = {
            .weights = p->bias.values + y * p->bias.stride,
            .chip_weights = chip_bias != NULL ? chip_bias + y * p->bias.stride : NULL,
            .footprint = &row,
            .target = (uint32_t)(p->origin + y * p->pitch),
        };
        count += visit_cells(a, cells, &patch, a->hits.lane + count);
    }
    return count > 0 ? fire(a, context, cells, (uint32_t)count) : SNN_OK;
}

static int tick(struct snnsim_async *a, struct snn_context *context, uint32_t population)
{
    const struct snn_net *net = a->plan->net;
    const int16_t *chip_bias = a->routes->chip_bias[population];
    if (net->populations[population].bias == NULL) return SNN_OK;
    int status = tick_cells(a, context, &a->populations[population], chip_bias);
    for (uint32_t r = 1; population + 1 == net->population_count && r < net->readout_count; r++)
        if (status == SNN_OK) status = tick_cells(a, context, &a->readouts[r], chip_bias);
    return status;
}

/* The biases of a step, layer by layer. Those of a layer that lies on two cores come together. */
static int take_biases(struct snnsim_async *a, struct snn_context *context)
{
    const struct snn_net *net = a->plan->net;
    int status = SNN_OK;
    a->biases = true;
    for (uint32_t i = 0; status == SNN_OK && i < net->population_count; i++) {
        const bool more = i + 1 < net->population_count && net->populations[i + 1].continues;
        status = tick(a, context, i);
        if (status == SNN_OK && !more) status = drain(a, context);
    }
    return status;
}

static struct snnsim_event input_event(const struct snnsim_async *a, uint32_t address)
{
    const struct snn_shape shape = a->plan->net->input_shape;
    const uint32_t position = address / shape.channels;
    return (struct snnsim_event){a->plan->net->population_count, address % shape.channels,
                                 position / shape.width, position % shape.width};
}

/* The input's events; those of one time enter the queue together, or one after another. */
static int take_input(struct snnsim_async *a, struct snn_context *context)
{
    const uint64_t *key = a->sequence.key, *end = key + a->sequence.count;
    int status = SNN_OK;
    a->event = 0;
    a->biases = false;
    while (status == SNN_OK && key < end) {
        const uint64_t *together = key;
        status = snnsim_queue_reserve(&a->queue, context, a->serial ? 1 : (size_t)(end - key));
        if (status != SNN_OK) return status;
        do
            snnsim_queue_push(&a->queue, input_event(a, (uint32_t)*key++));
        while (!a->serial && key < end && *key >> 32 == *together >> 32);
        a->event += (uint32_t)(key - together);
        status = drain(a, context);
    }
    return status;
}

/* ---- Steps ---- */

int snnsim_async_push(struct snnsim_async *a, struct snn_context *context,
                      const struct snn_spikes *spikes)
{
    a->moment.sample = spikes->sample;
    return snnstream_sequence_reserve(&a->sequence, context, spikes);
}

/* Copies potentials, and the step's spikes of a readout, as [channel][y][x]. */
static void read_out(const struct cells *cells, uint32_t *spikes, float *potential)
{
    const struct snnsim_population *p = cells->population;
    const struct snn_shape shape = p->population->shape;
    const size_t map = (size_t)shape.height * shape.width;
    for (size_t i = 0; i < map; i++) {
        const size_t v = p->origin + i / shape.width * p->pitch + i % shape.width * p->lanes;
        for (uint32_t c = 0; c < shape.channels; c++) {
            if (spikes != NULL) spikes[c * map + i] = cells->fired[i * p->lanes + c];
            potential[c * map + i] =
                cells->chip.v != NULL ? (float)cells->chip.v[v + c] : cells->real.v[v + c];
        }
    }
}

/* Lanes of all positions, without the halo. */
static size_t count_lanes(const struct cells *cells)
{
    return cells->population->population->shape.height * cells->population->row_length;
}

static void begin_cells(struct cells *cells)
{
    cells->spikes = 0;
    if (cells->fired != NULL) memset(cells->fired, 0, count_lanes(cells) * sizeof(*cells->fired));
}

static void begin_step(struct snnsim_async *a)
{
    const struct snn_net *net = a->plan->net;
    for (uint32_t i = 0; i < net->population_count; i++)
        begin_cells(&a->populations[i]);
    for (uint32_t r = 1; r < net->readout_count; r++)
        begin_cells(&a->readouts[r]);
    a->stepped = true;
}

/* A chip's readout: spikes of whatever cores it sees, and no potentials. */
static void read_outlets(const struct snnsim_async *a, uint32_t *spikes, float *potential)
{
    const size_t classes = a->plan->net->class_count;
    memset(spikes, 0, classes * sizeof(*spikes));
    memset(potential, 0, classes * sizeof(*potential));
    for (uint32_t o = 0; o < a->routes->outlet_count; o++) {
        const struct snnsim_outlet *outlet = &a->routes->outlets[o];
        const struct cells *cells = &a->populations[outlet->population];
        const size_t lanes = count_lanes(cells);
        for (size_t i = 0; i < lanes; i++)
            if (outlet->class_of[i] != SNNSIM_NO_CLASS)
                spikes[outlet->class_of[i]] += cells->fired[i];
    }
}

static void end_step(struct snnsim_async *a, struct snn_output *out, uint32_t row)
{
    const struct snn_net *net = a->plan->net;
    const uint32_t last = net->population_count - 1;
    for (uint32_t i = 0; i <= last; i++)
        out->population_spikes[(size_t)row * net->population_count + i] = a->populations[i].spikes;
    for (uint32_t r = 0; r < net->readout_count; r++) {
        const size_t at = ((size_t)row * net->readout_count + r) * net->class_count;
        if (a->routes->outlet_count > 0)
            read_outlets(a, out->spikes + at, out->potential + at);
        else
            read_out(r == 0 ? &a->populations[last] : &a->readouts[r], out->spikes + at,
                     out->potential + at);
    }
    a->moment.step++;
}

int snnsim_async_step(struct snnsim_async *a, struct snn_context *context,
                      const struct snn_spikes *spikes, uint32_t row, struct snn_output *out,
                      uint32_t out_row)
{
    const size_t synapses = a->plan->net->synapse_count, first = out_row * synapses;
    a->arrived = out->synapse_spikes + first;
    a->operations = out->synapse_operations + first;
    memset(a->arrived, 0, synapses * sizeof(uint64_t));
    memset(a->operations, 0, synapses * sizeof(uint64_t));
    memset(out->synapse_macs + first, 0, synapses * sizeof(uint64_t));
    begin_step(a);
    snnstream_sequence_make(&a->sequence, spikes, row, &a->moment);
    out->input_spikes[out_row] = a->sequence.count;
    int status = take_input(a, context);
    if (status == SNN_OK) status = take_biases(a, context);
    if (status == SNN_OK) end_step(a, out, out_row);
    return status;
}

/* ---- Creation ---- */

/* Whether the step's spikes of a population are wanted neuron by neuron. */
static bool is_read(const struct snnsim_async *a, uint32_t population)
{
    const struct snnsim_routes *routes = a->routes;
    if (routes->outlet_count == 0) return population + 1 == a->plan->net->population_count;
    for (uint32_t o = 0; o < routes->outlet_count; o++)
        if (routes->outlets[o].population == population) return true;
    return false;
}

static int init_cells(struct snnsim_async *a, struct snn_context *context, uint32_t population,
                      const struct snnsim_cells *from, struct cells *out)
{
    const struct snnsim_population *p = &a->plan->populations[population];
    out->population = p;
    out->real = from->real;
    out->chip = from->chip;
    out->v_init = from->v_init;
    out->reset_zero = p->population->reset == SNN_RESET_ZERO;
    out->source = NO_SOURCE;
    if (a->routes->chip)
        out->chip.v =
            snnbase_arena_alloc(&a->arena, context, p->current_size, sizeof(*out->chip.v));
    else
        out->real.v =
            snnbase_arena_alloc(&a->arena, context, p->current_size, sizeof(*out->real.v));
    if (out->chip.v == NULL && out->real.v == NULL) return SNN_ERR_NOMEM;
    if (!is_read(a, population)) return SNN_OK;
    out->fired = snnbase_arena_alloc(&a->arena, context, count_lanes(out), sizeof(*out->fired));
    return out->fired != NULL ? SNN_OK : SNN_ERR_NOMEM;
}

/* Room for the hits of any visit but a bias's, whose need the first step shows. */
static int init_hits(struct snnsim_async *a, struct snn_context *context)
{
    uint32_t lanes = 0;
    for (uint32_t i = 0; i < a->plan->net->population_count; i++)
        if (a->plan->populations[i].lanes > lanes) lanes = a->plan->populations[i].lanes;
    a->hits.channels = snnbase_arena_alloc(&a->arena, context, lanes + 1, sizeof(uint32_t));
    if (a->hits.channels == NULL) return SNN_ERR_NOMEM;
    return reserve_lanes(a, context, a->routes->footprint_max);
}

static int init(struct snnsim_async *a, struct snn_context *context)
{
    const struct snnsim_routes *routes = a->routes;
    const struct snn_net *net = a->plan->net;
    const uint32_t last = net->population_count - 1;
    a->populations =
        snnbase_arena_alloc(&a->arena, context, net->population_count, sizeof(*a->populations));
    a->readouts = snnbase_arena_alloc(&a->arena, context, net->readout_count, sizeof(*a->readouts));
    if (a->populations == NULL || a->readouts == NULL) return SNN_ERR_NOMEM;
    int status = SNN_OK;
    for (uint32_t i = 0; status == SNN_OK && i <= last; i++) {
        status = init_cells(a, context, i, &routes->populations[i], &a->populations[i]);
        a->populations[i].source = i;
        a->populations[i].taken = routes->first[i] < routes->first[i + 1];
    }
    for (uint32_t r = 1; status == SNN_OK && r < net->readout_count; r++)
        status = init_cells(a, context, last, &routes->readouts[r], &a->readouts[r]);
    return status == SNN_OK ? init_hits(a, context) : status;
}

int snnsim_async_create(struct snnsim_async **out, struct snn_context *context,
                        const struct snnsim_routes *routes,
                        const struct snnsim_async_options *options)
{
    struct snnsim_async *a = snnbase_alloc(context, 1, sizeof(*a));
    if (a == NULL) return SNN_ERR_NOMEM;
    snnbase_arena_init(&a->arena, context);
    a->routes = routes;
    a->plan = routes->plan;
    a->moment.seed = options->seed;
    a->serial = options->serial;
    int status = init(a, context);
    if (status == SNN_OK)
        status = snnstream_sequence_init(&a->sequence, context, &a->arena, options->order,
                                         a->plan->net->input_shape);
    if (status != SNN_OK) {
        snnsim_async_destroy(&a);
        return status;
    }
    snnsim_async_reset(a);
    *out = a;
    return SNN_OK;
}

void snnsim_async_destroy(struct snnsim_async **async)
{
    if (async == NULL || *async == NULL) return;
    struct snn_allocator allocator = (*async)->arena.allocator;
    snnstream_sequence_fini(&(*async)->sequence, &allocator);
    snnsim_queue_fini(&(*async)->queue, &allocator);
    snnbase_allocator_free(&allocator, (*async)->hits.lane);
    snnbase_allocator_free(&allocator, (*async)->hits.spikes);
    snnbase_allocator_free(&allocator, (*async)->hits.sorted);
    snnbase_arena_fini(&(*async)->arena);
    snnbase_allocator_free(&allocator, *async);
    *async = NULL;
}

static void reset_cells(struct cells *cells)
{
    const struct snnsim_population *p = cells->population;
    const size_t rows = p->population->shape.height;
    if (cells->chip.v != NULL)
        memset(cells->chip.v, 0, p->current_size * sizeof(*cells->chip.v));
    else
        memset(cells->real.v, 0, p->current_size * sizeof(*cells->real.v));
    for (size_t y = 0; y < rows; y++) {
        const float *v_init = cells->v_init.values + y * cells->v_init.stride;
        const size_t at = p->origin + y * p->pitch;
        if (cells->chip.v == NULL)
            memcpy(cells->real.v + at, v_init, p->row_length * sizeof(*v_init));
        for (size_t i = 0; cells->chip.v != NULL && i < p->row_length; i++)
            cells->chip.v[at + i] = (int16_t)v_init[i];
    }
    if (cells->total != NULL) memset(cells->total, 0, count_lanes(cells) * sizeof(*cells->total));
}

void snnsim_async_reset(struct snnsim_async *a)
{
    const struct snn_net *net = a->plan->net;
    for (uint32_t i = 0; i < net->population_count; i++)
        reset_cells(&a->populations[i]);
    for (uint32_t r = 1; r < net->readout_count; r++)
        reset_cells(&a->readouts[r]);
    a->queue.count = 0;
    a->moment.step = 0;
    a->stepped = false;
}

/* ---- Counts, potentials, watching, asking ---- */

int snnsim_async_count(struct snnsim_async *a, struct snn_context *context)
{
    if (a->counting) return SNN_OK;
    if (a->stepped) {
        snnbase_fail(context, SNN_ERR_INVALID, "spikes were not counted from the first step on");
        return snnbase_hint(context, "ask for the counts once after the reset, before any step");
    }
    for (uint32_t i = 0; i < a->plan->net->population_count; i++) {
        const struct snnsim_population *p = &a->plan->populations[i];
        struct cells *cells = &a->populations[i];
        if (cells->total == NULL)
            cells->total = snnbase_arena_alloc(
                &a->arena, context, p->population->shape.height * p->row_length, sizeof(uint32_t));
        if (cells->total == NULL) return SNN_ERR_NOMEM;
    }
    a->counting = true;
    return SNN_OK;
}

void snnsim_async_counts(const struct snnsim_async *a, uint32_t population, uint32_t *counts)
{
    const struct snnsim_population *p = &a->plan->populations[population];
    const uint32_t *total = a->populations[population].total;
    const struct snn_shape shape = p->population->shape;
    const size_t map = (size_t)shape.height * shape.width;
    for (size_t i = 0; i < map; i++, total += p->lanes) {
        for (uint32_t c = 0; c < shape.channels; c++)
            counts[c * map + i] = total[c];
    }
}

void snnsim_async_potentials(const struct snnsim_async *a, uint32_t population, float *potential)
{
    read_out(&a->populations[population], NULL, potential);
}

void snnsim_async_watch(struct snnsim_async *a, snn_spike_fn watch, void *user)
{
    a->watch = watch;
    a->watch_user = user;
}

void snnsim_async_ask(struct snnsim_async *a, bool (*go_on)(void *user), void *user)
{
    a->go_on = go_on;
    a->go_on_user = user;
    a->unasked = 0;
}

size_t snnsim_async_high_water(const struct snnsim_async *a)
{
    return a->queue.high_water;
}
