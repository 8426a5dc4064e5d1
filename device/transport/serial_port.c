/* Opening a serial port: by libserialport, whose only door this is; and a pty, which libserialport
 * 0.1.1 refuses for want of modem lines, by the calls of the system.
 *
 * The port is told by the name that its path leads to, so that links to ports can be given.
 */
/* For flock, realpath. NOLINTNEXTLINE(bugprone-reserved-identifier): the C library's own switch */
#define _DEFAULT_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libserialport.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "device/transport/serial.h"
#include "libsnn/base/error.h"

#define BAUD_DEFAULT 115200u
#define BAUD_MAX 100000000u

/* ---- What the user is told ---- */

/* Puts the names of the ports into `text`, ", " between them. */
static void list_ports(char *text, size_t room)
{
    struct sp_port **ports = NULL;
    size_t at = 0;
    text[0] = '\0';
    if (sp_list_ports(&ports) != SP_OK) return;
    for (size_t i = 0; ports[i] != NULL && at < room; i++) {
        const int size =
            snprintf(text + at, room - at, "%s%s", i > 0 ? ", " : "", sp_get_port_name(ports[i]));
        if (size > 0) at += (size_t)size;
    }
    sp_free_port_list(ports);
}

static int hint_ports(struct snn_context *context)
{
    char names[256];
    list_ports(names, sizeof(names));
    if (names[0] == '\0') return snnbase_hint(context, "this computer has no serial ports");
    return snnbase_hint(context, "serial ports there are: %s", names);
}

static int fail_access(struct snn_context *context, const char *path)
{
    struct stat about;
    struct group group, *found = NULL;
    char names[1024];
    snnbase_fail(context, SNN_ERR_ACCESS, "%s: permission denied", path);
    if (stat(path, &about) != 0 ||
        getgrgid_r(about.st_gid, &group, names, sizeof(names), &found) != 0 || found == NULL)
        return snnbase_hint(context, "its owner or root may open it");
    return snnbase_hint(context,
                        "it belongs to group %s: 'sudo usermod -aG %s $USER', then log in again",
                        found->gr_name, found->gr_name);
}

static int fail_open(struct snn_context *context, const char *path, int error)
{
    switch (error) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
        snnbase_fail(context, SNN_ERR_NOT_FOUND, "%s: no such serial port", path);
        return hint_ports(context);
    case EACCES:
    case EPERM:
        return fail_access(context, path);
    case EBUSY:
    case EWOULDBLOCK:
        snnbase_fail(context, SNN_ERR_BUSY, "%s: somebody else has it open", path);
        return snnbase_hint(context, "'fuser %s' says who", path);
    case ENOTTY:
    case EINVAL:
    case EISDIR:
        snnbase_fail(context, SNN_ERR_INVALID, "%s: is no serial port", path);
        return hint_ports(context);
    default:
        return snnbase_fail_errno(context, error, path);
    }
}

/* ---- The URI ---- */

/* A rate behind the last '@'; false: there is none, or it is no number. */
static bool parse_baud(const char *text, unsigned *out)
{
    unsigned value = 0;
    if (*text == '\0') return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9') return false;
        value = value * 10 + (unsigned)(*text - '0');
        if (value > BAUD_MAX) return false;
    }
    *out = value;
    return value > 0;
}

/* `path` has SNNDEV_SERIAL_PATH bytes and gets the path as it was given. */
static int parse(struct snndev_serial_port *port, struct snn_context *context,
                 const char *arguments, char *path)
{
    const char *at = strrchr(arguments, '@');
    const size_t size = at != NULL ? (size_t)(at - arguments) : strlen(arguments);
    port->baud = BAUD_DEFAULT;
    if (at != NULL && !parse_baud(at + 1, &port->baud)) {
        snnbase_fail(context, SNN_ERR_INVALID, "'%s' is no rate of a serial line", at + 1);
        return snnbase_hint(context, "bits a second: serial:%.*s@%u", (int)size, arguments,
                            BAUD_DEFAULT);
    }
    if (size == 0 || size >= SNNDEV_SERIAL_PATH) {
        snnbase_fail(context, SNN_ERR_INVALID,
                     size == 0 ? "a serial line without its port"
                               : "a serial port's path is too long");
        return hint_ports(context);
    }
    memcpy(path, arguments, size);
    path[size] = '\0';
    char *real = realpath(path, NULL);
    if (real == NULL) return fail_open(context, path, errno);
    const bool fits = strlen(real) < sizeof(port->path);
    if (fits) memcpy(port->path, real, strlen(real) + 1);
    free(real);
    return fits ? SNN_OK : snnbase_fail(context, SNN_ERR_INVALID, "%s: its path is too long", path);
}

