"""What the output means, for the oracle: predictions, first spikes, decision rules, the numbers of
a result, by the definitions of docs/semantics.md.

Leading axes are sample and step; the last is the class.
"""

import dataclasses

import numpy as np

import snn_lower
import snn_oracle

NO_CLASS = -1
CONFUSION_CLASSES_MAX = 1024
STATIC_MW_SECOND_UJ = 1000.0


@dataclasses.dataclass
class Readout:
    counts: np.ndarray      # spikes up to and including each step
    potential: np.ndarray   # residual
    integrated: np.ndarray  # spikes and residual potential, in thresholds folded into the weights
    threshold: np.ndarray   # [class] the unit of the rule `membrane`
    scale: np.ndarray       # [class] the CNN's units
    fires: bool


def by_class(population, values):
    """What a population's neurons have each or all alike, as float64 [class]."""
    return np.broadcast_to(values, population.shape).reshape(-1).astype(np.float64)


def make_readout(population, spikes, potential, gain):
    shape = (*spikes.shape[:2], -1)
    counts = np.cumsum(spikes.reshape(shape), axis=1, dtype=np.float64)
    potential = potential.reshape(shape).astype(np.float64)
    fires = bool((population.threshold < snn_lower.NEVER).all())
    unit = np.float64(population.chip.scale) if population.chip else 1.0
    threshold = by_class(population, population.threshold if fires else gain * unit)
    rows_columns = population.shape[1] * population.shape[2]
    integrated = (counts * threshold if fires else 0.0) + potential
    integrated = integrated - by_class(population, population.v_init)
    return Readout(counts, potential, integrated, threshold,
                   np.repeat(population.scale, rows_columns) / unit, fires)


def best_class(counts, potential):
    """Most spikes, then the highest residual potential, then the lowest index."""
    candidates = np.flatnonzero(counts == counts.max())
    return int(candidates[np.argmax(potential[candidates])])


def predictions(readout):
    """[sample][step]; NO_CLASS where a firing readout has not spiked yet."""
    samples, steps, _ = readout.counts.shape
    out = np.full((samples, steps), NO_CLASS)
    for place in np.ndindex(samples, steps):
        if not readout.fires or readout.counts[place].any():
            out[place] = best_class(readout.counts[place], readout.potential[place])
    return out


# ---- Rules ----

def split_rule(text):
    """("count", 3.0, gain or None) of "count:3@4"."""
    head, _, gain = text.partition("@")
    kind, _, parameter = head.partition(":")
    return kind, float(parameter or 0), float(gain) if gain else None


def lead(values):
    """By how much the largest exceeds the second; a single class has only 0 beside it."""
    if len(values) == 1:
        return values[0]
    second, first = np.sort(values)[-2:]
    return first - second


def softmax_max(logits):
    return 1.0 / np.exp(logits - logits.max()).sum()


def certainty(logits):
    """1 - H / ln C of their softmax."""
    if len(logits) == 1:
        return 1.0
    shares = np.exp(logits - logits.max())
    shares /= shares.sum()
    shares = shares[shares > 0]
    return 1.0 + (shares * np.log(shares)).sum() / np.log(len(logits))


def decides(kind, parameter, readout, place, right):
    """Whether a rule is met after a step; `right`: whether the prediction is."""
    counts, integrated = readout.counts[place], readout.integrated[place]
    if kind == "oracle":
        return right
    if kind == "all":
        return place[1] == readout.counts.shape[1] - 1 and (counts.any() or not readout.fires)
    if kind == "entropy":
        return certainty(integrated * readout.scale) >= parameter
    if kind == "first":
        return counts.any()
    if kind == "count":
        return counts.max() >= parameter
    if kind == "margin":
        return lead(counts) >= parameter
    if kind == "membrane":
        return lead(integrated / readout.threshold) >= parameter
    return softmax_max(integrated * readout.scale) >= parameter


