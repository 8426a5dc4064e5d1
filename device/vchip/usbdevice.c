/* Endpoint 0 of a virtual chip: descriptors as bytes, chapter 9 of USB 2.0, and vendor requests
 * handed to the port.
 *
 * For Windows the device tells by Microsoft OS 2.0 descriptors that WinUSB is its driver (Microsoft
 * OS 2.0 Descriptors Specification), which a BOS descriptor points to (USB 3.2, 9.6.2).
 */
#include "device/vchip/usbdevice.h"

#include <string.h>

#include "libsnn/wire/bytes.h"

#define LOW(value) ((value)&0xff)
#define HIGH(value) ((value) >> 8 & 0xff)
#define WORD(value) LOW(value), HIGH(value)

/* Of bRequest, for the Microsoft OS 2.0 descriptors: no code of the wire. */
#define MICROSOFT_CODE 0x20
#define MICROSOFT_INDEX 7u
#define MICROSOFT_BYTES 162

enum descriptor { DEVICE = 1, CONFIGURATION = 2, STRING = 3, BOS = 15 };
enum string { LANGUAGES = 0, MANUFACTURER = 1, PRODUCT = 2, SERIAL = 3, INTERFACE = 4 };
enum request {
    GET_STATUS = 0,
    CLEAR_FEATURE = 1,
    SET_FEATURE = 3,
    SET_ADDRESS = 5,
    GET_DESCRIPTOR = 6,
    GET_CONFIGURATION = 8,
    SET_CONFIGURATION = 9,
    GET_INTERFACE = 10,
    SET_INTERFACE = 11
};

/* bmRequestType of standard requests. */
enum recipient {
    TO_DEVICE = 0x00,
    TO_INTERFACE = 0x01,
    TO_ENDPOINT = 0x02,
    FROM_DEVICE = 0x80,
    FROM_INTERFACE = 0x81,
    FROM_ENDPOINT = 0x82
};

/* ---- Descriptors ---- */

/* Length, type, bcdUSB, class, subclass and protocol of the interface, largest packet of endpoint
 * 0, VID, PID, bcdDevice, strings, one configuration. */
static const uint8_t device_high[] = {18,
                                      DEVICE,
                                      WORD(0x0210),
                                      0,
                                      0,
                                      0,
                                      64,
                                      WORD(SNNWIRE_TEST_VID),
                                      WORD(SNNWIRE_TEST_PID),
                                      WORD(0x0100),
                                      MANUFACTURER,
                                      PRODUCT,
                                      SERIAL,
                                      1};
static const uint8_t device_super[] = {18,
                                       DEVICE,
                                       WORD(0x0300),
                                       0,
                                       0,
                                       0,
                                       9, /* 2^9 */
                                       WORD(SNNWIRE_TEST_VID),
                                       WORD(SNNWIRE_TEST_PID),
                                       WORD(0x0100),
                                       MANUFACTURER,
                                       PRODUCT,
                                       SERIAL,
                                       1};

/* Self-powered; an interface of a vendor's own class with two bulk endpoints. */
/* clang-format off */
static const uint8_t config_high[] = {
    9, CONFIGURATION, WORD(32), 1, 1, 0, 0xC0, 0,
    9, 4, 0, 0, 2, 0xFF, 0, 0, INTERFACE,
    7, 5, SNNWIRE_ENDPOINT_OUT, 2, WORD(512), 0,
    7, 5, SNNWIRE_ENDPOINT_IN, 2, WORD(512), 0,
};
/* With a companion behind each endpoint: 16 packets a burst. */
static const uint8_t config_super[] = {
    9, CONFIGURATION, WORD(44), 1, 1, 0, 0xC0, 0,
    9, 4, 0, 0, 2, 0xFF, 0, 0, INTERFACE,
    7, 5, SNNWIRE_ENDPOINT_OUT, 2, WORD(1024), 0,
    6, 48, 15, 0, WORD(0),
    7, 5, SNNWIRE_ENDPOINT_IN, 2, WORD(1024), 0,
    6, 48, 15, 0, WORD(0),
};

/* Capability of a platform: D8DD60DF-4589-4CC7-9CD2-659D9E648A9F is Microsoft's OS 2.0, Windows 8.1
 * and later. */
#define MICROSOFT_CAPABILITY                                                           \
    28, 16, 5, 0, 0xDF, 0x60, 0xDD, 0xD8, 0x89, 0x45, 0xC7, 0x4C, 0x9C, 0xD2, 0x65, 0x9D, \
    0x9E, 0x64, 0x8A, 0x9F, 0x00, 0x00, 0x03, 0x06, WORD(MICROSOFT_BYTES), MICROSOFT_CODE, 0
#define USB2_CAPABILITY 7, 16, 2, 2, 0, 0, 0 /* link power management */

static const uint8_t bos_high[] = {
    5, BOS, WORD(40), 2,
    USB2_CAPABILITY,
    MICROSOFT_CAPABILITY,
};
static const uint8_t bos_super[] = {
    5, BOS, WORD(50), 3,
    USB2_CAPABILITY,
    10, 16, 3, 0, WORD(0x0C), 2, 10, WORD(0x7FF), /* high and super speed */
    MICROSOFT_CAPABILITY,
};

