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

/* What is unpacked as it is read has no bound in memory, and gets one in time: what packed bytes
 * may unpack to. Recordings of cameras stay below 20 times their size. */
enum { SNNBASE_UNPACKED_RATIO = 250, SNNBASE_UNPACKED_FREE = 64 << 20 };

static inline uint64_t snnbase_unpacked_max(uint64_t packed)
{
    if (packed > UINT64_MAX / SNNBASE_UNPACKED_RATIO - SNNBASE_UNPACKED_FREE) return UINT64_MAX;
    return packed * SNNBASE_UNPACKED_RATIO + SNNBASE_UNPACKED_FREE;
}

/* True if the bytes start with the gzip magic. */
bool snnbase_gzip_probe(const void *data, size_t size);

/* Unpacks a whole gzip stream (all members) of at most `size_max` bytes; appends to `out`.
 * Errors: FORMAT (corrupt, truncated, with the byte offset), LIMIT, NOMEM. */
int snnbase_gzip_unpack(struct snn_context *context, const void *data, size_t size, size_t size_max,
                        struct snnbase_buffer *out);

/* The first bytes, at most `room` (> 0), that a gzip stream or the beginning of one unpacks to;
 * returns how many, 0 for one that is damaged. */
size_t snnbase_gzip_head(struct snn_context *context, const void *data, size_t size, void *out,
                         size_t room);

/* Unpacks a zlib stream to exactly `unpacked_size` bytes at `out`; anything else is FORMAT. */
int snnbase_zlib_unpack(struct snn_context *context, const void *data, size_t size, void *out,
                        size_t unpacked_size);

/* Packed bytes that do not stand in one piece: how many there are, and who hands out the next ones
 * (1 byte to 1 GiB, good until the next call). */
struct snnbase_pieces {
    size_t size;
    int (*next)(const unsigned char **piece_out, size_t *size_out, void *user);
    void *user;
};

/* The same for a stream that comes in pieces. Errors also those of `next`. */
int snnbase_zlib_unpack_pieces(struct snn_context *context, const struct snnbase_pieces *pieces,
                               void *out, size_t unpacked_size);

/* A gzip stream (all members) that is unpacked as it is read. Of the pieces only `next` and `user`
 * are asked for; a piece of 0 bytes is the end. */
struct snnbase_gunzip;

/* Errors: NOMEM. */
int snnbase_gunzip_open(struct snnbase_gunzip **out, struct snn_context *context,
                        const struct snnbase_pieces *pieces);
/* The next bytes, at least one of them and at most `room` (> 0); 0: the stream is over. Errors:
 * FORMAT (corrupt, truncated, with the packed byte), NOMEM, those of `next`. */
int snnbase_gunzip_read(struct snnbase_gunzip *gunzip, struct snn_context *context, void *to,
                        size_t room, size_t *size_out);
/* Takes the address, nulls it, accepts NULL. */
void snnbase_gunzip_close(struct snnbase_gunzip **gunzip);

/* As snnbase_zlib_unpack for a bare deflate stream (RFC 1951) without header and checksum, as zip
 * files hold. */
int snnbase_deflate_unpack(struct snn_context *context, const void *data, size_t size, void *out,
                           size_t unpacked_size);

/* Packs bytes that come in pieces to one zlib stream; the same bytes on every machine with the same
 * zlib for the same pieces. */
struct snnbase_packer;

/* zlib's levels; the highest takes up to a hundred times as long as the lowest that packs. */
enum { SNNBASE_PACK_STORE = 0, SNNBASE_PACK_FAST = 1, SNNBASE_PACK_BEST = 9 };

int snnbase_packer_open(struct snnbase_packer **out, struct snn_context *context, int level);

/* Packs the next piece and appends to `out` what is ready; all that is left with the last piece,
 * which may be empty. Errors: NOMEM. */
int snnbase_packer_push(struct snnbase_packer *packer, const void *data, size_t size, bool last,
                        struct snnbase_buffer *out);
void snnbase_packer_close(struct snnbase_packer **packer);

/* CRC-32 (IEEE 802.3, as in gzip and zip), continuing from `crc` (0 to start). */
uint32_t snnbase_crc32(uint32_t crc, const void *data, size_t size);

#endif
