/* Requests and records to bytes and back; what no writer makes is refused. */
#include <criterion/criterion.h>
#include <string.h>

#include "libsnn/wire/message.h"
#include "tests/unit/wire/support.h"

static uint8_t bytes[256], again[256];

static const struct snnwire_core core = {
    .enable = 1,
    .kernel_size = 5,
    .stride_y = 2,
    .stride_x = 4,
    .pad_y = 1,
    .pad_x = 3,
    .return_to_zero = 1,
    .leak_enable = 1,
    .monitor_enable = 1,
    .layer_index = 7,
    .v_init_each = 1,
    .in_channels = 1024,
    .in_height = 64,
    .in_width = 65,
    .out_channels = 512,
    .out_height = 32,
    .out_width = 33,
    .feature_first = 999,
    .threshold_high = INT16_MAX,
    .threshold_low = INT16_MIN,
    .v_init = -1,
    .destinations = {{.enable = 1, .layer = 8, .pooling = 4, .feature_shift = 1023},
                     {.enable = 0},
                     {.enable = 1, .layer = 255, .pooling = 1, .feature_shift = 256},
                     {.enable = 1}},
};

static const struct snnwire_hello hello = {.version_major = 1,
                                           .version_minor = 2,
                                           .firmware_major = 258,
                                           .firmware_minor = 65535,
                                           .chip = "speck2f",
                                           .serial = "23 letters are the most",
                                           .buffer_words = 0x12345678,
                                           .core_count = 9};

/* `accepts` reads `size` bytes and writes what it read to `again`. */
typedef bool (*accepts_fn)(size_t size);

static bool accepts_hello(size_t size)
{
    struct snnwire_hello read;
    if (!snnwire_hello_read(&read, bytes, size)) return false;
    snnwire_hello_write(&read, again);
    return true;
}

static bool accepts_status(size_t size)
{
    struct snnwire_status read;
    if (!snnwire_status_read(&read, bytes, size)) return false;
    snnwire_status_write(&read, again);
    return true;
}

static bool accepts_statistics(size_t size)
{
    struct snnwire_statistics read;
    if (!snnwire_statistics_read(&read, bytes, size)) return false;
    snnwire_statistics_write(&read, again);
    return true;
}

static bool accepts_core(size_t size)
{
    struct snnwire_core read;
    if (!snnwire_core_read(&read, bytes, size)) return false;
    snnwire_core_write(&read, again);
    return true;
}

static bool accepts_chip(size_t size)
{
    struct snnwire_chip read;
    if (!snnwire_chip_read(&read, bytes, size)) return false;
    snnwire_chip_write(&read, again);
    return true;
}

static bool accepts_request(size_t size)
{
    struct snnwire_request read;
    if (!snnwire_request_read(&read, bytes, size)) return false;
    snnwire_request_write(&read, again);
    return true;
}

/* Every value of every byte, the others as they are: refused, or written back as it was. Returns
 * how many of the size x 256 were accepted. */
static size_t try_every_byte(accepts_fn accepts, size_t size)
{
    size_t accepted = 0;
    for (size_t place = 0; place < size; place++) {
        const uint8_t before = bytes[place];
        for (unsigned value = 0; value < 256; value++) {
            bytes[place] = (uint8_t)value;
            memset(again, 0xEE, sizeof(again));
            if (!accepts(size)) continue;
            cr_assert_eq(memcmp(bytes, again, size), 0, "byte %zu as %u", place, value);
            cr_assert_eq(again[size], 0xEE);
            accepted++;
        }
        bytes[place] = before;
    }
    return accepted;
}

static void refuses_other_sizes(accepts_fn accepts, size_t size, bool may_grow)
{
    for (size_t other = 0; other < size; other++)
        cr_assert_not(accepts(other), "%zu bytes", other);
    cr_assert(accepts(size));
    cr_assert_eq(accepts(size + 1), may_grow);
}

/* Of 56 bytes, 9 are flags (2 values each) and 5 reserved (1); the other 42 may have any value. */
Test(records, a_core_comes_back_or_is_refused)
{
    struct snnwire_core read;
    snnwire_core_write(&core, bytes);
    refuses_other_sizes(accepts_core, SNNWIRE_CORE_BYTES, false);
    cr_assert_eq(try_every_byte(accepts_core, SNNWIRE_CORE_BYTES), 9 * 2 + 5 + 42 * 256);
    cr_assert(snnwire_core_read(&read, bytes, SNNWIRE_CORE_BYTES));
    cr_assert(read.threshold_high == INT16_MAX && read.threshold_low == INT16_MIN);
    cr_assert(read.v_init == -1 && read.in_width == 65 && read.feature_first == 999);
    cr_assert(read.pad_x == 3 && read.layer_index == 7 && read.v_init_each == 1);
    cr_assert(read.destinations[2].layer == 255 && read.destinations[2].feature_shift == 256);
}

