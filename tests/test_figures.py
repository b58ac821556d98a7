"""Figures say one thing with one colour, name their reference lines, and keep legends off the data."""

import itertools
import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from brian2 import mV, second
from matplotlib.colors import to_hex
from superspike_brian.models import NO_DECAY, SUPERSPIKE

import superspike_brian as ss
from superspike_brian import experiments, reproduce
from superspike_brian.experiments import Setting, fig1, fig4, fig5, fig7, fig8
from superspike_brian.figures import plot_run, plot_sweep
from superspike_brian.figures.palette import CONDITIONS, OTHERS, look, looks_of, shades
from superspike_brian.figures.rasters import raster
from superspike_brian.figures.sweep import SHOWN, floor_of

SSBM = Path(__file__).resolve().parents[2] / "shared" / "ssbm"
ONE_NETWORK = {"fig2", "fig6", "oxford"}  # figures that compare no conditions


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_conditions_are_found_by_key_and_by_label_and_differ_in_grey_too():
    for key, drawn in CONDITIONS.items():
        assert look(key) == look(drawn.label) == drawn
    with pytest.raises(ValueError, match=r"no condition is called 'symetric'; did you mean 'symmetric'\?"):
        look("symetric")
    assert all(
        len({getattr(drawn, what) for drawn in CONDITIONS.values()}) == len(CONDITIONS) for what in ("color", "marker")
    )
    assert len({str(drawn.line) for drawn in CONDITIONS.values()}) == len(CONDITIONS)
    assert not {drawn.color for drawn in OTHERS} & {drawn.color for drawn in CONDITIONS.values()}
    grey = [np.dot([0.3, 0.59, 0.11], plt.matplotlib.colors.to_rgb(shade)) for shade in shades(8)]
    assert (np.diff(grey) > 0).all()


def conditions_of(name, tmp_path):
    """Conditions of an experiment, and the run of one seed, as the full figure has them."""
    if name == "gradient":
        pytest.importorskip("jax", reason="the gradient needs JAX")
    if name == "digits":
        pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
    if not SSBM.exists():
        pytest.skip("no copy of the benchmark suite")
    jobs = experiments.experiment(name).jobs(Setting("full", 1, tmp_path, None, SSBM))
    return {job.out.name.rpartition("-s")[0]: job.spec for job in jobs}


def drawn_as(looks, condition):
    """The look of a condition: of its own name, or of the part of it that is not a size or a set."""
    fits = [k for k in looks if condition == k or condition.startswith(f"{k}-") or condition.endswith(f"-{k}")]
    fits += [k for k in looks if k.endswith("-256") and condition.startswith(k.removesuffix("256"))]
    return looks[condition if condition in looks else max(fits, key=len)]


def what_it_is(spec):
    """Which of the palette's conditions a run is, by its network and rule."""
    if len(spec.structure.sizes) == 2:
        return "none"
    if not spec.hidden_learning:
        return "fixed"
    feedback, regularizer = spec.model.feedback.name, spec.model.regularizer
    return "regularised" if feedback == "random" and regularizer.name != NO_DECAY.name else feedback


@pytest.mark.parametrize("name", experiments.names())
def test_a_condition_has_one_colour_in_all_experiments(name, tmp_path):
    module = experiments.experiment(name)
    assert hasattr(module, "LOOKS") == (name not in ONE_NETWORK)
    if name in ONE_NETWORK:
        return
    labels, colours = ({getattr(drawn, k): key for key, drawn in CONDITIONS.items()} for k in ("label", "color"))
    for drawn in module.LOOKS.values():
        if drawn.label in labels:
            assert drawn == CONDITIONS[labels[drawn.label]]
    for condition, spec in conditions_of(name, tmp_path).items():
        if condition == "published":
            continue
        drawn = drawn_as(module.LOOKS, condition)
        if drawn.color in colours:  # then it is what the palette says
            assert what_it_is(spec) == colours[drawn.color], condition
            assert (drawn.line, drawn.marker) == CONDITIONS[colours[drawn.color]][2:]


def test_names_of_a_sweep_have_their_colours_and_numbers_become_lighter():
    names = ["random", "symmetric", "other"]
    found = looks_of(names, names)
    assert [drawn.color for drawn in found] == [look("random").color, look("symmetric").color, OTHERS[0].color]
    assert looks_of(["none"], ["none"], conditions=False)[0].color != look("none").color  # no regulariser
    rates = looks_of([1 * mV, 2 * mV, 5 * mV], ["1", "2", "5"])
    assert [drawn.color for drawn in rates] == shades(3)


