/* What a model file must not contain, and what is said about it: one table, a line for each thing
 * that can be wrong, then whole files that mean harm.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snn/status.h"
#include "tests/unit/model/support.h"

TestSuite(native_refused, .init = support_begin, .fini = support_end);

#define HEAD "{'format':'snn.model/1','name':'n','output':'out',"
#define INPUT "{'name':'in','kind':'input','shape':[2,1,1]}"

/* A document with the input and the layers given. */
#define LAYERS(layers) HEAD "'layers':[" INPUT "," layers "]}"

/* A document with a good layer and whatever else. */
#define WITH(rest)                                                           \
    HEAD "'layers':[" INPUT ",{'name':'out','kind':'dense','inputs':['in']," \
         "'weights':" W22 "}]," rest "}"

/* Values 1, -0.5, 0, 2: base64 of zlib level 9 of the little-endian floats. */
#define VECTOR "eNpjYGiwZ2Bg2M8AAQ4AEToBvw=="
#define W22 "{'dtype':'f32','shape':[2,2],'data':'" VECTOR "'}"
#define W4 "{'dtype':'f32','shape':[4],'data':'" VECTOR "'}"
#define W1122 "{'dtype':'f32','shape':[1,1,2,2],'data':'" VECTOR "'}"
#define W2211 "{'dtype':'f32','shape':[2,2,1,1],'data':'" VECTOR "'}"
#define DENSE(weights) "{'name':'out','kind':'dense','inputs':['in'],'weights':" weights "}"
#define CONV(members) "{'name':'out','kind':'conv2d','inputs':['in'],'weights':" W2211 members "}"
#define TENSOR(members) DENSE("{'dtype':'f32'," members "}")

struct refusal {
    const char *text;
    int status;
    const char *message;
};

static void check(const struct refusal *refusal)
{
    struct snn_context *context = support_context();
    struct snn_graph *graph = NULL;
    const char *quoted = support_quoted(refusal->text);
    int status = snn_graph_parse(&graph, context, quoted, strlen(quoted));
    cr_expect_str_eq(snn_context_message(context), refusal->message,
                     "%s\n  says: %s\n  expected: %s", refusal->text, snn_context_message(context),
                     refusal->message);
    cr_expect_eq(status, refusal->status, "%s: status %d", refusal->text, status);
    cr_assert_null(graph);
}

static void check_all(const struct refusal *refusals, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check(&refusals[i]);
}

#define CHECK_ALL(refusals) check_all((refusals), sizeof(refusals) / sizeof((refusals)[0]))

Test(native_refused, documents)
{
    static const struct refusal refusals[] = {
        {"", SNN_ERR_FORMAT, "line 1, column 1: a value expected, the text ends"},
        {"[]", SNN_ERR_FORMAT, "not a model: an object expected"},
        {"{}", SNN_ERR_FORMAT, "format: missing, a string expected"},
        {"{'format':'onnx'}", SNN_ERR_FORMAT,
         "not a model: format is 'onnx', 'snn.model/1' expected"},
        {"{'format':'snn.model/2'}", SNN_ERR_UNSUPPORTED,
         "format is 'snn.model/2', this version reads 'snn.model/1'"},
        {"{'format':'snn.model/1'}", SNN_ERR_FORMAT, "name: missing, a string expected"},
        {"{'format':'snn.model/1','name':'a\\u001b[2J'}", SNN_ERR_FORMAT,
         "name: control character 0x1b"},
        {"{'format':'snn.model/1','name':'n'}", SNN_ERR_FORMAT,
         "layers: an array of layers expected"},
        {HEAD "'layers':[]}", SNN_ERR_FORMAT, "layers: an array of layers expected"},
        {HEAD "'layers':{}}", SNN_ERR_FORMAT, "layers: an array of layers expected"},
        {HEAD "'layers':[" INPUT "]}", SNN_ERR_FORMAT, "output: no layer 'out'"},
        {"{'format':'snn.model/1','name':'n','layers':[" INPUT "]}", SNN_ERR_FORMAT,
         "output: missing, a string expected"},
    };
    CHECK_ALL(refusals);
}

