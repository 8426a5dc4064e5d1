/* Stepping a net spike by spike: input events in their order, then the biases layer by layer, and
 * after each of them the queue until it is empty.
 *
 * An event visits each neuron it reaches once: v += w, and with v >= threshold one spike is queued.
 * First all weights are added, lane by lane, noting which lanes reached their threshold; then those
 * lanes fire in (channel, y, x) order. Neurons do not see each other, so that is the same as one
 * after another. Clipping before firing changes nothing either: no lower clip is positive.
 */
#include "sim/event/async.h"

#include <string.h>

#include "libsnn/base/error.h"

#define QUEUE_MIN ((size_t)1 << 10)
#define QUEUE_MAX ((size_t)1 << 24)
#define NO_SOURCE UINT32_MAX

/* A spike, or an input event. */
struct event {
    uint32_t source; /* population; the population count stands for the input */
    uint32_t channel, y, x;
};

/* A ring; its capacity is a power of two. */
struct queue {
    struct event *events;
    size_t capacity, first, count, high_water;
};

/* The neurons of a population, or those of a further readout. */
struct cells {
    float *v; /* [height][row_length] */
    const struct snnsim_differing *limits;
    bool reset_zero;
    uint32_t source; /* of their spikes; NO_SOURCE: nobody takes them */
    uint32_t *fired; /* [height][row_length] in this step, of readouts; NULL: not wanted */
    uint32_t *total; /* the same since the reset, of populations that are counted */
    uint64_t spikes; /* of this step */
};

struct snnsim_async {
    struct snnbase_arena arena;
    const struct snnsim_routes *routes;
    const struct snnsim_plan *plan;
    struct snnsim_moment moment;
    struct snnsim_sequence sequence;
    struct queue queue;
    struct cells *populations; /* the last are readout 0 */
    struct cells *readouts;    /* [readout_count], from 1 on */
    uint32_t *reached;         /* [lanes]: some neuron of the lane reached its threshold */
    uint64_t *arrived;         /* of the step at hand, [synapse] */
    uint64_t *operations;
    bool counting;
    bool stepped; /* since the reset */
};

/* Positions of one map that an event visits, and the weights it brings. */
struct patch {
    const float *weights; /* of the first position and lane */
    size_t weight_pitch;  /* from row to row; from column to column it is `lanes` */
    uint32_t y, x;
    uint32_t rows, columns;
    uint32_t row_step, column_step;
    uint32_t lane, lanes;
};

/* ---- The queue ---- */

static int grow_queue(struct snnsim_async *a, struct snn_context *context, size_t needed)
{
    struct queue *q = &a->queue;
    size_t capacity = q->capacity;
    while (capacity < needed)
        capacity *= 2;
    if (capacity > QUEUE_MAX) {
        snnbase_fail(context, SNN_ERR_LIMIT,
                     "asynchronous semantics: more than %zu spikes are on their way at once",
                     QUEUE_MAX);
        return snnbase_hint(context, "thresholds may be far too low: look at --norm");
    }
    struct event *events = snnbase_alloc(context, capacity, sizeof(*events));
    if (events == NULL) return SNN_ERR_NOMEM;
    size_t tail = q->capacity - q->first;
    if (tail > q->count) tail = q->count;
    memcpy(events, q->events + q->first, tail * sizeof(*events));
    memcpy(events + tail, q->events, (q->count - tail) * sizeof(*events));
    snnbase_allocator_free(&a->arena.allocator, q->events);
    q->events = events;
    q->capacity = capacity;
    q->first = 0;
    return SNN_OK;
}

static int make_room(struct snnsim_async *a, struct snn_context *context, size_t more)
{
    const size_t needed = a->queue.count + more;
    return needed <= a->queue.capacity ? SNN_OK : grow_queue(a, context, needed);
}

static void enqueue(struct queue *q, struct event event)
{
    q->events[(q->first + q->count++) & (q->capacity - 1)] = event;
    if (q->count > q->high_water) q->high_water = q->count;
}

static struct event dequeue(struct queue *q)
{
    const struct event event = q->events[q->first];
    q->first = (q->first + 1) & (q->capacity - 1);
    q->count--;
    return event;
}

/* ---- One visit ---- */

