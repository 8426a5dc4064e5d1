"""Who may include whom: check_walls.py ROOT. The table is the law; docs/house.md explains it."""

import os
import re
import sys

from house import Tree, report

BASE, MODEL, STREAM = "libsnn/base/", "libsnn/model/", "libsnn/stream/"
WIRE, KERNEL, CLI, PUBLIC = "libsnn/wire/", "sim/kernel/", "tools/cli/", "snn/"

# Room: what it may include beside itself. A file belongs to the longest entry that its path begins
# with; what belongs to none is in no room.
ROOMS = {
    "libsnn/include/snn/": [PUBLIC],
    BASE: [PUBLIC],
    MODEL: [PUBLIC, BASE],
    STREAM: [PUBLIC, BASE, MODEL],
    WIRE: [],
    "libsnn/classify.c": [PUBLIC, BASE, MODEL, STREAM, "libsnn/run_pool.h"],
    "libsnn/run": [PUBLIC, BASE, MODEL, STREAM],
    "libsnn/registry.c": [PUBLIC, BASE, MODEL, STREAM],
    "convert/": [PUBLIC, BASE, MODEL],
    "sim/": [PUBLIC, BASE, MODEL, STREAM],
    "device/": [PUBLIC, BASE, MODEL, STREAM, WIRE],
    "firmware/": [WIRE],
    "tools/": [PUBLIC],
    "examples/": [PUBLIC, CLI],
    "bench/": [PUBLIC, KERNEL],
    "bench/wire.c": [WIRE],
    "bench/link.c": [PUBLIC, WIRE, "device/"],
    "tests/unit/support.": [PUBLIC],
    "tests/unit/sketch.": [PUBLIC],
    "tests/unit/flat_builder.": [],
    "tests/unit/base/": [PUBLIC, BASE],
    "tests/unit/model/": [PUBLIC, BASE, MODEL],
    "tests/unit/stream/": [PUBLIC, BASE, MODEL, STREAM],
    "tests/unit/convert/": [PUBLIC, BASE, MODEL, "convert/"],
    "tests/unit/run/": [PUBLIC, BASE, MODEL, STREAM, "libsnn/run"],
    "tests/unit/sim/": [PUBLIC, BASE, MODEL, STREAM, "sim/"],
    "tests/unit/cli/": [PUBLIC, CLI],
    "tests/unit/report/": [PUBLIC, "tools/report/"],
    "tests/unit/snndev/": [PUBLIC, CLI, "tools/snndev/"],
    "tests/unit/wire/": [WIRE],
    "tests/plain/": [PUBLIC, BASE, MODEL, STREAM, "convert/", "sim/", "device/"],
    "tests/fuzz/": [PUBLIC, BASE, MODEL, STREAM, WIRE, "convert/", "sim/", "device/"],
    "tests/unit/device/": [PUBLIC, BASE, MODEL, STREAM, WIRE, "device/"],
    "tests/kernel/": [PUBLIC, BASE, KERNEL],
    "tests/device/": [PUBLIC, "libsnn/", "device/"],
    "tests/flow/": [PUBLIC],
    "tests/keras/": [PUBLIC, BASE, MODEL, "convert/"],
    "tests/onnx/": [PUBLIC, BASE, MODEL, "convert/"],
}

# Rooms that no file may see two of.
SIBLINGS = ("convert/", "sim/", "device/")

# Header of a guest: the only files that let it in.
DOORS = {
    r"cjson/.*|cJSON\.h": "libsnn/base/json.c",
    r"zlib\.h": "libsnn/base/inflate.c",
    r"lz4.*\.h": ("libsnn/base/lz4.c", "bench/aedatfile.c"),
    r"zstd.*\.h": ("libsnn/base/zstd.c", "bench/aedatfile.c"),
    r"hdf5\.h|H5.*\.h": "convert/read/hdf5_lib.c",
    r".*intrin\.h|arm_neon\.h": (KERNEL, "libsnn/stream/lanes_avx2.c"),
    r"protobuf-c/.*|.*\.pb-c\.h": "convert/read/onnx_proto.c",
    r"libusb.*": ("device/transport/usb", "tests/device/"),
    r"libserialport\.h": "device/transport/serial",
    r"mpi\.h": "tools/cli/cluster_mpi.c",
    r"umockdev\.h": "tests/device/",
    r"criterion/.*": ("tests/unit/", "tests/device/"),
}

