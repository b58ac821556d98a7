"""Datasets as files: NetCDF4 with a checksum behind it, so that damage is found before anything is read from it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from .durable import RunFolderError, check_seal, read_sealed, seal, write_durably

if TYPE_CHECKING:
    import xarray as xr


_alone = threading.RLock()  # the library under netCDF4 bears one thread at a time


class DamagedError(RunFolderError):
    """A file of results that is not what was written."""


def save(data: xr.Dataset, path: Path | str) -> None:
    """Write a dataset atomically; RunFolderError if the disk refuses."""
    import netCDF4
    from xarray.backends import NetCDF4DataStore

    large = (name for name, var in data.variables.items() if var.size > 1000 and var.dtype.kind in "if")
    compressed = {name: {"zlib": True, "complevel": 1} for name in large}
    # in memory: HDF5 that meets a full disk leaves the process to crash later. Not `to_netcdf`: on a worker of Dask it asks the
    # scheduler for a lock of the name of the file
    with _alone:
        file = netCDF4.Dataset("run.nc", "w", memory=1)
        try:
            data.dump_to_store(NetCDF4DataStore(file), encoding=compressed)
        finally:
            written = file.close()
    write_durably(path, seal(_without_padding(bytes(written))))


def _without_padding(data):
    """A file of HDF5 up to its end, which its superblock (of version 2 and later) knows; images in memory are padded."""
    version, size = data[8], data[9]
    return data[: int.from_bytes(data[12 + 2 * size : 12 + 3 * size], "little")] if version >= 2 else data


def read_dataset(file: Path | str) -> xr.Dataset:
    """Read a dataset that `save` wrote, into memory; DamagedError if it is none, or not what was written."""
    with opened(file) as data:
        return _checked(file, data.load)


@contextmanager
def opened(file: Path | str) -> Iterator[xr.Dataset]:
    """As `read_dataset`, for a while, and reading only what is used of it meanwhile."""
    with _alone, ExitStack() as stack:
        content, sealed = _checked(file, partial(read_sealed, file))
        data = stack.enter_context(_checked(file, partial(_dataset, content)))
        if not sealed:  # by an older version: damage shows when all of it is read
            _checked(file, data.load)
        _checked(file, partial(_check_format, data))
        yield data


def _dataset(content):
    """A dataset of the bytes of a file: in paths, netCDF takes some characters for its own."""
    import netCDF4
    import xarray as xr
    from xarray.backends import NetCDF4DataStore

    return xr.open_dataset(NetCDF4DataStore(netCDF4.Dataset("run.nc", memory=content)))


def _checked(file, function):
    """Call a function that reads; HDF5 and its readers fail in many ways on a file that is damaged."""
    try:
        return function()
    except Exception as error:
        reason = " ".join(str(error).split())
        raise DamagedError(f"{file} is damaged or no file of results ({reason:.300})") from error


def _check_format(data):
    if data.attrs["format"] != int(data.attrs["format"]):
        raise ValueError(f"format {data.attrs['format']}")


def is_sound(file: Path | str) -> bool:
    """Whether a file of results is there, and is what was written."""
    try:
        check_seal(file)
    except (OSError, ValueError):
        return False
    return True
