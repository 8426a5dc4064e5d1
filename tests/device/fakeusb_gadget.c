/* The fake libusb: what is plugged in, as devices, descriptors and endpoint 0. */
#include <libusb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/device/fakeusb_bus.h"

enum { ENDPOINTS_MAX = 4, FOREVER_MS = 3600000 };

/* ---- Gadgets ---- */

void fakeusb_gadget_unref(struct gadget *gadget)
{
    if (--gadget->references > 0) return;
    snndev_port_destroy(&gadget->usb.port);
    snndev_vchip_destroy(&gadget->chip);
    snn_context_destroy(&gadget->context);
    free(gadget);
}

/* The device that a gadget is to a context; the same at each call. */
struct libusb_device *fakeusb_device_of(struct libusb_context *context, struct gadget *gadget)
{
    for (struct libusb_device *device = context->devices; device; device = device->next) {
        if (device->gadget == gadget) return device;
    }
    struct libusb_device *device = calloc(1, sizeof(*device));
    if (!device) abort();
    device->context = context;
    device->gadget = gadget;
    gadget->references++;
    device->next = context->devices;
    context->devices = device;
    return device;
}

static void tell(struct gadget *gadget, int event)
{
    for (struct libusb_context *context = fakeusb_bus.contexts; context; context = context->next) {
        if ((context->events & event) == 0) continue;
        struct news *news = calloc(1, sizeof(*news));
        struct news **end = &context->news;
        if (!news) abort();
        news->device = fakeusb_device_of(context, gadget);
        news->event = event;
        while (*end)
            end = &(*end)->next;
        *end = news;
    }
    fakeusb_changed();
}

/* Its caller has a reference beside the slot's. */
void fakeusb_detach(struct gadget *gadget)
{
    if (!gadget->attached) return;
    gadget->attached = false;
    fakeusb_bus.slots[gadget->slot] = NULL;
    gadget->references--;
    tell(gadget, LIBUSB_HOTPLUG_EVENT_DEVICE_LEFT);
}

static int gadget_make(struct gadget *gadget, const char *serial, const char *fault)
{
    struct snndev_vchip_options options = {.chip = "speck2f", .serial = serial};
    struct snndev_faults faults;
    int status = snn_context_create(&gadget->context, NULL);
    if (status == SNN_OK) status = snndev_faults_parse(&faults, gadget->context, fault);
    if (status == SNN_OK) status = snndev_vchip_create(&gadget->chip, gadget->context, &options);
    if (status == SNN_OK)
        status = snndev_port_create(&gadget->usb.port, gadget->context, gadget->chip, &faults);
    return status;
}

int fakeusb_plug(unsigned slot, const char *fault)
{
    static const uint8_t set_configuration[8] = {0x00, 9, 1};
    struct gadget *gadget = calloc(1, sizeof(*gadget));
    if (!gadget) return SNN_ERR_NOMEM;
    gadget->references = 1;
    gadget->slot = slot;
    gadget->attached = true;
    (void)snprintf(gadget->usb.serial, sizeof(gadget->usb.serial), "BED%u", slot);
    int status = gadget_make(gadget, gadget->usb.serial, fault);
    if (status != SNN_OK) {
        fprintf(stderr, "fakeusb: %s\n",
                gadget->context ? snn_context_message(gadget->context) : "out of memory");
        fakeusb_gadget_unref(gadget);
        return status;
    }
    size_t actual = 0;
    (void)snndev_usb_control(&gadget->usb, set_configuration, NULL, &actual);
    fakeusb_unplug(slot);
    fakeusb_enter();
    gadget->address = ++fakeusb_bus.address;
    fakeusb_bus.slots[slot] = gadget;
    tell(gadget, LIBUSB_HOTPLUG_EVENT_DEVICE_ARRIVED);
    fakeusb_leave();
    return SNN_OK;
}

void fakeusb_unplug(unsigned slot)
{
    fakeusb_enter();
    struct gadget *gadget = fakeusb_bus.slots[slot];
    if (gadget) {
        gadget->references++;
        fakeusb_detach(gadget);
        fakeusb_gadget_unref(gadget);
    }
    fakeusb_leave();
}

void fakeusb_deny(unsigned slot, bool denied)
{
    fakeusb_enter();
    fakeusb_bus.denied[slot] = denied;
    fakeusb_leave();
}

