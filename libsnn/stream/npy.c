/* NPY arrays as frames, recorded spikes and labels.
 *
 * Numbers are decoded where they lie in the file's bytes: no decoded element is larger than what it
 * was read from, so that a data set takes no more memory than its file. Only an array in Fortran
 * order is copied, element by element, before anything else looks at it.
 */
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"
#include "libsnn/base/npyhead.h"
#include "libsnn/stream/source.h"

enum { LABEL_MAX = 65535 };

/* Arrays of events are surer of themselves (npyevents.c), and less sure where it may be frames. */
static int npy_probe(const unsigned char *bytes, size_t size)
{
    return snnbase_npyhead_probe(bytes, size) ? 50 : 0;
}

/* The header of a file just read. Errors: those of snnbase_npyhead_read. */
static int read_header(struct snnbase_npy_header *out, struct snn_context *context,
                       const struct snnstream_file *file)
{
    const struct snnbase_npy_file array = {file->path, file->bytes.data, file->bytes.size};
    return snnbase_npyhead_read(out, context, &array);
}

/* --- Elements --------------------------------------------------------------------------------- */

static uint64_t load_bits(const unsigned char *item, uint32_t item_size, bool big_endian)
{
    uint64_t bits = 0;
    for (uint32_t i = 0; i < item_size; i++) {
        uint32_t place = big_endian ? item_size - 1 - i : i;
        bits |= (uint64_t)item[i] << (8 * place);
    }
    return bits;
}

