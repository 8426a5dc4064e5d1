"""Corrections by their names: those a model has, those that a run measures. corrections.py SNNSIM

With a whole name in front, what is measured behind it is measured with that in place, and named so.
"""

import json
import sys

import flow

BIAS = "bias:p99.9@sim:rate:64"
RUN = ("model.json", "-q", "-t", 64, "--json", "-")


def write(place, recipes):
    place.write("model.json", {**flow.model(), "recipes": recipes})


def recipe(size):
    return {"name": BIAS, "biases": {"conv": flow.tensor([size], [1])}}


def run(place, *arguments):
    answer = place.run(*RUN, *arguments)
    flow.require(answer.returncode == 0, f"{arguments}", answer)
    report = json.loads(answer.stdout)
    return report["options"]["norm"], report["results"][0]["layers"][0]["spikes_mean"]


def whole_name_alone(place):
    """a correction of the model is taken by its whole name"""
    write(place, [recipe(0.5)])
    norm, spikes = run(place, "--correct", BIAS)
    flow.require(norm == "p99.9 + bias" and spikes > run(place)[1], f"{norm}, {spikes}")


def whole_name_in_front(place):
    """what is measured behind a whole name makes up for it"""
    found = {}
    for size in (0.0, -0.1):
        write(place, [recipe(size)])
        norm, found[size] = run(place, "--correct", BIAS, "--correct", "bias", "--calibrate",
                                "images-idx3")
        flow.require(norm == "p99.9 + bias + bias", norm)
    write(place, [recipe(-0.1)])
    uncorrected = run(place, "--correct", BIAS)[1]
    # Measured without the -0.1 in place it would stay as far off as it is alone.
    flow.require(abs(found[-0.1] - found[0.0]) < 0.5 * abs(found[0.0] - uncorrected),
                 f"{found}, uncorrected {uncorrected}")


def unknown_name(place):
    """a name that the model does not have is refused"""
    answer = place.run(*RUN, "--correct", BIAS)
    flow.require(answer.returncode == 65 and f"no recipe '{BIAS}'" in answer.stderr, "", answer)


def main():
    return flow.report(flow.named([whole_name_alone, whole_name_in_front, unknown_name]),
                       sys.argv[1])


if __name__ == "__main__":
    sys.exit(main())
