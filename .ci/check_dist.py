"""The source distribution holds what the repository holds: ``git ls-files | python .ci/check_dist.py DIST``."""

import sys
import tarfile
from pathlib import Path

MADE = "PKG-INFO", "superspike_brian.egg-info/"  # by the build

(archive,) = Path(sys.argv[1]).glob("*.tar.gz")
with tarfile.open(archive) as files:
    packed = {m.name.partition("/")[2] for m in files.getmembers() if m.isfile()}
packed = {name for name in packed if not name.startswith(MADE)}
kept = set(sys.stdin.read().splitlines())
for said, names in (("missing", kept - packed), ("too much", packed - kept)):
    print(*(f"{said}: {name}" for name in sorted(names)), sep="\n", end="\n" if names else "")
if packed != kept:
    sys.exit(f"{archive.name} is not the repository: MANIFEST.in says what it takes")
print(f"{archive.name}: {len(kept)} files, those of the repository")
