/* The model file: what is written comes back to the bit, side-car files, defaults, the format's own
 * test vector. What is refused stands in native_refused.c.
 */
#include <criterion/criterion.h>
#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "snn/status.h"
#include "tests/unit/model/support.h"

TestSuite(native, .init = support_begin, .fini = support_end);

static struct snn_graph *parse(const char *text)
{
    struct snn_graph *graph = NULL;
    const char *quoted = support_quoted(text);
    cr_assert_eq(snn_graph_parse(&graph, support_context(), quoted, strlen(quoted)), SNN_OK, "%s",
                 snn_context_message(support_context()));
    return graph;
}

static struct snn_window window(uint32_t kernel, uint32_t stride)
{
    return (struct snn_window){.kernel_h = kernel,
                               .kernel_w = kernel,
                               .stride_h = stride,
                               .stride_w = stride,
                               .dilation_h = 1,
                               .dilation_w = 1};
}

/* ---- Round trip ---- */

/* Values that a careless text would lose. */
static const float awkward[] = {0.1f,     -0.0f,   FLT_MIN / 2, FLT_MAX, -FLT_MAX, 1.0f / 3.0f,
                                1.0e-45f, 1.0e30f, 16777215.0f, -7.0f,   0.5f,     2.0f,
                                3.0f,     4.0f,    5.0f,        6.0f};

/* Lists of all lengths there are: none, one value, one a channel, one a neuron. */
static void add_spiking(struct snn_graph *graph)
{
    const float two[] = {0.1f, 1.0e-45f}, below[] = {-0.1f, -FLT_MAX}, none[] = {-FLT_MAX};
    const struct snn_neurons neurons[] = {
        {SNN_RESET_ZERO, two, 1, NULL, 0, NULL, 0},
        {SNN_RESET_SUBTRACT, two, 2, awkward, 1, none, 1},
        {SNN_RESET_SUBTRACT, NULL, 240, NULL, 240, below, 2},
    };
    float many[240];
    for (size_t i = 0; i < 240; i++)
        many[i] = 1.0f / (float)(i + 3);
    for (size_t i = 0; i < 2; i++)
        support_add(graph, (struct snn_layer){.kind = SNN_LAYER_IF, .neurons = &neurons[i]});
    const uint32_t input[] = {0, 0};
    support_add(graph,
                (struct snn_layer){
                    .name = "twice", .kind = SNN_LAYER_CONCAT, .inputs = input, .input_count = 2});
    struct snn_neurons each = neurons[2];
    each.threshold = each.v_init = many;
    each.v_min = many;
    each.v_min_count = 0;
    support_add(graph, (struct snn_layer){.kind = SNN_LAYER_IF, .neurons = &each});
    const float scale[] = {0.1f, 1.0e-45f, 3, 4};
    const struct snn_quantization conv = {0.1f, -128, 4, scale}, other = {1.0e-45f, 127, 0, NULL};
    cr_assert_eq(snn_graph_set_quantization(graph, support_context(), 0, &other), SNN_OK);
    cr_assert_eq(snn_graph_set_quantization(graph, support_context(), 1, &conv), SNN_OK);
}

