"""Charts against the numbers they were drawn from, and rasters against the counts of the run:
charts.py SNNSIM GALLERY

GALLERY prints a page with charts of all kinds (tests/unit/report/gallery.c), whose formulas are
here again. Where there is a browser, no two words of it may overlap or be hard to read.
"""

import json
import math
import os
import re
import sys
import xml.etree.ElementTree as ElementTree
import zipfile

import browser
import flow
from flow import Skip, require

HERE = os.path.dirname(os.path.abspath(__file__))
LENET = os.path.join(os.path.dirname(os.path.dirname(HERE)), "data", "lenet.json")
WIDTHS = (380, 720)
SVG = "{http://www.w3.org/2000/svg}"


# --- The gallery ----------------------------------------------------------------------------------


def figures(place, width):
    """The charts of the gallery by name, each as elements."""
    answer = flow.subprocess.run([sys.argv[2], str(width)], capture_output=True, text=True,
                                 check=False)
    require(answer.returncode == 0, "the gallery", answer)
    place.write(f"gallery-{width}.html", answer.stdout)
    found = {}
    for name, content in re.findall(r'<figure id="([^"]*)">(.*?)</figure>', answer.stdout, re.S):
        charts = re.findall(r"<svg.*?</svg>", content, re.S)
        found[name] = [ElementTree.fromstring(chart) for chart in charts]
        require(found[name], f"{name}: no chart")
    return found


def scale(text):
    """From places on an axis back to values, as data-x and data-y tell."""
    kind, low, high, first, last = text.split()
    low, high, first, last = float(low), float(high), float(first), float(last)

    def value(at):
        share = (at - first) / (last - first)
        if kind == "log":
            return low * (high / low) ** share
        if kind == "error":
            return 1 - (1 - low) * ((1 - high) / (1 - low)) ** share
        return low + share * (high - low)

    return value


def line(chart, pointer):
    """The values of a line."""
    plot = chart.find(".//g[@class='plot']")
    x, y = scale(plot.get("data-x")), scale(plot.get("data-y"))
    path = chart.find(f".//path[@data-json='{pointer}']").get("d")
    return [(x(float(a)), y(float(b))) for a, b in re.findall(r"[ML](-?[\d.]+),(-?[\d.]+)", path)]


def lines(place):
    """lines have their values, also on an axis of errors"""
    for width in WIDTHS:
        chart = figures(place, width)["accuracy"][0]
        for pointer, end, rate, start in (("/a", 0.994, 5, 0.894), ("/b", 0.985, 9, 0.885)):
            points = line(chart, pointer)
            require(len(points) == 64, f"{len(points)} points, 64 expected")
            for step, (x, y) in enumerate(points):
                value = end - start * math.exp(-step / rate)
                require(abs(x - step - 1) < 0.02, f"step {step + 1} stands at {x}")
                # A twentieth of a pixel on an axis of some 160 pixels for a factor of 200.
                require(abs(y - value) < 0.002 * (1 - value), f"step {step}: {y}, not {value}")


def long_lines(place):
    """twenty thousand steps are no more points than pixels show, and keep what stands out"""
    for width in WIDTHS:
        chart = figures(place, width)["noise"][0]
        points = line(chart, "/noise")
        require(500 < len(points) <= 4 * width, f"{len(points)} points on {width} pixels")
        require(max(y for _, y in points) > 1.15, "the highest values are lost")
        gap = [x for x, _ in points if 12050 < x < 12950]
        require(not gap, f"points within the gap: {gap[:3]}")
        for band in chart.iterfind(".//path[@class='band']"):
            count = len(re.findall("[ML]", band.get("d")))
            require(count <= 2 * width + 4, f"a band of {count} points")


