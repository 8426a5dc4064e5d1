/* A run in parts. Outcomes come from this run's workers and as records from elsewhere; both end in
 * the same place, under one lock, the first of a sample wins, and only its integers are summed, so
 * that nothing shows of who ran what and when.
 */
#include "libsnn/run_partial.h"

#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/sha256.h"
#include "libsnn/base/size.h"
#include "libsnn/run_check.h"
#include "libsnn/run_identity.h"

/* --- Creation --------------------------------------------------------------------------------- */

static void describe(struct snn_partial *p, const struct snn_run_options *o)
{
    p->layout = (struct snnmodel_layout){
        .sample_count = snnrun_sample_count(p->of.source, o),
        .labelled = snn_source_has_labels(p->of.source),
    };
    if (p->of.net == NULL) {
        p->layout.class_count = snnrun_graph_classes(p->of.graph);
        return;
    }
    p->layout.timesteps = o->timesteps;
    p->layout.class_count = p->of.net->class_count;
    p->layout.population_count = p->of.net->population_count;
    p->layout.synapse_count = p->of.net->synapse_count;
    p->layout.rule_count = o->rule_count + o->sweep_count;
    p->layout.counts = o->sample != NULL;
}

static int make_lock(struct snn_partial *p, struct snn_context *context)
{
    pthread_mutex_t *lock = snnbase_arena_alloc(&p->arena, context, 1, sizeof(*lock));
    if (lock == NULL) return SNN_ERR_NOMEM;
    if (pthread_mutex_init(lock, NULL) != 0)
        return snnbase_fail(context, SNN_ERR_NOMEM, "out of memory: no lock");
    p->lock = lock;
    return SNN_OK;
}

static int allocate(struct snn_partial *p, struct snn_context *context)
{
    const struct snnmodel_layout *l = &p->layout;
    size_t decisions = SIZE_MAX; /* more than there can be */
    (void)snnbase_size_mul(l->sample_count, l->rule_count, &decisions);
    p->samples = snnbase_arena_alloc(&p->arena, context, l->sample_count, sizeof(*p->samples));
    p->decisions = snnbase_arena_alloc(&p->arena, context, decisions, sizeof(*p->decisions));
    p->rules = snnbase_arena_alloc(&p->arena, context, l->rule_count, sizeof(*p->rules));
    if (l->counts)
        p->kept = snnbase_arena_alloc(&p->arena, context, l->sample_count, sizeof(*p->kept));
    if (p->samples == NULL || p->decisions == NULL || p->rules == NULL ||
        (l->counts && p->kept == NULL))
        return SNN_ERR_NOMEM;
    int status = snnmodel_tally_init(&p->tally, context, &p->arena, l);
    return status == SNN_OK ? snnmodel_outcome_init(&p->read, context, &p->arena, l) : status;
}

/* Those of the options, then those of the sweep. */
static void copy_rules(struct snn_partial *p, const struct snn_run_options *o)
{
    if (p->layout.rule_count == 0) return;
    if (o->rule_count > 0) memcpy(p->rules, o->rules, o->rule_count * sizeof(*o->rules));
    if (o->sweep_count > 0)
        memcpy(p->rules + o->rule_count, o->sweep, o->sweep_count * sizeof(*o->sweep));
}

static int copy_accounting(struct snn_partial *p, struct snn_context *context,
                           const struct snn_run_options *o)
{
    const struct snn_net *net = p->of.net;
    if (net == NULL || o->accounting != SNN_SYNOPS_SINABS_0_3_3) return SNN_OK;
    p->sinabs_operations =
        snnbase_arena_alloc(&p->arena, context, net->synapse_count, sizeof(double));
    if (p->sinabs_operations == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < net->population_count; i++) {
        const struct snn_population *population = &net->populations[i];
        for (uint32_t s = 0; s < population->synapse_count; s++)
            p->sinabs_operations[population->synapse_first + s] =
                snnmodel_sinabs_operations(population, &population->synapses[s]);
    }
    return SNN_OK;
}

static int identify(struct snn_partial *p, struct snn_context *context,
                    const struct snn_run_options *o)
{
    struct snnbase_buffer text = {.data = NULL};
    struct snnbase_sha256 state;
    int status = snnrun_identity_options(p, context, o, &text);
    if (status == SNN_OK) status = snnbase_buffer_append(context, &text, "", 1);
    if (status == SNN_OK)
        p->options = snnbase_arena_string(&p->arena, context, (const char *)text.data);
    if (status == SNN_OK && p->options == NULL) status = SNN_ERR_NOMEM;
    if (status == SNN_OK) {
        text.size--; /* the zero byte */
        status = snnrun_identity_content(p, context, o, &text);
    }
    if (status == SNN_OK) {
        snnbase_sha256_init(&state);
        snnbase_sha256_update(&state, text.data, text.size);
        snnbase_sha256_finish(&state, p->fingerprint);
        status = snnbase_buffer_append(context, &text, "", 1);
    }
    if (status == SNN_OK)
        p->identity = snnbase_arena_string(&p->arena, context, (const char *)text.data);
    if (status == SNN_OK && p->identity == NULL) status = SNN_ERR_NOMEM;
    snnbase_buffer_fini(context, &text);
    return status;
}