# System headers of rooms that may not use all of them.
C_STANDARD = {
    "assert.h", "complex.h", "ctype.h", "errno.h", "fenv.h", "float.h", "inttypes.h", "iso646.h",
    "limits.h", "locale.h", "math.h", "setjmp.h", "signal.h", "stdalign.h", "stdarg.h",
    "stdatomic.h", "stdbool.h", "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "stdnoreturn.h",
    "string.h", "tgmath.h", "threads.h", "time.h", "uchar.h", "wchar.h", "wctype.h",
}
SYSTEM = {
    "libsnn/include/snn/": C_STANDARD,
    WIRE: {"stdint.h", "stddef.h", "stdbool.h"},
}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.MULTILINE)


def room_of(path):
    return max((room for room in ROOMS if path.startswith(room)), key=len, default=None)


def includes(tree, path):
    """Yields (place, quoted, header) for each include of a file."""
    text = tree.text(path)
    for match in INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        yield f"{path}:{line}", match.group(1) == '"', match.group(2)


def is_project_header(tree, header):
    return any(os.path.isfile(tree.at(folder + header)) for folder in ("", "libsnn/include/"))


def has_room(tree):
    """every C file belongs to a room"""
    for path in tree.c_files():
        if room_of(path) is None:
            yield f"{path}: is in no room"


def keeps_walls(tree):
    """includes keep to the rooms that a room may see"""
    for path in tree.c_files():
        room = room_of(path)
        allowed = ROOMS.get(room, []) + ([room] if room else [])
        if path.startswith("tests/"):
            allowed.append("tests/")
        for place, quoted, header in includes(tree, path):
            if (quoted or header.startswith(PUBLIC)) and not header.startswith(tuple(allowed)):
                yield f'{place}: {room} may not include "{header}"'


def sees_one_sibling(tree):
    """no file sees two sibling rooms"""
    for path in tree.c_files():
        headers = [header for _, _, header in includes(tree, path)]
        seen = [room for room in SIBLINGS if any(header.startswith(room) for header in headers)]
        if len(seen) > 1:
            yield f"{path}: includes {' and '.join(seen)}, which are siblings"


def is_root_qualified(tree):
    """includes are written from the root"""
    for path in tree.c_files():
        for place, quoted, header in includes(tree, path):
            if ".." in header.split("/"):
                yield f'{place}: "{header}" climbs with ..'
            elif quoted and "/" not in header:
                yield f'{place}: "{header}" is bare; write its path from the root'
            elif quoted and not is_project_header(tree, header):
                yield f'{place}: "{header}" is not a header of this project'


def uses_doors(tree):
    """third parties enter through their door"""
    for path in tree.c_files():
        for place, _, header in includes(tree, path):
            for guest, door in DOORS.items():
                if re.fullmatch(guest, header) and not path.startswith(door):
                    doors = door if isinstance(door, str) else " and ".join(door)
                    yield f"{place}: <{header}> only enters through {doors}"


def keeps_to_system_headers(tree):
    """public headers include C standard headers only"""
    for path in tree.c_files():
        allowed = SYSTEM.get(room_of(path))
        for place, quoted, header in includes(tree, path):
            if allowed and not quoted and header not in allowed:
                yield f"{place}: {room_of(path)} may not include <{header}>"


CHECKS = [has_room, keeps_walls, sees_one_sibling, is_root_qualified, uses_doors,
          keeps_to_system_headers]


if __name__ == "__main__":
    sys.exit(report(CHECKS, Tree(sys.argv[1])))
