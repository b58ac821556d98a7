"""One run as a labelled dataset, in one self-describing file that needs nothing of this package to be read.

``run.nc`` is NetCDF4 (HDF5): ``xarray.open_dataset("run.nc")`` or any HDF5 viewer. Times are in seconds,
weights in volts, rates and costs in Hz; every variable but the parameters has ``units`` and ``long_name``. Ragged spike trains
are pairs of flat variables on a common dimension, ``..._time`` and ``..._unit``.

Times and names are coordinates: ``run.cost.plot.line(x="time")``, ``run.parameter_value.sel(parameter="tau_mem")``,
``run.U_output.sel(probed_unit_output=2, probe_time=slice(0, 0.1))``, ``run.test_correct.groupby("test_class").mean()``. So are
the starts of probe windows, onset, deadline and class of trials, the times of tests and snapshots, and the ends of synapses.

================================  ===========================================================================
variable                          content
================================  ===========================================================================
cost, rate (block, output)        learning curve: running average of the cost; firing rate in the block
time, r0 (block)                  end of the block; learning rate in it
weights_K_start, weights_K_end    weights of the K-th projection (pre_K, post_K), and weights_K_snapshots; of one without
                                  all pairs (synapse_K), between the units ``pre_K`` and ``post_K``
watched_time, watched_unit        spikes of the first output units over the whole run
spikes_POPULATION_time, ...       spikes in the probe windows: from the state at the start, at chosen times, and at the end,
                                  without plasticity; and windows of the run itself, with ``probe_learning`` 1
U_LAYER, error_LAYER, ...         state of the units ``probed_unit_LAYER`` in the probe windows (probe, probe_time, unit);
                                  NaN after the end of the run
m_forward_K, w_forward_K, ...     the same of some synapses, between the units ``probed_pre_K`` and ``probed_post_K``
input_time, target_time, ...      the task's patterns as they ran, in the order of time: on the grid of ``dt_s``, with
                                  steps (``..._step``); files of older versions have the times that were asked for
target_signal                     a target that is a signal: potentials (target_sample, output), each from
                                  ``target_signal_time`` on; then there are no target spikes
pattern_time, pattern_unit, ...   a classification's patterns, likewise: spikes after the onset, ``pattern_class`` of each
trial_onset, trial_class, ...     trials while it learned: onset, deadline, pattern, class, which unit answered and whether
                                  that was correct, and output spikes between it and the trial before (false alarms)
test_onset, ...                   the same without plasticity, in the last test: on fresh noise, or of held-out samples
test_spike_time, test_potential   output spikes in these trials, and potentials at their deadlines if they are the answer
tests_time, tests_accuracy        all tests; ``tests_prediction`` of held-out samples, which are the same in each
probe_trial_onset, ...            the same in the probe windows
parameter_value (parameter)       all parameters in SI units, by name, with ``parameter_unit`` and ``parameter_component``
================================  ===========================================================================
"""

from __future__ import annotations

import importlib.metadata
import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..files import datasets
from ..files.datasets import DamagedError, read_dataset
from ..files.datasets import save as save  # `results.save` and `results.load` belong together
from ..files.durable import RunFolderError, resume_command
from ..network.structure import in_words
from ..network.synapses import pairs
from ..spec.references import in_a_line, references
from ..spec.run import RunSpec
from ..spec.serialize import model_to_json
from ..tasks import Classification, LabelledTask, Signal
from ..values.as_json import unit_text
from ..values.hints import State
from ..values.quantities import measured
from . import stored
from .coordinates import with_coordinates
from .folder import FORMAT, RunFolder
from .network import network, populations
from .notes import at_bound, judge
from .probes import probe_variables, probe_windows
from .stored import stored_request, stored_spec
from .trials import accuracy, as_run, labelled, pattern_table, spikes_of_pattern, trial_tables, what_was_tested

if TYPE_CHECKING:
    import xarray as xr

