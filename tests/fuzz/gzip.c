/* Fuzz target: unpacking gzip, within a bound on the result that bombs exceed. */
#include "libsnn/base/inflate.h"

#include "snn/context.h"
#include "snn/status.h"
#include "tests/fuzz/target.h"

enum { UNPACKED_MAX = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct snn_context *context = NULL;
    struct snnbase_buffer unpacked = {0};
    if (snn_context_create(&context, NULL) != SNN_OK) return 0;
    int status = snnbase_gzip_unpack(context, data, size, UNPACKED_MAX, &unpacked);
    int result = status == SNN_OK && unpacked.size > UNPACKED_MAX;
    snnbase_buffer_fini(context, &unpacked);
    snn_context_destroy(&context);
    return result;
}
