/* The host's side of USB/IP: see the header. */
#include "tests/device/usbip_client.h"

#include <string.h>

static void put(uint8_t *header, unsigned offset, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        header[offset + i] = (uint8_t)(value >> (24 - 8 * i));
}

static uint32_t get(const uint8_t *header, unsigned offset)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < 4; i++)
        value = value << 8 | header[offset + i];
    return value;
}

void usbip_client_submit(uint8_t *out, uint32_t sequence, uint8_t endpoint_address, uint32_t length,
                         const uint8_t *setup)
{
    memset(out, 0, USBIP_CLIENT_HEADER);
    put(out, 0x00, 1);
    put(out, 0x04, sequence);
    put(out, 0x08, 1 << 16 | 1);
    put(out, 0x0c, endpoint_address >> 7);
    put(out, 0x10, endpoint_address & 15);
    put(out, 0x18, length);
    put(out, 0x20, UINT32_MAX);
    if (setup) memcpy(out + 0x28, setup, 8);
}

void usbip_client_unlink(uint8_t *out, uint32_t sequence, uint32_t unlinked)
{
    memset(out, 0, USBIP_CLIENT_HEADER);
    put(out, 0x00, 2);
    put(out, 0x04, sequence);
    put(out, 0x08, 1 << 16 | 1);
    put(out, 0x14, unlinked);
}

bool usbip_client_answer(struct usbip_client_answer *out, const uint8_t *header)
{
    const uint32_t command = get(header, 0x00);
    if (command != 3 && command != 4) return false;
    if (get(header, 0x08) != 0 || get(header, 0x0c) != 0 || get(header, 0x10) != 0) return false;
    out->unlink = command == 4;
    out->sequence = get(header, 0x04);
    out->status = (int32_t)get(header, 0x14);
    out->actual = out->unlink ? 0 : get(header, 0x18);
    return true;
}
