"""ResNet-8 of MLPerf Tiny as a spiking net, against the CNN that it is: resnet.py SNNSIM

The model (pretrainedResnet.h5 below SNN_SHARED/realfiles) is for CIFAR-10, of which no image is
here. Frames are dead leaves, discs over discs with the statistics of natural images (Lee, Mumford,
Huang, "Occlusion Models for Natural Images", IJCV 41, 2001), and the right answer is the CNN's,
of frames that it is sure about. Most of the net's logits are negative, which spikes of the output
cannot tell: the output's potentials decide.
"""

import os
import subprocess
import sys

# At the end: files of this folder may bear the names of modules that numpy imports.
sys.path.append(sys.path.pop(0))

import flow
import realfiles

try:
    import numpy as np
except ImportError:
    np = None

MODEL = "pretrainedResnet.h5"
SIDE, SAMPLES, MARGIN = 32, 120, 2.0
STEPS = 64


def leaves(seed, count):
    """Discs of random colour over one another, the density of their radii falling as r^-3."""
    random = np.random.default_rng(seed)
    grid = np.arange(SIDE) + 0.5
    frames = np.zeros((count, 3, SIDE, SIDE))
    for frame in frames:
        base = random.uniform(0, 1, (3, 1, 1))
        frame[:] = base
        for _ in range(60):
            radius = 1.5 / np.sqrt(random.uniform(0.004, 1))
            y, x = random.uniform(0, SIDE, 2)
            inside = (grid[:, None] - y) ** 2 + (grid[None, :] - x) ** 2 < radius * radius
            colour = np.clip(base + random.normal(0, 0.35, (3, 1, 1)), 0, 1)
            frame[:] = np.where(inside, colour, frame)
    return (255 * frames).astype(np.uint8)


def prepare(place):
    """net.json, calibrated; test frames with the CNN's decisions as labels."""
    if np is None:
        raise flow.Skip("this python has no numpy")
    realfiles.supported(place, MODEL)
    np.save(place.at("train.npy"), leaves(1, 200))
    tool = os.path.join(realfiles.TOOLS, "snnconvert")
    answer = subprocess.run(
        [tool, realfiles.model(MODEL), "-o", "net.json", "--preprocess", "scale=1", "--calibrate",
         "train.npy"], cwd=place.folder, capture_output=True, text=True, check=False)
    flow.require(answer.returncode == 0, "not converted", answer)
    frames = leaves(2, 4 * SAMPLES)
    logits = realfiles.values(place, MODEL, frames / 255.0, scale=1.0)
    ordered = np.sort(logits, axis=1)
    sure = np.flatnonzero(ordered[:, -1] - ordered[:, -2] > MARGIN)[:SAMPLES]
    flow.require(len(sure) >= SAMPLES // 2, f"the CNN is sure about {len(sure)} frames only")
    np.save(place.at("test.npy"), frames[sure])
    decided = logits[sure].argmax(1)
    flow.require(len(set(decided)) >= 5, f"the CNN knows {set(decided)} only")
    place.write("labels-idx1", flow.idx([len(sure)], [int(c) for c in decided]))


def accuracy(place, *options):
    answer = place.run("net.json", "--data", "test.npy", "--labels", "labels-idx1", "--timesteps",
                       STEPS, "--encoding", "rate", "--readout", "membrane", "--json",
                       "out.json", *options)
    flow.require(answer.returncode == 0, "no run", answer)
    result = place.read_json("out.json")["results"][0]
    flow.require(result["cnn_accuracy"] == 1.0, f"the CNN has {result['cnn_accuracy']} of its own")
    return result


def case(options, after_half, after_all):
    def test(place):
        prepare(place)
        result = accuracy(place, *options)
        steps = result["accuracy_by_step"]
        found = steps[STEPS // 2 - 1], steps[STEPS - 1]
        print(f"# accuracy {' '.join(options)}: {found[0]:.3f} after {STEPS // 2} steps, "
              f"{found[1]:.3f} after {STEPS}, {result['synops_mean'] / 1e6:.1f} M SynOps")
        flow.require(found[0] >= after_half and found[1] >= after_all, f"accuracies {found}")
    return f"ResNet-8 decides as the CNN, {' '.join(options)}", test


CASES = [
    case(["--norm", "p99.9"], 0.60, 0.75),
    case(["--norm", "p99.9", "--channelwise"], 0.75, 0.88),
]

if __name__ == "__main__":
    sys.exit(flow.report(CASES, sys.argv[1]))
