"""The form of a model: equation strings and parameters that check themselves.

A `Model` has seven components, one file each. A component is a frozen record of Brian2 strings and of the parameters that
they use. Its equations run in one of three places, and see each other by name:

==========  ===============================================  ==========================================================
place       Brian2 object                                    what it can read
==========  ===============================================  ==========================================================
terminals   NeuronGroup, one axon terminal a presynaptic     its own variables
            unit; spikes reach it after the axonal delay
layer       NeuronGroup, hidden or output units              its own variables
synapses    plastic Synapses, all to all                     its own, ``NAME_pre`` (terminals), ``NAME_post`` (layer)
==========  ===============================================  ==========================================================

A parameter that the equations declare as ``(shared, constant)`` is an input of the compiled program: a new value needs no
compilation. Every other parameter is a constant of the generated code.
"""

import dataclasses
import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Self

from brian2 import Equations, Quantity, second

from superspike_brian.values.renamed import current

from .checks import ModelError, check_component, check_model, joined, plain, seconds, statements_of
from .renamed import at_one

SIGNAL = """
signal : volt
known  : 1
"""


class Record:
    """Copying with changes, shared by components and models."""

    def _replace_fields(self, changes: Mapping[str, Any]) -> Self:
        return dataclasses.replace(self, **changes)  # type: ignore[type-var]  # those that inherit it are dataclasses


@dataclasses.dataclass(frozen=True)
class Component(Record):
    """Equation strings of one aspect of the model, with the parameters they use.

    Parameters
    ----------
    name : str
        What descriptions and errors call it.
    parameters : mapping of str to Quantity
        Every constant that the strings use and that no other component defines.
    source : str
        Citation, and every deviation from it.

    Raises
    ------
    ModelError
        If a field is not what it must be; it names the component and the field.

    Notes
    -----
    Fields hold the code that runs: comments are left out, and lines that end in a backslash are one with the next.
    """

    name: str
    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict, kw_only=True)
    source: str = dataclasses.field(default="", kw_only=True)

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value, kind = getattr(self, field.name), Mapping if field.name == "parameters" else str
            if not isinstance(value, kind):
                what = "a mapping of names to quantities" if kind is Mapping else "a string ('' for nothing)"
                raise ModelError(f"{self.name}: `{field.name}` must be {what}, not {value!r}")
        for name, code in self.strings.items():
            object.__setattr__(self, name, plain(code))
        object.__setattr__(self, "parameters", MappingProxyType(dict(self.parameters)))
        check_component(self)

    @property
    def strings(self) -> dict[str, str]:
        """Every field of code: mapping of field name to string."""
        fields = (f.name for f in dataclasses.fields(self) if f.name not in ("name", "source", "parameters"))
        return {name: getattr(self, name) for name in fields}

    def replace(self, **changes: Any) -> Self:
        """Return a variant: fields by name, parameters by name.

        Raises
        ------
        ModelError
            If a name is neither a field nor a parameter, or the variant does not check.
        """
        fields = {f.name for f in dataclasses.fields(self)}
        values = {k: changes.pop(k) for k in list(changes) if k not in fields}
        parameters = changes.pop("parameters", self.parameters)
        if values and isinstance(parameters, Mapping):
            parameters = dict(parameters)
        for symbol, value in ((current(k, parameters), v) for k, v in values.items()):
            if symbol not in parameters:
                raise ModelError(
                    f"{self.name} has neither a field nor a parameter '{symbol}'",
                    symbol,
                    [*fields, *parameters],
                )
            parameters[symbol] = value
        return self._replace_fields({**changes, "parameters": parameters})


@dataclasses.dataclass(frozen=True)
class Neuron(Component):
    """Membrane equations of a layer; ``on_input`` is what a presynaptic spike does."""

    equations: str
    threshold: str
    reset: str
    refractory: str
    on_input: str
    initial: str
    method: str


@dataclasses.dataclass(frozen=True)
class Surrogate(Component):
    """Defines ``sigma_prime`` in a layer."""

    equations: str