/* Lanes of one position: v += w, the lower clip, and who reached the threshold. */
static void add_lanes(float *restrict v, const float *restrict w, const float *restrict threshold,
                      const float *restrict v_min, uint32_t *restrict reached, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const float sum = v[i] + w[i];
        reached[i] |= (uint32_t)(sum >= threshold[i]);
        v[i] = sum > v_min[i] ? sum : v_min[i];
    }
}

/* A chip's potentials end at 16 bits: above here, below by the lower clip. No threshold lies beyond
 * them, so it is the same after the comparison. */
static void saturate_lanes(float *v, size_t count)
{
    for (size_t i = 0; i < count; i++)
        v[i] = v[i] > (float)INT16_MAX ? (float)INT16_MAX : v[i];
}

static void add_patch(struct snnsim_async *a, const struct snnsim_population *p,
                      const struct cells *cells, const struct patch *patch)
{
    const struct snnsim_spread *threshold = &cells->limits->threshold;
    const struct snnsim_spread *v_min = &cells->limits->v_min;
    const bool chip = a->plan->net->arith == SNN_ARITH_CHIP;
    for (uint32_t r = 0; r < patch->rows; r++) {
        const size_t y = patch->y + (size_t)r * patch->row_step;
        const float *weights = patch->weights + r * patch->weight_pitch;
        for (uint32_t q = 0; q < patch->columns; q++, weights += patch->lanes) {
            const size_t at = (patch->x + (size_t)q * patch->column_step) * p->lanes + patch->lane;
            float *v = cells->v + y * p->row_length + at;
            add_lanes(v, weights, threshold->values + y * threshold->stride + at,
                      v_min->values + y * v_min->stride + at, a->reached, patch->lanes);
            if (chip) saturate_lanes(v, patch->lanes);
        }
    }
}

/* One spike of the neuron at (y, x, lane), for which the queue has room. */
static void fire(struct snnsim_async *a, struct cells *cells, size_t at, float threshold,
                 struct event spike)
{
    cells->v[at] = cells->reset_zero ? 0.0f : cells->v[at] - threshold;
    cells->spikes++;
    if (cells->fired != NULL) cells->fired[at]++;
    if (cells->total != NULL && cells->total[at] < UINT32_MAX) cells->total[at]++;
    if (cells->source != NO_SOURCE) enqueue(&a->queue, spike);
}

/* Fires those of one lane that reached their threshold. What is left is not negative, so that it
 * needs no lower clip. */
static void fire_lane(struct snnsim_async *a, const struct snnsim_population *p,
                      struct cells *cells, const struct patch *patch, uint32_t lane)
{
    const struct snnsim_spread *threshold = &cells->limits->threshold;
    for (uint32_t r = 0; r < patch->rows; r++) {
        const uint32_t y = patch->y + r * patch->row_step;
        for (uint32_t q = 0; q < patch->columns; q++) {
            const uint32_t x = patch->x + q * patch->column_step;
            const size_t in_row = (size_t)x * p->lanes + lane;
            const size_t at = y * p->row_length + in_row;
            const float limit = threshold->values[y * threshold->stride + in_row];
            if (cells->v[at] >= limit)
                fire(a, cells, at, limit, (struct event){cells->source, lane, y, x});
        }
    }
}

static int visit_cells(struct snnsim_async *a, struct snn_context *context,
                       const struct snnsim_population *p, struct cells *cells,
                       const struct patch *patch)
{
    if (cells->source != NO_SOURCE) {
        int status = make_room(a, context, (size_t)patch->rows * patch->columns * patch->lanes);
        if (status != SNN_OK) return status;
    }
    memset(a->reached, 0, patch->lanes * sizeof(*a->reached));
    add_patch(a, p, cells, patch);
    for (uint32_t i = 0; i < patch->lanes; i++) {
        if (a->reached[i]) fire_lane(a, p, cells, patch, patch->lane + i);
    }
    return SNN_OK;
}

/* Visits a population, and with the output all further readouts. */
static int visit(struct snnsim_async *a, struct snn_context *context, uint32_t population,
                 const struct patch *patch)
{
    const struct snn_net *net = a->plan->net;
    const struct snnsim_population *p = &a->plan->populations[population];
    int status = visit_cells(a, context, p, &a->populations[population], patch);
    if (population + 1 < net->population_count) return status;
    for (uint32_t r = 1; status == SNN_OK && r < net->readout_count; r++)
        status = visit_cells(a, context, p, &a->readouts[r], patch);
    return status;
}

