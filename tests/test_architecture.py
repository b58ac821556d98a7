"""The records of a network: what they refuse, what a seed draws, and how they are kept."""

import dataclasses

import numpy as np
import pytest
from brian2 import ms, mV, second, volt
from command import superspike
from scipy import sparse
from superspike_brian.models import (
    ERROR_GATED,
    FIXED,
    LIF,
    RANDOM,
    RMAXPROP,
    SUPERSPIKE,
    UNIFORM,
    Architecture,
    ModelError,
    Pathway,
    Population,
    Projection,
    chain,
    connected,
)
from superspike_brian.models.checks.expressions import FUNCTIONS

from superspike_brian import models as all_models
from superspike_brian.engine.cache import structure_key
from superspike_brian.network.initial import initial_state, parameters
from superspike_brian.network.structure import Structure
from superspike_brian.network.synapses import delays, initial_weights, pairs
from superspike_brian.spec.run import RunSpec
from superspike_brian.spec.serialize import task_from_arrays

ONE = Projection("inputs", "output")
EXC, INH = Population("exc", 8), Population("inh", 4)
IN, OUT = Projection("inputs", "exc"), Projection("exc", "output")


BACK = Pathway("output", "exc"), Pathway("output", "inh", UNIFORM)


def structure(*projections, populations=(EXC, INH), pathways=BACK):
    used = {p for q in projections for p in (q.source, q.target)}
    network = Architecture(
        [p for p in populations if p.name in used],
        projections,
        [p for p in pathways if p.target in used],
    )
    return Structure(SUPERSPIKE, network.sized(20, 3))


