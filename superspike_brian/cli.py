"""The ``superspike`` command.

Results go to stdout, progress and messages to stderr. What a user can mend ends in one line ``superspike: ...`` and exit
code 2; an interrupted run in 130.
"""

import argparse
import difflib
import importlib.util
import inspect
import json
import logging
import math
import os
import re
import shlex
import signal
import sys
import warnings
from pathlib import Path

from brian2 import mV, second
from brian2.utils.logger import BrianLogger

from . import models, results, tasks
from ._version import __version__
from .build import BuildError
from .codegen.kernels import KERNELS
from .engine import SimulationError
from .network import Structure
from .progress import reporter
from .runfolder import RunFolderError
from .training import DivergedError, resume, train
from .units import parse_quantity

TASK_OPTIONS = {
    "spike-timing": ("period", "n_inputs", "outputs"),
    "ras": ("input", "target", "period", "n_inputs", "n_outputs"),
    "ssbm": ("data_dir",),
}
USER_ERRORS = (ValueError, OSError, BuildError, SimulationError, RunFolderError, DivergedError)


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


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors suggest the nearest name and exit with 2."""

    def error(self, message):
        """Print one line, without the usage."""
        if "unrecognized arguments: " in message:
            words = [w.split("=")[0] for w in message.split("arguments: ")[1].split() if w.startswith("-")]
            known = self._options()
        else:
            words = re.findall(r"invalid choice: '([^']*)'", message)
            known = re.findall(r"'?([\w-]+)'?(?=[,)])", message.split("(choose from")[-1]) if words else ()
        near = [n for word in words for n in difflib.get_close_matches(word, known, 1)]
        self.exit(2, f"superspike: {message}" + (f"; did you mean {near[0]}?" if near else "") + "\n")

    def _options(self):
        """All options, those of subcommands included."""
        parsers = [self, *(p for a in self._actions if isinstance(a.choices, dict) for p in a.choices.values())]
        return [o for p in parsers for a in p._actions for o in a.option_strings]


def build_parser():
    """Make the parser of all subcommands."""
    parser = Parser(prog="superspike", description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, parser_class=Parser)
    run = commands.add_parser("run", help="train a network on a task", allow_abbrev=False)
    _task_options(run)
    _model_options(run)
    _run_options(run)
    run.set_defaults(function=command_run)
    describe = commands.add_parser("describe", help="print the model that would run, as Markdown", allow_abbrev=False)
    _task_options(describe)
    _model_options(describe)
    describe.set_defaults(function=command_describe)
    again = commands.add_parser(
        "resume", help="continue an interrupted run, or extend a finished one", allow_abbrev=False
    )
    again.add_argument("dir", type=Path)
    again.add_argument("--duration", type=time_value("800s"), help="new total simulated time")
    _machine_options(again)
    again.set_defaults(function=command_resume)
    show = commands.add_parser("show", help="summarise a run", allow_abbrev=False)
    show.add_argument("dir", type=Path)
    show.add_argument("--json", action="store_true")
    show.set_defaults(function=command_show)
    plot = commands.add_parser("plot", help="redraw a run's figure", allow_abbrev=False)
    plot.add_argument("dir", type=Path)
    plot.add_argument("--unit", type=int, default=0, help="output unit to show")
    plot.set_defaults(function=command_plot)
    bench = commands.add_parser("bench", help="measure the kernels on this machine, as ratios", allow_abbrev=False)
    bench.add_argument("--out", type=Path, default=Path("bench"), help="folder for table and figure (default: ./bench)")
    bench.add_argument("--rounds", type=number(int, 1), default=5, help="measurements of each variant")
    bench.add_argument("--data-dir", default=os.environ.get("SUPERSPIKE_DATA_DIR"), help="copy of the benchmark suite")
    bench.add_argument("--build-dir", type=Path, help="reuse programs from there (default: build afresh)")
    bench.set_defaults(function=command_bench)
    return parser


def _task_options(parser):
    group = parser.add_argument_group("task")
    group.add_argument("task", help="spike-timing, pattern, ras, or ssbm:NAME")
    group.add_argument("--input", help="input raster (.ras), for the task ras")
    group.add_argument("--target", help="target raster (.ras), for the task ras")
    group.add_argument("--period", type=time_value("500ms"), help="length of the loop, such as 500ms")
    group.add_argument("--n-inputs", type=int, help="input units, if the file does not show them all")
    group.add_argument("--n-outputs", type=int, help="output units, if the file does not show them all")
    group.add_argument("--image", help="picture to draw in spikes, for the task pattern")
    group.add_argument("--text", help="text to draw in spikes, for the task pattern")
    group.add_argument("--outputs", type=int, help="output units with the same target, for the task spike-timing")
    group.add_argument("--data-dir", help="local copy of the benchmark suite (default: $SUPERSPIKE_DATA_DIR)")


def _model_options(parser):
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
        "--regularizer", type=number(float, 0), metavar="RHO", help="strength of the heterosynaptic regulariser"
    )
    group.add_argument("--seed", type=number(int, 0), default=0, help="of every random choice")


def _run_options(parser):
    group = parser.add_argument_group("run")
    group.add_argument(
        "--duration", type=time_value("250s"), default=800 * second, help="simulated time (default 800s)"
    )
    group.add_argument("--block", type=time_value("10s"), default=10 * second, help="between reports (default 10s)")
    group.add_argument("--burn-in", type=time_value("20s"), default=20 * second, help="without learning (default 20s)")
    group.add_argument("--r0-decay-at", type=time_value("400s"), action="append", default=[], metavar="T")
    group.add_argument("--snapshot-every", type=time_value("100s"), metavar="T", help="keep the weights so often")
    group.add_argument("--probe-at", type=time_value("100s"), action="append", default=[], metavar="T")
    group.add_argument("--precision", choices=["single", "double"], default="double")
    group.add_argument("--kernel", choices=["auto", *KERNELS], default="auto", help="C++ of plastic synapses")
    group.add_argument("--device", choices=["standalone", "runtime"], default="standalone")
    group.add_argument("--out", type=Path, help="run folder (default: a new one in ./runs)")
    group.add_argument("--overwrite", action="store_true", help="replace a run in --out")
    _machine_options(parser)


def _machine_options(parser):
    group = parser.add_argument_group("machine and output")
    group.add_argument("--threads", type=number(int, 1), help="cores to use (default: all)")
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
    if args.task in ("spike-timing", "pattern"):
        options["seed"] = args.seed
    return tasks.task(args.task, **options)


def _flag(name):
    return f"--{name.replace('_', '-')}"


def make_model(args):
    """Make the model that the options describe."""
    model = load_model(args.model) if args.model else models.SUPERSPIKE
    choices = {"feedback": models.FEEDBACKS, "surrogate": models.SURROGATES, "optimizer": models.OPTIMIZERS}
    changes = {kind: known[getattr(args, kind)] for kind, known in choices.items() if getattr(args, kind)}
    if args.regularizer is not None:
        changes["regularizer"] = models.HETEROSYNAPTIC.replace(rho=args.regularizer)
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


def command_run(args):
    """Train, draw, report."""
    task, model, hidden = make_task(args), make_model(args), hidden_sizes(args)
    args.out = out = args.out or _new_folder(args.task)
    data = train(
        task,
        model,
        hidden,
        duration=args.duration,
        seed=args.seed,
        hidden_learning=args.hidden_learning,
        out=out,
        overwrite=args.overwrite,
        device=args.device,
        precision=args.precision,
        kernel=args.kernel,
        build_dir=args.build_dir,
        threads=args.threads,
        progress=reporter(args.quiet),
        command=args.line,
        block=args.block,
        burn_in=args.burn_in,
        r0_decay_at=args.r0_decay_at,
        snapshot_every=args.snapshot_every,
        probe_at=args.probe_at,
    )
    _report(data, out, args)


def command_resume(args):
    """Continue, draw, report."""
    data = resume(
        args.dir,
        duration=args.duration,
        build_dir=args.build_dir,
        threads=args.threads,
        progress=reporter(args.quiet),
        command=args.line,
    )
    _report(data, args.dir, args)


def command_describe(args):
    """Print the model."""
    from .describe import describe_structure

    task, model = make_task(args), make_model(args)
    sizes = (task.inputs.n, *hidden_sizes(args), task.targets.n)
    print(describe_structure(Structure(model, sizes, args.hidden_learning), task))


def command_bench(args):
    """Measure the kernels."""
    from .bench import run

    run(args.out, args.rounds, args.data_dir, args.build_dir, report=lambda text: print(text, flush=True))


def command_show(args):
    """Summarise a run."""
    data = results.load(args.dir)
    if args.json:
        print(json.dumps(results.summary(data, args.dir)))
    else:
        print(results.summary_text(data))


def command_plot(args):
    """Redraw the figure."""
    data = results.load(args.dir)
    shown = data.sizes["probed_unit_output"]
    if not 0 <= args.unit < shown:
        raise ValueError(f"--unit {args.unit}: this run recorded the output units 0 to {shown - 1}")
    for path in _draw(data, args.dir, args.unit):
        print(path)


def _new_folder(task):
    stem = task.replace(":", "-").replace("/", "-")
    for number in range(1, 100_000):
        path = Path("runs", f"{stem}-{number:03d}")
        if not path.exists():
            return path
    raise ValueError("./runs is full: choose --out")


def _draw(data, out, unit=0):
    from .plotting import plot_run, save_figure
    from .plotting_activity import plot_activity

    paths = save_figure(plot_run(data, unit), Path(out) / "figure")
    if data.sizes["output"] > 1:
        paths += save_figure(plot_activity(data), Path(out) / "activity")
    return paths


def _report(data, out, args):
    figures = _draw(data, out)
    summary = results.summary(data, out)
    if not args.quiet:
        print(
            f"cost {summary['cost_hz']:.4g} Hz at {summary['simulated_s']:g} s ({summary['wall_s']:.3g} s of training)"
        )
        print(f"results {out / 'run.nc'}, figure {figures[0]}")
    if args.json:
        print(json.dumps(summary))


def _stop(signum, frame):
    raise KeyboardInterrupt


def main(argv=None):
    """Run the command; return its exit code."""
    args = build_parser().parse_args(argv)
    args.line = shlex.join(["superspike", *(sys.argv[1:] if argv is None else argv)])
    logging.basicConfig(format="superspike: %(message)s", level=logging.WARNING)
    BrianLogger.suppress_name("py.warnings")
    warnings.showwarning = lambda message, *_, **__: print(f"superspike: {message}", file=sys.stderr)
    for which in (signal.SIGINT, signal.SIGTERM):
        signal.signal(which, _stop)
    try:
        args.function(args)
    except KeyboardInterrupt:
        folder = args.dir if args.command == "resume" else getattr(args, "out", None)
        begun = folder and (folder / "run.json").exists()
        hint = f"; go on with `superspike resume {shlex.quote(str(folder))}`" if begun else ""
        print(f"\nsuperspike: interrupted{hint}", file=sys.stderr)
        return 130
    except USER_ERRORS as error:
        print(f"superspike: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
