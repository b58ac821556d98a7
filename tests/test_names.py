"""Names that others keep for themselves: refused with the model, or as good as any other name.

What others keep is asked of them: SymPy, Brian2, Python and, for C++, SymPy's printer.
"""

import builtins
import keyword
import random
import re
import shutil
import subprocess
from pathlib import Path

import brian2
import numpy as np
import pytest
from brian2 import ms
from brian2.codegen.templates import CodeObjectTemplate
from brian2.core.functions import DEFAULT_FUNCTIONS
from brian2.core.namespace import DEFAULT_CONSTANTS, DEFAULT_UNITS
from superspike_brian.models import LAYERWISE, LIF, RANDOM, READOUT, SUPERSPIKE, ModelError, Projection, chain
from superspike_brian.models.checks import names
from superspike_brian.tasks import spike_timing
from sympy.printing import cxx

from superspike_brian import codegen, engine
from superspike_brian.codegen import kernels
from superspike_brian.engine.runtime import RuntimeProgram
from superspike_brian.network.assembly import Assembly
from superspike_brian.network.initial import initial_state
from superspike_brian.network.structure import Structure

NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
CPP = {word for words in cxx.reserved.values() for word in words}
ALTERNATIVE = "and and_eq bitand bitor compl not not_eq or or_eq xor xor_eq".split()  # noqa: SIM905
NEWER = "char8_t co_await co_return co_yield concept consteval constinit requires".split()  # noqa: SIM905
TASK = spike_timing(n_inputs=20, seed=1, period=50 * ms, n_spikes=2)


def of_sympy():
    found = {}
    exec("from sympy import *", found)
    return set(found)


def of_brian2():
    groups = (brian2.NeuronGroup, brian2.Synapses, brian2.SpikeGeneratorGroup, brian2.StateMonitor)
    return {*DEFAULT_FUNCTIONS, *DEFAULT_UNITS, *DEFAULT_CONSTANTS, *(n for g in groups for n in dir(g))}


def of_templates():
    """Everything that looks like a name in C++ that is not generated."""
    ours = Path(codegen.__file__).parent
    theirs = Path(brian2.__file__).parent / "devices" / "cpp_standalone"
    files = [f for folder in (ours, theirs) for f in folder.rglob("*") if f.suffix in (".cpp", ".h")]
    return {name for f in files for name in NAME.findall(f.read_text())}


def others():
    found = of_sympy() | of_brian2() | of_templates() | CPP | {*ALTERNATIVE, *NEWER, *keyword.kwlist, *dir(builtins)}
    used = {
        n for c in (*SUPERSPIKE.components.values(), RANDOM) for code in c.strings.values() for n in NAME.findall(code)
    }
    return sorted(n for n in found if NAME.fullmatch(n) and n not in used | SUPERSPIKE.parameters.keys())


def with_names(role, found):
    """A model with these names in a role, and the variables of the output layer that depend on them."""
    watched = [f"watched_{k}" for k in range(len(found))]
    parameters, equations, reset, lines = {**LIF.parameters, "tau_g": 20 * ms}, [], ["U = U_rest"], []
    for k, (name, seen) in enumerate(zip(found, watched, strict=True)):
        if role == "variable":
            equations.append(f"d{name}/dt = ({k + 1}*U/theta - {name})/tau_g : 1\nd{seen}/dt = {name}*Hz : 1")
            reset.append(f"{name} += 1")
        elif role == "expression":
            equations.append(f"{name} = {k + 1}*U/theta : 1\nd{seen}/dt = {name}*Hz : 1")
        elif role == "parameter":
            parameters[name] = k + 0.5
            equations.append(f"d{seen}/dt = {name}*Hz : 1")
        else:
            equations.append(f"{seen} : 1")
            lines.append(f"{name} = {seen} + {k + 1}*U/theta\n{seen} = 2*{name}")
    neuron = LIF.replace(
        name="own",
        equations="\n".join([LIF.equations, *equations]),
        reset="\n".join([*lines, *reset]),
        initial="U = theta + 1*mV",  # a spike in the first step
        method="euler",
        parameters=parameters,
    )
    return SUPERSPIKE.replace(neuron=neuron, feedback=RANDOM, w_0=1 * brian2.volt), watched


def is_refused(role, name):
    try:
        with_names(role, [name])
    except ModelError as error:
        assert f"'{name}'" in str(error) or f"{name}" in str(error).splitlines()[0], error
        return True
    return False


def after(program, structure, watched):
    state, _ = program.run(initial_state(structure, TASK, 1), 0, 300)
    return np.array([state[f"output.{name}"] for name in watched])


ROLES = ("variable", "expression", "parameter", "local")


