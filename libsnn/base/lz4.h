/* LZ4 frames: the one place that knows liblz4. A frame is unpacked whole, and what it unpacks to is
 * bounded by a size that the caller names, whatever the frame says of itself.
 *
 * The library keeps its own memory, 8.2 MiB at the most, as its calls that take an allocator are
 * not part of its stable interface. Format:
 * https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md
 */
#ifndef SNN_BASE_LZ4_H
#define SNN_BASE_LZ4_H

#include <stddef.h>

#include "libsnn/base/buffer.h"
#include "snn/context.h"

/* All zero before the first frame; then good for any number of frames. */
struct snnbase_lz4 {
    void *decoder;
};

/* Appends what exactly one frame of `size` bytes unpacks to, at most `size_max` bytes. Errors:
 * FORMAT (damaged, cut off, followed by other bytes), LIMIT, NOMEM, UNSUPPORTED (a build without
 * liblz4); `out` then holds what it held. */
int snnbase_lz4_unpack(struct snnbase_lz4 *lz4, struct snn_context *context, const void *data,
                       size_t size, size_t size_max, struct snnbase_buffer *out);
void snnbase_lz4_fini(struct snnbase_lz4 *lz4);

#endif
