/* Why a layer by itself is no core of the chip: its form, its sizes, or its need of memory, each
 * with the arithmetic behind the number.
 */
#include "convert/lower/window.h"
#include "convert/place/finding.h"
#include "libsnn/base/error.h"

/* A reason in the making. */
struct reason {
    const struct snnconv_stages *all;
    const struct snnconv_stage *stage;
    const struct snn_chip *chip;
    const struct snnconv_problem *problem;
    struct snnconv_text text, hint;
};

typedef void (*explain_fn)(struct reason *r);

static const struct snn_synapse *synapse_of(const struct reason *r)
{
    return &r->stage->population->synapses[r->problem->synapse];
}

static const char *source_name(const struct reason *r, const struct snn_synapse *s)
{
    return s->source == SNN_SOURCE_INPUT ? "input" : r->all->stages[s->source].name;
}

/* ---- Form and sizes ---- */

/* What a window has of both axes, if it is not the usual. */
static void put_pair(struct reason *r, const char *name, uint32_t rows, uint32_t columns,
                     uint32_t usual)
{
    if (rows == usual && columns == usual) return;
    snnconv_text_put(&r->text, " %s %u", name, rows);
    if (columns != rows) snnconv_text_put(&r->text, ",%u", columns);
}

static void put_window(struct reason *r, const struct snn_synapse *s)
{
    const struct snn_window *w = &s->window;
    if (s->kind == SNN_SYNAPSE_DENSE) {
        snnconv_text_put(&r->text, "all of %ux%u", s->source_shape.height, s->source_shape.width);
    } else if (s->kind == SNN_SYNAPSE_ONE_TO_ONE) {
        snnconv_text_put(&r->text, "one to one");
    } else {
        snnconv_text_put(&r->text, "%ux%u", w->kernel_h, w->kernel_w);
        put_pair(r, "stride", w->stride_h, w->stride_w, 1);
        put_pair(r, "padding", w->pad_top, w->pad_left, 0);
    }
    snnconv_text_put(&r->text, " from '%s'", source_name(r, s));
}

static void put_windows(struct reason *r)
{
    const struct snn_population *p = r->stage->population;
    for (uint32_t s = 0; s < p->synapse_count; s++) {
        snnconv_text_join(&r->text, s, p->synapse_count);
        put_window(r, &p->synapses[s]);
    }
}

/* Where the kernel is not the layer's own, what it is to hold. */
static void put_held(struct reason *r)
{
    const struct snn_population *p = r->stage->population;
    const struct snn_synapse *first = &p->synapses[0];
    const bool own = p->synapse_count == 1 && first->kind == SNN_SYNAPSE_CONV2D &&
                     first->pool_count == 0 && first->window.kernel_h == r->stage->kernel_size &&
                     first->window.kernel_w == r->stage->kernel_size;
    if (own || first->kind == SNN_SYNAPSE_DENSE) return;
    snnconv_text_put(&r->text, ": the smallest square one that holds ");
    put_windows(r);
}

static void explain_kernel_size(struct reason *r)
{
    const uint32_t most = r->chip->kernel_size_max, k = r->stage->kernel_size;
    const bool dense = synapse_of(r)->kind == SNN_SYNAPSE_DENSE;
    snnconv_text_put(&r->text, "kernel %ux%u%s exceeds the %ux%u of every core", k, k,
                     dense ? ", which covers its input map," : "", most, most);
    put_held(r);
    if (dense) snnconv_text_put(&r->hint, "a pool or a stride before it makes its map smaller");
}

/* A stride may be that of the layer times that of the pools which no core does. */
static void explain_stride(struct reason *r)
{
    const struct snn_population *p = r->stage->population;
    uint32_t s = 0;
    snnconv_text_put(&r->text, "stride %u is not one of ", (uint32_t)r->problem->need);
    snnconv_text_choices(&r->text, r->chip->strides, r->chip->stride_count);
    snnconv_text_put(&r->text, ", those of every core");
    while (s < p->synapse_count && p->synapses[s].pool_count == 0)
        s++;
    if (s == p->synapse_count) return;
    const struct snn_synapse *pooled = &p->synapses[s];
    const struct snn_window *pool = &pooled->pools[pooled->pool_count - 1];
    snnconv_text_put(&r->text, ": the pooling of %ux%u behind '%s' is part of it", pool->kernel_h,
                     pool->kernel_w, source_name(r, pooled));
}

