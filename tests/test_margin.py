"""The margin of spiking outputs: it holds back the expected unit in its window while the network learns, and nothing else."""

import numpy as np
import pytest
from brian2 import Quantity, ms, mV, second
from superspike_brian.models import READOUT, SUPERSPIKE, WINDOWED, WINDOWED_MARGIN
from superspike_brian.tasks import randman

import superspike_brian as ss


@pytest.fixture(scope="module")
def frozen(build_dir):
    """Function from an error signal to a run whose weights stay; outputs get strong input."""
    task = randman(n_inputs=12, classes=3, samples=4, test_samples=3, pause=200 * ms)

    def run(error, device="standalone"):
        model = READOUT.replace(error=error, w_0=300 * mV, w_max=Quantity(1, mV.dim))
        options = {"duration": 3 * second, "burn_in": 3 * second, "device": device, "probe_synapses": 0}
        return ss.train(task, model, (), build_dir=build_dir, progress=False, **options)

    return run


def spikes(run, which, expected):
    """Spikes (step, unit) of outputs in the trials' windows, of the expected unit or of the others."""
    times, units = (run[f"{which}_spike_{v}" if which == "test" else f"watched_{v}"].values for v in ("time", "unit"))
    trial = np.searchsorted(run[f"{which}_onset"].values, times + 1e-9, side="right") - 1
    mine = trial >= 0
    times, units, trial = times[mine], units[mine], trial[mine]
    inside = times < run[f"{which}_deadline"].values[trial] - 1e-9
    right = run[f"{which}_class"].values[trial] == units
    chosen = inside & (right == expected)
    return set(zip(np.rint(times[chosen] * 1e4).astype(int).tolist(), units[chosen].tolist(), strict=True))


@pytest.mark.parametrize("device", ["standalone", pytest.param("runtime", marks=pytest.mark.slow)])
def test_the_margin_holds_back_the_expected_unit_while_it_learns_and_nothing_in_tests(frozen, device):
    plain, held = frozen(WINDOWED), frozen(WINDOWED_MARGIN.replace(margin=Quantity(10, mV.dim)), device)
    assert len(spikes(plain, "trial", True)) > 5 and not spikes(held, "trial", True)
    assert len(spikes(plain, "trial", False)) > 5
    assert spikes(held, "trial", False) == spikes(plain, "trial", False)
    for expected in (True, False):
        assert spikes(held, "test", expected) == spikes(plain, "test", expected)
    assert spikes(plain, "test", True)
    assert not held.trial_correct.any() and held.test_correct.any()


def test_a_margin_is_an_input_of_the_program_and_none_is_the_windowed_error():
    model = SUPERSPIKE.replace(error=WINDOWED_MARGIN)
    assert "margin" in model.layer_equations(output=True).names
    assert model.replace(margin=3 * mV).threshold(output=True) == "U > theta + margin*(1 - output_impulse)"
    assert model.threshold(output=False) == SUPERSPIKE.neuron.threshold
