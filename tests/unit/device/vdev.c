/* Virtual chips in this process, as a transport: each open is a device of its own, with a thread
 * that answers, stalls, is silent, vanishes, and lets go at once when it is closed.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "device/transport/queue.h"
#include "libsnn/wire/word.h"
#include "snn/status.h"
#include "tests/unit/support.h"

extern const struct snndev_transport_ops snndev_vdev_transport;

enum { BUFFER = 4096, WAIT_MS = 10000 };

static const struct snndev_transport_ops *const ops = &snndev_vdev_transport;
static void *self[2];

static void end(void)
{
    for (int i = 0; i < 2; i++) {
        if (self[i] != NULL) ops->close(self[i]);
        free(self[i]);
    }
    support_end();
}

TestSuite(vdev, .init = support_begin, .fini = end);

static int try_to_open(int i, const char *arguments)
{
    self[i] = calloc(1, ops->private_size);
    int status = ops->open(self[i], support_context(), arguments);
    if (status == SNN_OK) return status;
    free(self[i]);
    self[i] = NULL;
    return status;
}

static void open_one(int i, const char *arguments)
{
    cr_assert_eq(try_to_open(i, arguments), SNN_OK, "%s", snn_context_message(support_context()));
}

static void close_one(int i)
{
    ops->close(self[i]);
    free(self[i]);
    self[i] = NULL;
}

static int ask(int i, uint8_t code, uint8_t *data, uint32_t size, unsigned timeout_ms)
{
    const struct snnwire_request request = {.code = code, .in = true, .size = size};
    uint32_t came = 0;
    int status = ops->request(self[i], support_context(), &request, data, &came, timeout_ms);
    if (status == SNN_OK) cr_assert_eq(came, size);
    return status;
}

static void serial_is(int i, const char *serial)
{
    uint8_t record[SNNWIRE_HELLO_BYTES];
    struct snnwire_hello hello;
    cr_assert_eq(ask(i, SNNWIRE_CODE_HELLO, record, sizeof(record), WAIT_MS), SNN_OK);
    cr_assert(snnwire_hello_read(&hello, record, sizeof(record)));
    cr_assert_str_eq(hello.serial, serial);
}

/* ---- Opening ---- */

Test(vdev, each_open_is_a_device_of_its_own)
{
    open_one(0, "speck2f,serial=ONE");
    open_one(1, "dynapcnn,fault=short,delay=1,serial=TWO");
    serial_is(0, "ONE");
    serial_is(1, "TWO");
    close_one(0);
    serial_is(1, "TWO");
    open_one(0, "speck2f");
    serial_is(0, "VIRT0001");
}

