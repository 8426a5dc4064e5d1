/* Stands for serial lines in a library that was built without libserialport.
 */
#include "device/transport.h"
#include "libsnn/base/error.h"

static int open_none(void *self, struct snn_context *context, const char *arguments)
{
    (void)self;
    (void)arguments;
    snnbase_fail(context, SNN_ERR_UNSUPPORTED, "built without libserialport: no serial lines");
    return snnbase_hint(context, "build with -Dserial=enabled (Debian: libserialport-dev)");
}

const struct snndev_transport_ops snndev_serial_transport = {
    .scheme = "serial",
    .summary = "devices on serial lines (this library was built without libserialport)",
    .private_size = 1,
    .open = open_none,
};
