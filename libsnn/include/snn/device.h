/* Devices: chips on USB or on a serial line, virtual chips, recorded sessions; one by one and below
 * the level of targets. To run a net over a data set, open a device as a target (snn/target.h) by
 * the same URI; this is for tools that list, load, watch and record, and for programs that send
 * single events.
 *
 * URIs: "usb:VID:PID[:SERIAL]" or "usb:" (the only one there is), "serial:/dev/ttyUSB0@115200",
 * "vdev:speck2f[,fault=SPEC]" (a virtual chip in this process), "replay:FILE" (a recorded session).
 * The protocol is docs/formats/wire.md.
 */
#ifndef SNN_DEVICE_H
#define SNN_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snn/context.h"
#include "snn/export.h"
#include "snn/program.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Which there are ---- */

/* What a device is known by before it is opened. Texts that are not known are "". */
struct snn_device_description {
    char uri[128]; /* opens this one and no other: "usb:1209:0001:VIRT0001" */
    char serial[64];
    char product[64];
    char port[64];         /* "1-2.3": bus and ports */
    int access;            /* SNN_OK, or why it cannot be opened: ACCESS, BUSY */
    char access_path[128]; /* the file whose permissions count */
};

typedef void (*snn_device_fn)(const struct snn_device_description *device, void *user);

/* Visits every device that some transport sees. Errors: NOMEM, IO. */
SNN_API int snn_device_list(struct snn_context *context, snn_device_fn visit, void *user);

/* Tells of devices that come and go, from a thread of its own: those that are there already first.
 * Of one that left, uri and port are known. */
struct snn_device_watch;
typedef void (*snn_device_change_fn)(const struct snn_device_description *device, bool arrived,
                                     void *user);
/* Errors: UNSUPPORTED (built without libusb, or its host has no hotplug), NOMEM, IO. */
SNN_API int snn_device_watch_start(struct snn_device_watch **out, struct snn_context *context,
                                   snn_device_change_fn change, void *user);
/* Nobody is told any more: waits for a callback that is under way, unless it is that callback which
 * stops the watch. */
SNN_API void snn_device_watch_stop(struct snn_device_watch **watch);

/* ---- One of them ---- */

struct snn_device_options {
    unsigned timeout_ms;  /* of requests and of waiting for credit or answers; 0: 1000 */
    uint32_t transfers;   /* in flight towards the host; 0: 32 */
    uint32_t slot_bytes;  /* of each; 0: 65,536 */
    const char *record;   /* file that takes the whole session, for "replay:FILE"; NULL: none */
    bool monitor_readout; /* only the readout's spikes are sent, not every core's: no SynOps */
};

struct snn_device_info {
    char uri[128];
    char chip[24], serial[24];
    uint16_t protocol_major, protocol_minor, firmware_major, firmware_minor;
    uint32_t buffer_words; /* credit */
    uint32_t core_count;
};

struct snn_device;

/* Opens, says hello, checks the versions. One thread at a time uses a device. Errors: NOT_FOUND (no
 * such device), INVALID (more than one matches: the message lists them), ACCESS (the hint has the
 * udev rule's way out), BUSY, PROTOCOL (both versions in the message), TIMEOUT, GONE, UNSUPPORTED
 * (built without that transport), NOMEM, IO. `options` may be NULL. */
SNN_API int snn_device_open(struct snn_device **out, struct snn_context *context, const char *uri,
                            const struct snn_device_options *options);
/* Within a second, whatever the device does, unless the host's kernel holds the call itself: one
 * that falls silent while a halted endpoint is cleared, 5 s; a USB serial line that takes no more
 * bytes, as long as its driver drains it. */
SNN_API void snn_device_close(struct snn_device **device);
SNN_API const struct snn_device_info *snn_device_about(const struct snn_device *device);

struct snn_device_load_report {
    uint32_t cores_written, cores_kept; /* kept: their memories were right already, by their CRC */
    uint64_t bytes_written, bytes_verified;
    double seconds;
};

/* Writes a chip program, verifies every memory by its CRC, puts it in force and resets. What is
 * right already is not written. Errors: INVALID (the program is for another chip), PROTOCOL (the
 * device refuses it, or a memory reads back wrong: core and region named), TIMEOUT, GONE, IO.
 * `report_out` may be NULL. */
SNN_API int snn_device_load(struct snn_device *device, struct snn_context *context,
                            const struct snn_program *program,
                            struct snn_device_load_report *report_out);
/* All state as after the load, streams empty, counters 0. */
SNN_API int snn_device_reset(struct snn_device *device, struct snn_context *context);

#define SNN_DEVICE_CORES_MAX 16u

/* Counters since the reset. Per direction, in events: produced = delivered + dropped by the host +
 * dropped by the device + in flight. */
