"""One meaning in every opset: opsets.py RUN. RUN reads a model and runs it (run.c).

Old ways of saying what the newest opset says are written by hand here, next to what numpy makes of
them; and nets that PyTorch exports in each opset it knows must give PyTorch's own outputs.
"""

import io
import sys
import tempfile
import warnings
from pathlib import Path

from cases import SKIPPED, run

try:
    import numpy
    import onnx
    from onnx import TensorProto, helper, numpy_helper
except ImportError as reason:
    print(f"1..0 # SKIP {reason}")
    sys.exit(SKIPPED)

try:
    import torch
except ImportError:
    torch = None

RANDOM = numpy.random.default_rng(7)
TOLERANCE = 1e-5


def values(*shape):
    """Multiples of 1/8, so that sums of few are exact."""
    return (RANDOM.integers(-16, 17, shape) / 8).astype("float32")


# --- By hand --------------------------------------------------------------------------------------


def model(opset, node, inputs):
    """Bytes of a model of one node, of floats."""
    graph = helper.make_graph(
        [node], "hand",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, array.shape)
         for name, array in inputs.items()],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    made.ir_version = 3 if opset < 9 else 7
    return made.SerializeToString()


def node(operator, inputs="x", **attributes):
    return helper.make_node(operator, inputs.split(), ["y"], **attributes)


def softmax(x, axis, flatten):
    flat = x.reshape(int(numpy.prod(x.shape[:axis])), -1) if flatten else x
    over = 1 if flatten else axis
    power = numpy.exp(flat - flat.max(over, keepdims=True))
    return (power / power.sum(over, keepdims=True)).reshape(x.shape)


def pad(x, pads, value):
    half = len(pads) // 2
    return numpy.pad(x, list(zip(pads[:half], pads[half:])), constant_values=value)


def hand_cases():
    """Yields (name, model, inputs, expected)."""
    x, b2, b34 = values(2, 2, 3, 4), values(2), values(3, 4)
    one, flat = values(2, 1, 3, 1), values(2, 5)

    def case(name, opset, made, expected, **inputs):
        inputs = inputs or {"x": x}
        return f"{name}_{opset}", model(opset, made, inputs), list(inputs.values()), expected

    for opset in (1, 6):
        old = {"consumed_inputs": [0, 0]} if opset == 1 else {}
        for operator, function in (("Add", numpy.add), ("Sub", numpy.subtract),
                                   ("Mul", numpy.multiply)):
            yield case(f"{operator}_axis", opset, node(operator, "x b", broadcast=1, axis=1, **old),
                       function(x, b2[:, None, None]), x=x, b=b2)
        yield case("Add_last", opset, node("Add", "x b", broadcast=1, **old), x + b34, x=x, b=b34)
        yield case("Add_middle", opset, node("Add", "x b", broadcast=1, axis=-2, **old), x + b34,
                   x=x, b=b34)
        yield case("Relu", opset, node("Relu", **({"consumed_inputs": [0]} if opset == 1 else {})),
                   numpy.maximum(x, 0))
        yield case("Clip", opset, node("Clip", min=-0.5, max=1.0), numpy.clip(x, -0.5, 1.0))
        yield case("Sum", opset, node("Sum", "x b"), x + x, x=x, b=x)
        yield case("Dropout", opset, node("Dropout", ratio=0.25, is_test=1), x)
        yield case("Gemm", opset, node("Gemm", "x w c", broadcast=1, transB=1, alpha=0.5, beta=2.0),
                   0.5 * flat @ flat.T + 2.0 * b2, x=flat, w=flat, c=b2)
        scale, shift, mean, spread = values(2), values(2), values(2), numpy.abs(values(2)) + 1
        column = [array[:, None, None] for array in (scale, shift, mean, spread)]
        yield case("BatchNormalization", opset,
                   node("BatchNormalization", "x s b m v", is_test=1, spatial=1, epsilon=0.0,
                        **({"consumed_inputs": [0, 0, 0, 1, 1]} if opset == 1 else {})),
                   column[0] * (x - column[2]) / numpy.sqrt(column[3]) + column[1],
                   x=x, s=scale, b=shift, m=mean, v=spread)
    yield case("Cast", 1, node("Cast", to="FLOAT"), x)
    yield case("Concat", 1, node("Concat", "x b"), numpy.concatenate([x, x], 1), x=x, b=x)
    yield case("Reshape", 1, node("Reshape", shape=[0, -1]), x.reshape(2, -1))
    yield case("Pad", 1, node("Pad", paddings=[0, 0, 1, 2, 0, 0, 0, 1], value=1.5),
               pad(x, [0, 0, 1, 2, 0, 0, 0, 1], 1.5))
    for opset in (2, 10):
        yield case("Pad", opset, node("Pad", pads=[0, 0, 1, 2, 0, 0, 0, 1], value=1.5),
                   pad(x, [0, 0, 1, 2, 0, 0, 0, 1], 1.5))
    for opset in (1, 9):
        yield case("Slice", opset, node("Slice", starts=[1, -3], ends=[2, 100], axes=[1, 3]),
                   x[:, 1:2, :, -3:])
        yield case("Slice_all", opset, node("Slice", starts=[0, 1], ends=[1, 2]), x[0:1, 1:2])
    for opset in (1, 11, 12):
        yield case("Squeeze", opset, node("Squeeze", axes=[1]), one.squeeze(1), x=one)
        yield case("Squeeze_all", opset, node("Squeeze"), one.squeeze(), x=one)
        yield case("Unsqueeze", opset, node("Unsqueeze", axes=[0, 3]), x[None][:, :, :, None], x=x)
        yield case("Softmax", opset, node("Softmax"), softmax(x, 1, True))
        yield case("Softmax_2", opset, node("Softmax", axis=2), softmax(x, 2, True))
        yield case("LogSoftmax", opset, node("LogSoftmax"), numpy.log(softmax(x, 1, True)))
    yield case("Softmax", 13, node("Softmax"), softmax(x, 3, False))
    for opset in (1, 11, 13, 17):
        yield case("ReduceMean", opset, node("ReduceMean", axes=[2, 3]), x.mean((2, 3), keepdims=True))
        yield case("ReduceMean_all", opset, node("ReduceMean", keepdims=0), x.mean())
        yield case("ReduceMax", opset, node("ReduceMax", axes=[2, -1]), x.max((2, 3), keepdims=True))
        yield case("ReduceMax_all", opset, node("ReduceMax", keepdims=0), x.max())
    axes = numpy_helper.from_array(numpy.array([2, 3]), "axes")
    for operator, expected in (("ReduceMean", x.mean((2, 3))), ("ReduceMax", x.max((2, 3)))):
        for opset in (18, 21):
            late = onnx.ModelProto.FromString(
                model(opset, node(operator, "x axes", keepdims=0), {"x": x}))
            late.graph.initializer.append(axes)
            yield f"{operator}_{opset}", late.SerializeToString(), [x], expected
    for opset in (7, 9, 13, 14, 21):
        yield case("Add", opset, node("Add", "x b"), x + b34, x=x, b=b34)
        yield case("Flatten", opset, node("Flatten", axis=2), x.reshape(4, 12))
    for opset in (1, 7, 10, 11, 19, 21):
        yield case("AveragePool", opset,
                   node("AveragePool", kernel_shape=[3, 2], strides=[1, 2]),
                   numpy.stack([x[..., k:k + 2].mean((2, 3)) for k in (0, 2)], -1)[:, :, None])
        yield case("MaxPool", opset, node("MaxPool", kernel_shape=[3, 2], strides=[1, 2]),
                   numpy.stack([x[..., k:k + 2].max((2, 3)) for k in (0, 2)], -1)[:, :, None])


