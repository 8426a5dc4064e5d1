/* snndev monitor: the spikes of each core as they happen, on a terminal, as lines, as a page.
 *
 * With a model its samples go round and round, and between steps there is time to look; without,
 * only the counters are read.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/cli/interrupt.h"
#include "tools/cli/json.h"
#include "tools/cli/plot.h"
#include "tools/cli/table.h"
#include "tools/snndev/play.h"
#include "tools/snndev/serve.h"

/* Between two readings of the counters; a line where there is no terminal. */
#define TICK_S 0.2
#define LINE_S 1.0
enum { SPARK_COLUMNS = 24, NAME_COLUMNS = 10 };

struct monitor {
    struct snndev_session *session;
    struct snndev_play play;
    struct snndev_rates rates;
    struct snndev_server *server;
    uint32_t *counts; /* [class] */
    bool terminal;
    unsigned drawn; /* lines on the terminal that the next picture goes over */
    double next_s, next_line_s, end_s;
    int status; /* of what went wrong between steps */
};

/* ---- Pictures ---- */

/* The last of a history in eighths of a line. */
static void put_spark(const struct snndev_core_rate *core, bool utf8)
{
    static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char plain[] = " .:-=+*#@";
    for (int i = SNNDEV_HISTORY - SPARK_COLUMNS; i < SNNDEV_HISTORY; i++) {
        const double share = core->peak > 0.0 ? core->history[i] / core->peak : 0.0;
        int level = (int)(share * 8.0 + 0.5);
        if (level == 0 && core->history[i] > 0.0) level = 1;
        if (utf8)
            fputs(blocks[level], stdout);
        else
            putchar(plain[level]);
    }
}

static void put_summary(const struct snndev_rates *rates)
{
    printf("in %s/s  out %s/s", snncli_format_si(rates->in_rate).text,
           snncli_format_si(rates->out_rate).text);
    if (rates->samples > 0) printf("  samples %" PRIu64, rates->samples);
    if (rates->labelled > 0)
        printf("  right %s",
               snncli_format_percent((double)rates->right / (double)rates->labelled).text);
    printf("  lost %" PRIu64, rates->lost.events);
    if (rates->lost.words > 0) printf(" and %" PRIu64 " words", rates->lost.words);
}

static void draw_terminal(struct monitor *m)
{
    const struct snndev_rates *rates = &m->rates;
    const bool utf8 = m->session->console.utf8;
    const int width = snncli_console_width(stdout);
    const int room = width - NAME_COLUMNS - SPARK_COLUMNS - 24;
    const double scale = snndev_rates_scale(rates);
    if (m->drawn > 0) printf("\033[%uA", m->drawn);
    printf("\r%.*s\033[K\n", width, rates->title);
    for (uint32_t i = 0; i < rates->core_count; i++) {
        const struct snndev_core_rate *core = &rates->cores[i];
        printf("%2u %-*.*s %8s/s ", core->core, NAME_COLUMNS, NAME_COLUMNS, core->name,
               snncli_format_si(core->rate).text);
        put_spark(core, utf8);
        putchar(' ');
        if (room > 4) (void)snncli_plot_blocks(stdout, core->rate / scale * room, utf8);
        fputs("\033[K\n", stdout);
    }
    put_summary(rates);
    fputs("\033[K\n", stdout);
    (void)fflush(stdout);
    m->drawn = rates->core_count + 2;
}

static void print_line(const struct snndev_rates *rates)
{
    printf("%6.1f s ", rates->last_s - rates->start_s);
    for (uint32_t i = 0; i < rates->core_count; i++) {
        const struct snndev_core_rate *core = &rates->cores[i];
        if (core->name[0] != '\0')
            printf("  %s", core->name);
        else
            printf("  core%u", core->core);
        printf(" %s/s", snncli_format_si(core->rate).text);
    }
    fputs("  ", stdout);
    put_summary(rates);
    putchar('\n');
    (void)fflush(stdout);
}

static void show(struct monitor *m, double now_s)
{
    const bool text = snndev_wants_text(m->session);
    const bool line = now_s >= m->next_line_s;
    if (line) m->next_line_s = now_s + LINE_S - TICK_S / 2;
    if (line && m->session->result.out != NULL) snndev_page_json(m->session->result.out, &m->rates);
    if (text && m->terminal)
        draw_terminal(m);
    else if (text && line)
        print_line(&m->rates);
}

/* ---- Between steps ---- */

/* Reads, shows, answers browsers; false to stop. `wait_ms` may be spent on waiting for them. */
static bool look(struct monitor *m, unsigned wait_ms)
{
    const double now_s = snndev_now_s();
    if (m->server != NULL) snndev_server_poll(m->server, &m->rates, wait_ms);
    if (snncli_interrupt_pending() || ferror(stdout)) return false;
    if (m->end_s > 0.0 && now_s >= m->end_s) return false;
    if (now_s < m->next_s) return true;
    struct snn_device_statistics have;
    const bool first = !m->rates.primed;
    m->status = snndev_read_statistics(m->session, &have);
    if (m->status != SNNCLI_EXIT_OK) return false;
    snndev_rates_take(&m->rates, &have, now_s);
    m->next_s = now_s + TICK_S;
    if (first)
        m->next_line_s = now_s + LINE_S - TICK_S / 2;
    else
        show(m, now_s);
    return true;
}

static bool go_on(void *user)
{
    return look(user, 0);
}

static bool count_item(const struct snn_device_item *item, uint32_t step, void *user)
{
    struct monitor *m = user;
    (void)step;
    if (item->kind != SNN_DEVICE_EVENT) return true;
    const uint32_t class = snndev_class_of(m->session->program, &item->event);
    if (class != UINT32_MAX) m->counts[class]++;
    return true;
}

