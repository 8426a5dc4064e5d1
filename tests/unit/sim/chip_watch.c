/* A chip as a target tells every spike as it happens, with the input event that set it off; and its
 * input is serial: an event enters when all that the one before it set off is over.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "libsnn/stream/target.h"
#include "snn/status.h"
#include "snn/target.h"
#include "tests/unit/sketch.h"
#include "tests/unit/support.h"

enum { STEPS = 3, SPIKES_MAX = 16 };

static struct snn_program *program;
static struct snn_target *target;
static struct snn_spike seen[SPIKES_MAX];
static size_t seen_count;
static uint32_t spikes[STEPS];

static void begin(void)
{
    support_begin();
}

static void end(void)
{
    snn_target_close(&target);
    snn_program_destroy(&program);
    support_end();
}

TestSuite(chip_watch, .init = begin, .fini = end);

static void require_ok(int status)
{
    cr_assert_eq(status, SNN_OK, "%s", snn_context_message(support_context()));
}

static void see(const struct snn_spike *spike, void *user)
{
    cr_assert_eq(user, &seen_count);
    cr_assert_lt(seen_count, SPIKES_MAX);
    seen[seen_count++] = *spike;
}

static struct snn_program *draw(uint32_t channels)
{
    struct snn_program *sketch = sketch_begin(channels, 1, 1);
    require_ok(snn_chip_load(&sketch->chip, support_context(), "dynapcnn"));
    return sketch;
}

static void load(const struct snn_program *sketch)
{
    require_ok(snn_program_create(&program, support_context(), sketch));
    require_ok(snn_target_open(&target, support_context(), "chip:dynapcnn,order=raster"));
    require_ok(snn_target_load_program(target, support_context(), program));
}

/* Steps with these events; spikes of the one class in `spikes`. */
static void run(struct snn_target *on, const uint32_t *address, const uint32_t *begins)
{
    static float potential[STEPS];
    static uint64_t others[5][STEPS * 4];
    struct snn_context *context = support_context();
    struct snn_output out = {0,         spikes,    potential, others[0],
                             others[1], others[2], others[3], others[4]};
    const struct snn_spikes in = {.step_count = STEPS, .step_begin = begins, .address = address};
    require_ok(snn_target_reset(on, context));
    require_ok(snn_target_push(on, context, &in));
    require_ok(snn_target_advance(on, context, STEPS));
    require_ok(snn_target_pull(on, context, &out));
}

static void is_spike(size_t i, uint32_t population, uint32_t channel, uint32_t step, uint32_t event)
{
    cr_assert_lt(i, seen_count, "spike %zu", i);
    cr_expect_eq(seen[i].population, population, "spike %zu", i);
    cr_expect_eq(seen[i].channel, channel, "spike %zu", i);
    cr_expect_eq(seen[i].y + seen[i].x, 0, "spike %zu", i);
    cr_expect_eq(seen[i].step, step, "spike %zu", i);
    cr_expect_eq(seen[i].event, event, "spike %zu", i);
}

/* Weight and threshold 100, bias 50: step 0 has two events, which fire, and leaves 50; the tick of
 * step 1 fires with nothing but biases; step 2 has one event. */
Test(chip_watch, spike_is_told_with_its_step_and_event)
{
    static const int8_t weights[2] = {100, 100}, bias[1] = {50};
    static const uint32_t address[] = {0, 1, 1}, begins[] = {0, 2, 2, 3};
    struct snn_program *sketch = draw(2);
    sketch_add(
        (struct snn_core){.output = {1, 0, 0}, .kernel_size = 1, .weights = weights, .bias = bias});
    load(sketch);
    require_ok(snn_target_watch(target, support_context(), see, &seen_count));
    run(target, address, begins);
    is_spike(0, 0, 0, 0, 0);
    is_spike(1, 0, 0, 0, 1);
    is_spike(2, 0, 0, 1, 0);
    is_spike(3, 0, 0, 2, 0);
    cr_assert_eq(seen_count, 4);
    require_ok(snn_target_watch(target, support_context(), NULL, NULL));
    run(target, address, begins);
    cr_assert_eq(seen_count, 4, "nobody watches");
}

/* The input (a, b) goes to core 0, which passes a on, and with that to core 1, where a's spike
 * counts 60 and b -60, threshold 50. With a and b at one time, a's spike gets there before b if a
 * is over before b comes, and behind it if both are in the queue at first. */
