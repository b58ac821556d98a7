"""A quick start of commands: what they import, Brian2 first, in half the time.

Brian2 imports pylab for scripts that begin with ``from brian2 import *``, Cython for its runtime device and pytest for
`brian2.test`, looks for an old matplotlib, and does without each where it is not installed. Commands draw with matplotlib
itself, and run NumPy code on the runtime device.
"""

import gc
import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

UNUSED = ("pylab", "matplotlib", "Cython", "pytest")


@contextmanager
def quick_start(whole: bool = False) -> Iterator[None]:
    """Import what follows without collecting garbage: of imports there is none; nothing to do where Brian2 is there already.

    Parameters
    ----------
    whole : bool
        Import Brian2 with all that it imports.
    """
    if "brian2" in sys.modules:
        yield
        return
    gc.disable()
    try:
        _import_brian2(() if whole else [name for name in UNUSED if name not in sys.modules])
        yield
    finally:
        gc.freeze()  # later collections need not look at it
        gc.enable()


def _import_brian2(hidden):
    """Import Brian2 as if some modules were not installed; others can import them afterwards."""
    sys.modules.update(dict.fromkeys(hidden))
    try:
        with suppress(ImportError):  # said by what uses it first; `superspike doctor` does not
            importlib.import_module("brian2")
    finally:
        for name in hidden:
            del sys.modules[name]
