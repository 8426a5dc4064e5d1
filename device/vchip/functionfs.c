/* Emulator "gadget": the virtual chip on a real cable, on any board with a USB device controller.
 * The controller's driver answers the standard requests and moves the packets; what is left to do
 * is the vendor requests (endpoint 0) and the streams, whose reads and writes are under way in the
 * kernel (io_submit), so that one thread waits for all of them.
 *
 * A gadget cannot make bus errors, and a request with data to the device is acknowledged before it
 * is looked at: what would be refused then shows in STATUS only.
 */
#define _DEFAULT_SOURCE /* syscall */
#include <errno.h>
#include <linux/aio_abi.h>
#include <linux/usb/functionfs.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "device/vchip/emulator.h"
#include "device/vchip/gadget.h"
#include "device/vchip/serve.h"
#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"
#include "libsnn/wire/bytes.h"

enum { WAIT_MS = 100, BUFFER_BYTES = 16384, PACKET = 512, LANES = 2, TRIES = 4, DRAIN_MS = 500 };
enum lane_index { OUT, IN };

/* One read or write that may be under way. */
struct lane {
    struct iocb request;
    uint8_t bytes[BUFFER_BYTES];
    bool busy;
};

struct function {
    struct snn_context *context;
    struct snndev_usbdevice *device;
    const struct snn_emulate_options *options;
    const char *uri;
    struct snndev_gadget gadget;
    aio_context_t kernel;
    int ended; /* an eventfd: counts what has ended */
    bool enabled, gone, told, draining;
    struct lane lanes[LANES];
    uint8_t control[UINT16_MAX + 1];
};

/* ---- Streams ---- */

static int begin(struct function *function, enum lane_index index, size_t size)
{
    struct lane *lane = &function->lanes[index];
    struct iocb *list[1] = {&lane->request};
    lane->request = (struct iocb){
        .aio_data = (uint64_t)index,
        .aio_lio_opcode = index == OUT ? IOCB_CMD_PREAD : IOCB_CMD_PWRITE,
        .aio_fildes = (uint32_t)(index == OUT ? function->gadget.out : function->gadget.in),
        .aio_buf = (uint64_t)(uintptr_t)lane->bytes,
        .aio_nbytes = size,
        .aio_flags = IOCB_FLAG_RESFD,
        .aio_resfd = (uint32_t)function->ended,
    };
    lane->busy = syscall(SYS_io_submit, function->kernel, 1L, list) == 1;
    if (lane->busy) return SNN_OK;
    /* The host let go of the device a moment ago: its next ENABLE begins anew. */
    if (errno == EAGAIN || errno == ESHUTDOWN || errno == ENODEV) return SNN_OK;
    return snnbase_fail_errno(function->context, errno, "an endpoint of the gadget");
}

/* Transferring in the wrong direction halts an endpoint; the host's CLEAR_FEATURE, which only the
 * controller sees, ends it. Until then the port's halt would be one too many. */
static void halt(struct function *function, enum lane_index index)
{
    uint8_t none[1] = {0};
    if (index == OUT)
        (void)!write(function->gadget.out, none, 0);
    else
        (void)!read(function->gadget.in, none, 0);
    snndev_port_clear_halt(function->device->port, index == OUT);
}

static int give(struct function *function)
{
    struct lane *lane = &function->lanes[IN];
    size_t actual = 0;
    if (!function->enabled || function->gone || lane->busy) return SNN_OK;
    enum snndev_outcome outcome = SNNDEV_FAILED;
    for (unsigned i = 0; i < TRIES && outcome != SNNDEV_COMPLETED && !function->gone; i++) {
        outcome =
            snndev_port_give(function->device->port, lane->bytes, BUFFER_BYTES, PACKET, &actual);
        if (outcome == SNNDEV_STALLED) halt(function, IN);
        function->gone = outcome == SNNDEV_VANISHED;
    }
    /* A bus that is broken for ever is a plug that was pulled. */
    function->gone = function->gone || outcome == SNNDEV_FAILED;
    return function->gone || actual == 0 ? SNN_OK : begin(function, IN, actual);
}