def histograms(place):
    """steps and bars are as high as their counts"""
    for width in WIDTHS:
        for name, pattern in (("latency", r"V(-?[\d.]+)H(-?[\d.]+)(?=[VH\"]|$)"),
                              ("bars", r"V(-?[\d.]+)H(-?[\d.]+)V[\d.]+Z")):
            chart = figures(place, width)[name][0]
            y = scale(chart.find(".//g[@class='plot']").get("data-y"))
            path = chart.find(".//path[@data-json='/first']").get("d")
            tops = [y(float(top)) for top, _ in re.findall(pattern, path)]
            values = [math.floor(3000 * math.exp(-(i - 6) ** 2 / 8)) for i in range(40)]
            require(len(tops) == 40, f"{name}: {len(tops)} of 40 bars")
            for top, value in zip(tops, values):
                require(abs(top - value) <= 3000 / 100 * 0.1 + 0.5, f"{name}: {top}, not {value}")


def exact_values(place):
    """dots, rows and matrices carry the exact values"""
    charts = figures(place, 380)
    dots = [tuple(float(part) for part in dot.get("data-value").split())
            for dot in charts["pareto"][0].iterfind(".//path[@class='dot'][@data-value]")]
    require((4.0e-7, 0.9901) in dots and len(dots) == 9, f"dots {dots}")
    bars = {bar.get("data-json"): float(bar.get("data-value"))
            for bar in charts["rows"][0].iterfind(".//path[@class='bar']")}
    require(bars == {"/rows/0": 0, "/rows/1": 1254000, "/rows/2": 3e6, "/rows/3": 23000},
            f"bars {bars}")
    numbers = [int(text.text) for text in
               charts["matrix-10"][0].iterfind(".//g[@class='matrix']/g/text")]
    require(sum(numbers) > 9645 and len(numbers) > 20, f"numbers {numbers}")
    require(not charts["matrix-1000"][0].findall(".//g[@class='matrix']/g"),
            "a thousand classes with numbers")


def bounded(place):
    """pictures of much stay small, and every one is named and described as asked for"""
    for width in WIDTHS:
        for name, charts in figures(place, width).items():
            for chart in charts:
                size = len(ElementTree.tostring(chart))
                require(size < 130000, f"{name} takes {size} bytes")
                require(chart.get("role") == "img" and chart.find("title").text, f"{name}: no title")
        hostile = figures(place, width)["nothing"][0]
        require(hostile.find("title").text == '"<&>\'' and hostile.find("desc").text == "]]>",
                "names are not what they were")


def legible(place):
    """no words overlap or are hard to read in a browser, light or dark, on any width"""
    if browser.find() is None:
        raise Skip("no Chromium")
    with open(os.path.join(HERE, "report_page.js"), encoding="utf-8") as source:
        script = source.read()
    for width in WIDTHS:
        figures(place, width)
    with browser.Browser() as chromium:
        for drawn, wide, scheme in ((380, 400, "light"), (380, 900, "dark"), (380, 1600, "light"),
                                    (720, 1600, "dark")):
            where = f"drawn for {drawn}, {wide} wide, {scheme}: "
            with chromium.open(place.at(f"gallery-{drawn}.html"), width=wide,
                               scheme=scheme) as page:
                height = page.evaluate("document.documentElement.scrollHeight")
                page.call("Emulation.setDeviceMetricsOverride", width=wide, height=height + 50,
                          deviceScaleFactor=1, mobile=False)
                seen = page.evaluate(f"({script})()")
                require(not page.complaints and len(page.requests) == 1, f"{where}complaints")
            require(seen["texts"] > 150, f"{where}{seen['texts']} texts")
            require(not seen["overlaps"], f"{where}overlap: {seen['overlaps'][:8]}")
            require(not seen["faint"], f"{where}faint: {seen['faint'][:8]}")


# --- Rasters --------------------------------------------------------------------------------------


def raster(place, name="raster.svg"):
    """Lanes of a raster: name to (spikes told, steps of those that are drawn or None)."""
    root = ElementTree.parse(place.at(name)).getroot()
    group = root.find(f".//{SVG}g[@class='raster']")
    x = scale(group.get("data-x"))
    lanes = {}
    for lane in group.iterfind(f"{SVG}g"):
        path = lane.findall(f"{SVG}path[@class='spike']")
        steps = None
        if lane.get("data-shown") == "spikes":
            marks = re.findall(r"M(-?[\d.]+),", path[0].get("d"))
            steps = [x(float(mark)) for mark in marks]
        lanes[lane.get("data-lane")] = (int(lane.get("data-spikes")), steps,
                                        int(lane.get("data-neurons")))
    return root, lanes


