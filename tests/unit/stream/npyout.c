/* The writers of .npy and .npz against bytes put together by hand. */
#include "snn/npy.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "libsnn/base/inflate.h"
#include "libsnn/base/npyhead.h"
#include "libsnn/stream/zip.h"
#include "snn/status.h"
#include "tests/unit/stream/support.h"

TestSuite(npyout, .init = support_begin, .fini = support_end);

/* 10 + 118 = 128 bytes: the dictionary has 59, then spaces, then a line feed. */
static const char header_i4[] = "\x93NUMPY\1\0\x76\0"
                                "{'descr': '<i4', 'fortran_order': False, 'shape': (3, 2), }"
                                "                                                          \n";

Test(npyout, header_begins_the_data_at_a_multiple_of_64)
{
    unsigned char header[SNNBASE_NPY_HEADER_MAX];
    cr_assert_eq(snnbase_npyhead_format(header, "<i4", (uint64_t[]){3, 2}, 2), 128u);
    cr_assert_arr_eq(header, header_i4, 128);
    uint64_t shape[8];
    for (uint32_t rank = 1; rank <= 8; rank++) {
        shape[rank - 1] = rank % 2 ? UINT64_MAX : 1;
        size_t size = snnbase_npyhead_format(header, "<i8", shape, rank);
        cr_assert_eq(size % 64, 0u);
        cr_assert_eq(header[size - 1], '\n');
        cr_assert_eq(header[8] + 256u * header[9], size - 10);
    }
}

Test(npyout, one_dimension_is_written_as_python_does)
{
    char text[SNNBASE_NPY_TEXT_SIZE];
    snnbase_npyhead_text(text, (uint64_t[]){500}, 1);
    cr_assert_str_eq(text, "(500,)");
    snnbase_npyhead_text(text, NULL, 0);
    cr_assert_str_eq(text, "()");
}

static struct snn_npy_writer *create(const char *name, const uint64_t *shape, uint32_t rank,
                                     enum snn_npy_dtype dtype)
{
    struct snn_npy_writer *writer = NULL;
    int status = snn_npy_create(&writer, support_context(), support_path(name), shape, rank, dtype);
    cr_assert_eq(status, SNN_OK, "%s", snn_context_message(support_context()));
    return writer;
}

static void write_row(struct snn_npy_writer *writer, uint64_t index, const void *data)
{
    cr_assert_eq(snn_npy_write(writer, support_context(), index, data), SNN_OK);
}

static void commit(struct snn_npy_writer **writer)
{
    int status = snn_npy_commit(writer, support_context());
    cr_assert_eq(status, SNN_OK, "%s", snn_context_message(support_context()));
    cr_assert_null(*writer);
}

static size_t count_files(void)
{
    DIR *folder = opendir(support_path("."));
    cr_assert_not_null(folder);
    size_t count = 0;
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder))
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

Test(npyout, rows_land_at_their_places_in_any_order)
{
    struct snn_npy_writer *writer = create("a.npy", (uint64_t[]){3, 2}, 2, SNN_NPY_INT32);
    write_row(writer, 2, (int32_t[]){-1, 0x01020304});
    write_row(writer, 0, (int32_t[]){9, 9});
    write_row(writer, 0, (int32_t[]){1, 2});
    commit(&writer);

    unsigned char file[256];
    static const unsigned char data[] = {1, 0, 0, 0, 2,    0,    0,    0,    0, 0, 0, 0,
                                         0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 4, 3, 2, 1};
    cr_assert_eq(support_get("a.npy", file, sizeof(file)), 152u);
    cr_assert_arr_eq(file, header_i4, 128);
    cr_assert_arr_eq(file + 128, data, sizeof(data));
}

Test(npyout, last_rows_that_were_never_written_are_zeros)
{
    struct snn_npy_writer *writer = create("a.npy", (uint64_t[]){3, 2}, 2, SNN_NPY_INT32);
    write_row(writer, 0, (int32_t[]){1, 2});
    commit(&writer);
    unsigned char file[256];
    static const unsigned char zeros[16];
    cr_assert_eq(support_get("a.npy", file, sizeof(file)), 152u);
    cr_assert_arr_eq(file + 136, zeros, sizeof(zeros));
}

