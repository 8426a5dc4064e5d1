/* The reader of FlatBuffers: bytes made by hand, and every lie that they can tell.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "libsnn/base/flat.h"
#include "tests/unit/flat_builder.h"

TestSuite(flatbuffer);

/* 12 bytes vtable at 8, table at 20: u8 at 4, i32 at 5 (unaligned), float at 9, offset at 13. */
static const unsigned char small[] = {
    20, 0, 0,  0, 'A',  'B',  'C',  'D',                  /* root, identifier */
    12, 0, 17, 0, 4,    0,    5,    0,    9,    0, 13, 0, /* 8: vtable of four fields, table of 17
                                                             bytes */
    12, 0, 0,  0, 0xfe, 0xff, 0xff, 0xff, 0xff, 0, 0,  0x80, 0x3f, 4, 0, 0, 0, /* 20: table */
    2,  0, 0,  0, 'h',  'i',  0,                                               /* 37: string */
};

Test(flatbuffer, fields_are_read_where_they_lie_and_absent_ones_have_their_default)
{
    struct snnbase_flat flat;
    snnbase_flat_init(&flat, small, sizeof(small));
    cr_assert(snnbase_flat_is(small, sizeof(small), "ABCD"));
    cr_assert_not(snnbase_flat_is(small, sizeof(small), "ABCE"));
    cr_assert_not(snnbase_flat_is(small, 7, "ABCD"));
    struct snnbase_flat_table root = snnbase_flat_root(&flat);
    cr_assert_eq(root.at, 20);
    cr_assert_eq(snnbase_flat_unsigned(&root, 0, 1, 7), 0xfe);
    cr_assert_eq(snnbase_flat_signed(&root, 0, 1, 7), -2);
    cr_assert_eq(snnbase_flat_signed(&root, 1, 4, 7), -1);
    cr_assert_eq(snnbase_flat_unsigned(&root, 1, 4, 7), 0xffffffff);
    cr_assert_eq(snnbase_flat_float(&root, 2, 7.0f), 1.0f);
    struct snnbase_flat_text text = snnbase_flat_string(&root, 3);
    cr_assert_eq(text.size, 2);
    cr_assert_str_eq(text.bytes, "hi");
    cr_assert_not(snnbase_flat_has(&root, 4));
    cr_assert_eq(snnbase_flat_signed(&root, 4, 4, -7), -7);
    cr_assert_eq(snnbase_flat_float(&root, 1000, 0.5f), 0.5f);
    cr_assert_eq(snnbase_flat_child(&root, 9).at, 0);
    cr_assert_eq(snnbase_flat_vector(&root, 9, 8).count, 0);
    cr_assert_null(snnbase_flat_string(&root, 9).bytes);
    cr_assert_null(flat.damage);
}

Test(flatbuffer, what_is_absent_has_no_fields_either)
{
    struct snnbase_flat flat;
    snnbase_flat_init(&flat, small, sizeof(small));
    struct snnbase_flat_table none = {.flat = &flat};
    cr_assert_eq(snnbase_flat_signed(&none, 0, 4, 3), 3);
    cr_assert_eq(snnbase_flat_child(&none, 0).at, 0);
    cr_assert_null(flat.damage);
}

Test(flatbuffer, integers_of_all_widths_keep_their_sign)
{
    static const unsigned char bytes[8] = {0x80, 0, 0, 0, 0, 0, 0, 0x80};
    cr_assert_eq(snnbase_flat_load_signed(bytes, 1), -128);
    cr_assert_eq(snnbase_flat_load_signed(bytes, 2), 128);
    cr_assert_eq(snnbase_flat_load_signed(bytes + 6, 2), -32768);
    cr_assert_eq(snnbase_flat_load_signed(bytes + 4, 4), INT32_MIN);
    cr_assert_eq(snnbase_flat_load_signed(bytes, 8), INT64_MIN + 128);
    static const unsigned char ones[8] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    cr_assert_eq(snnbase_flat_load_signed(ones, 8), -1);
    cr_assert_eq(snnbase_flat_load_unsigned(ones, 8), UINT64_MAX);
}

/* Reads all there is in a copy of `small` of `size` bytes in which one byte is another; the copy
 * ends where memory ends. */
static const char *lie(size_t size, size_t at, unsigned char value, size_t *damage_at)
{
    struct snnbase_flat flat;
    unsigned char *copy = malloc(size);
    cr_assert_not_null(copy);
    memcpy(copy, small, size);
    if (at < size) copy[at] = value;
    snnbase_flat_init(&flat, copy, size);
    struct snnbase_flat_table root = snnbase_flat_root(&flat);
    (void)snnbase_flat_unsigned(&root, 0, 1, 0);
    (void)snnbase_flat_signed(&root, 1, 4, 0);
    (void)snnbase_flat_float(&root, 2, 0.0f);
    (void)snnbase_flat_string(&root, 3);
    free(copy);
    *damage_at = flat.damage_at;
    return flat.damage;
}

