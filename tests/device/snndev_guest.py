"""snndev and a virtual chip on a real kernel's USB: snndev_guest.py SNNDEV LIBSNN SCENE [PROGRAM...]

Runs the scene's script, snndev_SCENE.sh, in the machine of guest.py (bed C) and looks at what it
printed. The PROGRAMs, those of examples/, are for the scene of that name: they must print there what
they print here of a simulated chip. Skipped with guest.py's reason where the machine cannot be had.
"""

import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "..", "..", "data")
SAMPLE = ("lenet.json", "digits/digits-images-idx3-ubyte.gz", "digits/digits-labels-idx1-ubyte.gz")
LIBRARY = "/usr/lib/x86_64-linux-gnu/libsnn.so.0"
USBIP = "/usr/sbin/usbip"

# What must be found, in this order; a name for each.
EXPECTED = [
    ("an empty machine says so", r"\$ snndev list\nno device is plugged in\n"),
    ("emulate chooses vhci for root",
     r"a virtual speck2f is plugged in \(vhci\): usb:1209:0001:VIRT0001\n"),
    ("list shows the chip", r"usb:1209:0001:VIRT0001 +speck2f +VIRT0001 +\d+-\d+ +\d+\.\d+ +ready"),
    ("load writes all cores", r"lenet on speck2f VIRT0001: 5 cores written, 0 right already"),
    ("a second load writes none", r"lenet on speck2f VIRT0001: 0 cores written, 5 right already"),
    ("run classifies as the simulator", r"0      5          5      1  5: 13\n +1      1          1 "
                                        r"     1  1: 10, 7: 1\n +2      0          0      1  0: 13\n"),
    ("nothing is lost", r"3 samples, 16 steps of 1 ms: 3 right, 100.00 %\n.*, 0 lost\n"),
    ("a session is recorded", r"/run/tape: the session.*\n\[status 0\]"),
    ("and replayed", r"as recorded, to the last byte\n\[status 0\]"),
    ("nobody may not open it", r"no permission to open /dev/bus/usb/\d+/\d+\n  hint: the rule "
                               r".*\n\[status 77\]"),
    ("doctor tells nobody how", r"!!  a device may not be opened.*\n +sudo tee /etc/udev/rules.d/"
                                r"(.*\n)+\[status 1\]"),
    ("a second program finds it in use", r"another program.* has it open\n.*\n\[status 75\]"),
    ("emulate ends well", r"\[emulator 0\]"),
    ("the monitor sees it go", r"\[monitor 74\]\n.*conv1 (.*\n)+.*the device is gone\n"),
    ("the watch saw it come and go", r"\[watch 0\]\n\+ usb:1209:0001(.*\n)+- usb:1209:0001"),
    ("and it is gone", r"\$ snndev list\nno device is plugged in\n"),
]

LEFT = [
    ("a killed gadget leaves its nodes", r"\[killed 137\]\n1 gadgets, 1 mounts\n"),
    ("the next one takes them back", r"a virtual speck2f .*\(gadget\).*SECOND\n"
                                     r"( .*\n)*1 gadgets, 1 mounts\n"),
    ("and its own", r"\[ended 0\]\n0 gadgets, 0 mounts\n"),
    ("a port that was taken away is another's", r"a virtual .*FOURTH\n( .*\n)*"
                                                r"\[third 0\]\n(.*\n)*"
                                                r"usb:1209:0001:FOURTH .*ready"),
]

SCENES = {
    "use": (("vhci-hcd",), EXPECTED),
    "left": (("vhci-hcd", "dummy_hcd num=2", "libcomposite", "usb_f_fs"), LEFT),
    "examples": (("vhci-hcd",), []),
}

# Run in a folder with the bundled data and the recording.
EXAMPLES = [
    "deploy lenet.json usb: digits/digits-images-idx3-ubyte.gz 5",
    "first_spike lenet.json digits/digits-images-idx3-ubyte.gz usb: 5 20",
    "live lenet.json ring-bar.bin usb: 100 50",
]
CHIP = "chip:speck2f"
GONE = r"\$ snndev list\nno device is plugged in\n"

