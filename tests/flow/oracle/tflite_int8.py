"""A quantised TFLite net, operator by operator, in the integers of the reference kernels.

Written from their formulae (tensorflow/lite/kernels: internal/common.h, quantization_util.cc,
reference/integer_ops, reference/reduce.h, add.cc, kernel_util.cc), in int64 and float64 of numpy;
shares nothing with the C code. Values are channels last with a batch, as in the file.
"""

import math

import numpy as np

from tflite_file import ACTIVATIONS


def rounded(x):
    """To the nearest integer, halves away from 0."""
    return math.copysign(math.floor(abs(x) + 0.5), x)


def quantize_multiplier(real):
    """(m, shift) with real = m * 2 ** (shift - 31)."""
    if real == 0.0:
        return 0, 0
    fraction, shift = math.frexp(real)
    m = int(rounded(fraction * 2.0 ** 31))
    if m == 1 << 31:
        m, shift = m // 2, shift + 1
    return (0, 0) if shift < -31 else (m, shift)


def high_mul(a, b):
    """SaturatingRoundingDoublingHighMul; the division truncates."""
    product = a.astype(np.int64) * b
    nudged = product + np.where(product >= 0, 1 << 30, 1 - (1 << 30))
    return np.sign(nudged) * (np.abs(nudged) >> 31)


def divide_by_pot(x, exponent):
    """RoundingDivideByPOT."""
    mask = (1 << exponent) - 1
    threshold = (mask >> 1) + (x < 0)
    return (x >> exponent) + ((x & mask) > threshold)


def scaled(x, multiplier):
    """MultiplyByQuantizedMultiplier; one multiplier, or one for each of the last axis."""
    m, shift = (np.asarray(part, np.int64) for part in multiplier)
    return divide_by_pot(high_mul(x << np.maximum(shift, 0), m), np.maximum(-shift, 0))


def clamp_range(activation, tensor):
    """CalculateActivationRangeQuantized, in float32."""
    scale, zero = np.float32(tensor.scale[0]), int(tensor.zero_point[0])

    def quantize(value):
        return zero + int(rounded(float(np.float32(value) / scale)))

    low = max(-128, quantize(0.0)) if activation else -128
    return low, min(127, quantize(6.0)) if activation == "RELU6" else 127


