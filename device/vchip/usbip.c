/* USB/IP messages: bytes to messages and back, offsets as the kernel documents them. Who sends them
 * is serve.c, what they do urbs.c.
 */
#include "device/vchip/usbip.h"

#include <string.h>

enum { SUBMIT = 1, UNLINK = 2, ANSWER = 2 /* is added to the command */ };
enum { REQUEST = 0x8000 };
/* The kernel's page knows 0 and 1; its tool explains this one: "Device not found". */
enum { NO_DEVICE = 4 };
#define NOT_ISOCHRONOUS UINT32_MAX

static void put16(uint8_t *out, uint32_t value)
{
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
}

static void put32(uint8_t *out, uint32_t value)
{
    put16(out, value >> 16);
    put16(out + 2, value);
}

static uint32_t get16(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 8 | bytes[1];
}

static uint32_t get32(const uint8_t *bytes)
{
    return get16(bytes) << 16 | get16(bytes + 2);
}

bool snndev_usbip_op_read(enum snndev_usbip_op *out, const uint8_t *bytes)
{
    const uint32_t code = get16(bytes + 2);
    if (get16(bytes) != SNNDEV_USBIP_VERSION) return false;
    if (code != (REQUEST | SNNDEV_USBIP_IMPORT) && code != (REQUEST | SNNDEV_USBIP_DEVLIST))
        return false;
    *out = (enum snndev_usbip_op)(code & ~(uint32_t)REQUEST);
    return true;
}

void snndev_usbip_op_write(enum snndev_usbip_op op, bool found, uint8_t *out)
{
    put16(out, SNNDEV_USBIP_VERSION);
    put16(out + 2, (uint32_t)op);
    put32(out + 4, found ? 0 : NO_DEVICE);
}

static void put_text(uint8_t *out, size_t room, const char *text)
{
    const size_t size = strlen(text);
    memset(out, 0, room);
    memcpy(out, text, size < room ? size : room - 1);
}

void snndev_usbip_device_write(const struct snndev_usbip_device *device, uint8_t *out)
{
    const uint8_t *descriptor = device->descriptor;
    put_text(out, 256, device->path);
    put_text(out + 256, SNNDEV_USBIP_BUSID_BYTES, device->busid);
    put32(out + 288, device->bus);
    put32(out + 292, device->number);
    put32(out + 296, (uint32_t)device->speed);
    /* idVendor, idProduct, bcdDevice: little-endian in the descriptor. */
    for (unsigned i = 0; i < 3; i++)
        put16(out + 300 + 2 * i, descriptor[8 + 2 * i] | (uint32_t)descriptor[9 + 2 * i] << 8);
    memcpy(out + 306, descriptor + 4, 3); /* class, subclass, protocol */
    out[309] = device->configuration[5];
    out[310] = descriptor[17];
    out[311] = device->configuration[4];
}

bool snndev_usbip_command_read(struct snndev_usbip_command *out, const uint8_t *bytes)
{
    const uint32_t code = get32(bytes), direction = get32(bytes + 12), endpoint = get32(bytes + 16);
    struct snndev_usbip_command command = {.sequence = get32(bytes + 4), .unlink = code == UNLINK};
    if (code != SUBMIT && code != UNLINK) return false;
    if (direction > 1 || endpoint > 15) return false;
    if (command.unlink) {
        command.unlinked = get32(bytes + 20);
        *out = command;
        return true;
    }
    /* Linux says 0 packets as well as -1 of what is not isochronous. */
    const uint32_t packets = get32(bytes + 32);
    if (packets != 0 && packets != NOT_ISOCHRONOUS) return false;
    command.in = direction == 1;
    command.endpoint = (uint8_t)endpoint;
    command.length = get32(bytes + 24);
    if (command.length > SNNDEV_USBIP_LENGTH_MAX) return false;
    if (endpoint == 0 && command.length > SNNDEV_USBIP_CONTROL_MAX) return false;
    memcpy(command.setup, bytes + 40, sizeof command.setup);
    *out = command;
    return true;
}

void snndev_usbip_answer_write(const struct snndev_usbip_answer *answer, uint8_t *out)
{
    memset(out, 0, SNNDEV_USBIP_HEADER_BYTES);
    put32(out, (answer->unlink ? UNLINK : SUBMIT) + ANSWER);
    put32(out + 4, answer->sequence);
    put32(out + 20, (uint32_t)answer->status);
    if (answer->unlink) return;
    put32(out + 24, answer->actual);
    put32(out + 32, NOT_ISOCHRONOUS);
}
