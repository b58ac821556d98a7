"""Populations, projections and pathways: the records that an `Architecture` is made of. Each checks its own fields."""

from __future__ import annotations

import dataclasses
import operator
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from brian2 import Quantity, get_dimensions, have_same_dimensions, second, volt

from .checks import check_values, constant, names
from .checks.errors import ModelError
from .connectivity import connectivity, values
from .specification import Feedback, Model, Neuron, Optimizer, Plasticity, Regularizer, Surrogate

# names like those that the package gives to Brian2's objects
_OWN = re.compile(r"(terminals|axons|forward|feedback|probed|probe|spikes|error|window)(_|$)|.*_(clock|update|cost)$")
_RESERVED = ("targets", "cues", "magic_network", "network")


@dataclasses.dataclass(frozen=True)
class Population:
    """A group of neurons.

    Parameters
    ----------
    name : str
        ``inputs``, ``output``, or a name of your own.
    size : int, optional
        Units. Those of ``inputs`` and ``output`` are the task's.
    neuron, surrogate, regularizer : component, optional
        What it has instead of the model's.

    Raises
    ------
    ModelError
        Naming the population and the field.
    """

    name: str
    size: int | None = None
    neuron: Neuron | None = None
    surrogate: Surrogate | None = None
    regularizer: Regularizer | None = None

    def __post_init__(self) -> None:
        where = f"Population({self.name!r})"
        _check_name(where, self.name, self.name in ("inputs", "output"))
        if self.size is not None:
            object.__setattr__(self, "size", _units(self.size, f"{where}, size"))
        if self.name == "inputs" and self.components:
            raise ModelError(f"{where}: inputs are the task's spikes, and have no {next(iter(self.components))}")
        if self.name == "output" and self.regularizer is not None:
            raise ModelError(f"{where}, regularizer: regularisers act on hidden populations only")
        _check_components(where, self)

    @property
    def components(self) -> dict[str, Any]:
        """The components that replace the model's, by field."""
        return _given(self, ("neuron", "surrogate", "regularizer"))