static int create(struct snn_partial **out, const struct snnrun_parties *of,
                  struct snn_context *context, const struct snn_run_options *options,
                  bool identified)
{
    struct snn_partial *p = snnbase_alloc(context, 1, sizeof(*p));
    if (p == NULL) return SNN_ERR_NOMEM;
    snnbase_arena_init(&p->arena, context);
    p->of = *of;
    describe(p, options);
    int status = make_lock(p, context);
    if (status == SNN_OK) status = allocate(p, context);
    if (status == SNN_OK) status = copy_accounting(p, context, options);
    if (status == SNN_OK) copy_rules(p, options);
    if (status == SNN_OK && identified) status = identify(p, context, options);
    if (status != SNN_OK) {
        snn_partial_destroy(&p);
        return status;
    }
    *out = p;
    return SNN_OK;
}

int snn_partial_create(struct snn_partial **out, struct snn_context *context,
                       struct snn_target *target, const struct snn_net *net,
                       const struct snn_graph *graph, const struct snn_source *source,
                       const struct snn_run_options *options)
{
    const struct snnrun_parties of = {target, net, net == NULL ? graph : NULL, source};
    if (net == NULL && graph == NULL)
        return snnbase_fail(context, SNN_ERR_INVALID, "neither a net nor a graph was given");
    int status = net != NULL ? snnrun_check_spikes(context, net, source, options)
                             : snnrun_check_frames(context, target, graph, source, options);
    return status == SNN_OK ? create(out, &of, context, options, true) : status;
}

void snn_partial_destroy(struct snn_partial **partial)
{
    if (partial == NULL || *partial == NULL) return;
    struct snn_partial *p = *partial;
    const struct snn_allocator allocator = p->arena.allocator;
    for (uint64_t i = 0; p->kept != NULL && i < p->layout.sample_count; i++)
        snnbase_allocator_free(&allocator, p->kept[i].data);
    snnbase_allocator_free(&allocator, p->written.data);
    if (p->lock != NULL) pthread_mutex_destroy(p->lock);
    snnbase_arena_fini(&p->arena);
    snnbase_allocator_free(&allocator, p);
    *partial = NULL;
}

static int check_same(const struct snn_partial *p, const struct snnrun_parties *of,
                      struct snn_context *context, const struct snn_run_options *options)
{
    char difference[256] = "another target, model or data set";
    struct snnbase_buffer text = {.data = NULL};
    bool same = p->of.target == of->target && p->of.net == of->net && p->of.graph == of->graph &&
                p->of.source == of->source;
    int status = same ? snnrun_identity_options(p, context, options, &text) : SNN_OK;
    if (status == SNN_OK && same) status = snnbase_buffer_append(context, &text, "", 1);
    if (status == SNN_OK && same) {
        same = strcmp(p->options, (const char *)text.data) == 0;
        snnrun_identity_compare(p->options, (const char *)text.data, difference,
                                sizeof(difference));
    }
    snnbase_buffer_fini(context, &text);
    if (status != SNN_OK || same) return status;
    return snnbase_fail(context, SNN_ERR_INVALID, "the partial result is of another run: %s",
                        difference);
}

int snnrun_partial_obtain(struct snn_partial **out, struct snn_partial **own_out,
                          const struct snnrun_parties *of, struct snn_context *context,
                          const struct snn_run_options *options)
{
    int status = options->partial != NULL ? check_same(options->partial, of, context, options)
                                          : create(own_out, of, context, options, false);
    if (status == SNN_OK) *out = options->partial != NULL ? options->partial : *own_out;
    return status;
}

/* --- Adding ----------------------------------------------------------------------------------- */

static void take_in(struct snn_partial *p, uint64_t at, const struct snnmodel_outcome *outcome)
{
    const uint32_t rules = p->layout.rule_count;
    p->samples[at] = outcome->sample;
    p->samples[at].done = true;
    if (rules > 0)
        memcpy(p->decisions + at * rules, outcome->decisions, rules * sizeof(*p->decisions));
    snnmodel_tally_merge(&p->tally, &outcome->tally, &p->layout);
    p->done_count++;
}

/* With the lock held. What the watcher did not take is not there: a sample counts as done where its
 * record is, too. */
