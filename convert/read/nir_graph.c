/* The graph of a NIR file: names into nodes, edges in any order into an order of work.
 *
 * A node is taken once all that feed it were; what then remains stands in a cycle, which is a
 * recurrent net. Nodes behind a refused one are not reported: they may be all right.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convert/read/nir.h"
#include "libsnn/base/error.h"

static int compare_nodes(const void *a, const void *b)
{
    return strcmp(((const struct snnconv_nir_node *)a)->name,
                  ((const struct snnconv_nir_node *)b)->name);
}

static int read_nodes(struct snnconv_nir *nir, const struct snnconv_hdf5_item *group)
{
    nir->nodes = snnbase_arena_alloc(&nir->program->arena, nir->context, group->child_count,
                                     sizeof(*nir->nodes));
    if (nir->nodes == NULL) return SNN_ERR_NOMEM;
    for (size_t i = 0; i < group->child_count; i++) {
        const struct snnconv_hdf5_item *item = &group->children[i];
        const struct snnconv_hdf5_item *type = snnconv_hdf5_child(item, "type");
        const char *text = type != NULL ? snnconv_hdf5_text(type) : NULL;
        if (!item->is_group || text == NULL) {
            snnbase_fail(nir->context, SNN_ERR_FORMAT, "not a group with a 'type'");
            int status = snnconv_problems_add(&nir->problems, item->name, item->offset);
            if (status != SNN_OK) return status;
            continue;
        }
        nir->nodes[nir->node_count++] = (struct snnconv_nir_node){
            .name = item->name, .type = text, .item = item, .output = SNNCONV_NONE};
    }
    if (nir->node_count > 0) qsort(nir->nodes, nir->node_count, sizeof(*nir->nodes), compare_nodes);
    return SNN_OK;
}

static struct snnconv_nir_node *find_node(const struct snnconv_nir *nir, const char *name)
{
    const struct snnconv_nir_node key = {.name = name};
    return bsearch(&key, nir->nodes, nir->node_count, sizeof(*nir->nodes), compare_nodes);
}

static int read_edges(struct snnconv_nir *nir, const struct snnconv_hdf5_item *graph)
{
    const struct snnconv_hdf5_item *item = snnconv_hdf5_child(graph, "edges");
    if (item == NULL || item->text == NULL || item->array.rank != 2 || item->array.dim[1] != 2)
        return snnbase_fail(nir->context, SNN_ERR_FORMAT,
                            "'edges' is not a list of pairs of names");
    size_t count = (size_t)item->array.dim[0];
    nir->edges =
        snnbase_arena_alloc(&nir->program->arena, nir->context, count, sizeof(*nir->edges));
    if (nir->edges == NULL) return SNN_ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        const char *const *names = &item->text[2 * i];
        const struct snnconv_nir_node *from = find_node(nir, names[0]);
        struct snnconv_nir_node *to = find_node(nir, names[1]);
        if (from == NULL || to == NULL) {
            snnbase_fail(nir->context, SNN_ERR_FORMAT, "edge %zu: no node is named '%.64s'", i,
                         from == NULL ? names[0] : names[1]);
            int status = snnconv_problems_add(&nir->problems, NULL, item->offset);
            if (status != SNN_OK) return status;
            continue;
        }
        nir->edges[nir->edge_count++] =
            (struct snnconv_nir_edge){(uint32_t)(from - nir->nodes), (uint32_t)(to - nir->nodes)};
        to->waits++;
    }
    return SNN_OK;
}

/* Edges by their destination and by their source, so that no step looks at all of them. */
static int index_edges(struct snnconv_nir *nir)
{
    struct snnbase_arena *arena = &nir->program->arena;
    size_t nodes = (size_t)nir->node_count + 2;
    uint32_t **lists[] = {&nir->into, &nir->from},
             **firsts[] = {&nir->first_into, &nir->first_from};
    for (size_t k = 0; k < 2; k++) {
        uint32_t *list = snnbase_arena_alloc(arena, nir->context, nir->edge_count, sizeof(*list));
        uint32_t *first = snnbase_arena_alloc(arena, nir->context, nodes, sizeof(*first));
        if (list == NULL || first == NULL) return SNN_ERR_NOMEM;
        /* Counted one place further on, each becomes where its node's list ends while it fills. */
        for (uint32_t i = 0; i < nir->edge_count; i++)
            first[(k == 0 ? nir->edges[i].destination : nir->edges[i].source) + 2]++;
        for (size_t i = 2; i < nodes; i++)
            first[i] += first[i - 1];
        for (uint32_t i = 0; i < nir->edge_count; i++) {
            const struct snnconv_nir_edge *edge = &nir->edges[i];
            uint32_t at = k == 0 ? edge->destination : edge->source;
            list[first[at + 1]++] = k == 0 ? edge->source : edge->destination;
        }
        *lists[k] = list;
        *firsts[k] = first;
    }
    return SNN_OK;
}

