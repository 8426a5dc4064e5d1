/* Ends of a passage that are not its end: runs that are stopped, refused or broken off by their
 * callbacks, and things that were never made. All memory must be given back, and what a callback
 * said must reach the caller.
 */
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "snn/npy.h"
#include "tests/plain/support.h"

static void *allocate(size_t size, void *user)
{
    void *memory = malloc(size);
    atomic_uint *held = user;
    if (memory != NULL) atomic_fetch_add(held, 1);
    return memory;
}

static void release(void *memory, void *user)
{
    atomic_uint *held = user;
    if (memory != NULL) atomic_fetch_sub(held, 1);
    free(memory);
}

#define STOP_AT_ONCE UINT64_MAX

/* What the callbacks of a run are to do, and what they saw. */
struct script {
    struct snn_context *context;
    uint64_t stop_at; /* samples after which progress stops the run; 0: never, or STOP_AT_ONCE */
    uint64_t fail_at; /* samples after which the sample callback fails; 0: never */
    uint64_t samples;
};

static bool on_progress(uint64_t done, uint64_t total, void *user)
{
    const struct script *script = user;
    if (script->stop_at == STOP_AT_ONCE) return false;
    return total == SAMPLE_COUNT && (script->stop_at == 0 || done < script->stop_at);
}

/* Fails by trying to write where no folder is, so that the message is a real one. */
static int on_sample(const struct snn_sample_record *record, void *user)
{
    struct script *script = user;
    const uint64_t shape[] = {1};
    struct snn_npy_writer *writer = NULL;
    (void)record;
    if (++script->samples != script->fail_at) return SNN_OK;
    return snn_npy_create(&writer, script->context, "/nonexistent/counts.npy", shape, 1,
                          SNN_NPY_INT32);
}

typedef bool (*ending_fn)(struct passage *passage, struct snn_run_options *run,
                          struct script *script);

static bool stopped(struct passage *p, struct snn_run_options *run, struct script *script)
{
    script->stop_at = 5;
    return passage_run(p, run) == SNN_OK && !p->result->complete && p->result->sample_count >= 5 &&
           p->result->sample_count < SAMPLE_COUNT;
}

/* In the middle of the first sample: nothing is done yet. */
static bool stopped_at_once(struct passage *p, struct snn_run_options *run, struct script *script)
{
    script->stop_at = STOP_AT_ONCE;
    return passage_run(p, run) == SNN_OK && !p->result->complete && p->result->sample_count == 0 &&
           isnan(p->result->accuracy);
}

static bool callback_failed(struct passage *p, struct snn_run_options *run, struct script *script)
{
    script->fail_at = 7;
    return passage_run(p, run) == SNN_ERR_NOT_FOUND && p->result == NULL &&
           snn_context_status(p->context) == SNN_ERR_NOT_FOUND &&
           strstr(snn_context_message(p->context), "/nonexistent/counts.npy") != NULL;
}

static bool beyond_the_data(struct passage *p, struct snn_run_options *run, struct script *script)
{
    (void)script;
    run->offset = SAMPLE_COUNT;
    return passage_run(p, run) == SNN_ERR_NOT_FOUND && p->result == NULL;
}

static bool no_steps(struct passage *p, struct snn_run_options *run, struct script *script)
{
    (void)script;
    run->timesteps = 0;
    return passage_run(p, run) == SNN_ERR_INVALID && p->result == NULL;
}

/* A rule that asks for a readout the net was not lowered with: found by the workers. */
static bool no_readout(struct passage *p, struct snn_run_options *run, struct script *script)
{
    static const struct snn_rule rule = {SNN_RULE_FIRST, 0.0, 8.0f};
    (void)script;
    run->rules = &rule;
    run->rule_count = 1;
    return passage_run(p, run) == SNN_ERR_INVALID && p->result == NULL &&
           snn_context_message(p->context)[0] != '\0';
}

static bool run_again(struct passage *p, struct snn_run_options *run, struct script *script)
{
    (void)script;
    for (unsigned i = 0; i < 3; i++) {
        if (passage_run(p, run) != SNN_OK) return false;
        if (i == 2) break;
        snn_text_free(p->context, &p->text);
        snn_result_destroy(&p->result);
    }
    return p->result->complete && p->result->sample_count == SAMPLE_COUNT;
}

/* A passage that ends this way, with one worker and with three, and all memory after it. */
static bool ends(const struct place *place, ending_fn ending)
{
    bool good = true;
    for (unsigned threads = 1; threads <= 3; threads += 2) {
        atomic_uint held = 0;
        const struct snn_context_options options = {.allocator = {allocate, release, &held}};
        struct snn_energy_profile energy;
        struct snn_run_options run;
        struct passage p;
        int status = passage_load(&p, &options, place);
        struct script script = {.context = p.context};
        if (status == SNN_OK) status = snn_energy_profile_load(&energy, p.context, "sinabs");
        passage_run_options(&run, &energy);
        run.threads = threads;
        run.progress = on_progress;
        run.sample = on_sample;
        run.user = &script;
        if (status != SNN_OK || !ending(&p, &run, &script)) {
            tap_note("%u threads: %s", threads, snn_context_message(p.context));
            good = false;
        }
        passage_end(&p);
        if (atomic_load(&held) != 0) {
            tap_note("%u threads: %u blocks left", threads, atomic_load(&held));
            good = false;
        }
    }
    return good;
}

/* Crashes if it is not so. */
static bool nothing_can_be_let_go(void)
{
    struct passage p = {.context = NULL};
    struct snn_npy_writer *writer = NULL;
    struct snn_encoder *encoder = NULL;
    struct snn_evaluator *evaluator = NULL;
    passage_end(&p);
    passage_end(&p);
    snn_npy_abandon(&writer);
    snn_encoder_destroy(&encoder);
    snn_evaluator_destroy(&evaluator);
    snn_context_destroy(NULL);
    snn_graph_destroy(NULL);
    snn_net_destroy(NULL);
    snn_source_close(NULL);
    snn_target_close(NULL);
    snn_result_destroy(NULL);
    snn_encoder_destroy(NULL);
    snn_evaluator_destroy(NULL);
    snn_npy_abandon(NULL);
    return true;
}

int main(void)
{
    static const struct {
        ending_fn ending;
        const char *name;
    } endings[] = {
        {run_again, "a target runs again and again"},
        {stopped, "progress stops a run"},
        {stopped_at_once, "progress stops a run within its first samples"},
        {callback_failed, "a failing callback ends a run with its own message"},
        {beyond_the_data, "samples beyond the data are refused"},
        {no_steps, "a run without steps is refused"},
        {no_readout, "a rule without its readout is refused"},
    };
    struct tap tap = {0, false};
    struct place place;
    bool made = place_make(&place);
    tap_check(&tap, nothing_can_be_let_go(), "nothing can be destroyed");
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
        tap_check(&tap, made && ends(&place, endings[i].ending), endings[i].name);
    place_remove(&place);
    return tap_end(&tap);
}
