"""What a user sees while a run goes on: a bar in a terminal or notebook, plain lines elsewhere, or nothing."""

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from .streams import Steady


class Silent:
    """A reporter that says nothing; the others have the same methods."""

    def building(self) -> None:
        """Compilation begins."""

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
    return f"{correct}cost {cost:.3g} Hz, r0 {r0 * 1e3:g} mV, output {rate:.3g} Hz"


class Lines(Silent):
    """A line per block, at most one every `interval` seconds, for files and queues."""

    def __init__(self, stream: TextIO | None = None, interval: float = 2.0) -> None:
        self.stream, self.interval = Steady(stream or sys.stderr), interval

    def building(self) -> None:
        """Say that the compiler works."""
        self.say("preparing the C++ program")

    def start(self, duration: float, at: float, build_seconds: float) -> None:
        """Start the clocks."""
        self.say(
            f"program ready after {build_seconds:.1f} s; training from {at:g} s to {duration:g} s of simulated time"
        )
        self.duration, self.at, self.began, self.last = duration, at, time.perf_counter(), 0.0
        self.status = "burn-in"

    def inside(self, start: float, stop: float, fraction: float) -> None:
        """Report within long blocks too."""
        if time.perf_counter() - self.last > 15 * self.interval:
            self._report(start + (stop - start) * fraction)

    def block(self, at: float, cost: float, r0: float, rate: float, accuracy: float | None = None) -> None:
        """Report unless the last line is fresh."""
        self.status = _status(cost, r0, rate, accuracy)
        if time.perf_counter() - self.last > self.interval or at >= self.duration:
            self._report(at)

    def overall(self, at: float, status: str) -> None:
        """Report now and then, and at the end."""
        self.status = status
        if time.perf_counter() - self.last > 5 * self.interval or at >= self.duration:
            self._report(at)

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

    def _report(self, at):
        self.last = time.perf_counter()
        speed = (at - self.at) / max(self.last - self.began, 1e-9)
        left = f", {speed:.3g} s/s, {(self.duration - at) / speed:.0f} s left" if speed > 0 else ""
        self.say(f"{at:8.1f} of {self.duration:g} s: {self.status}{left}")

    def say(self, text: str) -> None:
        """Print a line."""
        print(text, file=self.stream, flush=True)


class Bar(Silent):
    """A tqdm bar, in a terminal or a notebook."""

    def __init__(self) -> None:
        self.stream = Steady(sys.stderr)
        self.bar_stream: Steady | None = self.stream

    def building(self) -> None:
        """Say that the compiler works."""
        print("preparing the C++ program", file=self.stream, flush=True)

    def start(self, duration: float, at: float, build_seconds: float) -> None:
        """Show the bar."""
        from tqdm.auto import tqdm

        layout = "{l_bar}{bar}| {n:.1f}/{total:g} s [{elapsed}<{remaining}, {rate_fmt}] {postfix}"
        options = {"bar_format": layout, "dynamic_ncols": True, "file": self.bar_stream}
        self.bar = tqdm(total=duration, initial=at, unit="s", **options)

    def inside(self, start: float, stop: float, fraction: float) -> None:
        """Move the bar within the block."""
        self.bar.n = start + (stop - start) * fraction
        self.bar.refresh()

    def block(self, at: float, cost: float, r0: float, rate: float, accuracy: float | None = None) -> None:
        """Show cost and rates."""
        self.bar.n = at
        self.bar.set_postfix_str(_status(cost, r0, rate, accuracy))

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        from tqdm.auto import tqdm

        tqdm.write(text, file=self.stream)

    @contextmanager
    def phase(self, name: str) -> Iterator[Callable[[float], None]]:
        """Show what goes on behind the bar, and then again what was there."""
        before = self.bar.postfix or ""
        self.bar.set_postfix_str(name)
        yield lambda fraction: self.bar.set_postfix_str(f"{name}: {fraction:.0%}")
        self.bar.set_postfix_str(before)

    def overall(self, at: float, status: str) -> None:
        """Move the bar of many runs."""
        self.bar.n = at
        self.bar.set_postfix_str(status)

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
