/* Events and marks to stream words (docs/formats/wire.md): blocks of SEQUENCE, TIME, items, CHECK.
 *
 * Invariant between calls: a block that is open has room for one more item and its CHECK. Single
 * items go word by word; runs of events that need nothing between them are packed without a branch
 * each, and their CRC is taken in one go.
 */
#include "libsnn/wire/bytes.h"
#include "libsnn/wire/word.h"
#include "libsnn/wire/wordbits.h"

/* Events that are packed before it is looked at whether they could be. */
#define CHUNK 32u

static size_t put(struct snnwire_writer *writer, uint8_t *out, uint64_t word)
{
    snnwire_put64(out, word);
    writer->crc = snnwire_crc32(writer->crc, out, SNNWIRE_WORD_BYTES);
    writer->words++;
    writer->unchecked++;
    return SNNWIRE_WORD_BYTES;
}

size_t snnwire_write_check(struct snnwire_writer *writer, uint8_t *out)
{
    if (writer->unchecked == 0) return 0;
    snnwire_put64(out, snnwire_pack_mark(SNNWIRE_MARK_CHECK, writer->unchecked, writer->crc));
    writer->words++;
    writer->unchecked = 0;
    writer->crc = 0;
    return SNNWIRE_WORD_BYTES;
}

/* Whether `count` words and a CHECK still go into the block. */
static bool fits(const struct snnwire_writer *writer, uint32_t count)
{
    return writer->unchecked + count < SNNWIRE_CHECK_WORDS;
}

/* What has to stand before an item of that epoch. */
static size_t prepare(struct snnwire_writer *writer, uint32_t epoch, uint8_t *out)
{
    size_t size = 0;
    if (epoch != writer->epoch && !fits(writer, 2)) size += snnwire_write_check(writer, out);
    const bool opens = writer->unchecked == 0;
    if (opens)
        size += put(
            writer, out + size,
            snnwire_pack_mark(SNNWIRE_MARK_SEQUENCE, snnwire_seal(writer->words), writer->words));
    if (opens || epoch != writer->epoch)
        size += put(writer, out + size, snnwire_pack_mark(SNNWIRE_MARK_TIME, 0, epoch));
    writer->epoch = epoch;
    return size;
}

/* One item, and the CHECK where the block is full behind it. */
static size_t put_item(struct snnwire_writer *writer, uint32_t epoch, uint64_t word, uint8_t *out)
{
    size_t size = prepare(writer, epoch, out);
    size += put(writer, out + size, word);
    if (!fits(writer, 1)) size += snnwire_write_check(writer, out + size);
    return size;
}

size_t snnwire_write_event(struct snnwire_writer *writer, const struct snnwire_event *event,
                           uint8_t *out)
{
    if (snnwire_excess(event) != 0) return 0;
    return put_item(writer, (uint32_t)(event->time_us >> 32), snnwire_pack_event(event), out);
}

size_t snnwire_write_mark(struct snnwire_writer *writer, enum snnwire_mark mark, uint32_t argument,
                          uint32_t value, uint8_t *out)
{
    const bool own =
        mark == SNNWIRE_MARK_TIME || mark == SNNWIRE_MARK_SEQUENCE || mark == SNNWIRE_MARK_CHECK;
    if (own || (uint32_t)mark > SNNWIRE_MARK_LAST || argument > SNNWIRE_ARGUMENT_MAX) return 0;
    return put_item(writer, writer->epoch, snnwire_pack_mark(mark, argument, value), out);
}

/* Packs events as if all of them could be; not 0 if one of them cannot, as things stand. */
static uint64_t pack(const struct snnwire_event *restrict events, size_t count, uint32_t epoch,
                     uint8_t *restrict out)
{
    struct snnwire_event any = {0};
    uint64_t wrong = 0;
    for (size_t i = 0; i < count; i++) {
        wrong |= events[i].time_us >> 32 ^ epoch;
        any.layer |= events[i].layer;
        any.feature |= events[i].feature;
        any.y |= events[i].y;
        any.x |= events[i].x;
        snnwire_put64(out + i * SNNWIRE_WORD_BYTES, snnwire_pack_event(&events[i]));
    }
    wrong |= snnwire_excess(&any);
    return wrong;
}

/* How many of the events go one behind the other into the block that is open; at most `count`. */
static size_t put_run(struct snnwire_writer *writer, const struct snnwire_event *events,
                      size_t count, uint8_t *out)
{
    const size_t left = SNNWIRE_CHECK_WORDS - 1 - writer->unchecked;
    const size_t limit = count < left ? count : left;
    size_t run = 0;
    while (run < limit) {
        const size_t chunk = limit - run < CHUNK ? limit - run : CHUNK;
        if (pack(events + run, chunk, writer->epoch, out + run * SNNWIRE_WORD_BYTES) == 0)
            run += chunk;
        else
            break;
    }
    /* Of the chunk that failed, those before the first that is wrong. */
    while (run < limit &&
           (snnwire_excess(&events[run]) | (events[run].time_us >> 32 ^ writer->epoch)) == 0)
        run++;
    writer->crc = snnwire_crc32(writer->crc, out, run * SNNWIRE_WORD_BYTES);
    writer->words += (uint32_t)run;
    writer->unchecked += (uint32_t)run;
    return run;
}

size_t snnwire_write_events(struct snnwire_writer *writer, const struct snnwire_event *events,
                            size_t count, uint8_t *out, size_t room, size_t *bytes_out)
{
    size_t done = 0, size = 0;
    while (done < count && (room - size) / SNNWIRE_WORD_BYTES >= SNNWIRE_EVENT_WORDS_MAX) {
        const size_t words = (room - size) / SNNWIRE_WORD_BYTES - (SNNWIRE_EVENT_WORDS_MAX - 1);
        const size_t most = count - done < words ? count - done : words;
        size_t run = 0;
        if (writer->unchecked > 0) run = put_run(writer, events + done, most, out + size);
        size += run * SNNWIRE_WORD_BYTES;
        done += run;
        if (!fits(writer, 1)) {
            size += snnwire_write_check(writer, out + size);
        } else if (run < most) {
            const size_t one = snnwire_write_event(writer, &events[done], out + size);
            if (one == 0) break;
            size += one;
            done++;
        }
    }
    *bytes_out = size;
    return done;
}
