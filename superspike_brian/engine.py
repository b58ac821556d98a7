"""Brian2 objects become one compiled program, which runs again and again from any state.

A *state* is a dict of ``object.variable`` to array, in SI units: membrane potentials, traces, weights, learning rates, the
input pattern, and the spikes in flight on their axons. `Program.run` takes a state and returns the next one, so that a run
in blocks gives the same bits as a run in one piece, if they end on multiples of 125 steps (see `superspike_brian.training`).
Seeds, learning rates, regulariser, steepness, patterns and initial weights are entries of the state: they never recompile
anything.
"""

import gc
import hashlib
import json
import os
import shutil
import struct
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import brian2
import numpy as np
from brian2 import prefs, second, set_device
from brian2.codegen.cpp_prefs import get_compiler_and_args
from brian2.devices.device import reset_device
from brian2.utils.stringtools import get_identifiers
from filelock import FileLock

from .build import compile_program, default_build_dir, precompile
from .codegen import device as state_device
from .network import Assembly
from .serialize import quantity_to_json

PRECISIONS = {"single": np.float32, "double": np.float64}


class SimulationError(RuntimeError):
    """The compiled program stopped; the message says why."""


class Program:
    """A compiled network.

    Attributes
    ----------
    folder : Path
        Generated code, ``main`` and ``manifest.json``.
    manifest : dict
        ``dt``, ``arrays`` and ``records`` with their dtypes, ``files`` with their sizes.
    build_seconds : float
        What building took; near 0 when the program was there.
    """

    def __init__(self, folder, build_seconds=0.0):
        self.folder, self.build_seconds = Path(folder), build_seconds
        self.manifest = json.loads((self.folder / "manifest.json").read_text())

    def run(self, state, start, n_steps, probe=False, progress=None):
        """Continue from `state` at step `start` for `n_steps` steps.

        Parameters
        ----------
        state : dict of str to ndarray
            Any subset of the arrays; what is missing starts as the model says.
        start, n_steps : int
            Time steps.
        probe : bool
            Record everything that the monitors watch.
        progress : callable, optional
            Called with the completed fraction, a few times a second.

        Returns
        -------
        state : dict of str to ndarray
            The whole state after the last step.
        records : dict of str to ndarray
            What the monitors recorded; times in seconds.

        Raises
        ------
        SimulationError
            If the program fails or is killed.
        """
        dt = self.manifest["dt"]
        known = self.manifest["arrays"]
        unknown = state.keys() - known.keys()
        if unknown:
            raise KeyError(f"the program has no array {sorted(unknown)}; it has {sorted(known)}")
        duration = (start + n_steps) * dt - start * dt
        arguments = [repr(start * dt), repr(duration), "1" if probe else "0"]
        try:
            with _nameless_file() as before, _nameless_file() as after:
                write_archive(before, {k: np.asarray(v, known[k]) for k, v in state.items()})
                files = before.fileno(), after.fileno()
                self._call(["./main", *(f"/dev/fd/{f}" for f in files), *arguments], files, progress)
                arrays = read_archive(after)
        except OSError as error:
            raise SimulationError(
                f"cannot run {self.folder / 'main'}: {error} (is the disk of $TMPDIR full?)"
            ) from error
        state = {k: arrays.pop(k).view(dtype) for k, dtype in known.items()}
        records = {k: arrays.pop(k).view(dtype) for k, dtype in self.manifest["records"].items()}
        return state, records

    def _call(self, command, files, progress):
        if not is_complete(self.folder):  # it would run without its connectivity
            raise SimulationError(
                f"the program {self.folder} is gone or incomplete: `superspike resume` builds it again and goes on"
            )
        # a group of its own: Ctrl-C reaches Python alone, which then ends the program
        pipes = {
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "text": True,
            "start_new_session": True,
            "pass_fds": files,
        }
        pipes["cwd"] = self.folder  # the program reads its connectivity from there
        with subprocess.Popen(command, **pipes) as process:
            try:
                for line in process.stdout:
                    if progress:
                        progress(float(line))
                error = process.stderr.read()
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            why = f"was killed by signal {-process.returncode}" if process.returncode < 0 else error.strip()
            raise SimulationError(f"the simulation {self.folder / 'main'} stopped: {why}")