@dataclasses.dataclass(frozen=True)
class ErrorSignal(Component):
    """Defines ``error`` in a layer and the events that drive it; ``cost_update`` runs every step in the output layer.

    A target spike makes an impulse of size ``target_impulse``, an output spike one of size ``-output_impulse``: parameters, or
    variables of the output layer in ``judge_equations``. In each time step ``on_cue`` and ``on_deadline``, what cue and target
    spikes change in them, come before the impulses; ``on_answer``, what the unit's own spike changes, comes after.

    Where the membrane potential is the answer, ``output_threshold`` and ``output_equations`` stand in the output for the
    neuron's threshold and for the surrogate. ``judged`` says which units have a deadline: 'expected', the one of the trial's
    class, or 'every' one; then U at the deadline is recorded.

    ``target`` says what the task gives: 'spikes', or a 'signal', which has a value in every time step. Then ``on_target`` runs
    in every step in which it has a new one, and reads `signal` (volt) and `known`, 1 where there is a target and 0 elsewhere.
    """

    equations: str
    on_target: str
    on_output: str
    cost_equations: str
    cost_update: str
    judge_equations: str = ""
    initial: str = ""
    on_cue: str = ""
    on_deadline: str = ""
    on_answer: str = ""
    output_threshold: str = ""
    output_equations: str = ""
    judged: str = "expected"
    target: str = "spikes"


@dataclasses.dataclass(frozen=True)
class Plasticity(Component):
    """Presynaptic trace (terminals), eligibility trace and accumulated gradient ``m`` (synapses)."""

    terminal_equations: str
    on_arrival: str
    delay: str
    equations: str
    terminal_method: str
    method: str


@dataclasses.dataclass(frozen=True)
class Feedback(Component):
    """How the error impulses of output unit k reach hidden unit i.

    ``weights`` says what `b` is: 'normal' (drawn once from N(0, 1)), 'forward' (the forward weights themselves, variable
    `w`) or 'none'.

    Where ``error_equations`` are given, feedback is no impulses of the output but a sum in every step: they define `error`
    in the target instead of the error signal's equations, and ``equations`` say what each synapse adds to it.
    """

    equations: str
    on_target: str
    on_output: str
    weights: str
    error_equations: str = ""


@dataclasses.dataclass(frozen=True)
class Optimizer(Component):
    """Turns the accumulated gradient ``m`` into a change of the weight ``w``, every ``interval``.

    ``states`` says what becomes of everything else then: it is 'kept', or 'reset': neurons, axon terminals and synapses begin
    anew, save for weights, what the optimiser itself declares, the running cost, spikes on their way and refractory periods. So
    every interval is a sequence of its own.
    """

    equations: str
    update: str
    interval: str
    states: str = "kept"


@dataclasses.dataclass(frozen=True)
class Regularizer(Component):
    """Defines ``weight_decay`` in hidden synapses, from variables it adds to the layer."""

    layer_equations: str
    on_spike: str
    equations: str


