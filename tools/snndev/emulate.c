/* snndev emulate: a virtual chip that other programs open as if it were one.
 */
#include <string.h>
#include <unistd.h>

#include "tools/cli/interrupt.h"
#include "tools/snndev/session.h"

static bool go_on(void *user)
{
    (void)user;
    return !snncli_interrupt_pending() && !ferror(stdout);
}

/* How the other end gets at a server of USB/IP, which waits at "HOST:PORT". */
static void tell_attach(const char *place)
{
    struct snndev_address address;
    if (!snndev_parse_address(&address, place)) return;
    printf("  attach it, as root:  usbip ");
    if (address.port != 3240) printf("--tcp-port %u ", address.port);
    printf("attach -r %s -b 1-1\n", address.host);
}

static void tell_ready(const char *uri, void *user)
{
    const struct snndev_session *s = user;
    const struct snn_emulate_options *o = &s->options.emulate;
    printf("a virtual %s is plugged in (%s): %s\n", o->chip, o->as, uri);
    if (strcmp(o->as, "usbip") == 0)
        tell_attach(uri);
    else
        printf("  next, in another terminal:  snndev run %s %s\n", uri,
               access("data/lenet.json", R_OK) == 0 ? "data/lenet.json" : "MODEL");
    printf("  Ctrl-C unplugs it\n");
    (void)fflush(stdout);
}

/* A USB device where this machine can have one, else a line that needs nothing. */
static const char *choose_kind(struct snndev_session *s)
{
    const bool root = geteuid() == 0;
    const bool module = access("/sys/devices/platform/vhci_hcd.0/attach", W_OK) == 0;
    if (root && module) return "vhci";
    snncli_note(&s->console, NULL, "--as process: %s",
                root ? "the kernel has no vhci-hcd (modprobe vhci-hcd)"
                     : "a USB device (--as vhci) needs root");
    return "process";
}

static int check_address(struct snndev_session *s)
{
    const struct snn_emulate_options *o = &s->options.emulate;
    struct snndev_address address;
    if (o->address == NULL || strcmp(o->as, "process") == 0) return SNNCLI_EXIT_OK;
    if (strcmp(o->as, "usbip") != 0)
        return snncli_fail(&s->console, SNNCLI_EXIT_USAGE, "--address",
                           "goes with --as usbip and --as process, not with %s", o->as);
    if (snndev_parse_address(&address, o->address)) return SNNCLI_EXIT_OK;
    (void)snncli_fail(&s->console, SNNCLI_EXIT_USAGE, "--address", "'%s' is no address and port",
                      o->address);
    snncli_hint(&s->console, "write 127.0.0.1:3240, or 0.0.0.0:3240 for other machines");
    return SNNCLI_EXIT_USAGE;
}

/* The option or the machine that an error is about. */
static int fail_emulate(struct snndev_session *s)
{
    const struct snn_emulate_options *o = &s->options.emulate;
    const int code = snn_context_status(s->context);
    char where[32];
    (void)snprintf(where, sizeof(where), "--as %s", o->as);
    int status =
        snncli_fail_context(&s->console, s->context, code == SNN_ERR_INVALID ? NULL : where);
    if (code != SNN_ERR_NOT_FOUND) return status;
    return SNNCLI_EXIT_NO_DEVICE;
}

int snndev_emulate(struct snndev_session *s)
{
    struct snn_emulate_options *o = &s->options.emulate;
    struct snn_chip chip;
    if (snn_chip_load(&chip, s->context, o->chip) != SNN_OK)
        return snncli_fail_context(&s->console, s->context, "--chip");
    if (o->as == NULL) o->as = choose_kind(s);
    int status = check_address(s);
    if (status != SNNCLI_EXIT_OK) return status;
    o->ready = tell_ready;
    o->go_on = go_on;
    o->user = s;
    if (snn_emulate(s->context, o) != SNN_OK) return fail_emulate(s);
    return SNNCLI_EXIT_OK;
}