Test(native_refused, names_and_inputs)
{
    static const struct refusal refusals[] = {
        {HEAD "'layers':[7]}", SNN_ERR_FORMAT, "layers[0]: name: missing, a string expected"},
        {HEAD "'layers':[{'kind':'input'}]}", SNN_ERR_FORMAT,
         "layers[0]: name: missing, a string expected"},
        {HEAD "'layers':[{'name':'x'}]}", SNN_ERR_FORMAT,
         "layer 'x': kind: missing, a string expected"},
        {HEAD "'layers':[{'name':'x','kind':'lstm'}]}", SNN_ERR_UNSUPPORTED,
         "layer 'x': kind 'lstm' is not supported"},
        {HEAD "'layers':[{'name':'','kind':'input','shape':[1,1,1]}]}", SNN_ERR_FORMAT,
         "layer 0 has no name"},
        {HEAD "'layers':[{'name':'x','kind':'input','shape':[1,1]}]}", SNN_ERR_FORMAT,
         "layer 'x': shape: 3 elements expected, 2 found"},
        {HEAD "'layers':[{'name':'x','kind':'input','shape':[1,0,1]}]}", SNN_ERR_FORMAT,
         "layer 'x': shape[1]: a whole number from 1 to 4294967295 expected, 0 found"},
        {HEAD "'layers':[{'name':'x','kind':'input','shape':[4000000000,4000000000,1]}]}",
         SNN_ERR_LIMIT,
         "layer 'x': output shape 4000000000x4000000000x1 exceeds the limit of 67108864 neurons"},
        {HEAD "'layers':[{'name':'x','kind':'flatten','inputs':[]}]}", SNN_ERR_FORMAT,
         "layer 'x': the first layer, and no other, is the input"},
        {LAYERS(INPUT), SNN_ERR_FORMAT, "layer 'in': the name is already taken"},
        {LAYERS("{'name':'x','kind':'flatten'}"), SNN_ERR_FORMAT,
         "layer 'x': inputs: an array of layer names expected"},
        {LAYERS("{'name':'x','kind':'flatten','inputs':['y']}"), SNN_ERR_FORMAT,
         "layer 'x': inputs[0]: no layer 'y' stands before this one"},
        {LAYERS("{'name':'x','kind':'flatten','inputs':['x']}"), SNN_ERR_FORMAT,
         "layer 'x': inputs[0]: no layer 'x' stands before this one"},
        {LAYERS("{'name':'x','kind':'flatten','inputs':[0]}"), SNN_ERR_FORMAT,
         "layer 'x': inputs[0]: a layer's name expected"},
        {LAYERS(DENSE(W22) ",{'name':'x','kind':'flatten','inputs':['in','in']}"), SNN_ERR_FORMAT,
         "layer 'x': has 2 inputs, flatten takes 1"},
        {LAYERS("{'name':'x','kind':'dense','inputs':['in','in'],'weights':" W22 "}"),
         SNN_ERR_FORMAT, "layer 'x': inputs: 2 found, dense takes 1"},
        {LAYERS("{'name':'x','kind':'add','inputs':['in']}"), SNN_ERR_FORMAT,
         "layer 'x': has 1 inputs, add takes 2 or more"},
        {LAYERS(DENSE(W22) ",{'name':'x','kind':'flatten','inputs':['in']},"
                           "{'name':'y','kind':'flatten','inputs':['in'],'stride':[1,1]}"),
         SNN_ERR_FORMAT, "layer 'y': unknown member 'stride'"},
    };
    CHECK_ALL(refusals);
}

