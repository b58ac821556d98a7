"""Generated programs under the compiler's sanitizers: addresses and undefined behaviour, and data races of threads.

The programs are compiled by a wrapper of the compiler, `$CXX`, and run two blocks with probe windows; any report fails. None is
suppressed: what is Brian2's own in them gives none.
"""

import os
import subprocess

import numpy as np
import pytest
from brian2 import ms
from superspike_brian.models import LAYERWISE, READOUT, SUPERSPIKE, Architecture, Pathway, Population, Projection, chain

from superspike_brian import engine, tasks
from superspike_brian.engine.compiler import compiler
from superspike_brian.network.initial import initial_state
from superspike_brian.network.structure import Structure
from superspike_brian.network.trials import trial_source

pytestmark = pytest.mark.slow  # every program is compiled anew
SANITIZERS = {
    "address, undefined": "-fsanitize=address,undefined -fno-sanitize-recover=all",
    "thread": "-fsanitize=thread",
}
MODEL = SUPERSPIKE.replace(t_b=20 * ms)
RECURRENT = chain([8]).add(
    Projection("hidden_1", "hidden_1", connect=0.4, delay="1*ms + 2*ms*rand()"),
    Projection("output", "output", self_connections=True, delay=3 * ms),
    Projection("inputs", "output", connect=0.5),
)
SPARSE = Architecture(
    [Population("hidden", 30)],
    [Projection("inputs", "hidden", connect=0.3), Projection("hidden", "output", connect=0.5)],
    [Pathway("output", "hidden")],
)
NETWORKS = {  # model, network, kernel
    "chain": (MODEL, chain([20]), "gemm"),
    "sparse": (MODEL, SPARSE, "auto"),
    "recurrent": (MODEL, RECURRENT, "auto"),
    "layerwise": (MODEL.replace(feedback=LAYERWISE), chain([8, 6], LAYERWISE), "dense"),
    "labelled": (READOUT.replace(t_b=20 * ms), chain([8]), "auto"),
}


def task_of(name):
    if name == "labelled":
        return tasks.randman(classes=2, dim=1, samples=6, test_samples=4, stimulus=10 * ms)
    return tasks.spike_timing(n_inputs=20, outputs=2, period=100 * ms, rate=40 / (1000 * ms), n_spikes=2)


@pytest.fixture(params=SANITIZERS)
def sanitizer(request, build_dir, monkeypatch, tmp_path):
    """A sanitizer's compiler; returns where programs are built and where reports are written."""
    flags, real = SANITIZERS[request.param], compiler()
    (tmp_path / "empty.cpp").write_text("int main() {}\n")
    tried = subprocess.run([real, *flags.split(), "empty.cpp", "-o", "empty"], cwd=tmp_path, capture_output=True)
    if tried.returncode or subprocess.run([tmp_path / "empty"], capture_output=True).returncode:
        pytest.skip(f"{real} has no libraries for {flags.split()[0]}, or they do not run here")
    where = build_dir / "sanitizers" / request.param.split(",")[0]
    where.mkdir(parents=True, exist_ok=True)
    wrapper = where / "compiler"
    wrapper.write_text(f'#!/bin/sh\nexec {real} {flags} -g1 -fno-omit-frame-pointer "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("CXX", str(wrapper))
    # programs are killed when they have given their last state: what they hold then is no leak
    options = f"halt_on_error=1:detect_leaks=0:log_path={tmp_path / 'report'}"
    for name in ("ASAN", "TSAN"):
        monkeypatch.setenv(f"{name}_OPTIONS", options)
    monkeypatch.setenv("UBSAN_OPTIONS", f"print_stacktrace=1:log_path={tmp_path / 'report'}")
    return where, tmp_path


def reports(folder):
    return "\n".join(path.read_text() for path in sorted(folder.glob("report.*")))


@pytest.mark.parametrize("name", NETWORKS)
def test_no_report(name, sanitizer, claim):
    where, folder = sanitizer
    model, network, kernel = NETWORKS[name]
    task = task_of(name)
    structure = Structure(model, network.sized(task.n_inputs, task.n_outputs))
    program = engine.build(structure, "single", where, kernel=kernel)
    ended = {}
    for threads in (1, 3):
        program.threads, program.eager = threads, True
        state, schedule = initial_state(structure, task, 1), trial_source(task, structure, 1)
        trials = [schedule.training(a, b) if schedule else {} for a, b in ((0, 700), (700, 1500))]
        plan = [(700, state | trials[0]), (800, trials[1])]
        try:
            *_, (ended[threads], records) = program.blocks(0, plan, [(100, 300), (900, 1500)])
        except Exception as error:
            pytest.fail(f"{error}\n{reports(folder)}")
        assert any(records[k].size for k in records)
    assert not reports(folder)
    assert any(np.any(ended[1][k] != state[k]) for k in ended[1] if k.endswith(".w")), "nothing was learned"
    assert all(np.array_equal(ended[1][k], ended[3][k], equal_nan=True) for k in ended[1])
    how = "programs of five networks with 1 and 3 threads under sanitizers of addresses, undefined behaviour, threads; reports"
    claim("Generated programs have no undefined behaviour and no data races", how, 0)


FAULTS = {
    "address, undefined": "int main(int n, char **) { int *a = new int[3]; int r = a[n + 2]; delete[] a; return r & 0; }",
    "thread": """
        #include <thread>
        int main() { int a = 0; std::thread other([&] { a++; }); a++; other.join(); return a & 0; }
    """,
}


def test_a_fault_is_reported(sanitizer, request):
    _, folder = sanitizer
    (folder / "fault.cpp").write_text(FAULTS[request.node.callspec.params["sanitizer"]])
    subprocess.run([os.environ["CXX"], "fault.cpp", "-pthread", "-o", "fault"], cwd=folder, check=True)
    assert subprocess.run([folder / "fault"], capture_output=True).returncode != 0
    assert "Sanitizer" in reports(folder)
