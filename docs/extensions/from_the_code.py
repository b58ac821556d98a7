"""Sphinx extension: pages that are written at build time from the code itself.

``<!-- models -->`` becomes the reference of everything in ``models/``, ``<!-- commands -->`` that of the command line,
``<!-- trust -->`` the table of what tests claim (``docs/trust.json``), ``<!-- gallery -->`` that of the figures
(``docs/gallery.json``, which ``superspike reproduce`` writes), ``<!-- lines of ... -->`` the number of lines of a
recipe's code.
"""

import dataclasses
import importlib
import inspect
import json
import pkgutil
import re
from pathlib import Path

from brian2 import Equations

from superspike_brian import models
from superspike_brian.cli.main import COMMANDS, command_parser
from superspike_brian.experiments import experiment
from superspike_brian.values import docstrings
from superspike_brian.values.quantities import readable
from superspike_brian.values.tables import markdown

_CODE = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)
LINES = re.compile(r"<!-- lines of (\S+) -->")
RECIPES = Path(__file__).parent.parent / "recipes"
TRUST = Path(__file__).parent.parent / "trust.json"
GALLERY = Path(__file__).parent.parent / "gallery.json"


def model_reference():
    """Markdown of all model files, in the order of a model's components."""
    return "\n\n".join([_default(), *(_file(module, found) for module, found in components().items())])


def components():
    """Components by the module that defines them: dict of module to dict of name to component."""
    order = [f.type for f in dataclasses.fields(models.Model)]
    modules = [importlib.import_module(f"{models.__name__}.{m.name}") for m in pkgutil.iter_modules(models.__path__)]
    found = {m: c for m in modules if (c := _defined_in(m))}
    return dict(sorted(found.items(), key=lambda item: order.index(type(next(iter(item[1].values()))))))


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
    if rows:
        parts.append(markdown(("parameter", "value", "meaning", "of the program"), rows))
    return "\n\n".join(parts)


def _shared(code):
    """Equations of what is an input of the compiled program."""
    return [e for e in Equations(code).values() if "shared" in e.flags]


def command_reference():
    """Markdown of the help of every subcommand."""
    parts = [f"## `superspike {name}`\n\n{text.capitalize()}." for name, text in COMMANDS.items()]
    helps = (f"```text\n{command_parser(name).format_help().strip()}\n```" for name in COMMANDS)
    return "\n\n".join(f"{part}\n\n{text}" for part, text in zip(parts, helps, strict=True))


def lines_of(recipe):
    """Lines of code that a reader types for a page or its section after ``#``, to which what is before all sections belongs."""
    page, _, section = recipe.partition("#")
    first, *sections = re.split("^## ", (RECIPES / page).read_text(), flags=re.M)
    chosen = [s for s in sections if section in ("", s.partition("\n")[0].lower().replace(" ", "-"))]
    if section and not chosen:
        raise ValueError(f"{page} has no section {section}")
    code = "".join(_CODE.findall("".join([first, *chosen])))
    return sum(bool(line.strip()) and not line.lstrip().startswith("#") for line in code.splitlines())


def trust_table():
    """Markdown of the stored claims: a row a claim and way to test it, with the largest figure of all versions."""
    grouped = {}
    for entry in json.loads(TRUST.read_text()):
        grouped.setdefault((entry["claim"], entry["how"]), []).append(entry)
    rows = []
    for (claim, how), entries in grouped.items():
        tests, places = (list(dict.fromkeys(e[k] for e in entries)) for k in ("test", "where"))
        versions = sorted({f"{e['python']} / {e['brian2']}" for e in entries})
        dates = max(e["date"] for e in entries)
        what = "; ".join(f"`{test.partition('::')[2] or test}`" for test in tests)
        rows.append((claim, f"{how} ({what})", _figure(entries), ", ".join(places), ", ".join(versions), dates))
    return markdown(("claim", "how it is tested", "figure", "where", "Python / Brian2", "on"), rows)


def _figure(entries):
    figures = [e["figure"] for e in entries]
    if any(isinstance(f, str) for f in figures):
        return "; ".join(dict.fromkeys(map(str, figures)))
    cases = max(e["cases"] for e in entries)
    return f"{max(figures, key=abs):.2g}{entries[0]['unit']}" + (f" ({cases} cases)" if cases > 1 else "")


def gallery_table():
    """Markdown of the stored figures: what each shows, its seeds, how long it took, and the commit that drew it."""
    rows = []
    for name, facts in json.loads(GALLERY.read_text()).items():
        about = re.sub(r"^Figure \d: ", "", inspect.getdoc(experiment(name)).partition("\n")[0])
        minutes = facts["duration_s"] and (f"{max(1, round(facts['duration_s'] / 60))} min")
        drawn = f"{facts['commit']}, {facts['date']}" + (f"; {facts['note']}" if "note" in facts else "")
        rows.append((f"[`{name}`](#gallery-{name})", about, str(facts["seeds"]), minutes or "not timed", drawn))
    return markdown(("figure", "what it shows", "seeds", "duration", "commit and date"), rows)


def _anchor(name):
    return f"model-{name.lower().replace('_', '-')}"


def _rst(text):
    return f"```{{eval-rst}}\n{text.strip()}\n```"


PARTS = {
    "<!-- models -->": model_reference,
    "<!-- commands -->": command_reference,
    "<!-- trust -->": trust_table,
    "<!-- gallery -->": gallery_table,
}


def fill(app, docname, source):
    """Put what is generated where a page wants it."""
    for place, generate in PARTS.items():
        if place in source[0]:
            source[0] = source[0].replace(place, generate())
    source[0] = LINES.sub(lambda found: str(lines_of(found[1])), source[0])


def setup(app):
    """Register with Sphinx."""
    app.connect("source-read", fill)
    return {"parallel_read_safe": True}
