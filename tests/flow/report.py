"""The page of snnsim --report in a browser, and its tables: report.py SNNSIM

What a person sees is held against what the machine-readable result says: every number on the page,
the lines of the charts, and the fields of the tables of --csv. The page is loaded once for each of
the widths and looks it is made for; nothing may overlap, be cut off or hard to read, and the browser
may have no reason to fetch or to complain.
"""

import contextlib
import csv
import html
import json
import math
import operator
import os
import re
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import time

import browser
import flow
from flow import Failure, Skip, require

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
LENET = os.path.join(ROOT, "data", "lenet.json")

SETTINGS = [{"width": width, "scheme": scheme} for width in (400, 900, 1600)
            for scheme in ("light", "dark")]
SETTINGS += [{"width": 717, "media": "print"}]  # A4 but for the margins
with open(os.path.join(HERE, "report_page.js"), encoding="utf-8") as source:
    LOOK = source.read()
BROWSERS = contextlib.ExitStack()
SHARED = []


def look(chromium, path, **setting):
    """What is to be seen of a page; nothing else may have been asked for, or complained about."""
    with chromium.open(path, **setting) as page:
        height = page.evaluate("document.documentElement.scrollHeight")
        # Colours are looked up by place, and only what is in the window has one.
        page.call("Emulation.setDeviceMetricsOverride", width=setting.get("width", 900),
                  height=height + 50, deviceScaleFactor=1, mobile=False)
        seen = page.evaluate(f"({LOOK})()")
        require(page.requests == ["file://" + path], f"requests: {page.requests}")
        require(not page.complaints, f"complaints: {page.complaints}")
    return seen


def check_looks(chromium, path, **setting):
    seen = look(chromium, path, **setting)
    where = f"{setting}: "
    require(seen["texts"] > 50, f"{where}only {seen['texts']} texts are to be seen")
    require(seen["unseen"] == 0, f"{where}{seen['unseen']} texts beyond the window")
    require(seen["scrollWidth"] <= seen["width"],
            f"{where}{seen['scrollWidth']} wide, the window {seen['width']}")
    require(seen["width"] < 700 or not seen["cut"], f"{where}tables are cut: {seen['cut']}")
    require(not seen["overlaps"], f"{where}texts overlap: {seen['overlaps'][:8]}")
    require(not seen["faint"], f"{where}contrast below 4.5: {seen['faint'][:8]}")
    return seen


# --- Numbers --------------------------------------------------------------------------------------

SHOWN = re.compile(r"^(-?[\d,]+)(\.\d+)?(?:\u00a0([kMGTPE]|[m\u00b5npf](?=[Js]))?([Js%])?)?$")
SCALE = {None: 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
         "m": 1e-3, "\u00b5": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}


def resolve(document, pointer):
    """The number at a JSON pointer; the sum of an array."""
    at = document
    for part in pointer.split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        at = at[int(part)] if isinstance(at, list) else at[part]
    return sum(at) if isinstance(at, list) else at


def in_unit(pointer, value, unit):
    """A value in the unit in which it is shown."""
    micro = re.search(r"(^|/|_)(uj|us)(_|$)|round_trip_us", pointer) is not None
    if unit in ("J", "s") and micro:
        return value * 1e-6
    return value * 100.0 if unit == "%" else value


def check_number(document, number):
    """What is shown is the document's number, rounded."""
    match = SHOWN.match(number["shown"])
    require(match, f"{number}: no number is shown")
    whole, fraction, prefix, unit = match.groups()
    unit = unit or number["unit"]
    shown = float(whole.replace(",", "") + (fraction or "")) * SCALE[prefix]
    step = 10.0 ** -(len(fraction) - 1 if fraction else 0) * SCALE[prefix]
    value = resolve(document, number["pointer"])
    require(isinstance(value, (int, float)), f"{number}: the document has {value!r}")
    if number["of"] is not None:
        value /= resolve(document, number["of"])
    value = in_unit(number["pointer"], value, unit)
    require(abs(shown - value) <= 0.5000001 * step + 1e-12 * abs(value),
            f"{number}: the document has {value!r}")


def check_numbers(document, seen, least):
    for number in seen["numbers"]:
        check_number(document, number)
    require(len(seen["numbers"]) >= least, f"only {len(seen['numbers'])} numbers are shown")


# --- Charts ---------------------------------------------------------------------------------------