/* The value that a node works on: of the one edge into it, or the sum of several. *ready_out is
 * false behind a node that was refused. */
static int find_input(struct snnconv_nir *nir, uint32_t index, uint32_t *out, bool *ready_out)
{
    struct snn_context *context = nir->context;
    uint32_t first = nir->first_into[index], count = nir->first_into[index + 1] - first;
    *ready_out = true;
    *out = SNNCONV_NONE;
    if (count == 0) return SNN_OK;
    uint32_t *values = snnbase_alloc(context, count, sizeof(*values));
    if (values == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < count; i++) {
        values[i] = nir->nodes[nir->into[first + i]].output;
        *ready_out = *ready_out && values[i] != SNNCONV_NONE;
    }
    int status = SNN_OK;
    *out = values[0];
    if (*ready_out && count > 1) {
        char name[256];
        struct snnconv_attributes attributes;
        snnconv_attributes_init(&attributes, SNNCONV_OP_SUM);
        (void)snprintf(name, sizeof(name), "%.200s.sum", nir->nodes[index].name);
        status =
            snnconv_program_add_op(nir->program, context, SNNCONV_OP_SUM, name,
                                   nir->nodes[index].item->offset, &attributes, values, count, out);
    }
    snnbase_free(context, values);
    return status;
}

static int take_node(struct snnconv_nir *nir, uint32_t index)
{
    struct snnconv_nir_node *node = &nir->nodes[index];
    bool ready = false;
    uint32_t input = SNNCONV_NONE;
    int status = find_input(nir, index, &input, &ready);
    if (status != SNN_OK) return status;
    bool source = strcmp(node->type, "Input") == 0;
    if (!ready) {
        /* Taken for what can be said of it without its input. */
        uint32_t unused = SNNCONV_NONE;
        status = strcmp(node->type, "Output") != 0 ? snnconv_nir_take(nir, node, input, &unused)
                                                   : SNN_OK;
    } else if ((input == SNNCONV_NONE) != source) {
        status = snnbase_fail(nir->context, SNN_ERR_FORMAT, "%s %s", node->type,
                              source ? "has an edge into it" : "has no edge into it");
    } else {
        status = snnconv_nir_take(nir, node, input, &node->output);
    }
    if (status != SNN_OK) {
        node->output = SNNCONV_NONE;
        status = snnconv_problems_add(&nir->problems, node->name, node->item->offset);
    }
    return status;
}

static int fail_recurrent(struct snnconv_nir *nir, const struct snnconv_nir_node *node)
{
    snnbase_fail(nir->context, SNN_ERR_UNSUPPORTED,
                 "recurrent: the node stands in a cycle, or behind one");
    snnbase_hint(nir->context, "only feed-forward nets can be run");
    return snnconv_problems_add(&nir->problems, node->name, node->item->offset);
}

/* Takes every node whose sources are taken; a queue holds those that are ready. */
static int take_all(struct snnconv_nir *nir)
{
    uint32_t head = 0, tail = 0;
    uint32_t *queue =
        snnbase_arena_alloc(&nir->program->arena, nir->context, nir->node_count, sizeof(*queue));
    if (queue == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < nir->node_count; i++)
        if (nir->nodes[i].waits == 0) queue[tail++] = i;
    while (head < tail) {
        uint32_t index = queue[head++];
        int status = take_node(nir, index);
        if (status != SNN_OK) return status;
        nir->nodes[index].taken = true;
        for (uint32_t k = nir->first_from[index]; k < nir->first_from[index + 1]; k++)
            if (--nir->nodes[nir->from[k]].waits == 0) queue[tail++] = nir->from[k];
    }
    for (uint32_t i = 0; i < nir->node_count; i++)
        if (!nir->nodes[i].taken) return fail_recurrent(nir, &nir->nodes[i]);
    return SNN_OK;
}

static int count_type(const struct snnconv_nir *nir, const char *type)
{
    int count = 0;
    for (uint32_t i = 0; i < nir->node_count; i++)
        count += strcmp(nir->nodes[i].type, type) == 0 ? 1 : 0;
    return count;
}

int snnconv_nir_read_graph(struct snnconv_nir *nir, const struct snnconv_hdf5_item *graph)
{
    const struct snnconv_hdf5_item *nodes = snnconv_hdf5_child(graph, "nodes");
    if (nodes == NULL || !nodes->is_group)
        return snnbase_fail(nir->context, SNN_ERR_FORMAT, "no group 'nodes'");
    int status = read_nodes(nir, nodes);
    if (status == SNN_OK) status = read_edges(nir, graph);
    if (status == SNN_OK) status = index_edges(nir);
    if (status != SNN_OK) return status;
    int inputs = count_type(nir, "Input"), outputs = count_type(nir, "Output");
    if (inputs != 1 || outputs != 1)
        return snnbase_fail(nir->context, SNN_ERR_UNSUPPORTED,
                            "%d Input and %d Output nodes; one of each can be run", inputs,
                            outputs);
    return take_all(nir);
}
