"""The framework of the figures does a tiny experiment, reuses its runs, and refuses others; findings can fail."""

import csv
import json
from types import SimpleNamespace

import numpy as np
import pytest
from brian2 import ms, mV, second
from matplotlib import pyplot as plt
from superspike_brian.models import READOUT, SUPERSPIKE, WINDOWED
from superspike_brian.tasks import randman as random_manifolds
from superspike_brian.tasks import xor

from superspike_brian import experiments, reproduce
from superspike_brian.experiments import (
    Condition,
    Finding,
    Setting,
    _labelled,
    _ladder,
    _measured,
    _panels,
    digits,
    eprop,
    fig1,
    fig2,
    fig4,
    fig5,
    fig5_sizes,
    fig6,
    fig7,
    fig8,
    final_cost,
    gradient,
    mean_by,
    memory,
    oxford,
    randman,
    recipe,
    recurrence,
)
from superspike_brian.experiments._labelled import Labelled, Shown
from superspike_brian.figures.palette import other
from superspike_brian.network.structure import Structure
from superspike_brian.results.folder import RunFolder
from superspike_brian.spec.run import RunSpec
from superspike_brian.sweeps.jobs import Job


@pytest.fixture
def tiny(poisson_task, monkeypatch):
    """Experiment of one condition, 1 s long, whose learning rate is `tiny.r0`."""
    module = SimpleNamespace(r0=1 * mV, SEEDS={"quick": 2, "full": 2})

    def jobs(setting):
        options = {"duration": 1 * second, "burn_in": 0.2 * second}
        return setting.jobs({"only": Condition(poisson_task(12, 3, 1), SUPERSPIKE.replace(r0=module.r0), (), options)})

    module.jobs = jobs
    module.table = lambda runs: [{"seed": r.attrs["seed"], "cost_hz": final_cost(r)} for r in runs["only"]]
    module.findings = lambda rows: [Finding("a", "two seeds", f"{len(rows)} seeds", len(rows) == 2)]
    module.draw = lambda runs: plt.figure()
    monkeypatch.setattr(reproduce, "experiment", lambda name: module)
    return module


def test_runs_once_then_reuses(tiny, tmp_path, build_dir):
    setting, said = Setting("quick", 2, tmp_path, build_dir), []
    found, paths = reproduce.reproduce("tiny", setting, report=said.append)
    assert [f.holds for f in found] == [True]
    assert {p.name for p in paths} == {"tiny.png", "tiny.pdf", "tiny.csv", "tiny.txt", "reproduced.json"}
    known = json.loads((tmp_path / "reproduced.json").read_text())["tiny"]
    assert (known["scale"], known["seeds"], known["runs"]) == ("quick", 2, 2) and known["duration_s"] > 0
    with open(tmp_path / "tiny.csv") as file:
        rows = list(csv.DictReader(file))
    assert [r["seed"] for r in rows] == ["0", "1"]
    assert rows[0]["cost_hz"] != rows[1]["cost_hz"]
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "tiny" / "runs").rglob("run.nc")}
    reproduce.reproduce("tiny", setting, report=said.append)
    assert said[-1] == "2 of 2 runs are there, 0 to do"
    assert before == {p: p.stat().st_mtime_ns for p in (tmp_path / "tiny" / "runs").rglob("run.nc")}
    assert RunFolder(tmp_path / "tiny" / "runs" / "only-s1").request["precision"] == "single"
    tiny.r0 = 2 * mV
    with pytest.raises(ValueError, match=r"only-s0 holds a run with other settings \(r0 of the optimizer\)"):
        reproduce.reproduce("tiny", setting, report=said.append)
    reproduce.reproduce("other", setting, report=said.append)  # another figure may have a condition of the same name
    assert said[0] == "0 of 2 runs are there, 2 to do" and (tmp_path / "other.csv").exists()
    spec = RunSpec.make(xor(), SUPERSPIKE.replace(error=WINDOWED), [4], duration=1 * second)
    other_kind = Job(tmp_path / "tiny" / "runs" / "only-s0", spec)
    assert {"on_cue of the error", "inputs_n", "sizes", "burn_in"} <= set(other_kind.difference().split(", "))


def test_what_is_measured_of_the_runs_comes_before_the_table(tiny, tmp_path, build_dir):
    tiny.measure = lambda runs, setting: {name: [r.assign(more=setting.seeds) for r in runs[name]] for name in runs}
    tiny.table = lambda runs: [{"more": int(r.more)} for r in runs["only"]]
    reproduce.reproduce("tiny", Setting("quick", 2, tmp_path, build_dir), report=lambda text: None)
    assert (tmp_path / "tiny.csv").read_text().split() == ["more", "2", "2"]