static void judge(struct monitor *m, uint64_t index)
{
    const struct snn_program *program = m->session->program;
    const int32_t label = snn_source_label(m->session->source, index);
    uint32_t best = 0;
    for (uint32_t c = 1; c < program->class_count; c++) {
        if (m->counts[c] > m->counts[best]) best = c;
    }
    m->rates.samples++;
    m->rates.labelled += label >= 0;
    m->rates.right += label >= 0 && m->counts[best] > 0 && best == (uint32_t)label;
    memset(m->counts, 0, program->class_count * sizeof(*m->counts));
}

/* Samples round and round. */
static int follow_model(struct monitor *m)
{
    struct snndev_session *s = m->session;
    const struct snndev_options *o = &s->options;
    const uint64_t left = snn_source_count(s->source) - o->offset;
    const uint64_t count = o->samples > 0 ? o->samples : left;
    m->play.item = count_item;
    m->play.go_on = go_on;
    m->play.user = m;
    m->counts = calloc(s->program->class_count, sizeof(*m->counts));
    if (m->counts == NULL) return snndev_fail_memory(s);
    int status = snndev_play_open(&m->play, s);
    for (uint64_t i = 0; status == SNNCLI_EXIT_OK; i = (i + 1) % count) {
        status = snndev_play_sample(&m->play, o->offset + i);
        if (status == SNNCLI_EXIT_OK) judge(m, o->offset + i);
    }
    return status;
}

static int follow_counters(struct monitor *m)
{
    const struct timespec pause = {.tv_nsec = 50000000};
    while (look(m, 50)) {
        if (m->server == NULL) (void)nanosleep(&pause, NULL);
    }
    return SNNCLI_EXIT_INTERRUPTED;
}

/* ---- The whole ---- */

static void name_cores(struct monitor *m)
{
    const struct snndev_session *s = m->session;
    const struct snn_device_info *about = snn_device_about(s->device);
    struct snndev_rates *rates = &m->rates;
    if (s->program == NULL) {
        (void)snprintf(rates->title, sizeof(rates->title), "%s, %s", snndev_name(s).text,
                       about->uri);
        for (uint32_t i = 0; i < about->core_count && i < SNN_DEVICE_CORES_MAX; i++)
            rates->cores[rates->core_count++].core = i;
        return;
    }
    (void)snprintf(rates->title, sizeof(rates->title), "%.40s on %s, %s", s->program->name,
                   snndev_name(s).text, about->uri);
    for (uint32_t i = 0; i < s->program->core_count; i++) {
        const struct snn_core *core = &s->program->cores[i];
        if (core->index >= SNN_DEVICE_CORES_MAX || rates->core_count == SNN_DEVICE_CORES_MAX)
            continue;
        struct snndev_core_rate *rate = &rates->cores[rates->core_count++];
        rate->core = core->index;
        (void)snprintf(rate->name, sizeof(rate->name), "%s", core->layer);
    }
}

static int open_server(struct monitor *m)
{
    const struct snndev_options *o = &m->session->options;
    const bool six = strchr(o->serve.host, ':') != NULL;
    uint16_t port = 0;
    if (o->serve_text == NULL) return SNNCLI_EXIT_OK;
    int status = snndev_server_open(&m->server, &m->session->console, &o->serve, &port);
    if (status != SNNCLI_EXIT_OK) return status;
    fprintf(snndev_wants_text(m->session) ? stdout : stderr,
            "live at http://%s%s%s:%u/  (Ctrl-C ends it)\n", six ? "[" : "", o->serve.host,
            six ? "]" : "", port);
    (void)fflush(stdout);
    return SNNCLI_EXIT_OK;
}

/* Being stopped is how it ends. */
static int judge_end(struct monitor *m, int status)
{
    struct snndev_session *s = m->session;
    if (m->status != SNNCLI_EXIT_OK) return m->status;
    if (status != SNNCLI_EXIT_INTERRUPTED) return status;
    if (!snndev_losses_any(&m->rates.lost) || s->options.allow_loss) return SNNCLI_EXIT_OK;
    (void)snncli_fail(&s->console, SNNCLI_EXIT_IO, s->options.uri, "%s were lost",
                      snndev_losses_format(&m->rates.lost).text);
    snncli_hint(&s->console, "--allow-loss accepts it");
    return SNNCLI_EXIT_IO;
}

int snndev_monitor(struct snndev_session *s)
{
    struct monitor monitor = {.session = s, .terminal = isatty(STDOUT_FILENO) != 0};
    const char *term = getenv("TERM");
    monitor.terminal = monitor.terminal && term != NULL && strcmp(term, "dumb") != 0;
    int status = snndev_open(s, s->options.uri);
    if (status == SNNCLI_EXIT_OK && s->options.model != NULL) {
        status = snndev_make_program(s);
        if (status == SNNCLI_EXIT_OK) status = snndev_open_data(s);
        if (status == SNNCLI_EXIT_OK) status = snndev_put_program(s, NULL, NULL);
    }
    if (status != SNNCLI_EXIT_OK) return status;
    name_cores(&monitor);
    status = open_server(&monitor);
    if (s->options.seconds > 0.0) monitor.end_s = snndev_now_s() + s->options.seconds;
    if (status == SNNCLI_EXIT_OK)
        status = s->program != NULL ? follow_model(&monitor) : follow_counters(&monitor);
    snndev_play_close(&monitor.play);
    snndev_server_close(&monitor.server);
    free(monitor.counts);
    return judge_end(&monitor, status);
}
