/* Readers of weights: files made byte by byte here, good ones and hostile ones. What PyTorch and
 * NumPy themselves write is the matter of tests/flow/weights.py.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convert/read/cursor.h"
#include "convert/read/pickle.h"
#include "convert/weights.h"
#include "libsnn/base/buffer.h"
#include "libsnn/base/inflate.h"
#include "snn/status.h"
#include "tests/unit/convert/support.h"

TestSuite(read, .init = support_begin, .fini = support_end);

/* ---- The cursor ---- */

Test(read, a_cursor_does_not_leave_its_bytes)
{
    static const unsigned char bytes[] = {1, 2, 3, '\n', 5};
    struct snnconv_cursor cursor;
    const unsigned char *taken = NULL;
    uint64_t value = 0;
    size_t size = 0;
    snnconv_cursor_init(&cursor, bytes, sizeof(bytes));
    cr_assert(snnconv_cursor_read_le(&cursor, 2, &value));
    cr_assert_eq(value, 0x0201);
    cr_assert(snnconv_cursor_take_line(&cursor, &taken, &size));
    cr_assert_eq(taken, bytes + 2);
    cr_assert_eq(size, 1);
    cr_assert_not(snnconv_cursor_take_line(&cursor, &taken, &size));
    cr_assert_not(snnconv_cursor_read_be(&cursor, 2, &value));
    cr_assert_not(snnconv_cursor_take(&cursor, UINT64_MAX, &taken));
    cr_assert_eq(cursor.at, 4, "a refused read moves nothing");
    cr_assert_not(snnconv_cursor_seek(&cursor, 6));
    cr_assert(snnconv_cursor_seek(&cursor, 5));
    cr_assert_eq(snnconv_cursor_left(&cursor), 0);
    cr_assert(snnconv_cursor_seek(&cursor, 0));
    cr_assert(snnconv_cursor_read_be(&cursor, 3, &value));
    cr_assert_eq(value, 0x010203);
}

/* ---- Pickles ---- */

#define BYTES(text) (text), sizeof(text) - 1

static void refuse_pickle(const char *bytes, size_t size, int status, const char *message)
{
    struct snnconv_cursor cursor;
    struct snnconv_pickle pickle;
    unsigned char *copy = malloc(size); /* so that a sanitizer sees reads beyond it */
    cr_assert_not_null(copy);
    memcpy(copy, bytes, size);
    snnconv_cursor_init(&cursor, copy, size);
    int found = snnconv_pickle_load(&pickle, support_context(), &cursor);
    cr_expect_eq(found, status, "%s: status %d", message, found);
    cr_expect_str_eq(snn_context_message(support_context()), message);
    free(copy);
}

Test(read, a_pickle_that_calls_something_is_refused_by_name)
{
    refuse_pickle(BYTES("\x80\x02"
                        "cos\nsystem\nX\x04\0\0\0true\x85R."),
                  SNN_ERR_UNSUPPORTED, "byte 2: calls os.system");
    refuse_pickle(BYTES("\x80\x04\x8c\x08"
                        "builtins\x8c\x04"
                        "eval\x93."),
                  SNN_ERR_UNSUPPORTED, "byte 18: calls builtins.eval");
    refuse_pickle(BYTES("\x80\x02"
                        "ctorch\nFloatStorage\n)R."),
                  SNN_ERR_UNSUPPORTED, "byte 23: calls torch.FloatStorage");
    refuse_pickle(BYTES("c\x1b[2J\nx\n."), SNN_ERR_UNSUPPORTED,
                  "byte 0: calls a name of 4 + 1 bytes");
    refuse_pickle(BYTES("ccollections\nOrderedDict\n]\x85R."), SNN_ERR_UNSUPPORTED,
                  "byte 27: calls collections.OrderedDict with arguments");
    refuse_pickle(BYTES("N)R."), SNN_ERR_FORMAT,
                  "byte 2: a global and a tuple expected on the pickle's stack");
    refuse_pickle(BYTES("))\x81."), SNN_ERR_UNSUPPORTED,
                  "byte 2: pickle opcode NEWOBJ is not read");
    refuse_pickle(BYTES("(ios\nsystem\n."), SNN_ERR_UNSUPPORTED,
                  "byte 1: pickle opcode INST is not read");
    refuse_pickle(BYTES("]N"
                        "b."),
                  SNN_ERR_FORMAT,
                  "byte 2: a dictionary and its attributes expected on the pickle's stack");
}

