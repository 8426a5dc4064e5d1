/* What a virtual chip makes of a stream: the session of docs/formats/wire.md byte for byte, spikes
 * with the time of their cause, credit, gaps where the buffer is full, an ERROR for whatever has no
 * meaning.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "snn/status.h"
#include "snn/target.h"
#include "tests/unit/device/chip.h"
#include "tests/unit/sketch.h"
#include "tests/unit/support.h"

TestSuite(vchip_stream, .init = chip_begin, .fini = chip_end);

/* ---- The page's session ---- */

/* The bytes behind the line "vector NAME"; how many. */
static size_t find_vector(const char *name, uint8_t *out)
{
    static char page[1 << 16];
    char line[64];
    FILE *file = fopen(WIRE_PAGE, "r");
    cr_assert_not_null(file);
    page[fread(page, 1, sizeof(page) - 1, file)] = '\0';
    (void)fclose(file);
    (void)snprintf(line, sizeof(line), "\nvector %s\n", name);
    const char *at = strstr(page, line);
    cr_assert_not_null(at, "the page has no vector %s", name);
    at += strlen(line);
    unsigned byte = 0;
    int taken = 0;
    size_t size = 0;
    for (; sscanf(at, " %2x%n", &byte, &taken) == 1; at += taken)
        out[size++] = (uint8_t)byte;
    return size;
}

/* Core 8 has a weight for feature 1, row 2, column 3 alone, to its feature 5, and is monitored;
 * what it sends to core 0 does nothing there. */
static struct snn_program *page_program(void)
{
    static int8_t weights[6 * 2 * 5 * 5], zeros[6];
    struct snn_program *program = sketch_begin(2, 3, 4);
    cr_assert_eq(snn_chip_load(&program->chip, support_context(), "speck2f"), SNN_OK);
    program->readout_spread = program->chip.readout_spread;
    program->input_destinations[0].layer = 8;
    /* [feature][channel][row + padding][column + padding] */
    weights[((5 * 2 + 1) * 5 + 2 + 1) * 5 + 3 + 1] = 10;
    sketch_add((struct snn_core){.index = 8,
                                 .kernel_size = 5,
                                 .pad_y = 1,
                                 .pad_x = 1,
                                 .stride_y = 8,
                                 .stride_x = 8,
                                 .output = {6, 1, 1},
                                 .weights = weights,
                                 .threshold_high = 10,
                                 .destination_count = 1,
                                 .destinations = {{0, 1, 0}}});
    sketch_add((struct snn_core){.kernel_size = 1, .output = {1, 1, 1}, .weights = zeros});
    return program;
}

Test(vchip_stream, session_of_the_page_goes_as_it_says)
{
    uint8_t expected[512], bytes[512];
    const struct snnwire_request hello = {
        .code = SNNWIRE_CODE_HELLO, .in = true, .size = SNNWIRE_HELLO_BYTES};
    const struct snnwire_request statistics = {
        .code = SNNWIRE_CODE_STATISTICS, .in = true, .size = SNNWIRE_STATISTICS_BYTES};
    uint32_t came = 0;
    chip_plug(NULL);
    cr_assert_eq(snndev_vchip_request(chip, &hello, bytes, &came), SNN_OK);
    cr_assert_eq(find_vector("hello", expected), came);
    cr_assert_arr_eq(bytes, expected, came);
    chip_load(page_program(), 1u << 8);
    size_t size = find_vector("session-out", bytes);
    snndev_vchip_take(chip, bytes, size);
    size = snndev_vchip_give(chip, bytes, sizeof(bytes));
    cr_assert_eq(find_vector("session-in", expected), size, "%zu bytes", size);
    cr_assert_arr_eq(bytes, expected, size);
    cr_assert_eq(snndev_vchip_request(chip, &statistics, bytes, &came), SNN_OK);
    cr_assert_eq(find_vector("statistics", expected), came);
    cr_assert_arr_eq(bytes, expected, came);
}

