/* Private to convert/ir: the rules behind the table of operators (convert/ir/op.c), by operator,
 * and what they share.
 *
 * A rule sees a call whose input count is right, whose inputs are all of known type and shape, and
 * whose required inputs are there. A shape rule sets type, rank and extents of every output; limits
 * are checked behind it. An evaluation rule writes elements.
 */
#ifndef SNN_CONVERT_IR_OP_RULES_H
#define SNN_CONVERT_IR_OP_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convert/ir/array.h"
#include "convert/ir/op.h"
#include "snn/context.h"

/* ---- Rules ---- */

#define SNNCONV_SHAPE_RULE(name) \
    int snnconv_##name##_shape(struct snn_context *context, const struct snnconv_call *call)
#define SNNCONV_EVALUATE_RULE(name) \
    int snnconv_##name##_evaluate(struct snn_context *context, const struct snnconv_call *call)

/* op_elementwise.c: one value at a time. Those of one input have the shape rule of Relu. */
SNNCONV_SHAPE_RULE(relu);
SNNCONV_EVALUATE_RULE(relu);
SNNCONV_EVALUATE_RULE(leaky_relu);
SNNCONV_EVALUATE_RULE(sigmoid);
SNNCONV_SHAPE_RULE(clip);
SNNCONV_EVALUATE_RULE(clip);
SNNCONV_SHAPE_RULE(cast);
SNNCONV_EVALUATE_RULE(cast);
SNNCONV_SHAPE_RULE(dropout);
SNNCONV_EVALUATE_RULE(dropout);
SNNCONV_SHAPE_RULE(if); /* stateful: no evaluation */

/* op_broadcast.c: Add, Sub, Mul, Div, Sum */
SNNCONV_SHAPE_RULE(arithmetic);
SNNCONV_EVALUATE_RULE(arithmetic);

/* op_reduce.c */
SNNCONV_SHAPE_RULE(softmax); /* and LogSoftmax, told apart by call->op */
SNNCONV_EVALUATE_RULE(softmax);
SNNCONV_SHAPE_RULE(arg_max);
SNNCONV_EVALUATE_RULE(arg_max);
SNNCONV_SHAPE_RULE(reduce_max);
SNNCONV_EVALUATE_RULE(reduce_max);
SNNCONV_SHAPE_RULE(reduce_mean);
SNNCONV_EVALUATE_RULE(reduce_mean);

/* op_reshape.c: the same elements in the same order, under another shape. One evaluation copies. */
SNNCONV_SHAPE_RULE(reshape);
SNNCONV_SHAPE_RULE(squeeze);
SNNCONV_SHAPE_RULE(unsqueeze);
SNNCONV_SHAPE_RULE(flatten);
SNNCONV_SHAPE_RULE(identity);
SNNCONV_EVALUATE_RULE(identity);
SNNCONV_SHAPE_RULE(shape);
SNNCONV_EVALUATE_RULE(shape);
SNNCONV_SHAPE_RULE(constant_of_shape);
SNNCONV_EVALUATE_RULE(constant_of_shape);

/* op_move.c: elements from other places, whatever their type */
SNNCONV_SHAPE_RULE(transpose);
SNNCONV_EVALUATE_RULE(transpose);
SNNCONV_SHAPE_RULE(concat);
SNNCONV_EVALUATE_RULE(concat);
SNNCONV_SHAPE_RULE(slice);
SNNCONV_EVALUATE_RULE(slice);
SNNCONV_SHAPE_RULE(gather);
SNNCONV_EVALUATE_RULE(gather);

/* op_pad.c */
SNNCONV_SHAPE_RULE(pad);
SNNCONV_EVALUATE_RULE(pad);

/* op_conv.c */
SNNCONV_SHAPE_RULE(conv);
SNNCONV_EVALUATE_RULE(conv);
SNNCONV_SHAPE_RULE(conv_integer);
SNNCONV_EVALUATE_RULE(conv_integer);
SNNCONV_SHAPE_RULE(qlinear_conv);
SNNCONV_EVALUATE_RULE(qlinear_conv);

/* op_pool.c */
SNNCONV_SHAPE_RULE(average_pool);
SNNCONV_EVALUATE_RULE(average_pool);
SNNCONV_SHAPE_RULE(max_pool);
SNNCONV_EVALUATE_RULE(max_pool);
SNNCONV_SHAPE_RULE(sum_pool);
SNNCONV_EVALUATE_RULE(sum_pool);
SNNCONV_SHAPE_RULE(global_average_pool);
SNNCONV_EVALUATE_RULE(global_average_pool);
SNNCONV_SHAPE_RULE(global_max_pool);
SNNCONV_EVALUATE_RULE(global_max_pool);

/* op_norm.c */
SNNCONV_SHAPE_RULE(batch_normalization);
SNNCONV_EVALUATE_RULE(batch_normalization);

/* op_matrix.c */
SNNCONV_SHAPE_RULE(gemm);
SNNCONV_EVALUATE_RULE(gemm);
SNNCONV_SHAPE_RULE(mat_mul);
SNNCONV_EVALUATE_RULE(mat_mul);
SNNCONV_SHAPE_RULE(mat_mul_integer);
SNNCONV_EVALUATE_RULE(mat_mul_integer);
SNNCONV_SHAPE_RULE(qlinear_mat_mul);
SNNCONV_EVALUATE_RULE(qlinear_mat_mul);

/* op_quantize.c */
SNNCONV_SHAPE_RULE(quantize_linear);
SNNCONV_EVALUATE_RULE(quantize_linear);
SNNCONV_SHAPE_RULE(dequantize_linear);
SNNCONV_EVALUATE_RULE(dequantize_linear);

/* ---- What rules share (op_rules.c) ---- */

/* Input `index`, NULL if left out. */
static inline const struct snnconv_array *snnconv_call_input(const struct snnconv_call *call,
                                                             uint32_t index)
{
    return index < call->input_count ? call->inputs[index] : NULL;
}

/* An axis that may count from the end, -rank .. rank - 1, as 0 .. rank - 1. Errors: INVALID. */
int snnconv_rule_axis(struct snn_context *context, int64_t axis, uint32_t rank, uint32_t *out);

/* A list of at most `max` integers (int32 or int64, rank 0 or 1) that an input holds; `what` names
 * it. Errors: UNSUPPORTED (its values are not known), INVALID. */
int snnconv_rule_integers(struct snn_context *context, const struct snnconv_array *array,
                          const char *what, int64_t *items, uint32_t max, uint32_t *count_out);

/* The shape that `a` and `b` both broadcast to, as numpy does it: aligned at the last axis, 1
 * stretches. Type of `a`. `out` may be `a`. Errors: INVALID. */
int snnconv_rule_broadcast(struct snn_context *context, const struct snnconv_array *a,
                           const struct snnconv_array *b, struct snnconv_array *out);

/* Output 0 with type and shape of input 0. */
void snnconv_rule_same(const struct snnconv_call *call);

/* Anything but bool. Errors: UNSUPPORTED. */
int snnconv_rule_numeric(struct snn_context *context, const struct snnconv_array *array);

/* Both have one element type. Errors: INVALID. */
int snnconv_rule_same_type(struct snn_context *context, const struct snnconv_array *a,
                           const struct snnconv_array *b);

/* Elements from one place of an axis to the next, for every axis. */
void snnconv_rule_strides(const struct snnconv_array *array, size_t stride[SNNCONV_RANK_MAX]);

/* Products of the extents before `axis` and behind it. */
void snnconv_rule_split(const struct snnconv_array *array, uint32_t axis, size_t *outer_out,
                        size_t *inner_out);

#endif