SHAPES = {
    "large": (SUPERSPIKE, (300, 200, 10)),
    "trials": (READOUT, (12, 4, 3)),
    "sparse": (SUPERSPIKE, chain([30]).add(Projection("inputs", "output", connect=0.5)).sized(20, 5)),
    "deep": (SUPERSPIKE, chain([4, 3], LAYERWISE).sized(5, 2)),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kernel", [*kernels.KERNELS])
def test_what_templates_are_handed_beside_variables_is_refused(shape, kernel, tmp_path, monkeypatch):
    """Of every template that sees variables of a model: a variable of such a name would take its place."""
    handed, call = set(), CodeObjectTemplate.__call__

    def note(template, /, *code, **keywords):
        if "codeobj_name" in keywords and {"U", "w", "z", "error"} & set(keywords["variables"]):
            handed.update(keywords.keys() - set(keywords["variables"]))
        return call(template, *code, **keywords)

    monkeypatch.setattr(CodeObjectTemplate, "__call__", note)
    with engine.cache.standalone_device("double") as device:
        assembly = Assembly(Structure(*SHAPES[shape]), kernel)
        device.prepare(assembly.is_probe, assembly.every)
        assembly.net.run(0.1 * ms, namespace={})
        device.build(directory=str(tmp_path), compile=False, run=False)
    assert len(handed) > 10
    assert [name for name in sorted(handed) if names.fault(name) is None] == []


@pytest.mark.parametrize("role", ROLES)
def test_keywords_and_brian2s_names_are_refused(role):
    kept = {
        *CPP,
        *ALTERNATIVE,
        *NEWER,
        *keyword.kwlist,
        *DEFAULT_FUNCTIONS,
        *DEFAULT_UNITS,
        "i",
        "j",
        "N",
        "t",
        "dt",
        "xi",
    }
    kept |= {
        "_x",
        "_array_x",
        "lastspike",
        "not_refractory",
        "delay",
        "xi_1",
        "pi",
        "e",
        "inf",
        "stdin",
        "NULL",
        "std",
        "main",
    }
    sample = random.Random(0).sample(sorted(kept), 60)  # all of them below, by the function that says so
    accepted = [name for name in sample if NAME.fullmatch(name) and not is_refused(role, name)]
    assert accepted == []
    assert [name for name in kept if not names.fault(name)] == []


@pytest.mark.parametrize(
    "name",
    [
        "w",
        "x_pre",
        "x_post",
        "E",
        "gamma",
        "S",
        "Q",
        "zeta",
        "lastspike",
        "register",
        "new",
        "EMPTY_CODE_BLOCKS",
        "b",
        "owner",
        "scalar_code",
    ],
)
def test_a_variable_of_such_a_name_is_refused(name):
    assert is_refused("variable", name)


def batches(role, found, size):
    accepted = [
        n for n in found if not (names.variable_fault(n, differential=True) if role == "variable" else names.fault(n))
    ]
    accepted = [n for n in accepted if role == "parameter" or not names.variable_fault(n)]
    return [accepted[k : k + size] for k in range(0, len(accepted), size)]


def check_batch(role, batch, run):
    neutral = [f"neutral_{k}" for k in range(len(batch))]
    results = [run(*with_names(role, those)) for those in (batch, neutral)]
    wrong = [n for n, a, b in zip(batch, *results, strict=True) if not np.array_equal(a, b)]
    assert wrong == [], f"{role}: they change the result"
    assert np.isfinite(results[1]).all() and results[1].any()


def on_runtime(model, watched):
    structure = Structure(model, (20, 2, 1))
    return after(RuntimeProgram(structure), structure, watched)


@pytest.mark.parametrize("role", ROLES)
def test_other_names_of_others_are_as_good_as_any(role):
    found = random.Random(role).sample(others(), 200)
    check_batch(role, batches(role, found, 30)[0], on_runtime)


@pytest.mark.slow
@pytest.mark.parametrize("role", ROLES)
def test_all_names_of_others_are_as_good_as_any(role):
    for batch in batches(role, others(), 45):
        check_batch(role, batch, on_runtime)


@pytest.mark.slow
@pytest.mark.parametrize("role", ["variable", "local"])
def test_all_names_of_others_are_as_good_as_any_in_compiled_programs(role, build_dir):
    def compiled(model, watched):
        structure = Structure(model, (20, 2, 1))
        return after(engine.build(structure, "double", build_dir), structure, watched)

    for batch in batches(role, others(), 45):
        check_batch(role, batch, compiled)


@pytest.mark.skipif(shutil.which("g++") is None, reason="asks the compiler")
def test_what_the_headers_define_is_refused():
    headers = Path(codegen.__file__).with_name("standard.h")
    defined = subprocess.run(
        ["g++", "-std=c++11", "-dM", "-E", headers], capture_output=True, text=True, check=True
    ).stdout
    macros = {match for match in re.findall(r"^#define (\w+)", defined, re.M) if not match.startswith("_")}
    assert len(macros) > 100
    assert sorted(name for name in macros if not names.fault(name)) == []
