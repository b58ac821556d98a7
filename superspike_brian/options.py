"""Options that several subcommands share, and the task and model that they describe."""

import argparse
import dataclasses
import difflib
import importlib.util
import inspect
import math
from pathlib import Path

from brian2 import mV, second

from . import models, tasks
from .codegen.kernels import KERNELS
from .network import Structure
from .probes import units_from_text
from .protocol import Protocol
from .serialize import PROBES
from .units import parse_quantity

TASK_OPTIONS = {
    "spike-timing": ("period", "n_inputs", "outputs"),
    "ras": ("input", "target", "period", "n_inputs", "n_outputs"),
    "ssbm": ("data_dir",),
    "xor": (),
    "latencies": (),
}


def quantity(unit, example):
    """Return an argparse type for a quantity with a unit."""

    def convert(text):
        try:
            return parse_quantity(text, unit, example)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


def time_value(example):
    """Return an argparse type for a time."""
    return quantity(second, example)


def number(kind, minimum):
    """Return an argparse type for a finite number of at least `minimum`."""
    what = "a whole number" if kind is int else "a number"

    def convert(text):
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if not minimum <= value < math.inf:
            raise argparse.ArgumentTypeError(f"'{text}' is not {what} of {minimum} or more")
        return value

    return convert


def regularizer(text):
    """Return the regulariser that ``[NAME:]RHO`` or ``none`` describes."""
    if text == models.NO_DECAY.name:
        return models.NO_DECAY
    name, colon, rho = text.rpartition(":")
    known = {k: v for k, v in models.REGULARIZERS.items() if "rho" in v.parameters}
    if colon and name not in known:
        raise argparse.ArgumentTypeError(f"'{name}' is no regulariser with a strength; choose from {', '.join(known)}")
    return known[name or models.HETEROSYNAPTIC.name].replace(rho=number(float, 0)(rho))


def task_options(parser):
    """Add what chooses a task."""
    group = parser.add_argument_group("task")
    group.add_argument("task", help="spike-timing, pattern, xor, latencies, ras, or ssbm:NAME")
    group.add_argument("--input", help="input raster (.ras), for the task ras")
    group.add_argument("--target", help="target raster (.ras), for the task ras")
    group.add_argument("--period", type=time_value("500ms"), help="length of the loop, such as 500ms")
    group.add_argument("--n-inputs", type=int, help="input units, if the file does not show them all")
    group.add_argument("--n-outputs", type=int, help="output units, if the file does not show them all")
    group.add_argument("--image", help="picture to draw in spikes, for the task pattern")
    group.add_argument("--text", help="text to draw in spikes, for the task pattern")
    group.add_argument("--outputs", type=int, help="output units with the same target, for the task spike-timing")
    group.add_argument("--data-dir", help="local copy of the benchmark suite (default: $SUPERSPIKE_DATA_DIR)")


def model_options(parser):
    """Add what chooses a model."""
    group = parser.add_argument_group("model")
    group.add_argument("--model", metavar="FILE.py:NAME", help="a model of your own")
    group.add_argument(
        "--hidden", type=int, action="append", metavar="N", help="hidden units (0: none; repeat for depth)"
    )
    group.add_argument("--feedback", choices=sorted(models.FEEDBACKS))
    group.add_argument("--hidden-learning", action=argparse.BooleanOptionalAction, default=True)
    group.add_argument("--surrogate", choices=sorted(models.SURROGATES))
    group.add_argument("--optimizer", choices=sorted(models.OPTIMIZERS))
    group.add_argument("--r0", type=quantity(mV, "1mV"), help="learning rate, such as 1mV")
    group.add_argument(
        "--regularizer",
        type=regularizer,
        metavar="[NAME:]RHO",
        help="regulariser of hidden layers and its strength, such as error-gated:0.1; heterosynaptic unless named; or none",
    )
    group.add_argument("--seed", type=number(int, 0), default=0, help="of every random choice")


