"""Every recipe of the documentation runs, and has the effect that it promises; the list of recipes is whole."""

import gc
import io
import re
import tokenize

import numpy as np
import pytest
from brian2 import ms, mV, second
from pages import BLOCK, RECIPES, ROOT, brian2_kept, run_blocks
from superspike_brian.models import SUPERSPIKE, ModelError, chain

import superspike_brian as ss

DT = 0.2e-3  # s, of all recipes
INDEX = ROOT / "docs" / "recipes" / "index.md"


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    """Return a function that runs the blocks of a recipe in a folder of its own; what they set in Brian2 is undone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    gc.freeze()  # Brian2 collects garbage at each run: only that of the recipe
    with brian2_kept():
        yield lambda name: run_blocks(ROOT / "docs" / "recipes" / f"{name}.md")
    gc.unfreeze()


def steps(data, population, probe=0):
    """Units and steps (from the window's start) of the spikes in a probe window."""
    mine = data[f"spikes_{population}_probe"].values == probe
    times = data[f"spikes_{population}_time"].values[mine] - float(data.probe_start[probe])
    return data[f"spikes_{population}_unit"].values[mine], np.rint(times / DT).astype(int)


def trace(at, sizes, n, tau, late=1):
    """What jumps by `sizes` at some steps and decays with `tau` (s); a monitor sees it `late` steps after."""
    k = np.arange(n)[:, None] - (np.asarray(at) + late)
    return (np.where(k >= 0, np.exp(-np.maximum(k, 0) * DT / tau), 0) * sizes).sum(1)


def changed(data, *labels):
    return all((data[f"weights_{k}_end"] != data[f"weights_{k}_start"]).any() for k in labels)


def test_conductances_and_adaptive_threshold(recipe):
    found = recipe("own-neuron")
    run = found["run"].isel(probe=0)
    u, g_e, g_i = (run[f"{name}_output"].values[:, 0] for name in ("U", "g_e", "g_i"))
    units, at = steps(found["run"], "inputs")
    w = run.weights_1_start.values[units, 0]
    for g, sizes in ((g_e, np.maximum(w, 0) / 60e-3), (g_i, np.maximum(-w, 0) / 20e-3)):
        np.testing.assert_allclose(g, trace(at, sizes, len(g), 5e-3, late=5), atol=1e-12)  # 0.8 ms are four steps
        assert g.max() > 0.1
    total = 1 + g_e + g_i
    goal = (-60e-3 + g_i * -80e-3) / total  # E_e is 0
    np.testing.assert_allclose(u[1:], (goal + (u - goal) * np.exp(-DT * total / 10e-3))[:-1], rtol=1e-9)
    assert changed(found["run"], 1)

    run = found["adapted"].isel(probe=0)
    u, rise, sigma = (run[f"{name}_output"].values[:, 0] for name in ("U", "rise", "sigma_prime"))
    _, at = steps(found["adapted"], "output")
    assert len(at) > 1 and (u <= -50e-3 + rise).all() and (u > -50e-3).any()
    np.testing.assert_allclose(rise, trace(at, 2e-3, len(rise), 50e-3), atol=1e-12)
    np.testing.assert_allclose(sigma, (1 + abs(u + 50e-3 - rise) * 1e3) ** -2.0, rtol=1e-9)
    assert changed(found["adapted"], 1)

    u, current, tau = (found["varied"][f"{name}_hidden_1"].values[0] for name in ("U", "I_syn", "tau"))
    assert len(set(tau[0])) == 4 and (tau == tau[0]).all() and (abs(tau - 10e-3) <= 5e-3).all()
    goal = current - 60e-3
    np.testing.assert_allclose(u[1:], (goal + (u - goal) * np.exp(-DT / tau))[:-1], rtol=1e-9)
    assert np.ptp(u) > 1e-3 and changed(found["varied"], 1)


def test_dales_law_no_weight_changes_its_sign(recipe):
    found = recipe("dales-law")
    run = found["run"]
    for label, sign in {"inputs_to_exc": 1, "exc_to_inh": 1, "inh_to_exc": -1, "exc_to_output": 1}.items():
        start, end = (run[f"weights_{label}_{when}"].values for when in ("start", "end"))
        assert (sign * start > 0).all() and (sign * end >= 0).all() and (end != start).any(), label
    assert (run.weights_inputs_to_exc_end == 0).any()  # the bound was met
    start, end = (found["kept"][f"weights_inputs_to_output_{when}"].values[:, 0] for when in ("start", "end"))
    signs = np.repeat([1, -1], [80, 20])
    assert (signs * start > 0).all() and (signs * end >= 0).all() and (end == 0).any() and (end != start).any()


def test_adam_from_strings_is_adam(recipe):
    found = recipe("adam")
    np.testing.assert_allclose(found["mine"].weights_1_end, found["theirs"].weights_1_end, rtol=1e-12)
    assert changed(found["mine"], 1)


def test_a_window_is_recorded_while_weights_change(recipe):
    found = recipe("record")
    window, update = found["window"], 100  # 20 ms after its start
    assert window.probe_learning == 1 and float(window.probe_start) == pytest.approx(0.18)
    assert window.U_hidden_1.shape == (200, 2) and window.probed_unit_hidden_1.values.tolist() == [0, 2]
    for name in ("U_output", "error_output", "eligibility_forward_2", "z_pre_forward_1"):
        assert np.ptp(window[name].values) > 0, name
    w, m = window.w_forward_1.values, window.m_forward_1.values
    steps_of_w = np.flatnonzero((w[1:] != w[:-1]).any(axis=1)) + 1
    assert w.shape == (200, 20) and steps_of_w.tolist() == [update]
    assert m[update - 1].any() and not m[update].any()
    assert not np.diff(found["run"].isel(probe=0).w_forward_1, axis=0).any()  # beside the run: no plasticity


def test_weights_in_a_script_make_the_spikes_of_the_run(recipe):
    found = recipe("weights")
    assert changed(found["trained"], 1, 2)
    network, short = chain([4]).starting_from(found["trained"]), {**found["short"], "duration": 0.2 * ms}
    rest = ss.train("spike-timing", SUPERSPIKE, network, seed=1, **short)
    for monitor, population in zip(found["spikes"], ("hidden_1", "output"), strict=True):
        expected = sorted(zip(*steps(rest, population), strict=True))
        assert sorted(zip(monitor.i, np.rint(monitor.t / second / DT).astype(int), strict=True)) == expected
        assert len(expected) > 1


def test_a_warm_start_begins_with_the_weights_and_nothing_else(recipe):
    found = recipe("warm-start")
    first, then, partly = (found[name] for name in ("first", "then", "partly"))
    assert changed(first, 1, 2)
    for k in (1, 2):
        np.testing.assert_array_equal(then[f"weights_{k}_start"], first[f"weights_{k}_end"])
    np.testing.assert_array_equal(partly.weights_1_start, first.weights_1_end)
    assert not np.isin(partly.weights_2_start, first.weights_2_end).any()
    np.testing.assert_array_equal(then.feedback_1, first.feedback_1)
    assert not np.isin(partly.feedback_1, first.feedback_1).any()
    assert ss.load_network("first")["forward_1"].v[:].max() > 0
    anew = ss.load_network("then", "start")
    assert not anew["forward_1"].v[:].any() and not anew["output"].error[:].any() and float(anew.t) == 0
    with pytest.raises(ModelError, match=r"\(100, 4\).*\(100, 5\)"):
        ss.train("spike-timing", SUPERSPIKE, chain([5]).starting_from(first), seed=1, **found["short"])


def test_schedules(recipe):
    found = recipe("schedule")
    run, faded = found["run"], found["faded"]
    np.testing.assert_allclose(run.r0, [1e-3, 1e-3, 1e-3, 1e-4])
    steps = {
        label: abs(np.diff(run[f"weights_{label}_snapshots"].values, axis=0)).max((1, 2))
        for label in ("inputs_to_hidden", "inputs_to_output")
    }  # largest change by the updates at 100, 200 and 300 ms
    assert steps["inputs_to_hidden"][0] > 0 and not steps["inputs_to_hidden"][1:].any()
    assert steps["inputs_to_output"][0] == 0
    np.testing.assert_allclose(steps["inputs_to_output"][1:], [0.5e-3, 0.05e-3], rtol=1e-6)
    # the first update of RMaxProp has the size of the learning rate
    moved = abs(faded.weights_1_snapshots[0] - faded.weights_1_start).values
    np.testing.assert_allclose(moved[moved > 0], 1e-3 * np.exp(-1), rtol=1e-6)
    assert moved.any() and (faded.r0 == 1e-3).all()


def test_an_error_signal(recipe):
    found = recipe("error")
    run, tau = found["run"], 0.1
    (_, targets), (_, outputs) = steps(run, "targets"), steps(run, "output")
    assert len(targets) and len(outputs)
    error, cost = (run[f"{name}_output"].values[0, :, 0] for name in ("error", "cost"))
    impulses = trace(targets, 1, len(error), tau) - trace(outputs, 1, len(error), tau)
    np.testing.assert_allclose(error, impulses / tau, atol=1e-9)
    np.testing.assert_allclose(np.diff(cost), ((2 * tau * error**2 - cost) * DT / 10)[:-1], atol=1e-12)
    assert changed(run, 1, 2)


def test_own_data(recipe):
    found = recipe("own-data")
    run, answered = found["run"], found["answered"]
    np.testing.assert_allclose(run.input_time, [0.001, 0.004, 0.0074, 0.009], atol=DT)
    assert run.input_unit.values.tolist() == [0, 2, 1, 0] and run.target_unit.values.tolist() == [1, 0, 1]
    np.testing.assert_allclose(run.target_time, [0.005, 0.012, 0.015])
    assert changed(run, 1) and changed(answered, 1, 2)
    assert answered.sizes["test"] == 2 and 0 <= float(answered.tests_accuracy[-1]) <= 1
    assert "three inputs, two outputs" in found["task"].describe()


def test_a_sweep_of_two_workers(recipe):
    found = recipe("cluster")
    data = found["data"]
    assert dict(data.sizes) == {"r0": 2, "seed": 2, "block": 1} and not any(data.message.values.ravel())
    asked = found["make"](seed=1, r0=0.5 * mV)
    alone = ss.train(**asked, seed=1, **found["short"])
    assert float(data.final_cost.sel(r0=0.5e-3, seed=1)) == float(alone.cost[-1].mean()) > 0
    assert changed(ss.load("sweep/r0=1mV/seed-000"), 1)


def test_a_live_plot_shows_what_the_run_has_found(recipe, tmp_path):
    found = recipe("live-plot")
    run, (line,) = found["run"], found["curve"].lines
    np.testing.assert_array_equal(line.get_xdata(), run.time)
    np.testing.assert_array_equal(line.get_ydata(), run.cost.mean("output"))
    assert len(run.time) == 3 and found["weights"].get_title() == "0.3 s"
    np.testing.assert_allclose(found["times"], run.time)
    np.testing.assert_allclose(found["costs"], run.cost.mean("output"))
    assert (tmp_path / "live.png").exists() and (tmp_path / "loop.png").exists()


def test_a_gradient_tells_edited_rules_apart(recipe):
    pytest.importorskip("jax", reason="jax is not installed: the extra 'gradient'")
    found = recipe("gradient")["found"]
    good, blind, wrong = ([found[name][k].cosine for k in ("forward_1", "forward_2")] for name in found)
    assert all(f.spikes["hidden_1"] > 3 and f.spikes["output"] > 1 for f in found.values())
    assert good[1] > 0.95 and blind[1] < good[1] - 0.02
    np.testing.assert_allclose(wrong, [-c for c in good])


def test_networks(recipe):
    found = recipe("networks")
    loop = found["recurrent"].coords
    ends = [loop[f"{side}_hidden_1_to_hidden_1"].values for side in ("pre", "post")]
    assert len(set(zip(*ends, strict=True))) == 56 and (ends[0] != ends[1]).all()
    assert changed(found["recurrent"], 1, "hidden_1_to_hidden_1", 2)
    assert len(set(zip(found["sparse"].pre_1.values, found["sparse"].post_1.values, strict=True))) == 160
    assert changed(found["sparse"], 1)
    for name, tau in (("slow", 40e-3), ("fast", 4e-3)):
        assert_decays(found["layered"], name, tau)
    assert changed(found["layered"], "inputs_to_slow", "slow_to_fast", "fast_to_output")
    delay = ss.load_network("delayed")["inputs_to_output"].delay / ms
    assert len(set(delay)) == 100 and 1 <= min(delay) < 1.5 and 4.5 < max(delay) <= 5


def assert_decays(data, population, tau, tau_syn=5e-3):
    """U between two steps is the closed form of both exponentials, save in the refractory period."""
    u, current = (data[f"{name}_{population}"].values[-1] for name in ("U", "I_syn"))
    part = current * tau_syn / (tau_syn - tau)
    expected = -60e-3 + part * np.exp(-DT / tau_syn) + (u + 60e-3 - part) * np.exp(-DT / tau)
    held = u[1:] == -60e-3
    np.testing.assert_allclose(u[1:][~held], expected[:-1][~held], rtol=1e-9)
    assert (~held).mean() > 0.5 and np.ptp(u) > 1e-3


def test_the_list_of_recipes_is_whole(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "extensions"))
    from from_the_code import LINES, lines_of

    text, pages = INDEX.read_text(), {p.stem for p in RECIPES} - {"index"}
    listed = text.partition("{toctree}")[2].split("```")[0].split()[1:]
    assert len(listed) == len(pages) and set(listed) == pages == set(re.findall(r"\(([\w-]+)\.md", text))
    wishes = [row.split(" | ") for row in re.findall(r"^\| (.*) \|$", text, re.M)[1:]]
    assert len(wishes) == 13
    for recipe, lines in ((row[1], row[2]) for row in wishes if LINES.fullmatch(row[2])):
        assert re.fullmatch(r"\[.*\]\((.*)\)", recipe)[1] == LINES.fullmatch(lines)[1]
        assert 5 <= lines_of(LINES.fullmatch(lines)[1]) <= 40
    with pytest.raises(ValueError, match="no section"):
        lines_of("networks.md#a-self-made-layer")
    for page in set(RECIPES) - {INDEX}:
        tokens = tokenize.generate_tokens(io.StringIO("".join(BLOCK.findall(page.read_text()))).readline)
        kinds = tokenize.NAME, tokenize.OP, tokenize.NUMBER, tokenize.STRING
        code = {n for t in tokens if t.type in kinds for n in range(t.start[0], t.end[0] + 1)}
        assert lines_of(page.name) == len(code), page.name
        assert all(part in page.read_text() for part in ("**Look at** ", "**Does not work:** ")), page.name
