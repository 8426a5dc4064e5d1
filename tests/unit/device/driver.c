/* The driver of chips: a program as records, loaded with what is right already left alone, single
 * events there and back by hand, and as a target beside the same chip simulated, spike by spike.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "device/device.h"
#include "device/dynapcnn/records.h"
#include "device/dynapcnn/tally.h"
#include "snn/status.h"
#include "snn/target.h"
#include "tests/unit/sketch.h"
#include "tests/unit/support.h"

enum { ITEMS = 64, SPIKES_MAX = 1 << 16, STEPS = 5 };

static struct snn_device *device;

static void end(void)
{
    snn_device_close(&device);
    support_end();
}

TestSuite(driver, .init = support_begin, .fini = end);

/* A virtual chip of the profile that the program has. */
static const char *uri_of(const struct snn_program *program, const char *scheme, const char *behind)
{
    static char uri[2][512];
    static int turn;
    const char *path = support_path("profile.chip.json");
    turn = !turn;
    cr_assert_eq(snn_program_save(program, support_context(), path), SNN_OK, "%s",
                 snn_context_message(support_context()));
    (void)snprintf(uri[turn], sizeof(uri[turn]), "%s:%s%s", scheme, path, behind);
    return uri[turn];
}

static void open_for(const struct snn_program *program, const struct snn_device_options *options)
{
    snn_device_close(&device);
    cr_assert_eq(snn_device_open(&device, support_context(), uri_of(program, "vdev", ""), options),
                 SNN_OK, "%s", snn_context_message(support_context()));
}

static struct snn_device_load_report load(const struct snn_program *program)
{
    struct snn_device_load_report report;
    cr_assert_eq(snn_device_load(device, support_context(), program, &report), SNN_OK, "%s",
                 snn_context_message(support_context()));
    return report;
}

/* ---- Records ---- */

Test(driver, registers_are_those_of_the_page)
{
    /* Each field another value: docs/formats/wire.md, registers of a core. */
    static const int8_t weights[2 * 3 * 9], bias[2];
    static const int16_t v_init[] = {-5};
    struct snn_program *program = sketch_begin(3, 7, 9);
    sketch_add((struct snn_core){.index = 4,
                                 .layer_index = 2,
                                 .kernel_size = 3,
                                 .stride_y = 2,
                                 .stride_x = 1,
                                 .pad_y = 1,
                                 .pad_x = 0,
                                 .output = {2, 4, 7},
                                 .weights = weights,
                                 .bias = bias,
                                 .threshold_high = 0x102,
                                 .threshold_low = -2,
                                 .return_to_zero = true,
                                 .v_init = v_init,
                                 .v_init_count = 1,
                                 .destination_count = 2,
                                 .destinations = {{6, 4, 0x203}, {SKETCH_READOUT, 1, 0}}});
    static const uint8_t expected[SNNWIRE_CORE_BYTES] = {
        1, 3, 2, 1, 1, 0, 1, 1, 1,    2,    0,    0,    3, 0, 7, 0, 9, 0, 2, 0,
        4, 0, 7, 0, 0, 0, 2, 1, 0xfe, 0xff, 0xfb, 0xff, 1, 6, 4, 0, 3, 2, 1, SKETCH_READOUT,
        1, 0, 0, 0};
    struct snndev_records records;
    struct snnbase_arena arena;
    snnbase_arena_init(&arena, support_context());
    cr_assert_eq(snndev_records_make(&records, support_context(), &arena, program, true), SNN_OK);
    cr_assert_eq(records.core_count, 10);
    cr_expect_eq(records.cores[0].index, SNNWIRE_CHIP);
    cr_expect_eq(records.cores[0].regions[0].size, SNNWIRE_CHIP_BYTES);
    const struct snndev_core_memories *core = &records.cores[5], *unused = &records.cores[1];
    cr_assert_eq(core->index, 4);
    cr_assert_eq(core->regions[SNNWIRE_REGION_REGISTERS].size, SNNWIRE_CORE_BYTES);
    cr_expect_arr_eq(core->regions[SNNWIRE_REGION_REGISTERS].bytes, expected, sizeof(expected));
    cr_expect_eq(core->regions[SNNWIRE_REGION_KERNEL].size, sizeof(weights));
    cr_expect_eq(core->regions[SNNWIRE_REGION_BIAS].size, sizeof(bias));
    cr_expect_eq(core->regions[SNNWIRE_REGION_NEURON].size, 0);
    cr_expect(!unused->used);
    for (uint32_t i = 0; i < SNNWIRE_CORE_BYTES; i++)
        cr_expect_eq(unused->regions[0].bytes[i], 0);
    snnbase_arena_fini(&arena);
}