static void add_layers(struct snn_graph *graph)
{
    struct snn_window w = window(2, 1);
    w.pad_top = 1;
    w.pad_left = 2;
    w.pad_bottom = 3;
    w.pad_right = 4;
    w.dilation_h = 2;
    w.stride_w = 3;
    uint32_t conv = support_add(graph, (struct snn_layer){.name = "conv \"1\" \\ ü",
                                                          .kind = SNN_LAYER_CONV2D,
                                                          .shape = {.channels = 4},
                                                          .window = w,
                                                          .groups = 4,
                                                          .activation = SNN_ACTIVATION_CLIP,
                                                          .clip = 0.1f,
                                                          .weights = awkward,
                                                          .weight_count = 16,
                                                          .bias = awkward,
                                                          .bias_count = 4});
    const uint32_t twice[] = {conv, conv};
    support_add(graph, (struct snn_layer){.kind = SNN_LAYER_ADD,
                                          .inputs = twice,
                                          .input_count = 2,
                                          .activation = SNN_ACTIVATION_RELU});
    struct snn_window pool = window(2, 1);
    pool.pad_left = 1;
    support_add(graph, (struct snn_layer){
                           .kind = SNN_LAYER_AVG_POOL2D, .window = pool, .pad_excluded = true});
    support_add(graph, (struct snn_layer){.kind = SNN_LAYER_SUM_POOL2D, .window = window(1, 1)});
    support_add(graph, (struct snn_layer){.kind = SNN_LAYER_MAX_POOL2D, .window = window(1, 1)});
    support_add(graph, (struct snn_layer){.kind = SNN_LAYER_FLATTEN});
    uint32_t last = snn_graph_layer_count(graph) - 1;
    size_t in = snn_graph_layer(graph, last)->shape.channels;
    float *weights = calloc(2 * in, sizeof(*weights));
    cr_assert_not_null(weights);
    support_add(graph, (struct snn_layer){.name = "out",
                                          .kind = SNN_LAYER_DENSE,
                                          .shape = {.channels = 2},
                                          .activation = SNN_ACTIVATION_LEAKY_RELU,
                                          .slope = 0.1f,
                                          .weights = weights,
                                          .weight_count = 2 * in});
    free(weights);
    support_add(graph, (struct snn_layer){.name = "unused", .kind = SNN_LAYER_FLATTEN});
    add_spiking(graph);
}

static void add_records(struct snn_graph *graph)
{
    struct snn_context *context = support_context();
    uint32_t out = 0;
    cr_assert_eq(snn_graph_find(graph, "out", &out), SNN_OK);
    cr_assert_eq(snn_graph_set_output(graph, context, out), SNN_OK);
    const struct snn_provenance provenance = {.name = "a \"name\"",
                                              .tool = "some tool 1.2",
                                              .source_file = "net.onnx",
                                              .source_sha256 = "00ff",
                                              .sample_images = "digits/..images",
                                              .sample_labels = "labels",
                                              .accuracy_data = "test set",
                                              .accuracy = 0.1,
                                              .accuracy_samples = 12345678901};
    cr_assert_eq(snn_graph_set_provenance(graph, context, &provenance), SNN_OK);
    const double mean[] = {0.1, 1.0 / 3.0, 0, -5}, std[] = {1e-300, 1, 2, 3};
    const struct snn_preprocess preprocess = {0.3, 4, mean, std};
    cr_assert_eq(snn_graph_set_preprocess(graph, context, &preprocess), SNN_OK);
    const double probability[] = {0.1, 0.999, 1};
    cr_assert_eq(snn_graph_set_quantiles(graph, context, probability, 3, 77, "frames"), SNN_OK);
    const struct snn_statistics statistics = {-0.1f, awkward, awkward};
    cr_assert_eq(snn_graph_set_statistics(graph, context, 1, &statistics), SNN_OK);
    cr_assert_eq(snn_graph_set_statistics(graph, context, out, &statistics), SNN_OK);
    const float thresholds[] = {0.1f, 0, FLT_MIN, 3};
    const struct snn_recipe_entry entries[] = {{1, 4, thresholds}, {out, 1, thresholds}};
    /* One a channel, some of them below zero, and one a neuron. */
    float many[512] = {0.0f};
    const size_t neurons = snn_shape_size(snn_graph_layer(graph, 1)->shape);
    cr_assert(neurons > 4 && neurons <= 512, "%zu", neurons);
    for (size_t i = 0; i < neurons; i++)
        many[i] = awkward[i % 16];
    const struct snn_recipe_entry corrections[] = {{1, 4, awkward + 1},
                                                   {1, (uint32_t)neurons, many}};
    const struct snn_recipe recipes[] = {
        {.name = "ltb", .entry_count = 2, .entries = entries},
        {.name = "mse:4", .entry_count = 1, .entries = &entries[1]},
        {.name = "auto", .norm = "mse:8", .timesteps = 5, .entry_count = 2, .entries = entries},
        {.name = "b@x", .kind = SNN_RECIPE_BIAS, .entry_count = 1, .entries = &corrections[0]},
        {.name = "p@x",
         .kind = SNN_RECIPE_POTENTIAL,
         .entry_count = 1,
         .entries = &corrections[1]}};
    for (size_t i = 0; i < sizeof(recipes) / sizeof(recipes[0]); i++)
        cr_assert_eq(snn_graph_set_recipe(graph, context, &recipes[i]), SNN_OK, "%s",
                     snn_context_message(context));
}