def decide(text, readout, final, labels=None):
    """Per sample: (step counted from 1, class, whether the rule decided). `final` [sample] are the
    classes of those that it leaves undecided; `labels` are for the oracle."""
    kind, parameter, _ = split_rule(text)
    steps, predicted = readout.counts.shape[1], predictions(readout)
    out = []
    for sample, undecided in enumerate(final):
        met = [t for t in range(steps)
               if decides(kind, parameter, readout, (sample, t),
                          labels is not None and predicted[sample, t] == labels[sample])]
        if not met:
            out.append((steps, int(undecided), False))
            continue
        choice = predicted[sample, met[0]]
        if kind in ("membrane", "softmax", "entropy"):
            values = readout.integrated[sample, met[0]]
            choice = np.argmax(values / readout.threshold if kind == "membrane"
                               else values * readout.scale)
        out.append((met[0] + 1, int(choice), True))
    return out


# ---- Results ----

def percentile(values, share):
    """The smallest value that at least this share do not exceed."""
    ordered = sorted(values)
    return ordered[max(int(np.ceil(share * len(ordered))) - 1, 0)]


def cumulated(activities, name):
    return np.cumsum(sum(getattr(activity, name) for activity in activities), axis=1)


def accuracy(chosen, labels):
    return float(np.mean(np.asarray(chosen) == labels)) if labels is not None else None


def silent_layers(activities, x, sample):
    """The name of the first layer without a spike."""
    if not x[sample].any():
        return "input"
    return next(a.name for a in activities if not a.spikes[sample].any())


def energy_uj(profile, synops, updates, io_events, macs, seconds):
    picojoules = (synops * profile["synop_pj"] + updates * profile["update_pj"] +
                  io_events * profile["io_event_pj"] + macs * profile["mac_pj"])
    return picojoules * 1e-6 + profile["static_mw"] * seconds * STATIC_MW_SECOND_UJ


class Costs:
    """Cumulated per sample and step, for SynOps and energy until a decision."""

    def __init__(self, activities, x, analog, neurons, accounting, profile, dt_us):
        inputs = np.zeros(x.shape[:2]) if analog else x.sum(axis=(2, 3, 4), dtype=np.float64)
        outputs = activities[-1].spikes.sum(axis=(2, 3, 4), dtype=np.float64)
        self.synops = cumulated(activities, "synops" if accounting == "exact" else "sinabs")
        self.macs = cumulated(activities, "macs")
        self.io_events = np.cumsum(inputs + outputs, axis=1)
        self.neurons, self.profile, self.dt_us = neurons, profile, dt_us

    def at(self, sample, steps):
        place = (sample, steps - 1)
        return (self.synops[place],
                energy_uj(self.profile, self.synops[place], self.neurons * steps,
                          self.io_events[place], self.macs[place], steps * self.dt_us * 1e-6))

    def means(self, decisions):
        return np.mean([self.at(i, step) for i, (step, _, _) in enumerate(decisions)], axis=0)

    def means_of_decided(self, decisions):
        return np.mean([self.at(i, step) for i, (step, _, decided) in enumerate(decisions)
                        if decided], axis=0)


def rule_results(rules, readouts, final, labels, costs):
    out = []
    for text in rules:
        decisions = decide(text, readouts[split_rule(text)[2]], final, labels)
        synops, energy = costs.means(decisions)
        steps = [d[0] for d in decisions]
        out.append({"rule": text, "accuracy": accuracy([d[1] for d in decisions], labels),
                    "steps_mean": np.mean(steps), "steps_p50": percentile(steps, 0.5),
                    "steps_p95": percentile(steps, 0.95), "synops_mean": synops,
                    "energy_uj": energy, "undecided": sum(not d[2] for d in decisions),
                    "steps_histogram": histogram(decisions, readouts[None])})
    return out


def histogram(decisions, readout):
    """How many samples were decided after each step."""
    steps = [step for step, _, decided in decisions if decided]
    return [steps.count(t + 1) for t in range(readout.counts.shape[1])]


def first_spike(decisions, labels, own, costs):
    steps = [step for step, _, decided in decisions if decided]
    synops, energy = costs.means_of_decided(decisions) if steps else (None, None)
    return {"accuracy": accuracy([d[1] for d in decisions], labels), "samples": len(steps),
            "steps_mean": np.mean(steps) if steps else None,
            "steps_p50": percentile(steps, 0.5) if steps else None,
            "steps_p95": percentile(steps, 0.95) if steps else None,
            "steps_histogram": histogram(decisions, own), "synops_mean": synops,
            "energy_uj": energy}