def place(scale, value):
    """Where a value stands, from the attributes of a plot."""
    kind, low, high, first, last = scale.split()
    how = {"linear": lambda v: v, "log": math.log,
           "error": lambda v: -math.log(max(1.0 - v, 1e-300))}[kind]
    low, high, first, last = float(low), float(high), float(first), float(last)
    if kind == "error":
        value = min(value, high)
    share = (how(value) - how(low)) / (how(high) - how(low))
    return first + min(max(share, 0.0), 1.0) * (last - first)


def values_at(document, pointer):
    at = document
    for part in pointer.split("/")[1:]:
        at = at[int(part)] if isinstance(at, list) else at[part]
    return at


def check_points(line, path, pairs, what):
    """A path has a point at each of the pairs, within a pixel."""
    points = [(float(x), float(y)) for x, y in
              re.findall(r"[ML]\s*(-?[\d.]+)[ ,](-?[\d.]+)", path)]
    require(points, f"{line['pointer']}: an empty {what}")
    for at, value in pairs:
        x, y = place(line["x"], at), place(line["y"], value)
        require(any(abs(p[0] - x) <= 1.0 and abs(p[1] - y) <= 1.0 for p in points),
                f"{line['pointer']}: ({at}, {value}) is not on the {what} at ({x:.1f}, {y:.1f})")


def check_line(document, line):
    """A chart's line, and its band, are the values of the document."""
    values = values_at(document, line["pointer"])
    if isinstance(values, dict):
        at, middle = values["activation"], values["rate"]
        low = [max(0.0, a - b) for a, b in zip(middle, values["rate_sd"])]
        high = [a + b for a, b in zip(middle, values["rate_sd"])]
    else:
        at, middle = range(1, len(values) + 1), values
        low = values_at(document, line["pointer"] + "_low")
        high = values_at(document, line["pointer"] + "_high")
    check_points(line, line["d"], zip(at, middle), "line")
    require(line["band"], f"{line['pointer']}: no band")
    check_points(line, line["band"], [*zip(at, low), *zip(at, high)], "band")


def check_bars(bars, values):
    """Bars, or the outline of steps, are as high as the values, within a pixel."""
    x = y = 0.0
    tops = []
    for kind, first, second in re.findall(r"([MVHZ])(?:\s*(-?[\d.]+))?(?:[ ,](-?[\d.]+))?",
                                          bars["d"]):
        if kind == "M":
            x, y = float(first), float(second)
        elif kind == "V":
            y = float(first)
        elif kind == "H":
            tops.append((x, float(first), y))
            x = float(first)
    base = place(bars["y"], 0.0)
    low, high = (float(end) for end in bars["x"].split()[1:3])
    for step, value in enumerate(values, 1):
        if not low <= step <= high:
            require(value == 0, f"{bars['pointer']}: step {step} is cut off")
            continue
        at = place(bars["x"], step)
        top = min([y for left, right, y in tops if left < at < right] + [base])
        require(abs(top - place(bars["y"], value)) <= 1.0,
                f"{bars['pointer']}: step {step}: {top}, {value} expected")


def check_dots(document, dots):
    """Each dot is a pair of numbers of one row of the document."""
    rows, prices = values_at(document, dots["pointer"]), []
    if isinstance(rows, dict):
        prices, rows = [*zip(rows["activation"], rows["rate"])], []
    for row in rows:
        energy = row.get("energy", {}).get("uj_mean")
        prices += [(price, row["accuracy"]) for price in
                   (row.get("steps_mean"), row.get("synops_mean"),
                    None if energy is None else energy * 1e-6) if price is not None]
    for text in dots["values"]:
        dot = [float(value) for value in text.split()]
        require(any(math.isclose(a, x, rel_tol=1e-8) and math.isclose(b, y, rel_tol=1e-8)
                    for x, y in prices for a, b in [dot]), f"{dots['pointer']}: no row has {text}")


def check_charts(document, seen):
    for line in seen["lines"]:
        if line["pointer"].endswith("_histogram"):
            check_bars(line, values_at(document, line["pointer"]))
        else:
            check_line(document, line)
    for mark in seen["marks"]:
        y = place(mark["y"], values_at(document, mark["pointer"]))
        require(abs(float(re.match(r"M[\d.]+[ ,]([\d.]+)H", mark["d"]).group(1)) - y) <= 1.0,
                f"{mark}: {y} expected")
    for dots in seen["dots"]:
        check_dots(document, dots)
    for row in seen["rows"]:
        value = values_at(document, row["pointer"])
        require(float(row["value"]) == value, f"{row}: {value} in the document")