static struct snn_graph *full_graph(void)
{
    struct snn_graph *graph = support_graph(4, 5, 6);
    add_layers(graph);
    add_records(graph);
    return graph;
}

static void equal_list(const float *a, size_t a_count, const float *b, size_t b_count)
{
    cr_assert_eq(a_count, b_count);
    if (a_count > 0) cr_assert_arr_eq(a, b, a_count * sizeof(float));
}

static void equal_neurons(const struct snn_neurons *a, const struct snn_neurons *b)
{
    cr_assert_eq(a != NULL, b != NULL);
    if (a == NULL) return;
    cr_assert_eq(a->reset, b->reset);
    equal_list(a->threshold, a->threshold_count, b->threshold, b->threshold_count);
    equal_list(a->v_init, a->v_init_count, b->v_init, b->v_init_count);
    equal_list(a->v_min, a->v_min_count, b->v_min, b->v_min_count);
}

static void equal_quantization(const struct snn_quantization *a, const struct snn_quantization *b)
{
    cr_assert_eq(a != NULL, b != NULL);
    if (a == NULL) return;
    cr_assert_arr_eq(&a->scale, &b->scale, sizeof(float));
    cr_assert_eq(a->zero_point, b->zero_point);
    equal_list(a->weight_scale, a->weight_scale_count, b->weight_scale, b->weight_scale_count);
}

static void equal_layers(const struct snn_layer *a, const struct snn_layer *b)
{
    cr_assert_str_eq(a->name, b->name);
    cr_assert_eq(a->kind, b->kind);
    cr_assert_eq(a->input_count, b->input_count);
    for (uint32_t i = 0; i < a->input_count; i++)
        cr_assert_eq(a->inputs[i], b->inputs[i]);
    cr_assert_arr_eq(&a->shape, &b->shape, sizeof(a->shape));
    cr_assert_arr_eq(&a->window, &b->window, sizeof(a->window));
    cr_assert_eq(a->groups, b->groups);
    cr_assert_eq(a->activation, b->activation);
    cr_assert_arr_eq(&a->clip, &b->clip, sizeof(a->clip));
    cr_assert_arr_eq(&a->slope, &b->slope, sizeof(a->slope));
    cr_assert_eq(a->pad_excluded, b->pad_excluded);
    equal_neurons(a->neurons, b->neurons);
    cr_assert_eq(a->weight_count, b->weight_count);
    cr_assert_eq(a->bias_count, b->bias_count);
    for (size_t i = 0; i < a->weight_count; i++) /* by their bits: -0 is not 0 here */
        cr_assert_arr_eq(&a->weights[i], &b->weights[i], sizeof(float), "%s: %zu", a->name, i);
    for (size_t i = 0; i < a->bias_count; i++)
        cr_assert_arr_eq(&a->bias[i], &b->bias[i], sizeof(float), "%s: %zu", a->name, i);
}

static void equal_statistics(const struct snn_graph *a, const struct snn_graph *b, uint32_t layer)
{
    const struct snn_statistics *x = snn_graph_statistics(a, layer);
    const struct snn_statistics *y = snn_graph_statistics(b, layer);
    size_t channels = snn_graph_layer(a, layer)->shape.channels;
    uint32_t count = 0;
    (void)snn_graph_quantiles(a, &count, NULL, NULL);
    cr_assert_eq(x != NULL, y != NULL);
    if (x == NULL) return;
    cr_assert_arr_eq(&x->minimum, &y->minimum, sizeof(float));
    cr_assert_arr_eq(x->quantile, y->quantile, count * sizeof(float));
    cr_assert_arr_eq(x->channel_quantile, y->channel_quantile, channels * count * sizeof(float));
}

