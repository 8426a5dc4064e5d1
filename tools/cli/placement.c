/* The report of a placement but for its pictures (placement_cores.c): verdict, layers, what the
 * quantiser did, remedies, findings. See placement.h.
 */
#include "tools/cli/placement.h"

#include <stdio.h>
#include <string.h>

#include "snn/status.h"
#include "tools/cli/placement_parts.h"
#include "tools/cli/table.h"

#define GOOD "\033[1;32m"
#define BAD "\033[1;31m"
#define BOLD "\033[1m"
#define PLAIN "\033[0m"

enum { REPORT_WIDTH = 80 };

bool snncli_placement_color(const struct snncli_console *console, const FILE *out)
{
    return out == console->err ? console->err_color : console->out_color;
}

struct snncli_tenant snncli_placement_tenant(const struct snn_placement *placement, uint32_t core)
{
    for (uint32_t i = 0; i < placement->layer_count; i++) {
        const struct snn_placed_layer *layer = &placement->layers[i];
        for (uint32_t k = 0; k < layer->part_count; k++) {
            if (layer->parts[k].core == core)
                return (struct snncli_tenant){layer, &layer->parts[k]};
        }
    }
    return (struct snncli_tenant){NULL, NULL};
}

uint32_t snncli_placement_core_count(const struct snn_placement *placement)
{
    uint32_t used = 0;
    for (uint32_t core = 0; core < placement->chip.core_count; core++)
        used += snncli_placement_tenant(placement, core).layer != NULL;
    return used;
}

struct snncli_fullest snncli_placement_fullest(const struct snn_placement *placement)
{
    struct snncli_fullest fullest = {0.0, false, SNN_NO_CORE};
    for (uint32_t core = 0; core < placement->chip.core_count; core++) {
        const struct snn_chip_core *there = &placement->chip.cores[core];
        const struct snncli_tenant tenant = snncli_placement_tenant(placement, core);
        if (tenant.layer == NULL) continue;
        const double kernel = (double)tenant.part->words.kernel / there->kernel_words;
        const double neuron = (double)tenant.part->words.neuron / there->neuron_words;
        if (kernel > fullest.share) fullest = (struct snncli_fullest){kernel, false, core};
        if (neuron > fullest.share) fullest = (struct snncli_fullest){neuron, true, core};
    }
    return fullest;
}

/* ---- Verdict ---- */

static uint32_t count_findings(const struct snn_placement *placement, enum snn_severity severity)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < placement->finding_count; i++)
        count += placement->findings[i].severity == severity;
    return count;
}

static void print_count(FILE *out, const char *before, uint32_t count, const char *what)
{
    fprintf(out, "%s%u %s%s", before, count, what, count == 1 ? "" : "s");
}

void snncli_placement_verdict(const struct snncli_console *console, FILE *out,
                              const struct snn_placement *placement)
{
    const bool color = snncli_placement_color(console, out);
    const uint32_t errors = count_findings(placement, SNN_SEVERITY_ERROR);
    const uint32_t warnings = count_findings(placement, SNN_SEVERITY_WARNING);
    if (color) fputs(placement->fits ? GOOD : BAD, out);
    fprintf(out, "%s %s %s", placement->name, placement->fits ? "fits" : "does not fit",
            placement->chip.name);
    if (placement->fits)
        fprintf(out, ": %u of %u cores", snncli_placement_core_count(placement),
                placement->chip.core_count);
    else if (errors > 0)
        print_count(out, ": ", errors, "problem");
    for (uint32_t i = 0; placement->fits && i < placement->layer_count; i++) {
        if (placement->layers[i].part_count == 2)
            fprintf(out, ", %s shared by two", placement->layers[i].name);
    }
    if (warnings > 0) print_count(out, ", ", warnings, "warning");
    fprintf(out, "%s\n", color ? PLAIN : "");
}

/* ---- Layers ---- */

