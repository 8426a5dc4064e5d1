/* snndev: devices, one by one. Each verb is a function in a file of its own.
 */
#include <time.h>

#include "tools/cli/interrupt.h"
#include "tools/snndev/session.h"

int snndev_fail_memory(struct snndev_session *s)
{
    return snncli_fail(&s->console, SNNCLI_EXIT_NO_MEMORY, NULL, "%s",
                       snn_status_text(SNN_ERR_NOMEM));
}

double snndev_now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int work(struct snndev_session *s, int argc, char **argv)
{
    static int (*const verbs[SNNDEV_VERB_COUNT])(struct snndev_session *) = {
        [SNNDEV_LIST] = snndev_list,       [SNNDEV_INFO] = snndev_info,
        [SNNDEV_LOAD] = snndev_load,       [SNNDEV_RUN] = snndev_run,
        [SNNDEV_MONITOR] = snndev_monitor, [SNNDEV_RECORD] = snndev_record,
        [SNNDEV_REPLAY] = snndev_replay,   [SNNDEV_RESET] = snndev_reset,
        [SNNDEV_DOCTOR] = snndev_doctor,   [SNNDEV_EMULATE] = snndev_emulate,
    };
    int status = snndev_options_read(&s->options, &s->console, s->context, argc, argv);
    if (status != SNNCLI_GO_ON) return status;
    status = snndev_result_open(s);
    if (status == SNNCLI_EXIT_OK) status = verbs[s->options.verb](s);
    return snndev_result_close(s, status);
}

/* Tests call it by another name. */
int main(int argc, char **argv);

int main(int argc, char **argv)
{
    struct snndev_session session = {.context = NULL};
    snncli_console_init(&session.console, snndev_tool.name);
    snncli_interrupt_install();
    const struct snn_context_options options = {.diagnostic = snncli_diagnostic,
                                                .diagnostic_user = &session.console};
    int status = SNNCLI_EXIT_NO_MEMORY;
    if (snn_context_create(&session.context, &options) == SNN_OK)
        status = work(&session, argc, argv);
    else
        snncli_error(&session.console, NULL, "out of memory");
    snn_device_close(&session.device);
    snn_program_destroy(&session.program);
    snn_net_destroy(&session.net);
    snn_source_close(&session.source);
    snn_graph_destroy(&session.graph);
    snncli_sample_release(&session.sample);
    snn_context_destroy(&session.context);
    return snncli_console_finish(&session.console, status);
}
