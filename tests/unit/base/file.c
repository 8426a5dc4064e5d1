/* Files: whole reads, whole writes, and everything a file system can hold against them. */
#include "libsnn/base/file.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libsnn/base/memory.h"
#include "snn/file.h"
#include "snn/status.h"
#include "tests/unit/base/support.h"

static struct support_allocator allocator;
static struct snn_context *context;
static struct snnbase_buffer out;
static char folder[64];

static void setup(void)
{
    context = support_context(&allocator, NULL);
    support_folder_make(folder);
}

static void teardown(void)
{
    support_folder_remove(folder);
    snnbase_buffer_fini(context, &out);
    support_context_end(&context, &allocator);
}

TestSuite(file, .init = setup, .fini = teardown);

/* By stdio, so that reading is not tested with our own writing. */
static void put_file(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(data, 1, size, file), size);
    cr_assert_eq(fclose(file), 0);
}

static void assert_file(const char *path, const char *text)
{
    char bytes[64] = {0};
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s is not there", path);
    size_t size = fread(bytes, 1, sizeof(bytes) - 1, file);
    cr_assert_eq(fclose(file), 0);
    cr_assert_eq(size, strlen(text));
    cr_assert_str_eq(bytes, text);
}

static mode_t mode_of(const char *path)
{
    struct stat info;
    cr_assert_eq(stat(path, &info), 0);
    return info.st_mode & 07777;
}

static void assert_message(const char *path, const char *text)
{
    char message[512];
    snprintf(message, sizeof(message), "%s: %s", path, text);
    cr_assert_str_eq(snn_context_message(context), message);
}

Test(file, bytes_are_read_whole_and_appended)
{
    const char *path = support_path(folder, "a");
    put_file(path, "a\0b", 3);
    cr_assert_eq(snnbase_buffer_append(context, &out, ">", 1), SNN_OK);
    cr_assert_eq(snnbase_file_read(context, path, &out), SNN_OK);
    cr_assert(support_buffer_equals(&out, ">a\0b", 4));
    put_file(path, "", 0);
    cr_assert_eq(snnbase_file_read(context, path, &out), SNN_OK);
    cr_assert_eq(out.size, 4);
}

Test(file, large_file_is_read_with_one_allocation)
{
    enum { SIZE = 1000000 };
    static unsigned char bytes[SIZE];
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (unsigned char)(i * 31 >> 3 & 255);
    const char *path = support_path(folder, "large");
    put_file(path, bytes, SIZE);
    size_t calls = allocator.calls;
    cr_assert_eq(snnbase_file_read(context, path, &out), SNN_OK);
    cr_assert(support_buffer_equals(&out, bytes, SIZE));
    cr_assert_eq(allocator.calls, calls + 1);
}

Test(file, file_without_a_size_is_read_to_its_end)
{
    /* Files below /proc claim to be empty. */
    if (access("/proc/self/status", R_OK) != 0) cr_skip_test("no /proc");
    cr_assert_eq(snnbase_file_read(context, "/proc/self/status", &out), SNN_OK);
    cr_assert_gt(out.size, 100);
    cr_assert_eq(memcmp(out.data, "Name:", 5), 0);
}

Test(file, pipe_is_read_to_its_end)
{
    int ends[2];
    char path[32];
    static const char bytes[30000] = "from a pipe";
    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(write(ends[1], bytes, sizeof(bytes)), (ssize_t)sizeof(bytes));
    cr_assert_eq(close(ends[1]), 0);
    snprintf(path, sizeof(path), "/dev/fd/%d", ends[0]);
    cr_assert_eq(snnbase_file_read(context, path, &out), SNN_OK, "%s",
                 snn_context_message(context));
    cr_assert(support_buffer_equals(&out, bytes, sizeof(bytes)));
    close(ends[0]);
}