# --- Tests ----------------------------------------------------------------------------------------


def report_of(place_, *arguments, status=0):
    """Runs with --json and --report; returns the document and the path of the page."""
    answer = place_.run(*arguments, "--json", "run.json", "--report", "page.html")
    require(answer.returncode == status, "the run fails", answer)
    return place_.read_json("run.json"), place_.at("page.html")


def with_browser(test):
    """A test that is skipped where there is no browser. All share one, until it is in trouble."""
    def run(place_):
        if browser.find() is None:
            raise Skip("chromium is missing")
        try:
            if not SHARED:
                SHARED.append(BROWSERS.enter_context(browser.Browser()))
            test(place_, SHARED[0])
        except browser.Trouble as trouble:
            SHARED.clear()
            raise Failure(str(trouble)) from trouble
    run.__doc__ = test.__doc__
    return run


def check_page(chromium, document, path, least, settings=None):
    """All that holds for any page, at every width and look."""
    seen = None
    for setting in settings or SETTINGS:
        seen = check_looks(chromium, path, **setting)
    check_numbers(document, seen, least)
    require(json.loads(seen["json"]) == document, "the embedded document is not that of --json")
    require(seen["scripts"] == 0, "the page has scripts to run")
    require(seen["language"] == "en" and seen["titles"], "no language, or no title")
    require(seen["tables"] and all(seen["tables"]), "a table without caption or scopes")
    require(seen["unnamed"] == 0, f"{seen['unnamed']} pictures without a title")
    require(len(set(seen["ids"])) == len(seen["ids"]), f"an id twice: {seen['ids']}")
    levels = [level for level, _ in seen["headings"]]
    require(levels[0] == 1 and levels.count(1) == 1, f"headings: {seen['headings']}")
    require(all(b <= a + 1 for a, b in zip(levels, levels[1:])), f"headings: {seen['headings']}")
    check_charts(document, seen)
    return seen


@with_browser
def lenet(place_, chromium):
    """the report of the bundled LeNet reads well at all widths, light, dark and printed, and its
    numbers are those of the JSON document"""
    document, path = report_of(place_, LENET, "--timesteps", "60", "--encoding", "bernoulli",
                               "--rule", "first", "--rule", "margin:2", "--sweep", "sweep.csv")
    seen = check_page(chromium, document, path, 150)
    drawn = [line["pointer"] for line in seen["lines"] if line["pointer"].endswith("/rates")]
    require(drawn == [f"/results/0/layers/{i}/rates" for i in range(5)], f"rates: {drawn}")
    require(len(seen["lines"]) == 9 and len(seen["dots"]) == 4 and len(seen["rows"]) == 10 and
            len(seen["marks"]) == 1,
            f"pictures: {seen['lines']}, {seen['dots']}, {seen['rows']}")
    require(os.path.getsize(path) < 2e6, f"{os.path.getsize(path)} bytes")
    without = look(chromium, path, scripts=False)
    require(without["words"] == look(chromium, path)["words"], "scripts change the page")
    require(without["numbers"] == seen["numbers"], "scripts change the numbers")
    require(f"{100 * document['results'][0]['accuracy']:.2f}" in without["words"],
            "the accuracy is not to be read")


@with_browser
def mnist(place_, chromium):
    """the report of the LeNet study on MNIST is small, reads well, and has its errors on it"""
    shared = os.environ.get("SNN_SHARED")
    if shared is None:
        raise Skip("SNN_SHARED is not set")
    images = os.path.join(shared, "mnist", "t10k-images-idx3-ubyte.gz")
    samples = [] if os.environ.get("SNN_SOAK") else ["--samples", "600", "--offset", "900"]
    document, path = report_of(place_, LENET, "--data", images, "--encoding", "bernoulli", "--rule",
                               "first", "--rule", "membrane:1", "--rule", "margin:2", "--rule",
                               "first@4", "--sweep", "rules.csv", *samples)
    seen = check_page(chromium, document, path, 150, SETTINGS[::3])
    require(os.path.getsize(path) < 2e6, f"{os.path.getsize(path)} bytes")
    confusion = document["results"][0]["confusion"]
    worst = max((count, label, k) for label, row in enumerate(confusion)
                for k, count in enumerate(row) if k != label)
    require(worst[0] > 0 and re.search(rf"taken for \d+: {worst[0]} sample", seen["words"]),
            f"{worst} is not told")


