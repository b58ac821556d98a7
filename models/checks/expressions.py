"""Expressions: what they may consist of, and what is wrong with their numbers.

Everything is looked at on Python's syntax tree, before SymPy sees it: SymPy computes powers of numbers and multiplies
products out, which can take for ever.
"""

import ast
import dataclasses
import math
import operator
import warnings
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from brian2 import DEFAULT_CONSTANTS, DEFAULT_FUNCTIONS, DEFAULT_UNITS, DimensionMismatchError, Function, second

from ...codegen.brian2_api import Constant, Dimension, Variable, brian_ast, parse_expression_dimensions

MAX_CHARACTERS, MAX_NODES, MAX_DEPTH = 5000, 1000, 100
MAX_TERMS = 1000  #         when multiplied out
MAX_EXPONENT = 100  #       that is a number
MAX_INTEGER = 2**31 - 1  #  of the generated code

FUNCTIONS = dict(DEFAULT_FUNCTIONS)
UNITS = {name: Constant(name, float(unit), dimensions=unit.dim) for name, unit in DEFAULT_UNITS.items()}
NUMBERS = {name: constant for name, constant in DEFAULT_CONSTANTS.items() if name.isidentifier()}
BUILT_IN = {**FUNCTIONS, **UNITS, **NUMBERS}

_ARITHMETIC = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_ALLOWED = (
    *_ARITHMETIC,
    *(ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.Call, ast.Name, ast.Load),
    *(ast.UAdd, ast.USub, ast.Not, ast.And, ast.Or, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq),
)
_INSTEAD = {ast.BitXor: "'^': write '**'", ast.BitAnd: "'&': write 'and'", ast.BitOr: "'|': write 'or'"}


class UnfitError(ValueError):
    """An expression that cannot run; the message says why."""


@dataclasses.dataclass(frozen=True)
class Parsed:
    """An expression's syntax tree, and the names and functions in it."""

    tree: ast.expr
    names: frozenset[str]
    calls: frozenset[str]


@lru_cache(maxsize=50_000)
def parse(code: str) -> Parsed:
    """Return an expression's `Parsed` tree; UnfitError if it is no expression of numbers."""
    if len(code) > MAX_CHARACTERS:
        raise UnfitError(f"it has {len(code)} characters, at most {MAX_CHARACTERS} are possible")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Python, about code like '1(x)', which is refused below
            tree = ast.parse(code.strip().replace("\n", " "), mode="eval").body
    except SyntaxError as error:
        raise UnfitError(f"it is no expression: {error.msg}") from error
    except (RecursionError, MemoryError) as error:
        raise UnfitError("it is nested too deeply: give its parts names") from error
    names, calls = set(), set()
    for node in _nodes(tree):
        _check_node(node)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            calls.add(node.func.id)
        elif isinstance(node, ast.Name):
            names.add(node.id)
    terms(tree)
    Numbers(FUNCTIONS).value(tree)  # SymPy would compute exp(exp(exp(9))) to its last digit
    return Parsed(tree, frozenset(names), frozenset(calls))


def _nodes(tree):
    todo, seen = [(tree, 1)], 0
    while todo:
        node, depth = todo.pop()
        seen += 1
        if seen > MAX_NODES or depth > MAX_DEPTH:
            raise UnfitError("it has too many terms, or is nested too deeply: give its parts names")
        yield node
        todo += [(child, depth + 1) for child in ast.iter_child_nodes(node)]


def _check_node(node):
    kind = type(node)
    if kind is ast.Constant:
        _check_number(node.value)
    elif kind is ast.Compare and len(node.ops) > 1:
        raise UnfitError("it compares more than two things: write 'a < b and b < c'")
    elif kind is ast.Call:
        if not isinstance(node.func, ast.Name) or node.keywords:
            raise UnfitError("it calls something else than a function with values, as in exp(x)")
        if node.func.id not in FUNCTIONS:
            raise UnfitError(f"'{node.func.id}' is no function; there are {', '.join(sorted(FUNCTIONS))}")
    elif kind in _INSTEAD:
        raise UnfitError(f"there is no operator {_INSTEAD[kind]}")
    elif kind not in _ALLOWED:
        raise UnfitError(f"it is no expression of numbers, names, operators and functions ({kind.__name__})")


def _check_number(value):
    if isinstance(value, bool):
        return
    if not isinstance(value, int | float):
        raise UnfitError(f"{value!r} is no real number")
    if isinstance(value, int) and value > MAX_INTEGER:
        raise UnfitError(f"a whole number larger than {MAX_INTEGER} does not fit: write it with a point or exponent")
    if not math.isfinite(value):
        raise UnfitError("a number is too large")


def terms(node: ast.AST, known: Mapping[str, int] | None = None) -> int:
    """Summands of an expression when multiplied out; UnfitError if they are too many."""
    counts = {child: terms(child, known) for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)}
    n = 1
    if isinstance(node, ast.Name):
        n = (known or {}).get(node.id, 1)
    elif isinstance(node, ast.BinOp):
        left, right = counts[node.left], counts[node.right]
        if isinstance(node.op, ast.Add | ast.Sub):
            n = left + right
        elif isinstance(node.op, ast.Mult | ast.Div):
            n = left * right
        elif isinstance(node.op, ast.Pow) and (exponent := _literal(node.right)) is not None:
            if abs(exponent) > MAX_EXPONENT:
                raise UnfitError(f"the exponent {exponent:g} is too large: at most {MAX_EXPONENT} is possible")
            n = math.comb(left + int(abs(exponent)) - 1, int(abs(exponent))) if exponent == int(exponent) else 1
    elif isinstance(node, ast.UnaryOp):
        n = counts[node.operand]
    if n > MAX_TERMS:
        raise UnfitError(f"multiplied out it has more than {MAX_TERMS} terms: give its parts names")
    return n


