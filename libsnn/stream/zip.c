/* Zip records as bytes, for .npz files: pure functions, the writing itself is npyout.c's.
 *
 *     [local header, name, sizes][data]  ...  [central header, name, sizes, offset] ... [end]
 *
 * In the zip64 form the 32-bit fields for sizes and offsets hold all ones and the true values stand
 * in an extra field (id 1) behind the name, or in a record of their own before the end.
 */
#include "libsnn/stream/zip.h"

#include <string.h>

#include "snn/status.h"

enum { VERSION_ZIP64 = 45, FLAG_UTF8 = 0x0800, DATE_1980_01_01 = 0x0021, RECORD_MAX = 128 };

#define ALL_ONES_16 UINT64_C(0xffff)
#define ALL_ONES_32 UINT64_C(0xffffffff)

struct record {
    unsigned char bytes[RECORD_MAX];
    size_t size;
};

static void put(struct record *record, unsigned size, uint64_t value)
{
    for (unsigned i = 0; i < size; i++)
        record->bytes[record->size++] = (unsigned char)(value >> (8 * i) & 0xff);
}

/* What local and central header have in common, from "version needed" on. */
static void put_description(struct record *record, const struct snnstream_zip_member *member,
                            unsigned extra_size)
{
    put(record, 2, VERSION_ZIP64);
    put(record, 2, FLAG_UTF8);
    put(record, 2, 0); /* stored */
    put(record, 2, 0); /* midnight */
    put(record, 2, DATE_1980_01_01);
    put(record, 4, member->crc);
    put(record, 4, ALL_ONES_32);
    put(record, 4, ALL_ONES_32);
    put(record, 2, strlen(member->name));
    put(record, 2, extra_size);
}

static void put_sizes(struct record *record, const struct snnstream_zip_member *member,
                      unsigned extra_size)
{
    put(record, 2, 1);
    put(record, 2, extra_size - 4);
    put(record, 8, member->size);
    put(record, 8, member->size);
}

static int append_named(struct snn_context *context, struct snnbase_buffer *out,
                        const struct record *header, const char *name, const struct record *extra)
{
    int status = snnbase_buffer_append(context, out, header->bytes, header->size);
    if (status == SNN_OK) status = snnbase_buffer_append(context, out, name, strlen(name));
    if (status == SNN_OK) status = snnbase_buffer_append(context, out, extra->bytes, extra->size);
    return status;
}

int snnstream_zip_local(struct snn_context *context, struct snnbase_buffer *out,
                        const struct snnstream_zip_member *member)
{
    struct record header = {.size = 0};
    struct record extra = {.size = 0};
    put(&header, 4, 0x04034b50);
    put_description(&header, member, 20);
    put_sizes(&extra, member, 20);
    return append_named(context, out, &header, member->name, &extra);
}

int snnstream_zip_central(struct snn_context *context, struct snnbase_buffer *out,
                          const struct snnstream_zip_member *member)
{
    struct record header = {.size = 0};
    struct record extra = {.size = 0};
    put(&header, 4, 0x02014b50);
    put(&header, 2, VERSION_ZIP64); /* made by */
    put_description(&header, member, 28);
    put(&header, 2, 0); /* comment */
    put(&header, 2, 0); /* disk */
    put(&header, 2, 0); /* attributes */
    put(&header, 4, 0);
    put(&header, 4, ALL_ONES_32);
    put_sizes(&extra, member, 28);
    put(&extra, 8, member->offset);
    return append_named(context, out, &header, member->name, &extra);
}

int snnstream_zip_end(struct snn_context *context, struct snnbase_buffer *out,
                      uint64_t member_count, uint64_t directory_offset, uint64_t directory_bytes)
{
    struct record end = {.size = 0};
    put(&end, 4, 0x06064b50); /* zip64 end of central directory */
    put(&end, 8, 44);         /* bytes of it that follow */
    put(&end, 2, VERSION_ZIP64);
    put(&end, 2, VERSION_ZIP64);
    put(&end, 8, 0); /* disks */
    put(&end, 8, member_count);
    put(&end, 8, member_count);
    put(&end, 8, directory_bytes);
    put(&end, 8, directory_offset);

    put(&end, 4, 0x07064b50); /* where that record is */
    put(&end, 4, 0);
    put(&end, 8, directory_offset + directory_bytes);
    put(&end, 4, 1);

    put(&end, 4, 0x06054b50); /* end of central directory */
    put(&end, 4, 0);
    put(&end, 2, ALL_ONES_16);
    put(&end, 2, ALL_ONES_16);
    put(&end, 4, ALL_ONES_32);
    put(&end, 4, ALL_ONES_32);
    put(&end, 2, 0);
    return snnbase_buffer_append(context, out, end.bytes, end.size);
}

/* --- Checksums -------------------------------------------------------------------------------- */

/* a * b modulo the CRC's polynomial over GF(2). Bits are reflected: bit 31 stands for x^0. */
static uint32_t multiply(uint32_t a, uint32_t b)
{
    uint32_t product = 0;
    for (uint32_t bit = UINT32_C(1) << 31; bit != 0; bit >>= 1) {
        if (a & bit) product ^= b;
        b = (b >> 1) ^ (b & 1 ? UINT32_C(0xedb88320) : 0);
    }
    return product;
}

/* x^(8 * bytes): what the CRC of A is multiplied by when so many bytes follow A. */
uint32_t snnstream_zip_crc_shift(uint64_t bytes)
{
    uint32_t shift = UINT32_C(1) << 31;
    uint32_t power = UINT32_C(1) << 23; /* x^8, then x^16, x^32, ... */
    for (; bytes != 0; bytes >>= 1) {
        if (bytes & 1) shift = multiply(shift, power);
        power = multiply(power, power);
    }
    return shift;
}

uint32_t snnstream_zip_crc_join(uint32_t crc_a, uint32_t crc_b, uint32_t shift)
{
    return multiply(shift, crc_a) ^ crc_b;
}
