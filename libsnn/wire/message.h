/* Requests: what a host asks of a device beside the stream, and how a byte stream carries both
 * (docs/formats/wire.md).
 *
 * On USB a request is a vendor control transfer to the device; its fields are those of the setup
 * packet (see snnwire_request_write), its data the payload; a request that the device refuses is a
 * STALL, and STATUS then says why. On a byte stream (serial line, loop, TCP) frames carry requests,
 * answers and stream words:
 *
 *   0xA5  type  size (2, little-endian)  payload [size]  CRC-32 (4) of type, size and payload
 */
#ifndef SNN_WIRE_MESSAGE_H
#define SNN_WIRE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SNNWIRE_VERSION_MAJOR 1u /* differs: no talk; the minor one may */
#define SNNWIRE_VERSION_MINOR 0u
#define SNNWIRE_PAYLOAD_MAX 4096u
#define SNNWIRE_FRAME_PAYLOAD_MAX (SNNWIRE_PAYLOAD_MAX + 8u) /* with a request or a status */
#define SNNWIRE_FRAME_MAX (SNNWIRE_FRAME_PAYLOAD_MAX + 8u)

/* The public test range of pid.codes: for the virtual chip only. */
#define SNNWIRE_TEST_VID 0x1209u
#define SNNWIRE_TEST_PID 0x0001u
#define SNNWIRE_ENDPOINT_OUT 0x01u
#define SNNWIRE_ENDPOINT_IN 0x81u

enum snnwire_code {
    SNNWIRE_CODE_HELLO = 1,     /* in: struct snnwire_hello */
    SNNWIRE_CODE_STATUS = 2,    /* in: struct snnwire_status: of the request before */
    SNNWIRE_CODE_BEGIN = 3,     /* out: a configuration begins; all cores keep what they have */
    SNNWIRE_CODE_WRITE = 4,     /* out: payload to memory `region` of `core` from `offset` on */
    SNNWIRE_CODE_READ = 5,      /* in: the same memory */
    SNNWIRE_CODE_CRC = 6,       /* in: 4 bytes: CRC-32 of the whole region of the core */
    SNNWIRE_CODE_COMMIT = 7,    /* out: the configuration is checked and in force */
    SNNWIRE_CODE_RESET = 8,     /* out: all state as after COMMIT, streams empty, counters 0 */
    SNNWIRE_CODE_STATISTICS = 9 /* in: struct snnwire_statistics */
};

/* Memories of a core. `core` SNNWIRE_CHIP: of the chip as a whole, which has REGISTERS only. */
enum snnwire_region {
    SNNWIRE_REGION_REGISTERS = 0, /* struct snnwire_core, or snnwire_chip */
    SNNWIRE_REGION_KERNEL = 1,    /* int8 [f][c][y][x] */
    SNNWIRE_REGION_BIAS = 2,      /* int8 [f] */
    SNNWIRE_REGION_NEURON = 3     /* int16 [f][y][x]: initial potentials */
};
#define SNNWIRE_CHIP 255u

enum snnwire_error {
    SNNWIRE_ERROR_NONE = 0,
    SNNWIRE_ERROR_UNKNOWN = 1, /* no such request, region or core */
    SNNWIRE_ERROR_RANGE = 2,   /* offset or size beyond the memory */
    SNNWIRE_ERROR_STATE = 3,   /* WRITE without BEGIN, stream without COMMIT */
    SNNWIRE_ERROR_INVALID = 4, /* the configuration breaks a rule of the chip; detail: core */
    SNNWIRE_ERROR_OVERRUN = 5, /* the host sent more words than it had credit for */
    SNNWIRE_ERROR_CORRUPT = 6, /* a CHECK, a word or a frame was wrong */
    SNNWIRE_ERROR_INTERNAL = 7
};

struct snnwire_hello {
    uint16_t version_major, version_minor;
    uint16_t firmware_major, firmware_minor;
    char chip[24];         /* "speck2f", zero-terminated */
    char serial[24];       /* of the device */
    uint32_t buffer_words; /* credit: words that may be on their way to the device */
    uint32_t core_count;
};

struct snnwire_status {
    uint16_t code; /* the request */
    uint16_t error;
    uint32_t detail;
};

#define SNNWIRE_STATISTICS_CORES 16u
#define SNNWIRE_DESTINATIONS 4u

/* Since RESET. produced = delivered + dropped + in flight, in events, per direction. */
struct snnwire_statistics {
    uint64_t taken;    /* events from the host */
    uint64_t produced; /* events made for the host */
    uint64_t sent;     /* of these, handed to the transport */
    uint64_t dropped;  /* of these, for want of room */
    uint64_t words_taken, words_sent;
    uint64_t faults; /* of the stream from the host */
    uint64_t
        core_spikes[SNNWIRE_STATISTICS_CORES]; /* live rates; cores beyond the 16th are not told */
};

struct snnwire_destination {
    uint8_t enable, layer, pooling;
    uint16_t feature_shift;
};

