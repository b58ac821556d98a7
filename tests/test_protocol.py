import json
from itertools import pairwise

import numpy as np
import pytest
from brian2 import ms, mV, second
from hypothesis import given
from hypothesis import strategies as st

from superspike_brian.spec.protocol import Protocol
from superspike_brian.spec.run import RunSpec

DT = 0.1 * ms


def factors(protocol):
    """Learning-rate factor of every step."""
    return np.concatenate([np.full(b.stop - b.start, b.factor) for b in protocol.blocks(DT)])


def test_blocks_of_a_plain_run():
    blocks = list(Protocol(25 * second, 10 * second, 5 * second).blocks(DT))
    assert [(b.start, b.stop) for b in blocks] == [(50_000 * k, 50_000 * (k + 1)) for k in range(5)]
    assert [b.factor for b in blocks] == [0, 0, 1, 1, 1]
    assert not any(b.snapshot or b.probe for b in blocks)


def test_defaults_are_those_of_the_command_line():
    protocol = Protocol(800 * second)
    assert (protocol.burn_in, protocol.block, protocol.r0_decay_at) == (20 * second, 10 * second, ())


def test_burn_in_and_blocks_that_do_not_divide():
    blocks = list(Protocol(10 * ms, 3.5 * ms, 2 * ms).blocks(DT))
    assert [(b.start, b.stop) for b in blocks] == [(0, 20), (20, 35), (35, 55), (55, 75), (75, 95), (95, 100)]
    assert [b.factor for b in blocks] == [0, 0, 1, 1, 1, 1]


def test_burn_in_longer_than_the_run_means_no_learning():
    assert set(factors(Protocol(1 * second, 5 * second))) == {0}


def test_no_burn_in():
    assert set(factors(Protocol(1 * second, 0 * second))) == {1}


def test_every_decay_divides_by_ten_from_its_time_on():
    protocol = Protocol(10 * ms, 1 * ms, 4 * ms, [8 * ms, 3 * ms, 3 * ms])
    found = factors(protocol)
    expected = np.repeat([0, 1, 1e-2, 1e-3], [10, 20, 50, 20])
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert {30, 80} <= {b.start for b in protocol.blocks(DT)}


def test_a_decay_during_burn_in_or_after_the_end():
    assert set(factors(Protocol(10 * ms, 5 * ms, 1 * ms, [2 * ms, 50 * ms]))) == {0, 0.1}


def test_snapshots_and_probes_end_a_block():
    protocol = Protocol(10 * ms, 1 * ms, 4 * ms, snapshot_every=3 * ms, probe_at=[7 * ms])
    blocks = list(protocol.blocks(DT))
    assert [b.stop for b in blocks if b.snapshot] == [30, 60, 90]
    assert [b.stop for b in blocks if b.probe] == [70]


times = st.integers(1, 400)


@given(times, st.integers(0, 400), times, st.lists(times, max_size=4), st.none() | times, st.lists(times, max_size=3))
def test_blocks_cover_the_run_without_gap(duration, burn_in, block, decays, snapshot, probes):
    every = None if snapshot is None else snapshot * DT
    make = [k * DT for k in decays], every, [k * DT for k in probes]
    blocks = list(Protocol(duration * DT, burn_in * DT, block * DT, *make).blocks(DT))
    assert blocks[0].start == 0 and blocks[-1].stop == duration
    assert all(a.stop == b.start for a, b in pairwise(blocks))
    assert all(0 < b.stop - b.start <= block for b in blocks)
    for b in blocks:  # and in a block of its own: each step has one learning rate
        steps = range(b.start, b.stop)
        assert {0.0 if s < burn_in else 10.0 ** -sum(d <= s for d in decays) for s in steps} == {b.factor}
        assert b.snapshot == (snapshot is not None and b.stop % snapshot == 0)
        assert b.probe == (b.stop in probes and b.stop < duration)


@given(times, st.integers(0, 400), times, times, st.lists(times, max_size=4))
def test_where_blocks_end_changes_no_learning_rate(duration, burn_in, block, other, decays):
    decays = [k * DT for k in decays]
    one, two = (factors(Protocol(duration * DT, burn_in * DT, size * DT, decays)) for size in (block, other))
    np.testing.assert_array_equal(one, two)


@given(times, times, st.integers(0, 400), times, st.lists(times, max_size=4))
def test_extending_keeps_the_learning_rates_so_far(duration, more, burn_in, block, decays):
    decays = [k * DT for k in decays]
    short, long = (factors(Protocol(n * DT, burn_in * DT, block * DT, decays)) for n in (duration, duration + more))
    np.testing.assert_array_equal(short, long[:duration])


@pytest.mark.parametrize("name", ["duration", "burn_in", "block", "snapshot_every"])
@pytest.mark.parametrize("value", [5, 5.0, 5 * mV, "5s", -1 * second, float("inf") * second, float("nan") * second])
def test_refuses_what_is_no_time(name, value):
    with pytest.raises(ValueError, match=f"^{name} must be a "):
        Protocol(**{"duration": 1 * second, name: value})


@pytest.mark.parametrize("name", ["duration", "block", "snapshot_every"])
def test_refuses_zero_where_it_means_nothing(name):
    with pytest.raises(ValueError, match=f"^{name} must be a positive, finite time"):
        Protocol(**{"duration": 1 * second, name: 0 * second})


@pytest.mark.parametrize("name", ["duration", "burn_in", "block"])
def test_refuses_none(name):
    with pytest.raises(ValueError, match=f"^{name} must be a time"):
        Protocol(**{"duration": 1 * second, name: None})


def test_one_time_is_as_good_as_a_list_of_one():
    one, many = (Protocol(10 * second, r0_decay_at=t, probe_at=t) for t in (3 * second, [3 * second]))
    assert one == many and many.r0_decay_at == (3 * second,)


@pytest.mark.parametrize("name", ["r0_decay_at", "probe_at"])
@pytest.mark.parametrize("value", [3, 3 * mV, 0 * second, -3 * second])
def test_refuses_a_bad_time_in_a_list(name, value):
    with pytest.raises(ValueError, match=f"^{name} must be a "):
        Protocol(1 * second, **{name: [1 * second, value]})


def test_survives_json():
    options = {"duration": 9 * second, "burn_in": 1 * second, "r0_decay_at": [3 * second, 4.5 * second]}
    spec = RunSpec.make("spike-timing", **options, snapshot_every=2 * second, probe_every=3 * second)
    again = RunSpec.from_json(json.loads(json.dumps(spec.to_json())), spec.task, spec.arrays())
    assert again.protocol == spec.protocol and again.differences(spec) == []
    assert list(again.protocol.blocks(DT)) == list(spec.protocol.blocks(DT))
