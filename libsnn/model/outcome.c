/* The record of a sample: whole numbers of variable length, seven bits a byte from the least
 * significant on, and nothing that can be derived from the others.
 *
 * Each outcome has exactly one record: numbers take as few bytes as they can, and a reader refuses
 * what no writer writes, so that equal outcomes are equal bytes.
 */
#include "libsnn/model/outcome.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "libsnn/base/error.h"

enum { FLAG_SILENT = 1, FLAG_COUNTS = 2 };

enum { VARINT_SIZE_MAX = 10, REAL_SIZE = 9 };

#define WHOLE_MAX 9007199254740992.0 /* 2^53: doubles below are exact where they are whole */
#define COUNT_MAX (UINT64_C(1) << 53)

/* --- Outcomes --------------------------------------------------------------------------------- */

int snnmodel_tally_init(struct snnmodel_tally *t, struct snn_context *context,
                        struct snnbase_arena *a, const struct snnmodel_layout *layout)
{
    const size_t size = sizeof(uint64_t);
    t->correct_by_step = snnbase_arena_alloc(a, context, layout->timesteps, size);
    t->population_spikes = snnbase_arena_alloc(a, context, layout->population_count, size);
    t->synapse_spikes = snnbase_arena_alloc(a, context, layout->synapse_count, size);
    t->synapse_operations = snnbase_arena_alloc(a, context, layout->synapse_count, size);
    t->synapse_macs = snnbase_arena_alloc(a, context, layout->synapse_count, size);
    t->busiest = snnbase_arena_alloc(a, context, layout->population_count, sizeof(*t->busiest));
    if (t->correct_by_step == NULL || t->population_spikes == NULL || t->synapse_spikes == NULL ||
        t->synapse_operations == NULL || t->synapse_macs == NULL || t->busiest == NULL)
        return SNN_ERR_NOMEM;
    return SNN_OK;
}

int snnmodel_outcome_init(struct snnmodel_outcome *out, struct snn_context *context,
                          struct snnbase_arena *arena, const struct snnmodel_layout *layout)
{
    const size_t steps = layout->timesteps;
    *out = (struct snnmodel_outcome){.decisions = NULL};
    out->decisions =
        snnbase_arena_alloc(arena, context, layout->rule_count, sizeof(*out->decisions));
    if (out->decisions == NULL) return SNN_ERR_NOMEM;
    int status = snnmodel_tally_init(&out->tally, context, arena, layout);
    if (status != SNN_OK || !layout->counts) return status;
    out->counts =
        snnbase_arena_alloc(arena, context, steps * layout->class_count, sizeof(uint32_t));
    out->population_counts =
        snnbase_arena_alloc(arena, context, steps * layout->population_count, sizeof(uint64_t));
    return out->counts != NULL && out->population_counts != NULL ? SNN_OK : SNN_ERR_NOMEM;
}

static void widen(struct snnmodel_busiest *to, const struct snnmodel_busiest *from)
{
    if (from->events > to->events) to->events = from->events;
    if (from->synops > to->synops) to->synops = from->synops;
    if (from->events_per_step > to->events_per_step) to->events_per_step = from->events_per_step;
    if (from->synops_per_step > to->synops_per_step) to->synops_per_step = from->synops_per_step;
}

void snnmodel_tally_merge(struct snnmodel_tally *to, const struct snnmodel_tally *from,
                          const struct snnmodel_layout *layout)
{
    for (uint32_t t = 0; t < layout->timesteps; t++)
        to->correct_by_step[t] += from->correct_by_step[t];
    for (uint32_t i = 0; i < layout->population_count; i++) {
        to->population_spikes[i] += from->population_spikes[i];
        widen(&to->busiest[i], &from->busiest[i]);
    }
    for (uint32_t s = 0; s < layout->synapse_count; s++) {
        to->synapse_spikes[s] += from->synapse_spikes[s];
        to->synapse_operations[s] += from->synapse_operations[s];
        to->synapse_macs[s] += from->synapse_macs[s];
    }
    to->input_spikes += from->input_spikes;
}

