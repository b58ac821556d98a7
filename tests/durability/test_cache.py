"""Damaged files in the cache of compiled programs are noticed and built again; none of them runs.

Which files there are is read off the folders.
"""

import json
import os
import random
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from brian2.codegen.cpp_prefs import get_compiler_and_args
from kill_harness import poisson_task
from short_run import STRUCTURE

from superspike_brian import engine
from superspike_brian.engine import cache
from superspike_brian.engine.compiler import _STANDARD, file_hash, precompile
from superspike_brian.engine.manifest import read_manifest, write_manifest
from superspike_brian.engine.program import Program, SimulationError
from superspike_brian.engine.runtime import RuntimeProgram
from superspike_brian.network.initial import initial_state
from superspike_brian.spec.describe import describe_structure

CONTENTS = {
    "empty": lambda data: b"",
    "half": lambda data: data[: len(data) // 2],
    "all but a byte": lambda data: data[:-1],
    "a bit at the start": lambda data: bytes([data[0] ^ 1]) + data[1:],
    "a bit in the middle": lambda data: (
        data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 16]) + data[len(data) // 2 + 1 :]
    ),
    "longer": lambda data: data + b"\0",
    "zeros": lambda data: bytes(len(data)),
}
GONE = {"missing": lambda path: None, "a folder": lambda path: path.mkdir()}
DAMAGES = [*CONTENTS, *GONE]


def damage(path, how):
    """Damage a file, and leave others that are hard links to it."""
    data, mode = path.read_bytes(), path.stat().st_mode
    path.unlink()
    if how in GONE:
        return GONE[how](path)
    path.write_bytes(CONTENTS[how](data))
    path.chmod(mode)
    return None


def sealed(folder):
    """Files of a program that are read when it runs."""
    return [folder / "manifest.json", *(folder / name for name in read_manifest(folder)["files"])]


def bits(program):
    state, records = program.run(initial_state(STRUCTURE, poisson_task(), 0), 0, 3000, probe=True)
    return {name: values.tobytes() for name, values in {**state, **records}.items()}


@pytest.fixture(scope="session")
def expected(build_dir, whole):
    return bits(engine.build(STRUCTURE, build_dir=build_dir))


@pytest.fixture
def folder(copied):
    """A program's folder of the test's own."""
    return engine.program_folder(STRUCTURE, build_dir=copied)


@pytest.mark.parametrize("how", DAMAGES)
def test_damage_is_noticed_whatever_it_is(folder, how, tmp_path):
    assert engine.is_complete(folder) and len(sealed(folder)) > 3
    program = Program(folder)
    for n, path in enumerate(sealed(folder)):
        if path.stat().st_size == 0 and how not in ("longer", *GONE):
            continue
        shutil.copytree(folder, kept := tmp_path / f"kept-{n}", copy_function=os.link)
        damage(path, how)
        assert not engine.is_complete(folder), path
        with pytest.raises(SimulationError, match="is gone or incomplete"):
            bits(program)
        shutil.rmtree(folder)
        kept.rename(folder)
    assert engine.is_complete(folder)


def test_nothing_else_is_read(folder, expected, tmp_path):
    """What the seal does not cover has no say."""
    for path in sealed(folder):
        own = tmp_path / "own" / path.relative_to(folder)
        own.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, own)
    assert bits(Program(tmp_path / "own")) == expected


def test_any_byte_of_a_manifest(folder):
    """Of 500 manifests with a changed byte none says something else; JSON has blanks, which say nothing."""
    path, rng = folder / "manifest.json", random.Random(1)
    text, manifest = path.read_bytes(), read_manifest(folder)
    path.unlink()
    refused = 0
    for _ in range(500):
        at = rng.randrange(len(text))
        path.write_bytes(text[:at] + bytes([rng.randrange(256)]) + text[at + 1 :])
        found = read_manifest(folder)
        assert found in (None, manifest)
        refused += found is None
    assert refused > 300


@pytest.mark.parametrize(
    "content", [b"[]", b"null", b"3", b'{"manifest": 1}', b'{"hash": 1, "manifest": {}}', b"[" * 10**5]
)
def test_a_manifest_of_another_form(folder, content):
    (folder / "manifest.json").unlink()
    (folder / "manifest.json").write_bytes(content)
    assert not engine.is_complete(folder)


def test_a_program_that_may_not_be_executed(folder):
    data = (folder / "main").read_bytes()
    (folder / "main").unlink()
    (folder / "main").write_bytes(data)
    assert not engine.is_complete(folder)


@pytest.mark.parametrize("how", ["half", "a bit in the middle"])
def test_a_damaged_program_is_built_again(copied, folder, expected, how):
    for path in sealed(folder):
        if path.stat().st_size:
            damage(path, how)
    assert bits(engine.build(STRUCTURE, build_dir=copied)) == expected
    assert engine.is_complete(folder)