struct snnwire_core {
    uint8_t enable, kernel_size, stride_y, stride_x, pad_y, pad_x, return_to_zero, leak_enable;
    uint8_t monitor_enable; /* its spikes are sent to the host, too */
    uint8_t layer_index;    /* layers in their order: bias ticks; parts of one share it */
    uint16_t in_channels, in_height, in_width, out_channels, out_height, out_width;
    uint16_t feature_first;
    int16_t threshold_high, threshold_low;
    uint8_t v_init_each; /* 1: a value a neuron in NEURON; 0: one for all */
    int16_t v_init;
    struct snnwire_destination destinations[SNNWIRE_DESTINATIONS];
};

struct snnwire_chip {
    uint16_t in_channels, in_height, in_width;
    uint16_t class_count;
    uint8_t readout_spread;
    uint32_t step_us;
    struct snnwire_destination input_destinations[SNNWIRE_DESTINATIONS];
};

/* Sizes on the wire, and the codecs. Readers give false for bytes that no writer makes: another
 * size, flags beyond 1, reserved bytes that are not 0, text without an end. What a device tells
 * (hello, statistics) may grow in later minor versions: bytes behind those known are ignored. */
#define SNNWIRE_HELLO_BYTES 64u
#define SNNWIRE_STATUS_BYTES 8u
#define SNNWIRE_STATISTICS_BYTES 184u
#define SNNWIRE_CORE_BYTES 56u
#define SNNWIRE_CHIP_BYTES 40u

void snnwire_hello_write(const struct snnwire_hello *hello, uint8_t *out);
bool snnwire_hello_read(struct snnwire_hello *out, const uint8_t *bytes, size_t size);
void snnwire_status_write(const struct snnwire_status *status, uint8_t *out);
bool snnwire_status_read(struct snnwire_status *out, const uint8_t *bytes, size_t size);
void snnwire_statistics_write(const struct snnwire_statistics *statistics, uint8_t *out);
bool snnwire_statistics_read(struct snnwire_statistics *out, const uint8_t *bytes, size_t size);
void snnwire_core_write(const struct snnwire_core *core, uint8_t *out);
bool snnwire_core_read(struct snnwire_core *out, const uint8_t *bytes, size_t size);
void snnwire_chip_write(const struct snnwire_chip *chip, uint8_t *out);
bool snnwire_chip_read(struct snnwire_chip *out, const uint8_t *bytes, size_t size);

#define SNNWIRE_OFFSET_UNIT 16u

/* One request. Offsets are in units of 16 bytes, so that 16 bits reach 1 MiB. */
struct snnwire_request {
    uint8_t code;
    bool in; /* data flow from the device */
    uint8_t core, region;
    uint32_t offset; /* bytes, a multiple of 16 */
    uint32_t size;   /* bytes of data, to SNNWIRE_PAYLOAD_MAX */
};

/* The setup packet of USB, and the first 8 bytes of a REQUEST frame, little-endian:
 *
 *   bmRequestType (1)  SNNWIRE_SETUP_OUT or _IN    bRequest (1)  code
 *   wValue (2)         region << 8 | core          wIndex (2)    offset / 16
 *   wLength (2)        size
 *
 * To the device and not to its interface: hosts and gadgets use wIndex of the latter themselves. */
#define SNNWIRE_REQUEST_BYTES 8u
#define SNNWIRE_SETUP_OUT 0x40u
#define SNNWIRE_SETUP_IN 0xC0u

void snnwire_request_setup(const struct snnwire_request *request, uint16_t *value_out,
                           uint16_t *index_out);
void snnwire_request_from_setup(struct snnwire_request *out, uint8_t code, bool in, uint16_t value,
                                uint16_t index, uint16_t size);
void snnwire_request_write(const struct snnwire_request *request, uint8_t *out);
bool snnwire_request_read(struct snnwire_request *out, const uint8_t *bytes, size_t size);

/* ---- Frames on a byte stream ---- */

enum snnwire_frame_type {
    SNNWIRE_FRAME_REQUEST = 1, /* 8 bytes of request, then the data of an out request */
    SNNWIRE_FRAME_ANSWER = 2,  /* 8 bytes of status, then the data of an in request */
    SNNWIRE_FRAME_WORDS = 3    /* stream words; whole ones, so that a lost frame costs no more */
};

#define SNNWIRE_FRAME_EXTRA 8u /* bytes of a frame beside its payload */

/* Writes a frame; `out` has room for size + SNNWIRE_FRAME_EXTRA. Returns its bytes; 0: the payload
 * is larger than SNNWIRE_FRAME_PAYLOAD_MAX. */
size_t snnwire_frame_write(enum snnwire_frame_type type, const uint8_t *payload, size_t size,
                           uint8_t *out);

/* Collects bytes until a frame is whole. Zeroed to begin with. */
struct snnwire_framer {
    uint8_t bytes[SNNWIRE_FRAME_MAX];
    size_t size;
    size_t given;     /* bytes at the front that were handed out as a frame */
    uint64_t skipped; /* bytes that belong to no frame */
};

struct snnwire_frame {
    enum snnwire_frame_type type;
    const uint8_t *payload; /* in the framer, until the next call */
    size_t size;
};

/* Takes bytes and sets *used_out: true when a frame is there; false: all bytes are taken, more are
 * needed. Call it until it gives false: frames may be left behind one that was broken. Bytes that
 * begin no frame whose CRC is right are skipped to the next 0xA5. */
bool snnwire_frame_read(struct snnwire_framer *framer, const uint8_t *bytes, size_t size,
                        size_t *used_out, struct snnwire_frame *out);

#endif
