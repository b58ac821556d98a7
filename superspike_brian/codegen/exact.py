"""Exact integration of linear equations, one independent block at a time.

Membrane potential and current, the error trace, a rate trace: a layer's equations fall into small systems that do not read
each other. The matrix exponential of each takes SymPy milliseconds, that of all together many seconds; the solution is the
same.

SymPy's exponential, which Brian2 uses, divides by the differences of eigenvalues. Of its digits it loses as many as
``|lambda_i - lambda_j| dt`` has zeros behind the point, all of them where two time constants are equal. Where more than `LOST`
would go, the exponential is computed in numbers instead, and its entries are constants of the generated code. Coefficients
that are inputs of the program have no numbers yet: for two equations, one driving the other, there is a form without such a
division, ``exprel(x) = (exp(x) - 1)/x``.
"""

import itertools
from collections.abc import Mapping
from typing import Any

import mpmath
import numpy as np
import sympy
from brian2 import Equations, StateUpdateMethod, exact, prefs

from .brian2_api import (
    Constant,
    Variable,
    exprel,
    get_identifiers,
    get_linear_system,
    is_constant_over_dt,
    sympy_to_str,
)

# Relative error of a coefficient for which SymPy's form is good enough, by type of the state. With time constants of 5 and
# 10 ms and steps of 0.1 ms it is 2e-14 and 1e-5
LOST = {np.float64: 1e-11, np.float32: 3e-4}
DIGITS = 50  # of the exponential, before it is rounded


class ExactByBlocks(StateUpdateMethod):
    """State updater for linear equations with coefficients that are constant over a time step."""

    def __call__(
        self,
        equations: Equations,
        variables: Mapping[str, Variable] | None = None,
        method_options: Mapping[str, Any] | None = None,
    ) -> str:
        """Return the abstract code of one time step; raise what Brian2's ``exact`` raises."""
        parts = _parts(equations)
        return "\n".join(_step(part, variables or {}) or exact(part, variables, method_options) for part in parts)


def blocks(equations: Equations) -> list[list[str]]:
    """Sets of differential variables that read each other, in the order of the equations."""
    reads = {name: get_identifiers(expression.code) for name, expression in equations.get_substituted_expressions()}
    merged: list[list[str]] = []
    for name in equations.diff_eq_names:
        linked = [b for b in merged if any(name in reads[other] or other in reads[name] for other in b)]
        merged = [b for b in merged if b not in linked] + [[n for b in linked for n in b] + [name]]
    return merged


def _parts(equations):
    """The equations of each block, with the others that are no differential ones."""
    rest = [e for e in equations.values() if e.type != "differential equation"]
    return [Equations([*rest, *(equations[name] for name in block)]) for block in blocks(equations)]


exact_by_blocks = ExactByBlocks()


def is_brian2s(equations: Equations, variables: Mapping[str, Variable]) -> bool:
    """Whether Brian2's own ``exact`` keeps the digits of these equations; what they read is in `variables`."""
    return all(_step(part, variables) is None for part in _parts(equations))


def without_form(
    equations: Equations, variables: Mapping[str, Variable], values: Mapping[str, Constant], dt: float
) -> list[str] | None:
    """The first block whose coefficients are inputs of the program, of values that SymPy's form does not suit; or None.

    Parameters
    ----------
    equations : Equations
        Linear equations.
    variables : mapping of str to Variable
        What they read.
    values : mapping of str to Constant
        Parameters, those that are inputs of the program among them.
    dt : float
        Time step (s).
    """
    inputs, known = values.keys() & variables.keys(), {**variables, **values}
    rest = [e for e in equations.values() if e.type != "differential equation"]
    for block in blocks(equations) if inputs else ():
        part = Equations([*rest, *(equations[name] for name in block)]) if len(block) > 2 else None
        if not part or not inputs & set().union(*(e.identifiers for _, e in part.get_substituted_expressions())):
            continue
        names, matrix, _ = get_linear_system(part, known)
        matrix = matrix.xreplace({switch: sympy.Integer(1) for switch in matrix.atoms(sympy.Function("int_"))})
        if not _suits(_numbers(matrix, known), dt):
            return names
    return None


