/* A virtual chip under test, see chip.h. */
#include "tests/unit/device/chip.h"

#include <criterion/criterion.h>
#include <string.h>

#include "libsnn/wire/bytes.h"
#include "snn/status.h"
#include "tests/unit/support.h"

struct snndev_vchip *chip;
struct snnwire_item chip_items[CHIP_ITEMS_MAX];
size_t chip_item_count;

static struct snnwire_writer writer;
static struct snnwire_reader reader;
static uint8_t out[CHIP_BYTES_MAX];
static size_t out_size;
static struct snnwire_status status;

void chip_begin(void)
{
    support_begin();
}

void chip_end(void)
{
    snndev_vchip_destroy(&chip);
    support_end();
}

static void forget_streams(void)
{
    writer = (struct snnwire_writer){0};
    reader = (struct snnwire_reader){0};
    out_size = chip_item_count = 0;
}

void chip_plug(const struct snndev_vchip_options *options)
{
    const struct snndev_vchip_options plain = {.chip = "speck2f"};
    struct snn_context *context = support_context();
    snndev_vchip_destroy(&chip);
    forget_streams();
    cr_assert_eq(snndev_vchip_create(&chip, context, options != NULL ? options : &plain), SNN_OK,
                 "%s", snn_context_message(context));
}

void chip_plug_for(const struct snn_program *program, struct snndev_vchip_options options)
{
    options.chip = support_path("profile.chip.json");
    cr_assert_eq(snn_program_save(program, support_context(), options.chip), SNN_OK, "%s",
                 snn_context_message(support_context()));
    chip_plug(&options);
}

/* ---- Requests ---- */

/* A request and what STATUS then says. */
static enum snnwire_error ask(const struct snnwire_request *request, uint8_t *data, uint32_t *size)
{
    const struct snnwire_request why = {
        .code = SNNWIRE_CODE_STATUS, .in = true, .size = SNNWIRE_STATUS_BYTES};
    uint8_t record[SNNWIRE_STATUS_BYTES];
    uint32_t record_size = 0;
    const int result = snndev_vchip_request(chip, request, data, size);
    cr_assert_eq(snndev_vchip_request(chip, &why, record, &record_size), SNN_OK);
    cr_assert(snnwire_status_read(&status, record, record_size));
    cr_assert_eq(status.code, request->code);
    cr_assert_eq(result, status.error == SNNWIRE_ERROR_NONE ? SNN_OK : SNN_ERR_PROTOCOL);
    return (enum snnwire_error)status.error;
}

enum snnwire_error chip_ask(uint8_t code, uint8_t core, uint8_t region)
{
    const struct snnwire_request request = {.code = code, .core = core, .region = region};
    uint32_t size = 0;
    const enum snnwire_error error = ask(&request, NULL, &size);
    if (code == SNNWIRE_CODE_RESET) forget_streams();
    return error;
}

uint32_t chip_detail(void)
{
    return status.detail;
}

enum snnwire_error chip_write(uint8_t core, uint8_t region, uint32_t offset, const void *data,
                              uint32_t size)
{
    const struct snnwire_request request = {
        .code = SNNWIRE_CODE_WRITE, .core = core, .region = region, .offset = offset, .size = size};
    uint8_t bytes[SNNWIRE_PAYLOAD_MAX];
    uint32_t none = 0;
    cr_assert_leq(size, sizeof(bytes));
    if (size > 0) memcpy(bytes, data, size);
    return ask(&request, bytes, &none);
}

enum snnwire_error chip_read(uint8_t core, uint8_t region, uint32_t offset, void *data,
                             uint32_t size)
{
    const struct snnwire_request request = {.code = SNNWIRE_CODE_READ,
                                            .in = true,
                                            .core = core,
                                            .region = region,
                                            .offset = offset,
                                            .size = size};
    uint32_t came = 0;
    const enum snnwire_error error = ask(&request, data, &came);
    cr_assert_eq(came, error == SNNWIRE_ERROR_NONE ? size : 0);
    return error;
}