static void explain_padding(struct reason *r)
{
    snnconv_text_put(&r->text, "padding %u exceeds the %u of every core",
                     (uint32_t)r->problem->need, r->chip->padding_max);
}

/* The layer with the synapse at hand as one kernel of zeros between the weights: false, and why
 * not, where that has no form either. Other branches stay as they are. */
static bool write_out(const struct reason *r, struct snnconv_stage *stage,
                      struct snnconv_misfit *why)
{
    const struct snn_population *p = r->stage->population;
    struct snn_synapse full = *synapse_of(r);
    const struct snn_window own = full.window;
    struct snn_window *w = &full.window;
    struct snnconv_field field;
    struct snnconv_window window;
    const struct snn_shape source =
        full.source == SNN_SOURCE_INPUT ? r->all->input_shape : r->all->stages[full.source].output;
    full.groups = w->dilation_h = w->dilation_w = 1;
    w->kernel_h = (own.kernel_h - 1) * own.dilation_h + 1;
    w->kernel_w = (own.kernel_w - 1) * own.dilation_w + 1;
    *why = snnconv_field_make(&field, &full, source, p->shape, r->chip);
    if (why->constraint == SNN_CONSTRAINT_NONE)
        *why = snnconv_window_find(&window, &field, 1, p->shape, r->chip);
    if (why->constraint != SNN_CONSTRAINT_NONE) return false;
    *stage = *r->stage;
    stage->problem_count = 0;
    if (p->synapse_count == 1 || window.kernel_size > stage->kernel_size)
        stage->kernel_size = window.kernel_size;
    return true;
}

/* What a kernel written out with zeros would take. */
static void hint_full_kernel(struct reason *r)
{
    struct snnconv_stage full;
    struct snnconv_misfit why;
    uint64_t cores = 0;
    if (!write_out(r, &full, &why)) {
        snnconv_text_put(&r->hint, "its %s has no form either, were it a full kernel with zeros",
                         snn_constraint_name(why.constraint));
        return;
    }
    for (uint32_t c = 0; c < r->chip->core_count; c++) {
        struct snn_fit fit;
        snnconv_stage_fit(&full, r->chip, c, &fit);
        if (fit.constraint == SNN_CONSTRAINT_NONE) cores |= (uint64_t)1 << c;
    }
    snnconv_text_put(
        &r->hint, "a full %ux%u kernel with zeros takes %llu words of kernel memory",
        full.kernel_size, full.kernel_size,
        (unsigned long long)snnconv_stage_words(&full, r->chip, full.output.channels).kernel);
    snnconv_text_put(&r->hint, cores != 0 ? " and fits " : " and fits no core");
    if (cores != 0) snnconv_text_cores(&r->hint, cores);
}

static void explain_dilation(struct reason *r)
{
    snnconv_text_put(&r->text, "dilation %u exceeds the 1 of every core",
                     (uint32_t)r->problem->need);
    hint_full_kernel(r);
}

static void explain_groups(struct reason *r)
{
    snnconv_text_put(&r->text, "%u groups exceed the 1 of every core", (uint32_t)r->problem->need);
    hint_full_kernel(r);
}

