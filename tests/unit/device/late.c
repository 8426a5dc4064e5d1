/* A target whose device is slow behind a loss: what it still sends of a step that was given up is
 * counted for no other. The device is a tape of words written by hand.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "device/dynapcnn/session.h"
#include "device/transport/tape.h"
#include "libsnn/base/memory.h"
#include "snn/status.h"
#include "tests/unit/sketch.h"
#include "tests/unit/support.h"

TestSuite(late, .init = support_begin, .fini = support_end);

enum { CORE = 3, WORDS_MAX = 32 };

struct words {
    struct snnwire_writer writer;
    uint8_t bytes[WORDS_MAX * SNNWIRE_WORD_BYTES];
    size_t size;
};

static void mark(struct words *w, enum snnwire_mark mark, uint32_t argument, uint32_t value)
{
    w->size += snnwire_write_mark(&w->writer, mark, argument, value, w->bytes + w->size);
}

static void spike(struct words *w, uint64_t time_us)
{
    const struct snnwire_event event = {.time_us = time_us, .layer = CORE};
    w->size += snnwire_write_event(&w->writer, &event, w->bytes + w->size);
}

static void check(struct words *w)
{
    w->size += snnwire_write_check(&w->writer, w->bytes + w->size);
}

/* Two steps without input; the answers to the first come with those to the second. */
static void write_tape(const char *path)
{
    const struct snnwire_request hello = {
        .code = SNNWIRE_CODE_HELLO, .in = true, .size = SNNWIRE_HELLO_BYTES};
    const struct snnwire_request reset = {.code = SNNWIRE_CODE_RESET};
    const struct snnwire_hello answer = {.version_major = SNNWIRE_VERSION_MAJOR,
                                         .chip = "sketch",
                                         .serial = "T1",
                                         .buffer_words = 4096,
                                         .core_count = 9};
    struct words out = {.size = 0}, in = {.size = 0};
    struct snndev_tape *tape = NULL;
    uint8_t data[SNNWIRE_HELLO_BYTES];
    snnwire_hello_write(&answer, data);
    cr_assert_eq(snndev_tape_create(&tape, support_context(), path, "usb:"), SNN_OK);
    snndev_tape_request(tape, &hello, data, sizeof(data), SNN_OK);
    snndev_tape_request(tape, &reset, NULL, 0, SNN_OK);
    mark(&out, SNNWIRE_MARK_BEGIN, 0, 0);
    mark(&out, SNNWIRE_MARK_TICK, 0, 0);
    check(&out);
    snndev_tape_out(tape, out.bytes, out.size);
    mark(&in, SNNWIRE_MARK_BEGIN, 0, 0);
    mark(&in, SNNWIRE_MARK_GAP, SNNWIRE_LOSS_DEVICE, 1);
    check(&in);
    snndev_tape_in(tape, in.bytes, in.size, SNNDEV_COMPLETED);
    out.size = in.size = 0;
    mark(&out, SNNWIRE_MARK_TICK, 0, 1);
    check(&out);
    snndev_tape_out(tape, out.bytes, out.size);
    spike(&in, 500);
    spike(&in, 1000); /* by the bias tick */
    mark(&in, SNNWIRE_MARK_TICK, 0, 0);
    spike(&in, 1500);
    mark(&in, SNNWIRE_MARK_TICK, 0, 1);
    check(&in);
    snndev_tape_in(tape, in.bytes, in.size, SNNDEV_COMPLETED);
    cr_assert_eq(snndev_tape_close(&tape, support_context()), SNN_OK);
}

/* One neuron a pixel that fires at each event. */
static struct snn_program *echo(void)
{
    static const int8_t weights[] = {100};
    struct snn_program *program = sketch_begin(1, 2, 3);
    sketch_add((struct snn_core){
        .index = CORE, .kernel_size = 1, .weights = weights, .output = {1, 2, 3}});
    program->input_destinations[0].layer = CORE;
    program->dt_us = 1000.0;
    return program;
}

static void step(struct snndev_session *s)
{
    static const uint32_t begin[2];
    const struct snn_spikes none = {.step_count = 1, .step_begin = begin};
    struct snn_context *context = support_context();
    cr_assert_eq(snndev_session_push(s, context, &none), SNN_OK, "%s",
                 snn_context_message(context));
    cr_assert_eq(snndev_session_advance(s, context, 1), SNN_OK, "%s", snn_context_message(context));
}

Test(late, spikes_of_a_step_that_was_given_up_are_not_the_next_ones)
{
    struct snn_context *context = support_context();
    struct snn_program *program = echo();
    struct snn_net *net = NULL;
    char uri[600];
    (void)snprintf(uri, sizeof(uri), "replay:%s", support_path("late.tape"));
    write_tape(support_path("late.tape"));
    struct snndev_session *s = snnbase_alloc(context, 1, sizeof(*s));
    cr_assert_not_null(s);
    const struct snn_schedule_options order = {.order = SNN_ORDER_RASTER, .dt_us = 1000.0};
    const struct snn_device_options options = {.timeout_ms = 20};
    cr_assert_eq(snn_program_decode(&net, context, program), SNN_OK);
    cr_assert_eq(snndev_tally_create(&s->tally, context, program, net), SNN_OK);
    cr_assert_eq(snn_schedule_create(&s->schedule, context, &order, program->input_shape), SNN_OK);
    cr_assert_eq(snn_device_open(&s->device, context, uri, &options), SNN_OK);
    s->uri = uri;
    s->program = program;
    s->net = net;
    s->allow_loss = true;
    cr_assert_eq(snndev_session_reset(s, context), SNN_OK);
    step(s);
    step(s);
    const struct snn_output *output = snndev_tally_output(s->tally);
    cr_assert_eq(output->step_count, 2);
    uint64_t sums[2] = {0, 0};
    for (uint32_t i = 0; i < 2 * net->population_count; i++)
        sums[i / net->population_count] += output->population_spikes[i];
    cr_expect_eq(sums[0], 0);
    cr_expect_eq(sums[1], 1, "%u spikes", (unsigned)sums[1]);
    snndev_tally_destroy(&s->tally);
    snn_schedule_destroy(&s->schedule);
    snn_device_close(&s->device);
    snn_net_destroy(&net);
    snnbase_free(context, s);
}
