/* The inner loops of convolutions and matrix products, and the types of number they run on.
 *
 *   elements           factors   sums
 *   float32, 16, bf16  float32   float32
 *   float64            float64   float64
 *   int8, uint8        int16     int32      what lies above the zero point; sums wrap
 *   other integers     int64     int64      sums wrap
 *
 * Control flow is the caller's: these are straight loops over memory that is known to be there.
 */
#ifndef SNN_CONVERT_IR_OP_LANES_H
#define SNN_CONVERT_IR_OP_LANES_H

#include <stddef.h>

#include "convert/ir/array.h"
#include "snn/context.h"

struct snnconv_lanes {
    enum snnconv_type factor, sum;
    /* sum[i] += weights[k] * plane[taps[k] + i] for i < count, one k after the other. */
    void (*accumulate)(void *sum, const void *plane, const size_t *taps, const void *weights,
                       size_t tap_count, size_t count);
    /* *sum = a[0] * b[0] + ... in eight partial sums. */
    void (*dot)(void *sum, const void *a, const void *b, size_t count);
    /* sum[i] += *value, which is a sum too. */
    void (*add)(void *sum, const void *value, size_t count);
};

/* For elements of float types, or integers as they are. */
const struct snnconv_lanes *snnconv_lanes_of(enum snnconv_type type);
/* For int8 and uint8 above their zero points. */
extern const struct snnconv_lanes snnconv_lanes_quantized;

/* The elements of `array` as `type`: their own data, or copies in a block that *block_out then
 * holds (to be freed with snnbase_free; else NULL). */
int snnconv_lanes_load(const void **out, struct snn_context *context, enum snnconv_type type,
                       const struct snnconv_array *array, void **block_out);

/* Room for what becomes the elements of `out`, of `type`: its own, or a block as above. */
int snnconv_lanes_begin(struct snnconv_array *sums_out, struct snn_context *context,
                        enum snnconv_type type, const struct snnconv_array *out, void **block_out);
/* Puts it there. */
void snnconv_lanes_store(struct snnconv_array *out, const struct snnconv_array *sums);

#endif