static void explain_pooling(struct reason *r)
{
    const struct snn_synapse *s = synapse_of(r);
    const struct snn_window *own = NULL;
    for (uint32_t i = 0; i < s->pool_count && own == NULL; i++) {
        const struct snn_window *w = &s->pools[i];
        if (w->kernel_h != w->stride_h || w->kernel_w != w->stride_w || w->pad_top > 0 ||
            w->pad_left > 0 || w->pad_bottom > 0 || w->pad_right > 0)
            own = w;
    }
    if (own == NULL) own = &s->pools[0];
    snnconv_text_put(&r->text, "pooling of %ux%u with stride %u", own->kernel_h, own->kernel_w,
                     own->stride_h);
    if (own->pad_top + own->pad_left + own->pad_bottom + own->pad_right > 0)
        snnconv_text_put(&r->text, " and padding");
    snnconv_text_put(&r->text, " behind '%s' is not one of ", source_name(r, s));
    snnconv_text_choices(&r->text, r->chip->poolings, r->chip->pooling_count);
    snnconv_text_put(&r->text, ", those of every core, nor can it be merged into the kernel");
    snnconv_text_put(&r->hint, "pools must not overlap, nor be padded");
}

static void explain_input_size(struct reason *r)
{
    const struct snn_shape in = r->stage->input;
    snnconv_text_put(&r->text, "input map %ux%u exceeds the %ux%u of every core", in.height,
                     in.width, r->chip->input_size_max, r->chip->input_size_max);
    snnconv_text_put(&r->hint, "crop it, or pool before it");
}

static void explain_output_size(struct reason *r)
{
    const struct snn_shape out = r->stage->output;
    snnconv_text_put(&r->text, "output map %ux%u exceeds the %ux%u of every core", out.height,
                     out.width, r->chip->output_size_max, r->chip->output_size_max);
    snnconv_text_put(&r->hint, "a stride makes it smaller; a pool behind the neurons does not");
}

static void put_spread(struct reason *r, const char *what)
{
    const struct snnconv_stage *stage = r->stage;
    const uint32_t own = stage->output.channels;
    const uint32_t spread = snnconv_stage_spread(stage, r->chip, own);
    snnconv_text_put(&r->text, "%u %s", spread, what);
    if (spread != own)
        snnconv_text_put(&r->text, ": %u spread by %u for the readout", own,
                         r->chip->readout_spread);
}

static void explain_features(struct reason *r)
{
    const uint32_t in = r->stage->input.channels, most = r->chip->feature_max;
    if (in > most) {
        snnconv_text_put(&r->text, "%u input channels exceed the %u of every core", in, most);
        return;
    }
    snnconv_text_put(&r->text, "%llu features exceed the %u of every core",
                     (unsigned long long)r->problem->need, most);
    if (r->problem->need != r->stage->output.channels)
        snnconv_text_put(&r->text, ": %u spread by %u for the readout", r->stage->output.channels,
                         r->chip->readout_spread);
}

static void explain_window(struct reason *r)
{
    const uint32_t most = r->chip->kernel_size_max;
    if (r->problem->need == 0) {
        snnconv_text_put(&r->text, "its weights are not in the form of a core");
        snnconv_text_put(&r->hint, "the net was not lowered for this chip");
        return;
    }
    snnconv_text_put(&r->text, "no one kernel of up to %ux%u, with one stride and padding, holds ",
                     most, most);
    put_windows(r);
    if (r->problem->need > 1)
        snnconv_text_put(
            &r->hint, "a branch with another stride needs neurons of its own before it is added");
    else
        snnconv_text_put(&r->hint,
                         "pad or widen it so that rows and columns lose as many positions, "
                         "or an even number more");
}

/* ---- Neurons ---- */

static void explain_threshold(struct reason *r)
{
    snnconv_text_put(&r->text,
                     "thresholds differ, where a core has one: %llu of them from that of the first "
                     "neuron",
                     (unsigned long long)r->problem->need);
    snnconv_text_put(&r->hint, "thresholds a feature can be folded into the weights");
}

static void explain_threshold_low(struct reason *r)
{
    if (r->problem->need == 0) {
        snnconv_text_put(&r->text, "lower clip 0, where that of %s must be below 0", r->chip->name);
        snnconv_text_put(&r->hint, "clip at -1 thresholds, or not at all (--v-min)");
        return;
    }
    snnconv_text_put(&r->text,
                     "lower clips differ, where a core has one: %llu of them from that of the "
                     "first neuron",
                     (unsigned long long)r->problem->need);
}

