"""A model whose components name one thing in two ways, some as older versions did: today's names win."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from superspike_brian.values.renamed import IN_MODELS, hint, uses, with_current

if TYPE_CHECKING:
    from .specification import Component

_DECLARED = re.compile(r"^\s*(?:d(\w+)/dt|(\w+))\s*[=:]", re.MULTILINE)


def at_one(components: Mapping[str, Component]) -> dict[str, Component]:
    """Components that call each thing by one name.

    Parameters
    ----------
    components : mapping of str to Component
        Of one model, by the names of its fields.

    Returns
    -------
    dict of str to Component
        The same, if all names are of one version (or if both names are variables of the model, and so two things); else with
        today's names, and a hint (FutureWarning) for each.
    """
    found = dict(components)
    text = " ".join(str(part) for c in found.values() for part in (*c.strings.values(), *c.parameters))
    for old, new in IN_MODELS.items():
        if old not in text or new not in text:  # as nearly always: a whole start may not wait for this
            continue
        if all(_uses(found, name) for name in (old, new)) and not all(_declares(found, name) for name in (old, new)):
            hint(old, new)
            found = {kind: _renamed(component, old, new) for kind, component in found.items()}
    return found


def _uses(components, name):
    return any(
        name in c.parameters or any(uses(code, name) for code in c.strings.values()) for c in components.values()
    )


def _declares(components, name):
    for component in components.values():
        codes = (code for field, code in component.strings.items() if field.endswith("equations"))
        if name in component.parameters or any(name in match for code in codes for match in _DECLARED.findall(code)):
            return True
    return False


def _renamed(component, old, new):
    strings = {field: with_current(code, {old: new}) for field, code in component.strings.items()}
    parameters = {new if symbol == old else symbol: value for symbol, value in component.parameters.items()}
    return dataclasses.replace(component, **strings, parameters=parameters)