void snnmodel_outcome_find_busiest(struct snnmodel_outcome *outcome, const struct snn_net *net,
                                   const double *sinabs_operations)
{
    const struct snnmodel_tally *t = &outcome->tally;
    const uint32_t steps = outcome->sample.steps;
    for (uint32_t i = 0; i < net->population_count; i++) {
        const struct snn_population *p = &net->populations[i];
        struct snnmodel_busiest *b = &t->busiest[i];
        *b = (struct snnmodel_busiest){.events = 0};
        for (uint32_t s = p->synapse_first; s < p->synapse_first + p->synapse_count; s++) {
            b->events += t->synapse_spikes[s];
            b->synops += sinabs_operations != NULL
                             ? (double)t->synapse_spikes[s] * sinabs_operations[s]
                             : (double)t->synapse_operations[s];
        }
        b->events_per_step = (double)b->events / steps;
        b->synops_per_step = b->synops / steps;
    }
}

/* --- Writing ---------------------------------------------------------------------------------- */

struct writer {
    struct snn_context *context;
    struct snnbase_buffer *out;
    int status; /* the first error sticks */
};

static void put_varint(struct writer *w, uint64_t value)
{
    unsigned char bytes[VARINT_SIZE_MAX];
    size_t size = 0;
    for (; value > 127; value >>= 7)
        bytes[size++] = (unsigned char)((value & 127) | 128);
    bytes[size++] = (unsigned char)value;
    if (w->status == SNN_OK) w->status = snnbase_buffer_append(w->context, w->out, bytes, size);
}

/* Classes and labels: from -1 on. */
static void put_class(struct writer *w, int32_t value)
{
    put_varint(w, (uint64_t)((int64_t)value + 1));
}

static bool is_whole(double value)
{
    return value >= 0.0 && value < WHOLE_MAX && !(value > floor(value));
}

/* Most are whole; others (pools in the Sinabs accounting) are a 1 and the eight bytes of the
 * double. */
static void put_real(struct writer *w, double value)
{
    if (is_whole(value)) {
        put_varint(w, (uint64_t)value << 1);
        return;
    }
    unsigned char bytes[REAL_SIZE] = {1};
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    for (size_t i = 0; i < 8; i++)
        bytes[1 + i] = (unsigned char)(bits >> 8 * i & 0xFF);
    if (w->status == SNN_OK)
        w->status = snnbase_buffer_append(w->context, w->out, bytes, sizeof(bytes));
}

static void put_cost(struct writer *w, const struct snnmodel_cost *cost)
{
    put_real(w, cost->synops);
    put_real(w, cost->io_events);
    put_real(w, cost->macs);
}

static void put_decision(struct writer *w, const struct snnmodel_decision *decision)
{
    put_varint(w, (uint64_t)decision->steps << 1 | decision->decided);
    put_class(w, decision->class_index);
    put_cost(w, &decision->cost);
}

/* How long it was wrong, then right, then wrong ... */
static void put_correctness(struct writer *w, const uint64_t *correct, uint32_t timesteps)
{
    uint64_t now = 0;
    uint32_t begin = 0;
    for (uint32_t t = 0; t < timesteps; t++) {
        if (correct[t] == now) continue;
        put_varint(w, t - begin);
        begin = t;
        now = correct[t];
    }
    if (timesteps > 0) put_varint(w, timesteps - begin);
}

static void put_counts(struct writer *w, const struct snnmodel_outcome *o,
                       const struct snnmodel_layout *layout)
{
    const size_t classes = (size_t)layout->timesteps * layout->class_count;
    const size_t populations = (size_t)layout->timesteps * layout->population_count;
    for (size_t i = 0; i < classes; i++)
        put_varint(w, o->counts[i]);
    for (size_t i = 0; i < populations; i++)
        put_varint(w, o->population_counts[i]);
}