Test(native_refused, numbers_of_layers)
{
    static const struct refusal refusals[] = {
        {LAYERS(CONV(",'strides':[1,1]")), SNN_ERR_FORMAT, "layer 'out': unknown member 'strides'"},
        {LAYERS(CONV(",'stride':1")), SNN_ERR_FORMAT,
         "layer 'out': stride: an array expected, a number found"},
        {LAYERS(CONV(",'stride':[0,1]")), SNN_ERR_FORMAT,
         "layer 'out': stride[0]: a whole number from 1 to 4294967295 expected, 0 found"},
        {LAYERS(CONV(",'padding':[1,1]")), SNN_ERR_FORMAT,
         "layer 'out': padding: 4 elements expected, 2 found"},
        {LAYERS(CONV(",'padding':[-1,0,0,0]")), SNN_ERR_FORMAT,
         "layer 'out': padding[0]: a whole number from 0 to 4294967295 expected, -1 found"},
        {LAYERS(CONV(",'padding':[70000,0,0,0]")), SNN_ERR_LIMIT,
         "layer 'out': window parameter 70000 exceeds the limit of 65536"},
        {LAYERS(CONV(",'dilation':[1,1.5]")), SNN_ERR_FORMAT,
         "layer 'out': dilation[1]: a whole number from 1 to 4294967295 expected, 1.5 found"},
        {LAYERS(CONV(",'groups':0")), SNN_ERR_FORMAT,
         "layer 'out': groups: a whole number from 1 to 4294967295 expected, 0 found"},
        {LAYERS(CONV(",'groups':3")), SNN_ERR_FORMAT,
         "layer 'out': groups: 3 do not divide 2 input channels"},
        {LAYERS(CONV(",'activation':'tanh'")), SNN_ERR_UNSUPPORTED,
         "layer 'out': activation 'tanh' is not supported"},
        {LAYERS(CONV(",'activation':'clip'")), SNN_ERR_FORMAT,
         "layer 'out': clip: missing, a number expected"},
        {LAYERS(CONV(",'activation':'clip','clip':-6")), SNN_ERR_FORMAT,
         "layer 'out': clip: -6 is not a positive 32-bit number"},
        {LAYERS(CONV(",'activation':'clip','clip':1e39")), SNN_ERR_FORMAT,
         "layer 'out': clip: 1e+39 is not a positive 32-bit number"},
        {LAYERS(CONV(",'activation':'relu','clip':6")), SNN_ERR_FORMAT,
         "layer 'out': clip: goes with activation clip, not relu"},
        {LAYERS(CONV(",'activation':'relu','slope':6")), SNN_ERR_FORMAT,
         "layer 'out': slope: goes with activation leaky_relu, not relu"},
        {LAYERS(CONV(",'activation':'leaky_relu'")), SNN_ERR_FORMAT,
         "layer 'out': slope: missing, a number expected"},
        {LAYERS("{'name':'x','kind':'avg_pool2d','inputs':['in'],'kernel':[1,1],"
                "'pad_excluded':1}"),
         SNN_ERR_FORMAT, "layer 'x': pad_excluded: true or false expected, a number found"},
        {LAYERS("{'name':'x','kind':'sum_pool2d','inputs':['in'],'kernel':[1,1],"
                "'pad_excluded':true}"),
         SNN_ERR_FORMAT, "layer 'x': unknown member 'pad_excluded'"},
        {LAYERS("{'name':'x','kind':'avg_pool2d','inputs':['in']}"), SNN_ERR_FORMAT,
         "layer 'x': kernel: missing, an array of whole numbers expected"},
        {LAYERS("{'name':'x','kind':'avg_pool2d','inputs':['in'],'kernel':[2,2]}"), SNN_ERR_FORMAT,
         "layer 'x': kernel 2x2 (dilation 1x1) is larger than its padded input 1x1"},
    };
    CHECK_ALL(refusals);
}

#define IF(members) LAYERS("{'name':'x','kind':'if','inputs':['in']" members "}")

Test(native_refused, numbers_of_neurons)
{
    static const struct refusal refusals[] = {
        {IF(""), SNN_ERR_FORMAT, "layer 'x': threshold: missing, a number expected"},
        {IF(",'threshold':0"), SNN_ERR_FORMAT,
         "layer 'x': threshold[0] is 0, which is not positive"},
        {IF(",'threshold':1e-50"), SNN_ERR_FORMAT,
         "layer 'x': threshold[0] is 0, which is not positive"},
        {IF(",'threshold':1e39"), SNN_ERR_FORMAT,
         "layer 'x': threshold: 1e+39 exceeds 32-bit floats"},
        {IF(",'threshold':'none'"), SNN_ERR_FORMAT,
         "layer 'x': threshold: a number expected, a string found"},
        {IF(",'threshold':" W22), SNN_ERR_FORMAT,
         "layer 'x': threshold: shape is [2, 2], [2] expected"},
        {IF(",'threshold':" W2211), SNN_ERR_FORMAT,
         "layer 'x': threshold: shape is [2, 2, 1, 1], [2] expected"},
        {IF(",'threshold':{'dtype':'f32','shape':[2,1,2],'data':'" VECTOR "'}"), SNN_ERR_FORMAT,
         "layer 'x': threshold: shape is [2, 1, 2], [2, 1, 1] expected"},
        {IF(",'threshold':1,'v_init':'none'"), SNN_ERR_FORMAT,
         "layer 'x': v_init: a number expected, a string found"},
        {IF(",'threshold':1,'v_min':'all'"), SNN_ERR_FORMAT,
         "layer 'x': v_min: a number expected, a string found"},
        {IF(",'threshold':1,'v_min':1"), SNN_ERR_FORMAT,
         "layer 'x': v_min[0] is 1, a lower bound is not positive"},
        {IF(",'threshold':1,'reset':'half'"), SNN_ERR_FORMAT,
         "layer 'x': reset: 'subtract' or 'zero' expected, 'half' found"},
        {IF(",'threshold':1,'leak':1"), SNN_ERR_FORMAT, "layer 'x': unknown member 'leak'"},
        {LAYERS("{'name':'x','kind':'if','inputs':['in','in'],'threshold':1}"), SNN_ERR_FORMAT,
         "layer 'x': inputs: 2 found, if takes 1"},
        {LAYERS("{'name':'x','kind':'concat','inputs':['in']}"), SNN_ERR_FORMAT,
         "layer 'x': has 1 inputs, concat takes 2 or more"},
    };
    CHECK_ALL(refusals);
}

