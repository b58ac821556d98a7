"""``superspike convert``: a picture, a table (CSV, NEST), a NumPy archive, or what Neo reads becomes a `.ras` raster."""

import argparse
import os
from pathlib import Path

from brian2 import Quantity, second

from ..tasks import SpikePattern, read_csv, read_neo, read_npz, write_ras
from ..tasks.arguments import file_path
from ..tasks.image import picture
from ..tasks.pattern import counted
from ..values.names import nearest
from ..values.quantities import readable
from .options import number, time_value

PAGE = "data"
EXAMPLES = (
    (
        "superspike convert image picture.png target.ras --period 2s",
        "a picture in spikes",
    ),
    (
        "superspike convert csv spikes.csv input.ras --period 500ms --time-unit 1ms",
        "a table of times and units",
    ),
)

READERS = {"csv": read_csv, "npz": read_npz}  # of a time unit
KINDS = ("image", *READERS, "neo")


def convert(
    kind: str,
    source: Path | str,
    out: Path | str,
    period: Quantity = 2 * second,
    n: int | None = None,
    time_unit: Quantity | None = None,
    start: Quantity | None = None,
    seed: int = 0,
    overwrite: bool = False,
) -> SpikePattern:
    """Write a raster.

    Parameters
    ----------
    kind : {'image', 'csv', 'npz', 'neo'}
        What `source` is.
    source, out : path
        File to read; raster to write.
    period : Quantity
        Length of the loop (second).
    n : int, optional
        Number of units; default: what the source implies.
    time_unit : Quantity, optional
        What a time of 1 means in a table or an archive (second); default: what it says itself, else a second.
    start : Quantity, optional
        When a window of one period begins in a recording that Neo reads (second); default: the whole recording.
    seed : int
        Of the spikes' times within the pixels of a picture.
    overwrite : bool
        Replace `out`.

    Returns
    -------
    SpikePattern
        What was written.

    Raises
    ------
    OSError, ValueError
        If `source` cannot be read, or `out` is there or is the source itself.
    """
    if kind not in KINDS:
        raise ValueError(f"kind is {kind!r}; expected what the source is{nearest(kind, KINDS)}")
    if start is not None and kind != "neo":
        raise ValueError(f"start is given, and the source is of the kind {kind}; expected it for neo only")
    if time_unit is not None and kind not in READERS:
        raise ValueError(
            f"time_unit is given, and the source is of the kind {kind}; expected it for {' and '.join(READERS)}"
        )
    source, out = file_path(source, "source"), file_path(out, "out")
    if source.exists() and out.exists() and os.path.samefile(source, out):
        raise FileExistsError(f"{out} is the source itself; give another name for the raster.")
    if kind == "image":
        pattern, _ = picture(source, period=period, n_outputs=n, seed=seed)
    elif kind == "neo":
        pattern = read_neo(source, period, n, start)
    else:
        pattern = READERS[kind](source, period, n, time_unit)
    write_ras(out, pattern, overwrite)
    return pattern


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add its arguments."""
    parser.add_argument("kind", choices=KINDS, help="what the source is")
    parser.add_argument(
        "source",
        type=Path,
        help="picture; table (CSV, NEST); archive of times and units; what Neo reads (NWB, NIX, ...)",
    )
    parser.add_argument("out", type=Path, help="raster to write, such as target.ras")
    parser.add_argument(
        "--period", type=time_value("2s"), required=True, metavar="TIME", help="length of the loop, such as 2s"
    )
    parser.add_argument(
        "--n", type=number(int, 1), metavar="N", help="units, such as 100 (default: what the source implies)"
    )
    parser.add_argument(
        "--time-unit",
        type=time_value("1ms"),
        metavar="TIME",
        help="what a time of 1 means, such as 1ms (default: what the source says, else 1s)",
    )
    parser.add_argument(
        "--start",
        type=time_value("1s"),
        metavar="TIME",
        help="of a window of a recording, such as 1s (default: all of it)",
    )
    parser.add_argument("--seed", type=number(int, 0), default=0, help="of spike times within pixels (default: 0)")
    parser.add_argument("--overwrite", action="store_true", help="replace the raster (default: refuse)")


def command(args: argparse.Namespace) -> None:
    """Convert, and say what came out."""
    given = args.kind, args.source, args.out, args.period, args.n, args.time_unit, args.start, args.seed, args.overwrite
    pattern = convert(*given)
    print(
        f"{args.out}: {counted(len(pattern), 'spike')} of {counted(pattern.n, 'unit')}, period {readable(pattern.period)}"
    )