Test(vchip_stream, pieces_of_any_length_are_the_same)
{
    uint8_t out[64], whole[512], parts[512];
    const size_t size = find_vector("session-out", out),
                 expected = find_vector("session-in", whole);
    chip_plug(NULL);
    chip_load(page_program(), 1u << 8);
    for (size_t piece = 1; piece < 20; piece++) {
        size_t given = 0, one = 1;
        cr_assert_eq(chip_ask(SNNWIRE_CODE_RESET, 0, 0), SNNWIRE_ERROR_NONE);
        for (size_t at = 0; at < size; at += piece)
            snndev_vchip_take(chip, out + at, size - at < piece ? size - at : piece);
        for (; one > 0; given += one)
            one = snndev_vchip_give(chip, parts + given, piece);
        /* A host that takes a piece may find the stream at rest before credit is given. */
        cr_assert_geq(given, expected - 16, "pieces of %zu: %zu bytes", piece, given);
        cr_assert_arr_eq(parts, whole, 6 * 8, "pieces of %zu", piece);
    }
}

/* ---- Spikes ---- */

/* `features` neurons that fire at every event and twice at every second tick: weights 100,
 * thresholds 100, a bias of 50 at feature 0. */
static struct snn_program *echo(uint32_t features)
{
    static int8_t weights[64], bias[64];
    struct snn_program *program = sketch_begin(1, 1, 1);
    memset(weights, 100, sizeof(weights));
    memset(bias, 0, sizeof(bias));
    bias[0] = 50;
    sketch_add((struct snn_core){.kernel_size = 1,
                                 .output = {features, 1, 1},
                                 .weights = weights,
                                 .bias = bias,
                                 .threshold_high = 100});
    return program;
}

static void begin_sample(uint32_t sample)
{
    chip_put_mark(SNNWIRE_MARK_BEGIN, sample);
}

Test(vchip_stream, spike_has_the_time_of_its_cause)
{
    const uint64_t wrap = UINT64_C(1) << 32;
    struct snn_program *program = echo(1);
    chip_plug_for(program, (struct snndev_vchip_options){0});
    chip_load(program, 0);
    begin_sample(3);
    chip_put_event(wrap + 5, 0, 0, 0);
    chip_put_event(7, 0, 0, 0); /* back in time: order is that of the stream */
    chip_put_mark(SNNWIRE_MARK_TICK, 0);
    chip_put_event(5 * wrap, 0, 0, 0);
    chip_put_mark(SNNWIRE_MARK_TICK, 1);
    chip_put_mark(SNNWIRE_MARK_END, 3);
    chip_send();
    chip_receive();
    chip_is_mark(0, SNNWIRE_MARK_BEGIN, 0, 3);
    chip_is_event(1, wrap + 5, SKETCH_READOUT, 0);
    chip_is_event(2, 7, SKETCH_READOUT, 0);
    chip_is_mark(3, SNNWIRE_MARK_TICK, 0, 0);
    chip_is_event(4, 5 * wrap, SKETCH_READOUT, 0);
    chip_is_event(5, 2000, SKETCH_READOUT, 0); /* 50 + 50 at the end of the second step */
    chip_is_mark(6, SNNWIRE_MARK_TICK, 0, 1);
    chip_is_mark(7, SNNWIRE_MARK_END, 0, 3);
    cr_assert_eq(chip_items[8].mark, SNNWIRE_MARK_CREDIT);
    cr_assert_eq(chip_item_count, 9);
}

