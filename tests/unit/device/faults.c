/* Faults on purpose: how a list is understood, and what each does to the bytes and requests that
 * pass through a port.
 */
#include "device/vchip/fault.h"

#include <criterion/criterion.h>
#include <string.h>

#include "device/vchip/port.h"
#include "libsnn/wire/bytes.h"
#include "snn/status.h"
#include "tests/unit/device/chip.h"
#include "tests/unit/support.h"

static struct snndev_port *port;

static void end(void)
{
    snndev_port_destroy(&port);
    chip_end();
}

TestSuite(faults, .init = chip_begin, .fini = end);

static struct snndev_faults parse(const char *text)
{
    struct snndev_faults faults;
    cr_assert_eq(snndev_faults_parse(&faults, support_context(), text), SNN_OK, "%s",
                 snn_context_message(support_context()));
    return faults;
}

static void plug(const char *text)
{
    const struct snndev_faults faults = parse(text);
    chip_plug(NULL);
    snndev_port_destroy(&port);
    cr_assert_eq(snndev_port_create(&port, support_context(), chip, &faults), SNN_OK);
}

/* ---- The list ---- */

Test(faults, none_are_none)
{
    const struct snndev_faults none = parse(NULL), empty = parse("");
    cr_assert_eq(memcmp(&none, &empty, sizeof(none)), 0);
    cr_assert_eq(none.stall_in, SNNDEV_NEVER);
    cr_assert_eq(none.stall_out, SNNDEV_NEVER);
    cr_assert_eq(none.error_in, SNNDEV_NEVER);
    cr_assert_eq(none.gone, SNNDEV_NEVER);
    cr_assert_eq(none.corrupt_in, SNNDEV_NEVER);
    cr_assert_eq(none.corrupt_out, SNNDEV_NEVER);
    cr_assert(!none.short_packets && !none.odd_packets && !none.wrong_crc);
    cr_assert_eq(none.delay_ms + none.silent + none.refuse + none.version + none.seed, 0);
}

Test(faults, list_says_what_and_where)
{
    struct snndev_faults f = parse("stall-in@4096,stall-out@0,error-in@10000,gone@65536,"
                                   "corrupt-in@1+corrupt-out@2");
    cr_assert_eq(f.stall_in, 4096);
    cr_assert_eq(f.stall_out, 0);
    cr_assert_eq(f.error_in, 10000);
    cr_assert_eq(f.gone, 65536);
    cr_assert_eq(f.corrupt_in, 1);
    cr_assert_eq(f.corrupt_out, 2);
    f = parse("short,odd,delay=50,silent=commit,refuse=statistics,wrong-crc,version=2,output=8,"
              "seed=9");
    cr_assert(f.short_packets && f.odd_packets && f.wrong_crc);
    cr_assert_eq(f.delay_ms, 50);
    cr_assert_eq(f.silent, SNNWIRE_CODE_COMMIT);
    cr_assert_eq(f.refuse, SNNWIRE_CODE_STATISTICS);
    cr_assert_eq(f.version, 2);
    cr_assert_eq(f.output_words, 8);
    cr_assert_eq(f.seed, 9);
}

Test(faults, word_that_is_none_is_named_with_what_there_is)
{
    static const char *const words[] = {
        "stall",       "stall-in",        "stall-in@",
        "stall-in@x",  "stall-in=5",      "gone@-1",
        "short=1",     "short@1",         "delay",
        "delay=60001", "version=65536",   "silent=nothing",
        "refuse=",     "seed=4294967296", "gone@18446744073709551616",
    };
    struct snndev_faults faults;
    struct snn_context *context = support_context();
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        char list[64] = "short,", expected[64];
        (void)strcat(list, words[i]);
        cr_expect_eq(snndev_faults_parse(&faults, context, list), SNN_ERR_INVALID, "%s", list);
        (void)strcat(strcpy(expected, "fault '"), words[i]);
        cr_expect_not_null(strstr(snn_context_message(context), expected), "%s: %s", list,
                           snn_context_message(context));
        cr_expect_not_null(strstr(snn_context_hint(context), "faults: stall-in@BYTE, "));
        cr_expect_not_null(strstr(snn_context_hint(context), ", silent=REQUEST, "));
    }
}

/* ---- Requests ---- */

static enum snndev_outcome ask(uint8_t code, uint8_t *data, uint32_t size, uint32_t *came)
{
    const struct snnwire_request request = {.code = code, .in = true, .size = size};
    return snndev_port_request(port, &request, data, came);
}

