/* Changes to an input, see mutate.h.
 *
 * Every change is a replacement of one piece by another: most of them only differ in how the two
 * are found. What is looked for (a number, a string, a JSON value) is looked for from a random
 * place on, and where there is none the change becomes a plain one.
 */
#include "tests/fuzz/mutate.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum { CHANGES_MAX = 4, NESTING_MAX = 64 };

struct text {
    uint8_t *data;
    size_t size;
    size_t capacity;
    const uint8_t *donor;
    size_t donor_size;
    uint64_t random; /* state */
    bool binary;     /* whether its changes are those of bytes only */
};

/* Bytes `start` to `start` + `size` of some text; size 0 where nothing was found. */
struct piece {
    size_t start;
    size_t size;
};

static const char *const numbers[] = {
    "0",          "1",          "2",          "3",     "8",         "-1",   "-0",
    "255",        "65535",      "65536",      "65537", "16777216",  "0.5",  "2147483647",
    "2147483648", "4294967295", "4294967296", "1e300", "1e-320",    "1e38", "9007199254740993",
    "-1e400",     "0.001",      "1e3",        "4096",  "268435456", "",     "18446744073709551615",
};

/* SplitMix64. */
static uint64_t next_random(struct text *t)
{
    t->random += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t z = t->random;
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

/* 0 to `count` - 1; 0 if there is nothing to choose from. */
static size_t choose(struct text *t, size_t count)
{
    return count > 0 ? (size_t)(next_random(t) % count) : 0;
}

static void replace(struct text *t, struct piece old, const void *with, size_t size)
{
    size_t tail = t->size - old.start - old.size;
    if (t->size - old.size + size > t->capacity) return;
    memmove(t->data + old.start + size, t->data + old.start + old.size, tail);
    if (size > 0) memcpy(t->data + old.start, with, size);
    t->size = old.start + size + tail;
}

/* A random stretch, mostly a short one. */
static struct piece any_piece(struct text *t, size_t size)
{
    struct piece piece = {choose(t, size), 0};
    size_t most = size - piece.start;
    if (choose(t, 4) > 0 && most > 16) most = 16;
    piece.size = choose(t, most + 1);
    return piece;
}

/* --- Bytes ------------------------------------------------------------------------------------ */

static void flip_bit(struct text *t)
{
    if (t->size > 0) t->data[choose(t, t->size)] ^= (uint8_t)(1u << choose(t, 8));
}

static void cut(struct text *t)
{
    t->size = choose(t, t->size + 1);
}

/* Part of the donor, or of the text itself, over or between what is there. */
static void splice(struct text *t)
{
    uint8_t copy[4096];
    bool own = choose(t, 2) == 0;
    struct piece from = any_piece(t, own ? t->size : t->donor_size);
    struct piece to = any_piece(t, t->size);
    if (from.size > sizeof(copy)) from.size = sizeof(copy);
    if (from.size > 0) memcpy(copy, (own ? t->data : t->donor) + from.start, from.size);
    if (choose(t, 2) == 0) to.size = 0;
    replace(t, to, copy, from.size);
}

static void remove_piece(struct text *t)
{
    replace(t, any_piece(t, t->size), NULL, 0);
}

/* A value at one of the ends of what a field can say, or beside the size of the whole. */
static uint64_t extreme(struct text *t)
{
    static const uint64_t values[] = {
        0,          1,          2,          0x7F,         0x80,
        0xFF,       0x100,      0x7FFF,     0x8000,       0xFFFF,
        0x10000,    0x1000000,  0x7FFFFFFF, 0x80000000,   ~UINT64_C(0),
        0xFFFFFFFE, 0xFFFFFFFC, 0x40000000, 0x3FFFFFFFFF, INT64_MAX,
    };
    const size_t count = sizeof(values) / sizeof(values[0]);
    size_t index = choose(t, count + 3);
    return index < count ? values[index] : t->size + (index - count) - 1;
}

/* A field of 1, 2, 4 or 8 bytes, often near the start. */
static void set_field(struct text *t)
{
    size_t width = (size_t)1 << choose(t, 4);
    size_t within = choose(t, 2) == 0 && t->size > 32 ? 32 : t->size;
    if (within < width) return;
    size_t at = choose(t, within - width + 1);
    uint64_t value = extreme(t);
    bool big_endian = choose(t, 2) == 0;
    for (size_t i = 0; i < width; i++)
        t->data[at + i] = (uint8_t)(value >> 8 * (big_endian ? width - 1 - i : i));
}

/* A number in groups of seven bits, the lowest first, each but the last with its top bit set; as
 * long as the one that it replaces, or as long as it takes. */
static void set_varint(struct text *t)
{
    uint8_t bytes[10];
    struct piece old = {choose(t, t->size), 0};
    uint64_t value = extreme(t);
    size_t size = 0;
    while (old.start + old.size < t->size && old.size < sizeof(bytes) - 1 &&
           t->data[old.start + old.size] >= 0x80)
        old.size++;
    if (old.start + old.size == t->size) return;
    old.size++;
    size_t wanted = choose(t, 2) == 0 ? old.size : 1;
    do {
        bytes[size++] = (uint8_t)(0x80 | (value & 0x7F));
        value >>= 7;
    } while ((value > 0 && (wanted == 1 || size < wanted)) || size < wanted);
    bytes[size - 1] &= 0x7F;
    replace(t, old, bytes, size);
}

static void double_piece(struct text *t)
{
    uint8_t copy[4096];
    struct piece piece = any_piece(t, t->size);
    if (piece.size == 0 || piece.size > sizeof(copy)) return;
    memcpy(copy, t->data + piece.start, piece.size);
    replace(t, (struct piece){piece.start, 0}, copy, piece.size);
}

/* --- Text ------------------------------------------------------------------------------------- */

static bool in_number(uint8_t byte)
{
    return isdigit(byte) || byte == '.' || byte == '-';
}

/* The first number behind a random place that is neither part of a name nor of base64. */
static struct piece find_number(struct text *t)
{
    for (size_t i = choose(t, t->size); i < t->size; i++) {
        if (!in_number(t->data[i]) || (i > 0 && strchr(" ,:([", t->data[i - 1]) == NULL)) continue;
        size_t end = i + 1;
        while (end < t->size && in_number(t->data[end]))
            end++;
        return (struct piece){i, end - i};
    }
    return (struct piece){0, 0};
}

static void change_number(struct text *t)
{
    struct piece number = find_number(t);
    const char *with = numbers[choose(t, sizeof(numbers) / sizeof(numbers[0]))];
    if (number.size > 0)
        replace(t, number, with, strlen(with));
    else
        set_field(t);
}

/* A string with its quotes, of `data`. */
static struct piece find_string(struct text *t, const uint8_t *data, size_t size)
{
    size_t at = choose(t, size);
    const uint8_t *open = memchr(data + at, '"', size - at);
    if (open == NULL) return (struct piece){0, 0};
    size_t start = (size_t)(open - data);
    const uint8_t *end = memchr(open + 1, '"', size - start - 1);
    return end != NULL ? (struct piece){start, (size_t)(end - open) + 1} : (struct piece){0, 0};
}

/* Whether `byte` ends what `open` began. */
static bool closes(uint8_t open, uint8_t byte)
{
    return (open == '{' && byte == '}') || (open == '[' && byte == ']');
}

/* An object or array of `data`, up to its closing bracket. Brackets in strings are taken for real:
 * that only makes a mutant a worse one. */
static struct piece find_value(struct text *t, const uint8_t *data, size_t size)
{
    uint8_t open[NESTING_MAX];
    size_t depth = 0, start = choose(t, size);
    while (start < size && data[start] != '{' && data[start] != '[')
        start++;
    for (size_t i = start; i < size; i++) {
        if ((data[i] == '{' || data[i] == '[') && depth < NESTING_MAX) open[depth++] = data[i];
        if (depth > 0 && closes(open[depth - 1], data[i])) depth--;
        if (depth == 0) return (struct piece){start, i + 1 - start};
    }
    return (struct piece){0, 0};
}

typedef struct piece (*find_fn)(struct text *t, const uint8_t *data, size_t size);

/* One string or value in the place of another. */
static void exchange(struct text *t, find_fn find)
{
    uint8_t copy[4096];
    bool own = choose(t, 4) > 0;
    struct piece from = find(t, own ? t->data : t->donor, own ? t->size : t->donor_size);
    struct piece to = find(t, t->data, t->size);
    if (from.size == 0 || to.size == 0 || from.size > sizeof(copy)) {
        splice(t);
        return;
    }
    memcpy(copy, (own ? t->data : t->donor) + from.start, from.size);
    replace(t, to, copy, from.size);
}

/* Takes a value away with the comma beside it, or puts it there twice. */
static void drop_or_double(struct text *t)
{
    uint8_t copy[4096];
    struct piece value = find_value(t, t->data, t->size);
    if (value.size == 0 || value.size + 1 > sizeof(copy)) {
        remove_piece(t);
        return;
    }
    size_t end = value.start + value.size;
    if (choose(t, 2) == 0) {
        if (end < t->size && t->data[end] == ',') value.size++;
        replace(t, value, NULL, 0);
        return;
    }
    copy[0] = ',';
    memcpy(copy + 1, t->data + value.start, value.size);
    replace(t, (struct piece){end, 0}, copy, value.size + 1);
}

static void change(struct text *t)
{
    switch (choose(t, t->binary ? 8 : 14)) {
    case 0:
    case 1:
        flip_bit(t);
        break;
    case 2:
        if (choose(t, 4) == 0) cut(t);
        break;
    case 3:
        splice(t);
        break;
    case 4:
        remove_piece(t);
        break;
    case 5:
        double_piece(t);
        break;
    case 6:
        set_varint(t);
        break;
    case 7:
        set_field(t);
        break;
    case 8:
        exchange(t, find_string);
        break;
    case 9:
        exchange(t, find_value);
        break;
    case 10:
        drop_or_double(t);
        break;
    default:
        change_number(t);
        break;
    }
}

size_t mutate(uint8_t *data, size_t size, size_t capacity, const uint8_t *donor, size_t donor_size,
              uint64_t seed)
{
    struct text text = {data, size, capacity, donor, donor_size, seed, false};
    text.binary = choose(&text, 2) == 0;
    for (size_t left = 1 + choose(&text, CHANGES_MAX); left > 0; left--)
        change(&text);
    return text.size;
}
