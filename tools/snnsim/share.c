/* A run that other processes do, too: what snnsim under mpirun does beside what it does alone.
 *
 * Every rank prepares the whole run by itself. Rank 0 then has the result, as if it had run all
 * samples; the others have nothing to show.
 */
#include "tools/cli/interrupt.h"
#include "tools/snnsim/session.h"

int snnsim_share_open(struct snnsim_session *s)
{
    int status = snncli_cluster_open(&s->cluster, &s->console);
    if (status != SNNCLI_EXIT_OK || s->cluster == NULL) return status;
    if (snn_context_create(&s->cluster_context, NULL) != SNN_OK) return snnsim_fail_memory(s);
    return SNNCLI_EXIT_OK;
}

bool snnsim_share_is_root(const struct snnsim_session *s)
{
    return snncli_cluster_is_root(s->cluster);
}

int snnsim_share_check(struct snnsim_session *s)
{
    struct snnsim_options *o = &s->options;
    if (s->cluster == NULL) return SNNCLI_EXIT_OK;
    for (uint32_t i = 0; i < o->target_count; i++) {
        if (!snnsim_options_is_device(o->targets[i])) continue;
        (void)snncli_fail(&s->console, SNNCLI_EXIT_USAGE, "--target",
                          "%s is a device, which %u processes cannot share", o->targets[i],
                          snncli_cluster_size(s->cluster));
        snncli_hint(&s->console, "run it without mpirun; chip:NAME has the same numbers");
        return SNNCLI_EXIT_USAGE;
    }
    if (o->threads == 0) o->threads = snncli_cluster_threads(s->cluster);
    /* Rank 0 says it all. */
    if (!snnsim_share_is_root(s)) s->console.verbosity = -1;
    return SNNCLI_EXIT_OK;
}

/* ---- What the cluster asks ---- */

static bool has(uint64_t sample, void *user)
{
    const struct snnsim_session *s = user;
    return snn_partial_has(s->partial, sample);
}

static uint64_t count_done(void *user)
{
    const struct snnsim_session *s = user;
    return snn_partial_done(s->partial);
}

/* By the cluster's thread: its message waits in a context of its own. */
static int add(const void *record, size_t size, void *user)
{
    struct snnsim_session *s = user;
    int status = snn_partial_add(s->partial, s->cluster_context, record, size);
    if (status != SNN_OK) s->add_failed = true; /* for good, whatever comes later */
    return status == SNN_OK ? SNNCLI_EXIT_OK : snncli_exit_from_status(status);
}

static void tick(void *user)
{
    struct snnsim_session *s = user;
    (void)snnsim_show_progress(snn_partial_done(s->partial), snn_partial_total(s->partial), s);
}

static bool is_interrupted(void *user)
{
    (void)user;
    return snncli_interrupt_pending();
}

static int send(struct snn_context *context, const void *record, size_t size, void *user)
{
    const struct snnsim_session *s = user;
    int status = snncli_cluster_send(record, size, s->cluster);
    if (status == SNN_OK) return SNN_OK;
    return snn_context_fail(context, status, "a record of %zu bytes could not be sent", size);
}

/* ---- A run ---- */

int snnsim_share_begin(struct snnsim_session *s, uint32_t target, struct snn_run_options *options)
{
    const struct snn_net *net = NULL;
    if (s->cluster == NULL) return SNNCLI_EXIT_OK;
    if (snnsim_is_spiking(s, target)) net = snn_target_net(s->targets[target]);
    if (s->partials[target] == NULL &&
        snn_partial_create(&s->partials[target], s->context, s->targets[target], net, s->graph,
                           s->source, options) != SNN_OK)
        return snnsim_fail_run(s);
    s->partial = s->partials[target];
    options->partial = s->partial;
    options->claim = snncli_cluster_claim;
    options->claim_user = s->cluster;
    if (!snnsim_share_is_root(s)) snn_partial_watch(s->partial, send, s);
    const struct snncli_cluster_run run = {.identity = snn_partial_identity(s->partial),
                                           .compare = snn_partial_compare,
                                           .total = snn_partial_total(s->partial),
                                           .threads = options->threads,
                                           .has = has,
                                           .done = count_done,
                                           .add = add,
                                           .tick = tick,
                                           .interrupted = is_interrupted,
                                           .user = s};
    return snncli_cluster_begin(s->cluster, &run);
}

int snnsim_share_end(struct snnsim_session *s, int exit_status)
{
    if (s->cluster == NULL) return exit_status;
    const int elsewhere = snncli_cluster_end(s->cluster);
    if (s->add_failed && exit_status == SNNCLI_EXIT_OK)
        (void)snncli_fail_context(&s->console, s->cluster_context, NULL);
    return exit_status == SNNCLI_EXIT_OK ? elsewhere : exit_status;
}

int snnsim_share_close(struct snnsim_session *s, int exit_status)
{
    snn_context_destroy(&s->cluster_context);
    return snncli_cluster_close(&s->cluster, exit_status);
}
