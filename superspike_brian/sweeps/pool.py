"""Local processes that do one call after another; one that is killed takes nothing but its own call with it.

Why not a library (tried in November 2026 with calls that kill their process, and with a main process that is killed):
loky 3.7 fails every call when one process dies; pebble 5.2 does not, but its processes import the user's main program again
(spawn, forkserver) or copy one with threads in it (fork); pebble on loky's processes does neither, but ends a running call
without the interrupt at which a run says where it stopped, and stands on an interface that loky calls its backend.
"""

import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from typing import Any

_COMMAND = """
from superspike_brian.lean import quick_start
with quick_start():
    from superspike_brian.console.streams import Messages
    from superspike_brian.sweeps.pool import serve
    import superspike_brian.sweeps.jobs
Messages.install()
serve({})
"""
GRACE = 10.0  # seconds that a process has to end


class WorkerDiedError(RuntimeError):
    """A worker process ended in the middle of a call."""


class RemoteError(RuntimeError):
    """An exception that cannot cross to another process; a subclass has its name, the message is its own."""


class LocalPool(ThreadPoolExecutor):
    """An executor of `workers` processes, each with one thread unless ``OMP_NUM_THREADS`` says otherwise.

    Other than in a `concurrent.futures.ProcessPoolExecutor`, a process that is killed (by a system out of memory, say) does
    not end the others: its call fails, and the next one gets a new process. Processes end with the one that made them,
    however that ends, and they do not import the user's main program.

    Parameters
    ----------
    workers : int
        Processes at a time.
    """

    def __init__(self, workers: int) -> None:
        super().__init__(workers)
        self._mine = threading.local()
        self._processes: list[tuple[subprocess.Popen[bytes], Connection]] = []

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call a function that can be imported, in a process."""
        return super().submit(self._call, function, args, kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes; calls in them are interrupted if `cancel_futures`, else waited for."""
        super().shutdown(wait=not cancel_futures, cancel_futures=cancel_futures)
        for process, _ in self._processes:
            process.send_signal(signal.SIGINT)
        super().shutdown(wait=wait)
        for process, pipe in self._processes:
            pipe.close()
            process.wait()

    def _call(self, function, args, kwargs):
        call = pickle.dumps((function, args, kwargs))
        if not hasattr(self._mine, "worker"):
            self._mine.worker = self._start()
        process, pipe = self._mine.worker
        try:
            pipe.send_bytes(call)
            answer = pipe.recv_bytes()
        except (EOFError, OSError):
            del self._mine.worker
            raise WorkerDiedError(
                f"its process {_end(process)}; what it had saved is intact, the same sweep again goes on from there"
            ) from None
        good, value = pickle.loads(answer)
        if good:
            return value
        if isinstance(value, tuple):
            name, message = value
            raise type(name, (RemoteError,), {})(message)
        raise value

    def _start(self):
        here, there = Pipe()
        number = there.fileno()
        process = subprocess.Popen(
            [sys.executable, "-c", _COMMAND.format(number)],
            pass_fds=[number],
            env={"OMP_NUM_THREADS": "1", **os.environ},
            start_new_session=True,  # Ctrl-C reaches the main process alone, which then ends this one
        )
        there.close()
        self._processes.append((process, here))
        return process, here


def _end(process):
    """Say how a process ended that no longer answers."""
    try:
        code = process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return "no longer answered"
    if code < 0:
        return f"was killed by signal {-code}" + (" (out of memory?)" if -code == signal.SIGKILL else "")
    return f"ended with code {code}"


def serve(number: int) -> None:
    """What a worker process does: calls that arrive at a file descriptor, until its other end is closed."""
    # a shell that starts jobs in the background has it ignored
    signal.signal(signal.SIGINT, signal.default_int_handler)
    pipe = Connection(number)
    calls: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def listen():
        try:
            while True:
                calls.put(pipe.recv_bytes())
        except (EOFError, OSError):  # the main process has gone, perhaps in the middle of a call
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(GRACE)
            os._exit(1)  # the call does not heed interrupts

    threading.Thread(target=listen, daemon=True).start()
    try:
        while True:
            pipe.send_bytes(_answer(calls.get()))
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # one is enough


def _answer(call):
    """Do a call; return whether it succeeded, and its value or exception, as bytes."""
    try:
        function, args, kwargs = pickle.loads(call)
        value = function(*args, **kwargs)
    except (Exception, SystemExit) as error:
        return _exception(error)
    try:
        return pickle.dumps((True, value))
    except Exception as error:
        return _exception(TypeError(f"the answer, {type(value).__name__}, cannot go to another process: {error}"))


def _exception(error):
    """An exception as bytes; its name and message if it cannot be packed, or not unpacked."""
    name = type(error).__name__
    try:
        message = str(error)
    except Exception as fault:
        return pickle.dumps((False, (name, f"without a message, because {type(fault).__name__}: {fault}")))
    with suppress(Exception):  # whatever an exception of somebody else does when it is packed
        packed = pickle.dumps((False, error))
        if type(pickle.loads(packed)[1]) is type(error):
            return packed
    return pickle.dumps((False, (name, message)))
