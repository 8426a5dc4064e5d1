/* Reads zip files, see zip.h.
 *
 *     local header | name | extra | data ... central directory | [zip64 end, locator] | end |
 * comment
 *
 * The directory is the truth; of a local header only the name and where the data begin are taken.
 * Invariant: whatever a size says is held against the bytes of the file before it is used.
 */
#include "convert/read/zip.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "convert/read/cursor.h"
#include "libsnn/base/error.h"
#include "libsnn/base/inflate.h"

enum {
    LOCAL_SIGNATURE = 0x04034b50,
    MEMBER_SIGNATURE = 0x02014b50,
    END_SIGNATURE = 0x06054b50,
    END64_SIGNATURE = 0x06064b50,
    LOCATOR_SIGNATURE = 0x07064b50,
    LOCAL_SIZE = 30,
    MEMBER_SIZE = 46,
    END_SIZE = 22,
    LOCATOR_SIZE = 20,
    COMMENT_MAX = 65535,
    EXTRA_ZIP64 = 1,
    FLAG_ENCRYPTED = 1,
    METHOD_STORED = 0,
    METHOD_DEFLATED = 8,
    MEMBERS_MAX = 1 << 20
};

#define SIZE32_ELSEWHERE UINT32_MAX /* the size stands in the zip64 extra field */
#define COUNT16_ELSEWHERE UINT16_MAX

/* Deflate copies at most 258 bytes for 2 bits: no stream unpacks to more than this many times its
 * size. */
#define DEFLATE_RATIO_MAX 1032u

/* A quoted name in a message: what is in it is not to be trusted, what is long not to be shown. */
#define NAME_SHOWN(member) ((int)((member)->name_size < 100 ? (member)->name_size : 100))

/* Little-endian fields one after the other; a width of 0 ends. False if they are not all there. */
static bool read_fields(struct snnconv_cursor *cursor, const unsigned char *widths, uint64_t *out)
{
    for (size_t i = 0; widths[i] != 0; i++) {
        if (!snnconv_cursor_read_le(cursor, widths[i], &out[i])) return false;
    }
    return true;
}

bool snnconv_zip_probe(const unsigned char *bytes, size_t size, const char **name_out,
                       size_t *name_size_out)
{
    struct snnconv_cursor cursor;
    uint64_t signature = 0, name_size = 0;
    const unsigned char *name = bytes;
    snnconv_cursor_init(&cursor, bytes, size);
    if (!snnconv_cursor_read_le(&cursor, 4, &signature) || signature != LOCAL_SIGNATURE)
        return false;
    *name_size_out = 0;
    if (snnconv_cursor_seek(&cursor, 26) && snnconv_cursor_read_le(&cursor, 2, &name_size) &&
        snnconv_cursor_seek(&cursor, LOCAL_SIZE) && snnconv_cursor_take(&cursor, name_size, &name))
        *name_size_out = (size_t)name_size;
    *name_out = (const char *)name;
    return true;
}

/* ---- The directory ---- */

/* What the end record says. */
struct directory {
    uint64_t count;
    uint64_t size;
    uint64_t offset;
};

/* Where the end record stands: it is the last thing but for a comment. */
static bool find_end(const struct snnconv_file *file, size_t *out)
{
    if (file->size < END_SIZE) return false;
    size_t last = file->size - END_SIZE;
    size_t first = last > COMMENT_MAX ? last - COMMENT_MAX : 0;
    for (size_t at = last + 1; at-- > first;) {
        struct snnconv_cursor cursor;
        uint64_t signature = 0, comment = 0;
        snnconv_cursor_init(&cursor, file->bytes + at, file->size - at);
        if (!snnconv_cursor_read_le(&cursor, 4, &signature) || signature != END_SIGNATURE) continue;
        if (snnconv_cursor_seek(&cursor, 20) && snnconv_cursor_read_le(&cursor, 2, &comment) &&
            comment == last - at) {
            *out = at;
            return true;
        }
    }
    return false;
}

