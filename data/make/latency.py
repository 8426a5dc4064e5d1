#!/usr/bin/env python3
"""Makes every number, table and figure of docs/latency.md: latency.py SNNSIM MNIST WORK

Runs the commands below on the folder MNIST, keeps what they write in the folder WORK, and puts the
results into the document: tables between `<!-- begin NAME -->` and `<!-- end -->`, single numbers
between `<!--=KEY-->` and `<!--/-->`, figures by plot_latency.py beside it. So no number of the
document stands alone.

  --only GROUP   run and renew one group (repeatable): marks, fronts, published, knobs, energy
  --keep         do not repeat runs that WORK has
  --check        write nothing; status 1 if the document does not say what came out

tests/flow/latency.py checks the cheap groups. All of it takes about ten minutes on two cores.
"""

import argparse
import json
import os
import re
import subprocess
import sys

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
DOCUMENT = os.path.join(ROOT, "docs", "latency.md")
MODEL = "data/lenet.json"
IMAGES = "t10k-images-idx3-ubyte.gz"

SEEDS = range(5)
SOFTMAX = "softmax:0.999999999"
RULES = ["first", "first@4", "membrane:1", "margin:2", SOFTMAX, "oracle"]
ORDERS = ["interleave", "random", "raster"]

# --- Runs -----------------------------------------------------------------------------------------
# A run is a name and the options after `snnsim data/lenet.json -d T10K -e bernoulli`.


def rule_options(rules):
    return [text for rule in rules for text in ("-r", rule)]


def marks():
    """The whole test set, five seeds."""
    runs = {}
    for seed in SEEDS:
        tail = ["-s", str(seed)]
        both = ["--arith", "both"]
        runs[f"whole-{seed}"] = ["-t", "100", *both, *rule_options(RULES), *tail]
        runs[f"short-{seed}"] = ["-t", "16", *both, *rule_options(RULES), *tail]
        runs[f"membrane-{seed}"] = ["-t", "4", *both, "--readout", "membrane", *tail]
        runs[f"none-{seed}"] = ["-t", "2", *both, "--norm", "none", *tail]
        for order in ORDERS[:2] if seed else ORDERS:
            runs[f"{order}-{seed}"] = ["-t", "16", "--arith", "chip", "--semantics", "async",
                                       "--order", order, *rule_options(RULES), *tail]
    return runs


def fronts():
    """Seventy rules in one run, for the figure of fronts."""
    base = ["-t", "16", "--arith", "chip", "--sweep", "sweep.csv"]
    return {"sweep-sync": base,
            "sweep-none": [*base, "--norm", "none"],
            "sweep-interleave": [*base, "--semantics", "async", "--order", "interleave"]}


PUBLISHED = [
    ("sinabs", "unnormalised (`--compat sinabs`)", ["--compat", "sinabs"]),
    ("ours", "our defaults, int8", ["--arith", "chip"]),
    ("gain", "the same, `--output-gain 4`", ["--arith", "chip", "--output-gain", "4"]),
    ("slow", "`--norm max --v0 0 --output-gain 16`, int8",
     ["--arith", "chip", "--norm", "max", "--v0", "0", "--output-gain", "16"]),
]


def published():
    """The first 1,000 images in 100 steps, by both accountings."""
    runs = {}
    for name, _, options in PUBLISHED:
        base = ["-n", "1000", *options]
        runs[f"{name}-exact"] = [*base, "-r", SOFTMAX]
        runs[f"{name}-033"] = [*base, "--synops", "sinabs-0.3.3"]
        runs[f"{name}-first"] = [*base, "--until-decided", "-r", "first"]
    return runs


KNOBS = [
    ("the defaults", []),
    ("initial potential 0", ["--v0", "0"]),
    ("a quarter", ["--v0", "0.25"]),
    ("three quarters", ["--v0", "0.75"]),
    ("thresholds at the maximum", ["--norm", "max"]),
    ("for 4 steps", ["--norm", "mse:4"]),
    ("balanced, in float", ["--norm", "ltb", "--arith", "float"]),
    ("balanced, in int8", ["--norm", "ltb"]),
    ("none: all 1", ["--norm", "none"]),
    ("the same, one spike a step", ["--norm", "none", "--n-max", "1"]),
    ("output threshold twice", ["--output-gain", "2"]),
    ("four times", ["--output-gain", "4"]),
    ("reset to zero", ["--reset", "zero"]),
    ("even input", ["-e", "rate"]),
    ("analog input, in float", ["-e", "current", "--arith", "float"]),
    ("one spike a pixel", ["-e", "ttfs"]),
    ("slow on purpose", ["--norm", "max", "--v0", "0", "--output-gain", "16"]),
]