Test(vchip_stream, monitored_core_tells_its_spikes_beside_the_readout)
{
    struct snn_program *program = echo(2);
    chip_plug_for(program, (struct snndev_vchip_options){0});
    chip_load(program, 1);
    begin_sample(0);
    chip_put_event(9, 0, 0, 0);
    chip_put_mark(SNNWIRE_MARK_TICK, 0);
    chip_send();
    chip_receive();
    chip_is_event(1, 9, 0, 0);
    chip_is_event(2, 9, SKETCH_READOUT, 0);
    chip_is_event(3, 9, 0, 1);
    chip_is_event(4, 9, SKETCH_READOUT, 1);
    const struct snnwire_statistics statistics = chip_statistics();
    cr_assert_eq(statistics.taken, 1);
    cr_assert_eq(statistics.produced, 4);
    cr_assert_eq(statistics.sent, 4);
    cr_assert_eq(statistics.core_spikes[0], 2);
}

Test(vchip_stream, events_behind_the_last_tick_count_without_biases)
{
    struct snn_program *program = echo(1);
    chip_plug_for(program, (struct snndev_vchip_options){0});
    chip_load(program, 0);
    begin_sample(0);
    chip_put_mark(SNNWIRE_MARK_TICK, 0);
    chip_put_event(1001, 0, 0, 0); /* the next tick would fire once more */
    chip_put_mark(SNNWIRE_MARK_END, 0);
    chip_send();
    chip_receive();
    chip_is_mark(1, SNNWIRE_MARK_TICK, 0, 0);
    chip_is_event(2, 1001, SKETCH_READOUT, 0);
    chip_is_mark(3, SNNWIRE_MARK_END, 0, 0);
    cr_assert_eq(chip_statistics().core_spikes[0], 1);
}

Test(vchip_stream, sample_begins_with_the_initial_potentials)
{
    struct snn_program *program = echo(1);
    chip_plug_for(program, (struct snndev_vchip_options){0});
    chip_load(program, 0);
    for (uint32_t sample = 0; sample < 3; sample++) {
        begin_sample(sample);
        chip_put_mark(SNNWIRE_MARK_TICK, 0); /* 50 of 100 */
        chip_put_mark(SNNWIRE_MARK_END, sample);
    }
    chip_send();
    chip_receive();
    cr_assert_eq(chip_item_count, 10, "three marks each, credit, no spike");
}

Test(vchip_stream, reset_begins_both_streams_and_all_counters_anew)
{
    struct snn_program *program = echo(1);
    chip_plug_for(program, (struct snndev_vchip_options){0});
    chip_load(program, 0);
    begin_sample(0);
    chip_put_event(1, 0, 0, 0);
    chip_put_mark(SNNWIRE_MARK_TICK, 0);
    chip_send(); /* and nobody reads */
    cr_assert_eq(chip_ask(SNNWIRE_CODE_RESET, 0, 0), SNNWIRE_ERROR_NONE);
    const struct snnwire_statistics statistics = chip_statistics(), none = {0};
    cr_assert_eq(memcmp(&statistics, &none, sizeof(none)), 0);
    chip_receive();
    cr_assert_eq(chip_item_count, 0);
    begin_sample(5);
    chip_send();
    chip_receive();
    chip_is_mark(0, SNNWIRE_MARK_BEGIN, 0, 5);
}

/* ---- Credit and gaps ---- */

Test(vchip_stream, credit_comes_at_rest_and_when_half_is_used)
{
    struct snn_program *program = echo(1);
    chip_plug_for(program, (struct snndev_vchip_options){.buffer_words = 64});
    chip_load(program, 0);
    begin_sample(0); /* word 2, behind SEQUENCE and TIME */
    for (uint32_t i = 0; i < 28; i++)
        chip_put_event(i, 0, 0, 0);
    chip_send();
    chip_receive();
    chip_is_mark(0, SNNWIRE_MARK_BEGIN, 0, 0);
    chip_is_mark(1, SNNWIRE_MARK_CREDIT, 0, 32);
    cr_assert_eq(chip_item_count, 2);
    chip_receive();
    cr_assert_eq(chip_item_count, 2, "once is enough");
}

