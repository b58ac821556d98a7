"""The manifest of a compiled program: what its folder must hold, so that nothing damaged or half gone is run."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from .compiler import file_hash


def is_complete(folder: Path) -> bool:
    """Whether all that a program reads is in its folder as it was built."""
    return read_manifest(folder) is not None


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Return what `write_manifest` wrote, or None if it or any file that it names is missing or damaged.

    Cleaners of cache folders remove single files, and full disks and crashes leave halves.
    """
    try:
        stored = json.loads((folder / "manifest.json").read_bytes())
        manifest = stored["manifest"]
        if stored["hash"] != _hash_of(manifest) or not os.access(folder / "main", os.X_OK):
            return None
        return manifest if all(file_hash(folder / n) == h for n, h in manifest["files"].items()) else None
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Seal a program's folder: everything that it reads when it runs is part of the manifest."""
    needed = (folder / "main", *sorted((folder / "static_arrays").iterdir()))
    manifest = manifest | {"files": {str(f.relative_to(folder)): file_hash(f) for f in needed}}
    stored = {"hash": _hash_of(manifest), "manifest": manifest}
    (folder / "manifest.json").write_text(json.dumps(stored, indent=1))


def _hash_of(manifest):
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
