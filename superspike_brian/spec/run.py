"""What a run is: the one list of its options, with default, unit and meaning.

`train`, the command line with its help, sweeps, run folders and experiments are made from it: a field that is added here is an
argument of `train`, an option of ``superspike run``, a dimension of ``--grid``, an entry of ``run.json``, and a reason for a
sweep to refuse a folder that was made with another value.
"""

import dataclasses
import inspect
import logging
import os
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
from brian2 import Quantity

from .. import models
from ..analysis import DECODERS
from ..codegen.kernels import KERNELS, LARGE, RETIRED
from ..engine.preferences import PRECISIONS
from ..models import CLASSIFIER, READOUT, SUPERSPIKE, Architecture, Model, chain, connected
from ..network import probes
from ..network.probes import Names, Units, check_windows
from ..network.structure import DT, Structure
from ..tasks import Classification, LabelledSpikes, LabelledTask, Signal, Task, by_name
from ..tasks.pairs import warn_of_pair
from ..values.as_json import quantity_to_json, value_from_json, value_to_json, without_texts
from ..values.clock import n_steps
from ..values.kinds import Choice, File, Flag, Text, Time, Whole, check_settings, options_of, setting
from ..values.names import nearest
from ..values.quantities import readable
from ..values.renamed import with_current
from .protocol import Protocol
from .recipe import NO_RECIPE, RECIPES
from .serialize import architecture_from_json, architecture_to_json, model_from_json, model_to_json, task_to_arrays

logger = logging.getLogger(__name__)
EPOCHS, TESTS, R0_DECAY_AT = 10, 10, (0.6, 0.85)  # of a run on labelled samples, the last as parts of its duration
OUTPUTS = 20  # whose potentials probe windows of labelled samples record, at most
DEVICES = ("standalone", "runtime")
OLD_CHUNK = 125  # of runs that do not say, and of small projections ever since