def make_readouts(populations, activities, options, rules):
    """The net's own readout under None, and one for each gain that a rule asks for."""
    output, activity = populations[-1], activities[-1]
    readouts = {None: make_readout(output, activity.spikes, activity.potential,
                                   options.output_gain)}
    for gain in {split_rule(text)[2] for text in rules} - {None}:
        population = snn_lower.readout(output, options, gain)
        readouts[gain] = make_readout(population, *snn_oracle.read_out(population, activity), gain)
    return readouts


def layer_results(populations, activities, accounting):
    samples, steps = activities[0].events.shape
    out = []
    for population, activity in zip(populations, activities):
        neurons = int(np.prod(population.shape))
        synops = activity.synops if accounting == "exact" else activity.sinabs
        out.append({"name": population.name, "neurons": neurons,
                    "spikes_mean": activity.spikes.sum(dtype=np.float64) / samples,
                    "events_mean": activity.events.sum() / samples,
                    "synops_mean": synops.sum() / samples, "updates_mean": neurons * steps,
                    "input_macs_mean": activity.macs.sum() / samples, "macs": population.macs})
    return out


def label_results(predicted, silent, labels, classes):
    """The members of a result that need labels."""
    if labels is None:
        return {"accuracy": None, "balanced_accuracy": None, "accuracy_without_silent": None,
                "accuracy_by_step": [None] * predicted.shape[1]}
    right = predicted == labels[:, None]
    spoke = ~np.array(silent)
    confusion = None
    if classes <= CONFUSION_CLASSES_MAX:
        confusion = np.zeros((classes, classes), int)
        np.add.at(confusion, (labels[spoke], predicted[spoke, -1]), 1)
        confusion = confusion.tolist()
    return {"accuracy": right[:, -1].mean(),
            "balanced_accuracy": np.mean([right[labels == k, -1].mean() for k in set(labels)]),
            "accuracy_without_silent": right[spoke, -1].mean() if spoke.any() else None,
            "accuracy_by_step": list(right.mean(axis=0)), "confusion": confusion}


def result(populations, activities, x, options, rules=(), labels=None, analog=False,
           accounting="exact", profile=None, dt_us=1000.0, offset=0):
    """What snnsim's JSON result must say of a run, as far as the net alone decides it."""
    readouts = make_readouts(populations, activities, options, rules)
    own = readouts[None]
    predicted = predictions(own)
    silent = [own.fires and not counts.any() for counts in own.counts[:, -1]]
    neurons = sum(int(np.prod(population.shape)) for population in populations)
    costs = Costs(activities, x, analog, neurons, accounting, profile, dt_us)
    first = decide("first", own, np.full(len(x), NO_CLASS))
    by_rule = rule_results(rules, readouts, predicted[:, -1], labels, costs)
    until, energy_until = costs.means(first)
    if rules:
        until, energy_until = by_rule[0]["synops_mean"], by_rule[0]["energy_uj"]
    synops, energy = costs.means([(x.shape[1], 0, True)] * len(x))
    indices = [int(i) for i in np.flatnonzero(silent)]
    return {
        **label_results(predicted, silent, labels, own.counts.shape[2]),
        "first_spike": first_spike(first, labels, own, costs), "rules": by_rule, "sweep": None,
        "steps_mean": x.shape[1],
        "silent": {"count": len(indices), "indices": [offset + i for i in indices],
                   "layers": [silent_layers(activities, x, i) for i in indices]},
        "layers": layer_results(populations, activities, accounting),
        "input_spikes_mean": 0.0 if analog else x.sum(dtype=np.float64) / len(x),
        "synops_mean": synops, "macs_mean": costs.macs[:, -1].mean(),
        "synops_until_decision_mean": until,
        "energy": {"uj_mean": energy, "uj_until_decision_mean": energy_until},
    }
