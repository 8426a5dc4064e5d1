/* Changes to an input that lead further into a parser than random bytes do: cut and spliced pieces,
 * numbers and length fields at their extremes, strings and JSON values that change places.
 */
#ifndef TESTS_FUZZ_MUTATE_H
#define TESTS_FUZZ_MUTATE_H

#include <stddef.h>
#include <stdint.h>

/* Changes `data` (`size` bytes in a block of `capacity`) in one to four places and returns the new
 * size. Pieces may come from `donor`. The same arguments always give the same bytes. */
size_t mutate(uint8_t *data, size_t size, size_t capacity, const uint8_t *donor, size_t donor_size,
              uint64_t seed);

#endif
