/* A gadget's nodes, made in order and taken back in the reverse order, as far as they came; those
 * of a process that was killed are taken back by the next one. Who serves its endpoints is
 * functionfs.c.
 */
#include "device/vchip/gadget.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/usb/functionfs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libsnn/base/error.h"
#include "libsnn/wire/bytes.h"

#define CONFIGFS "/sys/kernel/config/usb_gadget"
#define CONTROLLERS "/sys/class/udc"
#define MOUNT_PREFIX "/tmp/snn-gadget-"
enum {
    PATH_BYTES = 192,
    TEXT_BYTES = 64,
    FULL_SPEED_PACKET = 64,
    CONFIGURATION_BYTES = 9,
    NAMES_MAX = 16
};

/* ---- Nodes of configfs ---- */

/* Folders of a gadget, in the order of their making; and what `made` counts behind them. The name
 * of the gadget goes behind "ffs.". */
static const char *const folders[] = {
    "", "/strings/0x409", "/functions/ffs.", "/configs/c.1", "/configs/c.1/strings/0x409",
};
enum { FUNCTION = 2, FOLDERS = sizeof folders / sizeof *folders, MOUNT_POINT = FOLDERS, MOUNTED };

static void folder_path(const struct snndev_gadget *gadget, unsigned index, char *out)
{
    const char *folder = folders[index];
    const size_t size = strlen(folder);
    const bool named = size > 0 && folder[size - 1] == '.';
    snprintf(out, PATH_BYTES, "%s%s%s", gadget->node, folder, named ? gadget->name : "");
}

static int fail_node(struct snn_context *context, int error, const char *path)
{
    if (error != EACCES && error != EPERM) return snnbase_fail_errno(context, error, path);
    snnbase_fail(context, SNN_ERR_ACCESS, "%s: making a USB gadget takes root", path);
    return snnbase_hint(context, "run it with sudo");
}

static int write_node(struct snn_context *context, const struct snndev_gadget *gadget,
                      const char *name, const char *text)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", gadget->node, name);
    const int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0) return fail_node(context, errno, path);
    const int error = write(file, text, strlen(text)) < 0 ? errno : 0;
    close(file);
    return error == 0 ? SNN_OK : fail_node(context, error, path);
}

static int make_folders(struct snn_context *context, struct snndev_gadget *gadget)
{
    char path[PATH_BYTES];
    if (access(CONFIGFS, F_OK) != 0) {
        snnbase_fail(context, SNN_ERR_NOT_FOUND, "this kernel has no USB gadgets (%s)", CONFIGFS);
        return snnbase_hint(context, "run `modprobe libcomposite` as root, and `mount -t configfs "
                                     "none /sys/kernel/config` where that is not mounted");
    }
    /* The first one has a name of its own: this process may have made a gadget before. */
    for (unsigned i = 0; i < NAMES_MAX && gadget->made == 0; i++) {
        snprintf(gadget->name, sizeof gadget->name, "snn-%ld-%u", (long)getpid(), i);
        snprintf(gadget->node, sizeof gadget->node, CONFIGFS "/%s", gadget->name);
        gadget->made = mkdir(gadget->node, 0755) == 0;
        if (gadget->made == 0 && errno != EEXIST) break;
    }
    if (gadget->made == 0) return fail_node(context, errno, gadget->node);
    for (unsigned i = 1; i < FOLDERS; i++) {
        folder_path(gadget, i, path);
        if (mkdir(path, 0755) != 0) return fail_node(context, errno, path);
        gadget->made = i + 1;
    }
    return SNN_OK;
}

/* The text of a string descriptor, asked for as a host does. */
static void read_string(struct snndev_usbdevice *device, uint8_t index, char *out)
{
    uint8_t bytes[255];
    const uint8_t setup[8] = {0x80, 6, index, 3, 9, 4, sizeof bytes, 0};
    size_t size = 0, count = 0;
    if (snndev_usb_control(device, setup, bytes, &size) != SNNDEV_COMPLETED) size = 0;
    for (size_t at = 2; at < size && count + 1 < TEXT_BYTES; at += 2)
        out[count++] = (char)bytes[at];
    out[count] = '\0';
}

static int describe(struct snn_context *context, const struct snndev_gadget *gadget,
                    struct snndev_usbdevice *device)
{
    static const struct {
        const char *node;
        unsigned offset; /* of a number in the device descriptor, or of its string's index */
        bool text;
    } fields[] = {
        {"idVendor", 8, false},
        {"idProduct", 10, false},
        {"bcdDevice", 12, false},
        {"strings/0x409/manufacturer", 14, true},
        {"strings/0x409/product", 15, true},
        {"strings/0x409/serialnumber", 16, true},
    };
    size_t size = 0;
    const uint8_t *descriptor = snndev_usb_device_descriptor(device->superspeed, &size);
    int status = SNN_OK;
    for (size_t i = 0; i < sizeof fields / sizeof *fields && status == SNN_OK; i++) {
        char text[TEXT_BYTES];
        if (fields[i].text)
            read_string(device, descriptor[fields[i].offset], text);
        else
            snprintf(text, sizeof text, "0x%04x", snnwire_get16(descriptor + fields[i].offset));
        status = write_node(context, gadget, fields[i].node, text);
    }
    return status;
}

