/* The sweep as comma-separated values: a line a rule and result, with a heading. The names of rules
 * and targets hold no commas or quotes. What is unknown is empty.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "libsnn/base/buffer.h"
#include "libsnn/base/file.h"
#include "libsnn/base/number.h"
#include "libsnn/model/decision.h"

struct csv {
    struct snn_context *context;
    struct snnbase_buffer buffer;
    int status; /* the first error sticks */
};

static void put_text(struct csv *csv, const char *text)
{
    if (csv->status == SNN_OK)
        csv->status = snnbase_buffer_append(csv->context, &csv->buffer, text, strlen(text));
}

static void put_number(struct csv *csv, double value)
{
    char text[SNNBASE_NUMBER_SIZE];
    put_text(csv, ",");
    if (isnan(value)) return;
    snnbase_number_format(value, text);
    put_text(csv, text);
}

static void put_row(struct csv *csv, const struct snn_result *r, const struct snn_result_rule *row)
{
    char rule[64];
    const char *front = snnmodel_decision_front(row);
    snn_rule_format(&row->rule, rule, sizeof(rule));
    put_text(csv, r->target);
    put_text(csv, ",");
    put_text(csv, r->semantics != NULL ? r->semantics : "");
    put_text(csv, ",");
    put_text(csv, r->order != NULL ? r->order : "");
    put_text(csv, ",");
    put_text(csv, r->arith != NULL ? r->arith : "");
    put_text(csv, ",");
    put_text(csv, rule);
    put_number(csv, row->accuracy);
    put_number(csv, row->steps_mean);
    put_number(csv, row->steps_p50);
    put_number(csv, row->steps_p95);
    put_number(csv, row->synops_mean);
    put_number(csv, row->energy_uj);
    put_number(csv, (double)row->undecided);
    put_text(csv, ",");
    put_text(csv, front != NULL ? front : "");
    put_text(csv, "\n");
}

int snn_sweep_save(struct snn_context *context, const struct snn_report *report, const char *path)
{
    struct csv csv = {.context = context};
    put_text(&csv, "target,semantics,order,arith,rule,accuracy,steps_mean,steps_p50,steps_p95,"
                   "synops_mean,energy_uj,undecided,pareto\n");
    for (uint32_t i = 0; i < report->result_count; i++) {
        for (uint32_t k = 0; k < report->results[i]->sweep_count; k++)
            put_row(&csv, report->results[i], &report->results[i]->sweep[k]);
    }
    if (csv.status == SNN_OK)
        csv.status = snnbase_file_save(context, path, csv.buffer.data, csv.buffer.size);
    snnbase_buffer_fini(context, &csv.buffer);
    return csv.status;
}
