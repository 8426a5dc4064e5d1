/* Bed B: the real libusb over usbfs as umockdev makes it up. Device nodes, sysfs and udev's events
 * are umockdev's; what an ioctl of usbfs does to a device is here, and goes to the virtual chip as
 * USB/IP (device/vchip/urbs.h), just as the kernel's vhci-hcd has it.
 *
 * umockdev answers ioctls on a thread of its own; the mutex is between that and the test's. The
 * program must be run by umockdev-wrapper.
 */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/usbdevice_fs.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <umockdev.h>

#include "device/vchip/urbs.h"
#include "snn/context.h"
#include "snn/device.h"
#include "snn/status.h"
#include "tests/device/bed.h"
#include "tests/device/bed_umock.h"
#include "tests/device/usbip_client.h"

enum { SETUP_BYTES = 8, NAME_BYTES = 96, SPEED_HIGH = 3, LIST_MS = 3000 };
enum { GET_DESCRIPTOR = 6, STRING = 3 };
/* Of device numbers, which begin anew when all were had. */
enum { NUMBER_FIRST = 2, NUMBER_LAST = 127 };

/* A transfer of the host's, as usbfs knows it, until the host has reaped it. */
struct urb {
    struct urb *next;
    UMockdevIoctlData *urb, *buffer;
    UMockdevIoctlClient *client;
    uint32_t sequence;
    bool ended;
    int status;
    uint32_t actual;
};

/* A device that was ever plugged in: a host may hold its file open long after it left. */
struct slot {
    struct slot *next;
    bool added, gone;
    char node[NAME_BYTES], sysfs[NAME_BYTES];
    struct snn_context *context;
    struct snndev_vchip *chip;
    struct snndev_port *port;
    struct snndev_usbdevice device;
    const struct umock_description *description; /* NULL: the chip's own */
    struct snndev_urbs *urbs;
    struct urb *list; /* oldest first; the ended ones in the order of their ends at its front */
    uint32_t sequence;
    UMockdevIoctlClient *owner; /* of the interface */
    UMockdevIoctlBase *handler;
    pthread_t leaving;
    bool has_leaving;
};

/* What a test program cannot do without: libusb calls open, which must know what is denied. */
static struct {
    pthread_mutex_t mutex; /* of the slots */
    pthread_mutex_t files;
    UMockdevTestbed *testbed;
    struct slot *slots[BED_SLOTS]; /* what is plugged in */
    struct slot *ever;
    unsigned next_number;
    char denied[BED_SLOTS][NAME_BYTES];
} all = {.mutex = PTHREAD_MUTEX_INITIALIZER, .files = PTHREAD_MUTEX_INITIALIZER};

/* ---- Permissions ---- */

/* These come before libumockdev-preload's own, to which they lead. Root may open everything, unless
 * it is denied here; and the list of open files of libumockdev-preload 0.17 knows no threads, so
 * one opens or closes at a time. glibc's headers make calls of open with constant flags the second.
 */
int denying_open(const char *path, int flags, ...) __asm__("open");
int denying_open_2(const char *path, int flags) __asm__("__open_2");
int locked_close(int file) __asm__("close");

typedef int (*open_fn)(const char *, int, ...);
typedef int (*close_fn)(int);

static bool is_denied(const char *path)
{
    for (unsigned i = 0; i < BED_SLOTS; i++)
        if (all.denied[i][0] != '\0' && strcmp(path, all.denied[i]) == 0) return true;
    return false;
}

static int open_next(const char *path, int flags, mode_t mode)
{
    open_fn next = NULL;
    void *symbol = dlsym(RTLD_NEXT, "open");
    memcpy(&next, &symbol, sizeof next);
    if (is_denied(path)) {
        errno = EACCES;
        return -1;
    }
    pthread_mutex_lock(&all.files);
    const int file = next(path, flags, mode);
    const int error = errno;
    pthread_mutex_unlock(&all.files);
    errno = error;
    return file;
}

int denying_open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = (flags & O_CREAT) ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return open_next(path, flags, mode);
}

int denying_open_2(const char *path, int flags)
{
    return open_next(path, flags, 0);
}

int locked_close(int file)
{
    close_fn next = NULL;
    void *symbol = dlsym(RTLD_NEXT, "close");
    memcpy(&next, &symbol, sizeof next);
    pthread_mutex_lock(&all.files);
    const int result = next(file);
    const int error = errno;
    pthread_mutex_unlock(&all.files);
    errno = error;
    return result;
}

