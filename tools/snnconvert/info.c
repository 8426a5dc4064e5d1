/* What is in a model: for people as a table, for programs as JSON; and what the front end reads.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli/table.h"
#include "tools/snnconvert/session.h"

static void add_layer_row(struct snncli_table *table, const struct snnconvert_session *s,
                          uint32_t index)
{
    const struct snn_graph *graph = s->graph;
    const struct snn_layer *layer = snn_graph_layer(graph, index);
    const char *kind = snn_layer_kind_name(layer->kind);
    const char *activation = snn_activation_name(layer->activation);
    size_t parameters = layer->weight_count + layer->bias_count;
    snncli_table_cell(table, "%s", layer->name);
    snncli_table_cell(table, "%s", kind);
    snncli_table_cell(table, "%s", layer->activation == SNN_ACTIVATION_NONE ? "" : activation);
    snncli_table_cell(table, "%ux%ux%u", layer->shape.channels, layer->shape.height,
                      layer->shape.width);
    snncli_table_cell(table, "%s", parameters > 0 ? snncli_format_count(parameters).text : "");
    uint64_t macs = snn_graph_layer_macs(graph, index);
    snncli_table_cell(table, "%s", macs > 0 ? snncli_format_count(macs).text : "");
    snncli_table_cell(table, "%s", s->fates[index].spiking);
    snncli_table_cell(table, "%s", s->fates[index].frame);
}

static int print_layers(const struct snnconvert_session *s)
{
    static const struct snncli_column columns[] = {
        {"layer", SNNCLI_LEFT},   {"kind", SNNCLI_LEFT},        {"activation", SNNCLI_LEFT},
        {"output", SNNCLI_LEFT},  {"parameters", SNNCLI_RIGHT}, {"MACs", SNNCLI_RIGHT},
        {"spiking", SNNCLI_LEFT}, {"frame", SNNCLI_LEFT},       {NULL, SNNCLI_LEFT}};
    struct snncli_table table;
    uint64_t macs = 0;
    snncli_table_init(&table, columns);
    for (uint32_t i = 0; i < snn_graph_layer_count(s->graph); i++) {
        add_layer_row(&table, s, i);
        macs += snn_graph_layer_macs(s->graph, i);
    }
    snncli_table_rule(&table);
    snncli_table_cell(&table, "total");
    for (int blank = 0; blank < 3; blank++)
        snncli_table_cell(&table, "%s", "");
    snncli_table_cell(&table, "%s", snncli_format_count(snn_graph_parameter_count(s->graph)).text);
    snncli_table_cell(&table, "%s", snncli_format_count(macs).text);
    for (int blank = 0; blank < 2; blank++)
        snncli_table_cell(&table, "%s", "");
    int status = snncli_table_print(&table, stdout, s->console.utf8, s->console.out_color);
    snncli_table_fini(&table);
    return status == SNN_OK ? SNNCLI_EXIT_OK : SNNCLI_EXIT_NO_MEMORY;
}

static void print_list(const char *name, const double *values, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        printf("%s%.6g", i == 0 ? name : ":", values[i]);
}

/* As --preprocess takes it. */
static void print_preprocess(const struct snn_preprocess *preprocess)
{
    printf("preprocess   scale=%.6g", preprocess->scale);
    print_list(",mean=", preprocess->mean, preprocess->channel_count);
    print_list(",std=", preprocess->std, preprocess->channel_count);
    printf("\n");
}

static void print_origin(const struct snnconvert_session *s)
{
    const struct snn_provenance *from = snn_graph_provenance(s->graph);
    const struct snn_shape input = snn_graph_input_shape(s->graph);
    printf("name         %s\n", from->name);
    printf("format       %s\n", snn_import_format(s->import));
    if (from->tool != NULL) printf("written by   %s\n", from->tool);
    if (from->source_file != NULL) printf("source       %s\n", from->source_file);
    if (from->accuracy >= 0.0)
        printf("accuracy     %s on %s (%llu samples)\n", snncli_format_percent(from->accuracy).text,
               from->accuracy_data != NULL ? from->accuracy_data : "unnamed data",
               (unsigned long long)from->accuracy_samples);
    if (from->sample_images != NULL) printf("sample       %s\n", from->sample_images);
    printf("input        %ux%ux%u\n", input.channels, input.height, input.width);
    print_preprocess(snn_graph_preprocess(s->graph));
    printf("output       %s\n", snn_graph_layer(s->graph, snn_graph_output(s->graph))->name);
}