# figures of runs that are made up


def a_run(seed, sizes=(100, 256, 100), level=1.0, blocks=20, **more):
    """A dataset with what the figures of patterns draw: a cost that falls to `level`, spikes, weights."""
    rng = np.random.default_rng(seed)
    time = 10.0 * np.arange(1, blocks + 1)
    cost = level + 9 * np.exp(-time / 40)[:, None] + rng.uniform(0, 0.01, (blocks, sizes[-1]))
    r0 = np.where(time <= 20, 0, np.where(time <= 100, 1e-3, 1e-4))
    found = xr.Dataset(
        {
            "cost": (("block", "output"), cost),
            "time": ("block", time),
            "r0": ("block", r0),
            "probe_start": ("probe", [0.0, 200.0]),
        },
        attrs={"seed": seed, "sizes": list(sizes), "period_s": 3.5, "simulated_s": 1000.0, "wall_s": 1.0},
    )
    for name, n in (("hidden_1", sizes[1] if len(sizes) > 2 else 1), ("output", sizes[-1]), ("targets", sizes[-1])):
        times = np.sort(rng.uniform(0, 3.5, 30))
        found[f"spikes_{name}_time"] = (f"spike_{name}", np.r_[times, 200 + times])
        found[f"spikes_{name}_unit"] = (f"spike_{name}", np.tile(rng.integers(0, n, 30), 2))
        found[f"spikes_{name}_probe"] = (f"spike_{name}", np.repeat([0, 1], 30))
    return found.assign(more)


def figure_1():
    runs = {
        f"{name}-{float(r0) * 1e3:g}mV": [
            a_run(s, (100, 4, 1), 0.1 + abs(np.log10(float(r0 / rates[4])))) for s in (0, 1)
        ]
        for name, rates in fig1.RATES.items()
        for r0 in rates
    }
    return fig1.draw(runs)


def figure_4():
    runs = {}
    for name, n in itertools.product(fig4.LOOKS, fig4.HIDDEN):
        group = runs[f"{name}-{n}"] = []
        for seed in (0, 1):
            b = np.full((n, 1), -1.0) if seed else np.linspace(-1, 1, n)[:, None]
            weights = {f"weights_2_{end}": (("hidden", "one"), 0.01 * b) for end in ("start", "end")}
            feedback = {"feedback_1": (("hidden", "one"), b)} if name == "random" else {}
            fails = seed and name == "random"
            group.append(a_run(seed, (100, n, 1), 10 if fails else 0.1, 50, **weights, **feedback))
    return fig4.draw(runs)


def a_classification(seed, right):
    rng, n = np.random.default_rng(seed), 400
    correct = rng.uniform(size=n) < right
    trials = {f"{kind}_{k}": (kind, 5.0 * np.arange(n)) for kind in ("trial", "test") for k in ("onset", "deadline")}
    rest = {
        "trial_correct": ("trial", correct),
        "test_correct": ("test", correct),
        "test_false_alarms": ("test", 0 * correct),
    }
    attrs = {"seed": seed, "simulated_s": 2000.0, "criterion_met": right > 0.99}
    return xr.Dataset(trials | rest | {"test_start": 0.0}, attrs=attrs)


def figure_5():
    right = dict(zip(fig5.LOOKS, (1, 1, 0.2, 0.7, 0.25, 1, 0.9), strict=True))
    return fig5.draw({name: [a_classification(s, right[name]) for s in (0, 1)] for name in right})


def figure_7():
    runs = {}
    for name, level in zip(fig7.LOOKS, (0.5, 1.9, 3.2, 6, 4.4, 3, 1.4), strict=True):
        sizes = (100, 100) if name == fig7.NO_HIDDEN else (100, 256, 100)
        runs[name] = [a_run(s, sizes, level) for s in (0, 1)]
    for n, kind in itertools.product((8, 16, 32, 64, 128), ("symmetric", "random", "random-regularised")):
        runs[f"auryn-{kind}-{n}"] = [a_run(s, (100, n, 100), 300 / n**0.8) for s in (0, 1)]
    return fig7.draw(runs)


