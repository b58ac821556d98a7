"""Options of the command line, and the run that they describe.

Those of a run are `superspike_brian.spec.OPTIONS`; those of a task are the parameters of the function that makes it; those of
the model edit components and parameters by name.
"""

import argparse
import contextlib
import dataclasses
import importlib.util
import inspect
import re
import sys
import traceback
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from brian2 import Quantity, get_dimensions, mV

from .. import models, tasks
from ..spec.recipe import RECIPES
from ..spec.run import OPTIONS, Machine, RunSpec, default_model
from ..values import docstrings
from ..values.kinds import (
    Choice,
    File,
    Kind,
    Number,
    Option,
    Physical,
    Text,
    Time,
    Whole,
    argument_type,
    given,
    options_of,
)
from ..values.names import nearest
from ..values.quantities import parse_quantity, readable
from ..values.renamed import IN_TASKS, current

_UNITS = {"second": Time, "Hz": Physical}
MACHINE = options_of(Machine)


# tasks


def makers() -> dict[str, Any]:
    """Functions that make tasks, by the word before the colon of a task's name."""
    return {**tasks.TASKS, "ssbm": tasks.ssbm}


@cache
def task_options() -> dict[str, Option]:
    """Options of all tasks: the parameters of their functions but the seed, which is the run's."""
    found: dict[str, Option] = {}
    for maker in makers().values():
        described = docstrings.parameters(maker)
        for name, parameter in _parameters(maker).items():
            kind, text = described[name]
            option = Option(name, _kind(kind, text, parameter.default), _first_sentence(text), group="task")
            found.setdefault(name, option)
    old = {new: name for name, new in IN_TASKS.items()}
    return {
        name: dataclasses.replace(option, help=_task_help(option), formerly=old.get(name, ""))
        for name, option in found.items()
    }


def _first_sentence(text):
    sentence = re.sub(r" \((second|Hz)\)", "", text).partition(". ")[0].rstrip(".;:")
    return sentence[0].lower() + sentence[1:]


def _parameters(maker):
    parameters = inspect.signature(maker).parameters
    return {k: p for k, p in parameters.items() if k != "seed" and not (maker is tasks.ssbm and k == "name")}


def _kind(kind, text, default):
    """Kind of a parameter by its documented type, its unit by its default or its text."""
    if kind.startswith("{"):
        names = tuple(re.findall("'(.+?)'", kind))
        return Choice(names[-1], known=names)
    if kind.startswith("int"):
        return Whole("10")
    if kind.startswith("float"):
        return Number("0.5")
    if kind.startswith("Quantity"):
        unit = Quantity(1, dim=get_dimensions(default)) if isinstance(default, Quantity) else None
        if unit is None or "(second)" in text:
            return Time("500ms")
        return Physical("5Hz", "RATE", unit)
    return File("my.png", "FILE") if kind.startswith("path") else Text("SPIKE")


def _task_help(option):
    """Help of a task's option, with its default in every task that has it."""
    defaults: dict[str, list[str]] = {}
    for task, maker in makers().items():
        if (parameter := _parameters(maker).get(option.name)) is not None:
            empty = parameter.default is parameter.empty
            shown = (
                "required"
                if empty
                else "optional"
                if parameter.default is None
                else option.kind.show(parameter.default)
            )
            defaults.setdefault(shown, []).append(task)
    shown = "; ".join(f"{', '.join(names)}: {value}" for value, names in defaults.items())
    example = "" if defaults.keys() - {"required", "optional"} else f"such as {option.kind.example}; "
    return f"{option.help} ({example}{shown})"


def make_task(args: argparse.Namespace) -> tasks.Task | tasks.Classification | tasks.LabelledTask:
    """Make the task that the options describe; ValueError for an option that it does not have."""
    maker = tasks.maker(args.task)
    known, chosen = _parameters(makers()[args.task.partition(":")[0]]), given(args, task_options())
    for name in chosen:
        if name not in known:
            flags = ", ".join(task_options()[k].flag for k in known)
            raise ValueError(f"the task {args.task} does not use {task_options()[name].flag}; its options: {flags}")
    needed = [k for k, p in inspect.signature(maker).parameters.items() if p.default is p.empty and k in known]
    if missing := [k for k in needed if k not in chosen]:
        example = " ".join(f"{task_options()[k].flag} {task_options()[k].kind.metavar}" for k in needed)
        raise ValueError(f"the task {args.task} needs {example}: {task_options()[missing[0]].flag} is missing")
    return tasks.by_name(args.task, seed_of(args), **chosen)


def seed_of(args: argparse.Namespace) -> int:
    """The seed of the run."""
    return OPTIONS["seed"].default if args.seed is None else args.seed


# models