Test(faults, request_may_be_refused_or_never_answered)
{
    uint8_t data[SNNWIRE_HELLO_BYTES];
    uint32_t came = 9;
    struct snnwire_status status;
    plug("refuse=hello,silent=statistics");
    cr_assert_eq(ask(SNNWIRE_CODE_HELLO, data, sizeof(data), &came), SNNDEV_STALLED);
    cr_assert_eq(ask(SNNWIRE_CODE_STATUS, data, 8, &came), SNNDEV_COMPLETED);
    cr_assert(snnwire_status_read(&status, data, came));
    cr_assert_eq(status.code, SNNWIRE_CODE_HELLO);
    cr_assert_eq(status.error, SNNWIRE_ERROR_INTERNAL);
    cr_assert_eq(ask(SNNWIRE_CODE_STATISTICS, data, 0, &came), SNNDEV_TIMED_OUT);
    cr_assert_eq(came, 0);
}

Test(faults, answers_may_be_wrong)
{
    uint8_t data[SNNWIRE_HELLO_BYTES];
    uint32_t came = 0;
    struct snnwire_hello hello;
    plug("version=2,wrong-crc,delay=7");
    cr_assert_eq(ask(SNNWIRE_CODE_HELLO, data, sizeof(data), &came), SNNDEV_COMPLETED);
    cr_assert(snnwire_hello_read(&hello, data, came));
    cr_assert_eq(hello.version_major, 2);
    cr_assert_eq(ask(SNNWIRE_CODE_CRC, data, 4, &came), SNNDEV_COMPLETED);
    const uint8_t zeros[SNNWIRE_CORE_BYTES] = {0}; /* the registers of core 0 */
    cr_assert_eq(snnwire_get32(data), (snnwire_crc32(0, zeros, sizeof(zeros)) ^ 1));
    cr_assert_eq(snndev_port_delay(port), 7);
}

/* ---- The stream ---- */

enum { MARKS = 600 };

/* BEGIN marks without a configuration: each is answered by an ERROR, in 600 words and those of
 * blocks. `expected` is what comes without faults. */
static size_t fill(uint8_t *expected, size_t room)
{
    static uint8_t out[MARKS * 32];
    struct snnwire_writer writer = {0};
    size_t size = 0;
    for (uint32_t i = 0; i < MARKS; i++)
        size += snnwire_write_mark(&writer, SNNWIRE_MARK_BEGIN, 0, i, out + size);
    size += snnwire_write_check(&writer, out + size);
    if (expected != NULL) {
        chip_plug(NULL);
        snndev_vchip_take(chip, out, size);
        return snndev_vchip_give(chip, expected, room);
    }
    size_t actual = 0;
    cr_assert_eq(snndev_port_take(port, out, size, &actual), SNNDEV_COMPLETED);
    cr_assert_eq(actual, size);
    return size;
}

static uint8_t expected[1 << 14], found[1 << 14];

/* Takes all there is, transfer by transfer, and tells how each ended that did not complete. */
static size_t drain(size_t room, uint32_t packet, enum snndev_outcome *trouble)
{
    size_t size = 0, actual = 1;
    *trouble = SNNDEV_COMPLETED;
    while (actual > 0 && size + room <= sizeof(found)) {
        const enum snndev_outcome outcome =
            snndev_port_give(port, found + size, room, packet, &actual);
        size += actual;
        if (outcome == SNNDEV_COMPLETED) continue;
        cr_assert_eq(actual, 0);
        *trouble = outcome;
        if (outcome == SNNDEV_VANISHED) return size;
        if (outcome == SNNDEV_STALLED) {
            cr_assert(snndev_port_is_halted(port, false));
            cr_assert_eq(snndev_port_give(port, found, room, packet, &actual), SNNDEV_STALLED);
            snndev_port_clear_halt(port, false);
        }
        actual = 1;
    }
    return size;
}

Test(faults, stall_and_bus_error_lose_nothing)
{
    static const struct {
        const char *fault;
        enum snndev_outcome outcome;
    } cases[] = {{"", SNNDEV_COMPLETED},
                 {"stall-in@0", SNNDEV_STALLED},
                 {"stall-in@1003", SNNDEV_STALLED},
                 {"error-in@1003", SNNDEV_FAILED}};
    const size_t size = fill(expected, sizeof(expected));
    cr_assert_gt(size, MARKS * 8);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum snndev_outcome trouble = SNNDEV_COMPLETED;
        plug(cases[i].fault);
        fill(NULL, 0);
        cr_expect_eq(drain(sizeof(found) / 8, 512, &trouble), size, "%s", cases[i].fault);
        cr_expect_eq(trouble, cases[i].outcome, "%s", cases[i].fault);
        cr_expect_arr_eq(found, expected, size, "%s", cases[i].fault);
    }
}