Test(read, a_pickle_cut_short_or_out_of_step_is_refused)
{
    refuse_pickle(BYTES("}"), SNN_ERR_FORMAT, "byte 1: the pickle has no end");
    refuse_pickle(BYTES("X\xff\xff\xff\xff"
                        "abc"),
                  SNN_ERR_FORMAT, "byte 0: the pickle ends within an opcode");
    refuse_pickle(BYTES("\x8d\xff\xff\xff\xff\xff\xff\xff\xff"), SNN_ERR_FORMAT,
                  "byte 0: the pickle ends within an opcode");
    refuse_pickle(BYTES("\x8b\xff\xff\xff\x7f"), SNN_ERR_FORMAT,
                  "byte 0: the pickle ends within an opcode");
    refuse_pickle(BYTES("\x95\xff\0\0\0\0\0\0\0."), SNN_ERR_FORMAT,
                  "byte 0: the pickle ends within an opcode");
    refuse_pickle(BYTES("\x80\x06."), SNN_ERR_UNSUPPORTED,
                  "byte 0: pickle protocol 6; accepted are 2 to 5");
    refuse_pickle(BYTES("h\x07."), SNN_ERR_FORMAT, "byte 0: memo 7 holds nothing");
    refuse_pickle(BYTES("Nr\xff\xff\xff\xff."), SNN_ERR_FORMAT,
                  "byte 1: memo 4294967295 within the first 6 bytes of a pickle");
    refuse_pickle(BYTES("t."), SNN_ERR_FORMAT, "byte 0: a mark expected on the pickle's stack");
    refuse_pickle(BYTES("N(\x85."), SNN_ERR_FORMAT,
                  "byte 2: items of a tuple expected on the pickle's stack");
    refuse_pickle(BYTES("N(Ne."), SNN_ERR_FORMAT, "byte 3: a list expected on the pickle's stack");
    refuse_pickle(BYTES("}(Nu."), SNN_ERR_FORMAT,
                  "byte 3: a value for each key expected on the pickle's stack");
    refuse_pickle(BYTES("NN."), SNN_ERR_FORMAT,
                  "byte 2: one value, and no more, expected on the pickle's stack");
    refuse_pickle(BYTES("\x7f"), SNN_ERR_FORMAT, "byte 0: 0x7f is no pickle opcode");
}

static int load_pickle(const void *bytes, size_t size, struct snnconv_pickle *out)
{
    struct snnconv_cursor cursor;
    snnconv_cursor_init(&cursor, bytes, size);
    return snnconv_pickle_load(out, support_context(), &cursor);
}

Test(read, numbers_and_shared_values_come_out_of_a_pickle)
{
    static const int64_t expected[] = {255, 65535, -2, -128, 128, 0, INT64_MIN};
    struct snnconv_pickle p;
    cr_assert_eq(
        load_pickle(BYTES("\x80\x02(K\xffM\xff\xffJ\xfe\xff\xff\xff\x8a\x01\x80\x8a\x02\x80"
                          "\0\x8a\0\x8a\x08\0\0\0\0\0\0\0\x80t."),
                    &p),
        SNN_OK, "%s", snn_context_message(support_context()));
    for (uint32_t i = 0; i < 7; i++)
        cr_expect_eq(snnconv_pickle_item(&p, &p.values[p.root], i)->as.integer, expected[i]);
    cr_assert_null(snnconv_pickle_item(&p, &p.values[p.root], 7));
    snnconv_pickle_fini(&p, support_context());
    /* A list that holds itself: made, and never followed. */
    cr_assert_eq(load_pickle(BYTES("]q\0h\0a."), &p), SNN_OK);
    cr_assert_eq(p.links[p.values[p.root].first].value, p.root);
    snnconv_pickle_fini(&p, support_context());
}

