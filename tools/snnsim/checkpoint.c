/* --checkpoint: what is done of a run, in a file that a later start goes on from. One file holds
 * the runs of all targets; under mpirun rank 0 keeps it, whoever ran a sample.
 */
#include "tools/report/text.h"
#include "tools/snnsim/session.h"

static int make_partial(struct snnsim_session *s, uint32_t target)
{
    struct snn_energy_profile energy;
    struct snn_run_options options;
    const struct snn_net *net =
        snnsim_is_spiking(s, target) ? snn_target_net(s->targets[target]) : NULL;
    int status = snnsim_fill_run(s, target, &energy, &options);
    if (status != SNNCLI_EXIT_OK) return status;
    if (snn_partial_create(&s->partials[target], s->context, s->targets[target], net, s->graph,
                           s->source, &options) == SNN_OK)
        return SNNCLI_EXIT_OK;
    return snnsim_fail_run(s);
}

/* Of another run is a wrong argument, not wrong data. */
static int fail_open(struct snnsim_session *s)
{
    const int status = snn_context_status(s->context);
    const int code = snncli_fail_context(&s->console, s->context, "--checkpoint");
    return status == SNN_ERR_NOT_FOUND || status == SNN_ERR_ACCESS ? SNNCLI_EXIT_NO_OUTPUT : code;
}

int snnsim_checkpoint_open(struct snnsim_session *s)
{
    const char *path = s->options.checkpoint;
    const uint32_t targets = s->options.target_count;
    uint64_t done = 0, total = 0;
    if (path == NULL || !snnsim_share_is_root(s)) return SNNCLI_EXIT_OK;
    for (uint32_t i = 0; i < targets; i++) {
        int status = make_partial(s, i);
        if (status != SNNCLI_EXIT_OK) return status;
    }
    if (snn_checkpoint_open(&s->checkpoint, s->context, path, s->partials, targets, 0.0) != SNN_OK)
        return fail_open(s);
    for (uint32_t i = 0; i < targets; i++) {
        done += snn_partial_done(s->partials[i]);
        total += snn_partial_total(s->partials[i]);
    }
    if (done > 0)
        snncli_tell(&s->console, path, "%llu of %llu samples are done already",
                    (unsigned long long)done, (unsigned long long)total);
    return SNNCLI_EXIT_OK;
}

void snnsim_checkpoint_remind(struct snnsim_session *s)
{
    struct snnreport_text command = {.data = NULL};
    if (s->checkpoint == NULL) return;
    snnsim_put_command(s, &command);
    if (s->cluster != NULL)
        snncli_hint(&s->console, "the same command goes on from here");
    else if (!command.failed)
        snncli_hint(&s->console, "to go on from here: %s", command.data);
    snnreport_text_fini(&command);
}

int snnsim_checkpoint_close(struct snnsim_session *s, int exit_status)
{
    if (s->checkpoint == NULL) return exit_status;
    int status = snn_checkpoint_close(&s->checkpoint, s->context);
    if (status == SNN_OK || exit_status != SNNCLI_EXIT_OK) return exit_status;
    return fail_open(s);
}
