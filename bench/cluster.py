"""What sharing a run costs and brings: cluster.py SNNSIM MODEL [ROUNDS]

One process with one thread against as many ranks as there are processors, a thread each, in turn;
medians. On MNIST where SNN_SHARED names a folder that has it, else on the bundled digits.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

TOOL, MODEL = sys.argv[1:3]
ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 5
RANKS = max(2, len(os.sched_getaffinity(0)))
MNIST = os.path.join(os.environ.get("SNN_SHARED", ""), "mnist", "t10k-images-idx3-ubyte.gz")
WORK = [MODEL, "--encoding", "bernoulli", "--timesteps", "100", "--threads", "1", "-q"]
ENVIRONMENT = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}


def measure(launch, *options):
    """Seconds of the run, of the whole command and of processor time."""
    with tempfile.TemporaryDirectory() as folder:
        result = os.path.join(folder, "result.json")
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        subprocess.run([*launch, TOOL, *WORK, *options, "--json", result], check=True,
                       env=ENVIRONMENT, stdout=subprocess.DEVNULL)
        whole, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        with open(result, encoding="utf-8") as file:
            return json.load(file)["timing"]["seconds"], whole, used


def main():
    data = ["--data", MNIST] if os.path.isfile(MNIST) else []
    shared = ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", str(RANKS)]
    rounds = [(measure([], *data), measure(shared, *data)) for _ in range(ROUNDS)]
    print(f"{'':24} run s  command s  processor s")
    for name, side in (("alone, 1 thread", 0), (f"{RANKS} ranks, 1 thread each", 1)):
        run, whole, used = (statistics.median(pair[side][i] for pair in rounds) for i in range(3))
        print(f"{name:24} {run:5.2f} {whole:10.2f} {used:12.2f}")
    for name, i in (("run", 0), ("command", 1), ("processor time", 2)):
        ratios = [pair[0][i] / pair[1][i] for pair in rounds]
        print(f"{name}: alone takes {statistics.median(ratios):.2f} times as long "
              f"({min(ratios):.2f} to {max(ratios):.2f})")
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")


if __name__ == "__main__":
    main()