Test(read, nesting_and_references_do_not_multiply)
{
    enum { DEPTH = 200000, LEVELS = 64 };
    struct snnconv_pickle p;
    /* Tuples in tuples, far deeper than any stack of calls. */
    unsigned char *deep = malloc(DEPTH + 2);
    cr_assert_not_null(deep);
    deep[0] = ')';
    memset(deep + 1, 0x85, DEPTH);
    deep[DEPTH + 1] = '.';
    cr_assert_eq(load_pickle(deep, DEPTH + 2, &p), SNN_OK);
    cr_assert_eq(p.value_count, DEPTH + 2);
    snnconv_pickle_fini(&p, support_context());
    /* Marks in marks, and nothing else. */
    memset(deep, '(', DEPTH + 2);
    cr_assert_eq(load_pickle(deep, DEPTH + 2, &p), SNN_ERR_FORMAT);
    free(deep);
    /* Each level holds the one below twice: 2^64 values if they were copied. */
    unsigned char bomb[2 + LEVELS * 6];
    size_t size = 0;
    bomb[size++] = ')';
    for (unsigned char i = 0; i < LEVELS; i++) {
        const unsigned char level[] = {'q', i, 'h', i, 0x86};
        memcpy(bomb + size, level, sizeof(level));
        size += sizeof(level);
    }
    bomb[size++] = '.';
    cr_assert_eq(load_pickle(bomb, size, &p), SNN_OK);
    cr_assert_eq(p.value_count, LEVELS + 2);
    snnconv_pickle_fini(&p, support_context());
}

/* ---- Files ---- */

static int read_file(const void *bytes, size_t size, struct snnconv_tensors *out)
{
    const struct snnconv_file file = {"w", bytes, size};
    snnconv_tensors_init(out, support_context());
    return snnconv_weights_read(out, support_context(), &file);
}

static void refuse_file(const void *bytes, size_t size, const char *message)
{
    struct snnconv_tensors tensors;
    unsigned char *copy = malloc(size > 0 ? size : 1);
    cr_assert_not_null(copy);
    if (size > 0) memcpy(copy, bytes, size);
    cr_expect_neq(read_file(copy, size, &tensors), SNN_OK, "%s", message);
    cr_expect_str_eq(snn_context_message(support_context()), message);
    snnconv_tensors_fini(&tensors, support_context());
    free(copy);
}

static void put(struct snnbase_buffer *out, const void *bytes, size_t size)
{
    cr_assert_eq(snnbase_buffer_append(support_context(), out, bytes, size), SNN_OK);
}

static void put_le(struct snnbase_buffer *out, uint64_t value, unsigned width)
{
    for (unsigned i = 0; i < width; i++) {
        const unsigned char byte = (unsigned char)(i < 8 ? value >> (8 * i) & 0xff : 0);
        put(out, &byte, 1);
    }
}

/* ---- safetensors ---- */

static void refuse_safetensors(const char *header, size_t value_bytes, const char *message)
{
    static const unsigned char zeros[64] = {0};
    struct snnbase_buffer file = {NULL, 0, 0};
    put_le(&file, strlen(header), 8);
    put(&file, header, strlen(header));
    put(&file, zeros, value_bytes);
    refuse_file(file.data, file.size, message);
    snnbase_buffer_fini(support_context(), &file);
}

Test(read, safetensors_of_all_floats_are_read)
{
    static const char header[] = "{\"__metadata__\":{\"a\":\"b\"},"
                                 "\"h\":{\"dtype\":\"F16\",\"shape\":[1,1],\"data_offsets\":[4,6]},"
                                 "\"f\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]},"
                                 "\"i\":{\"dtype\":\"I8\",\"shape\":[2],\"data_offsets\":[6,8]}}";
    struct snnbase_buffer file = {NULL, 0, 0};
    struct snnconv_tensors tensors;
    put_le(&file, sizeof(header) - 1, 8);
    put(&file, header, sizeof(header) - 1);
    put(&file, "\0\0\0\x40\0\x3c\1\2", 8);
    cr_assert_eq(read_file(file.data, file.size, &tensors), SNN_OK, "%s",
                 snn_context_message(support_context()));
    cr_assert_eq(tensors.count, 2);
    cr_assert_str_eq(tensors.items[0].name, "h");
    cr_assert_eq(tensors.items[0].rank, 2);
    cr_assert_eq(tensors.items[0].values[0], 1.0f);
    cr_assert_eq(tensors.items[1].values[0], 2.0f);
    snnconv_tensors_fini(&tensors, support_context());
    snnbase_buffer_fini(support_context(), &file);
}

#define ENTRY(name, dtype, shape, offsets) \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

