"""What tests claim, with the figures that they obtained: the rows of docs/trust.json, which docs/trust.md shows.

A test that shows something to a reader of that page says so with the fixture `claim`, in one line:

    claim("Threads change no bit", "all arrays of a run with 1, 2, 3 and 5 threads; arrays that differ", 0)

``SUPERSPIKE_CLAIMS=docs/trust.json pytest ...`` writes what the tests of that session found; rows of other tests, and of the
same ones on another Python or Brian2, stay. `.ci/nightly` does so. Failed tests claim nothing.
"""

import ast
import datetime
import json
import os
import platform
from importlib.metadata import version
from pathlib import Path

KEY = "claim"  # of the property of a test
VARIABLE = "SUPERSPIKE_CLAIMS"  # of the environment
ROOT = Path(__file__).parent.parent
STORED = ROOT / "docs" / "trust.json"
SAME = ("claim", "how", "test", "python", "brian2")  # an entry with the same values of these replaces another


def entry(what, how, figure, unit, test, where):
    """A row, of one test and one figure: a number, of which the largest of several cases is shown, or text."""
    return {
        "claim": what,
        "how": how,
        "figure": figure if isinstance(figure, str) else float(figure),
        "unit": unit,
        "cases": 1,
        "test": test,
        "where": where,
        "python": ".".join(platform.python_version_tuple()[:2]),
        "brian2": version("brian2"),
        "date": datetime.date.today().isoformat(),
    }


def where_of(markers):
    """Where a test with these markers runs."""
    return "nightly" if "slow" in markers else "CI, every Python" if "core" in markers else "CI"


def of_report(report):
    """Rows of a test that has passed."""
    test = report.nodeid.partition("[")[0]
    test = test if test.startswith("tests/") else f"tests/{test}"
    found = [value for name, value in report.user_properties if name == KEY]
    return [entry(*value, test, where_of(report.keywords)) for value in found]


def joined(entries):
    """One entry for all cases of a test: the largest of their numbers, or all that they say."""
    found = {}
    for new in entries:
        key = tuple(new[k] for k in SAME)
        old = found.setdefault(key, new)
        if old is not new:
            old["cases"] += new["cases"]
            numbers = not isinstance(new["figure"], str)
            old["figure"] = (
                max(old["figure"], new["figure"], key=abs) if numbers else f"{old['figure']}; {new['figure']}"
            )
    return list(found.values())


def read(path=STORED):
    """Return the entries of a file; none without one."""
    return json.loads(Path(path).read_text()) if Path(path).exists() else []


def write(entries, path=STORED):
    """Let entries replace their like in a file, or join it."""
    new = {tuple(e[k] for k in SAME): e for e in joined(entries)}
    merged = [new.pop(tuple(e[k] for k in SAME), e) for e in read(path)] + list(new.values())
    Path(path).write_text(json.dumps(merged, indent=1, ensure_ascii=False) + "\n")


def write_session(reports):
    """What a session of pytest does at its end, if it is asked to."""
    if os.environ.get(VARIABLE):
        write([e for report in reports for e in of_report(report)], os.environ[VARIABLE])


def said_in(path):
    """What the tests of a file claim that are not slow: the first argument of `claim` where it stands there as text."""
    tree, found = ast.parse(path.read_text()), set()
    if any(isinstance(n, ast.Assign) and "pytestmark = pytest.mark.slow" in ast.unparse(n) for n in tree.body):
        return found
    for test in (n for n in tree.body if isinstance(n, ast.FunctionDef)):
        if not any("mark.slow" in ast.unparse(d) for d in test.decorator_list):
            calls = (n for n in ast.walk(test) if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "claim")
            found |= {n.args[0].value for n in calls if isinstance(n.args[0], ast.Constant)}
    return found
