"""The ``superspike`` command.

Results go to stdout, progress and messages to stderr. What a user can mend ends in one line ``superspike: ...`` and exit
code 2; an interrupted run in 130. What is saved ends in 0, also if stdout is full or closed.
"""

import argparse
import difflib
import json
import os
import re
import shlex
import signal
import sys
import warnings
from pathlib import Path

from brian2.utils.logger import BrianLogger

from . import animation, convert, reproduce, results
from ._version import __version__
from .blocks import DivergedError
from .build import BuildError
from .cli_sweep import SweepError, add_sweep, summary_text
from .durable import resume_command
from .engine import SimulationError
from .grid import is_sweep, load_sweep
from .kinds import File, argument_type
from .options import machine, machine_options, make_spec, network_options, number, run_options, time_value
from .progress import reporter
from .reproduce import ReproductionError
from .runfolder import RunFolderError
from .streams import Messages, printable, say, steady_streams
from .training import resume, start

PRINTED = ("show", "describe")  # commands whose output is what they are for; the others leave files
USER_ERRORS = (
    ValueError,
    OSError,
    BuildError,
    SimulationError,
    RunFolderError,
    DivergedError,
    SweepError,
    ReproductionError,
)


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
    network_options(run)
    run_options(run)
    machine_options(run)
    output_options(run)
    run.set_defaults(function=command_run)
    add_sweep(commands)
    describe = commands.add_parser("describe", help="print the model that would run, as Markdown", allow_abbrev=False)
    network_options(describe)
    describe.set_defaults(function=command_describe)
    again = commands.add_parser(
        "resume", help="continue an interrupted run, or extend a finished one", allow_abbrev=False
    )
    again.add_argument("dir", type=Path, help="run folder")
    again.add_argument("--duration", type=time_value("800s"), help="new total simulated time (default: the run's)")
    machine_options(again)
    again.set_defaults(function=command_resume)
    show = commands.add_parser("show", help="summarise a run or a sweep", allow_abbrev=False)
    show.add_argument("dir", type=Path, help="folder of a run or a sweep")
    show.add_argument("--json", action="store_true", help="the results of a run as JSON (default: as text)")
    show.set_defaults(function=command_show)
    plot = commands.add_parser("plot", help="redraw the figure of a run or a sweep", allow_abbrev=False)
    plot.add_argument("dir", type=Path, help="folder of a run or a sweep")
    plot.add_argument("--unit", type=int, metavar="N", help="output unit to show (default: the first recorded)")
    plot.set_defaults(function=command_plot)
    bench = commands.add_parser("bench", help="measure the kernels on this machine, as ratios", allow_abbrev=False)
    bench.add_argument("--out", type=Path, default=Path("bench"), help="folder for table and figure (default: ./bench)")
    bench.add_argument(
        "--rounds", type=number(int, 1), default=5, metavar="N", help="measurements of each variant (default: 5)"
    )
    bench.add_argument(
        "--data-dir",
        default=os.environ.get("SUPERSPIKE_DATA_DIR"),
        help="copy of the benchmark suite (default: $SUPERSPIKE_DATA_DIR)",
    )
    bench.add_argument("--build-dir", type=Path, help="reuse programs from there (default: build afresh)")
    bench.set_defaults(function=command_bench)
    for module in (convert, animation, reproduce):
        module.add_parser(commands)
    return parser


def output_options(parser):
    """Add where a run goes."""
    group = parser.add_argument_group("results")
    group.add_argument(
        "--out",
        type=argument_type(File("results", "DIR")),
        metavar="DIR",
        help="run folder (default: a new one in ./runs)",
    )
    group.add_argument("--overwrite", action="store_true", help="replace a run in --out (default: refuse)")


def command_run(args):
    """Train, draw, report."""
    spec = make_spec(args)
    args.out = out = args.out or _new_folder(args.task)
    data = start(spec, machine(args), out, args.overwrite, reporter(args.quiet), args.line)
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

    spec = make_spec(args)
    print(describe_structure(spec.structure, spec.task))


def command_bench(args):
    """Measure the kernels."""
    from .bench import run

    run(args.out, args.rounds, args.data_dir, args.build_dir, report=lambda text: print(text, flush=True))