def test_a_failed_run_is_reported(tiny, tmp_path, build_dir):
    (tmp_path / "tiny" / "runs").mkdir(parents=True)
    (tmp_path / "tiny" / "runs" / "only-s0").write_text("in the way")
    with pytest.raises(reproduce.ReproductionError, match=r"1 of 1 runs failed.*it is a file"):
        reproduce.reproduce("tiny", Setting("quick", 1, tmp_path, build_dir), report=lambda text: None)


def test_experiments_are_found_by_name():
    for name in experiments.names():
        module = experiments.experiment(name)
        assert module.SEEDS.keys() == set(experiments.SCALES)
        assert module.__doc__
        assert all(callable(getattr(module, part)) for part in ("jobs", "table", "findings", "draw"))
    with pytest.raises(ValueError, match="did you mean 'fig7'"):
        experiments.experiment("figg7")


def test_mean_by():
    rows = [{"k": "b", "v": 1}, {"k": "a", "v": 5}, {"k": "b", "v": 2}]
    assert list(mean_by(rows, "k", "v").items()) == [("b", 1.5), ("a", 5)]


def fig7_rows(scale, duration=1000.0, **changed):
    cost = {c: 1.0 * k for k, c in enumerate(fig7.LOOKS, 3)} | dict(fig7.REFERENCE)
    cost |= {fig7.RANDOM_FEEDBACK: 9.0} | {k.replace("_", "-"): v for k, v in changed.items()}
    rates = {fig7.RANDOM_FEEDBACK: 60.0}
    return [
        {
            "condition": c,
            "n_hidden": 0 if c == fig7.NO_HIDDEN else 256,
            "simulated_s": duration,
            "cost_hz": scale * v,
            "hidden_rate_hz": rates.get(c, 7.0),
        }
        for c, v in cost.items()
    ]


def test_findings_of_figure_7_can_fail():
    good = fig7.findings(fig7_rows(1.05))
    assert all(f.holds for f in good)
    assert len(good) == 5 + len(fig7.REFERENCE)
    assert [f.panel for f in fig7.findings(fig7_rows(1.2)) if not f.holds] == ["b"] * 5  # order kept, numbers missed
    assert len(fig7.findings(fig7_rows(1.2, duration=200.0))) == 5
    bad = [f for f in fig7.findings(fig7_rows(1, auryn_random_256=2.0)) if not f.holds]
    assert [f.expected for f in bad] == ["no hidden layer < random + regulariser < random"]
    assert "DOES NOT HOLD" in str(bad[0])
    assert "random 2 Hz < random + regulariser" in bad[0].found


def test_findings_of_oxford_can_fail():
    def holds(end, seconds):
        rows = [{"cost_start_hz": 50.0, "cost_end_hz": end, "simulated_s": seconds}]
        return oxford.findings(rows)[0].holds

    assert [holds(4.7, 1000), holds(4.8, 1000), holds(24, 200), holds(26, 200)] == [True, False, True, False]


def failing(module, costs, seconds, **columns):
    """What a module expected in vain of some costs by condition."""
    rows = [{"condition": name, "cost_hz": cost, "simulated_s": seconds} | columns for name, cost in costs.items()]
    return [f.expected for f in module.findings(rows) if not f.holds]


def test_findings_of_recurrence_can_fail():
    good = dict(zip(recurrence.LOOKS, (0.5, 0.47, 0.48, 0.33, 0.35, 0.33), strict=True))
    inhibited = {"self_weight_mv": -30.0}
    assert failing(recurrence, good, 1000, **inhibited) == []
    assert failing(recurrence, good, 1000, self_weight_mv=1.0) == ["outputs inhibit themselves"]
    slow = {name: 2 * cost for name, cost in good.items()}
    assert [e.split(":")[0] for e in failing(recurrence, slow, 1000, **inhibited)] == list(recurrence.BOUNDS)
    assert failing(recurrence, slow, 200, **inhibited) == []
    alone = failing(recurrence, good | {"itself": 0.6, "others": 0.3}, 1000, **inhibited)
    assert alone == [
        "an output's weight onto itself is enough for that",
        "without those onto themselves they end worse",
    ]


