"""In single precision, networks learn at least as well as with the authors' implementation.

The reference curves are of pub2018superspike (Zenke & Ganguli's C++ extension of Auryn), one random seed each: the cost at the
start of every block of 20 s, the first 20 s without learning, learning rate 1 mV, divided by ten at 420 s. Initial weights are
other random numbers here, so that no block agrees by itself. What must hold is that the signed relative deviation of the
cost, averaged over the blocks in which the network learns, is at most 10 %, and so is that of the last five blocks.
"""

import csv
from pathlib import Path

import numpy as np
import pytest
from brian2 import mV, second
from superspike_brian.models import SUPERSPIKE
from superspike_brian.tasks import ssbm

from superspike_brian.training import train

SHARED = Path(__file__).resolve().parents[2] / "shared"
FIRST_BLOCK = 20.0  # s: its cost is that of the initial weights


def curve(name):
    """Time (s) and cost (Hz) of a reference curve."""
    path = SHARED / "reference" / f"{name}.csv"
    if not path.is_file() or not (SHARED / "ssbm").is_dir():
        pytest.skip(f"needs the reference curve {path} and the public rasters in {SHARED / 'ssbm'}")
    with path.open() as lines:
        rows = [(float(r["start_s"]), float(r["cost_hz"])) for r in csv.DictReader(lines)]
    return np.array(rows).T


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "hidden", "duration"), [("oxford", 256, 300), ("auryn", 32, 1000)], ids=["oxford", "auryn"]
)
def test_learning_curve_in_single_precision(task, hidden, duration, build_dir):
    time, expected = curve(f"{task}_symmetric_h{hidden}")
    run = train(
        ssbm(task, SHARED / "ssbm"),
        SUPERSPIKE.replace(r0=1 * mV),
        (hidden,),
        duration=duration * second,
        burn_in=20 * second,
        block=20 * second,
        r0_decay_at=[420 * second],
        precision="single",
        threads=1,
        build_dir=build_dir,
        progress=False,
    )
    found = run.cost.mean("output").to_series()
    compared = (time > FIRST_BLOCK) & (time <= duration)
    deviation = found.loc[time[compared]].to_numpy() / expected[compared] - 1
    lines = [f"{t:5.0f} s: {d:+.1%}" for t, d in zip(time[compared], deviation, strict=True)]
    figures = {"mean": deviation.mean(), "last five": deviation[-5:].mean(), "worst": deviation.max()}
    print(*lines, *(f"{name}: {value:+.1%}" for name, value in figures.items()), sep="\n")
    assert figures["mean"] <= 0.1 and figures["last five"] <= 0.1
