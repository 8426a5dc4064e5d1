/* The scan: what the event thread has to know of words as they come, before anybody decodes them.
 *
 * It finds the marks among the words, however transfers cut them apart, and counts the events
 * between. It checks nothing: faults and losses are the decoder's business, behind it.
 */
#ifndef SNN_DEVICE_LINK_SCAN_H
#define SNN_DEVICE_LINK_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libsnn/wire/word.h"

/* Zeroed to begin with. */
struct snndev_scan {
    uint8_t residue[SNNWIRE_WORD_BYTES]; /* the begin of a word whose rest has not come */
    uint32_t residue_size;
};

/* What a step over the words found. */
struct snndev_scan_step {
    uint32_t events;  /* in front of the word, or up to the end of the bytes */
    bool found;       /* a word that is no event */
    uint64_t word;    /* that one */
    size_t begin;     /* where it begins; 0 if before these bytes */
    uint32_t residue; /* bytes of it that came with earlier ones, in scan->residue */
};

/* From `at` on, to the next word that is no event; returns where it went to. Call it until that is
 * `size`. */
size_t snndev_scan_next(struct snndev_scan *scan, const uint8_t *bytes, size_t size, size_t at,
                        struct snndev_scan_step *out);

/* Whether the word is a mark of that code. */
bool snndev_scan_is(uint64_t word, enum snnwire_mark mark);
/* Whether a block begins with it. */
bool snndev_scan_opens_block(uint64_t word);
/* The mark as an item. False: it is none that a reader hands out. */
bool snndev_scan_item(uint64_t word, struct snnwire_item *out);

#endif
