/* A placement as a picture: layers from left to right on the cores that hold them, how full their
 * memories are, where their spikes go -> SVG that needs nothing else and reads on light and dark.
 *
 * Layers stand in rows of a few columns, the parts of one below each other; free cores follow
 * below. Arrows run in the channels between the columns and in lanes above the rows, never across a
 * box. A bar is as long as the memory is large, against the chip's largest. All coordinates are
 * whole, so that no locale has a say in them.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "libsnn/base/buffer.h"
#include "libsnn/base/control.h"
#include "libsnn/base/file.h"
#include "snn/check.h"
#include "snn/status.h"

enum {
    MARGIN = 24,
    TITLE = 44, /* height of the head line */
    COLUMNS = 4,
    BOX_WIDTH = 172,
    BOX_HEIGHT = 118,
    END_WIDTH = 76, /* sensor and readout */
    GAP_X = 76,
    GAP_PARTS = 14,
    LANES = 44, /* above each row */
    LANE_STEP = 9,
    BAR_WIDTH = BOX_WIDTH - 24,
    BAR_HEIGHT = 8,
    FREE_COLUMNS = 6,
    FREE_HEIGHT = 74,
    KI = 1024,
    SHAPES_MAX = 16, /* characters of two shapes in large letters */
    NAME_MAX = 12    /* characters of a layer's name */
};

struct map {
    struct snn_context *context;
    const struct snn_placement *placement;
    struct snnbase_buffer text;
    int status;           /* the first error */
    uint32_t kernel_most; /* of all cores */
    uint32_t neuron_most;
    uint32_t lanes; /* taken so far */
};

/* ---- Text ---- */

static void put(struct map *m, const char *format, ...) SNN_PRINTF(2, 3);

static void put(struct map *m, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (m->status != SNN_OK || length < 0) return;
    m->status = snnbase_buffer_append(m->context, &m->text, text, strlen(text));
}

static size_t character_length(const char *at)
{
    const unsigned char byte = (unsigned char)*at;
    const size_t length = byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    if (byte >= 0x80 && byte < 0xc2) return 0;
    for (size_t i = 1; i < length; i++) {
        if (((unsigned char)at[i] & 0xc0) != 0x80) return 0;
    }
    return length;
}

/* A name from a file, cut to `most` characters; what is no text of XML becomes '?'. */
static void put_name(struct map *m, const char *name, size_t most)
{
    size_t count = 0;
    while (*name != '\0') {
        const size_t length = character_length(name);
        if (count++ == most) {
            put(m, "…");
            return;
        }
        if (*name == '<' || *name == '>' || *name == '&' || *name == '"')
            put(m, "&#%d;", *name);
        else if (length == 0 || snnbase_control_at(name))
            put(m, "?");
        else
            put(m, "%.*s", (int)length, name);
        name += length > 0 ? length : 1;
    }
}

/* "16 Ki", "3,072". */
struct words_text {
    char text[32];
};

static struct words_text format_words(uint64_t words, bool memory)
{
    struct words_text t;
    char digits[24];
    size_t used = 0;
    if (memory && words % KI == 0) {
        (void)snprintf(t.text, sizeof(t.text), "%" PRIu64 " Ki", words / KI);
        return t;
    }
    const int length = snprintf(digits, sizeof(digits), "%" PRIu64, words);
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0) t.text[used++] = ',';
        t.text[used++] = digits[i];
    }
    t.text[used] = '\0';
    return t;
}

/* ---- Where everything stands ---- */

static uint32_t row_of(uint32_t layer)
{
    return layer / COLUMNS;
}

static uint32_t parts_of(const struct snn_placed_layer *layer)
{
    return layer->part_count > 0 ? layer->part_count : 1;
}

static int row_height(const struct snn_placement *placement, uint32_t row)
{
    uint32_t most = 1;
    for (uint32_t i = 0; i < placement->layer_count; i++) {
        const uint32_t parts = parts_of(&placement->layers[i]);
        if (row_of(i) == row && parts > most) most = parts;
    }
    return LANES + (int)most * BOX_HEIGHT + (int)(most - 1) * GAP_PARTS;
}

static int row_top(const struct snn_placement *placement, uint32_t row)
{
    int top = TITLE;
    for (uint32_t i = 0; i < row; i++)
        top += row_height(placement, i);
    return top;
}

static uint32_t row_count(const struct snn_placement *placement)
{
    return placement->layer_count > 0 ? row_of(placement->layer_count - 1) + 1 : 1;
}

