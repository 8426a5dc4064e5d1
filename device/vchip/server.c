/* Emulator "usbip": the virtual chip behind a TCP port, for `usbip attach -r HOST -b 1-1` on this
 * machine or another. One client at a time lists or imports it; while it is imported, the port is
 * closed. There is no encryption and no password in USB/IP: by default only this machine gets at
 * it.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "device/vchip/emulator.h"
#include "device/vchip/serve.h"
#include "device/vchip/usbip.h"
#include "libsnn/base/error.h"

#define ADDRESS "127.0.0.1:3240"
#define BUSID "1-1"
enum { WAIT_MS = 100, GREETING_MS = 2000, BACKLOG = 4, HOST_BYTES = 128, INTERFACE_AT = 9 };

/* ---- Where it listens ---- */

/* "HOST:PORT" and "[::1]:PORT" into their parts. */
static bool split_address(const char *address, char *host, const char **port_out)
{
    const char *colon = strrchr(address, ':');
    if (!colon || colon == address || colon[1] == '\0') return false;
    const bool bracketed = address[0] == '[' && colon[-1] == ']';
    const char *begin = address + bracketed;
    const size_t size = (size_t)(colon - begin) - bracketed;
    if (size == 0 || size >= HOST_BYTES) return false;
    memcpy(host, begin, size);
    host[size] = '\0';
    *port_out = colon + 1;
    return true;
}

static int listen_at(struct snn_context *context, const struct addrinfo *where, const char *address,
                     int *out)
{
    const int one = 1;
    const int listener = socket(where->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0) return snnbase_fail_errno(context, errno, address);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, where->ai_addr, where->ai_addrlen) == 0 && listen(listener, BACKLOG) == 0) {
        *out = listener;
        return SNN_OK;
    }
    const int error = errno;
    close(listener);
    if (error != EADDRINUSE) return snnbase_fail_errno(context, error, address);
    snnbase_fail(context, SNN_ERR_BUSY, "%s is in use", address);
    return snnbase_hint(context, "name another HOST:PORT");
}

static int open_listener(struct snn_context *context, const char *address, int *out)
{
    char host[HOST_BYTES];
    const char *port = NULL;
    struct addrinfo *where = NULL;
    const struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    if (!split_address(address, host, &port) || getaddrinfo(host, port, &wanted, &where) != 0) {
        snnbase_fail(context, SNN_ERR_INVALID, "'%s' is no address to listen at", address);
        return snnbase_hint(context, "HOST:PORT, such as %s", ADDRESS);
    }
    const int status = listen_at(context, where, address, out);
    freeaddrinfo(where);
    return status;
}

