"""A network as a drawing: populations, projections, and the ways of errors."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

from ..models import Projection
from ..network.structure import Structure
from ..values.quantities import readable
from .style import BLACK, BLUE, ORANGE, VERMILION, styled

WIDTH, HEIGHT = 1.5, 0.62  # of a box
COLUMN, ROW = 2.9, 1.5  #   from a population to the next
_FIXED, _ERRORS = (0, (4, 2)), (0, (1.2, 1.2))  # dashes
_COLOURS = {1: BLUE, -1: VERMILION, 0: BLACK}  # by the sign that bounds give to weights


def draw_network(structure: Structure) -> Figure:
    """Draw populations, projections and feedback pathways.

    Parameters
    ----------
    structure : Structure
        What is built.

    Returns
    -------
    matplotlib.figure.Figure
        Populations from the inputs (left) to the output (right), each as far right as its shortest way from the inputs is long.
        Every arrow has a ``gid``: the name of its projection, or ``feedback_`` and the label of its pathway.
    """
    places = _places(structure)
    with styled():
        figure = plt.figure(layout="constrained")
        axis = figure.add_subplot()
        for name, place in places.items():
            _population(axis, structure, name, place)
        for projection in structure.projections.values():
            _projection(axis, structure, projection, places)
        for number, pathway in enumerate(structure.pathways.values()):
            feedback = structure.models[f"feedback_{pathway.label}"].feedback.name
            _feedback(
                axis, f"feedback_{pathway.label}", places[pathway.source], places[pathway.target], feedback, number
            )
        axis.autoscale_view()
        axis.set_aspect("equal")
        (left, right), (low, high) = axis.get_xlim(), axis.get_ylim()
        scale = min(0.6, 7.2 / (right - left))
        figure.set_size_inches(scale * (right - left), scale * (high - low) + 0.5)
        axis.axis("off")
        figure.legend(handles=_legend(structure), loc="outside lower center", ncols=3, handlelength=2.2)
    return figure


def _places(structure: Structure) -> dict[str, tuple[float, float]]:
    """Where each population is: its column is the number of projections on the shortest way from the inputs."""
    depth = {"inputs": 0}
    while new := {
        p.target: depth[p.source] + 1
        for p in structure.projections.values()
        if p.source in depth and p.target not in depth and p.target != "output"
    }:
        depth |= new
    depth |= {name: 1 for name in structure.hidden if name not in depth}
    depth["output"] = 1 + max(depth.values())
    if any(p.source == "targets" for p in structure.projections.values()):
        depth["targets"] = depth["output"]
    found = {}
    for column in sorted(set(depth.values())):
        names = [n for n, d in depth.items() if d == column]
        for k, name in enumerate(names):
            found[name] = COLUMN * column, ROW * ((len(names) - 1) / 2 - k)
    return found


def _population(axis: Axes, structure: Structure, name: str, place: tuple[float, float]) -> None:
    x, y = place
    box = FancyBboxPatch(
        (x - WIDTH / 2, y - HEIGHT / 2),
        WIDTH,
        HEIGHT,
        boxstyle="round,pad=0,rounding_size=0.12",
        facecolor="#f2f2f2" if name in ("inputs", "output", "targets") else "white",
        edgecolor=BLACK,
        linewidth=0.8,
        gid=name,
        zorder=3,
    )
    axis.add_patch(box)
    text = f"{name.replace('_', ' ')}\n{structure.size(name):,}"
    neuron = structure.models[name].neuron.name if name in structure.models else ""
    if neuron and neuron != structure.model.neuron.name:
        text += f" ({neuron})"
    axis.text(x, y, text, ha="center", va="center", fontsize=7, linespacing=1.15, zorder=4)


def _projection(
    axis: Axes, structure: Structure, projection: Projection, places: Mapping[str, tuple[float, float]]
) -> None:
    (xa, ya), (xb, yb) = places[projection.source], places[projection.target]
    half, align = HEIGHT / 2, "center"
    lift = 0.17  # of the label above its line
    if projection.source == projection.target:
        start, control, stop = (xa - 0.3, ya + half), (xa, ya + half + 1.1), (xa + 0.3, ya + half)
    elif xa < xb and xb - xa < 1.5 * COLUMN:
        start, stop = (xa + WIDTH / 2, ya), (xb - WIDTH / 2, yb)
        control = _middle(start, stop)
    elif xa < xb:  # a skip passes above the boxes between
        start, stop = (xa + 0.2, ya + half), (xb - 0.3, yb + half)
        top = max(y for x, y in places.values() if xa < x < xb) + 2.2 * HEIGHT
        control = (xa + xb) / 2, max(2 * top - (ya + yb) / 2 - half, ya + half + 1)
    elif xa == xb:  # above each other
        sign = 1 if ya > yb else -1
        start, stop = (xa + 0.22 * sign, ya - sign * half), (xb + 0.22 * sign, yb + sign * half)
        control, align, lift = _middle(start, stop), "left" if sign > 0 else "right", 0
        control = control[0] + 0.1 * sign, control[1]
    else:  # backwards
        start, stop, lift = (xa - WIDTH / 2, ya - 0.2), (xb + WIDTH / 2, yb - 0.2), -0.17
        control = _middle(start, stop)[0], _middle(start, stop)[1] - 0.3
    plastic, sign = projection.plastic, _sign(structure, projection)
    head = "-[,widthB=0.35,lengthB=0" if sign < 0 else "-|>,head_width=0.16,head_length=0.3"
    line = {"color": _COLOURS[sign], "linestyle": "-" if plastic else _FIXED, "arrowstyle": head}
    x, y = _arrow(axis, start, control, stop, projection.name, 0.5 if ya == yb or xa == xb else 0.6, **line)
    _text(axis, x, y + lift, _label(structure, projection), align)


def _feedback(
    axis: Axes, name: str, source: tuple[float, float], target: tuple[float, float], feedback: str, number: int
) -> None:
    (xa, ya), (xb, yb) = source, target
    start = xa - 0.3 * number + 0.2, ya - HEIGHT / 2
    if ya == yb:
        stop = xb + 0.1, yb - HEIGHT / 2
        control = (xa + xb) / 2, ya - HEIGHT / 2 - 0.8 - 0.35 * (xa - xb) / COLUMN
    else:
        stop, control = (xb + WIDTH / 2, yb - 0.18), (xb + 0.75 * (xa - xb), yb - 0.3)
    line = {"color": ORANGE, "linestyle": _ERRORS, "arrowstyle": "-|>,head_width=0.14,head_length=0.28"}
    x, y = _arrow(axis, start, control, stop, name, 0.5 if ya == yb else 0.8, **line)
    _text(axis, x, y if ya == yb else y - 0.22, feedback)  # where the labels of projections are not


def _middle(a, b):
    return (a[0] + b[0]) / 2, (a[1] + b[1]) / 2


def _arrow(axis, start, control, stop, name, at=0.5, **line):
    """Draw a curve with an arrow at its end; return the place of its label, a fraction `at` along it."""
    path = Path([start, control, stop], [Path.MOVETO, Path.CURVE3, Path.CURVE3])
    axis.add_patch(FancyArrowPatch(path=path, mutation_scale=10, linewidth=1, gid=name, zorder=2, **line))
    parts = (1 - at) ** 2, 2 * at * (1 - at), at**2
    return tuple(sum(p * point[k] for p, point in zip(parts, (start, control, stop), strict=True)) for k in (0, 1))


def _text(axis, x, y, text, align="center"):
    back = {"facecolor": "white", "edgecolor": "none", "pad": 0.4, "alpha": 0.85}
    axis.text(x, y, text, ha=align, va="center", fontsize=6, linespacing=1.0, zorder=5, bbox=back)


def _label(structure: Structure, projection: Projection) -> str:
    """Synapses that there are, and the delay if it is not the model's."""
    n, (n_pre, n_post) = structure.n_synapses_of(projection.name), structure.shape(projection.name)
    text = f"{n:,}" + ("" if isinstance(projection.connect, str) else f" ({n / (n_pre * n_post):.0%})")
    if structure.has_delays(projection.name):
        return f"{text}\nown delays"
    delay = structure.models[projection.name].delay
    return text if delay == structure.model.delay else f"{text}\n{readable(delay)}"


def _sign(structure: Structure, projection: Projection) -> int:
    """1 and -1 where bounds keep weights excitatory or inhibitory, else 0."""
    low, high = structure.bounds(projection.name)
    return 1 if low >= 0 else -1 if high <= 0 else 0


def _legend(structure: Structure) -> list[Line2D]:
    """What the lines mean, of those that there are."""
    kinds = [(_sign(structure, p), p.plastic) for p in structure.projections.values()]
    found = []
    for key, label, look in (
        (True, "plastic", {"color": BLACK}),
        (False, "fixed", {"color": BLACK, "linestyle": _FIXED}),
    ):
        if any(plastic == key for _, plastic in kinds):
            found.append(Line2D([], [], label=label, **look))
    for sign, label, colour in ((1, "excitatory", BLUE), (-1, "inhibitory", VERMILION)):
        if any(s == sign for s, _ in kinds):
            found.append(Line2D([], [], color=colour, label=label))
    if structure.pathways:
        found.append(Line2D([], [], color=ORANGE, linestyle=_ERRORS, label="errors"))
    return found