@dataclasses.dataclass(frozen=True)
class RegularizerKind(Kind):
    """``[NAME:]RHO`` or ``none``."""

    metavar: str | None = "[NAME:]RHO"

    def parse(self, text: str) -> models.Regularizer:
        """Return the regulariser."""
        if text == models.NO_DECAY.name:
            return models.NO_DECAY
        name, colon, rho = text.rpartition(":")
        known = {k: v for k, v in models.REGULARIZERS.items() if "rho" in v.parameters}
        if colon and name not in known:
            raise ValueError(f"'{name}' is no regulariser with a strength; choose from {', '.join(known)}")
        return known[name or models.HETEROSYNAPTIC.name].replace(rho=Number(minimum=0).parse(rho))


@dataclasses.dataclass(frozen=True)
class Assignment(Kind):
    """``NAME=VALUE``; what the value must be depends on the model."""

    example: str = "beta=0.5/mV"
    metavar: str | None = "NAME=VALUE"

    def parse(self, text: str) -> tuple[str, str]:
        """Return name and text of the value."""
        name, equals, value = (part.strip() for part in text.partition("="))
        if not (equals and name.isidentifier() and value):
            raise ValueError(f"'{text}' is not NAME=VALUE, for instance {self.example}")
        return name, value


def _component(name, registry, what):
    default = getattr(models.SUPERSPIKE, name).name
    return Option(
        name, Choice(default, known=tuple(sorted(registry))), what, None, f"the model's: {default}", group="model"
    )


ANSWERS = {"spikes": models.WINDOWED, "spikes-margin": models.WINDOWED_MARGIN, "potential": models.GRADED}
MODEL_OPTIONS = {
    option.name: option
    for option in (
        Option(
            "model", Text("my_model.py:MODEL", "FILE.py:NAME"), "a model of your own", None, "superspike", group="model"
        ),
        Option(
            "network",
            Text("my_net.py:NET", "FILE.py:NAME"),
            "a network of your own, an Architecture, instead of --hidden",
            None,
            "a chain of layers",
            group="model",
        ),
        Option(
            "answer",
            Choice("spikes", known=tuple(ANSWERS)),
            "what answers a trial: spikes in its window (learned with a higher threshold: spikes-margin), or the potential "
            "at its deadline of outputs that do not spike",
            None,
            "potential for labelled data, spikes for other trials",
            group="model",
        ),
        _component("feedback", models.FEEDBACKS, "how errors reach hidden units"),
        _component("surrogate", models.SURROGATES, "derivative that stands for that of the spike"),
        _component("optimizer", models.OPTIMIZERS, "what turns gradients into weight changes"),
        Option(
            "regularizer",
            RegularizerKind("error-gated:0.1"),
            "regulariser of hidden layers and its strength, such as error-gated:0.1; heterosynaptic unless named; or none",
            None,
            f"the model's: {models.NO_DECAY.name}; {models.CLASSIFIER.regularizer.name} for xor and latencies",
            group="model",
        ),
        Option(
            "r0",
            Physical("1mV", "VOLTAGE", mV),
            "learning rate, short for --set r0=VOLTAGE",
            None,
            f"the model's: {readable(models.SUPERSPIKE.parameters['r0'])}; "
            f"{readable(models.READOUT.parameters['r0'])} for labelled data",
            group="model",
        ),
        Option(
            "set",
            Assignment(),
            "value of any parameter of the model (see superspike describe), such as beta=0.5/mV; repeat for more",
            (),
            "the model's own",
            many=True,
            group="model",
        ),
    )
}


def make_model(args: argparse.Namespace, task: tasks.Task | tasks.Classification | tasks.LabelledTask) -> models.Model:
    """Make the model that the options describe for a task."""
    model = load_record(args.model, models.Model, "model") if args.model else default_model(task)
    if not args.model and args.recipe in RECIPES:
        model = RECIPES[args.recipe].model(model)
    registries: dict[str, Mapping[str, models.Component]] = {
        "feedback": models.FEEDBACKS,
        "surrogate": models.SURROGATES,
        "optimizer": models.OPTIMIZERS,
    }
    changes: dict[str, Any] = {
        kind: known[getattr(args, kind)] for kind, known in registries.items() if getattr(args, kind)
    }
    if args.answer is not None:
        if isinstance(task, tasks.Task):
            raise ValueError(f"--answer is of trials, and the task {task.name} has none")
        changes["error"] = ANSWERS[args.answer]
    if args.regularizer is not None:
        changes["regularizer"] = args.regularizer
    model = model.replace(**changes)
    values = {}
    for given_name, text in args.set or ():
        if (name := current(given_name, model.parameters)) in values:
            raise ValueError(f"--set {name}={text}: {name} is set already")
        values[name] = text if isinstance(text, Quantity) else read_parameter(model, name, text)
    if args.r0 is not None:
        if "r0" in values:
            raise ValueError("--r0 and --set r0=...: give one of them")
        values["r0"] = args.r0
    if "r0" in values and not float(values["r0"]) > 0:
        raise ValueError(f"--r0 is {readable(values['r0'])}; expected a positive learning rate, for instance 1mV")
    return model.replace(**values)


