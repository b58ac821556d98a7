"""Brian2 objects become one compiled program, which runs again and again from any state.

A *state* is a dict of ``object.variable`` to array, in SI units: membrane potentials, traces, weights, learning rates, the
input pattern, and the spikes in flight on their axons. `Program.run` takes a state and returns the next one, so that a run
in blocks gives the same bits as a run in one piece, if they end on multiples of 125 steps (see `superspike_brian.runs.loop`).
Seeds, learning rates, regulariser, steepness, patterns and initial weights are entries of the state: they never recompile
anything.
"""

import gc
import hashlib
import itertools
import json
import logging
import os
import shutil
import struct
import subprocess
import tempfile
import threading
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from functools import lru_cache
from io import BufferedReader
from pathlib import Path
from queue import SimpleQueue
from typing import Any, BinaryIO, cast

import numpy as np
from brian2 import StateMonitor, get_device, prefs, second, set_device

from ..codegen import device as state_device
from ..codegen.brian2_api import VERSION, get_compiler_and_args, get_identifiers, reset_device
from ..errors import UserError
from ..files.locks import Lock
from ..models import Model
from ..models.checks import compiled
from ..network.assembly import Assembly, Structure
from ..values.as_json import quantity_to_json
from ..values.hints import Array, Progress, State
from .compiler import BuildError, compile_program, default_build_dir, file_hash, identity, precompile
from .preferences import own_preferences

logger = logging.getLogger(__name__)
AHEAD = 2  # blocks that a program is given beyond the one it is in


class SimulationError(UserError):
    """The compiled program stopped; the message says why."""


class Errors(threading.Thread):
    """Reads what a program writes to stderr, so that a full pipe does not block it, and keeps the end of it."""

    KEPT = 3000  # bytes

    def __init__(self, stream: BufferedReader) -> None:
        super().__init__(daemon=True)
        self.stream, self.tail = stream, b""
        self.start()

    def run(self) -> None:
        """Read until the program ends."""
        while chunk := self.stream.read1(1 << 16):
            self.tail = (self.tail + chunk)[-self.KEPT :]

    def text(self) -> str:
        """Return the end of all that was written, once the program has ended."""
        self.join()
        return self.tail.decode(errors="replace").strip()


