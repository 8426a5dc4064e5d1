"""The node cases of the ONNX project itself: cases.py RUN. RUN reads a model and runs it (run.c).

Every case of an operator that the reader accepts must give the outputs that python3-onnx has for
it, within the tolerances it has. A case may be refused only for a reason that REFUSED names.
"""

import re
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

SKIPPED = 77

try:
    import numpy
    import onnx
    from onnx import numpy_helper
except ImportError as reason:
    print(f"1..0 # SKIP {reason}")
    sys.exit(SKIPPED)

OPERATORS = """
    Add ArgMax AveragePool BatchNormalization Cast Clip Concat Constant ConstantOfShape Conv
    ConvInteger DequantizeLinear Div Dropout Flatten Gather Gemm GlobalAveragePool GlobalMaxPool
    Identity LeakyRelu LogSoftmax MatMul MatMulInteger MaxPool Mul Pad QLinearConv QLinearMatMul
    QuantizeLinear ReduceMax ReduceMean Relu Reshape Shape Sigmoid Slice Softmax Squeeze Sub Sum Transpose
    Unsqueeze
""".split()

# Names of cases, and why they need not pass.
REFUSED = {
    r"test_cast(like)?_.*STRING.*": "strings",
    r"test_reshape_allowzero_reordered": "0 as the extent of an input means that it is open",
    r"test_identity_(sequence|opt)": "sequences and optional values are no tensors",
    r"test_training_dropout.*": "random numbers of training",
}


def node_cases():
    """The cases of one operator each, of any of ours."""
    # python3-onnx 1.12 was written for an older numpy.
    for name, kind in (("float", float), ("int", int), ("bool", bool), ("object", object)):
        if name not in numpy.__dict__:
            setattr(numpy, name, kind)
    from onnx.backend.test.case import node
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cases = node.collect_testcases(None)
    return [case for case in cases
            if all(node.op_type in OPERATORS and node.domain == "" for node in case.model.graph.node)]


def is_tensors(values):
    return all(isinstance(value, (numpy.ndarray, numpy.generic, float, int)) for value in values)


def read_inputs(case):
    """Inputs that some node reads: the model with those alone, and their values."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    read = {name for node in model.graph.node for name in node.input}
    kept = [(value, array) for value, array in zip(case.model.graph.input, case.data_sets[0][0])
            if value.name in read]
    del model.graph.input[:]
    model.graph.input.extend(value for value, _ in kept)
    return model, [array for _, array in kept]


def with_constants(model, inputs):
    """The same model with all inputs but the first as initializers, as files have them."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    model = copy
    constants = list(model.graph.input)[1:]
    for value, array in zip(constants, inputs[1:]):
        model.graph.initializer.append(numpy_helper.from_array(numpy.asarray(array), value.name))
        model.graph.input.remove(value)
    return model


def write(folder, name, model, inputs):
    (folder / f"{name}.onnx").write_bytes(model.SerializeToString())
    for index, array in enumerate(inputs):
        if isinstance(array, (numpy.ndarray, numpy.generic)):
            (folder / f"{name}.in.{index}").write_bytes(numpy.ascontiguousarray(array).tobytes())


def difference(folder, name, described, case):
    """What is wrong with the outputs; None: nothing."""
    _, expected = case.data_sets[0]
    if len(described) != len(expected):
        return f"{len(described)} outputs, not {len(expected)}"
    for index, (text, wanted) in enumerate(zip(described, expected)):
        kind, extents = text.split(":")
        wanted = numpy.asarray(wanted)
        shape = tuple(int(extent) for extent in extents.split("x") if extent)
        is_bfloat16 = kind == "bfloat16"
        if shape != wanted.shape:
            return f"output {index} has shape {shape}, not {wanted.shape}"
        if not is_bfloat16 and kind != str(wanted.dtype):
            return f"output {index} is {kind}, not {wanted.dtype}"
        data = (folder / f"{name}.out.{index}").read_bytes()
        found = numpy.frombuffer(data, "uint16" if is_bfloat16 else wanted.dtype).reshape(shape)
        if wanted.dtype.kind == "f":
            if not numpy.allclose(found, wanted, rtol=case.rtol, atol=case.atol, equal_nan=True):
                gap = numpy.abs(found.astype(float) - wanted.astype(float)).max()
                return f"output {index} differs by {gap:g}"
        elif not numpy.array_equal(found, wanted):
            return f"output {index} differs in {(found != wanted).sum()} of {wanted.size}"
    return None


def run(program, folder, names, *options):
    answer = subprocess.run([program, str(folder), *options], input="\n".join(names) + "\n", text=True,
                            capture_output=True, timeout=600)
    if answer.returncode != 0:
        print(f"# {program} ended with {answer.returncode}: {answer.stderr}")
    return {line.split("\t")[1]: line.split("\t") for line in answer.stdout.splitlines()}


def judge(folder, cases, answers):
    """Lists of names passed, and of (name, reason) refused and failed."""
    passed, refused, failed = [], [], []
    for name, case in cases.items():
        verdict, *rest = answers.get(name, ["failed", name, "no answer"])
        text = rest[1] if len(rest) > 1 else ""
        if verdict == "ok":
            text = difference(folder, name, rest[1:], case)
            (passed.append(name) if text is None else failed.append((name, text)))
        elif any(re.match(pattern, name) for pattern in REFUSED):
            reason = next(why for pattern, why in REFUSED.items() if re.match(pattern, name))
            refused.append((name, f"{reason}: {text}"))
        else:
            failed.append((name, f"{verdict}: {text}"))
    return passed, refused, failed


def main(program):
    cases = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for case in node_cases():
            model, inputs = read_inputs(case)
            cases[case.name] = case
            write(folder, case.name, model, inputs)
            if len(inputs) > 1 and is_tensors(inputs):
                cases[case.name + "_constants"] = case
                write(folder, case.name + "_constants", with_constants(model, inputs), inputs[:1])
        passed, refused, failed = judge(folder, cases, run(program, folder, cases))
    print(f"1..{len(cases)}")
    for name in passed:
        print(f"ok - {name}")
    for name, reason in refused:
        print(f"ok - {name} # SKIP {reason}")
    for name, reason in failed:
        print(f"not ok - {name} # {reason}")
    covered = {node.op_type for case in cases.values() for node in case.model.graph.node}
    print(f"# {len(passed)} passed, {len(refused)} refused, {len(failed)} failed")
    print(f"# operators without a case: {' '.join(sorted(set(OPERATORS) - covered)) or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
