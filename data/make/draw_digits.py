#!/usr/bin/env python3
"""Draw labelled images of handwritten-looking digits in the style of MNIST.

Every digit has one or more writing styles, each a few pen strokes given by the points that a
smooth curve passes through. For each image a style is chosen at random, its points are jittered,
bent by a smooth displacement field, slanted, rotated and stretched; the result is fitted into a
20x20 box, centred by its mass in 28x28 pixels, and drawn anti-aliased with a random pen width,
pressure and softness: white ink (255) on black (0). The same seed always gives the same images.

Run:     draw_digits.py --count 500 --seed 1 --out data/digits
Writes:  digits-images-idx3-ubyte.gz and digits-labels-idx1-ubyte.gz (IDX format) into --out.
Needs:   numpy
"""
import argparse
import gzip
import struct
from pathlib import Path

import numpy as np

SIZE = 28       # image side, pixels
BOX = 20.0      # side of the box that the ink fits into, pixels
OVERSAMPLE = 2  # drawing resolution: dots per pixel side; edges are anti-aliased on top of that

# STYLES[digit] = list of styles; style = list of strokes; stroke = points (x, y), y downwards, in
# a box about 1 high. Strokes that share a point stay joined there, which makes a sharp corner.
STYLES = [
    [  # 0: round; closed with a small overlap; narrow
        [[(.50, 0), (.16, .14), (.04, .5), (.16, .86), (.45, 1), (.74, .86), (.86, .5),
          (.74, .14), (.50, 0)]],
        [[(.62, .07), (.40, 0), (.13, .2), (.04, .55), (.17, .9), (.42, 1), (.7, .85), (.83, .5),
          (.74, .15), (.52, .03), (.36, .1)]],
        [[(.38, 0), (.14, .16), (.06, .5), (.12, .84), (.32, 1), (.52, .84), (.6, .5),
          (.54, .16), (.38, 0)]],
    ],
    [  # 1: plain stroke (twice as likely); with a flag; with a flag and a foot
        [[(.5, 0), (.5, .5), (.5, 1)]],
        [[(.53, 0), (.51, .5), (.47, 1)]],
        [[(.3, .2), (.42, .12), (.52, 0)], [(.52, 0), (.52, .5), (.52, 1)]],
        [[(.28, .22), (.42, .12), (.52, 0)], [(.52, 0), (.52, .5), (.52, 1)],
         [(.25, 1), (.52, 1), (.8, 1)]],
    ],
    [  # 2: sharp base; looped base; wide swan neck with a curved base
        [[(.08, .22), (.22, .05), (.48, 0), (.7, .1), (.74, .3), (.58, .55), (.32, .8), (.05, 1)],
         [(.05, 1), (.4, .98), (.8, .97)]],
        [[(.12, .2), (.28, .04), (.5, 0), (.68, .12), (.68, .35), (.52, .62), (.3, .87),
          (.1, .98), (-.02, .86), (.12, .74), (.35, .82), (.6, .98), (.9, .9)]],
        [[(.06, .2), (.2, .03), (.45, 0), (.66, .13), (.65, .38), (.45, .64), (.2, .88),
          (.08, .98)], [(.08, .98), (.28, .9), (.55, .96), (.88, .93)]],
    ],
    [  # 3: round with a notch; round with a small loop in the middle; flat top
        [[(.1, .13), (.3, .01), (.56, .03), (.68, .2), (.56, .38), (.3, .46)],
         [(.3, .46), (.58, .5), (.74, .68), (.66, .9), (.4, 1), (.16, .95), (.05, .83)]],
        [[(.1, .16), (.28, .02), (.54, .02), (.65, .2), (.52, .4), (.34, .48), (.29, .44),
          (.38, .43), (.6, .53), (.7, .73), (.58, .93), (.32, 1), (.06, .9)]],
        [[(.1, .02), (.4, .01), (.68, 0)], [(.68, 0), (.5, .2), (.33, .4)],
         [(.33, .4), (.6, .44), (.74, .66), (.64, .9), (.38, 1), (.08, .92)]],
    ],
    [  # 4: open; open and rounded; closed
        [[(.12, .04), (.1, .3), (.06, .54)], [(.06, .54), (.38, .53), (.8, .5)],
         [(.66, 0), (.62, .5), (.58, 1)]],
        [[(.14, .03), (.06, .3), (.1, .5), (.3, .56), (.52, .5), (.68, .38)],
         [(.7, .02), (.67, .4), (.64, .7), (.62, 1)]],
        [[(.58, 0), (.32, .32), (.04, .62)], [(.04, .62), (.4, .62), (.84, .6)],
         [(.58, 0), (.57, .5), (.56, 1)]],
    ],
    [  # 5: with corners; flowing neck
        [[(.78, .01), (.48, .01), (.2, .02)], [(.2, .02), (.17, .22), (.13, .44)],
         [(.13, .44), (.38, .37), (.64, .46), (.72, .68), (.6, .91), (.34, 1), (.05, .93)]],
        [[(.82, .03), (.55, .02), (.32, .07)], [(.32, .07), (.23, .24), (.24, .4), (.44, .5),
         (.6, .66), (.57, .87), (.36, .99), (.14, .97), (.03, .87)]],
    ],
    [  # 6: curved back; straighter back with a small bowl
        [[(.62, 0), (.36, .16), (.16, .42), (.08, .7), (.2, .93), (.42, 1), (.63, .9), (.68, .7),
          (.54, .54), (.32, .56), (.09, .74)]],
        [[(.42, 0), (.22, .3), (.08, .62), (.1, .87), (.27, 1), (.48, .95), (.58, .78),
          (.48, .63), (.3, .64), (.09, .8)]],
    ],
    [  # 7: plain; with a serif; crossed; curved stem
        [[(0, .05), (.4, .04), (.8, .02)], [(.8, .02), (.56, .45), (.36, 1)]],
        [[(-.06, .15), (-.05, .1), (-.04, .04)], [(-.04, .04), (.4, .04), (.84, .03)],
         [(.84, .03), (.6, .45), (.44, 1)]],
        [[(.06, .05), (.4, .04), (.78, .02)], [(.78, .02), (.55, .48), (.32, 1)],
         [(.28, .5), (.5, .5), (.76, .48)]],
        [[(-.06, .1), (.15, .06), (.45, .06), (.8, .02)],
         [(.8, .02), (.58, .3), (.44, .6), (.4, 1)]],
    ],
    [  # 8: one S-shaped stroke closed at the top right; two loops
        [[(.68, .1), (.45, 0), (.22, .09), (.2, .27), (.38, .44), (.6, .6), (.66, .83), (.45, 1),
          (.2, .93), (.13, .74), (.3, .54), (.54, .37), (.69, .2), (.66, .08)]],
        [[(.42, .46), (.22, .34), (.2, .12), (.42, 0), (.64, .12), (.62, .34), (.42, .46),
          (.18, .62), (.14, .85), (.42, 1), (.7, .85), (.66, .62), (.42, .46)]],
    ],
    [  # 9: straight stem; curved tail; stem leaning out of an open bowl
        [[(.66, .13), (.45, 0), (.18, .08), (.06, .3), (.2, .48), (.46, .43), (.66, .13)],
         [(.66, .13), (.63, .55), (.6, 1)]],
        [[(.67, .2), (.52, .02), (.25, .03), (.1, .24), (.22, .45), (.47, .45), (.65, .26)],
         [(.67, .2), (.68, .55), (.58, .86), (.36, 1), (.12, .93)]],
        [[(.6, .1), (.36, .02), (.12, .2), (.12, .42), (.34, .46), (.54, .3), (.65, .08)],
         [(.65, .08), (.58, .5), (.42, 1)]],
    ],
]