/* The zip64 end record, where there is a locator before the end record. */
static int read_end64(struct snn_context *context, const struct snnconv_file *file, size_t end,
                      struct directory *out)
{
    static const unsigned char locator_widths[] = {4, 4, 8, 4, 0};
    static const unsigned char end_widths[] = {4, 8, 2, 2, 4, 4, 8, 8, 8, 8, 0};
    struct snnconv_cursor cursor;
    uint64_t locator[4], fields[10];
    snnconv_cursor_init(&cursor, file->bytes, end);
    if (end < LOCATOR_SIZE || !snnconv_cursor_seek(&cursor, end - LOCATOR_SIZE) ||
        !read_fields(&cursor, locator_widths, locator) || locator[0] != LOCATOR_SIGNATURE)
        return SNN_OK;
    if (!snnconv_cursor_seek(&cursor, locator[2]) || !read_fields(&cursor, end_widths, fields) ||
        fields[0] != END64_SIGNATURE)
        return snnbase_fail(context, SNN_ERR_FORMAT,
                            "byte %zu: no zip64 end record at byte %" PRIu64, end - LOCATOR_SIZE,
                            locator[2]);
    if (locator[1] != 0 || locator[3] > 1 || fields[4] != 0 || fields[5] != 0 ||
        fields[6] != fields[7])
        return snnbase_fail(context, SNN_ERR_UNSUPPORTED,
                            "byte %" PRIu64 ": a zip file on several disks", locator[2]);
    *out = (struct directory){fields[7], fields[8], fields[9]};
    return SNN_OK;
}

static int read_end(struct snn_context *context, const struct snnconv_file *file,
                    struct directory *out)
{
    static const unsigned char widths[] = {4, 2, 2, 2, 2, 4, 4, 0};
    struct snnconv_cursor cursor;
    uint64_t fields[7];
    size_t end = 0;
    if (!find_end(file, &end))
        return snnbase_fail(context, SNN_ERR_FORMAT,
                            "byte %zu: truncated: a zip file has its directory at the end",
                            file->size);
    snnconv_cursor_init(&cursor, file->bytes + end, file->size - end);
    if (!read_fields(&cursor, widths, fields))
        return snnbase_fail(context, SNN_ERR_FORMAT,
                            "byte %zu: the zip file ends within its end record", end);
    if (fields[1] != 0 || fields[2] != 0 || fields[3] != fields[4])
        return snnbase_fail(context, SNN_ERR_UNSUPPORTED, "byte %zu: a zip file on several disks",
                            end);
    *out = (struct directory){fields[4], fields[5], fields[6]};
    if (fields[4] == COUNT16_ELSEWHERE || fields[5] == SIZE32_ELSEWHERE ||
        fields[6] == SIZE32_ELSEWHERE) {
        int status = read_end64(context, file, end, out);
        if (status != SNN_OK) return status;
    }
    if (out->offset > end || out->size > end - out->offset || out->count > out->size / MEMBER_SIZE)
        return snnbase_fail(context, SNN_ERR_FORMAT,
                            "byte %zu: a directory of %" PRIu64 " members and %" PRIu64
                            " bytes at byte %" PRIu64 " is not in the file",
                            end, out->count, out->size, out->offset);
    return SNN_OK;
}

