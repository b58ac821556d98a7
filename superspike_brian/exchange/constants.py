"""The constants of populations in a graph of NIR: in which units they are, and the neuron that has them here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from brian2 import Quantity, have_same_dimensions, second, volt

from ..models import LIF, Neuron
from ..values.hints import Floats
from ..values.kinds import Time
from .wiring import kind

if TYPE_CHECKING:
    import nir

SHARED = ("tau_syn", "tau_mem", "v_leak", "v_threshold", "v_reset")  # what all units of a population have in common
RANGE = float(LIF.parameters["theta"] - LIF.parameters["U_rest"])  # of a readout, which has no threshold in NIR


class Units(NamedTuple):
    """What 1 in the graph is, in volt and in second."""

    potential: float
    time: float


def units(said: Mapping[str, Any], unit: Quantity | None, time_unit: Quantity | None) -> Units:
    """Units of a graph, as given, or as its metadata say; ValueError if neither says the potential's."""
    if unit is None and "volt" not in said:
        raise ValueError(
            "the graph does not say in which unit its potentials are: give unit=volt or unit=mV; where thresholds are about 1 "
            "above the leak, unit=10*mV"
        )
    if unit is not None and not (
        isinstance(unit, Quantity)
        and not np.ndim(unit)
        and have_same_dimensions(unit, volt)
        and 0 < float(unit) < np.inf
    ):
        raise ValueError(f"unit must be a positive potential, such as 10*mV, not {unit!r:.80}")
    potential = float(said["volt"] if unit is None else unit)
    return Units(potential, 1.0 if time_unit is None else float(Time("1ms").check(time_unit, "time_unit")))


def check_seconds(cells: Mapping[str, nir.NIRNode]) -> None:
    """Refuse time constants that are hardly meant in second."""
    for name, cell in cells.items():
        if (longest := max(np.max(cell.tau_mem), np.max(cell.tau_syn))) >= 1:
            raise ValueError(
                f"the node '{name}' has a time constant of {longest:g} s, if times are in second; if in millisecond, give "
                "time_unit=ms; if they are, time_unit=second"
            )


def neuron(node: str, cell: nir.NIRNode, scale: Units, said: Mapping[str, Any]) -> Neuron:
    """LIF with the constants of a node; ValueError if its units differ in them."""
    shared = {}
    for field in SHARED[: 5 if kind(cell) == "CubaLIF" else 3]:
        values = np.asarray(getattr(cell, field), float)
        if not np.allclose(values, values[0], rtol=1e-6, atol=0):
            raise ValueError(
                f"the node '{node}', {field}: from {values.min():g} to {values.max():g}; the units of a population have it in "
                "common here: give those that differ a node each"
            )
        shared[field] = float(values[0]) * (scale.time if field.startswith("tau") else scale.potential)
    for field in ("tau_syn", "tau_mem"):
        if not shared[field] > 0:
            raise ValueError(f"the node '{node}', {field}: {shared[field]:g} s; expected a time above 0")
    rest = shared["v_leak"]
    theta = float(said["theta"]) * scale.potential if "theta" in said else rest + RANGE
    reset = shared.get("v_reset", rest)
    constants = {
        "tau_mem": shared["tau_mem"] * second,
        "tau_syn": shared["tau_syn"] * second,
        "U_rest": rest * volt,
        "theta": shared.get("v_threshold", theta) * volt,
        "tau_ref": float(said.get("refractory", {}).get(node, 0)) * second,
    }
    if reset == rest:
        return LIF.replace(**constants, source="a graph of NIR")
    parameters = {**LIF.parameters, **constants, "U_reset": reset * volt}
    return LIF.replace(parameters=parameters, reset="U = U_reset", source="a graph of NIR")


def jump(cell: nir.NIRNode, step: float, meaning: str) -> Floats:
    """By what a spike of weight 1 makes the current of each unit grow, times its resistance."""
    factor = {"step": cell.w_in * step / cell.tau_syn, "impulse": cell.w_in / cell.tau_syn, "ignored": 1.0}[meaning]
    return factor * cell.r
