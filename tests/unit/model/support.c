/* What this room's tests add to the common support; see support.h. */
#include "tests/unit/model/support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snn/status.h"

char *support_text(const char *name, size_t *size_out)
{
    enum { SIZE_MAX_READ = 1 << 20 };
    char *text = calloc(SIZE_MAX_READ, 1);
    cr_assert_not_null(text);
    *size_out = support_get(name, text, SIZE_MAX_READ - 1);
    return text;
}

const char *support_quoted(const char *text)
{
    static char quoted[16384];
    size_t size = strlen(text);
    cr_assert_lt(size, sizeof(quoted));
    for (size_t i = 0; i <= size; i++) {
        char c = text[i];
        if (c == '\'') c = '"';
        quoted[i] = c;
    }
    return quoted;
}

struct snn_graph *support_graph(uint32_t channels, uint32_t height, uint32_t width)
{
    struct snn_graph *graph = NULL;
    cr_assert_eq(snn_graph_create(&graph, support_context(), "test"), SNN_OK);
    const struct snn_layer input = {
        .name = "input", .kind = SNN_LAYER_INPUT, .shape = {channels, height, width}};
    cr_assert_eq(snn_graph_add(graph, support_context(), &input, NULL), SNN_OK, "%s",
                 snn_context_message(support_context()));
    return graph;
}

uint32_t support_add(struct snn_graph *graph, struct snn_layer layer)
{
    uint32_t last = snn_graph_layer_count(graph) - 1;
    char name[16];
    (void)snprintf(name, sizeof(name), "layer%u", last + 1);
    if (!layer.name) layer.name = name;
    if (!layer.inputs) {
        layer.inputs = &last;
        layer.input_count = 1;
    }
    uint32_t index = 0;
    cr_assert_eq(snn_graph_add(graph, support_context(), &layer, &index), SNN_OK, "%s",
                 snn_context_message(support_context()));
    return index;
}
