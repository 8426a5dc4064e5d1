/* The two pictures of a placement in characters: the table of layers and cores, and how full the
 * memories are. See placement.h.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/cli/placement_parts.h"
#include "tools/cli/plot.h"
#include "tools/cli/table.h"

#define GREEN "\033[32m"
#define RED "\033[31m"
#define CYAN "\033[36m"
#define DIM "\033[2m"
#define BOLD "\033[1m"
#define PLAIN "\033[0m"

enum { WIDTH_NARROW = 80, WIDTH_WIDE = 110, BAR_MIN = 5, NAME_MAX = 14, KI = 1024 };

/* What a report is drawn with. */
struct pen {
    FILE *out;
    bool utf8, color;
    int width;
};

static struct pen make_pen(const struct snncli_console *console, FILE *out)
{
    const int width = snncli_console_width(out);
    return (struct pen){out, console->utf8, snncli_placement_color(console, out),
                        width < WIDTH_NARROW ? WIDTH_NARROW
                        : width > WIDTH_WIDE ? WIDTH_WIDE
                                             : width};
}

static void put_colored(const struct pen *pen, const char *color, const char *text)
{
    fprintf(pen->out, "%s%s%s", pen->color ? color : "", text, pen->color ? PLAIN : "");
}

static void put_line(const struct pen *pen, int width)
{
    for (int i = 0; i < width; i++)
        fputs(pen->utf8 ? "─" : "-", pen->out);
    putc('\n', pen->out);
}

/* `text` in `width` columns, at their left or right end. */
static void put_cell(const struct pen *pen, const char *text, int width, enum snncli_align align)
{
    const int blanks = width - (int)snncli_text_width(text);
    if (align == SNNCLI_RIGHT) fprintf(pen->out, "%*s", blanks > 0 ? blanks : 0, "");
    fputs(text, pen->out);
    if (align == SNNCLI_LEFT) fprintf(pen->out, "%*s", blanks > 0 ? blanks : 0, "");
}

/* A name, or its end where it is long: that tells layers of one block apart. */
struct name_text {
    char text[4 * NAME_MAX + 4];
};

static struct name_text short_name(const struct pen *pen, const char *name)
{
    struct name_text t;
    const size_t width = snncli_text_width(name);
    const char *at = name;
    for (size_t skip = width > NAME_MAX ? width - NAME_MAX + 1 : 0; skip > 0; skip--) {
        do
            at++;
        while (((unsigned char)*at & 0xc0) == 0x80);
    }
    (void)snprintf(t.text, sizeof(t.text), "%s%s", at == name ? "" : pen->utf8 ? "…" : "~", at);
    return t;
}

static int longer(int width, const char *text)
{
    const int other = (int)snncli_text_width(text);
    return other > width ? other : width;
}

/* ---- Layers and cores ---- */

/* Marks of the table: beside the constraints three for what is well. */
enum { MARK_FITS = 0, MARK_PLACED = 32, MARK_PART = 33, MARK_COUNT = 34 };

static const char *mark_letter(const struct pen *pen, uint32_t mark)
{
    static const char *const letters[] = {
        [SNN_CONSTRAINT_KERNEL_MEMORY] = "K", [SNN_CONSTRAINT_NEURON_MEMORY] = "N",
        [SNN_CONSTRAINT_BIAS_MEMORY] = "B",   [SNN_CONSTRAINT_KERNEL_SIZE] = "k",
        [SNN_CONSTRAINT_STRIDE] = "s",        [SNN_CONSTRAINT_PADDING] = "p",
        [SNN_CONSTRAINT_DILATION] = "d",      [SNN_CONSTRAINT_GROUPS] = "g",
        [SNN_CONSTRAINT_POOLING] = "P",       [SNN_CONSTRAINT_INPUT_SIZE] = "I",
        [SNN_CONSTRAINT_OUTPUT_SIZE] = "O",   [SNN_CONSTRAINT_FEATURES] = "F",
        [SNN_CONSTRAINT_DESTINATIONS] = "D",  [SNN_CONSTRAINT_WINDOW] = "W",
        [SNN_CONSTRAINT_THRESHOLD] = "T",     [SNN_CONSTRAINT_THRESHOLD_LOW] = "L",
        [SNN_CONSTRAINT_BIAS] = "b",          [SNN_CONSTRAINT_READOUT] = "R",
        [SNN_CONSTRAINT_CORES] = "C",         [SNN_CONSTRAINT_PIN] = "U",
    };
    if (mark == MARK_PLACED) return pen->utf8 ? "●" : "*";
    if (mark == MARK_PART) return pen->utf8 ? "◐" : "/";
    if (mark == MARK_FITS) return pen->utf8 ? "○" : "o";
    return mark < sizeof(letters) / sizeof(letters[0]) ? letters[mark] : "?";
}

