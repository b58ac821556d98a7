"""The error of output units: impulses of target spikes, output spikes and windows, or a signal as the target."""

from collections.abc import Mapping

import numpy as np
from brian2 import Equations, Group, SpikeGeneratorGroup, SpikeSource, Synapses, ms, volt

from ..codegen import axons
from ..models import SUPERSPIKE, Model, ModelError
from ..models.checks.needs import missing_in
from ..tasks import Signal
from .maker import Maker, PartSynapses, keep_units, namespace_of


class ErrorPathway(Maker):
    """Makes what drives the error of output units."""

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
