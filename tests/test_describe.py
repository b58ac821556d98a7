"""The description of a model says what would run, whatever its user changed."""

import re
import warnings

import numpy as np
import pytest
from brian2 import Hz, ms, mV, prefs, second, uamp, volt
from brian2.devices.device import get_device, reset_device, set_device
from superspike_brian.models import FAST_SIGMOID, FIXED, HETEROSYNAPTIC, LIF, RANDOM, RMAXPROP, SUPERSPIKE, SYMMETRIC
from superspike_brian.tasks import SpikePattern, Task

from superspike_brian.codegen.brian2_api import names_of_its_own
from superspike_brian.network.assembly import Assembly
from superspike_brian.network.structure import Structure
from superspike_brian.spec.describe import describe, describe_structure
from superspike_brian.values.quantities import readable

DEEP = SUPERSPIKE.replace(feedback=RANDOM, regularizer=HETEROSYNAPTIC)


def tables(text):
    """Rows of the first table of each section: dict of heading to list of lists of cells, without code marks."""
    found = {}
    for section in re.split(r"^## ", text, flags=re.M)[1:]:
        rows = [line for line in section.splitlines() if line.startswith("|")]
        cells = [[c.strip().replace("`", "") for c in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]
        found[section.splitlines()[0]] = cells[2:]
    return found


def column(rows, k):
    """The `k`-th cell by the first one."""
    return {row[0]: row[k] for row in rows}


@pytest.fixture(scope="module")
def deep():
    """Description of a network with two hidden layers, random feedback and regulariser."""
    return describe_structure(Structure(DEEP, (6, 4, 3, 2)))


def test_sizes_and_synapse_counts(deep):
    found = tables(deep)
    assert column(found["Populations"], 2) == {
        "inputs": "6",
        "targets": "2",
        "hidden_1": "4",
        "hidden_2": "3",
        "output": "2",
        "terminals_1": "6",
        "terminals_2": "4",
        "terminals_3": "3",
    }
    synapses = column(found["Connectivity"], 3)
    assert {k: synapses[k] for k in ("forward_1", "forward_2", "forward_3")} == {
        "forward_1": "24",
        "forward_2": "12",
        "forward_3": "6",
    }
    assert synapses["feedback_target_2"] == "6" and synapses["error_output"] == "2" and synapses["axons_2"] == "4"
    patterns = column(found["Connectivity"], 4)
    assert patterns["forward_1"] == "all to all" and patterns["error_target"] == "one to one"
    assert column(found["Connectivity"], 5)["forward_1"] == readable(SUPERSPIKE.parameters["axonal_delay"])


def test_layers_and_weight_groups_that_are_the_same_share_a_subsection(deep):
    assert "### `hidden_1`, `hidden_2`\n" in deep and "### `output`\n" in deep
    assert "### `forward_1`, `forward_2`\n" in deep and "### `forward_3`\n" in deep
    assert deep.count(HETEROSYNAPTIC.on_spike) == 1


def test_without_hidden_layer_there_is_no_hidden_feedback():
    text = describe_structure(Structure(SUPERSPIKE, (3, 1)), title="Smallest")
    assert text.startswith("# Smallest\n")
    assert "hidden_" not in text and "feedback_" not in text and "drate_trace" not in text
    assert "- `error_target`: `targets` → `output` (delay: none): `error_rise_post += target_impulse`" in text


def test_feedback_pathways_name_their_weights(deep):
    assert f"`{RANDOM.on_target}`; with `{RANDOM.equations}`" in deep
    symmetric = describe_structure(Structure(SUPERSPIKE.replace(feedback=SYMMETRIC), (3, 2, 1)))
    assert f"`{SYMMETRIC.on_output}`; reads `w` of `forward_2`" in symmetric


def test_fixed_hidden_weights_are_shown_as_fixed():
    text = describe_structure(Structure(SUPERSPIKE, (3, 2, 1), hidden_learning=False))
    plastic, fixed = text.split("## Plastic synapses")[1].split("## Fixed synapses")
    assert "`forward_2`" in plastic and "`forward_1`" not in plastic
    assert "### `forward_1`" in fixed


def test_an_edited_equation_appears_verbatim():
    expression = "exp(-beta*abs(U - theta - 3*mV))"
    surrogate = FAST_SIGMOID.replace(
        equations=f"sigma_prime = {expression} : 1 (constant over dt)\nbeta : 1/volt (shared, constant)"
    )
    text = describe_structure(Structure(SUPERSPIKE.replace(surrogate=surrogate), (3, 2, 1)))
    assert text.count(f"sigma_prime = {expression}") == 2  # hidden, output
    assert "1/(1 + abs(" not in text


def test_edited_spikes_appear():
    neuron = LIF.replace(
        threshold="U > theta + 1*mV or U > 0*mV", reset="U = U_rest - 2*mV", on_input="I_syn_post += 2*w"
    )
    text = describe_structure(Structure(SUPERSPIKE.replace(neuron=neuron), (3, 1)))
    assert f"- spike when `{neuron.threshold}`, then `{neuron.reset}`" in text
    assert column(tables(text)["Connectivity"], 6)["forward_1"] == neuron.on_input
    assert "- refractory: `tau_ref`" in text and "- starts at `U` = -60 mV" in text


@pytest.mark.parametrize("optimizer", [RMAXPROP, FIXED], ids=lambda o: o.name)
def test_the_weight_update_appears_with_its_interval(optimizer):
    text = describe_structure(Structure(SUPERSPIKE.replace(optimizer=optimizer, t_b=0.25 * second), (3, 2, 1)))
    update = "\n".join(line.strip() for line in optimizer.update.strip().splitlines())
    assert text.count(f"Every 250 ms, in slot `start`:\n\n```\n{update}\n```") == 1  # both weight groups share it
    assert "### `forward_1`, `forward_2`\n" in text


def test_every_parameter_appears_once_with_its_unit_component_and_kind():
    rows = tables(describe_structure(Structure(DEEP, (6, 4, 1))))["Parameters"]
    assert [row[0] for row in rows] == list(DEEP.parameters)
    assert column(rows, 1) == {symbol: readable(value) for symbol, value in DEEP.parameters.items()}
    assert column(rows, 1) | {"tau_mem": "10 ms", "beta": "1/mV", "a": "4", "r0": "1 mV"} == column(rows, 1)
    assert column(rows, 2)["tau_rise"] == SUPERSPIKE.plasticity.name
    kinds = column(rows, 3)
    assert {s for s, kind in kinds.items() if kind == "input of the program"} == {"beta", "r0", "a", "rho"}
    assert {s for s, kind in kinds.items() if kind == "not in the equations"} == {"w_0"}
    assert kinds["axonal_delay"] == kinds["t_b"] == kinds["tau_ref"] == "compiled constant"


def test_parameters_that_a_user_adds_appear():
    neuron = LIF.replace(
        equations=LIF.equations.replace("+ I_syn", "+ I_syn + R*I_dc + noise"),
        parameters={**LIF.parameters, "R": 2 * volt / uamp, "I_dc": 0.5 * uamp, "noise": 3 * mV},
    )
    rows = tables(describe_structure(Structure(SUPERSPIKE.replace(neuron=neuron), (3, 1))))["Parameters"]
    values = column(rows, 1)
    assert values["I_dc"] == "0.5 uA" and values["noise"] == "3 mV" and values["R"] == "2 Mohm"
    assert column(rows, 2)["R"] == LIF.name and column(rows, 3)["R"] == "compiled constant"


def test_changes_of_the_live_objects_appear(monkeypatch):
    monkeypatch.setitem(prefs, "codegen.target", "numpy")
    assembly = Assembly(Structure(SUPERSPIKE, (3, 2, 1)))
    hidden = assembly.groups["hidden_1"]
    hidden.namespace |= {"tau_mem": 25 * ms, "kick": 2 * mV}
    drive = hidden.run_regularly("I_syn += kick", dt=20 * ms, when="before_groups", name="drive")
    assembly.groups["forward_1"].pre.code = "I_syn_post += w/2"
    assembly.groups["forward_2"].delay = 1.5 * ms
    assembly.net.run(0 * second, namespace={})
    text = describe(assembly)
    found = tables(text)
    assert f"Every 20 ms, in slot `before_groups`:\n\n```\n{drive.abstract_code}\n```" in text
    listed = {name for row in found["Schedule of one time step"] for name in row[-1].split(", ")}
    assert {o.name for o in assembly.net.sorted_objects if o._code_objects} <= listed and "drive" in listed
    parameters = column(found["Parameters"], 1)
    assert parameters["tau_mem"].startswith("25 ms in hidden_1, 10 ms in output") and parameters["kick"] == "2 mV"
    assert column(found["Parameters"], 2)["kick"] == "added to a group"
    assert column(found["Connectivity"], 6)["forward_1"] == "I_syn_post += w/2"
    assert column(found["Connectivity"], 5)["forward_2"] == "1.5 ms"


def test_measurements_say_what_is_recorded_when(deep):
    rows = tables(deep)["Measurements"]
    assert {row[0] for row in rows if row[4] == "always"} == {"spikes_output"}
    assert ["probe_forward_1", "eligibility, m, w", "forward_1", "10 of 24", "in probe windows"] in rows
    assert f"- cost: `{SUPERSPIKE.error.cost_update}` in `output`, every 0.1 ms" in deep


def test_the_schedule_is_that_of_the_network(deep, monkeypatch):
    rows = tables(deep)["Schedule of one time step"]
    listed = [name for row in rows for name in row[-1].split(", ")]
    monkeypatch.setitem(prefs, "codegen.target", "numpy")
    with names_of_its_own():
        assembly = Assembly(Structure(DEEP, (6, 4, 3, 2)))
    order = [o.name for o in assembly.net.sorted_objects]
    assert [name for name in order if name in listed] == listed
    assert listed.index("forward_1_stateupdater") < listed.index("hidden_1_stateupdater")


def test_the_task_appears():
    task = Task(
        "two spikes",
        SpikePattern(3, np.array([0, 2]), np.array([10, 20]) * ms, 500 * ms),
        SpikePattern(1, np.array([0]), np.array([30]) * ms, 500 * ms),
        "made up",
    )
    text = describe_structure(Structure(SUPERSPIKE, (3, 1)), task)
    assert tables(text)["Input and targets"] == [["inputs", "3", "2", "1.33 Hz"], ["targets", "1", "1", "2 Hz"]]
    assert "- task: two spikes\n- repeats every 0.5 s\n- source: made up" in text
    assert "Input and targets" not in describe_structure(Structure(SUPERSPIKE, (3, 1)))


def test_sources_of_all_components(deep):
    for kind, component in DEEP.components.items():
        assert f"- {kind}, *{component.name}*: {component.source}" in deep


def test_tables_are_aligned_and_fences_closed(deep):
    for table in re.findall(r"(?:^\|.*\n)+", deep, flags=re.M):
        lines = table.splitlines()
        assert len({len(line) for line in lines}) == 1
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1
        assert re.fullmatch(r"\|( -{2,}[-:] \|)+", lines[1])
    assert deep.count("```") % 2 == 0 and "\n\n\n" not in deep
    inside = "\n".join(deep.split("```")[1::2])
    assert not re.search(r"^[ \t]", inside, flags=re.M)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (10 * ms, "10 ms"),
        (0.1 * ms, "0.1 ms"),
        (600 * second, "600 s"),
        (-60 * mV, "-60 mV"),
        (0 * mV, "0 V"),
        (2.5 / mV, "2.5/mV"),
        (3 * Hz**2, "3 Hz^2"),
        (1 / 3 * ms, "0.333333 ms"),
        (np.array([2]) * ms, "2 ms"),
        (np.array([1, 2]) * ms, "2 values"),
        (4, "4"),
        (1e-12, "1e-12"),
        (max, "builtin_function_or_method"),
    ],
)
def test_readable(value, text):
    assert readable(value) == text


@pytest.mark.parametrize("fails", [False, True])
def test_brian2_is_left_as_it_was(fails, monkeypatch, tmp_path):
    if fails:
        monkeypatch.setattr("superspike_brian.spec.describe.describe", lambda *_: 1 / 0)
    set_device("cpp_standalone", build_on_run=False, directory=str(tmp_path))
    try:
        device, before, options = get_device(), prefs.as_file, dict(get_device().build_options)
        if fails:
            with pytest.raises(ZeroDivisionError):
                describe_structure(Structure(SUPERSPIKE, (3, 1)))
        else:
            describe_structure(Structure(SUPERSPIKE, (3, 1)))
        assert get_device() is device and prefs.as_file == before
        assert device.build_on_run is False and device.build_options == options
        assert not device.code_objects and not list(tmp_path.iterdir())
    finally:
        get_device().reinit()
        reset_device()


def test_brian2_warns_of_nothing(caplog):
    with warnings.catch_warnings():
        warnings.filterwarnings("error", module="superspike_brian")
        for _ in range(2):
            describe_structure(Structure(SUPERSPIKE, (3, 2, 1)))
    assert not [r for r in caplog.records if r.levelname in ("WARNING", "ERROR")]
