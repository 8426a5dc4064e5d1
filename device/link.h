/* The link: an open device, with transfers in flight in both directions, decoded and counted.
 *
 * A pool of transfers (32 x 64 KiB in, fewer where the host lends no memory) points into the slots
 * of a ring; one thread a link reaps and resubmits. When the reader lags, transfers go on into
 * spare buffers, so that the pipe never stops, and what that loses is counted and stands as a gap
 * at its place in the stream. Words go out as far as the device has given credit. In either
 * direction, in events: produced = delivered + dropped by host + dropped by device + in flight.
 */
#ifndef SNN_DEVICE_LINK_H
#define SNN_DEVICE_LINK_H

#include "device/transport.h"
#include "libsnn/wire/word.h"

struct snndev_link;

struct snndev_link_options {
    uint32_t transfer_count; /* 0: 32 */
    uint32_t transfer_bytes; /* 0: 64 KiB */
    uint32_t ring_slots;     /* 0: twice the transfers */
    unsigned timeout_ms;     /* of requests and of waiting for credit; 0: 1000 */
    const char *record;      /* file for the whole session (device/transport/tape.h); NULL: none */
};

struct snndev_link_counters {
    uint64_t words_out, words_in, events_out, events_in;
    uint64_t dropped_host, dropped_device, dropped_transport; /* events or, not decodable, words */
    uint64_t faults;                                          /* words and CHECKs that were wrong */
    uint64_t stalls, retries, short_packets, spare_used;
    uint32_t transfers; /* in the pool after shrinking */
};

/* Opens by URI ("usb:1209:0001:SERIAL", "serial:/dev/ttyUSB0@115200", "vdev:speck2f",
 * "replay:FILE"), says hello and checks the versions. Errors: those of the transport, PROTOCOL
 * (both versions in the message), NOMEM. */
int snndev_link_open(struct snndev_link **out, struct snn_context *context, const char *uri,
                     const struct snndev_link_options *options);
/* The same on a transport at hand, for tests and event cameras. */
int snndev_link_open_on(struct snndev_link **out, struct snn_context *context,
                        const struct snndev_transport_ops *transport, const char *arguments,
                        const struct snndev_link_options *options);
const struct snnwire_hello *snndev_link_hello(const struct snndev_link *link);
/* Errors: TIMEOUT, GONE, PROTOCOL (with the device's status in words), IO. */
int snndev_link_request(struct snndev_link *link, struct snn_context *context,
                        const struct snnwire_request *request, uint8_t *data, uint32_t *size_out);
/* Begins the stream in both directions. */
int snndev_link_start(struct snndev_link *link, struct snn_context *context);
/* Sends events or a mark, collected into packets; flush sends what is collected. They wait for
 * credit, at most the time-out. Errors: TIMEOUT, GONE, IO. */
int snndev_link_send(struct snndev_link *link, struct snn_context *context,
                     const struct snnwire_event *events, size_t count);
int snndev_link_mark(struct snndev_link *link, struct snn_context *context, enum snnwire_mark mark,
                     uint32_t argument, uint32_t value);
int snndev_link_flush(struct snndev_link *link, struct snn_context *context);
/* The next items that came, up to `room`; waits at most `timeout_ms` for the first. A loss is an
 * item (GAP) at its place. Errors: TIMEOUT (nothing came), GONE, PROTOCOL (an ERROR mark), IO. */
int snndev_link_receive(struct snndev_link *link, struct snn_context *context,
                        struct snnwire_item *items, size_t room, size_t *count_out,
                        unsigned timeout_ms);
void snndev_link_counters(const struct snndev_link *link, struct snndev_link_counters *out);
/* Within a second, whatever the device does. Takes the address, nulls it. */
void snndev_link_close(struct snndev_link **link);

#endif
