"""C++ of the backward sweep over a chunk of steps, from a `Plan` (see `superspike_brian.codegen.plan`).

Running backwards over the chunk, three things are kept per postsynaptic unit, and none per synapse:

* ``_p_a_b``: P(t), how variable b at step t enters variable a at the chunk's end. What no postsynaptic factor enters is one
  number for all units.
* ``_h_a_r = P(t+1) B_r(t)``: how source r at step t enters a. Two kernels do the rest:

  - *gemm* stores h and multiplies matrices, x_a[j, i] += sum over t of s_r[t, j] _h_a_r[t, i];
  - *events* goes one step further where the presynaptic source is itself a linear filter y(t+1) = A y(t) of rare spikes.
    With ``g(t) = h(t) C + g(t+1) A``, a jump of y at step t adds ``g(t) * jump``: a row of synapses per spike, nothing
    per step.

* ``_q_a_r``: the sum of _h_a_r over the chunk, for sources that do not change (w, 1).
"""

from collections.abc import Callable, Iterator

import numpy as np
import sympy
from numpy.typing import NDArray

from .brian2_api import sympy_to_str
from .plan import Plan


class Sweep:
    """Lines of C++ for the template ``kernel_sweep.cpp``.

    Parameters
    ----------
    plan : Plan
        Linear form of the synapses.
    filter_ : tuple of (list of str, ndarray), optional
        States and step matrix of the presynaptic filter: selects the kernel *events*.
    """

    def __init__(self, plan: Plan, filter_: tuple[list[str], NDArray[np.float64]] | None = None) -> None:
        self.plan = plan
        self.inputs, self.step = filter_ or ([], np.zeros((0, 0)))
        self.events = filter_ is not None
        n = range(len(plan.states))
        number = {name: a for a, name in enumerate(plan.states)}
        self.m = {(number[a], number[b]): terms for (a, b), terms in plan.matrix.items()}
        self.b = {(number[a], r): terms for (a, r), terms in plan.drive.items()}
        self.constants: list[sympy.Expr] = []  # shared coefficients, computed once a chunk
        for terms in [*self.m.values(), *self.b.values()]:
            self.constants += [u for u in terms.values() if u not in self.constants]
        self.p = self._reach([(a, a) for a in n], self.m)
        self.p_arrays = self._depend_on_unit()
        self.h = sorted({(a, r) for a, b in self.p for b_, r in self.b if b == b_})
        self.fixed = [(a, r) for a, r in self.h if plan.sources[r][0] != "pre"]
        self.driven = [(a, r) for a, r in self.h if plan.sources[r][0] == "pre"]
        self.reads = {r: self.inputs.index(str(plan.sources[r][1])) for _, r in self.driven if self.events}
        entries = {(c, d): 1 for c, d in zip(*np.nonzero(self.step), strict=True)}
        self.g = self._reach([(a, self.reads[r]) for a, r in self.driven if self.events], entries)

    @property
    def per_unit(self) -> list[str]:
        """Names of the arrays of postsynaptic units that hold what the synapses read at the chunk's end."""
        arrays = [f"_p_{a}_{b}" for a, b in self.p if (a, b) in self.p_arrays]
        return arrays + [f"_g_{a}_{c}" for a, c in self.g] + [f"_q_{a}_{r}" for a, r in self.fixed]

    @staticmethod
    def _reach(start, entries):
        """Nonzero entries of a product of a matrix with any power of another."""
        found = list(dict.fromkeys(start))
        for a, b in found:
            found += [(a, c) for b_, c in entries if b_ == b and (a, c) not in found]
        return sorted(found)

    def _depend_on_unit(self):
        """Entries of P that differ between postsynaptic units."""
        found: set[tuple[int, int]] = set()
        size = -1
        while len(found) > size:
            size = len(found)
            for a, b in self.p:
                for (b_, c), terms in self.m.items():
                    if b_ == b and ((a, b) in found or any(f is not None for f in terms)):
                        found.add((a, c))
        return found

    def _sum(self, terms):
        parts = [f"_k{self.constants.index(u)}" + ("" if f is None else f"*_f{f}[i]") for f, u in terms.items()]
        return parts[0] if len(parts) == 1 else f"({' + '.join(parts)})"

    def _p(self, a, b):
        return f"_p_{a}_{b}" + ("[i]" if (a, b) in self.p_arrays else "")

    def _next_p(self, a, c):
        return " + ".join(
            f"{self._p(a, b)}*{self._sum(t)}" for (b, c_), t in self.m.items() if c_ == c and (a, b) in self.p
        )

    def declare(self, render: Callable[[str], str]) -> Iterator[str]:
        """Coefficients, and the sweep's variables at the chunk's end."""
        yield from (f"const _T _k{n} = {render(sympy_to_str(u))};" for n, u in enumerate(self.constants))
        yield from (f"_T _p_{a}_{b} = {int(a == b)};" for a, b in self.p if (a, b) not in self.p_arrays)
        ones = {f"_p_{a}_{a}" for a in range(len(self.plan.states))}
        for name in self.per_unit:
            yield f"static _T {name}[_NI]; std::fill_n({name}, _NI, _T({int(name in ones)}));"

    def unit_step(self) -> Iterator[str]:
        """One step backwards for postsynaptic unit i."""
        for a, r in self.h:
            terms = [f"{self._p(a, b)}*{self._sum(t)}" for (b, r_), t in self.b.items() if r_ == r and (a, b) in self.p]
            yield f"const _T _h_{a}_{r} = {' + '.join(terms)};"
        yield from (f"_q_{a}_{r}[i] += _h_{a}_{r};" for a, r in self.fixed)
        if self.events:
            yield from self._filter_step()
        else:
            yield from (f"_h[{n}][_at] = _h_{a}_{r};" for n, (a, r) in enumerate(self.driven))
        changed = [(a, c) for a, c in self.p if (a, c) in self.p_arrays]
        yield from (f"const _T _new_p_{a}_{c} = {self._next_p(a, c)};" for a, c in changed)
        yield from (f"_p_{a}_{c}[i] = _new_p_{a}_{c};" for a, c in changed)

    def _filter_step(self):
        for a, c in self.g:
            terms = [f"_h_{a}_{r}" for a_, r in self.driven if a_ == a and self.reads[r] == c]
            terms += [
                f"_T({float(self.step[d, c])!r})*_g_{a}_{d}[i]" for a_, d in self.g if a_ == a and self.step[d, c]
            ]
            yield f"const _T _new_g_{a}_{c} = {' + '.join(terms)};"
        yield from (f"_g_{a}_{c}[i] = _new_g_{a}_{c};" for a, c in self.g)

    def step_of_jump(self) -> Iterator[str]:
        """What the filter's own step makes of a jump of presynaptic unit j."""
        inputs = range(len(self.inputs))
        yield from (f"const _T _jump_{c} = _before[{c}][j];" for c in inputs)
        for c in inputs:
            terms = [f"_T({float(self.step[c, d])!r})*_jump_{d}" for d in inputs if self.step[c, d]]
            yield f"_before[{c}][j] = {' + '.join(terms) or '0'};"

    def shared_step(self) -> Iterator[str]:
        """One step backwards of what all units share."""
        same = [(a, c) for a, c in self.p if (a, c) not in self.p_arrays]
        yield from (f"const _T _new_p_{a}_{c} = {self._next_p(a, c)};" for a, c in same)
        yield from (f"_p_{a}_{c} = _new_p_{a}_{c};" for a, c in same)

    def finish(self, a: int, render: Callable[[str], str]) -> str:
        """Value of variable a at the chunk's end, from x (its start), what is fixed, and the filter at the start."""
        terms = [f"{self._p(a, b)}*_x_{b}" for a_, b in self.p if a_ == a]
        terms += [
            f"_q_{a}_{r}[i]*_T({render(sympy_to_str(self.plan.sources[r][1]))})" for a_, r in self.fixed if a_ == a
        ]
        terms += [f"_y_{c}*_g_{a}_{c}[i]" for a_, c in self.g if a_ == a]
        return " + ".join(terms)
