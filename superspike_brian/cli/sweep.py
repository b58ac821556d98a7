"""``superspike sweep``: every combination of some options' values, many seeds each."""

from __future__ import annotations

import argparse
import dataclasses
import json
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import models
from ..console.progress import reporter
from ..errors import UserError
from ..figures.files import draw_sweep
from ..figures.sweep import conditions, in_the_end
from ..spec.run import OPTIONS
from ..sweeps.sweep import label, run_sweep
from ..values.kinds import given
from ..values.names import nearest
from ..values.quantities import measured
from ..values.renamed import IN_TASKS, current
from .options import (
    MACHINE,
    MODEL_OPTIONS,
    machine_options,
    make_model,
    make_network,
    make_task,
    network_options,
    number,
    read_parameter,
    run_options,
    seed_of,
    task_options,
)

if TYPE_CHECKING:
    import xarray as xr

PAGE = "cluster"
EXAMPLES = (
    (
        "superspike sweep spike-timing --hidden 4 --grid feedback=random,symmetric --seeds 20 --workers 4 --out sweep",
        "40 runs, 4 at a time",
    ),
    (
        "superspike sweep xor --hidden 4 --grid r0=0.5mV,1mV,2mV --seeds 5 --duration 200s --out sweep_r0",
        "over a learning rate",
    ),
)

_FIXED = ("model", "set", "seed", "data_dir")  # of a sweep: the same in all runs, or given otherwise


class SweepError(UserError):
    """Some runs of a sweep failed; the message says which."""


def add_arguments(sweep: argparse.ArgumentParser) -> None:
    """Add what chooses the runs, and what they have in common."""
    network_options(sweep)
    run_options(sweep)
    machine_options(sweep, MACHINE | {"threads": dataclasses.replace(MACHINE["threads"], unset="1 in each run")})
    group = sweep.add_argument_group("sweep")
    group.add_argument(
        "--grid",
        action="append",
        default=[],
        metavar="OPTION=VALUE,...",
        help="values of any option above, or of any parameter of the model; repeat for all combinations (default: one "
        "condition)",
    )
    group.add_argument(
        "--seeds",
        type=number(int, 1),
        default=1,
        metavar="N",
        help="runs of each condition, seeds from --seed on (default: 1)",
    )
    group.add_argument("--out", type=Path, metavar="DIR", help="folder of the sweep, such as sweep (required)")
    group.add_argument("--workers", type=number(int, 1), default=1, metavar="N", help="local processes (default: 1)")
    group.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="Dask scheduler, such as tcp://10.0.0.1:8786, or its scheduler file (default: no cluster)",
    )


def command(args: argparse.Namespace) -> None:
    """Run what is missing, collect, draw, report."""
    if args.out is None:
        raise ValueError("a sweep needs --out DIR: the same command with the same folder goes on where it was")
    args.out = args.out.expanduser()
    grid = read_grid(args)

    def make(seed, **condition):
        values = {k: v for k, v in condition.items() if k in _options()}
        more = [(k, v) for k, v in condition.items() if k not in values]
        chosen = argparse.Namespace(**vars(args) | values | {"seed": seed, "set": [*(args.set or ()), *more]})
        task = make_task(chosen)
        return {"task": task, "model": make_model(chosen, task), **make_network(chosen), **given(chosen, OPTIONS)}

    progress, executor = reporter(args.quiet), connect(args.scheduler) if args.scheduler else None
    data = run_sweep(
        make,
        grid,
        range(seed_of(args), seed_of(args) + args.seeds),
        args.out,
        workers=args.workers,
        executor=executor,
        progress=progress,
        report=progress.say,
        **given(args, MACHINE),
    )
    print(f"results {args.out / 'sweep.nc'}")
    if "cost" in data:
        print(f"figure {draw_sweep(data, args.out)[0]}")
    messages = sorted(filter(None, data.message.values.ravel().tolist()))
    if args.json:
        print(json.dumps({"out": str(args.out), "runs": int(data.message.size), "failed": messages}))
    if messages:
        raise SweepError(f"{len(messages)} of {data.message.size} runs failed, the first with: {messages[0]}")


def _options():
    """Options that may differ between the runs of a sweep."""
    return {k: o for k, o in (task_options() | MODEL_OPTIONS | OPTIONS).items() if k not in _FIXED}


def read_grid(args: argparse.Namespace) -> dict[str, list[Any]]:
    """Read ``--grid`` as the options themselves are read: dict of option or parameter to values."""
    grid, model = {}, None
    for text in args.grid:
        name, _, values = text.partition("=")
        key = name.strip().lstrip("-").replace("-", "_")
        if key in grid:
            raise ValueError(f"--grid {text}: {name} is in the grid already")
        key = current(key, _options(), IN_TASKS)
        texts = [value.strip() for value in values.split(",")]
        if (option := _options().get(key)) is not None:
            grid[key] = [[option.parse(t)] if option.many else option.parse(t) for t in texts]
            continue
        model = model or _any_model(args)
        key = current(key, model.parameters)
        if key not in model.parameters or key in _FIXED:
            known = sorted([*(o.flag.lstrip("-") for o in _options().values()), *model.parameters])
            raise ValueError(
                f"--grid {text}: '{name}' is none of the options and parameters that can vary{nearest(name, known)}"
            )
        grid[key] = [read_parameter(model, key, t) for t in texts]
    return grid


def _any_model(args):
    """A model with the parameters of those that the grid may choose: their units are the same in all."""
    model = make_model(args, make_task(args))
    return model if "rho" in model.parameters else model.replace(regularizer=models.ERROR_GATED_DECAY)


def connect(address: str) -> Executor:
    """Return the executor of a Dask cluster."""
    try:
        from distributed import Client
    except ImportError as error:
        raise ValueError('--scheduler needs Dask: pip install "superspike_brian[cluster]"') from error
    where = {"scheduler_file": address} if Path(address).is_file() else {"address": address}
    return Client(**where).get_executor()


def summary_text(data: xr.Dataset) -> str:
    """What a sweep found, a line per condition, for a person."""
    lines = [f"{data.attrs['title']}: {data.attrs.get('task', 'no run yet')}"]
    what = in_the_end(data)
    for condition, final in conditions(data, what=what):
        name = ", ".join(f"{k} {label(v)}" for k, v in condition.items()) or "all runs"
        figures = "no run has ended"
        n = int(final.count())
        if n:
            quartiles = map(float, final.quantile([0.25, 0.5, 0.75], "seed"))
            low, middle, high = (f"{q:.1%}" if what == "accuracy" else measured(q, "Hz", 3) for q in quartiles)
            figures = f"{final.attrs['long_name']} {middle} (quartiles {low}, {high})"
        lines.append(f"  {name:40} {n:4d} of {final.sizes['seed']} runs, {figures}")
    return "\n".join(lines)