/* What the host was told has arrived is taken, be it on the second try. */
static void take(struct function *function, size_t size)
{
    enum snndev_outcome outcome = SNNDEV_FAILED;
    const uint8_t *bytes = function->lanes[OUT].bytes;
    for (unsigned i = 0; i < TRIES && outcome != SNNDEV_COMPLETED && !function->gone; i++) {
        size_t actual = 0;
        outcome = snndev_port_take(function->device->port, bytes, size, &actual);
        if (outcome == SNNDEV_STALLED) halt(function, OUT);
        function->gone = function->gone || outcome == SNNDEV_VANISHED;
    }
}

static int end_one(struct function *function, const struct io_event *event)
{
    struct lane *lane = &function->lanes[event->data];
    lane->busy = false;
    if (event->data == OUT && event->res > 0) take(function, (size_t)event->res);
    if (event->data == OUT && event->res >= 0 && function->enabled && !function->draining)
        return begin(function, OUT, BUFFER_BYTES);
    return SNN_OK;
}

static int end_transfers(struct function *function)
{
    uint64_t count = 0;
    struct io_event events[LANES];
    int status = SNN_OK;
    if (read(function->ended, &count, sizeof count) < 0) return SNN_OK;
    const long found =
        syscall(SYS_io_getevents, function->kernel, 0L, (long)LANES, events, (void *)NULL);
    for (long i = 0; i < found && status == SNN_OK; i++)
        status = end_one(function, &events[i]);
    return status;
}

/* Empties the endpoints before a RESET: of what a host took back half of a transfer may be here,
 * and what it never fetched waits for it. It would be taken for the new stream's. */
static int drain(struct function *function)
{
    const uint64_t until = snndev_serve_clock() + DRAIN_MS;
    struct pollfd ended = {.fd = function->ended, .events = POLLIN};
    int status = end_transfers(function);
    function->draining = true;
    for (unsigned i = 0; i < LANES; i++) {
        struct io_event none;
        struct lane *lane = &function->lanes[i];
        if (lane->busy) syscall(SYS_io_cancel, function->kernel, &lane->request, &none);
    }
    while (status == SNN_OK && (function->lanes[OUT].busy || function->lanes[IN].busy) &&
           snndev_serve_clock() < until) {
        poll(&ended, 1, WAIT_MS);
        status = end_transfers(function);
    }
    function->draining = false;
    /* What the controller holds already, if its driver can. */
    (void)ioctl(function->gadget.in, FUNCTIONFS_FIFO_FLUSH);
    return status;
}

/* ---- Endpoint 0 ---- */

/* A transfer in the direction that the host does not expect is a stall. */
static void refuse(const struct function *function, bool in)
{
    uint8_t none[1] = {0};
    if (in)
        (void)!read(function->gadget.control, none, 0);
    else
        (void)!write(function->gadget.control, none, 0);
}

static void hold_back(const struct function *function)
{
    unsigned left = snndev_port_delay(function->device->port);
    while (left > 0 && snndev_serve_goes_on(function->options)) {
        const unsigned part = left < WAIT_MS ? left : WAIT_MS;
        const struct timespec pause = {.tv_nsec = part * 1000000L};
        nanosleep(&pause, NULL);
        left -= part;
    }
}

static void answer_request(struct function *function, const struct usb_ctrlrequest *request)
{
    uint8_t setup[sizeof *request];
    size_t actual = 0;
    memcpy(setup, request, sizeof setup);
    const bool in = setup[0] & USB_DIR_IN;
    const size_t wanted = snnwire_get16(setup + 6);
    const int control = function->gadget.control;
    if (!in && wanted > 0 && read(control, function->control, wanted) != (ssize_t)wanted) return;
    const enum snndev_outcome outcome =
        snndev_usb_control(function->device, setup, function->control, &actual);
    function->gone = function->gone || outcome == SNNDEV_VANISHED;
    hold_back(function);
    /* One that is never answered: the host's next one replaces it. */
    if (outcome == SNNDEV_TIMED_OUT || function->gone) return;
    if (outcome != SNNDEV_COMPLETED && (in || wanted == 0))
        refuse(function, in);
    else if (in)
        (void)!write(control, function->control, actual < wanted ? actual : wanted);
    else if (wanted == 0)
        (void)!read(control, function->control, 0);
}

