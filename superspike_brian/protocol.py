"""The course of a run: burn-in, blocks, learning-rate schedule. Pure arithmetic on time steps."""

import dataclasses
import itertools

from brian2 import Quantity, get_dimensions, second

# Brian2's generators of spikes count steps in 32 bits; the rest is for probes and tests after the end
MAX_STEPS = 2_000_000_000


@dataclasses.dataclass(frozen=True)
class Protocol:
    """When learning is on, how fast, and where a run is cut into blocks.

    A block ends with a checkpoint and a point of the learning curve. Where blocks end does not change the simulation, but a
    criterion is looked at only there.

    Parameters
    ----------
    duration : Quantity
        Simulated time, burn-in included (second).
    burn_in : Quantity
        Time without weight changes at the start (second).
    block : Quantity
        Simulated time between reports and checkpoints (second).
    r0_decay_at : tuple of Quantity
        Times at which the learning rate is divided by 10 (second).
    snapshot_every : Quantity, optional
        Time between stored copies of the weights (second).
    probe_at : tuple of Quantity
        Times at which one period is recorded in full, besides the first and the last (second).
    criterion : float, optional
        Fraction of correct trials at which training ends, after the first block whose last `criterion_trials` trials reach it.
    criterion_trials : int
        Trials that the criterion looks back on.

    Raises
    ------
    ValueError
        If a value is no time, or out of its range.
    """

    duration: Quantity
    burn_in: Quantity = dataclasses.field(default_factory=lambda: 20 * second)
    block: Quantity = dataclasses.field(default_factory=lambda: 10 * second)
    r0_decay_at: tuple = ()
    snapshot_every: Quantity | None = None
    probe_at: tuple = ()
    criterion: float | None = None
    criterion_trials: int = 1000

    def __post_init__(self):
        for name in ("r0_decay_at", "probe_at"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
            for value in getattr(self, name):
                _check_time(name, value)
        for name in ("duration", "burn_in", "block", "snapshot_every"):
            value = getattr(self, name)
            if value is not None or name != "snapshot_every":
                _check_time(name, value, allow_zero=name == "burn_in")
        if self.criterion is not None and not 0 < self.criterion <= 1:
            raise ValueError(f"criterion must be a fraction of correct trials, for instance 0.99, not {self.criterion}")
        if not isinstance(self.criterion_trials, int) or self.criterion_trials < 1:
            raise ValueError(f"criterion_trials must be a whole number of 1 or more, not {self.criterion_trials!r}")

    def blocks(self, dt):
        """Return the blocks as a list of `Block`, from 0 to `duration`, in steps of `dt` (second).

        Raises
        ------
        ValueError
            If they are more steps than `MAX_STEPS`.
        """

        def steps(time):
            return round(float(time) / float(dt))

        if steps(self.duration) > MAX_STEPS:
            raise ValueError(
                f"duration {self.duration} takes {steps(self.duration):,} steps of {dt}, and a run can have at most "
                f"{MAX_STEPS:,}: use at most {MAX_STEPS * dt}, or a longer dt"
            )
        end, burn_in = steps(self.duration), min(steps(self.burn_in), steps(self.duration))
        decays = sorted(steps(t) for t in self.r0_decay_at)
        snapshots = set()
        if self.snapshot_every is not None:
            every = max(1, steps(self.snapshot_every))
            snapshots = set(range(every, end + 1, every))
        probes = {steps(t) for t in self.probe_at if steps(t) < end}
        cuts = {0, burn_in, end, *(d for d in decays if d < end), *snapshots, *probes}
        for first, last in ((0, burn_in), (burn_in, end)):
            cuts |= set(range(first, last, max(1, steps(self.block))))
        edges = sorted(cuts)
        return [
            Block(a, b, 0.0 if a < burn_in else 10.0 ** -sum(d <= a for d in decays), b in snapshots, b in probes)
            for a, b in itertools.pairwise(edges)
        ]


@dataclasses.dataclass(frozen=True)
class Block:
    """Steps `start` to `stop` at `factor` times the learning rate; `snapshot`, `probe`: what to keep at the end."""

    start: int
    stop: int
    factor: float
    snapshot: bool
    probe: bool


def _check_time(name, value, allow_zero=False):
    if not isinstance(value, Quantity) or get_dimensions(value) is not second.dim:
        raise ValueError(f"{name} must be a time with its unit, for instance 20*second, not {value!r}")
    if not (float(value) > 0 or (allow_zero and float(value) == 0)) or float(value) == float("inf"):
        raise ValueError(f"{name} must be a positive, finite time, not {value}")