static void equal_records(const struct snn_graph *a, const struct snn_graph *b)
{
    const struct snn_provenance *p = snn_graph_provenance(a), *q = snn_graph_provenance(b);
    const char *const strings[][2] = {
        {p->name, q->name},
        {p->tool, q->tool},
        {p->source_file, q->source_file},
        {p->source_sha256, q->source_sha256},
        {p->sample_images, q->sample_images},
        {p->sample_labels, q->sample_labels},
        {p->accuracy_data, q->accuracy_data},
    };
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
        cr_assert_str_eq(strings[i][0], strings[i][1]);
    cr_assert_eq(p->accuracy, q->accuracy);
    cr_assert_eq(p->accuracy_samples, q->accuracy_samples);
    const struct snn_preprocess *u = snn_graph_preprocess(a), *v = snn_graph_preprocess(b);
    cr_assert_eq(u->scale, v->scale);
    cr_assert_eq(u->channel_count, v->channel_count);
    cr_assert_arr_eq(u->mean, v->mean, u->channel_count * sizeof(double));
    cr_assert_arr_eq(u->std, v->std, u->channel_count * sizeof(double));
    uint32_t m = 0, n = 0;
    uint64_t f = 0, g = 0;
    const char *s = NULL, *t = NULL;
    const double *x = snn_graph_quantiles(a, &m, &f, &s), *y = snn_graph_quantiles(b, &n, &g, &t);
    cr_assert_eq(m, n);
    cr_assert_eq(f, g);
    cr_assert_str_eq(s, t);
    cr_assert_arr_eq(x, y, m * sizeof(double));
}

static void equal_recipes(const struct snn_graph *a, const struct snn_graph *b)
{
    cr_assert_eq(snn_graph_recipe_count(a), snn_graph_recipe_count(b));
    for (uint32_t i = 0; i < snn_graph_recipe_count(a); i++) {
        const struct snn_recipe *r = snn_graph_recipe(a, i), *q = snn_graph_recipe(b, i);
        cr_assert_str_eq(r->name, q->name);
        cr_assert_eq(r->kind, q->kind);
        cr_assert_eq(r->timesteps, q->timesteps);
        cr_assert_eq(r->norm == NULL, q->norm == NULL);
        if (r->norm != NULL) cr_assert_str_eq(r->norm, q->norm);
        cr_assert_eq(r->entry_count, q->entry_count);
        for (uint32_t k = 0; k < r->entry_count; k++) {
            cr_assert_eq(r->entries[k].layer, q->entries[k].layer);
            cr_assert_eq(r->entries[k].count, q->entries[k].count);
            cr_assert_arr_eq(r->entries[k].value, q->entries[k].value,
                             r->entries[k].count * sizeof(float));
        }
    }
}

Test(native, a_saved_graph_comes_back_to_the_bit)
{
    struct snn_context *context = support_context();
    struct snn_graph *graph = full_graph(), *back = NULL;
    cr_assert_eq(snn_graph_save(graph, context, support_path("a.json")), SNN_OK, "%s",
                 snn_context_message(context));
    cr_assert_eq(snn_graph_load(&back, context, support_path("a.json"), NULL), SNN_OK, "%s",
                 snn_context_message(context));
    cr_assert_eq(snn_graph_layer_count(back), snn_graph_layer_count(graph));
    cr_assert_eq(snn_graph_output(back), snn_graph_output(graph));
    for (uint32_t i = 0; i < snn_graph_layer_count(graph); i++) {
        equal_layers(snn_graph_layer(graph, i), snn_graph_layer(back, i));
        equal_statistics(graph, back, i);
        equal_quantization(snn_graph_quantization(graph, i), snn_graph_quantization(back, i));
    }
    equal_records(graph, back);
    equal_recipes(graph, back);
    cr_assert_str_empty(support_diagnostics());
    snn_graph_destroy(&graph);
    snn_graph_destroy(&back);
}

