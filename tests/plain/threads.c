/* Threads: workers of one run, contexts side by side, and what they may share. Whoever runs it, the
 * report must be the same text. Under ThreadSanitizer this program must stay silent.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/plain/support.h"

enum { CALLERS = 4 };

/* Counted without atomics: the library promises to call back under a lock. */
struct counts {
    uint64_t progress; /* calls */
    uint64_t done;     /* as of the last call */
    uint64_t samples;
};

/* Called behind each sample, and within long ones. */
static bool on_progress(uint64_t done, uint64_t total, void *user)
{
    struct counts *counts = user;
    bool good = done >= counts->done && done <= total && total == SAMPLE_COUNT;
    counts->progress++;
    counts->done = done;
    return good;
}

static int on_sample(const struct snn_sample_record *record, void *user)
{
    struct counts *counts = user;
    counts->samples++;
    return record->index < SAMPLE_COUNT ? SNN_OK : SNN_ERR_INTERNAL;
}

/* Runs what a passage has loaded; the report's text, to be freed, or NULL. */
static char *run_text(struct passage *p, unsigned threads)
{
    struct counts counts = {0, 0, 0};
    struct snn_energy_profile energy;
    struct snn_run_options run;
    if (snn_energy_profile_load(&energy, p->context, "sinabs") != SNN_OK) return NULL;
    passage_run_options(&run, &energy);
    run.threads = threads;
    run.progress = on_progress;
    run.sample = on_sample;
    run.user = &counts;
    if (passage_run(p, &run) != SNN_OK || !p->result->complete) return NULL;
    if (counts.done != SAMPLE_COUNT || counts.samples != SAMPLE_COUNT) return NULL;
    if (counts.progress <= SAMPLE_COUNT) return NULL;
    return passage_copy_text(p);
}

/* A whole passage, from a context of its own on. */
static char *pass_text(const struct place *place, unsigned threads)
{
    struct passage p;
    char *text = passage_load(&p, NULL, place) == SNN_OK ? run_text(&p, threads) : NULL;
    passage_end(&p);
    return text;
}

/* Compares with the expected text and frees. */
static bool same(char *text, const char *expected)
{
    bool good = text != NULL && expected != NULL && strcmp(text, expected) == 0;
    free(text);
    return good;
}

static bool any_thread_count(const struct place *place, const char *expected)
{
    static const unsigned counts[] = {2, 3, 5, 16, SAMPLE_COUNT + 1, 0};
    bool good = true;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        if (same(pass_text(place, counts[i]), expected)) continue;
        tap_note("%u threads give another report", counts[i]);
        good = false;
    }
    return good;
}

/* One of several callers at once. `net` and what it is made of belong to somebody else. */
struct caller {
    pthread_t thread;
    const struct place *place;
    const struct passage *lender; /* NULL: everything is the caller's own */
    unsigned threads;
    char *text;
};

static void *call(void *user)
{
    struct caller *c = user;
    struct passage p = {.context = NULL};
    if (c->lender == NULL) {
        c->text = pass_text(c->place, c->threads);
        return NULL;
    }
    p.graph = c->lender->graph;
    p.source = c->lender->source;
    p.recording = c->lender->recording;
    p.events = c->lender->events;
    p.net = c->lender->net;
    int status = snn_context_create(&p.context, NULL);
    if (status == SNN_OK) status = snn_target_open(&p.target, p.context, "sim");
    if (status == SNN_OK) status = snn_target_load(p.target, p.context, p.net);
    if (status == SNN_OK) c->text = run_text(&p, c->threads);
    p.graph = NULL;
    p.source = NULL;
    p.recording = NULL;
    p.events = NULL;
    p.net = NULL;
    passage_end(&p);
    return NULL;
}

static bool call_together(const struct place *place, const struct passage *lender,
                          const char *expected)
{
    struct caller callers[CALLERS];
    unsigned started = 0;
    bool good = true;
    for (; started < CALLERS; started++) {
        struct caller *c = &callers[started];
        *c = (struct caller){.place = place, .lender = lender, .threads = 1 + started % 2};
        if (pthread_create(&c->thread, NULL, call, c) != 0) break;
    }
    for (unsigned i = 0; i < started; i++) {
        (void)pthread_join(callers[i].thread, NULL);
        if (same(callers[i].text, expected)) continue;
        tap_note("caller %u has another report", i);
        good = false;
    }
    return good && started == CALLERS;
}

static bool shared_net(const struct place *place, const char *expected)
{
    struct passage lender;
    bool good =
        passage_load(&lender, NULL, place) == SNN_OK && call_together(place, &lender, expected);
    passage_end(&lender);
    return good;
}

