/* Packed bytes in and out: the one file that includes zlib.
 *
 * zlib counts in unsigned int and works in whatever pieces it is given; the helpers here hand over
 * pieces of bounded size, so that data of any length passes. All of zlib's memory comes from the
 * context's allocator. Offsets in messages count the packed bytes.
 */
#define ZLIB_CONST /* next_in points to const */
#include "libsnn/base/inflate.h"

#include <zlib.h>

#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"
#include "libsnn/base/size.h"

enum {
    CHUNK_SIZE = 16384,
    WINDOW_BITS_ZLIB = MAX_WBITS,
    WINDOW_BITS_GZIP = MAX_WBITS + 16,
    WINDOW_BITS_DEFLATE = -MAX_WBITS,
};

/* The largest piece given to zlib at once; below the range of its uInt. */
#define PIECE_MAX ((size_t)1 << 30)

struct unpacker {
    z_stream stream;
    struct snn_context *context;
    struct snn_allocator allocator; /* a copy: zlib takes a pointer to it that is not const */
    const struct snnbase_pieces
        *pieces; /* where the bytes come from; NULL: they are in one piece */
    size_t size; /* of all packed bytes */
    size_t fed;  /* handed to zlib so far, consumed or not */
};

static voidpf zlib_allocate(voidpf opaque, uInt count, uInt size)
{
    const struct snn_allocator *allocator = opaque;
    size_t bytes;
    if (!snnbase_size_mul(count, size, &bytes)) return Z_NULL;
    return snnbase_allocator_alloc(allocator, bytes);
}

static void zlib_release(voidpf opaque, voidpf memory)
{
    const struct snn_allocator *allocator = opaque;
    snnbase_allocator_free(allocator, memory);
}

static void stream_init(z_stream *stream, struct snn_allocator *allocator)
{
    *stream = (z_stream){.zalloc = zlib_allocate, .zfree = zlib_release, .opaque = allocator};
}

static int fail_zlib_nomem(struct snn_context *context)
{
    return snnbase_fail(context, SNN_ERR_NOMEM, "out of memory in zlib");
}

static int unpacker_init(struct unpacker *unpacker, struct snn_context *context, const void *data,
                         size_t size, int window_bits)
{
    unpacker->context = context;
    unpacker->allocator = *snnbase_allocator(context);
    unpacker->pieces = NULL;
    unpacker->size = size;
    unpacker->fed = 0;
    stream_init(&unpacker->stream, &unpacker->allocator);
    unpacker->stream.next_in = data;
    int result = inflateInit2(&unpacker->stream, window_bits);
    if (result == Z_OK) return SNN_OK;
    if (result == Z_MEM_ERROR) return fail_zlib_nomem(context);
    return snnbase_fail(context, SNN_ERR_INTERNAL, "zlib does not start (%d)", result);
}

/* Packed bytes consumed so far. */
static size_t unpacker_offset(const struct unpacker *unpacker)
{
    return unpacker->fed - unpacker->stream.avail_in;
}

static int unpacker_feed(struct unpacker *unpacker)
{
    size_t piece = unpacker->size - unpacker->fed;
    if (unpacker->stream.avail_in > 0 || piece == 0) return SNN_OK;
    if (unpacker->pieces) {
        size_t given = 0;
        int status =
            unpacker->pieces->next(&unpacker->stream.next_in, &given, unpacker->pieces->user);
        if (status != SNN_OK) return status;
        if (piece > given) piece = given;
    }
    if (piece > PIECE_MAX) piece = PIECE_MAX;
    unpacker->stream.avail_in = (uInt)piece; /* of one piece: next_in already stands there */
    unpacker->fed += piece;
    return SNN_OK;
}

/* Unpacks up to `room` (> 0) bytes to `to`. *end tells that the stream ended; otherwise at least
 * one byte was made. */
