/* Any model file into a graph: bytes -> the reader that is surest of them -> program as read ->
 * copy -> passes -> graph.
 *
 * Invariant: the program as read is never edited, so that verification can hold the graph against
 * it. No format is known here by name but the native one, which needs no passes.
 */
#include "convert/import.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "convert/emit.h"
#include "convert/pass/pass.h"
#include "convert/read/model.h"
#include "convert/weights.h"
#include "libsnn/base/control.h"
#include "libsnn/base/error.h"
#include "libsnn/base/file.h"
#include "libsnn/base/memory.h"
#include "libsnn/base/number.h"
#include "libsnn/model/stranger.h"

enum {
    TEXT_SIZE = 1024,
    SURE_ENOUGH = 50 /* of a reader of weights: any zip archive might hold some */
};

static const double default_mean = 0.0, default_std = 1.0;

void snn_import_options_init(struct snn_import_options *options)
{
    *options = (struct snn_import_options){.nir_reset = SNN_RESET_SUBTRACT};
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* ---- Which reader ---- */

static const struct snnconv_model_reader *choose_reader(const struct snnbase_buffer *bytes)
{
    const struct snnconv_model_reader *best = NULL;
    int best_score = 0;
    for (size_t i = 0; snn_model_reader_table[i] != NULL; i++) {
        int score = snn_model_reader_table[i]->probe(bytes->data, bytes->size);
        if (score <= best_score) continue;
        best = snn_model_reader_table[i];
        best_score = score;
    }
    return best;
}

static int fail_unknown(struct snn_context *context, const struct snnbase_buffer *bytes,
                        const char *path)
{
    char text[TEXT_SIZE] = "accepted are native JSON";
    const struct snnconv_reader *weights =
        snnconv_weights_reader(bytes->data, bytes->size, SURE_ENOUGH);
    if (weights != NULL) {
        snnbase_fail(context, SNN_ERR_FORMAT, "%s: %s holds weights, but not the net", path,
                     weights->kind);
        return snnbase_hint(context,
                            "weights need a topology: snnconvert WEIGHTS --arch TOPOLOGY.json");
    }
    for (size_t i = 0; snn_model_reader_table[i] != NULL; i++) {
        size_t used = strlen(text);
        (void)snprintf(text + used, sizeof(text) - used, ", %s",
                       snn_model_reader_table[i]->summary);
    }
    const char *name = bytes->size == 0 ? "an empty file" : NULL, *hint = NULL;
    snnmodel_stranger_find(bytes->data, bytes->size, &name, &hint);
    snnbase_fail(context, SNN_ERR_FORMAT, "%s: not a model file that is known%s%s", path,
                 name != NULL ? ": it looks like " : "", name != NULL ? name : "");
    if (hint != NULL) return snnbase_hint(context, "%s", hint);
    return snnbase_hint(context, "%s", text);
}

/* ---- Preprocessing ---- */

/* Keeps a copy of what stands between intensities and the program's input. */
static int keep_preprocess(struct snn_import *import, struct snn_context *context,
                           const struct snn_preprocess *given)
{
    const struct snn_preprocess defaults = {1.0 / 255.0, 1, &default_mean, &default_std};
    const struct snn_preprocess *from = given != NULL ? given : &defaults;
    uint32_t count = from->channel_count;
    import->preprocess_values = snnbase_alloc(context, count, 2 * sizeof(double));
    if (import->preprocess_values == NULL) return SNN_ERR_NOMEM;
    memcpy(import->preprocess_values, from->mean, count * sizeof(double));
    memcpy(import->preprocess_values + count, from->std, count * sizeof(double));
    import->preprocess = (struct snn_preprocess){from->scale, count, import->preprocess_values,
                                                 import->preprocess_values + count};
    return SNN_OK;
}

/* ",mean=0.485:0.456:0.406", one number where all channels have the same. */
static size_t put_channels(const char *key, const double *values, uint32_t count, char *text,
                           size_t size)
{
    char number[SNNBASE_NUMBER_SIZE];
    bool alike = true;
    for (uint32_t c = 1; c < count; c++)
        alike = alike && memcmp(&values[c], &values[0], sizeof(*values)) == 0;
    int used = snprintf(text, size, ",%s=", key);
    for (uint32_t c = 0; c < (alike ? 1 : count) && (size_t)used < size; c++) {
        snnbase_number_format(values[c], number);
        used += snprintf(text + used, size - (size_t)used, "%s%s", c > 0 ? ":" : "", number);
    }
    return (size_t)used < size ? (size_t)used : size - 1;
}

/* As it is written behind --preprocess; the same values give the same text. */
static void put_preprocess(const struct snn_preprocess *p, char *text, size_t size)
{
    char number[SNNBASE_NUMBER_SIZE];
    const double divisor = round(1.0 / p->scale);
    const double inverse = 1.0 / divisor;
    const bool fraction = divisor > 1.0 && memcmp(&inverse, &p->scale, sizeof(inverse)) == 0;
    snnbase_number_format(fraction ? divisor : p->scale, number);
    size_t used = (size_t)snprintf(text, size, "scale=%s%s", fraction ? "1/" : "", number);
    used += put_channels("mean", p->mean, p->channel_count, text + used, size - used);
    (void)put_channels("std", p->std, p->channel_count, text + used, size - used);
}

static bool is_calibrated(const struct snn_graph *graph)
{
    uint32_t quantiles = 0;
    (void)snn_graph_quantiles(graph, &quantiles, NULL, NULL);
    return quantiles > 0 || snn_graph_recipe_count(graph) > 0;
}

/* A native model records all that stands before its first layer, and what is given takes its place;
 * with any other file it stands before the scaling that is found in the net. */
static int replace_preprocess(struct snn_graph *graph, struct snn_context *context,
                              const struct snn_preprocess *given)
{
    char before[TEXT_SIZE], after[TEXT_SIZE], plain[TEXT_SIZE];
    const struct snn_preprocess defaults = {1.0 / 255.0, 1, &default_mean, &default_std};
    const bool calibrated = is_calibrated(graph);
    put_preprocess(&defaults, plain, sizeof(plain));
    put_preprocess(snn_graph_preprocess(graph), before, sizeof(before));
    int status = snn_graph_set_preprocess(graph, context, given);
    if (status != SNN_OK) return status;
    put_preprocess(snn_graph_preprocess(graph), after, sizeof(after));
    if (strcmp(before, plain) != 0 && strcmp(before, after) != 0)
        snnbase_diagnose(context, SNN_SEVERITY_WARNING, NULL, NULL,
                         "--preprocess replaces the model's %s", before);
    if (calibrated && !is_calibrated(graph))
        snnbase_diagnose(context, SNN_SEVERITY_WARNING, NULL, "--calibrate FRAMES takes new ones",
                         "statistics were dropped: they were taken with another preprocessing");
    return SNN_OK;
}

/* ---- Reading ---- */

/* A model is called as its file is, without what follows the last dot: what frameworks write as a
 * name ("torch-jit-export", "sequential", "main") tells nobody which net it is. */
static int name_program(struct snnconv_program *program, struct snn_context *context,
                        const char *path)
{
    char *name = snnbase_arena_string(&program->arena, context, base_name(path));
    if (name == NULL) return SNN_ERR_NOMEM;
    char *dot = strrchr(name, '.');
    if (dot != NULL && dot > name) *dot = '\0';
    program->name = name;
    program->path = snnbase_arena_string(&program->arena, context, path);
    return program->path != NULL ? SNN_OK : SNN_ERR_NOMEM;
}

static int sign(struct snn_import *import, struct snn_context *context, const char *path)
{
    struct snn_provenance provenance = *snn_graph_provenance(import->graph);
    provenance.source_file = base_name(path);
    provenance.source_sha256 = import->sha256;
    return snn_graph_set_provenance(import->graph, context, &provenance);
}

/* Program to graph: a copy of what was read goes through the passes. */
static int make_graph(struct snn_import *import, struct snn_context *context, const char *path,
                      const struct snn_import_options *options)
{
    struct snnconv_pass_state state = {.options = options};
    int status = snnconv_program_copy(&import->passed, context, &import->source);
    if (status == SNN_OK) status = snnconv_passes_run(&import->passed, context, &state, options);
    if (status == SNN_OK)
        status =
            snnconv_emit(&import->graph, context, &import->passed, &state, &import->layer_values);
    import->input_value = state.input;
    if (status == SNN_OK) {
        import->layer_count = snn_graph_layer_count(import->graph);
        status = sign(import, context, path);
    }
    return status;
}

/* What the file calls its format reaches terminals: its control characters do not. */
static int take_format(struct snn_import *import, struct snn_context *context, const char *summary)
{
    const char *given = import->source.format != NULL ? import->source.format : summary;
    char *format = snnbase_arena_string(&import->source.arena, context, given);
    if (format == NULL) return SNN_ERR_NOMEM;
    snnbase_control_hide(format);
    import->format = format;
    return SNN_OK;
}

static int read_foreign(struct snn_import *import, struct snn_context *context, const char *path,
                        const struct snn_import_options *options)
{
    const struct snnconv_model_reader *reader = choose_reader(&import->bytes);
    if (reader == NULL) return fail_unknown(context, &import->bytes, path);
    if (reader->missing != NULL) {
        snnbase_fail(context, SNN_ERR_UNSUPPORTED, "%s: this build cannot read %s", path,
                     reader->summary);
        return snnbase_hint(context, "install %s and build again", reader->missing);
    }
    const struct snnconv_file file = {path, import->bytes.data, import->bytes.size};
    import->has_programs = true;
    snnconv_program_init(&import->source, context);
    snnconv_program_init(&import->passed, context);
    snnbase_sha256_hex(file.bytes, file.size, import->sha256);
    int status = keep_preprocess(import, context, options->preprocess);
    if (status == SNN_OK) status = reader->read(&import->source, context, &file, options);
    if (status == SNN_OK && import->source.apart) snnbase_buffer_fini(context, &import->bytes);
    if (status == SNN_OK) status = name_program(&import->source, context, path);
    if (status == SNN_OK) {
        status = take_format(import, context, reader->summary);
        if (status == SNN_OK) status = snnconv_program_sort(&import->source, context);
        if (status == SNN_OK) status = make_graph(import, context, path, options);
        if (status != SNN_OK) status = snnbase_where(context, "%s", path);
    }
    return status;
}

static int read_weights(struct snn_import *import, struct snn_context *context, const char *path,
                        const char *arch)
{
    const struct snnconv_file file = {path, import->bytes.data, import->bytes.size};
    snnbase_sha256_hex(file.bytes, file.size, import->sha256);
    int status = snnconv_weights_load(&import->graph, context, arch, &file, &import->format);
    snnbase_buffer_fini(context, &import->bytes);
    return status;
}

static int read_any(struct snn_import *import, struct snn_context *context, const char *path,
                    const struct snn_import_options *options)
{
    int status = snnbase_file_read(context, path, &import->bytes);
    if (status != SNN_OK) return status;
    if (options->arch == NULL && !snnmodel_stranger_is_json(import->bytes.data, import->bytes.size))
        return read_foreign(import, context, path, options);
    if (options->arch != NULL) {
        status = read_weights(import, context, path, options->arch);
    } else {
        snnbase_buffer_fini(context, &import->bytes);
        import->format = "native";
        status = snn_graph_load(&import->graph, context, path, import->sha256);
    }
    if (status == SNN_OK && options->preprocess != NULL)
        status = replace_preprocess(import->graph, context, options->preprocess);
    return status;
}

int snn_import_open(struct snn_import **out, struct snn_context *context, const char *path,
                    const struct snn_import_options *options)
{
    struct snn_import_options defaults;
    snn_import_options_init(&defaults);
    struct snn_import *import = snnbase_alloc(context, 1, sizeof(*import));
    if (import == NULL) return SNN_ERR_NOMEM;
    import->allocator = *snnbase_allocator(context);
    int status = read_any(import, context, path, options != NULL ? options : &defaults);
    if (status == SNN_OK)
        *out = import;
    else
        snn_import_close(&import);
    return status;
}

void snn_import_close(struct snn_import **import)
{
    if (import == NULL || *import == NULL) return;
    struct snn_import *i = *import;
    snn_graph_destroy(&i->graph);
    if (i->has_programs) {
        snnconv_program_fini(&i->passed);
        snnconv_program_fini(&i->source);
    }
    snnbase_allocator_free(&i->allocator, i->layer_values);
    snnbase_allocator_free(&i->allocator, i->preprocess_values);
    snnbase_allocator_free(&i->allocator, i->bytes.data);
    struct snn_allocator allocator = i->allocator;
    snnbase_allocator_free(&allocator, i);
    *import = NULL;
}

struct snn_graph *snn_import_graph(const struct snn_import *import)
{
    return import->graph;
}

struct snn_graph *snn_import_take_graph(struct snn_import *import)
{
    struct snn_graph *graph = import->graph;
    import->graph = NULL;
    return graph;
}

const char *snn_import_format(const struct snn_import *import)
{
    return import->format;
}

const char *snn_import_sha256(const struct snn_import *import)
{
    return import->sha256;
}

int snn_graph_import(struct snn_graph **out, struct snn_context *context, const char *path,
                     const struct snn_import_options *options, char *sha256_hex_out)
{
    struct snn_import *import = NULL;
    int status = snn_import_open(&import, context, path, options);
    if (status != SNN_OK) return status;
    if (sha256_hex_out != NULL) memcpy(sha256_hex_out, import->sha256, sizeof(import->sha256));
    *out = snn_import_take_graph(import);
    snn_import_close(&import);
    return SNN_OK;
}
