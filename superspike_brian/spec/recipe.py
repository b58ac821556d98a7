"""Recipes: settings of a run that were found to learn well, under a name.

`PRECISE_TIMING` was found on three sets of the public benchmark suite; what each part contributes is shown by
``superspike reproduce recipe``. The rule is that of Zenke & Ganguli (2018); none of these settings is from the paper.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from brian2 import mV

from ..models import Architecture, Model, Projection, chain
from ..values.quantities import readable

if TYPE_CHECKING:
    from .run import RunSpec

logger = logging.getLogger(__name__)
NO_RECIPE = "none"


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Settings under a name. What the user gives wins, part by part.

    Parameters
    ----------
    name : str
        As in ``recipe=NAME``.
    parameters : dict of str to Quantity
        Of the model, unless a model is given.
    units : int
        Presynaptic units from which on the learning rate of a projection falls with the square root of their number, as the
        standard deviation of its initial weights does. This and the next two are of a network that is a chain, without
        `connect`.
    skip : bool
        Whether inputs project to the output, besides hidden layers.
    itself : bool
        Whether each output unit projects to itself.
    linear : bool
        Whether the learning rate falls linearly, from the burn-in to the end of the run, unless its course is given.
    """

    name: str
    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    units: int | None = None
    skip: bool = False
    itself: bool = False
    linear: bool = False

    def model(self, model: Model) -> Model:
        """Return a model with the parameters of the recipe."""
        return model.replace(**self.parameters)

    def network(self, network: Architecture) -> Architecture:
        """Return a network, with the sizes of a task, with the projections and learning rates of the recipe."""
        n_outputs = network.population("output").size
        if self.skip and not any((p.source, p.target) == ("inputs", "output") for p in network.projections):
            network = network.add(Projection("inputs", "output", initial="0*volt"))
        if self.itself:
            pairs = [(k, k) for k in range(int(n_outputs or 0))]
            network = network.add(Projection("output", "output", initial="0*volt", connect=pairs))
        if self.units is None:
            return network
        scaled = [p.replace(r0_factor=p.r0_factor * self._factor(network, p)) for p in network.projections]
        return network.replace(projections=scaled)

    def _factor(self, network, projection):
        n_post = network.shape(projection)[1]
        return min(1.0, float(np.sqrt(self.units * n_post / network.n_synapses(projection))))

    def completed(self, spec: RunSpec, given: set[str]) -> RunSpec:
        """Return a run with what the recipe says of everything that was not `given`, by name."""
        model = spec.structure.model
        if "model" not in given:
            spec = dataclasses.replace(spec, model=self.model(model))
        elif not any(value == model.parameters.get(name) for name, value in self.parameters.items()):
            logger.warning(
                f"recipe {self.name}: the model that was given keeps its own {' and '.join(self.parameters)}; "
                f"RECIPES['{self.name}'].model(MODEL) has those of the recipe"
            )
        if self.linear and not {"r0_linear_until", "r0_decay_at"} & given:
            course = dataclasses.replace(spec.protocol, r0_linear_until=spec.duration, r0_decay_at=())
            spec = dataclasses.replace(spec, protocol=course)
        if not {"network", "connect"} & given:
            layers = chain(spec.hidden, model.feedback).sized(spec.task.n_inputs, spec.task.n_outputs)
            spec = dataclasses.replace(spec, hidden=(), network=self.network(layers))
        return spec

    def __str__(self) -> str:
        parts = [f"{name} = {readable(value)}" for name, value in self.parameters.items()]
        if self.units is not None:
            parts.append(f"learning rate of a projection from n > {self.units} units times sqrt({self.units}/n)")
        parts += ["inputs to output, besides hidden layers"] * self.skip
        parts += ["each output unit to itself"] * self.itself
        parts += ["learning rate falls linearly to the end of the run"] * self.linear
        return "; ".join(parts)


PRECISE_TIMING = Recipe(
    "precise-timing",
    parameters={"r0": 2 * mV, "beta": 0.5 / mV},
    units=100,
    skip=True,
    itself=True,
    linear=True,
)

RECIPES = {recipe.name: recipe for recipe in (PRECISE_TIMING,)}
