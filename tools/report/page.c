/* The page: what was run, what came of it, target by target, and the JSON document of it all. The
 * order is that in which a reader asks.
 *
 * Whatever comes from outside (names, paths, the command) is escaped; the document's "<" are
 * written as "\u003c", so that no name in it ends the element it stands in.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "snn/version.h"
#include "tools/report/page_parts.h"

bool snnreport_is_spiking(const struct snn_result *r)
{
    return r->timesteps > 0;
}

struct snnreport_name snnreport_target(const struct snn_result *r)
{
    struct snnreport_name name;
    const char *colon = r->chip != NULL ? ":" : "", *chip = r->chip != NULL ? r->chip->name : "";
    int used = snprintf(name.text, sizeof(name.text), "%.40s%s%.40s", r->target, colon, chip);
    if (!snnreport_is_spiking(r)) return name;
    const char *order = r->order != NULL ? r->order : "";
    (void)snprintf(name.text + used, sizeof(name.text) - (size_t)used, " %s%s%s%s", r->semantics,
                   *order != '\0' ? " " : "", order,
                   r->chip == NULL && strcmp(r->arith, "chip") == 0 ? ", 8-bit" : "");
    return name;
}

/* ---- What was run ---- */

static void put_fact(struct snnreport_text *out, const char *term, const char *value)
{
    if (value == NULL) return;
    snnreport_printf(out, "<div><dt>%s</dt><dd>", term);
    snnreport_escaped(out, value);
    snnreport_put(out, "</dd></div>\n");
}

static void put_targets(const struct snnreport_pen *pen)
{
    snnreport_printf(pen->out, "<div><dt>Target%s</dt><dd>",
                     pen->report->result_count > 1 ? "s" : "");
    for (uint32_t i = 0; i < pen->report->result_count; i++) {
        if (i > 0) snnreport_put(pen->out, "; ");
        snnreport_escaped(pen->out, snnreport_target(pen->report->results[i]).text);
    }
    snnreport_put(pen->out, "</dd></div>\n");
}

static void put_spiking_facts(const struct snnreport_pen *pen)
{
    const struct snn_report *report = pen->report;
    struct snnreport_text *out = pen->out;
    if (report->timesteps == 0) return;
    snnreport_put(out, "<div><dt>Time</dt><dd>");
    snnreport_number(out, SNNREPORT_COUNT, report->timesteps, "/options/timesteps");
    snnreport_put(out, " steps of ");
    snnreport_number(out, SNNREPORT_TIME, report->dt_us, "/options/dt_us");
    snnreport_put(out, "</dd></div>\n");
    put_fact(out, "Encoding", report->encoding);
    put_fact(out, "Thresholds", report->norm);
    put_fact(out, "Maximum pooling", report->max_pool);
    put_fact(out, "Calibrated on", report->calibrate);
    put_fact(out, "Compatible to", report->compat);
    snnreport_put(out, "<div><dt>Seed</dt><dd>");
    snnreport_number(out, SNNREPORT_COUNT, (double)report->seed, "/options/seed");
    snnreport_put(out, "</dd></div>\n");
}

void snnreport_page_run(const struct snnreport_pen *pen)
{
    const struct snn_report *report = pen->report;
    struct snnreport_text *out = pen->out;
    snnreport_put(out, "<section aria-label=\"What was run\">\n<dl class=\"facts\">\n");
    snnreport_put(out, "<div><dt>Data</dt><dd>");
    snnreport_escaped(out, report->data != NULL ? report->data : "");
    snnreport_put(out, "<br>");
    snnreport_number(out, SNNREPORT_COUNT, (double)report->samples, "/options/samples");
    snnreport_put(out, " samples");
    if (report->offset > 0) {
        snnreport_put(out, " from number ");
        snnreport_number(out, SNNREPORT_COUNT, (double)report->offset, "/options/offset");
    }
    snnreport_put(out, "</dd></div>\n");
    put_targets(pen);
    put_spiking_facts(pen);
    if (report->result_count > 0) put_fact(out, "Energy profile", report->results[0]->energy.name);
    snnreport_put(out, "</dl>\n");
    if (pen->page->command != NULL) {
        snnreport_put(out, "<pre class=\"command\" tabindex=\"0\" aria-label=\"Command\"><code>");
        snnreport_escaped(out, pen->page->command);
        snnreport_put(out, "</code></pre>\n");
    }
    snnreport_put(out, "</section>\n");
}

/* ---- Its frame ---- */

static void put_name(struct snnreport_text *out, const char *name)
{
    snnreport_escaped(out, name != NULL && *name != '\0' ? name : "net");
}

static void put_head(struct snnreport_text *out, const struct snnreport_page *page)
{
    snnreport_put(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                       "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                       "<meta name=\"color-scheme\" content=\"light dark\">\n"
                       "<meta name=\"generator\" content=\"");
    snnreport_printf(out, "libsnn %s\">\n<link rel=\"icon\" href=\"data:,\">\n<title>",
                     snn_version());
    put_name(out, page->report->model_name);
    snnreport_put(out, " as spikes</title>\n<style>\n");
    snnreport_chart_style(out);
    snnreport_page_style(out);
    snnreport_put(out, "</style>\n</head>\n");
}

