/* The test vectors of docs/formats/wire.md, read from the page: the codec writes these bytes, and
 * reads from them what the page says.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "libsnn/wire/message.h"
#include "tests/unit/wire/support.h"

enum { PAGE_MAX = 1 << 16 };

static uint8_t vector[512], bytes[512];
static size_t vector_size, size;
static struct wire_log came;

/* Sets `vector` to the bytes behind the line "vector NAME". */
static void find(const char *name)
{
    static char page[PAGE_MAX];
    char line[64];
    FILE *file = fopen(WIRE_PAGE, "r");
    cr_assert_not_null(file);
    page[fread(page, 1, PAGE_MAX - 1, file)] = '\0';
    fclose(file);
    snprintf(line, sizeof(line), "\nvector %s\n", name);
    const char *at = strstr(page, line);
    cr_assert_not_null(at, "the page has no vector %s", name);
    at += strlen(line);
    unsigned byte = 0;
    int taken = 0;
    for (vector_size = 0; sscanf(at, " %2x%n", &byte, &taken) == 1; at += taken) {
        cr_assert(vector_size < sizeof(vector));
        vector[vector_size++] = (uint8_t)byte;
    }
}

/* What was written is what the page has. */
static void is_vector(const char *name)
{
    find(name);
    cr_assert_eq(size, vector_size, "%s has %zu bytes, not %zu", name, vector_size, size);
    for (size_t i = 0; i < size; i++)
        cr_assert_eq(bytes[i], vector[i], "%s differs at byte %zu", name, i);
    size = 0;
}

static void put_event(struct snnwire_writer *writer, struct snnwire_event event)
{
    size += snnwire_write_event(writer, &event, bytes + size);
}

static void put_mark(struct snnwire_writer *writer, enum snnwire_mark mark, uint32_t argument,
                     uint32_t value)
{
    size += snnwire_write_mark(writer, mark, argument, value, bytes + size);
}

static void put_check(struct snnwire_writer *writer)
{
    size += snnwire_write_check(writer, bytes + size);
}

/* What a reader that has seen `words` words says to the vector; no fault. */
static void read_vector(uint32_t words)
{
    struct snnwire_reader reader = {.words = words};
    came = (struct wire_log){.count = 0};
    wire_read_fast(&reader, vector, vector_size, &came);
    cr_assert(reader.faults == 0 && reader.unchecked == 0 && reader.residue_size == 0);
}

Test(page, the_crc_is_the_one_of_nine_digits)
{
    const uint32_t crc = snnwire_crc32(0, (const uint8_t *)"123456789", 9);
    for (size = 0; size < 4; size++)
        bytes[size] = (uint8_t)(crc >> 8 * size);
    is_vector("crc");
}

Test(page, blocks_are_written_and_read_as_shown)
{
    struct snnwire_writer writer = {0};
    put_event(&writer,
              (struct snnwire_event){.time_us = 1, .layer = 2, .feature = 3, .y = 4, .x = 5});
    put_check(&writer);
    is_vector("event");
    read_vector(0);
    cr_assert(came.count == 1 && came.items[0].event.layer == 2 && came.items[0].event.y == 4);

    writer = (struct snnwire_writer){.words = 0};
    put_event(&writer, (struct snnwire_event){.time_us = UINT32_MAX});
    put_event(&writer, (struct snnwire_event){(uint64_t)1 << 32, 63, 1023, 127, 127});
    put_check(&writer);
    is_vector("wrap");
    read_vector(0);
    cr_assert(came.count == 2 && came.items[0].event.time_us == UINT32_MAX);
    cr_assert_eq(came.items[1].event.time_us, (uint64_t)1 << 32);

    writer = (struct snnwire_writer){.words = UINT32_MAX - 1};
    put_event(&writer, (struct snnwire_event){(uint64_t)5 << 32, 1, 1, 1, 1});
    put_check(&writer);
    is_vector("resumed");
    read_vector(UINT32_MAX - 1);
    cr_assert(came.count == 1 && came.items[0].event.time_us == (uint64_t)5 << 32);

    writer = (struct snnwire_writer){.words = 1000};
    put_mark(&writer, SNNWIRE_MARK_GAP, SNNWIRE_LOSS_DEVICE, 12);
    put_check(&writer);
    is_vector("loss");
    read_vector(1000);
    cr_assert(came.count == 1 && came.items[0].mark == SNNWIRE_MARK_GAP);
    cr_assert(came.items[0].argument == SNNWIRE_LOSS_DEVICE && came.items[0].value == 12);
}

