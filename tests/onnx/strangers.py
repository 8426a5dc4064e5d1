"""Nets that others trained and wrote: strangers.py RUN. RUN reads a model and runs it (run.c).

They lie below the folder that SNN_SHARED names (realfiles/models, mnist) and must recognise digits
as well as is known of them. One takes ten frames at once, which its reader must make one.
"""

import gzip
import os
import sys
import tempfile
from pathlib import Path

from cases import SKIPPED, run

SAMPLES = 500

# File: what a pixel 0..255 becomes, and the accuracy on all of MNIST's test set.
NETS = {
    "torch13_lenet.onnx": (lambda pixels: (pixels / 255 - 0.1307) / 0.3081, 0.9913),
    "cntk_mnist8.onnx": (lambda pixels: pixels, 0.9891),
}


def skip(reason):
    print(f"1..0 # SKIP {reason}")
    sys.exit(SKIPPED)


try:
    import numpy
except ImportError as missing:
    skip(missing)


def mnist(shared):
    def load(name, header):
        path = next(Path(shared, "mnist").rglob(name + "*"))
        data = path.read_bytes()
        data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
        return numpy.frombuffer(data, "uint8", offset=header)
    images = load("t10k-images", 16).reshape(-1, 1, 28, 28)
    return images[:SAMPLES].astype("float32"), load("t10k-labels", 8)[:SAMPLES]


def accuracy(program, path, frames, labels):
    """Of one net, and the messages of samples that it did not run on."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        names = [str(index) for index in range(len(frames))]
        for name, frame in zip(names, frames):
            (folder / f"{name}.onnx").symlink_to(path)
            (folder / f"{name}.in.0").write_bytes(frame.astype("float32").tobytes())
        answers = run(program, folder, names, "one")
        wrong = {answers[name][2] for name in names if answers[name][0] != "ok"}
        if wrong:
            return 0.0, wrong
        found = [numpy.fromfile(folder / f"{name}.out.0", "float32").argmax() for name in names]
        return (numpy.array(found) == labels).mean(), wrong


def main(program):
    shared = os.environ.get("SNN_SHARED")
    if not shared:
        skip("SNN_SHARED names no folder of outside data")
    models = Path(shared).resolve() / "realfiles" / "models"
    if not models.is_dir():
        skip(f"{models} is not there")
    images, labels = mnist(shared)
    failed = 0
    print(f"1..{len(NETS)}")
    for name, (preprocess, expected) in NETS.items():
        found, wrong = accuracy(program, models / name, preprocess(images), labels)
        # Four standard deviations of so many samples.
        slack = 4 * (expected * (1 - expected) / SAMPLES) ** 0.5
        good = found >= expected - slack
        failed += not good
        print(f"{'ok' if good else 'not ok'} - {name} recognises {found:.2%} of {SAMPLES} {wrong or ''}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
