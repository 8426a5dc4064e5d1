/* What went wrong: classes taken for others, and samples for which the output never spiked. And one
 * sample's spikes, to see a net at work.
 */
#include <math.h>
#include <stdio.h>

#include "tools/report/page_parts.h"

enum { CONFUSIONS_TOLD = 8, SILENT_TOLD = 12 };

/* ---- Confusion ---- */

struct confusion {
    uint32_t label, prediction;
    uint64_t count;
};

/* The most frequent, in falling order; returns how many there are. */
static size_t find_confusions(const struct snn_result *r, struct confusion most[CONFUSIONS_TOLD])
{
    size_t found = 0;
    for (uint32_t label = 0; label < r->class_count; label++) {
        for (uint32_t k = 0; k < r->class_count; k++) {
            const uint64_t count = r->confusion[(size_t)label * r->class_count + k];
            if (k == label || count == 0) continue;
            size_t at = found < CONFUSIONS_TOLD ? found++ : CONFUSIONS_TOLD - 1;
            if (at == CONFUSIONS_TOLD - 1 && found == CONFUSIONS_TOLD && most[at].count >= count &&
                most[at].count > 0)
                continue;
            for (; at > 0 && most[at - 1].count < count; at--)
                most[at] = most[at - 1];
            most[at] = (struct confusion){label, k, count};
        }
    }
    return found;
}

static void put_confusion(const struct snnreport_pen *pen, const struct confusion *c)
{
    const struct snn_result *r = pen->r;
    char part[64], whole[64];
    uint64_t all = 0;
    for (uint32_t k = 0; k < r->class_count; k++)
        all += r->confusion[(size_t)c->label * r->class_count + k];
    (void)snprintf(part, sizeof(part), "/confusion/%u/%u", c->label, c->prediction);
    (void)snprintf(whole, sizeof(whole), "/confusion/%u", c->label);
    snnreport_printf(pen->out, "<li>class %u taken for %u: ", c->label, c->prediction);
    snnreport_value(pen, SNNREPORT_COUNT, (double)c->count, "%s", part);
    snnreport_put(pen->out, c->count == 1 ? " sample, " : " samples, ");
    snnreport_share(pen, (double)c->count, (double)all, part, whole);
    snnreport_printf(pen->out, " of class %u</li>\n", c->label);
}

void snnreport_page_confusion(const struct snnreport_pen *pen)
{
    const struct snn_result *r = pen->r;
    struct confusion most[CONFUSIONS_TOLD] = {{0, 0, 0}};
    if (r->confusion == NULL) return;
    snnreport_heading(pen, "confusion", "What is taken for what");
    const size_t count = find_confusions(r, most);
    snnreport_put(pen->out, "<div class=\"pair\">\n");
    snnreport_draw_confusion(pen);
    snnreport_put(pen->out, "<div>\n");
    if (count == 0)
        snnreport_put(pen->out, "<p>No sample that spiked was taken for another class.</p>\n");
    else
        snnreport_put(pen->out, "<p>The most frequent confusions:</p>\n<ol>\n");
    for (size_t i = 0; i < count; i++)
        put_confusion(pen, &most[i]);
    if (count > 0) snnreport_put(pen->out, "</ol>\n");
    snnreport_put(pen->out, "</div>\n</div>\n");
}

/* ---- Silent samples ---- */

static const char *layer_name(const struct snn_result *r, uint32_t layer)
{
    return layer < r->layer_count ? r->layers[layer].name : "input";
}

/* Rows in the order of the document's by_layer: the input, then the layers. */
static void put_silent_layers(const struct snnreport_pen *pen)
{
    const struct snn_result *r = pen->r;
    uint32_t row = 0;
    snnreport_table_open(pen, "Silent samples by the first layer without a spike",
                         "<First silent layer|Samples|Share of all");
    for (uint32_t k = 0; k <= r->layer_count; k++) {
        const uint32_t layer = k > 0 ? k - 1 : r->layer_count;
        uint64_t count = 0;
        char part[64];
        for (uint64_t i = 0; i < r->silent_count; i++)
            count += r->silent_layers[i] == layer;
        if (count == 0) continue;
        snnreport_row_open(pen, layer_name(r, layer));
        (void)snprintf(part, sizeof(part), "/silent/by_layer/%u/count", row++);
        snnreport_cell(pen, SNNREPORT_COUNT, (double)count, "%s", part);
        snnreport_put(pen->out, "<td>");
        snnreport_share(pen, (double)count, (double)r->sample_count, part, "/samples");
        snnreport_put(pen->out, "</td>");
        snnreport_row_close(pen);
    }
    snnreport_table_close(pen);
}