/* A run on virtual devices, one a worker, each with threads of its own. */
static bool same_on_devices(struct passage *p, unsigned threads)
{
    struct snn_energy_profile energy;
    struct snn_run_options run;
    struct snn_target *target = NULL;
    struct snn_result *result = NULL;
    const struct snn_result *chip = p->chip_result;
    int status = snn_energy_profile_load(&energy, p->context, "sinabs");
    passage_run_options(&run, &energy);
    run.threads = threads;
    run.timesteps = chip->timesteps;
    run.rule_count = run.sweep_count = 0;
    if (status == SNN_OK)
        status = snn_target_open(&target, p->context, "vdev:speck2f,order=random,seed=3");
    if (status == SNN_OK) status = snn_target_load_program(target, p->context, p->program);
    if (status == SNN_OK)
        status = snn_run(&result, p->context, target, snn_target_net(target), p->source, &run);
    if (status != SNN_OK) tap_note("%u threads: %s", threads, snn_context_message(p->context));
    bool good =
        status == SNN_OK && result->device != NULL && result->device->sessions == result->threads &&
        memcmp(result->predictions, chip->predictions, SAMPLE_COUNT * sizeof(*chip->predictions)) ==
            0 &&
        memcmp(&result->synops_total, &chip->synops_total, sizeof(double)) == 0;
    snn_result_destroy(&result);
    snn_target_close(&target);
    return good;
}

static bool devices(const struct place *place)
{
    static const unsigned counts[] = {1, 2, 5};
    struct passage p;
    char *text = passage_load(&p, NULL, place) == SNN_OK ? run_text(&p, 1) : NULL;
    bool good = text != NULL;
    for (size_t i = 0; good && i < sizeof(counts) / sizeof(counts[0]); i++)
        good = same_on_devices(&p, counts[i]);
    free(text);
    passage_end(&p);
    return good;
}

/* --- A run that others do, too --- */

struct records {
    unsigned char *bytes[SAMPLE_COUNT];
    size_t size[SAMPLE_COUNT];
    unsigned count; /* under the partial's lock */
};

static int keep(struct snn_context *context, const void *record, size_t size, void *user)
{
    struct records *records = user;
    unsigned char *copy = records->count < SAMPLE_COUNT ? malloc(size) : NULL;
    if (copy == NULL) return snn_context_fail(context, SNN_ERR_NOMEM, "out of memory: a record");
    memcpy(copy, record, size);
    records->bytes[records->count] = copy;
    records->size[records->count++] = size;
    return SNN_OK;
}

struct other {
    pthread_t thread;
    struct snn_partial *partial;
    const struct records *records;
    unsigned first;
    bool good;
};

/* Adds every third record, as another machine's come in. */
static void *add_records(void *user)
{
    struct other *other = user;
    struct snn_context *context = NULL;
    other->good = snn_context_create(&context, NULL) == SNN_OK;
    for (unsigned i = other->first; other->good && i < SAMPLE_COUNT; i += 3) {
        other->good = snn_partial_add(other->partial, context, other->records->bytes[i],
                                      other->records->size[i]) == SNN_OK &&
                      snn_partial_done(other->partial) > 0;
    }
    snn_context_destroy(&context);
    return NULL;
}

/* The predictions of a run with this partial, which goes. */
static bool predict(struct passage *p, struct snn_run_options *run, int32_t *predictions)
{
    struct snn_result *result = NULL;
    bool good = snn_run(&result, p->context, p->target, p->net, p->source, run) == SNN_OK &&
                result->complete;
    if (good) memcpy(predictions, result->predictions, SAMPLE_COUNT * sizeof(*predictions));
    if (!good) tap_note("%s", snn_context_message(p->context));
    snn_result_destroy(&result);
    snn_partial_destroy(&run->partial);
    return good;
}

static bool create(struct passage *p, struct snn_run_options *run)
{
    run->partial = NULL;
    return snn_partial_create(&run->partial, p->context, p->target, p->net, NULL, p->source, run) ==
           SNN_OK;
}

