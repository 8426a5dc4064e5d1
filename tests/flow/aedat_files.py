"""AEDAT recordings, written from the public specifications that docs/formats/events.md names;
nothing here is shared with the library that reads them. See event_files.py.

A writer takes events, (time, x, y, polarity), and a source of choices; it returns the bytes, how
many items that are no events of pixels it strewed in, and how many events marked as invalid.
"""

import shutil
import struct
import subprocess
import tempfile

# --- 1 and 2 --------------------------------------------------------------------------------------

CHIPS = {
    "dvs128": "ch.unizh.ini.jaer.chip.retina.DVS128",
    "davis240": "eu.seebetter.ini.chips.davis.DAVIS240C",
    "davis346": "eu.seebetter.ini.chips.davis.Davis346blue",
}


def dvs128_address(x, y, polarity):
    return y << 8 | x << 1 | polarity


def davis_address(x, y, polarity):
    return y << 22 | x << 12 | polarity << 11


def aedat2(events, rng, chip="dvs128", version=2, named=True, end=False):
    """Pairs of address and time; external events, and of a DAVIS frames and motion, in between."""
    is_davis = chip.startswith("davis")
    lines = [f"#!AER-DAT{version}.0", "# This is a raw AE data file - do not edit",
             "# Timestamps tick is 1 us", "# created Thu Dec 03 14:47:00 CET 2015"]
    if named:
        lines.append(f"# AEChip: {CHIPS[chip]}")
    if end:
        lines.append("#End Of ASCII Header")
    form = ">II" if version == 2 else ">HI"
    body, others = [], 0
    for time, x, y, polarity in events:
        address = davis_address(x, y, polarity) if is_davis else dvs128_address(x, y, polarity)
        body.append(struct.pack(form, address, time & 0xFFFFFFFF))
        if rng.random() > 0.1:
            continue
        if is_davis:
            odd = rng.choice((address | 1 << 10,                             # external
                              1 << 31 | address & ~0xFFF | rng.randrange(2048),  # a frame's pixel
                              1 << 31 | 3 << 10 | rng.randrange(7) << 28))   # motion
        else:
            odd = 1 << 15 | address
        body.append(struct.pack(form, odd, time & 0xFFFFFFFF))
        others += 1
    return "\r\n".join([*lines, ""]).encode("latin-1") + b"".join(body), others, 0


# --- 3.1 ------------------------------------------------------------------------------------------


def packet31(kind, source, size, overflow, events, valid, room=0):
    head = struct.pack("<hhiiiiii", kind, source, size, 4, overflow, len(events) + room,
                       len(events), valid)
    return head + b"".join(events) + bytes(room * size)


def other31(time, rng, source):
    """A packet of special events, of motion, or of a frame; how many items it has."""
    kind = rng.randrange(3)
    low = time & 0x7FFFFFFF
    if kind == 0:
        events = [struct.pack("<II", 1 | rng.randrange(2, 18) << 1, low) for _ in range(3)]
        return packet31(0, source, 8, time >> 31, events, 3), 3
    if kind == 1:
        events = [struct.pack("<II", 1, low) + rng.randbytes(28) for _ in range(2)]
        return packet31(3, source, 36, time >> 31, events, 2), 2
    frame = struct.pack("<IIIII", 1, low, low, low, low) + rng.randbytes(16 + 2 * 64)
    return packet31(2, source, len(frame), time >> 31, [frame], 1), 1


def aedat31(events, rng, device="DAVIS240C", source=1):
    lines = ["#!AER-DAT3.1", "#Format: RAW", f"#Source {source}: {device}",
             "#-Source 0: DVS128", "#Start-Time: 2016-04-01 12:00:00 (TZ+0200)", "#!END-HEADER", ""]
    out, others, invalid, at = ["\r\n".join(lines).encode()], 0, 0, 0
    while at < len(events):
        overflow, end, items, valid = events[at][0] >> 31, at + rng.randrange(1, 200), [], 0
        while at < min(end, len(events)) and events[at][0] >> 31 == overflow:
            time, x, y, polarity = events[at]
            items.append(struct.pack("<II", 1 | polarity << 1 | y << 2 | x << 17, time & 0x7FFFFFFF))
            valid += 1
            at += 1
            if rng.random() < 0.05:
                items.append(struct.pack("<II", rng.getrandbits(31) << 1, rng.getrandbits(32)))
                invalid += 1
        out.append(packet31(1, source, 8, overflow, items, valid, rng.choice((0, 0, 0, 5))))
        if rng.random() < 0.3:
            packet, count = other31(events[at - 1][0], rng, source)
            others += count
            out.append(packet)
        if rng.random() < 0.05:  # polarity of another source, and a packet without any
            out += [packet31(1, source + 1, 8, overflow, items[:1], 1),
                    packet31(1, source, 8, overflow, [], 0)]
            others += 1
    return b"".join(out), others, invalid


# --- 4 --------------------------------------------------------------------------------------------

PACKINGS = {"NONE": 0, "LZ4": 1, "LZ4_HIGH": 2, "ZSTD": 3, "ZSTD_HIGH": 4}
COMMANDS = {
    "LZ4": (["lz4", "-1", "-c", "-BD"], ["lz4", "-1", "-c", "-B4"]),
    "LZ4_HIGH": (["lz4", "-9", "-c"], ["lz4", "-9", "-c", "--no-frame-crc", "-BX"]),
    "ZSTD": (["zstd", "-1", "-c", "-q"], ["zstd", "-3", "-c", "-q", "--no-check"]),
    "ZSTD_HIGH": (["zstd", "-19", "-c", "-q"], ["zstd", "-19", "-c", "-q", "--long=24"]),
}