static int unpacker_run(struct unpacker *unpacker, unsigned char *to, size_t room, size_t *made_out,
                        bool *end)
{
    z_stream *stream = &unpacker->stream;
    stream->next_out = to;
    stream->avail_out = (uInt)(room < PIECE_MAX ? room : PIECE_MAX);
    int result = Z_OK;
    while (result == Z_OK && stream->next_out == to) {
        int status = unpacker_feed(unpacker);
        if (status != SNN_OK) return status;
        result = inflate(stream, Z_NO_FLUSH);
    }
    size_t offset = unpacker_offset(unpacker);
    *made_out = (size_t)(stream->next_out - to);
    *end = result == Z_STREAM_END;
    if (result == Z_OK || result == Z_STREAM_END) return SNN_OK;
    if (result == Z_MEM_ERROR) return fail_zlib_nomem(unpacker->context);
    if (result == Z_BUF_ERROR) {
        return snnbase_fail(unpacker->context, SNN_ERR_FORMAT, "truncated at byte %zu", offset);
    }
    if (result == Z_NEED_DICT) {
        return snnbase_fail(unpacker->context, SNN_ERR_FORMAT,
                            "byte %zu: packed with a preset dictionary", offset);
    }
    return snnbase_fail(unpacker->context, SNN_ERR_FORMAT, "byte %zu: %s", offset,
                        stream->msg ? stream->msg : "not packed data");
}

bool snnbase_gzip_probe(const void *data, size_t size)
{
    const unsigned char *bytes = data;
    return size >= 2 && bytes[0] == 0x1F && bytes[1] == 0x8B;
}

/* One member, from the packed offset reached; `size_max` bounds what is appended to `out`. */
static int gzip_member_unpack(struct unpacker *unpacker, size_t size_max, size_t *unpacked,
                              struct snnbase_buffer *out)
{
    unsigned char chunk[CHUNK_SIZE];
    bool end = false;
    while (!end) {
        size_t made = 0;
        int status = unpacker_run(unpacker, chunk, sizeof(chunk), &made, &end);
        if (status != SNN_OK) return status;
        if (made > size_max - *unpacked) {
            return snnbase_fail(unpacker->context, SNN_ERR_LIMIT,
                                "unpacks to more than the limit of %zu bytes (at packed byte %zu)",
                                size_max, unpacker_offset(unpacker));
        }
        *unpacked += made;
        status = snnbase_buffer_append(unpacker->context, out, chunk, made);
        if (status != SNN_OK) return status;
    }
    return SNN_OK;
}

/* A gzip file may hold several members one after the other; they unpack to one stream. */
static int gzip_members_unpack(struct unpacker *unpacker, const unsigned char *bytes,
                               size_t size_max, struct snnbase_buffer *out)
{
    size_t unpacked = 0;
    for (;;) {
        int status = gzip_member_unpack(unpacker, size_max, &unpacked, out);
        if (status != SNN_OK) return status;
        size_t offset = unpacker_offset(unpacker);
        size_t left = unpacker->size - offset;
        if (left == 0) return SNN_OK;
        if (!snnbase_gzip_probe(bytes + offset, left)) {
            return snnbase_fail(unpacker->context, SNN_ERR_FORMAT,
                                "byte %zu: %zu bytes that are not gzip follow the packed data",
                                offset, left);
        }
        if (inflateReset(&unpacker->stream) != Z_OK) {
            return snnbase_fail(unpacker->context, SNN_ERR_INTERNAL, "zlib does not restart");
        }
    }
}

int snnbase_gzip_unpack(struct snn_context *context, const void *data, size_t size, size_t size_max,
                        struct snnbase_buffer *out)
{
    struct unpacker unpacker;
    int status = unpacker_init(&unpacker, context, data, size, WINDOW_BITS_GZIP);
    if (status != SNN_OK) return status;
    size_t size_before = out->size;
    status = gzip_members_unpack(&unpacker, data, size_max, out);
    if (status != SNN_OK) out->size = size_before;
    inflateEnd(&unpacker.stream);
    return status;
}

size_t snnbase_gzip_head(struct snn_context *context, const void *data, size_t size, void *out,
                         size_t room)
{
    struct unpacker unpacker;
    size_t made = 0;
    bool end = false;
    if (unpacker_init(&unpacker, context, data, size, WINDOW_BITS_GZIP) != SNN_OK) return 0;
    if (unpacker_run(&unpacker, out, room, &made, &end) != SNN_OK) made = 0;
    inflateEnd(&unpacker.stream);
    return made;
}

