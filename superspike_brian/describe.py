"""The model that would run, as Markdown, read off the live Brian2 objects: an edit of the model shows up by itself."""

import gc
import inspect
from contextlib import contextmanager
from numbers import Number

import numpy as np
from brian2 import EventMonitor, NeuronGroup, PopulationRateMonitor, Quantity, StateMonitor, Synapses, prefs, second
from brian2.core.spikesource import SpikeSource
from brian2.devices.device import reset_device, set_device
from brian2.groups.group import CodeRunner, Group
from brian2.groups.neurongroup import SubexpressionUpdater
from brian2.synapses.synapses import SummedVariableUpdater
from brian2.utils.stringtools import get_identifiers

from .network import Assembly

_ROLES = {  # by name without its number: the vocabulary of `network`
    "inputs": "input pattern",
    "targets": "target pattern",
    "hidden": "hidden layer",
    "output": "output layer",
    "terminals": "axon terminals",
}
_DOES = {  # by type of Brian2 object
    "SubexpressionUpdater": "evaluates what is constant over the step",
    "CodeRunner": "runs its statements",
    "StateUpdater": "integrates the equations",
    "Thresholder": "finds the units that spike",
    "SpikeGeneratorGroup": "emits the pattern's spikes",
    "SynapticPathway": "delivers the spikes that arrive",
    "Resetter": "resets the units that spiked",
    "SpikeMonitor": "records spikes",
    "StateMonitor": "records variables",
}


def describe_structure(structure, task=None, title=None):
    """Describe a `Structure`: build its objects without compiling anything, and leave Brian2 as it was.

    Parameters
    ----------
    structure : Structure
        What to describe.
    task, title
        As for `describe`.

    Returns
    -------
    str
        Markdown.
    """
    gc.collect()  # Brian2 numbers its names past those of objects that are gone but not collected
    with _runtime_device():
        return describe(Assembly(structure), task, title)


def describe(assembly, task=None, title=None):
    """Describe what would run.

    Parameters
    ----------
    assembly : Assembly
        The Brian2 objects, on Brian2's runtime device (`describe_structure` sees to it).
    task : Task, optional
        Adds its input and target patterns.
    title : str, optional
        Heading; default: the sizes of the network.

    Returns
    -------
    str
        Markdown.
    """
    model, known = assembly.model, list(assembly.groups)
    groups = [o for o in assembly.net.objects if isinstance(o, Group)]
    groups.sort(key=lambda g: (known.index(g.name) if g.name in known else len(known), g.name))
    synapses = [g for g in groups if isinstance(g, Synapses)]
    layers = [g for g in groups if isinstance(g, NeuronGroup) and g.events]
    terminals = [g for g in groups if isinstance(g, NeuronGroup) and not g.events]
    kinds = _sorted_synapses(synapses, terminals)
    sections = {
        "Populations": _populations([g for g in groups if isinstance(g, SpikeSource)]),
        "Connectivity": _connectivity(synapses),
        "Neuron equations": _subsections(layers),
        "Axon terminals": _subsections(terminals) + _bullets(map(_pathways, kinds["axons"])),
        "Plastic synapses": _subsections(kinds["plastic"]) + _bullets(map(_reads, kinds["plastic"])),
        "Fixed synapses": _subsections(kinds["fixed"]),
        "Feedback pathways": _bullets(map(_pathways, kinds["feedback"])),
        "Input and targets": _patterns(task) if task else "",
        "Measurements": _measurements(groups, assembly.is_probe),
        "Parameters": _parameters(model, groups),
        "Schedule of one time step": _schedule(assembly.net.sorted_objects),
        "Sources": _bullets(f"{kind}, *{c.name}*: {c.source}" for kind, c in model.components.items()),
    }
    title = title or f"Network of {'-'.join(map(str, assembly.structure.sizes))} units"
    parts = [f"# {title}", _bullets(f"{kind}: {c.name}" for kind, c in model.components.items())]
    parts += [f"## {name}\n\n{body.strip()}" for name, body in sections.items() if body]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def readable(value):
    """Return a value in the unit that makes it shortest: ``10 ms``, not ``0.01 s``."""
    if not isinstance(value, Number | np.ndarray):
        return type(value).__name__
    value = Quantity(value)
    if value.size != 1:
        return f"{value.size} values"
    number, _, unit = value.in_best_unit(precision=12).partition(" ")
    if unit in ("", "ks"):  # no dimensions; a long time
        number, unit = float(value), unit[1:]
    return f"{float(number):.6g} {unit}".strip()


@contextmanager
def _runtime_device():
    saved = prefs.codegen.target
    set_device("runtime")
    try:
        prefs.codegen.target = "numpy"
        yield
    finally:
        prefs.codegen.target = saved
        reset_device()


