/* Fuzz target: frames on a byte stream. The first byte is how many come at a time: the frames are
 * the same as at once, each is what a writer makes, and every byte is in one of them, skipped, or
 * still there.
 */
#include "libsnn/wire/message.h"

#include <stdbool.h>
#include <string.h>

#include "libsnn/wire/word.h"
#include "tests/fuzz/target.h"

struct found {
    struct snnwire_framer framer;
    uint64_t bytes; /* of frames */
    uint32_t crc;   /* of all payloads */
    bool bad;
};

static void look_at(struct found *found, const struct snnwire_frame *frame)
{
    uint8_t again[SNNWIRE_FRAME_MAX];
    const size_t size = snnwire_frame_write(frame->type, frame->payload, frame->size, again);
    if (size != frame->size + SNNWIRE_FRAME_EXTRA || memcmp(again, frame->payload - 4, size) != 0)
        found->bad = true;
    found->bytes += size;
    found->crc = snnwire_crc32(found->crc, again, size);
}

static void take(struct found *found, const uint8_t *bytes, size_t size)
{
    struct snnwire_frame frame;
    for (;;) {
        size_t used = 0;
        const bool there = snnwire_frame_read(&found->framer, bytes, size, &used, &frame);
        if (used > size || (!there && used != size)) found->bad = true;
        if (there) look_at(found, &frame);
        if (!there || found->bad) return;
        bytes += used;
        size -= used;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct found whole, parts;
    whole = parts = (struct found){.bytes = 0};
    if (size == 0) return 0;
    const size_t packet = (size_t)data[0] + 1;
    take(&whole, data + 1, size - 1);
    for (size_t at = 1; at < size; at += packet)
        take(&parts, data + at, size - at < packet ? size - at : packet);
    return whole.bad || parts.bad || whole.crc != parts.crc || whole.bytes != parts.bytes ||
           whole.framer.skipped != parts.framer.skipped ||
           whole.bytes + whole.framer.skipped + whole.framer.size != size - 1;
}
