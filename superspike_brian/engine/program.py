"""Brian2 objects become one compiled program, which runs again and again from any state.

A *state* is a dict of ``object.variable`` to array, in SI units: membrane potentials, traces, weights, learning rates, the
input pattern, and the spikes in flight on their axons. `Program.run` takes a state and returns the next one, so that a run
in blocks gives the same bits as a run in one piece, if they end on multiples of 125 steps (see `superspike_brian.runs.loop`).
Seeds, learning rates, regulariser, steepness, patterns and initial weights are entries of the state: they never recompile
anything.
"""

import itertools
import subprocess
import threading
from collections import deque
from collections.abc import Generator
from contextlib import closing, suppress
from io import BufferedReader
from pathlib import Path
from queue import SimpleQueue
from typing import Any, cast

import numpy as np

from ..errors import UserError
from ..values.hints import Progress, State
from .manifest import read_manifest
from .pipe import Errors, read_record, write_record
from .runner import Ended, Plan, Probed

AHEAD = 2  # blocks that a program is given beyond the one it is in


class SimulationError(UserError):
    """The compiled program stopped; the message says why."""


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
        self, state: State, start: int, n_steps: int, probe: Probed = False, progress: Progress | None = None
    ) -> Ended:
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
            Called with the completed fraction, a few times per second.

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
        self, start: int, plan: Plan, probe: Probed = False, progress: Progress | None = None
    ) -> Generator[Ended, None, None]:
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


def windows_within(probe: Probed, start: int, stop: int) -> list[tuple[int, int]]:
    """The steps of a block that lie in probe windows (see `Program.run`): first and the one after the last, in order."""
    windows = [(start, stop)] * probe if isinstance(probe, bool) else sorted(probe)
    found: list[tuple[int, int]] = []
    for a, b in ((max(a, start), min(b, stop)) for a, b in windows if a < stop and b > start):
        if found and a <= found[-1][1]:  # they overlap: record once
            found[-1] = found[-1][0], max(b, found[-1][1])
        else:
            found.append((a, b))
    return found