Test(vchip_stream, full_buffer_drops_events_and_marks_where)
{
    struct snn_program *program = echo(64);
    chip_plug_for(program, (struct snndev_vchip_options){.output_words = 100});
    chip_load(program, 0);
    for (uint32_t step = 0; step < 2; step++) {
        if (step == 0) begin_sample(0);
        chip_put_event(1000 * step, 0, 0, 0);
        chip_put_event(1000 * step + 1, 0, 0, 0);
        chip_put_mark(SNNWIRE_MARK_TICK, step);
        chip_send();
        const struct snnwire_statistics full = chip_statistics();
        cr_assert_eq(full.produced, 128 * (step + 1) + step, "the bias fires in the second step");
        cr_assert_gt(full.dropped, full.sent > 0 ? 33 : 0);
        chip_receive();
    }
    /* SEQUENCE, TIME, BEGIN, and events as long as four more words have room. */
    size_t i = 1, events = 0, lost = 0;
    for (; !chip_items[i].is_mark; i++)
        events++;
    cr_assert_eq(events, 100 - 3 - 3);
    chip_is_mark(i, SNNWIRE_MARK_GAP, SNNWIRE_LOSS_DEVICE, 128 - 94);
    chip_is_mark(i + 1, SNNWIRE_MARK_TICK, 0, 0);
    for (; i < chip_item_count; i++)
        if (chip_items[i].is_mark && chip_items[i].mark == SNNWIRE_MARK_GAP)
            lost += chip_items[i].value;
    const struct snnwire_statistics statistics = chip_statistics();
    cr_assert_eq(statistics.dropped, lost);
    cr_assert_eq(statistics.produced, 257);
    cr_assert_eq(statistics.sent + statistics.dropped, statistics.produced);
}

Test(vchip_stream, nothing_in_flight_is_lost_from_the_count)
{
    struct snn_program *program = echo(64);
    chip_plug_for(program, (struct snndev_vchip_options){.output_words = 1000});
    chip_load(program, 0);
    begin_sample(0);
    for (uint32_t step = 0; step < 200; step++) {
        chip_put_event(step, 0, 0, 0);
        chip_put_mark(SNNWIRE_MARK_TICK, step);
        chip_send();
        chip_receive_some(step * 37 % 501);
        const struct snnwire_statistics s = chip_statistics();
        cr_assert_leq(s.sent + s.dropped, s.produced);
        cr_assert_leq(s.produced - s.sent - s.dropped, 1000);
    }
    chip_receive();
    size_t events = 0, lost = 0, ticks = 0;
    for (size_t i = 0; i < chip_item_count; i++) {
        const struct snnwire_item *item = &chip_items[i];
        events += !item->is_mark;
        if (item->is_mark && item->mark == SNNWIRE_MARK_GAP) lost += item->value;
        if (item->is_mark && item->mark == SNNWIRE_MARK_TICK) cr_assert_eq(item->value, ticks++);
    }
    const struct snnwire_statistics s = chip_statistics();
    cr_assert_eq(ticks, 200, "marks always have room");
    cr_assert_eq(s.sent, events);
    cr_assert_eq(s.dropped, lost);
    cr_assert_eq(s.produced, events + lost);
    cr_assert_gt(lost, 0);
}

Test(vchip_stream, host_that_overruns_its_credit_is_told_and_ignored)
{
    struct snn_program *program = echo(1);
    chip_plug_for(program, (struct snndev_vchip_options){.buffer_words = 8});
    chip_load(program, 0);
    begin_sample(0);
    for (uint32_t i = 0; i < 9; i++) /* 3 words, 9 events, a CHECK: 5 too many */
        chip_put_event(i, 0, 0, 0);
    chip_send();
    begin_sample(1);
    chip_send();
    chip_receive();
    chip_is_mark(0, SNNWIRE_MARK_BEGIN, 0, 0);
    chip_is_mark(1, SNNWIRE_MARK_ERROR, SNNWIRE_ERROR_OVERRUN, 5);
    cr_assert_eq(chip_item_count, 2);
    cr_assert_eq(chip_ask(SNNWIRE_CODE_RESET, 0, 0), SNNWIRE_ERROR_NONE);
    begin_sample(2);
    chip_send();
    chip_receive();
    chip_is_mark(0, SNNWIRE_MARK_BEGIN, 0, 2);
}

