"""Makes corpus/import, events, partial, program, words, frames, records, vchip, usbip, tape: make_corpus.py SNNCONVERT

Small models of each format that get the whole way to a spiking net, between them by every pass.
Needs numpy, onnx, torch. Zip archives and pickles differ from run to run in their time stamps only.
"""

import hashlib
import io
import json
import os
import struct
import subprocess
import sys
import zlib

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
CORPUS = os.path.join(HERE, "corpus")


def path_of(*parts):
    path = os.path.join(CORPUS, *parts)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return path


def values(*shape, seed=0):
    numbers = np.random.default_rng(seed).integers(-8, 8, shape)
    return (numbers / 8).astype(np.float32)


# --- ONNX -----------------------------------------------------------------------------------------


def node(kind, inputs, outputs, **attributes):
    return helper.make_node(kind, inputs.split(), outputs.split(), **attributes)


def write_onnx(name, nodes, constants, shape=(1, 1, 6, 6)):
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(value), key) for key, value in constants.items()])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]),
              path_of("import", "onnx", name))


def residual():
    """Padding apart, normalisation, a residual, means, scaling of the input."""
    write_onnx("residual.onnx", [
        node("Sub", "x m", "s"), node("Pad", "s p", "a"), node("Conv", "a w", "b"),
        node("BatchNormalization", "b g h i j", "c"), node("Relu", "c", "d"),
        node("Conv", "d v", "e", pads=[1, 1, 1, 1]), node("Add", "e d", "f"),
        node("Clip", "f lo hi", "k"), node("GlobalAveragePool", "k", "l"),
        node("Flatten", "l", "n"), node("MatMul", "n u", "o"), node("Add", "o t", "y")],
        {"m": np.float32(0.5), "p": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
         "w": values(2, 1, 3, 3), "g": values(2, seed=1), "h": values(2, seed=2),
         "i": values(2, seed=3), "j": np.ones(2, np.float32), "v": values(2, 2, 3, 3, seed=4),
         "lo": np.float32(0), "hi": np.float32(6), "u": values(2, 3, seed=5),
         "t": values(3, seed=6)})


def joined():
    """Channels last for a while, branches that are joined, max pooling, softmax."""
    write_onnx("joined.onnx", [
        node("Transpose", "x", "q", perm=[0, 2, 3, 1]), node("Mul", "q k", "r"),
        node("Transpose", "r", "s", perm=[0, 3, 1, 2]), node("Conv", "s w b", "a"),
        node("Relu", "a", "c"), node("Conv", "s w", "d"), node("Relu", "d", "e"),
        node("Concat", "c e", "f", axis=1), node("MaxPool", "f", "g", kernel_shape=[2, 2],
                                                strides=[2, 2]),
        node("Reshape", "g h", "i"), node("Dropout", "i", "j"), node("Gemm", "j v t", "l", transB=1),
        node("Softmax", "l", "y")],
        {"k": np.float32(2), "w": values(2, 1, 3, 3), "b": values(2, seed=1),
         "h": np.array([1, -1]), "v": values(3, 16, seed=2), "t": values(3, seed=3)})


def quantised():
    """QuantizeLinear and DequantizeLinear around integer weights, as quantisers write them."""
    write_onnx("qdq.onnx", [
        node("QuantizeLinear", "x s z", "a"), node("DequantizeLinear", "a s z", "b"),
        node("DequantizeLinear", "w s o", "c"), node("Conv", "b c", "d"), node("Relu", "d", "e"),
        node("QuantizeLinear", "e s z", "f"), node("DequantizeLinear", "f s z", "g"),
        node("AveragePool", "g", "h", kernel_shape=[2, 2], strides=[2, 2]),
        node("Flatten", "h", "i"), node("DequantizeLinear", "v s o", "j"), node("MatMul", "i j", "y")],
        {"s": np.float32(0.0625), "z": np.uint8(0), "o": np.int8(0),
         "w": (values(2, 1, 3, 3) * 16).astype(np.int8), "v": (values(8, 3) * 16).astype(np.int8)})


# --- Files of weights for the topology in import.c ------------------------------------------------