Test(npyout, the_file_appears_with_commit_or_not_at_all)
{
    struct snn_npy_writer *writer = create("a.npy", (uint64_t[]){1}, 1, SNN_NPY_INT64);
    cr_assert_neq(access(support_path("a.npy"), F_OK), 0);
    write_row(writer, 0, (int64_t[]){-2});
    snn_npy_abandon(&writer);
    cr_assert_null(writer);
    snn_npy_abandon(&writer);
    cr_assert_eq(count_files(), 0u);

    writer = create("a.npy", (uint64_t[]){1}, 1, SNN_NPY_INT64);
    write_row(writer, 0, (int64_t[]){-2});
    commit(&writer);
    cr_assert_eq(count_files(), 1u);
    unsigned char file[256];
    cr_assert_eq(support_get("a.npy", file, sizeof(file)), 136u);
    cr_assert_arr_eq(file + 128, "\xfe\xff\xff\xff\xff\xff\xff\xff", 8);
}

Test(npyout, row_beyond_the_end_is_refused_by_number)
{
    struct snn_npy_writer *writer = create("a.npy", (uint64_t[]){3, 2}, 2, SNN_NPY_INT32);
    cr_assert_eq(snn_npy_write(writer, support_context(), 3, (int32_t[]){0, 0}), SNN_ERR_INVALID);
    cr_assert(strstr(snn_context_message(support_context()), "row 3 of an array with 3 rows"));
    snn_npy_abandon(&writer);
}

Test(npyout, full_device_is_an_error_with_the_writers_context_or_another)
{
    if (access("/dev/full", W_OK) != 0) cr_skip("no /dev/full");
    struct snn_npy_writer *writer = NULL;
    int status =
        snn_npy_create(&writer, support_context(), "/dev/full", (uint64_t[]){1}, 1, SNN_NPY_INT32);
    cr_assert_eq(status, SNN_ERR_IO);
    cr_assert_null(writer);

    static const char *const names[] = {"a"};
    status = snn_npz_create(&writer, support_context(), "/dev/full", names, 1, (uint64_t[]){1}, 1,
                            SNN_NPY_INT64);
    cr_assert_eq(status, SNN_OK);
    struct snn_context *other = NULL;
    cr_assert_eq(snn_context_create(&other, NULL), SNN_OK);
    cr_assert_eq(snn_npy_write(writer, other, 0, (int64_t[]){1}), SNN_ERR_IO);
    cr_assert(strstr(snn_context_message(other), "/dev/full"));
    cr_assert_eq(snn_npy_commit(&writer, other), SNN_ERR_IO);
    cr_assert_null(writer);
    snn_context_destroy(&other);
}

/* --- npz -------------------------------------------------------------------------------------- */

Test(npyout, checksums_of_parts_join_to_that_of_the_whole)
{
    unsigned char bytes[600];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(i * i + 7);
    uint32_t whole = snnbase_crc32(0, bytes, sizeof(bytes));
    for (size_t cut = 0; cut <= sizeof(bytes); cut += 50) {
        uint32_t a = snnbase_crc32(0, bytes, cut);
        uint32_t b = snnbase_crc32(0, bytes + cut, sizeof(bytes) - cut);
        uint32_t shift = snnstream_zip_crc_shift(sizeof(bytes) - cut);
        cr_assert_eq(snnstream_zip_crc_join(a, b, shift), whole, "cut at %zu", cut);
    }
}

static size_t put(unsigned char *file, size_t at, const void *bytes, size_t size)
{
    memcpy(file + at, bytes, size);
    return at + size;
}

static size_t put_crc(unsigned char *file, size_t at, uint32_t crc)
{
    for (int i = 0; i < 4; i++)
        file[at++] = (unsigned char)(crc >> (8 * i));
    return at;
}

/* Two arrays "a" and "bc" of shape (1, 2), int64: 128 + 16 = 144 = 0x90 bytes each. Behind the
 * names stand the zip64 fields. Local headers at 0 and 50 + 5 + 144 = 199 = 0xc7; the directory at
 * 199 + 50 + 6 + 144 = 399 = 0x18f with 2 x 74 + 5 + 6 = 159 = 0x9f bytes; its end at 558 = 0x22e.
 */
