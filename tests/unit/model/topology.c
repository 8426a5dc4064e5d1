/* Topologies: what a source is asked for, what becomes of its tensors, and that one refusal does
 * not hide the next.
 */
#include "libsnn/model/topology.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "tests/unit/model/support.h"

TestSuite(topology, .init = support_begin, .fini = support_end);

/* Everything that was asked of it, one line a question, and what it answers. */
struct fake {
    char asked[512];
    bool refuses;
};

static const float ones[64] = {1.0f, 2.0f, 3.0f};

static int fake_begin(struct snn_context *context, const struct snnmodel_named *layers,
                      uint32_t count, void *user)
{
    struct fake *fake = user;
    (void)context;
    for (uint32_t i = 0; i < count; i++)
        (void)snprintf(fake->asked + strlen(fake->asked), 64, "%s%s%s;", layers[i].layer,
                       layers[i].batch_norm != NULL ? "+" : "",
                       layers[i].batch_norm != NULL ? layers[i].batch_norm : "");
    return SNN_OK;
}

static int fake_fill(struct snn_context *context, const struct snnmodel_wanted *wanted,
                     const float **weights_out, const float **bias_out, void *user)
{
    struct fake *fake = user;
    (void)snprintf(fake->asked + strlen(fake->asked), 64, " %u:%s", wanted->index,
                   wanted->name.layer);
    for (uint32_t i = 0; i < wanted->rank; i++)
        (void)snprintf(fake->asked + strlen(fake->asked), 16, ",%u", wanted->dim[i]);
    if (wanted->name.batch_norm != NULL)
        (void)snprintf(fake->asked + strlen(fake->asked), 96, "+%u:%s,%g", wanted->norm_index,
                       wanted->name.batch_norm, wanted->epsilon);
    if (fake->refuses) return snnbase_fail(context, SNN_ERR_FORMAT, "no tensors");
    *weights_out = ones;
    if (wanted->bias || wanted->name.batch_norm != NULL) *bias_out = ones;
    return SNN_OK;
}

#define LAYERS                                                                            \
    "{'format':'snn.model/1','name':'n','output':'b','layers':["                          \
    "{'name':'in','kind':'input','shape':[2,4,4]},"                                       \
    "{'name':'a','kind':'conv2d','inputs':['in'],'filters':2,'kernel':[3,2],'groups':2}," \
    "{'name':'p','kind':'avg_pool2d','inputs':['a'],'kernel':[2,3]},"                     \
    "{'name':'b','kind':'dense','inputs':['p'],'units':3,'bias':false}]}"

static int load(struct snn_context *context, struct snn_graph **out, const char *text,
                struct fake *fake)
{
    const struct snnmodel_tensor_source source = {fake_begin, fake_fill, fake};
    const char *quoted = support_quoted(text);
    const char *path = support_put("arch.json", quoted, strlen(quoted));
    return snnmodel_topology_load(out, context, path, &source);
}

Test(topology, a_source_is_asked_for_each_layer_with_its_shape)
{
    struct fake fake = {.refuses = false};
    struct snn_graph *graph = NULL;
    cr_assert_eq(load(support_context(), &graph, LAYERS, &fake), SNN_OK, "%s",
                 snn_context_message(support_context()));
    /* The convolution makes 2x2x3 values, the pool 2x1x1. */
    cr_assert_str_eq(fake.asked, "a;b; 0:a,2,1,3,2 1:b,3,2");
    const struct snn_layer *conv = snn_graph_layer(graph, 1), *dense = snn_graph_layer(graph, 3);
    cr_assert_eq(conv->weight_count, 12);
    cr_assert_eq(conv->bias_count, 2);
    cr_assert_eq(conv->weights[2], 3.0f);
    cr_assert_eq(dense->weight_count, 6);
    cr_assert_null(dense->bias);
    snn_graph_destroy(&graph);
}

Test(topology, a_refusal_does_not_hide_the_next)
{
    struct fake fake = {.refuses = true};
    struct snn_graph *graph = NULL;
    cr_assert_eq(load(support_context(), &graph, LAYERS, &fake), SNN_ERR_FORMAT);
    cr_assert_null(graph);
    cr_assert_not_null(strstr(support_diagnostics(), "arch.json: layer 'a': no tensors\n"));
    cr_assert_not_null(strstr(support_diagnostics(), "arch.json: layer 'b': no tensors\n"));
    cr_assert_not_null(
        strstr(snn_context_message(support_context()), "arch.json: layer 'a': no tensors"));
}

static void refuse(const char *layer, const char *message)
{
    char text[512];
    struct fake fake = {.refuses = false};
    struct snn_graph *graph = NULL;
    (void)snprintf(text, sizeof(text),
                   "{'format':'snn.model/1','name':'n','output':'x','layers':["
                   "{'name':'in','kind':'input','shape':[2,4,4]},{'name':'x','inputs':['in'],%s}]}",
                   layer);
    cr_assert_neq(load(support_context(), &graph, text, &fake), SNN_OK, "%s", layer);
    cr_assert_not_null(strstr(snn_context_message(support_context()), message), "%s: %s", layer,
                       snn_context_message(support_context()));
}

