/* The scan over words as they come; see link_scan.h.
 *
 * Nearly all words are events, so the loop over whole words only looks at two bits of each.
 */
#include "device/link_scan.h"

#include <string.h>

#include "libsnn/wire/bytes.h"
#include "libsnn/wire/wordbits.h"

static bool is_event(uint64_t word)
{
    return word >> SNNWIRE_KIND_SHIFT == SNNWIRE_KIND_EVENT;
}

static void note_word(struct snndev_scan_step *out, uint64_t word, size_t begin, uint32_t residue)
{
    if (is_event(word)) {
        out->events++;
        return;
    }
    out->found = true;
    out->word = word;
    out->begin = begin;
    out->residue = residue;
}

/* Joins a word that earlier bytes began; returns the bytes it took. The begin stays in the residue
 * for the caller, though its size is 0. */
static size_t join(struct snndev_scan *scan, const uint8_t *bytes, size_t size,
                   struct snndev_scan_step *out)
{
    const uint32_t had = scan->residue_size;
    const size_t missing = SNNWIRE_WORD_BYTES - had;
    const size_t taken = size < missing ? size : missing;
    memcpy(scan->residue + had, bytes, taken);
    scan->residue_size += (uint32_t)taken;
    if (taken < missing) return taken;
    scan->residue_size = 0;
    note_word(out, snnwire_get64(scan->residue), 0, had);
    return taken;
}

size_t snndev_scan_next(struct snndev_scan *scan, const uint8_t *bytes, size_t size, size_t at,
                        struct snndev_scan_step *out)
{
    *out = (struct snndev_scan_step){0};
    if (scan->residue_size > 0) at += join(scan, bytes + at, size - at, out);
    if (out->found) return at;
    const size_t begin = at;
    while (size - at >= SNNWIRE_WORD_BYTES && is_event(snnwire_get64(bytes + at)))
        at += SNNWIRE_WORD_BYTES;
    out->events += (uint32_t)((at - begin) / SNNWIRE_WORD_BYTES);
    if (size - at >= SNNWIRE_WORD_BYTES) {
        note_word(out, snnwire_get64(bytes + at), at, 0);
        return at + SNNWIRE_WORD_BYTES;
    }
    if (at < size) (void)join(scan, bytes + at, size - at, out);
    return size;
}

bool snndev_scan_is(uint64_t word, enum snnwire_mark mark)
{
    return word >> 56 == ((uint64_t)SNNWIRE_KIND_MARK << 6 | (uint64_t)mark);
}

bool snndev_scan_opens_block(uint64_t word)
{
    return snndev_scan_is(word, SNNWIRE_MARK_SEQUENCE) &&
           (word >> 32 & SNNWIRE_ARGUMENT_MAX) == snnwire_seal((uint32_t)word);
}

bool snndev_scan_item(uint64_t word, struct snnwire_item *out)
{
    const uint32_t code = word >> 56 & 63;
    if (word >> SNNWIRE_KIND_SHIFT != SNNWIRE_KIND_MARK || code < SNNWIRE_MARK_BEGIN ||
        code > SNNWIRE_MARK_LAST)
        return false;
    *out = (struct snnwire_item){.is_mark = true,
                                 .mark = (enum snnwire_mark)code,
                                 .argument = word >> 32 & SNNWIRE_ARGUMENT_MAX,
                                 .value = (uint32_t)word};
    return true;
}
