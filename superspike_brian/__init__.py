"""SuperSpike: supervised learning in multilayer networks of spiking neurons, as Brian2 equations.

Source: Zenke & Ganguli, Neural Computation 30:1514-1541 (2018), doi:10.1162/neco_a_01086.
"""

import contextlib
import importlib
import sys

import lazy_loader

from . import _moved
from ._version import __version__ as __version__

_moved.install()
# what the package offers stands in __init__.pyi; it is imported when it is used: Brian2 takes more than a second
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

if "brian2" in sys.modules:  # a script of Brian2: it can choose the device `superspike_standalone`
    with contextlib.suppress(ImportError):  # a Brian2 that does not fit: said by what is used first
        importlib.import_module(".engine.script_device", __name__)
