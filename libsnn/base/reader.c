/* Files read in order, see reader.h: from the disk, a pipe or memory, through zlib where they are
 * packed, into the caller's room.
 *
 * The first two bytes tell a packed file and are had before anything is asked for; they come again
 * as the first bytes of the file.
 */
#include "libsnn/base/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libsnn/base/error.h"
#include "libsnn/base/hash.h"
#include "libsnn/base/inflate.h"
#include "libsnn/base/memory.h"

enum { MAGIC_SIZE = 2, PACKED_SIZE = 32768 };

/* Below what any system takes in one call. */
#define TRANSFER_MAX ((size_t)1 << 30)

struct snnbase_reader {
    struct snn_allocator allocator;
    char *path;
    int descriptor; /* -1: bytes at hand */
    const unsigned char *bytes;
    size_t left; /* of them */
    unsigned char magic[MAGIC_SIZE];
    size_t magic_at, magic_size; /* not handed out yet from magic_at on */
    uint64_t size;
    uint64_t taken; /* from the file */
    uint64_t stamp;
    struct snnbase_gunzip *gunzip; /* NULL: a plain file */
    unsigned char *packed;         /* [PACKED_SIZE] */
    struct snn_context *context;   /* of the call that is going on */
};

/* The next bytes as they stand in the file. */
static int read_raw(struct snnbase_reader *reader, void *to, size_t room, size_t *size_out)
{
    if (reader->magic_at < reader->magic_size || reader->descriptor < 0) {
        const bool magic = reader->magic_at < reader->magic_size;
        const size_t have = magic ? reader->magic_size - reader->magic_at : reader->left;
        const size_t size = have < room ? have : room;
        if (size > 0) memcpy(to, magic ? reader->magic + reader->magic_at : reader->bytes, size);
        if (magic) {
            reader->magic_at += size;
        } else {
            reader->bytes += size;
            reader->left -= size;
            reader->taken += size;
        }
        *size_out = size;
        return SNN_OK;
    }
    for (;;) {
        const ssize_t got = read(reader->descriptor, to, room < TRANSFER_MAX ? room : TRANSFER_MAX);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return snnbase_fail_errno(reader->context, errno, reader->path);
        *size_out = (size_t)got;
        reader->taken += (uint64_t)got;
        return SNN_OK;
    }
}

static int next_packed(const unsigned char **piece_out, size_t *size_out, void *user)
{
    struct snnbase_reader *reader = user;
    *piece_out = reader->packed;
    return read_raw(reader, reader->packed, PACKED_SIZE, size_out);
}

static int read_magic(struct snnbase_reader *reader)
{
    size_t held = 0, got = 1;
    while (held < MAGIC_SIZE && got > 0) {
        int status = read_raw(reader, reader->magic + held, MAGIC_SIZE - held, &got);
        if (status != SNN_OK) return status;
        held += got;
    }
    reader->magic_size = held;
    return SNN_OK;
}

/* What is packed is told by its first bytes, and unpacked from then on. */
static int begin(struct snnbase_reader *reader)
{
    const struct snnbase_pieces pieces = {.next = next_packed, .user = reader};
    int status = read_magic(reader);
    if (status != SNN_OK || !snnbase_gzip_probe(reader->magic, reader->magic_size)) return status;
    reader->size = 0;
    reader->packed = snnbase_alloc(reader->context, PACKED_SIZE, 1);
    if (reader->packed == NULL) return SNN_ERR_NOMEM;
    return snnbase_gunzip_open(&reader->gunzip, reader->context, &pieces);
}

/* Another number for another file, and for the same one once it was written to. */
static uint64_t stamp_of(const struct stat *info)
{
    uint64_t stamp = snnbase_hash(1, (uint64_t)info->st_dev);
    stamp = snnbase_hash(stamp, (uint64_t)info->st_ino);
    stamp = snnbase_hash(stamp, (uint64_t)info->st_size);
    stamp = snnbase_hash(stamp, (uint64_t)info->st_mtim.tv_sec);
    return snnbase_hash(stamp, (uint64_t)info->st_mtim.tv_nsec);
}