/* ---- Opening ---- */

static bool is_pty(const char *path)
{
    return strncmp(path, "/dev/pts/", 9) == 0;
}

/* Bytes as they are: no echo, no lines, no signals. */
static int open_pty(struct snndev_serial_port *port, struct snn_context *context)
{
    struct termios settings;
    const int descriptor = open(port->path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0) return fail_open(context, port->path, errno);
    if (tcgetattr(descriptor, &settings) == 0) {
        cfmakeraw(&settings);
        settings.c_cflag |= CLOCAL | CREAD;
        if (tcsetattr(descriptor, TCSANOW, &settings) == 0) {
            port->descriptor = descriptor;
            return SNN_OK;
        }
    }
    const int error = errno;
    (void)close(descriptor);
    return fail_open(context, port->path, error);
}

static int fail_library(struct snn_context *context, const char *path, enum sp_return result)
{
    if (result == SP_ERR_MEM) return snnbase_fail(context, SNN_ERR_NOMEM, "out of memory");
    return fail_open(context, path, result == SP_ERR_FAIL ? sp_last_error_code() : EINVAL);
}

static int set_up(struct snndev_serial_port *port, struct snn_context *context)
{
    if (sp_set_baudrate(port->port, (int)port->baud) != SP_OK) {
        snnbase_fail(context, SNN_ERR_INVALID, "%s: %u baud is not a rate that it can do",
                     port->path, port->baud);
        return snnbase_hint(context, "usual are 115200, 921600 and 3000000");
    }
    if (sp_set_bits(port->port, 8) != SP_OK || sp_set_parity(port->port, SP_PARITY_NONE) != SP_OK ||
        sp_set_stopbits(port->port, 1) != SP_OK ||
        sp_set_flowcontrol(port->port, SP_FLOWCONTROL_NONE) != SP_OK ||
        sp_get_port_handle(port->port, &port->descriptor) != SP_OK)
        return snnbase_fail(context, SNN_ERR_IO, "%s: does not take 8 bits without parity",
                            port->path);
    (void)sp_flush(port->port, SP_BUF_BOTH);
    return SNN_OK;
}

/* libserialport takes names below /dev for which there is a link below /sys/class/tty. A link to a
 * pty is both by a way round. */
static enum sp_return open_by_library(struct snndev_serial_port *port, const char *given)
{
    char name[SNNDEV_SERIAL_PATH + 16];
    (void)snprintf(name, sizeof(name), "%s%.*s", is_pty(port->path) ? "/dev/../../.." : "",
                   SNNDEV_SERIAL_PATH, is_pty(port->path) ? given : port->path);
    enum sp_return result = sp_get_port_by_name(name, &port->port);
    if (result != SP_OK) return result;
    result = sp_open(port->port, SP_MODE_READ_WRITE);
    if (result == SP_OK) return SP_OK;
    sp_free_port(port->port);
    port->port = NULL;
    return result;
}

static int open_port(struct snndev_serial_port *port, struct snn_context *context,
                     const char *given)
{
    const enum sp_return result = open_by_library(port, given);
    /* For want of such a link, or of modem lines. */
    if (result != SP_OK && is_pty(port->path)) return open_pty(port, context);
    if (result != SP_OK) return fail_library(context, port->path, result);
    const int status = set_up(port, context);
    if (status != SNN_OK) snndev_serial_port_close(port);
    return status;
}

int snndev_serial_port_open(struct snndev_serial_port *out, struct snn_context *context,
                            const char *arguments)
{
    struct snndev_serial_port port = {.descriptor = -1};
    char given[SNNDEV_SERIAL_PATH];
    int status = parse(&port, context, arguments, given);
    if (status == SNN_OK) status = open_port(&port, context, given);
    if (status != SNN_OK) return status;
    /* Two programs on one line would take each other's answers. */
    if (flock(port.descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        status = fail_open(context, port.path, EBUSY);
        snndev_serial_port_close(&port);
        return status;
    }
    *out = port;
    return SNN_OK;
}

void snndev_serial_port_close(struct snndev_serial_port *port)
{
    if (port->port != NULL) {
        /* Else the kernel holds the close up for what the device does not take, up to 30 s. */
        (void)sp_flush(port->port, SP_BUF_OUTPUT);
        (void)sp_close(port->port);
        sp_free_port(port->port);
    } else if (port->descriptor >= 0) {
        (void)close(port->descriptor);
    }
    port->port = NULL;
    port->descriptor = -1;
}
