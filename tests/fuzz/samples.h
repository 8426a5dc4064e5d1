/* What the fuzz targets of data formats share: bytes through one format as frames, as recorded
 * spikes and as labels, and a look at everything that it hands over.
 */
#ifndef TESTS_FUZZ_SAMPLES_H
#define TESTS_FUZZ_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

/* The result of the fuzz target for the format of this name in snn_source_table. */
int samples_read(const char *format, const uint8_t *data, size_t size);

#endif
