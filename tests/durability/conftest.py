"""Fixtures of the tests of durability."""

import os
import shutil
import subprocess
import sys

import pytest
from short_run import STRUCTURE, run

from superspike_brian import engine


@pytest.fixture(scope="session")
def whole(tmp_path_factory, build_dir):
    """Folder of the short run, uninterrupted."""
    out = tmp_path_factory.mktemp("whole") / "run"
    run(out, build_dir)
    return out


@pytest.fixture
def copied(build_dir, whole, objects_only):
    """A build folder of the test's own, which it may spoil, and whose programs no other test starts."""
    program = engine.build(STRUCTURE, build_dir=build_dir).folder
    shutil.copytree(program, objects_only / "programs" / program.name, copy_function=os.link)
    return objects_only


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 8 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root on Linux")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no small file system: {done.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)
