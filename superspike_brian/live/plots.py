"""Figures that a page is made of, in Bokeh: empty ones of one style, and what goes into them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from bokeh.models import (
    BasicTickFormatter,
    BoxAnnotation,
    ColumnDataSource,
    Div,
    FixedTicker,
    HoverTool,
    Label,
    TabPanel,
    Tabs,
)
from bokeh.plotting import figure

from ..figures.palette import GREY
from ..figures.style import LEARNING_ON
from ..values.hints import Array, Floats, Integers

POINTS = 1000  #   of a curve, at most
SPIKES = 20_000  # of a raster
DECADES = 1.5  #   between the lowest and the highest cost from which on an axis is logarithmic at first
_TEXT = {"font-family": "sans-serif", "font-size": "14px", "line-height": "1.45"}
WIDE = {"sizing_mode": "stretch_width"}


def words(text: str = "") -> Div:
    """A piece of text, as wide as there is room."""
    return Div(text=text, styles=_TEXT, stylesheets=[":host > * { width: 100%; }"], **WIDE)


def empty(title: str, x: str, y: str, height: int = 260, **options: Any) -> Any:
    """A figure without content, in which a finger scrolls the page."""
    tools = {"tools": "box_zoom,reset,save", "active_drag": None, "active_scroll": None, "active_tap": None}
    made = figure(title=title, x_axis_label=x, y_axis_label=y, height=height, min_width=280, **WIDE, **tools, **options)
    made.toolbar.logo, made.toolbar.autohide = None, True
    made.grid.grid_line_color = "#eeeeee"
    made.outline_line_color = None
    made.axis.axis_label_text_font_style = "normal"
    return made


class Curve:
    """Curves against simulated time; `decades`: also on a logarithmic axis, and the reader chooses."""

    def __init__(self, title: str, label: str, height: int = 260, decades: bool = False) -> None:
        scales = ("linear", "log") if decades else ("linear",)
        self.figures = [empty(title, "simulated time (s)", label, height, y_axis_type=scale) for scale in scales]
        self.figures[0].y_range.start = 0
        self.figures[-1].yaxis.formatter = BasicTickFormatter(power_limit_low=-3)
        self.shades: list[BoxAnnotation | Label] = []
        for each in self.figures:
            each.x_range.start = 0
            shade = BoxAnnotation(left=0, right=0, fill_color=GREY, fill_alpha=0.15, visible=False)
            about = {"y_units": "screen", "text_font_size": "11px", "text_color": "#555555", "visible": False}
            said = Label(x=0, y=2, text=LEARNING_ON, **about)
            for mark in (shade, said):
                each.add_layout(mark)
                self.shades.append(mark)
        self.layout = self.figures[0]
        if decades:
            panels = [TabPanel(child=f, title=name) for f, name in zip(self.figures, scales, strict=True)]
            self.layout = Tabs(tabs=panels, **WIDE)
        self._chosen = False

    def add(self, colour: str, name: str = "mean") -> ColumnDataSource:
        """A line with a band around it; returns where its numbers go."""
        source = ColumnDataSource({"time": [], "low": [], "value": [], "high": []})
        tips = [("time", "@time{0,0.[00]} s"), (name, "@value{0.000}"), ("range", "@low{0.000} – @high{0.000}")]
        for each in self.figures:
            each.varea("time", "low", "high", source=source, color=colour, alpha=0.18)
            line = each.line("time", "value", source=source, color=colour, line_width=2)
            each.add_tools(HoverTool(renderers=[line], tooltips=tips, mode="vline", visible=False))
        return source

    def name(self, title: str) -> None:
        """Give it another title."""
        for each in self.figures:
            each.title.text = title

    def burn_in(self, until: float) -> None:
        """Mark the time before learning."""
        for mark in self.shades:
            mark.visible = until > 0
            if isinstance(mark, BoxAnnotation):
                mark.right = until
            else:
                mark.x = until

    def choose(self, values: Array) -> None:
        """Let the axis be logarithmic at first if values lie decades apart; later the choice is the reader's."""
        positive = values[np.isfinite(values) & (values > 0)]
        if not positive.size:
            return
        decades = float(np.log10(positive.max() / positive.min()))
        self.figures[-1].yaxis.ticker = log_ticks((1, 2, 5) if decades < 2 * DECADES else (1,))
        if not self._chosen:
            self._chosen = True
            self.layout.active = int(decades > DECADES)


def log_ticks(mantissas: Sequence[int]) -> FixedTicker:
    """Ticks of a logarithmic axis: Bokeh's own lie evenly, so that small values have none, where it has few decades."""
    powers = range(-12, 10)
    minor = [m * 10.0**k for k in powers for m in range(1, 10)]
    return FixedTicker(ticks=[m * 10.0**k for k in powers for m in mantissas], minor_ticks=minor)


def band(time: Floats, low: Floats, value: Floats, high: Floats) -> dict[str, Floats]:
    """Columns of a curve, thinned out."""
    keep = thinned(len(time))
    return {"time": time[keep], "low": low[keep], "value": value[keep], "high": high[keep]}


def thinned(n: int, limit: int = POINTS) -> Integers:
    """Which of n points to draw, evenly spread; the last one among them."""
    return np.arange(n) if n <= limit else np.unique(np.linspace(0, n - 1, limit).astype(int))