static int put(struct snn_partial *p, struct snn_context *context, uint64_t at,
               const struct snnmodel_outcome *outcome)
{
    int status = SNN_OK;
    p->written.size = 0;
    if (p->watch != NULL)
        status = snnmodel_outcome_encode(outcome, at, &p->layout, context, &p->written);
    if (status == SNN_OK && p->watch != NULL)
        status = p->watch(context, p->written.data, p->written.size, p->watch_user);
    if (status == SNN_OK) take_in(p, at, outcome);
    return status;
}

int snnrun_partial_put(struct snn_partial *p, struct snn_context *context, uint64_t at,
                       const struct snnmodel_outcome *outcome, bool *new_out)
{
    pthread_mutex_lock(p->lock);
    *new_out = !p->samples[at].done;
    int status = *new_out ? put(p, context, at, outcome) : SNN_OK;
    pthread_mutex_unlock(p->lock);
    return status;
}

/* With the lock held. The record is kept where its counts are still to be handed out. */
static int add(struct snn_partial *p, struct snn_context *context, const void *record, size_t size)
{
    uint64_t at = 0;
    int status = snnmodel_outcome_decode(&p->read, &at, &p->layout, context, record, size);
    if (status != SNN_OK || p->samples[at].done) return status;
    if (p->of.net != NULL) snnmodel_outcome_find_busiest(&p->read, p->of.net, p->sinabs_operations);
    if (p->kept != NULL) status = snnbase_buffer_append(context, &p->kept[at], record, size);
    if (status == SNN_OK) status = put(p, context, at, &p->read);
    if (p->kept != NULL && status != SNN_OK) p->kept[at].size = 0;
    return status;
}

int snn_partial_add(struct snn_partial *partial, struct snn_context *context, const void *record,
                    size_t size)
{
    pthread_mutex_lock(partial->lock);
    int status = add(partial, context, record, size);
    pthread_mutex_unlock(partial->lock);
    return status;
}

void snn_partial_watch(struct snn_partial *partial, snn_partial_fn watch, void *user)
{
    pthread_mutex_lock(partial->lock);
    partial->watch = watch;
    partial->watch_user = user;
    pthread_mutex_unlock(partial->lock);
}

/* With the lock held. */
static int replay(struct snn_partial *p, struct snn_context *context,
                  const struct snn_run_options *o)
{
    int status = SNN_OK;
    for (uint64_t i = 0; p->kept != NULL && i < p->layout.sample_count && status == SNN_OK; i++) {
        uint64_t at = 0;
        struct snnbase_buffer *kept = &p->kept[i];
        if (kept->size == 0) continue;
        status =
            snnmodel_outcome_decode(&p->read, &at, &p->layout, context, kept->data, kept->size);
        const struct snn_sample_record record = {o->offset + at,        p->layout.timesteps,
                                                 p->layout.class_count, p->layout.population_count,
                                                 p->read.counts,        p->read.population_counts};
        if (status == SNN_OK) status = o->sample(&record, o->user);
        snnbase_allocator_free(&p->arena.allocator, kept->data);
        *kept = (struct snnbase_buffer){.data = NULL};
    }
    return status;
}

int snnrun_partial_conclude(struct snn_partial *p, struct snn_context *context,
                            struct snnmodel_record *record, struct snn_result **out)
{
    record->count = p->layout.sample_count;
    record->samples = p->samples;
    record->rules = p->rules;
    record->rule_count = p->layout.rule_count;
    record->decisions = p->decisions;
    record->tally = &p->tally;
    pthread_mutex_lock(p->lock);
    int status = replay(p, context, record->options);
    if (status == SNN_OK) status = snnmodel_result_build(out, context, record);
    pthread_mutex_unlock(p->lock);
    return status;
}

/* --- Asking ----------------------------------------------------------------------------------- */

void snn_partial_fingerprint(const struct snn_partial *partial,
                             unsigned char out[SNN_FINGERPRINT_SIZE])
{
    memcpy(out, partial->fingerprint, SNN_FINGERPRINT_SIZE);
}

const char *snn_partial_identity(const struct snn_partial *partial)
{
    return partial->identity;
}

void snn_partial_compare(const char *there, const char *here, char *text, size_t size)
{
    snnrun_identity_compare(there, here, text, size);
}

uint64_t snn_partial_total(const struct snn_partial *partial)
{
    return partial->layout.sample_count;
}

uint64_t snn_partial_done(const struct snn_partial *partial)
{
    pthread_mutex_lock(partial->lock);
    const uint64_t done = partial->done_count;
    pthread_mutex_unlock(partial->lock);
    return done;
}

bool snn_partial_has(const struct snn_partial *partial, uint64_t at)
{
    if (at >= partial->layout.sample_count) return false;
    pthread_mutex_lock(partial->lock);
    const bool done = partial->samples[at].done;
    pthread_mutex_unlock(partial->lock);
    return done;
}
