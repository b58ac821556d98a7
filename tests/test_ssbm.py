import hashlib
import importlib
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from brian2 import ms
from superspike_brian.tasks import ssbm, task

# the function hides the module of the same name
module = importlib.import_module("superspike_brian.tasks.ssbm")

SSBM = Path(__file__).resolve().parents[2] / "shared" / "ssbm"
needs_ssbm = pytest.mark.skipif(not SSBM.is_dir(), reason=f"the public rasters are not at {SSBM}")


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        self.server.requested.append(self.path)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Keep the user's cache, data folder and proxy out of these tests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("SUPERSPIKE_DATA_DIR", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Serve a folder laid out as the repository; `server.sets` is where the sets lie."""
    root = tmp_path / "www"
    (root / module.COMMIT / "benchmarks" / "precise_timing").mkdir(parents=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=root))
    server.sets, server.requested = root / module.COMMIT / "benchmarks" / "precise_timing", []
    monkeypatch.setattr(module, "BASE_URL", f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def put(folder, name, input="0.1 3\n", target="0.25 0\n"):
    (folder / name).mkdir(parents=True)
    (folder / name / "input.ras").write_text(input)
    (folder / name / "target.ras").write_text(target)


def put_seqgen(folder):
    """Write the suite's sequence set, regular enough to be made here byte for byte."""
    put(
        folder,
        "seqgen",
        input="".join(f"{k / 10000:.4f} {k}\n" for k in range(4)),
        target="".join(f"{k / 100:.3f} {k}\n" for k in range(100)),
    )


@needs_ssbm
def test_checksums_are_those_of_the_suite():
    listed = (line.split() for line in (SSBM / "SHA256SUMS").read_text().splitlines())
    assert {file: digest for digest, file in listed} == module.SHA256


@needs_ssbm
@pytest.mark.parametrize(
    ("name", "inputs", "outputs", "period"),
    [("poisson", 100, 1, 500), ("auryn", 100, 100, 3500), ("oxford", 200, 200, 1890)],
)
def test_the_public_sets_load_from_a_local_copy(name, inputs, outputs, period):
    found = task(f"ssbm:{name}", data_dir=SSBM)
    assert (found.name, found.inputs.n, found.targets.n) == (f"ssbm:{name}", inputs, outputs)
    assert float(found.period / ms) == pytest.approx(period, rel=1e-12)
    for part in (name, "https://github.com/fzenke/ssbm", "4332b5d", "MIT licence"):
        assert part in found.source


@needs_ssbm
def test_the_data_folder_may_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("SUPERSPIKE_DATA_DIR", str(SSBM))
    assert len(ssbm("oxford").targets) == 10367


@needs_ssbm
def test_a_public_set_is_downloaded_once(server):
    for file in ("input.ras", "target.ras"):
        (server.sets / "poisson").mkdir(exist_ok=True)
        shutil.copyfile(SSBM / "poisson" / file, server.sets / "poisson" / file)
    first, again = ssbm("poisson"), ssbm("poisson")
    assert [len(t.inputs) for t in (first, again)] == [232, 232]
    folder = f"/{module.COMMIT}/benchmarks/precise_timing/poisson"
    assert server.requested == [f"{folder}/input.ras", f"{folder}/target.ras"]


def test_every_name_has_its_files():
    files = set()
    for name in module.NAMES:
        with pytest.raises(FileNotFoundError, match=r"input.ras: no such file. data_dir \(or SUPERSPIKE_DATA_DIR\)"):
            ssbm(name, data_dir="/nowhere")
        folder, _, rate = name.partition("/")
        if name != "poisson10s":
            files |= {
                f"{folder}/input.ras",
                f"{folder}/target_{rate}.ras" if rate else f"{folder}/target.ras",
            }
    assert files == set(module.SHA256)
    assert {name.partition("/")[0] for name in module.NAMES} == set(module.SETS)


@pytest.mark.parametrize(
    ("name", "file"), [("poisson10s", "10hz"), ("poisson10s/10hz", "10hz"), ("poisson10s/5hz", "5hz")]
)
def test_poisson10s_has_a_target_for_each_rate(tmp_path, monkeypatch, name, file):
    put(tmp_path, "poisson10s", target="9.9 0\n")
    (tmp_path / "poisson10s" / "target.ras").rename(tmp_path / "poisson10s" / f"target_{file}.ras")
    for path in (tmp_path / "poisson10s").iterdir():  # short rasters in place of the published ones
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        monkeypatch.setitem(module.SHA256, f"poisson10s/{path.name}", digest)
    found = ssbm(name, data_dir=tmp_path)
    assert (found.name, found.inputs.n, found.targets.n) == (f"ssbm:poisson10s/{file}", 1000, 1)


def test_a_changed_local_file_is_refused(tmp_path):
    put(tmp_path, "poisson")
    digest = hashlib.sha256(b"0.1 3\n").hexdigest()
    with pytest.raises(
        ValueError, match=f"poisson/input.ras is not the published file: SHA-256 {digest}, expected cc7eba5f"
    ):
        ssbm("poisson", data_dir=tmp_path)


def test_unknown_names_bring_suggestions():
    with pytest.raises(ValueError, match=r"no set 'oxfrod'; did you mean 'oxford'"):
        ssbm("oxfrod")
    with pytest.raises(ValueError, match=r"did you mean .*'poisson10s/5hz'"):
        ssbm("poisson10s/7hz")
    with pytest.raises(ValueError, match="there are: auryn, monalisa"):
        task("ssbm:zzz")


def test_without_network_the_error_says_how_to_get_a_copy(monkeypatch):
    monkeypatch.setattr(module, "BASE_URL", "http://127.0.0.1:9")
    with pytest.raises(OSError) as error:
        ssbm("oxford")
    for part in (
        f"could not get http://127.0.0.1:9/{module.COMMIT}/benchmarks/precise_timing/oxford/input.ras",
        f"git clone https://github.com/fzenke/ssbm && git -C ssbm checkout {module.COMMIT}",
        "data_dir='ssbm/benchmarks/precise_timing'",
        "SUPERSPIKE_DATA_DIR",
    ):
        assert part in str(error.value)


def test_a_page_that_is_missing_is_an_error(server):
    with pytest.raises(OSError, match=r"could not get .*404"):
        ssbm("monalisa")


def test_a_changed_download_is_refused_and_not_kept(server, tmp_path):
    put(server.sets, "poisson")
    with pytest.raises(OSError, match=r"could not get .*hash"):
        ssbm("poisson")
    assert list((tmp_path / "cache").rglob("*.ras")) == []


def test_the_sequence_set_loads_from_a_local_copy(tmp_path):
    put_seqgen(tmp_path)
    found = ssbm("seqgen", data_dir=tmp_path)
    assert (found.inputs.n, found.targets.n) == (4, 100)
    assert found.inputs.steps(0.1 * ms)[0].tolist() == [0, 1, 2, 3]
    assert found.targets.steps(0.1 * ms)[0].tolist() == list(range(0, 10000, 100))


def test_a_damaged_file_in_the_cache_is_downloaded_again(server, tmp_path):
    put_seqgen(server.sets)
    assert len(ssbm("seqgen").targets) == 100
    (cached,) = (tmp_path / "cache").rglob("target.ras")
    cached.write_text("0.1 0\n")
    assert len(ssbm("seqgen").targets) == 100
    assert [path.rpartition("/")[2] for path in server.requested] == ["input.ras", "target.ras", "target.ras"]