def layer_counts(place, name="layers.npz"):
    """Spikes of each layer, [sample][step], of int64 without NumPy."""
    counts = {}
    with zipfile.ZipFile(place.at(name)) as file:
        for member in file.namelist():
            data = file.read(member)
            size = int.from_bytes(data[8:10], "little")
            shape = [int(n) for n in re.findall(rb"\d+", data[10:10 + size].split(b"shape")[1])]
            body = data[10 + size:]
            rows = [int.from_bytes(body[i:i + 8], "little") for i in range(0, len(body), 8)]
            counts[member.removesuffix(".npy")] = [
                rows[i * shape[1]:(i + 1) * shape[1]] for i in range(shape[0])]
    return counts


def check_raster(place, model, *arguments, sample=0):
    answer = place.run(model, "--raster", "raster.svg", "--save-layer-counts", "layers.npz",
                       *arguments)
    require(answer.returncode == 0, f"{arguments}", answer)
    _, lanes = raster(place)
    counts = layer_counts(place)
    require(["input", *counts] == list(lanes), f"{arguments}: lanes {list(lanes)}")
    drawn = 0
    for name, rows in counts.items():
        total, steps, _ = lanes[name]
        require(total == sum(rows[sample]),
                f"{arguments}: {name} has {total} spikes, {sum(rows[sample])} counted")
        if steps is None:
            continue
        drawn += 1
        by_step = [0] * len(rows[sample])
        for step in steps:
            # Places are told to a tenth of a pixel; a spike stands well within its step.
            by_step[min(int(step), len(by_step) - 1)] += 1
        require(by_step == rows[sample], f"{arguments}: {name}: {by_step}, not {rows[sample]}")
    return lanes, drawn


def same_spikes(place):
    """spikes are those that the run counted, in their steps, whatever the target"""
    for arguments in (["--timesteps", 20], ["--timesteps", 20, "--encoding", "bernoulli"],
                      ["--timesteps", 12, "--semantics", "async"],
                      ["--timesteps", 12, "--arith", "chip"],
                      ["--timesteps", 12, "--target", "chip:speck2f"],
                      ["--timesteps", 20, "--encoding", "current"]):
        lanes, drawn = check_raster(place, LENET, "--samples", 3, "--offset", 2, *arguments)
        require(drawn >= 2, f"{arguments}: {drawn} lanes one by one")
        require((lanes["input"][0] == 0) == ("current" in arguments), f"input {lanes['input'][0]}")
    check_raster(place, LENET, "--samples", 3, "--offset", 2, "--timesteps", 12,
                 "--raster-sample", 4, sample=2)
    check_raster(place, LENET, "--samples", 2, "--timesteps", 30, "--rule", "margin:2",
                 "--until-decided", "--threads", 2)


def dense(place):
    """a lane of more spikes than a picture has room for shows how dense they are, and its number"""
    lanes, _ = check_raster(place, LENET, "--samples", 1, "--timesteps", 300)
    require(lanes["conv1"][1] is None and lanes["conv1"][0] > 20000, f"conv1 {lanes['conv1'][0]}")
    require(lanes["fc3"][1] is not None, "the output is not shown spike by spike")
    size = os.path.getsize(place.at("raster.svg"))
    require(size < 400000, f"{size} bytes")


def recorded(place):
    """recorded input spikes are the lane of the input"""
    place.write("spikes.npy", flow.npy("|u1", [1, 4, 1, 4, 4], bytes([1, 0, 2, 0] * 16)))
    answer = place.run("model.json", "--input-spikes", "spikes.npy", "--timesteps", 4, "--raster",
                       "raster.svg")
    require(answer.returncode == 0, "recorded spikes", answer)
    _, lanes = raster(place)
    total, steps, neurons = lanes["input"]
    require((total, neurons) == (48, 16), f"{total} spikes of {neurons} neurons")
    require([sum(int(at) == step for at in steps) for step in range(4)] == [12] * 4, f"{steps}")


