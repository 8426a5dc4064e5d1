"""The oracle: an independent simulator of spiking nets, slow and plain, to hold snnsim against.

It shares no code with libsnn. The lowered net is executed layer by layer for all samples and steps
at once, from the receiving neuron's side: each neuron adds its inputs in (row, column, channel)
order, with one rounded multiply and one rounded add of float32 each. numpy neither fuses nor
reorders these, because every operation is elementwise. Inputs that do not spike are added too, as
+0 or -0: that leaves a sum that began with +0 untouched. Chip arithmetic takes the same way in
integers (snn_chip.py).
SynOps are counted from the same side, as the weights that spikes touched.
"""

import dataclasses

import numpy as np

import snn_chip
import snn_lower
from snn_window import convolve, sum_pool, touched

F32 = np.float32


@dataclasses.dataclass
class Activity:
    """What one population did; the leading axes are sample and step."""
    name: str
    spikes: np.ndarray     # [...][channels][rows][columns]
    potential: np.ndarray  # the same, after the step
    current: np.ndarray    # what the step added, the bias included
    events: np.ndarray     # [...] spikes that arrived, after the pools
    synops: np.ndarray     # [...] weights they touched
    macs: np.ndarray       # [...] the same for analog input
    sinabs: np.ndarray     # [...] SynOps as Sinabs 0.3.3 counts them


def arriving(x, source):
    """x [batch][channels][rows][columns] of a source as its pools deliver it."""
    for window in source.pools:
        x = sum_pool(x, window)
    return x


def deliver(total, x, branch, order):
    """total + what the events x bring through the weights of a branch."""
    layer, weights = branch.layer, branch.weights
    if layer is None:
        return total + x * weights[None, :, None, None]
    if layer.kind == "conv2d":
        return convolve(total, x, layer, weights, order)
    channels, rows, columns = weights.shape[1:]
    places = [(c, y, z) for y in range(rows) for z in range(columns) for c in range(channels)]
    for c, y, z in places if order == "yxc" else sorted(places):
        total = total + x[:, c, y, z, None, None, None] * weights[None, :, c, y, z, None, None]
    return total


def count_touched(x, branch):
    """Weights that the counts x touch, [batch]."""
    if branch.layer is not None and branch.layer.kind == "conv2d":
        return touched(x, branch.layer)
    outputs = 1 if branch.layer is None else branch.layer.weights.shape[0]
    return x.sum(axis=(1, 2, 3), dtype=np.float64) * outputs


def count_sinabs(x, branch):
    """Values after average pooling x C_out x k x k, whatever the borders, [batch]."""
    values = x.sum(axis=(1, 2, 3), dtype=np.float64) * branch.input.pool_scale
    if branch.layer is None:
        return values
    if branch.layer.kind == "dense":
        return values * branch.layer.weights.shape[0]
    outputs, _, rows, columns = branch.layer.weights.shape
    return values * (outputs // branch.layer.groups * rows * columns)


def integrate(current, population):
    """current [sample][step]...: spikes and potentials of every step."""
    if population.chip:
        return snn_chip.integrate(current, population)
    potential = np.full_like(current[:, 0], population.v_init)
    spikes, potentials = np.empty_like(current), np.empty_like(current)
    for step in range(current.shape[1]):
        potential = potential + current[:, step]
        n = np.where(potential > 0, np.trunc(potential / population.threshold), F32(0))
        n = np.minimum(n, F32(population.n_max))
        if population.reset == "subtract":
            potential = potential - n * population.threshold
        else:
            potential = np.where(n > 0, F32(0), potential)
        potential = np.maximum(potential, population.v_min)
        spikes[:, step], potentials[:, step] = n, potential
    return spikes, potentials


def execute(population, sources, analog, order):
    """One population on all that its sources did: an Activity."""
    samples, steps = sources[snn_lower.INPUT].shape[:2]
    number = np.int64 if population.chip else F32
    current = np.zeros((samples * steps, *population.shape), number)
    counts = {name: np.zeros(samples * steps) for name in ("events", "synops", "macs", "sinabs")}
    for branch in population.branches:
        source = sources[branch.input.source]
        x = arriving(source.reshape(samples * steps, *source.shape[2:]).astype(number),
                     branch.input)
        current = deliver(current, x, branch, order)
        if analog and branch.input.source == snn_lower.INPUT:
            counts["macs"] += count_touched((x != 0).astype(F32), branch)
            continue
        counts["events"] += x.sum(axis=(1, 2, 3), dtype=np.float64)
        counts["synops"] += count_touched(x, branch)
        counts["sinabs"] += count_sinabs(x, branch)
    if population.bias is not None:
        current = current + population.bias
    current = current.reshape(samples, steps, *population.shape)
    spikes, potential = integrate(current, population)
    counts = {name: value.reshape(samples, steps) for name, value in counts.items()}
    return Activity(population.name, spikes, potential, current, **counts)


def simulate(populations, x, analog=False, order="yxc"):
    """Runs input x [sample][step][channels][rows][columns]: one Activity a population. `analog`:
    values instead of spikes. `order`: "yxc"; "cyx" is wrong, to see that it would be noticed."""
    sources, activities = {snn_lower.INPUT: x.astype(F32)}, []
    with np.errstate(over="ignore"):
        for index, population in enumerate(populations):
            activities.append(execute(population, sources, analog, order))
            sources[index] = activities[-1].spikes
    return activities


def read_out(population, activity):
    """Spikes and potentials of a further readout over the output's currents."""
    if activity.current is None:  # asynchronous: steps have no sum
        return activity.read_out(population)
    with np.errstate(over="ignore"):
        return integrate(activity.current, population)
