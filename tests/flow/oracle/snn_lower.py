"""Lowering of the oracle: a model into populations of integrate-and-fire neurons.

By the rules of docs/semantics.md, which also give the order of the sums in a bias. Scales, factors
and biases are float64 and rounded to float32 once, when a weight or a bias is made. What has no
spiking form raises Unsupported.
"""

import dataclasses

import numpy as np

import snn_chip
import snn_model
from snn_window import convolve, sum_pool

F32 = np.float32
INPUT = -1
SPIKES_PER_STEP_MAX = 16777216
NEVER = snn_chip.NEVER


class Unsupported(Exception):
    """The graph has no spiking form."""


@dataclasses.dataclass
class Options:
    """What snnsim's options of the same names say; v0 and v_min in thresholds."""
    norm: str = "none"  # none, max, pXX or the name of a recipe
    channelwise: bool = False
    v0: float = 0.5
    v_min: float = -1.0  # None: no lower clip
    reset: str = "subtract"
    n_max: int = None
    output_gain: float = 1.0
    readout: str = "spikes"
    max_pool: str = None
    arith: str = "float"  # float, chip
    quant: str = "max"    # max, mse: for a chip
    corrections: tuple = ()  # names


@dataclasses.dataclass
class Spikes:
    """Events of a source, which pass pools before they arrive."""
    source: int              # index of a population, or INPUT
    source_shape: tuple
    shape: tuple             # after the pools; kept through a flatten
    scale: np.ndarray        # [channels] float64: the activation that one spike a step stands for
    pools: tuple = ()
    pool_scale: float = 1.0
    offset: np.ndarray = None  # [channels] float64, added to every activation: input only


@dataclasses.dataclass
class Branch:
    """One term of a sum: a weighted layer applied to spikes, or the spikes alone (layer None)."""
    layer: snn_model.Layer
    input: Spikes
    weights: np.ndarray = None  # float32 with the scales folded in


@dataclasses.dataclass
class Population:
    name: str
    shape: tuple
    branches: list
    bias: np.ndarray   # float32 [channels][1 or rows][1 or columns], or None
    scale: np.ndarray  # [channels] float64: the activation that one spike a step stands for
    threshold: F32
    v_init: F32
    v_min: F32
    n_max: int
    reset: str
    macs: int = 0
    neurons: tuple = None  # of a layer that has its own: threshold, v_init, v_min, before any gain
    raised: int = 0      # channels whose threshold a chip does not bear as it is
    chip: snn_chip.Quantised = None  # in whole numbers; neurons stay real


# ---- Weights and biases ----

def fold_weights(branch, scale):
    """float32(weight * (source scale * pools / destination scale)), the factor first."""
    layer, source = branch.layer, branch.input
    if layer is None:
        return (source.scale * source.pool_scale / scale).astype(F32)
    factor = source.scale[None, :] * source.pool_scale / scale[:, None]
    if layer.kind == "dense":
        weights = layer.weights.reshape(len(scale), *source.shape)
    else:
        weights = layer.weights
        channels = weights.shape[1]
        group = np.arange(len(scale)) // (len(scale) // layer.groups)
        columns = group[:, None] * channels + np.arange(channels)[None, :]
        factor = np.take_along_axis(factor, columns, axis=1)
    return (weights.astype(np.float64) * factor[:, :, None, None]).astype(F32)


def offset_current(branch, shape):
    """What the input's offset brings to each neuron, float64: a constant map through the pools,
    then the weights, summed in (channel, row, column) order."""
    source, layer = branch.input, branch.layer
    x = np.empty((1, *source.source_shape))
    x[:] = source.offset[:, None, None]
    for window in source.pools:
        x = sum_pool(x, window)
    x = x * source.pool_scale
    if layer is None:
        return x[0]
    zero = np.zeros((1, *shape))
    if layer.kind == "conv2d":
        return convolve(zero, x, layer, layer.weights.astype(np.float64), "cyx")[0]
    total = zero.reshape(-1)
    for column, value in zip(layer.weights.T.astype(np.float64), x.reshape(-1)):
        total = total + column * value
    return total.reshape(shape)


def fold_bias(branches, shape, scale, corrections=()):
    """float32(sum / scale): per branch first what the input's offset brings, then the bias; behind
    all of them the corrections."""
    total, present = np.zeros(shape), False
    for branch in branches:
        if branch.input.offset is not None:
            total, present = total + offset_current(branch, shape), True
        if branch.layer is not None and branch.layer.bias is not None:
            bias = branch.layer.bias.astype(np.float64)
            total, present = total + (bias if bias.ndim == 3 else bias[:, None, None]), True
    for values in corrections:
        total, present = total + values, True
    return (total / scale[:, None, None]).astype(F32) if present else None


def split_weights(layer, parts):
    """One branch for each part of joined maps, with the weights of its channels; the first has the
    bias."""
    if layer.kind == "add" or layer.groups > 1:
        raise Unsupported(layer.name)
    branches, first = [], 0
    for part in parts:
        count = part.shape[0] if layer.kind == "conv2d" else int(np.prod(part.shape))
        own = dataclasses.replace(layer, weights=layer.weights[:, first:first + count],
                                  bias=layer.bias if first == 0 else None)
        branches.append(Branch(own, part))
        first += count
    return branches