def events(place):
    """recordings of a camera have a raster, too"""
    shared = os.environ.get("SNN_SHARED")
    if not shared:
        raise Skip("SNN_SHARED is not set")
    model = os.path.join(shared, "realfiles", "models", "nmnist_cnn.nir")
    data = os.path.join(shared, "realfiles", "events", "sample_nmnist.bin")
    if not os.path.exists(model) or not os.path.exists(data):
        raise Skip(f"no {model} or {data}")
    answer = place.run(model, "--data", data, "--timesteps", 30, "--dt", 10, "--raster",
                       "raster.svg", "--save-layer-counts", "layers.npz")
    require(answer.returncode == 0, "a recording", answer)
    _, lanes = raster(place)
    counts = layer_counts(place)
    require(lanes["input"][0] > 100, f"{lanes['input'][0]} spikes of the input")
    for name, rows in counts.items():
        require(lanes[name][0] == sum(rows[0]), f"{name}: {lanes[name][0]} of {sum(rows[0])}")


def decided(place):
    """the decision stands where the run says, and the title tells the class"""
    answer = place.run(LENET, "--samples", 1, "--timesteps", 30, "--rule", "margin:3", "--raster",
                       "raster.svg", "--json", "result.json")
    require(answer.returncode == 0, "", answer)
    result = place.read_json("result.json")["results"][0]
    root, _ = raster(place)
    mark = root.find(f".//{SVG}path[@data-decided]")
    steps = result["rules"][0]["steps_mean"]
    require(float(mark.get("data-decided")) == steps, f"{mark.get('data-decided')}, not {steps}")
    texts = ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]
    require(f"decision after {steps:.0f} steps" in texts, f"{texts}")
    require(root.find(f"{SVG}title").text.startswith("Spikes of sample 0: label "), "title")


def hostile_names(place):
    """names of layers cannot break out of the picture"""
    model = flow.model()
    name = "<b>&\"' ]]> \u202e" + "long " * 60
    model["layers"][1]["name"] = name
    model["layers"][2]["inputs"] = [name]
    model["statistics"]["layers"][name] = model["statistics"]["layers"].pop("conv")
    place.write("hostile.json", json.dumps(model))
    answer = place.run("hostile.json", "--raster", "raster.svg")
    require(answer.returncode == 0, "", answer)
    _, lanes = raster(place)
    require(name in lanes, f"lanes {list(lanes)}")


def refused(place):
    """what has no raster is refused by name before the run, and nothing is written"""
    os.mkdir(place.at("folder"))
    for arguments, status, text in (
            (["--target", "frame:f32", "--raster", "a"], 64, "frame-based targets have no spikes"),
            (["--target", "vdev:speck2f", "--raster", "a"], 64,
             "vdev:speck2f does not tell the spikes of single neurons"),
            (["--raster", "-"], 64, "a picture needs a file"),
            (["--raster", "a", "--json", "a"], 64, "is --raster too"),
            (["--raster", "model.json"], 64, "is MODEL too and would be overwritten"),
            (["--raster", "folder"], 73, "is a directory"),
            (["--raster", "gone/a"], 73, "folder does not exist"),
            (["--raster-sample", 1], 64, "is for --raster or --report, and neither is given"),
            (["--raster", "a", "--raster-sample", 6], 64,
             "sample 6 is not among those that are run, 0 to 5"),
            (["--raster", "a", "--raster-sample", 1, "--offset", 2, "--samples", 2], 64,
             "sample 1 is not among those that are run, 2 to 3"),
            (["--raster", "a", "--raster-sample", "-1"], 64, "--raster-sample")):
        answer = place.run("model.json", *arguments)
        require(answer.returncode == status and text in answer.stderr, f"{arguments}", answer)
        require(not os.path.exists(place.at("a")), f"{arguments}: a file was written")


TESTS = [lines, long_lines, histograms, exact_values, bounded, legible, same_spikes, dense,
         recorded, events, decided, hostile_names, refused]

if __name__ == "__main__":
    sys.exit(flow.report(flow.named(TESTS), sys.argv[1]))
