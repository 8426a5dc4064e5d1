/* What the tests of this room add to the common support: NPY files, and opening sources or being
 * refused.
 */
#ifndef TESTS_UNIT_STREAM_SUPPORT_H
#define TESTS_UNIT_STREAM_SUPPORT_H

#include <stddef.h>

#include "snn/stream.h"
#include "tests/unit/support.h"

/* Writes an NPY file: magic, version, the dictionary as it stands, data. */
const char *support_put_npy(const char *name, const char *dictionary, const void *data,
                            size_t size);

struct snn_source *support_open(const char *name, enum snn_source_kind kind);

/* Asserts that opening `name` of the folder gives this status and the message "PATH: MESSAGE". */
void support_refuse(const char *name, enum snn_source_kind kind, int status, const char *message);

#endif
