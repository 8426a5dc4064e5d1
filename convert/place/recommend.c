/* A remedy in words: what is changed, what the layer that failed then needs, and where it lies.
 */
#include "convert/place/remedy.h"
#include "libsnn/base/error.h"

struct writer {
    const struct snnconv_attempt *failed;
    const struct snnconv_variant *variant;
    uint32_t layer; /* that failed */
    struct snnconv_text text;
    size_t changes_length; /* of the text */
};

static const struct snnconv_stage *before(const struct writer *w, uint32_t layer)
{
    return &w->failed->stages->stages[layer];
}

static const struct snnconv_stage *after(const struct writer *w, uint32_t layer)
{
    return &w->variant->stages.stages[layer];
}

/* ---- What is changed ---- */

static void put_old_pool(struct writer *w, const struct snn_window *pool)
{
    if (pool->pad_top + pool->pad_left + pool->pad_bottom + pool->pad_right > 0)
        snnconv_text_put(&w->text, "padded ");
    snnconv_text_put(&w->text, "%ux%u with stride %u", pool->kernel_h, pool->kernel_w,
                     pool->stride_h);
    if (pool->stride_w != pool->stride_h) snnconv_text_put(&w->text, ",%u", pool->stride_w);
}

static void put_pool(struct writer *w, const struct snnconv_change *c)
{
    const struct snn_population *p = before(w, c->layer)->population;
    const uint32_t source = p->synapses[0].source;
    snnconv_text_put(&w->text, "%ux%u pooling", c->to, c->to);
    if (c->kind == SNNCONV_CHANGE_REPOOL) {
        snnconv_text_put(&w->text, " in place of ");
        put_old_pool(w, &p->synapses[0].pools[0]);
    }
    snnconv_text_put(&w->text, " between %s and %s",
                     source == SNN_SOURCE_INPUT ? "the input" : before(w, source)->name,
                     before(w, c->layer)->name);
}

static void put_pads(struct writer *w, const struct snn_window *pads)
{
    const bool alike = pads->pad_top == pads->pad_left && pads->pad_top == pads->pad_bottom &&
                       pads->pad_top == pads->pad_right;
    snnconv_text_put(&w->text, "%u", pads->pad_top);
    if (!alike)
        snnconv_text_put(&w->text, ",%u,%u,%u", pads->pad_left, pads->pad_bottom, pads->pad_right);
}

static void put_window(struct writer *w, const struct snnconv_change *c)
{
    const char *name = before(w, c->layer)->name;
    const struct snn_window *old = &before(w, c->layer)->population->synapses[0].window;
    if (c->kind == SNNCONV_CHANGE_STRIDE) {
        snnconv_text_put(&w->text, "%s with stride %u in place of %u", name, c->to, old->stride_h);
        if (old->stride_h != old->stride_w) snnconv_text_put(&w->text, ",%u", old->stride_w);
    } else if (c->kind == SNNCONV_CHANGE_PADDING) {
        snnconv_text_put(&w->text, "%s with padding %u in place of ", name, c->to);
        put_pads(w, old);
    } else {
        const struct snn_window *new = &after(w, c->layer)->population->synapses[0].window;
        snnconv_text_put(&w->text, "%s with a %ux%u kernel in place of %ux%u", name, c->to, c->to,
                         old->kernel_h, old->kernel_w);
        if (new->pad_top == old->pad_top &&new->pad_left == old->pad_left) return;
        snnconv_text_put(&w->text, " (padding ");
        put_pads(w, new);
        snnconv_text_put(&w->text, " in place of ");
        put_pads(w, old);
        snnconv_text_put(&w->text, ")");
    }
}

/* The kernel of the graph; pools that are merged make the core's larger. */
static void put_full(struct writer *w, const struct snnconv_change *c)
{
    const struct snn_population *p = before(w, c->layer)->population;
    uint32_t s = 0;
    while (s + 1 < p->synapse_count &&
           !(p->synapses[s].kind == SNN_SYNAPSE_CONV2D &&
             (p->synapses[s].groups > 1 || p->synapses[s].window.dilation_h > 1 ||
              p->synapses[s].window.dilation_w > 1)))
        s++;
    const struct snn_window *old = &p->synapses[s].window;
    snnconv_text_put(&w->text, "%s as a full %ux%u kernel with zeros", before(w, c->layer)->name,
                     (old->kernel_h - 1) * old->dilation_h + 1,
                     (old->kernel_w - 1) * old->dilation_w + 1);
}

