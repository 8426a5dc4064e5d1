/* Tables of where spikes go, and adding up by them.
 */
#include "device/dynapcnn/tally.h"

#include <string.h>

#include "libsnn/base/error.h"

#define CORES 64u /* of the wire's layer field */
#define NOBODY UINT32_MAX

/* A synapse that takes the spikes of a source. By position y * width + x of the source: how often
 * a spike arrives behind the pools, and the weights that it is added by then. */
struct fan {
    uint32_t synapse; /* among all of the net */
    uint32_t *arrivals;
    uint64_t *operations;
};

struct source {
    struct snn_shape shape;
    struct fan *fans;
    uint32_t fan_count;
    uint32_t *total; /* [channels][height][width] since the reset; NULL: not counted */
};

struct snndev_tally {
    struct snnbase_arena arena;
    const struct snn_program *program;
    const struct snn_net *net;
    struct source *sources;           /* [population_count + 1]: the last is the input */
    uint32_t population_of[CORES];    /* by index on the chip */
    uint32_t read_height, read_width; /* of the map that the readout sees */
    bool counting;
    struct snn_output output;
};

/* ---- Tables ---- */

/* One synapse and what one position of its source brings it. */
struct passage {
    const struct snn_net *net;
    uint32_t population, synapse; /* of the population */
    uint32_t arrivals;
    uint64_t operations;
};

static uint32_t pool_size(uint32_t size, uint32_t before, uint32_t behind, uint32_t kernel,
                          uint32_t stride)
{
    const uint32_t padded = size + before + behind;
    return padded >= kernel ? (padded - kernel) / stride + 1 : 0;
}

/* Positions of a pool's output that see position `at` along one axis: first to end. */
struct span {
    uint32_t first, end;
};

static struct span windows_over(uint32_t at, uint32_t pad, uint32_t kernel, uint32_t stride,
                                uint32_t size)
{
    const uint32_t from = at + pad; /* windows begin at k * stride and end kernel behind that */
    struct span s = {from >= kernel ? (from - kernel) / stride + 1 : 0, from / stride + 1};
    if (s.end > size) s.end = size;
    if (s.first > s.end) s.first = s.end;
    return s;
}

/* Through the pools from the one with this index on, every path. */
static void pass(struct passage *p, uint32_t pool, uint32_t height, uint32_t width, uint32_t y,
                 uint32_t x)
{
    const struct snn_synapse *s = &p->net->populations[p->population].synapses[p->synapse];
    if (pool == s->pool_count) {
        if (y >= s->source_shape.height || x >= s->source_shape.width) return;
        p->arrivals++;
        p->operations += snn_synapse_fanout(p->net, p->population, p->synapse, y, x);
        return;
    }
    const struct snn_window *w = &s->pools[pool];
    const uint32_t rows = pool_size(height, w->pad_top, w->pad_bottom, w->kernel_h, w->stride_h);
    const uint32_t columns = pool_size(width, w->pad_left, w->pad_right, w->kernel_w, w->stride_w);
    const struct span r = windows_over(y, w->pad_top, w->kernel_h, w->stride_h, rows);
    const struct span c = windows_over(x, w->pad_left, w->kernel_w, w->stride_w, columns);
    for (uint32_t i = r.first; i < r.end; i++)
        for (uint32_t k = c.first; k < c.end; k++)
            pass(p, pool + 1, rows, columns, i, k);
}

static int fill_fan(struct snndev_tally *t, struct snn_context *context, struct snn_shape shape,
                    struct passage *p, struct fan *out)
{
    const size_t map = (size_t)shape.height * shape.width;
    out->synapse = t->net->populations[p->population].synapse_first + p->synapse;
    out->arrivals = snnbase_arena_alloc(&t->arena, context, map, sizeof(*out->arrivals));
    out->operations = snnbase_arena_alloc(&t->arena, context, map, sizeof(*out->operations));
    if (out->arrivals == NULL || out->operations == NULL) return SNN_ERR_NOMEM;
    for (size_t i = 0; i < map; i++) {
        p->arrivals = 0;
        p->operations = 0;
        pass(p, 0, shape.height, shape.width, (uint32_t)(i / shape.width),
             (uint32_t)(i % shape.width));
        out->arrivals[i] = p->arrivals;
        out->operations[i] = p->operations;
    }
    return SNN_OK;
}

/* The synapses of the net that take the spikes of `source` (SNN_SOURCE_INPUT: the input's). */
static int make_source(struct snndev_tally *t, struct snn_context *context, uint32_t source,
                       struct snn_shape shape, struct source *out)
{
    const struct snn_net *net = t->net;
    out->shape = shape;
    out->fans = snnbase_arena_alloc(&t->arena, context, net->synapse_count, sizeof(*out->fans));
    if (out->fans == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < net->population_count; i++) {
        for (uint32_t k = 0; k < net->populations[i].synapse_count; k++) {
            struct passage p = {.net = net, .population = i, .synapse = k};
            if (net->populations[i].synapses[k].source != source) continue;
            int status = fill_fan(t, context, shape, &p, &out->fans[out->fan_count++]);
            if (status != SNN_OK) return status;
        }
    }
    return SNN_OK;
}

