/* Weights as numpy.savez and numpy.savez_compressed write them: a zip file whose members are NPY
 * arrays, named as the tensors with ".npy" behind.
 */
#include <stdio.h>
#include <string.h>

#include "convert/ir/array.h"
#include "convert/read/zip.h"
#include "libsnn/base/error.h"
#include "libsnn/base/npyhead.h"

static const char suffix[] = ".npy";

enum { SUFFIX_SIZE = sizeof(suffix) - 1 };

static bool has_suffix(const char *name, size_t size)
{
    return size > SUFFIX_SIZE && memcmp(name + size - SUFFIX_SIZE, suffix, SUFFIX_SIZE) == 0;
}

static int npz_probe(const unsigned char *bytes, size_t size)
{
    const char *name = NULL;
    size_t name_size = 0;
    if (!snnconv_zip_probe(bytes, size, &name, &name_size)) return 0;
    return has_suffix(name, name_size) ? 100 : 5;
}

static enum snnconv_type float_type(const struct snnbase_npy_header *header)
{
    if (header->item_size == 8) return SNNCONV_TYPE_F64;
    return header->item_size == 4 ? SNNCONV_TYPE_F32 : SNNCONV_TYPE_F16;
}

/* The elements in C order. In Fortran order the first index runs fastest in the file. */
static void load_values(const struct snnbase_npy_header *header, const unsigned char *items,
                        struct snnconv_tensor *tensor)
{
    const enum snnconv_type type = float_type(header);
    size_t stride[SNNBASE_NPY_RANK_MAX], offset = 0, step = 1;
    uint64_t index[SNNBASE_NPY_RANK_MAX] = {0};
    for (uint32_t i = 0; i < header->rank; i++) {
        uint32_t d = header->fortran_order ? i : header->rank - 1 - i;
        stride[d] = step;
        step *= (size_t)header->shape[d];
    }
    for (size_t i = 0; i < tensor->count; i++) {
        const unsigned char *item = items + offset * header->item_size;
        tensor->values[i] = (float)snnconv_type_load_float(type, item, header->big_endian);
        for (uint32_t d = header->rank; d-- > 0;) {
            offset += stride[d];
            if (++index[d] < header->shape[d]) break;
            offset -= stride[d] * (size_t)header->shape[d];
            index[d] = 0;
        }
    }
}

static int read_array(struct snnconv_tensors *out, struct snn_context *context, const char *name,
                      const struct snnconv_file *file)
{
    const struct snnbase_npy_file array = {file->path, file->bytes, file->size};
    struct snnbase_npy_header header;
    struct snnconv_tensor like = {.name = name}, *tensor = NULL;
    if (!snnbase_npyhead_probe(file->bytes, file->size))
        return snnbase_fail(context, SNN_ERR_FORMAT, "%s: byte 0: no NPY array", file->path);
    int status = snnbase_npyhead_read(&header, context, &array);
    if (status != SNN_OK) return status;
    if (header.type != 'f') {
        snnbase_diagnose(context, SNN_SEVERITY_NOTE, NULL, NULL,
                         "%s: array '%s' of dtype %s is passed over", file->path, name,
                         header.dtype);
        return SNN_OK;
    }
    like.rank = header.rank;
    like.count = header.item_count;
    memcpy(like.dim, header.shape, sizeof(like.dim));
    status = snnconv_tensors_add(out, context, &like, &tensor);
    if (status != SNN_OK) return snnbase_where(context, "%s", file->path);
    load_values(&header, file->bytes + header.data_offset, tensor);
    return SNN_OK;
}

static int read_member(struct snnconv_tensors *out, struct snn_context *context,
                       const struct snnconv_zip *zip, const struct snnconv_zip_member *member)
{
    char name[256], path[512];
    struct snnconv_file file;
    unsigned char *unpacked = NULL;
    size_t length = member->name_size;
    if (!has_suffix(member->name, length))
        return snnbase_fail(context, SNN_ERR_UNSUPPORTED, "%s: member '%.*s' is no array (*.npy)",
                            zip->file->path, (int)(length < 100 ? length : 100), member->name);
    length -= SUFFIX_SIZE;
    if (length >= sizeof(name))
        return snnbase_fail(context, SNN_ERR_LIMIT, "%s: a name of %zu bytes, at most %zu",
                            zip->file->path, length, sizeof(name) - 1);
    memcpy(name, member->name, length);
    name[length] = '\0';
    int status = snnconv_zip_read(zip, context, member, &file, &unpacked);
    if (status != SNN_OK) return snnbase_where(context, "%s", zip->file->path);
    (void)snprintf(path, sizeof(path), "%s: member '%.100s.npy'", zip->file->path, name);
    file.path = path;
    status = read_array(out, context, name, &file);
    snnbase_free(context, unpacked);
    return status;
}

static int npz_read_weights(struct snnconv_tensors *out, struct snn_context *context,
                            const struct snnconv_file *file)
{
    struct snnconv_zip zip;
    int status = snnconv_zip_open(&zip, context, file);
    if (status != SNN_OK) return snnbase_where(context, "%s", file->path);
    out->ordered = true;
    for (size_t i = 0; i < zip.count && status == SNN_OK; i++)
        status = read_member(out, context, &zip, &zip.members[i]);
    snnconv_zip_close(&zip, context);
    return status;
}

const struct snnconv_reader snnconv_npz_reader = {
    .name = "npz",
    .summary = "NPZ archives of NumPy (a zip file of *.npy)",
    .kind = "an NPZ archive of NumPy",
    .with_topology = "NPZ archive of NumPy and a topology",
    .probe = npz_probe,
    .read_weights = npz_read_weights,
};
