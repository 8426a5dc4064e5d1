/* What was counted in recordings, for people; see recording.h.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli/table.h"
#include "tools/snnconvert/recording.h"

enum { ROWS_MAX = 20, FORMATS_MAX = 16 };

static double share(uint64_t part, uint64_t all)
{
    return all > 0 ? (double)part / (double)all : 0.0;
}

/* "36 % ON"; a view may leave but one polarity. */
static void print_on(const struct snnconvert_session *s, const struct snn_recording_info *info)
{
    if (snnconvert_sees_one_polarity(s))
        printf(", all of one polarity\n");
    else
        printf(", %s ON (%s)\n", snncli_format_count(info->on_count).text,
               snncli_format_percent(share(info->on_count, info->event_count)).text);
}

static struct snncli_text duration_text(const struct snn_recording_info *info)
{
    const double seconds = (double)(info->last_us - info->first_us) * 1e-6;
    return seconds < 1.0 ? snncli_format_unit(seconds, "s") : snncli_format_seconds(seconds);
}

static void print_rate(const struct snnconvert_recording *r)
{
    if (r->info.event_count == 0) return;
    if (r->info.last_us > r->info.first_us)
        printf("rate         %s events/s\n", snncli_format_si(snnconvert_recording_rate(r)).text);
    printf("peak         %s in a millisecond\n", snncli_format_count(r->peak_count).text);
    printf("pixels       x %u..%u, y %u..%u\n", r->first_x, r->last_x, r->first_y, r->last_y);
}

/* What is not as it should be, and what the view takes out: only where there is any. */
static void print_rest(const struct snn_recording_info *info)
{
    if (info->unseen_count > 0)
        printf("unseen       %s events that the view takes out\n",
               snncli_format_count(info->unseen_count).text);
    if (info->other_count > 0)
        printf("skipped      %s others: triggers, frames, motion samples, ...\n",
               snncli_format_count(info->other_count).text);
    if (info->late_count > 0)
        printf("late         %s events, by %s us at most\n",
               snncli_format_count(info->late_count).text,
               snncli_format_count(info->late_max_us).text);
    if (info->invalid_count > 0)
        printf("invalid      %s events left out\n", snncli_format_count(info->invalid_count).text);
}

static void print_one(const struct snnconvert_session *s, const struct snnconvert_recording *r)
{
    const struct snn_recording_info *info = &r->info;
    printf("recording    %s\n", snnconvert_base_name(r->path));
    printf("format       %s\n", info->format);
    if (s->options.view != NULL) printf("view         %s\n", s->options.view);
    if (info->width > 0)
        printf("sensor       %ux%u (width x height)\n", info->width, info->height);
    else
        printf("sensor       the file does not say\n");
    printf("events       %s", snncli_format_count(info->event_count).text);
    print_on(s, info);
    if (info->event_count > 0)
        printf("time         %" PRIu64 "..%" PRIu64 " us, %s\n", info->first_us, info->last_us,
               duration_text(info).text);
    print_rate(r);
    print_rest(info);
}

/* ---- Folders ---- */

static int compare_labels(const void *a, const void *b)
{
    const int32_t first = *(const int32_t *)a, second = *(const int32_t *)b;
    return (first > second) - (first < second);
}

/* "10, 0..9, of 6 recordings each"; false without memory. */
static bool print_classes(const struct snnconvert_recordings *all)
{
    int32_t *labels = calloc(all->count, sizeof(*labels));
    if (labels == NULL) return false;
    for (size_t i = 0; i < all->count; i++)
        labels[i] = all->items[i].label;
    qsort(labels, all->count, sizeof(*labels), compare_labels);
    size_t classes = 0, fewest = all->count, most = 0;
    for (size_t i = 0, run = 1; i < all->count; i++, run++) {
        if (i + 1 < all->count && labels[i + 1] == labels[i]) continue;
        classes++;
        if (run < fewest) fewest = run;
        if (run > most) most = run;
        run = 0;
    }
    printf("classes      %zu, labels %d..%d, of %zu", classes, labels[0], labels[all->count - 1],
           fewest);
    if (most > fewest) printf(" to %zu", most);
    printf(" recordings each\n");
    free(labels);
    return true;
}