static struct snncli_text format_shape(struct snn_shape shape)
{
    struct snncli_text text;
    (void)snprintf(text.text, sizeof(text.text), "%ux%ux%u", shape.channels, shape.height,
                   shape.width);
    return text;
}

/* " s2", " p0x1"; nothing where both axes have the usual value. */
static void append_axes(struct snncli_text *text, const char *name, uint32_t usual, uint32_t y,
                        uint32_t x)
{
    const size_t used = strlen(text->text);
    char *at = text->text + used;
    const size_t room = sizeof(text->text) - used;
    if (y == usual && x == usual) return;
    if (y == x)
        (void)snprintf(at, room, " %s%u", name, y);
    else
        (void)snprintf(at, room, " %s%ux%u", name, y, x);
}

static struct snncli_text format_window(const struct snn_placed_layer *layer)
{
    struct snncli_text text;
    (void)snprintf(text.text, sizeof(text.text), "%ux%u", layer->kernel_size, layer->kernel_size);
    append_axes(&text, "s", 1, layer->stride_y, layer->stride_x);
    append_axes(&text, "p", 0, layer->pad_y, layer->pad_x);
    return text;
}

static struct snncli_text format_cores(const struct snn_placed_layer *layer)
{
    struct snncli_text text = {"-"};
    if (layer->part_count == 1)
        (void)snprintf(text.text, sizeof(text.text), "%u", layer->parts[0].core);
    if (layer->part_count == 2)
        (void)snprintf(text.text, sizeof(text.text), "%u+%u", layer->parts[0].core,
                       layer->parts[1].core);
    return text;
}

static void add_layer(struct snncli_table *table, const struct snn_placed_layer *layer)
{
    snncli_table_cell(table, "%s", layer->name);
    snncli_table_cell(table, "%s", format_window(layer).text);
    snncli_table_cell(table, "%s", format_shape(layer->input).text);
    snncli_table_cell(table, "%s", format_shape(layer->output).text);
    if (layer->pooling > 1)
        snncli_table_cell(table, "%u", layer->pooling);
    else
        snncli_table_cell(table, "%s", "");
    snncli_table_cell(table, "%s", format_cores(layer).text);
    snncli_table_cell(table, "%s", snncli_format_count(layer->words.kernel).text);
    snncli_table_cell(table, "%s", snncli_format_count(layer->words.neuron).text);
    snncli_table_cell(table, "%s",
                      layer->has_bias ? snncli_format_count(layer->words.bias).text : "");
}

/* What the table's short forms mean, of those that it has. */
static void print_layer_notes(FILE *out, const struct snn_placement *placement)
{
    bool stride = false, padding = false;
    const uint32_t spread = placement->chip.readout_spread;
    for (uint32_t i = 0; i < placement->layer_count; i++) {
        const struct snn_placed_layer *layer = &placement->layers[i];
        stride = stride || layer->stride_y > 1 || layer->stride_x > 1;
        padding = padding || layer->pad_y > 0 || layer->pad_x > 0;
    }
    fprintf(out, "  memory in words: kernel and bias of 8 bits, neuron of 16%s%s\n",
            stride ? "; s: stride" : "", padding ? "; p: padding" : "");
    for (uint32_t i = 0; spread > 1 && i < placement->layer_count; i++) {
        if (!placement->layers[i].readout || placement->layers[i].output.channels < 2) continue;
        fprintf(out, "  %s is read out as features 0, %u, %u, ...: its memory counts all between\n",
                placement->layers[i].name, spread, 2 * spread);
    }
}

