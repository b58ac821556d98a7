"""Which units, synapses and variables the probe windows of a run record, and how large what they record is."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from brian2 import Equations

from ..values.kinds import Kind, Whole
from ..values.names import nearest
from ..values.quantities import readable

UNITS = 5  #     units of a layer
SYNAPSES = 10  # synapses of a weight group
VARIABLES = ("U", "U_target", "error", "sigma_prime", "eligibility", "m", "w")
LIMIT = 4 * 2**30  # bytes that all windows of a run may take


@dataclasses.dataclass(frozen=True)
class Units(Kind):
    """How many units of a layer, or which; for all layers, or for those named.

    It is kept as a number, as a tuple of numbers of units, or as a tuple of pairs of a layer and one of these.
    """

    example: str = "20"
    metavar: str | None = "UNITS"

    def parse(self, text: str) -> Any:
        """Read ``20``, ``0,7`` or ``hidden_1=20,output=0,7``; ``7,`` is unit 7 alone."""
        if "=" not in text:
            numbers = [n.strip() for n in text.split(",") if n.strip()]
            if not numbers or not all(n.isascii() and n.isdecimal() for n in numbers):
                raise ValueError(
                    f"'{text}' is neither a number of units, such as 20, nor numbers of units, such as 0,7"
                )
            return self.check([int(n) for n in numbers] if "," in text else int(numbers[0]), "it")
        layers: dict[str, str] = {}
        name = ""
        for part in text.split(","):
            before, equals, units = part.rpartition("=")
            name = before.strip() if equals else name
            if not name or (equals and name in layers):
                raise ValueError(f"'{text}' does not name a layer each time, as hidden_1=20,output=0,7 does")
            layers[name] = units if equals else f"{layers[name]},{units}"
        return tuple((name, self.parse(units)) for name, units in layers.items())

    def check(self, value: Any, name: str) -> Any:
        """Accept a number, a sequence of numbers, or a mapping of layers to these."""
        pairs: Any = list(value.items()) if isinstance(value, Mapping) else value
        if _is_pairs(pairs):
            return tuple((str(layer), self.check(units, name)) for layer, units in pairs)
        try:
            if np.ndim(pairs) and isinstance(pairs, Iterable) and not isinstance(pairs, str):
                numbers = tuple(Whole(minimum=0).check(n, name) for n in pairs)
                if not numbers or len(set(numbers)) < len(numbers):
                    raise ValueError
                return numbers
            return Whole(minimum=1).check(value, name)
        except ValueError:
            raise ValueError(
                f"{name} must say how many units of a layer to record, such as 20, or which, such as [0, 7], or one of "
                f"both for single layers, such as {{'output': [0, 7]}}, not {value!r}"
            ) from None

    def show(self, value: Any) -> str:
        """As on the command line."""
        if isinstance(value, int):
            return str(value)
        if _is_pairs(value):
            return ",".join(f"{layer}={self.show(units)}" for layer, units in value)
        return ",".join(map(str, value)) + ("," if len(value) == 1 else "")


def _is_pairs(value):
    """Whether a choice names layers."""
    pairs = isinstance(value, list | tuple) and len(value) > 0
    return pairs and all(isinstance(p, list | tuple) and len(p) == 2 and isinstance(p[0], str) for p in value)


@dataclasses.dataclass(frozen=True)
class Names(Kind):
    """Names of variables; they are kept as on the command line."""

    example: str = "U,I_syn"
    metavar: str | None = "NAME,..."

    def parse(self, text: str) -> str:
        """Read names with commas between them."""
        return self.check(text, "it")

    def check(self, value: Any, name: str) -> str:
        """Accept a sequence of names, or a text as on the command line."""
        names: Any = value.split(",") if isinstance(value, str) else value
        names = list(names) if np.ndim(names) and isinstance(names, Iterable) and not isinstance(names, bytes) else []
        if not names or not all(isinstance(n, str) and n.strip().isidentifier() for n in names):
            raise ValueError(f"{name} must name variables of the model, such as {self.example}, not {value!r}")
        return ",".join(dict.fromkeys(n.strip() for n in names))


def equations_of(structure: Any) -> dict[str, Equations]:
    """Equations whose variables can be recorded, by population and plastic projection."""
    models, found = structure.models, {}
    for name in structure.populations[1:]:
        found[name] = models[name].layer_equations(output=name == "output")
    for name in structure.plastic:
        output = structure.projections[name].target == "output"
        found[name] = models[name].equations_of("synapse", output=output)[0]
    return found


def variables_of(structure: Any) -> dict[str, dict]:
    """Variables that can be recorded, with their dimensions, by population and plastic projection.

    Of a synapse these are its own and, as in its equations, ``NAME_pre`` and ``NAME_post`` of axon terminal and neuron.
    """
    own = {name: _dimensions(equations) for name, equations in equations_of(structure).items()}
    for name in structure.plastic:
        terminals = _dimensions(Equations(structure.models[name].plasticity.terminal_equations), "_pre")
        post = own[structure.projections[name].target]
        own[name] |= terminals | {f"{n}_post": dim for n, dim in post.items()}
    return own


def _dimensions(equations, suffix=""):
    return {n + suffix: e.dim for n, e in equations.items() if "shared" not in e.flags}


def recorded(structure: Any) -> dict[str, tuple[list, np.ndarray]]:
    """Names of variables and numbers of units or synapses that a window records, by population and projection."""
    found = {}
    for name, known in variables_of(structure).items():
        watched = [v for v in structure.probe_variables or VARIABLES if v in known]
        numbers = structure.probed_synapses(name) if name in structure.projections else _units(structure, name)
        if watched and len(numbers):
            found[name] = watched, numbers
    return found


def _units(structure, layer):
    chosen, size = structure.probe_units, structure.size(layer)
    if _is_pairs(chosen):
        chosen = dict(chosen).get(layer, UNITS)
    if isinstance(chosen, int):
        return np.arange(min(chosen, size))
    if max(chosen) >= size:
        raise ValueError(
            f"probe_units must be units that there are, and {layer} has no unit {max(chosen)}: its {size} units are 0 to "
            f"{size - 1}. A choice for single layers is written {{'hidden_1': [0, 7], 'output': 3}}"
        )
    return np.array(chosen)


def check_recorded(structure: Any) -> None:
    """Refuse units and variables that the network has not, with a near name (ValueError)."""
    layers, known = structure.populations[1:], variables_of(structure)
    for layer, _ in structure.probe_units if _is_pairs(structure.probe_units) else ():
        if layer not in layers:
            raise ValueError(f"probe_units must name layers of the network, not '{layer}'{nearest(layer, layers)}")
    watched = {name for names, _ in recorded(structure).values() for name in names}
    every = sorted({v for names in known.values() for v in names})
    for name in structure.probe_variables or ():
        if name not in every:
            raise ValueError(f"probe_variables must be variables of this network, not '{name}'{nearest(name, every)}")
        if name not in watched:
            raise ValueError(f"probe_variables has '{name}', a variable of synapses, and probe_synapses is 0")


def check_windows(protocol: Any, structure: Any, task: Any) -> None:
    """Refuse probe windows without a time step, after the end, or of more than `LIMIT` bytes (ValueError)."""
    steps = protocol.probe_steps(structure.dt, task.period)
    if steps < 1:
        raise ValueError(
            f"probe_length must be one time step of {readable(structure.dt)} or more, not {readable(protocol.probe_length)}"
        )
    if late := [t for t in protocol.probe_learning if float(t) >= float(protocol.duration)]:
        raise ValueError(
            f"probe_learning must lie before the end of the run at {readable(protocol.duration)}, not at {readable(late[0])}"
        )
    windows = 2 + len(protocol.probes(structure.dt)) + len(protocol.probe_learning)
    row = 8 * sum(1 + len(watched) * len(numbers) for watched, numbers in recorded(structure).values())
    if windows * steps * row > LIMIT:
        raise ValueError(
            f"{windows} probe windows of {steps} steps, {row} bytes per step, take {windows * steps * row / 2**30:.3g} GiB, "
            f"and more than {LIMIT / 2**30:g} GiB are refused: choose a smaller probe_length, fewer probe_units, "
            "probe_synapses or probe_variables, or fewer windows"
        )
