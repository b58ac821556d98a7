"""What decides the generated code of a network: model, architecture, time step, and what probes record."""

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from brian2 import Quantity, get_dimensions, ms, second

from ..models import Architecture, Component, Model, ModelError, Pathway, Projection, chain
from ..models.checks import check_frozen, check_values, constant
from ..models.renamed import at_one
from ..values.clock import n_steps
from ..values.hints import Integers
from ..values.quantities import readable
from ..values.renamed import current
from . import probes

DT = 0.1 * ms


@dataclasses.dataclass(frozen=True)
class Structure:
    """What decides the generated code; everything else is an input of the compiled program.

    Parameters
    ----------
    model : Model
        Equations and constants.
    network : Architecture or sequence of int
        Populations and projections, with the sizes of inputs and output; or the units of inputs, hidden layers (if any) and
        output of a chain.
    hidden_learning : bool
        Whether weights onto hidden populations are plastic.
    dt : Quantity
        Time step (second).
    probe_units : int, sequence of int, or mapping of str to one of these
        How many units of each layer probe windows record (the first ones), or which; for all layers, or for those named.
    probe_synapses : int
        How many synapses of each projection they record, evenly spread.
    probe_variables : str or sequence of str, optional
        Which variables of layers and synapses they record; of synapses also ``NAME_pre`` and ``NAME_post``. Default: U,
        error, sigma_prime, eligibility, m and w.
    chunk : int, optional
        Time steps that the fast kernels record before they are flushed; default: what fits each projection.
    samples : int
        Samples of the target, where it is a signal.

    Attributes
    ----------
    architecture : Architecture
        What is built.
    models : dict of str to Model
        The rule of each population (but inputs), each projection, and of the pathway to each
        population (under *feedback* and its label).

    Raises
    ------
    ValueError
        If sizes do not fit the model, or the network has not what is to be probed.
    """

    model: Model
    network: Architecture | Sequence[int]
    hidden_learning: bool = True
    dt: Quantity = dataclasses.field(default_factory=lambda: DT)
    probe_units: int | tuple | Mapping = probes.UNITS
    probe_synapses: int = probes.SYNAPSES
    probe_variables: str | Sequence[str] | None = None
    chunk: int | None = None
    samples: int = 0
    architecture: Architecture = dataclasses.field(init=False, repr=False, compare=False)
    models: dict[str, Model] = dataclasses.field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        network = self.network if isinstance(self.network, Architecture) else _layers(self.network, self.model.feedback)
        if not network.is_sized:
            raise ValueError("the architecture has no sizes of inputs and output: use architecture.sized(n, m)")
        if not self.hidden_learning:
            network = network.without_hidden_learning()
        object.__setattr__(self, "architecture", network)
        object.__setattr__(self, "model", _at_one(self.model, network))
        if not isinstance(self.network, Architecture):
            object.__setattr__(self, "network", self.sizes)
        object.__setattr__(self, "models", dict(self._rules()))
        self._check_times()
        self._check_projections()
        object.__setattr__(self, "probe_units", probes.Units().check(self.probe_units, "probe_units"))
        if self.probe_variables is not None:
            names = probes.Names().check(self.probe_variables, "probe_variables").split(",")
            known = {v for variables in probes.variables_of(self).values() for v in variables}
            object.__setattr__(self, "probe_variables", tuple(current(name, known) for name in names))
        if self.probe_units != probes.UNITS or self.probe_variables is not None:
            probes.check_recorded(self)

    def _rules(self) -> Iterator[tuple[str, Model]]:
        found: dict[str, Model] = {}
        for population in self.architecture.populations[1:]:
            where = f"Population({population.name!r})"
            parts = population.components
            if population.name in self.pathways:  # which may say where its error comes from
                parts |= self.pathways[population.name].components
            found[population.name] = _said(where, lambda parts=parts: _variant(self.model, parts))
        yield from found.items()
        for p in self.projections.values():
            yield p.name, _said(p.where, lambda p=p: p.rule(found[p.target]))
        for way in self.pathways.values():
            yield f"feedback_{way.label}", _said(way.where, lambda w=way: _variant(found[w.target], w.components))

    def _check_times(self) -> None:
        """Refuse a time step that is none, and times of the model that it does not divide."""
        if get_dimensions(self.dt) is not second.dim or not 0 < float(self.dt) < np.inf:
            raise ValueError(f"the time step dt must be a positive time, as 0.1*ms, not {self.dt}")
        for model in {id(m): m for m in (self.model, *self.models.values())}.values():
            for component, field, value in (
                (model.neuron, "refractory", model.refractory_period),
                (model.plasticity, "delay", model.delay),
                (model.optimizer, "interval", model.interval),
            ):
                if value is not None:
                    self._check_steps(component, field, value)

    def _check_steps(self, component: Any, field: str, value: Quantity) -> None:
        steps = float(value / self.dt)
        if abs(steps - round(steps)) > 1e-6 * max(1, round(steps)) or (field == "interval" and steps < 0.5):
            near = [k * self.dt for k in (np.floor(steps), np.ceil(steps)) if k > 0 or field != "interval"]
            raise ModelError(
                f"{component.name}, {field} '{getattr(component, field)}': {readable(value)} is no multiple of the time "
                f"step dt, {readable(self.dt)}; the nearest are {' and '.join(map(readable, near))}"
            )

    def _check_projections(self) -> None:
        for p in self.projections.values():
            model = self.models[p.name]
            if p.plastic and model.interval != self.model.interval:
                raise ModelError(
                    f"{p.where}, optimizer: it updates weights every {readable(model.interval)}, and the model every "
                    f"{readable(self.model.interval)}: all projections are updated at the same time"
                )
            if p.plastic and (states := model.optimizer.states) != self.model.optimizer.states:
                raise ModelError(
                    f"{p.where}, optimizer: states are {states!r} at its updates, and {self.model.optimizer.states!r} in the "
                    "model: all groups have them in common"
                )
            if p.plastic and p.source in self.models:
                mine = model.equations_of("synapse", output=p.target == "output")[0].names
                theirs = self.models[p.source].layer_equations(output=p.source == "output").names
                if shared := sorted(mine & theirs):
                    raise ModelError(
                        f"{p.where}: '{shared[0]}' is a variable of {p.source} and of the projection's synapses: rename one"
                    )
            if p.source == "targets" and self.model.error.target == "signal":
                raise ModelError(f"{p.where}, source: the target is a signal: it has no spikes to send")
            if not p.plastic:
                _said(p.where, lambda m=model: check_frozen(m))
            for field, unit in (("initial", "volt"), ("delay", "second")):
                if isinstance(code := getattr(p, field), str):
                    _said(f"{p.where}, {field}", lambda m=model, c=code, u=unit: check_values(m, c, u))
        for way in self.pathways.values():
            feedback = self.models[f"feedback_{way.label}"].feedback
            if way.source != "output" and not feedback.error_equations:
                raise ModelError(
                    f"{way.where}, source: {feedback.name} feedback sends impulses of the output; only feedback that sums "
                    "errors in every step, as layerwise, can come from another population"
                )
            self.forward_weights(way)
            if way.weights is not None and feedback.weights != "normal":
                raise ModelError(f"{way.where}, weights: {feedback.name} feedback has no weights of its own")

    def weights_of(self, pathway: Pathway) -> Projection:
        """The projection whose weights a pathway of symmetric feedback takes.

        Raises
        ------
        ModelError
            If there is none, or more than one.
        """
        found = self.architecture.ways_back(pathway)
        if pathway.through is not None:
            return self.projections[pathway.through]
        if len(found) == 1:
            return found[0]
        feedback = self.models[f"feedback_{pathway.label}"].feedback
        if found:
            raise ModelError(
                f"{pathway.where}, through: {len(found)} projections lead from {pathway.target} to {pathway.source}: name "
                f"the one whose weights {feedback.name} feedback takes, {' or '.join(p.name for p in found)}"
            )
        instead = "use random, uniform or layerwise feedback, or one hidden layer"
        if feedback.error_equations:
            instead = (
                f"send the errors of a population that {pathway.target} leads to, as chain([4, 3], LAYERWISE) does"
            )
        raise ModelError(
            f"{pathway.where}, feedback: {feedback.name} feedback needs weights from the hidden layer to the output, and no "
            f"projection leads from {pathway.target} to {pathway.source}: {instead}"
        )

    def forward_weights(self, pathway: Pathway) -> str:
        """Name of the projection whose weights a pathway takes; empty if it has its own, or none."""
        forward = self.models[f"feedback_{pathway.label}"].feedback.weights == "forward"
        return self.weights_of(pathway).name if forward else ""

    def feedback_groups(self, pathway: Pathway) -> tuple[str, ...]:
        """Names of the groups that carry the errors of a pathway: impulses of targets and outputs, or sums in every step."""
        if self.models[f"feedback_{pathway.label}"].feedback.error_equations:
            return (f"feedback_{pathway.label}",)
        return f"feedback_target_{pathway.label}", f"feedback_output_{pathway.label}"

    @cached_property
    def projections(self) -> dict[str, Projection]:
        """Projections by name, in order."""
        return {p.name: p for p in self.architecture.projections}

    @cached_property
    def plastic(self) -> tuple[str, ...]:
        """Names of the projections that learn."""
        return tuple(name for name, p in self.projections.items() if p.plastic)

    @cached_property
    def pathways(self) -> dict[str, Pathway]:
        """Feedback pathways by the population that they reach."""
        return {p.target: p for p in self.architecture.pathways}

    @property
    def populations(self) -> tuple[str, ...]:
        """Names of the populations from input to output."""
        return tuple(p.name for p in self.architecture.populations)

    @property
    def hidden(self) -> tuple[str, ...]:
        """Names of the populations between input and output."""
        return self.populations[1:-1]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Units of the populations, from input to output."""
        return tuple(int(p.size or 0) for p in self.architecture.populations)

    def size(self, population: str) -> int:
        """Units of a population, or of the task's ``targets`` and ``cues``; a signal has one for each of its samples."""
        if population == "targets" and self.model.error.target == "signal":
            return self.samples
        return dict(zip(self.populations, self.sizes, strict=True)).get(population, self.sizes[-1])

    @property
    def generators(self) -> tuple[str, ...]:
        """Names of the groups that emit the task's spikes."""
        return ("inputs", "targets", "cues") if self.model.error.on_cue else ("inputs", "targets")

    @property
    def spiking(self) -> tuple[str, ...]:
        """Names of the groups whose spikes are recorded."""
        given = ("inputs",) if self.model.error.target == "signal" else ("inputs", "targets")
        return *given, *self.populations[1:]

    def shape(self, name: str) -> tuple[int, int]:
        """Presynaptic and postsynaptic units of a projection."""
        return self.architecture.shape(self.projections[name])

    def is_dense(self, name: str) -> bool:
        """Whether a projection has all pairs: its weights are then an array of its `shape`."""
        return self.architecture.is_dense(self.projections[name])

    def n_synapses_of(self, name: str) -> int:
        """Synapses of a projection."""
        return self.architecture.n_synapses(self.projections[name])

    def bounds(self, name: str) -> tuple[float, float]:
        """Bounds (volt) that a projection sets on its weights, infinite where it sets none."""
        p, model = self.projections[name], self.models[name]
        low, high = (None if code is None else constant(model, code) for code in (p.low, p.high))
        return -np.inf if low is None else low, np.inf if high is None else high

    def has_delays(self, name: str) -> bool:
        """Whether every synapse of a projection has a delay of its own."""
        delay = self.projections[name].delay
        return isinstance(delay, np.ndarray) or (isinstance(delay, str) and constant(self.models[name], delay) is None)

    def probed_synapses(self, name: str) -> Integers:
        """Which synapses of a projection a probe records, by number, in the order of their presynaptic units."""
        return np.unique(np.linspace(0, self.n_synapses_of(name) - 1, self.probe_synapses).astype(int))

    @property
    def n_synapses(self) -> int:
        """Number of weights."""
        return sum(map(self.n_synapses_of, self.projections))

    @property
    def feedback(self) -> str:
        """Names of the feedback of all pathways, or 'none'."""
        return " and ".join(dict.fromkeys(c.name for c in self.components.get("feedback", ()))) or "none"

    @cached_property
    def components(self) -> dict[str, tuple[Component, ...]]:
        """Components that the network has a use for, by field; without hidden populations no feedback and no regulariser."""
        found: dict[str, list[Component]] = {kind: [] for kind in self.model.components}
        for name in self.populations[1:]:
            own = name == "output" and self.models[name].error.output_equations
            self._use(found, self.models[name], "neuron", "error", *(() if own else ("surrogate",)))
        for name in self.plastic:
            hidden = ("regularizer",) if self.projections[name].target != "output" else ()
            self._use(found, self.models[name], "plasticity", "optimizer", *hidden)
        for way in self.pathways.values():
            self._use(found, self.models[f"feedback_{way.label}"], "feedback")
        return {kind: tuple(used) for kind, used in found.items() if used}

    @staticmethod
    def _use(found: dict[str, list[Component]], model: Model, *kinds: str) -> None:
        for kind in kinds:
            component = getattr(model, kind)
            if component not in found[kind]:
                found[kind].append(component)

    @property
    def summary(self) -> str:
        """Its units in a line."""
        return in_words(dict(zip(self.populations, self.sizes, strict=True)))

    def learning_rate(self, name: str, step: int = 0) -> float:
        """Learning rate (volt) of a plastic projection at a time step, 0 while it does not learn."""
        p = self.projections[name]
        begins, ends = (None if t is None else n_steps(t, self.dt) for t in (p.learn_from, p.learn_until))
        if (begins is not None and step < begins) or (ends is not None and step >= ends):
            return 0.0
        return float(self.models[name].parameters["r0"]) * p.r0_factor

    @cached_property
    def learning_edges(self) -> list[int]:
        """Time steps at which a projection begins or ends to learn."""
        times = (t for p in self.projections.values() for t in (p.learn_from, p.learn_until) if t is not None)
        return sorted({n_steps(t, self.dt) for t in times} - {0})