def _literal(node):
    """Value of a number without names; None if there are names."""
    return None if any(isinstance(n, ast.Name) for n in ast.walk(node)) else Numbers({}).value(node)


def check(code: str, names: Mapping[str, Variable | Function]) -> tuple[Dimension, str]:
    """Dimensions and type ('float', 'integer', 'boolean') of an expression whose names are all known.

    Parameters
    ----------
    code : str
        The expression.
    names : mapping of str to Variable or Function
        What it can read.

    Raises
    ------
    UnfitError, DimensionMismatchError
        If it cannot run.
    """
    parsed = parse(code)
    used = {n: names[n] for n in parsed.names | parsed.calls if n in names}
    text = code.strip().replace("\n", " ")
    try:
        dimensions = parse_expression_dimensions(parsed.tree, used, orig_expr=text)
        kind = brian_ast(text, used).dtype
    except DimensionMismatchError:
        raise
    except (SyntaxError, ValueError, TypeError, KeyError, ArithmeticError) as error:  # Brian2 about the user's string
        raise UnfitError(str(getattr(error, "msg", None) or error)) from error
    Numbers(used).value(parsed.tree)
    return dimensions, kind


def evaluate(code: str, names: Mapping[str, Variable | Function]) -> float | None:
    """Value (SI units) of an expression of constants, or None if it is not constant."""
    return Numbers(names).value(parse(code).tree)


class Numbers:
    """Computes what is constant in an expression, and refuses what divides by zero, has no value, or makes no sense."""

    def __init__(self, names: Mapping[str, Variable | Function]) -> None:
        self.names = names
        self.known: dict[ast.AST, float | None] = {}

    def value(self, node: ast.AST) -> float | None:
        """Value of a tree in SI units; None if it is not constant."""
        if node not in self.known:
            self.known[node] = getattr(self, f"_{type(node).__name__}")(node)
        return self.known[node]

    def _Constant(self, node):
        return node.value

    def _Name(self, node):
        variable = self.names.get(node.id)
        return float(variable.value) if isinstance(variable, Constant) else None

    def _UnaryOp(self, node):
        value = self.value(node.operand)
        if value is None or isinstance(node.op, ast.UAdd):
            return value
        return (not value) if isinstance(node.op, ast.Not) else -value

    def _BoolOp(self, node):
        for part in node.values:
            self.value(part)

    def _Compare(self, node):
        for part in (node.left, *node.comparators):
            self.value(part)

    def _Call(self, node):
        values, function = [self.value(a) for a in node.args], self.names.get(node.func.id)
        low, high = values[1:] if node.func.id == "clip" and len(values) == 3 else (None, None)
        if low is not None and high is not None and low > high:
            raise UnfitError(f"clip has a lower bound, {low:g}, above its upper bound, {high:g} (SI units)")
        if None in values or not isinstance(function, Function) or not function.stateless or not values:
            return None
        return self._result(function.pyfunc, values, ast.unparse(node))

    def _BinOp(self, node):
        left, right = self.value(node.left), self.value(node.right)
        if isinstance(node.op, ast.Div | ast.FloorDiv | ast.Mod):
            self._check_divisor(node.right)
        if isinstance(node.op, ast.Pow) and right is not None and right < 0:
            self._check_divisor(node.left)
        if left is None or right is None:
            return None
        integer = isinstance(left, int) and isinstance(right, int) and not isinstance(node.op, ast.Div)
        text = ast.unparse(node)
        result = self._result(_ARITHMETIC[type(node.op)], (float(left), float(right)), text)
        if integer and abs(result) > MAX_INTEGER:
            raise UnfitError(
                f"{text} is larger than {MAX_INTEGER}, the largest whole number: write a number with a point"
            )
        return int(result) if integer and result == int(result) else result

    @staticmethod
    def _result(function, values, text):
        try:
            with np.errstate(all="ignore"):
                result = function(*values)
        except (ArithmeticError, ValueError, TypeError) as error:
            raise UnfitError(f"{text} has no value: {error}") from error
        if isinstance(result, complex) or math.isnan(result):
            raise UnfitError(f"{text} is not a real number")
        if math.isinf(result) and not any(map(math.isinf, values)):
            raise UnfitError(f"{text} is too large")
        return result if isinstance(result, int) else float(result)

    def _check_divisor(self, node):
        """Refuse a constant factor that is zero, or a time that is not positive."""
        if isinstance(node, ast.UnaryOp) and not isinstance(node.op, ast.Not):
            return self._check_divisor(node.operand)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            self._check_divisor(node.left)
            return self._check_divisor(node.right)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            return self._check_divisor(node.left)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            return self._check_divisor(node.left)
        if (value := self.value(node)) is None:
            return None
        if value == 0:
            raise UnfitError(f"it divides by '{ast.unparse(node)}', which is 0")
        if value < 0 and parse_expression_dimensions(node, self.names) is second.dim:
            raise UnfitError(f"it divides by the time '{ast.unparse(node)}', which is {value:g} s and must be positive")
        return None
