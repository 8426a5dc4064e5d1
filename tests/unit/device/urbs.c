/* Transfers under way on a virtual USB device: what waits, what ends in which order, what is taken
 * back, and faults. Commands and answers are those of tests/device/usbip_client.h.
 */
#include "device/vchip/urbs.h"

#include <criterion/criterion.h>
#include <string.h>

#include "libsnn/wire/word.h"
#include "snn/status.h"
#include "tests/device/usbip_client.h"
#include "tests/unit/support.h"

enum { OUT = SNNWIRE_ENDPOINT_OUT, IN = SNNWIRE_ENDPOINT_IN, STALL = -32, BUS_ERROR = -71 };
enum { UNLINKED = -104, BLOCK_MAX = 64, LENGTH = 512 };

/* A device with one fault, and what a host has said and heard so far. */
struct bench {
    struct snn_context *context;
    struct snndev_vchip *chip;
    struct snndev_port *port;
    struct snndev_usbdevice device;
    struct snndev_urbs *urbs;
    struct usbip_client_answer answer; /* the last one */
    uint8_t data[4096];                /* behind it */
};

static void set_up(struct bench *bench, const char *fault)
{
    struct snndev_faults faults;
    const struct snndev_vchip_options options = {.chip = "speck2f"};
    *bench = (struct bench){.device = {.configuration = 1, .serial = "BENCH"}};
    cr_assert_eq(snn_context_create(&bench->context, NULL), SNN_OK);
    cr_assert_eq(snndev_faults_parse(&faults, bench->context, fault), SNN_OK);
    cr_assert_eq(snndev_vchip_create(&bench->chip, bench->context, &options), SNN_OK);
    cr_assert_eq(snndev_port_create(&bench->port, bench->context, bench->chip, &faults), SNN_OK);
    bench->device.port = bench->port;
    cr_assert_eq(snndev_urbs_create(&bench->urbs, bench->context, &bench->device), SNN_OK);
}

static void tear_down(struct bench *bench)
{
    snndev_urbs_destroy(&bench->urbs);
    snndev_port_destroy(&bench->port);
    snndev_vchip_destroy(&bench->chip);
    snn_context_destroy(&bench->context);
}

static int take_at(struct bench *bench, const uint8_t *bytes, size_t size, uint64_t now_ms)
{
    return snndev_urbs_take(bench->urbs, bench->context, bytes, size, now_ms);
}

static int submit(struct bench *bench, uint32_t sequence, uint8_t endpoint, uint32_t length)
{
    uint8_t header[USBIP_CLIENT_HEADER];
    usbip_client_submit(header, sequence, endpoint, length, NULL);
    return take_at(bench, header, sizeof header, 0);
}

static int request(struct bench *bench, uint32_t sequence, const uint8_t *setup, uint64_t now_ms)
{
    uint8_t header[USBIP_CLIENT_HEADER];
    usbip_client_submit(header, sequence, setup[0] & 0x80, setup[6], setup);
    return take_at(bench, header, sizeof header, now_ms);
}

static int take_back(struct bench *bench, uint32_t sequence, uint32_t unlinked)
{
    uint8_t header[USBIP_CLIENT_HEADER];
    usbip_client_unlink(header, sequence, unlinked);
    return take_at(bench, header, sizeof header, 0);
}

/* The next answer into the bench; false: there is none. An answer to an IN transfer has data. */
static bool hear(struct bench *bench, bool in)
{
    size_t size = 0;
    const uint8_t *bytes = snndev_urbs_answers(bench->urbs, &size);
    if (!bytes) return false;
    cr_assert_geq(size, USBIP_CLIENT_HEADER);
    cr_assert(usbip_client_answer(&bench->answer, bytes));
    const size_t data = in ? bench->answer.actual : 0;
    cr_assert_leq(data, sizeof bench->data);
    cr_assert_geq(size - USBIP_CLIENT_HEADER, data);
    if (data > 0) memcpy(bench->data, bytes + USBIP_CLIENT_HEADER, data);
    snndev_urbs_sent(bench->urbs, USBIP_CLIENT_HEADER + data);
    return true;
}

#define ASSERT_ANSWER(bench, in, number, code)                                    \
    do {                                                                          \
        cr_assert(hear(bench, in), "answer %u is missing", number);               \
        cr_assert_eq((bench)->answer.sequence, number);                           \
        cr_assert_eq((bench)->answer.status, code, "%d", (bench)->answer.status); \
    } while (0)