@with_browser
def targets(place_, chromium):
    """the report of four targets has a comparison, and a section each"""
    document, path = report_of(place_, LENET, "--samples", "60", "--timesteps", "12",
                               "--target", "sim", "--target", "frame:int8", "--target",
                               "chip:speck2f", "--target", "vdev:speck2f", "--rule", "margin:1")
    seen = check_page(chromium, document, path, 200, SETTINGS[:1] + SETTINGS[3:5])
    for result in document["results"]:
        require(any(text.startswith(result["target"]) for _, text in seen["headings"]),
                f"no section of {result['target']}: {seen['headings']}")
    require("Traffic with the device" in seen["words"], "nothing of the device")
    frames, path = report_of(place_, LENET, "--samples", "60", "--target", "frame:f32",
                             "--energy", "horowitz45_int8")
    check_page(chromium, frames, path, 30, SETTINGS[:1])


@with_browser
def silence(place_, chromium):
    """the report tells silent samples with their layer, classes that are confused, and what an
    interrupted run or one without labels has not"""
    document, path = report_of(place_, "model.json", "--timesteps", "3", "--v0", "-2")
    seen = check_page(chromium, document, path, 30, SETTINGS[:2])
    silent = document["results"][0]["silent"]
    require(silent["count"] > 0 and "Silent samples" in seen["words"], "nothing is silent")
    require(sum(row["count"] for row in silent["by_layer"]) == silent["count"], f"{silent}")
    os.remove(place_.at("labels-idx1"))
    unlabelled, path = report_of(place_, "model.json", "--data", "images-idx3")
    seen = check_page(chromium, unlabelled, path, 10, SETTINGS[:1])
    require("no labels" in seen["words"], "labels are not missed")
    require("Spikes of sample 0: no label, decision" in seen["words"], "no caption of the raster")
    require("The answers" in seen["words"], "no answers")


@with_browser
def deep(place_, chromium):
    """of a deep net the page draws the 12 layers whose rates follow worst, constant ones first"""
    net = flow.model()
    del net["statistics"]
    net["layers"][-1]["activation"] = "relu"
    same_again = [float(i == k) for i in range(3) for k in range(3)]
    for number in range(14):
        net["layers"].append({"name": f"deep{number}", "kind": "dense", "activation": "relu",
                              "inputs": [net["layers"][-1]["name"]],
                              "weights": flow.tensor(same_again, [3, 3])})
    net["layers"][-1].update(weights=flow.tensor([0.0] * 9, [3, 3]),
                             bias=flow.tensor([0.5] * 3, [3]))
    net["output"] = net["layers"][-1]["name"]
    place_.write("net.json", net)
    document, path = report_of(place_, "net.json", "--data", "images-idx3", "--timesteps", "30")
    seen = check_page(chromium, document, path, 30, SETTINGS[:1] + SETTINGS[2:3])
    layers = document["results"][0]["layers"]
    require(layers[-1]["rate_pearson"] is None and len(layers[-1]["rates"]["count"]) == 1,
            f"not constant: {layers[-1]}")
    worst = sorted(range(len(layers)), key=lambda i: layers[i]["rate_pearson"] or -2.0)[:12]
    drawn = sorted(int(mark["pointer"].split("/")[4]) for mark in seen["lines"] + seen["dots"]
                   if mark["pointer"].endswith("/rates"))
    require(drawn == sorted(worst), f"{sorted(worst)} expected: {drawn}")
    require(f"Of {len(layers)} layers these are the 12" in seen["words"], "it is not told")


@with_browser
def hostile(place_, chromium):
    """names of models, layers and files are text on the page, whatever is in them"""
    names = ['</script><script>console.log(1)</script>', '<img src=x onerror="console.log(2)">',
             "a\"' onmouseover='console.log(3)' & <!-- <b>", "</title></style><!--<script>"]
    net = flow.model()
    net["name"] = names[0] + names[3]
    for layer in net["layers"]:
        layer["name"] = {"conv": names[1], "dense": names[2]}.get(layer["name"], layer["name"])
        layer["inputs"] = [{"conv": names[1]}.get(name, name) for name in layer.get("inputs", [])]
        if not layer["inputs"]:
            del layer["inputs"]
    net["output"] = names[2]
    layers = net["statistics"]["layers"]
    net["statistics"]["layers"] = {names[1]: layers["conv"], names[2]: layers["dense"]}
    place_.write("net.json", net)
    data = "i<b>&'\"mages-idx3"
    shutil.copy(place_.at("images-idx3"), place_.at(data))
    document, path = report_of(place_, "net.json", "--data", data, "--labels", "labels-idx1")
    seen = check_page(chromium, document, path, 30, SETTINGS[:2])
    for text in (net["name"], names[1], names[2], data):
        require(text in seen["words"], f"{text!r} is not to be read on the page")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    require(text.count("<script") == 1 and text.count("</script>") == 1, "a script got in")