struct snnbase_gunzip {
    struct unpacker unpacker;
    struct snnbase_pieces pieces;
    uint64_t members; /* that ended */
    bool between;     /* two of them, or behind the last */
};

int snnbase_gunzip_open(struct snnbase_gunzip **out, struct snn_context *context,
                        const struct snnbase_pieces *pieces)
{
    struct snnbase_gunzip *gunzip = snnbase_alloc(context, 1, sizeof(*gunzip));
    if (!gunzip) return SNN_ERR_NOMEM;
    int status = unpacker_init(&gunzip->unpacker, context, NULL, SIZE_MAX, WINDOW_BITS_GZIP);
    if (status != SNN_OK) {
        snnbase_free(context, gunzip);
        return status;
    }
    gunzip->pieces = *pieces;
    gunzip->unpacker.pieces = &gunzip->pieces;
    *out = gunzip;
    return SNN_OK;
}

/* Looks whether another member follows. */
static int gunzip_go_on(struct snnbase_gunzip *gunzip, bool *over)
{
    struct unpacker *unpacker = &gunzip->unpacker;
    int status = unpacker_feed(unpacker);
    *over = status == SNN_OK && unpacker->stream.avail_in == 0;
    if (status != SNN_OK || *over) return status;
    gunzip->between = false;
    if (inflateReset(&unpacker->stream) == Z_OK) return SNN_OK;
    return snnbase_fail(unpacker->context, SNN_ERR_INTERNAL, "zlib does not restart");
}

int snnbase_gunzip_read(struct snnbase_gunzip *gunzip, struct snn_context *context, void *to,
                        size_t room, size_t *size_out)
{
    struct unpacker *unpacker = &gunzip->unpacker;
    size_t made = 0;
    bool over = false;
    unpacker->context = context;
    while (made == 0 && !over) {
        int status = gunzip->between ? gunzip_go_on(gunzip, &over) : SNN_OK;
        if (status != SNN_OK) return status;
        if (over) break;
        status = unpacker_run(unpacker, to, room, &made, &gunzip->between);
        if (status == SNN_ERR_FORMAT && gunzip->members > 0 && unpacker->stream.total_out == 0) {
            return snnbase_fail(context, status, "byte %zu: no gzip follows the packed data",
                                unpacker_offset(unpacker));
        }
        if (status != SNN_OK) return status;
        if (gunzip->between) gunzip->members++;
    }
    *size_out = made;
    return SNN_OK;
}

void snnbase_gunzip_close(struct snnbase_gunzip **gunzip)
{
    if (!gunzip || !*gunzip) return;
    struct snn_allocator allocator = (*gunzip)->unpacker.allocator;
    inflateEnd(&(*gunzip)->unpacker.stream);
    snnbase_allocator_free(&allocator, *gunzip);
    *gunzip = NULL;
}

/* Fills out[0..unpacked_size-1] and requires the stream to end there. */
static int zlib_fill(struct unpacker *unpacker, unsigned char *out, size_t unpacked_size)
{
    size_t unpacked = 0;
    bool end = false;
    while (!end) {
        /* One byte beyond the promise, so that a longer stream shows and a checksum is read. */
        unsigned char beyond;
        bool full = unpacked == unpacked_size;
        size_t made = 0;
        int status = unpacker_run(unpacker, full ? &beyond : out + unpacked,
                                  full ? 1 : unpacked_size - unpacked, &made, &end);
        if (status != SNN_OK) return status;
        if (full && made > 0) {
            return snnbase_fail(unpacker->context, SNN_ERR_FORMAT,
                                "unpacks to more than the %zu bytes promised", unpacked_size);
        }
        unpacked += made;
    }
    if (unpacked < unpacked_size) {
        return snnbase_fail(unpacker->context, SNN_ERR_FORMAT, "unpacks to %zu bytes, %zu promised",
                            unpacked, unpacked_size);
    }
    size_t offset = unpacker_offset(unpacker);
    if (offset < unpacker->size) {
        return snnbase_fail(unpacker->context, SNN_ERR_FORMAT,
                            "byte %zu: %zu bytes follow the packed data", offset,
                            unpacker->size - offset);
    }
    return SNN_OK;
}

