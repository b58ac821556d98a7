"""Task and model become Brian2 objects: populations, plastic synapses, error and feedback pathways, monitors.

==================  ==================================================================================
name                object
==================  ==================================================================================
inputs, targets     SpikeGeneratorGroup: frozen patterns that repeat with the task's period, or a block's schedule
cues                SpikeGeneratorGroup: when an answer is expected, for errors with a window
hidden_K, output    NeuronGroup: populations, of a chain or under the names that the architecture gives
forward_K           Synapses: the K-th projection of a chain, with eligibility traces; others are named SOURCE_to_TARGET
terminals_K         NeuronGroup: axon terminals of a plastic projection's source, with the presynaptic trace
axons_K             Synapses: spikes reach their terminal after the axonal delay
window_*            Synapses: cue and deadline of an answer
verdicts            NeuronGroup: which outputs are at their deadline, where each is judged by its membrane potential
error_*             Synapses: impulses of the output error, from target and output spikes
feedback_*_K        Synapses: the same impulses, to a hidden population; feedback_K: errors that are summed in every step
probed_K            ProbedSynapses: copies of the probed synapses, where the kernel of a projection lags behind; views of
                    them, where what is recorded is not in the synapses
spikes_*, probe_*   monitors
==================  ==================================================================================

K is the number in a chain, and the name of another projection or population.

Within one time step synapses are integrated before neurons, so that both read the values of the step's start.
"""

from collections.abc import Collection
from typing import Any

import numpy as np
from brian2 import (
    Clock,
    Equations,
    Network,
    NeuronGroup,
    SpikeGeneratorGroup,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    linked_var,
    ms,
    second,
)

from ..codegen import all_to_all, axons, kernels, neurons, sparse
from ..codegen.brian2_api import ArrayVariable
from ..codegen.exact import exact_by_blocks
from ..codegen.layouts import Layout, layout_of
from ..codegen.probed import EVERY, ProbedSynapses
from . import probes
from .structure import Structure
from .synapses import pairs