static struct snn_program *race(void)
{
    static const int8_t first[2] = {100, 0}, second[3] = {60, 0, -60};
    struct snn_program *sketch = draw(2);
    sketch->input_destination_count = 2;
    sketch->input_destinations[1] = (struct snn_destination){1, 1, 1};
    sketch_add((struct snn_core){.output = {1, 0, 0},
                                 .kernel_size = 1,
                                 .weights = first,
                                 .destination_count = 1,
                                 .destinations = {{1, 1, 0}}});
    sketch_add((struct snn_core){.index = 1,
                                 .input = {3, 1, 1},
                                 .output = {1, 0, 0},
                                 .kernel_size = 1,
                                 .weights = second,
                                 .threshold_high = 50});
    return sketch;
}

Test(chip_watch, event_is_over_before_the_next_of_the_same_time)
{
    static const uint32_t address[] = {0, 1}, begins[] = {0, 2, 2, 2};
    load(race());
    require_ok(snn_target_watch(target, support_context(), see, &seen_count));
    run(target, address, begins);
    cr_expect_eq(spikes[0], 1);
    is_spike(0, 0, 0, 0, 0);
    is_spike(1, 1, 0, 0, 0);
    cr_assert_eq(seen_count, 2);
}

Test(chip_watch, simulator_takes_events_of_one_time_together)
{
    static const uint32_t address[] = {0, 1}, begins[] = {0, 2, 2, 2};
    struct snn_target *sim = NULL;
    load(race());
    require_ok(snn_target_open(&sim, support_context(), "sim:async,order=raster"));
    require_ok(snn_target_load(sim, support_context(), snn_target_net(target)));
    require_ok(snn_target_watch(sim, support_context(), see, &seen_count));
    run(sim, address, begins);
    cr_expect_eq(spikes[0], 0);
    is_spike(0, 0, 0, 0, 1);
    cr_assert_eq(seen_count, 1);
    snn_target_close(&sim);
}

Test(chip_watch, steps_have_no_order_of_spikes)
{
    struct snn_target *sim = NULL;
    load(race());
    require_ok(snn_target_open(&sim, support_context(), "sim:sync"));
    require_ok(snn_target_load(sim, support_context(), snn_target_net(target)));
    cr_expect_eq(snn_target_watch(sim, support_context(), see, &seen_count), SNN_ERR_UNSUPPORTED);
    cr_expect_str_eq(snn_context_message(support_context()),
                     "synchronous semantics have no order of spikes to tell");
    snn_target_close(&sim);
}

/* ---- Stopping ---- */

static unsigned asked, asked_most;

static bool goes_on(void *user)
{
    cr_assert_eq(user, &asked);
    return ++asked < asked_most;
}

/* An event sets off 64, and 1,000 of them are a step: 65,000 events. */
Test(chip_watch, step_is_left_when_nobody_wants_it_any_more)
{
    enum { MANY = 1000, WIDE = 64 };
    static int8_t weights[WIDE], zeros[WIDE];
    static float count[1] = {MANY}, potential[1];
    static const uint32_t address[1], begins[] = {0, 1};
    static uint64_t others[5][4];
    struct snn_context *context = support_context();
    struct snn_output out = {0,         spikes,    potential, others[0],
                             others[1], others[2], others[3], others[4]};
    const struct snn_spikes in = {
        .step_count = 1, .step_begin = begins, .address = address, .count = count};
    struct snn_program *sketch = draw(1);
    memset(weights, 100, sizeof(weights));
    sketch_add((struct snn_core){.output = {WIDE, 0, 0},
                                 .kernel_size = 1,
                                 .weights = weights,
                                 .threshold_high = 100,
                                 .destination_count = 1,
                                 .destinations = {{1, 1, 0}}});
    sketch_add((struct snn_core){
        .index = 1, .output = {1, 0, 0}, .kernel_size = 1, .weights = zeros, .threshold_high = 1});
    load(sketch);
    require_ok(snnstream_target_ask(target, context, goes_on, &asked));
    asked_most = 3;
    require_ok(snn_target_reset(target, context));
    require_ok(snn_target_push(target, context, &in));
    cr_assert_eq(snn_target_advance(target, context, 1), SNN_ERR_CANCELLED);
    cr_assert_eq(asked, 3);
    asked_most = 1000;
    require_ok(snn_target_reset(target, context));
    require_ok(snn_target_push(target, context, &in));
    require_ok(snn_target_advance(target, context, 1));
    require_ok(snn_target_pull(target, context, &out));
    cr_assert_geq(asked, 3 + 60);
    cr_assert_eq(others[0][0], MANY * WIDE);
}
