"""LeNet on a virtual chip behind a real kernel's USB stack: lenet.py SNNSIM SNNDEV SNNCONVERT EVENTS,
programs of the build.

In a machine of its own (guest.py, bed C), `snndev emulate --as vhci` plugs a chip in; snnsim and
device-events then run the same images as here on `chip:speck2f`. The results as JSON but for who
computed them, and every spike (its neuron, step, cause and place in the order) are the same. The
images are MNIST's where SNN_SHARED has them, else the bundled digits. Spikes are compared of all
images with SNN_SOAK=1, else of a quarter, as they take their time in emulation.
"""

import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
MODEL = os.path.join(ROOT, "data", "lenet.json")
DIGITS = os.path.join(ROOT, "data", "digits", "digits-images-idx3-ubyte.gz")
SKIP = 77
SAMPLES, STEPS = 200, 100
WATCHED = SAMPLES if os.environ.get("SNN_SOAK") == "1" else SAMPLES // 4
TIMEOUT_S = 380
CHIP = "chip:speck2f"

# What the guest runs; `@` stands before what is told to the host.
SCRIPT = """#!/bin/sh
{snndev} emulate --chip speck2f --as vhci > /tmp/uri 2>&1 &
chip=$!
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    if grep -q usb: /tmp/uri; then break; fi
    sleep 0.5
done
echo "@list"; {snndev} list
echo "@events"; {events} {program} {data} {watched} {steps} usb:
echo "@status $?"
{snnsim} {model} -d {data} -n {samples} -t {steps} --target usb: -q --json /tmp/json > /tmp/out 2>&1
status=$?
if [ $status != 0 ]; then cat /tmp/out; fi
echo "@status $status"
echo "@json"; cat /tmp/json; echo
kill -TERM $chip
wait $chip
echo "@emulate $?"; cat /tmp/uri
"""


def images():
    shared = os.environ.get("SNN_SHARED", "")
    mnist = os.path.join(shared, "mnist", "t10k-images-idx3-ubyte.gz")
    return mnist if shared and os.path.exists(mnist) else DIGITS


def run(*command):
    """Standard output of a program on this host."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def reduced(document):
    """A result without what tells who computed it, and how fast."""
    for key in ("timing", "host", "tool"):
        document.pop(key, None)
    document["options"].pop("targets", None)
    document["options"].pop("threads", None)
    for result in document["results"]:
        for key in ("target", "device"):
            result.pop(key, None)
    return document


def differences(a, b, path=""):
    """Where two documents differ."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in sorted(set(a) | set(b)):
            yield from differences(a.get(key), b.get(key), f"{path}/{key}")
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for index, (x, y) in enumerate(zip(a, b)):
            yield from differences(x, y, f"{path}/{index}")
    elif a != b:
        yield f"{path}: {str(a)[:80]} and {str(b)[:80]}"


def sections(text):
    """What the guest printed, by its lines that begin with @."""
    found, name = {}, ""
    for line in text.splitlines():
        if line.startswith("@"):
            name = line[1:]
            found.setdefault(name, [])
        elif name:
            found[name].append(line)
    return found


def judge(told, events, document):
    """What is wrong with what the guest told, if anything."""
    if told.get("emulate 0") is None:
        yield "the emulating program did not end well"
    if len(told.get("events", [])) != WATCHED:
        yield f"{len(told.get('events', []))} of {WATCHED} samples have events"
    for here, there in zip(events, told.get("events", [])):
        if here != there:
            yield f"spikes of {CHIP}: {here}; by USB: {there}"
    try:
        result = json.loads("\n".join(told["json"]))
    except (KeyError, json.JSONDecodeError) as error:
        yield f"snnsim by USB gave no JSON: {error}"
        return
    device = result["results"][0].get("device")
    if not device or not device["uri"].startswith("usb:"):
        yield f"the result is not a device's: {device}"
    yield from differences(reduced(document), reduced(result))


def main():
    snnsim, snndev, snnconvert, events = (os.path.abspath(path) for path in sys.argv[1:])
    data = images()
    labels = data.replace("-images-idx3-", "-labels-idx1-")
    with tempfile.TemporaryDirectory(dir=os.getcwd()) as folder:
        program, script = os.path.join(folder, "lenet.chip.json"), os.path.join(folder, "run")
        run(snnconvert, MODEL, "--check", "speck2f", "-o", program)
        with open(script, "w", encoding="utf-8") as file:
            file.write(SCRIPT.format(snndev=snndev, snnsim=snnsim, events=events, model=MODEL,
                                     program=program, data=data, samples=SAMPLES, steps=STEPS,
                                     watched=WATCHED))
        guest = [sys.executable, os.path.join(HERE, "guest.py"), "--udev", "--module", "vhci-hcd",
                 "--timeout", str(TIMEOUT_S)]
        for path in (snnsim, snndev, events, program, data, MODEL, labels):
            guest += ["--file", path]
        answer = subprocess.run(guest + [script], capture_output=True, text=True, check=False)
        if answer.returncode == SKIP:
            print(answer.stdout.strip())
            return SKIP
        lines = run(events, program, data, str(WATCHED), str(STEPS), CHIP).splitlines()
        document = json.loads(run(snnsim, MODEL, "-d", data, "-n", str(SAMPLES), "-t", str(STEPS),
                                  "--target", CHIP, "-q", "--json", "-"))
    wrong = list(judge(sections(answer.stdout), lines, document))
    if wrong or answer.returncode != 0:
        print(answer.stdout[-8000:], answer.stderr[-4000:], *wrong[:20], sep="\n")
        return 1
    spikes = sum(int(line.split()[1]) for line in lines)
    print(f"{SAMPLES} images of {os.path.basename(data)}, {spikes} spikes of the first {WATCHED}: all "
          "the same by USB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