logger = logging.getLogger(__name__)
_READ = {  # attributes that summaries and figures read
    **dict.fromkeys(("title", "task", "task_source", "precision", "feedback", "date", "machine", "command"), str),
    **dict.fromkeys(("simulated_s", "wall_s", "build_s", "period_s", "theta_V", "seed", "n_synapses"), float),
}
_CURVES = {"time": ("block",), "r0": ("block",), "cost": ("block", "output"), "rate": ("block", "output")}


class NoResultsError(RunFolderError):
    """A run that is not there, or has not come to its first checkpoint."""


def assemble(
    folder: RunFolder,
    spec: RunSpec | None = None,
    newest: tuple[int, int, State] | None = None,
    last_probe: State | None = None,
    build_seconds: float = 0.0,
    records: Sequence[State] | None = None,
) -> xr.Dataset:
    """Make the dataset of a run, finished or not, from its folder.

    Parameters
    ----------
    folder : RunFolder
        Request, log and newest checkpoint.
    spec : RunSpec, optional
        What the run is; default: what the folder says.
    newest : tuple, optional
        Step, log length and state of the last block, if the caller has just saved it; default: `RunFolder.newest`.
    last_probe : dict of ndarray, optional
        Probe window after the last block.
    build_seconds : float
        What building the program took (s).
    records : list of dict, optional
        Of the log, if the caller has read them; probe windows in them need not be whole.

    Returns
    -------
    xarray.Dataset

    Raises
    ------
    RunFolderError
        If no checkpoint is readable.
    """
    newest = newest or folder.newest(logger.warning)
    if newest is None:
        raise NoResultsError(f"{folder.path} has no readable checkpoint yet: {resume_command(folder.path)} starts it")
    spec = spec or stored_spec(folder)
    with stored.reading(folder.path, "its files are not of one run; put copies of them back"):
        records = folder.records(newest[1]) if records is None else records
        return _assemble(folder, spec, newest, records, last_probe, build_seconds)


def _assemble(folder, spec, newest, records, last_probe, build_seconds):
    import xarray as xr

    (step, _, state), request = newest, folder.request
    structure, task = spec.structure, spec.task
    first, *blocks = records
    windows = probe_windows(records, last_probe, spec, step)
    variables = _learning_curve(blocks) | _weights(structure, spec.seed, first, blocks, state)
    variables |= _pattern(task, structure.dt)
    variables |= probe_variables(structure, windows, spec.seed) | _parameters(structure.model)
    tests = [r for r in (*records, last_probe or {}) if "test/spikes_output.t" in r]
    variables |= trial_tables(spec, blocks, windows, tests, step)
    data = with_coordinates(xr.Dataset(variables))
    provenance = request["provenance"]
    data.attrs = {
        "title": f"SuperSpike run: {task.name}",
        "format": request["format"],
        "task": task.name,
        "task_source": task.source,
        "period_s": float(task.period),
        "probe_length_s": float(variables["probe_time"][1].size * structure.dt),
        "sizes": list(structure.sizes),
        "network": network(structure),
        "seed": spec.seed,
        "identity": folder.identity or "",
        "n_synapses": structure.n_synapses,
        "dt_s": float(structure.dt),
        "simulated_s": float(blocks[-1]["time"]) if blocks else 0.0,
        "criterion_met": int(bool(blocks and blocks[-1].get("criterion_met", False))),
        "wall_s": float(sum(b["wall_s"] for b in blocks)),
        "build_s": build_seconds,
        "device": spec.device,
        "precision": spec.precision,
        "feedback": structure.feedback,
        "hidden_learning": int(structure.hidden_learning),
        "theta_V": float(structure.models["output"].parameters["theta"]),
        "equations": json.dumps({k: c["strings"] for k, c in model_to_json(structure.model).items()}, indent=1),
        "recipe": spec.recipe,
        "protocol": json.dumps(request["protocol"]),
        "date": provenance[0]["date"],
        "command": provenance[0]["command"],
        "machine": provenance[0]["machine"],
        "provenance": json.dumps(provenance, indent=1),
        "version": importlib.metadata.version("superspike_brian"),
        "references": in_a_line(references(structure, task)),
    }
    data.attrs["notes"] = json.dumps([note._asdict() for note in judge(data)])
    return data


