"""Devices as targets, by virtual chips within the process: device.py SNNSIM

What a device gives is held against the same chip simulated, number by number; what goes wrong on
purpose must end the run with the status and the words that tell a person what it was. MNIST is taken
from $SNN_SHARED/mnist; without it only the bundled digits are run.
"""

import json
import os
import subprocess
import sys
import time

from accuracy import mnist, note
from flow import environment, named, report, require

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
MODEL = os.path.join(ROOT, "data", "lenet.json")
CONVERT = os.path.join(os.path.dirname(os.path.abspath(sys.argv[1])), "snnconvert")
SOAK = bool(os.environ.get("SNN_SOAK"))


def run(place, *arguments, net=MODEL, status=0):
    answer = place.run(net, "-q", "--json", "-", *arguments)
    require(answer.returncode == status, f"not status {status}", answer)
    return json.loads(answer.stdout) if status == 0 else answer


def result(place, *arguments, net=MODEL):
    return run(place, *arguments, net=net)["results"][0]


def faulty(fault, chip="speck2f"):
    return ("--target", f"vdev:{chip},fault={fault}")


def same(chip, device, what):
    """Every number of a result but what tells of the device itself."""
    require(chip.keys() == device.keys(), f"{what}: other members")
    for key in chip.keys() - {"target", "device"}:
        require(chip[key] == device[key],
                f"{what}: {key} is {device[key]}, on the chip {chip[key]}")
    require(chip["device"] is None and device["device"] is not None, f"{what}: members of a device")
    dropped = device["device"]["dropped"]
    require(dropped == {"device": 0, "host": 0, "transport_words": 0}, f"{what}: {dropped}")
    require(device["device"]["produced"] == device["device"]["events_in"], f"{what}: events")


def both_ways(place, *arguments, net=MODEL, chip="speck2f"):
    """On a chip and on a device; the options must be about the same."""
    made = [run(place, *arguments, "--target", f"{scheme}:{chip}", net=net)
            for scheme in ("chip", "vdev")]
    require(made[0]["options"] == made[1]["options"], "other options")
    same(made[0]["results"][0], made[1]["results"][0], " ".join(str(word) for word in arguments))
    return made[1]


# ---- What it computes ----

def digits(place):
    """LeNet on the digits: the chip's numbers, in each encoding, order, number of steps and threads"""
    cases = [("-t", 1), ("-t", 31), ("-t", 33, "--threads", 1), ("-t", 64, "--threads", 3),
             ("-t", 20, "-e", "bernoulli", "--seed", 5), ("-t", 20, "-e", "ttfs"),
             ("-t", 10, "--order", "raster"), ("-t", 10, "--order", "random", "--seed", 8),
             ("-t", 10, "--dt", 0.25), ("-t", 10, "--dt", 0.0007, "--order", "random"),
             ("-t", 30, "--rule", "first", "--rule", "margin:2", "--rule", "count:3"),
             ("-t", 30, "--rule", "margin:1", "--until-decided"), ("-t", 30, "--until-decided"),
             ("-t", 8, "--output-gain", 0.5, "--core", "fc1=3,4", "--v0", 0),
             ("-t", 8, "--synops", "sinabs-0.3.3", "--energy", "loihi", "--offset", 100)]
    for case in cases:
        made = both_ways(place, "-n", 40, *case)
        found = made["results"][0]
        counted = round(found["input_spikes_mean"] * found["samples"])
        went = found["device"]["events_out"]
        # Steps behind the one that decides were sent, and do not count.
        enough = went >= counted if "--until-decided" in case else went == counted
        require(enough, f"{case}: {went} events went out, {counted} count")


def other_chips(place):
    """other chips, a profile of one's own, and a program in place of a model"""
    for chip in ("dynapcnn", "speck2e"):
        both_ways(place, "-n", 10, "-t", 8, chip=chip)
    with open(os.path.join(ROOT, "data", "chips", "speck2f.json"), encoding="utf-8") as file:
        profile = json.load(file)
    profile["name"] = "mine"
    place.write("a,b.json", profile)
    both_ways(place, "-n", 10, "-t", 8, chip="./a,b.json")
    made = subprocess.run([CONVERT, MODEL, "--check", "speck2f", "-o", "net.chip.json"],
                          cwd=place.folder, capture_output=True, text=True, check=False,
                          env=environment())
    require(made.returncode == 0, "snnconvert", made)
    data = ("-d", os.path.join(ROOT, "data", "digits", "digits-images-idx3-ubyte.gz"))
    both_ways(place, "-n", 20, "-t", 8, *data, net="net.chip.json")
    answer = run(place, *data, "--target", "vdev:dynapcnn", net="net.chip.json", status=64)
    require("is for speck2f, the device is dynapcnn" in answer.stderr, "another chip", answer)


