/* Base64, strictly: what decodes is exactly what the encoder would have written.
 *
 * Tensor data inside JSON passes through here. Accepting line breaks, missing padding or stray low
 * bits would give one tensor several texts, and a damaged file a chance to be read.
 */
#include "libsnn/base/base64.h"

#include <stdint.h>

#include "libsnn/base/error.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Set in the values of digits, so that 0 stands for all other characters. */
enum { DIGIT = 64 };

/* clang-format off */
static const unsigned char digit_values[256] = {
    ['A'] = 64,  ['B'] = 65,  ['C'] = 66,  ['D'] = 67,  ['E'] = 68,  ['F'] = 69,  ['G'] = 70,
    ['H'] = 71,  ['I'] = 72,  ['J'] = 73,  ['K'] = 74,  ['L'] = 75,  ['M'] = 76,  ['N'] = 77,
    ['O'] = 78,  ['P'] = 79,  ['Q'] = 80,  ['R'] = 81,  ['S'] = 82,  ['T'] = 83,  ['U'] = 84,
    ['V'] = 85,  ['W'] = 86,  ['X'] = 87,  ['Y'] = 88,  ['Z'] = 89,
    ['a'] = 90,  ['b'] = 91,  ['c'] = 92,  ['d'] = 93,  ['e'] = 94,  ['f'] = 95,  ['g'] = 96,
    ['h'] = 97,  ['i'] = 98,  ['j'] = 99,  ['k'] = 100, ['l'] = 101, ['m'] = 102, ['n'] = 103,
    ['o'] = 104, ['p'] = 105, ['q'] = 106, ['r'] = 107, ['s'] = 108, ['t'] = 109, ['u'] = 110,
    ['v'] = 111, ['w'] = 112, ['x'] = 113, ['y'] = 114, ['z'] = 115,
    ['0'] = 116, ['1'] = 117, ['2'] = 118, ['3'] = 119, ['4'] = 120, ['5'] = 121, ['6'] = 122,
    ['7'] = 123, ['8'] = 124, ['9'] = 125, ['+'] = 126, ['/'] = 127,
};
/* clang-format on */

/* The last 1 or 2 bytes as four characters. */
static void tail_encode(const unsigned char *bytes, size_t size, unsigned char text[4])
{
    uint32_t group = (uint32_t)bytes[0] << 16;
    if (size > 1) group |= (uint32_t)bytes[1] << 8;
    text[0] = (unsigned char)digits[group >> 18];
    text[1] = (unsigned char)digits[group >> 12 & 63];
    text[2] = size > 1 ? (unsigned char)digits[group >> 6 & 63] : '=';
    text[3] = '=';
}

int snnbase_base64_encode(struct snn_context *context, const void *data, size_t size,
                          struct snnbase_buffer *out)
{
    if (size > (SIZE_MAX - 3) / 4 * 3) {
        return snnbase_fail(context, SNN_ERR_NOMEM, "out of memory: base64 of %zu bytes", size);
    }
    size_t text_size = (size + 2) / 3 * 4;
    int status = snnbase_buffer_reserve(context, out, text_size);
    if (status != SNN_OK) return status;
    const unsigned char *bytes = data;
    unsigned char *text = out->data + out->size;
    size_t left = size;
    for (; left >= 3; left -= 3, bytes += 3, text += 4) {
        uint32_t group = (uint32_t)bytes[0] << 16 | (uint32_t)bytes[1] << 8 | bytes[2];
        text[0] = (unsigned char)digits[group >> 18];
        text[1] = (unsigned char)digits[group >> 12 & 63];
        text[2] = (unsigned char)digits[group >> 6 & 63];
        text[3] = (unsigned char)digits[group & 63];
    }
    if (left > 0) tail_encode(bytes, left, text);
    out->size += text_size;
    return SNN_OK;
}