@dataclasses.dataclass(frozen=True)
class Model(Record):
    """A complete learning rule: what every neuron, synapse and feedback pathway does.

    Raises
    ------
    ModelError
        If a constant is missing, a name unknown or used twice, or units do not agree; it names the component, the
        equation and the symbol.
    """

    neuron: Neuron
    plasticity: Plasticity
    surrogate: Surrogate
    error: ErrorSignal
    feedback: Feedback
    optimizer: Optimizer
    regularizer: Regularizer

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, _component(field, getattr(self, field.name)))
        for kind, component in at_one(self.components).items():
            object.__setattr__(self, kind, component)
        check_model(self)

    @property
    def components(self) -> dict[str, Component]:
        """The components, by the name of their field."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}

    @property
    def parameters(self) -> dict[str, Any]:
        """All parameters of all components."""
        return {k: v for c in self.components.values() for k, v in c.parameters.items()}

    def replace(self, **changes: Any) -> Self:
        """Return a variant: components by field name, parameters by their own name.

        Examples
        --------
        >>> from superspike_brian.models import SUPERSPIKE, RANDOM
        >>> variant = SUPERSPIKE.replace(feedback=RANDOM, r0=0.5 * mV)  # doctest: +SKIP
        """
        fields = {f.name: f for f in dataclasses.fields(self)}
        components = {k: _component(fields[k], changes.pop(k, c)) for k, c in self.components.items()}
        for symbol, value in ((current(k, self.parameters), v) for k, v in changes.items()):
            homes = [k for k, c in components.items() if symbol in c.parameters]
            if not homes:
                raise ModelError(
                    f"the model has neither a component nor a parameter '{symbol}'",
                    symbol,
                    [*components, *self.parameters],
                )
            components[homes[0]] = components[homes[0]].replace(**{symbol: value})
        return self._replace_fields(components)

    @property
    def delay(self) -> Quantity:
        """Axonal delay (second)."""
        return second * seconds(self, self.plasticity, "delay")

    @property
    def interval(self) -> Quantity:
        """Time between weight updates (second)."""
        return second * seconds(self, self.optimizer, "interval")

    @property
    def refractory_period(self) -> Quantity | None:
        """Refractory period (second); None if it differs between units."""
        value = seconds(self, self.neuron, "refractory")
        return None if value is None or isinstance(value, bool) else value * second

    def layer_equations(self, *, output: bool) -> Equations:
        """Equations of a hidden or output layer, in the order of the components."""
        return self.equations_of("layer", output=output)[0]

    def synapse_equations(self, regularizer: Regularizer) -> Equations:
        """Equations of plastic synapses under `regularizer` (hidden layers: the model's own)."""
        rule, optimizer = self.plasticity, self.optimizer
        parts = [(rule, rule.equations), (optimizer, optimizer.equations), (regularizer, regularizer.equations)]
        return joined(parts)[0]

    def equations_of(self, place: str, *, output: bool = False) -> tuple[Equations, dict[str, Component]]:
        """Equations of a place, and which component defines each of its variables; arguments are those of `parts_of`."""
        return joined(self.parts_of(place, output=output))

    def parts_of(self, place: str, *, output: bool = False) -> list[tuple[Component, str]]:
        """What each component says in a place, as (component, code), in their order.

        Parameters
        ----------
        place : {'terminal', 'layer', 'synapse', 'feedback', 'judge', 'target'}
            Where it is integrated; 'judge': those of the output layer that feedback reads, too; 'target': what a target that
            is a signal is to each output.
        output : bool
            Whether the layer, or the layer that the synapses lead to, is the output.
        """
        from .regularizer import NO_DECAY

        n, p, e, r = self.neuron, self.plasticity, self.error, self.regularizer
        if place == "synapse" and output:
            r = NO_DECAY
        more = [(e, e.cost_equations), (e, e.judge_equations)] if output else [(r, r.layer_equations)]
        summed = not output and self.feedback.error_equations
        error = (self.feedback, self.feedback.error_equations) if summed else (e, e.equations)
        own = output and e.output_equations
        surrogate = (e, e.output_equations) if own else (self.surrogate, self.surrogate.equations)
        parts: dict[str, list[tuple[Component, str]]] = {
            "terminal": [(p, p.terminal_equations)],
            "layer": [(n, n.equations), surrogate, error, *more],
            "synapse": [(p, p.equations), (self.optimizer, self.optimizer.equations), (r, r.equations)],
            "feedback": [(self.feedback, self.feedback.equations)],
            "judge": [(e, e.judge_equations)],
            "target": [(e, SIGNAL)] if e.target == "signal" else [],
        }
        return parts[place]

    def initial_values(self, *, output: bool) -> list[tuple[str, str]]:
        """Variables and expressions of their initial values, in a hidden or output layer."""
        codes = [self.neuron.initial, *([self.error.initial] if output else [])]
        return [(target, value) for code in codes for _, target, _, value in statements_of(code)]

    def threshold(self, *, output: bool) -> str:
        """Condition for a spike in a layer."""
        return (output and self.error.output_threshold) or self.neuron.threshold

    def reset(self, *, output: bool) -> str:
        """Reset statements of a layer."""
        more = self.error.on_answer if output else self.regularizer.on_spike
        return "\n".join([self.neuron.reset, more]).strip()


def _component(field, value):
    """Return a component of a model, also by its name in the registry at the end of its file; refuse anything else."""
    registry = getattr(importlib.import_module(f".{field.name}", __package__), f"{field.name.upper()}S", {})
    if isinstance(value, field.type):
        return value
    if isinstance(value, str) and value in registry:
        return registry[value]
    found = repr(value) if isinstance(value, str) else f"a {type(value).__name__}"
    names = f", or one of the names {', '.join(map(repr, registry))}" if registry else ""
    raise ModelError(
        f"the model's `{field.name}` must be a component of kind {field.type.__name__}{names}, not {found}",
        value if isinstance(value, str) else None,
        registry,
    )