def the_order_of_its_own(place):
    """a device takes its order from its URI, behind a list of faults with a seed of its own"""
    common = ("-n", 10, "-t", 6)
    for words in ("order=raster", "order=random,seed=11"):
        chip = result(place, *common, "--target", f"chip:speck2f,{words}")
        device = result(place, *common, "--target", f"vdev:speck2f,fault=short,seed=3,{words}")
        same(chip, device, words)
        require(device["order"] == words.split("=")[1].split(",")[0], f"{device['order']}")
    for words, text in (("order=odd", "order"), ("order=random,seed=x", "seed"),
                        ("order=raster,more", "'more'")):
        answer = run(place, *common, "--target", f"vdev:speck2f,{words}", status=64)
        require(text in answer.stderr, words, answer)


def side_by_side(place):
    """a table of simulator, chip and device; both of one placement; files are the same"""
    targets = ("--target", "sim", "--target", "chip:speck2f", "--target", "vdev:speck2f")
    made = run(place, "-n", 20, "-t", 8, *targets)["results"]
    require([found["target"] for found in made] == ["sim", "chip", "vdev"], "targets")
    for key in set(made[1]) - {"target", "device", "agreement", "gap"}:
        require(made[1][key] == made[2][key], key)
    require(made[1]["agreement"] == made[2]["agreement"], "agreement with the simulator")
    shown = place.run(MODEL, "-n", 5, "-t", 4, *targets)
    require(shown.returncode == 0, "status", shown)
    for text in ("vdev:speck2f", "VIRT0001", "round trip", "none lost", "cores written"):
        require(text in shown.stdout, f"nothing of '{text}'", shown)
    for scheme in ("chip", "vdev"):
        run(place, "-n", 12, "-t", 9, "--target", f"{scheme}:speck2f", "--save-counts",
            f"{scheme}.npy")
    files = place.contents()
    require(files["chip.npy"] == files["vdev.npy"], "counts differ")


def measured_on_a_stand_in(place):
    """what is measured before a net is placed is measured on the chip simulated"""
    place_data = os.path.join(ROOT, "data", "digits", "digits-images-idx3-ubyte.gz")
    made = both_ways(place, "-n", 30, "-t", 4, "--calibrate", place_data, "--correct", "potential",
                     "--order", "raster")
    require(made["options"]["norm"] == "p99.9 + potential", f"{made['options']['norm']}")


def runs_alike(place):
    """two runs, on one thread and on two, differ in timing and host only"""
    made = [run(place, "-n", 30, "-t", 12, "--target", "vdev:speck2f", "--threads", threads)
            for threads in (2, 2, 1)]
    for other in made[1:]:
        for key in made[0].keys() - {"timing", "host"}:
            require(made[0][key] == other[key], f"{key} differs")
    sessions = [one["timing"]["targets"][0]["device"]["sessions"] for one in made]
    require(sessions == [2, 2, 1], f"{sessions}")
    timing = made[2]["timing"]["targets"][0]["device"]
    trips = timing["round_trip_us"]
    require(trips["count"] == 30 * 12, f"{trips}")
    require(0 < trips["p50"] <= trips["p95"] <= trips["max"], f"{trips}")
    require(timing["load"]["cores_written"] == 5 and timing["load"]["cores_kept"] == 0,
            f"{timing['load']}")
    require(timing["faults"] == timing["device_faults"] == timing["spares_used"] == 0, f"{timing}")


def played_again(place):
    """a session that was recorded gives the same result without the device, and no other input"""
    common = ("-n", 6, "-t", 40, "--threads", 1, "--rule", "margin:2")
    recorded = run(place, *common, "--target", "vdev:speck2f,record=run.tape,order=raster")
    played = run(place, *common, "--target", "replay:run.tape,order=raster")
    one, other = recorded["results"][0], played["results"][0]
    for key in one.keys() - {"target", "device"}:
        require(one[key] == other[key], key)
    for key in one["device"].keys() - {"uri"}:
        require(one["device"][key] == other["device"][key], f"device: {key}")
    answer = run(place, *common, "--target", "replay:run.tape", status=76)
    require("of the recording" in answer.stderr, "another order", answer)
    answer = run(place, "-n", 6, "-t", 4, "--threads", 2, "--target",
                 "vdev:speck2f,record=two.tape", status=65)
    require("--threads 1" in answer.stderr, "two sessions on one tape", answer)