Test(read, safetensors_that_promise_too_much_are_refused)
{
    refuse_file(BYTES("\xff\0\0\0\0\0\0\0{}"),
                "w: byte 10: truncated: a header of 255 bytes, 2 are there");
    refuse_safetensors("{" ENTRY("a", "F32", "[4]", "[0,16]") "}", 8,
                       "w: byte 63: tensor 'a': bytes 0 to 16 of 8");
    refuse_safetensors("{" ENTRY("a", "F32", "[1]", "[8,4]") "}", 8,
                       "w: byte 62: tensor 'a': bytes 8 to 4 of 8");
    refuse_safetensors("{" ENTRY("a", "F32", "[3]", "[0,8]") "}", 8,
                       "w: tensor 'a': [3] of 4 bytes each in 8 bytes");
    refuse_safetensors("{" ENTRY("a", "F32", "[9007199254740991,9007199254740991]", "[0,8]") "}", 8,
                       "w: tensor 'a': [9007199254740991, 9007199254740991] of 4 bytes each in 8 "
                       "bytes");
    refuse_safetensors(
        "{" ENTRY("a", "F32", "[2]", "[0,8]") "," ENTRY("b", "F32", "[1]", "[4,8]") "}", 8,
        "w: tensor 'b' begins at byte 4 of the values, overlapping the one that "
        "ends at byte 8");
    refuse_safetensors("{" ENTRY("a", "F32", "[1]", "[4,8]") "}", 8,
                       "w: tensor 'a' begins at byte 4 of the values, leaving a gap from byte 0");
    refuse_safetensors("{}", 8, "w: values of 8 bytes, the tensors end at byte 0");
    refuse_safetensors("{" ENTRY("a", "F8_E4M3", "[8]", "[0,8]") "}", 8,
                       "w: tensor 'a': dtype 'F8_E4M3' is not read; accepted are F16, BF16, F32, "
                       "F64");
    refuse_safetensors("{" ENTRY("a", "F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]") "}", 4,
                       "w: tensor 'a': 9 dimensions, at most 8");
    refuse_file(BYTES("nothing known"), "w: not a file of weights that is known");
    refuse_file(NULL, 0, "w: not a file of weights that is known");
}

/* ---- Zip files ---- */

/* A member of an archive that is put together; `unpacked` is 0 for stored members. */
struct member {
    const char *name;
    const void *data;
    size_t size;
    size_t unpacked;
    uint32_t crc;
};

static void put_member(struct snnbase_buffer *out, const struct member *m, bool local, size_t at)
{
    put(out, local ? "PK\3\4" : "PK\1\2", 4);
    put_le(out, 20, 2);
    if (!local) put_le(out, 20, 2);
    put_le(out, 0, 2);
    put_le(out, m->unpacked > 0 ? 8 : 0, 2);
    put_le(out, 0, 4);
    put_le(out, m->crc, 4);
    put_le(out, m->size, 4);
    put_le(out, m->unpacked > 0 ? m->unpacked : m->size, 4);
    put_le(out, strlen(m->name), 2);
    put_le(out, 0, local ? 2 : 12);
    if (!local) put_le(out, at, 4);
    put(out, m->name, strlen(m->name));
}

/* Checksums of stored members are filled in. */
static struct snnbase_buffer make_zip(const struct member *members, size_t count)
{
    struct snnbase_buffer out = {NULL, 0, 0}, directory = {NULL, 0, 0};
    for (size_t i = 0; i < count; i++) {
        struct member m = members[i];
        if (m.crc == 0) m.crc = snnbase_crc32(0, m.data, m.size);
        put_member(&directory, &m, false, out.size);
        put_member(&out, &m, true, 0);
        put(&out, m.data, m.size);
    }
    size_t start = out.size;
    put(&out, directory.data, directory.size);
    put(&out, "PK\5\6\0\0\0\0", 8);
    put_le(&out, count, 2);
    put_le(&out, count, 2);
    put_le(&out, directory.size, 4);
    put_le(&out, start, 4);
    put_le(&out, 0, 2);
    snnbase_buffer_fini(support_context(), &directory);
    return out;
}

static void refuse_zip(const struct member *members, size_t count, const char *message)
{
    struct snnbase_buffer zip = make_zip(members, count);
    refuse_file(zip.data, zip.size, message);
    snnbase_buffer_fini(support_context(), &zip);
}

#define NPY(dtype, fortran)                                               \
    "\x93NUMPY\1\0\x46\0{'descr': '" dtype "', 'fortran_order': " fortran \
    ", 'shape': (2, 2), }          \n"

