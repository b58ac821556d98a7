"""Sparse synapses: any pairs of units, given when the program runs; the same spikes and states whatever the kernel."""

import dataclasses
from functools import cache as remember
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
from brian2 import (
    Clock,
    Network,
    NeuronGroup,
    SpikeGeneratorGroup,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    ms,
    second,
)

from superspike_brian.codegen import all_to_all, axons, kernels, layouts, neurons, sparse
from superspike_brian.codegen.probed import ProbedSynapses
from superspike_brian.engine import cache
from superspike_brian.engine.program import Program, SimulationError

DT = 0.1 * ms
TIMES = {"tau": 10 * ms, "tau_rise": 5 * ms, "tau_decay": 8 * ms}
NEURON = """
dU/dt = (current - U)/tau : 1
dcurrent/dt = -current/tau_rise : 1
derror/dt = -error/tau_decay : 1
sigma_prime = 1/(1 + abs(U - 1))**2 : 1 (constant over dt)
"""
TERMINAL = """
dz/dt = (z_rise - z)/tau_decay : 1
dz_rise/dt = -z_rise/tau_rise : 1
"""
SYNAPSE = """
deligibility/dt = (eligibility_rise - eligibility)/tau_decay : 1 (clock-driven)
deligibility_rise/dt = (sigma_prime_post*z_pre - eligibility_rise)/tau_rise : 1 (clock-driven)
dm/dt = (error_post*eligibility - leak*w)/second : 1 (clock-driven)
w : 1
leak : 1 (shared, constant)
"""
UPDATE = """
w = clip(w + 50*m, -1, 1)
m = 0
"""


@dataclasses.dataclass(frozen=True)
class Pairs:
    """A plastic projection: which units, and in which layout."""

    source: str
    n: int | None  # synapses; None: all to all
    delays: bool = False  # of each synapse


class Net:
    """A layer of neurons, inputs and plastic projections onto it."""

    def __init__(self, n_in, n_out, projections, kernel, watched=("eligibility", "w", "z_pre", "error_post"), every=100):
        self.kernel, self.kernels, self.clock = kernel, {}, Clock(DT, name="network_clock")
        self.update = Clock(every * DT, name="update_clock")
        self.common = {"clock": self.clock, "namespace": {**TIMES, "second": second}}
        self.objects = {}
        neuron_code, axon_code = neurons.code_object_class(kernel), axons.code_object_class(kernel)
        for name, n in (("inputs", n_in), ("targets", n_out)):
            self.add(SpikeGeneratorGroup, n, [], [] * ms, period=1 * second, clock=self.clock, name=name)
        layer = self.add(
            NeuronGroup, n_out, NEURON, threshold="U > 1", reset="U = 0", method="exact", codeobj_class=neuron_code,
            name="output", **self.common,
        )  # fmt: skip
        for name, sign in (("targets", "+"), ("output", "-")):
            source = self.objects[name]
            judge = self.add(
                Synapses, source, layer, on_pre=f"error_post {sign}= 1", delay=0 * ms, codeobj_class=axon_code,
                name=f"error_{name}", **self.common,
            )  # fmt: skip
            judge.connect(j="i")
        for name, projection in projections.items():
            self.project(name, projection, self.objects[projection.source], layer, watched)
        self.add(SpikeMonitor, layer, name="spikes_output")
        self.net = Network(list(self.objects.values()))

    def add(self, kind, *args, name, **kwds):
        self.objects[name] = kind(*args, name=name, **kwds)
        return self.objects[name]

    def project(self, name, projection, source, layer, watched):
        room = all_to_all if projection.n is None else sparse
        own = {"delays": True} if projection.delays else {}
        terminals = self.add(
            NeuronGroup, len(source), TERMINAL, method="euler", codeobj_class=neurons.code_object_class(self.kernel),
            name=f"terminals_{name}", **self.common,
        )  # fmt: skip
        arrivals = self.add(
            Synapses, source, terminals, on_pre="z_rise_post += 1", delay=0.8 * ms, name=f"axons_{name}",
            codeobj_class=axons.code_object_class(self.kernel), **self.common,
        )  # fmt: skip
        arrivals.connect(j="i")
        forward = self.add(
            Synapses, source, layer, SYNAPSE, on_pre="current_post += w", method="euler", name=name,
            delay=None if projection.delays else 0.8 * ms,
            codeobj_class=room.code_object_class(self.kernel, "current_post += w", **own), **self.common,
        )  # fmt: skip
        n = projection.n or 0
        layout = room.connect(forward, *(np.unravel_index(range(n), (len(source), len(layer))) if n else ()))
        for variable in ("z", "z_rise"):
            forward.variables.add_reference(f"{variable}_pre", terminals, variable, index="_presynaptic_idx")
        forward.state_updater.order = -1
        self.kernels[name] = kernels.install(forward, layout, self.kernel)
        forward.run_regularly(UPDATE, clock=self.update, when="start", name=f"{name}_update")
        if watched:
            numbers = np.unique(np.linspace(0, layout.n - 1, 7).astype(int))
            lags = self.kernels[name] in kernels.CHUNK
            probed = self.add(
                ProbedSynapses, forward, forward.equations, numbers, watched, lags, "euler", name=f"probed_{name}"
            )
            record = range(len(numbers))
            self.add(StateMonitor, probed, watched, record=record, clock=self.clock, name=f"probe_{name}")

    @staticmethod
    def is_probe(name):
        return name.startswith("probe_")


def build(build_dir, name, precision, kernel, threads, *args, **kwds):
    """Program of a `Net`."""
    structure = SimpleNamespace(dt=DT)
    folder = build_dir / "programs" / f"sparse-{name}-{precision}-{kernel}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with mock.patch.object(cache, "Assembly", lambda _, kernel: Net(*args, kernel, **kwds)):
        cache._generate_and_compile(structure, precision, kernel, folder, 2)
    program = Program(folder, threads=threads)
    program.eager = True
    return program
