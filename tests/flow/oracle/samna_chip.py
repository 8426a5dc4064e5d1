"""A chip of the DynapCNN kind that executes config.json on events.csv, as docs/formats/samna.md and
docs/semantics.md have it. It knows the vendor's members only, and nothing of how they came about.
"""

import collections
import csv

import numpy as np


class Core:
    def __init__(self, members, readout_layer):
        d = members["dimensions"]
        self.columns, self.rows = d["input_shape"]["size"]["x"], d["input_shape"]["size"]["y"]
        self.channels = d["input_shape"]["feature_count"]
        self.kernel = d["kernel_size"]
        self.stride, self.padding = d["stride"], d["padding"]
        out = d["output_shape"]
        shape = (out["feature_count"], out["size"]["x"], out["size"]["y"])
        self.weights = np.array(members["weights"])  # [feature][channel][x][y]
        self.biases = np.array(members["biases"])
        self.initial = np.array(members["neurons_initial_value"])  # [feature][x][y]
        assert self.weights.shape == (shape[0], self.channels, self.kernel, self.kernel)
        assert self.initial.shape == shape and self.biases.shape == shape[:1]
        self.leaks = members["leak_enable"]
        self.high, self.low = members["threshold_high"], members["threshold_low"]
        self.to_zero = members["return_to_zero"]
        self.monitored = members["monitor_enable"]
        self.destinations = [to for to in members["destinations"]
                             if to["enable"] and to["layer"] != readout_layer]

    def reset(self):
        self.v = self.initial.copy()

    @staticmethod
    def reached(at, size, kernel, stride, padding):
        """Positions of neurons along one axis that an event at `at` reaches."""
        return [o for o in range(size) if 0 <= at + padding - o * stride < kernel]

    def add(self, window, values):
        """Adds to the neurons of a window; spikes as (feature, x, y), by feature, row, column."""
        v = self.v[window] + values
        fired = v >= self.high
        v = np.where(fired, 0 if self.to_zero else v - self.high, v)
        self.v[window] = np.clip(np.maximum(v, self.low), -32768, 32767)
        return [(f, x, y) for f, y, x in np.argwhere(fired.transpose(0, 2, 1))]

    def take(self, feature, x, y):
        """An event at an address of the input map."""
        if not (feature < self.channels and x < self.columns and y < self.rows):
            return []
        _, width, height = self.v.shape
        xs = self.reached(x, width, self.kernel, self.stride["x"], self.padding["x"])
        ys = self.reached(y, height, self.kernel, self.stride["y"], self.padding["y"])
        if not xs or not ys:
            return []
        kx = [x + self.padding["x"] - o * self.stride["x"] for o in xs]
        ky = [y + self.padding["y"] - o * self.stride["y"] for o in ys]
        values = self.weights[:, feature][:, kx][:, :, ky]
        window = (slice(None), slice(xs[0], xs[-1] + 1), slice(ys[0], ys[-1] + 1))
        return [(f, xs[0] + i, ys[0] + j) for f, i, j in self.add(window, values)]

    def tick(self):
        return self.add((slice(None),) * 3, self.biases[:, None, None])


class Chip:
    """Cores and the events between them, first in, first out."""

    def __init__(self, config):
        self.config = config
        layers = config["configuration"]["cnn_layers"]
        used = [i for i, members in enumerate(layers) if members is not None]
        self.cores = {i: Core(layers[i], readout_layer=12) for i in used}
        # Cores of one layer, layers in their order.
        self.parts = {}
        for layer in config["layers"]:
            self.parts.setdefault(layer["name"], []).append(layer["core"])
        self.queue = collections.deque()

    def send(self, core, spikes):
        if self.cores[core].monitored:
            for f, x, y in spikes:
                self.counts[self.class_of(core, f, x, y)] += 1
        self.queue.extend((to["layer"], f + to["feature_shift"], x // to["pooling"],
                           y // to["pooling"])
                          for f, x, y in spikes for to in self.cores[core].destinations)

    def class_of(self, core, feature, x, y):
        out = next(out for out in self.config["outputs"] if out["layer"] == core)
        size, pooling = self.config["output_size"], out["pooling"]
        feature = (feature + out["feature_shift"]) // self.config["readout_spread"]
        return (feature * size["y"] + y // pooling) * size["x"] + x // pooling

    def drain(self):
        while self.queue:
            core, *address = self.queue.popleft()
            self.send(core, self.cores[core].take(*address))

    def tick(self):
        """The slow clock: layer by layer, so that a layer's spikes are over before the next's."""
        for cores in self.parts.values():
            for core in cores:
                if self.cores[core].leaks:
                    self.send(core, self.cores[core].tick())
            self.drain()

    def run(self, rows, steps):
        """Spikes [step][class] of one sample's rows of events.csv."""
        for core in self.cores.values():
            core.reset()
        counts, at = [], 0
        for step in range(steps):
            self.counts = np.zeros(self.config["class_count"], int)
            end = (step + 1) * self.config["dt_us"]
            while at < len(rows) and rows[at]["timestamp_us"] < end:
                time = rows[at]["timestamp_us"]
                while at < len(rows) and rows[at]["timestamp_us"] == time:
                    row = rows[at]
                    self.queue.append((row["layer"], row["feature"], row["x"], row["y"]))
                    at += 1
                self.drain()
            self.tick()
            counts.append(self.counts)
        assert at == len(rows), "events behind the last step"
        return np.array(counts)


def read_table(path):
    """Rows of whole numbers by the names of their columns, grouped by sample."""
    samples = {}
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            row = {key: int(value) for key, value in row.items()}
            samples.setdefault(row["sample"], []).append(row)
    return samples