static const char *mark_name(uint32_t mark)
{
    if (mark == MARK_PLACED) return "placed";
    if (mark == MARK_PART) return "a part placed";
    if (mark == MARK_FITS) return "fits";
    const char *name = snn_constraint_name((enum snn_constraint)mark);
    return name != NULL ? name : "unknown";
}

static uint32_t mark_of(const struct snn_placement *placement, uint32_t layer, uint32_t core)
{
    const struct snn_placed_layer *l = &placement->layers[layer];
    for (uint32_t i = 0; i < l->part_count; i++) {
        if (l->parts[i].core == core) return l->part_count == 1 ? MARK_PLACED : MARK_PART;
    }
    const uint32_t mark =
        (uint32_t)placement->fits_on[(size_t)layer * placement->chip.core_count + core].constraint;
    return mark < MARK_PLACED ? mark : MARK_PLACED - 1;
}

static const char *mark_color(uint32_t mark)
{
    return mark == MARK_FITS ? DIM : mark >= MARK_PLACED ? GREEN : RED;
}

/* Whether all memories of the chip are a whole number of Ki words. */
static bool in_ki(const struct snn_chip *chip)
{
    bool whole = true;
    for (uint32_t i = 0; i < chip->core_count; i++)
        whole =
            whole && chip->cores[i].kernel_words % KI == 0 && chip->cores[i].neuron_words % KI == 0;
    return whole;
}

/* A heading of the table: what of each core it tells. */
enum heading { HEADING_CORE, HEADING_KERNEL, HEADING_NEURON, HEADING_COUNT };

static uint32_t heading_value(const struct snn_chip *chip, enum heading heading, uint32_t core)
{
    const uint32_t unit = in_ki(chip) ? KI : 1;
    if (heading == HEADING_CORE) return core;
    return (heading == HEADING_KERNEL ? chip->cores[core].kernel_words
                                      : chip->cores[core].neuron_words) /
           unit;
}

static const char *heading_name(const struct snn_chip *chip, enum heading heading)
{
    static const char *const names[][HEADING_COUNT] = {{"core", "kernel words", "neuron words"},
                                                       {"core", "kernel Ki", "neuron Ki"}};
    return names[in_ki(chip)][heading];
}

/* Widths of the table, and how many cores stand beside each other. */
struct grid {
    int label, cell;
    uint32_t columns;
};

static struct grid measure_grid(const struct pen *pen, const struct snn_placement *placement)
{
    const struct snn_chip *chip = &placement->chip;
    struct grid grid = {0, 0, 1};
    for (uint32_t i = 0; i < placement->layer_count; i++)
        grid.label = longer(grid.label, short_name(pen, placement->layers[i].name).text);
    for (int h = 0; h < HEADING_COUNT; h++) {
        grid.label = longer(grid.label, heading_name(chip, (enum heading)h));
        for (uint32_t i = 0; i < chip->core_count; i++) {
            char text[16];
            (void)snprintf(text, sizeof(text), "%" PRIu32, heading_value(chip, (enum heading)h, i));
            grid.cell = longer(grid.cell, text);
        }
    }
    grid.cell += 2;
    const int room = (pen->width - grid.label) / grid.cell;
    if (room > 1) grid.columns = (uint32_t)room;
    return grid;
}

/* Cores first..end of all layers. */
static void put_grid(const struct pen *pen, const struct snn_placement *placement,
                     const struct grid *grid, uint32_t first, uint32_t end)
{
    const struct snn_chip *chip = &placement->chip;
    for (int h = 0; h < HEADING_COUNT; h++) {
        if (pen->color && h == HEADING_CORE) fputs(BOLD, pen->out);
        put_cell(pen, heading_name(chip, (enum heading)h), grid->label, SNNCLI_LEFT);
        for (uint32_t i = first; i < end; i++)
            fprintf(pen->out, "%*" PRIu32, grid->cell, heading_value(chip, (enum heading)h, i));
        if (pen->color && h == HEADING_CORE) fputs(PLAIN, pen->out);
        putc('\n', pen->out);
    }
    put_line(pen, grid->label + (int)(end - first) * grid->cell);
    for (uint32_t k = 0; k < placement->layer_count; k++) {
        put_cell(pen, short_name(pen, placement->layers[k].name).text, grid->label, SNNCLI_LEFT);
        for (uint32_t i = first; i < end; i++) {
            const uint32_t mark = mark_of(placement, k, i);
            fprintf(pen->out, "%*s", grid->cell - 1, "");
            put_colored(pen, mark_color(mark), mark_letter(pen, mark));
        }
        putc('\n', pen->out);
    }
}

