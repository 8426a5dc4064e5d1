/* Writers of .npy and .npz files: where counts leave the library for NumPy.
 *
 * An .npz is a zip file with an .npy file for each array. The sizes of all parts are known from the
 * start, so each row goes straight to its place in the file. What is left for the end are the
 * checksums: that of a member is joined from those of its rows, and nothing is read back.
 */
#include "snn/npy.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/file.h"
#include "libsnn/base/inflate.h"
#include "libsnn/base/memory.h"
#include "libsnn/base/npyhead.h"
#include "libsnn/base/size.h"
#include "libsnn/stream/zip.h"

struct snn_npy_writer {
    struct snn_allocator allocator;
    struct snnbase_arena arena; /* what the pointers below lead to */
    struct snnbase_file_writer file;
    uint32_t item_size;
    uint64_t row_count;
    size_t row_bytes;
    unsigned char *row; /* [row_bytes], little-endian */
    size_t header_bytes;
    unsigned char header[SNNBASE_NPY_HEADER_MAX];
    bool end_written;                     /* the last row was, so that the file has its length */
    uint32_t member_count;                /* 1 for an .npy */
    struct snnstream_zip_member *members; /* [member_count]; NULL for an .npy */
    uint32_t *row_crcs;                   /* [member_count][row_count]; NULL for an .npy */
};

struct array_spec {
    const uint64_t *shape;
    uint32_t rank;
    enum snn_npy_dtype dtype;
};

/* --- Creation --------------------------------------------------------------------------------- */

/* 0 for an unknown type. */
static uint32_t item_size(enum snn_npy_dtype dtype)
{
    switch (dtype) {
    case SNN_NPY_INT32:
        return 4;
    case SNN_NPY_INT64:
        return 8;
    case SNN_NPY_UINT8:
        return 1;
    }
    return 0;
}

static int check_spec(struct snn_context *context, const struct array_spec *spec)
{
    if (spec->rank < 1 || spec->rank > SNNBASE_NPY_RANK_MAX) {
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "an array of %" PRIu32 " dimensions, not 1..%d", spec->rank,
                            SNNBASE_NPY_RANK_MAX);
    }
    if (item_size(spec->dtype) == 0) {
        return snnbase_fail(context, SNN_ERR_INVALID, "unknown dtype %d", (int)spec->dtype);
    }
    for (uint32_t i = 0; i < spec->rank; i++) {
        if (spec->shape[i] == 0) {
            return snnbase_fail(context, SNN_ERR_INVALID, "dimension %" PRIu32 " is 0", i);
        }
    }
    return SNN_OK;
}

static int fail_size(struct snn_context *context, const char *path, const struct array_spec *spec)
{
    char shape[SNNBASE_NPY_TEXT_SIZE];
    snnbase_npyhead_text(shape, spec->shape, spec->rank);
    return snnbase_fail(context, SNN_ERR_LIMIT,
                        "%s: an array of shape %s is larger than a file can be", path, shape);
}

/* Sizes and header of one array. */
static int plan_array(struct snn_npy_writer *writer, struct snn_context *context, const char *path,
                      const struct array_spec *spec)
{
    static const char *const descr[] = {
        [SNN_NPY_INT32] = "<i4", [SNN_NPY_INT64] = "<i8", [SNN_NPY_UINT8] = "|u1"};
    writer->item_size = item_size(spec->dtype);
    writer->row_count = spec->shape[0];
    size_t row_bytes = writer->item_size;
    for (uint32_t i = 1; i < spec->rank; i++) {
        if (spec->shape[i] > SIZE_MAX ||
            !snnbase_size_mul(row_bytes, (size_t)spec->shape[i], &row_bytes)) {
            return fail_size(context, path, spec);
        }
    }
    /* A quarter of what offsets reach leaves room for everything around the data. */
    if (writer->row_count > INT64_MAX / 4 / row_bytes || writer->row_count > SIZE_MAX / 4) {
        return fail_size(context, path, spec);
    }
    writer->row_bytes = row_bytes;
    writer->header_bytes =
        snnbase_npyhead_format(writer->header, descr[spec->dtype], spec->shape, spec->rank);
    return SNN_OK;
}

static uint64_t member_bytes(const struct snn_npy_writer *writer)
{
    return writer->header_bytes + writer->row_count * writer->row_bytes;
}

static int name_member(struct snn_npy_writer *writer, struct snn_context *context, uint32_t index,
                       const char *const *names)
{
    size_t length = strlen(names[index]);
    if (length == 0 || length + strlen(".npy") > SNNSTREAM_ZIP_NAME_MAX) {
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "the name of array %" PRIu32 " has %zu characters, not 1..%d", index,
                            length, SNNSTREAM_ZIP_NAME_MAX - 4);
    }
    for (uint32_t i = 0; i < index; i++) {
        if (strcmp(names[i], names[index]) != 0) continue;
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "arrays %" PRIu32 " and %" PRIu32 " are both named '%s'", i, index,
                            names[index]);
    }
    char *name = snnbase_arena_alloc(&writer->arena, context, length + sizeof(".npy"), 1);
    if (!name) return SNN_ERR_NOMEM;
    memcpy(name, names[index], length);
    memcpy(name + length, ".npy", sizeof(".npy"));
    writer->members[index].name = name;
    return SNN_OK;
}

