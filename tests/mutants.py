"""Edits of the shipped models: what a user mistypes, and what nobody would type."""

import dataclasses
import keyword
import random
import re

import numpy as np
from brian2 import Hz, ms, mV, nA, second, volt
from superspike_brian.models import (
    FEEDBACKS,
    LIF,
    OPTIMIZERS,
    REGULARIZERS,
    SURROGATES,
    THREE_FACTOR,
    VAN_ROSSUM,
    WINDOWED,
    Model,
)
from superspike_brian.models.checks import methods, names

ADAPTIVE = LIF.replace(
    name="adaptive threshold",
    equations=f"{LIF.equations}\ndrise/dt = -rise/tau_rise_theta : volt\ngain = exp(-rise/volt) : 1",
    threshold="U > theta + rise and not_refractory",
    reset="U = U_rest\nstep = jump*gain  # a local variable\nrise += step",
    parameters={**LIF.parameters, "tau_rise_theta": 50 * ms, "jump": 1 * mV},
)
QUADRATIC = LIF.replace(
    name="quadratic",
    equations="""
    dU/dt = ((U - U_rest)*(U - theta)/(20*mV) + I_syn)/tau_mem : volt (unless refractory)
    dI_syn/dt = -I_syn/tau_syn : volt
    """,
    initial="U = U_rest + 2*mV*i/N",
    method="euler",
)
SHORT = THREE_FACTOR.replace(
    name="one time constant",
    equations="""
    deligibility/dt = (sigma_prime_post*z_pre - eligibility)/tau_decay : 1 (clock-driven)
    dm/dt           = error_post*eligibility - weight_decay            : 1 (clock-driven)
    w : volt
    """,
)
CHOICES = {
    "neuron": [LIF, LIF, ADAPTIVE, QUADRATIC],
    "plasticity": [THREE_FACTOR, THREE_FACTOR, SHORT],
    "surrogate": list(SURROGATES.values()),
    "error": [VAN_ROSSUM, WINDOWED],
    "feedback": list(FEEDBACKS.values()),
    "optimizer": list(OPTIMIZERS.values()),
    "regularizer": list(REGULARIZERS.values()),
}
VALUES = [
    *(0, 1, -1, 2.5, 1e-300, 1e300, 10**20, float("nan"), float("inf"), -float("inf"), True, None, "10 ms", 1j, b"1"),
    *(np.float32(2), np.int64(3), np.array(1.5), np.array([1.0]), [1, 2], np.bool_(True), np.nan * ms, [1, 2] * ms),
    *(
        0 * ms,
        1 * ms,
        -1 * ms,
        0.25 * ms,
        3 * second,
        1e-9 * second,
        0 * mV,
        -5 * mV,
        1 * volt,
        1 * nA,
        5 * Hz,
        np.inf * mV,
    ),
]
RESERVED = sorted(
    {*keyword.kwlist, *names.BRIAN2, *names.CPP_KEYWORDS, *names.CPP_NAMES}
    | {
        "E",
        "I",
        "S",
        "Q",
        "C",
        "O",
        "gamma",
        "zeta",
        "beta",
        "lambda",
        "re",
        "im",
        "Abs",
        "NULL",
        "errno",
        "INFINITY",
        "M_PI",
    }
    | {
        "_x",
        "x_pre",
        "U_post",
        "w",
        "b",
        "m",
        "v",
        "exp",
        "mV",
        "pi",
        "xi",
        "xi_2",
        "init",
        "name",
        "clock",
        "events",
        "e",
    }
)
TOKENS = [
    *RESERVED,
    *(
        "+",
        "-",
        "*",
        "/",
        "**",
        "//",
        "%",
        "=",
        "+=",
        "-=",
        "==",
        "<",
        ">",
        "<=",
        "!=",
        "(",
        ")",
        ",",
        ":",
        ";",
        ".",
        "#",
        "\\",
    ),
    *(
        "\n",
        "0",
        "1",
        "2",
        "-1",
        "0.5",
        "1e400",
        "1e-30",
        "9**9**9",
        "100",
        "2147483648",
        "1j",
        "'a'",
        '"',
        "[0]",
        "@",
        "&",
        "$",
    ),
    *(
        "and",
        "or",
        "not",
        "if",
        "True",
        "exp(",
        "clip(",
        "rand()",
        "randn()",
        "sqrt(",
        "abs(",
        "int(",
        "sign(",
        "poisson(2)",
    ),
    *(
        "(shared)",
        "(constant)",
        "(shared, constant)",
        "(event-driven)",
        "(clock-driven)",
        "(unless refractory)",
        "(summed)",
    ),
    *(
        "(constant over dt)",
        "(linked)",
        "volt",
        "second",
        "Hz",
        "ms",
        ": 1",
        ": volt",
        ": boolean",
        ": integer",
        "# note\n",
    ),
    *(
        "dx/dt = -x/(10*ms) : 1\n",
        "x : 1\n",
        "x = 1\n",
        "not_refractory",
        "lastspike",
        "t",
        "dt",
        "i",
        "j",
        "N",
        "µ",
        "\t",
        "\0",
    ),
    *(
        "U",
        "w",
        "m",
        "U_post",
        "error_post",
        "z_pre",
        "theta",
        "sigma_prime",
        "cost",
        "r0",
        "r0_post",
        "target_impulse",
        "eligibility",
    ),
]
OTHERS = [
    None,
    5,
    1.5,
    b"U = 1",
    ["U = 1"],
    "",
    " ",
    "#",
    "# only a comment",
    "x",
    "1",
    "U",
    "0*ms",
    "exact",
    "nonsense",
]
_TOKEN = re.compile(r"[A-Za-z_]\w*|\d+\.?\d*(?:e[-+]?\d+)?|\*\*|[-+*/]=|\s+|.", re.DOTALL)


