/* The test vector of docs/formats/tape.md, read from the page, is the session that the page tells.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "device/transport/tape.h"
#include "snn/status.h"
#include "tests/unit/support.h"

TestSuite(tape_page, .init = support_begin, .fini = support_end);

enum { PAGE_MAX = 1 << 16 };

/* The bytes behind the line "vector NAME". */
static size_t find(const char *name, uint8_t *bytes, size_t room)
{
    static char page[PAGE_MAX];
    char line[64];
    FILE *file = fopen(TAPE_PAGE, "r");
    cr_assert_not_null(file);
    page[fread(page, 1, PAGE_MAX - 1, file)] = '\0';
    fclose(file);
    snprintf(line, sizeof(line), "\nvector %s\n", name);
    const char *at = strstr(page, line);
    cr_assert_not_null(at, "the page has no vector %s", name);
    at += strlen(line);
    unsigned byte = 0;
    int taken = 0;
    size_t size = 0;
    for (; size < room && sscanf(at, " %2x%n", &byte, &taken) == 1; at += taken)
        bytes[size++] = (uint8_t)byte;
    return size;
}

static struct snndev_tape_record next(struct snndev_tape_reader *reader)
{
    struct snndev_tape_record record;
    cr_assert(snndev_tape_next(reader, &record));
    return record;
}

Test(tape_page, the_tape_is_read_as_told)
{
    uint8_t bytes[256];
    struct snndev_tape_reader reader;
    const size_t size = find("tape", bytes, sizeof(bytes));
    cr_assert_eq(snndev_tape_open(&reader, support_context(), "page", bytes, size), SNN_OK, "%s",
                 snn_context_message(support_context()));
    cr_assert_str_eq(reader.uri, "vdev:x");
    struct snndev_tape_record record = next(&reader);
    cr_assert(record.kind == SNNDEV_TAPE_REQUEST && record.status == SNN_ERR_PROTOCOL);
    cr_assert(record.request.code == SNNWIRE_CODE_HELLO && record.request.size == 64);
    cr_assert(record.size == 0 && record.time_us == 1);
    record = next(&reader);
    cr_assert(record.kind == SNNDEV_TAPE_OUT && record.time_us == 2);
    cr_assert(record.size == 3 && record.data[2] == 0x0c);
    record = next(&reader);
    cr_assert(record.kind == SNNDEV_TAPE_IN && record.outcome == SNNDEV_COMPLETED);
    cr_assert(record.size == 2 && record.data[0] == 0x0d && record.time_us == 258);
    cr_assert(!snndev_tape_next(&reader, &record));
}
