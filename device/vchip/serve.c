/* The loop between a socket and the transfers under way (urbs.c): receive, end what can end, send.
 * It waits at most a tenth of a second at once, so that go_on is asked often enough.
 */
#include "device/vchip/serve.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

#include "device/vchip/urbs.h"
#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"

enum { WAIT_MS = 100, CHUNK_BYTES = 1 << 18, ANSWERS_MAX = 1 << 20 };

struct loop {
    struct snn_context *context;
    const struct snndev_service *service;
    struct snndev_urbs *urbs;
    uint8_t *chunk;
    bool over, told;
};

void snndev_serve_prepare(struct snndev_usbdevice *out, char *uri_out, struct snndev_port *port,
                          const struct snn_emulate_options *options)
{
    *out = (struct snndev_usbdevice){.port = port, .superspeed = options->superspeed};
    snprintf(out->serial, sizeof out->serial, "%s",
             options->serial ? options->serial : SNNDEV_SERVE_SERIAL);
    snprintf(uri_out, SNNDEV_SERVE_URI_BYTES, "usb:%04x:%04x:%s", SNNWIRE_TEST_VID,
             SNNWIRE_TEST_PID, out->serial);
}

uint64_t snndev_serve_clock(void)
{
    struct timespec now = {0, 0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool snndev_serve_goes_on(const struct snn_emulate_options *options)
{
    return !options->go_on || options->go_on(options->user);
}

/* A host that closed its end is the way it ends; any other error of the socket is one. */
static int socket_error(struct loop *loop)
{
    const int error = errno;
    if (error == EINTR || error == EAGAIN) return SNN_OK;
    loop->over = true;
    if (error == EPIPE || error == ECONNRESET) return SNN_OK;
    return snnbase_fail_errno(loop->context, error, "the connection to the host");
}

static int receive(struct loop *loop)
{
    const ssize_t size = recv(loop->service->socket, loop->chunk, CHUNK_BYTES, MSG_DONTWAIT);
    if (size < 0) return socket_error(loop);
    if (size == 0) {
        loop->over = true;
        return SNN_OK;
    }
    return snndev_urbs_take(loop->urbs, loop->context, loop->chunk, (size_t)size,
                            snndev_serve_clock());
}

static int send_answers(struct loop *loop)
{
    for (;;) {
        size_t size = 0;
        const uint8_t *bytes = snndev_urbs_answers(loop->urbs, &size);
        if (size == 0) return SNN_OK;
        const ssize_t sent = send(loop->service->socket, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0) return socket_error(loop);
        snndev_urbs_sent(loop->urbs, (size_t)sent);
    }
}

static int wait_ms(const struct loop *loop)
{
    const uint64_t due = snndev_urbs_due(loop->urbs), now = snndev_serve_clock();
    if (due <= now) return 0;
    return due - now < WAIT_MS ? (int)(due - now) : WAIT_MS;
}

/* The device can be opened when the host has configured it and has nothing else to ask. */
static void tell_ready(struct loop *loop)
{
    const struct snndev_service *service = loop->service;
    if (loop->told || !service->uri || service->device->configuration == 0) return;
    loop->told = true;
    if (service->options->ready) service->options->ready(service->uri, service->options->user);
}

static int turn(struct loop *loop)
{
    size_t waiting = 0;
    snndev_urbs_answers(loop->urbs, &waiting);
    const short reads = waiting < ANSWERS_MAX ? POLLIN : 0, writes = waiting > 0 ? POLLOUT : 0;
    struct pollfd socket = {.fd = loop->service->socket, .events = (short)(reads | writes)};
    const int ready = poll(&socket, 1, wait_ms(loop));
    int status = SNN_OK;
    if (ready < 0 && errno != EINTR) return socket_error(loop);
    if (ready == 0) tell_ready(loop);
    if (ready > 0 && (socket.revents & (POLLIN | POLLHUP | POLLERR))) status = receive(loop);
    if (status == SNN_OK)
        status = snndev_urbs_advance(loop->urbs, loop->context, snndev_serve_clock());
    /* What was answered before the device vanished still reaches the host. */
    const int sent = loop->over ? SNN_OK : send_answers(loop);
    return status != SNN_OK ? status : sent;
}

int snndev_serve(struct snn_context *context, const struct snndev_service *service)
{
    struct loop loop = {.context = context, .service = service};
    int status = snndev_urbs_create(&loop.urbs, context, service->device);
    loop.chunk = snnbase_alloc(context, CHUNK_BYTES, 1);
    if (!loop.chunk) status = SNN_ERR_NOMEM;
    while (status == SNN_OK && !loop.over && snndev_serve_goes_on(service->options))
        status = turn(&loop);
    snnbase_free(context, loop.chunk);
    snndev_urbs_destroy(&loop.urbs);
    /* The plug was pulled out on purpose. */
    return status == SNN_ERR_GONE ? SNN_OK : status;
}
