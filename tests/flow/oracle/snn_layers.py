"""Small models, layer by layer, with random weights: for tests to whom only the shapes matter."""

import numpy as np

import snn_model
from snn_model import Layer


class Builder:
    """A model that grows: each method adds a layer behind the last (or behind `after`) and gives
    its name. Layers with weights have a ReLU until `model` makes the last one the output."""

    def __init__(self, name, *shape, seed=1):
        self.rng = np.random.default_rng(seed)
        self.name, self.layers = name, [Layer("input", "input", shape=shape)]
        self.shapes = {"input": shape}

    def add(self, layer):
        self.layers.append(layer)
        self.shapes[layer.name] = snn_model.derive_shape(layer, self.shapes)
        return layer.name

    def random(self, *shape):
        return self.rng.uniform(-1, 1, shape).astype(np.float32)

    def conv(self, name, features, kernel, after=None, bias=False, groups=1, **window):
        after = after or self.layers[-1].name
        rows, columns = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        pairs = {key: value if isinstance(value, tuple) else (value,) * (4 if key == "padding" else 2)
                 for key, value in window.items()}
        weights = self.random(features, self.shapes[after][0] // groups, rows, columns)
        return self.add(Layer(name, "conv2d", (after,), kernel=(rows, columns), groups=groups,
                              activation="relu", weights=weights,
                              bias=self.random(features) if bias else None, **pairs))

    def dense(self, name, features, after=None, bias=False):
        after = after or self.layers[-1].name
        return self.add(Layer(name, "dense", (after,), activation="relu",
                              weights=self.random(features, int(np.prod(self.shapes[after]))),
                              bias=self.random(features) if bias else None))

    def pool(self, name, kernel, stride=None, padding=0, after=None):
        after = after or self.layers[-1].name
        stride = stride or kernel
        return self.add(Layer(name, "avg_pool2d", (after,), kernel=(kernel, kernel),
                              stride=(stride, stride), padding=(padding,) * 4))

    def join(self, name, kind, *inputs):
        return self.add(Layer(name, kind, inputs, activation="relu" if kind == "add" else "none"))

    def neurons(self, name, **lists):
        """Neurons of their own for what is last, whose ReLU goes."""
        self.layers[-1].activation = "none"
        lists = {key: value if value == "none" else np.array(value, np.float32)
                 for key, value in lists.items()}
        return self.add(Layer(name, "if", (self.layers[-1].name,),
                              neurons=snn_model.Neurons(**lists)))

    def model(self):
        self.layers[-1].activation = "none"
        return snn_model.derive_shapes(
            snn_model.Model(self.name, self.layers, self.layers[-1].name))
