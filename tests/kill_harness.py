"""Kill training with SIGKILL at random moments, resume it, and compare the end with an uninterrupted run, bit for bit.

::

    python tests/kill_harness.py --kills 50 --seed 0                # a line a kill, a summary; exit code 0 if all agree
    python tests/kill_harness.py --kills 500 --seed 1 --keep /tmp/k # keeps the folders

A small network (12 inputs, 4 hidden units, 3 outputs) trains in blocks so short that writing a checkpoint is as likely to be
hit as simulating. Every second kill waits for the next writing and hits that. After a kill

1. a copy of the folder is resumed to the end and compared: every variable of ``run.nc`` (weights, spikes, learning curve,
   probes), every array of the last checkpoint (the whole state) and every record of the log but the wall time;
2. the folder itself is resumed, for the next kill, so that runs are killed again and again; one that ends starts anew.

What a line says: the moment of the kill, what it hit (seen from what is left in the folder), the last checkpoint, the result.
The processes that train are forked from a server that has imported everything, so that a kill hits training, not imports.
"""

import argparse
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from brian2 import ms, second
from superspike_brian.tasks import SpikePattern, Task

from superspike_brian import results
from superspike_brian.files.arrays import read_archive
from superspike_brian.results.folder import RunFolder
from superspike_brian.runs import training

SCHEDULE = {"burn_in": 1 * second, "block": 0.1 * second, "snapshot_every": 1.5 * second}
DURATION = 5 * second

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["superspike_brian.runs.training", "superspike_brian.results", "xarray", "h5netcdf"])


def poisson_task(n_in=12, n_out=3, seed=0):
    """Inputs at 30 Hz, targets at 15 Hz, in a loop of 0.2 s."""
    rng, sides = np.random.default_rng(seed), []
    for n, rate in ((n_in, 30), (n_out, 15)):
        steps, ids = np.nonzero(rng.random((2000, n)) < rate * 1e-4)
        sides.append(SpikePattern(n, ids, steps * 1e-4 * second, 200 * ms))
    return Task("poisson", *sides, "made for a test")


def go_on(out, build_dir, messages=os.devnull):
    """Begin the run in `out`, or continue it; what a killed process executes."""
    with open(messages, "a") as stream:
        os.dup2(stream.fileno(), 2)
    if (out / "run.json").exists():
        training.resume(out, build_dir=build_dir)
    else:
        training.train(poisson_task(), hidden=(4,), duration=DURATION, out=out, build_dir=build_dir, **SCHEDULE)


def start(function, *arguments):
    """Return a process that runs `function`."""
    process = processes.Process(target=function, args=arguments)
    process.start()
    return process


def differences(a, b):
    """Names of what is not equal, bit for bit, in two finished run folders."""
    found = []
    data_a, data_b = results.load(a), results.load(b)
    pairs = {f"run.nc {k}": (data_a[k].values, data_b[k].values) for k in data_a.variables.keys() | data_b.variables}
    folders = RunFolder(a), RunFolder(b)
    newest_a, newest_b = (read_archive(sorted(f.path.glob("checkpoint-*.npz"))[-1])[0] for f in folders)
    for what, one, other in (("checkpoint", newest_a, newest_b), *_records(*folders)):
        found += [f"{what} {k}" for k in one.keys() ^ other.keys()]
        pairs |= {f"{what} {k}": (one[k], other[k]) for k in one.keys() & other.keys() if k != "wall_s"}
    found += [k for k, (x, y) in pairs.items() if x.dtype != y.dtype or x.tobytes() != y.tobytes()]
    return sorted(found)


def _records(a, b):
    one, other = a.records(), b.records()
    yield "log", {"n": np.array(len(one))}, {"n": np.array(len(other))}
    for number, (x, y) in enumerate(zip(one, other, strict=False)):
        yield f"record {number}", x, y


def orphans(build_dir, patience=5.0):
    """Process ids of compiled programs from `build_dir` that still run after `patience` seconds, and the time waited."""
    began = time.perf_counter()
    while running := programs(build_dir):
        if time.perf_counter() - began > patience:
            break
        time.sleep(0.01)
    return running, time.perf_counter() - began


