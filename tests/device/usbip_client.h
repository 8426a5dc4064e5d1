/* The host's side of USB/IP, for tests: commands written, answers read, straight from the tables of
 * the kernel's usbip_protocol.rst. It shares no code with device/vchip/usbip.c.
 */
#ifndef TESTS_DEVICE_USBIP_CLIENT_H
#define TESTS_DEVICE_USBIP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define USBIP_CLIENT_HEADER 48u

/* Writes a header; `setup` NULL: none. Data to the device are to follow it. */
void usbip_client_submit(uint8_t *out, uint32_t sequence, uint8_t endpoint_address, uint32_t length,
                         const uint8_t *setup);
void usbip_client_unlink(uint8_t *out, uint32_t sequence, uint32_t unlinked);

struct usbip_client_answer {
    bool unlink;
    uint32_t sequence;
    int32_t status;
    uint32_t actual;
};

/* False: no answer looks like that. */
bool usbip_client_answer(struct usbip_client_answer *out, const uint8_t *header);

#endif