static void print_calibration(const struct snnconvert_session *s)
{
    uint32_t count = 0;
    uint64_t frames = 0;
    const char *data = NULL;
    (void)snn_graph_quantiles(s->graph, &count, &frames, &data);
    if (count == 0)
        printf("calibration  none\n");
    else
        printf("calibration  %u quantiles from %llu frames of %s\n", count,
               (unsigned long long)frames, data != NULL ? data : "unnamed data");
    for (uint32_t i = 0; i < snn_graph_recipe_count(s->graph); i++)
        printf("%s%s", i == 0 ? "recipes      " : ", ", snn_graph_recipe(s->graph, i)->name);
    if (snn_graph_recipe_count(s->graph) > 0) printf("\n");
}

int snnconvert_print_info(struct snnconvert_session *s)
{
    int status = snnconvert_find_fates(s);
    if (status != SNNCLI_EXIT_OK) return status;
    print_origin(s);
    print_calibration(s);
    printf("\n");
    return print_layers(s);
}

static int save_json(struct snnconvert_session *s, const struct snn_info *info)
{
    char *text = NULL;
    if (strcmp(s->options.json, "-") != 0) return snn_info_save(s->context, info, s->options.json);
    int status = snn_info_format(&text, s->context, info);
    if (status == SNN_OK) (void)fputs(text, stdout);
    snn_text_free(s->context, &text);
    return status;
}

int snnconvert_write_json(struct snnconvert_session *s)
{
    uint32_t count = snn_graph_layer_count(s->graph);
    size_t before = s->console.error_count;
    int status = snnconvert_find_fates(s);
    if (status != SNNCLI_EXIT_OK) return status;
    const char **texts = calloc(count, 2 * sizeof(*texts));
    if (texts == NULL)
        return snncli_fail(&s->console, SNNCLI_EXIT_NO_MEMORY, NULL, "%s",
                           snn_status_text(SNN_ERR_NOMEM));
    for (uint32_t i = 0; i < count; i++) {
        texts[i] = s->fates[i].spiking;
        texts[count + i] = s->fates[i].frame;
    }
    const char *slash = strrchr(s->options.model, '/');
    const struct snn_info info = {
        .tool = snnconvert_tool.name,
        .file = slash != NULL ? slash + 1 : s->options.model,
        .format = snn_import_format(s->import),
        .sha256 = snn_import_sha256(s->import),
        .graph = s->graph,
        .spiking = texts,
        .frame = texts + count,
        .verification = s->verification,
    };
    status = save_json(s, &info);
    free(texts);
    return status == SNN_OK ? SNNCLI_EXIT_OK : snnconvert_fail_output(s, before);
}

int snnconvert_print_supported(struct snnconvert_session *s)
{
    static const struct snncli_column columns[] = {{"format", SNNCLI_LEFT},
                                                   {"operator", SNNCLI_LEFT},
                                                   {"becomes", SNNCLI_LEFT},
                                                   {NULL, SNNCLI_LEFT}};
    struct snncli_table table;
    snncli_table_init(&table, columns);
    struct snn_supported row;
    for (uint32_t i = 0; snn_supported_row(i, &row); i++) {
        snncli_table_cell(&table, "%s", row.format);
        snncli_table_cell(&table, "%s", row.operator_name);
        snncli_table_cell(&table, "%s", row.becomes);
    }
    int status = snncli_table_print(&table, stdout, s->console.utf8, s->console.out_color);
    snncli_table_fini(&table);
    return status == SNN_OK ? SNNCLI_EXIT_OK : SNNCLI_EXIT_NO_MEMORY;
}
