"""The bundled LeNet-5 on MNIST and on the bundled digits: the accuracies that the documents promise.

usage: accuracy.py SNNSIM. MNIST is taken from $SNN_SHARED/mnist; without it only the bundled digits
are run. Each MNIST test prints the figures it saw, mean and worst of seeds 0 to 4, as a comment.
"""

import json
import os
import resource
import subprocess
import sys

from flow import Skip, named, report, require

SEEDS = range(5)
MODEL = os.path.join(os.path.dirname(__file__), "..", "..", "data", "lenet.json")


def simulate_all(place, *arguments):
    answer = place.run(MODEL, "-q", "--json", "-", *arguments)
    require(answer.returncode == 0, "snnsim failed", answer)
    return json.loads(answer.stdout)["results"]


def simulate(place, *arguments):
    return simulate_all(place, *arguments)[0]


def mnist():
    folder = os.environ.get("SNN_SHARED", "")
    path = os.path.join(folder, "mnist", "t10k-images-idx3-ubyte.gz")
    if not folder:
        raise Skip("SNN_SHARED is not set: no MNIST")
    if not os.path.exists(path):
        raise Skip(f"{path} does not exist")
    return path


def note(text):
    print(f"# {text}")


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def bundled_digits(place):
    """the bundled digits are classified as the CNN does, none is silent"""
    result = simulate(place, "--timesteps", 100)
    note(f"accuracy {result['accuracy']}, CNN {result['cnn_accuracy']}")
    require(result["samples"] == 500, "500 digits are bundled")
    require(result["cnn_accuracy"] >= 0.98, f"CNN accuracy is {result['cnn_accuracy']}")
    require(result["accuracy"] >= result["cnn_accuracy"] - 0.005, "more than half a point is lost")
    require(result["silent"]["count"] == 0, "silent samples")


def within_100_steps(place):
    """1,000 MNIST images, Bernoulli: T = 100 within 0.3 points of the CNN and >= 98.8 %, T = 16
    within 0.4 points, none silent, mean and worst of five seeds"""
    runs = [simulate(place, "-d", mnist(), "-n", 1000, "-e", "bernoulli", "-t", 100, "-s", seed)
            for seed in SEEDS]
    cnn = runs[0]["cnn_accuracy"]
    late = [run["accuracy"] for run in runs]
    early = [run["accuracy_by_step"][15] for run in runs]
    note(f"CNN {cnn}; T = 100 mean {mean(late):.4f} worst {min(late)}; "
         f"T = 16 mean {mean(early):.4f} worst {min(early)}")
    require(min(late) >= 0.988, f"worst accuracy at T = 100 is {min(late)}")
    require(min(late) >= cnn - 0.003, f"{min(late)} at T = 100, CNN {cnn}")
    require(min(early) >= cnn - 0.004, f"{min(early)} at T = 16, CNN {cnn}")
    require(all(run["silent"]["count"] == 0 for run in runs), "silent samples")


def few_steps(place):
    """10,000 MNIST images, Bernoulli: the membrane >= 98.5 % at T = 4, thresholds of 1 >= 98.8 % at
    T = 2, none silent, worst of five seeds"""
    for floor, *options in ((0.985, "-t", 4, "--readout", "membrane"),
                            (0.988, "-t", 2, "--norm", "none")):
        runs = [simulate(place, "-d", mnist(), "-e", "bernoulli", "-s", seed, *options)
                for seed in SEEDS]
        found = [run["accuracy"] for run in runs]
        note(f"{' '.join(map(str, options))}: mean {mean(found):.4f} worst {min(found)}")
        require(min(found) >= floor, f"worst accuracy is {min(found)}")
        require(all(run["silent"]["count"] == 0 for run in runs), "silent samples")


def offset(place):
    """an offset measured on training images leaves none of 10,000 others silent after 4 steps"""
    train = mnist().replace("t10k", "train")
    if not os.path.exists(train):
        raise Skip(f"{train} does not exist")
    options = ["-d", mnist(), "-e", "bernoulli", "-t", 4]
    before = simulate(place, *options)["silent"]["count"]
    after = simulate(place, *options, "--calibrate", train, "--correct", "offset")
    note(f"silent samples {before}, with the offset {after['silent']['count']}")
    require(before > 0, "there are silent samples to begin with")
    require(after["silent"]["count"] == 0, "silent samples are left")


def first_spike_with_gain(place):
    """10,000 MNIST images, Bernoulli: first@4 >= 98.9 % at a mean of <= 5 steps, five seeds"""
    runs = [simulate(place, "-d", mnist(), "-e", "bernoulli", "-t", 100, "-s", seed,
                     "-r", "first@4")["rules"][0] for seed in SEEDS]
    accuracy = [run["accuracy"] for run in runs]
    steps = [run["steps_mean"] for run in runs]
    note(f"first@4 mean {mean(accuracy):.4f} worst {min(accuracy)}; steps mean {mean(steps):.2f} "
         f"worst {max(steps):.2f}")
    require(min(accuracy) >= 0.989, f"worst accuracy is {min(accuracy)}")
    require(max(steps) <= 5, f"worst mean of steps is {max(steps)}")


def chip_costs_little(place):
    """10,000 MNIST images, Bernoulli, T = 16: whole numbers of 8 bits cost at most 0.1 points in the
    mean of five seeds, and the worst is within 0.2 points of the CNN"""
    pairs = [simulate_all(place, "-d", mnist(), "-e", "bernoulli", "-t", 16, "-s", seed, "--arith",
                          "both") for seed in SEEDS]
    real, whole = ([pair[i]["accuracy"] for pair in pairs] for i in (0, 1))
    note(f"float mean {mean(real):.4f} worst {min(real)}; chip mean {mean(whole):.4f} "
         f"worst {min(whole)}")
    require(mean(whole) >= mean(real) - 0.001, f"{mean(real)} in float, {mean(whole)} on a chip")
    require(min(whole) >= pairs[0][0]["cnn_accuracy"] - 0.002, f"worst accuracy is {min(whole)}")


def chip_within_few_steps(place):
    """10,000 MNIST images, Bernoulli, 8 bits: the membrane >= 98.5 % at T = 4, thresholds of 1 >=
    98.8 % at T = 2, worst of five seeds"""
    for floor, *options in ((0.985, "-t", 4, "--readout", "membrane"),
                            (0.988, "-t", 2, "--norm", "none")):
        found = [simulate(place, "-d", mnist(), "-e", "bernoulli", "--arith", "chip", "-s", seed,
                          *options)["accuracy"] for seed in SEEDS]
        note(f"{' '.join(map(str, options))}: mean {mean(found):.4f} worst {min(found)}")
        require(min(found) >= floor, f"worst accuracy is {min(found)}")


def memory(place):
    """10,000 MNIST images stay under 64 MB"""
    path = mnist()
    child = subprocess.Popen(place.command(MODEL, "-q", "-d", path, "-t", 16),
                             stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    require(child.returncode == 0, "snnsim failed")
    note(f"peak memory {usage.ru_maxrss / 1024:.1f} MB")
    require(usage.ru_maxrss * 1024 < 64e6, f"peak memory is {usage.ru_maxrss} KiB")


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.exit(report(named([bundled_digits, within_100_steps, few_steps, offset, first_spike_with_gain,
                           chip_costs_little, chip_within_few_steps, memory]),
                    os.path.abspath(sys.argv[1])))
