"""Shape and words of the files: check_text.py ROOT."""

import os
import re
import sys

from house import Tree, code_only, report

FILE_LINES_MAX = 800
FUNCTION_LINES_MAX = 70

# How a file of each kind begins: with a comment that says what it is for.
OPENINGS = {
    ".c": r"/\*",
    ".h": r"/\*",
    ".py": r'(#!.*\n)?"""',
    ".sh": r"#!.*\n#",
    "meson.build": r"#",
}

# Written in two halves, so that this file does not find itself.
FORBIDDEN = re.compile("|".join([
    r"\bTO" r"DO\b", r"\bFIX" r"ME\b", r"\bX" r"XX\b", "/wo" "rk/", r"\.\./sha" "red",
]))
FORBIDDEN_ALLOWED = {".ci/run"}

TYPE = re.compile(r"^(?:typedef )?(?:struct|enum|union) (\w+)", re.MULTILINE)
TYPEDEF = re.compile(r"^typedef\b(.*?);", re.MULTILINE | re.DOTALL)
FUNCTION_TYPE = re.compile(r"\(\*\w+_fn\)\(")
MACRO = re.compile(r"^#\s*define (\w+)", re.MULTILINE)

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)


def opens_with_comment(tree):
    """files open with a comment"""
    for path in tree.files:
        for suffix, opening in OPENINGS.items():
            if path.endswith(suffix) and not re.match(opening, tree.text(path)):
                yield f"{path}: does not open with a comment"


def is_short_enough(tree):
    """source files have at most 800 lines"""
    for path in tree.c_files():
        count = len(tree.lines(path))
        if count > FILE_LINES_MAX:
            yield f"{path}: {count} lines, {FILE_LINES_MAX} at most"


def functions_are_short(tree):
    """functions have at most 70 lines"""
    for path in tree.c_files():
        start = None
        for number, line in enumerate(tree.lines(path), 1):
            if line == "{":
                start = number
            elif line == "}" and start is not None:
                count = number - start + 1
                if count > FUNCTION_LINES_MAX:
                    yield f"{path}:{start}: {count} lines, {FUNCTION_LINES_MAX} at most"
                start = None


# Types of others that a private header names without including them.
GUESTS = ("libusb_", "sp_port")


def names_are_prefixed(tree):
    """types and macros in headers begin with snn"""
    for path in tree.c_files((".h",)):
        if path.startswith("tests/"):
            continue
        code = code_only(tree.text(path))
        guard = re.sub(r"\W", "_", path).upper()
        for name in TYPE.findall(code) + MACRO.findall(code):
            if not name.lower().startswith(("snn", *GUESTS)) and name != guard:
                yield f"{path}: {name} does not begin with snn"


def typedefs_are_functions(tree):
    """only function pointers have a typedef, ending in _fn"""
    for path in tree.c_files():
        for declaration in TYPEDEF.findall(code_only(tree.text(path))):
            if not FUNCTION_TYPE.search(declaration):
                yield f"{path}: typedef{declaration}"


def is_built(tree):
    """every C file and public header is listed in a meson.build"""
    builds = [path for path in tree.files if os.path.basename(path) == "meson.build"]
    public = [path for path in tree.c_files((".h",)) if path.startswith("libsnn/include/")]
    for path in tree.c_files((".c",)) + public:
        above = [build for build in builds if path.startswith(os.path.dirname(build))]
        if not any(f"'{os.path.relpath(path, os.path.dirname(build) or '.')}'" in tree.text(build)
                   for build in above):
            yield f"{path}: no meson.build lists it"


def has_no_forbidden_words(tree):
    """no leftovers and no names of the place where it was written"""
    for path in tree.files:
        if path in FORBIDDEN_ALLOWED:
            continue
        for match in FORBIDDEN.finditer(tree.text(path)):
            line = tree.text(path).count("\n", 0, match.start()) + 1
            yield f"{path}:{line}: {match.group()}"


def anchors(text):
    """The names by which a Markdown text's headings can be linked to."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
            for heading in HEADING.findall(text)}


def links_resolve(tree):
    """links between documents lead somewhere"""
    for path in tree.files:
        if not path.endswith(".md"):
            continue
        for link in LINK.findall(FENCE.sub("", tree.text(path))):
            if re.match(r"[a-z]+:", link):
                continue
            name, _, anchor = link.partition("#")
            target = os.path.normpath(os.path.join(os.path.dirname(path), name)) if name else path
            if not os.path.exists(tree.at(target)):
                yield f"{path}: {link} does not exist"
            elif anchor and anchor not in anchors(tree.text(target)):
                yield f"{path}: {link} has no such heading"


CHECKS = [opens_with_comment, is_short_enough, functions_are_short, names_are_prefixed,
          typedefs_are_functions, is_built, has_no_forbidden_words, links_resolve]


if __name__ == "__main__":
    sys.exit(report(CHECKS, Tree(sys.argv[1])))
