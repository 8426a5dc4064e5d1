/* Remedies do what they say: each text is read, the net is changed as it says, built as a graph,
 * lowered and placed, and must then lie as the remedy has it.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "snn/place.h"
#include "snn/status.h"
#include "tests/unit/convert/support.h"

TestSuite(remedy, .init = support_begin, .fini = support_end);

/* ---- Nets as lists of layers ---- */

enum { LAYERS_MAX = 24 };

struct row {
    char name[16];
    enum snn_layer_kind kind;
    uint32_t features;
    uint32_t kernel_h, kernel_w, stride, pads[4], groups, dilation;
    bool bias;
    uint32_t from;  /* the input, as an index of rows + 1; 0: the row before */
    uint32_t other; /* ADD: the second input, likewise */
};

struct plan {
    struct snn_shape input;
    struct row rows[LAYERS_MAX];
    uint32_t count;
    struct snn_chip chip;
    float v_min;
    float gains[2];
    uint32_t gain_count;
    bool membrane, split_off;
    struct snn_pin pins[4];
    uint32_t pin_count;
};

static struct plan plan_of(const char *chip, uint32_t channels, uint32_t height, uint32_t width)
{
    struct plan plan = {.input = {channels, height, width}, .v_min = -1.0f};
    cr_assert_eq(snn_chip_load(&plan.chip, support_context(), chip), SNN_OK);
    return plan;
}

static struct row *add_row(struct plan *plan, const char *name, enum snn_layer_kind kind)
{
    struct row *row = &plan->rows[plan->count++];
    cr_assert_leq(plan->count, LAYERS_MAX);
    *row = (struct row){.kind = kind, .groups = 1, .dilation = 1};
    (void)snprintf(row->name, sizeof(row->name), "%s", name);
    return row;
}

static struct row *conv(struct plan *plan, const char *name, uint32_t features, uint32_t kernel,
                        uint32_t stride, uint32_t pad)
{
    struct row *row = add_row(plan, name, SNN_LAYER_CONV2D);
    row->features = features;
    row->kernel_h = row->kernel_w = kernel;
    row->stride = stride;
    for (uint32_t i = 0; i < 4; i++)
        row->pads[i] = pad;
    return row;
}

static struct row *pool(struct plan *plan, uint32_t kernel, uint32_t stride)
{
    char name[16];
    (void)snprintf(name, sizeof(name), "pool%u", plan->count);
    struct row *row = add_row(plan, name, SNN_LAYER_AVG_POOL2D);
    row->kernel_h = row->kernel_w = kernel;
    row->stride = stride;
    return row;
}

static struct row *dense(struct plan *plan, const char *name, uint32_t features)
{
    struct row *row = add_row(plan, name, SNN_LAYER_DENSE);
    row->features = features;
    return row;
}

/* Sum of the row before and an earlier one. */
static void add_up(struct plan *plan, const char *name, uint32_t other)
{
    add_row(plan, name, SNN_LAYER_ADD)->other = other + 1;
}

/* ---- Graphs ---- */

static const float *random_list(size_t count, double scale, uint32_t *state)
{
    float *list = malloc(count * sizeof(*list));
    cr_assert_not_null(list);
    for (size_t i = 0; i < count; i++)
        list[i] = (float)(scale * (0.2 + support_random(state))) * (i % 2 > 0 ? -1.0f : 1.0f);
    return list;
}

static struct snn_layer layer_of(const struct plan *plan, uint32_t at, struct snn_shape in,
                                 uint32_t inputs[2])
{
    const struct row *row = &plan->rows[at];
    inputs[0] = row->from > 0 ? row->from : at; /* the input layer is 0 */
    inputs[1] = row->other;
    struct snn_layer layer = {.name = row->name,
                              .kind = row->kind,
                              .inputs = inputs,
                              .input_count = row->kind == SNN_LAYER_ADD ? 2 : 1,
                              .shape = {row->features, 0, 0}};
    if (row->kind == SNN_LAYER_CONV2D || row->kind == SNN_LAYER_AVG_POOL2D)
        layer.window = (struct snn_window){row->kernel_h, row->kernel_w, row->stride,  row->stride,
                                           row->pads[0],  row->pads[1],  row->pads[2], row->pads[3],
                                           row->dilation, row->dilation};
    if (row->kind == SNN_LAYER_CONV2D) {
        layer.groups = row->groups;
        layer.weight_count =
            (size_t)row->features * (in.channels / row->groups) * row->kernel_h * row->kernel_w;
    } else if (row->kind == SNN_LAYER_DENSE) {
        layer.weight_count = row->features * snn_shape_size(in);
    }
    return layer;
}

