"""What a user sees while a run goes on: the same line everywhere, behind a bar in a terminal or notebook; or nothing."""

import dataclasses
import math
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from ..values.quantities import measured, plain
from .streams import Steady

PATIENCE = 3.0  # seconds after which a stage is named


class Silent:
    """A reporter that says nothing; the others have the same methods."""

    def building(self) -> None:
        """Compilation begins."""
        self.say("preparing the C++ program")

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Something goes on that has no fraction, as reading data or packing results: it is named if it takes long."""
        timer = threading.Timer(PATIENCE, self.say, [name])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def start(self, duration: float, at: float, build_seconds: float) -> None:
        """Training begins at simulated time `at` of `duration` (s)."""

    def inside(self, start: float, stop: float, fraction: float) -> None:
        """A `fraction` of the block from `start` to `stop` (s) is done."""

    def block(self, at: float, cost: float, r0: float, rate: float, accuracy: float | None = None) -> None:
        """A block has ended: simulated time (s), cost (Hz), learning rate (V), output rate (Hz), accuracy of late trials."""

    def overall(self, at: float, status: str) -> None:
        """Many runs together are at simulated time `at` (s)."""

    @contextmanager
    def phase(self, name: str) -> Iterator[Callable[[float], None]]:
        """Something besides training goes on: yields what to call with the fraction that is done."""
        yield lambda fraction: None

    def say(self, text: str) -> None:
        """Something that a person should know."""

    def close(self) -> None:
        """The run has ended, well or not."""


class Remarks(Silent):
    """Nothing but what a person should know."""

    def say(self, text: str) -> None:
        """Print a line."""
        print(text, file=sys.stderr, flush=True)


def _status(cost: float, r0: float, rate: float, accuracy: float | None) -> str:
    correct = "" if accuracy is None else f"{accuracy:.0%} correct, "
    speed = f"r0 {measured(r0 * 1e3, 'mV', 4)}"
    return f"{correct}cost {measured(cost, 'Hz', 3)}, {speed}, output {measured(rate, 'Hz', 3)}"


@dataclasses.dataclass
class Course:
    """How far training is, and the line that says so; 100 % is when it is done.

    Parameters
    ----------
    duration, first : float
        Simulated time (s) at the end, and where it begins.
    """

    duration: float
    first: float
    status: str = "burn-in"

    def __post_init__(self) -> None:
        self.at, self.began = self.first, time.perf_counter()

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do."""
        return self.at >= self.duration * (1 - 1e-9)

    def line(self, phase: str = "") -> str:
        """Text of the progress: percent, simulated time, figures, speed (simulated s per s), time left."""
        part = 100 if self.is_done else min(99, int(100 * self.at / self.duration))
        speed = (self.at - self.first) / max(time.perf_counter() - self.began, 1e-9)
        left = "" if self.is_done or speed <= 0 else f", {(self.duration - self.at) / speed:.0f} s left"
        pace = f", {plain(speed, 3)} s/s{left}" if speed > 0 else ""
        shown = f"{part:3d} %  {plain(self.at, 6)} of {measured(self.duration, 's', 6)}: {self.status}{pace}"
        return f"{shown}; {phase}" if phase else shown


def _begin(duration: float, at: float, build_seconds: float) -> str:
    ready = f"program ready after {build_seconds:.1f} s; training from"
    return f"{ready} {measured(at, 's', 6)} to {measured(duration, 's', 6)} of simulated time"


class Lines(Silent):
    """A line per block, at most one every `interval` seconds, for files and queues."""

    def __init__(self, stream: TextIO | None = None, interval: float = 2.0) -> None:
        self.stream, self.interval = Steady(stream or sys.stderr), interval

    def start(self, duration: float, at: float, build_seconds: float) -> None:
        """Start the clocks."""
        self.say(_begin(duration, at, build_seconds))
        self.course, self.last = Course(duration, at), 0.0

    def inside(self, start: float, stop: float, fraction: float) -> None:
        """Report within long blocks too."""
        self._report(start + (stop - start) * fraction, 15 * self.interval)

    def block(self, at: float, cost: float, r0: float, rate: float, accuracy: float | None = None) -> None:
        """Report unless the last line is fresh."""
        self.course.status = _status(cost, r0, rate, accuracy)
        self._report(at, self.interval)

    def overall(self, at: float, status: str) -> None:
        """Report now and then, and at the end."""
        self.course.status = status
        self._report(at, 5 * self.interval)

    @contextmanager
    def phase(self, name: str) -> Iterator[Callable[[float], None]]:
        """Report now and then, if it takes long."""
        began, last = time.perf_counter(), -math.inf

        def show(fraction: float) -> None:
            nonlocal last
            now = time.perf_counter()
            if now - began > self.interval and now - last > 15 * self.interval:
                last = now
                self.say(f"{name}: {fraction:.0%}")

        yield show

    def _report(self, at, interval):
        self.course.at, now = at, time.perf_counter()
        if now - self.last > interval or self.course.is_done:
            self.last = now
            self.say(self.course.line())

    def say(self, text: str) -> None:
        """Print a line."""
        print(text, file=self.stream, flush=True)


