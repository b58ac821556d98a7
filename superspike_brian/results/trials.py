"""The part of a run's dataset that trials add: their patterns, and tables of what was asked and answered."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from brian2 import Quantity
from numpy.typing import ArrayLike

from ..analysis import NONE, begun, confusion, decode, false_alarm_rate, score
from ..network.trials import MOVING, Answers, SampleSource, TrialSource, trial_source
from ..spec.run import RunSpec
from ..tasks import Classification, SpikePattern, Trials
from ..values.hints import Array, Floats, Integers, State

if TYPE_CHECKING:
    import xarray as xr


Labelled: TypeAlias = tuple[Any, Array, dict[str, str]]  # dimensions, values, attributes


def labelled(dims: str | tuple[str, ...], values: ArrayLike, units: str, long_name: str) -> Labelled:
    """A variable of a dataset."""
    return dims, np.asarray(values), {"units": units, "long_name": long_name}


def as_run(pattern: SpikePattern, dt: Quantity) -> tuple[Integers, Integers]:
    """Steps and units of a pattern's spikes, as the network got them; what merged was said when it was built."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".* merged: ")
        return pattern.steps(dt)


def spikes_of_pattern(
    name: str, steps: Integers, units: Integers, dt: Quantity, what: str, since: str
) -> dict[str, Labelled]:
    """Variables NAME_time (s), NAME_step and NAME_unit, shape (spikes,), of a pattern that ran in steps of `dt`."""
    dim = f"{name}_spike"
    return {
        f"{name}_time": labelled(dim, steps * float(dt), "s", f"{what} time {since}, as it ran"),
        f"{name}_step": labelled(dim, steps, "1", f"time step of the {what} {since}"),
        f"{name}_unit": labelled(dim, units.astype(np.int32), "1", f"unit of the {what}"),
    }


def pattern_table(task: Classification, dt: Quantity) -> dict[str, Labelled]:
    """Spikes, in steps of `dt`, and class of each pattern."""
    ran = [as_run(pattern, dt) for pattern in task.patterns]
    steps, units = (np.concatenate(each) for each in zip(*ran, strict=True))
    numbers = np.repeat(np.arange(len(ran)), [len(each) for each, _ in ran])
    return spikes_of_pattern("pattern", steps, units, dt, "input spike", "after the onset") | {
        "pattern_number": labelled("pattern_spike", numbers.astype(np.int32), "1", "pattern of the spike"),
        "pattern_class": labelled("pattern", np.array(task.classes, np.int32), "1", "class of the pattern"),
    }


def trial_tables(
    spec: RunSpec, blocks: Sequence[State], windows: Sequence[State], tests: Sequence[State], step: int
) -> dict[str, Labelled]:
    """Tables of trials; none for frozen patterns.

    Parameters
    ----------
    spec : RunSpec
        What the run is.
    blocks : list of dict
        What each block added: the trials of training.
    windows, tests : list of dict
        What was recorded in probe windows and in tests.
    step : int
        Last time step that is known.
    """
    mine = trial_source(spec.task, spec.structure, spec.seed, decoder=spec.decoder)
    if mine is None:
        return {}
    learned = [Answers.none(mine.structure), *(Answers.while_learning(b, mine.structure) for b in blocks)]
    tables = _table("trial", mine.trials(step), Answers.join(learned), mine)
    probes = [_asked(w, "probe", mine) for w in windows]
    number = np.repeat(np.arange(len(probes)), [len(trials) for trials, _ in probes])
    tables |= _joined([_table("probe_trial", t, a, mine) for t, a in probes])  # each alone: they may overlap in time
    tables["probe_trial_probe"] = labelled("probe_trial", number.astype(np.int32), "1", "probe window, from 0")
    tested = [_asked(t, "test", mine) for t in tests]
    if tested:
        trials, answers = tested[-1]
        dt = float(mine.dt)
        tables |= _table("test", trials, answers, mine) | _spikes_of_test(trials, answers, dt)
        tables["test_start"] = labelled((), int(tests[-1]["test/start"]) * dt, "s", "start of the test")
        tables |= _course_of_tests(tested, tests, mine)
    return tables


def _asked(record, what, mine):
    """Trials and answers of a probe window or of a test."""
    trials = Trials(*(record[f"{what}/trials.{f.name}"] for f in dataclasses.fields(Trials)))
    return trials, Answers.of(record, mine.structure, f"{what}/")


def _table(name, trials, answers, mine: TrialSource):
    _, false_alarms = score(trials, answers.steps, answers.units)
    dt, predictions = float(mine.dt), mine.predictions(trials, answers)
    rows = {
        "onset": (trials.onset * dt, "s", "onset of the stimulus"),
        "deadline": (trials.deadline * dt, "s", "end of the window of opportunity"),
        "pattern": (trials.pattern.astype(np.int32), "1", "number of the pattern"),
        "class": (trials.label.astype(np.int32), "1", "class: the output unit that should answer"),
        "prediction": (predictions.astype(np.int32), "1", f"unit that answered ({mine.decoder}), -1 for none"),
        "correct": ((predictions == trials.label).astype(np.int8), "1", "1: the right unit answered"),
        "false_alarms": (false_alarms.astype(np.int32), "1", "output spikes since the deadline before"),
    }
    table = {f"{name}_{row}": labelled(name, *what) for row, what in rows.items()}
    if mine.every:
        potentials = answers.at(trials)
        table[f"{name}_potential"] = labelled((name, "output"), potentials, "volt", "potential at the deadline")
    return table


