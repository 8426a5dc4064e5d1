/* What the two files of the fake libusb share: the bus, with all that is on it.
 *
 * One lock for everything, one condition that says "something has changed". Functions without a
 * note are called with the lock held.
 */
#ifndef TESTS_DEVICE_FAKEUSB_BUS_H
#define TESTS_DEVICE_FAKEUSB_BUS_H

#include <pthread.h>

#include "device/vchip/usbdevice.h"
#include "snn/status.h"
#include "tests/device/fakeusb.h"

/* What is plugged in. */
struct gadget {
    unsigned references;
    unsigned slot;
    uint8_t address;
    bool attached;
    bool muted;                           /* endpoint 0 */
    struct libusb_device_handle *claimed; /* by whom */
    struct snn_context *context;
    struct snndev_vchip *chip;
    struct snndev_usbdevice usb;
};

/* A gadget as one context sees it, until that context ends. */
struct libusb_device {
    struct libusb_device *next;
    struct libusb_context *context;
    struct gadget *gadget; /* referenced */
    unsigned references;   /* of the program */
};

struct libusb_device_handle {
    struct libusb_device_handle *next;
    struct libusb_context *context;
    struct gadget *gadget; /* referenced */
};

/* What libusb itself knows of a transfer, right before it in memory. */
struct flight {
    struct flight *next;
    bool flying, cancelled;
    int done; /* bytes so far */
    struct libusb_transfer *transfer;
};

struct news {
    struct news *next;
    struct libusb_device *device;
    int event;
};

struct libusb_context {
    struct libusb_context *next;
    bool interrupted, handling;
    struct flight *flights; /* in the order of submission */
    struct libusb_device *devices;
    struct news *news;
    int events; /* that its callback wants; 0: it has none */
    struct fakeusb_callback *callback;
};

/* The whole bus. */
struct fakeusb_bus {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct libusb_context *contexts;
    struct libusb_device_handle *handles;
    struct gadget *slots[FAKEUSB_SLOTS];
    bool denied[FAKEUSB_SLOTS];
    uint8_t address;
    unsigned long calls, fail_at;
    int fail_with;
    const char *failed;
    long held;
    unsigned misuses;
};

extern struct fakeusb_bus fakeusb_bus;

/* Takes the lock, gives it back; something has changed. */
void fakeusb_enter(void);
void fakeusb_leave(void);
void fakeusb_changed(void);

/* The error that this call is to fail with, or 0; the second takes the lock by itself, as hold
 * does. */
int fakeusb_fails_locked(const char *name);
int fakeusb_fails(const char *name);
/* So many more things are held by the program. */
void fakeusb_hold(long count);

int64_t fakeusb_now_ms(void);
/* Waits for a change; false: the time is over. */
bool fakeusb_wait_until(int64_t end_ms);

/* The device that a gadget is to a context; the same at each call. */
struct libusb_device *fakeusb_device_of(struct libusb_context *context, struct gadget *gadget);
void fakeusb_gadget_unref(struct gadget *gadget);
/* Off the bus; its caller has a reference beside the slot's. */
void fakeusb_detach(struct gadget *gadget);

#endif
