/* Fuzz target: HDF5 files and .keras archives through the Keras reader, so each input through a
 * child process of its own; and the same bytes as what a child that was taken over would say.
 */
#include <stddef.h>
#include <stdint.h>

#include "convert/read/hdf5_lib.h"
#include "convert/read/model.h"
#include "snn/status.h"
#include "tests/fuzz/bounded.h"
#include "tests/fuzz/target.h"

enum { BYTES_MAX = 32 << 20 };

extern const struct snnconv_model_reader snnconv_keras_reader;

static const struct snn_limits limits = {
    .file_bytes = 1 << 20, .tensor_bytes = 1 << 18, .layer_count = 256, .json_node_count = 4096};

static void decode(struct snn_context *context, const uint8_t *data, size_t size)
{
    struct snnbase_arena arena;
    struct snnconv_hdf5_item *root = NULL;
    snnbase_arena_init(&arena, context);
    (void)snnconv_hdf5_decode(&root, context, &arena, data, size);
    snnbase_arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bounded bounded = {.bytes_max = BYTES_MAX};
    const struct snn_context_options options = {.allocator = bounded_allocator(&bounded),
                                                .limits = limits};
    const struct snnconv_file file = {"input", data, size};
    struct snn_context *context = NULL;
    struct snnconv_program program;
    if (size == 0 || snn_context_create(&context, &options) != SNN_OK) return 0;
    decode(context, data, size);
    if (snnconv_keras_reader.probe(data, size) > 0) {
        snnconv_program_init(&program, context);
        if (snnconv_keras_reader.read(&program, context, &file, NULL) == SNN_OK)
            (void)snnconv_program_sort(&program, context);
        snnconv_program_fini(&program);
    }
    snn_context_destroy(&context);
    return bounded_verdict(&bounded) != 0;
}