int snnmodel_outcome_encode(const struct snnmodel_outcome *o, uint64_t at,
                            const struct snnmodel_layout *layout, struct snn_context *context,
                            struct snnbase_buffer *out)
{
    struct writer w = {.context = context, .out = out};
    const struct snnmodel_sample *s = &o->sample;
    const struct snnmodel_tally *t = &o->tally;
    put_varint(&w, at);
    put_varint(&w, (s->silent ? FLAG_SILENT : 0u) | (layout->counts ? FLAG_COUNTS : 0u));
    put_class(&w, s->label);
    put_class(&w, s->prediction);
    put_class(&w, s->cnn_prediction);
    put_varint(&w, s->steps);
    if (s->silent) put_varint(&w, s->silent_layer);
    put_cost(&w, &s->total);
    if (layout->timesteps > 0) put_decision(&w, &s->first);
    for (uint32_t i = 0; i < layout->rule_count; i++)
        put_decision(&w, &o->decisions[i]);
    if (layout->labelled) put_correctness(&w, t->correct_by_step, layout->timesteps);
    put_varint(&w, t->input_spikes);
    for (uint32_t i = 0; i < layout->population_count; i++)
        put_varint(&w, t->population_spikes[i]);
    for (uint32_t i = 0; i < layout->synapse_count; i++) {
        put_varint(&w, t->synapse_spikes[i]);
        put_varint(&w, t->synapse_operations[i]);
        put_varint(&w, t->synapse_macs[i]);
    }
    if (layout->counts) put_counts(&w, o, layout);
    return w.status;
}

uint64_t snnmodel_outcome_size_max(const struct snnmodel_layout *layout)
{
    const uint64_t decision = 2 * VARINT_SIZE_MAX + 3 * VARINT_SIZE_MAX;
    const uint64_t step =
        1 + (layout->counts ? (uint64_t)layout->class_count + layout->population_count : 0);
    return 12 * VARINT_SIZE_MAX + (layout->rule_count + UINT64_C(1)) * decision +
           VARINT_SIZE_MAX * (layout->timesteps * step + layout->population_count +
                              3 * (uint64_t)layout->synapse_count);
}

/* --- Reading ---------------------------------------------------------------------------------- */

struct reader {
    const unsigned char *bytes;
    size_t size, at;
    size_t begin;    /* of the number that was read last */
    const char *bad; /* what is wrong with the one at `begin`; NULL: nothing so far */
};

static void spoil(struct reader *r, const char *bad)
{
    if (r->bad == NULL) r->bad = bad;
}

/* A number of 0..limit; 0 where there is none. */
static uint64_t take_varint(struct reader *r, uint64_t limit)
{
    uint64_t value = 0;
    if (r->bad != NULL) return 0;
    r->begin = r->at;
    for (unsigned shift = 0; r->at < r->size; shift += 7) {
        const uint64_t digit = r->bytes[r->at++];
        if (shift > 63 || (shift == 63 && digit > 1)) break;
        value |= (digit & 127) << shift;
        if (digit > 127) continue;
        if (digit == 0 && shift > 0) break; /* it could have ended before */
        if (value <= limit) return value;
        spoil(r, "a number is out of its range");
        return 0;
    }
    spoil(r,
          r->at == r->size ? "it ends within a number" : "a number is not as short as it can be");
    return 0;
}

static int32_t take_class(struct reader *r, const struct snnmodel_layout *layout)
{
    return (int32_t)((int64_t)take_varint(r, layout->class_count) - 1);
}

static double take_real(struct reader *r)
{
    const uint64_t word = take_varint(r, COUNT_MAX << 1);
    if (r->bad != NULL) return 0.0;
    if ((word & 1) == 0) {
        if (word == COUNT_MAX << 1) spoil(r, "a number is out of its range");
        return (double)(word >> 1);
    }
    double value = 0.0;
    uint64_t bits = 0;
    if (word != 1 || r->size - r->at < 8) {
        spoil(r, "a number is out of its range");
        return 0.0;
    }
    for (size_t i = 0; i < 8; i++)
        bits |= (uint64_t)r->bytes[r->at++] << 8 * i;
    memcpy(&value, &bits, sizeof(value));
    if (!(value >= 0.0) || !isfinite(value) || is_whole(value))
        spoil(r, "a number is not as short as it can be, or none");
    return value;
}

static struct snnmodel_cost take_cost(struct reader *r)
{
    struct snnmodel_cost cost;
    cost.synops = take_real(r);
    cost.io_events = take_real(r);
    cost.macs = take_real(r);
    return cost;
}

