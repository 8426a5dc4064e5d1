#!/usr/bin/env python3
"""Draws the figures of docs/latency.md as self-contained SVG: plot_latency.py WORK FOLDER

WORK holds what latency.py beside it ran. Figures: latency-fronts.svg, what rules cost and give;
latency-steps.svg, accuracy after each step; latency-histogram.svg, when samples are decided.
Accuracy is drawn as the logarithm of the distance to 100 %, as in plot_accuracy.py.
"""

import csv
import json
import math
import os
import sys

from plot_accuracy import COLORS as BASE_COLORS, STYLE, line, text

COLORS = BASE_COLORS + ["#e69f00", "#56b4e9"]
WIDTH, HEIGHT = 760, 400
LEFT, RIGHT, TOP, BOTTOM = 64, 178, 46, 50
SOFT = 'opacity="0.7"'
MARKED = {"first@1": ("first", 7, 14), "first@2": ("first@2", 7, 14),  # by name, and where it stands
          "membrane:1": ("membrane:1", -4, 20), "margin:2": ("margin:2", -8, -16),
          "first@4": ("first@4", -4, 20)}


class Axes:
    """Steps to the right, logarithmic; accuracy upwards, by the logarithm of the errors."""

    def __init__(self, steps, worst, best):
        self.steps, self.worst, self.best = steps, worst, best
        self.right, self.bottom = WIDTH - RIGHT, HEIGHT - BOTTOM

    def x(self, step):
        return LEFT + (self.right - LEFT) * math.log(step) / math.log(self.steps)

    def y(self, accuracy):
        error = min(max(1.0 - accuracy, self.best), self.worst)
        share = math.log(error / self.best) / math.log(self.worst / self.best)
        return TOP + (self.bottom - TOP) * share

    def draw(self, label, percents):
        parts = []
        for percent in percents:
            y = self.y(percent / 100)
            parts += [line(LEFT, y, self.right, y, "grid"),
                      text(LEFT - 8, y + 4, f"{percent} %", "end")]
        for step in [s for s in (1, 1.5, 2, 3, 4, 6, 8, 12, 16) if s <= self.steps]:
            x = self.x(step)
            parts += [line(x, self.bottom, x, self.bottom + 5, "axis"),
                      text(x, self.bottom + 20, step, "middle")]
        return parts + [line(LEFT, self.bottom, self.right, self.bottom, "axis"),
                        line(LEFT, TOP, LEFT, self.bottom, "axis"),
                        text((LEFT + self.right) / 2, HEIGHT - 10, label, "middle")]

    def cnn(self, accuracy):
        y = self.y(accuracy)
        return [line(LEFT, y, self.right, y, "cnn"),
                text(self.right + 14, y + 4, f"CNN {100 * accuracy:.2f} %")]


def svg(parts, title, width=WIDTH, height=HEIGHT):
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" aria-label="{title}">',
        f"<style>{STYLE}</style>", text(LEFT, 24, title, extra='class="title"'), *parts, "</svg>",
        ""])


def polyline(points, color, extra=""):
    joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{joined}" fill="none" stroke="{color}" stroke-width="2" {extra}/>'


def dot(x, y, radius, color, extra=""):
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{color}" {extra}/>'


def legend(names, top):
    parts, x = [], WIDTH - RIGHT + 14
    for at, (name, color) in enumerate(names):
        y = top + 22 * at
        parts += [f'<rect x="{x}" y="{y - 8}" width="14" height="4" fill="{color}"/>',
                  text(x + 20, y - 2, name)]
    return parts


# --- What a rule costs, and what it gives ---------------------------------------------------------


def sweep_rows(work, name):
    with open(os.path.join(work, name, "sweep.csv"), encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [(row["rule"], float(row["accuracy"]), float(row["steps_mean"]),
             row["pareto"] in ("steps", "both")) for row in rows]


def draw_front(axes, rows, color, names):
    """All rows as dots, the front as a line, the oracle as a ring, some rules by name."""
    parts = [dot(axes.x(steps), axes.y(accuracy), 2.2, color, 'opacity="0.35"')
             for rule, accuracy, steps, _ in rows
             if rule not in ("all", "oracle") and steps <= axes.steps]
    front = sorted((steps, accuracy) for rule, accuracy, steps, best in rows
                   if best and rule != "all")
    parts.append(polyline([(axes.x(steps), axes.y(accuracy)) for steps, accuracy in front], color))
    for rule, accuracy, steps, _ in rows:
        x, y = axes.x(steps), axes.y(accuracy)
        if rule == "oracle":
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="none" stroke="{color}" '
                         'stroke-width="2"/>')
        elif names and rule in MARKED:
            name, right, down = MARKED[rule]
            parts += [dot(x, y, 4, color), text(x + right, y + down, name, extra=SOFT)]
    return parts


