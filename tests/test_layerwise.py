"""Errors from layer to layer: every layer has the sum of w sigma_prime error over the next one."""

import numpy as np
import pytest
from brian2 import ms
from superspike_brian.models import (
    LAYERWISE,
    RANDOM,
    SUPERSPIKE,
    Architecture,
    ModelError,
    Pathway,
    Population,
    Projection,
    chain,
)

from superspike_brian import engine
from superspike_brian.network.initial import initial_state
from superspike_brian.network.structure import Structure

STEPS = 2500
MODEL = SUPERSPIKE.replace(feedback=LAYERWISE, t_b=100 * ms)
SPARSE = Architecture(
    [Population("a", 6), Population("b", 5)],
    [
        Projection("inputs", "a"),
        Projection("a", "b", connect=0.6, name="skipped"),
        Projection("b", "output"),
    ],
    [Pathway("b", "a", LAYERWISE), Pathway("output", "b", LAYERWISE)],
)
IMPULSES = SPARSE.replace(pathways=[Pathway("b", "a"), Pathway("output", "b")])


@pytest.fixture(scope="module", params=["chain", "sparse"])
def net(request, poisson_task, build_dir):
    """Structure, start, and a function from a kernel to a program's answer."""
    network = (30, 6, 5, 3) if request.param == "chain" else SPARSE.sized(30, 3)
    structure = Structure(MODEL, network, probe_units=6)
    state = initial_state(structure, poisson_task(30, 3, 5), 1)
    state |= {f"{name}.w": np.clip(6 * state[f"{name}.w"], -0.1, 0.1) for name in structure.projections}

    def run(kernel):
        return engine.build(structure, build_dir=build_dir, kernel=kernel).run(state, 0, STEPS, probe=True)

    return structure, state, run


def test_errors_are_sums_over_the_next_layer(net):
    structure, state, run = net
    _, records = run("auto")

    def recorded(layer, name):
        return records[f"probe_{layer}.{name}"].reshape(STEPS, -1)

    first, last = structure.hidden
    n = 1000  # until the first weight update
    for layer, after in ((last, "output"), (first, last)):
        name = structure.forward_weights(structure.pathways[layer])
        w, at = np.zeros(structure.shape(name)), np.indices(structure.shape(name)).reshape(2, -1)
        if f"{name}._synaptic_pre" in state:
            at = np.stack([state[f"{name}._synaptic_{end}"] for end in ("pre", "post")])
        w[tuple(at)] = state[f"{name}.w"]
        error = recorded(after, "error")
        if after == "output":  # a step reads what was there at its start
            expected, found = (recorded(after, "sigma_prime") * error)[: n - 1] @ w.T, recorded(layer, "error")[1:n]
        else:  # the next layer's has been summed in this step
            expected, found = (
                (recorded(after, "sigma_prime")[: n - 1] * error[1:n]) @ w.T,
                recorded(layer, "error")[1:n],
            )
        assert np.abs(found).max() > 0
        assert np.abs(found - expected).max() < 1e-12 * np.abs(expected).max()


def test_kernels_and_interruptions(net):
    _, _, run = net
    (stock, records), (after, recorded) = run("stock"), run("auto")
    for name, values in stock.items():
        if values.dtype.kind == "f":
            assert np.abs(after[name] - values).max() <= 1e-10 * np.abs(values).max(), name
    for name in (n for n in records if n.startswith("spikes")):
        assert np.array_equal(recorded[name], records[name])
    assert all((after[f"{p}.w"] != net[1][f"{p}.w"]).any() for p in net[0].projections)


def test_a_chain_takes_errors_from_the_next_layer():
    ways = {p.target: p.source for p in chain([4, 3, 2], LAYERWISE).pathways}
    assert ways == {"hidden_1": "hidden_2", "hidden_2": "hidden_3", "hidden_3": "output"}
    assert {p.source for p in chain([4, 3], RANDOM).pathways} == {"output"}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Structure(
                SUPERSPIKE, SPARSE.replace(pathways=[Pathway("b", "a"), Pathway("output", "b")]).sized(9, 2)
            ),
            "impulses",
        ),
        (lambda: SPARSE.replace(pathways=[Pathway("b", "a", LAYERWISE)]), "'b' has no errors that can be sent"),
        (
            lambda: SUPERSPIKE.replace(feedback=LAYERWISE.replace(error_equations="mistake : Hz")),
            "needs the variable 'error'",
        ),
        (lambda: SUPERSPIKE.replace(feedback=LAYERWISE.replace(equations="")), r"no equation with the flag \(summed\)"),
        (lambda: SUPERSPIKE.replace(feedback=LAYERWISE.replace(on_target="I_syn_post += 0*volt")), "have no impulses"),
        (
            lambda: SUPERSPIKE.replace(feedback=LAYERWISE.replace(error_equations="error = 1*Hz : Hz")),
            "summed into a variable of the target",
        ),
        (lambda: Structure(MODEL, chain([4, 3]).sized(9, 2)), r"as chain\(\[4, 3\], LAYERWISE\) does"),
        (lambda: Structure(SUPERSPIKE, (9, 4, 3, 2)), "use random, uniform or layerwise"),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises(ModelError, match=message):
        make()
