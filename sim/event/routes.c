/* Laying out routes: pools composed along each axis, weights as whole numbers where they are.
 *
 * Pools are products of a row and a column part, so tables of one axis each do.
 */
#include "sim/event/routes.h"

#include "libsnn/base/error.h"
#include "libsnn/model/layer.h"
#include "sim/chip/plan.h"

/* Along one axis, through the pools to one position: each path of both is walked for each spike, so
 * that more would never end. Five pools of 3 in a row have 51. */
#define PATHS_MAX 1024u
#define PASSAGES_MAX ((size_t)1 << 26) /* positions behind the pools, over all in front */

/* One axis of a pool. */
struct pool_axis {
    uint32_t kernel, stride, pad, out;
};

/* Paths to the positions first .. first + count - 1. */
struct paths {
    uint32_t first, count;
    uint32_t *times;
};

static struct pool_axis axis_of(const struct snn_window *w, struct snn_shape out, bool rows)
{
    if (rows) return (struct pool_axis){w->kernel_h, w->stride_h, w->pad_top, out.height};
    return (struct pool_axis){w->kernel_w, w->stride_w, w->pad_left, out.width};
}

/* Windows over position i: those that begin at i - kernel + 1 .. i. */
static void windows_over(const struct pool_axis *a, uint32_t i, uint32_t *first, uint32_t *end)
{
    const uint64_t at = (uint64_t)i + a->pad;
    *first = at >= a->kernel ? (uint32_t)((at - a->kernel) / a->stride + 1) : 0;
    uint64_t last = at / a->stride + 1;
    *end = last < a->out ? (uint32_t)last : a->out;
    if (*first > *end) *first = *end;
}

/* Sends the paths `from` through one more pool. Windows ascend with positions, so the result has no
 * gaps at its ends. False: too many paths. */
static bool pass(const struct pool_axis *a, const struct paths *from, struct paths *to)
{
    uint32_t first = 0, end = 0, unused = 0;
    to->count = 0;
    if (from->count == 0) return true;
    windows_over(a, from->first, &first, &unused);
    windows_over(a, from->first + from->count - 1, &unused, &end);
    to->first = first;
    to->count = end > first ? end - first : 0;
    for (uint32_t k = 0; k < to->count; k++)
        to->times[k] = 0;
    for (uint32_t i = 0; i < from->count; i++) {
        uint32_t low = 0, high = 0;
        windows_over(a, from->first + i, &low, &high);
        for (uint32_t k = low; k < high; k++) {
            to->times[k - first] += from->times[i]; /* both below 2^31 */
            if (to->times[k - first] > PATHS_MAX) return false;
        }
    }
    return true;
}

static int too_many(struct snn_context *context)
{
    return snnbase_fail(context, SNN_ERR_LIMIT,
                        "a spike takes too many paths through overlapping pools");
}

/* All positions of one axis through all pools. `work` are two arrays of `longest`. */
static int make_passages(struct snnsim_routes *routes, struct snn_context *context,
                         const struct snn_synapse *s, bool rows, uint32_t *const work[2],
                         struct snnsim_passage *out)
{
    const struct snn_net *net = routes->plan->net;
    const struct snn_shape in =
        s->source == SNN_SOURCE_INPUT ? net->input_shape : net->populations[s->source].shape;
    const uint32_t size = rows ? in.height : in.width;
    size_t total = 0;
    for (uint32_t i = 0; i < size; i++) {
        struct paths here = {i, 1, work[0]}, next = {0, 0, work[1]};
        struct snn_shape shape = in;
        here.times[0] = 1;
        for (uint32_t p = 0; p < s->pool_count; p++) {
            shape = snnmodel_pooled_shape(shape, &s->pools[p]);
            const struct pool_axis axis = axis_of(&s->pools[p], shape, rows);
            if (!pass(&axis, &here, &next)) return too_many(context);
            const struct paths passed = next;
            next = here;
            here = passed;
        }
        total += here.count;
        if (total > PASSAGES_MAX) return too_many(context);
        uint32_t *times = snnbase_arena_alloc(&routes->arena, context, here.count, sizeof(*times));
        if (times == NULL) return SNN_ERR_NOMEM;
        for (uint32_t k = 0; k < here.count; k++)
            times[k] = here.times[k];
        out[i] = (struct snnsim_passage){here.first, here.count, times};
    }
    return SNN_OK;
}

/* Room for the paths of any position: no map grows by a pool but by its padding. */
static uint32_t longest_axis(const struct snn_net *net, const struct snn_synapse *s)
{
    struct snn_shape shape =
        s->source == SNN_SOURCE_INPUT ? net->input_shape : net->populations[s->source].shape;
    uint32_t longest = shape.height > shape.width ? shape.height : shape.width;
    for (uint32_t p = 0; p < s->pool_count; p++) {
        shape = snnmodel_pooled_shape(shape, &s->pools[p]);
        if (shape.height > longest) longest = shape.height;
        if (shape.width > longest) longest = shape.width;
    }
    return longest;
}

