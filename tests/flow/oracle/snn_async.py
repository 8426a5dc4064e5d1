"""The oracle for asynchronous semantics: spike by spike, as docs/semantics.md words it.

One queue for all layers. `fans` lists for every input address of a synapse the neurons it reaches,
in (channel, row, column) order, and the weights; an event adds them one after another, each neuron
being checked at once. What the output was visited with is kept, for further readouts.
"""

import collections
import dataclasses

import numpy as np

import snn_lower
import snn_model
import snn_oracle
from snn_encode import philox4x32

F32 = np.float32
ORDER_STREAM = 0x6F726465
ORDERS = ("raster", "interleave", "random")


@dataclasses.dataclass
class AsyncActivity(snn_oracle.Activity):
    visits: list = None  # of the output: [sample][step] of (neurons, weights)

    def read_out(self, population):
        """Spikes and potentials of a further readout."""
        spikes, potential = np.zeros_like(self.spikes), np.zeros_like(self.potential)
        for sample, steps in enumerate(self.visits):
            cells = Cells(population)
            for step, visits in enumerate(steps):
                for neurons, weights in visits:
                    np.add.at(spikes[sample, step].reshape(-1), cells.visit(neurons, weights), 1)
                potential[sample, step] = cells.v.reshape(population.shape)
        return spikes, potential


class Cells:
    """Neurons of a population, numbered in (channel, row, column) order."""

    def __init__(self, population):
        spread = lambda values: np.broadcast_to(values, population.shape).astype(F32).reshape(-1)
        self.v = spread(population.v_init).copy()
        self.threshold, self.v_min = spread(population.threshold), spread(population.v_min)
        self.reset = population.reset

    def visit(self, neurons, weights):
        """v += w; one spike if v >= threshold; the lower clip. Neurons that fired."""
        v = self.v[neurons] + weights
        fired = v >= self.threshold[neurons]
        after = v - self.threshold[neurons] if self.reset == "subtract" else np.zeros_like(v)
        self.v[neurons] = np.maximum(np.where(fired, after, v), self.v_min[neurons])
        return neurons[fired]


def fans_of(population, branch):
    """{(channel, row, column): [(neuron, weight), ...]} seen from the receiving side."""
    fans, layer, weights = collections.defaultdict(list), branch.layer, branch.weights
    for neuron, (o, y, x) in enumerate(np.ndindex(*population.shape)):
        if layer is None:
            fans[o, y, x].append((neuron, weights[o]))
        elif layer.kind == "dense":
            for place in np.ndindex(*weights.shape[1:]):
                fans[place].append((neuron, weights[(o, *place)]))
        else:
            first = o // (weights.shape[0] // layer.groups) * weights.shape[1]
            for c, ky, kx in np.ndindex(*weights.shape[1:]):
                row = y * layer.stride[0] + ky * layer.dilation[0] - layer.padding[0]
                column = x * layer.stride[1] + kx * layer.dilation[1] - layer.padding[1]
                fans[first + c, row, column].append((neuron, weights[o, c, ky, kx]))
    return {place: (np.array([n for n, _ in fan]), np.array([w for _, w in fan], F32))
            for place, fan in fans.items()}


def through_pools(pools, shape, y, x):
    """The addresses behind the pools, as often as paths lead there, by (row, column)."""
    places = [(y, x)]
    for window in pools:
        rows, columns = snn_model.window_shape(window, *shape)
        places = [(r, q) for y, x in places for r in range(rows) for q in range(columns)
                  if 0 <= y + window.padding[0] - r * window.stride[0] < window.kernel[0]
                  and 0 <= x + window.padding[1] - q * window.stride[1] < window.kernel[1]]
        shape = (rows, columns)
    return sorted(places)