def _learning_curve(blocks):
    def stack(key, empty):
        return np.array([b[key] for b in blocks]) if blocks else empty

    watched = {
        k: np.concatenate([b[k] for b in blocks]) if blocks else np.zeros(0) for k in ("spike_unit", "spike_time")
    }
    return {
        "time": labelled("block", stack("time", np.zeros(0)), "s", "simulated time at the end of the block"),
        "r0": labelled("block", stack("r0", np.zeros(0)), "volt", "learning rate"),
        "cost": labelled(("block", "output"), stack("cost", np.zeros((0, 1))), "Hz", "cost"),
        "rate": labelled(("block", "output"), stack("rate", np.zeros((0, 1))), "Hz", "firing rate"),
        "watched_unit": labelled("watched", watched["spike_unit"].astype(np.int32), "1", "output unit"),
        "watched_time": labelled("watched", watched["spike_time"], "s", "spike time"),
    }


def _weights(structure, seed, first, blocks, state):
    found, snapshots = {}, [b for b in blocks if any(k.startswith("snapshot_") for k in b)]
    for name, projection in structure.projections.items():
        k, text = projection.label, f"weights from {projection.source} to {projection.target}"
        dims: tuple[str, ...] = f"pre_{k}", f"post_{k}"
        shape: tuple[int, ...] = structure.shape(name)
        if not structure.is_dense(name):
            dims, shape = (f"synapse_{k}",), (structure.n_synapses_of(name),)
            for side, units in zip(("pre", "post"), pairs(structure, name, seed), strict=True):
                found[f"{side}_{k}"] = labelled(dims, units, "1", f"{side}synaptic unit")
        found[f"weights_{k}_start"] = labelled(dims, first[f"start_{name}"].reshape(shape), "volt", text)
        found[f"weights_{k}_end"] = labelled(dims, state[f"{name}.w"].reshape(shape), "volt", text)
        if snapshots:
            stacked = np.array([b[f"snapshot_{name}"].reshape(shape) for b in snapshots])
            found[f"weights_{k}_snapshots"] = labelled(("snapshot", *dims), stacked, "volt", text)
    if snapshots:
        found["snapshot_time"] = labelled("snapshot", [b["time"] for b in snapshots], "s", "time of the snapshot")
    for pathway in structure.pathways.values():
        k = pathway.label
        if f"feedback_target_{k}.b" in state:
            b = state[f"feedback_target_{k}.b"].reshape(structure.size(pathway.target), structure.sizes[-1])
            found[f"feedback_{k}"] = labelled((f"post_{k}", "output"), b, "1", "random feedback weights")
    return found


def _pattern(task, dt):
    if isinstance(task, Classification):
        return pattern_table(task, dt)
    found: dict[str, Any] = {}
    if isinstance(task, LabelledTask):  # its samples stay where they are stored
        return found
    for name, pattern in (("input", task.inputs), ("target", task.targets)):
        if isinstance(pattern, Signal):
            begins = pattern.steps(dt) * float(dt)
            found["target_signal"] = labelled(
                ("target_sample", "output"), np.asarray(pattern.values), "volt", "target potential; NaN: no target"
            )
            found["target_signal_time"] = labelled("target_sample", begins, "s", "begin of the sample in the period")
        else:
            found |= spikes_of_pattern(name, *as_run(pattern, dt), dt, f"{name} spike", "in the period")
    return found