static int link_function(struct snn_context *context, const struct snndev_gadget *gadget)
{
    char function[PATH_BYTES], link[PATH_BYTES];
    folder_path(gadget, FUNCTION, function);
    snprintf(link, sizeof link, "%s/configs/c.1/ffs", gadget->node);
    return symlink(function, link) == 0 ? SNN_OK : fail_node(context, errno, link);
}

/* ---- FunctionFS ---- */

static int mount_function(struct snn_context *context, struct snndev_gadget *gadget)
{
    snprintf(gadget->mount, sizeof gadget->mount, MOUNT_PREFIX "XXXXXX");
    if (!mkdtemp(gadget->mount)) return fail_node(context, errno, gadget->mount);
    gadget->made = MOUNT_POINT + 1;
    if (mount(gadget->name, gadget->mount, "functionfs", 0, NULL) != 0)
        return fail_node(context, errno, gadget->mount);
    gadget->made = MOUNTED + 1;
    return SNN_OK;
}

/* The interface, its endpoints and their companions, without the configuration's own descriptor,
 * which composing gadgets make themselves. Names no string; `packet` 0: as it is. */
static uint8_t *put_interface(uint8_t *out, bool superspeed, uint16_t packet, uint32_t *count_out)
{
    size_t size = 0;
    const uint8_t *bytes = snndev_usb_config_descriptor(superspeed, &size);
    uint32_t count = 0;
    size -= CONFIGURATION_BYTES;
    memcpy(out, bytes + CONFIGURATION_BYTES, size);
    for (size_t at = 0; at < size && out[at] > 0; at += out[at], count++) {
        if (out[at + 1] == USB_DT_INTERFACE) out[at + 8] = 0;
        if (out[at + 1] == USB_DT_ENDPOINT && packet > 0) snnwire_put16(out + at + 4, packet);
    }
    *count_out = count;
    return out + size;
}

/* Header, a count for each of three speeds, and their descriptors; then no strings. */
static int write_descriptors(struct snn_context *context, const struct snndev_gadget *gadget)
{
    uint8_t bytes[512];
    uint8_t none[16];
    uint32_t counts[3];
    uint8_t *end = bytes + 24;
    end = put_interface(end, false, FULL_SPEED_PACKET, &counts[0]);
    end = put_interface(end, false, 0, &counts[1]);
    end = put_interface(end, true, 0, &counts[2]);
    const size_t size = (size_t)(end - bytes);
    snnwire_put32(bytes, FUNCTIONFS_DESCRIPTORS_MAGIC_V2);
    snnwire_put32(bytes + 4, (uint32_t)size);
    snnwire_put32(bytes + 8, FUNCTIONFS_HAS_FS_DESC | FUNCTIONFS_HAS_HS_DESC |
                                 FUNCTIONFS_HAS_SS_DESC | FUNCTIONFS_ALL_CTRL_RECIP);
    for (unsigned i = 0; i < 3; i++)
        snnwire_put32(bytes + 12 + 4 * i, counts[i]);
    memset(none, 0, sizeof none);
    snnwire_put32(none, FUNCTIONFS_STRINGS_MAGIC);
    snnwire_put32(none + 4, sizeof none);
    if (write(gadget->control, bytes, size) != (ssize_t)size ||
        write(gadget->control, none, sizeof none) != (ssize_t)sizeof none)
        return fail_node(context, errno, "the gadget's descriptors");
    return SNN_OK;
}

static int open_endpoint(struct snn_context *context, const struct snndev_gadget *gadget,
                         unsigned number, int *out)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/ep%u", gadget->mount, number);
    *out = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    return *out >= 0 ? SNN_OK : fail_node(context, errno, path);
}

/* ---- Controllers ---- */

static int fail_controller(struct snn_context *context, unsigned count)
{
    if (count > 0)
        return snnbase_fail(context, SNN_ERR_BUSY,
                            "all %u USB device controllers of this machine are in use", count);
    snnbase_fail(context, SNN_ERR_NOT_FOUND,
                 "this machine has no USB device controller (%s is empty)", CONTROLLERS);
    return snnbase_hint(context, "boards with a USB device port have one; `modprobe dummy_hcd` "
                                 "gives any machine one that is plugged into itself");
}

/* Tries one after another: whether one is free shows when it is bound. */
static int bind_controller(struct snn_context *context, struct snndev_gadget *gadget)
{
    unsigned count = 0;
    bool bound = false;
    int status = SNN_OK;
    DIR *folder = opendir(CONTROLLERS);
    if (!folder) return fail_controller(context, 0);
    for (const struct dirent *entry = NULL; status == SNN_OK && !bound;) {
        entry = readdir(folder);
        if (!entry) break;
        if (entry->d_name[0] == '.') continue;
        count++;
        snprintf(gadget->controller, sizeof gadget->controller, "%.63s", entry->d_name);
        status = write_node(context, gadget, "UDC", gadget->controller);
        bound = status == SNN_OK;
        if (status == SNN_ERR_BUSY) status = SNN_OK;
    }
    closedir(folder);
    if (status != SNN_OK || bound) return status;
    gadget->controller[0] = '\0';
    return fail_controller(context, count);
}