static void print_formats(const struct snnconvert_recordings *all)
{
    const char *names[FORMATS_MAX];
    size_t counts[FORMATS_MAX] = {0}, known = 0;
    for (size_t i = 0; i < all->count; i++) {
        size_t at = 0;
        while (at < known && strcmp(names[at], all->items[i].info.format) != 0)
            at++;
        if (at == FORMATS_MAX) continue;
        if (at == known) names[known++] = all->items[i].info.format;
        counts[at]++;
    }
    printf("formats     ");
    for (size_t i = 0; i < known; i++)
        printf("%s %s (%zu)", i > 0 ? "," : "", names[i], counts[i]);
    printf("\n");
}

static struct snnconvert_recording add_up(const struct snnconvert_recordings *all)
{
    struct snnconvert_recording sum = all->items[0];
    for (size_t i = 1; i < all->count; i++) {
        const struct snnconvert_recording *r = &all->items[i];
        sum.info.event_count += r->info.event_count;
        sum.info.on_count += r->info.on_count;
        sum.info.unseen_count += r->info.unseen_count;
        sum.info.other_count += r->info.other_count;
        sum.info.late_count += r->info.late_count;
        sum.info.invalid_count += r->info.invalid_count;
        if (r->info.late_max_us > sum.info.late_max_us) sum.info.late_max_us = r->info.late_max_us;
        if (r->last_x > sum.last_x) sum.last_x = r->last_x;
        if (r->last_y > sum.last_y) sum.last_y = r->last_y;
    }
    return sum;
}

static bool print_folder(const struct snnconvert_session *s,
                         const struct snnconvert_recordings *all)
{
    const struct snnconvert_recording sum = add_up(all);
    printf("folder       %s\n", s->options.model);
    printf("recordings   %s\n", snncli_format_count(all->count).text);
    print_formats(all);
    if (s->options.view != NULL) printf("view         %s\n", s->options.view);
    printf("pixels       up to %ux%u (width x height)\n", sum.last_x + 1u, sum.last_y + 1u);
    printf("events       %s", snncli_format_count(sum.info.event_count).text);
    print_on(s, &sum.info);
    print_rest(&sum.info);
    if (all->labelled) return print_classes(all);
    printf("classes      no labels\n");
    return true;
}

static int print_rows(const struct snnconvert_session *s, const struct snnconvert_recordings *all)
{
    static const struct snncli_column columns[] = {
        {"recording", SNNCLI_LEFT}, {"label", SNNCLI_RIGHT},     {"format", SNNCLI_LEFT},
        {"events", SNNCLI_RIGHT},   {"ON", SNNCLI_RIGHT},        {"duration", SNNCLI_RIGHT},
        {"events/s", SNNCLI_RIGHT}, {"most a ms", SNNCLI_RIGHT}, {NULL, SNNCLI_LEFT}};
    const bool one = snnconvert_sees_one_polarity(s);
    const bool whole = s->console.verbosity > 0 || all->count <= ROWS_MAX;
    struct snncli_table table;
    snncli_table_init(&table, columns);
    for (size_t i = 0; i < (whole ? all->count : ROWS_MAX); i++) {
        const struct snnconvert_recording *r = &all->items[i];
        const struct snn_recording_info *info = &r->info;
        snncli_table_cell(&table, "%s", snnconvert_base_name(r->path));
        if (r->label >= 0)
            snncli_table_cell(&table, "%d", r->label);
        else
            snncli_table_cell(&table, "%s", "");
        snncli_table_cell(&table, "%s", info->format);
        snncli_table_cell(&table, "%s", snncli_format_count(info->event_count).text);
        const double on = one ? (double)NAN : share(info->on_count, info->event_count);
        snncli_table_cell(&table, "%s", snncli_format_percent(on).text);
        snncli_table_cell(&table, "%s", duration_text(info).text);
        snncli_table_cell(&table, "%s", snncli_format_si(snnconvert_recording_rate(r)).text);
        snncli_table_cell(&table, "%s", snncli_format_count(r->peak_count).text);
    }
    int status = snncli_table_print(&table, stdout, s->console.utf8, s->console.out_color);
    snncli_table_fini(&table);
    if (!whole) printf("%zu more: all of them with -v\n", all->count - ROWS_MAX);
    return status == SNN_OK ? SNNCLI_EXIT_OK : SNNCLI_EXIT_NO_MEMORY;
}

int snnconvert_recordings_print(struct snnconvert_session *s,
                                const struct snnconvert_recordings *all)
{
    if (!all->is_folder) {
        print_one(s, &all->items[0]);
        return SNNCLI_EXIT_OK;
    }
    if (!print_folder(s, all)) return SNNCLI_EXIT_NO_MEMORY;
    printf("\n");
    return print_rows(s, all);
}
