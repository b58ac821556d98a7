"""The reference of everything in ``models/``, as Markdown: strings as they run, the same as formulas, and parameters."""

import dataclasses
import importlib
import inspect
import pkgutil
import re

from brian2 import Equations
from formulas import formulas

from superspike_brian import models
from superspike_brian.values import docstrings
from superspike_brian.values.quantities import readable
from superspike_brian.values.tables import markdown


def model_reference():
    """Markdown of all model files, in the order of a model's components."""
    return "\n\n".join([_default(), *(_file(module, found) for module, found in components().items())])


def components():
    """Components by the module that defines them: dict of module to dict of name to component; other rules come last."""
    order = [f.type for f in dataclasses.fields(models.Model)]
    modules = [importlib.import_module(f"{models.__name__}.{m.name}") for m in pkgutil.iter_modules(models.__path__)]
    found = {m: c for m in modules if (c := _defined_in(m))}
    kinds = {m: [order.index(type(c)) for c in components.values()] for m, components in found.items()}
    return {m: found[m] for m in sorted(found, key=lambda m: (len(set(kinds[m])) > 1, kinds[m][0]))}


def _defined_in(module):
    source = inspect.getsource(module)
    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, models.Component) and re.search(rf"^{name}\b.* = ", source, re.M)
    }


def _default():
    names = {id(c): name for found in components().values() for name, c in found.items()}
    rows = []
    for kind, component in models.SUPERSPIKE.components.items():
        name = names[id(component)]
        rows.append((kind, f"[`{name}`](#{_anchor(name)})", component.name))
    return f"## The default: `SUPERSPIKE`\n\n{markdown(('component', 'default', 'name'), rows)}"


def _file(module, found):
    title, _, text = inspect.getdoc(module).partition("\n")
    kind, name = type(next(iter(found.values()))), module.__name__.rpartition(".")[2]
    meanings = docstrings.meanings(module)
    parts = [
        f"## {title.strip().rstrip('.')}",
        f"File `models/{name}.py`.",
        _rst(text),
        _rst(f":class:`~{models.__name__}.{kind.__name__}`: {inspect.getdoc(kind)}"),
    ]
    return "\n\n".join([*parts, *(_component(name, c, meanings) for name, c in found.items())])


def _component(name, component, meanings):
    code = {field: inspect.cleandoc(text) for field, text in component.strings.items() if text.strip()}
    width = max(map(len, code)) + 2
    lines = [
        f"{field:{width}}{text}" if "\n" not in text else f"{field}\n" + "\n".join(f"    {t}" for t in text.split("\n"))
        for field, text in code.items()
    ]
    inputs = {e.varname for f in code if f.endswith("equations") for e in _shared(code[f])}
    rows = [
        (f"`{symbol}`", readable(value), meanings.get(symbol, ""), "input" if symbol in inputs else "constant")
        for symbol, value in component.parameters.items()
    ]
    parts = [f"({_anchor(name)})=\n### `{name}`: {component.name}", f"Source: {component.source}."]
    parts.append("```text\n" + "\n".join(lines) + "\n```")
    if written := [line for field, text in code.items() for line in formulas(field, text)]:
        parts.append("```{math}\n" + "\\\\\n".join(written) + "\n```")
    if rows:
        parts.append(markdown(("parameter", "value", "meaning", "of the program"), rows))
    return "\n\n".join(parts)


def _shared(code):
    """Equations of what is an input of the compiled program."""
    return [e for e in Equations(code).values() if "shared" in e.flags]


def _anchor(name):
    return f"model-{name.lower().replace('_', '-')}"


def _rst(text):
    return f"```{{eval-rst}}\n{text.strip()}\n```"
