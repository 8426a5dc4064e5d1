/* Emulator "vhci": the virtual chip in a port of the kernel's virtual USB hub (vhci-hcd). The
 * kernel gets one end of a socket pair and speaks USB/IP on it; no network and no usbip tools take
 * part. When either end closes, also because this process was killed, the kernel unplugs the
 * device.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "device/vchip/emulator.h"
#include "device/vchip/serve.h"
#include "device/vchip/usbip.h"
#include "libsnn/base/error.h"

#define HUB "/sys/devices/platform/vhci_hcd.0"
enum { STATUS_FREE = 4, ATTEMPTS = 8, LINE_MAX_BYTES = 128, DEVICE_ID = 1 << 16 | 1 };

/* Looks a free port of that speed up in the hub's table, whose lines begin with the kind of hub
 * ("hs" or "ss"), the port and its status. */
static int find_port(struct snn_context *context, bool superspeed, unsigned *port_out)
{
    char line[LINE_MAX_BYTES], kind[8];
    unsigned port = 0, status = 0;
    bool found = false;
    FILE *table = fopen(HUB "/status", "r");
    if (!table) {
        snnbase_fail(context, SNN_ERR_NOT_FOUND, "this kernel has no virtual USB hub (%s)", HUB);
        return snnbase_hint(context, "run `modprobe vhci-hcd` as root");
    }
    while (!found && fgets(line, sizeof line, table))
        found = sscanf(line, "%7s %u %u", kind, &port, &status) == 3 &&
                strcmp(kind, superspeed ? "ss" : "hs") == 0 && status == STATUS_FREE;
    fclose(table);
    if (!found)
        return snnbase_fail(context, SNN_ERR_BUSY, "all ports of the virtual USB hub are in use");
    *port_out = port;
    return SNN_OK;
}

/* Writes to a file of the hub; returns errno, or 0. */
static int tell_hub(const char *path, const char *text)
{
    const int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0) return errno;
    const int error = write(file, text, strlen(text)) < 0 ? errno : 0;
    close(file);
    return error;
}

/* Another process may take the port in between: then with the next one. */
static int attach(struct snn_context *context, int kernel_end, bool superspeed, unsigned *port_out)
{
    char text[LINE_MAX_BYTES];
    int error = EBUSY;
    for (unsigned i = 0; i < ATTEMPTS && error == EBUSY; i++) {
        const int status = find_port(context, superspeed, port_out);
        if (status != SNN_OK) return status;
        snprintf(text, sizeof text, "%u %d %d %d", *port_out, kernel_end, DEVICE_ID,
                 superspeed ? SNNDEV_USBIP_SUPER : SNNDEV_USBIP_HIGH);
        error = tell_hub(HUB "/attach", text);
    }
    if (error == 0) return SNN_OK;
    if (error != EACCES && error != EPERM) return snnbase_fail_errno(context, error, HUB "/attach");
    snnbase_fail(context, SNN_ERR_ACCESS, "plugging a virtual device in takes root");
    return snnbase_hint(context, "run it with sudo; the device is open to users as a real one is");
}

/* Whether the kernel has closed its end: the port is no longer ours, and may be another's. */
static bool is_let_go(int our_end)
{
    struct pollfd socket = {.fd = our_end};
    return poll(&socket, 1, 0) > 0 && (socket.revents & (POLLHUP | POLLERR)) != 0;
}

/* Closing the socket has the kernel unplug the device soon; this has it do so now. */
static void detach(unsigned port)
{
    char text[LINE_MAX_BYTES];
    snprintf(text, sizeof text, "%u", port);
    tell_hub(HUB "/detach", text);
}

static int plug(struct snn_context *context, struct snndev_service *service, int kernel_end)
{
    unsigned port = 0;
    int status = attach(context, kernel_end, service->device->superspeed, &port);
    /* The kernel holds its end by itself now. */
    close(kernel_end);
    if (status != SNN_OK) return status;
    status = snndev_serve(context, service);
    if (!is_let_go(service->socket)) detach(port);
    return status;
}

static int serve(struct snn_context *context, struct snndev_port *port,
                 const struct snn_emulate_options *options)
{
    int ends[2];
    char uri[SNNDEV_SERVE_URI_BYTES];
    struct snndev_usbdevice device;
    snndev_serve_prepare(&device, uri, port, options);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return snnbase_fail_errno(context, errno, "a pair of sockets");
    struct snndev_service service = {
        .device = &device, .options = options, .socket = ends[0], .uri = uri};
    const int status = plug(context, &service, ends[1]);
    close(ends[0]);
    return status;
}

const struct snndev_emulator_ops snndev_vhci_emulator = {
    .name = "vhci",
    .summary = "a USB device of this host, by the kernel's vhci-hcd (needs root)",
    .serve = serve,
};