/* ---- Events ---- */

/* An event behind the pools. */
static int arrive(struct snnsim_async *a, struct snn_context *context,
                  const struct snnsim_route *route, uint32_t channel, uint32_t y, uint32_t x)
{
    const struct snnsim_synapse *s = route->synapse;
    const uint32_t phase_index = y % s->phases_h * s->phases_w + x % s->phases_w;
    const struct snnsim_phase *phase = &s->phases[phase_index];
    const struct snnsim_stride *stride = &route->strides[phase_index];
    const struct snnsim_reach_on_map *rows = &route->row_reach[y];
    const struct snnsim_reach_on_map *columns = &route->column_reach[x];
    a->arrived[route->index]++;
    if (phase->size == 0 || rows->count == 0 || columns->count == 0) return SNN_OK;
    a->operations[route->index] += (uint64_t)rows->count * columns->count * s->fanout_channels;
    const size_t pitch = (size_t)stride->columns * route->lanes;
    const struct patch patch = {
        .weights = s->weights + phase->weights + s->rows.weights[y] + s->columns.weights[x] +
                   (size_t)channel * phase->size + rows->skipped * pitch +
                   (size_t)columns->skipped * route->lanes,
        .weight_pitch = pitch,
        .y = rows->first,
        .x = columns->first,
        .rows = rows->count,
        .columns = columns->count,
        .row_step = stride->row_step,
        .column_step = stride->column_step,
        .lane = s->channel_target[channel],
        .lanes = route->lanes,
    };
    return visit(a, context, route->population, &patch);
}

/* Through the pools, one path after another. */
static int pass(struct snnsim_async *a, struct snn_context *context,
                const struct snnsim_route *route, const struct event *event)
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

static int deliver(struct snnsim_async *a, struct snn_context *context, const struct event *event)
{
    const struct snnsim_routes *routes = a->routes;
    int status = SNN_OK;
    for (uint32_t i = routes->first[event->source];
         status == SNN_OK && i < routes->first[event->source + 1]; i++)
        status = pass(a, context, &routes->routes[i], event);
    return status;
}

static int drain(struct snnsim_async *a, struct snn_context *context)
{
    int status = SNN_OK;
    while (status == SNN_OK && a->queue.count > 0) {
        const struct event event = dequeue(&a->queue);
        status = deliver(a, context, &event);
    }
    return status;
}

/* An event at every neuron of a layer that has biases. */
static int tick(struct snnsim_async *a, struct snn_context *context, uint32_t population)
{
    const struct snnsim_population *p = &a->plan->populations[population];
    const struct patch patch = {
        .weights = p->bias.values,
        .weight_pitch = p->bias.stride,
        .rows = p->population->shape.height,
        .columns = p->population->shape.width,
        .row_step = 1,
        .column_step = 1,
        .lanes = p->lanes,
    };
    if (p->population->bias == NULL) return SNN_OK;
    int status = visit(a, context, population, &patch);
    return status == SNN_OK ? drain(a, context) : status;
}

/* The input's events; those of one time enter the queue together. */
static int take_input(struct snnsim_async *a, struct snn_context *context)
{
    const struct snn_shape shape = a->plan->net->input_shape;
    const uint64_t *key = a->sequence.key, *end = key + a->sequence.count;
    int status = SNN_OK;
    while (status == SNN_OK && key < end) {
        const uint64_t time = *key >> 32;
        status = make_room(a, context, (size_t)(end - key));
        for (; status == SNN_OK && key < end && *key >> 32 == time; key++) {
            const uint32_t address = (uint32_t)*key, position = address / shape.channels;
            enqueue(&a->queue,
                    (struct event){a->plan->net->population_count, address % shape.channels,
                                   position / shape.width, position % shape.width});
        }
        if (status == SNN_OK) status = drain(a, context);
    }
    return status;
}

/* ---- Steps ---- */

