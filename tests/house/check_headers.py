"""Headers compile on their own: check_headers.py ROOT.

Public headers as C11 and as C++17 with each compiler that is there, without any of this project's
flags; private headers as C11.
"""

import concurrent.futures
import shutil
import subprocess
import sys

from house import Skip, Tree, report

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wundef", "-Wshadow", "-Werror"]
PUBLIC = "libsnn/include/"


def compile_alone(tree, command, headers):
    """Includes each header twice in an otherwise empty file; yields what the compiler minds."""
    def compile_one(header):
        name = header[len(PUBLIC):] if header.startswith(PUBLIC) else header
        answer = subprocess.run(
            [*command, *WARNINGS, "-fsyntax-only", "-I", tree.at(PUBLIC), "-I", tree.root, "-"],
            input=f'#include "{name}"\n' * 2 + "extern int snn_not_empty;\n",
            capture_output=True, text=True, check=False)
        return header, answer

    with concurrent.futures.ThreadPoolExecutor() as pool:
        for header, answer in pool.map(compile_one, headers):
            if answer.returncode != 0:
                first = answer.stderr.splitlines()[0]
                yield f"{header}: {command[0]} {command[1]}: {first}"


def with_each_compiler(tree, compilers, language):
    found = [compiler for compiler in compilers if shutil.which(compiler)]
    if not found:
        raise Skip(f"none of {', '.join(compilers)} is installed")
    headers = [path for path in tree.c_files((".h",)) if path.startswith(PUBLIC)]
    for compiler in found:
        yield from compile_alone(tree, [compiler, *language], headers)


def public_as_c(tree):
    """public headers compile alone as C11"""
    yield from with_each_compiler(tree, ["gcc", "clang"], ["-std=c11", "-x", "c"])


def public_as_cxx(tree):
    """public headers compile alone as C++17"""
    yield from with_each_compiler(tree, ["g++", "clang++"], ["-std=c++17", "-x", "c++"])


def private_as_c(tree):
    """private headers compile alone as C11"""
    headers = [path for path in tree.c_files((".h",)) if not path.startswith(PUBLIC)]
    command = ["cc", "-std=c11", "-x", "c", "-D_POSIX_C_SOURCE=200809L"]
    yield from compile_alone(tree, command, headers)


CHECKS = [public_as_c, public_as_cxx, private_as_c]


if __name__ == "__main__":
    sys.exit(report(CHECKS, Tree(sys.argv[1])))
