"""libsnn in other hands: consumer.py SOURCE_ROOT BUILD_ROOT COMPILER [docs]

The program in tests/flow/consumer is built around libsnn as a Meson subproject, and against what
`meson install` puts below a prefix, found by pkg-config, with the shared and the static library.
"""

import os
import shutil
import subprocess
import sys
import tempfile

import flow

SOURCE, BUILD = (os.path.abspath(path) for path in sys.argv[1:3])
COMPILER = sys.argv[3]
CONSUMER = os.path.join(SOURCE, "tests", "flow", "consumer")

# How the paths end that `meson install` must make.
INSTALLED = [
    "include/snn/snn.h", "pkgconfig/snn.pc", "libsnn.a", "libsnn.so",
    "bin/snnsim", "bin/snnconvert", "bin/snndev", "udev/rules.d/70-libsnn.rules",
    "share/snn/lenet.json", "share/snn/energy.json",
    "share/snn/digits/digits-images-idx3-ubyte.gz", "share/snn/digits/digits-labels-idx1-ubyte.gz",
]
INSTALLED_DOCS = [
    "man1/snnsim.1", "man1/snnconvert.1", "man1/snndev.1",
    "completions/snnsim.bash", "completions/snnconvert.bash", "completions/snndev.bash",
]


def installed(work):
    return os.path.join(work, "installed")


def run(*command, **options):
    answer = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            check=False, **options)
    if answer.returncode != 0:
        raise flow.Failure(f"{' '.join(command)}\n{answer.stdout}")
    return answer.stdout


def find(folder, name):
    """The one path below a folder that ends in name."""
    found = [os.path.join(root, file) for root, _, files in os.walk(folder) for file in files
             if os.path.join(root, file).endswith("/" + name)]
    if len(found) != 1:
        raise flow.Failure(f"{name}: {len(found)} times below {folder}")
    return found[0]


def builds_as_subproject(work):
    """a project builds with libsnn as its subproject"""
    project = os.path.join(work, "project")
    shutil.copytree(CONSUMER, project)
    os.mkdir(os.path.join(project, "subprojects"))
    os.symlink(SOURCE, os.path.join(project, "subprojects", "libsnn"))
    build = os.path.join(project, "build")
    run("meson", "setup", "--buildtype=debug", "--wrap-mode=forcefallback", build, project)
    run("ninja", "-C", build, "consumer")
    run(os.path.join(build, "consumer"))


def install(work):
    """everything is installed"""
    run("meson", "install", "--no-rebuild", "-C", BUILD, "--destdir", installed(work))
    for name in INSTALLED + (INSTALLED_DOCS if "docs" in sys.argv else []):
        find(installed(work), name)


def moved_pkg_config(work):
    """A folder with the snn.pc of what lies below DESTDIR: only our own prefix moves, what others
    installed stays where it is."""
    with open(find(installed(work), "snn.pc"), encoding="utf-8") as file:
        lines = file.read().split("\n")
    moved = [line.replace("prefix=", "prefix=" + installed(work), 1)
             if line.startswith("prefix=") else line for line in lines]
    with open(os.path.join(work, "snn.pc"), "w", encoding="utf-8") as file:
        file.write("\n".join(moved))
    return work


def build_with_pkg_config(work, program, *options):
    """Compiles the consumer against the installed library, as a Makefile would."""
    environment = dict(os.environ, PKG_CONFIG_PATH=moved_pkg_config(work))
    flags = run("pkg-config", "--cflags", "--libs", *options, "snn", env=environment).split()
    if "--static" in options:
        flags = ["-l:libsnn.a" if flag == "-lsnn" else flag for flag in flags]
    run(COMPILER, os.path.join(CONSUMER, "main.c"), "-o", program, *flags)


def links_shared(work):
    """a program builds against the installed shared library"""
    program = os.path.join(work, "shared")
    build_with_pkg_config(work, program)
    folder = os.path.dirname(find(installed(work), "libsnn.so"))
    run(program, env=dict(os.environ, LD_LIBRARY_PATH=folder))


def links_static(work):
    """a program builds against the installed static library and runs alone"""
    program = os.path.join(work, "static")
    build_with_pkg_config(work, program, "--static")
    run(program, env={})


def main():
    checks = [builds_as_subproject, install, links_shared, links_static]
    with tempfile.TemporaryDirectory(prefix="consumer-", dir=BUILD) as work:
        return flow.report([(check.__doc__, lambda _, check=check: check(work))
                            for check in checks], None)


if __name__ == "__main__":
    sys.exit(main())
