/* Dense tensors of any element type and rank: what operators take and give.
 *
 * C order, native byte order, data aligned for its type. Rank 0 is a scalar with one element; an
 * extent of 0 makes an empty array. An array never owns its data.
 */
#ifndef SNN_CONVERT_IR_ARRAY_H
#define SNN_CONVERT_IR_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libsnn/base/memory.h"
#include "snn/context.h"

#define SNNCONV_RANK_MAX 8u

enum snnconv_type {
    SNNCONV_TYPE_NONE = 0, /* not known yet */
    SNNCONV_TYPE_F32,
    SNNCONV_TYPE_F64,
    SNNCONV_TYPE_F16,  /* uint16_t */
    SNNCONV_TYPE_BF16, /* uint16_t */
    SNNCONV_TYPE_I8,
    SNNCONV_TYPE_U8,
    SNNCONV_TYPE_I16,
    SNNCONV_TYPE_U16,
    SNNCONV_TYPE_I32,
    SNNCONV_TYPE_U32,
    SNNCONV_TYPE_I64,
    SNNCONV_TYPE_U64,
    SNNCONV_TYPE_BOOL, /* uint8_t, 0 or 1 */
    SNNCONV_TYPE_COUNT
};

struct snnconv_array {
    enum snnconv_type type;
    uint32_t rank;
    int64_t dim[SNNCONV_RANK_MAX]; /* not negative */
    const void *data;              /* NULL: only the shape is known */
};

/* "float32", ...; bytes of an element (0 for NONE). */
const char *snnconv_type_name(enum snnconv_type type);
size_t snnconv_type_size(enum snnconv_type type);
bool snnconv_type_is_float(enum snnconv_type type);

/* One float of a file, at any address and in either byte order; 0 for types of integers. */
double snnconv_type_load_float(enum snnconv_type type, const unsigned char *item, bool big_endian);

/* The elements of an array that the caller made and may write to. */
static inline void *snnconv_array_room(const struct snnconv_array *array)
{
    return (void *)(uintptr_t)array->data;
}

/* Number of elements; exact for every array whose shape snnconv_array_check accepted. */
size_t snnconv_array_count(const struct snnconv_array *array);

/* Holds a shape against the limits: extents not negative, bytes within tensor_bytes. Errors: LIMIT,
 * FORMAT. */
int snnconv_array_check(struct snn_context *context, const struct snnconv_array *array);

/* Room for the elements of an array of checked shape, zeroed, in the arena; sets array->data to it
 * and returns it. NULL: NOMEM. */
void *snnconv_array_alloc(struct snnconv_array *array, struct snn_context *context,
                          struct snnbase_arena *arena);

/* Element `index` as a number. For integers beyond 2^53 see the _integer form, which truncates
 * floats. */
double snnconv_array_load(const struct snnconv_array *array, size_t index);
int64_t snnconv_array_load_integer(const struct snnconv_array *array, size_t index);

/* Sets element `index` of an array that may be written to. Floats are rounded to nearest, ties to
 * even; a float for an integer is truncated and, beyond the range, the nearest end of it (NaN: 0);
 * an integer for a narrower one loses its upper bits. Any number but 0 is a true bool. */
void snnconv_array_store(struct snnconv_array *array, size_t index, double value);
void snnconv_array_store_integer(struct snnconv_array *array, size_t index, int64_t value);

/* A shape as "[1, 6, 5, 5]". */
enum { SNNCONV_ARRAY_TEXT_SIZE = 192 };
void snnconv_array_format(char text[SNNCONV_ARRAY_TEXT_SIZE], const struct snnconv_array *array);

#endif
