/* The port: bytes and requests pass through to the virtual chip, and faults happen to them where
 * the list says so. Whatever fails here has taken and given nothing, so that a host that clears the
 * halt or tries again loses nothing; only corrupt bytes and the pulled plug do harm.
 */
#include "device/vchip/port.h"

#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"
#include "libsnn/base/rng.h"
#include "libsnn/wire/bytes.h"

/* A direction of the stream. */
struct lane {
    uint64_t bytes; /* that passed so far */
    uint64_t stall; /* where it halts, once */
    uint64_t corrupt;
    bool halted;
};

struct snndev_port {
    struct snn_allocator allocator;
    struct snndev_vchip *vchip;
    struct snndev_faults faults;
    struct lane in, out;
    uint64_t error_in;
    uint32_t drawn; /* random numbers so far */
    bool gone;
    struct snnwire_status refused; /* by a fault, not by the chip; code 0: none */
};

int snndev_port_create(struct snndev_port **out, struct snn_context *context,
                       struct snndev_vchip *vchip, const struct snndev_faults *faults)
{
    struct snndev_port *port = snnbase_alloc(context, 1, sizeof(*port));
    if (port == NULL) return SNN_ERR_NOMEM;
    if (faults != NULL)
        port->faults = *faults;
    else
        (void)snndev_faults_parse(&port->faults, context, NULL); /* no words, no error */
    port->allocator = *snnbase_allocator(context);
    port->vchip = vchip;
    port->in = (struct lane){.stall = port->faults.stall_in, .corrupt = port->faults.corrupt_in};
    port->out = (struct lane){.stall = port->faults.stall_out, .corrupt = port->faults.corrupt_out};
    port->error_in = port->faults.error_in;
    *out = port;
    return SNN_OK;
}

void snndev_port_destroy(struct snndev_port **port)
{
    if (port == NULL || *port == NULL) return;
    struct snn_allocator allocator = (*port)->allocator;
    snnbase_allocator_free(&allocator, *port);
    *port = NULL;
}

/* ---- Requests ---- */

static bool is_request(const struct snnwire_request *request, uint32_t code)
{
    return code != 0 && request->code == code;
}

/* What the chip would have to say about a request that it never saw. */
static void tell_refused(struct snndev_port *port, uint8_t *data, uint32_t size, uint32_t *size_out)
{
    uint8_t record[SNNWIRE_STATUS_BYTES];
    snnwire_status_write(&port->refused, record);
    *size_out = size < sizeof(record) ? size : (uint32_t)sizeof(record);
    memcpy(data, record, *size_out);
}

static void falsify(const struct snndev_port *port, uint8_t code, uint8_t *data, uint32_t size)
{
    if (code == SNNWIRE_CODE_CRC && port->faults.wrong_crc && size > 0) data[0] ^= 1;
    if (code == SNNWIRE_CODE_HELLO && port->faults.version != 0 && size >= 2)
        snnwire_put16(data, port->faults.version);
}

enum snndev_outcome snndev_port_request(struct snndev_port *port,
                                        const struct snnwire_request *request, uint8_t *data,
                                        uint32_t *size_out)
{
    *size_out = 0;
    if (port->gone) return SNNDEV_VANISHED;
    if (is_request(request, port->faults.silent)) return SNNDEV_TIMED_OUT;
    if (is_request(request, port->faults.refuse)) {
        port->refused =
            (struct snnwire_status){.code = request->code, .error = SNNWIRE_ERROR_INTERNAL};
        return SNNDEV_STALLED;
    }
    if (request->code == SNNWIRE_CODE_STATUS && request->in && port->refused.code != 0) {
        tell_refused(port, data, request->size, size_out);
        return SNNDEV_COMPLETED;
    }
    port->refused.code = 0;
    if (snndev_vchip_request(port->vchip, request, data, size_out) != SNN_OK) return SNNDEV_STALLED;
    if (request->in) falsify(port, request->code, data, *size_out);
    return SNNDEV_COMPLETED;
}

unsigned snndev_port_delay(const struct snndev_port *port)
{
    return port->faults.delay_ms;
}

/* ---- Stream ---- */

static bool is_within(const struct lane *lane, uint64_t place, size_t size)
{
    return place >= lane->bytes && place - lane->bytes < size;
}

