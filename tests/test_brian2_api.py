"""One door to private Brian2: nothing else reaches behind it, and a Brian2 that lacks something is refused in words."""

import ast
import gc
import inspect
import subprocess
import sys
import weakref
from pathlib import Path

import brian2
import pytest

from superspike_brian.codegen import brian2_api

ROOT = Path(__file__).parent.parent
DOOR = ROOT / "superspike_brian" / "codegen" / "brian2_api.py"
FILES = [
    p for room in ("superspike_brian", "models", "tasks") for p in sorted((ROOT / room).rglob("*.py")) if p != DOOR
]
TREES = {p: ast.parse(p.read_text()) for p in FILES}
STANDARD = {"_exit", "_asdict"}  # of the standard library: os, named tuples


def is_public(name):
    return not name.startswith("_") and hasattr(brian2, name) and not inspect.ismodule(getattr(brian2, name))


def private_imports(tree):
    """What a file imports from Brian2 that Brian2 itself does not export."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.split(".")[0] == "brian2")
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module.split(".")[0] == "brian2":
            yield from (
                f"{node.module}.{a.name}" for a in node.names if node.module != "brian2" or not is_public(a.name)
            )


def underscored(tree):
    """Attributes with a leading underscore that a file reads or sets, also through ``getattr`` and its like."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.attr, node.lineno
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("getattr", "hasattr", "setattr"):
            yield from ((a.value, a.lineno) for a in node.args[1:2] if isinstance(a, ast.Constant))


def defined(tree):
    """Names that a file gives to functions, classes, variables and attributes of its own objects."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif (
            isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Store)
            and getattr(node.value, "id", "") == "self"
        ):
            yield node.attr


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_only_the_door_imports_private_brian2(path):
    assert list(private_imports(TREES[path])) == []


def test_only_the_door_touches_private_attributes():
    """Whatever has an underscore is defined in the package, or it belongs to somebody else: to Brian2."""
    own = STANDARD.union(*map(defined, TREES.values()))
    found = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path, tree in TREES.items()
        for name, line in underscored(tree)
        if name.startswith("_") and not name.startswith("__") and name not in own
    ]
    assert found == []


@pytest.mark.parametrize(
    "code",
    [
        "import brian2",
        "from brian2.core.variables import Constant",
        "from brian2 import _version",
        "from brian2 import devices",
        "from brian2 import get_device, NoSuchName",
    ],
)
def test_the_check_of_imports_finds(code):
    assert len(list(private_imports(ast.parse(code)))) == 1


def test_the_check_of_attributes_finds():
    code = "group._pathways\no._network = 1\ngetattr(group, '_refractory')"
    assert [name for name, _ in underscored(ast.parse(code))] == ["_pathways", "_network", "_refractory"]
    assert "_network" not in defined(ast.parse(code))


def test_every_interface_is_used_and_explained():
    used = {a.name for tree in TREES.values() for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for a in n.names}
    lines, door = DOOR.read_text().splitlines(), ast.parse(DOOR.read_text())
    functions = [n for n in door.body if isinstance(n, ast.FunctionDef)]
    used |= {n.id for function in functions for n in ast.walk(function) if isinstance(n, ast.Name)}
    for node in ast.walk(door):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("brian2."):
            for alias in node.names:
                assert alias.name in used, alias.name
                assert "  # " in lines[alias.lineno - 1], alias.name
        elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            assert node.name in used and ast.get_docstring(node), node.name


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


REMOVED = "import sys; del sys.modules['brian2.stateupdaters.exact'].get_linear_system"
MOVED = "import brian2.devices.cpp_standalone.device as device; del device.CPPStandaloneDevice.generate_makefile"


@pytest.mark.parametrize(
    ("edit", "name"), [(REMOVED, "get_linear_system"), (MOVED, "CPPStandaloneDevice.generate_makefile")]
)
def test_a_too_new_brian2_is_refused_in_words(edit, name):
    new = f"import brian2; brian2.__version__ = '2.99.0'; {edit}"
    found = run(f"{new}\nfrom superspike_brian.cli import main\nraise SystemExit(main(['describe']))")
    assert found.returncode == 2 and "Traceback" not in found.stderr and found.stdout == ""
    for words in ("Brian2 2.99.0", name, "2.9, 2.10, 2.11", 'pip install "brian2>=2.9,<2.12"'):
        assert words in found.stderr
    caught = run(
        f"{new}\ntry:\n    from superspike_brian import train\n    train\nexcept ImportError as e:\n    print(e)"
    )
    assert name in caught.stdout


def test_a_newer_brian2_that_has_everything_is_mentioned_once():
    new = "import brian2; brian2.__version__ = '2.99.0'; import superspike_brian.codegen.brian2_api, superspike_brian.spec.run"
    found = run(new)
    assert found.returncode == 0, found.stderr
    assert found.stderr.count("Brian2 2.99.0 is newer than those tried") == 1


def test_this_brian2_is_one_of_those_tried():
    assert ".".join(brian2_api.VERSION.split(".")[:2]) in brian2_api.TRIED
    assert "is newer" not in run("import superspike_brian.codegen.brian2_api").stderr


def test_a_run_collects_no_garbage():
    """Brian2 does before each run; its own networks still do, afterwards."""
    net, garbage = brian2.Network(), type("Garbage", (), {})()
    garbage.itself, alive = garbage, weakref.ref(garbage)
    del garbage
    gc.disable()
    try:
        with brian2_api.no_collection():
            net.run(0 * brian2.second)
        assert alive()
        net.run(0 * brian2.second)
        assert not alive()
    finally:
        gc.enable()
