"""Where a single event goes: behind the pools, and which neurons it reaches there."""

import collections

import numpy as np

import snn_model


def receivers(population, branch):
    """{place behind the pools: ([neuron, ...], [weight, ...])}, neurons ascending."""
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
    return {place: tuple(map(np.array, zip(*fan))) for place, fan in fans.items()}


def behind_pools(pools, shape, place):
    """The places behind the pools, each as often as paths lead there, rows before columns."""
    places = [place[1:]]
    for window in pools:
        inside = lambda at, out, axis: (
            0 <= at + window.padding[axis] - out * window.stride[axis] < window.kernel[axis])
        shape = snn_model.window_shape(window, *shape)
        places = [(r, q) for y, x in places for r in range(shape[0]) for q in range(shape[1])
                  if inside(y, r, 0) and inside(x, q, 1)]
    return [(place[0], *at) for at in sorted(places)]
