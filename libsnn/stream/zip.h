/* The envelope of a zip file whose members are stored unpacked; and checksums of members that are
 * written piece by piece in any order.
 *
 * Always in the zip64 form, so that small files take the same way as those beyond 4 GiB. Dates are
 * constant (1980-01-01): equal contents give equal files. Specification: PKWARE APPNOTE 6.3.3.
 */
#ifndef SNN_STREAM_ZIP_H
#define SNN_STREAM_ZIP_H

#include <stddef.h>
#include <stdint.h>

#include "libsnn/base/buffer.h"
#include "snn/context.h"

enum {
    SNNSTREAM_ZIP_LOCAL_BYTES = 50, /* of a local header, beside the name */
    SNNSTREAM_ZIP_NAME_MAX = 65535
};

struct snnstream_zip_member {
    const char *name; /* UTF-8, at most SNNSTREAM_ZIP_NAME_MAX bytes */
    uint32_t crc;
    uint64_t size;   /* of the data, which follow the local header */
    uint64_t offset; /* of the local header in the file */
};

/* Append records to `out`: before a member's data; for each member after all data; and after those,
 * where `directory_offset` and `directory_bytes` say where they are. Errors: NOMEM. */
int snnstream_zip_local(struct snn_context *context, struct snnbase_buffer *out,
                        const struct snnstream_zip_member *member);
int snnstream_zip_central(struct snn_context *context, struct snnbase_buffer *out,
                          const struct snnstream_zip_member *member);
int snnstream_zip_end(struct snn_context *context, struct snnbase_buffer *out,
                      uint64_t member_count, uint64_t directory_offset, uint64_t directory_bytes);

/* The CRC-32 of A followed by B, from those of A and B: `shift` is what snnstream_zip_crc_shift
 * gives for the length of B. */
uint32_t snnstream_zip_crc_shift(uint64_t bytes);
uint32_t snnstream_zip_crc_join(uint32_t crc_a, uint32_t crc_b, uint32_t shift);

#endif
