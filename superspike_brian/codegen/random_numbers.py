"""Random numbers in equations and statements: ``rand()``, ``randn()``, ``poisson(mean)``, and ``xi`` in equations.

Brian2's generators hand out one number after the other, so that a number depends on all draws before it. Here a number is a
function of four things, and of nothing else: the key, an entry of the state made from the run's seed; the call's site in the
code; the time step; the unit or synapse. So there is no generator whose state a checkpoint would have to hold, and neither
blocks nor interruptions nor threads nor kernels nor probe windows change a number. Both devices draw the same.

`seeded` replaces the calls in the code that a device is about to generate, whatever string of a model it comes from. A site
is known by its code object, the variable that its statement assigns, and which draw of that variable it is.
"""

import hashlib
import re
from collections.abc import Mapping
from functools import partial
from math import lgamma
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Function, prefs

from .brian2_api import (
    AuxiliaryVariable,
    CPPCodeGenerator,
    CythonCodeGenerator,
    CythonCodeObject,
    NumpyCodeGenerator,
    Variable,
)

KEY = np.zeros(2, np.uint64)  # of the runtime device; a compiled program has its own
LARGEST_MEAN = 2e9
_HEADER = Path(__file__).with_name("random_numbers.h")
_lgamma = np.frompyfunc(lgamma, 1, 1)


class _Draw:
    """As ``Draw`` in ``random_numbers.h``, for many units at once."""

    def __init__(self, site, step, units):
        self.site, self.step = int(site), int(step)
        self.units = np.asarray(units, np.int64)

    def attempt(self, number=0, chosen=slice(None)):
        """Two uniform numbers in (0, 1) for the units that are chosen."""
        units = self.units[chosen] if self.units.ndim else self.units
        if units.size == 0:
            return np.empty((2, 0))
        first, n = int(units.min()), int(units.max() - units.min()) + 1
        words = np.random.Philox(counter=[first, self.step, self.site, number], key=KEY).random_raw(4 * n)
        return ((words.reshape(-1, 4)[units - first, :2] >> np.uint64(12)) + 0.5).T * 2.0**-52


def _rand(site, step, units, largest):
    return np.minimum(_Draw(site, step, units).attempt()[0], largest)


def _randn(site, step, units):
    u, v = _Draw(site, step, units).attempt()
    return np.sqrt(-2 * np.log(u)) * np.cos(2 * np.pi * v)


def _poisson(site, step, units, mean):
    draw = _Draw(site, step, units)
    mean = np.array(np.broadcast_to(mean, draw.units.shape), float)
    if not (within := (mean >= 0) & (mean <= LARGEST_MEAN)).all():
        raise ValueError(f"poisson({mean[~within][0]:g}): a mean lies between 0 and {LARGEST_MEAN:g}")
    flat = np.zeros(mean.size, np.int32)
    draw.units, mean = draw.units.ravel(), mean.ravel()
    small = np.flatnonzero(mean < 30)
    flat[small] = _invert(draw.attempt(0, small)[0], mean[small])
    left, number = np.flatnonzero(mean >= 30), 0
    while left.size:
        u, v = draw.attempt(number, left)
        k, accepted = _transformed_rejection(u, v, mean[left])
        flat[left[accepted]] = k[accepted]
        left, number = left[~accepted], number + 1
    return flat.reshape(np.shape(units))


def _invert(u, mean):
    k, p = np.zeros(len(u)), np.exp(-mean)
    total = p.copy()
    while (more := (u > total) & ((k < mean) | (p > 1e-17))).any():
        k += more
        p = np.where(more, p * mean / np.maximum(k, 1), p)
        total += np.where(more, p, 0)
    return k


def _transformed_rejection(u, v, mean):
    u = u - 0.5
    us = 0.5 - np.abs(u)
    b = 0.931 + 2.53 * np.sqrt(mean)
    a = 0.02483 * b - 0.059
    inverse_alpha, squeeze = 1.1239 + 1.1328 / (b - 3.4), 0.9277 - 3.6224 / (b - 2)
    k = np.floor((2 * a / us + b) * u + mean + 0.43)
    likely = k * np.log(mean) - mean - _lgamma(np.maximum(k, 0) + 1).astype(float)
    slow = (k >= 0) & ((us >= 0.013) | (v <= us)) & (np.log(v * inverse_alpha / (a / us**2 + b)) <= likely)
    return k, slow | ((us >= 0.07) & (v <= squeeze))


