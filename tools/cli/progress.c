/* The progress bar and its plain-line twin; see progress.h.
 *
 * The bar stands in one line that is rewritten in place. It marks the console, so that a message
 * clears the line first; the next update draws the bar again below the message.
 */
#include "tools/cli/progress.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "tools/cli/plot.h"
#include "tools/cli/table.h"

#define REDRAW_S 0.1
#define LINE_S 5.0
#define BAR_MAX 40
#define BAR_MIN 8
#define GREEN "\033[32m"
#define PLAIN "\033[0m"

static double monotonic_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

void snncli_progress_init(struct snncli_progress *progress, struct snncli_console *console,
                          const char *label, const char *unit, uint64_t total)
{
    memset(progress, 0, sizeof *progress);
    progress->console = console;
    progress->label = label;
    progress->unit = unit;
    progress->total = total;
}

/* "4200/10000 samples, 1.23 k/s, 0:05 left"; rate and time only once they mean something. Without a
 * unit nothing is counted: "0:05 left". */
static void describe(const struct snncli_progress *progress, uint64_t done, double now_s,
                     char *text, size_t size)
{
    double elapsed = now_s - progress->start_s;
    double rate = elapsed > 0 ? (double)(done - progress->first) / elapsed : 0;
    double left = rate > 0 && progress->total >= done ? (double)(progress->total - done) / rate : 0;
    size_t used = 0;

    if (progress->unit == NULL) {
        snprintf(text, size, "%s left", rate > 0 ? snncli_format_clock(left).text : "-:--");
        return;
    }
    if (progress->total > 0)
        used += (size_t)snprintf(text, size, "%" PRIu64 "/%" PRIu64 " %s", done, progress->total,
                                 progress->unit);
    else
        used += (size_t)snprintf(text, size, "%" PRIu64 " %s", done, progress->unit);
    if (rate > 0 && used < size)
        used += (size_t)snprintf(text + used, size - used, ", %s/s", snncli_format_si(rate).text);
    if (rate > 0 && used < size && progress->total >= done && progress->total > 0)
        snprintf(text + used, size - used, ", %s left", snncli_format_clock(left).text);
}

/* A bar of `cells` cells, filled to `share`. */
static void put_bar(const struct snncli_console *console, int cells, double share)
{
    FILE *out = console->err;

    fputs(console->utf8 ? "▕" : "[", out);
    if (console->err_color) fputs(GREEN, out);
    int written = snncli_plot_blocks(out, share * cells, console->utf8);
    if (console->err_color) fputs(PLAIN, out);
    fprintf(out, "%*s%s", cells - written, "", console->utf8 ? "▏" : "]");
}

/* Label, bar as wide as the line allows, text; everything cut to the line, because a wrapped line
 * could not be erased. */
static void draw(const struct snncli_progress *progress, const char *text, double share)
{
    struct snncli_console *console = progress->console;
    int width = snncli_console_width(console->err) - 1;
    int label = (int)snncli_text_width(progress->label);
    int cells = width - label - (int)strlen(text) - (int)sizeof "  100 %  |  " + 1;

    flockfile(console->err);
    fputs("\r", console->err);
    if (cells >= BAR_MIN && progress->total > 0) {
        fprintf(console->err, "%s ", progress->label);
        put_bar(console, cells > BAR_MAX ? BAR_MAX : cells, share);
        fprintf(console->err, " %3d %%  %s", (int)(share * 100), text);
    } else if (label + 2 + (int)strlen(text) <= width) {
        fprintf(console->err, "%s: %s", progress->label, text);
    } else {
        fprintf(console->err, "%.*s", width, text);
    }
    fputs("\033[K", console->err);
    fflush(console->err);
    console->bar_drawn = true;
    funlockfile(console->err);
}

void snncli_progress_update_at(struct snncli_progress *progress, uint64_t done, uint64_t total,
                               double now_s)
{
    struct snncli_console *console = progress->console;
    double interval = console->err_is_terminal ? REDRAW_S : LINE_S;
    char text[160];

    if (console->verbosity < 0) return;
    if (total > 0) progress->total = total;
    if (!progress->started) {
        progress->started = true;
        progress->first = done;
        progress->start_s = now_s;
        progress->next_s = now_s + interval;
        return;
    }
    if (now_s < progress->next_s) return;
    progress->next_s = now_s + interval;

    double share = progress->total > 0 ? (double)done / (double)progress->total : 0;
    if (share > 1) share = 1;
    describe(progress, done, now_s, text, sizeof text);
    if (console->err_is_terminal)
        draw(progress, text, share);
    else if (progress->total > 0)
        fprintf(console->err, "%s: %s: %d %%, %s\n", console->tool, progress->label,
                (int)(share * 100), text);
    else
        fprintf(console->err, "%s: %s: %s\n", console->tool, progress->label, text);
}

void snncli_progress_update(struct snncli_progress *progress, uint64_t done, uint64_t total)
{
    snncli_progress_update_at(progress, done, total, monotonic_s());
}

void snncli_progress_finish(struct snncli_progress *progress)
{
    struct snncli_console *console = progress->console;

    if (!console || !console->bar_drawn) return;
    fputs("\r\033[K", console->err);
    fflush(console->err);
    console->bar_drawn = false;
}
