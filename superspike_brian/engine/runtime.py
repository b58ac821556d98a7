"""The same network on Brian2's runtime device: no C++ project and no compiler, for small networks and exploration."""

import itertools
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from brian2 import BrianObjectException, Network, Quantity, SpikeGeneratorGroup, second, set_device

from ..codegen import sparse
from ..codegen.brian2_api import (
    DynamicArrayVariable,
    no_collection,
    reset_device,
    set_spikes_in_queue,
    spikes_in_queue,
)
from ..codegen.device import RANDOM, RUNTIME, StateDevice
from ..codegen.layouts import inputs_of
from ..codegen.probed import ProbedSynapses
from ..codegen.random_numbers import KEY
from ..network.assembly import Assembly
from ..network.structure import Structure
from ..values.hints import Array, Progress, State
from .preferences import own_preferences
from .program import SimulationError, windows_within
from .runner import Ended, Plan, Probed


@contextmanager
def runtime_device(precision: str = "double") -> Iterator[None]:
    """Activate Brian2's runtime device, and leave Brian2 as it was; SimulationError where Brian2 stops."""
    try:
        with _device(precision):
            yield
    except BrianObjectException as error:
        raise SimulationError(f"the simulation stopped: {_root(error)}") from error


@contextmanager
def _device(precision, target="numpy"):
    with own_preferences(precision, target), no_collection():
        set_device(RUNTIME)
        try:
            with np.errstate(over="ignore"):  # Brian2 compares values with 1e50, which single precision does not have
                yield
        finally:
            reset_device()


class ForeignNetwork(Network):
    """A network of this package to be run by others: Brian2 is ours while it runs, and theirs before and after.

    Parameters
    ----------
    *objects
        As for `brian2.Network`.
    precision : {'double', 'single'}
        Floating point type of the network's state.
    target : {'numpy', 'cython'}
        What its code becomes.
    key : array of uint64, shape (2,)
        What random numbers are made from.
    """

    def __init__(self, *objects: Any, precision: str, target: str, key: Array) -> None:
        super().__init__(*objects)
        self.precision, self.target, self.key = precision, target, key

    def run(
        self,
        duration: Quantity,
        report: Any = None,
        report_period: Quantity = 10 * second,
        namespace: dict[str, Any] | None = None,
        profile: bool | None = None,
        level: int = 0,
    ) -> None:
        """As `brian2.Network.run`: names that a group of the user's does not have are the caller's."""
        with _device(self.precision, self.target):
            KEY[:] = self.key
            super().run(duration, report, report_period, namespace, profile, level + 1)


