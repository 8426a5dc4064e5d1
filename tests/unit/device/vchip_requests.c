/* What a virtual chip answers to requests: who it is, memories that keep what is written, every
 * refusal with its error.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "libsnn/wire/bytes.h"
#include "snn/status.h"
#include "tests/unit/device/chip.h"
#include "tests/unit/sketch.h"
#include "tests/unit/support.h"

TestSuite(vchip_requests, .init = chip_begin, .fini = chip_end);

static struct snnwire_hello hello(void)
{
    const struct snnwire_request request = {
        .code = SNNWIRE_CODE_HELLO, .in = true, .size = SNNWIRE_HELLO_BYTES};
    struct snnwire_hello out;
    uint8_t record[SNNWIRE_HELLO_BYTES];
    uint32_t size = 0;
    cr_assert_eq(snndev_vchip_request(chip, &request, record, &size), SNN_OK);
    cr_assert(snnwire_hello_read(&out, record, size));
    return out;
}

Test(vchip_requests, hello_tells_chip_serial_number_credit_and_cores)
{
    chip_plug(NULL);
    struct snnwire_hello told = hello();
    cr_assert_str_eq(told.chip, "speck2f");
    cr_assert_str_eq(told.serial, "VIRT0001");
    cr_assert_eq(told.buffer_words, 65536);
    cr_assert_eq(told.core_count, 9);
    chip_plug(
        &(struct snndev_vchip_options){.chip = "dynapcnn", .serial = "OTHER", .buffer_words = 77});
    told = hello();
    cr_assert_str_eq(told.chip, "dynapcnn");
    cr_assert_str_eq(told.serial, "OTHER");
    cr_assert_eq(told.buffer_words, 77);
}

Test(vchip_requests, chip_or_serial_number_that_cannot_be_is_refused)
{
    static const struct {
        struct snndev_vchip_options options;
        int status;
        const char *message;
    } cases[] = {
        {{.chip = "speck9"}, SNN_ERR_NOT_FOUND, "speck9"},
        {{.chip = "speck2f", .serial = ""}, SNN_ERR_INVALID, "'' is no serial number"},
        {{.chip = "speck2f", .serial = "123456789012345678901234"}, SNN_ERR_INVALID, "serial"},
        {{.chip = "speck2f", .serial = "a\nb"}, SNN_ERR_INVALID, "serial"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_expect_eq(snndev_vchip_create(&chip, support_context(), &cases[i].options),
                     cases[i].status);
        const char *message = snn_context_message(support_context());
        cr_expect_not_null(strstr(message, cases[i].message), "%s", message);
    }
}

Test(vchip_requests, memories_give_back_what_was_written)
{
    uint8_t values[97], back[97];
    struct snnwire_core core = {
        .kernel_size = 4, .in_channels = 2, .out_channels = 3, .out_height = 4, .out_width = 4};
    uint8_t record[SNNWIRE_CORE_BYTES];
    for (size_t i = 0; i < sizeof(values); i++)
        values[i] = (uint8_t)(37 * i + 11);
    chip_plug(NULL);
    cr_assert_eq(chip_ask(SNNWIRE_CODE_BEGIN, 0, 0), SNNWIRE_ERROR_NONE);
    snnwire_core_write(&core, record);
    chip_write_all(7, SNNWIRE_REGION_REGISTERS, record, sizeof(record));
    cr_assert_eq(chip_read(7, SNNWIRE_REGION_REGISTERS, 0, back, sizeof(record)), 0);
    cr_assert_arr_eq(back, record, sizeof(record));
    /* 3 * 2 * 4 * 4 weights, 3 biases, 3 * 4 * 4 neurons of 2 bytes */
    static const uint32_t sizes[] = {0, 96, 3, 96};
    for (uint8_t region = SNNWIRE_REGION_KERNEL; region <= SNNWIRE_REGION_NEURON; region++) {
        const uint32_t size = sizes[region];
        cr_assert_eq(chip_write(7, region, 0, values, size), SNNWIRE_ERROR_NONE);
        cr_assert_eq(chip_read(7, region, 0, back, size), SNNWIRE_ERROR_NONE);
        cr_assert_arr_eq(back, values, size);
        cr_assert_eq(chip_write(7, region, 0, values, size + 1), SNNWIRE_ERROR_RANGE);
        cr_assert_eq(chip_read(7, region, 0, back, size + 1), SNNWIRE_ERROR_RANGE);
    }
    cr_assert_eq(chip_write(7, SNNWIRE_REGION_KERNEL, 32, values, 5), SNNWIRE_ERROR_NONE);
    cr_assert_eq(chip_read(7, SNNWIRE_REGION_KERNEL, 16, back, 32), SNNWIRE_ERROR_NONE);
    cr_assert_arr_eq(back, values + 16, 16);
    cr_assert_arr_eq(back + 16, values, 5);
    cr_assert_arr_eq(back + 21, values + 37, 11);
    cr_assert_eq(chip_read(6, SNNWIRE_REGION_KERNEL, 0, back, 1), SNNWIRE_ERROR_RANGE,
                 "a core without registers has no kernel");
}