void fakeusb_mute(unsigned slot, bool muted)
{
    fakeusb_enter();
    if (fakeusb_bus.slots[slot]) fakeusb_bus.slots[slot]->muted = muted;
    fakeusb_leave();
}

/* ---- Devices ---- */

libusb_device *LIBUSB_CALL libusb_ref_device(libusb_device *device)
{
    fakeusb_enter();
    device->references++;
    fakeusb_bus.held++;
    fakeusb_leave();
    return device;
}

void LIBUSB_CALL libusb_unref_device(libusb_device *device)
{
    fakeusb_enter();
    fakeusb_bus.held--;
    device->references--;
    fakeusb_leave();
}

ssize_t LIBUSB_CALL libusb_get_device_list(libusb_context *context, libusb_device ***list)
{
    int error = fakeusb_fails("libusb_get_device_list");
    if (error != 0) return error;
    libusb_device **devices = calloc(FAKEUSB_SLOTS + 1u, sizeof(libusb_device *));
    ssize_t count = 0;
    if (!devices) return LIBUSB_ERROR_NO_MEM;
    fakeusb_enter();
    for (unsigned i = 0; i < FAKEUSB_SLOTS; i++) {
        if (!fakeusb_bus.slots[i]) continue;
        devices[count] = fakeusb_device_of(context, fakeusb_bus.slots[i]);
        devices[count++]->references++;
    }
    fakeusb_bus.held++;
    fakeusb_leave();
    *list = devices;
    return count;
}

void LIBUSB_CALL libusb_free_device_list(libusb_device **list, int unref)
{
    fakeusb_enter();
    for (size_t i = 0; unref && list[i]; i++)
        list[i]->references--;
    fakeusb_bus.held--;
    fakeusb_leave();
    free(list);
}

uint8_t LIBUSB_CALL libusb_get_bus_number(libusb_device *device)
{
    (void)device;
    return 1;
}

uint8_t LIBUSB_CALL libusb_get_device_address(libusb_device *device)
{
    return device->gadget->address;
}

int LIBUSB_CALL libusb_get_port_numbers(libusb_device *device, uint8_t *ports, int room)
{
    int error = fakeusb_fails("libusb_get_port_numbers");
    if (error != 0) return error;
    if (room < 1) return LIBUSB_ERROR_OVERFLOW;
    ports[0] = (uint8_t)(device->gadget->slot + 1u);
    return 1;
}

/* ---- Descriptors ---- */

int LIBUSB_CALL libusb_get_device_descriptor(libusb_device *device,
                                             struct libusb_device_descriptor *out)
{
    int error = fakeusb_fails("libusb_get_device_descriptor");
    if (error != 0) return error;
    size_t size = 0;
    const uint8_t *at = snndev_usb_device_descriptor(device->gadget->usb.superspeed, &size);
    if (size < LIBUSB_DT_DEVICE_SIZE) return LIBUSB_ERROR_IO;
    *out = (struct libusb_device_descriptor){
        .bLength = at[0],
        .bDescriptorType = at[1],
        .bDeviceClass = at[4],
        .idVendor = (uint16_t)(at[8] | at[9] << 8),
        .idProduct = (uint16_t)(at[10] | at[11] << 8),
        .iManufacturer = at[14],
        .iProduct = at[15],
        .iSerialNumber = at[16],
        .bNumConfigurations = at[17],
    };
    return 0;
}

/* A configuration with one interface, in one block. */
struct configuration {
    struct libusb_config_descriptor config;
    struct libusb_interface interface;
    struct libusb_interface_descriptor setting;
    struct libusb_endpoint_descriptor endpoints[ENDPOINTS_MAX];
};

static void read_part(struct configuration *out, const uint8_t *part)
{
    struct libusb_interface_descriptor *setting = &out->setting;
    if (part[1] == LIBUSB_DT_INTERFACE && out->config.bNumInterfaces == 0) {
        out->config.bNumInterfaces = 1;
        out->interface.num_altsetting = 1;
        setting->bInterfaceNumber = part[2];
        setting->bInterfaceClass = part[5];
    } else if (part[1] == LIBUSB_DT_ENDPOINT && setting->bNumEndpoints < ENDPOINTS_MAX) {
        struct libusb_endpoint_descriptor *endpoint = &out->endpoints[setting->bNumEndpoints++];
        endpoint->bEndpointAddress = part[2];
        endpoint->bmAttributes = part[3];
        endpoint->wMaxPacketSize = (uint16_t)(part[4] | part[5] << 8);
    }
}

