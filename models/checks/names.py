"""Names that a model cannot give: Python, Brian2, SymPy and C++ keep them for themselves."""

import keyword
import re
from functools import lru_cache
from pathlib import Path

import sympy
from brian2 import NeuronGroup, Synapses

from .expressions import FUNCTIONS, NUMBERS, UNITS

MAX_LENGTH = 60


def _words(name: str) -> frozenset[str]:
    return frozenset(Path(__file__).with_name(f"words_{name}.txt").read_text().split())


BRIAN2 = _words("brian2")  # of every group or synapse, or of what Brian2 and SymPy write in its equations
KERNELS = _words("kernels")  # with an underscore before them, in the code that integrates synapses
CPP_KEYWORDS = _words("cpp_keywords")
CPP_MACROS = _words("cpp_macros")  # what the headers of the generated programs define, for any line of their text
ATTRIBUTES = _words("brian2_attributes") | {n for kind in (NeuronGroup, Synapses) for n in dir(kind)}
OF_TEMPLATES = frozenset(  # what Brian2 and this package hand to a template, beside the variables by name
    [
        "self",
        "scalar_code",
        "vector_code",
        "owner",
        "variables",
        "codeobj_name",
        "variable_indices",
        "get_array_name",
        "eventspace_variable",
        "pathway",
        "layout",
        "text",
        "chunk",
        "worth_a_thread",
        "sweep",
        "pre_reads",
        "post_reads",
        "own_reads",
        "shared_reads",
        "render",
        "default_dtype",
        "repeatable",
        "post_major",
        "columns",
        "pointers_lines",
        "hashdefine_lines",
        "support_code_lines",
        "denormals_code_lines",
        "user_headers",
        "profiled",
    ]
)
MARK = "EMPTY_CODE_BLOCK"  # Brian2 leaves out whatever code has it somewhere
CPP_NAMES = frozenset(("brian", "main", "std", "superspike"))


@lru_cache(maxsize=10_000)
def fault(name: str) -> str | None:
    """Why a variable, parameter or local variable cannot be called so; None if it can."""
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        return "is no name: use letters, digits and underscores, and a letter first"
    if len(name) > MAX_LENGTH:
        return f"is longer than {MAX_LENGTH} characters"
    if name.startswith("_"):
        return "begins with an underscore, as the names of Brian2's own variables do"
    if keyword.iskeyword(name):
        return "is a keyword of Python"
    if name in BRIAN2 or re.match(r"xi_|lio_\d", name) or MARK in name or name in OF_TEMPLATES:
        return "has a meaning of its own in Brian2"
    for what, known in (("function", FUNCTIONS), ("unit", UNITS), ("constant", NUMBERS)):
        if name in known:
            return f"is a {what} of Brian2"
    if name in CPP_KEYWORDS:
        return "is a keyword of C++"
    if name in CPP_NAMES or name in CPP_MACROS:
        return "has a meaning of its own in C++"
    return None


def variable_fault(name: str, *, differential: bool = False) -> str | None:
    """As `fault`, for a name that equations define."""
    if name.endswith(("_pre", "_post")):
        return "ends in _pre or _post, which synapses put behind the names of their units' variables"
    if differential and is_sympys(name):
        return "has a meaning of its own in SymPy, which solves differential equations"
    if name in ATTRIBUTES:
        return "is an attribute of Brian2's groups"
    return fault(name)


@lru_cache(maxsize=10_000)
def is_sympys(name: str) -> bool:
    """Whether SymPy takes a name for something else than a symbol."""
    try:
        return not isinstance(sympy.sympify(name), sympy.Symbol)
    except (sympy.SympifyError, SyntaxError, TypeError, AttributeError):
        return True