def knobs():
    """One option changed at a time, 1,000 images."""
    return {f"knob-{at}": ["-n", "1000", "--arith", "chip", *options]
            if "--arith" not in options else ["-n", "1000", *options]
            for at, (_, options) in enumerate(KNOBS)}


PROFILES = ["sinabs", "truenorth", "loihi", "odin", "horowitz45_int8"]


def energy():
    """Until the decision, by profile, and the CNN in 8 bits beside it."""
    return {f"energy-{profile}": ["-n", "1000", "-t", "16", "--arith", "chip", "-r", "first@4",
                                  "-r", SOFTMAX, "--target", "sim", "--target", "frame:int8",
                                  "--energy", profile] for profile in PROFILES}


GROUPS = {"marks": marks, "fronts": fronts, "published": published, "knobs": knobs,
          "energy": energy}


def arguments_of(options):
    return [*([] if "-e" in options else ["-e", "bernoulli"]), *options]


class Results:
    """Runs snnsim, and knows what it wrote."""

    def __init__(self, snnsim, mnist, work, keep=False):
        self.snnsim = os.path.abspath(snnsim)
        self.images = os.path.join(os.path.abspath(mnist), IMAGES)
        self.work = os.path.abspath(work)
        self.keep = keep
        os.makedirs(work, exist_ok=True)

    def path(self, name):
        return os.path.join(self.work, name + ".json")

    def run(self, name, options):
        if self.keep and os.path.exists(self.path(name)):
            return
        folder = os.path.join(self.work, name)
        os.makedirs(folder, exist_ok=True)
        command = [self.snnsim, os.path.join(ROOT, MODEL), "-q", "-d", self.images,
                   *arguments_of(options), "--json", self.path(name)]
        answer = subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE, text=True, check=False)
        if answer.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}\n{answer.stderr}")

    def run_group(self, group, note=lambda _: None):
        for name, options in GROUPS[group]().items():
            note(f"{group}: {name}")
            self.run(name, options)

    def all(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return json.load(file)["results"]

    def one(self, name, arith="chip"):
        """The result in this arithmetic, or the only one with spikes."""
        found = [result for result in self.all(name) if result["arith"] is not None]
        return found[0] if len(found) == 1 else \
            next(result for result in found if result["arith"] == arith)

    def seeds(self, kind, arith="chip", seeds=SEEDS):
        return [self.one(f"{kind}-{seed}", arith) for seed in seeds]


# --- Formats --------------------------------------------------------------------------------------


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def percent(share, digits=2):
    return f"{100 * share:.{digits}f} %"


def si(number):
    """Three digits and a prefix, as the tools print."""
    for factor, prefix in ((1e6, " M"), (1e3, " k")):
        if number >= factor * 0.9995:
            number /= factor
            break
    else:
        prefix = ""
    digits = 0 if number >= 99.95 else 1 if number >= 9.995 else 2
    return f"{number:.{digits}f}{prefix}"


def energy_text(uj):
    return f"{si(uj)} uJ" if uj >= 0.1 else f"{1000 * uj:.1f} nJ"


def table(head, rows):
    lines = ["| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows]]
    return "\n".join(lines)


def rule_of(result, rule):
    return next(row for row in result["rules"] if row["rule"] == rule)


def balanced(confusion):
    """Mean accuracy of the classes, over the samples that decided."""
    return mean(row[label] / sum(row) for label, row in enumerate(confusion) if sum(row) > 0)


def silent_after(result, step):
    return result["samples"] - sum(result["first_spike"]["steps_histogram"][:step])


# --- Tables ---------------------------------------------------------------------------------------


def decision_rows(results):
    """Label, accuracies in int8 and float by seed, and what decides when: (label, chip, float,
    steps, p95, SynOps, uJ)."""
    def of_rule(label, rule, kind="whole"):
        pick = lambda arith: [rule_of(run, rule) for run in results.seeds(kind, arith)]
        chip = pick("chip")
        return (label, [row["accuracy"] for row in chip],
                [row["accuracy"] for row in pick("float")], mean(row["steps_mean"] for row in chip),
                max(row["steps_p95"] for row in chip), mean(row["synops_mean"] for row in chip),
                mean(row["energy_uj"] for row in chip))

    def of_end(label, kind, steps):
        chip = results.seeds(kind)
        return (label, [run["accuracy"] for run in chip],
                [run["accuracy"] for run in results.seeds(kind, "float")], steps, steps,
                mean(run["synops_mean"] for run in chip),
                mean(run["energy"]["uj_mean"] for run in chip))

    return {
        "first": of_rule("first output spike", "first"),
        "none2": of_end("counts, `--norm none`", "none", 2),
        "softmax": of_rule(f"`{SOFTMAX}`", SOFTMAX),
        "membrane1": of_rule("`membrane:1`", "membrane:1"),
        "margin2": of_rule("`margin:2`", "margin:2"),
        "first4": of_rule("`first@4`", "first@4"),
        "readout4": of_end("potentials, `--readout membrane`", "membrane", 4),
        "counts16": of_end("counts", "short", 16),
        "counts100": of_end("counts", "whole", 100),
        "oracle": of_rule("oracle (a bound)", "oracle"),
    }


def steps_text(steps):
    return str(steps) if isinstance(steps, int) else f"{steps:.2f}"


def decisions_table(results):
    rows = [[label, percent(mean(chip)), percent(min(chip)), percent(mean(floats)),
             steps_text(steps), str(p95), si(synops), energy_text(uj)]
            for label, chip, floats, steps, p95, synops, uj in decision_rows(results).values()]
    return table(["decision by", "int8, mean", "worst seed", "float, mean", "steps, mean", "95 % by",
                  "SynOps", "energy"], rows)


def orders_of(results):
    """Semantics and order, and its runs."""
    kinds = [("synchronous", "short", SEEDS)]
    kinds += [(order, order, SEEDS if order != "raster" else [0]) for order in ORDERS]
    return [(label, results.seeds(kind, seeds=seeds)) for label, kind, seeds in kinds]


def orders_table(results):
    rows = []
    for label, runs in orders_of(results):
        def rule(name):
            found = [rule_of(run, name) for run in runs]
            return f"{percent(mean(row['accuracy'] for row in found))}, " \
                   f"{mean(row['steps_mean'] for row in found):.2f}"
        rows.append([label, rule("first"), rule(SOFTMAX), rule("first@4"),
                     percent(min(rule_of(run, "first@4")["accuracy"] for run in runs)),
                     percent(mean(run["accuracy"] for run in runs)),
                     si(mean(rule_of(run, "first@4")["synops_mean"] for run in runs))])
    return table(["events", "first spike, steps", "softmax, steps", "first@4, steps",
                  "first@4, worst", "16 steps", "SynOps until first@4"], rows)


def published_table(results):
    theirs = ["Narduzzi et al., DynapCNN", "992", "41.3 ms", "98.79 %", "99.09 %", "", "144.5 uJ"]
    rows = [theirs]
    for name, label, _ in PUBLISHED:
        exact, counted = results.one(f"{name}-exact"), results.one(f"{name}-033")
        first = exact["first_spike"]
        decided = balanced(results.one(f"{name}-first")["confusion"])
        until = [run["first_spike"]["energy_uj"] for run in (exact, counted)]
        end = [run["energy"]["uj_mean"] for run in (exact, counted)]
        rows.append([label, f"{first['samples']:,}", f"{first['steps_mean']:.2f} ms",
                     percent(decided), percent(balanced(exact["confusion"])),
                     f"{energy_text(until[0])}, {energy_text(end[0])}",
                     f"{energy_text(until[1])}, {energy_text(end[1])}"])
    return table(["net", "spiked", "first spike", "accuracy then", "at the end",
                  "exact: until then, at the end", "Sinabs 0.3.3"], rows)


def knobs_table(results):
    rows = []
    for at, (label, options) in enumerate(KNOBS):
        run = results.one(f"knob-{at}")
        first, by_step = run["first_spike"], run["accuracy_by_step"]
        rows.append([label, f"`{' '.join(options)}`" if options else "",
                     percent(first["accuracy"], 1), f"{first['steps_mean']:.2f}",
                     str(first["steps_p95"]), percent(by_step[3], 1), percent(by_step[15], 1),
                     percent(by_step[-1], 1),
                     ", ".join(f"{silent_after(run, step):,}" for step in (4, 16, 100)),
                     si(first["synops_mean"])])
    return table(["what", "options", "first spike", "steps", "95 % by", "after 4", "16", "100 steps",
                  "silent after 4, 16, 100", "SynOps until it"], rows)


def energy_table(results):
    rows = []
    for profile in PROFILES:
        sim, frame = results.all(f"energy-{profile}")
        decided = [energy_text(rule_of(sim, rule)["energy_uj"]) for rule in (SOFTMAX, "first@4")]
        mac = frame["energy"]["uj_mean"]
        rows.append([f"`{profile}`", *decided, energy_text(sim["energy"]["uj_mean"]),
                     "" if not mac else energy_text(mac)])
    return table(["profile", f"`{SOFTMAX}`", "`first@4`", "16 steps", "CNN, int8 frame"], rows)


TABLES = {"decisions": ("marks", decisions_table), "orders": ("marks", orders_table),
          "published": ("published", published_table), "knobs": ("knobs", knobs_table),
          "energy": ("energy", energy_table)}

# --- Numbers in sentences -------------------------------------------------------------------------


def marks_values(results):
    values = {"cnn": percent(results.one("whole-0")["cnn_accuracy"])}
    for key, (_, chip, floats, steps, _, synops, uj) in decision_rows(results).items():
        values |= {f"{key}": percent(mean(chip)), f"{key}.worst": percent(min(chip)),
                   f"{key}.steps": steps_text(steps), f"{key}.synops": si(synops),
                   f"{key}.uj": energy_text(uj),
                   f"{key}.int8": f"{100 * (mean(floats) - mean(chip)):.2f}"}
    rows = decision_rows(results)
    values["share"] = f"{rows['counts100'][5] / rows['softmax'][5]:.0f}"
    losses = [a - b for key, row in rows.items() for a, b in zip(row[2], row[1])]
    values["int8.most"] = f"{100 * max(losses):.2f}"
    for key, kind in (("silent", "whole"), ("silent.16", "short")):
        values[key] = str(sum(run["silent"]["count"] for run in results.seeds(kind)))
    for label, runs in orders_of(results):
        values[f"{label}.first"] = percent(mean(rule_of(r, "first")["accuracy"] for r in runs))
        found = [rule_of(run, "first@4") for run in runs]
        values[f"{label}.first4"] = percent(mean(row["accuracy"] for row in found))
        values[f"{label}.first4.steps"] = f"{mean(row['steps_mean'] for row in found):.2f}"
    for rule in ("first", "first@4", SOFTMAX):
        row = rule_of(results.one("whole-0"), rule)
        bins = row["steps_histogram"]
        decided = sum(bins)
        key = rule.split(":")[0].replace("@", "")
        values[f"{key}.p50"] = str(row["steps_p50"])
        values[f"{key}.p95"] = str(row["steps_p95"])
        values[f"{key}.last"] = str(max(t for t, count in enumerate(bins, 1) if count))
        values[f"{key}.two"] = f"{100 * sum(bins[:2]) / decided:.1f} %"
    return values


def fronts_values(results):
    """The rules with the fewest steps, and SynOps, among those within 0.1 points of the CNN."""
    values = {}
    for name in ("sweep-sync", "sweep-none"):
        result = results.one(name)
        near = [row for row in result["sweep"] if row["rule"] not in ("all", "oracle")
                and row["accuracy"] >= result["cnn_accuracy"] - 0.001]
        values[f"{name}.steps"] = f"{min(row['steps_mean'] for row in near):.2f}"
        values[f"{name}.synops"] = si(min(row["synops_mean"] for row in near))
    return values


def published_values(results):
    values = {}
    for name, _, _ in PUBLISHED:
        exact, counted = results.one(f"{name}-exact"), results.one(f"{name}-033")
        values |= {f"{name}.ms": f"{exact['first_spike']['steps_mean']:.2f}",
                   f"{name}.first": percent(balanced(results.one(f"{name}-first")["confusion"])),
                   f"{name}.silent": str(exact["silent"]["count"]),
                   f"{name}.exact": si(exact["synops_mean"]),
                   f"{name}.033": si(counted["synops_mean"]),
                   f"{name}.ratio": f"{exact['synops_mean'] / counted['synops_mean']:.1f}"}
    row = rule_of(results.one("slow-exact"), SOFTMAX)
    values |= {"slow.softmax": percent(row["accuracy"]), "slow.softmax.steps": f"{row['steps_mean']:.2f}"}
    values["published.cnn"] = percent(results.one("ours-exact")["cnn_accuracy"])
    return values


def knobs_values(results):
    values = {}
    for at, (label, _) in enumerate(KNOBS):
        run = results.one(f"knob-{at}")
        values |= {f"{label}: first": percent(run["first_spike"]["accuracy"], 1),
                   f"{label}: steps": f"{run['first_spike']['steps_mean']:.2f}",
                   f"{label}: after 4": percent(run["accuracy_by_step"][3], 1),
                   f"{label}: end": percent(run["accuracy"], 1),
                   f"{label}: silent": str(run["silent"]["count"]),
                   f"{label}: silent after 4": str(silent_after(run, 4))}
        layers = set(run["silent"]["layers"])
        if layers:
            values[f"{label}: layers"] = ", ".join(f"`{name}`" for name in sorted(layers))
    layers = results.one(f"knob-{[label for label, _ in KNOBS].index('balanced, in int8')}")["layers"]
    worst = max(layers, key=lambda layer: layer["quantised"]["weights_lost"])
    return values | {"ltb.layer": f"`{worst['name']}`",
                     "ltb.lost": f"{worst['quantised']['weights_lost']:,}"}


def energy_values(results):
    sim, frame = results.all("energy-horowitz45_int8")
    return {"horowitz.softmax": energy_text(rule_of(sim, SOFTMAX)["energy_uj"]),
            "horowitz.frame": energy_text(frame["energy"]["uj_mean"])}


VALUES = {"marks": marks_values, "fronts": fronts_values, "published": published_values,
          "knobs": knobs_values, "energy": energy_values}

# --- The document ---------------------------------------------------------------------------------

BLOCK = re.compile(r"(<!-- begin (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)
VALUE = re.compile(r"(<!--=(.+?)-->)(.*?)(<!--/-->)", re.DOTALL)


def render(text, results, groups):
    """The document with the numbers of these groups put in; the others stay."""
    values = {}
    for group in groups:
        values |= VALUES.get(group, lambda _: {})(results)
    known = set()

    def block(match):
        if match[2] not in TABLES:
            raise RuntimeError(f"no table is called {match[2]}")
        group, make = TABLES[match[2]]
        return match[1] + make(results) + "\n" + match[3] if group in groups else match[0]

    def value(match):
        known.add(match[2])
        return match[1] + values.get(match[2], match[3]) + match[4]

    text = VALUE.sub(value, BLOCK.sub(block, text))
    missing = known - values.keys()
    if missing and set(groups) == set(GROUPS):
        raise RuntimeError(f"nothing gives {', '.join(sorted(missing))}")
    return text


def differences(before, after):
    if before.count("\n") != after.count("\n"):
        return ["another number of lines"]
    return [f"- {a}\n+ {b}" for a, b in zip(before.splitlines(), after.splitlines()) if a != b]


def draw(results):
    """The figures as they come out, by path in the project."""
    folder = os.path.join(results.work, "figures")
    os.makedirs(folder, exist_ok=True)
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "plot_latency.py")
    subprocess.run([sys.executable, script, results.work, folder], check=True)
    figures = {}
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            figures[os.path.join(os.path.dirname(DOCUMENT), name)] = file.read()
    return figures


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def pages(results, groups):
    """The files of the study as they come out of these groups; the figures need all."""
    made = {DOCUMENT: render(read(DOCUMENT), results, groups)}
    return made | draw(results) if set(groups) == set(GROUPS) else made


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("snnsim")
    parser.add_argument("mnist")
    parser.add_argument("work")
    parser.add_argument("--only", action="append", choices=GROUPS, metavar="GROUP")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--check", action="store_true")
    return parser.parse_args()


def main():
    given = parse()
    groups = given.only or list(GROUPS)
    results = Results(given.snnsim, given.mnist, given.work, given.keep)
    for group in groups:
        results.run_group(group, lambda text: print(text, file=sys.stderr, flush=True))
    made = pages(results, groups)
    if given.check:
        found = [line for path, text in made.items() for line in differences(read(path), text)]
        print("\n".join(found) or "the study says what came out")
        return 1 if found else 0
    for path, text in made.items():
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