def _function(implementation, arguments, returns, **kwds):
    """A function of site, step, unit and arguments."""
    name, types = implementation.__name__, ["uint64_t", "int64_t", "int64_t", *arguments]
    function = Function(implementation, arg_units=[1] * len(types), return_unit=1, stateless=True, **kwds)
    digest = hashlib.sha256(_HEADER.read_bytes()).hexdigest()  # Brian2's cache of extensions does not look into headers
    code = f"""
    # {digest}
    cdef extern from {str(_HEADER)!r}:
        {returns} _draw{name} "superspike::{name[1:]}"(uint64_t*, {", ".join(types)}) except +
    cdef {returns} {name}({", ".join(f"{t} x{n}" for n, t in enumerate(types))}) except? -1:
        return _draw{name}(_namespace_key{name}, {", ".join(f"x{n}" for n in range(len(types)))})
    """
    implementations = function.implementations
    implementations.add_implementation(NumpyCodeGenerator, code=implementation, name=name)
    macro = f"#define _seeded{name} superspike::{name[1:]}"
    implementations.add_implementation(CPPCodeGenerator, code=macro, name=f"_seeded{name}")
    implementations.add_implementation(CythonCodeGenerator, code=code, name=name, namespace={f"_key{name}": KEY})
    return function


_SEEDED = {
    "rand": _function(_rand, ["double"], "double"),
    "randn": _function(_randn, [], "double"),
    "poisson": _function(_poisson, ["double"], "int32_t", return_type="integer"),
}
RANDOM_FUNCTIONS = tuple(_SEEDED)
# What all targets call the unit or synapse at hand. Brian2 would add it to the calls, but misses some for NumPy
_UNIT = AuxiliaryVariable("_vectorisation_idx", dtype=np.int32, scalar=False)


class _CythonGenerator(CythonCodeGenerator):
    """Brian2's generator for Cython, whose templates declare the unit at hand themselves."""

    def determine_keywords(self) -> dict[str, Any]:
        """As Brian2, without a second declaration."""
        keywords = dict(super().determine_keywords())
        lines = keywords["load_namespace"].splitlines()
        keywords["load_namespace"] = "\n".join(line for line in lines if not line.endswith(f" {_UNIT.name}"))
        return keywords


class SeededCythonCodeObject(CythonCodeObject):
    """Brian2's code object for Cython, for code with seeded random functions."""

    generator_class = _CythonGenerator


_CALL = re.compile(rf"\b({'|'.join(RANDOM_FUNCTIONS)})\s*\(\s*(\)?)")


# what Brian2 adds to a name that another network of the process has
_UNIQUE = re.compile(r"(_\d+)?_codeobject\*?$")


def seeded(
    owner: Any, name: str, template_name: str, code: Mapping[str, str], variables: Mapping[str, Variable | Function]
) -> tuple[dict[str, str], Mapping[str, Variable | Function]]:
    """Replace the calls of random functions.

    Parameters
    ----------
    owner : Group
        Whose code it is.
    name : str
        Of the code object, before Brian2 makes it unique.
    template_name : str
        What Brian2 renders it with.
    code : dict of str to str
        Abstract code, a block each.
    variables : dict of str to Variable
        What it names.

    Returns
    -------
    code, variables : dict
        To generate instead.
    """
    sets_values = template_name.startswith("group_variable_set")  # before the first step, whichever that is
    step = "0" if sets_values else "t_in_timesteps"
    drawn: dict[str, int] = {}
    used: dict[str, Function] = {}
    name = _UNIQUE.sub("", name)

    def replace(match: re.Match[str], statement: str) -> str:
        function, closed = match.groups()
        place = statement if sets_values else statement.split("=")[0]
        drawn[place] = drawn.get(place, -1) + 1
        site = hashlib.sha256(f"{name}\n{place.strip()}\n{drawn[place]}".encode()).digest()
        used[f"_{function}"] = _SEEDED[function]
        arguments = [str(int.from_bytes(site[:6], "big")), step, _UNIT.name]
        if function == "rand":  # the largest number below 1, lest one is rounded to 1
            arguments.append(repr(1 - float(np.finfo(prefs.core.default_float_dtype).epsneg)))
        return f"_{function}({', '.join(arguments)}" + (")" if closed else ", ")

    code = {
        block: "\n".join(_CALL.sub(partial(replace, statement=line), line) for line in text.splitlines())
        for block, text in code.items()
    }
    if used:
        variables = {n: v for n, v in variables.items() if f"_{n}" not in used} | used | {_UNIT.name: _UNIT}
        if not sets_values:
            variables["t_in_timesteps"] = owner.variables["t_in_timesteps"]
    return code, variables