/* A convolution that is only added to another is no layer of neurons. */
static bool is_summed(const struct plan *plan, uint32_t at)
{
    bool summed = at + 1 < plan->count && plan->rows[at + 1].kind == SNN_LAYER_ADD;
    for (uint32_t i = at + 1; i < plan->count; i++)
        summed = summed || (plan->rows[i].other == at + 1 && plan->rows[at].from > 0);
    return summed;
}

static void build_layer(struct snn_context *context, const struct plan *plan, uint32_t at,
                        struct snn_graph *graph, uint32_t *state)
{
    const struct row *row = &plan->rows[at];
    uint32_t inputs[2];
    const uint32_t from = row->from > 0 ? row->from : at;
    struct snn_layer layer = layer_of(plan, at, snn_graph_layer(graph, from)->shape, inputs);
    const float *weights = NULL, *bias = NULL;
    if (layer.weight_count > 0) weights = random_list(layer.weight_count, 0.2, state);
    if (row->bias) bias = random_list(row->features, 0.02, state);
    layer.weights = weights;
    layer.bias = bias;
    layer.bias_count = row->bias ? row->features : 0;
    if (row->kind != SNN_LAYER_AVG_POOL2D && !is_summed(plan, at) && at + 1 < plan->count)
        layer.activation = SNN_ACTIVATION_RELU;
    (void)support_add(graph, context, layer);
    free((void *)(uintptr_t)weights);
    free((void *)(uintptr_t)bias);
}

static struct snn_graph *build(struct snn_context *context, const struct plan *plan)
{
    struct snn_graph *graph =
        support_graph(context, plan->input.channels, plan->input.height, plan->input.width);
    uint32_t state = 3;
    for (uint32_t i = 0; i < plan->count; i++)
        build_layer(context, plan, i, graph, &state);
    return graph;
}

/* Places the net of a plan on its chip. */
static int place_graph(struct snn_placement **out, struct snn_context *context,
                       const struct snn_graph *graph, const struct plan *plan, bool remedies)
{
    struct snn_lower_options options;
    struct snn_net *net = NULL;
    snn_lower_options_init(&options);
    options.norm = SNN_NORM_NONE;
    options.arith = SNN_ARITH_CHIP;
    options.chip = &plan->chip;
    options.v_min = plan->v_min;
    options.readout_membrane = plan->membrane;
    options.extra_gains = plan->gains;
    options.extra_gain_count = plan->gain_count;
    const struct snn_place_options how = {.pins = plan->pins,
                                          .pin_count = plan->pin_count,
                                          .split_off = plan->split_off,
                                          .remedies_off = !remedies};
    int status = snn_net_lower(&net, context, graph, &options);
    if (status == SNN_OK) status = snn_place(out, context, net, &plan->chip, &how);
    snn_net_destroy(&net);
    return status;
}

static struct snn_placement *place(const struct plan *plan, bool remedies)
{
    struct snn_context *context = support_context();
    struct snn_graph *graph = build(context, plan);
    struct snn_placement *placement = NULL;
    cr_assert_eq(place_graph(&placement, context, graph, plan, remedies), SNN_OK, "%s",
                 snn_context_message(context));
    snn_graph_destroy(&graph);
    return placement;
}

/* ---- Texts ---- */

static struct row *find_row(struct plan *plan, const char *name)
{
    for (uint32_t i = 0; i < plan->count; i++)
        if (strcmp(plan->rows[i].name, name) == 0) return &plan->rows[i];
    cr_assert_fail("no layer %s", name);
    return NULL;
}

static void insert_pool(struct plan *plan, uint32_t at, uint32_t kernel)
{
    cr_assert_lt(plan->count, LAYERS_MAX);
    for (uint32_t i = plan->count++; i > at; i--)
        plan->rows[i] = plan->rows[i - 1];
    for (uint32_t i = at + 1; i < plan->count; i++) {
        if (plan->rows[i].other > at) plan->rows[i].other++;
        if (plan->rows[i].from > at) plan->rows[i].from++;
    }
    plan->rows[at] = (struct row){.kind = SNN_LAYER_AVG_POOL2D,
                                  .kernel_h = kernel,
                                  .kernel_w = kernel,
                                  .stride = kernel,
                                  .dilation = 1};
    (void)snprintf(plan->rows[at].name, sizeof(plan->rows[at].name), "new%u", at);
}

