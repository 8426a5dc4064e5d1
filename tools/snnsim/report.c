/* What came out, into files and onto the terminal, and whether it is what was asked for.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tools/report/page.h"
#include "tools/snnsim/print.h"
#include "tools/snnsim/session.h"

int snnsim_fail_output(struct snnsim_session *s, int output_status)
{
    if (output_status == SNN_ERR_NOMEM) return snnsim_fail_memory(s);
    int status = snncli_fail_context(&s->console, s->context, NULL);
    int code = snn_context_status(s->context);
    return code == SNN_ERR_ACCESS || code == SNN_ERR_NOT_FOUND ? SNNCLI_EXIT_NO_OUTPUT : status;
}

static int print_report(struct snnsim_session *s, const struct snn_report *report)
{
    char *text = NULL;
    if (snn_report_format(&text, s->context, report) != SNN_OK)
        return snncli_fail_context(&s->console, s->context, NULL);
    fputs(text, stdout);
    snn_text_free(s->context, &text);
    return SNNCLI_EXIT_OK;
}

static const char *max_pool_name(enum snn_max_pool max_pool)
{
    if (max_pool == SNN_MAX_POOL_REFUSE) return NULL;
    return max_pool == SNN_MAX_POOL_AVG ? "avg" : "or";
}

static const char *reset_name(const struct snnsim_options *o)
{
    if (o->own_reset) return "model";
    return o->lower.reset == SNN_RESET_ZERO ? "zero" : "subtract";
}

static const char *encoding_name(const struct snnsim_session *s)
{
    switch (snn_source_kind(s->source)) {
    case SNN_SOURCE_SPIKES:
        return "recorded";
    case SNN_SOURCE_EVENTS:
        return "events";
    case SNN_SOURCE_ANY: /* none that is open */
    case SNN_SOURCE_FRAMES:
        break;
    }
    return snn_encoding_name(s->options.encoding);
}

/* Of all spiking targets. */
static const char *semantics_name(const struct snnsim_session *s)
{
    const char *name = NULL;
    for (uint32_t i = 0; i < s->options.target_count; i++) {
        const char *next = snn_target_semantics(s->targets[i]);
        if (next == NULL) continue;
        if (name != NULL && strcmp(name, next) != 0) return "both";
        name = next;
    }
    return name;
}

/* Of the first target that has one. */
static const char *order_name(const struct snnsim_session *s)
{
    for (uint32_t i = 0; i < s->options.target_count; i++) {
        if (snn_target_order(s->targets[i]) != NULL) return snn_target_order(s->targets[i]);
    }
    return NULL;
}

static const char *arith_name(const struct snnsim_session *s)
{
    bool floats = false, whole = false;
    for (uint32_t i = 0; i < s->options.target_count; i++) {
        if (!snnsim_is_spiking(s, i)) continue;
        floats = floats || s->options.target_arith[i] == SNN_ARITH_FLOAT;
        whole = whole || s->options.target_arith[i] == SNN_ARITH_CHIP;
    }
    if (floats && whole) return "both";
    return whole ? "chip" : "float";
}

static const char *data_name(const struct snnsim_session *s)
{
    const struct snnsim_options *o = &s->options;
    if (o->input_spikes != NULL) return o->input_spikes;
    return o->data != NULL ? o->data : snn_graph_provenance(s->graph)->sample_images;
}

/* How a model became spikes; a chip program does not tell. */
static void report_conversion(const struct snnsim_session *s, struct snn_report *report)
{
    const struct snnsim_options *o = &s->options;
    const bool made = s->program != NULL;
    report->norm = o->spiking ? o->norm_text : o->norm;
    report->channelwise = o->lower.channelwise;
    report->v_init = made || o->own_v_init ? (double)NAN : (double)o->lower.v_init;
    report->v_min = made || o->own_v_min ? (double)NAN : (double)o->lower.v_min;
    report->reset = made ? "model" : reset_name(o);
    report->spikes_max = o->lower.spikes_max;
    report->output_gain = made ? (double)NAN : (double)o->lower.output_gain;
    report->readout = o->lower.readout_membrane ? "membrane" : "spikes";
    report->arith = arith_name(s);
    if (!made && strcmp(report->arith, "float") != 0)
        report->quant = o->lower.quantise_mse ? "mse" : "max";
    report->compat = o->compat;
    report->calibrate = o->calibrate;
    report->max_pool = max_pool_name(o->lower.max_pool);
    report->pins = o->pins.pins;
    report->pin_count = o->pins.count;
    if (made) report->norm = NULL;
}

