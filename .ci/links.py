"""What the link check of the documentation found: ``python .ci/links.py docs/_build/links/output.json``.

A page that is gone (404, 410) is a failure. What could not be reached, or asks who is there, is only told: it says nothing
about the link.
"""

import json
import re
import sys
from pathlib import Path

GONE = re.compile(r"(404|410) ")


def judge(lines):
    """Links that are gone, and links that were not reached: two lists of texts."""
    gone, unreached = [], []
    for found in map(json.loads, lines):
        if found["status"] in ("broken", "timeout"):
            where = f"{found['filename']}, line {found['lineno']}: {found['uri']}: {found['info'] or 'no answer'}"
            (gone if GONE.match(found["info"]) else unreached).append(where)
    return gone, unreached


def main(path):
    """Print both, and return the exit code."""
    gone, unreached = judge(Path(path).read_text().splitlines())
    for title, links in (("not reached", unreached), ("gone", gone)):
        print(f"{len(links)} links {title}", *links, sep="\n  ")
    return bool(gone)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
