"""What README and documentation show is true: code runs, commands parse, links and pictures are there."""

import json
import pydoc
import re
import runpy
import shlex
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from brian2 import second
from pages import PAGES, RECIPES, ROOT, brian2_kept, run_blocks
from superspike_brian.models import FEEDBACKS, SUPERSPIKE, Component
from superspike_brian.tasks import TASKS, Classification
from superspike_brian.tasks.ssbm import NAMES

from superspike_brian import models, tasks
from superspike_brian.analysis import DECODERS
from superspike_brian.cli.main import parse
from superspike_brian.cli.options import ANSWERS
from superspike_brian.codegen import kernels
from superspike_brian.codegen.generators import COLUMNS
from superspike_brian.codegen.probed import EVERY
from superspike_brian.engine.runtime import RuntimeProgram
from superspike_brian.network.initial import initial_state
from superspike_brian.network.structure import Structure
from superspike_brian.spec.run import default_model

CODE = [p for p in PAGES if "```python" in p.read_text() and p not in RECIPES]  # test_recipes.py runs those


def name(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", CODE, ids=name)
def test_code_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with brian2_kept():
        run_blocks(page)


def commands(text):
    """Whole ``superspike`` commands in a Markdown text: in code blocks and between backticks."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.M | re.S)
    lines = [part.strip() for block in blocks for line in block.splitlines() for part in line.split("&&")]
    inline = re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S))
    return [" ".join(c.split()) for c in lines + inline if re.match(r"superspike \S+ \S", c)]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_parse(page):
    for command in commands(page.read_text()):
        if command != "superspike run --help":
            assert parse(shlex.split(command)[1:]).function, command


def test_commands_are_found():
    found = [c for page in PAGES for c in commands(page.read_text())]
    assert len(found) > 15 and "superspike run spike-timing" in found


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_and_pictures_are_there(page):
    text = re.sub(r"^```\{math\}.*?^```$|\$[^$\n]+\$", "", page.read_text(), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_model_reference_has_every_component(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "extensions"))
    from from_the_models import components, model_reference

    listed = {n: c for found in components().values() for n, c in found.items()}
    exported = {n: c for n, c in vars(models).items() if isinstance(c, Component)}
    assert listed.items() >= exported.items()
    text = model_reference()
    for component in exported.values():
        for code in component.strings.values():
            assert all(line.strip() in text for line in code.splitlines())
        assert component.source in text
    plain = re.sub(" +", " ", text)
    assert "| `tau_mem` | 10 ms | membrane time constant | constant |" in plain  # a comment of the file
    assert "| `r0` | 1 mV | learning rate | input |" in plain


FORMULAS = {
    ("LIF", "equations"): r"\frac{dU}{dt} &= \frac{U_{\text{rest}} - U + I_{\text{syn}}}{\tau_{\text{mem}}}",
    ("LIF", "threshold"): r"\text{threshold: } & U > \vartheta",
    (
        "FAST_SIGMOID",
        "equations",
    ): r"\sigma' &= \frac{1}{\left(1 + \left|\beta\,\left(U - \vartheta\right)\right|\right)^{2}}",
    ("HETEROSYNAPTIC", "on_spike"): r"\text{rate trace} &\leftarrow \text{rate trace} + 1 && \text{(on spike)}",
    (
        "LAYERWISE",
        "equations",
    ): r"\text{error}_{\text{post}} &= \frac{w}{\text{volt}}\,\sigma'_{\text{pre}}\,\text{error}_{\text{pre}}",
}


@pytest.mark.parametrize(("name", "field"), FORMULAS, ids="-".join)
def test_formulas_are_those_of_the_strings(name, field, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "extensions"))
    from formulas import formulas

    assert formulas(field, getattr(getattr(models, name), field))[0] == FORMULAS[name, field]


def test_formulas_keep_the_order_of_operations(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "extensions"))
    from formulas import expression, formulas

    assert expression("(a + b)*c") == r"\left(a + b\right)\,c" and expression("a + b*c") == r"a + b\,c"
    assert expression("a - (b - c)") == r"a - \left(b - c\right)" and expression("a - b - c") == "a - b - c"
    assert expression("(a*b)**2") == r"\left(a\,b\right)^{2}" and expression("-a/b") == r"-\frac{a}{b}"
    assert formulas("on_input", "x -= a - b") == [r"x &\leftarrow x - \left(a - b\right) && \text{(on input)}"]


def test_every_equation_has_a_formula_that_a_page_can_show(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "extensions"))
    from formulas import formulas

    shown = pytest.importorskip("mathml", reason="latex2mathml is not installed: the extra 'docs' has it")
    for component in (c for c in vars(models).values() if isinstance(c, Component)):
        for field, code in component.strings.items():
            written = formulas(field, code) if code.strip() else []
            said = re.findall(r"^\s*(?:d\w+/dt|\w+)\s*[-+*/]?=", code, re.M)
            assert len(written) >= len(said), (component.name, field)
            assert not written or ElementTree.fromstring(shown.mathml("\\\\".join(written))).tag.endswith("math")
    with pytest.raises(ValueError, match="does not have a command"):
        shown.mathml(r"\unheardof{x}")


@pytest.mark.parametrize(("chosen", "executed"), [("all", 9), ("short", 5), ("none", 0)])
def test_the_switch_for_notebooks(chosen, executed, monkeypatch):
    monkeypatch.setenv("SUPERSPIKE_NOTEBOOKS", chosen)
    monkeypatch.setattr(sys, "path", list(sys.path))
    conf = runpy.run_path(str(ROOT / "docs" / "conf.py"))
    assert (conf["nb_execution_mode"] == "off") == (executed == 0)
    left_out = {Path(pattern).name for pattern in conf["nb_execution_excludepatterns"]}
    assert executed in (0, len({p.name for p in (ROOT / "notebooks").glob("*.ipynb")} - left_out))


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "inventories").glob("*.txt")), ids=lambda p: p.stem)
def test_names_of_other_packages_are_there(path):
    for line in path.read_text().splitlines()[3:]:
        found = pydoc.locate(line.split()[0])
        assert found is not None or line.startswith("None "), line


def test_anchors_are_there():
    for page in PAGES:
        for target, anchor in re.findall(r"\]\(([^)#\s]*\.md)#([^)\s]+)\)", page.read_text()):
            text = (page.parent / target).read_text()
            text += (ROOT / "CHANGELOG.md").read_text() if target.endswith("changelog.md") else ""
            headings = re.findall(r"^#+ (.*)$", text, re.M)
            assert anchor in {slug(h) for h in headings} or f"({anchor})=" in text, (name(page), target, anchor)


def slug(heading):
    """What GitHub and MyST make of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower().strip()).replace(" ", "-")


