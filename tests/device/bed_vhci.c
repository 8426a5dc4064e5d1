/* Bed C: virtual chips in the virtual USB hub of a real kernel (vhci-hcd), put there as users do
 * it, by snn_emulate. Needs root and the module; guest.py makes a machine that has both.
 *
 * Root is left at once: a helper process keeps it and plugs, each chip in a child of its own; the
 * tests themselves run as nobody, so that permissions count. BED_SPEED=super plugs USB 3 devices;
 * built with BED_GADGET they are gadgets, each on a controller that is plugged into this machine.
 */
#define _DEFAULT_SOURCE /* setgroups */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "snn/context.h"
#include "snn/device.h"
#include "snn/status.h"
#include "tests/device/bed.h"

#ifdef BED_GADGET
#define NAME "C, gadgets on dummy_hcd in a real kernel"
#define WAY "gadget"
#define NODE "/sys/kernel/config/usb_gadget"
#else
#define NAME "C, vhci-hcd in a real kernel"
#define WAY "vhci"
#define NODE "/sys/devices/platform/vhci_hcd.0/attach"
#endif
enum { NOBODY = 65534, FAULT_BYTES = 128, PATH_BYTES = 128, READY_MS = 20000, LIST_MS = 10000 };
enum order_kind { PLUG, UNPLUG, DENY, PERMIT };

/* What the tests tell the helper, which answers with an int, 0 if it is done. */
struct order {
    enum order_kind kind;
    unsigned slot;
    bool has_fault;
    char fault[FAULT_BYTES];
    char path[PATH_BYTES];
};

static struct {
    int helper; /* the tests' end of the line to it */
    pid_t helper_pid;
    char paths[BED_SLOTS][PATH_BYTES]; /* device nodes of what is plugged in; "": nothing is */
    bool plugged[BED_SLOTS];
} tests = {.helper = -1};

/* ---- A chip, in a process of its own ---- */

struct chip {
    pid_t pid; /* 0: none */
    int line;  /* closed: it is to end. It sends a byte when it is ready */
};

static void note_ready(const char *uri, void *user)
{
    (void)uri;
    (void)!write(*(int *)user, "", 1);
}

static bool goes_on(void *user)
{
    struct pollfd line = {.fd = *(int *)user, .events = POLLIN};
    return poll(&line, 1, 0) == 0;
}

static int be_chip(const struct order *order, int line)
{
    char serial[8];
    struct snn_context *context = NULL;
    const char *speed = getenv("BED_SPEED");
    snprintf(serial, sizeof serial, "BED%u", order->slot);
    const struct snn_emulate_options options = {
        .chip = "speck2f",
        .as = WAY,
        .serial = serial,
        .fault = order->has_fault ? order->fault : NULL,
        .superspeed = speed && strcmp(speed, "super") == 0,
        .ready = note_ready,
        .go_on = goes_on,
        .user = &line,
    };
    if (snn_context_create(&context, NULL) != SNN_OK) return 1;
    const int status = snn_emulate(context, &options);
    if (status != SNN_OK) fprintf(stderr, "chip: %s\n", snn_context_message(context));
    snn_context_destroy(&context);
    return status != SNN_OK;
}

/* ---- The helper ---- */

