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
from collections.abc import Mapping
from types import MappingProxyType

from brian2 import Equations

from .checks import ModelError, check_component, check_model


class Record:
    """Copying with changes, shared by components and models."""

    def _replace_fields(self, changes):
        return dataclasses.replace(self, **changes)


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
    """

    name: str
    parameters: Mapping = dataclasses.field(default_factory=dict, kw_only=True)
    source: str = dataclasses.field(default="", kw_only=True)

    def __post_init__(self):
        object.__setattr__(self, "parameters", MappingProxyType(dict(self.parameters)))
        check_component(self)

    @property
    def strings(self):
        """Every field of code: mapping of field name to string."""
        skip = ("name", "source", "parameters")
        fields = (f.name for f in dataclasses.fields(self) if f.name not in skip)
        return {n: getattr(self, n) for n in fields if isinstance(getattr(self, n), str)}

    def replace(self, **changes):
        """Return a variant: fields by name, parameters by name.

        Raises
        ------
        ModelError
            If a name is neither a field nor a parameter, or the variant does not check.
        """
        fields = {f.name for f in dataclasses.fields(self)}
        values = {k: changes.pop(k) for k in list(changes) if k not in fields}
        parameters = dict(changes.pop("parameters", self.parameters))
        for symbol, value in values.items():
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

    A target spike makes an impulse of size ``missed``, an output spike one of size ``-spurious``: parameters, or variables
    of the output layer in ``judge_equations``. In each time step ``on_cue`` and ``on_deadline``, what cue and target spikes
    change in them, come before the impulses; ``on_answer``, what the unit's own spike changes, comes after.
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
    """

    equations: str
    on_target: str
    on_output: str
    weights: str


@dataclasses.dataclass(frozen=True)
class Optimizer(Component):
    """Turns the accumulated gradient ``m`` into a change of the weight ``w``, every ``interval``."""

    equations: str
    update: str
    interval: str


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

    def __post_init__(self):
        check_model(self)

    @property
    def components(self):
        """The components, by the name of their field."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}

    @property
    def parameters(self):
        """All parameters of all components."""
        return {k: v for c in self.components.values() for k, v in c.parameters.items()}

    def replace(self, **changes):
        """Return a variant: components by field name, parameters by their own name.

        Examples
        --------
        >>> from superspike_brian.models import SUPERSPIKE, RANDOM
        >>> variant = SUPERSPIKE.replace(feedback=RANDOM, r0=0.5 * mV)  # doctest: +SKIP
        """
        components = {k: changes.pop(k, c) for k, c in self.components.items()}
        for symbol, value in changes.items():
            homes = [k for k, c in components.items() if symbol in c.parameters]
            if not homes:
                raise ModelError(
                    f"the model has neither a component nor a parameter '{symbol}'",
                    symbol,
                    [*components, *self.parameters],
                )
            components[homes[0]] = components[homes[0]].replace(**{symbol: value})
        return self._replace_fields(components)

    def layer_equations(self, *, output):
        """Equations of a hidden or output layer, in the order of the components."""
        parts = [self.neuron.equations, self.surrogate.equations, self.error.equations]
        parts += (
            [self.error.cost_equations, self.error.judge_equations] if output else [self.regularizer.layer_equations]
        )
        return Equations("\n".join(parts))

    def synapse_equations(self, regularizer):
        """Equations of plastic synapses under `regularizer` (hidden layers: the model's own)."""
        return Equations("\n".join([self.plasticity.equations, self.optimizer.equations, regularizer.equations]))

    def reset(self, *, output):
        """Reset statements of a layer."""
        more = self.error.on_answer if output else self.regularizer.on_spike
        return "\n".join([self.neuron.reset, more]).strip()