def figure_8():
    strengths = {f"a{a}-rho{rho:g}": 4.2 - (a > 0) * rho**0.2 for a in (0, 1, 2, 4) for rho in (0.01, 1.0, 10.0)}
    return fig8.draw(
        {name: [a_run(s, level=level) for s in range(3)] for name, level in (strengths | {"none": 4.2}).items()}
    )


DRAWN = [figure_1, figure_4, figure_5, figure_7, figure_8]


def reference_lines(axis):
    """Lines across a whole panel that are dashed or dotted."""
    for line in axis.get_lines():
        across = line.get_transform() in (axis.get_xaxis_transform("grid"), axis.get_yaxis_transform("grid"))
        if across and line.get_linestyle() != "-":
            yield line


def texts(figure):
    legends = [*figure.legends, *(axis.get_legend() for axis in figure.axes if axis.get_legend())]
    return [t.get_text() for axis in figure.axes for t in axis.texts] + [
        t.get_text() for g in legends for t in g.get_texts()
    ]


@pytest.mark.parametrize("make", DRAWN, ids=lambda make: make.__name__)
def test_reference_lines_are_named_and_legends_are_off_the_data(make):
    figure = make()
    figure.canvas.draw()
    said, n = texts(figure), 0
    for axis in figure.axes:
        for line in reference_lines(axis):
            n += 1
            assert line.get_label().lstrip("_") in said
    assert n
    legends = [*figure.legends, *(axis.get_legend() for axis in figure.axes if axis.get_legend())]
    assert legends or make is figure_5
    boxes = [legend.get_window_extent() for legend in legends]
    for axis in figure.axes:
        inside = axis.get_window_extent()
        for line in axis.get_lines():
            points = line.get_transform().transform(line.get_xydata())
            points = points[[inside.contains(*point) for point in points]]
            assert not any(box.contains(*point) for box in boxes for point in points), line.get_label()


@pytest.mark.parametrize("make", DRAWN, ids=lambda make: make.__name__)
def test_what_is_said_of_a_condition_has_its_colour(make):
    figure = make()
    legends = [*figure.legends, *(axis.get_legend() for axis in figure.axes if axis.get_legend())]
    labels = {drawn.label: drawn.color for drawn in CONDITIONS.values()}
    labels |= {f"{label} feedback": color for label, color in labels.items()}
    for legend in legends:
        for handle, text in zip(legend.legend_handles, legend.get_texts(), strict=True):
            if text.get_text() in labels:
                assert to_hex(handle.get_color(), keep_alpha=False).upper() == labels[text.get_text()]
    for axis in figure.axes:
        if axis.get_title() in labels:  # one condition a panel
            drawn = {to_hex(line.get_color()).upper() for line in axis.get_lines() if line not in reference_lines(axis)}
            lines = {line.get_color() for line in reference_lines(axis)}
            assert labels[axis.get_title()] in drawn and not drawn - {labels[axis.get_title()]} - {
                c.upper() for c in lines
            }


def test_figure_4_says_which_seeds_fail_and_why():
    said = texts(figure_4())
    assert said.count("seed 1") == 2 and "seed 0" not in said
    assert any("all feedback weights negative" in text for text in said)


def test_figure_5_has_chance_in_every_panel():
    figure = figure_5()
    for axis in figure.axes:
        (line,) = (line for line in reference_lines(axis) if line.get_label() == "_chance")
        assert set(line.get_ydata()) == {0.5}


def test_figure_7b_has_all_sizes_and_figure_8_every_seed(tmp_path):
    assert [t.get_text() for t in figure_7().axes[1].get_xticklabels()] == ["0", "8", "16", "32", "64", "128", "256"]
    if SSBM.exists():
        asked = {
            int(s.structure.sizes[1]) if len(s.structure.sizes) > 2 else 0
            for s in conditions_of("fig7", tmp_path).values()
        }
        assert asked == {0, 8, 16, 32, 64, 128, 256}
    dots = [line for line in figure_8().axes[0].get_lines() if line.get_linestyle() == "None"]
    assert fig8.SEEDS["full"] == 3 and {len(line.get_xdata()) for line in dots} == {3 * 3}


# figures of runs and sweeps