static int take_request(struct function *function, const struct usb_ctrlrequest *request)
{
    const bool reset =
        request->bRequestType == SNNWIRE_SETUP_OUT && request->bRequest == SNNWIRE_CODE_RESET;
    int status = reset ? drain(function) : SNN_OK;
    if (status != SNN_OK) return status;
    answer_request(function, request);
    if (reset && function->enabled && !function->lanes[OUT].busy)
        status = begin(function, OUT, BUFFER_BYTES);
    return status;
}

static int take_event(struct function *function)
{
    struct usb_functionfs_event event;
    const ssize_t size = read(function->gadget.control, &event, sizeof event);
    if (size != (ssize_t)sizeof event) return SNN_OK;
    switch (event.type) {
    case FUNCTIONFS_SETUP:
        return take_request(function, &event.u.setup);
    case FUNCTIONFS_ENABLE:
        function->enabled = true;
        return function->lanes[OUT].busy ? SNN_OK : begin(function, OUT, BUFFER_BYTES);
    case FUNCTIONFS_DISABLE:
    case FUNCTIONFS_UNBIND:
        function->enabled = false;
        return SNN_OK;
    default:
        return SNN_OK;
    }
}

/* ---- The emulator ---- */

static int turn(struct function *function)
{
    struct pollfd files[2] = {{.fd = function->gadget.control, .events = POLLIN},
                              {.fd = function->ended, .events = POLLIN}};
    const int ready = poll(files, 2, WAIT_MS);
    int status = SNN_OK;
    if (ready < 0 && errno != EINTR)
        return snnbase_fail_errno(function->context, errno, "the gadget");
    if (ready == 0 && function->enabled && !function->told) {
        function->told = true;
        if (function->options->ready)
            function->options->ready(function->uri, function->options->user);
    }
    if (ready > 0 && files[1].revents) status = end_transfers(function);
    if (status == SNN_OK && ready > 0 && (files[0].revents & POLLIN)) status = take_event(function);
    return status == SNN_OK ? give(function) : status;
}

static int run(struct function *function)
{
    int status = snndev_gadget_init(&function->gadget, function->context, function->device);
    if (status != SNN_OK) return status;
    while (status == SNN_OK && !function->gone && snndev_serve_goes_on(function->options))
        status = turn(function);
    /* Unbinding ends what is under way, before its buffers go. */
    snndev_gadget_fini(&function->gadget);
    return status;
}

static int serve(struct snn_context *context, struct snndev_port *port,
                 const struct snn_emulate_options *options)
{
    char uri[SNNDEV_SERVE_URI_BYTES];
    struct snndev_usbdevice device;
    struct function *function = snnbase_alloc(context, 1, sizeof *function);
    if (!function) return SNN_ERR_NOMEM;
    snndev_serve_prepare(&device, uri, port, options);
    function->context = context;
    function->device = &device;
    function->options = options;
    function->uri = uri;
    function->ended = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int status = SNN_OK;
    if (function->ended < 0 || syscall(SYS_io_setup, (long)LANES, &function->kernel) != 0)
        status = snnbase_fail_errno(context, errno, "asynchronous input and output");
    if (status == SNN_OK) status = run(function);
    if (function->kernel) syscall(SYS_io_destroy, function->kernel);
    if (function->ended >= 0) close(function->ended);
    snnbase_free(context, function);
    return status;
}

const struct snndev_emulator_ops snndev_gadget_emulator = {
    .name = "gadget",
    .summary = "a USB device of this board's device port, by FunctionFS (needs root)",
    .serve = serve,
};
