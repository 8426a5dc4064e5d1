/* Frames on byte streams (docs/formats/wire.md), where nothing else tells where a message begins.
 *
 * Invariant: the framer holds the beginning of at most one frame that may still become right, and
 * takes no byte beyond its end; what proves to be none is passed over up to the next start byte.
 */
#include "libsnn/wire/bytes.h"
#include "libsnn/wire/message.h"
#include "libsnn/wire/word.h"

#define START 0xA5u
#define HEAD_BYTES 4u
#define CRC_BYTES 4u

size_t snnwire_frame_write(enum snnwire_frame_type type, const uint8_t *payload, size_t size,
                           uint8_t *out)
{
    if (size > SNNWIRE_FRAME_PAYLOAD_MAX) return 0;
    out[0] = START;
    out[1] = (uint8_t)type;
    snnwire_put16(out + 2, (uint16_t)size);
    for (size_t i = 0; i < size; i++)
        out[HEAD_BYTES + i] = payload[i];
    snnwire_put32(out + HEAD_BYTES + size, snnwire_crc32(0, out + 1, HEAD_BYTES - 1 + size));
    return size + SNNWIRE_FRAME_EXTRA;
}

/* Takes the first `count` bytes away. */
static void drop(struct snnwire_framer *framer, size_t count)
{
    framer->size -= count;
    for (size_t i = 0; i < framer->size; i++)
        framer->bytes[i] = framer->bytes[i + count];
}

/* Passes over the first byte and those up to the next start byte. */
static void skip(struct snnwire_framer *framer)
{
    size_t count = 1;
    while (count < framer->size && framer->bytes[count] != START)
        count++;
    drop(framer, count);
    framer->skipped += count;
}

/* Whether the bytes that are there may begin a frame. */
static bool may_begin(const struct snnwire_framer *framer)
{
    const uint8_t *bytes = framer->bytes;
    if (framer->size > 0 && bytes[0] != START) return false;
    if (framer->size > 1 && (bytes[1] < SNNWIRE_FRAME_REQUEST || bytes[1] > SNNWIRE_FRAME_WORDS))
        return false;
    return framer->size < HEAD_BYTES || snnwire_get16(bytes + 2) <= SNNWIRE_FRAME_PAYLOAD_MAX;
}

/* Bytes up to where it can be said more: the head, then the whole frame. */
static size_t wanted(const struct snnwire_framer *framer)
{
    if (framer->size < HEAD_BYTES) return HEAD_BYTES;
    return snnwire_get16(framer->bytes + 2) + (size_t)SNNWIRE_FRAME_EXTRA;
}

static bool is_right(const struct snnwire_framer *framer, size_t size)
{
    const uint8_t *bytes = framer->bytes;
    return snnwire_crc32(0, bytes + 1, size - CRC_BYTES - 1) ==
           snnwire_get32(bytes + size - CRC_BYTES);
}

bool snnwire_frame_read(struct snnwire_framer *framer, const uint8_t *bytes, size_t size,
                        size_t *used_out, struct snnwire_frame *out)
{
    size_t used = 0;
    drop(framer, framer->given);
    framer->given = 0;
    for (;;) {
        while (!may_begin(framer))
            skip(framer);
        const size_t want = wanted(framer);
        while (framer->size < want && used < size)
            framer->bytes[framer->size++] = bytes[used++];
        *used_out = used;
        if (framer->size < want) {
            if (may_begin(framer)) return false;
        } else if (want > HEAD_BYTES) {
            if (is_right(framer, want)) {
                framer->given = want;
                break;
            }
            skip(framer);
        }
    }
    *out = (struct snnwire_frame){.type = (enum snnwire_frame_type)framer->bytes[1],
                                  .payload = framer->bytes + HEAD_BYTES,
                                  .size = framer->given - SNNWIRE_FRAME_EXTRA};
    return true;
}
