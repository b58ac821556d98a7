"""Every random choice of a run has a stream of its own: no numbers are shared, and none depends on what others draw."""

import itertools

import numpy as np
from superspike_brian.models import RANDOM, SUPERSPIKE, Pathway, Population, Projection, chain

from superspike_brian.network import synapses
from superspike_brian.network.structure import Structure

MODEL = SUPERSPIKE.replace(feedback=RANDOM)


def draws(structure, seed):
    """Standard normal numbers behind weights and feedback, by what they are for."""
    found = {}
    for name, projection in structure.projections.items():
        n_pre, _ = structure.shape(name)
        scale = float(MODEL.parameters["w_0"]) / np.sqrt(n_pre)
        found[projection.label] = synapses.initial_weights(structure, name, seed) / scale
    for population in structure.pathways:
        found[f"feedback {population}"] = synapses.random_feedback(structure, population, seed).ravel()
    return found


def test_no_two_streams_share_a_number():
    """Shapes coincide here, so that one stream taken for another would give the same numbers."""
    structure = Structure(MODEL, (4, 4, 4, 4))
    found = {(what, seed): v for seed in range(3) for what, v in draws(structure, seed).items()}
    assert len(found) == 3 * (3 + 2)
    for one, other in itertools.combinations(found, 2):
        assert np.abs(np.subtract.outer(found[one], found[other])).min() > 1e-9, (one, other)


def test_more_of_one_thing_changes_nothing_else():
    small = Structure(MODEL, chain([4], RANDOM).sized(5, 3))
    large = Structure(MODEL, chain([4], RANDOM).add(Projection("inputs", "output", connect=0.5)).sized(5, 3))
    wide = Structure(
        MODEL,
        chain([4], RANDOM)
        .add(
            Population("more", 6), Projection("inputs", "more"), Projection("more", "output"), Pathway("output", "more")
        )
        .sized(5, 3),
    )
    expected = draws(small, 1)
    for other in (large, wide):
        found = draws(other, 1)
        for what in ("1", "2", "feedback hidden_1"):
            np.testing.assert_array_equal(found[what], expected[what])


def test_other_seeds_give_other_pairs_and_delays():
    network = chain([8], RANDOM).add(Projection("inputs", "output", connect=0.3, delay="rand()*5*ms"))
    structure = Structure(MODEL, network.sized(20, 5))
    name = "inputs_to_output"
    first, other = (synapses.pairs(structure, name, seed) for seed in (1, 2))
    assert (np.array(first) != np.array(other)).any()
    late = [synapses.delays(structure, name, seed) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(late[0], late[1])
    assert np.abs(late[0] - late[2]).min() > 0
