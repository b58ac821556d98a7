"""Values that make no sense are refused when a model or a structure is made; what makes sense is accepted as it is written."""

import re

import numpy as np
import pytest
from brian2 import ms, mV, second
from model_checks import after, model_with, refused
from superspike_brian.models import LIF, RMAXPROP, SUPERSPIKE, THREE_FACTOR, ModelError

from superspike_brian.network.structure import Structure
from superspike_brian.spec.serialize import model_from_json, model_to_json

# times as expressions


@pytest.mark.parametrize(
    ("component", "field", "code", "name", "value"),
    [
        (THREE_FACTOR, "delay", "2*axonal_delay", "delay", 1.6),
        (THREE_FACTOR, "delay", "0*ms", "delay", 0),
        (THREE_FACTOR, "delay", "axonal_delay + tau_rise/5", "delay", 1.8),
        (RMAXPROP, "interval", "2*t_b", "interval", 1000),
        (RMAXPROP, "interval", "0.02*second", "interval", 20),
        (RMAXPROP, "interval", "clip(t_b, 10*ms, 30*ms)", "interval", 30),
        (LIF, "refractory", "2*tau_ref", "refractory_period", 10),
    ],
)
def test_times_can_be_expressions(component, field, code, name, value):
    model = model_with(component, **{field: code})
    assert float(getattr(model, name) / ms) == pytest.approx(value, rel=1e-12)
    assert getattr(model_from_json(model_to_json(model)), name) == getattr(model, name)
    same = SUPERSPIKE.replace(**{component.strings[field]: value * ms})
    if "rise" not in code and field != "interval":  # both runs, step for step; the update reads t_b, too
        mine, theirs = after(model), after(same)
        assert all(np.array_equal(mine[k], theirs[k], equal_nan=True) for k in theirs if k.endswith((".U", ".z", ".w")))


@pytest.mark.parametrize(
    ("component", "field", "code"),
    [
        (THREE_FACTOR, "delay", "-1*ms"),
        (THREE_FACTOR, "delay", "w_0"),
        (THREE_FACTOR, "delay", "rand()*ms"),
        (THREE_FACTOR, "delay", "U/volt*ms"),
        (THREE_FACTOR, "delay", "t"),
        (THREE_FACTOR, "delay", ""),
        (THREE_FACTOR, "delay", "inf*second"),
        (THREE_FACTOR, "delay", "1*ms\n2*ms"),
        (RMAXPROP, "interval", "0*ms"),
        (RMAXPROP, "interval", "-t_b"),
        (RMAXPROP, "interval", "t_b = 1*ms"),
        (LIF, "refractory", "-tau_ref"),
        (LIF, "refractory", "theta"),
        (LIF, "threshold", "U"),
        (LIF, "threshold", "U - theta > 0 > 1*volt"),
        (LIF, "threshold", "U > theta and U"),
    ],
)
def test_an_expression_that_is_not_what_the_field_needs_is_refused(component, field, code):
    assert refused(component, **{field: code}).startswith(f"{component.name}, {field}")


# values


@pytest.mark.parametrize("name", SUPERSPIKE.parameters)
@pytest.mark.parametrize("factor", [np.nan, np.inf, -np.inf, [1], [[1, 2]], "x", None, True, 1j])
def test_a_parameter_that_is_no_finite_number_is_refused(name, factor):
    unit = SUPERSPIKE.parameters[name]
    value = (
        factor * unit if isinstance(factor, float) else np.array(factor) * unit if isinstance(factor, list) else factor
    )
    with pytest.raises(ModelError, match=rf"'{name}' must be a number with its unit"):
        SUPERSPIKE.replace(**{name: value})


TIMES = [n for n, v in SUPERSPIKE.parameters.items() if getattr(v, "dim", None) is second.dim]


@pytest.mark.parametrize("name", [n for n in TIMES if n not in ("tau_ref", "axonal_delay")])
@pytest.mark.parametrize("value", [0 * ms, -1 * ms])
def test_a_time_constant_that_is_not_positive_is_refused(name, value):
    with pytest.raises(ModelError, match=name):
        SUPERSPIKE.replace(**{name: value})


@pytest.mark.parametrize(
    "changes", [{"w_max": -1 * mV}, {"r0": -1 * mV}, {"w_0": -1 * mV}, {"tau_ref": -1 * ms}, {"axonal_delay": -1 * ms}]
)
def test_a_negative_value_without_sense_is_refused(changes):
    with pytest.raises(ModelError, match=re.escape(next(iter(changes)))):
        SUPERSPIKE.replace(**changes)


def test_natural_numbers_are_accepted():
    for value in (2, np.int64(2), np.float32(2), np.array(2.0)):
        assert float(SUPERSPIKE.replace(target_impulse=value).parameters["target_impulse"]) == 2
    for name in ("tau_ref", "axonal_delay"):
        assert SUPERSPIKE.replace(**{name: 0 * ms}).parameters[name] == 0 * ms
    assert SUPERSPIKE.replace(t_b=0.2 * second, r0=0 * mV).interval == 0.2 * second


@pytest.mark.parametrize(
    ("changes", "dt", "parts"),
    [
        ({}, 0.25 * ms, ["0.8 ms", "0.25 ms", "0.75 ms and 1 ms"]),
        ({"t_b": 0.25 * ms}, 0.1 * ms, ["interval 't_b'", "0.2 ms and 0.3 ms"]),
        ({"t_b": 0.02 * ms}, 0.1 * ms, ["interval 't_b'", "the nearest are 0.1 ms"]),
        ({"axonal_delay": 0.9 * ms}, 0.3 * ms, ["refractory 'tau_ref'", "4.8 ms and 5.1 ms"]),
        ({"tau_ref": 0.55 * ms}, 0.1 * ms, ["refractory", "0.5 ms and 0.6 ms"]),
    ],
)
def test_times_off_the_grid_of_time_steps_are_refused(changes, dt, parts):
    with pytest.raises(ModelError) as error:
        Structure(SUPERSPIKE.replace(**changes), (2, 1), dt=dt)
    assert [
        part for part in parts if part.replace(" us", "") not in str(error.value).replace("200 us", "0.2 ms")
    ] == [], error


@pytest.mark.parametrize("n", range(1, 400, 7))
def test_multiples_of_the_time_step_are_accepted(n):
    for dt in (0.1 * ms, 0.05 * ms, 1 / 3 * ms):
        Structure(SUPERSPIKE.replace(t_b=n * dt, axonal_delay=n * dt, tau_ref=n * dt), (2, 1), dt=dt)


@pytest.mark.parametrize("dt", [0 * ms, -1 * ms, np.nan * ms, np.inf * ms, 1 * mV])
def test_a_time_step_that_is_none_is_refused(dt):
    with pytest.raises(ValueError, match="time step"):
        Structure(SUPERSPIKE, (2, 1), dt=dt)


@pytest.mark.parametrize("size", [2.0, "2", None, True, np.float64(3), np.bool_(True)])
def test_a_size_that_is_no_whole_number_is_refused(size):
    with pytest.raises(ValueError, match="whole number"):
        Structure(SUPERSPIKE, (2, size, 1))


def test_numpy_integers_are_sizes():
    sizes = Structure(SUPERSPIKE, (np.int64(2), np.uint8(3), 1)).sizes
    assert sizes == (2, 3, 1) and {type(n) for n in sizes} == {int}