/* Two others add records while three workers run and a checkpoint is kept. */
static bool run_with_others(struct passage *p, const struct place *place,
                            struct snn_run_options *run, const struct records *records,
                            int32_t *predictions)
{
    struct other others[2];
    struct snn_checkpoint *checkpoint = NULL;
    struct snn_partial *const partials[] = {run->partial};
    bool good =
        snn_checkpoint_open(&checkpoint, p->context, place->counts, partials, 1, 0.001) == SNN_OK;
    for (unsigned i = 0; i < 2; i++) {
        others[i] = (struct other){.partial = run->partial, .records = records, .first = i};
        if (pthread_create(&others[i].thread, NULL, add_records, &others[i]) != 0) abort();
    }
    struct snn_result *result = NULL;
    good = good && snn_run(&result, p->context, p->target, p->net, p->source, run) == SNN_OK;
    for (unsigned i = 0; i < 2; i++)
        good = pthread_join(others[i].thread, NULL) == 0 && others[i].good && good;
    snn_result_destroy(&result);
    good = snn_checkpoint_close(&checkpoint, p->context) == SNN_OK && good;
    return predict(p, run, predictions) && good;
}

static bool shared_run(const struct place *place)
{
    int32_t alone[SAMPLE_COUNT], together[SAMPLE_COUNT];
    struct records records = {.count = 0};
    struct snn_energy_profile energy;
    struct snn_run_options run;
    struct passage p;
    bool good = passage_load(&p, NULL, place) == SNN_OK &&
                snn_energy_profile_load(&energy, p.context, "sinabs") == SNN_OK;
    if (good) {
        passage_run_options(&run, &energy);
        run.threads = 3;
        good = create(&p, &run);
    }
    if (good) {
        snn_partial_watch(run.partial, keep, &records);
        good = predict(&p, &run, alone) && records.count == SAMPLE_COUNT && create(&p, &run);
    }
    good = good && run_with_others(&p, place, &run, &records, together) &&
           memcmp(alone, together, sizeof(alone)) == 0;
    for (unsigned i = 0; i < records.count; i++)
        free(records.bytes[i]);
    passage_end(&p);
    return good;
}

/* --- A result that is built while others still add --- */

/* Every allocation while a result is built lets the other thread add some records, if it can. */
struct rush {
    pthread_t thread;
    pthread_mutex_t lock; /* of everything below */
    pthread_cond_t signal;
    pthread_t owner; /* its allocations count */
    struct snn_partial *partial;
    const struct records *records;
    struct snn_context *context;
    unsigned asked, added;
    bool armed, closing, good;
};

static void wait_a_while(struct rush *r)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 20000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    while (r->added < r->asked && pthread_cond_timedwait(&r->signal, &r->lock, &until) == 0) {
    }
}

static void *allocate(size_t size, void *user)
{
    struct rush *r = user;
    pthread_mutex_lock(&r->lock);
    if (r->armed && pthread_equal(pthread_self(), r->owner) && r->asked < SAMPLE_COUNT) {
        r->asked += SAMPLE_COUNT / 4;
        pthread_cond_broadcast(&r->signal);
        wait_a_while(r);
    }
    pthread_mutex_unlock(&r->lock);
    return malloc(size);
}

static void release(void *memory, void *user)
{
    (void)user;
    free(memory);
}