/* Names the members of an .npz and places them in the file. */
static int plan_members(struct snn_npy_writer *writer, struct snn_context *context,
                        const char *path, const char *const *names)
{
    writer->members = snnbase_arena_alloc(&writer->arena, context, writer->member_count,
                                          sizeof(*writer->members));
    if (!writer->members) return SNN_ERR_NOMEM;
    uint64_t offset = 0;
    for (uint32_t i = 0; i < writer->member_count; i++) {
        int status = name_member(writer, context, i, names);
        if (status != SNN_OK) return status;
        struct snnstream_zip_member *member = &writer->members[i];
        member->size = member_bytes(writer);
        member->offset = offset;
        offset += SNNSTREAM_ZIP_LOCAL_BYTES + strlen(member->name) + member->size;
        if (offset > INT64_MAX / 2) {
            return snnbase_fail(context, SNN_ERR_LIMIT,
                                "%s: %" PRIu32 " arrays of %" PRIu64
                                " bytes are more than a file can hold",
                                path, writer->member_count, member->size);
        }
    }
    return SNN_OK;
}

/* As long as no row is written, all are zero. */
static int plan_checksums(struct snn_npy_writer *writer, struct snn_context *context)
{
    size_t member_crc_bytes = (size_t)writer->row_count * sizeof(*writer->row_crcs);
    writer->row_crcs =
        snnbase_arena_alloc(&writer->arena, context, writer->member_count, member_crc_bytes);
    if (!writer->row_crcs) return SNN_ERR_NOMEM;
    uint32_t zero_crc = snnbase_crc32(0, writer->row, writer->row_bytes);
    for (uint64_t i = 0; i < writer->member_count * writer->row_count; i++)
        writer->row_crcs[i] = zero_crc;
    return SNN_OK;
}

static int plan(struct snn_npy_writer *writer, struct snn_context *context, const char *path,
                const struct array_spec *spec, const char *const *names)
{
    int status = check_spec(context, spec);
    if (status == SNN_OK) status = plan_array(writer, context, path, spec);
    if (status != SNN_OK) return status;
    writer->row = snnbase_arena_alloc(&writer->arena, context, writer->row_bytes, 1);
    if (!writer->row) return SNN_ERR_NOMEM;
    if (!names) return SNN_OK;
    status = plan_members(writer, context, path, names);
    return status == SNN_OK ? plan_checksums(writer, context) : status;
}

static int create(struct snn_npy_writer **out, struct snn_context *context, const char *path,
                  const struct array_spec *spec, const char *const *names, uint32_t name_count)
{
    struct snn_npy_writer *writer = snnbase_alloc(context, 1, sizeof(*writer));
    if (!writer) return SNN_ERR_NOMEM;
    writer->allocator = *snnbase_allocator(context);
    snnbase_arena_init(&writer->arena, context);
    writer->file = (struct snnbase_file_writer){.context = context, .descriptor = -1};
    writer->member_count = names ? name_count : 1;
    int status = plan(writer, context, path, spec, names);
    if (status == SNN_OK) status = snnbase_file_create(&writer->file, context, path);
    if (status == SNN_OK && !writer->members) {
        status = snnbase_file_write_at(&writer->file, 0, writer->header, writer->header_bytes);
    }
    if (status != SNN_OK) {
        snn_npy_abandon(&writer);
        return status;
    }
    *out = writer;
    return SNN_OK;
}

int snn_npy_create(struct snn_npy_writer **out, struct snn_context *context, const char *path,
                   const uint64_t *shape, uint32_t rank, enum snn_npy_dtype dtype)
{
    struct array_spec spec = {shape, rank, dtype};
    return create(out, context, path, &spec, NULL, 0);
}

int snn_npz_create(struct snn_npy_writer **out, struct snn_context *context, const char *path,
                   const char *const *names, uint32_t name_count, const uint64_t *shape,
                   uint32_t rank, enum snn_npy_dtype dtype)
{
    if (!names || name_count == 0) {
        return snnbase_fail(context, SNN_ERR_INVALID, "%s: an .npz file needs an array", path);
    }
    struct array_spec spec = {shape, rank, dtype};
    return create(out, context, path, &spec, names, name_count);
}

/* --- Rows ------------------------------------------------------------------------------------- */

static void encode_int32(unsigned char *out, const int32_t *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (unsigned k = 0; k < 4; k++)
            out[4 * i + k] = (unsigned char)((uint32_t)values[i] >> (8 * k) & 0xff);
    }
}

static void encode_int64(unsigned char *out, const int64_t *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (unsigned k = 0; k < 8; k++)
            out[8 * i + k] = (unsigned char)((uint64_t)values[i] >> (8 * k) & 0xff);
    }
}

