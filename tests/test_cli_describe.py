"""`superspike describe`: what the options choose, and what is edited, shows."""

import re

import pytest
from command import superspike
from superspike_brian.models import FEEDBACKS, OPTIMIZERS, SURROGATES

pytestmark = pytest.mark.usefixtures("surroundings")


@pytest.fixture(scope="module")
def default_description():
    return superspike("describe", "spike-timing", "--hidden", "4").out


@pytest.mark.parametrize(
    ("option", "choice", "component"),
    [
        (option, choice, component)
        for option, known in (("--feedback", FEEDBACKS), ("--surrogate", SURROGATES), ("--optimizer", OPTIMIZERS))
        for choice, component in known.items()
    ],
)
def test_every_choice(option, choice, component):
    found = superspike("describe", "spike-timing", "--hidden", "4", option, choice)
    assert (found.code, found.err) == (0, "")
    assert f"*{component.name}*" in found.out
    others = {"--feedback": FEEDBACKS, "--surrogate": SURROGATES, "--optimizer": OPTIMIZERS}[option].keys() - {choice}
    assert not any(f"*{other}*" in found.out for other in others)


def test_the_defaults(default_description):
    for name in ("symmetric", "fast-sigmoid", "rmaxprop", "none"):
        assert f"*{name}*" in default_description


def test_hidden_0_is_no_hidden_layer():
    none, zero = (superspike("describe", "spike-timing", *more) for more in ((), ("--hidden", "0")))
    assert none.code == zero.code == 0 and none.out == zero.out
    assert "hidden_1" not in none.out


def test_hidden_repeated_is_depth():
    found = superspike("describe", "spike-timing", "--hidden", "5", "--hidden", "3", "--feedback", "random")
    assert found.code == 0
    assert {"hidden_1", "hidden_2", "forward_3", "feedback_target_2"} <= set(re.findall(r"\w+", found.out))
    assert "hidden_3" not in found.out


def test_hidden_learning_can_be_switched_off(default_description):
    found = superspike("describe", "spike-timing", "--hidden", "4", "--no-hidden-learning")
    assert found.code == 0
    for text, learns in ((default_description, True), (found.out, False)):
        assert ("forward_1_update" in text) == ("feedback_target_1" in text) == learns
        assert "forward_2_update" in text
    again = superspike("describe", "spike-timing", "--hidden", "4", "--hidden-learning")
    assert again.out == default_description


def test_a_regulariser_by_name():
    found = superspike("describe", "spike-timing", "--hidden", "2", "--regularizer", "error-gated:0.5")
    assert (found.code, found.err) == (0, "")
    assert re.search(r"zeta.*error", found.out)
    assert float(dict(re.findall(r"^\| `(\w+)` +\| ([^|]*?) +\|", found.out, re.M))["rho"]) == 0.5


def test_a_classification_is_regularised_unless_told_otherwise():
    regularised = superspike("describe", "xor", "--hidden", "2")
    plain = superspike("describe", "xor", "--hidden", "2", "--regularizer", "none")
    assert (regularised.code, plain.code) == (0, 0)
    assert "zeta_0" in regularised.out and "zeta" not in plain.out


def test_describe_shows_options_and_edits(models):
    more = ("--r0", "0.3mV", "--regularizer", "7", "--hidden", "2")
    found = superspike("describe", "spike-timing", *more, "--model", f"{models}:EXPONENTIAL")
    assert (found.code, found.err) == (0, "")
    assert "exp(-abs(beta*(U - theta)))" in found.out
    rows = dict(re.findall(r"^\| `(\w+)` +\| ([^|]*?) +\|", found.out, re.M))
    assert rows["r0"] in ("0.3 mV", "300 uV") and float(rows["rho"]) == 7
