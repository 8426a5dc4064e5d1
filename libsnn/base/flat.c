/* The bounded reader of FlatBuffers, see flat.h. Comparisons are with what is left, never with a
 * sum, which could overflow. A table is checked once, when it is reached: then its vtable and its
 * inline part are within the file, and a field only has to be within the table.
 */
#include "libsnn/base/flat.h"

#include <string.h>

enum { OFFSET_WIDTH = 4, VTABLE_HEAD = 4, FILE_HEAD = 8 };

void snnbase_flat_init(struct snnbase_flat *flat, const void *bytes, size_t size)
{
    *flat = (struct snnbase_flat){.bytes = bytes, .size = size};
}

bool snnbase_flat_is(const unsigned char *bytes, size_t size, const char identifier[4])
{
    return size >= FILE_HEAD && memcmp(bytes + 4, identifier, 4) == 0;
}

void snnbase_flat_damage(struct snnbase_flat *flat, const char *what, size_t at)
{
    if (flat->damage) return;
    flat->damage = what;
    flat->damage_at = at;
}

/* ---- Bytes ---- */

uint64_t snnbase_flat_load_unsigned(const unsigned char *bytes, unsigned width)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < width; i++)
        value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

int64_t snnbase_flat_load_signed(const unsigned char *bytes, unsigned width)
{
    uint64_t sign = UINT64_C(1) << (8 * width - 1);
    uint64_t value = snnbase_flat_load_unsigned(bytes, width);
    /* Extends the sign without a conversion that C leaves to the implementation. */
    if (value < sign) return (int64_t)value;
    return -(int64_t)(2 * (sign - 1) + 1 - value) - 1;
}

