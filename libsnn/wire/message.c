/* Requests and records to bytes and back (docs/formats/wire.md), field by field.
 *
 * Invariant: what a reader accepts, the writer gives back byte for byte; so nothing a record cannot
 * say gets past here. Whether a chip can do what it says is not decided here.
 */
#include "libsnn/wire/message.h"

#include "libsnn/wire/bytes.h"

/* Where in a record one stands. */
struct cursor {
    uint8_t *bytes;
};

/* The same for reading; `bad` where something was found that no writer makes. */
struct scan {
    const uint8_t *bytes;
    bool bad;
};

static void put8(struct cursor *to, uint8_t value)
{
    *to->bytes++ = value;
}

static void put16(struct cursor *to, uint16_t value)
{
    snnwire_put16(to->bytes, value);
    to->bytes += 2;
}

static void put32(struct cursor *to, uint32_t value)
{
    snnwire_put32(to->bytes, value);
    to->bytes += 4;
}

static void put64(struct cursor *to, uint64_t value)
{
    snnwire_put64(to->bytes, value);
    to->bytes += 8;
}

static void put_zeros(struct cursor *to, size_t count)
{
    for (size_t i = 0; i < count; i++)
        put8(to, 0);
}

/* Zeros from the end of the text on; the last byte always is one. */
static void put_text(struct cursor *to, const char *text, size_t size)
{
    size_t length = 0;
    while (length + 1 < size && text[length] != '\0')
        put8(to, (uint8_t)text[length++]);
    put_zeros(to, size - length);
}

static uint8_t get8(struct scan *from)
{
    return *from->bytes++;
}

static uint16_t get16(struct scan *from)
{
    const uint16_t value = snnwire_get16(from->bytes);
    from->bytes += 2;
    return value;
}

/* Two's complement, on any host. */
static int16_t get_signed(struct scan *from)
{
    const uint16_t value = get16(from);
    return (int16_t)(value > INT16_MAX ? (int32_t)value - 65536 : (int32_t)value);
}

static uint32_t get32(struct scan *from)
{
    const uint32_t value = snnwire_get32(from->bytes);
    from->bytes += 4;
    return value;
}

static uint64_t get64(struct scan *from)
{
    const uint64_t value = snnwire_get64(from->bytes);
    from->bytes += 8;
    return value;
}

static uint8_t get_flag(struct scan *from)
{
    const uint8_t value = get8(from);
    if (value > 1) from->bad = true;
    return value;
}

static void get_zeros(struct scan *from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (get8(from) != 0) from->bad = true;
    }
}

/* Printable ASCII, then zeros, one at least. */
static void get_text(struct scan *from, char *text, size_t size)
{
    bool over = false;
    for (size_t i = 0; i < size; i++) {
        const uint8_t byte = get8(from);
        const bool printable = byte >= ' ' && byte <= '~';
        if (byte == 0) over = true;
        if (byte != 0 && (over || !printable)) from->bad = true;
        text[i] = (char)(printable ? byte : 0);
    }
    if (!over) from->bad = true;
    text[size - 1] = '\0';
}

void snnwire_hello_write(const struct snnwire_hello *hello, uint8_t *out)
{
    struct cursor to = {out};
    put16(&to, hello->version_major);
    put16(&to, hello->version_minor);
    put16(&to, hello->firmware_major);
    put16(&to, hello->firmware_minor);
    put_text(&to, hello->chip, sizeof(hello->chip));
    put_text(&to, hello->serial, sizeof(hello->serial));
    put32(&to, hello->buffer_words);
    put32(&to, hello->core_count);
}

bool snnwire_hello_read(struct snnwire_hello *out, const uint8_t *bytes, size_t size)
{
    struct snnwire_hello hello;
    struct scan from = {bytes, false};
    if (size < SNNWIRE_HELLO_BYTES) return false;
    hello.version_major = get16(&from);
    hello.version_minor = get16(&from);
    hello.firmware_major = get16(&from);
    hello.firmware_minor = get16(&from);
    get_text(&from, hello.chip, sizeof(hello.chip));
    get_text(&from, hello.serial, sizeof(hello.serial));
    hello.buffer_words = get32(&from);
    hello.core_count = get32(&from);
    if (from.bad || hello.core_count > SNNWIRE_CHIP) return false;
    *out = hello;
    return true;
}