@with_browser
def planted(place_, chromium):
    """the eyes of these tests see: overlap, overflow, faint ink, a wrong number, a request, a
    message"""
    document, path = report_of(place_, LENET, "--samples", "20", "--timesteps", "8")
    with open(path, encoding="utf-8") as file:
        good = file.read()

    def spoilt(old, new):
        require(old in good, f"{old!r} is not on the page")
        place_.write("spoilt.html", good.replace(old, new, 1))
        return place_.at("spoilt.html")

    def fails(path_, what, check=check_looks):
        try:
            check(chromium, path_)
        except Failure as failure:
            require(what in str(failure), f"{what} expected: {failure}")
            return
        raise Failure(f"{what}: not seen")

    end = "</main>"
    fails(spoilt(end, '<p style="position:absolute;top:30px;left:20px">on top</p>' + end),
          "overlap")
    fails(spoilt(end, '<svg width="300" height="40"><text x="5" y="20">one</text>'
                      '<text x="12" y="24">two</text></svg>' + end), "overlap")
    fails(spoilt(end, '<div style="width:3000px">wide</div>' + end), "wide")
    fails(spoilt("<tbody>", '<tbody><tr><td><div style="width:900px">wide</div></td></tr>'), "cut")
    fails(spoilt(end, '<p style="color:#999">grey</p>' + end), "contrast")
    fails(spoilt(end, '<img alt="" src="https://example.org/a.png">' + end), "requests")
    fails(spoilt(end, '<script>console.log("here")</script>' + end), "complaints")
    wrong = good.replace('data-json="/results/0/synops_mean">', 'data-json="/results/0/accuracy">')
    require(wrong != good, "no number to spoil")
    place_.write("spoilt.html", wrong)
    fails(place_.at("spoilt.html"), "the document has",
          lambda c, p: check_numbers(document, look(c, p), 10))


def interrupted(place_):
    """a run that was stopped says so at the top of its page"""
    # Enough work that the signal comes before its end.
    command = place_.command(LENET, "--timesteps", "4000", "--threads", "1", "--json", "run.json",
                             "--report", "page.html", "--csv", "tables")
    with subprocess.Popen(command, cwd=place_.folder, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, env=flow.environment()) as run:
        time.sleep(1.5)
        run.send_signal(signal.SIGINT)
        status = run.wait(flow.TIME_LIMIT)
    require(status == 130, f"status {status}")
    document = place_.read_json("run.json")
    require(document["results"][0]["complete"] is False, "the run is complete")
    with open(place_.at("page.html"), encoding="utf-8") as file:
        text = file.read()
    require("Interrupted." in text[:text.index("<main>")], "nothing of that at the top")
    rows = tables_of(place_)["targets.csv"]
    require(rows[0]["complete"] == "false", f"{rows}")


# --- Tables ---------------------------------------------------------------------------------------


def tables_of(place_):
    """The tables of --csv tables, as lists of rows by column."""
    result = {}
    for name in os.listdir(place_.at("tables")):
        with open(place_.at(os.path.join("tables", name)), encoding="utf-8", newline="") as file:
            text = file.read()
        require(text.endswith("\r\n") and "\n" not in text.replace("\r\n", ""),
                f"{name}: lines do not end as RFC 4180 has it")
        result[name] = list(csv.DictReader(text.splitlines(), strict=True))
    return result


def same(text, value, what):
    """A field of a table and a value of the document."""
    good = text == "" if value is None else float(text) == value
    require(good, f"{what}: {text!r} in the table, {value!r} in the document")


def check_rows(rows, objects, columns, what):
    require(len(rows) == len(objects), f"{what}: {len(rows)} rows of {len(objects)}")
    for row, item in zip(rows, objects):
        for column in columns:
            same(row[column], item[column], f"{what}, {column}")
        if "accuracy_interval" in item:
            low, high = item["accuracy_interval"]
            same(row["accuracy_low"], low, f"{what}, low")
            same(row["accuracy_high"], high, f"{what}, high")


