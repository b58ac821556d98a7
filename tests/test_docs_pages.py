"""The built documentation, as a reader gets it: on a desk and on a phone, with the network off.

It is built before: ``sphinx-build -b html docs docs/_build/html``, then
``SUPERSPIKE_DOCS_HTML=docs/_build/html pytest tests/test_docs_pages.py``, as `.ci/run` does.
"""

import os
import pickle
import re
from argparse import SUPPRESS
from functools import cache
from html import unescape
from pathlib import Path

import nbformat
import pytest
from browser import DESKTOP, PHONE, browser
from pages import ROOT

from superspike_brian.cli.main import COMMANDS, command_parser

HTML = Path(os.environ["SUPERSPIKE_DOCS_HTML"]).absolute() if "SUPERSPIKE_DOCS_HTML" in os.environ else None
pytestmark = pytest.mark.skipif(HTML is None, reason="SUPERSPIKE_DOCS_HTML names no built documentation")

# what is wrong with a page that is open: a list of texts
LOOK = """() => {
    const wrong = [], width = document.documentElement.scrollWidth;
    if (width > window.innerWidth) wrong.push(`it is ${width} wide and scrolls sideways`);
    for (const image of document.querySelectorAll('article img:not(.toggler)')) {
        const link = image.closest('a');
        if (!image.naturalWidth) wrong.push(`no picture: ${image.src}`);
        else if (!link || link.href !== image.src) wrong.push(`does not open large: ${image.src.slice(0, 200)}`);
    }
    for (const formula of document.querySelectorAll('math')) {
        if (formula.getBoundingClientRect().height < 5) wrong.push(`empty formula: ${formula.outerHTML.slice(0, 200)}`);
    }
    for (const fraction of document.querySelectorAll('mfrac')) {
        const [above, below] = [...fraction.children].map(part => part.getBoundingClientRect());
        if (above.bottom > below.top + 1) wrong.push(`no fraction: ${fraction.outerHTML.slice(0, 200)}`);
    }
    return wrong;
}"""


@cache
def text(page):
    return (HTML / page).read_text()


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desk", "phone"])
def test_pages_can_be_read_without_network(screen):
    pages, wrong = sorted(HTML.rglob("*.html")), []
    assert len(pages) > 30
    with browser() as chromium:
        page = chromium.new_page(viewport=screen, offline=True)
        page.on(
            "request", lambda r: r.url.startswith(("file:", "data:")) or wrong.append((page.url, "asks for", r.url))
        )
        page.on("pageerror", lambda error: wrong.append((page.url, error.message)))
        page.on("console", lambda said: said.type == "error" and wrong.append((page.url, said.text)))
        for path in pages:
            page.goto(path.as_uri())
            wrong += [(str(path.relative_to(HTML)), fault) for fault in page.evaluate(LOOK)]
    assert not wrong


def test_what_is_wrong_with_a_page_is_found(tmp_path):
    (tmp_path / "page.html").write_text(
        "<!doctype html><article><img src='none.png'><p style='width: 500px'>wide</p><math></math></article>"
    )
    with browser() as chromium:
        page = chromium.new_page(viewport=PHONE, offline=True)
        page.goto((tmp_path / "page.html").as_uri())
        found = " ".join(page.evaluate(LOOK))
    assert all(fault in found for fault in ("scrolls sideways", "no picture", "empty formula"))


def test_formulas_stand_on_the_pages_that_are_about_them():
    for page, least in (("theory.html", 20), ("feedback.html", 4), ("cost.html", 3), ("models.html", 25)):
        assert text(page).count("<math ") >= least, page


def test_tutorials_show_their_figures():
    shown = 0
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells, page = nbformat.read(path, as_version=4).cells, text(f"notebooks/{path.stem}.html")
        figures = sum(
            bool(re.search(r"^(figure\b.*=|plot_\w+\()", c.source, re.M)) for c in cells if c.cell_type == "code"
        )
        if "cell_output" in page:  # not one that this build left out
            assert page.count('class="reference internal image-reference"') >= figures > 0, path.stem
            shown += 1
    assert shown >= 5


def test_names_of_other_packages_are_links():
    for link in (
        "https://brian2.readthedocs.io/en/stable/reference/brian2.core.network.Network.html#brian2.core.network.Network",
        "https://numpy.org/doc/stable/reference/generated/numpy.ndarray.html#numpy.ndarray",
        "https://docs.xarray.dev/en/stable/generated/xarray.Dataset.html#xarray.Dataset",
    ):
        assert f'href="{link}"' in text("api.html")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_can_be_linked(name):
    for action in (a for a in command_parser(name)._actions if a.help != SUPPRESS):
        for option in set(action.option_strings) - {"-h", "--help"}:
            assert f'id="cmdoption-superspike-{name}-{option.strip("-")}"' in text("commands.html"), option


def test_sidebar_has_the_sections_in_their_order():
    found = [
        unescape(c) for c in re.findall(r'class="caption-text">([^<]+)<', text("glossary.html").split("<article")[0])
    ]
    assert found == ["Start", "Tutorials", "How-to", "Explanation", "Reference", "Evidence", "Project"]


def test_pages_are_written_anew_when_their_origin_changes():
    pytest.importorskip("sphinx", reason="Sphinx is not installed: the extra 'docs' has it")
    store = HTML / ".doctrees" / "environment.pickle"
    if not store.exists():
        pytest.skip(f"{HTML} was built with its doctrees elsewhere")
    origins = pickle.loads(store.read_bytes()).dependencies
    for page, origin in (
        ("trust", "docs/trust.json"),
        ("models", "models/neuron.py"),
        ("commands", "superspike_brian/spec/run.py"),
        ("recipes/index", "docs/recipes/networks.md"),
        ("index", "README.md"),
    ):
        assert any(str(found).endswith(Path(origin).name) for found in origins[page]), page
