"""What Brian2's preferences are while this package builds and runs something: their defaults, whatever the user's say.

Preferences of a script, or of a file ``brian_preferences`` in the working folder or home, would change results (the order
within a time step, types, the compiler's flags), and through the shared cache those of others. Two are the user's: what Brian2
logs, and the extra flags of the compiler, which are part of a program's key.
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from brian2 import prefs

PRECISIONS = {"single": np.float32, "double": np.float64}
# Logging shapes no code; the flags are part of a program's key
_USERS = ("logging.", "codegen.cpp.extra_compile_args_gcc")
_DEFAULTS = {
    name: copy.deepcopy(preference.default)
    for category, (preferences, _) in prefs.pref_register.items()
    for key, preference in preferences.items()
    if not (name := f"{category}.{key}").startswith(_USERS)
}


@contextmanager
def own_preferences(precision: str = "double", target: str = "numpy") -> Iterator[None]:
    """Brian2's defaults, with floating point numbers of `precision`; afterwards the user's preferences are back.

    `target` is what code becomes on the runtime device: Cython takes longer to compile the pieces than a small network to run.
    """
    saved = {name: prefs[name] for name in _DEFAULTS}
    chosen = {
        "core.default_float_dtype": PRECISIONS[precision],
        "codegen.target": target,
    }
    try:
        for name, value in (copy.deepcopy(_DEFAULTS) | chosen).items():
            prefs[name] = value
        yield
    finally:
        for name, value in saved.items():
            prefs[name] = value
