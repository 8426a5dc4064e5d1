/* How a value of the program as it was lies in one of the program that `layout` makes: the same
 * elements, in another order of the axes, joined or parted differently.
 *
 *     as it was   [1, 4, 4, 6]   rows, columns, channels         [1, 96]
 *     base        [1, 6, 4, 4]   channels, rows, columns         [1, 6, 4, 4]
 *     atoms        2, 3, 1       axes of the base, without those of one element
 *
 * Walking over the atoms in their order, the last one fastest, gives the elements of the old value
 * in their order; how they are grouped into axes is in its shape alone. So Transpose changes the
 * order of atoms, and Reshape, Flatten, Squeeze and Unsqueeze change nothing.
 */
#ifndef SNN_CONVERT_PASS_VIEW_H
#define SNN_CONVERT_PASS_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "convert/ir/array.h"

struct snnconv_view {
    uint32_t base; /* value */
    uint32_t count;
    uint32_t atom[SNNCONV_RANK_MAX];
    /* Of a base [N, K]: element p is element from[p] of the old value; NULL: p. */
    const uint32_t *from;
};

/* All axes of the array in their order. */
void snnconv_view_identity(struct snnconv_view *view, uint32_t base,
                           const struct snnconv_array *array);

/* Whether the elements stand in the order of the base. */
bool snnconv_view_is_ordered(const struct snnconv_view *view);

bool snnconv_view_same_order(const struct snnconv_view *a, const struct snnconv_view *b);

/* The atoms that axis i of the old value is made of: start[i] .. start[i + 1]. False: an axis ends
 * within an atom. */
bool snnconv_view_groups(const struct snnconv_view *view, const struct snnconv_array *base,
                         const struct snnconv_array *old, uint32_t start[SNNCONV_RANK_MAX + 1]);

/* The axis of the base that each axis of the old value is; UINT32_MAX for one of one element that
 * is none. Axes of one element could be any that are left: `channel`, an axis of the old value, is
 * the base's axis 1 if it can. False: an axis is several of the base's. */
bool snnconv_view_axes(const struct snnconv_view *view, const struct snnconv_array *base,
                       const struct snnconv_array *old, uint32_t channel,
                       uint32_t map[SNNCONV_RANK_MAX]);

/* The same axes with the extents that `old` has now: what a node makes that keeps them. */
void snnconv_view_from_axes(struct snnconv_view *view, uint32_t base,
                            const struct snnconv_array *old, const uint32_t *map);

/* Which element of axis `axis` of the old value each element of the base is whose axes before are
 * not that axis's: from[p], p counting the elements of the axis's atoms in the order of the base;
 * [extent of the axis]. */
void snnconv_view_positions(const struct snnconv_view *view, const struct snnconv_array *base,
                            const uint32_t start[SNNCONV_RANK_MAX + 1], uint32_t axis,
                            uint32_t *from);

/* Row-major index `index` of an array as one index an axis. */
void snnconv_array_unravel(const struct snnconv_array *array, size_t index,
                           int64_t at[SNNCONV_RANK_MAX]);

bool snnconv_array_same_shape(const struct snnconv_array *a, const struct snnconv_array *b);

#endif