Test(flatbuffer, every_lie_is_caught_and_its_place_named)
{
    static const struct {
        size_t size, at;
        unsigned char value;
        size_t damage_at;
        const char *damage;
    } cases[] = {
        {7, 99, 0, 0, "too short for a root"},
        {sizeof(small), 0, 41, 0, "a root beyond the end"},
        {sizeof(small), 0, 0, 0, "a root beyond the end"},
        {sizeof(small), 3, 0x80, 0, "a root beyond the end"},
        {sizeof(small), 20, 21, 20, "a table whose vtable is beyond the file"},
        {sizeof(small), 23, 0x80, 20, "a table whose vtable is beyond the file"},
        {sizeof(small), 23, 0x7f, 20, "a table whose vtable is beyond the file"},
        {sizeof(small), 8, 37, 8, "a vtable beyond the end"},
        {sizeof(small), 8, 3, 8, "a vtable beyond the end"},
        {sizeof(small), 10, 3, 20, "a table beyond the end"},
        {sizeof(small), 10, 25, 20, "a table beyond the end"},
        {sizeof(small), 12, 3, 12, "a field beyond its table"},
        {sizeof(small), 14, 14, 14, "a field beyond its table"},
        {sizeof(small), 16, 200, 16, "a field beyond its table"},
        {sizeof(small), 33, 8, 33, "a string beyond the end"},
        {sizeof(small), 33, 3, 33, "a string beyond the end"},
        {sizeof(small), 37, 3, 37, "a string without its end"},
        {sizeof(small), 37, 4, 37, "a vector beyond the end"},
        {sizeof(small), 40, 0xff, 37, "a vector beyond the end"},
        {sizeof(small), 43, 1, 37, "a string without its end"},
        {sizeof(small) - 1, 99, 0, 37, "a string without its end"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t at = 0;
        const char *damage = lie(cases[i].size, cases[i].at, cases[i].value, &at);
        cr_expect(damage != NULL && strcmp(damage, cases[i].damage) == 0, "case %zu: %s", i,
                  damage != NULL ? damage : "nothing");
        cr_expect_eq(at, cases[i].damage_at, "case %zu: at %zu", i, at);
    }
}

Test(flatbuffer, vectors_of_scalars_tables_and_strings)
{
    static const unsigned char root_widths[] = {4, 4, 4}, child_widths[] = {2};
    static struct builder b;
    struct snnbase_flat flat;
    builder_begin(&b, "TEST");
    size_t root = builder_table(&b, 3, root_widths);
    builder_point(&b, 0, root);
    size_t longs = builder_vector(&b, 8, 2), tables = builder_vector(&b, 4, 2);
    size_t strings = builder_vector(&b, 4, 1);
    builder_point(&b, builder_field(&b, root, 0), longs);
    builder_point(&b, builder_field(&b, root, 1), tables);
    builder_point(&b, builder_field(&b, root, 2), strings);
    builder_put(&b, builder_item(&b, longs, 8, 1), 8, (uint64_t)INT64_MIN);
    size_t child = builder_table(&b, 1, child_widths);
    builder_put(&b, builder_field(&b, child, 0), 2, 0xfff0);
    builder_point(&b, builder_item(&b, tables, 4, 0), child);
    builder_point(&b, builder_item(&b, tables, 4, 1), child);
    builder_point(&b, builder_item(&b, strings, 4, 0), builder_string(&b, "name"));

    snnbase_flat_init(&flat, b.bytes, b.size);
    struct snnbase_flat_table table = snnbase_flat_root(&flat);
    struct snnbase_flat_vector vector = snnbase_flat_vector(&table, 0, 8);
    cr_assert_eq(vector.count, 2);
    cr_assert_eq(snnbase_flat_item_signed(&vector, 0), 0);
    cr_assert_eq(snnbase_flat_item_signed(&vector, 1), INT64_MIN);
    vector = snnbase_flat_vector(&table, 1, 4);
    for (size_t i = 0; i < 2; i++) {
        struct snnbase_flat_table item = snnbase_flat_item_table(&vector, i);
        cr_assert_eq(snnbase_flat_signed(&item, 0, 2, 0), -16);
    }
    vector = snnbase_flat_vector(&table, 2, 4);
    cr_assert_str_eq(snnbase_flat_item_string(&vector, 0).bytes, "name");
    cr_assert_null(flat.damage);

    builder_put(&b, longs, 4, (b.size - longs - 4) / 8 + 1);
    cr_assert_eq(snnbase_flat_vector(&table, 0, 8).count, 0);
    cr_assert_str_eq(flat.damage, "a vector beyond the end");
    cr_assert_eq(flat.damage_at, longs);
    builder_put(&b, builder_item(&b, tables, 4, 1), 4, 0xffffffff);
    vector = snnbase_flat_vector(&table, 1, 4);
    cr_assert_eq(snnbase_flat_item_table(&vector, 1).at, 0);
    cr_assert_eq(flat.damage_at, longs, "the first lie is kept");
}
