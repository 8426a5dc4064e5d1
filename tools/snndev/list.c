/* snndev list: what is plugged in, and with --watch who comes and goes.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/cli/interrupt.h"
#include "tools/cli/json.h"
#include "tools/cli/table.h"
#include "tools/snndev/session.h"

/* A device, and what it said when it could be asked. */
struct seen {
    struct snn_device_description device;
    struct snn_device_info about; /* chip "": it was not asked */
};

struct seen_list {
    struct seen *seen;
    size_t count;
    bool out_of_memory;
};

static void keep(const struct snn_device_description *device, void *user)
{
    struct seen_list *list = user;
    struct seen *grown = realloc(list->seen, (list->count + 1) * sizeof(*grown));
    if (grown == NULL) {
        list->out_of_memory = true;
        return;
    }
    list->seen = grown;
    list->seen[list->count++] = (struct seen){.device = *device};
}

/* Asks a device for chip and firmware. What keeps it from answering is its state. */
static void ask(struct seen *seen)
{
    struct snn_context *silent = NULL;
    struct snn_device *device = NULL;
    if (seen->device.access != SNN_OK || snn_context_create(&silent, NULL) != SNN_OK) return;
    int status = snn_device_open(&device, silent, seen->device.uri, NULL);
    if (status == SNN_OK) seen->about = *snn_device_about(device);
    seen->device.access = status;
    snn_device_close(&device);
    snn_context_destroy(&silent);
}

static const char *state_text(int access)
{
    switch (access) {
    case SNN_OK:
        return "ready";
    case SNN_ERR_ACCESS:
        return "no permission";
    case SNN_ERR_BUSY:
        return "in use";
    case SNN_ERR_PROTOCOL:
        return "another version";
    default:
        return "no answer";
    }
}

static const char *or_dash(const char *text)
{
    return text[0] != '\0' ? text : "-";
}

static int print_table(struct snndev_session *s, const struct seen_list *list)
{
    static const struct snncli_column columns[] = {
        {"device", SNNCLI_LEFT}, {"chip", SNNCLI_LEFT},     {"serial", SNNCLI_LEFT},
        {"port", SNNCLI_LEFT},   {"firmware", SNNCLI_LEFT}, {"state", SNNCLI_LEFT},
        {NULL, SNNCLI_LEFT}};
    struct snncli_table table;
    snncli_table_init(&table, columns);
    for (size_t i = 0; i < list->count; i++) {
        const struct seen *seen = &list->seen[i];
        const bool asked = seen->about.chip[0] != '\0';
        snncli_table_cell(&table, "%s", seen->device.uri);
        snncli_table_cell(&table, "%s", asked ? seen->about.chip : or_dash(seen->device.product));
        snncli_table_cell(&table, "%s", or_dash(seen->device.serial));
        snncli_table_cell(&table, "%s", or_dash(seen->device.port));
        if (asked)
            snncli_table_cell(&table, "%u.%u", seen->about.firmware_major,
                              seen->about.firmware_minor);
        else
            snncli_table_cell(&table, "-");
        snncli_table_cell(&table, "%s", state_text(seen->device.access));
    }
    int status = snncli_table_print(&table, stdout, s->console.utf8, s->console.out_color);
    snncli_table_fini(&table);
    (void)fflush(stdout);
    return status == SNN_OK ? SNNCLI_EXIT_OK : snndev_fail_memory(s);
}

static void put_device(struct snncli_json *json, const struct snn_device_description *device)
{
    snncli_json_text(json, "uri", device->uri);
    snncli_json_text(json, "serial", device->serial);
    snncli_json_text(json, "product", device->product);
    snncli_json_text(json, "port", device->port);
    snncli_json_text(json, "state", snn_status_name(device->access));
    snncli_json_text(json, "access_path", device->access_path);
}