/* Whether the lane is halted, from now on if the place lies within the next bytes. */
static bool stalls(struct lane *lane, size_t size)
{
    if (is_within(lane, lane->stall, size)) {
        lane->halted = true;
        lane->stall = SNNDEV_NEVER;
    }
    return lane->halted;
}

enum snndev_outcome snndev_port_take(struct snndev_port *port, const uint8_t *bytes, size_t size,
                                     size_t *actual_out)
{
    struct lane *lane = &port->out;
    *actual_out = 0;
    if (port->gone) return SNNDEV_VANISHED;
    if (stalls(lane, size)) return SNNDEV_STALLED;
    if (is_within(lane, lane->corrupt, size)) {
        const size_t before = (size_t)(lane->corrupt - lane->bytes);
        const uint8_t wrong = bytes[before] ^ 1;
        snndev_vchip_take(port->vchip, bytes, before);
        snndev_vchip_take(port->vchip, &wrong, 1);
        snndev_vchip_take(port->vchip, bytes + before + 1, size - before - 1);
    } else {
        snndev_vchip_take(port->vchip, bytes, size);
    }
    lane->bytes += size;
    *actual_out = size;
    return SNNDEV_COMPLETED;
}

/* A number from 0 to `most`. */
static size_t draw(struct snndev_port *port, size_t most)
{
    const uint32_t counter[4] = {port->drawn++, 0, 0, 0}, key[2] = {port->faults.seed, 0x506f7274};
    uint32_t words[4];
    snnbase_philox4x32(counter, key, words);
    return most < UINT32_MAX ? words[0] % ((uint32_t)most + 1) : words[0];
}

/* How much of the room is made use of: by these faults a short packet, of random length. */
static size_t narrow(struct snndev_port *port, size_t room, uint32_t packet)
{
    const struct snndev_faults *faults = &port->faults;
    if (!faults->short_packets && !faults->odd_packets) return room;
    const size_t unit = faults->odd_packets ? 1 : SNNWIRE_WORD_BYTES;
    const size_t full = packet > 0 && packet < room ? packet : room;
    if (full < 2 * unit) return room;
    const size_t size = unit + draw(port, full / unit - 2) * unit;
    return size - (faults->odd_packets && size % SNNWIRE_WORD_BYTES == 0);
}

/* What the next transfer has, if nothing happens to it: less than the room only behind a short
 * packet, and nothing beyond the place where the plug is pulled. */
static size_t measure(struct snndev_port *port, size_t room, uint32_t packet)
{
    const uint64_t left = port->faults.gone - port->in.bytes;
    size_t size = snndev_vchip_ready(port->vchip, room);
    if (size == 0) return 0;
    const size_t most = narrow(port, room, packet);
    if (size > most) size = most;
    if (packet > SNNWIRE_WORD_BYTES && size < room && size % packet == 0)
        size -= SNNWIRE_WORD_BYTES;
    return size < left ? size : (size_t)left;
}

enum snndev_outcome snndev_port_give(struct snndev_port *port, uint8_t *bytes, size_t room,
                                     uint32_t packet, size_t *actual_out)
{
    struct lane *lane = &port->in;
    *actual_out = 0;
    port->gone = port->gone || port->faults.gone <= lane->bytes;
    if (port->gone) return SNNDEV_VANISHED;
    const size_t size = measure(port, room, packet);
    if (stalls(lane, size)) return SNNDEV_STALLED;
    if (is_within(lane, port->error_in, size)) {
        port->error_in = SNNDEV_NEVER;
        return SNNDEV_FAILED;
    }
    if (is_within(lane, port->faults.broken_in, size)) return SNNDEV_FAILED;
    const size_t given = snndev_vchip_give(port->vchip, bytes, size);
    if (is_within(lane, lane->corrupt, given)) bytes[lane->corrupt - lane->bytes] ^= 1;
    lane->bytes += given;
    *actual_out = given;
    return SNNDEV_COMPLETED;
}

/* ---- Halts ---- */

static struct lane *lane_of(struct snndev_port *port, bool out)
{
    return out ? &port->out : &port->in;
}

void snndev_port_halt(struct snndev_port *port, bool out)
{
    lane_of(port, out)->halted = true;
}

void snndev_port_clear_halt(struct snndev_port *port, bool out)
{
    lane_of(port, out)->halted = false;
}

bool snndev_port_is_halted(const struct snndev_port *port, bool out)
{
    return out ? port->out.halted : port->in.halted;
}