/* Sizes that do not fit in 32 bits, in the order in which they are missing. */
static bool read_extra64(const unsigned char *extra, size_t extra_size,
                         struct snnconv_zip_member *member)
{
    struct snnconv_cursor cursor;
    uint64_t *const fields[] = {&member->size, &member->packed_size, &member->header_offset};
    bool missing = false;
    for (size_t i = 0; i < 3; i++)
        missing = missing || *fields[i] == SIZE32_ELSEWHERE;
    if (!missing) return true;
    snnconv_cursor_init(&cursor, extra, extra_size);
    uint64_t id = 0, size = 0;
    const unsigned char *block = NULL;
    while (snnconv_cursor_read_le(&cursor, 2, &id) && snnconv_cursor_read_le(&cursor, 2, &size) &&
           snnconv_cursor_take(&cursor, size, &block)) {
        if (id != EXTRA_ZIP64) continue;
        snnconv_cursor_init(&cursor, block, (size_t)size);
        for (size_t i = 0; i < 3; i++) {
            if (*fields[i] == SIZE32_ELSEWHERE && !snnconv_cursor_read_le(&cursor, 8, fields[i]))
                return false;
        }
        return true;
    }
    return false;
}

/* A name that is a path below a folder, of printable characters. */
static bool is_good_name(const char *name, size_t size)
{
    size_t part = 0; /* where the part between two slashes begins */
    if (size == 0 || name[0] == '/') return false;
    for (size_t i = 0; i <= size; i++) {
        unsigned char c = i < size ? (unsigned char)name[i] : '/';
        if (c < 0x20 || c == 0x7f || c == '\\') return false;
        if (c != '/') continue;
        if (i - part == 2 && name[part] == '.' && name[part + 1] == '.') return false;
        part = i + 1;
    }
    return true;
}

/* The entry at byte `at` of the file. */
static int check_member(const struct snnconv_zip *zip, struct snn_context *context, size_t at,
                        uint64_t flags, const struct snnconv_zip_member *member)
{
    if (!is_good_name(member->name, member->name_size))
        return snnbase_fail(context, SNN_ERR_FORMAT,
                            "byte %zu: the name of member %zu is no path within the archive", at,
                            zip->count);
    if ((flags & FLAG_ENCRYPTED) != 0)
        return snnbase_fail(context, SNN_ERR_UNSUPPORTED, "byte %zu: member '%.*s' is encrypted",
                            at, NAME_SHOWN(member), member->name);
    if (member->method != METHOD_STORED && member->method != METHOD_DEFLATED)
        return snnbase_fail(context, SNN_ERR_UNSUPPORTED,
                            "byte %zu: member '%.*s' is packed by method %u; accepted are 0 "
                            "(stored) and 8 (deflated)",
                            at, NAME_SHOWN(member), member->name, member->method);
    if (member->header_offset > zip->directory_offset ||
        member->packed_size > zip->directory_offset - member->header_offset ||
        (member->method == METHOD_STORED && member->size != member->packed_size))
        return snnbase_fail(
            context, SNN_ERR_FORMAT,
            "byte %zu: member '%.*s' of %" PRIu64 " bytes at byte %" PRIu64 " is not in the file",
            at, NAME_SHOWN(member), member->name, member->packed_size, member->header_offset);
    return SNN_OK;
}

/* One entry of the directory, into members[count]. */
static int read_member(struct snnconv_zip *zip, struct snn_context *context,
                       struct snnconv_cursor *cursor)
{
    static const unsigned char widths[] = {4, 2, 2, 2, 2, 4, 4, 4, 4, 2, 2, 2, 2, 2, 4, 4, 0};
    uint64_t fields[16];
    const unsigned char *name, *extra, *comment;
    size_t at = (size_t)zip->directory_offset + cursor->at;
    if (!read_fields(cursor, widths, fields) || fields[0] != MEMBER_SIGNATURE ||
        !snnconv_cursor_take(cursor, fields[9], &name) ||
        !snnconv_cursor_take(cursor, fields[10], &extra) ||
        !snnconv_cursor_take(cursor, fields[11], &comment))
        return snnbase_fail(context, SNN_ERR_FORMAT, "byte %zu: no entry of a zip directory", at);
    struct snnconv_zip_member *member = &zip->members[zip->count];
    *member = (struct snnconv_zip_member){.name = (const char *)name,
                                          .name_size = (size_t)fields[9],
                                          .method = (unsigned)fields[4],
                                          .crc = (uint32_t)fields[6],
                                          .packed_size = fields[7],
                                          .size = fields[8],
                                          .header_offset = fields[15]};
    if (!read_extra64(extra, (size_t)fields[10], member))
        return snnbase_fail(context, SNN_ERR_FORMAT,
                            "byte %zu: an entry whose zip64 sizes are missing", at);
    int status = check_member(zip, context, at, fields[3], member);
    if (status == SNN_OK) zip->count++;
    return status;
}

