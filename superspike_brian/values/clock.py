"""Times as numbers of time steps."""

from brian2 import Quantity


def n_steps(time: Quantity | float, dt: Quantity | float) -> int:
    """Number of time steps `dt` that are nearest to a time; both in seconds if they have no unit."""
    return round(float(time) / float(dt))
