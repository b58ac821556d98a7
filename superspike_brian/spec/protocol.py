"""The course of a run: burn-in, blocks, learning-rate schedule. Pure arithmetic on time steps."""

import dataclasses
import heapq
import itertools
from bisect import bisect
from collections.abc import Iterable, Iterator

from brian2 import Quantity, second

from ..values.clock import n_steps
from ..values.kinds import Number, Time, Whole, check_settings, setting
from ..values.quantities import readable

# Brian2's generators of spikes count steps in 32 bits; the rest is for probes and tests after the end
MAX_STEPS = 2_000_000_000
FALLS = 100  # parts in which a learning rate falls linearly; the last is not taken away


@dataclasses.dataclass(frozen=True)
class Protocol:
    """When learning is on, how fast, and where a run is cut into blocks.

    A block ends with a checkpoint and a point of the learning curve. Where blocks end does not change the simulation, but a
    criterion is looked at only there. The fields are options of a run (`superspike_brian.spec`).

    Raises
    ------
    ValueError
        If a value is no time, or out of its range.
    """

    duration: Quantity = setting(
        Time("250s"), "simulated time, burn-in included; of labelled data 10 epochs unless given", 800 * second
    )
    burn_in: Quantity = setting(Time("5s", zero=True), "time without weight changes at the start", 20 * second)
    block: Quantity = setting(
        Time("5s"), "simulated time between checkpoints and points of the learning curve", 10 * second
    )
    r0_decay_at: tuple = setting(
        Time("400s"),
        "time at which the learning rate is divided by 10; repeat for more",
        (),
        unset="never; of labelled data after 60 and 85 percent of the run",
        many=True,
    )
    snapshot_every: Quantity | None = setting(
        Time("100s"), "time between stored copies of the weights", None, unset="at the start and the end"
    )
    probe_at: tuple = setting(
        Time("100s"),
        "time at which a probe window without plasticity is recorded, besides the start and the end; repeat for more",
        (),
        unset="none",
        many=True,
    )
    probe_every: Quantity | None = setting(
        Time("50s"), "time between more such probe windows", None, unset="none but those of probe-at"
    )
    probe_learning: tuple = setting(
        Time("100s", zero=True),
        "start of a probe window that is part of the run, with its plasticity; repeat for more",
        (),
        unset="none",
        many=True,
    )
    probe_length: Quantity | None = setting(
        Time("200ms"), "length of every probe window", None, unset="the task's period"
    )
    criterion: float | None = setting(
        Number("0.99", "FRACTION", 0, 1, "a fraction of correct trials"),
        "fraction of correct trials: training ends after the first block whose last trials reach it",
        None,
        unset="train to the end",
    )
    criterion_trials: int = setting(Whole("500", minimum=1), "trials that the criterion looks back on", 1000)
    epochs: float | None = setting(
        Number("10", "NUMBER", 0), "duration as presentations of all labelled samples", None, unset="duration says it"
    )
    test_every: Quantity | None = setting(
        Time("100s"),
        "time between tests without plasticity, of all held-out samples or of trials on fresh noise, besides that at the end",
        None,
        unset="a tenth of the duration for labelled data, else none",
    )
    r0_linear_until: Quantity | None = setting(
        Time("800s"),
        "time until which the learning rate falls linearly to a hundredth, in equal steps from the end of the burn-in on; "
        "times of r0-decay-at divide it besides",
        None,
        unset="it does not",
    )

    def __post_init__(self) -> None:
        check_settings(self)
        if self.criterion == 0:
            raise ValueError("criterion must be a fraction of correct trials above 0, for instance 0.99")

    def probes(self, dt: Quantity) -> set[int]:
        """Steps of `dt` (second) at which a probe window without plasticity is recorded."""
        end, found = n_steps(self.duration, dt), {n_steps(t, dt) for t in self.probe_at}
        if self.probe_every is not None:
            every = max(1, n_steps(self.probe_every, dt))
            found |= set(range(every, end, every))
        return {step for step in found if step < end}

    def probe_steps(self, dt: Quantity, period: Quantity) -> int:
        """Time steps of a probe window of a task with this period (second)."""
        return n_steps(period if self.probe_length is None else self.probe_length, dt)

    def learning_windows(self, dt: Quantity, period: Quantity) -> list[tuple[int, int]]:
        """Probe windows that are part of the run: first step and the one after the last, cut at the end of the run."""
        end, length = n_steps(self.duration, dt), self.probe_steps(dt, period)
        return [(a, min(a + length, end)) for a in sorted({n_steps(t, dt) for t in self.probe_learning}) if a < end]

    def steps(self, dt: Quantity) -> int:
        """Time steps of `dt` (second) of the whole run; ValueError if they are more than `MAX_STEPS`."""
        if (n := n_steps(self.duration, dt)) > MAX_STEPS:
            raise ValueError(
                f"duration {readable(self.duration)} takes {n:,} steps of {readable(dt)}, and a run can have at most "
                f"{MAX_STEPS:,}: use at most {readable(MAX_STEPS * dt)}, or a longer dt"
            )
        return n

    def blocks(self, dt: Quantity, edges: Iterable[int] = ()) -> Iterator["Block"]:
        """Yield the blocks from 0 to `duration`, in steps of `dt` (second): one at a time, however many there are.

        Besides where the protocol says, a block ends at each of some `edges` (steps, ascending).
        """
        end, length = self.steps(dt), max(1, n_steps(self.block, dt))
        burn_in, decays = min(n_steps(self.burn_in, dt), end), sorted(n_steps(t, dt) for t in self.r0_decay_at)
        falls = self._falls(burn_in, dt)
        snapshots, probes = range(0), self.probes(dt)
        if self.snapshot_every is not None:
            every = max(1, n_steps(self.snapshot_every, dt))
            snapshots = range(every, end + 1, every)
        tests = range(0)
        if self.test_every is not None:
            every = max(1, n_steps(self.test_every, dt))
            tests = range(every, end, every)
        regular = range(0, burn_in, length), range(burn_in, end, length), snapshots, tests
        cuts = heapq.merge(
            *regular, *((d for d in changes if d < end) for changes in (decays, falls, edges)), sorted(probes), [end]
        )
        for a, b in itertools.pairwise(step for step, _ in itertools.groupby(cuts)):
            yield Block(
                a,
                b,
                0.0 if a < burn_in else (1 - bisect(falls, a) / FALLS) * 10.0 ** -bisect(decays, a),
                b in snapshots,
                b in probes,
                b in tests,
            )

    def _falls(self, burn_in, dt):
        """Steps at which the learning rate falls by an equal part, ascending."""
        if self.r0_linear_until is None:
            return []
        until = max(n_steps(self.r0_linear_until, dt), burn_in)
        return [burn_in + k * (until - burn_in) // FALLS for k in range(1, FALLS)]


@dataclasses.dataclass(frozen=True)
class Block:
    """Steps `start` to `stop` at `factor` times the learning rate; `snapshot`, `probe`, `test`: what to do at the end."""

    start: int
    stop: int
    factor: float
    snapshot: bool
    probe: bool
    test: bool = False