/* Layers that compute one population: a sum and what is added, else the row itself. */
static uint32_t list_rows(struct plan *plan, const char *name, struct row *rows[3])
{
    rows[0] = find_row(plan, name);
    if (rows[0]->kind != SNN_LAYER_ADD) return 1;
    rows[1] = rows[0] - 1;
    rows[2] = &plan->rows[rows[0]->other - 1];
    return 3;
}

/* "... between X and Y": before Y. */
static int change_pool(struct plan *plan, const char *text)
{
    unsigned k, old_h, old_w, old_stride;
    char from[16], to[16];
    int length = 0;
    if (sscanf(text, "%ux%*u pooling between the input and %15[^:, ]%n", &k, to, &length) == 2) {
        insert_pool(plan, (uint32_t)(find_row(plan, to) - plan->rows), k);
    } else if (sscanf(text, "%ux%*u pooling between %15s and %15[^:, ]%n", &k, from, to, &length) ==
               3) {
        (void)find_row(plan, from);
        insert_pool(plan, (uint32_t)(find_row(plan, to) - plan->rows), k);
    } else if (sscanf(text,
                      "%ux%*u pooling in place of %*[pade ]%ux%u with stride %u between %15s and "
                      "%15[^:, ]%n",
                      &k, &old_h, &old_w, &old_stride, from, to, &length) == 6 ||
               sscanf(text,
                      "%ux%*u pooling in place of %ux%u with stride %u between %15s and "
                      "%15[^:, ]%n",
                      &k, &old_h, &old_w, &old_stride, from, to, &length) == 6) {
        struct row *row = find_row(plan, to) - 1;
        cr_assert(row->kind == SNN_LAYER_AVG_POOL2D && row->kernel_h == old_h &&
                  row->stride == old_stride);
        row->kernel_h = row->kernel_w = row->stride = k;
        memset(row->pads, 0, sizeof(row->pads));
    }
    return length;
}

static int change_window(struct plan *plan, const char *text)
{
    unsigned to, from, pad;
    char name[16];
    int length = 0, more = 0;
    struct row *rows[3];
    if (sscanf(text, "%15s with stride %u in place of %u%n", name, &to, &from, &length) == 3) {
        cr_assert_eq(find_row(plan, name)->stride, from);
        find_row(plan, name)->stride = to;
    } else if (sscanf(text, "%15s with a %ux%*u kernel in place of %ux%*u%n", name, &to, &from,
                      &length) == 3) {
        struct row *row = find_row(plan, name);
        cr_assert_eq(row->kernel_h, from);
        row->kernel_h = row->kernel_w = to;
        if (sscanf(text + length, " (padding %u in place of %*[0-9,])%n", &pad, &more) == 1)
            for (uint32_t i = 0; i < 4; i++)
                row->pads[i] = pad;
        length += more;
    } else if (sscanf(text, "%15s with padding %u in place of %*[0-9,]%n", name, &to, &length) ==
               2) {
        for (uint32_t i = 0; i < 4; i++)
            find_row(plan, name)->pads[i] = to;
    } else if (sscanf(text, "%15s as a full %ux%*u kernel with zeros%n", name, &to, &length) == 2) {
        for (uint32_t i = 0, count = list_rows(plan, name, rows); i < count; i++) {
            if (rows[i]->groups == 1 && rows[i]->dilation == 1) continue;
            rows[i]->groups = rows[i]->dilation = 1;
            rows[i]->kernel_h = rows[i]->kernel_w = to;
        }
    }
    return length;
}

static int change_pins(struct plan *plan, const char *text)
{
    char name[16];
    int length = 0;
    if (sscanf(text, "%15s not kept on core%*[s] %*u and %*u%n", name, &length) != 1 || length == 0)
        (void)sscanf(text, "%15s not kept on core %*u%n", name, &length);
    for (uint32_t i = 0; length > 0 && i < plan->pin_count; i++)
        if (strcmp(plan->pins[i].layer, name) == 0) plan->pins[i] = plan->pins[--plan->pin_count];
    return length;
}