def test_links_that_are_gone_are_told_from_those_not_reached():
    judge = runpy.run_path(str(ROOT / ".ci" / "links.py"))["judge"]
    row = {"filename": "a.md", "lineno": 3, "uri": "https://example.org", "status": "broken", "info": ""}
    infos = "404 Client Error: Not Found", "HTTPSConnectionPool: no route", "403 Client Error: Forbidden"
    lines = [json.dumps(row | {"info": info}) for info in infos] + [json.dumps(row | {"status": "working"})]
    gone, unreached = judge(lines)
    assert [g for g in gone if "404" in g] == gone and len(gone) == 1 and len(unreached) == 2


# the tables of the README: every row is true, and none is missing


def rows(header):
    """First cells of a table of the README: what stands between backticks."""
    text = (ROOT / "README.md").read_text()
    table = text[text.index(header) :].split("\n\n")[0].splitlines()[2:]
    return [re.match(r"\| `([^`]+)` \|", line)[1] for line in table]


def spike_timing():
    task = tasks.task("spike-timing")
    assert (task.n_inputs, task.n_outputs, float(task.period)) == (100, 1, 0.5)
    assert len(task.targets) == 5 and np.ptp(np.diff(task.targets.times / second)) < 1e-9
    n = [len(tasks.task("spike-timing", seed=seed).inputs) for seed in range(40)]
    assert abs(np.mean(n) - 250) < 4 * np.sqrt(250 / 40)  # 5 Hz, 100 inputs, 0.5 s
    assert np.var(n) == pytest.approx(250, rel=1)  # Poisson


def ras(tmp_path):
    (tmp_path / "in.ras").write_text("0.001 0\n0.4 2\n")
    (tmp_path / "out.ras").write_text("0.25 1\n0.3 0\n")
    task = tasks.task("ras", input=tmp_path / "in.ras", target=tmp_path / "out.ras", period=0.5 * second)
    assert task.inputs.ids.tolist() == [0, 2] and (task.inputs.times / second).tolist() == [0.001, 0.4]
    assert task.targets.ids.tolist() == [1, 0] and (task.targets.times / second).tolist() == [0.25, 0.3]


def pattern():
    embedded, word = tasks.task("pattern", period=2 * second), tasks.task("pattern", text="WORD", period=2 * second)
    assert float(embedded.period) == float(word.period) == 2 and embedded.n_outputs > 1
    assert len(embedded.targets) and len(word.targets) and len(embedded.targets) != len(word.targets)


def xor():
    task = tasks.task("xor")
    assert isinstance(task, Classification) and sorted(task.classes) == [0, 0, 1, 1]
    shared(task)


