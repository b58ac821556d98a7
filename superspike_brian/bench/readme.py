"""The README's tables of speed, between two marks, written from the files of ``superspike bench``."""

import json
from pathlib import Path

from ..files.durable import write_durably
from ..values import tables
from . import felt

BEGIN, END = "<!-- measured by superspike bench --readme -->", "<!-- end of what was measured -->"


def section(out: Path) -> str:
    """Tables of what a folder of ``superspike bench`` holds: kernels, if they were measured, and what a user waits for."""
    found = []
    if (file := out / "bench.json").exists():
        rows = [r for r in json.loads(file.read_text())["rows"] if r["kernel"] == "auto" and r["threads"] == 1]
        ratios = {(r["network"], r["precision"]): f"{r['ratio_to_stock_double']:.2g}" for r in rows}
        names = dict.fromkeys(r["network"] for r in rows)
        cells = [(n, ratios.get((n, "double"), ""), ratios.get((n, "single"), "")) for n in names]
        header = ("times faster than stock Brian2, double precision", "double precision", "single precision")
        found.append(tables.markdown(header, cells, right=[1, 2]))
    if (file := out / "felt.json").exists():
        found.append(felt.markdown(json.loads(file.read_text())).rstrip())
    return "\n\n".join(found)


def check(readme: Path) -> tuple[str, str]:
    """Return what is before and behind the marks of a file; ValueError if it has none."""
    before, begin, rest = readme.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"--readme {readme}: expected the lines {BEGIN} and {END}, between which the tables go")
    return before, after


def write(readme: Path, out: Path) -> None:
    """Replace what is between the marks of a file by what was measured."""
    before, after = check(readme)
    write_durably(readme, f"{before}{BEGIN}\n{section(out)}\n{END}{after}".encode())
