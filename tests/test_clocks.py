"""Weight updates come in the steps that their interval says, however late, and runs too long to count are refused."""

import shutil
import subprocess
from pathlib import Path

import brian2
import numpy as np
import pytest
from brian2 import ms, second, us, volt
from superspike_brian.models import FIXED, SUPERSPIKE
from superspike_brian.models.architecture import MAX_SYNAPSES

from superspike_brian.codegen.device import HEADERS, StateCodeObject
from superspike_brian.engine.compiler import compiler
from superspike_brian.engine.runtime import RuntimeProgram
from superspike_brian.network.initial import initial_state
from superspike_brian.network.structure import Structure
from superspike_brian.runs.training import train
from superspike_brian.spec.protocol import MAX_STEPS, Protocol

# Brian2's clocks and the loop of a program, on their own: prints the number of every step in which the slow clock's call ran
HARNESS = r"""
#include <cstdio>
#include "network.h"

int64_t step, slow_step, out_of_order;
void update() { std::printf("%lld ", (long long)step); slow_step = step; }
void integrate() { step++; }

int main()
{
    double dt[2];
    long long start, n;
    while (std::scanf("%lf %lf %lld %lld", &dt[0], &dt[1], &start, &n) == 4) {
        Clock clocks[2];
        double t[2];
        int64_t timestep[2];
        for (int i = 0; i < 2; i++) {
            clocks[i].dt = &dt[i];
            clocks[i].t = &t[i];
            clocks[i].timestep = &timestep[i];
        }
        Network net;
        net.add(&clocks[1], update);
        net.add(&clocks[0], integrate);
        step = start;
        net.run(start, n);
        std::printf("end %lld %lld %.17g\n", (long long)step, (long long)timestep[0], t[0]);
    }
}
"""


@pytest.fixture(scope="module")
def loop(tmp_path_factory):
    """Function from (dt, interval, first step, number of steps) of many runs to the steps of their updates."""
    folder = tmp_path_factory.mktemp("loop")
    code = StateCodeObject.templater.network(None, None)
    library = Path(brian2.__file__).parent / "devices/cpp_standalone"
    (folder / "brianlib").mkdir()
    for header in (library / "brianlib/clocks.h", *library.parent.parent.rglob("stdint_compat.h")):
        shutil.copy(header, folder / "brianlib")
    for header in HEADERS:
        shutil.copy(header, folder)
    (folder / "network.cpp").write_text(code.cpp_file)
    (folder / "network.h").write_text(code.h_file)
    (folder / "main.cpp").write_text(HARNESS)
    subprocess.run(
        [compiler(), "-I.", "-std=c++11", "-O1", "main.cpp", "network.cpp", "-o", "main"], cwd=folder, check=True
    )

    def run(cases):
        text = "".join(f"{dt!r} {interval!r} {start} {n}\n" for dt, interval, start, n in cases)
        out = subprocess.run(["./main"], input=text, cwd=folder, capture_output=True, text=True, check=True).stdout
        return [line.split(" end ") if " end " in line else ["", line[4:]] for line in out.splitlines()]

    return run


def cases():
    """Steps and intervals as users write them, and starts around 2**24 and 2**30 steps, on an update and off it."""
    for dt in (1 * ms, 0.5 * ms, 0.3 * ms, 0.25 * ms, 0.2 * ms, 0.1 * ms, 0.05 * ms, 0.02 * ms, 10 * us, 1 * us):
        for every in (1, 2, 3, 7, 10, 50, 125, 333, 1000, 2500, 5000):
            for interval in {float(every * dt), every * float(dt), float(f"{every * float(dt):.12g}")}:
                for near in (0, 10**6, 6_143_900, 2**24, 10**8, 2**30, MAX_STEPS - 10**5):
                    on = near // every * every
                    for start in {on, on + 1, on + every - 1, near}:
                        yield float(dt), interval, start, 3 * every + 2, every