def latencies():
    task = tasks.task("latencies")
    assert isinstance(task, Classification) and set(task.classes) == {0, 1, 2}
    assert all(sorted(p.ids) == list(range(task.n_inputs)) for p in task.patterns)  # every input spikes once
    shared(task)


def waves():
    task = tasks.task("waves")
    assert isinstance(task.targets, tasks.Signal) and (task.n_inputs, task.n_outputs) == (100, 1)
    assert default_model(task) is models.EPROP and float(task.targets.step) == 0.001


def digits():
    task = tasks.task("digits")
    assert (len(task.training), len(task.test), task.n_inputs, task.n_outputs) == (1437, 360, 65, 10)


def randman():
    task = tasks.task("randman", samples=5, test_samples=3)
    inside = task.training.units.reshape(len(task.training), -1)
    assert (inside == np.arange(task.n_inputs)).all() and task.n_outputs == 10  # every input spikes once


def read_from_files():
    """Two small files of samples, in the form that those of a user have."""


def shared(task):
    """Noise, and all patterns in random order."""
    assert task.background > 0
    drawn = task.trials(lambda k: np.random.default_rng(k), 0, 20, 0.0001 * second)
    assert set(drawn.pattern) == set(range(len(task.patterns)))
    assert len({tuple(drawn.pattern[at : at + 2]) for at in range(len(drawn) - 1)}) > len(task.patterns)


def ssbm():
    listed = re.search(r"^\| `ssbm:NAME` \|.*: (.*);", (ROOT / "README.md").read_text(), re.M)[1]
    assert set(listed.split(", ")) == {each.split("/")[0] for each in NAMES}  # test_ssbm.py reads them


@pytest.mark.parametrize("row", rows("| `superspike run ...` |"), ids=lambda row: re.match(r"[\w-]+", row)[0])
def test_the_table_of_tasks(row, tmp_path):
    found = re.match(r"[\w-]+", row)[0]
    assert parse(["run", *shlex.split(row)]).function
    check = {
        **{"spike-timing": spike_timing, "pattern": pattern, "xor": xor, "latencies": latencies, "ssbm": ssbm},
        **{"waves": waves, "digits": digits, "randman": randman, "data": read_from_files, "shd": read_from_files},
    }.get(found)
    check() if check else {"ras": ras}[found](tmp_path)


def test_the_tables_are_whole():
    assert {re.match(r"[\w-]+", row)[0] for row in rows("| `superspike run ...` |")} == {*TASKS, "ssbm"}
    assert set(rows("| `--feedback ...` |")) == FEEDBACKS.keys()


@pytest.mark.parametrize(
    "feedback", [r for r in rows("| `--feedback ...` |") if r != "layerwise"]
)  # see test_layerwise
def test_the_table_of_feedbacks(feedback, poisson_task):
    """Filters are linear: at any time the hidden error is the sum over output errors that the table says."""
    structure = Structure(SUPERSPIKE.replace(feedback=FEEDBACKS[feedback]), (5, 4, 3))
    start = initial_state(structure, poisson_task(5, 3, 0), 0)
    state, _ = RuntimeProgram(structure).run(
        start | {"forward_1.r0": np.zeros(1), "forward_2.r0": np.zeros(1)}, 0, 1500
    )
    weights = {
        "symmetric": start["forward_2.w"].reshape(4, 3),
        "random": start.get("feedback_target_1.b", np.zeros(12)).reshape(4, 3),
        "uniform": np.ones((4, 3)),
    }[feedback]
    assert np.abs(state["output.error"]).min() > 0.1
    np.testing.assert_allclose(state["hidden_1.error"], weights @ state["output.error"], rtol=1e-9)


def test_the_page_on_kernels_has_the_numbers_of_the_code():
    text = " ".join((ROOT / "docs" / "kernels.md").read_text().split())
    assert f"takes many steps at once (temporal tiling): every {EVERY} steps" in text
    assert f"*events* every {kernels.LARGE_CHUNK} where a projection has {kernels.LARGE:,} synapses" in text
    assert f"every {kernels.MEDIUM_CHUNK} where these are sparse" in text
    assert f"From {COLUMNS:,} synapses on" in text


def test_the_page_on_labelled_data_has_all_answers_and_decoders():
    text = (ROOT / "docs" / "data.md").read_text()
    table = text[text.index("| `--answer` |") :].partition("\n\n")[0]
    assert set(re.findall(r"^\| `([a-z][\w-]*)`", table, re.M)) == {*ANSWERS}
    told = text[text.index("`--decoder` says") :].partition("\n\n")[0]
    assert {*DECODERS} <= set(re.findall(r"`(\w+)`", told))
