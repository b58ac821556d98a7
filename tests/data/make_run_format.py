"""Write ``run-format-N.nc`` and the folder ``run-format-N`` beside this file, for the present format N.

To be run once when the format changes. The folder has what is needed to resume the run: all but its ``run.nc``.
"""

import shutil
import tempfile
from pathlib import Path

import numpy as np
from brian2 import ms, second
from superspike_brian.tasks import SpikePattern, Task

from superspike_brian.results.folder import FORMAT
from superspike_brian.runs.training import train

inputs = SpikePattern(4, np.array([0, 1, 2, 3, 0, 2]), np.array([1, 3, 5, 7, 11, 13]) * ms, 20 * ms)
targets = SpikePattern(2, np.array([0, 1]), np.array([10, 15]) * ms, 20 * ms)
task = Task("stored", inputs, targets, "made for a test")
here = Path(__file__).with_name(f"run-format-{FORMAT}")
with tempfile.TemporaryDirectory() as out:
    train(
        task,
        duration=1.2 * second,
        burn_in=0.3 * second,
        block=0.3 * second,
        seed=3,
        device="runtime",
        out=f"{out}/run",
    )
    shutil.copy(f"{out}/run/run.nc", here.with_suffix(".nc"))
    shutil.copytree(f"{out}/run", here, ignore=shutil.ignore_patterns("run.nc", ".lock"))