static void put_pin(struct writer *w, const struct snnconv_change *c)
{
    const uint32_t *cores = w->failed->problem.pins + 2 * (size_t)c->layer;
    snnconv_text_put(&w->text, "%s not kept on ", before(w, c->layer)->name);
    snnconv_text_cores(&w->text, (uint64_t)1 << cores[0] |
                                     (cores[1] != SNN_NO_CORE ? (uint64_t)1 << cores[1] : 0));
}

static void put_change(struct writer *w, const struct snnconv_change *c)
{
    const char *name = before(w, c->layer)->name;
    switch (c->kind) {
    case SNNCONV_CHANGE_CHIP:
        snnconv_text_put(&w->text, "%s in place of %s", c->chip->name,
                         w->failed->stages->chip->name);
        break;
    case SNNCONV_CHANGE_SHARE:
        snnconv_text_put(&w->text, "layers may be shared by two cores");
        break;
    case SNNCONV_CHANGE_UNPIN:
        put_pin(w, c);
        break;
    case SNNCONV_CHANGE_READOUT:
        snnconv_text_put(&w->text, "an output of neurons that fire");
        break;
    case SNNCONV_CHANGE_GAIN:
        snnconv_text_put(&w->text, "one gain for all rules (--output-gain)");
        break;
    case SNNCONV_CHANGE_CLIP:
        snnconv_text_put(&w->text,
                         "lower clips below 0 (--v-min -1, or in a model that has its own)");
        break;
    case SNNCONV_CHANGE_FULL:
        put_full(w, c);
        break;
    case SNNCONV_CHANGE_BIAS:
        snnconv_text_put(&w->text, "%s without biases", name);
        break;
    case SNNCONV_CHANGE_FEATURES:
        snnconv_text_put(&w->text, "%s with %u feature%s in place of %u", name, c->to,
                         c->to == 1 ? "" : "s", before(w, c->layer)->output.channels);
        break;
    case SNNCONV_CHANGE_POOL:
    case SNNCONV_CHANGE_REPOOL:
        put_pool(w, c);
        break;
    default:
        put_window(w, c);
        break;
    }
}

/* ---- What it does ---- */

static uint64_t words_of(const struct snn_core_words *words, enum snn_constraint memory)
{
    if (memory == SNN_CONSTRAINT_KERNEL_MEMORY) return words->kernel;
    return memory == SNN_CONSTRAINT_NEURON_MEMORY ? words->neuron : words->bias;
}

/* The constraint by which the layer failed least: that of the core that lacks the smallest part. */
static enum snn_constraint find_constraint(const struct writer *w)
{
    const uint32_t cores = w->failed->problem.core_count;
    const struct snn_fit *fits = w->failed->fits + (size_t)w->layer * cores;
    const struct snn_fit *least = &fits[0];
    for (uint32_t c = 1; c < cores; c++) {
        if ((double)fits[c].need * (double)least->limit <
            (double)least->need * (double)fits[c].limit)
            least = &fits[c];
    }
    return least->constraint;
}

static bool is_memory(enum snn_constraint constraint)
{
    return constraint == SNN_CONSTRAINT_KERNEL_MEMORY ||
           constraint == SNN_CONSTRAINT_NEURON_MEMORY || constraint == SNN_CONSTRAINT_BIAS_MEMORY;
}

/* "its", where the layer was the last that was named. */
static void put_owner(struct writer *w)
{
    const struct snnconv_change *last = &w->variant->changes[w->variant->change_count - 1];
    if (last->layer == w->layer)
        snnconv_text_put(&w->text, ": its");
    else
        snnconv_text_put(&w->text, ": %s's", before(w, w->layer)->name);
}

static void put_memory(struct writer *w, enum snn_constraint memory)
{
    const struct snnconv_stage *old = before(w, w->layer), *new = after(w, w->layer);
    const struct snn_core_words from =
        snnconv_stage_words(old, w->failed->stages->chip, old->output.channels);
    const struct snn_core_words to =
        snnconv_stage_words(new, w->variant->chip, new->output.channels);
    const uint64_t was = words_of(&from, memory), is = words_of(&to, memory);
    if (was == is) return;
    put_owner(w);
    snnconv_text_put(&w->text, " %s %s from %llu to %llu words", snn_constraint_name(memory),
                     is < was ? "falls" : "grows", (unsigned long long)was, (unsigned long long)is);
}