/* Of 40 bytes, 4 are flags and 3 + 4 reserved. */
Test(records, a_chip_comes_back_or_is_refused)
{
    const struct snnwire_chip chip = {.in_channels = 2,
                                      .in_height = 128,
                                      .in_width = 127,
                                      .class_count = 10,
                                      .readout_spread = 4,
                                      .step_us = 1000,
                                      .input_destinations = {{.enable = 1, .layer = 3}}};
    struct snnwire_chip read;
    snnwire_chip_write(&chip, bytes);
    refuses_other_sizes(accepts_chip, SNNWIRE_CHIP_BYTES, false);
    cr_assert_eq(try_every_byte(accepts_chip, SNNWIRE_CHIP_BYTES), 4 * 2 + 7 + 29 * 256);
    cr_assert(snnwire_chip_read(&read, bytes, SNNWIRE_CHIP_BYTES));
    cr_assert(read.in_height == 128 && read.class_count == 10 && read.step_us == 1000);
    cr_assert(read.readout_spread == 4 && read.input_destinations[0].layer == 3);
}

/* Text of 7 letters in 24 bytes: each letter is one of 95, the last may be 0, too; the 8th byte may
 * be a letter more; behind it only zeros. Text of 23 letters: the last may be 0,
 * no other, and the 24th is 0. The count of cores is 255 at most: 3 bytes of it are 0. */
Test(records, a_hello_comes_back_or_is_refused)
{
    struct snnwire_hello read;
    const size_t chip = 7 * 95 + 1 + 96 + 16, serial = 23 * 95 + 1 + 1;
    snnwire_hello_write(&hello, bytes);
    refuses_other_sizes(accepts_hello, SNNWIRE_HELLO_BYTES, true);
    cr_assert_eq(try_every_byte(accepts_hello, SNNWIRE_HELLO_BYTES), 13 * 256 + 3 + chip + serial);
    cr_assert(snnwire_hello_read(&read, bytes, SNNWIRE_HELLO_BYTES));
    cr_assert_str_eq(read.chip, "speck2f");
    cr_assert_str_eq(read.serial, hello.serial);
    cr_assert(read.firmware_major == 258 && read.buffer_words == 0x12345678);
}

Test(records, text_without_an_end_is_cut_when_written)
{
    struct snnwire_hello endless = hello, read;
    memset(endless.chip, 'x', sizeof(endless.chip));
    snnwire_hello_write(&endless, bytes);
    cr_assert(snnwire_hello_read(&read, bytes, SNNWIRE_HELLO_BYTES));
    cr_assert_eq(strlen(read.chip), 23);
}

Test(records, numbers_of_a_device_come_back_whatever_they_are)
{
    struct snnwire_statistics statistics = {.taken = UINT64_MAX, .faults = 5}, read;
    const struct snnwire_status status = {.code = 7, .error = 4, .detail = 0xFEDCBA98};
    for (size_t i = 0; i < SNNWIRE_STATISTICS_CORES; i++)
        statistics.core_spikes[i] = (uint64_t)i << 40;
    snnwire_statistics_write(&statistics, bytes);
    refuses_other_sizes(accepts_statistics, SNNWIRE_STATISTICS_BYTES, true);
    cr_assert_eq(try_every_byte(accepts_statistics, SNNWIRE_STATISTICS_BYTES), 184 * 256);
    cr_assert(snnwire_statistics_read(&read, bytes, SNNWIRE_STATISTICS_BYTES));
    cr_assert(read.taken == UINT64_MAX && read.faults == 5);
    cr_assert_eq(read.core_spikes[15], (uint64_t)15 << 40);
    snnwire_status_write(&status, bytes);
    refuses_other_sizes(accepts_status, SNNWIRE_STATUS_BYTES, false);
    cr_assert_eq(try_every_byte(accepts_status, SNNWIRE_STATUS_BYTES), 8 * 256);
}

/* The type has 2 values; the size 17 in its high byte with 0 in its low one, else 16. */
Test(records, a_request_is_the_setup_packet_of_usb)
{
    const struct snnwire_request request = {.code = SNNWIRE_CODE_READ,
                                            .in = true,
                                            .core = 8,
                                            .region = SNNWIRE_REGION_NEURON,
                                            .offset = 65535 * 16,
                                            .size = 4096};
    static const uint8_t expected[] = {0xC0, 5, 8, 3, 0xFF, 0xFF, 0x00, 0x10};
    struct snnwire_request read;
    snnwire_request_write(&request, bytes);
    cr_assert_eq(memcmp(bytes, expected, 8), 0);
    refuses_other_sizes(accepts_request, SNNWIRE_REQUEST_BYTES, true);
    cr_assert_eq(try_every_byte(accepts_request, 8), 2 + 5 * 256 + 1 + 17);
    cr_assert(snnwire_request_read(&read, bytes, 8));
    cr_assert(read.code == SNNWIRE_CODE_READ && read.in && read.core == 8 && read.region == 3);
    cr_assert(read.offset == 65535 * 16 && read.size == 4096);
}
