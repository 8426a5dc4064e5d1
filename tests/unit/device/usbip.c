/* USB/IP messages: the examples and tables of the kernel's Documentation/usb/usbip_protocol.rst,
 * and bytes that no host sends.
 */
#include "device/vchip/usbip.h"

#include <criterion/criterion.h>
#include <string.h>

enum { WORDS = SNNDEV_USBIP_HEADER_BYTES / 4 };

/* Bytes of 32-bit words, as the document prints them. */
static void words(uint8_t *out, const uint32_t *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (unsigned k = 0; k < 4; k++)
            out[4 * i + k] = (uint8_t)(values[i] >> (24 - 8 * k));
}

/* The examples "CmdIntrIN" and "CmdIntrOUT": command, seqnum, devid, direction, ep, flags, length,
 * start frame, packets, interval, setup. An interrupt transfer looks like a bulk one. */
static const uint32_t interrupt_in[WORDS] = {1,    0x0d05,     0x0001000f, 1, 1, 0x0200,
                                             0x40, 0xffffffff, 0,          4, 0, 0};
static const uint32_t interrupt_out[WORDS] = {1,    0x0d06,     0x0001000f, 0, 1, 0,
                                              0x40, 0xffffffff, 0,          4, 0, 0};

static bool reads(struct snndev_usbip_command *out, const uint32_t *values)
{
    uint8_t bytes[SNNDEV_USBIP_HEADER_BYTES];
    words(bytes, values, WORDS);
    return snndev_usbip_command_read(out, bytes);
}

/* The same with one word changed. */
static bool reads_with(unsigned word, uint32_t value)
{
    uint32_t values[WORDS];
    struct snndev_usbip_command command;
    memcpy(values, interrupt_in, sizeof values);
    values[word] = value;
    return reads(&command, values);
}

Test(usbip, submits_are_read_as_documented)
{
    struct snndev_usbip_command command;
    cr_assert(reads(&command, interrupt_in));
    cr_assert(!command.unlink && command.in);
    cr_assert_eq(command.sequence, 0x0d05);
    cr_assert_eq(command.endpoint, 1);
    cr_assert_eq(command.length, 64);
    cr_assert(reads(&command, interrupt_out));
    cr_assert(!command.unlink && !command.in);
    cr_assert_eq(command.sequence, 0x0d06);
}

/* GET_DESCRIPTOR of the device, 18 bytes: the setup packet keeps its own byte order. */
Test(usbip, a_submit_to_endpoint_0_has_its_setup_packet)
{
    const uint8_t setup[8] = {0x80, 6, 0, 1, 0, 0, 18, 0};
    const uint32_t values[WORDS] = {1,  7, 0x00010001, 1, 0,          0,
                                    18, 0, 0xffffffff, 0, 0x80060001, 0x00001200};
    struct snndev_usbip_command command;
    cr_assert(reads(&command, values));
    cr_assert_eq(command.endpoint, 0);
    cr_assert_arr_eq(command.setup, setup, sizeof setup);
}

Test(usbip, an_unlink_names_the_submit)
{
    const uint32_t values[WORDS] = {2, 0x0d07, 0x0001000f, 0, 0, 0x0d05};
    struct snndev_usbip_command command;
    cr_assert(reads(&command, values));
    cr_assert(command.unlink);
    cr_assert_eq(command.sequence, 0x0d07);
    cr_assert_eq(command.unlinked, 0x0d05);
}

Test(usbip, what_no_host_sends_is_refused)
{
    cr_assert(reads_with(0, 1), "as it is, it is fine");
    cr_assert_not(reads_with(0, 3), "an answer");
    cr_assert_not(reads_with(0, 0));
    cr_assert_not(reads_with(3, 2), "direction");
    cr_assert_not(reads_with(4, 16), "endpoint");
    cr_assert_not(reads_with(6, SNNDEV_USBIP_LENGTH_MAX + 1), "length");
    cr_assert(reads_with(6, SNNDEV_USBIP_LENGTH_MAX));
    cr_assert_not(reads_with(8, 1), "isochronous packets");
    cr_assert(reads_with(8, 0xffffffff), "none of those, as the document says it");
    struct snndev_usbip_command command;
    uint32_t values[WORDS];
    memcpy(values, interrupt_out, sizeof values);
    values[4] = 0;
    values[6] = SNNDEV_USBIP_CONTROL_MAX;
    cr_assert(reads(&command, values));
    values[6]++;
    cr_assert_not(reads(&command, values), "length at endpoint 0");
}