static double load_float(const struct snnbase_npy_header *header, const unsigned char *item)
{
    uint64_t bits = load_bits(item, header->item_size, header->big_endian);
    if (header->item_size == 4) {
        uint32_t bits32 = (uint32_t)bits;
        float value;
        memcpy(&value, &bits32, sizeof(value));
        return (double)value;
    }
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* An integer as int64; unsigned ones beyond INT64_MAX come out negative, which no caller takes. */
static int64_t load_integer(const struct snnbase_npy_header *header, const unsigned char *item)
{
    uint64_t bits = load_bits(item, header->item_size, header->big_endian);
    uint64_t sign = UINT64_C(1) << (8 * header->item_size - 1);
    uint64_t magnitude = bits & (sign - 1);
    if (!(bits & sign)) return (int64_t)magnitude;
    if (header->type == 'i' || header->item_size == 8) {
        return (int64_t)magnitude - (int64_t)(sign - 1) - 1;
    }
    return (int64_t)bits;
}

/* Where the element with the flat index `flat` stands, as "(3, 0, 17)". */
static void index_text(char text[SNNBASE_NPY_TEXT_SIZE], const struct snnbase_npy_header *header,
                       size_t flat)
{
    uint64_t index[SNNBASE_NPY_RANK_MAX] = {0};
    for (uint32_t i = header->rank; i-- > 0; flat /= (size_t)header->shape[i])
        index[i] = flat % header->shape[i];
    snnbase_npyhead_text(text, index, header->rank);
}

/* Copies elements from Fortran order, where the first index runs fastest, to C order. */
static void reorder(unsigned char *out, const unsigned char *in,
                    const struct snnbase_npy_header *header)
{
    size_t item = header->item_size;
    size_t stride[SNNBASE_NPY_RANK_MAX];
    uint64_t index[SNNBASE_NPY_RANK_MAX] = {0};
    size_t step = item;
    for (uint32_t d = 0; d < header->rank; d++) {
        stride[d] = step;
        step *= (size_t)header->shape[d];
    }
    size_t offset = 0;
    for (size_t i = 0; i < header->item_count; i++) {
        memcpy(out + i * item, in + offset, item);
        for (uint32_t d = header->rank; d-- > 0;) {
            offset += stride[d];
            if (++index[d] < header->shape[d]) break;
            offset -= stride[d] * (size_t)header->shape[d];
            index[d] = 0;
        }
    }
}

/* The elements in C order, within a block that now belongs to *storage. NULL if out of memory. */
static unsigned char *take_elements(void **storage, struct snn_context *context,
                                    struct snnstream_file *file,
                                    const struct snnbase_npy_header *header)
{
    if (!header->fortran_order || header->rank < 2) {
        unsigned char *bytes = snnstream_source_take(file);
        *storage = bytes;
        return bytes + header->data_offset;
    }
    unsigned char *copy = snnbase_alloc(context, header->item_count, header->item_size);
    if (!copy) return NULL;
    reorder(copy, file->bytes.data + header->data_offset, header);
    *storage = copy;
    return copy;
}

/* --- Frames and spikes ------------------------------------------------------------------------ */

/* Splits an array's shape into samples, steps and c, h, w. */
static int read_samples_shape(struct snnstream_samples *out, struct snn_context *context,
                              const char *path, const struct snnbase_npy_header *header,
                              enum snn_source_kind kind)
{
    bool spikes = kind == SNN_SOURCE_SPIKES;
    if (header->rank < (spikes ? 4u : 2u) || header->rank > (spikes ? 5u : 4u)) {
        char shape[SNNBASE_NPY_TEXT_SIZE];
        snnbase_npyhead_text(shape, header->shape, header->rank);
        return snnbase_fail(context, SNN_ERR_FORMAT, "%s: array of shape %s; %s", path, shape,
                            spikes ? "spikes have (N, T, C, H, W) or (T, C, H, W)"
                                   : "frames have (N, H, W), (N, C, H, W) or (N, features)");
    }
    /* Right-aligned: n, t, c, h, w with 1 for what is not there. */
    uint64_t dims[5] = {1, 1, 1, 1, 1};
    const uint64_t *shape = header->shape;
    if (!spikes) {
        dims[0] = shape[0];
        dims[2] = header->rank == 3 ? 1 : shape[1];
        if (header->rank > 2) memcpy(&dims[3], &shape[header->rank - 2], 2 * sizeof(*dims));
    } else {
        memcpy(&dims[5 - header->rank], shape, header->rank * sizeof(*dims));
    }
    for (int i = 1; i < 5; i++) {
        if (dims[i] > UINT32_MAX) {
            return snnbase_fail(context, SNN_ERR_LIMIT, "%s: a dimension of %" PRIu64 " exceeds %u",
                                path, dims[i], UINT32_MAX);
        }
    }
    out->count = dims[0];
    out->steps = spikes ? (uint32_t)dims[1] : 0;
    out->shape = (struct snn_shape){(uint32_t)dims[2], (uint32_t)dims[3], (uint32_t)dims[4]};
    return snnstream_source_check_shape(context, path, out->shape);
}

static int check_dtype(struct snn_context *context, const char *path,
                       const struct snnbase_npy_header *header, enum snn_source_kind kind)
{
    bool byte = header->type == 'u' && header->item_size == 1;
    if (kind == SNN_SOURCE_FRAMES) {
        if (byte || (header->type == 'f' && header->item_size >= 4)) return SNN_OK;
        snnbase_fail(context, SNN_ERR_UNSUPPORTED, "%s: frames of dtype %s", path, header->dtype);
        return snnbase_hint(context, "accepted are uint8, float32 and float64: save "
                                     "frames.astype('float32'), with intensities in 0..1");
    }
    if (byte || header->type == 'b') return SNN_OK;
    snnbase_fail(context, SNN_ERR_UNSUPPORTED, "%s: spikes of dtype %s", path, header->dtype);
    return snnbase_hint(context, "accepted are uint8 and bool: save spikes.astype('uint8')");
}

/* Makes float32 of the elements, in place. */
static int decode_floats(unsigned char *elements, struct snn_context *context, const char *path,
                         const struct snnbase_npy_header *header)
{
    for (size_t i = 0; i < header->item_count; i++) {
        double value = load_float(header, elements + i * header->item_size);
        if (!(fabs(value) <= (double)FLT_MAX)) {
            char index[SNNBASE_NPY_TEXT_SIZE];
            index_text(index, header, i);
            return snnbase_fail(context, SNN_ERR_FORMAT,
                                "%s: the value %g at index %s is not a finite float32", path, value,
                                index);
        }
        float single = (float)value;
        memcpy(elements + i * sizeof(single), &single, sizeof(single));
    }
    return SNN_OK;
}

/* A bool is 0 or 1; anything else would pass for that many spikes. */
static int check_bools(const unsigned char *elements, struct snn_context *context, const char *path,
                       const struct snnbase_npy_header *header)
{
    for (size_t i = 0; i < header->item_count; i++) {
        if (elements[i] <= 1) continue;
        char index[SNNBASE_NPY_TEXT_SIZE];
        index_text(index, header, i);
        return snnbase_fail(context, SNN_ERR_FORMAT, "%s: the byte %u at index %s is not a bool",
                            path, elements[i], index);
    }
    return SNN_OK;
}

static int npy_open(struct snnstream_samples *out, struct snn_context *context,
                    struct snnstream_file *file, enum snn_source_kind kind)
{
    struct snnbase_npy_header header;
    int status = read_header(&header, context, file);
    if (status == SNN_OK) status = check_dtype(context, file->path, &header, kind);
    if (status == SNN_OK) status = read_samples_shape(out, context, file->path, &header, kind);
    if (status != SNN_OK) return status;
    unsigned char *elements = take_elements(&out->storage, context, file, &header);
    if (!elements) return SNN_ERR_NOMEM;
    if (header.type == 'f') {
        /* To the start of the block, where a float is aligned whatever the header's length. */
        memmove(out->storage, elements, header.item_count * header.item_size);
        out->values = out->storage;
        return decode_floats(out->storage, context, file->path, &header);
    }
    out->bytes = elements;
    return header.type == 'b' ? check_bools(elements, context, file->path, &header) : SNN_OK;
}

/* --- Labels ----------------------------------------------------------------------------------- */

static int check_labels(struct snn_context *context, const char *path,
                        const struct snnbase_npy_header *header)
{
    /* As a list or as a column: nothing but the first dimension may be long. */
    if (header->rank > 2 || (header->rank == 2 && header->shape[1] != 1)) {
        char shape[SNNBASE_NPY_TEXT_SIZE];
        snnbase_npyhead_text(shape, header->shape, header->rank);
        snnbase_fail(context, SNN_ERR_FORMAT, "%s: labels of shape %s; accepted is (N,)", path,
                     shape);
        return snnbase_hint(context, "of one-hot labels save labels.argmax(axis=1)");
    }
    if (header->type != 'i' && header->type != 'u') {
        snnbase_fail(context, SNN_ERR_UNSUPPORTED, "%s: labels of dtype %s", path, header->dtype);
        return snnbase_hint(context,
                            "accepted are integers of any size: save labels.astype('int32')");
    }
    return SNN_OK;
}

static int npy_labels(int32_t **out, uint64_t *count_out, struct snn_context *context,
                      const struct snnstream_file *file)
{
    struct snnbase_npy_header header;
    int status = read_header(&header, context, file);
    if (status == SNN_OK) status = check_labels(context, file->path, &header);
    if (status != SNN_OK) return status;
    int32_t *labels = snnbase_alloc(context, header.item_count, sizeof(*labels));
    if (!labels) return SNN_ERR_NOMEM;
    const unsigned char *elements = file->bytes.data + header.data_offset;
    for (size_t i = 0; i < header.item_count; i++) {
        int64_t value = load_integer(&header, elements + i * header.item_size);
        if (value < 0 || value > LABEL_MAX) {
            snnbase_free(context, labels);
            return snnbase_fail(context, SNN_ERR_FORMAT,
                                "%s: the label %" PRId64 " at index %zu is outside 0..%d",
                                file->path, value, i, LABEL_MAX);
        }
        labels[i] = (int32_t)value;
    }
    *out = labels;
    *count_out = header.item_count;
    return SNN_OK;
}

const struct snnstream_source_ops snnstream_npy_source = {
    .name = "npy",
    .summary = "NPY arrays of NumPy (begin with 93 4e 55 4d 50 59)",
    .probe = npy_probe,
    .open = npy_open,
    .labels = npy_labels,
};
