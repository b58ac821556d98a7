"""The drawing of a network has every record once, and nothing lies on something else."""

import itertools

import matplotlib.pyplot as plt
import pytest
from brian2 import ms
from command import superspike
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from superspike_brian.models import RANDOM, SUPERSPIKE, UNIFORM, Architecture, Pathway, Population, Projection, chain

from superspike_brian.figures import draw_network
from superspike_brian.network.structure import Structure

DALE = Architecture(
    [Population("exc", 200), Population("inh", 50)],
    [
        Projection("inputs", "exc", connect=0.2, low="0*volt"),
        Projection("exc", "inh", connect=0.1, low="0*volt"),
        Projection("inh", "exc", connect=0.5, high="0*volt", plastic=False),
        Projection("exc", "output", delay="rand()*5*ms"),
        Projection("exc", "exc", connect=0.1, plastic=False),
    ],
    [Pathway("output", "exc", RANDOM), Pathway("output", "inh", UNIFORM)],
)
SIDE_BY_SIDE = Architecture(
    [Population(f"p{k}", 30) for k in range(4)],
    [Projection(*ends) for k in range(4) for ends in (("inputs", f"p{k}"), (f"p{k}", "output"))],
    [Pathway("output", f"p{k}") for k in range(4)],
)
NETWORKS = {
    "no hidden layer": chain(),
    "one": chain([4]),
    "three": chain([10, 10, 10]),
    "loops and skips": chain([256]).add(Projection("inputs", "output"), Projection("output", "output", delay=2 * ms)),
    "Dale": DALE,
    "side by side": SIDE_BY_SIDE,
    "from the targets": chain([4]).add(Projection("targets", "hidden_1", plastic=False)),
}


@pytest.fixture(params=NETWORKS)
def drawn(request):
    structure = Structure(SUPERSPIKE.replace(feedback=RANDOM), NETWORKS[request.param].sized(100, 100))
    figure = draw_network(structure)
    figure.canvas.draw()
    yield structure, figure
    plt.close(figure)


def test_every_record_is_there_once(drawn):
    structure, figure = drawn
    (axis,) = figure.axes
    arrows = sorted(p.get_gid() for p in axis.patches if isinstance(p, FancyArrowPatch))
    assert arrows == sorted([*structure.projections, *(f"feedback_{p.label}" for p in structure.pathways.values())])
    boxes = {p.get_gid() for p in axis.patches if isinstance(p, FancyBboxPatch)}
    used = {p.source for p in structure.projections.values()}
    assert boxes == {*structure.populations, *(used & {"targets"})}


def test_nothing_lies_on_something_else(drawn):
    _, figure = drawn
    (axis,) = figure.axes
    boxes = [p.get_window_extent() for p in axis.patches if isinstance(p, FancyBboxPatch)]
    inside = [t for t in axis.texts if t.get_bbox_patch() is None]  # of the populations
    labels = [t.get_window_extent() for t in axis.texts if t.get_bbox_patch() is not None]
    assert len(inside) == len(boxes) and labels
    for one, other in itertools.combinations([*boxes, *labels], 2):
        assert not one.overlaps(other), (one, other)
    for text in inside:
        assert any(b.contains(*c) for b in boxes for c in [text.get_window_extent().min]), text


def test_on_the_command_line(tmp_path):
    for suffix in ("png", "pdf", "svg"):
        file = tmp_path / f"net.{suffix}"
        found = superspike("describe", "spike-timing", "--hidden", 4, "--figure", file)
        assert found.code == 0 and "hidden_1" in found.out and file.stat().st_size > 1000
    for file, message in (("net.gif", "expected a file that ends in .png"), ("nowhere/net.png", "there is no folder")):
        found = superspike("describe", "spike-timing", "--figure", tmp_path / file)
        assert found.code == 2 and message in found.err and not found.out
