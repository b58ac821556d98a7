"""Python and equations as text: what stands where, in lines that a reader can follow."""

import inspect
import re
from collections.abc import Iterable
from textwrap import indent

from ..models import Model
from ..network.assembly import VERDICTS
from ..network.structure import Structure

FIXED = "w : volt"  # equations of a projection that does not learn
COMMON = {  # names of equations
    "layer": "neuron",
    "terminal": "terminal",
    "synapse": "synapse",
    "feedback": "feedback",
    "target": "target",
}
WIDTH = 120


def places_of(structure: Structure) -> dict[str, tuple[Model, str, bool]]:
    """Model, place and whether it is at the output, as `Model.parts_of` takes them, of each group that has equations."""
    models = structure.models
    found = {name: (models[name], "layer", name == "output") for name in structure.populations[1:]}
    for name in structure.plastic:
        projection = structure.projections[name]
        found[f"terminals_{projection.label}"] = models[name], "terminal", False
        found[name] = models[name], "synapse", projection.target == "output"
    for pathway in structure.pathways.values():
        for name in structure.feedback_groups(pathway):
            found[name] = models[f"feedback_{pathway.label}"], "feedback", False
    if structure.model.error.target == "signal":
        found["error_target"] = models["output"], "target", True
    return found


def equations_of(structure: Structure) -> dict[str, str]:
    """Equations of groups by name, as the model has them, each part below the name of its component."""
    found = {}
    for name, (model, place, output) in places_of(structure).items():
        lines, last = [], None
        for component, code in model.parts_of(place, output=output):
            if code.strip():
                lines += [f"# {_kind(component)}: {one_line(component.name)}"] if component is not last else []
                lines.append(inspect.cleandoc(code).strip())
                last = component
        found[name] = "\n".join(lines)
    found |= {name: FIXED for name in structure.projections if name not in structure.plastic}
    return found | ({"verdicts": VERDICTS.strip()} if structure.model.error.judged == "every" else {})


def _kind(component):
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(component).__name__).capitalize()


def call(function: str, arguments: Iterable[str]) -> str:
    """A call, or an assignment of what it returns; on one line if that is short."""
    arguments = [a for a in arguments if a]
    short = f"{function}({', '.join(arguments)})"
    if len(short) <= WIDTH and "\n" not in short:
        return short
    return "\n".join([f"{function}(", *(indent(a, "    ") + "," for a in arguments), ")"])


def statements(code: str) -> str:
    """Statements below each other, whatever their indentation was."""
    return "\n".join(line.strip() for line in code.splitlines() if line.strip())


def literal(text: str) -> str:
    """Code of a model as Python: readable, and nothing but a string whatever is in it."""
    if '"' in text or "\\" in text:
        return repr(text)
    return f'"""\n{text}\n"""' if "\n" in text else f'"{text}"'


def one_line(text: str) -> str:
    """Text of anybody's that may stand in a comment or docstring."""
    return re.sub(r'["\\]', "'", " ".join(text.split()))
