/* Files: the way of bytes from the disk into buffers, and back.
 *
 * Invariant of writing: under the final name there is either what was there before or the whole
 * new file, on the disk. Devices and pipes cannot be replaced and are written in place.
 */
/* For realpath. NOLINTNEXTLINE(bugprone-reserved-identifier): the C library's own switch */
#define _XOPEN_SOURCE 700

#include "libsnn/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "libsnn/base/error.h"
#include "libsnn/base/inflate.h"
#include "libsnn/base/memory.h"
#include "snn/file.h"

enum { CHUNK_SIZE = 65536, NAME_TRIES = 100 };

/* Below what any system takes in one call. */
#define TRANSFER_MAX ((size_t)1 << 30)

static int fail_too_large(struct snn_context *context, const char *path, uint64_t limit)
{
    snnbase_fail(context, SNN_ERR_LIMIT, "%s: larger than the limit of %llu bytes", path,
                 (unsigned long long)limit);
    return snnbase_hint(context, "raise the file_bytes limit of the context");
}

/* Appends what is left in the file. `expected` is a guess of its size, 0 for none; the file may
 * have grown since, or be a pipe. */
static int read_rest(struct snn_context *context, int descriptor, const char *path,
                     uint64_t expected, struct snnbase_buffer *out)
{
    uint64_t limit = snnbase_limits(context)->file_bytes;
    uint64_t total = 0;
    /* One byte more than expected, so that the end shows without growing again. */
    size_t wanted = expected > 0 && expected < SIZE_MAX ? (size_t)expected + 1 : CHUNK_SIZE;
    for (;;) {
        if (snnbase_buffer_reserve(context, out, wanted) != SNN_OK) {
            return snnbase_where(context, "%s", path);
        }
        size_t room = out->capacity - out->size;
        ssize_t got =
            read(descriptor, out->data + out->size, room < TRANSFER_MAX ? room : TRANSFER_MAX);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return snnbase_fail_errno(context, errno, path);
        if (got == 0) return SNN_OK;
        out->size += (size_t)got;
        total += (uint64_t)got;
        if (total > limit) return fail_too_large(context, path, limit);
        wanted = 1;
    }
}

static int read_open_file(struct snn_context *context, int descriptor, const char *path,
                          struct snnbase_buffer *out)
{
    struct stat info;
    if (fstat(descriptor, &info) != 0) return snnbase_fail_errno(context, errno, path);
    if (S_ISDIR(info.st_mode)) return snnbase_fail_errno(context, EISDIR, path);
    uint64_t expected = S_ISREG(info.st_mode) && info.st_size > 0 ? (uint64_t)info.st_size : 0;
    uint64_t limit = snnbase_limits(context)->file_bytes;
    if (expected > limit) return fail_too_large(context, path, limit);
    return read_rest(context, descriptor, path, expected, out);
}

int snnbase_file_read(struct snn_context *context, const char *path, struct snnbase_buffer *out)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (descriptor < 0) return snnbase_fail_errno(context, errno, path);
    size_t size_before = out->size;
    int status = read_open_file(context, descriptor, path, out);
    if (status != SNN_OK) out->size = size_before;
    close(descriptor);
    return status;
}

int snnbase_file_read_unpacked(struct snn_context *context, const char *path,
                               struct snnbase_buffer *out)
{
    struct snnbase_buffer raw = {.data = NULL};
    int status = snnbase_file_read(context, path, &raw);
    if (status != SNN_OK) goto done;
    if (snnbase_gzip_probe(raw.data, raw.size)) {
        uint64_t limit = snnbase_limits(context)->file_bytes;
        size_t size_max = limit < SIZE_MAX ? (size_t)limit : SIZE_MAX;
        status = snnbase_gzip_unpack(context, raw.data, raw.size, size_max, out);
        if (status != SNN_OK) snnbase_where(context, "%s", path);
    } else if (!out->data) {
        *out = raw;
        raw = (struct snnbase_buffer){.data = NULL};
    } else {
        status = snnbase_buffer_append(context, out, raw.data, raw.size);
    }
done:
    snnbase_buffer_fini(context, &raw);
    return status;
}