struct snn_device_statistics {
    /* The device's own, by request. */
    uint64_t events_taken, events_produced, events_sent, events_dropped;
    uint64_t words_taken, words_sent, faults;
    uint64_t core_spikes[SNN_DEVICE_CORES_MAX];
    /* The host's. */
    uint64_t host_events_out, host_events_in, host_words_out, host_words_in;
    uint64_t host_dropped;      /* events that this program was too slow for */
    uint64_t transport_dropped; /* words that the transport lost */
    uint64_t host_faults;       /* words and CHECKs that were wrong */
    uint64_t stalls, retries, short_packets, spares_used;
    uint32_t transfers;   /* in the pool after shrinking */
    uint64_t round_trips; /* of steps, sent to answered */
    double round_trip_us_mean, round_trip_us_p50, round_trip_us_p95, round_trip_us_max;
};

/* Errors: TIMEOUT, GONE, PROTOCOL, IO. */
SNN_API int snn_device_read_statistics(struct snn_device *device, struct snn_context *context,
                                       struct snn_device_statistics *out);

/* ---- Its stream ---- */

struct snn_device_event {
    uint64_t
        time_us;    /* of the sample; of an output event that of the input event that set it off */
    uint16_t layer; /* core, or the chip's readout layer; input: 0 */
    uint16_t feature;
    uint8_t y, x;
};

enum snn_device_item_kind {
    SNN_DEVICE_EVENT = 0,
    SNN_DEVICE_BEGIN = 1, /* value: sample */
    SNN_DEVICE_TICK = 2,  /* value: step; all its events have come */
    SNN_DEVICE_END = 3,   /* value: sample */
    SNN_DEVICE_GAP = 4    /* value: events (of the transport: words) lost at this place */
};

struct snn_device_item {
    enum snn_device_item_kind kind;
    struct snn_device_event event;
    uint32_t value;
    uint32_t loss; /* GAP: 1 host, 2 device, 3 transport */
};

/* What makes a sample: begin (all state to its initial values), per step its events and a tick,
 * end. Packets are sent when full, at a tick and at the end. Each waits for credit, at most the
 * time-out. Errors: INVALID (an address beyond the wire's fields; the events before it are taken),
 * TIMEOUT, GONE, PROTOCOL, IO. Behind a TIMEOUT nobody can tell how much of what was given is
 * taken: there is no going on with the sample, only snn_device_reset and its begin. */
SNN_API int snn_device_begin(struct snn_device *device, struct snn_context *context,
                             uint32_t sample);
SNN_API int snn_device_send(struct snn_device *device, struct snn_context *context,
                            const struct snn_device_event *events, size_t count);
SNN_API int snn_device_tick(struct snn_device *device, struct snn_context *context, uint32_t step);
SNN_API int snn_device_end(struct snn_device *device, struct snn_context *context, uint32_t sample);
/* What has come, up to `room` items; waits for the first at most `timeout_ms`. An END is handed out
 * once all words in front of it are known to be right; where one is not, PROTOCOL comes in its
 * place and the sample is invalid, unless words that the transport lost explain it (a GAP of the
 * sample tells of them). A loss of events alone excuses nothing. Errors: TIMEOUT (nothing came),
 * GONE, PROTOCOL (an ERROR of the device, or a block whose CHECK is wrong), IO. */
SNN_API int snn_device_receive(struct snn_device *device, struct snn_context *context,
                               struct snn_device_item *items, size_t room, size_t *count_out,
                               unsigned timeout_ms);

/* ---- A virtual one ---- */

struct snn_emulate_options {
    const char *chip;   /* profile's name or file */
    const char *as;     /* "vhci", "gadget", "usbip", "process" */
    const char *serial; /* NULL: "VIRT0001" */
    const char *fault;  /* faults on purpose (docs/devices.md); NULL: none */
    const char
        *address;    /* usbip: "HOST:PORT" (127.0.0.1:3240); process: a name for its line; NULL */
    bool superspeed; /* vhci, usbip, gadget: a device of USB 3, not 2 */
    /* It is there and can be opened by this URI; usbip: it waits at this "HOST:PORT" for a client
     * (`usbip attach -r HOST -b 1-1`). May be NULL. */
    void (*ready)(const char *uri, void *user);
    bool (*go_on)(void *user); /* asked several times a second; NULL: until it is unplugged */
    void *user;
};

/* Plugs a virtual chip in and serves it until go_on says no, or the host lets go of it. Errors:
 * INVALID (no such chip, `as`, fault), ACCESS (needs root), NOT_FOUND (the kernel lacks what it
 * takes; the hint says which module), UNSUPPORTED (`as` is not for this system), BUSY, NOMEM, IO.
 */
SNN_API int snn_emulate(struct snn_context *context, const struct snn_emulate_options *options);

#ifdef __cplusplus
}
#endif
#endif