#define QUANTIZED(members) LAYERS(CONV(",'quantization':{" members "}"))

Test(native_refused, quantization)
{
    static const struct refusal refusals[] = {
        {QUANTIZED(""), SNN_ERR_FORMAT,
         "layer 'out': quantization: scale: missing, a number expected"},
        {QUANTIZED("'scale':1"), SNN_ERR_FORMAT,
         "layer 'out': quantization: zero_point: missing, a whole number expected"},
        {QUANTIZED("'scale':1,'zero_point':128"), SNN_ERR_FORMAT,
         "layer 'out': quantization: zero_point: a whole number from -128 to 127 expected, 128 "
         "found"},
        {QUANTIZED("'scale':1,'zero_point':0"), SNN_ERR_FORMAT,
         "layer 'out': quantization has 0 weight scales, needs 1 or 2"},
        {QUANTIZED("'scale':1,'zero_point':0,'weight_scale':2"), SNN_ERR_FORMAT,
         "layer 'out': quantization: weight_scale: a tensor expected, an object"},
        {QUANTIZED("'scale':1,'zero_point':0,'weight_scale':" W22), SNN_ERR_FORMAT,
         "layer 'out': quantization: weight_scale: shape is [2, 2], [*] expected"},
        {QUANTIZED("'scale':1,'zero_point':0,'weight_scale':" W4), SNN_ERR_FORMAT,
         "layer 'out': quantization has 4 weight scales, needs 1 or 2"},
        {QUANTIZED("'scale':-1,'zero_point':0"), SNN_ERR_FORMAT,
         "layer 'out': quantization scale -1 is not a positive number"},
        {QUANTIZED("'scale':1,'zero_point':0,'bits':8"), SNN_ERR_FORMAT,
         "layer 'out': quantization: unknown member 'bits'"},
        {LAYERS(CONV(",'quantization':3")), SNN_ERR_FORMAT,
         "layer 'out': quantization: an object expected"},
    };
    CHECK_ALL(refusals);
}

Test(native_refused, tensors)
{
    static const struct refusal refusals[] = {
        {LAYERS("{'name':'out','kind':'dense','inputs':['in']}"), SNN_ERR_FORMAT,
         "layer 'out': weights: missing, a tensor expected"},
        {LAYERS(DENSE("[1,2]")), SNN_ERR_FORMAT,
         "layer 'out': weights: a tensor expected, an object"},
        {LAYERS(DENSE("{'dtype':'f32','dims':[2,2]}")), SNN_ERR_FORMAT,
         "layer 'out': weights: unknown member 'dims'"},
        {LAYERS(DENSE("{'dtype':'f64','shape':[2,2],'data':''}")), SNN_ERR_UNSUPPORTED,
         "layer 'out': weights: dtype 'f64' is not supported"},
        {LAYERS(DENSE("{'shape':[2,2],'data':''}")), SNN_ERR_FORMAT,
         "layer 'out': weights: dtype: missing, a string expected"},
        {LAYERS(TENSOR("'data':''")), SNN_ERR_FORMAT,
         "layer 'out': weights: shape: missing, an array of whole numbers expected"},
        {LAYERS(TENSOR("'shape':[],'data':''")), SNN_ERR_FORMAT,
         "layer 'out': weights: shape has 0 axes, 1 to 4 expected"},
        {LAYERS(TENSOR("'shape':[1,1,1,1,1],'data':''")), SNN_ERR_FORMAT,
         "layer 'out': weights: shape has 5 axes, 1 to 4 expected"},
        {LAYERS(TENSOR("'shape':[2,0],'data':''")), SNN_ERR_FORMAT,
         "layer 'out': weights: shape[1]: a whole number from 1 to 4294967295 expected, 0 found"},
        {LAYERS(DENSE(W4)), SNN_ERR_FORMAT, "layer 'out': weights: shape is [4], [*, 2] expected"},
        {LAYERS(DENSE(W1122)), SNN_ERR_FORMAT,
         "layer 'out': weights: shape is [1, 1, 2, 2], [*, 2] expected"},
        {LAYERS("{'name':'out','kind':'conv2d','inputs':['in'],'weights':" W1122 "}"),
         SNN_ERR_FORMAT, "layer 'out': weights: shape is [1, 1, 2, 2], [*, 2, *, *] expected"},
        {LAYERS(CONV(",'bias':" W4)), SNN_ERR_FORMAT,
         "layer 'out': bias: shape is [4], [2] expected"},
        {LAYERS(CONV(",'bias':" W22)), SNN_ERR_FORMAT,
         "layer 'out': bias: shape is [2, 2], [2] expected"},
        {LAYERS(CONV(",'bias':{'dtype':'f32','shape':[2,2,1],'data':'" VECTOR "'}")),
         SNN_ERR_FORMAT, "layer 'out': bias has 4 values, needs 2"},
        {LAYERS(TENSOR("'shape':[2,2]")), SNN_ERR_FORMAT,
         "layer 'out': weights: data: missing, a string expected"},
        {LAYERS(TENSOR("'shape':[2,2],'data':'eN*j'")), SNN_ERR_FORMAT,
         "layer 'out': weights: data: byte 2: 0x2a does not belong into base64 text"},
        {LAYERS(TENSOR("'shape':[2,2],'data':'eNpj'")), SNN_ERR_FORMAT,
         "layer 'out': weights: data: truncated at byte 3"},
        {LAYERS(TENSOR("'shape':[1,2],'data':'" VECTOR "'")), SNN_ERR_FORMAT,
         "layer 'out': weights: data: unpacks to more than the 8 bytes promised"},
        {LAYERS(TENSOR("'shape':[1,2],'data':'eNpjYGiwZ2A4UA8ABkIB/w=='")), SNN_ERR_FORMAT,
         "layer 'out': weights: value 1 is not a number"},
        {LAYERS(TENSOR("'shape':[1,2],'data':'eNpjYGj4z8DQYA8ACUICPw=='")), SNN_ERR_FORMAT,
         "layer 'out': weights: value 0 is infinite"},
    };
    CHECK_ALL(refusals);
}