void snnwire_status_write(const struct snnwire_status *status, uint8_t *out)
{
    struct cursor to = {out};
    put16(&to, status->code);
    put16(&to, status->error);
    put32(&to, status->detail);
}

bool snnwire_status_read(struct snnwire_status *out, const uint8_t *bytes, size_t size)
{
    struct scan from = {bytes, false};
    if (size != SNNWIRE_STATUS_BYTES) return false;
    out->code = get16(&from);
    out->error = get16(&from);
    out->detail = get32(&from);
    return true;
}

void snnwire_statistics_write(const struct snnwire_statistics *statistics, uint8_t *out)
{
    struct cursor to = {out};
    put64(&to, statistics->taken);
    put64(&to, statistics->produced);
    put64(&to, statistics->sent);
    put64(&to, statistics->dropped);
    put64(&to, statistics->words_taken);
    put64(&to, statistics->words_sent);
    put64(&to, statistics->faults);
    for (size_t i = 0; i < SNNWIRE_STATISTICS_CORES; i++)
        put64(&to, statistics->core_spikes[i]);
}

bool snnwire_statistics_read(struct snnwire_statistics *out, const uint8_t *bytes, size_t size)
{
    struct scan from = {bytes, false};
    if (size < SNNWIRE_STATISTICS_BYTES) return false;
    out->taken = get64(&from);
    out->produced = get64(&from);
    out->sent = get64(&from);
    out->dropped = get64(&from);
    out->words_taken = get64(&from);
    out->words_sent = get64(&from);
    out->faults = get64(&from);
    for (size_t i = 0; i < SNNWIRE_STATISTICS_CORES; i++)
        out->core_spikes[i] = get64(&from);
    return true;
}

static void put_destinations(struct cursor *to, const struct snnwire_destination *destinations)
{
    for (size_t i = 0; i < SNNWIRE_DESTINATIONS; i++) {
        put8(to, destinations[i].enable);
        put8(to, destinations[i].layer);
        put8(to, destinations[i].pooling);
        put8(to, 0);
        put16(to, destinations[i].feature_shift);
    }
}

static void get_destinations(struct scan *from, struct snnwire_destination *destinations)
{
    for (size_t i = 0; i < SNNWIRE_DESTINATIONS; i++) {
        destinations[i].enable = get_flag(from);
        destinations[i].layer = get8(from);
        destinations[i].pooling = get8(from);
        get_zeros(from, 1);
        destinations[i].feature_shift = get16(from);
    }
}

void snnwire_core_write(const struct snnwire_core *core, uint8_t *out)
{
    struct cursor to = {out};
    put8(&to, core->enable);
    put8(&to, core->kernel_size);
    put8(&to, core->stride_y);
    put8(&to, core->stride_x);
    put8(&to, core->pad_y);
    put8(&to, core->pad_x);
    put8(&to, core->return_to_zero);
    put8(&to, core->leak_enable);
    put8(&to, core->monitor_enable);
    put8(&to, core->layer_index);
    put8(&to, core->v_init_each);
    put8(&to, 0);
    put16(&to, core->in_channels);
    put16(&to, core->in_height);
    put16(&to, core->in_width);
    put16(&to, core->out_channels);
    put16(&to, core->out_height);
    put16(&to, core->out_width);
    put16(&to, core->feature_first);
    put16(&to, (uint16_t)core->threshold_high);
    put16(&to, (uint16_t)core->threshold_low);
    put16(&to, (uint16_t)core->v_init);
    put_destinations(&to, core->destinations);
}