static void explain_bias(struct reason *r)
{
    snnconv_text_put(&r->text,
                     "biases differ by position, where a core has one a feature: %llu of %zu",
                     (unsigned long long)r->problem->need, r->stage->population->bias_count);
}

static void explain_readout(struct reason *r)
{
    const unsigned long long need = r->problem->need, limit = r->problem->limit;
    if (need == 0) {
        snnconv_text_put(&r->text, "its neurons never fire, and a chip tells spikes only");
        snnconv_text_put(&r->hint, r->stage->readout
                                       ? "read its spikes, or let the net end in neurons"
                                       : "give them a threshold");
    } else if (limit == 1) {
        snnconv_text_put(&r->text, "it is read with %llu thresholds, where a core has one", need);
        snnconv_text_put(&r->hint, "give all rules the same gain (--output-gain)");
    } else {
        snnconv_text_put(&r->text, "%llu classes exceed the %llu that the readout tells apart",
                         need, limit);
    }
}

/* ---- Memories ---- */

static uint32_t power_of_2(uint32_t value)
{
    uint32_t power = 1;
    while (power < value)
        power *= 2;
    return power;
}

static void put_arithmetic(struct reason *r, enum snn_constraint constraint)
{
    const struct snnconv_stage *stage = r->stage;
    const uint32_t k = stage->kernel_size;
    const uint32_t features = snnconv_stage_spread(stage, r->chip, stage->output.channels);
    const struct snn_shape out = stage->output;
    if (constraint == SNN_CONSTRAINT_KERNEL_MEMORY) {
        snnconv_text_put(&r->text, "%u channels x %u (%ux%u kernel) x %u (", stage->input.channels,
                         power_of_2(k * k), k, k, power_of_2(features));
        put_spread(r, "features");
        snnconv_text_put(&r->text, ")");
        return;
    }
    put_spread(r, "features");
    if (constraint == SNN_CONSTRAINT_NEURON_MEMORY)
        snnconv_text_put(&r->text, " x %u (%u rows) x %u (%u columns)", power_of_2(out.height),
                         out.height, power_of_2(out.width), out.width);
}

/* Words of one memory: of a core, or of what a stage needs. */
static uint64_t memory_of(const struct snn_chip_core *core, enum snn_constraint constraint)
{
    if (constraint == SNN_CONSTRAINT_KERNEL_MEMORY) return core->kernel_words;
    return constraint == SNN_CONSTRAINT_NEURON_MEMORY ? core->neuron_words : core->bias_words;
}

static uint64_t need_of(const struct snn_core_words *words, enum snn_constraint constraint)
{
    if (constraint == SNN_CONSTRAINT_KERNEL_MEMORY) return words->kernel;
    return constraint == SNN_CONSTRAINT_NEURON_MEMORY ? words->neuron : words->bias;
}

static uint32_t core_of_most(const struct snn_chip *chip, enum snn_constraint constraint)
{
    uint32_t most = 0;
    for (uint32_t c = 1; c < chip->core_count; c++) {
        if (memory_of(&chip->cores[c], constraint) > memory_of(&chip->cores[most], constraint))
            most = c;
    }
    return most;
}

/* How many features would fit, on one core and on the two that hold the most. */
static void hint_features(struct reason *r, const struct snn_fit *fits)
{
    const uint32_t own = r->stage->output.channels;
    uint32_t best = 0, second = SNN_NO_CORE;
    for (uint32_t c = 1; c < r->chip->core_count; c++) {
        if (fits[c].features_most > fits[best].features_most) {
            second = best;
            best = c;
        } else if (second == SNN_NO_CORE || fits[c].features_most > fits[second].features_most) {
            second = c;
        }
    }
    if (fits[best].features_most == 0) {
        snnconv_text_put(&r->hint, "not one of its %u features fits a core", own);
        return;
    }
    snnconv_text_put(&r->hint, "core %u holds %u of its %u features", best,
                     fits[best].features_most, own);
    if (second == SNN_NO_CORE || fits[second].features_most == 0) return;
    const uint64_t both = (uint64_t)fits[best].features_most + fits[second].features_most;
    snnconv_text_put(&r->hint, ", cores %u and %u together ", best < second ? best : second,
                     best < second ? second : best);
    if (both < own)
        snnconv_text_put(&r->hint, "%llu", (unsigned long long)both);
    else
        snnconv_text_put(&r->hint, "all, but it is not to be shared");
}