float snnbase_flat_load_float(const unsigned char *bytes)
{
    uint32_t bits = (uint32_t)snnbase_flat_load_unsigned(bytes, 4);
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static bool fits(const struct snnbase_flat *flat, size_t at, size_t size)
{
    return at <= flat->size && size <= flat->size - at;
}

/* Where the forward offset at `at`, which is within the file, points to; 0 for a lie. */
static size_t follow(struct snnbase_flat *flat, size_t at, const char *what)
{
    uint64_t offset = snnbase_flat_load_unsigned(flat->bytes + at, OFFSET_WIDTH);
    if (offset < OFFSET_WIDTH || offset > flat->size - at ||
        flat->size - at - offset < OFFSET_WIDTH) {
        snnbase_flat_damage(flat, what, at);
        return 0;
    }
    return at + (size_t)offset;
}

/* ---- Tables ---- */

static struct snnbase_flat_table open_table(struct snnbase_flat *flat, size_t at)
{
    const struct snnbase_flat_table none = {.flat = flat};
    struct snnbase_flat_table table = {.flat = flat, .at = at};
    if (at == 0) return none;
    /* follow() left four bytes here: how far the vtable stands before the table, or behind it. */
    int64_t back = snnbase_flat_load_signed(flat->bytes + at, 4);
    int64_t vtable = (int64_t)at - back;
    if (vtable < 0 || !fits(flat, (size_t)vtable, VTABLE_HEAD)) {
        snnbase_flat_damage(flat, "a table whose vtable is beyond the file", at);
        return none;
    }
    table.vtable = (size_t)vtable;
    table.vtable_size = (size_t)snnbase_flat_load_unsigned(flat->bytes + table.vtable, 2);
    table.size = (size_t)snnbase_flat_load_unsigned(flat->bytes + table.vtable + 2, 2);
    if (table.vtable_size < VTABLE_HEAD || !fits(flat, table.vtable, table.vtable_size)) {
        snnbase_flat_damage(flat, "a vtable beyond the end", table.vtable);
        return none;
    }
    if (table.size < OFFSET_WIDTH || !fits(flat, at, table.size)) {
        snnbase_flat_damage(flat, "a table beyond the end", at);
        return none;
    }
    return table;
}

struct snnbase_flat_table snnbase_flat_root(struct snnbase_flat *flat)
{
    if (!fits(flat, 0, FILE_HEAD)) {
        snnbase_flat_damage(flat, "too short for a root", 0);
        return (struct snnbase_flat_table){.flat = flat};
    }
    return open_table(flat, follow(flat, 0, "a root beyond the end"));
}

/* Offset of a field of `width` bytes in the file; 0: left out, or a lie. */
static size_t find(const struct snnbase_flat_table *table, unsigned field, unsigned width)
{
    size_t entry = VTABLE_HEAD + 2 * (size_t)field;
    if (table->at == 0 || entry + 2 > table->vtable_size) return 0;
    size_t offset =
        (size_t)snnbase_flat_load_unsigned(table->flat->bytes + table->vtable + entry, 2);
    if (offset == 0) return 0;
    if (offset < OFFSET_WIDTH || offset > table->size || width > table->size - offset) {
        snnbase_flat_damage(table->flat, "a field beyond its table", table->vtable + entry);
        return 0;
    }
    return table->at + offset;
}

bool snnbase_flat_has(const struct snnbase_flat_table *table, unsigned field)
{
    return find(table, field, 1) != 0;
}

uint64_t snnbase_flat_unsigned(const struct snnbase_flat_table *table, unsigned field,
                               unsigned width, uint64_t fallback)
{
    size_t at = find(table, field, width);
    return at == 0 ? fallback : snnbase_flat_load_unsigned(table->flat->bytes + at, width);
}

int64_t snnbase_flat_signed(const struct snnbase_flat_table *table, unsigned field, unsigned width,
                            int64_t fallback)
{
    size_t at = find(table, field, width);
    return at == 0 ? fallback : snnbase_flat_load_signed(table->flat->bytes + at, width);
}

float snnbase_flat_float(const struct snnbase_flat_table *table, unsigned field, float fallback)
{
    size_t at = find(table, field, 4);
    return at == 0 ? fallback : snnbase_flat_load_float(table->flat->bytes + at);
}

struct snnbase_flat_table snnbase_flat_child(const struct snnbase_flat_table *table, unsigned field)
{
    size_t at = find(table, field, OFFSET_WIDTH);
    if (at == 0) return (struct snnbase_flat_table){.flat = table->flat};
    return open_table(table->flat, follow(table->flat, at, "a table beyond the end"));
}

/* ---- Vectors and strings ---- */

static struct snnbase_flat_vector open_vector(struct snnbase_flat *flat, size_t at, unsigned width)
{
    const struct snnbase_flat_vector none = {.flat = flat, .width = width};
    if (at == 0) return none;
    size_t left = flat->size - at - OFFSET_WIDTH;
    uint64_t count = snnbase_flat_load_unsigned(flat->bytes + at, 4);
    if (count > left / width) {
        snnbase_flat_damage(flat, "a vector beyond the end", at);
        return none;
    }
    return (struct snnbase_flat_vector){flat, flat->bytes + at + OFFSET_WIDTH, (size_t)count,
                                        width};
}

/* The zero behind a string is part of the format, though not of its size. */
static struct snnbase_flat_text open_string(struct snnbase_flat *flat, size_t at)
{
    struct snnbase_flat_vector vector = open_vector(flat, at, 1);
    if (vector.bytes == NULL) return (struct snnbase_flat_text){NULL, 0};
    size_t end = (size_t)(vector.bytes - flat->bytes) + vector.count;
    if (end == flat->size || flat->bytes[end] != 0) {
        snnbase_flat_damage(flat, "a string without its end", at);
        return (struct snnbase_flat_text){NULL, 0};
    }
    return (struct snnbase_flat_text){(const char *)vector.bytes, vector.count};
}

struct snnbase_flat_vector snnbase_flat_vector(const struct snnbase_flat_table *table,
                                               unsigned field, unsigned width)
{
    size_t at = find(table, field, OFFSET_WIDTH);
    if (at != 0) at = follow(table->flat, at, "a vector beyond the end");
    return open_vector(table->flat, at, width);
}

struct snnbase_flat_text snnbase_flat_string(const struct snnbase_flat_table *table, unsigned field)
{
    size_t at = find(table, field, OFFSET_WIDTH);
    if (at != 0) at = follow(table->flat, at, "a string beyond the end");
    return open_string(table->flat, at);
}

static const unsigned char *item(const struct snnbase_flat_vector *vector, size_t index)
{
    return vector->bytes + index * vector->width;
}

uint64_t snnbase_flat_item_unsigned(const struct snnbase_flat_vector *vector, size_t index)
{
    return snnbase_flat_load_unsigned(item(vector, index), vector->width);
}

int64_t snnbase_flat_item_signed(const struct snnbase_flat_vector *vector, size_t index)
{
    return snnbase_flat_load_signed(item(vector, index), vector->width);
}

float snnbase_flat_item_float(const struct snnbase_flat_vector *vector, size_t index)
{
    return snnbase_flat_load_float(item(vector, index));
}

static size_t follow_item(const struct snnbase_flat_vector *vector, size_t index, const char *what)
{
    return follow(vector->flat, (size_t)(item(vector, index) - vector->flat->bytes), what);
}

struct snnbase_flat_table snnbase_flat_item_table(const struct snnbase_flat_vector *vector,
                                                  size_t index)
{
    return open_table(vector->flat, follow_item(vector, index, "a table beyond the end"));
}

struct snnbase_flat_text snnbase_flat_item_string(const struct snnbase_flat_vector *vector,
                                                  size_t index)
{
    return open_string(vector->flat, follow_item(vector, index, "a string beyond the end"));
}
