/* What a fuzz target is: one function on arbitrary bytes, under the name that libFuzzer calls. It
 * must return 0, whatever the bytes are; what it must not do is crash, leak, or read beyond them.
 */
#ifndef TESTS_FUZZ_TARGET_H
#define TESTS_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