static int change_options(struct plan *plan, const char *text)
{
    int length = 0;
    char name[64];
    if (strncmp(text, "an output of neurons that fire", 30) == 0) {
        plan->membrane = false;
        length = 30;
    } else if (strncmp(text, "one gain for all rules (--output-gain)", 38) == 0) {
        plan->gain_count = 0;
        length = 38;
    } else if (strncmp(text, "lower clips below 0 (--v-min -1, or in a model that has its own)",
                       64) == 0) {
        plan->v_min = -1.0f;
        length = 64;
    } else if (strncmp(text, "layers may be shared by two cores", 33) == 0) {
        plan->split_off = false;
        length = 33;
    } else if (sscanf(text, "%63s in place of %*[^:, ]%n", name, &length) == 1 && length > 0) {
        cr_assert_eq(snn_chip_load(&plan->chip, support_context(), name), SNN_OK);
    }
    return length;
}

static int change_features(struct plan *plan, const char *text)
{
    unsigned to, from;
    char name[16];
    int length = 0;
    struct row *rows[3];
    if (sscanf(text, "%15s with %u features in place of %u%n", name, &to, &from, &length) == 3) {
        cr_assert_lt(to, from);
        for (uint32_t i = 0, count = list_rows(plan, name, rows); i < count; i++) {
            cr_assert(rows[i]->features == from || rows[i]->kind == SNN_LAYER_ADD);
            rows[i]->features = to;
        }
    } else if (sscanf(text, "%15s without biases%n", name, &length) == 1 && length > 0) {
        for (uint32_t i = 0, count = list_rows(plan, name, rows); i < count; i++)
            rows[i]->bias = false;
    }
    return length;
}

/* Does what the first change of a text says; returns how long it is. */
static int change_once(struct plan *plan, const char *text)
{
    int (*const readers[])(struct plan *, const char *) = {
        change_pool, change_features, change_window, change_pins, change_options};
    for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
        const int length = readers[i](plan, text);
        if (length > 0) return length;
    }
    cr_assert_fail("cannot be read: %s", text);
    return 0;
}

/* Does all of it, to where the text goes on with what that does. */
static void change(struct plan *plan, const char *text)
{
    const char *at = text;
    for (;;) {
        at += change_once(plan, at);
        if (strncmp(at, " and ", 5) == 0)
            at += 5;
        else if (strncmp(at, ", ", 2) == 0 && strncmp(at, ", on core", 9) != 0 &&
                 strncmp(at, ", shared by", 11) != 0)
            at += 2;
        else
            break;
    }
    cr_assert(*at == '\0' || *at == ':' || *at == ',', "behind the change: %s", at);
}

/* ---- Verification ---- */

/* The net, for a message. */
static const char *describe(const struct plan *plan)
{
    static char text[2048];
    int length = snprintf(text, sizeof(text), "%s, %ux%ux%u", plan->chip.name, plan->input.channels,
                          plan->input.height, plan->input.width);
    for (uint32_t i = 0; i < plan->count; i++) {
        const struct row *row = &plan->rows[i];
        length += snprintf(text + length, sizeof(text) - (size_t)length,
                           ", %s %u %ux%u/%u+%u x%u <%u,%u>", row->name, row->features,
                           row->kernel_h, row->kernel_w, row->stride, row->pads[0], row->dilation,
                           row->from, row->other);
    }
    return text;
}

