/* What this room's tests add to the common support; see support.h. */
#include "tests/unit/convert/support.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "snn/status.h"

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
