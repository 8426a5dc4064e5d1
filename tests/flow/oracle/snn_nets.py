"""Random small nets with input and options for the oracle's comparisons, each from a seed.

In every other net weights and biases lie on a coarse grid (tenths, thirds, sevenths) and thresholds
are 1: sums then land on the threshold up to rounding, so that spikes tell in which order and with
what rounding they were made.
"""

import dataclasses

import numpy as np

import snn_encode
import snn_lower
from snn_model import Layer, Model, Neurons, derive_shape, derive_shapes

QUANTILES = [0.9, 0.99, 0.999, 1.0]
PROFILE = {"name": "odd", "description": "all constants, none round", "source": "made up",
           "synop_pj": 3.7, "update_pj": 0.3, "io_event_pj": 11.0, "mac_pj": 0.9,
           "static_mw": 0.0123}


@dataclasses.dataclass
class Case:
    """A net, what goes in, and how it is run."""
    name: str
    model: Model
    options: snn_lower.Options
    data: np.ndarray      # the input file: spike counts with a step axis, uint8 or float frames
    encoding: str         # None for exact spikes
    steps: int
    seed: int
    offset: int           # the first sample that is run
    labels: np.ndarray    # of all samples, or None
    rules: list
    accounting: str

    def input(self):
        """What the samples that are run send in: [sample][step][channels][rows][columns], counts
        or (current) values."""
        if self.encoding is None:
            return self.data[self.offset:].astype(np.float32)
        frames = snn_encode.intensities(self.data)
        return np.stack([snn_encode.encode(frames[i], self.encoding, self.steps, self.seed, i)
                         for i in range(self.offset, len(frames))])