Test(file, missing_file_is_not_found)
{
    const char *path = support_path(folder, "nowhere");
    cr_assert_eq(snnbase_file_read(context, path, &out), SNN_ERR_NOT_FOUND);
    assert_message(path, "no such file or folder");
    path = support_path(folder, "nowhere/below");
    cr_assert_eq(snnbase_file_read(context, path, &out), SNN_ERR_NOT_FOUND);
}

Test(file, folder_cannot_be_read_as_a_file)
{
    cr_assert_eq(snnbase_file_read(context, folder, &out), SNN_ERR_IO);
    assert_message(folder, "is a directory");
}

Test(file, unreadable_file_is_an_access_error)
{
    const char *path = support_path(folder, "secret");
    put_file(path, "x", 1);
    cr_assert_eq(chmod(path, 0), 0);
    cr_assert_eq(chmod(folder, 0755), 0);
    support_user_drop();
    int status = snnbase_file_read(context, path, &out);
    support_user_restore();
    cr_assert_eq(status, SNN_ERR_ACCESS);
    assert_message(path, "permission denied");
}

Test(file, file_above_the_limit_is_refused_and_at_the_limit_read)
{
    struct snn_limits limits = {.file_bytes = 10};
    struct support_allocator own = {0};
    struct snn_context *small = support_context(&own, &limits);
    struct snnbase_buffer bytes = {0};
    const char *path = support_path(folder, "a");
    put_file(path, "0123456789", 10);
    cr_assert_eq(snnbase_file_read(small, path, &bytes), SNN_OK);
    put_file(path, "0123456789a", 11);
    size_t calls = own.calls;
    cr_assert_eq(snnbase_file_read(small, path, &bytes), SNN_ERR_LIMIT);
    cr_assert_eq(own.calls, calls, "memory was taken for a file that is too large");
    cr_assert(support_contains(snn_context_message(small), "larger than the limit of 10 bytes"));
    cr_assert_str_neq(snn_context_hint(small), "");
    /* An endless one, whose size nobody knows beforehand. */
    cr_assert_eq(snnbase_file_read(small, "/dev/zero", &bytes), SNN_ERR_LIMIT);
    cr_assert(support_buffer_equals(&bytes, "0123456789", 10), "a failed read left bytes behind");
    snnbase_buffer_fini(small, &bytes);
    support_context_end(&small, &own);
}

/* "123456789" in a stored block, as in the tests of inflate. */
static const unsigned char gzip_nine[] = {
    0x1f, 0x8b, 0x08, 0x00, 0,   0,   0,   0,   0x00, 0xff, 0x01, 0x09, 0x00, 0xf6, 0xff, '1',
    '2',  '3',  '4',  '5',  '6', '7', '8', '9', 0x26, 0x39, 0xf4, 0xcb, 0x09, 0x00, 0x00, 0x00};

Test(file, gzip_file_is_unpacked_and_another_passes)
{
    const char *path = support_path(folder, "a");
    put_file(path, gzip_nine, sizeof(gzip_nine));
    cr_assert_eq(snnbase_file_read_unpacked(context, path, &out), SNN_OK);
    cr_assert(support_buffer_equals(&out, "123456789", 9));
    put_file(path, "plain", 5);
    cr_assert_eq(snnbase_file_read_unpacked(context, path, &out), SNN_OK);
    cr_assert(support_buffer_equals(&out, "123456789plain", 14));
    snnbase_buffer_fini(context, &out);
    cr_assert_eq(snnbase_file_read_unpacked(context, path, &out), SNN_OK);
    cr_assert(support_buffer_equals(&out, "plain", 5));
}

Test(file, gzip_errors_name_the_file)
{
    const char *path = support_path(folder, "cut.gz");
    put_file(path, gzip_nine, sizeof(gzip_nine) - 5);
    cr_assert_eq(snnbase_file_read_unpacked(context, path, &out), SNN_ERR_FORMAT);
    assert_message(path, "truncated at byte 27");
    cr_assert_eq(out.size, 0);
    path = support_path(folder, "nowhere.gz");
    cr_assert_eq(snnbase_file_read_unpacked(context, path, &out), SNN_ERR_NOT_FOUND);
    assert_message(path, "no such file or folder");
}

