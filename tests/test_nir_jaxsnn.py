"""Against another simulator that reads NIR: jaxsnn computes when spikes come from formulas, without a time step."""

import numpy as np
import pytest
from brian2 import ms, mV, second
from superspike_brian.models import SUPERSPIKE, chain
from superspike_brian.tasks import SpikePattern, Task

from superspike_brian.engine.runtime import RuntimeProgram
from superspike_brian.exchange.graph import graph
from superspike_brian.network.initial import initial_state
from superspike_brian.network.structure import Structure

nir = pytest.importorskip("nir", reason="the package nir is not installed: pip install -e '.[test]'")
event = pytest.importorskip("jaxsnn.event", reason="jaxsnn is not installed: pip install -e '.[test]'")

DT, STOP = 0.02 * ms, 60 * ms


def test_spikes_of_jaxsnn_are_those_of_the_run():
    """All spikes, each within a step or two of those of a fine time step, and a few, where U is hardly above theta, later."""
    model = SUPERSPIKE.replace(w_0=50 * mV, tau_ref=0 * ms, axonal_delay=0 * ms)
    structure = Structure(model, chain([6]).sized(12, 3), dt=DT)
    seen, state = simulated(structure)
    emitted = in_jaxsnn(graph(structure, state, 0, scaled=True), *seen["inputs"])
    late = []
    for population, node in (("hidden_1", "hidden_1"), ("output", "output_units")):
        for unit in range(structure.size(population)):
            mine, theirs = (np.sort(times[units == unit]) for times, units in (seen[population], emitted[node]))
            assert len(mine) == len(theirs), (population, unit)
            late += list(mine - theirs)
    assert len(late) > 20 and np.median(late) < 1.5 * float(DT) and np.max(np.abs(late)) < 0.25e-3


def simulated(structure):
    """Times (s) and units of all spikes of a network that does not learn, and what it began with."""
    rng = np.random.default_rng(3)
    inputs, targets = (np.nonzero(rng.random((2000, n)) < rate * 1e-4) for n, rate in ((12, 30), (3, 15)))
    patterns = (SpikePattern(n, ids, at * 1e-4 * second, 200 * ms) for n, (at, ids) in ((12, inputs), (3, targets)))
    state = initial_state(structure, Task("t", *patterns, "made up"), 3)
    program = RuntimeProgram(structure)
    still = {f"{name}.r0": np.zeros(1) for name in structure.projections}
    program.run(state | still, 0, round(float(STOP / DT)), probe=True)
    monitors = {name: program.groups[f"spikes_{name}"] for name in ("inputs", "hidden_1", "output")}
    return {name: (np.array(m.t), np.array(m.i)) for name, m in monitors.items()}, state


def in_jaxsnn(found, times, units):
    """Times (s) and units of all spikes of the populations of a graph."""
    cells = {name: node for name, node in found.nodes.items() if isinstance(node, nir.CubaLIF)}
    for node in cells.values():  # it reads milliseconds, and takes a weight for what a spike adds to the current
        node.tau_mem, node.tau_syn = 1e3 * node.tau_mem, 1e3 * node.tau_syn
    network = event.from_nir(found, event.ConversionConfig(float(STOP / second), dict.fromkeys(cells, 80)))
    _, apply = network.done()
    # its matrices are [pre, post], and its reader hands NIR's over as they are
    weights = {name: getattr(node, "weight", np.zeros(0)).T for name, node in found.nodes.items() if name != "output"}
    nothing = np.zeros((1, len(times)))
    spikes = event.types.Spike(times[None], units[None], nothing, nothing.astype(int), nothing == 0)
    after = apply({"input": spikes}, weights)
    own = {name: np.asarray(after[name].internal[0]) for name in cells}
    return {
        name: (np.asarray(after[name].time[0])[own[name]], np.asarray(after[name].idx[0])[own[name]]) for name in cells
    }
