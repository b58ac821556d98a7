"""The page on what is tested: every row is of a test that is there and says so, and every test that says so has a row, if it is
not slow: those get theirs from the next nightly run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import claims
import pytest

TESTS = sorted(Path(__file__).parent.rglob("test_*.py"))
COMMAND = "SUPERSPIKE_CLAIMS=docs/trust.json pytest -m 'slow or not slow' "


@pytest.mark.parametrize("entry", claims.read(), ids=lambda e: f"{e['test'].rpartition('/')[2]}-{e['python']}")
def test_a_row_is_of_a_test_that_claims_it(entry):
    path, _, function = entry["test"].partition("::")  # a script that is no test has no function
    text = (claims.ROOT / path).read_text()
    assert f"def {function}(" in text or not function
    assert all(repr(entry[k])[1:-1] in text for k in ("claim", "how"))


def test_every_claim_has_a_row():
    said = {call for path in TESTS for call in claims.said_in(path)}
    stored = {entry["claim"] for entry in claims.read()}
    missing = sorted({claim for claim in said if claim not in stored})
    assert len(said) > 7
    assert not missing, f"no figure is stored of {missing}: {COMMAND} FILE writes it"


def test_the_page_shows_all_claims(monkeypatch):
    monkeypatch.syspath_prepend(str(claims.ROOT / "docs" / "extensions"))
    from from_the_code import trust_table

    table = trust_table()
    entries = claims.read()
    assert all(entry["claim"] in table and entry["how"] in table for entry in entries)
    assert len(table.splitlines()) == 2 + len({(e["claim"], e["how"]) for e in entries})
    kernels = [float(e["figure"]) for e in entries if e["test"].endswith("::test_kernels_agree")]
    assert f"| {max(kernels):.2g} " in table


CLAIMING = """
import pytest

@pytest.mark.parametrize("figure", [1e-3, -2e-3])
def test_numbers(figure, claim):
    claim("This holds", "tried; deviation", figure)

@pytest.mark.slow
def test_text(claim):
    claim("So does this", "looked", "text")

def test_failure(claim):
    claim("Not this", "tried", 1)
    assert False
"""


def test_a_session_writes_what_its_tests_claim(tmp_path):
    (tmp_path / "conftest.py").write_text("from conftest_of_the_package import *\n")
    (tmp_path / "conftest_of_the_package.py").write_text((Path(__file__).parent / "conftest.py").read_text())
    (tmp_path / "test_claiming.py").write_text(CLAIMING)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = slow\n core\n")
    stored = tmp_path / "trust.json"
    old = {
        "claim": "Of another test",
        "how": "",
        "figure": 1.0,
        "test": "tests/other.py::test",
        "python": "",
        "brian2": "",
    }
    stored.write_text(json.dumps([old]))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_claiming.py"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent), claims.VARIABLE: str(stored)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert "1 failed, 3 passed" in done.stdout, done.stdout + done.stderr
    first, numbers, text = claims.read(stored)
    assert first == old
    assert (numbers["figure"], numbers["cases"], numbers["where"]) == (-2e-3, 2, "CI")
    assert (text["figure"], text["where"], text["test"]) == ("text", "nightly", "tests/test_claiming.py::test_text")
    claims.write([text | {"figure": "other"}], stored)  # a row is replaced by its like
    assert [e["figure"] for e in claims.read(stored)] == [1.0, -2e-3, "other"]
