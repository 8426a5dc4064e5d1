/* Packed bytes: the one place that knows zlib. Every call is bounded by a size the caller names, so
 * that a small file cannot ask for all memory.
 */
#ifndef SNN_BASE_INFLATE_H
#define SNN_BASE_INFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libsnn/base/buffer.h"
#include "snn/context.h"

/* True if the bytes start with the gzip magic. */
bool snnbase_gzip_probe(const void *data, size_t size);

/* Unpacks a whole gzip stream (all members) of at most `size_max` bytes; appends to `out`.
 * Errors: FORMAT (corrupt, truncated, with the byte offset), LIMIT, NOMEM. */
int snnbase_gzip_unpack(struct snn_context *context, const void *data, size_t size, size_t size_max,
                        struct snnbase_buffer *out);

/* Unpacks a zlib stream to exactly `unpacked_size` bytes at `out`; anything else is FORMAT. */
int snnbase_zlib_unpack(struct snn_context *context, const void *data, size_t size, void *out,
                        size_t unpacked_size);

/* The same for a bare deflate stream (RFC 1951) without header and checksum, as zip files hold. */
int snnbase_deflate_unpack(struct snn_context *context, const void *data, size_t size, void *out,
                           size_t unpacked_size);

/* Packs with zlib level 9; the same bytes on every machine with the same zlib. Appends to `out`. */
int snnbase_zlib_pack(struct snn_context *context, const void *data, size_t size,
                      struct snnbase_buffer *out);

/* CRC-32 (IEEE 802.3, as in gzip and zip), continuing from `crc` (0 to start). */
uint32_t snnbase_crc32(uint32_t crc, const void *data, size_t size);

#endif