static int deny(unsigned index, bool denied)
{
    snprintf(all.denied[index], NAME_BYTES, "%s",
             denied && all.slots[index] ? all.slots[index]->node : "");
    return 0;
}

/* ---- Transfers ---- */

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static struct usbdevfs_urb *usbfs_urb(const struct urb *urb)
{
    return (struct usbdevfs_urb *)(void *)urb->urb->data;
}

static void free_urb(struct urb *urb)
{
    umockdev_ioctl_data_unref(urb->urb);
    if (urb->buffer) umockdev_ioctl_data_unref(urb->buffer);
    g_object_unref(urb->client);
    free(urb);
}

/* Moves it behind those that ended before. */
static void end_urb(struct slot *slot, struct urb *urb, int status, uint32_t actual)
{
    struct urb **at = &slot->list;
    while (*at != urb)
        at = &(*at)->next;
    *at = urb->next;
    for (at = &slot->list; *at && (*at)->ended;)
        at = &(*at)->next;
    urb->next = *at;
    *at = urb;
    urb->ended = true;
    urb->status = status;
    urb->actual = actual;
}

static struct urb *find_urb(struct slot *slot, uint32_t sequence)
{
    struct urb *urb = slot->list;
    while (urb && (urb->ended || urb->sequence != sequence))
        urb = urb->next;
    return urb;
}

/* One answer of the device, with its data behind the header. */
static void take_answer(struct slot *slot, const struct usbip_client_answer *answer,
                        const uint8_t *data)
{
    struct urb *urb = find_urb(slot, answer->sequence);
    if (!urb) return;
    const struct usbdevfs_urb *usbfs = usbfs_urb(urb);
    const size_t offset = usbfs->type == USBDEVFS_URB_TYPE_CONTROL ? SETUP_BYTES : 0;
    if (data && answer->actual > 0) memcpy(urb->buffer->data + offset, data, answer->actual);
    end_urb(slot, urb, answer->status, answer->actual);
}

static bool is_in(const struct urb *urb)
{
    const struct usbdevfs_urb *usbfs = usbfs_urb(urb);
    const bool control = usbfs->type == USBDEVFS_URB_TYPE_CONTROL;
    return (control ? urb->buffer->data[0] : usbfs->endpoint) & 0x80;
}

static void take_answers(struct slot *slot)
{
    size_t size = 0;
    const uint8_t *bytes = NULL;
    while ((bytes = snndev_urbs_answers(slot->urbs, &size)) != NULL) {
        struct usbip_client_answer answer;
        if (size < USBIP_CLIENT_HEADER || !usbip_client_answer(&answer, bytes)) abort();
        const struct urb *urb = find_urb(slot, answer.sequence);
        const size_t data = urb && !answer.unlink && is_in(urb) ? answer.actual : 0;
        if (!answer.unlink)
            take_answer(slot, &answer, data > 0 ? bytes + USBIP_CLIENT_HEADER : NULL);
        snndev_urbs_sent(slot->urbs, USBIP_CLIENT_HEADER + data);
    }
}

/* ---- Coming and going ---- */

static void *leave(void *user)
{
    struct slot *slot = user;
    umockdev_testbed_uevent(all.testbed, slot->sysfs, "remove");
    umockdev_testbed_remove_device(all.testbed, slot->sysfs);
    return NULL;
}

/* The device is off the bus: what is under way ends so. umockdev's thread cannot send the event
 * itself, as it would wait for itself. */
static void lose(struct slot *slot)
{
    if (slot->gone || !slot->added) return;
    slot->gone = true;
    for (struct urb *urb = slot->list; urb; urb = urb->next) {
        if (urb->ended) continue;
        urb->ended = true;
        urb->status = -ESHUTDOWN;
        urb->actual = 0;
    }
    slot->has_leaving = pthread_create(&slot->leaving, NULL, leave, slot) == 0;
}

static void advance(struct slot *slot, int status)
{
    if (slot->gone) return;
    if (status == SNN_OK) status = snndev_urbs_advance(slot->urbs, slot->context, now_ms());
    take_answers(slot);
    if (status == SNN_ERR_GONE) lose(slot);
}

/* ---- usbfs ---- */