/* A block that an unconfigured chip answers with an ERROR mark: BEGIN of sample 0. */
static size_t block(uint8_t *out)
{
    struct snnwire_writer writer = {0};
    size_t size = snnwire_write_mark(&writer, SNNWIRE_MARK_BEGIN, 0, 0, out);
    size += snnwire_write_check(&writer, out + size);
    return size;
}

/* That block as an OUT transfer. */
static int send_block(struct bench *bench, uint32_t sequence)
{
    uint8_t bytes[USBIP_CLIENT_HEADER + BLOCK_MAX];
    const size_t size = block(bytes + USBIP_CLIENT_HEADER);
    usbip_client_submit(bytes, sequence, OUT, (uint32_t)size, NULL);
    return take_at(bench, bytes, USBIP_CLIENT_HEADER + size, 0);
}

static const uint8_t get_device[8] = {0x80, 6, 0, 1, 0, 0, 18, 0};
static const uint8_t hello[8] = {0xc0, SNNWIRE_CODE_HELLO, 255, 0, 0, 0, SNNWIRE_HELLO_BYTES, 0};
static const uint8_t clear_halt_in[8] = {2, 1, 0, 0, IN, 0, 0, 0};

Test(urbs, requests_are_answered_with_their_data)
{
    struct bench bench;
    struct snnwire_hello answer;
    set_up(&bench, NULL);
    cr_assert_eq(request(&bench, 1, get_device, 0), SNN_OK);
    ASSERT_ANSWER(&bench, true, 1, 0);
    cr_assert_eq(bench.answer.actual, 18);
    cr_assert_eq(bench.data[8] | bench.data[9] << 8, 0x1209);
    cr_assert_eq(request(&bench, 2, hello, 0), SNN_OK);
    ASSERT_ANSWER(&bench, true, 2, 0);
    cr_assert(snnwire_hello_read(&answer, bench.data, bench.answer.actual));
    cr_assert_str_eq(answer.chip, "speck2f");
    tear_down(&bench);
}

Test(urbs, what_the_device_refuses_is_a_stall)
{
    const uint8_t unknown[8] = {0xc0, 99, 0, 0, 0, 0, 4, 0};
    struct bench bench;
    set_up(&bench, NULL);
    cr_assert_eq(request(&bench, 1, unknown, 0), SNN_OK);
    ASSERT_ANSWER(&bench, true, 1, STALL);
    cr_assert_eq(bench.answer.actual, 0);
    cr_assert_eq(submit(&bench, 2, 0x83, 64), SNN_OK, "an endpoint that is not there");
    ASSERT_ANSWER(&bench, true, 2, STALL);
    tear_down(&bench);
}

Test(urbs, a_transfer_to_the_host_waits_for_data)
{
    struct bench bench;
    struct snnwire_reader reader = {0};
    struct snnwire_item item;
    enum snnwire_fault fault;
    size_t used = 0;
    set_up(&bench, NULL);
    cr_assert_eq(submit(&bench, 1, IN, LENGTH), SNN_OK);
    cr_assert_eq(submit(&bench, 2, IN, LENGTH), SNN_OK);
    cr_assert_not(hear(&bench, true), "the chip has nothing to say yet");
    cr_assert_eq(snndev_urbs_due(bench.urbs), UINT64_MAX);
    cr_assert_eq(send_block(&bench, 3), SNN_OK);
    ASSERT_ANSWER(&bench, false, 3, 0);
    ASSERT_ANSWER(&bench, true, 1, 0);
    cr_assert_not(hear(&bench, true), "the second one goes on waiting");
    cr_assert(snnwire_read(&reader, bench.data, bench.answer.actual, &used, &item, &fault));
    cr_assert(item.is_mark);
    cr_assert_eq(item.mark, SNNWIRE_MARK_ERROR);
    cr_assert_eq(item.argument, SNNWIRE_ERROR_STATE);
    tear_down(&bench);
}

