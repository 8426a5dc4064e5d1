"""snndev and a virtual chip on a real kernel's USB: snndev_guest.py SNNDEV LIBSNN [left]

Runs snndev_guest.sh, or snndev_left.sh, in the machine of guest.py (bed C) and looks at what it
printed. Skipped with guest.py's reason where the machine cannot be had.
"""

import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "..", "..", "data")
SAMPLE = ("lenet.json", "digits/digits-images-idx3-ubyte.gz", "digits/digits-labels-idx1-ubyte.gz")
LIBRARY = "/usr/lib/x86_64-linux-gnu/libsnn.so.0"

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
    "use": ("snndev_guest.sh", ("vhci-hcd",), EXPECTED),
    "left": ("snndev_left.sh", ("vhci-hcd", "dummy_hcd num=2", "libcomposite", "usb_f_fs"), LEFT),
}


def run(script, modules, snndev, library):
    files = [f"{snndev}:/bin/snndev", f"{library}:{LIBRARY}"]
    files += [f"{os.path.join(DATA, name)}:/data/{name}" for name in SAMPLE]
    command = [sys.executable, os.path.join(HERE, "guest.py"), "--tap", "--udev",
               "--timeout", "250"]
    for module in modules:
        command += ["--module", module]
    for file in files:
        command += ["--file", file]
    return subprocess.run([*command, os.path.join(HERE, script)], capture_output=True,
                          text=True, errors="replace", check=False)


def main():
    script, modules, expected = SCENES[sys.argv[3] if len(sys.argv) > 3 else "use"]
    answer = run(script, modules, *sys.argv[1:3])
    text = answer.stdout.replace("\r", "")
    if "# SKIP" in text:
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
