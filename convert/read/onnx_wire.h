/* The wire format of Protocol Buffers, one level at a time: which fields a message has and where
 * they lie. Nothing is copied, nothing nested is looked into.
 *
 * A message is a row of fields, each a tag (number << 3 | type) and a value.
 * Specification: https://protobuf.dev/programming-guides/encoding/
 */
#ifndef SNN_CONVERT_READ_ONNX_WIRE_H
#define SNN_CONVERT_READ_ONNX_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convert/read/cursor.h"

/* Bytes where they lie in the file; bytes NULL: absent. */
struct snnconv_wire_bytes {
    const unsigned char *bytes;
    size_t size;
};

enum snnconv_wire_type {
    SNNCONV_WIRE_VARINT = 0,
    SNNCONV_WIRE_EIGHT = 1,
    SNNCONV_WIRE_LENGTH = 2, /* a length, then as many bytes */
    SNNCONV_WIRE_FOUR = 5
};

struct snnconv_wire_field {
    uint32_t number; /* 1 .. 2^29 - 1 */
    enum snnconv_wire_type type;
    uint64_t integer;                  /* of a varint */
    struct snnconv_wire_bytes whole;   /* with tag and length */
    struct snnconv_wire_bytes content; /* of type LENGTH */
};

/* The next field. False at the end of the message (cursor->at == size), and where the bytes are no
 * field: then the cursor stays in front of them. Groups, long out of use, are no fields here. */
bool snnconv_wire_next(struct snnconv_cursor *cursor, struct snnconv_wire_field *out);

/* True if all bytes are fields. */
bool snnconv_wire_is_message(struct snnconv_wire_bytes message);

/* The last field of that number and type LENGTH, as the specification has it for fields that occur
 * once; bytes NULL if there is none. *count_out (may be NULL): how many there are. */
struct snnconv_wire_bytes snnconv_wire_find(struct snnconv_wire_bytes message, uint32_t number,
                                            uint32_t *count_out);

#endif
