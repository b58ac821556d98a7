"""The parts of a model as ordinary Brian2 objects: for a script of one's own, and for this package's networks.

===================  =================================================================================================
function             what it makes
===================  =================================================================================================
population           NeuronGroup: neuron, surrogate gradient, error trace
plastic_synapses     Synapses: eligibility trace, gradient, weight update; and the axon terminals with the presynaptic trace
error_synapses       Synapses: impulses of the output error, from target spikes and from output spikes
feedback_synapses    Synapses: the same impulses, to a hidden population
===================  =================================================================================================

What belongs to an object is among its ``contained_objects``, so that Brian2's magic network finds it, and one of
``Network(...)`` takes it along.

Within one time step synapses are integrated before neurons, so that both read the values of the step's start.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

import numpy as np
from brian2 import (
    Clock,
    Equations,
    Group,
    NeuronGroup,
    Quantity,
    SpikeGeneratorGroup,
    SpikeSource,
    Subgroup,
    Synapses,
    get_device,
    get_unit,
    ms,
    volt,
)

from ..codegen import axons, neurons
from ..codegen.brian2_api import DIMENSIONLESS, SUBEXPRESSION, CPPStandaloneDevice, get_identifiers
from ..codegen.exact import exact_by_blocks
from ..models import SUPERSPIKE, Model, ModelError
from ..models.checks.expressions import UNITS
from ..models.checks.needs import missing_in
from ..tasks import Signal
from ..values.kinds import Choice


class PartSynapses(Synapses):
    """Synapses that belong to another object of Brian2: its standalone device declares those that a network names itself."""

    def before_run(self, run_namespace: Mapping[str, Any]) -> None:
        """As Brian2; declares them."""
        super().before_run(run_namespace)
        if isinstance(device := get_device(), CPPStandaloneDevice):
            device.synapses.add(self)


Role: TypeAlias = Literal["output", "hidden"]
Connect: TypeAlias = bool | float | tuple[Any, Any] | Callable[[Synapses], Any]


@dataclasses.dataclass(frozen=True)
class Builder:
    """What makes the objects; its methods are the functions of this module.

    Parameters
    ----------
    kernel : str
        What code neurons and axons become: 'stock' is Brian2's own.
    clock, update_clock : brian2.Clock, optional
        Of time steps and of weight updates; default: Brian2's clock, and the model's interval.
    initialise : bool
        Whether parameters, initial values and weights are set; if not, they come with the state of a run.
    """

    kernel: str = "stock"
    clock: Clock | None = None
    update_clock: Clock | None = None
    initialise: bool = True

    def population(
        self, n: int, model: Model = SUPERSPIKE, *, role: Role = "output", name: str = "population*"
    ) -> NeuronGroup:
        """Make a population of a model's neurons.

        Parameters
        ----------
        n : int
            Number of units.
        model : Model
            Its neuron, surrogate gradient and error signal.
        role : {'output', 'hidden'}
            Output units compare their spikes with targets and keep a running cost; hidden units get their error from
            feedback, and have what the regulariser needs.
        name : str
            Its name in Brian2.

        Returns
        -------
        brian2.NeuronGroup
            With the model's parameters as its namespace.
        """
        output = _is_output(role)
        neuron, equations = model.neuron, model.layer_equations(output=output)
        layer = NeuronGroup(
            n,
            equations,
            threshold=model.threshold(output=output),
            reset=model.reset(output=output),
            refractory=neuron.refractory,
            codeobj_class=neurons.code_object_class(self.kernel),
            method=method_of(neuron.method),
            namespace=namespace_of(model, equations),
            clock=self.clock,
            name=name,
        )
        if output:
            code, called = model.error.cost_update, f"{layer.name}_cost"
            keep_units(layer.run_regularly(code, clock=self.clock, when="end", name=called), code)
        keep_units(layer.resetter["spike"], model.reset(output=output))
        _note(layer, role=role)
        self._begin_anew(layer, equations, model, {"cost"}, dict(model.initial_values(output=output)))
        if self.initialise:
            _give_parameters(layer, equations, model)
            for variable, value in model.initial_values(output=output):
                layer.state(variable).set_item(slice(None), value, namespace={})
        return layer

    def synapses(
        self, source: SpikeSource, target: Group, model: Model, equations: Equations | str, name: str, **brian2: Any
    ) -> Synapses:
        """Make the synapses of a projection, not yet connected, with the model's effect of a presynaptic spike."""
        declared = equations if isinstance(equations, Equations) else Equations(equations)
        made = Synapses(
            source,
            target,
            equations,
            on_pre=model.neuron.on_input,
            method=method_of(model.plasticity.method),
            namespace=namespace_of(model, declared),
            clock=self.clock,
            name=name,
            **brian2,
        )
        keep_units(made.pre, model.neuron.on_input)
        return made

    def plastic_synapses(
        self,
        source: SpikeSource,
        target: Group,
        model: Model = SUPERSPIKE,
        *,
        connect: Connect = True,
        initial: str | Quantity | None = None,
        delay: Quantity | Literal["each"] | None = None,
        role: Role | None = None,
        name: str = "plastic*",
        label: str | None = None,
        **brian2: Any,
    ) -> Synapses:
        """Make synapses that learn by a model's rule.

        Parameters
        ----------
        source : brian2 group
            Presynaptic units: anything that spikes, but no part of a group.
        target : brian2.NeuronGroup
            Postsynaptic units: a `population`, or a group of one's own with the variables that the rule reads.
        model : Model
            Its plasticity, optimiser, regulariser, and what a spike does to the neuron.
        connect : bool, float, (i, j) or callable
            True: all to all; False: the caller connects them later; a probability; presynaptic and postsynaptic units of the
            pairs; or a function that connects the synapses that it is given.
        initial : str or Quantity, optional
            Weights at the start (volt), also as an expression for Brian2; default: N(0, ``w_0``) over the square root of the
            number of presynaptic units, of Brian2's `seed`.
        delay : Quantity or 'each', optional
            From a spike to its arrival (second); default: the model's. With 'each', every synapse and its axon have their
            own, which the caller connects and sets.
        role : {'output', 'hidden'}, optional
            Of the target: weights onto hidden units have the regulariser. Default: as `population` was told, else output.
        name, label : str
            Name in Brian2; and what the axon terminals are called after (``terminals_K``, ``axons_K`` of a label K), by
            default the name.
        **brian2
            More arguments of `brian2.Synapses`.

        Returns
        -------
        brian2.Synapses
            Its variables are those of the rule (``w``, ``r0``, ``m``, ...); ``synapses.terminals`` has the presynaptic trace.

        Raises
        ------
        ModelError
            If the target lacks a variable that the rule reads: the message shows the equation to add.
        """
        output = _is_output(role or getattr(target, "role", "output"))
        rule, equations = model.plasticity, model.equations_of("synapse", output=output)[0]
        if isinstance(source, Subgroup):
            raise TypeError(
                f"{source.name} is a part of a group, and axon terminals belong to whole groups: connect {source.source.name} "
                "with `connect`, or make groups of their own"
            )
        if isinstance(delay, str):
            Choice("each", known=("each",)).check(delay, "delay")
        codes = [str(equations), model.neuron.on_input, model.optimizer.update]
        missing_in(target, codes, model, "_post", output=output)
        common = None if isinstance(delay, str) else model.delay if delay is None else delay
        made = self.synapses(source, target, model, equations, name, delay=common, **brian2)
        _connect(made, connect)
        self._add_terminals(made, model, common, label or made.name)
        if made.state_updater is not None:
            made.state_updater.order = -1
        update, code = self._updates(model), model.optimizer.update
        keep_units(made.run_regularly(code, when="start", name=f"{made.name}_update", **update), code)
        self._begin_anew(made, equations, model, {"w", *Equations(model.optimizer.equations).names})
        if self.initialise:
            _give_parameters(made, equations, model)
            if initial is None or isinstance(initial, str):
                code = "w_0/sqrt(N_pre)*randn()" if initial is None else initial
                made.state("w").set_item(slice(None), code, namespace=dict(model.parameters))
            else:
                made.w = initial
            _give_parameters(made.terminals, Equations(rule.terminal_equations), model)
        return made

    def _add_terminals(self, synapses, model, delay, label):
        """Axon terminals, which hold the presynaptic trace: one per presynaptic unit, or a synapse if each has a delay."""
        rule, source, each = model.plasticity, synapses.source, delay is None
        equations = Equations(rule.terminal_equations)
        terminals = NeuronGroup(
            len(synapses) if each else len(source),
            equations,
            method=method_of(rule.terminal_method),
            namespace=namespace_of(model, equations),
            codeobj_class=neurons.code_object_class(self.kernel),
            clock=self.clock,
            name=f"terminals_{label}",
        )
        arrivals = PartSynapses(
            source,
            terminals,
            on_pre=rule.on_arrival,
            namespace=namespace_of(model, equations),
            delay=delay,
            clock=self.clock,
            codeobj_class=None if each else axons.code_object_class(self.kernel),
            name=f"axons_{label}",
        )
        keep_units(arrivals.pre, rule.on_arrival)
        self._begin_anew(terminals, equations, model)
        if not each:
            arrivals.connect(j="i")
        # the traces of a synapse's terminal are presynaptic variables of the synapse
        for variable in equations.names:
            if f"{variable}_pre" in synapses.variables:
                raise ModelError(
                    f"{source.name} has a variable '{variable}', and so have the axon terminals of {rule.name}: rename one, or "
                    "the synapses could not tell which they read"
                )
            index = "_idx" if each else "_presynaptic_idx"
            synapses.variables.add_reference(f"{variable}_pre", terminals, variable, index=index)
        _note(synapses, terminals=terminals)
        synapses.contained_objects.extend([terminals, arrivals])

    def _updates(self, model):
        """When weights are updated, as arguments of Brian2."""
        return {"dt": model.interval} if self.update_clock is None else {"clock": self.update_clock}

    def _begin_anew(self, group, equations, model, kept=frozenset(), initial=None):
        """Reset the states of a group after every weight update, if the optimiser says so."""
        if model.optimizer.states != "reset":
            return
        stored = [e for e in equations.values() if e.type != SUBEXPRESSION and "shared" not in e.flags]
        begin = {e.varname: _zero(e) for e in stored if e.varname not in kept}
        code = "\n".join(f"{name} = {value}" for name, value in (begin | (initial or {})).items())
        keep_units(
            group.run_regularly(code, when="start", order=1, name=f"{group.name}_reset", **self._updates(model)), code
        )

    def error_synapses(
        self,
        targets: SpikeSource | Signal,
        output: Group,
        model: Model = SUPERSPIKE,
        *,
        cues: SpikeSource | None = None,
        names: Mapping[str, str] | None = None,
    ) -> Synapses:
        """Make what drives the error of output units: each is compared with the target of the same number.

        Parameters
        ----------
        targets : brian2 group or Signal
            Emits the target spikes; for error signals with a window, the deadlines. Where the target is a signal: the signal,
            from time 0 on and again and again.
        output : brian2.NeuronGroup
            A `population`, or a group of one's own with the variables that the error signal changes.
        model : Model
            Its error signal.
        cues : brian2 group, optional
            Emits a spike of a unit where its window begins, for error signals that have one.
        names : mapping of str to str, optional
            Names in Brian2 of what ``target``, ``output``, ``cue`` and ``deadline`` do; default: ``error_target`` and so on,
            unique.

        Returns
        -------
        brian2.Synapses
            From the targets; the others are among its ``contained_objects``.

        Raises
        ------
        ModelError
            If the output lacks a variable, or cues are missing or superfluous.
        """
        error = model.error
        named = {k: f"error_{k}*" for k in ("target", "output", "cue", "deadline")} | dict(names or {})
        if bool(error.on_cue) != (cues is not None):
            raise ModelError(
                f"the error signal '{error.name}' {'needs cues' if error.on_cue else 'has no cues'}: "
                f"{'give `cues`, a group that spikes where a window begins' if error.on_cue else 'leave `cues` out'}"
            )
        others: list[Synapses] = []
        if error.target == "signal":
            first = self._signal(targets, output, model, named["target"])
        else:
            first = self.events(targets, output, model, error.on_target, named["target"])
        if error.on_output:
            others.append(self.events(output, output, model, error.on_output, named["output"]))
        if cues is not None:  # order -1: before the impulses
            others.append(self.events(cues, output, model, error.on_cue, named["cue"], order=-1))
            others.append(self.events(targets, output, model, error.on_deadline, named["deadline"], order=-1))
        first.contained_objects.extend(others)
        return first

    def _signal(self, targets, output, model, name):
        """Make synapses from each sample of a signal, a unit that spikes when it begins, to all outputs."""
        signal = targets if isinstance(targets, Signal) else None
        if signal is not None:
            if signal.n != len(output):
                raise ModelError(
                    f"the signal has {signal.n} units and {output.name} {len(output)}: one for each is needed"
                )
            which = np.arange(len(signal))
            targets = SpikeGeneratorGroup(
                len(signal), which, which * signal.step, period=signal.period, clock=self.clock, name="targets*"
            )
        code, equations = model.error.on_target, model.equations_of("target")[0]
        missing_in(output, [code], model, "_post", output=True)
        made = PartSynapses(
            targets,
            output,
            equations,
            on_pre=code,
            delay=0 * ms,
            namespace=namespace_of(model, equations),
            clock=self.clock,
            name=name,
        )
        keep_units(made.pre, code)
        made.connect(namespace={})
        made.variables["_synaptic_post"].unique = True  # of those that spike in a step: one sample begins at a time
        if signal is not None:
            values = np.asarray(signal.values).ravel()
            made.signal, made.known = np.nan_to_num(values) * volt, np.isfinite(values)
            made.contained_objects.append(targets)
        return made

    def events(
        self, source: SpikeSource, target: Group, model: Model, code: str, name: str, order: int = 0
    ) -> Synapses:
        """Make synapses from each unit to the one of the same number, for what its spikes change at once."""
        if len(source) != len(target):
            raise ModelError(
                f"{source.name} has {len(source)} units and {target.name} {len(target)}: one for each is needed"
            )
        missing_in(target, [code], model, "_post", output=True)
        events = PartSynapses(
            source,
            target,
            on_pre=code,
            delay=0 * ms,
            namespace=namespace_of(model, getattr(target, "equations", Equations(""))),
            clock=self.clock,
            codeobj_class=axons.code_object_class(self.kernel),
            name=name,
        )
        keep_units(events.pre, code)
        events.pre.order += order
        events.connect(j="i")
        return events

    def feedback_synapses(
        self,
        targets: SpikeSource,
        output: Group,
        hidden: Group,
        model: Model = SUPERSPIKE,
        *,
        forward: Synapses | None = None,
        seed: int = 0,
        connect: Callable[[Synapses], Any] | None = None,
        names: tuple[str, ...] = ("feedback_target*", "feedback_output*"),
        code_of: Callable[[str], Any] = lambda code: None,
    ) -> Synapses:
        """Make the pathway on which errors of the output reach hidden units.

        Parameters
        ----------
        targets, output : brian2 group
            Their spikes make the impulses, as for `error_synapses`. Feedback that sums errors in every step, as layerwise,
            reads those of `output`, which can then be a hidden population, too.
        hidden : brian2.NeuronGroup
            A `population` with the role 'hidden', or a group of one's own.
        model : Model
            Its feedback.
        forward : brian2.Synapses, optional
            From `hidden` to `output`, all to all: whose weights symmetric and layerwise feedback read.
        seed : int
            Of random weights.
        connect : callable, optional
            Connects the synapses that it is given; default: all to all.
        names : tuple of str
            Names in Brian2 of those from the targets and from the output; or of the latter alone, where errors are summed.
        code_of : callable
            Class of the code objects, from the statements of a spike.

        Returns
        -------
        brian2.Synapses
            Those from the targets (or, where errors are summed, from the output). Random weights are the variable ``b`` of
            each, N(0, 1) and the same in both; synapse ``j*len(output) + k`` leads to hidden unit j.

        Raises
        ------
        ModelError
            If a variable or the forward synapses are missing.
        """
        feedback = model.feedback
        if (feedback.weights == "forward") != (forward is not None):
            need = (
                "needs `forward`, the synapses from hidden to output" if forward is None else "reads no forward weights"
            )
            raise ModelError(f"{feedback.name} feedback {need}")
        summed = bool(feedback.error_equations)
        origins = [(output, None)] if summed else [(targets, feedback.on_target), (output, feedback.on_output)]
        made = [
            self._feedback(origin, code, output, hidden, model, forward, connect, name, code_of)
            for (origin, code), name in zip(origins, names[-len(origins) :] if summed else names, strict=True)
        ]
        if self.initialise and feedback.weights == "normal":
            weights = np.random.default_rng(seed).standard_normal(len(output) * len(hidden))
            for one in made:
                one.b = weights
        made[0].contained_objects.extend(made[1:])
        return made[0]

    def _feedback(self, source, code, output, hidden, model, forward, connect, name, code_of):
        feedback, equations = model.feedback, Equations(model.feedback.equations)
        missing_in(hidden, [code or feedback.equations], model, "_post", output=False)
        made = PartSynapses(
            source,
            hidden,
            feedback.equations,
            **({"on_pre": code, "delay": 0 * ms} if code else {}),
            codeobj_class=code_of(code or ""),
            namespace=namespace_of(model, equations),
            clock=self.clock,
            name=name,
        )
        if code:
            keep_units(made.pre, code)
        for variable, equation in Equations(model.error.judge_equations).items():
            index = "0" if "shared" in equation.flags else "_presynaptic_idx"
            made.variables.add_reference(variable, output, variable, index=index)
        # synapse s goes from output unit s % n_out to hidden unit s // n_out: the order of the forward weights
        (connect or _post_major)(made)
        if forward is not None:
            made.variables.add_reference("w", forward, "w")
        return made