static int open_file(struct snnbase_reader *reader, const char *path)
{
    struct stat info;
    reader->descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (reader->descriptor < 0) return snnbase_fail_errno(reader->context, errno, path);
    if (fstat(reader->descriptor, &info) != 0)
        return snnbase_fail_errno(reader->context, errno, path);
    if (S_ISDIR(info.st_mode)) return snnbase_fail_errno(reader->context, EISDIR, path);
    if (!S_ISREG(info.st_mode)) return SNN_OK;
    reader->size = info.st_size > 0 ? (uint64_t)info.st_size : 0;
    reader->stamp = stamp_of(&info);
    return SNN_OK;
}

static int create(struct snnbase_reader **out, struct snn_context *context, const char *path)
{
    const size_t size = strlen(path) + 1;
    struct snnbase_reader *reader = snnbase_alloc(context, 1, sizeof(*reader));
    if (reader == NULL) return SNN_ERR_NOMEM;
    reader->allocator = *snnbase_allocator(context);
    reader->descriptor = -1;
    reader->context = context;
    reader->path = snnbase_alloc(context, size, 1);
    if (reader->path == NULL) {
        snnbase_reader_close(&reader);
        return SNN_ERR_NOMEM;
    }
    memcpy(reader->path, path, size);
    *out = reader;
    return SNN_OK;
}

int snnbase_reader_open(struct snnbase_reader **out, struct snn_context *context, const char *path)
{
    struct snnbase_reader *reader = NULL;
    int status = create(&reader, context, path);
    if (status == SNN_OK) status = open_file(reader, path);
    if (status == SNN_OK) status = begin(reader);
    if (status != SNN_OK) snnbase_reader_close(&reader);
    if (status == SNN_OK) *out = reader;
    return status;
}

int snnbase_reader_open_bytes(struct snnbase_reader **out, struct snn_context *context,
                              const char *path, const void *bytes, size_t size)
{
    struct snnbase_reader *reader = NULL;
    int status = create(&reader, context, path);
    if (status != SNN_OK) return status;
    reader->bytes = bytes;
    reader->left = reader->size = size;
    status = begin(reader);
    if (status != SNN_OK) snnbase_reader_close(&reader);
    if (status == SNN_OK) *out = reader;
    return status;
}

void snnbase_reader_close(struct snnbase_reader **reader)
{
    if (reader == NULL || *reader == NULL) return;
    struct snn_allocator allocator = (*reader)->allocator;
    snnbase_gunzip_close(&(*reader)->gunzip);
    if ((*reader)->descriptor >= 0) (void)close((*reader)->descriptor);
    snnbase_allocator_free(&allocator, (*reader)->packed);
    snnbase_allocator_free(&allocator, (*reader)->path);
    snnbase_allocator_free(&allocator, *reader);
    *reader = NULL;
}

int snnbase_reader_read(struct snnbase_reader *reader, struct snn_context *context, void *to,
                        size_t room, size_t *size_out)
{
    reader->context = context;
    if (reader->gunzip == NULL) return read_raw(reader, to, room, size_out);
    int status = snnbase_gunzip_read(reader->gunzip, context, to, room, size_out);
    /* What the file system says names the path already. */
    if (status == SNN_ERR_FORMAT) status = snnbase_where(context, "%s", reader->path);
    return status;
}

uint64_t snnbase_reader_size(const struct snnbase_reader *reader)
{
    return reader->size;
}

uint64_t snnbase_reader_taken(const struct snnbase_reader *reader)
{
    return reader->taken;
}

uint64_t snnbase_reader_stamp(const struct snnbase_reader *reader)
{
    return reader->stamp;
}

bool snnbase_reader_can_repeat(const char *path)
{
    struct stat info;
    return stat(path, &info) != 0 || S_ISREG(info.st_mode);
}
