"""The quality of learning is measured, compared with what is stored, and a rule that learns less is flagged."""

import json

import numpy as np
import pytest
import xarray as xr
from brian2 import Hz, mV, second
from command import superspike
from scipy.stats import ttest_ind
from superspike_brian.models import SUPERSPIKE
from superspike_brian.tasks import Task
from superspike_brian.tasks.spike_timing import frozen_poisson

from superspike_brian import learning, tasks
from superspike_brian.errors import MissingPackageError
from superspike_brian.experiments import Condition
from superspike_brian.learning import ACCURACY, COST, Case, LearningError


def entry(version="0.0.1", date="2026-01-01", **values):
    return {"version": version, "date": date, "cases": values}


def of(values, measured=COST, seconds=100.0):
    return {"measure": measured, "simulated_s": seconds, "values": values}


MODEL = SUPERSPIKE.replace(w_0=5 * mV, r0=3 * mV)  # silent until it learns, with any seed


def small(model):
    """12 inputs at 60 Hz, 3 outputs that should spike at 5 Hz, in a loop of 0.3 s."""
    patterns = [frozen_poisson(n, rate * Hz, 0.3 * second, n) for n, rate in ((12, 60), (3, 5))]
    options = {"duration": 80 * second, "burn_in": 5 * second, "precision": "double", "probe_every": 8 * second}
    return Case("small", Condition(Task("small", *patterns, "seed"), model, (), options), 4)


def test_a_rule_without_error_is_flagged(build_dir, claim):
    rule = MODEL.plasticity
    deaf = rule.replace(equations=rule.equations.replace("error_post*eligibility", "0*error_post*eligibility"))
    before = learning.measure([small(MODEL)], 2, build_dir, lambda line: None)
    after = learning.measure([small(MODEL.replace(plasticity=deaf))], 2, build_dir, lambda line: None)
    assert list(before) == ["small, 12-3"] and len(before["small, 12-3"]["values"]) == 4
    assert learning.compare(before, [entry(**before)])[1] == []
    table, worse = learning.compare(after, [entry(**before)])
    assert len(worse) == 1 and worse[0].startswith("small, 12-3: WORSE than 0.0.1 of 2026-01-01 by ")
    assert worse[0].partition(": ")[2] in table
    claim(
        "A rule that learns less is noticed",
        "a rule without error, four seeds; `superspike bench --learning` says",
        worse[0],
    )


def windows(output, targets, n=10000, dt=1e-4):
    """A run of 10 s with two outputs and windows of 1 s at 0, 6 and 10 s; spikes as (unit, time in the window, window)."""
    starts = np.array([0.0, 6.0, 10.0])
    found = {"probe_start": ("probe", starts), "probe_time": np.arange(n) * dt, "cost": ("output", np.zeros(2))}
    for name, spikes in (("output", output), ("targets", targets)):
        unit, time, probe = (np.array(v) for v in zip(*spikes, strict=True))
        values = {"unit": unit, "time": time + starts[probe], "probe": probe}
        found |= {f"spikes_{name}_{k}": (f"spikes_{name}", v) for k, v in values.items()}
    return xr.Dataset(found, attrs={"dt_s": dt, "simulated_s": 10.0})


def test_the_cost_is_that_of_unmatched_spikes():
    def cost(output, targets):
        return learning.mismatch(windows(output, targets))

    early = (0, 0.5, 0)  # does not count
    assert cost([early], [(0, 0.2, 1)]) == pytest.approx(0.25, rel=1e-3)  # one spike, of 2 s and two units
    assert cost([(1, 0.9999, 2), early], [(1, 0.3, 2)]) == pytest.approx(0.5, rel=1e-3)
    assert cost([(0, 0.2, 1), (1, 0.4, 1)], [(0, 0.2, 1), (1, 0.4, 1), early]) == pytest.approx(0, abs=1e-12)
    near = [cost([(0, 0.2 + gap, 1)], [(0, 0.2, 1)]) for gap in (0.001, 0.01, 0.1)]
    assert 0 < near[0] < 0.02 < near[1] < near[2] < 0.5


@pytest.mark.parametrize("n", [(3, 3), (10, 10), (5, 8)])
def test_a_difference_is_that_of_welch(n):
    rng = np.random.default_rng(1)
    found = set()
    for gap in np.linspace(-8, 8, 41):
        now, then = rng.normal(gap, 1, n[0]), rng.normal(0, 3, n[1])
        t, outside = learning.difference(now, then)
        test = ttest_ind(now, then, equal_var=False)
        assert t == pytest.approx(test.statistic) and outside == (test.pvalue < 0.0026998)
        found.add(outside)
    assert found == {True, False} or n == (3, 3)


def test_values_without_spread():
    assert learning.difference([1.0, 1.0], [1.0, 1.0]) == (0, False)
    assert learning.difference([0.9, 0.9], [1.0, 1.0]) == (-np.inf, True)


