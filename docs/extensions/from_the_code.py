"""Sphinx extension: pages that are written at build time from the code itself.

``<!-- models -->`` becomes the reference of everything in ``models/``, ``<!-- commands -->`` that of the command line,
``<!-- trust -->`` the table of what tests claim (``docs/trust.json``), ``<!-- gallery -->`` that of the figures
(``docs/gallery.json``, which ``superspike reproduce`` writes), ``<!-- lines of ... -->`` the number of lines of a recipe's
code. A page is written anew when what it is made from has changed.
"""

import inspect
import json
import re
from pathlib import Path

from from_the_commands import command_reference
from from_the_models import model_reference

from superspike_brian import models
from superspike_brian.experiments import experiment
from superspike_brian.values.tables import markdown

_CODE = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)
LINES = re.compile(r"<!-- lines of (\S+) -->")
ROOT = Path(__file__).parent.parent.parent
RECIPES = ROOT / "docs" / "recipes"
TRUST = ROOT / "docs" / "trust.json"
GALLERY = ROOT / "docs" / "gallery.json"


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
        about = re.sub(
            r"^Figure \d: (.)", lambda found: found[1].upper(), inspect.getdoc(experiment(name)).partition("\n")[0]
        )
        seconds = facts["duration_s"] or 0
        lasted = f"{seconds / 60:.0f} min" if seconds > 90 else f"{seconds:.0f} s" if seconds else "not timed"
        drawn = f"{facts['commit']}, {facts['date']}" + (f"; {facts['note']}" if "note" in facts else "")
        rows.append((f"[`{name}`](#gallery-{name})", about, str(facts["seeds"]), lasted, drawn))
    return markdown(("figure", "what it shows", "seeds", "duration", "commit and date"), rows)


# what stands for a part of a page, what writes it, and the files that it is made from
PARTS = {
    "<!-- models -->": (model_reference, ("models/**/*.py", "superspike_brian/values/*.py", "docs/extensions/*.py")),
    "<!-- commands -->": (
        command_reference,
        ("superspike_brian/**/*.py", "tasks/*.py", "models/*.py", "docs/extensions/*.py"),
    ),
    "<!-- trust -->": (trust_table, ("docs/trust.json",)),
    "<!-- gallery -->": (gallery_table, ("docs/gallery.json", "superspike_brian/experiments/*.py")),
}


def fill(app, docname, source):
    """Put what is generated where a page wants it."""
    for place, (generate, origins) in PARTS.items():
        if place in source[0]:
            source[0] = source[0].replace(place, generate())
            for path in (p for origin in origins for p in ROOT.glob(origin)):
                app.env.note_dependency(str(path))
    for recipe in LINES.findall(source[0]):
        app.env.note_dependency(str(RECIPES / recipe.partition("#")[0]))
    source[0] = LINES.sub(lambda found: str(lines_of(found[1])), source[0])


class _Name(str):
    """A default that is shown as it is."""

    __repr__ = str.__str__


def name_defaults(app, function, bound_method):
    """Show a model that is a default by its name, and not by all that it holds."""
    if not inspect.isfunction(function):
        return
    names = {id(value): _Name(name) for name, value in vars(models).items() if isinstance(value, models.Model)}
    signature = inspect.signature(function)
    shown = [p.replace(default=names.get(id(p.default), p.default)) for p in signature.parameters.values()]
    if any(isinstance(p.default, _Name) for p in shown):
        function.__signature__ = signature.replace(parameters=shown)


def setup(app):
    """Register with Sphinx."""
    app.connect("source-read", fill)
    app.connect("autodoc-before-process-signature", name_defaults)
    return {"parallel_read_safe": True}
