/* Memory for a fuzz target's context: counted, and refused beyond a bound, so that an input that
 * asks for too much, or a block that nobody frees, is a finding. One input at a time.
 */
#ifndef TESTS_FUZZ_BOUNDED_H
#define TESTS_FUZZ_BOUNDED_H

#include <stdbool.h>
#include <stddef.h>

#include "snn/context.h"

struct bounded {
    size_t bytes_max;
    size_t bytes; /* held at the moment */
    size_t bytes_peak;
    size_t block_count;
    bool exceeded;
};

/* An allocator that counts in `bounded`, whose bytes_max the caller has set. */
struct snn_allocator bounded_allocator(struct bounded *bounded);

/* 0 if all is freed and the bound was never hit; else 1 with a line on stderr. */
int bounded_verdict(const struct bounded *bounded);

#endif
