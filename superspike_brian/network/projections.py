"""Projections: synapses that learn, with the axon terminals that hold their presynaptic trace, and those that do not."""

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import numpy as np
from brian2 import Equations, Group, NeuronGroup, Quantity, SpikeSource, Subgroup, Synapses

from ..codegen import axons, neurons
from ..models import SUPERSPIKE, Model, ModelError
from ..models.checks.needs import missing_in
from ..values.kinds import Choice
from .maker import Maker, PartSynapses, Role, give_parameters, is_output, keep_units, method_of, namespace_of, note

Connect: TypeAlias = bool | float | tuple[Any, Any] | Callable[[Synapses], Any]


class Projections(Maker):
    """Makes the synapses of projections."""

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
        output = is_output(role or getattr(target, "role", "output"))
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
        update, code = self.updates(model), model.optimizer.update
        keep_units(made.run_regularly(code, when="start", name=f"{made.name}_update", **update), code)
        self.begin_anew(made, equations, model, {"w", *Equations(model.optimizer.equations).names})
        if self.initialise:
            give_parameters(made, equations, model)
            if initial is None or isinstance(initial, str):
                code = "w_0/sqrt(N_pre)*randn()" if initial is None else initial
                made.state("w").set_item(slice(None), code, namespace=dict(model.parameters))
            else:
                made.w = initial
            give_parameters(made.terminals, Equations(rule.terminal_equations), model)
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
        self.begin_anew(terminals, equations, model)
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
        note(synapses, terminals=terminals)
        synapses.contained_objects.extend([terminals, arrivals])


def _connect(synapses, connect):
    """Connect synapses as `Projections.plastic_synapses` is told."""
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
