"""SynOps of convolutions as Sinabs counts them at the receiving side: synops.py SNNSIM

Reads $SNN_SHARED/realfiles/synops, exported from the tests of Sinabs: spikes of 20 steps x 3 x 9 x
9 and, for a convolution with 5 outputs of 18 kernel sizes, strides and paddings, the weights that
they touch, as the mean over the steps. One more is the first layer of the same tests' model, whose
weights are given. snnsim must count exactly as many; SynOps do not depend on the weights' values.
"""

import json
import os
import sys
import tempfile

# In place of this folder, whose files may bear the names of modules that numpy imports.
sys.path[0] = os.path.join(os.path.dirname(os.path.abspath(__file__)), "oracle")

import numpy as np

import snn_model
from snn_harness import Tap, Tool

OUTPUTS = 5


def make_model(weights, stride, padding):
    shape = (weights.shape[1], 9, 9)
    conv = snn_model.Layer("conv", "conv2d", ("input",), kernel=weights.shape[2:],
                           stride=(stride, stride), padding=(padding,) * 4, weights=weights)
    return snn_model.Model("synops", [snn_model.Layer("input", "input", shape=shape), conv], "conv")


def compare(tool, weights, stride, padding, expected):
    """`expected` is the mean over the steps."""
    snn_model.write(tool.path("model.json"), make_model(weights, stride, padding))
    spikes = tool.path("spikes.npy")
    for kernel in tool.kernels:
        _, _, result = tool.run(tool.path("model.json"), "--norm", "none", "--input-spikes", spikes,
                                "--kernel", kernel)
        found = result["layers"][0]["synops_mean"] / len(np.load(spikes))
        if found != expected or result["synops_mean"] != result["layers"][0]["synops_mean"]:
            yield f"{kernel}: {found} SynOps a step, expected {expected}"


def run(tap, tool, folder):
    x = np.load(os.path.join(folder, "input_20x3x9x9_f32.npy"))
    np.save(tool.path("spikes.npy"), x.astype(np.uint8))
    with open(os.path.join(folder, "expected.json"), encoding="utf-8") as file:
        expected = json.load(file)
    rng = np.random.default_rng(0)
    for key, value in expected["conv_layer_synops_kernel_stride_pad"].items():
        kernel, stride, padding = map(int, key.split("-"))
        weights = rng.normal(0, 1, (OUTPUTS, x.shape[1], kernel, kernel)).astype(np.float32)
        tap.test(f"kernel {kernel}, stride {stride}, padding {padding}", compare, tool, weights,
                 stride, padding, value)
    tap.test("first layer of the model", compare, tool,
             np.load(os.path.join(folder, "conv0_w.npy")), 1, 1,
             expected["model_synops_per_timestep"]["0"])


def main():
    shared = os.environ.get("SNN_SHARED")
    folder = os.path.join(shared or "", "realfiles", "synops")
    tap = Tap()
    if not shared or not os.path.isdir(folder):
        tap.skip("SynOps of Sinabs", f"{folder if shared else 'SNN_SHARED'} is not there")
        return tap.end()
    with tempfile.TemporaryDirectory(prefix="snn-synops-") as place:
        run(tap, Tool(sys.argv[1], place), folder)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
