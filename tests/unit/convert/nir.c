/* NIR files written and read back where memory may run out anywhere. What is in them is held
 * against h5py in tests/flow/nir.py.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "snn/convert.h"
#include "snn/status.h"
#include "tests/unit/convert/support.h"

TestSuite(nir, .init = support_begin, .fini = support_end);

/* Everything the writer has a node for: a convolution, a pool, two branches that meet, a dense
 * layer over maps; names that NIR has taken. */
static struct snn_graph *make_graph(struct snn_context *context)
{
    static const float ones[16] = {1.0f, 1.0f, 1.0f, 1.0f, 1.0f, 1.0f, 1.0f, 1.0f,
                                   1.0f, 1.0f, 1.0f, 1.0f, 1.0f, 1.0f, 1.0f, 1.0f};
    static const uint32_t both[] = {1, 2};
    const struct snn_window single = {1, 1, 1, 1, 0, 0, 0, 0, 1, 1};
    const struct snn_window two = {2, 2, 2, 2, 0, 0, 0, 0, 1, 1};
    struct snn_graph *graph = support_graph(context, 1, 4, 4);
    struct snn_layer conv = {.name = "net/a",
                             .kind = SNN_LAYER_CONV2D,
                             .shape = {2, 0, 0},
                             .window = single,
                             .activation = SNN_ACTIVATION_RELU,
                             .weights = ones,
                             .weight_count = 2};
    support_add(graph, context, conv);
    conv.name = "net.a";
    conv.weight_count = 4;
    support_add(graph, context, conv);
    support_add(graph, context,
                (struct snn_layer){.name = "sum",
                                   .kind = SNN_LAYER_ADD,
                                   .inputs = both,
                                   .input_count = 2,
                                   .activation = SNN_ACTIVATION_RELU});
    support_add(graph, context,
                (struct snn_layer){.name = "pool", .kind = SNN_LAYER_AVG_POOL2D, .window = two});
    support_add(graph, context,
                (struct snn_layer){.name = "output",
                                   .kind = SNN_LAYER_DENSE,
                                   .shape = {2, 1, 1},
                                   .weights = ones,
                                   .weight_count = 16});
    return graph;
}

static int save(struct snn_context *context, struct snn_graph *graph)
{
    struct snn_lower_options options;
    snn_lower_options_init(&options);
    options.norm = SNN_NORM_NONE;
    return snn_graph_save_nir(graph, context, support_path("net.nir"), &options);
}

static int open_file(struct snn_context *context)
{
    struct snn_import *import = NULL;
    int status = snn_import_open(&import, context, support_path("net.nir"), NULL);
    snn_import_close(&import);
    return status;
}

Test(nir, memory_may_run_out_while_writing)
{
    support_sweep_graph(make_graph, save);
    cr_assert_eq(access(support_path("net.nir"), F_OK), 0);
}

Test(nir, memory_may_run_out_while_reading)
{
    struct snn_context *context = support_context();
    struct snn_graph *graph = make_graph(context);
    cr_assert_eq(save(context, graph), SNN_OK, "%s", snn_context_message(context));
    snn_graph_destroy(&graph);
    support_sweep(open_file);
}
