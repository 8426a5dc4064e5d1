/* Zstandard frames: the one place that knows libzstd. Frames are unpacked whole, straight to where
 * they go: no window is set aside that a header may lie about. What they unpack to is bounded by a
 * size that the caller names.
 *
 * The library keeps its own memory, about 100 KiB, as its calls that take an allocator are not part
 * of its stable interface. Format: RFC 8878.
 */
#ifndef SNN_BASE_ZSTD_H
#define SNN_BASE_ZSTD_H

#include <stddef.h>

#include "libsnn/base/buffer.h"
#include "snn/context.h"

/* All zero before the first frame; then good for any number of frames. */
struct snnbase_zstd {
    void *decoder;
};

/* Appends what frames of together `size` bytes unpack to, at most `size_max` bytes. Errors: FORMAT
 * (damaged, cut off, followed by other bytes), LIMIT, NOMEM, UNSUPPORTED (a build without
 * libzstd); `out` then holds what it held. */
int snnbase_zstd_unpack(struct snnbase_zstd *zstd, struct snn_context *context, const void *data,
                        size_t size, size_t size_max, struct snnbase_buffer *out);
void snnbase_zstd_fini(struct snnbase_zstd *zstd);

#endif