/* ---- A stage ---- */

static const explain_fn EXPLAIN[] = {
    [SNN_CONSTRAINT_KERNEL_SIZE] = explain_kernel_size,
    [SNN_CONSTRAINT_STRIDE] = explain_stride,
    [SNN_CONSTRAINT_PADDING] = explain_padding,
    [SNN_CONSTRAINT_DILATION] = explain_dilation,
    [SNN_CONSTRAINT_GROUPS] = explain_groups,
    [SNN_CONSTRAINT_POOLING] = explain_pooling,
    [SNN_CONSTRAINT_INPUT_SIZE] = explain_input_size,
    [SNN_CONSTRAINT_OUTPUT_SIZE] = explain_output_size,
    [SNN_CONSTRAINT_FEATURES] = explain_features,
    [SNN_CONSTRAINT_WINDOW] = explain_window,
    [SNN_CONSTRAINT_THRESHOLD] = explain_threshold,
    [SNN_CONSTRAINT_THRESHOLD_LOW] = explain_threshold_low,
    [SNN_CONSTRAINT_BIAS] = explain_bias,
    [SNN_CONSTRAINT_READOUT] = explain_readout,
};

static int add_problem(struct snnconv_finder *finder, struct reason *r,
                       const struct snnconv_problem *problem, uint32_t layer)
{
    const struct snn_finding of = {.constraint = problem->constraint,
                                   .layer = layer,
                                   .core = SNN_NO_CORE,
                                   .need = problem->need,
                                   .limit = problem->limit};
    r->problem = problem;
    r->text.length = r->hint.length = 0;
    EXPLAIN[problem->constraint](r);
    return snnconv_finder_add(finder, &of, &r->text, &r->hint);
}

static bool has_problem(const struct snnconv_stage *stage, enum snn_constraint constraint)
{
    for (uint32_t i = 0; i < stage->problem_count; i++) {
        if (stage->problems[i].constraint == constraint) return true;
    }
    return false;
}

static const enum snn_constraint MEMORIES[] = {
    SNN_CONSTRAINT_KERNEL_MEMORY, SNN_CONSTRAINT_NEURON_MEMORY, SNN_CONSTRAINT_BIAS_MEMORY};
enum { MEMORY_COUNT = sizeof(MEMORIES) / sizeof(MEMORIES[0]) };

/* What a core is short of, with the text that is there. */
static int add_memory(struct snnconv_finder *finder, struct reason *r, uint32_t layer,
                      const struct snn_fit *fit, uint32_t core)
{
    const struct snn_finding of = {.constraint = fit->constraint,
                                   .layer = layer,
                                   .core = core,
                                   .need = fit->need,
                                   .limit = fit->limit};
    hint_features(r, finder->attempt->fits + (size_t)layer * finder->attempt->problem.core_count);
    return snnconv_finder_add(finder, &of, &r->text, &r->hint);
}

/* A memory of which no core has enough; nothing where one has. */
static int find_memory(struct snnconv_finder *finder, struct reason *r, uint32_t layer,
                       enum snn_constraint constraint)
{
    const struct snn_core_words words =
        snnconv_stage_words(r->stage, r->chip, r->stage->output.channels);
    const uint32_t core = core_of_most(r->chip, constraint);
    const struct snn_fit fit = {constraint, need_of(&words, constraint),
                                memory_of(&r->chip->cores[core], constraint), 0};
    if (fit.need <= fit.limit) return SNN_OK;
    r->text.length = r->hint.length = 0;
    snnconv_text_put(&r->text, "%s %llu words exceeds the %llu of core %u, the largest: ",
                     snn_constraint_name(constraint), (unsigned long long)fit.need,
                     (unsigned long long)fit.limit, core);
    put_arithmetic(r, constraint);
    return add_memory(finder, r, layer, &fit, core);
}

