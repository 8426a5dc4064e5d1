/* Finding USB devices: what a URI means, who is plugged in, what is known of each.
 *
 * Everything here is told by devices or hosts that may be wrong: texts are cut to printable ASCII,
 * other descriptors are only read through libusb, which has checked their sizes, and a device that
 * lets a question pass is not asked again. One that cannot be opened is still listed, with the
 * reason.
 */
#include <libusb.h>
#include <stdio.h>
#include <string.h>

#include "device/transport/usb.h"
#include "libsnn/base/error.h"

enum { PORTS_MAX = 7, TEXT_BYTES = 255, TEXT_MS = 500 };

/* What a URI asks for. */
struct wanted {
    bool numbered;
    uint16_t vendor, product;
    const char *serial, *port; /* NULL: any */
};

/* ---- libusb's errors ---- */

/* Where libusb's log goes: nowhere. What libusb_init itself has to say comes before that, and only
 * to users who asked for it by LIBUSB_DEBUG; the callback for that is one of the whole process, of
 * which this library has no right to dispose. */
static void LIBUSB_CALL on_log(libusb_context *libusb, enum libusb_log_level level,
                               const char *text)
{
    (void)libusb;
    (void)level;
    (void)text;
}

int snndev_usb_init(struct libusb_context **out, struct snn_context *context)
{
    libusb_context *libusb = NULL;
    int error = libusb_init(&libusb);
    if (error != 0) return snndev_usb_fail(context, error, "libusb");
    libusb_set_log_cb(libusb, on_log, LIBUSB_LOG_CB_CONTEXT);
    *out = libusb;
    return SNN_OK;
}

int snndev_usb_status(int error)
{
    switch (error) {
    case LIBUSB_SUCCESS:
        return SNN_OK;
    case LIBUSB_ERROR_NO_DEVICE:
        return SNN_ERR_GONE;
    case LIBUSB_ERROR_ACCESS:
        return SNN_ERR_ACCESS;
    case LIBUSB_ERROR_BUSY:
        return SNN_ERR_BUSY;
    case LIBUSB_ERROR_NO_MEM:
        return SNN_ERR_NOMEM;
    case LIBUSB_ERROR_TIMEOUT:
        return SNN_ERR_TIMEOUT;
    case LIBUSB_ERROR_PIPE:
        return SNN_ERR_PROTOCOL;
    default:
        return SNN_ERR_IO;
    }
}

int snndev_usb_fail(struct snn_context *context, int error, const char *what)
{
    return snnbase_fail(context, snndev_usb_status(error), "%s: %s (%s)", what,
                        libusb_strerror(error), libusb_error_name(error));
}

/* ---- What is known of a device ---- */

/* The address of the interface's first bulk endpoint in that direction; 0: it has none. */
static uint8_t find_bulk(const struct libusb_interface_descriptor *interface, uint8_t direction)
{
    for (uint8_t i = 0; i < interface->bNumEndpoints; i++) {
        const struct libusb_endpoint_descriptor *endpoint = &interface->endpoint[i];
        bool bulk = (endpoint->bmAttributes & 3u) == LIBUSB_TRANSFER_TYPE_BULK;
        if (bulk && (endpoint->bEndpointAddress & 0x80u) == direction)
            return endpoint->bEndpointAddress;
    }
    return 0;
}

bool snndev_usb_find_pipes(struct libusb_device *device, struct snndev_usb_pipes *out)
{
    struct libusb_config_descriptor *config = NULL;
    if (libusb_get_active_config_descriptor(device, &config) != 0) return false;
    bool found = false;
    for (uint8_t i = 0; i < config->bNumInterfaces && !found; i++) {
        if (config->interface[i].num_altsetting < 1) continue;
        const struct libusb_interface_descriptor *interface = config->interface[i].altsetting;
        uint8_t in = find_bulk(interface, LIBUSB_ENDPOINT_IN);
        if (in == 0) continue;
        *out = (struct snndev_usb_pipes){
            .interface = interface->bInterfaceNumber,
            .in = in,
            .out = find_bulk(interface, LIBUSB_ENDPOINT_OUT),
        };
        found = true;
    }
    libusb_free_config_descriptor(config);
    return found;
}