/* The letters that the table has. */
static void put_legend(const struct pen *pen, const struct snn_placement *placement)
{
    bool used[MARK_COUNT] = {false};
    int column = 0;
    for (uint32_t k = 0; k < placement->layer_count; k++) {
        for (uint32_t i = 0; i < placement->chip.core_count; i++)
            used[mark_of(placement, k, i)] = true;
    }
    for (uint32_t i = 0; i < MARK_COUNT; i++) {
        const uint32_t mark = (i + MARK_PLACED) % MARK_COUNT; /* what is well comes first */
        if (!used[mark]) continue;
        const int width = 4 + (int)snncli_text_width(mark_name(mark));
        if (column > 0 && column + width > pen->width) {
            putc('\n', pen->out);
            column = 0;
        }
        fputs("  ", pen->out);
        put_colored(pen, mark_color(mark), mark_letter(pen, mark));
        fprintf(pen->out, " %s", mark_name(mark));
        column += width;
    }
    putc('\n', pen->out);
}

void snncli_placement_cores(const struct snncli_console *console, FILE *out,
                            const struct snn_placement *placement)
{
    const struct pen pen = make_pen(console, out);
    const struct grid grid = measure_grid(&pen, placement);
    const uint32_t count = placement->chip.core_count;
    for (uint32_t first = 0; first < count; first += grid.columns) {
        const uint32_t end = count - first < grid.columns ? count : first + grid.columns;
        if (first > 0) putc('\n', out);
        put_grid(&pen, placement, &grid, first, end);
    }
    put_legend(&pen, placement);
}

/* ---- Memory ---- */

/* A memory of a core, or of the largest that a layer might take. */
struct use {
    uint64_t used, there;
};

struct bar_row {
    char core[16];
    const char *layer;    /* "" of a free core */
    struct use memory[2]; /* kernel, neuron */
};

struct bar_widths {
    int core, layer, used, there, share, bar;
};

static struct snncli_text format_there(uint64_t words)
{
    struct snncli_text text;
    if (words % KI == 0)
        (void)snprintf(text.text, sizeof(text.text), "%" PRIu64 " Ki", words / KI);
    else
        text = snncli_format_count(words);
    return text;
}

static double share_of(const struct use *use)
{
    return (double)use->used / (double)(use->there > 0 ? use->there : 1);
}

static struct snncli_text format_used(const struct use *use)
{
    return use->used > 0 ? snncli_format_count(use->used) : (struct snncli_text){"-"};
}

/* Whole per cent, where neither "nothing" nor "full" is said too soon. */
static struct snncli_text format_share(const struct use *use)
{
    struct snncli_text text = {""};
    if (use->used == 0) return text;
    const double percent = 100.0 * share_of(use);
    const uint64_t whole = (uint64_t)(percent + 0.5);
    if (whole == 0)
        (void)snprintf(text.text, sizeof(text.text), "<1 %%");
    else if (whole == 100 && use->used != use->there)
        (void)snprintf(text.text, sizeof(text.text), "%s %%",
                       use->used < use->there ? "99" : ">100");
    else
        (void)snprintf(text.text, sizeof(text.text), "%" PRIu64 " %%", whole);
    return text;
}

/* Characters around the numbers of a memory: "  BAR USED of THERE  SHARE". */
enum { AROUND = 2 + 1 + 4 + 2 };

static struct bar_widths measure_bars(const struct pen *pen, const struct bar_row *rows,
                                      size_t count)
{
    struct bar_widths w = {.core = 4, .layer = 5, .share = 5};
    for (size_t i = 0; i < count; i++) {
        w.core = longer(w.core, rows[i].core);
        w.layer = longer(w.layer, short_name(pen, rows[i].layer).text);
        for (int k = 0; k < 2; k++) {
            w.used = longer(w.used, format_used(&rows[i].memory[k]).text);
            w.there = longer(w.there, format_there(rows[i].memory[k].there).text);
            w.share = longer(w.share, format_share(&rows[i].memory[k]).text);
        }
    }
    const int room = (pen->width - w.core - 2 - w.layer) / 2;
    w.bar = room - AROUND - w.used - w.there - w.share;
    if (w.bar < BAR_MIN) w.bar = BAR_MIN;
    return w;
}

