"""What xarray alone makes of ``run.nc``: coordinates, and the patterns as they ran; of files of older versions, too."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from brian2 import ms, second
from superspike_brian.models import Architecture, Population, Projection
from superspike_brian.tasks import SpikePattern, Task

import superspike_brian as ss
from superspike_brian import results
from superspike_brian.figures.run import plot_run

OLD = Path(__file__).parent / "data" / "run-format-1.nc"
INPUTS = SpikePattern(3, [2, 0, 1, 0], [7.04, 1.26, 19.97, 1.27] * ms, 20 * ms)  # one rounds to 0, two merge
TARGETS = SpikePattern(2, [1, 0], [15.01, 10] * ms, 20 * ms)
NETWORK = Architecture(
    [Population("inputs"), Population("middle", 2), Population("output")],
    [Projection("inputs", "middle", connect=[(0, 1), (2, 0)], plastic=False), Projection("middle", "output")],
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("coordinates") / "run"
    options = {"duration": 0.2 * second, "block": 0.1 * second, "burn_in": 0.1 * second, "snapshot_every": 0.1 * second}
    with pytest.warns(UserWarning, match="1 of 4 spikes merged"):
        ss.train(Task("t", INPUTS, TARGETS, "made up"), hidden=NETWORK, device="runtime", out=out, **options)
    return out


@pytest.fixture(scope="module")
def run(made):
    """The file, read by xarray alone."""
    with xr.open_dataset(made / "run.nc", engine="h5netcdf") as data:
        return data.load()


def test_curves_are_drawn_against_time(run):
    np.testing.assert_allclose(run.cost.time, [0.1, 0.2])
    assert run.cost.time.attrs["units"] == "s"
    lines = run.cost.plot.line(x="time")
    assert len(lines) == 2 and "simulated time" in plt.gca().get_xlabel()
    plt.close()
    assert len(run.cost.mean("output").plot(x="time")) == 1
    plt.close()
    assert run.weights_middle_to_output_snapshots.snapshot_time.values.tolist() == run.snapshot_time.values.tolist()


def test_parameters_are_selected_by_name(run):
    tau = run.parameter_value.sel(parameter="tau_mem")
    assert float(tau) == pytest.approx(0.01) and tau.parameter_unit == "s"
    assert np.array_equal(run.parameter_name, run.parameter) and run.indexes["parameter"].is_unique


def test_probes_are_selected_by_unit_and_time(run):
    potential = run.U_output.sel(probed_unit_output=1, probe_time=slice(0, 0.005)).isel(probe=-1)
    assert potential.attrs["units"] == "volt" and potential.sizes == {"probe_time": 51}
    assert float(potential.probe_start) == pytest.approx(0.2) and int(potential.probe_learning) == 0
    np.testing.assert_array_equal(potential, run.U_output.values[-1, :51, 1])
    assert run.weights_inputs_to_middle_end.pre_inputs_to_middle.values.tolist() == [0, 2]
    weight = run.w_middle_to_output
    ends = weight.probed_pre_middle_to_output, weight.probed_post_middle_to_output
    assert [e.values.tolist() for e in ends] == [[0, 0, 1, 1], [0, 1, 0, 1]]


def test_patterns_are_those_that_ran(run):
    assert run.input_step.values.tolist() == [0, 13, 70] and run.input_unit.values.tolist() == [1, 0, 2]
    assert run.target_step.values.tolist() == [100, 150] and run.target_unit.values.tolist() == [0, 1]
    for name, spikes in (("input", "inputs"), ("target", "targets")):
        first = run[f"spikes_{spikes}_probe"] == 0
        loop = run[f"spikes_{spikes}_time"][first].values < 0.02
        np.testing.assert_array_equal(run[f"spikes_{spikes}_time"][first].values[loop], run[f"{name}_time"])
        np.testing.assert_array_equal(run[f"spikes_{spikes}_unit"][first].values[loop], run[f"{name}_unit"])


def test_the_package_reads_the_same(made, run):
    assert results.load(made).identical(run)
    (made / "run.nc").rename(made.parent / "run.nc")  # now from checkpoints and log
    try:
        again = results.load(made)
        assert again.coords.keys() == run.coords.keys()
        assert again.cost.identical(run.cost)
    finally:
        (made.parent / "run.nc").rename(made / "run.nc")


def test_files_of_older_versions_get_coordinates_and_keep_their_values():
    with xr.open_dataset(OLD, engine="h5netcdf") as data:
        old = data.load()
    assert "time" not in old.coords
    found = results.load(OLD)
    assert found.variables.keys() - old.variables.keys() == {"parameter"}
    assert all(found[name].variable.identical(old[name].variable) for name in old.variables)
    assert float(found.parameter_value.sel(parameter="theta")) == found.attrs["theta_V"]
    assert found.cost.time.values.tolist() == old.time.values.tolist()
    for data in (old, found):  # with and without
        assert len(results.summary_text(data)) > 100
        plt.close(plot_run(data))