# ---- Layers ----

class Lowering:
    def __init__(self, model, options):
        self.model, self.options = model, options
        self.values = {}       # layer: Spikes, or a list of Branch that nothing integrated yet
        self.populations = []

    def thresholds(self, layer):
        """What the norm says, [channels]; 0 for channels that were never active."""
        options, channels = self.options, layer.shape[0]
        if options.norm in self.model.recipes:
            return np.broadcast_to(self.model.recipes[options.norm][layer.name], channels)
        probability = 1.0 if options.norm == "max" else float(options.norm[1:]) / 100
        column = int(np.argmin(np.abs(np.array(self.model.quantiles) - probability)))
        whole, by_channel = self.model.statistics[layer.name]
        values = np.full(channels, whole[column])
        if options.channelwise and layer.name != self.model.output:
            values = np.where(by_channel[:, column] > 0, by_channel[:, column], values)
        return values

    def threshold_scale(self, layer):
        """The activation that one spike a step stands for, [channels]."""
        channels = layer.shape[0]
        if self.options.norm == "none":
            return np.ones(channels)
        if layer.activation == "clip":
            return np.full(channels, float(F32(layer.clip)))
        values = self.thresholds(layer).astype(np.float64)
        if layer.name == self.model.output:
            return np.full(channels, values.max() or 1.0)
        return np.where(values > 0, values, values.max() or 1.0)

    def corrections(self, kind, layer):
        """What the options' corrections have for a layer, each [channels or 1][rows or 1][...]."""
        for name in self.options.corrections:
            found, layers = self.model.corrections[name]
            if found == kind and layer.name in layers:
                values = layers[layer.name].astype(np.float64)
                whole = values.size == np.prod(layer.shape) and values.size > layer.shape[0]
                yield values.reshape(layer.shape if whole else (-1, 1, 1))

    def own_neurons(self, layer):
        """Threshold, v_init and v_min of a layer of neurons, each [channels or 1][rows or 1]
        [columns or 1]; what it leaves out is the option times the threshold."""
        threshold, v_init, v_min = (
            values if values is None or isinstance(values, str)
            else values.reshape(values.shape if values.ndim == 3 else (-1, 1, 1))
            for values in (layer.neurons.threshold, layer.neurons.v_init, layer.neurons.v_min))
        if v_init is None:
            v_init = F32(self.options.v0) * threshold
        if v_min is None and self.options.v_min is not None:
            v_min = F32(self.options.v_min) * threshold
        return threshold, v_init, -NEVER if v_min is None or isinstance(v_min, str) else v_min

    def population(self, layer, branches, scale, n_max, reset):
        options = self.options
        for branch in branches:
            branch.weights = fold_weights(branch, scale)
        v_min = -NEVER if options.v_min is None else F32(options.v_min)
        bias = fold_bias(branches, layer.shape, scale, self.corrections("biases", layer))
        v_init, potentials = F32(options.v0), list(self.corrections("potentials", layer))
        if potentials:
            v_init = (float(v_init) + sum(potentials) / scale[:, None, None]).astype(F32)
        self.populations.append(Population(
            layer.name, layer.shape, branches, bias, scale, F32(1), v_init, v_min,
            n_max or SPIKES_PER_STEP_MAX, reset,
            sum(snn_model.macs(branch.layer) for branch in branches if branch.layer)))
        if layer.kind == "if":
            neurons = self.own_neurons(layer)
            self.populations[-1] = dataclasses.replace(
                self.populations[-1], threshold=neurons[0], v_init=neurons[1], v_min=neurons[2],
                neurons=neurons)
        return Spikes(len(self.populations) - 1, layer.shape, layer.shape, scale)

    def lower_input(self, layer):
        given = self.model.preprocess or {"scale": 1 / 255, "mean": [0.0], "std": [1.0]}
        channels = layer.shape[0]
        mean = np.broadcast_to(np.array(given["mean"], np.float64), channels)
        std = np.broadcast_to(np.array(given["std"], np.float64), channels)
        offset = -mean / std if mean.any() else None
        return Spikes(INPUT, layer.shape, layer.shape, 255.0 * given["scale"] / std, offset=offset)

    def lower_pool(self, layer, source):
        kind = layer.kind
        if isinstance(source, tuple):
            return tuple(self.lower_pool(dataclasses.replace(
                layer, name=f"{layer.name}[{i}]", shape=(part.shape[0], *layer.shape[1:])), part)
                for i, part in enumerate(source))
        if not isinstance(source, Spikes):
            raise Unsupported(layer.name)
        if kind == "max_pool2d":
            if self.options.max_pool is None:
                raise Unsupported(layer.name)
            if self.options.max_pool == "or":
                return self.lower_or_pool(layer, source)
            kind = "avg_pool2d"
        scale = 1.0 / (layer.kernel[0] * layer.kernel[1]) if kind == "avg_pool2d" else 1.0
        return dataclasses.replace(source, shape=layer.shape, pools=source.pools + (layer,),
                                   pool_scale=source.pool_scale * scale)

    def lower_or_pool(self, layer, source):
        """A neuron that fires once in every step in which one of its window did. The offset of a
        normalised input is the same all over the window, so it is added behind the maximum."""
        if source.offset is not None and source.pools:
            raise Unsupported(layer.name)
        events = dataclasses.replace(source, shape=layer.shape, pools=source.pools + (layer,),
                                     offset=None)
        spikes = self.population(layer, [Branch(None, events)], source.scale * source.pool_scale,
                                 1, "zero")
        population = self.populations[-1]
        population.branches[0].weights = np.ones(layer.shape[0], F32)
        population.v_init = F32(0)
        return dataclasses.replace(spikes, offset=source.offset)

    def lower_join(self, layer):
        """The parts of a concatenation as a tuple, those of its concatenated inputs among them."""
        parts = ()
        for name in layer.inputs:
            value = self.values[name]
            if isinstance(value, list):
                raise Unsupported(layer.name)
            parts += value if isinstance(value, tuple) else (value,)
        return parts

    def lower_neurons(self, layer):
        value = self.values[layer.inputs[0]]
        if isinstance(value, tuple):
            raise Unsupported(layer.name)
        branches = ([Branch(branch.layer, branch.input) for branch in value]
                    if isinstance(value, list) else [Branch(None, value)])
        return self.population(layer, branches, np.ones(layer.shape[0]), self.options.n_max,
                               layer.neurons.reset)

    def lower_sum(self, layer):
        """Convolution, dense or add: a sum of branches, integrated if there is an activation."""
        branches = []
        for name in layer.inputs:
            value = self.values[name]
            if isinstance(value, tuple):
                branches += split_weights(layer, value)
            elif layer.kind == "add" and not isinstance(value, Spikes):
                branches += [Branch(branch.layer, branch.input) for branch in value]
            elif layer.kind == "add" and value.shape != layer.shape:
                raise Unsupported(layer.name)  # flattened maps
            elif isinstance(value, Spikes):
                branches.append(Branch(None if layer.kind == "add" else layer, value))
            else:
                raise Unsupported(layer.name)
        if not self.model.is_neuronal(layer):
            return branches
        scale = self.threshold_scale(layer)
        least = scale.max() / 16 if self.options.arith == "chip" else 0.0
        value = self.population(layer, branches, np.maximum(scale, least), self.options.n_max,
                                self.options.reset)
        self.populations[-1].raised = int((scale < least).sum())
        return value

    def lower_layer(self, layer):
        if layer.kind == "input":
            return self.lower_input(layer)
        if layer.kind == "flatten":
            return self.values[layer.inputs[0]]
        if layer.kind == "concat":
            return self.lower_join(layer)
        if layer.kind == "if":
            return self.lower_neurons(layer)
        if layer.kind in snn_model.POOLS:
            return self.lower_pool(layer, self.values[layer.inputs[0]])
        return self.lower_sum(layer)

    def needed(self):
        """Names of the layers that the output depends on."""
        names = {self.model.output}
        for layer in reversed(self.model.layers):
            if layer.name in names:
                names.update(layer.inputs)
        return names

    def run(self):
        needed = self.needed()
        for layer in self.model.layers:
            if layer.name in needed:
                self.values[layer.name] = self.lower_layer(layer)
        return self.populations