/* Where something stands that arrows begin or end at. */
struct place {
    int left, right, middle; /* of its sides, and of its height */
    uint32_t row;
    int64_t order; /* of layers; the sensor's is -1 */
};

static struct place place_part(const struct snn_placement *placement, uint32_t layer, uint32_t part)
{
    const uint32_t row = row_of(layer);
    const int left = MARGIN + END_WIDTH + GAP_X + (int)(layer % COLUMNS) * (BOX_WIDTH + GAP_X);
    const int top = row_top(placement, row) + LANES + (int)part * (BOX_HEIGHT + GAP_PARTS);
    return (struct place){left, left + BOX_WIDTH, top + BOX_HEIGHT / 2, row, (int64_t)layer};
}

static struct place place_sensor(const struct snn_placement *placement)
{
    const int middle = row_top(placement, 0) + LANES + BOX_HEIGHT / 2;
    return (struct place){MARGIN, MARGIN + END_WIDTH, middle, 0, -1};
}

/* Behind the last layer. */
static struct place place_readout(const struct snn_placement *placement)
{
    const uint32_t last = placement->layer_count > 0 ? placement->layer_count - 1 : 0;
    const struct place before = place_part(placement, last, 0);
    const int left = before.right + GAP_X;
    return (struct place){left, left + END_WIDTH, before.middle, before.row, before.order + 1};
}

/* ---- Boxes ---- */

struct memory {
    const char *name, *style;
    uint64_t used, there;
    uint32_t most; /* of the chip */
};

static void put_memory(struct map *m, int x, int y, const struct memory *memory)
{
    const int whole = (int)((uint64_t)BAR_WIDTH * memory->there / memory->most);
    const bool over = memory->used > memory->there;
    int filled = over ? whole : (int)((uint64_t)whole * memory->used / memory->there);
    if (memory->used > 0 && filled == 0) filled = 1;
    put(m, "<text class=\"small\" x=\"%d\" y=\"%d\">%s</text>\n", x, y, memory->name);
    put(m, "<text class=\"small%s\" x=\"%d\" y=\"%d\" text-anchor=\"end\">%s%s%s</text>\n",
        over ? " bad" : "", x + BAR_WIDTH, y,
        memory->used > 0 ? format_words(memory->used, false).text : "",
        memory->used > 0 ? " of " : "", format_words(memory->there, true).text);
    put(m, "<rect class=\"there\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>", x, y + 4, whole,
        BAR_HEIGHT);
    put(m, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>\n",
        over ? "over" : memory->style, x, y + 4, filled, BAR_HEIGHT);
}

/* "5x5, stride 2, pad 1", or the features of a part. */
static void put_window(struct map *m, const struct snn_placed_layer *layer,
                       const struct snn_placed_part *part)
{
    if (part != NULL && layer->part_count > 1) {
        put(m, "features %u to %u", part->feature_first,
            part->feature_first + part->feature_count - 1);
        return;
    }
    put(m, "%ux%u", layer->kernel_size, layer->kernel_size);
    if (layer->stride_y != layer->stride_x)
        put(m, ", stride %ux%u", layer->stride_y, layer->stride_x);
    else if (layer->stride_y > 1)
        put(m, ", stride %u", layer->stride_y);
    if (layer->pad_y != layer->pad_x)
        put(m, ", pad %ux%u", layer->pad_y, layer->pad_x);
    else if (layer->pad_y > 0)
        put(m, ", pad %u", layer->pad_y);
}

struct shape_text {
    char text[40];
};

static struct shape_text format_shape(struct snn_shape shape)
{
    struct shape_text t;
    (void)snprintf(t.text, sizeof(t.text), "%ux%ux%u", shape.channels, shape.height, shape.width);
    return t;
}

/* In small letters what would not go into the box in large ones. */
static void put_shapes(struct map *m, int x, int y, const struct snn_placed_layer *layer)
{
    const struct shape_text in = format_shape(layer->input), out = format_shape(layer->output);
    const bool large = strlen(in.text) + strlen(out.text) <= SHAPES_MAX;
    put(m, "<text class=\"%s\" x=\"%d\" y=\"%d\">%s → %s</text>\n", large ? "muted" : "small", x, y,
        in.text, out.text);
}

/* Whether a core alone would hold the layer. */
static bool fits_somewhere(const struct snn_placement *placement, uint32_t layer)
{
    const uint32_t cores = placement->chip.core_count;
    for (uint32_t i = 0; i < cores; i++) {
        const struct snn_fit *fit = &placement->fits_on[(size_t)layer * cores + i];
        if (fit->constraint == SNN_CONSTRAINT_NONE) return true;
    }
    return false;
}

