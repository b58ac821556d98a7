"""Local worker processes: one that dies takes only its own call; none outlives the process that made it."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import wait
from pathlib import Path

import pytest

from superspike_brian.sweeps.pool import LocalPool, WorkerDiedError


@pytest.fixture
def pool():
    with LocalPool(1) as made:
        yield made


def test_results_and_exceptions_come_back(pool):
    assert pool.submit(divmod, 7, 2).result() == (3, 1)
    with pytest.raises(ZeroDivisionError):
        pool.submit(divmod, 7, 0).result()
    assert pool.submit(os.getpid).result() != os.getpid()


def test_each_process_has_one_thread_unless_told_otherwise(pool, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert pool.submit(os.getenv, "OMP_NUM_THREADS").result() == "1"
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    with LocalPool(1) as another:
        assert another.submit(os.getenv, "OMP_NUM_THREADS").result() == "3"


def test_a_killed_process_fails_its_own_call_and_the_next_gets_a_new_one(pool):
    first, fatal, after = pool.submit(os.getpid), pool.submit(os.abort), pool.submit(os.getpid)
    with pytest.raises(WorkerDiedError, match="killed by signal 6"):
        fatal.result()
    assert first.result() != after.result()


def test_no_more_processes_than_asked_for():
    with LocalPool(2) as pool:
        futures = [pool.submit(os.getpid) for _ in range(20)]
        assert 1 <= len({f.result() for f in futures}) <= 2


def test_shutdown_interrupts_what_runs():
    pool = LocalPool(1)
    pid = pool.submit(os.getpid).result()
    sleeping, waiting = pool.submit(time.sleep, 600), pool.submit(os.getpid)
    pool.shutdown(cancel_futures=True)  # returns
    assert isinstance(sleeping.exception() if not sleeping.cancelled() else WorkerDiedError(), WorkerDiedError)
    assert waiting.cancelled()
    assert not _alive(pid)


def test_processes_end_with_the_one_that_made_them():
    code = (
        "import os, time; from superspike_brian.sweeps.pool import LocalPool\n"
        "pool = LocalPool(1); print(pool.submit(os.getpid).result(), flush=True)\n"
        "pool.submit(time.sleep, 600); time.sleep(0.5); os.kill(os.getpid(), 9)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.returncode == -9
    worker = int(found.stdout)
    for _ in range(100):
        if not _alive(worker):
            break
        time.sleep(0.1)
    else:
        pytest.fail("the worker process lives on")


def _alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_processes_end_also_where_interrupts_are_ignored():
    code = (
        "import os, signal, time; from superspike_brian.sweeps.pool import LocalPool\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "pool = LocalPool(1); pool.submit(os.getpid).result(); pool.submit(time.sleep, 600)\n"
        "pool.shutdown(cancel_futures=True); print('done')"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120).stdout == "done\n"


def test_many_calls_on_two_processes():
    with LocalPool(2) as pool:
        futures = [pool.submit(divmod, k, 7) for k in range(200)]
        assert not wait(futures).not_done
        assert [f.result() for f in futures] == [divmod(k, 7) for k in range(200)]


# what cannot cross from process to process

CALLS = """
import sys
import threading


class TwoArguments(Exception):
    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


class Holding(Exception):
    def __init__(self, message):
        super().__init__(message)
        self.lock = threading.Lock()


class Lying(Exception):
    def __reduce__(self):
        return str, ("something else",)


class Speechless(Exception):
    def __str__(self):
        raise RuntimeError("no words")


def two_arguments():
    raise TwoArguments(1, 2)


def holding():
    raise Holding("a lock")


def lying():
    raise Lying("the truth")


def speechless():
    raise Speechless


def plain():
    raise FileNotFoundError(2, "No such file", "x.ras")


def leave():
    sys.exit(3)


def lock():
    return threading.Lock()


def good():
    return 7
"""


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    """Functions that processes can import."""
    folder = tmp_path_factory.mktemp("calls")
    (folder / "odd_calls.py").write_text(CALLS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder))
        patch.syspath_prepend(folder)
        import odd_calls

        yield odd_calls
    del sys.modules["odd_calls"]


@pytest.fixture(scope="module")
def shared(calls):
    """A pool of one process that knows them."""
    with LocalPool(1) as made:
        yield made


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("two_arguments", "TwoArguments", "1 and 2"),
        ("holding", "Holding", "a lock"),
        ("lying", "Lying", "the truth"),
        ("speechless", "Speechless", "no words"),
        ("plain", "FileNotFoundError", "x.ras"),
        ("leave", "SystemExit", "3"),
        ("lock", "TypeError", "the answer, lock, cannot go to another process: cannot pickle"),
    ],
)
def test_what_goes_wrong_keeps_its_kind_and_its_words(calls, shared, name, kind, message):
    first = shared.submit(os.getpid).result()
    error = shared.submit(getattr(calls, name)).exception(timeout=60)
    assert type(error).__name__ == kind and message in str(error)
    assert shared.submit(calls.good).result() == 7 and shared.submit(os.getpid).result() == first


def test_calls_that_cannot_be_sent_fail_alone(calls, shared):
    assert "pickle" in str(shared.submit(lambda: 1).exception(timeout=60))
    assert "pickle" in str(shared.submit(print, sys.stdout).exception(timeout=60))
    assert shared.submit(calls.good).result() == 7


def test_calls_that_are_not_there_fail_alone(calls, pool, monkeypatch):
    monkeypatch.delenv("PYTHONPATH")  # the process does not know where to look
    assert type(pool.submit(calls.good).exception(timeout=60)) is ModuleNotFoundError
    assert pool.submit(divmod, 7, 2).result() == (3, 1)


def test_only_a_kill_is_put_down_to_memory(pool):
    for number, guess in ((signal.SIGKILL, True), (signal.SIGSEGV, False)):
        process = pool.submit(os.getpid).result()
        error = pool.submit(os.kill, process, number).exception(timeout=60)
        assert f"killed by signal {number.value}" in str(error) and ("memory" in str(error)) == guess


def test_a_call_that_heeds_no_interrupt_ends_too(tmp_path, monkeypatch):
    (tmp_path / "stubborn.py").write_text(
        "import os, time\n"
        "def stay():\n"
        "    print(os.getpid(), flush=True)\n"
        "    while True:\n"
        "        try:\n"
        "            time.sleep(60)\n"
        "        except KeyboardInterrupt:\n"
        "            pass\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    code = (
        "import os, time; from superspike_brian import pool; from stubborn import stay\n"
        "pool._COMMAND = 'from superspike_brian import pool; pool.GRACE = 0.5; pool.serve({})'\n"
        "made = pool.LocalPool(1); made.submit(stay); time.sleep(6); os.kill(os.getpid(), 9)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    worker = int(found.stdout)
    for _ in range(100):
        if not _alive(worker):
            return
        time.sleep(0.1)
    os.kill(worker, signal.SIGKILL)
    pytest.fail("the worker process lives on")