Test(driver, potentials_of_each_neuron_are_words_low_byte_first)
{
    static const int16_t v_init[] = {1, -1, 0x1234, 0};
    struct snn_program *program = sketch_begin(1, 2, 2);
    sketch_add((struct snn_core){.kernel_size = 1, .v_init = v_init, .v_init_count = 4});
    static const uint8_t expected[] = {1, 0, 0xff, 0xff, 0x34, 0x12, 0, 0};
    struct snndev_records records;
    struct snnbase_arena arena;
    snnbase_arena_init(&arena, support_context());
    program->cores = sketch_core(0);
    cr_assert_eq(snndev_records_make(&records, support_context(), &arena, program, false), SNN_OK);
    cr_assert_eq(records.cores[1].regions[SNNWIRE_REGION_NEURON].size, sizeof(expected));
    cr_expect_arr_eq(records.cores[1].regions[SNNWIRE_REGION_NEURON].bytes, expected,
                     sizeof(expected));
    snnbase_arena_fini(&arena);
}

/* ---- Loading ---- */

Test(driver, what_is_right_already_is_kept)
{
    struct snn_program *program = sketch_split(); /* three layers on four cores */
    open_for(program, NULL);
    struct snn_device_load_report report = load(program);
    cr_expect_eq(report.cores_written, 4);
    cr_expect_eq(report.cores_kept, 0);
    cr_expect_gt(report.bytes_written, 0);
    report = load(program);
    cr_expect_eq(report.cores_written, 0);
    cr_expect_eq(report.cores_kept, 4);
    cr_expect_eq(report.bytes_written, 0);
    cr_expect_gt(report.bytes_verified, 0);
    sketch_core(0)->threshold_high++;
    report = load(program);
    cr_expect_eq(report.cores_written, 1);
    cr_expect_eq(report.cores_kept, 3);
    cr_expect_eq(report.bytes_written, SNNWIRE_CORE_BYTES);
}

Test(driver, program_of_another_chip_is_refused)
{
    struct snn_program *program = sketch_point();
    open_for(program, NULL);
    (void)snprintf(program->chip.name, sizeof(program->chip.name), "other");
    cr_assert_eq(snn_device_load(device, support_context(), program, NULL), SNN_ERR_INVALID);
    cr_expect_str_eq(snn_context_message(support_context()),
                     "the chip program is for other, the device is sketch");
}

/* ---- Events by hand ---- */

/* One neuron a pixel and feature that fires at each event: weight 100, threshold 100. */
static struct snn_program *echo(void)
{
    static const int8_t weights[] = {100};
    struct snn_program *program = sketch_begin(1, 2, 3);
    sketch_add(
        (struct snn_core){.index = 3, .kernel_size = 1, .weights = weights, .output = {1, 2, 3}});
    program->input_destinations[0].layer = 3;
    return program;
}

static size_t receive_until_end(struct snn_device_item *items)
{
    size_t count = 0;
    while (count == 0 || items[count - 1].kind != SNN_DEVICE_END) {
        size_t came = 0;
        cr_assert_eq(snn_device_receive(device, support_context(), items + count, ITEMS - count,
                                        &came, 10000),
                     SNN_OK, "%s", snn_context_message(support_context()));
        count += came;
    }
    return count;
}

