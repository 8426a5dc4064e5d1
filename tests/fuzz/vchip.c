/* Fuzz target: a host that does anything at all to a virtual chip as a USB device. The input is a
 * list of actions: control transfers, raw stream bytes, events and marks in proper words, reading.
 * Whatever it does, what the chip sends is a stream without faults, and its counts agree.
 */
#include <stdbool.h>
#include <string.h>

#include "device/vchip/usbdevice.h"
#include "libsnn/wire/bytes.h"
#include "snn/status.h"
#include "tests/fuzz/bounded.h"
#include "tests/fuzz/file.h"
#include "tests/fuzz/target.h"

enum { BYTES_MAX = 32 << 20, DATA_MAX = 65536 };
enum action { CONTROL = 0, STREAM = 1, EVENT = 2, MARK = 3, CHECK = 4, READ = 5 };

/* So small that any net on it is done in no time. */
static const char profile[] =
    "{\"format\": \"snn.chip/1\", \"name\": \"small\", \"description\": \"three cores\","
    " \"source\": \"made up\", \"energy\": \"sinabs\","
    " \"cores\": [{\"kernel_words\": 256, \"neuron_words\": 64, \"bias_words\": 16},"
    " {\"kernel_words\": 256, \"neuron_words\": 32, \"bias_words\": 16},"
    " {\"kernel_words\": 128, \"neuron_words\": 16, \"bias_words\": 16}],"
    " \"kernel_size_max\": 8, \"strides\": [1, 2], \"padding_max\": 3, \"poolings\": [1, 2],"
    " \"input_size_max\": 32, \"output_size_max\": 32, \"feature_max\": 64,"
    " \"destination_max\": 2, \"readout_layer\": 12, \"sensor_layer\": 13, \"readout_spread\": 1,"
    " \"readout_classes\": 0, \"threshold_low_below_0\": false}";

struct input {
    const uint8_t *bytes;
    size_t size;
};

struct host {
    struct snndev_vchip *chip;
    struct snndev_port *port;
    struct snndev_usbdevice device;
    struct snnwire_writer writer;
    struct snnwire_reader reader;
    uint64_t events, lost;
    uint8_t data[DATA_MAX];
    bool bad;
};

/* The next bytes; zeros where the input is at its end. */
static void take(struct input *input, uint8_t *out, size_t size)
{
    const size_t there = size < input->size ? size : input->size;
    memset(out, 0, size);
    if (there > 0) memcpy(out, input->bytes, there);
    input->bytes += there;
    input->size -= there;
}

static void control(struct host *host, struct input *input)
{
    uint8_t setup[SNNWIRE_REQUEST_BYTES];
    size_t actual = 0;
    take(input, setup, sizeof(setup));
    const size_t length = snnwire_get16(setup + 6);
    if ((setup[0] & 0x80) == 0) take(input, host->data, length);
    const enum snndev_outcome outcome =
        snndev_usb_control(&host->device, setup, host->data, &actual);
    if (actual > length || (outcome != SNNDEV_COMPLETED && actual > 0)) host->bad = true;
    if (outcome != SNNDEV_COMPLETED || setup[0] != SNNWIRE_SETUP_OUT ||
        setup[1] != SNNWIRE_CODE_RESET)
        return;
    host->writer = (struct snnwire_writer){0};
    host->reader = (struct snnwire_reader){0};
    host->events = host->lost = 0;
}

static void send(struct host *host, size_t size)
{
    size_t actual = 0;
    (void)snndev_port_take(host->port, host->data, size, &actual);
}

static void stream(struct host *host, struct input *input)
{
    uint8_t length[2];
    take(input, length, sizeof(length));
    size_t size = snnwire_get16(length);
    if (size > input->size) size = input->size;
    take(input, host->data, size);
    send(host, size);
}

