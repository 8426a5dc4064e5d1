"""The kernels of another machine, emulated: emulated.py NATIVE PROGRAM EMULATOR.

Each is a path, or nothing where it could not be built or found. PROGRAM is kernel-compare for the
other machine: its tests are run there, and what came out must be, to the bit, what NATIVE gives on
the same input. Prints TAP.
"""

import re
import subprocess
import sys


def run(*command):
    """The TAP lines of kernel-compare, and its digest of all results."""
    answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    digest = re.search(r"^# digest (\w+)$", answer.stdout, re.MULTILINE)
    if digest is None:
        return [f"not ok - {' '.join(command)}: status {answer.returncode}, no digest"], None
    lines = re.findall(r"^(?:not )?ok .*|^# differs.*", answer.stdout, re.MULTILINE)
    return lines, digest.group(1)


def main(native, program, emulator):
    if not program:
        print("1..0 # SKIP there is no compiler for aarch64 (gcc-aarch64-linux-gnu, "
              "libc6-dev-arm64-cross)")
        return 0
    if not emulator:
        print("1..0 # SKIP there is no emulator of aarch64 (qemu-user-static)")
        return 0
    lines, emulated = run(emulator, program)
    _, here = run(native, "--scalar")
    number = 1 + sum("ok " in line[:7] for line in lines)
    equal = emulated is not None and emulated == here
    lines.append(f"{'ok' if equal else 'not ok'} {number} - aarch64 gives the bits of this machine")
    if not equal:
        lines.append(f"# digests: aarch64 {emulated}, here {here}")
    print("\n".join(lines))
    print(f"1..{number}")
    return 0 if all(not line.startswith("not ok") for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