@dataclasses.dataclass(frozen=True, eq=False)
class RunSpec:
    """Everything that decides the bits of a run on a machine.

    Parameters
    ----------
    task : Task or Classification
        Frozen input and target patterns, or trials; or the name of a task, which is then made with the run's seed.
    model : Model, optional
        The rule; default: `CLASSIFIER` for trials, `SUPERSPIKE` for frozen patterns, `EPROP` if the target is a signal.
    network : Architecture, optional
        Populations, projections and pathways, instead of the chain of `hidden` layers.
    protocol : Protocol
        Durations, learning rates, probes.

    Raises
    ------
    ValueError
        Naming the argument, what was found, and what was expected.
    """

    task: Task | Classification | LabelledTask
    model: Model | None = None
    hidden: tuple = setting(
        Whole("4", minimum=0),
        "units of a hidden layer; repeat for depth; 0 is none",
        (),
        unset="none",
        many=True,
        group="model",
    )
    connect: tuple = setting(
        Text("output:output"),
        "projection to add, SOURCE:TARGET, from weight 0 on; or fraction of the pairs that are connected, such as 0.1, or "
        "forward_1=0.1 of one projection; repeat for more",
        (),
        unset="all to all, from layer to layer",
        many=True,
        group="model",
    )
    recipe: str = setting(
        Choice("precise-timing", known=(NO_RECIPE, *RECIPES)),
        "settings that were found to learn well, by name; whatever else is given wins over them",
        NO_RECIPE,
        group="model",
    )
    hidden_learning: bool = setting(
        Flag("no"), "whether weights onto hidden populations are plastic", True, group="model"
    )
    dt: Quantity = setting(Time("50us"), "time step", DT, group="model")
    seed: int = setting(
        Whole("1", minimum=0),
        "seed of every random choice: initial weights, random feedback, noise, the task",
        0,
        group="model",
    )
    device: str = setting(
        Choice("runtime", known=DEVICES),
        "a compiled program, or Brian2's runtime device: no compiler, slow",
        "standalone",
    )
    precision: str = setting(Choice("single", known=tuple(PRECISIONS)), "floating-point type of the state", "double")
    kernel: str = setting(
        Choice("dense", known=("auto", *KERNELS)),
        "what plastic synapses become in C++; auto is the fastest that fits",
        "auto",
    )
    chunk: int | None = setting(
        Whole("250", minimum=1),
        "time steps after which the fast kernels are flushed; another number rounds differently in the last digit",
        None,
        unset="what fits the number of synapses",
    )
    probe_units: Any = setting(
        Units(),
        "how many units of each layer probe windows record, or which: 20, or 0,7, or output=0,7; unless given, of labelled "
        "data all outputs up to 20",
        probes.UNITS,
    )
    probe_synapses: int = setting(
        Whole("20", minimum=0), "how many synapses of each weight group probe windows record", probes.SYNAPSES
    )
    probe_variables: str | None = setting(
        Names(), "which variables of units and synapses probe windows record", None, unset=",".join(probes.VARIABLES)
    )
    decoder: str | None = setting(
        Choice("first", known=DECODERS),
        "how the answer to a trial is read: the first spike, most spikes, one unit alone, the potential at the deadline",
        None,
        unset="potential where outputs do not spike; first for labelled data, strict for other trials",
    )
    protocol: Protocol = dataclasses.field(default_factory=Protocol, metadata={"record": Protocol})
    network: Architecture | None = None

    def __post_init__(self) -> None:
        check_settings(self)
        object.__setattr__(self, "hidden", tuple(n for n in self.hidden if n))
        task = by_name(self.task, seed=self.seed) if isinstance(self.task, str) else self.task
        if isinstance(task, LabelledSpikes):
            task = LabelledTask(task.name, task)
        if type(task) not in (Task, Classification, LabelledTask):
            raise ValueError(
                f"task must be a Task, a Classification or LabelledSpikes (a subclass could not be stored), or a name such as "
                f"'spike-timing', not {_found(task)}"
            )
        object.__setattr__(self, "task", task)
        model = default_model(task) if self.model is None else self.model
        if not isinstance(model, Model):
            raise ValueError(
                f"model must be a Model, for instance SUPERSPIKE.replace(feedback=RANDOM), not {_found(model)}"
            )
        object.__setattr__(self, "model", model)
        if self.network is not None and not isinstance(self.network, Architecture):
            raise ValueError(f"network must be an Architecture, as chain([4]) makes one, not {_found(self.network)}")
        if self.network is not None and self.hidden:
            raise ValueError("hidden is the layers of a chain, and network says all that there is: give one of them")
        if self.protocol.criterion is not None and isinstance(task, Task):
            raise ValueError(f"a criterion is a fraction of correct trials, and the task {task.name} has no trials")
        if self.protocol.epochs is not None and not isinstance(task, LabelledTask):
            raise ValueError(f"epochs are of labelled samples, and the task {task.name} has none")
        if self.protocol.test_every is not None and isinstance(task, Task):
            raise ValueError(f"test_every is of trials, and the task {task.name} has none")
        if self.protocol.epochs is not None:
            duration = _duration_of(task, self.protocol.epochs, self.dt)
            object.__setattr__(self, "protocol", dataclasses.replace(self.protocol, duration=duration, epochs=None))
        if self.decoder is not None:
            self._check_decoder()
        if self.protocol.steps(self.dt) < 1:
            raise ValueError(
                f"duration {readable(self.protocol.duration)} is less than one time step of {readable(self.dt)}"
            )

    def _check_decoder(self):
        if isinstance(self.task, Task):
            raise ValueError(f"decoder reads the answers to trials, and the task {self.task.name} has none")
        readout = cast(Model, self.model).error.judged == "every"
        if readout != (self.decoder == "potential"):
            spiking = "their potentials are not recorded" if self.decoder == "potential" else "they do not spike"
            raise ValueError(f"decoder cannot be {self.decoder!r} with the outputs of this model: {spiking}")

    @classmethod
    def make(cls, task: Any, model: Model | None = None, hidden: Any = (), **options: Any) -> "RunSpec":
        """Make a spec of options by name, those of the protocol among them; ValueError if there is no such option.

        `hidden` may be an `Architecture`, instead of the units of layers; `test` are held-out samples of labelled data.
        """
        network, test = options.pop("network", None), options.pop("test", None)
        if isinstance(task, LabelledSpikes):
            task = LabelledTask(task.name, task, test)
        elif test is not None:
            raise ValueError(f"test is held-out samples of LabelledSpikes, and the task is {_found(task)}")
        if isinstance(hidden, Architecture):
            hidden, network = (), hidden
        for name in options.keys() - OPTIONS.keys():
            rule = model if isinstance(model, Model) else CLASSIFIER
            if name in rule.components or name in rule.parameters:
                raise ValueError(f"'{name}' is part of the model: give model=MODEL.replace({name}=...)")
            raise ValueError(f"a run has no option '{name}'{nearest(name, OPTIONS)}")
        known = options | {"model": model, "network": network}
        given = {name for name, value in known.items() if value is not None}
        course = {name: options.pop(name) for name in options_of(Protocol) if name in options}
        if isinstance(task, str):
            task = by_name(task, seed=OPTIONS["seed"].check(options.get("seed", OPTIONS["seed"].default)))
        if isinstance(task, LabelledTask):
            course = _course_of_epochs(task, course, OPTIONS["dt"].check(options.get("dt", DT)))
            options.setdefault("probe_units", {"output": min(task.n_outputs, OUTPUTS)})
        spec = cls(task, model, hidden, protocol=Protocol(**course), network=network, **options)
        if spec.recipe != NO_RECIPE:
            spec = RECIPES[spec.recipe].completed(spec, given)
        check_windows(spec.protocol, spec.structure, spec.task)
        if isinstance(spec.task, LabelledTask):
            warn_of_pair(spec.task.training, spec.task.test, spec.dt)
        return spec

    @cached_property
    def structure(self) -> Structure:
        """The network that the run simulates."""
        model = cast(Model, self.model)  # the task's default, if none was given
        ends = self.task.n_inputs, self.task.n_outputs
        network: Any = ends[0], *self.hidden, ends[1]
        if self.network is not None or self.connect:
            network = connected(self.network or chain(self.hidden, model.feedback), self.connect).sized(*ends)
        probed = self.probe_units, self.probe_synapses, self.probe_variables
        task = self.task
        samples = len(task.targets) if isinstance(task, Task) and isinstance(task.targets, Signal) else 0
        return Structure(model, network, self.hidden_learning, self.dt, *probed, chunk=self.chunk, samples=samples)

    @property
    def duration(self) -> Quantity:
        """Simulated time (second)."""
        return self.protocol.duration

    @property
    def n_steps(self) -> int:
        """Time steps of the whole run."""
        return n_steps(self.duration, self.dt)

    def extended(self, duration: Quantity) -> "RunSpec":
        """Return the same run with another `duration` (second)."""
        return dataclasses.replace(self, protocol=dataclasses.replace(self.protocol, duration=duration))

    def to_json(self) -> dict:
        """Everything but the task, as JSON: what ``run.json`` holds."""
        plain = {name: value_to_json(getattr(self, name)) for name in PLAIN}
        course = {name: value_to_json(getattr(self.protocol, name)) for name in options_of(Protocol)}
        own = {} if self.network is None else {"network": architecture_to_json(self.network)[0]}
        return {
            "model": model_to_json(self.structure.model),
            "sizes": list(self.structure.sizes),
            **own,
            **plain,
            "protocol": course,
        }

    def arrays(self) -> dict:
        """What a run is besides its JSON: the task, and arrays of the architecture."""
        own = {} if self.network is None else architecture_to_json(self.network)[1]
        return task_to_arrays(self.task) | own

    @classmethod
    def from_json(cls, found: dict, task: Task | Classification | LabelledTask, arrays: Mapping[str, Any]) -> "RunSpec":
        """Inverse of `to_json` and `arrays`; options younger than the run have their defaults, retired kernels a successor."""
        plain = {"chunk": OLD_CHUNK} | {name: value_from_json(found[name]) for name in PLAIN if name in found}
        if isinstance(kernel := plain.get("kernel"), str) and kernel in RETIRED:
            plain["kernel"] = RETIRED[kernel]
            _warn_once(
                f"the kernel '{kernel}' is gone: '{plain['kernel']}' takes its place, with results equal to about 1e-10"
            )
        course = {name: value_from_json(value) for name, value in found["protocol"].items()}
        network, hidden = None, tuple(found["sizes"])[1:-1]
        if "network" in found:
            network, hidden = architecture_from_json(found["network"], arrays), ()
        model = model_from_json(found["model"])
        return cls(task, model, hidden, protocol=Protocol(**course), network=network, **plain)

    def differences(self, other: "RunSpec") -> list[str]:
        """Name what another run has otherwise; a duration may differ."""
        until = min(self.n_steps, other.n_steps)
        mine, theirs = self._facts(until), other._facts(until)
        return [name for name in dict.fromkeys([*mine, *theirs]) if not _equal(mine.get(name), theirs.get(name))]

    def _facts(self, until):
        """What is compared between two runs, by name; probes up to a step."""
        entries = self.to_json()
        facts = {name: entries[name] for name in PLAIN} | {"sizes": entries["sizes"]}
        facts["probe_variables"] = _today(self.probe_variables or "")
        facts |= {name: value for name, value in entries["protocol"].items() if name not in ("duration", *_PROBES)}
        facts["probe_at"] = sorted(step for step in self.protocol.probes(self.dt) if step < until)
        windows = self.protocol.learning_windows(self.dt, self.task.period)
        facts["probe_learning"] = [start for start, _ in windows if start < until]
        for kind, component in self.structure.model.components.items():
            facts |= {f"{field} of the {kind}": _today(code) for field, code in component.strings.items()}
            facts |= {f"{_today(k)} of the {kind}": quantity_to_json(v)[:2] for k, v in component.parameters.items()}
        if self.chunk is None and max(map(self.structure.n_synapses_of, self.structure.projections)) < LARGE:
            facts["chunk"] = OLD_CHUNK  # which it is, too
        facts |= {
            f"{kind} of the network": without_texts(records, _today)
            for kind, records in entries.get("network", {}).items()
        }
        return facts | {k: v for k, v in self.arrays().items() if k not in ("name", "source")}


