"""Archives and texts that are damaged, foreign or hostile: the same spikes, or a message of one line with the file."""

import io
import random
import re
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from spike_files import IN_MS, PERIOD, READERS, TEXTS, TIMES, UNITS, put, refused, spikes
from superspike_brian.tasks import read_npz

# archives


def archive(save=np.savez, **arrays):
    file = io.BytesIO()
    save(file, **{"times": TIMES, "units": UNITS} | arrays)
    return file.getvalue()


def zipped(compression=zipfile.ZIP_STORED, **members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as target:
        for name, content in members.items():
            target.writestr(f"{name}.npy", content)
    return file.getvalue()


def npy(header, data=b""):
    text = f"{header}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


def single(values):
    file = io.BytesIO()
    np.save(file, values, allow_pickle=True)
    return file.getvalue()


def patched(data, *changes):
    """Change fields of every header of an archive, local and central: offsets from their signatures."""
    data = bytearray(data)
    for signature, offset, value in changes:
        at = data.find(signature)
        while at >= 0:
            data[at + offset : at + offset + len(value)] = value
            at = data.find(signature, at + 4)
    return bytes(data)


HUGE = "{'descr': '<f8', 'fortran_order': False, 'shape': (%s,), }"
SINGLE = single(np.array(TIMES))
LOCAL, CENTRAL = b"PK\x03\x04", b"PK\x01\x02"
FOREIGN = {
    "empty": b"",
    "text": b"0.1 2\n",
    "zeros": bytes(1000),
    "npy": SINGLE,
    "pickle": b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00K\x01.",
    "object": archive(times=np.array([{}, 1], object)),
    "no arrays": zipped(),
    "half": archive()[: len(archive()) // 2],
    "no end": archive()[:-10],
    "one array": zipped(times=SINGLE),
    "of one name twice": zipped(times=SINGLE, units=SINGLE, tymes=SINGLE).replace(b"tymes", b"times"),
    "names of two lines": zipped(times=SINGLE, units=SINGLE).replace(b"times", b"ti\nes"),
    "empty members": zipped(times=b"", units=b""),
    "text members": zipped(times=b"0.1", units=b"2"),
    "a million million": zipped(times=npy(HUGE % 10**12), units=single(np.array(UNITS))),
    "more than 64 bits": zipped(times=npy(HUGE % 10**30), units=single(np.array(UNITS))),
    "negative": zipped(times=npy(HUGE % -1), units=single(np.array(UNITS))),
    "deep": zipped(times=npy("(" * 5000), units=b""),
    "code": zipped(times=npy("__import__('os').system('touch hacked')"), units=b""),
    "no dict": zipped(times=npy("[1, 2]"), units=b""),
    "strange type": zipped(times=npy("{'descr': 'q#', 'fortran_order': False, 'shape': (1,), }"), units=b""),
    "half header": zipped(times=SINGLE[:20], units=single(np.array(UNITS))),
    "half data": zipped(times=SINGLE[:-5], units=single(np.array(UNITS))),
    "version 9": zipped(times=b"\x93NUMPY\x09\x00" + bytes(100), units=b""),
    "encrypted": patched(archive(), (LOCAL, 6, b"\x01"), (CENTRAL, 8, b"\x01")),
    "method 99": patched(archive(), (LOCAL, 8, b"\x63"), (CENTRAL, 10, b"\x63")),
    "not deflated": patched(archive(), (LOCAL, 8, b"\x08"), (CENTRAL, 10, b"\x08")),
    "not lzma": patched(archive(), (LOCAL, 8, b"\x0e"), (CENTRAL, 10, b"\x0e")),
    "checksum": patched(archive(), (CENTRAL, 16, b"\x00\x00\x00\x00")),
    "size": patched(archive(), (CENTRAL, 24, b"\xff\xff\xff\x7f"), (CENTRAL, 20, b"\xff\xff\xff\x7f")),
    "lengths": archive(times=[0.1]),
    "no spikes": archive(times=[], units=[]),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_a_foreign_archive_is_refused_in_one_line(tmp_path, monkeypatch, what):
    monkeypatch.chdir(tmp_path)
    put(Path("a.npz"), FOREIGN[what])
    refused(read_npz, Path("a.npz"), PERIOD)
    assert sorted(Path().iterdir()) == [Path("a.npz")]


def damaged(data, rng):
    """Cut bytes short, or change, remove or add some."""
    data = bytearray(data)
    if rng.random() < 0.3:
        return bytes(data[: rng.randrange(len(data))])
    for _ in range(rng.choice([1, 1, 2, 5])):
        at, how = rng.randrange(len(data)), rng.random()
        if how < 0.7:
            data[at] ^= 1 << rng.randrange(8)
        elif how < 0.8:
            del data[at : at + rng.choice([1, 2, 10])]
        elif how < 0.9:
            data[at:at] = rng.randbytes(rng.choice([1, 4]))
        else:
            data[at : at + 4] = rng.randbytes(4)
        if not data:
            break
    return bytes(data)


COUNTS = [pytest.param(600, id="some"), pytest.param(20_000, marks=pytest.mark.slow, id="many")]


@pytest.mark.parametrize("count", COUNTS)
def test_a_damaged_archive_holds_the_same_spikes_or_is_refused(tmp_path, count):
    rng, path, seen = random.Random(count), tmp_path / "a.npz", {"same": 0, "refused": 0}
    whole = [archive(), archive(np.savez_compressed), SINGLE, archive(times=np.array([{}], object))]
    for _ in range(count):
        put(path, damaged(rng.choice(whole), rng))
        try:
            found = spikes(read_npz(path, PERIOD))
        except (ValueError, OSError) as error:
            assert str(path) in str(error) and "\n" not in str(error)
            seen["refused"] += 1
        else:
            assert found == list(zip(TIMES, UNITS, strict=True))  # checksums see to that
            seen["same"] += 1
    assert min(seen.values()) > count / 100, seen


# texts

# how a search by hand finds a spike in a line, however it is spaced and quoted
T = r"(?:\s*\"?\s*)(?P<t>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)(?:\s*\"?\s*)"
U = r"(?:\s*\"?\s*)(?P<u>[0-9]+)(?:\s*\"?\s*)"
BY_HAND = {
    "a.ras": rf"{T}(?<=\s){U}(#.*)?",
    **{
        name: f"{T}{separator}{U}"
        for name, separator in (("comma.csv", ","), ("bare.csv", ","), ("semicolon.csv", ";"))
    },
    **{name: f"{U},(?:.*,)?{T}" for name in ("named.csv", "quoted.csv")},
    "tab.tsv": rf"{T}\t{U}",
    **{name: rf"{U}(?<=\s){T}" for name in ("blank.txt", "nest.dat", "nest.gdf")},
}


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("name", TEXTS)
def test_a_damaged_text_is_refused_in_one_line_or_says_what_it_holds(tmp_path, name, count):
    """Each line that is read is one that a search by hand finds; if all lines are still sound, all are read."""
    rng, path, seen = random.Random(count), tmp_path / name, {"read": 0, "refused": 0}
    first, line = TEXTS[name]
    rows = "".join(line.format(t / 1e-3 if name in IN_MS else t, i) + "\n" for t, i in zip(TIMES, UNITS, strict=True))
    scale = 1e-3 if name in IN_MS else 1
    time = "[0-9]{1,2}[.][0-9]*" if name in IN_MS else "0?[.][0-4][0-9]*"
    sound = re.escape(line.format("TIME", "UNIT")).replace("TIME", time).replace("UNIT", "[0-9]")
    before = len(spikes(READERS[name](put(path, f"{first}\n{rows}"), PERIOD, 12))) - len(TIMES)
    for _ in range(count):
        content = damaged(rows.encode(), rng)
        put(path, first.encode() + b"\n" + content)
        lines = [one for one in re.split("\r\n|\r|\n", content.decode("latin-1")) if not one.lstrip().startswith("#")]
        try:
            found = spikes(READERS[name](path, PERIOD, 12))[before:]
        except (ValueError, OSError) as error:
            assert str(path) in str(error) and "\n" not in str(error)
            no_text = b"\0" in content or max(content, default=0) > 127
            assert no_text or not any(lines) or not all(re.fullmatch(sound, one) for one in lines if one), lines
            seen["refused"] += 1
        else:
            by_hand = [re.fullmatch(BY_HAND[name], one) for one in lines if one.strip(' \t\v\f",;')]
            assert all(by_hand), (lines, found)
            expected = [(pytest.approx(float(m["t"]) * scale, rel=1e-15), int(m["u"])) for m in by_hand]
            assert found == expected, lines
            seen["read"] += 1
    assert min(seen.values()) > count / 100, seen