static int compare_name(const char *a, size_t a_size, const char *b, size_t b_size)
{
    int order = memcmp(a, b, a_size < b_size ? a_size : b_size);
    if (order != 0) return order;
    return a_size == b_size ? 0 : a_size < b_size ? -1 : 1;
}

static int compare_members(const void *a, const void *b)
{
    const struct snnconv_zip_member *x = *(const struct snnconv_zip_member *const *)a;
    const struct snnconv_zip_member *y = *(const struct snnconv_zip_member *const *)b;
    int order = compare_name(x->name, x->name_size, y->name, y->name_size);
    if (order != 0) return order;
    return x->header_offset < y->header_offset ? -1 : x->header_offset > y->header_offset;
}

/* Two of one name: which of them is meant would depend on who reads the file. */
static int sort_members(struct snnconv_zip *zip, struct snn_context *context)
{
    for (size_t i = 0; i < zip->count; i++)
        zip->sorted[i] = &zip->members[i];
    if (zip->count > 0)
        qsort(zip->sorted, zip->count, sizeof(const struct snnconv_zip_member *), compare_members);
    for (size_t i = 1; i < zip->count; i++) {
        const struct snnconv_zip_member *before = zip->sorted[i - 1], *member = zip->sorted[i];
        if (compare_name(before->name, before->name_size, member->name, member->name_size) == 0)
            return snnbase_fail(context, SNN_ERR_FORMAT,
                                "byte %" PRIu64 ": two members '%.*s', the other at byte %" PRIu64,
                                member->header_offset, NAME_SHOWN(member), member->name,
                                before->header_offset);
    }
    return SNN_OK;
}

int snnconv_zip_open(struct snnconv_zip *out, struct snn_context *context,
                     const struct snnconv_file *file)
{
    struct directory directory = {0, 0, 0};
    int status = read_end(context, file, &directory);
    if (status != SNN_OK) return status;
    if (directory.count > MEMBERS_MAX)
        return snnbase_fail(context, SNN_ERR_LIMIT, "%" PRIu64 " members exceed the limit of %d",
                            directory.count, MEMBERS_MAX);
    struct snnconv_zip zip = {.file = file, .directory_offset = directory.offset};
    struct snnconv_cursor cursor;
    size_t count = (size_t)directory.count;
    snnconv_cursor_init(&cursor, file->bytes + directory.offset, (size_t)directory.size);
    zip.members = snnbase_alloc(context, count, sizeof(*zip.members));
    zip.sorted = snnbase_alloc(context, count, sizeof(const struct snnconv_zip_member *));
    status = zip.members != NULL && zip.sorted != NULL ? SNN_OK : SNN_ERR_NOMEM;
    while (status == SNN_OK && zip.count < count)
        status = read_member(&zip, context, &cursor);
    if (status == SNN_OK) status = sort_members(&zip, context);
    if (status == SNN_OK)
        *out = zip;
    else
        snnconv_zip_close(&zip, context);
    return status;
}

void snnconv_zip_close(struct snnconv_zip *zip, struct snn_context *context)
{
    snnbase_free(context, zip->members);
    snnbase_free(context, (void *)zip->sorted);
    *zip = (struct snnconv_zip){.file = NULL};
}