void chip_write_all(uint8_t core, uint8_t region, const uint8_t *data, size_t size)
{
    for (size_t at = 0; at < size; at += SNNWIRE_PAYLOAD_MAX) {
        const size_t left = size - at;
        const size_t part = left < SNNWIRE_PAYLOAD_MAX ? left : SNNWIRE_PAYLOAD_MAX;
        cr_assert_eq(chip_write(core, region, (uint32_t)at, data + at, (uint32_t)part),
                     SNNWIRE_ERROR_NONE, "core %u, region %u, byte %zu", core, region, at);
    }
}

struct snnwire_statistics chip_statistics(void)
{
    const struct snnwire_request request = {
        .code = SNNWIRE_CODE_STATISTICS, .in = true, .size = SNNWIRE_STATISTICS_BYTES};
    struct snnwire_statistics statistics;
    uint8_t record[SNNWIRE_STATISTICS_BYTES];
    uint32_t size = 0;
    cr_assert_eq(ask(&request, record, &size), SNNWIRE_ERROR_NONE);
    cr_assert(snnwire_statistics_read(&statistics, record, size));
    return statistics;
}

/* ---- Programs ---- */

static void set_destinations(struct snnwire_destination *to, const struct snn_destination *from,
                             uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        to[i] = (struct snnwire_destination){1, (uint8_t)from[i].layer, (uint8_t)from[i].pooling,
                                             (uint16_t)from[i].feature_shift};
}

struct snnwire_core chip_core_record(const struct snn_core *core)
{
    struct snnwire_core record = {
        .enable = 1,
        .kernel_size = (uint8_t)core->kernel_size,
        .stride_y = (uint8_t)core->stride_y,
        .stride_x = (uint8_t)core->stride_x,
        .pad_y = (uint8_t)core->pad_y,
        .pad_x = (uint8_t)core->pad_x,
        .return_to_zero = core->return_to_zero,
        .leak_enable = core->bias != NULL,
        .layer_index = (uint8_t)core->layer_index,
        .in_channels = (uint16_t)core->input.channels,
        .in_height = (uint16_t)core->input.height,
        .in_width = (uint16_t)core->input.width,
        .out_channels = (uint16_t)core->output.channels,
        .out_height = (uint16_t)core->output.height,
        .out_width = (uint16_t)core->output.width,
        .feature_first = (uint16_t)core->feature_first,
        .threshold_high = core->threshold_high,
        .threshold_low = core->threshold_low,
        .v_init_each = core->v_init_count > 1,
        .v_init = core->v_init[0],
    };
    set_destinations(record.destinations, core->destinations, core->destination_count);
    return record;
}

struct snnwire_chip chip_record(const struct snn_program *program)
{
    struct snnwire_chip record = {
        .in_channels = (uint16_t)program->input_shape.channels,
        .in_height = (uint16_t)program->input_shape.height,
        .in_width = (uint16_t)program->input_shape.width,
        .class_count = (uint16_t)program->class_count,
        .readout_spread = (uint8_t)program->readout_spread,
        .step_us = (uint32_t)program->dt_us,
    };
    set_destinations(record.input_destinations, program->input_destinations,
                     program->input_destination_count);
    return record;
}

static void write_core(const struct snn_core *core, bool monitored)
{
    struct snnwire_core record = chip_core_record(core);
    uint8_t bytes[SNNWIRE_CORE_BYTES];
    static uint8_t values[1 << 18];
    const uint8_t index = (uint8_t)core->index;
    const size_t features = core->output.channels;
    const size_t weights = features * core->input.channels * core->kernel_size * core->kernel_size;
    record.monitor_enable = monitored;
    snnwire_core_write(&record, bytes);
    chip_write_all(index, SNNWIRE_REGION_REGISTERS, bytes, sizeof(bytes));
    chip_write_all(index, SNNWIRE_REGION_KERNEL, (const uint8_t *)core->weights, weights);
    if (core->bias != NULL)
        chip_write_all(index, SNNWIRE_REGION_BIAS, (const uint8_t *)core->bias, features);
    if (core->v_init_count == 1) return;
    cr_assert_leq(2 * core->v_init_count, sizeof(values));
    for (size_t i = 0; i < core->v_init_count; i++)
        snnwire_put16(values + 2 * i, (uint16_t)core->v_init[i]);
    chip_write_all(index, SNNWIRE_REGION_NEURON, values, 2 * core->v_init_count);
}

