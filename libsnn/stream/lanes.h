/* The inner loops of the encoders, many pixels at a time: random draws, and lists from marks.
 *
 * Bernoulli: the random number of a pixel and step is a lane of Philox 4x32-10 (libsnn/base/rng.h)
 * with
 *     key     = { seed, low and high half }
 *     counter = { address, step / 4, sample index, low and high half },   lane = step % 4
 * and the pixel spikes iff it is below p * 2^32. Nothing else goes in: not the order of the calls.
 *
 * The scalar loops are the specification, others equal them to the bit.
 */
#ifndef SNN_STREAM_LANES_H
#define SNN_STREAM_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Arrays of pixels are processed so many at a time: allocate multiples. */
#define SNNSTREAM_LANES 32u
/* Written at most behind the end of a list. */
#define SNNSTREAM_LIST_SLACK 8u

struct snnstream_draw {
    uint64_t seed;
    uint64_t index;          /* of the sample */
    const uint32_t *address; /* [count] of the pixels */
    const uint32_t *limit;   /* [count] spike iff the number is <= limit: p * 2^32 - 1 */
    size_t count;            /* a multiple of SNNSTREAM_LANES; what pads it is arbitrary */
};

struct snnstream_lanes {
    const char *level;
    /* The random numbers of steps 4 * block .. 4 * block + 3 against the limits: bits 0..3 of
     * spikes[count], 1 for a spike. */
    void (*draw)(const struct snnstream_draw *draw, uint32_t block, uint8_t *spikes);
    /* The addresses whose mark has bit `step`, in their order; returns their number. `count` is a
     * multiple of SNNSTREAM_LANES: marks that pad it are 0. */
    uint32_t (*list)(const uint32_t *restrict address, const uint32_t *restrict mark, size_t count,
                     uint32_t step, uint32_t *restrict list);
};

/* The best there is, or the kernel level asked for (NULL: none) or what comes next below it. */
void snnstream_lanes_init(struct snnstream_lanes *out, const char *level, bool has_avx2);

void snnstream_scalar_lanes(struct snnstream_lanes *out);
#if defined(__x86_64__)
void snnstream_avx2_lanes(struct snnstream_lanes *out);
#endif

#endif
