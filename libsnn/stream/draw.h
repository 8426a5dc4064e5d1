/* Bernoulli draws for many pixels at once: the inner loop of the `bernoulli` encoding.
 *
 * The random number of a pixel and step is a lane of Philox 4x32-10 (libsnn/base/rng.h) with
 *     key     = { seed, low and high half }
 *     counter = { address, step / 4, sample index, low and high half },   lane = step % 4
 * and the pixel spikes iff it is below p * 2^32. Nothing else goes in: not the order of the calls.
 */
#ifndef SNN_STREAM_DRAW_H
#define SNN_STREAM_DRAW_H

#include <stddef.h>
#include <stdint.h>

/* Arrays are processed so many at a time: allocate multiples. */
#define SNNSTREAM_DRAW_LANES 32u

struct snnstream_draw {
    uint64_t seed;
    uint64_t index;          /* of the sample */
    const uint32_t *address; /* [count] of the pixels */
    const uint32_t *limit;   /* [count] spike iff the number is <= limit: p * 2^32 - 1 */
    size_t count;            /* a multiple of SNNSTREAM_DRAW_LANES; what pads it is arbitrary */
};

/* The random numbers of steps 4 * block .. 4 * block + 3 against the limits: bits 0..3 of
 * spikes[count], 1 for a spike. */
void snnstream_draw_block(const struct snnstream_draw *draw, uint32_t block, uint8_t *spikes);

#endif
