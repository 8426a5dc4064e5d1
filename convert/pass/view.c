/* Arithmetic of views, see view.h. Shapes are checked ones: their products fit. */
#include "convert/pass/view.h"

#include <stddef.h>

bool snnconv_array_same_shape(const struct snnconv_array *a, const struct snnconv_array *b)
{
    bool same = a->rank == b->rank;
    for (uint32_t i = 0; i < a->rank && same; i++)
        same = a->dim[i] == b->dim[i];
    return same;
}

void snnconv_array_unravel(const struct snnconv_array *array, size_t index,
                           int64_t at[SNNCONV_RANK_MAX])
{
    for (uint32_t i = array->rank; i-- > 0;) {
        size_t extent = (size_t)array->dim[i];
        at[i] = (int64_t)(index % extent);
        index /= extent;
    }
}

void snnconv_view_identity(struct snnconv_view *view, uint32_t base,
                           const struct snnconv_array *array)
{
    *view = (struct snnconv_view){.base = base};
    for (uint32_t i = 0; i < array->rank; i++) {
        if (array->dim[i] != 1) view->atom[view->count++] = i;
    }
}

bool snnconv_view_is_ordered(const struct snnconv_view *view)
{
    for (uint32_t i = 1; i < view->count; i++) {
        if (view->atom[i - 1] > view->atom[i]) return false;
    }
    return view->from == NULL;
}

bool snnconv_view_same_order(const struct snnconv_view *a, const struct snnconv_view *b)
{
    bool same = a->count == b->count && a->from == b->from;
    for (uint32_t i = 0; i < a->count && same; i++)
        same = a->atom[i] == b->atom[i];
    return same;
}

bool snnconv_view_groups(const struct snnconv_view *view, const struct snnconv_array *base,
                         const struct snnconv_array *old, uint32_t start[SNNCONV_RANK_MAX + 1])
{
    uint32_t next = 0;
    for (uint32_t i = 0; i < old->rank; i++) {
        int64_t product = 1;
        start[i] = next;
        while (product < old->dim[i] && next < view->count)
            product *= base->dim[view->atom[next++]];
        if (product != old->dim[i]) return false;
    }
    start[old->rank] = next;
    return next == view->count;
}

static bool is_taken(const uint32_t *map, uint32_t rank, uint32_t axis)
{
    for (uint32_t i = 0; i < rank; i++) {
        if (map[i] == axis) return true;
    }
    return false;
}

/* The axis of one element that an old one of one element becomes: rows and columns come first, the
 * frame and the channel are asked for by name. */
static uint32_t free_axis(const struct snnconv_array *base, const uint32_t *map, uint32_t rank)
{
    for (uint32_t axis = base->rank; axis-- > 1;) {
        uint32_t candidate = axis == 1 ? 1 : base->rank + 1 - axis; /* 2, 3, ..., 1 */
        if (candidate < base->rank && base->dim[candidate] == 1 && !is_taken(map, rank, candidate))
            return candidate;
    }
    return UINT32_MAX;
}

bool snnconv_view_axes(const struct snnconv_view *view, const struct snnconv_array *base,
                       const struct snnconv_array *old, uint32_t channel,
                       uint32_t map[SNNCONV_RANK_MAX])
{
    uint32_t start[SNNCONV_RANK_MAX + 1];
    if (!snnconv_view_groups(view, base, old, start)) return false;
    for (uint32_t i = 0; i < old->rank; i++) {
        if (start[i + 1] - start[i] > 1) return false;
        map[i] = start[i + 1] > start[i] ? view->atom[start[i]] : UINT32_MAX;
    }
    if (channel < old->rank && map[channel] == UINT32_MAX && base->rank > 1 && base->dim[1] == 1 &&
        !is_taken(map, old->rank, 1))
        map[channel] = 1;
    if (old->rank > 0 && map[0] == UINT32_MAX && base->dim[0] == 1 && !is_taken(map, old->rank, 0))
        map[0] = 0;
    for (uint32_t i = 0; i < old->rank; i++) {
        if (map[i] == UINT32_MAX) map[i] = free_axis(base, map, old->rank);
    }
    return true;
}

void snnconv_view_from_axes(struct snnconv_view *view, uint32_t base,
                            const struct snnconv_array *old, const uint32_t *map)
{
    *view = (struct snnconv_view){.base = base};
    for (uint32_t i = 0; i < old->rank; i++) {
        if (old->dim[i] != 1) view->atom[view->count++] = map[i];
    }
}

void snnconv_view_positions(const struct snnconv_view *view, const struct snnconv_array *base,
                            const uint32_t start[SNNCONV_RANK_MAX + 1], uint32_t axis,
                            uint32_t *from)
{
    struct snnconv_array sorted = {.rank = 0}; /* the atoms in the order of the base */
    size_t weight[SNNCONV_RANK_MAX] = {0};     /* elements of the old axis a step of each */
    size_t count = 1;
    for (uint32_t a = 0; a < base->rank; a++) {
        size_t step = 1;
        for (uint32_t k = start[axis + 1]; k-- > start[axis];) {
            if (view->atom[k] == a) {
                weight[sorted.rank] = step;
                sorted.dim[sorted.rank++] = base->dim[a];
                count *= (size_t)base->dim[a];
            }
            step *= (size_t)base->dim[view->atom[k]];
        }
    }
    for (size_t p = 0; p < count; p++) {
        int64_t at[SNNCONV_RANK_MAX];
        size_t old = 0;
        snnconv_array_unravel(&sorted, p, at);
        for (uint32_t k = 0; k < sorted.rank; k++)
            old += (size_t)at[k] * weight[k];
        from[p] = view->from != NULL && count > 1 ? view->from[p] : (uint32_t)old;
    }
}
