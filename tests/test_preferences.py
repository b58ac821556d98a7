"""Brian2's preferences, whoever set them, change no bit and no line of code; and they are as before when we are done.

The preferences are read off Brian2's own register: one that a new release adds is tested too.
"""

import copy
import difflib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from brian2 import defaultclock, ms, prefs, set_device
from brian2.core.preferences import PreferenceError
from brian2.devices.device import get_device, reset_device
from superspike_brian.models import SUPERSPIKE

from superspike_brian.engine.cache import standalone_device, structure_key
from superspike_brian.engine.preferences import own_preferences
from superspike_brian.engine.runtime import RuntimeProgram
from superspike_brian.network.assembly import Assembly
from superspike_brian.network.initial import initial_state
from superspike_brian.network.structure import Structure
from superspike_brian.spec.describe import describe_structure

STRUCTURE = Structure(SUPERSPIKE, (3, 2, 1))
FLAGS = "codegen.cpp.extra_compile_args_gcc"
DEFINITIONS = {
    f"{category}.{name}": preference
    for category, (preferences, _) in prefs.pref_register.items()
    for name, preference in preferences.items()
    if category not in ("logging", "GSL")  # the one shapes no code; the other wants a library, and we use no GSL
}
SLOTS = ["start", "groups", "synapses", "thresholds", "resets", "end"]
VALUES = [
    True,
    False,
    2,
    7,
    np.float32,
    np.int64,
    "numpy",
    "cython",
    "msvc",
    SLOTS,
    ["-DOTHER"],
    {"A": "1"},
    "systems",
    "other",
]


def another(definition):
    """A legal value that is not the default."""
    for value in VALUES:
        try:
            legal = definition.validator(value)
        except (TypeError, ValueError, AttributeError, PreferenceError):
            legal = False
        if legal and not (type(value) is type(definition.default) and value == definition.default):
            return copy.deepcopy(value)
    raise AssertionError(f"add a legal value to VALUES: {definition.docs}")


OTHERS = {name: another(definition) for name, definition in DEFINITIONS.items()}


@pytest.fixture
def change(monkeypatch):
    """Function that sets preferences until the end of the test."""

    def change(values):
        for name, value in values.items():
            monkeypatch.setitem(prefs, name, value)

    return change


def bits(task):
    """Everything after 30 steps on the runtime device, in single and double precision."""
    found = {}
    for precision in ("single", "double"):
        program, state = RuntimeProgram(STRUCTURE, precision), initial_state(STRUCTURE, task, 1)
        after, records = program.run(state | {"output.U": np.array([-0.049])}, 0, 30, probe=True)
        found |= {(precision, name): (value.dtype, value.tobytes()) for name, value in {**after, **records}.items()}
    return found


def code(folder, precision="double"):
    """The generated project, its flags, and the key under which it would be stored."""
    with standalone_device(precision) as device:
        assembly = Assembly(STRUCTURE, "auto")
        device.prepare(assembly.is_probe)
        assembly.net.run(STRUCTURE.dt, namespace={})
        device.build(directory=str(folder), compile=False, run=False)
        flags = device.compiler_flags, device.linker_flags
    text = {f.relative_to(folder): f.read_bytes() for f in sorted(Path(folder).rglob("*")) if f.is_file()}
    return text, flags, structure_key(STRUCTURE, precision)


def assert_same(found, expected):
    """Of code. Brian2 resets the clocks in the order of a set, at the start of ``main.cpp``."""
    for name in expected[0].keys() | found[0].keys():
        sides = (side[0].get(name, b"").decode().splitlines() for side in (expected, found))
        sides = (sorted(side) if name.name == "main.cpp" else side for side in sides)
        assert not list(difflib.unified_diff(*sides, n=0, lineterm="")), name
    assert found[1:] == expected[1:]


@pytest.fixture(scope="module")
def task(pattern_task):
    return pattern_task(3, 1, ([0, 1, 2], [0.0, 0.0005, 0.0009]), ([0], [0.002]))


@pytest.fixture(scope="module")
def usual(task, tmp_path_factory):
    """Bits and code before anyone changes anything."""
    return bits(task), code(tmp_path_factory.mktemp("usual"))


def test_every_preference_has_another_value():
    assert len(OTHERS) > 30
    assert {"core.network.default_schedule", "devices.cpp_standalone.openmp_threads", FLAGS} <= OTHERS.keys()


