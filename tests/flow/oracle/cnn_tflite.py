"""What a .tflite file computes for one frame in real numbers, by struct and NumPy: integers stand
for what their scale says, and nothing is rounded in between. For files that can be trusted."""

import struct

import numpy as np

import cnn_layers as layers

TYPES = {0: "<f4", 2: "<i4", 9: "<i1"}
ACTIVATIONS = {0: "linear", 1: "relu", 3: "relu6"}
ADD, AVERAGE_POOL, CONV, DEPTHWISE, DENSE = 0, 1, 3, 4, 9
RESHAPE, SOFTMAX, MEAN = 22, 25, 40


class Table:
    """A table of a FlatBuffer; fields by number."""

    def __init__(self, data, at):
        self.data, self.at = data, at
        self.vtable = at - self.load("i", at)

    def load(self, form, at):
        return struct.unpack_from("<" + form, self.data, at)[0]

    def place(self, field):
        entry = 4 + 2 * field
        if entry >= self.load("H", self.vtable):
            return 0
        offset = self.load("H", self.vtable + entry)
        return self.at + offset if offset else 0

    def number(self, field, form="i", default=0):
        at = self.place(field)
        return self.load(form, at) if at else default

    def target(self, field):
        at = self.place(field)
        return at + self.load("I", at) if at else 0

    def child(self, field):
        at = self.target(field)
        return Table(self.data, at) if at else None

    def items(self, field, dtype):
        at = self.target(field)
        count = self.load("I", at) if at else 0
        return np.frombuffer(self.data, dtype, count, at + 4)

    def tables(self, field):
        start = self.target(field) + 4
        return [Table(self.data, start + 4 * i + int(offset))
                for i, offset in enumerate(self.items(field, "<u4"))]


def real(stored, quantization, rank):
    if quantization is None or len(quantization.items(2, "<f4")) == 0:
        return stored.astype(np.float64)
    shape = [1] * max(rank, 1)
    scale, zero = quantization.items(2, "<f4"), quantization.items(3, "<i8")
    shape[quantization.number(6)] = len(scale)
    return scale.astype(np.float64).reshape(shape) * (stored - zero.reshape(shape))


def constants(model, tensors):
    """Values of those tensors that have a buffer, by index."""
    buffers, found = model.tables(4), {}
    for index, tensor in enumerate(tensors):
        data = buffers[tensor.number(2, "I")].items(0, "<u1")
        if len(data) > 0:
            shape = tensor.items(0, "<i4")
            stored = data.view(TYPES[tensor.number(1, "b")]).reshape(shape)
            found[index] = real(stored.astype(np.int64) if stored.dtype.kind == "i" else stored,
                                tensor.child(4), len(shape))
    return found


def compute(code, options, inputs):
    """One operator on values without their batch axis; weights as in the file."""
    x = inputs[0]
    same = options is not None and options.number(0, "b") == 0
    stride = options and (options.number(2), options.number(1))
    if code == CONV:
        y = layers.conv(x, inputs[1].transpose(1, 2, 3, 0), inputs[2], stride, same)
        return layers.activate(y, ACTIVATIONS[options.number(3, "b")])
    if code == DEPTHWISE:
        w = inputs[1]
        w = w.reshape(*w.shape[1:3], x.shape[2], -1)
        y = layers.depthwise(x, w, inputs[2], stride, same)
        return layers.activate(y, ACTIVATIONS[options.number(4, "b")])
    if code == DENSE:
        y = inputs[1] @ x.reshape(-1) + inputs[2]
        return layers.activate(y, ACTIVATIONS[options.number(0, "b")])
    if code == AVERAGE_POOL:
        return layers.average_pool(x, (options.number(4), options.number(3)), stride, same)
    if code == ADD:
        return layers.activate(x + inputs[1], ACTIVATIONS[options.number(0, "b")])
    if code == MEAN:
        return x.mean(axis=(0, 1))
    if code == RESHAPE:
        return x.reshape(inputs[1].astype(int)[1:])
    if code == SOFTMAX:
        return layers.softmax(x)
    raise ValueError(code)


def load(path):
    with open(path, "rb") as file:
        data = file.read()
    model = Table(data, struct.unpack_from("<I", data)[0])
    graph = model.tables(2)[0]
    return model, graph, graph.tables(0)


def input_shape(path):
    """Without the batch axis."""
    _, graph, tensors = load(path)
    return tuple(tensors[graph.items(1, "<i4")[0]].items(0, "<i4")[1:])


def forward(path, frame):
    model, graph, tensors = load(path)
    codes = [max(code.number(0, "b"), code.number(3)) for code in model.tables(1)]
    values = constants(model, tensors)
    values[graph.items(1, "<i4")[0]] = frame.astype(np.float64)
    for op in graph.tables(3):
        inputs = [values[i] for i in op.items(1, "<i4")]
        values[op.items(2, "<i4")[0]] = compute(codes[op.number(0, "I")], op.child(4), inputs)
    return values[graph.items(2, "<i4")[0]].reshape(-1)