/* Two axes exchanged: as many values, another meaning. */
Test(native_refused, bias_map_of_another_shape)
{
    static const struct refusal refusal = {
        HEAD "'layers':[{'name':'in','kind':'input','shape':[1,2,1]},"
             "{'name':'out','kind':'conv2d','inputs':['in'],"
             "'weights':{'dtype':'f32','shape':[1,1,1,1],'data':'eNpjYGiwBwABQwDA'},"
             "'bias':{'dtype':'f32','shape':[1,1,2],'data':'eNpjYGiwZ2BgcAAABIMBAA=='}}]}",
        SNN_ERR_FORMAT, "layer 'out': bias: map of 1x1x2 for an output of 1x2x1"};
    check(&refusal);
}

Test(native_refused, records)
{
    static const struct refusal refusals[] = {
        {WITH("'tool':{}"), SNN_ERR_FORMAT, "tool.name: missing, a string expected"},
        {WITH("'accuracy':{'value':99.1}"), SNN_ERR_FORMAT,
         "accuracy.value: 99.1 is not within 0..1"},
        {WITH("'accuracy':{'value':0.5,'samples':-1}"), SNN_ERR_FORMAT,
         "accuracy.samples: a whole number from 0 to 9223372036854775807 expected, -1 found"},
        {WITH("'sample':{'images':'/etc/passwd'}"), SNN_ERR_FORMAT,
         "sample: '/etc/passwd' leads out of the model's folder"},
        {WITH("'sample':{'images':'a','labels':'a/../../b'}"), SNN_ERR_FORMAT,
         "sample: 'a/../../b' leads out of the model's folder"},
        {WITH("'preprocess':{'scale':1,'mena':[0]}"), SNN_ERR_FORMAT,
         "preprocess: unknown member 'mena'"},
        {WITH("'preprocess':{'scale':1}"), SNN_ERR_FORMAT,
         "preprocess.mean: an array of 1 to 2 numbers expected"},
        {WITH("'preprocess':{'scale':1,'mean':[0,1],'std':[1]}"), SNN_ERR_FORMAT,
         "preprocess: 2 means, but 1 values of std"},
        {WITH("'preprocess':{'scale':1,'mean':['x'],'std':[1]}"), SNN_ERR_FORMAT,
         "preprocess.mean[0]: a number expected"},
        {WITH("'preprocess':{'scale':1,'mean':[0],'std':[0]}"), SNN_ERR_FORMAT,
         "preprocess mean 0, std 0 of channel 0: std must be positive"},
        {WITH("'statistics':[]"), SNN_ERR_FORMAT, "statistics: an object expected"},
        {WITH("'statistics':{'frames':1}"), SNN_ERR_FORMAT,
         "statistics.quantiles: an array of 1 to 65535 numbers expected"},
        {WITH("'statistics':{'frames':1,'quantiles':[1,0.5]}"), SNN_ERR_FORMAT,
         "quantile 1 is 0.5: they must ascend within 0..1"},
        {WITH("'statistics':{'frames':1,'quantiles':[1]}"), SNN_ERR_FORMAT,
         "statistics.layers: an object expected"},
        {WITH("'statistics':{'frames':1,'quantiles':[1],'layers':{'x':{}}}"), SNN_ERR_FORMAT,
         "statistics.layers.x: no such layer"},
        {WITH("'statistics':{'frames':1,'quantiles':[1],'layers':{'out':{'max':1}}}"),
         SNN_ERR_FORMAT, "statistics.layers.out: unknown member 'max'"},
        {WITH("'statistics':{'frames':1,'quantiles':[1],'layers':{'out':{'minimum':1e300}}}"),
         SNN_ERR_FORMAT, "statistics.layers.out: minimum: 1e+300 exceeds 32-bit floats"},
        {WITH("'statistics':{'frames':1,'quantiles':[1],'layers':{'out':{'minimum':0,"
              "'quantile':" W4 "}}}"),
         SNN_ERR_FORMAT, "statistics.layers.out: quantile: shape is [4], [1] expected"},
        {WITH("'recipes':{}"), SNN_ERR_FORMAT, "recipes: an array expected"},
        {WITH("'recipes':[{}]"), SNN_ERR_FORMAT, "recipes[0]: name: missing, a string expected"},
        {WITH("'recipes':[{'name':'r'}]"), SNN_ERR_FORMAT,
         "recipes[0]: thresholds: an object expected"},
        {WITH("'recipes':[{'name':'r','thresholds':{},'biases':{}}]"), SNN_ERR_FORMAT,
         "recipes[0]: biases: a recipe is of one kind"},
        {WITH("'recipes':[{'name':'r','timesteps':-1,'thresholds':{}}]"), SNN_ERR_FORMAT,
         "recipes[0]: timesteps: a whole number from 0 to 4294967295 expected, -1 found"},
        {WITH("'recipes':[{'name':'r','potentials':{'out':" W4 "}}]"), SNN_ERR_FORMAT,
         "recipes[0]: recipe 'r': 4 potentials for the 2 channels of layer 'out'"},
        {WITH("'recipes':[{'name':'r','thresholds':{'x':" W4 "}}]"), SNN_ERR_FORMAT,
         "recipes[0]: thresholds: x: no such layer"},
        {WITH("'recipes':[{'name':'r','thresholds':{'out':" W4 "}}]"), SNN_ERR_FORMAT,
         "recipes[0]: recipe 'r': 4 thresholds for the 2 channels of layer 'out'"},
    };
    CHECK_ALL(refusals);
}