static void send_sample(void)
{
    struct snn_context *context = support_context();
    const struct snn_device_event events[] = {{.time_us = 7, .y = 1, .x = 2},
                                              {.time_us = 1001, .y = 0, .x = 1}};
    cr_assert_eq(snn_device_begin(device, context, 5), SNN_OK);
    cr_assert_eq(snn_device_send(device, context, &events[0], 1), SNN_OK);
    cr_assert_eq(snn_device_tick(device, context, 0), SNN_OK);
    cr_assert_eq(snn_device_send(device, context, &events[1], 1), SNN_OK);
    cr_assert_eq(snn_device_tick(device, context, 1), SNN_OK);
    cr_assert_eq(snn_device_end(device, context, 5), SNN_OK);
}

static void is_event(const struct snn_device_item *item, uint64_t time_us, uint16_t layer,
                     uint8_t y, uint8_t x)
{
    cr_assert_eq(item->kind, SNN_DEVICE_EVENT);
    cr_expect_eq(item->event.time_us, time_us);
    cr_expect_eq(item->event.layer, layer);
    cr_expect_eq(item->event.feature, 0);
    cr_expect_eq(item->event.y, y);
    cr_expect_eq(item->event.x, x);
}

Test(driver, events_come_back_from_core_and_readout)
{
    struct snn_device_item items[ITEMS];
    struct snn_device_statistics s;
    open_for(echo(), NULL);
    cr_expect_str_eq(snn_device_about(device)->chip, "sketch");
    cr_expect_eq(snn_device_about(device)->core_count, 9);
    (void)load(echo());
    send_sample();
    cr_assert_eq(receive_until_end(items), 8);
    cr_expect(items[0].kind == SNN_DEVICE_BEGIN && items[0].value == 5);
    is_event(&items[1], 7, 3, 1, 2);
    is_event(&items[2], 7, SKETCH_READOUT, 1, 2);
    cr_expect(items[3].kind == SNN_DEVICE_TICK && items[3].value == 0);
    is_event(&items[4], 1001, 3, 0, 1);
    is_event(&items[5], 1001, SKETCH_READOUT, 0, 1);
    cr_expect(items[6].kind == SNN_DEVICE_TICK && items[6].value == 1);
    cr_expect(items[7].kind == SNN_DEVICE_END && items[7].value == 5);
    cr_assert_eq(snn_device_read_statistics(device, support_context(), &s), SNN_OK);
    cr_expect_eq(s.events_taken, 2);
    cr_expect_eq(s.host_events_out, 2);
    cr_expect_eq(s.events_produced, 4);
    cr_expect_eq(s.events_sent, 4);
    cr_expect_eq(s.host_events_in, 4);
    cr_expect_eq(s.core_spikes[3], 2);
    cr_expect_eq(s.events_dropped + s.host_dropped + s.transport_dropped, 0);
    cr_expect_eq(s.round_trips, 2);
    cr_expect_gt(s.round_trip_us_p50, 0.0);
    cr_expect_leq(s.round_trip_us_p50, s.round_trip_us_max);
    cr_assert_eq(snn_device_reset(device, support_context()), SNN_OK);
    cr_assert_eq(snn_device_read_statistics(device, support_context(), &s), SNN_OK);
    cr_expect_eq(s.events_taken + s.events_produced + s.host_events_out + s.round_trips, 0);
}

Test(driver, readout_alone_where_cores_are_not_monitored)
{
    struct snn_device_item items[ITEMS];
    const struct snn_device_options options = {.monitor_readout = true};
    open_for(echo(), &options);
    (void)load(echo());
    send_sample();
    cr_assert_eq(receive_until_end(items), 6);
    is_event(&items[1], 7, SKETCH_READOUT, 1, 2);
    is_event(&items[3], 1001, SKETCH_READOUT, 0, 1);
}

Test(driver, nothing_comes_of_nothing)
{
    struct snn_device_item item;
    size_t count = 0;
    open_for(echo(), NULL);
    (void)load(echo());
    cr_expect_eq(snn_device_receive(device, support_context(), &item, 1, &count, 1),
                 SNN_ERR_TIMEOUT);
}

/* ---- As a target ---- */

