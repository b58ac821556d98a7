"""A run as one script of plain Brian2, with its arrays beside it: to read, to run and to change without this package."""

import os
import warnings
from pathlib import Path

from brian2 import Quantity

from ..codegen.brian2_api import names_of_its_own
from ..engine.runtime import RuntimeProgram, runtime_device
from ..files.arrays import archive
from ..files.durable import replace_file
from ..runs.loaded import folder_of, load_state
from ..tasks.arguments import file_path, flag
from .sections import Script, random_numbers


def export_brian2(
    run: Path | str, out: Path | str, at: str | Quantity = "end", overwrite: bool = False
) -> tuple[Path, Path]:
    """Write a run as a script of plain Brian2, with its arrays beside it.

    Parameters
    ----------
    run : path
        A run folder, or the ``run.nc`` in it.
    out : path
        Script to write, such as ``my_net.py``; the arrays go beside it, into ``my_net.npz``.
    at : {'end', 'start'} or Quantity
        Which state, as for `load_network`.
    overwrite : bool
        Replace files that exist.

    Returns
    -------
    tuple of Path
        Script and arrays.

    Raises
    ------
    RunFolderError
        If there is no run, or no sound state of it.
    OSError
        If a file is there, or cannot be written.
    ValueError
        If there is no such state, or a script cannot say what the run has.

    Warns
    -----
    UserWarning
        If the model has random numbers: those of a script are others.
    """
    path, arrays = _places(folder_of(run).path, file_path(out, "out"), flag(overwrite, "overwrite"))
    loaded = load_state(run, at)
    with names_of_its_own():
        program = RuntimeProgram(loaded.spec.structure, loaded.spec.precision)
    program.restore(loaded.state, loaded.step)
    with runtime_device(loaded.spec.precision), names_of_its_own():
        text, saved = Script(loaded, program, arrays.name).written()
    if found := random_numbers(loaded):
        warnings.warn(
            f"the model has random numbers ({', '.join(found)}): those of the script are others, and so are its spikes",
            stacklevel=2,
        )
    replace_file(arrays, archive(saved))
    replace_file(path, text.encode())
    return path, arrays


def _places(run, path, overwrite):
    """Files to write, none of which is there or the run's."""
    if path.suffix != ".py":
        raise ValueError(f"out is {path}; a script has a name that ends in .py, such as {path.with_suffix('.py').name}")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: there is no folder {path.parent}; create it first.")
    if run.is_dir() and os.path.samefile(path.parent, run):
        raise ValueError(f"{path} is in the folder of the run, which holds the run's own files; choose another place")
    arrays = path.with_suffix(".npz")
    for file in (path, arrays):
        if os.path.lexists(file) and not overwrite:
            raise FileExistsError(f"{file} exists; give overwrite=True (--overwrite) to replace it, or another name.")
    return path, arrays
