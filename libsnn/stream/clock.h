/* Clocks of cameras, which count up to a power of two and begin anew: counter -> time, the wraps
 * added up.
 *
 * A counter that is another one than before is late where the step back is one that cameras make,
 * else it is ahead, however far: there is no other way to tell a pause from a step back. An error
 * is made of what is late by whoever keeps times in order (recording.c).
 */
#ifndef SNN_STREAM_CLOCK_H
#define SNN_STREAM_CLOCK_H

#include <stdint.h>

/* Events of real cameras come up to milliseconds late. What steps back further is no jitter. */
#define SNNSTREAM_LATE_MAX_US UINT64_C(100000)

/* The time that a counter of `bits` bits tells behind the time `last`, both in units of 2^unit us.
 * Nothing is late behind a time before 0. */
static inline uint64_t snnstream_unwrap(uint64_t last, uint32_t counter, unsigned bits,
                                        unsigned unit)
{
    const uint64_t range = UINT64_C(1) << bits, one = UINT64_C(1) << unit;
    const uint64_t late_max = (SNNSTREAM_LATE_MAX_US + one - 1) >> unit;
    const uint64_t ahead = (counter - last) & (range - 1), behind = range - ahead;
    return behind <= late_max && behind <= last ? last - behind : last + ahead;
}

#endif
