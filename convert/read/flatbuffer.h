/* FlatBuffers as a hostile file may have them: every access is held against the bytes at hand.
 *
 *     root offset | ... vtable: size, table size, field offsets | table: back to vtable, fields ...
 *
 * Nothing is aligned, copied or followed on its own; a caller that walks tables of tables bounds
 * its depth by writing it down. The first lie is remembered in the file (`damage`, `damage_at`) and
 * every later read gives defaults: a caller reads on, and looks at `damage` before it uses what it
 * read. No format's schema in here. Specification: https://flatbuffers.dev/internals/
 */
#ifndef SNN_CONVERT_READ_FLATBUFFER_H
#define SNN_CONVERT_READ_FLATBUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct snnconv_flat {
    const unsigned char *bytes;
    size_t size;
    const char *damage; /* what was wrong first: "a string beyond the end"; NULL: nothing so far */
    size_t damage_at;   /* the byte where it was said */
};

/* A table, by its fields' numbers in the schema. at == 0: there is none, and it has no fields. */
struct snnconv_flat_table {
    struct snnconv_flat *flat;
    size_t at;
    size_t size; /* of its inline part */
    size_t vtable;
    size_t vtable_size;
};

/* A vector of scalars or offsets; all of its items are within the file. */
struct snnconv_flat_vector {
    struct snnconv_flat *flat;
    const unsigned char *bytes; /* of the first item, unaligned, little-endian */
    size_t count;
    unsigned width; /* bytes of an item */
};

struct snnconv_flat_text {
    const char *bytes; /* terminated by a zero, may hold others; NULL: absent */
    size_t size;
};

void snnconv_flat_init(struct snnconv_flat *flat, const void *bytes, size_t size);

/* True if the four bytes behind the root offset are these. */
bool snnconv_flat_is(const unsigned char *bytes, size_t size, const char identifier[4]);

/* Remembers a lie, unless there is an older one. */
void snnconv_flat_damage(struct snnconv_flat *flat, const char *what, size_t at);

struct snnconv_flat_table snnconv_flat_root(struct snnconv_flat *flat);

/* ---- Fields; what is left out has its default ---- */

bool snnconv_flat_has(const struct snnconv_flat_table *table, unsigned field);

/* Integers of 1, 2, 4 or 8 bytes. */
uint64_t snnconv_flat_unsigned(const struct snnconv_flat_table *table, unsigned field,
                               unsigned width, uint64_t fallback);
int64_t snnconv_flat_signed(const struct snnconv_flat_table *table, unsigned field, unsigned width,
                            int64_t fallback);
float snnconv_flat_float(const struct snnconv_flat_table *table, unsigned field, float fallback);

struct snnconv_flat_table snnconv_flat_child(const struct snnconv_flat_table *table,
                                             unsigned field);
struct snnconv_flat_text snnconv_flat_string(const struct snnconv_flat_table *table,
                                             unsigned field);
/* `width` of an item: of a scalar, or 4 for tables and strings. Absent: count 0. */
struct snnconv_flat_vector snnconv_flat_vector(const struct snnconv_flat_table *table,
                                               unsigned field, unsigned width);

/* ---- Items of a vector, index < count ---- */

uint64_t snnconv_flat_item_unsigned(const struct snnconv_flat_vector *vector, size_t index);
int64_t snnconv_flat_item_signed(const struct snnconv_flat_vector *vector, size_t index);
float snnconv_flat_item_float(const struct snnconv_flat_vector *vector, size_t index);
struct snnconv_flat_table snnconv_flat_item_table(const struct snnconv_flat_vector *vector,
                                                  size_t index);
struct snnconv_flat_text snnconv_flat_item_string(const struct snnconv_flat_vector *vector,
                                                  size_t index);

/* ---- Bytes that are known to be there ---- */

uint64_t snnconv_flat_load_unsigned(const unsigned char *bytes, unsigned width);
int64_t snnconv_flat_load_signed(const unsigned char *bytes, unsigned width);
float snnconv_flat_load_float(const unsigned char *bytes);

#endif
