"""The page of a sweep: learning curves by condition, and the table of its runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from urllib.parse import quote

import numpy as np
from bokeh.models import Column, ColumnDataSource, DataTable, HTMLTemplateFormatter, NumberFormatter, TableColumn

from ..figures.palette import looks_of
from ..results.following import Course
from ..values.hints import Floats
from . import text
from .many import SweepSnapshot
from .plots import WIDE, Curve, band, words

_STATE = '<span style="color:<%- colour %>">&#9679;</span> <%- value %>'
_COST = '<%- value == null || isNaN(value) ? "–" : value > 0 && value < 1e-3 ? "below 0.001" : value.toPrecision(3) %>'
_LINK = '<a href="?run=<%- link %>" target="_blank" rel="noopener"><%- value %></a>'


class SweepView:
    """What shows a `SweepSnapshot`: `layout`, and `update`; `linked`: whether runs have pages of their own."""

    def __init__(self, linked: bool) -> None:
        self.head, self.legend, self.messages = words(), words(), words()
        self.cost = Curve("Learning curves: median and quartiles over seeds", "cost (Hz)", height=340, decades=True)
        self._lines: dict[str, ColumnDataSource] = {}
        names = ("run", "seed", "state", "colour", "simulated", "cost", "link")
        self.runs = ColumnDataSource({name: [] for name in names})
        state, number = HTMLTemplateFormatter(template=_STATE), NumberFormatter(format="0,0.[00]")
        link = {"formatter": HTMLTemplateFormatter(template=_LINK)} if linked else {}
        columns = [
            TableColumn(field="run", title="run", width=200, **link),
            TableColumn(field="seed", title="seed", width=45),
            TableColumn(field="state", title="state", width=95, formatter=state),
            TableColumn(field="simulated", title="simulated (s)", width=80, formatter=number),
            TableColumn(field="cost", title="cost (Hz)", width=70, formatter=HTMLTemplateFormatter(template=_COST)),
        ]
        self.table = DataTable(
            source=self.runs, columns=columns, index_position=None, reorderable=False, height=420, **WIDE
        )
        self.table.autosize_mode = "force_fit"
        self.layout = Column(self.head, self.cost.layout, self.legend, self.table, self.messages, **WIDE)
        self._shown: SweepSnapshot | None = None

    def update(self, sweep: SweepSnapshot) -> None:
        """Show a snapshot; what has not changed is not sent again."""
        if sweep is self._shown:
            return
        self._shown = sweep
        self.head.text = text.sweep_head(sweep)
        self._curves(sweep.conditions, colours(sweep))
        self.table.columns[0].title = ", ".join(sweep.grid).replace("_", " ") or "run"
        rows = sweep.rows
        found = {
            "run": [", ".join(row.condition.values()) or "all" for row in rows],
            "seed": [row.seed for row in rows],
            "state": [row.state for row in rows],
            "colour": [text.COLOUR[row.state] for row in rows],
            "simulated": [row.simulated_s for row in rows],
            "cost": [math.nan if row.cost is None else row.cost for row in rows],
            "link": [quote(row.folder, safe="") for row in rows],
        }
        if list(map(str, found.values())) != list(map(str, self.runs.data.values())):
            self.runs.data = found
            self.table.height = min(60 + 26 * len(rows), 560)
        why = [f"{row.folder}: {row.message}" for row in rows if row.message]
        self.messages.text = text.notes(why[:20]) if why else ""

    def _curves(self, conditions, palette):
        if self._lines.keys() != palette.keys():
            self._lines |= {name: self.cost.add(palette[name], name) for name in palette if name not in self._lines}
            self.legend.text = text.legend(palette)
        every = []
        for name, courses in conditions.items():
            time, low, middle, high = quartiles(courses)
            every.append(middle)
            found = band(time, low, middle, high)
            if len(time) and any(not np.array_equal(found[k], v) for k, v in self._lines[name].data.items()):
                self._lines[name].data = found
        self.cost.choose(np.concatenate(every) if every else np.zeros(0))


def quartiles(courses: Sequence[Course]) -> tuple[Floats, Floats, Floats, Floats]:
    """Time (s), lower quartile, median and upper quartile of costs (Hz) over the runs that have come so far."""
    if not courses:
        none = np.zeros(0)
        return none, none, none, none
    ticks = np.unique(np.concatenate([np.rint(course.time * 1e6) for course in courses]))
    costs = np.full((len(courses), len(ticks)), np.nan)
    for row, course in zip(costs, courses, strict=True):
        row[np.searchsorted(ticks, np.rint(course.time * 1e6))] = course.cost
    low, middle, high = np.nanpercentile(costs, [25, 50, 75], axis=0)
    return ticks / 1e6, low, middle, high


def colours(sweep: SweepSnapshot) -> dict[str, str]:
    """Colour of each condition, as in all figures of the package."""
    values = {row.title: row.value for row in sweep.rows}
    looks = looks_of(list(values.values()), list(values), conditions=sweep.grid == ("feedback",))
    return {look.label: look.color for look in looks}