RULE = ["accuracy", "steps_mean", "steps_p50", "steps_p95", "synops_mean", "energy_uj",
        "undecided"]


def tables(place_):
    """the tables of --csv have the numbers of the JSON document to the last digit, and fields that
    are quoted where they must"""
    answer = place_.run(LENET, "--samples", "40", "--timesteps", "10", "--rule", "margin:1",
                        "--sweep", "sweep.csv", "--json", "run.json", "--csv", "tables",
                        "--target", "sim", "--target", "frame:f32")
    require(answer.returncode == 0, "the run fails", answer)
    document, found = place_.read_json("run.json"), tables_of(place_)
    first = document["results"][0]
    check_rows(found["targets.csv"], document["results"],
               ["accuracy", "balanced_accuracy", "cnn_accuracy", "cnn_agreement", "steps_mean",
                "synops_mean", "synops_until_decision_mean", "macs_mean"], "targets")
    for number, column in enumerate(("accuracy", "accuracy_low", "accuracy_high")):
        key = ["accuracy_by_step", "accuracy_by_step_low", "accuracy_by_step_high"][number]
        require([float(row[column]) for row in found["accuracy.csv"]] == first[key], f"{key}")
    check_rows([row for row in found["layers.csv"] if row["result"] == "0"], first["layers"],
               ["neurons", "events_mean", "spikes_mean", "synops_mean", "updates_mean", "macs",
                "energy_uj_mean"], "layers")
    check_rows(found["rules.csv"], first["rules"], RULE, "rules")
    check_rows(found["sweep.csv"], first["sweep"], RULE, "sweep")
    histogram = [int(row["samples"]) for row in found["latency.csv"]
                 if row["decision"] == "margin:1"]
    require(histogram == first["rules"][0]["steps_histogram"], f"{histogram}")
    pairs = {(int(row["label"]), int(row["prediction"])): int(row["samples"])
             for row in found["confusion.csv"] if row["result"] == "0"}
    counts = {(label, k): count for label, row in enumerate(first["confusion"])
              for k, count in enumerate(row) if count}
    require(pairs == counts, f"{pairs}")
    samples = [row for row in found["samples.csv"] if row["result"] == "0"]
    require([int(row["sample"]) for row in samples] == list(range(40)), "not every sample")
    right = sum(row["label"] == row["prediction"] for row in samples)
    same(str(right / 40), first["accuracy"], "samples right")
    mean = sum(float(row["synops"]) for row in samples) / 40
    require(abs(mean - first["synops_mean"]) <= 1e-9 * mean, "SynOps of the samples")
    require(sum(int(row["decision_steps"]) for row in samples) / 40 ==
            first["rules"][0]["steps_mean"], "steps of the decisions")


def quoted(place_):
    """a layer's name with commas and quotes is one field, and none is a formula"""
    for name, field in (('"con"v, 1', '"con"v, 1'), ("=1+1", "'=1+1"), ('@A1,"', '\'@A1,"')):
        net = flow.model()
        net["layers"][1]["name"] = name
        net["layers"][2]["inputs"] = [name]
        net["statistics"]["layers"][name] = net["statistics"]["layers"].pop("conv")
        place_.write("net.json", net)
        answer = place_.run("net.json", "--csv", "tables", "--timesteps", "4", "--data",
                            "images-idx3")
        require(answer.returncode == 0, "the run fails", answer)
        with open(place_.at("tables/layers.csv"), encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, strict=True))
        require([row["layer"] for row in rows] == [field, "dense"], f"{rows}")


# --- The document ---------------------------------------------------------------------------------


def wilson(share, count):
    """Both roots of |share - p| = z sqrt(p (1 - p) / count), by halving."""
    z = 1.959963984540054

    def root(low, high):
        """Where the distance in standard deviations passes z."""
        for _ in range(200):
            middle = (low + high) / 2
            far = abs(share - middle) > z * math.sqrt(middle * (1 - middle) / count)
            low, high = (middle, high) if far else (low, middle)
        return (low + high) / 2

    return root(0.0, share), root(1.0, share)


