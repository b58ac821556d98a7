"""``superspike cite``: BibTeX of what a run used."""

import argparse
from pathlib import Path

from .. import results
from ..models.references import named
from ..results.folder import RunFolder
from ..results.stored import stored_spec
from ..spec.references import bibtex, references
from ..sweeps.sweep import is_sweep

PAGE = "commands"
EXAMPLES = (
    ("superspike cite", "the software, the paper and the simulator"),
    ("superspike cite runs/spike-timing-001 > references.bib", "and the rule, task and optimiser of this run"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add which run."""
    parser.add_argument(
        "run", nargs="?", type=Path, help="folder of a run or a sweep, or a run.nc (default: what every run uses)"
    )


def command(args: argparse.Namespace) -> None:
    """Print the entries."""
    if args.run is None:
        print(bibtex(references()))
        return
    path = args.run.expanduser()
    if is_sweep(path):
        folders = sorted(file.parent for file in (path.parent if path.is_file() else path).glob("*/run.json"))
        if not folders:
            raise ValueError(f"{path} is a sweep without runs")
    else:
        folders = [path]
    found: dict[str, list[str]] = {}
    for folder in folders:
        for key, uses in _of_run(folder).items():
            found[key] = list(dict.fromkeys([*found.get(key, []), *uses]))
    print(bibtex(found))


def _of_run(path):
    """References of a run; its ``run.nc`` alone names them, too."""
    if (path / "run.json").exists():
        spec = stored_spec(RunFolder(path))
        return references(spec.structure, spec.task)
    data = results.load(path)
    return {key: [f"used by {path}"] for key in named(str(data.attrs["references"]))} | references()