static size_t expect_npz(unsigned char *file, const unsigned char data[2][16])
{
    static const char dictionary[] = "\x93NUMPY\1\0\x76\0"
                                     "{'descr': '<i8', 'fortran_order': False, 'shape': (1, 2), }"
                                     "                                                          \n";
    static const char *const names[] = {"a.npy", "bc.npy"};
    static const char offsets[] = {0, '\xc7'};
    uint32_t crc[2];
    size_t at = 0;
    for (int i = 0; i < 2; i++) {
        crc[i] = snnbase_crc32(0, dictionary, 128);
        crc[i] = snnbase_crc32(crc[i], data[i], 16);
        at = put(file, at, "PK\3\4\x2d\0\0\x08\0\0\0\0\x21\0", 14);
        at = put_crc(file, at, crc[i]);
        at = put(file, at, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
        at = put(file, at, i == 0 ? "\5\0\x14\0" : "\6\0\x14\0", 4);
        at = put(file, at, names[i], strlen(names[i]));
        at = put(file, at, "\1\0\x10\0\x90\0\0\0\0\0\0\0\x90\0\0\0\0\0\0\0", 20);
        at = put(file, at, dictionary, 128);
        at = put(file, at, data[i], 16);
    }
    for (int i = 0; i < 2; i++) {
        at = put(file, at, "PK\1\2\x2d\0\x2d\0\0\x08\0\0\0\0\x21\0", 16);
        at = put_crc(file, at, crc[i]);
        at = put(file, at, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
        at = put(file, at, i == 0 ? "\5\0\x1c\0" : "\6\0\x1c\0", 4);
        at = put(file, at, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff", 14);
        at = put(file, at, names[i], strlen(names[i]));
        at = put(file, at, "\1\0\x18\0\x90\0\0\0\0\0\0\0\x90\0\0\0\0\0\0\0", 20);
        at = put(file, at, &offsets[i], 1);
        at = put(file, at, "\0\0\0\0\0\0\0", 7);
    }
    at = put(file, at, "PK\6\6\x2c\0\0\0\0\0\0\0\x2d\0\x2d\0\0\0\0\0\0\0\0\0", 24);
    at = put(file, at, "\2\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0", 16);
    at = put(file, at, "\x9f\0\0\0\0\0\0\0\x8f\1\0\0\0\0\0\0", 16);
    at = put(file, at, "PK\6\7\0\0\0\0\x2e\2\0\0\0\0\0\0\1\0\0\0", 20);
    return put(file, at, "PK\5\6\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0", 22);
}

static struct snn_npy_writer *create_npz(const char *name, const char *const *names,
                                         uint32_t name_count, const uint64_t *shape)
{
    struct snn_npy_writer *writer = NULL;
    int status = snn_npz_create(&writer, support_context(), support_path(name), names, name_count,
                                shape, 2, SNN_NPY_INT64);
    cr_assert_eq(status, SNN_OK, "%s", snn_context_message(support_context()));
    return writer;
}

Test(npyout, npz_is_a_zip_file_of_npy_files)
{
    static const char *const names[] = {"a", "bc"};
    struct snn_npy_writer *writer = create_npz("c.npz", names, 2, (uint64_t[]){1, 2});
    write_row(writer, 0, (int64_t[]){1, -1, 0x0102030405060708, 0});
    commit(&writer);

    static const unsigned char data[2][16] = {
        {1, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
        {8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0},
    };
    static unsigned char expected[1024];
    static unsigned char file[1024];
    size_t size = expect_npz(expected, data);
    cr_assert_eq(size, 656u);
    cr_assert_eq(support_get("c.npz", file, sizeof(file)), size);
    cr_assert_arr_eq(file, expected, size);
}

/* Rows out of order, again, or never: the file is the one that rows in order would have made. */
Test(npyout, npz_is_the_same_for_any_order_of_rows)
{
    static const char *const names[] = {"conv1", "fc"};
    static unsigned char files[2][4096];
    size_t sizes[2];
    int64_t rows[20][6];
    for (int i = 0; i < 20; i++) {
        for (int k = 0; k < 6; k++)
            rows[i][k] = i == 7 || i == 19 ? 0 : 1000 * i + k;
    }
    struct snn_npy_writer *writer = create_npz("a.npz", names, 2, (uint64_t[]){20, 3});
    for (uint64_t i = 0; i < 20; i++)
        write_row(writer, i, rows[i]);
    commit(&writer);
    writer = create_npz("b.npz", names, 2, (uint64_t[]){20, 3});
    write_row(writer, 3, rows[5]);
    for (uint64_t i = 19; i-- > 0;) {
        if (i != 7) write_row(writer, i, rows[i]);
    }
    commit(&writer);
    sizes[0] = support_get("a.npz", files[0], sizeof(files[0]));
    sizes[1] = support_get("b.npz", files[1], sizeof(files[1]));
    cr_assert_eq(sizes[0], sizes[1]);
    cr_assert_arr_eq(files[0], files[1], sizes[0]);
}

/* --- Arguments that are wrong ----------------------------------------------------------------- */

static void refuse(const uint64_t *shape, uint32_t rank, enum snn_npy_dtype dtype, int status,
                   const char *message)
{
    struct snn_npy_writer *writer = NULL;
    cr_assert_eq(snn_npy_create(&writer, support_context(), support_path("x"), shape, rank, dtype),
                 status);
    cr_assert_null(writer);
    cr_assert(strstr(snn_context_message(support_context()), message), "%s",
              snn_context_message(support_context()));
    cr_assert_eq(count_files(), 0u);
}

Test(npyout, shapes_that_make_no_file_are_refused)
{
    refuse(NULL, 0, SNN_NPY_INT32, SNN_ERR_INVALID, "an array of 0 dimensions, not 1..8");
    refuse(NULL, 9, SNN_NPY_INT32, SNN_ERR_INVALID, "an array of 9 dimensions, not 1..8");
    refuse((uint64_t[]){2, 0}, 2, SNN_NPY_INT32, SNN_ERR_INVALID, "dimension 1 is 0");
    refuse((uint64_t[]){2}, 1, (enum snn_npy_dtype)7, SNN_ERR_INVALID, "unknown dtype 7");
    refuse((uint64_t[]){UINT64_C(1) << 62, 2}, 2, SNN_NPY_INT64, SNN_ERR_LIMIT,
           "an array of shape (4611686018427387904, 2) is larger than a file can be");
    refuse((uint64_t[]){2, UINT64_C(1) << 62}, 2, SNN_NPY_INT64, SNN_ERR_LIMIT,
           "an array of shape (2, 4611686018427387904) is larger than a file can be");
}

static void refuse_names(const char *const *names, uint32_t name_count, const char *message)
{
    struct snn_npy_writer *writer = NULL;
    int status = snn_npz_create(&writer, support_context(), support_path("x"), names, name_count,
                                (uint64_t[]){2, 2}, 2, SNN_NPY_INT64);
    cr_assert_eq(status, SNN_ERR_INVALID);
    cr_assert_null(writer);
    cr_assert(strstr(snn_context_message(support_context()), message), "%s",
              snn_context_message(support_context()));
    cr_assert_eq(count_files(), 0u);
}

Test(npyout, names_must_be_there_and_differ)
{
    static const char *const twice[] = {"conv1", "fc", "conv1"};
    static const char *const empty[] = {""};
    refuse_names(twice, 3, "arrays 0 and 2 are both named 'conv1'");
    refuse_names(empty, 1, "the name of array 0 has 0 characters, not 1..65531");
    refuse_names(twice, 0, "an .npz file needs an array");
}

static int write_npz(struct snn_context *context)
{
    static const char *const names[] = {"a", "b"};
    struct snn_npy_writer *writer = NULL;
    int status = snn_npz_create(&writer, context, support_path("m.npz"), names, 2,
                                (uint64_t[]){3, 2}, 2, SNN_NPY_INT64);
    if (status == SNN_OK) status = snn_npy_write(writer, context, 1, (int64_t[]){1, 2, 3, 4});
    if (status == SNN_OK) status = snn_npy_commit(&writer, context);
    snn_npy_abandon(&writer);
    return status;
}

Test(npyout, running_out_of_memory_leaves_nothing)
{
    support_sweep(write_npz);
    cr_assert_eq(count_files(), 1u);
}
