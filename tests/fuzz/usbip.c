/* Fuzz target: a client of USB/IP that sends anything. The first byte says in which pieces, the
 * second which fault the device has; the rest is the connection. What is answered is one answer for
 * a command at most, and the same however the bytes were cut.
 */
#include <stdbool.h>
#include <string.h>

#include "device/vchip/urbs.h"
#include "device/vchip/usbip.h"
#include "libsnn/wire/word.h"
#include "snn/status.h"
#include "tests/fuzz/bounded.h"
#include "tests/fuzz/target.h"

enum { BYTES_MAX = 64 << 20, COMMANDS_MAX = 512, HEADER = SNNDEV_USBIP_HEADER_BYTES };

static const char *const faults[] = {
    NULL,          "stall-in@0",   "error-in@8", "gone@40",      "odd,short",
    "stall-out@3", "silent=hello", "delay=5",    "refuse=reset",
};

/* What the bytes say, read ahead of the device. */
struct asked {
    uint32_t sequence;
    bool in, unlink, answered;
};

struct host {
    struct snn_context *context;
    struct snndev_vchip *chip;
    struct snndev_port *port;
    struct snndev_usbdevice device;
    struct snndev_urbs *urbs;
    struct asked asked[COMMANDS_MAX];
    size_t asked_count;
    uint32_t crc; /* of the answers */
    uint64_t bytes, now_ms;
    bool unclear; /* numbers that came twice: whose answer it is cannot be told */
    bool bad;
};

static void ask(struct host *host, const struct snndev_usbip_command *command)
{
    for (size_t i = 0; i < host->asked_count; i++)
        if (host->asked[i].sequence == command->sequence) host->unclear = true;
    if (host->asked_count == COMMANDS_MAX) host->unclear = true;
    if (host->unclear) return;
    host->asked[host->asked_count++] =
        (struct asked){command->sequence, command->in, command->unlink, false};
}

static void read_ahead(struct host *host, const uint8_t *bytes, size_t size)
{
    struct snndev_usbip_command command;
    for (size_t at = 0; size - at >= HEADER && !host->unclear;) {
        if (!snndev_usbip_command_read(&command, bytes + at)) return;
        at += HEADER;
        ask(host, &command);
        if (command.unlink || command.in) continue;
        if (size - at < command.length) return;
        at += command.length;
    }
}

static uint32_t get(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* The oldest command that an answer can be to, once. */
static struct asked *find(struct host *host, uint32_t sequence, bool unlink)
{
    for (size_t i = 0; i < host->asked_count; i++) {
        struct asked *asked = &host->asked[i];
        if (asked->answered || asked->sequence != sequence || asked->unlink != unlink) continue;
        asked->answered = true;
        return asked;
    }
    return NULL;
}

static void look_at_answers(struct host *host)
{
    size_t size = 0;
    const uint8_t *bytes = snndev_urbs_answers(host->urbs, &size);
    if (!bytes) return;
    host->crc = snnwire_crc32(host->crc, bytes, size);
    host->bytes += size;
    for (size_t at = 0; at < size && !host->bad && !host->unclear;) {
        const uint32_t code = size - at < HEADER ? 0 : get(bytes + at);
        if (code != 3 && code != 4) {
            host->bad = true;
            break;
        }
        const struct asked *asked = find(host, get(bytes + at + 4), code == 4);
        const size_t data = asked && code == 3 && asked->in ? get(bytes + at + 24) : 0;
        host->bad = !asked || data > size - at - HEADER;
        at += HEADER + data;
    }
    snndev_urbs_sent(host->urbs, size);
}

static int begin(struct host *host, uint8_t fault)
{
    struct snndev_faults parsed;
    const struct snndev_vchip_options options = {.chip = "speck2f", .output_words = 256};
    const char *text = faults[fault % (sizeof faults / sizeof *faults)];
    int status = snndev_faults_parse(&parsed, host->context, text);
    if (status == SNN_OK) status = snndev_vchip_create(&host->chip, host->context, &options);
    if (status == SNN_OK)
        status = snndev_port_create(&host->port, host->context, host->chip, &parsed);
    host->device = (struct snndev_usbdevice){.port = host->port, .serial = "FUZZ"};
    if (status == SNN_OK) status = snndev_urbs_create(&host->urbs, host->context, &host->device);
    return status;
}

static void run(struct host *host, const uint8_t *bytes, size_t size, size_t piece, uint8_t fault)
{
    int status = begin(host, fault);
    read_ahead(host, bytes, size);
    for (size_t at = 0; status == SNN_OK && at < size; at += piece) {
        const size_t left = size - at;
        status = snndev_urbs_take(host->urbs, host->context, bytes + at,
                                  left < piece ? left : piece, host->now_ms);
        look_at_answers(host);
    }
    if (status == SNN_OK) (void)snndev_urbs_advance(host->urbs, host->context, UINT64_MAX);
    look_at_answers(host);
    snndev_urbs_destroy(&host->urbs);
    snndev_port_destroy(&host->port);
    snndev_vchip_destroy(&host->chip);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct host hosts[2];
    struct bounded bounded = {.bytes_max = BYTES_MAX};
    const struct snn_context_options options = {.allocator = bounded_allocator(&bounded)};
    if (size < 2) return 0;
    const size_t pieces[2] = {(size_t)data[0] + 1, size};
    memset(hosts, 0, sizeof hosts);
    for (unsigned i = 0; i < 2; i++) {
        if (snn_context_create(&hosts[i].context, &options) != SNN_OK) return 0;
        run(&hosts[i], data + 2, size - 2, pieces[i], data[1]);
        snn_context_destroy(&hosts[i].context);
    }
    return hosts[0].bad || hosts[1].bad || hosts[0].crc != hosts[1].crc ||
           hosts[0].bytes != hosts[1].bytes || bounded_verdict(&bounded);
}
