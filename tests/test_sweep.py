"""A sweep does each job once, goes on where it was, and reports failures without stopping."""

import numpy as np
from brian2 import mV, second
from superspike_brian.models import SUPERSPIKE

import superspike_brian as ss
from superspike_brian.results.folder import RunFolder
from superspike_brian.spec.run import Machine, RunSpec
from superspike_brian.sweeps.jobs import Job, run_all


def test_jobs_run_in_processes_and_are_not_repeated(poisson_task, build_dir, tmp_path):
    task, machine = poisson_task(12, 3, 1), Machine(build_dir, threads=1)
    options = {"duration": 1 * second, "burn_in": 0.2 * second}
    jobs = [Job(tmp_path / f"seed-{s}", RunSpec.make(task, **options, seed=s), machine) for s in (0, 1)]
    broken = Job(tmp_path / "broken", RunSpec.make(task, **options), machine)
    broken.out.write_text("in the way")
    said = []
    failed = run_all([*jobs, broken], workers=2, report=said.append)
    assert list(failed) == [broken.out]
    assert "it is a file" in failed[broken.out]
    assert all(job.is_done for job in jobs)
    same = ss.train(task, SUPERSPIKE, duration=1 * second, burn_in=0.2 * second, build_dir=build_dir, seed=1)
    assert np.array_equal(ss.load(jobs[1].out).weights_1_end, same.weights_1_end)
    before = RunFolder(jobs[0].out).newest()[0], (jobs[0].out / "run.nc").stat().st_mtime_ns
    assert run_all(jobs, report=said.append) == {}
    assert said[-1] == "2 of 2 runs are there, 0 to do"
    assert before == (RunFolder(jobs[0].out).newest()[0], (jobs[0].out / "run.nc").stat().st_mtime_ns)


def test_a_longer_duration_extends_what_is_there(poisson_task, build_dir, tmp_path):
    task, machine = poisson_task(12, 3, 1), Machine(build_dir, threads=1)
    options = {"duration": 1 * second, "burn_in": 0.2 * second}
    spec = RunSpec.make(task, SUPERSPIKE.replace(r0=2 * mV), **options)
    assert run_all([Job(tmp_path / "run", spec, machine)], report=lambda text: None) == {}
    longer = Job(tmp_path / "run", spec.extended(2 * second), machine)
    assert not longer.is_done
    assert run_all([longer], report=lambda text: None) == {}
    assert ss.load(tmp_path / "run").attrs["simulated_s"] == 2