static void check_layer(const struct snn_placed_layer *said, const struct snn_placed_layer *is,
                        const char *text)
{
    cr_assert_str_eq(said->name, is->name);
    cr_assert_eq(memcmp(&said->input, &is->input, sizeof(said->input)), 0, "%s: input of %s", text,
                 is->name);
    cr_assert_eq(memcmp(&said->output, &is->output, sizeof(said->output)), 0, "%s: output of %s",
                 text, is->name);
    cr_assert(said->kernel_size == is->kernel_size && said->stride_y == is->stride_y &&
                  said->stride_x == is->stride_x && said->pad_y == is->pad_y &&
                  said->pad_x == is->pad_x && said->pooling == is->pooling,
              "%s: window of %s: %u stride %u,%u padding %u,%u pooling %u, is %u stride %u,%u "
              "padding %u,%u pooling %u",
              text, is->name, said->kernel_size, said->stride_y, said->stride_x, said->pad_y,
              said->pad_x, said->pooling, is->kernel_size, is->stride_y, is->stride_x, is->pad_y,
              is->pad_x, is->pooling);
    cr_assert(said->words.kernel == is->words.kernel && said->words.neuron == is->words.neuron &&
                  said->words.bias == is->words.bias,
              "%s: words of %s", text, is->name);
    cr_assert_eq(said->part_count, is->part_count, "%s: parts of %s", text, is->name);
    for (uint32_t p = 0; p < is->part_count; p++)
        cr_assert(said->parts[p].core == is->parts[p].core &&
                      said->parts[p].feature_count == is->parts[p].feature_count,
                  "%s: part %u of %s", text, p, is->name);
}

static void verify(const struct plan *plan, const struct snn_remedy *remedy)
{
    struct plan changed = *plan;
    change(&changed, remedy->text);
    cr_assert_str_eq(changed.chip.name, remedy->chip);
    struct snn_placement *placement = place(&changed, false);
    cr_assert(placement->fits, "%s: %s\n%s", remedy->text,
              placement->finding_count > 0 ? placement->findings[0].text : "", describe(plan));
    cr_assert_eq(placement->layer_count, remedy->layer_count);
    for (uint32_t i = 0; i < placement->layer_count; i++)
        check_layer(&remedy->layers[i], &placement->layers[i], remedy->text);
    snn_placement_destroy(&placement);
}

/* Places a net that does not fit, and verifies all remedies; each of `texts` must be one. */
static uint32_t check(const struct plan *plan, const char *const *texts, size_t count)
{
    char all[8192] = "";
    struct snn_placement *placement = place(plan, true);
    cr_assert_not(placement->fits);
    const uint32_t found = placement->remedy_count;
    for (uint32_t i = 0; i < found; i++) {
        (void)snprintf(all + strlen(all), sizeof(all) - strlen(all), "\n  %s",
                       placement->remedies[i].text);
        verify(plan, &placement->remedies[i]);
    }
    for (size_t t = 0; t < count; t++) {
        bool is_there = false;
        for (uint32_t i = 0; i < found; i++)
            is_there = is_there || strcmp(placement->remedies[i].text, texts[t]) == 0;
        cr_assert(is_there, "not among them: %s%s", texts[t], all);
    }
    snn_placement_destroy(&placement);
    return found;
}