/* ---- What has no meaning ---- */

/* Sends what was put behind a BEGIN; ERROR is the answer, and nothing until the next BEGIN. */
static void expect_error(enum snnwire_error error, uint32_t detail)
{
    chip_put_mark(SNNWIRE_MARK_TICK, 0);
    chip_send();
    chip_receive();
    chip_is_mark(1, SNNWIRE_MARK_ERROR, error, detail);
    cr_assert_eq(chip_items[2].mark, SNNWIRE_MARK_CREDIT);
    cr_assert_eq(chip_item_count, 3);
    cr_assert_eq(chip_ask(SNNWIRE_CODE_RESET, 0, 0), SNNWIRE_ERROR_NONE);
    begin_sample(0);
}

Test(vchip_stream, what_has_no_meaning_gets_an_error)
{
    struct snn_program *program = echo(1);
    chip_plug_for(program, (struct snndev_vchip_options){0});
    chip_load(program, 0);
    begin_sample(0);
    chip_put_event(1, 1, 0, 0); /* feature 1 of an input that has one */
    expect_error(SNNWIRE_ERROR_RANGE, 1u << 14);
    chip_put_event(1, 0, 1, 0);
    expect_error(SNNWIRE_ERROR_RANGE, 1u << 7);
    chip_put_event(1, 0, 0, 1);
    expect_error(SNNWIRE_ERROR_RANGE, 1);
    chip_put_mark(SNNWIRE_MARK_TICK, 1); /* step 0 is under way */
    expect_error(SNNWIRE_ERROR_STATE, SNNWIRE_MARK_TICK);
    chip_put_mark(SNNWIRE_MARK_END, 1); /* of sample 0 */
    expect_error(SNNWIRE_ERROR_STATE, SNNWIRE_MARK_END);
    chip_put_mark(SNNWIRE_MARK_CREDIT, 1); /* is for the device to give */
    expect_error(SNNWIRE_ERROR_UNKNOWN, SNNWIRE_MARK_CREDIT);
}

Test(vchip_stream, step_has_an_end_though_no_tick_may_come)
{
    const size_t most = (size_t)1 << 18;
    chip_plug_for(echo(1), (struct snndev_vchip_options){0});
    chip_load(echo(1), 0);
    begin_sample(0);
    for (size_t i = 0; i < most; i++) {
        chip_put_event(i, 0, 0, 0);
        if (i % 4096 != 0) continue;
        chip_send();
        chip_receive(); /* credit */
    }
    chip_send();
    chip_receive();
    chip_item_count = 1;
    chip_put_event(most, 0, 0, 0);
    chip_send();
    chip_receive();
    chip_is_mark(1, SNNWIRE_MARK_ERROR, SNNWIRE_ERROR_RANGE, 0);
    cr_assert_eq(chip_statistics().taken, most + 1);
}

Test(vchip_stream, nothing_goes_outside_of_a_sample)
{
    struct snn_program *program = echo(1);
    chip_plug_for(program, (struct snndev_vchip_options){0});
    begin_sample(1);
    chip_send();
    chip_receive();
    chip_is_mark(0, SNNWIRE_MARK_ERROR, SNNWIRE_ERROR_STATE, SNNWIRE_MARK_BEGIN);
    chip_load(program, 0);
    chip_put_event(1, 0, 0, 0);
    chip_put_event(2, 0, 0, 0);
    chip_send();
    chip_receive();
    chip_is_mark(0, SNNWIRE_MARK_ERROR, SNNWIRE_ERROR_STATE, 0);
    begin_sample(1);
    chip_send();
    chip_receive();
    chip_is_mark(2, SNNWIRE_MARK_BEGIN, 0, 1);
    cr_assert_eq(chip_ask(SNNWIRE_CODE_BEGIN, 0, 0), SNNWIRE_ERROR_NONE);
    chip_put_event(1, 0, 0, 0); /* the configuration is no more in force */
    chip_send();
    chip_receive();
    chip_is_mark(4, SNNWIRE_MARK_ERROR, SNNWIRE_ERROR_STATE, 0);
}