static void encode_row(struct snn_npy_writer *writer, uint32_t member, const void *data)
{
    size_t count = writer->row_bytes / writer->item_size;
    if (writer->item_size == 1) {
        memcpy(writer->row, (const unsigned char *)data + member * count, count);
    } else if (writer->item_size == 4) {
        encode_int32(writer->row, (const int32_t *)data + member * count, count);
    } else {
        encode_int64(writer->row, (const int64_t *)data + member * count, count);
    }
}

static uint64_t data_offset(const struct snn_npy_writer *writer, uint32_t member)
{
    uint64_t offset = writer->header_bytes;
    if (!writer->members) return offset;
    const struct snnstream_zip_member *entry = &writer->members[member];
    return offset + entry->offset + SNNSTREAM_ZIP_LOCAL_BYTES + strlen(entry->name);
}

static int write_rows(struct snn_npy_writer *writer, uint64_t index, const void *data)
{
    for (uint32_t i = 0; i < writer->member_count; i++) {
        encode_row(writer, i, data);
        int status =
            snnbase_file_write_at(&writer->file, data_offset(writer, i) + index * writer->row_bytes,
                                  writer->row, writer->row_bytes);
        if (status != SNN_OK) return status;
        if (writer->row_crcs) {
            writer->row_crcs[i * writer->row_count + index] =
                snnbase_crc32(0, writer->row, writer->row_bytes);
        }
    }
    if (index == writer->row_count - 1) writer->end_written = true;
    return SNN_OK;
}

int snn_npy_write(struct snn_npy_writer *writer, struct snn_context *context, uint64_t index,
                  const void *data)
{
    if (index >= writer->row_count) {
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "%s: row %" PRIu64 " of an array with %" PRIu64 " rows",
                            writer->file.path, index, writer->row_count);
    }
    int status = write_rows(writer, index, data);
    if (status != SNN_OK) snnbase_error_copy(context, writer->file.context);
    return status;
}

/* --- The end ---------------------------------------------------------------------------------- */

static uint32_t member_crc(const struct snn_npy_writer *writer, uint32_t member)
{
    uint32_t shift = snnstream_zip_crc_shift(writer->row_bytes);
    const uint32_t *row_crcs = writer->row_crcs + member * writer->row_count;
    uint32_t crc = snnbase_crc32(0, writer->header, writer->header_bytes);
    for (uint64_t i = 0; i < writer->row_count; i++)
        crc = snnstream_zip_crc_join(crc, row_crcs[i], shift);
    return crc;
}

/* What stands before a member's rows. `buffer` is for reuse. */
static int write_member_start(struct snn_npy_writer *writer, struct snnbase_buffer *buffer,
                              const struct snnstream_zip_member *member)
{
    struct snn_context *context = writer->file.context;
    buffer->size = 0;
    int status = snnstream_zip_local(context, buffer, member);
    if (status == SNN_OK) {
        status = snnbase_buffer_append(context, buffer, writer->header, writer->header_bytes);
    }
    if (status != SNN_OK) return status;
    return snnbase_file_write_at(&writer->file, member->offset, buffer->data, buffer->size);
}

/* Everything of a zip file that is not rows. */
static int write_envelope(struct snn_npy_writer *writer)
{
    struct snn_context *context = writer->file.context;
    struct snnbase_buffer start = {.data = NULL};
    struct snnbase_buffer directory = {.data = NULL};
    uint64_t end = 0;
    int status = SNN_OK;
    for (uint32_t i = 0; i < writer->member_count && status == SNN_OK; i++) {
        struct snnstream_zip_member *member = &writer->members[i];
        member->crc = member_crc(writer, i);
        end = data_offset(writer, i) + writer->row_count * writer->row_bytes;
        status = write_member_start(writer, &start, member);
        if (status == SNN_OK) status = snnstream_zip_central(context, &directory, member);
    }
    if (status == SNN_OK) {
        status = snnstream_zip_end(context, &directory, writer->member_count, end, directory.size);
    }
    if (status == SNN_OK) {
        status = snnbase_file_write_at(&writer->file, end, directory.data, directory.size);
    }
    snnbase_buffer_fini(context, &start);
    snnbase_buffer_fini(context, &directory);
    return status;
}

/* Gives an .npy file its length, if the last row was never written. */
static int write_length(struct snn_npy_writer *writer)
{
    if (writer->end_written) return SNN_OK;
    static const unsigned char zero = 0;
    return snnbase_file_write_at(&writer->file, member_bytes(writer) - 1, &zero, 1);
}

int snn_npy_commit(struct snn_npy_writer **writer, struct snn_context *context)
{
    struct snn_npy_writer *file = *writer;
    int status = file->members ? write_envelope(file) : write_length(file);
    if (status == SNN_OK) status = snnbase_file_commit(&file->file);
    if (status != SNN_OK) snnbase_error_copy(context, file->file.context);
    snn_npy_abandon(writer);
    return status;
}

void snn_npy_abandon(struct snn_npy_writer **writer)
{
    if (!writer || !*writer) return;
    snnbase_file_abandon(&(*writer)->file);
    snnbase_arena_fini(&(*writer)->arena);
    struct snn_allocator allocator = (*writer)->allocator;
    snnbase_allocator_free(&allocator, *writer);
    *writer = NULL;
}
