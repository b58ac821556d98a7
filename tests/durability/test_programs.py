"""Programs that vanish, compilers that are killed, and several processes at one program or run folder."""

import platform
import shutil
import time

import pytest
from kill_harness import differences, start
from short_run import STRUCTURE, StopAfter, run, trained, wait_for

from superspike_brian import engine
from superspike_brian.engine import cache
from superspike_brian.engine.compiler import BuildError, compiler_identity
from superspike_brian.engine.program import SimulationError
from superspike_brian.results.folder import RunFolder, RunFolderError
from superspike_brian.runs.training import resume

pytestmark = pytest.mark.usefixtures("whole")  # it makes the object files


@pytest.mark.parametrize("what", ["all", "main", "half a file"])
def test_program_that_vanishes_between_blocks(tmp_path, copied, whole, what):
    out, folder = tmp_path / "run", engine.build(STRUCTURE, build_dir=copied).folder

    def remove():
        if what == "all":
            shutil.rmtree(folder)
        elif what == "main":
            (folder / "main").unlink()
        else:
            array = sorted((folder / "static_arrays").iterdir())[0]
            half = array.read_bytes()[:10]
            array.unlink()
            array.write_bytes(half)

    with pytest.raises(SimulationError, match="is gone or incomplete: `superspike resume` builds it again"):
        run(out, copied, progress=StopAfter(3, then=remove))
    assert RunFolder(out).newest()[0] == 20000  # the running process needs its files no more; the last probe does
    resume(out, build_dir=copied)
    assert not differences(whole, out)


def compiler_that(tmp_path, body):
    """A C++ compiler that executes `body`, a few lines of sh, where it should compile."""
    wrapper = tmp_path / "cxx"
    wrapper.write_text(f'#!/bin/sh\ncase "$*" in *--version*|*-dM*) exec g++ "$@";; esac\n{body}\nexec g++ "$@"\n')
    wrapper.chmod(0o755)
    return str(wrapper)


def test_killed_compiler(tmp_path, objects_only, monkeypatch):
    programs = objects_only / "programs"
    for body, message in (("kill -9 $$", "killed by signal 9"), ('echo "no room" >&2; exit 1', "no room")):
        with monkeypatch.context() as patch, pytest.raises(BuildError, match=message):
            patch.setenv("CXX", compiler_that(tmp_path, body))
            engine.build(STRUCTURE, build_dir=objects_only)
        assert not list(programs.glob("*building*")) and not list(programs.glob("*/manifest.json"))
    assert engine.is_complete(engine.build(STRUCTURE, build_dir=objects_only).folder)


def build_slowly(build_dir, log):
    """Build, and note it in `log` when this process is the one that does it."""
    generate = cache._generate_and_compile

    def noted(*arguments):
        log.write_text("built")
        time.sleep(1)
        generate(*arguments)

    cache._generate_and_compile = noted
    engine.build(STRUCTURE, build_dir=build_dir)


def test_two_processes_share_one_build(tmp_path, objects_only):
    logs = [tmp_path / name for name in "ab"]
    processes = [start(build_slowly, objects_only, log) for log in logs]
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert sum(log.exists() for log in logs) == 1  # the other waited
    assert len(list(objects_only.glob("programs/*/manifest.json"))) == 1


def build_forever(build_dir, compiling):
    """Build as far as the compiler."""

    def compile_program(*arguments):
        compiling.touch()
        time.sleep(600)

    cache.compile_program = compile_program
    engine.build(STRUCTURE, build_dir=build_dir)


def test_killed_build_is_cleared_by_the_next(tmp_path, objects_only):
    compiling = tmp_path / "compiling"
    process = start(build_forever, objects_only, compiling)
    wait_for(compiling.exists)
    process.kill()
    process.join()
    assert list(objects_only.glob("programs/*.building-*"))
    engine.build(STRUCTURE, build_dir=objects_only)
    assert not list(objects_only.glob("programs/*.building-*"))


@pytest.mark.skipif(platform.machine() != "x86_64", reason="names processors of this family")
def test_a_program_is_for_one_processor(tmp_path, monkeypatch):
    """Machines that share a cache: the same compiler at the same path, where `native` means something else."""
    wrapper, native = tmp_path / "cxx", tmp_path / "native"
    wrapper.write_text(f'#!/bin/sh\nexec g++ "$@" -march=$(cat {native})\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("CXX", str(wrapper))

    def folder_on(processor):
        native.write_text(processor)
        compiler_identity.cache_clear()  # as in another process
        return engine.program_folder(STRUCTURE, build_dir=tmp_path)

    assert folder_on("x86-64") == folder_on("x86-64") != folder_on("haswell")


# two at once


def test_second_run_in_a_folder_is_refused(tmp_path, build_dir, whole):
    out, message = tmp_path / "run", tmp_path / "message"

    def meanwhile():
        process = start(trained, out, build_dir, message)
        process.join()
        for attempt in (
            lambda: resume(out, build_dir=build_dir),
            lambda: run(out, build_dir, overwrite=True),
        ):
            with pytest.raises(RunFolderError, match="another process is running"):
                attempt()

    run(out, build_dir, progress=StopAfter(3, then=meanwhile))
    assert "is not empty" in message.read_text() or "another process" in message.read_text()
    assert not differences(whole, out)


def test_two_runs_of_one_program_at_once(tmp_path, build_dir, whole):
    processes = [start(trained, tmp_path / name, build_dir, tmp_path / f"{name}.message") for name in "ab"]
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert not differences(whole, tmp_path / "a") and not differences(whole, tmp_path / "b")
