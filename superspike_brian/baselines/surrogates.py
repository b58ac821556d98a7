"""What of a model the exact gradient knows: the neuron and the way in which spikes act; and its surrogate derivative in JAX."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from brian2 import Equations

from ..codegen.brian2_api import SUBEXPRESSION, str_to_sympy
from ..models import LIF, Model, ModelError, Neuron
from ..network.structure import Structure
from ..values.hints import Array

MODULES = ({"clip": lambda x, low, high: _numpy().clip(x, low, high), "int": lambda x: x * 1}, "jax")


def check_is_known(structure: Structure) -> None:
    """Refuse a network that the exact gradient does not know.

    Raises
    ------
    ModelError
        Naming the population or projection, the field, what it is and what it would have to be.
    """
    for name in structure.populations[1:]:
        model, where = structure.models[name], f"population '{name}'"
        _check_neuron(model.neuron, where, model.neuron.strings.keys() - {"on_input"})
        if name == "output" and model.error.output_threshold:
            raise _unknown(where, "the error signal's `output_threshold`", model.error.output_threshold, "none")
        for symbol in ("tau_rise", "tau_decay"):
            if symbol not in model.parameters:
                raise ModelError(
                    f"no exact gradient of this network: its cost is filtered with `tau_rise` and `tau_decay`, and the model "
                    f"of {where} has no parameter '{symbol}'"
                )
    for name, projection in structure.projections.items():
        _check_neuron(structure.models[name].neuron, projection.where, ["on_input"])
        if structure.has_delays(name):
            raise _unknown(projection.where, "`delay`", "one for each synapse", "one for all of them")


def _check_neuron(neuron: Neuron, where, fields):
    for field in fields:
        mine, known = (" ".join(n.strings[field].split()) for n in (neuron, LIF))
        if mine.replace(" ", "") != known.replace(" ", ""):
            raise _unknown(where, f"the neuron's `{field}`", mine, known)


def _unknown(where, what, found, known):
    return ModelError(
        f"no exact gradient of this network: {where} is not what the reference differentiates; {what} is '{found}', and it "
        f"knows '{known}'. Parameters, surrogates, errors, feedback, plasticity and optimisers may be others"
    )


def derivative_of(model: Model, *, output: bool) -> Callable[[Array], Array]:
    """Return the surrogate derivative of a population as a function of JAX, of the potential above threshold (mV).

    Raises
    ------
    ModelError
        If it depends on anything but the potential and parameters, or cannot be translated.
    """
    import sympy

    code = (output and model.error.output_equations) or model.surrogate.equations
    equations = Equations(code)
    parts = {name: str_to_sympy(e.expr.code) for name, e in equations.items() if e.type == SUBEXPRESSION}
    expression, symbols = parts["sigma_prime"], {str(s): s for s in parts["sigma_prime"].free_symbols}
    for _ in parts:  # which may be made of each other
        expression = expression.subs({s: parts[n] for n, s in _named(expression).items() if n in parts})
    symbols = _named(expression)
    values = {s: float(model.parameters[n]) for n, s in symbols.items() if n in model.parameters}
    if others := sorted(symbols.keys() - {"U"} - model.parameters.keys()):
        raise ModelError(
            f"no exact gradient of this network: sigma_prime of {model.surrogate.name} depends on '{others[0]}', and it can "
            "depend on U and parameters only"
        )
    u = symbols.get("U", sympy.Symbol("U", real=True))
    try:
        function = sympy.lambdify(u, expression.subs(values), modules=list(MODULES))
        ready = np.isfinite(float(function(float(model.parameters["theta"]))))
    except Exception as error:
        raise ModelError(
            f"no exact gradient of this network: sigma_prime of {model.surrogate.name} cannot be translated to JAX: {error}"
        ) from error
    if not ready:
        raise ModelError(
            f"no exact gradient of this network: sigma_prime of {model.surrogate.name} is not finite at theta"
        )
    theta = float(model.parameters["theta"])

    def derivative(above):
        return function(theta + above / 1e3) + 0 * above

    return derivative


def _named(expression):
    return {str(symbol): symbol for symbol in expression.free_symbols}


def _numpy():
    import jax.numpy as jnp

    return jnp