#define CHECK(plan, ...)                              \
    check((plan), (const char *const[]){__VA_ARGS__}, \
          sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

/* ---- Nets ---- */

static struct plan lenet_500(const char *chip)
{
    struct plan plan = plan_of(chip, 1, 28, 28);
    conv(&plan, "conv1", 20, 5, 1, 0)->bias = true;
    pool(&plan, 2, 2);
    conv(&plan, "conv2", 50, 5, 1, 0)->bias = true;
    pool(&plan, 2, 2);
    dense(&plan, "fc1", 500)->bias = true;
    dense(&plan, "fc2", 10)->bias = true;
    return plan;
}

Test(remedy, lenet_with_500_features_has_several)
{
    struct plan plan = lenet_500("dynapcnn");
    cr_assert_geq(
        CHECK(&plan, "fc1 with 128 features in place of 500, shared by cores 5 and 6",
              "2x2 pooling between conv2 and fc1: its kernel memory falls from 409600 to 102400 "
              "words, shared by cores 5 and 6"),
        2);
    plan = lenet_500("speck2f");
    cr_assert_geq(check(&plan, NULL, 0), 2);
}

/* Without sharing, the same net has other ones, and one is to share. */
Test(remedy, sharing_is_one_where_it_was_off)
{
    struct plan plan = lenet_500("dynapcnn");
    plan.rows[4].features = 128;
    plan.split_off = true;
    CHECK(&plan, "layers may be shared by two cores",
          "fc1 with 64 features in place of 128, on core 6");
}

Test(remedy, a_layer_may_lie_elsewhere_than_where_it_was_kept)
{
    struct plan plan = lenet_500("dynapcnn");
    plan.rows[4].features = 64;
    plan.pins[plan.pin_count++] = (struct snn_pin){"fc1", 1, {0}};
    CHECK(&plan, "fc1 not kept on core 0, on core 6");
}

Test(remedy, sizes_beyond_the_chip_shrink)
{
    struct plan plan = plan_of("dynapcnn", 2, 200, 200);
    conv(&plan, "conv1", 8, 3, 4, 1);
    pool(&plan, 4, 4);
    dense(&plan, "fc1", 10);
    cr_assert_geq(check(&plan, NULL, 0), 1);
    plan = plan_of("dynapcnn", 2, 128, 128);
    conv(&plan, "conv1", 8, 3, 1, 1);
    pool(&plan, 4, 4);
    conv(&plan, "conv2", 16, 3, 1, 1);
    pool(&plan, 4, 4);
    dense(&plan, "fc1", 10);
    cr_assert_geq(check(&plan, NULL, 0), 2);
}

Test(remedy, windows_that_no_core_has_get_others)
{
    struct plan plan = plan_of("dynapcnn", 1, 32, 32);
    conv(&plan, "conv1", 8, 19, 1, 9)->bias = true; /* kernel and padding */
    pool(&plan, 4, 4);
    dense(&plan, "fc1", 10);
    cr_assert_geq(check(&plan, NULL, 0), 1);
    plan = plan_of("dynapcnn", 1, 32, 32);
    conv(&plan, "conv1", 8, 5, 3, 0);
    conv(&plan, "conv2", 8, 3, 2, 1);
    dense(&plan, "fc1", 10);
    cr_assert_geq(check(&plan, NULL, 0), 1);
    plan = plan_of("dynapcnn", 1, 40, 40);
    conv(&plan, "conv1", 4, 5, 2, 0);
    dense(&plan, "fc1", 10); /* 18 x 18 */
    cr_assert_geq(check(&plan, NULL, 0), 1);
}

Test(remedy, groups_and_dilation_are_written_out)
{
    struct plan plan = plan_of("dynapcnn", 2, 32, 32);
    conv(&plan, "conv1", 8, 3, 2, 1)->bias = true;
    conv(&plan, "conv2", 16, 3, 1, 1)->groups = 4;
    struct row *row = conv(&plan, "conv3", 16, 3, 2, 2);
    row->dilation = 2;
    dense(&plan, "fc1", 10);
    cr_assert_geq(check(&plan, NULL, 0), 1);
    row->dilation = 1;
    CHECK(&plan, "conv2 as a full 3x3 kernel with zeros: 2048 words of kernel memory, on core 1");
}

Test(remedy, pools_that_overlap_become_the_chips)
{
    struct plan plan = plan_of("dynapcnn", 1, 32, 32);
    conv(&plan, "conv1", 8, 3, 1, 1);
    pool(&plan, 3, 2);
    conv(&plan, "conv2", 8, 3, 1, 1);
    pool(&plan, 3, 2)->pads[0] = 1;
    dense(&plan, "fc1", 10);
    (void)check(&plan, NULL, 0);
}

/* Merged into conv2's kernel it would make that move by 3. */
Test(remedy, pools_that_make_strides_become_the_chips)
{
    struct plan plan = plan_of("dynapcnn", 1, 28, 28);
    conv(&plan, "conv1", 6, 5, 1, 0);
    pool(&plan, 3, 3);
    conv(&plan, "conv2", 8, 3, 1, 0);
    dense(&plan, "out", 10);
    CHECK(&plan, "4x4 pooling in place of 3x3 with stride 3 between conv1 and conv2, on core 1");
}

Test(remedy, an_output_that_does_not_fire_may)
{
    struct plan plan = plan_of("speck2f", 1, 28, 28);
    conv(&plan, "conv1", 8, 5, 1, 0);
    pool(&plan, 4, 4);
    dense(&plan, "fc1", 10);
    plan.membrane = true;
    CHECK(&plan, "an output of neurons that fire");
    plan.membrane = false;
    plan.v_min = 0.0f;
    CHECK(&plan, "lower clips below 0 (--v-min -1, or in a model that has its own)",
          "dynapcnn in place of speck2f");
    plan.v_min = -1.0f;
    plan.gains[plan.gain_count++] = 2.0f;
    CHECK(&plan, "one gain for all rules (--output-gain)");
    plan.gain_count = 0;
    plan.rows[2].features = 20;
    CHECK(&plan, "dynapcnn in place of speck2f");
}

/* Two layers fail, then three. */
static struct plan wide(const char *chip, uint32_t dense_layers)
{
    struct plan plan = plan_of(chip, 2, 32, 32);
    conv(&plan, "conv1", 32, 3, 2, 1)->bias = true;
    conv(&plan, "conv2", 64, 3, 2, 1)->bias = true;
    for (uint32_t i = 0; i < dense_layers; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "fc%u", i + 1);
        dense(&plan, name, 600);
    }
    dense(&plan, "out", 10);
    return plan;
}

