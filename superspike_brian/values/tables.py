"""Tables as Markdown that reads well as text, too."""

from collections.abc import Iterable, Sequence
from typing import Any


def markdown(header: Sequence[str], rows: Iterable[Sequence[Any]], right: Sequence[int] | None = None) -> str:
    """Return a Markdown table with aligned columns.

    Parameters
    ----------
    header : sequence of str
        Names of the columns.
    rows : iterable of sequences
        Cells, shown as text.
    right : sequence of int, optional
        Columns that are flush right. Default: those of whole numbers.
    """
    columns = list(zip(header, *rows, strict=True))
    if right is None:
        right = [k for k, cells in enumerate(columns) if all(isinstance(cell, int) for cell in cells[1:])]
    texts = [[str(cell).replace("|", "\\|") for cell in cells] for cells in columns]
    sides = [">" if k in right else "<" for k in range(len(texts))]
    widths = [max(3, *map(len, cells)) for cells in texts]
    rule = ["-" * (w - 1) + (":" if s == ">" else "-") for s, w in zip(sides, widths, strict=True)]
    head, *body = (
        [f"{c:{s}{w}}" for c, s, w in zip(row, sides, widths, strict=True)] for row in zip(*texts, strict=True)
    )
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, rule, *body))
