"""`superspike doctor`: each fault of a machine is found, and what to do is said."""

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest
from command import superspike

from superspike_brian import doctor
from superspike_brian.files.locks import Lock

pytestmark = pytest.mark.usefixtures("surroundings")
CHECKS = ("python", "packages", "brian2", "compiler", "cache", "locks", "disk", "disk", "threads")


@pytest.fixture
def cache(tmp_path):
    (tmp_path / "cache" / "programs" / "abc").mkdir(parents=True)
    (tmp_path / "cache" / "programs" / "abc" / "main").write_bytes(b"0" * 3 * 2**20)
    return tmp_path / "cache"


def one(check):
    (found,) = check
    return found


def script(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_a_fit_machine(cache):
    found = superspike("doctor", "--build-dir", cache, "--json")
    told = json.loads(found.out)
    assert (found.code, found.err, told["fit"]) == (0, "", True)
    assert tuple(f["what"] for f in told["findings"]) == CHECKS
    assert all(f["state"] in ("good", "warning") for f in told["findings"])
    assert "1 programs, 3" in next(f["found"] for f in told["findings"] if f["what"] == "cache")


def test_no_compiler_ends_with_1(cache, no_compiler):
    found = superspike("doctor", "--build-dir", cache)
    assert found.code == 1 and found.err == "superspike: 1 thing to mend before a run: see above\n"
    assert (
        "fault    compiler  no C++ compiler found" in found.out
        and "-> Install one, for instance `apt install g++`" in found.out
    )


@pytest.mark.parametrize(
    ("what", "text"),
    [
        (
            "echo 'tiny.cpp:1: fatal error: thread: no such file' >&2; exit 1",
            "does not compile: tiny.cpp:1: fatal error",
        ),
        (
            'for last; do :; done; printf "#!/bin/sh\\necho 3" > "$last"; chmod 755 "$last"',
            "does not run: it printed '3",
        ),
        ('for last; do :; done; printf "nothing" > "$last"', "does not run: "),
    ],
)
def test_a_compiler_that_does_not_work(tmp_path, monkeypatch, what, text):
    monkeypatch.setenv("CXX", str(script(tmp_path / "cxx", what)))
    found = one(doctor.compiler())
    assert found.state == "fault" and text in found.found and found.remedy


def test_a_cache_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    found = one(doctor.cache_folder(tmp_path / "file" / "cache"))
    assert found.state == "fault" and "--build-dir" in found.remedy
    monkeypatch.setattr(os, "access", lambda *_: False)  # what a read-only folder says to anyone but root
    assert one(doctor.cache_folder(tmp_path / "new")).state == "fault"


def test_a_cache_on_a_full_disk(tmp_path, monkeypatch):
    def full(**_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(doctor.tempfile, "NamedTemporaryFile", full)
    assert "No space left" in one(doctor.cache_folder(tmp_path)).found


def test_locks_of_the_dead_are_cleared_and_those_of_the_living_named(cache):
    programs = cache / "programs"
    assert one(doctor.locks(cache)).found == "none"
    (programs / "old.lock").write_text("999999999\nelsewhere\n")
    assert one(doctor.locks(cache)) == doctor.Finding("locks", "good", "none, 1 of processes that have ended cleared")
    assert not (programs / "old.lock").exists()
    holder = Lock(programs / "new.lock")
    holder.acquire()
    found = one(doctor.locks(cache))
    assert found.state == "good" and f"process {os.getpid()} on this host" in found.found
    holder.release()
    (programs / "abc.building-1").mkdir()
    found = one(doctor.locks(cache))
    assert found.state == "warning" and found.remedy.startswith(f"rm -r {programs / 'abc.building-1'}")


@pytest.mark.parametrize(("free", "state"), [(2**27, "fault"), (2**30, "warning"), (2**40, "good")])
def test_a_full_disk(cache, monkeypatch, free, state):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    cached, working = doctor.disk(cache)
    assert cached.state == working.state == state
    assert ("--build-dir" in cached.remedy, "--out" in working.remedy) == ((state != "good"),) * 2


@pytest.mark.parametrize(("version", "state"), [((3, 10, 1), "fault"), ((3, 12, 0), "good"), ((3, 14, 0), "warning")])
def test_a_python_that_was_not_tried(monkeypatch, version, state):
    monkeypatch.setattr(sys, "version_info", version)
    found = one(doctor.python())
    assert found.state == state and ("3.11 to 3.13" in found.remedy) == (state != "good")


def test_a_package_that_breaks_or_is_missing(monkeypatch):
    true = importlib.metadata.version

    def version(name):
        if name == "h5py":
            raise importlib.metadata.PackageNotFoundError(name)
        return "82.0.0" if name == "setuptools" else true(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    states, found, remedies = zip(*[(f.state, f.found, f.remedy) for f in doctor.packages()], strict=True)
    assert states == ("fault", "fault")
    assert found == ("setuptools is 82.0.0, and <81 is needed", "h5py is missing")
    assert 'pip install "setuptools<81"' in remedies[0] and 'pip install "h5py>=3.10"' in remedies[1]


def test_fewer_cores_than_the_machine_has(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    found = one(doctor.cores())
    assert (found.state, found.found) == (
        "warning",
        "this process may use 2 of 64 cores",
    ) and "--threads 2" in found.remedy


def test_a_brian2_that_cannot_be_imported(tmp_path):
    """The command is there to say so, and not itself a victim."""
    (tmp_path / "brian2").mkdir()
    (tmp_path / "brian2" / "__init__.py").write_text("raise ImportError('numpy has no ptp')")
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    found = subprocess.run(
        [sys.executable, "-m", "superspike_brian", "doctor"], capture_output=True, text=True, env=environment
    )
    assert found.returncode == 1 and "Traceback" not in found.stderr
    assert "fault    brian2    numpy has no ptp" in found.stdout and 'pip install "brian2' in found.stdout
    assert "fault    compiler  not looked for" in found.stdout
    command = [sys.executable, "-m", "superspike_brian", "describe", "xor"]
    found = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert found.returncode == 2 and len(found.stderr.splitlines()) == 1
    assert "numpy has no ptp" in found.stderr and "superspike doctor" in found.stderr
