#!/usr/bin/env python3
"""Train the classic LeNet-5 on MNIST and drawn digits; write it as a raw model file.

Pixels go in as value / 255. Training uses 55,000 of the 60,000 MNIST training images and 6,000
digits from draw_digits.py, all slightly rotated, scaled, slanted and shifted anew in every epoch;
the other 5,000 MNIST training images only show the progress. Learning rate and number of epochs
are fixed beforehand and the weights after the last epoch are kept, so the test images have no
influence. The same seed gives the same weights on the same machine and PyTorch version.

Run:     train_lenet.py --mnist DIR --out /tmp/lenet.raw.json --golden tests/golden
         where DIR holds the four MNIST .gz files (see data/get-mnist.sh); data/digits must exist.
Writes:  --out     the raw model: layers, weights, test accuracy (input of snnconvert)
         --golden  lenet-mnist-logits.npy and lenet-digits-logits.npy: float32 [100, 10], the
                   logits of the first 100 MNIST test images and of the first 100 in data/digits
Needs:   numpy, torch
"""
import argparse
import base64
import json
import math
import time
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from draw_digits import draw, read_idx

DATA = Path(__file__).resolve().parent.parent
SAMPLE = {"images": "digits/digits-images-idx3-ubyte.gz",
          "labels": "digits/digits-labels-idx1-ubyte.gz"}
VALIDATION = 5000  # MNIST training images held back
DRAWN = 6000       # drawn digits added to the training set
DRAWN_SEED = 1000  # differs from the seed of data/digits
BATCH = 128
PEAK_RATE = 4e-3
WEIGHT_DECAY = 1e-2


