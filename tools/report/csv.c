/* The results as tables of comma-separated values, for people with plots of their own: a file a
 * table, each with a line for its columns and lines as RFC 4180 has them. What a run does not have
 * is an empty field, or a table without rows: no file of an earlier run stays behind.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snn/file.h"
#include "snn/status.h"
#include "tools/report/page.h"

/* A table as it grows. */
struct csv {
    struct snnreport_text out;
    bool started; /* a field of this line is written */
    const struct snn_report *report;
    const struct snn_result *r;
    uint32_t index;
};

/* ---- Fields ---- */

static void begin_field(struct csv *csv)
{
    if (csv->started) snnreport_put(&csv->out, ",");
    csv->started = true;
}

/* A name that a spreadsheet would take for a formula and compute gets an apostrophe in front, which
 * spreadsheets do not show. */
static void put_text(struct csv *csv, const char *text)
{
    begin_field(csv);
    if (text == NULL) return;
    const char *guard = *text != '\0' && strchr("=+-@\t\r", *text) != NULL ? "'" : "";
    if (strpbrk(text, ",\"\r\n") == NULL) {
        snnreport_printf(&csv->out, "%s%s", guard, text);
        return;
    }
    snnreport_printf(&csv->out, "\"%s", guard);
    for (; *text != '\0'; text++)
        snnreport_printf(&csv->out, *text == '"' ? "\"%c" : "%c", *text);
    snnreport_put(&csv->out, "\"");
}

/* The shortest text that reads back to the same double; the tools leave numbers in the C locale. */
static void put_number(struct csv *csv, double value)
{
    char text[40];
    begin_field(csv);
    if (!isfinite(value)) return;
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof(text), "%.*g", digits, value);
        const double back = strtod(text, NULL);
        if (memcmp(&back, &value, sizeof(back)) == 0) break;
    }
    snnreport_put(&csv->out, text);
}

static void put_count(struct csv *csv, uint64_t value)
{
    begin_field(csv);
    snnreport_printf(&csv->out, "%llu", (unsigned long long)value);
}

/* -1 and 0 stand for none. */
static void put_class(struct csv *csv, int32_t value)
{
    begin_field(csv);
    if (value >= 0) snnreport_printf(&csv->out, "%d", value);
}

static void put_step(struct csv *csv, uint32_t value)
{
    begin_field(csv);
    if (value > 0) snnreport_printf(&csv->out, "%u", value);
}

/* A share of the result's samples and its bounds. */
static void put_share(struct csv *csv, double share)
{
    const struct snn_interval bounds = snn_wilson_interval(share, csv->r->sample_count);
    put_number(csv, share);
    put_number(csv, bounds.low);
    put_number(csv, bounds.high);
}

/* Every line begins with the result it is of. */
static void begin_line(struct csv *csv)
{
    csv->started = false;
    put_count(csv, csv->index);
    put_text(csv, csv->r->target);
}

static void end_line(struct csv *csv)
{
    snnreport_put(&csv->out, "\r\n");
}

/* ---- Tables ---- */

static void put_target(struct csv *csv)
{
    const struct snn_result *r = csv->r;
    const bool spiking = r->timesteps > 0;
    begin_line(csv);
    put_text(csv, r->semantics);
    put_text(csv, r->order);
    put_text(csv, r->arith);
    put_text(csv, r->chip != NULL ? r->chip->name : NULL);
    put_text(csv, r->complete ? "true" : "false");
    put_count(csv, r->sample_count);
    put_share(csv, r->accuracy);
    put_number(csv, r->balanced_accuracy);
    put_number(csv, r->accuracy_without_silent);
    put_number(csv, r->cnn_accuracy);
    put_number(csv, r->cnn_agreement);
    put_number(csv, r->steps_mean);
    put_number(csv, spiking ? r->first_spike.accuracy : (double)NAN);
    put_number(csv, spiking ? r->first_spike.steps_mean : (double)NAN);
    put_number(csv, r->synops_mean);
    put_number(csv, r->synops_until_decision_mean);
    put_number(csv, r->macs_mean);
    put_text(csv, r->energy.name);
    put_number(csv, r->energy_uj_mean);
    put_number(csv, r->energy_uj_until_decision_mean);
    if (spiking)
        put_count(csv, r->silent_count);
    else
        put_text(csv, NULL);
    end_line(csv);
}

static void put_accuracy(struct csv *csv)
{
    for (uint32_t t = 0; t < csv->r->timesteps; t++) {
        begin_line(csv);
        put_count(csv, t + 1);
        put_share(csv, csv->r->accuracy_by_step[t]);
        end_line(csv);
    }
}

