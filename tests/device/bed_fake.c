/* Bed A: a fake libusb at link time. */
#include <stddef.h>

#include "tests/device/bed.h"
#include "tests/device/fakeusb.h"

static int start(void)
{
    return 0;
}

static int deny(unsigned slot, bool denied)
{
    fakeusb_deny(slot, denied);
    return 0;
}

static void stop(void)
{
    for (unsigned i = 0; i < BED_SLOTS; i++)
        fakeusb_unplug(i);
}

const struct bed bed = {
    .name = "A, a fake libusb at link time",
    .start = start,
    .plug = fakeusb_plug,
    .unplug = fakeusb_unplug,
    .deny = deny,
    .stop = stop,
    .hotplug = true,
};
