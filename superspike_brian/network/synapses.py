"""Which pairs of units a projection connects, and what its synapses start with: inputs of the compiled program.

Every random choice has a stream of its own, made from the run's seed, so that a change of one (say, another number of hidden
units) leaves the others as they were.
"""

import ast
import copy
from typing import Any

import numpy as np
from brian2 import Function

from ..codegen.brian2_api import Constant
from ..models import ModelError
from ..models.checks import expressions, places
from ..values.hints import Array, Floats
from .structure import Structure

_STREAMS = {
    "weights": 1,
    "feedback": 2,
    "trials": 3,
    "probe": 4,
    "test": 5,
    "noise": 6,
    "pairs": 7,
    "delays": 8,
}


def random_stream(seed: int, what: str, *k: int) -> np.random.Generator:
    """Random generator for `what`: the `k`-th projection, hidden population, or period of trials."""
    return np.random.default_rng([seed, _STREAMS[what], *k])


def seed_sequence(seed: int, what: str) -> np.random.SeedSequence:
    """What a generator outside of NumPy is seeded with."""
    return np.random.SeedSequence([seed, _STREAMS[what]])


def pairs(structure: Structure, name: str, seed: int) -> tuple[Array, Array]:
    """Presynaptic and postsynaptic unit of every synapse of a projection, in the order of the presynaptic units."""
    projection, (n_pre, n_post) = structure.projections[name], structure.shape(name)
    connect = projection.connect
    if isinstance(connect, str | float):
        loops = projection.source == projection.target and not projection.self_connections
        width = n_post - loops  # possible targets of a unit
        if isinstance(connect, str):
            chosen = np.arange(n_pre * width)
        else:
            stream, n = random_stream(seed, "pairs", _number(structure, name)), structure.n_synapses_of(name)
            chosen = np.sort(stream.choice(n_pre * width, n, replace=False, shuffle=False))
        pre, post = np.divmod(chosen, max(width, 1))
        post = post + (post >= pre) if loops else post
    else:
        pre, post = connect.units
    return pre.astype(np.int32), post.astype(np.int32)


def ends_of(structure: Structure, name: str, numbers: Array, seed: int) -> tuple[Array, Array]:
    """Presynaptic and postsynaptic units of some synapses of a projection."""
    if structure.is_dense(name):
        pre, post = np.unravel_index(numbers, structure.shape(name))
        return pre, post
    pre, post = pairs(structure, name, seed)
    return pre[numbers], post[numbers]


def initial_weights(structure: Structure, name: str, seed: int) -> Floats:
    """Weights (volt) of the synapses of a projection.

    Raises
    ------
    ModelError
        If they are not finite, or beyond the projection's bounds.
    """
    projection, stream = structure.projections[name], random_stream(seed, "weights", _number(structure, name))
    low, high = structure.bounds(name)
    n, (n_pre, n_post) = structure.n_synapses_of(name), structure.shape(name)
    if projection.initial is None:
        inputs = n_pre if structure.is_dense(name) else n / n_post
        w = float(structure.models[name].parameters["w_0"]) / np.sqrt(inputs) * stream.standard_normal(n)
        w = np.abs(w) if low == 0 else -np.abs(w) if high == 0 else w
        return np.clip(w, low, high)
    w = _values(structure, name, projection.initial, stream, seed)
    within = np.clip(w, low, high)
    if not np.allclose(w, within, rtol=1e-6, atol=0):  # single precision rounds a weight at its bound
        raise ModelError(
            f"{projection.where}, initial: weights from {w.min():.4g} to {w.max():.4g} V, and its bounds are {low:.4g} V and "
            f"{high:.4g} V"
        )
    return within


def delays(structure: Structure, name: str, seed: int) -> Floats | None:
    """Delay (second) of every synapse of a projection; None if they have one in common."""
    projection = structure.projections[name]
    if not structure.has_delays(name):
        return None
    found = _values(structure, name, projection.delay, random_stream(seed, "delays", _number(structure, name)), seed)
    if found.min() < 0:
        raise ModelError(f"{projection.where}, delay: a delay of {found.min():.4g} s; expected 0 or more")
    return found


def random_feedback(structure: Structure, population: str, seed: int) -> Floats:
    """Feedback weights, given or from N(0, 1), shape (units, output units): row i is what unit i receives."""
    if (given := structure.pathways[population].weights) is not None:
        return given.T
    shape = structure.size(population), structure.sizes[-1]
    return random_stream(seed, "feedback", structure.populations.index(population)).standard_normal(shape)


def _number(structure, name):
    return list(structure.projections).index(name) + 1


def _values(structure, name, given, stream, seed):
    """One value (SI units) a synapse, from an array or an expression."""
    projection, n = structure.projections[name], structure.n_synapses_of(name)
    if isinstance(given, np.ndarray):
        if given.shape == (n,):
            return given.astype(float)
        pre, post = pairs(structure, name, seed)
        return given[pre, post].astype(float)
    pre, post = pairs(structure, name, seed)
    n_pre, n_post = structure.shape(name)
    known = {**expressions.BUILT_IN, **places.constants(structure.models[name])}
    meaning: dict[str, Any] = {k: float(v.value) for k, v in known.items() if isinstance(v, Constant)}
    meaning |= {k: v.pyfunc for k, v in known.items() if isinstance(v, Function)}
    meaning |= {
        "rand": lambda: stream.random(n),
        "randn": lambda: stream.standard_normal(n),
        "poisson": lambda mean: stream.poisson(mean, n),
        **_LOGIC,
    }
    meaning |= {"i": pre.astype(float), "j": post.astype(float), "N_pre": n_pre, "N_post": n_post}
    tree = _Elementwise().visit(copy.deepcopy(expressions.parse(given).tree))  # arithmetic and known functions only
    code = compile(ast.fix_missing_locations(ast.Expression(tree)), given, "eval")
    with np.errstate(all="ignore"):
        found = np.broadcast_to(np.asarray(eval(code, {"__builtins__": {}}, meaning), float), n)
    if not np.isfinite(found).all():
        raise ModelError(f"{projection.where}: '{given}' is not finite for some synapses")
    return np.array(found)


_LOGIC = {"_and": np.logical_and, "_or": np.logical_or, "_not": np.logical_not}


class _Elementwise(ast.NodeTransformer):
    """Lets ``and``, ``or`` and ``not`` work on arrays."""

    def visit_BoolOp(self, node):
        first, *others = map(self.visit, node.values)
        name = ast.Name("_and" if isinstance(node.op, ast.And) else "_or", ast.Load())
        for other in others:
            first = ast.Call(name, [first, other], [])
        return first

    def visit_UnaryOp(self, node):
        self.generic_visit(node)
        return ast.Call(ast.Name("_not", ast.Load()), [node.operand], []) if isinstance(node.op, ast.Not) else node