/* ---- What a killed process left behind ---- */

/* Whether a gadget has a name of ours whose process is no more. With the process its endpoints were
 * closed, which unbinds it: one that is bound has a process, if not one that we see. */
static bool is_left(const char *name)
{
    char path[PATH_BYTES], controller[TEXT_BYTES] = "";
    unsigned number = 0;
    long process = 0;
    int used = 0;
    if (strlen(name) >= sizeof((struct snndev_gadget *)NULL)->name) return false;
    if (sscanf(name, "snn-%ld-%u%n", &process, &number, &used) != 2 || name[used] != '\0')
        return false;
    if (process <= 0 || process > INT_MAX) return false;
    if (kill((pid_t)process, 0) == 0 || errno != ESRCH) return false;
    snprintf(path, sizeof path, CONFIGFS "/%s/UDC", name);
    FILE *file = fopen(path, "r");
    if (!file) return false;
    const bool bound = fgets(controller, sizeof controller, file) && controller[0] != '\n';
    fclose(file);
    return !bound;
}

/* Where its FunctionFS is mounted; false: nowhere. */
static bool find_mount(const char *name, char *out, size_t room)
{
    char line[512], source[64], place[64], kind[32];
    bool found = false;
    FILE *mounts = fopen("/proc/self/mounts", "r");
    if (!mounts) return false;
    while (!found && fgets(line, sizeof line, mounts))
        found = sscanf(line, "%63s %63s %31s", source, place, kind) == 3 &&
                strcmp(source, name) == 0 && strcmp(kind, "functionfs") == 0 &&
                strncmp(place, MOUNT_PREFIX, strlen(MOUNT_PREFIX)) == 0;
    fclose(mounts);
    if (found) snprintf(out, room, "%s", place);
    return found;
}

static void remove_one(const char *name)
{
    struct snndev_gadget gadget = {.made = FOLDERS, .control = -1, .out = -1, .in = -1};
    snprintf(gadget.name, sizeof gadget.name, "%.31s", name);
    snprintf(gadget.node, sizeof gadget.node, CONFIGFS "/%s", gadget.name);
    if (find_mount(name, gadget.mount, sizeof gadget.mount)) gadget.made = MOUNTED + 1;
    snndev_gadget_fini(&gadget);
}

static void remove_left(void)
{
    DIR *folder = opendir(CONFIGFS);
    if (!folder) return;
    for (const struct dirent *entry = readdir(folder); entry; entry = readdir(folder))
        if (is_left(entry->d_name)) remove_one(entry->d_name);
    closedir(folder);
}

/* ---- All of it ---- */

int snndev_gadget_init(struct snndev_gadget *gadget, struct snn_context *context,
                       const struct snndev_usbdevice *device)
{
    struct snndev_usbdevice asked = *device;
    *gadget = (struct snndev_gadget){.control = -1, .out = -1, .in = -1};
    remove_left();
    int status = make_folders(context, gadget);
    if (status == SNN_OK) status = describe(context, gadget, &asked);
    if (status == SNN_OK) status = link_function(context, gadget);
    if (status == SNN_OK) status = mount_function(context, gadget);
    if (status == SNN_OK) status = open_endpoint(context, gadget, 0, &gadget->control);
    if (status == SNN_OK) status = write_descriptors(context, gadget);
    if (status == SNN_OK) status = open_endpoint(context, gadget, 1, &gadget->out);
    if (status == SNN_OK) status = open_endpoint(context, gadget, 2, &gadget->in);
    if (status == SNN_OK) status = bind_controller(context, gadget);
    if (status != SNN_OK) snndev_gadget_fini(gadget);
    return status;
}

static void close_file(int *file)
{
    if (*file >= 0) close(*file);
    *file = -1;
}

static void unbind_controller(const struct snndev_gadget *gadget)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/UDC", gadget->node);
    const int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0) return;
    (void)!write(file, "\n", 1);
    close(file);
}

void snndev_gadget_fini(struct snndev_gadget *gadget)
{
    char path[PATH_BYTES];
    if (gadget->controller[0] != '\0') unbind_controller(gadget);
    close_file(&gadget->in);
    close_file(&gadget->out);
    close_file(&gadget->control);
    snprintf(path, sizeof path, "%s/configs/c.1/ffs", gadget->node);
    unlink(path);
    if (gadget->made > MOUNTED) umount(gadget->mount);
    if (gadget->made > MOUNT_POINT) rmdir(gadget->mount);
    for (unsigned i = FOLDERS; i-- > 0;) {
        folder_path(gadget, i, path);
        if (i < gadget->made) rmdir(path);
    }
    gadget->made = 0;
    gadget->controller[0] = '\0';
}
