"""The paper: header, length, references, figures, and that its numbers are those of the documentation."""

import re

import pytest
import yaml
from pages import PAGES, ROOT

PAPER = ROOT / "paper" / "paper.md"
_, HEADER, BODY = PAPER.read_text().split("---\n", 2)
SECTIONS = ["Summary", "Statement of need", "State of the field", "Software design", "Research impact statement"]
SECTIONS += ["Limits", "AI usage disclosure", "Acknowledgements", "References"]


def entries():
    """Fields of every entry of the bibliography, by key."""
    found = {}
    for entry in (ROOT / "paper" / "paper.bib").read_text().split("\n@")[1:]:
        key = re.match(r"\w+\{(\w+),", entry)[1]
        assert key not in found
        found[key] = dict(re.findall(r"^  (\w+) *= \{(.*?)\}(?:,|\n\})$", entry, re.M | re.S))
    return found


def test_the_header_has_what_the_journal_asks_for():
    header = yaml.safe_load(HEADER)
    assert header.keys() == {"title", "tags", "authors", "affiliations", "date", "bibliography"}
    assert re.fullmatch(r"\d\d? [A-Z][a-z]+ \d{4}", header["date"])
    assert {a["affiliation"] for a in header["authors"]} == {str(a["index"]) for a in header["affiliations"]}
    assert (PAPER.parent / header["bibliography"]).exists()


def test_sections_and_length():
    assert re.findall("^# (.*)$", BODY, re.M) == SECTIONS
    assert 750 <= len(BODY.split()) <= 1750


def test_every_reference_is_cited_and_every_citation_is_a_reference():
    assert set(re.findall(r"@(\w+)", BODY)) == entries().keys()


@pytest.mark.parametrize("key", entries())
def test_references_are_complete(key):
    entry = entries()[key]
    assert entry.keys() >= {"author", "title", "year", "doi"}
    assert re.fullmatch(r"10\.\d{4,}/\S+", entry["doi"])
    assert entry["year"] in key and all("," in author for author in re.split(r"\s+and\s+", entry["author"]))


def test_figures_are_there_and_spoken_of():
    figures = re.findall(r"^!\[(.*?)\]\((.*?)\)$", BODY, re.M | re.S)
    assert len(figures) >= 2
    for caption, target in figures:
        assert (PAPER.parent / target).exists()
        label = re.search(r"\\label\{(.*?)\}", caption)[1]
        assert rf"\autoref{{{label}}}" in BODY


def test_numbers_stand_in_the_documentation():
    pages = " ".join(page.read_text() for page in PAGES)
    numbers = re.findall(r"(?<![\w.])-?\d+(?:\.\d+|e-?\d+)+", BODY)
    assert len(numbers) > 10
    assert [n for n in numbers if not re.search(rf"(?<![\d.]){re.escape(n)}(?![\d]|\.\d)", pages)] == []