int snnsim_async_push(struct snnsim_async *a, struct snn_context *context,
                      const struct snn_spikes *spikes)
{
    if (spikes->constant) {
        snnbase_fail(context, SNN_ERR_UNSUPPORTED,
                     "asynchronous semantics: analog input (encoding current) has no events");
        return snnbase_hint(context, "take another encoding (rate, bernoulli), or semantics sync");
    }
    if (a->sequence.order == SNNSIM_ORDER_RECORDED && spikes->event_begin == NULL) {
        snnbase_fail(context, SNN_ERR_INVALID,
                     "order recorded: the input has no times of single events");
        return snnbase_hint(context, "only recordings of an event camera have; take order "
                                     "interleave, raster or random");
    }
    a->moment.sample = spikes->sample;
    return snnsim_sequence_reserve(&a->sequence, context, spikes);
}

/* Copies a readout to the caller's [class] order, classes being [channel][y][x]. */
static void read_out(const struct snnsim_population *p, const struct cells *cells, uint32_t *spikes,
                     float *potential)
{
    const struct snn_shape shape = p->population->shape;
    const size_t map = (size_t)shape.height * shape.width;
    for (size_t i = 0; i < map; i++) {
        for (uint32_t c = 0; c < shape.channels; c++) {
            spikes[c * map + i] = cells->fired[i * p->lanes + c];
            potential[c * map + i] = cells->v[i * p->lanes + c];
        }
    }
}

static void begin_step(struct snnsim_async *a)
{
    const struct snn_net *net = a->plan->net;
    const struct snnsim_population *last = &a->plan->populations[net->population_count - 1];
    const size_t outputs = last->population->shape.height * last->row_length;
    for (uint32_t i = 0; i < net->population_count; i++)
        a->populations[i].spikes = 0;
    memset(a->populations[net->population_count - 1].fired, 0, outputs * sizeof(uint32_t));
    for (uint32_t r = 1; r < net->readout_count; r++)
        memset(a->readouts[r].fired, 0, outputs * sizeof(uint32_t));
    a->stepped = true;
}

static void end_step(struct snnsim_async *a, struct snn_output *out, uint32_t row)
{
    const struct snn_net *net = a->plan->net;
    const uint32_t last = net->population_count - 1;
    for (uint32_t i = 0; i <= last; i++)
        out->population_spikes[(size_t)row * net->population_count + i] = a->populations[i].spikes;
    for (uint32_t r = 0; r < net->readout_count; r++) {
        size_t at = ((size_t)row * net->readout_count + r) * net->class_count;
        read_out(&a->plan->populations[last], r == 0 ? &a->populations[last] : &a->readouts[r],
                 out->spikes + at, out->potential + at);
    }
    a->moment.step++;
}

int snnsim_async_step(struct snnsim_async *a, struct snn_context *context,
                      const struct snn_spikes *spikes, uint32_t row, struct snn_output *out,
                      uint32_t out_row)
{
    const struct snn_net *net = a->plan->net;
    const size_t synapses = net->synapse_count, first = out_row * synapses;
    a->arrived = out->synapse_spikes + first;
    a->operations = out->synapse_operations + first;
    memset(a->arrived, 0, synapses * sizeof(uint64_t));
    memset(a->operations, 0, synapses * sizeof(uint64_t));
    memset(out->synapse_macs + first, 0, synapses * sizeof(uint64_t));
    begin_step(a);
    snnsim_sequence_make(&a->sequence, spikes, row, &a->moment);
    out->input_spikes[out_row] = a->sequence.count;
    int status = take_input(a, context);
    for (uint32_t i = 0; status == SNN_OK && i < net->population_count; i++)
        status = tick(a, context, i);
    if (status == SNN_OK) end_step(a, out, out_row);
    return status;
}

/* ---- Creation ---- */

static int init_cells(struct snnsim_async *a, struct snn_context *context,
                      const struct snnsim_population *p, bool read, struct cells *cells)
{
    const size_t size = p->population->shape.height * p->row_length;
    cells->v = snnbase_arena_alloc(&a->arena, context, size, sizeof(float));
    if (read) cells->fired = snnbase_arena_alloc(&a->arena, context, size, sizeof(uint32_t));
    cells->reset_zero = p->population->reset == SNN_RESET_ZERO;
    return cells->v != NULL && (!read || cells->fired != NULL) ? SNN_OK : SNN_ERR_NOMEM;
}

