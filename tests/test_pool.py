"""Local worker processes: one that dies takes only its own call; none outlives the process that made it."""

import os
import subprocess
import sys
import time
from concurrent.futures import wait
from pathlib import Path

import pytest

from superspike_brian.pool import LocalPool, WorkerDiedError


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
        "import os, time; from superspike_brian.pool import LocalPool\n"
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
        "import os, signal, time; from superspike_brian.pool import LocalPool\n"
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
