/* Bytes as a file, for functions that take a path: one nameless file a process and slot, written
 * anew for every input.
 */
#ifndef TESTS_FUZZ_FILE_H
#define TESTS_FUZZ_FILE_H

#include <stddef.h>
#include <stdint.h>

enum { FILE_SLOTS = 2 };

/* A path below which the bytes are found until the slot's next use; NULL: no such file to be had.
 */
const char *file_of(unsigned slot, const void *data, size_t size);

#endif
