"""Code as a user types it: comments, continued lines, single statements."""

import re
from functools import lru_cache

from .errors import ModelError

MAX_CHARACTERS = 20_000  # of a field
_STATEMENT = re.compile(r"([A-Za-z_]\w*)\s*([-+*/]?)=(?!=)\s*(.+)", re.ASCII)


def plain(code: str) -> str:
    """Code without comments and with continued lines in one; other code of several lines stays, to the character."""
    lines, continued = [], ""
    for line in code.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        text, comment, _ = line.partition("#")
        if text.rstrip().endswith("\\") and not comment:
            continued += text.rstrip()[:-1] + " "
            continue
        lines.append(continued + (text.rstrip() if comment else text))
        continued = ""
    found = "\n".join([*lines, continued] if continued else lines)
    alone = found.strip(" \t\n")
    return found if "\n" in alone else alone  # Brian2 puts one expression into another line


def check_characters(name: str, field: str, code: str) -> None:
    """Refuse what is no code: control characters, letters that C++ does not know, a book."""
    if len(code) > MAX_CHARACTERS:
        raise ModelError(f"{name}, {field}: {len(code)} characters are too many; at most {MAX_CHARACTERS} can be code")
    for k, line in enumerate(code.split("\n"), start=1):
        for character in line:
            if not (" " <= character <= "~" or character == "\t"):
                raise ModelError(
                    f"{name}, {field}: the character {character!r} in line {k} cannot stand in code; use ASCII "
                    f"(comments may have any)\n    {line.strip()!r}"
                )


@lru_cache(maxsize=10_000)
def statements(code: str) -> tuple[tuple[str, str, str, str], ...]:
    """Statements of a block as (line, target, operator or '', expression); ValueError names a line that is none."""
    found = []
    for line in filter(None, (part.strip() for part in re.split(r"[;\n]", code))):
        if not (match := _STATEMENT.fullmatch(line)):
            raise ValueError(f"'{line}' is no statement: write 'name = expression', or +=, -=, *=, /= in place of =")
        found.append((line, *match.groups()))
    return tuple(found)
