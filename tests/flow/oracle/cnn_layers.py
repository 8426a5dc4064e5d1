"""Layers of trained CNNs on one picture, height x width x channels, in float64 NumPy. Written from
the definitions of Keras and TensorFlow, apart from the library."""

import numpy as np


def pads(extent, kernel, stride, same):
    """TensorFlow's padding along an axis: none, or as little as keeps ceil(extent / stride)
    positions, the odd one behind."""
    if not same:
        return 0, 0
    total = max((-(-extent // stride) - 1) * stride + kernel - extent, 0)
    return total // 2, total - total // 2


def windows(x, kernel, stride, same, fill):
    """Every window: [positions y, positions x, kernel y, kernel x, channels]."""
    (top, bottom), (left, right) = (pads(x.shape[i], kernel[i], stride[i], same) for i in (0, 1))
    padded = np.pad(x, ((top, bottom), (left, right), (0, 0)), constant_values=fill)
    view = np.lib.stride_tricks.sliding_window_view(padded, kernel, axis=(0, 1))
    return np.moveaxis(view[::stride[0], ::stride[1]], 2, 4)


def conv(x, weights, bias, stride, same):
    """Weights [kernel y, kernel x, in, out], as Keras keeps them."""
    return np.einsum("yxhwi,hwio->yxo", windows(x, weights.shape[:2], stride, same, 0.0),
                     weights) + bias


def depthwise(x, weights, bias, stride, same):
    """Weights [kernel y, kernel x, in, multiplier]."""
    y = np.einsum("yxhwi,hwim->yxim", windows(x, weights.shape[:2], stride, same, 0.0), weights)
    return y.reshape(*y.shape[:2], -1) + bias


def average_pool(x, kernel, stride, same):
    return np.nanmean(windows(x, kernel, stride, same, np.nan), axis=(2, 3))


def max_pool(x, kernel, stride, same):
    return windows(x, kernel, stride, same, -np.inf).max(axis=(2, 3))


def softmax(x):
    powers = np.exp(x - x.max())
    return powers / powers.sum()


def activate(x, name):
    return {"linear": lambda: x, "relu": lambda: np.maximum(x, 0),
            "relu6": lambda: np.clip(x, 0, 6), "softmax": lambda: softmax(x)}[name]()