#define WIDE(character) (character), 0
/* The set's header, the compatible id WINUSB, and the registry's DeviceInterfaceGUIDs
 * {8B0B5F2E-6D1C-4C0E-9A57-3E2D4C71A6F4}, by which programs find the device. */
static const uint8_t microsoft[] = {
    WORD(10), WORD(0), 0x00, 0x00, 0x03, 0x06, WORD(MICROSOFT_BYTES),
    WORD(20), WORD(3), 'W', 'I', 'N', 'U', 'S', 'B', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    WORD(132), WORD(4), WORD(7), WORD(42),
    WIDE('D'), WIDE('e'), WIDE('v'), WIDE('i'), WIDE('c'), WIDE('e'), WIDE('I'), WIDE('n'),
    WIDE('t'), WIDE('e'), WIDE('r'), WIDE('f'), WIDE('a'), WIDE('c'), WIDE('e'), WIDE('G'),
    WIDE('U'), WIDE('I'), WIDE('D'), WIDE('s'), WIDE(0),
    WORD(80),
    WIDE('{'), WIDE('8'), WIDE('B'), WIDE('0'), WIDE('B'), WIDE('5'), WIDE('F'), WIDE('2'),
    WIDE('E'), WIDE('-'), WIDE('6'), WIDE('D'), WIDE('1'), WIDE('C'), WIDE('-'), WIDE('4'),
    WIDE('C'), WIDE('0'), WIDE('E'), WIDE('-'), WIDE('9'), WIDE('A'), WIDE('5'), WIDE('7'),
    WIDE('-'), WIDE('3'), WIDE('E'), WIDE('2'), WIDE('D'), WIDE('4'), WIDE('C'), WIDE('7'),
    WIDE('1'), WIDE('A'), WIDE('6'), WIDE('F'), WIDE('4'), WIDE('}'), WIDE(0), WIDE(0),
};
/* clang-format on */

_Static_assert(sizeof(config_high) == 32 && sizeof(config_super) == 44, "wTotalLength");
_Static_assert(sizeof(bos_high) == 40 && sizeof(bos_super) == 50, "wTotalLength of the BOS");
_Static_assert(sizeof(microsoft) == MICROSOFT_BYTES, "length of the Microsoft OS 2.0 set");

const uint8_t *snndev_usb_device_descriptor(bool superspeed, size_t *size_out)
{
    *size_out = sizeof(device_high);
    return superspeed ? device_super : device_high;
}

const uint8_t *snndev_usb_config_descriptor(bool superspeed, size_t *size_out)
{
    *size_out = superspeed ? sizeof(config_super) : sizeof(config_high);
    return superspeed ? config_super : config_high;
}

/* ---- Answers ---- */

/* What a setup packet says. */
struct setup {
    uint8_t type, request;
    uint16_t value, index, length;
};

/* Where an answer goes: the host takes `room` bytes of it. */
struct answer {
    uint8_t *bytes;
    size_t room, size;
};

static void put(struct answer *answer, const uint8_t *bytes, size_t size)
{
    answer->size = size < answer->room ? size : answer->room;
    memcpy(answer->bytes, bytes, answer->size);
}

static bool put_string(const struct snndev_usbdevice *device, uint8_t index, struct answer *answer)
{
    static const uint8_t languages[] = {4, STRING, WORD(0x0409)};
    const char *texts[] = {
        [MANUFACTURER] = SNNDEV_USB_MANUFACTURER,
        [PRODUCT] = SNNDEV_USB_PRODUCT,
        [SERIAL] = device->serial,
        [INTERFACE] = "events",
    };
    uint8_t bytes[2 + 2 * 32];
    size_t size = 2;
    if (index == LANGUAGES) put(answer, languages, sizeof(languages));
    if (index == LANGUAGES) return true;
    if (index > INTERFACE) return false;
    for (const char *text = texts[index]; *text != '\0' && size < sizeof(bytes); text++) {
        bytes[size++] = (uint8_t)*text;
        bytes[size++] = 0;
    }
    bytes[0] = (uint8_t)size;
    bytes[1] = STRING;
    put(answer, bytes, size);
    return true;
}

static bool put_descriptor(const struct snndev_usbdevice *device, uint16_t value,
                           struct answer *answer)
{
    const bool fast = device->superspeed;
    const uint8_t *bytes = NULL;
    size_t size = 0;
    if (value >> 8 == STRING) return put_string(device, (uint8_t)value, answer);
    if ((value & 0xff) != 0) return false; /* there is one of each */
    switch (value >> 8) {
    case DEVICE:
        bytes = snndev_usb_device_descriptor(fast, &size);
        break;
    case CONFIGURATION:
        bytes = snndev_usb_config_descriptor(fast, &size);
        break;
    case BOS:
        bytes = fast ? bos_super : bos_high;
        size = fast ? sizeof(bos_super) : sizeof(bos_high);
        break;
    default:
        return false;
    }
    put(answer, bytes, size);
    return true;
}

/* ---- Chapter 9 ---- */

