"""The model that would run, as Markdown, read off the live Brian2 objects: an edit of the model shows up by itself."""

import inspect
from itertools import groupby
from typing import Any

import numpy as np
from brian2 import CodeRunner, EventMonitor, Group, NeuronGroup, Quantity, SpikeSource, StateMonitor, Synapses, second

from ..codegen.brian2_api import (
    SubexpressionUpdater,
    SummedVariableUpdater,
    get_identifiers,
    mark_as_run,
    names_of_its_own,
    pathways_of,
    refractory_of,
)
from ..engine.runtime import runtime_device
from ..network.assembly import Assembly
from ..network.structure import Structure
from ..tasks import Classification, LabelledTask, Signal, Task
from ..tasks.pattern import counted
from ..values.quantities import measured, readable, unit_name
from ..values.tables import markdown
from .serialize import samples_of

ROLES = {  # by name without its number: the vocabulary of `network`
    "inputs": "input pattern",
    "targets": "target pattern, or deadlines of answers",
    "cues": "onsets: an answer is expected",
    "hidden": "hidden layer",
    "output": "output layer",
    "verdicts": "outputs at their deadline: the potential is the answer",
    "terminals": "axon terminals, with the presynaptic trace",
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


def describe_structure(
    structure: Structure, task: Task | Classification | LabelledTask | None = None, title: str | None = None
) -> str:
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
    with runtime_device(), names_of_its_own():
        assembly = Assembly(structure)
        for o in assembly.net.sorted_objects:
            mark_as_run(o, assembly.net)
        return describe(assembly, task, title)


def describe(
    assembly: Assembly, task: Task | Classification | LabelledTask | None = None, title: str | None = None
) -> str:
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
    title = title or f"Network of {assembly.structure.summary} units"
    parts = [f"# {title}", _bullets(_parts_of(assembly.structure))]
    parts += [f"## {name}\n\n{body.strip()}" for name, body in _sections(assembly, task).items() if body]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _sections(assembly, task):
    """Text of each section, by its heading; empty where the model has nothing to say."""
    model, known, own = assembly.model, list(assembly.groups), _own_delays(assembly.structure)
    groups = [o for o in assembly.net.objects if isinstance(o, Group)]
    groups.sort(key=lambda g: (known.index(g.name) if g.name in known else len(known), g.name))
    neurons = [g for g in groups if isinstance(g, NeuronGroup)]
    synapses = [g for g in groups if isinstance(g, Synapses)]
    axons, plastic, fixed, feedback = (
        [s for s in synapses if _section_of(s) == section] for section in ("axons", "plastic", "fixed", "feedback")
    )
    reads = _bullets(f"{_code(g.name)} {what}" for g in plastic for what in _borrowed(g))
    return {
        "Populations": _populations([g for g in groups if isinstance(g, SpikeSource)]),
        "Connectivity": _connectivity(synapses, own),
        "Neuron equations": _subsections(g for g in neurons if g.events),
        "Axon terminals": f"{_bullets(_pathways(g, own) for g in axons)}\n\n{_subsections(g for g in neurons if not g.events)}",
        "Plastic synapses": f"{reads}\n\n{_subsections(plastic)}",
        "Fixed synapses": _subsections(fixed),
        "Feedback pathways" if assembly.structure.pathways else "Error pathways": _bullets(
            _pathways(g, own) for g in feedback
        ),
        "Input and targets": _patterns(task) if task else "",
        "Measurements": _measurements(groups, assembly.is_probe),
        "Parameters": _parameters(model, groups),
        "Schedule of one time step": _schedule(assembly.net.sorted_objects),
        "Sources": _bullets(
            f"{kind}, *{c.name}*: {c.source}" for kind, used in assembly.structure.components.items() for c in used
        ),
    }


def _parts_of(structure):
    """What the network has of each kind of component."""
    for kind, used in structure.components.items():
        yield f"{kind}: {', '.join(dict.fromkeys(c.name for c in used))}"


def _section_of(group):
    """Section that shows a Synapses group."""
    if isinstance(group.target, NeuronGroup) and not group.target.events:
        return "axons"
    if group.equations.diff_eq_names or group.event_driven or _operations(group):
        return "plastic"
    return "feedback" if group.name.startswith(("error", "feedback", "window")) else "fixed"


def _equations(group):
    """Equations of a group as its user wrote them."""
    shown = dict(getattr(group, "user_equations", None) or getattr(group, "equations", {}))
    return list((shown | dict(getattr(group, "event_driven", None) or {})).values())


def _operations(group):
    """Statements that run by the clock."""
    kinds = (SubexpressionUpdater, SummedVariableUpdater) if isinstance(group, Synapses) else ()
    return [o for o in group.contained_objects if type(o) is CodeRunner or isinstance(o, kinds)]


def _populations(groups):
    rows = [(_code(g.name), type(g).__name__, len(g), ROLES.get(g.name.rstrip("_0123456789"), "")) for g in groups]
    return markdown(("name", "kind", "size", "role"), rows)


def _connectivity(synapses, own):
    rows = []
    for group in synapses:
        for p in pathways_of(group):
            ends = _code(p.source.name), _code(p.target.name)
            rows.append((_code(group.name), *ends, len(group), _pattern(group), _delay(p, own), _code(p.code)))
    return markdown(("name", "from", "to", "synapses", "pattern", "delay", "what a spike does"), rows)


def _pattern(synapses):
    i, j = (synapses.variables[name].get_value() for name in ("_synaptic_pre", "_synaptic_post"))
    n_pre, n_post = len(synapses.source), len(synapses.target)
    if len(i) == n_pre == n_post and np.array_equal(i, j):
        return "one to one"
    pairs = len(np.unique(i.astype(int) * n_post + j))
    return "all to all" if pairs == len(i) == n_pre * n_post else f"{pairs:,} of {n_pre * n_post:,} pairs"


def _delay(pathway, own):
    """Delay of a pathway; `own`: text where every synapse has its own, by the name of the synapses."""
    if pathway.synapses.name in own:
        return own[pathway.synapses.name]
    delays = pathway.variables["delay"].get_value() * second
    return _span(delays) if np.any(delays) else "none"


def _own_delays(structure):
    """What is said of the delays of synapses that have one each."""
    found: dict[str, str] = {}
    for p in (p for name, p in structure.projections.items() if structure.has_delays(name)):
        text = _code(p.delay) if isinstance(p.delay, str) else "one per synapse"
        found |= {p.name: text, f"axons_{p.label}": text}
    return found


def _span(values):
    return " to ".join(dict.fromkeys(readable(v) for v in (values.min(), values.max())))


def _subsections(groups):
    """Equations and the rest of each group; groups that say the same share a subsection."""
    same: dict[str, list[str]] = {}
    for group in groups:
        same.setdefault(_body(group), []).append(_code(group.name))
    return "".join(f"### {', '.join(names)}\n\n{body}\n\n" for body, names in same.items())


def _body(group):
    parts = [_block(_aligned(_equations(group))), _bullets([*_firing(group), *_integration(group)])]
    for o in _operations(group):
        parts.append(f"Every {readable(o.clock.dt)}, in slot `{o.when}`:\n\n{_block(o.abstract_code)}")
    return "\n\n".join(part for part in parts if part)


def _firing(group):
    if not isinstance(group, NeuronGroup):
        return
    for event, condition in group.events.items():
        yield f"{event} when {_code(condition)}, then {_code(group.event_codes.get(event)) or 'nothing'}"
    if refractory_of(group) is not False:
        yield f"refractory: {_code(str(refractory_of(group)))}"


def _integration(group):
    names = sorted(group.equations.diff_eq_names)
    if not names:
        return
    method = group.state_updater.method_choice
    if not isinstance(method, str | None):
        method = f"{type(method).__name__} ({(inspect.getdoc(type(method)) or '?').splitlines()[0].rstrip('.')})"
    yield f"integration: {method}"
    start = {n: Quantity(group.variables[n].get_value(), dim=group.variables[n].dim) for n in names}
    if given := [f"`{n}` = {_span(v)}" for n, v in start.items() if np.any(v)]:
        yield f"starts at {', '.join(given)}"


def _pathways(group, own):
    """One line: where the spikes go, what they do there, and with which variables."""
    ways = (
        f"{_code(p.source.name)} → {_code(p.target.name)} (delay: {_delay(p, own)}): {_code(p.code)}"
        for p in pathways_of(group)
    )
    own = [f"with {_code(e)}" for e in map(str, _equations(group))]
    return "; ".join([f"{_code(group.name)}: {', '.join(ways)}", *own, *_borrowed(group)])


def _borrowed(group):
    """Say what a group reads of groups other than its source and target."""
    used = identifiers(group)
    owners = {name: getattr(variable, "owner", None) for name, variable in group.variables.items() if name in used}
    others = {n: o for n, o in owners.items() if isinstance(o, Group) and o not in (group, group.source, group.target)}
    return [f"reads {_code(name)} of {_code(owner.name)}" for name, owner in sorted(others.items())]


def _patterns(task):
    if isinstance(task, Classification):
        return _trials(task)
    if isinstance(task, LabelledTask):
        return _samples(task)
    rows, signal = [], []
    for name, p in (("inputs", task.inputs), ("targets", task.targets)):
        if isinstance(p, Signal):
            signal = [f"targets of {counted(p.n, 'output')}: {p}"]
        else:
            rows.append((name, p.n, len(p), measured(float(p.rates.mean()), "Hz", 3)))
    facts = f"task: {task.name}", *signal, f"repeats every {readable(task.period)}", f"source: {task.source}"
    return f"{markdown(('pattern', 'units', 'spikes', 'mean rate of a unit'), rows)}\n\n{_bullets(facts)}"


def _trials(task):
    rows = [(k, label, len(p)) for k, (p, label) in enumerate(zip(task.patterns, task.classes, strict=True))]
    names = ("background", "stimulus", "response_window", "pause_min", "pause_mean", "period")
    facts = [f"task: {task.name}", *(f"{n}: {readable(getattr(task, n))}" for n in names), f"source: {task.source}"]
    return f"{markdown(('pattern', 'class', 'spikes'), rows)}\n\n{_bullets(facts)}"


def _samples(task):
    rows = [
        (part, len(s), s.n_classes, s.n_spikes / max(len(s), 1), f"{np.mean(s.lengths) * 1e3:.4g} ms", s.source)
        for part, s in samples_of(task).items()
    ]
    head = "samples", "number", "classes", "spikes of one, mean", "length, mean", "source"
    facts = f"task: {task.name}", *(f"{name}: {readable(getattr(task, name))}" for name in ("response_window", "pause"))
    return f"{markdown(head, [(*r[:3], f'{r[3]:.4g}', *r[4:]) for r in rows])}\n\n{_bullets(facts)}"


def _measurements(groups, is_probe):
    rows = []
    for m in groups:
        if isinstance(m, StateMonitor):
            what, whom = ", ".join(map(_code, m.record_variables)), f"{len(m.record)} of {len(m.source)}"
        elif isinstance(m, EventMonitor):
            what, whom = f"{m.event}s", f"all {len(m.source)}"
        else:
            continue
        when = "in probe windows" if is_probe(m.name) else "always"
        rows.append((_code(m.name), what, _code(m.source.name), whom, when))
    costs = [
        f"cost: {_code(o.abstract_code)} in {_code(g.name)}, every {readable(o.clock.dt)}"
        for g in groups
        if isinstance(g, NeuronGroup)
        for o in _operations(g)
        if o.name.endswith("cost")
    ]
    return f"{markdown(('name', 'records', 'of', 'units', 'when'), rows)}\n\n{_bullets(costs)}"


def _parameters(model, groups):
    """Every parameter of the model, and what else the groups' namespaces add."""
    homes = {symbol: c.name for c in model.components.values() for symbol in c.parameters}
    named = get_identifiers("\n".join(text for c in model.components.values() for text in c.strings.values()))
    inputs = {e.varname for g in groups for e in _equations(g) if e.expr is None and "shared" in e.flags}
    constants: dict[str, dict[str, list[str]]] = {}  # values in force, with the groups that read them
    for group in groups:
        namespace = getattr(group, "namespace", None) or {}
        for symbol in (s for s in namespace if s in identifiers(group) - inputs):
            constants.setdefault(symbol, {}).setdefault(readable(namespace[symbol]), []).append(_code(group.name))
    rows = []
    for symbol in dict.fromkeys([*homes, *constants]):
        values = constants.get(symbol) or {readable(model.parameters[symbol]): []}
        value = ", ".join(f"{v} in {', '.join(g)}" if len(values) > 1 else v for v, g in values.items())
        kind = "input of the program" if symbol in inputs else "compiled constant"
        if symbol not in inputs | named | constants.keys():
            kind = "not in the equations"
        rows.append((_code(symbol), value, homes.get(symbol, "added to a group"), kind))
    return markdown(("symbol", "value", "component", "kind"), rows)


def identifiers(group: Group) -> set[str]:
    """Names in everything that a group evaluates."""
    code = [str(e) for e in _equations(group)]
    if isinstance(group, NeuronGroup):
        code += [*group.events.values(), *group.event_codes.values(), str(refractory_of(group))]
    code += [p.code for p in pathways_of(group)] + [o.abstract_code for o in _operations(group)]
    return get_identifiers("\n".join(code))


def _schedule(objects):
    """List what acts in a time step; groups act through the objects that they contain."""
    doers = [o for o in objects if isinstance(o, CodeRunner) or not isinstance(o, Group)]
    rows: list[tuple[Any, ...]] = []
    for key, same in groupby(doers, lambda o: (o.when, o.order, type(o).__name__, readable(o.clock.dt))):
        slot, order, kind, every = key
        names = ", ".join(_code(o.name) for o in same)
        rows.append((len(rows) + 1, f"`{slot}`", order, every, _DOES.get(kind, kind), names))
    return markdown(("", "slot", "order", "every", "does", "objects, in this order"), rows)


def _code(text):
    """Code on one line, fit for a table."""
    lines = inspect.cleandoc(text or "").splitlines()
    return "; ".join(f"`{line.strip()}`" for line in lines if line.strip()).replace("|", "\\|")


def _block(code):
    return f"```\n{inspect.cleandoc(code)}\n```" if code.strip() else ""


def _aligned(equations):
    """Equations below each other as Brian2 reads them, the units in one column."""
    parts = []
    for equation in equations:
        left = str(equation).rpartition(" : ")[0]
        flags = f" ({', '.join(equation.flags)})" if equation.flags else ""
        parts.append((left, f"{unit_name(equation.dim)}{flags}"))
    width = max((len(left) for left, _ in parts), default=0)
    return "\n".join(f"{left:{width}} : {unit}" for left, unit in parts)


def _bullets(lines):
    return "\n".join(f"- {line}" for line in lines)