bool snndev_usb_is_known(struct libusb_device *device)
{
    struct libusb_device_descriptor descriptor;
    struct snndev_usb_pipes pipes;
    if (libusb_get_device_descriptor(device, &descriptor) != 0) return false;
    if (descriptor.idVendor != SNNWIRE_TEST_VID || descriptor.idProduct != SNNWIRE_TEST_PID)
        return false;
    return snndev_usb_find_pipes(device, &pipes) && pipes.out != 0;
}

/* A device that is asked for its texts. */
struct teller {
    libusb_device_handle *handle;
    uint16_t language;
    bool mute; /* it let a question pass: it is asked no more */
};

/* A string descriptor as it is on the bus; its size, or 0 if there is none. libusb's own functions
 * for this wait for a second each time. */
static size_t ask(struct teller *teller, uint8_t index, uint8_t *out)
{
    if (teller->mute) return 0;
    const uint16_t value = (uint16_t)(LIBUSB_DT_STRING << 8 | index);
    const int result =
        libusb_control_transfer(teller->handle, LIBUSB_ENDPOINT_IN, LIBUSB_REQUEST_GET_DESCRIPTOR,
                                value, teller->language, out, TEXT_BYTES, TEXT_MS);
    teller->mute = result == LIBUSB_ERROR_TIMEOUT;
    if (result < 2 || out[0] > result || out[1] != LIBUSB_DT_STRING) return 0;
    return out[0];
}

static struct teller ask_language(libusb_device_handle *handle)
{
    struct teller teller = {.handle = handle};
    uint8_t bytes[TEXT_BYTES];
    if (ask(&teller, 0, bytes) >= 4) teller.language = (uint16_t)(bytes[2] | bytes[3] << 8);
    return teller;
}

/* A string of the device, printable whatever it says; "" where it has none. */
static void read_text(struct teller *teller, uint8_t index, char *out, size_t room)
{
    uint8_t bytes[TEXT_BYTES];
    size_t used = 0;
    /* Without a language it has no strings (USB 2.0, 9.6.7). */
    const size_t size = index != 0 && teller->language != 0 ? ask(teller, index, bytes) : 0;
    for (size_t i = 2; i + 1 < size && used + 1 < room; i += 2) {
        if (bytes[i] == 0 && bytes[i + 1] == 0) break;
        const bool printable = bytes[i + 1] == 0 && bytes[i] >= ' ' && bytes[i] <= '~';
        out[used++] = printable ? (char)bytes[i] : '?';
    }
    out[used] = '\0';
}

#if defined(__linux__)

/* What the kernel tells of a device to everybody; "" if nothing. */
static void read_attribute(const char *port, const char *name, char *out, size_t room)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "/sys/bus/usb/devices/%s/%s", port, name);
    FILE *file = fopen(path, "re");
    bool read = file && fgets(out, (int)room, file);
    if (!read) out[0] = '\0';
    if (file) (void)fclose(file);
    size_t used = 0;
    for (; out[used] != '\0' && out[used] != '\n'; used++) {
        if (out[used] < ' ' || out[used] > '~') out[used] = '?';
    }
    out[used] = '\0';
}

/* Texts of a device that may not be opened, if it is the one that the kernel has at this port. */
static void read_closed(struct snn_device_description *out,
                        const struct libusb_device_descriptor *descriptor)
{
    char vendor[8], product[8], expected[16], found[16];
    read_attribute(out->port, "idVendor", vendor, sizeof(vendor));
    read_attribute(out->port, "idProduct", product, sizeof(product));
    (void)snprintf(expected, sizeof(expected), "%04x:%04x", descriptor->idVendor,
                   descriptor->idProduct);
    (void)snprintf(found, sizeof(found), "%s:%s", vendor, product);
    if (strcmp(expected, found) != 0) return;
    read_attribute(out->port, "serial", out->serial, sizeof(out->serial));
    read_attribute(out->port, "product", out->product, sizeof(out->product));
}

#else

static void read_closed(struct snn_device_description *out,
                        const struct libusb_device_descriptor *descriptor)
{
    (void)out;
    (void)descriptor;
}

#endif

/* A kernel driver on the interface is no hindrance: opening detaches it. */
static int try_interface(libusb_device_handle *handle, const struct snndev_usb_pipes *pipes)
{
    int error = libusb_claim_interface(handle, pipes->interface);
    if (error == 0) (void)libusb_release_interface(handle, pipes->interface);
    if (error == LIBUSB_ERROR_BUSY && libusb_kernel_driver_active(handle, pipes->interface) == 1)
        return SNN_OK;
    return snndev_usb_status(error);
}

