"""Files that Neo reads: NWB, NIX, Matlab, Blackrock, Neuralynx, ... (extra ``neo``)."""

import os
from typing import Any

from brian2 import Quantity

from superspike_brian.errors import MissingPackageError

from .files import existing
from .pattern import SpikePattern


def read_neo(
    path: str | os.PathLike, period: Quantity, n: int | None = None, start: Quantity | None = None
) -> SpikePattern:
    """Read the spike trains of a file that Neo reads, a unit each, in their order there.

    Parameters
    ----------
    path : path
        A recording of one segment with spikes.
    period : Quantity
        Length of the loop (second).
    n : int, optional
        Number of units; default: the number of spike trains.
    start : Quantity, optional
        When a window of one period begins (second), in the time of the recording; default: the whole recording, from its
        start.

    Returns
    -------
    SpikePattern

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no file, Neo cannot read it, or it has no segment with spikes, or several.
    MissingPackageError
        If Neo, or what it needs for this kind of file, is not installed.
    """
    path = existing(path)
    trains = [segment.spiketrains for block in _blocks(path) for segment in block.segments if len(segment.spiketrains)]
    if len(trains) != 1:
        raise ValueError(
            f"{path} has spike trains in {len(trains)} segments; expected one. Of several, choose with Neo, and give the "
            "spike trains to SpikePattern.of."
        )
    try:
        return SpikePattern.of(list(trains[0]), period, n=n, start=start)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _blocks(path: os.PathLike) -> list[Any]:
    try:
        import neo
    except ImportError as error:
        raise MissingPackageError(
            f"{path} is read by neo, which cannot be imported ({error}): pip install 'superspike_brian[neo]'"
        ) from None
    try:
        reader = neo.io.get_io(str(path))
        try:
            return list(reader.read())
        finally:
            if hasattr(reader, "close"):
                reader.close()
    except ImportError as error:
        raise MissingPackageError(f"Neo needs another package for {path}: {error}") from error
    except Exception as error:  # each of Neo's readers has errors of its own
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise ValueError(f"{path} cannot be read by Neo: {reason}") from error
