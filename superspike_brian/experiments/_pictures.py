"""What the experiments that draw pictures in spikes share."""

from typing import Any

from brian2 import mV, second

from ..models import SUPERSPIKE
from . import Setting, Table

SYMMETRIC = SUPERSPIKE.replace(r0=1 * mV)


def options(setting: Setting) -> dict[str, Any]:
    """Schedule: 20 s without learning; 1000 s with the learning rate divided by ten at 420 s, or 200 s and at 120 s."""
    duration, decay = (1000, 420) if setting.full else (200, 120)
    return {"duration": duration * second, "burn_in": 20 * second, "r0_decay_at": [decay * second]}


def is_full(rows: Table) -> bool:
    """Whether all runs of a table have the length of those of the authors' implementation."""
    return all(r["simulated_s"] >= 1000 for r in rows)
