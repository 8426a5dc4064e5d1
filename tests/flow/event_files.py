"""Recordings of event cameras, written from the public specifications that docs/formats/events.md
names; nothing here is shared with the library that reads them.

A writer takes events, (time, x, y, polarity) in the order of the file, and a source of choices; it
returns the bytes and how many items that are no events of pixels it strewed in between. Where a
format has several ways to say the same, each is taken now and then.
"""

import struct


def events_of(rng, count, width, height, start=0, step=40, late=0.0):
    """Random events: alone, many at one time, and rows of neighbours; some up to 9 us late."""
    events, time = [], start
    while len(events) < count:
        time += rng.choice((0, 1, rng.randrange(step), rng.randrange(200 * step)))
        y, polarity = rng.randrange(height), rng.randrange(2)
        shown = max(start, time - rng.randrange(1, 10)) if rng.random() < late else time
        if rng.random() < 0.5:
            events.append((shown, rng.randrange(width), y, polarity))
            continue
        x = rng.randrange(width)
        for x in range(x, min(width, x + rng.randrange(1, 60))):
            if rng.random() < 0.6:
                events.append((shown, x, y, polarity))
    return events[:count]


def in_order(events):
    """As a reader hands them out: none before the one ahead of it."""
    ordered, latest = [], 0
    for time, x, y, polarity in events:
        latest = max(latest, time)
        ordered.append((latest, x, y, polarity))
    return ordered


def rows(events):
    """Neighbours that may share a vector: one time, row and polarity, columns ascending."""
    row = []
    for event in events:
        if row and (event[0], event[2:]) == (row[-1][0], row[-1][2:]) and event[1] > row[-1][1]:
            row.append(event)
            continue
        if row:
            yield row
        row = [event]
    if row:
        yield row


def header(*lines):
    return b"".join(b"% " + line.encode() + b"\n" for line in lines)


# --- EVT ------------------------------------------------------------------------------------------


def steps_of_high(high, last, half):
    """High parts on the way to `high`, so that none falls by half of the range but to wrap."""
    while last is not None and high - last >= half:
        last += half - 1
        yield last
    if high != last:
        yield high


def evt2_words(events, rng):
    words, others, last = [], 0, None
    for time, x, y, polarity in events:
        for last in steps_of_high(time >> 6, last, 1 << 27):
            words.append(8 << 28 | last & 0xFFFFFFF)
        chance = rng.random()
        if chance < 0.02:  # a trigger, channel 1
            words.append(10 << 28 | (time & 63) << 22 | 1 << 8 | rng.randrange(2))
        elif chance < 0.04:  # others, with more of it behind
            words += [14 << 28 | rng.getrandbits(28), 15 << 28 | rng.getrandbits(28)]
        elif chance < 0.05:  # the same time again
            words.append(8 << 28 | last & 0xFFFFFFF)
        elif chance < 0.06:  # a type that is reserved
            words.append(5 << 28 | rng.getrandbits(28))
        others += chance < 0.04 or 0.05 <= chance < 0.06
        words.append(polarity << 28 | (time & 63) << 22 | x << 11 | y)
    return words, others


def evt2(events, rng, lines=("evt 2.0", "format EVT2;height=720;width=1280", "end"), order="<"):
    words, others = evt2_words(events, rng)
    return header(*lines) + struct.pack(f"{order}{len(words)}I", *words), others


def evt21_words(events, rng):
    words, others, last = [], 0, None
    for row in rows(events):
        while row:
            time, x, y, polarity = row[0]
            for last in steps_of_high(time >> 6, last, 1 << 27):
                words.append(8 << 60 | (last & 0xFFFFFFF) << 32)
            base = max(0, x - rng.randrange(32))
            mask, count = 0, rng.randrange(1, 33)
            while row and count > 0 and row[0][1] < base + 32:
                mask |= 1 << row.pop(0)[1] - base
                count -= 1
            words.append(polarity << 60 | (time & 63) << 54 | base << 43 | y << 32 | mask)
            if rng.random() < 0.05:
                words.append(rng.choice((10, 14)) << 60 | rng.getrandbits(60))
                others += 1
    return words, others


def evt21(events, rng, lines=("format EVT21;height=720;width=1280;endianness=little",), order="<"):
    """`order` may be '<', '>', or 'legacy': the upper half first, each half little-endian."""
    words, others = evt21_words(events, rng)
    if order == "legacy":
        halves = [half for word in words for half in (word >> 32, word & 0xFFFFFFFF)]
        return header(*lines) + struct.pack(f"<{len(halves)}I", *halves), others
    return header(*lines) + struct.pack(f"{order}{len(words)}Q", *words), others


