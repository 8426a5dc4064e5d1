"""The test vectors of docs/formats/wire.md and tape.md, computed anew from their tables: wire_page.py
ROOT

Shares no line with the C code, which tests/unit/wire/page.c and tests/unit/device/tape_page.c hold
against the same vectors: where the two agree with a page, the page says what the code does.
"""

import os
import re
import struct
import sys
import zlib

PAD, TIME, SEQUENCE, CHECK, BEGIN, TICK, END, GAP, CREDIT = range(9)
HELLO, READ = 1, 5


def event(time, layer, feature, y, x):
    return (time & 0xFFFFFFFF) << 30 | layer << 24 | feature << 14 | y << 7 | x


def mark(code, value, argument=0):
    return 1 << 62 | code << 56 | argument << 32 | value


def block(before, time, *words):
    """The bytes of a block: `before` words went before it, `time` is that of its first event."""
    seal = ~(before ^ before >> 24) & 0xFFFFFF
    words = [mark(SEQUENCE, before, seal), mark(TIME, time >> 32), *words]
    body = b"".join(struct.pack("<Q", word) for word in words)
    return body + struct.pack("<Q", mark(CHECK, zlib.crc32(body), len(words)))


def frame(kind, payload):
    body = struct.pack("<BH", kind, len(payload)) + payload
    return b"\xa5" + body + struct.pack("<I", zlib.crc32(body))


def setup(into_host, code, core, region, offset, size):
    return struct.pack("<BBHHH", 0xC0 if into_host else 0x40, code, region << 8 | core, offset // 16,
                       size)


def destinations(*given):
    rows = [struct.pack("<BBBBH", 1, layer, pooling, 0, shift) for layer, pooling, shift in given]
    return b"".join(rows).ljust(24, b"\0")


def vectors():
    hello = struct.pack("<4H24s24sII", 1, 0, 1, 0, b"speck2f", b"VIRT0001", 65536, 9)
    status = struct.pack("<HHI", 7, 4, 3)
    wrap = 2 ** 32
    out = block(0, 0, mark(BEGIN, 7), event(20, 0, 1, 2, 3), mark(TICK, 0), mark(END, 7))
    return {
        "crc": struct.pack("<I", zlib.crc32(b"123456789")),
        "event": block(0, 0, event(1, 2, 3, 4, 5)),
        "wrap": block(0, 0, event(wrap - 1, 0, 0, 0, 0), mark(TIME, 1), event(wrap, 63, 1023, 127, 127)),
        "resumed": block(wrap - 2, 5 * wrap, event(5 * wrap, 1, 1, 1, 1)),
        "loss": block(1000, 0, mark(GAP, 12, 2)),
        "session-out": out,
        "session-in": block(0, 0, mark(BEGIN, 7), event(20, 8, 5, 0, 0), mark(TICK, 0), mark(END, 7),
                            mark(CREDIT, len(out) // 8)),
        "request": setup(True, READ, 8, 3, 65520, 4096),
        "hello": hello,
        "status": status,
        "statistics": struct.pack("<7Q16Q", 1, 1, 1, 0, 7, 8, 0, *[0] * 8, 1, *[0] * 7),
        "core": struct.pack("<12B6HHhhh", 1, 5, 1, 1, 0, 0, 0, 1, 1, 2, 0, 0, 1, 28, 28, 6, 24, 24, 0,
                            127, -128, -1) + destinations((3, 2, 0), (4, 2, 6)),
        "chip": struct.pack("<4HB3xI", 1, 28, 28, 10, 4, 1000) + destinations((2, 1, 0)),
        "frame-request": frame(1, setup(True, HELLO, 0, 0, 0, 64)),
        "frame-answer": frame(2, struct.pack("<HHI", HELLO, 0, 0) + hello),
        "frame-words": frame(3, block(0, 0, event(1, 2, 3, 4, 5))),
    }


def tape():
    def record(kind, result, time, data):
        return struct.pack("<BBHIQ", kind, result, 0, len(data), time) + data

    uri = b"vdev:x"
    body = (b"snn.tape" + struct.pack("<HHI", 1, len(uri), 0) + uri
            + record(1, 12, 1, setup(True, HELLO, 0, 0, 0, 64)) + record(2, 0, 2, b"\n\v\f")
            + record(3, 0, 258, b"\r\x0e") + struct.pack("<BBHIQ", 4, 0, 0, 4, 259))
    return body + struct.pack("<I", zlib.crc32(body))


def page_of(name):
    with open(os.path.join(sys.argv[1], "docs/formats", name), encoding="utf-8") as file:
        return dict(re.findall(r"^vector ([\w-]+)\n([0-9a-f \n]+)$", file.read(), re.MULTILINE))


def main():
    page = page_of("wire.md") | page_of("tape.md")
    expected = vectors() | {"tape": tape()}
    print(f"1..{len(expected) + 1}")
    for number, (name, value) in enumerate(expected.items(), 1):
        same = bytes.fromhex(page.get(name, "")) == value
        print(f"{'ok' if same else 'not ok'} {number} - {name}")
        if not same:
            print(f"#   {value.hex(' ')}")
    good = sorted(page) == sorted(expected)
    print(f"{'ok' if good else 'not ok'} {len(expected) + 1} - the pages have these vectors and no others")
    return 0


if __name__ == "__main__":
    sys.exit(main())