/* ---- Several problems, files ---- */

Test(native_refused, models_of_other_formats_are_for_another_function)
{
    static const char *const begins[] = {"\x89HDF\r\n\x1a\n", "PK\3\4....", "....TFL3",
                                         "\x08\x07\x12."};
    for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
        struct snn_graph *graph = NULL;
        support_put("other", begins[i], strlen(begins[i]));
        if (i == 2) support_put("other", "\x1c\0\0\0TFL3", 8);
        cr_assert_eq(snn_graph_load(&graph, support_context(), support_path("other"), NULL),
                     SNN_ERR_FORMAT);
        cr_assert_not_null(strstr(snn_context_hint(support_context()),
                                  "snn_graph_import reads models of other formats"));
    }
}

Test(native_refused, every_broken_layer_is_reported_and_the_first_returned)
{
    static const char model[] = LAYERS(
        "{'name':'a','kind':'lstm'},"
        "{'name':'b','kind':'flatten','inputs':['a']}," /* stands on a broken layer: nothing said */
        "{'name':'c','kind':'flatten','inputs':['b']},"
        "{'name':'d','kind':'flatten','inputs':['in']}," /* good */
        "{'name':'e','kind':'flatten','inputs':['nowhere']},"
        "{'kind':'flatten'},"
        "{'name':'f','kind':'add','inputs':['c','in'],'stride':1}"); /* its own fault is told */
    struct snn_graph *graph = NULL;
    struct snn_context *context = support_context();
    const char *path = support_put("a.json", support_quoted(model), strlen(model));
    cr_assert_eq(snn_graph_load(&graph, context, path, NULL), SNN_ERR_UNSUPPORTED);
    char expected[2048];
    (void)snprintf(expected, sizeof(expected),
                   "error: %s: layer 'a': kind 'lstm' is not supported\n"
                   "error: %s: layer 'e': inputs[0]: no layer 'nowhere' stands before this one\n"
                   "error: %s: layers[6]: name: missing, a string expected\n"
                   "error: %s: layer 'f': unknown member 'stride'\n",
                   path, path, path, path);
    cr_assert_str_eq(support_diagnostics(), expected);
    (void)snprintf(expected, sizeof(expected), "%s: layer 'a': kind 'lstm' is not supported", path);
    cr_assert_str_eq(snn_context_message(context), expected);
    cr_assert_str_eq(snn_context_hint(context), "kinds are input, conv2d, dense, avg_pool2d, "
                                                "sum_pool2d, max_pool2d, add, flatten, concat, if");
}

