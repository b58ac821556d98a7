"""What the code of each place of the network can read, and what its statements can change.

Names follow Brian2: synapses read ``NAME_post`` of the layer that they lead to and ``NAME_pre`` of their axon terminals.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from brian2 import Equations, get_dimensions, get_unit, second

from ...codegen.brian2_api import DIMENSIONLESS, Constant, Dimension, Variable, get_identifiers

if TYPE_CHECKING:
    from ..specification import Component, Model

TYPES = {"float": np.float64, "integer": np.int32, "boolean": bool}
_FIXED = ("shared", "constant")
_OF_BRIAN2 = {"i", "N", "t", "dt"}

Key: TypeAlias = str | tuple[str, bool]  # of a place; of a layer or its synapses with whether it is the output


@dataclasses.dataclass(frozen=True)
class Place:
    """Equations of a place, the names that its code can read, and which of them statements cannot change.

    Parameters
    ----------
    where : str
        What messages call it.
    equations : Equations
        Its own.
    homes : dict of str to Component
        Which component defines a variable.
    names : dict of str to Variable
        What its code can read, besides parameters.
    fixed : dict of str to str
        Names that statements cannot change, and why.
    beside : frozenset of str
        Variables of the layer that synapses lead to: Brian2 takes them for its own in their code.
    """

    where: str
    equations: Equations
    homes: dict[str, Component]
    names: dict[str, Variable]
    fixed: dict[str, str]
    beside: frozenset[str] = frozenset()


# Which statements run where, for hidden and output alike, or for one of them
STATEMENTS: tuple[tuple[str, str, Key], ...] = (
    *(("neuron", field, "layer") for field in ("reset", "initial")),
    ("regularizer", "on_spike", ("layer", False)),
    *(("error", field, ("layer", True)) for field in ("on_answer", "initial", "cost_update")),
    ("neuron", "on_input", "synapse"),
    ("optimizer", "update", "synapse"),
    ("plasticity", "on_arrival", "arrival"),
    *(("error", field, "event") for field in ("on_target", "on_output", "on_cue", "on_deadline")),
    *(("feedback", field, "feedback") for field in ("on_target", "on_output")),
)
EXPRESSIONS: tuple[tuple[str, str, Key], ...] = (
    ("neuron", "threshold", "layer"),
    ("neuron", "refractory", "layer"),
    ("error", "output_threshold", ("layer", True)),
)


def blocks(model: Model, what: Iterable[tuple[str, str, Key]]) -> Iterator[tuple[Component, str, Key]]:
    """Component, field and key of the place of all `STATEMENTS` or `EXPRESSIONS`."""
    for component, field, key in what:
        for k in [(key, False), (key, True)] if key in ("layer", "synapse") else [key]:
            if field != "output_threshold" or model.error.output_threshold:
                yield getattr(model, component), field, k


def constants(model: Model) -> dict[str, Constant]:
    """Parameters as Brian2's constants."""
    return {s: Constant(s, float(v), dimensions=get_dimensions(v)) for s, v in model.parameters.items()}