Test(native, saving_again_gives_the_same_bytes)
{
    struct snn_context *context = support_context();
    struct snn_graph *graph = full_graph(), *back = NULL;
    size_t sizes[2];
    cr_assert_eq(snn_graph_save(graph, context, support_path("a.json")), SNN_OK);
    cr_assert_eq(snn_graph_load(&back, context, support_path("a.json"), NULL), SNN_OK);
    cr_assert_eq(snn_graph_save(back, context, support_path("b.json")), SNN_OK);
    char *a = support_text("a.json", &sizes[0]), *b = support_text("b.json", &sizes[1]);
    cr_assert_str_eq(a, b);
    cr_assert_eq(a[sizes[0] - 1], '\n');
    free(a);
    free(b);
    snn_graph_destroy(&graph);
    snn_graph_destroy(&back);
}

/* Saves one dense layer with `rows` x 1,000 of these values; bytes of the file. */
static size_t save_values(float (*value)(uint32_t noise), uint32_t rows)
{
    size_t count = (size_t)rows * 1000;
    float *weights = malloc(count * sizeof(float));
    char *text = malloc(count * 8);
    cr_assert(weights != NULL && text != NULL);
    uint32_t noise = 1;
    for (size_t i = 0; i < count; i++) {
        noise = noise * 1664525 + 1013904223;
        weights[i] = value(noise);
    }
    struct snn_graph *graph = support_graph(1000, 1, 1), *back = NULL;
    const struct snn_layer layer = {.kind = SNN_LAYER_DENSE,
                                    .shape = {.channels = rows},
                                    .weights = weights,
                                    .weight_count = count};
    support_add(graph, layer);
    cr_assert_eq(snn_graph_save(graph, support_context(), support_path("big.json")), SNN_OK);
    cr_assert_eq(snn_graph_load(&back, support_context(), support_path("big.json"), NULL), SNN_OK,
                 "%s", snn_context_message(support_context()));
    cr_assert_arr_eq(snn_graph_layer(back, 1)->weights, weights, count * sizeof(float));
    size_t size = support_get("big.json", text, count * 8);
    snn_graph_destroy(&graph);
    snn_graph_destroy(&back);
    free(weights);
    free(text);
    return size;
}

/* 24 bits of noise: a mantissa that no packer makes shorter. */
static float trained(uint32_t noise)
{
    return (float)(noise >> 8) / (1 << 24) - 0.5f;
}

static float pruned(uint32_t noise)
{
    return noise >> 29 == 0 ? trained(noise * 8) : 0.0f;
}

/* 65 rows are 65,000 values and packed as well as can be; 66 and more are tried before. Base64
 * makes 4 characters of 3 bytes. */
Test(native, large_tensors_are_packed_where_that_gains)
{
    static const uint32_t rows[] = {65, 66, 300};
    for (size_t i = 0; i < 3; i++) {
        size_t plain = (size_t)rows[i] * 4000 / 3 * 4;
        size_t size = save_values(trained, rows[i]);
        if (rows[i] == 65)
            cr_assert_lt(size, plain * 19 / 20);
        else
            cr_assert(size > plain && size < plain + plain / 100, "%zu for %zu", size, plain);
        cr_assert_lt(save_values(pruned, rows[i]), plain / 3);
    }
}

Test(native, what_a_reader_assumes_anyway_is_left_out)
{
    struct snn_graph *graph = support_graph(1, 2, 3);
    cr_assert_eq(snn_graph_save(graph, support_context(), support_path("a.json")), SNN_OK);
    size_t size = 0;
    char *text = support_text("a.json", &size);
    cr_assert_str_eq(text, support_quoted("{\n"
                                          "  'format': 'snn.model/1',\n"
                                          "  'name': 'test',\n"
                                          "  'layers': [\n"
                                          "    {\n"
                                          "      'name': 'input',\n"
                                          "      'kind': 'input',\n"
                                          "      'shape': [1, 2, 3]\n"
                                          "    }\n"
                                          "  ],\n"
                                          "  'output': 'input'\n"
                                          "}\n"));
    free(text);
    snn_graph_destroy(&graph);
}

