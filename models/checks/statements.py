"""Statements: names that resolve, units that agree, and something that changes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from brian2 import DimensionMismatchError, Function, second

from ...codegen.brian2_api import DIMENSIONLESS, Constant, Variable, analyse_identifiers
from . import expressions, names, text
from .errors import ModelError, first_line, indent
from .places import TYPES, unit_text

if TYPE_CHECKING:
    from ..specification import Component
    from .places import Place


@contextlib.contextmanager
def said_of(component: Component, field: str, code: str) -> Iterator[None]:
    """Name the component, the field and the code in what is wrong with an expression."""
    try:
        yield
    except DimensionMismatchError as error:
        raise ModelError(
            f"{component.name}, {field}: the units do not agree: {first_line(error)}\n{indent(code)}"
        ) from error
    except expressions.UnfitError as error:
        raise ModelError(f"{component.name}, {field}: {error}\n{indent(code)}") from error


def resolve(
    component: Component, where: str, code: str, known: Mapping[str, Variable | Function]
) -> expressions.Parsed:
    """Refuse an identifier that nothing defines; return the `expressions.Parsed` code."""
    with said_of(component, where, code):
        parsed = expressions.parse(code)
    for symbol in sorted(parsed.names - known.keys()):
        raise ModelError(
            f"{component.name}, {where}: '{symbol}' is neither a variable nor a parameter of the model\n{indent(code)}\n"
            f"add it to `parameters` with its unit",
            symbol,
            known,
        )
    return parsed


def check(component: Component, field: str, place: Place, constants: Mapping[str, Constant]) -> set[str]:
    """Refuse statements that cannot run in a place, or do nothing there.

    Returns
    -------
    set of str
        The variables that they change.
    """
    code = getattr(component, field)
    try:
        lines = text.statements(code)
    except ValueError as error:
        raise ModelError(f"{component.name}, {field}: {error}") from error
    block = _Block(component, field, place, constants)
    for statement in lines:
        block.add(*statement)
    for name, line in block.unread.items():
        raise ModelError(
            f"{component.name}, {field}: '{name}' is no variable of {place.where}, and nothing after it reads it\n"
            f"{indent(line)}",
            name,
            place.names.keys() - place.fixed.keys(),
        )
    block.check_lost()
    return block.changed


class _Block:
    """Statements one after the other, with the local variables so far."""

    def __init__(self, component, field, place, constants):
        self.component, self.field, self.place, self.constants = component, field, place, constants
        self.known = {**expressions.BUILT_IN, **constants, **place.names}
        self.changed, self.unread, self.own = set(), {}, []

    def add(self, line, target, operation, code):
        """Check the next statement."""
        parsed = resolve(self.component, self.field, code, self.known)
        for name in parsed.names:
            self.unread.pop(name, None)
        if target in parsed.names and not operation:
            self.own.append((line, parsed.names))
        if operation:
            resolve(self.component, self.field, target, self.known)
            code = f"{target} {operation} ({code})"
        with said_of(self.component, self.field, line):
            dimensions, kind = expressions.check(code, self.known)
            if target in self.known:
                self._check_unit(line, target, dimensions)
        if target in self.place.names:
            self._change(line, target)
        elif target in self.constants:
            self._refuse(line, f"'{target}' is a parameter, which statements cannot change")
        else:
            self._define(line, target, dimensions, kind)

    def check_lost(self):
        """Refuse names that vanish when Brian2 brings ``x = x + ...`` into the form ``x += ...``: it misses them then."""
        for line, names_read in self.own:
            known = {name: self.known[name] for name in names_read if name in self.known}
            used = set().union(*analyse_identifiers(line, known))
            for name in sorted(names_read - used - expressions.BUILT_IN.keys()):
                self._refuse(line, f"it does not depend on '{name}': leave out the term with it, or write it with '+='")

    def _check_unit(self, line, target, dimensions):
        expected = getattr(self.known[target], "dim", DIMENSIONLESS)
        if dimensions is not expected:
            self._refuse(
                line,
                f"the units do not agree: '{target}' is in {unit_text(expected)}, the right-hand side in "
                f"{unit_text(dimensions)}",
            )

    def _change(self, line, target):
        if why := self.place.fixed.get(target):
            self._refuse(line, f"statements cannot change '{target}' in {self.place.where}: {why}")
        self.changed.add(target)

    def _define(self, line, target, dimensions, kind):
        if self.field == "initial":
            known = self.place.names.keys() - self.place.fixed.keys()
            raise ModelError(
                f"{self.component.name}, initial: '{target}' is no variable of {self.place.where}\n{indent(line)}",
                target,
                known,
            )
        why = names.variable_fault(target)
        if target in self.place.beside:
            why = f"is a variable of the layer, '{target}_post' here"
        if why:
            known = self.place.names.keys() - self.place.fixed.keys()
            raise ModelError(
                f"{self.component.name}, {self.field}: '{target}' is no variable of {self.place.where}, and cannot be a new "
                f"one: it {why}\n{indent(line)}",
                target,
                known,
            )
        self.known[target] = Variable(target, dimensions=dimensions, dtype=TYPES[kind])
        self.unread[target] = line

    def _refuse(self, line, why):
        raise ModelError(f"{self.component.name}, {self.field}: {why}\n{indent(line)}")


def check_initial(component: Component) -> None:
    """Refuse initial values that are given in another way than by '='."""
    for line, _, operation, _ in text.statements(component.strings["initial"]):
        if operation:
            raise ModelError(f"{component.name}, initial: '{line}' changes a value that is not there yet: use '='")


def check_expression(
    component: Component, field: str, place: Mapping[str, Variable], constants: Mapping[str, Constant], wanted: str
) -> None:
    """Refuse an expression that cannot run, or is not what the field needs.

    Parameters
    ----------
    component : Component
        Whose expression it is.
    field : str
        Which one.
    place : mapping of str to Variable
        What it can read.
    constants : mapping of str to Constant
        Parameters.
    wanted : {'a time', 'a condition', 'a time or a condition'}
        What it must be.
    """
    code, where = getattr(component, field), f"{field} '{getattr(component, field).strip()}'"
    if not code.strip():
        raise ModelError(f"{component.name}, {field}: it is empty; it must be {wanted}")
    known = {**expressions.BUILT_IN, **constants, **place}
    resolve(component, where, code, known)
    with said_of(component, where, code):
        dimensions, kind = expressions.check(code, known)
    found = (
        "a condition" if kind == "boolean" else "a time" if dimensions is second.dim else f"in {unit_text(dimensions)}"
    )
    if found not in wanted:
        raise ModelError(f"{component.name}, {where}: it must be {wanted}, and is {found}")
