"""What a model that the package cannot run is refused with, and what becomes of one that it accepts."""

import dataclasses

import pytest
from brian2 import Hz, ms
from superspike_brian.models import SUPERSPIKE, ModelError
from superspike_brian.tasks import spike_timing

from superspike_brian.engine.runtime import RuntimeProgram
from superspike_brian.network.initial import initial_state
from superspike_brian.network.structure import Structure

TASK = spike_timing(n_inputs=10, seed=1, period=50 * ms, rate=50 * Hz, n_spikes=2)
FIELDS = [(kind, f.name) for kind, c in SUPERSPIKE.components.items() for f in dataclasses.fields(c)]
CODE = [(kind, name) for kind, name in FIELDS if name not in ("name", "source", "parameters")]


def refused(component, **changes):
    """The message of a component or model that is refused with these fields."""
    with pytest.raises(ModelError) as error:
        variant = component.replace(**changes)
        kind = next(k for k, c in SUPERSPIKE.components.items() if type(c) is type(component))
        model = SUPERSPIKE.replace(**{kind: variant})
        pytest.fail(f"accepted: {model.components[kind].strings}")
    return str(error.value)


def model_with(component, **changes):
    kind = next(k for k, c in SUPERSPIKE.components.items() if type(c) is type(component))
    return SUPERSPIKE.replace(**{kind: component.replace(**changes)})


def after(model, n_steps=600, hidden_learning=True):
    """The state after some steps on the runtime device."""
    structure = Structure(model, (10, 2, 1), hidden_learning)
    return RuntimeProgram(structure).run(initial_state(structure, TASK, 1), 0, n_steps)[0]