/* Cores that have enough of one memory. */
static uint64_t cores_with(const struct reason *r, enum snn_constraint constraint, uint64_t need)
{
    uint64_t cores = 0;
    for (uint32_t c = 0; c < r->chip->core_count; c++) {
        if (memory_of(&r->chip->cores[c], constraint) >= need) cores |= (uint64_t)1 << c;
    }
    return cores;
}

/* Every memory is large enough on some core, but all are on none. */
static int find_memories_together(struct snnconv_finder *finder, struct reason *r, uint32_t layer)
{
    const struct snn_fit *fits =
        finder->attempt->fits + (size_t)layer * finder->attempt->problem.core_count;
    const struct snn_core_words words =
        snnconv_stage_words(r->stage, r->chip, r->stage->output.channels);
    const uint64_t all = cores_with(r, SNN_CONSTRAINT_KERNEL_MEMORY, 0);
    uint32_t best = 0;
    for (uint32_t c = 1; c < r->chip->core_count; c++) {
        if (fits[c].features_most > fits[best].features_most) best = c;
    }
    r->text.length = r->hint.length = 0;
    snnconv_text_put(&r->text, "no core has enough of all: ");
    for (uint32_t i = 0, told = 0; i < MEMORY_COUNT; i++) {
        const uint64_t need = need_of(&words, MEMORIES[i]);
        const uint64_t cores = cores_with(r, MEMORIES[i], need);
        if (cores == all) continue;
        snnconv_text_put(&r->text, "%s%s %llu words fits only ", told++ > 0 ? "; " : "",
                         snn_constraint_name(MEMORIES[i]), (unsigned long long)need);
        snnconv_text_cores(&r->text, cores);
        snnconv_text_put(&r->text, ", ");
        put_arithmetic(r, MEMORIES[i]);
    }
    return add_memory(finder, r, layer, &fits[best], best);
}

static int find_memories(struct snnconv_finder *finder, struct reason *r, uint32_t layer)
{
    const struct snn_fit *first =
        finder->attempt->fits + (size_t)layer * finder->attempt->problem.core_count;
    const uint32_t before = finder->count;
    int status = SNN_OK;
    if (first->constraint == SNN_CONSTRAINT_FEATURES) {
        const struct snnconv_problem features = {first->constraint, first->need, first->limit, 0};
        return add_problem(finder, r, &features, layer);
    }
    for (uint32_t i = 0; i < MEMORY_COUNT && status == SNN_OK; i++)
        status = find_memory(finder, r, layer, MEMORIES[i]);
    if (status != SNN_OK || finder->count > before) return status;
    return find_memories_together(finder, r, layer);
}

int snnconv_reasons_find(struct snnconv_finder *finder, uint32_t layer)
{
    const struct snnconv_stages *all = finder->attempt->stages;
    const struct snnconv_stage *stage = &all->stages[layer];
    struct reason r = {.all = all, .stage = stage, .chip = all->chip};
    struct snnconv_problem excesses[SNNCONV_EXCESS_MAX];
    const uint32_t count = snnconv_stage_excesses(stage, all->chip, excesses);
    const uint32_t before = finder->count;
    int status = SNN_OK;
    for (uint32_t i = 0; i < stage->problem_count && status == SNN_OK; i++)
        status = add_problem(finder, &r, &stage->problems[i], layer);
    for (uint32_t i = 0; i < count && status == SNN_OK; i++) {
        if (!has_problem(stage, excesses[i].constraint))
            status = add_problem(finder, &r, &excesses[i], layer);
    }
    if (status != SNN_OK || finder->count > before) return status;
    return find_memories(finder, &r, layer);
}
