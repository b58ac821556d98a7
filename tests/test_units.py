import math

import pytest
from brian2 import Hz, Quantity, have_same_dimensions, mV, second, volt
from hypothesis import given
from hypothesis import strategies as st

from superspike_brian.values.quantities import parse_quantity

SECONDS = {"s": 1, "ms": 1e-3, "us": 1e-6, "min": 60, "h": 3600, "second": 1, "msecond": 1e-3, "usecond": 1e-6}
VOLTS = {"V": 1, "mV": 1e-3, "uV": 1e-6, "volt": 1, "mvolt": 1e-3}
HERTZ = {"Hz": 1, "kHz": 1e3, "hertz": 1}


def time(text):
    return parse_quantity(text, second, "500ms")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.89s", 1.89),
        ("500ms", 0.5),
        ("500 ms", 0.5),
        (" 250s ", 250),
        ("0.5*second", 0.5),
        ("2 * min", 120),
        ("1h", 3600),
        (".5s", 0.5),
        ("5.s", 5),
        ("1e3ms", 1),
        ("1E-3s", 1e-3),
        ("-1s", -1),
        ("+1s", 1),
    ],
)
def test_reads_times(text, expected):
    value = time(text)
    assert isinstance(value, Quantity) and have_same_dimensions(value, second)
    assert float(value) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(
    ("unit", "name", "scale"),
    [
        (unit, name, scale)
        for unit, names in ((second, SECONDS), (volt, VOLTS), (Hz, HERTZ))
        for name, scale in names.items()
    ],
)
def test_every_unit(unit, name, scale):
    value = parse_quantity(f"3{name}", unit, "1")
    assert have_same_dimensions(value, unit)
    assert float(value) == pytest.approx(3 * scale, rel=1e-15)


def test_a_unit_of_the_same_kind_is_as_good():
    assert float(parse_quantity("0.001V", mV, "1mV")) == pytest.approx(1e-3, rel=1e-15)


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(sorted(SECONDS)))
def test_any_number_that_python_prints(number, name):
    if math.isinf(number * SECONDS[name]):
        with pytest.raises(ValueError, match="is not finite"):
            time(f"{number!r}{name}")
    else:
        assert float(time(f"{number!r}{name}")) == pytest.approx(number * SECONDS[name], rel=1e-14)


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("0.5/mV", 1 / volt, 500),
        ("0.5 mV^-1", 1 / volt, 500),
        ("2*1", None, None),
        ("3mV/ms", volt / second, 3),
        ("2 mV**2*Hz", volt**2 * Hz, 2e-6),
        ("1e-12Hz", Hz, 1e-12),
        ("0.25", Quantity(1), 0.25),
        ("4mV/mV", Quantity(1), 4),
        ("4mV", Quantity(1), None),
        ("4", 1 / volt, None),
        ("4/", 1 / volt, None),
        ("4/mV/", 1 / volt, None),
        ("4mV mV", volt**2, None),
    ],
)
def test_products_of_units(text, unit, expected):
    if expected is None:
        with pytest.raises(ValueError, match=r"number|unit"):
            parse_quantity(text, unit or Quantity(1), "1")
        return
    value = parse_quantity(text, unit, "1")
    assert have_same_dimensions(value, unit) and float(value) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("text", ["250", "1.89", "0", "-3", "1e5"])
def test_a_bare_number_is_refused_with_the_unit_that_was_expected(text):
    with pytest.raises(ValueError, match=rf"^'{text}' has no unit; expected s, for instance 500ms$"):
        time(text)


def test_a_bare_learning_rate_is_refused_in_its_own_unit():
    with pytest.raises(ValueError, match="'1' has no unit; expected mV, for instance 1mV"):
        parse_quantity("1", mV, "1mV")


@pytest.mark.parametrize(("text", "found"), [("250mV", "mV"), ("5Hz", "Hz"), ("1V", "V")])
def test_another_kind_of_unit_is_refused_naming_both(text, found):
    with pytest.raises(ValueError, match=f"'{text}' is in {found}; expected s, for instance 500ms"):
        time(text)


@pytest.mark.parametrize(("text", "near"), [("250sec", "second"), ("3seconds", "second")])
def test_an_unknown_unit_gets_a_suggestion(text, near):
    with pytest.raises(ValueError, match=f"in '{text}' is no unit known here; did you mean '{near}'"):
        time(text)


def test_an_unknown_unit_without_a_near_one_gets_an_example():
    with pytest.raises(ValueError, match="'Q' in '3Q' is no unit known here, as in 500ms"):
        time("3Q")


@pytest.mark.parametrize(
    "text",
    ["", " ", "s", "ms 3", "1,5s", "1.2.3s", "3 s s", "1_0s", "nan s", "inf", "infs", "1s;2s", "--1s", "1e s", "١s"],
)
def test_what_is_no_number_is_refused_with_an_example(text):
    try:
        value = time(text)
    except ValueError as error:
        assert "500ms" in str(error) or "did you mean" in str(error)
    else:  # Unicode digits are numbers to Python: right, if they are read as such
        assert text == "١s" and float(value) == 1


@pytest.mark.parametrize("text", ["1e400s", "-1e400ms"])
def test_a_number_too_large_for_a_float_is_refused(text):
    with pytest.raises(ValueError, match="is not finite"):
        time(text)