/* The first `head_size` bytes of `head` and then `tail`, allocated. */
static char *string_join(struct snn_context *context, const char *head, size_t head_size,
                         const char *tail)
{
    size_t tail_size = strlen(tail);
    char *joined = snnbase_alloc(context, head_size + tail_size + 1, 1);
    if (!joined) return NULL;
    memcpy(joined, head, head_size);
    memcpy(joined + head_size, tail, tail_size + 1);
    return joined;
}

/* Length of the folder part of a path, with its slash; 0 if there is none. */
static size_t folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

char *snnbase_path_beside(struct snn_context *context, const char *path, const char *relative)
{
    size_t head_size = relative[0] == '/' ? 0 : folder_length(path);
    return string_join(context, path, head_size, relative);
}

/* Whether a path climbs out of where it starts, by its text. */
static bool climbs(const char *relative)
{
    if (relative[0] == '/' || relative[0] == '\0') return true;
    for (const char *part = relative; *part != '\0';) {
        size_t size = strcspn(part, "/");
        if (size == 2 && part[0] == '.' && part[1] == '.') return true;
        part += size + (part[size] == '/');
    }
    return false;
}

/* Whether `resolved` is a regular file in the folder of `path`, both free of links. */
static int check_inside(struct snn_context *context, const char *path, const char *resolved)
{
    char *folder = string_join(context, path, folder_length(path), ".");
    if (!folder) return SNN_ERR_NOMEM;
    char *home = realpath(folder, NULL);
    snnbase_free(context, folder);
    if (!home) return snnbase_fail_errno(context, errno, path);
    size_t size = strlen(home);
    bool is_root = size == 1;
    bool inside = strncmp(resolved, home, size) == 0 && (is_root || resolved[size] == '/');
    free(home);
    if (!inside)
        return snnbase_fail(context, SNN_ERR_UNSUPPORTED, "%s: not in the folder of %s", resolved,
                            path);
    struct stat info;
    if (stat(resolved, &info) != 0) return snnbase_fail_errno(context, errno, resolved);
    if (S_ISREG(info.st_mode)) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_UNSUPPORTED, "%s: no regular file", resolved);
}

int snnbase_path_inside(struct snn_context *context, const char *path, const char *relative,
                        char **out)
{
    if (climbs(relative)) {
        snnbase_fail(context, SNN_ERR_UNSUPPORTED, "'%.200s' leaves the folder of %s", relative,
                     path);
        return snnbase_hint(context, "only files in that folder are read");
    }
    char *beside = snnbase_path_beside(context, path, relative);
    if (!beside) return SNN_ERR_NOMEM;
    char *resolved = realpath(beside, NULL);
    int status = resolved ? check_inside(context, path, resolved)
                          : snnbase_fail_errno(context, errno, beside);
    snnbase_free(context, beside);
    if (status == SNN_OK) {
        *out = string_join(context, resolved, strlen(resolved), "");
        if (!*out) status = SNN_ERR_NOMEM;
    }
    free(resolved);
    return status;
}

bool snnbase_file_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

size_t snnbase_file_head(const char *path, void *out, size_t room)
{
    struct stat info;
    size_t size = 0;
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode)) return 0;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (descriptor < 0) return 0;
    while (size < room) {
        const ssize_t got = read(descriptor, (char *)out + size, room - size);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        size += (size_t)got;
    }
    close(descriptor);
    return size;
}

/* Six characters from a number, as mkstemp has them. */
static void suffix_fill(char suffix[7], uint64_t number)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    for (int i = 0; i < 6; i++) {
        suffix[i] = letters[number % 36];
        number /= 36;
    }
    suffix[6] = '\0';
}