def evt3_row(row, rng, words):
    """One row's columns: as they are, or vectors of 12, 12 and 8 from a base on."""
    polarity = row[0][3] << 11
    while row:
        if rng.random() < 0.3:
            words.append(2 << 12 | polarity | row.pop(0)[1])
            continue
        base = max(0, row[0][1] - rng.randrange(8))
        words.append(3 << 12 | polarity | base)
        for _ in range(rng.randrange(1, 6)):
            side = rng.choice((8, 12))
            mask = 0
            while row and row[0][1] < base + side:
                mask |= 1 << row.pop(0)[1] - base
            if side == 8:
                mask |= rng.randrange(16) << 8  # bits that mean nothing
            words.append((4 if side == 12 else 5) << 12 | mask)
            base += side


def evt3_words(events, rng):
    words, others, last, low, y = [], 0, None, None, None
    for row in rows(events):
        time = row[0][0]
        for last in steps_of_high(time >> 12, last, 1 << 11):
            words.append(8 << 12 | last & 0xFFF)
            low = 0
        if time & 0xFFF != low or rng.random() < 0.02:
            low = time & 0xFFF
            words.append(6 << 12 | low)
        if row[0][2] != y or rng.random() < 0.02:
            y = row[0][2]
            words.append(rng.randrange(2) << 11 | y)  # bit 11: from which camera
        chance = rng.random()
        if chance < 0.03:
            words.append(10 << 12 | 1 << 8 | rng.randrange(2))
        elif chance < 0.06:
            words += [14 << 12 | 0x16, 15 << 12 | rng.getrandbits(12), 15 << 12, 7 << 12 | 3]
        elif chance < 0.07:
            words.append(12 << 12 | rng.getrandbits(12))
        others += chance < 0.07
        evt3_row(row, rng, words)
    return words, others


def evt3(events, rng, lines=("evt 3.0", "format EVT3;height=720;width=1280", "geometry 1280x720",
                             "end"), order="<"):
    words, others = evt3_words(events, rng)
    return header(*lines) + struct.pack(f"{order}{len(words)}H", *words), others


# --- DAT ------------------------------------------------------------------------------------------


def dat(events, rng, version=2, lines=None, kind=12):
    if lines is None:
        lines = ("Data file containing CD events", f"Version {version}", "Date 2020-09-14 14:18:29")
    body = bytearray(header(*lines) + bytes((kind, 8)))
    y_at, polarity_at = (14, 28) if version == 2 else (9, 17)
    for time, x, y, polarity in events:
        body += struct.pack("<II", time & 0xFFFFFFFF, polarity << polarity_at | y << y_at | x)
    return bytes(body), 0


# --- Event Stream ---------------------------------------------------------------------------------


def event_stream(events, rng, version=2, atis=False, width=320, height=240, sides=True):
    """With resets between events, and threshold crossings in recordings of an ATIS."""
    body = bytearray(b"Event Stream" + (b"\2\0\0" if version == 2 else b"\1\0"))
    body.append((2 if atis else 1) - (version == 1))
    if version == 2 and sides:
        body += struct.pack("<HH", width, height)
    others, last = 0, 0
    for time, x, y, polarity in events:
        crossing = atis and rng.random() < 0.1
        while crossing is not None:
            last += stream_time(body, time - last, version, atis, rng)
            body += stream_event(time - last, x, y, polarity, version, atis, crossing)
            last = time
            others += crossing
            crossing = False if crossing else None
    return bytes(body), others


def stream_time(body, delta, version, atis, rng):
    """Marks for what does not fit in the event; returns the time that they stand for."""
    bits, marks = {(2, False): (7, 1), (2, True): (6, 3), (1, False): (4, 15),
                   (1, True): (5, 7)}[version, atis]
    unit, passed = (1 << bits) - 1, 0
    if rng.random() < 0.02:
        reset = {(2, False): 254, (2, True): 252, (1, False): 15, (1, True): 31}[version, atis]
        body += bytes((reset,)) * (5 if version == 2 else 3)
    while delta - passed >= unit:
        count = min((delta - passed) // unit, marks)
        body.append(unit << 8 - bits | count if version == 2 else unit | count << bits)
        passed += count * unit
    return passed


def stream_event(delta, x, y, polarity, version, atis, crossing):
    if version == 2:
        first = delta << 2 | polarity << 1 | crossing if atis else delta << 1 | polarity
        return struct.pack("<BHH", first, x, y)
    if atis:
        bits = delta | x << 5 | y << 14 | crossing << 22 | polarity << 23
    else:
        bits = delta | x << 4 | y << 14 | polarity << 23
    return struct.pack("<I", bits)[:3]
