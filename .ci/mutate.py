"""Edit the sources one operator at a time, and count how many edits the tests notice: ``python .ci/mutate.py [N]``.

Of each place N edits are drawn (default 20). Why Cosmic Ray: it edits a file where it lies, so that our layout, in which
`models/` is the package's, does not matter to it; mutmut 3 names what it edits by the path of the file, which is not the name
under which it is imported, and then finds no test for it. It works in a copy, of the three folders as one tree.
"""

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))
import claims  # noqa: E402

CHECKS = " ".join(file.name for file in sorted((ROOT / "tests").glob("test_checks*.py")))
PLACES = {  # what is edited, and the tests that should notice
    "superspike_brian/analysis.py": "test_analysis.py test_classification.py",
    "superspike_brian/models/architecture.py": "test_architecture.py",
    "superspike_brian/models/projection.py": "test_architecture.py",
    "superspike_brian/models/connectivity.py": "test_architecture.py",
    "superspike_brian/models/specification.py": f"test_models.py {CHECKS}",
    "superspike_brian/models/checks": f"test_models.py {CHECKS} test_names.py",
}
TIMEOUT = 1200.0  # s; an edit that makes tests hang is noticed, too
CONFIG = """
[cosmic-ray]
module-path = "{module}"
timeout = {timeout}
excluded-modules = []
test-command = "{python} -m pytest -q -x -p no:cacheprovider -m 'not slow' {tests}"
[cosmic-ray.distributor]
name = "local"
"""


def main(n):
    """Edit, test, and say what was not noticed."""
    noticed = total = 0
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        for name in ("superspike_brian", "models", "tasks"):
            shutil.copytree(ROOT / name, tree / ("" if name == "superspike_brian" else "superspike_brian") / name)
        shutil.copytree(ROOT / "tests", tree / "tests")
        for module, tests in PLACES.items():
            mine, survivors = tried(tree, module, tests, n)
            noticed, total = noticed + mine - len(survivors), total + mine
            print(f"{module}: {mine - len(survivors)} of {mine} edits noticed", *survivors, sep="\n", flush=True)
    print(f"{noticed} of {total} edits noticed")
    what, how = "A fault in models, checks or analysis is noticed", "one operator edited at a time (`.ci/mutate.py`)"
    row = claims.entry(what, how, f"{noticed} of {total} edits", "", ".ci/mutate.py", "nightly")
    claims.write([row], os.environ.get(claims.VARIABLE, claims.STORED))


def tried(tree, module, tests, n):
    """Try n edits of a module or package; return how many there were, and the differences that no test noticed."""
    files = " ".join(f"tests/{name}" for name in tests.split())
    text = CONFIG.format(module=module, timeout=TIMEOUT, python=sys.executable, tests=files)
    (tree / "edits.toml").write_text(text)
    (tree / "edits.sqlite").unlink(missing_ok=True)
    ray(tree, "init", "edits.toml", "edits.sqlite")
    with sqlite3.connect(tree / "edits.sqlite") as session:
        jobs = sorted(job for (job,) in session.execute("select job_id from work_items"))
        random.Random(module).shuffle(jobs)
        for job in jobs[n:]:
            session.execute("delete from mutation_specs where job_id = ?", (job,))
            session.execute("delete from work_items where job_id = ?", (job,))
    ray(tree, "exec", "edits.toml", "edits.sqlite")
    with sqlite3.connect(tree / "edits.sqlite") as session:
        rows = session.execute("select test_outcome, diff from work_results").fetchall()
    return len(rows), [diff for outcome, diff in rows if "SURVIVED" in str(outcome).upper()]


def ray(tree, *arguments):
    """Call Cosmic Ray in the copy, which Python finds before the installed package."""
    environment = {k: v for k, v in os.environ.items() if k != claims.VARIABLE} | {"PYTHONPATH": str(tree)}
    subprocess.run([sys.executable, "-m", "cosmic_ray.cli", *arguments], cwd=tree, env=environment, check=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