Test(urbs, what_is_taken_back_has_no_answer_of_its_own)
{
    struct bench bench;
    set_up(&bench, NULL);
    cr_assert_eq(submit(&bench, 1, IN, LENGTH), SNN_OK);
    cr_assert_eq(submit(&bench, 2, IN, LENGTH), SNN_OK);
    cr_assert_eq(take_back(&bench, 3, 1), SNN_OK);
    ASSERT_ANSWER(&bench, false, 3, UNLINKED);
    cr_assert(bench.answer.unlink);
    cr_assert_eq(send_block(&bench, 4), SNN_OK);
    ASSERT_ANSWER(&bench, false, 4, 0);
    ASSERT_ANSWER(&bench, true, 2, 0);
    cr_assert_eq(take_back(&bench, 5, 2), SNN_OK);
    ASSERT_ANSWER(&bench, false, 5, 0);
    cr_assert(bench.answer.unlink, "it was over already");
    tear_down(&bench);
}

/* The same bytes in one piece and one at a time. */
Test(urbs, commands_may_be_cut_anywhere)
{
    struct bench bench;
    uint8_t bytes[2 * USBIP_CLIENT_HEADER + BLOCK_MAX];
    size_t size = block(bytes + USBIP_CLIENT_HEADER);
    usbip_client_submit(bytes, 1, OUT, (uint32_t)size, NULL);
    size += USBIP_CLIENT_HEADER;
    usbip_client_submit(bytes + size, 2, IN, LENGTH, NULL);
    size += USBIP_CLIENT_HEADER;
    for (unsigned piece = 1; piece <= 200; piece += 199) {
        set_up(&bench, NULL);
        for (size_t at = 0; at < size; at += piece)
            cr_assert_eq(take_at(&bench, bytes + at, piece < size - at ? piece : size - at, 0),
                         SNN_OK);
        ASSERT_ANSWER(&bench, false, 1, 0);
        ASSERT_ANSWER(&bench, true, 2, 0);
        cr_assert_gt(bench.answer.actual, 0);
        cr_assert_not(hear(&bench, true));
        tear_down(&bench);
    }
}

Test(urbs, a_halted_endpoint_stalls_until_the_halt_is_cleared)
{
    struct bench bench;
    set_up(&bench, "stall-in@0");
    cr_assert_eq(submit(&bench, 1, IN, LENGTH), SNN_OK);
    cr_assert_eq(submit(&bench, 2, IN, LENGTH), SNN_OK);
    cr_assert_eq(send_block(&bench, 3), SNN_OK);
    ASSERT_ANSWER(&bench, false, 3, 0);
    ASSERT_ANSWER(&bench, true, 1, STALL);
    ASSERT_ANSWER(&bench, true, 2, STALL);
    cr_assert_eq(request(&bench, 4, clear_halt_in, 0), SNN_OK);
    ASSERT_ANSWER(&bench, false, 4, 0);
    cr_assert_eq(submit(&bench, 5, IN, LENGTH), SNN_OK);
    ASSERT_ANSWER(&bench, true, 5, 0);
    cr_assert_gt(bench.answer.actual, 0, "nothing was lost");
    tear_down(&bench);
}

Test(urbs, a_bus_error_ends_one_transfer)
{
    struct bench bench;
    set_up(&bench, "error-in@0");
    cr_assert_eq(send_block(&bench, 1), SNN_OK);
    ASSERT_ANSWER(&bench, false, 1, 0);
    cr_assert_eq(submit(&bench, 2, IN, LENGTH), SNN_OK);
    ASSERT_ANSWER(&bench, true, 2, BUS_ERROR);
    cr_assert_eq(submit(&bench, 3, IN, LENGTH), SNN_OK);
    ASSERT_ANSWER(&bench, true, 3, 0);
    tear_down(&bench);
}

Test(urbs, a_device_that_vanishes_is_gone)
{
    struct bench bench;
    set_up(&bench, "gone@0");
    cr_assert_eq(submit(&bench, 1, IN, LENGTH), SNN_ERR_GONE);
    cr_assert_not(hear(&bench, true));
    cr_assert_eq(snndev_urbs_advance(bench.urbs, bench.context, 0), SNN_ERR_GONE);
    tear_down(&bench);
}

