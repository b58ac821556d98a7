"""Labelled samples on disk: stored once by content, beside the runs that refer to them.

``.samples/KEY.npz`` lies in the folder that holds the run folders; of a sweep, in its own. The key is a hash of the content,
which is checked on reading; a run is moved to another place together with the files that its ``task.npz`` names.
"""

import os
import zipfile
from functools import lru_cache
from pathlib import Path

import numpy as np

from ..files.durable import RunFolderError
from ..tasks import LabelledSpikes

FOLDER = ".samples"
PLAN = "sweep.json"  # what a sweep's folder has


def put(folder: Path | str, samples: LabelledSpikes) -> None:
    """Store samples for the run folders in `folder`, unless they are there; RunFolderError if the disk refuses."""
    path = _path(folder, samples.key)
    if _found(folder, samples.key):
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            with unfinished.open("wb") as file:  # not through memory: there may be gigabytes
                np.savez(file, **samples.arrays)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise RunFolderError(f"cannot write {path}: {error.strerror or error}") from error


def get(folder: Path | str, key: str, name: str, source: str) -> LabelledSpikes:
    """Read samples back.

    Parameters
    ----------
    folder : path
        Where the run folder is.
    key : str
        Of the samples.
    name, source : str
        What they are called and where they come from: what the run says.

    Raises
    ------
    RunFolderError
        If they are not there, or are not what was stored.
    """
    return _read(_found(folder, key) or _path(folder, key), key, name, source)


def _found(folder, key):
    folder = Path(folder).absolute()
    sweeps = [above for above in folder.parents[:2] if (above / PLAN).exists()]
    return next((path for each in (folder, *sweeps) if (path := _path(each, key)).exists()), None)


def _path(folder, key):
    return Path(folder).absolute() / FOLDER / f"{key}.npz"


@lru_cache(maxsize=4)  # runs of a sweep share them
def _read(path, key, name, source):
    if not path.exists():
        raise RunFolderError(
            f"the labelled samples of the run ({name}) are not there: copy {FOLDER}/{path.name} from where it was made to "
            f"{path.parent.parent}"
        )
    try:
        with np.load(path, allow_pickle=False) as arrays:
            samples = LabelledSpikes.from_stored(dict(arrays), name, source)
        if samples.key != key:
            raise ValueError("the checksum does not match")
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise RunFolderError(f"{path} is damaged ({error}): put a copy of it back") from error
    return samples