/* Not mkstemp: that makes files of mode 0600, and the umask cannot be asked for without setting
 * it under the feet of other threads. Here open applies it. */
static int temporary_open(struct snnbase_file_writer *writer)
{
    size_t length = strlen(writer->path);
    writer->temporary = string_join(writer->context, writer->path, length, ".tmp-XXXXXX");
    if (!writer->temporary) return SNN_ERR_NOMEM;
    char *suffix = writer->temporary + length + strlen(".tmp-");
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t number = (uint64_t)now.tv_nsec * 65537 + (uint64_t)getpid();
    for (int try = 0; try < NAME_TRIES; try++) {
        suffix_fill(suffix, number);
        writer->descriptor =
            open(writer->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (writer->descriptor >= 0) return SNN_OK;
        if (errno != EEXIST) break;
        number = number * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    }
    int error = errno;
    snnbase_free(writer->context, writer->temporary);
    writer->temporary = NULL;
    int status = snnbase_fail_errno(writer->context, error, writer->path);
    if (status == SNN_ERR_ACCESS) {
        snnbase_hint(writer->context, "the folder must be writable: files are written under a "
                                      "temporary name there and then renamed");
    }
    return status;
}

static int direct_open(struct snnbase_file_writer *writer)
{
    writer->descriptor = open(writer->path, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY);
    if (writer->descriptor < 0) return snnbase_fail_errno(writer->context, errno, writer->path);
    writer->sequential = lseek(writer->descriptor, 0, SEEK_CUR) == (off_t)-1;
    return SNN_OK;
}

/* A symbolic link stays: the file it leads to is replaced. False if that has no name any more, as
 * /dev/stdout may have. */
static bool link_follow(struct snnbase_file_writer *writer, int *status_out)
{
    char *resolved = realpath(writer->path, NULL);
    if (!resolved) return false;
    char *path = string_join(writer->context, resolved, strlen(resolved), "");
    free(resolved);
    *status_out = path ? SNN_OK : SNN_ERR_NOMEM;
    if (!path) return true;
    snnbase_free(writer->context, writer->path);
    writer->path = path;
    return true;
}

/* Replacing a file needs no permission to write to it, only to its folder. A file that somebody
 * made read-only is left alone nevertheless, and its mode is kept when it is replaced. */
static int replacement_open(struct snnbase_file_writer *writer, const struct stat *info)
{
    if (faccessat(AT_FDCWD, writer->path, W_OK, AT_EACCESS) != 0) {
        return snnbase_fail_errno(writer->context, errno, writer->path);
    }
    int status = temporary_open(writer);
    if (status != SNN_OK) return status;
    (void)fchmod(writer->descriptor, info->st_mode & 0777);
    return SNN_OK;
}

static int writer_open(struct snnbase_file_writer *writer)
{
    struct snn_context *context = writer->context;
    struct stat info;
    if (stat(writer->path, &info) != 0) {
        if (errno != ENOENT) return snnbase_fail_errno(context, errno, writer->path);
        return temporary_open(writer);
    }
    if (S_ISDIR(info.st_mode)) return snnbase_fail_errno(context, EISDIR, writer->path);
    if (!S_ISREG(info.st_mode)) return direct_open(writer);
    struct stat link_info;
    if (lstat(writer->path, &link_info) == 0 && S_ISLNK(link_info.st_mode)) {
        int status = SNN_OK;
        if (!link_follow(writer, &status)) return direct_open(writer);
        if (status != SNN_OK) return status;
    }
    return replacement_open(writer, &info);
}

int snnbase_file_create(struct snnbase_file_writer *writer, struct snn_context *context,
                        const char *path)
{
    *writer = (struct snnbase_file_writer){.context = context, .descriptor = -1};
    writer->path = string_join(context, path, strlen(path), "");
    if (!writer->path) return SNN_ERR_NOMEM;
    int status = writer_open(writer);
    if (status != SNN_OK) snnbase_file_abandon(writer);
    return status;
}

int snnbase_file_write_at(struct snnbase_file_writer *writer, uint64_t offset, const void *data,
                          size_t size)
{
    struct snn_context *context = writer->context;
    if (writer->sequential && offset != writer->position) {
        return snnbase_fail(
            context, SNN_ERR_IO, "%s: cannot go to byte %llu of a pipe that stands at byte %llu",
            writer->path, (unsigned long long)offset, (unsigned long long)writer->position);
    }
    if (offset > INT64_MAX || size > INT64_MAX - offset) {
        return snnbase_fail_errno(context, EFBIG, writer->path);
    }
    const unsigned char *bytes = data;
    while (size > 0) {
        size_t piece = size < TRANSFER_MAX ? size : TRANSFER_MAX;
        ssize_t put = writer->sequential ? write(writer->descriptor, bytes, piece)
                                         : pwrite(writer->descriptor, bytes, piece, (off_t)offset);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return snnbase_fail_errno(context, errno, writer->path);
        bytes += put;
        size -= (size_t)put;
        offset += (uint64_t)put;
        writer->position = offset;
    }
    return SNN_OK;
}

/* Makes the new name itself durable. Best effort: not every file system can. Cuts the path. */
static void folder_sync(struct snnbase_file_writer *writer)
{
    size_t length = folder_length(writer->path);
    writer->path[length] = '\0';
    int descriptor = open(length > 0 ? writer->path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return;
    (void)fsync(descriptor);
    close(descriptor);
}

static int writer_finish(struct snnbase_file_writer *writer)
{
    struct snn_context *context = writer->context;
    /* EINVAL, EROFS, ENOTSUP: devices, pipes and file systems that have nothing to flush. */
    if (fsync(writer->descriptor) != 0 && errno != EINVAL && errno != EROFS && errno != ENOTSUP) {
        return snnbase_fail_errno(context, errno, writer->path);
    }
    int closed = close(writer->descriptor);
    writer->descriptor = -1;
    if (closed != 0 && errno != EINTR) return snnbase_fail_errno(context, errno, writer->path);
    if (!writer->temporary) return SNN_OK;
    if (rename(writer->temporary, writer->path) != 0) {
        return snnbase_fail_errno(context, errno, writer->path);
    }
    snnbase_free(context, writer->temporary);
    writer->temporary = NULL;
    folder_sync(writer);
    return SNN_OK;
}

int snnbase_file_commit(struct snnbase_file_writer *writer)
{
    int status = writer_finish(writer);
    snnbase_file_abandon(writer);
    return status;
}

void snnbase_file_abandon(struct snnbase_file_writer *writer)
{
    if (writer->descriptor >= 0) close(writer->descriptor);
    writer->descriptor = -1;
    if (writer->temporary) (void)unlink(writer->temporary);
    snnbase_free(writer->context, writer->temporary);
    writer->temporary = NULL;
    snnbase_free(writer->context, writer->path);
    writer->path = NULL;
}

int snnbase_file_save(struct snn_context *context, const char *path, const void *data, size_t size)
{
    struct snnbase_file_writer writer;
    int status = snnbase_file_create(&writer, context, path);
    if (status != SNN_OK) return status;
    status = snnbase_file_write_at(&writer, 0, data, size);
    if (status == SNN_OK) status = snnbase_file_commit(&writer);
    snnbase_file_abandon(&writer);
    return status;
}

int snn_file_save(struct snn_context *context, const char *path, const void *data, size_t size)
{
    return snnbase_file_save(context, path, data, size);
}

int snn_folder_make(struct snn_context *context, const char *path)
{
    struct stat info;
    if (mkdir(path, 0777) == 0) return SNN_OK;
    const int error = errno;
    if (error != EEXIST) return snnbase_fail_errno(context, error, path);
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) return SNN_OK;
    snnbase_fail(context, SNN_ERR_IO, "%s: is no folder", path);
    return snnbase_hint(context, "give another name, or take the file away");
}
