"""When the state is no longer finite: which variable left first, when, and what computed it.

At the end of a block most of the state is gone, because everything depends on everything. So the block runs again from its
start, in halves, until the first step is found after which something is not finite. Within that step the culprit is what
depends on nothing else that is not finite.
"""

import re
from typing import NamedTuple

import numpy as np
from brian2 import Equations

from ..codegen.brian2_api import get_identifiers
from ..codegen.probed import EVERY
from ..engine.runner import Runner
from ..errors import UserError
from ..network.structure import Structure

# fields that set variables, of which groups, in the order of a time step
WRITERS = (
    ("surrogate", "equations", "layer"),
    ("optimizer", "update", "forward"),
    ("plasticity", "equations", "forward"),
    ("optimizer", "equations", "forward"),
    ("regularizer", "equations", "forward"),
    ("plasticity", "terminal_equations", "terminals"),
    ("neuron", "equations", "layer"),
    ("error", "equations", "layer"),
    ("error", "cost_equations", "output"),
    ("error", "judge_equations", "output"),
    ("error", "output_equations", "output"),
    ("regularizer", "layer_equations", "hidden"),
    ("feedback", "equations", "feedback"),
    ("feedback", "equations", "hidden"),
    ("feedback", "error_equations", "hidden"),
    ("plasticity", "on_arrival", "terminals"),
    ("neuron", "on_input", "layer"),
    ("error", "on_cue", "output"),
    ("error", "on_deadline", "output"),
    ("error", "on_target", "output"),
    ("error", "on_output", "output"),
    ("feedback", "on_target", "hidden"),
    ("feedback", "on_output", "hidden"),
    ("neuron", "reset", "layer"),
    ("error", "on_answer", "output"),
    ("regularizer", "on_spike", "hidden"),
    ("error", "cost_update", "output"),
)


class DivergedError(UserError):
    """A state variable is no longer finite."""


class Writer(NamedTuple):
    """An equation or a statement that sets a variable."""

    component: str
    field: str
    code: str
    reads: frozenset[str]
    order: int


def not_finite(state: dict) -> list[str]:
    """Names of the arrays of a state that are not finite throughout."""
    floats = (name for name, values in state.items() if np.issubdtype(values.dtype, np.floating))
    return [name for name in floats if not np.isfinite(state[name]).all()]


def check_start(structure: Structure, state: dict) -> None:
    """Refuse a state to start from that is not finite (ValueError)."""
    for name in not_finite(state):
        at = _first(state[name])
        raise ValueError(
            f"the run would start with {place(structure, name, at, len(state[name]))} = {state[name][at]}, and a finite "
            f"number is expected: look at the parameter or the weights that set it"
        )