bool snnwire_core_read(struct snnwire_core *out, const uint8_t *bytes, size_t size)
{
    struct snnwire_core core;
    struct scan from = {bytes, false};
    if (size != SNNWIRE_CORE_BYTES) return false;
    core.enable = get_flag(&from);
    core.kernel_size = get8(&from);
    core.stride_y = get8(&from);
    core.stride_x = get8(&from);
    core.pad_y = get8(&from);
    core.pad_x = get8(&from);
    core.return_to_zero = get_flag(&from);
    core.leak_enable = get_flag(&from);
    core.monitor_enable = get_flag(&from);
    core.layer_index = get8(&from);
    core.v_init_each = get_flag(&from);
    get_zeros(&from, 1);
    core.in_channels = get16(&from);
    core.in_height = get16(&from);
    core.in_width = get16(&from);
    core.out_channels = get16(&from);
    core.out_height = get16(&from);
    core.out_width = get16(&from);
    core.feature_first = get16(&from);
    core.threshold_high = get_signed(&from);
    core.threshold_low = get_signed(&from);
    core.v_init = get_signed(&from);
    get_destinations(&from, core.destinations);
    if (from.bad) return false;
    *out = core;
    return true;
}

void snnwire_chip_write(const struct snnwire_chip *chip, uint8_t *out)
{
    struct cursor to = {out};
    put16(&to, chip->in_channels);
    put16(&to, chip->in_height);
    put16(&to, chip->in_width);
    put16(&to, chip->class_count);
    put8(&to, chip->readout_spread);
    put_zeros(&to, 3);
    put32(&to, chip->step_us);
    put_destinations(&to, chip->input_destinations);
}

bool snnwire_chip_read(struct snnwire_chip *out, const uint8_t *bytes, size_t size)
{
    struct snnwire_chip chip;
    struct scan from = {bytes, false};
    if (size != SNNWIRE_CHIP_BYTES) return false;
    chip.in_channels = get16(&from);
    chip.in_height = get16(&from);
    chip.in_width = get16(&from);
    chip.class_count = get16(&from);
    chip.readout_spread = get8(&from);
    get_zeros(&from, 3);
    chip.step_us = get32(&from);
    get_destinations(&from, chip.input_destinations);
    if (from.bad) return false;
    *out = chip;
    return true;
}

void snnwire_request_setup(const struct snnwire_request *request, uint16_t *value_out,
                           uint16_t *index_out)
{
    *value_out = (uint16_t)(request->region << 8 | request->core);
    *index_out = (uint16_t)(request->offset / SNNWIRE_OFFSET_UNIT);
}

void snnwire_request_from_setup(struct snnwire_request *out, uint8_t code, bool in, uint16_t value,
                                uint16_t index, uint16_t size)
{
    *out = (struct snnwire_request){.code = code,
                                    .in = in,
                                    .core = (uint8_t)(value & 255),
                                    .region = (uint8_t)(value >> 8),
                                    .offset = (uint32_t)index * SNNWIRE_OFFSET_UNIT,
                                    .size = size};
}

void snnwire_request_write(const struct snnwire_request *request, uint8_t *out)
{
    struct cursor to = {out};
    uint16_t value, index;
    snnwire_request_setup(request, &value, &index);
    put8(&to, request->in ? SNNWIRE_SETUP_IN : SNNWIRE_SETUP_OUT);
    put8(&to, request->code);
    put16(&to, value);
    put16(&to, index);
    put16(&to, (uint16_t)request->size);
}

bool snnwire_request_read(struct snnwire_request *out, const uint8_t *bytes, size_t size)
{
    struct scan from = {bytes, false};
    if (size < SNNWIRE_REQUEST_BYTES) return false;
    const uint8_t type = get8(&from), code = get8(&from);
    const uint16_t value = get16(&from), index = get16(&from), length = get16(&from);
    if (type != SNNWIRE_SETUP_IN && type != SNNWIRE_SETUP_OUT) return false;
    if (length > SNNWIRE_PAYLOAD_MAX) return false;
    snnwire_request_from_setup(out, code, type == SNNWIRE_SETUP_IN, value, index, length);
    return true;
}
