"""C sources are laid out as clang-format does it: check_format.py ROOT.

Other versions than the one named lay out a little differently, so they are not asked.
"""

import shutil
import subprocess
import sys

from house import Skip, Tree, report

VERSION = "14"


def find_formatter():
    for name in (f"clang-format-{VERSION}", "clang-format"):
        if shutil.which(name):
            answer = subprocess.run([name, "--version"], capture_output=True, text=True, check=True)
            if f"version {VERSION}." in answer.stdout:
                return name
    raise Skip(f"clang-format {VERSION} is not installed")


def is_formatted(tree):
    """C sources are formatted"""
    formatter = find_formatter()
    paths = tree.c_files()
    if not paths:
        return
    answer = subprocess.run([formatter, "--dry-run", "--ferror-limit=1", *paths], cwd=tree.root,
                            capture_output=True, text=True, check=False)
    for line in answer.stderr.splitlines():
        if "[-Wclang-format-violations]" in line:
            yield line.split(" warning:")[0] + " run ./dev format"


CHECKS = [is_formatted]


if __name__ == "__main__":
    sys.exit(report(CHECKS, Tree(sys.argv[1])))