/* Whether it is a string that a foreign description has: then it is answered here, or never. */
static bool tell_text(struct slot *slot, struct urb *urb, const uint8_t *setup, size_t room)
{
    const struct umock_description *description = slot->description;
    size_t size = 0;
    if (!description || !setup || setup[0] != 0x80 || setup[1] != GET_DESCRIPTOR) return false;
    if (setup[3] != STRING) return false;
    const int error =
        description->tell(description->user, setup, urb->buffer->data + SETUP_BYTES, room, &size);
    if (error != UMOCK_NEVER) end_urb(slot, urb, -error, (uint32_t)size);
    return true;
}

static int submit(struct slot *slot, UMockdevIoctlClient *client, UMockdevIoctlData *argument)
{
    uint8_t header[USBIP_CLIENT_HEADER];
    struct urb *urb = calloc(1, sizeof *urb);
    if (!urb) return ENOMEM;
    urb->urb = umockdev_ioctl_data_resolve(argument, 0, sizeof(struct usbdevfs_urb), NULL);
    const struct usbdevfs_urb *usbfs = usbfs_urb(urb);
    const bool control = usbfs->type == USBDEVFS_URB_TYPE_CONTROL;
    uint32_t length = (uint32_t)usbfs->buffer_length;
    if (length > 0)
        urb->buffer = umockdev_ioctl_data_resolve(
            urb->urb, G_STRUCT_OFFSET(struct usbdevfs_urb, buffer), length, NULL);
    urb->client = g_object_ref(client);
    urb->sequence = ++slot->sequence;
    struct urb **end = &slot->list;
    while (*end)
        end = &(*end)->next;
    *end = urb;
    const uint8_t *data = urb->buffer ? urb->buffer->data : NULL;
    const uint8_t *setup = control ? data : NULL;
    const uint8_t endpoint = control ? (uint8_t)(setup[0] & 0x80) : usbfs->endpoint;
    if (control) {
        data += SETUP_BYTES;
        length -= SETUP_BYTES;
    }
    if (tell_text(slot, urb, setup, length)) return 0;
    usbip_client_submit(header, urb->sequence, endpoint, length, setup);
    int status = snndev_urbs_take(slot->urbs, slot->context, header, sizeof header, now_ms());
    if (status == SNN_OK && !(endpoint & 0x80) && length > 0)
        status = snndev_urbs_take(slot->urbs, slot->context, data, length, now_ms());
    advance(slot, status);
    return 0;
}

static int discard(struct slot *slot, const UMockdevIoctlData *argument)
{
    uint8_t header[USBIP_CLIENT_HEADER];
    gulong address = 0;
    memcpy(&address, argument->data, sizeof address);
    struct urb *urb = slot->list;
    while (urb && (urb->ended || urb->urb->client_addr != address))
        urb = urb->next;
    if (!urb) return EINVAL;
    usbip_client_unlink(header, ++slot->sequence, urb->sequence);
    advance(slot, snndev_urbs_take(slot->urbs, slot->context, header, sizeof header, now_ms()));
    if (!urb->ended) end_urb(slot, urb, -ENOENT, 0);
    return 0;
}

static int reap(struct slot *slot, const UMockdevIoctlClient *client, UMockdevIoctlData *argument)
{
    advance(slot, SNN_OK);
    struct urb **at = &slot->list;
    while (*at && (*at)->ended && (*at)->client != client)
        at = &(*at)->next;
    struct urb *urb = *at;
    if (!urb || !urb->ended) return slot->gone ? ENODEV : EAGAIN;
    *at = urb->next;
    struct usbdevfs_urb *usbfs = usbfs_urb(urb);
    usbfs->status = urb->status;
    usbfs->actual_length = (int)urb->actual;
    UMockdevIoctlData *pointer = umockdev_ioctl_data_resolve(argument, 0, sizeof(void *), NULL);
    umockdev_ioctl_data_set_ptr(pointer, 0, urb->urb);
    umockdev_ioctl_data_unref(pointer);
    free_urb(urb);
    return 0;
}

/* What files that are closed have left under way is nobody's. */
static void drop_orphans(struct slot *slot)
{
    uint8_t header[USBIP_CLIENT_HEADER];
    for (struct urb **at = &slot->list; *at;) {
        struct urb *urb = *at;
        if (umockdev_ioctl_client_get_connected(urb->client)) {
            at = &urb->next;
            continue;
        }
        *at = urb->next;
        usbip_client_unlink(header, ++slot->sequence, urb->sequence);
        snndev_urbs_take(slot->urbs, slot->context, header, sizeof header, now_ms());
        free_urb(urb);
    }
    take_answers(slot);
}

