"""Populations: neuron, surrogate gradient, error trace."""

from brian2 import NeuronGroup

from ..codegen import neurons
from ..models import SUPERSPIKE, Model
from .maker import Maker, Role, give_parameters, is_output, keep_units, method_of, namespace_of, note


class Populations(Maker):
    """Makes populations."""

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
        output = is_output(role)
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
        note(layer, role=role)
        self.begin_anew(layer, equations, model, {"cost"}, dict(model.initial_values(output=output)))
        if self.initialise:
            give_parameters(layer, equations, model)
            for variable, value in model.initial_values(output=output):
                layer.state(variable).set_item(slice(None), value, namespace={})
        return layer
