"""An independent reader of NIR: networks of CubaLIF in plain NumPy, from what the graph says and nothing else.

A step is: integrate, spike where the threshold is passed, deliver what arrives, reset. A spike is 1 for one time step.
"""

from collections import defaultdict

import numpy as np


def simulate(graph, inputs, n_steps, dt, refractory=None, euler=False):
    """Spikes (steps, units) of every population, from rest on.

    `inputs`: (steps, units) of each Input; `refractory`: how long (s) the membrane of each population stays where it is.
    """
    cells = {name: node for name, node in graph.nodes.items() if hasattr(node, "tau_mem")}
    v = {name: c.v_leak.astype(float) for name, c in cells.items()}
    i = {name: np.zeros_like(c.v_leak, float) for name, c in cells.items()}
    last = {name: np.full(c.v_leak.shape, -(2**40)) for name, c in cells.items()}
    arriving = defaultdict(float)  # by step and node with the current
    found = {name: [] for name in cells}
    emitted = {name: np.zeros((n_steps, *graph.nodes[name].input_type["input"]), bool) for name in inputs}
    for name, (steps, units) in inputs.items():
        emitted[name][steps, units] = True
    ways = list(_ways(graph, [*inputs, *cells]))
    for k in range(n_steps):
        now = {name: rows[k] for name, rows in emitted.items()}
        for name, c in cells.items():
            free = k - last[name] >= round((refractory or {}).get(name, 0) / dt)
            v_new, i[name] = _step(c, v[name], i[name], dt, euler)
            v[name] = np.where(free, v_new, v[name])
            now[name] = (v[name] > getattr(c, "v_threshold", np.inf)) & free
            last[name][now[name]] = k
            found[name] += [(k, unit) for unit in np.flatnonzero(now[name])]
        for source, delay, weight, target in ways:
            for d in np.unique(delay[now[source]]):  # axons of one delay together
                at = k + round(d / dt), target
                arriving[at] = arriving[at] + weight @ (now[source] & (delay == d))
        for name, c in cells.items():
            i[name] = i[name] + c.w_in * arriving.pop((k, name), 0.0) * dt / c.tau_syn
            v[name] = np.where(now[name], getattr(c, "v_reset", 0), v[name])
    return {name: np.array(spikes).reshape(-1, 2).T for name, spikes in found.items()}


def _step(c, v, i, dt, euler):
    """Potential and current one step later: exactly, or by forward Euler."""
    if euler:
        return v + dt / c.tau_mem * (c.v_leak - v + c.r * i), i - dt / c.tau_syn * i
    fast, slow = np.exp(-dt / c.tau_syn), np.exp(-dt / c.tau_mem)
    share = c.tau_syn / (c.tau_mem - c.tau_syn) * (slow - fast)
    return c.v_leak + (v - c.v_leak) * slow + c.r * i * share, i * fast


def _ways(graph, sources):
    """Source, delay of each of its units, weights and target of every projection."""
    after = defaultdict(list)
    for a, b in graph.edges:
        after[a].append(b)
    for source in sources:
        for node in after[source]:
            delay = getattr(graph.nodes[node], "delay", np.zeros(graph.nodes[source].output_type["output"]))
            (node,) = after[node] if hasattr(graph.nodes[node], "delay") else (node,)
            if hasattr(graph.nodes[node], "weight"):
                for target in after[node]:
                    yield source, delay, graph.nodes[node].weight, target
