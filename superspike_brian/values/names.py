"""Names that a user mistypes: the nearest of those that there are."""

import difflib
from collections.abc import Iterable

LISTED = 20  # names in a message, at most


def near(word: str, known: Iterable[str]) -> str | None:
    """Return the known name that is nearest to a word, or is that word in another case; None if none is."""
    names = list(map(str, known))
    same = [name for name in names if name.lower() == str(word).lower()]
    return next(iter([*difflib.get_close_matches(str(word), names, 1), *same]), None)


def nearest(word: str, known: Iterable[str], listed: bool = True) -> str:
    """End of a message about an unknown name: ``; did you mean 'NAME'?``, else what there is if `listed`."""
    names = list(map(str, known))
    if (found := near(word, names)) is not None:
        return f"; did you mean '{found}'?"
    return f"; there are: {', '.join(names[:LISTED])}" if names and listed else ""
