"""Files of labelled samples: HDF5 in the layout of the Heidelberg datasets, NumPy archives, folders of rasters.

Source of the layout: Cramer, Stradmann, Schemmel & Zenke (2020), The Heidelberg Spiking Data Sets,
doi:10.1109/TNNLS.2020.3044364.
"""

import csv
import gzip
import io
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from brian2 import second

from .arguments import MOST_UNITS
from .columns import listed
from .convert import arrays_in, from_archive, read_array, read_csv
from .files import existing, read_text
from .raster import read_ras
from .samples import Samples

_LAYOUT = "spikes/times", "spikes/units", "labels"
_LABELS = "labels.csv"
_ANY_PERIOD = 1e9 * second  # readers of rasters want one


class Stored(NamedTuple):
    """What a file holds; None for what it does not say."""

    samples: Samples
    labels: np.ndarray
    n: int | None = None
    lengths: np.ndarray | None = None
    n_classes: int | None = None


def read_hdf5(path: Path) -> Stored:
    """Read HDF5, as of `LabelledSpikes.from_hdf5`."""
    import h5py  # here, as it is slow to import and seldom needed

    path = existing(path)
    source: Any = path
    if path.suffix == ".gz":
        try:
            source = io.BytesIO(gzip.decompress(path.read_bytes()))
        except (OSError, EOFError) as error:
            raise ValueError(f"{path} cannot be unpacked ({error}); is it whole?") from None
    try:
        with h5py.File(source, "r") as file:
            return _from_hdf5(path, file, h5py.Dataset)
    except OSError as error:
        raise ValueError(f"{path} cannot be read as HDF5: {' '.join(str(error).split())[:200]}") from None


def _from_hdf5(path, file, dataset):
    names: list[str] = []
    file.visititems(lambda name, item: names.append(name) if isinstance(item, dataset) else None)
    if missing := [name for name in _LAYOUT if name not in names]:
        raise ValueError(
            f"{path} holds {listed(names) or 'no arrays'}; expected {', '.join(_LAYOUT)}, but {missing[0]} is missing."
        )
    times, ids, labels = (file[name][:] for name in _LAYOUT)
    if not len(times) == len(ids) == len(labels):
        raise ValueError(
            f"{path} holds times of {len(times)}, units of {len(ids)}, and labels of {len(labels)} samples; expected as many."
        )
    for k, (t, i) in enumerate(zip(times, ids, strict=True)):
        if np.shape(t) != np.shape(i) or np.ndim(t) != 1:
            raise ValueError(
                f"{path}, sample {k}: times of the shape {np.shape(t)}, units of {np.shape(i)}; expected one of each per spike."
            )
    offsets = np.cumsum([0, *map(len, times)])
    samples = Samples(_floats(path, _LAYOUT[0], _joined(times)), _joined(ids), offsets)
    return Stored(samples, labels, n_classes=len(file["extra/keys"]) if "extra/keys" in names else None)


def _joined(arrays):
    return np.concatenate(list(arrays)) if len(arrays) else np.zeros(0)


def _floats(path, name, values):
    """Times of the published files have 16 bits, which 32 hold exactly."""
    if values.dtype.kind not in "iuf":
        raise ValueError(f"{path}: {name} holds {values.dtype} values; expected numbers, in seconds.")
    return values.astype(np.float32) if values.dtype == np.float16 else values


def read_npz(path: Path) -> Stored:
    """Read a NumPy archive, as of `LabelledSpikes.from_npz`."""
    path = existing(path)
    example = "np.savez(path, times=times, units=units, offsets=offsets, labels=labels)"
    found = from_archive(path, _all_arrays, example)
    if missing := [name for name in ("times", "units", "offsets", "labels") if name not in found]:
        raise ValueError(
            f"{path} holds {listed(list(found)) or 'no arrays'}; expected times, units, offsets and labels, but {missing[0]} "
            f"is missing; {example} writes them."
        )
    samples = Samples(_floats(path, "times", found["times"]), found["units"], found["offsets"])
    for name in ("n", "n_classes"):
        if name in found and (found[name].ndim or found[name].dtype.kind not in "iu"):
            raise ValueError(f"{path}: {name} is {found[name]}; expected a whole number.")
    n, n_classes = (int(found[name]) if name in found else None for name in ("n", "n_classes"))
    lengths = _floats(path, "lengths", found["lengths"]) if "lengths" in found else None
    return Stored(samples, found["labels"], n, lengths, n_classes)


def _all_arrays(archive):
    return {
        info.filename.removesuffix(".npy").removeprefix("spikes/"): read_array(archive, info)
        for info in arrays_in(archive)
    }


def read_folder(path: Path) -> Stored:
    """Read a folder of rasters, as of `LabelledSpikes.from_folder`."""
    table = existing(path / _LABELS)
    rows = list(csv.DictReader(io.StringIO(read_text(table)), skipinitialspace=True))
    if not rows or not {"file", "label"} <= rows[0].keys():
        columns = listed([str(name) for name in rows[0]]) if rows else "no rows"
        raise ValueError(f"{table} has {columns}; expected the columns file and label, and a row per sample.")
    labels, times, ids = [], [], []
    for k, row in enumerate(rows):
        label = (row["label"] or "").strip()
        if not (label.isascii() and label.isdigit()) or not row["file"]:
            raise ValueError(
                f"{table}, sample {k}: file {row['file']!r}, label {label!r}; expected a file and the number of a class."
            )
        labels.append(int(label))
        t, i = _read_raster(existing(path / row["file"].strip()))
        times.append(t)
        ids.append(i)
    offsets = np.cumsum([0, *map(len, times)])
    return Stored(Samples(np.concatenate(times), np.concatenate(ids), offsets), np.array(labels))


def _read_raster(path):
    """Return times (second) and units of one file."""
    lines = [line for line in (line.partition("#")[0].strip() for line in read_text(path).split("\n")) if line]
    is_table = path.suffix.lower() != ".ras"
    if not lines or (is_table and len(lines) == 1 and not any(c.isdigit() for c in lines[0])):
        return np.zeros(0), np.zeros(0, int)
    # with more units than ids reach, they are taken as they are: from which number on cannot be guessed from one sample
    found = (read_csv if is_table else read_ras)(path, _ANY_PERIOD, MOST_UNITS)
    return np.asarray(found.times), found.ids
