"""Shows that each house check can fail: builds small wrong trees and expects the finding.

Likewise tests/summary.py, on which the verdict over all suites rests.
"""

import json
import os
import subprocess
import sys
import tempfile

import check_format
import check_headers
import check_symbols
import check_text
import check_walls
from house import Skip, Tree, report

# A tree that every check of files is content with; the wrong trees below are this one and a file.
RIGHT = {
    "meson.build": "# Build.\nfiles('libsnn/base/a.c', 'libsnn/include/snn/a.h')\n",
    "libsnn/include/snn/a.h": "/* A. */\n#include <stddef.h>\nstruct snn_a;\n",
    "libsnn/base/a.h": "/* A. */\ntypedef int (*snn_verb_fn)(void);\n",
    "libsnn/base/a.c": '/* A. */\n#include <stdio.h>\n\n#include "libsnn/base/a.h"\n'
                       '#include "snn/a.h"\n',
    "docs/a.md": "# A b\n[top](#a-b) [other](../meson.build) [web](https://example.org)\n",
}

LONG_FUNCTION = "/* A. */\nvoid a(void)\n{\n" + "    a();\n" * 69 + "}\n"

# check, path, contents, what the finding says
WRONG_FILES = [
    (check_walls.has_room, "lib/b.c", "/* B. */\n", "no room"),
    (check_walls.keeps_walls, "libsnn/base/b.c", '#include "libsnn/model/x.h"\n',
     "may not include"),
    (check_walls.keeps_walls, "tools/b.c", '#include "libsnn/base/a.h"\n', "may not include"),
    (check_walls.keeps_walls, "libsnn/include/snn/b.h", '#include "libsnn/base/a.h"\n',
     "may not include"),
    (check_walls.sees_one_sibling, "tests/plain/b.c",
     '#include "sim/x.h"\n#include "convert/x.h"\n', "siblings"),
    (check_walls.is_root_qualified, "libsnn/base/b.c", '#include "a.h"\n', "bare"),
    (check_walls.is_root_qualified, "libsnn/base/b.c", '#include "../base/a.h"\n', "climbs"),
    (check_walls.is_root_qualified, "libsnn/base/b.c", '#include "libsnn/base/x.h"\n',
     "not a header"),
    (check_walls.uses_doors, "libsnn/base/b.c", "#include <cjson/cJSON.h>\n", "json.c"),
    (check_walls.uses_doors, "convert/b.c", "#  include <zlib.h>\n", "inflate.c"),
    (check_walls.uses_doors, "sim/event/b.c", "#include <immintrin.h>\n", "sim/kernel"),
    (check_walls.keeps_to_system_headers, "libsnn/include/snn/b.h", "#include <unistd.h>\n",
     "unistd"),
    (check_text.opens_with_comment, "libsnn/base/b.c", "int b;\n", "open with a comment"),
    (check_text.is_short_enough, "libsnn/base/b.c", "\n" * 801, "801 lines"),
    (check_text.functions_are_short, "libsnn/base/b.c", LONG_FUNCTION, "71 lines"),
    (check_text.names_are_prefixed, "libsnn/base/b.h", "struct other {\n};\n", "other"),
    (check_text.names_are_prefixed, "libsnn/base/b.h", "#define OTHER 1\n", "OTHER"),
    (check_text.typedefs_are_functions, "libsnn/base/b.h", "typedef struct snn_b snn_b;\n",
     "snn_b"),
    (check_text.is_built, "libsnn/base/b.c", "/* B. */\n", "no meson.build"),
    (check_text.is_built, "libsnn/include/snn/b.h", "/* B. */\n", "no meson.build"),
    (check_text.has_no_forbidden_words, "docs/b.md", "a TO" "DO\n", "docs/b.md:1"),
    (check_text.has_no_forbidden_words, "docs/b.md", "cd /wo" "rk/x\n", "docs/b.md:1"),
    (check_text.links_resolve, "docs/b.md", "[c](c.md)\n", "does not exist"),
    (check_text.links_resolve, "docs/b.md", "[c](a.md#c)\n", "no such heading"),
    (check_format.is_formatted, "libsnn/base/b.c", "int  b ;\n", "b.c:1"),
    (check_headers.public_as_c, "libsnn/include/snn/b.h", "size_t snn_b(void);\n", "gcc"),
    (check_headers.public_as_cxx, "libsnn/include/snn/b.h", "int snn_b(int class);\n", "g++"),
    (check_headers.private_as_c, "libsnn/base/b.h", "static inline int snn_b(void) {}\n", "cc"),
]

# check, C text of a library, what the finding says
WRONG_LIBRARIES = [
    (check_symbols.exports_what_headers_declare, "int snn_other(void) { return 0; }", "snn_other"),
    (check_symbols.exports_what_headers_declare, "", "lacks snn_a"),
    (check_symbols.archive_begins_with_snn, "int other(void) { return 0; }", "other"),
    (check_symbols.rooms_keep_their_prefix, "int snnsim_x(void) { return 0; }", "snnsim_x"),
    (check_symbols.rooms_call_what_they_may_see,
     "int snnmodel_x(void); int snn_a(void) { return snnmodel_x(); }", "snnmodel_x"),
    (check_symbols.library_is_quiet, "#include <stdio.h>\nint snn_a(void) { return puts(\"\"); }",
     "puts"),
    (check_symbols.library_has_no_state, "static int state; int snn_a(void) { return state++; }",
     "state"),
]

SUMMARY = os.path.join(os.path.dirname(__file__), "..", "summary.py")