void chip_configure(const struct snn_program *program, uint32_t monitored)
{
    const struct snnwire_chip record = chip_record(program);
    uint8_t bytes[SNNWIRE_CHIP_BYTES];
    cr_assert_eq(chip_ask(SNNWIRE_CODE_BEGIN, 0, 0), SNNWIRE_ERROR_NONE);
    snnwire_chip_write(&record, bytes);
    chip_write_all(SNNWIRE_CHIP, SNNWIRE_REGION_REGISTERS, bytes, sizeof(bytes));
    for (uint32_t i = 0; i < program->core_count; i++)
        write_core(&program->cores[i], (monitored >> program->cores[i].index & 1) != 0);
}

void chip_load(const struct snn_program *program, uint32_t monitored)
{
    chip_configure(program, monitored);
    cr_assert_eq(chip_ask(SNNWIRE_CODE_COMMIT, 0, 0), SNNWIRE_ERROR_NONE, "core %u", chip_detail());
    cr_assert_eq(chip_ask(SNNWIRE_CODE_RESET, 0, 0), SNNWIRE_ERROR_NONE);
}

/* ---- The stream ---- */

static uint8_t *room(void)
{
    cr_assert_lt(out_size + 64, sizeof(out));
    return out + out_size;
}

void chip_put_event(uint64_t time_us, uint16_t feature, uint8_t y, uint8_t x)
{
    const struct snnwire_event event = {.time_us = time_us, .feature = feature, .y = y, .x = x};
    out_size += snnwire_write_event(&writer, &event, room());
}

void chip_put_mark(enum snnwire_mark mark, uint32_t value)
{
    out_size += snnwire_write_mark(&writer, mark, 0, value, room());
}

void chip_send_pieces(size_t piece)
{
    out_size += snnwire_write_check(&writer, room());
    for (size_t at = 0; at < out_size; at += piece)
        snndev_vchip_take(chip, out + at, out_size - at < piece ? out_size - at : piece);
    out_size = 0;
}

void chip_send(void)
{
    chip_send_pieces(sizeof(out));
}

static void decode(const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        enum snnwire_fault fault = SNNWIRE_FAULT_NONE;
        size_t used = 0;
        cr_assert_lt(chip_item_count, CHIP_ITEMS_MAX);
        chip_item_count +=
            snnwire_read(&reader, bytes, size, &used, &chip_items[chip_item_count], &fault);
        cr_assert_eq(fault, SNNWIRE_FAULT_NONE);
        bytes += used;
        size -= used;
    }
}

void chip_receive_some(size_t bytes)
{
    static uint8_t in[CHIP_BYTES_MAX];
    cr_assert_leq(bytes, sizeof(in));
    decode(in, snndev_vchip_give(chip, in, bytes));
}

void chip_receive(void)
{
    size_t before = SIZE_MAX;
    while (before != reader.words) {
        before = reader.words;
        chip_receive_some(CHIP_BYTES_MAX);
    }
    cr_assert_eq(reader.unchecked, 0);
    cr_assert_eq(reader.residue_size, 0);
}

void chip_is_mark(size_t i, enum snnwire_mark mark, uint32_t argument, uint32_t value)
{
    cr_assert_lt(i, chip_item_count, "there is no item %zu", i);
    const struct snnwire_item *item = &chip_items[i];
    cr_assert(item->is_mark, "item %zu is an event", i);
    cr_assert_eq(item->mark, mark, "item %zu is mark %d", i, item->mark);
    cr_assert_eq(item->argument, argument, "item %zu has argument %u", i, item->argument);
    cr_assert_eq(item->value, value, "item %zu has value %u", i, item->value);
}

void chip_is_event(size_t i, uint64_t time_us, uint16_t layer, uint16_t feature)
{
    cr_assert_lt(i, chip_item_count, "there is no item %zu", i);
    const struct snnwire_item *item = &chip_items[i];
    cr_assert(!item->is_mark, "item %zu is mark %d", i, item->mark);
    cr_assert_eq(item->event.time_us, time_us, "item %zu is at %llu us", i,
                 (unsigned long long)item->event.time_us);
    cr_assert_eq(item->event.layer, layer, "item %zu is of layer %u", i, item->event.layer);
    cr_assert_eq(item->event.feature, feature, "item %zu is of feature %u", i, item->event.feature);
}
