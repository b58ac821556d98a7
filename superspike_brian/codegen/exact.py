"""Brian2's exact integration of linear equations, one independent block at a time.

Membrane potential and current, the error trace, a rate trace: a layer's equations fall into small systems that do not read
each other. The matrix exponential of each takes SymPy milliseconds, that of all together many seconds; the solution is the
same.
"""

from brian2 import Equations
from brian2.stateupdaters.base import StateUpdateMethod
from brian2.stateupdaters.exact import exact
from brian2.utils.stringtools import get_identifiers


class ExactByBlocks(StateUpdateMethod):
    """State updater for linear equations with coefficients that are constant over a time step."""

    def __call__(self, equations, variables=None, method_options=None):
        """Return the abstract code of one time step; raise what Brian2's ``exact`` raises."""
        rest = [e for e in equations.values() if e.type != "differential equation"]
        steps = []
        for block in blocks(equations):
            part = Equations([*rest, *(equations[name] for name in block)])
            steps.append(exact(part, variables, method_options))
        return "\n".join(steps)


def blocks(equations):
    """Sets of differential variables that read each other, in the order of the equations."""
    reads = {name: get_identifiers(expression.code) for name, expression in equations.get_substituted_expressions()}
    merged = []
    for name in equations.diff_eq_names:
        linked = [b for b in merged if any(name in reads[other] or other in reads[name] for other in b)]
        merged = [b for b in merged if b not in linked] + [[n for b in linked for n in b] + [name]]
    return merged


exact_by_blocks = ExactByBlocks()