def smooth_curve(points, steps=16):
    """Points of the Catmull-Rom curve through the given points ([n, 2] -> [m, 2])."""
    ends = 2 * points[[0, -1]] - points[[1, -2]]  # mirrored neighbours of both ends
    p = np.vstack([ends[:1], points, ends[1:]])
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    a, b, c, d = (p[i:len(p) - 3 + i, None, :] for i in range(4))
    curve = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2
                   + (3 * b - a - 3 * c + d) * t**3)
    return np.vstack([curve.reshape(-1, 2), points[-1:]])


def resample(curve, spacing):
    """The same curve with evenly spaced points, about `spacing` apart."""
    way = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(curve, axis=0).T))])
    at = np.linspace(0, way[-1], max(2, int(way[-1] / spacing) + 1))
    return np.stack([np.interp(at, way, curve[:, k]) for k in (0, 1)], axis=1)


def jitter_points(style, rng, sigma=0.026):
    """Move the control points at random; a point shared by strokes moves as one."""
    moved = {}
    for stroke in style:
        for point in stroke:
            if point not in moved:
                moved[point] = np.array(point) + rng.normal(0, sigma, 2)
    return [np.array([moved[point] for point in stroke]) for stroke in style]


def make_distortion(rng, thin):
    """A random smooth displacement followed by a random stretch, slant and rotation.

    Digits that are a single thin stroke (`thin`) may lean further than the others.
    """
    waves = rng.normal(0, 2.5, (3, 2))        # wave vectors: less than about one wave per digit
    phases = rng.uniform(0, 2 * np.pi, 3)
    pushes = rng.normal(0, 0.028, (3, 2))
    angle = rng.normal(0, 0.09)
    slant = rng.normal(0.12, 0.3 if thin else 0.16)
    cos, sin = np.cos(angle), np.sin(angle)
    matrix = (np.array([[cos, -sin], [sin, cos]]) @ [[1, -slant], [0, 1]]
              @ np.diag([rng.uniform(0.8, 1.3), 1]))

    def distort(points):
        return (points + np.sin(points @ waves.T + phases) @ pushes) @ matrix.T
    return distort