static int init_queue(struct snnsim_async *a, struct snn_context *context)
{
    size_t most = 0; /* neurons of a layer */
    for (uint32_t i = 0; i < a->plan->net->population_count; i++) {
        const struct snnsim_population *p = &a->plan->populations[i];
        const size_t size = p->population->shape.height * p->row_length;
        if (size > most) most = size;
    }
    a->queue.capacity = QUEUE_MIN;
    while (a->queue.capacity < 2 * most && a->queue.capacity < QUEUE_MAX)
        a->queue.capacity *= 2;
    a->queue.events = snnbase_alloc(context, a->queue.capacity, sizeof(*a->queue.events));
    return a->queue.events != NULL ? SNN_OK : SNN_ERR_NOMEM;
}

static int init(struct snnsim_async *a, struct snn_context *context)
{
    const struct snnsim_routes *routes = a->routes;
    const struct snn_net *net = a->plan->net;
    const uint32_t last = net->population_count - 1;
    uint32_t lanes = 0;
    a->populations =
        snnbase_arena_alloc(&a->arena, context, net->population_count, sizeof(*a->populations));
    a->readouts = snnbase_arena_alloc(&a->arena, context, net->readout_count, sizeof(*a->readouts));
    if (a->populations == NULL || a->readouts == NULL) return SNN_ERR_NOMEM;
    int status = SNN_OK;
    for (uint32_t i = 0; status == SNN_OK && i <= last; i++) {
        struct cells *cells = &a->populations[i];
        if (a->plan->populations[i].lanes > lanes) lanes = a->plan->populations[i].lanes;
        status = init_cells(a, context, &a->plan->populations[i], i == last, cells);
        cells->limits = routes->populations[i];
        cells->source = routes->first[i] < routes->first[i + 1] ? i : NO_SOURCE;
    }
    for (uint32_t r = 1; status == SNN_OK && r < net->readout_count; r++) {
        status = init_cells(a, context, &a->plan->populations[last], true, &a->readouts[r]);
        a->readouts[r].limits = routes->readouts[r];
        a->readouts[r].source = NO_SOURCE;
    }
    if (status != SNN_OK) return status;
    a->reached = snnbase_arena_alloc(&a->arena, context, lanes, sizeof(*a->reached));
    return a->reached != NULL ? init_queue(a, context) : SNN_ERR_NOMEM;
}

int snnsim_async_create(struct snnsim_async **out, struct snn_context *context,
                        const struct snnsim_routes *routes, enum snnsim_order order, uint64_t seed)
{
    struct snnsim_async *a = snnbase_alloc(context, 1, sizeof(*a));
    if (a == NULL) return SNN_ERR_NOMEM;
    snnbase_arena_init(&a->arena, context);
    a->routes = routes;
    a->plan = routes->plan;
    a->moment.seed = seed;
    int status = init(a, context);
    if (status == SNN_OK)
        status = snnsim_sequence_init(&a->sequence, context, &a->arena, order,
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
    snnsim_sequence_fini(&(*async)->sequence, &allocator);
    snnbase_allocator_free(&allocator, (*async)->queue.events);
    snnbase_arena_fini(&(*async)->arena);
    snnbase_allocator_free(&allocator, *async);
    *async = NULL;
}

static void reset_cells(const struct snnsim_population *p, struct cells *cells)
{
    const struct snnsim_spread *v_init = &cells->limits->v_init;
    for (size_t y = 0; y < p->population->shape.height; y++) {
        memcpy(cells->v + y * p->row_length, v_init->values + y * v_init->stride,
               p->row_length * sizeof(float));
        if (cells->total != NULL)
            memset(cells->total + y * p->row_length, 0, p->row_length * sizeof(uint32_t));
    }
}

void snnsim_async_reset(struct snnsim_async *a)
{
    const struct snn_net *net = a->plan->net;
    for (uint32_t i = 0; i < net->population_count; i++)
        reset_cells(&a->plan->populations[i], &a->populations[i]);
    for (uint32_t r = 1; r < net->readout_count; r++)
        reset_cells(&a->plan->populations[net->population_count - 1], &a->readouts[r]);
    a->queue.count = 0;
    a->moment.step = 0;
    a->stepped = false;
}

/* ---- Counts ---- */

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

size_t snnsim_async_high_water(const struct snnsim_async *a)
{
    return a->queue.high_water;
}
