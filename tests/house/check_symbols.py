"""What the built libraries export and use: check_symbols.py ROOT SHARED STATIC ROOM=LIBRARY...

Header files say what is meant; this asks the linker's tables what came of it.
"""

import collections
import re
import subprocess
import sys

from house import Tree, code_only, report

PUBLIC = "libsnn/include/snn/"
API = re.compile(r"^SNN_API\b[^;({]*?(\w+)\s*[(;[]", re.MULTILINE)

# A library neither prints nor ends its caller's process, and keeps no state of its own.
BANNED = re.compile(r"_?_?(v?printf(_chk)?|puts|putchar|perror|stdout|stderr)|_?exit|_Exit|abort|"
                    r"s?rand|setlocale|strtok|getenv")
# The one process that it may end is the child it has forked.
ENDS_ITS_CHILD = ("_exit", "read_child.c.o")
WRITABLE = re.compile(r"\.(data|bss|tdata|tbss)(?!\.rel\.ro)|\*COM\*")

# Prefix of a room: the rooms whose private names it may use, as in check_walls.py.
CALLS = {
    "base": [],
    "model": ["base"],
    "stream": ["base", "model"],
    "conv": ["base", "model"],
    "sim": ["base", "model", "stream"],
    "wire": [],
    "dev": ["base", "model", "stream", "wire"],
    "cli": [],
}
PRIVATE = re.compile(r"snn([a-z]+)_")

Symbol = collections.namedtuple("Symbol", "name kind section member")


def symbols(library, *options):
    answer = subprocess.run(["nm", "--format=sysv", "--print-file-name", *options, library],
                            capture_output=True, text=True, check=True)
    for line in answer.stdout.splitlines():
        fields = [field.strip() for field in line.split("|")]
        if len(fields) == 7 and fields[0] != "Name":
            member, name = fields[0].rsplit(":", 2)[-2:]
            yield Symbol(name.split("@")[0], fields[2], fields[6], member)


def declared(tree):
    return {name for path in tree.c_files((".h",)) if path.startswith(PUBLIC)
            for name in API.findall(code_only(tree.text(path)))}


def exports_what_headers_declare(tree, shared, _static, _rooms):
    """the shared library exports the public functions and nothing else"""
    exported = {symbol.name for symbol in symbols(shared, "--dynamic", "--defined-only")}
    for name in sorted(exported - declared(tree)):
        yield f"{shared}: exports {name}, which no public header declares"
    for name in sorted(declared(tree) - exported):
        yield f"{shared}: lacks {name}, which a public header declares"


def archive_begins_with_snn(_tree, _shared, static, _rooms):
    """the archive exports only names that begin with snn"""
    for symbol in symbols(static, "--extern-only", "--defined-only"):
        if not symbol.name.startswith("snn"):
            yield f"{static}: exports {symbol.name}"


def rooms_keep_their_prefix(tree, _shared, _static, rooms):
    """a room's names begin with its prefix or are public"""
    public = declared(tree)
    for room, library in rooms:
        for symbol in symbols(library, "--extern-only", "--defined-only"):
            if symbol.name not in public and not symbol.name.startswith(f"snn{room}_"):
                yield f"{library}: {symbol.name} does not begin with snn{room}_"


def rooms_call_what_they_may_see(_tree, _shared, _static, rooms):
    """a room uses private names of the rooms it may see only"""
    for room, library in rooms:
        for symbol in symbols(library, "--undefined-only"):
            owner = PRIVATE.match(symbol.name)
            if owner and owner.group(1) not in [room, *CALLS[room]]:
                yield f"{library}: uses {symbol.name}"


def library_is_quiet(_tree, _shared, static, _rooms):
    """the library neither prints nor exits"""
    for symbol in symbols(static, "--undefined-only"):
        if BANNED.fullmatch(symbol.name) and (symbol.name, symbol.member) != ENDS_ITS_CHILD:
            yield f"{static}: uses {symbol.name}"


def library_has_no_state(_tree, _shared, static, _rooms):
    """the library has no writable globals"""
    for symbol in symbols(static, "--defined-only"):
        if WRITABLE.match(symbol.section):
            yield f"{static}: {symbol.name} lies in {symbol.section}"


CHECKS = [exports_what_headers_declare, archive_begins_with_snn, rooms_keep_their_prefix,
          rooms_call_what_they_may_see, library_is_quiet, library_has_no_state]


if __name__ == "__main__":
    ROOMS = [pair.split("=", 1) for pair in sys.argv[4:]]
    sys.exit(report(CHECKS, Tree(sys.argv[1]), sys.argv[2], sys.argv[3], ROOMS))