static void put_size(struct writer *w, enum snn_constraint constraint)
{
    const struct snnconv_stage *s = after(w, w->layer);
    if (constraint == SNN_CONSTRAINT_KERNEL_SIZE) {
        put_owner(w);
        snnconv_text_put(&w->text, " kernel becomes %ux%u", s->kernel_size, s->kernel_size);
    } else if (constraint == SNN_CONSTRAINT_INPUT_SIZE) {
        put_owner(w);
        snnconv_text_put(&w->text, " input map becomes %ux%u", s->input.height, s->input.width);
    } else if (constraint == SNN_CONSTRAINT_OUTPUT_SIZE) {
        put_owner(w);
        snnconv_text_put(&w->text, " output map becomes %ux%u", s->output.height, s->output.width);
    }
}

/* A change that says all there is to say of its own layer. */
static bool speaks_for_itself(const struct writer *w)
{
    const struct snnconv_change *only = &w->variant->changes[0];
    return w->variant->change_count == 1 && only->layer == w->layer &&
           (only->kind == SNNCONV_CHANGE_FEATURES || only->kind == SNNCONV_CHANGE_BIAS ||
            only->kind == SNNCONV_CHANGE_KERNEL || only->kind == SNNCONV_CHANGE_UNPIN);
}

static void put_effect(struct writer *w)
{
    const enum snn_constraint constraint = find_constraint(w);
    const enum snnconv_change_kind kind = w->variant->changes[0].kind;
    if (w->variant->change_count == 1 && kind == SNNCONV_CHANGE_FULL) {
        const struct snnconv_stage *s = after(w, w->layer);
        const struct snn_core_words words =
            snnconv_stage_words(s, w->variant->chip, s->output.channels);
        snnconv_text_put(&w->text, ": %llu words of kernel memory",
                         (unsigned long long)words.kernel);
    } else if (speaks_for_itself(w)) {
        return;
    } else if (is_memory(constraint)) {
        put_memory(w, constraint);
    } else {
        put_size(w, constraint);
    }
}

static void put_cores(struct writer *w)
{
    const struct snnconv_assigned *a = &w->variant->attempt.assigned[w->layer];
    const bool named = w->text.length > w->changes_length ||
                       (w->variant->change_count == 1 && w->variant->changes[0].layer == w->layer);
    uint64_t cores = (uint64_t)1 << a->core[0];
    if (a->part_count == 2) cores |= (uint64_t)1 << a->core[1];
    if (!named) snnconv_text_put(&w->text, ": %s", before(w, w->layer)->name);
    snnconv_text_put(&w->text, "%s%s", named ? ", " : " ",
                     a->part_count == 2 ? "shared by " : "on ");
    snnconv_text_cores(&w->text, cores);
}

/* Changes that concern the net rather than one of its layers. */
static bool is_of_net(enum snnconv_change_kind kind)
{
    return kind == SNNCONV_CHANGE_CHIP || kind == SNNCONV_CHANGE_SHARE ||
           kind == SNNCONV_CHANGE_READOUT || kind == SNNCONV_CHANGE_GAIN ||
           kind == SNNCONV_CHANGE_CLIP;
}

static void put_remedy(struct writer *w)
{
    const struct snnconv_variant *v = w->variant;
    for (uint32_t i = 0; i < v->change_count; i++) {
        snnconv_text_join(&w->text, i, v->change_count);
        put_change(w, &v->changes[i]);
    }
    if (v->change_count == 1 && is_of_net(v->changes[0].kind)) return;
    w->changes_length = w->text.length;
    put_effect(w);
    put_cores(w);
}

int snnconv_recommend(struct snn_remedy *out, struct snn_context *context,
                      struct snnbase_arena *arena, struct snnconv_variant *variant,
                      const struct snnconv_attempt *failed, uint32_t layer)
{
    struct writer w = {.failed = failed, .variant = variant, .layer = layer};
    const bool of_layer = variant->change_count == 1 && !is_of_net(variant->changes[0].kind);
    put_remedy(&w);
    variant->stages.arena = arena; /* what is said outlives the variant */
    struct snn_remedy remedy = {.layer_count = variant->stages.count};
    remedy.text = snnbase_arena_string(arena, context, w.text.data);
    remedy.chip = snnbase_arena_string(arena, context, variant->chip->name);
    remedy.layer = snnbase_arena_string(
        arena, context, of_layer ? failed->stages->stages[variant->changes[0].layer].name : "");
    if (remedy.text == NULL || remedy.chip == NULL || remedy.layer == NULL) return SNN_ERR_NOMEM;
    const int status = snnconv_layers_make(&variant->attempt, context, &remedy.layers);
    if (status == SNN_OK) *out = remedy;
    return status;
}
