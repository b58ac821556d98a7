"""How synapses lie in memory: which pair of units the s-th one connects. Fast code relies on it, and is refused elsewhere.

Each way of connecting (`all_to_all.connect`, `sparse.connect`) notes the layout that it makes. After that Brian2's own
``connect`` is refused: nothing would notice that the layout is another one, save for wrong results.
"""

import dataclasses
from typing import Any, TypeAlias

from brian2 import Synapses

from .brian2_api import Variable, pathways_of


@dataclasses.dataclass(frozen=True)
class AllToAll:
    """All units connect to all: synapse ``j*n_post + i`` goes from unit j to unit i.

    Parameters
    ----------
    n_pre, n_post : int
        Presynaptic and postsynaptic units.
    post_major : bool
        Synapse ``i*n_pre + j`` does instead.
    """

    n_pre: int
    n_post: int
    post_major: bool = False

    @property
    def n(self) -> int:
        """Number of synapses."""
        return self.n_pre * self.n_post


@dataclasses.dataclass(frozen=True)
class Rows:
    """Some units connect to some, in ascending order of the pairs (j, i): which pairs is an input of the program.

    Parameters
    ----------
    n_pre, n_post : int
        Presynaptic and postsynaptic units.
    n : int
        Number of synapses.
    ascending : bool
        Whether the pairs ascend. Others go through Brian2's own code.
    """

    n_pre: int
    n_post: int
    n: int
    ascending: bool = True


Layout: TypeAlias = AllToAll | Rows


def note(synapses: Synapses, layout: Layout) -> None:
    """Note the layout of synapses that are being connected, for good."""
    for pathway in pathways_of(synapses) if synapses.codeobj_class is not None else ():
        if pathway.prepost != "pre" or not pathway.variables["delay"].scalar:
            raise TypeError(
                f"{pathway.name} needs Brian2's queue of synapses, for postsynaptic spikes or a delay of each synapse, and so "
                "Brian2's code: give the synapses no codeobj_class"
            )
    mark(synapses, layout)

    def refuse(*_: Any, **__: Any) -> None:
        raise TypeError(f"{synapses.name} is connected as {layout}, and takes no further synapses")

    object.__setattr__(synapses, "connect", refuse)  # Brian2 guards its attributes


def mark(synapses: Synapses, layout: Layout) -> None:
    """Note the layout of synapses, however they are connected."""
    synapses.add_attribute("layout_in_memory")
    synapses.layout_in_memory = layout


def layout_of(owner: Any) -> Layout | None:
    """Layout of synapses, or of those of a pathway; None where nothing is known of it."""
    return getattr(getattr(owner, "synapses", owner), "layout_in_memory", None)


def inputs_of(synapses: Any) -> dict[str, Variable]:
    """Arrays that say how synapses in rows connect, which are inputs of a program: dict of ``group.variable`` to Variable."""
    if not isinstance(synapses, Synapses) or not isinstance(layout_of(synapses), Rows):
        return {}
    found = {f"{synapses.name}.{end}": synapses.variables[end] for end in ("_synaptic_pre", "_synaptic_post")}
    for pathway in pathways_of(synapses):
        if not (delay := pathway.variables["delay"]).scalar:
            owner = synapses if pathway.prepost == "pre" else pathway
            found[f"{owner.name}.delay"] = delay
    return found


def check(owner: Any, codeobj_class: type | None) -> None:
    """Refuse code that is made for another layout than that of its owner."""
    needed = getattr(codeobj_class, "layout", None)
    found = layout_of(owner)
    if needed is not None and not (isinstance(found, needed) and getattr(found, "ascending", True)):
        raise TypeError(
            f"the code of {owner.name} is made for synapses that are {needed.__name__}, and these are "
            f"{found or 'connected by other means'}: connect them with superspike_brian.codegen"
        )