/* Bus and ports: "1-2.3". */
static void write_port(libusb_device *device, char *out, size_t room)
{
    uint8_t ports[PORTS_MAX];
    int count = libusb_get_port_numbers(device, ports, PORTS_MAX);
    int used = snprintf(out, room, "%u", libusb_get_bus_number(device));
    for (int i = 0; i < count && used > 0 && (size_t)used < room; i++)
        used += snprintf(out + used, room - (size_t)used, "%c%u", i == 0 ? '-' : '.', ports[i]);
}

static void write_uri(struct snn_device_description *out, uint16_t vendor, uint16_t product)
{
    const char *mark = out->serial[0] ? ":" : "@";
    const char *rest = out->serial[0] ? out->serial : out->port;
    (void)snprintf(out->uri, sizeof(out->uri), "usb:%04x:%04x%s%s", vendor, product, mark, rest);
}

void snndev_usb_describe(struct snn_device_description *out, struct libusb_device *device)
{
    struct libusb_device_descriptor descriptor = {0};
    struct snndev_usb_pipes pipes;
    libusb_device_handle *handle = NULL;
    memset(out, 0, sizeof(*out));
    (void)libusb_get_device_descriptor(device, &descriptor);
    write_port(device, out->port, sizeof(out->port));
    (void)snprintf(out->access_path, sizeof(out->access_path), "/dev/bus/usb/%03u/%03u",
                   libusb_get_bus_number(device), libusb_get_device_address(device));
    out->access = snndev_usb_status(libusb_open(device, &handle));
    if (out->access == SNN_OK) {
        struct teller teller = ask_language(handle);
        read_text(&teller, descriptor.iSerialNumber, out->serial, sizeof(out->serial));
        read_text(&teller, descriptor.iProduct, out->product, sizeof(out->product));
        if (snndev_usb_find_pipes(device, &pipes)) out->access = try_interface(handle, &pipes);
        libusb_close(handle);
    } else {
        read_closed(out, &descriptor);
    }
    write_uri(out, descriptor.idVendor, descriptor.idProduct);
}

int snndev_usb_list(struct snn_context *context, snn_device_fn visit, void *user)
{
    libusb_context *libusb = NULL;
    libusb_device **devices = NULL;
    int status = snndev_usb_init(&libusb, context);
    if (status != SNN_OK) return status;
    ssize_t count = libusb_get_device_list(libusb, &devices);
    if (count < 0) status = snndev_usb_fail(context, (int)count, "the list of USB devices");
    for (ssize_t i = 0; i < count; i++) {
        struct snn_device_description description;
        if (!snndev_usb_is_known(devices[i])) continue;
        snndev_usb_describe(&description, devices[i]);
        visit(&description, user);
    }
    if (count >= 0) libusb_free_device_list(devices, 1);
    libusb_exit(libusb);
    return status;
}

/* ---- URIs ---- */

/* Up to four hexadecimal digits; what stands behind them, or NULL. */
static const char *parse_number(const char *text, uint16_t *out)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    unsigned value = 0;
    unsigned count = 0;
    for (; count < 4 && text[count] != '\0'; count++) {
        const char *digit = strchr(digits, text[count]);
        if (!digit) break;
        value = value * 16u + (unsigned)(digit - digits) % 16u;
    }
    *out = (uint16_t)value;
    return count > 0 ? text + count : NULL;
}

static bool parse_wanted(struct wanted *out, const char *arguments)
{
    *out = (struct wanted){.numbered = arguments[0] != '\0'};
    if (!out->numbered) return true;
    const char *at = parse_number(arguments, &out->vendor);
    if (!at || *at != ':') return false;
    at = parse_number(at + 1, &out->product);
    if (!at) return false;
    if (*at == ':') out->serial = at + 1;
    if (*at == '@') out->port = at + 1;
    return *at == '\0' || at[1] != '\0';
}

static bool has_numbers(const struct wanted *wanted, libusb_device *device)
{
    struct libusb_device_descriptor descriptor;
    if (!wanted->numbered) return snndev_usb_is_known(device);
    if (libusb_get_device_descriptor(device, &descriptor) != 0) return false;
    return descriptor.idVendor == wanted->vendor && descriptor.idProduct == wanted->product;
}