static int unpack_exactly(struct unpacker *unpacker, void *out, size_t unpacked_size)
{
    int status = zlib_fill(unpacker, out, unpacked_size);
    inflateEnd(&unpacker->stream);
    return status;
}

int snnbase_zlib_unpack(struct snn_context *context, const void *data, size_t size, void *out,
                        size_t unpacked_size)
{
    struct unpacker unpacker;
    int status = unpacker_init(&unpacker, context, data, size, WINDOW_BITS_ZLIB);
    return status == SNN_OK ? unpack_exactly(&unpacker, out, unpacked_size) : status;
}

int snnbase_zlib_unpack_pieces(struct snn_context *context, const struct snnbase_pieces *pieces,
                               void *out, size_t unpacked_size)
{
    struct unpacker unpacker;
    int status = unpacker_init(&unpacker, context, NULL, pieces->size, WINDOW_BITS_ZLIB);
    unpacker.pieces = pieces;
    return status == SNN_OK ? unpack_exactly(&unpacker, out, unpacked_size) : status;
}

int snnbase_deflate_unpack(struct snn_context *context, const void *data, size_t size, void *out,
                           size_t unpacked_size)
{
    struct unpacker unpacker;
    int status = unpacker_init(&unpacker, context, data, size, WINDOW_BITS_DEFLATE);
    return status == SNN_OK ? unpack_exactly(&unpacker, out, unpacked_size) : status;
}

struct snnbase_packer {
    z_stream stream;
    struct snn_context *context;
    struct snn_allocator allocator; /* a copy, as an unpacker's */
};

int snnbase_packer_open(struct snnbase_packer **out, struct snn_context *context, int level)
{
    struct snnbase_packer *packer = snnbase_alloc(context, 1, sizeof(*packer));
    if (!packer) return SNN_ERR_NOMEM;
    packer->context = context;
    packer->allocator = *snnbase_allocator(context);
    stream_init(&packer->stream, &packer->allocator);
    int result = deflateInit(&packer->stream, level);
    if (result == Z_OK) {
        *out = packer;
        return SNN_OK;
    }
    snnbase_free(context, packer);
    if (result == Z_MEM_ERROR) return fail_zlib_nomem(context);
    return snnbase_fail(context, SNN_ERR_INTERNAL, "zlib does not start (%d)", result);
}

int snnbase_packer_push(struct snnbase_packer *packer, const void *data, size_t size, bool last,
                        struct snnbase_buffer *out)
{
    z_stream *stream = &packer->stream;
    size_t left = size;
    int result = Z_OK;
    stream->next_in = data;
    do {
        if (stream->avail_in == 0) {
            stream->avail_in = (uInt)(left < PIECE_MAX ? left : PIECE_MAX);
            left -= stream->avail_in;
        }
        int status = snnbase_buffer_reserve(packer->context, out, CHUNK_SIZE);
        if (status != SNN_OK) return status;
        stream->next_out = out->data + out->size;
        stream->avail_out = CHUNK_SIZE;
        result = deflate(stream, last && left == 0 ? Z_FINISH : Z_NO_FLUSH);
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
            return snnbase_fail(packer->context, SNN_ERR_INTERNAL, "zlib does not pack (%d)",
                                result);
        }
        out->size += CHUNK_SIZE - stream->avail_out;
    } while (last ? result != Z_STREAM_END
                  : stream->avail_in > 0 || left > 0 || stream->avail_out == 0);
    return SNN_OK;
}

void snnbase_packer_close(struct snnbase_packer **packer)
{
    if (!packer || !*packer) return;
    deflateEnd(&(*packer)->stream);
    snnbase_free((*packer)->context, *packer);
    *packer = NULL;
}

uint32_t snnbase_crc32(uint32_t crc, const void *data, size_t size)
{
    if (size == 0) return crc; /* zlib takes a null address for "start anew" */
    return (uint32_t)crc32_z(crc, data, size);
}