/* The address with the port that it came to be; "[HOST]:PORT" of IPv6. */
static void tell_ready(const struct snn_emulate_options *options, int listener)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    char host[HOST_BYTES], port[16], text[HOST_BYTES + 20];
    if (!options->ready || getsockname(listener, (struct sockaddr *)&address, &size) != 0) return;
    if (getnameinfo((struct sockaddr *)&address, size, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return;
    snprintf(text, sizeof text, address.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
    options->ready(text, options->user);
}

/* ---- What a client asks first ---- */

/* Waits for bytes or a client a moment; true: there are. */
static bool wait_for(int descriptor)
{
    struct pollfd one = {.fd = descriptor, .events = POLLIN};
    return poll(&one, 1, WAIT_MS) > 0;
}

/* All of `size` bytes, unless the client dawdles or leaves. */
static bool read_all(int client, uint8_t *bytes, size_t size,
                     const struct snn_emulate_options *options)
{
    const uint64_t until = snndev_serve_clock() + GREETING_MS;
    while (size > 0 && snndev_serve_clock() < until && snndev_serve_goes_on(options)) {
        if (!wait_for(client)) continue;
        const ssize_t count = recv(client, bytes, size, 0);
        if (count == 0 || (count < 0 && errno != EINTR)) return false;
        if (count < 0) continue;
        bytes += count;
        size -= (size_t)count;
    }
    return size == 0;
}

/* The few bytes of an answer, which the socket's buffer has room for. */
static bool write_all(int client, const uint8_t *bytes, size_t size)
{
    return send(client, bytes, size, MSG_NOSIGNAL) == (ssize_t)size;
}

static void write_device(const struct snndev_usbdevice *device, uint8_t *out)
{
    size_t size = 0;
    const struct snndev_usbip_device record = {
        .path = "/sys/devices/virtual/usb1/" BUSID,
        .busid = BUSID,
        .bus = 1,
        .number = 1,
        .speed = device->superspeed ? SNNDEV_USBIP_SUPER : SNNDEV_USBIP_HIGH,
        .descriptor = snndev_usb_device_descriptor(device->superspeed, &size),
        .configuration = snndev_usb_config_descriptor(device->superspeed, &size),
    };
    snndev_usbip_device_write(&record, out);
}

static void list_device(int client, const struct snndev_usbdevice *device)
{
    uint8_t out[SNNDEV_USBIP_OP_BYTES + 4 + SNNDEV_USBIP_DEVICE_BYTES +
                SNNDEV_USBIP_INTERFACE_BYTES] = {0};
    size_t size = 0;
    const uint8_t *configuration = snndev_usb_config_descriptor(device->superspeed, &size);
    uint8_t *at = out + SNNDEV_USBIP_OP_BYTES;
    snndev_usbip_op_write(SNNDEV_USBIP_DEVLIST, true, out);
    at[3] = 1; /* device */
    write_device(device, at + 4);
    memcpy(at + 4 + SNNDEV_USBIP_DEVICE_BYTES, configuration + INTERFACE_AT + 5, 3);
    write_all(client, out, sizeof out);
}

/* True: the connection is the device's from now on. */
static bool import_device(int client, const struct snndev_usbdevice *device,
                          const struct snn_emulate_options *options)
{
    uint8_t busid[SNNDEV_USBIP_BUSID_BYTES];
    uint8_t out[SNNDEV_USBIP_OP_BYTES + SNNDEV_USBIP_DEVICE_BYTES];
    if (!read_all(client, busid, sizeof busid, options)) return false;
    const bool ours = memcmp(busid, BUSID, sizeof BUSID) == 0;
    snndev_usbip_op_write(SNNDEV_USBIP_IMPORT, ours, out);
    write_device(device, out + SNNDEV_USBIP_OP_BYTES);
    return write_all(client, out, ours ? sizeof out : SNNDEV_USBIP_OP_BYTES) && ours;
}

static bool greet(int client, const struct snndev_usbdevice *device,
                  const struct snn_emulate_options *options)
{
    uint8_t bytes[SNNDEV_USBIP_OP_BYTES];
    enum snndev_usbip_op op = SNNDEV_USBIP_DEVLIST;
    if (!read_all(client, bytes, sizeof bytes, options)) return false;
    if (!snndev_usbip_op_read(&op, bytes)) return false;
    if (op == SNNDEV_USBIP_IMPORT) return import_device(client, device, options);
    list_device(client, device);
    return false;
}

/* ---- The emulator ---- */

/* The client that imports the device; -1: go_on said no first. */
static int await_import(int listener, const struct snndev_usbdevice *device,
                        const struct snn_emulate_options *options)
{
    const int one = 1;
    while (snndev_serve_goes_on(options)) {
        if (!wait_for(listener)) continue;
        const int client = accept(listener, NULL, NULL);
        if (client < 0) continue;
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (greet(client, device, options)) return client;
        close(client);
    }
    return -1;
}

static int serve(struct snn_context *context, struct snndev_port *port,
                 const struct snn_emulate_options *options)
{
    int listener = -1;
    char uri[SNNDEV_SERVE_URI_BYTES];
    struct snndev_usbdevice device;
    snndev_serve_prepare(&device, uri, port, options);
    int status = open_listener(context, options->address ? options->address : ADDRESS, &listener);
    if (status != SNN_OK) return status;
    tell_ready(options, listener);
    const int client = await_import(listener, &device, options);
    close(listener);
    if (client < 0) return SNN_OK;
    const struct snndev_service service = {.device = &device, .options = options, .socket = client};
    status = snndev_serve(context, &service);
    close(client);
    return status;
}

const struct snndev_emulator_ops snndev_usbip_emulator = {
    .name = "usbip",
    .summary = "a server of USB/IP, for `usbip attach` on this machine or another",
    .serve = serve,
};
