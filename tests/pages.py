"""The pages of the documentation, and the code in them."""

import re
from contextlib import contextmanager
from pathlib import Path

from brian2 import defaultclock, get_device, prefs

ROOT = Path(__file__).parent.parent
RECIPES = sorted((ROOT / "docs" / "recipes").glob("*.md"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *RECIPES]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)


@contextmanager
def brian2_kept():
    """What the code of pages sets in Brian2 is undone."""
    target, device, dt = prefs.codegen.target, get_device(), defaultclock.dt
    yield
    prefs.codegen.target, defaultclock.dt = target, dt
    assert get_device() is device


def run_blocks(page):
    """Run all blocks of a page, in the order in which they are read; return the names that they leave."""
    seen = {}
    for block in BLOCK.finditer(page.read_text()):
        line = page.read_text()[: block.start(1)].count("\n")
        exec(compile("\n" * line + block.group(1), page, "exec"), seen)
    return seen