def weights():
    tensors = {"conv1.weight": values(2, 1, 3, 3), "conv1.bias": values(2, seed=1),
               "fc.weight": values(3, 8, seed=2), "fc.bias": values(3, seed=3)}
    state = {name: torch.from_numpy(value) for name, value in tensors.items()}
    np.savez(path_of("import", "weights", "stored.npz"), **tensors)
    np.savez_compressed(path_of("import", "weights", "packed.npz"), **tensors)
    torch.save(state, path_of("import", "weights", "zip.pt"))
    torch.save(state, path_of("import", "weights", "legacy.pt"),
               _use_new_zipfile_serialization=False)
    header, data = {}, io.BytesIO()
    for name, value in tensors.items():
        start = data.tell()
        data.write(value.tobytes())
        header[name] = {"dtype": "F32", "shape": list(value.shape),
                        "data_offsets": [start, data.tell()]}
    text = json.dumps(header).encode()
    with open(path_of("import", "weights", "small.safetensors"), "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data.getvalue())


# --- NIR, by the program itself -------------------------------------------------------------------


def nir(convert):
    for source in ("import/onnx/qdq.onnx", "model/spiking.json"):
        name = os.path.splitext(os.path.basename(source))[0]
        subprocess.run([convert, path_of(source), "--no-verify", "-o",
                        path_of("import", "nir", f"{name}.nir")], check=True)


# --- Chip programs, by the program itself ---------------------------------------------------------


def programs(convert):
    """A net with branches, on one core a layer, with a layer on two cores, and with its output spread"""
    for name, chip, options in (("branch", "dynapcnn", []), ("split", "dynapcnn", ["--core", "t=5,2"]),
                                ("spread", "speck2f", [])):
        subprocess.run([convert, path_of("model", "branch.json"), "--check", chip, "--norm", "none",
                        "--max-pool", "avg",
                        "--no-verify", *options, "-o", path_of("program", f"{name}.chip.json")],
                       check=True)


# --- Recordings and lists of labels ---------------------------------------------------------------


def event(x, y, on, time):
    return struct.pack(">BBBH", x, y, on << 7 | time >> 16, time & 0xFFFF)


def events():
    moves = [(i * 7 % 34, i * 11 % 34, i % 2, 40 * i) for i in range(24)]
    plain = b"".join(event(*move) for move in moves)
    with open(path_of("events", "plain.bin"), "wb") as file:
        file.write(plain)
    with open(path_of("events", "wrapped.bin"), "wb") as file:
        file.write(plain + event(0, 240, 0, 0) + plain)
    with open(path_of("events", "labels.txt"), "w", encoding="ascii") as file:
        file.write("# a list\na.bin 3\nfolder/b c.bin\t65535\n\nd 0\r\n")


# --- Checkpoints: docs/formats/checkpoint.md, behind the byte that the target takes first ---------


def sample_record(sample, counts=b""):
    """A neuron that fires in each of four steps, its rule decided by the second; three samples."""
    return (bytes([sample, 2 if counts else 0, 0, 1, 0, 4, 8, 16, 0, 3, 1, 2, 4, 0, 5, 1, 4, 8, 0,
                   4, 4, 4, 4, 0]) + counts)


def journal_record(record):
    size, body = struct.pack("<I", len(record) + 2), bytes(2) + record
    return size + struct.pack("<I", zlib.crc32(size + body)) + body


def partials():
    text = b"libsnn=0.0.0\ntarget=sim\ntimesteps=9\nrules=\nsoup=yes\nmodel=00\n"
    run = hashlib.sha256(text).digest() + struct.pack("<I", len(text)) + text
    header = b"snn.ckpt" + struct.pack("<III", 1, 24 + len(run), 1) + run
    whole = header + struct.pack("<I", zlib.crc32(header))
    journal = b"".join(journal_record(sample_record(i)) for i in (2, 0, 1))
    for name, data in (("other", b"\0" + whole + journal), ("journal", b"\1" + journal),
                       ("torn", b"\1" + journal[:-5]), ("zeros", b"\1" + journal[:40] + bytes(30)),
                       ("record", b"\2" + sample_record(1)),
                       ("counts", b"\6" + sample_record(1, bytes([1] * 8)))):
        with open(path_of("partial", f"{name}.bin"), "wb") as file:
            file.write(data)


# --- The wire: the vectors of docs/formats/wire.md, behind the byte that a target takes first ------


def wire():
    sys.path.append(os.path.join(HERE, "..", "flow"))
    import wire_page

    page = wire_page.vectors()
    streams = {name: page[name] for name in ("event", "wrap", "resumed", "session-in")}
    long = wire_page.block(0, 0, *[wire_page.event(i, i % 64, i, i % 128, 5) for i in range(509)])
    streams["blocks"] = long + wire_page.block(512, 0, wire_page.mark(wire_page.TICK, 3))
    for number, (name, stream) in enumerate(streams.items()):
        with open(path_of("words", f"{name}.bin"), "wb") as file:
            file.write(bytes([7 * number]) + stream)
    frames = [page[name] for name in ("frame-request", "frame-answer", "frame-words")]
    for name, data in (("session", b"".join(frames)), ("noise", b"\xa5\x01".join(frames))):
        with open(path_of("frames", f"{name}.bin"), "wb") as file:
            file.write(b"\x0a" + data)
    for number, name in enumerate(("hello", "status", "statistics", "core", "chip", "request")):
        with open(path_of("records", f"{name}.bin"), "wb") as file:
            file.write(bytes([number]) + page[name])


# --- A host of a virtual chip: the actions of vchip.c ---------------------------------------------


def control(kind, request, value=0, index=0, data=b"", length=None):
    length = len(data) if length is None else length
    return struct.pack("<BBBHHH", 0, kind, request, value, index, length) + data


def chip_destination(layer, pooling=1, shift=0):
    return struct.pack("<BBBBH", 1, layer, pooling, 0, shift)


def chip_core(number, layer, before, after, kernel, destinations, pads=0):
    """Registers, weights, biases and potentials of a core without a pattern."""
    rng = np.random.default_rng(number)
    registers = struct.pack("<12B", 1, kernel, 1, 1, pads, pads, 0, 1, 1, layer, 1, 0)
    registers += struct.pack("<7H3h", *before, *after, 0, 20, -50, 0)
    registers += b"".join(destinations).ljust(24, b"\0")
    sizes = ((1, after[0] * before[0] * kernel * kernel), (2, after[0]))
    out = control(0x40, 4, number, 0, registers)
    for region, size in sizes:
        out += control(0x40, 4, region << 8 | number, 0, rng.integers(-9, 30, size, np.int8).tobytes())
    neurons = rng.integers(-5, 5, int(np.prod(after)), np.int16).tobytes()
    return out + control(0x40, 4, 3 << 8 | number, 0, neurons) + control(0xc0, 6, 1 << 8 | number,
                                                                         length=4)


def chip_net():
    """Two branches of the input that meet in core 2."""
    chip = struct.pack("<4HB3xI", 1, 4, 4, 3, 1, 1000)
    chip += (chip_destination(0) + chip_destination(1)).ljust(24, b"\0")
    return b"".join((
        control(0x40, 3), control(0x40, 4, 255, 0, chip),
        chip_core(0, 0, (1, 4, 4), (2, 4, 4), 3, [chip_destination(2, 2)], 1),
        chip_core(1, 1, (1, 4, 4), (2, 2, 2), 3, [chip_destination(2, 1, 2)]),
        chip_core(2, 2, (4, 2, 2), (3, 1, 1), 2, [chip_destination(12)]),
        control(0x40, 7), control(0xc0, 2, length=8), control(0x40, 8)))


def chip_event(time, y, x):
    return struct.pack("<BIHBB", 2, time, 0, y, x)


def chip_mark(code, value):
    return struct.pack("<BBI", 3, code, value)


def chip_sample(number, events):
    out = chip_mark(4, number)
    for step in range(3):
        out += b"".join(chip_event(1000 * step + i, i % 4, i * 3 % 4) for i in range(events))
        out += chip_mark(5, step)
    return out + chip_mark(6, number) + b"\4" + b"\5\0\4"


def vchip():
    enumeration = b"".join(
        control(0x80, 6, value, length=255) for value in (0x100, 0x200, 0x300, 0x303, 0xf00))
    enumeration += control(0x00, 9, 1) + control(0x02, 3, 0, 0x81) + control(0x82, 0, 0, 0x81, length=2)
    enumeration += control(0x02, 1, 0, 0x81) + control(0xc0, 0x20, 0, 7, length=255)
    enumeration += control(0xc0, 1, length=64) + control(0xc0, 9, length=184)
    refused = control(0x40, 7) + control(0x40, 4, 0, 0, bytes(56)) + control(0x40, 3)
    refused += control(0x40, 7) + control(0xc0, 2, length=8) + control(0xc0, 5, 3, 1, length=4)
    refused += chip_sample(1, 2) + struct.pack("<BH", 1, 9) + bytes(9) + b"\5\0\1"
    net = chip_net()
    for name, data in (("enumerate", enumeration), ("refused", refused),
                       ("sample", net + chip_sample(7, 5) + chip_sample(8, 3)),
                       ("torrent", net + chip_sample(7, 40) + chip_sample(8, 60))):
        with open(path_of("vchip", f"{name}.bin"), "wb") as file:
            file.write(data)


# --- A client of USB/IP: usbip.c ------------------------------------------------------------------


def usbip_submit(sequence, endpoint, length, setup=bytes(8), data=b""):
    """An endpoint's address has bit 7 where data go to the host."""
    return struct.pack(">12I", 1, sequence, 65537, endpoint >> 7, endpoint & 15, 0, length, 0,
                       0xffffffff, 0, 0, 0)[:40] + setup + data


def usbip_unlink(sequence, unlinked):
    return struct.pack(">12I", 2, sequence, 65537, 0, 0, unlinked, 0, 0, 0, 0, 0, 0)


def usbip():
    def control(sequence, kind, request, value, index, length):
        return usbip_submit(sequence, kind & 0x80, length,
                            struct.pack("<BBHHH", kind, request, value, index, length))

    # BEGIN of sample 0, which a chip without a configuration answers with an ERROR.
    mark = struct.pack("<II", 0, 0x42ffffff) + struct.pack("<II", 0, 0x41000000)
    mark += struct.pack("<II", 0, 0x44000000)
    block = mark + struct.pack("<II", zlib.crc32(mark), 0x43000003)
    enumeration = b"".join((
        control(1, 0x80, 6, 0x100, 0, 18), control(2, 0x80, 6, 0x200, 0, 255),
        control(3, 0x00, 9, 1, 0, 0), control(4, 0xc0, 1, 255, 0, 64),
        control(5, 0xc0, 99, 0, 0, 8), control(6, 0xc0, 2, 0, 0, 8)))
    stream = b"".join((
        usbip_submit(10, 0x81, 512), usbip_submit(11, 0x81, 65536),
        usbip_submit(12, 0x01, len(block), data=block), usbip_unlink(13, 11),
        control(14, 0x02, 1, 0, 0x81, 0), usbip_unlink(15, 10), usbip_submit(16, 0x83, 8),
        control(17, 0x40, 8, 0, 0, 0), usbip_submit(18, 0x01, 0)))
    for name, begin in (("whole", b"\xff\0"), ("stalled", b"\x07\1"), ("broken", b"\x2f\2"),
                        ("odd", b"\0\4"), ("silent", b"\x30\6"), ("late", b"\x10\7")):
        with open(path_of("usbip", f"{name}.bin"), "wb") as file:
            file.write(begin + enumeration + stream)


def tape_record(kind, result, time, data):
    return struct.pack("<BBHIQ", kind, result, 0, len(data), time) + data


def tape_of(uri, records):
    """A tape, and the same without its end, which the target adds."""
    body = b"snn.tape" + struct.pack("<HHI", 1, len(uri), 0) + uri + b"".join(records)
    end = body + struct.pack("<BBHIQ", 4, 0, 0, 4, 1 << 40)
    return body, end + struct.pack("<I", zlib.crc32(end))


def tapes():
    session, _ = tape_of(b"vdev:speck2f", [
        tape_record(1, 0, 5, struct.pack("<BBHHH", 0xc0, 1, 0, 0, 64) + bytes(64)),
        tape_record(1, 0, 6, struct.pack("<BBHHH", 0x40, 4, 0x102, 1, 3) + b"abc"),
        tape_record(1, 12, 7, struct.pack("<BBHHH", 0x40, 7, 0, 0, 0)),
        tape_record(2, 0, 8, bytes(range(40))), tape_record(2, 0, 8, bytes(24)),
        tape_record(3, 1, 9, b""), tape_record(3, 0, 9, bytes(range(200))),
        tape_record(3, 3, 10, b""), tape_record(3, 2, 11, bytes(8)),
        tape_record(3, 6, 12, b"")])
    _, whole = tape_of(b"vdev:x", [tape_record(2, 0, 1, b"abc")])
    words = struct.pack("<9H", 0x8005, 0x1064, 0x3003, 0x2159, 0x7fff, 0x8000, 0x0001, 0x3004, 0x41ff)
    davis, _ = tape_of(b"usb:152a:841b:1", [tape_record(3, 0, 1, words + b"\3"),
                                           tape_record(3, 4, 2, words), tape_record(3, 0, 3, words)])
    dynapse, _ = tape_of(b"usb:152a:841d", [
        tape_record(3, 0, 1, struct.pack("<6H", 0x8009, 0x1121, 0x2ff4, 0x5004, 0x6014, 0x3121))])
    dvs128, _ = tape_of(b"usb:152a:8400", [
        tape_record(3, 0, 1, bytes.fromhex("00000500 07640600 00000080 00000040 00800700"))])
    script = b"\0" + b"".join(bytes([kind, result, len(data)]) + data for kind, result, data in (
        (4, 0, bytes(72)), (0, 0, bytes(8) + b"abc"), (0, 12, bytes(8)), (1, 0, bytes(range(40))),
        (1, 0, bytes(24)), (2, 1, b""), (2, 0, bytes(range(200))), (2, 3, b""), (2, 0, bytes(8)),
        (4, 0, bytes(100)), (2, 6, b"")))
    eyes = b"\2" + b"".join(bytes([2, 0, len(data)]) + data for data in (words + b"\3", words))
    for name, data in (("session", session), ("whole", whole), ("davis", davis),
                       ("dynapse", dynapse), ("dvs128", dvs128), ("script", script),
                       ("eyes", eyes)):
        with open(path_of("tape", f"{name}.tape"), "wb") as file:
            file.write(data)


def main():
    residual()
    joined()
    quantised()
    weights()
    nir(sys.argv[1])
    programs(sys.argv[1])
    events()
    partials()
    wire()
    vchip()
    usbip()
    tapes()


if __name__ == "__main__":
    main()