/* What a target gave: every spike in its order, and all sums of a sample's steps. */
struct taken {
    struct snn_spike spikes[SPIKES_MAX];
    size_t count;
    uint64_t sums[STEPS][256];
    uint32_t classes[STEPS][256];
};

static void take_spike(const struct snn_spike *spike, void *user)
{
    struct taken *taken = user;
    cr_assert_lt(taken->count, SPIKES_MAX);
    taken->spikes[taken->count++] = *spike;
}

/* The same input for either: some neurons of the map in each step, some twice. */
static struct snn_spikes step_of(uint32_t step, uint32_t size)
{
    static uint32_t begin[2], address[4096];
    static float counts[4096];
    uint32_t state = 77 + step;
    begin[1] = 0;
    for (uint32_t i = 0; i < size && begin[1] < 4096; i++) {
        state = state * 1103515245u + 12345u;
        if (state >> 16 & 3) continue;
        address[begin[1]] = i;
        counts[begin[1]++] = state >> 20 & 7 ? 1.0f : 2.0f;
    }
    return (struct snn_spikes){
        .step_count = 1, .step_begin = begin, .address = address, .count = counts};
}

static void run_target(const char *uri, const struct snn_program *program, struct taken *out)
{
    static uint64_t sums[4][SNN_TARGET_STEPS_MAX * 64];
    static uint32_t classes[SNN_TARGET_STEPS_MAX * 256];
    static float potential[SNN_TARGET_STEPS_MAX * 256];
    struct snn_output o = {.spikes = classes,
                           .potential = potential,
                           .population_spikes = sums[0],
                           .synapse_spikes = sums[1],
                           .synapse_operations = sums[2],
                           .synapse_macs = sums[3]};
    static uint64_t input[SNN_TARGET_STEPS_MAX];
    struct snn_context *context = support_context();
    struct snn_target *target = NULL;
    o.input_spikes = input;
    memset(out, 0, sizeof(*out));
    cr_assert_eq(snn_target_open(&target, context, uri), SNN_OK, "%s: %s", uri,
                 snn_context_message(context));
    cr_assert_eq(snn_target_load_program(target, context, program), SNN_OK, "%s: %s", uri,
                 snn_context_message(context));
    const struct snn_net *net = snn_target_net(target);
    cr_assert(net->synapse_count <= 64 && net->class_count <= 256);
    cr_assert_eq(snn_target_watch(target, context, take_spike, out), SNN_OK);
    cr_assert_eq(snn_target_reset(target, context), SNN_OK);
    for (uint32_t step = 0; step < STEPS; step++) {
        const struct snn_spikes spikes = step_of(step, (uint32_t)snn_shape_size(net->input_shape));
        cr_assert_eq(snn_target_push(target, context, &spikes), SNN_OK);
        cr_assert_eq(snn_target_advance(target, context, 2), SNN_ERR_INVALID, "one was pushed");
        cr_assert_eq(snn_target_advance(target, context, 1), SNN_OK, "%s",
                     snn_context_message(context));
        cr_assert_eq(snn_target_pull(target, context, &o), SNN_OK);
        cr_assert_eq(o.step_count, 1);
        for (uint32_t i = 0; i < net->population_count; i++)
            out->sums[step][i] = sums[0][i];
        for (uint32_t i = 0; i < net->synapse_count; i++) {
            out->sums[step][64 + i] = sums[1][i];
            out->sums[step][128 + i] = sums[2][i];
        }
        out->sums[step][192] = input[0];
        memcpy(out->classes[step], classes, net->class_count * sizeof(*classes));
    }
    snn_target_close(&target);
}

static void compare(const char *name, const struct snn_program *program, const char *order)
{
    static struct taken chip, far;
    run_target(uri_of(program, "chip", order), program, &chip);
    run_target(uri_of(program, "vdev", order), program, &far);
    cr_assert_eq(chip.count, far.count, "%s%s: %zu spikes, %zu on the device", name, order,
                 chip.count, far.count);
    for (size_t i = 0; i < chip.count; i++)
        cr_assert_eq(memcmp(&chip.spikes[i], &far.spikes[i], sizeof(chip.spikes[i])), 0,
                     "%s%s: spike %zu of %zu, step %u of %u, event %u of %u", name, order, i,
                     chip.count, far.spikes[i].step, chip.spikes[i].step, far.spikes[i].event,
                     chip.spikes[i].event);
    cr_assert_arr_eq(chip.sums, far.sums, sizeof(chip.sums), "%s%s", name, order);
    cr_assert_arr_eq(chip.classes, far.classes, sizeof(chip.classes), "%s%s", name, order);
}

