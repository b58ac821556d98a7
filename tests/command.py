"""The `superspike` command for tests: called in this process, or as a process of its own."""

import contextlib
import io
import json
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

from superspike_brian import results
from superspike_brian.cli.main import main


def superspike(*arguments):
    """Run the command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main([str(a) for a in arguments])
        except SystemExit as stop:
            code = stop.code
    return SimpleNamespace(code=code, out=out.getvalue(), err=err.getvalue())


def process(*arguments, **options):
    """Start the command as a process, with the default reaction to Ctrl-C."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
    command = [sys.executable, "-m", "superspike_brian.cli", *map(str, arguments)]
    return subprocess.Popen(
        command, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler), **options
    )


def run(*arguments):
    """Run quietly; return the JSON, the data, and nothing else was printed."""
    found = superspike("run", *arguments, "--quiet", "--json")
    assert (found.code, found.err) == (0, "")
    (line,) = found.out.splitlines()
    summary = json.loads(line)
    return SimpleNamespace(summary=summary, data=results.load(summary["out"]), dir=Path(summary["out"]))


def _files():
    return sorted(p for p in Path().rglob("*") if "__pycache__" not in p.parts)


def refused(*arguments):
    """Return the one line that a refused command prints, which leaves nothing behind."""
    before = _files()
    found = superspike(*arguments)
    assert (found.code, found.out) == (2, "")
    assert found.err.startswith("superspike: ") and found.err.endswith("\n") and "Traceback" not in found.err
    assert _files() == before
    return found.err.removeprefix("superspike: ").rstrip()
