/* Fuzz target: an ONNX file, read into a program, sorted, printed and, where it is small, run.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convert/read/model.h"
#include "libsnn/base/memory.h"
#include "snn/status.h"
#include "tests/fuzz/bounded.h"
#include "tests/fuzz/target.h"

extern const struct snnconv_model_reader snnconv_onnx_reader;

enum { BYTES_MAX = 64 << 20, RUN_NODES_MAX = 64 };

static const struct snn_limits limits = {
    .file_bytes = 1 << 18, .tensor_bytes = 1 << 16, .layer_count = 1024, .json_node_count = 4096};

/* Every element that a shape promises is there. */
static bool look_at(const struct snnconv_program *program)
{
    double sum = 0.0;
    for (uint32_t i = 0; i < program->value_count; i++) {
        const struct snnconv_array *array = &program->values[i].array;
        size_t count = array->data != NULL ? snnconv_array_count(array) : 0;
        for (size_t k = 0; k < count; k++)
            sum += snnconv_array_load(array, k) > 0.0 ? 1.0 : 0.0;
    }
    return sum >= 0.0;
}

/* One frame of zeros through all nodes; what they say of it does not matter. */
static void run(const struct snnconv_program *program, struct snn_context *context)
{
    struct snnbase_arena arena;
    struct snnconv_array *inputs = snnbase_alloc(context, program->input_count, sizeof(*inputs));
    struct snnconv_array *values = snnbase_alloc(context, program->value_count, sizeof(*values));
    bool ready = inputs != NULL && values != NULL && program->node_count <= RUN_NODES_MAX;
    snnbase_arena_init(&arena, context);
    for (uint32_t i = 0; ready && i < program->input_count; i++) {
        inputs[i] = program->values[program->inputs[i]].array;
        ready = snnconv_array_alloc(&inputs[i], context, &arena) != NULL;
    }
    if (ready) (void)snnconv_program_run(program, context, inputs, values, &arena);
    snnbase_arena_fini(&arena);
    snnbase_free(context, inputs);
    snnbase_free(context, values);
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
    (void)snnconv_onnx_reader.probe(data, size);
    snnconv_program_init(&program, context);
    if (snnconv_onnx_reader.read(&program, context, &file, NULL) == SNN_OK) {
        good = look_at(&program);
        if (snnconv_program_sort(&program, context) == SNN_OK) run(&program, context);
        if (snnconv_program_format(&text, context, &program) == SNN_OK) snnbase_free(context, text);
    }
    snnconv_program_fini(&program);
    snn_context_destroy(&context);
    return bounded_verdict(&bounded) != 0 || !good;
}
