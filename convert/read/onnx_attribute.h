/* A node of an ONNX file on its way into the newest form, and what its attributes do to it.
 */
#ifndef SNN_CONVERT_READ_ONNX_ATTRIBUTE_H
#define SNN_CONVERT_READ_ONNX_ATTRIBUTE_H

#include "convert/read/onnx.h"

/* Inputs that attributes may become, beyond those a node has. */
enum { SNNCONV_ONNX_INPUTS_MADE = 4 };

struct snnconv_onnx_call {
    struct snnconv_onnx *onnx;
    const struct snnconv_onnx_node *source;
    const struct snnconv_onnx_operator *row;
    struct snnconv_node node; /* made here; inputs are those below */
    uint32_t *inputs;         /* room for SNNCONV_ONNX_INPUTS_MADE more than the source has */
    /* Before opset 7: the second input lies on axes of the first from here on. */
    bool broadcast;
    bool has_broadcast_axis;
    int64_t broadcast_axis;
};

/* Errors: FORMAT, UNSUPPORTED, NOMEM, LIMIT; they name attribute and operator. */
int snnconv_onnx_take_attribute(struct snnconv_onnx_call *call,
                                const struct snnconv_onnx_rule *rule,
                                const struct snnconv_onnx_attribute *attribute);

/* Errors: FORMAT (it has that input). */
int snnconv_onnx_call_set_input(struct snnconv_onnx_call *call, size_t index, uint32_t value);

#endif
