/* Fields of a Protocol Buffers message, see onnx_wire.h.
 */
#include "convert/read/onnx_wire.h"

enum { VARINT_BYTES_MAX = 10, TYPE_BITS = 3 };

#define NUMBER_MAX ((UINT32_C(1) << 29) - 1)

/* Seven bits a byte, the lowest first; the highest bit of a byte says that more follow. */
static bool read_varint(struct snnconv_cursor *cursor, uint64_t *out)
{
    uint64_t value = 0;
    const unsigned char *byte = NULL;
    for (unsigned i = 0; i < VARINT_BYTES_MAX; i++) {
        if (!snnconv_cursor_take(cursor, 1, &byte)) return false;
        if (i == VARINT_BYTES_MAX - 1 && *byte > 1) return false; /* beyond 64 bits */
        value |= (uint64_t)(*byte & 0x7f) << (7 * i);
        if (*byte < 0x80) {
            *out = value;
            return true;
        }
    }
    return false;
}

static bool read_value(struct snnconv_cursor *cursor, struct snnconv_wire_field *field)
{
    const unsigned char *bytes = NULL;
    uint64_t size = 0;
    switch (field->type) {
    case SNNCONV_WIRE_VARINT:
        return read_varint(cursor, &field->integer);
    case SNNCONV_WIRE_EIGHT:
        return snnconv_cursor_take(cursor, 8, &bytes);
    case SNNCONV_WIRE_FOUR:
        return snnconv_cursor_take(cursor, 4, &bytes);
    case SNNCONV_WIRE_LENGTH:
        if (!read_varint(cursor, &size) || !snnconv_cursor_take(cursor, size, &bytes)) return false;
        field->content = (struct snnconv_wire_bytes){bytes, (size_t)size};
        return true;
    }
    return false;
}

bool snnconv_wire_next(struct snnconv_cursor *cursor, struct snnconv_wire_field *out)
{
    struct snnconv_cursor at = *cursor;
    struct snnconv_wire_field field = {.number = 0};
    uint64_t tag = 0;
    if (!read_varint(&at, &tag) || tag >> TYPE_BITS == 0 || tag >> TYPE_BITS > NUMBER_MAX)
        return false;
    field.number = (uint32_t)(tag >> TYPE_BITS);
    field.type = (enum snnconv_wire_type)(tag & ((1u << TYPE_BITS) - 1));
    if (!read_value(&at, &field)) return false;
    field.whole = (struct snnconv_wire_bytes){cursor->bytes + cursor->at, at.at - cursor->at};
    *cursor = at;
    *out = field;
    return true;
}

bool snnconv_wire_is_message(struct snnconv_wire_bytes message)
{
    struct snnconv_cursor cursor;
    struct snnconv_wire_field field;
    snnconv_cursor_init(&cursor, message.bytes, message.size);
    while (snnconv_wire_next(&cursor, &field))
        ;
    return snnconv_cursor_left(&cursor) == 0;
}

struct snnconv_wire_bytes snnconv_wire_find(struct snnconv_wire_bytes message, uint32_t number,
                                            uint32_t *count_out)
{
    struct snnconv_cursor cursor;
    struct snnconv_wire_field field;
    struct snnconv_wire_bytes found = {NULL, 0};
    uint32_t count = 0;
    snnconv_cursor_init(&cursor, message.bytes, message.size);
    while (snnconv_wire_next(&cursor, &field)) {
        if (field.number != number || field.type != SNNCONV_WIRE_LENGTH) continue;
        found = field.content;
        if (count < UINT32_MAX) count++;
    }
    if (count_out != NULL) *count_out = count;
    return found;
}