static int make_sources(struct snndev_tally *t, struct snn_context *context)
{
    const struct snn_net *net = t->net;
    int status = SNN_OK;
    t->sources =
        snnbase_arena_alloc(&t->arena, context, net->population_count + 1, sizeof(*t->sources));
    if (t->sources == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < CORES; i++)
        t->population_of[i] = NOBODY;
    for (uint32_t i = 0; status == SNN_OK && i < net->population_count; i++) {
        status = make_source(t, context, i, net->populations[i].shape, &t->sources[i]);
        if (net->populations[i].core < CORES) t->population_of[net->populations[i].core] = i;
    }
    if (status != SNN_OK) return status;
    return make_source(t, context, SNN_SOURCE_INPUT, net->input_shape,
                       &t->sources[net->population_count]);
}

/* What the cores of the last layer send there all has one size. */
static void find_readout(struct snndev_tally *t)
{
    for (uint32_t i = 0; i < t->program->core_count; i++) {
        const struct snn_core *core = &t->program->cores[i];
        for (uint32_t d = 0; d < core->destination_count; d++) {
            if (core->destinations[d].layer != t->program->chip.readout_layer) continue;
            t->read_height = core->output.height / core->destinations[d].pooling;
            t->read_width = core->output.width / core->destinations[d].pooling;
        }
    }
}

static int make_output(struct snndev_tally *t, struct snn_context *context)
{
    const struct snn_net *net = t->net;
    const size_t steps = SNN_TARGET_STEPS_MAX;
    struct snnbase_arena *a = &t->arena;
    struct snn_output *o = &t->output;
    o->spikes = snnbase_arena_alloc(a, context, steps * net->class_count, sizeof(uint32_t));
    o->potential = snnbase_arena_alloc(a, context, steps * net->class_count, sizeof(float));
    o->population_spikes =
        snnbase_arena_alloc(a, context, steps * net->population_count, sizeof(uint64_t));
    o->synapse_spikes =
        snnbase_arena_alloc(a, context, steps * net->synapse_count, sizeof(uint64_t));
    o->synapse_operations =
        snnbase_arena_alloc(a, context, steps * net->synapse_count, sizeof(uint64_t));
    o->synapse_macs = snnbase_arena_alloc(a, context, steps * net->synapse_count, sizeof(uint64_t));
    o->input_spikes = snnbase_arena_alloc(a, context, steps, sizeof(uint64_t));
    return o->spikes != NULL && o->potential != NULL && o->population_spikes != NULL &&
                   o->synapse_spikes != NULL && o->synapse_operations != NULL &&
                   o->synapse_macs != NULL && o->input_spikes != NULL
               ? SNN_OK
               : SNN_ERR_NOMEM;
}

int snndev_tally_create(struct snndev_tally **out, struct snn_context *context,
                        const struct snn_program *program, const struct snn_net *net)
{
    struct snndev_tally *t = snnbase_alloc(context, 1, sizeof(*t));
    if (t == NULL) return SNN_ERR_NOMEM;
    snnbase_arena_init(&t->arena, context);
    t->program = program;
    t->net = net;
    find_readout(t);
    int status = make_sources(t, context);
    if (status == SNN_OK) status = make_output(t, context);
    if (status != SNN_OK)
        snndev_tally_destroy(&t);
    else
        *out = t;
    return status;
}

void snndev_tally_destroy(struct snndev_tally **tally)
{
    if (tally == NULL || *tally == NULL) return;
    struct snn_allocator allocator = (*tally)->arena.allocator;
    snnbase_arena_fini(&(*tally)->arena);
    snnbase_allocator_free(&allocator, *tally);
    *tally = NULL;
}

/* ---- Adding up ---- */

struct snn_output *snndev_tally_output(struct snndev_tally *t)
{
    return &t->output;
}

void snndev_tally_clear(struct snndev_tally *t, uint32_t row)
{
    const struct snn_net *net = t->net;
    struct snn_output *o = &t->output;
    const size_t synapses = net->synapse_count, at = row * synapses;
    memset(o->spikes + (size_t)row * net->class_count, 0, net->class_count * sizeof(*o->spikes));
    memset(o->population_spikes + (size_t)row * net->population_count, 0,
           net->population_count * sizeof(uint64_t));
    memset(o->synapse_spikes + at, 0, synapses * sizeof(uint64_t));
    memset(o->synapse_operations + at, 0, synapses * sizeof(uint64_t));
    o->input_spikes[row] = 0;
}