/* The tables of RET_SUBMIT and RET_UNLINK: device, direction and endpoint are 0. */
Test(usbip, answers_are_written_as_documented)
{
    const uint32_t submit[WORDS] = {3, 0x0d05, 0, 0, 0, 0, 0x40, 0, 0xffffffff, 0, 0, 0};
    const uint32_t stalled[WORDS] = {3, 9, 0, 0, 0, 0xffffffe0, 0, 0, 0xffffffff, 0, 0, 0};
    const uint32_t unlinked[WORDS] = {4, 0x0d07, 0, 0, 0, 0xffffff98};
    const struct snndev_usbip_answer answers[3] = {
        {.sequence = 0x0d05, .actual = 64},
        {.sequence = 9, .status = SNNDEV_USBIP_STALL},
        {.unlink = true, .sequence = 0x0d07, .status = SNNDEV_USBIP_UNLINKED},
    };
    const uint32_t *const expected[3] = {submit, stalled, unlinked};
    for (unsigned i = 0; i < 3; i++) {
        uint8_t bytes[SNNDEV_USBIP_HEADER_BYTES], wanted[SNNDEV_USBIP_HEADER_BYTES];
        words(wanted, expected[i], WORDS);
        snndev_usbip_answer_write(&answers[i], bytes);
        cr_assert_arr_eq(bytes, wanted, sizeof wanted, "answer %u", i);
    }
}

Test(usbip, a_client_asks_for_the_list_or_a_device)
{
    const uint8_t list[8] = {0x01, 0x11, 0x80, 0x05}, import[8] = {0x01, 0x11, 0x80, 0x03};
    const uint8_t old[8] = {0x01, 0x10, 0x80, 0x05}, answer[8] = {0x01, 0x11, 0x00, 0x05};
    const uint8_t refusal[8] = {0x01, 0x11, 0x00, 0x03, 0, 0, 0, 4};
    uint8_t bytes[8];
    enum snndev_usbip_op op = SNNDEV_USBIP_IMPORT;
    cr_assert(snndev_usbip_op_read(&op, list));
    cr_assert_eq(op, SNNDEV_USBIP_DEVLIST);
    cr_assert(snndev_usbip_op_read(&op, import));
    cr_assert_eq(op, SNNDEV_USBIP_IMPORT);
    cr_assert_not(snndev_usbip_op_read(&op, old), "another version");
    cr_assert_not(snndev_usbip_op_read(&op, answer), "an answer");
    snndev_usbip_op_write(SNNDEV_USBIP_DEVLIST, true, bytes);
    cr_assert_arr_eq(bytes, answer, sizeof answer);
    snndev_usbip_op_write(SNNDEV_USBIP_IMPORT, false, bytes);
    cr_assert_arr_eq(bytes, refusal, sizeof refusal);
}

/* Offsets of the table of OP_REP_IMPORT, less its first 8 bytes. */
Test(usbip, a_device_record_has_its_fields_where_the_table_says)
{
    const uint8_t descriptor[18] = {18,   1,    0,    2,    0xff, 0xfe, 0xfd, 64, 0x34,
                                    0x12, 0x78, 0x56, 0x02, 0x01, 1,    2,    3,  1};
    const uint8_t configuration[9] = {9, 2, 32, 0, 4, 5, 0, 0x80, 50};
    const uint8_t tail[24] = {0,    0,    0,    1,    0,    0,    0,    7,    0,    0, 0, 5,
                              0x12, 0x34, 0x56, 0x78, 0x01, 0x02, 0xff, 0xfe, 0xfd, 5, 1, 4};
    const struct snndev_usbip_device device = {
        .path = "/sys/devices/x",
        .busid = "1-1",
        .bus = 1,
        .number = 7,
        .speed = SNNDEV_USBIP_SUPER,
        .descriptor = descriptor,
        .configuration = configuration,
    };
    uint8_t bytes[SNNDEV_USBIP_DEVICE_BYTES];
    memset(bytes, 0xaa, sizeof bytes);
    snndev_usbip_device_write(&device, bytes);
    cr_assert_str_eq((const char *)bytes, "/sys/devices/x");
    cr_assert_eq(bytes[255], 0);
    cr_assert_str_eq((const char *)bytes + 256, "1-1");
    cr_assert_eq(bytes[287], 0);
    cr_assert_arr_eq(bytes + 288, tail, sizeof tail);
}