def first_step(program: Runner, state: dict, start: int, stop: int, last: dict) -> tuple[dict, int, dict]:
    """Find the first step of a block after which the state is not finite.

    Parameters
    ----------
    program : Program or RuntimeProgram
        What ran the block.
    state : dict of str to ndarray
        What the block started from.
    start, stop : int
        Its steps.
    last : dict of str to ndarray
        The state at its end, not finite.

    Returns
    -------
    before : dict of str to ndarray
        The state before that step.
    step : int
        The number of steps at its end.
    after : dict of str to ndarray
        The state there.
    """
    low, high = (start, state), (stop, last)
    # first between chunks, where the bits are those of the run; then the steps of one chunk, each run from the chunk's start
    for grid in (EVERY, 1):
        origin = low
        while (begin := (low[0] // grid + 1) * grid) <= (end := (high[0] - 1) // grid * grid):
            step = begin + (end - begin) // (2 * grid) * grid
            at, known = low if grid == EVERY else origin
            found, _ = program.run(known, at, step - at)
            if not_finite(found):
                high = step, found
            else:
                low = step, found
    return low[1], *high


def explain(structure: Structure, before: dict, step: int, after: dict) -> str:
    """Say what became non-finite first in the step that leads from `before` to `after`, and where it comes from.

    Parameters
    ----------
    structure : Structure
        The network.
    before, step, after
        As `first_step` returns them.

    Returns
    -------
    str
        One line, without the last full stop.
    """
    bad = not_finite(after)
    causes = {name: _causes(structure, after, *name.split(".")) for name in bad}
    read = {
        name: {a for g, w in causes[name] for s in w.reads for a in _arrays(structure, after, g, s)} for name in bad
    }
    # what depends on nothing else that is bad; where all depend on each other, what a time step computes first
    name = min(bad, key=lambda n: (bool(read[n] & set(bad) - {n}), min((w.order for _, w in causes[n]), default=-1), n))
    group, variable = name.split(".")
    values, at = after[name], _first(after[name])
    n, also = int(np.count_nonzero(~np.isfinite(values))), []
    if n > 1:
        also.append(f"{n} of {len(values)} elements")
    if len(bad) > 1:
        also.append(f"in the same step as {len(bad) - 1} other arrays")
    text = f"{place(structure, name, at, len(values))} became {values[at]} at {step * float(structure.dt):.10g} s"
    text += f" ({'; '.join(also)})" if also else ""
    # an assignment of constants is no cause
    shown = [(g, w) for g, w in causes[name] if any(_arrays(structure, after, g, s) for s in w.reads)] or causes[name]
    if shown:
        text += f". It is set by {' and by '.join(f'`{w.code}` ({w.component}, {w.field})' for _, w in shown)}"
    symbols = dict.fromkeys([(group, variable), *((g, s) for g, w in shown for s in sorted(w.reads))])
    found = [(s, _value(structure, before, group, at, g, s)) for g, s in symbols]
    known = ", ".join(f"{s} = {value:.4g}" for s, value in found if value is not None)
    return text + (f"; a step earlier {known}" if known else "")


def writers(structure: Structure, group: str, variable: str) -> list[Writer]:
    """What sets a variable of a group, in the order of a time step."""
    kinds, model = _kinds(structure, group)
    output = group in structure.projections and structure.projections[group].target == "output"
    found = []
    for order, (kind, field, place) in enumerate(WRITERS):
        component = model.components[kind]
        code = getattr(component, field)
        if place in kinds and not (kind == "regularizer" and output):
            lines = _equations(code) if field.endswith("equations") else _statements(code)
            mine = ((line, frozenset(reads)) for name, line, reads in lines if name == variable)
            found += [Writer(component.name, field, line, reads, order) for line, reads in mine]
    return found


def _kinds(structure, group):
    """What a group is, in the words of `WRITERS`, and the model of its code."""
    if group in structure.populations:
        return {"layer", "output" if group == "output" else "hidden"}, structure.models.get(group, structure.model)
    if group in structure.projections:
        return {"forward"}, structure.models[group]
    for projection in structure.projections.values():
        if group == f"terminals_{projection.label}":
            return {"terminals"}, structure.models[projection.name]
    for pathway in structure.pathways.values():
        if group in structure.feedback_groups(pathway):
            return {"feedback"}, structure.models[f"feedback_{pathway.label}"]
    return {group.split("_")[0]}, structure.model


def _causes(structure, state, group, variable):
    """What sets a variable, and the expressions it reads that are no variables: pairs of group and `Writer`."""
    found = []
    for writer in writers(structure, group, variable):
        found.append((group, writer))
        for symbol in sorted(writer.reads):
            if not _arrays(structure, state, group, symbol):
                for meaning in _meanings(structure, group, symbol):
                    found += _causes(structure, state, *meaning)
    return found


def _equations(code):
    for name, equation in Equations(code).items():
        if equation.expr is not None:
            left = f"d{name}/dt" if equation.type == "differential equation" else name
            text = " ".join(equation.expr.code.split())
            yield name, f"{left} = {text}", get_identifiers(text)


def _statements(code):
    for line in code.splitlines():
        line = " ".join(line.split("#")[0].split())
        if found := re.match(r"(\w+) ?([-+*/]{0,2}=) ?(.*)", line):
            left, operator, right = found.groups()
            yield left.removesuffix("_post"), line, get_identifiers(right) | (set() if operator == "=" else {left})


def _meanings(structure, group, symbol):
    """What `symbol` may mean in code that sets a variable of `group`: pairs of group and variable."""
    if group in structure.projections:
        projection = structure.projections[group]
        around = {"_pre": [f"terminals_{projection.label}"], "_post": [projection.target]}
    else:  # what arrives reads its synapses
        arriving = [p.name for p in structure.projections.values() if p.target == group]
        if (
            group in structure.pathways
        ):  # feedback carries weights of its own, forward weights, or what the output judges
            pathway = structure.pathways[group]
            arriving += [structure.feedback_groups(pathway)[0], structure.forward_weights(pathway), "output"]
        around = {"_post": [group], "": arriving}
    suffix = next((s for s in ("_pre", "_post") if symbol.endswith(s)), "")
    return [(group, symbol), *((g, symbol.removesuffix(suffix)) for g in around.get(suffix, ()))]


def _arrays(structure, state, group, symbol):
    """Arrays of the state that `symbol` may mean in code that sets a variable of `group`: the group's own, or others."""
    found = [name for g, s in _meanings(structure, group, symbol) if (name := f"{g}.{s}") in state]
    return found[:1] if found[:1] == [f"{group}.{symbol}"] else found


def _ends(structure, group, at):
    """Presynaptic and postsynaptic unit of a synapse; None where the run's seed says which pairs there are."""
    if not structure.is_dense(group):
        return None, None
    pre, post = divmod(at, structure.shape(group)[1])
    return pre, post


def _value(structure, state, group, at, reader, symbol):
    """Value of a symbol in code of `reader`, for element `at` of `group`; None if it is no variable, or one of many."""
    for name in _arrays(structure, state, reader, symbol):
        values, owner = state[name], name.split(".")[0]
        if len(values) == 1:
            return values[0]
        if owner == group:
            return values[at]
        if group in structure.projections and (owner in structure.populations or owner.startswith("terminals_")):
            pre, post = _ends(structure, group, at)
            unit = pre if owner.startswith("terminals_") else post
            return None if unit is None else values[unit]
    return None


def _first(values):
    return int(np.flatnonzero(~np.isfinite(values))[0])


def place(structure: Structure, name: str, at: int, size: int) -> str:
    """Where element `at` of an array of a state is, in words."""
    group, variable = name.split(".")
    text = f"{variable} of {group}"
    if size == 1 and not (group in structure.populations or group.startswith("terminals_")):
        return text
    if group in structure.projections:
        projection, (pre, post) = structure.projections[group], _ends(structure, group, at)
        if pre is None:
            return f"{text} (synapse {at} from {projection.source} to {projection.target})"
        return f"{text} (from unit {pre} of {projection.source} to unit {post} of {projection.target})"
    for pathway in structure.pathways.values():
        if group in structure.feedback_groups(pathway):
            post, pre = divmod(at, structure.size(pathway.source))
            return f"{text} (from unit {pre} to unit {post} of {pathway.target})"
    return f"{text}, unit {at}"
