"""The public SuperSpike benchmark suite: precise timing, six sets.

Source: F. Zenke (2017), https://github.com/fzenke/ssbm, MIT licence, at the commit below; used in
Zenke & Ganguli (2018), doi:10.1162/neco_a_01086. Cite set, address and commit: `Task.source` holds them.
"""

import hashlib
import os
from pathlib import Path

from brian2 import second

from superspike_brian.values.names import nearest

from .arguments import file_path, word
from .pattern import Task
from .raster import ras

REPOSITORY = "https://github.com/fzenke/ssbm"
BASE_URL = "https://raw.githubusercontent.com/fzenke/ssbm"
COMMIT = "4332b5d8701f6fa0ec9050a5b8f45075aa2cf70c"
FOLDER = "benchmarks/precise_timing"
DATA_DIR = "SUPERSPIKE_DATA_DIR"  # environment variable

SETS = {  # inputs, outputs, period
    "poisson": (100, 1, 0.5 * second),
    "poisson10s": (1000, 1, 10 * second),
    "seqgen": (4, 100, 1 * second),
    "auryn": (100, 100, 3.5 * second),
    "oxford": (200, 200, 1.89 * second),
    "monalisa": (1000, 500, 33.1 * second),
}
NAMES = (*SETS, *(f"poisson10s/{rate}hz" for rate in (1, 2, 3, 5, 10, 20, 30, 50)))

SHA256 = {
    "auryn/input.ras": "ad0ff9572a3d2db584272787128bc0b663c434df5fc9a457aff189fa33547afe",
    "auryn/target.ras": "23e76d684edad71d84a37f3df4abb1d672bde9ba7b773c35bf3098e59956c301",
    "monalisa/input.ras": "3b0f63fb61b57c1f4cc93d72aa395edb9a07853f7855f95cb53955c31e4e813c",
    "monalisa/target.ras": "cc44b8ed1f93b2d6f377ed1b21d3088ca18d0a3f18d1a0df4af1f70ff9b84338",
    "oxford/input.ras": "bdedd6b1782b236c003e3d26f8a3eb1fe3a694b207830d8e860f56afa5f0686f",
    "oxford/target.ras": "5169eab7acc4d9a9a9af5323668f567498c67a3ed9cb8e3a5c32f3c0dcad2030",
    "poisson/input.ras": "cc7eba5fd8b294e0e13ed21b18336e347987e4a9989a5de1ba0c0360cc18cc30",
    "poisson/target.ras": "ab7ffa67b39d20106962c17e08a4cce4728795df1aa2d2869806009b08451306",
    "poisson10s/input.ras": "d63a66e638cbe9aaca42dc4c7bcd6036b83d03b63258587a647cfcd21b5d61d8",
    "poisson10s/target_10hz.ras": "5a34bd1e0d04a473fb1ac612347ee4ae513ced914849ea3a932779e677245858",
    "poisson10s/target_1hz.ras": "b9cb553dcf5f7e174d05534ba670d06ee2855f2247d90285b30aa86311536381",
    "poisson10s/target_20hz.ras": "e67c962377860508af2a8fa7dc5a42bfc04b7728470daecf28d4348c052ebb30",
    "poisson10s/target_2hz.ras": "1dbf0b9dc151b160363d2a835edd24f6686e41cf3395a8a414ab80b1f9e92e53",
    "poisson10s/target_30hz.ras": "f4f5d20cbd59e956fc81067d0e87859a8c5d797dde186b8eaffc053e76aba8be",
    "poisson10s/target_3hz.ras": "672d74aea18065b7074ec8ec2715dce293d7eb6976f0e80b7d00ce74e8f59182",
    "poisson10s/target_50hz.ras": "472a103be14de2127226e99ccfe54b2f2ea541330e7b94c849d8830f239a73f4",
    "poisson10s/target_5hz.ras": "96245ed13bed54055669f0f76cf52fc12f747c9ef5693cb27737a1d404c05180",
    "seqgen/input.ras": "d142357e641c6c578ad7973dedc9494297c8a6fbce084f7e136ee215f356fcbc",
    "seqgen/target.ras": "e1117853913e582c947683ba82ff9546c023396201d43ce11986ccaa72a4abdf",
}


def ssbm(name: str, data_dir: str | os.PathLike | None = None) -> Task:
    """Load one set of the suite; download it on first use.

    Parameters
    ----------
    name : str
        One of `NAMES`. poisson10s has targets of eight rates: "poisson10s/5hz"; the plain name takes 10 Hz.
    data_dir : path, optional
        Folder with a local copy, laid out NAME/input.ras, NAME/target.ras; default the environment variable
        SUPERSPIKE_DATA_DIR. Without either, files are downloaded once into the user's cache. Checksums are
        verified in every case.
    """
    if word(name, "name") not in NAMES:
        raise ValueError(f"the benchmark suite has no set {name!r}{nearest(name, sorted(NAMES))}")
    if name == "poisson10s":
        name = "poisson10s/10hz"
    folder, _, variant = name.partition("/")
    n_inputs, n_outputs, period = SETS[folder]
    files = f"{folder}/input.ras", f"{folder}/target{variant and '_' + variant}.ras"
    data_dir = os.environ.get(DATA_DIR) or None if data_dir is None else data_dir
    local = None if data_dir is None else file_path(data_dir, "data_dir")
    inputs, targets = (_download(file) if local is None else _local(local, file) for file in files)
    task = ras(inputs, targets, period, n_inputs, n_outputs)
    source = f"SuperSpike benchmark suite, {name}; F. Zenke 2017, {REPOSITORY} commit {COMMIT[:7]}, MIT licence"
    return Task(f"ssbm:{name}", task.inputs, task.targets, source)


def _local(data_dir: Path, file: str) -> Path:
    """Return the path of a file in a local copy, after checking its content."""
    path = data_dir / file
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such file. data_dir (or {DATA_DIR}) must be the folder that holds {file}: "
            f"in a clone of {REPOSITORY}, that is {FOLDER}. Give neither to download the file."
        )
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != SHA256[file]:
        raise ValueError(
            f"{path} is not the published file: SHA-256 {found}, expected {SHA256[file]}. "
            f"Restore it from commit {COMMIT} (git's core.autocrlf may have changed its line ends), "
            "or read your own version with `ras`."
        )
    return path


def _download(file: str) -> Path:
    """Return the path of a file in the user's cache, downloaded if it is missing or damaged there."""
    import pooch  # here, as it is slow to import and seldom needed

    url = f"{BASE_URL}/{COMMIT}/{FOLDER}/"
    cache = pooch.create(pooch.os_cache("superspike_brian") / "ssbm", url, registry=SHA256)
    try:
        return Path(cache.fetch(file))
    except (OSError, ValueError) as error:  # no network, no such page, no space; another content
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise OSError(
            f"could not get {url}{file} ({reason}). Without network, bring a copy, `git clone {REPOSITORY} && "
            f"git -C ssbm checkout {COMMIT}`, and give data_dir='ssbm/{FOLDER}', or set {DATA_DIR} to that folder."
        ) from error