def draw_one(digit, rng):
    """One image of `digit`: uint8 [SIZE, SIZE]."""
    style = STYLES[digit][rng.integers(len(STYLES[digit]))]
    distort = make_distortion(rng, thin=digit == 1)
    curves = [distort(smooth_curve(s)) for s in jitter_points(style, rng)]

    # Fit into the box (ink, not just the pen's path), in pixels.
    radius = rng.uniform(0.85, 1.75)
    extent = np.ptp(np.vstack(curves), axis=0).max()
    scale = (BOX - 2 * radius) / extent * rng.uniform(0.94, 1.0)
    strokes = [resample(c * scale, spacing=0.3) for c in curves]

    # Pressure varies slowly along every stroke and lifts a little towards its end.
    widths = []
    for stroke in strokes:
        t = np.linspace(0, 1, len(stroke))
        wave = 0.14 * np.sin(2 * np.pi * (rng.uniform(0.5, 1.5) * t + rng.uniform()))
        widths.append(radius * (1 + wave - rng.uniform(0, 0.25) * t**4))
    points, width = np.vstack(strokes), np.concatenate(widths)
    points += SIZE / 2 - np.average(points, axis=0, weights=width)

    # Ink = how far a spot is inside the pen's edge, whose softness gives the blur.
    softness = rng.uniform(0.8, 1.6)
    grid = (np.arange(SIZE * OVERSAMPLE) + 0.5) / OVERSAMPLE
    dx2 = (grid[:, None] - points[:, 0]) ** 2
    dy2 = (grid[:, None] - points[:, 1]) ** 2
    inside = (width - np.sqrt(dy2[:, None, :] + dx2[None, :, :])).max(axis=2)
    ink = np.clip(0.5 + inside / softness, 0, 1)
    ink = ink.reshape(SIZE, OVERSAMPLE, SIZE, OVERSAMPLE).mean(axis=(1, 3))
    ink = np.minimum(ink * rng.uniform(1.05, 1.4), 1)
    return np.rint(255 * ink).astype(np.uint8)


def draw(count, seed):
    """`count` images and their labels, classes balanced and in random order.

    Returns uint8 [count, 28, 28] and uint8 [count].
    """
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(count) % 10).astype(np.uint8)
    return np.stack([draw_one(digit, rng) for digit in labels]), labels


def write_idx(path, array):
    """Write a uint8 array as a gzipped IDX file whose bytes depend on the array only."""
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    Path(path).write_bytes(gzip.compress(head + array.tobytes(), 9, mtime=0))


def read_idx(path):
    """Read a gzipped IDX file of bytes."""
    data = gzip.decompress(Path(path).read_bytes())
    zero, kind, rank = struct.unpack_from(">HBB", data)
    if zero != 0 or kind != 8:
        raise ValueError(f"{path}: not an IDX file of bytes")
    shape = struct.unpack_from(f">{rank}I", data, 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=500, help="number of images")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random generator")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    args = parser.parse_args()

    images, labels = draw(args.count, args.seed)
    args.out.mkdir(parents=True, exist_ok=True)
    for name, array in (("images-idx3", images), ("labels-idx1", labels)):
        path = args.out / f"digits-{name}-ubyte.gz"
        write_idx(path, array)
        print(f"{path}: {len(array)} items, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
