"""The type hints: everything public has them, and mypy finds no fault with them."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = [
    path
    for folder in ("superspike_brian", "models", "tasks")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if not any(part.startswith("_") and not part.startswith("__") for part in path.relative_to(ROOT).parts)
]


def public(body, within=""):
    """Name and node of the functions, methods and properties of a module or class that are for others to call."""
    for node in body:
        if isinstance(node, (ast.If, ast.Try)):
            yield from public([*node.body, *node.orelse], within)
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) or private(node.name):
            continue
        elif isinstance(node, ast.ClassDef):
            yield from public(node.body, f"{within}{node.name}.")
        else:
            yield f"{within}{node.name}", node


def private(name):
    return name.startswith("_") and not name.endswith("__")


def unhinted(node, method):
    """What of a function has no annotation: names of parameters, and "return"."""
    positional = [*node.args.posonlyargs, *node.args.args]
    if method and not any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in node.decorator_list):
        positional = positional[1:]
    starred = [a for a in (node.args.vararg, node.args.kwarg) if a]
    yield from (a.arg for a in (*positional, *starred, *node.args.kwonlyargs) if a.annotation is None)
    if node.returns is None:
        yield "return"


@pytest.mark.parametrize("path", MODULES, ids=[str(path.relative_to(ROOT)) for path in MODULES])
def test_what_is_public_has_type_hints(path):
    found = {name: [*unhinted(node, "." in name)] for name, node in public(ast.parse(path.read_text()).body)}
    assert {name: missing for name, missing in found.items() if missing} == {}


def test_mypy_has_nothing_to_say(tmp_path):
    pytest.importorskip("mypy", reason="mypy is not installed: pip install -e '.[test]'")
    tree = tmp_path / "superspike_brian"  # one tree, as in the wheel: mypy does not know package_dir
    for source, target in (("superspike_brian", tree), ("models", tree / "models"), ("tasks", tree / "tasks")):
        shutil.copytree(ROOT / source, target, ignore=shutil.ignore_patterns("__pycache__"))
    options = ["--config-file", str(ROOT / "setup.cfg"), "--cache-dir", str(tmp_path / "cache")]
    command = [sys.executable, "-m", "mypy", *options, "-p", "superspike_brian"]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert found.returncode == 0, found.stdout + found.stderr
