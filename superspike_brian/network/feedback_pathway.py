"""Feedback: the pathway on which errors of the output reach hidden units."""

from collections.abc import Callable
from typing import Any

import numpy as np
from brian2 import Equations, Group, SpikeSource, Synapses, ms

from ..models import SUPERSPIKE, Model, ModelError
from ..models.checks.needs import missing_in
from .maker import Maker, PartSynapses, keep_units, namespace_of


class FeedbackPathway(Maker):
    """Makes the synapses of feedback."""

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


def _post_major(synapses):
    synapses.connect(i="unit for unit in range(N_pre)", namespace={})