def padding_of(size, kernel, stride, dilation, same):
    """(before, after, outputs) along one axis."""
    reach = (kernel - 1) * dilation + 1
    if not same:
        return 0, 0, (size - reach) // stride + 1
    outputs = -(-size // stride)
    total = max((outputs - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2, outputs


def windows(x, kernel, stride, dilation, same, fill):
    """[batch][y][x][kernel row][kernel column][channel], and the padding of the four sides."""
    top, bottom, rows = padding_of(x.shape[1], kernel[0], stride[0], dilation[0], same)
    left, right, columns = padding_of(x.shape[2], kernel[1], stride[1], dilation[1], same)
    padded = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=fill)
    y = np.arange(rows)[:, None] * stride[0] + np.arange(kernel[0]) * dilation[0]
    z = np.arange(columns)[:, None] * stride[1] + np.arange(kernel[1]) * dilation[1]
    return padded[:, y[:, None, :, None], z[None, :, None, :]], (top, left, bottom, right)


def zero_of(tensor):
    return int(tensor.zero_point[0])


class Net:
    """All tensors of a file for a batch of inputs."""

    def __init__(self, file):
        self.file = file

    def run(self, inputs):
        """{tensor: int8 values} for int8 values of the net's input."""
        values = {self.file.inputs[0]: inputs.astype(np.int64)}
        for operator in self.file.operators:
            tensors = [self.file.tensors[i] if i >= 0 else None for i in operator.inputs]
            output = self.file.tensors[operator.outputs[0]]
            arguments = [values.get(i) for i in operator.inputs]
            kernel = getattr(self, operator.name.lower(), None)
            if kernel is None:
                raise NotImplementedError(operator.name)
            result = kernel(arguments, tensors, output, operator.options)
            if result is not None:
                values[operator.outputs[0]] = result
        return values

    @staticmethod
    def finish(sums, multiplier, output, activation):
        low, high = clamp_range(activation, output)
        return np.clip(scaled(sums, multiplier) + zero_of(output), low, high)

    def convolve(self, x, tensors, output, activation, sums):
        filters = tensors[1]
        real = [float(tensors[0].scale[0]) * float(s) / float(output.scale[0])
                for s in filters.scale]
        if tensors[2] is not None:
            sums = sums + tensors[2].data.astype(np.int64)
        multiplier = np.array([quantize_multiplier(r) for r in real]).T
        return self.finish(sums, multiplier if len(real) > 1 else multiplier[:, 0], output,
                           activation)

    def conv_2d(self, arguments, tensors, output, options):
        w = tensors[1].data.astype(np.int64)
        patches, _ = windows(arguments[0] - zero_of(tensors[0]), w.shape[1:3],
                             (options.number(2), options.number(1)),
                             (options.number(5, default=1), options.number(4, default=1)),
                             options.number(0, "<b") == 0, 0)
        sums = np.einsum("byxklc,oklc->byxo", patches, w, optimize=True)
        return self.convolve(arguments[0], tensors, output,
                             ACTIVATIONS[options.number(3, "<b")], sums)

    def depthwise_conv_2d(self, arguments, tensors, output, options):
        w = tensors[1].data.astype(np.int64)
        patches, _ = windows(arguments[0] - zero_of(tensors[0]), w.shape[1:3],
                             (options.number(2), options.number(1)),
                             (options.number(6, default=1), options.number(5, default=1)),
                             options.number(0, "<b") == 0, 0)
        times = w.shape[3] // patches.shape[5]
        sums = np.einsum("byxklo,klo->byxo", np.repeat(patches, times, axis=5), w[0],
                         optimize=True)
        return self.convolve(arguments[0], tensors, output,
                             ACTIVATIONS[options.number(4, "<b")], sums)

    def fully_connected(self, arguments, tensors, output, options):
        filters = tensors[1]
        x = arguments[0].reshape(len(arguments[0]), -1) - zero_of(tensors[0])
        sums = x @ filters.data.astype(np.int64).T
        if tensors[2] is not None:
            sums = sums + tensors[2].data.astype(np.int64)
        if len(filters.scale) > 1:
            return self.convolve(None, [tensors[0], filters, None], output,
                                 ACTIVATIONS[options.number(0, "<b")], sums)
        # The product of scales is taken in float32 here.
        real = float(np.float32(tensors[0].scale[0]) * np.float32(filters.scale[0]))
        return self.finish(sums, quantize_multiplier(real / float(output.scale[0])), output,
                           ACTIVATIONS[options.number(0, "<b")])

    def add(self, arguments, tensors, output, options):
        twice = 2.0 * max(float(t.scale[0]) for t in tensors)
        total = sum(scaled((x - zero_of(t)) << 20,
                           quantize_multiplier(float(t.scale[0]) / twice))
                    for x, t in zip(arguments, tensors))
        real = twice / ((1 << 20) * float(output.scale[0]))
        return self.finish(total, quantize_multiplier(real), output,
                           ACTIVATIONS[options.number(0, "<b")])

    def average_pool_2d(self, arguments, _tensors, output, options):
        kernel, stride = ((options.number(b), options.number(a)) for a, b in ((3, 4), (1, 2)))
        same = options.number(0, "<b") == 0
        patches, _ = windows(arguments[0], kernel, stride, (1, 1), same, 0)
        inside, _ = windows(np.ones_like(arguments[0]), kernel, stride, (1, 1), same, 0)
        total, count = patches.sum((3, 4)), inside.sum((3, 4))
        nudged = total + np.where(total > 0, count // 2, -(count // 2))
        means = np.sign(nudged) * (np.abs(nudged) // count)
        return np.clip(means, *clamp_range(ACTIVATIONS[options.number(5, "<b")], output))

    def max_pool_2d(self, arguments, _tensors, output, options):
        kernel, stride = ((options.number(b), options.number(a)) for a, b in ((3, 4), (1, 2)))
        patches, _ = windows(arguments[0], kernel, stride, (1, 1), options.number(0, "<b") == 0,
                             -128)
        return np.clip(patches.max((3, 4)),
                       *clamp_range(ACTIVATIONS[options.number(5, "<b")], output))

    def mean(self, arguments, tensors, output, _options):
        assert sorted(tensors[1].data.ravel()) == [1, 2]
        count = arguments[0].shape[1] * arguments[0].shape[2]
        m, shift = quantize_multiplier(float(tensors[0].scale[0]) / float(output.scale[0]))
        down = min(count.bit_length() - 1, 32, 31 + shift)
        total = arguments[0].sum((1, 2)) - zero_of(tensors[0]) * count
        means = scaled(total, ((m << down) // count, shift - down)) + zero_of(output)
        return np.clip(means, -128, 127).reshape(len(means), *output.shape[1:])

    def concatenation(self, arguments, tensors, output, _options):
        assert all(t.scale[0] == output.scale[0] and zero_of(t) == zero_of(output)
                   for t in tensors)
        return np.concatenate(arguments, axis=-1)

    def reshape(self, arguments, _tensors, output, _options):
        return arguments[0].reshape(len(arguments[0]), *output.shape[1:])

    def softmax(self, *_):
        """Changes no decision; nets end before it here."""