static void event(struct host *host, struct input *input)
{
    uint8_t fields[8];
    take(input, fields, sizeof(fields));
    const struct snnwire_event one = {.time_us = (uint64_t)snnwire_get32(fields)
                                                 << (fields[7] & 31),
                                      .feature = snnwire_get16(fields + 4) & SNNWIRE_FEATURE_MAX,
                                      .y = fields[6] & SNNWIRE_COORDINATE_MAX,
                                      .x = fields[7] & SNNWIRE_COORDINATE_MAX};
    send(host, snnwire_write_event(&host->writer, &one, host->data));
}

static void mark(struct host *host, struct input *input)
{
    uint8_t fields[5];
    take(input, fields, sizeof(fields));
    send(host, snnwire_write_mark(&host->writer, (enum snnwire_mark)(fields[0] & 15), 0,
                                  snnwire_get32(fields + 1), host->data));
}

static void read_some(struct host *host, size_t room)
{
    size_t size = 0, used = 0;
    if (snndev_port_give(host->port, host->data, room, 512, &size) != SNNDEV_COMPLETED) return;
    if (size > room) host->bad = true;
    for (const uint8_t *at = host->data; size > 0; at += used, size -= used) {
        struct snnwire_item item;
        enum snnwire_fault fault = SNNWIRE_FAULT_NONE;
        const bool there = snnwire_read(&host->reader, at, size, &used, &item, &fault);
        if (fault != SNNWIRE_FAULT_NONE) host->bad = true;
        if (there && !item.is_mark) host->events++;
        if (there && item.is_mark && item.mark == SNNWIRE_MARK_GAP) host->lost += item.value;
    }
}

static void act(struct host *host, struct input *input)
{
    uint8_t action, room[2];
    take(input, &action, 1);
    switch (action % 6) {
    case CONTROL:
        control(host, input);
        break;
    case STREAM:
        stream(host, input);
        break;
    case EVENT:
        event(host, input);
        break;
    case MARK:
        mark(host, input);
        break;
    case CHECK:
        send(host, snnwire_write_check(&host->writer, host->data));
        break;
    case READ:
        take(input, room, sizeof(room));
        read_some(host, snnwire_get16(room) % 2048);
        break;
    }
}

/* All that is left is read: then the counts of both sides are the same. */
static void settle(struct host *host)
{
    const struct snnwire_request ask = {
        .code = SNNWIRE_CODE_STATISTICS, .in = true, .size = SNNWIRE_STATISTICS_BYTES};
    struct snnwire_statistics said;
    uint32_t size = 0;
    snndev_port_clear_halt(host->port, false);
    while (snndev_vchip_ready(host->chip, DATA_MAX) > 0)
        read_some(host, DATA_MAX);
    (void)snndev_vchip_request(host->chip, &ask, host->data, &size);
    if (!snnwire_statistics_read(&said, host->data, size) || host->events != said.sent ||
        host->lost != said.dropped || said.sent + said.dropped != said.produced)
        host->bad = true;
}

static int run(struct host *host, struct snn_context *context, struct input input)
{
    const struct snndev_vchip_options options = {
        .chip = file_of(0, profile, sizeof(profile) - 1), .buffer_words = 512, .output_words = 256};
    if (options.chip == NULL) return 0;
    int status = snndev_vchip_create(&host->chip, context, &options);
    if (status == SNN_OK) status = snndev_port_create(&host->port, context, host->chip, NULL);
    host->device = (struct snndev_usbdevice){.port = host->port, .serial = "FUZZ"};
    while (status == SNN_OK && input.size > 0 && !host->bad)
        act(host, &input);
    if (status == SNN_OK) settle(host);
    snndev_port_destroy(&host->port);
    snndev_vchip_destroy(&host->chip);
    return host->bad || status != SNN_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct host host;
    struct bounded bounded = {.bytes_max = BYTES_MAX};
    const struct snn_context_options options = {.allocator = bounded_allocator(&bounded)};
    struct snn_context *context = NULL;
    memset(&host, 0, sizeof(host));
    if (snn_context_create(&context, &options) != SNN_OK) return 0;
    const int bad = run(&host, context, (struct input){data, size});
    snn_context_destroy(&context);
    return bad | bounded_verdict(&bounded);
}