def _parameters(model):
    items = [(k, v, c.name) for c in model.components.values() for k, v in c.parameters.items()]
    return {
        "parameter_value": ("parameter", np.array([float(v) for _, v, _ in items]), {"long_name": "value in SI units"}),
        "parameter_name": ("parameter", np.array([k for k, _, _ in items])),
        "parameter_unit": ("parameter", np.array([unit_text(v) for _, v, _ in items])),
        "parameter_component": ("parameter", np.array([c for _, _, c in items])),
    }


def load(path: Path | str) -> xr.Dataset:
    """Read the results of a run.

    Parameters
    ----------
    path : path
        A run folder (also of a run that was interrupted), or its ``run.nc``.

    Returns
    -------
    xarray.Dataset
        In memory; nothing of the file is executed.

    Raises
    ------
    RunFolderError
        If there are no results, or none that is whole.

    Notes
    -----
    If ``run.nc`` is damaged or missing, or older than the checkpoints, the results are made from checkpoints and log, which
    lack what was recorded after the last block: the last probe window, and the test of a classification. A message says so.
    """
    return _load(path, lambda file: _results_of(read_dataset(file), file))


@contextmanager
def opened(path: Path | str) -> Iterator[xr.Dataset]:
    """As `load`, for a while, and reading of a ``run.nc`` only what is used of it meanwhile."""
    with ExitStack() as stack:
        yield _load(path, lambda file: _results_of(stack.enter_context(datasets.opened(file)), file))


def _load(path, read):
    """Find the results of a run; `read` reads a ``run.nc``."""
    path = Path(path).expanduser()
    if not path.is_dir():
        if not path.exists():
            raise NoResultsError(f"there is no run at {path}")
        return read(path)
    file, folder = path / "run.nc", RunFolder(path)
    if not (path / "run.json").exists():
        if not file.exists():
            raise NoResultsError(f"there is no run at {path}")
        return read(file)
    if not file.exists():
        return assemble(folder)
    try:
        request, problem = stored_request(folder), None
    except RunFolderError as error:
        problem = error
    try:
        data = read(file)
        if problem is None and data.attrs.get("identity", "") not in ("", request.get("identity", "")):
            if folder.newest() is None:  # neither are the checkpoints of the run that run.json describes
                problem = RunFolderError(f"{path / 'run.json'} is of another run than the files beside it")
            else:
                raise DamagedError(f"{file} is of another run")
    except DamagedError as damage:
        if problem is not None:
            raise problem from damage
        logger.warning(
            f"{damage}: shown from the checkpoints and the log, without what was recorded after the last block; "
            f"{resume_command(path)} writes it again"
        )
        return assemble(folder)
    if problem is not None:
        logger.warning(f"{problem}; shown is run.nc alone")
        return data
    reached, dt = data.attrs["simulated_s"] + 1e-9, request["dt"][0]
    if folder.reached * dt > reached:
        newest = folder.newest()
        if newest and newest[0] * dt > reached:
            return assemble(folder)  # an extension was interrupted: the file is older than the checkpoints
        logger.warning(f"{path}: checkpoints beyond {_seconds(data.attrs['simulated_s'])} are damaged; shown is run.nc")
    return data


def load_figures(file: Path) -> xr.Dataset:
    """Read a ``run.nc`` without what can be large: snapshots, and the state of units and synapses in probe windows.

    Potentials of the output are there if its targets are signals. DamagedError if it is none, or not what was written.
    """
    with datasets.opened(file) as data:
        return _results_of(data.drop_vars(list(_large(data))), file).load()


def _large(data):
    kept = ("U_output", "U_target_output") if "target_signal" in data else ()
    for name, values in data.variables.items():
        if "snapshot" in values.dims or (values.dims[:2] == ("probe", "probe_time") and name not in kept):
            yield name