def test_an_update_is_in_the_step_that_its_interval_says(loop):
    given = list(cases())
    found = loop([case[:4] for case in given])
    assert len(found) == len(given) > 2500
    for (dt, interval, start, n, every), (updates, end) in zip(given, found, strict=True):
        expected = [s for s in range(start, start + n) if s % every == 0]
        assert [int(s) for s in updates.split()] == expected, (dt, interval, start)
        step, timestep, t = end.split()
        assert (int(step), int(timestep)) == (start + n, start + n)
        assert float(t) == (start + n) * dt  # as ever: no bit differs from Brian2's clock


def test_an_interval_between_two_steps_ends_the_program(loop):
    with pytest.raises(subprocess.CalledProcessError) as error:
        loop([(1e-4, 2.5e-4, 0, 10)])
    assert "no whole number of time steps" in error.value.stderr


COUNTING = SUPERSPIKE.replace(
    optimizer=FIXED.replace(update="w = w + 1*volt + r0\nm = 0"), r0=0 * volt, t_b=0.1 * second, tau_mem=7 * ms
)


@pytest.fixture(scope="module")
def structure():
    return Structure(COUNTING, (2, 1))


@pytest.fixture(scope="module", params=["runtime", "standalone"])
def program(request, compiled, structure):
    return RuntimeProgram(structure) if request.param == "runtime" else compiled(structure)


def updates(program, structure, task, start, n):
    """Steps from `start` on in which the weights changed, found step by step; and their number in one piece."""
    state = initial_state(structure, task, 0)
    whole, _ = program.run(state, start, n)
    before, found = state["forward_1.w"], []
    for step, (after, _) in enumerate(program.blocks(start, [(1, state), *[(1, {})] * (n - 1)]), start):
        if not np.array_equal(after["forward_1.w"], before):
            found.append(step)
        before = after["forward_1.w"]
    in_one = round(float(whole["forward_1.w"][0] - state["forward_1.w"][0]))
    return found, in_one


STARTS = (0, 6_143_997, 6_144_000, 2**24 // 1000 * 1000 - 2, 10**9 - 3, MAX_STEPS - 3000)


@pytest.mark.parametrize("start", STARTS)
def test_both_devices_update_in_time(program, structure, pattern_task, start):
    task = pattern_task(2, 1, ([0], [0.01]))
    expected = [s for s in range(start, start + 4) if s % 1000 == 0]
    assert len(expected) == 1
    assert updates(program, structure, task, start, 4) == (expected, 1)


@pytest.mark.parametrize("start", STARTS)
def test_input_arrives_however_late(program, structure, pattern_task, start):
    task = pattern_task(2, 1, ([0, 1], [0.01, 0.05]))
    start = start // 2000 * 2000  # of a period
    _, records = program.run(initial_state(structure, task, 0), start, 2000, probe=True)
    assert records["spikes_inputs.i"].tolist() == [0, 1]
    np.testing.assert_array_equal(np.rint(records["spikes_inputs.t"] / 1e-4), [start + 100, start + 500])


# too many to count


@pytest.mark.parametrize("dt", [1 * ms, 0.1 * ms, 1 * us])
def test_a_run_of_too_many_steps_is_refused(dt):
    assert list(Protocol(MAX_STEPS * dt, block=MAX_STEPS * dt / 10).blocks(dt))[-1].stop == MAX_STEPS
    with pytest.raises(ValueError, match=r"2,000,000,001 steps of .* use at most .* or a longer dt"):
        next(Protocol((MAX_STEPS + 1) * dt).blocks(dt))


def test_before_anything_is_compiled(pattern_task, tmp_path):
    task = pattern_task(2, 1, ([0], [0.01]))
    with pytest.raises(ValueError, match="a longer dt"):
        train(task, duration=3e5 * second, build_dir=tmp_path / "build", progress=False)
    assert not list(tmp_path.iterdir())


def test_more_synapses_than_can_be_numbered_are_refused():
    assert Structure(SUPERSPIKE, (MAX_SYNAPSES, 1)).n_synapses == MAX_SYNAPSES
    with pytest.raises(ValueError, match="2,147,483,648 synapses"):
        Structure(SUPERSPIKE, (2**16, 2**15))