@pytest.fixture(scope="module")
def run(poisson_task):
    options = {"duration": 2 * second, "burn_in": 0.2 * second, "device": "runtime", "progress": False}
    return ss.train(poisson_task(12, 30, 1), SUPERSPIKE, probe_units=30, **options)


def test_a_run_shows_the_output_with_most_targets_by_name_and_all_outputs_on_target(run):
    most = int(np.bincount(run.target_unit.values, minlength=30).argmax())
    assert most > 0
    figure = plot_run(run)
    labels = [axis.get_ylabel() for axis in figure.axes]
    assert f"output {most}\n$U$ (mV)" in labels and f"output {most}\nerror (Hz)" in labels
    shown = figure.axes[labels.index("output unit")]
    target, output = sorted(
        (line for line in shown.get_lines() if len(line.get_xdata())), key=lambda line: line.get_zorder()
    )
    assert target.get_color() == "#D55E00" and output.get_color() == "#000000"
    first = run.spikes_targets_probe.values == 0
    assert len(target.get_xdata()) == first.sum() and set(target.get_ydata()) == set(
        run.spikes_targets_unit.values[first]
    )
    assert "output 7\n$U$ (mV)" in [axis.get_ylabel() for axis in plot_run(run, 7).axes]


@pytest.mark.parametrize("n", [1, 2, 5, 10, 30, 200])
def test_units_are_whole_numbers(n):
    axis = plt.figure().subplots()
    raster(axis, np.array([0.1]), np.array([0]), n)
    ticks = [tick for tick in axis.get_yticks() if 0 <= tick < n]
    assert ticks and all(tick == int(tick) for tick in ticks)


def a_sweep(*ends):
    time = np.arange(1.0, 11)
    cost = np.array([[end + 10 * np.exp(-time)] for end in ends])
    return xr.Dataset(
        {"cost": (("r0", "seed", "block"), cost), "final_cost": (("r0", "seed"), cost[..., -1])},
        coords={"r0": ("r0", np.arange(1.0, 1 + len(ends)) * 1e-3, {"units": "V"}), "time": ("block", time)},
    )


def test_a_sweep_whose_runs_differ_by_decades_has_logarithmic_axes():
    def drawn(*ends):
        data = a_sweep(*ends)
        data.final_cost.attrs |= {"long_name": "final cost", "units": "Hz"}
        return plot_sweep(data).axes

    assert [axis.get_yscale() for axis in drawn(1.0, 2.0)] == ["linear", "linear"]
    assert [axis.get_ylim()[0] for axis in drawn(1.0, 2.0)] == [0, 0]
    assert [axis.get_yscale() for axis in drawn(0.05, 8.0)] == ["log", "log"]
    converged = drawn(1e-20, 8.0)  # the tail of an exponential does not stretch the axis
    assert "at least" in converged[1].get_ylabel()
    low, high = converged[1].get_ylim()
    assert high / low < 10 ** (SHOWN + 1)
    dots = [y for line in converged[1].get_lines() for y in np.ravel(line.get_ydata())]
    assert min(dots) >= low
    assert floor_of(np.array([0.0, np.nan, 3.0])) == 0


def test_what_is_known_of_a_reproduced_figure_is_kept_beside_it(tmp_path, monkeypatch):
    monkeypatch.setenv("SUPERSPIKE_COMMIT", "abc1234")
    path = tmp_path / reproduce.RECORD
    reproduce._record(path, "fig2", {"seeds": 20, "duration_s": 56.0})
    reproduce._record(path, "fig1", {"seeds": 3, "duration_s": 9.0})
    found = json.loads(path.read_text())
    assert list(found) == ["fig1", "fig2"] and found["fig2"]["seeds"] == 20
    assert all(
        facts["commit"] == "abc1234" and facts["versions"]["superspike_brian"] == ss.__version__
        for facts in found.values()
    )
    monkeypatch.delenv("SUPERSPIKE_COMMIT")
    assert reproduce.commit() != "abc1234"


def test_the_gallery_has_what_is_known_of_every_figure():
    docs = Path(__file__).resolve().parents[1] / "docs"
    known, page = json.loads((docs / "gallery.json").read_text()), (docs / "gallery.md").read_text()
    assert sorted(known) == experiments.names()
    for name, facts in known.items():
        assert f"(gallery-{name})=" in page and f"figures/{name}.png" in page
        assert {"seeds", "duration_s", "commit", "date"} <= facts.keys()
