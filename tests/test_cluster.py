"""A sweep on a real Dask cluster: a scheduler and two workers on loopback, one of which is killed."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from brian2 import mV, second
from superspike_brian.models import SUPERSPIKE

import superspike_brian as ss
from superspike_brian.results.folder import RunFolder, unpack

distributed = pytest.importorskip("distributed")
LONG = {"duration": 40 * second, "burn_in": 0.5 * second, "block": 0.5 * second}


@pytest.fixture
def cluster(tmp_path):
    """Address of a scheduler, and its worker processes by name."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
    dask = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", address, "--no-dashboard"]
    processes = {"scheduler": subprocess.Popen(dask)}
    for name in ("one", "two"):
        worker = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--name", name, "--nthreads", "1"]
        worker += ["--no-nanny", "--no-dashboard", "--local-directory", str(tmp_path / name)]
        processes[name] = subprocess.Popen(worker)
    try:
        yield address, processes
    finally:
        for process in processes.values():
            process.kill()
            process.wait()


def test_a_killed_worker_loses_nothing(cluster, poisson_task, build_dir, tmp_path):
    address, processes = cluster
    out, lines = tmp_path / "s", []

    def make(seed):
        return {"task": poisson_task(12, 3, seed), "model": SUPERSPIKE.replace(r0=2 * mV)}

    def kill():
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            held = [k for k in range(6) if _blocks(out, k) >= 3 and not (_folder(out, k) / "run.nc").exists()]
            if len(held) == 2:  # both workers are in the middle of a run
                processes["one"].send_signal(signal.SIGKILL)
                return
            time.sleep(0.005)

    with distributed.Client(address) as client:
        client.wait_for_workers(2, timeout=60)
        killer = threading.Thread(target=kill)
        killer.start()
        executor = client.get_executor()
        data = ss.run_sweep(make, {}, 6, out, executor=executor, report=lines.append, build_dir=build_dir, **LONG)
        killer.join()
    assert processes["one"].wait(10) == -signal.SIGKILL
    assert not data.message.values.any()
    assert np.isfinite(data.cost).all()
    commands = [len(RunFolder(_folder(out, k)).request["provenance"]) for k in range(6)]
    assert sorted(commands) == [1, 1, 1, 1, 1, 2]  # the run of the killed worker went on, no other was touched
    for k in range(6):
        times = _log_times(_folder(out, k))
        assert np.allclose(times, np.arange(0.5, 40.01, 0.5))  # each block once
    alone = ss.train(**make(commands.index(2)), seed=commands.index(2), build_dir=build_dir, **LONG)
    resumed = ss.load(_folder(out, commands.index(2)))
    assert np.array_equal(resumed.weights_1_end, alone.weights_1_end)
    assert np.array_equal(resumed.cost, alone.cost)


def test_a_scheduler_on_the_command_line(cluster, build_dir, tmp_path):
    line = [
        "sweep",
        "spike-timing",
        "--n-inputs",
        "12",
        "--duration",
        "1s",
        "--burn-in",
        "200ms",
        "--seeds",
        "2",
        "--json",
    ]
    line += ["--out", str(tmp_path / "s"), "--scheduler", cluster[0], "--build-dir", str(build_dir)]
    done = subprocess.run([sys.executable, "-m", "superspike_brian.cli", *line], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["failed"] == []
    assert ss.load_sweep(tmp_path / "s").sizes["seed"] == 2


def _folder(out, seed):
    return Path(out) / "runs" / f"seed-{seed:03d}"


def _blocks(out, seed):
    folder = _folder(out, seed)
    return RunFolder(folder).reached / 5000 if os.path.isdir(folder) else 0


def _log_times(folder):
    data, at, times = (folder / "log.bin").read_bytes(), 0, []
    while at < len(data):
        record, at = unpack(data, at)
        times += [float(record["time"])] if "time" in record else []
    return times
