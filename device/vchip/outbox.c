/* The ring of words on their way to the host, written by the wire's writer as they come, so that
 * losing one is decided before it has a sequence number.
 */
#include "device/vchip/outbox.h"

#include <string.h>

#include "libsnn/base/memory.h"
#include "snn/status.h"

#define WORDS(count) ((size_t)(count)*SNNWIRE_WORD_BYTES)
#define ITEM_BYTES WORDS(SNNWIRE_EVENT_WORDS_MAX)

int snndev_outbox_init(struct snndev_outbox *outbox, struct snn_context *context,
                       uint32_t event_words, uint32_t credit_words)
{
    /* A word from the host causes a mark at most, with a GAP before it; if the stream rests behind
     * each, it is a block of its own. */
    const size_t marks = 6 * (size_t)credit_words + 64;
    memset(outbox, 0, sizeof(*outbox));
    outbox->event_bytes = WORDS(event_words);
    outbox->capacity = outbox->event_bytes + WORDS(marks);
    outbox->bytes = snnbase_alloc(context, outbox->capacity, 1);
    return outbox->bytes != NULL ? SNN_OK : SNN_ERR_NOMEM;
}

void snndev_outbox_fini(struct snndev_outbox *outbox, const struct snn_allocator *allocator)
{
    snnbase_allocator_free(allocator, outbox->bytes);
    outbox->bytes = NULL;
}

void snndev_outbox_clear(struct snndev_outbox *outbox)
{
    outbox->first = outbox->used = 0;
    outbox->writer = (struct snnwire_writer){0};
    outbox->gap = 0;
    outbox->produced = outbox->sent = outbox->dropped = outbox->words_sent = 0;
}

/* ---- In ---- */

static void append(struct snndev_outbox *outbox, const uint8_t *bytes, size_t size)
{
    const size_t at = (outbox->first + outbox->used) % outbox->capacity;
    const size_t end = outbox->capacity - at, head = size < end ? size : end;
    memcpy(outbox->bytes + at, bytes, head);
    memcpy(outbox->bytes, bytes + head, size - head);
    outbox->used += size;
}

static void write_mark(struct snndev_outbox *outbox, enum snnwire_mark mark, uint32_t argument,
                       uint32_t value)
{
    uint8_t words[ITEM_BYTES];
    if (outbox->capacity - outbox->used < sizeof(words)) return; /* by the credit never */
    append(outbox, words, snnwire_write_mark(&outbox->writer, mark, argument, value, words));
}

static void write_gap(struct snndev_outbox *outbox)
{
    if (outbox->gap == 0) return;
    write_mark(outbox, SNNWIRE_MARK_GAP, SNNWIRE_LOSS_DEVICE, outbox->gap);
    outbox->gap = 0;
}

void snndev_outbox_event(struct snndev_outbox *outbox, const struct snnwire_event *event)
{
    uint8_t words[ITEM_BYTES];
    const size_t need = outbox->gap > 0 ? 2 * ITEM_BYTES : ITEM_BYTES;
    outbox->produced++;
    if (outbox->used + need > outbox->event_bytes) {
        outbox->dropped++;
        if (outbox->gap == UINT32_MAX) write_gap(outbox);
        outbox->gap++;
        return;
    }
    write_gap(outbox);
    append(outbox, words, snnwire_write_event(&outbox->writer, event, words));
}

void snndev_outbox_mark(struct snndev_outbox *outbox, enum snnwire_mark mark, uint32_t argument,
                        uint32_t value)
{
    write_gap(outbox);
    write_mark(outbox, mark, argument, value);
}

bool snndev_outbox_has_room(const struct snndev_outbox *outbox)
{
    return outbox->used <= outbox->event_bytes;
}

void snndev_outbox_rest(struct snndev_outbox *outbox)
{
    uint8_t words[ITEM_BYTES];
    write_gap(outbox);
    if (outbox->capacity - outbox->used < sizeof(words)) return;
    append(outbox, words, snnwire_write_check(&outbox->writer, words));
}

/* ---- Out ---- */

/* Counts the words whose last byte is among the next `size`, from `at` on. */
static void count(struct snndev_outbox *outbox, size_t at, size_t size)
{
    size_t last = at / SNNWIRE_WORD_BYTES * SNNWIRE_WORD_BYTES + SNNWIRE_WORD_BYTES - 1;
    for (; last < at + size; last += SNNWIRE_WORD_BYTES) {
        outbox->words_sent++;
        outbox->sent += outbox->bytes[last] >> 6 == 0;
    }
}

size_t snndev_outbox_give(struct snndev_outbox *outbox, uint8_t *bytes, size_t room)
{
    const size_t size = outbox->used < room ? outbox->used : room;
    const size_t end = outbox->capacity - outbox->first, head = size < end ? size : end;
    memcpy(bytes, outbox->bytes + outbox->first, head);
    memcpy(bytes + head, outbox->bytes, size - head);
    count(outbox, outbox->first, head);
    count(outbox, 0, size - head);
    outbox->first = (outbox->first + size) % outbox->capacity;
    outbox->used -= size;
    return size;
}
