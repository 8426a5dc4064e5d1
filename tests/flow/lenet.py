"""The bundled LeNet-5 against the oracle, spike for spike: lenet.py SNNSIM

A few of the bundled digits: as Sinabs runs them (--compat sinabs) on exact Bernoulli spikes, and
with the default thresholds in every encoding. Every layer is made the output once, so that all
spikes of all neurons are compared.
"""

import dataclasses
import gzip
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
# In place of this folder, whose files may bear the names of modules that numpy imports.
sys.path[0] = os.path.join(HERE, "oracle")

import numpy as np

import snn_encode
import snn_lower
import snn_model
import snn_oracle
from snn_harness import Tap, Tool, spike_differences

DATA = os.path.join(HERE, "..", "..", "data")
MODEL = os.path.join(DATA, "lenet.json")
DIGITS = os.path.join(DATA, "digits", "digits-images-idx3-ubyte.gz")
SAMPLES, STEPS, SEED = 4, 40, 3


def digits():
    with gzip.open(DIGITS) as file:
        return np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)[:SAMPLES]


def encode(encoding):
    return np.stack([snn_encode.encode(frame, encoding, STEPS, SEED, index)
                     for index, frame in enumerate(snn_encode.intensities(digits()))])


def compare(tool, options, x, analog, *arguments):
    """With each layer of neurons as the output in turn."""
    model = snn_model.read(MODEL)
    path = tool.path("model.json")
    for name in [layer.name for layer in model.layers if model.is_neuronal(layer)]:
        cut = dataclasses.replace(model, output=name)
        snn_model.write(path, cut)
        activities = snn_oracle.simulate(snn_lower.lower(cut, options), x, analog)
        counts, layers, result = tool.run(path, *arguments)
        for text in spike_differences(activities, counts, layers):
            yield f"up to {name}: {text}"
        synops = [activity.synops.sum() / len(x) for activity in activities]
        if [layer["synops_mean"] for layer in result["layers"]] != synops:
            yield f"up to {name}: SynOps {result['layers']}, expected {synops}"


def compare_sinabs(tool):
    x = encode("bernoulli")
    np.save(tool.path("spikes.npy"), x.astype(np.uint8))
    yield from compare(tool, snn_lower.Options(norm="none", v0=0.0, v_min=-1.0), x, False,
                       "--input-spikes", tool.path("spikes.npy"), "--compat", "sinabs")


def compare_default(tool, encoding):
    """The options of snnsim are left alone."""
    yield from compare(tool, snn_lower.Options(norm="p99.9"), encode(encoding),
                       encoding == "current", "--data", DIGITS, "--samples", SAMPLES, "--timesteps",
                       STEPS, "--encoding", encoding, "--seed", SEED)


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="snn-lenet-") as folder:
        tool = Tool(sys.argv[1], folder)
        tap.test("--compat sinabs on exact Bernoulli spikes", compare_sinabs, tool)
        for encoding in ("rate", "bernoulli", "current", "ttfs"):
            tap.test(f"defaults, {encoding}", compare_default, tool, encoding)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
