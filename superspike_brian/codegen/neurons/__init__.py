"""Code of neuron groups that costs less per step; the equations and Brian2's statements are the same.

* The time step is a literal, so that the compiler evaluates every exponential of it once and for all.
* Time in steps stays a floating-point number with an integer value, which vectorises; conversion to an integer does not.
* Steps of all units are vectorised, too: the compiler is told that their arrays do not overlap.
* Thresholds are tested for many units at once; spikes are looked for only where there are any.
"""

from typing import Any

from brian2 import DEFAULT_FUNCTIONS, Clock, Function

from ..device import StateCodeObject
from ..uses import ObservedGenerator


class NeuronGenerator(ObservedGenerator):
    """Brian2's generator with the time step as a literal."""

    def translate_to_read_arrays(self, read: set[str], write: set[str], indices: set[str]) -> list[str]:
        """As Brian2, save for the time step."""
        steps = {n for n in read if n not in write and self._is_time_step(n)}
        lines = [f"const double {n} = {self.variables[n].get_value().item()!r};" for n in sorted(steps)]
        return lines + super().translate_to_read_arrays(set(read) - steps, write, indices)

    def _is_time_step(self, name):
        variable = self.variables[name]
        return getattr(variable, "name", None) == "dt" and isinstance(variable.owner, Clock)

    def determine_keywords(self) -> dict[str, Any]:
        """Say whether a statement may be evaluated twice."""
        pure = all(v.stateless for v in self.variables.values() if isinstance(v, Function))
        return super().determine_keywords() | {"repeatable": pure}


class NeuronCodeObject(StateCodeObject):
    """Code object of neuron groups."""

    class_name = "superspike_neurons"
    templater = StateCodeObject.templater.derive("superspike_brian.codegen", templates_dir="neurons")
    generator_class = NeuronGenerator


DEFAULT_FUNCTIONS["timestep"].implementations.add_implementation(
    NeuronCodeObject,
    code="static inline double _timestep(double t, double dt) { return std::trunc((t + 1e-3*dt)/dt); }",
    name="_timestep",
)


def code_object_class(kernel: str) -> type[NeuronCodeObject] | None:
    """Class of a neuron group's code objects; None is Brian2's own."""
    return None if kernel == "stock" else NeuronCodeObject
