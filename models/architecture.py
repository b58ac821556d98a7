"""The architecture of a network: which populations there are, what projects where, and where errors go.

==============  ==========================================================================================================
record          what it says
==============  ==========================================================================================================
Population      a group of neurons: ``inputs`` and ``output``, whose sizes are the task's, and those of your own. What it
                does not name (neuron, surrogate, regulariser) is the model's
Projection      synapses from one population to another: which pairs, initial weights, bounds, delay, whether they learn.
                ``targets``, the spikes that the output should emit, can be a source, too
Pathway         how the errors of the output reach a population that learns
Architecture    all of these; it checks itself, and its errors name the record and the field
==============  ==========================================================================================================

`chain` makes the network of the paper: layers, all to all, each with a pathway of the model's feedback.
"""

from __future__ import annotations

import dataclasses
import itertools
import operator
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from brian2 import Quantity, get_dimensions, second, volt

from .checks import check_values, constant, names
from .checks.errors import ModelError
from .specification import Feedback, Model, Neuron, Optimizer, Plasticity, Regularizer, Surrogate

MAX_SYNAPSES = 2**31 - 1  # Brian2 numbers them in 32 bits
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
        ``N_post``, parameters of the model and functions, ``rand()`` and ``randn()`` among them; or values (volt), one a
        synapse or of shape (presynaptic, postsynaptic). Default: N(0, w_0**2/n), n presynaptic units on average, made
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
        object.__setattr__(self, "connect", _connectivity(self.connect, f"{self.where}, connect"))
        for field, unit in (("low", volt), ("high", volt), ("initial", volt), ("delay", second)):
            object.__setattr__(self, field, _values(getattr(self, field), unit, f"{self.where}, {field}"))
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


