"""Local processes that do one call after another; one that is killed takes nothing but its own call with it."""

import os
import queue
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection, Pipe

_COMMAND = "from superspike_brian.pool import serve; serve({})"


class WorkerDiedError(RuntimeError):
    """A worker process ended in the middle of a call."""


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

    def __init__(self, workers):
        super().__init__(workers)
        self._mine = threading.local()
        self._processes = []

    def submit(self, function, /, *args, **kwargs):
        """Call a function that can be imported, in a process."""
        return super().submit(self._call, function, args, kwargs)

    def shutdown(self, wait=True, *, cancel_futures=False):
        """End the processes; calls in them are interrupted if `cancel_futures`, else waited for."""
        super().shutdown(wait=not cancel_futures, cancel_futures=cancel_futures)
        for process, _ in self._processes:
            process.send_signal(signal.SIGINT)
        super().shutdown(wait=wait)
        for process, pipe in self._processes:
            pipe.close()
            process.wait()

    def _call(self, function, args, kwargs):
        if not hasattr(self._mine, "worker"):
            self._mine.worker = self._start()
        process, pipe = self._mine.worker
        try:
            pipe.send((function, args, kwargs))
            good, value = pipe.recv()
        except (EOFError, OSError):
            del self._mine.worker
            code = process.wait()
            how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
            raise WorkerDiedError(
                f"its process {how} (out of memory?); what it had saved is intact, the same sweep again goes on from there"
            ) from None
        if good:
            return value
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


def serve(number):
    """What a worker process does: calls that arrive at a file descriptor, until its other end is closed."""
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a shell that starts jobs in the background has it ignored
    pipe, calls = Connection(number), queue.SimpleQueue()

    def listen():
        try:
            while True:
                calls.put(pipe.recv())
        except (EOFError, OSError):  # the main process has gone, perhaps in the middle of a call
            os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=listen, daemon=True).start()
    try:
        while True:
            function, args, kwargs = calls.get()
            try:
                answer = True, function(*args, **kwargs)
            except Exception as error:
                answer = False, error
            pipe.send(answer)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # one is enough
