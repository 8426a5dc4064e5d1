/* Geometry of a core: the one window through which a layer sees all its sources, if there is one.
 *
 * A core has one input map, one square kernel, and per axis a stride and a padding, the same at
 * both ends. Along one axis, with o an output position:
 *
 *   tap t of a source's own kernel lies at   o * stride + t - pad,   0 <= t < kernel
 *   tap T of the core's kernel lies at       o * stride + T - P,     0 <= T < K
 *
 * so the source's kernel stands in the core's at offset P - pad, with zeros around it. Shapes and
 * windows only, no weights: lowering asks before it makes a chip's form (form.c), placement to say
 * of a net in any form what each layer needs.
 */
#ifndef SNN_CONVERT_LOWER_WINDOW_H
#define SNN_CONVERT_LOWER_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "snn/chip.h"
#include "snn/net.h"
#include "snn/place.h"

/* What one synapse is for a chip: a pooling behind the source's neurons, and a window on the map
 * that is left, into which all else of the pools is merged. */
struct snnconv_field {
    uint32_t pooling;        /* of the chip's: the largest that divides what the first pools sum */
    struct snn_shape map;    /* of the source behind that pooling */
    bool spills_y, spills_x; /* rows or columns are left over, which a chip only drops at the end of
                                its input map */
    struct snn_window window; /* dilation 1; only the paddings before the map count */
    /* Merged were, from the last: all pools but the first `plain`, and what `pooling` leaves of
     * those. */
    uint32_t plain;
    struct snn_window rest;
};

/* The window of all synapses of a layer. */
struct snnconv_window {
    uint32_t height, width; /* of the input map: the largest of the fields' */
    uint32_t kernel_size;
    uint32_t stride_y, stride_x, pad_y, pad_x;
};

/* Why there is none. */
struct snnconv_misfit {
    enum snn_constraint constraint; /* NONE: there is one */
    uint64_t need, limit;           /* 0 where the constraint has no number */
};

/* The field of one synapse into a layer with the shape `output`; `source` is the shape of its
 * source before all pools. Constraints: GROUPS and DILATION (need of 1), POOLING (pools that
 * overlap, are padded or too large, and whose borders the kernel's padding meets, so that they
 * cannot be merged; need: the windows' product along the longer axis). */
struct snnconv_misfit snnconv_field_make(struct snnconv_field *out,
                                         const struct snn_synapse *synapse, struct snn_shape source,
                                         struct snn_shape output, const struct snn_chip *chip);

/* The smallest window that holds all fields: first kernel, then strides (free along an axis with
 * one output position), then paddings. Constraints: STRIDE, KERNEL_SIZE, PADDING, each with the
 * smallest need that would do, and WINDOW: fields that no one window holds, whatever its size. */
struct snnconv_misfit snnconv_window_find(struct snnconv_window *out,
                                          const struct snnconv_field *fields, uint32_t count,
                                          struct snn_shape output, const struct snn_chip *chip);

/* Gives a synapse that is seen through such a window, and its map, their place in it: kind, window
 * and shape; its weights are not looked at. A dense one stays so where the kernel covers its map.
 */
void snnconv_window_give(struct snn_synapse *synapse, const struct snnconv_window *window,
                         struct snn_shape map);

#endif