def command_show(args):
    """Summarise a run or a sweep."""
    if is_sweep(args.dir):
        if args.json:
            raise ValueError(f"--json: {args.dir} is a sweep; read its sweep.nc, or give one of its runs")
        print(printable(summary_text(load_sweep(args.dir))))
        return
    data = results.load(args.dir)
    if args.json:
        print(json.dumps(results.summary(data, args.dir)))
    else:
        print(printable(results.summary_text(data)))


def command_plot(args):
    """Redraw the figure."""
    if is_sweep(args.dir):
        _draw_sweep(args.dir)
        return
    from .plotting import recorded_units

    data = results.load(args.dir)
    shown = recorded_units(data).tolist()
    if args.unit is not None and args.unit not in shown:
        first = f"{shown[0]} to {shown[-1]}" if shown == list(range(len(shown))) else ", ".join(map(str, shown))
        raise ValueError(f"--unit {args.unit}: this run recorded the output units {first}")
    for path in _draw(data, args.dir, args.unit):
        print(path)


def _new_folder(task):
    stem = task.replace(":", "-").replace("/", "-")
    for count in range(1, 100_000):
        path = Path("runs", f"{stem}-{count:03d}")
        if not path.exists():
            return path
    raise ValueError("./runs is full: choose --out")


def _draw(data, out, unit=None):
    from .plotting import plot_run, save_figure
    from .plotting_activity import plot_activity
    from .plotting_trials import plot_trials

    where = out if out.is_dir() else out.parent
    if "trial_onset" in data:
        return save_figure(plot_trials(data), where / "figure")
    paths = save_figure(plot_run(data, unit), where / "figure")
    if data.sizes["output"] > 1:
        paths += save_figure(plot_activity(data), where / "activity")
    return paths


def _draw_sweep(path):
    from .plotting import save_figure
    from .plotting_sweep import plot_sweep

    data = load_sweep(path)
    if "cost" not in data:
        raise RunFolderError(f"{path}: no run of the sweep has a result yet")
    for drawn in save_figure(plot_sweep(data), (path if path.is_dir() else path.parent) / "figure"):
        print(drawn)


def _report(data, out, args):
    figures = _draw(data, out)
    summary = results.summary(data, out)
    if not args.quiet:
        correct = f"accuracy {summary['accuracy']:.2%} on fresh noise, " if "accuracy" in summary else ""
        print(
            f"{correct}cost {summary['cost_hz']:.4g} Hz at {summary['simulated_s']:g} s "
            f"({summary['wall_s']:.3g} s of training)"
        )
        print(f"results {out / 'run.nc'}, figure {figures[0]}")
    if args.json:
        print(json.dumps(summary))


def _stop(signum, frame):
    raise KeyboardInterrupt


def main(argv=None):
    """Run the command; return its exit code."""
    with steady_streams() as (out, _):
        args = build_parser().parse_args(argv)
        args.line = shlex.join(["superspike", *(sys.argv[1:] if argv is None else argv)])
        Messages.install()
        BrianLogger.suppress_name("py.warnings")
        warnings.showwarning = lambda message, *_, **__: say(message)
        for which in (signal.SIGINT, signal.SIGTERM):
            signal.signal(which, _stop)
        code = _run(args)
        out.flush()
        if code == 0 and out.error and not out.broken:
            if args.command in PRINTED:
                say(f"cannot write to stdout: {out.reason}")
                return 2
            say(f"it is done and saved, but stdout cannot be written to: {out.reason}")
        return code


def _run(args):
    """Run the command; return its exit code, whether or not the streams take what it prints."""
    try:
        args.function(args)
    except KeyboardInterrupt:
        print(file=sys.stderr)  # the bar, or what the terminal shows for Ctrl-C, has the line before
        if args.command == "sweep":
            say("interrupted; the same command goes on where it was")
            return 130
        folder = args.dir if args.command == "resume" else getattr(args, "out", None)
        begun = folder and (folder / "run.json").exists()
        say("interrupted" + (f"; go on with {resume_command(folder)}" if begun else ""))
        return 130
    except USER_ERRORS as error:
        say(error)
        return 2
    except Exception as error:
        if os.environ.get("SUPERSPIKE_TRACEBACK"):
            raise
        reason = " ".join(str(error).split())
        say(f"unexpected {type(error).__name__}: {reason:.500}; SUPERSPIKE_TRACEBACK=1 shows where it happened")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