def programs(build_dir):
    """Process ids of compiled programs from `build_dir` (Linux)."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/exe"):
        try:
            if os.readlink(entry).startswith(str(Path(build_dir).resolve())):
                found.append(int(entry.parent.name))
        except OSError:  # it has ended
            continue
    return found


def kill(process, out, after, while_writing):
    """SIGKILL the process `after` seconds, or at the first sight of a file being written after that."""
    process.join(after)
    began = time.perf_counter()
    while while_writing and process.is_alive() and time.perf_counter() - began < 1.0 and not _writing(out):
        pass
    if process.is_alive():
        os.kill(process.pid, signal.SIGKILL)
    process.join()
    return process.exitcode == -signal.SIGKILL


def _writing(out):
    try:
        return any(name.endswith(".tmp") for name in os.listdir(out))
    except FileNotFoundError:
        return False


def hit(out):
    """Say what a kill hit, from what is left."""
    if not (out / "run.json").exists():
        return "birth"
    if unfinished := sorted(out.glob(".*.tmp")):
        return "writing " + unfinished[0].name.split(".")[1].split("-")[0]
    if not (checkpoints := sorted(out.glob("checkpoint-*.npz"))):
        return "first probe"
    if (out / "log.bin").stat().st_size > read_archive(checkpoints[-1])[0]["_log_length"]:
        return "log ahead of checkpoint"
    return "checkpoint done" if len(checkpoints) > 2 else "simulation"


def last_time(out):
    """Simulated time of the last checkpoint (s)."""
    return max((int(p.stem.split("-")[1]) * 1e-4 for p in out.glob("checkpoint-*.npz")), default=0.0)


def trials(n_kills, seed, work, build_dir):
    """Yield a dict for each kill: `after` (s), `hit`, `at` (s), `orphans`, `orphan_s`, `differences`."""
    rng, messages = random.Random(seed), work / "messages.txt"
    finish(work / "whole", build_dir, messages)  # builds the program
    shutil.rmtree(work / "whole")
    began = time.perf_counter()
    finish(work / "whole", build_dir, messages)
    whole_s = time.perf_counter() - began
    number, out = 0, work / "run"
    while number < n_kills:
        after = rng.uniform(0, 0.4 * whole_s)
        process = start(go_on, out, build_dir, messages)
        if not kill(process, out, after, while_writing=number % 2):
            if process.exitcode:
                raise RuntimeError(f"training failed: {messages.read_text()[-2000:]}")
            shutil.rmtree(out)  # it ended before the kill: a new run
            continue
        still, waited = orphans(build_dir)
        trial = {"after": after, "hit": hit(out), "at": last_time(out), "orphans": still, "orphan_s": waited}
        copy = work / f"resumed-{number}"
        if out.exists():
            shutil.copytree(out, copy)
        finish(copy, build_dir, messages)
        trial["differences"] = differences(work / "whole", copy)
        shutil.rmtree(copy)
        yield trial
        number += 1
        if trial["at"] == float(DURATION):
            shutil.rmtree(out)


def finish(out, build_dir, messages):
    """Run what is left of the run in `out`, in a process of its own."""
    process = start(go_on, out, build_dir, messages)
    process.join()
    if process.exitcode:
        raise RuntimeError(f"training failed: {messages.read_text()[-2000:]}")


def main():
    """Read the options, report the kills."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--build-dir", type=Path, help="where the program is built (default: a temporary folder)")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="work in DIR and leave everything there")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = args.keep or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        good, hits = 0, {}
        for number, trial in enumerate(trials(args.kills, args.seed, work, args.build_dir or work / "build"), start=1):
            same = not trial["differences"] and not trial["orphans"]
            good += same
            hits[trial["hit"]] = hits.get(trial["hit"], 0) + 1
            result = "identical" if same else f"DIFFERENT {trial['differences'][:5]}, orphans {trial['orphans']}"
            print(
                f"kill {number:3d} after {trial['after']:5.2f} s, last checkpoint {trial['at']:4.1f} s, "
                f"hit {trial['hit']:24s} {result}",
                flush=True,
            )
        where = ", ".join(f"{n} {what}" for what, n in sorted(hits.items(), key=lambda item: -item[1]))
        print(f"{good} of {args.kills} kills end bit-identical to the uninterrupted run (hit: {where})")
    return 0 if good == args.kills else 1


if __name__ == "__main__":
    sys.exit(main())