static void put_session(struct snnwire_writer *writer, struct snnwire_event event)
{
    put_mark(writer, SNNWIRE_MARK_BEGIN, 0, 7);
    put_event(writer, event);
    put_mark(writer, SNNWIRE_MARK_TICK, 0, 0);
    put_mark(writer, SNNWIRE_MARK_END, 0, 7);
}

Test(page, the_session_is_written_as_shown)
{
    struct snnwire_writer host = {0}, device = {0};
    put_session(&host, (struct snnwire_event){.time_us = 20, .feature = 1, .y = 2, .x = 3});
    put_check(&host);
    is_vector("session-out");
    read_vector(0);
    cr_assert_eq(came.count, 4);
    put_session(&device, (struct snnwire_event){.time_us = 20, .layer = 8, .feature = 5});
    put_mark(&device, SNNWIRE_MARK_CREDIT, 0, host.words);
    put_check(&device);
    is_vector("session-in");
    read_vector(0);
    cr_assert(came.count == 5 && came.items[4].value == 7);
    const struct snnwire_statistics statistics = {.taken = 1,
                                                  .produced = 1,
                                                  .sent = 1,
                                                  .words_taken = host.words,
                                                  .words_sent = device.words,
                                                  .core_spikes = {[8] = 1}};
    snnwire_statistics_write(&statistics, bytes);
    size = SNNWIRE_STATISTICS_BYTES;
    is_vector("statistics");
}

static const struct snnwire_hello hello = {.version_major = SNNWIRE_VERSION_MAJOR,
                                           .version_minor = SNNWIRE_VERSION_MINOR,
                                           .firmware_major = 1,
                                           .chip = "speck2f",
                                           .serial = "VIRT0001",
                                           .buffer_words = 65536,
                                           .core_count = 9};

Test(page, records_are_written_as_shown)
{
    const struct snnwire_status status = {SNNWIRE_CODE_COMMIT, SNNWIRE_ERROR_INVALID, 3};
    const struct snnwire_core core = {
        .enable = 1,
        .kernel_size = 5,
        .stride_y = 1,
        .stride_x = 1,
        .leak_enable = 1,
        .monitor_enable = 1,
        .layer_index = 2,
        .in_channels = 1,
        .in_height = 28,
        .in_width = 28,
        .out_channels = 6,
        .out_height = 24,
        .out_width = 24,
        .threshold_high = 127,
        .threshold_low = -128,
        .v_init = -1,
        .destinations = {{1, 3, 2, 0}, {1, 4, 2, 6}},
    };
    const struct snnwire_chip chip = {1, 28, 28, 10, 4, 1000, .input_destinations = {{1, 2, 1, 0}}};
    snnwire_hello_write(&hello, bytes);
    size = SNNWIRE_HELLO_BYTES;
    is_vector("hello");
    snnwire_status_write(&status, bytes);
    size = SNNWIRE_STATUS_BYTES;
    is_vector("status");
    snnwire_core_write(&core, bytes);
    size = SNNWIRE_CORE_BYTES;
    is_vector("core");
    snnwire_chip_write(&chip, bytes);
    size = SNNWIRE_CHIP_BYTES;
    is_vector("chip");
}

Test(page, requests_and_frames_are_written_as_shown)
{
    const struct snnwire_request read = {SNNWIRE_CODE_READ, true, 8, 3, 65520, 4096};
    const struct snnwire_request greet = {
        .code = SNNWIRE_CODE_HELLO, .in = true, .size = SNNWIRE_HELLO_BYTES};
    const struct snnwire_status fine = {.code = SNNWIRE_CODE_HELLO};
    uint8_t payload[128];
    snnwire_request_write(&read, bytes);
    size = SNNWIRE_REQUEST_BYTES;
    is_vector("request");
    snnwire_request_write(&greet, payload);
    size = snnwire_frame_write(SNNWIRE_FRAME_REQUEST, payload, SNNWIRE_REQUEST_BYTES, bytes);
    is_vector("frame-request");
    snnwire_status_write(&fine, payload);
    snnwire_hello_write(&hello, payload + SNNWIRE_STATUS_BYTES);
    size = snnwire_frame_write(SNNWIRE_FRAME_ANSWER, payload,
                               SNNWIRE_STATUS_BYTES + SNNWIRE_HELLO_BYTES, bytes);
    is_vector("frame-answer");
    find("event");
    size = snnwire_frame_write(SNNWIRE_FRAME_WORDS, vector, vector_size, bytes);
    is_vector("frame-words");
}
