"""What leads from population to population in a graph of NIR: weights and delays, whatever nodes say them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..values.hints import Floats

if TYPE_CHECKING:
    import nir

CELLS = ("CubaLIF", "CubaLI")
WIRES = ("Linear", "Affine", "Scale", "Delay")
INSTEAD = {  # what to do about a node that has no counterpart here
    "LIF": "its current lasts one time step; a CubaLIF has a synaptic current, which the learning rule needs",
    "IF": "it has no leak and no synaptic current; a CubaLIF has both",
    "Conv1d": "write its weights as a Linear",
    "Conv2d": "write its weights as a Linear",
    "Flatten": "give populations one dimension, and leave it out",
}


class Connection(NamedTuple):
    """A way between two populations, or from an input: weights and delays of shape (pre, post), and its `Linear`."""

    source: str
    target: str
    weights: Floats
    delays: Floats
    name: str  # of the node with the weights; empty if there is none


def kind(node: nir.NIRNode) -> str:
    """What sort of node it is."""
    return type(node).__name__


def flattened(graph: nir.NIRGraph) -> nir.NIRGraph:
    """The graph with the nodes of graphs in it, as ``NAME.NODE``; others write recurrent layers so."""
    inner = {name: flattened(node) for name, node in graph.nodes.items() if kind(node) == "NIRGraph"}
    if not inner:
        return graph
    nodes = {name: node for name, node in graph.nodes.items() if name not in inner}
    ways_in, ways_out = ({name: [name] for name in nodes} for _ in range(2))
    edges: list[tuple[str, str]] = []
    for name, part in inner.items():
        nodes |= {f"{name}.{node}": found for node, found in part.nodes.items()}
        edges += [(f"{name}.{a}", f"{name}.{b}") for a, b in part.edges]
        ways_in[name] = [f"{name}.{node}" for node in part.inputs]
        ways_out[name] = [f"{name}.{node}" for node in part.outputs]
    edges = [pair for a, b in graph.edges for pair in product(ways_out[a], ways_in[b])] + edges
    for name in inner:
        for door in (*ways_in[name], *ways_out[name]):  # its Input and Output are no more than a way through
            before, after = [a for a, b in edges if b == door], [b for a, b in edges if a == door]
            edges = [edge for edge in edges if door not in edge] + list(product(before, after))
            del nodes[door]
    return type(graph)(nodes, edges, graph.metadata, type_check=False)


def check_nodes(graph: nir.NIRGraph) -> None:
    """Refuse nodes without a counterpart, by name, and populations of more than one dimension."""
    for name, node in graph.nodes.items():
        if kind(node) not in (*CELLS, *WIRES, "Input", "Output"):
            way_out = INSTEAD.get(kind(node), f"there are {', '.join(CELLS)} and, between them, {', '.join(WIRES)}")
            raise ValueError(f"the node '{name}' is a {kind(node)}, which the model cannot say: {way_out}")
        if kind(node) == "Affine" and np.any(node.bias):
            raise ValueError(
                f"the node '{name}', bias: a constant current, which neurons here do not have; only 0 fits"
            )
        if kind(node) in (*CELLS, "Input") and len(shape(node)) != 1:
            raise ValueError(f"the node '{name}' has the shape {shape(node)}; expected one dimension: flatten it first")


def shape(node: nir.NIRNode) -> tuple[int, ...]:
    """Shape of what a node emits."""
    (found,) = node.output_type.values()
    return tuple(int(n) for n in np.atleast_1d(found))


def in_order(graph: nir.NIRGraph) -> list[str]:
    """Nodes in the order of the edges: files keep these, and sort nodes by name."""
    return list(dict.fromkeys(node for edge in graph.edges for node in edge))


def connections(graph: nir.NIRGraph) -> list[Connection]:
    """All ways from inputs and populations to populations.

    Raises
    ------
    ValueError
        If one has two matrices or none of the right shape, or leads in a circle without a population.
    """
    found, order = [], in_order(graph)
    for source in (name for name in order if kind(graph.nodes[name]) in (*CELLS, "Input")):
        for *wires, target in _ways(graph, [source]):
            if kind(graph.nodes[target]) in CELLS:
                found.append(_connection(graph, source, wires, target))
            elif wires:
                raise ValueError(
                    f"'{wires[-1]}' stands before the Output '{target}': only a population can be the output"
                )
    return sorted(found, key=lambda way: order.index(way.name or way.target))


def _ways(graph: nir.NIRGraph, way: list[str]) -> Iterator[list[str]]:
    """Nodes from the one behind `way` to the next population or output."""
    for _, node in (edge for edge in graph.edges if edge[0] == way[-1]):
        if node in way[1:]:
            raise ValueError(f"the nodes {', '.join(way[1:])} are a circle without neurons")
        if kind(graph.nodes[node]) in WIRES:
            yield from _ways(graph, [*way, node])
        else:
            yield [*way[1:], node]


def _connection(graph, source, wires, target):
    weights, name = None, ""
    n = shape(graph.nodes[source])[0]
    scale, before, after = np.ones(n), np.zeros(n), np.zeros(1)
    for wire in wires:
        node = graph.nodes[wire]
        if kind(node) == "Delay":
            before, after = (before + node.delay, after) if weights is None else (before, after + node.delay)
        elif kind(node) == "Scale":
            scale, weights = (scale * node.scale, None) if weights is None else (scale, weights * node.scale)
        elif weights is not None:
            raise ValueError(f"'{name}' and '{wire}' follow each other without neurons between: multiply them into one")
        else:
            weights, name = np.asarray(node.weight, float).T * scale[:, None], wire
    weights = np.diag(scale) if weights is None else weights
    expected = n, shape(graph.nodes[target])[0]
    if weights.shape != expected:
        where = f"'{name}'" if name else "what"
        raise ValueError(
            f"{where} leads from {expected[0]} units of '{source}' to {expected[1]} of '{target}', and has weights for "
            f"{weights.shape[0]} and {weights.shape[1]}"
        )
    return Connection(source, target, weights, np.broadcast_to(before[:, None] + after, expected), name)