@dataclasses.dataclass(frozen=True, eq=False)
class Projection:
    """Synapses from one population to another.

    Parameters
    ----------
    source, target : str
        Populations; both may be the same. ``targets``, the spikes that the output should emit, can be a source.
    plastic : bool
        Whether the weights learn.
    connect : 'all', float, sequence of pairs, or sparse matrix
        All pairs; a fraction of them, drawn with the run's seed (exactly that many); the pairs (presynaptic unit,
        postsynaptic unit); or a SciPy sparse matrix of shape (presynaptic, postsynaptic), whose entries say which.
    self_connections : bool
        Whether a unit connects to itself, where `connect` is all or a fraction and source and target are the same.
    initial : str or array, optional
        Initial weights: an expression in volt, evaluated for every synapse, of ``i`` and ``j`` (its units), ``N_pre``,
        ``N_post``, parameters of the model and functions, ``rand()`` and ``randn()`` among them; or values (volt), one per
        synapse (in the order of the pairs given; else of the presynaptic units, then the postsynaptic ones), or of shape
        (presynaptic, postsynaptic). Default: N(0, w_0**2/n), n presynaptic units on average, made
        positive (negative) by a bound at 0.
    low, high : str or Quantity, optional
        Bounds of the weights (volt), an expression of parameters; default: those of the optimiser.
    delay : Quantity, str or array, optional
        Axonal delay (second); an expression or an array gives one for every synapse. Default: the model's.
    on_input : str, optional
        What a spike does to the target instead of the neuron's ``on_input``.
    plasticity, optimizer, regularizer : component, optional
        What it has instead of the model's.
    r0_factor : float
        Its learning rate over that of the model.
    learn_from, learn_until : Quantity, optional
        Simulated time (second) between which it learns; default: always.
    name : str, optional
        Default: SOURCE_to_TARGET.

    Raises
    ------
    ModelError
        Naming the projection and the field.
    """

    source: str
    target: str
    plastic: bool = True
    connect: Any = "all"
    self_connections: bool = False
    initial: Any = None
    low: Any = None
    high: Any = None
    delay: Any = None
    on_input: str | None = None
    plasticity: Plasticity | None = None
    optimizer: Optimizer | None = None
    regularizer: Regularizer | None = None
    r0_factor: float = 1.0
    learn_from: Quantity | None = None
    learn_until: Quantity | None = None
    name: str = ""

    def __post_init__(self) -> None:
        for end in ("source", "target"):
            if not isinstance(getattr(self, end), str):
                raise ModelError(f"Projection, {end}: expected the name of a population, not {getattr(self, end)!r}")
        object.__setattr__(self, "name", self.name or f"{self.source}_to_{self.target}")
        _check_name(self.where, self.name, re.fullmatch(r"forward_[1-9]\d*", self.name) is not None)
        for flag in ("plastic", "self_connections"):
            if not isinstance(getattr(self, flag), bool | np.bool_):
                raise ModelError(f"{self.where}, {flag}: expected True or False, not {getattr(self, flag)!r}")
        connect, order = connectivity(self.connect, f"{self.where}, connect")
        object.__setattr__(self, "connect", connect)
        for field, unit in (("low", volt), ("high", volt), ("initial", volt), ("delay", second)):
            found = values(getattr(self, field), unit, f"{self.where}, {field}")
            if order is not None and isinstance(found, np.ndarray) and found.shape == order.shape:
                found = found[order]  # one a pair, in the order in which the pairs were given
            object.__setattr__(self, field, found)
        for field in ("low", "high"):
            if isinstance(getattr(self, field), np.ndarray):
                raise ModelError(f"{self.where}, {field}: expected one bound of all synapses, not an array")
        for field in ("learn_from", "learn_until"):
            _check_time(getattr(self, field), f"{self.where}, {field}")
        factor = self.r0_factor
        if isinstance(factor, bool) or not isinstance(factor, int | float | np.number) or not 0 <= factor < np.inf:
            raise ModelError(f"{self.where}, r0_factor: expected a number of 0 or more, not {factor!r}")
        if self.on_input is not None and not isinstance(self.on_input, str):
            raise ModelError(f"{self.where}, on_input: expected a statement, not {self.on_input!r}")
        _check_components(self.where, self)

    @property
    def where(self) -> str:
        """What messages call it."""
        return f"Projection({self.source!r}, {self.target!r})"

    @property
    def components(self) -> dict[str, Any]:
        """The components that replace the model's, by field."""
        return _given(self, ("plasticity", "optimizer", "regularizer"))

    @property
    def label(self) -> str:
        """Its name in the names of results and Brian2 objects: the number, in a chain."""
        return self.name.removeprefix("forward_")

    def replace(self, **changes: Any) -> Projection:
        """Return a variant."""
        return dataclasses.replace(self, **changes)

    def rule(self, model: Model) -> Model:
        """The model of its synapses, from that of its target."""
        model = model.replace(**self.components) if self.components else model
        if self.on_input is not None:
            model = model.replace(neuron=model.neuron.replace(on_input=self.on_input))
        if isinstance(self.delay, str) and constant(model, self.delay) is not None:
            model = model.replace(plasticity=model.plasticity.replace(delay=self.delay))
        for field in ("low", "high"):
            if (bound := getattr(self, field)) is not None:
                try:
                    check_values(model, bound, "volt", single=True)
                except ModelError as error:
                    raise ModelError(f"{field}: {error}") from error
        if self.low is not None or self.high is not None:
            low, high = (
                bound if bound is not None else f"{sign}inf*volt" for bound, sign in ((self.low, "-"), (self.high, ""))
            )
            update = f"{model.optimizer.update}\nw = clip(w, {low}, {high})"
            model = model.replace(optimizer=model.optimizer.replace(update=update))
        return model


