/* Bed B with a device that lies about itself: a virtual chip as any other, but what the kernel
 * knows of it (its descriptors, its attributes in sysfs) and what it answers when asked for a
 * string are the test's. Only device and texts are foreign; requests of the wire reach the chip.
 */
#ifndef TESTS_DEVICE_BED_UMOCK_H
#define TESTS_DEVICE_BED_UMOCK_H

#include <stddef.h>
#include <stdint.h>

enum { UMOCK_DESCRIPTORS_MAX = 4096, UMOCK_TEXT_MAX = 128, UMOCK_NEVER = -1 };

struct umock_text {
    size_t size;
    uint8_t bytes[UMOCK_TEXT_MAX];
};

struct umock_description {
    size_t size; /* at least 1 */
    uint8_t descriptors[UMOCK_DESCRIPTORS_MAX];
    const char *configuration;         /* of sysfs: bConfigurationValue */
    struct umock_text serial, product; /* of sysfs; size 0: it has none */
    /* Answers GET_DESCRIPTOR for a string with at most `room` bytes: 0 and how many in *size_out,
     * an errno, or UMOCK_NEVER. */
    int (*tell)(void *user, const uint8_t *setup, uint8_t *out, size_t room, size_t *size_out);
    void *user;
};

/* As plug and unplug of the bed; the description must outlive the device, of which nothing is left.
 * Whether the host lists it is not waited for. */
int umock_plug(unsigned slot, const struct umock_description *description);
void umock_unplug(unsigned slot);

#endif