static void put_layers(struct csv *csv)
{
    const struct snn_layer_rate *rates =
        csv->report->rates != NULL ? csv->report->rates[csv->index] : NULL;
    for (uint32_t i = 0; i < csv->r->layer_count; i++) {
        const struct snn_result_layer *layer = &csv->r->layers[i];
        begin_line(csv);
        put_text(csv, layer->name);
        put_count(csv, layer->neurons);
        put_number(csv, layer->events_mean);
        put_number(csv, layer->spikes_mean);
        put_number(csv, layer->synops_mean);
        put_number(csv, layer->updates_mean);
        put_number(csv, layer->input_macs_mean);
        put_count(csv, layer->macs);
        put_number(csv, layer->energy_uj_mean);
        put_number(csv, rates != NULL ? rates[i].pearson : (double)NAN);
        put_number(csv, rates != NULL ? rates[i].slope : (double)NAN);
        end_line(csv);
    }
}

static void put_rates(struct csv *csv)
{
    const struct snn_layer_rate *rates =
        csv->report->rates != NULL ? csv->report->rates[csv->index] : NULL;
    for (uint32_t i = 0; rates != NULL && i < csv->r->layer_count; i++) {
        for (uint32_t k = 0; k < rates[i].bin_count; k++) {
            const struct snn_rate_bin *bin = &rates[i].bins[k];
            begin_line(csv);
            put_text(csv, csv->r->layers[i].name);
            put_number(csv, bin->activation);
            put_number(csv, bin->rate);
            put_number(csv, bin->rate_sd);
            put_count(csv, bin->count);
            end_line(csv);
        }
    }
}

static void put_rule(struct csv *csv, const struct snn_result_rule *row)
{
    char text[64];
    snn_rule_format(&row->rule, text, sizeof(text));
    begin_line(csv);
    put_text(csv, text);
    put_share(csv, row->accuracy);
    put_number(csv, row->steps_mean);
    put_number(csv, row->steps_p50);
    put_number(csv, row->steps_p95);
    put_number(csv, row->synops_mean);
    put_number(csv, row->energy_uj);
    put_count(csv, row->undecided);
}

static void put_rules(struct csv *csv)
{
    for (uint32_t i = 0; i < csv->r->rule_count; i++) {
        put_rule(csv, &csv->r->rules[i]);
        end_line(csv);
    }
}

static void put_sweep(struct csv *csv)
{
    for (uint32_t i = 0; i < csv->r->sweep_count; i++) {
        const struct snn_result_rule *row = &csv->r->sweep[i];
        put_rule(csv, row);
        put_text(csv, row->pareto_steps && row->pareto_synops ? "both"
                      : row->pareto_steps                     ? "steps"
                      : row->pareto_synops                    ? "synops"
                                                              : NULL);
        end_line(csv);
    }
}

static void put_histogram(struct csv *csv, const char *name, const uint64_t *histogram)
{
    for (uint32_t t = 0; histogram != NULL && t < csv->r->timesteps; t++) {
        begin_line(csv);
        put_text(csv, name);
        put_count(csv, t + 1);
        put_count(csv, histogram[t]);
        end_line(csv);
    }
}

static void put_latency(struct csv *csv)
{
    if (csv->r->timesteps == 0) return;
    put_histogram(csv, "first spike", csv->r->first_spike.steps_histogram);
    for (uint32_t i = 0; i < csv->r->rule_count; i++) {
        char text[64];
        snn_rule_format(&csv->r->rules[i].rule, text, sizeof(text));
        put_histogram(csv, text, csv->r->rules[i].steps_histogram);
    }
}

static void put_confusion(struct csv *csv)
{
    const uint32_t classes = csv->r->confusion != NULL ? csv->r->class_count : 0;
    for (uint32_t label = 0; label < classes; label++) {
        for (uint32_t k = 0; k < classes; k++) {
            const uint64_t count = csv->r->confusion[(size_t)label * classes + k];
            if (count == 0) continue;
            begin_line(csv);
            put_count(csv, label);
            put_count(csv, k);
            put_count(csv, count);
            end_line(csv);
        }
    }
}

static const char *layer_name(const struct snn_result *r, uint32_t layer)
{
    return layer < r->layer_count ? r->layers[layer].name : "input";
}

