"""Spiking Heidelberg Digits: spoken digits in two languages, as spikes of a model of the inner ear.

Source: Cramer, Stradmann, Schemmel & Zenke (2020), The Heidelberg Spiking Data Sets for the Systematic Evaluation of Spiking
Neural Networks, doi:10.1109/TNNLS.2020.3044364; CC BY 4.0. The checksums are those that the published files are known by.
"""

import dataclasses
import hashlib
import os
from pathlib import Path

from brian2 import Quantity, ms, second

from superspike_brian.values.renamed import IN_TASKS, formerly

from .arguments import durations, file_path
from .data import squeezed
from .labelled import LabelledSpikes
from .presentation import LabelledTask
from .ssbm import DATA_DIR

BASE_URL = "https://zenkelab.org/datasets/"
SOURCE = "Spiking Heidelberg Digits, Cramer et al. 2022, doi:10.1109/TNNLS.2020.3044364"
N_UNITS = 700
LENGTH = 1.4 * second  # the longest word ends before
MD5 = {
    "shd_train.h5": "8e9877c85f29a28dd353ea6a54402667",
    "shd_train.h5.gz": "d47c9825dee33347913e8ce0f2be08b0",
    "shd_test.h5": "207ad1295a0ab611e22d1734989c254e",
    "shd_test.h5.gz": "3062a80ec0c5719404d5b02e166543b1",
}


@formerly(IN_TASKS)
def shd(
    data_dir: str | os.PathLike | None = None,
    squeeze: Quantity | None = None,
    response_window: Quantity = 10 * ms,
    pause: Quantity = 50 * ms,
) -> LabelledTask:
    """Name the spoken digit: 8156 samples to learn from and 2264 held out, 700 inputs, 20 classes; a download of 170 MB.

    Parameters
    ----------
    data_dir : path, optional
        Folder with a local copy of the published files; default the environment variable SUPERSPIKE_DATA_DIR. They are
        called shd_train.h5 and shd_test.h5, or the same with .gz. Without either, files are downloaded once into the user's
        cache. Checksums are verified in every case.
    squeeze : Quantity, optional
        Length to which the stimuli, of 1.4 s, are compressed in time (second).
    response_window : Quantity
        From the end of the stimulus to the deadline (second).
    pause : Quantity
        From the deadline to the next onset (second).
    """
    durations(response_window=response_window, pause=pause, **({} if squeeze is None else {"squeeze": squeeze}))
    data_dir = os.environ.get(DATA_DIR) or None if data_dir is None else data_dir
    local = None if data_dir is None else file_path(data_dir, "data_dir")
    paths = [_download(name) if local is None else _local(local, name) for name in ("shd_train.h5", "shd_test.h5")]
    training, test = (LabelledSpikes.from_hdf5(path, N_UNITS, LENGTH) for path in paths)
    training, test = (dataclasses.replace(s, source=f"{SOURCE}; {s.source}") for s in (training, test))
    return LabelledTask("shd", *squeezed(training, test, squeeze), response_window, pause)


def _local(data_dir: Path, name: str) -> Path:
    """Return the path of a file in a local copy, after checking its content."""
    here = [path for path in (data_dir / name, data_dir / f"{name}.gz") if path.is_file()]
    if not here:
        raise FileNotFoundError(
            f"{data_dir / name}: no such file, nor {name}.gz. data_dir (or {DATA_DIR}) must be the folder that holds it; "
            f"get {BASE_URL}{name}.gz. Give neither to download the file."
        )
    with open(here[0], "rb") as file:
        found = hashlib.file_digest(file, "md5").hexdigest()
    if found != MD5[here[0].name]:
        raise ValueError(
            f"{here[0]} is not the published file: MD5 {found}, expected {MD5[here[0].name]}. Get {BASE_URL}{name}.gz again, "
            "or read your own version as the task `data`."
        )
    return here[0]


def _download(name: str) -> Path:
    """Return the path of a file in the user's cache, downloaded if it is missing or damaged there."""
    import pooch  # here, as it is slow to import and seldom needed

    registry = {each: f"md5:{digest}" for each, digest in MD5.items() if each.endswith(".gz")}
    cache = pooch.create(pooch.os_cache("superspike_brian") / "shd", BASE_URL, registry=registry)
    try:
        return Path(cache.fetch(f"{name}.gz"))
    except (OSError, ValueError) as error:  # no network, no such page, no space; another content
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise OSError(
            f"could not get {BASE_URL}{name}.gz ({reason}). Without network, bring shd_train.h5.gz and shd_test.h5.gz from "
            f"{BASE_URL} (also https://compneuro.net/datasets/), and give data_dir, or set {DATA_DIR}, to their folder."
        ) from error