class LeNet(nn.Module):
    """LeNet-5 with ReLU and average pooling: 61,706 parameters."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(400, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        x = F.avg_pool2d(F.relu(self.conv1(x)), 2)
        x = F.avg_pool2d(F.relu(self.conv2(x)), 2)
        x = x.flatten(1)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


def to_tensors(images, labels):
    """uint8 images [n, 28, 28] and labels [n] as network input [n, 1, 28, 28] and classes."""
    return (torch.from_numpy(images.astype(np.float32) / 255).unsqueeze(1),
            torch.from_numpy(labels.astype(np.int64)))


def load_mnist(folder, part):
    """MNIST images and labels; `part` is "train" or "t10k"."""
    return to_tensors(read_idx(folder / f"{part}-images-idx3-ubyte.gz"),
                      read_idx(folder / f"{part}-labels-idx1-ubyte.gz"))


def augment(images):
    """Each image rotated, scaled, slanted (all about its centre) and shifted at random."""
    n = len(images)
    angle, slant = 0.15 * torch.randn(n), 0.12 * torch.randn(n)
    scale_x, scale_y = 1 + 0.07 * torch.randn(2, n)
    shift = (torch.rand(n, 2) * 2 - 1) * (2 / 14)  # up to 2 pixels; the image spans -1..1
    cos, sin = torch.cos(angle), torch.sin(angle)
    matrix = torch.stack([cos * scale_x, (cos * slant - sin) * scale_y, shift[:, 0],
                          sin * scale_x, (sin * slant + cos) * scale_y, shift[:, 1]], dim=1)
    grid = F.affine_grid(matrix.reshape(n, 2, 3), images.shape, align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)


def logits_of(model, images):
    """Logits of all images, in evaluation mode."""
    model.eval()
    with torch.no_grad():
        return torch.cat([model(batch) for batch in images.split(500)])


def count_right(model, images, labels):
    return int((logits_of(model, images).argmax(1) == labels).sum())


def learning_rate(done):
    """One cycle: linear rise in the first tenth of the training, then a cosine down to 0."""
    if done < 0.1:
        return PEAK_RATE * done / 0.1
    return PEAK_RATE * 0.5 * (1 + math.cos(math.pi * (done - 0.1) / 0.9))


def train(model, images, labels, validation, epochs):
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, weight_decay=WEIGHT_DECAY)
    steps = len(images) // BATCH
    for epoch in range(epochs):
        start, loss_sum, right = time.monotonic(), 0.0, 0
        model.train()
        order = torch.randperm(len(images))
        for step in range(steps):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate((epoch + step / steps) / epochs)
            pick = order[step * BATCH:(step + 1) * BATCH]
            logits = model(augment(images[pick]))
            loss = F.cross_entropy(logits, labels[pick])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss_sum += loss.item()
            right += int((logits.argmax(1) == labels[pick]).sum())
        seen = steps * BATCH
        seconds = time.monotonic() - start
        print(f"epoch {epoch + 1:2}/{epochs}: loss {loss_sum / steps:.4f}, "
              f"training {100 * right / seen:.2f} %, "
              f"validation {100 * count_right(model, *validation) / len(validation[0]):.2f} %, "
              f"{seconds:.1f} s", flush=True)


def pack(tensor):
    """A float32 tensor as JSON: base64 of the zlib-compressed little-endian values."""
    values = tensor.detach().numpy().astype("<f4")
    return {"dtype": "f32", "shape": list(values.shape),
            "data": base64.b64encode(zlib.compress(values.tobytes(), 9)).decode("ascii")}


def raw_model(model, accuracy):
    """The model as the object of the raw model file."""
    def conv(name, source, padding):
        layer = getattr(model, name)
        return {"name": name, "kind": "conv2d", "inputs": [source], "stride": [1, 1],
                "padding": [padding] * 4, "dilation": [1, 1], "groups": 1, "activation": "relu",
                "weights": pack(layer.weight), "bias": pack(layer.bias)}

    def pool(name, source):
        return {"name": name, "kind": "avg_pool2d", "inputs": [source], "kernel": [2, 2],
                "stride": [2, 2], "padding": [0, 0, 0, 0]}

    def dense(name, source, activation):
        layer = getattr(model, name)
        return {"name": name, "kind": "dense", "inputs": [source], "activation": activation,
                "weights": pack(layer.weight), "bias": pack(layer.bias)}

    return {
        "format": "snn.model/1",
        "tool": {"name": "train_lenet.py", "version": "1"},
        "name": "lenet",
        "accuracy": accuracy,
        "sample": SAMPLE,
        "layers": [
            {"name": "input", "kind": "input", "shape": [1, 28, 28]},
            conv("conv1", "input", 2),
            pool("pool1", "conv1"),
            conv("conv2", "pool1", 0),
            pool("pool2", "conv2"),
            {"name": "flatten", "kind": "flatten", "inputs": ["pool2"]},
            dense("fc1", "flatten", "relu"),
            dense("fc2", "fc1", "relu"),
            dense("fc3", "fc2", "none"),
        ],
        "output": "fc3",
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mnist", type=Path, required=True, help="folder of the MNIST .gz files")
    parser.add_argument("--out", type=Path, required=True, help="raw model file to write")
    parser.add_argument("--golden", type=Path, required=True, help="folder for the logits")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(2)

    mnist_images, mnist_labels = load_mnist(args.mnist, "train")
    test = load_mnist(args.mnist, "t10k")
    digits = to_tensors(*(read_idx(DATA / SAMPLE[key]) for key in ("images", "labels")))
    drawn_images, drawn_labels = to_tensors(*draw(DRAWN, DRAWN_SEED))
    images = torch.cat([mnist_images[:-VALIDATION], drawn_images])
    labels = torch.cat([mnist_labels[:-VALIDATION], drawn_labels])
    validation = mnist_images[-VALIDATION:], mnist_labels[-VALIDATION:]

    model = LeNet()
    parameters = sum(p.numel() for p in model.parameters())
    assert parameters == 61706
    start = time.monotonic()
    train(model, images, labels, validation, args.epochs)
    seconds = time.monotonic() - start

    test_right = count_right(model, *test)
    digits_right = count_right(model, *digits)
    accuracy = {"value": test_right / len(test[0]), "samples": len(test[0]), "data": "MNIST test"}
    args.out.write_text(json.dumps(raw_model(model, accuracy)) + "\n", encoding="utf-8")
    args.golden.mkdir(parents=True, exist_ok=True)
    for name, (inputs, _) in (("mnist", test), ("digits", digits)):
        np.save(args.golden / f"lenet-{name}-logits.npy", logits_of(model, inputs[:100]).numpy())

    print(f"{parameters} parameters, trained in {seconds:.0f} s with seed {args.seed}")
    print(f"MNIST test: {test_right} of {len(test[0])} right")
    print(f"data/digits: {digits_right} of {len(digits[0])} right")


if __name__ == "__main__":
    main()