def mutant(seed):
    """A shipped combination of components with one to three edits: (function that makes the model, what was edited)."""
    rng = random.Random(seed)
    parts = {kind: rng.choice(found) for kind, found in CHOICES.items()}
    fields = {
        kind: {f.name: getattr(c, f.name) for f in dataclasses.fields(c) if f.name != "parameters"}
        for kind, c in parts.items()
    }
    parameters = {kind: dict(c.parameters) for kind, c in parts.items()}
    edits = [
        rng.choices((_text, _rename, _value, _parameter, _other, _bomb), (8, 3, 3, 1, 1, 0.3))[0] for _ in range(3)
    ]
    said = [edit(rng, fields, parameters) for edit in edits[: rng.choice((1, 1, 1, 2, 3))]]

    def make():
        return Model(**{k: type(parts[k])(**fields[k], parameters=parameters[k]) for k in parts})

    return make, "; ".join(said)


def _code(rng, fields):
    """A random field with code."""
    places = [
        (k, f)
        for k, c in fields.items()
        for f, v in c.items()
        if f not in ("name", "source") and isinstance(v, str) and v
    ]
    return rng.choice(places)


def _text(rng, fields, _):
    kind, field = _code(rng, fields)
    tokens = _TOKEN.findall(fields[kind][field])
    at, other = rng.randrange(len(tokens)), rng.randrange(len(tokens))
    what = rng.choice(("delete", "double", "swap", "replace", "insert", "own", "character"))
    own = re.findall(r"[A-Za-z_]\w*", " ".join(v for c in fields.values() for v in c.values() if isinstance(v, str)))
    if what == "delete":
        del tokens[at : at + rng.choice((1, 1, 2, 5))]
    elif what == "double":
        tokens.insert(other, tokens[at])
    elif what == "swap":
        tokens[at], tokens[other] = tokens[other], tokens[at]
    elif what == "replace":
        tokens[at] = rng.choice(TOKENS)
    elif what == "insert":
        tokens.insert(at, rng.choice(TOKENS))
    elif what == "own":
        tokens[at] = rng.choice(own)
    else:
        tokens.insert(at, chr(rng.choice((rng.randrange(256), rng.randrange(32, 127)))))
    fields[kind][field] = "".join(tokens)
    return f"{what} in {kind}.{field}: {fields[kind][field]!r}"


def _rename(rng, fields, parameters):
    """A name of the model becomes another, wherever it stands."""
    own = {
        n
        for c in fields.values()
        for f, v in c.items()
        if f.endswith("equations") and isinstance(v, str)
        for n in _defined(v)
    }
    own |= {n for p in parameters.values() for n in p}
    old, new = rng.choice(sorted(own, key=str)), rng.choice(RESERVED)
    for c in fields.values():
        for f, v in c.items():
            if f not in ("name", "source") and isinstance(v, str):
                c[f] = re.sub(rf"\b(d?){re.escape(str(old))}(_pre|_post)?\b", rf"\g<1>{new}\g<2>", v)
    for kind, p in parameters.items():
        parameters[kind] = {new if k == old else k: v for k, v in p.items()}
    return f"{old} becomes {new}"


def _defined(code):
    return [a or b for a, b in re.findall(r"^\s*(?:d(\w+)/dt|(\w+))\s*[=:]", code, re.M)]


def _value(rng, _, parameters):
    kind = rng.choice([k for k, p in parameters.items() if p])
    symbol = rng.choice(sorted(parameters[kind], key=str))
    value = rng.choice(VALUES)
    if rng.random() < 0.5 and hasattr(parameters[kind][symbol], "dim"):
        value = rng.choice((0, -1, 1e-3, 0.5, 3, 1e6, float("nan"))) * parameters[kind][symbol]
    parameters[kind][symbol] = value
    return f"{symbol} = {value!r}"


def _parameter(rng, _, parameters):
    kind = rng.choice([k for k, p in parameters.items() if p])
    symbol = rng.choice(sorted(parameters[kind], key=str))
    if rng.random() < 0.5:
        del parameters[kind][symbol]
        return f"without {symbol}"
    name = rng.choice([*RESERVED, "two words", "", 5, "µ", "x" * 100, symbol])
    other = rng.choice(list(parameters))
    parameters[other][name] = rng.choice(VALUES)
    return f"{other} has {name!r} = {parameters[other][name]!r}"


def _other(rng, fields, _):
    kind = rng.choice(list(fields))
    field = rng.choice(list(fields[kind]))
    fields[kind][field] = rng.choice([*OTHERS, rng.choice(methods.METHODS), rng.choice(methods.METHODS)])
    return f"{kind}.{field} = {fields[kind][field]!r}"


def _bomb(rng, fields, _):
    """An expression that is too large for somebody."""
    kind, field = _code(rng, fields)
    n = rng.choice((20, 90, 200, 3000))
    bomb = rng.choice(
        (
            "(" * n + "1" + ")" * n,
            " + ".join(["1"] * n),
            "-" * n + "1",
            f"(1 + U/volt + error/Hz)**{n}",
            "9**" * n + "9",
            "*".join(["(1 + 2*N)"] * n),
            "exp(" * n + "1" + ")" * n,
            f"1{'0' * n}",
            "1/(1 + " * n + "1" + ")" * n,
            f"volt**{n}",
            "U" * n,
        )
    )
    tokens = _TOKEN.findall(fields[kind][field])
    tokens[rng.randrange(len(tokens))] = bomb
    fields[kind][field] = "".join(tokens)
    return f"{bomb[:40]}... in {kind}.{field}"
