"""Files that a user names: found or missed with a suggestion, and read as text."""

import codecs
import os
from pathlib import Path

from superspike_brian.values.names import nearest

from .arguments import file_path


def existing(path: str | os.PathLike, name: str = "path") -> Path:
    """Return the path of a file that is there; else say which are. `name` is the argument's."""
    path = file_path(path, name)
    folder = path if path.is_dir() else path.parent
    if not folder.is_dir():
        raise FileNotFoundError(f"{path}: there is no folder {folder}.")
    if not path.is_file():
        try:
            siblings = os.listdir(folder)
        except OSError:  # not ours to look into
            siblings = []
        raise FileNotFoundError(f"{path} is not a file{nearest(path.name, sorted(siblings))}")
    return path


def read_text(path: Path) -> str:
    """Return a text file's content, with the usual kinds of line end turned into newlines."""
    data = path.read_bytes()
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{path} is not a text file: byte {error.start} is not {'UTF-16' if wide else 'UTF-8'} (line {line}); "
            "save it as UTF-8."
        ) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise ValueError(f"{path} is not a text file: it holds a zero byte (line {line}).")
    return text.replace("\r\n", "\n").replace("\r", "\n")
