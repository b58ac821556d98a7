"""Which neuron the equations of a population are: the constants of a leaky membrane with one current, whatever their names.

What is compared is what equations mean, not how they are written. They are linear in U and in the current that spikes add to,
and their coefficients are computed from the model's parameters. Everything else is refused, with the equation.
"""

from __future__ import annotations

from typing import NamedTuple

import sympy
from brian2 import Equations

from ..codegen.brian2_api import str_to_sympy, sympy_to_str
from ..models import Model, Neuron
from ..models.checks import constant, statements_of

INSTEAD = "train with the neuron LIF to write it, or take `load_network`, which runs any model"


class Membrane(NamedTuple):
    """tau_mem dU/dt = rest - U + resistance I and tau_syn dI/dt = -I; times (s), potentials (V)."""

    tau_mem: float
    tau_syn: float
    rest: float
    resistance: float
    threshold: float
    reset: float
    refractory: float
    spikes: bool  # an output that is read by its potential emits none


def membrane(model: Model, where: str, output: bool = False) -> Membrane:
    """Return the constants of a population's neuron.

    Parameters
    ----------
    model : Model
        The rule of the population.
    where : str
        What messages call it.
    output : bool
        Whether it is the output.

    Raises
    ------
    ValueError
        If its neuron is another; naming the population and the equation or statement.
    """
    neuron = model.neuron
    current = current_of(neuron, where)
    equations = Equations(neuron.equations)
    if current == "U" or not {"U", current} <= equations.diff_eq_names:
        raise _other(where, f"the input '{neuron.on_input}' reaches no current of an equation")
    for name in sorted(equations.diff_eq_names - {"U", current}):
        raise _other(where, f"'{equations[name]}', a third variable")
    if equations.is_stochastic:
        raise _other(where, f"the noise {min(equations.stochastic_variables)}")
    rates = {name: expression.code for name, expression in equations.get_substituted_expressions()}
    leak, gain, drive = _linear(rates["U"], "U", current)
    decay, back, offset = _linear(rates[current], current, "U")
    tau_mem, tau_syn = (_value(model, None if rate is None else -1 / rate) for rate in (leak, decay))
    rest, resistance = (_value(model, None if part is None else -part / leak) for part in (drive, gain))
    if tau_mem is None or rest is None or resistance is None or not (tau_mem > 0 and resistance > 0):
        raise _other(where, f"'{equations['U']}'")
    if tau_syn is None or not tau_syn > 0 or back != 0 or offset != 0:
        raise _other(where, f"'{equations[current]}'")
    spikes = model.threshold(output=output) != "False"
    theta = _threshold(model, where, output) if spikes else float(model.parameters["theta"])
    refractory = model.refractory_period
    if refractory is None and spikes:
        raise _other(where, f"the refractory condition '{neuron.refractory}'")
    period = 0.0 if refractory is None or not spikes else float(refractory)
    return Membrane(tau_mem, tau_syn, rest, resistance, theta, _reset(model, where), period, spikes)


def current_of(neuron: Neuron, where: str) -> str:
    """Name of the variable to which a presynaptic spike adds its weight; ValueError if it does anything else."""
    found = statements_of(neuron.on_input)
    if len(found) == 1:
        _, target, operator, value = found[0]
        if operator == "+" and target.endswith("_post") and str_to_sympy(value) == _symbol("w"):
            return target.removesuffix("_post")
    raise _other(where, f"the input '{neuron.on_input}', where 'I_syn_post += w' alone was expected")


def _other(where, what):
    return ValueError(
        f"{where}: NIR cannot say {what}. It knows leaky integrate-and-fire neurons with one exponential current: {INSTEAD}"
    )


def _threshold(model, where, output):
    """Potential (V) above which a unit spikes; what the error signal adds to it while the network learns is 0."""
    code = model.threshold(output=output)
    condition = str_to_sympy(code)
    if isinstance(condition, sympy.StrictGreaterThan | sympy.StrictLessThan):
        learning = Equations(model.error.judge_equations).names if output else ()
        over = (condition.gts - condition.lts).subs({_symbol(name): 0 for name in learning})
        slope, _, offset = _linear(over, "U", "w")
        theta = _value(model, None if slope is None else -offset / slope)
        sign = _value(model, slope)
        if theta is not None and sign is not None and sign > 0:
            return theta
    raise _other(where, f"the threshold '{code}'")


def _reset(model, where):
    """Potential (V) after a spike."""
    found = statements_of(model.neuron.reset)
    if len(found) == 1:
        _, target, operator, code = found[0]
        value = _value(model, str_to_sympy(code))
        if (target, operator) == ("U", "") and value is not None:
            return value
    raise _other(where, f"the reset '{model.neuron.reset}'")


def _symbol(name):
    return sympy.Symbol(name, real=True)


def _linear(code, first, second):
    """Factors of two variables in an expression, and the rest of it; None for the first if it is not linear in them."""
    expression = str_to_sympy(code) if isinstance(code, str) else code
    pair = [_symbol(first), _symbol(second)]
    factors = [sympy.simplify(sympy.diff(expression, symbol)) for symbol in pair]
    rest = sympy.simplify(expression - sum(f * s for f, s in zip(factors, pair, strict=True)))
    if factors[0] == 0 or any(part.has(symbol) for part in (*factors, rest) for symbol in pair):
        return None, None, None
    return *factors, rest


def _value(model, expression):
    """Value (SI units) of an expression of parameters; None if it is none."""
    return None if expression is None else constant(model, sympy_to_str(sympy.simplify(expression)))