/* Says what keeps a file from being written. *code: the exit status, the first that was no success.
 */
static void wrote(struct snnsim_session *s, int status, int *code)
{
    if (status == SNN_OK) return;
    const int failed = snnsim_fail_output(s, status);
    if (*code == SNNCLI_EXIT_OK) *code = failed;
}

/* Each on its own, so that one disk that is full does not cost the others. */
static int write_files(struct snnsim_session *s, const struct snn_report *report)
{
    const struct snnsim_options *o = &s->options;
    int code = SNNCLI_EXIT_OK;
    if (o->json != NULL && strcmp(o->json, "-") != 0)
        wrote(s, snn_report_save(s->context, report, o->json), &code);
    if (o->sweep != NULL) wrote(s, snn_sweep_save(s->context, report, o->sweep), &code);
    if (o->csv != NULL) wrote(s, snnreport_csv_save(s->context, report, o->csv), &code);
    if (o->raster != NULL) wrote(s, snnsim_raster_save(s), &code);
    if (o->report != NULL) wrote(s, snnsim_save_page(s, report), &code);
    return code;
}

int snnsim_write_results(struct snnsim_session *s)
{
    const struct snnsim_options *o = &s->options;
    const struct snn_result *results[SNNSIM_TARGETS_MAX];
    const struct snn_layer_rate *rates[SNNSIM_TARGETS_MAX];
    for (uint32_t i = 0; i < s->result_count; i++) {
        results[i] = s->results[i];
        rates[i] = s->rates[i];
    }
    struct snn_report report = {
        .tool = "snnsim",
        .model_name = s->program != NULL ? s->program->name : snn_graph_provenance(s->graph)->name,
        .model_sha256 = s->sha256,
        .data = data_name(s),
        .view = o->view,
        .seed = o->seed,
        .samples = o->samples > 0 ? o->samples : snn_source_count(s->source) - o->offset,
        .offset = o->offset,
        .timesteps = o->spiking ? o->timesteps : 0,
        .dt_us = o->dt_us,
        .encoding = encoding_name(s),
        .semantics = semantics_name(s),
        .order = order_name(s),
        .until_decided = o->until_decided,
        .results = results,
        .result_count = s->result_count,
        .rates = rates,
    };
    report_conversion(s, &report);
    /* Files first: whoever reads stdout may go away (snnsim ... | head). */
    const int code = write_files(s, &report);
    if (o->json != NULL && strcmp(o->json, "-") == 0) {
        const int printed = print_report(s, &report);
        return code == SNNCLI_EXIT_OK ? printed : code;
    }
    if (o->target_count > 1)
        snnsim_print_comparison(&s->console, &report);
    else
        snnsim_print_result(&s->console, &report, s->results[0]);
    return code;
}

/* --min-accuracy and --max-silent, of each target. */
static int check_result(struct snnsim_session *s, const struct snn_result *result)
{
    const struct snnsim_options *o = &s->options;
    const char *where = o->target_count > 1 ? result->target : NULL;
    int status = SNNCLI_EXIT_OK;
    if (o->min_accuracy >= 0.0 && !(result->accuracy >= o->min_accuracy))
        status = snncli_fail(&s->console, SNNCLI_EXIT_CHECK, where,
                             "accuracy %.2f %% is below --min-accuracy %.2f %%",
                             100.0 * result->accuracy, 100.0 * o->min_accuracy);
    if (o->max_silent >= 0 && result->silent_count > (uint64_t)o->max_silent)
        status = snncli_fail(&s->console, SNNCLI_EXIT_CHECK, where,
                             "%llu silent samples are more than --max-silent %lld",
                             (unsigned long long)result->silent_count, (long long)o->max_silent);
    return status;
}

int snnsim_check_results(struct snnsim_session *s)
{
    int status = SNNCLI_EXIT_OK;
    for (uint32_t i = 0; i < s->result_count; i++) {
        int code = check_result(s, s->results[i]);
        if (code != SNNCLI_EXIT_OK) status = code;
    }
    return status;
}
