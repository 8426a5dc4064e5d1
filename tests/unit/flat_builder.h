/* FlatBuffers for tests, written down as a schema has them. Everything is appended, so that all
 * offsets point forwards, and may be overwritten by a test that wants a lie.
 */
#ifndef TESTS_UNIT_FLAT_BUILDER_H
#define TESTS_UNIT_FLAT_BUILDER_H

#include <stddef.h>
#include <stdint.h>

enum { BUILDER_BYTES_MAX = 1 << 16 };

struct builder {
    unsigned char bytes[BUILDER_BYTES_MAX];
    size_t size;
};

/* Zeros at the end; where they begin. */
size_t builder_append(struct builder *builder, size_t size);
/* A root offset and four bytes of identifier. */
void builder_begin(struct builder *builder, const char identifier[4]);
/* A table whose field i takes widths[i] bytes (0: left out), all zero; its place. */
size_t builder_table(struct builder *builder, unsigned field_count, const unsigned char *widths);
size_t builder_vector(struct builder *builder, unsigned width, size_t count);
size_t builder_string(struct builder *builder, const char *text);
/* Place of a field's bytes, and of a vector's item. */
size_t builder_field(const struct builder *builder, size_t table, unsigned field);
size_t builder_item(const struct builder *builder, size_t vector, unsigned width, size_t index);
uint64_t builder_get(const struct builder *builder, size_t at, unsigned width);
void builder_put(struct builder *builder, size_t at, unsigned width, uint64_t value);
/* Lets the offset at `at` point to `target`. */
void builder_point(struct builder *builder, size_t at, size_t target);

#endif
