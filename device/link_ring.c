/* Slots and entries of the ring; see link_ring.h.
 *
 * Invariant: of the capacity, as many entries as there are slots are kept free of marks, and one
 * more for the end of a loss, so that bytes and losses always find room.
 */
#include "device/link_ring.h"

#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"

int snndev_ring_init(struct snndev_ring *ring, struct snn_context *context, uint32_t slots,
                     size_t slot_bytes)
{
    *ring = (struct snndev_ring){
        .allocator = *snnbase_allocator(context), .slots = slots, .slot_bytes = slot_bytes};
    /* Each run of bytes may have a loss and a resumption in front of it. */
    ring->capacity = 3 * slots + SNNDEV_RING_NOTES;
    ring->memory = snnbase_alloc_aligned(context, slots, slot_bytes);
    ring->free = snnbase_alloc(context, slots, sizeof(*ring->free));
    ring->entries = snnbase_alloc(context, ring->capacity, sizeof(*ring->entries));
    if (ring->memory == NULL || ring->free == NULL || ring->entries == NULL) {
        snndev_ring_fini(ring);
        return SNN_ERR_NOMEM;
    }
    for (uint32_t i = slots; i > 0; i--)
        snndev_ring_give_slot(ring, ring->memory + (i - 1) * slot_bytes);
    return SNN_OK;
}

void snndev_ring_fini(struct snndev_ring *ring)
{
    if (ring->allocator.release == NULL) return;
    snnbase_allocator_free(&ring->allocator, ring->memory);
    snnbase_allocator_free(&ring->allocator, ring->free);
    snnbase_allocator_free(&ring->allocator, ring->entries);
    *ring = (struct snndev_ring){0};
}

uint8_t *snndev_ring_take_slot(struct snndev_ring *ring)
{
    return ring->free_count > 0 ? ring->free[--ring->free_count] : NULL;
}

void snndev_ring_give_slot(struct snndev_ring *ring, uint8_t *slot)
{
    ring->free[ring->free_count++] = slot;
}

static struct snndev_entry *push(struct snndev_ring *ring)
{
    struct snndev_entry *entry = &ring->entries[(ring->head + ring->count) % ring->capacity];
    ring->count++;
    *entry = (struct snndev_entry){0};
    return entry;
}

static struct snndev_entry *last(struct snndev_ring *ring)
{
    if (ring->count == 0) return NULL;
    return &ring->entries[(ring->head + ring->count - 1) % ring->capacity];
}

/* The last entry, if it is a note that more can be added to. */
static struct snndev_entry *open_note(struct snndev_ring *ring)
{
    struct snndev_entry *entry = last(ring);
    if (entry == NULL || entry->bytes != NULL) return NULL;
    return !entry->mark.is_mark && !entry->resumes ? entry : NULL;
}

static struct snndev_entry *note(struct snndev_ring *ring)
{
    struct snndev_entry *entry = open_note(ring);
    return entry != NULL ? entry : push(ring);
}

/* What is short: a copy of it costs less than what comes with a transfer anyway. */
#define SHORT_PART 8u

bool snndev_ring_append(struct snndev_ring *ring, const uint8_t *bytes, size_t size)
{
    struct snndev_entry *entry = last(ring);
    if (entry == NULL || entry->bytes == NULL || size > ring->slot_bytes / SHORT_PART ||
        entry->size + size > ring->slot_bytes)
        return false;
    memcpy(entry->bytes + entry->size, bytes, size);
    entry->size += size;
    return true;
}

void snndev_ring_push_bytes(struct snndev_ring *ring, uint8_t *bytes, size_t begin, size_t size)
{
    struct snndev_entry *entry = push(ring);
    entry->bytes = bytes;
    entry->begin = begin;
    entry->size = size;
}

void snndev_ring_push_cut(struct snndev_ring *ring)
{
    note(ring)->cuts = true;
}

void snndev_ring_push_loss(struct snndev_ring *ring, uint64_t lost)
{
    if (lost > 0) note(ring)->lost += lost;
}

/* Of the last two entries: a note with a mark, and the loss behind it, if there is one. */
static struct snndev_entry *marked_note(struct snndev_ring *ring)
{
    struct snndev_entry *entry = last(ring);
    if (entry != NULL && entry == open_note(ring) && ring->count > 1)
        entry = &ring->entries[(ring->head + ring->count - 2) % ring->capacity];
    if (entry == NULL || entry->bytes != NULL) return NULL;
    return entry->mark.is_mark && !entry->resumes ? entry : NULL;
}

/* Of two marks the one to keep: what a reader may wait for. */
static bool outlives(const struct snnwire_item *mark, const struct snnwire_item *next)
{
    return next->mark == SNNWIRE_MARK_GAP || mark->mark == SNNWIRE_MARK_ERROR;
}

/* Joins the mark, and the loss in front of it, to the mark before. */
static void thin(struct snndev_ring *ring, struct snndev_entry *marked,
                 const struct snnwire_item *mark, struct snnwire_item *dropped_out)
{
    const bool keeps = outlives(&marked->mark, mark);
    *dropped_out = keeps ? *mark : marked->mark;
    if (!keeps) marked->mark = *mark;
    marked->thinned = true;
    if (last(ring) == marked) return;
    marked->lost += last(ring)->lost;
    ring->count--;
}

void snndev_ring_push_mark(struct snndev_ring *ring, const struct snnwire_item *mark,
                           struct snnwire_item *dropped_out)
{
    struct snndev_entry *marked = marked_note(ring);
    const bool full = ring->count + 3 * ring->slots >= ring->capacity;
    *dropped_out = (struct snnwire_item){.is_mark = false};
    if (full && marked != NULL)
        thin(ring, marked, mark, dropped_out);
    else
        note(ring)->mark = *mark;
}

void snndev_ring_push_resume(struct snndev_ring *ring, uint32_t skipped, const uint8_t *residue,
                             uint32_t residue_size)
{
    struct snndev_entry *entry = note(ring);
    entry->resumes = true;
    entry->skipped = skipped;
    entry->residue_size = residue_size;
    memcpy(entry->residue, residue, residue_size);
}

bool snndev_ring_pop(struct snndev_ring *ring, struct snndev_entry *out)
{
    if (ring->count == 0) return false;
    *out = ring->entries[ring->head];
    ring->head = (ring->head + 1) % ring->capacity;
    ring->count--;
    return true;
}

const struct snndev_entry *snndev_ring_peek(const struct snndev_ring *ring, uint32_t index)
{
    return index < ring->count ? &ring->entries[(ring->head + index) % ring->capacity] : NULL;
}