def images(place):
    """MNIST through a device: the chip's predictions and counts"""
    part, steps, ends = (1000, 100, 10000) if SOAK else (300, 16, 300)
    right = cnn = seconds = 0
    for offset in range(0, ends, part):
        made = both_ways(place, "-n", part, "--offset", offset, "-t", steps, "-d", mnist())
        found = made["results"][0]
        right += round(part * found["accuracy"])
        cnn += round(part * found["cnn_accuracy"])
        seconds += made["timing"]["seconds"]
    note(f"{ends} images, {steps} steps: {right} right, CNN {cnn}, {seconds:.1f} s")
    require(right >= cnn - ends // 100, f"{right} right, CNN {cnn}")


# ---- What goes wrong ----

def survived(place):
    """stalls, a bus error, short and odd packets, late answers: no number changes"""
    common = ("-n", 4, "-t", 6, "--threads", 1)
    chip = result(place, *common, "--target", "chip:speck2f")
    for fault in ("stall-in@4096", "stall-out@4096", "stall-in@0,stall-out@0", "error-in@10000",
                  "short", "odd", "short,odd,seed=4", "delay=1"):
        same(chip, result(place, *common, *faulty(fault)), fault)


def told(place):
    """what no number can be trusted behind has its status and says what it was, within seconds"""
    for fault, status, text in (
            ("gone@20000", 74, "gone"),
            ("silent=hello", 74, "no answer"),
            ("silent=commit", 74, "end of the configuration"),
            ("broken-in@9000", 74, ""),
            ("output=64", 74, "lost on the device"),
            ("corrupt-in@5000", 76, "corrupt"),
            ("corrupt-out@3000", 76, ""),
            ("refuse=commit", 76, "end of the configuration"),
            ("refuse=begin", 76, "begin of the configuration"),
            ("wrong-crc", 76, "reads back wrong: CRC"),
            ("version=2", 76, "version 2.0 of the protocol, this program 1.0")):
        start = time.monotonic()
        answer = run(place, "-n", 3, "-t", 8, "--threads", 1, *faulty(fault), status=status)
        took = time.monotonic() - start
        require(text in answer.stderr and "snnsim: " in answer.stderr, f"{fault}: '{text}'", answer)
        require(answer.stdout == "", f"{fault}: a result of nothing", answer)
        note(f"{fault}: {took:.2f} s")
        require(took < 8.0, f"{fault} took {took} s")


def corrupt_anywhere(place):
    """a bit flipped in any byte that comes back is noticed, or was in no word of the run"""
    common = ("-n", 2, "-t", 4, "--threads", 1)
    chip = result(place, *common, "--target", "chip:speck2f")
    statuses = {0: 0, 74: 0, 76: 0}
    for at in range(0, 40000, 400 if SOAK else 2500):
        answer = place.run(MODEL, "-q", "--json", "-", *common, *faulty(f"corrupt-in@{at}"))
        require(answer.returncode in statuses, f"byte {at}", answer)
        statuses[answer.returncode] += 1
        if answer.returncode == 0:
            same(chip, json.loads(answer.stdout)["results"][0], f"byte {at}")
    note(f"{statuses}")
    require(statuses[76] > 0, f"{statuses}")


def losses_allowed(place):
    """--allow-loss goes on and counts; without a loss it changes nothing"""
    answer = run(place, "-n", 3, "-t", 8, *faulty("output=512"), status=74)
    require("--allow-loss" in answer.stderr, "no way out", answer)
    made = run(place, "-n", 3, "-t", 8, "--threads", 1, "--allow-loss", *faulty("output=512"))
    found = made["results"][0]
    device = found["device"]
    require(found["samples"] == 3 and found["complete"], f"{found['samples']} samples")
    require(device["dropped"]["device"] > 0, f"{device}")
    require(device["produced"] == device["events_in"] + device["dropped"]["device"], f"{device}")
    shown = place.run(MODEL, "-n", 3, "-t", 8, "--allow-loss", *faulty("output=512"))
    require("LOST" in shown.stdout, "no word of the loss", shown)
    same(result(place, "-n", 3, "-t", 8, "--target", "chip:speck2f"),
         result(place, "-n", 3, "-t", 8, "--target", "vdev:speck2f", "--allow-loss"), "no loss")


def not_there(place):
    """devices that are not there, and options that are not for devices"""
    for arguments, status, text in (
            (("--target", "vdev:nochip"), 69, "nochip"),
            (("--target", "serial:/dev/ttyNOSUCH"), 69, "no such serial port"),
            (("--target", "replay:nosuch"), 69, "nosuch"),
            (("--target", "vdev:speck2f,fault=odd+bogus"), 64, "'bogus'"),
            (("--target", "vdev:speck2f,what=1"), 64, "what=1"),
            (("--allow-loss",), 64, "--allow-loss"),
            (("--allow-loss", "--target", "chip:speck2f"), 64, "--allow-loss"),
            (("--target", "vdev:speck2f", "-e", "current"), 64, "--encoding"),
            (("--target", "vdev:speck2f", "--rule", "membrane:1"), 64, "--rule"),
            (("--target", "vdev:speck2f", "--semantics", "sync"), 64, "--semantics")):
        answer = run(place, *arguments, status=status)
        require(text in answer.stderr, f"{arguments}", answer)


TESTS = named([digits, other_chips, the_order_of_its_own, side_by_side, measured_on_a_stand_in,
               runs_alike, played_again, images, survived, told, corrupt_anywhere, losses_allowed, not_there])

if __name__ == "__main__":
    sys.exit(report(TESTS, os.path.abspath(sys.argv[1])))