/* A layer, or one part of it. */
static void put_layer(struct map *m, uint32_t index, uint32_t number)
{
    const struct snn_placement *p = m->placement;
    const struct snn_placed_layer *layer = &p->layers[index];
    const struct snn_placed_part *part = number < layer->part_count ? &layer->parts[number] : NULL;
    const struct place at = place_part(p, index, number);
    const int x = at.left + 12, top = at.middle - BOX_HEIGHT / 2;
    const struct snn_core_words *words = part != NULL ? &part->words : &layer->words;
    const struct snn_chip_core *core = part != NULL ? &p->chip.cores[part->core] : NULL;
    const struct memory kernel = {"kernel", "kernel", words->kernel,
                                  core != NULL ? core->kernel_words : m->kernel_most,
                                  m->kernel_most};
    const struct memory neuron = {"neuron", "neuron", words->neuron,
                                  core != NULL ? core->neuron_words : m->neuron_most,
                                  m->neuron_most};
    const bool lost = part == NULL && !fits_somewhere(p, index);
    put(m, "<g><title>");
    put_name(m, layer->name, SIZE_MAX);
    put(m,
        "</title>\n<rect class=\"box%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"6\"/>\n",
        lost ? " lost" : "", at.left, top, BOX_WIDTH, BOX_HEIGHT);
    put(m, "<text class=\"name\" x=\"%d\" y=\"%d\">", x, top + 20);
    put_name(m, layer->name, NAME_MAX);
    put(m, "</text>\n<text class=\"%s\" x=\"%d\" y=\"%d\" text-anchor=\"end\">",
        lost ? "bad" : "muted", at.right - 12, top + 20);
    if (part != NULL)
        put(m, "core %u", part->core);
    else
        put(m, "no core");
    put(m, "</text>\n");
    put_shapes(m, x, top + 38, layer);
    put(m, "<text class=\"muted\" x=\"%d\" y=\"%d\">", x, top + 53);
    put_window(m, layer, part);
    put(m, "</text>\n");
    put_memory(m, x, top + 71, &kernel);
    put_memory(m, x, top + 96, &neuron);
    put(m, "</g>\n");
}

static void put_end(struct map *m, const struct place *at, const char *name, struct snn_shape shape)
{
    const int centre = (at->left + at->right) / 2;
    put(m, "<rect class=\"end\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"44\" rx=\"22\"/>\n",
        at->left, at->middle - 22, END_WIDTH);
    put(m, "<text class=\"name\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", centre,
        at->middle - 2, name);
    put(m, "<text class=\"small\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", centre,
        at->middle + 13, format_shape(shape).text);
}

/* ---- Arrows ---- */

/* Twice: what is behind a label is covered first. */
static void put_label(struct map *m, int x, int y, const char *anchor, const char *label)
{
    for (int i = 0; i < 2; i++)
        put(m, "<text class=\"small%s\" x=\"%d\" y=\"%d\" text-anchor=\"%s\">%s</text>\n",
            i == 0 ? " behind" : "", x, y, anchor, label);
}

/* What an arrow does to the spikes, where that is anything. */
struct deed {
    char pool[24], shift[24];
};

static struct deed deed_of(const struct snn_destination *to)
{
    struct deed deed = {"", ""};
    if (to->pooling > 1) (void)snprintf(deed.pool, sizeof(deed.pool), "pool %u", to->pooling);
    if (to->feature_shift > 0)
        (void)snprintf(deed.shift, sizeof(deed.shift), "shift %u", to->feature_shift);
    return deed;
}