static int claim(struct slot *slot, UMockdevIoctlClient *client)
{
    if (slot->owner == client) return 0;
    if (slot->owner && umockdev_ioctl_client_get_connected(slot->owner)) return EBUSY;
    drop_orphans(slot);
    if (slot->owner) g_object_unref(slot->owner);
    slot->owner = g_object_ref(client);
    return 0;
}

static int release(struct slot *slot, const UMockdevIoctlClient *client)
{
    if (slot->owner != client) return EINVAL;
    g_object_unref(slot->owner);
    slot->owner = NULL;
    return 0;
}

static int set_u32(UMockdevIoctlData *argument, uint32_t value)
{
    UMockdevIoctlData *data = umockdev_ioctl_data_resolve(argument, 0, sizeof value, NULL);
    memcpy(data->data, &value, sizeof value);
    umockdev_ioctl_data_unref(data);
    return 0;
}

static int clear_halt(struct slot *slot, UMockdevIoctlData *argument)
{
    uint32_t endpoint = 0;
    size_t actual = 0;
    UMockdevIoctlData *data = umockdev_ioctl_data_resolve(argument, 0, sizeof endpoint, NULL);
    memcpy(&endpoint, data->data, sizeof endpoint);
    umockdev_ioctl_data_unref(data);
    /* CLEAR_FEATURE of ENDPOINT_HALT, as the kernel sends it. */
    const uint8_t setup[SETUP_BYTES] = {2, 1, 0, 0, (uint8_t)endpoint, 0, 0, 0};
    uint8_t none[1];
    const enum snndev_outcome outcome = snndev_usb_control(&slot->device, setup, none, &actual);
    advance(slot, SNN_OK);
    return outcome == SNNDEV_COMPLETED ? 0 : EPIPE;
}

/* An errno, or 0; -1: not an ioctl that libusb needs. */
static int do_ioctl(struct slot *slot, UMockdevIoctlClient *client)
{
    UMockdevIoctlData *argument = umockdev_ioctl_client_get_arg(client);
    const gulong request = umockdev_ioctl_client_get_request(client);
    if (request == USBDEVFS_REAPURBNDELAY || request == USBDEVFS_REAPURB)
        return reap(slot, client, argument);
    if (slot->gone) return ENODEV;
    switch (request) {
    case USBDEVFS_SUBMITURB:
        return submit(slot, client, argument);
    case USBDEVFS_DISCARDURB:
        return discard(slot, argument);
    case USBDEVFS_CLEAR_HALT:
        return clear_halt(slot, argument);
    case USBDEVFS_DISCONNECT_CLAIM:
    case USBDEVFS_CLAIMINTERFACE:
        return claim(slot, client);
    case USBDEVFS_RELEASEINTERFACE:
        return release(slot, client);
    case USBDEVFS_GET_CAPABILITIES:
        return set_u32(argument, USBDEVFS_CAP_ZERO_PACKET | USBDEVFS_CAP_BULK_SCATTER_GATHER |
                                     USBDEVFS_CAP_NO_PACKET_SIZE_LIM |
                                     USBDEVFS_CAP_REAP_AFTER_DISCONNECT);
    case USBDEVFS_GETDRIVER:
    case USBDEVFS_IOCTL:
        return ENODATA; /* no driver of the kernel's */
    case USBDEVFS_RESET:
        return 0;
    default:
        return -1;
    }
}

static gboolean handle(UMockdevIoctlBase *handler, UMockdevIoctlClient *client, gpointer user)
{
    struct slot *slot = user;
    (void)handler;
    if (umockdev_ioctl_client_get_request(client) == USBDEVFS_GET_SPEED) {
        umockdev_ioctl_client_complete(client, SPEED_HIGH, 0);
        return TRUE;
    }
    pthread_mutex_lock(&all.mutex);
    const int error = do_ioctl(slot, client);
    pthread_mutex_unlock(&all.mutex);
    if (error < 0) return FALSE;
    umockdev_ioctl_client_complete(client, error == 0 ? 0 : -1, error);
    return TRUE;
}

/* ---- The bed ---- */

