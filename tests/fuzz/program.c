/* Fuzz target: a chip program from its text to a run on its chip.
 */
#include <stddef.h>

#include "snn/snn.h"
#include "tests/fuzz/bounded.h"
#include "tests/fuzz/target.h"
#include "tests/fuzz/whole.h"

enum { BYTES_MAX = 64 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bounded bounded = {.bytes_max = BYTES_MAX};
    const struct snn_context_options options = {.allocator = bounded_allocator(&bounded),
                                                .limits = whole_limits};
    struct snn_context *context = NULL;
    struct snn_program *program = NULL;
    if (snn_context_create(&context, &options) != SNN_OK) return 0;
    if (snn_program_parse(&program, context, (const char *)data, size) == SNN_OK)
        whole_run_program(context, program);
    snn_program_destroy(&program);
    snn_context_destroy(&context);
    return bounded_verdict(&bounded);
}