@dataclasses.dataclass(frozen=True, eq=False)
class Pathway:
    """How errors reach a population.

    Parameters
    ----------
    source : str
        Where they come from: ``output``, or a population that has a pathway itself, for feedback that sums errors in every
        step (layerwise).
    target : str
        A population.
    feedback : Feedback, optional
        How; default: the model's.
    through : str, optional
        Name of the projection whose weights symmetric feedback takes; default: the only one from `target` to `source`.
    weights : array, optional
        Feedback weights (no unit), shape (units of the source, units of the target), for feedback that has its own, as random
        feedback; default: N(0, 1), drawn with the run's seed.

    Raises
    ------
    ModelError
        Naming the pathway and the field.
    """

    source: str
    target: str
    feedback: Feedback | None = None
    through: str | None = None
    weights: Any = None

    def __post_init__(self) -> None:
        for end in ("source", "target"):
            if not isinstance(getattr(self, end), str):
                raise ModelError(f"Pathway, {end}: expected the name of a population, not {getattr(self, end)!r}")
        if self.weights is not None:
            object.__setattr__(self, "weights", _matrix(self.weights, f"{self.where}, weights"))
        _check_components(self.where, self)

    @property
    def where(self) -> str:
        """What messages call it."""
        return f"Pathway({self.source!r}, {self.target!r})"

    @property
    def components(self) -> dict[str, Any]:
        """The component that replaces the model's, by field."""
        return _given(self, ("feedback",))

    @property
    def label(self) -> str:
        """Its name in the names of results and Brian2 objects: the number of the layer, in a chain."""
        return self.target.removeprefix("hidden_")


def _matrix(value, where):
    """Finite numbers without a unit, in rows and columns."""
    try:
        found = np.array(value, float)
    except (TypeError, ValueError) as error:
        raise ModelError(f"{where}: expected an array of numbers, not {value!r:.80}") from error
    if found.ndim != 2 or not np.isfinite(found).all() or not have_same_dimensions(value, 1):
        raise ModelError(
            f"{where}: expected finite numbers without a unit, of shape (units of the source, units of the target), not "
            f"{value!r:.80}"
        )
    return found


def _check_time(value, where):
    if value is not None and (
        not isinstance(value, Quantity) or get_dimensions(value) is not second.dim or not 0 <= float(value) < np.inf
    ):
        raise ModelError(f"{where}: expected a time with its unit, for instance 20*second, not {value!r}")


def _units(value, where):
    """A number of units as an int."""
    if isinstance(value, bool | np.bool_):
        raise ModelError(f"{where}: the units of a layer must be a whole number, not {value!r}")
    try:
        number = operator.index(value)
    except TypeError as error:
        raise ModelError(f"{where}: the units of a layer must be a whole number, not {value!r}") from error
    if number < 1:
        raise ModelError(f"{where}: a population needs at least one unit, and no empty layer is possible: {number}")
    return number


def _check_name(where, name, allowed):
    if allowed:
        return
    if why := names.fault(name):
        raise ModelError(f"{where}, name: {name!r} {why}")
    if _OWN.match(name) or name in _RESERVED:
        raise ModelError(f"{where}, name: '{name}' is like the names that the package gives: choose another")


_KINDS: Mapping[str, type] = {
    "neuron": Neuron,
    "surrogate": Surrogate,
    "regularizer": Regularizer,
    "plasticity": Plasticity,
    "optimizer": Optimizer,
    "feedback": Feedback,
}


def _check_components(where, record):
    for field in record.components:
        if not isinstance(getattr(record, field), _KINDS[field]):
            raise ModelError(
                f"{where}, {field}: expected a {_KINDS[field].__name__}, not {getattr(record, field)!r:.80}"
            )


def _given(record, fields):
    return {f: getattr(record, f) for f in fields if getattr(record, f) is not None}