Test(read, npz_members_are_arrays_in_both_orders)
{
    static const char c[] = NPY("<f4", "False") "\0\0\x80\x3f\0\0\0\x40\0\0\x40\x40\0\0\x80\x40";
    static const char f[] = NPY(">f2", "True ") "\x3c\0\x40\0\x42\0\x44\0";
    const struct member members[] = {{"c.npy", c, sizeof(c) - 1, 0, 0},
                                     {"f.npy", f, sizeof(f) - 1, 0, 0}};
    struct snnbase_buffer zip = make_zip(members, 2);
    struct snnconv_tensors tensors;
    cr_assert_eq(read_file(zip.data, zip.size, &tensors), SNN_OK, "%s",
                 snn_context_message(support_context()));
    cr_assert_eq(tensors.count, 2);
    cr_assert_str_eq(tensors.items[1].name, "f");
    cr_assert_arr_eq(tensors.items[0].values, ((float[]){1, 2, 3, 4}), 16);
    cr_assert_arr_eq(tensors.items[1].values, ((float[]){1, 3, 2, 4}), 16);
    snnconv_tensors_fini(&tensors, support_context());
    for (size_t size = 0; size < zip.size; size++) {
        cr_expect_neq(read_file(zip.data, size, &tensors), SNN_OK, "cut to %zu bytes", size);
        snnconv_tensors_fini(&tensors, support_context());
    }
    snnbase_buffer_fini(support_context(), &zip);
}

Test(read, archives_that_mean_harm_are_refused)
{
    static const char data[] = "data";
    /* "1234" as one stored block of deflate. */
    static const char packed[] = "\1\4\0\xfb\xff"
                                 "1234";
    const struct member twice[] = {{"a.npy", data, 4, 0, 0}, {"a.npy", data, 4, 0, 0}};
    const struct member climbs = {"x/../../a.npy", data, 4, 0, 0};
    const struct member corrupt = {"a.npy", data, 4, 0, 7};
    const struct member bomb = {"a.npy", packed, sizeof(packed) - 1, 1u << 30, 7};
    const struct member longer = {"a.npy", packed, sizeof(packed) - 1, 5, 7};
    refuse_zip(twice, 2, "w: byte 39: two members 'a.npy', the other at byte 0");
    refuse_zip(&climbs, 1, "w: byte 47: the name of member 0 is no path within the archive");
    refuse_zip(
        &corrupt, 1,
        "w: byte 0: member 'a.npy': corrupt: its checksum is adf3f363, the archive says 00000007");
    refuse_zip(&bomb, 1, "w: byte 0: member 'a.npy': 9 packed bytes cannot hold 1073741824");
    refuse_zip(&longer, 1, "w: byte 0: member 'a.npy': unpacks to 4 bytes, 5 promised");
    refuse_zip(twice, 1, "w: member 'a.npy': byte 0: no NPY array");
}

/* ---- PyTorch ---- */

/* OrderedDict(w=tensor): FloatStorage "0" on cuda:0 of 6 elements, with these offset, shape,
 * strides. */
#define TORCH_PICKLE(view)                                                               \
    "\x80\x02"                                                                           \
    "ccollections\nOrderedDict\n)R(X\1\0\0\0wctorch._utils\n_rebuild_tensor_v2\n((X\7\0" \
    "\0\0storagectorch\nFloatStorage\nX\1\0\0\0"                                         \
    "0X\6\0\0\0cuda:0K\6tQ" view "\x89)tRu}b."

/* Elements 1, 2, ... 6. */
static const char six[] = "\0\0\x80\x3f\0\0\0\x40\0\0\x40\x40\0\0\x80\x40\0\0\xa0\x40\0\0\xc0\x40";

static struct snnbase_buffer make_torch(const char *pickle, size_t size)
{
    const struct member members[] = {{"m/data.pkl", pickle, size, 0, 0},
                                     {"m/data/0", six, 24, 0, 0}};
    return make_zip(members, 2);
}

static void refuse_torch(const char *pickle, size_t size, const char *message)
{
    struct snnbase_buffer zip = make_torch(pickle, size);
    refuse_file(zip.data, zip.size, message);
    snnbase_buffer_fini(support_context(), &zip);
}

Test(read, a_tensor_is_a_view_of_its_storage)
{
    static const char pickle[] = TORCH_PICKLE("K\1K\2K\2\x86K\1K\3\x86");
    struct snnbase_buffer zip = make_torch(pickle, sizeof(pickle) - 1);
    struct snnconv_tensors tensors;
    cr_assert_eq(read_file(zip.data, zip.size, &tensors), SNN_OK, "%s",
                 snn_context_message(support_context()));
    cr_assert_eq(tensors.count, 1);
    /* Element [i][j] is number 1 + i + 3 j, counted from 0. */
    cr_assert_arr_eq(tensors.items[0].values, ((float[]){2, 5, 3, 6}), 16);
    snnconv_tensors_fini(&tensors, support_context());
    snnbase_buffer_fini(support_context(), &zip);
}