def _joined(tables):
    """One table of several of the same form."""
    return {
        name: (dims, np.concatenate([table[name][1] for table in tables]), attributes)
        for name, (dims, _, attributes) in tables[0].items()
    }


def _spikes_of_test(trials, answers, dt):
    """Output spikes in the windows of the last test, so that any decoder can read them later."""
    _, inside = begun(trials, answers.steps)
    return {
        "test_spike_time": labelled(
            "test_spike", answers.steps[inside] * dt, "s", "output spike in a trial of the test"
        ),
        "test_spike_unit": labelled("test_spike", answers.units[inside].astype(np.int32), "1", "its unit"),
    }


def _course_of_tests(tested, tests, mine):
    """Accuracy in all tests; of labelled samples, which are the same in each, the answers."""
    asked = [trials for trials, _ in tested]
    predictions = [mine.predictions(*one) for one in tested]
    times = [int(test["test/start"]) * float(mine.dt) for test in tests]
    correct = [float((p == trials.label).mean()) for p, trials in zip(predictions, asked, strict=True)]
    found = {
        "tests_time": labelled("tests", times, "s", "simulated time of a test"),
        "tests_accuracy": labelled("tests", correct, "1", "fraction of its trials that were answered correctly"),
    }
    if isinstance(mine, SampleSource):
        counts = confusion(asked[-1].label, predictions[-1], mine.structure.sizes[-1])
        text = "held-out samples by class and answer; the last answer is none"
        found["tests_prediction"] = labelled(
            ("tests", "test"), np.array(predictions, np.int32), "1", "unit that answered"
        )
        found["test_confusion"] = labelled(("output", "answer"), counts, "1", text)
    return found


def answers_of_test(data: xr.Dataset, decoder: str) -> Array:
    """Read the answers of the last test anew, with another decoder (`superspike_brian.analysis.decode`).

    Parameters
    ----------
    data : xarray.Dataset
        Results of a run with trials.
    decoder : {'first', 'most', 'strict', 'potential'}
        How to read them.

    Returns
    -------
    array of int, shape (trials,)
        Units, -1 for none; ``data.test_class`` is what they should be.
    """
    dt = data.attrs["dt_s"]

    def steps(name: str) -> Array:
        return np.rint(data[name].values / dt).astype(int)

    trials = Trials(steps("test_onset"), steps("test_deadline"), data.test_pattern.values, data.test_class.values)
    potentials = data.test_potential.values if "test_potential" in data else None
    spikes = steps("test_spike_time"), data.test_spike_unit.values
    return decode(decoder, trials, *spikes, data.sizes["output"], potentials)


def moving_accuracy(data: xr.Dataset, n: int = MOVING) -> tuple[Floats, Floats]:
    """Accuracy over the last `n` trials (fewer at the start), at each trial's deadline: times (s) and fractions."""
    correct = np.cumsum(np.r_[0, data.trial_correct.values.astype(int)])
    last = np.arange(1, len(correct))
    first = np.maximum(last - n, 0)
    return data.trial_deadline.values, (correct[last] - correct[first]) / (last - first)


def accuracy(data: xr.Dataset) -> dict[str, Any]:
    """Key figures of a classification as plain numbers; none for frozen patterns, None before the test."""
    if "trial_onset" not in data:
        return {}
    if "test_onset" not in data:
        return {"accuracy": None, "n_test": 0, "false_alarms_hz": None} | _course(data)
    rate = false_alarm_rate(
        data.test_onset.values, data.test_deadline.values, data.test_false_alarms.values, float(data.test_start)
    )
    found = {"accuracy": float(data.test_correct.mean()), "n_test": int(data.sizes["test"]), "false_alarms_hz": rate}
    if "test_confusion" in data:
        found |= _of_samples(data)
    return found | _course(data)


def what_was_tested(figures: Mapping[str, Any]) -> str:
    """What the accuracy among some key figures is about."""
    return "held-out samples" if "training_accuracy" in figures else "trials on fresh noise"


def _of_samples(data):
    """Training accuracy over the last tenth of the trials; of the held-out ones, what got no answer, or more than one."""
    recent = data.trial_correct.values[-max(1, data.sizes["trial"] // 10) :]
    found = {"training_accuracy": float(recent.mean()) if recent.size else None}
    if "test_potential" not in data:
        strict = answers_of_test(data, "strict")
        spiking = np.searchsorted(data.test_onset.values, data.test_spike_time.values, side="right") - 1
        silent = 1 - len(np.unique(spiking)) / data.sizes["test"]
        found |= {"silent": float(silent), "ambiguous": float((strict == NONE).mean() - silent)}
    return found


def _course(data):
    return {"time_to_95_s": time_to(data, 0.95), "criterion_met": bool(data.attrs.get("criterion_met", False))}


def time_to(data: xr.Dataset, level: float) -> float | None:
    """Simulated time (s) at which the moving accuracy first reaches `level` over a full window; None if it never does."""
    times, fractions = moving_accuracy(data)
    reached = np.flatnonzero(fractions[MOVING - 1 :] >= level)
    return float(times[MOVING - 1 :][reached[0]]) if reached.size else None