class RuntimeProgram:
    """Drop-in for `engine.Program`: takes a state, returns the next one.

    Parameters
    ----------
    structure : Structure
        The network.
    precision : {'double', 'single'}
        Floating point type of the state.
    network : callable
        What makes a `brian2.Network` of its objects.
    """

    build_seconds = 0.0

    def __init__(
        self, structure: Structure, precision: str = "double", network: Callable[..., Network] = Network
    ) -> None:
        self.structure, self.precision = structure, precision
        with runtime_device(self.precision):
            self.assembly = Assembly(structure)
            self.net = network(*self.assembly.net.objects)
            self.net.run(0 * second, namespace={})
        self.groups = self.assembly.groups
        self.arrays = StateDevice.state_arrays(self.net)
        self.pathways = StateDevice.spike_queues(self.net)
        self.start = {name: np.copy(var.get_value()) for name, var in self.arrays.items()}

    def run(
        self, state: State, start: int, n_steps: int, probe: Probed = False, progress: Progress | None = None
    ) -> Ended:
        """As `engine.Program.run`."""
        with runtime_device(self.precision):
            self._restore(state, start)
            monitors = [o for o in self.net.objects if o.name.startswith(("spikes_", "probe_"))]
            for monitor in monitors:
                monitor.resize(0)
                monitor.variables["N"].set_value(0)
            windows = windows_within(probe, start, start + n_steps)
            edges = sorted({start, start + n_steps, *(edge for window in windows for edge in window)})
            for first, last in itertools.pairwise(edges):
                for monitor in monitors:
                    monitor.active = (first, last) in windows or not self.assembly.is_probe(monitor.name)
                report = progress and (
                    lambda _, done, *__, a=first, b=last: progress((a + done * (b - a) - start) / n_steps)
                )
                duration = (last - first) * self.structure.dt
                self.net.run(duration, namespace={}, report=report, report_period=0.2 * second)
            after = {name: np.copy(np.atleast_1d(var.get_value())) for name, var in self.arrays.items()}
            after |= {RANDOM: np.copy(KEY)}
            after |= {name: _spikes_in_flight(pathway.queue) for name, pathway in self.pathways.items()}
            records = {k: np.copy(var.get_value()).ravel() for k, var in StateDevice.records(self.net).items()}
        return after, records

    def blocks(
        self, start: int, plan: Plan, probe: Probed = False, progress: Progress | None = None
    ) -> Generator[Ended, None, None]:
        """As `engine.Program.blocks`."""
        state: State = {}
        for n_steps, changes in plan:
            state, records = self.run(state | changes, start, n_steps, probe, progress)
            start += n_steps
            yield state, records

    def restore(self, state: State, start: int) -> None:
        """Let the network be in a state (any subset of the arrays) at a time step."""
        with runtime_device(self.precision):
            self._restore(state, start)

    def _restore(self, given, start):
        KEY[:] = given.get(RANDOM, 0)
        state = {**self.start, **given}
        self.net.t_ = 0.0
        for name in self.structure.generators:
            steps, ids = state[f"{name}._timebins"], state[f"{name}.neuron_index"]
            period = int(state[f"{name}._period_bins"][0]) * self.structure.dt
            self.groups[name].set_spikes(ids, steps * self.structure.dt, period=period)
        self._connect(state)
        self.net.run(0 * second, namespace={})  # generators take the new pattern, queues the new pairs
        self.net.t_ = start * float(self.structure.dt)
        for name, var in self.arrays.items():
            if not isinstance(self.groups[name.split(".")[0]], SpikeGeneratorGroup) or name.endswith("_lastindex"):
                value = np.asarray(state[name], var.dtype)
                var.set_value(value if isinstance(var, DynamicArrayVariable) or not var.scalar else value[0])
        self.assembly.initialise(given)
        for name, pathway in self.pathways.items():
            _set_spikes_in_flight(pathway.queue, state.get(name, np.zeros(0, np.int32)))

    def _connect(self, state):
        """Let sparse synapses connect what the state says, with the delays that it says."""
        for group in self.net.objects:
            if inputs := inputs_of(group):
                sparse.set_pairs(group, *(state[f"{group.name}._synaptic_{end}"] for end in ("pre", "post")))
                for name in inputs:
                    inputs[name].set_value(np.asarray(state[name], inputs[name].dtype))
        for group in self.net.objects:
            if isinstance(group, ProbedSynapses):
                group.follow_now()


def _root(error):
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _spikes_in_flight(queue):
    """For each delay from now on: number of spikes, their synapses (as ``codegen/superspike.h``)."""
    return np.concatenate([np.r_[len(slot), slot] for slot in spikes_in_queue(queue)]).astype(np.int32)


def _set_spikes_in_flight(queue, flat):
    set_spikes_in_queue(queue, [slot.tolist() for slot in _slots(flat)])


def _slots(flat):
    at, found = 0, []
    while at < len(flat):
        found.append(flat[at + 1 : at + 1 + flat[at]])
        at += 1 + flat[at]
    return found


def of_compiled(state: State) -> State:
    """State of a compiled program as the runtime device has it: there the first spikes in flight are those of the next step."""
    queues = {name: _slots(flat)[1:] for name, flat in state.items() if name.endswith(".queue")}
    return state | {
        name: np.concatenate([*(np.r_[len(slot), slot] for slot in slots), [0]]).astype(np.int32)
        for name, slots in queues.items()
    }
