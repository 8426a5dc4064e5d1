/* A bed: something that virtual chips can be plugged into, below one list of behaviours
 * (behaviour.c). A: a fake libusb at link time; B: umockdev under the real libusb; C: vhci-hcd in a
 * real kernel. The list sees devices through the public interface and the link only.
 */
#ifndef TESTS_DEVICE_BED_H
#define TESTS_DEVICE_BED_H

#include <stdbool.h>

#define BED_SLOTS 2u
#define BED_SKIP 77

struct bed {
    const char *name;
    /* 0, or BED_SKIP with a line on stderr that says what is missing. */
    int (*start)(void);
    /* Plugs a virtual speck2f with serial number "BED0" or "BED1" in; `fault` as of device/vchip/
     * fault.h, NULL: none. Returns when the host can list it. */
    int (*plug)(unsigned slot, const char *fault);
    void (*unplug)(unsigned slot);
    /* Takes away or gives back the permission to open it. NULL: the bed cannot. */
    int (*deny)(unsigned slot, bool denied);
    void (*stop)(void);
    bool hotplug; /* arrivals and departures are told by the host */
    /* Of beds that are slow, or not exact: how many times longer deadlines are; 0: 1. Time-outs
     * that are to run out stay as they are. */
    unsigned patience;
    /* Names of behaviours that the bed cannot show, ended by NULL; NULL: none. They are skipped
     * by name. */
    const char *const *cannot;
};

/* The bed that this program is linked with. */
extern const struct bed bed;

#endif