VERDICTS = """
judged    : boolean
potential : volt
U         : volt (linked)
"""
ANY = 0  # seed of the pairs that sparse projections connect here; those of a run are inputs of its program


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
            size = structure.size(name)
            self._add(SpikeGeneratorGroup, size, [], [] * second, period=1 * second, clock=self.clock, name=name)
        for name in structure.populations[1:]:
            self._add_population(name, structure.size(name))
        for projection in structure.projections.values():
            self._connect(projection)
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

    def _add_population(self, name, size):
        model, output = self.structure.models[name], name == "output"
        neuron, equations = model.neuron, model.layer_equations(output=output)
        layer = self._add(
            NeuronGroup,
            size,
            equations,
            threshold=model.threshold(output=output),
            reset=model.reset(output=output),
            refractory=neuron.refractory,
            codeobj_class=neurons.code_object_class(self.kernel),
            method=_method(neuron.method),
            namespace=_namespace(model, equations),
            clock=self.clock,
            name=name,
        )
        self.initial += [(layer, *value) for value in model.initial_values(output=output)]
        if output:
            layer.run_regularly(model.error.cost_update, clock=self.clock, when="end", name="output_cost")

    def _connect(self, projection):
        name, model, plastic = projection.name, self.structure.models[projection.name], projection.plastic
        source, target = self.groups[projection.source], self.groups[projection.target]
        output = projection.target == "output"
        equations = model.equations_of("synapse", output=output)[0] if plastic else "w : volt"
        each, dense = self.structure.has_delays(name), self.structure.is_dense(name)
        room = all_to_all if dense and not each else sparse
        synapses = self._add(
            Synapses,
            source,
            target,
            equations,
            on_pre=model.neuron.on_input,
            delay=None if each else model.delay,
            method=_method(model.plasticity.method),
            namespace=_namespace(model, equations) if plastic else model.parameters,
            clock=self.clock,
            codeobj_class=None if each else room.code_object_class(self.kernel, model.neuron.on_input),
            name=name,
        )
        if room is all_to_all:
            layout: Layout = all_to_all.connect(synapses)  # in the order of the presynaptic units
        else:
            layout = sparse.connect(synapses, *pairs(self.structure, name, ANY))
        if plastic:
            self._add_terminals(projection, model, synapses, each)
            if synapses.state_updater is not None:
                synapses.state_updater.order = -1
            self.kernels[name] = kernels.install(synapses, layout, self.kernel, self.structure.chunk)
            synapses.run_regularly(model.optimizer.update, clock=self.update_clock, when="start", name=f"{name}_update")

    def _add_terminals(self, projection, model, synapses, each):
        """Axon terminals, which hold the presynaptic trace: one a presynaptic unit, or a synapse if each has a delay."""
        rule, source, label = model.plasticity, synapses.source, projection.label
        terminals = self._add(
            NeuronGroup,
            len(synapses) if each else len(source),
            rule.terminal_equations,
            method=_method(rule.terminal_method),
            namespace=_namespace(model, Equations(rule.terminal_equations)),
            codeobj_class=neurons.code_object_class(self.kernel),
            clock=self.clock,
            name=f"terminals_{label}",
        )
        arrivals = self._add(
            Synapses,
            source,
            terminals,
            on_pre=rule.on_arrival,
            delay=None if each else model.delay,
            clock=self.clock,
            codeobj_class=None if each else axons.code_object_class(self.kernel),
            name=f"axons_{label}",
        )
        if each:
            pre, _ = pairs(self.structure, projection.name, ANY)
            sparse.connect(arrivals, pre, np.arange(len(pre)))
        else:
            arrivals.connect(j="i")
        # the traces of a synapse's terminal are presynaptic variables of the synapse
        for variable in terminals.equations.names:
            synapses.variables.add_reference(
                f"{variable}_pre", terminals, variable, index="_idx" if each else "_presynaptic_idx"
            )

    def _add_errors(self):
        output, targets, error = self.groups["output"], self.groups["targets"], self.model.error
        for origin, source, code in (("target", targets, error.on_target), ("output", output, error.on_output)):
            self._add_events(source, code, f"error_{origin}")
        if error.on_cue:  # order -1: before the impulses
            self._add_events(self.groups["cues"], error.on_cue, "window_cue", order=-1)
            self._add_events(targets, error.on_deadline, "window_deadline", order=-1)
        if error.judged == "every":
            self._add_verdicts()
        for pathway in self.structure.pathways.values():
            feedback = self.structure.models[f"feedback_{pathway.label}"].feedback
            if feedback.error_equations:
                self._add_feedback(pathway, f"feedback_{pathway.label}", self.groups[pathway.source], None)
                continue
            for origin, source, code in (
                ("target", targets, feedback.on_target),
                ("output", output, feedback.on_output),
            ):
                self._add_feedback(pathway, f"feedback_{origin}_{pathway.label}", source, code)

    def _add_events(self, source, code, name, order=0, to="output"):
        target = self.groups[to]
        namespace = _namespace(self.structure.models["output"], target.equations)
        events = self._add(
            Synapses,
            source,
            target,
            on_pre=code,
            delay=0 * ms,
            namespace=namespace,
            clock=self.clock,
            codeobj_class=axons.code_object_class(self.kernel),
            name=name,
        )
        events.pre.order += order
        events.connect(j="i")

    def _add_verdicts(self):
        """Record the membrane potential of each output at its deadlines."""
        output = self.groups["output"]
        verdicts = self._add(
            NeuronGroup,
            len(output),
            VERDICTS,
            threshold="judged",
            reset="judged = False",
            clock=self.clock,
            name="verdicts",
        )
        verdicts.U = linked_var(output, "U")
        verdicts.thresholder["spike"].when = "after_synapses"  # in the step of the deadline
        code = "judged_post = True; potential_post = U_post"
        self._add_events(self.groups["targets"], code, "deadlines", to="verdicts")
        self._add(SpikeMonitor, verdicts, variables=["potential"], when="end", name="spikes_verdicts")

    def _add_feedback(self, pathway, name, source, code):
        model, target = self.structure.models[f"feedback_{pathway.label}"], self.groups[pathway.target]
        equations, back = model.feedback.equations, self.structure.forward_weights(pathway)
        dense = not back or self.structure.is_dense(back)
        made = self._add(
            Synapses,
            source,
            target,
            equations,
            **({"on_pre": code, "delay": 0 * ms} if code else {}),
            codeobj_class=all_to_all.code_object_class(self.kernel, code or "", post_major=True) if dense else None,
            namespace=_namespace(model, Equations(equations)),
            clock=self.clock,
            name=name,
        )
        for variable, equation in Equations(model.error.judge_equations).items():
            index = "0" if "shared" in equation.flags else "_presynaptic_idx"
            made.variables.add_reference(variable, self.groups["output"], variable, index=index)
        if dense:
            # synapse s goes from output unit s % n_out to hidden unit s // n_out: the order of the forward weights
            all_to_all.connect(made, post_major=True)
        else:
            hidden, outputs = pairs(self.structure, back, ANY)
            sparse.connect(made, outputs, hidden, ascending=False)
        if back:
            made.variables.add_reference("w", self.groups[back], "w")
        # before synapses are integrated, the errors of the later layers first
        for updater in made.summed_updaters.values():
            updater.order = -2 - list(self.structure.pathways).index(pathway.target)

    def _add_monitors(self):
        for name in ("inputs", "targets", *self.structure.populations[1:]):
            self._add(SpikeMonitor, self.groups[name], name=f"spikes_{name}")
        for name, (watched, record) in probes.recorded(self.structure).items():
            source = self.groups[name]
            lags = self.kernels.get(name) in kernels.LAGGING
            if lags or (name in self.kernels and not _are_own(source, watched)):
                equations = probes.equations_of(self.structure)[name]
                method = _method(self.structure.models[name].plasticity.method)
                arguments = (source, equations, record, watched, lags, method)
                group = f"probed_{self.structure.projections[name].label}"
                source, record = self._add(ProbedSynapses, *arguments, name=group), np.arange(len(record))
            self._add(StateMonitor, source, watched, record=record, clock=self.clock, name=f"probe_{name}")

    @property
    def every(self) -> int:
        """Time steps after which all lagging kernels have caught up, wherever a run starts."""
        return max([EVERY, *(self.chunk_of(name) for name in self.kernels)])

    def chunk_of(self, name: str) -> int:
        """Steps that the kernel of a projection records before it catches up."""
        layout = layout_of(self.groups[name])
        return self.structure.chunk or kernels.fitting_chunk(self.kernels[name], layout)

    def is_probe(self, name: str) -> bool:
        """Whether an object records in probe windows only (output spikes and verdicts are always recorded)."""
        return name.startswith("probe_") or (
            name.startswith("spikes_") and name not in ("spikes_output", "spikes_verdicts")
        )


def _namespace(model, equations):
    """Constants for a group: all parameters that the group does not declare as variables."""
    declared = set(equations.names)
    return {k: v for k, v in model.parameters.items() if k not in declared}


def _are_own(synapses, names):
    """Whether variables are arrays of the synapses themselves."""
    indices, variables = synapses.variables.indices, synapses.variables
    return all(indices[n] == "_idx" and isinstance(variables[n], ArrayVariable) for n in names)


def _method(name):
    return exact_by_blocks if name == "exact" else name
