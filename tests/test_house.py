"""The rooms of the package: which may import which, and that modules are found under their old names, too."""

import ast
import importlib
import pkgutil
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import superspike_brian
from superspike_brian._moved import MOVED
from superspike_brian.cli.main import COMMANDS

ROOT = Path(__file__).parent.parent
# from the ground up, as CONTRIBUTING.md says: a room may import itself and those before it
TABLE = re.findall(r"^\| (`[a-z].*?) \|", (ROOT / "CONTRIBUTING.md").read_text().partition("## Where a new")[0], re.M)
ROOMS = [("_version", "_moved"), *(re.findall(r"(\w+)(?:\.py|/)`", row) for row in TABLE)]
FLOOR = {room: floor for floor, rooms in enumerate(ROOMS) for room in rooms}


def modules():
    """Module name and file of everything in the package, the package's face aside."""
    for folder in (ROOT / "superspike_brian", ROOT / "models", ROOT / "tasks"):
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts if parts[0] == "superspike_brian" else ("superspike_brian", *parts))
            if name != "superspike_brian.__init__":
                yield name, path


def imported(name, path):
    """Modules of the package that a file imports, wherever in it."""
    package = name.split(".")[:-1]  # also of a package's __init__, whose name ends so here
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = [*base, *([node.module] if node.module else [])]
            yield ".".join(base)
            if base == ["superspike_brian"]:
                yield from (f"superspike_brian.{alias.name}" for alias in node.names)


def room(module):
    return module.split(".")[1] if module.startswith("superspike_brian.") else None


@pytest.mark.parametrize(("name", "path"), list(modules()), ids=[name for name, _ in modules()])
def test_a_room_imports_those_below_it(name, path):
    floor = FLOOR[room(name)]
    assert {m for m in imported(name, path) if room(m) and FLOOR[room(m)] > floor} == set()


def test_the_rooms_are_those_that_there_are():
    assert FLOOR.keys() == {m.name for m in pkgutil.iter_modules(superspike_brian.__path__)} | {"models", "tasks"}


@pytest.mark.parametrize("old", MOVED)
def test_a_module_is_found_under_its_old_name(old):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        sys.modules.pop(f"superspike_brian.{old}", None)
        found = importlib.import_module(f"superspike_brian.{old}")
    assert found is importlib.import_module(f"superspike_brian.{MOVED[old]}")
    assert found.__spec__.name == found.__name__ == f"superspike_brian.{MOVED[old]}"
    assert any(f"superspike_brian.{MOVED[old]}" in str(w.message) for w in said)


@pytest.mark.parametrize("code", ["import superspike_brian", "from superspike_brian.cli import main; main(['--help'])"])
def test_what_needs_no_simulation_does_not_import_brian2(code):
    heavy = "print(sorted({'brian2', 'numpy', 'matplotlib'} & set(sys.modules)))"
    check = f"import sys\ntry:\n    {code}\nexcept SystemExit:\n    pass\n{heavy}"
    found = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert found.stdout.splitlines()[-1] == "[]"


def test_every_subcommand_has_a_file_that_says_the_same_of_it():
    folder = ROOT / "superspike_brian" / "cli"
    said = {p.stem: ast.get_docstring(ast.parse(p.read_text())) for p in folder.glob("*.py")}
    found = {name: text for name, text in said.items() if text and text.startswith(f"``superspike {name}``: ")}
    assert found.keys() == COMMANDS.keys()
    assert all(callable(importlib.import_module(f"superspike_brian.cli.{name}").command) for name in COMMANDS)


def test_every_module_imports():
    subprocess.run([sys.executable, ROOT / ".ci" / "import_all.py"], check=True, capture_output=True)


@pytest.mark.parametrize(("words", "whole"), [((), False), (("--model", "{}/my.py:MY"), True)])
def test_commands_start_without_what_they_do_not_use(words, whole, tmp_path):
    (tmp_path / "my.py").write_text(
        "from brian2 import *\nfrom superspike_brian.models import SUPERSPIKE as MY\nplot\n"
    )
    argv = ["run", "spike-timing", *(word.format(tmp_path) for word in words)]
    code = f"import gc, sys\nfrom superspike_brian.cli.main import parse\nargs = parse({argv})\nassert gc.isenabled()\n"
    code += "from superspike_brian.cli.options import make_spec\nmake_spec(args)\n"
    code += "print(sorted({'pylab', 'Cython', 'pytest', 'xarray', 'matplotlib.pyplot'} & set(sys.modules)))\n"
    code += "import matplotlib.pyplot, Cython, pytest"  # they are there for others
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.splitlines()[-1] == ("['Cython', 'matplotlib.pyplot', 'pylab', 'pytest']" if whole else "[]"), (
        found.stderr
    )
