/* A libusb at link time: the functions of libusb that the transport calls, over virtual chips in
 * this process. A program that links fakeusb.c needs no kernel and no rights, and may have any call
 * fail.
 *
 * Devices come and go by plug and unplug; contexts, handles, transfers and hotplug callbacks behave
 * as libusb's do, callbacks run in the thread that handles events. What a program forgot to give
 * back is counted.
 */
#ifndef TESTS_DEVICE_FAKEUSB_H
#define TESTS_DEVICE_FAKEUSB_H

#include <stdbool.h>

#define FAKEUSB_SLOTS 2u

/* Plugs a virtual speck2f with serial number "BED0" or "BED1" in. 0, or a negative status with a
 * line on stderr. */
int fakeusb_plug(unsigned slot, const char *fault);
void fakeusb_unplug(unsigned slot);
void fakeusb_deny(unsigned slot, bool denied);
/* Has endpoint 0 answer nothing, or again, while it is plugged in. */
void fakeusb_mute(unsigned slot, bool muted);

/* The `call`-th call from now on that can fail does, once, with this error of libusb (functions
 * that return memory give NULL). 0: none does. The count begins anew. */
void fakeusb_fail(unsigned long call, int error);
/* Calls that could have failed since then. */
unsigned long fakeusb_calls(void);
/* Name of the function that was made to fail, or NULL. */
const char *fakeusb_failed(void);

/* Contexts, handles, transfers, lists and descriptors that were not given back. */
long fakeusb_held(void);
/* Calls that break libusb's rules (a transfer freed in flight, a handle closed twice). */
unsigned fakeusb_misuses(void);

#endif
