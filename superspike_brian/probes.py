"""Which units, synapses and variables the probe windows of a run record, and how large what they record is."""

import difflib
from collections.abc import Iterable, Mapping
from numbers import Integral

import numpy as np
from brian2 import Equations

from .models import NO_DECAY

UNITS = 5  #     units of a layer
SYNAPSES = 10  # synapses of a weight group
VARIABLES = ("U", "error", "sigma_prime", "eligibility", "m", "w")
LIMIT = 4 * 2**30  # bytes that all windows of a run may take


def equations_of(structure):
    """Equations whose variables can be recorded: dict of layer or plastic weight group to Equations."""
    model, found = structure.model, {}
    for name in structure.populations[1:]:
        found[name] = model.layer_equations(output=name == "output")
    for k, name in enumerate(structure.forward, start=1):
        if structure.is_plastic(k):
            found[name] = model.synapse_equations(NO_DECAY if k == len(structure.forward) else model.regularizer)
    return found


def variables_of(structure):
    """Variables that can be recorded, with their dimensions: dict of layer or weight group to dict.

    Of a synapse these are its own and, as in its equations, ``NAME_pre`` and ``NAME_post`` of axon terminal and neuron.
    """
    own = {name: _dimensions(equations) for name, equations in equations_of(structure).items()}
    terminals = _dimensions(Equations(structure.model.plasticity.terminal_equations), "_pre")
    for k, name in enumerate(structure.forward, start=1):
        if name in own:
            post = own[structure.populations[k]]
            own[name] |= terminals | {f"{n}_post": dim for n, dim in post.items()}
    return own


def _dimensions(equations, suffix=""):
    return {n + suffix: e.dim for n, e in equations.items() if "shared" not in e.flags}


def recorded(structure):
    """What a window records: dict of layer or weight group to names of variables and numbers of units or synapses."""
    found = {}
    for name, known in variables_of(structure).items():
        watched = [v for v in structure.probe_variables or VARIABLES if v in known]
        numbers = structure.probed_synapses(int(name[8:])) if name in structure.forward else _units(structure, name)
        if watched and len(numbers):
            found[name] = watched, numbers
    return found


def _units(structure, layer):
    chosen, size = structure.probe_units, structure.sizes[structure.populations.index(layer)]
    if isinstance(chosen, Mapping):
        chosen = chosen.get(layer, UNITS)
    if isinstance(chosen, int):
        return np.arange(min(chosen, size))
    if max(chosen) >= size:
        raise ValueError(
            f"probe_units: {layer} has no unit {max(chosen)}; its {size} units are 0 to {size - 1}. Other units for each "
            "layer are given so: {'hidden_1': [0, 7], 'output': 3}"
        )
    return np.array(chosen)


def plain_units(chosen, layers):
    """Check a choice of units: a number, or numbers of units, for all layers or by their names; return it as plain types."""
    if isinstance(chosen, Mapping):
        for name in chosen:
            if name not in layers:
                raise ValueError(f"probe_units: this network has no layer {name!r}; {_near(name, layers)}")
        return {name: plain_units(chosen[name], ()) for name in layers if name in chosen}
    if _is_count(chosen, 1):
        return int(chosen)
    numbers = list(chosen) if isinstance(chosen, Iterable) and not isinstance(chosen, str) else []
    if not numbers or not all(_is_count(n, 0) for n in numbers) or len(set(numbers)) < len(numbers):
        raise ValueError(
            "probe_units must say how many units of a layer to record, such as 20, or which, such as [0, 7], or one of both "
            f"for single layers, such as {{'output': [0, 7]}}; found {chosen!r}"
        )
    return tuple(int(n) for n in numbers)


def units_from_text(text):
    """What ``20``, ``0,7`` or ``hidden_1=20,output=0,7`` means; ``7,`` is unit 7 alone."""
    if "=" not in text:
        numbers = [int(n) if n.strip().isdecimal() else None for n in text.split(",") if n.strip()]
        if not numbers or None in numbers:
            raise ValueError(f"'{text}' is neither a number of units, such as 20, nor numbers of units, such as 0,7")
        return tuple(numbers) if "," in text else numbers[0]
    layers = {}
    for part in text.split(","):
        name, given, _ = part.rpartition("=")
        if given:
            layers[layer := name.strip()] = part[len(name) + 1 :]
        elif not layers:
            raise ValueError(f"'{text}' does not begin with the name of a layer, as output=0,7 does")
        else:
            layers[layer] += f",{part}"
    return {name: units_from_text(units) for name, units in layers.items()}


def plain_synapses(chosen):
    """Check a number of synapses."""
    if not _is_count(chosen, 0):
        raise ValueError(f"probe_synapses must say how many synapses of a weight group to record, not {chosen!r}")
    return int(chosen)


def _is_count(value, least):
    return isinstance(value, Integral) and not isinstance(value, bool) and value >= least


def plain_variables(chosen):
    """Check that a choice of variables consists of names; None stands for `VARIABLES`."""
    if chosen is None:
        return None
    names = tuple(chosen.split(",") if isinstance(chosen, str) else chosen) if isinstance(chosen, Iterable) else ()
    if not names or not all(isinstance(n, str) for n in names):
        raise ValueError(f"probe_variables must name variables of the model, such as ('U', 'm'), not {chosen!r}")
    return tuple(dict.fromkeys(n.strip() for n in names))


def check_recorded(structure):
    """Refuse variables and units that the network has not, with a near name (ValueError)."""
    known = sorted({v for names in variables_of(structure).values() for v in names})
    for name in structure.probe_variables or ():
        if name not in known:
            raise ValueError(f"probe_variables: this network has no variable {name!r}; {_near(name, known)}")
        if not any(name in watched for watched, _ in recorded(structure).values()):
            raise ValueError(f"probe_variables: {name!r} is a variable of synapses, and probe_synapses is 0")
    recorded(structure)


def _near(name, known):
    found = difflib.get_close_matches(str(name), known, 1)
    return f"did you mean {found[0]!r}?" if found else f"it has {', '.join(known)}"


def check_windows(protocol, structure, task):
    """Refuse probe windows that no step falls into, or that take more than `LIMIT` bytes (ValueError)."""
    steps = protocol.probe_steps(structure.dt, task.period)
    if steps < 1:
        raise ValueError(f"probe_length {protocol.probe_length} is less than one time step of {structure.dt}")
    if late := [t for t in protocol.probe_learning if float(t) >= float(protocol.duration)]:
        raise ValueError(f"probe_learning {late[0]} is not before the end of the run at {protocol.duration}")
    windows = 2 + len(protocol.probe_at) + len(protocol.probe_learning)
    row = 8 * sum(1 + len(watched) * len(numbers) for watched, numbers in recorded(structure).values())
    if windows * steps * row > LIMIT:
        raise ValueError(
            f"{windows} probe windows of {steps} steps, {row} bytes a step, take {windows * steps * row / 2**30:.3g} GiB, and "
            f"more than {LIMIT / 2**30:g} GiB is refused: choose a smaller probe_length, fewer probe_units, probe_synapses or "
            "probe_variables, or fewer windows"
        )
