/* snnconvert: a model file of any kind read, checked, proved, calibrated with training frames and
 * written anew.
 *
 * The datum's path in one page: file -> import (program, passes, graph); frames -> calibration ->
 * statistics and recipes in the graph; verification -> model. Nothing is written unless everything
 * before it went well.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/cli/interrupt.h"
#include "tools/snnconvert/session.h"

/* ---- Reading ---- */

static bool wants_dump(const struct snnconvert_options *o, const char *pass)
{
    for (uint32_t i = 0; i < o->dump_count; i++) {
        if (strcmp(o->dumps[i], "all") == 0 || strcmp(o->dumps[i], pass) == 0) return true;
    }
    return false;
}

static int dump(const char *pass, const char *text, void *user)
{
    struct snnconvert_session *s = user;
    s->passed = true;
    if (wants_dump(&s->options, pass)) printf("after %s:\n%s\n", pass, text);
    return SNN_OK;
}

static bool is_pipe(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISFIFO(about.st_mode);
}

static int load_model(struct snnconvert_session *s)
{
    const struct snnconvert_options *o = &s->options;
    const struct snn_preprocess preprocess = snncli_preprocess_view(&o->preprocess);
    struct snn_import_options options;
    size_t before = s->console.error_count;
    snn_import_options_init(&options);
    options.arch = o->arch;
    options.input_shape = o->input_shape;
    options.nir_reset = o->nir_reset;
    options.preprocess = o->preprocess.given ? &preprocess : NULL;
    options.dump = o->dump_count > 0 ? dump : NULL;
    options.user = s;
    s->console.subject = o->model;
    if (snn_program_probe(s->context, o->model)) {
        (void)snncli_fail(&s->console, SNNCLI_EXIT_DATA, o->model,
                          "a chip program, made of a model: there is nothing to convert");
        snncli_hint(&s->console, "snnsim runs it; --check takes the model");
        return SNNCLI_EXIT_DATA;
    }
    int status = snn_import_open(&s->import, s->context, o->model, &options);
    if (status == SNN_OK) {
        s->graph = snn_import_graph(s->import);
        if (o->dump_count > 0 && !s->passed)
            snncli_warning(&s->console, "--dump-after", "a %s model goes through no passes",
                           snn_import_format(s->import));
        return SNNCLI_EXIT_OK;
    }
    if (status == SNN_ERR_FORMAT && s->console.error_count == before &&
        snnconvert_is_recording(s)) {
        (void)snncli_fail(&s->console, SNNCLI_EXIT_DATA, o->model,
                          "a recording of events, of which no model can be made");
        snncli_hint(&s->console, "--info tells what is in it; a model runs on it by --data");
        return SNNCLI_EXIT_DATA;
    }
    if (status == SNN_ERR_FORMAT && s->console.error_count == before && is_pipe(o->model)) {
        (void)snncli_fail_context(&s->console, s->context, NULL);
        snncli_hint(&s->console, "what comes through a pipe is taken for a model; a recording is "
                                 "to be a file, or to come with --view (span=0: shows all of it)");
        return SNNCLI_EXIT_DATA;
    }
    /* Refused layers were reported one by one as they were found. */
    if (s->console.error_count > before && status != SNN_ERR_NOMEM)
        return snncli_exit_from_status(status);
    return snncli_fail_context(&s->console, s->context, NULL);
}

/* ---- Writing ---- */

/* The model keeps where it came from; one that does not say came from the file just read. */
static int sign(struct snnconvert_session *s)
{
    char name[64];
    struct snn_provenance provenance = *snn_graph_provenance(s->graph);
    (void)snprintf(name, sizeof(name), "%s %s", snnconvert_tool.name, snn_version());
    provenance.tool = name;
    if (provenance.source_file == NULL) {
        provenance.source_file = snnconvert_base_name(s->options.model);
        provenance.source_sha256 = snn_import_sha256(s->import);
    }
    return snn_graph_set_provenance(s->graph, s->context, &provenance);
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), size = strlen(end);
    return length >= size && strcmp(text + length - size, end) == 0;
}

static int save(struct snnconvert_session *s)
{
    uint32_t quantiles = 0;
    uint64_t frames = 0;
    const char *data = NULL;
    struct snn_lower_options lower;
    if (!ends_with(s->options.output, ".nir"))
        return snn_graph_save(s->graph, s->context, s->options.output);
    snn_lower_options_init(&lower);
    (void)snn_graph_quantiles(s->graph, &quantiles, &frames, &data);
    if (quantiles == 0) lower.norm = SNN_NORM_NONE;
    lower.max_pool = s->options.max_pool;
    return snn_graph_save_nir(s->graph, s->context, s->options.output, &lower);
}