static void put_silent(struct csv *csv)
{
    const struct snn_result *r = csv->r;
    for (uint64_t i = 0; i < r->silent_count; i++) {
        begin_line(csv);
        put_count(csv, r->silent_indices[i]);
        put_text(csv, layer_name(r, r->silent_layers[i]));
        end_line(csv);
    }
}

static void put_sample(struct csv *csv, uint64_t index, const struct snn_result_sample *s)
{
    const bool spiking = csv->r->timesteps > 0;
    begin_line(csv);
    put_count(csv, index);
    put_class(csv, s->label);
    put_class(csv, s->prediction);
    put_class(csv, s->cnn_prediction);
    put_step(csv, s->steps);
    put_step(csv, s->first_steps);
    put_class(csv, s->first_steps > 0 ? s->first_prediction : -1);
    put_step(csv, s->decision_steps);
    put_class(csv, s->decision_steps > 0 ? s->decision_prediction : -1);
    put_number(csv, spiking ? s->synops : (double)NAN);
    put_number(csv, spiking ? s->synops_until_decision : (double)NAN);
    put_text(csv, s->silent ? layer_name(csv->r, s->silent_layer) : NULL);
    end_line(csv);
}

static void put_samples(struct csv *csv)
{
    const struct snn_result *r = csv->r;
    for (uint64_t i = 0; r->samples != NULL && i < r->sample_asked_count; i++) {
        if (r->samples[i].done) put_sample(csv, r->sample_offset + i, &r->samples[i]);
    }
}

/* ---- Files ---- */

#define SHARE(name) name "," name "_low," name "_high"
#define RULE \
    "rule," SHARE("accuracy") ",steps_mean,steps_p50,steps_p95,synops_mean,energy_uj,undecided"

static const struct {
    const char *file;
    const char *columns; /* behind "result,target," */
    void (*put)(struct csv *csv);
} tables[] = {
    {"targets.csv",
     "semantics,order,arith,chip,complete,samples," SHARE(
         "accuracy") ",balanced_accuracy,accuracy_without_silent,cnn_accuracy,cnn_agreement,"
                     "steps_mean,first_spike_accuracy,first_spike_steps_mean,synops_mean,"
                     "synops_until_decision_mean,macs_mean,energy_profile,energy_uj_mean,"
                     "energy_uj_until_decision_mean,silent",
     put_target},
    {"accuracy.csv", "step," SHARE("accuracy"), put_accuracy},
    {"layers.csv",
     "layer,neurons,events_mean,spikes_mean,synops_mean,updates_mean,input_macs_mean,macs,"
     "energy_uj_mean,rate_pearson,rate_slope",
     put_layers},
    {"rates.csv", "layer,activation,rate,rate_sd,count", put_rates},
    {"rules.csv", RULE, put_rules},
    {"sweep.csv", RULE ",pareto", put_sweep},
    {"latency.csv", "decision,step,samples", put_latency},
    {"confusion.csv", "label,prediction,samples", put_confusion},
    {"silent.csv", "sample,layer", put_silent},
    {"samples.csv",
     "sample,label,prediction,cnn_prediction,steps,first_steps,first_prediction,decision_steps,"
     "decision_prediction,synops,synops_until_decision,silent_layer",
     put_samples},
};

const char *snnreport_csv_name(size_t index)
{
    return index < sizeof(tables) / sizeof(tables[0]) ? tables[index].file : NULL;
}

static int save_table(struct snn_context *context, const struct snn_report *report, size_t table,
                      const char *path)
{
    struct csv csv = {.report = report};
    snnreport_printf(&csv.out, "result,target,%s\r\n", tables[table].columns);
    for (uint32_t i = 0; i < report->result_count; i++) {
        csv.r = report->results[i];
        csv.index = i;
        tables[table].put(&csv);
    }
    int status = csv.out.failed ? snn_context_fail(context, SNN_ERR_NOMEM, "no memory for %s", path)
                                : snn_file_save(context, path, csv.out.data, csv.out.size);
    snnreport_text_fini(&csv.out);
    return status;
}

int snnreport_csv_save(struct snn_context *context, const struct snn_report *report,
                       const char *folder)
{
    int status = snn_folder_make(context, folder);
    for (size_t i = 0; status == SNN_OK && i < sizeof(tables) / sizeof(tables[0]); i++) {
        struct snnreport_text path = {.data = NULL};
        snnreport_printf(&path, "%s/%s", folder, tables[i].file);
        status = path.failed ? snn_context_fail(context, SNN_ERR_NOMEM, "no memory for a path")
                             : save_table(context, report, i, path.data);
        snnreport_text_fini(&path);
    }
    return status;
}
