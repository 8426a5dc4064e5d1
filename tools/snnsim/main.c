/* snnsim: a trained CNN as a spiking network over a data set, and what comes of it.
 *
 * The datum's path in one page: model -> (calibration) -> spiking net -> target; data -> spikes ->
 * target -> result -> table and files. Frame-based targets take the model and the data as they are.
 */
#include <stdlib.h>

#include "tools/cli/interrupt.h"
#include "tools/snnsim/session.h"

static void release(struct snnsim_session *s)
{
    for (uint32_t i = 0; i < SNNSIM_TARGETS_MAX; i++) {
        snn_result_destroy(&s->results[i]);
        free(s->rates[i]);
        snn_partial_destroy(&s->partials[i]);
        snn_target_close(&s->targets[i]);
    }
    snn_target_close(&s->stand_in);
    for (uint32_t i = 0; i < s->build_count; i++) {
        snn_program_destroy(&s->builds[i].program);
        snn_net_destroy(&s->builds[i].net);
    }
    snn_program_destroy(&s->program);
    snn_source_close(&s->source);
    snn_graph_destroy(&s->graph);
    snn_context_destroy(&s->context);
    snncli_sample_release(&s->sample);
    snnsim_raster_release(&s->raster);
    snnsim_options_release(&s->options);
}

static int make_context(struct snnsim_session *s)
{
    const struct snn_context_options options = {.diagnostic = snncli_diagnostic,
                                                .diagnostic_user = &s->console,
                                                .kernel_level = s->options.kernel};
    snn_context_destroy(&s->context);
    int status = snn_context_create(&s->context, &options);
    s->options.context = s->context;
    if (status == SNN_OK) return SNNCLI_EXIT_OK;
    return snncli_fail(&s->console, snncli_exit_from_status(status), NULL, "%s",
                       snn_status_text(status));
}

int snnsim_fail_memory(struct snnsim_session *s)
{
    return snncli_fail(&s->console, SNNCLI_EXIT_NO_MEMORY, NULL, "%s",
                       snn_status_text(SNN_ERR_NOMEM));
}

/* Nobody reports that memory ran out. */
int snnsim_fail_reported(struct snnsim_session *s, size_t errors_before, const char *where)
{
    int status = snn_context_status(s->context);
    if (s->console.error_count > errors_before && status != SNN_ERR_NOMEM)
        return snncli_exit_from_status(status);
    return snncli_fail_context(&s->console, s->context, where);
}

static bool is_complete(const struct snnsim_session *s)
{
    return s->result_count == s->options.target_count &&
           s->results[s->result_count - 1]->complete && !s->raster.interrupted;
}

/* Whatever fails from here on, what the run found is written as far as it can be. */
static int finish(struct snnsim_session *s)
{
    int measured = snnsim_measure_rates(s);
    if (measured == SNNCLI_EXIT_OK) measured = snnsim_raster_capture(s);
    int status = snnsim_write_results(s);
    if (status == SNNCLI_EXIT_OK) status = measured;
    if (status != SNNCLI_EXIT_OK) return status;
    return is_complete(s) ? snnsim_check_results(s) : SNNCLI_EXIT_INTERRUPTED;
}

static int work(struct snnsim_session *s, int argc, char **argv)
{
    int status = snnsim_share_open(s);
    if (status == SNNCLI_EXIT_OK) status = make_context(s);
    if (status != SNNCLI_EXIT_OK) return status;
    s->argc = argc;
    s->argv = argv;
    status = snnsim_options_read(&s->options, &s->console, argc, argv);
    if (status != SNNCLI_GO_ON) return status;
    if (s->options.kernel != NULL)
        status = make_context(s);
    else
        status = SNNCLI_EXIT_OK;
    if (status == SNNCLI_EXIT_OK) status = snnsim_share_check(s);
    const bool root = snnsim_share_is_root(s);
    if (status == SNNCLI_EXIT_OK && root) status = snnsim_check_outputs(s);
    if (status == SNNCLI_EXIT_OK) status = snnsim_load_model(s);
    if (status == SNNCLI_EXIT_OK) status = snnsim_open_data(s);
    if (status == SNNCLI_EXIT_OK) status = snnsim_prepare_targets(s);
    if (status == SNNCLI_EXIT_OK) status = snnsim_run(s);
    if (status != SNNCLI_EXIT_OK || !root) return status;
    return finish(s);
}

int main(int argc, char **argv)
{
    struct snnsim_session session = {.progress_lock = PTHREAD_MUTEX_INITIALIZER};
    snncli_console_init(&session.console, "snnsim");
    snncli_interrupt_install();
    int status = work(&session, argc, argv);
    status = snncli_console_finish(&session.console, status);
    status = snnsim_share_close(&session, status);
    release(&session);
    return status;
}