def of(model: Model) -> dict[Key, Place]:
    """Places of a model by 'terminal', 'arrival', ('layer', output), ('synapse', output), 'frozen', 'event' or 'feedback'."""
    terminal = _place("an axon terminal", *model.equations_of("terminal"), [_UNIT])
    lent = [_suffixed(terminal, "_post"), _SYNAPSE]
    places: dict[Key, Place]
    places = {"terminal": terminal, "arrival": _place("a spike's arrival", Equations(""), {}, lent, terminal)}
    for output in (False, True):
        kind = "output" if output else "hidden"
        layer = _place(f"the {kind} layer", *model.equations_of("layer", output=output), [_LAYER, _UNIT])
        places["layer", output] = layer
        own = model.equations_of("synapse", output=output)
        lent = [_suffixed(layer, "_post"), _suffixed(terminal, "_pre"), _SYNAPSE]
        places["synapse", output] = _place(f"a synapse of the {kind} layer", *own, lent, layer)
    hidden, last = places["layer", False], places["layer", True]
    weight = Equations("w : volt"), {"w": model.plasticity}
    places["frozen"] = _place("a synapse that does not learn", *weight, [_suffixed(hidden, "_post"), _SYNAPSE], hidden)
    judge = {n: last.names[n] for n in model.equations_of("judge")[0].names}
    given = {n: _variable(e) for n, e in model.equations_of("target")[0].items()}
    lent = [_suffixed(last, "_post"), (judge, {}), (given, dict.fromkeys(given, "the task does")), _SYNAPSE]
    places["event"] = _place("an event of the output layer", Equations(""), {}, lent, last)
    if model.feedback.weights == "forward":
        judge["w"] = places["frozen"].names["w"]
    lent = [_suffixed(hidden, "_post"), (judge, dict.fromkeys(judge, "feedback can only read it")), _SYNAPSE]
    if model.feedback.error_equations:
        lent.append(_suffixed(hidden, "_pre"))
    places["feedback"] = _place("a feedback pathway", *model.equations_of("feedback"), lent, hidden)
    return places


def _built_in(integers):
    """Names that Brian2 gives every group: number of a unit, numbers of units, and the time."""
    names = {n: Variable(n, dtype=np.int32) for n in integers}
    names |= {n: Variable(n, dimensions=second.dim, scalar=True) for n in ("t", "dt")}
    return names, dict.fromkeys(names, "Brian2 does")


_UNIT, _SYNAPSE = _built_in(("i", "N")), _built_in(("i", "j", "N"))
SYNAPSE = {
    n: Variable(n, dtype=np.int32) for n in ("i", "j", "N_pre", "N_post")
}  # what values of a projection can read
_TIMES = {
    "lastspike": Variable("lastspike", dimensions=second.dim),
    "not_refractory": Variable("not_refractory", dtype=bool),
}
_LAYER = _TIMES, dict.fromkeys(_TIMES, "Brian2 does")


def _place(where, equations, homes, lent, target=None):
    """A place with its own variables, and others as pairs of names and fixed names."""
    own = {name: _variable(e) for name, e in equations.items()}
    fixed = {name: f"it is declared ({flag})" for name, e in equations.items() for flag in e.flags if flag in _FIXED}
    fixed |= {name: "it is an expression" for name, e in equations.items() if e.type == "subexpression"}
    names: dict[str, Variable] = {}
    for others, not_mine in lent:
        names |= others
        fixed = not_mine | fixed
    return Place(where, equations, homes, names | own, fixed, frozenset(target.names if target else ()))


def _variable(equation):
    shared = "shared" in equation.flags
    return Variable(
        equation.varname,
        dimensions=equation.dim,
        dtype=TYPES[equation.var_type],
        scalar=shared,
        constant="constant" in equation.flags,
    )


def _suffixed(place, suffix):
    """Names of a place's variables as synapses read them."""
    names = {n + suffix: v for n, v in place.names.items() if n not in _OF_BRIAN2}
    return names, {n + suffix: why for n, why in place.fixed.items() if n not in _OF_BRIAN2}


def unit_text(dim: Dimension) -> str:
    """A unit as messages spell it."""
    return "1 (no unit)" if dim is DIMENSIONLESS else repr(get_unit(dim))


def compiled(model: Model) -> set[str]:
    """Parameters whose value is a constant in the code of some place, not a variable that the place declares."""
    where, found = of(model), set()
    for component, field, key in (*blocks(model, STATEMENTS), *blocks(model, EXPRESSIONS)):
        found |= get_identifiers(getattr(component, field)) - where[key].names.keys() - where[key].beside
    for place in where.values():
        found |= place.equations.identifiers - place.names.keys() - place.beside
    found |= get_identifiers(f"{model.plasticity.delay} {model.optimizer.interval}")
    return found & model.parameters.keys()
