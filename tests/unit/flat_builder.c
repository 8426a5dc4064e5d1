/* The writer of FlatBuffers for tests, see flat_builder.h.
 */
#include "tests/unit/flat_builder.h"

#include <criterion/criterion.h>
#include <string.h>

size_t builder_append(struct builder *builder, size_t size)
{
    size_t at = builder->size;
    cr_assert(size <= BUILDER_BYTES_MAX - at, "the builder is full");
    memset(builder->bytes + at, 0, size);
    builder->size += size;
    return at;
}

void builder_put(struct builder *builder, size_t at, unsigned width, uint64_t value)
{
    for (unsigned i = 0; i < width; i++)
        builder->bytes[at + i] = (unsigned char)(value >> (8 * i));
}

uint64_t builder_get(const struct builder *builder, size_t at, unsigned width)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < width; i++)
        value |= (uint64_t)builder->bytes[at + i] << (8 * i);
    return value;
}

void builder_begin(struct builder *builder, const char identifier[4])
{
    builder->size = 0;
    builder_append(builder, 8);
    memcpy(builder->bytes + 4, identifier, 4);
}

size_t builder_table(struct builder *builder, unsigned field_count, const unsigned char *widths)
{
    size_t vtable = builder_append(builder, 4 + 2 * (size_t)field_count), size = 4;
    for (unsigned i = 0; i < field_count; i++) {
        if (widths[i] > 0) builder_put(builder, vtable + 4 + 2 * (size_t)i, 2, size);
        size += widths[i];
    }
    builder_put(builder, vtable, 2, 4 + 2 * (uint64_t)field_count);
    builder_put(builder, vtable + 2, 2, size);
    size_t table = builder_append(builder, size);
    builder_put(builder, table, 4, table - vtable);
    return table;
}

size_t builder_vector(struct builder *builder, unsigned width, size_t count)
{
    size_t at = builder_append(builder, 4 + width * count);
    builder_put(builder, at, 4, count);
    return at;
}

size_t builder_string(struct builder *builder, const char *text)
{
    size_t length = strlen(text), at = builder_append(builder, 4 + length + 1);
    builder_put(builder, at, 4, length);
    memcpy(builder->bytes + at + 4, text, length);
    return at;
}

size_t builder_field(const struct builder *builder, size_t table, unsigned field)
{
    size_t vtable = table - builder_get(builder, table, 4);
    size_t offset = builder_get(builder, vtable + 4 + 2 * (size_t)field, 2);
    cr_assert_neq(offset, 0, "field %u is left out", field);
    return table + offset;
}

size_t builder_item(const struct builder *builder, size_t vector, unsigned width, size_t index)
{
    cr_assert(index < builder_get(builder, vector, 4));
    return vector + 4 + width * index;
}

void builder_point(struct builder *builder, size_t at, size_t target)
{
    builder_put(builder, at, 4, target - at);
}
