"""The units that ``run.nc`` gives its variables are those of the equations, and the values are in them."""

import re

import brian2
import numpy as np
import pytest
from brian2 import ms, second
from brian2.units.fundamentalunits import DIMENSIONLESS, Quantity, get_dimensions
from superspike_brian.models import ADAM, ERROR_GATED, RMSPROP, SUPERSPIKE

import superspike_brian as ss
from superspike_brian.spec.run import RunSpec

ROW = re.compile(r"^\s*(?:d(\w+)/dt\s*=|(\w+)\s*(?:=|:)).*?:\s*([^:(#]+?)\s*(?:\([^)]*\))?\s*(?:#.*)?$", re.M)
PLAIN = re.compile(r"^\s*()(\w+)\s*:\s*([^:(#]+?)\s*(?:\([^)]*\))?\s*(?:#.*)?$", re.M)
TASK = ss.tasks.spike_timing(n_inputs=3, seed=1, period=50 * ms, rate=50 * brian2.Hz, n_spikes=2)
MODELS = {
    "superspike": SUPERSPIKE.replace(regularizer=ERROR_GATED),
    "adam": SUPERSPIKE.replace(optimizer=ADAM),
    "RMSProp": SUPERSPIKE.replace(optimizer=RMSPROP),
}


def dimensions(unit):
    """Of a unit as text, in names of Brian2."""
    names = {"V": "volt", "s": "second"}
    unit = re.sub(r"\b[Vs]\b", lambda found: names[found[0]], unit)
    value = eval(unit.replace("^", "**"), {"__builtins__": {}}, vars(brian2))
    return get_dimensions(value), float(value) if isinstance(value, Quantity) else value


def declared(model):
    """What the strings of a model say that each variable has: read by a pattern, not by Brian2."""
    found = {}
    for component in model.components.values():
        for field, code in component.strings.items():
            if field.endswith("equations"):
                end = "_pre" if field.startswith("terminal") else ""
                for pattern in (ROW, PLAIN):
                    found |= {(a or b) + end: dimensions(unit)[0] for a, b, unit in pattern.findall(code)}
    return {name: unit for name, unit in found.items() if name not in shared(model)}


@pytest.fixture(scope="module", params=MODELS)
def made(request):
    """A short run that records everything that can be recorded, and its specification."""
    model = MODELS[request.param]
    names = ",".join(sorted(declared(model)))
    options = {"duration": 0.02 * second, "burn_in": 0.01 * second, "device": "runtime", "probe_variables": names}
    run = ss.train(TASK, model, (2,), progress=False, probe_length=1 * ms, **options)
    return RunSpec.make(TASK, model, (2,), **options), run


def shared(model):
    texts = [code for c in model.components.values() for f, code in c.strings.items() if f.endswith("equations")]
    return {name for text in texts for name in re.findall(r"^\s*(\w+)\s*:[^(\n]*\(shared", text, re.M)}


def test_probed_variables_have_the_units_of_the_equations(made):
    spec, run = made
    expected, seen = declared(spec.model), set()
    for name, variable in run.data_vars.items():
        for symbol in expected:
            group = name.removeprefix(f"{symbol}_")
            if "probe_time" in variable.dims and group in (*spec.structure.populations, *spec.structure.projections):
                assert dimensions(variable.attrs["units"]) == (expected[symbol], 1), name
                seen.add(symbol)
    assert seen == expected.keys()
    assert {expected[symbol] for symbol in seen} >= {get_dimensions(u) for u in (brian2.volt, brian2.Hz)} | {
        DIMENSIONLESS
    }


def test_all_others_have_the_units_of_what_they_are(made):
    """By the ends of their names: what is a time is in seconds, and so on; none is without."""
    ends = {
        "V": "^(r0|weights_.*|feedback_.*)$",
        "s": "(^|_)(time|onset|deadline|start)$",
        "Hz": "^(cost|rate)$",
    }
    _, run = made
    found = {}
    for name, variable in run.variables.items():
        if "units" in variable.attrs and "probe_time" not in variable.dims:
            text = next((u for u, pattern in ends.items() if re.search(pattern, name)), "1")
            found[name] = text, variable.attrs["units"]
    wrong = {name: both for name, both in found.items() if dimensions(both[0]) != dimensions(both[1])}
    assert wrong == {} and {text for text, _ in found.values()} == {*ends, "1"}


def test_parameters_are_stored_in_their_units(made):
    spec, run = made
    assert set(run.parameter.values) == spec.model.parameters.keys()
    for name, value in spec.model.parameters.items():
        stored = run.parameter_value.sel(parameter=name)
        assert dimensions(str(stored.parameter_unit.item())) == (get_dimensions(value), 1), name
        assert float(stored) == float(np.asarray(value)), name
