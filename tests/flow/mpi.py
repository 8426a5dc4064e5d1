"""One run by several processes: mpi.py SNNSIM SOURCE_ROOT yes|no (built with MPI)

The same result for any number of ranks, on one machine and on two (network namespaces), whatever
becomes of a rank on the way; and whoever cannot take part is named.
"""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time

import flow

TOOL = os.path.abspath(sys.argv[1])
DIGITS = os.path.join(os.path.abspath(sys.argv[2]), "data", "lenet.json")
BUILT = sys.argv[3] == "yes"

# mpirun refuses root, and more processes than processors, unless it is told.
LAUNCH = ["mpirun", "--oversubscribe", "--bind-to", "none"]
AS_ROOT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
HOST = socket.gethostname()

# Long enough to be interfered with.
LONG = [DIGITS, "--samples", "400", "--timesteps", "500", "--encoding", "bernoulli", "--rule",
        "first", "--threads", "1"]


def environment():
    """Of one job: its own folder for sockets, so that their paths are short."""
    return flow.environment(**AS_ROOT, TMPDIR="/tmp")


def require_mpi():
    if not BUILT:
        raise flow.Skip("built without MPI")
    if shutil.which("mpirun") is None:
        raise flow.Skip("no mpirun here")


class Job:
    """`mpirun -n RANKS COMMAND...` in the place's folder, as long as the block lasts."""

    def __init__(self, place, ranks, command, launch=None):
        require_mpi()
        self.ranks = ranks
        self.command = [*(launch or LAUNCH), "-n", str(ranks), *(str(part) for part in command)]
        self.place = place
        self.process = None

    def __enter__(self):
        self.process = subprocess.Popen(
            self.command, cwd=self.place.folder, env=environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace")
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            for pid in self.pids().values():
                os.kill(pid, signal.SIGKILL)
            self.process.kill()
        self.process.communicate()

    def pids(self):
        """The ranks' processes that are there, by rank."""
        found = {}
        for pid in children(self.process.pid):
            rank = variable(pid, "OMPI_COMM_WORLD_RANK")
            if rank is not None:
                found[int(rank)] = pid
        return found

    def wait_for_work(self):
        """Until every rank has been simulating for a while; returns their processes."""
        limit = time.monotonic() + 30
        while time.monotonic() < limit and self.process.poll() is None:
            pids = self.pids()
            if len(pids) == self.ranks and all(seconds(pid) > 0.25 for pid in pids.values()):
                return pids
            time.sleep(0.02)
        raise flow.Failure(f"no {self.ranks} ranks at work\n{self.finish().stderr}")

    def finish(self):
        try:
            out, err = self.process.communicate(timeout=flow.TIME_LIMIT)
        except subprocess.TimeoutExpired as error:
            raise flow.Failure(f"no end within {flow.TIME_LIMIT} s") from error
        return subprocess.CompletedProcess(self.command, self.process.returncode, out, err)


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


def variable(pid, name):
    try:
        with open(f"/proc/{pid}/environ", encoding="utf-8", errors="replace") as file:
            for entry in file.read().split("\0"):
                if entry.startswith(name + "="):
                    return entry[len(name) + 1:]
    except OSError:
        pass
    return None


def seconds(pid):
    """Of processor time that a process has had."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def share(place, ranks, *arguments):
    """What so many ranks answer."""
    with Job(place, ranks, [TOOL, *arguments]) as job:
        return job.finish()


def document(place, name):
    """A result without what may differ."""
    parts = place.read_json(name)
    flow.require(parts.pop("timing") and parts.pop("host"), "timing and host expected")
    return json.dumps(parts)


def alone(place, *arguments):
    """The result of one process, as alone.json, and how long it takes."""
    start = time.monotonic()
    answer = place.run(*arguments, "--json", "alone.json")
    flow.require(answer.returncode == 0, "success expected", answer)
    return document(place, "alone.json"), time.monotonic() - start


LONG_ALONE = []


def long_alone(place):
    """alone for LONG, once for all tests."""
    if not LONG_ALONE:
        LONG_ALONE.append(alone(place, *LONG))
    return LONG_ALONE[0]


def require_same(place, expected, answer, name="shared.json"):
    flow.require(answer.returncode == 0, "success expected", answer)
    found = document(place, name)
    flow.require(found == expected, f"another result\n{found}\n{expected}", answer)


def own_lines(answer):
    """What snnsim said, without mpirun's own remarks."""
    return [line for line in answer.stderr.splitlines() if line.startswith("snnsim: ")]


# --- The same result ------------------------------------------------------------------------------


def any_ranks(place):
    """any number of ranks, with rules, a sweep, counts and three targets"""
    single = [DIGITS, "--samples", "120", "--timesteps", "30", "--encoding", "bernoulli", "--rule",
              "first@4", "--rule", "membrane:1", "--sweep", "sweep.csv", "--save-counts",
              "counts.npy", "--save-layer-counts", "layers.npz"]
    several = [DIGITS, "--samples", "60", "--offset", "7", "--timesteps", "20", "--rule", "count:2",
               "--target", "sim", "--target", "frame:int8", "--target", "chip:speck2f"]
    files = ("sweep.csv", "counts.npy", "layers.npz")
    expected, _ = alone(place, *single)
    kept = {name: place.contents()[name] for name in files}
    for ranks in (1, 2, 3, 4):
        for name in files:
            os.remove(place.at(name))
        answer = share(place, ranks, *single, "--json", "shared.json")
        require_same(place, expected, answer)
        for name in files:
            flow.require(place.contents()[name] == kept[name], f"another {name}", answer)
    expected, _ = alone(place, *several)
    require_same(place, expected, share(place, 3, *several, "--json", "shared.json"))


def recorded_events(place):
    """recordings of events"""
    chance = random.Random(5)
    os.mkdir(place.at("events"))
    for number in range(30):
        times = sorted(chance.randrange(40000) for _ in range(200))
        place.write(f"events/{number}.bin", b"".join(
            bytes([chance.randrange(4), chance.randrange(4)])
            + (chance.randrange(2) << 23 | time).to_bytes(3, "big") for time in times))
    place.write("events/labels.txt", "".join(f"{i}.bin {i % 3}\n" for i in range(30)))
    options = ["model.json", "--data", "events", "--view", "polarity=merge,cut=0:0:3:3", "--rule",
               "first"]
    expected, _ = alone(place, *options)
    require_same(place, expected, share(place, 3, *options, "--json", "shared.json"))


def threads_are_shared(place):
    """ranks on one machine share its processors"""
    answer = share(place, 2, "model.json", "--json", "-")
    flow.require(answer.returncode == 0, "success expected", answer)
    threads = json.loads(answer.stdout)["host"]["threads"]
    expected = max(1, len(os.sched_getaffinity(0)) // 2)
    flow.require(threads == expected, f"{expected} threads expected, {threads} were started")


# --- Ranks in trouble -----------------------------------------------------------------------------


def slow_rank(place):
    """a slow rank costs no more than it would have done"""
    expected, one_s = long_alone(place)
    with Job(place, 2, [TOOL, *LONG, "--json", "shared.json"]) as job:
        slow = job.wait_for_work()[1]
        start = time.monotonic()
        while job.process.poll() is None:
            signal_if_there(slow, signal.SIGSTOP)
            time.sleep(0.18)
            signal_if_there(slow, signal.SIGCONT)
            time.sleep(0.02)
        needed = time.monotonic() - start
        require_same(place, expected, job.finish())
    # Half of the samples at a tenth of the speed would be five times the time of one process.
    flow.require(needed < 2.5 * one_s, f"{needed:.1f} s, where one process takes {one_s:.1f} s")


def signal_if_there(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def stopped_rank(place):
    """a rank that is stopped for good is named, and the result is there"""
    expected, _ = long_alone(place)
    with Job(place, 3, [TOOL, *LONG, "--json", "shared.json"]) as job:
        os.kill(job.wait_for_work()[1], signal.SIGSTOP)
        answer = job.finish()
    # mpirun of Open MPI 4.1 itself may crash over a job that is aborted; the result is there by then.
    if answer.returncode == -signal.SIGSEGV:
        answer.returncode = 0
    require_same(place, expected, answer)
    flow.require(f"warning: rank 1 on {HOST} does not answer" in answer.stderr, "a name", answer)


def killed_rank(place):
    """a killed rank ends the job, and a checkpoint resumes it with any number of ranks"""
    longer = ["2000" if part == "500" else part for part in LONG]
    expected, _ = alone(place, *longer)
    kept = [*longer, "--checkpoint", "kept", "--json", "shared.json"]
    with Job(place, 3, [TOOL, *kept]) as job:
        pids = job.wait_for_work()
        wait_for_size(place.at("kept"), 5000)
        os.kill(pids[2], signal.SIGKILL)
        start = time.monotonic()
        answer = job.finish()
    flow.require(answer.returncode != 0, "a failure expected", answer)
    flow.require(time.monotonic() - start < 15, "it took too long", answer)
    flow.require("rank 2" in answer.stderr and "signal 9" in answer.stderr, "a name", answer)
    with open(place.at("kept"), "rb") as file:
        half_done = file.read()
    for ranks in (2, 1):
        place.write("kept", half_done)
        require_same(place, expected, share(place, ranks, *kept))
        flow.require(len(place.contents()["kept"]) > len(half_done), "all was done before")
    with open(place.at("kept"), "rb") as file:
        whole = file.read()
    require_same(place, expected, share(place, 3, *kept))
    flow.require(place.contents()["kept"] == whole, "what was done was done again")


def wait_for_size(path, size):
    limit = time.monotonic() + 30
    while not (os.path.exists(path) and os.path.getsize(path) > size):
        flow.require(time.monotonic() < limit, f"{path} is not as large as {size} bytes")
        time.sleep(0.02)


def interrupted(place):
    """what is done when the job is to end is written, and marked"""
    longer = ["5000" if part == "500" else part for part in LONG]
    with Job(place, 2, [TOOL, *longer, "--json", "shared.json"]) as job:
        job.wait_for_work()
        job.process.send_signal(signal.SIGTERM)
        answer = job.finish()
    flow.require(answer.returncode != 0, "a failure expected", answer)
    flow.require("interrupted: " in answer.stderr, "a warning expected", answer)
    result = place.read_json("shared.json")["results"][0]
    flow.require(result["complete"] is False, "an incomplete result expected", answer)


def fast_samples_interrupted(place):
    """records that come in while the result is built are in all of its numbers or in none"""
    count = 1500000
    head = bytes([0, 0, 8, 3]) + b"".join(n.to_bytes(4, "big") for n in (count, 4, 4))
    place.write("many-idx3", head + random.Random(2).randbytes(count * 16))
    place.write("many-idx1", bytes([0, 0, 8, 1]) + count.to_bytes(4, "big") + bytes(count))
    fast = ["model.json", "--data", "many-idx3", "--labels", "many-idx1", "--timesteps", "1",
            "--threads", "1", "--json", "shared.json", "--checkpoint", "kept"]
    with Job(place, 3, [TOOL, *fast]) as job:
        pids = job.wait_for_work()
        wait_for_size(place.at("kept"), 100000)
        os.kill(pids[0], signal.SIGINT)
        answer = job.finish()
    flow.require(answer.returncode == 130, "status 130 expected", answer)
    result = place.read_json("shared.json")["results"][0]
    silent = result["silent"]["count"]
    told = sum(sum(row) for row in result["confusion"])
    flow.require(0 < result["samples"] < count and silent > 0 and result["complete"] is False,
                 f"{result['samples']} samples, {silent} silent", answer)
    flow.require(told + silent == result["samples"],
                 f"{told} told and {silent} silent of {result['samples']}", answer)
    flow.require(result["accuracy"] == result["accuracy_by_step"][-1], "two accuracies", answer)


# --- Ranks that differ, and what cannot be shared -------------------------------------------------


def wrapper(place, odd_rank, command):
    """A script that runs snnsim, but on one rank with another command line."""
    place.write("wrapper.sh", f'#!/bin/sh\n[ "$OMPI_COMM_WORLD_RANK" != {odd_rank} ] || '
                              f'exec {TOOL} {command}\nexec {TOOL} "$@"\n')
    os.chmod(place.at("wrapper.sh"), 0o755)
    return place.at("wrapper.sh")


def require_failure(answer, status, text):
    flow.require(answer.returncode == status, f"status {status} expected", answer)
    flow.require(own_lines(answer) == [f"snnsim: {text}"], f"expected: {text}", answer)


def other_model(place):
    """a rank with another model"""
    changed = flow.model()
    changed["layers"][1]["bias"] = flow.tensor([0.0, 0.0, 0.5], [3])
    place.write("other.json", changed)
    script = wrapper(place, 1, "other.json")
    with Job(place, 2, [script, "model.json", "--json", "shared.json"]) as job:
        require_failure(job.finish(), 65, f"rank 1 on {HOST} runs something else than rank 0 on "
                                          f"{HOST}: another model; another CNN")
    flow.require("shared.json" not in place.files(), "no result expected")


def other_options(place):
    """a rank with other options"""
    script = wrapper(place, 2, "model.json --timesteps 7")
    with Job(place, 3, [script, "model.json"]) as job:
        require_failure(job.finish(), 65, f"rank 2 on {HOST} runs something else than rank 0 on "
                                          f"{HOST}: timesteps 7 there, 100 here")


def missing_data(place):
    """a rank without the data"""
    script = wrapper(place, 1, "model.json --data nowhere-idx3")
    with Job(place, 2, [script, "model.json"]) as job:
        require_failure(job.finish(), 66,
                        f"rank 1 on {HOST}: nowhere-idx3: no such file or folder")


def said_once(place):
    """what goes wrong everywhere is said once"""
    require_failure(share(place, 3, "nowhere.json"), 66, "nowhere.json: no such file or folder")
    answer = share(place, 3, "--help")
    flow.require(answer.stdout.count("snnsim - run") == 1, "one help expected", answer)
    flow.require("\033" not in answer.stdout, "colour, though this is no terminal", answer)


def devices_are_refused(place):
    """devices are refused"""
    answer = share(place, 2, DIGITS, "--target", "vdev:speck2f")
    require_failure(answer, 64,
                    "--target: vdev:speck2f is a device, which 2 processes cannot share")


def built_without(place):
    """a build without MPI does not do a shared job once a process"""
    if BUILT:
        raise flow.Skip("built with MPI")
    answer = place.run("model.json", env=flow.environment(OMPI_COMM_WORLD_SIZE="2",
                                                          OMPI_COMM_WORLD_RANK="0"))
    require_failure(answer, 64, "started as one of several processes, but built without MPI")


# --- Two machines ---------------------------------------------------------------------------------


def run(*command):
    subprocess.run(command, check=True, capture_output=True)


def two_hosts(place):
    """two machines: network namespaces with a cable between them"""
    require_mpi()
    if os.geteuid() != 0 or shutil.which("ip") is None:
        raise flow.Skip("takes root and ip")
    number = os.getpid()
    names = [f"snn{number}a", f"snn{number}b"]
    made = []
    try:
        for name in names:
            run("ip", "netns", "add", name)
            made.append(name)
        run("ip", "link", "add", f"v{number}a", "netns", names[0], "type", "veth", "peer", "name",
            f"v{number}b", "netns", names[1])
        for name, end, address in zip(names, "ab", (1, 2)):
            run("ip", "-n", name, "addr", "add", f"10.213.7.{address}/24", "dev", f"v{number}{end}")
            run("ip", "-n", name, "link", "set", "lo", "up")
            run("ip", "-n", name, "link", "set", f"v{number}{end}", "up")
        run_on_hosts(place, names)
    except (OSError, subprocess.CalledProcessError) as error:
        raise flow.Skip(f"no network namespaces here: {getattr(error, 'stderr', error)}") from error
    finally:
        for name in made:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def run_on_hosts(place, names):
    enter = "ip netns exec {} unshare --uts sh -c 'hostname {}; exec \"$@\"' sh "
    place.write("agent.sh", "#!/bin/sh\nshift\nset -- sh -c \"$*\"\nexec "
                + enter.format(names[1], "snn-other") + '"$@"\n')
    place.write("first.sh", "#!/bin/sh\nexec " + enter.format(names[0], "snn-one") + '"$@"\n')
    place.write("hosts", "10.213.7.1 slots=1\n10.213.7.2 slots=2\n")
    for script in ("agent.sh", "first.sh"):
        os.chmod(place.at(script), 0o755)
    launch = [place.at("first.sh"), *LAUNCH, "--hostfile", "hosts", "--mca", "plm_rsh_agent",
              place.at("agent.sh")]
    for key in ("btl_tcp_if_include", "oob_tcp_if_include"):
        launch += ["--mca", key, "10.213.7.0/24"]
    options = [DIGITS, "--timesteps", "20", "--rule", "first", "--target", "sim", "--target",
               "frame:f32"]
    expected, _ = alone(place, *options)
    with Job(place, 3, [TOOL, *options, "--json", "shared.json"], launch) as job:
        require_same(place, expected, job.finish())
    script = wrapper(place, 2, "nowhere.json")
    with Job(place, 3, [script, *options], launch) as job:
        require_failure(job.finish(), 66,
                        "rank 2 on snn-other: nowhere.json: no such file or folder")


TESTS = [any_ranks, recorded_events, threads_are_shared, slow_rank, stopped_rank, killed_rank,
         interrupted, fast_samples_interrupted, other_model, other_options, missing_data, said_once, devices_are_refused,
         built_without, two_hosts]


if __name__ == "__main__":
    sys.exit(flow.report(flow.named(TESTS), TOOL))