_PROBES = ("probe_at", "probe_every", "probe_learning")
OPTIONS = options_of(RunSpec)
PLAIN = tuple(name for name in OPTIONS if name not in options_of(Protocol) and name != "hidden")


@dataclasses.dataclass(frozen=True)
class Machine:
    """Where and with how many cores a run is done; it changes no bit of the result."""

    build_dir: Path | str | None = setting(
        File("programs", "DIR"),
        "where programs are built and kept",
        None,
        unset="your cache folder",
        group="machine and output",
    )
    threads: int | None = setting(
        Whole("2", minimum=1), "cores to use; same bits with any", None, unset="all", group="machine and output"
    )

    def __post_init__(self) -> None:
        check_settings(self)

    @property
    def n_threads(self) -> int:
        """Number of cores to use."""
        return self.threads or os.cpu_count() or 1


def default_model(task: Task | Classification | LabelledTask) -> Model:
    """The model that is taken for a task unless one is given."""
    if isinstance(task, LabelledTask):
        return READOUT
    if isinstance(task, Classification):
        return CLASSIFIER
    return models.EPROP if isinstance(task.targets, Signal) else SUPERSPIKE


def _duration_of(task, epochs, dt):
    return round(epochs * task.epoch(dt)) * dt


def _course_of_epochs(task, course, dt):
    """The course of a run on labelled samples: what was not given follows from the length of an epoch."""
    if course.get("epochs") is not None and course.get("duration") is not None:
        raise ValueError("epochs and duration: give one of them")
    if course.get("duration") is None:
        epochs = EPOCHS if course.get("epochs") is None else Protocol(epochs=course["epochs"]).epochs
        course = course | {"duration": _duration_of(task, epochs, dt), "epochs": None}
    length = n_steps(Protocol(**course).duration, dt)
    if course.get("r0_decay_at") is None:
        course = course | {"r0_decay_at": tuple(round(part * length) * dt for part in R0_DECAY_AT)}
    if task.test is not None and course.get("test_every") is None:
        course = course | {"test_every": max(1, length // TESTS) * dt}
    return course


def takes_options(function: Any) -> Any:
    """Decorator: document the options of a run, and show them in the signature, where a function takes ``**options``."""
    lines = []
    for option in OPTIONS.values():
        if option.name not in inspect.signature(function).parameters:
            lines.append(
                f"{option.name}\n    {option.help[0].upper()}{option.help[1:]}; default: {option.shown_default}."
            )
    function.__doc__ = (inspect.getdoc(function) or "").replace(
        "**options\n", "\n".join([*lines, ""]), 1
    )  # 3.13 has it dedented
    signature = inspect.signature(function)
    parameters = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    known = {p.name for p in parameters}
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters += [
        inspect.Parameter(o.name, keyword, default=o.default) for o in OPTIONS.values() if o.name not in known
    ]
    function.__signature__ = signature.replace(parameters=parameters)
    return function


def _today(code):
    """Code without what makes no difference: names of older versions, and spaces."""
    return " ".join(with_current(code).replace("\n", " ; ").split())


@cache
def _warn_once(message):
    logger.warning(message)


def _equal(one, two):
    if not isinstance(one, np.ndarray) and not isinstance(two, np.ndarray):
        return one == two
    numbers = all(np.asarray(each).dtype.kind == "f" for each in (one, two))
    return np.array_equal(one, two, equal_nan=numbers)  # a signal is NaN where there is no target


def _found(value):
    return f"{value!r}" if isinstance(value, str | int | float | type(None)) else f"a {type(value).__name__}"
