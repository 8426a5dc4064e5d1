/* A virtual chip lets go within a second, whatever its chip is at: here a step of which each event
 * sets off some 30,000 others, which takes a computer far longer than the test lasts.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "device/transport/queue.h"
#include "snn/device.h"
#include "snn/status.h"
#include "tests/unit/sketch.h"
#include "tests/unit/support.h"

enum { WIDE = 64, WIDER = 512, EVENTS = 20000, SECOND_US = 1000000 };

TestSuite(stop, .init = support_begin, .fini = support_end);

/* One event becomes 64, each of these 512, and each of those arrives somewhere. */
static const struct snn_program *avalanche(void)
{
    static int8_t weights[WIDE * WIDER], zeros[WIDER];
    struct snn_program *program = sketch_begin(1, 1, 1);
    memset(weights, 100, sizeof(weights));
    const struct snn_core first = {.kernel_size = 1,
                                   .output = {WIDE, 1, 1},
                                   .weights = weights,
                                   .threshold_high = 100,
                                   .destination_count = 1,
                                   .destinations = {{3, 1, 0}}};
    struct snn_core second = first;
    second.index = 3;
    second.output.channels = WIDER;
    second.destinations[0].layer = 5;
    sketch_add(first);
    sketch_add(second);
    sketch_add((struct snn_core){
        .index = 5, .kernel_size = 1, .output = {1, 1, 1}, .weights = zeros, .threshold_high = 1});
    return program;
}

static const char *save(const struct snn_program *program)
{
    const char *path = support_path("profile.chip.json");
    cr_assert_eq(snn_program_save(program, support_context(), path), SNN_OK, "%s",
                 snn_context_message(support_context()));
    return path;
}

static void require_ok(int status)
{
    cr_assert_eq(status, SNN_OK, "%s", snn_context_message(support_context()));
}

/* Until the chip is in the middle of the step: its answer to BEGIN has come, that to TICK never
 * does. */
static void occupy(struct snn_device *device, const struct snn_program *program)
{
    static const struct snn_device_event events[EVENTS];
    struct snn_context *context = support_context();
    const struct timespec moment = {.tv_nsec = 200000000};
    require_ok(snn_device_load(device, context, program, NULL));
    require_ok(snn_device_begin(device, context, 0));
    require_ok(snn_device_send(device, context, events, EVENTS));
    require_ok(snn_device_tick(device, context, 0));
    nanosleep(&moment, NULL);
}

Test(stop, device_that_computes_is_closed_within_a_second)
{
    char uri[512];
    struct snn_device *device = NULL;
    const struct snn_device_options options = {.monitor_readout = true};
    const struct snn_program *program = avalanche();
    (void)snprintf(uri, sizeof(uri), "vdev:%s", save(program));
    require_ok(snn_device_open(&device, support_context(), uri, &options));
    occupy(device, program);
    const uint64_t before = snndev_now_us();
    snn_device_close(&device);
    const uint64_t time = snndev_now_us() - before;
    cr_assert_lt(time, SECOND_US, "%llu us", (unsigned long long)time);
}

/* ---- An emulator ---- */

static char line[192];
static atomic_bool there, stopped;

static void note_ready(const char *uri, void *user)
{
    (void)user;
    (void)snprintf(line, sizeof(line), "%s", uri);
    there = true;
}

static bool goes_on(void *user)
{
    (void)user;
    return !stopped;
}

static void *emulate(void *user)
{
    struct snn_context *context = NULL;
    const struct snn_emulate_options options = {
        .chip = user, .as = "process", .ready = note_ready, .go_on = goes_on};
    int status = snn_context_create(&context, NULL);
    if (status == SNN_OK) status = snn_emulate(context, &options);
    cr_expect_eq(status, SNN_OK);
    snn_context_destroy(&context);
    there = true;
    return NULL;
}

Test(stop, emulator_that_computes_ends_within_a_second)
{
    char path[256];
    struct snn_device *device = NULL;
    pthread_t thread;
    const struct snn_device_options options = {.monitor_readout = true};
    const struct timespec moment = {.tv_nsec = 1000000};
    const struct snn_program *program = avalanche();
    (void)snprintf(path, sizeof(path), "%s", save(program));
    cr_assert_eq(pthread_create(&thread, NULL, emulate, path), 0);
    while (!there)
        nanosleep(&moment, NULL);
    int status = snn_device_open(&device, support_context(), line, &options);
    if (status == SNN_OK) occupy(device, program);
    const uint64_t before = snndev_now_us();
    stopped = true;
    pthread_join(thread, NULL);
    const uint64_t time = snndev_now_us() - before;
    snn_device_close(&device);
    if (status == SNN_ERR_UNSUPPORTED) cr_skip_test("built without serial lines");
    require_ok(status);
    cr_assert_lt(time, SECOND_US, "%llu us", (unsigned long long)time);
}
