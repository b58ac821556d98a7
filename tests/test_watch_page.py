"""The page that shows a run or a sweep while it goes on, in a real browser, and its panel in Jupyter; who may look."""

import contextlib
import os
import socket
import sys
import threading
import urllib.error
import urllib.request

import numpy as np
import pytest
from browser import DESKTOP, PHONE, browser
from command import process, refused, superspike

import superspike_brian as ss
from superspike_brian.errors import MissingPackageError, UserError
from superspike_brian.live import server
from superspike_brian.live.notebook import watch
from superspike_brian.live.server import Page, is_refused
from superspike_brian.live.watcher import Watcher

pytestmark = [pytest.mark.usefixtures("surroundings"), pytest.mark.filterwarnings("ignore::RuntimeWarning")]


# who may look


@pytest.mark.parametrize("host", ["localhost:5006", "127.0.0.1:5006", "[::1]:9000", "LOCALHOST", "localhost:9000"])
def test_this_machine_may_look(host):
    assert not is_refused(host, None)
    assert not is_refused(host, f"http://{host}")


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("evil.com", None),
        ("evil.com:5006", "http://evil.com:5006"),
        ("localhost.evil.com:5006", None),
        ("127.0.0.1.evil.com", None),
        ("", None),
        ("localhost:5006", "http://evil.com"),
        ("localhost:5006", "http://localhost:8000"),
        ("localhost:5006", "null"),
    ],
)
def test_others_may_not(host, origin):
    assert is_refused(host, origin)


def test_bad_arguments_are_refused(finished, monkeypatch):
    pytest.importorskip("bokeh")
    assert "run/run.nc is a file: give the folder" in refused("watch", "run/run.nc")
    assert "expected a number from 1 to 65535" in refused("watch", "run", "--port", "70000")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"--port {port} cannot be used (Address already in use)" in refused("watch", "run", "--port", port)
        monkeypatch.setattr(server, "PORT", port)
        assert Page(Watcher("run")).url not in (f"http://127.0.0.1:{port}/", "")  # the next one
    with pytest.raises(UserError, match="`superspike watch run` shows a page in the browser"):
        watch("run")


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "bokeh.server.server", None)
    with pytest.raises(MissingPackageError, match=r"superspike_brian\[watch\]"):
        Page(Watcher("run"))
    assert "superspike_brian[watch]" in refused("watch", "run", "--no-browser")


# in a browser


def opened(chromium, url, size=DESKTOP):
    """A page, and what went wrong on it: requests to others, errors."""
    page, faults = chromium.new_context(viewport=size).new_page(), []
    page.set_default_timeout(90_000)
    page.on("request", lambda r: r.url.startswith((url.partition("?")[0], "data:")) or faults.append(r.url))
    page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(url)
    return page, faults


POINTS = """() => Math.max(0, ...[...window.Bokeh?.documents[0]?._all_models.values() ?? []]
    .filter(m => m.type == "ColumnDataSource" && "value" in m.data).map(m => m.data.time.length))"""


def points(page, more_than=0):
    """Points of the longest curve on the page, once there are more than some."""
    return page.wait_for_function(f"() => {{ const n = ({POINTS})(); return n > {more_than} ? n : 0 }}").json_value()


@contextlib.contextmanager
def page_of(path):
    """The address of a page that this process serves."""
    page, ready = Page(Watcher(path)), threading.Event()
    page.watcher.look()
    serving = threading.Thread(target=page.serve, args=(ready.set,))
    serving.start()
    assert ready.wait(20)
    try:
        yield page.url
    finally:
        page.close()
        serving.join(20)


def test_a_run_is_watched_from_before_it_begins_to_its_end(rasters, tmp_path):
    pytest.importorskip("bokeh")
    note = f"{sys.executable} -c \"import sys; open(r'{tmp_path / 'opened'}', 'w').write(sys.argv[1])\" %s"
    watching = process("watch", "run", env={**os.environ, "BROWSER": note})
    options = (
        *rasters,
        "--duration",
        "300ms",
        "--dt",
        "200us",
        "--burn-in",
        "40ms",
        "--block",
        "20ms",
        "--hidden",
        "2",
    )
    try:
        url = watching.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        with browser() as chromium:
            page, faults = opened(chromium, url)
            page.get_by_text("There is no run in").wait_for()
            training = process("run", *options, "--out", "run", "--quiet")
            page.get_by_text("running").first.wait_for()
            few = points(page)
            page.close()
            late, late_faults = opened(chromium, url)
            twice, twice_faults = opened(chromium, url)
            grown = points(late, more_than=few)
            assert points(twice, more_than=few) >= few and grown > few
            late.close()
            watching.kill()  # in the middle of the run
            assert training.wait(300) == 0
            assert (late_faults, [f for f in faults if "WebSocket" not in f]) == ([], [])
            assert [f for f in twice_faults if "ebSocket" not in f and "ERR_CONNECTION" not in f] == []
        assert (tmp_path / "opened").read_text() == url
    finally:
        watching.kill()
        watching.communicate()
    training.communicate()
    assert superspike("run", *options, "--out", "alone", "--quiet").code == 0
    watched, alone = ss.load("run"), ss.load("alone")
    names = [name for name, v in watched.data_vars.items() if v.dtype.kind in "fi"]
    assert names and all(np.array_equal(watched[n], alone[n], equal_nan=True) for n in names)


