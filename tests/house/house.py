"""What the house checks share: the files of a tree, and findings as TAP.

A check is a function that takes a Tree (and perhaps more) and yields its findings as text, each
beginning with `path:line:` or `path:`. The order of findings is the order of the files.
"""

import os
import re
import subprocess

C_SUFFIXES = (".c", ".h")
COMMENT_OR_STRING = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.DOTALL)


class Tree:
    """The files of a checkout: tracked ones and new ones, without what git ignores."""

    def __init__(self, root):
        self.root = root
        self.files = sorted(path for path in self._list() if os.path.isfile(self.at(path)))
        self._texts = {}

    def _list(self):
        listing = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=self.root, capture_output=True, check=False)
        if listing.returncode == 0:
            return set(listing.stdout.decode().split("\0")) - {""}
        return self._walk()

    def _walk(self):
        """Stands in for git where the tree is not a checkout, as in a release archive."""
        for folder, folders, names in os.walk(self.root):
            folders[:] = [name for name in folders if name not in ("build", ".git", "__pycache__")]
            for name in names:
                yield os.path.relpath(os.path.join(folder, name), self.root)

    def at(self, path):
        return os.path.join(self.root, path)

    def text(self, path):
        """The file's text, or "" if it is not text."""
        if path not in self._texts:
            with open(self.at(path), "rb") as file:
                data = file.read()
            try:
                self._texts[path] = data.decode("utf-8") if b"\0" not in data else ""
            except UnicodeDecodeError:
                self._texts[path] = ""
        return self._texts[path]

    def lines(self, path):
        return self.text(path).splitlines()

    def c_files(self, suffixes=C_SUFFIXES):
        return [path for path in self.files if path.endswith(suffixes)]


def code_only(text):
    """C text with comments and strings blanked out, line for line and column for column."""
    return COMMENT_OR_STRING.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


class Skip(Exception):
    """Raised by a check that cannot be made here; the text says why."""


def report(checks, *arguments):
    """Runs each check and prints one TAP line for it, named by its docstring; returns the status
    to exit with."""
    print(f"1..{len(checks)}")
    failed = False
    for number, check in enumerate(checks, 1):
        try:
            findings = list(check(*arguments))
        except Skip as reason:
            print(f"ok {number} - {check.__doc__} # SKIP {reason}")
            continue
        failed = failed or bool(findings)
        print(f"{'not ok' if findings else 'ok'} {number} - {check.__doc__}")
        for finding in findings:
            print(f"#   {finding}")
    return 1 if failed else 0
