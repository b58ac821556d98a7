"""Analysis of plastic synapses: linear equations, driven by presynaptic times postsynaptic factors.

If so, one step of the variables x of synapse (j, i), from presynaptic unit j to postsynaptic unit i, is

    x(t+1) = M_i(t) x(t) + sum over sources r of B_i,r(t) s_r(t)

where M and B depend on the postsynaptic unit only, and a source is a presynaptic quantity (``z_pre``), a variable of the
synapse that does not change (``w``), or 1. Products of M can then be accumulated a postsynaptic unit instead of a synapse:
with P(t) = M(K-1) ... M(t), running backwards over a chunk of K steps,

    x(K) = P(0) x(0) + sum over t and r of P(t+1) B_r(t) s_r(t)

exactly. `superspike_brian.codegen.backward` turns this plan into C++.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import sympy
from brian2 import Synapses
from numpy.typing import NDArray

from .stepmap import NOTHING, UnfitError, abstract_code, kind, linear_dynamics, resolve, step_map

ONE = sympy.Integer(1)


Terms: TypeAlias = dict[int | None, sympy.Expr]  # shared coefficient of each factor; None: of none


@dataclasses.dataclass
class Plan:
    """Linear form of the synaptic equations.

    Parameters
    ----------
    states : list of str
        Variables that the step changes.
    factors : list of sympy.Expr
        Postsynaptic factors, recorded at every step.
    matrix, drive : dict of (str, str or int) to dict of int or None to sympy.Expr
        M[a, b] and B[a, r] as sums: number of a factor (None: no factor) to its shared coefficient.
    sources : list of (str, sympy.Expr)
        Kind ('pre', 'own' or 'one') and expression of every source.
    """

    states: list[str]
    factors: list[sympy.Expr] = dataclasses.field(default_factory=list)
    matrix: dict[tuple[str, str], Terms] = dataclasses.field(default_factory=dict)
    drive: dict[tuple[str, int], Terms] = dataclasses.field(default_factory=dict)
    sources: list[tuple[str, sympy.Expr]] = dataclasses.field(default_factory=list)

    def add(self, table: dict[Any, Terms], key: tuple[str, str | int], post: sympy.Expr, shared: sympy.Expr) -> None:
        """Add a term to M or B."""
        if post == ONE:
            factor = None
        else:
            if post not in self.factors:
                self.factors.append(post)
            factor = self.factors.index(post)
        terms = table.setdefault(key, {})
        terms[factor] = terms.get(factor, 0) + shared

    def source(self, kind_: str, expression: sympy.Expr) -> int:
        """Return the number of a source."""
        if (kind_, expression) not in self.sources:
            self.sources.append((kind_, expression))
        return self.sources.index((kind_, expression))


def kinds_of(synapses: Synapses, code: str, namespace: Mapping[str, Any] = NOTHING) -> dict[str, str]:
    """Kind of every variable in the synapses' step (see `stepmap.kind`).

    Raises
    ------
    UnfitError
        For what changes within a time step's block without being stored, or, one value per synapse, outside the synapses.
    """
    indices, found = synapses.variables.indices, resolve(synapses, code, namespace)
    kinds = {n: kind(n, v, indices.get(n, "0")) for n, v in found.items()}
    for name in (n for n, k in kinds.items() if k == "own" and found[n].owner.name != synapses.name):
        raise UnfitError(f"{name} is a variable of {found[name].owner.name} and of each synapse")
    return kinds


def linear_plan(synapses: Synapses, namespace: Mapping[str, Any] = NOTHING) -> Plan:
    """Return the `Plan` of plastic synapses. Names that they lack are in `namespace`.

    Raises
    ------
    UnfitError
        If the equations do not have the form; the message says which term does not.
    """
    code = abstract_code(synapses.state_updater, namespace)
    kinds = kinds_of(synapses, code, namespace)
    steps = step_map(code, resolve(synapses, code, namespace))
    plan = Plan([n for n in steps if n in synapses.variables])
    for state in plan.states:
        kinds[state] = "state"
    for a in plan.states:
        for term in sympy.Add.make_args(sympy.expand(steps[a])):
            parts = _split(term, kinds)
            state, shared, post = (parts.pop(k, ONE) for k in ("state", "shared", "post"))
            if state != ONE:
                if parts or str(state) not in plan.states:
                    raise UnfitError(f"the step of {a} has the term {term}, which is not linear in {state}")
                plan.add(plan.matrix, (a, str(state)), post, shared)
                continue
            if len(parts) > 1:
                raise UnfitError(f"the step of {a} has the term {term}: a weight times a presynaptic factor")
            r = plan.source(*next(iter(parts.items()), ("one", ONE)))
            plan.add(plan.drive, (a, r), post, shared)
    return plan


def _split(term, kinds):
    """Factors of a product by kind of what they depend on."""
    parts: dict[str, sympy.Expr] = {}
    for factor in sympy.Mul.make_args(term):
        found = {kinds.get(str(s), "shared") for s in factor.free_symbols} - {"shared"}
        if len(found) > 1:
            raise UnfitError(f"the factor {factor} mixes {' and '.join(sorted(found))} variables")
        k = found.pop() if found else "shared"
        parts[k] = parts.get(k, ONE) * factor
    return parts


def presynaptic_filter(
    synapses: Synapses, plan: Plan, namespace: Mapping[str, Any] = NOTHING
) -> tuple[list[str], NDArray[np.float64]]:
    """Linear dynamics behind the plan's presynaptic sources: one filter state per presynaptic variable.

    Returns
    -------
    names : list of str
        Names of the filter's states in `synapses` (``z_pre``, ``z_rise_pre``).
    matrix : ndarray
        The states' step, as long as no spike arrives.

    Raises
    ------
    UnfitError
        If a source is not a single presynaptic variable with such dynamics.
    """
    names: list[str] = []
    blocks = []
    for kind_, expression in plan.sources:
        if kind_ != "pre" or str(expression) in names:
            continue
        if not expression.is_Symbol:
            raise UnfitError(f"{expression} is not a single variable")
        variable = synapses.variables[str(expression)]
        if variable.owner.clock is not synapses.state_updater.clock:
            raise UnfitError(f"{expression} takes other time steps than the synapses")
        found, matrix = linear_dynamics(variable, namespace)
        if missing := [n for n in found if f"{n}_pre" not in synapses.variables]:
            raise UnfitError(f"the synapses do not see {missing[0]}, which {expression} depends on")
        blocks.append((len(names), matrix))
        names += [f"{n}_pre" for n in found]
    matrix = np.zeros((len(names), len(names)))
    for at, block in blocks:
        matrix[at : at + len(block), at : at + len(block)] = block
    return names, matrix