/* Candidates as the list goes by. */
struct search {
    const struct wanted *wanted;
    libusb_device *found; /* not referenced */
    struct snn_device_description description;
    libusb_device *closed; /* matches as far as can be told: it may not be opened */
    struct snn_device_description closed_description;
    unsigned matches, others;
    char text[768]; /* URIs of the matches, or if there are none of the others */
};

static void add_uri(struct search *search, const struct snn_device_description *description)
{
    size_t used = strlen(search->text);
    (void)snprintf(search->text + used, sizeof(search->text) - used, "%s%s (port %s)",
                   used > 0 ? ", " : "", description->uri, description->port);
}

static void consider(struct search *search, libusb_device *device)
{
    const struct wanted *wanted = search->wanted;
    struct snn_device_description about;
    if (!has_numbers(wanted, device)) return;
    snndev_usb_describe(&about, device);
    bool match = (!wanted->serial || strcmp(wanted->serial, about.serial) == 0) &&
                 (!wanted->port || strcmp(wanted->port, about.port) == 0);
    if (match) {
        if (search->matches++ == 0) search->text[0] = '\0';
        search->found = device;
        search->description = about;
    } else {
        search->others++;
        if (wanted->serial && about.access != SNN_OK && about.serial[0] == '\0') {
            search->closed = device;
            search->closed_description = about;
        }
    }
    if (match || search->matches == 0) add_uri(search, &about);
}

static int fail_none(struct snn_context *context, const struct search *search,
                     const char *arguments)
{
    snnbase_fail(context, SNN_ERR_NOT_FOUND, "usb:%s%s no such device", arguments,
                 arguments[0] ? ":" : "");
    if (search->others > 0) return snnbase_hint(context, "plugged in: %s", search->text);
    if (search->wanted->numbered)
        return snnbase_hint(context,
                            "check cable and power, and that `lsusb -d %04x:%04x` shows it; "
                            "`snndev list` shows what can be opened",
                            search->wanted->vendor, search->wanted->product);
    return snnbase_hint(context,
                        "check cable and power, and that `lsusb -d %04x:%04x` shows it; "
                        "without hardware, open \"vdev:speck2f\" or plug a virtual chip "
                        "in by `snndev emulate`",
                        SNNWIRE_TEST_VID, SNNWIRE_TEST_PID);
}

/* What the search came to: one device, or an error. */
static int conclude(struct search *search, struct snn_context *context, const char *arguments)
{
    if (search->matches == 0 && search->closed) {
        search->found = search->closed;
        search->description = search->closed_description;
        return SNN_OK;
    }
    if (search->matches == 0) return fail_none(context, search, arguments);
    if (search->matches == 1) return SNN_OK;
    snnbase_fail(context, SNN_ERR_INVALID, "usb:%s%s matches %u devices: %s", arguments,
                 arguments[0] ? ":" : "", search->matches, search->text);
    return snnbase_hint(context, "name one of them by its serial number, or by its port: %.*s@%s",
                        (int)strlen("usb:1209:0001"), search->description.uri,
                        search->description.port);
}

int snndev_usb_find(struct libusb_device **out, struct snn_device_description *description_out,
                    struct libusb_context *libusb, struct snn_context *context,
                    const char *arguments)
{
    struct wanted wanted;
    libusb_device **devices = NULL;
    if (!parse_wanted(&wanted, arguments)) {
        snnbase_fail(context, SNN_ERR_INVALID, "usb:%s: not the name of a USB device", arguments);
        return snnbase_hint(context, "usb:VID:PID, usb:VID:PID:SERIAL or usb:VID:PID@PORT, VID and "
                                     "PID in hexadecimal: usb:1209:0001:VIRT0001; usb: alone is "
                                     "the only one there is");
    }
    ssize_t count = libusb_get_device_list(libusb, &devices);
    if (count < 0) return snndev_usb_fail(context, (int)count, "the list of USB devices");
    struct search search = {.wanted = &wanted};
    for (ssize_t i = 0; i < count; i++)
        consider(&search, devices[i]);
    int status = conclude(&search, context, arguments);
    if (status == SNN_OK) {
        *out = libusb_ref_device(search.found);
        *description_out = search.description;
    }
    libusb_free_device_list(devices, 1);
    return status;
}