static void print_json(FILE *out, const struct seen_list *list)
{
    struct snncli_json json = {.out = out};
    char firmware[16];
    snncli_json_open(&json, NULL, '{');
    snncli_json_text(&json, "schema", "snn.devices/1");
    snncli_json_open(&json, "devices", '[');
    for (size_t i = 0; i < list->count; i++) {
        const struct seen *seen = &list->seen[i];
        snncli_json_open(&json, NULL, '{');
        put_device(&json, &seen->device);
        if (seen->about.chip[0] != '\0') {
            (void)snprintf(firmware, sizeof(firmware), "%u.%u", seen->about.firmware_major,
                           seen->about.firmware_minor);
            snncli_json_text(&json, "chip", seen->about.chip);
            snncli_json_text(&json, "firmware", firmware);
        }
        snncli_json_close(&json, '}');
    }
    snncli_json_close(&json, ']');
    snncli_json_close(&json, '}');
    snncli_json_finish(&json);
}

/* How the ones that may not be opened can be. */
static void hint_access(struct snndev_session *s, const struct seen_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct snn_device_description *device = &list->seen[i].device;
        if (device->access != SNN_ERR_ACCESS) continue;
        snncli_warning(&s->console, device->uri, "%s may not be opened by this user",
                       or_dash(device->access_path));
        snncli_hint(&s->console, "snndev doctor shows the udev rule and how to install it");
    }
}

static int list_once(struct snndev_session *s)
{
    struct seen_list list = {.seen = NULL};
    int status = SNNCLI_EXIT_OK;
    if (snn_device_list(s->context, keep, &list) != SNN_OK)
        status = snncli_fail_context(&s->console, s->context, NULL);
    else if (list.out_of_memory)
        status = snndev_fail_memory(s);
    for (size_t i = 0; status == SNNCLI_EXIT_OK && i < list.count; i++)
        ask(&list.seen[i]);
    if (status == SNNCLI_EXIT_OK && s->result.out != NULL) print_json(s->result.out, &list);
    const bool text = status == SNNCLI_EXIT_OK && snndev_wants_text(s);
    if (text && list.count == 0) {
        puts("no device is plugged in");
        (void)fflush(stdout);
        snndev_hint_no_device(s);
    } else if (text) {
        status = print_table(s, &list);
        hint_access(s, &list);
    }
    free(list.seen);
    return status;
}

/* From a thread of the watch; a line is printed whole. */
static void tell_change(const struct snn_device_description *device, bool arrived, void *user)
{
    struct snndev_session *s = user;
    FILE *json_out = s->result.out;
    if (json_out != NULL) {
        struct snncli_json json = {.out = json_out};
        flockfile(json_out);
        snncli_json_open(&json, NULL, '{');
        snncli_json_text(&json, "schema", "snn.device.change/1");
        snncli_json_text(&json, "change", arrived ? "arrived" : "left");
        put_device(&json, device);
        snncli_json_close(&json, '}');
        snncli_json_finish(&json);
        funlockfile(json_out);
    }
    if (!snndev_wants_text(s)) return;
    flockfile(stdout);
    printf("%c %s", arrived ? '+' : '-', device->uri);
    if (device->port[0] != '\0') printf("  port %s", device->port);
    if (arrived) printf("  %s", state_text(device->access));
    putchar('\n');
    (void)fflush(stdout);
    funlockfile(stdout);
}

static int watch(struct snndev_session *s)
{
    const struct timespec pause = {.tv_nsec = 50000000};
    const double end_s = snndev_now_s() + s->options.seconds;
    struct snn_device_watch *running = NULL;
    if (snn_device_watch_start(&running, s->context, tell_change, s) != SNN_OK)
        return snncli_fail_context(&s->console, s->context, NULL);
    snncli_note(&s->console, NULL, "watching; Ctrl-C ends it");
    while (!snncli_interrupt_pending() && !ferror(stdout) &&
           (s->options.seconds <= 0.0 || snndev_now_s() < end_s))
        (void)nanosleep(&pause, NULL);
    snn_device_watch_stop(&running);
    return SNNCLI_EXIT_OK;
}

int snndev_list(struct snndev_session *s)
{
    return s->options.watch ? watch(s) : list_once(s);
}
