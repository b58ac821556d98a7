"""Plain NumPy oracle of the discrete-time SuperSpike algorithm.

Zenke & Ganguli, Neural Computation 30:1514 (2018), doi:10.1162/neco_a_01086.
Written for reading, not for speed, and independently of the package: it shares no code with it. Everything is
in SI floats (V, s, Hz). `Oracle._step` goes through the stages of one time step in their fixed order.
"""

from collections import deque
from types import SimpleNamespace

import numpy as np

TAU_MEM, TAU_SYN, TAU_REF, DELAY = 10e-3, 5e-3, 5e-3, 0.8e-3
U_REST, THETA, W_MAX = -60e-3, -50e-3, 0.1
TAU_RISE, TAU_DECAY = 5e-3, 10e-3  # the presynaptic trace and the alpha kernel
TAU_HET, TAU_COST, TAU_RMS, T_B = 100e-3, 10.0, 30.0, 0.5
ALPHA_POWER = 1 / (2 * (TAU_RISE + TAU_DECAY))  # integral of alpha squared, 1/s
TINY = 1e-12  # Hz
BETA_1, BETA_2 = 0.9, 0.999  # Adam's memory of the mean and of the mean square, an update
LONG_AGO = -(10**9)


def cascade(tau_source, tau, dt):
    """Exact step of s' = -s/tau_source, tau y' = -y + s; returns (c_s, c_y, c_sy).

    After dt: s -> c_s s and y -> c_y y + c_sy s, with c_sy the integral over [0, dt] of
    exp(-u/tau_source) exp(-(dt - u)/tau) du / tau.
    """
    c_s, c_y = np.exp(-dt / tau_source), np.exp(-dt / tau)
    c_sy = tau_source / (tau_source - tau) * (np.expm1(-dt / tau_source) - np.expm1(-dt / tau))
    return c_s, c_y, c_sy


def periodic(pattern, period_steps, n):
    """Return for every step of the period the ids that spike in it; refuse anything ambiguous."""
    steps, ids = (np.asarray(a, dtype=int) for a in pattern)
    if steps.shape != ids.shape or len({*zip(steps.tolist(), ids.tolist(), strict=True)}) != len(steps):
        raise ValueError("the pattern has unequal lengths or one unit twice in a step")
    if not (np.isin(steps, range(period_steps)).all() and np.isin(ids, range(n)).all()):
        raise ValueError("the pattern has a step outside 0...period_steps-1 or an unknown unit")
    return [np.sort(ids[steps == s]) for s in range(period_steps)]


def further(source, layer, w, exists=True, delay_steps=None, plastic=True):
    """A projection besides those of the chain, from a population to a layer (both numbered from 0); see `Oracle`.

    `exists` says which pairs are connected, `delay_steps` may differ between them.
    """
    w = np.where(exists, np.array(w, dtype=float), 0.0)
    steps = round(DELAY / 1e-4) if delay_steps is None else delay_steps
    exists, delay_steps = np.broadcast_to(exists, w.shape), np.broadcast_to(steps, w.shape)
    return SimpleNamespace(source=source, layer=layer, w=w, exists=exists, delay_steps=delay_steps, plastic=plastic)