Test(vdev, uri_that_says_nothing_is_refused)
{
    static const struct {
        const char *arguments;
        int status;
        const char *message;
    } cases[] = {
        {"", SNN_ERR_INVALID, "which chip"},
        {"speck9", SNN_ERR_NOT_FOUND, "speck9"},
        {"speck2f,order=raster", SNN_ERR_INVALID, "unknown argument in 'speck2f,order=raster'"},
        {"speck2f,fault=stalled", SNN_ERR_INVALID, "fault 'stalled'"},
        {"speck2f,serial=0123456789012345678901234", SNN_ERR_INVALID, "no serial number"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_expect_eq(try_to_open(0, cases[i].arguments), cases[i].status, "%s", cases[i].arguments);
        const char *message = snn_context_message(support_context());
        cr_expect_not_null(strstr(message, cases[i].message), "%s", message);
    }
}

static int open_and_close(struct snn_context *context)
{
    void *one = calloc(1, ops->private_size);
    int status = ops->open(one, context, "speck2f");
    if (status == SNN_OK) ops->close(one);
    free(one);
    return status;
}

Test(vdev, memory_may_run_out_while_opening)
{
    support_sweep(open_and_close);
}

/* ---- Requests ---- */

Test(vdev, refused_request_is_a_protocol_error)
{
    uint8_t record[SNNWIRE_STATUS_BYTES];
    struct snnwire_status status;
    open_one(0, "speck2f");
    cr_assert_eq(ask(0, 99, record, 8, WAIT_MS), SNN_ERR_PROTOCOL);
    cr_assert_eq(ask(0, SNNWIRE_CODE_STATUS, record, 8, WAIT_MS), SNN_OK);
    cr_assert(snnwire_status_read(&status, record, 8));
    cr_assert_eq(status.code, 99);
    cr_assert_eq(status.error, SNNWIRE_ERROR_UNKNOWN);
}

Test(vdev, silent_device_times_out_and_answers_the_next)
{
    uint8_t record[SNNWIRE_STATISTICS_BYTES];
    open_one(0, "speck2f,fault=silent=statistics");
    const uint64_t before = snndev_now_us();
    cr_assert_eq(ask(0, SNNWIRE_CODE_STATISTICS, record, sizeof(record), 50), SNN_ERR_TIMEOUT);
    cr_assert_geq(snndev_now_us() - before, 50000);
    serial_is(0, "VIRT0001");
}

Test(vdev, answer_that_comes_too_late_is_not_that_of_the_next_request)
{
    uint8_t record[SNNWIRE_STATISTICS_BYTES];
    open_one(0, "speck2f,fault=delay=100");
    cr_assert_eq(ask(0, SNNWIRE_CODE_STATISTICS, record, sizeof(record), 20), SNN_ERR_TIMEOUT);
    const uint64_t before = snndev_now_us();
    serial_is(0, "VIRT0001");
    cr_assert_geq(snndev_now_us() - before, 100000);
}

Test(vdev, delayed_device_closes_at_once)
{
    uint8_t record[SNNWIRE_STATISTICS_BYTES];
    open_one(0, "speck2f,fault=delay=60000");
    cr_assert_eq(ask(0, SNNWIRE_CODE_STATISTICS, record, sizeof(record), 20), SNN_ERR_TIMEOUT);
    const uint64_t before = snndev_now_us();
    close_one(0);
    cr_assert_lt(snndev_now_us() - before, 1000000);
}

/* ---- Transfers ---- */

static uint8_t buffers[8][BUFFER];
static struct snndev_transfer transfers[8];

static void submit(unsigned number, bool out, size_t size)
{
    transfers[number] =
        (struct snndev_transfer){.bytes = buffers[number], .size = size, .out = out};
    cr_assert_eq(ops->submit(self[0], &transfers[number]), SNN_OK);
}

/* A BEGIN that has no configuration: answered by an ERROR and CREDIT, 40 bytes in all. */
static size_t write_begin(unsigned number)
{
    struct snnwire_writer writer = {0};
    size_t size = snnwire_write_mark(&writer, SNNWIRE_MARK_BEGIN, 0, number, buffers[number]);
    return size + snnwire_write_check(&writer, buffers[number] + size);
}

static void reap(unsigned number, enum snndev_outcome outcome, size_t actual)
{
    struct snndev_transfer *transfer = ops->reap(self[0], WAIT_MS);
    cr_assert_not_null(transfer);
    cr_assert_eq(transfer - transfers, number, "transfer %td came", transfer - transfers);
    cr_assert_eq(transfer->outcome, outcome, "outcome %d", transfer->outcome);
    cr_assert_eq(transfer->actual, actual, "%zu bytes", transfer->actual);
}

Test(vdev, bytes_go_in_and_come_out)
{
    open_one(0, "speck2f");
    submit(0, false, BUFFER);
    submit(1, false, BUFFER);
    submit(2, true, write_begin(2));
    reap(2, SNNDEV_COMPLETED, 32);
    reap(0, SNNDEV_COMPLETED, 40);
    cr_assert_null(ops->reap(self[0], 20), "nothing more to give");
    ops->cancel_all(self[0]);
    reap(1, SNNDEV_CANCELLED, 0);
}

Test(vdev, transfers_end_in_their_order_when_cancelled)
{
    open_one(0, "speck2f");
    for (unsigned round = 0; round < 50; round++) {
        for (unsigned i = 0; i < 8; i++)
            submit(i, false, BUFFER);
        ops->cancel_all(self[0]);
        for (unsigned i = 0; i < 8; i++)
            reap(i, SNNDEV_CANCELLED, 0);
    }
}

Test(vdev, wake_ends_a_wait)
{
    open_one(0, "speck2f");
    ops->wake(self[0]);
    const uint64_t before = snndev_now_us();
    cr_assert_null(ops->reap(self[0], WAIT_MS));
    cr_assert_lt(snndev_now_us() - before, 5000000);
}

Test(vdev, stalled_stream_goes_on_when_the_halt_is_cleared)
{
    open_one(0, "speck2f,fault=stall-in@8,stall-out@0");
    submit(2, true, write_begin(2));
    reap(2, SNNDEV_STALLED, 0);
    cr_assert_eq(ops->clear_halt(self[0], true), SNN_OK);
    submit(2, true, write_begin(2));
    reap(2, SNNDEV_COMPLETED, 32);
    submit(0, false, BUFFER);
    reap(0, SNNDEV_STALLED, 0);
    submit(0, false, BUFFER);
    reap(0, SNNDEV_STALLED, 0);
    cr_assert_eq(ops->clear_halt(self[0], false), SNN_OK);
    submit(0, false, BUFFER);
    reap(0, SNNDEV_COMPLETED, 40);
}

Test(vdev, device_that_vanishes_takes_all_with_it)
{
    uint8_t record[SNNWIRE_HELLO_BYTES];
    open_one(0, "speck2f,fault=gone@9");
    submit(0, false, BUFFER);
    submit(1, false, BUFFER);
    submit(2, true, write_begin(2));
    reap(2, SNNDEV_COMPLETED, 32);
    reap(0, SNNDEV_COMPLETED, 9);
    reap(1, SNNDEV_VANISHED, 0);
    cr_assert_eq(ops->submit(self[0], &transfers[0]), SNN_ERR_GONE);
    cr_assert_eq(ask(0, SNNWIRE_CODE_HELLO, record, sizeof(record), WAIT_MS), SNN_ERR_GONE);
    cr_assert_eq(ops->clear_halt(self[0], false), SNN_ERR_GONE);
}