const struct snnconv_zip_member *snnconv_zip_find(const struct snnconv_zip *zip, const char *name,
                                                  size_t name_size)
{
    size_t low = 0, high = zip->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct snnconv_zip_member *member = zip->sorted[middle];
        int order = compare_name(name, name_size, member->name, member->name_size);
        if (order == 0) return member;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* ---- Members ---- */

/* The packed bytes of a member, behind its local header. */
static bool find_data(const struct snnconv_zip *zip, const struct snnconv_zip_member *member,
                      const unsigned char **out)
{
    static const unsigned char widths[] = {4, 2, 2, 2, 2, 2, 4, 4, 4, 2, 2, 0};
    uint64_t fields[11];
    struct snnconv_cursor cursor;
    const unsigned char *name, *extra;
    snnconv_cursor_init(&cursor, zip->file->bytes, (size_t)zip->directory_offset);
    return snnconv_cursor_seek(&cursor, member->header_offset) &&
           read_fields(&cursor, widths, fields) && fields[0] == LOCAL_SIGNATURE &&
           fields[9] == member->name_size && snnconv_cursor_take(&cursor, fields[9], &name) &&
           memcmp(name, member->name, member->name_size) == 0 &&
           snnconv_cursor_take(&cursor, fields[10], &extra) &&
           snnconv_cursor_take(&cursor, member->packed_size, out);
}

static int unpack(struct snn_context *context, const struct snnconv_zip_member *member,
                  const unsigned char *data, unsigned char **unpacked)
{
    uint64_t limit = snnbase_limits(context)->file_bytes;
    if (member->size > limit)
        return snnbase_fail(context, SNN_ERR_LIMIT,
                            "unpacks to %" PRIu64 " bytes, which exceed the limit of %" PRIu64,
                            member->size, limit);
    if (member->size / DEFLATE_RATIO_MAX > member->packed_size)
        return snnbase_fail(context, SNN_ERR_FORMAT,
                            "%" PRIu64 " packed bytes cannot hold %" PRIu64, member->packed_size,
                            member->size);
    unsigned char *bytes = snnbase_alloc(context, (size_t)member->size, 1);
    if (bytes == NULL) return SNN_ERR_NOMEM;
    int status = snnbase_deflate_unpack(context, data, (size_t)member->packed_size, bytes,
                                        (size_t)member->size);
    if (status == SNN_OK)
        *unpacked = bytes;
    else
        snnbase_free(context, bytes);
    return status;
}

static int read_data(const struct snnconv_zip *zip, struct snn_context *context,
                     const struct snnconv_zip_member *member, const unsigned char **out,
                     unsigned char **unpacked)
{
    const unsigned char *data = NULL;
    if (!find_data(zip, member, &data))
        return snnbase_fail(context, SNN_ERR_FORMAT, "no such member with its bytes stands here");
    if (member->method == METHOD_DEFLATED) {
        int status = unpack(context, member, data, unpacked);
        if (status != SNN_OK) return status;
        data = *unpacked;
    }
    uint32_t crc = snnbase_crc32(0, data, (size_t)member->size);
    if (crc != member->crc)
        return snnbase_fail(context, SNN_ERR_FORMAT,
                            "corrupt: its checksum is %08" PRIx32 ", the archive says %08" PRIx32,
                            crc, member->crc);
    *out = data;
    return SNN_OK;
}

int snnconv_zip_read(const struct snnconv_zip *zip, struct snn_context *context,
                     const struct snnconv_zip_member *member, struct snnconv_file *out,
                     unsigned char **unpacked)
{
    const unsigned char *data = NULL;
    *unpacked = NULL;
    int status = read_data(zip, context, member, &data, unpacked);
    if (status != SNN_OK) {
        snnbase_free(context, *unpacked);
        *unpacked = NULL;
        return snnbase_where(context, "byte %" PRIu64 ": member '%.*s'", member->header_offset,
                             NAME_SHOWN(member), member->name);
    }
    *out = (struct snnconv_file){zip->file->path, data, (size_t)member->size};
    return SNN_OK;
}