Test(native_refused, errors_of_a_file_begin_with_its_path)
{
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {"{", "line 1, column 2: a key in double quotes expected, the text ends"},
        {"{'format':'snn.model/7'}", "format is 'snn.model/7', this version reads 'snn.model/1'"},
        {WITH("'tool':{}"), "tool.name: missing, a string expected"},
    };
    struct snn_context *context = support_context();
    struct snn_graph *graph = NULL;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *quoted = support_quoted(cases[i].text);
        const char *path = support_put("a.json", quoted, strlen(quoted));
        char expected[1024];
        (void)snprintf(expected, sizeof(expected), "%s: %s", path, cases[i].message);
        cr_assert_lt(snn_graph_load(&graph, context, path, NULL), 0);
        cr_assert_str_eq(snn_context_message(context), expected);
    }
    const char *missing = support_path("missing.json");
    cr_assert_eq(snn_graph_load(&graph, context, missing, NULL), SNN_ERR_NOT_FOUND);
    cr_assert(strstr(snn_context_message(context), missing) == snn_context_message(context));
    cr_assert_null(strstr(strstr(snn_context_message(context), missing) + 1, missing));
}

#define SIDECAR(name, offset, hash) \
    LAYERS(TENSOR("'shape':[2,2],'file':'" name "','offset':" offset ",'sha256':'" hash "'"))

Test(native_refused, side_car_files)
{
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {SIDECAR("../w.bin", "0", ""),
         "file '../w.bin' is not a bare name: a tensor's file must lie beside the model"},
        {SIDECAR("/etc/passwd", "0", ""),
         "file '/etc/passwd' is not a bare name: a tensor's file must lie beside the model"},
        {SIDECAR("sub/w.bin", "0", ""),
         "file 'sub/w.bin' is not a bare name: a tensor's file must lie beside the model"},
        {SIDECAR("..", "0", ""),
         "file '..' is not a bare name: a tensor's file must lie beside the model"},
        {SIDECAR("", "0", ""),
         "file '' is not a bare name: a tensor's file must lie beside the model"},
        {SIDECAR("w.bin", "-1", ""),
         "offset: a whole number from 0 to 9223372036854775807 expected, -1 found"},
        {SIDECAR("w.bin", "1", ""), "file 'w.bin' has 16 bytes, the tensor takes 16 from 1 on"},
        {SIDECAR("w.bin", "9000000000000000", ""),
         "file 'w.bin' has 16 bytes, the tensor takes 16 from 9000000000000000 on"},
        {SIDECAR("w.bin", "0", "00"),
         "file 'w.bin': the tensor's bytes have sha256 "
         "374708fff7719dd5979ec875d56cd2286f6d3cf7ec317a3b25632aab28ec37bb, 00 expected"},
        {LAYERS(TENSOR("'shape':[2,2],'file':'w.bin','offset':0,'sha256':'','data':''")),
         "has both 'data' and 'file'"},
        {LAYERS(TENSOR("'shape':[2,2],'file':'w.bin','sha256':''")),
         "offset: missing, a whole number expected"},
    };
    static const unsigned char zeros[16];
    struct snn_context *context = support_context();
    struct snn_graph *graph = NULL;
    support_put("w.bin", zeros, sizeof(zeros));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *quoted = support_quoted(cases[i].text);
        const char *path = support_put("a.json", quoted, strlen(quoted));
        char expected[1024];
        (void)snprintf(expected, sizeof(expected), "%s: layer 'out': weights: %s", path,
                       cases[i].message);
        cr_assert_lt(snn_graph_load(&graph, context, path, NULL), 0, "%s", cases[i].text);
        cr_assert_str_eq(snn_context_message(context), expected);
    }
}

Test(native_refused, side_car_of_a_text_without_folder)
{
    static const struct refusal refusal = {
        SIDECAR("w.bin", "0", ""), SNN_ERR_FORMAT,
        "layer 'out': weights: file 'w.bin' lies outside the model, which is not read from a file "
        "here"};
    check(&refusal);
}

/* ---- Files that mean harm ---- */