class Bar(Silent):
    """A tqdm bar, in a terminal or a notebook."""

    def __init__(self) -> None:
        self.stream = Steady(sys.stderr)
        self.bar_stream: Steady | None = self.stream

    def start(self, duration: float, at: float, build_seconds: float) -> None:
        """Show the bar."""
        from tqdm.auto import tqdm

        self.say(_begin(duration, at, build_seconds))
        self.course = Course(duration, at)
        options = {"bar_format": "{desc} |{bar}|", "dynamic_ncols": True, "file": self.bar_stream}
        self.bar = tqdm(total=duration, initial=at, desc=self.course.line(), **options)

    def _show(self, at, phase=""):
        self.bar.n = self.course.at = at
        self.bar.set_description_str(self.course.line(phase))

    def inside(self, start: float, stop: float, fraction: float) -> None:
        """Move the bar within the block."""
        self._show(start + (stop - start) * fraction)

    def block(self, at: float, cost: float, r0: float, rate: float, accuracy: float | None = None) -> None:
        """Show cost and rates."""
        self.course.status = _status(cost, r0, rate, accuracy)
        self._show(at)

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        from tqdm.auto import tqdm

        tqdm.write(text, file=self.stream)

    @contextmanager
    def phase(self, name: str) -> Iterator[Callable[[float], None]]:
        """Show what goes on before the bar, and then again what was there."""
        self._show(self.course.at, name)
        yield lambda fraction: self._show(self.course.at, f"{name}: {fraction:.0%}")
        self._show(self.course.at)

    def overall(self, at: float, status: str) -> None:
        """Move the bar of many runs."""
        self.course.status = status
        self._show(at)

    def close(self) -> None:
        """Leave the bar as it is."""
        if hasattr(self, "bar"):
            self.bar.close()


class Notebook(Bar):
    """A bar and a learning curve that redraws while the run goes on, in Jupyter."""

    def __init__(self, interval: float = 1.0) -> None:
        super().__init__()
        self.bar_stream = None  # tqdm's choice
        self.interval, self.last = interval, 0.0
        self.times: list[float] = []
        self.costs: list[float] = []
        self.handle: Any = None  # IPython's, of what is drawn

    def block(self, at: float, cost: float, r0: float, rate: float, accuracy: float | None = None) -> None:
        """Add a point; redraw at most every `interval` seconds."""
        super().block(at, cost, r0, rate, accuracy)
        self.times.append(at)
        self.costs.append(cost)
        if time.perf_counter() - self.last > self.interval:
            self._draw()

    def close(self) -> None:
        """Draw the last points."""
        super().close()
        if self.times:
            self._draw()

    def _draw(self):
        import matplotlib.pyplot as plt
        from IPython.display import display

        self.last = time.perf_counter()
        figure, axis = plt.subplots(figsize=(4, 2), layout="constrained")
        axis.plot(self.times, self.costs)
        axis.set(xlabel="simulated time (s)", ylabel="cost (Hz)", ylim=(0, None), xlim=(0, self.bar.total))
        if self.handle is None:
            self.handle = display(figure, display_id=True)
        else:
            self.handle.update(figure)
        plt.close(figure)


def in_notebook() -> bool:
    """Whether a Jupyter kernel runs this."""
    shell = sys.modules.get("IPython") and sys.modules["IPython"].get_ipython()
    return type(shell).__name__ == "ZMQInteractiveShell"


def reporter(quiet: bool = False, lines: bool = True) -> Silent:
    """Return the reporter that fits where the output goes; `lines`: report progress also where it is no terminal."""
    if quiet:
        return Silent()
    if in_notebook():
        return Notebook()
    if Steady(sys.stderr).isatty():
        return Bar()
    return Lines() if lines else Remarks()