Test(remedy, several_layers_that_fail_change_together)
{
    for (uint32_t layers = 2; layers < 5; layers++) {
        struct plan plan = wide("dynapcnn", layers);
        cr_assert_geq(check(&plan, NULL, 0), 1);
    }
}

/* Each takes core 5 or 6, or both 3 and 4, and there are five of them. */
Test(remedy, layers_that_want_the_same_cores_shrink)
{
    struct plan plan = plan_of("dynapcnn", 64, 8, 8);
    for (uint32_t i = 0; i < 5; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "conv%u", i + 1);
        conv(&plan, name, 64, 3, 1, 1);
    }
    pool(&plan, 8, 8);
    dense(&plan, "out", 10);
    cr_assert_geq(check(&plan, NULL, 0), 2);
}

Test(remedy, branches_that_meet_stay_alike)
{
    for (uint32_t stride = 1; stride < 3; stride++) {
        struct plan plan = plan_of("dynapcnn", 2, 32, 32);
        conv(&plan, "conv1", 16, 3, stride, 1);
        conv(&plan, "conv2", 16, 3, 1, 1);
        conv(&plan, "conv3", 16, 3, 1, 1);
        add_up(&plan, "sum", 0);
        pool(&plan, 2, 2);
        dense(&plan, "fc1", 512);
        dense(&plan, "out", 10);
        cr_assert_geq(check(&plan, NULL, 0), 1);
    }
}

Test(remedy, a_branch_with_groups_is_written_out)
{
    struct plan plan = plan_of("dynapcnn", 2, 16, 16);
    conv(&plan, "conv1", 16, 3, 1, 1);
    conv(&plan, "conv2", 16, 3, 1, 1);
    conv(&plan, "conv3", 16, 5, 1, 2)->groups = 4;
    add_up(&plan, "sum", 0);
    pool(&plan, 4, 4);
    dense(&plan, "out", 10);
    CHECK(&plan, "sum as a full 5x5 kernel with zeros: 16384 words of kernel memory, on core 2");
}

Test(remedy, maps_need_not_be_square)
{
    struct plan plan = plan_of("speck2e", 1, 24, 40);
    conv(&plan, "conv1", 16, 3, 1, 1)->bias = true;
    pool(&plan, 2, 2);
    conv(&plan, "conv2", 32, 3, 1, 1)->bias = true;
    pool(&plan, 2, 2);
    dense(&plan, "fc1", 256);
    dense(&plan, "out", 10);
    cr_assert_geq(check(&plan, NULL, 0), 1);
}

/* A user's chip with few words for biases. */
Test(remedy, biases_may_go)
{
    struct plan plan = lenet_500("dynapcnn");
    plan.rows[4].features = 64;
    for (uint32_t core = 0; core < plan.chip.core_count; core++)
        plan.chip.cores[core].bias_words = 60;
    plan.split_off = true;
    CHECK(&plan, "fc1 without biases, on core 6");
}

/* ---- Memory ---- */

/* One change does not do: too many classes for the chip, and a kernel that covers too large a map.
 */
static struct plan two_problems(void)
{
    struct plan plan = plan_of("speck2f", 1, 20, 20);
    dense(&plan, "out", 16);
    return plan;
}

static struct snn_graph *build_two_problems(struct snn_context *context)
{
    const struct plan plan = two_problems();
    return build(context, &plan);
}

static int place_two_problems(struct snn_context *context, struct snn_graph *graph)
{
    const struct plan plan = two_problems();
    struct snn_placement *placement = NULL;
    const int status = place_graph(&placement, context, graph, &plan, true);
    snn_placement_destroy(&placement);
    return status;
}

