/* Transports: how bytes get to a device and back. One const struct each; the registry names them.
 *
 * Buffers are submitted and reaped, as USB does it: a byte stream (serial, tape) does the same with
 * a queue of its own. Nothing here knows events: words and requests are the wire's business
 * (libsnn/wire), pool, ring and counters the link's (device/link.h).
 */
#ifndef SNN_DEVICE_TRANSPORT_H
#define SNN_DEVICE_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libsnn/wire/message.h"
#include "snn/context.h"
#include "snn/device.h"

/* How a transfer ended. Of COMPLETED, TIMED_OUT, CANCELLED and STALLED the first `actual` bytes
 * count: the device has sent or taken them. Of the others nothing does. */
enum snndev_outcome {
    SNNDEV_COMPLETED = 0,
    SNNDEV_TIMED_OUT = 1,
    SNNDEV_CANCELLED = 2,
    SNNDEV_STALLED = 3, /* reap the others, clear_halt, then submit anew */
    SNNDEV_FAILED = 4,  /* a bus error: worth another try */
    SNNDEV_OVERFLOWED = 5,
    SNNDEV_VANISHED = 6 /* the device is gone */
};

struct snndev_transfer {
    uint8_t *bytes; /* the caller's, untouched until it is reaped */
    size_t size;
    bool out; /* to the device */
    size_t actual;
    enum snndev_outcome outcome;
    void *user;
    void *own; /* the transport's, kept from one submission to the next; freed by its close */
};

/* What it means to a caller: OK, TIMEOUT, CANCELLED, GONE, IO. */
int snndev_outcome_status(enum snndev_outcome outcome);

struct snndev_transport_ops {
    const char *scheme; /* what a URI begins with: "usb" */
    const char *summary;
    size_t private_size; /* of `self`, zeroed before open */
    /* Visits every device that it sees. NULL: it sees none by itself. */
    int (*list)(struct snn_context *context, snn_device_fn visit, void *user);
    /* As snn_device_watch_start. NULL: nothing comes and goes. */
    int (*watch)(void **watch_out, struct snn_context *context, snn_device_change_fn change,
                 void *user);
    void (*unwatch)(void *watch);
    /* `arguments` is the URI behind the scheme and its colon. Errors: NOT_FOUND, ACCESS, BUSY,
     * INVALID (more than one match: the message lists them), and its own. Nothing is left to close
     * after an error. */
    int (*open)(void *self, struct snn_context *context, const char *arguments);
    /* One request and its answer; `data` is read or written, *size_out what came of an in request.
     * A device that refuses it leaves the reason to STATUS. A RESET drops what the transport itself
     * still holds of the stream. Errors: TIMEOUT, GONE, PROTOCOL (the device refused it), IO. */
    int (*request)(void *self, struct snn_context *context, const struct snnwire_request *request,
                   uint8_t *data, uint32_t *size_out, unsigned timeout_ms);
    /* Hands a transfer over: SNN_OK, NOMEM (the host lends no more memory: fewer at once), GONE,
     * IO, PROTOCOL (a recording has other bytes here). From any thread; transfers of one direction
     * end in the order of their submission. */
    int (*submit)(void *self, struct snndev_transfer *transfer);
    /* The next transfer that has ended, or NULL after the time or a wake. From one thread at a
     * time. */
    struct snndev_transfer *(*reap)(void *self, unsigned timeout_ms);
    /* Makes a waiting reap return. From any thread. */
    void (*wake)(void *self);
    /* All transfers end soon, as CANCELLED if they have not otherwise. From any thread. */
    void (*cancel_all)(void *self);
    int (*clear_halt)(void *self, bool out);
    /* How the host breaks what the transport knows of the session (PROTOCOL), one sentence, valid
     * until close; NULL: it does not. The function may be NULL. From any thread. */
    const char *(*explain)(void *self);
    /* Never hangs; transfers were reaped before. */
    void (*close)(void *self);
};

/* All transports, ended by NULL. */
extern const struct snndev_transport_ops *const snn_transport_table[];

#endif
