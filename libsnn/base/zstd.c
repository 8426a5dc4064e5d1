/* Zstandard frames, see zstd.h: the one file that includes libzstd's header. What a frame says of
 * its size is believed as far as usual data is packed; for more, or where it says nothing, room
 * doubles as long as there is too little for what was really unpacked.
 */
#include "libsnn/base/zstd.h"

#include "libsnn/base/error.h"

#if SNNBASE_ZSTD
#include <zstd.h>
#include <zstd_errors.h>

/* A block has a header of 3 bytes and a byte of its own, and unpacks to at most 128 KiB. */
enum { BLOCK_BYTES = 4, BLOCK_MAX = 131072, ROOM_FIRST = 65536, USUAL_RATIO = 16 };

static int fail_damaged(struct snn_context *context, const char *what)
{
    return snnbase_fail(context, SNN_ERR_FORMAT, "not zstd (%s)", what);
}

/* Room to begin with; `most`: more cannot come of these bytes. */
static int first_room(struct snn_context *context, const void *data, size_t size, uint64_t most,
                      uint64_t *room_out)
{
    unsigned long long said = ZSTD_getFrameContentSize(data, size);
    if (said == ZSTD_CONTENTSIZE_ERROR) return fail_damaged(context, "no frame begins here");
    if (said != ZSTD_CONTENTSIZE_UNKNOWN && said > most)
        return snnbase_fail(context, SNN_ERR_FORMAT, "%zu packed bytes that say they are %llu",
                            size, said);
    *room_out = ROOM_FIRST + (uint64_t)size * USUAL_RATIO;
    if (*room_out > said) *room_out = said;
    return SNN_OK;
}

int snnbase_zstd_unpack(struct snnbase_zstd *zstd, struct snn_context *context, const void *data,
                        size_t size, size_t size_max, struct snnbase_buffer *out)
{
    uint64_t most = ((uint64_t)size / BLOCK_BYTES + 1) * BLOCK_MAX, room = 0;
    if (zstd->decoder == NULL) zstd->decoder = ZSTD_createDCtx();
    if (zstd->decoder == NULL)
        return snnbase_fail(context, SNN_ERR_NOMEM, "out of memory in libzstd");
    int status = first_room(context, data, size, most, &room);
    if (status != SNN_OK) return status;
    for (;;) {
        if (room < out->capacity - out->size) room = out->capacity - out->size;
        if (room > size_max) room = size_max;
        status = snnbase_buffer_reserve(context, out, (size_t)room);
        if (status != SNN_OK) return status;
        size_t made =
            ZSTD_decompressDCtx(zstd->decoder, out->data + out->size, (size_t)room, data, size);
        if (!ZSTD_isError(made)) {
            out->size += made;
            return SNN_OK;
        }
        if (ZSTD_getErrorCode(made) != ZSTD_error_dstSize_tooSmall)
            return fail_damaged(context, ZSTD_getErrorName(made));
        if (room == size_max)
            return snnbase_fail(context, SNN_ERR_LIMIT,
                                "unpacks to more than the limit of %zu bytes", size_max);
        if (room >= most) return fail_damaged(context, "more than such a frame can hold");
        room = room > 0 ? 2 * room : ROOM_FIRST;
    }
}

void snnbase_zstd_fini(struct snnbase_zstd *zstd)
{
    (void)ZSTD_freeDCtx(zstd->decoder);
    zstd->decoder = NULL;
}

#else

int snnbase_zstd_unpack(struct snnbase_zstd *zstd, struct snn_context *context, const void *data,
                        size_t size, size_t size_max, struct snnbase_buffer *out)
{
    (void)zstd, (void)data, (void)size, (void)size_max, (void)out;
    (void)snnbase_fail(context, SNN_ERR_UNSUPPORTED, "packed with zstd; built without libzstd");
    return snnbase_hint(context, "build with -Dzstd=enabled (Debian: libzstd-dev)");
}

void snnbase_zstd_fini(struct snnbase_zstd *zstd)
{
    zstd->decoder = NULL;
}

#endif
