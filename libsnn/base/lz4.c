/* LZ4 frames, see lz4.h: the one file that includes liblz4's header. Room grows with what was
 * really unpacked, so that a small file cannot ask for more than twice of it.
 */
#include "libsnn/base/lz4.h"

#include "libsnn/base/error.h"

#if SNNBASE_LZ4
#include <lz4frame.h>

enum { ROOM_FIRST = 65536 };

static int fail_damaged(struct snn_context *context, size_t at, const char *what)
{
    return snnbase_fail(context, SNN_ERR_FORMAT, "packed byte %zu: not LZ4 (%s)", at, what);
}

/* Anew, even after a frame that broke off. */
static int start(struct snnbase_lz4 *lz4, struct snn_context *context)
{
    LZ4F_dctx *decoder = lz4->decoder;
    if (decoder != NULL) {
        LZ4F_resetDecompressionContext(decoder);
        return SNN_OK;
    }
    if (LZ4F_isError(LZ4F_createDecompressionContext(&decoder, LZ4F_VERSION)))
        return snnbase_fail(context, SNN_ERR_NOMEM, "out of memory in liblz4");
    lz4->decoder = decoder;
    return SNN_OK;
}

/* Room for more behind what is held, and not a byte beyond `size_max`. */
static int make_room(struct snn_context *context, struct snnbase_buffer *out, size_t begin,
                     size_t size_max, size_t *room_out)
{
    size_t made = out->size - begin, room = made > ROOM_FIRST ? made : ROOM_FIRST;
    if (made == size_max)
        return snnbase_fail(context, SNN_ERR_LIMIT, "unpacks to more than the limit of %zu bytes",
                            size_max);
    int status = SNN_OK;
    if (out->capacity - out->size < room) status = snnbase_buffer_reserve(context, out, room);
    *room_out = out->capacity - out->size;
    if (*room_out > size_max - made) *room_out = size_max - made;
    return status;
}

static int unpack(struct snnbase_lz4 *lz4, struct snn_context *context, const unsigned char *data,
                  size_t size, size_t size_max, struct snnbase_buffer *out)
{
    size_t begin = out->size, at = 0, result = 1;
    int status = start(lz4, context);
    while (status == SNN_OK && result != 0) {
        size_t made = 0, taken = size - at;
        status = make_room(context, out, begin, size_max, &made);
        if (status != SNN_OK) return status;
        size_t room = made;
        result =
            LZ4F_decompress(lz4->decoder, out->data + out->size, &made, data + at, &taken, NULL);
        if (LZ4F_isError(result)) return fail_damaged(context, at, LZ4F_getErrorName(result));
        at += taken;
        out->size += made;
        if (result != 0 && at == size && made < room)
            return fail_damaged(context, at, "the frame is cut off");
    }
    if (status == SNN_OK && at < size) return fail_damaged(context, at, "more follows the frame");
    return status;
}

int snnbase_lz4_unpack(struct snnbase_lz4 *lz4, struct snn_context *context, const void *data,
                       size_t size, size_t size_max, struct snnbase_buffer *out)
{
    size_t size_before = out->size;
    int status = unpack(lz4, context, data, size, size_max, out);
    if (status != SNN_OK) out->size = size_before;
    return status;
}

void snnbase_lz4_fini(struct snnbase_lz4 *lz4)
{
    (void)LZ4F_freeDecompressionContext(lz4->decoder);
    lz4->decoder = NULL;
}

#else

int snnbase_lz4_unpack(struct snnbase_lz4 *lz4, struct snn_context *context, const void *data,
                       size_t size, size_t size_max, struct snnbase_buffer *out)
{
    (void)lz4, (void)data, (void)size, (void)size_max, (void)out;
    (void)snnbase_fail(context, SNN_ERR_UNSUPPORTED, "packed with LZ4; built without liblz4");
    return snnbase_hint(context, "build with -Dlz4=enabled (Debian: liblz4-dev)");
}

void snnbase_lz4_fini(struct snnbase_lz4 *lz4)
{
    lz4->decoder = NULL;
}

#endif
