"""snndev on virtual chips: snndev.py SNNDEV

Chips are `vdev:` (in the tool's own process) and `emulate --as process` (another program behind a
serial line, which is skipped where the build has none). What a chip answers is compared with
snnsim's target chip:speck2f.
"""

import contextlib
import csv
import json
import os
import re
import signal
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request

from flow import Failure, Skip, environment, model, named, report, require

MODEL = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", "data", "lenet.json"))
VDEV = "vdev:speck2f"


def other(place, name):
    """A tool that stands beside this one."""
    return os.path.join(os.path.dirname(os.path.abspath(place.tool)), name)


def run(place, verb, *arguments):
    """Runs a verb; on a busy machine a thread may have to wait for its turn longer than a device
    for its answer."""
    patient = verb in ("info", "load", "run", "monitor", "record", "replay", "reset")
    if patient and "--timeout" not in arguments:
        arguments = (*arguments, "--timeout", 20000)
    return place.run(verb, *arguments)


def run_other(place, name, *arguments):
    return subprocess.run([other(place, name), *arguments], cwd=place.folder, check=False, text=True,
                          capture_output=True, env=environment(), timeout=150)


def document(answer, status=0):
    require(answer.returncode == status, "another status expected", answer)
    try:
        return json.loads(answer.stdout)
    except json.JSONDecodeError as error:
        raise Failure(f"no JSON: {error}\n{answer.stdout}") from error


def refused(answer, status, *parts):
    require(answer.returncode == status, f"status {status} expected", answer)
    for part in parts:
        require(part in answer.stderr, f"'{part}' expected", answer)


def read_npy(path):
    """Shape and bytes of an array of bytes."""
    with open(path, "rb") as file:
        content = file.read()
    size = struct.unpack("<H", content[8:10])[0]
    header = content[10:10 + size].decode()
    require("'|u1'" in header, f"not of bytes: {header}")
    shape = tuple(int(n) for n in re.search(r"\(([\d, ]+)\)", header).group(1).split(",") if n)
    return shape, content[10 + size:]


# --- Another process' chip ------------------------------------------------------------------------


