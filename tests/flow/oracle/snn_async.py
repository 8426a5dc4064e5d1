"""The oracle for asynchronous semantics: event for event, as docs/semantics.md words it.

One queue for all layers. A net keeps a log of what happened: every spike in the order in which it
was queued, and every visit to the neurons of a population. Populations come from snn_lower.py, in
float32 or in the whole numbers of a chip, whose potentials saturate at each event.
"""

import collections
import itertools

import numpy as np

import snn_chip
import snn_lower
from snn_encode import philox4x32
from snn_reach import behind_pools, receivers

ORDERS = ("raster", "interleave", "random")
ORDER_STREAM = 0x6F726465


def dither(place, shape):
    """Where `interleave` has an address, in 2^-32 of the step."""
    c, y, x = place
    pairs = range((max(shape[1:]) - 1).bit_length())
    bits = "".join(f"{(x ^ y) >> i & 1}{y >> i & 1}" for i in pairs) + f"{c:032b}"[::-1]
    return int(bits[:32].ljust(32, "0"), 2)


def arrivals(counts, order, seed=0, sample=0, step=0):
    """The events of a step [channels][rows][columns]: (time, address, place), in their order."""
    events = []
    for place in map(tuple, np.argwhere(counts)):
        (c, y, x), n = map(int, place), int(counts[place])
        address = (y * counts.shape[2] + x) * counts.shape[0] + c
        for k in range(n):
            time = (k * 2**32 + dither((c, y, x), counts.shape)) // n if order == "interleave" else 0
            if order == "random":
                words = [np.uint64(word) for word in (address, k, step, sample & 0xFFFFFFFF)]
                time = int(philox4x32(words, (seed & 0xFFFFFFFF, seed >> 32 ^ ORDER_STREAM))[0])
            events.append((time, address, (c, y, x)))
    return sorted(events)


class Cells:
    """Neurons of a population, numbered in (channel, row, column) order."""

    def __init__(self, p):
        spread = lambda values: np.array(np.broadcast_to(values, p.shape)).reshape(-1)
        self.v, self.threshold, self.v_min = map(spread, (p.v_init, p.threshold, p.v_min))
        self.chip, self.reset = p.chip, p.reset

    def visit(self, neurons, weights):
        """Each neuron once; those that fired."""
        v = self.v[neurons] + weights
        if self.chip:
            v = np.clip(v, snn_chip.LOW, snn_chip.HIGH)
        fired = v >= self.threshold[neurons]
        v[fired] = v[fired] - self.threshold[neurons][fired] if self.reset == "subtract" else 0
        self.v[neurons] = np.maximum(v, self.v_min[neurons])
        return neurons[fired]


class Net:
    """The state of a sample; `spikes` and `visits` are its log."""

    def __init__(self, populations, input_shape, serial=False):
        self.populations, self.queue, self.serial = populations, collections.deque(), serial
        self.shapes = {snn_lower.INPUT: input_shape,
                       **{i: p.shape for i, p in enumerate(populations)}}
        self.branches = [(i, b, receivers(p, b)) for i, p in enumerate(populations)
                         for b in p.branches]
        self.reset()

    def reset(self):
        self.cells, self.step = [Cells(p) for p in self.populations], 0
        self.spikes = []      # (step, population, place)
        self.visits = []      # (step, population, branch or None, neurons, weights)
        self.potentials = []  # [step][population]

    def visit(self, index, branch, neurons, weights):
        self.visits.append((self.step, index, branch, neurons, weights))
        for neuron in self.cells[index].visit(neurons, weights) if len(neurons) else ():
            spike = index, tuple(map(int, np.unravel_index(neuron, self.shapes[index])))
            self.spikes.append((self.step, *spike))
            self.queue.append(spike)

    def drain(self):
        while self.queue:
            source, place = self.queue.popleft()
            for index, branch, fans in self.branches:
                if branch.input.source == source:
                    shape = self.shapes[source][1:]
                    for at in behind_pools(branch.input.pools, shape, place):
                        self.visit(index, branch, *fans.get(at, ((), ())))

    def run_step(self, events):
        """`events` are (time, address, place); those of one time come together, or one after
        another in a serial net."""
        for _, together in itertools.groupby(events, key=lambda event: event[0]):
            for _, _, place in together:
                self.queue.append((snn_lower.INPUT, place))
                if self.serial:
                    self.drain()
            self.drain()
        for index, p in enumerate(self.populations):
            if p.bias is not None:
                bias = np.broadcast_to(p.bias, p.shape).reshape(-1)
                self.visit(index, None, np.arange(bias.size), bias)
                self.drain()
        self.potentials.append([cells.v.copy() for cells in self.cells])
        self.step += 1
