"""The page of a run: learning curve, output on target, rates, weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from bokeh.models import Column, ColumnDataSource, FactorRange, HoverTool, NumeralTickFormatter, Range1d, Row

from ..figures.palette import BLUE, GREEN, ORANGE, OUTPUT, TARGET
from . import text
from .plots import SPIKES, WIDE, Curve, band, empty, thinned, words
from .snapshot import RunSnapshot, Window

UNITS = 2000  # whose rates are drawn, of each population


class RunView:
    """What shows a `RunSnapshot`: `layout`, and `update`."""

    def __init__(self) -> None:
        self.head, self.notes, self.weights = words(), words(), words()
        self.cost = Curve("Learning curve", "cost (Hz)", decades=True)
        self.rate = Curve("Output", "firing rate (Hz)")
        self._cost, self._rate = self.cost.add(BLUE), self.rate.add(GREEN)
        self.accuracy, self._accuracy = _accuracy()
        self.raster, self._spikes, self._targets, self._trials = _raster()
        self.signal, self._signal = _signal()
        self.units, self._units = _units()
        for hidden in (self.notes, self.accuracy, self.raster, self.signal, self.units):
            hidden.visible = False
        pair = [
            Column(each, min_width=300, styles={"flex": "1 1 340px"}, **WIDE) for each in (self.rate.layout, self.units)
        ]
        self.below = Row(*pair, styles={"flex-wrap": "wrap"}, **WIDE)
        for hidden in (self.cost.layout, self.below):
            hidden.visible = False
        parts = (self.cost.layout, self.accuracy, self.raster, self.signal, self.below, self.weights)
        self.layout = Column(self.head, self.notes, *parts, **WIDE)
        self._shown: RunSnapshot | None = None

    def update(self, run: RunSnapshot) -> None:
        """Show a snapshot; what has not changed is not sent again."""
        self.head.text = text.run_head(run)
        if run is self._shown:
            return
        before, self._shown = self._shown, run
        self.notes.text, self.notes.visible = text.notes(run.notes), bool(run.notes)
        self.weights.text = text.weights_table(run) if run.weights else ""
        same = before is not None and before.simulated_s == run.simulated_s and before.state == run.state
        if run.curves is None or (same and before is not None and before.curves is not None):
            return
        self._curves(run)
        if run.window is not None:
            self._window(run, run.window)

    def _curves(self, run):
        curves, answers = run.curves, run.answers
        begun = bool(len(curves.time))
        self.cost.layout.visible = self.below.visible = begun
        if not begun:
            return
        learned = curves.cost[curves.time > curves.burn_in_s]
        self.cost.choose((learned if len(learned) else curves.cost).mean(axis=1))
        for curve, source, values in ((self.cost, self._cost, curves.cost), (self.rate, self._rate, curves.rate)):
            source.data = band(curves.time, values.min(axis=1), values.mean(axis=1), values.max(axis=1))
            n = values.shape[1]
            name = "Learning curve" if curve is self.cost else "Output over training"
            curve.name(name if n == 1 else f"{name}: mean and range of {n} units")
            curve.burn_in(min(curves.burn_in_s, curves.time[-1]))
        self.accuracy.visible = answers is not None and bool(len(answers.time) or len(answers.test_time))
        if answers is not None:
            keep = thinned(len(answers.time))
            self._accuracy[0].data = {"time": answers.time[keep], "correct": answers.correct[keep]}
            self._accuracy[1].data = {"time": answers.test_time, "correct": answers.test_correct}

    def _window(self, run: RunSnapshot, window: Window) -> None:
        when = f"probe window at {window.start:g} s"
        n, (times, units) = run.sizes["output"], window.spikes["output"]
        if window.signals is not None:
            seconds, numbers, potential, target = window.signals
            keep = thinned(len(seconds))
            self.signal.title.text = f"Output unit {numbers[0]} on target: {when}"
            first = {"output": potential[keep, 0] * 1e3, "target": target[keep, 0] * 1e3}
            self._signal.data, self.signal.visible = {"time": seconds[keep], **first}, True
        else:
            kept = thinned(len(times), SPIKES)
            some = "" if len(kept) == len(times) else f" (every {len(times) / len(kept):.2g}th spike)"
            self.raster.update(height=int(np.clip(130 + 10 * n, 180, 560)))
            self.raster.title.text = f"Output on target: {when}{some}"
            self.raster.y_range.update(start=-0.6, end=n - 0.4)
            self.raster.x_range.end = window.length
            self._sizes(n)
            self._spikes.data = {"time": times[kept], "unit": units[kept]}
            begins, ends, wanted = window.targets
            drawn = thinned(len(wanted), SPIKES)
            begins, ends, wanted = begins[drawn], ends[drawn], wanted[drawn]
            trials = ends > begins
            self._targets.data = {"time": begins[~trials], "unit": wanted[~trials]}
            columns = {"left": begins[trials], "right": ends[trials]}
            self._trials.data = columns | {"bottom": wanted[trials] - 0.45, "top": wanted[trials] + 0.45}
            self.raster.visible = True
        self._rates(run, when)

    def _sizes(self, n):
        """Marks that are told apart with any number of units: targets wider than spikes, and below them."""
        tick, _, dot = (each.glyph for each in self.raster.renderers)
        tick.update(size=float(np.clip(0.7 * self.raster.height / n, 9, 60)), line_width=2.5 if n > 30 else 2)
        dot.size = float(np.clip(60 / n, 3, 7))

    def _rates(self, run, when):
        populations, places, rates, numbers = [], [], [], []
        for name, found in run.rates.items():
            order = np.argsort(found, kind="stable")
            order = order[thinned(len(order), UNITS)]
            spread = np.linspace(-0.35, 0.35, len(order)) if len(order) > 1 else np.zeros(1)
            title = name.replace("_", " ")
            populations.append(title)
            places += [(title, x) for x in spread.tolist()]
            rates += found[order].tolist()
            numbers += order.tolist()
        if self.units.x_range.factors != populations:
            self.units.x_range.factors = populations
        self.units.title.text = f"Units by rate: {when}"
        self._units.data, self.units.visible = {"place": places, "rate": rates, "unit": numbers}, True


def _accuracy():
    made = empty("Correct trials", "simulated time (s)", "fraction correct", 220)
    trials, tests = (ColumnDataSource({"time": [], "correct": []}) for _ in range(2))
    made.line("time", "correct", source=trials, color=BLUE, line_width=2, legend_label="last trials of training")
    made.scatter("time", "correct", source=tests, color=ORANGE, size=8, legend_label="test without plasticity")
    made.y_range.start, made.y_range.end, made.x_range.start = 0, 1.02, 0
    made.yaxis.formatter = NumeralTickFormatter(format="0 %")
    made.legend.location, made.legend.background_fill_alpha = "bottom_right", 0.6
    return made, (trials, tests)


def _raster() -> tuple[Any, ...]:
    made = empty("", "time (s)", "output unit", x_range=Range1d(0, 1), y_range=Range1d(0, 1))
    targets, spikes = (ColumnDataSource({"time": [], "unit": []}) for _ in range(2))
    trials = ColumnDataSource({"left": [], "right": [], "bottom": [], "top": []})
    tick = {"marker": "dash", "angle": np.pi / 2, "line_color": TARGET, "line_alpha": 0.8}
    made.scatter("time", "unit", source=targets, legend_label="target", **tick)
    made.quad("left", "right", "top", "bottom", source=trials, color=TARGET, alpha=0.35, legend_label="target")
    made.scatter("time", "unit", source=spikes, color=OUTPUT, legend_label="output")
    _legend_above(made)
    made.yaxis.ticker.min_interval, made.yaxis.ticker.num_minor_ticks = 1, 0
    return made, spikes, targets, trials


def _signal():
    made = empty("", "time (s)", "potential (mV)")
    source = ColumnDataSource({"time": [], "output": [], "target": []})
    made.line("time", "target", source=source, color=TARGET, line_width=2, legend_label="target")
    made.line("time", "output", source=source, color=OUTPUT, legend_label="output")
    _legend_above(made)
    return made, source


def _legend_above(made):
    made.add_layout(made.legend[0], "above")
    made.legend.update(orientation="horizontal", border_line_color=None, padding=0, margin=0, glyph_height=14)


def _units():
    made = empty("", "", "firing rate (Hz)", x_range=FactorRange())
    source = ColumnDataSource({"place": [], "rate": [], "unit": []})
    dots = made.scatter("place", "rate", source=source, color=GREEN, size=6, alpha=0.7)
    made.add_tools(HoverTool(renderers=[dots], tooltips=[("unit", "@unit"), ("rate", "@rate{0.0} Hz")], visible=False))
    return made, source
