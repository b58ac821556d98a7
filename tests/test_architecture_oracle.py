"""Recurrent, skip, sparse and delayed projections against a plain NumPy computation that shares no code with the package."""

import numpy as np
import pytest
from brian2 import ms, mV
from oracle import Oracle, further
from superspike_brian.models import SUPERSPIKE, Projection, chain

from superspike_brian import engine
from superspike_brian.network.initial import initial_state
from superspike_brian.network.structure import Structure

PERIOD, STEPS = 2000, 11_000  # two weight updates, and what they do to the spikes
POPULATIONS = ("inputs", "hidden_1", "output")
NETWORKS = {
    "recurrent": [
        Projection("inputs", "output", initial="9*mV*rand()"),
        Projection("output", "output", initial="5*mV*randn()", delay=2 * ms),
        Projection("hidden_1", "hidden_1", connect=0.5, initial="5*mV*randn()", plastic=False),
    ],
    "delays": [
        Projection("hidden_1", "hidden_1", self_connections=True, initial="4*mV*randn()", delay="(0.2 + 4*rand())*ms"),
        Projection("inputs", "output", connect=0.6, initial="9*mV*rand()", delay="5*rand()*ms"),
        Projection("output", "hidden_1", initial="-9*mV*rand()", delay=1 * ms, r0_factor=1),
    ],
}


@pytest.mark.parametrize("kernel", ["stock", "auto"])
@pytest.mark.parametrize("name", NETWORKS)
def test_against_the_oracle(name, kernel, poisson_task, build_dir):
    task, seed = poisson_task(12, 3, 3), 4
    structure = Structure(SUPERSPIKE.replace(r0=2 * mV), chain([5]).add(*NETWORKS[name]).sized(12, 3))
    state, rng = initial_state(structure, task, seed), np.random.default_rng(seed)
    for group in ("forward_1", "forward_2"):
        shape = structure.shape(group)
        state[f"{group}.w"] = np.clip(rng.normal(0.18 / shape[0], 0.25 / shape[0], shape), -0.1, 0.1).ravel()
    ways = {}
    for p in NETWORKS[name]:
        shape = structure.shape(p.name)
        at = np.indices(shape).reshape(2, -1)
        if f"{p.name}._synaptic_pre" in state:
            at = np.stack([state[f"{p.name}._synaptic_{end}"] for end in ("pre", "post")])
        w, exists, delay = np.zeros(shape), np.zeros(shape, bool), np.zeros(shape, int)
        w[tuple(at)], exists[tuple(at)] = state[f"{p.name}.w"], True
        one = float(structure.models[p.name].delay)
        delay[tuple(at)] = np.floor(state.get(f"{p.name}.delay", np.full(len(at[0]), one)) / 1e-4 + 0.5)
        source, target = POPULATIONS.index(p.source), POPULATIONS.index(p.target) - 1
        ways[p.name] = at, further(source, target, w, exists, delay, p.plastic)
    w = [state[f"{group}.w"].reshape(structure.shape(group)) for group in ("forward_1", "forward_2")]
    patterns = task.inputs.steps(structure.dt), task.targets.steps(structure.dt)
    oracle = Oracle(w, *patterns, PERIOD, r0=2e-3, more=[way for _, way in ways.values()])
    oracle.run(STEPS)
    after, records = engine.build(structure, build_dir=build_dir, kernel=kernel).run(state, 0, STEPS, probe=True)
    for theirs, ours in zip(("input", "hidden", "output"), POPULATIONS, strict=True):
        steps = np.rint(records[f"spikes_{ours}.t"] / 1e-4).astype(int)
        found = sorted(zip(steps.tolist(), records[f"spikes_{ours}.i"].tolist(), strict=True))
        assert found == sorted(oracle.spikes[theirs]) and len(found) > 50, ours
    for group, (at, way) in ways.items():
        for theirs, ours in (("lambda_", "eligibility"), ("m", "m"), ("v", "v"), ("w", "w")):
            if f"{group}.{ours}" in after:
                expected = getattr(way, theirs)[tuple(at)]
                assert np.abs(after[f"{group}.{ours}"] - expected).max() < 1e-9 * np.abs(expected).max(), (group, ours)
        assert (after[f"{group}.w"] != state[f"{group}.w"]).any() == way.plastic
    for group, synapses in zip(("forward_1", "forward_2"), oracle.synapses, strict=True):
        assert np.abs(after[f"{group}.w"] - synapses.w.ravel()).max() < 1e-10
