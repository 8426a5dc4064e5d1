/* Zip files as archives of weights use them: listed from the central directory, members lent where
 * they lie (stored) or unpacked to the size they promise (deflated). Nothing is written anywhere.
 *
 * Specification: PKWARE APPNOTE 6.3.3, zip64 included. Refused: archives on several disks,
 * encrypted members, other methods, two members of one name, names that climb out of their folder.
 */
#ifndef SNN_CONVERT_READ_ZIP_H
#define SNN_CONVERT_READ_ZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convert/read/reader.h"
#include "snn/context.h"

struct snnconv_zip_member {
    const char *name; /* in the file's bytes, not terminated */
    size_t name_size;
    unsigned method; /* 0 stored, 8 deflated */
    uint32_t crc;
    uint64_t packed_size;
    uint64_t size;
    uint64_t header_offset; /* of the local header */
};

struct snnconv_zip {
    const struct snnconv_file *file;
    struct snnconv_zip_member *members;       /* in the order of the directory */
    const struct snnconv_zip_member **sorted; /* by name */
    size_t count;
    uint64_t directory_offset; /* members lie before it */
};

/* True if the bytes begin with a local header; its name in *name_out, if it is whole. */
bool snnconv_zip_probe(const unsigned char *bytes, size_t size, const char **name_out,
                       size_t *name_size_out);

/* Reads and checks the directory. `file` must outlive *out. Errors, which name the byte but
 * not the file: FORMAT, UNSUPPORTED, LIMIT, NOMEM. */
int snnconv_zip_open(struct snnconv_zip *out, struct snn_context *context,
                     const struct snnconv_file *file);
void snnconv_zip_close(struct snnconv_zip *zip, struct snn_context *context);

/* NULL if there is none of that name. */
const struct snnconv_zip_member *snnconv_zip_find(const struct snnconv_zip *zip, const char *name,
                                                  size_t name_size);

/* The bytes of a member: lent by the file, or in *unpacked (to be freed with snnbase_free, also
 * where it is NULL). Holds local header, sizes and checksum against the directory. Errors, which
 * name byte and member but not the file: FORMAT, LIMIT (file_bytes), NOMEM. */
int snnconv_zip_read(const struct snnconv_zip *zip, struct snn_context *context,
                     const struct snnconv_zip_member *member, struct snnconv_file *out,
                     unsigned char **unpacked);

#endif