def build(structure, precision="double", build_dir=None, jobs=None, kernel="auto"):
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
    kernel : {'auto', 'stock', 'dense', 'blocked', 'gemm', 'events'}
        How plastic synapses are integrated: see `superspike_brian.codegen.kernels`.

    Returns
    -------
    Program

    Raises
    ------
    BuildError
        If there is no compiler or it fails.
    """
    began = time.perf_counter()
    root = Path(build_dir) if build_dir else default_build_dir()
    folder = root.absolute() / "programs" / structure_key(structure, precision, kernel)
    if not is_complete(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):  # a second process waits, then finds the program
            for abandoned in folder.parent.glob(f"{folder.name}.building-*"):  # by a process that was killed
                shutil.rmtree(abandoned, ignore_errors=True)
            if not is_complete(folder):
                _generate_and_compile(structure, precision, kernel, folder, jobs or os.cpu_count() or 1)
    return Program(folder, time.perf_counter() - began)


def is_complete(folder):
    """Whether all that a program reads is in its folder; cleaners of cache folders remove single files."""
    try:
        files = json.loads((folder / "manifest.json").read_text())["files"]
        return all((folder / name).stat().st_size == size for name, size in files.items())
    except (OSError, ValueError):
        return False


def structure_key(structure, precision, kernel="auto"):
    """Hash of everything that the generated code depends on."""
    model = {kind: dict(component.strings) for kind, component in structure.model.components.items()}
    inputs = run_time_parameters(structure.model)
    used = {name for strings in model.values() for code in strings.values() for name in get_identifiers(code)}
    constants = {k: quantity_to_json(v)[:2] for k, v in structure.model.parameters.items() if k in used - inputs}
    what = [model, constants, structure.sizes, structure.hidden_learning, float(structure.dt), precision, kernel]
    what += [brian2.__version__, np.__version__, _own_sources(), prefs["codegen.cpp.extra_compile_args_gcc"]]
    return hashlib.sha256(json.dumps(what, sort_keys=True, default=str).encode()).hexdigest()[:20]


@lru_cache
def _own_sources():
    """Hash of the files of this package that decide what is generated."""
    here = Path(__file__).parent
    files = [
        here / "network.py",
        here / "engine.py",
        *sorted((here / "codegen").rglob("*")),
    ]
    content = [f.read_bytes() for f in files if f.suffix in (".py", ".h", ".cpp")]
    return hashlib.sha256(b"".join(content)).hexdigest()


def run_time_parameters(model):
    """Names of the parameters that the equations declare as ``(shared, constant)``: inputs of the program."""
    equations = [model.layer_equations(output=o) for o in (True, False)]
    equations.append(model.synapse_equations(model.regularizer))
    declared = {e.varname for group in equations for e in group.values() if "shared" in e.flags}
    return declared & model.parameters.keys()


def _generate_and_compile(structure, precision, kernel, folder, jobs):
    staging = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f"{folder.name}.building-"))
    objects = folder.parent.parent / "objects"
    try:
        with ThreadPoolExecutor(1) as pool, standalone_device(precision) as device:
            pool.submit(precompile, get_compiler_and_args()[1], objects)  # while Python generates the sources
            assembly = Assembly(structure, kernel)
            device.prepare(assembly.is_probe)
            assembly.net.run(structure.dt, namespace={})
            device.build(directory=str(staging), compile=False, run=False)
            flags = device.compiler_flags, device.linker_flags
            manifest = _manifest(device, assembly, structure)
            sources = sorted(device.writer.source_files)
        compile_program(staging, sources, *flags, objects, jobs)
        needed = (staging / "main", *(staging / "static_arrays").iterdir())
        manifest["files"] = {str(f.relative_to(staging)): f.stat().st_size for f in needed}
        (staging / "manifest.json").write_text(json.dumps(manifest, indent=1))
        shutil.rmtree(folder, ignore_errors=True)
        staging.rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _manifest(device, assembly, structure):
    arrays = device.state_arrays(assembly.net)
    dtypes = {name: np.dtype(var.dtype).str for name, var in arrays.items()}
    dtypes |= {name: "<i4" for name in device.spike_queues(assembly.net)}
    records = {name: np.dtype(var.dtype).str for name, var in device.records(assembly.net).items()}
    return {"dt": float(structure.dt / second), "arrays": dtypes, "records": records}


@contextmanager
def standalone_device(precision):
    """Activate the standalone device, and leave Brian2 as it was."""
    gc.collect()  # Brian2 numbers its names past those of objects that are gone but not collected
    saved = prefs.core.default_float_dtype
    device = set_device(state_device.NAME, build_on_run=False) or brian2.get_device()
    device.reinit()
    device.activate(build_on_run=False)
    try:
        prefs.core.default_float_dtype = PRECISIONS[precision]
        yield device
    finally:
        prefs.core.default_float_dtype = saved
        device.reinit()
        reset_device()


def _nameless_file():
    """A file that is gone with its last user, whoever is killed: in memory where the system has such files."""
    if hasattr(os, "memfd_create"):
        return open(os.memfd_create("superspike"), "w+b")
    return tempfile.TemporaryFile()


def write_archive(file, arrays):
    """Write a state for the program to an open file (format: ``codegen/superspike.h``)."""
    for name, array in arrays.items():
        data = np.ascontiguousarray(array)
        file.write(struct.pack("<I", len(name)) + name.encode() + struct.pack("<Q", data.nbytes))
        file.write(data.data)
    file.flush()
    file.seek(0)


def read_archive(file):
    """Read what the program wrote to an open file: dict of name to array of bytes."""
    file.seek(0)
    arrays = {}
    while head := file.read(4):
        name = file.read(struct.unpack("<I", head)[0]).decode()
        arrays[name] = np.fromfile(file, np.uint8, struct.unpack("<Q", file.read(8))[0])
    return arrays
