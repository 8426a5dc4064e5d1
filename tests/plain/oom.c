/* Memory that runs out at every possible place: the whole passage from the model file to the
 * report, once for each allocation it makes, with that one refused, and with that one and all later
 * ones.
 *
 * Each time the answer must be NOMEM with a message, every block must be given back, no file may be
 * left, and the next passage with memory must go through. What cJSON and zlib allocate is theirs.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "snn/npy.h"
#include "tests/plain/support.h"

enum { ALLOCATIONS_MAX = 100000 };

/* Atomic, because workers give back memory. */
struct meter {
    unsigned fail_at; /* the allocation to refuse, counted from 1; 0: none */
    bool fail_on;     /* and all that follow */
    atomic_uint asked;
    atomic_uint held;
    atomic_bool refused;
};

static void *allocate(size_t size, void *user)
{
    struct meter *m = user;
    unsigned number = atomic_fetch_add(&m->asked, 1) + 1;
    if (m->fail_at > 0 && (number == m->fail_at || (m->fail_on && number > m->fail_at))) {
        atomic_store(&m->refused, true);
        return NULL;
    }
    void *memory = malloc(size);
    if (memory != NULL) atomic_fetch_add(&m->held, 1);
    return memory;
}

static void release(void *memory, void *user)
{
    struct meter *m = user;
    if (memory == NULL) return;
    atomic_fetch_sub(&m->held, 1);
    free(memory);
}

static int save_outputs(struct passage *p, const struct place *place)
{
    const uint64_t shape[] = {2, 3};
    const int32_t row[] = {1, 2, 3};
    const struct snn_result *const results[] = {p->result};
    const struct snn_report report = {.tool = "plain", .results = results, .result_count = 1};
    struct snn_npy_writer *writer = NULL;
    int status = snn_sweep_save(p->context, &report, place->report); /* to be replaced */
    if (status == SNN_OK) status = snn_report_save(p->context, &report, place->report);
    if (status == SNN_OK)
        status = snn_npy_create(&writer, p->context, place->counts, shape, 2, SNN_NPY_INT32);
    if (status == SNN_OK) status = snn_npy_write(writer, p->context, 1, row);
    if (status == SNN_OK) status = snn_npy_commit(&writer, p->context);
    snn_npy_abandon(&writer);
    return status;
}

static void read_frame(uint64_t index, float *intensity, void *user)
{
    const struct passage *p = user;
    snn_source_frame(p->source, index, intensity);
}

/* What is computed from activations, and what is measured on the probe's target: first in float
 * arithmetic, then corrections in a chip's. */
static int calibrate(struct passage *p)
{
    static const char *const thresholds[] = {"mse:4", "ltb", "spike", "auto"};
    static const char *const corrections[] = {"bias", "potential", "offset"};
    const struct snn_frames frames = {4, snn_source_shape(p->source), read_frame, p, NULL};
    struct snn_lower_options lower;
    struct snn_target *target = NULL;
    snn_lower_options_init(&lower);
    int status = snn_target_open(&target, p->context, "sim");
    const struct snn_probe probe = {
        .target = target, .lower = &lower, .timesteps = 4, .encoding = SNN_ENCODING_RATE};
    struct snn_calibrate_options options = {.recipes = thresholds,
                                            .recipe_count = 4,
                                            .probe = &probe,
                                            .threads = 1,
                                            .data = "images-idx3"};
    if (status == SNN_OK) status = snn_calibrate(p->graph, p->context, &frames, &options);
    lower.arith = SNN_ARITH_CHIP;
    options.recipes = corrections;
    options.recipe_count = 3;
    if (status == SNN_OK) status = snn_calibrate(p->graph, p->context, &frames, &options);
    snn_target_close(&target);
    return status;
}

/* Spike rates against activations, for a report. */
static int measure_rates(struct passage *p)
{
    const struct snn_rate_options options = {
        .encoding = SNN_ENCODING_RATE, .timesteps = 4, .count = 2, .frame = read_frame, .user = p};
    const struct snn_net *net = snn_target_net(p->target);
    struct snn_layer_rate rates[16];
    if (net->population_count > 16)
        return snn_context_fail(p->context, SNN_ERR_INTERNAL, "more layers than expected");
    return snn_rates_measure(rates, p->context, p->target, net, p->graph, &options);
}