def test_a_finished_run_and_a_phone(finished):
    pytest.importorskip("bokeh")
    with browser() as chromium, page_of("run") as url:
        for size in (DESKTOP, PHONE):
            page, faults = opened(chromium, url, size)
            page.get_by_text("finished").first.wait_for()
            assert points(page) == 5 and page.get_by_text("Weights", exact=True).is_visible()
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
            page.get_by_text("log", exact=True).click()
            assert page.title() == "run (finished)" and faults == []


def test_a_sweep_and_a_run_of_it_that_diverged(sweep):
    pytest.importorskip("bokeh")
    with browser() as chromium, page_of(sweep) as url:
        for size in (DESKTOP, PHONE):
            page, faults = opened(chromium, url, size)
            page.get_by_text("1 diverged").wait_for()
            page.get_by_text("r0 = 5 mV").first.wait_for()
            page.locator(".slick-row").nth(3).wait_for()
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        with page.context.expect_page() as other:
            page.locator(".slick-row a").nth(1).click()
        other.value.get_by_text("U of output, unit 0 became").wait_for()
        assert faults == []


def test_strangers_are_turned_away():
    pytest.importorskip("bokeh")
    with page_of("nothing") as url:

        def answer(path="", **headers):
            try:
                with urllib.request.urlopen(urllib.request.Request(url + path, headers=headers)) as found:
                    return found.status
            except urllib.error.HTTPError as error:
                return error.code

        assert answer() == answer(Host="localhost:9000") == 200
        socket_of = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
        for path in ("", "ws", "static/js/bokeh.min.js", "autoload.js"):
            assert answer(path, Host="evil.com") == 403, path
            assert answer(path, Origin="http://evil.com") == 403, path
        assert answer("ws", **socket_of, **{"Sec-WebSocket-Key": "a" * 24, "Origin": "http://evil.com"}) == 403
        port = int(url.rpartition(":")[2].strip("/"))
        with socket.socket() as other, pytest.raises(OSError):  # bound to 127.0.0.1 alone
            other.settimeout(2)
            other.connect(("127.0.0.2", port))


def test_no_browser_and_port(monkeypatch):
    pytest.importorskip("bokeh")
    calls = []
    monkeypatch.setenv("BROWSER", "true")
    monkeypatch.setattr("webbrowser.open", calls.append)
    monkeypatch.setattr(Page, "serve", lambda self, ready: ready())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    found = superspike("watch", "later", "--port", port, "--no-browser")
    assert (found.code, found.out, calls) == (0, f"http://127.0.0.1:{port}/\n", [])
    assert "later is not there yet" in found.err
    found = superspike("watch", "later")
    assert calls == [found.out.strip()]
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    superspike("watch", "later")
    assert len(calls) == (2 if sys.platform == "darwin" else 1)  # no text browser in the terminal


# in Jupyter


def test_a_panel_follows_a_run_of_its_own_kernel(tmp_path):
    pytest.importorskip("jupyter_bokeh")
    import nbformat
    from nbclient import NotebookClient

    code = [
        "import superspike_brian as ss\nfrom brian2 import ms\npanel = ss.watch('run')\npanel",
        "ss.train('spike-timing', device='runtime', dt=0.2*ms, duration=120*ms, burn_in=0*ms, block=20*ms,\n"
        "         probe_length=40*ms, out='run', progress=False)\n"
        "import time\nfor _ in range(600):\n    drawn = len(panel._view._view._cost.data['time'])\n"
        "    if drawn == 6 and panel.latest.state == 'finished': break\n    time.sleep(0.1)\n"
        "panel.close()\nprint(panel.latest.state, len(panel._view._view._cost.data['time']))",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each) for each in code])
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [o["data"] for o in notebook.cells[0].outputs if "data" in o]
    (model,) = (d[kind]["model_id"] for d in shown if (kind := "application/vnd.jupyter.widget-view+json") in d)
    scripts = "".join("".join(d.get("application/javascript", "")) for d in shown)
    assert "Bokeh" in scripts and len(scripts) > 500_000  # the widget has none with it; from no other host
    states = notebook.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    assert states[model]["model_name"] == "BokehModel"
    assert notebook.cells[1].outputs[-1]["text"] == "finished 6\n"
