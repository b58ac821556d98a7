"""How blocks pass between Python and the program: drawn as they are wanted, the next one early; and what it says on stderr.

The programs here are scripts that speak the format of ``codegen/superspike.h``, but simulate nothing.
"""

import subprocess
import sys
import tracemalloc
from contextlib import closing
from types import SimpleNamespace

import numpy as np
import pytest
from brian2 import second
from short_run import wait_for
from superspike_brian.tasks import xor

from superspike_brian.console.progress import Silent
from superspike_brian.engine.manifest import write_manifest
from superspike_brian.engine.pipe import Errors
from superspike_brian.engine.program import AHEAD, Program, SimulationError
from superspike_brian.runs.loop import Run
from superspike_brian.spec.protocol import Protocol
from superspike_brian.spec.run import RunSpec

ECHO = f"""#!{sys.executable}
import os, struct, sys
stdin, stdout, stderr = sys.stdin.buffer, sys.stdout.buffer, sys.stderr.buffer

def receive():
    head = stdin.read(4)
    if not head:
        sys.exit()
    name = stdin.read(*struct.unpack("<I", head)).decode()
    return name, stdin.read(*struct.unpack("<Q", stdin.read(8)))

def send(name, data=b""):
    stdout.write(struct.pack("<I", len(name)) + name.encode() + struct.pack("<Q", len(data)) + data)
    stdout.flush()

x, blocks = bytes(8), 0
while True:
    name, data = receive()
    if name == "a.x":
        x = data
    elif name == "run":
        blocks += 1
        open(f"begun-{{blocks}}", "w").close()
        ACTION
        send("a.x", x)
        send("end")
"""


@pytest.fixture
def program(tmp_path):
    """Function that makes a program which does something in each block, and returns the array ``a.x`` as it is."""

    def make(action="pass"):
        (tmp_path / "static_arrays").mkdir(exist_ok=True)
        (tmp_path / "main").write_text(ECHO.replace("ACTION", action))
        (tmp_path / "main").chmod(0o755)
        write_manifest(tmp_path, {"dt": 1e-4, "arrays": {"a.x": "<f8"}, "records": {}, "columns": {}})
        return Program(tmp_path)

    return make


def plan(n, drawn):
    for k in range(n):
        drawn.append(k)
        yield 10, {"a.x": np.array([float(k)])}


def test_blocks_are_drawn_as_they_are_wanted(program):
    drawn, received = [], []
    with closing(program().blocks(0, plan(1000, drawn))) as blocks:
        assert not drawn
        for state, _ in blocks:
            received.append(float(state["a.x"][0]))
            assert len(drawn) == min(len(received) + AHEAD, 1000)
    assert received == list(range(1000)) and AHEAD <= 3


def test_the_next_block_begins_while_the_last_one_is_looked_at(program):
    running = program()
    with closing(running.blocks(0, plan(2, []))) as blocks:
        next(blocks)
        wait_for((running.folder / "begun-2").exists)


def test_no_block_is_no_process(program, monkeypatch):
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("a process"))
    assert list(program().blocks(0, [])) == []


def test_what_goes_wrong_in_a_plan_ends_the_program(program):
    def broken():
        yield 10, {}
        yield 10, {"a.y": np.zeros(1)}

    with pytest.raises(KeyError, match=r"a\.y"):
        list(program().blocks(0, broken()))
    with pytest.raises(ZeroDivisionError):
        list(program().blocks(0, ((10 // (2 - k), {}) for k in range(5))))


MEGABYTE = 'stderr.write(b"hot air " * 2**17); stderr.flush()'


def test_a_program_that_says_much_is_not_held_up(program):
    said = []
    for state, _ in program(MEGABYTE).blocks(0, plan(3, [])):
        said.append(float(state["a.x"][0]))
    assert said == [0, 1, 2]


def test_the_end_of_what_it_said_is_the_message(program):
    found = program(f'{MEGABYTE}; stderr.write(b"the reason \\xff\\n"); sys.exit(3)')
    with pytest.raises(SimulationError, match=r"the reason \ufffd$") as error:
        found.run({}, 0, 10)
    assert len(str(error.value)) < Errors.KEPT + 500


def test_a_program_that_says_nothing_is_named_with_its_code(program):
    with pytest.raises(SimulationError, match=r"main stopped: ended with code 3$"):
        program("sys.exit(3)").run({}, 0, 10)


def peak(function):
    """Memory (bytes) that a function takes at most."""
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


class EnoughError(Exception):
    pass


def begin(spec):
    """Begin a run, as far as its first block."""

    class Program:
        build_seconds = 0.0

        def blocks(self, start, plan, *_):
            yield next(iter(plan)) and self.fail()

        def fail(self):
            raise EnoughError

    with pytest.raises(EnoughError):
        Run(SimpleNamespace(records=lambda length: [], log_length=0), Program(), spec, Silent())._run_blocks(0, {})


def test_memory_before_a_run_does_not_grow_with_its_duration():
    begin(RunSpec.make(xor(), duration=10 * second))  # what is loaded once
    short, long = (peak(lambda s=s: begin(RunSpec.make(xor(), duration=s * second))) for s in (80, 8000))
    assert long < short + 100_000


def test_blocks_take_no_memory_however_many_they_are():
    def walk(n):
        course = Protocol(n * second, block=1 * second, snapshot_every=2 * second)
        assert sum(1 for _ in course.blocks(1e-3 * second)) == n

    walk(10)
    assert peak(lambda: walk(20_000)) < 100_000
