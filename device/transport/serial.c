/* Devices on serial lines: "serial:/dev/ttyUSB0@115200". Requests and stream share the line as
 * frames (docs/formats/wire.md); the thread in serial_line.c moves them.
 *
 * Serial devices are not listed: what hangs on a port only shows when one writes to it, and to who
 * knows what a program must not do that by itself.
 *
 * A frame can be lost or broken. An answer that does not come by half of the time is asked for once
 * more, behind zeros that push half a frame out of the device, and behind a HELLO whose answer
 * tells that all answers before it have come: none of them is taken for that of a later request.
 */
#include "device/transport/serial.h"

#include <string.h>

#include "libsnn/base/error.h"

#define BITS_PER_BYTE 10u /* with start and stop bit */

struct serial {
    struct snndev_serial_port port;
    struct snndev_line line;
    pthread_mutex_t asking; /* one request at a time */
    bool unsure;            /* an answer may still come */
};

/* What so many bytes take on the line, and back. */
static uint64_t transit_us(const struct serial *serial, size_t bytes)
{
    return (uint64_t)bytes * BITS_PER_BYTE * 1000000u / serial->port.baud;
}

static int fail_gone(const struct serial *serial, struct snn_context *context)
{
    return snnbase_fail(context, SNN_ERR_GONE, "%s: the device went away", serial->port.path);
}

/* Sends a request behind `zeros` zeros and waits for its answer, which is then in the line: OK,
 * TIMEOUT or GONE, without a message. */
static int ask(struct serial *serial, const struct snnwire_request *request, const uint8_t *data,
               size_t zeros, uint64_t wait_us)
{
    struct snndev_line *line = &serial->line;
    uint8_t payload[SNNWIRE_FRAME_PAYLOAD_MAX];
    const size_t size = request->in ? 0 : request->size;
    snnwire_request_write(request, payload);
    if (size > 0) memcpy(payload + SNNWIRE_REQUEST_BYTES, data, size);
    (void)pthread_mutex_lock(&line->desk.lock);
    if (zeros > 0) snndev_line_clear(line);
    memset(line->ask, 0, zeros);
    line->ask_at = 0;
    line->ask_size = zeros + snnwire_frame_write(SNNWIRE_FRAME_REQUEST, payload,
                                                 SNNWIRE_REQUEST_BYTES + size, line->ask + zeros);
    line->awaited = request->code;
    line->answered = false;
    const size_t bytes = line->written_size - line->written_at + line->ask_size + request->size;
    const uint64_t until = snndev_now_us() + wait_us + transit_us(serial, bytes);
    snndev_line_nudge(line);
    while (!line->answered && !line->gone && snndev_desk_wait(&line->desk, until)) {
    }
    const int status = line->answered ? SNN_OK : line->gone ? SNN_ERR_GONE : SNN_ERR_TIMEOUT;
    line->awaited = 0;
    (void)pthread_mutex_unlock(&line->desk.lock);
    return status;
}

/* All answers that may still be on their way have come behind this. */
static int clear(struct serial *serial, uint64_t wait_us)
{
    const struct snnwire_request hello = {
        .code = SNNWIRE_CODE_HELLO, .in = true, .size = SNNWIRE_HELLO_BYTES};
    const int status = ask(serial, &hello, NULL, SNNDEV_SERIAL_CLEAR, wait_us);
    serial->unsure = status != SNN_OK;
    return status;
}

static int try_to_ask(struct serial *serial, const struct snnwire_request *request,
                      const uint8_t *data, uint64_t wait_us)
{
    int status = serial->unsure ? clear(serial, wait_us / 2) : SNN_OK;
    if (status == SNN_OK) status = ask(serial, request, data, 0, wait_us / 2);
    if (status != SNN_ERR_TIMEOUT || serial->unsure) return status;
    serial->unsure = true;
    status = clear(serial, wait_us / 4);
    /* The request before would now be that HELLO. */
    if (status == SNN_OK && request->code == SNNWIRE_CODE_STATUS) return SNN_ERR_TIMEOUT;
    if (status == SNN_OK) status = ask(serial, request, data, 0, wait_us / 4);
    serial->unsure = status == SNN_ERR_TIMEOUT;
    return status;
}

static int fail_timeout(const struct serial *serial, struct snn_context *context, uint64_t skipped,
                        uint64_t frames)
{
    const char *path = serial->port.path;
    snnbase_fail(context, SNN_ERR_TIMEOUT, "%s: no answer within the time", path);
    if (frames == 0 && skipped > 0)
        return snnbase_hint(context,
                            "what comes makes no sense (%llu bytes): is the device at another rate "
                            "than %u baud?",
                            (unsigned long long)skipped, serial->port.baud);
    return snnbase_hint(context, "is it the right port, and the device at %u baud, too?",
                        serial->port.baud);
}