Test(vchip_stream, flipped_bit_is_noticed_at_the_end_of_its_block)
{
    uint8_t bytes[512];
    const size_t size = find_vector("session-out", bytes);
    chip_plug(NULL);
    chip_load(page_program(), 0);
    bytes[3 * 8] ^= 4;     /* the event goes elsewhere: x is 7 */
    bytes[3 * 8] ^= 4 | 2; /* x is 1 */
    snndev_vchip_take(chip, bytes, size);
    chip_receive();
    chip_is_mark(0, SNNWIRE_MARK_BEGIN, 0, 7);
    chip_is_mark(1, SNNWIRE_MARK_TICK, 0, 0);
    chip_is_mark(2, SNNWIRE_MARK_END, 0, 7);
    chip_is_mark(3, SNNWIRE_MARK_ERROR, SNNWIRE_ERROR_CORRUPT, SNNWIRE_FAULT_CHECK);
    cr_assert_eq(chip_statistics().faults, 1);
}

/* ---- Memory ---- */

static bool has_error(enum snnwire_error error)
{
    for (size_t i = 0; i < chip_item_count; i++)
        if (chip_items[i].is_mark && chip_items[i].mark == SNNWIRE_MARK_ERROR)
            return chip_items[i].argument == (uint32_t)error;
    return false;
}

/* Plugs in, loads and runs a sample; what a device says when its memory is short is INTERNAL. */
static int plug_load_and_run(struct snn_context *context)
{
    const struct snndev_vchip_options options = {
        .chip = support_path("profile.chip.json"), .buffer_words = 64, .output_words = 64};
    snndev_vchip_destroy(&chip);
    int status = snndev_vchip_create(&chip, context, &options);
    if (status != SNN_OK) return status;
    chip_configure(echo(3), 1);
    enum snnwire_error error = chip_ask(SNNWIRE_CODE_COMMIT, 0, 0);
    cr_assert(error == SNNWIRE_ERROR_NONE || error == SNNWIRE_ERROR_INTERNAL);
    cr_assert_eq(chip_ask(SNNWIRE_CODE_RESET, 0, 0), SNNWIRE_ERROR_NONE);
    begin_sample(0);
    chip_put_event(1, 0, 0, 0);
    chip_put_mark(SNNWIRE_MARK_TICK, 0);
    chip_send();
    chip_receive();
    if (error != SNNWIRE_ERROR_NONE) cr_assert(has_error(SNNWIRE_ERROR_STATE));
    if (has_error(SNNWIRE_ERROR_INTERNAL)) error = SNNWIRE_ERROR_INTERNAL;
    if (error == SNNWIRE_ERROR_NONE) chip_is_event(1, 1, 0, 0);
    snndev_vchip_destroy(&chip);
    return error == SNNWIRE_ERROR_NONE ? SNN_OK : SNN_ERR_NOMEM;
}

Test(vchip_stream, memory_of_the_device_may_run_out_anywhere)
{
    chip_plug_for(echo(3), (struct snndev_vchip_options){0});
    support_sweep(plug_load_and_run);
}

/* ---- The same as the target ---- */

enum { EVENTS = 40, SAMPLES = 3, SPIKES_MAX = 1 << 15 };

static struct snn_spike seen[SPIKES_MAX];
static size_t seen_count;

static void see(const struct snn_spike *spike, void *user)
{
    (void)user;
    cr_assert_lt(seen_count, SPIKES_MAX);
    seen[seen_count++] = *spike;
}

struct drawn {
    uint32_t channel, y, x;
};

static uint32_t random_state;