Test(native_refused, a_short_file_cannot_ask_for_much_memory)
{
    static const struct refusal refusals[] = {
        /* Within the limits, but 20 packed bytes never hold 1 GiB. */
        {LAYERS(TENSOR("'shape':[134217728,2],'data':'" VECTOR "'")), SNN_ERR_FORMAT,
         "layer 'out': weights: data: 19 packed bytes cannot hold the 1073741824 bytes of shape "
         "[134217728, 2]"},
        {LAYERS(TENSOR("'shape':[134217729,2],'data':'" VECTOR "'")), SNN_ERR_LIMIT,
         "layer 'out': weights: shape [134217729, 2] of 4-byte values exceeds the limit of "
         "1073741824 bytes"},
        /* The product of the extents is 2^128, and 0 in 64 bits. */
        {LAYERS(TENSOR("'shape':[4294967295,4294967295,4294967295,4294967295],'data':''")),
         SNN_ERR_LIMIT,
         "layer 'out': weights: shape [4294967295, 4294967295, 4294967295, 4294967295] of 4-byte "
         "values exceeds the limit of 1073741824 bytes"},
        {LAYERS("{'name':'x','kind':'avg_pool2d','inputs':['in'],'kernel':[1,1],"
                "'padding':[1,1,1,1]}"),
         SNN_ERR_FORMAT, "layer 'x': padding must be smaller than the 1x1 kernel"},
    };
    CHECK_ALL(refusals);
}

Test(native_refused, deep_nesting_is_refused)
{
    char text[4096];
    size_t used = (size_t)snprintf(text, sizeof(text), "%s", support_quoted(HEAD "'layers':"));
    memset(text + used, '[', 1000);
    struct snn_graph *graph = NULL;
    cr_assert_eq(snn_graph_parse(&graph, support_context(), text, used + 1000), SNN_ERR_LIMIT);
}

Test(native_refused, more_layers_than_the_limit)
{
    const struct snn_limits limits = {.layer_count = 2};
    struct snn_context *context = support_limited(&limits);
    struct snn_graph *graph = NULL;
    const char *text = support_quoted(LAYERS(DENSE(W22) "," INPUT));
    cr_assert_eq(snn_graph_parse(&graph, context, text, strlen(text)), SNN_ERR_LIMIT);
    cr_assert_str_eq(snn_context_message(context), "layers: 3 exceed the limit of 2");
    text = support_quoted(LAYERS("{'name':'x','kind':'add','inputs':['in','in','in']}"));
    cr_assert_eq(snn_graph_parse(&graph, context, text, strlen(text)), SNN_ERR_LIMIT);
    cr_assert_str_eq(snn_context_message(context),
                     "layer 'x': inputs: 3 exceed the limit of 2 layers");
    snn_context_destroy(&context);
}

/* A good document with everything in it. */
#define WHOLE                                                                                    \
    WITH("'tool':{'name':'t','version':'1'},'accuracy':{'value':0.5,'samples':2,'data':'d'},"    \
         "'sample':{'images':'i','labels':'l'},'preprocess':{'scale':1,'mean':[0],'std':[1]},"   \
         "'statistics':{'frames':1,'quantiles':[0.5,1],'layers':{'out':{'minimum':0,'quantile':" \
         "{'dtype':'f32','shape':[2],'data':'eNpjYGiwZ2BgcAAABIMBAA=='},'channel_quantile':" W22 \
         "}}},'recipes':[{'name':'ltb','thresholds':{'out':"                                     \
         "{'dtype':'f32','shape':[2],'data':'eNpjYGiwZ2BgcAAABIMBAA=='}}}]")

Test(native_refused, every_cut_of_a_good_text_is_refused)
{
    struct snn_graph *graph = NULL;
    const char *text = support_quoted(WHOLE);
    size_t size = strlen(text);
    cr_assert_eq(snn_graph_parse(&graph, support_context(), text, size), SNN_OK, "%s",
                 snn_context_message(support_context()));
    snn_graph_destroy(&graph);
    for (size_t cut = 0; cut < size; cut++)
        cr_assert_eq(snn_graph_parse(&graph, support_context(), text, cut), SNN_ERR_FORMAT,
                     "%zu bytes of %zu", cut, size);
}

Test(native_refused, no_change_of_a_byte_does_harm)
{
    static const char replacements[] = "\"{}[],:019-.e\\n ";
    struct snn_graph *graph = NULL;
    char *text = strdup(support_quoted(WHOLE));
    cr_assert_not_null(text);
    size_t size = strlen(text);
    for (size_t at = 0; at < size; at++) {
        char kept = text[at];
        for (size_t k = 0; k < sizeof(replacements) - 1; k++) {
            text[at] = replacements[k];
            int status = snn_graph_parse(&graph, support_context(), text, size);
            cr_assert_eq(graph != NULL, status == SNN_OK);
            snn_graph_destroy(&graph);
        }
        text[at] = kept;
    }
    free(text);
}