Test(remedy, running_out_of_memory_leaves_nothing_behind)
{
    struct plan plan = two_problems();
    CHECK(&plan,
          "dynapcnn in place of speck2f and 2x2 pooling between the input and out: out on core 0");
    support_sweep_graph(build_two_problems, place_two_problems);
}

/* ---- Nets by lot ---- */

static uint32_t below(uint32_t *state, uint32_t limit)
{
    return (uint32_t)(support_random(state) * limit);
}

static uint32_t one_of(uint32_t *state, const uint32_t *values, uint32_t count)
{
    return values[below(state, count)];
}

static void random_conv(struct plan *plan, uint32_t at, uint32_t *size, uint32_t *state)
{
    static const uint32_t features[] = {4, 12, 16, 32, 64, 100};
    char name[16];
    const uint32_t kernel = 1 + below(state, *size < 7 ? *size : 7), pad = below(state, 3);
    const uint32_t stride = below(state, 3) > 0 ? 1 : 1 + below(state, 3);
    (void)snprintf(name, sizeof(name), "conv%u", at);
    struct row *row = conv(plan, name, one_of(state, features, 6), kernel, stride, pad);
    row->bias = below(state, 2) > 0;
    if (below(state, 12) == 0 && (kernel - 1) * 2 < *size) row->dilation = 2;
    *size = (*size + 2 * pad - ((kernel - 1) * row->dilation + 1)) / stride + 1;
    if (*size < 2 || below(state, 2) > 0) return;
    const uint32_t k = 2 + below(state, 3), by = below(state, 6) > 0 ? k : 2;
    if (k > *size) return;
    pool(plan, k, by);
    *size = (*size - k) / by + 1;
}

/* Two convolutions beside nothing, or beside a third that is added. */
static void random_block(struct plan *plan, uint32_t at, uint32_t size, uint32_t *state)
{
    const uint32_t begin = plan->count, features = plan->rows[begin - 1].features;
    const bool wide = below(state, 2) > 0;
    char name[16];
    if (plan->rows[begin - 1].kind != SNN_LAYER_CONV2D || size < 3) return;
    (void)snprintf(name, sizeof(name), "res%u", at);
    conv(plan, name, features, 3, 1, 1)->bias = true;
    if (wide) {
        (void)snprintf(name, sizeof(name), "by%u", at);
        conv(plan, name, 2 * features, 1, 1, 0)->from = begin;
    }
    (void)snprintf(name, sizeof(name), "next%u", at);
    struct row *second = conv(plan, name, wide ? 2 * features : features, 3, 1, 1);
    second->from = begin + 1;
    second->bias = below(state, 2) > 0;
    (void)snprintf(name, sizeof(name), "sum%u", at);
    add_up(plan, name, wide ? begin + 1 : begin - 1);
}

static struct plan random_plan(uint32_t *state)
{
    static const char *const chips[] = {"dynapcnn", "speck2e", "speck2f"};
    static const uint32_t features[] = {30, 64, 100, 128, 300, 500, 1200};
    uint32_t size = 10 + below(state, 60), convs = 1 + below(state, 5);
    struct plan plan = plan_of(chips[below(state, 3)], 1 + below(state, 3), size, size);
    for (uint32_t i = 0; i < convs; i++) {
        random_conv(&plan, i + 1, &size, state);
        if (convs < 4 && below(state, 4) == 0) random_block(&plan, i + 1, size, state);
    }
    if (size > 40) pool(&plan, 2, 2); /* no more weights than a test should take */
    if (below(state, 4) > 0) dense(&plan, "fc1", one_of(state, features, 7))->bias = true;
    dense(&plan, "out", 2 + below(state, 18));
    return plan;
}

Test(remedy, what_is_recommended_works_for_nets_by_lot)
{
    unsigned runs = getenv("SNN_SOAK") != NULL ? 3000 : 60, failed = 0, remedied = 0, total = 0;
    uint32_t state = 5;
    for (unsigned run = 0; run < runs; run++) {
        struct plan plan = random_plan(&state);
        struct snn_placement *placement = place(&plan, false);
        const bool fits = placement->fits;
        snn_placement_destroy(&placement);
        if (fits) continue;
        const uint32_t found = check(&plan, NULL, 0);
        failed++;
        remedied += found > 0;
        total += found;
    }
    cr_assert(failed > runs / 4 && 10 * remedied > 7 * failed, "%u of %u, %u in all", remedied,
              failed, total);
}
