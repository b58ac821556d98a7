"""Datasets as files: NetCDF4 with a checksum behind it, so that damage is found before anything is read from it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from .durable import RunFolderError, check_seal, seal, write_durably

if TYPE_CHECKING:
    import xarray as xr


class DamagedError(RunFolderError):
    """A file of results that is not what was written."""


def save(data: xr.Dataset, path: Path | str) -> None:
    """Write a dataset atomically; RunFolderError if the disk refuses."""
    import h5netcdf
    from xarray.backends import H5NetCDFStore

    large = (name for name, var in data.variables.items() if var.size > 1000 and var.dtype.kind in "if")
    compressed = {name: {"zlib": True, "complevel": 4} for name in large}
    buffer = io.BytesIO()  # HDF5 that meets a full disk leaves the process to crash later
    # not `to_netcdf`: on a worker of Dask it asks the scheduler for a lock of the name of the buffer, which has none
    with h5netcdf.File(buffer, "w") as file:
        data.dump_to_store(H5NetCDFStore(file), encoding=compressed)
    write_durably(path, seal(buffer.getvalue()))


def read_dataset(file: Path | str, without: Callable[[xr.Dataset], Iterable[str]] | None = None) -> xr.Dataset:
    """Read a dataset that `save` wrote, into memory; DamagedError if it is none, or not what was written.

    Parameters
    ----------
    file : path
        Where it is.
    without : callable, optional
        Returns names of variables to leave out.
    """
    import xarray as xr

    try:
        check_seal(file)
        with xr.open_dataset(file, engine="h5netcdf") as data:
            if without is not None:
                data = data.drop_vars(list(without(data)))
            data = data.load()
        if data.attrs["format"] != int(data.attrs["format"]):
            raise ValueError(f"format {data.attrs['format']}")
    except Exception as error:  # HDF5 and its readers fail in many ways on a file that is damaged
        reason = " ".join(str(error).split())
        raise DamagedError(f"{file} is damaged or no file of results ({reason:.300})") from error
    return data


def is_sound(file: Path | str) -> bool:
    """Whether a file of results is there, and is what was written."""
    try:
        check_seal(file)
    except (OSError, ValueError):
        return False
    return True
