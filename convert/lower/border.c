/* Biases that differ by position -> one a channel, as a core has them.
 *
 * They come from an input that is normalised and padded with zeros, which are not zero once the
 * normalisation is folded into the first layer: then only the borders of a map differ, and the rest
 * of it stays exact.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "convert/lower/form.h"
#include "libsnn/base/error.h"

static int compare(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* How many neurons lose a bias of their own, and the most that one loses. */
struct loss {
    size_t count;
    float most;
};

/* The lower median, so that it is some neuron's. `sorted` has room for all values. */
static float take_median(const float *values, size_t count, float *sorted, struct loss *loss)
{
    memcpy(sorted, values, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), compare);
    const float median = sorted[(count - 1) / 2];
    for (size_t i = 0; i < count; i++) {
        const float difference = fabsf(values[i] - median);
        loss->count += difference > 0.0f;
        loss->most = fmaxf(loss->most, difference);
    }
    return median;
}

static void warn(const struct snnconv_lowering *l, const struct snn_population *p,
                 const struct loss *loss)
{
    snnbase_diagnose(
        l->context, SNN_SEVERITY_WARNING, p->name,
        "borders differ where a normalised input meets zero padding: train without "
        "one of them, or make up for it by --correct bias",
        "%zu of %zu neurons lose their own bias, a chip has one a channel: the largest "
        "difference is %g",
        loss->count, p->bias_count, (double)loss->most);
}

int snnconv_form_bias(struct snnconv_lowering *l, struct snn_population *p)
{
    const size_t channels = p->shape.channels;
    if (p->bias_count <= channels) return SNN_OK;
    const size_t map = p->bias_count / channels;
    float *sorted = snnbase_alloc(l->context, map, sizeof(*sorted));
    float *bias = snnbase_arena_alloc(l->real, l->context, channels, sizeof(*bias));
    struct loss loss = {0, 0.0f};
    if (sorted != NULL && bias != NULL) {
        for (size_t c = 0; c < channels; c++)
            bias[c] = take_median(p->bias + c * map, map, sorted, &loss);
    }
    const bool done = sorted != NULL && bias != NULL;
    snnbase_free(l->context, sorted);
    if (!done) return SNN_ERR_NOMEM;
    if (loss.count > 0) warn(l, p, &loss);
    p->bias = bias;
    p->bias_count = channels;
    return SNN_OK;
}
