/* Importing as callers see it: what opens, what does not and why, and the description of a model.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "snn/convert.h"
#include "snn/run.h"
#include "snn/status.h"
#include "tests/unit/convert/onnx_file.h"
#include "tests/unit/convert/support.h"

TestSuite(import, .init = support_begin, .fini = support_end);
TestSuite(info, .init = support_begin, .fini = support_end);

/* input 1x2x2 -> dense of 3. */
static struct snn_graph *make_graph(struct snn_context *context)
{
    static const float weights[12] = {1.0f, 0.0f, 0.0f, 0.0f, 0.0f, 1.0f,
                                      0.0f, 0.0f, 0.0f, 0.0f, 1.0f, 0.0f};
    struct snn_graph *graph = support_graph(context, 1, 2, 2);
    support_add(graph, context,
                (struct snn_layer){.name = "y",
                                   .kind = SNN_LAYER_DENSE,
                                   .shape = {3, 1, 1},
                                   .weights = weights,
                                   .weight_count = 12});
    return graph;
}

static void put_model(void)
{
    struct snn_graph *graph = make_graph(support_context());
    cr_assert_eq(snn_graph_save(graph, support_context(), support_path("net.json")), SNN_OK);
    snn_graph_destroy(&graph);
}

static void assert_refused(const char *path, int status, const char *message, const char *hint)
{
    struct snn_context *context = support_context();
    struct snn_import *import = NULL;
    cr_assert_eq(snn_import_open(&import, context, path, NULL), status, "%s",
                 snn_context_message(context));
    cr_assert_not_null(strstr(snn_context_message(context), message), "%s",
                       snn_context_message(context));
    cr_assert_not_null(strstr(snn_context_hint(context), hint), "%s", snn_context_hint(context));
    cr_assert_null(import);
}

Test(import, what_does_not_open_says_why)
{
    assert_refused(support_path("gone"), SNN_ERR_NOT_FOUND, "gone", "");
    assert_refused(support_put("empty", "", 0), SNN_ERR_FORMAT, "empty file", "");
    assert_refused(support_put("text", "hello", 5), SNN_ERR_FORMAT, "not a model file", "NIR");
    assert_refused(support_put("blank", " \0{", 3), SNN_ERR_FORMAT, "not a model file", "NIR");
    /* safetensors of no tensor: the header's length, then the header. */
    assert_refused(support_put("w", "\x02\0\0\0\0\0\0\0{}", 10), SNN_ERR_FORMAT, "not the net",
                   "--arch");
}

/* Input of four, a Sigmoid in the middle of a net, and a matrix with a NAN. */
static const char *put_refused(void)
{
    static struct onnx_message graph, model;
    const float weights[4] = {NAN};
    onnx_add_input(&graph, "x", (const int64_t[]){1, 4}, 2);
    onnx_add_floats(&graph, "w", (const int64_t[]){4, 1}, 2, weights);
    onnx_add_simple(&graph, "Sigmoid", "x", "s");
    onnx_add_simple(&graph, "MatMul", "x w", "m");
    onnx_add_simple(&graph, "Add", "s m", "y");
    onnx_add_output(&graph, "y");
    onnx_model(&model, &graph, 13);
    return support_put("refused.onnx", model.bytes, model.size);
}

struct findings {
    const char *path;
    uint32_t with_path, all;
};

static void count_finding(const struct snn_diagnostic *diagnostic, void *user)
{
    struct findings *findings = user;
    size_t length = strlen(findings->path);
    if (diagnostic->severity != SNN_SEVERITY_ERROR) return;
    findings->all++;
    findings->with_path += strncmp(diagnostic->where, findings->path, length) == 0 &&
                           strncmp(diagnostic->where + length, ": byte ", 7) == 0;
}

Test(import, what_is_found_behind_the_reader_names_the_file_once)
{
    struct findings findings = {.path = put_refused()};
    const struct snn_context_options options = {.diagnostic = count_finding,
                                                .diagnostic_user = &findings};
    struct snn_context *context = NULL;
    struct snn_graph *graph = NULL;
    cr_assert_eq(snn_context_create(&context, &options), SNN_OK);
    cr_assert_eq(snn_graph_import(&graph, context, findings.path, NULL, NULL), SNN_ERR_UNSUPPORTED);
    cr_assert_eq(findings.all, 2u, "%u findings", findings.all);
    cr_assert_eq(findings.with_path, 2u, "%u name the file", findings.with_path);
    const char *message = snn_context_message(context);
    const char *first = strstr(message, findings.path);
    cr_assert_eq(first, message, "%s", message);
    cr_assert_null(strstr(first + 1, findings.path), "%s", message);
    snn_context_destroy(&context);
}