@pytest.mark.parametrize(
    ("measured", "values", "said"),
    [
        (COST, [5.0, 5.1, 4.9], "WORSE"),
        (COST, [0.5, 0.51, 0.49], "better"),
        (ACCURACY, [5.0, 5.1, 4.9], "better"),
        (ACCURACY, [0.5, 0.51, 0.49], "WORSE"),
        (COST, [1.0, 1.02, 0.98], ""),
    ],
)
def test_the_table(measured, values, said):
    stored = [entry(case=of([1.0, 1.01, 0.99], measured)), entry("0.0.2", case=of(values, measured), gone=of([1, 2]))]
    table, worse = learning.compare({"case": of(values, measured)}, stored)
    header, _, row, last = table.splitlines()
    assert [cell.strip() for cell in header.split("|")[5:7]] == ["0.0.1 of 2026-01-01", "0.0.2 of 2026-01-01"]
    cells = [cell.strip() for cell in row.split("|")[1:-1]]
    assert cells[:3] == ["case", measured, "100"] and cells[4] == "1 ± 0.01 (3)" and cells[5] == cells[3]
    assert cells[6].startswith(f"{said} than 0.0.1 of 2026-01-01 by ") if said else cells[6] == ""
    assert len(worse) == (said == "WORSE") and last == "Stored, and not measured: gone."


def test_what_was_measured_otherwise_is_not_compared():
    mine = {"case": of([5.0, 5.1, 4.9])}
    for other in (of([1.0, 1.1, 0.9], ACCURACY), of([1.0, 1.1, 0.9], seconds=50.0)):
        table, worse = learning.compare(mine, [entry(case=other)])
        assert worse == [] and table.splitlines()[2].count("±") == 1


def test_stored_values_are_kept(tmp_path):
    path = tmp_path / "stored.json"
    assert learning.read_stored(path) == []
    path.write_text(json.dumps({"format": 1, "entries": [entry(case=of([1.0, 2.0]))]}))
    learning.save({"case": of([3.0, 4.0])}, path)
    with pytest.raises(LearningError, match="already: --overwrite replaces them"):
        learning.save({"case": of([5.0, 6.0])}, path)
    assert [e["cases"]["case"]["values"] for e in learning.read_stored(path)] == [[1, 2], [3, 4]]
    learning.save({"case": of([5.0, 6.0])}, path, overwrite=True)
    assert [e["cases"]["case"]["values"] for e in learning.read_stored(path)] == [[1, 2], [5, 6]]
    for text, said in (("{", "cannot be read"), ("[]", "is no file of stored values"), ('{"format": 2}', "is no file")):
        path.write_text(text)
        with pytest.raises(LearningError, match=said):
            learning.read_stored(path)


def test_the_package_has_values_of_its_cases():
    """Of all that needs no data: a case that is changed without new values would never be compared."""
    newest = learning.read_stored()[-1]["cases"]
    found, skipped = learning.cases()
    assert [reason.partition(":")[0] for reason in skipped] == ["ssbm"] and len(found) > 10
    for case in found:
        mine = newest[case.name]
        assert (mine["measure"], mine["simulated_s"]) == (case.measure, float(case.first.duration))
        assert len(mine["values"]) == case.seeds and np.isfinite(mine["values"]).all()
    assert {name.partition(",")[0] for name in newest} >= {"ssbm:poisson", "ssbm:auryn", "ssbm:oxford"}


def test_what_cannot_be_tried_is_said(monkeypatch):
    def missing():
        raise MissingPackageError("scikit-learn is not there")

    monkeypatch.setattr(tasks, "digits", missing)
    found, skipped = learning.cases()
    assert skipped[0] == "digits: scikit-learn is not there" and "--data-dir" in skipped[1]
    assert {case.set for case in found} == {"spike-timing", "xor"}


@pytest.mark.usefixtures("surroundings")
def test_the_command(monkeypatch, tmp_path):
    values = {"case": of([1.0, 1.01, 0.99])}
    monkeypatch.setattr(learning, "cases", lambda data_dir: ([], ["ssbm: no copy"]))
    monkeypatch.setattr(learning, "measure", lambda chosen, workers, build_dir, report: values)
    command = ("bench", "--learning", "--stored", "mine.json", "--out", "b")
    found = superspike(*command, "--save")
    assert found.code == 0 and "Skipped: ssbm: no copy." in found.out
    assert found.out == (tmp_path / "b" / "learning.md").read_text()
    assert learning.read_stored("mine.json") == learning.read_stored("b/learning.json")
    again = superspike(*command, "--save")
    assert again.code == 2 and "--overwrite" in again.err and again.out == ""
    values = {"case": of([2.0, 2.01, 1.99])}
    found = superspike(*command)
    assert found.code == 2 and "learning is worse than it was: case: WORSE" in found.err and "WORSE" in found.out
    assert superspike(*command, "--save", "--overwrite").code == 2  # it says so, and does what it was asked for
    assert learning.read_stored("mine.json")[0]["cases"] == values
    for wrong, said in ((("--save",), "--save"), (("--learning", "--rounds", "2"), "--rounds")):
        assert f"{said} cannot be given" in superspike("bench", *wrong).err
