"""Programs are generated and compiled once, and found again by everything that their code depends on."""

import hashlib
import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import StateMonitor, get_device, prefs, second, set_device

from ..codegen import device as state_device
from ..codegen.brian2_api import (
    VERSION,
    get_compiler_and_args,
    get_identifiers,
    names_of_its_own,
    no_collection,
    reset_device,
)
from ..files.locks import Lock
from ..models import Model
from ..models.checks import compiled
from ..network.assembly import Assembly
from ..network.structure import Structure
from ..values.as_json import quantity_to_json
from .compiler import BuildError, compile_program, default_build_dir, identity, precompile
from .manifest import is_complete, write_manifest
from .preferences import own_preferences
from .program import Program

logger = logging.getLogger(__name__)


def build(
    structure: Structure,
    precision: str = "double",
    build_dir: Path | str | None = None,
    jobs: int | None = None,
    kernel: str = "auto",
    threads: int = 1,
) -> Program:
    """Return the program of `structure`, compiling what is not yet in `build_dir`.

    Parameters
    ----------
    structure : Structure
        Equations, sizes and time step.
    precision : {'double', 'single'}
        Floating point type of the state.
    build_dir : path, optional
        Default: the user's cache folder.
    jobs : int, optional
        Compiler processes at a time; default: all cores.
    kernel : {'auto', 'stock', 'dense', 'gemm', 'events'}
        How plastic synapses are integrated: see `superspike_brian.codegen.kernels`.
    threads : int
        Threads of a run of the program, one beside the main one per layer of plastic synapses at most. Layers too small to gain
        (``WORTH_A_THREAD`` in ``codegen/kernels.py``) run on the main one.

    Returns
    -------
    Program

    Raises
    ------
    BuildError
        If there is no compiler or it fails.
    """
    began = time.perf_counter()
    folder = program_folder(structure, precision, build_dir, kernel)
    if not is_complete(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with Lock(f"{folder}.lock").held(logger.warning):  # a second process waits, then finds the program
            for abandoned in folder.parent.glob(f"{folder.name}.building-*"):  # by a process that was killed
                shutil.rmtree(abandoned, ignore_errors=True)
            if not is_complete(folder):
                _generate_and_compile(structure, precision, kernel, folder, jobs or os.cpu_count() or 1)
    return Program(folder, time.perf_counter() - began, threads)


def program_folder(
    structure: Structure, precision: str = "double", build_dir: Path | str | None = None, kernel: str = "auto"
) -> Path:
    """Where `build` looks for the program of this structure, compiler and processor, and puts it.

    Without a compiler it is any program of the structure, for whatever processor.

    Raises
    ------
    BuildError
        If there is neither a compiler nor a program.
    """
    programs = Path(build_dir or default_build_dir()).absolute() / "programs"
    key = structure_key(structure, precision, kernel)
    try:
        machine = identity(prefs["codegen.cpp.extra_compile_args_gcc"])
    except BuildError:
        for folder in sorted(programs.glob(f"{key}-*")):
            if not folder.suffix and is_complete(folder):
                return folder
        raise
    return programs / f"{key}-{hashlib.sha256(machine.encode()).hexdigest()[:10]}"


def structure_key(structure: Structure, precision: str, kernel: str = "auto") -> str:
    """Hash of everything that the generated code depends on, on any machine."""
    rules = {id(rule): _facts(rule) for rule in (structure.model, *structure.models.values())}
    what: list[Any] = [{name: rules[id(rule)] for name, rule in {"": structure.model, **structure.models}.items()}]
    what += [structure.populations, structure.sizes, float(structure.dt), structure.chunk, precision, kernel]
    for name, p in structure.projections.items():
        form = structure.is_dense(name), structure.has_delays(name), structure.n_synapses_of(name)
        what.append((name, p.source, p.target, p.plastic, *form))
    what += [(p.source, p.target, structure.forward_weights(p)) for p in structure.pathways.values()]
    what += [structure.probe_units, structure.probe_synapses, structure.probe_variables]
    what += [VERSION, np.__version__, _own_sources(), prefs["codegen.cpp.extra_compile_args_gcc"]]
    return hashlib.sha256(json.dumps(what, sort_keys=True, default=str).encode()).hexdigest()[:20]


def _facts(model):
    """What the code that is made of a model depends on: strings, and constants in them."""
    strings = {kind: dict(component.strings) for kind, component in model.components.items()}
    used = {name for fields in strings.values() for code in fields.values() for name in get_identifiers(code)}
    inputs = run_time_parameters(model)
    return [strings, {k: quantity_to_json(v)[:2] for k, v in model.parameters.items() if k in used - inputs}]


@lru_cache
def _own_sources():
    """Hash of the files of this package that decide what is generated."""
    return hashlib.sha256(b"".join(f.read_bytes() for f in own_files())).hexdigest()


def own_files() -> list[Path]:
    """Files of this package that decide what is generated."""
    package = Path(__file__).parents[1]
    engine = [package / "engine" / name for name in ("cache.py", "preferences.py")]
    rooms = sorted(f for room in ("codegen", "network") for f in (package / room).rglob("*"))
    return [*engine, *(f for f in rooms if f.suffix in (".py", ".h", ".cpp"))]


def run_time_parameters(model: Model) -> set[str]:
    """Names of the parameters that are nowhere constants of the code, but variables ``(shared, constant)``: program inputs."""
    equations = [model.equations_of(place, output=o)[0] for place in ("layer", "synapse") for o in (True, False)]
    equations += [model.equations_of(place)[0] for place in ("terminal", "feedback")]
    declared = {e.varname for group in equations for e in group.values() if "shared" in e.flags}
    return (declared & model.parameters.keys()) - compiled(model)


def _generate_and_compile(structure, precision, kernel, folder, jobs):
    staging = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f"{folder.name}.building-"))
    objects = folder.parent.parent / "objects"
    try:
        with ThreadPoolExecutor(1) as pool, standalone_device(precision) as device:
            pool.submit(precompile, get_compiler_and_args()[1], objects)  # while Python generates the sources
            assembly = Assembly(structure, kernel)
            device.prepare(assembly.is_probe, assembly.every)
            assembly.net.run(structure.dt, namespace={})
            device.build(directory=str(staging), compile=False, run=False)
            flags = device.compiler_flags, device.linker_flags
            manifest = _manifest(device, assembly, structure)
            sources = sorted(device.writer.source_files)
        compile_program(staging, sources, *flags, objects, jobs)
        write_manifest(staging, manifest)
        shutil.rmtree(folder, ignore_errors=True)
        staging.rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _manifest(device, assembly, structure):
    arrays = device.state_arrays(assembly.net)
    dtypes = {state_device.RANDOM: "<u8"} | {name: np.dtype(var.dtype).str for name, var in arrays.items()}
    dtypes |= {name: "<i4" for name in device.spike_queues(assembly.net)}
    found = device.records(assembly.net)
    records = {name: np.dtype(var.dtype).str for name, var in found.items()}
    columns = {
        k: v.owner.n_indices if v.ndim == 2 else 1 for k, v in found.items() if isinstance(v.owner, StateMonitor)
    }
    return {"dt": float(structure.dt / second), "arrays": dtypes, "records": records, "columns": columns}


@contextmanager
def standalone_device(precision: str) -> Iterator[state_device.StateDevice]:
    """Activate the standalone device, and leave Brian2 as it was."""
    with own_preferences(precision), no_collection(), names_of_its_own():
        device = set_device(state_device.NAME, build_on_run=False) or get_device()
        device.reinit()
        device.activate(build_on_run=False)
        try:
            yield device
        finally:
            device.reinit()
            reset_device()