def draw_fronts(work, cnn):
    axes = Axes(8, 0.3, 0.0015)
    kinds = [("synchronous", "sweep-sync"), ("sync, norm none", "sweep-none"),
             ("async, interleaved", "sweep-interleave")]
    parts = axes.draw("mean time steps until the decision",
                      (80, 90, 95, 98, 99, 99.5, 99.8)) + axes.cnn(cnn)
    for at, (_, name) in enumerate(kinds):
        parts += draw_front(axes, sweep_rows(work, name), COLORS[at], at == 0)
    top = TOP + 130
    parts += legend([(label, color) for (label, _), color in zip(kinds, COLORS)], top)
    parts += [f'<circle cx="{WIDTH - RIGHT + 21}" cy="{top + 60}" r="5" fill="none" '
              'stroke="#888" stroke-width="2"/>', text(WIDTH - RIGHT + 34, top + 64, "oracle"),
              text(WIDTH - RIGHT + 14, top + 86, "lines: Pareto fronts", extra=SOFT)]
    return svg(parts, "What a decision rule costs, and what it gives (10,000 images, int8)")


# --- Accuracy after each step ---------------------------------------------------------------------


def load(work, name, arith="chip"):
    with open(os.path.join(work, name + ".json"), encoding="utf-8") as file:
        return next(result for result in json.load(file)["results"] if result["arith"] == arith)


def draw_steps(work, cnn):
    axes = Axes(16, 0.8, 0.004)
    curves = [("synchronous counts", load(work, "short-0")["accuracy_by_step"]),
              ("random order", load(work, "random-0")["accuracy_by_step"]),
              ("interleaved", load(work, "interleave-0")["accuracy_by_step"]),
              ("raster order", load(work, "raster-0")["accuracy_by_step"]),
              ("sync, norm none", load(work, "sweep-none")["accuracy_by_step"]),
              ("sync potentials", load(work, "membrane-0")["accuracy_by_step"])]
    parts = axes.draw("time steps", (50, 80, 90, 95, 98, 99, 99.5)) + axes.cnn(cnn)
    for (_, values), color in zip(curves, COLORS):
        points = [(axes.x(step), axes.y(value)) for step, value in enumerate(values, 1)]
        parts += [polyline(points, color), *(dot(x, y, 2.6, color) for x, y in points)]
    parts += legend([(label, color) for (label, _), color in zip(curves, COLORS)], TOP + 130)
    return svg(parts, "Accuracy after each step (10,000 images, int8, seed 0)")


# --- When samples are decided ---------------------------------------------------------------------


def panel(row, left, top, width, height, color):
    """One histogram, with median and 95th percentile."""
    steps = 14
    total = sum(row["steps_histogram"])
    shares = [count / total for count in row["steps_histogram"]]
    bar = width / steps
    parts = [text(left, top - 8, f"{row['name']}, {100 * row['accuracy']:.2f} %")]
    for at, share in enumerate(shares[:steps]):
        tall = height * min(share, 0.8) / 0.8
        parts.append(f'<rect x="{left + at * bar + 1:.1f}" y="{top + height - tall:.1f}" '
                     f'width="{bar - 2:.1f}" height="{tall:.1f}" fill="{color}"/>')
        if share >= 0.005:
            parts.append(text(left + (at + 0.5) * bar, top + height - tall - 3, f"{100 * share:.0f}",
                              "middle", 'font-size="10"'))
    for step in range(1, steps + 1, 1 if steps < 10 else 2):
        parts.append(text(left + (step - 0.5) * bar, top + height + 15, step, "middle",
                          'font-size="11"'))
    parts += [line(left, top + height, left + width, top + height, "axis"),
              text(left + width, top + 8, f"median {row['steps_p50']}, 95 % by {row['steps_p95']}",
                   "end", SOFT)]
    beyond = sum(shares[steps:])
    if beyond > 0:
        parts.append(text(left + width, top + 25, f"{100 * beyond:.1f} % later", "end", SOFT))
    return parts


def draw_histogram(work):
    result = load(work, "whole-0")
    wanted = [("first", "first"), ("softmax", "softmax:"), ("first@4", "first@4"),
              ("margin:2", "margin:2")]
    parts = []
    for at, (name, begin) in enumerate(wanted):
        row = next(row for row in result["rules"]
                   if row["rule"] == begin or begin[-1] == ":" and row["rule"].startswith(begin))
        row = {**row, "name": row["rule"]}
        left, top = LEFT + (at % 2) * 340, 68 + (at // 2) * 178
        parts += panel(row, left, top, 300, 112, COLORS[at])
    parts.append(text(LEFT + 320, 398, "time step of the decision; bars in per cent of the samples",
                      "middle"))
    return svg(parts, "When samples are decided (10,000 images, int8, seed 0)", height=412)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    work, folder = sys.argv[1:]
    cnn = load(work, "whole-0")["cnn_accuracy"]
    for name, content in [("fronts", draw_fronts(work, cnn)), ("steps", draw_steps(work, cnn)),
                          ("histogram", draw_histogram(work))]:
        with open(os.path.join(folder, f"latency-{name}.svg"), "w", encoding="utf-8") as file:
            file.write(content)


if __name__ == "__main__":
    main()