Test(file, path_beside_another)
{
    static const char *const rows[][3] = {
        {"dir/a.json", "b.bin", "dir/b.bin"},
        {"a.json", "b.bin", "b.bin"},
        {"/a.json", "b.bin", "/b.bin"},
        {"dir/a.json", "/abs/b.bin", "/abs/b.bin"},
        {"x/y/", "b", "x/y/b"},
        {"../a", "c/b", "../c/b"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *path = snnbase_path_beside(context, rows[i][0], rows[i][1]);
        cr_assert_str_eq(path, rows[i][2]);
        snnbase_free(context, path);
    }
    allocator.fail_at = allocator.calls + 1;
    cr_assert_null(snnbase_path_beside(context, "a", "b"));
    cr_assert_eq(snn_context_status(context), SNN_ERR_NOMEM);
}

Test(file, existence)
{
    const char *path = support_path(folder, "a");
    cr_assert_not(snnbase_file_exists(path));
    put_file(path, "", 0);
    cr_assert(snnbase_file_exists(path));
    cr_assert(snnbase_file_exists(folder));
}

Test(file, saved_file_is_whole_alone_and_follows_the_umask)
{
    const char *path = support_path(folder, "new");
    umask(027);
    cr_assert_eq(snnbase_file_save(context, path, "bytes", 5), SNN_OK);
    assert_file(path, "bytes");
    cr_assert_eq(mode_of(path), 0640, "mode %o", (unsigned)mode_of(path));
    cr_assert_eq(support_folder_count(folder), 1);
    cr_assert_eq(snnbase_file_save(context, path, NULL, 0), SNN_OK);
    assert_file(path, "");
}

Test(file, nothing_shows_before_commit)
{
    const char *path = support_path(folder, "a");
    put_file(path, "old", 3);
    struct snnbase_file_writer writer;
    cr_assert_eq(snnbase_file_create(&writer, context, path), SNN_OK);
    cr_assert_eq(snnbase_file_write_at(&writer, 0, "newer", 5), SNN_OK);
    assert_file(path, "old");
    cr_assert_eq(support_folder_count(folder), 2);
    cr_assert_eq(snnbase_file_commit(&writer), SNN_OK);
    assert_file(path, "newer");
    cr_assert_eq(support_folder_count(folder), 1);
    snnbase_file_abandon(&writer);
    assert_file(path, "newer");
}

Test(file, abandoned_writer_leaves_nothing)
{
    const char *path = support_path(folder, "a");
    struct snnbase_file_writer writer;
    cr_assert_eq(snnbase_file_create(&writer, context, path), SNN_OK);
    cr_assert_eq(snnbase_file_write_at(&writer, 0, "bytes", 5), SNN_OK);
    cr_assert_eq(support_folder_count(folder), 1);
    snnbase_file_abandon(&writer);
    cr_assert_eq(support_folder_count(folder), 0);
    snnbase_file_abandon(&writer);
}

Test(file, pieces_may_come_in_any_order)
{
    const char *path = support_path(folder, "a");
    struct snnbase_file_writer writer;
    cr_assert_eq(snnbase_file_create(&writer, context, path), SNN_OK);
    cr_assert_eq(snnbase_file_write_at(&writer, 4, "rest", 4), SNN_OK);
    cr_assert_eq(snnbase_file_write_at(&writer, 0, "head", 4), SNN_OK);
    cr_assert_eq(snnbase_file_write_at(&writer, UINT64_MAX, "x", 1), SNN_ERR_IO);
    cr_assert_eq(snnbase_file_commit(&writer), SNN_OK);
    assert_file(path, "headrest");
}

Test(file, replaced_file_keeps_its_mode)
{
    const char *path = support_path(folder, "a");
    put_file(path, "old", 3);
    cr_assert_eq(chmod(path, 0600), 0);
    cr_assert_eq(snnbase_file_save(context, path, "new", 3), SNN_OK);
    assert_file(path, "new");
    cr_assert_eq(mode_of(path), 0600);
}

Test(file, symbolic_link_stays_and_its_target_is_replaced)
{
    const char *target = support_path(folder, "target");
    const char *path = support_path(folder, "link");
    put_file(target, "old", 3);
    cr_assert_eq(symlink("target", path), 0);
    cr_assert_eq(snnbase_file_save(context, path, "new", 3), SNN_OK);
    struct stat info;
    cr_assert_eq(lstat(path, &info), 0);
    cr_assert(S_ISLNK(info.st_mode));
    assert_file(target, "new");
    cr_assert_eq(support_folder_count(folder), 2);
}

Test(file, missing_folder_is_not_found)
{
    const char *path = support_path(folder, "nowhere/a");
    cr_assert_eq(snnbase_file_save(context, path, "x", 1), SNN_ERR_NOT_FOUND);
    assert_message(path, "no such file or folder");
    cr_assert_eq(support_folder_count(folder), 0);
}

Test(file, folder_cannot_be_written_as_a_file)
{
    cr_assert_eq(snnbase_file_save(context, folder, "x", 1), SNN_ERR_IO);
    assert_message(folder, "is a directory");
}

Test(file, folder_without_permission_is_an_access_error_with_a_hint)
{
    const char *path = support_path(folder, "a");
    cr_assert_eq(chmod(folder, 0555), 0);
    support_user_drop();
    int status = snnbase_file_save(context, path, "x", 1);
    support_user_restore();
    cr_assert_eq(chmod(folder, 0755), 0);
    cr_assert_eq(status, SNN_ERR_ACCESS);
    assert_message(path, "permission denied");
    cr_assert(support_contains(snn_context_hint(context), "folder must be writable"));
    cr_assert_eq(support_folder_count(folder), 0);
}

Test(file, read_only_file_is_not_replaced)
{
    const char *path = support_path(folder, "a");
    put_file(path, "old", 3);
    cr_assert_eq(chmod(path, 0444), 0);
    cr_assert_eq(chmod(folder, 0777), 0);
    support_user_drop();
    int status = snnbase_file_save(context, path, "new", 3);
    support_user_restore();
    cr_assert_eq(status, SNN_ERR_ACCESS);
    assert_file(path, "old");
    cr_assert_eq(support_folder_count(folder), 1);
}

Test(file, full_device_says_so_and_offers_a_remedy)
{
    if (access("/dev/full", W_OK) != 0) cr_skip_test("no /dev/full");
    cr_assert_eq(snnbase_file_save(context, "/dev/full", "x", 1), SNN_ERR_IO);
    cr_assert_str_eq(snn_context_message(context), "/dev/full: no space left on device");
    cr_assert(support_contains(snn_context_hint(context), "free some space"));
    struct stat info;
    cr_assert_eq(stat("/dev/full", &info), 0);
    cr_assert(S_ISCHR(info.st_mode), "the device was replaced by a file");
}

Test(file, device_is_written_directly)
{
    cr_assert_eq(snnbase_file_save(context, "/dev/null", "bytes", 5), SNN_OK);
    struct stat info;
    cr_assert_eq(stat("/dev/null", &info), 0);
    cr_assert(S_ISCHR(info.st_mode), "the device was replaced by a file");
}

/* A file that may not grow beyond 1000 bytes stands for a disk that fills up half-way. */
Test(file, write_that_fails_half_way_leaves_the_old_file)
{
    static const char bytes[5000] = "new";
    const char *path = support_path(folder, "a");
    put_file(path, "old", 3);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit before;
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit limit = {.rlim_cur = 1000, .rlim_max = before.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    int status = snnbase_file_save(context, path, bytes, sizeof(bytes));
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    cr_assert_eq(status, SNN_ERR_IO);
    assert_message(path, "larger than the file system or the process limit allows");
    assert_file(path, "old");
    cr_assert_eq(support_folder_count(folder), 1);
}

Test(file, pipe_is_written_in_order_and_only_so)
{
    const char *path = support_path(folder, "pipe");
    cr_assert_eq(mkfifo(path, 0600), 0);
    int reader = open(path, O_RDONLY | O_NONBLOCK);
    cr_assert_geq(reader, 0);
    struct snnbase_file_writer writer;
    cr_assert_eq(snnbase_file_create(&writer, context, path), SNN_OK);
    cr_assert_eq(snnbase_file_write_at(&writer, 0, "one ", 4), SNN_OK);
    cr_assert_eq(snnbase_file_write_at(&writer, 4, "two", 3), SNN_OK);
    cr_assert_eq(snnbase_file_write_at(&writer, 4, "three", 5), SNN_ERR_IO);
    assert_message(path, "cannot go to byte 4 of a pipe that stands at byte 7");
    cr_assert_eq(snnbase_file_commit(&writer), SNN_OK);
    char bytes[16] = {0};
    cr_assert_eq(read(reader, bytes, sizeof(bytes)), 7);
    cr_assert_str_eq(bytes, "one two");
    cr_assert_eq(close(reader), 0);
}

Test(file, writers_of_one_name_do_not_disturb_each_other)
{
    const char *path = support_path(folder, "a");
    struct snnbase_file_writer writers[20];
    for (size_t i = 0; i < 20; i++) {
        cr_assert_eq(snnbase_file_create(&writers[i], context, path), SNN_OK);
        cr_assert_eq(snnbase_file_write_at(&writers[i], 0, &"abcdefghijklmnopqrst"[i], 1), SNN_OK);
    }
    cr_assert_eq(support_folder_count(folder), 20);
    for (size_t i = 0; i < 20; i++)
        cr_assert_eq(snnbase_file_commit(&writers[i]), SNN_OK);
    assert_file(path, "t");
    cr_assert_eq(support_folder_count(folder), 1);
}

static int save_and_read(struct snn_context *failing, void *user)
{
    const char *path = user;
    struct snnbase_buffer bytes = {0};
    int status = snnbase_file_save(failing, path, gzip_nine, sizeof(gzip_nine));
    if (status == SNN_OK) status = snnbase_file_read_unpacked(failing, path, &bytes);
    snnbase_buffer_fini(failing, &bytes);
    cr_assert_leq(support_folder_count(folder), 1, "a temporary file was left");
    return status;
}

Test(file, folder_is_made_unless_it_is_there)
{
    char path[128], below[192];
    (void)snprintf(path, sizeof(path), "%s/made", folder);
    (void)snprintf(below, sizeof(below), "%s/file/below", folder);
    cr_assert_eq(snn_folder_make(context, path), SNN_OK);
    cr_assert_eq(snn_folder_make(context, path), SNN_OK);
    cr_assert_eq(snn_folder_make(context, below), SNN_ERR_NOT_FOUND);
    (void)snprintf(path, sizeof(path), "%s/made/file", folder);
    cr_assert_eq(snn_file_save(context, path, "abc", 3), SNN_OK);
    cr_assert_eq(snn_folder_make(context, path), SNN_ERR_IO);
    cr_assert_not_null(strstr(snn_context_message(context), "/made/file: is no folder"));
    cr_assert_eq(snnbase_file_read(context, path, &out), SNN_OK);
    cr_assert_eq(out.size, 3);
    cr_assert_eq(remove(path), 0);
    (void)snprintf(path, sizeof(path), "%s/made", folder);
    cr_assert_eq(rmdir(path), 0);
}

Test(file, failing_allocator_is_nomem_and_leaves_no_file)
{
    char path[512];
    snprintf(path, sizeof(path), "%s", support_path(folder, "a"));
    support_sweep(save_and_read, path);
}