Test(urbs, answers_are_held_back_as_long_as_the_fault_says)
{
    struct bench bench;
    set_up(&bench, "delay=50");
    cr_assert_eq(request(&bench, 1, hello, 1000), SNN_OK);
    cr_assert_not(hear(&bench, true));
    cr_assert_eq(snndev_urbs_due(bench.urbs), 1050);
    cr_assert_eq(snndev_urbs_advance(bench.urbs, bench.context, 1049), SNN_OK);
    cr_assert_not(hear(&bench, true));
    cr_assert_eq(snndev_urbs_advance(bench.urbs, bench.context, 1050), SNN_OK);
    ASSERT_ANSWER(&bench, true, 1, 0);
    tear_down(&bench);
}

Test(urbs, a_request_without_an_answer_can_be_taken_back)
{
    struct bench bench;
    set_up(&bench, "silent=hello");
    cr_assert_eq(request(&bench, 1, hello, 0), SNN_OK);
    cr_assert_eq(request(&bench, 2, get_device, 0), SNN_OK);
    cr_assert_not(hear(&bench, true), "endpoint 0 is busy with the first one");
    cr_assert_eq(take_back(&bench, 3, 1), SNN_OK);
    ASSERT_ANSWER(&bench, false, 3, UNLINKED);
    ASSERT_ANSWER(&bench, true, 2, 0);
    tear_down(&bench);
}

Test(urbs, bytes_that_are_no_command_are_an_error)
{
    struct bench bench;
    uint8_t header[USBIP_CLIENT_HEADER] = {0};
    set_up(&bench, NULL);
    cr_assert_eq(take_at(&bench, header, sizeof header, 0), SNN_ERR_PROTOCOL);
    tear_down(&bench);
}

/* Transfers to a device that holds its answers back, a megabyte each, whatever their endpoint. */
Test(urbs, what_waits_for_the_device_has_a_bound)
{
    enum { MEGABYTE = 1 << 20 };
    static uint8_t bytes[USBIP_CLIENT_HEADER + MEGABYTE];
    struct bench bench;
    set_up(&bench, "delay=50");
    for (uint32_t i = 1; i <= 16; i++) {
        usbip_client_submit(bytes, i, OUT, MEGABYTE, NULL);
        cr_assert_eq(take_at(&bench, bytes, sizeof bytes, 0), SNN_OK);
    }
    cr_assert_eq(take_back(&bench, 17, 1), SNN_OK, "there is room again");
    usbip_client_submit(bytes, 18, 3, MEGABYTE, NULL);
    cr_assert_eq(take_at(&bench, bytes, sizeof bytes, 0), SNN_OK);
    cr_assert_eq(send_block(&bench, 19), SNN_ERR_PROTOCOL);
    tear_down(&bench);
}

Test(urbs, a_request_says_no_more_than_its_setup_packet_can)
{
    static const uint8_t setup[8] = {0x40, SNNWIRE_CODE_WRITE, 0, 0, 0, 0, 8, 0};
    uint8_t header[USBIP_CLIENT_HEADER];
    struct bench bench;
    set_up(&bench, NULL);
    usbip_client_submit(header, 1, 0, 65536, setup);
    cr_assert_eq(take_at(&bench, header, sizeof header, 0), SNN_ERR_PROTOCOL, "before its data");
    tear_down(&bench);
}

/* A session of each kind of command; the first status that is not OK. */
static int converse(struct snn_context *context)
{
    const struct snndev_vchip_options options = {.chip = "speck2f"};
    struct bench bench = {.device = {.configuration = 1, .serial = "BENCH"}, .context = context};
    int status = snndev_vchip_create(&bench.chip, context, &options);
    if (status == SNN_OK) status = snndev_port_create(&bench.port, context, bench.chip, NULL);
    bench.device.port = bench.port;
    if (status == SNN_OK) status = snndev_urbs_create(&bench.urbs, context, &bench.device);
    if (status == SNN_OK) status = submit(&bench, 1, IN, LENGTH);
    if (status == SNN_OK) status = request(&bench, 2, hello, 0);
    if (status == SNN_OK) status = send_block(&bench, 3);
    if (status == SNN_OK) status = submit(&bench, 4, IN, LENGTH);
    if (status == SNN_OK) status = take_back(&bench, 5, 4);
    snndev_urbs_destroy(&bench.urbs);
    snndev_port_destroy(&bench.port);
    snndev_vchip_destroy(&bench.chip);
    return status;
}

Test(urbs, out_of_memory_is_told_and_gives_all_back)
{
    support_sweep(converse);
}
