/* The data through every target, one after the other.
 */
#include "tools/cli/interrupt.h"
#include "tools/snnsim/session.h"

/* What a run finds invalid by then is the data: its shape, its labels, its values. */
int snnsim_fail_run(struct snnsim_session *s)
{
    int status = snn_context_status(s->context);
    bool data = status == SNN_ERR_INVALID || status == SNN_ERR_NOT_FOUND;
    int code = snncli_fail_context(&s->console, s->context, data ? s->data_path : NULL);
    return code == SNNCLI_EXIT_USAGE ? SNNCLI_EXIT_DATA : code;
}

static int save_sample(const struct snn_sample_record *record, void *user)
{
    struct snnsim_session *s = user;
    return snnsim_save_sample(&s->save, record);
}

/* Another rank writes it. */
static int drop_sample(const struct snn_sample_record *record, void *user)
{
    (void)record;
    (void)user;
    return SNN_OK;
}

static uint64_t samples_asked(const struct snnsim_session *s)
{
    const struct snnsim_options *o = &s->options;
    const uint64_t total = snn_source_count(s->source);
    return o->samples > 0 ? o->samples : total > o->offset ? total - o->offset : 1;
}

bool snnsim_show_progress(uint64_t done, uint64_t total, void *user)
{
    struct snnsim_session *s = user;
    pthread_mutex_lock(&s->progress_lock);
    snncli_progress_update(&s->progress, done, total);
    pthread_mutex_unlock(&s->progress_lock);
    return !snncli_interrupt_pending() && !snncli_cluster_over(s->cluster);
}

static void fill_common(struct snnsim_session *s, struct snn_run_options *options)
{
    const struct snnsim_options *o = &s->options;
    snn_run_options_init(options);
    options->timesteps = o->timesteps;
    options->encoding = o->encoding;
    options->seed = o->seed;
    options->offset = o->offset;
    options->count = o->samples;
    options->threads = o->threads;
    options->dt_us = o->dt_us;
    options->accounting = o->accounting;
    options->rules = o->rules;
    options->rule_count = o->rule_count;
    options->sweep = o->sweep_rules;
    options->sweep_count = o->sweep_count;
    options->until_decided = o->until_decided;
    options->allow_loss = o->allow_loss;
    options->cnn = s->graph == NULL || snn_graph_is_spiking(s->graph) ? NULL : s->graph;
    options->progress = snnsim_show_progress;
    options->user = s;
}

/* A chip's own, unless one is named. */
static int load_energy(struct snnsim_session *s, uint32_t target, struct snn_energy_profile *out)
{
    const struct snn_chip *chip = snn_target_chip(s->targets[target]);
    const char *name = s->options.energy;
    if (name == NULL) name = chip != NULL && chip->energy[0] != '\0' ? chip->energy : "sinabs";
    if (snn_energy_profile_load(out, s->context, name) == SNN_OK) return SNNCLI_EXIT_OK;
    return snncli_fail_context(&s->console, s->context, "--energy");
}

int snnsim_fill_run(struct snnsim_session *s, uint32_t target, struct snn_energy_profile *energy,
                    struct snn_run_options *options)
{
    const struct snnsim_options *o = &s->options;
    int status = load_energy(s, target, energy);
    if (status != SNNCLI_EXIT_OK) return status;
    fill_common(s, options);
    options->energy = energy;
    if (!snnsim_is_spiking(s, target)) return SNNCLI_EXIT_OK;
    options->chip = snn_target_chip(s->targets[target]);
    if (o->save_counts != NULL || o->save_layer_counts != NULL)
        options->sample = snnsim_share_is_root(s) ? save_sample : drop_sample;
    return SNNCLI_EXIT_OK;
}

static int run_spikes(struct snnsim_session *s, uint32_t target, struct snn_run_options *options)
{
    const struct snnsim_options *o = &s->options;
    const struct snn_net *net = snn_target_net(s->targets[target]);
    const bool saving = options->sample == save_sample;
    int status = SNN_OK;
    if (saving)
        status = snnsim_save_open(&s->save, s->context, o->save_counts, o->save_layer_counts, net,
                                  o->offset, samples_asked(s), o->timesteps);
    if (status != SNN_OK) return snnsim_fail_output(s, status);
    snncli_progress_init(&s->progress, &s->console, "simulating", "samples", samples_asked(s));
    int code = snnsim_share_begin(s, target, options);
    if (code == SNNCLI_EXIT_OK) {
        status =
            snn_run(&s->results[target], s->context, s->targets[target], net, s->source, options);
        snncli_progress_finish(&s->progress);
        code = snnsim_share_end(s, status == SNN_OK ? SNNCLI_EXIT_OK : snnsim_fail_run(s));
    }
    if (!saving) return code;
    status = snnsim_save_close(&s->save, code == SNNCLI_EXIT_OK && s->results[target]->complete);
    return code == SNNCLI_EXIT_OK && status != SNN_OK ? snnsim_fail_output(s, status) : code;
}

static int run_frames(struct snnsim_session *s, uint32_t target, struct snn_run_options *options)
{
    snncli_progress_init(&s->progress, &s->console, s->options.targets[target], "samples",
                         samples_asked(s));
    int code = snnsim_share_begin(s, target, options);
    if (code != SNNCLI_EXIT_OK) return code;
    int status = snn_run_frames(&s->results[target], s->context, s->targets[target], s->graph,
                                s->source, options);
    snncli_progress_finish(&s->progress);
    return snnsim_share_end(s, status == SNN_OK ? SNNCLI_EXIT_OK : snnsim_fail_run(s));
}

static int run_target(struct snnsim_session *s, uint32_t target)
{
    struct snn_energy_profile energy;
    struct snn_run_options options;
    int status = snnsim_fill_run(s, target, &energy, &options);
    if (status != SNNCLI_EXIT_OK) return status;
    options.partial = s->partials[target];
    return snnsim_is_spiking(s, target) ? run_spikes(s, target, &options)
                                        : run_frames(s, target, &options);
}

int snnsim_run(struct snnsim_session *s)
{
    const int opened = snnsim_checkpoint_open(s);
    if (opened != SNNCLI_EXIT_OK) return opened;
    while (s->result_count < s->options.target_count) {
        const uint32_t i = s->result_count;
        int status = run_target(s, i);
        if (status != SNNCLI_EXIT_OK) return snnsim_checkpoint_close(s, status);
        s->result_count++;
        if (s->results[i]->complete || !snnsim_share_is_root(s)) continue;
        snncli_warning(&s->console, NULL, "interrupted: %llu of %llu samples were run",
                       (unsigned long long)s->results[i]->sample_count,
                       (unsigned long long)samples_asked(s));
        snnsim_checkpoint_remind(s);
        break;
    }
    return snnsim_checkpoint_close(s, SNNCLI_EXIT_OK);
}