static void put_arrow(struct map *m, const struct place *from, const struct place *end,
                      const struct snn_destination *to)
{
    const struct deed deed = deed_of(to);
    const int x0 = from->right, y0 = from->middle, x1 = end->left - 2, y1 = end->middle;
    if (end->row == from->row && end->order == from->order + 1) {
        const int bend = GAP_X / 2;
        put(m, "<path class=\"arrow\" d=\"M%d %dC%d %d %d %d %d %d\" marker-end=\"url(#head)\"/>\n",
            x0, y0, x0 + bend, y0, x1 - bend, y1, x1, y1);
        if (*deed.pool) put_label(m, (x0 + x1) / 2, (y0 + y1) / 2 - 7, "middle", deed.pool);
        if (*deed.shift) put_label(m, (x0 + x1) / 2, (y0 + y1) / 2 + 16, "middle", deed.shift);
        return;
    }
    const int step = (int)(m->lanes++ % 3) * LANE_STEP;
    const int lane = row_top(m->placement, end->row) + 14 + step;
    const int out = x0 + 12 + step, in = x1 - 14 - step;
    put(m, "<path class=\"arrow\" d=\"M%d %dH%dV%dH%dV%dH%d\" marker-end=\"url(#head)\"/>\n", x0,
        y0, out, lane, in, y1, x1);
    if (*deed.shift) put_label(m, in - 6, lane - 4, "end", deed.shift);
    if (*deed.pool) put_label(m, in - (*deed.shift ? 62 : 6), lane - 4, "end", deed.pool);
}

/* The place of a core or the readout; false where the destination is neither. */
static bool find_place(const struct map *m, uint32_t layer, struct place *out)
{
    const struct snn_placement *p = m->placement;
    if (layer == p->chip.readout_layer) {
        *out = place_readout(p);
        return true;
    }
    for (uint32_t i = 0; i < p->layer_count; i++) {
        for (uint32_t k = 0; k < p->layers[i].part_count; k++) {
            if (p->layers[i].parts[k].core != layer) continue;
            *out = place_part(p, i, k);
            return true;
        }
    }
    return false;
}

static void put_destinations(struct map *m, const struct place *from,
                             const struct snn_destination *destinations, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct place end;
        if (find_place(m, destinations[i].layer, &end)) put_arrow(m, from, &end, &destinations[i]);
    }
}

/* Only a program says where spikes go. */
static void put_arrows(struct map *m)
{
    const struct snn_program *program = m->placement->program;
    if (program == NULL) return;
    const struct place sensor = place_sensor(m->placement), readout = place_readout(m->placement);
    put_destinations(m, &sensor, program->input_destinations, program->input_destination_count);
    for (uint32_t i = 0; i < program->core_count; i++) {
        struct place from;
        if (find_place(m, program->cores[i].index, &from))
            put_destinations(m, &from, program->cores[i].destinations,
                             program->cores[i].destination_count);
    }
    put_end(m, &sensor, "sensor", program->input_shape);
    put_end(m, &readout, "readout", (struct snn_shape){program->class_count, 1, 1});
}

/* ---- Free cores ---- */

static bool is_free(const struct snn_placement *placement, uint32_t core)
{
    for (uint32_t i = 0; i < placement->layer_count; i++) {
        for (uint32_t k = 0; k < placement->layers[i].part_count; k++) {
            if (placement->layers[i].parts[k].core == core) return false;
        }
    }
    return true;
}

static void put_free(struct map *m, int top)
{
    const struct snn_placement *p = m->placement;
    uint32_t count = 0;
    for (uint32_t core = 0; core < p->chip.core_count; core++) {
        if (!is_free(p, core)) continue;
        const int x = MARGIN + (int)(count % FREE_COLUMNS) * (BOX_WIDTH + 12);
        const int y = top + 30 + (int)(count / FREE_COLUMNS) * (FREE_HEIGHT + 10);
        const struct snn_chip_core *there = &p->chip.cores[core];
        put(m, "<rect class=\"free\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"6\"/>\n", x,
            y, BOX_WIDTH, FREE_HEIGHT);
        put(m, "<text class=\"muted\" x=\"%d\" y=\"%d\">core %u, free</text>\n", x + 12, y + 17,
            core);
        const struct memory kernel = {"kernel", "kernel", 0, there->kernel_words, m->kernel_most};
        const struct memory neuron = {"neuron", "neuron", 0, there->neuron_words, m->neuron_most};
        put_memory(m, x + 12, y + 32, &kernel);
        put_memory(m, x + 12, y + 56, &neuron);
        count++;
    }
}

/* ---- The whole ---- */