# stdout and result of test programs, last line of the summary, its exit status
RUNS = [
    ([], "0 passed, 0 failed, 0 skipped", 1),
    ([("", "OK")], "1 passed, 0 failed, 0 skipped", 0),
    ([("", "TIMEOUT")], "0 passed, 1 failed, 0 skipped", 1),
    ([("no data\n", "SKIP"), ("", "OK")], "1 passed, 0 failed, 1 skipped", 0),
    ([("no data\n", "SKIP")], "0 passed, 0 failed, 1 skipped", 1),
    ([("1..2\nok 1 - a\nok 2 - b # SKIP why\n", "OK")], "1 passed, 0 failed, 1 skipped", 0),
    ([("1..2\nok - a\nnot ok - b\n  ok - c\n", "FAIL")], "1 passed, 1 failed, 0 skipped", 1),
    ([("1..2\nok 1 - a\n", "ERROR")], "1 passed, 1 failed, 0 skipped", 1),
    ([("1..0 # SKIP why\n", "SKIP"), ("", "OK")], "1 passed, 0 failed, 1 skipped", 0),
    ([("1..3\n", "SKIP"), ("", "OK")], "1 passed, 1 failed, 0 skipped", 1),
]


# What two beds print, and what the summary's last line but one says of all three.
BED_RUNS = [
    ("1..2\nok 1 - a\nok 2 - b # SKIP why\n", "1..0 # SKIP no kernel\n",
     "test beds: A (fake libusb) did not run; B (libusb on umockdev) ran, 1 behaviours; "
     "C (kernel with vhci-hcd) did not run; C with gadgets (FunctionFS) did not run"),
]


def write_tree(root, files):
    for path, text in files.items():
        os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
        with open(os.path.join(root, path), "w", encoding="utf-8") as file:
            file.write(text)
    return Tree(root)


def judge(check, findings, expected):
    """What is wrong with the findings of a check, if anything."""
    if expected is None:
        if findings:
            yield f"{check.__name__}: finds {findings}"
    elif not any(expected in finding for finding in findings):
        yield f"{check.__name__}: misses {expected!r}, finds {findings}"


def finds_wrong_files():
    """each check of files finds what it is for"""
    for check, path, text, expected in WRONG_FILES:
        with tempfile.TemporaryDirectory() as root:
            tree = write_tree(root, {**RIGHT, path: text})
            try:
                yield from judge(check, list(check(tree)), expected)
            except Skip:
                continue


def tests_every_check():
    """each check is shown to fail here"""
    shown = {check for check, *_ in WRONG_FILES + WRONG_LIBRARIES}
    for module in (check_walls, check_text, check_format, check_headers, check_symbols):
        for check in module.CHECKS:
            if check not in shown:
                yield f"{module.__name__}: {check.__name__} is not"


def accepts_right_tree():
    """no check of files minds a right tree"""
    modules = [check_walls, check_text, check_headers]
    with tempfile.TemporaryDirectory() as root:
        tree = write_tree(root, RIGHT)
        for check in [check for module in modules for check in module.CHECKS]:
            yield from judge(check, list(check(tree)), None)


def build_library(root, code):
    tree = write_tree(root, {
        "libsnn/include/snn/a.h": "/* A. */\nSNN_API int snn_a(void);\n", "a.c": code + "\n"})
    for command in ("cc -c -fPIC a.c -o a.o", "cc -shared a.o -o a.so", "ar rc a.a a.o"):
        subprocess.run(command.split(), cwd=root, check=True)
    return tree, tree.at("a.so"), tree.at("a.a"), [("base", tree.at("a.a"))]


def finds_wrong_libraries():
    """each check of symbols finds what it is for"""
    for check, code, expected in WRONG_LIBRARIES:
        with tempfile.TemporaryDirectory() as root:
            yield from judge(check, list(check(*build_library(root, code))), expected)


def accepts_right_library():
    """no check of symbols minds a right library"""
    with tempfile.TemporaryDirectory() as root:
        library = build_library(root, "int snn_a(void) { return 0; }")
        for check in check_symbols.CHECKS:
            yield from judge(check, list(check(*library)), None)


def summary_adds_up():
    """the summary of all suites adds up and fails where it must"""
    for programs, expected, status in RUNS:
        records = [{"name": "a", "stdout": stdout, "result": result, "returncode": 0}
                   for stdout, result in programs]
        with tempfile.TemporaryDirectory() as root:
            lines = "".join(json.dumps(record) + "\n" for record in records)
            log = write_tree(root, {"log.json": lines}).at("log.json")
            answer = subprocess.run([sys.executable, SUMMARY, f"run={log}"], capture_output=True,
                                    text=True, check=False)
        if (answer.stdout.splitlines()[-1], answer.returncode) != (expected, status):
            yield f"{programs}: {answer.stdout!r}, status {answer.returncode}"


def summary_names_beds():
    """the summary says which test beds ran"""
    for second, third, expected in BED_RUNS:
        programs = {"x:device / behaviour-umock": second, "x:device / behaviour-vhci": third}
        lines = "".join(json.dumps({"name": name, "stdout": stdout, "result": "OK",
                                    "returncode": 0}) + "\n"
                        for name, stdout in programs.items())
        with tempfile.TemporaryDirectory() as root:
            log = write_tree(root, {"log.json": lines}).at("log.json")
            answer = subprocess.run([sys.executable, SUMMARY, f"run={log}"], capture_output=True,
                                    text=True, check=False)
        if answer.stdout.splitlines()[-2] != expected:
            yield f"{answer.stdout!r}"


if __name__ == "__main__":
    sys.exit(report([tests_every_check, finds_wrong_files, accepts_right_tree,
                     finds_wrong_libraries, accepts_right_library, summary_adds_up,
                     summary_names_beds]))