Test(native, a_sample_outside_the_folder_is_not_saved)
{
    static const char *const outside[] = {"/abs", "../up", "a/../b", "a/..", "..", "", "c:\\x"};
    struct snn_context *context = support_context();
    struct snn_graph *graph = support_graph(1, 1, 1);
    for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
        const struct snn_provenance provenance = {.accuracy = -1, .sample_images = outside[i]};
        cr_assert_eq(snn_graph_set_provenance(graph, context, &provenance), SNN_OK);
        cr_assert_eq(snn_graph_save(graph, context, support_path("a.json")), SNN_ERR_INVALID, "%s",
                     outside[i]);
    }
    snn_graph_destroy(&graph);
}

Test(native, neurons_are_written_for_people_to_read)
{
    static const float threshold[] = {1.5f}, v_min[] = {-FLT_MAX};
    const struct snn_neurons neurons = {
        .threshold = threshold, .threshold_count = 1, .v_min = v_min, .v_min_count = 1};
    struct snn_graph *graph = support_graph(1, 2, 3);
    support_add(graph, (struct snn_layer){.kind = SNN_LAYER_IF, .neurons = &neurons});
    const struct snn_quantization quantization = {0.25f, -3, 0, NULL};
    cr_assert_eq(snn_graph_set_quantization(graph, support_context(), 1, &quantization), SNN_OK);
    cr_assert_eq(snn_graph_save(graph, support_context(), support_path("a.json")), SNN_OK);
    size_t size = 0;
    char *text = support_text("a.json", &size);
    const char *expected =
        support_quoted("    {\n"
                       "      'name': 'layer1',\n"
                       "      'kind': 'if',\n"
                       "      'inputs': ['input'],\n"
                       "      'threshold': 1.5,\n"
                       "      'v_min': 'none',\n"
                       "      'reset': 'subtract',\n"
                       "      'quantization': {'scale': 0.25, 'zero_point': -3}\n"
                       "    }\n");
    cr_assert_not_null(strstr(text, expected), "%s", text);
    free(text);
    snn_graph_destroy(&graph);
}

/* ---- Reading ---- */

#define ONE "{'dtype':'f32','shape':[1,1,1,1],'data':'eNpjYGiwBwABQwDA'}" /* the value 1 */

Test(native, members_left_out_take_their_defaults)
{
    struct snn_graph *graph =
        parse("{'format':'snn.model/1','name':'n','output':'pool','layers':["
              "{'name':'input','kind':'input','shape':[1,4,6]},"
              "{'name':'conv','kind':'conv2d','inputs':['input'],'weights':" ONE "},"
              "{'name':'pool','kind':'max_pool2d','inputs':['conv'],'kernel':[2,3]}]}");
    const struct snn_layer *conv = snn_graph_layer(graph, 1), *pool = snn_graph_layer(graph, 2);
    const struct snn_window conv_window = {.kernel_h = 1,
                                           .kernel_w = 1,
                                           .stride_h = 1,
                                           .stride_w = 1,
                                           .dilation_h = 1,
                                           .dilation_w = 1};
    const struct snn_window pool_window = {.kernel_h = 2,
                                           .kernel_w = 3,
                                           .stride_h = 2,
                                           .stride_w = 3,
                                           .dilation_h = 1,
                                           .dilation_w = 1};
    cr_assert_arr_eq(&conv->window, &conv_window, sizeof(conv_window));
    cr_assert_eq(conv->groups, 1);
    cr_assert_eq(conv->activation, SNN_ACTIVATION_NONE);
    cr_assert_null(conv->bias);
    cr_assert_arr_eq(&pool->window, &pool_window, sizeof(pool_window));
    cr_assert_null(snn_graph_provenance(graph)->tool);
    cr_assert_null(snn_graph_provenance(graph)->sample_images);
    cr_assert_lt(snn_graph_provenance(graph)->accuracy, 0.0);
    cr_assert_eq(snn_graph_preprocess(graph)->scale, 1.0 / 255.0);
    snn_graph_destroy(&graph);
}