static uint32_t draw(uint32_t below)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % below;
}

/* A step through the target, its events in their order. */
static void step_target(struct snn_target *target, const struct snn_program *program,
                        const struct drawn *events, uint32_t count)
{
    static uint32_t spikes[4096];
    static float potential[4096], counts[EVENTS];
    static uint64_t others[5][4096];
    struct snn_output out = {0,         spikes,    potential, others[0],
                             others[1], others[2], others[3], others[4]};
    struct snn_event singles[EVENTS];
    uint32_t address[EVENTS], used = 0;
    const struct snn_shape in = program->input_shape;
    for (uint32_t i = 0; i < count; i++) {
        singles[i].time_us = i;
        singles[i].address =
            (events[i].y * in.width + events[i].x) * in.channels + events[i].channel;
        uint32_t at = 0;
        while (at < used && address[at] < singles[i].address)
            at++;
        if (at < used && address[at] == singles[i].address) {
            counts[at] += 1.0f;
            continue;
        }
        memmove(address + at + 1, address + at, (used - at) * sizeof(*address));
        memmove(counts + at + 1, counts + at, (used - at) * sizeof(*counts));
        address[at] = singles[i].address;
        counts[at] = 1.0f;
        used++;
    }
    const uint32_t begin[2] = {0, used};
    const uint64_t event_begin[2] = {0, count};
    const struct snn_spikes pushed = {.step_count = 1,
                                      .step_begin = begin,
                                      .address = address,
                                      .count = counts,
                                      .event = singles,
                                      .event_begin = event_begin};
    cr_assert_eq(snn_target_push(target, support_context(), &pushed), SNN_OK, "%s",
                 snn_context_message(support_context()));
    cr_assert_eq(snn_target_advance(target, support_context(), 1), SNN_OK);
    cr_assert_eq(snn_target_pull(target, support_context(), &out), SNN_OK);
}

/* Item `i` is this spike, of core or readout. */
static void is_spike(const char *name, size_t i, const struct snn_spike *spike, uint16_t layer,
                     uint64_t time_us)
{
    cr_assert_lt(i, chip_item_count, "%s: items are missing", name);
    const struct snnwire_item *item = &chip_items[i];
    cr_assert(!item->is_mark, "%s: item %zu is mark %d", name, i, item->mark);
    cr_assert_eq(item->event.layer, layer, "%s: item %zu is of layer %u, not %u", name, i,
                 item->event.layer, layer);
    cr_assert_eq(item->event.feature, spike->channel, "%s: item %zu", name, i);
    cr_assert_eq(item->event.y, spike->y, "%s: item %zu", name, i);
    cr_assert_eq(item->event.x, spike->x, "%s: item %zu", name, i);
    cr_assert_eq(item->event.time_us, time_us, "%s: item %zu is at %llu", name, i,
                 (unsigned long long)item->event.time_us);
}

/* One step of both; times are 10 us apart. */
static void step_both(const char *name, const struct snn_program *program,
                      struct snn_target *target, uint32_t step)
{
    const struct snn_shape in = program->input_shape;
    struct drawn events[EVENTS];
    const uint32_t count = draw(EVENTS + 1);
    for (uint32_t i = 0; i < count; i++) {
        events[i] = (struct drawn){draw(in.channels), draw(in.height), draw(in.width)};
        chip_put_event(1000 * step + 10 * i, (uint16_t)events[i].channel, (uint8_t)events[i].y,
                       (uint8_t)events[i].x);
    }
    seen_count = chip_item_count = 0;
    chip_put_mark(SNNWIRE_MARK_TICK, step);
    chip_send();
    chip_receive();
    step_target(target, program, events, count);
    size_t i = step == 0; /* behind BEGIN */
    for (size_t s = 0; s < seen_count; s++) {
        const struct snn_core *core = &program->cores[seen[s].population];
        const uint64_t time =
            seen[s].event < count ? 1000 * step + 10 * seen[s].event : 1000 * (step + 1);
        cr_assert_eq(seen[s].step, step);
        is_spike(name, i++, &seen[s], (uint16_t)core->index, time);
        for (uint32_t d = 0; d < core->destination_count; d++) {
            if (core->destinations[d].layer != program->chip.readout_layer) continue;
            struct snn_spike reaches = seen[s];
            reaches.channel += core->destinations[d].feature_shift;
            is_spike(name, i++, &reaches, (uint16_t)program->chip.readout_layer, time);
        }
    }
    chip_is_mark(i, SNNWIRE_MARK_TICK, 0, step);
}

