"""Sliding windows for the oracle, seen from the receiving side: what all output positions find
under one position of the kernel.

Arrays are [batch][channel][row][column] of any type; sums are elementwise, one term after another.
"""

import numpy as np

import snn_model


def places(window, group_channels, order):
    """(ky, kx, c) for each kernel position and channel of a group; `order` names the slowest axis
    first."""
    ky, kx, c = range(window.kernel[0]), range(window.kernel[1]), range(group_channels)
    if order == "yxc":
        return [(a, b, d) for a in ky for b in kx for d in c]
    return [(a, b, d) for d in c for a in ky for b in kx]


def views(x, window, group_channels, order="yxc"):
    """Yields (ky, kx, c, view) in this order: view [batch][group][row][column] is what the output
    positions find in channel c of each group of so many channels."""
    top, left, bottom, right = window.padding
    rows, columns = snn_model.window_shape(window, *x.shape[2:])
    source = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    for ky, kx, c in places(window, group_channels, order):
        y, x_first = ky * window.dilation[0], kx * window.dilation[1]
        y_end = y + (rows - 1) * window.stride[0] + 1
        x_end = x_first + (columns - 1) * window.stride[1] + 1
        yield ky, kx, c, source[:, c::group_channels, y:y_end:window.stride[0],
                                x_first:x_end:window.stride[1]]


def sum_pool(x, window):
    """Sums over windows, each channel by itself, in (row, column) order; the type stays."""
    total = None
    for _, _, _, view in views(x, window, 1):
        total = view if total is None else total + view
    return total


def convolve(total, x, layer, weights, order="yxc"):
    """total + x convolved with weights [out][in / groups][ky][kx], one term after another."""
    repeat = weights.shape[0] // layer.groups
    for ky, kx, c, view in views(x, layer, weights.shape[1], order):
        total = total + np.repeat(view, repeat, axis=1) * weights[None, :, c, ky, kx, None, None]
    return total


def touched(x, layer):
    """How many weights of a convolution the counts x touch, [batch] in float64: each count under
    each kernel position of each output position, once for every output channel of its group."""
    outputs, group_channels = layer.weights.shape[:2]
    total = np.zeros(x.shape[0])
    for _, _, _, view in views(x, layer, group_channels):
        total += view.sum(axis=(1, 2, 3), dtype=np.float64) * (outputs // layer.groups)
    return total