@dataclasses.dataclass(frozen=True)
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

    Raises
    ------
    ModelError
        Naming the pathway and the field.
    """

    source: str
    target: str
    feedback: Feedback | None = None
    through: str | None = None

    def __post_init__(self) -> None:
        for end in ("source", "target"):
            if not isinstance(getattr(self, end), str):
                raise ModelError(f"Pathway, {end}: expected the name of a population, not {getattr(self, end)!r}")
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


@dataclasses.dataclass(frozen=True, eq=False)
class Architecture:
    """Populations, projections and feedback pathways.

    Parameters
    ----------
    populations : sequence of Population
        Those of your own; ``inputs`` and ``output`` are there anyway, and are listed only to give the output another neuron.
    projections : sequence of Projection
        At least a way from ``inputs`` to ``output``.
    pathways : sequence of Pathway
        Every population that a plastic projection leads to needs one, save for ``output``.

    Raises
    ------
    ModelError
        If it cannot be; naming the record and the field.
    """

    populations: Sequence[Population] = ()
    projections: Sequence[Projection] = ()
    pathways: Sequence[Pathway] = ()

    def __post_init__(self) -> None:
        for field, kind in (("populations", Population), ("projections", Projection), ("pathways", Pathway)):
            records = getattr(self, field)
            records = (records,) if isinstance(records, kind) else tuple(records)
            for record in records:
                if not isinstance(record, kind):
                    raise ModelError(f"Architecture, {field}: expected {kind.__name__} records, not {record!r:.80}")
            object.__setattr__(self, field, records)
        given = {p.name: p for p in self.populations}
        hidden = [p for p in self.populations if p.name not in ("inputs", "output")]
        ends = [given.get(name, Population(name)) for name in ("inputs", "output")]
        _check_unique([p.name for p in self.populations], "populations of the name")
        object.__setattr__(self, "populations", (ends[0], *hidden, ends[1]))
        for p in hidden:
            if p.size is None:
                raise ModelError(f"Population({p.name!r}), size: expected a number of units")
        _check_unique([*(p.name for p in self.populations), *(p.name for p in self.projections)], "records of the name")
        self._check_projections()
        self._check_pathways()
        self._check_ways()
        if self.is_sized:
            for projection in self.projections:
                self._check_shape(projection)

    def _check_projections(self):
        names = [p.name for p in self.populations]
        for p in self.projections:
            for field, known in (("source", [*names, "targets"]), ("target", names[1:])):
                if getattr(p, field) not in known:
                    raise ModelError(
                        f"{p.where}, {field}: '{getattr(p, field)}' is no population that a projection can "
                        f"{'start from' if field == 'source' else 'lead to'}; there are {', '.join(known)}",
                        getattr(p, field),
                        known,
                    )
            if p.target == "output" and p.regularizer is not None:
                raise ModelError(f"{p.where}, regularizer: regularisers act on hidden populations only")
        objects = [p.label for p in self.projections]
        _check_unique(objects, "projections with the label")

    def _check_pathways(self):
        names = [p.name for p in self.populations]
        for p in self.pathways:
            if p.target not in names[1:-1]:
                raise ModelError(
                    f"{p.where}, target: errors can be sent to {', '.join(names[1:-1]) or 'no population here'}, not to "
                    f"'{p.target}'",
                    p.target,
                    names[1:-1],
                )
            known = ["output", *(q.target for q in self.pathways if q.target != p.target)]
            if p.source not in known:
                raise ModelError(
                    f"{p.where}, source: '{p.source}' has no errors that can be sent; those of {', '.join(known)} can",
                    p.source,
                    known,
                )
            if p.through is not None and p.through not in [q.name for q in self._ways_back(p)]:
                known = [q.name for q in self._ways_back(p)]
                raise ModelError(
                    f"{p.where}, through: '{p.through}' is no projection from {p.target} to {p.source}; there "
                    f"{'are ' + ', '.join(known) if known else 'is none'}",
                    p.through,
                    known,
                )
        _check_unique([p.target for p in self.pathways], "pathways to")
        reached = {"output", *(p.target for p in self.pathways)}
        for projection in self.projections:
            if projection.plastic and projection.target not in reached:
                raise ModelError(
                    f"{projection.where}: it is plastic, and {projection.target} has no error: add "
                    f"Pathway('output', {projection.target!r}), or plastic=False"
                )

    def _check_ways(self):
        """Refuse a network in which no spike of the inputs comes to the output."""
        reached, before = {"inputs"}, 0
        while len(reached) > before:
            before = len(reached)
            reached |= {p.target for p in self.projections if p.source in reached}
        if "output" not in reached:
            raise ModelError(
                "Architecture, projections: there is no way from inputs to output; "
                f"spikes of the inputs reach {', '.join(sorted(reached - {'inputs'})) or 'nothing'}"
            )

    def _check_shape(self, p):
        n_pre, n_post = self.shape(p)
        pairs = n_pre * n_post
        if isinstance(p.connect, np.ndarray):
            for side, ids, size in (("source", p.connect[0], n_pre), ("target", p.connect[1], n_post)):
                if ids.size and int(ids.max()) >= size:
                    raise ModelError(
                        f"{p.where}, connect: unit {int(ids.max())} of the {side} {getattr(p, side)}, which has units 0 to "
                        f"{size - 1}"
                    )
        elif isinstance(p.connect, Matrix) and p.connect.shape != (n_pre, n_post):
            raise ModelError(
                f"{p.where}, connect: a matrix of shape {p.connect.shape}; expected ({n_pre}, {n_post}), the units of "
                f"{p.source} and of {p.target}"
            )
        n = self.n_synapses(p)
        if n > MAX_SYNAPSES or pairs > 2**62:
            raise ModelError(f"{p.where}: {n:,} synapses; a projection can have at most {MAX_SYNAPSES:,}")
        if n < 1:
            raise ModelError(f"{p.where}, connect: it has no synapse: {p.connect!r:.80} of {pairs} pairs")
        for field in ("initial", "delay"):
            values = getattr(p, field)
            if isinstance(values, np.ndarray) and values.shape not in ((n,), (n_pre, n_post)):
                raise ModelError(
                    f"{p.where}, {field}: an array of shape {values.shape}; expected ({n},), one a synapse, or "
                    f"({n_pre}, {n_post})"
                )

    def _ways_back(self, pathway):
        return [p for p in self.projections if (p.source, p.target) == (pathway.target, pathway.source)]

    @property
    def is_sized(self) -> bool:
        """Whether the sizes of all populations are known."""
        return all(p.size is not None for p in self.populations)

    def sized(self, n_inputs: int, n_outputs: int) -> Architecture:
        """Return the architecture with the sizes of a task."""
        first, *hidden, last = self.populations
        for p, n in ((first, n_inputs), (last, n_outputs)):
            if p.size not in (None, n):
                raise ModelError(f"Population({p.name!r}), size: the task has {n} units, not {p.size}")
        ends = dataclasses.replace(first, size=n_inputs), dataclasses.replace(last, size=n_outputs)
        return self.replace(populations=(ends[0], *hidden, ends[1]))

    def replace(self, **changes: Any) -> Self:
        """Return a variant."""
        return dataclasses.replace(self, **changes)

    def add(self, *records: Population | Projection | Pathway) -> Architecture:
        """Return the architecture with more populations, projections and pathways."""
        more: dict[type, list] = {Population: [], Projection: [], Pathway: []}
        for record in records:
            if type(record) not in more:
                raise ModelError(f"Architecture.add: expected a Population, Projection or Pathway, not {record!r:.80}")
            more[type(record)].append(record)
        return self.replace(
            populations=[*self.populations, *more[Population]],
            projections=[*self.projections, *more[Projection]],
            pathways=[*self.pathways, *more[Pathway]],
        )

    def starting_from(self, run: Any) -> Architecture:
        """Return the architecture with the weights at the end of another run as initial weights.

        Parameters
        ----------
        run : xarray.Dataset
            Results of a run; projections that it has not keep their own initial weights.

        Raises
        ------
        ModelError
            If it has none of the projections.
        """
        found = {p.name: run[f"weights_{p.label}_end"] for p in self.projections if f"weights_{p.label}_end" in run}
        if not found:
            raise ModelError(f"the run has none of the projections {', '.join(p.name for p in self.projections)}")
        return self.replace(
            projections=[
                p.replace(initial=np.asarray(found[p.name].values, float)) if p.name in found else p
                for p in self.projections
            ]
        )

    def without_hidden_learning(self) -> Architecture:
        """Return the architecture in which only projections to the output learn."""
        projections = [p if p.target == "output" else p.replace(plastic=False) for p in self.projections]
        return self.replace(projections=projections, pathways=())

    def population(self, name: str) -> Population:
        """The population of a name; ``targets`` has the units of the output."""
        return next(p for p in self.populations if p.name == ("output" if name == "targets" else name))

    def shape(self, projection: Projection) -> tuple[int, int]:
        """Presynaptic and postsynaptic units of a projection."""
        sizes = [self.population(name).size for name in (projection.source, projection.target)]
        return int(sizes[0] or 0), int(sizes[1] or 0)

    def is_dense(self, projection: Projection) -> bool:
        """Whether a projection has all pairs, self-connections included."""
        loose = projection.source != projection.target or projection.self_connections
        return isinstance(projection.connect, str) and loose

    def n_synapses(self, projection: Projection) -> int:
        """Number of synapses of a projection."""
        n_pre, n_post = self.shape(projection)
        connect = projection.connect
        if isinstance(connect, np.ndarray):
            return connect.shape[1]
        if isinstance(connect, Matrix):
            return connect.pairs.shape[1]
        loops = projection.source == projection.target and not projection.self_connections
        pairs = n_pre * n_post - (n_post if loops else 0)
        return pairs if isinstance(connect, str) else round(float(connect) * pairs)


def chain(hidden: int | Iterable[int] = (), feedback: Feedback | None = None) -> Architecture:
    """Layers from inputs to output, all to all, each with a pathway of feedback.

    Parameters
    ----------
    hidden : int or sequence of int
        Units of each hidden layer.
    feedback : Feedback, optional
        Default: the model's. If it sums errors in every step, they come from the next layer, else from the output.

    Returns
    -------
    Architecture
        Populations ``hidden_1`` and so on; projections ``forward_1`` and so on.
    """
    sizes = list(hidden) if isinstance(hidden, Iterable) else [hidden]
    populations = [Population(f"hidden_{k}", n) for k, n in enumerate(sizes, start=1)]
    layers = ["inputs", *(p.name for p in populations), "output"]
    ends = enumerate(itertools.pairwise(layers), start=1)
    return Architecture(
        populations,
        [Projection(a, b, name=f"forward_{k}") for k, (a, b) in ends],
        [
            Pathway(after if feedback is not None and feedback.error_equations else "output", p.name, feedback)
            for p, after in zip(populations, layers[2:], strict=True)
        ],
    )


def connected(architecture: Architecture, entries: Iterable[str]) -> Architecture:
    """Return an architecture with the short forms of the command line applied.

    Parameters
    ----------
    architecture : Architecture
        What to change.
    entries : iterable of str
        ``SOURCE:TARGET`` adds a plastic projection that starts at weight 0, ``NAME=FRACTION`` or ``FRACTION`` keeps only that
        fraction of the pairs of a projection, or of all that have all pairs.

    Returns
    -------
    Architecture
    """
    for entry in entries:
        name, _, value = entry.rpartition("=")
        if ":" in entry:
            source, _, target = (part.strip() for part in entry.partition(":"))
            architecture = architecture.add(Projection(source, target, initial="0*volt"))
            continue
        try:
            fraction = float(value)
        except ValueError:
            raise ModelError(
                f"connect {entry!r}: expected SOURCE:TARGET, NAME=FRACTION or FRACTION, such as 0.1"
            ) from None
        known = [p.name for p in architecture.projections]
        if name and name not in known:
            raise ModelError(f"connect {entry!r}: there is no projection '{name}'", name, known)
        chosen = [
            p.replace(connect=fraction) if (p.name == name if name else isinstance(p.connect, str)) else p
            for p in architecture.projections
        ]
        architecture = architecture.replace(projections=chosen)
    return architecture


class Matrix:
    """Which entries a sparse matrix has: its shape, and the pairs in the order of the presynaptic units, shape (2, n)."""

    def __init__(self, shape: tuple[int, int], pairs: np.ndarray) -> None:
        self.shape, self.pairs = shape, _pairs(pairs, "a matrix")
        if len(shape) != 2 or self.pairs.ndim != 2 or (self.pairs >= np.reshape(shape, (2, 1))).any():
            raise ModelError(f"a matrix of shape {shape} has entries outside of it")

    def __repr__(self) -> str:
        return f"<matrix of shape {self.shape} with {self.pairs.shape[1]} entries>"


def _connectivity(connect, where):
    """Connectivity in the form in which it is kept: 'all', a fraction, a `Matrix`, or an array of shape (2, pairs)."""
    if isinstance(connect, Matrix) or (isinstance(connect, str) and connect == "all"):
        return connect
    expected = "expected 'all', a fraction above 0 and up to 1, pairs of units, or a sparse matrix"
    if isinstance(connect, str | bool | np.bool_) or connect is None:
        raise ModelError(f"{where}: {connect!r}; {expected}")
    if hasattr(connect, "tocoo"):
        matrix = connect.tocoo()
        matrix.sum_duplicates()
        there = np.asarray(matrix.data) != 0
        return Matrix(tuple(matrix.shape), _pairs(np.stack([matrix.row[there], matrix.col[there]]), where))
    if np.ndim(connect) == 0:
        if not isinstance(connect, int | float | np.number) or not 0 < connect <= 1:
            raise ModelError(f"{where}: {connect!r}; {expected}")
        return float(connect)
    if isinstance(connect, np.ndarray) and connect.ndim == 2 and connect.shape[0] == 2 != connect.shape[1]:
        return _pairs(connect, where)
    pairs = np.array(list(connect))
    if pairs.ndim != 2 or pairs.shape[1] != 2 or not np.issubdtype(pairs.dtype, np.integer):
        raise ModelError(f"{where}: {connect!r:.80}; {expected}")
    return _pairs(pairs.T, where)


def _pairs(pairs, where):
    """Pairs in ascending order, as an array of shape (2, n)."""
    pairs = np.asarray(pairs)
    if not np.issubdtype(pairs.dtype, np.integer) or (pairs.size and pairs.min() < 0):
        raise ModelError(f"{where}: numbers of units must be whole numbers from 0 on")
    pairs = pairs[:, np.lexsort(pairs[::-1])].astype(np.int32)
    same = np.flatnonzero((np.diff(pairs, axis=1) == 0).all(axis=0))
    if same.size:
        raise ModelError(f"{where}: the pair {tuple(pairs[:, same[0]].tolist())} is there twice")
    return pairs


def _values(value, unit, where):
    """Values in the form in which they are kept: None, an expression, or an array of SI values."""
    if value is None or isinstance(value, str):
        return value
    dimensions = get_dimensions(value)
    if np.ndim(value) == 0:
        if not isinstance(value, Quantity) or dimensions is not unit.dim or not np.isfinite(float(value)):
            raise ModelError(f"{where}: expected a value in {unit.dim}, an expression or an array, not {value!r}")
        return f"{float(value)!r}*{'second' if unit is second else 'volt'}"
    array = np.array(value, float)
    if not np.isfinite(array).all() or (isinstance(value, Quantity) and dimensions is not unit.dim):
        raise ModelError(f"{where}: expected finite values in {unit.dim}")
    return array


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


def _check_unique(found, what):
    for name in found:
        if found.count(name) > 1:
            raise ModelError(f"Architecture: there are two {what} '{name}'")


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
