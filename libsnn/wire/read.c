/* Stream words to events and marks (docs/formats/wire.md), however packets cut them apart.
 *
 * Bytes come from a device or a cable, so any may come: each word is an item, kept, or a fault, and
 * each block puts right what an earlier one broke. Runs of events are unpacked without a branch
 * each, and their CRC is taken in one go.
 */
#include "libsnn/wire/bytes.h"
#include "libsnn/wire/word.h"
#include "libsnn/wire/wordbits.h"

/* Words that are unpacked before it is looked at whether all are events. */
#define CHUNK 32u
/* Of words without a CHECK; one more is a fault. */
#define UNCHECKED_MAX (SNNWIRE_CHECK_WORDS - 1)

static uint32_t code_of(uint64_t word)
{
    return word >> 56 & 63;
}

static uint32_t argument_of(uint64_t word)
{
    return word >> 32 & SNNWIRE_ARGUMENT_MAX;
}

static void take_check(struct snnwire_reader *reader, uint64_t word, enum snnwire_fault *fault)
{
    if ((uint32_t)word != reader->crc || argument_of(word) != reader->unchecked)
        *fault = SNNWIRE_FAULT_CHECK;
    reader->crc = 0;
    reader->unchecked = 0;
}

/* The first word of a block. Words before it that no CHECK followed stay unchecked for ever. */
static bool take_sequence(struct snnwire_reader *reader, uint64_t word, struct snnwire_item *item,
                          enum snnwire_fault *fault)
{
    const uint32_t value = (uint32_t)word, hole = value - reader->words;
    if (argument_of(word) != snnwire_seal(value)) {
        *fault = SNNWIRE_FAULT_CHECK;
        return false;
    }
    if (reader->unchecked > 0) *fault = SNNWIRE_FAULT_CHECK;
    reader->crc = 0;
    reader->unchecked = 0;
    if (hole == 0) return false;
    *fault = SNNWIRE_FAULT_SEQUENCE;
    reader->words = value;
    if (hole > INT32_MAX) return false;
    *item = (struct snnwire_item){.is_mark = true,
                                  .mark = SNNWIRE_MARK_GAP,
                                  .argument = SNNWIRE_LOSS_TRANSPORT,
                                  .value = hole};
    return true;
}

/* Whether the mark is an item; no CHECK and no SEQUENCE. */
static bool take_mark(struct snnwire_reader *reader, uint64_t word, struct snnwire_item *item,
                      enum snnwire_fault *fault)
{
    const uint32_t code = code_of(word);
    if (code > SNNWIRE_MARK_LAST) *fault = SNNWIRE_FAULT_KIND;
    if (code == SNNWIRE_MARK_TIME) reader->epoch = (uint32_t)word;
    if (code > SNNWIRE_MARK_LAST || code < SNNWIRE_MARK_BEGIN) return false;
    *item = (struct snnwire_item){.is_mark = true,
                                  .mark = (enum snnwire_mark)code,
                                  .argument = argument_of(word),
                                  .value = (uint32_t)word};
    return true;
}

/* Adds the word to its block, which may be too long with it. */
static void count_word(struct snnwire_reader *reader, const uint8_t *bytes,
                       enum snnwire_fault *fault)
{
    reader->crc = snnwire_crc32(reader->crc, bytes, SNNWIRE_WORD_BYTES);
    reader->unchecked++;
    if (reader->unchecked <= UNCHECKED_MAX) return;
    *fault = SNNWIRE_FAULT_CHECK;
    reader->crc = 0;
    reader->unchecked = 0;
}

/* One whole word: true if it is an item. */
static bool take_word(struct snnwire_reader *reader, const uint8_t *bytes,
                      struct snnwire_item *item, enum snnwire_fault *fault)
{
    const uint64_t word = snnwire_get64(bytes);
    const uint64_t kind = word >> SNNWIRE_KIND_SHIFT;
    bool is_item = false;
    if (kind == SNNWIRE_KIND_MARK && code_of(word) == SNNWIRE_MARK_CHECK) {
        take_check(reader, word, fault);
        reader->words++;
        return false;
    }
    if (kind == SNNWIRE_KIND_EVENT) {
        *item = (struct snnwire_item){.is_mark = false};
        snnwire_unpack_event(&item->event, word, reader->epoch);
        is_item = true;
    } else if (kind != SNNWIRE_KIND_MARK) {
        *fault = SNNWIRE_FAULT_KIND;
    } else if (code_of(word) == SNNWIRE_MARK_SEQUENCE) {
        is_item = take_sequence(reader, word, item, fault);
    } else {
        is_item = take_mark(reader, word, item, fault);
    }
    count_word(reader, bytes, fault);
    reader->words++;
    return is_item;
}

