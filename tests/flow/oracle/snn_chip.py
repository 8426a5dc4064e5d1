"""Chip arithmetic of the oracle: populations in whole numbers, by docs/semantics.md.

Weights, biases, thresholds and potentials become int64 arrays, in which every sum is exact. What a
chip cannot hold raises Refused.
"""

import dataclasses

import numpy as np

F32 = np.float32
NEVER = np.finfo(np.float32).max
WEIGHT_MAX, LOW, HIGH = 127, -32768, 32767


class Refused(Exception):
    """The net cannot be had in 8 and 16 bits."""


@dataclasses.dataclass
class Quantised:
    """How a population became whole numbers."""
    scale: F32
    limited_by: str
    weights_saturated: int
    weights_lost: int
    bits: float
    weight_error: float


def to_whole(values, scale, low, high):
    """float32 product, halves to even."""
    with np.errstate(over="ignore"):
        return np.clip(np.rint(np.asarray(values, F32) * scale), low, high).astype(np.int64)


def largest(tensors):
    return max((F32(np.abs(values).max()) for values in tensors if values is not None),
               default=F32(0))


def fitting(most, room):
    with np.errstate(divide="ignore", over="ignore"):
        return F32(room) / most if most > 0 else F32(np.inf)


def error_at(tensors, scale):
    """Sum of squares one after another, float64."""
    total = 0.0
    for values in tensors:
        whole = to_whole(values, scale, -WEIGHT_MAX, WEIGHT_MAX).astype(np.float64)
        error = whole / np.float64(scale) - values.astype(np.float64)
        total += np.cumsum((error * error).reshape(-1))[-1]
    return total


def choose_scale(population, weights, quant):
    """The scale and what limits it."""
    threshold = np.asarray(population.threshold, F32)
    fit, name = fitting(largest(weights), WEIGHT_MAX), "weights"
    limits = {"bias": fitting(largest([population.bias]), WEIGHT_MAX),
              "threshold": F32(np.inf) if (threshold >= NEVER).all()
              else fitting(threshold.max(), HIGH)}
    least = min(limits, key=limits.get)  # the first of equals
    scale = fit
    if quant == "mse" and np.isfinite(fit):
        with np.errstate(over="ignore"):
            scales = [min(fit * (F32(100) / F32(kept)), limits[least])
                      for kept in range(100, 19, -1)]
        name, scale = "error", min(scales, key=lambda s: error_at(weights, s))
    if np.isfinite(limits[least]) and limits[least] <= scale:
        name, scale = least, limits[least]
    return (scale, name) if np.isfinite(scale) else (F32(1), name)


def firing(population, scale):
    """Threshold, v_init and v_min of a population or readout in whole numbers."""
    threshold = np.asarray(population.threshold, F32)
    v_min = np.asarray(population.v_min, F32)
    none = v_min <= -NEVER
    v_min = np.where(none, LOW, to_whole(np.where(none, F32(0), v_min), scale, LOW, HIGH))
    v_init = to_whole(population.v_init, scale, LOW, HIGH)
    if (threshold >= NEVER).all():
        return {"threshold": NEVER, "v_init": v_init, "v_min": v_min}
    whole = np.rint(threshold * scale)
    if whole.min() < 1 or whole.max() > HIGH:
        raise Refused(f"{population.name}: thresholds {whole.min()} to {whole.max()}")
    return {"threshold": whole.astype(np.int64), "v_init": v_init, "v_min": v_min}


def quantise(population, quant):
    """The population in whole numbers; `neurons` stay real, for further readouts."""
    weights = [branch.weights for branch in population.branches]
    scale, limited_by = choose_scale(population, weights, quant)
    whole = [to_whole(values, scale, -WEIGHT_MAX, WEIGHT_MAX) for values in weights]
    bias = population.bias
    if bias is not None:
        bias = to_whole(bias, scale, -WEIGHT_MAX, WEIGHT_MAX)
    real = np.concatenate([values.reshape(-1) for values in weights])
    got = np.concatenate([values.reshape(-1) for values in whole])
    lost = int(((real != 0) & (got == 0)).sum())
    if lost and lost == (real != 0).sum():
        raise Refused(f"{population.name}: no weights left")
    error = got - real.astype(np.float64) * np.float64(scale)
    report = Quantised(scale, limited_by, int((np.abs(np.rint(real * scale)) > WEIGHT_MAX).sum()),
                       lost, np.log2(2.0 * np.abs(got).max() + 1), np.sqrt(np.mean(error * error)))
    branches = [dataclasses.replace(branch, weights=values)
                for branch, values in zip(population.branches, whole)]
    return dataclasses.replace(population, branches=branches, bias=bias, chip=report,
                               **firing(population, scale))


def integrate(current, population):
    """current [sample][step]..., int64: spikes and potentials of every step."""
    v = np.zeros_like(current[:, 0]) + population.v_init
    spikes, potentials = np.zeros_like(current), np.empty_like(current)
    for step in range(current.shape[1]):
        v = np.clip(v + current[:, step], LOW, HIGH)
        if not np.all(population.threshold == NEVER):
            n = np.minimum(np.where(v > 0, v // population.threshold, 0), population.n_max)
            v = v - n * population.threshold if population.reset == "subtract" else \
                np.where(n > 0, 0, v)
            spikes[:, step] = n
        v = np.maximum(v, population.v_min)
        potentials[:, step] = v
    return spikes, potentials


def saturations(population, activity):
    """How many potentials left 16 bits, over all steps."""
    before = np.roll(activity.potential, 1, axis=1)
    before[:, 0] = population.v_init
    sums = before + activity.current
    return int(((sums < LOW) | (sums > HIGH)).sum())
