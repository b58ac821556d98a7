"""The door to private Brian2: what the package uses of it beyond the names that ``brian2`` itself exports.

Only this file imports from Brian2's submodules or touches attributes with a leading underscore, and it says what for. A new
Brian2 may change any of it. The C++ templates, besides, extend Brian2's, and one reads ``owner._registered_variables``.
"""

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import brian2
import numpy as np

from ..errors import UserError

logger = logging.getLogger(__name__)
VERSION = brian2.__version__
TRIED = ("2.9", "2.10", "2.11")  # Brian2's versions with which the tests have run


class Brian2Error(UserError, ImportError):
    """Brian2 lacks something that the package needs; the message says how to mend it."""


def _numbers(version):
    return tuple(int(n) for n in re.findall(r"\d+", version)[:2])


def _check(absent):
    """Refuse a Brian2 that lacks something; warn of one that is newer than what was tried."""
    major, minor = _numbers(TRIED[-1])
    if absent:
        raise Brian2Error(
            f"Brian2 {VERSION} lacks what superspike_brian needs of it ({absent}); tried were {', '.join(TRIED)}: "
            f'pip install "brian2>={TRIED[0]},<{major}.{minor + 1}"'
        )
    if _numbers(VERSION) > (major, minor):
        logger.warning(f"Brian2 {VERSION} is newer than those tried with superspike_brian ({', '.join(TRIED)})")


try:
    # code generation
    from brian2.codegen.cpp_prefs import get_compiler_and_args  # the compiler's flags, for precompiled headers
    from brian2.codegen.generators.cpp_generator import (
        CPPCodeGenerator,  # statements to C++: the base of ours
        c_data_type,  # name of a type in C++
    )
    from brian2.codegen.generators.cython_generator import CythonCodeGenerator  # random functions for this target
    from brian2.codegen.generators.numpy_generator import NumpyCodeGenerator  # and for this one
    from brian2.codegen.runtime.cython_rt.cython_rt import CythonCodeObject  # base of ours, for the same
    from brian2.codegen.translation import analyse_identifiers  # names that statements set and read
    from brian2.core import network as brian2_network  # whose `gc` is asked for a collection before each run
    from brian2.core.functions import exprel  # (exp(x) - 1)/x of equations, in SymPy
    from brian2.core.names import Nameable  # whose objects make a name unique

    # what names mean in a script
    from brian2.core.namespace import get_local_namespace  # those of the frame that runs a network
    from brian2.core.tracking import InstanceFollower  # where all living objects are listed

    # what a name in an equation can be
    from brian2.core.variables import (
        ArrayVariable,  # something stored
        AuxiliaryVariable,  # something that a template defines: the unit at hand, for random numbers
        Constant,  # a number that becomes part of the code
        DynamicArrayVariable,  # something stored whose size is known after connecting
        Subexpression,  # another expression
        Variable,  # any of them
        VariableView,  # what `group.name` gives: a task may be made of a monitor's
    )

    # devices
    from brian2.devices.cpp_standalone.codeobject import CPPStandaloneCodeObject  # base of ours, for our templates
    from brian2.devices.cpp_standalone.device import CPPStandaloneDevice  # base of ours, for state in and out
    from brian2.devices.device import (
        RuntimeDevice,  # base of ours, for random numbers
        reset_device,  # back to the device before ours
    )

    # equations, read and checked
    from brian2.equations.codestrings import is_constant_over_dt  # whether a coefficient fits exact integration
    from brian2.equations.equations import (
        DIFFERENTIAL_EQUATION,  # a type of equation
        EQUATIONS,  # the grammar: reads equations without building them
        PARAMETER,  # another type
        SUBEXPRESSION,  # another type
        EquationError,  # what wrong equations raise
        SingleEquation,  # to put equations together from parts
        extract_constant_subexpressions,  # splits off what is constant over dt
    )
    from brian2.equations.refractory import add_refractoriness  # what a group makes of (unless refractory)
    from brian2.groups.neurongroup import SubexpressionUpdater  # to be named in descriptions
    from brian2.parsing.bast import brian_ast  # types of the parts of an expression
    from brian2.parsing.expressions import parse_expression_dimensions  # units of an expression
    from brian2.parsing.sympytools import (
        str_to_sympy,  # an expression for SymPy
        sympy_to_str,  # and back
    )
    from brian2.stateupdaters.base import UnsupportedEquationsException  # what an unfit integration method raises
    from brian2.stateupdaters.exact import get_linear_system  # coefficients of linear equations
    from brian2.synapses.synapses import SummedVariableUpdater  # to be named in descriptions

    # units and names
    from brian2.units.allunits import all_units  # units that a user can write
    from brian2.units.fundamentalunits import (
        DIMENSIONLESS,  # dimensions of a plain number
        Dimension,  # type of any dimensions
    )
    from brian2.utils.stringtools import get_identifiers  # names in a string of code