/* A run that was stopped has no result of what was asked for, and says so before all else. */
static void put_warning(struct snnreport_text *out, const struct snn_report *report)
{
    for (uint32_t i = 0; i < report->result_count; i++) {
        if (report->results[i]->complete) continue;
        snnreport_put(out, "<p class=\"warning\" role=\"alert\"><strong>Interrupted.</strong> "
                           "This run was stopped: of ");
        snnreport_number(out, SNNREPORT_COUNT, (double)report->samples, "/options/samples");
        snnreport_put(out, " samples ");
        snnreport_number(out, SNNREPORT_COUNT, (double)report->results[i]->sample_count,
                         "/results/%u/samples", i);
        snnreport_put(out, " were run on ");
        snnreport_escaped(out, snnreport_target(report->results[i]).text);
        snnreport_put(out, ", and everything below speaks of those only.</p>\n");
    }
}

static void put_header(struct snnreport_text *out, const struct snn_report *report)
{
    snnreport_put(out, "<header>\n<h1>");
    put_name(out, report->model_name);
    snnreport_put(out, "</h1>\n<p class=\"note\">A report of ");
    snnreport_escaped(out, report->tool != NULL ? report->tool : "libsnn");
    snnreport_printf(out, " %s", snn_version());
    if (report->model_sha256 != NULL) {
        snnreport_put(out, " \xc2\xb7 model SHA-256 <code class=\"hash\">");
        snnreport_escaped(out, report->model_sha256);
        snnreport_put(out, "</code>");
    }
    snnreport_put(out, "</p>\n");
    put_warning(out, report);
    snnreport_put(out, "</header>\n");
}

/* ---- Target by target ---- */

static void put_result(const struct snnreport_pen *pen)
{
    struct snnreport_text *out = pen->out;
    snnreport_printf(out, "<section id=\"result-%u\">\n", pen->index);
    if (pen->report->result_count > 1) {
        snnreport_put(out, "<h2 class=\"target\">");
        snnreport_escaped(out, snnreport_target(pen->r).text);
        snnreport_put(out, "</h2>\n");
    }
    if (pen->r->sample_count == 0) {
        snnreport_put(out, "<p>No sample was run.</p>\n</section>\n");
        return;
    }
    snnreport_page_verdict(pen);
    snnreport_page_accuracy(pen);
    snnreport_page_latency(pen);
    snnreport_page_rules(pen);
    snnreport_page_layers(pen);
    snnreport_page_rates(pen);
    snnreport_page_confusion(pen);
    snnreport_page_raster(pen);
    snnreport_page_silent(pen);
    snnreport_page_chip(pen);
    snnreport_put(out, "</section>\n");
}

static void put_json(struct snnreport_text *out, const char *json)
{
    snnreport_put(out, "<script type=\"application/json\" id=\"result\">\n");
    while (*json != '\0') {
        const size_t size = strcspn(json, "<");
        snnreport_printf(out, "%.*s", (int)size, json);
        json += size;
        if (*json == '\0') break;
        snnreport_put(out, "\\u003c");
        json++;
    }
    snnreport_put(out, "</script>\n");
}

static void put_footer(const struct snnreport_pen *pen)
{
    struct snnreport_text *out = pen->out;
    double seconds = 0.0;
    for (uint32_t i = 0; i < pen->report->result_count; i++)
        seconds += pen->report->results[i]->seconds;
    snnreport_put(out,
                  "<footer>\n<p>Intervals hold with 95&nbsp;% confidence (Wilson 1927), as if the "
                  "samples had been drawn independently. Energy is a count times the "
                  "constants of a published profile, no measurement. The run took ");
    snnreport_number(out, SNNREPORT_TIME, seconds * 1e6, "/timing/seconds");
    snnreport_put(out, ". All numbers, unrounded, are in this page as the JSON document of "
                       "<code>snnsim --json</code>, in its element <code>result</code>.</p>\n"
                       "</footer>\n");
}

void snnreport_page(struct snnreport_text *out, const struct snnreport_page *page)
{
    const struct snn_report *report = page->report;
    struct snnreport_pen pen = {.out = out, .page = page, .report = report, .level = 2};
    put_head(out, page);
    snnreport_put(out, "<body>\n");
    put_header(out, report);
    snnreport_put(out, "<main>\n");
    snnreport_page_run(&pen);
    if (report->result_count > 1) {
        snnreport_page_comparison(&pen);
        pen.level = 3;
    }
    for (uint32_t i = 0; i < report->result_count; i++) {
        pen.r = report->results[i];
        pen.index = i;
        put_result(&pen);
    }
    snnreport_put(out, "</main>\n");
    put_footer(&pen);
    put_json(out, page->json);
    snnreport_put(out, "</body>\n</html>\n");
}