/* One more line of what umockdev is told of a device. */
static void add_bytes(GString *text, const char *name, const uint8_t *bytes, size_t size)
{
    if (size == 0) return;
    g_string_append_printf(text, "H: %s=", name);
    for (size_t i = 0; i < size; i++)
        g_string_append_printf(text, "%02x", bytes[i]);
    g_string_append_c(text, '\n');
}

static void add_own(GString *text)
{
    uint8_t bytes[256];
    size_t first = 0, second = 0;
    const uint8_t *device = snndev_usb_device_descriptor(false, &first);
    const uint8_t *configuration = snndev_usb_config_descriptor(false, &second);
    memcpy(bytes, device, first);
    memcpy(bytes + first, configuration, second);
    g_string_append(text, "A: bConfigurationValue=1\\n\n");
    add_bytes(text, "descriptors", bytes, first + second);
}

static void add_foreign(GString *text, const struct umock_description *description)
{
    g_string_append_printf(text, "A: idVendor=1209\\n\nA: idProduct=0001\\n\n");
    g_string_append_printf(text, "A: bConfigurationValue=%s\n", description->configuration);
    add_bytes(text, "descriptors", description->descriptors, description->size);
    add_bytes(text, "serial", description->serial.bytes, description->serial.size);
    add_bytes(text, "product", description->product.bytes, description->product.size);
}

static int add_device(const struct slot *slot, unsigned index, unsigned number)
{
    GError *error = NULL;
    GString *text = g_string_new(NULL);
    g_string_append_printf(
        text,
        "P: /devices/usb1/1-%u\nN: bus/usb/001/%03u\nE: SUBSYSTEM=usb\nE: DRIVER=usb\n"
        "E: BUSNUM=001\nE: DEVNUM=%03u\nE: DEVNAME=/dev/bus/usb/001/%03u\n"
        "E: DEVTYPE=usb_device\nA: busnum=1\\n\nA: devnum=%u\\n\nA: speed=480\\n\n",
        index + 1, number, number, number, number);
    if (slot->description)
        add_foreign(text, slot->description);
    else
        add_own(text);
    const bool added = umockdev_testbed_add_from_string(all.testbed, text->str, &error);
    g_string_free(text, TRUE);
    if (added) return 0;
    fprintf(stderr, "umockdev: %s\n", error->message);
    g_error_free(error);
    return 1;
}

struct search {
    const char *serial;
    bool found;
};

static void look(const struct snn_device_description *device, void *user)
{
    struct search *search = user;
    search->found = search->found || strcmp(device->serial, search->serial) == 0;
}

static int wait_until_listed(const struct slot *slot)
{
    const uint64_t until = now_ms() + LIST_MS;
    const struct timespec pause = {.tv_nsec = 5000000};
    struct snn_context *context = NULL;
    struct search search = {.serial = slot->device.serial};
    if (snn_context_create(&context, NULL) != SNN_OK) return 1;
    while (!search.found && now_ms() < until) {
        if (snn_device_list(context, look, &search) != SNN_OK) break;
        if (!search.found) nanosleep(&pause, NULL);
    }
    if (!search.found) fprintf(stderr, "the device is not listed\n");
    snn_context_destroy(&context);
    return search.found ? 0 : 1;
}

static int make_chip(struct slot *slot, const char *fault)
{
    struct snndev_faults faults = {.output_words = 0};
    int status = snn_context_create(&slot->context, NULL);
    if (status == SNN_OK) status = snndev_faults_parse(&faults, slot->context, fault);
    const struct snndev_vchip_options options = {
        .chip = "speck2f", .serial = slot->device.serial, .output_words = faults.output_words};
    if (status == SNN_OK) status = snndev_vchip_create(&slot->chip, slot->context, &options);
    if (status == SNN_OK)
        status = snndev_port_create(&slot->port, slot->context, slot->chip, &faults);
    slot->device.port = slot->port;
    slot->device.configuration = 1;
    if (status == SNN_OK) status = snndev_urbs_create(&slot->urbs, slot->context, &slot->device);
    if (status != SNN_OK) fprintf(stderr, "%s\n", snn_context_message(slot->context));
    return status == SNN_OK ? 0 : 1;
}

static int attach(struct slot *slot)
{
    GError *error = NULL;
    slot->handler = umockdev_ioctl_base_new();
    g_signal_connect_after(slot->handler, "handle-ioctl", G_CALLBACK(handle), slot);
    if (umockdev_testbed_attach_ioctl(all.testbed, slot->node, slot->handler, &error)) return 0;
    fprintf(stderr, "umockdev: %s\n", error->message);
    g_error_free(error);
    return 1;
}