except ImportError as error:
    _check(str(error))

# methods that the package overrides or calls
_METHODS = (
    (CPPCodeGenerator, "array_read_write translate_expression translate_to_read_arrays determine_keywords"),
    (CPPStandaloneCodeObject, "templater"),
    (CPPStandaloneDevice, "code_object code_object_class network_run generate_main_source generate_makefile"),
    (CPPStandaloneDevice, "generate_objects_source copy_source_files get_array_name insert_code reinit activate build"),
)
_check(", ".join(f"{c.__name__}.{m}" for c, methods in _METHODS for m in methods.split() if not hasattr(c, m)))


def exponents_of(quantity: brian2.Quantity) -> list[float]:
    """Exponents of the SI base units of a quantity, to store it."""
    return [float(e) for e in quantity.dim._dims]


@contextmanager
def names_of_its_own() -> Iterator[None]:
    """Name objects as if no others existed: what is still alive elsewhere decides no number in generated code."""
    others = InstanceFollower.instance_sets.pop(Nameable, None)
    try:
        yield
    finally:
        if others is not None:
            InstanceFollower.instance_sets[Nameable] = others


@contextmanager
def no_collection() -> Iterator[None]:
    """Let Brian2 run without collecting garbage first, to warn of objects without a network; it takes longer than a run."""
    before = brian2_network.gc
    brian2_network.gc = SimpleNamespace(collect=lambda: 0)
    try:
        yield
    finally:
        brian2_network.gc = before


def pathways_of(group: brian2.BrianObject) -> Sequence[Any]:
    """The pathways of synapses, on which spikes travel; none of other objects."""
    return getattr(group, "_pathways", ())


def refractory_of(group: brian2.NeuronGroup) -> Any:
    """What a neuron group was given as `refractory`; False: nothing."""
    return group._refractory


def reserve_synapses(synapses: brian2.Synapses, n: int, indices: bool = True) -> None:
    """Give the arrays of synapses their size, on any device; which units they connect is yet to be said.

    Parameters
    ----------
    synapses : Synapses
        Not yet connected.
    n : int
        How many synapses.
    indices : bool
        Whether arrays say which units they connect.
    """
    for variable in sorted(synapses._registered_variables, key=lambda v: v.name):
        if indices or variable.name not in ("_synaptic_pre", "_synaptic_post"):
            variable.resize(n)
    for name, group in (("N_incoming", synapses.target), ("N_outgoing", synapses.source)):
        synapses.variables[name].resize(len(group))
    synapses.variables["N"].set_value(n)
    synapses._connect_called = True


def mark_as_run(brian_object: brian2.BrianObject, net: brian2.Network) -> None:
    """Let Brian2 believe that an object was in a network that ran: else it warns of objects that never did."""
    brian_object._network = net.id


def spikes_in_queue(queue: Any) -> list[Any]:
    """Spikes in flight on the runtime device: an array of synapses for each delay from now on."""
    if hasattr(queue, "_extract_spikes"):  # before Brian2 2.10 there was one in Python
        return [np.sort(queue._extract_spikes()[queue._extract_spikes()[:, 0] == d, 1]) for d in range(len(queue.n))]
    offset, ring = queue._full_state()
    return [ring[(offset + d) % len(ring)] for d in range(len(ring))]


def set_spikes_in_queue(queue: Any, slots: list[list[int]]) -> None:
    """Inverse of `spikes_in_queue`, for lists; with no slots at all the queue is emptied."""
    if hasattr(queue, "_extract_spikes"):
        pairs = [(d, s) for d, slot in enumerate(slots) for s in slot]
        queue._restore_from_full_state((queue._dt, np.array(pairs, int).reshape(-1, 2), queue.X.shape))
    else:
        empty: list[list[int]] = [[] for _ in queue._full_state()[1]]
        queue._restore_from_full_state((0, slots or empty))
