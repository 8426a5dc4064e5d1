#!/usr/bin/env python3
"""Draws accuracy over time as a self-contained SVG: plot_accuracy.py OUT.svg LABEL=RESULT.json ...

Each RESULT.json is what `snnsim --json` wrote; the first one's CNN accuracy becomes the dashed line.
Both axes are logarithmic: time, and the distance to 100 %, so that the rise within the first steps
and the last tenth of a per cent are both seen. docs/numbers.md names the runs behind the picture in
the README.
"""

import json
import math
import sys

WIDTH, HEIGHT = 760, 380
LEFT, RIGHT, TOP, BOTTOM = 64, 150, 46, 50
ERROR_TOP, ERROR_BOTTOM = 0.5, 0.003  # 50 % at the lower edge, 99.7 % at the upper
COLORS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7"]  # told apart by colour-blind readers too

STYLE = """
svg { font: 13px system-ui, sans-serif; background: #fff }
text { fill: #222 } .axis { stroke: #888; stroke-width: 1 } .grid { stroke: #e4e4e4 }
.title { font-size: 15px; font-weight: 600 } .cnn { stroke: #444; stroke-dasharray: 6 4 }
@media (prefers-color-scheme: dark) {
  svg { background: #16181d } text { fill: #ddd } .grid { stroke: #2b2e36 } .cnn { stroke: #bbb }
}
"""


def x_of(step, steps):
    return LEFT + (WIDTH - LEFT - RIGHT) * math.log(step) / math.log(steps)


def y_of(accuracy):
    error = min(max(1.0 - accuracy, ERROR_BOTTOM), ERROR_TOP)
    share = math.log(error / ERROR_BOTTOM) / math.log(ERROR_TOP / ERROR_BOTTOM)
    return TOP + (HEIGHT - TOP - BOTTOM) * share


def line(x1, y1, x2, y2, kind):
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def text(x, y, content, anchor="start", extra=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {extra}>{content}</text>'


def axes(steps):
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = []
    for percent in (50, 80, 90, 95, 98, 99, 99.5):
        y = y_of(percent / 100)
        parts += [line(LEFT, y, right, y, "grid"), text(LEFT - 8, y + 4, f"{percent} %", "end")]
    for step in [s for s in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if s <= steps]:
        x = x_of(step, steps)
        parts += [line(x, bottom, x, bottom + 5, "axis"), text(x, bottom + 20, step, "middle")]
    parts += [line(LEFT, bottom, right, bottom, "axis"), line(LEFT, TOP, LEFT, bottom, "axis"),
              text((LEFT + right) / 2, HEIGHT - 10, "time steps", "middle")]
    return parts


def curve(values, color):
    points = " ".join(f"{x_of(t, len(values)):.1f},{y_of(a):.1f}" for t, a in enumerate(values, 1))
    return f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"/>'


def legend(results):
    """Names at the right, in the order in which the curves reach 99 %."""
    parts = []
    for row, (label, result, color) in enumerate(results):
        y = TOP + 120 + 40 * row
        x = WIDTH - RIGHT + 14
        parts += [f'<rect x="{x}" y="{y - 9}" width="14" height="4" fill="{color}"/>',
                  text(x + 20, y - 3, label),
                  text(x + 20, y + 13, f"{result['synops_mean'] / 1e6:.1f} M SynOps", extra='opacity="0.7"')]
    return parts


def draw(named):
    results = [(label, result, COLORS[at % len(COLORS)])
               for at, (label, result) in enumerate(named)]
    steps = len(named[0][1]["accuracy_by_step"])
    cnn = named[0][1]["cnn_accuracy"]
    right = WIDTH - RIGHT
    parts = axes(steps)
    parts += [line(LEFT, y_of(cnn), right, y_of(cnn), "cnn"),
              text(right + 14, y_of(cnn) + 4, f"CNN {100 * cnn:.2f} %")]
    parts += [curve(result["accuracy_by_step"], color) for _, result, color in results]
    parts += legend(results)
    samples = f"{named[0][1]['samples']:,}"
    title = text(LEFT, 24, f"LeNet-5 as spikes: accuracy on {samples} MNIST images", extra='class="title"')
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="accuracy over time steps">',
        f"<style>{STYLE}</style>", title, *parts, "</svg>", ""])


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    named = []
    for argument in sys.argv[2:]:
        label, _, path = argument.partition("=")
        with open(path, encoding="utf-8") as file:
            named.append((label, json.load(file)["results"][0]))
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        file.write(draw(named))


if __name__ == "__main__":
    main()