def units(text):
    """Argparse type of a choice of units."""
    try:
        return units_from_text(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _help(name):
    fields = {f.name: f for kind in (Protocol, Structure) for f in dataclasses.fields(kind)}
    return fields[name].metadata["help"]


def run_options(parser):
    """Add what a training run needs."""
    group = parser.add_argument_group("run")
    group.add_argument(
        "--duration", type=time_value("250s"), default=800 * second, help="simulated time (default 800s)"
    )
    group.add_argument("--block", type=time_value("10s"), default=10 * second, help="between reports (default 10s)")
    group.add_argument("--burn-in", type=time_value("20s"), default=20 * second, help="without learning (default 20s)")
    group.add_argument("--r0-decay-at", type=time_value("400s"), action="append", default=[], metavar="T")
    group.add_argument("--snapshot-every", type=time_value("100s"), metavar="T", help="keep the weights so often")
    group.add_argument("--probe-at", type=time_value("100s"), action="append", default=[], metavar="T")
    group.add_argument("--probe-every", type=time_value("50s"), metavar="T", help="record a period so often")
    group.add_argument(
        "--probe-learning", type=time_value("100s"), action="append", default=[], metavar="T", help=_help("probe_learning")
    )
    group.add_argument("--probe-length", type=time_value("200ms"), metavar="T", help=_help("probe_length"))
    group.add_argument(
        "--probe-units", type=units, default=Structure.probe_units, metavar="UNITS", help=_help("probe_units")
    )
    n = Structure.probe_synapses
    group.add_argument("--probe-synapses", type=number(int, 0), default=n, metavar="N", help=_help("probe_synapses"))
    group.add_argument("--probe-variables", metavar="NAME,...", help=_help("probe_variables"))
    group.add_argument(
        "--criterion",
        type=number(float, 0),
        metavar="FRACTION",
        help="of correct trials, such as 0.99: training ends when the last trials reach it",
    )
    n = Protocol.criterion_trials
    group.add_argument(
        "--criterion-trials", type=number(int, 1), default=n, metavar="N", help=f"how many trials (default {n})"
    )
    group.add_argument("--precision", choices=["single", "double"], default="double")
    group.add_argument("--kernel", choices=["auto", *KERNELS], default="auto", help="C++ of plastic synapses")
    group.add_argument("--device", choices=["standalone", "runtime"], default="standalone")
    group.add_argument("--out", type=Path, help="run folder (default: a new one in ./runs)")
    group.add_argument("--overwrite", action="store_true", help="replace a run in --out")
    machine_options(parser)


def probe_times(args):
    """Times of ``--probe-at``, and those between start and end that ``--probe-every`` means."""
    every = [] if args.probe_every is None else range(1, math.ceil(float(args.duration / args.probe_every)))
    return sorted({*map(float, args.probe_at), *(k * float(args.probe_every) for k in every)}) * second


def run_arguments(args):
    """Arguments of `train` that the options of ``run_options`` stand for, save where to and how loudly."""
    names = [f.name for f in dataclasses.fields(Protocol)] + ["device", "precision", "kernel", "build_dir", *PROBES]
    return {name: getattr(args, name) for name in names} | {"probe_at": probe_times(args)}


def machine_options(parser):
    """Add what says where and how loudly."""
    group = parser.add_argument_group("machine and output")
    group.add_argument("--threads", type=number(int, 1), help="cores to use (default: all); same bits with any")
    group.add_argument("--build-dir", type=Path, help="where programs are built and kept (default: your cache folder)")
    group.add_argument("--quiet", action="store_true", help="no progress")
    group.add_argument("--json", action="store_true", help="last line of stdout: the results as JSON")


def make_task(args):
    """Make the task that the options describe."""
    if args.task == "ras" and not (args.input and args.target and args.period is not None):
        raise ValueError("the task ras needs --input FILE --target FILE --period TIME, for instance --period 500ms")
    given = {k: getattr(args, k) for k in sorted({k for names in TASK_OPTIONS.values() for k in names})}
    options = {k: v for k, v in given.items() if v is not None}
    kind = args.task.partition(":")[0]
    for name in sorted(options.keys() - set(TASK_OPTIONS.get(kind, options))):
        known = ", ".join(map(_flag, TASK_OPTIONS[kind]))
        raise ValueError(f"the task {args.task} does not use {_flag(name)}; its options: {known}")
    if "seed" in inspect.signature(tasks.TASKS.get(args.task, tasks.ssbm)).parameters:
        options["seed"] = args.seed
    return tasks.task(args.task, **options)


def _flag(name):
    return f"--{name.replace('_', '-')}"


def make_model(args, task):
    """Make the model that the options describe for a task."""
    default = models.CLASSIFIER if isinstance(task, tasks.Classification) else models.SUPERSPIKE
    model = load_model(args.model) if args.model else default
    choices = {"feedback": models.FEEDBACKS, "surrogate": models.SURROGATES, "optimizer": models.OPTIMIZERS}
    changes = {kind: known[getattr(args, kind)] for kind, known in choices.items() if getattr(args, kind)}
    if args.regularizer is not None:
        changes["regularizer"] = args.regularizer
    if args.r0 is not None:
        if not float(args.r0) > 0:
            raise ValueError(f"--r0 is {args.r0}; expected a positive learning rate, for instance 1mV")
        changes["r0"] = args.r0
    return model.replace(**changes)


def load_model(text):
    """Read a model from ``FILE.py:NAME``."""
    path, _, name = text.rpartition(":")
    if not path or not name:
        raise ValueError(f"--model '{text}': expected a file and a name in it, such as my_model.py:MY_MODEL")
    if not Path(path).is_file():
        raise ValueError(f"--model: there is no file {path}")
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise ValueError(f"--model: {path} raises {type(error).__name__}: {error}") from error
    found = [n for n, value in inspect.getmembers(module) if isinstance(value, models.Model)]
    if not isinstance(getattr(module, name, None), models.Model):
        near = difflib.get_close_matches(name, found, 1)
        hint = f"did you mean '{near[0]}'?" if near else f"its models: {', '.join(found) or 'none'}"
        raise ValueError(f"--model: {path} has no model '{name}'; {hint}")
    return getattr(module, name)


def hidden_sizes(args):
    """Units of the hidden layers; ``--hidden 0`` is none."""
    sizes = [n for n in args.hidden or [] if n != 0]
    if any(n < 0 for n in sizes):
        raise ValueError(f"--hidden {min(sizes)}: expected 0 or more units")
    return sizes
