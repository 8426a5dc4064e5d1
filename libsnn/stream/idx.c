/* IDX, the format of MNIST: a big-endian header, then unsigned bytes in C order.
 *
 *     00 00 08 RANK | RANK sizes, 4 bytes each, the slowest first | data
 *
 * Rank 3 is count, rows, columns; rank 4 count, channels, rows, columns; rank 1 labels. The file
 * must have exactly the size that its header promises.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "libsnn/base/big.h"
#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"
#include "libsnn/base/size.h"
#include "libsnn/stream/source.h"

enum { MAGIC_SIZE = 4, TYPE_UBYTE = 0x08, RANK_MAX = 4, ITEMS_TEXT_SIZE = 96 };

struct idx_header {
    uint32_t rank;
    uint32_t size[RANK_MAX];
    size_t header_bytes;
    size_t data_bytes;
};

static bool type_known(unsigned char type)
{
    return type == TYPE_UBYTE || type == 0x09 || (type >= 0x0b && type <= 0x0e);
}

static int idx_probe(const unsigned char *bytes, size_t size)
{
    if (size < MAGIC_SIZE || bytes[0] != 0 || bytes[1] != 0 || !type_known(bytes[2])) return 0;
    return bytes[2] == TYPE_UBYTE && bytes[3] >= 1 && bytes[3] <= RANK_MAX ? 95 : 60;
}

/* What the file holds, for messages: "500 images of 28x28", "500 labels". */
static void items_text(char text[ITEMS_TEXT_SIZE], const struct idx_header *header)
{
    const uint32_t *size = header->size;
    int length = snprintf(text, ITEMS_TEXT_SIZE, "%" PRIu32 " %s", size[0],
                          header->rank == 1 ? "labels" : "images of ");
    for (uint32_t i = 1; i < header->rank && length > 0; i++) {
        length += snprintf(text + length, ITEMS_TEXT_SIZE - (size_t)length, "%s%" PRIu32,
                           i > 1 ? "x" : "", size[i]);
    }
}

static int check_magic(struct snn_context *context, const struct snnstream_file *file)
{
    const unsigned char *bytes = file->bytes.data;
    if (bytes[2] != TYPE_UBYTE) {
        return snnbase_fail(context, SNN_ERR_UNSUPPORTED,
                            "%s: IDX of element type 0x%02x; accepted are unsigned bytes (0x08)",
                            file->path, bytes[2]);
    }
    if (bytes[3] != 1 && bytes[3] != 3 && bytes[3] != 4) {
        return snnbase_fail(context, SNN_ERR_UNSUPPORTED,
                            "%s: IDX with %u dimensions; images have 3 (count, rows, columns) or 4 "
                            "(count, channels, rows, columns), labels 1",
                            file->path, bytes[3]);
    }
    size_t header_bytes = MAGIC_SIZE + 4u * bytes[3];
    if (file->bytes.size < header_bytes) {
        return snnbase_fail(context, SNN_ERR_FORMAT,
                            "%s: truncated: the IDX header needs %zu bytes, file has %zu",
                            file->path, header_bytes, file->bytes.size);
    }
    return SNN_OK;
}

/* Reads the header and holds it against the size of the file. */
static int read_header(struct idx_header *out, struct snn_context *context,
                       const struct snnstream_file *file)
{
    int status = check_magic(context, file);
    if (status != SNN_OK) return status;
    struct idx_header header = {.rank = file->bytes.data[3], .data_bytes = 1};
    header.header_bytes = MAGIC_SIZE + 4u * header.rank;
    bool fits = true;
    for (uint32_t i = 0; i < header.rank; i++) {
        header.size[i] = snnbase_big32(file->bytes.data + MAGIC_SIZE + 4u * i);
        fits = fits && snnbase_size_mul(header.data_bytes, header.size[i], &header.data_bytes);
    }
    size_t file_bytes = 0;
    fits = fits && snnbase_size_add(header.header_bytes, header.data_bytes, &file_bytes);

    char items[ITEMS_TEXT_SIZE];
    items_text(items, &header);
    if (!fits) {
        return snnbase_fail(context, SNN_ERR_LIMIT, "%s: %s exceed the address space", file->path,
                            items);
    }
    if (header.data_bytes == 0) {
        return snnbase_fail(context, SNN_ERR_FORMAT, "%s: no data: %s", file->path, items);
    }
    if (file_bytes != file->bytes.size) {
        return snnbase_fail(context, SNN_ERR_FORMAT, "%s: %s: %s need %zu bytes, file has %zu",
                            file->path, file_bytes > file->bytes.size ? "truncated" : "too long",
                            items, file_bytes, file->bytes.size);
    }
    *out = header;
    return SNN_OK;
}

static int idx_open(struct snnstream_samples *out, struct snn_context *context,
                    struct snnstream_file *file, enum snn_source_kind kind)
{
    if (kind != SNN_SOURCE_FRAMES) {
        snnbase_fail(context, SNN_ERR_UNSUPPORTED, "%s: IDX holds images, not recorded spikes",
                     file->path);
        return snnbase_hint(context, "spikes are read from NPY: uint8 of shape (N, T, C, H, W)");
    }
    struct idx_header header;
    int status = read_header(&header, context, file);
    if (status != SNN_OK) return status;
    if (header.rank == 1) {
        return snnbase_fail(context, SNN_ERR_FORMAT,
                            "%s: holds %" PRIu32 " labels where images are wanted", file->path,
                            header.size[0]);
    }
    struct snn_shape shape = {
        .channels = header.rank == 4 ? header.size[1] : 1,
        .height = header.size[header.rank - 2],
        .width = header.size[header.rank - 1],
    };
    status = snnstream_source_check_shape(context, file->path, shape);
    if (status != SNN_OK) return status;
    out->count = header.size[0];
    out->shape = shape;
    out->storage = snnstream_source_take(file);
    out->bytes = (const uint8_t *)out->storage + header.header_bytes;
    return SNN_OK;
}

static int idx_labels(int32_t **out, uint64_t *count_out, struct snn_context *context,
                      const struct snnstream_file *file)
{
    struct idx_header header;
    int status = read_header(&header, context, file);
    if (status != SNN_OK) return status;
    if (header.rank != 1) {
        char items[ITEMS_TEXT_SIZE];
        items_text(items, &header);
        return snnbase_fail(context, SNN_ERR_FORMAT, "%s: holds %s where labels are wanted",
                            file->path, items);
    }
    int32_t *labels = snnbase_alloc(context, header.size[0], sizeof(*labels));
    if (!labels) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < header.size[0]; i++)
        labels[i] = file->bytes.data[header.header_bytes + i];
    *out = labels;
    *count_out = header.size[0];
    return SNN_OK;
}

const struct snnstream_source_ops snnstream_idx_source = {
    .name = "idx",
    .summary = "IDX of unsigned bytes (begins with 00 00 08, may be gzipped)",
    .probe = idx_probe,
    .open = idx_open,
    .labels = idx_labels,
};
