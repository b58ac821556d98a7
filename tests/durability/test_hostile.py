"""Strings that try to get out: in models, names, paths, conditions. None of them is executed; a marker would tell.

Each would make a file called `pwned`, or break the C++, if it came into a program, a shell, a format string or Python.
"""

import os
import re
import shutil

import pytest
from brian2 import ms
from command import superspike
from kill_harness import poisson_task
from superspike_brian.models import SUPERSPIKE, ModelError

import superspike_brian as ss
from superspike_brian.network.structure import Structure
from superspike_brian.results.folder import RunFolder
from superspike_brian.results.stored import stored_spec
from superspike_brian.spec.describe import describe_structure
from superspike_brian.sweeps.sweep import _job

pytestmark = pytest.mark.usefixtures("surroundings")
COURSE = {"duration": 60 * ms, "burn_in": 20 * ms, "block": 20 * ms}
SHORT = COURSE | {"progress": False}
HOSTILE = (
    '"; system("touch pwned"); "',
    '*/ system("touch pwned"); /*',
    '\\\nsystem("touch pwned");',
    '??/\nsystem("touch pwned");',
    '\r system("touch pwned");',
    '\u2028 system("touch pwned");',
    '\x0b system("touch pwned");',
    '#include "pwned.h"',
    '\n#include "pwned.h"\n',
    "\n#error pwned\n",
    'R"(pwned)"',
    '__asm__("pwned")',
    '_Pragma("pwned")',
    "'; import os; os.system('touch pwned'); '",
    '""" + __import__("os").system("touch pwned") + """',
    '__import__("os").system("touch pwned")',
    '{{ cycler.__init__.__globals__.os.system("touch pwned") }}',
    "{0.__class__} {name} %s %n %(x)s",
    "$(touch pwned)",
    "`touch pwned`",
    "; touch pwned;",
    "| touch pwned",
    "'pwned'",
    '"pwned"',
)
PLACES = [(kind, field) for kind, c in SUPERSPIKE.components.items() for field in c.strings]


def pwned(tmp_path):
    return [p for p in tmp_path.rglob("*") if p.name == "pwned"]


def with_string(kind, field, code):
    return SUPERSPIKE.replace(**{kind: getattr(SUPERSPIKE, kind).replace(**{field: code})})


@pytest.mark.parametrize("text", HOSTILE)
def test_code_that_is_none_is_refused(text, tmp_path):
    """Instead of a string, after it, as one more line; in every field of every component."""
    comment = text.startswith("#")  # a comment, and nothing else
    for kind, field in PLACES:
        code = getattr(getattr(SUPERSPIKE, kind), field)
        for code_with in (text, f"{code} {text}", f"{code} + {text}", f"{code}\n{text}\n"):
            try:
                model = with_string(kind, field, code_with)
            except ModelError:
                continue
            assert comment or text.strip().startswith("#"), (kind, field, code_with)
            assert "pwned" not in "".join(map(str, _built_strings(model))), (kind, field, code_with)
    assert not pwned(tmp_path)


def _built_strings(model):
    """What the builder makes Brian2 objects from."""
    yield model.layer_equations(output=True)
    yield model.layer_equations(output=False)
    yield model.synapse_equations(model.regularizer)
    yield from (model.reset(output=output) for output in (True, False))


@pytest.fixture(scope="module")
def hostile_model():
    """All hostile strings as comments wherever code stands, as names, and as sources."""
    changes, n = {}, 0
    for kind, component in SUPERSPIKE.components.items():
        fields = {"name": f"{HOSTILE[len(changes) % len(HOSTILE)]}", "source": "\n".join(HOSTILE)}
        for field, code in component.strings.items():
            kept = code
            for text in HOSTILE if code else ():
                more = f"{kept}  # {text}\n"
                try:
                    with_string(kind, field, more)
                except ModelError:  # its second line is no comment, or the field takes one word
                    continue
                kept, n = more, n + 1
            fields[field] = kept
        changes[kind] = component.replace(**fields)
    assert n > 100
    return SUPERSPIKE.replace(**changes)


def test_a_program_of_a_hostile_model_in_hostile_folders(hostile_model, build_dir, tmp_path):
    """Built by the compiler, run, stored, read, described; with the same bits as the model without those strings."""
    name = "a b;touch pwned;$(touch pwned)`touch pwned`'&|*?# %s {0} -I. é"
    own, out = tmp_path / name, tmp_path / f'run {name} " \\ \n'
    shutil.copytree(
        build_dir / "objects", own / "objects", copy_function=os.link, ignore=shutil.ignore_patterns("*.tmp")
    )
    found = ss.train(poisson_task(), hostile_model, (4,), out=out, build_dir=own, command="\n".join(HOSTILE), **SHORT)
    plain = ss.train(poisson_task(), SUPERSPIKE, (4,), build_dir=build_dir, **SHORT)
    assert found.weights_1_end.identical(plain.weights_1_end)
    assert stored_spec(RunFolder(out)).model.components.keys() == hostile_model.components.keys()
    for command in ("show", "plot"):
        assert superspike(command, out).code == 0
    text = describe_structure(Structure(hostile_model, (12, 4, 3)), poisson_task())
    assert hostile_model.neuron.name in text
    assert not pwned(tmp_path)


def test_a_condition_names_a_folder_of_the_sweep_and_no_other(tmp_path):
    def make(seed, which):
        return {"task": poisson_task(), "model": SUPERSPIKE}

    for text in (*HOSTILE, "..", "../..", "/", "/etc", "a/../../b", "-rf", "a\0b", ""):
        job = _job(tmp_path / "s", make, {"which": text}, 0, COURSE | {"device": "runtime"})
        assert job.out.parent.parent == tmp_path / "s" and re.fullmatch(r"which=[\w.+=,-]*", job.out.parent.name)