static void *add_when_asked(void *user)
{
    struct rush *r = user;
    pthread_mutex_lock(&r->lock);
    while (!r->closing || r->added < r->asked) {
        const unsigned i = r->added;
        if (i == r->asked) {
            (void)pthread_cond_wait(&r->signal, &r->lock);
            continue;
        }
        pthread_mutex_unlock(&r->lock);
        const bool good = snn_partial_add(r->partial, r->context, r->records->bytes[i],
                                          r->records->size[i]) == SNN_OK;
        pthread_mutex_lock(&r->lock);
        r->good = r->good && good;
        r->added++;
        pthread_cond_broadcast(&r->signal);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* Ends the run behind its first sample; from then on memory is asked for by the result only. */
static bool stop_and_arm(uint64_t done, uint64_t total, void *user)
{
    struct rush *r = user;
    (void)done;
    (void)total;
    pthread_mutex_lock(&r->lock);
    r->armed = true;
    r->owner = pthread_self();
    pthread_mutex_unlock(&r->lock);
    return false;
}

/* All its numbers speak of the same samples. */
static bool is_consistent(const struct snn_result *r)
{
    uint64_t done = 0, silent = 0, right = 0, told = 0;
    for (uint64_t i = 0; i < r->sample_asked_count; i++) {
        const struct snn_result_sample *s = &r->samples[i];
        if (!s->done) continue;
        done++;
        right += s->prediction == s->label;
        if (s->silent && (silent >= r->silent_count || r->silent_indices[silent] != i))
            return false;
        silent += s->silent;
    }
    for (uint32_t i = 0; i < r->class_count * r->class_count; i++)
        told += r->confusion[i];
    const double accuracy = (double)right / (double)done;
    return done == r->sample_count && silent == r->silent_count && told + silent == done &&
           r->complete == (done == r->sample_asked_count) &&
           memcmp(&r->accuracy, &accuracy, sizeof(accuracy)) == 0 &&
           memcmp(&r->accuracy_by_step[r->timesteps - 1], &accuracy, sizeof(accuracy)) == 0;
}

/* All samples are recorded, then a run is stopped whose others bring the rest while its result is
 * built. */
static bool rush_in(struct passage *p, struct rush *r, struct snn_run_options *run,
                    struct records *records)
{
    int32_t alone[SAMPLE_COUNT];
    struct snn_result *result = NULL;
    bool good = create(p, run);
    if (good) snn_partial_watch(run->partial, keep, records);
    good = good && predict(p, run, alone) && records->count == SAMPLE_COUNT && create(p, run);
    if (!good) return false;
    r->partial = run->partial;
    r->records = records;
    run->progress = stop_and_arm;
    run->user = r;
    if (pthread_create(&r->thread, NULL, add_when_asked, r) != 0) abort();
    good = snn_run(&result, p->context, p->target, p->net, p->source, run) == SNN_OK;
    pthread_mutex_lock(&r->lock);
    r->armed = false;
    r->closing = true;
    pthread_cond_broadcast(&r->signal);
    pthread_mutex_unlock(&r->lock);
    good = pthread_join(r->thread, NULL) == 0 && good && r->good && r->added > 0;
    if (good && !is_consistent(result)) {
        tap_note("%u of %u samples, %u silent, do not hold together",
                 (unsigned)result->sample_count, SAMPLE_COUNT, (unsigned)result->silent_count);
        good = false;
    }
    snn_result_destroy(&result);
    result = NULL;
    run->progress = NULL;
    good = good && snn_run(&result, p->context, p->target, p->net, p->source, run) == SNN_OK &&
           result->complete && is_consistent(result) && result->silent_count == SAMPLE_COUNT;
    snn_result_destroy(&result);
    snn_partial_destroy(&run->partial);
    return good;
}

/* Silent samples have lists of their own in a result: here all are, as no output reaches its
 * threshold. */
static int silence(struct passage *p)
{
    struct snn_lower_options lower;
    snn_lower_options_init(&lower);
    lower.output_gain = 1e6f;
    snn_target_close(&p->target);
    snn_net_destroy(&p->net);
    int status = snn_net_lower(&p->net, p->context, p->graph, &lower);
    if (status == SNN_OK) status = snn_target_open(&p->target, p->context, "sim");
    return status == SNN_OK ? snn_target_load(p->target, p->context, p->net) : status;
}

static bool late_records(const struct place *place)
{
    struct rush rush = {
        .lock = PTHREAD_MUTEX_INITIALIZER, .signal = PTHREAD_COND_INITIALIZER, .good = true};
    const struct snn_context_options options = {.allocator = {allocate, release, &rush}};
    struct records records = {.count = 0};
    struct snn_energy_profile energy;
    struct snn_run_options run;
    struct passage p;
    bool good = passage_load(&p, &options, place) == SNN_OK && silence(&p) == SNN_OK &&
                snn_context_create(&rush.context, &options) == SNN_OK &&
                snn_energy_profile_load(&energy, p.context, "sinabs") == SNN_OK;
    if (good) {
        passage_run_options(&run, &energy);
        run.timesteps = 4;
        run.rule_count = run.sweep_count = 0; /* of a second readout */
        good = rush_in(&p, &rush, &run, &records);
    }
    for (unsigned i = 0; i < records.count; i++)
        free(records.bytes[i]);
    snn_context_destroy(&rush.context);
    passage_end(&p);
    return good;
}

int main(void)
{
    struct tap tap = {0, false};
    struct place place;
    char *expected = place_make(&place) ? pass_text(&place, 1) : NULL;
    tap_check(&tap, expected != NULL, "one thread runs the net");
    tap_check(&tap, any_thread_count(&place, expected), "any number of workers, the same report");
    tap_check(&tap, call_together(&place, NULL, expected), "contexts run side by side");
    tap_check(&tap, shared_net(&place, expected), "contexts share graph, source and net");
    tap_check(&tap, devices(&place), "a virtual device a worker, the chip's predictions");
    tap_check(&tap, shared_run(&place), "others add records to a run that is kept");
    tap_check(&tap, late_records(&place), "records that come while a result is built");
    free(expected);
    place_remove(&place);
    return tap_end(&tap);
}
