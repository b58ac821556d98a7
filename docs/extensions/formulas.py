"""Formulas of equation strings, as LaTeX: the terms stand in the order in which the string has them."""

import ast
import re

from brian2 import Equations
from superspike_brian.models.checks.text import statements

_GREEK = {
    "alpha",
    "beta",
    "gamma",
    "delta",
    "epsilon",
    "zeta",
    "eta",
    "theta",
    "kappa",
    "lambda",
    "mu",
    "nu",
    "xi",
    "rho",
}
_GREEK |= {"sigma", "tau", "phi", "chi", "psi", "omega"}
_SIGNS = {"inf": r"\infty", "sigma_prime": r"\sigma'", "theta": r"\vartheta", "dt": r"\Delta t"}
_COMPARED = {ast.Gt: ">", ast.Lt: "<", ast.GtE: r"\geq", ast.LtE: r"\leq", ast.Eq: "=", ast.NotEq: r"\neq"}
_SUM, _PRODUCT, _SIGN, _POWER, _ATOM = range(1, 6)  # how strongly terms hold together
_STATEMENTS = re.compile("on_|reset$|initial$|update$|cost_update$")
_EXPRESSIONS = ("threshold", "output_threshold", "refractory", "delay", "interval")


def formulas(field, code):
    """Lines of LaTeX, aligned at ``&``, of what a field of a component computes; words and mere declarations have none."""
    if field.endswith("equations"):
        return [line for e in Equations(code).values() if (line := _equation(e))]
    label = field.replace("_", " ")
    if _STATEMENTS.match(field):
        return [rf"{_statement(*parts)} && \text{{({label})}}" for _, *parts in statements(code)]
    return [rf"\text{{{label}: }} & {expression(code)}"] if field in _EXPRESSIONS else []


def _equation(equation):
    left = symbol(equation.varname)
    if equation.type == "parameter":
        return None
    if equation.type == "differential equation":
        gap = r"\," if left.startswith(r"\text") else ""
        left = rf"\frac{{d{gap}{left}}}{{dt}}"
    return f"{left} &= {expression(equation.expr.code)}"


def _statement(target, operator, right):
    left, tree = symbol(target), ast.parse(right.strip(), mode="eval").body
    if not operator:
        return rf"{left} &\leftarrow {_tex(tree)[0]}"
    joined = ast.BinOp(ast.Name(target), {"+": ast.Add, "-": ast.Sub, "*": ast.Mult, "/": ast.Div}[operator](), tree)
    return rf"{left} &\leftarrow {_tex(joined)[0]}"


def expression(code):
    """LaTeX of a Python expression."""
    return _tex(ast.parse(code.strip(), mode="eval").body)[0]


def symbol(name):
    """LaTeX of a name: Greek and single letters with what follows below them, other words upright."""
    ending = re.search("_(pre|post)$", name)
    name, below = (name[: ending.start()], [ending[1]]) if ending else (name, [])
    first, *rest = re.match(r"([A-Za-z])(\d)$", name).groups() if re.match(r"[A-Za-z]\d$", name) else name.split("_")
    if name in _SIGNS:
        sign = _SIGNS[name]
    elif first in _GREEK or len(first) == 1:
        sign, below = f"\\{first}" if first in _GREEK else first, [*rest, *below]
    else:
        sign = rf"\text{{{' '.join([first, *rest])}}}"
    return sign + (rf"_{{\text{{{','.join(below)}}}}}" if below else "")


def _tex(node):
    """LaTeX of a node, and how strongly its terms hold together."""
    match node:
        case ast.Name(name):
            return symbol(name), _ATOM
        case ast.Constant(value):
            return _constant(value), _ATOM
        case ast.UnaryOp(ast.USub(), inner):
            return f"-{_within(inner, _PRODUCT)}", _SIGN
        case ast.BinOp(left, ast.Add() | ast.Sub() as operator, right):
            sign = "+" if isinstance(operator, ast.Add) else "-"
            return f"{_within(left, _SUM)} {sign} {_within(right, _PRODUCT)}", _SUM
        case ast.BinOp(left, ast.Mult(), right):
            return rf"{_within(left, _PRODUCT)}\,{_within(right, _PRODUCT)}", _PRODUCT
        case ast.BinOp(ast.UnaryOp(ast.USub(), left), ast.Div(), right):
            return rf"-\frac{{{_tex(left)[0]}}}{{{_tex(right)[0]}}}", _SIGN
        case ast.BinOp(left, ast.Div(), right):
            return rf"\frac{{{_tex(left)[0]}}}{{{_tex(right)[0]}}}", _PRODUCT
        case ast.BinOp(left, ast.Pow(), right):
            base = _within(left, _ATOM)
            return f"{{{base}}}^{{{_tex(right)[0]}}}" if "'" in base else f"{base}^{{{_tex(right)[0]}}}", _POWER
        case ast.Compare(left, [operator], [right]):
            return f"{_tex(left)[0]} {_COMPARED[type(operator)]} {_tex(right)[0]}", 0
        case ast.Call(ast.Name(function), arguments):
            return _call(function, [_tex(a)[0] for a in arguments])
    raise ValueError(f"no formula for {ast.unparse(node)}")


def _constant(value):
    if isinstance(value, bool):
        return rf"\text{{{value}}}"
    digits, _, power = f"{value:g}".partition("e")
    return rf"{digits} \cdot 10^{{{int(power)}}}" if power else digits


def _within(node, least):
    tex, holds = _tex(node)
    return tex if holds >= least else rf"\left({tex}\right)"


def _call(function, arguments):
    listed = ", ".join(arguments)
    forms = {"abs": rf"\left|{listed}\right|", "sqrt": rf"\sqrt{{{listed}}}"}
    return forms.get(function, rf"\operatorname{{{function}}}\left({listed}\right)"), _ATOM
