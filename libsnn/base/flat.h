/* FlatBuffers as a hostile file may have them: every access is held against the bytes at hand.
 *
 *     root offset | ... vtable: size, table size, field offsets | table: back to vtable, fields ...
 *
 * Nothing is aligned, copied or followed on its own; a caller that walks tables of tables bounds
 * its depth by writing it down. The first lie is remembered in the file (`damage`, `damage_at`) and
 * every later read gives defaults: a caller reads on, and looks at `damage` before it uses what it
 * read. No format's schema in here. Specification: https://flatbuffers.dev/internals/
 */
#ifndef SNN_BASE_FLAT_H
#define SNN_BASE_FLAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct snnbase_flat {
    const unsigned char *bytes;
    size_t size;
    const char *damage; /* what was wrong first: "a string beyond the end"; NULL: nothing so far */
    size_t damage_at;   /* the byte where it was said */
};

/* A table, by its fields' numbers in the schema. at == 0: there is none, and it has no fields. */
struct snnbase_flat_table {
    struct snnbase_flat *flat;
    size_t at;
    size_t size; /* of its inline part */
    size_t vtable;
    size_t vtable_size;
};

/* A vector of scalars or offsets; all of its items are within the file. */
struct snnbase_flat_vector {
    struct snnbase_flat *flat;
    const unsigned char *bytes; /* of the first item, unaligned, little-endian */
    size_t count;
    unsigned width; /* bytes of an item */
};

struct snnbase_flat_text {
    const char *bytes; /* terminated by a zero, may hold others; NULL: absent */
    size_t size;
};

void snnbase_flat_init(struct snnbase_flat *flat, const void *bytes, size_t size);

/* True if the four bytes behind the root offset are these. */
bool snnbase_flat_is(const unsigned char *bytes, size_t size, const char identifier[4]);

/* Remembers a lie, unless there is an older one. */
void snnbase_flat_damage(struct snnbase_flat *flat, const char *what, size_t at);

struct snnbase_flat_table snnbase_flat_root(struct snnbase_flat *flat);

/* ---- Fields; what is left out has its default ---- */

bool snnbase_flat_has(const struct snnbase_flat_table *table, unsigned field);

/* Integers of 1, 2, 4 or 8 bytes. */
uint64_t snnbase_flat_unsigned(const struct snnbase_flat_table *table, unsigned field,
                               unsigned width, uint64_t fallback);
int64_t snnbase_flat_signed(const struct snnbase_flat_table *table, unsigned field, unsigned width,
                            int64_t fallback);
float snnbase_flat_float(const struct snnbase_flat_table *table, unsigned field, float fallback);

struct snnbase_flat_table snnbase_flat_child(const struct snnbase_flat_table *table,
                                             unsigned field);
struct snnbase_flat_text snnbase_flat_string(const struct snnbase_flat_table *table,
                                             unsigned field);
/* `width` of an item: of a scalar, or 4 for tables and strings. Absent: count 0. */
struct snnbase_flat_vector snnbase_flat_vector(const struct snnbase_flat_table *table,
                                               unsigned field, unsigned width);

/* ---- Items of a vector, index < count ---- */

uint64_t snnbase_flat_item_unsigned(const struct snnbase_flat_vector *vector, size_t index);
int64_t snnbase_flat_item_signed(const struct snnbase_flat_vector *vector, size_t index);
float snnbase_flat_item_float(const struct snnbase_flat_vector *vector, size_t index);
struct snnbase_flat_table snnbase_flat_item_table(const struct snnbase_flat_vector *vector,
                                                  size_t index);
struct snnbase_flat_text snnbase_flat_item_string(const struct snnbase_flat_vector *vector,
                                                  size_t index);

/* ---- Bytes that are known to be there ---- */

uint64_t snnbase_flat_load_unsigned(const unsigned char *bytes, unsigned width);
int64_t snnbase_flat_load_signed(const unsigned char *bytes, unsigned width);
float snnbase_flat_load_float(const unsigned char *bytes);

#endif
