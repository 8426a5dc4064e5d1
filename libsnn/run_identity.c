/* The lines that a run is known by. Whatever decides what becomes of a sample stands here; what
 * only decides how a result is read (energy), how fast it comes (threads) or who hears of it does
 * not.
 */
#include "libsnn/run_identity.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/number.h"
#include "libsnn/model/digest.h"
#include "libsnn/run_check.h"
#include "libsnn/stream/target.h"
#include "snn/version.h"

struct lines {
    struct snn_context *context;
    struct snnbase_buffer *out;
    int status; /* the first error sticks */
};

static void put(struct lines *l, const char *text)
{
    if (l->status == SNN_OK)
        l->status = snnbase_buffer_append(l->context, l->out, text, strlen(text));
}

static void put_text(struct lines *l, const char *name, const char *value)
{
    if (value == NULL) return;
    put(l, name);
    put(l, "=");
    put(l, value);
    put(l, "\n");
}

static void put_number(struct lines *l, const char *name, uint64_t value)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%" PRIu64, value);
    put_text(l, name, text);
}

static void put_rules(struct lines *l, const char *name, const struct snn_rule *rules,
                      uint32_t count)
{
    char rule[64];
    put(l, name);
    put(l, "=");
    for (uint32_t i = 0; i < count; i++) {
        snn_rule_format(&rules[i], rule, sizeof(rule));
        if (i > 0) put(l, ",");
        put(l, rule);
    }
    put(l, "\n");
}

static void put_spiking(struct lines *l, const struct snn_partial *p,
                        const struct snn_run_options *o)
{
    char dt_us[SNNBASE_NUMBER_SIZE];
    const bool frames = snn_source_kind(p->of.source) == SNN_SOURCE_FRAMES;
    snnbase_number_format(o->dt_us, dt_us);
    put_number(l, "timesteps", o->timesteps);
    put_text(l, "dt_us", dt_us);
    put_text(l, "encoding", frames ? snn_encoding_name(o->encoding) : NULL);
    put_number(l, "seed", o->seed);
    put_text(l, "synops", o->accounting == SNN_SYNOPS_EXACT ? "exact" : "sinabs-0.3.3");
    put_rules(l, "rules", o->rules, o->rule_count);
    put_rules(l, "sweep", o->sweep, o->sweep_count);
    put_text(l, "until_decided", o->until_decided ? "yes" : "no");
    put_text(l, "counts", o->sample != NULL ? "yes" : "no");
}

int snnrun_identity_options(const struct snn_partial *p, struct snn_context *context,
                            const struct snn_run_options *o, struct snnbase_buffer *out)
{
    struct lines l = {.context = context, .out = out};
    const struct snn_chip *chip = snn_target_chip(p->of.target);
    put_text(&l, "libsnn", snn_version());
    put_text(&l, "target", snnstream_target_uri(p->of.target));
    put_text(&l, "chip", chip != NULL ? chip->name : NULL);
    put_text(&l, "semantics", snn_target_semantics(p->of.target));
    put_text(&l, "order", snn_target_order(p->of.target));
    put_number(&l, "offset", o->offset);
    put_number(&l, "samples", snnrun_sample_count(p->of.source, o));
    if (p->of.net != NULL) put_spiking(&l, p, o);
    return l.status;
}

/* --- Content ---------------------------------------------------------------------------------- */

static void put_digest(struct lines *l, const char *name,
                       const unsigned char digest[SNNBASE_SHA256_SIZE])
{
    char hex[SNNBASE_SHA256_HEX_SIZE];
    snnbase_sha256_format(digest, hex);
    put_text(l, name, hex);
}

int snnrun_identity_content(const struct snn_partial *p, struct snn_context *context,
                            const struct snn_run_options *o, struct snnbase_buffer *out)
{
    struct lines l = {.context = context, .out = out};
    unsigned char digest[SNNBASE_SHA256_SIZE];
    char data[17];
    if (p->of.net != NULL)
        snnmodel_digest_net(p->of.net, digest);
    else
        snnmodel_digest_graph(p->of.graph, digest);
    put_digest(&l, "model", digest);
    if (o->cnn != NULL) {
        snnmodel_digest_graph(o->cnn, digest);
        put_digest(&l, "cnn", digest);
    }
    (void)snprintf(data, sizeof(data), "%016" PRIx64, snn_source_digest(p->of.source));
    put_text(&l, "data", data);
    return l.status;
}

/* --- Differences ------------------------------------------------------------------------------ */

/* NAME=VALUE up to the end of the line, which points behind it; false at the end of the text. */
struct line {
    const char *name, *value;
    int name_size, value_size;
};

static bool next_line(const char **text, struct line *out)
{
    const char *begin = *text, *end = strchr(begin, '\n');
    if (end == NULL) return false;
    const char *equals = memchr(begin, '=', (size_t)(end - begin));
    if (equals == NULL) return false;
    *out = (struct line){begin, equals + 1, (int)(equals - begin), (int)(end - equals - 1)};
    *text = end + 1;
    return true;
}

static bool is_text(const char *a, int a_size, const char *b, int b_size)
{
    return a_size == b_size && memcmp(a, b, (size_t)a_size) == 0;
}

static bool find_line(const char *text, const struct line *like, struct line *out)
{
    while (next_line(&text, out)) {
        if (is_text(out->name, out->name_size, like->name, like->name_size)) return true;
    }
    return false;
}

/* Digests say nothing to anybody. */
static const char *name_content(const struct line *line)
{
    static const struct {
        const char *name, *said;
    } rows[] = {{"model", "another model"}, {"cnn", "another CNN"}, {"data", "other data"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (is_text(line->name, line->name_size, rows[i].name, (int)strlen(rows[i].name)))
            return rows[i].said;
    }
    return NULL;
}

struct said {
    char *text;
    size_t size, used;
};

static void say(struct said *s, const struct line *line, const struct line *there,
                const struct line *here)
{
    static const struct line none = {.value = "none", .value_size = 4};
    const char *content = name_content(line);
    const char *comma = s->used > 0 ? "; " : "";
    int written = 0;
    if (s->used >= s->size) return;
    if (there == NULL) there = &none;
    if (here == NULL) here = &none;
    if (there->value_size == 0) there = &none;
    if (here->value_size == 0) here = &none;
    if (there == here) return; /* an empty line here, none there */
    if (content != NULL)
        written = snprintf(s->text + s->used, s->size - s->used, "%s%s", comma, content);
    else
        written = snprintf(s->text + s->used, s->size - s->used, "%s%.*s %.*s there, %.*s here",
                           comma, line->name_size, line->name, there->value_size, there->value,
                           here->value_size, here->value);
    if (written > 0) s->used += (size_t)written;
}

void snnrun_identity_compare(const char *there, const char *here, char *text, size_t size)
{
    struct said said = {.text = text, .size = size};
    struct line line, other;
    if (size == 0) return;
    text[0] = '\0';
    for (const char *at = there; next_line(&at, &line);) {
        const bool found = find_line(here, &line, &other);
        if (!found || !is_text(line.value, line.value_size, other.value, other.value_size))
            say(&said, &line, &line, found ? &other : NULL);
    }
    for (const char *at = here; next_line(&at, &line);) {
        if (!find_line(there, &line, &other)) say(&said, &line, NULL, &line);
    }
}