def _at_one(model, network):
    """The model with today's names, where components of the network have them, and it has older ones."""
    records = (*network.populations, *network.projections, *network.pathways)
    parts = {f"{n} {kind}": c for n, record in enumerate(records) for kind, c in record.components.items()}
    found = at_one(parts | model.components)
    return model.replace(**{kind: found[kind] for kind in model.components}) if parts else model


def _variant(model, components):
    return model.replace(**components) if components else model


def _said(where, function):
    """Call a function; errors of the model then name the record."""
    try:
        return function()
    except ModelError as error:
        raise ModelError(f"{where}: {error}") from error


def _layers(sizes, feedback):
    """The chain of some sizes."""
    sizes = tuple(sizes)
    if len(sizes) < 2:
        raise ModelError(f"a network needs at least one input and one output unit: {sizes}")
    return chain(sizes[1:-1], feedback).sized(sizes[0], sizes[-1])


def in_words(sizes: Mapping[str, int]) -> str:
    """Units of populations in a line, from inputs to output: 100-4-1 where they are layers of a chain."""
    if all(re.fullmatch(r"hidden_\d+", name) for name in list(sizes)[1:-1]):
        return "-".join(map(str, sizes.values()))
    return ", ".join(f"{n} {name}" for name, n in sizes.items())
