/* The ring: slots of memory that transfers point into, and what came, in its order.
 *
 *   free slot -> transfer in flight -> entry -> reader -> free slot
 *
 * Nothing is copied but what is short: slots change hands. Where the reader has them all, entries
 * without bytes note what was lost and the marks that stood there, so that the order stays. Not
 * thread-safe: the link's lock is around it.
 */
#ifndef SNN_DEVICE_LINK_RING_H
#define SNN_DEVICE_LINK_RING_H

#include "libsnn/wire/word.h"
#include "snn/context.h"

/* Bytes of a transfer; or, of NULL, a note: events lost, then a mark, then where words go on. */
struct snndev_entry {
    uint8_t *bytes;
    size_t begin, size;
    bool cuts; /* the words in front of it are the last of their block */
    uint64_t lost;
    bool thinned;             /* marks are lost, too */
    struct snnwire_item mark; /* is_mark: there is one */
    bool resumes;             /* the words behind it begin a block */
    uint32_t skipped;         /* words that were lost since the last bytes */
    uint8_t residue[SNNWIRE_WORD_BYTES];
    uint32_t residue_size; /* of the block's first word, when it was cut apart */
};

struct snndev_ring {
    struct snn_allocator allocator;
    uint8_t *memory;
    uint8_t **free;
    uint32_t slots, free_count;
    size_t slot_bytes;
    struct snndev_entry *entries;
    uint32_t capacity, head, count;
};

/* Entries beyond those of slots. */
#define SNNDEV_RING_NOTES 4096u

int snndev_ring_init(struct snndev_ring *ring, struct snn_context *context, uint32_t slots,
                     size_t slot_bytes);
/* Accepts one that is zeroed. */
void snndev_ring_fini(struct snndev_ring *ring);

/* NULL: the reader has them all. */
uint8_t *snndev_ring_take_slot(struct snndev_ring *ring);
void snndev_ring_give_slot(struct snndev_ring *ring, uint8_t *slot);

/* Copies a short transfer behind the last bytes, if they have room and nobody reads them yet: small
 * packets would use up the slots. */
bool snndev_ring_append(struct snndev_ring *ring, const uint8_t *bytes, size_t size);
/* There is room for bytes whenever there is a slot to go on with. */
void snndev_ring_push_bytes(struct snndev_ring *ring, uint8_t *bytes, size_t begin, size_t size);
/* A loss begins. */
void snndev_ring_push_cut(struct snndev_ring *ring);
/* Adds to the loss at the end of the ring. */
void snndev_ring_push_loss(struct snndev_ring *ring, uint64_t lost);
/* A mark that stood among lost events. Where marks have used up their room, the last ones become
 * one, which is the latest, and no GAP: *dropped_out is the mark that went (is_mark), and its place
 * is told as a loss. */
void snndev_ring_push_mark(struct snndev_ring *ring, const struct snnwire_item *mark,
                           struct snnwire_item *dropped_out);
/* Where words go on behind a loss. */
void snndev_ring_push_resume(struct snndev_ring *ring, uint32_t skipped, const uint8_t *residue,
                             uint32_t residue_size);
/* The oldest entry, which leaves the ring; its slot is the caller's. */
bool snndev_ring_pop(struct snndev_ring *ring, struct snndev_entry *out);
/* The oldest but `index`, which stays; NULL: there are not as many. */
const struct snndev_entry *snndev_ring_peek(const struct snndev_ring *ring, uint32_t index);

#endif