Test(vchip_requests, crc_is_that_of_the_whole_region)
{
    const struct snnwire_core core = {
        .kernel_size = 1, .in_channels = 1, .out_channels = 9, .out_height = 1, .out_width = 1};
    const struct snnwire_request request = {.code = SNNWIRE_CODE_CRC,
                                            .in = true,
                                            .core = 0,
                                            .region = SNNWIRE_REGION_KERNEL,
                                            .size = 4};
    uint8_t record[SNNWIRE_CORE_BYTES];
    uint32_t size = 0;
    chip_plug(NULL);
    cr_assert_eq(chip_ask(SNNWIRE_CODE_BEGIN, 0, 0), SNNWIRE_ERROR_NONE);
    snnwire_core_write(&core, record);
    chip_write_all(0, SNNWIRE_REGION_REGISTERS, record, sizeof(record));
    chip_write_all(0, SNNWIRE_REGION_KERNEL, (const uint8_t *)"123456789", 9);
    cr_assert_eq(snndev_vchip_request(chip, &request, record, &size), SNN_OK);
    cr_assert_eq(size, 4);
    cr_assert_eq(snnwire_get32(record), 0xcbf43926); /* the vector of docs/formats/wire.md */
}

Test(vchip_requests, registers_that_no_writer_makes_change_nothing)
{
    uint8_t record[SNNWIRE_CORE_BYTES] = {1}, back[SNNWIRE_CORE_BYTES];
    chip_plug(NULL);
    cr_assert_eq(chip_ask(SNNWIRE_CODE_BEGIN, 0, 0), SNNWIRE_ERROR_NONE);
    chip_write_all(2, SNNWIRE_REGION_REGISTERS, record, sizeof(record));
    record[0] = 2; /* a flag */
    cr_assert_eq(chip_write(2, SNNWIRE_REGION_REGISTERS, 0, record, sizeof(record)),
                 SNNWIRE_ERROR_INVALID);
    cr_assert_eq(chip_detail(), 2);
    cr_assert_eq(chip_read(2, SNNWIRE_REGION_REGISTERS, 0, back, sizeof(back)), 0);
    cr_assert_eq(back[0], 1);
    record[0] = 7;
    cr_assert_eq(chip_write(SNNWIRE_CHIP, SNNWIRE_REGION_REGISTERS, 0, record, 16), 0);
    cr_assert_eq(chip_read(SNNWIRE_CHIP, SNNWIRE_REGION_REGISTERS, 0, back, SNNWIRE_CHIP_BYTES), 0);
    cr_assert_eq(back[0], 7);
}

Test(vchip_requests, every_refusal_has_its_error)
{
    uint8_t data[SNNWIRE_PAYLOAD_MAX] = {0};
    uint32_t size = 0;
    chip_plug(NULL);
    cr_expect_eq(chip_ask(0, 0, 0), SNNWIRE_ERROR_UNKNOWN);
    cr_expect_eq(chip_ask(SNNWIRE_CODE_HELLO, 0, 0), SNNWIRE_ERROR_UNKNOWN,
                 "data go the other way");
    cr_expect_eq(chip_ask(200, 0, 0), SNNWIRE_ERROR_UNKNOWN);
    cr_expect_eq(chip_write(0, 0, 0, data, 16), SNNWIRE_ERROR_STATE, "no BEGIN");
    cr_expect_eq(chip_ask(SNNWIRE_CODE_COMMIT, 0, 0), SNNWIRE_ERROR_STATE, "no BEGIN");
    cr_expect_eq(chip_read(9, 0, 0, data, 1), SNNWIRE_ERROR_UNKNOWN, "cores are 0 to 8");
    cr_expect_eq(chip_read(SNNWIRE_CHIP, 1, 0, data, 1), SNNWIRE_ERROR_UNKNOWN);
    cr_expect_eq(chip_read(0, 4, 0, data, 1), SNNWIRE_ERROR_UNKNOWN);
    cr_expect_eq(chip_read(0, 0, 64, data, 0), SNNWIRE_ERROR_RANGE);
    cr_expect_eq(chip_read(0, 0, 48, data, 9), SNNWIRE_ERROR_RANGE);
    const struct snnwire_request large = {
        .code = SNNWIRE_CODE_READ, .in = true, .size = SNNWIRE_PAYLOAD_MAX + 1};
    cr_expect_eq(snndev_vchip_request(chip, &large, data, &size), SNN_ERR_PROTOCOL);
    const struct snnwire_request stuffed = {.code = SNNWIRE_CODE_RESET, .size = 1};
    cr_expect_eq(snndev_vchip_request(chip, &stuffed, data, &size), SNN_ERR_PROTOCOL);
    cr_expect_eq(chip_ask(SNNWIRE_CODE_BEGIN, 0, 0), SNNWIRE_ERROR_NONE);
    cr_expect_eq(chip_ask(SNNWIRE_CODE_COMMIT, 0, 0), SNNWIRE_ERROR_INVALID, "no core is enabled");
    cr_expect_eq(chip_detail(), SNNWIRE_CHIP);
}