Test(driver, programs_give_the_spikes_of_the_chip_one_by_one)
{
    for (size_t i = 0; i < SKETCH_COUNT; i++) {
        compare(sketches[i].name, sketches[i].make(), ",order=raster");
        compare(sketches[i].name, sketches[i].make(), ",order=interleave");
        compare(sketches[i].name, sketches[i].make(), ",order=random,seed=4");
    }
}

Test(driver, net_that_is_not_placed_is_refused)
{
    struct snn_context *context = support_context();
    struct snn_program *program = sketch_split();
    struct snn_target *target = NULL;
    struct snn_net *net = NULL;
    cr_assert_eq(snn_program_decode(&net, context, program), SNN_OK);
    cr_assert_eq(snn_target_open(&target, context, uri_of(program, "vdev", "")), SNN_OK);
    cr_expect_str_eq(snn_target_chip(target)->name, "sketch");
    cr_expect_str_eq(snn_target_semantics(target), "async");
    cr_expect_str_eq(snn_target_order(target), "interleave");
    cr_expect_eq(snn_target_load(target, context, net), SNN_ERR_UNSUPPORTED);
    cr_expect_not_null(strstr(snn_context_hint(context), "snn_place"));
    snn_target_close(&target);
    snn_net_destroy(&net);
}

Test(driver, more_events_than_microseconds_are_not_watched)
{
    static struct taken taken;
    struct snn_context *context = support_context();
    struct snn_program *program = echo();
    struct snn_target *target = NULL;
    const uint32_t begin[] = {0, 1}, address[] = {2};
    const float count[] = {4.0f};
    const struct snn_spikes spikes = {
        .step_count = 1, .step_begin = begin, .address = address, .count = count};
    program->dt_us = 4.0;
    cr_assert_eq(snn_target_open(&target, context, uri_of(program, "vdev", "")), SNN_OK);
    cr_assert_eq(snn_target_load_program(target, context, program), SNN_OK);
    cr_assert_eq(snn_target_reset(target, context), SNN_OK);
    cr_assert_eq(snn_target_watch(target, context, take_spike, &taken), SNN_OK);
    cr_assert_eq(snn_target_push(target, context, &spikes), SNN_OK);
    cr_expect_eq(snn_target_advance(target, context, 1), SNN_ERR_LIMIT);
    cr_assert_eq(snn_target_watch(target, context, NULL, NULL), SNN_OK);
    cr_assert_eq(snn_target_reset(target, context), SNN_OK);
    cr_assert_eq(snn_target_push(target, context, &spikes), SNN_OK);
    cr_expect_eq(snn_target_advance(target, context, 1), SNN_OK, "%s",
                 snn_context_message(context));
    snn_target_close(&target);
}

/* ---- Out of memory ---- */

static int make_tables(struct snn_context *context)
{
    const struct snn_program *program = sketch_split();
    struct snnbase_arena arena;
    struct snndev_records records;
    struct snndev_tally *tally = NULL;
    struct snn_net *net = NULL;
    snnbase_arena_init(&arena, context);
    int status = snndev_records_make(&records, context, &arena, program, true);
    if (status == SNN_OK) status = snn_program_decode(&net, context, program);
    if (status == SNN_OK) status = snndev_tally_create(&tally, context, program, net);
    if (status == SNN_OK) status = snndev_tally_count(tally, context);
    snndev_tally_destroy(&tally);
    snn_net_destroy(&net);
    snnbase_arena_fini(&arena);
    return status;
}

Test(driver, every_allocation_of_the_tables_may_fail)
{
    support_sweep(make_tables);
}
