"""Whether this machine is fit for runs: Python, packages, compiler, cache of programs, disk, cores; and what to do if not."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from platformdirs import user_cache_path

from .errors import UserError
from .files.locks import Lock, LockedError

TRIED = (3, 11), (3, 13)  # Pythons, from and to
LEAST, LITTLE = 2**28, 2**31  # bytes: too few for a program and a run; few
PROGRAM = """
#include <atomic>
#include <cmath>
#include <cstdio>
#include <thread>
int main()
{
    std::atomic<int> done{0};
    std::thread other([&] { done += 1; });
    done += 1;
    other.join();
    std::printf("%d %.3f", done.load(), std::exp(1.0));
}
"""
REBUILD = "programs are built anew when they are needed"


class Finding(NamedTuple):
    """What was looked at, how it is ('good', 'warning' or 'fault'), what was found, and what to do."""

    what: str
    state: str
    found: str
    remedy: str = ""


def examine(build_dir: Path | None = None) -> list[Finding]:
    """Look at everything.

    Parameters
    ----------
    build_dir : path, optional
        Where programs are built and kept; default: the user's cache folder.

    Returns
    -------
    list of Finding
        At least one of each check.
    """
    cache = Path(build_dir) if build_dir is not None else user_cache_path("superspike_brian")
    checks: list[Callable[[], Iterator[Finding]]] = [
        python,
        packages,
        simulator,
        compiler,
        lambda: cache_folder(cache),
        lambda: locks(cache),
        lambda: disk(cache),
        cores,
    ]
    return [finding for check in checks for finding in check()]


def python() -> Iterator[Finding]:
    """Whether the package was tried on this Python."""
    version, name = sys.version_info[:2], f"Python {platform.python_version()} ({sys.executable})"
    first, last = (".".join(map(str, v)) for v in TRIED)
    if version < TRIED[0]:
        yield Finding("python", "fault", name, f"use Python {first} to {last}")
    elif version > TRIED[1]:
        yield Finding("python", "warning", name, f"tried with {first} to {last}: if something breaks, use one of these")
    else:
        yield Finding("python", "good", name)


def packages() -> Iterator[Finding]:
    """Whether what the package requires is there, in versions that it works with."""
    from packaging.requirements import Requirement

    wrong, found = [], []
    for line in importlib.metadata.requires("superspike_brian") or ():
        requirement = Requirement(line)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        name, wanted = requirement.name, str(requirement.specifier)
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            wrong.append((f"{name} is missing", f"{name}{wanted}"))
            continue
        found.append(f"{name} {version}")
        if not requirement.specifier.contains(version, prereleases=True):
            wrong.append((f"{name} is {version}, and {wanted} is needed", f"{name}{wanted}"))
    for text, wanted in wrong:
        yield Finding("packages", "fault", text, f'{Path(sys.executable).name} -m pip install "{wanted}"')
    if not wrong:
        yield Finding("packages", "good", ", ".join(found))


def simulator() -> Iterator[Finding]:
    """Whether Brian2 can be imported and is one that was tried."""
    try:
        from .codegen.brian2_api import TRIED as KNOWN
        from .codegen.brian2_api import VERSION
    except ImportError as error:
        yield Finding("brian2", "fault", " ".join(str(error).split()), 'pip install "brian2>=2.9"')
        return
    numbers = tuple(int(n) for n in VERSION.split(".")[:2])
    if numbers > tuple(int(n) for n in KNOWN[-1].split(".")):
        yield Finding("brian2", "warning", f"Brian2 {VERSION}", f"tried with {', '.join(KNOWN)}: take one if it breaks")
    else:
        yield Finding("brian2", "good", f"Brian2 {VERSION}")


def compiler() -> Iterator[Finding]:
    """Whether a C++ compiler is there, and what it makes runs, with threads."""
    try:
        from .engine.compiler import compiler as find
    except ImportError:
        yield Finding("compiler", "fault", "not looked for, as Brian2 cannot be imported", "mend that first")
        return
    try:
        path = find()
    except UserError as error:
        found, _, remedy = str(error).partition(". ")
        yield Finding("compiler", "fault", found, remedy)
        return
    with tempfile.TemporaryDirectory(prefix="superspike-doctor-") as folder:
        source, program = Path(folder, "tiny.cpp"), Path(folder, "tiny")
        source.write_text(PROGRAM)
        built = _call([path, "-O2", "-std=c++17", "-pthread", str(source), "-o", str(program)])
        if built.returncode:
            yield Finding("compiler", "fault", f"{path} does not compile: {_last(built.stderr)}", "install another one")
            return
        ran = _call([str(program)])
        if ran.returncode or ran.stdout != "2 2.718":
            why = _last(ran.stderr) or f"it printed {ran.stdout!r} and ended with {ran.returncode}"
            remedy = "set TMPDIR to a folder on a disk where programs may run, or install another compiler"
            yield Finding("compiler", "fault", f"a program that {path} compiled does not run: {why}", remedy)
            return
    version = _call([path, "--version"]).stdout.partition("\n")[0]
    yield Finding("compiler", "good", f"{path} ({version}): compiles, and what it compiles runs, with threads")


def _call(command):
    try:
        return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=120)
    except (OSError, subprocess.SubprocessError) as error:
        return subprocess.CompletedProcess(command, 1, "", str(error))


def _last(text):
    lines = [line for line in text.strip().split("\n") if line.strip()]
    return next((line for line in lines if "error" in line), lines[-1] if lines else "")[:300]


def cache_folder(cache: Path) -> Iterator[Finding]:
    """Whether programs can be written and executed there, and how much there is."""
    there = _existing(cache)
    other = "give another folder with --build-dir, or set XDG_CACHE_HOME"
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        yield Finding("cache", "fault", f"{cache} cannot be written to", f"make {there} writable for you, or {other}")
        return
    try:
        with tempfile.NamedTemporaryFile(dir=there, prefix=".superspike-doctor-") as file:
            file.write(b"0")
            file.flush()
    except OSError as error:
        yield Finding("cache", "fault", f"{cache} cannot be written to: {error.strerror}", other)
        return
    programs = [f for f in (cache / "programs").glob("*") if f.is_dir() and not f.suffix]
    size = sum(_size(f) for f in cache.rglob("*"))
    text = f"{cache}: {len(programs)} programs, {_bytes(size)}" if cache.exists() else f"{cache}: not made yet"
    yield Finding("cache", "good", text)


def locks(cache: Path) -> Iterator[Finding]:
    """Whether processes that have ended left locks, and halves of programs, behind."""
    held, stale = [], []
    for path in sorted((cache / "programs").glob("*.lock")):
        lock = Lock(path)
        try:
            lock.acquire()  # a lock that nobody holds is taken, and given back: that deletes it
            lock.release()
            stale.append(path)
        except LockedError as error:
            held.append(str(error))
        except OSError:
            stale.append(path)
    halves = [f for f in (cache / "programs").glob("*.building-*") if not held]
    left = [f for f in (*stale, *halves) if f.exists()]
    if left:
        remedy = "rm -r " + " ".join(map(str, left)) + f"; {REBUILD}"
        yield Finding("locks", "warning", f"{len(left)} left by processes that have ended", remedy)
    elif held:
        lost = any("delete" in text for text in held)  # nobody can tell whether the holder lives
        yield Finding("locks", "warning" if lost else "good", f"programs are being built: {'; '.join(held)}")
    else:
        cleared = f", {len(stale)} of processes that have ended cleared" if stale else ""
        yield Finding("locks", "good", f"none{cleared}")


def disk(cache: Path) -> Iterator[Finding]:
    """Whether there is room for programs, and for runs in the working folder."""
    for what, folder, remedy in (
        ("cache", _existing(cache), f"delete {cache} ({REBUILD}), or give another folder with --build-dir"),
        ("working folder", Path.cwd(), "give another folder for runs with --out, or make room"),
    ):
        free = shutil.disk_usage(folder).free
        state = "fault" if free < LEAST else "warning" if free < LITTLE else "good"
        yield Finding("disk", state, f"{what}: {_bytes(free)} free in {folder}", "" if state == "good" else remedy)


def cores() -> Iterator[Finding]:
    """How many cores this process may use, of how many."""
    all_cores = os.cpu_count() or 1
    mine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else all_cores
    if mine < all_cores:
        remedy = f"give --threads {mine}, or --workers {mine} to a sweep: the default is all cores of the machine"
        yield Finding("threads", "warning", f"this process may use {mine} of {all_cores} cores", remedy)
    else:
        yield Finding("threads", "good", f"{mine} core{'s' if mine > 1 else ''}")


def _existing(path):
    """The path, or the nearest folder above it that is there."""
    path = path.expanduser().absolute()
    return next(p for p in (path, *path.parents) if p.exists())


def _size(path):
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def _bytes(n):
    return f"{n / 2**30:.3g} GiB" if n >= 2**30 else f"{n / 2**20:.3g} MiB"