static struct snnmodel_decision take_decision(struct reader *r,
                                              const struct snnmodel_layout *layout)
{
    struct snnmodel_decision d;
    const uint64_t word = take_varint(r, (uint64_t)layout->timesteps << 1 | 1);
    d.steps = (uint32_t)(word >> 1);
    d.decided = word & 1;
    if (d.steps == 0) spoil(r, "a decision after no step");
    d.class_index = take_class(r, layout);
    d.cost = take_cost(r);
    return d;
}

static void take_correctness(struct reader *r, uint64_t *correct, uint32_t timesteps)
{
    uint64_t now = 0;
    for (uint32_t t = 0; t < timesteps && r->bad == NULL; now = 1 - now) {
        const uint32_t begin = t;
        const uint64_t length = take_varint(r, timesteps - t);
        if (length == 0 && !(t == 0 && now == 0)) spoil(r, "a change that is none");
        for (; t < begin + length; t++)
            correct[t] = now;
    }
}

static void take_counts(struct reader *r, struct snnmodel_outcome *o,
                        const struct snnmodel_layout *layout)
{
    const size_t classes = (size_t)layout->timesteps * layout->class_count;
    const size_t populations = (size_t)layout->timesteps * layout->population_count;
    for (size_t i = 0; i < classes && r->bad == NULL; i++)
        o->counts[i] = (uint32_t)take_varint(r, UINT32_MAX);
    for (size_t i = 0; i < populations && r->bad == NULL; i++)
        o->population_counts[i] = take_varint(r, COUNT_MAX);
}

static void take_sample(struct reader *r, struct snnmodel_sample *s,
                        const struct snnmodel_layout *layout)
{
    const uint64_t flags = take_varint(r, FLAG_SILENT | FLAG_COUNTS);
    if (((flags & FLAG_COUNTS) != 0) != layout->counts)
        spoil(r, "counts by step, or none, against what the run has");
    *s = (struct snnmodel_sample){.done = true, .silent = (flags & FLAG_SILENT) != 0};
    s->label = take_class(r, layout);
    if ((s->label >= 0) != layout->labelled)
        spoil(r, "a label, or none, against what the data has");
    s->prediction = take_class(r, layout);
    s->cnn_prediction = take_class(r, layout);
    s->steps = (uint32_t)take_varint(r, layout->timesteps);
    if ((s->steps == 0) != (layout->timesteps == 0)) spoil(r, "a sample without a step");
    if (s->silent) s->silent_layer = (uint32_t)take_varint(r, layout->population_count);
    s->total = take_cost(r);
    if (layout->timesteps > 0)
        s->first = take_decision(r, layout);
    else
        s->first.class_index = SNN_NO_CLASS;
}

int snnmodel_outcome_decode(struct snnmodel_outcome *out, uint64_t *at_out,
                            const struct snnmodel_layout *layout, struct snn_context *context,
                            const void *record, size_t size)
{
    struct reader r = {.bytes = record, .size = size};
    struct snnmodel_tally *t = &out->tally;
    const uint64_t at = take_varint(&r, layout->sample_count - 1);
    take_sample(&r, &out->sample, layout);
    for (uint32_t i = 0; i < layout->rule_count && r.bad == NULL; i++)
        out->decisions[i] = take_decision(&r, layout);
    if (layout->labelled) take_correctness(&r, t->correct_by_step, layout->timesteps);
    t->input_spikes = take_varint(&r, COUNT_MAX);
    for (uint32_t i = 0; i < layout->population_count && r.bad == NULL; i++)
        t->population_spikes[i] = take_varint(&r, COUNT_MAX);
    for (uint32_t i = 0; i < layout->synapse_count && r.bad == NULL; i++) {
        t->synapse_spikes[i] = take_varint(&r, COUNT_MAX);
        t->synapse_operations[i] = take_varint(&r, COUNT_MAX);
        t->synapse_macs[i] = take_varint(&r, COUNT_MAX);
    }
    if (layout->counts) take_counts(&r, out, layout);
    if (r.bad == NULL && r.at < r.size) {
        r.begin = r.at;
        r.bad = "bytes behind its end";
    }
    if (r.bad != NULL)
        return snnbase_fail(context, SNN_ERR_FORMAT, "byte %zu of a sample's record: %s", r.begin,
                            r.bad);
    *at_out = at;
    return SNN_OK;
}