static int pool_route(struct snnsim_routes *routes, struct snn_context *context,
                      const struct snn_synapse *s, struct snnsim_route *route)
{
    const struct snn_net *net = routes->plan->net;
    if (s->pool_count == 0) return SNN_OK;
    const struct snn_shape in =
        s->source == SNN_SOURCE_INPUT ? net->input_shape : net->populations[s->source].shape;
    const uint32_t longest = longest_axis(net, s);
    struct snnsim_passage *rows =
        snnbase_arena_alloc(&routes->arena, context, in.height, sizeof(*rows));
    struct snnsim_passage *columns =
        snnbase_arena_alloc(&routes->arena, context, in.width, sizeof(*columns));
    uint32_t *work = snnbase_alloc(context, longest, 2 * sizeof(*work));
    int status = rows != NULL && columns != NULL && work != NULL ? SNN_OK : SNN_ERR_NOMEM;
    if (status == SNN_OK) {
        uint32_t *const halves[2] = {work, work + longest};
        status = make_passages(routes, context, s, true, halves, rows);
        if (status == SNN_OK) status = make_passages(routes, context, s, false, halves, columns);
    }
    snnbase_free(context, work);
    route->rows = rows;
    route->columns = columns;
    return status;
}

/* The largest footprint of all phases. */
static void measure(struct snnsim_routes *routes, const struct snnsim_synapse *s)
{
    for (uint32_t i = 0; i < s->phases_h * s->phases_w; i++) {
        const struct snnsim_footprint *f = &s->phases[i].footprint;
        const uint32_t lanes = f->rows * f->segments * f->length;
        if (lanes > routes->footprint_max) routes->footprint_max = lanes;
    }
}

static int make_route(struct snnsim_routes *routes, struct snn_context *context,
                      uint32_t population, uint32_t synapse, struct snnsim_route *route)
{
    const struct snnsim_population *p = &routes->plan->populations[population];
    const struct snnsim_synapse *s = &p->synapses[synapse];
    *route = (struct snnsim_route){
        .population = population, .synapse = s, .index = p->population->synapse_first + synapse};
    measure(routes, s);
    if (routes->chip) {
        int16_t *weights = NULL;
        int status = snnsim_whole_numbers(routes, context, "weight", s->weights,
                                          s->weight_bytes / sizeof(float), &weights);
        if (status != SNN_OK) return status;
        route->chip_weights = weights;
    }
    return pool_route(routes, context, s->synapse, route);
}

/* Sorted by source; of one source by population, then synapse. */
static int make_routes(struct snnsim_routes *routes, struct snn_context *context)
{
    const struct snn_net *net = routes->plan->net;
    uint32_t count = 0;
    int status = SNN_OK;
    for (uint32_t i = 0; i <= net->population_count; i++) {
        const uint32_t source = i < net->population_count ? i : SNN_SOURCE_INPUT;
        routes->first[i] = count;
        for (uint32_t p = 0; p < net->population_count; p++) {
            for (uint32_t s = 0; s < net->populations[p].synapse_count; s++) {
                if (net->populations[p].synapses[s].source != source) continue;
                status = make_route(routes, context, p, s, &routes->routes[count++]);
                if (status != SNN_OK) return status;
            }
        }
    }
    routes->first[net->population_count + 1] = count;
    return SNN_OK;
}

int snnsim_whole_numbers(struct snnsim_routes *routes, struct snn_context *context,
                         const char *what, const float *values, size_t count, int16_t **out)
{
    int16_t *to = snnbase_arena_alloc(&routes->arena, context, count, sizeof(*to));
    if (to == NULL) return SNN_ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        int32_t value = 0;
        int status = snnsim_chip_whole(context, what, values[i], INT16_MIN, INT16_MAX, &value);
        if (status != SNN_OK) return status;
        to[i] = (int16_t)value;
    }
    *out = to;
    return SNN_OK;
}

int snnsim_routes_create(struct snnsim_routes **out, struct snn_context *context,
                         const struct snnsim_plan *plan)
{
    const struct snn_net *net = plan->net;
    struct snnsim_routes *routes = snnbase_alloc(context, 1, sizeof(*routes));
    if (routes == NULL) return SNN_ERR_NOMEM;
    struct snnbase_arena *arena = &routes->arena;
    snnbase_arena_init(arena, context);
    routes->plan = plan;
    routes->chip = net->arith == SNN_ARITH_CHIP;
    snnsim_visit_kernels_init(&routes->kernels, plan->kernels.level);
    routes->routes =
        snnbase_arena_alloc(arena, context, net->synapse_count, sizeof(*routes->routes));
    routes->first = snnbase_arena_alloc(arena, context, (size_t)net->population_count + 2,
                                        sizeof(*routes->first));
    int status = routes->routes != NULL && routes->first != NULL ? SNN_OK : SNN_ERR_NOMEM;
    if (status == SNN_OK) status = make_routes(routes, context);
    if (status == SNN_OK) status = snnsim_cells_make(routes, context);
    if (status != SNN_OK)
        snnsim_routes_destroy(&routes);
    else
        *out = routes;
    return status;
}

void snnsim_routes_destroy(struct snnsim_routes **routes)
{
    if (routes == NULL || *routes == NULL) return;
    struct snn_allocator allocator = (*routes)->arena.allocator;
    snnbase_arena_fini(&(*routes)->arena);
    snnbase_allocator_free(&allocator, *routes);
    *routes = NULL;
}