def read_parameter(model: models.Model, name: str, text: str) -> Quantity:
    """Read the value of a parameter in its own unit; ValueError names the parameter."""
    if name not in model.parameters:
        raise ValueError(f"--set {name}={text}: the model has no parameter '{name}'{nearest(name, model.parameters)}")
    present = model.parameters[name]
    try:
        return parse_quantity(text, Quantity(1, dim=get_dimensions(present)), readable(present))
    except ValueError as error:
        raise ValueError(f"--set {name}={text}: {error}") from None


def make_network(args: argparse.Namespace) -> dict[str, models.Architecture]:
    """The architecture that the options name, as an argument of a run; nothing if it is a chain."""
    return {"network": load_record(args.network, models.Architecture, "network")} if args.network else {}


def load_record(text: str, kind: type, what: str) -> Any:
    """Read a model or a network from ``FILE.py:NAME``; modules beside the file can be imported by it.

    Parameters
    ----------
    text : str
        File and name.
    kind : type
        Of what is expected there.
    what : str
        What messages and the option call it.
    """
    file, _, name = text.rpartition(":")
    path = Path(file).expanduser()
    if not file or not name:
        raise ValueError(f"--{what} '{text}': expected a file and a name in it, such as my_{what}.py:MY_{what.upper()}")
    if not path.is_file():
        raise ValueError(f"--{what}: there is no file {file}")
    spec = importlib.util.spec_from_file_location(f"_{what}_of_" + re.sub(r"\W", "_", path.stem), path)
    if spec is None or spec.loader is None:
        raise ValueError(f"--{what}: {file} is not a Python file (.py)")
    module = importlib.util.module_from_spec(spec)
    try:
        with _importable(path, module):
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
        where = f" (line {lines[-1]})" if lines else ""
        raise ValueError(f"--{what}: {file} raises {type(error).__name__}: {error}{where}") from error
    found = [n for n, value in inspect.getmembers(module) if isinstance(value, kind)]
    if not isinstance(getattr(module, name, None), kind):
        close = nearest(name, found)
        hint = close if "did you mean" in close else f"; its {what}s: {', '.join(found) or 'none'}"
        raise ValueError(f"--{what}: {file} has no {what} '{name}'{hint}")
    return getattr(module, name)


@contextlib.contextmanager
def _importable(path, module):
    """Let a file import its neighbours while it runs, and forget them: another file may have others of the same names."""
    folder, before = str(path.resolve().parent), set(sys.modules)
    sys.path.insert(0, folder)
    sys.modules[module.__name__] = module  # dataclasses look for the module in which they are defined
    try:
        yield
    finally:
        sys.path.remove(folder)
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", None) or "").startswith(folder + "/"):
                del sys.modules[name]


# parsers


def add_options(parser: argparse.ArgumentParser, options: dict[str, Option]) -> None:
    """Add options to a parser, under the headings of their groups."""
    groups = {}
    for option in options.values():
        if option.group not in groups:
            groups[option.group] = parser.add_argument_group(option.group)
        option.add_to(groups[option.group])


def network_options(parser: argparse.ArgumentParser) -> None:
    """Add what chooses a task and a network."""
    names = ", ".join([*tasks.TASKS, "or ssbm:NAME"])
    parser.add_argument("task", help=f"{names}; the options of each are below")
    add_options(parser, task_options() | MODEL_OPTIONS | {k: o for k, o in OPTIONS.items() if o.group == "model"})


def run_options(parser: argparse.ArgumentParser) -> None:
    """Add what chooses a run besides."""
    add_options(parser, {k: o for k, o in OPTIONS.items() if o.group == "run"})


def machine_options(parser: argparse.ArgumentParser, options: dict[str, Option] = MACHINE) -> None:
    """Add what says where and how loudly."""
    group = parser.add_argument_group("machine and output")
    for option in options.values():
        option.add_to(group)
    group.add_argument("--quiet", action="store_true", help="no progress (default: shown)")
    group.add_argument("--json", action="store_true", help="last line of stdout: the results as JSON (default: not)")


def make_spec(args: argparse.Namespace) -> RunSpec:
    """Make the run that the options describe."""
    task, chosen = make_task(args), given(args, OPTIONS)
    model = make_model(args, task)
    try:
        return RunSpec.make(task, model, **chosen, **make_network(args))
    except ValueError as error:
        name = str(error).partition(" ")[0]  # of the argument that does not fit the others
        if name in chosen:
            raise ValueError(f"argument {OPTIONS[name].flag}: {error}") from None
        raise


def machine(args: argparse.Namespace) -> Machine:
    """Where the run is done."""
    return Machine(**given(args, MACHINE))


def quantity(unit: Any, example: str) -> Callable[[str], Any]:
    """Return an argparse type for a quantity with a unit."""
    return argument_type(Physical(example, None, unit))


def time_value(example: str) -> Callable[[str], Any]:
    """Return an argparse type for a time."""
    return argument_type(Time(example))


def number(kind: type, minimum: float) -> Callable[[str], Any]:
    """Return an argparse type for a finite number of at least `minimum`."""
    return argument_type(Whole("1", minimum=int(minimum)) if kind is int else Number("1", minimum=minimum))