def test_findings_of_memory_can_fail():
    good = dict(zip(memory.LOOKS, (1.0, 0.9, 0.4, 0.3, 0.2), strict=True))
    same = ["the reset makes hidden spikes the same in every loop"]
    assert failing(memory, good, 600, hidden_repeated=1.0) == same  # without reset, too
    assert failing(memory, good | {"reservoir": 0.5}, 600, hidden_repeated=0.2) == [
        *same,
        "without recurrence it is worse",
        "reservoir: mean at most 0.45 Hz",
    ]
    assert failing(memory, good | {"reservoir": 0.95}, 150, hidden_repeated=0.2) == [
        "without the reset it is worse",
        *same,
    ]


def gradient_rows(**changed):
    """A table as it should come out; `changed` are cosines by condition, layer, moment and what is compared."""
    cosines = {("symmetric", "hidden"): 0.8, ("random", "hidden"): 0.4, ("uniform", "hidden"): 0.1}
    cosines |= {(name, "output"): 0.98 for name in _panels.LOOKS}
    rows = [(*key, moment, "rule", value) for key, value in cosines.items() for moment in _measured.MOMENTS]
    ladder = zip(_ladder.RUNGS, (0.97, 0.96, 0.82, 0.81), strict=True)
    rows += [("symmetric", "hidden", "end", rung, value) for rung, value in ladder]
    controls = {"wrong sign": -0.8, "shuffled error": 0.1, "silent network": ""}
    rows += [("symmetric", "hidden", "end", what, value) for what, value in controls.items()]
    names = "condition", "layer", "moment", "compared", "cosine"
    table = [dict(zip(names, row, strict=True), slope_hz_per_mv=100.0, norm_ratio=1.0) for row in rows]
    table = [row for row in table if (row["condition"], row["layer"], row["moment"]) != ("random", "hidden", "start")]
    table.append(table[0] | {"condition": "random", "moment": "start", "cosine": 0.0})
    for row in table:
        row["cosine"] = changed.get(row["compared"].replace(" ", "_"), row["cosine"])
        row["cosine"] = (
            changed.get(f"{row['condition']}_{row['layer']}", row["cosine"])
            if row["compared"] == "rule"
            else row["cosine"]
        )
    return table


def test_findings_of_the_gradient_can_fail():
    def failing(**changed):
        return [k for k, f in enumerate(gradient.findings(gradient_rows(**changed))) if not f.holds]

    assert failing() == []
    assert failing(none_output=0.7) == [0]
    assert failing(symmetric_hidden=0.3) == [1]
    assert failing(uniform_hidden=0.5) == [2]
    assert failing(random_hidden=0.05) == [2, 3]  # before learning, too
    assert failing(delay_dropped=0.85) == [4]
    assert failing(wrong_sign=0.1) == [5]
    assert failing(shuffled_error=0.5) == [6]
    assert failing(silent_network=1.0) == [7]


def some_tables(module):
    """Tables of an experiment as chance makes them: conditions differ by decades, seeds by a few percent."""
    rng = np.random.default_rng(1)
    columns = {  # of the numbers in a row: what a condition is, and how its numbers are drawn
        fig1: [{"optimizer": o, "r0_mV": r} for o in fig1.RATES for r in fig1.STEPS],
        fig2: [{}],
        fig4: [
            {"feedback": f, "hidden": n, "all_feedback_negative": a} for f in fig4.LOOKS for n in (4, 8) for a in (0, 1)
        ],
        fig5: [{"condition": c, "outputs_with_positive_feedback": 2} for c in fig5.LOOKS],
        fig5_sizes: [{"rule": r, "hidden": n} for r in fig5_sizes.LOOKS for n in fig5_sizes.SIZES],
        fig6: [{}],
        recipe: [{"set": s, "condition": c} for s in recipe.LENGTHS for c in recipe.STEPS],
        fig8: [{"a": None, "rho": None}, *({"a": a, "rho": r} for a in (0, 1, 4) for r in (0.01, 1.0, 10.0, 1000.0))],
    }[module]
    costs = (
        "cost_start_hz",
        "cost_end_hz",
        "rate_start_hz",
        "hidden_rate_hz",
        "hidden_rate_mean_hz",
        "hidden_rate_p95_hz",
    )
    parts = ("accuracy", "targets_hit")
    for _ in range(400):
        rows = []
        for condition in columns:
            numbers = {c: 10 ** rng.uniform(-2, 2) for c in costs} | {"hidden_cv_mean": rng.uniform(0, 2)}
            numbers |= {p: rng.choice([0.3, 0.85, 0.995]) for p in parts} | {"time_to_95_s": rng.choice([None, 100.0])}
            vary = {k: v * rng.uniform(0.999, 1.001, size=2) if v is not None else [v, v] for k, v in numbers.items()}
            for k in (0, 1):
                row = condition | {"seed": k, "simulated_s": 1000.0} | {n: v[k] for n, v in vary.items()}
                rows.append(row | {"cost_hz": row["cost_end_hz"]})
        yield rows