static bool is_bulk(uint16_t index)
{
    return index == SNNWIRE_ENDPOINT_OUT || index == SNNWIRE_ENDPOINT_IN;
}

static bool set_configuration(struct snndev_usbdevice *device, uint16_t value)
{
    if (value > 1) return false;
    device->configuration = (uint8_t)value;
    snndev_port_clear_halt(device->port, false);
    snndev_port_clear_halt(device->port, true);
    return true;
}

static bool set_halt(struct snndev_usbdevice *device, const struct setup *setup)
{
    const bool out = setup->index == SNNWIRE_ENDPOINT_OUT;
    if (setup->value != 0 || (setup->index & 0x7f) == 0) return setup->value == 0;
    if (!is_bulk(setup->index) || device->configuration == 0) return false;
    if (setup->request == SET_FEATURE)
        snndev_port_halt(device->port, out);
    else
        snndev_port_clear_halt(device->port, out);
    return true;
}

/* To the device, with no data. */
static bool command(struct snndev_usbdevice *device, const struct setup *setup)
{
    switch (setup->type << 8 | setup->request) {
    case TO_DEVICE << 8 | SET_ADDRESS:
    case TO_DEVICE << 8 | SET_FEATURE: /* remote wake-up, link states: nothing to do */
    case TO_DEVICE << 8 | CLEAR_FEATURE:
    case TO_INTERFACE << 8 | SET_FEATURE:
    case TO_INTERFACE << 8 | CLEAR_FEATURE:
        return true;
    case TO_DEVICE << 8 | SET_CONFIGURATION:
        return set_configuration(device, setup->value);
    case TO_INTERFACE << 8 | SET_INTERFACE:
        if (setup->value != 0 || setup->index != 0 || device->configuration == 0) return false;
        return set_configuration(device, 1);
    case TO_ENDPOINT << 8 | SET_FEATURE:
    case TO_ENDPOINT << 8 | CLEAR_FEATURE:
        return set_halt(device, setup);
    default:
        return false;
    }
}

static bool put_endpoint_status(const struct snndev_usbdevice *device, uint16_t index,
                                struct answer *answer)
{
    const bool control = (index & 0x7f) == 0;
    if (!control && (!is_bulk(index) || device->configuration == 0)) return false;
    const bool out = index == SNNWIRE_ENDPOINT_OUT;
    const uint8_t status[2] = {!control && snndev_port_is_halted(device->port, out), 0};
    put(answer, status, sizeof(status));
    return true;
}

/* To the host. */
static bool question(const struct snndev_usbdevice *device, const struct setup *setup,
                     struct answer *answer)
{
    static const uint8_t self_powered[2] = {1, 0}, nothing[2] = {0, 0};
    switch (setup->type << 8 | setup->request) {
    case FROM_DEVICE << 8 | GET_DESCRIPTOR:
        return put_descriptor(device, setup->value, answer);
    case FROM_DEVICE << 8 | GET_CONFIGURATION:
        put(answer, &device->configuration, 1);
        return true;
    case FROM_DEVICE << 8 | GET_STATUS:
        put(answer, self_powered, sizeof(self_powered));
        return true;
    case FROM_INTERFACE << 8 | GET_STATUS:
        put(answer, nothing, sizeof(nothing));
        return setup->index == 0 && device->configuration != 0;
    case FROM_INTERFACE << 8 | GET_INTERFACE:
        put(answer, nothing, 1);
        return setup->index == 0 && device->configuration != 0;
    case FROM_ENDPOINT << 8 | GET_STATUS:
        return put_endpoint_status(device, setup->index, answer);
    case SNNWIRE_SETUP_IN << 8 | MICROSOFT_CODE:
        if (setup->index != MICROSOFT_INDEX) return false;
        put(answer, microsoft, sizeof(microsoft));
        return true;
    default:
        return false;
    }
}

static bool is_wire(const struct setup *setup)
{
    return (setup->type == SNNWIRE_SETUP_IN || setup->type == SNNWIRE_SETUP_OUT) &&
           setup->request != MICROSOFT_CODE;
}

enum snndev_outcome snndev_usb_control(struct snndev_usbdevice *device, const uint8_t *setup,
                                       uint8_t *data, size_t *actual_out)
{
    const struct setup s = {setup[0], setup[1], snnwire_get16(setup + 2), snnwire_get16(setup + 4),
                            snnwire_get16(setup + 6)};
    struct answer answer = {data, s.length, 0};
    *actual_out = 0;
    if (is_wire(&s)) {
        struct snnwire_request request;
        uint32_t size = 0;
        if (!snnwire_request_read(&request, setup, SNNWIRE_REQUEST_BYTES)) return SNNDEV_STALLED;
        const enum snndev_outcome outcome =
            snndev_port_request(device->port, &request, data, &size);
        if (outcome == SNNDEV_COMPLETED) *actual_out = request.in ? size : s.length;
        return outcome;
    }
    const bool done = (s.type & 0x80) != 0 ? question(device, &s, &answer) : command(device, &s);
    if (!done) return SNNDEV_STALLED;
    *actual_out = answer.size;
    return SNNDEV_COMPLETED;
}