class Builder:
    """Grows a model layer by layer; every method adds layers behind `self.tip`."""

    def __init__(self, rng, size):
        self.rng, self.size = rng, size  # "small", "wide" (many channels), "large" (maps)
        self.grid = self.pick(None, 10.0, 3.0, 7.0) if rng.random() < 0.67 else None
        self.layers, self.shapes, self.tip = [], {}, None

    def pick(self, *choices):
        return choices[self.rng.integers(len(choices))]

    def below(self, low, high):
        """A whole number from low to high."""
        return int(self.rng.integers(low, high + 1))

    def add(self, layer):
        self.shapes[layer.name] = derive_shape(layer, self.shapes)
        self.layers.append(layer)
        self.tip = layer.name
        return layer.name

    def shape(self, name=None):
        return self.shapes[name or self.tip]

    def channels(self):
        return self.below(30, 45) if self.size == "wide" else self.below(1, 6)

    def name(self, kind):
        return f"{kind}{len(self.layers)}"

    # -- Tensors --

    def weights(self, shape):
        fan_in = int(np.prod(shape[1:]))
        spread = self.pick(1.0, 2.0) / np.sqrt(fan_in)
        return self.on_grid(self.rng.normal(0.3 * spread, spread, shape))

    def on_grid(self, values):
        if self.grid is not None:
            values = np.round(values * self.grid) / self.grid
        return values.astype(np.float32)

    def bias(self, shape):
        kind = self.pick("none", "channel", "channel", "map")
        if kind == "none":
            return None
        return self.on_grid(self.rng.normal(0, 0.15, shape if kind == "map" else shape[:1]))

    def activation(self, layer, kind=None):
        layer.activation = kind or self.pick("relu", "relu", "relu", "clip")
        if layer.activation == "clip":
            layer.clip = float(self.pick(1.0, 0.8, 6.0))

    # -- Layers --

    def input(self):
        low, high = (17, 40) if self.size == "large" else (4, 9)
        shape = (self.below(1, 3), self.below(low, high), self.below(low, high))
        return self.add(Layer("input", "input", shape=shape))

    def finish(self, layer, activation):
        """Bias and activation of a weighted layer, then adds it."""
        layer.bias = self.bias(derive_shape(layer, self.shapes))
        self.activation(layer, activation)
        return self.add(layer)

    def conv(self, outputs=None, groups=1, same=False, activation=None, source=None):
        """`same`: keeps rows and columns."""
        source = source or self.tip
        channels, rows, columns = self.shape(source)
        outputs = outputs or self.channels() * groups
        kernel = self.pick((1, 1), (2, 2), (3, 3), (3, 2), (1, 3), (5, 5), (4, 7))
        if same:
            kernel = self.pick((1, 1), (3, 3), (3, 1))
        layer = Layer(self.name("conv"), "conv2d", (source,), kernel=kernel, groups=groups)
        if same:
            before = (kernel[0] // 2, kernel[1] // 2)
            layer.padding = before + before
        else:
            layer.stride = (self.pick(1, 1, 2), self.pick(1, 1, 2, 3))
            layer.dilation = (self.pick(1, 1, 2), self.pick(1, 1, 2))
            layer.padding = tuple(self.below(0, kernel[i % 2]) for i in range(4))
            reach = [layer.dilation[i] * (kernel[i] - 1) + 1 for i in (0, 1)]
            grow = [max(0, reach[i] - size) for i, size in enumerate((rows, columns))]
            layer.padding = tuple(p + grow[i % 2] for i, p in enumerate(layer.padding))
        layer.weights = self.weights((outputs, channels // groups, *kernel))
        return self.finish(layer, activation)

    def grouped(self):
        channels = self.shape()[0]
        divisors = [g for g in range(2, channels + 1) if channels % g == 0]
        return self.conv(groups=self.pick(*divisors) if divisors else 1)

    def depthwise(self):
        channels = self.shape()[0]
        return self.conv(outputs=channels * self.pick(1, 1, 2), groups=channels)

    def dense(self, outputs=None, flatten=None, activation=None):
        if self.pick(True, False) if flatten is None else flatten:
            self.add(Layer(self.name("flatten"), "flatten", (self.tip,)))
        layer = Layer(self.name("dense"), "dense", (self.tip,))
        layer.weights = self.weights((outputs or self.channels() + 2,
                                      int(np.prod(self.shape()))))
        return self.finish(layer, activation)

    def dense_only(self):
        return self.dense(flatten=False)

    def pool(self, kind=None):
        _, rows, columns = self.shape()
        kernel = tuple(min(size, self.below(1, 3)) for size in (rows, columns))
        stride = tuple(self.below(1, k) if self.rng.random() < 0.5 else k for k in kernel)
        padding = (0, 0, 0, 0)
        if self.rng.random() < 0.4:
            padding = tuple(self.below(0, kernel[i % 2] - 1) for i in range(4))
        kind = kind or self.pick("avg_pool2d", "avg_pool2d", "sum_pool2d")
        return self.add(Layer(self.name("pool"), kind, (self.tip,), kernel=kernel, stride=stride,
                              padding=padding))

    def max_pool(self):
        return self.pool("max_pool2d")

    def pool_chain(self):
        self.pool()
        return self.pool()

    def join(self, *inputs, activation=None):
        layer = Layer(self.name("add"), "add", inputs)
        self.activation(layer, activation)
        return self.add(layer)

    def residual_convs(self):
        """Two branches of their own, added before the activation."""
        source, channels = self.tip, self.channels()
        branches = [self.conv(channels, same=True, activation="none", source=source)
                    for _ in range(self.pick(2, 2, 3))]
        return self.join(*branches)

    def residual_identity(self):
        """Source plus a convolution of two layers over it; either may come first."""
        source = self.tip
        self.conv(same=True)
        inner = self.conv(self.shape(source)[0], same=True, activation="none")
        return self.join(*self.pick((source, inner), (inner, source)))

    def residual_nested(self):
        """An addition that nothing integrates, added once more."""
        source, channels = self.tip, self.shape()[0]
        first = self.conv(channels, same=True, activation="none", source=source)
        inner = self.join(first, source, activation="none")
        second = self.conv(channels, same=True, activation="none", source=source)
        return self.join(second, inner)

    def residual_pooled(self):
        """The shortcut passes a pool."""
        source = self.tip
        pooled = self.pool()
        self.tip = source
        window = self.layers[-1]
        layer = Layer(self.name("conv"), "conv2d", (source,), kernel=window.kernel,
                      stride=window.stride, padding=window.padding)
        channels = self.shape(source)[0]
        layer.weights = self.weights((channels, channels, *window.kernel))
        inner = self.finish(layer, "none")
        return self.join(pooled, inner)

    def residual_dense(self):
        """A dense layer, a convolution over the whole map, and a dense layer's spikes."""
        source, outputs = self.tip, self.channels()
        dense = self.dense(outputs, flatten=False, activation="none")
        conv = Layer(self.name("conv"), "conv2d", (source,), kernel=self.shape(source)[1:])
        conv.weights = self.weights((outputs, self.shape(source)[0], *conv.kernel))
        branches = [dense, self.finish(conv, "none")]
        if self.pick(True, False):
            self.tip = source
            branches.append(self.dense(outputs, flatten=False))
        return self.join(*(branches[i] for i in self.rng.permutation(len(branches))))

    def concat(self, *inputs):
        return self.add(Layer(self.name("concat"), "concat", inputs))

    def concat_maps(self):
        """Two or three maps of their own, now and then their source, or one of them twice."""
        source = self.tip
        parts = [self.conv(same=True, source=source) for _ in range(self.pick(2, 2, 3))]
        parts += self.pick([], [source], [parts[0]])
        return self.concat(*(parts[i] for i in self.rng.permutation(len(parts))))

    def concat_nested(self):
        """A concatenation in a concatenation, pooled alike."""
        source = self.tip
        inner = self.concat_maps()
        first = self.pool("avg_pool2d")
        window = self.layers[-1]
        assert window.inputs == (inner,)
        second = self.add(dataclasses.replace(window, name=self.name("pool"), kind="sum_pool2d",
                                              inputs=(source,)))
        return self.concat(*self.pick((first, second), (second, first)))

    def concat_vectors(self):
        """A flattened map and the outputs of a dense layer, which only a dense layer can take."""
        source = self.tip
        flat = self.add(Layer(self.name("flatten"), "flatten", (source,)))
        self.tip = source
        return self.concat(*self.pick((flat, self.dense()), (self.dense(), flat)))

    def twice(self):
        """The same spikes on both inputs of an addition."""
        return self.join(self.tip, self.tip)


BLOCKS = [
    ("conv", ["conv"]),
    ("conv_conv", ["conv", "conv"]),
    ("groups", ["conv", "grouped"]),
    ("depthwise", ["conv", "depthwise"]),
    ("depthwise_input", ["depthwise"]),
    ("dense", ["dense", "dense"]),
    ("avg_pool", ["conv", "pool", "conv"]),
    ("pool_chain", ["conv", "pool_chain", "conv"]),
    ("pool_input", ["pool", "conv"]),
    ("pool_chain_input", ["pool_chain", "dense"]),
    ("pool_dense", ["conv", "pool", "dense"]),
    ("residual_convs", ["conv", "residual_convs"]),
    ("residual_convs_input", ["residual_convs", "conv"]),
    ("residual_identity", ["conv", "residual_identity", "conv"]),
    ("residual_identity_input", ["residual_identity"]),
    ("residual_nested", ["conv", "residual_nested"]),
    ("residual_pooled", ["conv", "residual_pooled"]),
    ("residual_dense", ["conv", "residual_dense"]),
    ("twice", ["conv", "twice"]),
    ("concat", ["conv", "concat_maps", "conv"]),
    ("concat_input", ["concat_maps", "conv"]),
    ("concat_pool", ["conv", "concat_maps", "pool", "dense"]),
    ("concat_max_pool", ["conv", "concat_maps", "max_pool", "conv"]),
    ("concat_nested", ["conv", "concat_nested", "conv"]),
    ("concat_vectors", ["conv", "concat_vectors", "dense_only"]),
    ("max_pool", ["conv", "max_pool", "conv"]),
    ("max_pool_input", ["max_pool", "conv"]),
    ("max_pool_chain", ["conv", "max_pool", "pool", "max_pool", "dense"]),
]


def make_head(builder):
    """The output layer: dense, a convolution, or an addition, with an activation or without."""
    activation = builder.pick("none", "none", "relu", "clip")
    head = builder.pick("dense", "dense", "conv", "add")
    if np.prod(builder.shape()[1:]) > 100:  # as many classes are slow, and no better a test
        head = "dense"
    if head == "dense":
        builder.dense(builder.below(2, 7), activation=activation)
    elif head == "conv":
        builder.conv(builder.below(2, 4), activation=activation)
    else:
        source = builder.tip
        branches = [builder.conv(2, same=True, activation="none", source=source)
                    for _ in range(2)]
        builder.join(*branches, activation=activation)


def make_list(builder, shape, values):
    """values(shape) for all neurons, each channel or each neuron."""
    return values(builder.pick((1,), shape[:1], shape))


def make_neurons(builder, shape):
    rng = builder.rng
    v_init = lambda size: builder.on_grid(rng.uniform(-0.5, 1.5, size))
    v_min = lambda size: -np.abs(builder.on_grid(rng.uniform(0, 2, size)))
    return Neurons(
        make_list(builder, shape, lambda size: positive(rng, size)),
        builder.pick(None, make_list(builder, shape, v_init)),
        builder.pick(None, "none", make_list(builder, shape, v_min)),
        builder.pick("subtract", "subtract", "zero"))


def make_spiking(builder, model):
    """The net with neurons in place of activations, and behind its output or not."""
    layers, renamed = [], {}
    for layer in model.layers:
        layer.inputs = tuple(renamed.get(name, name) for name in layer.inputs)
        layers.append(layer)
        at_end = layer.name == model.output and builder.pick(True, True, False)
        if layer.activation != "none" or at_end:
            layer.activation = "none"
            renamed[layer.name] = layer.name + "_if"
            layers.append(Layer(layer.name + "_if", "if", (layer.name,),
                                neurons=make_neurons(builder, layer.shape)))
    return derive_shapes(dataclasses.replace(model, name=model.name + "-spiking", layers=layers,
                                             output=renamed.get(model.output, model.output)))


def positive(rng, shape):
    """Plausible thresholds, now and then on a coarse grid."""
    values = rng.uniform(0.4, 2.5, shape)
    if rng.random() < 0.5:
        values = np.round(values, 1)
    return values.astype(np.float32)


def quantiles(rng, shape):
    """Ascending along the last axis; dead channels and layers are 0 up to some quantile."""
    values = np.sort(positive(rng, shape), axis=-1)
    dead = rng.random(shape[:-1]) < 0.1
    values[dead, :rng.integers(len(QUANTILES) + 1)] = 0
    return values


def add_statistics(model, rng):
    """Ascending quantiles, and the recipes mse:4 (one a layer) and ltb (one a channel)."""
    model.quantiles = QUANTILES
    model.recipes = {"mse:4": {}, "ltb": {}}
    for layer in filter(model.is_neuronal, model.layers):
        channels = layer.shape[0]
        model.statistics[layer.name] = (quantiles(rng, (len(QUANTILES),)),
                                        quantiles(rng, (channels, len(QUANTILES))))
        model.recipes["mse:4"][layer.name] = positive(rng, 1)
        model.recipes["ltb"][layer.name] = positive(rng, channels)


def make_preprocess(rng, channels):
    count = channels if rng.random() < 0.5 else 1
    mean = [0.0] * count if rng.random() < 0.2 else list(np.round(rng.uniform(0, 0.5, count), 4))
    return {"scale": float(rng.choice([1 / 255, 1 / 128, 0.01])),
            "mean": [float(v) for v in mean],
            "std": [float(v) for v in np.round(rng.uniform(0.3, 1.5, count), 4)]}


def make_options(builder, has_max_pool):
    pick = builder.pick
    return snn_lower.Options(
        norm="none" if builder.grid else pick("none", "p99.9", "p99", "p90", "max", "mse:4", "ltb"),
        channelwise=pick(False, True), v0=pick(0.5, 0.5, 0.0, 0.3, -0.2, 1.25),
        v_min=pick(-1.0, -1.0, None, -0.7, 0.0, -2.3), reset=pick("subtract", "subtract", "zero"),
        n_max=pick(None, None, 1, 2, 5), output_gain=pick(1.0, 1.0, 4.0, 0.7, 2.5),
        readout=pick("spikes", "spikes", "spikes", "membrane"),
        max_pool=pick("avg", "or") if has_max_pool else None)


def make_rules(builder, readout, labels):
    """Rules on spikes need an output that fires, or a gain of their own."""
    rules = ["first", "count:2", "count:3@0.7", "margin:2", "margin:1@3", "membrane:0.75",
             "membrane:1.5@2", "softmax:0.6", "softmax:0.9@4", "first@4", "entropy:0.4",
             "entropy:0.8@2", "all", "all@3"]
    if labels is not None:
        rules += ["oracle", "oracle@0.7"]
    if readout == "membrane":
        rules = [rule for rule in rules
                 if "@" in rule or not rule.startswith(("first", "count", "margin"))]
    return [rules[i] for i in builder.rng.permutation(len(rules))[:builder.below(0, 4)]]


def make_spikes(builder, shape):
    """Exact input: counts of a random density, now and then large, now and then a dark sample."""
    rng = builder.rng
    samples, steps = builder.below(1, 5), builder.below(1, builder.pick(40, 40, 100))
    x = (rng.random((samples, steps, *shape)) < builder.pick(0.05, 0.3, 0.9)).astype(np.uint8)
    if rng.random() < 0.5:
        x *= rng.integers(1, builder.pick(3, 8, 256), x.shape).astype(np.uint8)
    if rng.random() < 0.3:
        x[rng.integers(samples)] = 0
    return x, None, steps


def make_frames(builder, shape):
    """Frames of bytes, or of floats in 0..1, with pixels at the ends of the range."""
    rng = builder.rng
    shape = (builder.below(1, 4), *shape)
    frames = rng.integers(0, 256, shape).astype(np.uint8)
    frames[rng.random(shape) < 0.3] = builder.pick(0, 255)
    if rng.random() < 0.3:
        frames = np.where(frames < 255, rng.random(shape), 1).astype(np.float32)
    return (frames, builder.pick("rate", "bernoulli", "current", "ttfs"),
            builder.below(1, builder.pick(40, 40, 100)))


def make_case(number):
    """Case `number`: its block by turns, all else by chance."""
    rng = np.random.default_rng(number)
    name, blocks = BLOCKS[number % len(BLOCKS)]
    builder = Builder(rng, rng.choice(["small", "wide", "large"], p=[0.77, 0.15, 0.08]))
    builder.input()
    for block in blocks:
        getattr(builder, block)()
    make_head(builder)
    model = derive_shapes(Model(f"{name}-{number}", builder.layers, builder.tip))
    if rng.random() < 0.4:
        model.preprocess = make_preprocess(rng, model.layers[0].shape[0])
    options = make_options(builder, "max_pool" in name)
    if rng.random() < 0.3:
        model = make_spiking(builder, model)
        options = dataclasses.replace(options, norm="none", channelwise=False)
    else:
        add_statistics(model, rng)
    data, encoding, steps = builder.pick(make_spikes, make_frames)(builder, model.layers[0].shape)
    classes = int(np.prod(model.layers[-1].shape))
    labels = rng.integers(0, min(classes, 256), len(data)) if rng.random() < 0.8 else None
    offset = int(rng.integers(len(data))) if rng.random() < 0.3 else 0
    readout = options.readout
    if model.is_spiking() and model.layer(model.output).kind != "if":
        readout = "membrane"
    return Case(model.name, model, options, data, encoding, steps, int(rng.integers(2**63)), offset,
                labels, make_rules(builder, readout, labels),
                builder.pick("exact", "exact", "sinabs-0.3.3"))
