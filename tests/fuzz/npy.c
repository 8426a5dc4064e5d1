/* Fuzz target: NPY files, as frames, recorded spikes and labels. */
#include "tests/fuzz/samples.h"
#include "tests/fuzz/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return samples_read("npy", data, size);
}