class Program:
    """A compiled network.

    Attributes
    ----------
    folder : Path
        Generated code, ``main`` and ``manifest.json``.
    manifest : dict
        ``dt``, ``arrays`` and ``records`` with their dtypes, ``files`` with the hash of what is in them.
    build_seconds : float
        What building took; near 0 when the program was there.
    threads : int
        Threads of a run. They change no bit of its result.
    eager : bool
        Whether threads serve even layers for which it does not pay (to measure, to test).
    peak_memory : int
        Largest resident memory of the last run (bytes); 0 before a run, and where the system does not tell.
    """

    def __init__(self, folder: Path | str, build_seconds: float = 0.0, threads: int = 1) -> None:
        self.folder, self.build_seconds, self.threads = Path(folder), build_seconds, threads
        self.eager, self.peak_memory = False, 0
        self.manifest = self._read()

    def _read(self) -> dict[str, Any]:
        """Return the manifest of the folder; it would run without its connectivity, or as something else."""
        if (manifest := read_manifest(self.folder)) is None:
            raise SimulationError(
                f"the program {self.folder} is gone or incomplete: `superspike resume` builds it again and goes on"
            )
        return manifest

    def run(
        self,
        state: State,
        start: int,
        n_steps: int,
        probe: bool | Sequence[tuple[int, int]] = False,
        progress: Progress | None = None,
    ) -> tuple[State, State]:
        """Continue from `state` at step `start` for `n_steps` steps.

        Parameters
        ----------
        state : dict of str to ndarray
            Any subset of the arrays; what is missing starts as the model says.
        start, n_steps : int
            Time steps.
        probe : bool or sequence of (int, int)
            Record everything that the monitors watch: throughout, or from a step until before another, several times.
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
        with closing(self.blocks(start, [(n_steps, state)], probe, progress)) as blocks:
            return next(blocks)

    def blocks(
        self,
        start: int,
        plan: Iterable[tuple[int, State]],
        probe: bool | Sequence[tuple[int, int]] = False,
        progress: Progress | None = None,
    ) -> Generator[tuple[State, State], None, None]:
        """Run block after block; each goes on from the state in which the one before ended, without waiting for its reader.

        Parameters
        ----------
        start : int
            First time step.
        plan : iterable of (int, dict of str to ndarray)
            Time steps of each block, and the arrays that change at its start; the first block's are the state to start from.
            A block is drawn when the program is to have it: `AHEAD` blocks early.
        probe, progress
            As for `run`; the completed fraction is that of a block.

        Yields
        ------
        state, records
            After each block, as `run` returns them.
        """
        self._read()
        known, plan = self.manifest["arrays"], iter(plan)
        lengths: deque[int] = deque()
        sent: SimpleQueue[tuple[int, State] | None] = SimpleQueue()

        def send(n):
            for n_steps, changes in itertools.islice(plan, n):
                if unknown := changes.keys() - known.keys():
                    raise KeyError(f"the program has no array {sorted(unknown)}; it has {sorted(known)}")
                lengths.append(n_steps)
                sent.put((n_steps, changes))

        send(1)
        if not lengths:
            return
        command, pipe = ["./main", str(self.threads), str(int(self.eager))], subprocess.PIPE
        # a group of its own: Ctrl-C reaches Python alone, which then ends the program; it reads its connectivity from `cwd`
        options: dict[str, Any] = {
            "stdin": pipe,
            "stdout": pipe,
            "stderr": pipe,
            "start_new_session": True,
            "cwd": self.folder,
        }
        try:
            process = subprocess.Popen(command, **options)
        except OSError as error:
            raise SimulationError(f"cannot run {self.folder / 'main'}: {error}") from error
        with process:
            feeder = threading.Thread(target=self._feed, args=(process.stdin, start, sent, probe), daemon=True)
            errors = Errors(cast(BufferedReader, process.stderr))
            feeder.start()
            try:
                while lengths:
                    send(1 + AHEAD - len(lengths))  # it is in the next block while the caller has this one
                    probed = sum(b - a for a, b in windows_within(probe, start, start + lengths[0]))
                    yield self._receive(process, errors, progress, probed)
                    start += lengths.popleft()
            finally:
                sent.put(None)
                process.kill()
                feeder.join()
                errors.join()

    def _feed(self, stream, start, sent, probe):
        known = self.manifest["arrays"]
        with suppress(BrokenPipeError), stream:  # the reader of its output says why it ended
            for n_steps, changes in iter(sent.get, None):
                edges = [edge for window in windows_within(probe, start, start + n_steps) for edge in window]
                write_record(stream, "block", np.array([start, n_steps, *edges], np.int64))
                for name in known:
                    if name in changes:
                        write_record(stream, name, np.asarray(changes[name], known[name]))
                write_record(stream, "run", np.empty(0))
                stream.flush()
                start += n_steps

    def _receive(self, process, errors, progress, n_probed):
        dtypes = self.manifest["arrays"] | self.manifest["records"]
        columns = self.manifest["columns"]  # what state monitors recorded in `n_probed` steps comes in pieces
        places = {name: np.empty(n * n_probed, dtypes[name]) for name, n in columns.items()}
        free = {name: place.view(np.uint8) for name, place in places.items()}
        arrays: State = {}
        while (record := read_record(process.stdout, free)) is not None:
            name, data = record
            if name == "end":
                arrays |= places
                return arrays, {k: arrays.pop(k) for k in self.manifest["records"]}
            if name == "peak_memory":
                self.peak_memory = int(data.view(np.uint64)[0])
            elif name in free:
                free[name] = free[name][data.size :]
            elif name != "progress":
                arrays[name] = data.view(dtypes[name])
            elif progress:
                progress(float(data.view(np.float64)[0]))
        code, message = process.wait(), errors.text()
        why = f"was killed by signal {-code}" if code < 0 else message or f"ended with code {code}"
        raise SimulationError(f"the simulation {self.folder / 'main'} stopped: {why}")


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
        Threads of a run of the program, one beside the main one a layer of plastic synapses at most. Layers too small to gain
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


def is_complete(folder: Path) -> bool:
    """Whether all that a program reads is in its folder as it was built."""
    return read_manifest(folder) is not None


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Return what `write_manifest` wrote, or None if it or any file that it names is missing or damaged.

    Cleaners of cache folders remove single files, and full disks and crashes leave halves.
    """
    try:
        stored = json.loads((folder / "manifest.json").read_bytes())
        manifest = stored["manifest"]
        if stored["hash"] != _hash_of(manifest) or not os.access(folder / "main", os.X_OK):
            return None
        return manifest if all(file_hash(folder / n) == h for n, h in manifest["files"].items()) else None
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Seal a program's folder: everything that it reads when it runs is part of the manifest."""
    needed = (folder / "main", *sorted((folder / "static_arrays").iterdir()))
    manifest = manifest | {"files": {str(f.relative_to(folder)): file_hash(f) for f in needed}}
    stored = {"hash": _hash_of(manifest), "manifest": manifest}
    (folder / "manifest.json").write_text(json.dumps(stored, indent=1))


