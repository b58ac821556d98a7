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
from collections.abc import Iterable, Sequence
from typing import Any, Self

import numpy as np

from .checks.errors import ModelError
from .connectivity import Pairs
from .projection import Pathway, Population, Projection
from .specification import Feedback

MAX_SYNAPSES = 2**31 - 1  # Brian2 numbers them in 32 bits


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
                raise ModelError(f"Population({p.name!r}), size: expected a whole number of units")
        _check_unique([*(p.name for p in self.populations), *(p.name for p in self.projections)], "records of the name")
        self._check_projections()
        self._check_pathways()
        self._check_ways()
        if self.is_sized:
            for projection in self.projections:
                self._check_shape(projection)
            for pathway in self.pathways:
                self._check_weights(pathway)

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
            if p.through is not None and p.through not in [q.name for q in self.ways_back(p)]:
                known = [q.name for q in self.ways_back(p)]
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
        if isinstance(p.connect, Pairs):
            if p.connect.shape not in (None, (n_pre, n_post)):
                raise ModelError(
                    f"{p.where}, connect: a matrix of shape {p.connect.shape}; expected ({n_pre}, {n_post}), the units of "
                    f"{p.source} and of {p.target}"
                )
            for side, units, size in zip(("source", "target"), p.connect.units, (n_pre, n_post), strict=True):
                if units.size and int(units.max()) >= size:
                    raise ModelError(
                        f"{p.where}, connect: unit {int(units.max())} of the {side} {getattr(p, side)}, which has units 0 to "
                        f"{size - 1}"
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
                    f"{p.where}, {field}: an array of shape {values.shape}; expected ({n},), one per synapse, or "
                    f"({n_pre}, {n_post})"
                )

    def _check_weights(self, p):
        shape = tuple(self.population(name).size for name in (p.source, p.target))
        if p.weights is not None and p.weights.shape != shape:
            raise ModelError(
                f"{p.where}, weights: an array of shape {p.weights.shape}; expected {shape}, the units of {p.source} and of "
                f"{p.target}"
            )

    def ways_back(self, pathway: Pathway) -> list[Projection]:
        """Projections from the target of a pathway to its source."""
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
        """Return the architecture with the weights at the end of another run as initial weights, and its sparse pairs.

        Parameters
        ----------
        run : xarray.Dataset
            Results of a run; projections that it has not keep their own initial weights.

        Raises
        ------
        ModelError
            If it has none of the projections.
        """
        found = []
        for p in self.projections:
            if (name := f"weights_{p.label}_end") in run:
                ends = [run[f"{side}_{p.label}"].values for side in ("pre", "post") if f"{side}_{p.label}" in run]
                connect = (
                    Pairs(np.stack(ends)) if ends else p.connect
                )  # that run's pairs, whatever the seed of this one
                p = p.replace(initial=run[name].values, connect=connect)
            found.append(p)
        if all(new is old for new, old in zip(found, self.projections, strict=True)):
            raise ModelError(f"the run has none of the projections {', '.join(p.name for p in self.projections)}")
        return self.replace(projections=found)

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
        if isinstance(connect, Pairs):
            return len(connect)
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


def _check_unique(found, what):
    for name in found:
        if found.count(name) > 1:
            raise ModelError(f"Architecture: there are two {what} '{name}'")
