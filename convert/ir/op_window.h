/* Windows that slide over the spatial axes of a tensor N,C,spatial: what convolutions and pools
 * have in common.
 *
 * One, two and three spatial axes are one case: depth, height, width, where those that a tensor
 * lacks come first and have the extent 1. Every number here has been checked: they are small enough
 * for all products of two of them.
 */
#ifndef SNN_CONVERT_IR_OP_WINDOW_H
#define SNN_CONVERT_IR_OP_WINDOW_H

#include <stddef.h>
#include <stdint.h>

#include "convert/ir/array.h"
#include "convert/ir/op.h"
#include "snn/context.h"

enum { SNNCONV_WINDOW_AXES = 3 };

struct snnconv_window {
    uint32_t spatial; /* axes that the tensor has: the last ones of those below */
    int64_t extent[SNNCONV_WINDOW_AXES];
    struct snnconv_axis axis[SNNCONV_WINDOW_AXES];
};

/* The window that the attributes lay over x; its kernel is `kernel` [rank of x - 2], or that of the
 * attributes if NULL. Errors: INVALID (ranks, kernels and strides that contradict each other, a
 * window that does not fit), UNSUPPORTED (more than three spatial axes). */
int snnconv_window_init(struct snnconv_window *out, struct snn_context *context,
                        const struct snnconv_attributes *attributes, const struct snnconv_array *x,
                        const int64_t *kernel);

/* From the first to the last input under a window. */
int64_t snnconv_window_reach(const struct snnconv_axis *axis);

/* Elements of the input and of the output under all spatial axes. */
size_t snnconv_window_in_size(const struct snnconv_window *window);
size_t snnconv_window_out_size(const struct snnconv_window *window);

/* Type, and the shape [N of x, channels, positions ...]. */
void snnconv_window_shape(const struct snnconv_window *window, const struct snnconv_array *x,
                          int64_t channels, struct snnconv_array *out);

#endif