@pytest.mark.parametrize(
    "module", [fig1, fig2, fig4, fig5, fig5_sizes, fig6, fig8, recipe], ids=lambda m: m.__name__.rpartition(".")[2]
)
def test_every_finding_can_hold_and_can_fail(module):
    holds = {}
    for rows in some_tables(module):
        for k, finding in enumerate(module.findings(rows)):
            holds.setdefault((k, finding.expected), set()).add(bool(finding.holds))
    assert holds and {k: v for k, v in holds.items() if v != {True, False}} == {}


@pytest.mark.parametrize("reset", [True, False])
def test_the_reset_of_the_reservoir_reaches_every_unit_from_one_input(reset):
    structure = Structure(SUPERSPIKE, memory.reservoir(5, reset).sized(4, 3))
    assert structure.n_synapses_of("inputs_to_hidden") == (5 if reset else 20)
    assert structure.models["inputs_to_hidden"].neuron.on_input == ("I_slow_post += w" if reset else "I_syn_post += w")


def test_hits_count_target_spikes_with_an_output_of_the_same_unit_nearby():
    targets = np.array([0.1, 0.2, 0.3, 0.4]), np.array([0, 0, 1, 2])
    outputs = np.array([0.104, 0.194, 0.3]), np.array([0, 0, 2])
    assert fig6.hits(targets, outputs, 0.005) == 0.25
    assert fig6.hits(targets, outputs, 0.0061) == 0.5
    assert fig6.hits(targets, targets, 0.0) == 1


def labelled_rows(shown, seconds, **changed):
    """Rows of an experiment on labelled samples that reaches what is required, save for what is changed."""
    reached = {name: s.required or s.at_most or 0.5 for name, s in shown.items()} | changed
    rows = [
        {
            "condition": name,
            "samples": shown[name].samples,
            "simulated_s": seconds,
            "accuracy": accuracy,
            "training_accuracy": 1.0,
        }
        for name, accuracy in reached.items()
    ]
    return [*rows, {"condition": "BPTT", "samples": rows[0]["samples"], "accuracy": 0.123, "training_accuracy": 1.0}]


@pytest.mark.parametrize(
    ("module", "first", "control"),
    [(digits, "rate", "shuffled"), (randman, "10ms", "no-hidden")],
    ids=["digits", "randman"],
)
def test_findings_of_labelled_samples_can_fail(module, first, control):
    def failing(seconds, **changed):
        return [f.expected for f in module.findings(labelled_rows(module.SHOWN, seconds, **changed)) if not f.holds]

    label, least = module.SHOWN[first].look.label, module.SHOWN[first].required
    assert failing(module.FULL) == []
    assert failing(module.FULL, **{first: least - 0.01}) == [
        f"{label}: at least {least:.1%} (wanted: {module.SHOWN[first].wanted:.1%})"
    ]
    assert len(failing(module.FULL / 5, **{first: least - 0.01})) == 0
    assert len(failing(module.FULL / 5, **{first: 0.5})) == 1
    assert [e.split(":")[0] for e in failing(module.FULL / 5, **{control: 0.6})] == [module.SHOWN[control].look.label]
    text = [f.found for f in module.findings(labelled_rows(module.SHOWN, module.FULL))][len(module.SHOWN) :]
    assert text[0] == "logistic regression: its package is missing, perceptron: its package is missing, BPTT 12.3%"


@pytest.mark.parametrize("module", [digits, randman], ids=["digits", "randman"])
def test_seeds_of_labelled_samples_hold_out_others_by_turns(module, tmp_path):
    pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
    jobs = {job.out.name: job.spec for job in module.jobs(Setting("full", 3, tmp_path))}
    assert {name.rpartition("-s")[0] for name in jobs} == set(module.SHOWN)
    for name, shown in module.SHOWN.items():
        tests = [jobs[f"{name}-s{seed}"].task.test.key for seed in range(3)]
        assert tests[0] == tests[2] != tests[1]
        assert jobs[f"{name}-s0"].precision == "single"
        assert float(jobs[f"{name}-s0"].duration) >= module.FULL
        for another, also in module.SHOWN.items():
            same = jobs[f"{name}-s0"].task.training.key == jobs[f"{another}-s0"].task.training.key
            assert same == (shown.samples == also.samples)


