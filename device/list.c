/* Which devices there are: all transports, asked one after another.
 *
 * A transport that sees no devices by itself (a serial line without a name, a virtual chip) has no
 * list and is passed over; one that this build is without has none either.
 */
#include "device/transport.h"
#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"

enum { TRANSPORTS_MAX = 16 };

struct part {
    const struct snndev_transport_ops *transport;
    void *watch;
};

struct snn_device_watch {
    struct snn_allocator allocator;
    size_t count;
    struct part parts[TRANSPORTS_MAX];
};

int snn_device_list(struct snn_context *context, snn_device_fn visit, void *user)
{
    for (size_t i = 0; snn_transport_table[i]; i++) {
        if (!snn_transport_table[i]->list) continue;
        int status = snn_transport_table[i]->list(context, visit, user);
        if (status != SNN_OK) return status;
    }
    return SNN_OK;
}

/* Watches where that can be done; UNSUPPORTED of one transport is that of all only if none can. */
static int start_all(struct snn_device_watch *watch, struct snn_context *context,
                     snn_device_change_fn change, void *user)
{
    int unsupported = SNN_OK;
    for (size_t i = 0; snn_transport_table[i] && watch->count < TRANSPORTS_MAX; i++) {
        const struct snndev_transport_ops *transport = snn_transport_table[i];
        struct part *part = &watch->parts[watch->count];
        if (!transport->watch) continue;
        int status = transport->watch(&part->watch, context, change, user);
        if (status == SNN_ERR_UNSUPPORTED) {
            unsupported = status;
            continue;
        }
        if (status != SNN_OK) return status;
        part->transport = transport;
        watch->count++;
    }
    if (watch->count > 0) return SNN_OK;
    if (unsupported != SNN_OK) return unsupported;
    return snnbase_fail(context, SNN_ERR_UNSUPPORTED, "no transport tells of devices that come");
}

int snn_device_watch_start(struct snn_device_watch **out, struct snn_context *context,
                           snn_device_change_fn change, void *user)
{
    struct snn_device_watch *watch = snnbase_alloc(context, 1, sizeof(*watch));
    if (!watch) return SNN_ERR_NOMEM;
    watch->allocator = *snnbase_allocator(context);
    int status = start_all(watch, context, change, user);
    if (status == SNN_OK)
        *out = watch;
    else
        snn_device_watch_stop(&watch);
    return status;
}

void snn_device_watch_stop(struct snn_device_watch **address)
{
    struct snn_device_watch *watch = address ? *address : NULL;
    if (!watch) return;
    *address = NULL;
    struct snn_allocator allocator = watch->allocator;
    for (size_t i = 0; i < watch->count; i++)
        watch->parts[i].transport->unwatch(watch->parts[i].watch);
    snnbase_allocator_free(&allocator, watch);
}
