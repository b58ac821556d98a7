"""Edited models are refused as ModelError within a second, or built by Brian2 without an error.

``SUPERSPIKE_MUTANTS=100000 pytest -m slow tests/test_mutants.py`` tries that many edits and builds every hundredth that is
accepted.
"""

import os
import signal
import tempfile
from collections import Counter

import numpy as np
import pytest
from brian2 import Hz, ms
from mutants import mutant
from superspike_brian.models import ModelError
from superspike_brian.tasks import latencies, spike_timing
from sympy.core.cache import clear_cache

from superspike_brian import engine
from superspike_brian.engine.runtime import RuntimeProgram
from superspike_brian.network.assembly import Assembly
from superspike_brian.network.initial import initial_state
from superspike_brian.network.structure import Structure
from superspike_brian.network.trials import trial_source

TIMED = spike_timing(n_inputs=3, seed=1, period=50 * ms, rate=50 * Hz, n_spikes=2)
TRIALS = latencies(classes=2, patterns=1, n_inputs=3, pause_min=5 * ms, pause_mean=8 * ms)
MANY = int(os.environ.get("SUPERSPIKE_MUTANTS", "20000"))
FUZZED = (
    "An edited model is refused with a message, or Brian2 builds it",
    "random edits of the shipped equations and parameters, on both devices",
)


def judge(seeds):
    """Seeds of the mutants that are accepted; what is refused is refused as ModelError, and soon."""
    accepted, leaks = [], []
    signal.signal(signal.SIGVTALRM, _too_long)
    for seed in seeds:
        if seed % 500 == 0:
            clear_cache()  # of SymPy: gigabytes else, through which Python looks for garbage
        make, edit = mutant(seed)
        signal.setitimer(signal.ITIMER_VIRTUAL, 10)  # a bound on work, far above what any check takes
        try:
            make()
            accepted.append(seed)
        except ModelError as error:
            assert str(error).strip(), edit
        except Exception as error:
            leaks.append((seed, edit, repr(error)))
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    assert leaks == []
    return accepted


def _too_long(signum, frame):
    raise TimeoutError("the check does not end")


def build(seed):
    """What becomes of an accepted mutant on both devices: 'finite', 'not finite', or 'does not fit the network'."""
    make, edit = mutant(seed)
    model = make()
    task = TRIALS if model.error.on_cue else TIMED
    try:
        structure = Structure(model, (task.n_inputs, 2, task.n_outputs))
    except ValueError:
        return "does not fit the network"
    try:
        state = initial_state(structure, task, 1)
        schedule = trial_source(task, structure, 1)
        state |= schedule.training(0, 40) if schedule else {}
        after, _ = RuntimeProgram(structure).run(state, 0, 40)
        with engine.standalone_device("double") as device, tempfile.TemporaryDirectory() as folder:
            assembly = Assembly(structure, "auto")
            device.prepare(assembly.is_probe)
            assembly.net.run(structure.dt, namespace={})
            device.build(directory=folder, compile=False, run=False)
    except Exception as error:
        raise AssertionError(f"mutant {seed} is accepted, and Brian2 cannot build it: {edit}") from error
    finite = all(np.isfinite(v).all() for v in after.values() if v.dtype.kind == "f")
    return "finite" if finite else "not finite"


def test_mutants_are_refused_or_built(claim):
    accepted = judge(range(300))
    assert 10 < len(accepted) < 150, "the edits are too tame, or too wild, to test anything"
    assert Counter(map(build, accepted[:4]))["finite"] > 0
    claim(*FUZZED, f"300 edits, {len(accepted)} accepted, 4 of these built")


@pytest.mark.slow
def test_many_mutants_are_refused_or_built(claim):
    accepted = judge(range(1000, 1000 + MANY))
    found = Counter(map(build, accepted[:: max(1, len(accepted) // max(20, MANY // 100))]))
    print(f"\n{MANY} edits: {MANY - len(accepted)} refused, {len(accepted)} accepted; of those built: {dict(found)}")
    assert found["finite"] > 0.8 * found.total()
    claim(*FUZZED, f"{MANY} edits, {len(accepted)} accepted, {found.total()} of these built")
