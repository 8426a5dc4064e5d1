"""Encoders of the oracle: frames into input spikes [step][channel][row][column].

Written from the definitions in docs/semantics.md; the random numbers are Philox 4x32-10 as it was
published (Salmon et al., SC'11), with the key and counter named there.
"""

import math

import numpy as np

PHILOX_MULTIPLIER = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
PHILOX_WEYL = (0x9E3779B9, 0xBB67AE85)
LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)


def philox4x32(counter, key):
    """Ten rounds on four arrays of counters (as uint64) and two key words: four arrays."""
    c = [np.asarray(word, np.uint64) for word in counter]
    key = [int(word) for word in key]
    for _ in range(10):
        first, second = c[0] * PHILOX_MULTIPLIER[0], c[2] * PHILOX_MULTIPLIER[1]
        c = [(second >> HALF) ^ c[1] ^ np.uint64(key[0]), second & LOW,
             (first >> HALF) ^ c[3] ^ np.uint64(key[1]), first & LOW]
        key = [(word + weyl) & 0xFFFFFFFF for word, weyl in zip(key, PHILOX_WEYL)]
    return c


def random_numbers(seed, index, steps, shape):
    """The 32-bit numbers of sample `index`: [step][channel][row][column]."""
    channels, height, width = shape
    c, y, x = np.meshgrid(*map(np.arange, shape), indexing="ij")
    address = ((y * width + x) * channels + c).astype(np.uint64)
    out = np.empty((steps, *shape), np.uint64)
    key = (seed & 0xFFFFFFFF, seed >> 32)
    for block in range((steps + 3) // 4):
        ones = np.ones(shape, np.uint64)
        counter = (address, ones * np.uint64(block), ones * np.uint64(index & 0xFFFFFFFF),
                   ones * np.uint64(index >> 32))
        for lane, numbers in enumerate(philox4x32(counter, key)):
            if 4 * block + lane < steps:
                out[4 * block + lane] = numbers
    return out


def bernoulli(frame, steps, seed, index):
    limit = frame.astype(np.float64) * 2.0**32
    return (random_numbers(seed, index, steps, frame.shape) < limit).astype(np.float32)


def rate(frame, steps):
    """Error diffusion, in float32."""
    out = np.zeros((steps, *frame.shape), np.float32)
    accumulator = np.full(frame.shape, 0.5, np.float32)
    for step in range(steps):
        accumulator = accumulator + frame
        out[step] = accumulator >= 1
        accumulator = accumulator - out[step]
    return out


def ttfs(frame, steps):
    out = np.zeros((steps, *frame.shape), np.float32)
    for place in np.ndindex(frame.shape):
        p = float(frame[place])
        if p > 0:
            out[(math.floor((1 - p) * (steps - 1) + 0.5), *place)] = 1
    return out


def encode(frame, encoding, steps, seed=0, index=0):
    """`frame` [channel][row][column], float32 in 0..1."""
    if encoding == "bernoulli":
        return bernoulli(frame, steps, seed, index)
    if encoding == "rate":
        return rate(frame, steps)
    if encoding == "ttfs":
        return ttfs(frame, steps)
    assert encoding == "current"
    return np.broadcast_to(frame, (steps, *frame.shape))


def intensities(raw):
    """Bytes as float32 in 0..1; floats are that already."""
    return raw.astype(np.float32) / np.float32(255) if raw.dtype == np.uint8 else raw