def intervals(place_):
    """intervals are where the accuracy is 1.96 standard deviations off, and energy by layer adds up
    to that of a sample"""
    for arguments in (["--encoding", "bernoulli"], ["--semantics", "async"],
                      ["--encoding", "current"], ["--rule", "first@2", "--until-decided"],
                      ["--target", "chip:speck2f"], ["--synops", "sinabs-0.3.3"],
                      ["--target", "frame:f32", "--energy", "horowitz45_int8"],
                      ["--energy", "loihi"]):
        answer = place_.run(LENET, "--samples", "50", "--timesteps", "6", "--json", "run.json",
                            *arguments)
        require(answer.returncode == 0, f"{arguments}", answer)
        result = place_.read_json("run.json")["results"][0]
        low, high = result["accuracy_interval"]
        oracle = wilson(result["accuracy"], 50)
        require(abs(low - oracle[0]) < 1e-9 and abs(high - oracle[1]) < 1e-9,
                f"{result['accuracy']}: {low} to {high}, {oracle} expected")
        energy = result["energy"]
        parts = [layer["energy_uj_mean"] for layer in result["layers"]]
        parts += [energy["uj_io_mean"] or 0.0, energy["uj_static_mean"] or 0.0]
        require(abs(sum(parts) - energy["uj_mean"]) <= 1e-9 * energy["uj_mean"],
                f"{arguments}: {sum(parts)} of {energy['uj_mean']}: {parts}")


def small_activations(level):
    """What the classes of flow.model() are for an image of one level: feature k is the image,
    shifted by 1 - k rows and columns, the last with 0.25 added; a class is the sum of its four
    averages of 2x2, that is a quarter of the sum of all."""
    features = [9 * level, 16 * level, 9 * level + 16 * 0.25]
    return [value / 4.0 for value in features]


def line_through(pairs):
    """Pearson's correlation and the slope of y over x."""
    count = len(pairs)
    mean_x, mean_y = (sum(values) / count for values in zip(*pairs))
    xx = sum((x - mean_x) ** 2 for x, _ in pairs)
    yy = sum((y - mean_y) ** 2 for _, y in pairs)
    xy = sum((x - mean_x) * (y - mean_y) for x, y in pairs)
    return xy / math.sqrt(xx * yy), xy / xx


def bins_of(pairs):
    """Activation against rate: 20 equal parts of the activations' range, those with something."""
    largest = max(x for x, _ in pairs)
    found = {"activation": [], "rate": [], "rate_sd": [], "count": []}
    for k in range(20):
        # The last part has its upper end, too.
        inside = [(x, y) for x, y in pairs if min(int(20 * x / largest), 19) == k]
        if not inside:
            continue
        xs, ys = zip(*inside)
        found["activation"].append(statistics.fmean(xs))
        found["rate"].append(statistics.fmean(ys))
        found["rate_sd"].append(statistics.pstdev(ys))
        found["count"].append(len(inside))
    return found


def rates(place_):
    """activation against rate, their correlation and slope are those of the output's counts, and
    only measured where a page or tables are asked for"""
    for encoding in ("current", "rate"):
        arguments = ["model.json", "--encoding", encoding, "--timesteps", "7", "--norm", "none",
                     "--json", "run.json"]
        answer = place_.run(*arguments)
        require(answer.returncode == 0, "the run fails", answer)
        layers = place_.read_json("run.json")["results"][0]["layers"]
        require(all(layer["rate_pearson"] is None for layer in layers), f"measured: {layers}")
        answer = place_.run(*arguments, "--csv", "tables", "--save-counts", "counts.npy")
        require(answer.returncode == 0, "the run fails", answer)
        layer = place_.read_json("run.json")["results"][0]["layers"][-1]
        with open(place_.at("counts.npy"), "rb") as file:
            data = file.read()
        counts = struct.unpack(f"<{flow.IMAGE_COUNT * 7 * 3}i",
                               data[10 + struct.unpack("<H", data[8:10])[0]:])
        pairs = []
        for image in range(flow.IMAGE_COUNT):
            values = small_activations((40 * image + 55) / 255.0)
            spikes = counts[image * 21:image * 21 + 21]
            pairs += [(values[k], sum(spikes[k::3]) / 7.0) for k in range(3)]
        pearson, slope = line_through(pairs)
        require(abs(layer["rate_pearson"] - pearson) < 1e-6 and
                abs(layer["rate_slope"] - slope) < 1e-6,
                f"{encoding}: {layer}, {pearson} and {slope} expected")
        bins, oracle = layer["rates"], bins_of(pairs)
        require(bins["count"] == oracle["count"] and all(
            abs(a - b) < 1e-6 for key in oracle for a, b in zip(bins[key], oracle[key])),
                f"{encoding}: {bins}, {oracle} expected")
        table = [row for row in tables_of(place_)["rates.csv"] if row["layer"] == layer["name"]]
        for key in oracle:
            require([float(row[key]) for row in table] == bins[key], f"rates.csv: {key}")


