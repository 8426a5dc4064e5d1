/* What batchnorm, bias, input and affine share: a scale and a shift for each channel or element,
 * and putting them into the weights of a linear node (Conv, Gemm).
 *
 * Arithmetic is in double; only what ends up in the program is rounded to float32.
 */
#ifndef SNN_CONVERT_PASS_LINEAR_H
#define SNN_CONVERT_PASS_LINEAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convert/pass/edit.h"

/* y = x * scale + shift for images N,C,H,W or vectors N,K: lists of one value a channel, or one an
 * element of a frame. */
struct snnconv_affine {
    uint32_t input; /* the value x */
    size_t channels, size;
    size_t scale_count, shift_count; /* channels or size */
    double *scale, *shift;           /* allocated */
    bool shifts_only;                /* an Add or a Sub */
};

void snnconv_affine_fini(struct snnconv_affine *affine, struct snn_context *context);

/* Reads a node: BatchNormalization, or Add, Sub, Mul, Div of a value and a constant. *found_out is
 * false, and nothing to be freed, for every other node. Errors: NOMEM. */
int snnconv_affine_read(struct snnconv_affine *out, const struct snnconv_edit *edit,
                        const struct snnconv_node *node, bool *found_out);

/* first, then second, as one in `second`. Errors: NOMEM. */
int snnconv_affine_join(struct snnconv_affine *second, const struct snnconv_affine *first,
                        struct snn_context *context);

bool snnconv_affine_is_identity(const struct snnconv_affine *affine);

/* Makes a node into the form that everybody behind knows: BatchNormalization with mean 0, variance
 * 1, epsilon 0 if there is one scale and one shift a channel; else Mul and Add (the Mul is new). */
int snnconv_affine_write(struct snnconv_edit *edit, uint32_t node,
                         const struct snnconv_affine *affine);

/* Whether a node is a Conv or Gemm (MatMul) with constant weights and bias. */
bool snnconv_linear_is(const struct snnconv_edit *edit, const struct snnconv_node *node);

/* MatMul and Gemm as y = x * W' + b with weights [out][in], alpha and beta 1, b [out] or none.
 * Nothing for others. Errors: NOMEM. */
int snnconv_linear_normalize(struct snnconv_edit *edit, uint32_t node);

/* Scales outputs: weights of output channel c times scale[c], bias b * scale[c] + shift[c]. */
int snnconv_linear_scale_outputs(struct snnconv_edit *edit, uint32_t node, const double *scale,
                                 const double *shift);

/* Scales inputs: what multiplies input channel (or, for a Gemm, element) i times scale[i]. */
int snnconv_linear_scale_inputs(struct snnconv_edit *edit, uint32_t node, const double *scale);

/* Adds to outputs: the bias of output channel c plus shift[c]. */
int snnconv_linear_shift_outputs(struct snnconv_edit *edit, uint32_t node, const double *shift);

/* What the node, normalised, makes without its bias of a frame with these values: one a channel, or
 * one an element of its input; padding is zero. Double for each output of a frame, allocated. */
int snnconv_linear_apply(const struct snnconv_edit *edit, const struct snnconv_node *node,
                         const double *values, size_t count, double **out);

/* Adds to the node's bias if `map` is the same all over each channel; else puts an Add with the map
 * behind it, [1, C, H, W], which writes what the node wrote. */
int snnconv_linear_add_bias(struct snnconv_edit *edit, uint32_t node, const double *map);

/* Whether a convolution or pool pads. */
bool snnconv_node_pads(const struct snnconv_node *node);

/* Lets a node write a new value, of which the program as read has none like; its readers read that.
 */
int snnconv_edit_renew(struct snnconv_edit *edit, uint32_t node);

#endif
