"""What a run is to cite: the software, the paper, what the sources of its components and task name, the simulator."""

from __future__ import annotations

import re

from .._version import __version__
from ..console.streams import printable
from ..models.references import DIRECT, PAPER, REFERENCES, SIMULATOR, named
from ..network.structure import Structure
from ..tasks import Classification, LabelledTask, Task
from .serialize import samples_of

SOFTWARE = "superspike_brian"
TITLE, AUTHORS = (
    "superspike_brian: SuperSpike as Brian2 equations",
    "The superspike_brian developers",
)  # as CITATION.cff


def references(
    structure: Structure | None = None, task: Task | Classification | LabelledTask | None = None
) -> dict[str, list[str]]:
    """Find what to cite.

    Parameters
    ----------
    structure : Structure, optional
        The network; default: what every run uses.
    task : Task, Classification or LabelledTask, optional
        What it learns.

    Returns
    -------
    dict of str to list of str
        Keys of `superspike_brian.models.references.REFERENCES`, each with what it is cited for, in the order in which they are
        used.
    """
    found: dict[str, list[str]] = {PAPER: ["the paper that the software follows"]}

    def cite(source: str, what: str) -> None:
        for key in named(source):
            found.setdefault(key, []).append(what)

    for kind, used in {} if structure is None else structure.components.items():
        for component in used:
            cite(component.source, f"{kind}: {component.name}")
    if structure is not None and _is_direct(structure):
        found.setdefault(DIRECT, []).append("feedback past other layers")
    if task is not None:
        for source in dict.fromkeys([task.source, *(s.source for s in samples_of(task).values())]):
            cite(source, f"task: {task.name}")
    return {k: list(dict.fromkeys(v)) for k, v in found.items()} | {SIMULATOR: ["the simulator"]}


def _is_direct(structure):
    """Whether random feedback of the output reaches populations that do not project to it."""
    forward = {p.source for p in structure.projections.values() if p.target == "output"}
    ways = structure.pathways.values()
    drawn = (w for w in ways if structure.models[f"feedback_{w.label}"].feedback.weights == "normal")
    return any(way.source == "output" and way.target not in forward for way in drawn)


def bibtex(found: dict[str, list[str]], version: str = __version__) -> str:
    """References as BibTeX, the software first; a comment before each entry says what it is cited for."""
    software = (
        f"@software{{{SOFTWARE},\n  author  = {{{{{AUTHORS}}}}},\n  title   = {{{TITLE}}},\n  version = {{{version}}},\n"
        "  license = {MIT}\n}"
    )
    parts = [f"% the software\n{software}"]
    parts += [f"% {_plain('; '.join(uses))}\n{REFERENCES[key]}" for key, uses in found.items()]
    return "\n\n".join(parts)


def _plain(text):
    """What can stand between entries: one line, without the sign that begins an entry."""
    return printable(" ".join(text.replace("@", " ").split()))


def in_a_line(found: dict[str, list[str]]) -> str:
    """References as one text that `superspike_brian.models.references.named` reads, with their DOI where they have one."""
    parts = []
    for key in found:
        doi = re.search(r"doi\s*= \{(.*?)\}", REFERENCES[key])
        parts.append(f"{key}, doi:{doi[1]}" if doi else key)
    return "; ".join(parts)