def _results_of(data, file):
    """Look into what was read of a ``run.nc``; DamagedError if it is none."""
    if data.attrs["format"] > FORMAT:
        raise RunFolderError(f"{file} has format {data.attrs['format']}, this version reads up to {FORMAT}: update it")
    try:
        for name, kind in _READ.items():
            kind(data.attrs[name])
        float(json.loads(data.attrs["protocol"])["duration"][0])
        if any(data[name].dims != dims for name, dims in _CURVES.items()):
            raise ValueError("its curves have other dimensions")
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise DamagedError(f"{file} has no results of a run, or is damaged ({error})") from error
    return with_coordinates(data)


def has_ended(data: xr.Dataset) -> bool:
    """Whether a run has come to its duration or met its criterion."""
    duration = json.loads(data.attrs["protocol"])["duration"][0]
    return bool(data.attrs.get("criterion_met", False)) or data.attrs["simulated_s"] >= duration - 1e-9


def summary(data: xr.Dataset, out: Path | str) -> dict[str, Any]:
    """Key figures of a run as plain numbers (the ``--json`` line)."""
    cost, learning = data.cost.mean("output").values, np.flatnonzero(data.r0.values)
    first = learning[0] - 1 if learning.size and learning[0] > 0 else None
    attrs = data.attrs
    return {
        "task": attrs["task"],
        "cost_hz": float(cost[-1]) if cost.size else None,
        "cost_first_hz": float(cost[first]) if first is not None else None,
        "simulated_s": float(attrs["simulated_s"]),
        "build_s": float(attrs["build_s"]),
        "wall_s": float(attrs["wall_s"]),
        **accuracy(data),
        "at_bound": at_bound(data),
        "notes": _notes(data),
        "n_synapses": int(attrs["n_synapses"]),
        "seed": int(attrs["seed"]),
        "out": str(out),
    }


def _notes(data):
    """Notes on a run: those that were stored, if by this version."""
    if "notes" in data.attrs and data.attrs["version"] == importlib.metadata.version("superspike_brian"):
        return json.loads(data.attrs["notes"])
    return [note._asdict() for note in judge(data)]


def summary_text(data: xr.Dataset) -> str:
    """Key figures of a run for a person."""
    attrs, figures = data.attrs, summary(data, "")
    protocol = json.loads(attrs["protocol"])
    lines = [
        attrs["title"],
        f"  {attrs['task_source']}",
        f"  network    {in_words(populations(data))}, {feedback_in_words(data)}"
        f"{figures['n_synapses']} weights, seed {figures['seed']}, {attrs['precision']} precision",
        f"  simulated  {_seconds(figures['simulated_s'])} of {_seconds(protocol['duration'][0])} in "
        f"{measured(figures['wall_s'], 's', 3)}",
        f"  cost       {_hz(figures['cost_first_hz'])} at the end of burn-in, {_hz(figures['cost_hz'])} at the end",
        f"  output     {_hz(float(data.rate[-1].mean()) if data.sizes['block'] else None, 3)} in the last block",
        *_accuracy_text(figures),
        *(f"  note       {note['text']}" for note in figures["notes"]),
        f"  begun      {attrs['date']} on {attrs['machine']}: {attrs['command']}",
    ]
    return "\n".join(lines)


def feedback_in_words(data: xr.Dataset) -> str:
    """What is said of the feedback; nothing without hidden populations, to which it would lead."""
    return f"{data.attrs['feedback']} feedback, " if len(populations(data)) > 2 else ""


def _accuracy_text(figures):
    if figures.get("accuracy") is not None:
        yield (
            f"  accuracy   {figures['accuracy']:.2%} of {figures['n_test']} {what_was_tested(figures)}, "
            f"{_hz(figures['false_alarms_hz'], 3)} of false alarms"
        )
    if figures.get("training_accuracy") is not None:
        yield f"  training   {figures['training_accuracy']:.2%} of the last tenth of its trials"
    if "silent" in figures:
        yield f"  no answer  to {figures['silent']:.2%} of the held-out samples, more than one to {figures['ambiguous']:.2%}"


def _hz(value, digits=4):
    return "unknown" if value is None else measured(value, "Hz", digits)


def _seconds(value):
    return measured(value, "s", 6)
