"""TFLite files for the oracle: tensors and operators, as far as quantised nets need them.

Reads the FlatBuffers by hand (https://flatbuffers.dev/internals/); the numbers of fields are those
of tensorflow/lite/schema/schema.fbs. Trusts the file: it is for files that are known to be good.
"""

import dataclasses
import struct

import numpy as np

DTYPES = {0: "<f4", 2: "<i4", 3: "u1", 4: "<i8", 9: "i1"}
OPERATORS = {0: "ADD", 1: "AVERAGE_POOL_2D", 2: "CONCATENATION", 3: "CONV_2D",
             4: "DEPTHWISE_CONV_2D", 6: "DEQUANTIZE", 9: "FULLY_CONNECTED", 17: "MAX_POOL_2D",
             22: "RESHAPE", 25: "SOFTMAX", 34: "PAD", 40: "MEAN", 114: "QUANTIZE"}
ACTIVATIONS = {0: None, 1: "RELU", 3: "RELU6"}


class Table:
    """A table: fields by number, with the default where one is absent."""

    def __init__(self, data, at):
        self.data, self.at = data, at
        self.vtable = at - struct.unpack_from("<i", data, at)[0]
        self.size = struct.unpack_from("<H", data, self.vtable)[0]

    def place(self, field):
        slot = 4 + 2 * field
        offset = 0
        if slot < self.size:
            offset = struct.unpack_from("<H", self.data, self.vtable + slot)[0]
        return self.at + offset if offset else None

    def number(self, field, kind="<i", default=0):
        at = self.place(field)
        return default if at is None else struct.unpack_from(kind, self.data, at)[0]

    def follow(self, field):
        at = self.place(field)
        return None if at is None else at + struct.unpack_from("<I", self.data, at)[0]

    def table(self, field):
        at = self.follow(field)
        return None if at is None else Table(self.data, at)

    def numbers(self, field, kind):
        at = self.follow(field)
        if at is None:
            return np.zeros(0, kind)
        count = struct.unpack_from("<I", self.data, at)[0]
        return np.frombuffer(self.data, kind, count, at + 4)

    def tables(self, field):
        at = self.follow(field)
        count = 0 if at is None else struct.unpack_from("<I", self.data, at)[0]
        for place in range(at + 4, at + 4 + 4 * count, 4) if count else ():
            yield Table(self.data, place + struct.unpack_from("<I", self.data, place)[0])

    def text(self, field):
        return self.numbers(field, "u1").tobytes().decode()


@dataclasses.dataclass
class Tensor:
    name: str
    shape: tuple
    dtype: str
    scale: np.ndarray       # float32, one or one a channel; empty: not quantised
    zero_point: np.ndarray
    data: np.ndarray = None  # of constants


@dataclasses.dataclass
class Operator:
    name: str
    inputs: list
    outputs: list
    options: Table


@dataclasses.dataclass
class File:
    tensors: list
    operators: list
    inputs: list
    outputs: list


def read_tensor(table, buffers):
    quantization = table.table(4)
    scale, zero = np.zeros(0, "<f4"), np.zeros(0, "<i8")
    if quantization is not None:
        scale, zero = quantization.numbers(2, "<f4"), quantization.numbers(3, "<i8")
    tensor = Tensor(table.text(3), tuple(int(n) for n in table.numbers(0, "<i4")),
                    DTYPES[table.number(1, "<b")], scale, zero)
    content = buffers[table.number(2, "<I")].numbers(0, "u1")
    if len(content):
        tensor.data = np.frombuffer(content.tobytes(), tensor.dtype).reshape(tensor.shape)
    return tensor


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    model = Table(data, struct.unpack_from("<I", data)[0])
    buffers = list(model.tables(4))
    codes = [max(code.number(0, "<b"), code.number(3)) for code in model.tables(1)]
    graph = next(model.tables(2))
    operators = [Operator(OPERATORS.get(codes[table.number(0, "<I")], codes[table.number(0, "<I")]),
                          [int(n) for n in table.numbers(1, "<i4")],
                          [int(n) for n in table.numbers(2, "<i4")], table.table(4))
                 for table in graph.tables(3)]
    return File([read_tensor(table, buffers) for table in graph.tables(0)], operators,
                [int(n) for n in graph.numbers(1, "<i4")],
                [int(n) for n in graph.numbers(2, "<i4")])