int LIBUSB_CALL libusb_get_active_config_descriptor(libusb_device *device,
                                                    struct libusb_config_descriptor **out)
{
    int error = fakeusb_fails("libusb_get_active_config_descriptor");
    if (error != 0) return error;
    struct configuration *made = calloc(1, sizeof(*made));
    size_t size = 0;
    if (!made) return LIBUSB_ERROR_NO_MEM;
    const uint8_t *bytes = snndev_usb_config_descriptor(device->gadget->usb.superspeed, &size);
    for (size_t at = 0; at + 2 <= size && bytes[at] >= 2; at += bytes[at])
        read_part(made, bytes + at);
    made->config.interface = &made->interface;
    made->interface.altsetting = &made->setting;
    made->setting.endpoint = made->endpoints;
    fakeusb_hold(1);
    *out = &made->config;
    return 0;
}

void LIBUSB_CALL libusb_free_config_descriptor(struct libusb_config_descriptor *config)
{
    if (!config) return;
    fakeusb_hold(-1);
    free(config); /* the first member of what was allocated */
}

/* ---- Endpoint 0 ---- */

/* Passes time, at most to the end, as long as the device is there. */
static void pass_time(const struct gadget *gadget, int64_t end_ms)
{
    while (gadget->attached && fakeusb_wait_until(end_ms))
        ;
}

static int control(struct gadget *gadget, const uint8_t *setup, uint8_t *data, unsigned timeout_ms)
{
    int64_t end = fakeusb_now_ms() + (timeout_ms == 0 ? FOREVER_MS : timeout_ms);
    int64_t held_back = fakeusb_now_ms() + snndev_port_delay(gadget->usb.port);
    size_t actual = 0;
    if (held_back > fakeusb_now_ms()) pass_time(gadget, held_back < end ? held_back : end);
    if (!gadget->attached) return LIBUSB_ERROR_NO_DEVICE;
    if (held_back > end) return LIBUSB_ERROR_TIMEOUT;
    if (gadget->muted) pass_time(gadget, end);
    if (gadget->muted) return gadget->attached ? LIBUSB_ERROR_TIMEOUT : LIBUSB_ERROR_NO_DEVICE;
    enum snndev_outcome outcome = snndev_usb_control(&gadget->usb, setup, data, &actual);
    fakeusb_changed();
    switch (outcome) {
    case SNNDEV_COMPLETED:
        return (int)actual;
    case SNNDEV_STALLED:
        return LIBUSB_ERROR_PIPE;
    case SNNDEV_TIMED_OUT:
        pass_time(gadget, end);
        return gadget->attached ? LIBUSB_ERROR_TIMEOUT : LIBUSB_ERROR_NO_DEVICE;
    case SNNDEV_VANISHED:
        fakeusb_detach(gadget);
        return LIBUSB_ERROR_NO_DEVICE;
    default:
        return LIBUSB_ERROR_IO;
    }
}

static void put16(uint8_t *out, unsigned value)
{
    out[0] = (uint8_t)value;
    out[1] = (uint8_t)(value >> 8);
}

int LIBUSB_CALL libusb_control_transfer(libusb_device_handle *handle, uint8_t type, uint8_t request,
                                        uint16_t value, uint16_t index, unsigned char *data,
                                        uint16_t size, unsigned timeout_ms)
{
    uint8_t setup[8] = {type, request};
    put16(setup + 2, value);
    put16(setup + 4, index);
    put16(setup + 6, size);
    fakeusb_enter();
    int result = fakeusb_fails_locked("libusb_control_transfer");
    if (result == 0) result = control(handle->gadget, setup, data, timeout_ms);
    fakeusb_leave();
    return result;
}

int LIBUSB_CALL libusb_clear_halt(libusb_device_handle *handle, unsigned char endpoint)
{
    const uint8_t setup[8] = {0x02, LIBUSB_REQUEST_CLEAR_FEATURE, 0, 0, endpoint};
    fakeusb_enter();
    int result = fakeusb_fails_locked("libusb_clear_halt");
    /* The kernel's time-out, which nobody can change. */
    if (result == 0) result = control(handle->gadget, setup, NULL, 5000);
    fakeusb_leave();
    return result < 0 ? result : 0;
}
