/* The outbox: a virtual chip's bounded buffer towards the host, of words as they go out.
 *
 * Events are dropped only where it is full, and then a GAP stands at their place. Marks always have
 * room: behind the room for events there is some for all that a host can cause with the words that
 * it has credit for, and credit is given again only when the events' room is not exceeded.
 * produced = sent + dropped + in here, in events.
 */
#ifndef SNN_DEVICE_VCHIP_OUTBOX_H
#define SNN_DEVICE_VCHIP_OUTBOX_H

#include <stdbool.h>

#include "libsnn/wire/word.h"
#include "snn/context.h"

struct snndev_outbox {
    uint8_t *bytes; /* a ring of whole words; first and used are bytes */
    size_t capacity, first, used;
    size_t event_bytes; /* how much of it events may fill */
    struct snnwire_writer writer;
    uint32_t gap; /* dropped and not yet marked */
    uint64_t produced, sent, dropped, words_sent;
};

/* Room for events, and for marks of the words that a host has credit for. Errors: NOMEM. */
int snndev_outbox_init(struct snndev_outbox *outbox, struct snn_context *context,
                       uint32_t event_words, uint32_t credit_words);
void snndev_outbox_fini(struct snndev_outbox *outbox, const struct snn_allocator *allocator);
/* Empty, at word 0, counters 0. */
void snndev_outbox_clear(struct snndev_outbox *outbox);

/* An event that the wire's fields can hold. */
void snndev_outbox_event(struct snndev_outbox *outbox, const struct snnwire_event *event);
void snndev_outbox_mark(struct snndev_outbox *outbox, enum snnwire_mark mark, uint32_t argument,
                        uint32_t value);
/* Whether the events' room is not exceeded, so that there may be credit. */
bool snndev_outbox_has_room(const struct snndev_outbox *outbox);
/* The stream rests behind what is in here. */
void snndev_outbox_rest(struct snndev_outbox *outbox);
size_t snndev_outbox_give(struct snndev_outbox *outbox, uint8_t *bytes, size_t room);

#endif
