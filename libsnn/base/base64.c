/* Base64, strictly: what decodes is exactly what the encoder would have written.
 *
 * Tensor data inside JSON passes through here. Accepting line breaks, missing padding or stray low
 * bits would give one tensor several texts, and a damaged file a chance to be read.
 */
#include "libsnn/base/base64.h"

#include <stdint.h>

#include "libsnn/base/error.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int snnbase_base64_encode(struct snn_context *context, const void *data, size_t size,
                          struct snnbase_buffer *out)
{
    if (size > (SIZE_MAX - 3) / 4 * 3) {
        return snnbase_fail(context, SNN_ERR_NOMEM, "out of memory: base64 of %zu bytes", size);
    }
    int status = snnbase_buffer_reserve(context, out, (size + 2) / 3 * 4);
    if (status != SNN_OK) return status;
    const unsigned char *bytes = data;
    for (size_t at = 0; at < size; at += 3) {
        size_t left = size - at;
        uint32_t group = (uint32_t)bytes[at] << 16;
        if (left > 1) group |= (uint32_t)bytes[at + 1] << 8;
        if (left > 2) group |= bytes[at + 2];
        unsigned char *text = out->data + out->size;
        text[0] = (unsigned char)digits[group >> 18];
        text[1] = (unsigned char)digits[group >> 12 & 63];
        text[2] = left > 1 ? (unsigned char)digits[group >> 6 & 63] : '=';
        text[3] = left > 2 ? (unsigned char)digits[group & 63] : '=';
        out->size += 4;
    }
    return SNN_OK;
}

/* The six bits of a digit, or -1. */
static int digit_value(char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+') return 62;
    if (c == '/') return 63;
    return -1;
}

/* Decodes one group with `digit_count` digits (2..4) into out[0..digit_count-2]. Returns the index
 * of the character that does not belong, or 4. */
static size_t group_decode(const char *text, size_t digit_count, unsigned char out[3])
{
    uint32_t group = 0;
    for (size_t i = 0; i < 4; i++) {
        int value = i < digit_count ? digit_value(text[i]) : 0;
        if (value < 0) return i;
        group = group << 6 | (uint32_t)value;
    }
    /* Bits of the last digit that belong to no byte are zero in what an encoder writes. */
    uint32_t unused = digit_count == 4 ? 0 : digit_count == 3 ? 0xFF : 0xFFFF;
    if ((group & unused) != 0) return digit_count - 1;
    out[0] = (unsigned char)(group >> 16);
    out[1] = (unsigned char)(group >> 8 & 0xFF);
    out[2] = (unsigned char)(group & 0xFF);
    return 4;
}

int snnbase_base64_decode(struct snn_context *context, const char *text, size_t size,
                          struct snnbase_buffer *out)
{
    int status = snnbase_buffer_reserve(context, out, size / 4 * 3);
    if (status != SNN_OK) return status;
    size_t size_before = out->size;
    for (size_t at = 0; at + 4 <= size; at += 4) {
        size_t digit_count = 4;
        if (at + 4 == size && text[at + 3] == '=') digit_count = text[at + 2] == '=' ? 2 : 3;
        size_t wrong = group_decode(text + at, digit_count, out->data + out->size);
        if (wrong < 4) {
            out->size = size_before;
            return snnbase_fail(context, SNN_ERR_FORMAT,
                                "byte %zu: 0x%02x does not belong into base64 text", at + wrong,
                                (unsigned)(unsigned char)text[at + wrong]);
        }
        out->size += digit_count - 1;
    }
    if (size % 4 != 0) {
        out->size = size_before;
        return snnbase_fail(context, SNN_ERR_FORMAT,
                            "byte %zu: base64 text ends within a group of four", size);
    }
    return SNN_OK;
}
