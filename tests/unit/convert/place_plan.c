/* Plans to graphs, and remedies read back into plans; see place_plan.h. */
#include "tests/unit/convert/place_plan.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snn/status.h"

/* ---- Lists of layers ---- */

struct plan plan_of(const char *chip, uint32_t channels, uint32_t height, uint32_t width)
{
    struct plan plan = {.input = {channels, height, width}, .v_min = -1.0f};
    cr_assert_eq(snn_chip_load(&plan.chip, support_context(), chip), SNN_OK);
    return plan;
}

static struct row *add_row(struct plan *plan, const char *name, enum snn_layer_kind kind)
{
    struct row *row = &plan->rows[plan->count++];
    cr_assert_leq(plan->count, PLAN_ROWS_MAX);
    *row = (struct row){.kind = kind, .groups = 1, .dilation = 1};
    (void)snprintf(row->name, sizeof(row->name), "%s", name);
    return row;
}

struct row *plan_conv(struct plan *plan, const char *name, uint32_t features, uint32_t kernel,
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

struct row *plan_pool(struct plan *plan, uint32_t kernel, uint32_t stride)
{
    char name[16];
    (void)snprintf(name, sizeof(name), "pool%u", plan->count);
    struct row *row = add_row(plan, name, SNN_LAYER_AVG_POOL2D);
    row->kernel_h = row->kernel_w = kernel;
    row->stride = stride;
    return row;
}

struct row *plan_dense(struct plan *plan, const char *name, uint32_t features)
{
    struct row *row = add_row(plan, name, SNN_LAYER_DENSE);
    row->features = features;
    return row;
}

/* Sum of the row before and an earlier one. */
void plan_add(struct plan *plan, const char *name, uint32_t other)
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

struct snn_graph *plan_build(struct snn_context *context, const struct plan *plan)
{
    struct snn_graph *graph =
        support_graph(context, plan->input.channels, plan->input.height, plan->input.width);
    uint32_t state = 3;
    for (uint32_t i = 0; i < plan->count; i++)
        build_layer(context, plan, i, graph, &state);
    return graph;
}

/* Places the net of a plan on its chip. */
int plan_place_graph(struct snn_placement **out, struct snn_context *context,
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

struct snn_placement *plan_place(const struct plan *plan, bool remedies)
{
    struct snn_context *context = support_context();
    struct snn_graph *graph = plan_build(context, plan);
    struct snn_placement *placement = NULL;
    cr_assert_eq(plan_place_graph(&placement, context, graph, plan, remedies), SNN_OK, "%s",
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
    cr_assert_lt(plan->count, PLAN_ROWS_MAX);
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
    if (sscanf(text, "%15s with %u %*[a-z] in place of %u%n", name, &to, &from, &length) == 3) {
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
void plan_change(struct plan *plan, const char *text)
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

/* The net, for a message. */
const char *plan_describe(const struct plan *plan)
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