@contextlib.contextmanager
def emulated(place, *arguments):
    """A chip behind a serial line; yields its URI."""
    process = subprocess.Popen(place.command("emulate", "--as", "process", *arguments),
                               cwd=place.folder, env=environment(), text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        line = process.stdout.readline()
        found = re.search(r"serial:\S+", line)
        if not found:
            process.wait(10)
            said = process.stderr.read()
            if "no way 'process'" in said or "built without" in said:
                raise Skip("no virtual chips behind serial lines in this build")
            raise Failure(f"emulate said: {line}{said}")
        yield found.group(0)
        process.send_signal(signal.SIGINT)
        require(process.wait(10) == 0, f"emulate ended with {process.returncode}")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdout.close()
        process.stderr.close()


def open_or_skip(place, uri):
    answer = run(place, "info", uri)
    if "built without" in answer.stderr:
        raise Skip("built without that transport")
    require(answer.returncode == 0, "info failed", answer)
    return answer


# --- One device -----------------------------------------------------------------------------------


def info_says_who_it_is(place):
    """info tells chip, serial number, firmware, protocol and credit"""
    answer = run(place, "info", VDEV)
    require(answer.returncode == 0, "info failed", answer)
    for part in ("chip         speck2f", "cores        9", "protocol     ", "0 dropped"):
        require(part in answer.stdout, f"'{part}' expected", answer)
    found = document(run(place, "info", VDEV, "--json", "-"))
    require(found["schema"] == "snn.device/1" and found["chip"] == "speck2f", f"{found}")
    require(found["buffer_words"] > 0 and found["cores"] == 9, f"{found}")


def load_says_what_was_written(place):
    """load places a model and tells cores and bytes"""
    found = document(run(place, "load", VDEV, MODEL, "--json", "-"))
    require(found["cores_written"] + found["cores_kept"] >= 5, f"{found}")
    # Weights of LeNet on speck2f: 256 + 3072 + 65536 + 15360 + 5376 words of 8 bits at least.
    require(found["bytes_written"] + found["bytes_verified"] >= 89600, f"{found}")
    require(found["seconds"] > 0, f"{found}")


def loading_twice_writes_once(place):
    """what is right already is not written again"""
    with emulated(place) as uri:
        open_or_skip(place, uri)
        first = document(run(place, "load", uri, MODEL, "--json", "-"))
        again = document(run(place, "load", uri, MODEL, "--json", "-"))
        require(first["cores_written"] >= 5, f"{first}")
        require(again["cores_written"] == 0 and again["cores_kept"] >= 5, f"{again}")


def run_is_the_simulated_chip(place):
    """run counts what snnsim counts on chip:speck2f, sample by sample"""
    found = document(run(place, "run", VDEV, MODEL, "-n", 20, "-t", 12, "--json", "-"))
    answer = run_other(place, "snnsim", MODEL, "-q", "-n", "20", "-t", "12", "--target",
                       "chip:speck2f", "--save-counts", "counts.npy", "--json", "-")
    expected = json.loads(answer.stdout)["results"][0]
    with open(place.at("counts.npy"), "rb") as file:
        content = file.read()
    start = 10 + struct.unpack("<H", content[8:10])[0]
    numbers = struct.unpack(f"<{(len(content) - start) // 4}i", content[start:])
    for sample in range(20):
        steps = numbers[sample * 120:(sample + 1) * 120]
        sums = [sum(steps[k::10]) for k in range(10)]
        require(found["samples"][sample]["counts"] == sums,
                f"sample {sample}: {found['samples'][sample]['counts']}, snnsim {sums}")
    require(found["right"] == round(expected["accuracy"] * 20), f"{found['right']} right")
    require(found["events"]["lost"] == 0 and found["complete"], f"{found['events']}")


def serial_line_says_the_same(place):
    """a chip in another process answers as the one in this"""
    with emulated(place) as uri:
        open_or_skip(place, uri)
        there = document(run(place, "run", uri, MODEL, "-n", 3, "-t", 8, "--json", "-"))
    here = document(run(place, "run", VDEV, MODEL, "-n", 3, "-t", 8, "--json", "-"))
    require(there["samples"] == here["samples"], f"{there}\n{here}")


def program_is_taken_as_it_is(place):
    """a chip program runs as the model does that it was made of"""
    answer = run_other(place, "snnconvert", MODEL, "--check", "speck2f", "-n", "1", "-o",
                       "lenet.chip.json")
    require(answer.returncode == 0, "snnconvert failed", answer)
    data = os.path.join(os.path.dirname(MODEL), "digits", "digits-images-idx3-ubyte.gz")
    whole = document(run(place, "run", VDEV, "lenet.chip.json", "-d", data, "-n", 3, "--json", "-"))
    model_run = document(run(place, "run", VDEV, MODEL, "-n", 3, "--json", "-"))
    require(whole["samples"] == model_run["samples"], f"{whole}\n{model_run}")
    refused(run(place, "run", VDEV, "lenet.chip.json", "--norm", "max"), 64, "--norm",
            "placed already")
    refused(run(place, "run", VDEV, "lenet.chip.json"), 64, "names no sample data", "--data")


def program_of_another_chip_is_refused(place):
    """a program for another chip does not fit: both chips are named"""
    answer = run_other(place, "snnconvert", MODEL, "--check", "dynapcnn", "-n", "1", "-o",
                       "other.chip.json")
    require(answer.returncode == 0, "snnconvert failed", answer)
    refused(run(place, "load", VDEV, "other.chip.json"), 78, "is a program for dynapcnn",
            "is a speck2f", "--check speck2f")


def net_that_does_not_fit_is_told(place):
    """a net that does not fit ends with 78 and the way to the whole story"""
    wide = model()
    wide["layers"][1]["padding"] = [0, 0, 0, 0]
    big = os.path.join(os.path.dirname(MODEL), "..", "tests", "golden", "input",
                       "lenet-20-50-500.json")
    answer = run(place, "load", VDEV, big, "--norm", "none")
    refused(answer, 78, "does not fit speck2f", "exceeds the 65536", "--check speck2f")


def reset_is_told(place):
    """reset says what it did"""
    answer = run(place, "reset", VDEV)
    require(answer.returncode == 0 and "counters 0" in answer.stdout, "reset failed", answer)


# --- Files ----------------------------------------------------------------------------------------


def recorded_layer_is_the_simulated(place):
    """a recorded layer has the spikes that snnsim counts, and snnsim reads the file"""
    answer = run(place, "record", VDEV, MODEL, "-n", 4, "-t", 8, "-l", "conv2", "-o", "c.npy")
    require(answer.returncode == 0, "record failed", answer)
    shape, data = read_npy(place.at("c.npy"))
    require(shape == (4, 8, 16, 10, 10), f"{shape}")
    answer = run_other(place, "snnsim", MODEL, "-q", "-n", "4", "-t", "8", "--target",
                       "chip:speck2f", "--save-layer-counts", "layers.npz", "--json", "-")
    result = json.loads(answer.stdout)["results"][0]
    expected = [layer for layer in result["layers"] if layer["name"] == "conv2"][0]["spikes_mean"]
    require(sum(data) == round(4 * expected), f"{sum(data)} spikes, snnsim has {4 * expected}")
    place.write("next.json", {
        "format": "snn.model/1", "name": "next",
        "layers": [{"name": "input", "kind": "input", "shape": [16, 10, 10]},
                   {"name": "pool", "kind": "avg_pool2d", "inputs": ["input"], "kernel": [10, 10]},
                   {"name": "fc", "kind": "dense", "inputs": ["pool"], "weights": dense(16, 2)}],
        "output": "fc"})
    answer = run_other(place, "snnsim", "next.json", "--norm", "none", "--input-spikes", "c.npy",
                       "--json", "-")
    require(answer.returncode == 0, "snnsim does not read it", answer)
    found = json.loads(answer.stdout)["results"][0]
    require(abs(found["input_spikes_mean"] * 4 - sum(data)) < 0.5, f"{found['input_spikes_mean']}")
    sent = document(run(place, "replay", "c.npy", "next.json", "--norm", "none", "--to", VDEV,
                              "--json", "-"))
    require(sent["events"]["in"] == sum(data) and sent["timesteps"] == 8, f"{sent}")
    refused(run(place, "replay", "c.npy", "next.json", "--to", VDEV, "--data", "c.npy"), 64,
            "the data are c.npy")


def dense(inputs, outputs):
    from flow import tensor
    return tensor([0.1] * (inputs * outputs), [outputs, inputs])


def shared_layers_record_as_whole_ones(place):
    """a layer that two cores share has the same spikes in its file as on one core"""
    for layer, cores in (("conv2", "3,4"), ("fc3", "4,7")):
        for name, more in (("one", ()), ("two", ("--core", f"{layer}={cores}"))):
            answer = run(place, "record", VDEV, MODEL, "-n", 2, "-t", 6, "-l", layer, "-o",
                               f"{name}.npy", *more)
            require(answer.returncode == 0, "record failed", answer)
        require(read_npy(place.at("one.npy")) == read_npy(place.at("two.npy")), f"{layer} differs")


def every_event_is_in_the_table(place):
    """*.csv has every event; the readout's are those of *.npy"""
    for name in ("e.csv", "e.npy"):
        answer = run(place, "record", VDEV, MODEL, "-n", 2, "-t", 6, "-o", name)
        require(answer.returncode == 0, "record failed", answer)
    shape, data = read_npy(place.at("e.npy"))
    require(shape == (2, 6, 10, 1, 1), f"{shape}")
    with open(place.at("e.csv"), encoding="utf-8") as file:
        rows = [{key: int(value) for key, value in row.items()} for row in csv.DictReader(file)]
    counts = [0] * len(data)
    for row in rows:
        if row["layer"] == 12:
            counts[(row["sample"] * 6 + row["step"]) * 10 + row["feature"] // 4] += 1
        require(row["time_us"] <= 6000, f"{row}")
    require(bytes(counts) == data, "the two files differ")
    require({row["layer"] for row in rows} > {0, 1}, "monitored cores are missing")
    require(place.files().count("e.csv.part") == 0, "a part is left")


def session_runs_again_without_the_device(place):
    """a recorded session is replayed to the last byte, and nothing else is"""
    first = run(place, "run", VDEV, MODEL, "-n", 3, "-t", 6, "--json", "-", "--session", "s.tape")
    if "UNSUPPORTED" in first.stderr:
        raise Skip("this build has no tapes")
    samples = document(first)["samples"]
    again = document(run(place, "replay", "s.tape", MODEL, "-n", 3, "-t", 6, "--json", "-"))
    require(again["samples"] == samples, f"{again}")
    answer = run(place, "replay", "s.tape", MODEL, "-n", 3, "-t", 6)
    require(answer.returncode == 0 and "as recorded" in answer.stdout, "replay failed", answer)
    answer = run(place, "record", VDEV, MODEL, "-n", 2, "-t", 6, "-o", "r.csv", "--session", "r.tape")
    require(answer.returncode == 0, "record failed", answer)
    document(run(place, "replay", "r.tape", MODEL, "-n", 2, "-t", 6, "--json", "-"))
    answer = run(place, "replay", "s.tape", MODEL, "-n", 3, "-t", 6, "--encoding", "bernoulli")
    refused(answer, 76, "byte")
    refused(run(place, "replay", "gone.tape", MODEL), 66, "gone.tape")
    place.write("not.tape", b"hello")
    refused(run(place, "replay", "not.tape", MODEL), 65, "not.tape", "--to URI")


def unwritable_outputs_are_told_before_the_work(place):
    """outputs that cannot be, or would replace an input, are refused first"""
    for option in ("-o", "--session"):
        name = "nowhere/x.npy"
        refused(run(place, "record", VDEV, MODEL, option, name), 73, "nowhere/x.npy")
    refused(run(place, "record", VDEV, "model.json", "--session", "model.json"), 64,
            "would overwrite model.json")
    refused(run(place, "record", VDEV, MODEL, "-l", "conv9", "-o", "x.npy", "-n", 1), 64,
            "no layer of lenet is named 'conv9'", "conv1, conv2, fc1, fc2, fc3")
    require(place.files() == ["images-idx3", "labels-idx1", "model.json"], f"{place.files()}")


def json_is_whole_or_not_at_all(place):
    """--json FILE comes beside the text, and a run that fails leaves neither file nor half of it"""
    answer = run(place, "run", VDEV, MODEL, "-n", 2, "-t", 4, "--json", "r.json")
    require(answer.returncode == 0 and "2 samples" in answer.stdout, "run failed", answer)
    require(len(place.read_json("r.json")["samples"]) == 2, "two samples expected")
    gone = f"{VDEV},fault=gone@20000"
    answer = run(place, "run", gone, MODEL, "-n", 5, "--json", "gone.json")
    require(answer.returncode == 74, "status 74 expected", answer)
    answer = run(place, "run", gone, MODEL, "-n", 5, "--json", "-")
    require(answer.returncode == 74 and answer.stdout == "", "half of a result", answer)
    answer = run(place, "monitor", VDEV, MODEL, "--seconds", 2.5, "--json", "lines")
    require(answer.returncode == 0 and "conv1" in answer.stdout, "monitor failed", answer)
    with open(place.at("lines"), encoding="utf-8") as file:
        require([json.loads(line)["schema"] for line in file] == ["snn.rates/1"] * 2, "two lines")
    refused(run(place, "info", VDEV, "--json", "nowhere/x.json"), 73, "nowhere/x.json")
    left = [name for name in place.files() if "gone" in name or "part" in name]
    require(not left, f"left behind: {left}")


# --- Watching -------------------------------------------------------------------------------------


def monitor_prints_a_line_a_second(place):
    """monitor prints rates by layer once a second, and JSON as lines"""
    answer = run(place, "monitor", VDEV, MODEL, "--seconds", 2.5)
    require(answer.returncode == 0, "monitor failed", answer)
    lines = answer.stdout.splitlines()
    require(len(lines) == 2, "two lines expected", answer)
    for part in ("conv1 ", "fc3 ", "samples ", "right ", "lost 0"):
        require(part in lines[1], f"'{part}' expected", answer)
    answer = run(place, "monitor", VDEV, MODEL, "--seconds", 1.5, "--json", "-")
    found = [json.loads(line) for line in answer.stdout.splitlines()]
    require(len(found) == 1 and found[0]["schema"] == "snn.rates/1", "", answer)
    cores = {core["layer"]: core for core in found[0]["cores"]}
    require(cores["conv1"]["rate"] > cores["fc3"]["rate"] > 0, f"{cores}")


def get(url, host=None):
    request = urllib.request.Request(url, headers={"Host": host} if host else {})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""


def monitor_serves_a_page(place):
    """--serve shows a page and its numbers on that address alone, and ends at Ctrl-C"""
    process = subprocess.Popen(place.command("monitor", VDEV, MODEL, "--serve", "127.0.0.1:0"),
                               cwd=place.folder, env=environment(), text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        url = re.search(r"http://\S+", process.stdout.readline()).group(0)
        status, page = get(url)
        require(status == 200 and page.startswith("<!DOCTYPE html>"), f"{status} {page[:200]}")
        require("<svg" in page and "conv1" in page and "http-equiv=\"refresh\"" in page, page)
        require(not re.search(r"(src|href)=\"(?!data:)", page), "something is asked for elsewhere")
        time.sleep(1.0)
        status, text = get(url + "rates.json")
        found = json.loads(text)
        require(status == 200 and found["cores"][0]["rate"] > 0, text)
        require(get(url + "etc/passwd")[0] == 404, "another path is there")
        require(get(url, "elsewhere.example")[0] == 403, "another host's name is taken")
        process.send_signal(signal.SIGINT)
        require(process.wait(10) == 0, f"status {process.returncode}: {process.stderr.read()}")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdout.close()
        process.stderr.close()


def list_may_be_empty(place):
    """list is a table or says that nothing is there; virtual chips in a process are not listed"""
    answer = run(place, "list")
    require(answer.returncode == 0, "list failed", answer)
    require("vdev:" not in answer.stdout, "vdev is listed", answer)
    found = document(run(place, "list", "--json", "-"))
    require(found["schema"] == "snn.devices/1", f"{found}")
    if not found["devices"]:
        require("no device is plugged in" in answer.stdout, "", answer)
        require("snndev emulate" in answer.stderr, "no hint", answer)


def doctor_finds_and_explains(place):
    """doctor explains; every trouble has a remedy and decides the status"""
    answer = run(place, "doctor")
    require(answer.returncode in (0, 1), "", answer)
    found = document(run(place, "doctor", "--json", "-"), answer.returncode)
    require(found["schema"] == "snn.doctor/1", f"{found}")
    troubles = [f for f in found["findings"] if f["verdict"] == "trouble"]
    require(bool(troubles) == (answer.returncode == 1) == (not found["fine"]), f"{found}")
    topics = [f["topic"] for f in found["findings"]]
    for topic in ("build", "devices", "permission", "virtual chips"):
        require(topic in topics, f"nothing on {topic}")
    require(sorted(set(topics), key=topics.index) == [t for i, t in enumerate(topics)
                                                      if i == 0 or topics[i - 1] != t],
            "topics are scattered")


# --- What goes wrong ------------------------------------------------------------------------------


def no_device_is_69(place):
    """a device that is not there ends with 69 and what to do"""
    answer = run(place, "info", "usb:1209:0001:NONE-HAS-THIS")
    if "built without" in answer.stderr:
        require(answer.returncode == 65, "", answer)
        return
    refused(answer, 69, "hint:")


def unknown_uris_are_refused(place):
    """a URI that is none is told, and what there is"""
    for uri in ("", "usb", "usbx:", "vdev:", "vdev:speck9", "serial:", "usb:1209",
                "usb:zzzz:0001", "vdev:speck2f,fault=none", "serial:/dev/null@0"):
        answer = run(place, "info", uri)
        require(answer.returncode in (64, 65, 66, 69, 74, 77), f"{uri}", answer)
        require(answer.stderr.startswith("snndev: "), f"{uri}", answer)
        require("hint:" in answer.stderr, f"{uri}: no hint", answer)


def faults_end_with_their_status(place):
    """faults on purpose: a vanished device 74, another version 76, silence 74; none hangs"""
    for fault, status, part in (("gone@4096", 74, ""), ("version=9", 76, "9"),
                                ("refuse=commit", 76, ""), ("wrong-crc", 76, ""),
                                ("silent=statistics", 74, ""), ("corrupt-in@4001", 76, "")):
        start = time.monotonic()
        answer = run(place, "run", f"{VDEV},fault={fault}", MODEL, "-n", 5, "-t", 16,
                           "--timeout", 300)
        refused(answer, status, part)
        require("hint:" in answer.stderr or status == 76, f"{fault}: no hint", answer)
        require(time.monotonic() - start < 20, f"{fault} took {time.monotonic() - start:.0f} s")


def harmless_faults_change_nothing(place):
    """short and odd packets, stalls and bus errors: the same answers"""
    expected = document(run(place, "run", VDEV, MODEL, "-n", 2, "-t", 8, "--json", "-"))["samples"]
    for fault in ("short", "odd", "stall-in@2048", "stall-out@2048", "error-in@3000"):
        found = document(run(place, "run", f"{VDEV},fault={fault}", MODEL, "-n", 2, "-t", 8,
                                   "--json", "-"))
        require(found["samples"] == expected, f"{fault}: {found}")


def emulate_refuses_what_cannot_be(place):
    """emulate names what is wrong with chip, kind, fault and address"""
    refused(run(place, "emulate", "--chip", "speck9"), 66, "speck9", "hint:")
    refused(run(place, "emulate", "--as", "magic"), 64, "unknown choice 'magic'")
    refused(run(place, "emulate", "--as", "process", "--fault", "flood"), 64, "flood", "hint:")
    refused(run(place, "emulate", "--as", "usbip", "--address", "here"), 64, "'here'", "hint:")
    refused(run(place, "emulate", "--as", "process", "--serial", "a b"), 64, "a b", "hint:")


def vanished_process_is_reported(place):
    """the end of the emulator in mid-run is an error, soon"""
    process = subprocess.Popen(place.command("emulate", "--as", "process"), cwd=place.folder,
                               env=environment(), text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    found = re.search(r"serial:\S+", process.stdout.readline())
    if not found:
        process.kill()
        process.communicate()
        raise Skip("no virtual chips behind serial lines in this build")
    run = subprocess.Popen(place.command("monitor", found.group(0), MODEL), cwd=place.folder,
                           env=environment(), text=True, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE)
    try:
        line = run.stdout.readline()
        require("conv1" in line, f"monitor said {line}{run.stderr.read() if not line else ''}")
        process.kill()
        process.communicate()
        start = time.monotonic()
        _, said = run.communicate(timeout=30)
        require(run.returncode == 74, f"status {run.returncode}: {said}")
        require("hint:" in said, said)
        require(time.monotonic() - start < 10, "it took long")
    finally:
        if run.poll() is None:
            run.kill()
            run.communicate()


if __name__ == "__main__":
    sys.exit(report(named([
        info_says_who_it_is, load_says_what_was_written, loading_twice_writes_once,
        run_is_the_simulated_chip, serial_line_says_the_same, program_is_taken_as_it_is,
        program_of_another_chip_is_refused, net_that_does_not_fit_is_told, reset_is_told,
        recorded_layer_is_the_simulated, shared_layers_record_as_whole_ones,
        every_event_is_in_the_table,
        session_runs_again_without_the_device, json_is_whole_or_not_at_all,
        unwritable_outputs_are_told_before_the_work,
        monitor_prints_a_line_a_second, monitor_serves_a_page, list_may_be_empty,
        doctor_finds_and_explains, no_device_is_69, unknown_uris_are_refused,
        faults_end_with_their_status, harmless_faults_change_nothing,
        emulate_refuses_what_cannot_be, vanished_process_is_reported,
    ]), os.path.abspath(sys.argv[1])))