def _sorted_synapses(synapses, terminals):
    """Synapses by the section that shows them."""
    kinds = {"axons": [], "plastic": [], "feedback": [], "fixed": []}
    for group in synapses:
        if group.target in terminals:
            kind = "axons"
        elif group.equations.diff_eq_names or group.event_driven or _operations(group):
            kind = "plastic"
        else:
            kind = "feedback" if group.name.startswith(("error", "feedback")) else "fixed"
        kinds[kind].append(group)
    return kinds


def _equations(group):
    """Equations of a group as its user wrote them."""
    shown = dict(getattr(group, "user_equations", None) or getattr(group, "equations", {}))
    return list((shown | dict(getattr(group, "event_driven", None) or {})).values())


def _operations(group):
    """Statements that run by the clock."""
    kinds = (SubexpressionUpdater, SummedVariableUpdater) if isinstance(group, Synapses) else ()
    return [o for o in group.contained_objects if type(o) is CodeRunner or isinstance(o, kinds)]


def _populations(groups):
    rows = [(_code(g.name), type(g).__name__, len(g), _ROLES.get(g.name.rstrip("_0123456789"), "")) for g in groups]
    return _table(("name", "kind", "size", "role"), rows)


def _connectivity(synapses):
    rows = []
    for group in synapses:
        for p in group._pathways:
            ends = _code(p.source.name), _code(p.target.name)
            rows.append((_code(group.name), *ends, len(group), _pattern(group), _delay(p), _code(p.code)))
    return _table(("name", "from", "to", "synapses", "pattern", "delay", "what a spike does"), rows)


def _pattern(synapses):
    i, j = (synapses.variables[name].get_value() for name in ("_synaptic_pre", "_synaptic_post"))
    n_pre, n_post = len(synapses.source), len(synapses.target)
    if len(i) == n_pre == n_post and np.array_equal(i, j):
        return "one to one"
    return "all to all" if len(np.unique(i.astype(int) * n_post + j)) == len(i) == n_pre * n_post else ""


def _delay(pathway):
    delays = np.append(pathway.variables["delay"].get_value(), [] if len(pathway.synapses) else 0)
    return _span(delays * second) if delays.any() else "none"


def _span(values):
    return " to ".join(dict.fromkeys(readable(v) for v in (values.min(), values.max())))


def _subsections(groups):
    """Equations and the rest of each group; groups that say the same share a subsection."""
    same = {}
    for group in groups:
        same.setdefault(_body(group), []).append(_code(group.name))
    return "".join(f"### {', '.join(names)}\n\n{body}\n\n" for body, names in same.items())


def _body(group):
    facts = []
    for event, condition in getattr(group, "events", {}).items() if isinstance(group, NeuronGroup) else ():
        facts += [f"{event}: when {_code(condition)}", f"then: {_code(group.event_codes.get(event, '')) or 'nothing'}"]
    if getattr(group, "_refractory", False) is not False:
        facts.append(f"refractory: {_code(str(group._refractory))}")
    if group.equations.diff_eq_names:
        method = getattr(group, "method_choice", None) or group.state_updater.method_choice
        facts += [f"integration: {_method(method)}"]
        if isinstance(group, NeuronGroup):
            facts.append(f"starts with: {_start(group)}")
    parts = [_block(_aligned(map(str, _equations(group)))), _bullets(facts)]
    for o in _operations(group):
        parts.append(f"{_code(o.name)}, every {readable(o.clock.dt)} in slot `{o.when}`:\n\n{_block(o.abstract_code)}")
    return "\n\n".join(part for part in parts if part)


def _method(method):
    if isinstance(method, str):
        return method
    return f"{type(method).__name__}: {inspect.getdoc(type(method)).splitlines()[0]}" if method else "chosen by Brian2"


def _start(group):
    variables = {name: group.variables[name] for name in sorted(group.equations.diff_eq_names)}
    values = {name: Quantity(var.get_value(), dim=var.dim) for name, var in variables.items()}
    return ", ".join([*(f"{n} = {_span(v)}" for n, v in values.items() if np.any(v)), "all else 0"])


def _pathways(synapses):
    ways = (f"{_code(p.source.name)} → {_code(p.target.name)}, delay {_delay(p)}: {_code(p.code)}" for p in synapses._pathways)
    own = [f"own variables {_code(chr(10).join(map(str, _equations(synapses))))}"] if _equations(synapses) else []
    return "; ".join([f"{_code(synapses.name)}, {'; '.join(ways)}", *own, *_reads(synapses, prefix=False)])