def time_of(order, address, k, n, seed, sample, step):
    """When event k of the n of an address comes, in 2^-32 of the step."""
    if order == "interleave":
        return (k * 2**32 + int(f"{address:032b}"[::-1], 2)) // n
    if order == "random":
        words = [np.array([word], np.uint64) for word in (address, k, step, sample & 0xFFFFFFFF)]
        return int(philox4x32(words, (seed & 0xFFFFFFFF, seed >> 32 ^ ORDER_STREAM))[0][0])
    return 0


def in_order(counts, order, seed, sample, step):
    """The events of one step [channels][rows][columns], as places."""
    channels, _, width = counts.shape
    events = []
    for c, y, x in np.argwhere(counts):
        address, n = int((y * width + x) * channels + c), int(counts[c, y, x])
        events += [(time_of(order, address, k, n, seed, sample, step), address, (c, y, x))
                   for k in range(n)]
    return [place for _, _, place in sorted(events)]


class Net:
    """Synapses by source, with their fans made once."""

    def __init__(self, populations, input_shape):
        self.populations = populations
        self.shapes = {snn_lower.INPUT: input_shape,
                       **{i: p.shape for i, p in enumerate(populations)}}
        self.synapses = [(i, branch, fans_of(p, branch)) for i, p in enumerate(populations)
                         for branch in p.branches]

        self.known = {}

    def through_pools(self, index, branch, source, y, x):
        key = (index, id(branch), y, x)
        if key not in self.known:
            self.known[key] = through_pools(branch.input.pools, self.shapes[source][1:], y, x)
        return self.known[key]

    def run(self, steps, activities, sample):
        """One sample: `steps` yields the places of the input's events in order, step by step."""
        cells = [Cells(p) for p in self.populations]
        queue = collections.deque()

        def visit(index, neurons, weights, step):
            if index == len(cells) - 1:
                activities[index].visits[sample][step].append((neurons, weights))
            for neuron in cells[index].visit(neurons, weights):
                place = np.unravel_index(neuron, self.populations[index].shape)
                activities[index].spikes[sample, step][place] += 1
                queue.append((index, place))

        def drain(step):
            while queue:
                source, (c, y, x) = queue.popleft()
                for index, branch, fans in self.synapses:
                    if branch.input.source != source:
                        continue
                    one = snn_oracle.count_sinabs(np.ones((1, 1, 1, 1), F32), branch)[0]
                    for place in self.through_pools(index, branch, source, y, x):
                        neurons, weights = fans.get((c, *place), (np.array([], int), None))
                        activities[index].events[sample, step] += 1
                        activities[index].synops[sample, step] += len(neurons)
                        activities[index].sinabs[sample, step] += one
                        if len(neurons):
                            visit(index, neurons, weights, step)

        for step, events in enumerate(steps):
            for place in events:
                queue.append((snn_lower.INPUT, place))
                drain(step)
            for index, population in enumerate(self.populations):
                if population.bias is not None:
                    bias = np.broadcast_to(population.bias, population.shape).reshape(-1)
                    visit(index, np.arange(bias.size), bias, step)
                    drain(step)
            for activity, c in zip(activities, cells):
                activity.potential[sample, step] = c.v.reshape(activity.potential.shape[2:])


def simulate(populations, x, order, seed=0, offset=0, streams=None):
    """Runs x [sample][step][channels][rows][columns]: one Activity a population. `streams`
    [sample][step] are the places of the events in the order in which they were recorded."""
    samples, steps = x.shape[:2]
    net, activities = Net(populations, x.shape[2:]), []
    for p in populations:
        counts = [np.zeros((samples, steps)) for _ in range(4)]
        activities.append(AsyncActivity(
            p.name, np.zeros((samples, steps, *p.shape), F32),
            np.zeros((samples, steps, *p.shape), F32), None, *counts,
            visits=[[[] for _ in range(steps)] for _ in range(samples)]))
    for i in range(samples):
        stream = streams[i] if streams else (in_order(x[i, step], order, seed, offset + i, step)
                                             for step in range(steps))
        net.run(stream, activities, i)
    return activities