/* The document and the picture of both. */
static int describe_check(struct passage *p, const struct place *place,
                          const struct snn_placement *fitting, const struct snn_placement *refused)
{
    struct snn_lower_options lower;
    char *text = NULL;
    const struct snn_check_chip chips[] = {{.placement = fitting}, {.placement = refused}};
    const struct snn_check check = {
        .graph = p->graph, .lower = &lower, .chips = chips, .chip_count = 2};
    snn_lower_options_init(&lower);
    int status = snn_check_format(&text, p->context, &check);
    snn_text_free(p->context, &text);
    if (status == SNN_OK) status = snn_check_save(p->context, &check, place->report);
    if (status == SNN_OK) status = snn_placement_save_map(fitting, p->context, place->report);
    return status == SNN_OK ? snn_placement_save_map(refused, p->context, place->report) : status;
}

/* Net -> chip program -> file -> net, and what is found on a chip with a core too few. */
static int place_on_chip(struct passage *p, const struct place *place)
{
    const struct snn_place_options options = {.tool = "plain"};
    struct snn_lower_options lower;
    struct snn_chip chip;
    struct snn_net *net = NULL, *decoded = NULL;
    struct snn_placement *fitting = NULL, *refused = NULL;
    struct snn_program *program = NULL;
    snn_lower_options_init(&lower);
    lower.arith = SNN_ARITH_CHIP;
    lower.chip = &chip;
    int status = snn_chip_load(&chip, p->context, "speck2f");
    if (status == SNN_OK) status = snn_net_lower(&net, p->context, p->graph, &lower);
    if (status == SNN_OK) status = snn_place(&fitting, p->context, net, &chip, &options);
    if (status == SNN_OK) program = snn_placement_take_program(fitting);
    if (status == SNN_OK)
        status = snn_program_save(program, p->context, place->report); /* to be replaced */
    snn_program_destroy(&program);
    if (status == SNN_OK) status = snn_program_load(&program, p->context, place->report, NULL);
    if (status == SNN_OK) status = snn_program_decode(&decoded, p->context, program);
    chip.core_count = 1;
    if (status == SNN_OK) status = snn_place(&refused, p->context, net, &chip, &options);
    if (status == SNN_OK && (refused->fits || refused->finding_count == 0))
        status = snn_context_fail(p->context, SNN_ERR_INTERNAL, "fits one core");
    if (status == SNN_OK) status = describe_check(p, place, fitting, refused);
    snn_program_destroy(&program);
    snn_placement_destroy(&fitting);
    snn_placement_destroy(&refused);
    snn_net_destroy(&decoded);
    snn_net_destroy(&net);
    return status;
}

/* The whole passage; its status, and what the context said of it. */
static int pass(struct meter *meter, const struct place *where, unsigned threads, char message[256])
{
    const struct snn_context_options options = {.allocator = {allocate, release, meter}};
    struct snn_energy_profile energy;
    struct snn_run_options run;
    struct passage p;
    int status = passage_load(&p, &options, where);
    if (status == SNN_OK) status = calibrate(&p);
    if (status == SNN_OK) status = place_on_chip(&p, where);
    if (status == SNN_OK) status = snn_energy_profile_load(&energy, p.context, "sinabs");
    if (status == SNN_OK) {
        passage_run_options(&run, &energy);
        run.threads = threads;
        run.timesteps = 4;
        run.count = 4;
        status = passage_run(&p, &run);
    }
    if (status == SNN_OK) status = measure_rates(&p);
    if (status == SNN_OK) status = save_outputs(&p, where);
    (void)snprintf(message, 256, "%s",
                   p.context != NULL ? snn_context_message(p.context) : "out of memory");
    passage_end(&p);
    return status;
}

/* A run with a checkpoint, and then the result from that alone, by a context whose memory may end.
 */
static int keep_checkpoint(struct passage *p, const struct place *place,
                           const struct snn_energy_profile *energy)
{
    struct snn_run_options run;
    int status = SNN_OK;
    (void)unlink(place->report);
    passage_run_options(&run, energy);
    run.threads = 1;
    run.timesteps = 4;
    run.count = 4;
    for (int turn = 0; turn < 2 && status == SNN_OK; turn++) {
        struct snn_checkpoint *checkpoint = NULL;
        struct snn_result *result = NULL;
        run.partial = NULL;
        status =
            snn_partial_create(&run.partial, p->context, p->target, p->net, NULL, p->source, &run);
        struct snn_partial *const partials[] = {run.partial};
        if (status == SNN_OK)
            status = snn_checkpoint_open(&checkpoint, p->context, place->report, partials, 1, 0.0);
        if (status == SNN_OK && snn_partial_done(run.partial) != (turn == 0 ? 0u : run.count))
            status = snn_context_fail(p->context, SNN_ERR_INTERNAL, "other samples are there");
        if (status == SNN_OK)
            status = snn_run(&result, p->context, p->target, p->net, p->source, &run);
        snn_result_destroy(&result);
        if (status == SNN_OK)
            status = snn_checkpoint_close(&checkpoint, p->context);
        else
            (void)snn_checkpoint_close(&checkpoint, p->context);
        snn_partial_destroy(&run.partial);
    }
    (void)unlink(place->report);
    return status;
}

