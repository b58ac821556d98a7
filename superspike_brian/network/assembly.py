"""Task and model become Brian2 objects: populations, plastic synapses, error and feedback pathways, monitors.

==================  ==================================================================================
name                object
==================  ==================================================================================
inputs, targets     SpikeGeneratorGroup: frozen patterns that repeat with the task's period, or a block's schedule
cues                SpikeGeneratorGroup: when an answer is expected, for errors with a window
hidden_K, output    NeuronGroup: layers
terminals_K         NeuronGroup: axon terminals of the K-th presynaptic population, with the presynaptic trace
axons_K             Synapses: spikes reach their terminal after the axonal delay
forward_K           Synapses: weights from the K-th population to the next, with eligibility traces
window_*            Synapses: cue and deadline of an answer
error_*             Synapses: impulses of the output error, from target and output spikes
feedback_*_K        Synapses: the same impulses, to the K-th hidden layer
probed_K            ProbedSynapses: copies of the probed synapses, where the kernel of forward_K lags behind; views of
                    them, where what is recorded is not in the synapses
spikes_*, probe_*   monitors
==================  ==================================================================================

Within one time step synapses are integrated before neurons, so that both read the values of the step's start.
"""

import dataclasses
import operator
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from brian2 import (
    Clock,
    Equations,
    Network,
    NeuronGroup,
    Quantity,
    SpikeGeneratorGroup,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    get_dimensions,
    ms,
    second,
)

from ..codegen import all_to_all, axons, kernels, neurons
from ..codegen.brian2_api import ArrayVariable
from ..codegen.exact import exact_by_blocks
from ..codegen.probed import ProbedSynapses
from ..models import NO_DECAY, Model, ModelError
from ..models.checks import check_frozen
from ..values.hints import Integers
from ..values.quantities import readable
from . import probes

DT = 0.1 * ms
MAX_SYNAPSES = 2**31 - 1  # Brian2 numbers them in 32 bits