static int plug_chip(struct chip *chips, const struct order *order)
{
    int ends[2];
    char byte = 0;
    struct chip *chip = &chips[order->slot];
    if (chip->pid != 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return 1;
    chip->pid = fork();
    if (chip->pid == 0) {
        close(ends[0]);
        for (unsigned i = 0; i < BED_SLOTS; i++)
            if (chips[i].line >= 0) close(chips[i].line);
        _exit(be_chip(order, ends[1]));
    }
    close(ends[1]);
    chip->line = ends[0];
    struct pollfd line = {.fd = chip->line, .events = POLLIN};
    return poll(&line, 1, READY_MS) == 1 && read(chip->line, &byte, 1) == 1 ? 0 : 1;
}

static int unplug_chip(struct chip *chip)
{
    int status = 0;
    if (chip->pid == 0) return 0;
    close(chip->line);
    chip->line = -1;
    while (waitpid(chip->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    chip->pid = 0;
    return status == 0 ? 0 : 1;
}

static int obey(struct chip *chips, const struct order *order)
{
    switch (order->kind) {
    case PLUG:
        return plug_chip(chips, order);
    case UNPLUG:
        return unplug_chip(&chips[order->slot]);
    case DENY:
        return chmod(order->path, 0600);
    case PERMIT:
        return chmod(order->path, 0666);
    }
    return 1;
}

static int help(int line)
{
    struct chip chips[BED_SLOTS];
    struct order order;
    for (unsigned i = 0; i < BED_SLOTS; i++)
        chips[i] = (struct chip){.line = -1};
    while (recv(line, &order, sizeof order, 0) == (ssize_t)sizeof order) {
        const int answer = obey(chips, &order);
        if (send(line, &answer, sizeof answer, MSG_NOSIGNAL) < 0) break;
    }
    for (unsigned i = 0; i < BED_SLOTS; i++)
        unplug_chip(&chips[i]);
    return 0;
}

static int ask_helper(const struct order *order)
{
    int answer = 1;
    if (send(tests.helper, order, sizeof *order, MSG_NOSIGNAL) < 0) return 1;
    return recv(tests.helper, &answer, sizeof answer, 0) == (ssize_t)sizeof answer ? answer : 1;
}

/* ---- The bed ---- */

struct search {
    char serial[8];
    bool found;
    char path[PATH_BYTES];
};

static void look(const struct snn_device_description *device, void *user)
{
    struct search *search = user;
    if (strcmp(device->serial, search->serial) != 0 || device->access != SNN_OK) return;
    search->found = true;
    snprintf(search->path, sizeof search->path, "%s", device->access_path);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Until the host lists the slot's chip so that it can be opened, or no longer. */
static int await(unsigned slot, bool listed)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    const int64_t until = now_ms() + LIST_MS;
    struct snn_context *context = NULL;
    struct search search;
    if (snn_context_create(&context, NULL) != SNN_OK) return 1;
    do {
        search = (struct search){.found = false};
        snprintf(search.serial, sizeof search.serial, "BED%u", slot);
        if (snn_device_list(context, look, &search) != SNN_OK) break;
        if (search.found != listed) nanosleep(&pause, NULL);
    } while (search.found != listed && now_ms() < until);
    snn_context_destroy(&context);
    if (listed) memcpy(tests.paths[slot], search.path, PATH_BYTES);
    return search.found == listed ? 0 : 1;
}

static int plug(unsigned slot, const char *fault)
{
    struct order order = {.kind = PLUG, .slot = slot, .has_fault = fault != NULL};
    if (fault) snprintf(order.fault, sizeof order.fault, "%s", fault);
    tests.plugged[slot] = true;
    if (ask_helper(&order) != 0) return 1;
    return await(slot, true);
}

static void unplug(unsigned slot)
{
    const struct order order = {.kind = UNPLUG, .slot = slot};
    if (!tests.plugged[slot]) return;
    tests.plugged[slot] = false;
    if (ask_helper(&order) != 0) fprintf(stderr, "the chip in slot %u did not end well\n", slot);
    if (await(slot, false) != 0) fprintf(stderr, "slot %u is still listed\n", slot);
}

static int deny(unsigned slot, bool denied)
{
    struct order order = {.kind = denied ? DENY : PERMIT, .slot = slot};
    if (tests.paths[slot][0] == '\0') return 1;
    memcpy(order.path, tests.paths[slot], PATH_BYTES);
    return ask_helper(&order);
}

static int start_helper(void)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) != 0) return 1;
    tests.helper_pid = fork();
    if (tests.helper_pid < 0) return 1;
    if (tests.helper_pid == 0) {
        close(ends[0]);
        _exit(help(ends[1]));
    }
    close(ends[1]);
    tests.helper = ends[0];
    return 0;
}

static int start(void)
{
    if (access(NODE, W_OK) != 0) {
        fprintf(stderr, "%s: %s (it takes root and the modules)\n", NODE, strerror(errno));
        return BED_SKIP;
    }
    if (start_helper() != 0 || setgroups(0, NULL) != 0 || setgid(NOBODY) != 0 ||
        setuid(NOBODY) != 0) {
        perror("leaving root");
        return 1;
    }
    return 0;
}

static void stop(void)
{
    close(tests.helper);
    waitpid(tests.helper_pid, NULL, 0);
}

/* An emulated machine is about as slow as the chip in it, so that its reader seldom lags. A gadget
 * makes no bus errors. dummy_hcd ends a request without data by itself, and keeps a packet of up to
 * 64 bytes that nobody can flush: words of a session that was cut short, for the next one. */
static const char *const cannot[] = {
    "loss is marked",
#ifdef BED_GADGET
    "answer that never comes",
    "bus error once",
    "bus error for ever",
    "close while streaming",
#endif
    NULL,
};

const struct bed bed = {
    .name = NAME,
    .cannot = cannot,
    .start = start,
    .plug = plug,
    .unplug = unplug,
    .deny = deny,
    .stop = stop,
    .hotplug = true,
    .patience = 5,
};
