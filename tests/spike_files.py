"""Files of spikes in every kind of text, and what reading them must give."""

import numpy as np
import pytest
from brian2 import ms
from superspike_brian.tasks import read_csv, read_ras

PERIOD = 500 * ms
TIMES, UNITS = [0.0834, 0.0121, 0.4999, 0.25], [4, 0, 2, 11]
# how a spike is written in each kind of text, after which first line
TEXTS = {
    "a.ras": ("# spikes", "{} {}"),
    "comma.csv": ("time,unit", "{},{}"),
    "named.csv": ("unit,trial,time", "{1},3,{0}"),
    "bare.csv": ("0.4,1", "{},{}"),
    "semicolon.csv": ("Time (s);Neuron", "{};{}"),
    "tab.tsv": ("t\ti", "{}\t{}"),
    "blank.txt": ("# unit time", "{1}  {0}"),
    "quoted.csv": ('"id","spike_times"', '"{1}","{0}"'),
    "nest.dat": ("# NEST version: 3.6.0\n# RecordingBackendASCII version: 2\nsender\ttime_ms", "{1}\t{0}"),
    "nest.gdf": ("1 3.5", "{1} {0}"),
}
IN_MS = {"nest.dat", "nest.gdf"}
READERS = {name: read_ras if name.endswith(".ras") else read_csv for name in TEXTS}


def spikes(pattern):
    return list(zip(np.asarray(pattern.times).tolist(), pattern.ids.tolist(), strict=True))


def put(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refused(read, path, *arguments, **options):
    """Return the message that a file is refused with: one line with its name."""
    with pytest.raises((ValueError, OSError)) as caught:
        read(path, *arguments, **options)
    message = str(caught.value)
    assert str(path) in message and "\n" not in message and len(message) < 700
    return message
