"""``superspike convert``: a picture, a CSV file or a NumPy archive becomes a `.ras` raster."""

from pathlib import Path

from brian2 import second

from .options import number, time_value
from .tasks import image, read_csv, read_npz, write_ras
from .tasks.pattern import counted

READERS = {"csv": read_csv, "npz": read_npz}


def convert(kind, source, out, period=2 * second, n=None, time_unit=1 * second, seed=0, overwrite=False):
    """Write a raster.

    Parameters
    ----------
    kind : {'image', 'csv', 'npz'}
        What `source` is.
    source, out : path
        File to read; raster to write.
    period : Quantity
        Length of the loop (second).
    n : int, optional
        Number of units; default: what the source implies.
    time_unit : Quantity
        What a time of 1 means in a CSV file or an archive (second).
    seed : int
        Of the spikes' times within the pixels of a picture.
    overwrite : bool
        Replace `out`.

    Returns
    -------
    SpikePattern
        What was written.
    """
    if kind == "image":
        pattern = image(image=source, period=period, n_outputs=n, seed=seed).targets
    else:
        pattern = READERS[kind](source, period, n, time_unit)
    write_ras(out, pattern, overwrite)
    return pattern


def add_parser(commands):
    """Add ``superspike convert``."""
    parser = commands.add_parser("convert", help="make a raster (.ras) of other files", allow_abbrev=False)
    parser.add_argument("kind", choices=["image", *READERS], help="what the source is")
    parser.add_argument("source", type=Path, help="picture; CSV with columns time, unit; archive with times, units")
    parser.add_argument("out", type=Path, help="raster to write, such as target.ras")
    parser.add_argument("--period", type=time_value("2s"), required=True, help="length of the loop, such as 2s")
    parser.add_argument("--n", type=number(int, 1), help="units (default: what the source implies)")
    parser.add_argument("--time-unit", type=time_value("1ms"), default=1 * second, help="of the source (default: 1s)")
    parser.add_argument("--seed", type=number(int, 0), default=0, help="of spike times within pixels (default: 0)")
    parser.add_argument("--overwrite", action="store_true", help="replace the raster (default: refuse)")
    parser.set_defaults(function=command)


def command(args):
    """Convert, and say what came out."""
    pattern = convert(args.kind, args.source, args.out, args.period, args.n, args.time_unit, args.seed, args.overwrite)
    print(f"{args.out}: {counted(len(pattern), 'spike')} of {counted(pattern.n, 'unit')}, period {pattern.period}")