def _hash_of(manifest):
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


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
    model = {kind: dict(component.strings) for kind, component in structure.model.components.items()}
    inputs = run_time_parameters(structure.model)
    used = {name for strings in model.values() for code in strings.values() for name in get_identifiers(code)}
    constants = {k: quantity_to_json(v)[:2] for k, v in structure.model.parameters.items() if k in used - inputs}
    what = [model, constants, structure.sizes, structure.hidden_learning, float(structure.dt), precision, kernel]
    what += [structure.probe_units, structure.probe_synapses, structure.probe_variables]
    what += [VERSION, np.__version__, _own_sources(), prefs["codegen.cpp.extra_compile_args_gcc"]]
    return hashlib.sha256(json.dumps(what, sort_keys=True, default=str).encode()).hexdigest()[:20]


@lru_cache
def _own_sources():
    """Hash of the files of this package that decide what is generated."""
    package = Path(__file__).parents[1]
    files = [
        package / "network" / "assembly.py",
        package / "network" / "probes.py",
        package / "engine" / "program.py",
        package / "engine" / "preferences.py",
        *sorted((package / "codegen").rglob("*")),
    ]
    content = [f.read_bytes() for f in files if f.suffix in (".py", ".h", ".cpp")]
    return hashlib.sha256(b"".join(content)).hexdigest()


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
            device.prepare(assembly.is_probe)
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
    gc.collect()  # Brian2 numbers its names past those of objects that are gone but not collected
    with own_preferences(precision):
        device = set_device(state_device.NAME, build_on_run=False) or get_device()
        device.reinit()
        device.activate(build_on_run=False)
        try:
            yield device
        finally:
            device.reinit()
            reset_device()


def windows_within(probe: bool | Sequence[tuple[int, int]], start: int, stop: int) -> list[tuple[int, int]]:
    """The steps of a block that lie in probe windows (see `Program.run`): first and the one after the last, in order."""
    windows = [(start, stop)] * probe if isinstance(probe, bool) else sorted(probe)
    found: list[tuple[int, int]] = []
    for a, b in ((max(a, start), min(b, stop)) for a, b in windows if a < stop and b > start):
        if found and a <= found[-1][1]:  # they overlap: record once
            found[-1] = found[-1][0], max(b, found[-1][1])
        else:
            found.append((a, b))
    return found


def write_record(stream: BinaryIO, name: str, array: Array) -> None:
    """Write an array to a program (format: ``codegen/superspike.h``)."""
    data = np.ascontiguousarray(array)
    stream.write(struct.pack("<I", len(name)) + name.encode() + struct.pack("<Q", data.nbytes))
    stream.write(data.data)


def read_record(stream: BufferedReader, places: Mapping[str, Array] | None = None) -> tuple[str, Array] | None:
    """Read what a program wrote: name and bytes, in `places` by name if there is one; None where its output ends."""
    head = stream.read(4)
    name = stream.read(struct.unpack("<I", head)[0]) if len(head) == 4 else b""
    size = stream.read(8)
    if len(size) < 8:
        return None
    text, n = name.decode(), struct.unpack("<Q", size)[0]
    data = places[text][:n] if places and text in places else np.empty(n, np.uint8)
    return (text, data) if n == data.size and stream.readinto(data.data) == n else None