def test_all_at_once(usual, task, change, tmp_path):
    change({k: v for k, v in OTHERS.items() if k != FLAGS})
    before = prefs.as_file
    assert bits(task) == usual[0]
    assert_same(code(tmp_path), usual[1])
    assert prefs.as_file == before


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(OTHERS.keys() - {FLAGS}))
def test_one_by_one(name, usual, task, change, tmp_path):
    change({name: OTHERS[name]})
    assert bits(task) == usual[0]
    assert_same(code(tmp_path), usual[1])


@pytest.mark.parametrize("name", sorted(OTHERS.keys() - {FLAGS}))
def test_each_is_put_aside_and_restored(name, change):
    usual = copy.deepcopy(prefs[name])
    with own_preferences():
        ours = copy.deepcopy(prefs[name])
    change({name: OTHERS[name]})
    with own_preferences():
        assert prefs[name] == ours
    assert prefs[name] == OTHERS[name] != usual


@pytest.mark.slow
def test_without_that_the_order_of_a_step_would_change(change):
    """The tests above would notice."""
    usual = [o.name for o in Assembly(STRUCTURE).net.sorted_objects]
    change({"core.network.default_schedule": ["start", "synapses", "groups", "thresholds", "resets", "end"]})
    other = Assembly(STRUCTURE).net
    names = {o.name: n for n, o in enumerate(other.sorted_objects)}
    assert usual.index("terminals_1_stateupdater") < usual.index("forward_1_pre")
    assert names["terminals_1_stateupdater"] > names["forward_1_pre"]
    for o in other.sorted_objects:
        o._network = other.id  # else Brian2 warns of objects that never ran


def test_flags_are_the_users_and_part_of_the_key(usual, change, tmp_path):
    change({FLAGS: ["-O1", "-std=c++11"]})
    text, flags, key = code(tmp_path)
    assert_same((text,), usual[1][:1])
    assert key != usual[1][2]
    assert "-O1" in flags[0] and "-O3" not in flags[0]


def test_the_default_clock_does_not_matter(usual, task, tmp_path):
    saved = defaultclock.dt
    defaultclock.dt = 0.7 * ms
    try:
        assert bits(task) == usual[0]
        assert_same(code(tmp_path), usual[1])
        assert defaultclock.dt == 0.7 * ms
    finally:
        defaultclock.dt = saved


def test_nor_does_the_users_standalone_device(usual, task, tmp_path):
    set_device("cpp_standalone", build_on_run=False, directory=str(tmp_path / "theirs"))
    try:
        device = get_device()
        assert bits(task) == usual[0]
        assert_same(code(tmp_path / "ours"), usual[1])
        assert get_device() is device and not device.code_objects
    finally:
        get_device().reinit()
        reset_device()


def test_the_description_is_the_same(change):
    usual = describe_structure(STRUCTURE)
    change({k: v for k, v in OTHERS.items() if k != FLAGS})
    assert describe_structure(STRUCTURE) == usual


def test_preferences_come_back_after_an_error(change):
    change({"core.default_float_dtype": np.float32, "codegen.target": "cython"})
    before = prefs.as_file
    with pytest.raises(ZeroDivisionError), own_preferences():
        _ = 1 / 0
    assert prefs.as_file == before


SCRIPT = """
import sys
import numpy as np
from brian2 import prefs, Hz, ms, volt
import superspike_brian as ss
task = ss.tasks.spike_timing(n_inputs=5, seed=1, period=20*ms, rate=100*Hz, n_spikes=2)
data = ss.train(task, ss.models.SUPERSPIKE.replace(w_0=0.2*volt), duration=40*ms, burn_in=10*ms, block=20*ms,
                device="runtime", progress=False)
print(data.cost.values.tobytes().hex(), prefs.core.network.default_schedule)
"""


@pytest.mark.parametrize("where", ["brian_preferences", ".brian/user_preferences"])
def test_files_of_preferences(where, tmp_path, change):
    """In the working folder and at home."""
    change({k: v for k, v in OTHERS.items() if k != FLAGS})
    text = prefs.as_file.replace("array", "").replace("<class 'numpy.", "").replace("'>", "")

    def result():
        environment = os.environ | {"HOME": str(tmp_path)}
        command = [sys.executable, "-W", "ignore", "-c", SCRIPT]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.split(maxsplit=1)

    cost, order = result()
    (tmp_path / where).parent.mkdir(exist_ok=True)
    (tmp_path / where).write_text(text)
    other_cost, other_order = result()
    assert other_order != order and other_cost == cost