static void put_remedy(const struct snnreport_pen *pen)
{
    bool input = false, layer = false;
    for (uint64_t i = 0; i < pen->r->silent_count; i++) {
        input = input || pen->r->silent_layers[i] >= pen->r->layer_count;
        layer = layer || pen->r->silent_layers[i] < pen->r->layer_count;
    }
    if (input)
        snnreport_put(pen->out, "<p>Nothing came in: look at the samples themselves, at "
                                "<code>--view</code> and <code>--dt</code> of recordings, and at "
                                "<code>--encoding</code>.</p>\n");
    if (layer)
        snnreport_put(pen->out,
                      "<p>What to try: lower thresholds (<code>--norm p99</code>, "
                      "<code>--channelwise</code>, <code>--output-gain</code> where only the last "
                      "layer is silent), a start nearer to them (<code>--v0</code>), more steps "
                      "(<code>--timesteps</code>), or corrections measured on training frames "
                      "(<code>--correct offset --calibrate FRAMES</code>).</p>\n");
}

void snnreport_page_silent(const struct snnreport_pen *pen)
{
    const struct snn_result *r = pen->r;
    if (!snnreport_is_spiking(r) || r->silent_count == 0) return;
    snnreport_heading(pen, "silent", "Silent samples");
    snnreport_put(pen->out, "<p>");
    snnreport_value(pen, SNNREPORT_COUNT, (double)r->silent_count, "/silent/count");
    snnreport_put(pen->out, r->silent_count == 1 ? " sample" : " samples");
    snnreport_put(pen->out, " went through without an output spike, and count as errors.</p>\n");
    put_silent_layers(pen);
    snnreport_put(pen->out, "<p>The first of them: ");
    for (uint64_t i = 0; i < r->silent_count && i < SILENT_TOLD; i++) {
        if (i > 0) snnreport_put(pen->out, ", ");
        snnreport_put(pen->out, "number ");
        snnreport_value(pen, SNNREPORT_COUNT, (double)r->silent_indices[i], "/silent/indices/%u",
                        (unsigned)i);
        snnreport_put(pen->out, " (");
        snnreport_escaped(pen->out, layer_name(r, r->silent_layers[i]));
        snnreport_put(pen->out, ")");
    }
    snnreport_put(pen->out, ".</p>\n");
    put_remedy(pen);
}

/* ---- One sample ---- */

/* The picture is of the first that spikes. */
static bool is_first_spiking(const struct snnreport_pen *pen)
{
    for (uint32_t i = 0; i < pen->index; i++) {
        if (snnreport_is_spiking(pen->report->results[i])) return false;
    }
    return snnreport_is_spiking(pen->r);
}

void snnreport_page_raster(const struct snnreport_pen *pen)
{
    const struct snnreport_raster *raster = pen->page->raster;
    if (raster == NULL || !is_first_spiking(pen)) return;
    snnreport_heading(pen, "raster", "One sample, spike by spike");
    snnreport_put(pen->out, "<figure class=\"wide\">\n<div class=\"scroll\" role=\"region\" "
                            "tabindex=\"0\" aria-label=\"Raster of spikes\">\n");
    snnreport_raster(pen->out, raster);
    snnreport_put(pen->out, "\n</div>\n<figcaption>");
    snnreport_escaped(pen->out, raster->title);
    snnreport_put(pen->out, ". Time goes to the right, layers from top to bottom; where shades "
                            "stand for single spikes, the darkest of a layer has the most spikes "
                            "of that layer in one block of neurons and steps.</figcaption>\n"
                            "</figure>\n");
}