/* Fills the residue; the bytes that it took. */
static size_t refill(struct snnwire_reader *reader, const uint8_t *bytes, size_t size)
{
    size_t used = 0;
    while (used < size && reader->residue_size < SNNWIRE_WORD_BYTES)
        reader->residue[reader->residue_size++] = bytes[used++];
    return used;
}

bool snnwire_read(struct snnwire_reader *reader, const uint8_t *bytes, size_t size,
                  size_t *used_out, struct snnwire_item *item_out, enum snnwire_fault *fault_out)
{
    bool is_item = false;
    *fault_out = SNNWIRE_FAULT_NONE;
    *used_out = 0;
    while (!is_item && *fault_out == SNNWIRE_FAULT_NONE) {
        const uint8_t *word = bytes + *used_out;
        if (reader->residue_size > 0 || size - *used_out < SNNWIRE_WORD_BYTES) {
            *used_out += refill(reader, word, size - *used_out);
            if (reader->residue_size < SNNWIRE_WORD_BYTES) return false;
            reader->residue_size = 0;
            word = reader->residue;
        } else {
            *used_out += SNNWIRE_WORD_BYTES;
        }
        is_item = take_word(reader, word, item_out, fault_out);
    }
    if (*fault_out != SNNWIRE_FAULT_NONE) reader->faults++;
    return is_item;
}

/* Whether the word is one that the reader keeps, and right. */
static bool is_quiet(const struct snnwire_reader *reader, uint64_t word)
{
    if (word >> SNNWIRE_KIND_SHIFT != SNNWIRE_KIND_MARK) return false;
    const uint32_t code = code_of(word), value = (uint32_t)word;
    if (code == SNNWIRE_MARK_CHECK)
        return value == reader->crc && argument_of(word) == reader->unchecked;
    if (code == SNNWIRE_MARK_SEQUENCE)
        return reader->unchecked == 0 && value == reader->words &&
               argument_of(word) == snnwire_seal(value);
    return (code == SNNWIRE_MARK_TIME || code == SNNWIRE_MARK_PAD) &&
           reader->unchecked < UNCHECKED_MAX;
}

/* Unpacks words as if all were events; all their kinds together. */
static uint64_t unpack(const uint8_t *restrict bytes, size_t count, uint32_t epoch,
                       struct snnwire_event *restrict events)
{
    uint64_t any = 0;
    for (size_t i = 0; i < count; i++) {
        const uint64_t word = snnwire_get64(bytes + i * SNNWIRE_WORD_BYTES);
        any |= word;
        snnwire_unpack_event(&events[i], word, epoch);
    }
    return any >> SNNWIRE_KIND_SHIFT;
}

/* The events that come one behind the other in this block; at most `count`. */
static size_t take_run(struct snnwire_reader *reader, const uint8_t *bytes, size_t count,
                       struct snnwire_event *events)
{
    const size_t left = UNCHECKED_MAX - reader->unchecked;
    const size_t limit = count < left ? count : left;
    size_t run = 0;
    while (run < limit) {
        const size_t chunk = limit - run < CHUNK ? limit - run : CHUNK;
        if (unpack(bytes + run * SNNWIRE_WORD_BYTES, chunk, reader->epoch, events + run) != 0)
            break;
        run += chunk;
    }
    /* Of the chunk that had something else, the events before that. */
    while (run < limit && snnwire_get64(bytes + run * SNNWIRE_WORD_BYTES) >> SNNWIRE_KIND_SHIFT ==
                              SNNWIRE_KIND_EVENT)
        run++;
    reader->crc = snnwire_crc32(reader->crc, bytes, run * SNNWIRE_WORD_BYTES);
    reader->words += (uint32_t)run;
    reader->unchecked += (uint32_t)run;
    return run;
}

size_t snnwire_read_events(struct snnwire_reader *reader, const uint8_t *bytes, size_t size,
                           size_t *used_out, struct snnwire_event *events, size_t room)
{
    const size_t words = reader->residue_size > 0 ? 0 : size / SNNWIRE_WORD_BYTES;
    size_t done = 0, count = 0;
    while (done < words) {
        const size_t most = words - done < room - count ? words - done : room - count;
        const size_t run =
            take_run(reader, bytes + done * SNNWIRE_WORD_BYTES, most, events + count);
        done += run;
        count += run;
        if (done == words || !is_quiet(reader, snnwire_get64(bytes + done * SNNWIRE_WORD_BYTES)))
            break;
        struct snnwire_item item;
        enum snnwire_fault fault = SNNWIRE_FAULT_NONE;
        take_word(reader, bytes + done * SNNWIRE_WORD_BYTES, &item, &fault);
        done++;
    }
    *used_out = done * SNNWIRE_WORD_BYTES;
    return count;
}
