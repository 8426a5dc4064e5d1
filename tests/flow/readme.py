"""README.md says what the tools do: readme.py SOURCE_ROOT SNNSIM

The session in it is compared line by line with what snnsim prints, but for the line on speed; every
option that the shell examples use must be known.
"""

import os
import re
import subprocess
import sys

from flow import environment, named, report, require


def read(root):
    with open(os.path.join(root, "README.md"), encoding="utf-8") as file:
        return file.read()


def session(place):
    """the session is what snnsim prints today"""
    block = re.search(r"```\n\$ snnsim (.*)\n((?:.*\n)*?)```", read(ROOT))
    require(block, "README.md has no session")
    answer = subprocess.run(place.command(*block.group(1).split()), cwd=ROOT, text=True,
                            env=environment(LC_ALL="C.UTF-8"), capture_output=True, check=False)
    require(answer.returncode == 0, "snnsim failed", answer)
    found, expected = ([line.rstrip() for line in text.rstrip("\n").split("\n")
                        if not line.startswith("  speed ")]
                       for text in (answer.stdout, block.group(2)))
    require(found == expected, "README.md shows another session; now it is:\n" + answer.stdout)


def options(place):
    """every option in the examples exists"""
    known = set(re.findall(r"--[a-z0-9-]+", place.run("--help").stdout))
    used = set()
    for line in re.findall(r"^ *(?:\$ )?snnsim .*(?:\n +--.*)*", read(ROOT), re.MULTILINE):
        used |= set(re.findall(r"--[a-z0-9-]+", line))
    require(len(used) > 3, "no example was found")
    require(used <= known, f"unknown: {sorted(used - known)}")


if __name__ == "__main__":
    ROOT = os.path.abspath(sys.argv[1])
    sys.exit(report(named([session, options]), os.path.abspath(sys.argv[2])))