/* Decodes groups of four digits until one is none; returns how many. */
static size_t groups_decode(const char *text, size_t group_count, unsigned char *out)
{
    const unsigned char *t = (const unsigned char *)text;
    for (size_t i = 0; i < group_count; i++, t += 4, out += 3) {
        unsigned a = digit_values[t[0]], b = digit_values[t[1]];
        unsigned c = digit_values[t[2]], d = digit_values[t[3]];
        if ((a & b & c & d & DIGIT) == 0) return i;
        out[0] = (unsigned char)(a << 2 | (b & 63) >> 4);
        out[1] = (unsigned char)(b << 4 | (c & 63) >> 2);
        out[2] = (unsigned char)(c << 6 | (d & 63));
    }
    return group_count;
}

/* Decodes one group with `digit_count` digits (2..4) into out[0..digit_count-2]. Returns the index
 * of the character that does not belong, or 4. */
static size_t group_decode(const char *text, size_t digit_count, unsigned char *out)
{
    uint32_t group = 0;
    for (size_t i = 0; i < 4; i++) {
        unsigned value = i < digit_count ? digit_values[(unsigned char)text[i]] : DIGIT;
        if (value == 0) return i;
        group = group << 6 | (value & 63);
    }
    /* Bits of the last digit that belong to no byte are zero in what an encoder writes. */
    uint32_t unused = digit_count == 4 ? 0 : digit_count == 3 ? 0xFF : 0xFFFF;
    if ((group & unused) != 0) return digit_count - 1;
    for (size_t i = 0; i + 1 < digit_count; i++)
        out[i] = (unsigned char)(group >> (16 - 8 * i) & 0xFF);
    return 4;
}

/* Digits in the last group of a text: 4, or what padding leaves. */
static size_t last_digit_count(const char *text, size_t size)
{
    if (size < 4 || text[size - 1] != '=') return 4;
    return text[size - 2] == '=' ? 2 : 3;
}

size_t snnbase_base64_decoded_size(const char *text, size_t size)
{
    return size / 4 * 3 - (4 - last_digit_count(text, size / 4 * 4));
}

int snnbase_base64_read(struct snnbase_base64_reader *reader, unsigned char *out, size_t room,
                        size_t *made_out)
{
    const char *text = reader->text + reader->at;
    size_t left = reader->size - reader->at;
    size_t wanted = left / 4 < room / 3 ? left / 4 : room / 3;
    size_t made = 3 * groups_decode(text, wanted, out);
    size_t read = made / 3 * 4;
    if (made < 3 * wanted) { /* the last group of the text, or no base64 */
        size_t digit_count = read + 4 == left ? last_digit_count(text + read, 4) : 4;
        size_t wrong = group_decode(text + read, digit_count, out + made);
        if (wrong < 4) {
            return snnbase_fail(reader->context, SNN_ERR_FORMAT,
                                "byte %zu: 0x%02x does not belong into base64 text",
                                reader->at + read + wrong,
                                (unsigned)(unsigned char)text[read + wrong]);
        }
        made += digit_count - 1;
        read += 4;
    }
    if (made == 0 && left > 0) {
        return snnbase_fail(reader->context, SNN_ERR_FORMAT,
                            "byte %zu: base64 text ends within a group of four", reader->size);
    }
    reader->at += read;
    *made_out = made;
    return SNN_OK;
}

int snnbase_base64_decode(struct snn_context *context, const char *text, size_t size,
                          struct snnbase_buffer *out)
{
    int status = snnbase_buffer_reserve(context, out, size / 4 * 3);
    if (status != SNN_OK) return status;
    struct snnbase_base64_reader reader = {context, text, size, 0};
    size_t made = 0, none = 0;
    status = snnbase_base64_read(&reader, out->data + out->size, size / 4 * 3, &made);
    /* All whole groups are read; what is left is no text. */
    if (status == SNN_OK) status = snnbase_base64_read(&reader, NULL, 0, &none);
    if (status == SNN_OK) out->size += made;
    return status;
}
