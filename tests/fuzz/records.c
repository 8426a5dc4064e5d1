/* Fuzz target: requests and records. The first byte says which; what a reader accepts, the writer
 * gives back byte for byte.
 */
#include <stdbool.h>
#include <string.h>

#include "libsnn/wire/message.h"
#include "tests/fuzz/target.h"

/* Each of the six: the bytes that it wrote, 0 if it refused. */
static size_t again(uint8_t which, const uint8_t *bytes, size_t size, uint8_t *out)
{
    union {
        struct snnwire_hello hello;
        struct snnwire_status status;
        struct snnwire_statistics statistics;
        struct snnwire_core core;
        struct snnwire_chip chip;
        struct snnwire_request request;
    } read;
    switch (which % 6) {
    case 0:
        if (!snnwire_hello_read(&read.hello, bytes, size)) return 0;
        snnwire_hello_write(&read.hello, out);
        return SNNWIRE_HELLO_BYTES;
    case 1:
        if (!snnwire_status_read(&read.status, bytes, size)) return 0;
        snnwire_status_write(&read.status, out);
        return SNNWIRE_STATUS_BYTES;
    case 2:
        if (!snnwire_statistics_read(&read.statistics, bytes, size)) return 0;
        snnwire_statistics_write(&read.statistics, out);
        return SNNWIRE_STATISTICS_BYTES;
    case 3:
        if (!snnwire_core_read(&read.core, bytes, size)) return 0;
        snnwire_core_write(&read.core, out);
        return SNNWIRE_CORE_BYTES;
    case 4:
        if (!snnwire_chip_read(&read.chip, bytes, size)) return 0;
        snnwire_chip_write(&read.chip, out);
        return SNNWIRE_CHIP_BYTES;
    default:
        if (!snnwire_request_read(&read.request, bytes, size)) return 0;
        snnwire_request_write(&read.request, out);
        return SNNWIRE_REQUEST_BYTES;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t out[SNNWIRE_STATISTICS_BYTES];
    if (size == 0) return 0;
    const size_t written = again(data[0], data + 1, size - 1, out);
    return written > size - 1 || memcmp(out, data + 1, written) != 0;
}