int snncli_placement_layers(const struct snncli_console *console, FILE *out,
                            const struct snn_placement *placement)
{
    static const struct snncli_column columns[] = {
        {"layer", SNNCLI_LEFT},   {"window", SNNCLI_LEFT},  {"in", SNNCLI_LEFT},
        {"out", SNNCLI_LEFT},     {"pool", SNNCLI_RIGHT},   {"core", SNNCLI_RIGHT},
        {"kernel", SNNCLI_RIGHT}, {"neuron", SNNCLI_RIGHT}, {"bias", SNNCLI_RIGHT},
        {NULL, SNNCLI_LEFT}};
    struct snncli_table table;
    snncli_table_init(&table, columns);
    for (uint32_t i = 0; i < placement->layer_count; i++)
        add_layer(&table, &placement->layers[i]);
    const int status =
        snncli_table_print(&table, out, console->utf8, snncli_placement_color(console, out));
    snncli_table_fini(&table);
    if (status == SNN_OK) print_layer_notes(out, placement);
    return status;
}

/* ---- Quantiser ---- */

static void add_quantised(struct snncli_table *table, const struct snncli_quantised *row,
                          bool raised)
{
    static const char *const limits[] = {"weights", "bias", "threshold", "error"};
    const struct snn_quantised *q = row->quantised;
    snncli_table_cell(table, "%s", row->layer);
    snncli_table_cell(table, "%.5g", (double)q->scale);
    snncli_table_cell(table, "%s", limits[q->limited_by]);
    if (q->threshold > 0)
        snncli_table_cell(table, "%u", q->threshold);
    else
        snncli_table_cell(table, "none");
    snncli_table_cell(table, "%.2f", q->bits);
    snncli_table_cell(table, "%s", snncli_format_count(q->weights_saturated).text);
    snncli_table_cell(table, "%s", snncli_format_count(q->weights_lost).text);
    snncli_table_cell(table, "%.3f", q->weight_error);
    if (raised) snncli_table_cell(table, "%u", q->channels_raised);
}

/* Whether a threshold was, which is rare. */
static bool any_raised(const struct snncli_quantised *rows, size_t count)
{
    bool raised = false;
    for (size_t i = 0; i < count; i++)
        raised = raised || (rows[i].quantised != NULL && rows[i].quantised->channels_raised > 0);
    return raised;
}

int snncli_quantised_print(const struct snncli_console *console, FILE *out,
                           const struct snncli_quantised *rows, size_t count)
{
    const bool raised = any_raised(rows, count);
    const struct snncli_column columns[] = {{"layer", SNNCLI_LEFT},
                                            {"scale", SNNCLI_RIGHT},
                                            {"by", SNNCLI_LEFT},
                                            {"threshold", SNNCLI_RIGHT},
                                            {"bits", SNNCLI_RIGHT},
                                            {"saturated", SNNCLI_RIGHT},
                                            {"lost", SNNCLI_RIGHT},
                                            {"error", SNNCLI_RIGHT},
                                            {raised ? "raised" : NULL, SNNCLI_RIGHT},
                                            {NULL, SNNCLI_LEFT}};
    struct snncli_table table;
    snncli_table_init(&table, columns);
    for (size_t i = 0; i < count; i++) {
        if (rows[i].quantised != NULL) add_quantised(&table, &rows[i], raised);
    }
    const int status =
        snncli_table_print(&table, out, console->utf8, snncli_placement_color(console, out));
    snncli_table_fini(&table);
    if (status != SNN_OK) return status;
    fputs("  weights in 8 bits: lost became 0, the error is their root mean square in steps\n",
          out);
    if (raised)
        fputs("  raised: thresholds of channels, to 1/16 of the largest of their layer\n", out);
    return SNN_OK;
}

static int print_quantised(const struct snncli_console *console, FILE *out,
                           const struct snn_placement *placement)
{
    struct snncli_quantised rows[SNN_CHIP_CORES_MAX];
    size_t count = 0;
    for (uint32_t i = 0; i < placement->layer_count && count < SNN_CHIP_CORES_MAX; i++) {
        if (placement->layers[i].quantised == NULL) continue;
        rows[count++] =
            (struct snncli_quantised){placement->layers[i].name, placement->layers[i].quantised};
    }
    if (count == 0) return SNN_OK;
    putc('\n', out);
    return snncli_quantised_print(console, out, rows, count);
}