static int take_answer(struct serial *serial, struct snn_context *context,
                       const struct snnwire_request *request, uint8_t *data, uint32_t *size_out)
{
    const struct snndev_line *line = &serial->line;
    if (line->answer.error != SNNWIRE_ERROR_NONE)
        return snnbase_fail(context, SNN_ERR_PROTOCOL, "%s: the device refused a request (%u)",
                            serial->port.path, line->answer.error);
    if (line->data_size > (request->in ? request->size : 0))
        return snnbase_fail(context, SNN_ERR_PROTOCOL, "%s: an answer of %zu bytes, %u asked for",
                            serial->port.path, line->data_size, request->in ? request->size : 0);
    if (line->data_size > 0) memcpy(data, line->data, line->data_size);
    if (size_out != NULL) *size_out = (uint32_t)line->data_size;
    return SNN_OK;
}

/* ---- As a transport ---- */

static int serial_request(void *self, struct snn_context *context,
                          const struct snnwire_request *request, uint8_t *data, uint32_t *size_out,
                          unsigned timeout_ms)
{
    struct serial *serial = self;
    struct snndev_line *line = &serial->line;
    if (request->size > SNNWIRE_PAYLOAD_MAX)
        return snnbase_fail(context, SNN_ERR_INVALID, "a request of %u bytes", request->size);
    (void)pthread_mutex_lock(&serial->asking);
    int status = try_to_ask(serial, request, data, timeout_ms * (uint64_t)1000);
    (void)pthread_mutex_lock(&line->desk.lock);
    const uint64_t skipped = line->framer.skipped + line->framer.size, frames = line->frames;
    if (status == SNN_OK && request->code == SNNWIRE_CODE_RESET) line->residue_size = 0;
    if (status == SNN_OK) status = take_answer(serial, context, request, data, size_out);
    (void)pthread_mutex_unlock(&line->desk.lock);
    (void)pthread_mutex_unlock(&serial->asking);
    if (status == SNN_ERR_TIMEOUT) return fail_timeout(serial, context, skipped, frames);
    return status == SNN_ERR_GONE ? fail_gone(serial, context) : status;
}

static int serial_submit(void *self, struct snndev_transfer *transfer)
{
    struct snndev_line *line = &((struct serial *)self)->line;
    (void)pthread_mutex_lock(&line->desk.lock);
    const bool gone = line->gone;
    transfer->actual = 0;
    if (!gone) snndev_queue_put(transfer->out ? &line->desk.out : &line->desk.in, transfer);
    snndev_line_nudge(line);
    (void)pthread_mutex_unlock(&line->desk.lock);
    return gone ? SNN_ERR_GONE : SNN_OK;
}

static struct snndev_transfer *serial_reap(void *self, unsigned timeout_ms)
{
    return snndev_desk_reap(&((struct serial *)self)->line.desk, timeout_ms);
}

static void serial_wake(void *self)
{
    snndev_desk_wake(&((struct serial *)self)->line.desk);
}

static void serial_cancel_all(void *self)
{
    struct snndev_line *line = &((struct serial *)self)->line;
    (void)pthread_mutex_lock(&line->desk.lock);
    struct snndev_transfer *first = line->desk.out.first;
    const size_t taken = line->out_at;
    snndev_desk_end_all(&line->desk, &line->desk.out, SNNDEV_CANCELLED);
    if (first != NULL) first->actual = taken;
    line->out_at = 0;
    snndev_desk_end_all(&line->desk, &line->desk.in, SNNDEV_CANCELLED);
    (void)pthread_mutex_unlock(&line->desk.lock);
}

/* A line has no endpoints that halt. */
static int serial_clear_halt(void *self, bool out)
{
    (void)self;
    (void)out;
    return SNN_OK;
}

static int serial_open(void *self, struct snn_context *context, const char *arguments)
{
    struct serial *serial = self;
    int status = snndev_serial_port_open(&serial->port, context, arguments);
    if (status != SNN_OK) return status;
    status = snndev_line_start(&serial->line, context, serial->port.descriptor);
    if (status == SNN_OK)
        (void)pthread_mutex_init(&serial->asking, NULL);
    else
        snndev_serial_port_close(&serial->port);
    return status;
}

static void serial_close(void *self)
{
    struct serial *serial = self;
    snndev_line_stop(&serial->line);
    snndev_serial_port_close(&serial->port);
    (void)pthread_mutex_destroy(&serial->asking);
}

const struct snndev_transport_ops snndev_serial_transport = {
    .scheme = "serial",
    .summary = "a device on a serial line: serial:/dev/ttyUSB0@115200",
    .private_size = sizeof(struct serial),
    .open = serial_open,
    .request = serial_request,
    .submit = serial_submit,
    .reap = serial_reap,
    .wake = serial_wake,
    .cancel_all = serial_cancel_all,
    .clear_halt = serial_clear_halt,
    .close = serial_close,
};
