/* Fuzz target: a file of weights of any format, read into tensors; and what was read is looked at.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convert/weights.h"
#include "snn/status.h"
#include "tests/fuzz/bounded.h"
#include "tests/fuzz/target.h"

enum { BYTES_MAX = 16 << 20 };

static const struct snn_limits limits = {
    .file_bytes = 1 << 18, .tensor_bytes = 1 << 16, .json_node_count = 4096};

/* Every value that a shape promises is there, and every name ends. */
static bool look_at(const struct snnconv_tensors *tensors)
{
    size_t count = 0, characters = 0;
    double sum = 0.0;
    for (size_t i = 0; i < tensors->count; i++) {
        const struct snnconv_tensor *tensor = &tensors->items[i];
        if (!snnconv_tensor_size(tensor->rank, tensor->dim, &count) || count != tensor->count)
            return false;
        for (size_t k = 0; k < count; k++)
            sum += tensor->values[k] > 0.0f ? 1.0 : 0.0;
        for (const char *at = tensor->name; *at != '\0'; at++)
            characters++;
    }
    return sum + (double)characters >= 0.0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bounded bounded = {.bytes_max = BYTES_MAX};
    const struct snn_context_options options = {.allocator = bounded_allocator(&bounded),
                                                .limits = limits};
    const struct snnconv_file file = {"input", data, size};
    struct snn_context *context = NULL;
    struct snnconv_tensors tensors;
    bool good = true;
    if (size == 0 || snn_context_create(&context, &options) != SNN_OK) return 0;
    snnconv_tensors_init(&tensors, context);
    if (snnconv_weights_read(&tensors, context, &file) == SNN_OK) good = look_at(&tensors);
    snnconv_tensors_fini(&tensors, context);
    snn_context_destroy(&context);
    return bounded_verdict(&bounded) != 0 || !good;
}