def _step(equations, variables):
    """Abstract code of a block that SymPy's exponential does not suit; None where it does, or cannot be done better."""
    if "dt" not in variables or equations.is_stochastic:
        return None
    dt = float(variables["dt"].get_value().item())
    names, matrix, drive = get_linear_system(equations, variables)
    if not all(is_constant_over_dt(entry, variables, dt) for entry in (*matrix, *drive)):
        return None
    switches = sorted(matrix.atoms(sympy.Function("int_")), key=str)
    cases = {}
    for values in itertools.product((0, 1), repeat=len(switches)):
        cases[values] = _numbers(
            matrix.xreplace(dict(zip(switches, map(sympy.Integer, values), strict=True))), variables
        )
    if any(numbers is None for numbers in cases.values()):
        return _pair(names, matrix, drive)
    if _suits(cases[(1,) * len(switches)], dt, regular=True) and all(_suits(a, dt) for a in cases.values()):
        return None
    return _numeric(names, cases, list(map(sympy_to_str, switches)), list(map(sympy_to_str, drive)), dt)


def _numbers(matrix, variables):
    """The matrix as an array, if its entries are constants of the model; else None."""
    for symbol in matrix.free_symbols:
        variable = variables[str(symbol)]
        if isinstance(variable, Constant) or variable is variables.get("dt"):
            matrix = matrix.xreplace({symbol: sympy.Float(np.asarray(variable.get_value()).item())})
    return None if matrix.free_symbols else np.array(matrix.evalf().tolist(), float)


def _suits(matrix, dt, regular=False):
    """Whether SymPy's exponential of the matrix is real and keeps its digits (and, if wanted, the matrix an inverse)."""
    eps, lost = np.finfo(prefs.core.default_float_dtype).eps, LOST[prefs.core.default_float_dtype]
    linked = (
        np.linalg.matrix_power(np.eye(len(matrix)) + abs(np.sign(matrix)) + abs(np.sign(matrix.T)), len(matrix)) > 0
    )
    for part in {tuple(np.flatnonzero(row)) for row in linked}:  # what a refractory unit leaves of the links
        values = np.linalg.eigvals(matrix[np.ix_(part, part)])
        if np.imag(values).any() or (regular and not values.all()):
            return False
        distances = np.minimum(1, abs(values[:, None] - values) * dt) + np.eye(len(values))
        if eps > lost * distances.prod(axis=1).min():
            return False
    return True


def _numeric(names, cases, switches, drive, dt):
    """Abstract code with the entries of the exponential as numbers, for each case of the switches (0 or 1)."""
    n = len(names)
    solved = {values: _exponential(matrix * dt) for values, matrix in cases.items()}

    def coefficient(row, column):
        entries = {values: float(e[row, column]) for values, e in solved.items()}
        if len(set(entries.values())) == 1:
            return repr(entries.popitem()[1])
        terms = []
        for values, entry in entries.items():
            on = [s if v else f"(1 - {s})" for s, v in zip(switches, values, strict=True)]
            terms.append("*".join([f"({entry!r})", *on]))
        return " + ".join(terms)

    lines = []
    for row, name in enumerate(names):
        what = {**{k: names[k] for k in range(n)}, **{n + k: f"{dt!r}*({d})" for k, d in enumerate(drive) if d != "0"}}
        terms = [f"({c})*{x}" for k, x in what.items() if (c := coefficient(row, k)) != "0.0"]
        lines.append(f"_{name} = {' + '.join(terms)}")
    return "\n".join([*lines, *(f"{name} = _{name}" for name in names)])


def _exponential(matrix):
    """exp(A) and, to its right, the integral of exp(A s) over s from 0 to 1."""
    n = len(matrix)
    whole = np.block([[matrix, np.eye(n)], [np.zeros((n, 2 * n))]])
    with mpmath.workdps(DIGITS):
        solved = mpmath.expm(mpmath.matrix(whole.tolist()), method="taylor")
        return np.array(solved.tolist(), float)[:n]


def _pair(names, matrix, drive):
    """Abstract code of two equations of which one drives the other, in symbols; None for other systems."""
    if len(names) != 2 or (matrix[0, 1] != 0 and matrix[1, 0] != 0):
        return None
    symbols, dt = sympy.symbols(names, real=True), sympy.Symbol("dt", real=True, positive=True)
    at_rest = sympy.solve_linear_system(matrix.row_join(-drive), *symbols)
    if at_rest is None or set(at_rest) != set(symbols):
        return None
    a, b = matrix[0, 0], matrix[1, 1]
    link = dt * sympy.exp(b * dt) * exprel((a - b) * dt)
    step = sympy.Matrix([[sympy.exp(a * dt), matrix[0, 1] * link], [matrix[1, 0] * link, sympy.exp(b * dt)]])
    rest = sympy.Matrix([at_rest[s] for s in symbols])
    new = step * (sympy.Matrix(symbols) - rest) + rest
    lines = [f"_{name} = {sympy_to_str(value)}" for name, value in zip(names, new, strict=True)]
    return "\n".join([*lines, *(f"{name} = _{name}" for name in names)])
