/* The probe of ONNX files. They have no magic number: what tells them is that the bytes walk as a
 * ModelProto up to its graph, with a plausible version. A file cut off behind that is still taken
 * for ONNX, so that its reader can say where it ends.
 */
#include "convert/read/onnx_probe.h"

#include "convert/read/onnx_wire.h"

enum {
    MODEL_IR_VERSION = 1,
    MODEL_GRAPH = 7,
    MODEL_FIELD_MAX = 31,
    IR_VERSION_MAX = 1000,
    SURE = 80,
    LIKELY = 40,
};

int snnconv_onnx_probe(const unsigned char *bytes, size_t size)
{
    struct snnconv_cursor cursor;
    struct snnconv_wire_field field;
    bool has_version = false, has_graph = false;
    snnconv_cursor_init(&cursor, bytes, size);
    while (snnconv_wire_next(&cursor, &field)) {
        if (field.number > MODEL_FIELD_MAX) return 0;
        if (field.number == MODEL_IR_VERSION) {
            if (field.type != SNNCONV_WIRE_VARINT || field.integer == 0 ||
                field.integer > IR_VERSION_MAX)
                return 0;
            has_version = true;
        }
        if (field.number == MODEL_GRAPH) has_graph = field.type == SNNCONV_WIRE_LENGTH;
    }
    bool whole = snnconv_cursor_left(&cursor) == 0;
    if (has_version && has_graph && whole) return SURE;
    return has_version && (has_graph || cursor.at > 2) ? LIKELY : 0;
}
