"""What a chip does with the registers in a .chip.json file (docs/formats/program.md), event by event.

The oracle for chip programs, written from the semantics of a core in docs/semantics.md. It knows
neither nets nor layers nor the library: cores, destinations, memories, and one queue of events.
"""

import base64
import collections
import itertools
import json
import zlib

import numpy as np

SENSOR, LOW, HIGH = -1, -32768, 32767
Destination = collections.namedtuple("Destination", "layer pooling feature_shift")


def unpack(value, shape):
    """Whole numbers of a tensor, or one for all."""
    if isinstance(value, int):
        return np.full(shape, value)
    data = zlib.decompress(base64.b64decode(value["data"]))
    kind = {"int8": "<i1", "int16": "<i2"}[value["dtype"]]
    return np.frombuffer(data, kind).astype(int).reshape(shape)


def destinations(value):
    return [Destination(*(entry[field] for field in Destination._fields))
            for entry in value["destinations"]]


class Core:
    """Registers and memories of one core."""

    def __init__(self, value):
        self.layer, self.part = value["layer_index"], value["feature_first"]
        self.name, self.index = value["layer"], value["core"]
        self.input, self.output = value["input"], value["output"]
        self.kernel, self.stride, self.pad = (value["kernel_size"], value["stride"],
                                              value["padding"])
        self.low, self.high = value["threshold_low"], value["threshold_high"]
        self.to_zero, self.destinations = value["reset"] == "zero", destinations(value)
        self.weights = unpack(value["weights"],
                              (self.output[0], self.input[0], self.kernel, self.kernel))
        self.bias = unpack(value["bias"], (self.output[0], 1, 1)) if "bias" in value else None
        self.v_init = unpack(value["v_init"], self.output)
        self.reset()

    def reset(self):
        self.v, self.spikes = self.v_init.copy(), np.zeros(self.output, int)
        self.events = self.synops = 0

    def reached(self, axis, at):
        """Outputs along an axis that an input position reaches, and the taps it takes there."""
        pairs = [(out, at + self.pad[axis] - out * self.stride[axis])
                 for out in range(self.output[1 + axis])]
        pairs = [pair for pair in pairs if 0 <= pair[1] < self.kernel]
        return [out for out, _ in pairs], [tap for _, tap in pairs]

    def visit(self, rows, columns, weights):
        """v += w once at each neuron (f, rows, columns), in that order; the spikes it makes."""
        place = np.ix_(range(self.output[0]), rows, columns)
        v = np.clip(self.v[place] + weights, LOW, HIGH)
        fired = v >= self.high
        v[fired] = 0 if self.to_zero else v[fired] - self.high
        self.v[place] = np.maximum(v, self.low)
        self.spikes[place] += fired
        return [(int(f), rows[y], columns[x]) for f, y, x in np.argwhere(fired)]

    def event(self, channel, y, x):
        """An input event at an address; outside of the input map it is lost."""
        if y >= self.input[1] or x >= self.input[2]:
            return []
        rows, taps_y = self.reached(0, y)
        columns, taps_x = self.reached(1, x)
        weights = self.weights[:, channel][:, taps_y][:, :, taps_x]
        self.events, self.synops = self.events + 1, self.synops + weights.size
        return self.visit(rows, columns, weights)

    def tick(self):
        return self.visit(list(range(self.output[1])), list(range(self.output[2])), self.bias)


class Chip:
    """A program in its initial state."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
        self.cores = [Core(core) for core in value["cores"]]
        self.by_index = {core.index: core for core in self.cores}
        self.input, self.sensor = value["input"]["shape"], destinations(value["input"])
        self.readout, self.spread = value["chip"]["readout_layer"], value["output"]["spread"]
        self.counts, self.queue = np.zeros(value["output"]["classes"], int), collections.deque()

    def reset(self):
        for core in self.cores:
            core.reset()

    def send(self, source, f, y, x):
        core = self.by_index.get(source)
        for to in core.destinations if core else self.sensor:
            if to.layer == self.readout:
                _, height, width = core.output
                number = ((f + to.feature_shift) // self.spread * height + y) * width + x
                self.counts[number] += 1
                continue
            spikes = self.by_index[to.layer].event(f + to.feature_shift, y // to.pooling,
                                                   x // to.pooling)
            self.queue.extend((to.layer, *spike) for spike in spikes)

    def drain(self):
        while self.queue:
            self.send(*self.queue.popleft())

    def step(self, events):
        """`events` are (time, place) in their order, each to its end before the next, be their
        times equal or not; then the biases, layer by layer. Class counts of the step."""
        self.counts[:] = 0
        for core in self.cores:
            core.events = core.synops = 0
        for _, place in events:
            self.queue.append((SENSOR, *place))
            self.drain()
        for _, parts in itertools.groupby(self.cores, key=lambda core: core.layer):
            for core in parts:
                if core.bias is not None:
                    self.queue.extend((core.index, *spike) for spike in core.tick())
            self.drain()
        return self.counts.copy()
