"""Decisions and what they cost: the sweep, samples that end early, the oracle. decisions.py SNNSIM

On the bundled digits. A sweep's rows and runs that end early must say what a whole run with the one
rule says.
"""

import csv
import json
import os
import sys

from flow import gz, images, named, report, require

MODEL = os.path.join(os.path.dirname(__file__), "..", "..", "data", "lenet.json")
RUN = ("-q", "--samples", 60, "--timesteps", 24, "--json", "-")
# What is of the decision alone, whoever else decides and however long the run goes on.
DECISION = ("accuracy", "steps_mean", "steps_p50", "steps_p95", "synops_mean", "energy_uj",
            "undecided")


def run(place, *arguments, encoding="bernoulli"):
    answer = place.run(MODEL, *RUN, "--encoding", encoding, *arguments)
    require(answer.returncode == 0, "snnsim failed", answer)
    return json.loads(answer.stdout)["results"][0]


def same(found, expected, members, what):
    for member in members:
        require(found[member] == expected[member],
                f"{what}: {member} is {found[member]}, not {expected[member]}")


def rows_of(place, name):
    with open(place.at(name), encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def check_rows(place, *options):
    """Every row against a run with the rules of all rows, and the file against the JSON."""
    swept = run(place, *options, "--sweep", "sweep.csv", "--rule", "count:7@3")
    rows = swept["sweep"]
    require(len(rows) > 55, f"{len(rows)} rows")
    require("count:7@3" in {row["rule"] for row in rows}, "a rule of --rule is missing")
    for begin in range(0, len(rows), 20):
        part = rows[begin:begin + 20]
        rules = [text for row in part for text in ("--rule", row["rule"])]
        for row, alone in zip(part, run(place, *options, *rules)["rules"]):
            same(row, alone, DECISION, row["rule"])
    lines = rows_of(place, "sweep.csv")
    require([line["rule"] for line in lines] == [row["rule"] for row in rows], "other rows")
    for line, row in zip(lines, rows):
        same({member: float(line[member]) for member in DECISION}, row, DECISION, line["rule"])
        require(line["pareto"] == (row["pareto"] or ""), f"{line['rule']}: {line['pareto']}")
        require((line["target"], line["semantics"]) == (swept["target"], swept["semantics"]), line)
    return rows


def rows_are_runs(place):
    """each row of a sweep is what a run with that rule alone gives"""
    rows = check_rows(place)
    require([row for row in rows if row["rule"] == "first@4"], "no first@4")
    for line in ("all", "oracle"):
        require(sum(row["rule"] == line for row in rows) == 1, f"not one row {line}")
    for row in rows:
        alone = run(place, "--rule", row["rule"])["rules"][0]
        same(row, alone, DECISION, row["rule"])


def sweep_of_membranes(place):
    """a sweep where the output only integrates gives rules on spikes readouts of their own"""
    rows = check_rows(place, "--readout", "membrane")
    require({"count:3@1", "margin:2@1", "first@1", "softmax:0.9"} <= {row["rule"] for row in rows},
            "rules are missing")


def sweep_of_both(place):
    """a sweep of several targets has the rows of all, each with a front of its own"""
    answer = place.run(MODEL, *RUN, "--encoding", "bernoulli", "--semantics", "both", "--arith",
                       "both", "--sweep", "sweep.csv")
    require(answer.returncode == 0, "snnsim failed", answer)
    lines = rows_of(place, "sweep.csv")
    kinds = [(*timing, arith) for timing in (("sync", ""), ("async", "interleave"))
             for arith in ("float", "chip")]
    for kind in kinds:
        mine = [line for line in lines
                if (line["semantics"], line["order"], line["arith"]) == kind]
        require(len(mine) * len(kinds) == len(lines), f"{kind}: {len(mine)} of {len(lines)} rows")
        require(any(line["pareto"] for line in mine), f"{kind}: no front")


def front_is_not_beaten(place):
    """rows of the front are beaten by none, others by one; the oracle is on none"""
    rows = run(place, "--sweep", "sweep.csv")["sweep"]
    rules = [row for row in rows if row["rule"] != "oracle"]
    require([row["pareto"] for row in rows if row["rule"] == "oracle"] == [None], "oracle on it")
    for name, cost in (("steps", "steps_mean"), ("synops", "synops_mean")):
        for row in rules:
            beaten = any(other["accuracy"] >= row["accuracy"] and other[cost] <= row[cost] and
                         (other["accuracy"] > row["accuracy"] or other[cost] < row[cost])
                         for other in rules)
            require(beaten == (row["pareto"] not in (name, "both")), f"{name}: {row}")


def histograms_add_up(place):
    """histograms hold every decided sample, and means and quantiles are theirs"""
    found = run(place, "--rule", "count:3", "--rule", "margin:20", "--rule", "oracle")
    first = found["first_spike"]
    for row, undecided, everybody in [(row, row["undecided"], 60) for row in found["rules"]] + \
            [(first, 0, first["samples"])]:
        bins = row["steps_histogram"]
        steps = [t + 1 for t, count in enumerate(bins) for _ in range(count)] + [24] * undecided
        require(len(bins) == 24 and len(steps) == everybody, f"{row}")
        require(abs(sum(steps) / len(steps) - row["steps_mean"]) < 1e-12, f"{row}")
        require((steps[(len(steps) + 1) // 2 - 1], steps[-(-len(steps) * 19 // 20) - 1]) ==
                (row["steps_p50"], row["steps_p95"]), f"{row}")
    require(found["rules"][1]["undecided"] > 0, "margin:20 was always decided")


def early_ends_decide_alike(place):
    """samples that end with their decision have the decisions and costs of a whole run"""
    rules = ("--rule", "first@4", "--rule", "margin:2", "--rule", "softmax:0.999")
    for encoding, *options in (("bernoulli",), ("bernoulli", "--semantics", "async"),
                               ("bernoulli", "--synops", "sinabs-0.3.3"), ("rate",), ("ttfs",)):
        whole = run(place, *options, *rules, encoding=encoding)
        early = run(place, *options, *rules, "--until-decided", encoding=encoding)
        for a, b in zip(early["rules"], whole["rules"]):
            same(a, b, (*DECISION, "steps_histogram"), f"{options} {a['rule']}")
        require(early["first_spike"] is None, "a first spike where rules end the samples")
        longest = max(row["steps_mean"] for row in whole["rules"])
        require(longest <= early["steps_mean"] < 24, f"{options}: {early['steps_mean']} steps")
        require(early["accuracy"] == whole["rules"][0]["accuracy"], "accuracy of another rule")
        require(early["synops_mean"] < whole["synops_mean"], "SynOps of a whole run")


def early_ends_without_rules(place):
    """without a rule samples end with the first output spike"""
    whole, early = run(place), run(place, "--until-decided")
    require(early["first_spike"] == whole["first_spike"], f"{early['first_spike']}")
    require(early["steps_mean"] == whole["first_spike"]["steps_mean"], f"{early['steps_mean']}")
    require(early["synops_mean"] == whole["synops_until_decision_mean"], "other SynOps")
    require(early["accuracy_by_step"][-1] == early["accuracy"] ==
            whole["first_spike"]["accuracy"], "another accuracy")
    updates = sum(layer["neurons"] for layer in early["layers"]) * early["steps_mean"]
    found = sum(layer["updates_mean"] for layer in early["layers"])
    require(abs(found - updates) < 1e-6 * updates, f"{found} updates, not {updates}")


def one_rule_is_its_cost(place):
    """a run that ends with its only rule costs what that rule costs"""
    found = run(place, "--rule", "first@4", "--until-decided")
    require(found["rules"][0]["undecided"] == 0, "some are undecided")
    same(found, {**found["rules"][0], "energy_uj": None},
         ("accuracy", "steps_mean", "synops_mean"), "first@4")
    require(found["energy"]["uj_mean"] == found["rules"][0]["energy_uj"], "another energy")
    require(found["silent"]["count"] == 0, "silent samples")


def saved_counts_end(place):
    """saved counts are 0 behind the end of a sample, and the same before"""
    def counts(*arguments):
        run(place, "--rule", "first@4", "--save-counts", "counts.npy", *arguments)
        with open(place.at("counts.npy"), "rb") as file:
            data = file.read()[-60 * 24 * 10 * 4:]
        return [data[i * 960:(i + 1) * 960] for i in range(60)]
    for early, whole in zip(counts("--until-decided"), counts()):
        kept = early.rstrip(b"\0")
        require(whole.startswith(kept) and len(kept) < len(whole), "other counts")


def threads_do_not_show(place):
    """sweeps and early ends are the same on any number of threads"""
    for options in (("--sweep", "sweep.csv"), ("--rule", "first@4", "--until-decided")):
        one, three = (run(place, *options, "--threads", n) for n in (1, 3))
        require(one == three, f"{options}")


def labels_are_needed(place):
    """sweep and oracle are refused without labels, before the run"""
    place.write("unknown-idx3.gz", gz(images(3, 28, 28)))
    for options, name in ((("--rule", "oracle"), "--rule oracle"),
                          (("--sweep", "s.csv"), "--sweep")):
        answer = place.run(MODEL, "-d", "unknown-idx3.gz", *options)
        require(answer.returncode == 64, "another status", answer)
        require(f"{name}: unknown-idx3.gz has no labels" in answer.stderr, "another text", answer)
        require("--labels FILE" in answer.stderr, "no hint", answer)
    require("s.csv" not in place.files(), "a file is there")


def wrong_combinations(place):
    """what does not go together is refused by name"""
    for options, text in (
            (("--sweep", "s.csv", "--until-decided"), "--until-decided: ends samples before"),
            (("--sweep", "-"), "--sweep: goes into a file"),
            (("--sweep", "s.csv", "--target", "frame:f32"), "--sweep: frame-based targets"),
            (("--until-decided", "--target", "frame:f32"), "--until-decided: frame-based targets"),
            (("--sweep", "s.json", "--json", "s.json"), "s.json is --sweep too")):
        answer = place.run(MODEL, *options)
        require(answer.returncode == 64 and text in answer.stderr, f"{options}", answer)


def main():
    tests = [rows_are_runs, sweep_of_membranes, sweep_of_both, front_is_not_beaten,
             histograms_add_up, early_ends_decide_alike, early_ends_without_rules,
             one_rule_is_its_cost, saved_counts_end, threads_do_not_show, labels_are_needed,
             wrong_combinations]
    return report(named(tests), sys.argv[1])


if __name__ == "__main__":
    sys.exit(main())