@dataclasses.dataclass(frozen=True)
class Structure:
    """What decides the generated code; everything else is an input of the compiled program.

    Parameters
    ----------
    model : Model
        Equations and constants.
    sizes : tuple of int
        Units of inputs, hidden layers (if any) and output.
    hidden_learning : bool
        Whether weights onto hidden layers are plastic.
    dt : Quantity
        Time step (second).
    probe_units : int, sequence of int, or mapping of str to one of these
        How many units of each layer probe windows record (the first ones), or which; for all layers, or for those named.
    probe_synapses : int
        How many synapses of each weight group they record, evenly spread.
    probe_variables : str or sequence of str, optional
        Which variables of layers and synapses they record; of synapses also ``NAME_pre`` and ``NAME_post``. Default: U,
        error, sigma_prime, eligibility, m and w.

    Raises
    ------
    ValueError
        If sizes do not fit the model, or the network has not what is to be probed.
    """

    model: Model
    sizes: tuple[int, ...]
    hidden_learning: bool = True
    dt: Quantity = dataclasses.field(default_factory=lambda: DT)
    probe_units: int | tuple | Mapping = probes.UNITS
    probe_synapses: int = probes.SYNAPSES
    probe_variables: str | Sequence[str] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", tuple(map(_size, self.sizes)))
        if len(self.sizes) < 2 or min(self.sizes) < 1:
            raise ValueError(
                f"a network needs at least one input and one output unit, and no empty layer: {self.sizes}"
            )
        for a, b in zip(self.sizes[:-1], self.sizes[1:], strict=True):
            if a * b > MAX_SYNAPSES:
                raise ValueError(f"{a} to {b} units are {a * b:,} synapses; a layer can have at most {MAX_SYNAPSES:,}")
        self._check_times()
        if not self.hidden_learning and self.n_hidden_layers:
            check_frozen(self.model)
        if self.model.feedback.weights == "forward" and self.hidden_learning and self.n_hidden_layers > 1:
            raise ValueError(
                f"{self.model.feedback.name} feedback needs weights from the hidden layer to the output, which the first "
                f"of {self.n_hidden_layers} hidden layers lacks: use random or uniform feedback, or one hidden layer"
            )
        object.__setattr__(self, "probe_units", probes.Units().check(self.probe_units, "probe_units"))
        if self.probe_variables is not None:
            names = probes.Names().check(self.probe_variables, "probe_variables").split(",")
            object.__setattr__(self, "probe_variables", tuple(names))
        if self.probe_units != probes.UNITS or self.probe_variables is not None:
            probes.check_recorded(self)

    def _check_times(self) -> None:
        """Refuse a time step that is none, and times of the model that it does not divide."""
        if get_dimensions(self.dt) is not second.dim or not 0 < float(self.dt) < np.inf:
            raise ValueError(f"the time step dt must be a positive time, as 0.1*ms, not {self.dt}")
        model = self.model
        for component, field, value in (
            (model.neuron, "refractory", model.refractory_period),
            (model.plasticity, "delay", model.delay),
            (model.optimizer, "interval", model.interval),
        ):
            if value is None:
                continue
            steps = float(value / self.dt)
            if abs(steps - round(steps)) > 1e-6 * max(1, round(steps)) or (field == "interval" and steps < 0.5):
                near = [k * self.dt for k in (np.floor(steps), np.ceil(steps)) if k > 0 or field != "interval"]
                raise ModelError(
                    f"{component.name}, {field} '{getattr(component, field)}': {readable(value)} is no multiple of the time "
                    f"step dt, {readable(self.dt)}; the nearest are {' and '.join(map(readable, near))}"
                )

    @property
    def n_hidden_layers(self) -> int:
        """Number of hidden layers."""
        return len(self.sizes) - 2

    @property
    def populations(self) -> tuple[str, ...]:
        """Names of the populations from input to output."""
        return ("inputs", *(f"hidden_{k}" for k in range(1, self.n_hidden_layers + 1)), "output")

    @property
    def generators(self) -> tuple[str, ...]:
        """Names of the groups that emit the task's spikes."""
        return ("inputs", "targets", "cues") if self.model.error.on_cue else ("inputs", "targets")

    @property
    def forward(self) -> tuple[str, ...]:
        """Names of the weight groups, from the input on."""
        return tuple(f"forward_{k}" for k in range(1, len(self.sizes)))

    def is_plastic(self, k: int) -> bool:
        """Whether the `k`-th weight group (from 1) learns."""
        return self.hidden_learning or k == len(self.sizes) - 1

    def shape(self, k: int) -> tuple[int, int]:
        """Presynaptic and postsynaptic units of the `k`-th weight group (from 1)."""
        return self.sizes[k - 1], self.sizes[k]

    def probed_synapses(self, k: int) -> Integers:
        """Which synapses of the `k`-th weight group (from 1) a probe records: presynaptic times n_post plus postsynaptic."""
        return np.unique(np.linspace(0, np.prod(self.shape(k)) - 1, self.probe_synapses).astype(int))

    @property
    def n_synapses(self) -> int:
        """Number of weights."""
        return sum(a * b for a, b in zip(self.sizes[:-1], self.sizes[1:], strict=True))


