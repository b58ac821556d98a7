"""What README and documentation show is true: code runs, commands parse, links and pictures are there."""

import re
import shlex
from pathlib import Path

import pytest
from superspike_brian.models import Component

from superspike_brian import models
from superspike_brian.cli import build_parser

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
CODE = [p for p in PAGES if "```python" in p.read_text()]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)


def name(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", CODE, ids=name)
def test_code_runs(page, tmp_path, monkeypatch):
    """All blocks of a page, in the order in which they are read."""
    monkeypatch.chdir(tmp_path)
    seen = {}
    for block in BLOCK.finditer(page.read_text()):
        line = page.read_text()[: block.start(1)].count("\n")
        exec(compile("\n" * line + block.group(1), page, "exec"), seen)


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
            assert build_parser().parse_args(shlex.split(command)[1:]).function, command


def test_commands_are_found():
    found = [c for page in PAGES for c in commands(page.read_text())]
    assert len(found) > 15 and "superspike run spike-timing" in found


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_and_pictures_are_there(page):
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_model_reference_has_every_component(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "extensions"))
    from from_the_code import components, model_reference

    listed = {n: c for found in components().values() for n, c in found.items()}
    exported = {n: c for n, c in vars(models).items() if isinstance(c, Component)}
    assert listed.items() >= exported.items()
    text = model_reference()
    for component in exported.values():
        for code in component.strings.values():
            assert all(line.strip() in text for line in code.splitlines())
        assert component.source in text
    assert "| `tau_mem` | 10 ms | membrane time constant | constant |" in text  # a comment of the file
    assert "| `r0` | 1 mV | learning rate | input |" in text