Test(topology, sizes_are_required_and_checked)
{
    refuse("'kind':'dense'", "layer 'x': units: missing, a whole number expected");
    refuse("'kind':'dense','units':0", "layer 'x': units: ");
    refuse("'kind':'dense','units':1,'weights':{}", "layer 'x': unknown member 'weights'");
    cr_assert_str_eq(snn_context_hint(support_context()),
                     "a topology has no tensors: in place of weights it says units; with them it "
                     "is a whole model already");
    refuse("'kind':'dense','units':1,'bias':3", "layer 'x': bias: true or false expected");
    refuse("'kind':'conv2d','filters':1", "layer 'x': kernel: ");
    refuse("'kind':'conv2d','filters':1,'kernel':[5,1]", "layer 'x': kernel 5x1 ");
    refuse("'kind':'conv2d','filters':3,'kernel':[1,1],'groups':3", "layer 'x': groups: 3");
    refuse("'kind':'dense','units':4294967295", "layer 'x': output shape 4294967295x1x1 exceeds");
}

Test(topology, neurons_and_joins_stand_in_the_topology_itself)
{
    struct fake fake = {.refuses = false};
    struct snn_graph *graph = NULL;
    static const char text[] =
        "{'format':'snn.model/1','name':'n','output':'s','layers':["
        "{'name':'in','kind':'input','shape':[1,1,1]},"
        "{'name':'a','kind':'dense','inputs':['in'],'units':2,'quantization':"
        "{'scale':0.5,'zero_point':1,'weight_scale':"
        "{'dtype':'f32','shape':[1],'data':'eNpjYGiwBwABQwDA'}}},"
        "{'name':'j','kind':'concat','inputs':['a','in']},"
        "{'name':'s','kind':'if','inputs':['j'],'threshold':2,'v_min':'none','reset':'zero'}]}";
    cr_assert_eq(load(support_context(), &graph, text, &fake), SNN_OK, "%s",
                 snn_context_message(support_context()));
    cr_assert_str_eq(fake.asked, "a; 0:a,2,1");
    cr_assert_eq(snn_graph_layer(graph, 3)->shape.channels, 3u);
    cr_assert_eq(snn_graph_layer(graph, 3)->neurons->threshold[0], 2.0f);
    cr_assert_eq(snn_graph_layer(graph, 3)->neurons->reset, SNN_RESET_ZERO);
    cr_assert_eq(snn_graph_quantization(graph, 1)->weight_scale[0], 1.0f);
    snn_graph_destroy(&graph);
}

Test(topology, a_batch_norm_is_asked_for_with_its_layer)
{
    struct fake fake = {.refuses = false};
    struct snn_graph *graph = NULL;
    static const char text[] =
        "{'format':'snn.model/1','name':'n','output':'c','layers':["
        "{'name':'in','kind':'input','shape':[1,2,2]},"
        "{'name':'a','kind':'conv2d','inputs':['in'],'filters':3,'kernel':[2,2],'bias':false,"
        "'batch_norm':'bn1'},"
        "{'name':'b','kind':'dense','inputs':['a'],'units':2},"
        "{'name':'c','kind':'dense','inputs':['b'],'units':1,'batch_norm':'bn 2',"
        "'epsilon':0.5}]}";
    cr_assert_eq(load(support_context(), &graph, text, &fake), SNN_OK, "%s",
                 snn_context_message(support_context()));
    cr_assert_str_eq(fake.asked,
                     "a+bn1;b;c+bn 2; 0:a,3,1,2,2+0:bn1,1e-05 1:b,2,3 2:c,1,2+1:bn 2,0.5");
    cr_assert_eq(snn_graph_layer(graph, 1)->bias_count, 3, "folding makes a bias");
    snn_graph_destroy(&graph);
}

Test(topology, a_batch_norm_is_named_by_a_text_and_its_epsilon_not_negative)
{
    refuse("'kind':'dense','units':1,'batch_norm':1", "layer 'x': batch_norm: a string expected");
    refuse("'kind':'dense','units':1,'epsilon':1", "layer 'x': epsilon: goes with batch_norm");
    refuse("'kind':'dense','units':1,'batch_norm':'b','epsilon':-1",
           "layer 'x': epsilon: -1 is negative");
    refuse("'kind':'dense','units':1,'batch_norm':'b','epsilon':'1'",
           "layer 'x': epsilon: a number expected");
    refuse("'kind':'flatten','batch_norm':'b'", "layer 'x': unknown member 'batch_norm'");
}

static int load_once(struct snn_context *context)
{
    struct fake fake = {.refuses = false};
    struct snn_graph *graph = NULL;
    int status = load(context, &graph, LAYERS, &fake);
    snn_graph_destroy(&graph);
    return status;
}

Test(topology, running_out_of_memory_anywhere_is_survived)
{
    support_sweep(load_once);
}
