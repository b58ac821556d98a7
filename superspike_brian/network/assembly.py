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
probed_K            ProbedSynapses: copies of the probed synapses, where the kernel of a projection is deferred; views of
                    them, where what is recorded is not in the synapses
spikes_*, probe_*   monitors
==================  ==================================================================================

K is the number in a chain, and the name of another projection or population.

The parts of the model are made by `superspike_brian.network.objects`, as in a script of one's own.
"""

from collections.abc import Collection
from typing import Any

import numpy as np
from brian2 import (
    Clock,
    Network,
    NeuronGroup,
    SpikeGeneratorGroup,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    linked_var,
    second,
)

from ..codegen import all_to_all, kernels, sparse
from ..codegen.brian2_api import ArrayVariable
from ..codegen.layouts import layout_of
from ..codegen.probed import EVERY, ProbedSynapses
from . import probes
from .maker import Role, method_of
from .objects import Builder
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
        self.builder = Builder(kernel, self.clock, self.update_clock, initialise=False)
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

    def _keep(self, made: Any) -> Any:
        """Keep a group of the builder, and those that belong to it, by name."""
        self.groups[made.name] = made
        for part in made.contained_objects:
            if isinstance(part, NeuronGroup | Synapses):
                self._keep(part)
        return made

    def _add_population(self, name, size):
        model, output = self.structure.models[name], name == "output"
        layer = self._keep(self.builder.population(size, model, role="output" if output else "hidden", name=name))
        self.initial += [(layer, *value) for value in model.initial_values(output=output)]

    def _connect(self, projection):
        name, model = projection.name, self.structure.models[projection.name]
        source, target = self.groups[projection.source], self.groups[projection.target]
        each, dense = self.structure.has_delays(name), self.structure.is_dense(name)
        room = all_to_all if dense and not each else sparse
        code = None if each else room.code_object_class(self.kernel, model.neuron.on_input)

        def connect(synapses):
            if room is all_to_all:
                all_to_all.connect(synapses)  # in the order of the presynaptic units
            else:
                sparse.connect(synapses, *pairs(self.structure, name, ANY))

        if not projection.plastic:
            delay = None if each else model.delay
            made = self.builder.synapses(source, target, model, "w : volt", name, delay=delay, codeobj_class=code)
            connect(self._keep(made))
            return
        role: Role = "output" if projection.target == "output" else "hidden"
        synapses = self._keep(
            self.builder.plastic_synapses(
                source,
                target,
                model,
                connect=connect,
                delay="each" if each else None,
                role=role,
                name=name,
                label=projection.label,
                codeobj_class=code,
            )
        )
        if each:
            pre, _ = pairs(self.structure, name, ANY)
            sparse.connect(self.groups[f"axons_{projection.label}"], pre, np.arange(len(pre)))
        kernel = self.kernel
        if model.optimizer.states == "reset" and kernel in ("auto", *kernels.DEFERRED):
            kernel = "dense"  # one step at a time: deferred kernels do not hear that a trace begins anew
        self.kernels[name] = kernels.install(synapses, layout_of(synapses), kernel, self.structure.chunk)

    def _add_errors(self):
        output, targets, error = self.groups["output"], self.groups["targets"], self.model.error
        names = {"target": "error_target", "output": "error_output", "cue": "window_cue", "deadline": "window_deadline"}
        model = self.structure.models["output"]
        # the model's error signal: all populations have the same
        self._keep(self.builder.error_synapses(targets, output, model, cues=self.groups.get("cues"), names=names))
        if error.judged == "every":
            self._add_verdicts()
        for pathway in self.structure.pathways.values():
            self._add_feedback(pathway)

    def _add_feedback(self, pathway):
        model, back = self.structure.models[f"feedback_{pathway.label}"], self.structure.forward_weights(pathway)
        dense = not back or self.structure.is_dense(back)

        def connect(made):
            if dense:
                all_to_all.connect(made, post_major=True)
            else:
                hidden, outputs = pairs(self.structure, back, ANY)
                sparse.connect(made, outputs, hidden, ascending=False)

        made = self._keep(
            self.builder.feedback_synapses(
                self.groups["targets"],
                self.groups[pathway.source],
                self.groups[pathway.target],
                model,
                forward=self.groups[back] if back else None,
                connect=connect,
                names=self.structure.feedback_groups(pathway),
                code_of=lambda code: (
                    all_to_all.code_object_class(self.kernel, code, post_major=True) if dense else None
                ),
            )
        )
        # before synapses are integrated, the errors of the later layers first
        for updater in made.summed_updaters.values():
            updater.order = -2 - list(self.structure.pathways).index(pathway.target)

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
        self._keep(
            self.builder.events(self.groups["targets"], verdicts, self.structure.models["output"], code, "deadlines")
        )
        self._add(SpikeMonitor, verdicts, variables=["potential"], when="end", name="spikes_verdicts")

    def _add_monitors(self):
        for name in self.structure.spiking:
            self._add(SpikeMonitor, self.groups[name], name=f"spikes_{name}")
        for name, (watched, record) in probes.recorded(self.structure).items():
            source = self.groups[name]
            deferred = self.kernels.get(name) in kernels.DEFERRED
            if deferred or (name in self.kernels and not _are_own(source, watched)):
                equations = probes.equations_of(self.structure)[name]
                method = method_of(self.structure.models[name].plasticity.method)
                arguments = (source, equations, record, watched, deferred, method)
                group = f"probed_{self.structure.projections[name].label}"
                source, record = self._add(ProbedSynapses, *arguments, name=group), np.arange(len(record))
            self._add(StateMonitor, source, watched, record=record, clock=self.clock, name=f"probe_{name}")

    @property
    def every(self) -> int:
        """Time steps after which all deferred kernels have been flushed, wherever a run starts."""
        return max([EVERY, *(self.chunk_of(name) for name in self.kernels)])

    def chunk_of(self, name: str) -> int:
        """Steps that the kernel of a projection records before it is flushed."""
        layout = layout_of(self.groups[name])
        return self.structure.chunk or kernels.fitting_chunk(self.kernels[name], layout)

    def is_probe(self, name: str) -> bool:
        """Whether an object records in probe windows only (output spikes and verdicts are always recorded)."""
        return name.startswith("probe_") or (
            name.startswith("spikes_") and name not in ("spikes_output", "spikes_verdicts")
        )


def _are_own(synapses, names):
    """Whether variables are arrays of the synapses themselves."""
    indices, variables = synapses.variables.indices, synapses.variables
    return all(indices[n] == "_idx" and isinstance(variables[n], ArrayVariable) for n in names)