static int make_slot(struct slot **out, unsigned index, const char *fault,
                     const struct umock_description *description)
{
    const unsigned number = all.next_number++;
    struct slot *slot = calloc(1, sizeof *slot);
    if (!slot) return 1;
    if (all.next_number > NUMBER_LAST) all.next_number = NUMBER_FIRST;
    slot->next = all.ever;
    slot->description = description;
    all.ever = slot;
    all.slots[index] = slot;
    *out = slot;
    snprintf(slot->device.serial, sizeof slot->device.serial, "BED%u", index);
    snprintf(slot->node, sizeof slot->node, "/dev/bus/usb/001/%03u", number);
    snprintf(slot->sysfs, sizeof slot->sysfs, "/sys/devices/usb1/1-%u", index + 1);
    if (make_chip(slot, fault) != 0 || attach(slot) != 0) return 1;
    slot->added = add_device(slot, index, number) == 0;
    return slot->added ? 0 : 1;
}

static int plug(unsigned index, const char *fault)
{
    struct slot *slot = NULL;
    return make_slot(&slot, index, fault, NULL) == 0 ? wait_until_listed(slot) : 1;
}

int umock_plug(unsigned index, const struct umock_description *description)
{
    struct slot *slot = NULL;
    return make_slot(&slot, index, NULL, description);
}

static void unplug(unsigned index)
{
    struct slot *slot = all.slots[index];
    if (!slot) return;
    pthread_mutex_lock(&all.mutex);
    lose(slot);
    pthread_mutex_unlock(&all.mutex);
    if (slot->has_leaving) pthread_join(slot->leaving, NULL);
    slot->has_leaving = false;
    deny(index, false);
    all.slots[index] = NULL;
}

static void free_slot(struct slot *slot)
{
    umockdev_testbed_detach_ioctl(all.testbed, slot->node, NULL);
    while (slot->list) {
        struct urb *urb = slot->list;
        slot->list = urb->next;
        free_urb(urb);
    }
    snndev_urbs_destroy(&slot->urbs);
    snndev_port_destroy(&slot->port);
    snndev_vchip_destroy(&slot->chip);
    snn_context_destroy(&slot->context);
    g_clear_object(&slot->owner);
    g_clear_object(&slot->handler);
    free(slot);
}

void umock_unplug(unsigned index)
{
    struct slot *slot = all.slots[index];
    struct slot **at = &all.ever;
    unplug(index);
    while (*at && *at != slot)
        at = &(*at)->next;
    if (!*at) return;
    *at = slot->next;
    free_slot(slot);
}

static int start(void)
{
    static const char hub[] =
        "P: /devices/usb1\nN: bus/usb/001/001\nE: SUBSYSTEM=usb\nE: DRIVER=usb\nE: BUSNUM=001\n"
        "E: DEVNUM=001\nE: DEVNAME=/dev/bus/usb/001/001\nE: DEVTYPE=usb_device\n"
        "A: bConfigurationValue=1\\n\nA: busnum=1\\n\nA: devnum=1\\n\nA: speed=480\\n\n"
        "H: descriptors=1201000209000140"
        "6b1d020000010000000109021900010100e0000904000001090000000705810304000c\n";
    GError *error = NULL;
    const char *preloaded = getenv("LD_PRELOAD");
    if (!preloaded || !strstr(preloaded, "umockdev")) {
        fprintf(stderr, "umockdev-wrapper is missing (package umockdev)\n");
        return BED_SKIP;
    }
    all.testbed = umockdev_testbed_new();
    all.next_number = NUMBER_FIRST;
    if (umockdev_testbed_add_from_string(all.testbed, hub, &error)) return 0;
    fprintf(stderr, "umockdev: %s\n", error->message);
    g_error_free(error);
    return 1;
}

static void stop(void)
{
    for (unsigned i = 0; i < BED_SLOTS; i++)
        unplug(i);
    while (all.ever) {
        struct slot *slot = all.ever;
        all.ever = slot->next;
        free_slot(slot);
    }
    g_clear_object(&all.testbed);
}

const struct bed bed = {
    .name = "B, umockdev below the real libusb",
    .start = start,
    .plug = plug,
    .unplug = unplug,
    .deny = deny,
    .stop = stop,
    .hotplug = true,
};
