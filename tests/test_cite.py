"""`superspike cite`: BibTeX of what a run used, as its sources name it; each entry whole."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from brian2 import ms, second
from command import refused, superspike
from superspike_brian.models import (
    ADAM,
    EPROP,
    FEEDBACKS,
    LAYERWISE,
    OPTIMIZERS,
    RANDOM,
    REGULARIZERS,
    RMSPROP,
    SUPERSPIKE,
    SURROGATES,
    SYMMETRIC,
    Component,
    chain,
)
from superspike_brian.models.references import REFERENCES, named
from superspike_brian.tasks import TASKS, SpikePattern, Task, randman, shd, ssbm

import superspike_brian as ss
from superspike_brian import models
from superspike_brian.spec.references import bibtex, in_a_line, references
from superspike_brian.spec.run import RunSpec

pytestmark = pytest.mark.usefixtures("surroundings")
ROOT = Path(__file__).parent.parent
ALWAYS = {"superspike_brian", "zenke2018superspike", "stimberg2019brian2"}
NEEDED = {  # by kind of entry
    "article": {"author", "title", "journal", "year", "volume", "pages"},
    "inproceedings": {"author", "title", "booktitle", "year"},
    "misc": {"author", "title", "year"},
    "software": {"author", "title", "version"},
}


def parsed(text):
    """Entries of BibTeX by key: kind and fields. A small reader of its own: braces must balance, nothing may be left over."""
    found, at = {}, 0
    while (at := text.find("@", at)) >= 0:
        head = re.compile(r"@(\w+)\{([^\s,{}]+),").match(text, at)
        assert head, text[at : at + 40]
        depth, stop = 1, head.end()
        while depth:
            depth += {"{": 1, "}": -1}.get(text[stop], 0)
            stop += 1
        body, fields = text[head.end() : stop - 1].strip(), {}
        while body:
            name = re.compile(r"(\w+)\s*=\s*\{").match(body)
            assert name, body
            depth, end = 1, name.end()
            while depth:
                depth += {"{": 1, "}": -1}.get(body[end], 0)
                end += 1
            fields[name[1]], body = " ".join(body[name.end() : end - 1].split()), body[end:].lstrip(", \n")
        assert head[2] not in found
        found[head[2]], at = (head[1], fields), stop
    return found


def keys(model=SUPERSPIKE, task="spike-timing", hidden=(4,), **options):
    spec = RunSpec.make(task, model, hidden, **options)
    return parsed(bibtex(references(spec.structure, spec.task))).keys() - ALWAYS


@pytest.mark.parametrize("key", REFERENCES)
def test_an_entry_is_whole(key):
    ((name, (kind, fields)),) = parsed(REFERENCES[key]).items()
    assert re.fullmatch(r"[a-z]+\d{4}[a-z0-9]*", name) and name[-1].isalnum()
    assert fields.keys() >= NEEDED[kind] and all(fields.values())
    assert re.fullmatch(r"\d{4}", fields["year"]) and fields["year"] in name
    if match := re.search(r"\d{4}$", key):
        assert match[0] == fields["year"]
        assert key.split()[0].lower() in name
    if "doi" in fields:
        assert re.fullmatch(r"10\.\d{4,}/\S+", fields["doi"])
    if "pages" in fields:
        assert re.fullmatch(r"\w+(--\d+)?", fields["pages"])


def sources():
    """What every shipped component and task names."""
    found = {f"{n}": c.source for n, c in vars(models).items() if isinstance(c, Component)}
    for kind in (FEEDBACKS, OPTIMIZERS, REGULARIZERS, SURROGATES):
        found |= {c.name: c.source for c in kind.values()}
    return found


@pytest.mark.parametrize(("name", "source"), sources().items())
def test_a_source_that_names_a_work_has_its_entry(name, source):
    works = re.findall(r"[A-Z]\w+ (?:& [A-Z]\w+|et al\.) \(?\d{4}\)?", source)
    assert {re.sub(r"[()]", "", work) for work in works} <= set(named(source))
    assert named(source) or "et al" not in source


@pytest.mark.parametrize("name", ["spike-timing", "xor", "waves", "digits", "randman"])
def test_tasks_name_works_that_have_entries(name):
    task = TASKS[name](**({"samples": 4, "test_samples": 2} if name == "randman" else {}))
    assert named(task.source), task.source


def test_a_run_cites_what_it_uses_and_nothing_else():
    assert keys() == set()
    assert keys(SUPERSPIKE.replace(feedback=RANDOM)) == {"lillicrap2016feedback"}
    assert keys(SUPERSPIKE.replace(feedback=RANDOM), hidden=()) == set()  # no hidden layer, no feedback
    assert keys(SUPERSPIKE.replace(optimizer=ADAM)) == {"kingma2015adam"}
    assert keys(SUPERSPIKE.replace(optimizer=RMSPROP)) == {"tieleman2012rmsprop"}
    assert keys(SUPERSPIKE.replace(feedback=RANDOM), hidden=(4, 3)) == {"lillicrap2016feedback", "nokland2016direct"}
    assert keys(SUPERSPIKE, hidden=chain((4, 3), LAYERWISE)) == set()
    assert keys(EPROP, "waves", dt=1 * ms) == {"bellec2020eprop"}
    assert keys(None, "digits") == {"alpaydin1998digits", "pedregosa2011scikit"}
    assert keys(None, randman(samples=4, test_samples=2)) == {"zenke2021robustness"}


@pytest.mark.parametrize(
    ("maker", "source"),
    [
        (ssbm, "SuperSpike benchmark suite, oxford; F. Zenke 2017, https://github.com/fzenke/ssbm commit 1"),
        (shd, sys.modules["superspike_brian.tasks.shd"].SOURCE),
    ],
)
def test_sets_that_are_fetched_are_cited(maker, source):
    """Without the files: the text that their tasks have as a source."""
    (key,) = named(source)
    assert key in (REFERENCES.keys() & {"github.com/fzenke/ssbm", "Cramer et al. 2022"})
    module = sys.modules[maker.__module__]
    assert getattr(module, "REPOSITORY", source) in source and getattr(module, "SOURCE", source) == source


def test_the_software_is_that_of_the_citation_file():
    cff = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    found = parsed(bibtex(references()))
    assert found.keys() == ALWAYS
    kind, fields = found["superspike_brian"]
    assert kind == cff["type"] and fields["title"] == cff["title"] and fields["license"] == cff["license"]
    assert fields["author"] == f"{{{cff['authors'][0]['name']}}}" and fields["version"] == str(cff["version"])
    paper, preferred = found["zenke2018superspike"][1], cff["preferred-citation"]
    assert paper["title"].replace("{", "").replace("}", "").lower() == preferred["title"].lower()
    assert paper["author"] == " and ".join(f"{a['family-names']}, {a['given-names']}" for a in preferred["authors"])
    for mine, theirs in (
        ("journal", "journal"),
        ("volume", "volume"),
        ("number", "issue"),
        ("year", "year"),
        ("doi", "doi"),
    ):
        assert paper[mine] == str(preferred[theirs])
    assert paper["pages"] == f"{preferred['start']}--{preferred['end']}"


def test_a_name_cannot_break_the_file():
    model = SUPERSPIKE.replace(feedback=SYMMETRIC.replace(name="mine\n@article{x,", source="Bellec et al. 2020"))
    spec = RunSpec.make("spike-timing", model, (4,))
    assert parsed(bibtex(references(spec.structure, spec.task))).keys() == ALWAYS | {"bellec2020eprop"}


def test_the_command_cites_a_run_its_file_and_a_sweep(tmp_path):
    inputs = SpikePattern(3, np.arange(3), np.arange(3) * ms, 20 * ms)
    task = Task("short", inputs, SpikePattern(1, [0], [10] * ms, 20 * ms), "made up, after Zenke & Vogels (2021)")
    short = {"duration": 40 * ms, "burn_in": 0 * ms, "dt": 0.2 * ms, "device": "runtime", "progress": False}
    run = ss.train(task, SUPERSPIKE.replace(feedback=RANDOM, t_b=20 * ms), [2], out=tmp_path / "sweep" / "0", **short)
    wanted = ALWAYS | {"lillicrap2016feedback", "zenke2021robustness"}
    assert run.attrs["references"] == (
        "Zenke & Ganguli 2018, doi:10.1162/neco_a_01086; Lillicrap et al. 2016, doi:10.1038/ncomms13276; "
        "Zenke & Vogels 2021, doi:10.1162/neco_a_01367; Stimberg et al. 2019, doi:10.7554/eLife.47314"
    )
    (tmp_path / "alone.nc").write_bytes((tmp_path / "sweep" / "0" / "run.nc").read_bytes())
    (tmp_path / "sweep" / "sweep.json").write_text("{}")
    for what in ("sweep/0", "sweep/0/run.nc", "alone.nc", "sweep"):
        found = superspike("cite", tmp_path / what)
        assert (found.code, found.err) == (0, "") and parsed(found.out).keys() == wanted, what
    assert "% feedback: random" in found.out and "% task: short" in found.out
    assert parsed(superspike("cite").out).keys() == ALWAYS
    assert "there is no run" in refused("cite", "nowhere")


def test_one_line_names_the_same(poisson_task):
    spec = RunSpec.make(
        poisson_task(3, 1, 1), SUPERSPIKE.replace(feedback=RANDOM, optimizer=ADAM), (2,), duration=1 * second
    )
    found = references(spec.structure, spec.task)
    assert named(in_a_line(found)) == list(found)
