/* The shared parts of this room's tests; see support.h. */
#include "tests/unit/convert/support.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "snn/status.h"

enum { SWEEP_MAX = 4000 };

/* Workers share the allocator. */
struct counted {
    atomic_size_t calls;
    size_t fail_at; /* the call that gets nothing, from 1; 0: none */
    atomic_size_t live;
};

static struct counted counted;
static struct snn_context *the_context;

static void *counted_allocate(size_t size, void *user)
{
    struct counted *allocator = user;
    if (++allocator->calls == allocator->fail_at) return NULL;
    allocator->live++;
    return malloc(size);
}

static void counted_release(void *memory, void *user)
{
    struct counted *allocator = user;
    allocator->live--;
    free(memory);
}

static struct snn_context *make_context(struct counted *allocator)
{
    struct snn_context_options options = {
        .allocator = {counted_allocate, counted_release, allocator}};
    struct snn_context *made = NULL;
    cr_assert_eq(snn_context_create(&made, &options), SNN_OK);
    return made;
}

void support_begin(void)
{
    the_context = make_context(&counted);
}

void support_end(void)
{
    snn_context_destroy(&the_context);
    cr_assert_eq(counted.live, 0, "%zu blocks left", (size_t)counted.live);
}

struct snn_context *support_context(void)
{
    return the_context;
}

void support_sweep(struct snn_graph *(*make)(struct snn_context *context),
                   int (*action)(struct snn_context *context, struct snn_graph *graph))
{
    for (size_t nth = 1; nth < SWEEP_MAX; nth++) {
        struct counted allocator = {0};
        struct snn_context *poor = make_context(&allocator);
        struct snn_graph *graph = make ? make(poor) : NULL;
        allocator.fail_at = allocator.calls + nth;
        int status = action(poor, graph);
        bool failed = allocator.calls >= allocator.fail_at;
        snn_graph_destroy(&graph);
        cr_assert_eq(status, failed ? SNN_ERR_NOMEM : SNN_OK, "allocation %zu: %s", nth,
                     snn_context_message(poor));
        snn_context_destroy(&poor);
        cr_assert_eq(allocator.live, 0, "allocation %zu: %zu blocks left", nth,
                     (size_t)allocator.live);
        if (!failed) {
            cr_assert_gt(nth, 1, "the action allocates nothing");
            return;
        }
    }
    cr_assert_fail("still allocating after %d failures", (int)SWEEP_MAX);
}

double support_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (double)(*state >> 8) / 16777216.0;
}

struct snn_graph *support_graph(struct snn_context *context, uint32_t channels, uint32_t height,
                                uint32_t width)
{
    struct snn_graph *graph = NULL;
    const struct snn_layer input = {
        .name = "input", .kind = SNN_LAYER_INPUT, .shape = {channels, height, width}};
    cr_assert_eq(snn_graph_create(&graph, context, "test"), SNN_OK);
    cr_assert_eq(snn_graph_add(graph, context, &input, NULL), SNN_OK, "%s",
                 snn_context_message(context));
    return graph;
}

uint32_t support_add(struct snn_graph *graph, struct snn_context *context, struct snn_layer layer)
{
    uint32_t last = snn_graph_layer_count(graph) - 1, index = 0;
    char name[16];
    (void)snprintf(name, sizeof(name), "layer%u", last + 1);
    if (!layer.name) layer.name = name;
    if (!layer.inputs) {
        layer.inputs = &last;
        layer.input_count = 1;
    }
    cr_assert_eq(snn_graph_add(graph, context, &layer, &index), SNN_OK, "%s",
                 snn_context_message(context));
    return index;
}