/* What a file that could not be written ends with; obstacles that lowering found were reported one
 * by one. */
int snnconvert_fail_output(struct snnconvert_session *s, size_t errors_before)
{
    int code = snn_context_status(s->context);
    int status = snncli_exit_from_status(code);
    if (s->console.error_count == errors_before || code == SNN_ERR_NOMEM)
        status = snncli_fail_context(&s->console, s->context, NULL);
    return code == SNN_ERR_ACCESS || code == SNN_ERR_NOT_FOUND ? SNNCLI_EXIT_NO_OUTPUT : status;
}

static int write_model(struct snnconvert_session *s)
{
    size_t before = s->console.error_count;
    if (sign(s) == SNN_OK && save(s) == SNN_OK) return SNNCLI_EXIT_OK;
    return snnconvert_fail_output(s, before);
}

/* ---- The whole ---- */

/* Between two steps: whoever pressed Ctrl-C wants no file. */
static int interrupted(struct snnconvert_session *s)
{
    if (!snncli_interrupt_pending()) return SNNCLI_EXIT_OK;
    return snncli_fail(&s->console, SNNCLI_EXIT_INTERRUPTED, NULL, "%s",
                       snn_status_text(SNN_ERR_CANCELLED));
}

/* What is written proves itself; a native model has no other form, which a program need not be told
 * of. */
static bool is_to_prove(const struct snnconvert_session *s, bool program)
{
    if (s->options.output == NULL || s->options.verify_off) return false;
    return !program || strcmp(snn_import_format(s->import), "native") != 0;
}

/* Nothing is to be made of it. */
static bool asks_what_it_is(const struct snnconvert_options *o)
{
    return o->output == NULL && o->chip_count == 0 && o->calibrate == NULL && o->data == NULL &&
           o->arch == NULL && o->dump_count == 0;
}

static int work(struct snnconvert_session *s, int argc, char **argv)
{
    const struct snnconvert_options *o = &s->options;
    int status = snnconvert_options_read(&s->options, &s->console, s->context, argc, argv);
    if (status != SNNCLI_GO_ON) return status;
    if (o->supported) return snnconvert_print_supported(s);
    if (asks_what_it_is(o) && (o->view != NULL || snnconvert_is_recording(s)))
        return snnconvert_about_recording(s);
    status = snnconvert_load_chips(s);
    if (status == SNNCLI_EXIT_OK) status = load_model(s);
    if (status == SNNCLI_EXIT_OK && o->calibrate != NULL) status = snnconvert_calibrate(s);
    if (status == SNNCLI_EXIT_OK) status = interrupted(s);
    const bool program = snnconvert_writes_chip(o);
    if (status == SNNCLI_EXIT_OK && is_to_prove(s, program)) status = snnconvert_verify(s);
    /* A deviation keeps the model from being written, not from being looked at. */
    int proof = status;
    if (status == SNNCLI_EXIT_OK) status = interrupted(s);
    if (status == SNNCLI_EXIT_OK && o->output != NULL && !program) status = write_model(s);
    if (status == SNNCLI_EXIT_OK && s->checked_count > 0) return snnconvert_check(s);
    bool look = status == SNNCLI_EXIT_OK || (status == proof && proof == SNNCLI_EXIT_CHECK);
    int shown = SNNCLI_EXIT_OK;
    if (look && o->info) shown = snnconvert_print_info(s);
    if (look && shown == SNNCLI_EXIT_OK && o->json != NULL) shown = snnconvert_write_json(s);
    return shown != SNNCLI_EXIT_OK ? shown : status;
}

int main(int argc, char **argv)
{
    struct snnconvert_session session = {.context = NULL};
    snncli_console_init(&session.console, snnconvert_tool.name);
    snncli_interrupt_install();
    const struct snn_context_options options = {.diagnostic = snncli_diagnostic,
                                                .diagnostic_user = &session.console};
    int status = SNNCLI_EXIT_NO_MEMORY;
    if (snn_context_create(&session.context, &options) == SNN_OK)
        status = work(&session, argc, argv);
    else
        snncli_error(&session.console, NULL, "out of memory");
    free(session.fates);
    snnconvert_release_chips(&session);
    snn_verification_destroy(&session.verification);
    snn_target_close(&session.target);
    snn_source_close(&session.source);
    snn_import_close(&session.import);
    snn_context_destroy(&session.context);
    return snncli_console_finish(&session.console, status);
}
