"""Words and small tables of a page, as HTML; whatever comes from a folder is escaped."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from html import escape

from ..figures.palette import BLUE, GREEN, GREY, ORANGE, VERMILION
from .many import SweepSnapshot
from .snapshot import DIVERGED, FAILED, FINISHED, INTERRUPTED, RUNNING, STATES, WAITING, RunSnapshot

COLOUR = {
    WAITING: GREY,
    RUNNING: BLUE,
    FINISHED: GREEN,
    INTERRUPTED: ORANGE,
    DIVERGED: VERMILION,
    FAILED: VERMILION,
}
OLD = 600  # s without a new block after which a run that seems to go on is doubted
_SMALL = "color:#555; font-size:13px;"


def duration_text(seconds: float) -> str:
    """A duration as people say it: 45 s, 12 min, 3 h 20 min, 2 d 4 h."""
    minutes = round(seconds / 60)
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    if minutes < 100:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def seconds_text(value: float) -> str:
    """Simulated time without needless digits."""
    return f"{value:,.6g}" if value < 1e6 else f"{value:,.0f}"


def number(value: float | None) -> str:
    """A cost or a rate to three digits; a dash if there is none."""
    if value is None or math.isnan(value):
        return "–"
    if 0 < value < 1e-3:
        return "below 0.001"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def run_head(run: RunSnapshot) -> str:
    """Name, state, progress and key figures of a run."""
    done = run.simulated_s / run.duration_s if run.duration_s > 0 else 0.0
    lines = [
        f"{badge(run.state)} <b>{escape(run.path.name or str(run.path))}</b> "
        f"<span style='{_SMALL}'>{escape(', '.join(filter(None, (run.task, run.about))))}</span>"
    ]
    if run.state == WAITING:
        lines.append(f"There is no run in {escape(str(run.path))} yet; it is shown as soon as it is there.")
    else:
        lines += [bar(done, run.state), " · ".join(_figures(run, done))]
        lines.append(f"<span style='{_SMALL}'>begun {escape(run.begun)}</span>")
    if run.message:
        lines.append(f"<span style='color:#A03D00'>{escape(run.message)}</span>")
    return "".join(f"<div style='margin:3px 0; overflow-wrap:anywhere'>{line}</div>" for line in lines)


def _figures(run, done):
    yield f"{seconds_text(run.simulated_s)} of {seconds_text(run.duration_s)} s simulated"
    if run.state == RUNNING and done >= 1:
        yield "at its end: the last probe window and run.nc follow"
    elif run.state == RUNNING:
        yield f"<b>{duration_text(run.left_s)} left</b>" if run.left_s is not None else "time left not known yet"
    if run.speed is not None:
        yield f"{number(run.speed)} simulated s per second"
    if run.cost is not None:
        yield f"cost {number(run.cost)} Hz"
    if run.answers is not None and len(run.answers.correct):
        yield f"{run.answers.correct[-1]:.1%} of the last trials correct"
    if run.state == RUNNING:
        quiet = time.time() - run.last_s if run.last_s is not None else 0
        yield escape(run.where) + (f", no block for {duration_text(quiet)}: is it alive?" if quiet > OLD else "")
    elif run.last_s is not None:
        yield time.strftime("last block %Y-%m-%d %H:%M", time.localtime(run.last_s))


def sweep_head(sweep: SweepSnapshot) -> str:
    """Name, states of the runs, progress and time left of a sweep."""
    counts = sweep.counts
    parts = [f"{badge(state, str(n))}" for state, n in counts.items()]
    lines = [
        f"<b>{escape(sweep.path.name or str(sweep.path))}</b> <span style='{_SMALL}'>sweep over "
        f"{escape(', '.join((*sweep.grid, 'seed')).replace('_', ' '))}, {len(sweep.rows)} runs</span>",
        " ".join(parts),
        bar(sweep.done, RUNNING if RUNNING in counts else FINISHED if set(counts) == {FINISHED} else INTERRUPTED),
    ]
    left = f" · <b>{duration_text(sweep.left_s)} left</b>" if sweep.left_s is not None else ""
    lines.append(f"{sweep.done:.0%} of the simulated time{left}")
    if sweep.message:
        lines.append(f"<span style='color:#A03D00'>{escape(sweep.message)}</span>")
    return "".join(f"<div style='margin:3px 0; overflow-wrap:anywhere'>{line}</div>" for line in lines)


def badge(state: str, before: str = "") -> str:
    """A state on its colour."""
    dark = "#000" if state == INTERRUPTED else "#fff"
    return (
        f"<span title='{STATES[state]}' style='background:{COLOUR[state]}; color:{dark}; border-radius:4px; "
        f"padding:1px 8px; white-space:nowrap'>{before} {state}</span>"
    )


def bar(fraction: float, state: str) -> str:
    """A bar that is full to a fraction."""
    return (
        "<div style='background:#e4e4e4; height:8px; border-radius:4px'>"
        f"<div style='background:{COLOUR[state]}; width:{100 * min(max(fraction, 0), 1):.1f}%; height:8px; "
        "border-radius:4px'></div></div>"
    )


def notes(texts: Iterable[str]) -> str:
    """Notes as a list; nothing for none."""
    items = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return (
        f"<div style='background:#FFF4D6; padding:4px 8px'><ul style='margin:0 0 0 18px; padding:0'>{items}</ul></div>"
    )


def legend(colours: Mapping[str, str]) -> str:
    """Colours of conditions; wraps where it is narrow."""
    entry = "<span style='white-space:nowrap; margin-right:14px'><span style='color:{}'>&#9632;</span> {}</span>"
    return "".join(entry.format(colour, escape(title)) + " " for title, colour in colours.items())


def weights_table(run: RunSnapshot) -> str:
    """Weights of each projection: how many, where they lie, how many are at their bound."""
    cell = "<td style='text-align:right; padding:1px 0 1px 10px'>{}</td>"
    head = "".join(cell.format(title) for title in ("number", "median (mV)", "quartiles (mV)", "at bound"))
    rows = [f"<tr style='{_SMALL}'><td></td>{head}</tr>"]
    for found in run.weights:
        low, middle, high = (f"{1e3 * value:.3g}" for value in found.quartiles)
        bound = "no bound" if found.at_bound is None else f"{found.at_bound:.1%}"
        cells = (f"{found.n:,}", middle, f"{low} to {high}", bound)
        rows.append(f"<tr><td>{escape(found.name)}</td>{''.join(map(cell.format, cells))}</tr>")
    return f"<b>Weights</b><table style='border-collapse:collapse; font-size:13px'>{''.join(rows)}</table>"