class Assembly:
    """The Brian2 objects of a `Structure`, in one `Network`.

    Parameters
    ----------
    structure : Structure
        What to build.
    kernel : str
        How plastic synapses are integrated: see `superspike_brian.codegen.kernels`.

    Attributes
    ----------
    net : brian2.Network
        All objects; run it with ``namespace={}``.
    groups : dict of str to object
        The objects by name.
    kernels : dict of str to str
        What integrates each plastic weight group.
    initial : list of tuple
        Layer, variable and initial value, in the model's order.
    """

    def __init__(self, structure: Structure, kernel: str = "stock") -> None:
        self.structure, self.model, self.kernel = structure, structure.model, kernel
        self.clock = Clock(structure.dt, name="network_clock")
        self.update_clock = Clock(self.model.interval, name="update_clock")
        self.groups: dict[str, Any] = {}  # Brian2's objects by name
        self.kernels: dict[str, str] = {}
        self.initial: list[tuple[NeuronGroup, str, str]] = []  # layer, variable, expression
        for name in structure.generators:
            size = structure.sizes[0 if name == "inputs" else -1]
            self._add(SpikeGeneratorGroup, size, [], [] * second, period=1 * second, clock=self.clock, name=name)
        for name, size in zip(structure.populations[1:], structure.sizes[1:], strict=True):
            self._add_layer(name, size)
        for k in range(1, len(structure.sizes)):
            self._connect(k)
        self._add_errors()
        self._add_monitors()
        self.net = Network(list(self.groups.values()))
        self.initialise()

    def initialise(self, given: Collection[str] = ()) -> None:
        """Give variables the values that the model says, save for those whose ``group.variable`` is given."""
        for layer, variable, value in self.initial:
            if f"{layer.name}.{variable}" not in given:
                view = layer.state(variable)  # `layer.variable` could be an attribute of Brian2's own
                view.set_item(slice(None), value, namespace={})

    def _add(self, kind, *args, name, **kwds):
        self.groups[name] = kind(*args, name=name, **kwds)
        return self.groups[name]

    def _namespace(self, *equations):
        """Constants for a group: all parameters that the group does not declare as variables."""
        declared = {name for e in equations for name in e.names}
        return {k: v for k, v in self.model.parameters.items() if k not in declared}

    def _add_layer(self, name, size):
        neuron, output = self.model.neuron, name == "output"
        equations = self.model.layer_equations(output=output)
        layer = self._add(
            NeuronGroup,
            size,
            equations,
            threshold=neuron.threshold,
            reset=self.model.reset(output=output),
            refractory=neuron.refractory,
            codeobj_class=neurons.code_object_class(self.kernel),
            method=_method(neuron.method),
            namespace=self._namespace(equations),
            clock=self.clock,
            name=name,
        )
        self.initial += [(layer, *value) for value in self.model.initial_values(output=output)]
        if output:
            layer.run_regularly(self.model.error.cost_update, clock=self.clock, when="end", name="output_cost")

    def _connect(self, k):
        rule, delay = self.model.plasticity, self.model.delay
        source, target = (self.groups[name] for name in self.structure.populations[k - 1 : k + 1])
        regularizer = NO_DECAY if target.name == "output" else self.model.regularizer
        plastic = self.structure.is_plastic(k)
        equations = self.model.synapse_equations(regularizer) if plastic else "w : volt"
        forward = self._add(
            Synapses,
            source,
            target,
            equations,
            on_pre=self.model.neuron.on_input,
            delay=delay,
            method=_method(rule.method),
            namespace=self._namespace(equations) if plastic else self.model.parameters,
            clock=self.clock,
            codeobj_class=all_to_all.code_object_class(self.kernel, self.model.neuron.on_input),
            name=f"forward_{k}",
        )
        layout = all_to_all.connect(forward)  # in the order of the presynaptic units
        if plastic:
            self._add_terminals(k, source, forward, delay)
            if forward.state_updater is not None:
                forward.state_updater.order = -1
            self.kernels[forward.name] = kernels.install(forward, layout, self.kernel)
            forward.run_regularly(
                self.model.optimizer.update, clock=self.update_clock, when="start", name=f"forward_{k}_update"
            )

    def _add_terminals(self, k, source, forward, delay):
        rule = self.model.plasticity
        terminals = self._add(
            NeuronGroup,
            len(source),
            rule.terminal_equations,
            method=_method(rule.terminal_method),
            namespace=self._namespace(Equations(rule.terminal_equations)),
            codeobj_class=neurons.code_object_class(self.kernel),
            clock=self.clock,
            name=f"terminals_{k}",
        )
        arrivals = self._add(
            Synapses,
            source,
            terminals,
            on_pre=rule.on_arrival,
            delay=delay,
            clock=self.clock,
            codeobj_class=axons.code_object_class(self.kernel),
            name=f"axons_{k}",
        )
        arrivals.connect(j="i")
        # the traces of a synapse's terminal are presynaptic variables of the synapse
        for variable in terminals.equations.names:
            forward.variables.add_reference(f"{variable}_pre", terminals, variable, index="_presynaptic_idx")

    def _add_errors(self):
        output, targets, error = self.groups["output"], self.groups["targets"], self.model.error
        for origin, source, code in (("target", targets, error.on_target), ("output", output, error.on_output)):
            self._add_events(source, code, f"error_{origin}")
        if error.on_cue:  # order -1: before the impulses
            self._add_events(self.groups["cues"], error.on_cue, "window_cue", order=-1)
            self._add_events(targets, error.on_deadline, "window_deadline", order=-1)
        if not self.structure.hidden_learning:
            return
        for k in range(1, self.structure.n_hidden_layers + 1):
            for source, code in (
                (targets, self.model.feedback.on_target),
                (output, self.model.feedback.on_output),
            ):
                self._add_feedback(k, source, code)

    def _add_events(self, source, code, name, order=0):
        output = self.groups["output"]
        namespace = self._namespace(output.equations)
        events = self._add(
            Synapses,
            source,
            output,
            on_pre=code,
            delay=0 * ms,
            namespace=namespace,
            clock=self.clock,
            codeobj_class=axons.code_object_class(self.kernel),
            name=name,
        )
        events.pre.order += order
        events.connect(j="i")

    def _add_feedback(self, k, source, code):
        hidden, feedback = self.groups[f"hidden_{k}"], self.model.feedback
        origin = "target" if source.name == "targets" else "output"
        equations = feedback.equations
        pathway = self._add(
            Synapses,
            source,
            hidden,
            equations,
            on_pre=code,
            delay=0 * ms,
            codeobj_class=all_to_all.code_object_class(self.kernel, code, post_major=True),
            namespace=self._namespace(Equations(equations)),
            clock=self.clock,
            name=f"feedback_{origin}_{k}",
        )
        for name in Equations(self.model.error.judge_equations).names:
            pathway.variables.add_reference(name, self.groups["output"], name, index="_presynaptic_idx")
        # synapse s goes from output unit s % n_out to hidden unit s // n_out: the order of the forward weights
        all_to_all.connect(pathway, post_major=True)
        if feedback.weights == "forward":
            pathway.variables.add_reference("w", self.groups[f"forward_{k + 1}"], "w")

    def _add_monitors(self):
        for name in ("inputs", "targets", *self.structure.populations[1:]):
            self._add(SpikeMonitor, self.groups[name], name=f"spikes_{name}")
        for name, (watched, record) in probes.recorded(self.structure).items():
            source = self.groups[name]
            lags = self.kernels.get(name) in kernels.CHUNK
            if lags or (name in self.kernels and not _are_own(source, watched)):
                equations, method = probes.equations_of(self.structure)[name], _method(self.model.plasticity.method)
                arguments, group = (source, equations, record, watched, lags, method), name.replace("forward", "probed")
                source, record = self._add(ProbedSynapses, *arguments, name=group), np.arange(len(record))
            self._add(StateMonitor, source, watched, record=record, clock=self.clock, name=f"probe_{name}")

    def is_probe(self, name: str) -> bool:
        """Whether an object records in probe windows only (output spikes are always recorded)."""
        return name.startswith("probe_") or (name.startswith("spikes_") and name != "spikes_output")


def _are_own(synapses, names):
    """Whether variables are arrays of the synapses themselves."""
    indices, variables = synapses.variables.indices, synapses.variables
    return all(indices[n] == "_idx" and isinstance(variables[n], ArrayVariable) for n in names)


def _size(value):
    """Units of a population as an int; refuses what is no whole number."""
    if isinstance(value, bool | np.bool_):
        raise ValueError(f"the units of a layer must be a whole number, not {value!r}")
    try:
        return operator.index(value)
    except TypeError as error:
        raise ValueError(f"the units of a layer must be a whole number, not {value!r}") from error


def _method(name):
    return exact_by_blocks if name == "exact" else name