/* Each allocation of that refused in turn, on what was loaded with memory. */
static bool sweep_checkpoint(const struct place *place)
{
    struct meter meter = {.fail_at = 0};
    const struct snn_context_options options = {.allocator = {allocate, release, &meter}};
    struct snn_energy_profile energy;
    struct passage p;
    bool good = passage_load(&p, &options, place) == SNN_OK &&
                snn_energy_profile_load(&energy, p.context, "sinabs") == SNN_OK;
    const unsigned held = atomic_load(&meter.held);
    unsigned number = 0;
    for (bool refused = good; refused && number < ALLOCATIONS_MAX;) {
        number++;
        atomic_store(&meter.refused, false);
        meter.fail_at = atomic_load(&meter.asked) + number;
        const int status = keep_checkpoint(&p, place, &energy);
        refused = atomic_load(&meter.refused);
        if (status == (refused ? SNN_ERR_NOMEM : SNN_OK) && atomic_load(&meter.held) == held)
            continue;
        tap_note("allocation %u: status %s, %u blocks more: %s", number, snn_status_name(status),
                 atomic_load(&meter.held) - held, snn_context_message(p.context));
        good = false;
    }
    meter.fail_at = 0;
    passage_end(&p);
    tap_note("%u allocations", number - 1);
    return good && number > 40 && atomic_load(&meter.held) == 0;
}

/* A passage with one allocation refused. *refused_out: there was such an allocation. */
static bool survives(const struct place *place, unsigned threads, unsigned fail_at, bool fail_on,
                     bool *refused_out)
{
    struct meter meter = {.fail_at = fail_at, .fail_on = fail_on};
    char message[256];
    int status = pass(&meter, place, threads, message);
    *refused_out = atomic_load(&meter.refused);
    bool good = true;
    if (*refused_out && status != SNN_ERR_NOMEM) {
        tap_note("allocation %u refused: status %s", fail_at, snn_status_name(status));
        good = false;
    }
    if (*refused_out && strstr(message, "memory") == NULL) {
        tap_note("allocation %u refused: message '%s'", fail_at, message);
        good = false;
    }
    if (!*refused_out && status != SNN_OK) {
        tap_note("no allocation refused: %s", message);
        good = false;
    }
    if (atomic_load(&meter.held) != 0) {
        tap_note("allocation %u refused: %u blocks left", fail_at, atomic_load(&meter.held));
        good = false;
    }
    if (place_has_temporary(place) || (status != SNN_OK && access(place->counts, F_OK) == 0)) {
        tap_note("allocation %u refused: an unfinished file is there", fail_at);
        good = false;
    }
    (void)unlink(place->report);
    (void)unlink(place->counts);
    return good;
}

static bool sweep(const struct place *place, unsigned threads, bool fail_on)
{
    bool good = true, refused = true, unused = false;
    unsigned number = 0;
    while (refused && number < ALLOCATIONS_MAX) {
        number++;
        if (!survives(place, threads, number, fail_on, &refused)) good = false;
        if (number % 64 == 0 && !survives(place, threads, 0, false, &unused)) good = false;
    }
    tap_note("%u allocations", number - 1);
    return good && number > 100 && number < ALLOCATIONS_MAX;
}

int main(void)
{
    struct tap tap = {0, false};
    struct place place;
    bool refused = false;
    if (place_make(&place)) {
        tap_check(&tap, survives(&place, 1, 0, false, &refused), "with all memory all is well");
        tap_check(&tap, sweep(&place, 1, false), "any one allocation may fail");
        tap_check(&tap, sweep(&place, 1, true), "memory may end at any allocation");
        tap_check(&tap, sweep(&place, 3, false), "any one allocation of three workers may fail");
        tap_check(&tap, sweep_checkpoint(&place), "any one allocation of a checkpoint may fail");
    } else {
        tap_check(&tap, false, "the model and its data can be written");
    }
    place_remove(&place);
    return tap_end(&tap);
}