def test_damaged_object_files_are_compiled_again(objects_only, expected):
    """All of them, each in another way: no link fails, and no wrong code is in the program."""
    objects, ways = objects_only / "objects", [*CONTENTS, "missing"]
    for n, path in enumerate(sorted(objects.iterdir())):
        if path.stat().st_size:
            damage(path, ways[n % len(ways)])
    assert bits(engine.build(STRUCTURE, build_dir=objects_only)) == expected
    kinds = {path.suffix for path in objects.iterdir() if path.is_file()}
    assert {".o", ".gch", ".h"} <= kinds
    used = [p for p in objects.glob("*.*.o") if p.is_file() and file_hash(p) == p.name.split(".")[1]]
    assert len(used) >= 10
    before = set(objects.iterdir())
    shutil.rmtree(objects_only / "programs")
    engine.build(STRUCTURE, build_dir=objects_only)
    # once is enough (Brian2 may number a name anew, past those of objects that other tests hold)
    assert len(set(objects.iterdir()) - before) <= 3 < len(used)


@pytest.mark.parametrize("how", [*CONTENTS, "missing"])
def test_the_text_of_precompiled_headers(objects_only, how):
    objects, flags = objects_only / "objects", get_compiler_and_args()[1]
    _, header = precompile(flags, objects)
    damage(text := objects / header, how)
    assert precompile(flags, objects) == ["-include", header]
    assert text.read_bytes() == _STANDARD.read_bytes()


# errors


def fake(folder, script):
    """A program that is a script."""
    (folder / "static_arrays").mkdir()
    (folder / "main").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "main").chmod(0o755)
    write_manifest(folder, {"arrays": {}, "records": {}, "columns": {}})
    return Program(folder)


@pytest.mark.parametrize("lines", [1, 100, 100_000])
def test_a_program_may_write_as_many_errors_as_it_likes(tmp_path, lines):
    """Two million bytes are more than a pipe holds; the last words are reported."""
    program = fake(tmp_path, f"yes 'error: of many' | head -n {lines} >&2; echo 'the last words' >&2; exit 3")
    with pytest.raises(SimulationError, match=r"the last words$") as error:
        program.run({}, 0, 10)
    assert len(str(error.value)) < 4000


def test_nor_do_they_keep_it_from_its_work(tmp_path):
    """The program goes on after them, and its answer arrives."""
    end = r"printf '\003\000\000\000end\000\000\000\000\000\000\000\000'"
    program = fake(tmp_path, f"yes 'error: of many' | head -n 100000 >&2; {end}; sleep 0.1")
    state, records = program.run({}, 0, 10)
    assert (state, records) == ({}, {})


def test_manifests_are_plain_json(folder):
    stored = json.loads((folder / "manifest.json").read_text())
    assert set(stored) == {"hash", "manifest"} and np.dtype(next(iter(stored["manifest"]["arrays"].values())))


def test_a_program_of_other_sources_is_another(monkeypatch):
    key = cache.structure_key(STRUCTURE, "double")
    monkeypatch.setattr(cache, "_own_sources", lambda: "edited")
    assert cache.structure_key(STRUCTURE, "double") != key


def test_a_program_writes_no_files(folder):
    """Brian2's code that does takes the compiler as long as all other of the file."""
    text = (folder / "objects.cpp").read_text()
    assert "void _write_arrays()\n{}\n" in text and "outfile" not in text


def test_objects_that_live_elsewhere_change_no_name(folder, objects_only, tmp_path):
    """Neither the code, of which object files are shared, nor a description."""
    text = describe_structure(STRUCTURE)
    alive = [RuntimeProgram(STRUCTURE) for _ in range(2)]
    first, second = ({o.name for o in program.net.sorted_objects} for program in alive)
    assert first != second  # Brian2 numbers what is there
    assert describe_structure(STRUCTURE) == text
    shutil.move(folder, tmp_path / "first")
    again = engine.build(STRUCTURE, build_dir=objects_only).folder
    one, other = (
        sorted((f / "main.cpp").read_text().splitlines()) for f in (again, tmp_path / "first")
    )  # Brian2 keeps sets
    assert one == other
    third = {o.name for o in RuntimeProgram(STRUCTURE).net.sorted_objects}
    assert third not in (first, second)  # and what lives elsewhere is seen as before


def test_every_module_that_takes_part_in_generating_code_counts():
    rooms = ("superspike_brian.codegen", "superspike_brian.network")
    loaded = {Path(m.__file__) for name, m in sys.modules.items() if name.startswith(rooms) and m.__file__}
    assert len(loaded) > 20 and loaded <= set(cache.own_files())
    assert {f.suffix for f in cache.own_files()} == {".py", ".h", ".cpp"}