def test_shuffled_digits_are_the_same_images_with_the_same_number_of_each_label(tmp_path):
    pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
    jobs = {job.out.name: job.spec.task for job in digits.jobs(Setting("quick", 1, tmp_path))}
    right, wrong = jobs["rate-s0"], jobs["shuffled-s0"]
    assert right.test.key == wrong.test.key
    np.testing.assert_array_equal(right.training.units, wrong.training.units)
    np.testing.assert_array_equal(np.bincount(right.training.labels), np.bincount(wrong.training.labels))
    assert np.mean(right.training.labels == wrong.training.labels) < 0.2


def test_an_experiment_on_labelled_samples_measures_baselines_of_the_same_samples(tmp_path, monkeypatch, build_dir):
    asked = []

    def baseline(task, seed):
        asked.append((task.test.key, seed))
        return _labelled.Accuracy(0.7, 0.8)

    def missing(task, seed):
        raise _labelled.MissingPackageError("no package")

    monkeypatch.setattr(_labelled, "BASELINES", {"one": ("s", baseline), "other": ("D", missing)})
    shown = {"some": Shown(other(0, "some"), "few", 0.5, 0.9), "control": Shown(other(1, "none"), "few", at_most=1.0)}
    small = Labelled(
        shown,
        lambda samples, split: random_manifolds(6, 2, samples=10, test_samples=5, pause=20 * ms, seed=split),
        full=1,
        quick=0.1,
    )
    module = SimpleNamespace(SEEDS=digits.SEEDS, table=small.table, findings=small.findings, draw=small.draw)
    module.jobs = lambda setting: setting.jobs(
        {
            name: Condition(small.task("few"), READOUT, (), {"duration": 1 * second, "burn_in": 0.2 * second})
            for name in shown
        }
    )
    monkeypatch.setattr(reproduce, "experiment", lambda name: module)
    found, paths = reproduce.reproduce("small", Setting("full", 3, tmp_path, build_dir), report=lambda text: None)
    assert all(path.exists() for path in paths)
    assert asked == [(small.make("few", seed).test.key, seed) for seed in (0, 1)]  # once, though figure and table ask
    with open(tmp_path / "small.csv") as file:
        rows = list(csv.DictReader(file))
    assert [(r["condition"], r["split"]) for r in rows] == [
        *(("some", split) for split in "010"),
        *(("control", split) for split in "010"),
        ("one", "0"),
        ("one", "1"),
    ]
    assert found[-1].found == "one 70.0%, other: its package is missing"


def eprop_rows(**costs):
    """Rows of the experiment's table: each condition from 100 Hz to what is given, else 1 Hz, and five losses."""
    rows = [
        {
            "condition": name,
            "cost_first_hz": 100.0,
            "cost_hz": costs.get(name.replace("-", "_"), 1.0),
            "simulated_s": 1000.0,
        }
        for name in eprop.LOOKS
    ]
    far = 1 + costs.get("apart", 0.0)
    return rows + [{"condition": eprop.PUBLISHED, "loss": x * far, "published_loss": x} for x in eprop.NEST]


@pytest.mark.parametrize(
    ("costs", "fails"),
    [
        ({"waves_readout": 60.0}, []),
        ({"waves_readout": 60.0, "apart": 2e-8}, ["five losses"]),
        ({"waves_readout": 60.0, "waves_eprop": 30.0}, ["e-prop learns sine waves"]),
        ({"waves_readout": 60.0, "waves_superspike": 30.0}, ["SuperSpike learns sine waves"]),
        ({"waves_readout": 60.0, "timing_eprop": 30.0}, ["e-prop learns spike timing"]),
        ({"waves_readout": 60.0, "timing_superspike": 30.0}, ["SuperSpike learns spike timing"]),
        ({"waves_readout": 0.5}, ["plastic recurrent units"]),
    ],
)
def test_findings_of_eprop_can_fail(costs, fails):
    failed = [f.expected for f in eprop.findings(eprop_rows(**costs)) if not f.holds]
    assert len(failed) == len(fails) and all(a.startswith(b) for a, b in zip(failed, fails, strict=True))