/* The vector of docs/formats/model.md. */
Test(native, the_formats_test_vector_is_read)
{
    struct snn_graph *graph =
        parse("{'format':'snn.model/1','name':'n','output':'d','layers':["
              "{'name':'i','kind':'input','shape':[2,1,1]},"
              "{'name':'d','kind':'dense','inputs':['i'],'weights':"
              "{'dtype':'f32','shape':[2,2],'data':'eNpjYGiwZ2Bg2M8AAQ4AEToBvw=='}}]}");
    const float expected[] = {1, -0.5f, 0, 2};
    cr_assert_arr_eq(snn_graph_layer(graph, 1)->weights, expected, sizeof(expected));
    snn_graph_destroy(&graph);
}

Test(native, tensors_are_read_from_a_file_beside_the_model)
{
    static const char model[] =
        "{'format':'snn.model/1','name':'n','output':'d','layers':["
        "{'name':'i','kind':'input','shape':[2,1,1]},"
        "{'name':'d','kind':'dense','inputs':['i'],'weights':"
        "{'dtype':'f32','shape':[2,2],'file':'weights.bin','offset':3,'sha256':"
        "'696594a0c0e77794d0b30289435442cdb28bef967fef2e33c9560ba86ab255a0'}}]}";
    static const unsigned char bytes[] = {9,    9, 9, 0, 0, 0x80, 0x3F, 0, 0,    0,
                                          0xBF, 0, 0, 0, 0, 0,    0,    0, 0x40, 9};
    const float expected[] = {1, -0.5f, 0, 2};
    struct snn_graph *graph = NULL;
    support_put("weights.bin", bytes, sizeof(bytes));
    support_put("a.json", support_quoted(model), strlen(model));
    cr_assert_eq(snn_graph_load(&graph, support_context(), support_path("a.json"), NULL), SNN_OK,
                 "%s", snn_context_message(support_context()));
    cr_assert_arr_eq(snn_graph_layer(graph, 1)->weights, expected, sizeof(expected));
    snn_graph_destroy(&graph);
}

Test(native, the_file_s_hash_is_told)
{
    char hex[65] = "";
    struct snn_graph *graph = NULL;
    static const char model[] = "{'format':'snn.model/1','name':'n','output':'i','layers':["
                                "{'name':'i','kind':'input','shape':[2,1,1]}]}";
    support_put("a.json", support_quoted(model), strlen(model));
    cr_assert_eq(snn_graph_load(&graph, support_context(), support_path("a.json"), hex), SNN_OK);
    /* printf of the text above with double quotes, to sha256sum */
    cr_assert_str_eq(hex, "6412cdef23cef5199a357be4fc5275b33d2e49b4dcc852f32510f33733091d04");
    snn_graph_destroy(&graph);
}

Test(native, an_unknown_member_of_the_document_is_a_warning)
{
    struct snn_graph *graph =
        parse("{'format':'snn.model/1','name':'n','output':'i','comment':'mine','layers':["
              "{'name':'i','kind':'input','shape':[2,1,1]}]}");
    cr_assert_str_eq(support_diagnostics(), "warning: unknown member 'comment' is ignored\n");
    snn_graph_destroy(&graph);
}

/* ---- Memory ---- */

static int load_and_save(struct snn_context *context)
{
    struct snn_graph *graph = NULL;
    int status = snn_graph_load(&graph, context, support_path("a.json"), NULL);
    cr_assert_eq(graph != NULL, status == SNN_OK);
    if (status == SNN_OK) status = snn_graph_save(graph, context, support_path("b.json"));
    snn_graph_destroy(&graph);
    return status;
}

Test(native, running_out_of_memory_leaks_nothing)
{
    struct snn_graph *graph = full_graph();
    cr_assert_eq(snn_graph_save(graph, support_context(), support_path("a.json")), SNN_OK);
    snn_graph_destroy(&graph);
    support_sweep(load_and_save);
}