static void put_bar(const struct pen *pen, const struct use *use, int width)
{
    const double share = share_of(use);
    const double length = share > 1.0 ? width : width * share;
    if (pen->color) fputs(share > 1.0 ? RED : CYAN, pen->out);
    int done = snncli_plot_blocks(pen->out, length, pen->utf8);
    if (pen->color) fputs(PLAIN DIM, pen->out);
    for (; done < width; done++)
        fputs(pen->utf8 ? "░" : ".", pen->out);
    if (pen->color) fputs(PLAIN, pen->out);
}

static void put_row(const struct pen *pen, const struct bar_row *row, const struct bar_widths *w)
{
    put_cell(pen, row->core, w->core, SNNCLI_RIGHT);
    fputs("  ", pen->out);
    put_cell(pen, short_name(pen, row->layer).text, w->layer, SNNCLI_LEFT);
    for (int k = 0; k < 2; k++) {
        const struct use *use = &row->memory[k];
        fputs("  ", pen->out);
        put_bar(pen, use, w->bar);
        putc(' ', pen->out);
        put_cell(pen, format_used(use).text, w->used, SNNCLI_RIGHT);
        fputs(" of ", pen->out);
        put_cell(pen, format_there(use->there).text, w->there, SNNCLI_RIGHT);
        if (k == 1 && use->used == 0) break;
        fputs("  ", pen->out);
        put_cell(pen, format_share(use).text, w->share, SNNCLI_RIGHT);
    }
    putc('\n', pen->out);
}

static void put_titles(const struct pen *pen, const struct bar_widths *w)
{
    const int half = w->bar + w->used + w->there + w->share + AROUND - 2;
    if (pen->color) fputs(BOLD, pen->out);
    put_cell(pen, "core", w->core, SNNCLI_RIGHT);
    fputs("  ", pen->out);
    put_cell(pen, "layer", w->layer, SNNCLI_LEFT);
    fputs("  ", pen->out);
    put_cell(pen, "kernel memory", half, SNNCLI_LEFT);
    fputs("  neuron memory", pen->out);
    fprintf(pen->out, "%s\n", pen->color ? PLAIN : "");
    put_line(pen, w->core + 2 + w->layer + 2 * (half + 2));
}

static struct bar_row core_row(const struct snn_placement *placement, uint32_t core)
{
    const struct snn_chip_core *there = &placement->chip.cores[core];
    const struct snncli_tenant tenant = snncli_placement_tenant(placement, core);
    struct bar_row row = {.layer = "",
                          .memory = {{0, there->kernel_words}, {0, there->neuron_words}}};
    (void)snprintf(row.core, sizeof(row.core), "%" PRIu32, core);
    if (tenant.layer == NULL) return row;
    row.layer = tenant.layer->name;
    row.memory[0].used = tenant.part->words.kernel;
    row.memory[1].used = tenant.part->words.neuron;
    return row;
}

/* A layer that lies nowhere, against the largest memories there are. */
static struct bar_row need_row(const struct snn_placement *placement, uint32_t layer)
{
    const struct snn_placed_layer *l = &placement->layers[layer];
    struct bar_row row = {.core = "-", .layer = l->name};
    row.memory[0].used = l->words.kernel;
    row.memory[1].used = l->words.neuron;
    for (uint32_t i = 0; i < placement->chip.core_count; i++) {
        const struct snn_chip_core *there = &placement->chip.cores[i];
        if (there->kernel_words > row.memory[0].there) row.memory[0].there = there->kernel_words;
        if (there->neuron_words > row.memory[1].there) row.memory[1].there = there->neuron_words;
    }
    return row;
}

void snncli_placement_memory(const struct snncli_console *console, FILE *out,
                             const struct snn_placement *placement)
{
    const struct pen pen = make_pen(console, out);
    struct bar_row rows[2 * SNN_CHIP_CORES_MAX];
    const bool any = snncli_placement_core_count(placement) > 0;
    size_t count = 0;
    bool needs = false;
    for (uint32_t core = 0; any && core < placement->chip.core_count; core++)
        rows[count++] = core_row(placement, core);
    for (uint32_t i = 0; i < placement->layer_count && count < 2 * SNN_CHIP_CORES_MAX; i++) {
        if (placement->layers[i].part_count > 0) continue;
        rows[count++] = need_row(placement, i);
        needs = true;
    }
    const struct bar_widths widths = measure_bars(&pen, rows, count);
    put_titles(&pen, &widths);
    for (size_t i = 0; i < count; i++)
        put_row(&pen, &rows[i], &widths);
    if (needs) fputs("  -: on no core; what it takes is shown against the largest\n", out);
}
