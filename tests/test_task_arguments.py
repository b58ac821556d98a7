"""Every argument of every public function of `superspike_brian.tasks`: natural types are taken, nonsense is refused by name."""

import inspect
import os
import types
import typing
from pathlib import Path

import matplotlib.image
import neo
import numpy as np
import pytest
import quantities as pq
from brian2 import Hz, Network, Quantity, SpikeGeneratorGroup, SpikeMonitor, ms, mV, second
from superspike_brian.tasks import (
    Classification,
    LabelledSpikes,
    SpikePattern,
    Task,
    Trials,
    latencies,
    spike_timing,
    xor,
)

from superspike_brian import tasks

PATTERN = SpikePattern(2, [0], [1] * ms, 10 * ms)
SAMPLES = LabelledSpikes.from_arrays([[1] * ms, [2] * ms, [3] * ms], [[0], [1], [0]], [0, 1, 1])
NEEDS_FILES = (tasks.ssbm, tasks.shd)  # that are published
PUBLIC = {name: getattr(tasks, name) for name in tasks.__all__ if callable(getattr(tasks, name))}
WRONG = {
    "None": None,
    "text": "abc",
    "empty text": "",
    "zero byte": "a\0b",
    "bytes": b"abc",
    "negative": -1,
    "fraction": 1.5,
    "nan": np.nan,
    "inf": np.inf,
    "complex": 1 + 2j,
    "huge": 10**30,
    "true": True,
    "empty list": [],
    "texts": ["a", "b"],
    "ragged": [[1], [2, 3]],
    "array": np.array([[1.5, 2], [3, 4]]),
    "dict": {},
    "object": object(),
    "function": len,
    "date": np.datetime64("2020-01-01"),
    "volt": 3 * mV,
    "negative time": -1 * ms,
    "nan time": np.nan * second,
    "inf rate": np.inf * Hz,
    "complex time": Quantity(1j * second),
    "times": [1, 2] * ms,
    "mixed units": [1 * ms, 2 * mV],
    "half a unit": [1 * ms, 2],
}


def parameters(function):
    return inspect.signature(function).parameters


def kinds(function, name):
    """Types that the annotation of a parameter allows."""
    hint = typing.get_type_hints(function.__init__ if inspect.isclass(function) else function)[name]
    return typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)