def all_rates(place_):
    """every neuron and frame is in one bin of its layer, whose rates add up to the layer's spikes,
    and whose middles lie about the line of that slope"""
    for arguments in ([], ["--channelwise"], ["--encoding", "bernoulli"],
                      ["--semantics", "async"]):
        answer = place_.run(LENET, "--samples", "8", "--timesteps", "16", "--json", "run.json",
                            "--csv", "tables", *arguments)
        require(answer.returncode == 0, f"{arguments}", answer)
        result = place_.read_json("run.json")["results"][0]
        for layer in result["layers"]:
            bins, what = layer["rates"], f"{arguments}: {layer}"
            require(sum(bins["count"]) == layer["neurons"] * result["samples"], what)
            require(1 < len(bins["count"]) <= 20 and min(bins["count"]) > 0, what)
            require(bins["activation"] == sorted(bins["activation"]), what)
            spikes = 16 * sum(map(operator.mul, bins["count"], bins["rate"])) / result["samples"]
            require(abs(spikes - layer["spikes_mean"]) <= 1e-9 * layer["spikes_mean"], what)
            if "--channelwise" in arguments:
                continue  # the slope is in units of activations, which differ by channel
            middles = [pair for count, *pair in
                       zip(bins["count"], bins["activation"], bins["rate"]) for _ in range(count)]
            require(abs(line_through(middles)[1] - layer["rate_slope"]) < 0.03, what)


def outputs(place_):
    """a page or table is refused where it would overwrite a file of the run, or cannot be written,
    and goes along with --json -"""
    os.mkdir(place_.at("tables"))
    for arguments, status, text in (
            (["--report", "model.json"], 64, "MODEL too and would be overwritten"),
            (["--report", "a", "--json", "a"], 64, "--json: a is --report too"),
            (["--report", "-"], 64, "standard output is for --json -"),
            (["--report", "gone/page.html"], 73, "folder does not exist"),
            (["--report", "tables"], 73, "is a directory"),
            (["--csv", "gone/tables"], 73, "folder does not exist"),
            (["--csv", "/proc/tables"], 73, "snnsim: /proc/tables: "),
            (["--csv", "images-idx3"], 73, "is not a folder"),
            (["--csv", "tables", "--sweep", "tables/sweep.csv"], 64, "is --sweep too")):
        answer = place_.run("model.json", *arguments)
        require(answer.returncode == status and text in answer.stderr, f"{arguments}", answer)
    require(os.listdir(place_.at("tables")) == [], "something was written")
    answer = place_.run("model.json", "--json", "-", "--report", "page.html", "--csv", "tables")
    require(answer.returncode == 0, "--json -", answer)
    with open(place_.at("page.html"), encoding="utf-8") as file:
        text = file.read()
    embedded = re.search(r'id="result">\n(.*)</script>', text, re.DOTALL).group(1)
    require(json.loads(embedded) == json.loads(answer.stdout), "page and stdout differ")
    require("<code>snnsim model.json" in html.unescape(text), "the command is not there")


def full(place_):
    """a disk that is full for one file does not cost the others"""
    if not os.path.exists("/dev/full"):
        raise flow.Skip("no /dev/full")
    for option in ("--report", "--raster", "--sweep"):
        answer = place_.run("model.json", option, "/dev/full", "--json", "kept.json", "--csv", "kept")
        require(answer.returncode == 74 and "space" in answer.stderr, option, answer)
        require("accuracy" in answer.stdout, "nothing is printed", answer)
        require(len(place_.read_json("kept.json")["results"]) == 1, "no JSON", answer)
        require(os.path.exists(place_.at("kept/samples.csv")), "no tables", answer)
        os.remove(place_.at("kept.json"))
        os.remove(place_.at("kept/samples.csv"))


TESTS = [lenet, mnist, targets, silence, deep, hostile, planted, interrupted, tables, quoted,
         intervals, rates, all_rates, outputs, full]

if __name__ == "__main__":
    with BROWSERS:
        sys.exit(flow.report(flow.named(TESTS), sys.argv[1]))