/* Potentials and analog input, of which a device knows nothing, are 0 for ever. */
void snndev_tally_pull(struct snndev_tally *t, struct snn_output *out)
{
    const struct snn_net *net = t->net;
    const struct snn_output *o = &t->output;
    const size_t steps = o->step_count, synapses = steps * net->synapse_count * sizeof(uint64_t);
    memcpy(out->spikes, o->spikes, steps * net->class_count * sizeof(*o->spikes));
    memcpy(out->potential, o->potential, steps * net->class_count * sizeof(*o->potential));
    memcpy(out->population_spikes, o->population_spikes,
           steps * net->population_count * sizeof(uint64_t));
    memcpy(out->synapse_spikes, o->synapse_spikes, synapses);
    memcpy(out->synapse_operations, o->synapse_operations, synapses);
    memcpy(out->synapse_macs, o->synapse_macs, synapses);
    memcpy(out->input_spikes, o->input_spikes, steps * sizeof(uint64_t));
    out->step_count = o->step_count;
    t->output.step_count = 0;
}

static void spread(struct snndev_tally *t, const struct source *source, uint32_t row, size_t at)
{
    uint64_t *spikes = t->output.synapse_spikes + (size_t)row * t->net->synapse_count;
    uint64_t *operations = t->output.synapse_operations + (size_t)row * t->net->synapse_count;
    for (uint32_t i = 0; i < source->fan_count; i++) {
        const struct fan *fan = &source->fans[i];
        spikes[fan->synapse] += fan->arrivals[at];
        operations[fan->synapse] += fan->operations[at];
    }
}

void snndev_tally_input(struct snndev_tally *t, uint32_t row, uint32_t y, uint32_t x)
{
    const struct source *input = &t->sources[t->net->population_count];
    t->output.input_spikes[row]++;
    spread(t, input, row, (size_t)y * input->shape.width + x);
}

/* Features between those of the classes are nobody's, nor are rows and columns of a pool that is
 * not whole. */
static void read_class(struct snndev_tally *t, uint32_t row, const struct snnwire_event *e)
{
    const uint32_t spread_by = t->program->readout_spread;
    if (e->y >= t->read_height || e->x >= t->read_width) return;
    const size_t number =
        ((size_t)(e->feature / spread_by) * t->read_height + e->y) * t->read_width + e->x;
    if (e->feature % spread_by == 0 && number < t->net->class_count)
        t->output.spikes[(size_t)row * t->net->class_count + number]++;
}

bool snndev_tally_spike(struct snndev_tally *t, uint32_t row, const struct snnwire_event *event,
                        uint32_t *population_out)
{
    *population_out = SNN_SOURCE_INPUT;
    if (event->layer == t->program->chip.readout_layer) {
        read_class(t, row, event);
        return true;
    }
    const uint32_t i = event->layer < CORES ? t->population_of[event->layer] : NOBODY;
    if (i == NOBODY) return false;
    struct source *source = &t->sources[i];
    if (event->feature >= source->shape.channels || event->y >= source->shape.height ||
        event->x >= source->shape.width)
        return false;
    const size_t at = (size_t)event->y * source->shape.width + event->x;
    t->output.population_spikes[(size_t)row * t->net->population_count + i]++;
    spread(t, source, row, at);
    *population_out = i;
    if (source->total == NULL) return true;
    uint32_t *total =
        &source->total[(size_t)event->feature * source->shape.height * source->shape.width + at];
    if (*total < UINT32_MAX) ++*total;
    return true;
}

/* ---- Neuron by neuron ---- */

int snndev_tally_count(struct snndev_tally *t, struct snn_context *context)
{
    for (uint32_t i = 0; i < t->net->population_count; i++) {
        struct source *source = &t->sources[i];
        if (source->total == NULL)
            source->total = snnbase_arena_alloc(&t->arena, context, snn_shape_size(source->shape),
                                                sizeof(*source->total));
        if (source->total == NULL) return SNN_ERR_NOMEM;
    }
    t->counting = true;
    return SNN_OK;
}

bool snndev_tally_is_counting(const struct snndev_tally *t)
{
    return t->counting;
}

void snndev_tally_counts(const struct snndev_tally *t, uint32_t population, uint32_t *counts)
{
    const struct source *source = &t->sources[population];
    memcpy(counts, source->total, snn_shape_size(source->shape) * sizeof(*counts));
}

void snndev_tally_reset(struct snndev_tally *t)
{
    t->output.step_count = 0;
    for (uint32_t i = 0; t->counting && i < t->net->population_count; i++)
        memset(t->sources[i].total, 0,
               snn_shape_size(t->sources[i].shape) * sizeof(*t->sources[i].total));
}
