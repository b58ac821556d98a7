"""Colours, one meaning each: a condition is drawn alike in every figure of the package.

Named conditions are found in `CONDITIONS`, by their key or their label. Their colours are Okabe & Ito's, which people tell
apart who do not see red and green; lines and markers differ, too, for print in grey. Conditions without a name of their own
take `OTHERS`, from P. Tol's muted set, and numbers that grow take `shades`. Spikes that are wanted are drawn in `TARGET`,
those that came in `OUTPUT`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_hex

from ..values.names import nearest

# Okabe & Ito's palette
BLACK, ORANGE, BLUE, GREEN, VERMILION, GREY = "#000000", "#E69F00", "#0072B2", "#009E73", "#D55E00", "#999999"
SKY, PURPLE = "#56B4E9", "#CC79A7"
TARGET, OUTPUT = VERMILION, BLACK
# P. Tol's
WINE, INDIGO, OLIVE, TEAL, BROWN, ROSE = "#882255", "#332288", "#999933", "#44AA99", "#661100", "#CC6677"


class Look(NamedTuple):
    """How a condition is drawn.

    Parameters
    ----------
    label : str
        What a reader is told.
    color : str
        Of its lines and markers.
    line : str or tuple
        Line style of matplotlib.
    marker : str
        Marker of matplotlib.
    """

    label: str
    color: str
    line: Any = "-"
    marker: str = "o"

    def named(self, label: str) -> Look:
        """The same condition, called something else."""
        return Look(label, self.color, self.line, self.marker)

    @property
    def curve(self) -> dict[str, Any]:
        """Arguments of `matplotlib.axes.Axes.plot` for its line."""
        return {"color": self.color, "linestyle": self.line}


CONDITIONS = {
    "symmetric": Look("symmetric", BLUE),
    "random": Look("random", PURPLE, (0, (4, 1.5)), "s"),
    "regularised": Look("random + regulariser", GREEN, (0, (6, 1.5, 1.5, 1.5)), "D"),
    "uniform": Look("uniform", ORANGE, (0, (1.5, 1)), "^"),
    "layerwise": Look("layerwise", WINE, (0, (5, 1, 1, 1, 1, 1)), "v"),
    "none": Look("no hidden layer", BLACK, (0, (8, 1.5)), "X"),
    "fixed": Look("fixed hidden layer", SKY, (0, (2.5, 1)), "P"),
}
OTHERS = tuple(
    Look("", color, line, marker)
    for color, line, marker in zip(
        (INDIGO, OLIVE, TEAL, BROWN, ROSE, GREY),
        ("-", (0, (5, 1)), (0, (3, 1)), (0, (5, 1, 1, 1)), (0, (1.5, 1)), "-"),
        "ohdp*H",
        strict=True,
    )
)


def look(name: str) -> Look:
    """How a named condition is drawn: found by its key, or by what a reader is told; ValueError if it has no name."""
    for key, found in CONDITIONS.items():
        if name in (key, found.label):
            return found
    raise ValueError(f"no condition is called {name!r}{nearest(name, CONDITIONS)}; one without a name takes `other`")


def other(k: int, label: str) -> Look:
    """How the k-th condition of a figure that has no name of its own is drawn."""
    return OTHERS[k].named(label)


def shades(n: int) -> list[str]:
    """Colours for `n` values that grow, from dark to light, as light in grey."""
    return [to_hex(plt.get_cmap("viridis")(x)) for x in np.linspace(0, 0.85, n)]


def looks_of(values: Sequence[Any], labels: Sequence[str], conditions: bool = True) -> list[Look]:
    """How the values of an option are drawn: conditions as always, other names in other colours, numbers in shades.

    Parameters
    ----------
    values : sequence
        Names, numbers or quantities.
    labels : sequence of str
        What a reader is told, one a value.
    conditions : bool
        Whether names are those of `CONDITIONS`; names of another option may be the same and mean something else.

    Returns
    -------
    list of Look
        One a value.
    """
    known = [CONDITIONS.get(v) if conditions and isinstance(v, str) else None for v in values]
    n = known.count(None)
    colours = shades(n) if n > len(OTHERS) or not any(isinstance(v, str) for v in values) else [o.color for o in OTHERS]
    spare = (Look("", c, OTHERS[k % len(OTHERS)].line, OTHERS[k % len(OTHERS)].marker) for k, c in enumerate(colours))
    return [(look or next(spare)).named(text) for look, text in zip(known, labels, strict=True)]
