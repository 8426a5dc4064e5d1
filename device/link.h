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
    /* File for the whole session (device/transport/tape.h), which an open that fails leaves as it
     * was; NULL: none. */
    const char *record;
};

/* Since the reset. Towards the host, in events: what the device sent = events_in + events_waiting +
 * dropped_host + what is still on the bus; the device adds what it dropped itself. */
struct snndev_link_counters {
    uint64_t words_out, words_in; /* handed to the transport, had from it */
    uint64_t events_out;          /* taken by send */
    uint64_t events_in;           /* handed out by receive */
    uint64_t events_waiting;      /* came, and nobody has received them yet */
    uint64_t dropped_host;        /* events that the reader lagged too far behind for */
    uint64_t dropped_device;      /* events, as the device's GAPs say */
    uint64_t dropped_transport;   /* words, as the sequence numbers say */
    uint64_t faults;              /* words and CHECKs that were wrong */
    uint64_t stalls, retries, short_packets;
    uint64_t spare_used; /* transfers that went on without a free slot: their data was dropped */
    uint32_t transfers;  /* towards the host, after shrinking */
};

/* The least credit that a device may have, in words. */
#define SNNDEV_CREDIT_MIN 16u

/* Threads: of one link, one may send, another one receive, and any ask for counters and make
 * requests; reset and close need that no other call runs. */

/* Opens by URI ("usb:1209:0001:SERIAL", "serial:/dev/ttyUSB0@115200", "vdev:speck2f",
 * "replay:FILE"), says hello and checks the versions. `options` may be NULL. Errors: those of the
 * transport, INVALID (no such scheme), PROTOCOL (both versions in the message), NOMEM. */
int snndev_link_open(struct snndev_link **out, struct snn_context *context, const char *uri,
                     const struct snndev_link_options *options);
/* The same on a transport at hand, for tests and event cameras. */
int snndev_link_open_on(struct snndev_link **out, struct snn_context *context,
                        const struct snndev_transport_ops *transport, const char *arguments,
                        const struct snndev_link_options *options);
const struct snnwire_hello *snndev_link_hello(const struct snndev_link *link);
/* `data` has request->size bytes; `size_out` (what came of an in request) may be NULL. Errors:
 * TIMEOUT, GONE, PROTOCOL (with the device's status in words; the reason itself by
 * snndev_link_refusal), IO. */
int snndev_link_request(struct snndev_link *link, struct snn_context *context,
                        const struct snnwire_request *request, uint8_t *data, uint32_t *size_out);
/* Why the device refused the last request that it refused. */
struct snnwire_status snndev_link_refusal(struct snndev_link *link);
/* Asks the device to RESET and brings both streams to word 0, the counters to 0: what was not sent
 * or not received yet is gone. Before the start or behind it. Errors: as a request's. */
int snndev_link_reset(struct snndev_link *link, struct snn_context *context);
/* Begins the stream in both directions, at word 0. Errors: NOMEM (the host lends no memory for a
 * single transfer), GONE, IO. */
int snndev_link_start(struct snndev_link *link, struct snn_context *context);
/* Sends events or a mark, collected into packets; flush ends the block and sends what is collected.
 * They wait for credit, at most the time-out. Errors: INVALID (an address beyond the wire's
 * fields; those before it are taken), TIMEOUT, GONE, IO, NOMEM. */
int snndev_link_send(struct snndev_link *link, struct snn_context *context,
                     const struct snnwire_event *events, size_t count);
int snndev_link_mark(struct snndev_link *link, struct snn_context *context, enum snnwire_mark mark,
                     uint32_t argument, uint32_t value);
int snndev_link_flush(struct snndev_link *link, struct snn_context *context);
/* The next items that came, up to `room` or END, so that what is then to settle is of one sample;
 * waits at most `timeout_ms` for the first. A loss is an item (GAP) at its place, its value may be
 * 0 where marks alone are lost; CREDIT is the link's own. What came before the device vanished or
 * an ERROR mark is handed out before that is told. Errors: TIMEOUT (nothing came), GONE, PROTOCOL
 * (an ERROR mark, in words), IO, NOMEM. */
int snndev_link_receive(struct snndev_link *link, struct snn_context *context,
                        struct snnwire_item *items, size_t room, size_t *count_out,
                        unsigned timeout_ms);
/* The same for many events: fills `events` up to the next mark and hands that out, too; of no mark
 * (room or what came ended first) is_mark is false. */
int snndev_link_receive_events(struct snndev_link *link, struct snn_context *context,
                               struct snnwire_event *events, size_t room, size_t *count_out,
                               struct snnwire_item *mark_out, unsigned timeout_ms);
/* Waits until the words received are all under a CHECK, wherever behind the next items it comes,
 * and none is cut apart. Where a loss cut their block off, its GAP stands for the CHECK. A block
 * that is wrong is wrong for all that have a part of it: for words received before it ended, and
 * again for those received behind. Errors: TIMEOUT (the end of the block is missing), PROTOCOL
 * (words or CHECKs were wrong since the reset or the last call), GONE, IO. */
int snndev_link_settle(struct snndev_link *link, struct snn_context *context, unsigned timeout_ms);
void snndev_link_counters(struct snndev_link *link, struct snndev_link_counters *out);
/* Ends the recording: the tape is then whole. Errors: IO, NOMEM; there is then no file. Without a
 * tape: OK. Closing the link does the same and tells nobody. */
int snndev_link_record_end(struct snndev_link *link, struct snn_context *context);
/* Within a second, whatever the device does, but for what snn_device_close says of the host's
 * kernel. Takes the address, nulls it. */
void snndev_link_close(struct snndev_link **link);

#endif
