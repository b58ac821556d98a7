"""``superspike sweep``: every combination of some options' values, many seeds each."""

import argparse
import json
from pathlib import Path

from .grid import label, run_sweep
from .options import (
    hidden_sizes,
    make_model,
    make_task,
    model_options,
    number,
    run_arguments,
    run_options,
    task_options,
)
from .progress import reporter

_APPENDED = ("hidden",)  # options that may be repeated: one value of the grid is one of them
_FIXED = ("task", "data_dir", "model", "seed")
_TRUTH = {"yes": True, "no": False}


class SweepError(RuntimeError):
    """Some runs of a sweep failed; the message says which."""


def add_sweep(commands):
    """Add the subcommand."""
    sweep = commands.add_parser("sweep", help="train under many conditions, with many seeds", allow_abbrev=False)
    task_options(sweep)
    model_options(sweep)
    run_options(sweep)
    group = sweep.add_argument_group("sweep")
    group.add_argument(
        "--grid",
        action="append",
        default=[],
        metavar="OPTION=VALUE,...",
        help="values of an option of the task or the model; repeat for all combinations",
    )
    group.add_argument("--seeds", type=number(int, 1), default=1, help="runs of each condition, seeds from --seed on")
    group.add_argument("--workers", type=number(int, 1), default=1, help="local processes (default 1)")
    group.add_argument("--scheduler", metavar="ADDRESS", help="Dask scheduler, tcp://HOST:PORT or its scheduler file")
    sweep.set_defaults(function=command_sweep, sweep_parser=sweep)


def command_sweep(args):
    """Run what is missing, collect, draw, report."""
    from .plotting import save_figure
    from .plotting_sweep import plot_sweep

    if args.out is None:
        raise ValueError("a sweep needs --out DIR: the same command with the same folder goes on where it was")
    if args.overwrite:
        raise ValueError(
            "--overwrite: a sweep keeps the runs that it finds; choose another --out, or delete the folder"
        )
    grid = read_grid(args)

    def make(seed, **condition):
        chosen = argparse.Namespace(**{**vars(args), "seed": seed, **condition})
        task = make_task(chosen)
        return {
            "task": task,
            "model": make_model(chosen, task),
            "hidden": hidden_sizes(chosen),
            "hidden_learning": chosen.hidden_learning,
        }

    progress, executor = reporter(args.quiet), connect(args.scheduler) if args.scheduler else None
    data = run_sweep(
        make,
        grid,
        range(args.seed, args.seed + args.seeds),
        args.out,
        workers=args.workers,
        executor=executor,
        progress=progress,
        report=progress.say,
        command=args.line,
        threads=args.threads or 1,
        **run_arguments(args),
    )
    print(f"results {args.out / 'sweep.nc'}")
    if "cost" in data:
        print(f"figure {save_figure(plot_sweep(data), args.out / 'figure')[0]}")
    messages = sorted(filter(None, data.message.values.ravel().tolist()))
    if args.json:
        print(json.dumps({"out": str(args.out), "runs": int(data.message.size), "failed": messages}))
    if messages:
        raise SweepError(f"{len(messages)} of {data.message.size} runs failed, the first with: {messages[0]}")


def read_grid(args):
    """Read ``--grid`` as the options themselves are read: dict of option to values."""
    known = {a.dest for g in args.sweep_parser._action_groups if g.title in ("task", "model") for a in g._group_actions}
    grid = {}
    for text in args.grid:
        name, _, values = text.partition("=")
        key = name.strip().lstrip("-").replace("-", "_")
        if key not in known or key in _FIXED:
            usable = ", ".join(sorted(k.replace("_", "-") for k in known - set(_FIXED)))
            raise ValueError(f"--grid {text}: '{name}' is none of the options that can vary: {usable}")
        if key in grid:
            raise ValueError(f"--grid {text}: {name} is in the grid already")
        grid[key] = [_value(args, key, value.strip()) for value in values.split(",")]
    return grid


def _value(args, key, text):
    flag = f"--{key.replace('_', '-')}"
    if isinstance(getattr(args.sweep_parser.parse_args(["-"]), key), bool):
        if text not in _TRUTH:
            raise ValueError(f"--grid {key}: '{text}' is neither yes nor no")
        return _TRUTH[text]
    return getattr(args.sweep_parser.parse_args(["-", f"{flag}={text}"]), key)


def connect(address):
    """Return the executor of a Dask cluster."""
    try:
        from distributed import Client
    except ImportError as error:
        raise ValueError('--scheduler needs Dask: pip install "superspike_brian[cluster]"') from error
    where = {"scheduler_file": address} if Path(address).is_file() else {"address": address}
    return Client(**where).get_executor()


def summary_text(data):
    """What a sweep found, a line a condition, for a person."""
    from .plotting_sweep import conditions, in_the_end

    lines = [f"{data.attrs['title']}: {data.attrs.get('task', 'no run yet')}"]
    what = in_the_end(data)
    form = "{:.1%}" if what == "accuracy" else "{:.3g} Hz"
    for condition, final in conditions(data, what=what):
        name = ", ".join(f"{k} {label(v)}" for k, v in condition.items()) or "all runs"
        figures = "no run has ended"
        n = int(final.count())
        if n:
            low, middle, high = (form.format(float(q)) for q in final.quantile([0.25, 0.5, 0.75], "seed"))
            figures = f"{final.attrs['long_name']} {middle} (quartiles {low}, {high})"
        lines.append(f"  {name:40} {n:4d} of {final.sizes['seed']} runs, {figures}")
    return "\n".join(lines)