class Oracle:
    """A network inputs (-> hidden) -> output learning one frozen periodic pattern; see `_step`.

    `more` are projections made by `further`: recurrent ones, and those that skip the hidden layer.
    """

    def __init__(
        self,
        w,
        inputs,
        targets,
        period_steps,
        feedback="symmetric",
        b=None,
        surrogate="fast-sigmoid",
        optimizer="rmaxprop",
        r0=5e-3,
        rho=0.0,
        regularizer=None,
        a=4,
        zeta_0=0.1,
        beta=1e3,
        hidden_plastic=True,
        dt=1e-4,
        more=(),
    ):
        w = [np.array(w_, dtype=float) for w_ in w]
        if len(w) not in (1, 2) or (len(w) == 2 and w[0].shape[1] != w[1].shape[0]):
            raise ValueError("w must be one weight matrix, or two that fit each other")
        for value, known in (
            (feedback, ("symmetric", "random", "uniform")),
            (surrogate, ("fast-sigmoid", "linear")),
            (optimizer, ("rmaxprop", "rmsprop", "adam", "fixed")),
            (regularizer, (None, "heterosynaptic", "error-gated", "error-gated-decay")),
        ):
            if value not in known:
                raise ValueError(f"{value!r} is none of {known}")
        self.feedback, self.surrogate, self.optimizer, self.r0 = feedback, surrogate, optimizer, r0
        self.rho, self.regularizer, self.a, self.beta, self.zeta_0 = rho, regularizer, a, beta, zeta_0
        self.hidden_plastic, self.dt, self.period_steps, self.n = hidden_plastic, dt, period_steps, 0
        self.ref_steps, self.delay_steps, self.batch_steps = (round(t / dt) for t in (TAU_REF, DELAY, T_B))

        # Synapse group g connects population g (0: inputs, 1: hidden) to layer g.
        self.synapses = [
            SimpleNamespace(w=w_, **{k: np.zeros_like(w_) for k in ("lambda_rise", "lambda_", "m", "v", "first")})
            for w_ in w
        ]
        self.layers = [
            SimpleNamespace(
                U=np.full(w_.shape[1], U_REST),
                lastspike=np.full(w_.shape[1], LONG_AGO),
                **{k: np.zeros(w_.shape[1]) for k in ("I", "x", "e", "z_het")},
            )
            for w_ in w
        ]
        self.terminals = [SimpleNamespace(z=np.zeros(len(w_)), z_tilde=np.zeros(len(w_))) for w_ in w]
        self.hidden, self.output = (self.layers[0] if len(w) == 2 else None), self.layers[-1]
        n_out = w[-1].shape[1]
        self.cost = np.zeros(n_out)
        self.b = None  # (n_out, n_hidden) fixed feedback weights
        if self.hidden is not None and feedback != "symmetric":
            shape = (n_out, w[0].shape[1])
            self.b = np.ones(shape) if feedback == "uniform" else np.array(b, dtype=float)
            if self.b.shape != shape:
                raise ValueError(f"b must have the shape (n_out, n_hidden) = {shape}")

        self.inputs = periodic(inputs, period_steps, len(w[0]))
        self.targets = periodic(targets, period_steps, n_out)
        self.populations = ["input", "hidden", "output"] if self.hidden is not None else ["input", "output"]
        self.spikes = {name: [] for name in [*self.populations, "target"]}
        self.axons = [deque([np.array([], dtype=int)] * self.delay_steps) for _ in w]  # spikes under way
        self.more = list(more)
        for way in self.more:  # each synapse has a terminal of its own
            for name in ("lambda_rise", "lambda_", "m", "v", "first", "z", "z_tilde"):
                setattr(way, name, np.zeros_like(way.w))
            way.past = np.zeros((int(way.delay_steps.max()) + 1, len(way.w)), bool)  # spikes, the latest first

    def run(self, n_steps):
        """Advance by n_steps; afterwards the states are those at the end of step self.n - 1."""
        for _ in range(n_steps):
            self._step(self.n)
            self.n += 1

    def _step(self, n):
        dt = self.dt
        # 0. surrogate derivative and regulariser from the current U, z_het and e
        sigma_prime, zeta = [], []
        for layer in self.layers:
            h = self.beta * (layer.U - THETA)
            sigma_prime.append(np.ones_like(h) if self.surrogate == "linear" else (1 + np.abs(h)) ** -2.0)
            gate = 1.0 if self.regularizer == "heterosynaptic" else layer.e**2 / ALPHA_POWER
            zeta_0 = self.zeta_0 if self.regularizer == "error-gated-decay" else 0.0
            zeta.append((zeta_0 + layer.z_het**self.a) * gate)

        # 1. weight update, at n = 0 too
        if n % self.batch_steps == 0:
            for layer, syn in zip(self.layers, self.synapses, strict=True):
                self._update_weights(syn, plastic=self.hidden_plastic or layer is not self.hidden)
            for way in self.more:
                self._update_weights(way, plastic=way.plastic)
                way.w[~way.exists] = 0

        # 2. synapses, forward Euler: m before lambda_ before lambda_rise, so that right-hand sides are old
        for g, (layer, syn) in enumerate(zip(self.layers, self.synapses, strict=True)):
            decay = 0.0
            if self.regularizer is not None and layer is self.hidden:
                decay = self.rho * syn.w * zeta[g]
            drive = np.outer(self.terminals[g].z_tilde, sigma_prime[g])
            syn.m += dt * (layer.e * syn.lambda_ - decay)
            syn.lambda_ += dt * (syn.lambda_rise - syn.lambda_) / TAU_DECAY
            syn.lambda_rise += dt * (drive - syn.lambda_rise) / TAU_RISE
        for way in self.more:
            way.m += dt * self.layers[way.layer].e * way.lambda_
            way.lambda_ += dt * (way.lambda_rise - way.lambda_) / TAU_DECAY
            way.lambda_rise += dt * (way.z_tilde * sigma_prime[way.layer] - way.lambda_rise) / TAU_RISE

        # 3. terminals and neurons, exact: each driven variable before its source
        c_rise, c_decay, c_rise_decay = cascade(TAU_RISE, TAU_DECAY, dt)
        c_syn, c_mem, c_syn_mem = cascade(TAU_SYN, TAU_MEM, dt)
        for terminal in [*self.terminals, *self.more]:
            terminal.z_tilde[:] = c_decay * terminal.z_tilde + c_rise_decay * terminal.z
            terminal.z *= c_rise
        ready = []
        for layer in self.layers:
            ready.append(n - layer.lastspike >= self.ref_steps)
            U = U_REST + c_mem * (layer.U - U_REST) + c_syn_mem * layer.I
            layer.U[:] = np.where(ready[-1], U, layer.U)
            layer.I *= c_syn
            layer.e[:] = c_decay * layer.e + c_rise_decay * layer.x / TAU_RISE
            layer.x *= c_rise
            layer.z_het *= np.exp(-dt / TAU_HET)

        # 4. threshold
        fired = [np.flatnonzero(r & (la.U > THETA)) for r, la in zip(ready, self.layers, strict=True)]
        emitted = [self.inputs[n % self.period_steps], *fired]  # by population
        target = self.targets[n % self.period_steps]
        for name, ids in zip([*self.populations, "target"], [*emitted, target], strict=True):
            self.spikes[name] += [(n, int(i)) for i in ids]

        # 5. events: spikes arrive after the axonal delay, error impulses at once
        for axon, ids, terminal, syn, layer in zip(
            self.axons, emitted[:-1], self.terminals, self.synapses, self.layers, strict=True
        ):
            axon.append(ids)
            arriving = axon.popleft()  # emitted delay_steps ago
            terminal.z[arriving] += 1
            layer.I += syn.w[arriving].sum(axis=0)
        for way in self.more:
            way.past = np.roll(way.past, 1, axis=0)
            way.past[0] = np.isin(np.arange(len(way.w)), emitted[way.source])
            arriving = way.past[way.delay_steps, np.arange(len(way.w))[:, None]] & way.exists
            way.z += arriving
            self.layers[way.layer].I += (way.w * arriving).sum(axis=0)
        error = self._impulses(n, target, fired[-1])
        self.output.x += error
        if self.hidden is not None:
            self.hidden.x += error @ (self.synapses[1].w.T if self.feedback == "symmetric" else self.b)

        # 6. reset
        for layer, ids in zip(self.layers, fired, strict=True):
            layer.U[ids] = U_REST
            layer.z_het[ids] += 1
            layer.lastspike[ids] = n

        # 7. cost
        self.cost += (self.output.e**2 / ALPHA_POWER - self.cost) * dt / TAU_COST

    def _impulses(self, n, target, fired):
        """Error impulses of the output units in step n: target minus output spikes."""
        error = np.zeros_like(self.cost)
        error[target] += 1
        error[fired] -= 1
        return error

    def _update_weights(self, syn, plastic):
        g, gamma = syn.m / T_B, np.exp(-T_B / TAU_RMS)
        if self.optimizer == "fixed":
            dw = self.r0 * syn.m
        elif self.optimizer == "adam":
            k = self.n // self.batch_steps + 1  # number of the update
            syn.first[:] = BETA_1 * syn.first + (1 - BETA_1) * g
            syn.v[:] = BETA_2 * syn.v + (1 - BETA_2) * g**2
            dw = self.r0 * syn.first / (1 - BETA_1**k) / (np.sqrt(syn.v / (1 - BETA_2**k)) + TINY)
        else:
            rmax = self.optimizer == "rmaxprop"
            syn.v[:] = np.maximum(gamma * syn.v, g**2) if rmax else gamma * syn.v + (1 - gamma) * g**2
            dw = self.r0 * g / (np.sqrt(syn.v) + TINY)
        if plastic:
            syn.w[:] = np.clip(syn.w + dw, -W_MAX, W_MAX)
        syn.m[:] = 0