_builder = Builder()
population = _builder.population
plastic_synapses = _builder.plastic_synapses
error_synapses = _builder.error_synapses
feedback_synapses = _builder.feedback_synapses


def keep_units(runner: Any, code: str) -> None:
    """Have Brian2 know the units in the code that an object runs.

    In a statement such as ``w = w*int(w > 0*volt)`` it takes ``0*volt`` for 0, and then misses ``volt`` when it checks units.
    """
    runner.needed_variables = [*runner.needed_variables, *sorted(get_identifiers(code) & UNITS.keys())]


def namespace_of(model: Model, equations: Equations) -> dict[str, Any]:
    """Constants for a group: all parameters that the group does not declare as variables."""
    declared = set(equations.names)
    return {k: v for k, v in model.parameters.items() if k not in declared}


def method_of(name: str) -> Any:
    """Brian2's name of an integration method, or the method."""
    return exact_by_blocks if name == "exact" else name


def _zero(equation):
    """Code for the value with which a variable starts."""
    unit = repr(get_unit(equation.dim))
    if equation.var_type == "boolean":
        return "False"
    if equation.dim is DIMENSIONLESS:
        return "0"
    return f"0*{unit}" if unit in UNITS else f"0*{equation.varname}"


def _is_output(role):
    return Choice("output", known=("output", "hidden")).check(role, "role") == "output"


def _post_major(synapses):
    synapses.connect(i="unit for unit in range(N_pre)", namespace={})


def _connect(synapses, connect):
    """Connect synapses as `Builder.plastic_synapses` is told."""
    if callable(connect):
        connect(synapses)
    elif isinstance(connect, bool | np.bool_):
        if connect:
            synapses.connect(namespace={})
    elif isinstance(connect, int | float):
        synapses.connect(p=connect, namespace={})
    else:
        pre, post = connect
        synapses.connect(i=np.asarray(pre), j=np.asarray(post))


def _give_parameters(group, equations, model):
    """Set the variables of a group that stand for parameters of the model."""
    for equation in equations.values():
        if "shared" in equation.flags and equation.varname in model.parameters:
            setattr(group, equation.varname, model.parameters[equation.varname])


def _note(group, **attributes):
    """Give a group of Brian2 attributes of ours."""
    for name, value in attributes.items():
        group.add_attribute(name)
        setattr(group, name, value)