Test(import, a_graph_is_taken_once)
{
    struct snn_import *import = NULL;
    put_model();
    cr_assert_eq(snn_import_open(&import, support_context(), support_path("net.json"), NULL),
                 SNN_OK);
    cr_assert_str_eq(snn_import_format(import), "native");
    cr_assert_eq(strlen(snn_import_sha256(import)), 64u);
    struct snn_graph *graph = snn_import_take_graph(import);
    cr_assert_not_null(graph);
    cr_assert_null(snn_import_graph(import));
    cr_assert_null(snn_import_take_graph(import));
    snn_import_close(&import);
    snn_import_close(&import);
    snn_import_close(NULL);
    cr_assert_str_eq(snn_graph_layer(graph, 1)->name, "y");
    snn_graph_destroy(&graph);
}

Test(import, preprocessing_that_fits_no_input_is_refused)
{
    const double values[3] = {0.5, 0.5, 0.5};
    const struct snn_preprocess three = {1.0 / 255.0, 3, values, values};
    struct snn_import_options options;
    struct snn_import *import = NULL;
    put_model();
    snn_import_options_init(&options);
    options.preprocess = &three;
    cr_assert_eq(snn_import_open(&import, support_context(), support_path("net.json"), &options),
                 SNN_ERR_INVALID);
    cr_assert_null(import);
}

static int import_once(struct snn_context *context)
{
    struct snn_graph *graph = NULL;
    char sha256[65];
    int status = snn_graph_import(&graph, context, support_path("net.json"), NULL, sha256);
    snn_graph_destroy(&graph);
    return status;
}

Test(import, memory_may_run_out_anywhere)
{
    put_model();
    support_sweep(import_once);
}

Test(import, rows_end_with_the_last)
{
    struct snn_supported row;
    uint32_t count = 0;
    while (snn_supported_row(count, &row)) {
        cr_assert(row.format != NULL && row.operator_name != NULL && row.becomes != NULL);
        count++;
    }
    cr_assert_gt(count, 0u);
    cr_assert_not(snn_supported_row(UINT32_MAX, &row));
}

/* ---- Description ---- */

static int format_once(struct snn_context *context, struct snn_graph *graph)
{
    const char *const fates[] = {"input", "3 neurons"};
    const struct snn_verify_layer layers[] = {{.name = "input", .pearson = (double)NAN},
                                              {.name = "y",
                                               .compared = true,
                                               .deviation = (double)INFINITY,
                                               .deviates = true,
                                               .magnitude = 2.0,
                                               .pearson = 0.5}};
    const struct snn_verification verification = {.frame_count = 4,
                                                  .layers = layers,
                                                  .layer_count = 2,
                                                  .first_deviating = 1,
                                                  .output_deviation = (double)INFINITY,
                                                  .equal_decisions = 3,
                                                  .compared = true};
    const struct snn_info info = {.tool = "test",
                                  .file = "net \"quoted\"",
                                  .graph = graph,
                                  .spiking = fates,
                                  .verification = &verification};
    char *text = NULL;
    int status = snn_info_format(&text, context, &info);
    if (status != SNN_OK) {
        cr_assert_null(text);
        return status;
    }
    const char *const parts[] = {"\"schema\": \"snn.info/1\"", "\"file\": \"net \\\"quoted\\\"\"",
                                 "\"format\": null",           "\"spiking\": \"3 neurons\"",
                                 "\"first_deviating\": \"y\"", "\"output_deviation\": null",
                                 "\"deviates\": true",         "\"pearson\": 0.5"};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        cr_assert_not_null(strstr(text, parts[i]), "%s is not in %s", parts[i], text);
    cr_assert_null(strstr(text, "\"frame\""), "no fates of frame-based targets were given");
    snn_text_free(context, &text);
    return SNN_OK;
}

Test(info, a_description_has_what_was_given_or_memory_runs_out)
{
    support_sweep_graph(make_graph, format_once);
}

Test(info, a_description_without_place_is_an_error)
{
    struct snn_graph *graph = make_graph(support_context());
    const struct snn_info info = {.graph = graph};
    cr_assert_eq(snn_info_save(support_context(), &info, support_path("no/such.json")),
                 SNN_ERR_NOT_FOUND);
    snn_graph_destroy(&graph);
}