@pytest.fixture
def good(tmp_path, monkeypatch):
    """Arguments of which nothing is wrong, by name, for a function; in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SUPERSPIKE_DATA_DIR", str(tmp_path))
    Path("a.ras").write_text("0.001 0\n0.002 1\n")
    Path("a.csv").write_text("time,unit\n0.001,0\n0.002,1\n")
    np.savez("a.npz", times=[0.001, 0.002], units=[0, 1])
    np.savez("samples.npz", **SAMPLES.arrays)
    segment = neo.Segment()
    segment.spiketrains.append(neo.SpikeTrain([1, 2] * pq.ms, t_stop=10 * pq.ms))
    block = neo.Block()
    block.segments.append(segment)
    neo.NeoMatlabIO("a.mat").write_block(block)
    matplotlib.image.imsave("a.png", np.zeros((2, 2, 3)))
    values = {
        **{"n": 2, "ids": [0], "times": [1] * ms, "period": 10 * ms, "inputs": PATTERN, "targets": PATTERN},
        **{"patterns": [PATTERN], "classes": [0], "background": 4 * Hz, "response_window": 1 * ms, "source": "made up"},
        **{"training": SAMPLES, "pause": 1 * ms},
        **{"pause_min": 1 * ms, "pause_mean": 2 * ms, "pattern": PATTERN, "input": "a.ras", "target": "a.ras"},
    }

    def choose(function):
        found = {name: value for name, value in values.items() if name in parameters(function)}
        required = {name for name, p in parameters(function).items() if p.default is p.empty}
        special = {
            "Trials": {field: [1] for field in Trials.__dataclass_fields__},
            "Classification": {"period": 100 * ms, "name": "x"},
            "Task": {"name": "x"},
            "Signal": {"values": [1, 2] * mV, "step": 1 * ms},
            "LabelledSpikes": {"name": "x", "n": 2, **{name: getattr(SAMPLES, name) for name in SAMPLES.arrays}},
            "LabelledTask": {"name": "x"},
            "read_samples": {"path": "samples.npz"},
            "data": {"train": "samples.npz"},
            "randman": {"samples": 3, "test_samples": 2, "classes": 2, "n_inputs": 4},
            "read_neo": {"path": "a.mat"},
            "ssbm": {"name": "auryn"},
            "task": {"name": "xor"},
            "maker": {"name": "xor"},
            "by_name": {"name": "xor", "seed": 1},
            "write_ras": {"path": "new.ras"},
            "image": {"period": 100 * ms},
            "latencies": {"pause_mean": 60 * ms, "pause_min": 50 * ms, "patterns": 1, "classes": 2},
            "xor": {"pause_mean": 60 * ms, "pause_min": 50 * ms},
        } | {f"read_{kind}": {"path": f"a.{kind}"} for kind in ("csv", "npz", "ras")}
        found |= special.get(function.__name__, {})
        assert required - {"options"} <= found.keys(), "a new argument needs a right value here"
        return found

    return choose


ALL = [(f, name) for f in PUBLIC.values() for name, p in parameters(f).items() if p.kind != p.VAR_KEYWORD]


@pytest.mark.parametrize("function", PUBLIC.values(), ids=lambda f: f.__name__)
def test_right_arguments_are_taken_and_documented(function, good):
    if function not in NEEDS_FILES:
        function(**good(function))
    text = inspect.getdoc(function)
    for name in parameters(function):
        assert name in text or "parameters and other names as for" in text, name


@pytest.mark.parametrize(("function", "name"), ALL, ids=lambda x: x if isinstance(x, str) else x.__name__)
def test_wrong_arguments_are_refused_by_name(function, name, good):
    right, allowed = good(function), kinds(function, name)
    for what, value in WRONG.items():
        try:
            function(**right | {name: value})
        except (ValueError, TypeError, OSError) as error:
            message = str(error)
            # or a file that is not there, a name that is unknown
            by_value = isinstance(value, str) and (repr(value) in message or f"{value} is" in message)
            right_but_no_files = value is None and type(None) in allowed and function in NEEDS_FILES
            assert name in message or by_value or right_but_no_files, (what, message)
            assert "\n" not in message and len(message) < 500, (what, message)
            assert type(error).__module__ == "builtins", (what, error)
        else:
            if (name, what) == ("start", "negative time"):  # a recording may have begun before its time 0
                continue
            numbers = {float: (int, float), int: (int,) if name in ("seed", "split") and value == 10**30 else ()}
            taken = {str, bool, type(None), *(kind for each in allowed for kind in numbers.get(each, ()))}
            assert type(value) in taken & {*allowed, int}, f"{what} was taken"
            Path("abc").unlink(missing_ok=True)


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_time_step_is_refused(what):
    task = xor()
    stream = np.random.default_rng
    for call in (
        PATTERN.steps,
        lambda dt: task.trials(stream, 0, 1, dt),
        lambda dt: task.spikes(stream, 0, 100, dt),
    ):
        with pytest.raises(ValueError, match="dt"):
            call(WRONG[what])


# natural types


@pytest.fixture(scope="module")
def monitor():
    group = SpikeGeneratorGroup(3, [0, 1, 2], [1, 2, 3] * ms)
    found = SpikeMonitor(group)
    network = Network(group, found)
    network.run(10 * ms)
    return found


def test_what_a_monitor_recorded_is_a_pattern(monitor):
    pattern = SpikePattern(3, monitor.i, monitor.t, 50 * ms)
    assert pattern.ids.tolist() == [0, 1, 2]
    np.testing.assert_allclose(pattern.times / ms, [1, 2, 3])
    again = SpikePattern(3, monitor.i[:], monitor.t[:], 50 * ms)
    assert np.array_equal(again.times, pattern.times)
    assert type(pattern.times) is Quantity and type(pattern.ids) is np.ndarray


@pytest.mark.parametrize(
    ("ids", "times"),
    [
        ([0, 2], [1 * ms, 0.002 * second]),
        ((0, 2), (1, 2) * ms),
        (np.array([0, 2], np.uint8), np.array([1, 2], np.float32) * ms),
        (np.array([0.0, 2.0]), [1, 2] * ms),  # as np.loadtxt gives them
        ([np.int64(0), np.int32(2)], [np.float64(1) * ms, 2 * ms]),
        (np.ma.array([0, 2]), Quantity([0.001, 0.002], dim=second.dim)),
    ],
)
def test_lists_and_arrays_of_any_kind_are_patterns(ids, times):
    pattern = SpikePattern(np.int16(3), ids, times, np.float64(50) * ms)
    assert pattern.ids.tolist() == [0, 2] and pattern.n == 3
    np.testing.assert_allclose(np.asarray(pattern.times), [0.001, 0.002], rtol=1e-7)
    assert type(pattern.n) is int and pattern.ids.dtype == int


def test_one_spike_needs_no_list():
    pattern = SpikePattern(1, 0, 5 * ms, 50 * ms)
    assert pattern.ids.tolist() == [0] and np.asarray(pattern.times).tolist() == [0.005]
    assert len(SpikePattern(1, [], [] * ms, second)) == 0  # a unit is a quantity


@pytest.mark.parametrize(
    ("ids", "found"),
    [
        (np.array([2**64 - 1], np.uint64), "unit 18446744073709551615"),
        ([2**70], "object values"),
        ([True], "bool values"),
        (["1"], "values"),
        ([1.5], "1.5"),
        ([1j], "complex128"),
        ([0] * second, "without unit"),
        ([np.datetime64(1, "s")], "datetime64"),
        ([None], "object"),
    ],
)
def test_ids_that_are_none_are_refused(ids, found):
    with pytest.raises(ValueError, match=found):
        SpikePattern(3, ids, [1] * ms, 10 * ms)


def test_numpy_integers_are_numbers_of_things_and_seeds():
    for make in (spike_timing, xor, latencies):
        a, b = make(n_inputs=np.int32(99), seed=np.uint8(3)), make(n_inputs=99, seed=3)
        assert a.describe() == b.describe()


def test_paths_may_be_objects_and_begin_at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    tasks.write_ras("~/a.ras", PATTERN)
    assert (tmp_path / "a.ras").exists()
    (tmp_path / "a.csv").write_text("time,unit\n0.001,0\n")
    np.savez(tmp_path / "a.npz", times=[0.001], units=[0])
    matplotlib.image.imsave(tmp_path / "a.png", np.zeros((2, 2, 3)))
    for read in (tasks.read_ras, tasks.read_csv, tasks.read_npz):
        kind = read.__name__.removeprefix("read_")
        for path in (f"~/a.{kind}", Path(f"~/a.{kind}"), tmp_path / f"a.{kind}", os.fspath(tmp_path / f"a.{kind}")):
            assert len(read(path, 10 * ms)) == 1
    assert len(tasks.ras("~/a.ras", Path("~/a.ras"), 10 * ms).inputs) == 1
    assert len(tasks.image(image="~/a.png").targets)
    with pytest.raises(FileNotFoundError, match=str(tmp_path)):
        tasks.ssbm("auryn", data_dir="~/nowhere")


def test_a_monitor_that_cannot_be_read_yet_is_named(monitor, monkeypatch):
    view = monitor.t

    def fail(*_):
        raise NotImplementedError("not simulated yet")

    monkeypatch.setattr(type(view), "__getitem__", fail)
    with pytest.raises(ValueError, match="times cannot be read: not simulated yet"):
        SpikePattern(1, [0], view, 10 * ms)


def test_trials_of_a_class_are_whole_numbers():
    with pytest.raises(ValueError, match="classes hold float64"):
        Classification("x", [PATTERN], [0.5], 4 * Hz, 1 * ms, 1 * ms, 2 * ms, 100 * ms, "made up")
    with pytest.raises(ValueError, match="the shapes"):
        Trials([1], [2], [0], [0, 1])


# sizes


def test_a_thousand_million_units_cost_nothing_until_they_are_built():
    n = 10**9
    pattern = SpikePattern(n, [0, n - 1, n - 1], [1, 2, 2.001] * ms, 10 * ms)
    with pytest.warns(UserWarning, match="1 of 3 spikes merged"):
        steps, ids = pattern.steps(0.1 * ms)
    assert list(zip(steps.tolist(), ids.tolist(), strict=True)) == [(10, 0), (20, n - 1)]
    assert "1000000000 inputs (3 spikes, mean < 1e-6 Hz)" in Task("x", pattern, pattern, "made up").describe()


def test_steps_and_units_beyond_64_bits_together_are_kept_apart():
    pattern = SpikePattern(2**31 - 1, [2**31 - 2, 0], [1.5e5, 0] * second, 2e5 * second)
    steps, ids = pattern.steps(0.1 * ms)
    assert steps.tolist() == [0, 1_500_000_000] and ids.tolist() == [0, 2**31 - 2]
    with pytest.raises(ValueError, match="time steps of"):
        SpikePattern(1, [0], [0] * second, 1e6 * second).steps(0.1 * ms)


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (spike_timing, {"n_inputs": 2**31 - 1}),
        (spike_timing, {"rate": 1e30 * Hz}),
        (spike_timing, {"period": 1e300 * second}),
        (spike_timing, {"n_spikes": 2**31 - 1}),
        (spike_timing, {"outputs": 2**31 - 1}),
        (latencies, {"n_inputs": 2**31 - 1}),
        (tasks.randman, {"samples": 2**31 - 1}),
        (tasks.randman, {"dim": 2**31 - 1}),
        (tasks.randman, {"n_inputs": 10**8}),
        (latencies, {"classes": 2**31 - 1}),
        (latencies, {"background": 1e30 * Hz}),
        (xor, {"n_inputs": 2**31 - 1, "set_size": 10**8}),
        (xor, {"n_inputs": 2**31 - 1}),
        (tasks.image, {"period": 1e9 * second}),
        (tasks.image, {"max_rate": 1e300 * Hz}),
        (tasks.image, {"n_outputs": 2**31 - 1}),
        (tasks.image, {"text": "x" * 10**6}),
    ],
)
def test_what_memory_could_not_hold_is_refused_at_once(make, options):
    with pytest.raises(ValueError, match="expected at most"):
        make(**options)