Test(faults, stalled_output_may_be_sent_again)
{
    static const uint8_t words[16];
    size_t actual = 9;
    plug("stall-out@20");
    cr_assert_eq(snndev_port_take(port, words, 16, &actual), SNNDEV_COMPLETED);
    cr_assert_eq(snndev_port_take(port, words, 16, &actual), SNNDEV_STALLED);
    cr_assert_eq(actual, 0);
    cr_assert(snndev_port_is_halted(port, true));
    cr_assert(!snndev_port_is_halted(port, false));
    cr_assert_eq(snndev_port_take(port, words, 16, &actual), SNNDEV_STALLED);
    snndev_port_clear_halt(port, true);
    cr_assert_eq(snndev_port_take(port, words, 16, &actual), SNNDEV_COMPLETED);
    cr_assert_eq(chip_statistics().words_taken, 4);
}

Test(faults, plug_is_pulled_behind_its_byte)
{
    enum snndev_outcome trouble = SNNDEV_COMPLETED;
    uint32_t came = 0;
    size_t actual = 0;
    fill(expected, sizeof(expected));
    plug("gone@1001");
    fill(NULL, 0);
    cr_assert_eq(drain(sizeof(found) / 8, 512, &trouble), 1001);
    cr_assert_eq(trouble, SNNDEV_VANISHED);
    cr_assert_arr_eq(found, expected, 1001);
    cr_assert_eq(ask(SNNWIRE_CODE_HELLO, found, 64, &came), SNNDEV_VANISHED);
    cr_assert_eq(snndev_port_take(port, found, 8, &actual), SNNDEV_VANISHED);
}

Test(faults, one_byte_is_corrupt)
{
    enum snndev_outcome trouble = SNNDEV_COMPLETED;
    const size_t size = fill(expected, sizeof(expected));
    plug("corrupt-in@1001,corrupt-out@33");
    fill(NULL, 0);
    cr_assert_eq(chip_statistics().faults, 1);
    plug("corrupt-in@1001");
    fill(NULL, 0);
    cr_assert_eq(drain(sizeof(found) / 8, 512, &trouble), size);
    expected[1001] ^= 1;
    cr_assert_arr_eq(found, expected, size);
}

Test(faults, packets_of_random_length_carry_the_same)
{
    static const char *const cases[] = {"short", "odd", "odd,seed=5"};
    const size_t size = fill(expected, sizeof(expected));
    for (size_t i = 0; i < 3; i++) {
        size_t at = 0, actual = 1, transfers = 0, cut = 0;
        plug(cases[i]);
        fill(NULL, 0);
        for (; actual > 0; at += actual) {
            cr_assert_eq(snndev_port_give(port, found + at, 2048, 512, &actual), SNNDEV_COMPLETED);
            cr_assert_lt(actual, 512, "a short packet ends the transfer");
            transfers++;
            cut += actual % 8 != 0;
        }
        cr_expect_eq(at, size);
        cr_expect_arr_eq(found, expected, size);
        cr_expect_gt(transfers, 10);
        if (i == 0) cr_expect_eq(cut, 0);
        if (i > 0) cr_expect_gt(cut, transfers / 2);
    }
}

Test(faults, transfer_ends_early_by_a_short_packet_only)
{
    size_t actual = 0;
    const size_t size = fill(expected, sizeof(expected));
    plug("");
    fill(NULL, 0);
    for (size_t at = 0; at < size; at += actual) {
        cr_assert_eq(snndev_port_give(port, found, sizeof(found), 8 * 64, &actual), 0);
        cr_assert_gt(actual, 0);
        cr_assert(actual == sizeof(found) || actual % 512 != 0, "%zu", actual);
    }
    /* Where all that is there fills packets exactly, a word of it waits. */
    plug("");
    fill(NULL, 0);
    cr_assert_eq(snndev_port_give(port, found, size - 512, 8, &actual), SNNDEV_COMPLETED);
    cr_assert_eq(snndev_port_give(port, found, sizeof(found), 512, &actual), SNNDEV_COMPLETED);
    cr_assert_eq(actual, 504);
    cr_assert_eq(snndev_port_give(port, found, sizeof(found), 512, &actual), SNNDEV_COMPLETED);
    cr_assert_eq(actual, 8);
}