Test(vchip_requests, registers_beyond_the_memories_are_refused)
{
    const struct snnwire_core huge = {.enable = 1,
                                      .kernel_size = 255,
                                      .in_channels = 65535,
                                      .out_channels = 65535,
                                      .out_height = 65535,
                                      .out_width = 65535};
    uint8_t record[SNNWIRE_CORE_BYTES], byte = 1;
    chip_plug(NULL);
    cr_assert_eq(chip_ask(SNNWIRE_CODE_BEGIN, 0, 0), SNNWIRE_ERROR_NONE);
    snnwire_core_write(&huge, record);
    chip_write_all(4, SNNWIRE_REGION_REGISTERS, record, sizeof(record));
    for (uint8_t region = SNNWIRE_REGION_KERNEL; region <= SNNWIRE_REGION_NEURON; region++) {
        cr_expect_eq(chip_write(4, region, 0, &byte, 1), SNNWIRE_ERROR_RANGE);
        cr_expect_eq(chip_ask(SNNWIRE_CODE_CRC, 4, region), SNNWIRE_ERROR_UNKNOWN);
    }
    cr_expect_eq(chip_ask(SNNWIRE_CODE_COMMIT, 0, 0), SNNWIRE_ERROR_INVALID);
}

/* One core, 1x1, whose weight and threshold a test may change. */
static struct snn_program *one_neuron(void)
{
    static const int8_t weight = 100;
    struct snn_program *program = sketch_begin(1, 1, 1);
    sketch_add((struct snn_core){
        .kernel_size = 1, .output = {1, 1, 1}, .weights = &weight, .threshold_high = 100});
    return program;
}

Test(vchip_requests, commit_names_the_core_that_breaks_a_rule)
{
    struct snn_program *program = sketch_concat();
    chip_plug_for(program, (struct snndev_vchip_options){0});
    const uint32_t index = program->cores[1].index;
    struct snnwire_core record = chip_core_record(&program->cores[1]);
    uint8_t bytes[SNNWIRE_CORE_BYTES];
    chip_configure(program, 0);
    record.threshold_high = 0;
    snnwire_core_write(&record, bytes);
    chip_write_all((uint8_t)index, SNNWIRE_REGION_REGISTERS, bytes, sizeof(bytes));
    cr_assert_eq(chip_ask(SNNWIRE_CODE_COMMIT, 0, 0), SNNWIRE_ERROR_INVALID);
    cr_assert_eq(chip_detail(), index);
    record.threshold_high = 100;
    snnwire_core_write(&record, bytes);
    chip_write_all((uint8_t)index, SNNWIRE_REGION_REGISTERS, bytes, sizeof(bytes));
    cr_assert_eq(chip_ask(SNNWIRE_CODE_COMMIT, 0, 0), SNNWIRE_ERROR_NONE, "it may be mended");
    cr_assert_eq(chip_write(0, 0, 0, bytes, 16), SNNWIRE_ERROR_STATE, "and that was all");
}

Test(vchip_requests, profile_whose_name_hello_has_no_room_for_is_refused)
{
    struct snn_program *program = one_neuron();
    struct snndev_vchip_options options = {.chip = support_path("long.chip.json")};
    (void)strcpy(program->chip.name, "a-name-of-24-characters-");
    cr_assert_eq(snn_program_save(program, support_context(), options.chip), SNN_OK);
    cr_assert_eq(snndev_vchip_create(&chip, support_context(), &options), SNN_ERR_INVALID);
    cr_assert_str_eq(snn_context_message(support_context()),
                     "'a-name-of-24-characters-' is no chip of a device");
    program->chip.name[23] = '\0';
    chip_plug_for(program, options);
}

Test(vchip_requests, what_the_words_of_the_stream_could_not_say_is_refused)
{
    struct snn_program *program = one_neuron();
    struct snnwire_chip record = chip_record(program);
    uint8_t bytes[SNNWIRE_CHIP_BYTES];
    chip_plug_for(program, (struct snndev_vchip_options){0});
    chip_configure(program, 0);
    record.in_height = 129;
    snnwire_chip_write(&record, bytes);
    chip_write_all(SNNWIRE_CHIP, SNNWIRE_REGION_REGISTERS, bytes, sizeof(bytes));
    cr_assert_eq(chip_ask(SNNWIRE_CODE_COMMIT, 0, 0), SNNWIRE_ERROR_INVALID);
    cr_assert_eq(chip_detail(), SNNWIRE_CHIP);
}

static int plug_and_load(struct snn_context *context)
{
    const struct snndev_vchip_options options = {.chip = "speck2f", .buffer_words = 64};
    struct snndev_vchip *made = NULL;
    int status = snndev_vchip_create(&made, context, &options);
    snndev_vchip_destroy(&made);
    return status;
}

Test(vchip_requests, memory_may_run_out_while_plugging_in)
{
    support_sweep(plug_and_load);
}