# --- By PyTorch -----------------------------------------------------------------------------------


def torch_cases():
    """The same, of nets that PyTorch exports."""
    layer = torch.nn

    class Branches(layer.Module):
        """What forward functions do beside their layers."""

        def __init__(self):
            super().__init__()
            self.one = layer.Conv2d(3, 4, 3, padding=1, groups=1)
            self.two = layer.Conv2d(4, 4, 3, padding=1, groups=2, bias=False)
            self.last = layer.Linear(8, 5)

        def forward(self, x):
            x = torch.relu(self.one((x - 0.5) / 0.25))
            x = torch.cat([x, torch.clamp(self.two(x) + x, 0, 6)], 1)
            x = layer.functional.pad(x, (1, 1, 1, 1))
            x = torch.nn.functional.avg_pool2d(x, 2, ceil_mode=True)
            x = x.mean([2, 3])
            return torch.log_softmax(self.last(x.view(x.size(0), -1)), 1)

    nets = {
        "lenet": (layer.Sequential(
            layer.Conv2d(1, 4, 5), layer.BatchNorm2d(4), layer.ReLU(), layer.MaxPool2d(2),
            layer.Conv2d(4, 6, 3, stride=2, dilation=2), layer.LeakyReLU(0.1), layer.Dropout(),
            layer.Flatten(), layer.Linear(96, 10), layer.BatchNorm1d(10), layer.Softmax(1)),
            (2, 1, 28, 28)),
        "branches": (Branches(), (2, 3, 7, 7)),
        "global": (layer.Sequential(
            layer.Conv2d(2, 3, 3, padding=1), layer.ReLU6(), layer.AdaptiveAvgPool2d(1),
            layer.Flatten(), layer.Linear(3, 2), layer.Sigmoid()), (2, 2, 6, 5)),
    }
    torch.manual_seed(1)
    for name, (net, shape) in nets.items():
        net.eval()
        x = torch.rand(shape)
        expected = net(x).detach().numpy()
        for opset in range(7, 18):
            for folding in (False, True):
                file = io.BytesIO()
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    torch.onnx.export(net, x, file, opset_version=opset,
                                      do_constant_folding=folding)
                yield f"{name}_{opset}{'_folded' * folding}", file.getvalue(), [x.numpy()], expected


def main(program):
    cases = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        made = list(hand_cases()) + (list(torch_cases()) if torch else [])
        for name, data, inputs, expected in made:
            cases[name] = expected
            (folder / f"{name}.onnx").write_bytes(data)
            for index, array in enumerate(inputs):
                (folder / f"{name}.in.{index}").write_bytes(array.astype("float32").tobytes())
        answers = run(program, folder, cases)
        failed = 0
        print(f"1..{len(cases)}")
        for name, expected in cases.items():
            verdict, *rest = answers.get(name, ["failed", name, "no answer"])
            if verdict == "ok":
                found = numpy.fromfile(folder / f"{name}.out.0", "float32")
                shape = [int(extent) for extent in rest[1].split(":")[1].split("x") if extent]
                same = list(numpy.shape(expected)) == shape
                gap = numpy.abs(found - numpy.ravel(expected)).max() if same else float("inf")
                good, text = gap <= TOLERANCE, f"differs by {gap:g}, shape {shape}"
            else:
                good, text = False, f"{verdict}: {rest[1]}"
            failed += not good
            print(f"ok - {name}" if good else f"not ok - {name} # {text}")
    print(f"# {len(cases) - failed} passed, {failed} failed; PyTorch: {'yes' if torch else 'no'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
