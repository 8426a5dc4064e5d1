"""The oracle's asynchronous runs as activities, which snn_decode.py makes results of: what the log
of snn_async.py adds up to, step by step."""

import dataclasses

import numpy as np

import snn_oracle
from snn_async import Cells, Net, arrivals

F32 = np.float32


@dataclasses.dataclass
class AsyncActivity(snn_oracle.Activity):
    visits: list = None  # of this population: [sample] of (step, neurons, weights)

    def read_out(self, population):
        """Spikes and potentials of a further readout."""
        spikes, potential = np.zeros_like(self.spikes), np.zeros_like(self.potential)
        for sample, visits in enumerate(self.visits):
            cells, steps = Cells(population), [[] for _ in range(spikes.shape[1])]
            for step, *visit in visits:
                steps[step].append(visit)
            for step, visits_of_step in enumerate(steps):
                for neurons, weights in visits_of_step:
                    np.add.at(spikes[sample, step].reshape(-1), cells.visit(neurons, weights), 1)
                potential[sample, step] = cells.v.reshape(population.shape)
        return spikes, potential


def add_up(activities, net, sample, known):
    """The log of a sample into the activities of all populations."""
    for step, index, place in net.spikes:
        activities[index].spikes[sample, step][place] += 1
    for step, index, branch, neurons, weights in net.visits:
        activity = activities[index]
        if len(neurons):
            activity.visits[sample].append((step, neurons, weights))
        if branch is None:
            continue
        if id(branch) not in known:
            known[id(branch)] = snn_oracle.count_sinabs(np.ones((1, 1, 1, 1), F32), branch)[0]
        activity.events[sample, step] += 1
        activity.synops[sample, step] += len(neurons)
        activity.sinabs[sample, step] += known[id(branch)]
    for step, potentials in enumerate(net.potentials):
        for activity, v in zip(activities, potentials):
            activity.potential[sample, step] = v.reshape(activity.potential.shape[2:])


def simulate(populations, x, order, seed=0, offset=0, streams=None):
    """Runs x [sample][step][channels][rows][columns]: one Activity a population. `streams`
    [sample][step] are the events (time, address, place) as they were recorded."""
    samples, steps = x.shape[:2]
    net, activities, known = Net(populations, x.shape[2:]), [], {}
    for p in populations:
        counts = [np.zeros((samples, steps)) for _ in range(4)]
        activities.append(AsyncActivity(
            p.name, np.zeros((samples, steps, *p.shape), F32),
            np.zeros((samples, steps, *p.shape), F32), None, *counts,
            visits=[[] for _ in range(samples)]))
    for i in range(samples):
        net.reset()
        for step in range(steps):
            net.run_step(streams[i][step] if streams
                         else arrivals(x[i, step], order, seed, offset + i, step))
        add_up(activities, net, i, known)
    return activities