def readout(output, options, gain):
    """real_readout, in the whole numbers of a chip if the output is."""
    real = real_readout(output, options, gain)
    if output.chip is None:
        return real
    return dataclasses.replace(real, **snn_chip.firing(real, output.chip.scale))


def real_readout(output, options, gain):
    """The output population with a threshold of its own; gain None: it adds up all that comes in,
    from 0 on, with no threshold and no lower clip."""
    if gain is None:
        return dataclasses.replace(output, threshold=NEVER, v_init=F32(0), v_min=-NEVER)
    if output.neurons is not None:
        threshold, v_init, v_min = output.neurons
        none = np.asarray(v_min) <= -NEVER
        return dataclasses.replace(
            output, threshold=threshold * F32(gain), v_init=v_init * F32(gain),
            v_min=np.where(none, -NEVER, np.where(none, F32(0), v_min) * F32(gain)))
    threshold = F32(gain)
    v_min = -NEVER if options.v_min is None else F32(options.v_min) * threshold
    return dataclasses.replace(output, threshold=threshold, v_init=F32(options.v0) * threshold,
                               v_min=v_min)


def lower(model, options):
    """The populations in the order of the model's layers; the last is the output."""
    populations = Lowering(model, options).run()
    fires = options.readout == "spikes"
    if model.is_spiking():
        fires = fires and model.layer(model.output).kind == "if"
    gain = options.output_gain if fires else None
    populations[-1] = readout(populations[-1], options, gain)
    if options.arith == "chip":
        populations = [snn_chip.quantise(population, options.quant) for population in populations]
    return populations
