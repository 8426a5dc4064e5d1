/* Fuzz target: a TFLite model, read into a program; and every constant of it is looked at.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convert/ir/program.h"
#include "convert/read/model.h"
#include "libsnn/base/memory.h"
#include "snn/status.h"
#include "tests/fuzz/bounded.h"
#include "tests/fuzz/target.h"

extern const struct snnconv_model_reader snnconv_tflite_reader;

enum { BYTES_MAX = 16 << 20 };

static const struct snn_limits limits = {
    .file_bytes = 1 << 18, .tensor_bytes = 1 << 16, .layer_count = 256};

/* Every scale stands for a channel that is there. */
static bool look_at_quantization(const struct snnconv_value *value)
{
    const struct snnconv_quantization *quantization = value->quantization;
    double sum = 0.0;
    if (quantization == NULL) return true;
    for (uint32_t i = 0; i < quantization->count; i++)
        sum += (double)quantization->scale[i] + quantization->zero_point[i];
    if (quantization->count == 1 || value->array.data == NULL) return sum == sum;
    return quantization->axis < value->array.rank &&
           value->array.dim[quantization->axis] == (int64_t)quantization->count;
}

static bool look_at(const struct snnconv_program *program)
{
    size_t characters = 0;
    double sum = 0.0;
    for (uint32_t i = 0; i < program->value_count; i++) {
        const struct snnconv_value *value = &program->values[i];
        size_t count = value->array.data != NULL ? snnconv_array_count(&value->array) : 0;
        for (size_t k = 0; k < count; k++)
            sum += snnconv_array_load(&value->array, k) > 0.0 ? 1.0 : 0.0;
        for (const char *at = value->name; *at != '\0'; at++)
            characters++;
        if (!look_at_quantization(value)) return false;
    }
    for (uint32_t i = 0; i < program->node_count; i++) {
        if (program->nodes[i].name[0] == '\0') return false;
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
    struct snnconv_program program;
    char *text = NULL;
    bool good = true;
    if (size == 0 || snn_context_create(&context, &options) != SNN_OK) return 0;
    snnconv_program_init(&program, context);
    int status = snnconv_tflite_reader.read(&program, context, &file, NULL);
    if (status == SNN_OK) good = look_at(&program);
    if (status == SNN_OK) status = snnconv_program_sort(&program, context);
    if (status == SNN_OK) (void)snnconv_program_format(&text, context, &program);
    snnbase_free(context, text);
    snnconv_program_fini(&program);
    snn_context_destroy(&context);
    return bounded_verdict(&bounded) != 0 || !good;
}