static size_t compare_with_target(const struct sketch *sketch)
{
    struct snn_context *context = support_context();
    struct snn_program *program = NULL;
    struct snn_target *target = NULL;
    char uri[256];
    size_t spikes = 0;
    cr_assert_eq(snn_program_create(&program, context, sketch->make()), SNN_OK);
    chip_plug_for(program, (struct snndev_vchip_options){0});
    chip_load(program, UINT32_MAX);
    (void)snprintf(uri, sizeof(uri), "chip:%s,order=recorded", support_path("profile.chip.json"));
    cr_assert_eq(snn_target_open(&target, context, uri), SNN_OK, "%s",
                 snn_context_message(context));
    cr_assert_eq(snn_target_load_program(target, context, program), SNN_OK);
    cr_assert_eq(snn_target_watch(target, context, see, NULL), SNN_OK);
    for (uint32_t sample = 0; sample < SAMPLES; sample++) {
        cr_assert_eq(snn_target_reset(target, context), SNN_OK);
        begin_sample(sample);
        for (uint32_t step = 0; step < 4; step++) {
            step_both(sketch->name, program, target, step);
            spikes += seen_count;
        }
        chip_put_mark(SNNWIRE_MARK_END, sample);
        chip_send();
        chip_receive();
    }
    snn_target_close(&target);
    snn_program_destroy(&program);
    return spikes;
}

Test(vchip_stream, spikes_are_those_of_the_target_one_by_one)
{
    size_t all = 0;
    for (size_t i = 0; i < SKETCH_COUNT; i++) {
        random_state = (uint32_t)i + 1;
        const size_t spikes = compare_with_target(&sketches[i]);
        cr_assert_gt(spikes, 0, "%s is silent, which tests nothing", sketches[i].name);
        all += spikes;
    }
    cr_assert_gt(all, 1000);
}

/* ---- Stopping ---- */

static bool wanted;

static bool is_wanted(void *user)
{
    cr_assert_eq(user, &wanted);
    return wanted;
}

Test(vchip_stream, chip_that_is_told_to_stop_rests_until_a_reset)
{
    struct snn_program *program = echo(1);
    chip_plug_for(program, (struct snndev_vchip_options){0});
    snndev_vchip_ask(chip, is_wanted, &wanted);
    chip_load(program, 0);
    for (unsigned i = 0; i < 2; i++) {
        begin_sample(i);
        chip_put_event(7, 0, 0, 0);
        chip_put_mark(SNNWIRE_MARK_TICK, 0);
    }
    chip_send();
    chip_receive();
    chip_is_mark(0, SNNWIRE_MARK_BEGIN, 0, 0);
    cr_assert_eq(chip_item_count, 1, "nothing else, and no credit");
    wanted = true;
    cr_assert_eq(chip_ask(SNNWIRE_CODE_RESET, 0, 0), SNNWIRE_ERROR_NONE);
    begin_sample(2);
    chip_put_event(7, 0, 0, 0);
    chip_put_mark(SNNWIRE_MARK_TICK, 0);
    chip_send();
    chip_receive();
    chip_is_mark(0, SNNWIRE_MARK_BEGIN, 0, 2);
    chip_is_event(1, 7, SKETCH_READOUT, 0);
    chip_is_mark(2, SNNWIRE_MARK_TICK, 0, 0);
}