Test(read, a_tensor_beyond_its_storage_is_refused)
{
    refuse_torch(BYTES(TORCH_PICKLE("K\2K\2K\2\x86K\1K\4\x86")),
                 "w: tensor 'w': [2, 2] from element 2 on is not within a storage of 6 elements");
    refuse_torch(BYTES(TORCH_PICKLE("K\0K\7\x85K\0\x85")),
                 "w: tensor 'w': [7] from element 0 on is not within a storage of 6 elements");
    refuse_torch(
        BYTES(TORCH_PICKLE("K\0\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7fK\2\x86K\1K\1\x86")),
        "w: tensor 'w': [9223372036854775807, 2] from element 0 on is not within a storage "
        "of 6 elements");
    refuse_torch(BYTES(TORCH_PICKLE("K\0J\xff\xff\xff\xff\x85K\1\x85")),
                 "w: tensor 'w': no storage, offset, shape and strides of at most 8 dimensions");
    refuse_torch(BYTES("\x80\x02}."), "w: no dictionary of tensors");
    refuse_torch(BYTES("\x80\x02"
                       "cos\nsystem\n."),
                 "w: data.pkl: byte 2: calls os.system");
}

#define LEGACY_MAGIC "\x80\x02\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19."

Test(read, the_legacy_form_has_its_storages_behind_the_pickles)
{
    static const char pickle[] = TORCH_PICKLE("K\0K\2K\3\x86K\3K\1\x86");
    static const char keys[] = "\x80\2]X\1\0\0\0"
                               "0a.";
    struct snnbase_buffer file = {NULL, 0, 0};
    struct snnconv_tensors tensors;
    put(&file, BYTES(LEGACY_MAGIC "\x80\2M\xe9\3.\x80\2}."));
    put(&file, pickle, sizeof(pickle) - 1);
    put(&file, keys, sizeof(keys) - 1);
    put_le(&file, 6, 8);
    put(&file, six, 24);
    cr_assert_eq(read_file(file.data, file.size, &tensors), SNN_OK, "%s",
                 snn_context_message(support_context()));
    cr_assert_arr_eq(tensors.items[0].values, ((float[]){1, 2, 3, 4, 5, 6}), 24);
    snnconv_tensors_fini(&tensors, support_context());
    for (size_t size = 0; size < file.size; size++) {
        cr_expect_neq(read_file(file.data, size, &tensors), SNN_OK, "cut to %zu bytes", size);
        snnconv_tensors_fini(&tensors, support_context());
    }
    file.data[file.size - 32] = 7;
    refuse_file(file.data, file.size,
                "w: byte 188: storage '0' of 6 elements of 4 bytes, 7 announced, 24 bytes left");
    snnbase_buffer_fini(support_context(), &file);
    refuse_file(BYTES(LEGACY_MAGIC "\x80\2K\1.\x80\2}."),
                "w: not protocol 1001 of PyTorch's legacy files");
}

/* ---- Memory ---- */

static struct snnbase_buffer swept;

static int read_swept(struct snn_context *context, struct snn_graph *graph)
{
    const struct snnconv_file file = {"w", swept.data, swept.size};
    struct snnconv_tensors tensors;
    (void)graph;
    snnconv_tensors_init(&tensors, context);
    int status = snnconv_weights_read(&tensors, context, &file);
    snnconv_tensors_fini(&tensors, context);
    return status;
}

Test(read, running_out_of_memory_anywhere_is_survived)
{
    static const char pickle[] = TORCH_PICKLE("K\0K\6\x85K\1\x85");
    static const char array[] = NPY("<f2", "False") "\0\0\0\0\0\0\0\0";
    const struct member member = {"c.npy", array, sizeof(array) - 1, 0, 0};
    swept = make_torch(pickle, sizeof(pickle) - 1);
    support_sweep_graph(NULL, read_swept);
    snnbase_buffer_fini(support_context(), &swept);
    swept = make_zip(&member, 1);
    support_sweep_graph(NULL, read_swept);
    snnbase_buffer_fini(support_context(), &swept);
}