/* ---- Remedies ---- */

/* Words of a text in lines, the later ones indented. The first begins at column `column`. */
static void print_wrapped(FILE *out, const char *text, size_t column, size_t indent)
{
    while (*text != '\0') {
        const size_t length = strcspn(text, " ");
        char word[256];
        (void)snprintf(word, sizeof(word), "%.*s", (int)length, text);
        const size_t width = snncli_text_width(word);
        if (column > indent && column + 1 + width > REPORT_WIDTH) {
            fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            putc(' ', out);
            column++;
        }
        fprintf(out, "%.*s", (int)length, text);
        column += width;
        text += length;
        text += strspn(text, " ");
    }
    putc('\n', out);
}

/* "conv1 on 0, fc1 on 5+6": cut where a net has very many layers. */
static void print_places(FILE *out, const struct snn_remedy *remedy, size_t indent)
{
    char text[1024] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < remedy->layer_count; i++) {
        const int length =
            snprintf(text + used, sizeof(text) - used, "%s%s on %s", i > 0 ? ", " : "",
                     remedy->layers[i].name, format_cores(&remedy->layers[i]).text);
        if (length < 0 || (size_t)length >= sizeof(text) - used) break;
        used += (size_t)length;
    }
    if (used == 0) return;
    text[used] = '\0';
    fprintf(out, "%*s", (int)indent, "");
    print_wrapped(out, text, indent, indent);
}

void snncli_placement_remedies(const struct snncli_console *console, FILE *out,
                               const struct snn_placement *placement)
{
    const bool color = snncli_placement_color(console, out);
    if (placement->fits) return;
    if (placement->remedy_count == 0) {
        fputs("no single change that was tried makes it fit\n", out);
        return;
    }
    fprintf(out, "%s%s:%s\n", color ? BOLD : "",
            placement->remedy_count == 1 ? "this was tried and fits" : "these were tried and fit",
            color ? PLAIN : "");
    for (uint32_t i = 0; i < placement->remedy_count; i++) {
        const struct snn_remedy *remedy = &placement->remedies[i];
        const int begun = fprintf(out, "  %u. ", i + 1);
        const size_t indent = begun > 0 ? (size_t)begun : 0;
        print_wrapped(out, remedy->text, indent, indent);
        print_places(out, remedy, indent);
    }
}

/* ---- Findings, and the whole ---- */

void snncli_placement_findings(struct snncli_console *console,
                               const struct snn_placement *placement)
{
    for (uint32_t i = 0; i < placement->finding_count; i++) {
        const struct snn_finding *finding = &placement->findings[i];
        const bool whole = finding->layer >= placement->layer_count;
        const struct snn_diagnostic diagnostic = {
            .severity = finding->severity,
            .code = finding->severity == SNN_SEVERITY_ERROR ? SNN_ERR_LIMIT : SNN_OK,
            .layer = whole ? "" : placement->layers[finding->layer].name,
            .where = "",
            .text = finding->text,
            .hint = finding->hint};
        snncli_diagnostic(&diagnostic, console);
    }
}

int snncli_placement_tables(const struct snncli_console *console, FILE *out,
                            const struct snn_placement *placement)
{
    snncli_placement_verdict(console, out, placement);
    putc('\n', out);
    int status = snncli_placement_layers(console, out, placement);
    if (status == SNN_OK) status = print_quantised(console, out, placement);
    if (status != SNN_OK) return status;
    putc('\n', out);
    snncli_placement_cores(console, out, placement);
    putc('\n', out);
    snncli_placement_memory(console, out, placement);
    return SNN_OK;
}

int snncli_placement_print(const struct snncli_console *console, FILE *out,
                           const struct snn_placement *placement)
{
    const int status = snncli_placement_tables(console, out, placement);
    if (status != SNN_OK || placement->fits) return status;
    putc('\n', out);
    snncli_placement_remedies(console, out, placement);
    return SNN_OK;
}