def can_pack(packing):
    return packing == "NONE" or shutil.which(COMMANDS[packing][0][0]) is not None


def pack(data, packing, rng):
    """By the reference tool; from a file the frame may tell its size, from a pipe it cannot."""
    if packing == "NONE":
        return data
    command = rng.choice(COMMANDS[packing])
    if rng.random() < 0.5:
        return subprocess.run(command, input=data, capture_output=True, check=True).stdout
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        size = ["--content-size"] if command[0] == "lz4" else []
        return subprocess.run([*command, *size, file.name], capture_output=True, check=True).stdout


def flat(identifier, fields, tail, vtable_first=True):
    """A FlatBuffer of one table: fields are its inline bytes, or None for one left out; a field that
    is ("offset", n) points n bytes into the tail."""
    size, places, inline = 4, [], b""
    for field in fields:
        width = 0 if field is None else 4 if isinstance(field, tuple) else len(field)
        size += -size % width if width else 0
        places.append(size if width else 0)
        size += width
    vtable = struct.pack("<HH", 4 + 2 * len(fields), size) + struct.pack(f"<{len(fields)}H", *places)
    vtable += bytes(-len(vtable) % 4)
    # The tail begins 4 bytes before a multiple of 8, so that what follows its count is aligned.
    table_at = 8 + len(vtable) if vtable_first else 8
    after = table_at + size + (0 if vtable_first else len(vtable))
    tail_at = after + (4 - after) % 8
    vtable_at = 8 if vtable_first else table_at + size
    if not vtable_first:
        vtable_at += -vtable_at % 2
    table = bytearray(size)
    struct.pack_into("<i", table, 0, table_at - vtable_at)
    for place, field in zip(places, fields):
        if isinstance(field, tuple):
            inline = struct.pack("<I", tail_at + field[1] - table_at - place)
        elif field is not None:
            inline = field
        if field is not None:
            table[place:place + len(inline)] = inline
    out = bytearray(tail_at)
    struct.pack_into("<I", out, 0, table_at)
    out[4:8] = identifier
    out[vtable_at:vtable_at + len(vtable)] = vtable
    out[table_at:table_at + size] = table
    whole = bytes(out) + tail
    return struct.pack("<I", len(whole)) + whole


def events4(events, rng):
    body = b"".join(struct.pack("<qhhBBBB", time, x, y, polarity, *rng.randbytes(3))
                    for time, x, y, polarity in events)
    return flat(b"EVTS", [("offset", 0)], struct.pack("<I", len(events)) + body,
                rng.random() < 0.5)


def stream4(number, kind, packing, size=None):
    sides = "" if size is None else (f'<attr key="sizeX" type="int">{size[0]}</attr>'
                                     f'<attr key="sizeY" type="int">{size[1]}</attr>')
    return (f'<node name="{number}" path="/mainloop/Recorder/outInfo/{number}/">\n'
            f'  <attr key="compression" type="string">{packing}</attr>\n'
            f'  <attr key="typeIdentifier" type="string">{kind}</attr>\n'
            f'  <node name="info" path="/mainloop/Recorder/outInfo/{number}/info/">{sides}'
            f'<attr key="source" type="string">DVXplorer_0</attr></node>\n</node>\n')


def header4(packing, table_at, size):
    xml = ('<dv version="2.0">\n<node name="outInfo" path="/mainloop/Recorder/outInfo/">\n'
           + stream4(0, "FRME", packing, (9, 9)) + stream4(1, "IMUS", packing)
           + stream4(2, "EVTS", packing, size) + stream4(3, "TRIG", packing)
           + stream4(4, "EVTS", packing, size) + "</node>\n</dv>\n").encode()
    tail = struct.pack("<I", len(xml)) + xml + b"\0"
    return b"#!AER-DAT4.0\r\n" + flat(b"IOHE", [struct.pack("<i", PACKINGS[packing]),
                                                struct.pack("<q", table_at), ("offset", 0)], tail)


def aedat4(events, rng, packing="NONE", size=(320, 240), closed=True, most=400):
    """Packets of up to `most` events; of frames, motion, triggers and other events in between."""
    out, others, invalid, at = [], 0, 0, 0
    while at < len(events):
        some = list(events[at:at + rng.randrange(1, most)])
        at += len(some)
        if rng.random() < 0.1:  # off the sensor
            some.insert(rng.randrange(len(some)), (some[0][0], rng.choice((-1, size[0])), 0, 1))
            some.insert(0, (some[0][0], 0, rng.choice((-5, size[1] + 7)), 1))
            invalid += 2
        data = pack(events4(some, rng), packing, rng)
        out.append(struct.pack("<ii", 2, len(data)) + data)
        while rng.random() < 0.4:
            data = rng.randbytes(rng.randrange(2000))
            out.append(struct.pack("<ii", rng.choice((0, 1, 3, 4, 99)), len(data)) + data)
            others += 1
    head = len(header4(packing, -1, size))
    body = b"".join(out)
    if not closed:
        return header4(packing, -1, size) + body, others, invalid
    table = flat(b"FTAB", [("offset", 0)], struct.pack("<I", 0))
    return header4(packing, head + len(body), size) + body + table, others, invalid