V_IS_I2 = RMAXPROP.update.replace("v = clip", "I2 = clip").replace("*v,", "*I2,").replace("sqrt(v)", "sqrt(I2)")
REFUSED = {
    "unknown source": (lambda: Architecture(projections=[Projection("input", "output")]), "did you mean 'inputs'"),
    "unknown target": (
        lambda: Architecture(projections=[ONE, Projection("inputs", "outputs")]),
        "did you mean 'output'",
    ),
    "into the inputs": (
        lambda: Architecture(projections=[ONE, Projection("output", "inputs")]),
        "target: 'inputs' is no",
    ),
    "no way": (
        lambda: Architecture([EXC], [IN, Projection("output", "output")], [Pathway("output", "exc")]),
        "no way from inputs to output; spikes of the inputs reach exc",
    ),
    "no error": (
        lambda: Architecture([EXC], [IN, OUT]),
        r"Projection\('inputs', 'exc'\): it is plastic, and exc has no error",
    ),
    "pathway without error": (
        lambda: Architecture([EXC, INH], [IN, OUT], [Pathway("inh", "exc")]),
        r"Pathway\('inh', 'exc'\), source: 'inh' has no errors",
    ),
    "pathway to nothing": (
        lambda: Architecture([EXC], [IN, OUT], [Pathway("output", "inputs")]),
        "target: errors can be sent to exc, not to 'inputs'",
    ),
    "two pathways": (
        lambda: Architecture([EXC], [IN, OUT], [Pathway("output", "exc"), Pathway("output", "exc", UNIFORM)]),
        "two pathways to 'exc'",
    ),
    "two names": (lambda: Architecture([EXC], [IN, IN, OUT], [Pathway("output", "exc")]), "two .*'inputs_to_exc'"),
    "no size": (
        lambda: Architecture([Population("exc")]),
        r"Population\('exc'\), size: expected a whole number of units",
    ),
    "empty": (lambda: Population("exc", 0), "at least one unit"),
    "no number": (lambda: Population("exc", 2.5), "whole number"),
    "truth": (lambda: Population("exc", True), "whole number"),
    "a keyword": (lambda: Population("lambda", 3), "keyword of Python"),
    "a name of ours": (lambda: Population("targets", 3), "choose another"),
    "another name of ours": (lambda: Population("feedback_1", 3), "choose another"),
    "inputs with neurons": (lambda: Population("inputs", neuron=LIF), "inputs are the task's spikes"),
    "regularised output": (lambda: Population("output", regularizer=ERROR_GATED), "hidden populations only"),
    "no neuron": (lambda: Population("exc", 3, neuron="LIF"), "neuron: expected a Neuron, not 'LIF'"),
    "no fraction": (lambda: Projection("a", "b", connect=0), "connect: 0; expected 'all', a fraction"),
    "too large a fraction": (lambda: Projection("a", "b", connect=1.5), "connect: 1.5; expected 'all', a fraction"),
    "another word": (lambda: Projection("a", "b", connect="some"), "connect: 'some'; expected 'all'"),
    "no pairs": (lambda: Projection("a", "b", connect=[(0.5, 1)]), "expected 'all', a fraction"),
    "a pair twice": (
        lambda: Projection("a", "b", connect=[(0, 1), (2, 1), (0, 1)]),
        r"the pair \(0, 1\) is there twice",
    ),
    "negative": (lambda: Projection("a", "b", connect=[(0, -1)]), "whole numbers from 0 on"),
    "delay in volt": (lambda: Projection("a", "b", delay=2 * mV), "delay: expected a value in s"),
    "weight in seconds": (lambda: Projection("a", "b", initial=2 * ms), "initial: expected a value in"),
    "not finite": (lambda: Projection("a", "b", initial=[np.nan, 1] * volt), "expected finite values"),
    "bounds that differ": (lambda: Projection("a", "b", low=np.zeros(3)), "low: expected one bound"),
    "negative rate": (lambda: Projection("a", "b", r0_factor=-1), "r0_factor: expected a number of 0 or more"),
    "a time without unit": (lambda: Projection("a", "b", learn_until=20), "learn_until: expected a time"),
    "no statement": (lambda: Projection("a", "b", on_input=3), "on_input: expected a statement"),
    "unit beyond": (
        lambda: structure(IN.replace(connect=[(0, 8)]), OUT),
        "unit 8 of the target exc, which has units 0 to 7",
    ),
    "matrix of another shape": (
        lambda: structure(IN.replace(connect=sparse.eye(8)), OUT),
        r"connect: a matrix of shape \(8, 8\); expected \(20, 8\), the units of inputs and of exc",
    ),
    "no synapse": (lambda: structure(ONE.replace(connect=1e-3)), "it has no synapse"),
    "weights of another shape": (
        lambda: structure(ONE.replace(initial=np.zeros((3, 20)))),
        r"\(3, 20\); expected \(60,\)",
    ),
    "initial in seconds": (lambda: structure(ONE.replace(initial="1*second")), "initial: '1.second': it is in second"),
    "initial of nothing": (
        lambda: structure(ONE.replace(initial="w_9*rand()")),
        "'w_9' is no parameter.*did you mean 'w_0'",
    ),
    "no expression": (lambda: structure(ONE.replace(initial="1*volt +")), "it is no expression"),
    "random bound": (lambda: structure(ONE.replace(low="-rand()*volt")), "one value for all synapses"),
    "bound in seconds": (lambda: structure(ONE.replace(low="-1*second")), "low: .* it is in second"),
    "delay between steps": (lambda: structure(ONE.replace(delay=0.25 * ms)), "no multiple of the time step"),
    "a fault in on_input": (lambda: structure(ONE.replace(on_input="I_sin_post += w")), "did you mean 'I_syn_post'"),
    "another interval": (
        lambda: structure(ONE.replace(optimizer=RMAXPROP.replace(t_b=1 * second))),
        "at the same time",
    ),
    "a name of a synapse in its source": (
        lambda: structure(
            IN,
            OUT.replace(optimizer=RMAXPROP.replace(equations=RMAXPROP.equations.replace("v ", "I2 "), update=V_IS_I2)),
            populations=[
                Population("exc", 8, neuron=LIF.replace(equations=LIF.equations + "\ndI2/dt = -I2/tau_syn : volt"))
            ],
        ),
        r"Projection\('exc', 'output'\): 'I2' is a variable of exc and of the projection's synapses",
    ),
    "symmetric without a way": (
        lambda: structure(IN, Projection("exc", "inh"), Projection("inh", "output")),
        r"Pathway\('output', 'exc'\), feedback: symmetric feedback needs weights",
    ),
    "symmetric with two ways": (
        lambda: structure(IN, OUT, OUT.replace(name="other")),
        "through: 2 projections lead from exc to output: name the one",
    ),
    "no such way": (
        lambda: structure(IN, OUT, pathways=[Pathway("output", "exc", through="exc_to_out")]),
        "did you mean 'exc_to_output'",
    ),
    "sizes of another task": (
        lambda: chain().replace(populations=[Population("output", 4)]).sized(20, 3),
        "has 3 units",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused(case):
    make, message = REFUSED[case]
    with pytest.raises(ModelError, match=message):
        make()


def test_weights_beyond_their_bounds_are_refused_before_anything_is_built(poisson_task):
    net = chain().replace(projections=[ONE.replace(low=0 * mV, initial="randn()*volt")])
    with pytest.raises(ModelError, match=r"initial: weights from -.* and its bounds are 0 V and inf V"):
        initial_state(Structure(SUPERSPIKE, net.sized(20, 3)), poisson_task(20, 3, 0), 1)


def test_a_chain_of_records_is_that_of_sizes(poisson_task):
    sizes, records = Structure(SUPERSPIKE, (20, 4, 3)), Structure(SUPERSPIKE, chain([4]).sized(20, 3))
    one, two = (initial_state(s, poisson_task(20, 3, 0), 7) for s in (sizes, records))
    assert one.keys() == two.keys() and all(np.array_equal(one[k], two[k]) for k in one)


def test_a_fraction_is_exactly_that_many_pairs_and_those_of_the_seed():
    s = structure(IN.replace(connect=0.3), OUT, Projection("exc", "exc", connect=0.5))
    for name, n_pre, n_post, n in (("inputs_to_exc", 20, 8, 48), ("exc_to_exc", 8, 8, 28)):
        drawn = [np.stack(pairs(s, name, seed)) for seed in (1, 1, 2)]
        assert np.array_equal(drawn[0], drawn[1]) and not np.array_equal(drawn[0], drawn[2])
        number = drawn[0][0] * n_post + drawn[0][1]
        assert len(number) == n == s.n_synapses_of(name) and (np.diff(number) > 0).all()
        assert drawn[0].min() >= 0 and drawn[0][0].max() < n_pre and drawn[0][1].max() < n_post
        assert name != "exc_to_exc" or (drawn[0][0] != drawn[0][1]).all()


def test_a_fraction_is_fair():
    s, counts = structure(ONE.replace(connect=0.3)), np.zeros((20, 3))
    for seed in range(2000):
        counts[pairs(s, "inputs_to_output", seed)] += 1
    # 60 pairs, each with p = 0.3 in 2000 draws: 5.5 standard deviations
    assert np.abs(counts / 2000 - 0.3).max() < 5.5 * np.sqrt(0.3 * 0.7 / 2000)


def test_pairs_and_matrices_say_which():
    matrix = sparse.random(20, 3, 0.2, random_state=0, format="csc")
    assert np.array_equal(
        np.stack(pairs(structure(ONE.replace(connect=matrix)), "inputs_to_output", 0)), matrix.toarray().nonzero()
    )
    given = [(5, 0), (0, 2), (0, 1)]
    found = np.stack(pairs(structure(ONE.replace(connect=given)), "inputs_to_output", 0))
    assert found.T.tolist() == sorted(map(list, given))
    loops = structure(ONE, Projection("output", "output", self_connections=True))
    assert loops.is_dense("output_to_output") and loops.n_synapses_of("output_to_output") == 9
    assert structure(ONE, Projection("output", "output")).n_synapses_of("output_to_output") == 6


def test_pairs_stay_as_they_were_given():
    given = [(5, 0), (0, 2)]  # as many as a pair has ends
    p = ONE.replace(connect=given, initial=[1e-3, 2e-3], delay=[3e-3, 4e-3] * second)
    for kept in (p, p.replace(r0_factor=2)):
        s = structure(kept)
        assert np.stack(pairs(s, "inputs_to_output", 0)).T.tolist() == [[0, 2], [5, 0]]
        assert initial_weights(s, "inputs_to_output", 0).tolist() == [2e-3, 1e-3]
        assert delays(s, "inputs_to_output", 0).tolist() == [4e-3, 3e-3]
    matrix = sparse.coo_matrix(([7.0, 8.0], ([5, 0], [0, 2])), shape=(20, 3))
    assert np.stack(pairs(structure(ONE.replace(connect=matrix)), "inputs_to_output", 0)).T.tolist() == [[0, 2], [5, 0]]


@pytest.mark.parametrize("function", sorted(n for n, f in FUNCTIONS.items() if not f.stateless))
def test_random_functions_draw_from_the_seed(function):
    code = f"{function}({3 if function == 'poisson' else ''})*mV"
    one, again, other = (
        initial_weights(structure(ONE.replace(initial=code)), "inputs_to_output", k) for k in (1, 1, 2)
    )
    assert np.array_equal(one, again) and not np.array_equal(one, other) and len(np.unique(one)) > 3


def test_conditions_in_values():
    i, j = np.divmod(np.arange(60), 3)
    for code, expected in (
        ("(i > 3 and j < 2 and not j == 0)*mV", (i > 3) & (j == 1)),
        ("int(i < 2 or j == 2)*mV", (i < 2) | (j == 2)),
    ):
        w = initial_weights(structure(ONE.replace(initial=code)), "inputs_to_output", 0)
        assert np.array_equal(w, expected * 1e-3)


def test_weights_at_a_bound_in_single_precision_are_within_it():
    w = np.full(60, 0.1, np.float32)
    found = initial_weights(structure(ONE.replace(initial=w, high="w_max")), "inputs_to_output", 0)
    assert (found == 0.1).all()


def test_initial_weights():
    def weights(**given):
        return initial_weights(structure(ONE.replace(**given)), "inputs_to_output", 3)

    assert np.std(weights()) == pytest.approx(0.05 / np.sqrt(20), rel=0.3) and weights().min() < 0
    assert weights(low=0 * mV).min() >= 0 and np.array_equal(weights(low=0 * mV), np.abs(weights()))
    assert weights(high="0*volt").max() <= 0
    assert np.ptp(weights(initial="2*mV")) == 0 and weights(initial=2 * mV)[0] == 2e-3
    i, j = np.divmod(np.arange(60), 3)
    assert np.allclose(weights(initial="(i + 100*j/N_post)*mV/N_pre"), (i + 100 * j / 3) * 1e-3 / 20)
    uniform = weights(initial="w_0*(rand() - 0.5)")
    assert np.abs(uniform).max() <= 0.025 and np.std(uniform) == pytest.approx(0.05 / np.sqrt(12), rel=0.2)
    assert np.array_equal(uniform, weights(initial="w_0*(rand() - 0.5)"))
    matrix = np.arange(60).reshape(20, 3) * 1e-3
    assert np.array_equal(weights(initial=matrix), matrix.ravel()) and np.array_equal(
        weights(initial=matrix.ravel() * volt), matrix.ravel()
    )
    few = structure(ONE.replace(connect=[(3, 1), (2, 0)], initial=matrix))
    assert initial_weights(few, "inputs_to_output", 0).tolist() == [matrix[2, 0], matrix[3, 1]]


def test_sparse_weights_start_larger():
    """Units with few inputs start with as strong an input as those with many."""
    many = Population("exc", 400)
    s = Structure(
        SUPERSPIKE, Architecture([many], [IN.replace(connect=0.1), OUT], [Pathway("output", "exc")]).sized(500, 3)
    )
    assert np.std(initial_weights(s, "inputs_to_exc", 0)) == pytest.approx(0.05 / np.sqrt(50), rel=0.05)


def test_delays():
    s = structure(ONE.replace(delay="rand()*5*ms"))
    found = delays(s, "inputs_to_output", 1)
    assert found.shape == (60,) and 0 <= found.min() < 1e-3 and 4e-3 < found.max() <= 5e-3
    for one in (None, 2 * ms, "axonal_delay*2"):
        assert delays(structure(ONE.replace(delay=one)), "inputs_to_output", 1) is None
    assert structure(ONE.replace(delay=2 * ms)).models["inputs_to_output"].delay == 2 * ms


def test_constants_are_those_of_the_population():
    slow = LIF.replace(tau_mem=40 * ms, name="slow")
    s = structure(IN, OUT, populations=[Population("exc", 8, neuron=slow)])
    assert s.models["exc"].parameters["tau_mem"] == s.models["inputs_to_exc"].parameters["tau_mem"] == 40 * ms
    assert s.models["output"].parameters["tau_mem"] == s.models["exc_to_output"].parameters["tau_mem"] == 10 * ms


def test_learning_rates_of_projections():
    s = structure(
        IN.replace(r0_factor=0.5, learn_from=1 * second),
        OUT.replace(learn_until=2 * second, optimizer=FIXED.replace(r0=3 * mV)),
    )
    assert [s.learning_rate("inputs_to_exc", step) for step in (0, 9999, 10000)] == [0, 0, 0.5e-3]
    assert [s.learning_rate("exc_to_output", step) for step in (0, 19999, 20000)] == [3e-3, 3e-3, 0]
    assert s.learning_edges == [10000, 20000]


def test_blocks_end_where_learning_begins_or_ends(poisson_task):
    net = chain().replace(projections=[ONE.replace(learn_from=1.5 * second)])
    spec = RunSpec.make(
        poisson_task(20, 3, 0), SUPERSPIKE, net, duration=4 * second, burn_in=1 * second, block=1 * second
    )
    blocks = list(spec.protocol.blocks(spec.dt, spec.structure.learning_edges))
    assert [b.stop for b in blocks] == [10000, 15000, 20000, 30000, 40000]


def test_what_feedback_there_is():
    assert structure(IN, OUT, Projection("inputs", "inh")).feedback == "symmetric and uniform"
    assert structure(ONE).feedback == "none"  # nobody gets any


def test_hidden_weights_can_be_frozen():
    s = Structure(SUPERSPIKE, structure(IN, OUT).architecture, hidden_learning=False)
    assert s.plastic == ("exc_to_output",) and not s.pathways


RECORDS = Architecture(
    [Population("exc", 8, neuron=LIF.replace(tau_mem=20 * ms), regularizer=ERROR_GATED), INH],
    [
        IN.replace(connect=0.3, low=0 * mV, initial="rand()*mV"),
        OUT.replace(delay=np.full(24, 2e-3) * second, learn_until=2 * second),
        Projection("exc", "inh", connect=[(0, 3), (1, 2)], initial=np.array([1e-3, 2e-3]), plastic=False),
        Projection(
            "inh", "exc", connect=sparse.eye(4, 8), high="0*volt", optimizer=FIXED, on_input="I_syn_post += 2*w"
        ),
    ],
    [Pathway("output", "exc", RANDOM)],
)


def test_records_are_kept(poisson_task):
    spec = RunSpec.make(poisson_task(20, 3, 0), SUPERSPIKE, RECORDS, connect=["output:output"])
    arrays = spec.arrays()
    again = RunSpec.from_json(spec.to_json(), task_from_arrays(arrays, None), arrays)
    assert again.differences(spec) == []
    one, two = (initial_state(s.structure, s.task, 3) for s in (spec, again))
    assert one.keys() == two.keys() and all(np.array_equal(one[k], two[k]) for k in one)
    other = RunSpec.make(spec.task, SUPERSPIKE, RECORDS.add(Projection("inputs", "output")), connect=["output:output"])
    assert other.differences(spec) == ["projections of the network"]


def test_warm_start():
    import xarray as xr

    values = np.arange(60.0).reshape(20, 3) * 1e-3
    run = xr.Dataset({"weights_inputs_to_output_end": (("a", "b"), values)})
    net = chain().replace(projections=[ONE, Projection("output", "output", initial="1*mV")]).starting_from(run)
    s = Structure(SUPERSPIKE, net.sized(20, 3))
    assert np.array_equal(initial_weights(s, "inputs_to_output", 0), values.ravel())
    assert (initial_weights(s, "output_to_output", 0) == 1e-3).all()
    ids = np.array([[0, 1, 1], [2, 0, 1]])  # of another seed
    run = xr.Dataset({"weights_inputs_to_output_end": ("s", [1e-3, 2e-3, 3e-3])})
    run["pre_inputs_to_output"], run["post_inputs_to_output"] = ("s", ids[0]), ("s", ids[1])
    s = structure(*chain().replace(projections=[ONE.replace(connect=0.05)]).starting_from(run).projections)
    assert np.array_equal(np.stack(pairs(s, "inputs_to_output", 9)), ids)
    assert initial_weights(s, "inputs_to_output", 9).tolist() == [1e-3, 2e-3, 3e-3]
    with pytest.raises(ModelError, match="none of the projections forward_1"):
        chain().starting_from(run)


CODE = {  # what changes the code of a program, and what its inputs alone
    "connect": 0.5,
    "delay": "rand()*5*ms",
    "initial": "1*mV",
    "learn_from": 1 * second,
    "learn_until": 2 * second,
    "low": "0*volt",
    "high": "9*mV",
    "name": "other",
    "on_input": "I_syn_post += 2*w",
    "optimizer": FIXED,
    "plasticity": SUPERSPIKE.plasticity.replace(tau_rise=6 * ms),
    "plastic": False,
    "r0_factor": 2,
    "regularizer": ERROR_GATED,
    "self_connections": True,
    "source": "inh",
    "target": "inh",
}
INPUTS = {"initial", "learn_from", "learn_until", "r0_factor"}


def test_programs_differ_where_their_code_does():
    """No field of a projection can be forgotten: a stale program would run instead."""
    loop = Projection("exc", "exc")
    assert CODE.keys() == {f.name for f in dataclasses.fields(Projection)}

    def key(projection, back=BACK):
        pathways = [p for p in back if p.target in ("exc", "inh")]
        network = Architecture([EXC, INH], [IN, Projection("inputs", "inh"), OUT, projection], pathways)
        return structure_key(Structure(SUPERSPIKE, network.sized(20, 3)), "double")

    keys = {
        field: key(loop.replace(name="loop", **{field: value}) if field != "name" else loop)
        for field, value in CODE.items()
    }
    plain = key(loop.replace(name="loop"))
    assert {field for field, found in keys.items() if found == plain} == INPUTS
    assert len(set(keys.values())) == len(CODE) - len(INPUTS) + 1
    assert key(loop) != key(loop, [Pathway("output", "exc", RANDOM), BACK[1]])
    assert key(loop.replace(connect=[(0, 1), (2, 3)])) == key(loop.replace(connect=[(4, 5), (6, 3)]))


def test_short_forms():
    net = connected(chain([4]), ["output:output", "0.5", "forward_2=0.25"]).sized(20, 3)
    found = {p.name: (p.connect, p.initial, p.plastic) for p in net.projections}
    assert found == {
        "forward_1": (0.5, None, True),
        "forward_2": (0.25, None, True),
        "output_to_output": (0.5, "0*volt", True),
    }
    for wrong, message in (
        ("output", "expected SOURCE:TARGET"),
        ("forward_9=0.5", "did you mean 'forward_"),
        ("2", "a fraction"),
        ("output:outputs", "did you mean 'output'"),
    ):
        with pytest.raises(ModelError, match=message):
            connected(chain([4]), [wrong])


def test_parameters_are_those_of_each_model():
    s = structure(IN, OUT, populations=[Population("exc", 8, surrogate=SUPERSPIKE.surrogate.replace(beta=0.5 / mV))])
    found = parameters(s)
    assert found["exc.beta"] == pytest.approx(500) and found["output.beta"] == pytest.approx(1000)


def test_own_network_on_the_command_line(tmp_path):
    file = tmp_path / "nets.py"
    file.write_text(
        "from superspike_brian.models import *\nNET = chain([3]).add(Projection('inputs', 'output'))\nWRONG = 3\n"
    )
    found = superspike("describe", "spike-timing", "--n-inputs", 5, "--network", f"{file}:NET")
    assert found.code == 0 and "inputs_to_output" in found.out and "hidden_1" in found.out
    found = superspike("describe", "spike-timing", "--n-inputs", 5, "--hidden", 4, "--connect", "forward_1=0.5")
    assert "10 of 20 pairs" in found.out
    file.write_text(file.read_text().replace("'output')", "'output', delay='rand()*5*ms')"))
    assert "`rand()*5*ms`" in superspike("describe", "spike-timing", "--network", f"{file}:NET").out
    for arguments, message in (
        (["--network", f"{file}:WRONG"], "has no network 'WRONG'; its networks: NET"),
        (["--network", f"{file}:NET", "--hidden", 3], "hidden is the layers of a chain"),
        (["--network", "there.py:NET"], "there is no file there.py"),
    ):
        found = superspike("describe", "spike-timing", *arguments)
        assert found.code == 2 and message in found.err


@pytest.mark.parametrize(
    "record",
    [r for r in vars(all_models).values() if isinstance(r, type) and dataclasses.is_dataclass(r)],
    ids=lambda r: r.__name__,
)
def test_records_cannot_be_changed(record):
    """They check themselves when they are made, and at no other time."""
    assert record.__dataclass_params__.frozen


def test_records_with_arrays_are_equal_only_to_themselves():
    a, b = (Projection("inputs", "output", delay=np.array([1e-3, 2e-3]), connect=[(0, 0), (1, 0)]) for _ in range(2))
    assert a == a and a != b and len({a, b}) == 2
    one, other = Architecture((), [a]), Architecture((), [a])
    assert one != other and len({one, other}) == 2