static void put_style(struct map *m)
{
    put(m,
        "<style>\nsvg { font: 13px system-ui, sans-serif; background: #fff }\n"
        "text { fill: #222 } .title { font-size: 16px; font-weight: 600 }\n"
        ".name { font-weight: 600 } .muted { fill: #667 } .small { font-size: 11px; fill: #556 }\n"
        ".bad { fill: #c22 } .behind { stroke: #fff; stroke-width: 5px }\n"
        ".box { fill: #f5f6f8; stroke: #b9bfca } .lost { stroke: #c22 }\n");
    put(m, ".free { fill: none; stroke: #b9bfca; stroke-dasharray: 4 3 }\n"
           ".end { fill: #eceff4; stroke: #b9bfca } .there { fill: #dfe3ea }\n"
           ".kernel { fill: #2f6fde } .neuron { fill: #1c9465 } .over { fill: #c22 }\n"
           ".arrow { fill: none; stroke: #6b7484; stroke-width: 1.5 } .head { fill: #6b7484 }\n");
    put(m, "@media (prefers-color-scheme: dark) {\n"
           "  svg { background: #16181d } text { fill: #ddd } .muted { fill: #9ba3b2 }\n"
           "  .small { fill: #aab2c0 } .bad { fill: #ff7b72 } .lost { stroke: #ff7b72 }\n"
           "  .box { fill: #20242c; stroke: #454c59 } .end { fill: #2a303a; stroke: #454c59 }\n");
    put(m, "  .behind { stroke: #16181d } .free { stroke: #454c59 } .there { fill: #39404d } "
           ".kernel { fill: #6ea0ff }\n"
           "  .neuron { fill: #46c793 } .over { fill: #ff7b72 }\n"
           "  .arrow { stroke: #98a1b1 } .head { fill: #98a1b1 }\n}\n</style>\n");
    put(m, "<defs><marker id=\"head\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"6\" "
           "markerHeight=\"6\" orient=\"auto\"><path class=\"head\" d=\"M0 0L8 4L0 8Z\"/></marker>"
           "</defs>\n");
}

static void measure(struct map *m)
{
    const struct snn_chip *chip = &m->placement->chip;
    m->kernel_most = m->neuron_most = 1;
    for (uint32_t i = 0; i < chip->core_count; i++) {
        const struct snn_chip_core *core = &chip->cores[i];
        if (core->kernel_words > m->kernel_most) m->kernel_most = core->kernel_words;
        if (core->neuron_words > m->neuron_most) m->neuron_most = core->neuron_words;
    }
}

static int picture_width(const struct snn_placement *placement)
{
    const uint32_t columns = placement->layer_count < COLUMNS ? placement->layer_count : COLUMNS;
    const int layers = 2 * (END_WIDTH + MARGIN) + GAP_X + (int)columns * (BOX_WIDTH + GAP_X);
    const int below = 2 * MARGIN + FREE_COLUMNS * (BOX_WIDTH + 12) - 12;
    return layers > below ? layers : below;
}

static uint32_t count_free(const struct snn_placement *placement)
{
    uint32_t count = 0;
    for (uint32_t core = 0; core < placement->chip.core_count; core++)
        count += is_free(placement, core);
    return count;
}

static int picture_height(const struct snn_placement *placement)
{
    const uint32_t count = count_free(placement);
    const int rows = (int)((count + FREE_COLUMNS - 1) / FREE_COLUMNS);
    return row_top(placement, row_count(placement)) + MARGIN +
           (rows > 0 ? 30 + rows * (FREE_HEIGHT + 10) : 0);
}

static void put_picture(struct map *m)
{
    const struct snn_placement *p = m->placement;
    const int width = picture_width(p), height = picture_height(p);
    put(m,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
        "height=\"%d\" role=\"img\" aria-label=\"",
        width, height, width, height);
    put_name(m, p->name, 128);
    put(m, " on ");
    put_name(m, p->chip.name, 128);
    put(m, "\">\n");
    put_style(m);
    put(m, "<text class=\"title\" x=\"%d\" y=\"32\">", MARGIN);
    put_name(m, p->name, 64);
    put(m, p->fits ? " on " : " does not fit ");
    put_name(m, p->chip.name, 64);
    if (p->fits) put(m, ": %u of %u cores", p->chip.core_count - count_free(p), p->chip.core_count);
    put(m, "</text>\n");
    put_arrows(m);
    for (uint32_t i = 0; i < p->layer_count; i++) {
        for (uint32_t k = 0; k < parts_of(&p->layers[i]); k++)
            put_layer(m, i, k);
    }
    put_free(m, row_top(p, row_count(p)));
    put(m, "</svg>\n");
}

int snn_placement_save_map(const struct snn_placement *placement, struct snn_context *context,
                           const char *path)
{
    struct map m = {.context = context, .placement = placement, .status = SNN_OK};
    measure(&m);
    put_picture(&m);
    if (m.status == SNN_OK) m.status = snnbase_file_save(context, path, m.text.data, m.text.size);
    snnbase_buffer_fini(context, &m.text);
    return m.status;
}