# Before and behind the examples: what comes of the tool usbip, and last what comes without it, too.
READY = r"\$ snndev list\n(.*\n){2}usb:1209:0001:VIRT0001 .*ready"
ATTACHED = [
    ("usbip lists the chip", r"\$ usbip list .*\n(.*\n)* +1-1: .*\(1209:0001\)\n"),
    ("usbip is refused what is not there", r"-b 9-9\n.*Device not found\n+\[status 1\]"),
    ("usbip attaches it", r"-b 1-1\n\[status 0\]\n" + READY),
]
DETACHED = [
    ("usbip knows where it is from", r"Port 00: .*High Speed(.*\n)+.*usbip://127.0.0.1:3240/1-1\n"),
    ("emulate ends well when it is detached", r"detach -p 00\n.*\n+\[status 0\]\n\[emulator 0\]"),
    ("the detached chip is gone", GONE),
    ("another one is attached", r"-b 1-1\n\[status 0\]\n" + READY),
]
ENDED = [("emulate ends well when it is told to", r"\[emulator 0\]"), ("the chip is gone", GONE)]


def write_recording(path):
    """A ring, then a bar, as an event camera that sees them flicker would send them, N-MNIST's
    format, 100 ms each."""
    ring = [(x, y) for x in range(8, 19) for y in range(4, 24) if x in (8, 18) or y in (4, 23)]
    bar = [(14, y) for y in range(4, 24)]
    with open(path, "wb") as file:
        for millisecond in range(200):
            for order, (x, y) in enumerate(ring if millisecond < 100 else bar):
                time = millisecond * 1000 + order * 7
                file.write(bytes([x, y]) + (1 << 23 | time).to_bytes(3, "big"))


def prepare_examples(programs, folder):
    """Fills a folder with what the examples read; gives the files that the machine needs, and what
    it must print."""
    places = {os.path.basename(path): os.path.abspath(path) for path in programs}
    for name in ("lenet.json", "digits"):
        os.symlink(os.path.join(DATA, name), os.path.join(folder, name))
    write_recording(os.path.join(folder, "ring-bar.bin"))
    files = [f"{path}:/bin/{name}" for name, path in places.items()]
    files.append(f"{folder}/ring-bar.bin:/data/ring-bar.bin")
    checks = []
    for line in EXAMPLES:
        name, *arguments = line.split()
        here = subprocess.run([places[name], *(CHIP if word == "usb:" else word for word in arguments)],
                              cwd=folder, capture_output=True, text=True, check=True)
        checks.append((f"{name} says of the device what it says of {CHIP}",
                       re.escape(f"$ {line}\n{here.stdout}{here.stderr}[status 0]\n")))
    if os.access(USBIP, os.X_OK):
        files.append(f"{USBIP}:/bin/usbip")
        return files, ATTACHED + checks + DETACHED + ENDED
    without = [(f"{name} # SKIP usbip is missing (package usbip)", "") for name, _ in
               ATTACHED + DETACHED]
    return files, without + checks + ENDED


def run(scene, snndev, library, files):
    files = [f"{snndev}:/bin/snndev", f"{library}:{LIBRARY}", *files]
    files += [f"{os.path.join(DATA, name)}:/data/{name}" for name in SAMPLE]
    command = [sys.executable, os.path.join(HERE, "guest.py"), "--tap", "--udev",
               "--timeout", "250"]
    for module in SCENES[scene][0]:
        command += ["--module", module]
    for file in files:
        command += ["--file", file]
    arguments = EXAMPLES if scene == "examples" else []
    return subprocess.run([*command, os.path.join(HERE, f"snndev_{scene}.sh"), *arguments],
                          capture_output=True, text=True, errors="replace", check=False)


def main():
    snndev, library, scene, *programs = sys.argv[1:]
    files, expected = [], SCENES[scene][1]
    with tempfile.TemporaryDirectory() as folder:
        if programs:
            files, expected = prepare_examples(programs, folder)
        answer = run(scene, snndev, library, files)
    text = answer.stdout.replace("\r", "")
    if "1..0 # SKIP" in text:
        print(text.strip())
        return 0
    failed, at = 0, 0
    print(f"1..{len(expected)}")
    for number, (name, pattern) in enumerate(expected, 1):
        found = re.compile(pattern).search(text, at)
        at = found.end() if found else at
        failed += not found
        print(f"{'ok' if found else 'not ok'} {number} - {name}")
    if failed:
        print("".join(f"# {line}\n" for line in (text + answer.stderr).splitlines()), end="")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
