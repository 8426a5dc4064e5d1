#!/usr/bin/env python3
"""Plays events.csv on a development kit through the vendor's library, and compares the spikes of
each class with those of the simulator in expected.csv.

    play.py DEVICE [SAMPLE ...]      for instance: play.py Speck2fDevKit:0 0 1 2

DEVICE is what samna.device.open_device takes; without samples all are played. See README.md.
"""

import csv
import json
import os
import sys
import time

FOLDER = os.path.dirname(os.path.abspath(__file__))
START_US = 5000  # the stop watch runs this long before the first event is due
MARGIN_S = 0.1  # for the last spikes on their way to the host


def read_config():
    with open(os.path.join(FOLDER, "config.json"), encoding="utf-8") as file:
        return json.load(file)


def read_rows(name):
    """Rows of a table, whole numbers by their columns' names, grouped by sample."""
    samples = {}
    with open(os.path.join(FOLDER, name), newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            row = {key: int(value) for key, value in row.items()}
            samples.setdefault(row["sample"], []).append(row)
    return samples


def assign(target, members):
    """Sets the members of a configuration object, and of the objects in it."""
    for name, value in members.items():
        if not hasattr(target, name):
            sys.exit(f"{type(target).__name__} has no member {name} in this version of samna")
        if isinstance(value, dict):
            assign(getattr(target, name), value)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for part, part_members in zip(getattr(target, name), value):
                assign(part, part_members)
        else:
            setattr(target, name, value)


def all_false(value):
    return [all_false(part) for part in value] if isinstance(value, list) else False


def assign_core(core, members):
    assign(core, members)
    # DynapCNN and the first Specks can turn single words off; none is.
    for bits, of in (("weights_kill_bit", "weights"), ("biases_kill_bit", "biases"),
                     ("neurons_value_kill_bit", "neurons_initial_value")):
        if hasattr(core, bits):
            setattr(core, bits, all_false(members[of]))


def make_configuration(module, config):
    """The vendor's configuration object with everything that config.json says."""
    classes = module.configuration
    root = (classes.SpeckConfiguration if hasattr(classes, "SpeckConfiguration")
            else classes.DynapcnnConfiguration)()
    given = config["configuration"]
    for core, members in zip(root.cnn_layers, given["cnn_layers"]):
        if members is not None:
            assign_core(core, members)
    for name in ("dvs_layer", "readout"):
        if name in given:
            assign(getattr(root, name), given[name])
    return root


def make_spike(module, row):
    spike = module.event.Spike()
    spike.layer, spike.feature = row["layer"], row["feature"]
    spike.x, spike.y = row["x"], row["y"]
    spike.timestamp = START_US + row["timestamp_us"]
    return spike


def class_of(config, spike):
    """The class that a monitored spike is one of; None for spikes of other layers."""
    for output in config["outputs"]:
        if spike.layer == output["layer"]:
            feature = (spike.feature + output["feature_shift"]) // config["readout_spread"]
            size, pooling = config["output_size"], output["pooling"]
            return (feature * size["y"] + spike.y // pooling) * size["x"] + spike.x // pooling
    return None


def start_clock(device):
    """The stop watch, whose time releases events and stamps spikes, from 0 on."""
    watch = device.get_stop_watch()
    watch.set_enable_value(True)
    watch.reset()


def start_leak(device, config):
    """The slow clock, each of whose cycles adds the biases once: one a step."""
    cores = config["configuration"]["cnn_layers"]
    if any(core is not None and core["leak_enable"] for core in cores):
        io = device.get_io_module()
        io.set_slow_clk_rate(round(1e6 / config["dt_us"]))
        io.set_slow_clk(True)


def play(samna, device_name, chosen):
    config, events, expected = read_config(), read_rows("events.csv"), read_rows("expected.csv")
    module = getattr(samna, config["chip"])
    configuration = make_configuration(module, config)
    valid, why = module.validate_configuration(configuration)
    if not valid:
        sys.exit(f"the library finds the configuration not valid: {why}")
    device = samna.device.open_device(device_name)
    sink = samna.graph.sink_from(device.get_model_source_node())
    source = samna.graph.source_to(device.get_model_sink_node())
    start_leak(device, config)
    equal = 0
    for sample in chosen or sorted(expected):
        row = expected[sample][0]
        # Potentials begin anew with each configuration.
        device.get_model().apply_configuration(configuration)
        time.sleep(1)
        sink.get_events()
        start_clock(device)
        source.write([make_spike(module, event) for event in events.get(sample, [])])
        # As long as the input lasts, whatever comes: never until nothing comes any more.
        time.sleep((START_US + row["timesteps"] * config["dt_us"]) * 1e-6 + MARGIN_S)
        counts = [0] * config["class_count"]
        for spike in sink.get_events():
            found = class_of(config, spike) if hasattr(spike, "feature") else None
            if found is not None:
                counts[found] += 1
        wanted = [row[f"class_{i}"] for i in range(config["class_count"])]
        equal += counts == wanted
        print(f"sample {sample}: class {counts.index(max(counts))}, label {row['label']}, "
              f"spikes {counts}" + ("" if counts == wanted else f", in simulation {wanted}"))
    print(f"{equal} of {len(chosen or expected)} samples as in simulation")
    samna.device.close_device(device)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    import samna  # the vendor's library: pip install samna
    play(samna, sys.argv[1], [int(sample) for sample in sys.argv[2:]])


if __name__ == "__main__":
    main()
