"""Streams that are closed or full, readers that have gone, terminals without UTF-8: what is saved ends well."""

import io
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from command import superspike

from superspike_brian import results
from superspike_brian.console.progress import Bar, Lines
from superspike_brian.console.streams import Messages, Steady, printable, say, steady_streams

pytestmark = pytest.mark.usefixtures("surroundings")
FULL = Path("/dev/full")
SHORT = ("--duration", "60ms", "--burn-in", "20ms", "--block", "20ms", "--out", "r", "--json")
SHELL = {  # what a shell does to the streams
    "full": ">/dev/full",
    "closed": ">&-",
    "no messages": "2>/dev/full",
    "messages closed": "2>&-",
    "nothing": "<&- >&- 2>&-",
    "reader gone": "| true",
    "ascii": "",
}


def shell(command, redirection, **environment):
    """Run the command with a redirection; its own exit code, whatever the reader's is."""
    line = f"{sys.executable} -m superspike_brian.cli {command} {redirection}; exit ${{PIPESTATUS[0]}}"
    environment = os.environ | {"MPLBACKEND": "agg"} | environment
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, env=environment)


def clean(found):
    return "Traceback" not in found.stderr and "Exception ignored" not in found.stderr


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
@pytest.mark.parametrize(
    "how", [h if h in ("full", "nothing", "ascii") else pytest.param(h, marks=pytest.mark.slow) for h in SHELL]
)
def test_a_run_that_is_saved_ends_with_0(how, rasters):
    environment = {"PYTHONIOENCODING": "ascii"} if how == "ascii" else {}
    found = shell(f"run {' '.join((*rasters, *SHORT))}", SHELL[how], **environment)
    assert found.returncode == 0 and clean(found)
    assert results.load("r").attrs["simulated_s"] == pytest.approx(0.06)
    assert Path("r/figure.png").stat().st_size > 1000
    said = "it is done and saved, but stdout cannot be written to"
    assert (said in found.stderr) == (how in ("full", "closed"))
    if how in ("ascii", "no messages", "messages closed"):
        assert json.loads(found.stdout.splitlines()[-1])["simulated_s"] == pytest.approx(0.06)


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
def test_what_only_prints_fails_if_it_cannot(rasters):
    assert superspike("run", *rasters, *SHORT, "--quiet").code == 0
    for redirection, code, words in ((">/dev/full", 2, "No space left"), (">&-", 2, "Bad file"), ("| true", 0, "")):
        found = shell("show r", redirection)
        assert found.returncode == code and clean(found)
        assert found.stderr.startswith("superspike: cannot write to stdout") == bool(words) and words in found.stderr
        assert len(found.stderr.splitlines()) == bool(words)


def test_letters_that_a_terminal_lacks_are_spelled_out():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        with steady_streams():
            print("500 µV → 1 μs × 2–3, τ, \udcff")
    assert raw.getvalue() == rb"500 uV -> 1 us x 2-3, \u03c4, \udcff" + b"\n"


class Failing(io.StringIO):
    def __init__(self, error):
        super().__init__()
        self.failure = error

    def write(self, text):
        raise self.failure


ERRORS = [BrokenPipeError(32, "Broken pipe"), OSError(28, "No space left on device"), ValueError("I/O on closed file")]


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("make", [Lines, Bar])
def test_progress_never_ends_a_run(make, error, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Failing(error))
    reporter = make()
    reporter.building()
    reporter.start(1.0, 0.0, 0.0)
    reporter.inside(0.0, 0.5, 0.5)
    reporter.block(1.0, 1.0, 1e-3, 1.0)
    reporter.overall(1.0, "half")
    reporter.say("something")
    reporter.close()
    assert reporter.stream.error is error


def test_a_steady_stream_keeps_the_first_error_and_passes_the_rest():
    inner = io.StringIO()
    stream = Steady(inner)
    print("text", file=stream, flush=True)
    assert stream.getvalue() == "text\n" and stream.error is None and not stream.isatty()
    inner.close()
    for closed in (None, inner):
        steady = Steady(closed)
        print("text", file=steady, flush=True)
        assert steady.error and not steady.isatty() and not steady.broken


def test_text_from_files_cannot_command_a_terminal(capsys):
    hostile = "\x1b]0;title\x07 \x9b2J \r\x00 µ\ttab\nline"
    assert printable(hostile) == r"\x1b]0;title\x07 \x9b2J \x0d\x00 µ" + "\ttab\nline"
    say(hostile)
    assert not {"\x1b", "\x07", "\x9b", "\r", "\0"} & set(capsys.readouterr().err)


def test_warnings_of_the_log_are_lines_of_ours(capsys):
    root = logging.getLogger()
    before = list(root.handlers)
    try:
        for _ in range(2):
            Messages.install()
        logging.getLogger("superspike_brian.anything").warning("look here")
    finally:
        root.handlers[:] = before
    assert capsys.readouterr().err.count("superspike: look here\n") == 1
